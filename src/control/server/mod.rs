//! The daemon's end of the control socket: HTTP, JSON, and who may do what. What is to be done stands behind [`Control`].
//!
//! One request per connection. A request must come whole within [`REQUEST_TIME`], its head within 16 KiB and its body
//! within 64 KiB; hyper answers an oversized or unreadable head by itself, with 431 or 400 and no body.
//!
//! One file per subject has its handlers and the table that describes them; `routes` joins these tables, `describe` says what such
//! a table holds, and `openapi` makes the document of it.

mod answer;
mod backup;
mod caller;
mod connections;
mod connectors;
mod daemon;
mod describe;
mod directory;
mod holds;
mod inherited;
mod ledger;
mod openapi;
mod plans;
mod request;
mod routes;
mod runs;
mod socket;
#[cfg(test)]
mod tests;
mod turn_away;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use futures_util::Stream;
use tokio_util::sync::CancellationToken;

pub use caller::Gate;
pub use inherited::inherited;
pub use socket::{Socket, bind, take_over};
pub use turn_away::turn_away;

use super::api::{
    ApproveRequest, ConnectorConfiguration, ConnectorStatus, DaemonStatus, Diagnosis, DirectoryGroup,
    DirectoryUser, Explanation, HoldDocument, HoldView, KeptPlan, KeptPlanDocument, PlanRequest,
    RebindAnswer, RelinkAnswer, ReloadAnswer, RunEvent, RunSummary, UndoRequest,
};
use super::fault::Fault;
use crate::sync::engine::UserRequest;
use crate::sync::report::Report;

/// How long a request may take to come.
pub const REQUEST_TIME: Duration = Duration::from_secs(10);

/// What happens to a requested run, to its end.
pub type Events = Pin<Box<dyn Stream<Item = RunEvent> + Send>>;

/// A backup, as it is sent.
pub struct Archive {
    /// In bytes.
    pub length: u64,
    /// A tar archive. Dropping it ends the backup.
    pub bytes: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
}

/// What a sync is to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncExtent {
    /// All there is.
    Everybody,
    /// What changed at the source since the last run.
    Changes,
    /// One user.
    User(UserRequest),
}

/// What the socket asks of the daemon. Names come decoded and may be anything.
#[async_trait]
pub trait Control: Send + Sync + 'static {
    /// The whole daemon with all connectors, sorted by name.
    fn status(&self) -> DaemonStatus;
    /// One connector.
    fn connector(&self, name: &str) -> Result<ConnectorStatus, Fault>;
    /// What is in force for a connector.
    fn configuration(&self, name: &str) -> Result<ConnectorConfiguration, Fault>;
    /// Asks for a sync. Dropping the events leaves the run alone.
    async fn sync(&self, name: &str, extent: SyncExtent) -> Result<Events, Fault>;
    /// Asks for a plan, to be kept if the request says so; `uid` is the caller's.
    async fn plan(&self, name: &str, request: PlanRequest, uid: u32) -> Result<Events, Fault>;
    /// All kept plans, by name.
    async fn kept_plans(&self) -> Result<Vec<KeptPlan>, Fault>;
    /// One kept plan.
    async fn kept_plan(&self, id: &str) -> Result<KeptPlanDocument, Fault>;
    /// Has exactly the operations of a kept plan applied that are still right.
    async fn apply(&self, plan: &str, uid: u32) -> Result<Events, Fault>;
    /// Holds, newest first, of one connector or of all; with `all` those too that nobody has to decide on any more.
    async fn holds(&self, connector: Option<&str>, all: bool) -> Result<Vec<HoldView>, Fault>;
    /// One hold with its operations.
    async fn hold(&self, id: u64) -> Result<HoldDocument, Fault>;
    /// Approves a hold, says so, and begins a run unless the request says later.
    async fn approve(
        &self,
        hold: u64,
        request: ApproveRequest,
        uid: u32,
    ) -> Result<(String, Option<Events>), Fault>;
    /// Puts a hold aside, or takes its approval back; says what that means.
    async fn discard(&self, hold: u64, uid: u32) -> Result<String, Fault>;
    /// Says what undoing a run would do, or does it.
    async fn undo(&self, run: u64, request: UndoRequest, uid: u32) -> Result<Events, Fault>;
    /// Says why a user is in or out. Dropping the future gives it up.
    async fn explain(&self, name: &str, login: &str) -> Result<Explanation, Fault>;
    /// Looks at everything that a connector needs, and writes nothing. Dropping the future gives it up.
    async fn doctor(&self, name: &str) -> Result<Diagnosis, Fault>;
    /// Cancels what is busy and what waits; says what that was.
    async fn cancel(&self, name: &str) -> Result<String, Fault>;
    /// Pauses or resumes.
    async fn set_paused(&self, name: &str, paused: bool) -> Result<String, Fault>;
    /// Binds the ledger to the present source and target, or says what that would change.
    async fn rebind(&self, name: &str, confirm: bool) -> Result<RebindAnswer, Fault>;
    /// Rebuilds the ledger from what the target keeps, or says what that would link. Dropping the future gives it up while it reads.
    async fn relink(&self, name: &str, confirm: bool) -> Result<RelinkAnswer, Fault>;
    /// Gives the ledger of a connector whose file is gone to another name.
    async fn rename(&self, from: &str, to: &str) -> Result<String, Fault>;
    /// Stops managing a user.
    async fn release(&self, name: &str, login: &str) -> Result<String, Fault>;
    /// Runs, newest first.
    async fn runs(&self, connector: Option<&str>, limit: usize) -> Result<Vec<RunSummary>, Fault>;
    /// One run with its operations.
    async fn run(&self, run: u64) -> Result<Report, Fault>;
    /// Copies the state directory. One at a time.
    async fn backup(&self) -> Result<Archive, Fault>;
    /// Reads the files now.
    async fn reload(&self) -> Result<ReloadAnswer, Fault>;
    /// Changes the log level.
    async fn set_log_level(&self, level: &str) -> Result<String, Fault>;
    /// Users of the built-in directory.
    async fn directory_users(&self) -> Result<Vec<DirectoryUser>, Fault>;
    /// Groups of the built-in directory.
    async fn directory_groups(&self) -> Result<Vec<DirectoryGroup>, Fault>;
    /// Usernames in a group of the built-in directory, sorted.
    async fn directory_members(&self, group: &str) -> Result<Vec<String>, Fault>;
}

/// Serves until `stop`; answers that are under way then have two seconds to reach their client.
pub async fn serve(socket: Socket, control: Arc<dyn Control>, gate: Gate, stop: CancellationToken) {
    connections::serve(&socket, routes::routes(control, gate), stop).await;
}
