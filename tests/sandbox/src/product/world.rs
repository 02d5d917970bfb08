//! Users, groups and memberships as a product holds them. Every product shows a part of it, in its own words.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a user or a group is known by within the world: it never changes.
pub type Id = u64;

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The given name.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// The full name as shown to others.
    pub display_name: String,
    /// False for an account that cannot sign in.
    pub active: bool,
    /// What another system calls it (SCIM's `externalId`, a Crowd attribute); empty if nothing was said.
    pub external_id: String,
    /// Further attributes, each with its values.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// True if it lives in a directory of the product that cannot be written.
    pub read_only: bool,
    /// The password that it was created with; empty if none was given.
    pub password: String,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// A text for people.
    pub description: String,
    /// What another system calls it; empty if nothing was said.
    pub external_id: String,
    /// Users who are members themselves.
    pub members: BTreeSet<Id>,
    /// Groups that are members.
    pub children: BTreeSet<Id>,
    /// Further attributes, each with its values.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// Everything that a product holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    users: BTreeMap<Id, User>,
    groups: BTreeMap<Id, Group>,
    users_by_name: HashMap<String, Id>,
    groups_by_name: HashMap<String, Id>,
    last_id: Id,
    /// How often a user, a group or a membership was really created, changed or removed.
    pub changes: u64,
}

/// The form in which names are compared: without case.
pub(crate) fn key(name: &str) -> String {
    name.to_lowercase()
}

/// Takes a name out of an index, unless somebody else has it.
fn forget(index: &mut HashMap<String, Id>, name: &str, id: Id) {
    if index.get(&key(name)) == Some(&id) {
        index.remove(&key(name));
    }
}

impl World {
    /// Users by id.
    pub fn users(&self) -> &BTreeMap<Id, User> {
        &self.users
    }

    /// Groups by id.
    pub fn groups(&self) -> &BTreeMap<Id, Group> {
        &self.groups
    }

    /// An active user with a name, an address made of it, and a full name.
    pub fn add_user(&mut self, name: &str) -> Id {
        let user = User {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
            first_name: name.to_owned(),
            last_name: "Local".to_owned(),
            display_name: format!("{name} Local"),
            active: true,
            ..User::default()
        };
        self.insert_user(user)
    }

    /// A user as it is given.
    pub fn insert_user(&mut self, user: User) -> Id {
        self.last_id += 1;
        self.changes += 1;
        self.users_by_name.insert(key(&user.name), self.last_id);
        self.users.insert(self.last_id, user);
        self.last_id
    }

    /// An empty group.
    pub fn add_group(&mut self, name: &str) -> Id {
        self.insert_group(Group { name: name.to_owned(), ..Group::default() })
    }

    /// A group as it is given.
    pub fn insert_group(&mut self, group: Group) -> Id {
        self.last_id += 1;
        self.changes += 1;
        self.groups_by_name.insert(key(&group.name), self.last_id);
        self.groups.insert(self.last_id, group);
        self.last_id
    }

    /// The user of that name, compared without case.
    pub fn user_named(&self, name: &str) -> Option<Id> {
        self.users_by_name.get(&key(name)).copied()
    }

    /// The group of that name, compared without case.
    pub fn group_named(&self, name: &str) -> Option<Id> {
        self.groups_by_name.get(&key(name)).copied()
    }

    /// Removes a user and its memberships; true if it was there.
    pub fn remove_user(&mut self, id: Id) -> bool {
        for group in self.groups.values_mut() {
            group.members.remove(&id);
        }
        let Some(user) = self.users.remove(&id) else { return false };
        forget(&mut self.users_by_name, &user.name, id);
        self.changes += 1;
        true
    }

    /// Removes a group; true if it was there.
    pub fn remove_group(&mut self, id: Id) -> bool {
        for group in self.groups.values_mut() {
            group.children.remove(&id);
        }
        let Some(group) = self.groups.remove(&id) else { return false };
        forget(&mut self.groups_by_name, &group.name, id);
        self.changes += 1;
        true
    }

    /// Makes a user a member; true if it was none.
    pub fn add_member(&mut self, group: Id, user: Id) -> bool {
        let added = self.groups.get_mut(&group).is_some_and(|group| group.members.insert(user));
        self.changes += u64::from(added);
        added
    }

    /// Ends a membership; true if there was one.
    pub fn remove_member(&mut self, group: Id, user: Id) -> bool {
        let removed = self.groups.get_mut(&group).is_some_and(|group| group.members.remove(&user));
        self.changes += u64::from(removed);
        removed
    }

    /// Changes a user; true if it was there and is different now.
    pub fn change_user(&mut self, id: Id, change: impl FnOnce(&mut User)) -> bool {
        let Some(user) = self.users.get_mut(&id) else { return false };
        let before = user.clone();
        change(user);
        if *user == before {
            return false;
        }
        if user.name != before.name {
            let name = key(&user.name);
            forget(&mut self.users_by_name, &before.name, id);
            self.users_by_name.insert(name, id);
        }
        self.changes += 1;
        true
    }

    /// Changes a group's own attributes; true if it was there and is different now.
    pub fn change_group(&mut self, id: Id, change: impl FnOnce(&mut Group)) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let before = group.clone();
        change(group);
        if *group == before {
            return false;
        }
        if group.name != before.name {
            let name = key(&group.name);
            forget(&mut self.groups_by_name, &before.name, id);
            self.groups_by_name.insert(name, id);
        }
        self.changes += 1;
        true
    }

    /// Members of a group and of the groups in it.
    pub fn members_in_depth(&self, group: Id) -> BTreeSet<Id> {
        let (mut seen, mut open, mut members) = (BTreeSet::new(), vec![group], BTreeSet::new());
        while let Some(id) = open.pop() {
            let Some(group) = self.groups.get(&id).filter(|_| seen.insert(id)) else { continue };
            members.extend(&group.members);
            open.extend(&group.children);
        }
        members
    }

    /// The names of a group's own members, sorted; none if there is no such group.
    pub fn member_names(&self, group: &str) -> Option<Vec<String>> {
        let group = self.groups.get(&self.group_named(group)?)?;
        let users = group.members.iter().filter_map(|id| self.users.get(id));
        let mut names: Vec<String> = users.map(|user| user.name.clone()).collect();
        names.sort();
        Some(names)
    }
}
