//! Creating users and groups, once: what was not answered is looked for before it is sent again, and what is said to exist
//! is ours if it bears our id.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::entity::{self, SOURCE_ID, User, attributes_body, group_id};
use super::stranger;
use super::write::Context;
use crate::sync::model::{GroupAttributes, SourceId, UserAttributes};
use crate::target::create_once::{Sent, create_once, not_shown, uncertain, uncertain_if};
use crate::target::password::random_password;
use crate::target::server::{Ask, Reply};
use crate::target::{WriteError, Written};

/// How a create ended.
enum Ended {
    /// Crowd says that it was done.
    Created(Reply),
    /// Crowd refused. An earlier try may have been carried out without an answer.
    Refused { reply: Reply, unanswered: bool },
    /// No answer said so, and it is there.
    Found,
}

/// Creates a user.
pub(super) async fn user(
    context: Context<'_>,
    source: &SourceId,
    attributes: &UserAttributes,
    active: bool,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not created", attributes.username);
    let kept = kept_attributes(source, attributes);
    let new = User {
        name: attributes.username.clone(),
        first_name: Some(attributes.first_name.clone()),
        last_name: Some(attributes.last_name.clone()),
        display_name: Some(attributes.display_name.clone()),
        email: Some(attributes.email.clone()),
        active,
        key: None,
        attributes: entity::Attributes::default(),
    };
    let mut body = new.body();
    // Nobody ever learns it: who signs in does so elsewhere, or asks for a new one.
    body["password"] = json!({ "value": random_password()? });
    body["attributes"] = attributes_body(&kept);
    let wanted = WantedUser { name: &attributes.username, email: &attributes.email, source, what: &what };
    let ask = context.sending(Method::POST, &["user"], &[], &body, &what).once();
    let created = match send(context, ask, Wanted::User(wanted)).await? {
        Ended::Created(reply) => match entity::user(&reply.body) {
            Ok(user) => user,
            Err(_) => wanted.must_find(context).await?,
        },
        Ended::Found => wanted.must_find(context).await?,
        Ended::Refused { reply, unanswered } => {
            match wanted.find(context, unanswered).await.map_err(uncertain_if(unanswered))? {
                Some(found) => found,
                None => return Err(context.server.refused(&what, &reply)),
            }
        }
    };
    keep_attributes(context, &created, &kept).await;
    Ok(Written::Created(created.id()))
}

/// What is kept with a user beside its entity.
fn kept_attributes<'a>(source: &'a SourceId, attributes: &'a UserAttributes) -> Vec<(&'a str, &'a str)> {
    let further = attributes.attributes.iter().filter(|(_, value)| !value.is_empty());
    let further = further.map(|(name, value)| (name.as_str(), value.as_str()));
    std::iter::once((SOURCE_ID, source.0.as_str())).chain(further).collect()
}

/// Versions differ in whether a new user brings its attributes along: what its entity does not show is written apart. The user
/// is there in any case, and the next run sees what it lacks.
async fn keep_attributes(context: Context<'_>, user: &User, kept: &[(&str, &str)]) {
    let missing: Vec<_> = kept
        .iter()
        .copied()
        .filter(|(name, value)| user.attributes.get(name).as_deref() != Some(*value))
        .collect();
    let what = format!("the attributes of user {} were not written", user.name);
    if let Err(error) = context.set_attributes(&user.name, &missing, &what).await {
        tracing::warn!(%error, user = user.name.as_str(), "a user was created without its attributes");
    }
}

/// Creates a group without members.
pub(super) async fn group(context: Context<'_>, attributes: &GroupAttributes) -> Result<Written, WriteError> {
    let what = format!("group {} was not created", attributes.name);
    let body: Value = json!({
        "name": attributes.name,
        "description": attributes.description,
        "type": "GROUP",
        "active": true,
    });
    let ask = context.sending(Method::POST, &["group"], &[], &body, &what).once();
    let wanted = Wanted::Group(&attributes.name);
    match send(context, ask, wanted).await? {
        Ended::Created(_) | Ended::Found => {}
        // Groups bear no id of the source: only what an earlier try of this write may have made is ours.
        Ended::Refused { reply, unanswered } => {
            let may_be_ours = unanswered && exists_already(&reply);
            if !may_be_ours || !wanted.is_there(context, &what).await.map_err(uncertain)? {
                return Err(context.server.refused(&what, &reply));
            }
        }
    }
    Ok(Written::Created(group_id(&attributes.name)))
}

/// Crowd answers 400 to what exists, as to anything that it does not like; a proper 409 would say the same.
fn exists_already(reply: &Reply) -> bool {
    matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT)
}

/// Sends a create until an answer says what became of it, or it is found.
async fn send(context: Context<'_>, ask: Ask<'_>, wanted: Wanted<'_>) -> Result<Ended, WriteError> {
    let what = ask.what;
    let find = || async move { Ok(wanted.is_there(context, what).await?.then_some(())) };
    let unwritten = |failed| context.server.unwritten(what, failed);
    let (reply, unanswered) = match create_once(context.server, context.control, ask, unwritten, find).await?
    {
        Sent::Found(()) => return Ok(Ended::Found),
        Sent::Answered { reply, unanswered } => (reply, unanswered),
    };
    if let Some(stranger) = stranger(context.server, &reply) {
        return Err(WriteError::refused(format!("{what}: {stranger}")));
    }
    Ok(if reply.status.is_success() { Ended::Created(reply) } else { Ended::Refused { reply, unanswered } })
}

/// What is to be created.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    User(WantedUser<'a>),
    /// A group of this name.
    Group(&'a str),
}

impl Wanted<'_> {
    /// Whether it is there, after a try that was not answered.
    async fn is_there(self, context: Context<'_>, what: &str) -> Result<bool, WriteError> {
        match self {
            Self::User(user) => Ok(user.find(context, true).await?.is_some()),
            Self::Group(name) => Ok(context.group(name, what).await?.is_some()),
        }
    }
}

/// A user to be created, and how to know it again.
#[derive(Clone, Copy)]
struct WantedUser<'a> {
    name: &'a str,
    email: &'a str,
    source: &'a SourceId,
    what: &'a str,
}

impl WantedUser<'_> {
    /// Looks for a user of that name that is ours: it has our id, or, where an earlier try was not answered, our address and
    /// nobody else's id.
    async fn find(&self, context: Context<'_>, unanswered: bool) -> Result<Option<User>, WriteError> {
        let found = context.user_named(self.name, self.what).await?;
        Ok(found.filter(|user| match user.source() {
            Some(source) => source == *self.source,
            None => unanswered && user.email.as_deref().unwrap_or_default().eq_ignore_ascii_case(self.email),
        }))
    }

    async fn must_find(&self, context: Context<'_>) -> Result<User, WriteError> {
        let found = self.find(context, true).await.map_err(uncertain)?;
        found.ok_or_else(|| not_shown(context.server, self.what))
    }
}
