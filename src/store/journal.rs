//! The journal: what was about to be done, on the disk before it is done, and how it was answered (RULES 23).

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use rusqlite::{Result, Transaction, params};

use super::{holds, ledger, time_text, unusable, word};
use crate::sync::digest::Digest;
use crate::sync::guard::Recent;
use crate::sync::model::LedgerChange;
use crate::sync::model::{SourceId, TargetId};
use crate::sync::report::HoldKind;
use crate::sync::undo::{Done, Later};

/// One step of a run's journal, written in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalBatch {
    /// Operations about to be sent.
    pub intents: Vec<Intent>,
    /// Operations of earlier intents that will not be sent after all: they are taken out again.
    pub withdrawn: Vec<u64>,
    /// Answers to operations sent before.
    pub answers: Vec<Answer>,
    /// Operations that were sent and not answered, with what is known of that: they stay open, and the next run looks.
    pub unclear: Vec<(u64, String)>,
    /// What the answers change in the ledger.
    pub ledger_changes: Vec<LedgerChange>,
    /// What the answers add to the counts of the last 24 hours.
    pub applied: Vec<Applied>,
    /// Changes that were done and had been permitted: their approval is used up.
    pub used: Vec<Digest>,
}

/// An operation about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its number in the run, from 0.
    pub position: u64,
    /// Its kind: `create_user` and so on.
    pub kind: &'static str,
    /// The source's id.
    pub source: SourceId,
    /// The target's id, if it has one.
    pub target: Option<TargetId>,
    /// Its name in the target, or the name of what is created.
    pub name: CompactString,
    /// In words.
    pub summary: String,
    /// As JSON, with before and after.
    pub operation: String,
}

/// How an operation was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its number in the run.
    pub position: u64,
    /// `applied`, `partial` or `failed`.
    pub result: &'static str,
    /// What the target said, if it failed.
    pub error: Option<String>,
    /// The id of what was created.
    pub created: Option<TargetId>,
    /// The members that a `partial` membership operation neither added nor removed.
    pub left_out: Vec<SourceId>,
}

impl Answer {
    /// This result of operation 0, and nothing else to say.
    #[must_use]
    pub fn of(result: &'static str) -> Self {
        Self { position: 0, result, error: None, created: None, left_out: Vec::new() }
    }
}

/// Something that counts against a limit over 24 hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// When.
    pub at: DateTime<Utc>,
    /// Against which limit.
    pub kind: HoldKind,
    /// For memberships, the group.
    pub group: Option<TargetId>,
    /// How many.
    pub count: u64,
    /// Of how many, before the run.
    pub base: u64,
}

pub(super) fn record(
    transaction: &Transaction<'_>,
    connector: &str,
    run: u64,
    batch: &JournalBatch,
) -> Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO journal (run, position, kind, source, target, name, summary, operation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for intent in &batch.intents {
        insert.execute(params![
            run,
            intent.position,
            intent.kind,
            intent.source.0.as_str(),
            intent.target.as_ref().map(|target| target.0.as_str()),
            intent.name.as_str(),
            intent.summary,
            intent.operation,
        ])?;
    }
    let mut withdraw = transaction.prepare_cached("DELETE FROM journal WHERE run = ?1 AND position = ?2")?;
    for position in &batch.withdrawn {
        withdraw.execute(params![run, position])?;
    }
    let mut update = transaction.prepare_cached(
        "UPDATE journal SET result = ?3, error = ?4, target = coalesce(?5, target), left_out = ?6
         WHERE run = ?1 AND position = ?2",
    )?;
    for answer in &batch.answers {
        let created = answer.created.as_ref().map(|target| target.0.as_str());
        let left_out = if answer.left_out.is_empty() {
            None
        } else {
            let text = serde_json::to_string(&answer.left_out);
            Some(text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?)
        };
        update.execute(params![run, answer.position, answer.result, answer.error, created, left_out])?;
    }
    let mut unclear =
        transaction.prepare_cached("UPDATE journal SET error = ?3 WHERE run = ?1 AND position = ?2")?;
    for (position, why) in &batch.unclear {
        unclear.execute(params![run, position, why])?;
    }
    holds::use_up(transaction, connector, &batch.used)?;
    ledger::change(transaction, connector, &batch.ledger_changes)?;
    book(transaction, connector, run, &batch.applied)
}

/// Adds to the counts of the last 24 hours.
pub(super) fn book(
    transaction: &Transaction<'_>,
    connector: &str,
    run: u64,
    applied: &[Applied],
) -> Result<()> {
    let mut count = transaction.prepare_cached(
        "INSERT INTO applied (connector, at, kind, target_group, count, base, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for applied in applied {
        let group = applied.group.as_ref().map_or("", |group| group.0.as_str());
        count.execute(params![
            connector,
            time_text(applied.at),
            applied.kind.as_str(),
            group,
            applied.count,
            applied.base,
            run
        ])?;
    }
    Ok(())
}

/// Operations of earlier runs that were never answered have been seen to: what they created is linked by now.
pub(super) fn settle(transaction: &Transaction<'_>, connector: &str, run: u64) -> Result<()> {
    transaction.execute(
        "UPDATE journal SET result = 'unanswered'
         WHERE result IS NULL AND run < ?2 AND run IN (SELECT id FROM runs WHERE connector = ?1)",
        params![connector, run],
    )?;
    Ok(())
}

pub(super) fn recent(transaction: &Transaction<'_>, connector: &str, since: DateTime<Utc>) -> Result<Recent> {
    let mut recent = Recent::default();
    let mut statement = transaction.prepare(
        "SELECT kind, target_group, count, base FROM applied WHERE connector = ?1 AND at > ?2 ORDER BY at, rowid",
    )?;
    let mut rows = statement.query([connector, &time_text(since)])?;
    while let Some(row) = rows.next()? {
        let (kind, group): (String, String) = (row.get(0)?, row.get(1)?);
        let (count, base): (u64, u64) = (row.get(2)?, row.get(3)?);
        let kind = word(0, kind)?;
        let group = TargetId(group.into());
        recent.add(kind, Some(&group), count, base);
    }
    Ok(recent)
}

pub(super) fn of_run(transaction: &Transaction<'_>, run: u64) -> Result<Option<Vec<Done>>> {
    let known: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1)", [run], |row| row.get(0))?;
    if !known {
        return Ok(None);
    }
    let mut statement = transaction.prepare_cached(
        "SELECT target, summary, operation, result, left_out FROM journal WHERE run = ?1 ORDER BY position",
    )?;
    let rows = statement.query_map([run], |row| {
        let (operation, left_out): (String, Option<String>) = (row.get(2)?, row.get(4)?);
        let left_out = left_out.map(|text| serde_json::from_str(&text)).transpose();
        Ok(Done {
            target: row.get::<_, Option<String>>(0)?.map(|id| TargetId(id.into())),
            summary: row.get(1)?,
            operation: serde_json::from_str(&operation).map_err(|error| unusable(2, error))?,
            result: row.get(3)?,
            left_out: left_out.map_err(|error| unusable(4, error))?.unwrap_or_default(),
        })
    })?;
    rows.collect::<Result<Vec<_>>>().map(Some)
}

/// What runs after that one did to accounts and memberships.
pub(super) fn later(transaction: &Transaction<'_>, connector: &str, run: u64) -> Result<Later> {
    let mut later = Later::default();
    let mut statement = transaction.prepare_cached(
        "SELECT journal.kind, journal.target, journal.operation FROM journal JOIN runs ON runs.id = journal.run
         WHERE runs.connector = ?1 AND journal.run > ?2 AND journal.target IS NOT NULL
         AND journal.kind IN ('enable_user', 'disable_user', 'change_members', 'empty_group')
         AND (journal.result IS NULL OR journal.result IN ('applied', 'partial', 'unanswered'))",
    )?;
    let mut rows = statement.query(params![connector, run])?;
    while let Some(row) = rows.next()? {
        let (kind, target, operation): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let target = TargetId(target.into());
        if kind.ends_with("_user") {
            later.accounts.insert(target);
            continue;
        }
        let operation: serde_json::Value =
            serde_json::from_str(&operation).map_err(|error| unusable(2, error))?;
        for pointer in ["/after/added", "/before/removed"] {
            let members = operation.pointer(pointer).and_then(serde_json::Value::as_array);
            let members = members.into_iter().flatten().filter_map(|id| id.as_str());
            later.memberships.extend(members.map(|id| (target.clone(), SourceId::from(id))));
        }
    }
    Ok(later)
}
