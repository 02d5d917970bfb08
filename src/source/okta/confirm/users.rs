//! Asking for users.

use std::collections::{BTreeSet, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::narrowed::Brought;
use super::{Answered, answered, if_same, note_absence, note_broken, unknown};
use crate::source::SourceError;
use crate::source::okta::app;
use crate::source::okta::client::{Ask, Bucket, Client, Unread};
use crate::source::okta::gathered::{Kind, unknown_status_finding};
use crate::source::okta::members::SIDE_BY_SIDE;
use crate::source::okta::parse::{self, UserRecord};
use crate::source::okta::scope::{Scope, narrowed, status_says_more};
use crate::source::okta::users;
use crate::sync::model::{Absence, ScopeRule, SourceId, SourceSnapshot};

type Answer = (SourceId, Answered<UserRecord>);

pub(super) async fn confirm(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    asked: &BTreeSet<SourceId>,
    scope: &Scope<'_>,
) -> Result<(), SourceError> {
    let known: HashSet<&SourceId> = snapshot.users.iter().map(|user| &user.id).collect();
    let missing: Vec<SourceId> = asked.iter().filter(|id| !known.contains(id)).cloned().collect();
    drop(known);
    for (id, answer) in ask(client, scope, missing).await? {
        let (record, absence) = match answer {
            Answered::Found(record) => (record, None),
            Answered::Left(record, rule) => (record, Some(Absence::OutOfScope(rule))),
            Answered::Broken(broken) => {
                note_broken(snapshot, Kind::User, &id, broken);
                continue;
            }
            Answered::Absent(absence) => {
                note_absence(snapshot, id, absence);
                continue;
            }
        };
        let UserRecord { user, unknown_status } = record;
        snapshot.findings.extend(unknown_status.map(|name| unknown_status_finding(&id, &name)));
        snapshot.people.intern(&id.0);
        snapshot.users.push(user);
        snapshot.absences.extend(absence.map(|absence| (id, absence)));
    }
    Ok(())
}

/// Asks for all of them, with the question that defined the scope.
async fn ask(client: &Client, scope: &Scope<'_>, ids: Vec<SourceId>) -> Result<Vec<Answer>, SourceError> {
    let Some(search) = scope.users_search() else {
        return stream::iter(ids)
            .map(async |id: SourceId| match scope.app() {
                Some(app) => with_application(client, scope, app, id).await,
                None => by_id(client, scope, id).await,
            })
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await;
    };
    let found: Vec<Vec<Answer>> = stream::iter(scope.portions(search, ids))
        .map(async |ids: Vec<SourceId>| found_by_search(client, scope, search, ids).await)
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    let found = found.into_iter().flatten();
    let Some(app) = scope.app() else { return Ok(found.collect()) };
    stream::iter(found)
        .map(async |(id, answer): Answer| match answer {
            Answered::Found(record) => if_assigned(client, app, id, record).await,
            other => Ok((id, other)),
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await
}

/// `GET /api/v1/users/{id}`.
async fn by_id(client: &Client, scope: &Scope<'_>, id: SourceId) -> Result<Answer, SourceError> {
    let reply = get(client, scope, &id).await;
    let answer = if_same(answered(reply)?, &id, |record| &record.user.id);
    Ok((id, answer))
}

async fn get(
    client: &Client,
    scope: &Scope<'_>,
    id: &SourceId,
) -> Result<Result<UserRecord, parse::Broken>, Unread> {
    let url = client.url(&["users", &id.0], None);
    let what = format!("the user {id}");
    let ask = Ask { bucket: Bucket::User, url: &url, what: &what, options: None, smaller: None };
    client.ask(ask, |_, body| parse::user(body, &scope.request.attributes)).await
}

/// Asks the application for its user. Who is not assigned to it is looked at all the same: to be deactivated is another
/// reason to leave than to be unassigned.
async fn with_application(
    client: &Client,
    scope: &Scope<'_>,
    app: &str,
    id: SourceId,
) -> Result<Answer, SourceError> {
    let reply = app::user(client, app, &id, &scope.request.attributes).await;
    if !matches!(reply, Err(Unread::Missing)) {
        let answer = if_same(answered(reply)?, &id, |record| &record.user.id);
        return Ok((id, answer));
    }
    let out_of_scope = Absence::OutOfScope(ScopeRule::App);
    let reply = get(client, scope, &id).await;
    if matches!(reply, Err(Unread::Forbidden(_))) {
        // The token sees the application only, and that has answered.
        return Ok((id, Answered::Absent(out_of_scope)));
    }
    let answer = match if_same(answered(reply)?, &id, |record| &record.user.id) {
        Answered::Found(record) if status_says_more(record.user.status) => {
            Answered::Left(record, ScopeRule::App)
        }
        Answered::Found(_) => Answered::Absent(out_of_scope),
        other => other,
    };
    Ok((id, answer))
}

/// Asks the search for these ids.
async fn found_by_search(
    client: &Client,
    scope: &Scope<'_>,
    search: &str,
    ids: Vec<SourceId>,
) -> Result<Vec<Answer>, SourceError> {
    let question = narrowed(search, &ids);
    let what = format!("the search for {} users that are missing from the list", ids.len());
    let mut brought = Brought::new(ids);
    let take = |page| brought.take(page, |record: &UserRecord| &record.user.id);
    let ended = users::list(client, scope, Some(&question), &what, take).await;
    brought.answers(ended, ScopeRule::UsersSearch)
}

/// Asks whether someone whom the search found is assigned to the application too.
async fn if_assigned(
    client: &Client,
    app: &str,
    id: SourceId,
    record: UserRecord,
) -> Result<Answer, SourceError> {
    let answer = match app::has_user(client, app, &id).await {
        Ok(true) => Answered::Found(record),
        Ok(false) if status_says_more(record.user.status) => Answered::Left(record, ScopeRule::App),
        Ok(false) => Answered::Absent(Absence::OutOfScope(ScopeRule::App)),
        Err(unread) => Answered::Absent(unknown(unread)?),
    };
    Ok((id, answer))
}

/// Whether the source's own part of the scope lets in a user that exists; none if it does.
pub(in super::super) async fn in_scope(
    client: &Client,
    scope: &Scope<'_>,
    id: &SourceId,
) -> Result<Option<Absence>, SourceError> {
    if let Some(search) = scope.users_search() {
        let answers = found_by_search(client, scope, search, vec![id.clone()]).await?;
        if let Some((_, Answered::Absent(absence))) = answers.into_iter().next() {
            return Ok(Some(absence));
        }
    }
    let Some(app) = scope.app() else { return Ok(None) };
    match app::has_user(client, app, id).await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(Absence::OutOfScope(ScopeRule::App))),
        Err(unread) => unknown(unread).map(Some),
    }
}
