//! Memberships, one by one: both ways it is no mistake if it is so already.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use tokio::sync::OnceCell;

use super::read::is_missing;
use super::write::{GROUPS_SINCE, addressable, no_address};
use super::{CAPABILITIES, Context};
use crate::target::one_by_one::{Fate, one_by_one};
use crate::target::server::Ask;
use crate::target::{Named, WriteError, Written};

/// Adds and removes members.
pub(super) async fn change(
    context: Context<'_>,
    group: &Named,
    added: &[Named],
    removed: &[Named],
) -> Result<Written, WriteError> {
    let what = format!("members of group {} were not changed", group.name);
    addressable(&what, &group.name)?;
    let change = Change { context, group, is_too_old: AtomicBool::new(false), is_there: OnceCell::new() };
    let at_once = CAPABILITIES.pace.at_once;
    one_by_one(at_once, (added, removed), |user, add| change.one(user, add)).await
}

struct Change<'a> {
    context: Context<'a>,
    group: &'a Named,
    /// True as soon as it is known that this version cannot change memberships.
    is_too_old: AtomicBool,
    /// Whether the group is there, once that was asked.
    is_there: OnceCell<bool>,
}

impl Change<'_> {
    async fn one(&self, user: &Named, add: bool) -> Result<Fate, WriteError> {
        let Self { context, group, .. } = self;
        let verb = if add { "put into" } else { "taken out of" };
        let what = format!("user {} was not {verb} group {}", user.name, group.name);
        if self.is_too_old.load(Ordering::Relaxed) {
            return Err(context.too_old(&what, GROUPS_SINCE));
        }
        if let Some(why) = no_address(&user.name) {
            return Ok(Fate::Refused(format!("{what}: {why}")));
        }
        let method = if add { Method::PUT } else { Method::DELETE };
        let url = context.url(&["user", &user.name, "group", &group.name], &[]);
        let reply = context.ask(Ask::bare(method, url, &what)).await?;
        if reply.status.is_success() {
            return Ok(Fate::Done);
        }
        if super::read::is_slash_refused(&group.name, &reply) || !is_missing(&reply) {
            return Ok(Fate::Refused(context.refused_for_name(&what, &group.name, &reply).message));
        }
        // The user may be gone, or the group, or the version has no such endpoint.
        let is_user_there = context.user_named(&user.name, &what).await?.is_some();
        let is_group_there = self.is_there.get_or_try_init(|| context.has_group(&group.name, &what)).await?;
        match (is_user_there && *is_group_there, add) {
            (true, _) => {
                self.is_too_old.store(true, Ordering::Relaxed);
                Err(context.too_old(&what, GROUPS_SINCE))
            }
            (false, true) => Ok(Fate::Refused(context.server.refused(&what, &reply).message)),
            (false, false) => Ok(Fate::Done),
        }
    }
}
