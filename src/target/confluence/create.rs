//! Creating users and groups, once: what was not answered is looked for before it is sent again.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::read::is_missing;
use super::write::{GROUPS_SINCE, addressable, full_name, set_active};
use super::{Context, wire};
use crate::sync::model::{GroupAttributes, TargetId, UserAttributes};
use crate::target::create_once::{Sent, create_once, not_shown, uncertain};
use crate::target::password::random_password;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, WriteError, Written};

/// Creates a user, who gets no mail about it and a password that nobody learns.
pub(super) async fn user(
    context: Context<'_>,
    attributes: &UserAttributes,
    active: bool,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not created", attributes.username);
    addressable(&what, &attributes.username)?;
    let body = json!({
        "userName": attributes.username.as_str(),
        "fullName": full_name(attributes),
        "email": attributes.email.as_str(),
        "password": random_password()?,
    });
    let wanted = Wanted { path: &["admin", "user"], object: Object::User(attributes), what: &what };
    let id = match wanted.create(context, &body).await? {
        Ok(id) => id,
        Err(reply) if is_missing(&reply) => return Err(context.too_old(&what, "8.4")),
        Err(reply) => return Err(context.server.refused(&what, &reply)),
    };
    if !active {
        let user = Named { id: id.clone(), name: attributes.username.clone() };
        // The next run finds the account by its name, and what is left to do.
        set_active(context, &user, false).await.map_err(|error| {
            let message = format!("user {} was created, but {}", attributes.username, error.message);
            WriteError { message, uncertain: true, ..error }
        })?;
    }
    Ok(Written::Created(id))
}

/// Creates a group without members.
pub(super) async fn group(context: Context<'_>, attributes: &GroupAttributes) -> Result<Written, WriteError> {
    let what = format!("group {} was not created", attributes.name);
    addressable(&what, &attributes.name)?;
    let body = json!({ "type": "group", "name": attributes.name.as_str() });
    let wanted = Wanted { path: &["admin", "group"], object: Object::Group(&attributes.name), what: &what };
    match wanted.create(context, &body).await? {
        Ok(id) => Ok(Written::Created(id)),
        Err(reply) if is_missing(&reply) => Err(context.too_old(&what, GROUPS_SINCE)),
        Err(reply) => Err(context.server.refused(&what, &reply)),
    }
}

/// What is to be created, and how to find it.
struct Wanted<'a> {
    path: &'a [&'a str],
    object: Object<'a>,
    what: &'a str,
}

#[derive(Clone, Copy)]
enum Object<'a> {
    User(&'a UserAttributes),
    Group(&'a str),
}

impl Wanted<'_> {
    /// The id of the new object, or of the one that an earlier try made; else the refusal.
    async fn create(
        &self,
        context: Context<'_>,
        body: &Value,
    ) -> Result<Result<TargetId, Reply>, WriteError> {
        let ask = Ask::json(Method::POST, context.url(self.path, &[]), body, self.what);
        let unwritten = |failed| context.server.unwritten(self.what, failed);
        let sent =
            create_once(context.server, context.control, ask, unwritten, || self.find(context)).await?;
        match sent {
            Sent::Found(id) => Ok(Ok(id)),
            Sent::Answered { reply, .. } if reply.status.is_success() => {
                self.id(context, &reply).await.map(Ok)
            }
            Sent::Answered { reply, unanswered } if unanswered && reply.status != StatusCode::FORBIDDEN => {
                Ok(self.find(context).await?.ok_or(reply))
            }
            Sent::Answered { reply, .. } => Ok(Err(reply)),
        }
    }

    /// The id of what was created.
    async fn id(&self, context: Context<'_>, reply: &Reply) -> Result<TargetId, WriteError> {
        let id = match self.object {
            Object::Group(name) => Some(wire::group_id(name)),
            Object::User(_) => match wire::created(&reply.body) {
                Some(id) => Some(id),
                None => self.find(context).await?,
            },
        };
        id.ok_or_else(|| not_shown(context.server, self.what))
    }

    /// Looks for what a try that was not answered may have made: same name and, since no address is shown, same full name.
    async fn find(&self, context: Context<'_>) -> Result<Option<TargetId>, WriteError> {
        let found = match self.object {
            Object::Group(name) => {
                context.has_group(name, self.what).await.map(|found| found.then(|| wire::group_id(name)))
            }
            Object::User(wanted) => context.user_named(&wanted.username, self.what).await.map(|found| {
                found.filter(|user| user.attributes.display_name == full_name(wanted)).map(|user| user.id)
            }),
        };
        // Whatever keeps us from looking, it may be there.
        found.map_err(uncertain)
    }
}
