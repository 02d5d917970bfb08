//! Users: made, changed, disabled, deleted, shown.

use serde_json::json;

use super::body::{self, base, expands_status, id_of_key, usual_message};
use super::{Confluence, Outcome, Refusal, json_object, refusal, rules, user_named};
use crate::product::{Id, Reply, Request, User, World};

impl Confluence {
    pub(super) fn create_user(&mut self, request: &Request, world: &mut World) -> Outcome {
        let new = rules::new_user(&json_object(request)?)?;
        if world.user_named(&new.name).is_some() {
            return Err(refusal(409, format!("A user with username {} already exists", new.name)));
        }
        self.check_seats(world)?;
        let id = world.insert_user(User {
            name: new.name,
            display_name: new.full_name,
            email: new.email,
            password: new.password,
            active: true,
            ..User::default()
        });
        if let Some(name) = &self.default_group {
            let group = world.group_named(name).unwrap_or_else(|| world.add_group(name));
            world.add_member(group, id);
        }
        self.mails_sent += u64::from(new.is_notified);
        Ok(Reply::json(201, &json!({ "userKey": body::user_key(id) })))
    }

    /// Disabled users take no seat. They are counted only when there are enough users to fill all seats, since
    /// counting takes long in a large world.
    fn check_seats(&self, world: &World) -> Result<(), Refusal> {
        let is_full = self.seats.is_some_and(|seats| {
            world.users().len() >= seats && world.users().values().filter(|user| user.active).count() >= seats
        });
        if is_full { Err(refusal(402, usual_message(402))) } else { Ok(()) }
    }

    /// Not published: that a field left out stays as it is, and that an unknown name answers 404.
    pub(super) fn update_user(&self, name: &str, request: &Request, world: &mut World) -> Outcome {
        let body = json_object(request)?;
        let full_name = rules::text(&body, "fullName")?.map(rules::full_name).transpose()?;
        let email = rules::text(&body, "email")?.map(rules::email).transpose()?;
        if full_name.is_none() && email.is_none() {
            return Err(refusal(400, "Nothing to update"));
        }
        world.change_user(writable(name, world)?, |user| {
            user.display_name = full_name.unwrap_or(&user.display_name).to_owned();
            user.email = email.unwrap_or(&user.email).to_owned();
        });
        Ok(Reply::empty(self.updated_status))
    }

    pub(super) fn delete_user(&mut self, name: &str, world: &mut World) -> Outcome {
        let id = writable(name, world)?;
        Ok(self.deletions.begin(id, self.deletion_after, world))
    }

    pub(super) fn read_user(&self, request: &Request, world: &World) -> Outcome {
        let id = user_asked_for(request, world)?;
        Ok(Reply::json(200, &self.user(id, request, world)))
    }

    /// The account need not be in the world: it then has a key that nobody else has.
    pub(super) fn read_account(&self, request: &Request, world: &World) -> Reply {
        let account = User {
            name: self.account.clone(),
            display_name: self.account.clone(),
            active: true,
            ..User::default()
        };
        let body = match world.user_named(&self.account) {
            Some(id) => self.user(id, request, world),
            None => body::user(0, &account, &base(request, &self.context), expands_status(request)),
        };
        Reply::json(200, &body)
    }

    pub(super) fn list_users(
        &self,
        request: &Request,
        world: &World,
        is_listed: impl Fn(&User) -> bool,
    ) -> Reply {
        let (base, with_status) = (base(request, &self.context), expands_status(request));
        let rows = world.users().iter().filter(|(_, user)| is_listed(user));
        self.page(request, rows, |(id, user)| body::user(*id, user, &base, with_status))
    }

    fn user(&self, id: Id, request: &Request, world: &World) -> serde_json::Value {
        let base = base(request, &self.context);
        let known = world.users().get(&id);
        known.map_or(serde_json::Value::Null, |user| body::user(id, user, &base, expands_status(request)))
    }
}

pub(super) fn set_active(name: &str, active: bool, world: &mut World) -> Outcome {
    world.change_user(writable(name, world)?, |user| user.active = active);
    Ok(Reply::empty(204))
}

pub(super) fn set_password(name: &str, request: &Request, world: &mut World) -> Outcome {
    let body = json_object(request)?;
    let password = rules::text(&body, "password")?.filter(|password| !password.trim().is_empty());
    let password = password.ok_or_else(|| refusal(400, "The new password should not be null or blank"))?;
    world.change_user(writable(name, world)?, |user| user.password = password.to_owned());
    Ok(Reply::empty(204))
}

/// The user that the query names, by `username` or `key`.
pub(super) fn user_asked_for(request: &Request, world: &World) -> Result<Id, Refusal> {
    if let Some(name) = request.parameter("username") {
        return user_named(name, world);
    }
    let key = request.parameter("key").ok_or_else(|| refusal(400, "One of username and key is required"))?;
    let id = id_of_key(key).filter(|id| world.users().contains_key(id));
    id.ok_or_else(|| refusal(404, format!("No user found with key : {key}")))
}

/// A user who can be changed. Not published: the status for one from a directory that is only read.
fn writable(name: &str, world: &World) -> Result<Id, Refusal> {
    let id = user_named(name, world)?;
    let is_read_only = world.users().get(&id).is_some_and(|user| user.read_only);
    if is_read_only { Err(refusal(403, format!("The directory of {name} is read-only"))) } else { Ok(id) }
}
