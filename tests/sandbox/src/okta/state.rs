//! The stand-in's whole state, and how it answers one request: who asks, may it pass, what is it shown, what goes wrong.

use hyper::body::Bytes;

use super::answer::{Answer, Manner};
use super::clock::Clock;
use super::counts::{Book, Counts};
use super::fault::{FaultKind, Faults, Met};
use super::faulty;
use super::id::Id;
use super::limits::{Admission, Bucket, Limiter, Principal};
use super::lists::{Lists, Page, Searches};
use super::oauth::{self, AppRole, Authority, Caller, Refusal};
use super::org::Org;
use super::query::Query;
use super::record::render_org;
use super::resources::Bounds;
use super::route::Address;
use super::view::View;
use super::{LinkStyle, Options};

/// Everything, behind one lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) org: Org,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    pub(crate) book: Book,
    pub(crate) searches: Searches,
    /// What the role of the token sees.
    pub(crate) bounds: Bounds,
    pub(crate) authority: Authority,
}

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    /// Path and query, as sent.
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) address: Address,
    pub(crate) authorization: Authorization,
    /// The `DPoP` headers.
    pub(crate) proofs: Vec<String>,
    pub(crate) content_type: String,
    /// None where it was too long to be read.
    pub(crate) body: Option<Bytes>,
    /// Requests being answered, this one included.
    pub(crate) in_flight: usize,
}

/// What a request brought to prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authorization {
    Absent,
    Wrong,
    /// An access token that is not, or no longer, accepted.
    Refused(Refusal),
    /// An accepted token, by its number.
    Token(usize),
    /// A service app with an accepted access token.
    App(Caller),
}

/// What the right answer would be.
#[derive(Debug)]
pub(crate) enum Served {
    Page(Page),
    Single { id: Id, json: Bytes },
    Error(Answer),
}

/// The longest path and query that is read, in bytes. Okta's gateway does not publish its own limit; this is what the
/// 8 KiB that nginx gives a request line by default leave to them.
const LONGEST_TARGET: usize = 8_000;

impl From<Result<Page, Answer>> for Served {
    fn from(page: Result<Page, Answer>) -> Self {
        page.map_or_else(Self::Error, Self::Page)
    }
}

impl From<Result<(Id, Bytes), Answer>> for Served {
    fn from(single: Result<(Id, Bytes), Answer>) -> Self {
        single.map_or_else(Self::Error, |(id, json)| Self::Single { id, json })
    }
}

impl State {
    /// Answers a request that has just arrived.
    pub(crate) fn answer(&mut self, ask: &Ask) -> Answer {
        let now = self.clock.milliseconds();
        self.book.arrived(ask.address.route(), ask.in_flight);
        if ask.target.len() > LONGEST_TARGET {
            // The gateway refuses it, and Okta's limits never see it.
            return Answer::html(414, "414 Request-URI Too Large");
        }
        if ask.body.is_none() {
            return Answer::html(413, "413 Request Entity Too Large");
        }
        if ask.address == Address::Token {
            return self.answer_token(ask, now);
        }
        let bucket = ask.address.bucket();
        let (principal, caller) = match &ask.authorization {
            Authorization::Token(token) => (Principal::Token(*token), None),
            Authorization::App(caller) => (Principal::App(caller.app), Some(caller)),
            Authorization::Refused(why) => {
                let seen = self.limiter.glance(bucket, now);
                return self.refuse_call(*why, ask, &seen, now);
            }
            Authorization::Absent | Authorization::Wrong => {
                let seen = self.limiter.glance(bucket, now);
                let mut answer = Answer::unauthorized();
                answer.rate_headers(&seen);
                return answer;
            }
        };
        let proven = caller.map_or(Ok(()), |caller| self.check_proof(ask, caller, now));
        let admission = match self.pass(bucket, principal, ask, now) {
            Ok(admission) => admission,
            Err(refused) => return refused,
        };
        if ask.method != "GET" {
            let mut answer = Answer::of_status(405);
            answer.rate_headers(&admission);
            return answer;
        }
        let allowed = caller.map_or(Ok(()), |caller| self.authority.check_rights(caller, &ask.address));
        if let Err(why) = proven.and(allowed) {
            return self.refuse_call(why, ask, &admission, now);
        }
        let decoded = super::query::decode(&ask.target, true);
        let met = self.faults.select(ask.address.route(), &ask.target, &decoded);
        self.answer_with_faults(ask, &met, &admission, now)
    }

    /// Counts a request against the limits; the error is its 429.
    pub(crate) fn pass(
        &mut self,
        bucket: Bucket,
        principal: Principal,
        ask: &Ask,
        now: i64,
    ) -> Result<Admission, Answer> {
        if !self.limiter.has_room(ask.in_flight) {
            self.book.counts.limited += 1;
            return Err(too_many_at_once(now));
        }
        let admission = self.limiter.admit(bucket, principal, now);
        if admission.allowed {
            return Ok(admission);
        }
        self.book.counts.limited += 1;
        let mut answer = Answer::too_many();
        answer.rate_headers(&admission);
        Err(answer)
    }

    /// What was asked so far.
    pub(crate) fn counts(&self) -> Counts {
        Counts { windows: self.limiter.history(), ..self.book.counts.clone() }
    }

    /// Counts from nought again.
    pub(crate) fn reset_counts(&mut self) {
        self.book.reset();
        self.limiter.reset_history();
    }

    fn answer_with_faults(&mut self, ask: &Ask, met: &[Met], admission: &Admission, now: i64) -> Answer {
        if let Some(answer) = self.replaced_answer(ask, met, admission, now) {
            return answer;
        }
        let mut delivered: Vec<bool> = vec![false; met.len()];
        let mut view = View { hidden: self.bounds.hidden(&self.org), ..View::default() };
        if self.sees_nothing(ask) {
            (view.users, view.groups) = (0, 0);
        }
        for fault in met {
            match fault.kind {
                FaultKind::Narrowed { users, groups } => {
                    view.users = view.users.min(u64::from(users));
                    view.groups = view.groups.min(u64::from(groups));
                }
                FaultKind::CountOff(by) => view.count_off += by,
                _ => {}
            }
        }
        let endless = faulty::endless(ask, met);
        let served = match &endless {
            Some(_) => self.serve(ask, &ask.query.without("after"), &view, now),
            None => self.serve(ask, &ask.query, &view, now),
        };
        self.book.counts.narrowed += u64::from(view.cut_by_role.get());
        for (fault, delivered) in met.iter().zip(&mut delivered) {
            match fault.kind {
                FaultKind::Narrowed { .. } => *delivered = view.hid.get(),
                FaultKind::CountOff(_) => *delivered = view.miscounted.get(),
                _ => {}
            }
        }
        let answer = match served {
            Served::Page(mut page) => {
                let mut links = faulty::Links::default();
                for (fault, delivered) in met.iter().zip(&mut delivered) {
                    let number = self.faults.page_number(fault, ask);
                    *delivered |= faulty::page(fault, &mut page, &mut links, number, endless);
                }
                self.page_answer(page, &links, ask)
            }
            Served::Single { id, json } => {
                let mut record = (id, json);
                for (fault, delivered) in met.iter().zip(&mut delivered) {
                    *delivered |= faulty::single(fault, &mut record);
                }
                Answer::json(200, record.1)
            }
            Served::Error(answer) => answer,
        };
        let mut answer = self.finish(answer, met, &mut delivered, admission, now);
        if self.options.dpop_resource_nonce && matches!(ask.authorization, Authorization::App(_)) {
            answer.header("dpop-nonce", self.authority.resource_nonce(now));
        }
        answer
    }

    /// Whether an app asks that has no role and is shown empty lists for it.
    fn sees_nothing(&self, ask: &Ask) -> bool {
        match &ask.authorization {
            Authorization::App(caller) => self.authority.role(caller.app) == AppRole::Empty,
            _ => false,
        }
    }

    /// Gives an answer its headers, and lets the faults break what is left to break.
    pub(crate) fn finish(
        &mut self,
        mut answer: Answer,
        met: &[Met],
        delivered: &mut [bool],
        admission: &Admission,
        now: i64,
    ) -> Answer {
        answer.rate_headers(admission);
        answer.headers.extend(common_headers(answer.status, self.book.counts.total));
        for (fault, delivered) in met.iter().zip(delivered) {
            *delivered |= faulty::manner(fault, &mut answer, now);
            self.faults.settle(fault.id, *delivered);
        }
        answer.delay += self.options.latency;
        answer
    }

    /// The answer of the first fault that takes the place of the right one; the others are not met then.
    pub(crate) fn replaced_answer(
        &mut self,
        ask: &Ask,
        met: &[Met],
        admission: &Admission,
        now: i64,
    ) -> Option<Answer> {
        let (fault, mut answer) = self.replaced(ask, met, admission, now)?;
        met.iter().for_each(|other| self.faults.settle(other.id, other.id == fault));
        answer.headers.extend(common_headers(answer.status, self.book.counts.total));
        Some(answer)
    }

    fn replaced(
        &self,
        ask: &Ask,
        met: &[Met],
        admission: &Admission,
        now: i64,
    ) -> Option<(super::FaultId, Answer)> {
        met.iter().find_map(|fault| {
            let answer = match &fault.kind {
                FaultKind::Status(status) if ask.address == Address::Token => oauth::of_status(*status),
                FaultKind::Status(status) => Answer::of_status(*status),
                FaultKind::TooManyAtOnce => return Some((fault.id, too_many_at_once(now))),
                FaultKind::NotFound => match &ask.address {
                    Address::User(name) | Address::UserGroups(name) | Address::Roles(name) => {
                        Answer::not_found(name, "User")
                    }
                    Address::App(id) | Address::AppUsers(id) | Address::AppGroups(id) => {
                        Answer::not_found(id, "AppInstance")
                    }
                    Address::AppUser(_, user) => Answer::not_found(user, "AppUser"),
                    Address::AppGroup(_, group) => Answer::not_found(group, "GroupAppAssignment"),
                    Address::Group(id) | Address::Members(id) => Answer::not_found(id, "UserGroup"),
                    _ => Answer::of_status(404),
                },
                FaultKind::StaleCursor => {
                    ask.query.get("after")?;
                    Answer::bad_cursor()
                }
                FaultKind::HtmlPage => Answer::html(200, "Sign in to the network"),
                FaultKind::Redirect(url) => {
                    let mut answer = Answer::html(302, "302 Found");
                    answer.header("location", url.clone());
                    answer
                }
                FaultKind::Oversized(bytes) => in_manner(Manner::Oversized(*bytes)),
                FaultKind::Reset => in_manner(Manner::Reset),
                FaultKind::Close => in_manner(Manner::Close),
                FaultKind::Stall => in_manner(Manner::Stall),
                _ => return None,
            };
            let mut answer = answer;
            match (answer.status, &fault.kind) {
                (429, _) => answer.rate_headers(&Admission { remaining: 0, ..*admission }),
                // Pages of gateways and proxies know nothing of Okta's limits.
                (502 | 504, _) | (_, FaultKind::HtmlPage | FaultKind::Redirect(_)) => {}
                _ => answer.rate_headers(admission),
            }
            Some((fault.id, answer))
        })
    }

    fn serve(&mut self, ask: &Ask, query: &Query, view: &View, now: i64) -> Served {
        let lists = Lists { org: &self.org, options: &self.options, view, now };
        match &ask.address {
            Address::Users => lists.users(query, &mut self.searches).into(),
            Address::User(name) => lists.user_single(name).into(),
            Address::UserGroups(user) => lists.groups_of(user, query).into(),
            Address::Groups => lists.groups(query).into(),
            Address::Group(id) => lists.group_single(id, query).into(),
            Address::Members(group) => lists.members(group, query).into(),
            Address::AppUsers(app) => lists.app_users(app, query, &mut self.searches).into(),
            Address::AppUser(app, user) => lists.app_user(app, user, query).into(),
            Address::AppGroups(app) => lists.app_groups(app, query).into(),
            Address::AppGroup(app, group) => lists.app_group(app, group, query).into(),
            Address::App(app) => lists.app_single(app).into(),
            // No user stands behind an app. What Okta says then is not published.
            Address::Me if matches!(ask.authorization, Authorization::App(_)) => {
                Served::Error(Answer::not_found("me", "User"))
            }
            Address::Me => lists.me().into(),
            Address::Roles(user) => lists.roles(user).into(),
            Address::Schema(id) => lists.schema(id).into(),
            Address::Org => {
                let json = render_org(self.org.id, &self.org.subdomain, &self.base);
                Served::Single { id: self.org.id, json }
            }
            Address::Token | Address::Unknown => Served::Error(Answer::of_status(404)),
        }
    }

    /// The page with its links: `self`, and `next` where there is one, each in a header line of its own.
    fn page_answer(&self, page: Page, links: &faulty::Links, ask: &Ask) -> Answer {
        let mut answer = Answer::list(page.records.into_iter().map(|(_, record)| record).collect());
        if !page.linked {
            return answer;
        }
        let origin = match &self.options.links {
            LinkStyle::Origin(origin) => origin.as_str(),
            _ => self.base.as_str(),
        };
        let link = |origin: &str, after: Option<&str>, relation: &str| {
            let query = match page.forgets.filter(|_| relation == "next") {
                Some(forgotten) => ask.query.without(forgotten).link(after, page.limit),
                None => ask.query.link(after, page.limit),
            };
            format!("<{origin}{}?{query}>; rel=\"{relation}\"", ask.path)
        };
        let own = link(origin, ask.query.get("after"), "self");
        let next_origin = links.origin.as_deref().unwrap_or(origin);
        let next = match links.next_is_self {
            true => Some(link(next_origin, ask.query.get("after"), "next")),
            false => page.next.as_deref().map(|cursor| link(next_origin, Some(cursor), "next")),
        };
        match (next, self.options.links == LinkStyle::Folded) {
            (None, _) => answer.header("link", own),
            (Some(next), true) => answer.header("link", format!("{own}, {next}")),
            (Some(next), false) => {
                answer.header("link", own);
                answer.header("link", next);
            }
        }
        answer
    }
}

fn in_manner(manner: Manner) -> Answer {
    let mut answer = Answer::list(Vec::new());
    answer.manner = manner;
    answer
}

/// Too many requests at one time: the reset is an estimate far from the truth (okta-sdk-python, issue 270).
fn too_many_at_once(now: i64) -> Answer {
    let mut answer = Answer::too_many();
    answer.rate_headers(&Admission {
        allowed: false,
        limit: 0,
        remaining: 0,
        reset: now.div_euclid(1000) + 114,
    });
    answer
}

/// What every answer carries; 429s were recorded without the caching headers.
pub(crate) fn common_headers(status: u16, number: u64) -> Vec<(&'static str, String)> {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd8c3_0000_5d70_0001;
    let mut headers = vec![
        ("server", "nginx".to_owned()),
        ("x-okta-request-id", format!("{mixed:016x}{:016x}", mixed.rotate_left(23))),
    ];
    if status != 429 {
        headers.push(("cache-control", "no-cache, no-store".to_owned()));
        headers.push(("pragma", "no-cache".to_owned()));
        headers.push(("expires", "0".to_owned()));
        headers.push(("set-cookie", format!("JSESSIONID={mixed:032X}; Path=/; Secure; HttpOnly")));
    }
    headers
}
