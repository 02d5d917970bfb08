//! What an operation means to the target: a write, with the ids and names that objects have by now.

use compact_str::CompactString;

use super::Work;
use crate::sync::apply::Resolved;
use crate::sync::model::TargetId;
use crate::sync::plan::{Change, Operation};
use crate::target::{Named, Write};

impl Work<'_> {
    /// The write that an operation means, with ids and names; or why it cannot be sent.
    pub(in crate::sync::apply) fn resolve(&mut self, position: usize, operation: &Operation) -> Resolved {
        self.filled.sent(position);
        let source = || operation.source.clone();
        // What is taken over as it is needs no request, unless the target is to keep whose it is.
        let keeps_ids = self.capabilities.keeps_source_ids;
        Ok(Some(match &operation.change {
            Change::CreateUser { after } => {
                Write::CreateUser { source: source(), attributes: after.clone(), active: true }
            }
            Change::RecreateUser { after, active, .. } => {
                Write::CreateUser { source: source(), attributes: after.clone(), active: *active }
            }
            Change::AdoptUser { before, after } if before == after && !keeps_ids => return Ok(None),
            Change::ReleaseUser { before, after } if before == after => return Ok(None),
            Change::AdoptUser { before, after } => {
                let (user, source) = (self.named(operation)?, keeps_ids.then(source));
                Write::UpdateUser { user, source, before: before.clone(), attributes: after.clone() }
            }
            Change::UpdateUser { before, after }
            | Change::ReleaseUser { before, after }
            | Change::RestoreUser { before, after }
            | Change::AnonymizeUser { before, after } => Write::UpdateUser {
                user: self.named(operation)?,
                source: None,
                before: before.clone(),
                attributes: after.clone(),
            },
            Change::EnableUser => Write::SetActive { user: self.named(operation)?, active: true },
            Change::DisableUser => Write::SetActive { user: self.named(operation)?, active: false },
            Change::DeleteUser { groups, .. } => {
                let groups = groups.iter().map(|group| self.as_named(&group.id, &group.name)).collect();
                Write::DeleteUser { user: self.named(operation)?, groups }
            }
            Change::CreateGroup { after, .. } => {
                let members = self.members_of_new(position);
                Write::CreateGroup { source: source(), attributes: after.clone(), members }
            }
            Change::AdoptGroup { before, after, .. } if before == after && !keeps_ids => return Ok(None),
            Change::ReleaseGroup { before, after, .. } if before == after => return Ok(None),
            Change::AdoptGroup { before, after, .. } => {
                let (group, source) = (self.named(operation)?, keeps_ids.then(source));
                Write::UpdateGroup { group, source, before: before.clone(), attributes: after.clone() }
            }
            Change::UpdateGroup { before, after } | Change::ReleaseGroup { before, after, .. } => {
                Write::UpdateGroup {
                    group: self.named(operation)?,
                    source: None,
                    before: before.clone(),
                    attributes: after.clone(),
                }
            }
            Change::DeleteGroup { .. } => Write::DeleteGroup { group: self.named(operation)? },
            Change::ChangeMembers { added, removed, leavers, .. } => {
                let group = self.group_of(operation).ok_or_else(|| {
                    format!("members of group {} were not changed: the group was not created", operation.name)
                })?;
                if self.not_renamed.contains(&group) {
                    return Err(format!(
                        "members of group {} were not changed: it did not get its new name",
                        operation.name
                    ));
                }
                let mut removed = self.people_named(removed);
                removed.extend(self.people_named(leavers));
                let group = self.as_named(&group, &operation.name);
                Write::ChangeMembers { group, added: self.people_named(added), removed }
            }
        }))
    }

    /// What the operation is about, under the name that it bears by now.
    fn named(&self, operation: &Operation) -> Result<Named, String> {
        let id = operation.target.as_ref().ok_or_else(|| format!("{}: it has no id", operation.summary()))?;
        Ok(self.as_named(id, &operation.name))
    }

    fn as_named(&self, id: &TargetId, name: &CompactString) -> Named {
        Named { id: id.clone(), name: self.renamed.get(id).unwrap_or(name).clone() }
    }

    /// Whom a group that is created takes along: all of them, or nobody.
    fn members_of_new(&self, position: usize) -> Vec<Named> {
        let members = self.filled.with(position).and_then(|at| self.plan.operations.get(at));
        let Some(Change::ChangeMembers { added, .. }) = members.map(|operation| &operation.change) else {
            return Vec::new();
        };
        let named = self.people_named(added);
        if named.len() == added.len() { named } else { Vec::new() }
    }

    fn people_named(&self, people: &[u32]) -> Vec<Named> {
        let named = |person: &u32| {
            let name = &self.plan.people.get(*person as usize)?.username;
            Some(self.as_named(self.id(*person)?, name))
        };
        people.iter().filter_map(named).collect()
    }

    pub(super) fn group_of(&self, operation: &Operation) -> Option<TargetId> {
        operation.target.clone().or_else(|| self.created_groups.get(&operation.source).cloned())
    }

    pub(super) fn id(&self, person: u32) -> Option<&TargetId> {
        self.people.get(person as usize)?.as_ref()
    }
}
