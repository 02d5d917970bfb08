//! One run from start to end: read both sides, desire, diff, guard, apply, report.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::progress::RunControl;
use super::report::{Report, Trigger};
use crate::clock::Clock;
use crate::config::model::Connector;
use crate::control::api::PlanDocument;
use crate::source::Source;
use crate::store::Store;
use crate::sync::model::Binding;
use crate::target::{Reader, Writer};

/// What a run of one connector works with.
#[derive(Clone)]
pub struct Services {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Where it reads.
    pub source: Arc<dyn Source>,
    /// What the target holds.
    pub reader: Arc<dyn Reader>,
    /// How the target is changed.
    pub writer: Arc<dyn Writer>,
    /// Held while anything is applied to this target, by all connectors that have it (law 8).
    pub apply_lock: Arc<tokio::sync::Mutex<()>>,
}

/// Which run this is.
#[derive(Clone, Debug)]
pub struct RunTicket {
    /// Its number, from [`Store::begin_run`].
    pub run: u64,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started: DateTime<Utc>,
}

/// Syncs once. Never fails: whatever goes wrong is in the report, which the caller stores with [`Store::end_run`].
#[allow(clippy::unimplemented, unused_variables, clippy::unused_async, reason = "replaced shortly")]
pub async fn sync(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    control: &RunControl,
) -> Report {
    unimplemented!()
}

/// Says what a sync would do, and writes nothing. The error is a whole sentence.
#[allow(clippy::unimplemented, unused_variables, clippy::unused_async, reason = "replaced shortly")]
pub async fn plan(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
) -> Result<PlanDocument, String> {
    unimplemented!()
}

/// What the ledger of this connector should belong to, asked of the source and the target (for `ctl rebind`).
#[allow(clippy::unimplemented, unused_variables, clippy::unused_async, reason = "replaced shortly")]
pub async fn present_binding(services: &Services, control: &RunControl) -> Result<Binding, String> {
    unimplemented!()
}

/// The report of a run that ended without applying anything.
#[must_use]
pub fn failed_report(connector: &str, ticket: &RunTicket, ended: DateTime<Utc>, error: String) -> Report {
    Report {
        format_version: super::report::FORMAT_VERSION,
        run: ticket.run,
        connector: connector.to_owned(),
        trigger: ticket.trigger,
        started: ticket.started,
        ended,
        outcome: super::report::Outcome::Failed,
        error: Some(error),
        counts: super::report::Counts::default(),
        findings: Vec::new(),
        holds: Vec::new(),
        not_proven: Vec::new(),
        requests: 0,
        managed: super::report::Managed::default(),
        operations: Vec::new(),
    }
}
