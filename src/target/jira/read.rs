//! A snapshot: the list of users, the groups of interest with their members, and who is missing after that.

use futures_util::future::try_join;

use super::bean::{Member, Positions};
use super::groups::{self, Candidate};
use super::look::Look;
use super::members::Members;
use super::{CAPABILITIES, members, users};
use crate::sync::model::{GroupAttributes, Proof, TargetGroup, TargetSnapshot, TargetUser};
use crate::target::{Interest, TargetError};

/// Everybody known so far, each once.
#[derive(Default)]
pub(super) struct People {
    pub(super) users: Vec<TargetUser>,
    pub(super) positions: Positions,
}

impl People {
    /// Adds a user, if the key is new, and returns its position.
    pub(super) fn add(&mut self, user: TargetUser) -> u32 {
        if let Some(at) = self.positions.get(&user.id.0) {
            return *at;
        }
        let at = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        self.positions.insert(user.id.0.clone(), at);
        self.users.push(user);
        at
    }
}

/// Reads what is of interest.
pub(super) async fn snapshot(
    look: Look<'_>,
    myself: &TargetUser,
    interest: &Interest,
) -> Result<TargetSnapshot, TargetError> {
    let (listed, candidates) =
        try_join(users::listed(look, myself), groups::candidates(look, interest)).await?;
    let mut people = People::default();
    for user in listed.users {
        people.add(user);
    }
    let read = members::of_groups(look, &candidates, interest, &people.positions).await?;
    let mut groups = Vec::with_capacity(candidates.len());
    for (candidate, members) in candidates.into_iter().zip(read) {
        groups.extend(group(candidate, members, &mut people));
    }
    // Members bring their records along, so that fewer have to be asked for.
    if !listed.whole {
        users::ask_for_the_rest(look, interest, &mut people).await?;
    }
    look.control.progress.users_read(people.users.len() as u64);
    Ok(TargetSnapshot { users: people.users, groups })
}

/// A group with its members; none if it does not exist.
fn group(candidate: Candidate, members: Members, people: &mut People) -> Option<TargetGroup> {
    let (members, members_proof) = match members {
        Members::NoGroup => return None,
        Members::NotAsked => {
            (Vec::new(), Proof::NotProven("the members were not asked for: nobody needs them".to_owned()))
        }
        Members::Unclear(why) => (Vec::new(), Proof::NotProven(why)),
        Members::All(members) => {
            let position = |member| match member {
                Member::Known(at) => at,
                Member::New(user) => people.add(*user),
            };
            (members.into_iter().map(position).collect(), Proof::Proven)
        }
    };
    Some(TargetGroup {
        id: candidate.id,
        attributes: GroupAttributes { name: candidate.name, ..GroupAttributes::default() },
        members,
        members_proof,
        source: None,
    })
}

/// The id of a group: its name in the form in which Jira compares names.
pub(super) fn group_id(name: &str) -> crate::sync::model::TargetId {
    crate::sync::model::TargetId(CAPABILITIES.name_key(name))
}
