//! A small world: an org that can be changed, a target in memory, and the ledger between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use compact_str::CompactString;

use crate::config::model::{Connector, OktaSettings, SecretRef, TargetSettings};
use crate::source::{Inspection, Questions, ReadRequest, Source, SourceError};
use crate::store::Store;
use crate::sync::desire::WANTED_ATTRIBUTES;
use crate::sync::engine::{RunTicket, Services, sync};
use crate::sync::model::*;
use crate::sync::progress::RunControl;
use crate::sync::report::{Report, Trigger};
use crate::sync::rules::Rules;
use crate::target::{Capabilities, Reader, TargetError, Write, WriteError, Writer, Written};

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    rename_users: true,
    rename_groups: true,
    names_ignore_case: true,
    longest_name: 255,
    delete_users: true,
    delete_groups: true,
};

/// The truth at the source, and how badly it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Org {
    pub(super) users: BTreeMap<String, OrgUser>,
    pub(super) groups: BTreeMap<String, OrgGroup>,
    /// Ids that the lists skip although they exist.
    pub(super) skipped: BTreeSet<String>,
    /// Ids about which every question fails.
    pub(super) mute: BTreeSet<String>,
    pub(super) unreadable: BTreeSet<String>,
    pub(super) users_cut: bool,
    pub(super) groups_cut: bool,
    /// Groups whose member list is cut: nobody is in it, and it is not proven.
    pub(super) members_cut: BTreeSet<String>,
    /// Rotates the order of all records.
    pub(super) rotation: usize,
}

#[derive(Clone, Debug)]
pub(super) struct OrgUser {
    pub(super) login: String,
    pub(super) first_name: String,
    pub(super) status: Status,
}

#[derive(Clone, Debug)]
pub(super) struct OrgGroup {
    pub(super) name: String,
    pub(super) members: BTreeSet<String>,
}

impl Org {
    pub(super) fn user(&mut self, id: &str, login: &str) -> &mut OrgUser {
        self.users.entry(id.to_owned()).or_insert(OrgUser {
            login: login.to_owned(),
            first_name: "Ada".to_owned(),
            status: Status::Active,
        })
    }

    /// `n` active users u0, u1, … with logins u0@example.com, …
    pub(super) fn with_users(n: usize) -> Self {
        let mut org = Self::default();
        for i in 0..n {
            org.user(&format!("u{i:03}"), &format!("u{i}@example.com"));
        }
        org
    }

    pub(super) fn group(&mut self, id: &str, name: &str, members: &[&str]) {
        let members = members.iter().map(|id| (*id).to_owned()).collect();
        self.groups.insert(id.to_owned(), OrgGroup { name: name.to_owned(), members });
    }

    fn source_user(id: &str, user: &OrgUser) -> SourceUser {
        let values = WANTED_ATTRIBUTES.map(|name| match name {
            "profile.login" => AttributeValue::Text(user.login.as_str().into()),
            "profile.email" => AttributeValue::Text(user.login.to_lowercase().into()),
            "profile.firstName" => AttributeValue::Text(user.first_name.as_str().into()),
            "profile.lastName" => AttributeValue::Text("Example".into()),
            _ => AttributeValue::Absent,
        });
        SourceUser { id: id.into(), status: user.status, attributes: values.into() }
    }

    fn source_group(&self, id: &str, group: &OrgGroup, people: &mut People) -> SourceGroup {
        let cut = self.members_cut.contains(id);
        let mut members: Vec<Member> = group
            .members
            .iter()
            .filter(|_| !cut)
            .filter_map(|member| {
                Some(Member { person: people.intern(member), status: self.users.get(member)?.status })
            })
            .collect();
        rotate(&mut members, self.rotation);
        SourceGroup {
            id: id.into(),
            name: group.name.as_str().into(),
            description: CompactString::default(),
            everyone: group.name == "Everyone",
            members,
            members_proof: if cut {
                Proof::NotProven("a page did not come".to_owned())
            } else {
                Proof::Proven
            },
        }
    }

    pub(super) fn snapshot(&self) -> SourceSnapshot {
        let cut =
            |cut: bool| if cut { Proof::NotProven("a page did not come".to_owned()) } else { Proof::Proven };
        let mut people = People::default();
        let listed = |id: &String| !self.skipped.contains(id) && !self.unreadable.contains(id);
        let mut users: Vec<SourceUser> = self
            .users
            .iter()
            .filter(|(id, user)| listed(id) && user.status != Status::Deprovisioned)
            .map(|(id, user)| Self::source_user(id, user))
            .collect();
        if self.users_cut {
            users.truncate(users.len() / 2);
        }
        rotate(&mut users, self.rotation);
        for user in &users {
            people.intern(&user.id.0);
        }
        let mut groups: Vec<SourceGroup> = self
            .groups
            .iter()
            .filter(|(id, _)| listed(id))
            .map(|(id, group)| self.source_group(id, group, &mut people))
            .collect();
        if self.groups_cut {
            groups.truncate(groups.len() / 2);
        }
        rotate(&mut groups, self.rotation);
        SourceSnapshot {
            address: source_address("org1"),
            attribute_names: WANTED_ATTRIBUTES.map(CompactString::from).into(),
            people,
            users,
            users_narrowed: false,
            users_proof: cut(self.users_cut),
            groups,
            groups_proof: cut(self.groups_cut),
            unreadable: self.unreadable.iter().map(|id| SourceId::from(id.as_str())).collect(),
            absences: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn answer(&self, snapshot: &mut SourceSnapshot, questions: &Questions) {
        for id in &questions.users {
            let known = self.users.get(id.0.as_str());
            match known {
                _ if self.mute.contains(id.0.as_str()) => {
                    snapshot.absences.insert(id.clone(), Absence::Unknown("no answer".to_owned()));
                }
                Some(user) => {
                    snapshot.people.intern(&id.0);
                    snapshot.users.push(Self::source_user(&id.0, user));
                }
                None => {
                    snapshot.absences.insert(id.clone(), Absence::Gone);
                }
            }
        }
        for id in &questions.groups {
            match self.groups.get(id.0.as_str()) {
                _ if self.mute.contains(id.0.as_str()) => {
                    snapshot.absences.insert(id.clone(), Absence::Unknown("no answer".to_owned()));
                }
                Some(group) => {
                    let group = self.source_group(&id.0, group, &mut snapshot.people);
                    snapshot.groups.push(group);
                }
                None => {
                    snapshot.absences.insert(id.clone(), Absence::Gone);
                }
            }
        }
    }
}

pub(super) fn source_address(id: &str) -> SourceAddress {
    SourceAddress { id: Some(id.to_owned()), origin: "https://acme.okta.com".to_owned() }
}

pub(super) fn binding(org: &str, target: &str) -> Binding {
    Binding { source: source_address(org), target: target.to_owned() }
}

fn rotate<T>(list: &mut [T], by: usize) {
    if !list.is_empty() {
        list.rotate_left(by % list.len());
    }
}

/// The target in memory, with a way to fail in the middle of a batch.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) users: BTreeMap<TargetId, TargetUser>,
    pub(super) groups: BTreeMap<TargetId, (GroupAttributes, BTreeSet<TargetId>)>,
    pub(super) next: u32,
    /// How often a run has read it.
    pub(super) reads: u32,
    /// Every write that had an effect.
    pub(super) log: Vec<Write>,
    /// After so many more writes the process dies.
    pub(super) dies_after: Option<usize>,
    /// Writes on an object of this name fail.
    pub(super) refuses: Option<String>,
    /// Cancelled by the n-th write from now.
    pub(super) cancels: Option<(usize, tokio_util::sync::CancellationToken)>,
}

impl Memory {
    fn id(&mut self) -> TargetId {
        self.next += 1;
        TargetId(format!("t{:04}", self.next).into())
    }

    pub(super) fn add_user(&mut self, username: &str) -> TargetId {
        let id = self.id();
        let attributes = UserAttributes { username: username.into(), ..UserAttributes::default() };
        self.users.insert(id.clone(), TargetUser { id: id.clone(), attributes, active: true });
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
                })
                .collect(),
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
            Write::DeleteUser { target } => &self.users[target].attributes.username,
            Write::DeleteGroup { target } => &self.groups[target].0.name,
            Write::SetActive { target, .. } => &self.users[target].attributes.username,
            Write::ChangeMembers { group, .. } => &self.groups[group].0.name,
        };
        if self.refuses.as_deref() == Some(subject.as_str()) {
            return Err(WriteError { message: format!("{subject} was refused"), fatal: false });
        }
        self.log.push(write.clone());
        Ok(match write {
            Write::CreateUser { attributes, .. } => {
                let taken = self.users.values().any(|user| user.attributes.username == attributes.username);
                assert!(!taken, "no user is created twice: {attributes:?}");
                let id = self.id();
                let user = TargetUser { id: id.clone(), attributes: attributes.clone(), active: true };
                self.users.insert(id.clone(), user);
                Written::Created(id)
            }
            Write::UpdateUser { target, attributes } => {
                self.users.get_mut(target).unwrap().attributes = attributes.clone();
                Written::Done
            }
            Write::SetActive { target, active } => {
                self.users.get_mut(target).unwrap().active = *active;
                Written::Done
            }
            Write::DeleteUser { target } => {
                self.users.remove(target);
                for (_, members) in self.groups.values_mut() {
                    members.remove(target);
                }
                Written::Done
            }
            Write::DeleteGroup { target } => {
                let left = self.groups.remove(target).map(|(_, members)| members).unwrap_or_default();
                assert!(left.is_empty(), "no group is deleted with members in it: {left:?}");
                Written::Done
            }
            Write::CreateGroup { attributes, .. } => {
                let taken = self.groups.values().any(|(group, _)| group.name == attributes.name);
                assert!(!taken, "no group is created twice: {attributes:?}");
                let id = self.id();
                self.groups.insert(id.clone(), (attributes.clone(), BTreeSet::new()));
                Written::Created(id)
            }
            Write::UpdateGroup { target, attributes } => {
                self.groups.get_mut(target).unwrap().0 = attributes.clone();
                Written::Done
            }
            Write::ChangeMembers { group, added, removed } => {
                let members = &mut self.groups.get_mut(group).unwrap().1;
                members.extend(added.iter().cloned());
                members.retain(|member| !removed.contains(member));
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

struct FakeSource(Arc<Mutex<Org>>);
struct FakeTarget {
    memory: Arc<Mutex<Memory>>,
    batch_size: usize,
}

#[async_trait]
impl Source for FakeSource {
    async fn address(&self, _: &RunControl) -> Result<SourceAddress, SourceError> {
        Ok(source_address("org1"))
    }
    async fn read(&self, _: &ReadRequest, _: &RunControl) -> Result<SourceSnapshot, SourceError> {
        Ok(self.0.lock().unwrap().snapshot())
    }
    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<(), SourceError> {
        self.0.lock().unwrap().answer(snapshot, questions);
        Ok(())
    }
    async fn read_user(
        &self,
        _: &str,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        Err(SourceError::Unreachable("not there yet".to_owned()))
    }
    async fn inspect(&self, _: &ReadRequest, _: &RunControl) -> Result<Inspection, SourceError> {
        Err(SourceError::Unreachable("nobody asks".to_owned()))
    }
}

#[async_trait]
impl Reader for FakeTarget {
    fn address(&self) -> String {
        "memory".to_owned()
    }
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }
    async fn read(&self, _: &RunControl) -> Result<TargetSnapshot, TargetError> {
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        memory.reads += 1;
        Ok(memory.snapshot())
    }
}

#[async_trait]
impl Writer for FakeTarget {
    async fn write(&self, batch: &[Write]) -> Vec<Result<Written, WriteError>> {
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        batch.iter().map(|write| memory.apply(write)).collect()
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

/// The kinds of a report's findings.
pub(super) fn kinds(report: &Report) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

impl World {
    pub(super) async fn new(org: Org, batch_size: usize) -> Self {
        // In memory where there is such a place: every commit waits for the disk otherwise.
        let memory = std::path::Path::new("/dev/shm");
        let state = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let org = Arc::new(Mutex::new(org));
        let target = Arc::new(Mutex::new(Memory::default()));
        let fake = Arc::new(FakeTarget { memory: Arc::clone(&target), batch_size });
        let services = Services {
            store: Store::open(state.path()).await.unwrap(),
            clock: crate::clock::Clock::starting_at("2026-01-31T08:00:00Z".parse().unwrap()),
            source: Arc::new(FakeSource(Arc::clone(&org))),
            reader: Arc::clone(&fake) as Arc<dyn Reader>,
            writer: fake,
            turn: Arc::default(),
        };
        Self { org, target, connector: connector(Rules::default()), services, _state: state }
    }

    pub(super) fn org(&self) -> std::sync::MutexGuard<'_, Org> {
        self.org.lock().unwrap()
    }

    pub(super) fn target(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.target.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) async fn begin(&self) -> RunTicket {
        let started = self.services.clock.now();
        let run = self.services.store.begin_run("acme", Trigger::Manual, None, started).await.unwrap();
        RunTicket { run, trigger: Trigger::Manual, user: None, started }
    }

    /// One sync from start to end.
    pub(super) async fn sync(&self) -> Report {
        let ticket = self.begin().await;
        let report = sync(&self.connector, &self.services, &ticket, &RunControl::default()).await;
        self.services.store.end_run(&report).await.unwrap();
        report
    }

    pub(super) async fn ledger(&self) -> Ledger {
        self.services.store.ledger("acme").await.unwrap()
    }
}

pub(super) fn connector(rules: Rules) -> Connector {
    Connector {
        name: "acme".to_owned(),
        path: "acme.yaml".into(),
        digest: String::new(),
        source: OktaSettings {
            users_search: None,
            groups_search: None,
            app: None,
            origin: "https://acme.okta.com".parse().unwrap(),
            token: SecretRef::Environment("TOKEN".to_owned()),
            rate_budget: 50,
        },
        target: TargetSettings::Directory,
        schedule: None,
        rules,
        apply: true,
    }
}
