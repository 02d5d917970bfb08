//! Attributes of users and groups, which have several values each.

use super::Permission;
use super::call::{Answer, Call};
use super::entity::{Attributes, Owner, View};
use super::refusal::Refusal;
use crate::product::{Id, Reply};

/// Whose attributes are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder {
    User(Id),
    Group(Id),
}

impl Call<'_> {
    pub(super) fn attributes_of_user(&self) -> Result<Holder, Refusal> {
        self.user_asked_for().map(Holder::User)
    }

    pub(super) fn attributes_of_group(&self) -> Result<Holder, Refusal> {
        self.group_asked_for().map(Holder::Group)
    }

    pub(super) fn attributes(&mut self, holder: Holder, method: &str) -> Answer {
        match method {
            "GET" => self.read_attributes(holder),
            "POST" => self.set_attributes(holder),
            "DELETE" => self.remove_attribute(holder),
            // Also PUT, by which some clients try to store attributes.
            _ => Err(Refusal::plain(405, "Method Not Allowed")),
        }
    }

    fn read_attributes(&self, holder: Holder) -> Answer {
        match holder {
            Holder::User(id) => {
                let user = self.world.users().get(&id).ok_or_else(|| Refusal::no_user(404, "?"))?;
                self.show(200, &View::Attributes(Owner::User(&user.name), &user.attributes))
            }
            Holder::Group(id) => {
                let group = self.world.groups().get(&id).ok_or_else(|| Refusal::no_group(404, "?"))?;
                self.show(200, &View::Attributes(Owner::Group(&group.name), &group.attributes))
            }
        }
    }

    /// Replaces the values of the attributes that are sent; the others stay.
    fn set_attributes(&mut self, holder: Holder) -> Answer {
        let sent = self.body()?.attributes();
        self.change_attributes(holder, |attributes| attributes.extend(sent))
    }

    /// Not published: that the removal of an attribute that is not there is answered alike.
    fn remove_attribute(&mut self, holder: Holder) -> Answer {
        let name = self.required("attributename")?.to_owned();
        self.change_attributes(holder, |attributes| drop(attributes.remove(&name)))
    }

    fn change_attributes(&mut self, holder: Holder, change: impl FnOnce(&mut Attributes)) -> Answer {
        match holder {
            Holder::User(id) => {
                self.crowd.permit(Permission::UpdateUserAttributes)?;
                self.writable(id)?;
                self.world.change_user(id, |user| change(&mut user.attributes));
            }
            Holder::Group(id) => {
                self.crowd.permit(Permission::UpdateGroupAttributes)?;
                self.world.change_group(id, |group| change(&mut group.attributes));
            }
        }
        Ok(Reply::empty(204))
    }
}
