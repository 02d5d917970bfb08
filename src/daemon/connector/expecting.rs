//! When a connector is overdue: once it has let two chances go by. Monitoring compares these times with its own clock, so
//! that it notices a schedule that stands still, too.

use chrono::{DateTime, Utc};

use super::Task;
use crate::store::ConnectorMemory;
use crate::telemetry::metrics::Expected;

/// From when on chances are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expecting {
    /// Runs by schedule.
    runs_since: DateTime<Utc>,
    /// Looks for changes.
    looks_since: DateTime<Utc>,
}

impl Expecting {
    /// From what is remembered: a restart does not excuse what was overdue before.
    pub(super) fn remembered(memory: &ConnectorMemory, now: DateTime<Utc>) -> Self {
        Self { runs_since: memory.last_success.unwrap_or(now), looks_since: now }
    }

    /// A run about everybody succeeded, which found all changes as well.
    pub(super) fn succeeded(&mut self, at: DateTime<Utc>) {
        (self.runs_since, self.looks_since) = (at, at);
    }

    /// A look for changes succeeded.
    pub(super) fn looked(&mut self, at: DateTime<Utc>) {
        self.looks_since = at;
    }

    /// The schedule begins: it is new, or the connector was resumed.
    pub(super) fn begin(&mut self, now: DateTime<Utc>) {
        self.succeeded(now);
    }

    /// The looks for changes begin.
    pub(super) fn begin_looks(&mut self, now: DateTime<Utc>) {
        self.looks_since = now;
    }
}

impl Task {
    /// What others may expect of the connector. Nobody waits for one that is paused, nor for looks for changes that wait
    /// for a full run themselves.
    pub(super) fn expected(&self) -> Expected {
        let Expecting { runs_since, looks_since } = self.expecting;
        let looks = !self.view.paused && self.view.incremental_waits_for.is_none();
        Expected {
            interval: self.timetable.interval(),
            overdue: self.timetable.overdue(runs_since).filter(|_| !self.view.paused),
            incremental_overdue: self.rhythm.overdue(looks_since).filter(|_| looks),
        }
    }
}
