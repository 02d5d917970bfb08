//! Asking for kept plans, approvals and undo over the socket.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

pub use crate::sync::decision::{Approval, HoldState, HoldView, KeptPlan, KeptPlanDocument, UndoDocument};
use crate::sync::report::OperationReport;

/// For how many hours a plan is kept, or an approval counts, at most.
pub const LONGEST_HOURS: u32 = 31 * 24;

/// What [`can_name_a_plan`] means, as a pattern; connectors are named by the same rule.
pub(super) const PLAIN_NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$";

/// Whether a plan can be kept under `name`: 1 to 64 ASCII letters, digits, dots, dashes and underscores, and no dot or dash in
/// front, so that it looks like neither a hidden file nor an option.
#[must_use]
pub fn can_name_a_plan(name: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    (1..=64).contains(&name.len()) && name.chars().all(is_part) && !name.starts_with(['.', '-'])
}

/// A number without a fraction, or none. JSON does not tell 2 from 2.0, and some programs write the one for the other.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        Ok(Some(number as u32))
    } else {
        Err(D::Error::custom(format!("{number} is no whole number from 0 to {}", u32::MAX)))
    }
}

/// Asks for a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanRequest {
    /// Keep it under this name, so that exactly it can be applied later. A plan that the same connector keeps under that name is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = PLAIN_NAME))]
    pub keep: Option<String>,
    /// For how many hours it is kept; by default 24.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "whole_number")]
    #[schemars(range(min = 1, max = LONGEST_HOURS))]
    pub hours: Option<u32>,
}

/// All kept plans, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptPlanList {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Sorted by name.
    pub plans: Vec<KeptPlan>,
}

/// Asks for exactly the operations of a kept plan that are still right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyRequest {
    /// Stream events until the run ends.
    pub wait: bool,
}

/// Holds, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldList {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Newest first.
    pub holds: Vec<HoldView>,
}

/// One hold with its operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoldDocument {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The hold.
    #[serde(flatten)]
    pub hold: HoldView,
    /// Its operations, all with the result `held`.
    pub operations: Vec<OperationReport>,
}

/// Approves a hold: exactly its operations, and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApproveRequest {
    /// Begin no run now; the next one uses the approval.
    pub later: bool,
    /// Stream events until the run ends.
    pub wait: bool,
    /// For how many hours the approval counts; by default 24.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "whole_number")]
    #[schemars(range(min = 1, max = LONGEST_HOURS))]
    pub hours: Option<u32>,
}

/// Asks to undo a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "if" = { "properties": { "fingerprint": { "type": "string" } }, "required": ["fingerprint"] },
    "then" = { "properties": { "confirm": { "const": true } }, "required": ["confirm"] },
))]
pub struct UndoRequest {
    /// False: only say what undoing would do, and change nothing.
    pub confirm: bool,
    /// With `confirm`: do it only if it still is what was shown under this fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// With `confirm`: stream events until the run ends.
    pub wait: bool,
}
