//! What a target can do, as data. `diff`, `desire` and `check` use it; nothing asks which target it is.

use std::borrow::Cow;

use compact_str::CompactString;

use crate::sync::model::{GroupAttributes, UserAttributes};
use crate::sync::rules::{Globs, Protected};

/// What a target can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What people call it: `Crowd`, `the built-in directory`.
    pub product: &'static str,
    /// A user can get another username.
    pub rename_users: bool,
    /// A group can get another name.
    pub rename_groups: bool,
    /// A user can be kept from signing in, and let in again.
    pub disable_users: bool,
    /// A user can be deleted.
    pub delete_users: bool,
    /// A group can be deleted.
    pub delete_groups: bool,
    /// Whoever deletes what was just created loses nothing by it: no content, no permissions hang on a user or group.
    pub deletes_without_loss: bool,
    /// No account without an e-mail address.
    pub requires_email: bool,
    /// Addresses must be of domains that the target knows.
    pub checks_email_domains: bool,
    /// The target shows the e-mail addresses that it has.
    pub email_readable: bool,
    /// The target keeps given and family names apart from the name that is shown.
    pub holds_given_names: bool,
    /// The target keeps a text about a group.
    pub holds_group_descriptions: bool,
    /// Which further attributes of users the target keeps.
    pub further_attributes: Further,
    /// How names are.
    pub names: NameRules,
    /// Groups of administrators, as globs: never touched in any way (RULES 7).
    pub administrators: &'static [&'static str],
    /// What of the target's content can be read.
    pub listing: Listing,
    /// The product says of a group's members also those of groups in it.
    pub nested_members: bool,
    /// The id of the source is stored in the target, so that a lost ledger can be rebuilt from it.
    pub keeps_source_ids: bool,
    /// How much goes into a request.
    pub pace: Pace,
}

/// Further attributes of users, beside name, address and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// Of any name.
    Any,
    /// Of these names.
    Named(&'static [&'static str]),
    /// None.
    Nothing,
}

impl Further {
    /// Whether an attribute of that name is kept.
    #[must_use]
    pub fn holds(self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(names) => names.contains(&name),
            Self::Nothing => false,
        }
    }
}

/// How names of users and groups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRules {
    /// Names that differ only in case are the same.
    pub ignore_case: bool,
    /// The longest user or group name, in characters.
    pub longest: usize,
    /// Usernames have no letters that have a lower case.
    pub lower_case_users: bool,
    /// Characters that no username has.
    pub forbidden_in_users: &'static str,
    /// Usernames have no white space.
    pub no_space_in_users: bool,
}

/// What of a target's content can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// All of it, in lists that have an end.
    Whole,
    /// Lists may be cut; who is managed or wanted is read by name then.
    Capped,
}

/// How much goes into a request, and how many requests are under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Records per page.
    pub page: usize,
    /// Requests under way at once, at most.
    pub at_once: usize,
    /// Memberships that one request changes, at most.
    pub memberships: usize,
    /// Members that a group can be given in the request that creates it, at most.
    pub new_group: usize,
}

impl Capabilities {
    /// The form in which the target compares names.
    #[must_use]
    pub fn name_key(&self, name: &str) -> CompactString {
        if self.names.ignore_case {
            CompactString::from(name.to_lowercase())
        } else {
            CompactString::from(name)
        }
    }

    /// The groups of administrators, which are never touched.
    #[must_use]
    pub fn protected(&self) -> Protected {
        // They are globs that are known to be good: a test compiles them.
        Protected { groups: Globs::new(self.administrators).unwrap_or_default(), ..Protected::default() }
    }

    /// What the target can hold of these attributes; what it cannot is empty, so that nobody tries to write it.
    #[must_use]
    pub fn held_of_user(&self, wanted: UserAttributes) -> UserAttributes {
        let mut held = wanted;
        if !self.holds_given_names {
            held.first_name = CompactString::default();
            held.last_name = CompactString::default();
        }
        if self.further_attributes != Further::Any {
            held.attributes = held.attributes.only(|name| self.further_attributes.holds(name));
        }
        held
    }

    /// The same of a group.
    #[must_use]
    pub fn held_of_group(&self, wanted: GroupAttributes) -> GroupAttributes {
        if self.holds_group_descriptions {
            wanted
        } else {
            GroupAttributes { description: CompactString::default(), ..wanted }
        }
    }

    /// What is wrong with a name of a user or a group, as the end of a sentence.
    #[must_use]
    pub fn name_problem(&self, name: &str) -> Option<Cow<'static, str>> {
        if name.is_empty() {
            return Some(Cow::Borrowed("is empty"));
        }
        if name.chars().any(char::is_control) {
            return Some(Cow::Borrowed("has a control character in it"));
        }
        let length = name.chars().count();
        (length > self.names.longest).then(|| {
            Cow::Owned(format!("has {length} characters, and {} takes {}", self.product, self.names.longest))
        })
    }

    /// What is wrong with an e-mail address, as the end of a sentence.
    #[must_use]
    pub fn email_problem(&self, email: &str) -> Option<String> {
        (self.requires_email && email.is_empty())
            .then(|| format!("is empty, and {} has no account without an address", self.product))
    }

    /// What is wrong with a username, as the end of a sentence.
    #[must_use]
    pub fn username_problem(&self, name: &str) -> Option<Cow<'static, str>> {
        let (names, product) = (&self.names, self.product);
        if let Some(problem) = self.name_problem(name) {
            return Some(problem);
        }
        if let Some(letter) = name.chars().find(|letter| names.forbidden_in_users.contains(*letter)) {
            return Some(Cow::Owned(format!("has `{letter}` in it, which {product} does not take")));
        }
        if names.no_space_in_users && name.chars().any(char::is_whitespace) {
            return Some(Cow::Owned(format!("has white space in it, which {product} does not take")));
        }
        (names.lower_case_users && name.to_lowercase() != name).then(|| {
            Cow::Owned(format!(
                "has upper-case letters, which {product} does not take (use `| lower` in mapping.username)"
            ))
        })
    }
}

#[cfg(test)]
#[path = "capabilities_tests.rs"]
mod tests;
