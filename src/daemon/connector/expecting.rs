//! When a connector is overdue: once it has let two chances go by. Monitoring compares these times with its own clock, so
//! that it notices a schedule that stands still, too.

use chrono::{DateTime, Utc};

use super::Task;
use crate::store::ConnectorMemory;
use crate::telemetry::metrics::Expected;

/// From when on chances are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expecting {
    /// Runs by schedule; none until a schedule begins or something is remembered.
    runs_since: Option<DateTime<Utc>>,
    /// Looks for changes.
    looks_since: DateTime<Utc>,
}

impl Expecting {
    /// From what is remembered: a restart does not excuse what was overdue before.
    pub(super) fn remembered(memory: &ConnectorMemory, now: DateTime<Utc>) -> Self {
        Self { runs_since: memory.last_success.max(memory.expected_since), looks_since: now }
    }

    /// Whether anything is known of how long runs were expected.
    pub(super) fn is_known(&self) -> bool {
        self.runs_since.is_some()
    }

    /// A run about everybody succeeded, which found all changes as well.
    pub(super) fn succeeded(&mut self, at: DateTime<Utc>) {
        (self.runs_since, self.looks_since) = (Some(at), at);
    }

    /// A look for changes succeeded.
    pub(super) fn looked(&mut self, at: DateTime<Utc>) {
        self.looks_since = at;
    }

    /// The looks for changes begin.
    pub(super) fn begin_looks(&mut self, now: DateTime<Utc>) {
        self.looks_since = now;
    }
}

impl Task {
    /// The schedule begins: it is new, or the connector was resumed.
    pub(super) async fn expect_from(&mut self, now: DateTime<Utc>) {
        self.expecting.succeeded(now);
        if let Err(error) = self.common.records.set_expected_since(&self.name, now).await {
            tracing::warn!(
                connector = self.name,
                "could not remember since when runs are expected, so it may count as overdue after a restart: {error}"
            );
        }
    }

    /// What others may expect of the connector. Nobody waits for one that is paused, nor for looks for changes that wait
    /// for a full run themselves.
    pub(super) fn expected(&self) -> Expected {
        let Expecting { runs_since, looks_since } = self.expecting;
        let looks = !self.view.paused && self.view.incremental_waits_for.is_none();
        Expected {
            interval: self.timetable.interval(),
            overdue: runs_since.and_then(|since| self.timetable.overdue(since)).filter(|_| !self.view.paused),
            incremental_overdue: self.rhythm.overdue(looks_since).filter(|_| looks),
        }
    }
}
