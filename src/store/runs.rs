//! Runs and their reports.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension, Result, Row, Transaction, params};

use super::{Remembered, holds, time, time_text, unusable, word};
use crate::sync::engine::{RunTicket, UserRequest, failed_report};
use crate::sync::report::{Counts, Managed, OperationReport, Outcome, Report, RunSummary, Trigger};

pub(super) fn begin(
    transaction: &Transaction<'_>,
    connector: &str,
    trigger: Trigger,
    user: Option<&str>,
    at: DateTime<Utc>,
) -> Result<u64> {
    transaction.execute("INSERT OR IGNORE INTO connectors (name) VALUES (?1)", [connector])?;
    transaction.execute(
        "INSERT INTO runs (connector, trigger, user, started) VALUES (?1, ?2, ?3, ?4)",
        params![connector, trigger.as_str(), user, time_text(at)],
    )?;
    transaction.query_row("SELECT last_insert_rowid()", [], |row| row.get(0))
}

pub(super) fn end(transaction: &Transaction<'_>, report: &Report) -> Result<()> {
    let text = serde_json::to_string(report)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction.execute(
        "UPDATE runs SET ended = ?2, outcome = ?3, report = ?4 WHERE id = ?1",
        params![report.run, time_text(report.ended), report.outcome.as_str(), text],
    )?;
    Ok(())
}

/// Gives every run that never ended a report that says so; what it did is in the journal.
pub(super) fn close_interrupted(transaction: &Transaction<'_>, at: DateTime<Utc>) -> Result<usize> {
    let mut statement = transaction.prepare(&format!("{SUMMARY} WHERE ended IS NULL"))?;
    let open = statement.query_map([], |row| Ok(read_run(row)?.0))?.collect::<Result<Vec<_>>>()?;
    for run in &open {
        let user = run.user.as_ref().map(|login| UserRequest { login: login.clone(), restore: false });
        let ticket = RunTicket { run: run.run, trigger: run.trigger, user, kept: None, started: run.started };
        let error = "the daemon ended in the middle of this run. What had been sent until then is listed as its \
                     operations; the next run finds it and does the rest";
        let mut report = failed_report(&run.connector, &ticket, at, error.to_owned());
        report.outcome = Outcome::Cancelled;
        report.managed = super::ledger::managed(transaction, &run.connector)?;
        end(transaction, &report)?;
        holds::untell(transaction, run.run)?;
    }
    Ok(open.len())
}

pub(super) const SUMMARY: &str =
    "SELECT id, connector, trigger, started, ended, outcome, report, user FROM runs";

/// The columns of [`SUMMARY`] as a summary and the whole report, if the run has ended.
pub(super) fn read_run(row: &Row<'_>) -> Result<(RunSummary, Option<Report>)> {
    let report = row.get_ref(6)?.as_str_or_null()?;
    let report =
        report.map(|text| serde_json::from_str(text).map_err(|error| unusable(6, error))).transpose()?;
    Ok((read_brief(row)?.0, report))
}

/// What a summary takes of a report: the rest is read over and not built.
#[derive(serde::Deserialize)]
struct Brief {
    error: Option<String>,
    counts: Counts,
    findings: Vec<serde::de::IgnoredAny>,
    managed: Managed,
    #[serde(default)]
    undoes: Option<u64>,
}

/// The columns of [`SUMMARY`] as a summary, and how many bytes its report has.
fn read_brief(row: &Row<'_>) -> Result<(RunSummary, usize)> {
    let report = row.get_ref(6)?.as_str_or_null()?;
    let size = report.map_or(0, str::len);
    let brief: Option<Brief> =
        report.map(|text| serde_json::from_str(text).map_err(|error| unusable(6, error))).transpose()?;
    let ended: Option<String> = row.get(4)?;
    let outcome: Option<String> = row.get(5)?;
    let summary = RunSummary {
        run: row.get(0)?,
        connector: row.get(1)?,
        trigger: word(2, row.get(2)?)?,
        started: time(3, &row.get::<_, String>(3)?)?,
        ended: ended.map(|text| time(4, &text)).transpose()?,
        outcome: outcome.map(|text| word(5, text)).transpose()?,
        user: row.get(7)?,
        counts: brief.as_ref().map_or_else(Counts::default, |brief| brief.counts),
        findings: brief.as_ref().map_or(0, |brief| brief.findings.len() as u64),
        managed: brief.as_ref().map(|brief| brief.managed).unwrap_or_default(),
        undoes: brief.as_ref().and_then(|brief| brief.undoes),
        error: brief.and_then(|brief| brief.error),
    };
    Ok((summary, size))
}

/// One run as in a list, and how many bytes its report has; none if there is no such run.
pub(super) fn brief(transaction: &Transaction<'_>, run: u64) -> Result<Option<(RunSummary, usize)>> {
    let mut statement = transaction.prepare_cached(&format!("{SUMMARY} WHERE id = ?1"))?;
    statement.query_row([run], read_brief).optional()
}

pub(super) fn list(
    transaction: &Transaction<'_>,
    connector: Option<&str>,
    limit: usize,
) -> Result<Vec<RunSummary>> {
    let mut statement = transaction
        .prepare_cached(&format!("{SUMMARY} WHERE ?1 IS NULL OR connector = ?1 ORDER BY id DESC LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![connector, limit], |row| Ok(read_brief(row)?.0))?;
    rows.collect()
}

pub(super) fn find(transaction: &Transaction<'_>, run: u64) -> Result<Option<RunSummary>> {
    Ok(brief(transaction, run)?.map(|(summary, _)| summary))
}

pub(super) fn report(transaction: &Transaction<'_>, run: u64) -> Result<Option<Report>> {
    let found = transaction.query_row(&format!("{SUMMARY} WHERE id = ?1"), [run], read_run).optional()?;
    let Some((_, Some(mut report))) = found else { return Ok(None) };
    let names = usernames(transaction, &report.connector)?;
    let mut statement = transaction.prepare_cached(
        "SELECT summary, result, error, operation FROM journal WHERE run = ?1 ORDER BY position",
    )?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(3)?;
        let mut operation: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| unusable(3, error))?;
        name_members(&mut operation, &names);
        report.operations.push(OperationReport {
            summary: row.get(0)?,
            result: row.get::<_, Option<String>>(1)?.unwrap_or_else(|| "unanswered".to_owned()),
            error: row.get(2)?,
            cause: None,
            hold: None,
            operation,
        });
    }
    report.operations.extend(holds::of_run(transaction, run)?);
    Ok(Some(report))
}

pub(super) fn remembered(transaction: &Transaction<'_>, connector: &str) -> Result<Remembered> {
    let found = transaction
        .query_row("SELECT last_file, view FROM connectors WHERE name = ?1", [connector], |row| {
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))
        })
        .optional()?;
    let (file, view) = found.unwrap_or_default();
    let view =
        view.map(|text| serde_json::from_str(&text).map_err(|error| unusable(1, error))).transpose()?;
    Ok(Remembered { file, view })
}

pub(super) fn remember(
    transaction: &Transaction<'_>,
    connector: &str,
    run: u64,
    remembered: &Remembered,
) -> Result<()> {
    transaction.execute(
        "UPDATE runs SET former_file = (SELECT last_file FROM connectors WHERE name = ?1 AND last_file <> ?3)
         WHERE id = ?2",
        params![connector, run, remembered.file],
    )?;
    let view = remembered.view.as_ref().map(serde_json::to_string).transpose();
    let view = view.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction.execute(
        "UPDATE connectors SET last_file = coalesce(?2, last_file), view = coalesce(?3, view) WHERE name = ?1",
        params![connector, remembered.file, view],
    )?;
    Ok(())
}

pub(super) fn forget_effects(
    transaction: &Transaction<'_>,
    connector: &str,
    run: u64,
    whole: bool,
) -> Result<()> {
    transaction.execute(
        "UPDATE connectors SET last_file = coalesce((SELECT former_file FROM runs WHERE id = ?2), last_file)
         WHERE name = ?1",
        params![connector, run],
    )?;
    transaction.execute(
        "DELETE FROM applied WHERE connector = ?1 AND run = ?2 AND ?3",
        params![connector, run, whole],
    )?;
    Ok(())
}

/// The runs that stay whatever their age: the last that ended, the last that succeeded, and those with operations that the
/// next run has to look for.
const NEEDED: &str = "
    SELECT max(id) FROM runs WHERE connector = ?1 AND user IS NULL AND trigger NOT IN ('apply', 'undo', 'incremental') AND ended IS NOT NULL
    UNION SELECT max(id) FROM runs
          WHERE connector = ?1 AND user IS NULL AND trigger NOT IN ('apply', 'undo', 'incremental') AND outcome IN ('success', 'held')
    UNION SELECT run FROM journal WHERE result IS NULL";

pub(super) fn prune(
    transaction: &Transaction<'_>,
    connector: &str,
    ended_before: DateTime<Utc>,
    at_most: u64,
    now: DateTime<Utc>,
) -> Result<usize> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT id FROM runs WHERE connector = ?1 AND ended IS NOT NULL AND id NOT IN ({NEEDED})
         AND (ended < ?2 OR id NOT IN
              (SELECT id FROM runs WHERE connector = ?1 ORDER BY id DESC LIMIT ?3))"
    ))?;
    let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
    let old = statement
        .query_map(params![connector, time_text(ended_before), limit], |row| row.get(0))?
        .collect::<Result<Vec<u64>>>()?;
    for run in &old {
        for sql in ["DELETE FROM journal WHERE run = ?1", "DELETE FROM runs WHERE id = ?1"] {
            transaction.prepare_cached(sql)?.execute([run])?;
        }
    }
    transaction.execute(
        "DELETE FROM holds WHERE connector = ?1 AND state IN ('superseded', 'over')
         AND NOT EXISTS (SELECT 1 FROM run_holds WHERE hold = holds.id)",
        [connector],
    )?;
    // Nobody asks any more what exactly it was made of.
    transaction.execute(
        "DELETE FROM hold_changes WHERE hold IN
         (SELECT id FROM holds WHERE connector = ?1 AND state IN ('over', 'superseded') AND last_seen < ?2)",
        [connector, &time_text(now - TimeDelta::days(1))],
    )?;
    transaction.execute("DELETE FROM kept_plans WHERE expires <= ?1", [time_text(now)])?;
    transaction.execute(
        "DELETE FROM applied WHERE connector = ?1 AND at < ?2",
        [connector, &time_text(now - TimeDelta::days(2))],
    )?;
    Ok(old.len())
}

fn usernames(transaction: &Transaction<'_>, connector: &str) -> Result<HashMap<String, String>> {
    let mut statement =
        transaction.prepare_cached("SELECT source, username FROM ledger_users WHERE connector = ?1")?;
    let rows = statement.query_map([connector], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The journal keeps members as bare source ids; a reader wants names.
fn name_members(operation: &mut serde_json::Value, names: &HashMap<String, String>) {
    for (side, list) in [("after", "added"), ("before", "removed")] {
        let members =
            operation.get_mut(side).and_then(|side| side.get_mut(list)).and_then(|list| list.as_array_mut());
        for member in members.into_iter().flatten() {
            if let Some(id) = member.as_str() {
                *member = serde_json::json!({ "source": id, "username": names.get(id) });
            }
        }
    }
}
