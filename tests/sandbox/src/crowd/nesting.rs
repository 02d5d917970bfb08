//! Groups in groups.

use std::collections::{BTreeMap, BTreeSet};

use super::Permission;
use super::call::{Answer, Call};
use super::endpoint::Depth;
use super::entity::{Detail, View};
use super::refusal::Refusal;
use crate::product::{Group, Id, Reply};

impl Call<'_> {
    /// The groups in a group.
    pub(super) fn list_children(&self, depth: Depth) -> Answer {
        let group = self.group_asked_for()?;
        let groups = match depth {
            Depth::Direct => self.children(group),
            Depth::Nested => self.descendants(group),
        };
        self.show_groups(&groups, self.detail_in_list("group"))
    }

    /// The groups that a group is in.
    pub(super) fn list_parents(&self, depth: Depth) -> Answer {
        let child = self.group_asked_for()?;
        let holds_child = self.world.groups().iter().filter(|(_, group)| group.children.contains(&child));
        let direct: BTreeSet<Id> = holds_child.map(|(id, _)| *id).collect();
        let groups = match depth {
            Depth::Direct => direct,
            Depth::Nested => self.with_ancestors(direct),
        };
        self.show_groups(&groups, self.detail_in_list("group"))
    }

    /// A page of groups.
    pub(super) fn show_groups(&self, groups: &BTreeSet<Id>, detail: Detail) -> Answer {
        let groups = self.page(groups.iter().filter_map(|id| self.world.groups().get(id)))?;
        self.show(200, &View::Groups(groups, detail))
    }

    fn children(&self, group: Id) -> BTreeSet<Id> {
        self.world.groups().get(&group).map(|group| group.children.clone()).unwrap_or_default()
    }

    /// The groups in a group, and those in them; not the group itself.
    fn descendants(&self, group: Id) -> BTreeSet<Id> {
        closure(self.children(group), |id| self.children(id))
    }

    /// Groups, and all that they are in.
    pub(super) fn with_ancestors(&self, groups: BTreeSet<Id>) -> BTreeSet<Id> {
        let mut parents: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
        for (id, Group { children, .. }) in self.world.groups() {
            for child in children {
                parents.entry(*child).or_default().insert(*id);
            }
        }
        closure(groups, |id| parents.get(&id).cloned().unwrap_or_default())
    }

    /// The parent in the query, the child in the body. A group is never within itself, by whatever way.
    pub(super) fn add_child(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateGroup)?;
        let parent = self.group_asked_for()?;
        let body = self.body()?;
        if !self.crowd.nested_groups {
            // Not published: the code.
            let message = "The directory does not support nested groups";
            return Err(Refusal::new(400, "NESTED_GROUPS_NOT_SUPPORTED", message));
        }
        let child = self.group_named(body.text_of("name").unwrap_or_default(), 400)?;
        if child == parent || self.descendants(child).contains(&parent) {
            // Not published: the reason.
            return Err(Refusal::new(400, "INVALID_MEMBERSHIP", "The membership would be circular"));
        }
        let change = |group: &mut Group| group.children.extend([child]);
        match self.world.change_group(parent, change) {
            true => Ok(Reply::empty(201)),
            // Not published: taken to be as with users.
            false => Err(Refusal::new(409, "MEMBERSHIP_ALREADY_EXISTS", "The group is a member already")),
        }
    }

    pub(super) fn remove_child(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateGroup)?;
        let parent = self.group_asked_for()?;
        let name = self.required("child-groupname")?;
        let child = self.group_named(name, 404)?;
        let change = |group: &mut Group| group.children.retain(|id| *id != child);
        match self.world.change_group(parent, change) {
            true => Ok(Reply::empty(204)),
            false => {
                Err(Refusal::no_membership(self.required("child-groupname")?, self.required("groupname")?))
            }
        }
    }
}

/// Everything that is reached from a start, the start with it.
fn closure(start: BTreeSet<Id>, next: impl Fn(Id) -> BTreeSet<Id>) -> BTreeSet<Id> {
    let mut open: Vec<Id> = start.iter().copied().collect();
    let mut reached = start;
    while let Some(id) = open.pop() {
        open.extend(next(id).into_iter().filter(|id| reached.insert(*id)));
    }
    reached
}
