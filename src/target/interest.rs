//! Which part of a target a run is about: who is managed there, and who is wanted there.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::Capabilities;
use crate::sync::model::TargetId;
use crate::sync::rules::Globs;

/// What a run must know of a target. Targets that show everything anyway may ignore it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interest {
    /// Users that are managed or wanted.
    pub users: Wanted,
    /// Groups that are managed or wanted.
    pub groups: Wanted,
    /// Groups in which the ledger has memberships: one of these that seems to be empty is looked at by itself (as RULES 18 asks
    /// of a source).
    pub filled: BTreeSet<TargetId>,
    /// Groups whose members matter although nobody manages them: what is protected, where accounts are taken over or
    /// deleted.
    pub watched_groups: Globs,
}

/// Objects by what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Ids of what is managed, with the last known name.
    pub managed: BTreeMap<TargetId, CompactString>,
    /// Names of what should be there: as the target compares them, and as they are to be spelt.
    pub names: BTreeMap<CompactString, CompactString>,
}

impl Wanted {
    /// Adds a name that should be there.
    pub fn want(&mut self, name: &str, capabilities: &Capabilities) {
        self.names.insert(capabilities.name_key(name), CompactString::from(name));
    }

    /// Whether an object is one of these.
    #[must_use]
    pub fn is_meant(&self, id: &TargetId, name: &str, capabilities: &Capabilities) -> bool {
        self.managed.contains_key(id) || self.names.contains_key(&capabilities.name_key(name))
    }
}

impl Interest {
    /// Whether whoever read for this has looked for every name of another.
    #[must_use]
    pub fn names_all_of(&self, other: &Self) -> bool {
        let has =
            |known: &Wanted, wanted: &Wanted| wanted.names.keys().all(|name| known.names.contains_key(name));
        has(&self.users, &other.users) && has(&self.groups, &other.groups)
    }

    /// Whether the members of a group are needed.
    #[must_use]
    pub fn needs_members(&self, id: &TargetId, name: &str, capabilities: &Capabilities) -> bool {
        self.groups.is_meant(id, name, capabilities) || self.watched_groups.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_for_is_compared_as_the_target_compares() {
        let capabilities = crate::target::directory::CAPABILITIES;
        let of = |users: &[&str], groups: &[&str]| {
            let mut interest = Interest::default();
            users.iter().for_each(|name| interest.users.want(name, &capabilities));
            groups.iter().for_each(|name| interest.groups.want(name, &capabilities));
            interest
        };
        let looked_for = of(&["anna", "ben"], &["ops"]);
        assert!(looked_for.names_all_of(&of(&["Ben"], &["OPS"])));
        assert!(!looked_for.names_all_of(&of(&["carl"], &[])));
        assert!(!looked_for.names_all_of(&of(&[], &["anna"])));
    }
}
