//! What came so far, filled from three lists at the same time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::app::Assigned;
use super::list::Taken;
use super::parse::{Broken, GroupRecord, MemberRecord, Records, UserRecord};
use crate::sync::model::{
    Finding, FindingKind, Member, MembersFrom, People, Person, Proof, SourceAddress, SourceGroup, SourceId,
    SourceSnapshot, SourceUser, Status,
};

/// A snapshot in the making, shared by the readers of users, groups and members.
#[derive(Debug, Default)]
pub(super) struct Gathered(Mutex<Contents>);

/// What is in a [`Gathered`].
#[derive(Debug, Default)]
pub(super) struct Contents {
    people: People,
    users: Vec<SourceUser>,
    user_places: HashMap<Person, usize>,
    users_proof: Option<Proof>,
    groups: Vec<SourceGroup>,
    group_places: HashMap<SourceId, usize>,
    groups_proof: Option<Proof>,
    unreadable: BTreeSet<SourceId>,
    /// Listed, and not assigned to the application: not kept.
    left_out: HashSet<CompactString>,
    findings: BTreeSet<Finding>,
}

/// Which kind of record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    User,
    Group,
}

impl Gathered {
    /// Nothing yet, but people with numbers that are given already.
    pub(super) fn with(people: People) -> Self {
        Self(Mutex::new(Contents { people, ..Contents::default() }))
    }

    /// No reader panics while it holds the lock.
    pub(super) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody who was named.
    pub(super) fn into_people(self) -> People {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).people
    }

    /// The snapshot. A list that nobody finished is not proven.
    pub(super) fn into_snapshot(
        self,
        (address, began): (SourceAddress, Option<DateTime<Utc>>),
        attribute_names: Arc<[CompactString]>,
        users_narrowed: bool,
    ) -> SourceSnapshot {
        let mut contents = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unfinished = || Proof::NotProven("it was not read to its end".to_owned());
        contents.users.shrink_to_fit();
        SourceSnapshot {
            address,
            began,
            attribute_names,
            people: contents.people,
            users: contents.users,
            users_narrowed,
            of_one_user: false,
            of_changes: None,
            users_proof: contents.users_proof.unwrap_or_else(unfinished),
            groups: contents.groups,
            groups_proof: contents.groups_proof.unwrap_or_else(unfinished),
            unreadable: contents.unreadable,
            // A list shows nobody to be gone; only a question for a record does.
            absences: BTreeMap::new(),
            own_groups_asked: BTreeSet::new(),
            findings: contents.findings.into_iter().collect(),
        }
    }
}

impl Contents {
    /// Takes a page of users; whoever is listed twice counts once, as last shown. Where only those who are assigned to an
    /// application are wanted, the others are left out.
    pub(super) fn take_users(&mut self, page: Records<UserRecord>, assigned: Option<&Assigned>) -> Taken {
        let mut taken = Taken { records: page.len(), new: 0 };
        for record in page {
            let id = match &record {
                Ok(record) => Some(&record.user.id.0),
                Err(broken) => broken.id.as_ref(),
            };
            if let Some(new) = id.and_then(|id| self.leave_out(id, assigned)) {
                taken.new += usize::from(new);
                continue;
            }
            let new = match record {
                Ok(record) => self.take_user(record),
                Err(broken) => self.take_broken(Kind::User, broken),
            };
            taken.new += usize::from(new);
        }
        taken
    }

    fn take_user(&mut self, UserRecord { user, unknown_status }: UserRecord) -> bool {
        self.findings.extend(unknown_status.map(|name| unknown_status_finding(&user.id, &name)));
        let person = self.people.intern(&user.id.0);
        if let Some(known) = self.user_places.get(&person).and_then(|place| self.users.get_mut(*place)) {
            *known = user;
            return false;
        }
        self.user_places.insert(person, self.users.len());
        self.users.push(user);
        true
    }

    /// None for what is to be kept; for what is left out, whether it is new.
    pub(super) fn leave_out(&mut self, id: &CompactString, assigned: Option<&Assigned>) -> Option<bool> {
        let left_out = assigned.is_some_and(|assigned| !assigned.has(id));
        left_out.then(|| self.left_out.insert(id.clone()))
    }

    /// Notes a record that could not be read; true if it had an id that is new. One without an id might be anybody, so its
    /// list proves nothing.
    pub(super) fn take_broken(&mut self, kind: Kind, broken: Broken) -> bool {
        let finding = unreadable_finding(kind, &broken);
        self.findings.insert(finding);
        let Some(id) = broken.id else {
            let proof = Proof::NotProven(format!("one of its records cannot be read: {}", broken.why));
            match kind {
                Kind::User => self.users_proof = Some(proof),
                Kind::Group => self.groups_proof = Some(proof),
            }
            return false;
        };
        self.unreadable.insert(SourceId(id))
    }

    /// The user list is over. What made it unproven before stays.
    pub(super) fn end_users(&mut self, proof: Proof) {
        self.users_proof.get_or_insert(proof);
    }

    /// The group list is over. What made it unproven before stays.
    pub(super) fn end_groups(&mut self, proof: Proof) {
        self.groups_proof.get_or_insert(proof);
    }

    /// Takes a group, as yet without members; its place if it is new, none if it was listed before.
    pub(super) fn take_group(&mut self, record: &GroupRecord) -> Option<usize> {
        let GroupRecord { id, name, description, everyone, members_changed, changed, .. } = record;
        if let Some(known) = self.group_places.get(id).and_then(|place| self.groups.get_mut(*place)) {
            known.name.clone_from(name);
            known.description.clone_from(description);
            return None;
        }
        let place = self.groups.len();
        self.group_places.insert(id.clone(), place);
        self.groups.push(SourceGroup {
            id: id.clone(),
            name: name.clone(),
            description: description.clone(),
            everyone: *everyone,
            members: Vec::new(),
            members_proof: Proof::NotProven("its members were not read".to_owned()),
            members_changed: members_changed.clone(),
            members_from: MembersFrom::default(),
            changed: changed.clone(),
        });
        Some(place)
    }

    /// Takes a page of members into the list of one group, which is kept sorted out of here until it is complete.
    pub(super) fn take_members(&mut self, page: Records<MemberRecord<'_>>, list: &mut MemberList) -> Taken {
        let mut taken = Taken { records: page.len(), new: 0 };
        for record in page {
            match record {
                Ok(MemberRecord { id, status }) => {
                    let person = self.people.intern(&id);
                    taken.new += usize::from(list.members.insert(person, status).is_none());
                }
                Err(broken) => list.broken = Some(broken.why),
            }
        }
        taken
    }

    /// The members of a group have been read as far as they could be.
    pub(super) fn end_members(
        &mut self,
        place: usize,
        members: Vec<Member>,
        proof: Proof,
        from: MembersFrom,
    ) {
        if let Some(group) = self.groups.get_mut(place) {
            group.members = members;
            group.members_proof = proof;
            group.members_from = from;
        }
    }
}

/// The members of one group while they are read.
#[derive(Debug, Default)]
pub(super) struct MemberList {
    members: HashMap<Person, Status>,
    /// Why one of the records could not be read.
    pub(super) broken: Option<&'static str>,
}

impl MemberList {
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Who is in it, in the order of their numbers.
    pub(super) fn persons(&self) -> Vec<Person> {
        let mut persons: Vec<_> = self.members.keys().copied().collect();
        persons.sort_unstable();
        persons
    }

    /// Whether these, without doubles, are who is in it.
    pub(super) fn is(&self, persons: &[Person]) -> bool {
        self.members.len() == persons.len() && persons.iter().all(|person| self.members.contains_key(person))
    }

    /// The members in the order of their numbers.
    pub(super) fn into_members(self) -> Vec<Member> {
        let mut members: Vec<_> =
            self.members.into_iter().map(|(person, status)| Member { person, status }).collect();
        members.sort_unstable();
        members
    }
}

/// Says that a record could not be read.
pub(super) fn unreadable_finding(kind: Kind, broken: &Broken) -> Finding {
    let (kind, kept) = match kind {
        Kind::User => ("user", "This user is left as is"),
        Kind::Group => ("group", "This group is left as is"),
    };
    let why = broken.why;
    match &broken.id {
        Some(id) => {
            let message = format!("Okta's record of the {kind} {id} cannot be read: {why}. {kept}.");
            Finding::new(FindingKind::UnreadableRecord, id, message)
        }
        None => {
            let message = format!(
                "A record in Okta's list of {kind}s cannot be read: {why}. Since it may be anyone's, nobody who is \
                 missing from the list is taken for gone."
            );
            Finding::new(FindingKind::UnreadableRecord, format!("{kind} list"), message)
        }
    }
}

/// Says that a status is not known.
pub(super) fn unknown_status_finding(id: &SourceId, name: &str) -> Finding {
    let shown = super::parse::clean(name);
    let status = if shown.is_empty() { "no status".to_owned() } else { format!("the status {shown}") };
    let message = format!(
        "The user {id} has {status} in Okta, which this version does not know. This user is left as is."
    );
    Finding::new(FindingKind::UnknownStatus, id.0.as_str(), message)
}
