//! What incremental runs left for a full one: the source as they knew it, beside what a full read shows (RULES 22).

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use compact_str::CompactString;

use super::read::{CHANGED, Read};
use super::{Failure, RunTicket, Services, cache};
use crate::config::model::Connector;
use crate::source::cache::{CachedGroup, PackedMembers, STAMP_LAG, read_user};
use crate::store::StoredRead;
use crate::sync::guard::Hold;
use crate::sync::model::{AttributeValue, SourceId, SourceSnapshot, SourceUser};
use crate::sync::plan::{Operation, Plan};
use crate::sync::report::Drift;

/// The attribute that says when a user signed in last, which changes nothing else of it.
const LAST_LOGIN: &str = "lastLogin";

/// The source as incremental runs knew it.
pub(super) struct Known {
    people: Vec<SourceId>,
    users: Vec<Option<Box<str>>>,
    groups: BTreeMap<SourceId, CachedGroup>,
    lists: BTreeMap<SourceId, PackedMembers>,
    read: StoredRead,
}

/// Where a full read showed something else.
pub(super) struct Drifted {
    /// Who and what says that it changed before incremental runs last looked.
    missed: BTreeSet<SourceId>,
    /// Who and what is not shown any more, or is now although it did not change.
    absent: BTreeSet<SourceId>,
}

/// What incremental runs knew before this run; none if it is not a full one, or there was none of them.
pub(super) async fn known(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
) -> Result<Option<Known>, Failure> {
    if !ticket.is_whole() || !cache::keeps_records(connector) {
        return Ok(None);
    }
    let stored = services.store.cached_records(&connector.name).await?;
    let Some(read) = stored.read else { return Ok(None) };
    let lists = services.store.cached_lists(&connector.name).await?;
    Ok(Some(Known {
        people: lists.people,
        users: stored.users,
        groups: stored.groups,
        lists: lists.lists.into_iter().map(|(group, list)| (group, list.members)).collect(),
        read,
    }))
}

impl Known {
    /// Compares with what a full read shows; none if that is not whole, or was made by other settings.
    pub(super) fn compare(self, read: &Read) -> Option<Drifted> {
        let source = &read.source;
        if read.cache.read.as_ref().is_none_or(|now| now.settings != self.read.settings) {
            return None;
        }
        let mut drifted = Drifted { missed: BTreeSet::new(), absent: BTreeSet::new() };
        self.compare_users(source, &mut drifted);
        self.compare_groups(source, &mut drifted);
        Some(drifted)
    }

    fn compare_users(&self, source: &SourceSnapshot, drifted: &mut Drifted) {
        let names = &source.attribute_names;
        let known = self.people.iter().zip(&self.users);
        let mut known: BTreeMap<&SourceId, &str> =
            known.filter_map(|(id, record)| Some((id, record.as_deref()?))).collect();
        let changed = |user: &SourceUser| {
            let place = names.iter().position(|name| name == CHANGED)?;
            match user.attributes.get(place)? {
                AttributeValue::Text(stamp) => Some(stamp.clone()),
                _ => None,
            }
        };
        for user in &source.users {
            let was = known.remove(&user.id).and_then(|record| read_user(&user.id, record, names.len()));
            if was.as_ref().is_some_and(|was| is_same(was, user, names)) {
                continue;
            }
            if self.is_old(changed(user).as_deref().unwrap_or_default()) {
                // Who came into a list without having changed was assigned, or is found by a search now.
                let appeared = was.is_none() && source.users_narrowed;
                let drift = if appeared { &mut drifted.absent } else { &mut drifted.missed };
                drift.insert(user.id.clone());
            }
        }
        drifted.absent.extend(known.into_keys().cloned());
    }

    fn compare_groups(&self, source: &SourceSnapshot, drifted: &mut Drifted) {
        let ids = source.people.ids();
        let mut known: BTreeSet<&SourceId> = self.groups.keys().collect();
        for group in &source.groups {
            known.remove(&group.id);
            let Some(was) = self.groups.get(&group.id) else {
                if self.is_old(&group.changed) {
                    drifted.absent.insert(group.id.clone());
                }
                continue;
            };
            let renamed = (&was.name, &was.description) != (&group.name, &group.description);
            if renamed && self.is_old(&group.changed) {
                drifted.missed.insert(group.id.clone());
            }
            let list = self.lists.get(&group.id).and_then(|list| list.unpack(self.people.len()));
            let Some(list) = list else { continue };
            let was: BTreeSet<&SourceId> =
                list.iter().filter_map(|member| self.people.get(member.person as usize)).collect();
            let is: BTreeSet<&SourceId> =
                group.members.iter().filter_map(|member| ids.get(member.person as usize)).collect();
            if was != is && self.is_old(&group.members_changed) {
                drifted.missed.insert(group.id.clone());
            }
        }
        drifted.absent.extend(known.into_iter().cloned());
    }

    /// Whether an incremental run has had the chance to see what changed at that time.
    fn is_old(&self, stamp: &str) -> bool {
        DateTime::parse_from_rfc3339(stamp).is_ok_and(|stamp| stamp < self.read.since - STAMP_LAG)
    }
}

/// Whether nothing has changed of a user but what only full runs see.
fn is_same(was: &SourceUser, is: &SourceUser, names: &[CompactString]) -> bool {
    let mut values = names.iter().zip(was.attributes.iter().zip(is.attributes.iter()));
    was.status == is.status && values.all(|(name, (was, is))| was == is || name == LAST_LOGIN)
}

impl Drifted {
    /// How many operations of a plan, and of what is held, are for the sake of each.
    pub(super) fn count(&self, plan: &Plan, holds: &[Hold]) -> Drift {
        let held = holds.iter().flat_map(|hold| &hold.operations);
        let all: Vec<&Operation> = plan.operations.iter().chain(held).collect();
        let of = |ids: &BTreeSet<SourceId>| {
            all.iter().filter(|operation| ids.contains(&operation.source)).count() as u64
        };
        Drift { operations: of(&self.missed), absences: of(&self.absent) }
    }
}
