//! Creating users and groups, once: what was not answered is looked for before it is sent again, and what is said to exist
//! is ours if it bears our id.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::members;
use super::schema::{member_ids, new_group, new_user, user as read_user};
use super::write::Context;
use crate::sync::model::{GroupAttributes, SourceId, TargetId, UserAttributes};
use crate::target::create_once::{Sent, create_once, not_shown, uncertain, uncertain_if};
use crate::target::password::random_password;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, WriteError, Written};

/// Creates a user.
pub(super) async fn user(
    context: Context<'_>,
    source: &SourceId,
    attributes: &UserAttributes,
    active: bool,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not created", attributes.username);
    let mut body = new_user(source, attributes, active, context.scim.dialect);
    let wanted = Wanted {
        resource: "Users",
        name_attribute: "userName",
        name: &attributes.username,
        source,
        email: Some(&attributes.email),
        what: &what,
    };
    match wanted.create(context, &body).await? {
        Ok(made) => Ok(Written::Created(made.id)),
        Err(reply) if wants_password(&reply) => {
            // Nobody ever learns it: who signs in does so elsewhere, or asks for a new one.
            body["password"] = json!(random_password()?);
            match wanted.create(context, &body).await? {
                Ok(made) => Ok(Written::Created(made.id)),
                Err(reply) => Err(context.server.refused(&what, &reply)),
            }
        }
        Err(reply) => Err(context.server.refused(&what, &reply)),
    }
}

/// Creates a group: with its members where the service takes them (RFC 7643, section 4.2), else empty. Only a group that shows
/// them all has them.
pub(super) async fn group(
    context: Context<'_>,
    source: &SourceId,
    attributes: &GroupAttributes,
    members: &[Named],
) -> Result<Written, WriteError> {
    let what = format!("group {} was not created", attributes.name);
    let wanted = Wanted {
        resource: "Groups",
        name_attribute: "displayName",
        name: &attributes.name,
        source,
        email: None,
        what: &what,
    };
    let mut body = new_group(source, attributes);
    if !members.is_empty() && context.scim.fills_new_groups(members.len()) {
        body["members"] = members.iter().map(|member| json!({ "value": member.id.0.as_str() })).collect();
        match wanted.create(context, &body).await? {
            Ok(made) => return filled(context, made, attributes, members, &what).await,
            Err(reply) if reply.status == StatusCode::CONFLICT => {
                return Err(context.server.refused(&what, &reply));
            }
            // One of the members, or that there are any, may be what it refuses.
            Err(_) => drop(body.as_object_mut().and_then(|body| body.remove("members"))),
        }
    }
    match wanted.create(context, &body).await? {
        Ok(made) => Ok(Written::Created(made.id)),
        Err(reply) => Err(context.server.refused(&what, &reply)),
    }
}

/// What a group that was created with members has: as the answer shows it, or else the group itself.
async fn filled(
    context: Context<'_>,
    made: Made,
    attributes: &GroupAttributes,
    members: &[Named],
    what: &str,
) -> Result<Written, WriteError> {
    let has_all = |shown: &BTreeSet<TargetId>| members.iter().all(|member| shown.contains(&member.id));
    let shown = made.answer.and_then(|answer| member_ids(&answer).ok()).flatten();
    if shown.is_some_and(|shown| has_all(&shown.into_iter().collect())) {
        return Ok(Written::Filled(made.id));
    }
    let group = Named { id: made.id.clone(), name: attributes.name.clone() };
    match members::current(context, &group, what).await.map_err(uncertain)? {
        Some(shown) if has_all(&shown) => Ok(Written::Filled(made.id)),
        // It takes them, and does nothing with them: nobody is sent so again.
        Some(shown) if shown.is_empty() => {
            context.scim.manners.fills_new_groups.store(false, Ordering::Relaxed);
            Ok(Written::Created(made.id))
        }
        // Some of them, or no such group any more: the next run sees what is.
        _ => Err(not_shown(context.server, what)),
    }
}

fn wants_password(reply: &Reply) -> bool {
    let words = String::from_utf8_lossy(&reply.body).to_lowercase();
    reply.status == StatusCode::BAD_REQUEST && words.contains("password")
}

/// What was created: now, or by an earlier try.
struct Made {
    id: TargetId,
    /// What the service answered to the creation.
    answer: Option<Vec<u8>>,
}

impl Made {
    fn found(id: TargetId) -> Self {
        Self { id, answer: None }
    }
}

/// What is to be created, and how to find it.
struct Wanted<'a> {
    resource: &'static str,
    name_attribute: &'static str,
    name: &'a str,
    source: &'a SourceId,
    /// Of a user.
    email: Option<&'a str>,
    what: &'a str,
}

impl Wanted<'_> {
    /// The new resource, or the one that an earlier try made; else the refusal.
    async fn create(&self, context: Context<'_>, body: &Value) -> Result<Result<Made, Reply>, WriteError> {
        let ask = context.sending(Method::POST, &[self.resource], body, self.what);
        let unwritten = |failed| context.server.unwritten(self.what, failed);
        let sent =
            create_once(context.server, context.control, ask, unwritten, || self.find(context, true)).await?;
        let (reply, unanswered) = match sent {
            Sent::Found(id) => return Ok(Ok(Made::found(id))),
            Sent::Answered { reply, unanswered } => (reply, unanswered),
        };
        if reply.status.is_success() {
            let id = reply.json().and_then(|body| Some(TargetId::from(body["id"].as_str()?)));
            return match id {
                Some(id) => Ok(Ok(Made { id, answer: Some(reply.body) })),
                None => Ok(Ok(Made::found(self.must_find(context).await.map_err(uncertain)?))),
            };
        }
        if reply.status == StatusCode::CONFLICT {
            let found = self.find(context, unanswered).await.map_err(uncertain_if(unanswered))?;
            return Ok(found.map(Made::found).ok_or(reply));
        }
        Ok(Err(reply))
    }

    async fn must_find(&self, context: Context<'_>) -> Result<TargetId, WriteError> {
        self.find(context, true).await?.ok_or_else(|| not_shown(context.server, self.what))
    }

    /// Looks for a resource of that name that is ours: it has our id, or, where an earlier try was not answered, our address
    /// and nobody else's id.
    async fn find(&self, context: Context<'_>, unanswered: bool) -> Result<Option<TargetId>, WriteError> {
        let mut asked = false;
        for (attribute, value) in [(self.name_attribute, self.name), ("externalId", self.source.0.as_str())] {
            // RFC 7644, section 3.4.2.2: a text is written as in JSON.
            let filter = format!("{attribute} eq {}", json!(value));
            let url = context.server.url(&[self.resource], &[("filter", &filter)]);
            let reply = context.ask(Ask::get(url, self.what)).await?;
            // A service without filters cannot be asked.
            let Some(list) = reply.json().filter(|_| reply.status.is_success()) else { continue };
            asked = true;
            let resources = list["Resources"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(found) = resources.iter().find(|one| self.is_ours(one, unanswered, context)) {
                return Ok(found["id"].as_str().map(TargetId::from));
            }
        }
        if unanswered && !asked {
            let message = format!(
                "{}, as far as is known: no answer came, and the service does not let anybody look for it; the next run reads \
                 what is there",
                self.what
            );
            return Err(uncertain(WriteError::refused(message)));
        }
        Ok(None)
    }

    fn is_ours(&self, resource: &Value, unanswered: bool, context: Context<'_>) -> bool {
        let name = resource[self.name_attribute].as_str().unwrap_or_default();
        if context.scim.dialect.capabilities.name_key(name)
            != context.scim.dialect.capabilities.name_key(self.name)
        {
            return false;
        }
        match resource["externalId"].as_str().filter(|id| !id.is_empty()) {
            Some(id) => id == self.source.0,
            None if !unanswered => false,
            None => match self.email {
                Some(email) => read_user(resource, context.scim.dialect)
                    .is_ok_and(|user| user.attributes.email.eq_ignore_ascii_case(email)),
                None => true,
            },
        }
    }
}
