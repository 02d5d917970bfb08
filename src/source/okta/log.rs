//! Okta's System Log: whom and what its entries name, asked for by id.
//!
//! Without an end in time the log is polled: entries come in the order in which they were stored, every page names the next,
//! and the next of the last one is where to read on (Okta developer docs, "System Log query", polling requests).

use std::collections::{BTreeMap, BTreeSet};

use chrono::SecondsFormat;
use url::{Url, form_urlencoded};

use super::changes::note_unproven;
use super::client::{Ask, Bucket, Client, Unread};
use super::parse::{self, LogEntry};
use super::scope::Scope;
use super::{confirm, refusal};
use crate::http::{link, pin};
use crate::source::{Changes, ChangesRead, LogPlace, Questions, SourceError};
use crate::sync::model::{Absence, SourceGroup, SourceId, SourceSnapshot, SourceUser};

const WHAT: &str = "the System Log";
/// Entries on a page (Okta Management API, "List all System Log events": at most 1,000).
const PAGE: usize = 1_000;
/// More users and groups than this are not asked for one by one: the lists tell more with fewer requests.
const MOST_NAMED: usize = 2_000;

/// Whether the log shows anything at all: who may not view it is shown an empty one, or is refused.
pub(super) async fn has_entries(client: &Client) -> Result<bool, SourceError> {
    let url = client.url(&["logs"], Some("limit=1"));
    let ask = Ask { bucket: Bucket::Logs, url: &url, what: WHAT, options: None, smaller: None };
    match client.ask(ask, |_, body| Ok(!parse::log(body)?.is_empty())).await {
        Ok(any) => Ok(any),
        Err(unread @ Unread::Forbidden(_)) => Err(refusal::no_log(&client.fatal(WHAT, unread))),
        Err(unread) => Err(client.fatal(WHAT, unread)),
    }
}

/// Reads the log on from a place, and asks for everybody and everything that its entries name.
pub(super) async fn read(
    client: &Client,
    scope: &Scope<'_>,
    snapshot: &mut SourceSnapshot,
    place: &LogPlace,
    mut found: ChangesRead,
) -> Result<Changes, SourceError> {
    let mut url = first(client, scope, place);
    let (mut named, mut read_before) = (Questions::default(), BTreeSet::new());
    loop {
        let ask = Ask { bucket: Bucket::Logs, url: &url, what: WHAT, options: None, smaller: None };
        let reply = client.ask(ask, |answer, body| Ok((parse::log(body)?, link::paging(&answer.headers))));
        let (entries, paging) = match reply.await {
            Ok(page) => page,
            Err(Unread::BadRequest(error)) if matches!(place, LogPlace::Next(_)) => {
                return Ok(Changes::NeedsFullRead(format!(
                    "Okta does not read its log on from where it was read last ({})",
                    error.line()
                )));
            }
            // Without the log everything else may still be read: no credential is refused.
            Err(Unread::Forbidden(forbidden)) => {
                return Err(refusal::no_log(&client.forbidden(WHAT, &forbidden)));
            }
            Err(unread) => return Err(client.fatal(WHAT, unread)),
        };
        for entry in &entries {
            match entry {
                Ok(entry) => note(entry, scope.app().is_some(), &mut named),
                Err(broken) => tracing::warn!(
                    "an entry of {WHAT} could not be read ({}); the next full run sees what it was about",
                    broken.why
                ),
            }
        }
        if named.users.len() + named.groups.len() > MOST_NAMED {
            return Ok(Changes::NeedsFullRead(format!(
                "the log names more than {MOST_NAMED} users and groups that changed"
            )));
        }
        let next = paging.next.and_then(|next| pin(client.origin(), &url, &next));
        let Some(next) = next else {
            found.incomplete = Some(format!("{WHAT}: a page does not name the next one"));
            break;
        };
        read_before.insert(url.as_str().to_owned());
        let is_last = entries.len() < PAGE || read_before.contains(next.as_str());
        found.log = Some(next.as_str().to_owned());
        url = next;
        if is_last {
            break;
        }
    }
    ask_for(client, scope, snapshot, named, &mut found).await?;
    Ok(Changes::Read(found))
}

fn first(client: &Client, scope: &Scope<'_>, place: &LogPlace) -> Url {
    let begin = match place {
        LogPlace::Next(next) => match pin(client.origin(), client.origin(), next) {
            Some(next) => return next,
            // Nobody but us wrote it; what cannot be read is begun anew, and Okta says from when.
            None => None,
        },
        LogPlace::Time(time) => Some(time.to_rfc3339_opts(SecondsFormat::Millis, true)),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(begin) = begin {
        query.append_pair("since", &begin);
    }
    query.append_pair("sortOrder", "ASCENDING").append_pair("limit", &PAGE.to_string());
    query.append_pair("filter", &filter(scope.app().is_some()));
    client.url(&["logs"], Some(&query.finish()))
}

/// What happens to users and groups, and to what an application has, by the beginning of the entry's type (Okta developer
/// docs, "Event types").
const OF_USERS: [&str; 2] = ["user.lifecycle.", "user.account."];
const OF_GROUPS: [&str; 3] = ["group.lifecycle.", "group.profile.", "group.user_membership."];
const OF_APP_USERS: &str = "application.user_membership.";
const OF_APP_GROUPS: &str = "group.application_assignment.";

fn filter(with_app: bool) -> String {
    let of_app = [OF_APP_USERS, OF_APP_GROUPS].into_iter().filter(|_| with_app);
    let kinds = OF_USERS.into_iter().chain(OF_GROUPS).chain(of_app);
    let kinds: Vec<String> = kinds.map(|kind| format!("eventType sw \"{kind}\"")).collect();
    kinds.join(" or ")
}

/// Notes whom an entry names. That entries come twice, or late, does no harm: what is asked for is as it is now.
fn note(entry: &LogEntry, with_app: bool, named: &mut Questions) {
    let is = |kinds: &[&str]| kinds.iter().any(|kind| entry.kind.starts_with(kind));
    let of_users = is(&OF_USERS) || (with_app && is(&[OF_APP_USERS]));
    let of_groups = is(&OF_GROUPS) || (with_app && is(&[OF_APP_GROUPS]));
    let ids = |wanted: &str| {
        let targets = entry.targets.iter().filter(move |target| target.kind == wanted);
        targets.map(|target| SourceId(target.id.clone())).collect::<Vec<_>>()
    };
    if of_users {
        named.users.extend(ids("User"));
    }
    if of_groups {
        named.groups.extend(ids("UserGroup"));
    }
}

/// Asks for users and groups by id. Who was known and is not answered about stays as it was.
async fn ask_for(
    client: &Client,
    scope: &Scope<'_>,
    snapshot: &mut SourceSnapshot,
    named: Questions,
    found: &mut ChangesRead,
) -> Result<(), SourceError> {
    let users: BTreeMap<SourceId, SourceUser> = snapshot
        .users
        .extract_if(.., |user| named.users.contains(&user.id))
        .map(|user| (user.id.clone(), user))
        .collect();
    let groups: BTreeMap<SourceId, SourceGroup> = snapshot
        .groups
        .extract_if(.., |group| named.groups.contains(&group.id))
        .map(|group| (group.id.clone(), group))
        .collect();
    confirm::confirm(client, snapshot, &named, scope).await?;
    let answered_users: BTreeMap<&SourceId, &SourceUser> =
        snapshot.users.iter().map(|user| (&user.id, user)).collect();
    let changed = |id: &&SourceId| {
        answered_users.get(*id).copied() != users.get(*id) || snapshot.unreadable.contains(*id)
    };
    found.users.extend(named.users.iter().filter(changed).cloned());
    let answered_groups: BTreeMap<&SourceId, &SourceGroup> =
        snapshot.groups.iter().map(|group| (&group.id, group)).collect();
    let changed = |id: &&SourceId| match (answered_groups.get(*id), groups.get(*id)) {
        (Some(is), Some(was)) => !super::changes::is_same(was, is),
        (None, None) => false,
        _ => true,
    };
    found.groups.extend(named.groups.iter().filter(changed).cloned());
    give_back(snapshot, users, groups, found);
    found.asked.extend(named.users);
    found.asked.extend(named.groups);
    Ok(())
}

/// Puts back whom no usable answer came about, so that nothing follows from that.
fn give_back(
    snapshot: &mut SourceSnapshot,
    users: BTreeMap<SourceId, SourceUser>,
    groups: BTreeMap<SourceId, SourceGroup>,
    found: &mut ChangesRead,
) {
    let unknown: Vec<(SourceId, String)> = snapshot
        .absences
        .iter()
        .filter_map(|(id, absence)| match absence {
            Absence::Unknown(why) => Some((id.clone(), why.clone())),
            Absence::Gone | Absence::OutOfScope(_) => None,
        })
        .collect();
    for (id, why) in unknown {
        found.incomplete.get_or_insert(format!("{id}: {why}"));
        snapshot.absences.remove(&id);
        found.users.remove(&id);
        found.groups.remove(&id);
        snapshot.users.extend(users.get(&id).cloned());
        snapshot.groups.extend(groups.get(&id).cloned());
    }
    let named: Vec<&SourceGroup> =
        snapshot.groups.iter().filter(|group| found.groups.contains(&group.id)).collect();
    named.into_iter().for_each(|group| note_unproven(group, found));
}
