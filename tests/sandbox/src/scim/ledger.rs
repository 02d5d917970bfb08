//! What a service knows beyond the world: which ids it gave out, and what clients said about members.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::id;
use super::intake::Document;
use crate::product::{Id, World};

/// What is known about ids and members.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// By group.
    pub(super) extras: HashMap<Id, Extras>,
    /// How often a user was deleted and came back.
    generations: HashMap<Id, u32>,
    /// Accounts whose ids are not known any more.
    deleted: HashSet<Id>,
    /// Where the account of a deleted user is found again, by e-mail address.
    unlinked: HashMap<String, Id>,
    /// Managed accounts that users were linked with, by user: their e-mail addresses.
    pub(super) linked: BTreeMap<Id, String>,
}

/// What is known about the members of a group beyond who they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    /// `display`, `type` and `$ref` as they were given.
    pub(super) details: HashMap<Id, Document>,
    /// Entries for which a set of ids has no room: second ones, and those of members that do not exist.
    pub(super) loose: Vec<Document>,
    /// How often anything of this changed.
    pub(super) revision: u64,
}

/// Who a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    User(Id),
    Group(Id),
    Unknown,
}

impl Ledger {
    /// The id of a user or group for clients.
    pub(super) fn shown(&self, of: Id) -> String {
        id::shown(of, self.generations.get(&of).copied().unwrap_or(0))
    }

    /// Whom an id was given out for; it may be gone.
    pub(super) fn read(&self, text: &str) -> Option<Id> {
        let (of, generation) = id::read(text)?;
        let is_current = self.generations.get(&of).copied().unwrap_or(0) == generation;
        (is_current && !self.deleted.contains(&of)).then_some(of)
    }

    /// The user of that id.
    pub(super) fn user(&self, text: &str, world: &World) -> Option<Id> {
        self.read(text).filter(|of| world.users().contains_key(of))
    }

    /// The group of that id.
    pub(super) fn group(&self, text: &str, world: &World) -> Option<Id> {
        self.read(text).filter(|of| world.groups().contains_key(of))
    }

    /// The member of that id.
    pub(super) fn member(&self, text: &str, world: &World) -> Member {
        match (self.user(text, world), self.group(text, world)) {
            (Some(user), _) => Member::User(user),
            (None, Some(group)) => Member::Group(group),
            (None, None) => Member::Unknown,
        }
    }

    /// Whether a user is known to clients.
    pub(super) fn shows(&self, user: Id) -> bool {
        !self.deleted.contains(&user)
    }

    /// How many users of the world are not known to clients.
    pub(super) fn hidden(&self) -> usize {
        self.deleted.len()
    }

    /// Forgets the id of a user, whose account goes on.
    pub(super) fn unlink(&mut self, user: Id, email: &str) {
        self.deleted.insert(user);
        self.unlinked.insert(email.to_lowercase(), user);
    }

    /// The account that a user had before a deletion, from now on under a new id.
    pub(super) fn link_again(&mut self, email: &str) -> Option<Id> {
        let user = self.unlinked.remove(&email.to_lowercase())?;
        self.deleted.remove(&user);
        *self.generations.entry(user).or_default() += 1;
        Some(user)
    }
}
