//! Takes back what a run that was cut short had created. Pure.
//!
//! A create whose answer was never recorded may or may not have been carried out. If the target has an object of the
//! name that was sent, and nobody manages it, it is ours: nothing of that name was there when the create was planned.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::diff::Claims;
use super::model::{Ledger, LedgerGroup, LedgerUser, Origin, SourceId, TargetId, TargetSnapshot};
use super::plan::LedgerChange;
use crate::target::Capabilities;

/// Puts the objects of unanswered creates into the ledger, and returns the same as changes for the store (RULES 5).
pub fn link_unanswered(
    ledger: &mut Ledger,
    target: &TargetSnapshot,
    claims: &Claims,
    capabilities: Capabilities,
) -> Vec<LedgerChange> {
    let mut changes = Vec::new();
    let managed: BTreeSet<&TargetId> = ledger.users.values().map(|user| &user.target).collect();
    let users = target
        .users
        .iter()
        .filter(|user| !managed.contains(&user.id) && !claims.users.contains_key(&user.id));
    let found =
        find(&ledger.unanswered_users, users.map(|user| (&user.attributes.username, &user.id)), capabilities);
    for (source, name, id) in found {
        if !ledger.users.contains_key(&source) {
            let user =
                LedgerUser { target: id, username: name, origin: Origin::Created, disabled_by_us: false };
            ledger.users.insert(source.clone(), user.clone());
            changes.push(LedgerChange::PutUser(source, user));
        }
    }
    let managed: BTreeSet<&TargetId> = ledger.groups.values().map(|group| &group.target).collect();
    let groups = target
        .groups
        .iter()
        .filter(|group| !managed.contains(&group.id) && !claims.groups.contains_key(&group.id));
    let found = find(
        &ledger.unanswered_groups,
        groups.map(|group| (&group.attributes.name, &group.id)),
        capabilities,
    );
    for (source, name, id) in found {
        if !ledger.groups.contains_key(&source) {
            let group = LedgerGroup { target: id, name, origin: Origin::Created, memberships: 0 };
            ledger.groups.insert(source.clone(), group.clone());
            changes.push(LedgerChange::PutGroup(source, group));
        }
    }
    changes
}

/// Which unanswered creates stand in the target under the name that was sent.
fn find<'a>(
    unanswered: &BTreeMap<SourceId, CompactString>,
    objects: impl Iterator<Item = (&'a CompactString, &'a TargetId)>,
    capabilities: Capabilities,
) -> Vec<(SourceId, CompactString, TargetId)> {
    if unanswered.is_empty() {
        return Vec::new();
    }
    let by_name: BTreeMap<CompactString, (&CompactString, &TargetId)> =
        objects.map(|(name, id)| (capabilities.name_key(name), (name, id))).collect();
    unanswered
        .iter()
        .filter_map(|(source, sent)| {
            let (name, id) = by_name.get(&capabilities.name_key(sent))?;
            Some((source.clone(), (*name).clone(), (*id).clone()))
        })
        .collect()
}
