//! Finds out what became of operations whose answers were never recorded, because the daemon or the disk gave out in
//! between. Pure: the target tells.
//!
//! A create: if the target has an object of the name that was sent, nobody manages it, and nothing it shows says that it is
//! somebody else's (another id of the source, another e-mail address), it is ours: nothing of that name was there when the
//! create was planned (RULES 5). A disable: if the account is disabled, we did it, and may enable it
//! again (RULES 8). A delete: what is gone is forgotten, else it would look as if somebody else had deleted it. Whatever
//! happened counts against the limits over 24 hours (RULES 20).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use compact_str::CompactString;

use super::diff::Claims;
use super::model::{
    Ledger, LedgerChange, LedgerGroup, LedgerUser, Origin, SourceId, TargetGroup, TargetId, TargetSnapshot,
    TargetUser, Unanswered,
};
use super::plan::always_name;
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
    if ledger.unanswered.is_empty() {
        return Found::default();
    }
    let seen = Seen::new(ledger, target, claims, capabilities);
    let mut found = Found::default();
    for operation in ledger.unanswered.clone() {
        let Some(effect) = seen.effect(&operation, ledger) else { continue };
        effect.changes.iter().for_each(|change| ledger.change(change));
        found.changes.extend(effect.changes);
        found.happened.extend(effect.happened);
    }
    found
}

/// What one operation turned out to have done.
#[derive(Default)]
struct Effect {
    changes: Vec<LedgerChange>,
    happened: Option<(HoldKind, Option<TargetId>, u64)>,
}

impl Effect {
    /// One that changes what the ledger says of one object.
    fn of(change: LedgerChange) -> Self {
        Self { changes: vec![change], happened: None }
    }

    /// It counts against a limit.
    fn counting(self, kind: HoldKind, group: Option<TargetId>, count: u64) -> Self {
        Self { happened: Some((kind, group, count)), ..self }
    }
}

/// The target, by what an operation knows of it.
struct Seen<'a> {
    target: &'a TargetSnapshot,
    capabilities: Capabilities,
    users: HashMap<&'a TargetId, usize>,
    groups: HashMap<&'a TargetId, usize>,
    /// Users and groups that nobody manages, by name.
    free_users: BTreeMap<CompactString, &'a TargetUser>,
    free_groups: BTreeMap<CompactString, &'a TargetGroup>,
}

impl<'a> Seen<'a> {
    fn new(ledger: &Ledger, target: &'a TargetSnapshot, claims: &Claims, capabilities: Capabilities) -> Self {
        let managed: BTreeSet<&TargetId> = ledger.users.values().map(|user| &user.target).collect();
        let is_free =
            |user: &&TargetUser| !managed.contains(&user.id) && !claims.users.contains_key(&user.id);
        let free_users = target.users.iter().filter(is_free);
        let free_users =
            free_users.map(|user| (capabilities.name_key(&user.attributes.username), user)).collect();
        let managed: BTreeSet<&TargetId> = ledger.groups.values().map(|group| &group.target).collect();
        let is_free =
            |group: &&TargetGroup| !managed.contains(&group.id) && !claims.groups.contains_key(&group.id);
        let free_groups = target.groups.iter().filter(is_free);
        let free_groups =
            free_groups.map(|group| (capabilities.name_key(&group.attributes.name), group)).collect();
        Self {
            target,
            capabilities,
            users: target.users.iter().enumerate().map(|(at, user)| (&user.id, at)).collect(),
            groups: target.groups.iter().enumerate().map(|(at, group)| (&group.id, at)).collect(),
            free_users,
            free_groups,
        }
    }

    /// None if it was not carried out, or the ledger knows already.
    fn effect(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        match sent.kind.as_str() {
            "create_user" | "recreate_user" => self.created_user(sent, ledger),
            "create_group" => self.created_group(sent, ledger),
            "delete_user" => self.deleted_user(sent, ledger),
            "delete_group" => self.deleted_group(sent, ledger),
            "anonymize_user" => self.anonymized_user(sent, ledger),
            "disable_user" => self.disabled_user(sent, ledger),
            "rename_user" => self.renamed_user(sent, ledger),
            "change_members" => self.changed_members(sent, ledger),
            "empty_group" => {
                let (_, gone) = self.removed_members(sent, ledger)?;
                (gone > 0).then(|| Effect::default().counting(HoldKind::Groups, None, 1))
            }
            _ => None,
        }
    }

    fn created_user(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let found = self.free_users.get(&self.capabilities.name_key(&sent.name))?;
        let theirs = found.attributes.email.trim();
        let ours = sent.after.as_ref().map_or("", |after| after.email.trim());
        let is_anothers = match &found.source {
            Some(source) => *source != sent.source,
            None => !theirs.is_empty() && theirs.to_lowercase() != ours.to_lowercase(),
        };
        if is_anothers {
            return None;
        }
        let (name, id) = (&found.attributes.username, &found.id);
        // Unless what the ledger knows is gone and this is its successor.
        if ledger.users.get(&sent.source).is_some_and(|known| self.users.contains_key(&known.target)) {
            return None;
        }
        let written = sent.after.as_ref().map(|after| after.email.clone());
        let email = written.filter(|_| !self.capabilities.email_readable);
        let user = LedgerUser { email, ..LedgerUser::created(id.clone(), name.clone()) };
        let change = LedgerChange::PutUser(sent.source.clone(), user);
        Some(Effect::of(change).counting(HoldKind::Creates, None, 1))
    }

    fn created_group(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let found = self.free_groups.get(&self.capabilities.name_key(&sent.name))?;
        if found.source.as_ref().is_some_and(|source| *source != sent.source) {
            return None;
        }
        let (name, target) = (found.attributes.name.clone(), found.id.clone());
        let change = match always_name(&sent.source) {
            Some(always) if ledger.always.contains_key(always) => return None,
            Some(always) => LedgerChange::PutAlways { name: always.into(), target, created: true },
            None if ledger.groups.contains_key(&sent.source) => return None,
            None => {
                let group = LedgerGroup { target, name, origin: Origin::Created, memberships: 0 };
                LedgerChange::PutGroup(sent.source.clone(), group)
            }
        };
        Some(Effect::of(change))
    }

    fn disabled_user(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let known = ledger.users.get(&sent.source)?;
        if self.user(&known.target)?.active || known.disabled_by_us {
            return None;
        }
        let user = LedgerUser { disabled_by_us: true, ..known.clone() };
        let change = LedgerChange::PutUser(sent.source.clone(), user);
        Some(Effect::of(change).counting(HoldKind::Leavers, None, 1))
    }

    fn deleted_user(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let known = ledger.users.get(&sent.source)?;
        if self.users.contains_key(&known.target) || sent.target.as_ref() != Some(&known.target) {
            return None;
        }
        let change = LedgerChange::ForgetUser(sent.source.clone());
        Some(Effect::of(change).counting(HoldKind::Leavers, None, 1))
    }

    fn deleted_group(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let target = sent.target.as_ref().filter(|target| !self.groups.contains_key(target))?;
        let rows = ledger.groups.iter().filter(|(_, group)| group.target == *target);
        let changes = rows.map(|(source, _)| LedgerChange::ForgetGroup(source.clone())).collect();
        Some(Effect { changes, happened: Some((HoldKind::Groups, None, 1)) })
    }

    /// What it was before is remembered now, so that it can have it back.
    fn anonymized_user(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let known = ledger.users.get(&sent.source).filter(|known| known.original.is_none())?;
        let original = Some(sent.before.clone()?);
        if sent.new_name.as_ref() != Some(&self.user(&known.target)?.attributes.username) {
            return None;
        }
        let user = LedgerUser { original, ..known.clone() };
        Some(Effect::of(LedgerChange::PutUser(sent.source.clone(), user)))
    }

    fn renamed_user(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let actual = self.user(&ledger.users.get(&sent.source)?.target)?;
        let happened = sent.new_name.as_ref() == Some(&actual.attributes.username);
        happened.then(|| Effect::default().counting(HoldKind::Renames, None, 1))
    }

    fn changed_members(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let effect = self.added_always(sent, ledger).unwrap_or_default();
        Some(match self.removed_members(sent, ledger) {
            Some((group, gone)) if gone > 0 => {
                effect.counting(HoldKind::Memberships, Some(group.clone()), gone)
            }
            _ => effect,
        })
    }

    /// Memberships that we added to a group of `groups.always` are ours.
    fn added_always(&self, sent: &Unanswered, ledger: &Ledger) -> Option<Effect> {
        let (name, always) = ledger.always.get_key_value(always_name(&sent.source)?)?;
        let members = self.members(&always.target)?;
        let is_member =
            |source: &&SourceId| ledger.users.get(*source).is_some_and(|user| members.contains(&user.target));
        let added = sent.added.iter().filter(is_member).cloned().collect();
        Some(Effect::of(LedgerChange::ChangeAlways { name: name.clone(), added, removed: Vec::new() }))
    }

    /// The group, and how many of those whom the operation removes are no longer in it.
    fn removed_members<'s>(&self, sent: &'s Unanswered, ledger: &Ledger) -> Option<(&'s TargetId, u64)> {
        let group = sent.target.as_ref()?;
        let members = self.members(group)?;
        let users = sent.removed.iter().filter_map(|source| ledger.users.get(source));
        Some((group, users.filter(|user| !members.contains(&user.target)).count() as u64))
    }

    fn user(&self, id: &TargetId) -> Option<&'a TargetUser> {
        self.target.users.get(*self.users.get(id)?)
    }

    fn members(&self, group: &TargetId) -> Option<BTreeSet<&'a TargetId>> {
        let group = self.target.groups.get(*self.groups.get(group)?)?;
        let users = group.members.iter().filter_map(|at| self.target.users.get(*at as usize));
        Some(users.map(|user| &user.id).collect())
    }
}
