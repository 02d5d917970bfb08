//! One read of an org for all connectors that ask it the same question at the same time (RULES 2).
//!
//! Connectors meet before a read begins, never after: what a run sees was read after the run was asked for (RULES 3). The read
//! brings what all of them want, and each gets its part of it. What keeps one list from being read to its end does
//! so for all of them. The read ends early only when nobody waits for it any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};
use tracing::Instrument;

use super::cache::CachedLists;
use super::{Changes, GroupFilter, Inspection, Questions, ReadRequest, Since, Source, SourceError};
use crate::config::model::OktaSettings;
use crate::sync::model::{MembersFrom, Proof, SourceAddress, SourceSnapshot};
use crate::sync::progress::{Progress, RunControl};

/// How long the first one waits for the others: what is due at the same time comes within moments.
const GATHERING: Duration = Duration::from_millis(500);

/// How many connectors that can run have these settings of their source.
pub type Partners = Box<dyn Fn(&OktaSettings) -> usize + Send + Sync>;

/// Where connectors meet, cheap to clone.
#[derive(Clone, Default)]
pub struct Sharing(Arc<Inner>);

#[derive(Default)]
struct Inner {
    partners: OnceLock<Partners>,
    meetings: Mutex<HashMap<OktaSettings, Meeting>>,
}

/// Those who wait for a read that has not begun.
struct Meeting {
    seats: Vec<Seat>,
    /// Told when all who may come are there.
    full: Arc<Notify>,
}

/// One who waits.
struct Seat {
    request: ReadRequest,
    control: RunControl,
    answer: oneshot::Sender<Result<SourceSnapshot, SourceError>>,
}

/// A source whose reads are shared with others of the same settings.
pub struct Shared {
    settings: OktaSettings,
    source: Arc<dyn Source>,
    sharing: Sharing,
}

impl Sharing {
    /// Before this is called, nobody waits for anybody: it says whom to ask how many may come. Only the first call counts.
    pub fn ask(&self, partners: Partners) {
        drop(self.0.partners.set(partners));
    }

    /// A source that meets others of the same settings before it reads.
    #[must_use]
    pub fn source(&self, settings: OktaSettings, source: Arc<dyn Source>) -> Shared {
        Shared { settings, source, sharing: self.clone() }
    }

    fn partners(&self, settings: &OktaSettings) -> usize {
        self.0.partners.get().map_or(1, |partners| partners(settings))
    }

    fn meetings(&self) -> MutexGuard<'_, HashMap<OktaSettings, Meeting>> {
        self.0.meetings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a seat in the meeting, or opens one.
    fn join(&self, shared: &Shared, seat: Seat, partners: usize) {
        let mut meetings = self.meetings();
        if let Some(meeting) = meetings.get_mut(&shared.settings) {
            meeting.seats.push(seat);
            if meeting.seats.len() >= partners {
                meeting.full.notify_one();
            }
            return;
        }
        let full = Arc::new(Notify::new());
        let meeting = Meeting { seats: vec![seat], full: Arc::clone(&full) };
        meetings.insert(shared.settings.clone(), meeting);
        let (sharing, settings, source) = (self.clone(), shared.settings.clone(), Arc::clone(&shared.source));
        let read = async move {
            // Whichever comes first: nobody is waited for longer than that.
            drop(tokio::time::timeout(GATHERING, full.notified()).await);
            let seats = sharing.meetings().remove(&settings).map(|meeting| meeting.seats);
            read_for_all(source.as_ref(), seats.unwrap_or_default()).await;
        };
        // What is said of it is said in the name of whoever came first.
        tokio::spawn(read.in_current_span());
    }
}

/// Reads once, and gives each its part.
async fn read_for_all(source: &dyn Source, mut seats: Vec<Seat>) {
    let request = together(seats.iter().map(|seat| &seat.request));
    let control = RunControl {
        progress: Progress::of_all(seats.iter().map(|seat| &seat.control.progress)),
        ..RunControl::default()
    };
    if seats.len() > 1 {
        tracing::info!("{} connectors ask Okta the same, and share one read", seats.len());
    }
    let read = tokio::select! {
        biased;
        () = all_gone(&mut seats) => return,
        read = source.read(&request, &control) => read,
    };
    let last = seats.len().saturating_sub(1);
    let mut read = Some(read);
    for (at, seat) in seats.into_iter().enumerate() {
        // The last one takes what the others got copies of.
        let copy = if at == last { read.take() } else { read.clone() };
        let part = copy.map(|read| read.map(|snapshot| part_of(snapshot, &seat.request)));
        if let Some(part) = part {
            // Whoever was cancelled does not hear it.
            drop(seat.answer.send(part));
        }
    }
}

/// Ends when everybody was cancelled or went away.
async fn all_gone(seats: &mut [Seat]) {
    for seat in seats {
        tokio::select! {
            () = seat.control.cancel.cancelled() => {}
            () = seat.answer.closed() => {}
        }
    }
}

/// What brings everything that any of these wants.
fn together<'r>(requests: impl Iterator<Item = &'r ReadRequest> + Clone) -> ReadRequest {
    let any = |filter: fn(&ReadRequest) -> &GroupFilter| {
        let filters: Vec<GroupFilter> = requests.clone().map(filter).cloned().collect();
        GroupFilter(Arc::new(move |name| filters.iter().any(|filter| (filter.0)(name))))
    };
    let (wants_members, decides) = (any(|one| &one.wants_members), any(|one| &one.decides));
    let attributes: std::collections::BTreeSet<_> =
        requests.clone().flat_map(|request| request.attributes.iter().cloned()).collect();
    ReadRequest {
        attributes: attributes.into_iter().collect(),
        wants_members,
        decides,
        groups_with_memberships: requests
            .clone()
            .flat_map(|one| one.groups_with_memberships.clone())
            .collect(),
        member_lists: Arc::new(CachedLists::together(requests.map(|one| one.member_lists.as_ref()))),
    }
}

/// What a read for this request alone would have brought.
fn part_of(mut snapshot: SourceSnapshot, request: &ReadRequest) -> SourceSnapshot {
    for group in &mut snapshot.groups {
        if !(request.wants_members.0)(&group.name) {
            group.members = Vec::new();
            group.members_proof = Proof::Proven;
            group.members_from = MembersFrom::Nowhere;
        }
    }
    if snapshot.attribute_names != request.attributes {
        let places: Vec<Option<usize>> =
            request.attributes.iter().map(|name| snapshot.attribute_names.binary_search(name).ok()).collect();
        for user in &mut snapshot.users {
            let value = |place: &Option<usize>| place.and_then(|at| user.attributes.get(at)).cloned();
            user.attributes = places.iter().map(|place| value(place).unwrap_or_default()).collect();
        }
        snapshot.attribute_names = Arc::clone(&request.attributes);
    }
    snapshot
}

#[async_trait]
impl Source for Shared {
    async fn address(&self, control: &RunControl) -> Result<SourceAddress, SourceError> {
        self.source.address(control).await
    }

    async fn read(&self, request: &ReadRequest, control: &RunControl) -> Result<SourceSnapshot, SourceError> {
        let partners = self.sharing.partners(&self.settings);
        if partners < 2 {
            return self.source.read(request, control).await;
        }
        let (answer, part) = oneshot::channel();
        self.sharing.join(
            self,
            Seat { request: request.clone(), control: control.clone(), answer },
            partners,
        );
        tokio::select! {
            biased;
            () = control.cancel.cancelled() => Err(SourceError::Cancelled),
            part = part => part.unwrap_or_else(|_| Err(broken_off())),
        }
    }

    async fn read_changes(
        &self,
        snapshot: &mut SourceSnapshot,
        since: &Since,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<Changes, SourceError> {
        self.source.read_changes(snapshot, since, request, control).await
    }

    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<(), SourceError> {
        self.source.confirm(snapshot, questions, request, control).await
    }

    async fn read_user(
        &self,
        id_or_login: &str,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        self.source.read_user(id_or_login, request, control).await
    }

    async fn read_groups(
        &self,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        self.source.read_groups(request, control).await
    }

    async fn inspect(&self, request: &ReadRequest, control: &RunControl) -> Result<Inspection, SourceError> {
        self.source.inspect(request, control).await
    }
}

fn broken_off() -> SourceError {
    SourceError::Unreachable(
        "internal error, please report it: a read of Okta that several connectors share broke off; nothing was changed"
            .to_owned(),
    )
}

#[cfg(test)]
#[path = "sharing_tests.rs"]
mod tests;
