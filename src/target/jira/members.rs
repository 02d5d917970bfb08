//! Members of groups, in pages of 50 or whatever Jira gives. They include those of groups in the group, who cannot be told
//! from the others.

use std::collections::HashSet;

use compact_str::CompactString;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::CAPABILITIES;
use super::bean::{self, Member, MemberPage, Positions, is_absent};
use super::groups::Candidate;
use super::look::{Broken, Look};
use crate::target::{Interest, TargetError};

/// The largest page.
const PAGE: u64 = 50;

/// What is known of the members of a group.
pub(super) enum Members {
    /// There is no such group.
    NoGroup,
    /// Nobody needs them.
    NotAsked,
    /// Twice the list did not add up; the text says why.
    Unclear(String),
    /// All of them, each once.
    All(Vec<Member>),
}

/// The members of each of these groups, in their order.
pub(super) async fn of_groups(
    look: Look<'_>,
    groups: &[Candidate],
    interest: &Interest,
    positions: &Positions,
) -> Result<Vec<Members>, TargetError> {
    let mut lists = Vec::with_capacity(groups.len());
    for group in groups {
        lists.push(async move {
            let needed = interest.needs_members(&group.id, &group.name, &CAPABILITIES);
            if group.is_certain && !needed {
                return Ok(Members::NotAsked);
            }
            let list = List { look, group: &group.name, what: &what(&group.name), positions };
            list.read().await.map_err(|broken| look.unreadable(list.what, broken))
        });
    }
    stream::iter(lists).buffered(look.at_once).try_collect().await
}

/// Asks for one member of a group.
pub(super) async fn try_out(look: Look<'_>, group: &str) -> Result<(), TargetError> {
    let url = look.url(&["group", "member"], &[("groupname", group), ("maxResults", "1")]);
    let (what, nobody) = (what(group), Positions::new());
    let read = look.page(url, &what, |body| bean::member_page(body, &nobody)).await;
    read.map(drop).map_err(|broken| look.unreadable(&what, broken))
}

/// The keys of everybody in a group; none if there is no such group.
pub(super) async fn keys(look: Look<'_>, group: &str) -> Result<Option<HashSet<CompactString>>, Broken> {
    let list = List { look, group, what: &what(group), positions: &Positions::new() };
    match list.read().await? {
        Members::NoGroup => Ok(None),
        Members::All(members) => {
            let key = |member| match member {
                Member::New(user) => Some(user.id.0),
                Member::Known(_) => None,
            };
            Ok(Some(members.into_iter().filter_map(key).collect()))
        }
        Members::Unclear(why) => Err(Broken::Unclear(why)),
        Members::NotAsked => Err(Broken::Unclear("the members were not asked for".to_owned())),
    }
}

/// How many members a group has; none if there is no such group.
pub(super) async fn count(look: Look<'_>, group: &str) -> Result<Option<u64>, Broken> {
    let list = List { look, group, what: &what(group), positions: &Positions::new() };
    match list.page(0, 1).await {
        Ok(page) => Ok(Some(page.total.max(page.members.len() as u64))),
        Err(Broken::Refused(reply)) if is_absent(&reply) => Ok(None),
        Err(broken) => Err(broken),
    }
}

fn what(group: &str) -> String {
    format!("the list of members of group {group}")
}

/// A list of members.
#[derive(Clone, Copy)]
struct List<'a> {
    look: Look<'a>,
    group: &'a str,
    what: &'a str,
    positions: &'a Positions,
}

impl List<'_> {
    /// What moves while it is read is read once more.
    async fn read(self) -> Result<Members, Broken> {
        let first = self.once().await;
        let again = match first {
            Err(Broken::Unclear(why)) => {
                tracing::info!(why, "{} is read once more", self.what);
                self.once().await
            }
            other => other,
        };
        match again {
            Ok(members) => Ok(Members::All(members)),
            Err(Broken::Unclear(why)) => Ok(Members::Unclear(why)),
            // Somebody deleted it in this moment, or it never was.
            Err(Broken::Refused(reply)) if is_absent(&reply) => Ok(Members::NoGroup),
            Err(broken) => Err(broken),
        }
    }

    async fn once(self) -> Result<Vec<Member>, Broken> {
        let first = self.page(0, PAGE).await?;
        let (total, served) = (first.total, first.members.len() as u64);
        let mut found = Found::default();
        found.take(first.members)?;
        if served < total && (served == 0 || first.is_last == Some(true)) {
            return Err(Broken::Unclear(format!("it promises {total} members and ends at {served}")));
        }
        // Jira decides how many come in a page; the rest is asked for in pieces of that size.
        let mut pieces = Vec::new();
        for start in (served..total).step_by(usize::try_from(served.max(1)).unwrap_or(usize::MAX)) {
            pieces.push(self.piece(start, (start + served).min(total), total));
        }
        let mut pieces = stream::iter(pieces).buffered(self.look.at_once);
        while let Some(piece) = pieces.next().await {
            found.take(piece?)?;
        }
        let came = found.members.len() as u64;
        if came != total {
            return Err(Broken::Unclear(format!("it promises {total} members and {came} came")));
        }
        Ok(found.members)
    }

    /// The members from one place to before another, in as many pages as Jira wants.
    async fn piece(self, start: u64, end: u64, total: u64) -> Result<Vec<Member>, Broken> {
        let mut members = Vec::new();
        let mut at = start;
        while at < end {
            let page = self.page(at, end - at).await?;
            if page.total != total {
                return Err(Broken::Unclear(format!(
                    "it promised {total} members, and then {}: it changed while it was read",
                    page.total
                )));
            }
            at += page.members.len() as u64;
            let ends_early = page.members.is_empty() || page.is_last == Some(true);
            if ends_early && at < total {
                return Err(Broken::Unclear(format!("it promises {total} members and ends at {at}")));
            }
            members.extend(page.members);
        }
        if end == total && at > total {
            return Err(Broken::Unclear(format!("it promises {total} members and more came")));
        }
        Ok(members)
    }

    async fn page(self, start: u64, size: u64) -> Result<MemberPage, Broken> {
        let (from, most) = (start.to_string(), size.to_string());
        let query = [
            ("groupname", self.group),
            ("includeInactiveUsers", "true"),
            ("startAt", &from),
            ("maxResults", &most),
        ];
        let url = self.look.url(&["group", "member"], &query);
        let read = |body: &[u8]| bean::member_page(body, self.positions);
        let page = self.look.page(url, self.what, read).await?;
        match page.start {
            Some(said) if said != start && !page.members.is_empty() => {
                Err(Broken::Unclear(format!("the page from {start} says that it starts at {said}")))
            }
            _ => Ok(page),
        }
    }
}

/// Members so far, each once.
#[derive(Default)]
struct Found {
    known: HashSet<u32>,
    new: HashSet<CompactString>,
    members: Vec<Member>,
}

impl Found {
    fn take(&mut self, members: Vec<Member>) -> Result<(), Broken> {
        for member in members {
            let is_new = match &member {
                Member::Known(at) => self.known.insert(*at),
                Member::New(user) => self.new.insert(user.id.0.clone()),
            };
            if !is_new {
                return Err(Broken::Unclear("a member came twice: it changed while it was read".to_owned()));
            }
            self.members.push(member);
        }
        Ok(())
    }
}
