//! Asking for single records that the lists did not show (RULES 12, 17), with the question that defined the scope.

mod groups;
mod narrowed;
mod own_groups;
mod users;

use super::client::{Client, Unread};
use super::gathered::{Kind, unreadable_finding};
use super::parse::Broken;
use super::scope::Scope;
use crate::source::{Questions, SourceError};
use crate::sync::model::{Absence, ScopeRule, SourceId, SourceSnapshot};

pub(super) use groups::search_for as search_for_groups;
pub(super) use users::in_scope as user_in_scope;

/// Asks for every user and group in question, and users for their groups, and puts the answers into the snapshot. Records that
/// the snapshot has already are not asked for.
pub(super) async fn confirm(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    questions: &Questions,
    scope: &Scope<'_>,
) -> Result<(), SourceError> {
    let decides = &scope.request.decides;
    users::confirm(client, snapshot, &questions.users, scope).await?;
    let own_groups = own_groups::ask(client, questions.own_groups.iter().cloned().collect(), decides).await?;
    let mut groups = own_groups::to_be_asked_for(snapshot, &own_groups);
    groups.extend(questions.groups.iter().cloned());
    groups::confirm(client, snapshot, &groups, scope).await?;
    own_groups::note_doubts(snapshot, own_groups, decides);
    Ok(())
}

/// What an id turned out to be.
#[derive(Debug)]
pub(super) enum Answered<T> {
    /// There, and in the source's part of the scope.
    Found(T),
    /// There, out of the scope, and with a status that says more than that.
    Left(T, ScopeRule),
    Broken(Broken),
    Absent(Absence),
}

/// Only Okta's own 404 is an absence; whatever else comes is no answer, except a refused token, which ends the run.
fn answered<T>(reply: Result<Result<T, Broken>, Unread>) -> Result<Answered<T>, SourceError> {
    match reply {
        Ok(Ok(record)) => Ok(Answered::Found(record)),
        Ok(Err(broken)) => Ok(Answered::Broken(broken)),
        Err(Unread::Missing) => Ok(Answered::Absent(Absence::Gone)),
        Err(unread) => Ok(Answered::Absent(unknown(unread)?)),
    }
}

/// No answer, unless the token itself is refused.
fn unknown(unread: Unread) -> Result<Absence, SourceError> {
    match unread {
        Unread::Fatal(error) => Err(error),
        unread => Ok(Absence::Unknown(unread.reason())),
    }
}

/// A record that came with another id than was asked for answers nothing.
fn if_same<T>(answer: Answered<T>, asked: &SourceId, id: impl Fn(&T) -> &SourceId) -> Answered<T> {
    match answer {
        Answered::Found(record) if id(&record) != asked => {
            let why = format!("Okta answered with another record, {}", id(&record));
            Answered::Absent(Absence::Unknown(why))
        }
        other => other,
    }
}

fn note_broken(snapshot: &mut SourceSnapshot, kind: Kind, id: &SourceId, broken: Broken) {
    let broken = Broken { id: Some(id.0.clone()), ..broken };
    snapshot.findings.push(unreadable_finding(kind, &broken));
    snapshot.unreadable.insert(id.clone());
}

pub(super) fn note_absence(snapshot: &mut SourceSnapshot, id: SourceId, absence: Absence) {
    if let Absence::Unknown(why) = &absence {
        tracing::warn!(%id, why, "could not find out whether a record still exists, or is in scope; it is left as is");
    }
    snapshot.absences.insert(id, absence);
}
