//! Memberships: many users come with one request, and each goes with its own.
//!
//! A request that adds several is refused as a whole, or in part: nothing says which. Whom it added is read back, and the
//! others are sent again in halves, so that one who cannot come keeps nobody out.

use std::collections::{BTreeMap, HashSet, VecDeque};

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::list::{Broken, List};
use super::{CAPABILITIES, Context, wire};
use crate::sync::model::TargetId;
use crate::target::one_by_one::{Fate, one_by_one};
use crate::target::server::{Ask, Reply};
use crate::target::{Named, WriteError, Written};

/// So many users who are forbidden, while nobody came, mean that it is the group, and that nobody can come.
const ENOUGH: u32 = 3;

/// Adds and removes members.
pub(super) async fn change(
    context: Context<'_>,
    group: &Named,
    added: &[Named],
    removed: &[Named],
) -> Result<Written, WriteError> {
    let what = format!("members of group {} were not changed", group.name);
    let change = Change { context, group, what: &what };
    let mut foreign = BTreeMap::new();
    let (added, removed) = (change.own(added, &mut foreign), change.own(removed, &mut foreign));
    let mut refused = BTreeMap::new();
    let at_once = CAPABILITIES.pace.at_once;
    if let Written::Members { failed } =
        one_by_one(at_once, (&[], &removed), |user, _| change.remove(user)).await?
    {
        refused.extend(failed);
    }
    change.add(&added, &mut refused).await?;
    if !refused.is_empty() {
        // What was refused may be so already: a 404 says so of who is no member, and of who is not there at all.
        let members = current(context, group, &what).await?;
        let goes: HashSet<&TargetId> = removed.iter().map(|user| &user.id).collect();
        let is_so = |id: &TargetId| {
            let is_member = members.as_ref().is_some_and(|members| members.contains(id));
            is_member != goes.contains(id)
        };
        refused.retain(|id, _| !is_so(id));
    }
    refused.append(&mut foreign);
    Ok(Written::Members { failed: refused.into_iter().collect() })
}

/// Who is in a group now; none if there is no such group.
pub(super) async fn current(
    context: Context<'_>,
    group: &Named,
    what: &str,
) -> Result<Option<HashSet<TargetId>>, WriteError> {
    let path = ["groups", "more-members"];
    let list = List { context, path: &path, narrowed: Some(("context", &group.name)), what };
    match list.whole(wire::ids_page).await {
        // Nothing says that a list of no group is refused.
        Ok(members) if members.is_empty() => {
            let is_there = context.has_group(&group.name, what).await?;
            Ok(is_there.then(HashSet::new))
        }
        Ok(members) => Ok(Some(members.into_iter().collect())),
        Err(Broken::Refused(reply))
            if reply.status == StatusCode::NOT_FOUND && wire::is_own_refusal(&reply.body) =>
        {
            Ok(None)
        }
        Err(broken) => Err(list.write_error(broken)),
    }
}

struct Change<'a> {
    context: Context<'a>,
    group: &'a Named,
    what: &'a str,
}

impl Change<'_> {
    /// Those whose memberships can be written, as far as the last read knows; the others are noted.
    fn own(&self, users: &[Named], foreign: &mut BTreeMap<TargetId, String>) -> Vec<Named> {
        let mut own = Vec::with_capacity(users.len());
        for user in users {
            match self.context.bitbucket.home(&user.id).filter(|home| !home.groups) {
                Some(home) => {
                    foreign.insert(user.id.clone(), format!("user {}: {}", user.name, home.why()));
                }
                None => own.push(user.clone()),
            }
        }
        own
    }

    async fn remove(&self, user: &Named) -> Result<Fate, WriteError> {
        let what = format!("user {} was not taken out of group {}", user.name, self.group.name);
        let body = json!({ "context": user.name.as_str(), "itemName": self.group.name.as_str() });
        let url = self.context.url(&["users", "remove-group"], &[]);
        let reply = self.context.ask(Ask::json(Method::POST, url, &body, &what)).await?;
        match reply.status {
            status if status.is_success() => Ok(Fate::Done),
            StatusCode::NOT_FOUND => Ok(Fate::Refused(self.context.server.refused(&what, &reply).message)),
            _ => Ok(Fate::Refused(self.why(user, &what, &reply).await?)),
        }
    }

    /// Adds these, or notes who was refused and why.
    async fn add(&self, users: &[Named], refused: &mut BTreeMap<TargetId, String>) -> Result<(), WriteError> {
        let mut pieces: VecDeque<Vec<&Named>> =
            users.chunks(CAPABILITIES.pace.memberships).map(|piece| piece.iter().collect()).collect();
        // Until a refusal was seen that added somebody all the same, or nobody.
        let mut adds_others = None;
        let (mut came, mut forbidden) = (false, 0);
        while let Some(mut piece) = pieces.pop_front() {
            let names: Vec<&str> = piece.iter().map(|user| user.name.as_str()).collect();
            let body = json!({ "group": self.group.name.as_str(), "users": names });
            let url = self.context.url(&["groups", "add-users"], &[]);
            let reply = self.context.ask(Ask::json(Method::POST, url, &body, self.what)).await?;
            if reply.status.is_success() {
                came = true;
                continue;
            }
            if let [user] = piece.as_slice() {
                let what = format!("user {} was not put into group {}", user.name, self.group.name);
                let reason = self.why(user, &what, &reply).await?;
                refused.insert(user.id.clone(), reason.clone());
                forbidden += u32::from(is_forbidden(&reply));
                if !came && forbidden >= ENOUGH {
                    let others = pieces.into_iter().flatten();
                    refused.extend(others.map(|user| (user.id.clone(), reason.clone())));
                    return Ok(());
                }
                continue;
            }
            if adds_others != Some(false) {
                let Some(members) = current(self.context, self.group, self.what).await? else {
                    return Err(self.context.server.refused(self.what, &reply));
                };
                let count = piece.len();
                piece.retain(|user| !members.contains(&user.id));
                adds_others = Some(piece.len() < count);
            }
            let rest = piece.split_off(piece.len() / 2);
            for half in [rest, piece] {
                if !half.is_empty() {
                    pieces.push_front(half);
                }
            }
        }
        Ok(())
    }

    /// Why somebody was refused: the account is at home elsewhere, or what Bitbucket says.
    async fn why(&self, user: &Named, what: &str, reply: &Reply) -> Result<String, WriteError> {
        let account = self.context.account(&user.name, what).await?;
        Ok(match account.filter(|account| !account.home.groups) {
            Some(account) => format!("{what}: {}", account.home.why()),
            None => self.context.server.refused(what, reply).message,
        })
    }
}

/// Whether the daemon's account lacks a right that the group has, or the user. A licence that is used up is another matter: it
/// still lets in who has a seat.
fn is_forbidden(reply: &Reply) -> bool {
    let words = String::from_utf8_lossy(&reply.body).to_lowercase();
    reply.status == StatusCode::FORBIDDEN && !words.contains("licen")
}
