//! Gets together what the status page shows: the connectors from memory, holds and runs from the store.
//!
//! The store has one thread, which the syncs need. So the page asks little, in short questions; runs that ended never change
//! and are asked for once; and if the store does not answer soon, the page is shown with what is known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::registry::Registry;
use crate::clock::Clock;
use crate::control::api::{DaemonStatus, RunSummary};
use crate::store::{Store, StoreError};
use crate::telemetry::html::chart::MOST_RUNS;
use crate::telemetry::page::{Facts, History, LastRun, MOST_DETAILS, Source, detailed};

/// How long the store may take for all of a page.
const PATIENCE: Duration = Duration::from_secs(3);
/// Runs that are remembered for charts, at most: those of two pages of all.
const MOST_KNOWN: usize = 2 * MOST_DETAILS * MOST_RUNS;

/// The daemon as the page sees it.
#[derive(Debug)]
pub(super) struct PageSource {
    registry: Arc<Registry>,
    store: Store,
    clock: Clock,
    known: Mutex<Known>,
}

/// What was read before and cannot change: runs that ended.
#[derive(Debug, Default)]
struct Known {
    runs: HashMap<u64, RunSummary>,
    reports: HashMap<u64, LastRun>,
}

/// Why the store said nothing.
enum Silence {
    Slow,
    Failed(StoreError),
}

impl PageSource {
    pub(super) fn new(registry: Arc<Registry>, store: Store, clock: Clock) -> Self {
        Self { registry, store, clock, known: Mutex::default() }
    }

    /// What the store has to say, put into `facts` as it comes.
    async fn ask_store(
        &self,
        facts: &mut Facts,
        connector: Option<&str>,
        deadline: Instant,
    ) -> Result<(), Silence> {
        let holds = within(deadline, self.store.holds_shown(connector)).await?;
        facts.holds = holds.holds;
        facts.hold_counts = Some(holds.counts);
        let names = details_of(&facts.status, facts, connector);
        facts.histories =
            names.iter().map(|name| (name.clone(), self.remembered(name, &facts.status))).collect();
        for name in names {
            let history = self.history(&name, &facts.status, deadline).await?;
            facts.histories.insert(name, history);
        }
        Ok(())
    }

    /// The last runs of a connector; those that are known are not read again.
    async fn history(
        &self,
        name: &str,
        status: &DaemonStatus,
        deadline: Instant,
    ) -> Result<History, Silence> {
        let runs = loop {
            let known: HashSet<u64> = self.lock().runs.keys().copied().collect();
            let shown = within(deadline, self.store.runs_shown(name, known, MOST_RUNS)).await?;
            self.remember(shown.fresh);
            if shown.complete {
                break shown.runs;
            }
        };
        let last = last_run_of(name, status);
        if let Some(run) = last.filter(|run| !self.lock().reports.contains_key(run))
            && let Some(report) = within(deadline, self.store.last_run_shown(run)).await?
        {
            let mut known = self.lock();
            if known.reports.len() >= MOST_KNOWN / MOST_RUNS {
                known.reports.clear();
            }
            known.reports.insert(run, report);
        }
        let known = self.lock();
        Ok(History {
            runs: runs.iter().rev().filter_map(|run| known.runs.get(run).cloned()).collect(),
            last: last.and_then(|run| known.reports.get(&run).cloned()),
        })
    }

    /// The same from what was read before, for as long as the store says nothing.
    fn remembered(&self, name: &str, status: &DaemonStatus) -> History {
        let known = self.lock();
        let mut runs: Vec<RunSummary> =
            known.runs.values().filter(|run| run.connector == name).cloned().collect();
        runs.sort_by_key(|run| run.run);
        let last = last_run_of(name, status).and_then(|run| known.reports.get(&run).cloned());
        History { runs: runs.split_off(runs.len().saturating_sub(MOST_RUNS)), last }
    }

    fn remember(&self, runs: Vec<RunSummary>) {
        let mut known = self.lock();
        if known.runs.len() + runs.len() > MOST_KNOWN {
            let fresh: HashSet<&str> = runs.iter().map(|run| run.connector.as_str()).collect();
            known.runs.retain(|_, run| fresh.contains(run.connector.as_str()));
        }
        known.runs.extend(runs.into_iter().map(|run| (run.run, run)));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is known is never left half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connectors whose details a page shows.
fn details_of(status: &DaemonStatus, facts: &Facts, connector: Option<&str>) -> Vec<String> {
    match connector {
        Some(name) => vec![name.to_owned()],
        None => detailed(status, facts.hold_counts.as_ref(), facts.now),
    }
}

fn last_run_of(name: &str, status: &DaemonStatus) -> Option<u64> {
    let connector = status.connectors.iter().find(|connector| connector.name == name)?;
    Some(connector.last_run.as_ref()?.run)
}

async fn within<T>(
    deadline: Instant,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Silence> {
    match timeout_at(deadline, answer).await {
        Ok(answer) => answer.map_err(Silence::Failed),
        Err(_) => Err(Silence::Slow),
    }
}

#[async_trait]
impl Source for PageSource {
    fn has(&self, connector: &str) -> bool {
        self.registry.find(connector).is_some()
    }

    async fn facts(&self, connector: Option<&str>) -> Facts {
        let mut status = self.registry.status();
        if let Some(name) = connector {
            status.connectors.retain(|connector| connector.name == name);
        }
        let mut facts = Facts {
            now: self.clock.now(),
            status,
            holds: Vec::new(),
            hold_counts: None,
            histories: BTreeMap::new(),
            gap: None,
        };
        match self.ask_store(&mut facts, connector, Instant::now() + PATIENCE).await {
            Ok(()) => {}
            Err(Silence::Slow) => {
                facts.gap = Some(
                    "the state database did not answer within 3 seconds, so holds, runs and findings may be missing or old. \
                     States and times are as they are. Look again in a minute; the log says if the disk is the cause.",
                );
            }
            Err(Silence::Failed(error)) => {
                tracing::warn!("the status page is shown without all that it should have: {error}");
                facts.gap = Some(
                    "the state database could not be read, so holds, runs and findings may be missing or old. States and times \
                     are as they are. The daemon's log says why.",
                );
            }
        }
        if facts.histories.is_empty() {
            let names = details_of(&facts.status, &facts, connector);
            facts.histories =
                names.into_iter().map(|name| (name.clone(), self.remembered(&name, &facts.status))).collect();
        }
        facts
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
