//! The resources that the role of the token is bound to. What lies outside is nowhere, and no answer says so: 200 with
//! fewer records, and 404 for what is asked for by its id.
//!
//! Published: a role that is bound to groups shows only the members of those groups, and `Everyone` is not shown to it.
//! Assumed, since nothing is published about it: that everybody else is hidden from searches, member lists, applications
//! and single requests too, that a single request for them answers as for nobody (404 E0000007), and that `usersCount`
//! counts what the role sees. The other [`Resources`] stand for whatever set an administrator may draw.

use std::collections::HashSet;
use std::fmt;

use super::handle::{group_place, user_place};
use super::id::Id;
use super::org::{Org, Refused};
use super::state::State;

/// What of the org the role of the token is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Resources {
    /// All of it.
    #[default]
    All,
    /// These groups, by id or name, and whoever is in one of them.
    Groups(Vec<String>),
    /// All groups, and all users but each so-manieth in the order of their making; 1 hides everybody.
    AllButEvery(usize),
    /// All but these users, by id or login.
    AllButUsers(Vec<String>),
}

/// The same with users and groups by their places.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum Bounds {
    #[default]
    All,
    Groups(Vec<u32>),
    AllButEvery(usize),
    AllButUsers(Vec<u32>),
}

/// Who and what the role does not see at one moment.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    pub(crate) users: HashSet<Id>,
    pub(crate) groups: HashSet<Id>,
}

impl Bounds {
    /// What of the org lies outside.
    pub(crate) fn hidden(&self, org: &Org) -> Hidden {
        let mut hidden = Hidden::default();
        match self {
            Self::All => {}
            Self::Groups(seen) => {
                let members: HashSet<u32> = seen.iter().flat_map(|group| org.members(*group)).collect();
                let others = org.by_id.iter().filter(|user| !members.contains(user));
                hidden.users.extend(others.map(|user| org.users[*user as usize].facts.id));
                let others = (0_u32..).zip(&org.groups).filter(|(place, _)| !seen.contains(place));
                hidden.groups.extend(others.map(|(_, group)| group.id));
            }
            Self::AllButEvery(nth) => {
                hidden.users.extend(org.users.iter().skip(nth - 1).step_by(*nth).map(|user| user.facts.id));
            }
            Self::AllButUsers(users) => {
                hidden.users.extend(users.iter().map(|user| org.users[*user as usize].facts.id));
            }
        }
        hidden
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Groups(groups) => write!(formatter, "groups: {}", groups.len()),
            Self::AllButEvery(nth) => write!(formatter, "all but every user number {nth}"),
            Self::AllButUsers(users) => write!(formatter, "all but users: {}", users.len()),
        }
    }
}

/// Binds the role of the token to resources. What was found for searches before is void.
pub(crate) fn bind(state: &mut State, resources: &Resources) -> Result<(), Refused> {
    state.bounds = match resources {
        Resources::All => Bounds::All,
        Resources::Groups(names) => {
            Bounds::Groups(names.iter().map(|name| group_place(state, name)).collect::<Result<_, _>>()?)
        }
        Resources::AllButEvery(0) => return Err("every 0th user is nobody; write 1 or more".to_owned()),
        Resources::AllButEvery(nth) => Bounds::AllButEvery(*nth),
        Resources::AllButUsers(names) => {
            Bounds::AllButUsers(names.iter().map(|name| user_place(state, name)).collect::<Result<_, _>>()?)
        }
    };
    state.org.revision += 1;
    Ok(())
}
