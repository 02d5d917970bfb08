//! What the token shows, for somebody who sets up a connector.

use std::sync::Arc;

use compact_str::CompactString;

use super::client::{Ask, Bucket, Client, Unread};
use super::parse::{self, Principal};
use super::read;
use super::scope::Scope;
use crate::source::{GroupFilter, Inspection, ReadRequest, SourceError};

/// A request for the same without the members of any group.
pub(super) fn without_members(request: &ReadRequest) -> ReadRequest {
    ReadRequest { wants_members: GroupFilter(Arc::new(|_| false)), ..request.clone() }
}

/// Asks whose the token is and what it may, reads users and groups, and looks for wanted attributes that no user can have.
pub(super) async fn inspect(client: &Client, scope: &Scope<'_>) -> Result<Inspection, SourceError> {
    // First and alone: a wrong token or domain, search or application costs few requests and gives one error.
    let snapshot = read::read(client, scope).await?;
    let me = read_me(client).await?;
    let roles = match &me {
        Ok(me) => read_roles(client, me).await?,
        Err(why) => Err(format!("it is not known whose token this is: {why}")),
    };
    let unknown_attributes = unknown_attributes(client, scope).await?;
    Ok(Inspection { principal: me.map(|me| me.login), roles, snapshot, unknown_attributes })
}

/// `GET /api/v1/users/me`.
async fn read_me(client: &Client) -> Result<Result<Principal, String>, SourceError> {
    let url = client.url(&["users", "me"], None);
    let ask =
        Ask { bucket: Bucket::User, url: &url, what: "the token's owner", options: None, smaller: None };
    let reply = client.ask(ask, |_, body| parse::principal(body)).await;
    unless_fatal(reply, "this token may not read its own user")
}

/// `GET /api/v1/users/{id}/roles`: those that are assigned directly and those that come with a group.
async fn read_roles(client: &Client, me: &Principal) -> Result<Result<Vec<String>, String>, SourceError> {
    let url = client.url(&["users", &me.id, "roles"], None);
    let ask =
        Ask { bucket: Bucket::Users, url: &url, what: "the token's roles", options: None, smaller: None };
    let reply = client.ask(ask, |_, body| parse::roles(body)).await;
    unless_fatal(reply, "this token may not read its own roles")
}

/// `GET /api/v1/meta/schemas/user/default`. Asks nothing if no single attribute of the profile is wanted.
async fn unknown_attributes(
    client: &Client,
    scope: &Scope<'_>,
) -> Result<Result<Vec<CompactString>, String>, SourceError> {
    let wanted = scope.request.attributes.iter();
    let wanted: Vec<&CompactString> = wanted.filter(|path| path.starts_with("profile.")).collect();
    if wanted.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let url = client.url(&["meta", "schemas", "user", "default"], None);
    let ask = Ask { bucket: Bucket::Other, url: &url, what: "the user schema", options: None, smaller: None };
    let reply = client.ask(ask, |_, body| parse::profile_attributes(body)).await;
    let known = unless_fatal(reply, "this token may not read the user schema")?;
    Ok(known.map(|known| {
        let unknown = wanted
            .into_iter()
            .filter(|path| path.strip_prefix("profile.").is_some_and(|name| !known.contains(name)));
        unknown.cloned().collect()
    }))
}

/// A single question that is not answered is no reason to end; a refused token is.
fn unless_fatal<T>(reply: Result<T, Unread>, forbidden: &str) -> Result<Result<T, String>, SourceError> {
    match reply {
        Ok(value) => Ok(Ok(value)),
        Err(Unread::Fatal(error)) => Err(error),
        Err(Unread::Forbidden(error)) => {
            let said = error.map_or_else(String::new, |error| format!(", {}", error.line()));
            Ok(Err(format!("{forbidden} (403{said})")))
        }
        Err(unread) => Ok(Err(unread.reason())),
    }
}
