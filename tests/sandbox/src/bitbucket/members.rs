//! Who is in which group.

use super::body::{object, parameter, required, required_list};
use super::call::Order;
use super::groups::{self, group_named};
use super::page::first_id;
use super::refusal::{Refusal, refused};
use super::users::user_named;
use super::{Bitbucket, Outcome};
use crate::product::{Group, Id, Reply, Request, World};

impl Bitbucket {
    /// `groups/more-members` and its opposite. Not published: what an unknown group answers; since only 200 and 401
    /// are, a page without rows.
    pub(super) fn list_members(&mut self, are_members: bool, request: &Request, world: &World) -> Outcome {
        let nobody = Group::default();
        let group = world.group_named(parameter(request, "context")?).and_then(|id| world.groups().get(&id));
        let group = match group {
            Some(group) => group,
            None if are_members => &nobody,
            None => return Ok(self.page(request, std::iter::empty(), |_| serde_json::Value::Null)),
        };
        let is_filtered = request.parameter("filter").is_some_and(|filter| !filter.is_empty());
        let rows: Box<dyn Iterator<Item = Id>> = if are_members && !is_filtered {
            Box::new(group.members.range(first_id(request)..).copied())
        } else {
            let rows = self.users_asked_for(request, world);
            Box::new(rows.filter(|id| group.members.contains(id) == are_members))
        };
        Ok(self.page(request, rows, |id| self.shown(id, request, world)))
    }

    /// `users/more-members` and its opposite: groups of a user. An unknown user is in none.
    pub(super) fn list_groups_of_user(&self, are_members: bool, request: &Request, world: &World) -> Outcome {
        let user = world.user_named(parameter(request, "context")?);
        let is_in = |group: &Id, user: Id| {
            world.groups().get(group).is_some_and(|group| group.members.contains(&user))
        };
        let is_listed = |group: &Id| user.is_some_and(|user| is_in(group, user) == are_members);
        let rows = groups::asked_for(request, world).filter(is_listed);
        Ok(self.page(request, rows, |id| groups::shown(id, world)))
    }

    /// `groups/add-users`.
    pub(super) fn add_users(&self, request: &Request, world: &mut World) -> Outcome {
        let body = object(request, "GroupAndUsers", &["group", "users"])?;
        let group = required(&body, "group")?;
        let users = required_list(&body, "users")?;
        group_named(group, world)?;
        self.add(users.into_iter().map(|user| (user, group)), world)
    }

    /// `users/add-groups`.
    pub(super) fn add_groups(&self, request: &Request, world: &mut World) -> Outcome {
        let body = object(request, "UserAndGroups", &["user", "groups"])?;
        let user = required(&body, "user")?;
        let groups = required_list(&body, "groups")?;
        user_named(user, world)?;
        self.add(groups.into_iter().map(|group| (user, group)), world)
    }

    /// The deprecated `groups/add-user` and `users/add-group`.
    pub(super) fn add_pair(&self, order: Order, request: &Request, world: &mut World) -> Outcome {
        let (user, group) = pair(order, request)?;
        self.add(std::iter::once((user.as_str(), group.as_str())), world)
    }

    /// `users/remove-group`, and the deprecated `groups/remove-user` with its names the other way round.
    pub(super) fn remove_pair(&self, order: Order, request: &Request, world: &mut World) -> Outcome {
        let (user, group) = pair(order, request)?;
        let (user_id, group_id) = self.membership(&user, &group, world)?;
        if !world.remove_member(group_id, user_id) && self.absent_is_not_found {
            return Err(refused(404, format!("{user} is not a member of {group}")));
        }
        Ok(Reply::empty(200))
    }

    /// Adds all, or answers with the first refusal; a switch says what then happens to the others.
    fn add<'a>(&self, memberships: impl Iterator<Item = (&'a str, &'a str)>, world: &mut World) -> Outcome {
        let mut first_refusal = None;
        let mut found: Vec<(Id, &str, Id)> = Vec::new();
        for (user, group) in memberships {
            match self.membership(user, group, world) {
                Ok((user, id)) => found.push((user, group, id)),
                Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
            }
        }
        if first_refusal.is_some() && !self.adds_others {
            found.clear();
        }
        self.check_seats_of(&found, world)?;
        for (user, _, group) in found {
            world.add_member(group, user);
        }
        first_refusal.map_or_else(|| Ok(Reply::empty(200)), Err)
    }

    /// Either several users join one group, who need a seat each, or one user joins several, and needs one at most.
    fn check_seats_of(&self, found: &[(Id, &str, Id)], world: &World) -> Result<(), Refusal> {
        let Some((_, first, id)) = found.first() else { return Ok(()) };
        if found.iter().all(|(_, _, group)| group == id) {
            let users: Vec<Id> = found.iter().map(|(user, _, _)| *user).collect();
            return self.check_seats_of_members(first, &users, world);
        }
        found.iter().try_for_each(|(user, group, _)| self.check_seats_of_members(group, &[*user], world))
    }

    /// A user and a group that it may be put into or taken out of. Not published: the status for a user with
    /// `mutableGroups: false`; 403 is the only published one that fits.
    fn membership(&self, user: &str, group: &str, world: &World) -> Result<(Id, Id), Refusal> {
        let (user_id, group_id) = (user_named(user, world)?, group_named(group, world)?);
        let is_fixed = world.users().get(&user_id).is_some_and(|user| !self.has_mutable_groups(user));
        if is_fixed {
            return Err(refused(403, format!("The memberships of {user} cannot be changed")));
        }
        Ok((user_id, group_id))
    }
}

/// The user and the group that a body names as `context` and `itemName`.
fn pair(order: Order, request: &Request) -> Result<(String, String), Refusal> {
    let class = match order {
        Order::UserAndGroup => "GroupPickerContext",
        Order::GroupAndUser => "UserPickerContext",
    };
    let body = object(request, class, &["context", "itemName"])?;
    let (context, item) = (required(&body, "context")?.to_owned(), required(&body, "itemName")?.to_owned());
    Ok(match order {
        Order::UserAndGroup => (context, item),
        Order::GroupAndUser => (item, context),
    })
}
