//! Groups on the way back.

use serde_json::Value;

use super::{Created, Done, Inverse, Reason, ids, part};
use crate::sync::model::{GroupAttributes, SourceId, TargetGroup, TargetId};
use crate::sync::plan::{Change, always_name};

const CHANGED: Reason = "it was changed since";
/// Before the id of a group that the connector does not manage. No id of Okta's has a colon in it.
const UNMANAGED: &str = "target:";
const GONE: Reason = "the group is gone";

/// A group that is as an operation left it.
struct Untouched<'a> {
    source: SourceId,
    group: &'a TargetGroup,
    /// What it was before the operation.
    before: GroupAttributes,
    after: GroupAttributes,
}

impl<'a> Inverse<'a> {
    fn group(&self, target: &TargetId) -> Result<&'a TargetGroup, Reason> {
        self.groups.get(target).copied().ok_or(GONE)
    }

    fn is_managed_group(&self, source: &SourceId, target: &TargetId) -> bool {
        let ledger = self.present.ledger;
        match always_name(source) {
            Some(name) => ledger.always.get(name).is_some_and(|group| group.target == *target),
            None => ledger.groups.get(source).is_some_and(|group| group.target == *target),
        }
    }

    /// Whether the connector may change the members of a group, or give it back what it was.
    pub(super) fn check_group(&self, source: &SourceId, group: &TargetGroup) -> Result<(), Reason> {
        if !self.is_managed_group(source, &group.id)
            && self.source_of_group(&group.id).0.starts_with(UNMANAGED)
        {
            return Err("the connector does not manage the group any more");
        }
        self.check_nobody_else_minds(group)
    }

    fn check_nobody_else_minds(&self, group: &TargetGroup) -> Result<(), Reason> {
        if self.present.claims.groups.contains_key(&group.id) {
            return Err("another connector manages the group");
        }
        if self.present.protected.groups.matches(&group.attributes.name) {
            return Err("the group is protected");
        }
        Ok(())
    }

    /// The group that an operation changed, if nobody has changed it since.
    fn untouched(&self, done: &Done) -> Result<Untouched<'a>, Reason> {
        let (source, target) = ids(done)?;
        let group = self.group(&target)?;
        let before = part(&done.operation, "before")?;
        let after: GroupAttributes = part(&done.operation, "after")?;
        if group.attributes != after {
            return Err(CHANGED);
        }
        Ok(Untouched { source, group, before, after })
    }

    /// By what a group is called in operations: the first source group that it stands for, or the always group; a group that
    /// nobody manages, by its own id.
    pub(super) fn source_of_group(&self, target: &TargetId) -> SourceId {
        let ledger = self.present.ledger;
        let synced =
            ledger.groups.iter().find(|(_, group)| group.target == *target).map(|(id, _)| id.clone());
        let always = || {
            let found = ledger.always.iter().find(|(_, group)| group.target == *target);
            found.map(|(name, _)| crate::sync::plan::always_source(name))
        };
        synced
            .or_else(always)
            .unwrap_or_else(|| SourceId(compact_str::format_compact!("{UNMANAGED}{target}")))
    }

    fn check_group_name_is_free(&self, name: &str, own: Option<&TargetId>) -> Result<(), Reason> {
        let key = self.present.capabilities.name_key(name);
        let is_taken = self.present.target.groups.iter().any(|group| {
            Some(&group.id) != own && self.present.capabilities.name_key(&group.attributes.name) == key
        });
        if is_taken { Err("another group has its former name now") } else { Ok(()) }
    }

    pub(super) fn change_group_back(&mut self, done: &Done) -> Result<(), Reason> {
        let Untouched { source, group, before, after } = self.untouched(done)?;
        self.check_group(&source, group)?;
        self.check_group_name_is_free(&before.name, Some(&group.id))?;
        self.push(
            &source,
            Some(&group.id),
            &after.name,
            Change::UpdateGroup { before: after.clone(), after: before },
        );
        Ok(())
    }

    /// What was taken over is let go, as it was.
    pub(super) fn release_group(&mut self, done: &Done) -> Result<(), Reason> {
        let Untouched { source, group, before, after } = self.untouched(done)?;
        self.check_group(&source, group)?;
        let sources = part(&done.operation, "sources")?;
        let change = Change::ReleaseGroup { before: after.clone(), after: before, sources };
        self.push(&source, Some(&group.id), &after.name, change);
        Ok(())
    }

    pub(super) fn adopt_group_again(&mut self, done: &Done) -> Result<(), Reason> {
        let Untouched { source, group, before, after } = self.untouched(done)?;
        let ledger = self.present.ledger;
        if ledger.groups.iter().any(|(id, known)| *id == source || known.target == group.id) {
            return Err("the group is managed again");
        }
        self.check_nobody_else_minds(group)?;
        let sources = part(&done.operation, "sources")?;
        let members = self.managed_members(group).len() as u64;
        let change = Change::AdoptGroup { before: after.clone(), after: before, sources, members };
        self.push(&source, Some(&group.id), &after.name, change);
        Ok(())
    }

    pub(super) fn recreate_group(&mut self, done: &Done) -> Result<(), Reason> {
        let (source, target) = ids(done)?;
        if self.groups.contains_key(&target) {
            return Err("the group still exists");
        }
        let sources: Vec<SourceId> = part(&done.operation, "sources")?;
        if sources.iter().any(|source| self.present.ledger.groups.contains_key(source)) {
            return Err("a later run created the group again");
        }
        let before: GroupAttributes = part(&done.operation, "before")?;
        self.check_group_name_is_free(&before.name, None)?;
        self.undo.losses.push(format!(
            "group {} was deleted and gets a new id: permissions that the product gave to the old one ({target}) stay lost",
            before.name
        ));
        self.groups_anew.insert(source.clone(), target.clone());
        let name = before.name.clone();
        self.push(&source, None, &name, Change::CreateGroup { after: before, sources });
        Ok(())
    }

    /// A group that the run created goes, if nobody is left in it and nothing is lost by it.
    pub(super) fn remove_created_group(&mut self, created: &Created) -> Result<(), Reason> {
        let Created { source, target, operation, .. } = created;
        let group = self.group(target)?;
        let after: GroupAttributes = part(operation, "after")?;
        if group.attributes != after {
            return Err(CHANGED);
        }
        self.check_group(source, group)?;
        let can = self.present.capabilities;
        if !(can.delete_groups && can.deletes_without_loss) {
            self.undo.losses.push(format!(
                "group {} was created and stays, without the members that the run gave it: here a deletion would lose what \
                 was given to it",
                after.name
            ));
            return Ok(());
        }
        let goes = self.members_that_go(target);
        let stays = group.members.iter().filter_map(|at| self.present.target.users.get(*at as usize));
        if stays.into_iter().any(|user| !goes.contains(&user.id)) {
            return Err("it has members that the run did not add");
        }
        let sources: Vec<SourceId> =
            operation.get("sources").map_or(Ok(Vec::new()), |_: &Value| part(operation, "sources"))?;
        let name = after.name.clone();
        self.push(source, Some(target), &name, Change::DeleteGroup { before: after, sources });
        Ok(())
    }
}
