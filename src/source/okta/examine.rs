//! What a few requests tell of an org and of what may be read there, for `doctor`: each kind of list is asked for one record.

use chrono::{DateTime, Utc};

use super::client::{Ask, Bucket, Client, Unread};
use super::inspect::{Whose, look_at_scopes, whose};
use super::scope::{GROUPS_SEARCH, Scope, USERS_SEARCH};
use super::sign_in::Way;
use super::{app, groups, log, parse, read, refusal, users};
use crate::clock::Clock;
use crate::source::{Scopes, SourceError};

/// What the org's clock and that of this host showed at the same moment.
pub type Clocks = (DateTime<Utc>, DateTime<Utc>);

/// What was found. Whatever could not be found out says why, as the end of a sentence.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Whose credentials they are.
    pub principal: Result<String, String>,
    /// The administrator roles behind them.
    pub roles: Result<Vec<String>, String>,
    /// If they are those of a service app: its scopes.
    pub scopes: Option<Scopes>,
    /// Whether there is any user that the source's own part of the scope lets in.
    pub sees_users: bool,
    /// The same for groups.
    pub sees_groups: bool,
    /// Whether the System Log has any entry; none if it was not asked for.
    pub sees_log: Option<bool>,
}

/// Asks one question after the other, and ends with the first without whose answer nothing can be synced. `clocks` is set
/// as soon as anything answered, be it with a refusal.
pub(super) async fn examine(
    client: &Client,
    scope: &Scope<'_>,
    way: &Way,
    (reads_log, clock): (bool, &Clock),
    clocks: &mut Option<Clocks>,
) -> Result<Examination, SourceError> {
    let answered = read::address(client).await;
    *clocks = client.server_time().map(|theirs| (theirs, clock.now()));
    answered?;
    let scopes = look_at_scopes(client, scope, way).await?;
    let Whose { principal, roles } = whose(client).await?;
    let sees_users = any_user(client, scope).await?;
    let sees_groups = any_group(client, scope).await?;
    let sees_log = match reads_log {
        true => Some(log::has_entries(client).await?),
        false => None,
    };
    Ok(Examination { principal, roles, scopes, sees_users, sees_groups, sees_log })
}

async fn any_user(client: &Client, scope: &Scope<'_>) -> Result<bool, SourceError> {
    if let Some(application) = scope.app() {
        return app::has_users(client, application).await;
    }
    let url = one(scope.users_url(client, scope.users_search(), None));
    match any(client, Bucket::Users, &url, users::WHAT).await {
        Ok(any) => Ok(any),
        Err(Unread::BadRequest(error)) if scope.users_search().is_some() => {
            let search = scope.users_search().unwrap_or_default();
            Err(refusal::search(client.origin(), USERS_SEARCH, search, users::OPERATORS, &error))
        }
        Err(unread) => Err(client.fatal(users::WHAT, unread)),
    }
}

async fn any_group(client: &Client, scope: &Scope<'_>) -> Result<bool, SourceError> {
    let url = one(scope.groups_url(client, scope.groups_search()));
    match any(client, Bucket::Groups, &url, groups::WHAT).await {
        Ok(any) => Ok(any),
        Err(Unread::BadRequest(error)) if scope.groups_search().is_some() => {
            let search = scope.groups_search().unwrap_or_default();
            Err(refusal::search(client.origin(), GROUPS_SEARCH, search, groups::OPERATORS, &error))
        }
        Err(unread) => Err(client.fatal(groups::WHAT, unread)),
    }
}

/// Whether a list has anything on its first page.
pub(super) async fn any(client: &Client, bucket: Bucket, url: &url::Url, what: &str) -> Result<bool, Unread> {
    let ask = Ask { bucket, url, what, options: None, smaller: None };
    client.ask(ask, |_, body| Ok(!parse::ids(body)?.is_empty())).await
}

/// The address of a list, for one record of it.
fn one(mut url: url::Url) -> url::Url {
    // A search is encoded, so that none of its characters ends a parameter.
    let parameters = url.query().unwrap_or_default().split('&');
    let parameters = parameters.map(|one| if one.starts_with("limit=") { "limit=1" } else { one });
    let query = parameters.collect::<Vec<_>>().join("&");
    url.set_query(Some(&query));
    url
}
