//! What was asked of the stand-in: counts for assertions, and the last request lines for a person.

use std::collections::{BTreeMap, VecDeque};

use super::limits::Bucket;
use super::{Refusal, Route};

/// How many request lines are kept.
const LINES: usize = 20_000;

/// Requests since the start or the last reset of counts. The admin interface is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Per route; [`Route::Any`] never occurs.
    pub routes: BTreeMap<Route, u64>,
    /// Per status that was answered. Requests that a fault left without an answer are in `unanswered`.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests left without an answer by a fault.
    pub unanswered: u64,
    /// Requests that the rate limits themselves refused with 429; a 429 made by a fault is not among them.
    pub limited: u64,
    /// Answers that would have shown or counted more if the token had another role.
    pub narrowed: u64,
    /// The most requests that were being answered at one moment.
    pub max_in_flight: usize,
    /// Requests per bucket and window of the org, refused ones included; the last window may still be open.
    pub windows: BTreeMap<Bucket, Vec<u64>>,
    /// TCP connections.
    pub connections: u64,
    /// Answers that were compressed.
    pub compressed: u64,
    /// What service apps did.
    pub oauth: OAuthCounts,
}

/// Token requests, DPoP proofs, and what was refused to service apps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OAuthCounts {
    /// POSTs to the token endpoint.
    pub token_requests: u64,
    /// Access tokens that were made.
    pub issued: u64,
    /// `DPoP` headers that came, at the token endpoint and at others.
    pub proofs: u64,
    /// Refusals by reason, those of the token endpoint and those of calls. A 429, and what a fault answered, is not among
    /// them.
    pub refusals: BTreeMap<Refusal, u64>,
}

impl OAuthCounts {
    /// How often something was refused for this reason.
    pub fn of(&self, why: Refusal) -> u64 {
        self.refusals.get(&why).copied().unwrap_or_default()
    }

    /// Assertions and proofs that came twice.
    pub fn replays(&self) -> u64 {
        self.of(Refusal::AssertionReplay) + self.of(Refusal::ProofReplay)
    }

    pub(crate) fn refused(&mut self, why: Refusal) {
        *self.refusals.entry(why).or_default() += 1;
    }
}

impl Counts {
    /// Requests of one route, or all of them for [`Route::Any`].
    pub fn of(&self, route: Route) -> u64 {
        match route {
            Route::Any => self.total,
            route => self.routes.get(&route).copied().unwrap_or_default(),
        }
    }

    /// Answers with one status.
    pub fn status(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// Answers with 429, whatever caused them.
    pub fn too_many(&self) -> u64 {
        self.status(429)
    }
}

/// Counts and lines together.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) counts: Counts,
    lines: VecDeque<String>,
}

impl Book {
    pub(crate) fn arrived(&mut self, route: Route, in_flight: usize) {
        self.counts.total += 1;
        *self.counts.routes.entry(route).or_default() += 1;
        self.counts.max_in_flight = self.counts.max_in_flight.max(in_flight);
    }

    /// Notes how a request ended; no status stands for no answer.
    pub(crate) fn answered(&mut self, line: String, status: Option<u16>) {
        let outcome = match status {
            Some(status) => {
                *self.counts.statuses.entry(status).or_default() += 1;
                status.to_string()
            }
            None => {
                self.counts.unanswered += 1;
                "no answer".to_owned()
            }
        };
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{line} -> {outcome}"));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}
