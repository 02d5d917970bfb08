//! Who meets, what is asked for all of them, and what each gets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use compact_str::CompactString;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;
use crate::config::model::{Auth, SecretRef};
use crate::sync::model::{AttributeValue, Member, People, SourceGroup, SourceId, SourceUser, Status};

/// A source that answers when it is let, and counts.
struct Fake {
    reads: AtomicUsize,
    given_up: Arc<AtomicUsize>,
    asked: Mutex<Vec<ReadRequest>>,
    begun: Notify,
    go: Semaphore,
    fails: bool,
}

/// Counts a read that was dropped before its end.
struct Reading(Option<Arc<AtomicUsize>>);

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(given_up) = &self.0 {
            given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl Source for Fake {
    async fn address(&self, _: &RunControl) -> Result<SourceAddress, SourceError> {
        Ok(SourceAddress::default())
    }
    async fn read(&self, request: &ReadRequest, control: &RunControl) -> Result<SourceSnapshot, SourceError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push(request.clone());
        control.progress.request_sent();
        control.progress.users_read(2);
        let mut reading = Reading(Some(Arc::clone(&self.given_up)));
        self.begun.notify_one();
        self.go.acquire().await.unwrap().forget();
        reading.0 = None;
        if self.fails { Err(SourceError::Refused("no".to_owned())) } else { Ok(snapshot(request)) }
    }
    async fn read_changes(
        &self,
        _: &mut SourceSnapshot,
        _: &Since,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<Changes, SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn confirm(
        &self,
        _: &mut SourceSnapshot,
        _: &Questions,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<(), SourceError> {
        Ok(())
    }
    async fn read_user(
        &self,
        _: &str,
        r: &ReadRequest,
        _: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        Ok(snapshot(r))
    }
    async fn read_groups(&self, r: &ReadRequest, _: &RunControl) -> Result<SourceSnapshot, SourceError> {
        Ok(snapshot(r))
    }
    async fn inspect(&self, _: &ReadRequest, _: &RunControl) -> Result<Inspection, SourceError> {
        Err(SourceError::Cancelled)
    }
}

/// One user whose attributes say their own names, in two groups; members only of groups that are wanted.
fn snapshot(request: &ReadRequest) -> SourceSnapshot {
    let mut people = People::default();
    let person = people.intern("u1");
    let group = |id: &str, name: &str| SourceGroup {
        id: id.into(),
        name: name.into(),
        description: CompactString::default(),
        everyone: false,
        members: if (request.wants_members.0)(name) {
            vec![Member { person, status: Status::Active }]
        } else {
            Vec::new()
        },
        // Alone, a list that is not wanted is empty and proven.
        members_proof: match (request.wants_members.0)(name) {
            true => Proof::NotProven("a page did not come".to_owned()),
            false => Proof::Proven,
        },
        members_changed: CompactString::default(),
        members_from: Default::default(),
        changed: Default::default(),
    };
    let attributes = request.attributes.iter().map(|name| AttributeValue::Text(name.clone())).collect();
    SourceSnapshot {
        address: SourceAddress::default(),
        attribute_names: Arc::clone(&request.attributes),
        users: vec![SourceUser { id: "u1".into(), status: Status::Active, attributes }],
        groups: vec![group("g1", "staff"), group("g2", "board")],
        people,
        began: None,
        users_proof: Proof::Proven,
        users_narrowed: false,
        of_one_user: false,
        of_changes: None,
        groups_proof: Proof::Proven,
        unreadable: BTreeSet::new(),
        absences: BTreeMap::new(),
        own_groups_asked: BTreeSet::new(),
        findings: Vec::new(),
    }
}

fn request(attributes: &[&str], group: &'static str) -> ReadRequest {
    ReadRequest {
        attributes: attributes.iter().map(|name| CompactString::from(*name)).collect(),
        wants_members: GroupFilter(Arc::new(move |name| name == group)),
        decides: GroupFilter(Arc::new(move |name| name == group)),
        groups_with_memberships: [SourceId::from(group)].into(),
        member_lists: Arc::default(),
    }
}

fn settings(origin: &str) -> OktaSettings {
    OktaSettings {
        authorities: None,
        origin: origin.parse().unwrap(),
        auth: Auth::ApiToken(SecretRef::Credential("okta".to_owned())),
        rate_budget: 50,
        skinny_users: false,
        users_search: None,
        groups_search: None,
        app: None,
    }
}

/// Two connectors of one org, whose reads may end `go` times.
struct Org {
    fake: Arc<Fake>,
    sharing: Sharing,
}

impl Org {
    fn new(partners: usize, go: usize) -> Self {
        Self::that(partners, go, false)
    }

    fn that(partners: usize, go: usize, fails: bool) -> Self {
        let fake = Fake {
            reads: AtomicUsize::new(0),
            given_up: Arc::default(),
            asked: Mutex::default(),
            begun: Notify::new(),
            go: Semaphore::new(go),
            fails,
        };
        let sharing = Sharing::default();
        sharing.ask(Box::new(move |settings| if settings.rate_budget == 50 { partners } else { 1 }));
        Self { fake: Arc::new(fake), sharing }
    }

    fn source(&self) -> Shared {
        self.sharing.source(settings("https://acme.okta.com"), Arc::clone(&self.fake) as Arc<dyn Source>)
    }

    fn reads(&self) -> usize {
        self.fake.reads.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn rule_2_who_asks_the_same_org_at_the_same_time_shares_one_read_and_gets_its_own_part() {
    let org = Org::new(2, 1);
    let (one, other) = (org.source(), org.source());
    let (ask_one, ask_other) = (
        request(&["lastLogin", "profile.login"], "staff"),
        request(&["profile.email", "profile.login"], "board"),
    );
    let (control_one, control_other) = (RunControl::default(), RunControl::default());
    let began = Instant::now();
    let (read_one, read_other) =
        tokio::join!(one.read(&ask_one, &control_one), other.read(&ask_other, &control_other));
    assert_eq!(org.reads(), 1);
    assert_eq!(Instant::now(), began, "nobody is waited for when all are there");
    let asked = org.fake.asked.lock().unwrap()[0].clone();
    assert_eq!(asked.attributes[..], ["lastLogin", "profile.email", "profile.login"]);
    assert_eq!(asked.groups_with_memberships, ["board".into(), "staff".into()].into());
    for group in ["staff", "board"] {
        assert!((asked.wants_members.0)(group) && (asked.decides.0)(group));
    }
    assert!(!(asked.decides.0)("other") && !(asked.wants_members.0)("other"));
    for (read, ask) in [(read_one.unwrap(), ask_one), (read_other.unwrap(), ask_other)] {
        let alone = snapshot(&ask);
        assert_eq!((read.attribute_names, read.users), (alone.attribute_names, alone.users));
        assert_eq!(read.groups, alone.groups);
    }
    for control in [control_one, control_other] {
        let view = control.progress.view();
        assert_eq!((view.requests, view.users_read), (1, 2), "each sees what is done for it");
    }
}

#[tokio::test(start_paused = true)]
async fn one_alone_waits_for_nobody_and_one_of_several_only_for_a_moment() {
    let began = Instant::now();
    Org::new(1, 1).source().read(&request(&[], "staff"), &RunControl::default()).await.unwrap();
    assert_eq!(Instant::now(), began);
    let org = Org::new(2, 1);
    org.source().read(&request(&[], "staff"), &RunControl::default()).await.unwrap();
    assert_eq!(Instant::now() - began, GATHERING);
}

#[tokio::test(start_paused = true)]
async fn rule_3_whoever_comes_when_a_read_has_begun_gets_another() {
    let org = Org::new(2, 0);
    let (one, late) = (org.source(), org.source());
    let control = RunControl::default();
    let ask = request(&[], "staff");
    let comes_late = async {
        org.fake.begun.notified().await;
        org.fake.go.add_permits(2);
        late.read(&ask, &control).await
    };
    let (first, second) = tokio::join!(one.read(&ask, &control), comes_late);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(org.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_settings_are_another_question() {
    let org = Org::new(2, 2);
    let other = OktaSettings { app: Some("0oa1".to_owned()), ..settings("https://acme.okta.com") };
    let other = org.sharing.source(other, Arc::clone(&org.fake) as Arc<dyn Source>);
    let (ask, control) = (request(&[], "staff"), RunControl::default());
    let one = org.source();
    let (first, second) = tokio::join!(one.read(&ask, &control), other.read(&ask, &control));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(org.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_goes_on_while_somebody_waits_for_it_and_ends_with_the_last() {
    for both in [false, true] {
        let org = Org::new(2, 0);
        let (one, other) = (org.source(), org.source());
        let (control, others) = (RunControl::default(), RunControl::default());
        let ask = request(&[], "staff");
        let cancel = async {
            org.fake.begun.notified().await;
            control.cancel.cancel();
            if both {
                others.cancel.cancel();
                // Until nobody reads any more.
                while org.fake.given_up.load(Ordering::SeqCst) == 0 {
                    tokio::task::yield_now().await;
                }
            }
            org.fake.go.add_permits(1);
        };
        let (first, second, ()) = tokio::join!(one.read(&ask, &control), other.read(&ask, &others), cancel);
        assert!(matches!(first, Err(SourceError::Cancelled)));
        assert_eq!(second.is_ok(), !both);
        assert_eq!(org.fake.given_up.load(Ordering::SeqCst), usize::from(both));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_everybodys() {
    let org = Org::that(2, 1, true);
    let (one, other) = (org.source(), org.source());
    let (ask, control) = (request(&[], "staff"), RunControl::default());
    let (first, second) = tokio::join!(one.read(&ask, &control), other.read(&ask, &control));
    for read in [first, second] {
        assert_eq!(read.unwrap_err().to_string(), "no");
    }
    assert_eq!(org.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_ends_when_whoever_waited_for_it_went_away() {
    let org = Org::new(2, 0);
    let (one, other) = (org.source(), org.source());
    let (ask, control) = (request(&[], "staff"), RunControl::default());
    {
        let both = futures_util::future::join(one.read(&ask, &control), other.read(&ask, &control));
        tokio::select! {
            _ = both => panic!("nobody lets it end"),
            () = org.fake.begun.notified() => {}
        }
    }
    while org.fake.given_up.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}
