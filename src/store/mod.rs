//! What the daemon remembers: ledgers, runs with their reports, the journal. SQLite behind this one narrow interface.
//!
//! Nothing here decides anything. A [`Store`] is a handle to one thread that owns the connection; every method is one
//! transaction, durable when it returns.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::control::api::RunSummary;
use crate::sync::model::{Binding, Ledger, SourceId};
use crate::sync::report::{Report, Trigger};

/// What is remembered of a connector between runs and restarts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectorMemory {
    /// Somebody paused it (survives restarts, RULES 26).
    pub paused: bool,
    /// The last run that ended.
    pub last_run: Option<RunSummary>,
    /// When a run last began.
    pub last_attempt: Option<DateTime<Utc>>,
    /// When a run last ended with success.
    pub last_success: Option<DateTime<Utc>>,
    /// The last time for which a scheduled run was begun or skipped: what is due is computed from it.
    pub last_scheduled: Option<DateTime<Utc>>,
    /// The last whole report, without operations.
    pub last_report: Option<Report>,
}

/// Why the store did not do it. The text is a whole sentence for an administrator.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// A handle to the store, cheap to clone.
#[derive(Clone, Debug)]
pub struct Store;

#[allow(clippy::unimplemented, unused_variables, clippy::unused_async, reason = "replaced shortly")]
impl Store {
    /// Opens (or makes) `DIRECTORY/state.db`, takes the lock that keeps a second daemon out, and migrates.
    pub async fn open(directory: &Path) -> Result<Self, StoreError> {
        unimplemented!()
    }
    /// All that a connector manages.
    pub async fn ledger(&self, connector: &str) -> Result<Ledger, StoreError> {
        unimplemented!()
    }
    /// What is remembered of a connector; the default for a new one.
    pub async fn memory(&self, connector: &str) -> Result<ConnectorMemory, StoreError> {
        unimplemented!()
    }
    /// Remembers that the connector is paused or not.
    pub async fn set_paused(&self, connector: &str, paused: bool) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Remembers up to which scheduled time runs were begun or skipped.
    pub async fn set_last_scheduled(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Records that a run begins and returns its number.
    pub async fn begin_run(
        &self,
        connector: &str,
        trigger: Trigger,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        unimplemented!()
    }
    /// Records how a run ended.
    pub async fn end_run(&self, report: &Report) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Runs, newest first, of one connector or of all.
    pub async fn runs(&self, connector: Option<&str>, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        unimplemented!()
    }
    /// A run's report with its operations from the journal.
    pub async fn report(&self, run: u64) -> Result<Option<Report>, StoreError> {
        unimplemented!()
    }
    /// Binds a ledger (RULES 1).
    pub async fn bind(&self, connector: &str, binding: &Binding) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Gives ledger, runs and journal of one connector to another name that has none. An error says why not.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Stops managing the user of that name in the target; returns its source id, or none if nobody bears the name.
    pub async fn release(&self, connector: &str, username: &str) -> Result<Option<SourceId>, StoreError> {
        unimplemented!()
    }
}
