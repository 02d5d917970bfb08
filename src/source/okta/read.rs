//! One complete read of an org.

use tokio::sync::mpsc;

use super::client::{Ask, Bucket, Client, Unread};
use super::gathered::Gathered;
use super::scope::Scope;
use super::{groups, members, parse, users};
use crate::source::SourceError;
use crate::sync::model::{People, SourceAddress, SourceSnapshot};

/// Reads the org's id, then users, groups and members at the same time.
pub(super) async fn read(client: &Client, scope: &Scope<'_>) -> Result<SourceSnapshot, SourceError> {
    // First and alone: a wrong token or domain costs one request and gives one error.
    let address = (address(client).await?, client.server_time());
    let gathered = Gathered::with(People::of(&scope.request.member_lists.people));
    let (found, wanted) = mpsc::unbounded_channel();
    tokio::try_join!(
        users::read(client, &gathered, scope),
        groups::read(client, &gathered, scope, found),
        members::read_all(client, &gathered, wanted),
    )?;
    let snapshot = gathered.into_snapshot(address, scope.request.attributes.clone(), scope.narrows_users());
    tracing::debug!(users = snapshot.users.len(), groups = snapshot.groups.len(), "the org was read");
    Ok(snapshot)
}

/// Reads the list of groups and the members of those that are wanted, at the same time, and no user.
pub(super) async fn read_groups(client: &Client, scope: &Scope<'_>) -> Result<SourceSnapshot, SourceError> {
    let address = (address(client).await?, client.server_time());
    let gathered = Gathered::with(People::of(&scope.request.member_lists.people));
    let (found, wanted) = mpsc::unbounded_channel();
    tokio::try_join!(
        groups::read(client, &gathered, scope, found),
        members::read_all(client, &gathered, wanted),
    )?;
    Ok(gathered.into_snapshot(address, scope.request.attributes.clone(), scope.narrows_users()))
}

/// The org's id and its origin (RULES 1). The id is left out where the token may not read it or nothing sensible answers;
/// whether this is Okta at all, the lists will tell. Refused credentials and a host that does not answer are errors.
pub(super) async fn address(client: &Client) -> Result<SourceAddress, SourceError> {
    const WHAT: &str = "the org";
    let url = client.url(&["org"], None);
    let ask = Ask { bucket: Bucket::Other, url: &url, what: WHAT, options: None, smaller: None };
    let id = match client.ask(ask, |_, body| parse::org_id(body)).await {
        Ok(id) => Some(id),
        Err(Unread::Forbidden(_) | Unread::Missing | Unread::NoPath(_) | Unread::Strange(_)) => None,
        Err(unread) => return Err(client.fatal(WHAT, unread)),
    };
    Ok(SourceAddress { id, origin: client.origin().origin().ascii_serialization() })
}
