//! Memberships of one group, each by a request of its own. Jira says of a membership that is already so what it says of any
//! mistake: the group is read back, once, and tells who is as they should be.

use std::collections::{HashMap, HashSet};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::sync::OnceCell;

use super::look::Look;
use super::members;
use crate::sync::model::TargetId;
use crate::target::one_by_one::{Fate, one_by_one};
use crate::target::server::Ask;
use crate::target::{Named, WriteError, Written};

const PERHAPS: &str =
    "The user is still a member: perhaps through a group in this group, of which Jira takes nobody out";

/// Adds and removes members.
pub(super) async fn change(
    look: Look<'_>,
    group: &Named,
    added: &[Named],
    removed: &[Named],
) -> Result<Written, WriteError> {
    let change = Change { look, group, exists: &OnceCell::new() };
    let written = one_by_one(look.at_once, (added, removed), |user, add| change.one(user, add)).await?;
    match written {
        Written::Members { failed } if !failed.is_empty() => {
            let failed = change.look_again(failed, added, removed).await;
            Ok(Written::Members { failed })
        }
        written => Ok(written),
    }
}

#[derive(Clone, Copy)]
struct Change<'a> {
    look: Look<'a>,
    group: &'a Named,
    /// Whether the group exists, once somebody had reason to ask.
    exists: &'a OnceCell<bool>,
}

impl Change<'_> {
    async fn one(self, user: &Named, add: bool) -> Result<Fate, WriteError> {
        let (look, group) = (self.look, self.group.name.as_str());
        let what = if add {
            format!("user {} was not put into group {group}", user.name)
        } else {
            format!("user {} was not taken out of group {group}", user.name)
        };
        if self.exists.get() == Some(&false) {
            return Ok(Fate::Refused(format!("{what}: there is no such group any more")));
        }
        let path = ["group", "user"];
        let ask = if add {
            let url = look.url(&path, &[("groupname", group)]);
            Ask::json(Method::POST, url, &json!({ "name": user.name.as_str() }), &what)
        } else {
            let url = look.url(&path, &[("groupname", group), ("username", &user.name)]);
            Ask::bare(Method::DELETE, url, &what)
        };
        let reply = look.send(ask).await?;
        if reply.status.is_success() {
            return Ok(Fate::Done);
        }
        if reply.status == StatusCode::NOT_FOUND {
            // Of the group or of the user; if it is the group, nothing more needs to be sent.
            let count = || async { members::count(look, group).await.map(|count| count.is_some()) };
            self.exists.get_or_try_init(count).await.ok();
        }
        Ok(Fate::Refused(look.server.refused(&what, &reply).message))
    }

    /// Leaves out those who are as they should be, and says of the others why they cannot be.
    async fn look_again(
        self,
        failed: Vec<(TargetId, String)>,
        added: &[Named],
        removed: &[Named],
    ) -> Vec<(TargetId, String)> {
        if self.exists.get() == Some(&false) {
            return without_those(failed, removed);
        }
        let members = match members::keys(self.look, &self.group.name).await {
            Ok(Some(members)) => members,
            Ok(None) => return without_those(failed, removed),
            // They are reported as they were refused, and the next run sees what is.
            Err(_) => return failed,
        };
        let names = |users: &[Named]| -> HashMap<TargetId, String> {
            users.iter().map(|user| (user.id.clone(), user.name.to_string())).collect()
        };
        let (added, removed) = (names(added), names(removed));
        let mut left = Vec::new();
        for (id, reason) in failed {
            let is_member = members.contains(&id.0);
            match removed.get(&id) {
                Some(_) if !is_member => {}
                Some(name) if reason.to_lowercase().contains("not a member") => {
                    left.push((id, self.through_another(name)));
                }
                // The words may be in the language of the account.
                Some(_) if reason.contains("answered 400") => left.push((id, format!("{reason}. {PERHAPS}"))),
                None if is_member && added.contains_key(&id) => {}
                _ => left.push((id, reason)),
            }
        }
        left
    }

    fn through_another(self, name: &str) -> String {
        format!(
            "user {name} was not taken out of group {}: the user is a member through a group in this group, and Jira takes \
             only a group's own members out. Take the user out of the inner group, or the inner group out of this one",
            self.group.name
        )
    }
}

/// Nobody is in a group that is gone.
fn without_those(failed: Vec<(TargetId, String)>, removed: &[Named]) -> Vec<(TargetId, String)> {
    let gone: HashSet<&TargetId> = removed.iter().map(|user| &user.id).collect();
    failed.into_iter().filter(|(id, _)| !gone.contains(id)).collect()
}
