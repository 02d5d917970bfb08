//! What is remembered of a connector from one life of the daemon to the next.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Result, Row, Transaction};

use super::runs::{SUMMARY, read_run};
use super::{Store, StoreError, time, time_text, word};
use crate::sync::report::{Outcome, Report, RunSummary};

/// What is remembered of a connector between runs and restarts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectorMemory {
    /// Somebody paused it (survives restarts, RULES 26).
    pub paused: bool,
    /// Why, where more than a person's wish is known: a run was undone.
    pub pause_reason: Option<String>,
    /// The last run that ended; like what follows, none that was limited to one user.
    pub last_run: Option<RunSummary>,
    /// How the last run ended that nobody cancelled: what the next one is compared with before people are told of it.
    pub last_outcome: Option<Outcome>,
    /// When a run last began.
    pub last_attempt: Option<DateTime<Utc>>,
    /// When a run last ended with success.
    pub last_success: Option<DateTime<Utc>>,
    /// When the last of all runs began that read the source.
    pub last_read: Option<DateTime<Utc>>,
    /// The connector file as it stood in the last run that succeeded.
    pub last_file: Option<String>,
    /// The last time for which a scheduled run was begun or skipped: what is due is computed from it.
    pub last_scheduled: Option<DateTime<Utc>>,
    /// When its schedule last began: it was new, or the connector was resumed. Before, nobody expected a run.
    pub expected_since: Option<DateTime<Utc>>,
    /// The last whole report, without operations.
    pub last_report: Option<Report>,
}

impl Store {
    /// What is remembered of a connector; the default for a new one.
    pub async fn memory(&self, connector: &str) -> Result<ConnectorMemory, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of the connector could not be read", move |transaction| {
            load(transaction, &connector)
        })
        .await
    }

    /// Remembers that the connector is paused or not, and why.
    pub async fn set_paused(
        &self,
        connector: &str,
        paused: bool,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let (connector, reason) = (connector.to_owned(), reason.map(str::to_owned));
        self.write("the pause could not be recorded", move |transaction| {
            transaction.execute(
                "INSERT INTO connectors (name, paused, pause_reason) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, pause_reason = excluded.pause_reason",
                (&connector, paused, &reason),
            )?;
            Ok(())
        })
        .await
    }

    /// Remembers up to which scheduled time runs were begun or skipped.
    pub async fn set_last_scheduled(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.set_time("last_scheduled", "the schedule could not be recorded", connector, at).await
    }

    /// Remembers since when the connector is expected to run by its schedule.
    pub async fn set_expected_since(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.set_time("expected_since", "since when runs are expected could not be recorded", connector, at)
            .await
    }

    /// Writes a time into that column of the connector.
    async fn set_time(
        &self,
        column: &'static str,
        trouble: &str,
        connector: &str,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write(trouble, move |transaction| {
            let statement = format!(
                "INSERT INTO connectors (name, {column}) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET {column} = excluded.{column}"
            );
            transaction.execute(&statement, (&connector, time_text(at)))?;
            Ok(())
        })
        .await
    }
}

/// Of these runs it is told how the connector is doing: they were about everybody, and read and decided all of it.
const WHOLE: &str = "connector = ?1 AND user IS NULL AND trigger NOT IN ('apply', 'undo', 'incremental')";

fn load(transaction: &Transaction<'_>, connector: &str) -> Result<ConnectorMemory> {
    let known = transaction
        .query_row(
            "SELECT paused, last_scheduled, expected_since, pause_reason, last_file FROM connectors WHERE name = ?1",
            [connector],
            |row| Ok((row.get::<_, bool>(0)?, moment(row, 1)?, moment(row, 2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()?;
    let (paused, last_scheduled, expected_since, pause_reason, last_file) = known.unwrap_or_default();
    let latest = |what: &str| transaction.query_row(what, [connector], |row| moment(row, 0));
    let last = transaction
        .query_row(
            &format!("{SUMMARY} WHERE {WHOLE} AND ended IS NOT NULL ORDER BY id DESC LIMIT 1"),
            [connector],
            read_run,
        )
        .optional()?;
    let (last_run, last_report) = last.map_or((None, None), |(summary, report)| (Some(summary), report));
    let last_outcome = transaction
        .query_row(
            &format!(
                "SELECT outcome FROM runs WHERE {WHOLE} AND outcome IS NOT NULL AND outcome <> 'cancelled'
                 ORDER BY id DESC LIMIT 1"
            ),
            [connector],
            |row| word(0, row.get(0)?),
        )
        .optional()?;
    Ok(ConnectorMemory {
        paused,
        pause_reason,
        last_run,
        last_outcome,
        last_attempt: latest(&format!("SELECT max(started) FROM runs WHERE {WHOLE}"))?,
        last_success: latest(&format!(
            "SELECT max(ended) FROM runs WHERE {WHOLE} AND outcome IN ('success', 'held')"
        ))?,
        // An undo asks the target only, and a run that failed may have been refused.
        last_read: latest(
            "SELECT max(started) FROM runs
             WHERE connector = ?1 AND trigger <> 'undo' AND outcome IN ('success', 'held', 'partial')",
        )?,
        last_file,
        last_scheduled,
        expected_since,
        last_report,
    })
}

/// A time that may not be known.
fn moment(row: &Row<'_>, column: usize) -> Result<Option<DateTime<Utc>>> {
    row.get::<_, Option<String>>(column)?.map(|text| time(column, &text)).transpose()
}
