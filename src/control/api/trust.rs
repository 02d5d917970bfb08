//! Asking for kept plans, approvals and undo over the socket.

use serde::{Deserialize, Serialize};

pub use crate::sync::decision::{Approval, HoldState, HoldView, KeptPlan, KeptPlanDocument, UndoDocument};
use crate::sync::report::OperationReport;

/// For how many hours a plan is kept, or an approval counts, at most.
pub const LONGEST_HOURS: u32 = 31 * 24;

/// Whether a plan can be kept under `name`: 1 to 64 ASCII letters, digits, dots, dashes and underscores, and no dot or dash in
/// front, so that it looks like neither a hidden file nor an option.
#[must_use]
pub fn can_name_a_plan(name: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    (1..=64).contains(&name.len()) && name.chars().all(is_part) && !name.starts_with(['.', '-'])
}

/// Asks for a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanRequest {
    /// Keep it under this name ([`can_name_a_plan`]), so that exactly it can be applied later. A plan that the same connector keeps under that name is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// For how many hours it is kept; by default 24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// All kept plans, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPlanList {
    /// [`crate::sync::report::FORMAT_VERSION`].
    pub format_version: u32,
    /// Sorted by name.
    pub plans: Vec<KeptPlan>,
}

/// Asks for exactly the operations of a kept plan that are still right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyRequest {
    /// Stream events until the run ends.
    pub wait: bool,
}

/// Holds, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldList {
    /// [`crate::sync::report::FORMAT_VERSION`].
    pub format_version: u32,
    /// Newest first.
    pub holds: Vec<HoldView>,
}

/// One hold with its operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldDocument {
    /// [`crate::sync::report::FORMAT_VERSION`].
    pub format_version: u32,
    /// The hold.
    #[serde(flatten)]
    pub hold: HoldView,
    /// Its operations, all with the result `held`.
    pub operations: Vec<OperationReport>,
}

/// Approves a hold: exactly its operations, and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApproveRequest {
    /// Begin no run now; the next one uses the approval.
    pub later: bool,
    /// Stream events until the run ends.
    pub wait: bool,
    /// For how many hours the approval counts; by default 24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// Asks to undo a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UndoRequest {
    /// False: only say what undoing would do, and change nothing.
    pub confirm: bool,
    /// With `confirm`: do it only if it still is what was shown under this fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// With `confirm`: stream events until the run ends.
    pub wait: bool,
}
