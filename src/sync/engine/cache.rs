//! Member lists of earlier runs: which of them still stand for the list itself, and what a read changes in them. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use super::judge::question;
use crate::config::model::{Connector, ScheduleSettings};
use crate::source::ReadRequest;
use crate::source::cache::{CachedGroup, CachedList, CachedLists, PackedMembers, read_user, write_user};
use crate::store::{CacheUpdate, StoredList, StoredLists, StoredRead, StoredRecords};
use crate::sync::model::{
    Absence, Member, MembersFrom, People, Person, Proof, SourceAddress, SourceGroup, SourceId,
    SourceSnapshot, Status,
};

/// How old a list may become: what Okta's stamps did not tell is noticed within that time.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// A next run within this time counts as the next chance to read a list that would become too old by then.
const NEXT_CHANCE: TimeDelta = TimeDelta::hours(20);
/// So many people whom no list names any more keep their numbers.
const SPARE_NUMBERS: usize = 10_000;

/// What a read may use.
pub(super) fn usable(
    stored: StoredLists,
    schedule: Option<&ScheduleSettings>,
    now: DateTime<Utc>,
) -> CachedLists {
    let next = schedule.and_then(|schedule| {
        let jitter = TimeDelta::from_std(schedule.jitter).ok()?;
        schedule.next_after(now)?.checked_add_signed(jitter)
    });
    let next = next.filter(|next| *next - now <= NEXT_CHANCE);
    let usable = |(group, StoredList { stamp, read, settled, members }): (SourceId, StoredList)| {
        let is_current = settled && !is_due(&group, read, now, next);
        (group, CachedList { stamp, read, members, is_current })
    };
    CachedLists { people: stored.people.into(), lists: stored.lists.into_iter().map(usable).collect() }
}

/// Whether a list is to be read again although nothing says that it changed. Between half of [`OLDEST`] and nearly all of it
/// passes before that, for each group another part, so that not all lists are read again in one run.
fn is_due(group: &SourceId, read: DateTime<Utc>, now: DateTime<Utc>, next: Option<DateTime<Utc>>) -> bool {
    let mixed = group.0.bytes().fold(0_u8, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(byte));
    let patience = OLDEST / 2 + OLDEST * i32::from(mixed) * 45 / (100 * 256);
    let too_old_by_then = next.is_some_and(|next| next - read > OLDEST);
    // A time that is yet to come says that a clock was wrong.
    now < read || now - read >= patience || too_old_by_then
}

/// What is to be stored of the lists of a snapshot that was read with these at hand.
pub(super) fn update(source: &SourceSnapshot, known: &CachedLists, now: DateTime<Utc>) -> CacheUpdate {
    let ids = source.people.ids();
    let numbers = Numbers::of(source, known);
    let statuses = Deactivated::of(source);
    let lists = source.groups.iter().filter_map(|group| {
        let (read, settled) = match group.members_from {
            _ if !group.members_proof.is_proven() => return None,
            MembersFrom::Nowhere => return None,
            MembersFrom::List { settled } => (now, settled),
            MembersFrom::Cache { read } => (read, true),
        };
        let members = numbers.give(statuses.apply(&group.members));
        let (stamp, members) = (group.members_changed.clone(), PackedMembers::pack(&members));
        Some((group.id.clone(), StoredList { stamp, read, settled, members }))
    });
    match &numbers {
        Numbers::Anew { people, .. } => {
            let (people, lists) = (people.clone(), lists.collect());
            CacheUpdate { anew: true, people, lists, ..CacheUpdate::default() }
        }
        Numbers::Kept => {
            let is_new = |(group, list): &(SourceId, StoredList)| {
                known.lists.get(group).is_none_or(|known| {
                    (known.read, &known.members, &known.stamp) != (list.read, &list.members, &list.stamp)
                })
            };
            let listed: BTreeSet<&SourceId> = source.groups.iter().map(|group| &group.id).collect();
            let has_left = |group: &&SourceId| source.groups_proof.is_proven() && !listed.contains(group);
            CacheUpdate {
                anew: false,
                people: ids.get(known.people.len()..).unwrap_or_default().to_vec(),
                lists: lists.filter(is_new).collect(),
                forgotten: known.lists.keys().filter(has_left).cloned().collect(),
                ..CacheUpdate::default()
            }
        }
    }
}

/// Whether users and groups are kept from run to run, for runs between full ones.
pub(super) fn keeps_records(connector: &Connector) -> bool {
    connector.schedule.as_ref().is_some_and(|schedule| schedule.incremental.is_some())
}

/// Names all settings on which it depends what is read, kept, and made of it.
pub(super) fn settings(connector: &Connector, request: &ReadRequest, target: &str) -> String {
    let rules = crate::config::rules_yaml(&connector.rules);
    let settings = format!("{} {:?} {rules} {target}", question(connector), request.attributes);
    Sha256::digest(settings).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Adds to an update what changed of users and groups, and up to when they are known. After lists that are not whole, nothing
/// is known until a full run has read them again. `touched`: the only users whose records may differ; none: all may.
pub(super) fn add_records(
    update: &mut CacheUpdate,
    source: &SourceSnapshot,
    (stored, touched): (&StoredRecords, Option<&BTreeSet<SourceId>>),
    settings: String,
) {
    if !(source.users_proof.is_proven() && source.groups_proof.is_proven()) {
        // Who is known to be gone by now must not come back from what was known before.
        update.forgets_read = true;
        return;
    }
    let numbers: HashMap<&SourceId, u32> = match update.anew {
        true => (0..).zip(&update.people).map(|(person, id)| (id, person)).collect(),
        false => HashMap::new(),
    };
    let number = |id: &SourceId| match update.anew {
        true => numbers.get(id).copied(),
        false => source.people.find(&id.0),
    };
    let known = |person: u32| stored.users.get(person as usize).filter(|_| !update.anew)?.as_deref();
    let mut listed = vec![false; stored.users.len()];
    let mut users = Vec::new();
    for user in &source.users {
        let Some(person) = number(&user.id) else { continue };
        if let Some(slot) = listed.get_mut(person as usize) {
            *slot = true;
        }
        if !update.anew && touched.is_some_and(|touched| !touched.contains(&user.id)) {
            continue;
        }
        let record = write_user(user);
        if known(person) != Some(&*record) {
            users.push((person, Some(record)));
        }
    }
    let unknown: BTreeSet<Person> = unknown(source).filter_map(|id| source.people.find(&id.0)).collect();
    if !update.anew {
        let gone = (0..)
            .zip(&stored.users)
            .zip(&listed)
            .filter(|((_, record), listed)| !**listed && record.is_some())
            .map(|((person, _), _)| person);
        users.extend(gone.filter(|person| !unknown.contains(person)).map(|person| (person, None)));
    } else if touched.is_some() {
        // The people of a source that was recalled begin with those that are stored.
        let kept = unknown.iter().filter_map(|person| {
            let record = stored.users.get(*person as usize)?.clone()?;
            Some((*numbers.get(source.people.ids().get(*person as usize)?)?, Some(record)))
        });
        users.extend(kept);
    }
    let groups = source.groups.iter().map(|group| (group.id.clone(), CachedGroup::of(group)));
    update.groups =
        groups.filter(|(id, group)| update.anew || stored.groups.get(id) != Some(group)).collect();
    let listed: BTreeSet<&SourceId> = source.groups.iter().map(|group| &group.id).collect();
    update.groups_gone = stored.groups.keys().filter(|id| !listed.contains(id)).cloned().collect();
    update.users = users;
    // A read of changes says itself up to when it knows.
    update.read =
        source.began.map(|since| StoredRead { settings, since, log: None, judged: false, done: false });
}

/// Who could not be read, or of whom no answer came: not gone (RULES 13).
fn unknown(source: &SourceSnapshot) -> impl Iterator<Item = &SourceId> {
    let unanswered = source.absences.iter().filter(|(_, absence)| matches!(absence, Absence::Unknown(_)));
    source.unreadable.iter().chain(unanswered.map(|(id, _)| id))
}

/// The source as it was known, if all of it can be read back.
pub(super) fn recall(
    lists: &CachedLists,
    stored: &StoredRecords,
    request: &ReadRequest,
    narrowed: bool,
) -> Option<SourceSnapshot> {
    let attributes = &request.attributes;
    let users =
        lists.people.iter().zip(&stored.users).filter_map(|(id, record)| {
            record.as_deref().map(|record| read_user(id, record, attributes.len()))
        });
    let groups = stored.groups.iter().map(|(id, group)| {
        let list = lists.lists.get(id);
        let unread = || Proof::NotProven("it could not be read when all were read last".to_owned());
        let (members, members_proof) = match list {
            _ if group.unproven => (Vec::new(), unread()),
            _ if !group.has_list => (Vec::new(), Proof::Proven),
            Some(list) => (list.members.unpack(lists.people.len())?, Proof::Proven),
            None => (Vec::new(), unread()),
        };
        Some(SourceGroup {
            id: id.clone(),
            name: group.name.clone(),
            description: group.description.clone(),
            everyone: group.everyone,
            members,
            members_proof,
            members_changed: list.map_or_else(|| group.stamp.clone(), |list| list.stamp.clone()),
            members_from: match list.filter(|_| group.has_list) {
                Some(list) => MembersFrom::Cache { read: list.read },
                None if group.has_list => MembersFrom::List { settled: false },
                None => MembersFrom::Nowhere,
            },
            changed: group.changed.clone(),
        })
    });
    Some(SourceSnapshot {
        address: SourceAddress::default(),
        began: None,
        attribute_names: Arc::clone(attributes),
        users: users.collect::<Option<_>>()?,
        groups: groups.collect::<Option<_>>()?,
        people: People::of(&lists.people),
        users_narrowed: narrowed,
        of_one_user: false,
        of_changes: Some(BTreeSet::new()),
        users_proof: Proof::Proven,
        groups_proof: Proof::Proven,
        unreadable: BTreeSet::new(),
        absences: BTreeMap::new(),
        own_groups_asked: BTreeSet::new(),
        findings: Vec::new(),
    })
}

/// The numbers by which stored lists name people.
enum Numbers {
    /// Those of the snapshot, which begin with those that are stored.
    Kept,
    /// New ones, for those whom a list or the user list names.
    Anew { people: Vec<SourceId>, of: Vec<Person> },
}

impl Numbers {
    fn of(source: &SourceSnapshot, known: &CachedLists) -> Self {
        let ids = source.people.ids();
        let mut named = vec![false; ids.len()];
        let members = source.groups.iter().flat_map(|group| &group.members).map(|member| member.person);
        let known_of = source.users.iter().map(|user| &user.id).chain(unknown(source));
        for person in members.chain(known_of.filter_map(|id| source.people.find(&id.0))) {
            if let Some(slot) = named.get_mut(person as usize) {
                *slot = true;
            }
        }
        let nameless = named.iter().filter(|named| !**named).count();
        if ids.starts_with(&known.people) && nameless <= ids.len() / 2 + SPARE_NUMBERS {
            return Self::Kept;
        }
        let (mut people, mut of) = (Vec::new(), vec![0; ids.len()]);
        for ((id, number), _) in ids.iter().zip(&mut of).zip(named).filter(|(_, named)| *named) {
            *number = Person::try_from(people.len()).unwrap_or(Person::MAX);
            people.push(id.clone());
        }
        Self::Anew { people, of }
    }

    fn give<'m>(&self, members: Cow<'m, [Member]>) -> Cow<'m, [Member]> {
        let Self::Anew { of, .. } = self else { return members };
        let number = |member: &Member| {
            Some(Member { person: *of.get(member.person as usize)?, status: member.status })
        };
        // The order stays: numbers are given in that of the old ones.
        members.iter().filter_map(number).collect()
    }
}

/// Who has been deactivated, perhaps since a list was read: with that status, nobody asks for it again in each run because the
/// user list does not show it (RULES 12).
struct Deactivated(BTreeSet<Person>);

impl Deactivated {
    fn of(source: &SourceSnapshot) -> Self {
        let gone = source.users.iter().filter(|user| user.status == Status::Deprovisioned);
        Self(gone.filter_map(|user| source.people.find(&user.id.0)).collect())
    }

    fn apply<'m>(&self, members: &'m [Member]) -> Cow<'m, [Member]> {
        let has_changed =
            |member: &Member| member.status != Status::Deprovisioned && self.0.contains(&member.person);
        if self.0.is_empty() || !members.iter().any(has_changed) {
            return Cow::Borrowed(members);
        }
        let noted = |member: &Member| match self.0.contains(&member.person) {
            true => Member { status: Status::Deprovisioned, ..*member },
            false => *member,
        };
        members.iter().map(noted).collect()
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
