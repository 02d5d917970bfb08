//! Asking for the groups of single users, before it counts that they are in no group that decides about scope.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::note_absence;
use crate::source::okta::client::Client;
use crate::source::okta::members::SIDE_BY_SIDE;
use crate::source::okta::own_groups::{self, OwnGroups};
use crate::source::{GroupFilter, SourceError};
use crate::sync::model::{Absence, Person, Proof, SourceGroup, SourceId, SourceSnapshot};

/// The groups of one user that may decide about scope.
#[derive(Debug)]
pub(super) struct NamedGroups {
    user: SourceId,
    /// Those that decide by their name, or whose name could not be read. The error says why they may not be all.
    groups: Result<Vec<SourceId>, String>,
}

/// Asks for the groups of each of these users.
pub(super) async fn ask(
    client: &Client,
    users: Vec<SourceId>,
    decides: &GroupFilter,
) -> Result<Vec<NamedGroups>, SourceError> {
    stream::iter(users)
        .map(async |user: SourceId| {
            let OwnGroups { groups, broken, proof } = own_groups::read(client, &user).await?;
            let deciding =
                groups.into_values().filter(|group| (decides.0)(&group.name)).map(|group| group.id);
            let broken = broken.into_iter().filter_map(|record| record.id.map(SourceId));
            let groups = match proof {
                Proof::Proven => Ok(deciding.chain(broken).collect()),
                Proof::NotProven(why) => Err(format!("the list of its groups: {why}")),
            };
            Ok(NamedGroups { user, groups })
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await
}

/// Groups that these users are in and of which nothing is known yet.
pub(super) fn to_be_asked_for(snapshot: &SourceSnapshot, asked: &[NamedGroups]) -> BTreeSet<SourceId> {
    let known: HashSet<&SourceId> = snapshot.groups.iter().map(|group| &group.id).collect();
    let is_known = |id: &SourceId| {
        known.contains(id) || snapshot.absences.contains_key(id) || snapshot.unreadable.contains(id)
    };
    let named = asked.iter().filter_map(|user| user.groups.as_ref().ok()).flatten();
    named.filter(|id| !is_known(id)).cloned().collect()
}

/// Notes who was asked, and of whom nothing may be concluded: its own groups were not all read, or they say what the lists do
/// not.
pub(super) fn note_doubts(snapshot: &mut SourceSnapshot, asked: Vec<NamedGroups>, decides: &GroupFilter) {
    let groups: HashMap<&SourceId, &SourceGroup> =
        snapshot.groups.iter().map(|group| (&group.id, group)).collect();
    let doubt = |user: &SourceId, named: Result<Vec<SourceId>, String>| match named {
        Err(why) => Some(why),
        Ok(named) => named.iter().find_map(|id| {
            let (group, absence) = (groups.get(id).copied(), snapshot.absences.get(id));
            contradiction(id, group, absence, snapshot.people.find(&user.0), decides)
        }),
    };
    let answers = asked.into_iter();
    let doubts: Vec<(SourceId, Option<String>)> = answers
        .map(|NamedGroups { user, groups: named }| {
            let doubt = doubt(&user, named);
            (user, doubt)
        })
        .collect();
    for (user, doubt) in doubts {
        if let Some(why) = doubt {
            note_absence(snapshot, user.clone(), Absence::Unknown(why));
        }
        snapshot.own_groups_asked.insert(user);
    }
}

/// What speaks against it that a user is in no group that decides, since this is one of its own; none if nothing does, or if
/// the group's member list tells.
fn contradiction(
    id: &SourceId,
    group: Option<&SourceGroup>,
    absence: Option<&Absence>,
    user: Option<Person>,
    decides: &GroupFilter,
) -> Option<String> {
    let own = format!("Okta lists {id} among its groups");
    match (group, absence) {
        (_, Some(Absence::OutOfScope(_))) => None,
        (Some(group), _) => {
            let has_it = group.everyone || group.members.iter().any(|member| Some(member.person) == user);
            let is_settled = has_it || !group.members_proof.is_proven() || !(decides.0)(&group.name);
            (!is_settled).then(|| format!("{own}, and the member list of that group does not have it"))
        }
        (None, Some(Absence::Gone)) => Some(format!("{own}, and answers 404 for that group")),
        (None, Some(Absence::Unknown(why))) => {
            Some(format!("{own}, and asking for that group failed: {why}"))
        }
        (None, None) => Some(format!("{own}, and the record of that group cannot be read")),
    }
}
