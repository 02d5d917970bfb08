//! A stand-in for Bitbucket Data Center: the part of its REST API that administers users and groups.
//!
//! Built from Atlassian's published OpenAPI (8.14), documentation (developer.atlassian.com/server/bitbucket/rest)
//! and issues whose keys are given where they matter. What is said nowhere is marked "not published" and, where a
//! client might be misled by it, can be switched.

mod body;
mod bucket;
mod call;
mod groups;
mod members;
mod page;
mod refusal;
mod search;
mod seats;
mod users;

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::product::{Product, Reply, Request, World};
use call::{Call, Need};
use refusal::{Refusal, not_permitted};

/// What the account that signs in may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything.
    Administrator,
    /// Looks at users and groups.
    Licensed,
    /// Nothing at all.
    Unlicensed,
}

/// Bitbucket, and how it behaves.
#[derive(Clone, Debug)]
pub struct Bitbucket {
    /// The account that signs in with the password, and that the token belongs to.
    pub account: String,
    /// Its password.
    pub password: String,
    /// Its HTTP access token, which endpoints of administration refuse (BSERV-10482). Not published: with which
    /// status; here 401.
    pub token: String,
    /// The context path, such as `/bitbucket`, without a slash at its end; empty for none.
    pub context: String,
    /// What the account may do.
    pub rights: Rights,
    /// How long a page is when no length is asked for.
    pub page_size: usize,
    /// The longest page, whatever is asked for.
    pub page_cap: usize,
    /// The group of new users, unless their creation says otherwise; it is made when it is missing.
    pub default_group: String,
    /// The group that makes the account an administrator: deleting it is a conflict.
    pub admin_group: String,
    /// How many users the licence allows; none: any number.
    pub seats: Option<usize>,
    /// The groups whose members take a seat; empty: every active user takes one.
    pub licensed_groups: BTreeSet<String>,
    /// Names of users from a directory that keeps its memberships to itself. That somebody's details cannot be
    /// written is told by [`crate::product::User::read_only`].
    pub mutable_groups_false: BTreeSet<String>,
    /// Whether the others are added when one of several users or groups is refused. Not published: what happens to
    /// them.
    pub adds_others: bool,
    /// Whether removing somebody who is no member answers 404. Not published; a client of others takes 404 for
    /// "already removed".
    pub absent_is_not_found: bool,
    /// The most requests at once and how many more each second; none: no limit. Bitbucket's own values are 60 and 5.
    pub bucket: Option<(u32, u32)>,
    /// Whether a 429 bears `retry-after` and the headers that Jira documents. Not published: what Bitbucket sends.
    pub limit_headers: bool,
    /// Whether a POST without a content type, or with one that a form can have, is refused with 403 unless it bears
    /// `X-Atlassian-Token: no-check`: the check against cross-site requests of Atlassian's REST plugin. Clients of
    /// others met it at calls without a body.
    pub xsrf_check: bool,
    /// How often a person was told by mail that an account was made.
    pub mails_sent: u64,
    /// What it keeps for itself.
    pub memory: Memory,
}

/// What the stand-in remembers beside the world.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    tokens: bucket::Tokens,
    search: search::Search,
}

impl Default for Bitbucket {
    /// Everything as documented.
    fn default() -> Self {
        Self {
            account: "usersyncd".to_owned(),
            password: "secret-password".to_owned(),
            token: "secret-token".to_owned(),
            context: String::new(),
            rights: Rights::Administrator,
            page_size: 25,
            page_cap: 1000,
            default_group: "stash-users".to_owned(),
            admin_group: "stash-admins".to_owned(),
            seats: None,
            licensed_groups: BTreeSet::new(),
            mutable_groups_false: BTreeSet::new(),
            adds_others: false,
            absent_is_not_found: true,
            bucket: None,
            limit_headers: true,
            xsrf_check: true,
            mails_sent: 0,
            memory: Memory::default(),
        }
    }
}

type Outcome = Result<Reply, Refusal>;

impl Product for Bitbucket {
    fn operation(&self, request: &Request) -> &'static str {
        self.call(request).map_or("other", |call| call.operation(request))
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        if let Some((user, password)) = request.basic() {
            let fits = user == self.account && password == self.password;
            return if fits { Ok(()) } else { Err(refusal::wrong_credentials().reply()) };
        }
        let is_administration = self.call(request).is_some_and(|call| call.is_administration());
        match request.bearer() {
            Some(token) if token != self.token => Err(refusal::wrong_credentials().reply()),
            Some(_) if !is_administration => Ok(()),
            _ => Err(not_permitted().reply()),
        }
    }

    fn answer(&mut self, request: &Request, world: &mut World) -> Reply {
        let was_in_step = self.memory.search.is_in_step(world);
        let reply = self.carry_out(request, world).unwrap_or_else(|refusal| refusal.reply());
        self.memory.search.follow(was_in_step, world);
        reply.header("x-ausername", &body::encode(&self.account))
    }

    fn refusal(&self, status: u16) -> Reply {
        let reply = refusal::usual(status).reply();
        if status == 429 && self.limit_headers { bucket::with_headers(reply, self.bucket) } else { reply }
    }
}

impl Bitbucket {
    /// What is asked for; none outside of the API.
    fn call(&self, request: &Request) -> Option<Call> {
        let context = self.context.split('/').filter(|part| !part.is_empty());
        let mut segments = request.segments.iter().map(String::as_str);
        for part in context.chain(["rest", "api"]) {
            if segments.next() != Some(part) {
                return None;
            }
        }
        segments.next().filter(|version| ["latest", "1.0"].contains(version))?;
        let segments: Vec<&str> = segments.collect();
        Call::of(&request.method, &segments)
    }

    fn carry_out(&mut self, request: &Request, world: &mut World) -> Outcome {
        if let Some(reply) = self.too_many() {
            return Ok(reply);
        }
        if self.xsrf_check && request.method == "POST" && is_form_like(request) {
            return Ok(Reply::with(403, "text/plain", "XSRF check failed"));
        }
        let call = self.call(request).ok_or_else(|| refusal::usual(404))?;
        self.permit(&call)?;
        match call {
            Call::ListUsers => Ok(self.list_users(request, world)),
            Call::CreateUser => self.create_user(request, world),
            Call::UpdateUser => self.update_user(request, world),
            Call::RenameUser => self.rename_user(request, world),
            Call::SetPassword => self.set_password(request, world),
            Call::DeleteUser => self.delete_user(request, world),
            Call::FindUsers => Ok(self.find_users(request, world)),
            Call::ReadUser(slug) => self.read_user(&slug, request, world),
            Call::ListGroups => Ok(self.list_groups(request, world)),
            Call::ListGroupNames => Ok(self.list_group_names(request, world)),
            Call::CreateGroup => groups::create(request, world),
            Call::DeleteGroup => self.delete_group(request, world),
            Call::ListMembers { are_members } => self.list_members(are_members, request, world),
            Call::ListGroupsOfUser { are_members } => self.list_groups_of_user(are_members, request, world),
            Call::AddUsers => self.add_users(request, world),
            Call::AddGroups => self.add_groups(request, world),
            Call::AddPair(order) => self.add_pair(order, request, world),
            Call::RemovePair(order) => self.remove_pair(order, request, world),
            Call::ListDirectories => Ok(body::directories(request, world)),
        }
    }

    /// The refusal of a request beyond the limit.
    fn too_many(&mut self) -> Option<Reply> {
        let seconds = self.memory.tokens.take(self.bucket?, Instant::now()).err()?;
        let reply = Product::refusal(self, 429);
        Some(if self.limit_headers { reply.header("retry-after", &seconds.to_string()) } else { reply })
    }

    fn permit(&self, call: &Call) -> Result<(), Refusal> {
        let allowed = match self.rights {
            Rights::Administrator => true,
            Rights::Licensed => call.need() == Need::Licensed,
            Rights::Unlicensed => false,
        };
        if allowed { Ok(()) } else { Err(not_permitted()) }
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
