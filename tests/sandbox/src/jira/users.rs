//! One user at a time: reading, changing, deleting, password, applications. And what the server says of itself.

use serde_json::{Value, json};

use super::create::no_seat;
use super::seats::{applications, holds_seat, set_applications};
use super::{Jira, bean, refuse};
use crate::product::{Group, Id, Reply, Request, User, World};

impl Jira {
    /// `GET user`. A deleted user leaves nothing behind here, so that `includeDeleted` finds nobody more.
    pub(super) fn read_user(&self, request: &Request, world: &World) -> Reply {
        match asked_for(request, world) {
            Ok(id) => self.user_reply(200, request, world, id, &groups_of(world, id)),
            Err(refusal) => refusal,
        }
    }

    /// `GET myself`.
    pub(super) fn myself(&self, request: &Request, world: &World) -> Reply {
        if let Some(id) = world.user_named(&self.account) {
            return self.user_reply(200, request, world, id, &groups_of(world, id));
        }
        // The world need not have the account.
        let account = User {
            name: self.account.clone(),
            email: format!("{}@example.com", self.account),
            display_name: self.account.clone(),
            active: true,
            ..User::default()
        };
        Reply::json(200, &bean::user(&self.api(request), 0, &account))
    }

    /// `GET serverInfo`. On real servers it was seen to need a known caller too.
    pub(super) fn server_info(&self, request: &Request) -> Reply {
        let numbers = self.version.numbers();
        let [major, minor, patch] = numbers;
        Reply::json(
            200,
            &json!({
                "baseUrl": self.api(request).trim_end_matches("/rest/api/2"),
                "version": format!("{major}.{minor}.{patch}"),
                "versionNumbers": numbers,
                "deploymentType": "Server",
                "buildNumber": major * 100_000 + minor * 1000 + patch,
                "serverTitle": "Jira",
            }),
        )
    }

    /// `PUT user`: what is left out, or blank, stays.
    pub(super) fn change_user(&mut self, request: &Request, world: &mut World) -> Reply {
        let Some(body) = bean::object(request) else { return refuse::no_object() };
        let (id, user) = match writable(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let field = |name| bean::text(&body, name).map(str::to_owned);
        let (name, email, full_name) = (field("name"), field("emailAddress"), field("displayName"));
        let active = body.get("active").and_then(bean::truth).filter(|_| self.version.can_deactivate());
        if name.is_none() && email.is_none() && full_name.is_none() && active.is_none() {
            // JRASERVER-36639: the key of a text instead of the text.
            return refuse::message(400, "error.no.value.found.to.be.changed");
        }
        if active == Some(false) && self.is_account(&user.name) {
            // Not published.
            return refuse::message(400, "You cannot deactivate the currently logged in user.");
        }
        if name.as_deref().and_then(|name| world.user_named(name)).is_some_and(|other| other != id) {
            return refuse::user_exists();
        }
        self.write(world, id, |user| {
            user.name = name.unwrap_or_else(|| user.name.clone());
            user.email = email.unwrap_or_else(|| user.email.clone());
            user.display_name = full_name.unwrap_or_else(|| user.display_name.clone());
            user.active = active.unwrap_or(user.active);
        });
        self.user_reply(200, request, world, id, &groups_of(world, id))
    }

    /// `DELETE user`.
    pub(super) fn delete_user(&mut self, request: &Request, world: &mut World) -> Reply {
        let (id, user) = match writable(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        // Not published: texts, and that it is a 400 for these reasons.
        if self.is_account(&user.name) {
            return refuse::message(400, "You cannot delete the currently logged in user.");
        }
        if self.content_owners.contains(&user.name) {
            let text = format!("User '{}' cannot be deleted because issues belong to it.", user.name);
            return refuse::message(400, &text);
        }
        self.memory.seats.note(holds_seat(world, id), false);
        world.remove_user(id);
        Reply::empty(204)
    }

    /// `PUT user/password`.
    pub(super) fn set_password(&mut self, request: &Request, world: &mut World) -> Reply {
        let Some(body) = bean::object(request) else { return refuse::no_object() };
        let (id, _) = match writable(request, world) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let Some(password) = bean::text(&body, "password") else {
            return refuse::fields(400, &[("password", "You must specify a password.")]);
        };
        self.write(world, id, |user| user.password = password.to_owned());
        Reply::empty(204)
    }

    /// `POST user/application`. Not published: that the answer has no body.
    pub(super) fn give_application(&mut self, request: &Request, world: &mut World) -> Reply {
        let (id, key) = match self.user_and_application(request, world) {
            Ok(both) => both,
            Err(refusal) => return refusal,
        };
        let Some(user) = world.users().get(&id) else { return refuse::no_user("") };
        let takes_seat = user.active && self.application_keys(user).is_empty();
        if takes_seat && !self.has_free_seat(world) {
            return no_seat();
        }
        self.change_applications(world, id, |keys| {
            if !keys.contains(&key) {
                keys.push(key);
            }
        });
        Reply::empty(200)
    }

    /// `DELETE user/application`.
    pub(super) fn take_application(&mut self, request: &Request, world: &mut World) -> Reply {
        match self.user_and_application(request, world) {
            Ok((id, key)) => {
                self.change_applications(world, id, |keys| keys.retain(|known| *known != key));
                Reply::empty(200)
            }
            Err(refusal) => refusal,
        }
    }

    /// Both parameters; 400 for an unknown one, since 404 is not among the documented codes.
    fn user_and_application(&self, request: &Request, world: &World) -> Result<(Id, String), Reply> {
        let name = bean::given(request, "username").unwrap_or_default();
        let key = bean::given(request, "applicationKey").unwrap_or_default();
        let Some(id) = world.user_named(name) else {
            return Err(refuse::message(400, &format!("The user named '{name}' does not exist")));
        };
        match self.applications.iter().find(|known| *known == key) {
            Some(known) => Ok((id, known.clone())),
            None => Err(refuse::message(400, &format!("The application '{key}' does not exist"))),
        }
    }

    fn change_applications(&mut self, world: &mut World, id: Id, change: impl FnOnce(&mut Vec<String>)) {
        let licensed = self.applications.clone();
        self.write(world, id, |user| {
            let mut keys = applications(user, &licensed).to_vec();
            change(&mut keys);
            set_applications(user, keys);
        });
    }

    /// Changes a user, and keeps account of its seat.
    fn write(&mut self, world: &mut World, id: Id, change: impl FnOnce(&mut User)) {
        let before = holds_seat(world, id);
        world.change_user(id, change);
        self.memory.seats.note(before, holds_seat(world, id));
    }

    pub(super) fn application_keys<'a>(&'a self, user: &'a User) -> &'a [String] {
        applications(user, &self.applications)
    }

    /// An answer with everything about a user, who is in these groups.
    pub(super) fn user_reply(
        &self,
        status: u16,
        request: &Request,
        world: &World,
        id: Id,
        groups: &[&Group],
    ) -> Reply {
        let Some(user) = world.users().get(&id) else { return refuse::of_status(500) };
        let api = self.api(request);
        let shown = groups.iter().filter(|_| bean::expands(request, "groups"));
        let keys = self.application_keys(user);
        let roles = keys.iter().filter(|_| bean::expands(request, "applicationRoles"));
        let mut bean = bean::user(&api, id, user);
        bean["groups"] = json!({
            "size": groups.len(),
            "items": shown.map(|group| bean::group(&api, group)).collect::<Vec<Value>>(),
        });
        bean["applicationRoles"] = json!({
            "size": keys.len(),
            "items": roles.map(|key| json!({ "key": key, "name": key })).collect::<Vec<Value>>(),
        });
        bean["expand"] = json!("groups,applicationRoles");
        Reply::json(status, &bean)
    }
}

/// The groups that a user is in itself.
fn groups_of(world: &World, id: Id) -> Vec<&Group> {
    world.groups().values().filter(|group| group.members.contains(&id)).collect()
}

/// The user that `username` or `key` names.
fn asked_for(request: &Request, world: &World) -> Result<Id, Reply> {
    if let Some(name) = bean::given(request, "username") {
        return world.user_named(name).ok_or_else(|| refuse::no_user(name));
    }
    match bean::given(request, "key") {
        Some(key) => bean::user_with_key(world, key)
            .ok_or_else(|| refuse::message(404, &format!("The user with the key '{key}' does not exist"))),
        // Not published: that it is this one of the documented codes.
        None => {
            Err(refuse::message(404, "Either the username or the key query parameters need to be provided"))
        }
    }
}

/// The named user, if its directory can be written.
fn writable<'a>(request: &Request, world: &'a World) -> Result<(Id, &'a User), Reply> {
    let id = asked_for(request, world)?;
    match world.users().get(&id) {
        Some(user) if user.read_only => {
            Err(refuse::message(400, "Cannot edit user, the user's directory is read-only."))
        }
        Some(user) => Ok((id, user)),
        None => Err(refuse::no_user("")),
    }
}
