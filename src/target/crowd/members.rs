//! Memberships, one with each request.

use std::sync::OnceLock;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::entity;
use super::write::Context;
use super::{reason, url};
use crate::target::one_by_one::{Fate, one_by_one};
use crate::target::said::said;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, WriteError, Written};

/// Adds and removes members.
pub(super) async fn change(
    context: Context<'_>,
    group: &Named,
    added: &[Named],
    removed: &[Named],
) -> Result<Written, WriteError> {
    let change = Change { context, group, hopeless: OnceLock::new() };
    let change = &change;
    let at_once = super::CAPABILITIES.pace.at_once;
    one_by_one(at_once, (added, removed), |user, add| async move { change.one(user, add).await }).await
}

/// The change of one group.
struct Change<'a> {
    context: Context<'a>,
    group: &'a Named,
    /// Why no other member can be changed either.
    hopeless: OnceLock<String>,
}

impl Change<'_> {
    async fn one(&self, user: &Named, add: bool) -> Result<Fate, WriteError> {
        if let Some(reason) = self.hopeless.get() {
            return Ok(Fate::Refused(reason.clone()));
        }
        let how = if add { "added to" } else { "removed from" };
        let what = format!("user {} was not {how} group {}", user.name, self.group.name);
        let (server, resource) = (self.context.server, ["group", "user", "direct"]);
        let group = ("groupname", self.group.name.as_str());
        let ask = if add {
            let body = json!({ "name": user.name });
            self.context.sending(Method::POST, &resource, &[group], &body, &what)
        } else {
            let query = [group, ("username", user.name.as_str())];
            Ask::bare(Method::DELETE, url(server, &resource, &query), &what)
        };
        let reply = self.context.ask(ask).await?;
        if reply.status.is_success() {
            return Ok(Fate::Done);
        }
        match (reason(&reply).as_deref(), add) {
            (Some("MEMBERSHIP_ALREADY_EXISTS"), true) | (Some("MEMBERSHIP_NOT_FOUND"), false) => {
                Ok(Fate::Done)
            }
            // Nobody is a member of a group that is gone.
            (Some("GROUP_NOT_FOUND"), false) => Ok(Fate::Done),
            (Some("GROUP_NOT_FOUND"), true) => Ok(self.hopeless(&reply, "the group is no longer there")),
            (Some("USER_NOT_FOUND"), true) => Ok(self.refused(&reply, "the user is no longer there")),
            (Some("USER_NOT_FOUND"), false) => self.removed_with_its_user(user, &reply, &what).await,
            _ if reply.status == StatusCode::FORBIDDEN => {
                Ok(self.hopeless(&reply, "the application may not change this group's members"))
            }
            _ if self.is_member(user, &what).await? == add => Ok(Fate::Done),
            _ => Ok(self.refused(&reply, "the next run tries again")),
        }
    }

    /// Who is gone is a member of nothing; who has another name now still is.
    async fn removed_with_its_user(
        &self,
        user: &Named,
        reply: &Reply,
        what: &str,
    ) -> Result<Fate, WriteError> {
        match self.context.user(user, what).await? {
            None => Ok(Fate::Done),
            Some(found) => Ok(self.refused(reply, &format!("it is called {} now", found.name))),
        }
    }

    /// Whether somebody is a member, as Crowd itself shows it.
    async fn is_member(&self, user: &Named, what: &str) -> Result<bool, WriteError> {
        let (group, name) = (self.group.name.as_str(), user.name.as_str());
        let query = [("groupname", group), ("username", name), ("start-index", "0"), ("max-results", "1000")];
        let address = url(self.context.server, &["group", "user", "direct"], &query);
        let reply = self.context.ask(Ask::get(address, what)).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        match entity::members_shown(&reply.body) {
            Ok(members) if reply.status.is_success() => {
                Ok(members.iter().any(|member| member.name.to_lowercase() == name.to_lowercase()))
            }
            _ => Err(self.context.server.refused(what, &reply)),
        }
    }

    fn refused(&self, reply: &Reply, what_next: &str) -> Fate {
        let words = said(&reply.body).map(|text| format!(" ({text})")).unwrap_or_default();
        let place = self.context.server.place();
        Fate::Refused(format!("{place} answered {}{words}: {what_next}", reply.status))
    }

    /// The same for what holds for all members.
    fn hopeless(&self, reply: &Reply, what_next: &str) -> Fate {
        let fate = self.refused(reply, what_next);
        if let Fate::Refused(reason) = &fate {
            self.hopeless.get_or_init(|| reason.clone());
        }
        fate
    }
}
