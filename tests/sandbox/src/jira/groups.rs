//! Groups themselves: reading, creating, deleting.

use super::{Jira, bean, refuse};
use crate::product::{Id, Reply, Request, World};

impl Jira {
    /// `POST group`.
    pub(super) fn create_group(&mut self, request: &Request, world: &mut World) -> Reply {
        let Some(body) = bean::object(request) else { return refuse::no_object() };
        let Some(name) = bean::text(&body, "name") else { return refuse::no_group_name(self.error_place) };
        if world.group_named(name).is_some() {
            // A text that two clients know.
            let text = "A group or user with this name already exists.";
            return refuse::placed(self.error_place, 400, "groupName", text);
        }
        let id = world.add_group(name);
        self.group_reply(request, world, id)
    }

    /// `DELETE group`. The group that restrictions go over to must be there; there are none here.
    pub(super) fn delete_group(&mut self, request: &Request, world: &mut World) -> Reply {
        let (id, name) = match self.named_group(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let heir = bean::given(request, "swapGroup");
        if let Some(unknown) = heir.filter(|name| world.group_named(name).is_none()) {
            return refuse::no_group(self.error_place, unknown);
        }
        if self.needed_groups.iter().any(|needed| needed.to_lowercase() == name.to_lowercase()) {
            let text = "You cannot delete this group: it is the last one that gives a global permission.";
            return refuse::placed(self.error_place, 400, "groupname", text);
        }
        world.remove_group(id);
        Reply::empty(200)
    }

    /// `GET group`, until Jira 10: the active users of a group and its subgroups, up to 50 by their places, such as
    /// `expand=users[50:99]`.
    pub(super) fn read_group(&mut self, request: &Request, world: &World) -> Reply {
        let (id, _) = match self.named_group(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let Some(group) = world.groups().get(&id) else { return refuse::of_status(500) };
        let (api, members) = (self.api(request), self.memory.listings.members(world, id, false));
        let places = request.parameter("expand").and_then(expanded);
        let (start, most) = places.map_or((0, 0), |(first, last)| (first, (last + 1).saturating_sub(first)));
        let shown = members.iter().skip(start).take(most.min(50));
        let items = shown.filter_map(|id| Some(bean::user(&api, *id, world.users().get(id)?))).collect();
        Reply::json(200, &bean::group_with_users(&api, group, members.len(), start, items))
    }

    /// The answer to what was made of a group: its size, but no users.
    pub(super) fn group_reply(&self, request: &Request, world: &World, id: Id) -> Reply {
        let Some(group) = world.groups().get(&id) else { return refuse::of_status(500) };
        let size = group.members.len();
        Reply::json(201, &bean::group_with_users(&self.api(request), group, size, 0, Vec::new()))
    }

    /// The group that `groupname` names, with its name as it is written there.
    pub(super) fn named_group<'a>(
        &self,
        request: &'a Request,
        world: &World,
    ) -> Result<(Id, &'a str), Reply> {
        let name =
            bean::given(request, "groupname").ok_or_else(|| refuse::no_group_name(self.error_place))?;
        let id = world.group_named(name).ok_or_else(|| refuse::no_group(self.error_place, name))?;
        Ok((id, name))
    }
}

/// The first and the last place of `users` or `users[0:49]`.
fn expanded(expand: &str) -> Option<(usize, usize)> {
    match expand.trim().strip_prefix("users")? {
        "" => Some((0, 49)),
        places => {
            let (first, last) = places.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        }
    }
}
