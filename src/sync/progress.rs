//! How far a run is: counters that the run adds to and that anybody may look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for its turn.
    Waiting,
    /// Reading source and target.
    Reading,
    /// Comparing.
    Planning,
    /// Writing to the target.
    Applying,
    /// Over.
    Done,
}

/// Who can refuse what a connector signs in with; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the truth is read.
    Source,
    /// Where it is written.
    Target,
}

impl Side {
    /// Both.
    pub const ALL: [Side; 2] = [Self::Source, Self::Target];

    /// The name as in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

const PHASES: [Phase; 5] = [Phase::Waiting, Phase::Reading, Phase::Planning, Phase::Applying, Phase::Done];

/// Shared by the run and those who watch it; clones count together.
#[derive(Clone, Debug)]
pub struct Progress {
    own: Arc<Counters>,
    /// Of other runs, which what is done here is done for as well.
    others: Arc<[Progress]>,
}

#[derive(Debug, Default)]
struct Counters {
    phase: AtomicU8,
    users_read: AtomicU64,
    groups_read: AtomicU64,
    groups_total: AtomicU64,
    operations_applied: AtomicU64,
    operations_total: AtomicU64,
    requests: AtomicU64,
    waiting: AtomicU64,
    let_in: AtomicBool,
    refused: [AtomicBool; 2],
}

impl Counters {
    fn refusal(&self, by: Side) -> &AtomicBool {
        let [source, target] = &self.refused;
        match by {
            Side::Source => source,
            Side::Target => target,
        }
    }
}

/// One look at a [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgressView {
    /// What the run is doing.
    pub phase: Phase,
    /// Users read from the source.
    pub users_read: u64,
    /// Groups whose members were read from the source.
    pub groups_read: u64,
    /// Groups found so far.
    pub groups_total: u64,
    /// Operations that have an outcome.
    pub operations_applied: u64,
    /// Operations approved; 0 until the plan is made.
    pub operations_total: u64,
    /// Requests sent to the source so far.
    pub requests: u64,
    /// Requests that wait for a rate-limit window at this moment.
    pub waiting_for_rate_limit: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { own: Arc::default(), others: Arc::new([]) }
    }
}

impl Progress {
    /// What counts for all of these.
    pub fn of_all<'p>(all: impl Iterator<Item = &'p Progress>) -> Self {
        Self { own: Arc::default(), others: all.cloned().collect() }
    }

    fn each(&self, count: &impl Fn(&Counters)) {
        count(&self.own);
        self.others.iter().for_each(|other| other.each(count));
    }

    fn add(&self, counter: impl Fn(&Counters) -> &AtomicU64, count: u64) {
        self.each(&|counters: &Counters| {
            counter(counters).fetch_add(count, Ordering::Relaxed);
        });
    }

    /// Says what the run does now.
    pub fn enter(&self, phase: Phase) {
        self.each(&|counters: &Counters| counters.phase.store(phase as u8, Ordering::Relaxed));
    }
    /// Counts users read.
    pub fn users_read(&self, count: u64) {
        self.add(|counters| &counters.users_read, count);
    }
    /// Counts groups found.
    pub fn groups_found(&self, count: u64) {
        self.add(|counters| &counters.groups_total, count);
    }
    /// Counts groups whose members were read.
    pub fn groups_read(&self, count: u64) {
        self.add(|counters| &counters.groups_read, count);
    }
    /// Says how many operations will be applied.
    pub fn operations_approved(&self, count: u64) {
        self.each(&|counters: &Counters| counters.operations_total.store(count, Ordering::Relaxed));
    }
    /// Counts operations that have an outcome.
    pub fn operations_applied(&self, count: u64) {
        self.add(|counters| &counters.operations_applied, count);
    }
    /// Counts a request to the source.
    pub fn request_sent(&self) {
        self.add(|counters| &counters.requests, 1);
    }
    /// A request begins to wait for a rate-limit window.
    pub fn rate_limit_wait_begins(&self) {
        self.add(|counters| &counters.waiting, 1);
    }
    /// A request has waited long enough.
    pub fn rate_limit_wait_ends(&self) {
        self.each(&|counters: &Counters| {
            counters.waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// The source answered as it answers those whom it lets in.
    pub fn let_in(&self) {
        self.each(&|counters: &Counters| counters.let_in.store(true, Ordering::Relaxed));
    }
    /// Whether it ever did.
    #[must_use]
    pub fn was_let_in(&self) -> bool {
        self.own.let_in.load(Ordering::Relaxed)
    }

    /// That side refused what the connector signs in with, or lets it read nothing of what it has to read.
    pub fn refused(&self, by: Side) {
        self.each(&|counters: &Counters| counters.refusal(by).store(true, Ordering::Relaxed));
    }
    /// Whether it ever did.
    #[must_use]
    pub fn was_refused(&self, by: Side) -> bool {
        self.own.refusal(by).load(Ordering::Relaxed)
    }

    /// The counters now.
    #[must_use]
    pub fn view(&self) -> ProgressView {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let phase = usize::from(self.own.phase.load(Ordering::Relaxed));
        ProgressView {
            phase: PHASES.get(phase).copied().unwrap_or(Phase::Waiting),
            users_read: load(&self.own.users_read),
            groups_read: load(&self.own.groups_read),
            groups_total: load(&self.own.groups_total),
            operations_applied: load(&self.own.operations_applied),
            operations_total: load(&self.own.operations_total),
            requests: load(&self.own.requests),
            waiting_for_rate_limit: load(&self.own.waiting),
        }
    }
}

/// What a run and the rooms below it share with whoever started it.
#[derive(Clone, Debug, Default)]
pub struct RunControl {
    /// How far it is.
    pub progress: Progress,
    /// Cancelled when the run must begin nothing new.
    pub cancel: CancellationToken,
}
