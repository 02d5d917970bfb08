//! A snapshot: users and groups side by side, then the members of the groups that matter.

use std::collections::HashMap;

use compact_str::CompactString;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use reqwest::StatusCode;

use super::list::{Broken, List};
use super::wire::{self, Account, Home, Member, Positions};
use super::{CAPABILITIES, Context};
use crate::sync::model::{GroupAttributes, Proof, TargetGroup, TargetId, TargetSnapshot, TargetUser};
use crate::target::{Interest, TargetError};

/// Reads a Bitbucket.
pub(super) async fn read(context: Context<'_>, interest: &Interest) -> Result<TargetSnapshot, TargetError> {
    let (mut people, names) = future::try_join(users(context, interest), groups(context)).await?;
    let is_needed = |name: &CompactString| interest.needs_members(&wire::group_id(name), name, &CAPABILITIES);
    let positions = &people.positions;
    let needed: Vec<_> =
        names.iter().filter(|name| is_needed(name)).map(|name| members(context, name, positions)).collect();
    let found: Vec<Option<Vec<Member>>> =
        stream::iter(needed).buffered(CAPABILITIES.pace.at_once).try_collect().await?;
    let mut found = found.into_iter();
    let mut groups = Vec::with_capacity(names.len());
    for name in names {
        let (members, proof) = match is_needed(&name).then(|| found.next()).flatten() {
            None => (Vec::new(), Proof::NotProven("they were not asked for".to_owned())),
            Some(Some(members)) => (people.places(members), Proof::Proven),
            // Somebody deleted it in this moment.
            Some(None) => continue,
        };
        groups.push(TargetGroup {
            id: wire::group_id(&name),
            attributes: GroupAttributes { name, description: CompactString::default() },
            members,
            members_proof: proof,
            source: None,
        });
    }
    context.bitbucket.keep_homes(people.foreign);
    Ok(TargetSnapshot { users: people.users, groups })
}

/// Users so far, each once.
#[derive(Default)]
struct People {
    users: Vec<TargetUser>,
    positions: Positions,
    foreign: HashMap<TargetId, Home>,
}

impl People {
    fn add(&mut self, Account { user, home }: Account) -> u32 {
        let next = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        let at = *self.positions.entry(user.id.clone()).or_insert(next);
        if at == next {
            if home.is_foreign() {
                self.foreign.insert(user.id.clone(), home);
            }
            self.users.push(user);
        }
        at
    }

    fn places(&mut self, members: Vec<Member>) -> Vec<u32> {
        let place = |member| match member {
            Member::Known(at) => at,
            Member::New(account) => self.add(*account),
        };
        members.into_iter().map(place).collect()
    }
}

async fn users(context: Context<'_>, interest: &Interest) -> Result<People, TargetError> {
    let list = List { context, path: &["users"], narrowed: None, what: "the list of users" };
    let accounts = list.whole(wire::users_page).await.map_err(|broken| list.error(broken))?;
    if accounts.is_empty() && !interest.users.managed.is_empty() {
        let why = "it is empty, although there are accounts that we manage, and the one that the daemon signs in with";
        return Err(context.server.incomplete(list.what, why));
    }
    context.bitbucket.newcomers.there_are(accounts.len());
    let mut people = People::default();
    for account in accounts {
        people.add(account);
    }
    Ok(people)
}

/// The names of all groups.
async fn groups(context: Context<'_>) -> Result<Vec<CompactString>, TargetError> {
    let list = List { context, path: &["groups"], narrowed: None, what: "the list of groups" };
    list.whole(wire::groups_page).await.map_err(|broken| list.error(broken))
}

/// The members of a group; none if there is no such group any more.
async fn members(
    context: Context<'_>,
    name: &str,
    positions: &Positions,
) -> Result<Option<Vec<Member>>, TargetError> {
    let what = format!("the list of members of group {name}");
    let list =
        List { context, path: &["groups", "more-members"], narrowed: Some(("context", name)), what: &what };
    match list.whole(|body| wire::members_page(body, positions)).await {
        Ok(members) => Ok(Some(members)),
        Err(Broken::Refused(reply))
            if reply.status == StatusCode::NOT_FOUND && wire::is_own_refusal(&reply.body) =>
        {
            Ok(None)
        }
        Err(broken) => Err(list.error(broken)),
    }
}
