//! `POST user`.

use serde_json::{Map, Value};

use super::seats::{set_applications, takes_seat};
use super::{Jira, bean, refuse};
use crate::product::{Reply, Request, User, World};

impl Jira {
    pub(super) fn create_user(&mut self, request: &Request, world: &mut World) -> Reply {
        let Some(body) = bean::object(request) else { return refuse::no_object() };
        let user = match self.new_user(&body) {
            Ok(user) => user,
            Err(refusal) => return refusal,
        };
        if world.user_named(&user.name).is_some() {
            return refuse::user_exists();
        }
        let takes_seat = takes_seat(&user);
        if takes_seat && !self.has_free_seat(world) {
            return no_seat();
        }
        // Documented default: no mail.
        if body.get("notification").and_then(bean::truth) == Some(true) {
            self.mails_sent += 1;
        }
        let group = self.default_group.as_deref().filter(|_| !self.application_keys(&user).is_empty());
        let group = group.and_then(|name| world.group_named(name));
        let id = world.insert_user(user);
        self.memory.seats.note(false, takes_seat);
        if let Some(group) = group {
            world.add_member(group, id);
        }
        let groups = group.and_then(|group| world.groups().get(&group));
        self.user_reply(201, request, world, id, &Vec::from_iter(groups))
    }

    /// A user as the body describes it. What is missing is named by the fields of the form that people fill in.
    fn new_user(&self, body: &Map<String, Value>) -> Result<User, Reply> {
        let (name, email) = (bean::text(body, "name"), bean::text(body, "emailAddress"));
        let full_name = bean::text(body, "displayName");
        let mut errors = Vec::new();
        if name.is_none() {
            errors.push(("username", "You must specify a username."));
        }
        if !email.is_some_and(|email| email.contains('@')) {
            errors.push(("email", "You must specify a valid email address."));
        }
        if full_name.is_none() {
            errors.push(("fullname", "You must specify a full name."));
        }
        let (Some(name), Some(email), Some(full_name), true) = (name, email, full_name, errors.is_empty())
        else {
            return Err(refuse::fields(400, &errors));
        };
        let active = body.get("active").and_then(bean::truth).filter(|_| self.version.can_deactivate());
        let mut user = User {
            name: name.to_owned(),
            email: email.to_owned(),
            display_name: full_name.to_owned(),
            active: active.unwrap_or(true),
            // Without one, Jira makes up a password that nobody gets to know.
            password: bean::text(body, "password").unwrap_or_default().to_owned(),
            ..User::default()
        };
        // Not published in detail: a user without the field gets the default application.
        if let Some(Value::Array(keys)) = body.get("applicationKeys") {
            let keys: Vec<String> = keys.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            if let Some(unknown) = keys.iter().find(|key| !self.applications.contains(key)) {
                let text = format!("Application '{unknown}' does not exist or is not licensed.");
                return Err(refuse::fields(400, &[("applicationKeys", &text)]));
            }
            set_applications(&mut user, keys);
        }
        Ok(user)
    }

    pub(super) fn has_free_seat(&mut self, world: &World) -> bool {
        self.seats.is_none_or(|seats| self.memory.seats.count(world) < seats)
    }
}

/// Not published: that a full licence is a 400, and its text.
pub(super) fn no_seat() -> Reply {
    refuse::message(
        400,
        "The user was not given access: your Jira license has reached its user limit. Contact your administrator.",
    )
}
