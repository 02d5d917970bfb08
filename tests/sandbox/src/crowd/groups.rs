//! Groups.

use super::Permission;
use super::call::{Answer, Call, folded};
use super::entity::Detail;
use super::node::Node;
use super::refusal::Refusal;
use crate::product::{Group, Reply};

/// A group as a client sends it: always whole, what is left out is empty. `active` is read by nobody here: every group of
/// the world is.
struct Sent {
    name: String,
    description: String,
    attributes: super::entity::Attributes,
}

impl Sent {
    fn read(node: &Node) -> Result<Self, Refusal> {
        let text = |name: &str| node.text_of(name).unwrap_or_default().to_owned();
        // Not published: what a group without a type is.
        if !matches!(text("type").as_str(), "" | "GROUP") {
            return Err(invalid("The type of the group is not GROUP"));
        }
        Ok(Self { name: text("name"), description: text("description"), attributes: node.attributes() })
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "INVALID_GROUP", message)
}

impl Call<'_> {
    pub(super) fn read_group(&self) -> Answer {
        self.show_group(200, self.group_asked_for()?, self.detail_alone())
    }

    /// A group that is there already is refused with 400, not with 409.
    pub(super) fn create_group(&mut self) -> Answer {
        self.crowd.permit(Permission::CreateGroup)?;
        let sent = Sent::read(&self.body()?)?;
        if sent.name.trim().is_empty() {
            return Err(invalid("The group has no name"));
        }
        if self.world.group_named(&sent.name).is_some() {
            return Err(invalid(format!("Group already exists: {}", sent.name)));
        }
        let id = self.world.insert_group(Group {
            name: sent.name,
            description: sent.description,
            attributes: sent.attributes,
            ..Group::default()
        });
        self.show_group(201, id, Detail::Attributes)
    }

    /// Overwrites the description. There is no way to rename a group.
    pub(super) fn update_group(&mut self) -> Answer {
        self.crowd.permit(Permission::UpdateGroup)?;
        let id = self.group_asked_for()?;
        let sent = Sent::read(&self.body()?)?;
        // Not published: the reason, and that case is no difference.
        if folded(&sent.name) != folded(self.required("groupname")?) {
            return Err(invalid("The name in the body is not the one in the query"));
        }
        self.world.change_group(id, |group| group.description = sent.description);
        match self.crowd.group_update_without_body {
            true => Ok(Reply::empty(204)),
            false => self.show_group(200, id, Detail::Entity),
        }
    }

    pub(super) fn delete_group(&mut self) -> Answer {
        self.crowd.permit(Permission::DeleteGroup)?;
        let id = self.group_asked_for()?;
        self.world.remove_group(id);
        Ok(Reply::empty(204))
    }
}
