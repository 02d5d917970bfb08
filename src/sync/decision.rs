//! What people decide on, as it is stored and shown: kept plans, holds with their approvals, undo.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{Counts, HoldSummary, PlanDocument, PlannedOperation, Stale};

/// A plan that was kept, without its operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptPlan {
    /// The name under which it is kept.
    pub id: String,
    /// The connector's name.
    pub connector: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// When it is forgotten.
    pub expires: DateTime<Utc>,
    /// What it would change, by kind of object.
    pub counts: Counts,
    /// How many operations it has, those included that would be held.
    pub operations: u64,
    /// Who had it made.
    pub uid: u32,
}

/// One kept plan as it was shown when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeptPlanDocument {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// What is known of it.
    #[serde(flatten)]
    pub kept: KeptPlan,
    /// The plan.
    pub plan: PlanDocument,
}

/// What has become of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Its operations wait for somebody to decide.
    Open,
    /// Somebody approved it; what of it was not applied yet may be, until the approval ends.
    Approved,
    /// Somebody put it aside: it is held as before, and nobody is told again.
    Discarded,
    /// A later run holds other operations in its place, under another number.
    Superseded,
    /// Nothing of it is held any more: it was applied, or the source or the rules no longer ask for it.
    Over,
}

impl HoldState {
    /// All states.
    pub const ALL: [HoldState; 5] =
        [Self::Open, Self::Approved, Self::Discarded, Self::Superseded, Self::Over];

    /// The name as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Discarded => "discarded",
            Self::Superseded => "superseded",
            Self::Over => "over",
        }
    }
}

/// Who approved a hold, and until when that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// The user id of the caller.
    pub uid: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// How many of its changes were not applied yet. A change is one user, one group or one membership.
    pub left: u64,
}

/// One hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldView {
    /// The connector's name.
    pub connector: String,
    /// What is held, in numbers and words; its `id` is the hold's number.
    #[serde(flatten)]
    pub summary: HoldSummary,
    /// What has become of it.
    pub state: HoldState,
    /// How many single changes it has: users, groups and memberships. 0: it only says what will be held, and there is
    /// nothing to approve.
    pub changes: u64,
    /// The run that held it first.
    pub first_run: u64,
    /// When that was.
    pub first_seen: DateTime<Utc>,
    /// The last run that held it.
    pub last_run: u64,
    /// When that was.
    pub last_seen: DateTime<Utc>,
    /// Its approval, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// What undoing a run would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UndoDocument {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The run.
    pub run: u64,
    /// The connector's name.
    pub connector: String,
    /// When this was made.
    pub made: DateTime<Utc>,
    /// Names exactly these operations.
    pub fingerprint: String,
    /// What would change, by kind of object.
    pub counts: Counts,
    /// What would be applied, in that order.
    pub operations: Vec<PlannedOperation>,
    /// What the run did and is no longer as it left it: it stays as it is now.
    pub stale: Vec<Stale>,
    /// What cannot be as it was, one sentence each: a deleted user gets a new id.
    pub losses: Vec<String>,
    /// Whether the connector is paused by it: false where it is paused already.
    pub pauses: bool,
}
