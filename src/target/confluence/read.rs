//! A snapshot: users and groups side by side, then the members of the groups that matter.
//!
//! Before 8.4 there is no list of users. Who is managed or wanted is asked for alone then, and whoever is a member of a group
//! that matters comes with that group.

use std::collections::HashSet;

use compact_str::CompactString;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use reqwest::StatusCode;

use super::list::{Broken, List};
use super::wire::{self, Member, Positions};
use super::write::no_address;
use super::{CAPABILITIES, Context, ask_own_name};
use crate::sync::model::{GroupAttributes, Proof, TargetGroup, TargetSnapshot, TargetUser};
use crate::target::server::{Ask, Failed, Reply};
use crate::target::{Interest, TargetError};

/// Reads a Confluence.
pub(super) async fn read(context: Context<'_>, interest: &Interest) -> Result<TargetSnapshot, TargetError> {
    let (mut people, names) = future::try_join(users(context, interest), groups(context)).await?;
    let is_needed = |name: &CompactString| interest.needs_members(&wire::group_id(name), name, &CAPABILITIES);
    let mut groups = Vec::with_capacity(names.len());
    let positions = &people.positions;
    let needed: Vec<_> =
        names.iter().filter(|name| is_needed(name)).map(|name| members(context, name, positions)).collect();
    let found: Vec<Found> = stream::iter(needed).buffered(CAPABILITIES.pace.at_once).try_collect().await?;
    let mut found = found.into_iter();
    for name in names {
        let (members, proof) = match is_needed(&name).then(|| found.next()).flatten() {
            None => (Vec::new(), Proof::NotProven("they were not asked for".to_owned())),
            Some(Found::Members(members)) => (people.places(members), Proof::Proven),
            Some(Found::Hidden(why)) => (Vec::new(), Proof::NotProven(why)),
            // Somebody deleted it in this moment.
            Some(Found::Gone) => continue,
        };
        groups.push(TargetGroup {
            id: wire::group_id(&name),
            attributes: GroupAttributes { name, description: CompactString::default() },
            members,
            members_proof: proof,
            source: None,
        });
    }
    Ok(TargetSnapshot { users: people.users, groups })
}

/// Users so far, each once.
#[derive(Default)]
struct People {
    users: Vec<TargetUser>,
    positions: Positions,
}

impl People {
    fn add(&mut self, user: TargetUser) -> u32 {
        let next = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        let at = *self.positions.entry(user.id.clone()).or_insert(next);
        if at == next {
            self.users.push(user);
        }
        at
    }

    fn places(&mut self, members: Vec<Member>) -> Vec<u32> {
        let place = |member| match member {
            Member::Known(at) => at,
            Member::New(user) => self.add(*user),
        };
        members.into_iter().map(place).collect()
    }

    /// Asks for each of these, and adds who is there.
    async fn ask_for(
        &mut self,
        context: Context<'_>,
        key: &str,
        values: Vec<CompactString>,
    ) -> Result<(), TargetError> {
        let mut asked = Vec::with_capacity(values.len());
        for value in values {
            asked.push(async move {
                let what = format!("user {value}");
                match lookup(context, (key, &value), &what).await {
                    Ok(Ok(user)) => Ok(user),
                    Ok(Err(reply)) => Err(context.server.unreadable(&what, &reply)),
                    Err(failed) => Err(context.server.unread(&what, failed)),
                }
            });
        }
        let mut answers = stream::iter(asked).buffered(CAPABILITIES.pace.at_once);
        while let Some(user) = answers.next().await {
            if let Some(user) = user? {
                self.add(user);
            }
        }
        Ok(())
    }
}

/// One user by `username` or `key`; none if there is no such user, and the reply where that is not what it says.
pub(super) async fn lookup(
    context: Context<'_>,
    by: (&str, &str),
    what: &str,
) -> Result<Result<Option<TargetUser>, Reply>, Failed> {
    let url = context.url(&["user"], &[by, ("expand", "status")]);
    match context.server.read(Ask::get(url, what), context.control, wire::user).await? {
        Ok(user) => Ok(Ok(user)),
        Err(reply) if reply.status == StatusCode::NOT_FOUND && wire::is_own_refusal(&reply.body) => {
            Ok(Ok(None))
        }
        Err(reply) => Ok(Err(reply)),
    }
}

/// Everybody, or before 8.4 those of interest.
async fn users(context: Context<'_>, interest: &Interest) -> Result<People, TargetError> {
    let path = ["user", "list"];
    let list = List { context, path: &path, what: "the list of users", with_status: true };
    let mut people = People::default();
    let is_whole = match list.whole(wire::users_page).await {
        Ok(users) if users.is_empty() && !interest.users.managed.is_empty() => {
            let why = "it is empty, although there are accounts that we manage, and the one that the daemon signs in with";
            return Err(context.server.incomplete(list.what, why));
        }
        Ok(users) => {
            users.into_iter().for_each(|user| {
                people.add(user);
            });
            true
        }
        Err(Broken::Refused(reply)) if is_missing(&reply) => {
            // That it answers to this proves that the address is right, and that the version is old.
            ask_own_name(context).await?;
            false
        }
        Err(broken) => return Err(list.error(broken)),
    };
    // Pages count places: who stands where two pages meet is left out when somebody before him is deleted meanwhile.
    let missing = interest.users.managed.keys().filter(|id| !people.positions.contains_key(*id));
    let missing = missing.map(|id| id.0.clone()).collect();
    people.ask_for(context, "key", missing).await?;
    if !is_whole {
        let seen: HashSet<CompactString> =
            people.users.iter().map(|user| CAPABILITIES.name_key(&user.attributes.username)).collect();
        let wanted = interest.users.names.iter().filter(|(name, _)| !seen.contains(*name));
        let wanted = wanted.map(|(_, name)| name.clone()).collect();
        people.ask_for(context, "username", wanted).await?;
    }
    Ok(people)
}

/// Whether an endpoint is not there.
pub(super) fn is_missing(reply: &Reply) -> bool {
    matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

/// The names of all groups.
async fn groups(context: Context<'_>) -> Result<Vec<CompactString>, TargetError> {
    let list = List { context, path: &["group"], what: "the list of groups", with_status: false };
    list.whole(wire::groups_page).await.map_err(|broken| list.error(broken))
}

/// What became of the members of a group.
enum Found {
    Members(Vec<Member>),
    /// They cannot be seen; the text says why, as the end of a sentence.
    Hidden(String),
    /// There is no such group any more.
    Gone,
}

/// The members of a group that are in it themselves.
async fn members(context: Context<'_>, name: &str, positions: &Positions) -> Result<Found, TargetError> {
    if let Some(why) = no_address(name) {
        return Ok(Found::Hidden(why.to_owned()));
    }
    let what = format!("the list of members of group {name}");
    let path = ["group", name, "member"];
    let list = List { context, path: &path, what: &what, with_status: true };
    match list.whole(|body| wire::members_page(body, positions)).await {
        Ok(members) => Ok(Found::Members(members)),
        Err(Broken::Refused(reply)) if is_slash_refused(name, &reply) => Ok(Found::Hidden(format!(
            "{} answers {} to addresses with a slash in a name: its Tomcat, or a proxy before it, refuses them",
            context.server.place(),
            reply.status
        ))),
        Err(Broken::Refused(reply))
            if reply.status == StatusCode::NOT_FOUND && wire::is_own_refusal(&reply.body) =>
        {
            Ok(Found::Gone)
        }
        Err(broken) => Err(list.error(broken)),
    }
}

/// Tomcat refuses an encoded slash unless it is told otherwise (`encodedSolidusHandling`), or takes it for one that parts
/// the path, and then nothing is there; Apache's httpd does likewise.
pub(super) fn is_slash_refused(name: &str, reply: &Reply) -> bool {
    name.contains(['/', '\\']) && matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND)
}
