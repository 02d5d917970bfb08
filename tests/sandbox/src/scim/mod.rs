//! A stand-in for SCIM 2.0 services (RFC 7643, 7644), generic ones and the one of Atlassian Cloud.
//!
//! [`Scim::reference`] behaves as scim2-server 0.8.3 was seen to, [`Scim::other`] as another public server, and
//! [`Scim::cloud`] as Atlassian's documentation says; [`Dialect`] has a switch for each difference, and for what further
//! services are known for.

mod answer;
mod dialect;
mod discovery;
mod draft;
mod filter;
mod groups;
mod id;
mod intake;
mod ledger;
mod lists;
mod lookup;
mod matching;
mod members;
mod operations;
mod patch;
mod projection;
mod render;
mod schema;
mod user;
mod users;

use std::collections::BTreeSet;

use serde_json::Value;

use answer::{Outcome, Refusal};
pub use dialect::{
    Deletion, Dialect, Etags, Filtering, ItemsPerPage, Limit, Locations, MemberDetails, NewMembers, Paging,
    PatchAnswer, UnknownAttributes, UnknownMembers,
};
use ledger::Ledger;
use lists::{Asked, Kind};
use lookup::Lookup;

use crate::product::{Id, Product, Reply, Request, World};

/// A SCIM service.
#[derive(Clone, Debug)]
pub struct Scim {
    /// What all paths begin with.
    pub base: String,
    /// The bearer token that is accepted; at Atlassian, the API key of the directory.
    pub token: String,
    /// How it behaves.
    pub dialect: Dialect,
    /// E-mail addresses of accounts that are managed without being in the directory. A new user with one of them is linked
    /// with the account.
    pub managed_accounts: BTreeSet<String>,
    ledger: Ledger,
    lookup: Lookup,
}

impl Default for Scim {
    fn default() -> Self {
        Self::reference()
    }
}

impl Scim {
    /// A service with a behaviour of one's own, under `/scim/v2`.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            base: "/scim/v2".to_owned(),
            token: "secret-token".to_owned(),
            dialect,
            managed_accounts: BTreeSet::new(),
            ledger: Ledger::default(),
            lookup: Lookup::default(),
        }
    }

    /// Like scim2-server 0.8.3; bulk and sorting are left out.
    pub fn reference() -> Self {
        Self::new(Dialect::reference())
    }

    /// Like another public server.
    pub fn other() -> Self {
        Self::new(Dialect::other())
    }

    /// User provisioning of Atlassian Cloud.
    pub fn cloud() -> Self {
        let base = "/scim/directory/6d2f0a5e-81c4-4b7e-9f0c-3a1d5e7b9c20".to_owned();
        Self { base, ..Self::new(Dialect::cloud()) }
    }

    /// The id that clients know a user or group by.
    pub fn id(&self, of: Id) -> String {
        self.ledger.shown(of)
    }

    /// The e-mail address of the managed account that a user was linked with.
    pub fn linked_account(&self, user: Id) -> Option<&str> {
        self.ledger.linked.get(&user).map(String::as_str)
    }

    /// The parts of a path after the base; none if it is another path.
    fn path<'a>(&self, request: &'a Request) -> Option<Vec<&'a str>> {
        let mut parts = request.segments.iter().map(String::as_str);
        let mut base = self.base.split('/').filter(|part| !part.is_empty());
        base.all(|part| parts.next() == Some(part)).then(|| parts.collect())
    }

    fn carry_out(&mut self, request: &Request, world: &mut World) -> Outcome<Reply> {
        let path = self.path(request).ok_or_else(|| Refusal::new(404, "", "There is no such directory"))?;
        let method = request.method.as_str();
        if self.dialect.user_groups {
            self.lookup.refresh(world);
        }
        if method == "PATCH" && !self.dialect.patch && matches!(*path, ["Users" | "Groups", _]) {
            return Err(Refusal::of_status(501));
        }
        match (&*path, method) {
            (["ServiceProviderConfig" | "ResourceTypes" | "Schemas", ..], "GET") => {
                discovery::answer(self, &path, request, world)
            }
            (["Users"], "GET") => self.list_by_query(Kind::Users, request, world),
            (["Users"], "POST") => self.create_user(request, world),
            (["Users", ".search"], "POST") => self.search(&[Kind::Users], request, world),
            (["Users", id], "GET") => self.read_user(id, request, world),
            (["Users", id], "PUT") => self.put_user(id, request, world),
            (["Users", id], "PATCH") => self.patch_user(id, request, world),
            (["Users", id], "DELETE") => self.delete_user(id, request, world),
            (["Groups"], "GET") => self.list_by_query(Kind::Groups, request, world),
            (["Groups"], "POST") => self.create_group(request, world),
            (["Groups", ".search"], "POST") => self.search(&[Kind::Groups], request, world),
            (["Groups", id], "GET") => self.read_group(id, request, world),
            (["Groups", id], "PUT") => self.put_group(id, request, world),
            (["Groups", id], "PATCH") => self.patch_group(id, request, world),
            (["Groups", id], "DELETE") => self.delete_group(id, request, world),
            ([".search"], "POST") => self.search(&[Kind::Users, Kind::Groups], request, world),
            // Announced as not supported.
            (["Bulk"], "POST") | (["Me", ..], _) => Err(Refusal::of_status(501)),
            (known, _) if is_endpoint(known) => {
                Err(Refusal::new(405, "", "The endpoint does not support this method"))
            }
            _ => Err(Refusal::new(404, "", format!("No resource type found at '{}'", path.join("/")))),
        }
    }

    fn list_by_query(&mut self, kind: Kind, request: &Request, world: &World) -> Outcome<Reply> {
        let asked = Asked::by_query(request, &self.dialect)?;
        self.list(&[kind], &asked, request, world)
    }

    fn search(&mut self, kinds: &[Kind], request: &Request, world: &World) -> Outcome<Reply> {
        let asked = Asked::by_body(&body(request)?, &self.dialect)?;
        self.list(kinds, &asked, request, world)
    }

    /// Refuses a change of another version than the client has seen (RFC 7644, section 3.14).
    fn precondition(&self, request: &Request, version: impl FnOnce() -> String) -> Outcome<()> {
        match request.header("if-match") {
            Some(wanted) if self.dialect.etags == Etags::Checked && !names(wanted, version) => {
                Err(Refusal::of_status(412))
            }
            _ => Ok(()),
        }
    }

    /// The answer to a client that has the version already.
    fn unchanged(&self, request: &Request, version: impl FnOnce() -> String) -> Option<Reply> {
        let wanted = request.header("if-none-match").filter(|_| self.dialect.etags == Etags::Checked)?;
        let version = version();
        names(wanted, || version.clone()).then(|| Reply::empty(304).header("etag", &version))
    }
}

/// Whether a list of versions has this one; `*` is any.
fn names(wanted: &str, version: impl FnOnce() -> String) -> bool {
    wanted.trim() == "*" || {
        let version = version();
        wanted.split(',').any(|wanted| wanted.trim() == version)
    }
}

fn is_endpoint(path: &[&str]) -> bool {
    matches!(
        path,
        ["Users" | "Groups" | "ServiceProviderConfig" | "Bulk" | ".search"]
            | ["Users" | "Groups" | "ResourceTypes" | "Schemas", _]
            | ["ResourceTypes" | "Schemas"]
    )
}

/// The body of a request, which has to be JSON.
fn body(request: &Request) -> Outcome<Value> {
    let media_type = request.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if !is_json {
        return Err(Refusal::new(415, "", "The request body must be application/scim+json"));
    }
    request.json().ok_or_else(|| Refusal::bad("invalidSyntax", "Invalid JSON"))
}

/// What a PATCH of a user is about.
fn patch_of_user(body: &Value) -> &'static str {
    if operations::touches(body, "userName") {
        return "rename user";
    }
    match operations::only(body, "active").and_then(|value| match value {
        Value::Bool(active) => Some(active),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    }) {
        Some(true) => "enable user",
        Some(false) => "disable user",
        None => "update user",
    }
}

impl Product for Scim {
    fn operation(&self, request: &Request) -> &'static str {
        let path = self.path(request).unwrap_or_default();
        let body = || request.json().unwrap_or_default();
        match (&*path, request.method.as_str()) {
            (["Users"], "GET") | (["Users", ".search"], "POST") => "list users",
            (["Users"], "POST") => "create user",
            (["Users", _], "GET") => "read user",
            (["Users", _], "PUT") => "update user",
            (["Users", _], "PATCH") => patch_of_user(&body()),
            (["Users", _], "DELETE") => "delete user",
            (["Groups"], "GET") | (["Groups", ".search"], "POST") => "list groups",
            (["Groups"], "POST") => "create group",
            (["Groups", _], "GET") => "read group",
            (["Groups", _], "PUT") => "update group",
            (["Groups", _], "PATCH") if operations::touches(&body(), "members") => "change members",
            (["Groups", _], "PATCH") => "update group",
            (["Groups", _], "DELETE") => "delete group",
            (["ServiceProviderConfig"], "GET") => "read configuration",
            _ => "other",
        }
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let is_open = self.dialect.open_configuration
            && self.path(request).is_some_and(|path| *path == ["ServiceProviderConfig"]);
        if is_open || request.bearer() == Some(self.token.as_str()) {
            return Ok(());
        }
        Err(Refusal::of_status(401).reply(&self.dialect))
    }

    fn answer(&mut self, request: &Request, world: &mut World) -> Reply {
        self.carry_out(request, world).unwrap_or_else(|refusal| refusal.reply(&self.dialect))
    }

    fn refusal(&self, status: u16) -> Reply {
        Refusal::of_status(status).reply(&self.dialect)
    }
}
