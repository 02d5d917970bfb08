//! A small world: an org that can be changed, a target in memory, and the ledger between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use compact_str::CompactString;

pub(super) use super::org::*;

use crate::config::model::{ChangesFrom, Connector, IncrementalSettings, Missed, ScheduleSettings};
use crate::store::{Links, Store};
use crate::sync::decision::UndoDocument;
use crate::sync::engine::{
    self, ChangesEnd, Keeping, Relinking, RunTicket, Services, Undoing, UserRequest, sync,
};
use crate::sync::explain::Explanation;
use crate::sync::model::*;
use crate::sync::progress::RunControl;
use crate::sync::report::{PlanDocument, Report, Trigger};
use crate::sync::rules::{Globs, Rules};
use crate::target::{Capabilities, Interest, Pace, Reader, TargetError, Write, WriteError, Writer, Written};

/// Those of the built-in directory; groups of two are created with their members.
pub(super) const CAPABILITIES: Capabilities = {
    let directory = crate::target::directory::CAPABILITIES;
    Capabilities { pace: Pace { new_group: 2, ..directory.pace }, ..directory }
};

/// The target in memory, with a way to fail in the middle of a batch.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) users: BTreeMap<TargetId, TargetUser>,
    pub(super) groups: BTreeMap<TargetId, (GroupAttributes, BTreeSet<TargetId>)>,
    /// Ids of the source that it keeps of groups.
    pub(super) group_sources: BTreeMap<TargetId, SourceId>,
    pub(super) next: u32,
    /// What it can do.
    pub(super) capabilities: Capabilities,
    /// How often a run has read it.
    pub(super) reads: u32,
    /// Every write that had an effect.
    pub(super) log: Vec<Write>,
    /// With the effect of this many more writes done, the process dies before anybody hears of the last.
    pub(super) dies_behind: Option<usize>,
    /// After so many more writes the process dies.
    pub(super) dies_after: Option<usize>,
    /// Creating a group of this name has its effect, and the answer gets lost.
    pub(super) loses_answer: Option<String>,
    /// New groups have no members, whatever they are created with.
    pub(super) leaves_groups_empty: bool,
    /// The run is cancelled while a write on an object of this name waits for its turn.
    pub(super) never_sends: Option<(String, tokio_util::sync::CancellationToken)>,
    /// Writes on an object of this name fail.
    pub(super) refuses: Option<String>,
    /// Cancelled by the n-th write from now.
    pub(super) cancels: Option<(usize, tokio_util::sync::CancellationToken)>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            group_sources: BTreeMap::new(),
            next: 0,
            capabilities: CAPABILITIES,
            reads: 0,
            log: Vec::new(),
            dies_behind: None,
            dies_after: None,
            leaves_groups_empty: false,
            loses_answer: None,
            never_sends: None,
            refuses: None,
            cancels: None,
        }
    }
}

impl Memory {
    fn id(&mut self) -> TargetId {
        self.next += 1;
        TargetId(format!("t{:04}", self.next).into())
    }

    pub(super) fn add_user(&mut self, username: &str) -> TargetId {
        let id = self.id();
        let attributes = UserAttributes { username: username.into(), ..UserAttributes::default() };
        self.users.insert(id.clone(), TargetUser { id: id.clone(), attributes, active: true, source: None });
        id
    }

    pub(super) fn add_group(&mut self, name: &str, members: &[&TargetId]) -> TargetId {
        let id = self.id();
        let attributes = GroupAttributes { name: name.into(), description: CompactString::default() };
        self.groups.insert(id.clone(), (attributes, members.iter().map(|id| (*id).clone()).collect()));
        id
    }

    pub(super) fn user_named(&self, username: &str) -> Option<&TargetUser> {
        self.users.values().find(|user| user.attributes.username == username)
    }

    /// Usernames of a group's members.
    pub(super) fn members(&self, group: &str) -> Vec<String> {
        let found = self.groups.values().find(|(attributes, _)| attributes.name == group);
        let mut names: Vec<String> = found
            .into_iter()
            .flat_map(|(_, members)| members)
            .map(|id| self.users[id].attributes.username.to_string())
            .collect();
        names.sort();
        names
    }

    pub(super) fn snapshot(&self) -> TargetSnapshot {
        let positions: BTreeMap<&TargetId, u32> = self.users.keys().zip(0u32..).collect();
        TargetSnapshot {
            users: self.users.values().cloned().collect(),
            groups: self
                .groups
                .iter()
                .map(|(id, (attributes, members))| TargetGroup {
                    id: id.clone(),
                    attributes: attributes.clone(),
                    members: members.iter().map(|member| positions[member]).collect(),
                    members_proof: Proof::Proven,
                    source: self.group_sources.get(id).cloned(),
                })
                .collect(),
        }
    }

    fn die_behind(&mut self, writes: usize) {
        if let Some(left) = &mut self.dies_behind {
            *left = left.saturating_sub(writes);
            if *left == 0 {
                self.dies_behind = None;
                panic!("the process dies here");
            }
        }
    }

    fn apply(&mut self, write: &Write) -> Result<Written, WriteError> {
        if let Some(left) = &mut self.dies_after {
            assert!(*left > 0, "the process dies here");
            *left -= 1;
        }
        if let Some((left, token)) = &mut self.cancels {
            *left -= 1;
            if *left == 0 {
                token.cancel();
                self.cancels = None;
            }
        }
        let subject = match write {
            Write::CreateUser { attributes, .. } | Write::UpdateUser { attributes, .. } => {
                &attributes.username
            }
            Write::CreateGroup { attributes, .. } | Write::UpdateGroup { attributes, .. } => &attributes.name,
            Write::DeleteUser { user, .. } | Write::SetActive { user, .. } => {
                assert_eq!(user.name, self.users[&user.id].attributes.username);
                &user.name
            }
            Write::DeleteGroup { group } | Write::ChangeMembers { group, .. } => {
                assert_eq!(group.name, self.groups[&group.id].0.name);
                &group.name
            }
        };
        if self.refuses.as_deref() == Some(subject.as_str()) {
            return Err(WriteError::refused(format!("{subject} was refused")));
        }
        if let Some((name, run)) = &self.never_sends
            && name == subject.as_str()
        {
            run.cancel();
            return Err(WriteError { unsent: true, ..WriteError::refused("it was cancelled".to_owned()) });
        }
        self.log.push(write.clone());
        Ok(match write {
            Write::CreateUser { source, attributes, active } => {
                let taken = self.users.values().any(|user| user.attributes.username == attributes.username);
                assert!(!taken, "no user is created twice: {attributes:?}");
                let id = self.id();
                let user = TargetUser {
                    id: id.clone(),
                    attributes: attributes.clone(),
                    active: *active,
                    source: Some(source.clone()).filter(|_| self.capabilities.keeps_source_ids),
                };
                self.users.insert(id.clone(), user);
                Written::Created(id)
            }
            Write::UpdateUser { user, before, attributes, .. } => {
                assert_eq!(*before, self.users[&user.id].attributes);
                assert_eq!(user.name, before.username);
                self.users.get_mut(&user.id).unwrap().attributes = attributes.clone();
                Written::Done
            }
            Write::SetActive { user, active } => {
                self.users.get_mut(&user.id).unwrap().active = *active;
                Written::Done
            }
            Write::DeleteUser { user, .. } => {
                self.users.remove(&user.id);
                for (_, members) in self.groups.values_mut() {
                    members.remove(&user.id);
                }
                Written::Done
            }
            Write::DeleteGroup { group } => {
                let left = self.groups.remove(&group.id).map(|(_, members)| members).unwrap_or_default();
                assert!(left.is_empty(), "no group is deleted with members in it: {left:?}");
                Written::Done
            }
            Write::CreateGroup { source, attributes, members } => {
                let taken = self.groups.values().any(|(group, _)| group.name == attributes.name);
                assert!(!taken, "no group is created twice: {attributes:?}");
                let id = self.id();
                if self.capabilities.keeps_source_ids {
                    self.group_sources.insert(id.clone(), source.clone());
                }
                let takes = !self.leaves_groups_empty && !members.is_empty();
                let members = members.iter().filter(|_| takes).map(|user| user.id.clone());
                let members: BTreeSet<TargetId> = members.collect();
                assert!(members.iter().all(|member| self.users.contains_key(member)), "{members:?}");
                self.groups.insert(id.clone(), (attributes.clone(), members));
                if self.loses_answer.as_deref() == Some(attributes.name.as_str()) {
                    let message = format!("nobody knows of {}", attributes.name);
                    return Err(WriteError { uncertain: true, ..WriteError::refused(message) });
                }
                if takes { Written::Filled(id) } else { Written::Created(id) }
            }
            Write::UpdateGroup { group, attributes, .. } => {
                self.groups.get_mut(&group.id).unwrap().0 = attributes.clone();
                Written::Done
            }
            Write::ChangeMembers { group, added, removed } => {
                for user in added.iter().chain(removed) {
                    assert_eq!(user.name, self.users[&user.id].attributes.username);
                }
                let members = &mut self.groups.get_mut(&group.id).unwrap().1;
                members.extend(added.iter().map(|user| user.id.clone()));
                members.retain(|member| removed.iter().all(|user| user.id != *member));
                Written::Members { failed: Vec::new() }
            }
        })
    }
}

/// Everything one connector needs, in memory but for the store.
pub(super) struct World {
    pub(super) org: Arc<Mutex<Org>>,
    pub(super) target: Arc<Mutex<Memory>>,
    pub(super) connector: Connector,
    pub(super) services: Services,
    _state: tempfile::TempDir,
}

struct FakeTarget {
    memory: Arc<Mutex<Memory>>,
    batch_size: usize,
}

#[async_trait]
impl Reader for FakeTarget {
    fn address(&self) -> String {
        "memory".to_owned()
    }
    fn capabilities(&self) -> Capabilities {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner).capabilities
    }
    async fn read(&self, _: &Interest, _: &RunControl) -> Result<TargetSnapshot, TargetError> {
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        memory.reads += 1;
        Ok(memory.snapshot())
    }
}

#[async_trait]
impl Writer for FakeTarget {
    async fn write(&self, batch: &[Write], _: &RunControl) -> Vec<Result<Written, WriteError>> {
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let answers = batch.iter().map(|write| memory.apply(write)).collect();
        memory.die_behind(batch.len());
        answers
    }
    fn batch_size(&self) -> usize {
        self.batch_size
    }
}

/// Four users, a group of three of them, and Everyone.
pub(super) async fn small_world() -> World {
    let mut org = Org::with_users(4);
    org.group("g1", "staff", &["u000", "u001", "u002"]);
    org.group("g2", "Everyone", &["u000", "u001", "u002", "u003"]);
    World::new(org, 3).await
}

/// Globs that are known to be good.
pub(super) fn globs(patterns: &[&str]) -> Globs {
    Globs::new(patterns).unwrap()
}

/// The kinds of a report's findings.
pub(super) fn kinds(report: &Report) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

/// In memory where there is such a place: every commit waits for the disk otherwise.
fn state_directory() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

impl World {
    pub(super) async fn new(org: Org, batch_size: usize) -> Self {
        let state = state_directory();
        let org = Arc::new(Mutex::new(org));
        let target = Arc::new(Mutex::new(Memory::default()));
        let fake = Arc::new(FakeTarget { memory: Arc::clone(&target), batch_size });
        let services = Services {
            store: Store::open(state.path()).await.unwrap(),
            clock: crate::clock::Clock::starting_at("2026-01-31T08:00:00Z".parse().unwrap()),
            source: Arc::new(FakeSource(Arc::clone(&org))),
            source_of: {
                let org = Arc::clone(&org);
                Arc::new(move |_| Arc::new(FakeSource(Arc::clone(&org))))
            },
            reader: Arc::clone(&fake) as Arc<dyn Reader>,
            writer: fake,
            turn: Arc::default(),
        };
        Self { org, target, connector: Connector::for_tests(Rules::default()), services, _state: state }
    }

    pub(super) fn org(&self) -> std::sync::MutexGuard<'_, Org> {
        self.org.lock().unwrap()
    }

    pub(super) fn target(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.target.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) async fn begin(&self) -> RunTicket {
        self.begin_for(None).await
    }

    async fn begin_for(&self, user: Option<&str>) -> RunTicket {
        let started = self.services.clock.now();
        let run = self.services.store.begin_run("acme", Trigger::Manual, user, started).await.unwrap();
        RunTicket { run, trigger: Trigger::Manual, user: None, kept: None, started }
    }

    /// One sync from start to end.
    pub(super) async fn sync(&self) -> Report {
        let ticket = self.begin().await;
        let report = sync(&self.connector, &self.services, &ticket, &RunControl::default()).await;
        self.services.store.end_run(&report).await.unwrap();
        report
    }

    /// Has changes looked for between full runs.
    pub(super) fn with_changes(mut self, from: ChangesFrom) -> Self {
        let every = std::time::Duration::from_secs(30);
        self.connector.schedule = Some(ScheduleSettings {
            expression: "@daily".to_owned(),
            cron: croner::parser::CronParser::new().parse("@daily").unwrap(),
            timezone: chrono_tz::Tz::UTC,
            jitter: std::time::Duration::ZERO,
            missed: Missed::Skip,
            incremental: Some(IncrementalSettings { every, from }),
        });
        self.org().now = Some(self.services.clock.now());
        self
    }

    /// One look for changes.
    pub(super) async fn sync_changes(&self) -> (Report, ChangesEnd) {
        let ticket = RunTicket { trigger: Trigger::Incremental, ..self.begin().await };
        let control = RunControl::default();
        let (report, end) = engine::sync_changes(&self.connector, &self.services, &ticket, &control).await;
        self.services.store.end_run(&report).await.unwrap();
        (report, end)
    }

    /// One sync of one user.
    pub(super) async fn sync_user(&self, login: &str, restore: bool) -> Report {
        let mut ticket = self.begin_for(Some(login)).await;
        ticket.user = Some(UserRequest { login: login.to_owned(), restore });
        let report = sync(&self.connector, &self.services, &ticket, &RunControl::default()).await;
        self.services.store.end_run(&report).await.unwrap();
        report
    }

    pub(super) async fn explain(&self, login: &str) -> Explanation {
        engine::explain(&self.connector, &self.services, login, &RunControl::default()).await.unwrap()
    }

    pub(super) async fn plan(&self) -> PlanDocument {
        engine::plan(&self.connector, &self.services, None, &RunControl::default()).await.unwrap().0
    }

    /// One sync limited to the plan that is kept under that name.
    pub(super) async fn apply_kept(&self, id: &str) -> Report {
        let started = self.services.clock.now();
        let run = self.services.store.begin_run("acme", Trigger::Apply, None, started).await.unwrap();
        let kept = Some(id.to_owned());
        let ticket = RunTicket { run, trigger: Trigger::Apply, user: None, kept, started };
        let report = sync(&self.connector, &self.services, &ticket, &RunControl::default()).await;
        self.services.store.end_run(&report).await.unwrap();
        report
    }

    /// Plans, and keeps the plan for a day.
    pub(super) async fn keep_plan(&self, id: &str) -> PlanDocument {
        let keeping = Keeping { id: id.to_owned(), hours: 24, uid: 7 };
        let control = RunControl::default();
        engine::plan(&self.connector, &self.services, Some(&keeping), &control).await.unwrap().0
    }

    /// Approves a hold for a day.
    pub(super) async fn approve(&self, hold: u64) {
        let now = self.services.clock.now();
        let until = now + chrono::TimeDelta::hours(24);
        self.services.store.approve(hold, 7, now, until).await.unwrap();
    }

    /// What undoing a run would do.
    pub(super) async fn plan_undo(&self, run: u64) -> UndoDocument {
        engine::plan_undo(&self.connector, &self.services, run, &RunControl::default()).await.unwrap()
    }

    /// Undoes a run; says whether that paused the connector.
    pub(super) async fn undo(&self, run: u64) -> (Report, bool) {
        self.undo_as_shown(run, None).await
    }

    pub(super) async fn undo_as_shown(&self, run: u64, fingerprint: Option<String>) -> (Report, bool) {
        let started = self.services.clock.now();
        let id = self.services.store.begin_run("acme", Trigger::Undo, None, started).await.unwrap();
        let ticket = RunTicket { run: id, trigger: Trigger::Undo, user: None, kept: None, started };
        let undoing = Undoing { run, fingerprint, uid: 7 };
        let control = RunControl::default();
        let (report, paused) =
            engine::undo(&self.connector, &self.services, &ticket, &undoing, &control).await;
        self.services.store.end_run(&report).await.unwrap();
        (report, paused)
    }

    /// Lets time pass.
    pub(super) fn later(&mut self, days: i64) {
        let now = self.services.clock.now() + chrono::TimeDelta::days(days);
        self.services.clock = crate::clock::Clock::starting_at(now);
    }

    /// The state directory is lost, with all that the daemon remembered.
    pub(super) async fn lose_state(&mut self) {
        self._state = state_directory();
        self.services.store = Store::open(self._state.path()).await.unwrap();
    }

    /// What a relink would do; `shared` if other connectors write to the same target.
    pub(super) async fn relinking(&self, shared: bool) -> Relinking {
        let control = RunControl::default();
        engine::relinking(&self.connector, shared, &self.services, &control).await.unwrap()
    }

    /// Does what a relink would do.
    pub(super) async fn relink(&self) -> Relinking {
        let relinking = self.relinking(false).await;
        let changes = relinking.by_id.changes.clone();
        let links = Links { changes, asks_by_name: !relinking.by_name.is_empty() };
        self.services.store.relink("acme", &relinking.binding, links).await.unwrap();
        relinking
    }

    pub(super) async fn ledger(&self) -> Ledger {
        self.services.store.ledger("acme").await.unwrap()
    }
}
