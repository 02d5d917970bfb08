//! What can be done with users.

use serde_json::Value;

use super::Scim;
use super::answer::{Outcome, Refusal};
use super::dialect::{Deletion, PatchAnswer};
use super::intake::{self, Document};
use super::lists::projection;
use super::lookup::Keys;
use super::operations;
use super::projection::Projection;
use super::render::View;
use super::schema;
use super::user::{self, primary_email};
use super::{body, patch};
use crate::product::{Id, Reply, Request, User, World};

impl Scim {
    fn known_user(&self, id: &str, world: &World) -> Outcome<Id> {
        self.ledger.user(id, world).ok_or_else(|| Refusal::missing("User", id))
    }

    pub(super) fn read_user(&self, id: &str, request: &Request, world: &World) -> Outcome<Reply> {
        let id = self.known_user(id, world)?;
        let projection = projection(request, &self.dialect)?;
        let Some(user) = world.users().get(&id) else { return Err(Refusal::of_status(404)) };
        if let Some(unchanged) = self.unchanged(request, || self.user_version(user)) {
            return Ok(unchanged);
        }
        Ok(View { scim: self, world, request }.user_reply(200, id, user, &projection))
    }

    pub(super) fn create_user(&mut self, request: &Request, world: &mut World) -> Outcome<Reply> {
        let projection = projection(request, &self.dialect)?;
        let document = intake::resource(body(request)?, schema::users(&self.dialect), &self.dialect)?;
        if self.dialect.password_required && !document.contains_key("password") {
            return Err(Refusal::value("Field 'password' is required but value is missing, null or empty"));
        }
        self.acceptable(&document, None, world)?;
        let user = user::user(document, &User::default(), &self.dialect);
        let id = self.link(user, world);
        self.tell_user(201, id, request, world, &projection)
    }

    /// Makes a user of what was sent. The account of somebody who was deleted, and one that is managed already, are linked
    /// with it instead of being created.
    fn link(&mut self, user: User, world: &mut World) -> Id {
        let (before, keys) = (world.changes, Keys::of_user(&user));
        if let Some(id) = self.ledger.link_again(&user.email) {
            let old = world.users().get(&id).map(Keys::of_user);
            world.change_user(id, |known| *known = user);
            self.lookup.user_changed(id, old.as_ref(), Some(keys), before, world);
            return id;
        }
        let email = user.email.to_lowercase();
        let id = world.insert_user(user);
        self.lookup.user_changed(id, None, Some(keys), before, world);
        if self.is_managed(&email) {
            self.ledger.linked.insert(id, email);
        }
        id
    }

    fn is_managed(&self, email: &str) -> bool {
        self.managed_accounts.iter().any(|known| known.eq_ignore_ascii_case(email))
    }

    /// Whether a user may be as a document says.
    fn acceptable(&self, document: &Document, this: Option<Id>, world: &World) -> Outcome<()> {
        let name = document.get("userName").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() && !self.dialect.empty_user_names {
            return Err(Refusal::value("Field 'userName' is required but value is missing, null or empty"));
        }
        self.acceptable_email(document)?;
        let is_new = this.and_then(|id| world.users().get(&id)).is_none_or(|user| user.name != name);
        let holder = world.user_named(name).filter(|id| self.ledger.shows(*id) && Some(*id) != this);
        if is_new && holder.is_some() {
            return Err(Refusal::taken(
                "One or more of the attribute values are already in use or are reserved",
            ));
        }
        Ok(())
    }

    fn acceptable_email(&self, document: &Document) -> Outcome<()> {
        let email = primary_email(document);
        if email.is_none() && self.dialect.primary_email_required {
            // Not published: that this is 400.
            return Err(Refusal::value("Field 'emails' is required and one of them has to be primary"));
        }
        let (Some(email), Some(domains)) = (email, &self.dialect.verified_domains) else { return Ok(()) };
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let is_verified = domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
        // Not published: that this is 400.
        let refused = || Refusal::value(format!("The domain of '{email}' is not verified"));
        if is_verified || self.is_managed(email) { Ok(()) } else { Err(refused()) }
    }

    pub(super) fn put_user(&mut self, id: &str, request: &Request, world: &mut World) -> Outcome<Reply> {
        let id = self.known_user(id, world)?;
        let projection = projection(request, &self.dialect)?;
        let before = world.users().get(&id).cloned().unwrap_or_default();
        self.precondition(request, || self.user_version(&before))?;
        let document = intake::resource(body(request)?, schema::users(&self.dialect), &self.dialect)?;
        self.acceptable(&document, Some(id), world)?;
        self.store_user(id, &before, document, world);
        self.tell_user(200, id, request, world, &projection)
    }

    pub(super) fn patch_user(&mut self, id: &str, request: &Request, world: &mut World) -> Outcome<Reply> {
        let id = self.known_user(id, world)?;
        let projection = projection(request, &self.dialect)?;
        let before = world.users().get(&id).cloned().unwrap_or_default();
        self.precondition(request, || self.user_version(&before))?;
        let model = schema::users(&self.dialect);
        let mut document = user::document(&before, &self.dialect);
        document.insert("id".to_owned(), self.ledger.shown(id).into());
        for operation in operations::read(&body(request)?, model, &self.dialect)? {
            patch::apply(&mut document, operation, &self.dialect)?;
        }
        document.remove("id");
        for attribute in model.core.attributes.iter().filter(|attribute| attribute.required) {
            intake::present(&document, attribute)?;
        }
        self.acceptable(&document, Some(id), world)?;
        let changed = self.store_user(id, &before, document, world);
        if self.is_silent(changed, &projection) {
            let user = world.users().get(&id).unwrap_or(&before);
            let view = View { scim: self, world, request };
            return Ok(view.headers(Reply::empty(204), "Users", id, || self.user_version(user)));
        }
        self.tell_user(200, id, request, world, &projection)
    }

    /// Whether a PATCH is answered with 204.
    pub(super) fn is_silent(&self, changed: bool, projection: &Projection) -> bool {
        match self.dialect.patch_answer {
            // Who asks for attributes gets them (RFC 7644, section 3.5.2).
            PatchAnswer::NoContent => *projection == Projection::All,
            PatchAnswer::Resource => false,
            PatchAnswer::ResourceIfChanged => !changed,
        }
    }

    /// Makes a user what a document says; true if it was different.
    fn store_user(&mut self, id: Id, before: &User, document: Document, world: &mut World) -> bool {
        let user = user::user(document, before, &self.dialect);
        let (old, new, changes) = (Keys::of_user(before), Keys::of_user(&user), world.changes);
        let changed = world.change_user(id, |known| *known = user);
        self.lookup.user_changed(id, Some(&old), Some(new), changes, world);
        changed
    }

    fn tell_user(
        &self,
        status: u16,
        id: Id,
        request: &Request,
        world: &World,
        projection: &Projection,
    ) -> Outcome<Reply> {
        let user = world.users().get(&id).ok_or_else(|| Refusal::of_status(500))?;
        Ok(View { scim: self, world, request }.user_reply(status, id, user, projection))
    }

    pub(super) fn delete_user(&mut self, id: &str, request: &Request, world: &mut World) -> Outcome<Reply> {
        let id = self.known_user(id, world)?;
        let user = world.users().get(&id).cloned().unwrap_or_default();
        self.precondition(request, || self.user_version(&user))?;
        let (keys, before) = (Keys::of_user(&user), world.changes);
        let groups = groups_with(id, world);
        match self.dialect.deletion {
            Deletion::Clean => {
                world.remove_user(id);
            }
            Deletion::LeavesMemberships => leave_memberships(id, &groups, world),
            Deletion::Deactivates => {
                for group in &groups {
                    world.remove_member(*group, id);
                }
                world.change_user(id, |user| user.active = false);
                self.ledger.unlink(id, &user.email);
            }
        }
        let kept = self.dialect.deletion == Deletion::Deactivates;
        self.lookup.user_changed(id, Some(&keys), kept.then(|| keys.clone()), before, world);
        self.lookup.user_left(id);
        Ok(Reply::empty(204))
    }
}

fn groups_with(user: Id, world: &World) -> Vec<Id> {
    let groups = world.groups().iter().filter(|(_, group)| group.members.contains(&user));
    groups.map(|(id, _)| *id).collect()
}

/// Removes a user whose id stays a member of groups.
fn leave_memberships(user: Id, groups: &[Id], world: &mut World) {
    world.remove_user(user);
    let changes = world.changes;
    for group in groups {
        world.add_member(*group, user);
    }
    // No membership came or went.
    world.changes = changes;
}
