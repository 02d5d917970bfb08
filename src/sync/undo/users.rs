//! Users on the way back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::members::{Back, Which};
use super::{Created, Done, Inverse, Reason, ids, part};
use crate::sync::model::{FurtherAttributes, LedgerUser, SourceId, TargetId, UserAttributes};
use crate::sync::plan::{Change, NamedGroup};

const CHANGED: Reason = "it was changed since";

impl Inverse<'_> {
    pub(super) fn change_user_back(&mut self, done: &Done, kind: &str) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        let (_, user) = self.managed_user(&source, &target)?;
        let (before, after) = (part(&done.operation, "before")?, part(&done.operation, "after")?);
        let actual = user.attributes.clone();
        let back = back(&actual, &before, &after)?;
        self.check_name_is_free(&back.username, &target)?;
        let name = actual.username.clone();
        let change = match kind {
            "anonymize_user" => Change::RestoreUser { before: actual, after: back },
            "restore_user" => Change::AnonymizeUser { before: actual, after: back },
            _ => Change::UpdateUser { before: actual, after: back },
        };
        self.push(&source, Some(&target), &name, change);
        Ok(())
    }

    fn check_name_is_free(&self, name: &str, own: &TargetId) -> Result<(), Reason> {
        let key = self.present.capabilities.name_key(name);
        let is_taken = self.present.target.users.iter().any(|user| {
            user.id != *own && self.present.capabilities.name_key(&user.attributes.username) == key
        });
        if is_taken { Err("another account has its former name now") } else { Ok(()) }
    }

    pub(super) fn set_active_back(&mut self, done: &Done, active: bool) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        let (_, user) = self.managed_user(&source, &target)?;
        if user.active == active {
            return Err(if active {
                "the account is enabled again"
            } else {
                "the account is disabled again"
            });
        }
        if self.present.later.accounts.contains(&target) {
            return Err("a later run enabled or disabled it again");
        }
        let ours = self.present.ledger.users.get(&source).is_some_and(|user| user.disabled_by_us);
        if active && !ours {
            return Err("somebody else disabled the account since");
        }
        let change = if active { Change::EnableUser } else { Change::DisableUser };
        let name = user.attributes.username.clone();
        self.push(&source, Some(&target), &name, change);
        Ok(())
    }

    /// What was taken over is let go, as it was.
    pub(super) fn release_user(&mut self, done: &Done) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        let (_, user) = self.managed_user(&source, &target)?;
        let (before, after) = (part(&done.operation, "before")?, part(&done.operation, "after")?);
        let back = back(&user.attributes, &before, &after)?;
        let change = Change::ReleaseUser { before: user.attributes.clone(), after: back };
        let name = user.attributes.username.clone();
        self.push(&source, Some(&target), &name, change);
        Ok(())
    }

    pub(super) fn adopt_user_again(&mut self, done: &Done) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        let (_, user) = self.users.get(&target).copied().ok_or("the account is gone")?;
        self.check_account(&target, &user.attributes.username)?;
        let managed =
            self.present.ledger.users.iter().any(|(id, user)| *id == source || user.target == target);
        if managed {
            return Err("the account is managed again");
        }
        let (before, after) = (part(&done.operation, "before")?, part(&done.operation, "after")?);
        let back = back(&user.attributes, &before, &after)?;
        let change = Change::AdoptUser { before: user.attributes.clone(), after: back };
        let name = user.attributes.username.clone();
        self.push(&source, Some(&target), &name, change);
        Ok(())
    }

    pub(super) fn recreate_user(&mut self, done: &Done) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        if self.users.contains_key(&target) {
            return Err("the account still exists");
        }
        if self.present.ledger.users.contains_key(&source) {
            return Err("a later run created the user again");
        }
        let before = done.operation.get("before").cloned().unwrap_or(Value::Null);
        let attributes: UserAttributes = part(&done.operation, "before")?;
        let active: bool = part(&before, "active")?;
        let managed: LedgerUser = part(&before, "managed")?;
        let groups: Vec<NamedGroup> = part(&before, "groups")?;
        self.check_name_is_free(&attributes.username, &target)?;
        self.check_account(&target, &attributes.username)?;
        let name = attributes.username.clone();
        self.undo.losses.push(format!(
            "user {name} was deleted and gets a new id: whatever the product had under the old one ({target}) stays lost"
        ));
        self.people.insert(source.clone(), (None, name.clone()));
        for group in groups {
            self.come_back_into(&source, &name, &group);
        }
        let change = Change::RecreateUser { after: attributes, active, managed: Box::new(managed) };
        self.push(&source, None, &name, change);
        Ok(())
    }

    /// An account that the run created goes, or is disabled where deleting it would lose something.
    pub(super) fn remove_created_user(&mut self, created: &Created) -> Result<(), Reason> {
        let Created { source, target, operation, .. } = created;
        let (at, user) = self.managed_user(source, target)?;
        let after: UserAttributes = part(operation, "after")?;
        let was_active = operation.pointer("/after/active").and_then(Value::as_bool).unwrap_or(true);
        if !is_as_left(&user.attributes, &after) {
            return Err(CHANGED);
        }
        let name = user.attributes.username.clone();
        let can = self.present.capabilities;
        if !(can.delete_users && can.deletes_without_loss) {
            if !user.active {
                return Err("the account is disabled already");
            }
            self.undo.losses.push(format!(
                "user {name} was created and is disabled, not deleted: here a deletion would lose what belongs to it"
            ));
            self.push(source, Some(target), &name, Change::DisableUser);
            return Ok(());
        }
        if user.active != was_active {
            return Err(CHANGED);
        }
        let goes = self.groups_that_lose(source);
        let stays: BTreeSet<&TargetId> = self.groups_of.get(&at).cloned().unwrap_or_default();
        if stays.iter().any(|group| !goes.contains(*group)) {
            return Err("it was made a member of other groups since");
        }
        let managed = self.present.ledger.users.get(source).cloned().ok_or(CHANGED)?;
        let change = Change::DeleteUser {
            before: user.attributes.clone(),
            active: user.active,
            groups: Vec::new(),
            managed: Box::new(managed),
        };
        self.push(source, Some(target), &name, change);
        Ok(())
    }
}

/// What an account becomes again; an error if it is no longer as the run left it. Attributes that the run did not set stay.
fn back(
    actual: &UserAttributes,
    before: &UserAttributes,
    after: &UserAttributes,
) -> Result<UserAttributes, Reason> {
    if actual == after {
        return Ok(before.clone());
    }
    if !is_as_left(actual, after) {
        return Err(CHANGED);
    }
    let set = after
        .attributes
        .iter()
        .map(|(name, _)| (name.clone(), before.attributes.get(name).cloned().unwrap_or_default()));
    let set: FurtherAttributes = set.collect();
    Ok(UserAttributes { attributes: actual.attributes.overlaid(&set), ..before.clone() })
}

/// True if every attribute that the run set still has that value.
fn is_as_left(actual: &UserAttributes, after: &UserAttributes) -> bool {
    let bare = |attributes: &UserAttributes| UserAttributes {
        attributes: FurtherAttributes::default(),
        ..attributes.clone()
    };
    let value = |name: &str| actual.attributes.get(name).map(|value| value.as_str()).unwrap_or_default();
    bare(actual) == bare(after) && after.attributes.iter().all(|(name, wanted)| value(name) == wanted)
}

impl Inverse<'_> {
    /// A group from which the deletion of a user took it.
    fn come_back_into(&mut self, source: &SourceId, name: &str, group: &NamedGroup) {
        let anew = self.groups_anew.iter().find(|(_, former)| **former == group.id);
        if let Some((of_group, _)) = anew {
            let (which, of_group) = (Which::Anew(of_group.clone()), of_group.clone());
            let back = || Back::of(of_group, group.name.clone());
            self.memberships.entry(which).or_insert_with(back).added.insert(source.clone());
            return;
        }
        let stays_out = match self.groups.get(&group.id).copied() {
            None => Some("is gone"),
            Some(actual) => {
                let of_group = self.source_of_group(&group.id);
                self.check_group(&of_group, actual).err()
            }
        };
        if let Some(reason) = stays_out {
            let message = format!("user {name} does not come back into group {}: {reason}", group.name);
            self.undo.losses.push(message);
            return;
        }
        let of_group = self.source_of_group(&group.id);
        let back = || Back::of(of_group, group.name.clone());
        let which = Which::Existing(group.id.clone());
        self.memberships.entry(which).or_insert_with(back).added.insert(source.clone());
    }
}
