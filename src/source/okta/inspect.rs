//! What the credentials show, for somebody who sets up a connector.

use std::sync::Arc;

use compact_str::CompactString;

use super::client::{Ask, Bucket, Client, Unread};
use super::parse::{self, Owner};
use super::principal::Principal;
use super::scope::Scope;
use super::sign_in::{SignIn, Way};
use super::{read, refusal};
use crate::config::model::ServiceApp;
use crate::source::{GroupFilter, Inspection, ReadRequest, Scopes, SourceError};

/// A request for the same without the members of any group.
pub(super) fn without_members(request: &ReadRequest) -> ReadRequest {
    ReadRequest { wants_members: GroupFilter(Arc::new(|_| false)), ..request.clone() }
}

/// Asks whose credentials they are and what they may, reads users and groups, and looks for wanted attributes that no user can
/// have.
pub(super) async fn inspect(
    client: &Client,
    scope: &Scope<'_>,
    way: &Way,
) -> Result<Inspection, SourceError> {
    let scopes = look_at_scopes(client, scope, way).await?;
    // First and alone: a wrong token or domain, search or application costs few requests and gives one error.
    let snapshot = read::read(client, scope).await?;
    let Whose { principal, roles } = whose(client).await?;
    let unknown_attributes = unknown_attributes(client, scope).await?;
    Ok(Inspection { principal, roles, scopes, snapshot, unknown_attributes })
}

/// As whom the org is read, and with which roles.
pub(super) struct Whose {
    pub(super) principal: Result<String, String>,
    pub(super) roles: Result<Vec<String>, String>,
}

/// Asks whose credentials they are.
pub(super) async fn whose(client: &Client) -> Result<Whose, SourceError> {
    match client.principal() {
        Principal::Token(_) => {
            let me = read_me(client).await?;
            let roles = match &me {
                Ok(me) => read_roles(client, me).await?,
                Err(why) => Err(format!("it is not known whose token this is: {why}")),
            };
            Ok(Whose { principal: me.map(|me| me.login), roles })
        }
        Principal::App(sign_in) => {
            let principal = Ok(format!("service app {}", sign_in.app().client_id));
            Ok(Whose { principal, roles: read_app_roles(client, sign_in).await? })
        }
    }
}

/// Signs a service app in. An error if a scope is not granted without which nothing can be read: all that are missing are
/// named at once.
pub(super) async fn look_at_scopes(
    client: &Client,
    scope: &Scope<'_>,
    way: &Way,
) -> Result<Option<Scopes>, SourceError> {
    let Principal::App(sign_in) = client.principal() else { return Ok(None) };
    let (missing, can_sign_in) = match sign_in.missing_scopes(way, &client.progress).await {
        Ok(missing) => missing,
        Err(failure) => return Err(refusal::unreachable(client.origin(), "the org", &failure)),
    };
    let needed =
        |missing: &String| ServiceApp::needed(scope.app().is_some(), false).any(|needed| needed == missing);
    if !can_sign_in || missing.iter().any(needed) {
        return Err(refusal::missing_scopes(client.origin(), client.principal(), &missing));
    }
    Ok(Some(Scopes { requested: sign_in.app().scopes.clone(), missing }))
}

/// `GET /oauth2/v1/clients/{id}/roles` (Okta Management API, "List all client role assignments").
async fn read_app_roles(
    client: &Client,
    sign_in: &SignIn,
) -> Result<Result<Vec<String>, String>, SourceError> {
    if sign_in.has_scope(ServiceApp::ROLES) != Some(true) {
        return Ok(Err(without_scope(ServiceApp::ROLES)));
    }
    let mut url = client.origin().clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(["oauth2", "v1", "clients", &sign_in.app().client_id, "roles"]);
    }
    let ask =
        Ask { bucket: Bucket::Clients, url: &url, what: "the app's roles", options: None, smaller: None };
    let reply = client.ask(ask, |_, body| parse::roles(body)).await;
    unless_fatal(reply, "this app may not read its own roles")
}

fn without_scope(scope: &str) -> String {
    format!("the service app has not the scope {scope}")
}

/// `GET /api/v1/users/me`.
async fn read_me(client: &Client) -> Result<Result<Owner, String>, SourceError> {
    let url = client.url(&["users", "me"], None);
    let ask =
        Ask { bucket: Bucket::User, url: &url, what: "the token's owner", options: None, smaller: None };
    let reply = client.ask(ask, |_, body| parse::principal(body)).await;
    unless_fatal(reply, "this token may not read its own user")
}

/// `GET /api/v1/users/{id}/roles`: those that are assigned directly and those that come with a group.
async fn read_roles(client: &Client, me: &Owner) -> Result<Result<Vec<String>, String>, SourceError> {
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
    if let Principal::App(sign_in) = client.principal()
        && sign_in.has_scope(ServiceApp::SCHEMAS) != Some(true)
    {
        return Ok(Err(without_scope(ServiceApp::SCHEMAS)));
    }
    let url = client.url(&["meta", "schemas", "user", "default"], None);
    let ask = Ask { bucket: Bucket::Other, url: &url, what: "the user schema", options: None, smaller: None };
    let reply = client.ask(ask, |_, body| parse::profile_attributes(body)).await;
    let forbidden = format!("{} may not read the user schema", client.principal().this());
    let known = unless_fatal(reply, &forbidden)?;
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
        Err(Unread::Forbidden(reason)) => {
            let said = reason.error.map_or_else(String::new, |error| format!(", {}", error.line()));
            Ok(Err(format!("{forbidden} (403{said})")))
        }
        Err(unread) => Ok(Err(unread.reason())),
    }
}
