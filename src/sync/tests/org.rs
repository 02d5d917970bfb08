//! The truth at the source, and how badly it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use compact_str::CompactString;

use crate::source::{Changes, ChangesRead, Inspection, Questions, ReadRequest, Since, Source, SourceError};
use crate::sync::desire::wanted_attributes;
use crate::sync::model::*;
use crate::sync::progress::RunControl;
use crate::sync::rules::Rules;

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
    /// How often it was read.
    pub(super) reads: u32,
    /// How often it was asked about single records.
    pub(super) asked: u32,
    pub(super) groups_cut: bool,
    /// Groups whose member list is cut: nobody is in it, and it is not proven.
    pub(super) members_cut: BTreeSet<String>,
    /// What the source's own part of the scope leaves out, users and groups.
    pub(super) left_out: BTreeMap<String, ScopeRule>,
    /// About whom and what the source does not say, in a read of one user, whether it lets them in.
    pub(super) unanswered: BTreeSet<String>,
    /// Users whose groups are not shown in a read of one user.
    pub(super) no_groups_of: BTreeSet<String>,
    /// Rotates the order of all records.
    pub(super) rotation: usize,
    /// Users and groups of which a read of changes shows nothing: what happened to them was before it.
    pub(super) quiet: BTreeSet<String>,
    /// What its clock shows.
    pub(super) now: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Clone, Debug)]
pub(super) struct OrgUser {
    pub(super) login: String,
    pub(super) first_name: String,
    pub(super) status: Status,
    /// Anything else, by path: `profile.department`, `lastLogin`.
    pub(super) more: BTreeMap<String, AttributeValue>,
}

#[derive(Clone, Debug)]
pub(super) struct OrgGroup {
    pub(super) name: String,
    pub(super) members: BTreeSet<String>,
}

impl Org {
    /// Puts what is otherwise than the snapshot has it into it; with a log, also who and what is gone.
    fn changes(&self, snapshot: &mut SourceSnapshot, request: &ReadRequest, with_log: bool) -> ChangesRead {
        let mut found = ChangesRead { began: self.now, ..ChangesRead::default() };
        let listed = |id: &String| {
            !self.skipped.contains(id) && !self.left_out.contains_key(id) && !self.quiet.contains(id)
        };
        for (id, user) in self.users.iter().filter(|(id, _)| listed(id)) {
            let user = Self::source_user(id, user, &request.attributes);
            match snapshot.users.iter().position(|known| known.id == user.id) {
                Some(at) if snapshot.users[at] == user => continue,
                Some(at) => snapshot.users[at] = user.clone(),
                None => snapshot.users.push(user.clone()),
            }
            snapshot.people.intern(id);
            found.users.insert(user.id);
        }
        for (id, group) in self.groups.iter().filter(|(id, _)| listed(id)) {
            let mut group = self.source_group(id, group, &mut snapshot.people);
            group.members.sort_unstable();
            match snapshot.groups.iter().position(|known| known.id == group.id) {
                Some(at)
                    if (&snapshot.groups[at].name, &snapshot.groups[at].members)
                        == (&group.name, &group.members) => {}
                Some(at) => {
                    found.groups.insert(group.id.clone());
                    snapshot.groups[at] = group;
                }
                None => {
                    found.groups.insert(group.id.clone());
                    snapshot.groups.push(group);
                }
            }
        }
        if with_log {
            found.log = Some("next".to_owned());
            let gone = |id: &SourceId| {
                !self.users.contains_key(id.0.as_str()) && !self.groups.contains_key(id.0.as_str())
            };
            let users = snapshot.users.extract_if(.., |user| gone(&user.id)).map(|user| user.id);
            let groups = snapshot.groups.extract_if(.., |group| gone(&group.id)).map(|group| group.id);
            let all: BTreeSet<SourceId> = users.chain(groups).collect();
            snapshot.absences.extend(all.iter().map(|id| (id.clone(), Absence::Gone)));
            found.users.extend(all.iter().cloned());
            found.asked = all;
        }
        found
    }

    pub(super) fn user(&mut self, id: &str, login: &str) -> &mut OrgUser {
        self.users.entry(id.to_owned()).or_insert(OrgUser {
            login: login.to_owned(),
            first_name: "Ada".to_owned(),
            status: Status::Active,
            more: BTreeMap::new(),
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

    fn source_user(id: &str, user: &OrgUser, names: &[CompactString]) -> SourceUser {
        let value = |name: &CompactString| match name.as_str() {
            name if user.more.contains_key(name) => user.more[name].clone(),
            "profile.login" => AttributeValue::Text(user.login.as_str().into()),
            "profile.email" => AttributeValue::Text(user.login.to_lowercase().into()),
            "profile.firstName" => AttributeValue::Text(user.first_name.as_str().into()),
            "profile.lastName" => AttributeValue::Text("Example".into()),
            _ => AttributeValue::Absent,
        };
        SourceUser { id: id.into(), status: user.status, attributes: names.iter().map(value).collect() }
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
            members_changed: Default::default(),
            members_from: MembersFrom::List { settled: true },
            changed: Default::default(),
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

    /// What a read for the default rules brings.
    pub(super) fn snapshot(&self) -> SourceSnapshot {
        self.snapshot_of(&wanted_attributes(&Rules::default()))
    }

    pub(super) fn snapshot_of(&self, names: &[CompactString]) -> SourceSnapshot {
        let cut =
            |cut: bool| if cut { Proof::NotProven("a page did not come".to_owned()) } else { Proof::Proven };
        let mut people = People::default();
        let listed = |id: &String| {
            !self.skipped.contains(id) && !self.unreadable.contains(id) && !self.left_out.contains_key(id)
        };
        let mut users: Vec<SourceUser> = self
            .users
            .iter()
            .filter(|(id, user)| listed(id) && user.status != Status::Deprovisioned)
            .map(|(id, user)| Self::source_user(id, user, names))
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
            attribute_names: names.into(),
            people,
            users,
            users_narrowed: !self.left_out.is_empty(),
            of_one_user: false,
            of_changes: None,
            began: self.now,
            users_proof: cut(self.users_cut),
            groups,
            groups_proof: cut(self.groups_cut),
            unreadable: self.unreadable.iter().map(|id| SourceId::from(id.as_str())).collect(),
            absences: BTreeMap::new(),
            own_groups_asked: BTreeSet::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn answer(&self, snapshot: &mut SourceSnapshot, questions: &Questions, request: &ReadRequest) {
        for id in &questions.users {
            let known = self.users.get(id.0.as_str());
            match known {
                _ if self.mute.contains(id.0.as_str()) => {
                    snapshot.absences.insert(id.clone(), Absence::Unknown("no answer".to_owned()));
                }
                Some(user) if self.left_out.contains_key(id.0.as_str()) => {
                    snapshot.absences.insert(id.clone(), Absence::OutOfScope(self.left_out[id.0.as_str()]));
                    // Whoever is deactivated loses the application, and is shown all the same.
                    if user.status == Status::Deprovisioned {
                        snapshot.people.intern(&id.0);
                        let names = Arc::clone(&snapshot.attribute_names);
                        snapshot.users.push(Self::source_user(&id.0, user, &names));
                    }
                }
                Some(user) => {
                    snapshot.people.intern(&id.0);
                    let names = Arc::clone(&snapshot.attribute_names);
                    snapshot.users.push(Self::source_user(&id.0, user, &names));
                }
                None => {
                    snapshot.absences.insert(id.clone(), Absence::Gone);
                }
            }
        }
        for user in &questions.own_groups {
            self.answer_own_groups(user, snapshot, request);
        }
        for id in &questions.groups {
            match self.groups.get(id.0.as_str()) {
                _ if self.mute.contains(id.0.as_str()) => {
                    snapshot.absences.insert(id.clone(), Absence::Unknown("no answer".to_owned()));
                }
                Some(_) if self.left_out.contains_key(id.0.as_str()) => {
                    snapshot.absences.insert(id.clone(), Absence::OutOfScope(self.left_out[id.0.as_str()]));
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

    /// Shows the groups of a user that decide and that the lists skipped.
    fn answer_own_groups(&self, user: &SourceId, snapshot: &mut SourceSnapshot, request: &ReadRequest) {
        if self.mute.contains(user.0.as_str()) {
            snapshot.absences.insert(user.clone(), Absence::Unknown("no answer".to_owned()));
        }
        let own = self.groups.iter().filter(|(_, group)| group.members.contains(user.0.as_str()));
        for (id, group) in own.filter(|(_, group)| (request.decides.0)(&group.name)) {
            if snapshot.groups.iter().any(|known| known.id.0 == id.as_str()) {
                continue;
            }
            if let Some(rule) = self.left_out.get(id) {
                snapshot.absences.insert(id.as_str().into(), Absence::OutOfScope(*rule));
            } else if self.unreadable.contains(id) {
                let why = "a group that it names cannot be read".to_owned();
                snapshot.absences.insert(user.clone(), Absence::Unknown(why));
            } else {
                let group = self.source_group(id, group, &mut snapshot.people);
                snapshot.groups.push(group);
            }
        }
        snapshot.own_groups_asked.insert(user.clone());
    }

    /// One user, by id or login, and its groups.
    pub(super) fn one(&self, asked: &str, names: &[CompactString]) -> SourceSnapshot {
        let mut snapshot = Self::default().snapshot_of(names);
        snapshot.of_one_user = true;
        let found =
            self.users.iter().find(|(id, user)| *id == asked || user.login.eq_ignore_ascii_case(asked));
        let Some((id, user)) = found else {
            snapshot.absences.insert(asked.into(), Absence::Gone);
            return snapshot;
        };
        let person = snapshot.people.intern(id);
        snapshot.users.push(Self::source_user(id, user, names));
        snapshot.own_groups_asked.insert(id.as_str().into());
        for (group_id, group) in self.groups.iter().filter(|(_, group)| group.members.contains(id)) {
            if self.no_groups_of.contains(id) {
                continue;
            }
            if self.unreadable.contains(group_id) {
                snapshot.unreadable.insert(group_id.as_str().into());
                continue;
            }
            let mut people = People::default();
            let group = self.source_group(group_id, group, &mut people);
            let members = vec![Member { person, status: user.status }];
            snapshot.groups.push(SourceGroup { members, members_proof: Proof::Proven, ..group });
        }
        if self.groups_cut {
            snapshot.groups_proof = Proof::NotProven("a page did not come".to_owned());
        }
        for (id, rule) in &self.left_out {
            snapshot.absences.insert(id.as_str().into(), Absence::OutOfScope(*rule));
        }
        for id in &self.unanswered {
            snapshot.absences.insert(id.as_str().into(), Absence::Unknown("no answer".to_owned()));
        }
        snapshot
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

pub(super) struct FakeSource(pub(super) Arc<Mutex<Org>>);

#[async_trait]
impl Source for FakeSource {
    async fn address(&self, _: &RunControl) -> Result<SourceAddress, SourceError> {
        Ok(source_address("org1"))
    }
    async fn read(&self, request: &ReadRequest, _: &RunControl) -> Result<SourceSnapshot, SourceError> {
        let mut org = self.0.lock().unwrap();
        org.reads += 1;
        Ok(org.snapshot_of(&request.attributes))
    }
    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        request: &ReadRequest,
        _: &RunControl,
    ) -> Result<(), SourceError> {
        let mut org = self.0.lock().unwrap();
        org.asked += 1;
        org.answer(snapshot, questions, request);
        Ok(())
    }
    async fn read_changes(
        &self,
        snapshot: &mut SourceSnapshot,
        since: &Since,
        request: &ReadRequest,
        _: &RunControl,
    ) -> Result<Changes, SourceError> {
        let mut org = self.0.lock().unwrap();
        org.reads += 1;
        snapshot.address = source_address("org1");
        Ok(Changes::Read(org.changes(snapshot, request, matches!(since, Since::Log(_)))))
    }
    async fn read_user(
        &self,
        asked: &str,
        request: &ReadRequest,
        _: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        Ok(self.0.lock().unwrap().one(asked, &request.attributes))
    }
    async fn read_groups(
        &self,
        request: &ReadRequest,
        _: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        let mut snapshot = self.0.lock().unwrap().snapshot_of(&request.attributes);
        snapshot.users.clear();
        Ok(snapshot)
    }
    async fn inspect(&self, _: &ReadRequest, _: &RunControl) -> Result<Inspection, SourceError> {
        Err(SourceError::Unreachable("nobody asks".to_owned()))
    }
}
