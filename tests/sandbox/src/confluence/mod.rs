//! A stand-in for Confluence Data Center: its REST API.
//!
//! Built from Atlassian's documentation (developer.atlassian.com/server/confluence/rest, v900 to v1010) and issues
//! whose keys are given where they matter. What is said nowhere is marked "not published" and, where a client might
//! be misled by it, can be switched.

mod body;
mod call;
mod deletion;
mod groups;
mod page;
mod rules;
mod users;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::product::{Id, Product, Reply, Request, World};
use body::refused;
use call::Call;

pub use deletion::Deletions;

/// Since when an endpoint is there; the order is that of the releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// No administration by REST at all.
    V7_19,
    /// Users can be disabled, enabled and deleted (CONFSERVER-54928).
    V8_2,
    /// Users can be created and listed, and get passwords (CONFSERVER-87290 to 87292).
    V8_4,
    /// Name and address of a user can be changed (CONFSERVER-93140).
    V9_2,
    /// Active users can be listed by themselves.
    V9_3,
}

/// What the account that signs in may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything.
    Administrator,
    /// Looks at groups and at single users. Not published: that lists of all users need more.
    Reader,
    /// Nothing at all.
    Nobody,
}

/// In which form a refusal is worded. Neither is published for these endpoints: a client must not depend on either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    /// `{"statusCode", "message", "reason"}`.
    Short,
    /// With a `data` object that lists validation errors, and the name of a Java class in front of the message.
    WithData,
}

/// Confluence, and how it behaves.
#[derive(Clone, Debug)]
pub struct Confluence {
    /// The account that signs in: with Basic and the password, or as the owner of the token.
    pub account: String,
    /// Its password.
    pub password: String,
    /// Its personal access token.
    pub token: String,
    /// The context path, such as `/confluence`, without a slash at its end; empty for none.
    pub context: String,
    /// What is there; everything else answers 404.
    pub version: Version,
    /// Since when memberships can be written. Documented for 9.0 and later; not published: for 8.x, and that it is
    /// 404 on 7.19.
    pub memberships_since: Version,
    /// What the account may do.
    pub rights: Rights,
    /// The longest page, whatever is asked for.
    pub page_cap: usize,
    /// How refusals are worded.
    pub error_form: ErrorForm,
    /// How many active users the licence allows; none: any number.
    pub seats: Option<usize>,
    /// How many requests a deleted user outlives; 0: it is gone at once.
    pub deletion_after: u64,
    /// Groups that make administrators: the last of them cannot be deleted.
    pub admin_groups: BTreeSet<String>,
    /// A group that every new user is put into, made when it is missing. Not published: whether there is one.
    pub default_group: Option<String>,
    /// The status of a change that succeeded: documented is only that it is one of success, without a body.
    pub updated_status: u16,
    /// Whether a slash in a name, encoded as `%2F` in the path, is refused with 400, as Tomcat does unless it is told
    /// otherwise. Not published: what Confluence tells it.
    pub refuse_encoded_slash: bool,
    /// Whether a POST without a content type, or with one that a form can have, is refused with 403 unless it bears
    /// `X-Atlassian-Token: no-check`: the check against cross-site requests of Atlassian's REST plugin.
    pub xsrf_check: bool,
    /// How often a person was told by mail that an account was made.
    pub mails_sent: u64,
    /// Users that are being deleted.
    pub deletions: Deletions,
}

impl Default for Confluence {
    /// The newest version, with everything as documented.
    fn default() -> Self {
        Self {
            account: "usersyncd".to_owned(),
            password: "secret-password".to_owned(),
            token: "secret-token".to_owned(),
            context: String::new(),
            version: Version::V9_3,
            memberships_since: Version::V8_2,
            rights: Rights::Administrator,
            page_cap: 200,
            error_form: ErrorForm::Short,
            seats: None,
            deletion_after: 0,
            admin_groups: BTreeSet::from(["confluence-administrators".to_owned()]),
            default_group: None,
            updated_status: 204,
            refuse_encoded_slash: false,
            xsrf_check: true,
            mails_sent: 0,
            deletions: Deletions::default(),
        }
    }
}

/// A refusal, before it is worded.
#[derive(Debug)]
struct Refusal {
    status: u16,
    message: String,
}

type Outcome = Result<Reply, Refusal>;

/// A refusal with this status.
fn refusal(status: u16, message: impl Into<String>) -> Refusal {
    Refusal { status, message: message.into() }
}

impl Product for Confluence {
    fn operation(&self, request: &Request) -> &'static str {
        self.call(request).map_or("other", |call| call.operation())
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let password_fits =
            request.basic().is_some_and(|(user, password)| user == self.account && password == self.password);
        let token_fits = request.bearer() == Some(self.token.as_str());
        if password_fits || token_fits {
            return Ok(());
        }
        // Not published: the body. A page is what a servlet filter in front of the API answers.
        Err(Reply::html(401, "Unauthorized").header("www-authenticate", "Basic realm=\"Confluence\""))
    }

    fn answer(&mut self, request: &Request, world: &mut World) -> Reply {
        let waiting = self.deletions.take();
        let reply = self
            .carry_out(request, world)
            .unwrap_or_else(|refusal| refused(self.error_form, refusal.status, &refusal.message));
        self.deletions.pass(waiting, world);
        reply
    }

    fn refusal(&self, status: u16) -> Reply {
        let reply = refused(self.error_form, status, body::usual_message(status));
        if status == 429 { body::with_rate_limit(reply) } else { reply }
    }
}

impl Confluence {
    /// What is asked for; none outside of the API.
    fn call<'a>(&self, request: &'a Request) -> Option<Call<'a>> {
        let context = self.context.split('/').filter(|part| !part.is_empty());
        let mut segments = request.segments.iter().map(String::as_str);
        for part in context.chain(["rest", "api"]) {
            if segments.next() != Some(part) {
                return None;
            }
        }
        let segments: Vec<&str> = segments.collect();
        Call::of(&request.method, &segments)
    }

    fn carry_out(&mut self, request: &Request, world: &mut World) -> Outcome {
        self.check_transport(request)?;
        let known = self.call(request).filter(|call| self.version >= self.since(call));
        let call = known.ok_or_else(|| refusal(404, "null for uri"))?;
        self.permit(&call)?;
        match call {
            Call::CreateUser => self.create_user(request, world),
            Call::UpdateUser(name) => self.update_user(name, request, world),
            Call::EnableUser(name) => users::set_active(name, true, world),
            Call::DisableUser(name) => users::set_active(name, false, world),
            Call::DeleteUser(name) => self.delete_user(name, world),
            Call::SetPassword(name) => users::set_password(name, request, world),
            Call::ReadUser => self.read_user(request, world),
            Call::ReadAccount => Ok(self.read_account(request, world)),
            Call::ListUsers => Ok(self.list_users(request, world, |_| true)),
            Call::ListActiveUsers => Ok(self.list_users(request, world, |user| user.active)),
            Call::ListGroupsOfUser => self.list_groups_of_user(request, world),
            Call::CreateGroup => self.create_group(request, world),
            Call::DeleteGroup(name) => self.delete_group(name, world),
            Call::ListGroups => Ok(self.list_groups(request, world)),
            Call::ReadGroup(name) => self.read_group(name, request, world),
            Call::ListMembers(name) => self.list_members(name, request, world),
            Call::ListChildGroups(name) => self.list_child_groups(name, request, world),
            Call::AddMember { user, group } => groups::add_member(user, group, world),
            Call::RemoveMember { user, group } => groups::remove_member(user, group, world),
            Call::ReadTask(task) => self.deletions.read_task(task, world),
        }
    }

    fn check_transport(&self, request: &Request) -> Result<(), Refusal> {
        if self.refuse_encoded_slash && request.path.to_ascii_uppercase().contains("%2F") {
            return Err(refusal(400, "Bad Request"));
        }
        if self.xsrf_check && request.method == "POST" && is_form_like(request) {
            return Err(refusal(403, "XSRF check failed"));
        }
        Ok(())
    }

    fn since(&self, call: &Call<'_>) -> Version {
        match call {
            Call::CreateUser | Call::SetPassword(_) | Call::ListUsers => Version::V8_4,
            Call::UpdateUser(_) => Version::V9_2,
            Call::EnableUser(_) | Call::DisableUser(_) | Call::DeleteUser(_) => Version::V8_2,
            // Not published: since when groups can be written (CONFSERVER-57988 does not say).
            Call::CreateGroup | Call::DeleteGroup(_) => Version::V8_2,
            Call::ListActiveUsers => Version::V9_3,
            Call::AddMember { .. } | Call::RemoveMember { .. } => self.memberships_since,
            _ => Version::V7_19,
        }
    }

    fn permit(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let allowed = match self.rights {
            Rights::Administrator => true,
            Rights::Reader => !call.needs_administrator(),
            Rights::Nobody => false,
        };
        if allowed { Ok(()) } else { Err(refusal(403, body::usual_message(403))) }
    }
}

/// Whether a page of another site could have sent it without asking: only such requests are checked.
fn is_form_like(request: &Request) -> bool {
    let content_type = request.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let forms = ["", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
    let token = request.header("x-atlassian-token").unwrap_or_default();
    forms.contains(&kind.as_str()) && !["no-check", "nocheck"].contains(&token)
}

/// The JSON object that a request bears.
fn json_object(request: &Request) -> Result<Value, Refusal> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return Err(refusal(415, "Unsupported Media Type"));
    }
    let body = request.json().filter(Value::is_object);
    body.ok_or_else(|| refusal(400, "Could not parse the request body"))
}

fn user_named(name: &str, world: &World) -> Result<Id, Refusal> {
    world.user_named(name).ok_or_else(|| refusal(404, format!("No user found with username : {name}")))
}

fn group_named(name: &str, world: &World) -> Result<Id, Refusal> {
    world.group_named(name).ok_or_else(|| refusal(404, format!("No group found with name : {name}")))
}
