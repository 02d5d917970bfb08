//! What goes over the control socket. Both ends use these types; `curl --unix-socket` sees them as JSON.
//!
//! [`super::server`] has the routes, and `/v1/openapi.json` describes them and these types: their comments are its descriptions, and what serde
//! and `schemars` say of a field is its schema. docs/control-api.md shows each route to people.
//!
//! A new route is one entry in the table `routes()` of the file in `src/control/server` that is about its subject: path, handler, and an
//! `Operation` that says what goes in and out. Its types derive `JsonSchema`, and those of requests `deny_unknown_fields`; whatever else a
//! handler refuses belongs into the schema of its type too. It also needs an example in docs/control-api.md. Tests see to the rest.
//!
//! Every error is an [`ErrorBody`] with a fitting status.

mod doctor;
mod trust;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::sync::explain::Explanation;
use crate::sync::model::Finding;
use crate::sync::progress::ProgressView;
pub use crate::sync::relink::{LeftAlone, ObjectKind, Relinked};
use crate::sync::report::{Managed, Report, Trigger};
pub use crate::sync::report::{PlanDocument, PlannedOperation, RunSummary};
pub use crate::target::directory::{DirectoryGroup, DirectoryUser};
pub use doctor::{Check, CheckName, Diagnosis, Subject, Verdict};
pub use trust::{
    ApplyRequest, Approval, ApproveRequest, HoldDocument, HoldList, HoldState, HoldView, KeptPlan,
    KeptPlanDocument, KeptPlanList, LONGEST_HOURS, PlanRequest, UndoDocument, UndoRequest, can_name_a_plan,
};

/// An error as the socket tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// What went wrong, for programs.
    pub error: ErrorKind,
    /// What went wrong and what to do, for people.
    pub message: String,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request is not understood (400).
    BadRequest,
    /// The caller may not do this (403).
    NotPermitted,
    /// No connector, run or group of that name (404).
    NotFound,
    /// What is there does not know this method (405).
    MethodNotAllowed,
    /// Not possible in the present state: paused, shutting down, configuration broken (409).
    Conflict,
    /// The body of the request is too long (413).
    TooLarge,
    /// A fault of the daemon or its store (500).
    Internal,
    /// The daemon does not start (503).
    Unavailable,
}

/// Something was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// What was done, as a sentence.
    pub message: String,
}

/// The state of the whole daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatus {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The version of the program.
    pub version: String,
    /// The daemon's process id.
    pub pid: u32,
    /// When it started.
    pub started: DateTime<Utc>,
    /// usersyncd.yaml, if there is one.
    pub config: String,
    /// The state directory.
    pub state: String,
    /// Where metrics are served, with the port that was taken.
    pub metrics: Option<String>,
    /// True while it drains.
    pub stopping: bool,
    /// Keys of usersyncd.yaml that changed and need a restart.
    pub restart_needed_for: Vec<String>,
    /// All connectors, sorted by name.
    pub connectors: Vec<ConnectorStatus>,
}

/// All connectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorList {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Sorted by name.
    pub connectors: Vec<ConnectorStatus>,
}

/// The state of a connector; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorState {
    /// Waiting for its schedule or for a request.
    Idle,
    /// A run is busy.
    Running,
    /// Somebody paused it.
    Paused,
    /// Its last run held something back.
    Held,
    /// Its last run failed or was partial.
    Failing,
    /// Its file is broken; the last good version runs if there is one.
    ConfigError,
}

impl ConnectorState {
    /// All states.
    pub const ALL: [ConnectorState; 6] =
        [Self::Idle, Self::Running, Self::Paused, Self::Held, Self::Failing, Self::ConfigError];

    /// The name as in JSON and in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::Failing => "failing",
            Self::ConfigError => "config_error",
        }
    }
}

/// One connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ConnectorState,
    /// False if its last good configuration cannot run (it was broken at the daemon's start).
    pub runnable: bool,
    /// The source's origin, if known.
    pub source: Option<String>,
    /// The target's address, if known.
    pub target: Option<String>,
    /// The cron expression with its zone, if it has a schedule.
    pub schedule: Option<String>,
    /// False for a connector that plans and writes nothing.
    pub apply: bool,
    /// Why it is paused, if it is and somebody said so: `run 17 was undone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// When it runs next by itself.
    pub next_run: Option<DateTime<Utc>>,
    /// How changes are looked for between full runs, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<IncrementalStatus>,
    /// How long its API token lasts; none for a service app, and before the first run that reached Okta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenStatus>,
    /// A sync waits in its queue.
    pub queued: bool,
    /// How many syncs wait: a full one counts once, and each one of a single user.
    #[serde(default)]
    pub waiting: u64,
    /// The run that is busy.
    pub current: Option<CurrentRun>,
    /// The last run that ended.
    pub last_run: Option<RunSummary>,
    /// When a run last ended with success (or held).
    pub last_success: Option<DateTime<Utc>>,
    /// What it manages, after the last run.
    pub managed: Managed,
    /// What is wrong with its file, as `usersyncd check` prints it.
    pub config_error: Option<String>,
}

/// How changes are looked for between full runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncrementalStatus {
    /// How often, in seconds.
    pub every_seconds: u64,
    /// When that last ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<DateTime<Utc>>,
    /// Why it does not happen before the next full run: the end of a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// How long an API token lasts, which Okta drops when nobody used it for 30 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenStatus {
    /// When it was last used, as far as the daemon knows.
    pub last_used: DateTime<Utc>,
    /// When it lapses unless it is used before.
    pub lapses_at: DateTime<Utc>,
    /// When the daemon uses it next by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_use: Option<DateTime<Utc>>,
    /// Whether that is never, or too late.
    pub will_lapse: bool,
    /// Why it will lapse: the end of a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl TokenStatus {
    /// Whether it is time to warn that it will lapse. What runs when a person asks has half the time for that; a schedule
    /// that leaves too much time is wrong from the start.
    #[must_use]
    pub fn is_pressing(&self, now: DateTime<Utc>) -> bool {
        let half = (self.lapses_at - self.last_used) / 2;
        self.will_lapse && (self.next_use.is_some() || now >= self.last_used + half)
    }
}

/// A run that is busy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentRun {
    /// Its number.
    pub run: u64,
    /// What started it.
    pub trigger: Trigger,
    /// The login that it is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it began.
    pub started: DateTime<Utc>,
    /// How far it is.
    pub progress: ProgressView,
}

/// Runs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunList {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Newest first.
    pub runs: Vec<RunSummary>,
}

/// What is in force for a connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorConfiguration {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Its name.
    pub name: String,
    /// The file.
    pub path: String,
    /// The effective configuration as YAML with every default filled in; secrets are named, never shown.
    pub yaml: String,
    /// The next five runs; empty without a schedule.
    pub next_runs: Vec<DateTime<Utc>>,
    /// What is wrong with the file now, if an older version is in force.
    pub config_error: Option<String>,
}

/// The longest login or name of a user, in characters; Okta's longest is 100, and no target takes more than this.
pub const LONGEST_LOGIN: usize = 255;

/// What a login or a name of a user in the target looks like: no control characters, and something beside spaces.
const LOGIN: &str = r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$";

/// Asks for a sync: of everybody, of one user, or of what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("allOf" = [
    { "if": { "properties": { "restore": { "const": true } }, "required": ["restore"] },
      "then": { "properties": { "user": { "type": "string" } }, "required": ["user"] } },
    { "if": { "properties": { "incremental": { "const": true } }, "required": ["incremental"] },
      "then": { "properties": { "user": { "type": "null" } } } },
]))]
pub struct SyncRequest {
    /// Stream events until the run ends.
    pub wait: bool,
    /// Only this user, by login or by name in the target, and nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = LONGEST_LOGIN), regex(pattern = LOGIN))]
    pub user: Option<String>,
    /// With `user`: take back an account that somebody else disabled or deleted in the target.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restore: bool,
    /// Only what changed at the source since the last run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incremental: bool,
}

/// Asks why a user is in or out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The user, by login or by name in the target.
    #[schemars(length(min = 1, max = LONGEST_LOGIN), regex(pattern = LOGIN))]
    pub login: String,
}

/// What happens to a requested run, one per line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// Another run is busy; this request waits in the connector's queue slot (shared with equal requests).
    Queued {
        /// The run it waits for.
        behind: u64,
    },
    /// The run began.
    Started {
        /// Its number.
        run: u64,
    },
    /// How far it is; at most a few per second.
    Progress {
        /// The counters.
        progress: ProgressView,
    },
    /// Something to say beside, for instance that an older version of a broken file is in force.
    Notice {
        /// A sentence.
        message: String,
    },
    /// The run ended; the last event of a sync.
    Finished {
        /// What it did, without the single operations.
        report: Box<Report>,
    },
    /// The plan; the last event of a plan.
    Planned {
        /// The plan.
        plan: Box<PlanDocument>,
        /// Under which name it is kept, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Box<KeptPlan>>,
    },
    /// What undoing a run would do; the last event of an undo that is not confirmed.
    UndoPlanned {
        /// The operations, and what cannot be undone.
        undo: Box<UndoDocument>,
    },
    /// The request could not be carried out; the last event.
    Refused {
        /// What for programs.
        error: ErrorKind,
        /// Why, and what to do.
        message: String,
    },
}

/// Asks to bind a ledger to the present source and target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RebindRequest {
    /// False: only say what would change.
    pub confirm: bool,
}

/// What a rebind changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RebindAnswer {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// What the ledger belonged to.
    pub before: Option<crate::sync::model::Binding>,
    /// What it belongs to from now on, or would.
    pub after: crate::sync::model::Binding,
    /// How many users the ledger has.
    pub users: u64,
    /// How many groups.
    pub groups: u64,
    /// How many of the users stand in the target under the name and id that the ledger has; the others are forgotten.
    pub kept_users: u64,
    /// The same for groups.
    pub kept_groups: u64,
    /// Whether it was done.
    pub done: bool,
}

/// Asks to rebuild a lost ledger from what the target keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RelinkRequest {
    /// False: only say what would be linked.
    pub confirm: bool,
}

/// What a relink does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelinkAnswer {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// What the ledger belongs to.
    pub binding: crate::sync::model::Binding,
    /// What carries the id of a record of the source: it is linked. Sorted by kind and name.
    pub by_id: Vec<Relinked>,
    /// What has the name (and, where it is shown, the e-mail address) of a record in scope, and no id: the next sync holds it
    /// until somebody approves.
    pub by_name: Vec<Relinked>,
    /// What carries an id and is not linked.
    pub left_alone: Vec<LeftAlone>,
    /// What bears the name of a record in scope and is not linked.
    pub findings: Vec<Finding>,
    /// Whether it was done.
    pub done: bool,
}

/// Gives a ledger to a connector whose file was renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameRequest {
    /// The new name.
    #[schemars(regex(pattern = trust::PLAIN_NAME))]
    pub to: String,
}

/// Stops managing a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The user's name in the target.
    pub login: String,
}

/// What a reload found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadAnswer {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// New connectors.
    pub added: Vec<String>,
    /// Connectors whose file changed.
    pub updated: Vec<String>,
    /// Connectors whose file did not change.
    pub unchanged: Vec<String>,
    /// Connectors whose file is gone.
    pub removed: Vec<String>,
    /// Files that are broken, each with its diagnostics.
    pub rejected: Vec<Rejected>,
    /// Keys of usersyncd.yaml that changed and are in force now.
    pub settings_taken_over: Vec<String>,
    /// Keys of usersyncd.yaml that changed and need a restart.
    pub restart_needed_for: Vec<String>,
}

/// A broken file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The connector's name, or `usersyncd.yaml`.
    pub name: String,
    /// The diagnostics as `usersyncd check` prints them.
    pub diagnostics: String,
    /// Whether an older version stays in force.
    pub last_good_in_force: bool,
}

/// Changes the log level until the next change of usersyncd.yaml or restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevelRequest {
    /// error, warn, info, debug or trace.
    #[schemars(extend("enum" = ["error", "warn", "info", "debug", "trace"]))]
    pub level: String,
}

/// Users of the built-in directory, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryUsers {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Sorted by username.
    pub users: Vec<DirectoryUser>,
}

/// Groups of the built-in directory, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryGroups {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// Sorted by name.
    pub groups: Vec<DirectoryGroup>,
}

/// Members of one group of the built-in directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryMembers {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The group.
    #[schemars(with = "String")]
    pub group: CompactString,
    /// Usernames, sorted.
    #[schemars(with = "Vec<String>")]
    pub members: Vec<CompactString>,
}
