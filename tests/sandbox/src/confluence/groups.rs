//! Groups and who is in them.

use serde_json::Value;

use super::body::{self, base, expands_status};
use super::users::user_asked_for;
use super::{Confluence, Outcome, group_named, json_object, refusal, rules, user_named};
use crate::product::{Group, Id, Reply, Request, World};

impl Confluence {
    pub(super) fn create_group(&self, request: &Request, world: &mut World) -> Outcome {
        let body = json_object(request)?;
        let kind = rules::text(&body, "type")?.unwrap_or("group");
        let name = rules::text(&body, "name")?.unwrap_or_default();
        if kind != "group" || name.trim().is_empty() {
            return Err(refusal(400, "A group needs a name"));
        }
        if world.group_named(name).is_some() {
            return Err(refusal(409, format!("A group with name {name} already exists")));
        }
        world.add_group(name);
        let group = Group { name: name.to_owned(), ..Group::default() };
        Ok(Reply::json(201, &body::group(&group, &base(request, &self.context))))
    }

    pub(super) fn delete_group(&self, name: &str, world: &mut World) -> Outcome {
        let id = group_named(name, world)?;
        let admin_groups = self.admin_groups.iter().filter_map(|name| world.group_named(name));
        if admin_groups.eq([id]) {
            return Err(refusal(400, format!("{name} is the last group of administrators")));
        }
        world.remove_group(id);
        Ok(Reply::empty(204))
    }

    pub(super) fn list_groups(&self, request: &Request, world: &World) -> Reply {
        self.page_of_groups(request, world.groups().values())
    }

    /// Not published: that an unknown name answers 404, here and below.
    pub(super) fn read_group(&self, name: &str, request: &Request, world: &World) -> Outcome {
        let group = known_group(name, world)?;
        Ok(Reply::json(200, &body::group(group, &base(request, &self.context))))
    }

    /// Direct members only, disabled ones among them.
    pub(super) fn list_members(&self, name: &str, request: &Request, world: &World) -> Outcome {
        let (base, with_status) = (base(request, &self.context), expands_status(request));
        let members = known_group(name, world)?.members.iter();
        let show = |id: &Id| {
            let user = world.users().get(id);
            user.map_or(Value::Null, |user| body::user(*id, user, &base, with_status))
        };
        Ok(self.page(request, members, show))
    }

    pub(super) fn list_child_groups(&self, name: &str, request: &Request, world: &World) -> Outcome {
        let children = known_group(name, world)?.children.iter();
        Ok(self.page_of_groups(request, children.filter_map(|id| world.groups().get(id))))
    }

    pub(super) fn list_groups_of_user(&self, request: &Request, world: &World) -> Outcome {
        let user = user_asked_for(request, world)?;
        let groups = world.groups().values().filter(|group| group.members.contains(&user));
        Ok(self.page_of_groups(request, groups))
    }

    fn page_of_groups<'a>(&self, request: &Request, groups: impl Iterator<Item = &'a Group>) -> Reply {
        let base = base(request, &self.context);
        self.page(request, groups, |group| body::group(group, &base))
    }
}

/// Adding twice is no mistake. Not published: that an unknown user or group answers 404.
pub(super) fn add_member(user: &str, group: &str, world: &mut World) -> Outcome {
    let (user, group) = (user_named(user, world)?, group_named(group, world)?);
    world.add_member(group, user);
    Ok(Reply::empty(204))
}

/// Removing who is no member is no mistake.
pub(super) fn remove_member(user: &str, group: &str, world: &mut World) -> Outcome {
    let (user, group) = (user_named(user, world)?, group_named(group, world)?);
    world.remove_member(group, user);
    Ok(Reply::empty(204))
}

fn known_group<'a>(name: &str, world: &'a World) -> Result<&'a Group, super::Refusal> {
    let id = group_named(name, world)?;
    world.groups().get(&id).ok_or_else(|| refusal(404, "Not Found"))
}
