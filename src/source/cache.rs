//! What earlier reads of a source showed, so that what has not changed since need not be asked for again.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::sync::model::{
    AttributeValue, Member, MembersFrom, People, Person, SourceGroup, SourceId, SourceUser, Status,
};

/// Okta shows a change of members in the group's stamp up to some seconds late, lists may be a moment behind a change, and
/// stamps count in whole seconds (observed: more than four seconds). A list that was read sooner after its stamp may
/// therefore lack a change that the stamp will never tell.
pub const STAMP_LAG: TimeDelta = TimeDelta::minutes(2);

/// Member lists as they were when they were last read to their end.
#[derive(Clone, Debug, Default)]
pub struct CachedLists {
    /// Whom the numbers in the lists mean: a [`Person`] is a position in it.
    pub people: Arc<[SourceId]>,
    /// The lists by their group's id.
    pub lists: BTreeMap<SourceId, CachedList>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedList {
    /// When the source said that it last changed, as it said it.
    pub stamp: CompactString,
    /// When it was read, by this host's clock.
    pub read: DateTime<Utc>,
    /// Who was in it.
    pub members: PackedMembers,
    /// Whether it stands for the list itself as long as its stamp does. If not, the list is read again, and only compared
    /// with this one.
    pub is_current: bool,
}

/// A member list in few bytes: how many there are, and for each the distance to the person before, with the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedMembers(pub Arc<[u8]>);

/// How many bits of a packed number are the status.
const STATUS_BITS: u32 = 4;

impl PackedMembers {
    /// Of these members, sorted by person and without doubles.
    #[must_use]
    pub fn pack(members: &[Member]) -> Self {
        let mut bytes = Vec::with_capacity(2 + members.len() * 2);
        push_number(&mut bytes, members.len() as u64);
        let mut before = 0;
        for member in members {
            let distance = u64::from(member.person.wrapping_sub(before));
            push_number(&mut bytes, distance << STATUS_BITS | u64::from(code(member.status)));
            before = member.person;
        }
        Self(bytes.into())
    }

    /// How many members there are; none if these bytes are no list.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        take_number(&mut self.0.iter())
    }

    /// The members, sorted by person; none if these bytes are no list of such people.
    #[must_use]
    pub fn unpack(&self, people: usize) -> Option<Vec<Member>> {
        let mut bytes = self.0.iter();
        let count = usize::try_from(take_number(&mut bytes)?).ok().filter(|count| *count <= people)?;
        let mut members = Vec::with_capacity(count);
        let mut person: Person = 0;
        for _ in 0..count {
            let number = take_number(&mut bytes)?;
            let status = status(number & ((1 << STATUS_BITS) - 1))?;
            person = person.checked_add(Person::try_from(number >> STATUS_BITS).ok()?)?;
            members.push(Member { person, status });
        }
        let is_whole = bytes.next().is_none() && (person as usize) < people.max(1);
        is_whole.then_some(members)
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

fn take_number(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A status as it is kept: its place among the known ones, or the number behind them.
fn code(status: Status) -> u8 {
    let place = Status::KNOWN.iter().position(|known| *known == status);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(Status::KNOWN.len() as u8)
}

fn status(code: u64) -> Option<Status> {
    let code = usize::try_from(code).ok()?;
    match Status::KNOWN.get(code) {
        Some(status) => Some(*status),
        None if code == Status::KNOWN.len() => Some(Status::Unknown),
        None => None,
    }
}

/// A group as a list showed it, beside its members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedGroup {
    /// Its name.
    pub name: CompactString,
    /// A text for people.
    pub description: CompactString,
    /// Okta's built-in `Everyone`.
    pub everyone: bool,
    /// When the source said that its members last changed.
    pub stamp: CompactString,
    /// When the source said that the group itself last changed.
    pub changed: CompactString,
    /// Whether its members are those of a list; else there are none, or nobody wanted them.
    pub has_list: bool,
    /// Whether its members could not be read, or not to their end, when the group was read last.
    #[serde(default)]
    pub unproven: bool,
}

impl CachedGroup {
    /// Of a group that was read.
    #[must_use]
    pub fn of(group: &SourceGroup) -> Self {
        Self {
            name: group.name.clone(),
            description: group.description.clone(),
            everyone: group.everyone,
            stamp: group.members_changed.clone(),
            changed: group.changed.clone(),
            has_list: group.members_from != MembersFrom::Nowhere,
            unproven: !group.members_proof.is_proven(),
        }
    }
}

/// A user in one line of JSON: an array of the status and the attributes.
#[must_use]
pub fn write_user(user: &SourceUser) -> Box<str> {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Absent => serde_json::Value::Null,
        AttributeValue::Text(text) => serde_json::Value::from(text.as_str()),
        AttributeValue::Json(value) => (**value).clone(),
    };
    let status = serde_json::Value::from(user.status.as_str());
    let record: Vec<_> = std::iter::once(status).chain(user.attributes.iter().map(value)).collect();
    serde_json::Value::Array(record).to_string().into()
}

/// Reads such a line back; none if it is none, or has another number of attributes.
#[must_use]
pub fn read_user(id: &SourceId, record: &str, attributes: usize) -> Option<SourceUser> {
    let values: Vec<serde_json::Value> = serde_json::from_str(record).ok()?;
    let (status, values) = values.split_first()?;
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Null => AttributeValue::Absent,
        serde_json::Value::String(text) => AttributeValue::Text(text.as_str().into()),
        value => AttributeValue::Json(Box::new(value.clone())),
    };
    let user = SourceUser {
        id: id.clone(),
        status: Status::from_okta(status.as_str()?),
        attributes: values.iter().map(value).collect(),
    };
    (user.attributes.len() == attributes).then_some(user)
}

impl CachedLists {
    /// The list of a group that has not changed since it was kept: the source shows the same stamp, and as many members if
    /// it says how many. The people of a snapshot that it goes into begin with [`CachedLists::people`].
    #[must_use]
    pub fn unchanged(
        &self,
        group: &SourceId,
        stamp: &str,
        count: Option<u64>,
    ) -> Option<(Vec<Member>, MembersFrom)> {
        let list = self.lists.get(group).filter(|list| list.is_current && list.stamp == stamp)?;
        let members = list.members.unpack(self.people.len())?;
        let agrees = count.is_none_or(|count| count == members.len() as u64);
        agrees.then_some((members, MembersFrom::Cache { read: list.read }))
    }

    /// Who was in a list when it was last read, if the source says that it has not changed since.
    #[must_use]
    pub fn seen(&self, group: &SourceId, stamp: &str) -> Option<Vec<Person>> {
        let list = self.lists.get(group).filter(|list| !stamp.is_empty() && list.stamp == stamp)?;
        let members = list.members.unpack(self.people.len())?;
        Some(members.into_iter().map(|member| member.person).collect())
    }

    /// What several connectors know of one source, as one: the later stamp counts, since the source does not go back to an
    /// earlier one. Where two saw different lists under one stamp, the list is read again.
    #[must_use]
    pub fn together<'c>(mut all: impl Iterator<Item = &'c Self>) -> Self {
        let Some(first) = all.next() else { return Self::default() };
        let mut rest = all.peekable();
        if rest.peek().is_none() {
            return first.clone();
        }
        let mut people = People::of(&first.people);
        let mut lists = first.lists.clone();
        for other in rest {
            let numbers: Vec<Person> = other.people.iter().map(|id| people.intern(&id.0)).collect();
            for (group, list) in &other.lists {
                let known = lists.get(group);
                if known.is_some_and(|known| known.stamp > list.stamp) {
                    continue;
                }
                let Some(list) = list.renumbered(&numbers, other.people.len()) else { continue };
                match lists.get_mut(group) {
                    Some(known) if known.stamp == list.stamp => {
                        let agrees = known.members == list.members;
                        known.is_current = agrees && (known.is_current || list.is_current);
                    }
                    _ => drop(lists.insert(group.clone(), list)),
                }
            }
        }
        Self { people: people.ids().into(), lists }
    }
}

impl CachedList {
    fn renumbered(&self, numbers: &[Person], people: usize) -> Option<Self> {
        let mut members = self.members.unpack(people)?;
        for member in &mut members {
            member.person = *numbers.get(member.person as usize)?;
        }
        members.sort_unstable();
        Some(Self { members: PackedMembers::pack(&members), ..self.clone() })
    }
}

/// Whether a list that was read when the source's clock showed `read` holds all that its stamp stands for.
#[must_use]
pub fn is_settled(stamp: &str, read: Option<DateTime<Utc>>) -> bool {
    let stamp = DateTime::parse_from_rfc3339(stamp).ok();
    matches!((stamp, read), (Some(stamp), Some(read)) if read.signed_duration_since(stamp) >= STAMP_LAG)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
