//! A stand-in for Jira Data Center: users, groups and memberships of its REST API, version 2, from Jira 8.2 to 11.
//!
//! It behaves as Atlassian's documentation and issues say, and in some points as programs of others expect it of a real
//! server. What neither says is marked `not published` where it is decided; a client should not depend on it.
//!
//! What a person can set up otherwise in a real Jira, and what differs between versions, are fields of [`Jira`]:
//!
//! ```no_run
//! use sandbox::jira::{Jira, Version};
//! use sandbox::product::{Serving, StandIn, World};
//!
//! # async fn example() -> std::io::Result<()> {
//! let mut world = World::default();
//! world.add_user("fred");
//! let jira = Jira { version: Version::V9_12, context: "/jira".to_owned(), ..Jira::default() };
//! let jira = StandIn::start(jira, world, Serving::default()).await?;
//! // … let the client write to {jira.url()}/jira/rest/api/2/ …
//! assert_eq!(jira.product(|jira| jira.mails_sent), 0);
//! # Ok(()) }
//! ```

mod access;
mod bean;
mod create;
mod groups;
mod limit;
mod lists;
mod members;
mod refuse;
mod route;
mod seats;
mod users;
mod version;

use std::collections::BTreeSet;

use crate::product::{Product, Reply, Request, World};
use access::{Caller, Failures};
use limit::Limiter;
use members::Listings;
use route::Route;
use seats::Seats;

pub use version::Version;

/// Where Jira puts the text of an error about a group or a membership. Which of them is not published; a client reads both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorPlace {
    /// In the list `errorMessages`.
    #[default]
    Messages,
    /// In the object `errors`, under the name of a field.
    Errors,
}

/// A Jira as it is set up. The default is the newest version, with an administrator's account.
#[derive(Debug)]
pub struct Jira {
    /// The version, which decides about some endpoints and limits.
    pub version: Version,
    /// The context path, such as `/jira`; empty for none.
    pub context: String,
    /// The name of the account that the client signs in with. It need not be in the world; while it is there and is not
    /// active, nobody can sign in with it.
    pub account: String,
    /// The account's password.
    pub password: String,
    /// The account's personal access token (since 8.14).
    pub token: String,
    /// Whether the account may administer Jira; else 403 for everything that needs it.
    pub admin: bool,
    /// After so many wrong passwords the right one is refused too, with 403, until a person solves a captcha
    /// ([`Self::solve_captcha`]). Tokens still work. None: never.
    pub captcha_after: Option<u32>,
    /// Whether `groups/picker` answers 200 and an empty list to a caller with an unknown token, as Jira's searches do:
    /// only the header `X-AUSERNAME: anonymous` tells. Off: 401.
    pub anonymous_picker: bool,
    /// `jira.ajax.autocomplete.limit`: the most groups that `groups/picker` shows.
    pub picker_cap: usize,
    /// The most users in a page of `group/member`.
    pub member_cap: usize,
    /// The most users in a page of `user/list`; 2000 is its documented default, a maximum is not published.
    pub list_cap: usize,
    /// Where the text of an error about a group or a membership is.
    pub error_place: ErrorPlace,
    /// What the removal of a user who is no member answers: 400 (as two independent clients expect), 404, or 200.
    pub remove_absent: u16,
    /// Names of users who own content (issues, comments …), and so cannot be deleted.
    pub content_owners: BTreeSet<String>,
    /// Names of groups that Jira needs, and so cannot be deleted.
    pub needed_groups: BTreeSet<String>,
    /// Whether read-only users may be put into groups ("read only, with local groups").
    pub local_groups: bool,
    /// The keys of the licensed applications; the first one is what new users get when nothing is said.
    pub applications: Vec<String>,
    /// The group that new users with access to an application are put into; none by default.
    pub default_group: Option<String>,
    /// How many users the licence allows; none: any number.
    pub seats: Option<usize>,
    /// Rate limiting as a token bucket: its capacity, and how many tokens it gets each second. None: off.
    pub bucket: Option<(u32, u32)>,
    /// How many mails were sent to new users.
    pub mails_sent: u64,
    /// What the server remembers by itself.
    pub memory: Memory,
}

/// What the server remembers by itself between requests.
#[derive(Debug, Default)]
pub struct Memory {
    limiter: Limiter,
    failures: Failures,
    seats: Seats,
    listings: Listings,
}

impl Default for Jira {
    fn default() -> Self {
        Self {
            version: Version::default(),
            context: String::new(),
            account: "usersyncd".to_owned(),
            password: "secret-password".to_owned(),
            token: "secret-token".to_owned(),
            admin: true,
            captcha_after: Some(3),
            anonymous_picker: false,
            picker_cap: 20,
            member_cap: 50,
            list_cap: 2000,
            error_place: ErrorPlace::default(),
            remove_absent: 400,
            content_owners: BTreeSet::new(),
            needed_groups: BTreeSet::from(["jira-administrators".to_owned()]),
            local_groups: true,
            applications: vec!["jira-software".to_owned()],
            default_group: None,
            seats: None,
            bucket: None,
            mails_sent: 0,
            memory: Memory::default(),
        }
    }
}

impl Product for Jira {
    fn operation(&self, request: &Request) -> &'static str {
        Route::of(request, &self.context).operation(request)
    }

    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let caller = self.identify(request);
        let picks = self.anonymous_picker && Route::of(request, &self.context) == Route::PickGroups;
        match caller {
            Caller::Account => {
                self.forget_failures(request);
                self.take_token()
            }
            Caller::Anonymous if picks => Ok(()),
            other => Err(self.turn_away(other, request)),
        }
    }

    fn answer(&mut self, request: &Request, world: &mut World) -> Reply {
        if self.identify(request) != Caller::Account {
            return as_anonymous(lists::no_groups());
        }
        if self.is_locked_out(world) {
            return self.turn_away(Caller::Anonymous, request);
        }
        let changes = world.changes;
        let reply = self.carry_out(Route::of(request, &self.context), request, world);
        self.memory.seats.follow(changes, world);
        self.with_rate_headers(self.signed(reply))
    }

    fn refusal(&self, status: u16) -> Reply {
        self.signed(match status {
            401 => refuse::not_signed_in(""),
            429 => self.too_many_requests(),
            502..=504 => Reply::html(status, "Jira is not available"),
            _ => refuse::of_status(status),
        })
    }
}

impl Jira {
    fn carry_out(&mut self, route: Route, request: &Request, world: &mut World) -> Reply {
        if !self.admin && route.needs_admin() {
            return refuse::of_status(403);
        }
        if !request.body.is_empty() && !is_json(request) {
            return refuse::of_status(415);
        }
        match route {
            Route::Myself => self.myself(request, world),
            Route::ServerInfo => self.server_info(request),
            Route::ReadUser => self.read_user(request, world),
            Route::CreateUser => self.create_user(request, world),
            Route::ChangeUser => self.change_user(request, world),
            Route::DeleteUser => self.delete_user(request, world),
            Route::SetPassword => self.set_password(request, world),
            Route::GiveApplication => self.give_application(request, world),
            Route::TakeApplication => self.take_application(request, world),
            Route::SearchUsers => self.search_users(request, world),
            Route::ListUsers if self.version.has_user_list() => self.list_users(request, world),
            Route::ReadGroup if self.version.has_group_expand() => self.read_group(request, world),
            // Other methods of the same path remain (JAX-RS).
            Route::ReadGroup | Route::OtherMethod => refuse::of_status(405),
            Route::CreateGroup => self.create_group(request, world),
            Route::DeleteGroup => self.delete_group(request, world),
            Route::PickGroups => self.pick_groups(request, world),
            Route::ListMembers => self.list_members(request, world),
            Route::AddMember => self.add_member(request, world),
            Route::RemoveMember => self.remove_member(request, world),
            Route::ListUsers | Route::Unknown => refuse::unknown_path(request),
        }
    }

    /// Where the API is, as clients see it in links.
    fn api(&self, request: &Request) -> String {
        let context = self.context.trim_matches('/');
        let slash = if context.is_empty() { "" } else { "/" };
        format!("{}{slash}{context}/rest/api/2", request.origin())
    }

    /// With the header that names the caller. Not published: that it is percent-encoded.
    fn signed(&self, reply: Reply) -> Reply {
        reply.header("x-ausername", &bean::encode(&self.account))
    }
}

fn as_anonymous(reply: Reply) -> Reply {
    reply.header("x-ausername", "anonymous")
}

fn is_json(request: &Request) -> bool {
    request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
}
