//! What the page is made of, and who gets it together.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::control::api::{ConnectorState, ConnectorStatus, DaemonStatus, HoldState, HoldView, RunSummary};
use crate::sync::model::FindingKind;
use crate::sync::report::Outcome;

/// Connectors in the table of all, at most; beyond them there is the command line.
pub(super) const MOST_ROWS: usize = 500;
/// Connectors whose details stand on the page of all, at most; the others have pages of their own.
pub const MOST_DETAILS: usize = 20;
/// Holds on a page, at most.
pub const MOST_HOLDS: usize = 50;
/// Names shown of a hold, and records of a run's findings, at most.
pub const MOST_NAMES: usize = 20;

/// Whoever knows how the daemon is doing.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The connectors that there are, from memory alone.
    fn has(&self, connector: &str) -> bool;
    /// All that the page shows: of all connectors, or of this one. It answers within a few seconds, with less if need be.
    async fn facts(&self, connector: Option<&str>) -> Facts;
}

/// All that a page shows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it was got together.
    pub now: DateTime<Utc>,
    /// The daemon and its connectors, from memory.
    pub status: DaemonStatus,
    /// What somebody may still decide on: open holds first, then approved ones, then those that were put aside; the newest
    /// of each first. [`MOST_HOLDS`] at most.
    pub holds: Vec<Held>,
    /// How many holds each connector has; none where that could not be read.
    pub hold_counts: Option<BTreeMap<String, HoldCounts>>,
    /// The last runs of those connectors whose details are shown.
    pub histories: BTreeMap<String, History>,
    /// Why something is missing: a sentence without names.
    pub gap: Option<&'static str>,
}

/// One hold.
#[derive(Clone, Debug)]
pub struct Held {
    /// What is held, with the first [`MOST_NAMES`] of its names.
    pub hold: HoldView,
    /// How many names it has.
    pub names: u64,
}

/// How many holds a connector has, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldCounts {
    /// That wait for somebody.
    pub open: u64,
    /// That somebody approved, and that are not all applied.
    pub approved: u64,
    /// That somebody put aside.
    pub discarded: u64,
}

impl HoldCounts {
    /// Counts `count` holds of that state.
    pub fn add(&mut self, state: HoldState, count: u64) {
        match state {
            HoldState::Open => self.open += count,
            HoldState::Approved => self.approved += count,
            HoldState::Discarded => self.discarded += count,
            HoldState::Superseded | HoldState::Over => {}
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.open + self.approved + self.discarded
    }
}

/// The last runs of a connector.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Those that ended, oldest first.
    pub runs: Vec<RunSummary>,
    /// What the last one about everybody had to say.
    pub last: Option<LastRun>,
}

/// What is shown of the report of a run beside its summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastRun {
    /// Its number.
    pub run: u64,
    /// Requests made to the source.
    pub requests: u64,
    /// Findings by kind.
    pub findings: BTreeMap<FindingKind, u64>,
    /// The first [`MOST_NAMES`] of them: kind, record, message.
    pub records: Vec<(FindingKind, String, String)>,
    /// Lists that were not read to their end.
    pub not_proven: u64,
    /// Users that left and are in their grace.
    pub in_grace: u64,
}

/// How much of a person's attention a connector wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    /// It fails, or its file is broken.
    Failing,
    /// Something waits for a decision, or will go wrong.
    Waiting,
    /// None.
    Fine,
}

impl Facts {
    /// The holds of a connector, as far as they are known.
    #[must_use]
    pub fn counts_of(&self, connector: &str) -> Option<HoldCounts> {
        self.hold_counts.as_ref().map(|counts| counts.get(connector).copied().unwrap_or_default())
    }

    /// What a connector wants.
    #[must_use]
    pub fn attention(&self, connector: &ConnectorStatus) -> Attention {
        attention(connector, self.counts_of(&connector.name), self.now)
    }
}

/// What a connector wants. A busy one is judged by its last run, as it was before it began.
#[must_use]
pub fn attention(connector: &ConnectorStatus, holds: Option<HoldCounts>, now: DateTime<Utc>) -> Attention {
    let failed = connector
        .last_run
        .as_ref()
        .and_then(|run| run.outcome)
        .is_some_and(|outcome| matches!(outcome, Outcome::Failed | Outcome::Partial));
    if connector.config_error.is_some() || connector.state == ConnectorState::Failing || failed {
        return Attention::Failing;
    }
    let held = match holds {
        Some(counts) => counts.open > 0,
        None => connector.state == ConnectorState::Held,
    };
    let lapses = connector.token.as_ref().is_some_and(|token| token.is_pressing(now));
    let overdue = connector.next_run.is_some_and(|next| next < now - LATE)
        && !matches!(connector.state, ConnectorState::Running);
    if held || lapses || overdue { Attention::Waiting } else { Attention::Fine }
}

/// How late a run may begin before it is strange.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// The connectors whose details the page of all shows, [`MOST_DETAILS`] at most: those first that want attention.
#[must_use]
pub fn detailed(
    status: &DaemonStatus,
    counts: Option<&BTreeMap<String, HoldCounts>>,
    now: DateTime<Utc>,
) -> Vec<String> {
    let of = |name: &str| counts.map(|counts| counts.get(name).copied().unwrap_or_default());
    let mut all: Vec<(Attention, &str)> = status
        .connectors
        .iter()
        .map(|connector| (attention(connector, of(&connector.name), now), connector.name.as_str()))
        .collect();
    all.sort();
    all.truncate(MOST_DETAILS);
    all.into_iter().map(|(_, name)| name.to_owned()).collect()
}
