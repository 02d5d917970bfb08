//! What the daemon remembers of what it manages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{SourceId, TargetId, UserAttributes};

/// How an object came to be managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By us.
    Created,
    /// It existed, and the connector took it over.
    Adopted,
}

/// What the ledger remembers of a managed user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerUser {
    /// Its id in the target.
    pub target: TargetId,
    /// Its last known name in the target.
    pub username: CompactString,
    /// Created or adopted.
    pub origin: Origin,
    /// True while it is disabled because we disabled it: only then may we enable it (RULES 8).
    pub disabled_by_us: bool,
    /// Since when it is known, by a proven run, to have left: where its grace began (RULES 21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_since: Option<DateTime<Utc>>,
    /// What it was before it was anonymized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Box<UserAttributes>>,
    /// The e-mail address that was last written, where the target does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<CompactString>,
}

impl LedgerUser {
    /// A user that we just created under this name.
    #[must_use]
    pub fn created(target: TargetId, username: CompactString) -> Self {
        Self {
            target,
            username,
            origin: Origin::Created,
            disabled_by_us: false,
            left_since: None,
            original: None,
            email: None,
        }
    }
}

/// What the ledger remembers of a managed group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerGroup {
    /// Its id in the target.
    pub target: TargetId,
    /// Its last known name in the target.
    pub name: CompactString,
    /// Created or adopted.
    pub origin: Origin,
    /// How many managed memberships it had after the last run that looked (RULES 18).
    pub memberships: u64,
}

/// A group of which every active managed user is a member, by `groups.always` (RULES 15). Only the memberships that we
/// added are managed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlwaysGroup {
    /// Its id in the target.
    pub target: TargetId,
    /// Whether we made it.
    pub created: bool,
    /// Whose memberships we added.
    pub members: BTreeSet<SourceId>,
}

/// Which source a ledger belongs to: the org, by its id where that can be read, and where it was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceAddress {
    /// The org's own id; none where the credentials may not read it.
    pub id: Option<String>,
    /// Scheme, host and port.
    pub origin: String,
}

impl SourceAddress {
    /// Ids decide where both are known: an org may be reached under several names. Else the origin does.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(one), Some(other)) => one == other,
            _ => self.origin == other.origin,
        }
    }

    /// The other one, with this one's id if the other's could not be read.
    #[must_use]
    pub fn with_id_of(&self, now: &Self) -> Self {
        Self { id: now.id.clone().or_else(|| self.id.clone()), origin: now.origin.clone() }
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{id} at {}", self.origin),
            None => f.write_str(&self.origin),
        }
    }
}

/// What a ledger belongs to (RULES 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// The source org.
    pub source: SourceAddress,
    /// The target's address.
    pub target: String,
}

/// What the daemon remembers of what one connector manages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Absent until the first run has bound it.
    pub binding: Option<Binding>,
    /// Managed users.
    pub users: BTreeMap<SourceId, LedgerUser>,
    /// Managed groups. Where several source groups were merged into one, each has a row with the same target id.
    pub groups: BTreeMap<SourceId, LedgerGroup>,
    /// Groups of `groups.always`, by the name that stands there.
    pub always: BTreeMap<CompactString, AlwaysGroup>,
    /// Operations that were sent in a run that never recorded the answers, oldest first.
    pub unanswered: Vec<Unanswered>,
}

/// An operation that was sent and whose answer was never recorded: it may or may not have been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Its kind, as in the journal: `create_user` and so on.
    pub kind: String,
    /// The source's id.
    pub source: SourceId,
    /// The target's id, if it had one.
    pub target: Option<TargetId>,
    /// The name in the target before it, or of what it creates.
    pub name: CompactString,
    /// The username after it, for a rename.
    pub new_name: Option<CompactString>,
    /// The attributes of a user after it, as far as they are known.
    pub after: Option<Box<UserAttributes>>,
    /// The attributes of a user before it, as far as they are known.
    pub before: Option<Box<UserAttributes>>,
    /// Members that it adds.
    pub added: Vec<SourceId>,
    /// Members that it removes.
    pub removed: Vec<SourceId>,
}

/// A correction of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerChange {
    /// Puts or replaces a user.
    PutUser(SourceId, LedgerUser),
    /// Puts or replaces a group.
    PutGroup(SourceId, LedgerGroup),
    /// Forgets a user: it no longer exists in the target, or is no longer managed.
    ForgetUser(SourceId),
    /// Forgets a group of the source that is no longer linked to the target's.
    ForgetGroup(SourceId),
    /// Puts or replaces a group of `groups.always`, and leaves its members as they are.
    PutAlways {
        /// The name that stands there.
        name: CompactString,
        /// Its id in the target.
        target: TargetId,
        /// Whether we made it.
        created: bool,
    },
    /// Changes whose memberships in a group of `groups.always` we added.
    ChangeAlways {
        /// The name that stands there.
        name: CompactString,
        /// Whose membership is ours now.
        added: Vec<SourceId>,
        /// Whose is no longer.
        removed: Vec<SourceId>,
    },
    /// Forgets a group of `groups.always`.
    ForgetAlways(CompactString),
}

impl Ledger {
    /// Brings one change in, as the store does.
    pub fn change(&mut self, change: &LedgerChange) {
        match change {
            LedgerChange::PutUser(source, user) => {
                self.users.insert(source.clone(), user.clone());
            }
            LedgerChange::PutGroup(source, group) => {
                self.groups.insert(source.clone(), group.clone());
            }
            LedgerChange::ForgetGroup(source) => {
                self.groups.remove(source);
            }
            LedgerChange::ForgetUser(source) => {
                self.users.remove(source);
            }
            LedgerChange::PutAlways { name, target, created } => {
                let members = self.always.remove(name).map(|known| known.members).unwrap_or_default();
                let group = AlwaysGroup { target: target.clone(), created: *created, members };
                self.always.insert(name.clone(), group);
            }
            LedgerChange::ChangeAlways { name, added, removed } => {
                if let Some(group) = self.always.get_mut(name) {
                    group.members.extend(added.iter().cloned());
                    for source in removed {
                        group.members.remove(source);
                    }
                }
            }
            LedgerChange::ForgetAlways(name) => {
                self.always.remove(name);
            }
        }
    }
}
