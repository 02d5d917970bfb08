//! Reading everything: users, then groups with their members. A list is whole when as many different ids came as it
//! promised; anything else is read once more, since lists move while they are paged, and then is an error.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use compact_str::CompactString;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::Scim;
use super::schema::{self, GroupRecord, Page, Positions};
use crate::sync::model::{Proof, TargetGroup, TargetSnapshot};
use crate::sync::progress::RunControl;
use crate::target::server::{Ask, Server};
use crate::target::{Interest, TargetError};

/// Groups bring all their members along: so many are asked for first, to see how long they are.
const FIRST_GROUPS: usize = 100;
/// Then as many as make a page of about this size, in bytes.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Reads a service.
pub(super) async fn read(
    scim: &Scim,
    server: &Server,
    interest: &Interest,
    control: &RunControl,
) -> Result<TargetSnapshot, TargetError> {
    let most = learn(scim, server, control).await?;
    let dialect = scim.dialect;
    let list = List { server, control, at_once: dialect.capabilities.pace.at_once };
    let users = list
        .whole("Users", "the list of users", (most, most), &|body| schema::users_page(body, dialect))
        .await?;
    control.progress.users_read(users.len() as u64);
    let positions: Positions = users.iter().zip(0u32..).map(|(user, at)| (user.id.0.clone(), at)).collect();
    let groups = list
        .whole("Groups", "the list of groups", (most.min(FIRST_GROUPS), most), &|body| {
            schema::groups_page(body, &positions)
        })
        .await?;
    let groups = with_members(scim, list, groups, &positions, interest).await?;
    let groups = groups.into_iter().map(|group| TargetGroup {
        id: group.id,
        attributes: group.attributes,
        members: group.members.unwrap_or_default(),
        members_proof: Proof::Proven,
        source: group.source,
    });
    Ok(TargetSnapshot { users, groups: groups.collect() })
}

/// Asks for one user and for one group.
pub(super) async fn try_out(scim: &Scim, server: &Server, control: &RunControl) -> Result<(), TargetError> {
    let list = List { server, control, at_once: 1 };
    let (users, groups) = ("the list of users", "the list of groups");
    let dialect = scim.dialect;
    let read = list.page("Users", users, 1, 1, &|body| schema::users_page(body, dialect)).await;
    read.map_err(|broken| list.failed(users, broken))?;
    let nobody = Positions::default();
    let read = list.page("Groups", groups, 1, 1, &|body| schema::groups_page(body, &nobody)).await;
    read.map_err(|broken| list.failed(groups, broken))?;
    Ok(())
}

/// Asks the service what it can do, and returns how many records it may be asked for at once. One that does not say can what
/// most can.
async fn learn(scim: &Scim, server: &Server, control: &RunControl) -> Result<usize, TargetError> {
    let most = scim.dialect.capabilities.pace.page;
    if !scim.dialect.has_configuration {
        return Ok(most);
    }
    let what = "what it can do";
    let ask = Ask::get(server.url(&["ServiceProviderConfig"], &[]), what);
    let read = |body: &[u8]| Ok(serde_json::from_slice::<Value>(body).unwrap_or_default());
    match server.read(ask, control, read).await {
        Ok(Ok(configuration)) => {
            if configuration["patch"]["supported"].as_bool() == Some(false) {
                scim.manners.patches.store(false, Ordering::Relaxed);
            }
            let promised = configuration["filter"]["maxResults"].as_u64().filter(|most| *most > 0);
            let promised = promised.and_then(|most| usize::try_from(most).ok());
            Ok(promised.unwrap_or(most).min(most))
        }
        // Some keep it to themselves.
        Ok(Err(_)) => Ok(most),
        Err(failed) => Err(server.unread(what, failed)),
    }
}

/// Some services show members only of a group that is asked for by its id. Where the list shows members of any group, one
/// that it shows without has none (RFC 7643, section 2.5), unless the ledger knows better.
async fn with_members(
    scim: &Scim,
    list: List<'_>,
    groups: Vec<GroupRecord>,
    positions: &Positions,
    interest: &Interest,
) -> Result<Vec<GroupRecord>, TargetError> {
    let List { server, control, at_once } = list;
    let capabilities = scim.dialect.capabilities;
    let list_shows_members = groups.iter().any(|group| group.members.is_some());
    let completed = groups.into_iter().map(|group| async move {
        let needed = group.members.is_none()
            && (!list_shows_members || interest.filled.contains(&group.id))
            && interest.needs_members(&group.id, &group.attributes.name, capabilities);
        if !needed {
            return Ok(Some(group));
        }
        let what = format!("group {}", group.attributes.name);
        let ask = Ask::get(server.url(&["Groups", &group.id.0], &[]), &what);
        let read = server.read(ask, control, |body| schema::group(body, positions)).await;
        match read {
            Ok(Ok(whole)) if whole.id == group.id => Ok(Some(whole)),
            Ok(Ok(_)) => Err(server.incomplete(&what, "the answer is about another group")),
            // Somebody deleted it in this moment.
            Ok(Err(reply)) if reply.status == reqwest::StatusCode::NOT_FOUND => Ok(None),
            Ok(Err(reply)) => Err(server.unreadable(&what, &reply)),
            Err(failed) => Err(server.unread(&what, failed)),
        }
    });
    let groups: Vec<Option<GroupRecord>> = stream::iter(completed).buffered(at_once).try_collect().await?;
    Ok(groups.into_iter().flatten().collect())
}

/// How to read a page of records.
type ReadPage<'a, T> = &'a (dyn Fn(&[u8]) -> Result<Page<T>, String> + Send + Sync);

/// What reading lists needs.
#[derive(Clone, Copy)]
struct List<'a> {
    server: &'a Server,
    control: &'a RunControl,
    at_once: usize,
}

/// Why a list is not whole.
enum Broken {
    /// It moved, or it does not add up: another look may help.
    Unclear(String),
    Failed(TargetError),
}

impl<'a> List<'a> {
    /// All records of a list: `sizes` says how many are asked for first, and then at most.
    async fn whole<T: Send>(
        self,
        resource: &str,
        what: &str,
        sizes: (usize, usize),
        read: ReadPage<'_, T>,
    ) -> Result<Vec<T>, TargetError> {
        let first = self.once(resource, what, sizes, read).await;
        let again = match first {
            Err(Broken::Unclear(why)) => {
                tracing::info!(why, "{what} is read once more");
                self.once(resource, what, sizes, read).await
            }
            other => other,
        };
        again.map_err(|broken| self.failed(what, broken))
    }

    fn failed(&self, what: &str, broken: Broken) -> TargetError {
        match broken {
            Broken::Unclear(why) => self.server.incomplete(what, &why),
            Broken::Failed(error) => error,
        }
    }

    async fn once<T: Send>(
        self,
        resource: &str,
        what: &str,
        (size, most): (usize, usize),
        read: ReadPage<'_, T>,
    ) -> Result<Vec<T>, Broken> {
        let first = self.page(resource, what, 1, size, read).await?;
        let fitting = first.fitting(PAGE_BYTES).min(most);
        let total = first.total;
        let served = first.records.len() as u64;
        let mut records = Collected::new(total);
        records.take(first.records)?;
        if served == 0 && total > 0 {
            return Err(Broken::Unclear(format!("it promises {total} records and brings none")));
        }
        // The service decides how many come in a page; the rest is asked for in pieces of that size, or of a greater one where
        // it brought as many as it was asked for.
        let whole_page = u64::try_from(size).is_ok_and(|size| size == served);
        let piece = if whole_page { served.max(fitting as u64) } else { served };
        let starts = (served + 1..=total).step_by(usize::try_from(piece.max(1)).unwrap_or(usize::MAX));
        let pieces = starts.map(|start| {
            let end = (start + piece - 1).min(total);
            self.piece(resource, what, start, end, total, read)
        });
        let mut pieces = stream::iter(pieces).buffered(self.at_once);
        while let Some(piece) = pieces.next().await {
            records.take(piece?)?;
        }
        records.finish()
    }

    /// The records from `start` to `end`, in as many pages as the service wants.
    async fn piece<T: Send>(
        self,
        resource: &str,
        what: &str,
        start: u64,
        end: u64,
        total: u64,
        read: ReadPage<'_, T>,
    ) -> Result<Vec<(CompactString, T)>, Broken> {
        let mut records = Vec::new();
        let mut at = start;
        while at <= end {
            let size = usize::try_from(end - at + 1).unwrap_or(usize::MAX);
            let page = self.page(resource, what, at, size, read).await?;
            if page.total != total {
                return Err(Broken::Unclear(format!(
                    "it promised {total} records, and then {}: it changed while it was read",
                    page.total
                )));
            }
            if page.records.is_empty() {
                return Err(Broken::Unclear(format!("it promises {total} records and ends at {}", at - 1)));
            }
            at += page.records.len() as u64;
            records.extend(page.records);
        }
        Ok(records)
    }

    async fn page<T>(
        self,
        resource: &str,
        what: &str,
        start: u64,
        size: usize,
        read: ReadPage<'_, T>,
    ) -> Result<Page<T>, Broken> {
        let (from, count) = (start.to_string(), size.to_string());
        let url = self.server.url(&[resource], &[("startIndex", &from), ("count", &count)]);
        let page = self.server.must_read(Ask::get(url, what), self.control, read).await;
        let page = page.map_err(Broken::Failed)?;
        match page.start {
            Some(said) if said != start && !page.records.is_empty() => {
                Err(Broken::Unclear(format!("the page from {start} says that it starts at {said}")))
            }
            _ => Ok(page),
        }
    }
}

/// Records so far, each once.
struct Collected<T> {
    total: u64,
    ids: HashSet<CompactString>,
    records: Vec<T>,
}

impl<T> Collected<T> {
    fn new(total: u64) -> Self {
        let room = usize::try_from(total).unwrap_or_default().min(1 << 20);
        Self { total, ids: HashSet::with_capacity(room), records: Vec::with_capacity(room) }
    }

    fn take(&mut self, records: Vec<(CompactString, T)>) -> Result<(), Broken> {
        for (id, record) in records {
            if self.ids.contains(&id) {
                return Err(Broken::Unclear(format!(
                    "{id} came twice: the service may not honour startIndex, or the list changed while it was read"
                )));
            }
            self.ids.insert(id);
            self.records.push(record);
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<T>, Broken> {
        let came = self.records.len() as u64;
        if came == self.total {
            return Ok(self.records);
        }
        Err(Broken::Unclear(format!("it promises {} records and {came} came", self.total)))
    }
}
