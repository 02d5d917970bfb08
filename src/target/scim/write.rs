//! Changing users and groups: PATCH of what differs, or the whole resource where a service takes no PATCH.

use std::sync::atomic::Ordering;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::schema::{AttributeChange, changes_of_user, patch_of, with_email};
use super::{Scim, create, members};
use crate::sync::model::{GroupAttributes, SourceId, UserAttributes};
use crate::sync::progress::RunControl;
use crate::target::server::{Ask, Reply, Server};
use crate::target::{Named, Write, WriteError, Written};

/// The type of what is sent (RFC 7644, section 3.1).
pub(super) const TYPE: &str = "application/scim+json";

/// What a write needs.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) scim: &'a Scim,
    pub(super) server: &'a Server,
    pub(super) control: &'a RunControl,
}

/// Carries out one write.
pub(super) async fn write(
    scim: &Scim,
    server: &Server,
    write: &Write,
    control: &RunControl,
) -> Result<Written, WriteError> {
    let context = Context { scim, server, control };
    match write {
        Write::CreateUser { source, attributes, active } => {
            create::user(context, source, attributes, *active).await
        }
        Write::CreateGroup { source, attributes, members } => {
            create::group(context, source, attributes, members).await
        }
        Write::UpdateUser { user, source, before, attributes } => {
            update_user(context, user, source.as_ref(), before, attributes).await
        }
        Write::SetActive { user, active } => {
            let what = format!("user {} was not {}", user.name, if *active { "enabled" } else { "disabled" });
            let change = AttributeChange::new(&["active"], json!(active));
            change_resource(context, &["Users", &user.id.0], &[change], &what).await
        }
        Write::DeleteUser { user, groups } => delete_user(context, user, groups).await,
        Write::UpdateGroup { group, source, before, attributes } => {
            update_group(context, group, source.as_ref(), before, attributes).await
        }
        Write::DeleteGroup { group } => delete_group(context, group).await,
        Write::ChangeMembers { group, added, removed } => {
            members::change(context, group, added, removed).await
        }
    }
}

impl<'a> Context<'a> {
    /// Sends a body.
    pub(super) fn sending<'w>(&self, method: Method, path: &[&str], body: &Value, what: &'w str) -> Ask<'w> {
        let ask = Ask::json(method, self.server.url(path, &[]), body, what);
        Ask { content_type: Some(TYPE), ..ask }
    }

    /// Asks, and turns the absence of an answer into the write's error.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, WriteError> {
        let what = ask.what;
        self.server.ask(ask, self.control).await.map_err(|failed| self.server.unwritten(what, failed))
    }

    /// A resource as it is; the reply where it cannot be read.
    pub(super) async fn resource(
        &self,
        path: &[&str],
        what: &str,
    ) -> Result<Result<Value, Reply>, WriteError> {
        let read = |body: &[u8]| {
            serde_json::from_slice(body).map_err(|error| format!("the answer is no SCIM resource ({error})"))
        };
        let ask = Ask::get(self.server.url(path, &[]), what);
        self.server.read(ask, self.control, read).await.map_err(|failed| self.server.unwritten(what, failed))
    }
}

async fn update_user(
    context: Context<'_>,
    user: &Named,
    source: Option<&SourceId>,
    before: &UserAttributes,
    after: &UserAttributes,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not changed", user.name);
    let path = ["Users", user.id.0.as_str()];
    let mut changes = changes_of_user(before, after, context.scim.dialect);
    changes.extend(external_id(source));
    if before.email != after.email {
        // Other addresses than ours stay, so they have to be known.
        match context.resource(&path, &what).await? {
            Ok(resource) => {
                let emails = with_email(&resource["emails"], &after.email);
                changes.push(AttributeChange::new(&["emails"], emails));
            }
            Err(reply) => return Err(context.server.refused(&what, &reply)),
        }
    }
    change_resource(context, &path, &changes, &what).await
}

async fn update_group(
    context: Context<'_>,
    group: &Named,
    source: Option<&SourceId>,
    before: &GroupAttributes,
    after: &GroupAttributes,
) -> Result<Written, WriteError> {
    let what = format!("group {} was not changed", group.name);
    let mut changes: Vec<AttributeChange> = external_id(source).into_iter().collect();
    if before.name != after.name {
        changes.push(AttributeChange::new(&["displayName"], json!(after.name.as_str())));
    }
    change_resource(context, &["Groups", &group.id.0], &changes, &what).await
}

fn external_id(source: Option<&SourceId>) -> Option<AttributeChange> {
    source.map(|source| AttributeChange::new(&["externalId"], json!(source.0.as_str())))
}

/// Changes attributes of a resource: by PATCH, or by the whole resource where the service refuses that.
async fn change_resource(
    context: Context<'_>,
    path: &[&str],
    changes: &[AttributeChange],
    what: &str,
) -> Result<Written, WriteError> {
    if changes.is_empty() {
        return Ok(Written::Done);
    }
    let mut refusal = None;
    if context.scim.patches() {
        let reply = context.ask(context.sending(Method::PATCH, path, &patch_of(changes), what)).await?;
        if reply.status.is_success() {
            return Ok(Written::Done);
        }
        if is_no_patch(reply.status) {
            context.scim.manners.patches.store(false, Ordering::Relaxed);
        } else if reply.status != StatusCode::BAD_REQUEST {
            return Err(context.server.refused(what, &reply));
        }
        refusal = Some(reply);
    }
    // Members and whatever else we do not know come back as they are.
    let mut resource = match context.resource(path, what).await? {
        Ok(resource) => resource,
        Err(reply) => return Err(context.server.refused(what, &reply)),
    };
    changes.iter().for_each(|change| change.put_into(&mut resource));
    let reply = context.ask(context.sending(Method::PUT, path, &resource, what)).await?;
    if reply.status.is_success() {
        return Ok(Written::Done);
    }
    // The first refusal says more, if both were refused.
    Err(context.server.refused(what, refusal.as_ref().unwrap_or(&reply)))
}

/// 501 is for a service without PATCH (RFC 7644, section 3.12); others answer 405.
pub(super) fn is_no_patch(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_IMPLEMENTED | StatusCode::METHOD_NOT_ALLOWED)
}

async fn delete_user(context: Context<'_>, user: &Named, groups: &[Named]) -> Result<Written, WriteError> {
    let what = format!("user {} was not deleted", user.name);
    // Some services keep the ids of deleted users in their groups.
    for group in groups {
        if let Written::Members { failed } =
            members::change(context, group, &[], std::slice::from_ref(user)).await?
            && let Some((_, reason)) = failed.first()
        {
            return Err(WriteError::refused(format!(
                "{what}: it could not be taken out of group {}: {reason}",
                group.name
            )));
        }
    }
    let url = context.server.url(&["Users", &user.id.0], &[]);
    delete(context, Ask::bare(Method::DELETE, url, &what)).await
}

/// Deletes a group that nobody is in.
async fn delete_group(context: Context<'_>, group: &Named) -> Result<Written, WriteError> {
    let what = format!("group {} was not deleted", group.name);
    let path = ["Groups", group.id.0.as_str()];
    match members::current(context, group, &what).await? {
        None => return Ok(Written::Done),
        Some(members) if !members.is_empty() => {
            let count = members.len();
            let message = format!("{what}: {count} members were put into it meanwhile");
            return Err(WriteError::refused(message));
        }
        Some(_) => {}
    }
    delete(context, Ask::bare(Method::DELETE, context.server.url(&path, &[]), &what)).await
}

async fn delete(context: Context<'_>, ask: Ask<'_>) -> Result<Written, WriteError> {
    let what = ask.what;
    let reply = context.ask(ask).await?;
    if reply.status.is_success() || reply.status == StatusCode::NOT_FOUND {
        return Ok(Written::Done);
    }
    Err(context.server.refused(what, &reply))
}
