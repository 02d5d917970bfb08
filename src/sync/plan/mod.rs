//! A plan: the ordered operations that turn what is into what should be. Data only; `document` says what its operations look
//! like to people, to programs and in the journal.

mod document;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};

use super::desire::Reason;
use super::model::{Finding, GroupAttributes, LedgerChange, LedgerUser, SourceId, TargetId, UserAttributes};
use super::report::{Counts, FilteredBy, NotProven};

/// What turns the target into what it should be, and everything a person wants to know about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Everybody named in a membership operation, sorted by source id; operations hold positions in it.
    pub people: Vec<PlanPerson>,
    /// In the order in which they are applied.
    pub operations: Vec<Operation>,
    /// Corrections of the ledger alone, which change nothing in the target.
    pub ledger_changes: Vec<LedgerChange>,
    /// What percentages are taken of.
    pub bases: Bases,
    /// Counts of what needs no operation: unchanged and filtered.
    pub counts: Counts,
    /// Which rule filtered how many.
    pub filtered: FilteredBy,
    /// Users that left and are in their grace, sorted by source id (RULES 21).
    pub in_grace: Vec<InGrace>,
    /// What a person should know about single records.
    pub findings: Vec<Finding>,
    /// Lists that were not read to their end, and how many removals do not exist because of it.
    pub not_proven: Vec<NotProven>,
    /// True if the ledger was empty: a first run has no limit on creates.
    pub first_run: bool,
}

/// Somebody named in a membership operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPerson {
    /// The source's id.
    pub source: SourceId,
    /// The target's id; none if this plan creates the account.
    pub target: Option<TargetId>,
    /// The name in the target.
    pub username: CompactString,
}

/// A user that left and is left alone until its grace is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InGrace {
    /// The source's id.
    pub source: SourceId,
    /// The name in the target.
    pub username: CompactString,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What percentages of limits are taken of (RULES 20), counted before the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bases {
    /// Active users that the connector manages.
    pub active_users: u64,
    /// Managed groups that have managed members.
    pub groups_with_members: u64,
}

/// One change to one user or one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The source's id; of a merged group the first one.
    pub source: SourceId,
    /// The target's id; none before it is created.
    pub target: Option<TargetId>,
    /// The name in the target before the operation, or of what is created.
    pub name: CompactString,
    /// What changes.
    pub change: Change,
    /// Why; one clause.
    pub why: Reason,
    /// Whether it may be applied, as far as this operation itself is concerned.
    pub standing: Standing,
}

/// Whether an operation may be applied, as far as it itself is concerned; limits come on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it.
    Sound,
    /// It removes something whose absence was concluded from a list alone and still has to be confirmed: it is held.
    Unconfirmed,
    /// It takes over an account of which nothing but the name says whose it is: it is held (RULES 6).
    Doubtful,
    /// It takes over what a lost ledger may have held, and nothing but the name says so: it is held (RULES 4).
    ByName,
    /// Somebody permitted exactly this: no limit applies to it (RULES 24). Only the guard says so.
    Permitted,
}

/// What an operation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Creates an active user.
    CreateUser {
        /// With these attributes.
        after: UserAttributes,
    },
    /// Changes attributes of a user; a new username is a rename.
    UpdateUser {
        /// As the target has them.
        before: UserAttributes,
        /// As it should.
        after: UserAttributes,
    },
    /// Takes over a user that exists (RULES 6), and changes the mapped attributes where they differ.
    AdoptUser {
        /// As the target has them.
        before: UserAttributes,
        /// As it should.
        after: UserAttributes,
    },
    /// Gives a user that was anonymized its attributes back; no rename that counts against a limit.
    RestoreUser {
        /// As the target has them.
        before: UserAttributes,
        /// As it should.
        after: UserAttributes,
    },
    /// Enables a user that we disabled, or that somebody asked to be restored.
    EnableUser,
    /// Takes over a group that exists, and changes its attributes where they differ.
    AdoptGroup {
        /// As the target has them.
        before: GroupAttributes,
        /// As it should.
        after: GroupAttributes,
        /// All source groups that it stands for.
        sources: Vec<SourceId>,
        /// How many managed members it has.
        members: u64,
    },
    /// Creates a group without members.
    CreateGroup {
        /// With these attributes.
        after: GroupAttributes,
        /// All source groups that it stands for.
        sources: Vec<SourceId>,
    },
    /// Changes attributes of a group.
    UpdateGroup {
        /// As the target has them.
        before: GroupAttributes,
        /// As it should.
        after: GroupAttributes,
    },
    /// Adds and removes members of a group; positions in [`Plan::people`], sorted.
    ChangeMembers {
        /// Who comes.
        added: Vec<u32>,
        /// Who goes.
        removed: Vec<u32>,
        /// Who goes because they left the scope themselves; they count as leavers only (RULES 20).
        leavers: Vec<u32>,
        /// How many managed members it has before.
        before: u64,
        /// What the group is to the connector.
        tie: Tie,
    },
    /// Deletes a group that left.
    DeleteGroup {
        /// As the target has it.
        before: GroupAttributes,
        /// All source groups that it stood for.
        sources: Vec<SourceId>,
    },
    /// Disables a user that left.
    DisableUser,
    /// Replaces the attributes of a user that left by ones that name nobody.
    AnonymizeUser {
        /// As the target has them.
        before: UserAttributes,
        /// As it should.
        after: UserAttributes,
    },
    /// Deletes a user that left.
    DeleteUser {
        /// As the target has them.
        before: UserAttributes,
        /// False if it could not sign in.
        active: bool,
        /// The groups that it is a member of, managed or not, by name.
        groups: Vec<NamedGroup>,
        /// What the ledger knew of it.
        managed: Box<LedgerUser>,
    },
    /// Stops managing a user that an undone run had taken over, and gives it back what it was.
    ReleaseUser {
        /// As the target has it.
        before: UserAttributes,
        /// As it was.
        after: UserAttributes,
    },
    /// The same for a group.
    ReleaseGroup {
        /// As the target has it.
        before: GroupAttributes,
        /// As it was.
        after: GroupAttributes,
        /// All source groups that it stood for.
        sources: Vec<SourceId>,
    },
    /// Creates a user anew whom an earlier run deleted: only an undo does (RULES 26).
    RecreateUser {
        /// As it was.
        after: UserAttributes,
        /// Whether it could sign in.
        active: bool,
        /// What the ledger knew of it; its id in the target will be another.
        managed: Box<LedgerUser>,
    },
}

/// A group of the target, by id and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedGroup {
    /// The name.
    pub name: CompactString,
    /// The target's id.
    pub id: TargetId,
}

/// What a group is to the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// A source group stands behind it.
    Synced,
    /// The source group behind it has left: then everybody managed goes.
    Left,
    /// It stands in `groups.always`; the operation's source is [`always_source`].
    Always,
}

/// What stands for the source's id in operations on a group of `groups.always`.
#[must_use]
pub fn always_source(name: &str) -> SourceId {
    SourceId(format_compact!("{ALWAYS}{name}"))
}

/// The name in `groups.always` that an operation's source stands for, if it does.
#[must_use]
pub fn always_name(source: &SourceId) -> Option<&str> {
    source.0.strip_prefix(ALWAYS)
}

// No id of Okta's has a colon in it.
const ALWAYS: &str = "always:";

impl Change {
    /// Operations are applied in this order: who must exist first; who comes back is enabled with the right memberships;
    /// who loses access comes last.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::AdoptUser { .. } => 0,
            Self::CreateUser { .. } | Self::RecreateUser { .. } => 1,
            Self::UpdateUser { .. } | Self::RestoreUser { .. } => 2,
            Self::AdoptGroup { .. } => 3,
            Self::CreateGroup { .. } => 4,
            Self::UpdateGroup { .. } => 5,
            Self::ChangeMembers { tie: Tie::Synced | Tie::Always, .. } => 6,
            Self::EnableUser => 7,
            Self::ChangeMembers { tie: Tie::Left, .. } => 8,
            Self::DeleteGroup { .. } | Self::ReleaseGroup { .. } => 9,
            Self::DisableUser | Self::ReleaseUser { .. } => 10,
            Self::AnonymizeUser { .. } => 11,
            Self::DeleteUser { .. } => 12,
        }
    }

    /// The name as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateUser { .. } => "create_user",
            Self::RecreateUser { .. } => "recreate_user",
            Self::ReleaseUser { .. } => "release_user",
            Self::ReleaseGroup { .. } => "release_group",
            Self::UpdateUser { before, after } if before.username != after.username => "rename_user",
            Self::UpdateUser { .. } => "update_user",
            Self::AdoptUser { .. } => "adopt_user",
            Self::RestoreUser { .. } => "restore_user",
            Self::EnableUser => "enable_user",
            Self::CreateGroup { .. } => "create_group",
            Self::UpdateGroup { before, after } if before.name != after.name => "rename_group",
            Self::UpdateGroup { .. } => "update_group",
            Self::AdoptGroup { .. } => "adopt_group",
            Self::ChangeMembers { tie: Tie::Synced | Tie::Always, .. } => "change_members",
            Self::ChangeMembers { tie: Tie::Left, .. } => "empty_group",
            Self::DeleteGroup { .. } => "delete_group",
            Self::DisableUser => "disable_user",
            Self::AnonymizeUser { .. } => "anonymize_user",
            Self::DeleteUser { .. } => "delete_user",
        }
    }

    /// True if it changes a user, not a group or its members.
    #[must_use]
    pub fn is_about_user(&self) -> bool {
        self.kind().ends_with("_user")
    }

    /// True if it takes over what exists.
    #[must_use]
    pub fn is_adoption(&self) -> bool {
        matches!(self, Self::AdoptUser { .. } | Self::AdoptGroup { .. })
    }

    /// True for whatever takes something away from a user: the account, or memberships.
    #[must_use]
    pub fn removes(&self) -> bool {
        match self {
            Self::ChangeMembers { removed, leavers, .. } => !(removed.is_empty() && leavers.is_empty()),
            change => change.is_leaving() || matches!(change, Self::DeleteGroup { .. }),
        }
    }

    /// True for what happens to a user because it left.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        matches!(self, Self::DisableUser | Self::AnonymizeUser { .. } | Self::DeleteUser { .. })
    }
}

impl Operation {
    /// In words: `create user anna@example.com`.
    #[must_use]
    pub fn summary(&self) -> String {
        let name = &self.name;
        match &self.change {
            Change::CreateUser { .. } => format!("create user {name}"),
            Change::RecreateUser { .. } => format!("create user {name} anew"),
            Change::ReleaseUser { .. } => format!("release user {name}"),
            Change::ReleaseGroup { .. } => format!("release group {name}"),
            Change::UpdateUser { before, after } if before.username != after.username => {
                format!("rename user {name} to {}", after.username)
            }
            Change::UpdateUser { .. } => format!("update user {name}"),
            Change::AdoptUser { .. } => format!("adopt user {name}"),
            Change::RestoreUser { after, .. } => format!("restore user {name} as {}", after.username),
            Change::EnableUser => format!("enable user {name}"),
            Change::DisableUser => format!("disable user {name}"),
            Change::AnonymizeUser { after, .. } => format!("anonymize user {name} as {}", after.username),
            Change::DeleteUser { .. } => format!("delete user {name}"),
            Change::CreateGroup { .. } => format!("create group {name}"),
            Change::UpdateGroup { before, after } if before.name != after.name => {
                format!("rename group {name} to {}", after.name)
            }
            Change::UpdateGroup { .. } => format!("update group {name}"),
            Change::AdoptGroup { .. } => format!("adopt group {name}"),
            Change::DeleteGroup { .. } => format!("delete group {name}"),
            Change::ChangeMembers { removed, leavers, tie: Tie::Left, .. } => {
                format!("empty group {name} ({} members)", removed.len() + leavers.len())
            }
            Change::ChangeMembers { added, removed, leavers, .. } => {
                let gone = removed.len() + leavers.len();
                format!("change members of group {name} (+{} -{gone})", added.len())
            }
        }
    }
}
