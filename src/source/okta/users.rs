//! The user list.

use super::app::{self, both};
use super::client::{Bucket, Client, Unread};
use super::gathered::Gathered;
use super::list::{self, Ended, List, Taken};
use super::parse::{self, Records, UserRecord};
use super::refusal;
use super::scope::{Scope, USERS_SEARCH};
use crate::source::SourceError;
use crate::sync::model::Proof;

pub(super) const WHAT: &str = "the user list";
/// What a search for users may do (Okta Management API, "List all users").
pub(super) const OPERATORS: &str =
    "the operators are eq, ge, gt, le, lt, sw and pr, and co for firstName, lastName, email and login only";

/// Reads all users that the source's own part of the scope lets in. Okta's plain list shows all but the deactivated ones;
/// a search shows those too; an application has none of them.
pub(super) async fn read(client: &Client, gathered: &Gathered, scope: &Scope<'_>) -> Result<(), SourceError> {
    let proof = match (scope.app(), scope.users_search()) {
        (Some(app), None) => of_application(client, gathered, scope, app).await?,
        (app, search) => listed(client, gathered, scope, app, search).await?,
    };
    if let Proof::NotProven(why) = &proof {
        tracing::warn!(why, "{WHAT} was not read to its end; nobody missing from it is taken for gone");
    }
    gathered.lock().end_users(proof);
    Ok(())
}

/// The plain list, or that of a search, cut to those who are assigned to the application. Who is left out is not thereby
/// known to be out of scope: lists shift while they are paged, so it is asked for before anything is concluded (RULES 17).
async fn listed(
    client: &Client,
    gathered: &Gathered,
    scope: &Scope<'_>,
    app: Option<&str>,
    search: Option<&str>,
) -> Result<Proof, SourceError> {
    let assigned = match app {
        Some(app) => Some(app::users(client, app).await?),
        None => None,
    };
    let assigned = assigned.as_ref();
    let ended = list(client, scope, search, WHAT, |page| {
        let taken = gathered.lock().take_users(page, assigned);
        client.progress.users_read(taken.new as u64);
        taken
    });
    match (ended.await, search) {
        (Ok(ended), _) => Ok(both(assigned, ended.into_proof())),
        (Err(Unread::BadRequest(error)), Some(search)) => {
            Err(refusal::search(client.origin(), USERS_SEARCH, search, OPERATORS, &error))
        }
        (Err(unread), _) => Err(client.fatal(WHAT, unread)),
    }
}

/// Everybody who is assigned to the application.
async fn of_application(
    client: &Client,
    gathered: &Gathered,
    scope: &Scope<'_>,
    app: &str,
) -> Result<Proof, SourceError> {
    let with_users = app::WithUsers::new(client, app);
    let ended = list::read(client, with_users.list(), |body| {
        let page = parse::app_users(body, &scope.request.attributes)?;
        let taken = gathered.lock().take_users(page, None);
        client.progress.users_read(taken.new as u64);
        Ok(taken)
    });
    match ended.await {
        Ok(ended) => Ok(ended.into_proof()),
        Err(unread) => Err(app::fatal(client, app, &with_users.what, unread)),
    }
}

/// Reads a list of users with only what is wanted of them. An org that does not take the choice of fields is asked without.
pub(super) async fn list(
    client: &Client,
    scope: &Scope<'_>,
    search: Option<&str>,
    what: &str,
    mut take: impl FnMut(Records<UserRecord>) -> Taken,
) -> Result<Ended, Unread> {
    loop {
        let fields = scope.fields();
        let first = scope.users_url(client, search, fields.as_deref());
        let list =
            List { bucket: Bucket::Users, first: &first, what, options: scope.options(), forgotten: None };
        let ended =
            list::read(client, list, |body| Ok(take(parse::users(body, &scope.request.attributes)?))).await;
        match ended {
            Err(Unread::BadRequest(error))
                if fields.is_some() && !(search.is_some() && error.is_about_the_search()) =>
            {
                scope.refuse_fields(client.origin(), &error);
            }
            ended => return ended,
        }
    }
}
