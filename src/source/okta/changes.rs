//! What changed since an earlier read: users and groups that say so, or whom the System Log names.
//!
//! A list of changes shows nobody to be gone: who is not in it is as it was. Searches run some seconds behind the truth, so
//! whoever asks begins well before the end of what it knows; what comes again and is the same is no change.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::client::{Bucket, Client};
use super::gathered::{Gathered, Kind, unknown_status_finding, unreadable_finding};
use super::groups::needs_members;
use super::list::{self, Ended, List, Taken};
use super::members::{self, SIDE_BY_SIDE, Shown};
use super::parse::{self, Broken, GroupRecord, Records, UserRecord};
use super::scope::Scope;
use super::{confirm, log, read, users};
use crate::source::cache::is_settled;
use crate::source::{Changes, ChangesRead, Questions, Since, SourceError};
use crate::sync::model::{
    Absence, Member, MembersFrom, Proof, SourceGroup, SourceId, SourceSnapshot, SourceUser, Status,
};

const USERS: &str = "the list of users that changed";
const GROUPS: &str = "the list of groups that changed";

/// Reads what changed, and puts it into the snapshot.
pub(super) async fn read(
    client: &Client,
    scope: &Scope<'_>,
    snapshot: &mut SourceSnapshot,
    since: &Since,
) -> Result<Changes, SourceError> {
    snapshot.address = read::address(client).await?;
    let mut found = ChangesRead { began: client.server_time(), ..ChangesRead::default() };
    match since {
        Since::Log(place) => log::read(client, scope, snapshot, place, found).await,
        Since::Time(since) => {
            let (users, groups) = tokio::try_join!(
                changed_users(client, scope, *since),
                changed_groups(client, scope, *since)
            )?;
            take_users(client, scope, snapshot, users, &mut found).await?;
            take_groups(client, scope, snapshot, groups, &mut found).await?;
            Ok(Changes::Read(found))
        }
    }
}

/// The records of a list, and why these are not all.
struct Found<T> {
    records: Vec<Result<T, Broken>>,
    incomplete: Option<String>,
}

impl<T> Found<T> {
    fn new() -> Self {
        Self { records: Vec::new(), incomplete: None }
    }

    /// Takes a page. That a record comes twice does no harm: the later one counts.
    fn take(&mut self, page: Records<T>) -> Taken {
        let taken = Taken { records: page.len(), new: page.len() };
        self.records.extend(page);
        taken
    }

    fn ended(mut self, ended: Ended, what: &str) -> Self {
        if let Proof::NotProven(why) = ended.into_proof() {
            tracing::warn!(why, "{what} was not read to its end; the next run asks for all of it again");
            self.incomplete = Some(format!("{what}: {why}"));
        }
        self
    }
}

/// Deactivated users are among those whom a search finds.
async fn changed_users(
    client: &Client,
    scope: &Scope<'_>,
    since: DateTime<Utc>,
) -> Result<Found<UserRecord>, SourceError> {
    let search = also(scope.users_search(), &format!("lastUpdated ge \"{}\"", written(since)));
    let mut found = Found::new();
    let ended = users::list(client, scope, Some(&search), USERS, |page| found.take(page)).await;
    match ended {
        Ok(ended) => Ok(found.ended(ended, USERS)),
        Err(unread) => Err(client.fatal(USERS, unread)),
    }
}

async fn changed_groups(
    client: &Client,
    scope: &Scope<'_>,
    since: DateTime<Utc>,
) -> Result<Found<GroupRecord>, SourceError> {
    let since = written(since);
    let changed = format!("lastMembershipUpdated ge \"{since}\" or lastUpdated ge \"{since}\"");
    let first = scope.groups_url(client, Some(&also(scope.groups_search(), &changed)));
    let list = List {
        bucket: Bucket::Groups,
        first: &first,
        what: GROUPS,
        options: None,
        forgotten: Some(Scope::WITH_COUNTS),
    };
    let mut found = Found::new();
    let ended = list::read(client, list, |body| Ok(found.take(parse::groups(body)?))).await;
    match ended {
        Ok(ended) => Ok(found.ended(ended, GROUPS)),
        Err(unread) => Err(client.fatal(GROUPS, unread)),
    }
}

/// A time as Okta writes it.
fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What a search finds, if there is one, and what has changed.
fn also(search: Option<&str>, changed: &str) -> String {
    match search {
        Some(search) => format!("({search}) and ({changed})"),
        None => changed.to_owned(),
    }
}

/// Puts users into the snapshot. Where an application decides, whoever is new is asked for there.
async fn take_users(
    client: &Client,
    scope: &Scope<'_>,
    snapshot: &mut SourceSnapshot,
    listed: Found<UserRecord>,
    found: &mut ChangesRead,
) -> Result<(), SourceError> {
    found.incomplete = found.incomplete.take().or(listed.incomplete);
    let places: HashMap<SourceId, usize> =
        (0..).zip(&snapshot.users).map(|(place, user)| (user.id.clone(), place)).collect();
    let mut new = Vec::new();
    for record in listed.records {
        match record {
            Ok(record) => match places.get(&record.user.id) {
                Some(place) => replace_user(snapshot, *place, record, found),
                None => new.push(record),
            },
            Err(broken) => note_broken(snapshot, Kind::User, broken),
        }
    }
    // The last of several records of one user counts.
    let mut seen = BTreeSet::new();
    let new: Vec<UserRecord> =
        new.into_iter().rev().filter(|record| seen.insert(record.user.id.clone())).collect();
    if scope.app().is_none() {
        for UserRecord { user, unknown_status } in new {
            let id = &user.id;
            snapshot.findings.extend(unknown_status.map(|name| unknown_status_finding(id, &name)));
            add_user(snapshot, user, found);
            client.progress.users_read(1);
        }
        return Ok(());
    }
    let may_be_assigned = new.iter().filter(|record| record.user.status != Status::Deprovisioned);
    let users: BTreeSet<SourceId> = may_be_assigned.map(|record| record.user.id.clone()).collect();
    let before = snapshot.users.len();
    let questions = Questions { users, ..Questions::default() };
    confirm::confirm(client, snapshot, &questions, scope).await?;
    found.users.extend(snapshot.users.iter().skip(before).map(|user| user.id.clone()));
    note_unanswered(&questions.users, snapshot, found);
    Ok(())
}

fn replace_user(
    snapshot: &mut SourceSnapshot,
    place: usize,
    UserRecord { user, unknown_status }: UserRecord,
    found: &mut ChangesRead,
) {
    snapshot.findings.extend(unknown_status.map(|name| unknown_status_finding(&user.id, &name)));
    let Some(known) = snapshot.users.get_mut(place).filter(|known| **known != user) else { return };
    found.users.insert(user.id.clone());
    *known = user;
}

fn add_user(snapshot: &mut SourceSnapshot, user: SourceUser, found: &mut ChangesRead) {
    snapshot.people.intern(&user.id.0);
    found.users.insert(user.id.clone());
    snapshot.users.push(user);
}

fn note_broken(snapshot: &mut SourceSnapshot, kind: Kind, broken: Broken) {
    snapshot.findings.push(unreadable_finding(kind, &broken));
    snapshot.unreadable.extend(broken.id.map(SourceId));
}

/// Puts groups into the snapshot, with the members of those whose membership changed. Where an application decides, whatever
/// is new is asked for there.
async fn take_groups(
    client: &Client,
    scope: &Scope<'_>,
    snapshot: &mut SourceSnapshot,
    listed: Found<GroupRecord>,
    found: &mut ChangesRead,
) -> Result<(), SourceError> {
    found.incomplete = found.incomplete.take().or(listed.incomplete);
    let places: HashMap<SourceId, usize> =
        (0..).zip(&snapshot.groups).map(|(place, group)| (group.id.clone(), place)).collect();
    let (mut known, mut new) = (Vec::new(), BTreeSet::new());
    let mut seen = BTreeSet::new();
    for record in listed.records.into_iter().rev() {
        match record {
            Ok(record) if !seen.insert(record.id.clone()) => {}
            Ok(record) => match places.get(&record.id) {
                Some(place) => known.push((Some(*place), record)),
                None if scope.app().is_some() => drop(new.insert(record.id)),
                None => known.push((None, record)),
            },
            Err(broken) => note_broken(snapshot, Kind::Group, broken),
        }
    }
    let before = snapshot.groups.len();
    let questions = Questions { groups: new, ..Questions::default() };
    confirm::confirm(client, snapshot, &questions, scope).await?;
    found.groups.extend(snapshot.groups.iter().skip(before).map(|group| group.id.clone()));
    note_unanswered(&questions.groups, snapshot, found);
    for group in snapshot.groups.iter().skip(before) {
        note_unproven(group, found);
    }
    // While several lists are read, the numbers of people are given there.
    let gathered = Gathered::with(std::mem::take(&mut snapshot.people));
    let read: Vec<(Option<usize>, SourceGroup)> = stream::iter(known)
        .map(async |(place, record): (Option<usize>, GroupRecord)| {
            let was = place.and_then(|place| snapshot.groups.get(place));
            Ok::<_, SourceError>((place, with_members(client, scope, &gathered, was, record).await?))
        })
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    snapshot.people = gathered.into_people();
    for (place, group) in read {
        note_unproven(&group, found);
        match place.and_then(|place| snapshot.groups.get_mut(place)) {
            Some(known) => {
                if !is_same(known, &group) {
                    found.groups.insert(group.id.clone());
                }
                *known = group;
            }
            None => {
                found.groups.insert(group.id.clone());
                snapshot.groups.push(group);
            }
        }
    }
    Ok(())
}

/// Whoever is new and of whom no usable answer came is asked for again.
fn note_unanswered(asked: &BTreeSet<SourceId>, snapshot: &mut SourceSnapshot, found: &mut ChangesRead) {
    for id in asked {
        if let Some(Absence::Unknown(why)) = snapshot.absences.get(id) {
            found.incomplete.get_or_insert_with(|| format!("{id}: {why}"));
        }
    }
}

/// A group whose members could not be read to the end is read again.
pub(super) fn note_unproven(group: &SourceGroup, found: &mut ChangesRead) {
    if let Proof::NotProven(why) = &group.members_proof {
        found.incomplete.get_or_insert_with(|| format!("the members of {}: {why}", group.name));
    }
}

/// Whether nothing follows from a group that was read again.
pub(super) fn is_same(was: &SourceGroup, is: &SourceGroup) -> bool {
    let persons = |group: &SourceGroup| group.members.iter().map(|member| member.person).collect::<Vec<_>>();
    (&was.name, &was.description, was.everyone) == (&is.name, &is.description, is.everyone)
        && was.members_proof == is.members_proof
        && persons(was) == persons(is)
}

/// A group as it is now. Its members are read unless they are known and have not changed since.
async fn with_members(
    client: &Client,
    scope: &Scope<'_>,
    gathered: &Gathered,
    was: Option<&SourceGroup>,
    record: GroupRecord,
) -> Result<SourceGroup, SourceError> {
    let cached = &scope.request.member_lists;
    let needs_members = needs_members(&record, scope.request);
    let GroupRecord { id, name, description, everyone, users_count: count, members_changed: stamp, changed } =
        record;
    let known: Option<(Vec<Member>, MembersFrom)> = was.and_then(|_| cached.unchanged(&id, &stamp, count));
    let (members, members_proof, members_from) = match known {
        _ if !needs_members => (Vec::new(), Proof::Proven, MembersFrom::Nowhere),
        Some((members, from)) => (members, Proof::Proven, from),
        None => {
            let settled = is_settled(&stamp, client.server_time());
            let seen = cached.seen(&id, &stamp);
            let (members, proof) = members::read(client, gathered, &id, (count, seen), Shown::Listed).await?;
            client.progress.groups_read(1);
            (members, proof, MembersFrom::List { settled })
        }
    };
    let members_changed = stamp;
    Ok(SourceGroup {
        id,
        name,
        description,
        everyone,
        members,
        members_proof,
        members_changed,
        members_from,
        changed,
    })
}
