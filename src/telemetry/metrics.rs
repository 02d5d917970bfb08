//! The metric registry. One method per thing that happens; the names of series stand in this file only.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::control::api::ConnectorState;
use crate::store::ConnectorMemory;
use crate::sync::report::{Report, Trigger};

/// All metrics of the daemon, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics;

#[allow(unused_variables, clippy::unimplemented, reason = "replaced shortly")]
impl Metrics {
    /// A registry of its own; every series without a connector label exists at once.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
    /// The text form that Prometheus scrapes.
    #[must_use]
    pub fn text(&self) -> String {
        String::new()
    }
    /// A connector was loaded: its series exist from now on, restored from what is remembered of it.
    pub fn connector_loaded(&self, connector: &str, memory: &ConnectorMemory) {}
    /// A connector is gone, and its series with it.
    pub fn connector_gone(&self, connector: &str) {}
    /// How many connectors are in each state.
    pub fn connector_states(&self, states: &[ConnectorState]) {}
    /// When the connector runs next, and how far apart its runs are.
    pub fn next_run(&self, connector: &str, at: Option<DateTime<Utc>>, interval: Option<Duration>) {}
    /// A run began.
    pub fn run_began(&self, connector: &str, trigger: Trigger, at: DateTime<Utc>) {}
    /// A run ended.
    pub fn run_ended(&self, report: &Report) {}
    /// The configuration was read (again); `good` if nothing was rejected.
    pub fn config_reloaded(&self, good: bool, at: DateTime<Utc>) {}
    /// A request to a remote API ended with an HTTP status, or with none where no answer came.
    pub fn http_request(&self, api: &'static str, status: Option<u16>, took: Duration) {}
    /// What the last answer said is left of a rate-limit window.
    pub fn rate_limit_remaining(&self, org: &str, bucket: &'static str, remaining: u64) {}
    /// A request waited for a rate-limit window.
    pub fn rate_limit_waited(&self, org: &str, bucket: &'static str, waited: Duration) {}
}
