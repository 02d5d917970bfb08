//! Users: made, changed, renamed, deleted, shown.

use serde_json::Value;

use super::body::{answer, object, parameter, required, slug, text};
use super::page::first_id;
use super::refusal::{Refusal, no_such_user, refused, refused_for};
use super::{Bitbucket, Outcome};
use crate::product::{Id, Reply, Request, User, World};

impl Bitbucket {
    /// Everything is in the query. Not published: any rule for names but that there is one.
    pub(super) fn create_user(&mut self, request: &Request, world: &mut World) -> Outcome {
        let name = parameter(request, "name")?;
        let email = parameter(request, "emailAddress")?;
        let display_name = parameter(request, "displayName")?;
        let is_notified = request.parameter("notify").is_some_and(|notify| notify != "false");
        let password =
            if is_notified { request.parameter("password") } else { Some(parameter(request, "password")?) };
        let joins_none =
            request.parameter("addToDefaultGroup").is_some_and(|add| add.eq_ignore_ascii_case("false"));
        let joins = (!joins_none).then_some(self.default_group.as_str());
        if world.user_named(name).is_some() {
            return Err(refused_for("name", 409, format!("A user with the name {name} already exists")));
        }
        self.check_seat_of_new_user(joins, world)?;
        let id = world.insert_user(User {
            name: name.to_owned(),
            email: email.to_owned(),
            display_name: display_name.to_owned(),
            password: password.unwrap_or_default().to_owned(),
            active: true,
            ..User::default()
        });
        if let Some(name) = joins {
            let group = world.group_named(name).unwrap_or_else(|| world.add_group(name));
            world.add_member(group, id);
        }
        self.mails_sent += u64::from(is_notified);
        self.memory.search.touch(id);
        Ok(Reply::empty(204))
    }

    /// Not published: that a field left out stays as it is.
    pub(super) fn update_user(&mut self, request: &Request, world: &mut World) -> Outcome {
        let body = object(request, "UserUpdate", &["name", "displayName", "email"])?;
        let id = writable(required(&body, "name")?, world)?;
        for field in ["displayName", "email"] {
            if text(&body, field)?.is_some_and(|text| text.trim().is_empty()) {
                return Err(refused_for(field, 400, format!("{field} must not be blank")));
            }
        }
        let (display_name, email) = (text(&body, "displayName")?, text(&body, "email")?);
        world.change_user(id, |user| {
            user.display_name = display_name.unwrap_or(&user.display_name).to_owned();
            user.email = email.unwrap_or(&user.email).to_owned();
        });
        self.memory.search.touch(id);
        self.user_answer(id, request, world)
    }

    /// Not published: the status for a name that is taken; 409 is not among the published ones.
    pub(super) fn rename_user(&mut self, request: &Request, world: &mut World) -> Outcome {
        let body = object(request, "UserRename", &["name", "newName"])?;
        let (name, new) = (required(&body, "name")?, required(&body, "newName")?);
        let id = writable(name, world)?;
        if world.user_named(new).is_some_and(|known| known != id) {
            return Err(refused_for("newName", 400, format!("A user with the name {new} already exists")));
        }
        world.change_user(id, |user| user.name = new.to_owned());
        self.memory.search.touch(id);
        self.user_answer(id, request, world)
    }

    pub(super) fn set_password(&self, request: &Request, world: &mut World) -> Outcome {
        let body = object(request, "AdminPasswordUpdate", &["name", "password", "passwordConfirm"])?;
        let (name, password) = (required(&body, "name")?, required(&body, "password")?);
        if text(&body, "passwordConfirm")? != Some(password) {
            return Err(refused_for("passwordConfirm", 400, "The passwords do not match"));
        }
        world.change_user(writable(name, world)?, |user| user.password = password.to_owned());
        Ok(Reply::empty(204))
    }

    pub(super) fn delete_user(&mut self, request: &Request, world: &mut World) -> Outcome {
        let name = parameter(request, "name")?;
        let id = user_named(name, world)?;
        if world.user_named(&self.account) == Some(id) {
            return Err(refused(409, "You may not delete your own account"));
        }
        if world.users().get(&id).is_some_and(|user| user.read_only) {
            return Err(refused(403, format!("The directory of {name} is read-only")));
        }
        let answer = self.user_answer(id, request, world);
        world.remove_user(id);
        self.memory.search.touch(id);
        answer
    }

    pub(super) fn list_users(&mut self, request: &Request, world: &World) -> Reply {
        let rows = self.users_asked_for(request, world);
        self.page(request, rows, |id| self.shown(id, request, world))
    }

    /// `GET users`: what everybody may see. Not built: the filters by permission, since it knows no permissions.
    pub(super) fn find_users(&mut self, request: &Request, world: &World) -> Reply {
        let rows = self.users_asked_for(request, world);
        let group = request.parameter("group").filter(|name| !name.is_empty());
        let group = group.map(|name| world.group_named(name).and_then(|id| world.groups().get(&id)));
        let is_meant = |id: &Id| match group {
            None => true,
            Some(group) => group.is_some_and(|group| group.members.contains(id)),
        };
        let show = |id| world.users().get(&id).map_or(Value::Null, |user| self.user(id, user, request));
        self.page(request, rows.filter(is_meant), show)
    }

    /// Slugs are mostly names; only what was not can be behind one with `_`, and is looked for.
    pub(super) fn read_user(&self, asked: &str, request: &Request, world: &World) -> Outcome {
        let has_slug = |id: &Id| world.users().get(id).is_some_and(|user| slug(&user.name) == asked);
        let named = world.user_named(asked).filter(|id| has_slug(id));
        let look = || world.users().keys().copied().find(|id| has_slug(id));
        let found = named.or_else(|| asked.contains('_').then(look).flatten());
        let user = found.and_then(|id| world.users().get(&id).map(|user| self.user(id, user, request)));
        user.map(|user| answer(&user)).ok_or_else(|| no_such_user(asked))
    }

    /// Users from the asked start on that fit the filter.
    pub(super) fn users_asked_for<'a>(
        &mut self,
        request: &Request,
        world: &'a World,
    ) -> Box<dyn Iterator<Item = Id> + 'a> {
        let from = first_id(request);
        match request.parameter("filter").filter(|filter| !filter.is_empty()) {
            Some(filter) => Box::new(self.memory.search.find(filter, from, world).into_iter()),
            None => Box::new(world.users().range(from..).map(|(id, _)| *id)),
        }
    }

    /// A user in full.
    pub(super) fn shown(&self, id: Id, request: &Request, world: &World) -> Value {
        world.users().get(&id).map_or(Value::Null, |user| self.detailed_user(id, user, request))
    }

    fn user_answer(&self, id: Id, request: &Request, world: &World) -> Outcome {
        Ok(answer(&self.shown(id, request, world)))
    }
}

pub(super) fn user_named(name: &str, world: &World) -> Result<Id, Refusal> {
    world.user_named(name).ok_or_else(|| no_such_user(name))
}

/// A user whose details can be changed. Not published: the status for one with `mutableDetails: false`; 400 is the
/// only published one that fits.
fn writable(name: &str, world: &World) -> Result<Id, Refusal> {
    let id = user_named(name, world)?;
    let is_read_only = world.users().get(&id).is_some_and(|user| user.read_only);
    if is_read_only { Err(refused(400, format!("The directory of {name} is read-only"))) } else { Ok(id) }
}
