//! One user, and the groups that it is a member of.

use std::collections::{BTreeMap, BTreeSet};

use super::app;
use super::client::{Ask, Bucket, Client, Unread};
use super::confirm::{Answered, note_absence, search_for_groups, user_in_scope};
use super::gathered::{Kind, unknown_status_finding, unreadable_finding};
use super::own_groups::{self, OwnGroups};
use super::parse::{self, Broken, GroupRecord, UserRecord};
use super::scope::Scope;
use super::{read, refusal};
use crate::source::SourceError;
use crate::sync::model::{
    Absence, Member, MembersFrom, People, Proof, ScopeRule, SourceGroup, SourceId, SourceSnapshot, Status,
};

/// Reads the user with this id or login, its groups, and whether the source's own part of the scope lets them in.
pub(super) async fn read(
    client: &Client,
    scope: &Scope<'_>,
    asked: &str,
) -> Result<SourceSnapshot, SourceError> {
    let mut snapshot = SourceSnapshot {
        address: read::address(client).await?,
        began: client.server_time(),
        attribute_names: scope.request.attributes.clone(),
        people: People::default(),
        users: Vec::new(),
        // About the one who was asked for, the answer is whole.
        users_proof: Proof::Proven,
        users_narrowed: scope.narrows_users(),
        of_one_user: true,
        of_changes: None,
        groups: Vec::new(),
        groups_proof: Proof::Proven,
        unreadable: BTreeSet::new(),
        absences: BTreeMap::new(),
        own_groups_asked: BTreeSet::new(),
        findings: Vec::new(),
    };
    let UserRecord { user, unknown_status } = match ask(client, scope, asked).await? {
        Some(Ok(record)) => record,
        Some(Err(broken)) => {
            snapshot.findings.push(unreadable_finding(Kind::User, &broken));
            match broken.id {
                Some(id) => drop(snapshot.unreadable.insert(SourceId(id))),
                // Whoever it is: not being able to read somebody is no sign that there is nobody.
                None => {
                    let why = format!("Okta's record of it cannot be read: {}", broken.why);
                    snapshot.absences.insert(SourceId::from(asked), Absence::Unknown(why));
                }
            }
            return Ok(snapshot);
        }
        None => {
            snapshot.absences.insert(SourceId::from(asked), Absence::Gone);
            return Ok(snapshot);
        }
    };
    snapshot.findings.extend(unknown_status.map(|name| unknown_status_finding(&user.id, &name)));
    let (id, status) = (user.id.clone(), user.status);
    snapshot.people.intern(&id.0);
    snapshot.users.push(user);
    client.progress.users_read(1);
    if let Some(absence) = user_in_scope(client, scope, &id).await? {
        note_absence(&mut snapshot, id.clone(), absence);
    }
    read_groups(client, &mut snapshot, &id, status).await?;
    leave_out_groups(client, scope, &mut snapshot).await?;
    Ok(snapshot)
}

/// `GET /api/v1/users/{id or login}`; none if Okta says that there is no such user.
async fn ask(
    client: &Client,
    scope: &Scope<'_>,
    asked: &str,
) -> Result<Option<Result<UserRecord, Broken>>, SourceError> {
    if matches!(asked, "" | "." | "..") {
        // These are no names, and in an address they mean another place.
        return Ok(None);
    }
    let url = client.url(&["users", asked], None);
    let what = format!("the user {}", parse::clean(asked));
    let ask = Ask { bucket: Bucket::User, url: &url, what: &what, options: None, smaller: None };
    let reply = client.ask(ask, |_, body| {
        let login = parse::login(body).unwrap_or_default();
        Ok((parse::user(body, &scope.request.attributes)?, login))
    });
    match reply.await {
        // Okta also takes `me` and the part of a login before the @: that may be somebody else than was meant.
        Ok((Ok(record), login)) if record.user.id.0 != asked && !is_same_login(&login, asked) => {
            Err(refusal::another_user(client.origin(), asked, &record.user.id, &login))
        }
        Ok((record, _)) => Ok(Some(record)),
        Err(Unread::Missing) => Ok(None),
        Err(unread) => Err(client.fatal(&what, unread)),
    }
}

fn is_same_login(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Puts the user's groups into the snapshot, each with it as the only member.
async fn read_groups(
    client: &Client,
    snapshot: &mut SourceSnapshot,
    id: &SourceId,
    status: Status,
) -> Result<(), SourceError> {
    let OwnGroups { groups, broken, proof } = own_groups::read(client, id).await?;
    if let Proof::NotProven(why) = &proof {
        tracing::warn!(
            why,
            "the list of the groups of the user {id} was not read to its end; the user is removed from no group"
        );
    }
    snapshot.groups_proof = proof;
    snapshot.own_groups_asked.insert(id.clone());
    let person = snapshot.people.intern(&id.0);
    client.progress.groups_found(groups.len() as u64);
    client.progress.groups_read(groups.len() as u64);
    snapshot.groups.extend(groups.into_values().map(|group| {
        let GroupRecord { id, name, description, everyone, members_changed, changed, .. } = group;
        let members = vec![Member { person, status }];
        SourceGroup {
            id,
            name,
            description,
            everyone,
            members,
            members_proof: Proof::Proven,
            members_changed,
            members_from: MembersFrom::Nowhere,
            changed,
        }
    }));
    for record in broken {
        snapshot.findings.push(unreadable_finding(Kind::Group, &record));
        snapshot.unreadable.extend(record.id.map(SourceId));
    }
    Ok(())
}

/// Notes which of the groups a search for groups or the application leaves out, or may leave out.
async fn leave_out_groups(
    client: &Client,
    scope: &Scope<'_>,
    snapshot: &mut SourceSnapshot,
) -> Result<(), SourceError> {
    let mut ids: Vec<SourceId> = snapshot.groups.iter().map(|group| group.id.clone()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    if let Some(search) = scope.groups_search() {
        for (id, answer) in search_for_groups(client, scope, search, std::mem::take(&mut ids)).await? {
            match answer {
                Answered::Absent(absence) => note_absence(snapshot, id, absence),
                Answered::Found(_) | Answered::Left(..) | Answered::Broken(_) => ids.push(id),
            }
        }
    }
    let Some(app) = scope.app() else { return Ok(()) };
    // An application that is gone has nobody, and that is no reason to take anybody for unassigned: asking for its groups
    // tells.
    let unassigned =
        snapshot.absences.values().any(|absence| *absence == Absence::OutOfScope(ScopeRule::App));
    if ids.is_empty() && !unassigned {
        return Ok(());
    }
    let assigned = app::groups(client, app).await?;
    for id in ids.into_iter().filter(|id| !assigned.has(&id.0)) {
        let absence = match &assigned.proof {
            Proof::Proven => Absence::OutOfScope(ScopeRule::App),
            Proof::NotProven(why) => Absence::Unknown(why.clone()),
        };
        note_absence(snapshot, id, absence);
    }
    Ok(())
}
