//! Memberships of one group: as few requests as the service takes, in the form that it takes.
//!
//! What a service refuses is sent again in smaller pieces, then in the other forms of a removal, and at last as the whole
//! list. What got no answer is read back before anything is sent again: one service adds a member twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::schema::{member_ids, patch};
use super::write::{Context, is_no_patch};
use crate::sync::model::TargetId;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, WriteError, Written};

/// How often what got no answer is read back and continued.
const TRIES: u32 = 5;

/// How a removal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `members[value eq "id"]` (RFC 7644, section 3.5.2.2).
    Filter,
    /// Path `members` with the ids as a value, as Microsoft Entra writes it.
    Values,
}

/// In the order in which they are tried.
pub(super) const FORMS: [Form; 2] = [Form::Filter, Form::Values];

/// One member to add or remove.
#[derive(Clone, Debug)]
struct Step {
    id: TargetId,
    add: bool,
}

/// Adds and removes members.
pub(super) async fn change(
    context: Context<'_>,
    group: &Named,
    added: &[Named],
    removed: &[Named],
) -> Result<Written, WriteError> {
    let what = format!("members of group {} were not changed", group.name);
    let step = |add: bool| move |user: &Named| Step { id: user.id.clone(), add };
    let mut steps: Vec<Step> = removed.iter().map(step(false)).chain(added.iter().map(step(true))).collect();
    let mut failed = BTreeMap::new();
    for attempt in 1.. {
        let change = Change { context, group, what: &what };
        match change.all(steps, &mut failed).await {
            Ok(()) => break,
            Err(lost) if lost.uncertain && !lost.fatal && attempt < TRIES => {
                // What was done is seen in the group; only the rest is sent again.
                let Some(members) = current(context, group, &what).await? else { return Err(lost) };
                let open = |user: &&Named, add: bool| {
                    members.contains(&user.id) != add && !failed.contains_key(&user.id)
                };
                let remove = removed.iter().filter(|user| open(user, false)).map(step(false));
                steps = remove.chain(added.iter().filter(|user| open(user, true)).map(step(true))).collect();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Written::Members { failed: failed.into_iter().collect() })
}

/// Who is in a group now; none if there is no such group.
pub(super) async fn current(
    context: Context<'_>,
    group: &Named,
    what: &str,
) -> Result<Option<BTreeSet<TargetId>>, WriteError> {
    let ask = Ask::get(context.server.url(&["Groups", &group.id.0], &[]), what);
    match context.server.read(ask, context.control, member_ids).await {
        Ok(Ok(members)) => Ok(Some(members.unwrap_or_default().into_iter().collect())),
        Ok(Err(reply)) if reply.status == StatusCode::NOT_FOUND => Ok(None),
        Ok(Err(reply)) => Err(context.server.refused(what, &reply)),
        Err(failed) => Err(context.server.unwritten(what, failed)),
    }
}

struct Change<'a> {
    context: Context<'a>,
    group: &'a Named,
    what: &'a str,
}

impl Change<'_> {
    fn path(&self) -> [&str; 2] {
        ["Groups", &self.group.id.0]
    }

    /// Makes all steps, or notes in `failed` which were refused and why.
    async fn all(&self, steps: Vec<Step>, failed: &mut BTreeMap<TargetId, String>) -> Result<(), WriteError> {
        let manners = &self.context.scim.manners;
        let mut pieces: VecDeque<Vec<Step>> = VecDeque::from([steps]);
        while let Some(mut piece) = pieces.pop_front() {
            if piece.is_empty() {
                continue;
            }
            if !self.context.scim.patches() {
                pieces.push_front(piece);
                return self.replace(pieces.into_iter().flatten().collect(), failed).await;
            }
            let most = manners.memberships.load(Ordering::Relaxed).max(1);
            if piece.len() > most {
                pieces.push_front(piece.split_off(most));
            }
            let form = manners.removal.load(Ordering::Relaxed);
            let reply = self.send(&piece, FORMS.get(form).copied().unwrap_or(Form::Values)).await?;
            match reply.status {
                status if status.is_success() => {}
                status if is_no_patch(status) => {
                    manners.patches.store(false, Ordering::Relaxed);
                    pieces.push_front(piece);
                }
                StatusCode::NOT_FOUND if self.is_gone().await? => {
                    return Err(self.context.server.refused(self.what, &reply));
                }
                StatusCode::BAD_REQUEST
                | StatusCode::NOT_FOUND
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY => {
                    self.again(piece, &reply, form, &mut pieces, failed).await?;
                }
                _ => return Err(self.context.server.refused(self.what, &reply)),
            }
        }
        Ok(())
    }

    /// What to do with a piece that was refused: smaller pieces, then another form, then the whole list for one member.
    async fn again(
        &self,
        mut piece: Vec<Step>,
        reply: &Reply,
        form: usize,
        pieces: &mut VecDeque<Vec<Step>>,
        failed: &mut BTreeMap<TargetId, String>,
    ) -> Result<(), WriteError> {
        let manners = &self.context.scim.manners;
        let mixed = piece.iter().any(|step| step.add) && piece.iter().any(|step| !step.add);
        if mixed {
            let (added, removed) = piece.into_iter().partition(|step| step.add);
            pieces.push_front(added);
            pieces.push_front(removed);
            return Ok(());
        }
        if piece.len() > 1 {
            let half = piece.len() / 2;
            if reply.status == StatusCode::PAYLOAD_TOO_LARGE || says_too_many(reply) {
                manners.memberships.fetch_min(half.max(1), Ordering::Relaxed);
            }
            let rest = piece.split_off(half);
            pieces.push_front(rest);
            pieces.push_front(piece);
            return Ok(());
        }
        let Some(step) = piece.first() else { return Ok(()) };
        if !step.add && reply.status != StatusCode::NOT_FOUND {
            for other in (0..FORMS.len()).filter(|other| *other != form) {
                let reply = self.send(&piece, FORMS.get(other).copied().unwrap_or(Form::Values)).await?;
                if reply.status.is_success() && self.has_gone(&step.id).await? {
                    manners.removal.store(other, Ordering::Relaxed);
                    return Ok(());
                }
            }
            return self.replace(piece, failed).await;
        }
        let words = crate::target::said::said(&reply.body).map(|text| format!(" ({text})"));
        let reason =
            format!("{} answered {}{}", self.context.server.place(), reply.status, words.unwrap_or_default());
        failed.insert(step.id.clone(), reason);
        Ok(())
    }

    async fn send(&self, steps: &[Step], form: Form) -> Result<Reply, WriteError> {
        let ids = |add: bool| {
            let meant = steps.iter().filter(move |step| step.add == add);
            meant.map(|step| json!({ "value": step.id.0.as_str() })).collect::<Vec<Value>>()
        };
        let mut operations = Vec::new();
        let removed = ids(false);
        match form {
            _ if removed.is_empty() => {}
            Form::Filter => {
                operations.extend(removed.iter().map(
                    |id| json!({ "op": "remove", "path": format!("members[value eq {}]", id["value"]) }),
                ))
            }
            Form::Values => operations.push(json!({ "op": "remove", "path": "members", "value": removed })),
        }
        let added = ids(true);
        if !added.is_empty() {
            operations.push(json!({ "op": "add", "path": "members", "value": added }));
        }
        let ask = self.context.sending(Method::PATCH, &self.path(), &patch(operations), self.what);
        self.context.ask(ask.once()).await
    }

    /// Puts the whole resource with the changed list in it.
    async fn replace(
        &self,
        steps: Vec<Step>,
        failed: &mut BTreeMap<TargetId, String>,
    ) -> Result<(), WriteError> {
        let mut resource = match self.context.resource(&self.path(), self.what).await? {
            Ok(resource) => resource,
            Err(reply) => return Err(self.context.server.refused(self.what, &reply)),
        };
        let changed: BTreeMap<&str, bool> = steps.iter().map(|step| (step.id.0.as_str(), step.add)).collect();
        let mut members = resource["members"].as_array().cloned().unwrap_or_default();
        members.retain(|member| {
            member["value"].as_str().is_none_or(|id| changed.get(id).copied().unwrap_or(true))
        });
        let present: BTreeSet<String> =
            members.iter().filter_map(|member| member["value"].as_str()).map(str::to_owned).collect();
        let missing = changed.iter().filter(|(id, add)| **add && !present.contains(**id));
        members.extend(missing.map(|(id, _)| json!({ "value": id })));
        resource["members"] = Value::Array(members);
        let ask = self.context.sending(Method::PUT, &self.path(), &resource, self.what);
        let reply = self.context.ask(ask).await?;
        if reply.status.is_success() {
            return Ok(());
        }
        let error = self.context.server.refused(self.what, &reply);
        failed.extend(steps.into_iter().map(|step| (step.id, error.message.clone())));
        Ok(())
    }

    /// Whether the group itself is gone: a 404 may also be about a member.
    async fn is_gone(&self) -> Result<bool, WriteError> {
        Ok(current(self.context, self.group, self.what).await?.is_none())
    }

    /// Whether somebody is really no member any more: a service may accept a form and do nothing.
    async fn has_gone(&self, id: &TargetId) -> Result<bool, WriteError> {
        let members = current(self.context, self.group, self.what).await?;
        Ok(members.is_none_or(|members| !members.contains(id)))
    }
}

/// RFC 7644, section 3.12 names `tooMany`; AWS IAM Identity Center says in words that a request has too many members.
fn says_too_many(reply: &Reply) -> bool {
    let words = String::from_utf8_lossy(&reply.body).to_lowercase();
    ["toomany", "too many", "exceed", "maximum", "limit"].iter().any(|word| words.contains(word))
}
