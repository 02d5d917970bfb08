//! Asking for groups, and reading the members of those that are there.

use std::collections::{BTreeSet, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::narrowed::Brought;
use super::{Answered, answered, if_same, note_absence, note_broken, unknown};
use crate::source::cache::is_settled;
use crate::source::okta::app;
use crate::source::okta::client::{Ask, Bucket, Client};
use crate::source::okta::gathered::{Gathered, Kind};
use crate::source::okta::list::{self, List};
use crate::source::okta::members::{self, SIDE_BY_SIDE, Shown};
use crate::source::okta::parse::{self, GroupRecord};
use crate::source::okta::scope::{Scope, narrowed};
use crate::source::{ReadRequest, SourceError};
use crate::sync::model::{
    Absence, Member, MembersFrom, Proof, ScopeRule, SourceGroup, SourceId, SourceSnapshot,
};

type Answer<T> = (SourceId, Answered<T>);

pub(super) async fn confirm(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    asked: &BTreeSet<SourceId>,
    scope: &Scope<'_>,
) -> Result<(), SourceError> {
    let known: HashSet<&SourceId> = snapshot.groups.iter().map(|group| &group.id).collect();
    let missing: Vec<SourceId> = asked.iter().filter(|id| !known.contains(id)).cloned().collect();
    drop(known);
    let found = match scope.groups_search() {
        Some(search) => found_by_search(client, scope, search, missing).await?,
        None => by_id(client, scope, missing).await?,
    };
    // Members are numbered apart while several groups are read side by side, and renumbered below.
    let gathered = Gathered::default();
    let answers: Vec<Answer<SourceGroup>> = stream::iter(found)
        .map(async |(id, answer): Answer<GroupRecord>| {
            let answer = match answer {
                Answered::Found(record) => with_members(client, &gathered, scope.request, record).await?,
                Answered::Left(_, rule) => Answered::Absent(Absence::OutOfScope(rule)),
                Answered::Broken(broken) => Answered::Broken(broken),
                Answered::Absent(absence) => Answered::Absent(absence),
            };
            Ok::<_, SourceError>((id, answer))
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    let numbered = gathered.into_people();
    for (id, answer) in answers {
        match answer {
            Answered::Found(mut group) | Answered::Left(mut group, _) => {
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

/// `GET /api/v1/groups/{id}` for each that the application, where there is one, has.
async fn by_id(
    client: &Client,
    scope: &Scope<'_>,
    ids: Vec<SourceId>,
) -> Result<Vec<Answer<GroupRecord>>, SourceError> {
    stream::iter(ids)
        .map(async |id: SourceId| {
            if let Some(absence) = not_assigned(client, scope, &id).await? {
                return Ok((id, Answered::Absent(absence)));
            }
            let url = client.url(&["groups", &id.0], None);
            let what = format!("the group {id}");
            let ask = Ask { bucket: Bucket::Group, url: &url, what: &what, options: None, smaller: None };
            let reply = client.ask(ask, |_, body| parse::group(body)).await;
            let answer = if_same(answered(reply)?, &id, |record: &GroupRecord| &record.id);
            Ok((id, answer))
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await
}

/// Why a group is not among those of the application; none if it is, or if there is no application.
async fn not_assigned(
    client: &Client,
    scope: &Scope<'_>,
    id: &SourceId,
) -> Result<Option<Absence>, SourceError> {
    let Some(app) = scope.app() else { return Ok(None) };
    match app::has_group(client, app, id).await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(Absence::OutOfScope(ScopeRule::App))),
        Err(unread) => unknown(unread).map(Some),
    }
}

/// Asks the search for these ids, and the application, where there is one, for those that the search finds.
async fn found_by_search(
    client: &Client,
    scope: &Scope<'_>,
    search: &str,
    ids: Vec<SourceId>,
) -> Result<Vec<Answer<GroupRecord>>, SourceError> {
    let found = search_for(client, scope, search, ids).await?;
    stream::iter(found)
        .map(async |(id, answer): Answer<GroupRecord>| {
            let Answered::Found(record) = answer else { return Ok((id, answer)) };
            let answer = match not_assigned(client, scope, &id).await? {
                Some(absence) => Answered::Absent(absence),
                None => Answered::Found(record),
            };
            Ok((id, answer))
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await
}

/// Asks the search for these ids.
pub(in super::super) async fn search_for(
    client: &Client,
    scope: &Scope<'_>,
    search: &str,
    ids: Vec<SourceId>,
) -> Result<Vec<Answer<GroupRecord>>, SourceError> {
    let found: Vec<Vec<Answer<GroupRecord>>> = stream::iter(scope.portions(search, ids))
        .map(async |ids: Vec<SourceId>| {
            let question = narrowed(search, &ids);
            let first = scope.groups_url(client, Some(&question));
            let what = format!("the search for {} groups", ids.len());
            let list = List {
                bucket: Bucket::Groups,
                first: &first,
                what: &what,
                options: None,
                forgotten: Some(Scope::WITH_COUNTS),
            };
            let mut brought = Brought::new(ids);
            let take = |body: &[u8]| Ok(brought.take(parse::groups(body)?, |record| &record.id));
            let ended = list::read(client, list, take).await;
            brought.answers(ended, ScopeRule::GroupsSearch)
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn with_members(
    client: &Client,
    gathered: &Gathered,
    request: &ReadRequest,
    record: GroupRecord,
) -> Result<Answered<SourceGroup>, SourceError> {
    let GroupRecord { id, name, description, everyone, users_count, members_changed, changed } = record;
    let (members, members_proof, members_from) = if everyone || !(request.wants_members.0)(&name) {
        (Vec::new(), Proof::Proven, MembersFrom::Nowhere)
    } else {
        let settled = is_settled(&members_changed, client.server_time());
        let (members, proof) =
            members::read(client, gathered, &id, (users_count, None), Shown::AskedFor).await?;
        (members, proof, MembersFrom::List { settled })
    };
    Ok(Answered::Found(SourceGroup {
        id,
        name,
        description,
        everyone,
        members,
        members_proof,
        members_changed,
        members_from,
        changed,
    }))
}
