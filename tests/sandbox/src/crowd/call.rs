//! A request that is being answered: what the resources have in common.

use super::endpoint::{Depth, Endpoint};
use super::entity::{Detail, Links, View};
use super::format::{self, Format};
use super::node::Node;
use super::refusal::Refusal;
use super::{Crowd, json, xml};
use crate::product::{Id, Reply, Request, World};

/// What a resource answers.
pub(super) type Answer = Result<Reply, Refusal>;

/// A request, and what it is carried out on.
#[derive(Debug)]
pub(super) struct Call<'c> {
    pub(super) request: &'c Request,
    /// The form of the answer.
    pub(super) format: Format,
    pub(super) world: &'c mut World,
    pub(super) crowd: &'c mut Crowd,
}

impl Call<'_> {
    pub(super) fn answer(mut self, endpoint: &Endpoint<'_>) -> Answer {
        match (endpoint, self.request.method.as_str()) {
            (Endpoint::User, "GET") => self.read_user(),
            (Endpoint::User, "POST") => self.create_user(),
            (Endpoint::User, "PUT") => self.update_user(),
            (Endpoint::User, "DELETE") => self.delete_user(),
            (Endpoint::Rename, "POST") => self.rename_user(),
            (Endpoint::Password, "PUT") => self.set_password(),
            (Endpoint::UserAttributes, method) => {
                let owner = self.attributes_of_user()?;
                self.attributes(owner, method)
            }
            (Endpoint::GroupAttributes, method) => {
                let owner = self.attributes_of_group()?;
                self.attributes(owner, method)
            }
            (Endpoint::Group, "GET") => self.read_group(),
            (Endpoint::Group, "POST") => self.create_group(),
            (Endpoint::Group, "PUT") => self.update_group(),
            (Endpoint::Group, "DELETE") => self.delete_group(),
            (Endpoint::Members(depth), "GET") => self.list_members(*depth),
            (Endpoint::Members(Depth::Direct), "POST") => self.add_user_to_group(),
            (Endpoint::Members(Depth::Direct), "DELETE") => self.remove_member(),
            (Endpoint::GroupsOfUser(depth), "GET") => self.list_groups_of_user(*depth),
            (Endpoint::GroupsOfUser(Depth::Direct), "POST") => self.add_group_to_user(),
            (Endpoint::Children(depth), "GET") => self.list_children(*depth),
            (Endpoint::Children(Depth::Direct), "POST") => self.add_child(),
            (Endpoint::Children(Depth::Direct), "DELETE") => self.remove_child(),
            (Endpoint::Parents(depth), "GET") => self.list_parents(*depth),
            (Endpoint::Memberships, "GET") => self.xml(xml::memberships(self.world)),
            (Endpoint::Search, "GET" | "POST") => self.search(),
            (Endpoint::Authentication, "POST") => self.authenticate(),
            (Endpoint::Cookie, "GET") => self.show(200, &View::Cookie),
            (Endpoint::Sessions, "POST") => self.open_session(),
            // With POST a client also says where its own client is; here all may come from anywhere.
            (Endpoint::Session(token), "GET" | "POST") => self.show_session(200, token),
            (Endpoint::Session(token), "DELETE") => self.close_session(token),
            (Endpoint::Unknown, _) => Err(Refusal::plain(404, "Not Found")),
            _ => Err(Refusal::plain(405, "Method Not Allowed")),
        }
    }

    /// Answers with a body.
    pub(super) fn show(&self, status: u16, view: &View<'_>) -> Answer {
        let links = self.links();
        let body = match self.format {
            Format::Json => json::body(view, &links).to_string(),
            Format::Xml => xml::body(view, &links),
        };
        Ok(Reply::with(status, self.format.media_type(), body))
    }

    fn xml(&self, body: String) -> Answer {
        Ok(Reply::with(200, Format::Xml.media_type(), body))
    }

    pub(super) fn links(&self) -> Links {
        Links::new(&self.request.origin(), &self.crowd.context)
    }

    /// The body, in the form that its type says.
    pub(super) fn body(&self) -> Result<Node, Refusal> {
        let sent = format::sent(self.request).ok_or_else(|| Refusal::plain(415, "Unsupported Media Type"))?;
        let node = Node::read(&self.request.body, sent);
        node.ok_or_else(|| Refusal::argument("The body cannot be read"))
    }

    /// A parameter that has to be given.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let given = self.request.parameter(name).filter(|value| !value.is_empty());
        given.ok_or_else(|| Refusal::argument(format!("{name} is missing")))
    }

    /// The user that the query names.
    pub(super) fn user_asked_for(&self) -> Result<Id, Refusal> {
        self.user_named(self.required("username")?, 404)
    }

    /// The group that the query names.
    pub(super) fn group_asked_for(&self) -> Result<Id, Refusal> {
        self.group_named(self.required("groupname")?, 404)
    }

    /// A user by name; the status if there is none.
    pub(super) fn user_named(&self, name: &str, status: u16) -> Result<Id, Refusal> {
        self.world.user_named(name).ok_or_else(|| Refusal::no_user(status, name))
    }

    /// A group by name; the status if there is none.
    pub(super) fn group_named(&self, name: &str, status: u16) -> Result<Id, Refusal> {
        self.world.group_named(name).ok_or_else(|| Refusal::no_group(status, name))
    }

    /// Shows a user.
    pub(super) fn show_user(&self, status: u16, id: Id, detail: Detail) -> Answer {
        let user = self.world.users().get(&id).ok_or_else(|| Refusal::no_user(404, "?"))?;
        self.show(status, &View::User(id, user, detail))
    }

    /// Shows a group.
    pub(super) fn show_group(&self, status: u16, id: Id, detail: Detail) -> Answer {
        let group = self.world.groups().get(&id).ok_or_else(|| Refusal::no_group(404, "?"))?;
        self.show(status, &View::Group(group, detail))
    }

    /// How much a list shows of its entities: names, unless it is told to expand them.
    pub(super) fn detail_in_list(&self, entity: &str) -> Detail {
        match (self.expands(entity), self.expands("attributes")) {
            (false, _) => Detail::Name,
            (true, false) => Detail::Entity,
            (true, true) => Detail::Attributes,
        }
    }

    /// How much is shown of a single entity.
    pub(super) fn detail_alone(&self) -> Detail {
        if self.expands("attributes") { Detail::Attributes } else { Detail::Entity }
    }

    fn expands(&self, word: &str) -> bool {
        let expand = self.request.parameter("expand").unwrap_or_default();
        expand.split(',').any(|part| part.trim() == word)
    }

    /// The page of a list that is asked for. Nothing says how long the list is.
    pub(super) fn page<T>(&self, items: impl Iterator<Item = T>) -> Result<Vec<T>, Refusal> {
        let number = |name: &str| match self.request.parameter(name) {
            None | Some("") => Ok(None),
            Some(text) => {
                let number: Option<i64> = text.parse().ok();
                number.map(Some).ok_or_else(|| Refusal::argument(format!("{name} is no number")))
            }
        };
        // Not published: that a negative index is refused, and that a negative size means no limit, as in Crowd's Java API.
        let start = usize::try_from(number("start-index")?.unwrap_or(0));
        let start = start.map_err(|_| Refusal::argument("start-index is negative"))?;
        let size = number("max-results")?
            .map_or(self.crowd.default_page, |size| usize::try_from(size).unwrap_or(usize::MAX));
        Ok(items.skip(start).take(size.min(self.crowd.page_cap.unwrap_or(usize::MAX))).collect())
    }
}

/// The form in which texts are compared: without case.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}
