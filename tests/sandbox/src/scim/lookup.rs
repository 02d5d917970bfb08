//! Finds users and groups by what the world has no index for.

use std::collections::{BTreeSet, HashMap};

use super::draft::Changes;
use super::user::emails_of;
use crate::product::{Group, Id, User, World};

/// Ids by a text.
type Index = HashMap<String, BTreeSet<Id>>;

/// Indexes over the world. They are made anew when the world was changed by others, and else follow the changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    /// `World::changes` when all of this was true; none before the first time.
    seen: Option<u64>,
    users: Indexes,
    groups: Indexes,
    /// The groups of each user.
    memberships: HashMap<Id, BTreeSet<Id>>,
}

#[derive(Clone, Debug, Default)]
struct Indexes {
    /// User names, and names of groups.
    names: Index,
    external_ids: Index,
    emails: Index,
}

/// The texts that something is found by, without case where they are compared so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    name: String,
    external_id: String,
    emails: Vec<String>,
}

impl Keys {
    pub(super) fn of_user(user: &User) -> Self {
        let emails = emails_of(user).iter().map(|email| email.to_lowercase()).collect();
        Self { name: user.name.to_lowercase(), external_id: user.external_id.clone(), emails }
    }

    pub(super) fn of_group(group: &Group) -> Self {
        let (name, external_id) = (group.name.to_lowercase(), group.external_id.clone());
        Self { name, external_id, emails: Vec::new() }
    }
}

impl Indexes {
    fn insert(&mut self, id: Id, keys: Keys) {
        self.names.entry(keys.name).or_default().insert(id);
        if !keys.external_id.is_empty() {
            self.external_ids.entry(keys.external_id).or_default().insert(id);
        }
        for email in keys.emails {
            self.emails.entry(email).or_default().insert(id);
        }
    }

    fn remove(&mut self, id: Id, keys: &Keys) {
        forget(&mut self.names, &keys.name, id);
        forget(&mut self.external_ids, &keys.external_id, id);
        keys.emails.iter().for_each(|email| forget(&mut self.emails, email, id));
    }
}

fn forget(index: &mut Index, text: &str, id: Id) {
    if let Some(ids) = index.get_mut(text) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(text);
        }
    }
}

fn found(index: &Index, text: &str) -> BTreeSet<Id> {
    index.get(text).cloned().unwrap_or_default()
}

/// What a text is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    ExternalId,
    Email,
}

impl Lookup {
    /// Users with that text in that field. More may be found than the filter wants, which may compare with case.
    pub(super) fn users(&mut self, field: Field, text: &str, world: &World) -> BTreeSet<Id> {
        self.refresh(world);
        self.users.find(field, text)
    }

    /// Groups with that text in that field.
    pub(super) fn groups(&mut self, field: Field, text: &str, world: &World) -> BTreeSet<Id> {
        self.refresh(world);
        self.groups.find(field, text)
    }

    /// The groups that a user is in, as of the last [`Self::refresh`].
    pub(super) fn groups_of(&self, user: Id) -> impl Iterator<Item = Id> {
        self.memberships.get(&user).into_iter().flatten().copied()
    }

    /// Sees what others changed in the world.
    pub(super) fn refresh(&mut self, world: &World) {
        if self.seen == Some(world.changes) {
            return;
        }
        let mut new = Self { seen: Some(world.changes), ..Self::default() };
        for (id, user) in world.users() {
            new.users.insert(*id, Keys::of_user(user));
        }
        for (id, group) in world.groups() {
            new.groups.insert(*id, Keys::of_group(group));
            for user in &group.members {
                new.memberships.entry(*user).or_default().insert(*id);
            }
        }
        *self = new;
    }

    /// Follows a change of a user, that was made when the world had seen so many changes.
    pub(super) fn user_changed(
        &mut self,
        id: Id,
        old: Option<&Keys>,
        new: Option<Keys>,
        before: u64,
        world: &World,
    ) {
        if self.seen == Some(before) {
            self.users.replace(id, old, new);
            self.seen = Some(world.changes);
        }
    }

    /// Follows a change of a group.
    pub(super) fn group_changed(
        &mut self,
        id: Id,
        old: Option<&Keys>,
        new: Option<Keys>,
        before: u64,
        world: &World,
    ) {
        if self.seen == Some(before) {
            self.groups.replace(id, old, new);
            self.seen = Some(world.changes);
        }
    }
}

impl Lookup {
    /// Forgets the memberships of a user.
    pub(super) fn user_left(&mut self, user: Id) {
        self.memberships.remove(&user);
    }

    /// Follows a change of the members of a group.
    pub(super) fn members_changed(&mut self, group: Id, users: &Changes, before: u64, world: &World) {
        if self.seen != Some(before) {
            return;
        }
        self.seen = Some(world.changes);
        for user in &users.gone {
            if let Some(groups) = self.memberships.get_mut(user) {
                groups.remove(&group);
            }
        }
        for user in &users.new {
            self.memberships.entry(*user).or_default().insert(group);
        }
    }
}

impl Indexes {
    fn find(&self, field: Field, text: &str) -> BTreeSet<Id> {
        match field {
            Field::Name => found(&self.names, &text.to_lowercase()),
            Field::ExternalId => found(&self.external_ids, text),
            Field::Email => found(&self.emails, &text.to_lowercase()),
        }
    }

    fn replace(&mut self, id: Id, old: Option<&Keys>, new: Option<Keys>) {
        if old == new.as_ref() {
            return;
        }
        if let Some(old) = old {
            self.remove(id, old);
        }
        if let Some(new) = new {
            self.insert(id, new);
        }
    }
}
