//! Users.

use super::Permission;
use super::call::{Answer, Call, folded};
use super::entity::{Attributes, Detail, id_of_key};
use super::node::Node;
use super::refusal::Refusal;
use crate::product::{Id, Reply, User};

/// A user as a client sends it: always whole, what is left out is empty.
struct Sent {
    name: String,
    first_name: String,
    last_name: String,
    display_name: String,
    email: String,
    active: bool,
    password: String,
    attributes: Attributes,
}

impl Sent {
    fn read(node: &Node) -> Self {
        let text = |name: &str| node.text_of(name).unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            first_name: text("first-name"),
            last_name: text("last-name"),
            display_name: text("display-name"),
            email: text("email"),
            // Not published: what a user is without the word.
            active: node.text_of("active") == Some("true"),
            password: node
                .child("password")
                .and_then(|it| it.text_of("value"))
                .unwrap_or_default()
                .to_owned(),
            attributes: node.attributes(),
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "INVALID_USER", message)
}

impl Call<'_> {
    pub(super) fn read_user(&self) -> Answer {
        let id = match self.request.parameter("key") {
            Some(key) => self.user_of_key(key)?,
            None => self.user_asked_for()?,
        };
        self.show_user(200, id, self.detail_alone())
    }

    fn user_of_key(&self, key: &str) -> Result<Id, Refusal> {
        let id = id_of_key(key).filter(|id| self.world.users().contains_key(id));
        id.ok_or_else(|| Refusal::no_user(404, key))
    }

    /// A user that is there already is refused with 400, not with 409.
    pub(super) fn create_user(&mut self) -> Answer {
        self.crowd.permit(Permission::CreateUser)?;
        let sent = Sent::read(&self.body()?);
        if sent.name.trim().is_empty() {
            return Err(invalid("The user has no name"));
        }
        if sent.password.is_empty() {
            return Err(invalid("The user has no password"));
        }
        if self.world.user_named(&sent.name).is_some() {
            return Err(invalid(format!("User already exists: {}", sent.name)));
        }
        let id = self.world.insert_user(User {
            name: sent.name,
            email: sent.email,
            first_name: sent.first_name,
            last_name: sent.last_name,
            display_name: sent.display_name,
            active: sent.active,
            attributes: sent.attributes,
            password: sent.password,
            ..User::default()
        });
        // Atlassian's client looks whether the attributes are repeated.
        self.show_user(201, id, Detail::Attributes)
    }

    /// Overwrites all but the name, the password and the attributes, which have resources of their own.
    pub(super) fn update_user(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateUser)?;
        let id = self.user_asked_for()?;
        let sent = Sent::read(&self.body()?);
        // Not published: the reason, and that case is no difference.
        if folded(&sent.name) != folded(self.required("username")?) {
            return Err(invalid("The name in the body is not the one in the query"));
        }
        self.writable(id)?;
        self.world.change_user(id, |user| {
            user.first_name = sent.first_name;
            user.last_name = sent.last_name;
            user.display_name = sent.display_name;
            user.email = sent.email;
            user.active = sent.active;
        });
        Ok(Reply::empty(204))
    }

    pub(super) fn delete_user(&mut self) -> Answer {
        self.crowd.permit(Permission::DeleteUser)?;
        let id = self.user_asked_for()?;
        self.writable(id)?;
        self.world.remove_user(id);
        Ok(Reply::empty(204))
    }

    pub(super) fn rename_user(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateUser)?;
        let id = self.user_asked_for()?;
        let name = self.body()?.text_of("new-name").unwrap_or_default().to_owned();
        if name.trim().is_empty() {
            return Err(invalid("The new name is empty"));
        }
        if self.world.user_named(&name).is_some_and(|other| other != id) {
            return Err(invalid(format!("User already exists: {name}")));
        }
        self.writable(id)?;
        self.world.change_user(id, |user| user.name = name);
        self.show_user(200, id, Detail::Entity)
    }

    pub(super) fn set_password(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateUser)?;
        let id = self.user_asked_for()?;
        let password = self.body()?.text_of("value").unwrap_or_default().to_owned();
        if password.is_empty() {
            // Not published: the code and the reason.
            return Err(Refusal::new(400, "INVALID_CREDENTIAL", "The password is empty"));
        }
        self.writable(id)?;
        self.world.change_user(id, |user| user.password = password);
        Ok(Reply::empty(204))
    }

    /// A user in a directory that cannot be written is refused as without the permission: it may be missing there too.
    pub(super) fn writable(&self, id: Id) -> Result<(), Refusal> {
        match self.world.users().get(&id).is_some_and(|user| user.read_only) {
            true => Err(Refusal::permission(&self.crowd.application)),
            false => Ok(()),
        }
    }
}
