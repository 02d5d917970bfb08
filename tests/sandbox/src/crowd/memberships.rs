//! Users in groups.

use std::collections::BTreeSet;

use super::Permission;
use super::call::{Answer, Call};
use super::endpoint::Depth;
use super::entity::View;
use super::refusal::Refusal;
use crate::product::{Id, Reply, User};

impl Call<'_> {
    /// The users in a group; with `username`, whether that one is in it.
    pub(super) fn list_members(&self, depth: Depth) -> Answer {
        let name = self.required("groupname")?;
        let detail = self.detail_in_list("user");
        let Some(group) = self.world.group_named(name) else {
            return match self.crowd.unknown_group_has_no_members {
                true => self.show(200, &View::Users(Vec::new(), detail)),
                false => Err(Refusal::no_group(404, name)),
            };
        };
        if let Some(user) = self.request.parameter("username") {
            let id = self.user_named(user, 404)?;
            return match self.is_member(group, id, depth) {
                true => self.show_user(200, id, detail),
                false => Err(Refusal::no_membership(user, name)),
            };
        }
        let users = match depth {
            Depth::Direct => {
                let group = self.world.groups().get(&group);
                self.page(group.iter().flat_map(|group| &group.members).filter_map(|id| self.user(*id)))?
            }
            Depth::Nested => {
                let members = self.world.members_in_depth(group);
                self.page(members.iter().filter_map(|id| self.user(*id)))?
            }
        };
        self.show(200, &View::Users(users, detail))
    }

    fn user(&self, id: Id) -> Option<(Id, &User)> {
        self.world.users().get(&id).map(|user| (id, user))
    }

    fn is_member(&self, group: Id, user: Id, depth: Depth) -> bool {
        match depth {
            Depth::Direct => {
                self.world.groups().get(&group).is_some_and(|group| group.members.contains(&user))
            }
            Depth::Nested => self.world.members_in_depth(group).contains(&user),
        }
    }

    /// The groups that a user is in; with `groupname`, whether it is in that one.
    pub(super) fn list_groups_of_user(&self, depth: Depth) -> Answer {
        let name = self.required("username")?;
        let detail = self.detail_in_list("group");
        let Some(user) = self.world.user_named(name) else {
            // Documented is 404; what happens is an empty list (CWD-4433, CWD-4470).
            return match self.crowd.unknown_user_has_no_groups {
                true => self.show(200, &View::Groups(Vec::new(), detail)),
                false => Err(Refusal::no_user(404, name)),
            };
        };
        if let Some(group) = self.request.parameter("groupname") {
            let id = self.group_named(group, 404)?;
            return match self.is_member(id, user, depth) {
                true => self.show_group(200, id, detail),
                false => Err(Refusal::no_membership(name, group)),
            };
        }
        let holds_user = self.world.groups().iter().filter(|(_, group)| group.members.contains(&user));
        let direct: BTreeSet<Id> = holds_user.map(|(id, _)| *id).collect();
        let groups = match depth {
            Depth::Direct => direct,
            Depth::Nested => self.with_ancestors(direct),
        };
        self.show_groups(&groups, detail)
    }

    /// `group/user/direct`: the group in the query, the user in the body. Whoever is unknown in the query is 404, in the
    /// body 400.
    pub(super) fn add_user_to_group(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateGroup)?;
        let group = self.group_asked_for()?;
        let body = self.body()?;
        let user =
            self.user_named(body.text_of("name").unwrap_or_default(), self.status_of_unknown_child())?;
        self.add_member(group, user)
    }

    /// `user/group/direct`: the user in the query, the group in the body.
    pub(super) fn add_group_to_user(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateGroup)?;
        let user = self.user_asked_for()?;
        let body = self.body()?;
        let group =
            self.group_named(body.text_of("name").unwrap_or_default(), self.status_of_unknown_child())?;
        self.add_member(group, user)
    }

    fn status_of_unknown_child(&self) -> u16 {
        if self.crowd.lenient_memberships { 404 } else { 400 }
    }

    fn add_member(&mut self, group: Id, user: Id) -> Answer {
        match self.world.add_member(group, user) || self.crowd.lenient_memberships {
            true => Ok(Reply::empty(201)),
            false => Err(Refusal::new(409, "MEMBERSHIP_ALREADY_EXISTS", "The user is a member already")),
        }
    }

    pub(super) fn remove_member(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateGroup)?;
        let (group, user) = (self.group_asked_for()?, self.user_asked_for()?);
        match self.world.remove_member(group, user) || self.crowd.lenient_memberships {
            true => Ok(Reply::empty(204)),
            false => Err(Refusal::no_membership(self.required("username")?, self.required("groupname")?)),
        }
    }
}
