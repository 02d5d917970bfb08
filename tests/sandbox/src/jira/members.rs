//! Memberships.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Jira, bean, refuse};
use crate::product::{Id, Reply, Request, World};

/// Members of groups in the order in which they are shown, for as long as the world stays as it is: each page of a large
/// group would cost the whole group otherwise.
#[derive(Debug, Default)]
pub(super) struct Listings {
    changes: u64,
    known: HashMap<(Id, bool), Arc<[Id]>>,
}

impl Listings {
    /// The users of a group and of its subgroups, by name as documented; those who are not active only on request.
    pub(super) fn members(&mut self, world: &World, group: Id, with_inactive: bool) -> Arc<[Id]> {
        if self.changes != world.changes {
            self.changes = world.changes;
            self.known.clear();
        }
        let known = self.known.entry((group, with_inactive));
        Arc::clone(known.or_insert_with(|| sorted_members(world, group, with_inactive)))
    }
}

fn sorted_members(world: &World, group: Id, with_inactive: bool) -> Arc<[Id]> {
    let ids = world.members_in_depth(group);
    let users = ids.iter().filter_map(|id| Some((*id, world.users().get(id)?)));
    let shown = users.filter(|(_, user)| with_inactive || user.active);
    let mut named: Vec<(String, Id)> = shown.map(|(id, user)| (user.name.to_lowercase(), id)).collect();
    named.sort_unstable();
    named.into_iter().map(|(_, id)| id).collect()
}

impl Jira {
    /// `GET group/member`.
    pub(super) fn list_members(&mut self, request: &Request, world: &World) -> Reply {
        let (group, name) = match self.named_group(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let with_inactive = bean::flag(request, "includeInactiveUsers", false);
        let members = self.memory.listings.members(world, group, with_inactive);
        let start = request.number("startAt").unwrap_or(0);
        let most = request.number("maxResults").filter(|asked| *asked > 0);
        let most = most.unwrap_or(self.member_cap).min(self.member_cap);
        let page = members.get(start..).unwrap_or_default();
        let page = page.get(..most).unwrap_or(page);
        let api = self.api(request);
        let values: Vec<Value> =
            page.iter().filter_map(|id| Some(bean::user(&api, *id, world.users().get(id)?))).collect();
        let link = |start: usize| {
            let name = bean::encode(name);
            format!(
                "{api}/group/member?includeInactiveUsers={with_inactive}&maxResults={most}&groupname={name}&startAt={start}"
            )
        };
        let next = start + page.len();
        let is_last = next >= members.len();
        let mut body = json!({
            "self": link(start), "maxResults": most, "startAt": start, "total": members.len(),
            "isLast": is_last, "values": values,
        });
        if !is_last {
            body["nextPage"] = json!(link(next));
        }
        Reply::json(200, &body)
    }

    /// `POST group/user`.
    pub(super) fn add_member(&mut self, request: &Request, world: &mut World) -> Reply {
        let (group, group_name) = match self.named_group(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let Some(body) = bean::object(request) else { return refuse::no_object() };
        let name = bean::text(&body, "name").unwrap_or_default();
        let Some(user) = world.user_named(name) else {
            let text = format!("Cannot add user. '{name}' does not exist");
            return refuse::placed(self.error_place, 404, "users", &text);
        };
        if let Some(refusal) = self.refuses_memberships(world, user) {
            return refusal;
        }
        if !world.add_member(group, user) {
            // Not documented, but compared in part by two independent clients.
            let text = format!("Cannot add user '{name}', user is already a member of '{group_name}'");
            return refuse::placed(self.error_place, 400, "users", &text);
        }
        self.group_reply(request, world, group)
    }

    /// `DELETE group/user`. Who is in a subgroup only is no member to remove.
    pub(super) fn remove_member(&mut self, request: &Request, world: &mut World) -> Reply {
        let (group, group_name) = match self.named_group(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let name = bean::given(request, "username").unwrap_or_default();
        let Some(user) = world.user_named(name) else {
            let text = format!("User '{name}' does not exist");
            return refuse::placed(self.error_place, 404, "users", &text);
        };
        if let Some(refusal) = self.refuses_memberships(world, user) {
            return refusal;
        }
        if !world.remove_member(group, user) && self.remove_absent != 200 {
            let text = format!(
                "Cannot remove user '{name}' from group '{group_name}' since user is not a member of '{group_name}'"
            );
            return refuse::placed(self.error_place, self.remove_absent, "users", &text);
        }
        Reply::empty(200)
    }

    /// The refusal for a user of a directory whose memberships cannot be written. Not published: its status and text.
    fn refuses_memberships(&self, world: &World, user: Id) -> Option<Reply> {
        let user = world.users().get(&user)?;
        let text = "Cannot edit memberships, the user's directory is read-only.";
        (user.read_only && !self.local_groups).then(|| refuse::placed(self.error_place, 400, "users", text))
    }
}
