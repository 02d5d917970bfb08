//! Finds out what became of operations whose answers were never recorded, because the daemon or the disk gave out in
//! between. Pure: the target tells.
//!
//! A create: if the target has an object of the name that was sent, and nobody manages it, it is ours: nothing of that name
//! was there when the create was planned (RULES 5). A disable: if the account is disabled, we did it, and may enable it
//! again (RULES 8). A delete: what is gone is forgotten, else it would look as if somebody else had deleted it. Whatever
//! happened counts against the limits over 24 hours (RULES 20).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use compact_str::CompactString;

use super::diff::Claims;
use super::model::{
    AlwaysGroup, Ledger, LedgerGroup, LedgerUser, Origin, SourceId, TargetId, TargetSnapshot, Unanswered,
};
use super::plan::{LedgerChange, always_name};
use super::report::HoldKind;
use crate::target::Capabilities;

/// What turned out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What the ledger did not know; it is in the ledger that was given, and these are the same changes for the store.
    pub changes: Vec<LedgerChange>,
    /// What happened and counts against a limit: which, of which group, how many.
    pub happened: Vec<(HoldKind, Option<TargetId>, u64)>,
}

/// Looks for the effects of unanswered operations, and puts what it finds into the ledger.
pub fn find_unanswered(
    ledger: &mut Ledger,
    target: &TargetSnapshot,
    claims: &Claims,
    capabilities: Capabilities,
) -> Found {
    let unanswered = std::mem::take(&mut ledger.unanswered);
    if unanswered.is_empty() {
        return Found::default();
    }
    let seen = Seen::new(ledger, target, claims, capabilities);
    let mut found = Found::default();
    for operation in &unanswered {
        let happened = match operation.kind.as_str() {
            "create_user" => seen.created_user(operation, ledger, &mut found.changes),
            "create_group" => {
                seen.created_group(operation, ledger, &mut found.changes);
                None
            }
            "delete_user" => seen.deleted_user(operation, ledger, &mut found.changes),
            "delete_group" => seen.deleted_group(operation, ledger, &mut found.changes),
            "anonymize_user" => {
                seen.anonymized_user(operation, ledger, &mut found.changes);
                None
            }
            "change_members" if always_name(&operation.source).is_some() => {
                seen.added_always(operation, ledger, &mut found.changes);
                seen.removed_members(operation, ledger)
            }
            "disable_user" => seen.disabled_user(operation, ledger, &mut found.changes),
            "rename_user" => seen.renamed_user(operation, ledger),
            "change_members" | "empty_group" => seen.removed_members(operation, ledger),
            _ => None,
        };
        found.happened.extend(happened);
    }
    ledger.unanswered = unanswered;
    found
}

/// The target, by what an operation knows of it.
struct Seen<'a> {
    target: &'a TargetSnapshot,
    capabilities: Capabilities,
    users: HashMap<&'a TargetId, usize>,
    groups: HashMap<&'a TargetId, usize>,
    /// Users and groups that nobody manages, by name.
    free_users: BTreeMap<CompactString, (CompactString, TargetId)>,
    free_groups: BTreeMap<CompactString, (CompactString, TargetId)>,
}

type Happened = Option<(HoldKind, Option<TargetId>, u64)>;

impl<'a> Seen<'a> {
    fn new(ledger: &Ledger, target: &'a TargetSnapshot, claims: &Claims, capabilities: Capabilities) -> Self {
        let managed: BTreeSet<&TargetId> = ledger.users.values().map(|user| &user.target).collect();
        let free_users = target
            .users
            .iter()
            .filter(|user| !managed.contains(&user.id) && !claims.users.contains_key(&user.id))
            .map(|user| (&user.attributes.username, &user.id));
        let managed: BTreeSet<&TargetId> = ledger.groups.values().map(|group| &group.target).collect();
        let free_groups = target
            .groups
            .iter()
            .filter(|group| !managed.contains(&group.id) && !claims.groups.contains_key(&group.id))
            .map(|group| (&group.attributes.name, &group.id));
        let by_name = |(name, id): (&CompactString, &TargetId)| {
            (capabilities.name_key(name), (name.clone(), id.clone()))
        };
        Self {
            target,
            capabilities,
            users: target.users.iter().enumerate().map(|(at, user)| (&user.id, at)).collect(),
            groups: target.groups.iter().enumerate().map(|(at, group)| (&group.id, at)).collect(),
            free_users: free_users.map(by_name).collect(),
            free_groups: free_groups.map(by_name).collect(),
        }
    }

    fn created_user(
        &self,
        sent: &Unanswered,
        ledger: &mut Ledger,
        changes: &mut Vec<LedgerChange>,
    ) -> Happened {
        let (name, id) = self.free_users.get(&self.capabilities.name_key(&sent.name))?;
        // Unless what the ledger knows is gone and this is its successor.
        if ledger.users.get(&sent.source).is_some_and(|known| self.users.contains_key(&known.target)) {
            return None;
        }
        let (username, target) = (name.clone(), id.clone());
        let user = LedgerUser::created(target, username);
        ledger.users.insert(sent.source.clone(), user.clone());
        changes.push(LedgerChange::PutUser(sent.source.clone(), user));
        Some((HoldKind::Creates, None, 1))
    }

    fn created_group(&self, sent: &Unanswered, ledger: &mut Ledger, changes: &mut Vec<LedgerChange>) {
        let Some((name, id)) = self.free_groups.get(&self.capabilities.name_key(&sent.name)) else { return };
        let (name, target) = (name.clone(), id.clone());
        if let Some(always) = always_name(&sent.source) {
            ledger.always.entry(always.into()).or_insert_with(|| {
                let (name, created) = (always.into(), true);
                changes.push(LedgerChange::PutAlways { name, target: target.clone(), created });
                AlwaysGroup { target, created, members: BTreeSet::new() }
            });
            return;
        }
        if ledger.groups.contains_key(&sent.source) {
            return;
        }
        let group = LedgerGroup { target, name, origin: Origin::Created, memberships: 0 };
        ledger.groups.insert(sent.source.clone(), group.clone());
        changes.push(LedgerChange::PutGroup(sent.source.clone(), group));
    }

    fn disabled_user(
        &self,
        sent: &Unanswered,
        ledger: &mut Ledger,
        changes: &mut Vec<LedgerChange>,
    ) -> Happened {
        let user = ledger.users.get_mut(&sent.source)?;
        let actual = self.target.users.get(*self.users.get(&user.target)?)?;
        if actual.active || user.disabled_by_us {
            return None;
        }
        user.disabled_by_us = true;
        changes.push(LedgerChange::PutUser(sent.source.clone(), user.clone()));
        Some((HoldKind::Leavers, None, 1))
    }

    fn deleted_user(
        &self,
        sent: &Unanswered,
        ledger: &mut Ledger,
        changes: &mut Vec<LedgerChange>,
    ) -> Happened {
        let known = ledger.users.get(&sent.source)?;
        if self.users.contains_key(&known.target) || sent.target.as_ref() != Some(&known.target) {
            return None;
        }
        ledger.users.remove(&sent.source);
        changes.push(LedgerChange::ForgetUser(sent.source.clone()));
        Some((HoldKind::Leavers, None, 1))
    }

    fn deleted_group(
        &self,
        sent: &Unanswered,
        ledger: &mut Ledger,
        changes: &mut Vec<LedgerChange>,
    ) -> Happened {
        let target = sent.target.as_ref().filter(|target| !self.groups.contains_key(target))?;
        let sources: Vec<SourceId> = ledger
            .groups
            .iter()
            .filter(|(_, group)| group.target == *target)
            .map(|(source, _)| source.clone())
            .collect();
        for source in sources {
            ledger.groups.remove(&source);
            changes.push(LedgerChange::ForgetGroup(source));
        }
        Some((HoldKind::Groups, None, 1))
    }

    /// What it was before is remembered now, so that it can have it back.
    fn anonymized_user(&self, sent: &Unanswered, ledger: &mut Ledger, changes: &mut Vec<LedgerChange>) {
        let Some(user) = ledger.users.get_mut(&sent.source).filter(|user| user.original.is_none()) else {
            return;
        };
        let actual = self.users.get(&user.target).and_then(|at| self.target.users.get(*at));
        let happened =
            actual.is_some_and(|actual| sent.new_name.as_ref() == Some(&actual.attributes.username));
        if happened && sent.before.is_some() {
            user.original = sent.before.clone();
            changes.push(LedgerChange::PutUser(sent.source.clone(), user.clone()));
        }
    }

    /// Memberships that we added to a group of `groups.always` are ours.
    fn added_always(&self, sent: &Unanswered, ledger: &mut Ledger, changes: &mut Vec<LedgerChange>) {
        let Some((name, always)) =
            always_name(&sent.source).and_then(|name| ledger.always.get_key_value(name))
        else {
            return;
        };
        let Some(group) = self.groups.get(&always.target).and_then(|at| self.target.groups.get(*at)) else {
            return;
        };
        let members: BTreeSet<&TargetId> = group
            .members
            .iter()
            .filter_map(|at| self.target.users.get(*at as usize))
            .map(|user| &user.id)
            .collect();
        let is_member =
            |source: &&SourceId| ledger.users.get(*source).is_some_and(|user| members.contains(&user.target));
        let added: Vec<SourceId> = sent.added.iter().filter(is_member).cloned().collect();
        let name = name.clone();
        if let Some(always) = ledger.always.get_mut(&name) {
            always.members.extend(added.iter().cloned());
        }
        changes.push(LedgerChange::ChangeAlways { name, added, removed: Vec::new() });
    }

    fn renamed_user(&self, sent: &Unanswered, ledger: &Ledger) -> Happened {
        let user = ledger.users.get(&sent.source)?;
        let actual = self.target.users.get(*self.users.get(&user.target)?)?;
        let happened = sent.new_name.as_ref() == Some(&actual.attributes.username);
        happened.then_some((HoldKind::Renames, None, 1))
    }

    fn removed_members(&self, sent: &Unanswered, ledger: &Ledger) -> Happened {
        let id = sent.target.as_ref()?;
        let group = self.target.groups.get(*self.groups.get(id)?)?;
        let members: BTreeSet<&TargetId> = group
            .members
            .iter()
            .filter_map(|at| self.target.users.get(*at as usize))
            .map(|user| &user.id)
            .collect();
        let gone = sent
            .removed
            .iter()
            .filter_map(|source| ledger.users.get(source))
            .filter(|user| !members.contains(&user.target))
            .count() as u64;
        match sent.kind.as_str() {
            _ if gone == 0 => None,
            "empty_group" => Some((HoldKind::Groups, None, 1)),
            _ => Some((HoldKind::Memberships, Some(id.clone()), gone)),
        }
    }
}
