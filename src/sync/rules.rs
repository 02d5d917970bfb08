//! The rules of one connector as the heart uses them: checked, compiled, without positions.

use std::collections::BTreeSet;

use compact_str::CompactString;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::model::Status;

/// Everything that decides who is in scope, under which name, and what may be done.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rules {
    /// Which users are in scope.
    pub scope: Scope,
    /// Which groups are synced.
    pub groups: GroupRules,
    /// Target names that are never touched.
    pub protected: Protected,
    /// What happens to users and groups that left.
    pub leavers: Leavers,
    /// How much one run, or 24 hours, may change before a person must look.
    pub limits: Limits,
}

/// Which users are in scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Statuses in scope.
    pub statuses: BTreeSet<Status>,
    /// Globs on the login; empty: everybody.
    pub include: Globs,
    /// Globs on the login that are out of scope even if included.
    pub exclude: Globs,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            statuses: BTreeSet::from([
                Status::Active,
                Status::PasswordExpired,
                Status::LockedOut,
                Status::Recovery,
                Status::Provisioned,
            ]),
            include: Globs::default(),
            exclude: Globs::default(),
        }
    }
}

/// Which groups are synced. Every option sees the name in the target.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GroupRules {
    /// Globs; empty: all but Everyone.
    pub include: Globs,
    /// Globs of groups that are not synced even if included.
    pub exclude: Globs,
}

/// Globs on target names that are never touched in any way (RULES 7).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Protected {
    /// Globs on usernames.
    pub users: Globs,
    /// Globs on group names.
    pub groups: Globs,
}

/// What happens to users and groups that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Leavers {
    /// To users.
    pub users: LeaverUsers,
    /// To groups.
    pub groups: LeaverGroups,
}

/// What happens to a user that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LeaverUsers {
    /// The account is disabled; it is enabled again when the user comes back.
    #[default]
    Disable,
    /// Nothing.
    Keep,
}

/// What happens to a group that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LeaverGroups {
    /// Its managed members are removed, the group stays.
    #[default]
    Empty,
    /// Nothing.
    Keep,
}

/// One limit: how many of a base may go before a person must look (RULES 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Off,
    /// At most so many, whatever the base and the floor.
    Count(u64),
    /// At most so many hundredths of the base, but never less than the floor.
    Percent(u8),
}

/// All limits of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Users that left, of the active users that the connector manages.
    pub leavers: Limit,
    /// Removed memberships, of the managed ones of that group.
    pub memberships: Limit,
    /// Groups that left, of the managed groups that have members.
    pub groups: Limit,
    /// Renamed users, of the active managed users.
    pub renames: Limit,
    /// Created users, of the active managed users; never in a first run.
    pub creates: Limit,
    /// A percentage holds nothing at or below this many.
    pub floor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            leavers: Limit::Percent(10),
            memberships: Limit::Percent(20),
            groups: Limit::Percent(10),
            renames: Limit::Percent(10),
            creates: Limit::Off,
            floor: 10,
        }
    }
}

/// A list of globs: `*` is any text, `?` one character, `[ab]` a choice, `{a,b}` alternatives; case is ignored.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    patterns: Vec<CompactString>,
    set: GlobSet,
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Globs {
    /// Compiles `patterns`; the error names the pattern that is not a glob, and why, by its position in the list.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, (usize, String)> {
        let mut builder = GlobSetBuilder::new();
        for (position, pattern) in patterns.iter().enumerate() {
            let glob = GlobBuilder::new(pattern.as_ref()).case_insensitive(true).build();
            builder.add(glob.map_err(|error| (position, error.kind().to_string()))?);
        }
        let set = builder.build().map_err(|error| (0, error.kind().to_string()))?;
        Ok(Self {
            patterns: patterns.iter().map(|pattern| CompactString::from(pattern.as_ref())).collect(),
            set,
        })
    }

    /// True if there is no pattern at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns as written.
    #[must_use]
    pub fn patterns(&self) -> &[CompactString] {
        &self.patterns
    }

    /// True if any pattern matches the whole of `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        !self.patterns.is_empty() && self.set.is_match(name)
    }
}
