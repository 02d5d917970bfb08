//! Memberships on the way back.

use std::collections::BTreeSet;

use compact_str::CompactString;
use serde_json::Value;

use super::{Done, Inverse, Reason, part};
use crate::sync::model::{SourceId, TargetGroup, TargetId};
use crate::sync::plan::{Change, Tie, always_name};
use crate::sync::report::Stale;

/// Which group: one that exists, or one that is created anew, by its first source id. Two groups may stand for one source id
/// in one run, so that alone names none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Existing(TargetId),
    Anew(SourceId),
}

/// Who comes back into one group, and who goes out of it again.
pub(super) struct Back {
    /// What operations on the group bear.
    pub(super) source: SourceId,
    pub(super) name: CompactString,
    pub(super) added: BTreeSet<SourceId>,
    pub(super) removed: BTreeSet<SourceId>,
}

impl Back {
    pub(super) fn of(source: SourceId, name: CompactString) -> Self {
        Self { source, name, added: BTreeSet::new(), removed: BTreeSet::new() }
    }
}

impl Inverse<'_> {
    pub(super) fn change_members_back(&mut self, done: &Done) -> Result<(), Reason> {
        let source: SourceId = part(&done.operation, "source")?;
        let name: CompactString = part(&done.operation, "name")?;
        let list = |pointer: &str| -> Vec<SourceId> {
            let list = done.operation.pointer(pointer).and_then(Value::as_array);
            let ids = list.into_iter().flatten().filter_map(Value::as_str).map(SourceId::from);
            ids.filter(|id| !done.left_out.contains(id)).collect()
        };
        let (came, went) = (list("/after/added"), list("/before/removed"));
        let anew = self.groups_anew.contains_key(&source);
        let group = done.target.as_ref().and_then(|target| self.groups.get(target).copied());
        let (which, members) = match group {
            Some(group) => {
                self.check_group(&source, group)?;
                (Which::Existing(group.id.clone()), self.member_ids(group))
            }
            None if anew => (Which::Anew(source.clone()), BTreeSet::new()),
            None => return Err("the group is gone"),
        };
        let mut back = self.memberships.remove(&which).unwrap_or_else(|| Back::of(source, name));
        let all = came.len() + went.len();
        let mut otherwise = 0;
        for (who, comes) in
            came.into_iter().map(|id| (id, false)).chain(went.into_iter().map(|id| (id, true)))
        {
            let account = self.account(&who).filter(|account| members.contains(account) != comes);
            if account.is_none() || self.was_changed_later(&which, &who) {
                otherwise += 1;
                continue;
            }
            let side = if comes { &mut back.added } else { &mut back.removed };
            side.insert(who);
        }
        self.memberships.insert(which, back);
        if otherwise > 0 {
            let reason = format!(
                "{otherwise} of its {all} memberships are not as the run left them, or the account is not managed any more"
            );
            self.undo.stale.push(Stale { summary: done.summary.clone(), reason });
        }
        Ok(())
    }

    fn was_changed_later(&self, which: &Which, who: &SourceId) -> bool {
        let Which::Existing(target) = which else { return false };
        self.present.later.memberships.contains(&(target.clone(), who.clone()))
    }

    /// The account of a user, who is then known as a member; none if there is none that the connector manages.
    fn account(&mut self, who: &SourceId) -> Option<TargetId> {
        if let Some((target, _)) = self.people.get(who) {
            // One that is created anew is in no group.
            return Some(target.clone().unwrap_or_else(|| TargetId::from("")));
        }
        let target = &self.present.ledger.users.get(who)?.target;
        let (_, user) = self.users.get(target)?;
        if self.present.protected.users.matches(&user.attributes.username) {
            return None;
        }
        self.people.insert(who.clone(), (Some(target.clone()), user.attributes.username.clone()));
        Some(target.clone())
    }

    fn member_ids(&self, group: &TargetGroup) -> BTreeSet<TargetId> {
        let users = group.members.iter().filter_map(|at| self.present.target.users.get(*at as usize));
        users.map(|user| user.id.clone()).collect()
    }

    /// The members that the connector manages.
    pub(super) fn managed_members(&self, group: &TargetGroup) -> BTreeSet<TargetId> {
        let managed: BTreeSet<&TargetId> =
            self.present.ledger.users.values().map(|user| &user.target).collect();
        self.member_ids(group).into_iter().filter(|id| managed.contains(id)).collect()
    }

    /// The groups out of which a user goes again.
    pub(super) fn groups_that_lose(&self, who: &SourceId) -> BTreeSet<TargetId> {
        let losing = self.memberships.iter().filter(|(_, back)| back.removed.contains(who));
        let existing = losing.filter_map(|(which, _)| match which {
            Which::Existing(target) => Some(target.clone()),
            Which::Anew(_) => None,
        });
        existing.collect()
    }

    /// The accounts that go out of a group again.
    pub(super) fn members_that_go(&self, group: &TargetId) -> BTreeSet<TargetId> {
        let which = Which::Existing(group.clone());
        let going = self.memberships.get(&which).into_iter().flat_map(|back| &back.removed);
        going.filter_map(|who| self.people.get(who)?.0.clone()).collect()
    }

    /// Puts the memberships into operations.
    pub(super) fn finish_memberships(&mut self) {
        let named: Vec<SourceId> = self.people.keys().cloned().collect();
        let position = |who: &SourceId| named.binary_search(who).ok().and_then(|at| u32::try_from(at).ok());
        for (which, back) in std::mem::take(&mut self.memberships) {
            let positions =
                |who: &BTreeSet<SourceId>| -> Vec<u32> { who.iter().filter_map(position).collect() };
            let (added, removed) = (positions(&back.added), positions(&back.removed));
            if added.is_empty() && removed.is_empty() {
                continue;
            }
            let target = match &which {
                Which::Existing(target) => Some(target),
                Which::Anew(_) => None,
            };
            let group = target.and_then(|target| self.groups.get(target).copied());
            let before = group.map_or(0, |group| self.managed_members(group).len() as u64);
            let tie = if always_name(&back.source).is_some() { Tie::Always } else { Tie::Synced };
            let change = Change::ChangeMembers { added, removed, leavers: Vec::new(), before, tie };
            self.push(&back.source, target, &back.name, change);
        }
    }
}
