//! Asking for single records that the lists did not show (RULES 12, 17).

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::client::{Ask, Bucket, Client, Unread};
use super::gathered::{Gathered, Kind, unknown_status_finding, unreadable_finding};
use super::members::{self, SIDE_BY_SIDE, Shown};
use super::parse::{self, Broken, GroupRecord, UserRecord};
use crate::source::{Questions, ReadRequest, SourceError};
use crate::sync::model::{Absence, Member, Proof, SourceGroup, SourceId, SourceSnapshot};

/// Asks for every user and group in question and puts the answers into the snapshot. Records that the snapshot has already
/// are not asked for.
pub(super) async fn confirm(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    questions: &Questions,
    request: &ReadRequest,
) -> Result<(), SourceError> {
    confirm_users(client, snapshot, questions, request).await?;
    confirm_groups(client, snapshot, questions, request).await
}

/// What an id turned out to be.
enum Answered<T> {
    Found(T),
    Broken(Broken),
    Absent(Absence),
}

async fn confirm_users(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    questions: &Questions,
    request: &ReadRequest,
) -> Result<(), SourceError> {
    let known: HashSet<&SourceId> = snapshot.users.iter().map(|user| &user.id).collect();
    let missing: Vec<SourceId> = questions.users.iter().filter(|id| !known.contains(id)).cloned().collect();
    drop(known);
    let answers: Vec<(SourceId, Answered<UserRecord>)> = stream::iter(missing)
        .map(async |id: SourceId| {
            let url = client.url(&["users", &id.0], None);
            let what = format!("the user {id}");
            let ask = Ask { bucket: Bucket::User, url: &url, what: &what, options: None, smaller: None };
            let reply = client.ask(ask, |_, body| parse::user(body, &request.attributes)).await;
            let answered = answered(reply)?;
            let answer = if_same(answered, &id, |record| &record.user.id);
            Ok((id, answer))
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    for (id, answer) in answers {
        match answer {
            Answered::Found(UserRecord { user, unknown_status }) => {
                snapshot.findings.extend(unknown_status.map(|name| unknown_status_finding(&id, &name)));
                snapshot.people.intern(&id.0);
                snapshot.users.push(user);
            }
            Answered::Broken(broken) => note_broken(snapshot, Kind::User, &id, broken),
            Answered::Absent(absence) => note_absence(snapshot, id, absence),
        }
    }
    Ok(())
}

async fn confirm_groups(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    questions: &Questions,
    request: &ReadRequest,
) -> Result<(), SourceError> {
    let known: HashSet<&SourceId> = snapshot.groups.iter().map(|group| &group.id).collect();
    let missing: Vec<SourceId> = questions.groups.iter().filter(|id| !known.contains(id)).cloned().collect();
    drop(known);
    // Members are numbered apart while several groups are read side by side, and renumbered below.
    let gathered = Gathered::default();
    let answers: Vec<(SourceId, Answered<SourceGroup>)> = stream::iter(missing)
        .map(async |id: SourceId| {
            let url = client.url(&["groups", &id.0], None);
            let what = format!("the group {id}");
            let ask = Ask { bucket: Bucket::Group, url: &url, what: &what, options: None, smaller: None };
            let reply = client.ask(ask, |_, body| parse::group(body)).await;
            let answer = match if_same(answered(reply)?, &id, |record: &GroupRecord| &record.id) {
                Answered::Found(record) => with_members(client, &gathered, request, record).await?,
                Answered::Broken(broken) => Answered::Broken(broken),
                Answered::Absent(absence) => Answered::Absent(absence),
            };
            Ok((id, answer))
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    let numbered = gathered.into_people();
    for (id, answer) in answers {
        match answer {
            Answered::Found(mut group) => {
                for member in &mut group.members {
                    let Member { person, .. } = member;
                    if let Some(id) = numbered.ids().get(*person as usize) {
                        *person = snapshot.people.intern(&id.0);
                    }
                }
                group.members.sort_unstable();
                snapshot.groups.push(group);
            }
            Answered::Broken(broken) => note_broken(snapshot, Kind::Group, &id, broken),
            Answered::Absent(absence) => note_absence(snapshot, id, absence),
        }
    }
    Ok(())
}

async fn with_members(
    client: &Client,
    gathered: &Gathered,
    request: &ReadRequest,
    record: GroupRecord,
) -> Result<Answered<SourceGroup>, SourceError> {
    let GroupRecord { id, name, description, everyone, .. } = record;
    let (members, members_proof) = if everyone || !(request.wants_members.0)(&name) {
        (Vec::new(), Proof::Proven)
    } else {
        members::read(client, gathered, &id, None, Shown::AskedFor).await?
    };
    Ok(Answered::Found(SourceGroup { id, name, description, everyone, members, members_proof }))
}

/// Only Okta's own 404 is an absence; whatever else comes is no answer, except a refused token, which ends the run.
fn answered<T>(reply: Result<Result<T, Broken>, Unread>) -> Result<Answered<T>, SourceError> {
    match reply {
        Ok(Ok(record)) => Ok(Answered::Found(record)),
        Ok(Err(broken)) => Ok(Answered::Broken(broken)),
        Err(Unread::Missing) => Ok(Answered::Absent(Absence::Gone)),
        Err(Unread::Fatal(error)) => Err(error),
        Err(unread) => Ok(Answered::Absent(Absence::Unknown(unread.reason()))),
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

fn note_absence(snapshot: &mut SourceSnapshot, id: SourceId, absence: Absence) {
    if let Absence::Unknown(why) = &absence {
        tracing::warn!(%id, why, "could not find out whether a missing record still exists; it is left as is");
    }
    snapshot.absences.insert(id, absence);
}
