//! A stand-in for Crowd Data Center: its usermanagement API, version 1.
//!
//! Sources: Atlassian's documentation (Crowd REST resources, the REST reference of Crowd 6, the Crowd Query Language), the
//! Javadoc of its client, and its public issues (CWD-…). Where these are silent, a comment says `not published`: the
//! behaviour there is an assumption. Two more hold everywhere: names of users and groups are compared without case, and
//! the credentials are looked at before the client's address.

mod attributes;
mod call;
mod endpoint;
mod entity;
mod format;
mod groups;
mod json;
mod memberships;
mod nesting;
mod node;
mod query;
mod refusal;
mod restriction;
mod search;
mod sessions;
mod users;
mod xml;
mod xml_reader;

use std::collections::BTreeSet;

use crate::product::{Product, Reply, Request, World};
use call::Call;
use endpoint::{Endpoint, operation};
pub use format::Format;
use refusal::Refusal;
pub use sessions::Sessions;

/// What an application may be kept from doing to its directories. Reading is always allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Creating users.
    CreateUser,
    /// Changing users: also their names, passwords and whether they are active.
    UpdateUser,
    /// Changing attributes of users.
    UpdateUserAttributes,
    /// Deleting users.
    DeleteUser,
    /// Creating groups.
    CreateGroup,
    /// Changing groups, and who and what is in them.
    UpdateGroup,
    /// Changing attributes of groups.
    UpdateGroupAttributes,
    /// Deleting groups.
    DeleteGroup,
}

/// Crowd, with everything about it that can be switched. The default is what is documented for the newest version.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// The path under which the product is installed; empty for none.
    pub context: String,
    /// The name of the application that may ask.
    pub application: String,
    /// The application's password.
    pub password: String,
    /// What `X-Embedded-Crowd-Version` says on every answer; none: no such header.
    pub version: Option<String>,
    /// The client's address is not among those that the application may ask from: 403.
    pub address_denied: bool,
    /// What the application may not do: 403 APPLICATION_PERMISSION_DENIED.
    pub denied: BTreeSet<Permission>,
    /// Memberships are answered as by an independent server that Atlassian's client accepts: 404 for an unknown user or
    /// group, 201 for a membership that is there, 204 for the removal of one that is not.
    pub lenient_memberships: bool,
    /// A change of a group is answered with 204 and no body, as by that independent server.
    pub group_update_without_body: bool,
    /// The groups of an unknown user are an empty list (CWD-4433), not 404 as documented.
    pub unknown_user_has_no_groups: bool,
    /// The members of an unknown group are an empty list (reported in CWD-4470), not 404 as documented.
    pub unknown_group_has_no_members: bool,
    /// Groups can be members of groups; otherwise 400 NESTED_GROUPS_NOT_SUPPORTED.
    pub nested_groups: bool,
    /// How long a page is if `max-results` is not given.
    pub default_page: usize,
    /// How long a page is at most, whatever is asked for; none: as long as asked for.
    pub page_cap: Option<usize>,
    /// The form of the refusals that faults make: they are made without a look at the request.
    pub fault_format: Format,
    /// Who is signed in once for all applications.
    pub sessions: Sessions,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            context: "/crowd".to_owned(),
            application: "usersyncd".to_owned(),
            password: "secret-password".to_owned(),
            version: Some("Crowd/7.1.0".to_owned()),
            address_denied: false,
            denied: BTreeSet::new(),
            lenient_memberships: false,
            group_update_without_body: false,
            unknown_user_has_no_groups: true,
            unknown_group_has_no_members: false,
            nested_groups: true,
            default_page: 50, // not published: what the independent server does
            page_cap: None,
            fault_format: Format::Json,
            sessions: Sessions::default(),
        }
    }
}

impl Product for Crowd {
    fn operation(&self, request: &Request) -> &'static str {
        operation(&self.endpoint(request), request)
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let expected = (self.application.clone(), self.password.clone());
        if request.basic() != Some(expected) {
            return Err(self.marked(refusal::unknown_application()));
        }
        if self.address_denied {
            return Err(self.marked(refusal::denied_address(&self.application)));
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request, world: &mut World) -> Reply {
        let endpoint = self.endpoint(request);
        let reply = match format::wanted(request, endpoint.formats()) {
            Some(format) => {
                let answer = Call { request, format, world, crowd: self }.answer(&endpoint);
                answer.unwrap_or_else(|refusal| refusal.reply(format))
            }
            None => refusal::not_acceptable(),
        };
        self.marked(reply)
    }

    fn refusal(&self, status: u16) -> Reply {
        self.marked(refusal::for_status(status, self.fault_format))
    }
}

impl Crowd {
    fn endpoint<'r>(&self, request: &'r Request) -> Endpoint<'r> {
        Endpoint::of(&request.segments, &self.context)
    }

    /// With the header by which Atlassian's own client knows a Crowd server.
    fn marked(&self, reply: Reply) -> Reply {
        match &self.version {
            Some(version) => reply.header("x-embedded-crowd-version", version),
            None => reply,
        }
    }

    fn permit(&self, permission: Permission) -> Result<(), Refusal> {
        match self.denied.contains(&permission) {
            true => Err(Refusal::permission(&self.application)),
            false => Ok(()),
        }
    }
}
