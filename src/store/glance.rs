//! What the status page shows of holds and runs. Reports and holds may be large, and whoever looks at a page must not keep a
//! sync waiting: each question reads so much and no more, and leaves out what is long.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use compact_str::CompactString;
use rusqlite::{OptionalExtension, Result, Transaction, params};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{Store, StoreError, holds, runs, unusable, word};
use crate::sync::model::FindingKind;
use crate::sync::report::{HoldSummary, RunSummary};
use crate::telemetry::page::{Held, HoldCounts, LastRun, MOST_HOLDS, MOST_NAMES};

/// Bytes of reports that are read at a time: after so many, whatever waits for the store comes first.
const MOST_BYTES: usize = 2_000_000;

/// What is open, and how much of it there is.
#[derive(Clone, Debug, Default)]
pub struct HoldsShown {
    /// Holds that somebody may decide on: open, approved, put aside; of each the newest first. [`MOST_HOLDS`] at most.
    pub holds: Vec<Held>,
    /// How many there are, by connector.
    pub counts: BTreeMap<String, HoldCounts>,
}

/// A part of the last runs of a connector.
#[derive(Clone, Debug, Default)]
pub struct RunsShown {
    /// The numbers of all of them, newest first.
    pub runs: Vec<u64>,
    /// Those that the caller did not know, newest first.
    pub fresh: Vec<RunSummary>,
    /// Whether these are all that it did not know.
    pub complete: bool,
}

impl Store {
    /// What somebody may still decide on, of one connector or of all.
    pub async fn holds_shown(&self, connector: Option<&str>) -> std::result::Result<HoldsShown, StoreError> {
        let connector = connector.map(str::to_owned);
        self.read("the holds could not be read", move |transaction| {
            holds_shown(transaction, connector.as_deref())
        })
        .await
    }

    /// The last `limit` runs of a connector that ended: the numbers of all of them, and as many of those that are not `known`
    /// as fit into one short read.
    pub async fn runs_shown(
        &self,
        connector: &str,
        known: HashSet<u64>,
        limit: usize,
    ) -> std::result::Result<RunsShown, StoreError> {
        let connector = connector.to_owned();
        self.read("the last runs could not be read", move |transaction| {
            runs_shown(transaction, &connector, &known, limit)
        })
        .await
    }

    /// What a run's report says beside its summary; none if there is no such run, or it has not ended.
    pub async fn last_run_shown(&self, run: u64) -> std::result::Result<Option<LastRun>, StoreError> {
        self.read("the last run could not be read", move |transaction| last_run(transaction, run)).await
    }
}

fn holds_shown(transaction: &Transaction<'_>, connector: Option<&str>) -> Result<HoldsShown> {
    let mut shown = HoldsShown::default();
    let mut statement = transaction.prepare_cached(
        "SELECT connector, state, count(*) FROM holds
         WHERE (?1 IS NULL OR connector = ?1) AND state IN ('open', 'approved', 'discarded') GROUP BY connector, state",
    )?;
    let mut rows = statement.query(params![connector])?;
    while let Some(row) = rows.next()? {
        shown.counts.entry(row.get(0)?).or_default().add(word(1, row.get(1)?)?, row.get(2)?);
    }
    let mut statement = transaction.prepare_cached(&format!(
        "{} WHERE id IN (SELECT id FROM holds
             WHERE (?1 IS NULL OR connector = ?1) AND state IN ('open', 'approved', 'discarded')
             ORDER BY state = 'open' DESC, state = 'approved' DESC, id DESC LIMIT ?2)
         ORDER BY state = 'open' DESC, state = 'approved' DESC, id DESC",
        holds::VIEW
    ))?;
    let limit = i64::try_from(MOST_HOLDS).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![connector, limit])?;
    while let Some(row) = rows.next()? {
        let text = row.get_ref(3)?.as_str()?;
        let summary: ShortHold = serde_json::from_str(text).map_err(|error| unusable(3, error))?;
        let names: Names = serde_json::from_str(text).map_err(|error| unusable(3, error))?;
        let summary = HoldSummary { names: names.names.first, ..summary.into() };
        shown.holds.push(Held { hold: holds::view_with(row, summary)?, names: names.names.count });
    }
    Ok(shown)
}

fn runs_shown(
    transaction: &Transaction<'_>,
    connector: &str,
    known: &HashSet<u64>,
    limit: usize,
) -> Result<RunsShown> {
    // The index has all that this needs. One more than wanted, since the newest may be busy.
    let mut statement =
        transaction.prepare_cached("SELECT id FROM runs WHERE connector = ?1 ORDER BY id DESC LIMIT ?2")?;
    let asked = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut runs =
        statement.query_map(params![connector, asked], |row| row.get(0))?.collect::<Result<Vec<u64>>>()?;
    let mut shown = RunsShown { complete: true, ..RunsShown::default() };
    let (mut busy, mut bytes) = (BTreeSet::new(), 0);
    for run in runs.iter().filter(|run| !known.contains(run)) {
        if bytes >= MOST_BYTES {
            shown.complete = false;
            break;
        }
        match runs::brief(transaction, *run)? {
            Some((summary, size)) if summary.ended.is_some() => {
                bytes += size;
                shown.fresh.push(summary);
            }
            _ => {
                busy.insert(*run);
            }
        }
    }
    runs.retain(|run| !busy.contains(run));
    runs.truncate(limit);
    let oldest = runs.last().copied().unwrap_or_default();
    shown.fresh.retain(|run| run.run >= oldest);
    shown.runs = runs;
    Ok(shown)
}

fn last_run(transaction: &Transaction<'_>, run: u64) -> Result<Option<LastRun>> {
    let found = transaction
        .prepare_cached("SELECT report FROM runs WHERE id = ?1")?
        .query_row([run], |row| {
            let Some(text) = row.get_ref(0)?.as_str_or_null()? else { return Ok(None) };
            serde_json::from_str::<ShortReport>(text).map(Some).map_err(|error| unusable(0, error))
        })
        .optional()?
        .flatten();
    let Some(report) = found else { return Ok(None) };
    Ok(Some(LastRun {
        run,
        requests: report.requests,
        findings: report.findings.counts,
        records: report.findings.first,
        not_proven: report.not_proven.len() as u64,
        in_grace: report.in_grace,
    }))
}

/// Of a hold's summary all but its names.
#[derive(Deserialize)]
struct ShortHold {
    #[serde(default)]
    cause: Option<crate::sync::report::Cause>,
    kind: crate::sync::report::HoldKind,
    group: Option<CompactString>,
    count: u64,
    allowed: u64,
    base: u64,
    reason: String,
}

impl From<ShortHold> for HoldSummary {
    fn from(hold: ShortHold) -> Self {
        let ShortHold { cause, kind, group, count, allowed, base, reason } = hold;
        Self { cause, group, ..Self::new(kind, count, (allowed, base), reason) }
    }
}

#[derive(Deserialize)]
struct Names {
    names: FirstNames,
}

/// The first names of a list, and how many it has.
#[derive(Default)]
struct FirstNames {
    first: Vec<CompactString>,
    count: u64,
}

impl<'de> Deserialize<'de> for FirstNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = FirstNames;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of names")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<FirstNames, A::Error> {
                let mut names = FirstNames::default();
                while names.first.len() < MOST_NAMES {
                    let Some(name) = list.next_element()? else { break };
                    names.first.push(name);
                    names.count += 1;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    names.count += 1;
                }
                Ok(names)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// Of a report what the page shows beside the summary.
#[derive(Deserialize)]
struct ShortReport {
    requests: u64,
    #[serde(default)]
    in_grace: u64,
    findings: FirstFindings,
    not_proven: Vec<IgnoredAny>,
}

/// Findings by kind, and the first of them.
#[derive(Default)]
struct FirstFindings {
    counts: BTreeMap<FindingKind, u64>,
    first: Vec<(FindingKind, String, String)>,
}

impl<'de> Deserialize<'de> for FirstFindings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Whole {
            kind: FindingKind,
            subject: String,
            message: String,
        }
        #[derive(Deserialize)]
        struct Kind {
            kind: FindingKind,
        }
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = FirstFindings;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of findings")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> std::result::Result<FirstFindings, A::Error> {
                let mut findings = FirstFindings::default();
                while findings.first.len() < MOST_NAMES {
                    let Some(Whole { kind, subject, message }) = list.next_element()? else { break };
                    findings.first.push((kind, subject, message));
                    *findings.counts.entry(kind).or_default() += 1;
                }
                while let Some(Kind { kind }) = list.next_element()? {
                    *findings.counts.entry(kind).or_default() += 1;
                }
                Ok(findings)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
#[path = "glance_tests.rs"]
mod tests;
