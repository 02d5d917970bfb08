//! What a run did, as it is stored, sent over the socket and printed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Finding, ScopeRule};
pub use super::run_summary::RunSummary;

/// The version of every JSON document that users see. Additions keep it; anything else raises it.
pub const FORMAT_VERSION: u32 = 1;

/// What started a run; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The schedule.
    Cron,
    /// A person, over the socket.
    Manual,
    /// Catching up at start on a run that was missed.
    Startup,
    /// Somebody approved a hold (RULES 24).
    Approval,
    /// Somebody had a kept plan applied (RULES 25).
    Apply,
    /// Somebody had a run undone (RULES 26).
    Undo,
    /// Between full runs: what changed at the source (RULES 22).
    Incremental,
}

impl Trigger {
    /// All triggers.
    pub const ALL: [Trigger; 7] =
        [Self::Cron, Self::Manual, Self::Startup, Self::Approval, Self::Apply, Self::Undo, Self::Incremental];

    /// True for what syncs as much as there is to sync; false for what does only what somebody chose, or what changed.
    #[must_use]
    pub fn is_sync(self) -> bool {
        !matches!(self, Self::Apply | Self::Undo | Self::Incremental)
    }

    /// The name as in JSON and in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Manual => "manual",
            Self::Startup => "startup",
            Self::Approval => "approval",
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::Incremental => "incremental",
        }
    }
}

/// How a run ended (RULES 28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All applied, every list proven.
    Success,
    /// Something is held for a person to look at; all else was applied.
    Held,
    /// An operation failed or a list was not proven; all else was applied.
    Partial,
    /// Ended without applying.
    Failed,
    /// Somebody cancelled it, or the daemon stopped; what was applied until then is in the report.
    Cancelled,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 5] = [Self::Success, Self::Held, Self::Partial, Self::Failed, Self::Cancelled];

    /// The name as in JSON and in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Held => "held",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The exit code of `sync --wait`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Held => 5,
            Self::Partial => 6,
            Self::Failed | Self::Cancelled => 1,
        }
    }

    /// Whether it moves the time of the last success.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Held)
    }
}

/// What happened to objects of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KindCounts {
    /// Created; for memberships: added.
    pub created: u64,
    /// Changed, renamed or enabled again.
    pub updated: u64,
    /// Already as they should be.
    pub unchanged: u64,
    /// Disabled; for groups: emptied because they left.
    pub disabled: u64,
    /// Deleted; for memberships: removed.
    pub deleted: u64,
    /// Wanted and not done because of an error.
    pub failed: u64,
    /// At the source but out of scope.
    pub filtered: u64,
    /// Not done because a limit says a person must look first.
    pub held: u64,
}

/// What happened, by kind of object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Users.
    pub users: KindCounts,
    /// Groups.
    pub groups: KindCounts,
    /// Memberships.
    pub memberships: KindCounts,
}

/// Which key of the connector file filtered how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilteredBy {
    /// Users.
    pub users: BTreeMap<ScopeRule, u64>,
    /// Groups.
    pub groups: BTreeMap<ScopeRule, u64>,
}

/// A user that left and is left alone until its grace is over (RULES 21).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The name in the target.
    #[schemars(with = "String")]
    pub username: CompactString,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// A list that was not read to its end, and what was therefore left alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NotProven {
    /// Which list: `users`, `groups`, or `members of NAME`.
    pub list: String,
    /// Why.
    pub reason: String,
    /// How many removals do not exist in the plan because of it.
    pub removals_left_out: u64,
    /// Whom they would have concerned, by name, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub left_out: Vec<CompactString>,
}

/// Which limit holds operations back; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// Users that left.
    Leavers,
    /// Memberships removed from one group.
    Memberships,
    /// Groups that left.
    Groups,
    /// Renamed users.
    Renames,
    /// Created users.
    Creates,
    /// Adoptions that are not certain, and removals on what this run adopts (RULES 6).
    Adoptions,
    /// All removals, since the source shows much less than before (RULES 19).
    View,
}

impl HoldKind {
    /// All kinds.
    pub const ALL: [HoldKind; 7] = [
        Self::Leavers,
        Self::Memberships,
        Self::Groups,
        Self::Renames,
        Self::Creates,
        Self::Adoptions,
        Self::View,
    ];

    /// The name as in JSON and in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leavers => "leavers",
            Self::Memberships => "memberships",
            Self::Groups => "groups",
            Self::Renames => "renames",
            Self::Creates => "creates",
            Self::Adoptions => "adoptions",
            Self::View => "view",
        }
    }
}

/// What makes removals happen: a change of the connector file, or the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The connector file, as people name it: `connectors.d/acme.yaml`.
    pub file: String,
    /// How many removals the old rules would not have made.
    pub from_file: u64,
    /// How many they would have made as well.
    pub from_source: u64,
}

impl Cause {
    /// `388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { file, from_file, from_source } = self;
        let all = from_file.saturating_add(*from_source);
        match (from_file, from_source) {
            (1, 0) => format!("it comes from the change of {file}"),
            (0, 1) => "it comes from Okta".to_owned(),
            (_, 0) => format!("all {all} come from the change of {file}"),
            (0, _) => format!("all {all} come from Okta, none from the change of {file}"),
            (1, others) => format!("1 of {all} comes from the change of {file}, {others} from Okta"),
            (some, others) => format!("{some} of {all} come from the change of {file}, {others} from Okta"),
        }
    }
}

/// What was held, without the operations themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldSummary {
    /// Its number, by which it is approved or discarded; none in a plan, which keeps nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// True if nobody was told of it before this run: the same hold is not shouted again.
    #[serde(default)]
    pub fresh: bool,
    /// Where the removals come from; none where the connector file did not change since the last successful run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Which limit.
    pub kind: HoldKind,
    /// The group, for memberships.
    #[schemars(with = "Option<String>")]
    pub group: Option<CompactString>,
    /// How many users, groups or memberships are held.
    pub count: u64,
    /// How many would have been allowed.
    pub allowed: u64,
    /// Of how many.
    pub base: u64,
    /// One sentence: what is held, why, and what to do.
    pub reason: String,
    /// Whom or what it concerns, by name, sorted; all of them.
    #[schemars(with = "Vec<String>")]
    pub names: Vec<CompactString>,
}

impl HoldSummary {
    /// `count` of `base` are held, and `allowed` would not be. It has no number yet, and nobody was told.
    #[must_use]
    pub fn new(kind: HoldKind, count: u64, (allowed, base): (u64, u64), reason: String) -> Self {
        let (id, group, cause) = (None, None, None);
        Self { id, fresh: true, cause, kind, group, count, allowed, base, reason, names: Vec::new() }
    }

    /// The same about members of one group.
    #[must_use]
    pub fn of_group(self, group: CompactString) -> Self {
        Self { group: Some(group), ..self }
    }
}

/// An operation that somebody decided on and that is no longer as it was then, so that it was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stale {
    /// The operation in words.
    pub summary: String,
    /// What is otherwise now, as a clause.
    pub reason: String,
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationReport {
    /// The operation in words: `create user anna@example.com`.
    pub summary: String,
    /// `applied`, `partial`, `failed`, `planned` (with `apply: off`), `held`, or `unanswered` (sent, and the daemon never
    /// saw the answer).
    pub result: String,
    /// For removals that were held, where they come from, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The hold that it is part of, if it was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<u64>,
    /// What the target said, if it failed.
    pub error: Option<String>,
    /// The operation itself, with before and after.
    pub operation: serde_json::Value,
}

/// All that is known of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The run's number, unique in one state directory.
    pub run: u64,
    /// The connector's name.
    pub connector: String,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed, and what to do; only where the outcome is failed or cancelled.
    pub error: Option<String>,
    /// The login that the run was limited to (`sync --user`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The run that this one undid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// What happened, by kind of object.
    pub counts: Counts,
    /// Which rule filtered how many.
    #[serde(default)]
    pub filtered: FilteredBy,
    /// How many users left and are in their grace.
    #[serde(default)]
    pub in_grace: u64,
    /// Who they are, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// How many users and groups were adopted.
    #[serde(default)]
    pub adopted: u64,
    /// What a person should know about single records.
    pub findings: Vec<Finding>,
    /// What was held.
    pub holds: Vec<HoldSummary>,
    /// Lists that were not read to their end.
    pub not_proven: Vec<NotProven>,
    /// The kept plan that it was limited to (`apply ID`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_plan: Option<String>,
    /// What stands in the kept plan, or was done by the run that this one undid, and is no longer so: not applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<Stale>,
    /// How many operations were left out because the kept plan does not have them.
    #[serde(default)]
    pub not_in_plan: u64,
    /// Holds whose approval this run made use of, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<u64>,
    /// How many users and groups the source showed; none for a run that did not look at everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// Requests made to the source.
    pub requests: u64,
    /// What incremental runs had left undone when a full one looked; none where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// False for a connector with `apply: off`: nothing was written, and the counts and operations are what a sync would
    /// have done (RULES 27).
    #[serde(default = "applies")]
    pub apply: bool,
    /// What the connector manages after the run.
    pub managed: Managed,
    /// The operations with their results; from the journal, and only where the whole report was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationReport>,
}

impl Report {
    /// False for a run that was limited to one user or to a kept plan, or undid another: it says nothing about how the
    /// connector is doing.
    #[must_use]
    pub fn is_about_everybody(&self) -> bool {
        self.user.is_none() && self.trigger.is_sync()
    }
}

fn applies() -> bool {
    true
}

/// What incremental runs left for a full one, in operations (RULES 22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// What they could have seen: 0, unless something is wrong.
    pub operations: u64,
    /// For who or what is no longer there, which only a full run can conclude, or Okta's System Log tells.
    pub absences: u64,
}

/// How much a source showed to the token (RULES 19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// Users in its list.
    pub users: u64,
    /// Groups in its list.
    pub groups: u64,
}

/// How much a connector manages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Managed {
    /// Users, disabled ones included.
    pub users: u64,
    /// Users that it has not disabled.
    #[serde(default)]
    pub active: u64,
    /// Groups.
    pub groups: u64,
    /// Memberships of managed users in managed groups.
    pub memberships: u64,
}

/// What a sync would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDocument {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The connector's name.
    pub connector: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// What would happen, by kind of object.
    pub counts: Counts,
    /// Which rule filters how many.
    #[serde(default)]
    pub filtered: FilteredBy,
    /// How many users left and are in their grace.
    #[serde(default)]
    pub in_grace: u64,
    /// Who they are, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// How many users and groups would be adopted.
    #[serde(default)]
    pub adopted: u64,
    /// Where its removals come from, if the connector file changed since the last successful run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What would be applied, in that order.
    pub operations: Vec<PlannedOperation>,
    /// What would be held.
    pub holds: Vec<HoldSummary>,
    /// The operations that would be held, each with the position of its hold in `holds`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldOperation>,
    /// What a person should know about single records.
    pub findings: Vec<Finding>,
    /// Lists that were not read to their end.
    pub not_proven: Vec<NotProven>,
}

/// One operation that would be held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldOperation {
    /// The position of its hold in the plan's `holds`.
    pub hold: usize,
    /// The operation.
    #[serde(flatten)]
    pub operation: PlannedOperation,
}

/// One operation of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedOperation {
    /// In words: `create user anna@example.com`.
    pub summary: String,
    /// Details in words, one line each: `email: a@example.com -> b@example.com`, `+ anna@example.com`.
    pub details: Vec<String>,
    /// Why: one clause.
    pub why: String,
    /// For removals, where they come from, if the connector file changed since the last successful run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The operation itself.
    pub operation: serde_json::Value,
}
