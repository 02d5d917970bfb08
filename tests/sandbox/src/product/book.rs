//! What was asked of a stand-in, and how busy it was kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Requests by operation.
    pub requests: BTreeMap<&'static str, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// `METHOD path?query` of each request, in the order of arrival, without credentials.
    pub lines: Vec<String>,
    /// How many requests were under way at once at most.
    pub most_at_once: usize,
    in_flight: usize,
    busy: BTreeMap<&'static str, Busy>,
    changes: Option<Busy>,
}

/// How busy an operation was kept, from its first request to the end of its last.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    first: Instant,
    last: Instant,
    in_flight: usize,
    /// Seconds times requests under way.
    sum: f64,
}

impl Busy {
    fn pass_time(&mut self, now: Instant) {
        self.sum += now.saturating_duration_since(self.last).as_secs_f64() * self.in_flight as f64;
        self.last = now;
    }

    /// How long it took.
    pub fn time(&self) -> Duration {
        self.last.saturating_duration_since(self.first)
    }

    /// How many requests were under way at once in the mean.
    pub fn mean(&self) -> f64 {
        let time = self.time().as_secs_f64();
        if time > 0.0 { self.sum / time } else { self.in_flight as f64 }
    }
}

impl Book {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Requests of one operation.
    pub fn of(&self, operation: &str) -> u64 {
        self.requests.get(operation).copied().unwrap_or(0)
    }

    /// How busy an operation was kept; none if it was never asked for.
    pub fn busy(&self, operation: &str) -> Option<Busy> {
        self.busy.get(operation).copied()
    }

    /// How busy requests other than GET kept it together; none if there were none.
    pub fn changes(&self) -> Option<Busy> {
        self.changes
    }

    /// For programs: requests by operation, and how long and with how many requests at once in the mean each operation, and all
    /// that were no GET together, kept it busy.
    pub(super) fn document(&self) -> Value {
        let busy = |busy: &Busy| json!({ "seconds": busy.time().as_secs_f64(), "at_once": busy.mean() });
        let operations = self.requests.iter().map(|(operation, requests)| {
            let known = self.busy(operation).map(|known| busy(&known));
            json!({ "operation": operation, "requests": requests, "busy": known })
        });
        json!({
            "total": self.total(),
            "operations": operations.collect::<Vec<_>>(),
            "changes": self.changes.as_ref().map(busy),
            "most_at_once": self.most_at_once,
        })
    }

    pub(super) fn begin(&mut self, (operation, changes): (&'static str, bool), line: String, now: Instant) {
        *self.requests.entry(operation).or_default() += 1;
        self.lines.push(line);
        self.in_flight += 1;
        self.most_at_once = self.most_at_once.max(self.in_flight);
        let fresh = Busy { first: now, last: now, in_flight: 0, sum: 0.0 };
        let all = changes.then(|| self.changes.get_or_insert(fresh));
        for busy in [Some(self.busy.entry(operation).or_insert(fresh)), all].into_iter().flatten() {
            busy.pass_time(now);
            busy.in_flight += 1;
        }
    }

    pub(super) fn end(
        &mut self,
        (operation, changes): (&'static str, bool),
        status: Option<u16>,
        now: Instant,
    ) {
        if let Some(status) = status {
            *self.statuses.entry(status).or_default() += 1;
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        let all = self.changes.as_mut().filter(|_| changes);
        for busy in [self.busy.get_mut(operation), all].into_iter().flatten() {
            busy.pass_time(now);
            busy.in_flight = busy.in_flight.saturating_sub(1);
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self { in_flight: self.in_flight, ..Self::default() };
    }
}
