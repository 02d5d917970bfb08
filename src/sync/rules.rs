//! The rules of one connector as the heart uses them: checked, compiled, without positions.

use std::collections::BTreeSet;
use std::time::Duration;

use compact_str::CompactString;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::mapping::Mapping;
use super::model::{ScopeRule, Status};
use super::rename::Rename;

/// Everything that decides who is in scope, under which name, and what may be done.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rules {
    /// Which users are in scope.
    pub scope: Scope,
    /// How the target's attributes are made of a user.
    pub mapping: Mapping,
    /// Which groups are synced, and under which name.
    pub groups: GroupRules,
    /// Target names that are never touched.
    pub protected: Protected,
    /// What happens to objects of the target that bear a wanted name and are not managed.
    pub existing: Existing,
    /// What happens to users and groups that left.
    pub leavers: Leavers,
    /// Who counts as a leaver for not signing in; none: nobody.
    pub inactive: Option<Inactive>,
    /// How much one run, or 24 hours, may change before a person must look.
    pub limits: Limits,
}

impl Rules {
    /// True if a rule leaves a user out because no member list of certain groups has it.
    #[must_use]
    pub fn rests_on_groups(&self, rule: ScopeRule) -> bool {
        match rule {
            ScopeRule::RequiredGroups => true,
            ScopeRule::Inactive => {
                self.inactive.as_ref().is_some_and(|inactive| !inactive.except_groups.is_empty())
            }
            _ => false,
        }
    }
}

/// Which users are in scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Statuses in scope.
    pub statuses: BTreeSet<Status>,
    /// Names of groups, after renames, of which a user must be in one; empty: no such condition (RULES 11).
    pub required_groups: Vec<CompactString>,
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
            required_groups: Vec::new(),
            include: Globs::default(),
            exclude: Globs::default(),
        }
    }
}

/// Which groups are synced, and under which name. Every option but `rename` sees the name in the target (RULES 10).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GroupRules {
    /// Rules that make the name in the target of the name at the source; the first that matches counts.
    pub rename: Vec<Rename>,
    /// True: groups that no rename rule matches are not synced.
    pub drop_unmatched: bool,
    /// Globs; empty: all but Everyone.
    pub include: Globs,
    /// Globs of groups that are not synced even if included.
    pub exclude: Globs,
    /// Names of groups in the target of which every active managed user is a member (RULES 15).
    pub always: Vec<CompactString>,
}

/// Globs on target names that are never touched in any way (RULES 7).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Protected {
    /// Globs on usernames.
    pub users: Globs,
    /// Globs on group names.
    pub groups: Globs,
}

/// What happens to objects of the target that bear a wanted name and are not managed (RULES 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Existing {
    /// To users.
    pub users: OnExisting,
    /// To groups.
    pub groups: OnExisting,
}

/// What happens to an object of the target that bears a wanted name and is not managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnExisting {
    /// A finding says so, and it is left alone.
    #[default]
    Skip,
    /// It is taken over.
    Adopt,
    /// It is taken over once somebody approves: that is how a lost ledger comes back by name (RULES 4). No file says so.
    AdoptHeld,
}

impl OnExisting {
    /// Whether it may be taken over at all.
    #[must_use]
    pub fn takes_over(self) -> bool {
        self != Self::Skip
    }
}

/// What happens to users and groups that left.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Leavers {
    /// To users.
    pub users: LeaverUsers,
    /// How long a user that left is left alone first.
    pub grace: Grace,
    /// To memberships of users that left.
    pub memberships: LeaverMemberships,
    /// To groups.
    pub groups: LeaverGroups,
}

/// What happens to a user that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LeaverUsers {
    /// The account is disabled; it is enabled again when the user comes back.
    #[default]
    Disable,
    /// The account is deleted if this connector created it, else disabled.
    Delete,
    /// The account is disabled, and its attributes are replaced by ones that name nobody.
    Anonymize,
    /// Nothing.
    Keep,
}

/// How long a user that left is left alone first (RULES 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Grace {
    /// Who is no longer in scope for any other reason than the status.
    pub absent: Duration,
    /// Who has a status that is out of scope: deactivated, suspended.
    pub deactivated: Duration,
}

/// What happens to the memberships of a user that left, in groups that the connector manages.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum LeaverMemberships {
    /// Nothing.
    #[default]
    Keep,
    /// They go, but for those in groups whose name in the target matches one of these globs.
    Remove {
        /// Globs on group names.
        except: Globs,
    },
}

/// What happens to a group that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LeaverGroups {
    /// Its managed members are removed, the group stays.
    #[default]
    Empty,
    /// It is deleted if this connector created it and nobody else put members into it, else emptied.
    Delete,
    /// Nothing.
    Keep,
}

/// Who counts as a leaver for not signing in.
#[derive(Clone, Debug, PartialEq)]
pub struct Inactive {
    /// After how many days.
    pub days: u32,
    /// True: who never signed in counts from the day the account was created or activated, whichever is later (RULES 16).
    /// False: such users stay.
    pub never_signed_in: bool,
    /// Globs on group names, after renames, whose members stay.
    pub except_groups: Globs,
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
    sets: Vec<GlobSet>,
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
            sets: vec![set],
        })
    }

    /// These patterns and those.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let mut both = self.clone();
        both.patterns.extend(others.patterns.iter().cloned());
        both.sets.extend(others.sets.iter().cloned());
        both
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

    /// The first pattern that matches the whole of `name`.
    #[must_use]
    pub fn first_match(&self, name: &str) -> Option<&str> {
        let mut before = 0;
        for set in &self.sets {
            if let Some(at) = set.matches(name).into_iter().min() {
                return self.patterns.get(before + at).map(CompactString::as_str);
            }
            before += set.len();
        }
        None
    }

    /// The first pattern that matches none of `names`.
    #[must_use]
    pub fn first_unmet(&self, names: &[CompactString]) -> Option<&str> {
        let mut met = vec![false; self.patterns.len()];
        for name in names {
            let mut before = 0;
            for set in &self.sets {
                for at in set.matches(name) {
                    if let Some(met) = met.get_mut(before + at) {
                        *met = true;
                    }
                }
                before += set.len();
            }
        }
        let unmet = met.into_iter().position(|met| !met)?;
        self.patterns.get(unmet).map(CompactString::as_str)
    }

    /// True if any pattern matches the whole of `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        !self.patterns.is_empty() && self.sets.iter().any(|set| set.is_match(name))
    }
}
