//! What the daemon remembers: ledgers, runs with their reports, the journal. SQLite behind this one narrow interface.
//!
//! Nothing here decides anything. A [`Store`] is a handle to one thread that owns the connection; every method is one
//! transaction, durable when it returns.

pub(crate) mod backup;
mod cache;
pub(crate) mod database;
mod decisions;
mod glance;
mod holds;
mod journal;
mod ledger;
mod memory;
mod plans;
mod runs;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::OptionalExtension;

use crate::sync::diff::Claims;
use crate::sync::guard::Recent;
use crate::sync::model::LedgerChange;
use crate::sync::model::{Binding, Ledger, SourceId};
use crate::sync::report::{Managed, Report, RunSummary, Trigger};
use crate::sync::undo::{Done, Later};
use database::{Database, Schema};

pub use cache::{CacheUpdate, LogPosition, StoredList, StoredLists, StoredRead, StoredRecords};
pub use database::OpenError;
pub use glance::{HoldsShown, RunsShown};
pub use holds::{Held, Numbered, StoredView};
pub use journal::{Answer, Applied, Intent, JournalBatch};
pub use memory::ConnectorMemory;

/// What is known of a connector's last successful run and of what the source showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The connector file as it stood in the last run that succeeded and held nothing.
    pub file: Option<String>,
    /// How much the source showed, which a later view is compared with (RULES 19).
    pub view: Option<StoredView>,
}

/// What a ledger keeps when it is bound to another target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Users.
    pub users: BTreeSet<SourceId>,
    /// Groups.
    pub groups: BTreeSet<SourceId>,
    /// Whether the groups of `groups.always` stay; they are of the target, so only where that is the same.
    pub always: bool,
}

/// What a relink puts into a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// What is linked.
    pub changes: Vec<LedgerChange>,
    /// Whether the next runs ask for what bears a name only.
    pub asks_by_name: bool,
}

/// Why the store did not do it. The text is a whole sentence for an administrator.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// A handle to the store, cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// Locked as long as any handle lives, so that no second daemon works on the same state.
    _lock: Arc<File>,
}

const SCHEMA: Schema = Schema {
    what: "the state database",
    migrations: &[
        include_str!("schema_1.sql"),
        include_str!("schema_2.sql"),
        include_str!("schema_3.sql"),
        include_str!("schema_4.sql"),
        include_str!("schema_5.sql"),
        include_str!("schema_6.sql"),
        include_str!("schema_7.sql"),
    ],
};

impl Store {
    /// Opens (or makes) `DIRECTORY/state.db`, takes the lock that keeps a second daemon out, and migrates.
    pub async fn open(directory: &Path) -> Result<Self, OpenError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
            OpenError::Failed(format!(
                "the state directory {} could not be made: {error}",
                directory.display()
            ))
        })?;
        let lock = lock(directory)?;
        let database = Database::open(&directory.join(backup::STATE), SCHEMA).await?;
        Ok(Self { database, _lock: Arc::new(lock) })
    }

    /// All that a connector manages; an empty ledger for a new one.
    pub async fn ledger(&self, connector: &str) -> Result<Ledger, StoreError> {
        let connector = connector.to_owned();
        self.read("the ledger could not be read", move |transaction| ledger::load(transaction, &connector))
            .await
    }

    /// How much a connector manages.
    pub async fn managed(&self, connector: &str) -> Result<Managed, StoreError> {
        let connector = connector.to_owned();
        self.read("the ledger could not be read", move |transaction| ledger::managed(transaction, &connector))
            .await
    }

    /// What other connectors manage in the target of that address.
    pub async fn claims(&self, connector: &str, target: &str) -> Result<Claims, StoreError> {
        let (connector, target) = (connector.to_owned(), target.to_owned());
        self.read("the ledgers of other connectors could not be read", move |transaction| {
            ledger::claims(transaction, &connector, &target)
        })
        .await
    }

    /// Corrects a ledger, books what earlier runs turned out to have applied, and settles the connector's unanswered
    /// operations of runs before `run`.
    pub async fn change_ledger(
        &self,
        connector: &str,
        run: u64,
        changes: Vec<LedgerChange>,
        applied: Vec<Applied>,
    ) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("the ledger could not be written", move |transaction| {
            ledger::change(transaction, &connector, &changes)?;
            journal::book(transaction, &connector, run, &applied)?;
            journal::settle(transaction, &connector, run)
        })
        .await
    }

    /// Keeps of a ledger only what stands in the given lists, and binds it to another source or target (RULES 1).
    pub async fn rebind(&self, connector: &str, binding: &Binding, kept: Kept) -> Result<(), StoreError> {
        let (connector, binding) = (connector.to_owned(), binding.clone());
        self.write("the ledger could not be bound", move |transaction| {
            ledger::keep(transaction, &connector, &kept)?;
            ledger::forget_decisions(transaction, &connector)?;
            ledger::bind(transaction, &connector, &binding)
        })
        .await
    }

    /// Binds a ledger, puts into it what was linked again, and lets the next runs ask for the rest (RULES 4). An error says
    /// why not: another connector manages some of it by now.
    pub async fn relink(&self, connector: &str, binding: &Binding, links: Links) -> Result<(), StoreError> {
        let (connector, binding) = (connector.to_owned(), binding.clone());
        let refusal = self
            .write("the ledger could not be written", move |transaction| {
                ledger::relink(transaction, &connector, &binding, &links)
            })
            .await?;
        refusal.map_or(Ok(()), |refusal| Err(StoreError(refusal)))
    }

    /// Whether a relink of the connector is under way: what bears a wanted name may have been managed.
    pub async fn is_relinking(&self, connector: &str) -> Result<bool, StoreError> {
        let connector = connector.to_owned();
        self.read("the ledger could not be read", move |transaction| {
            ledger::is_relinking(transaction, &connector)
        })
        .await
    }

    /// A relink is over: nothing is left that it could ask for.
    pub async fn end_relink(&self, connector: &str) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("the ledger could not be written", move |transaction| {
            ledger::set_relinking(transaction, &connector, false)
        })
        .await
    }

    /// Closes runs that were busy when the daemon last ended, so that they can be looked at. Returns how many.
    pub async fn close_interrupted(&self, at: DateTime<Utc>) -> Result<usize, StoreError> {
        self.write("interrupted runs could not be closed", move |transaction| {
            runs::close_interrupted(transaction, at)
        })
        .await
    }

    /// What was applied without approval since then, for the limits over 24 hours.
    pub async fn recent(&self, connector: &str, since: DateTime<Utc>) -> Result<Recent, StoreError> {
        let connector = connector.to_owned();
        self.read("what was applied lately could not be read", move |transaction| {
            journal::recent(transaction, &connector, since)
        })
        .await
    }

    /// Writes one step of a run's journal: new intents, and the answers of earlier ones with what they change in the
    /// ledger. All of it is on the disk when this returns.
    pub async fn journal(&self, connector: &str, run: u64, batch: JournalBatch) -> Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("the journal could not be written", move |transaction| {
            journal::record(transaction, &connector, run, &batch)
        })
        .await
    }

    /// Records that a run begins and returns its number; `user` is the login that it is limited to.
    pub async fn begin_run(
        &self,
        connector: &str,
        trigger: Trigger,
        user: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let (connector, user) = (connector.to_owned(), user.map(str::to_owned));
        self.write("the run could not be recorded, so it was not begun", move |transaction| {
            runs::begin(transaction, &connector, trigger, user.as_deref(), at)
        })
        .await
    }

    /// Records how a run ended.
    pub async fn end_run(&self, report: &Report) -> Result<(), StoreError> {
        let mut report = report.clone();
        report.operations = Vec::new();
        self.write("the end of the run could not be recorded", move |transaction| {
            runs::end(transaction, &report)
        })
        .await
    }

    /// What a run did, in that order, for an undo; none if there is no such run.
    pub async fn journaled(&self, run: u64) -> Result<Option<Vec<Done>>, StoreError> {
        self.read("the journal could not be read", move |transaction| journal::of_run(transaction, run)).await
    }

    /// What runs after that one did to accounts and memberships.
    pub async fn later(&self, connector: &str, run: u64) -> Result<Later, StoreError> {
        let connector = connector.to_owned();
        self.read("the journal could not be read", move |transaction| {
            journal::later(transaction, &connector, run)
        })
        .await
    }

    /// The last run before the connector was bound to another source or target, if it ever was.
    pub async fn undo_after(&self, connector: &str) -> Result<Option<u64>, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of the connector could not be read", move |transaction| {
            let sql = "SELECT undo_after FROM connectors WHERE name = ?1";
            Ok(transaction.query_row(sql, [&connector], |row| row.get(0)).optional()?.flatten())
        })
        .await
    }

    /// Forgets a run that did nothing.
    pub async fn forget_run(&self, run: u64) -> Result<(), StoreError> {
        self.write("a run without effect could not be removed", move |transaction| {
            transaction.execute("DELETE FROM runs WHERE id = ?1", [run])?;
            Ok(())
        })
        .await
    }

    /// Forgets runs of a connector that ended before that time, or that have more than so many newer ones, with their
    /// operations; and holds and kept plans that nobody needs any more. What the next run needs stays. Returns how many
    /// runs were forgotten.
    pub async fn prune(
        &self,
        connector: &str,
        ended_before: DateTime<Utc>,
        at_most: u64,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let connector = connector.to_owned();
        self.write("old runs could not be removed", move |transaction| {
            runs::prune(transaction, &connector, ended_before, at_most, now)
        })
        .await
    }

    /// One run as in a list; none if there is no such run.
    pub async fn run_summary(&self, run: u64) -> Result<Option<RunSummary>, StoreError> {
        self.read("the run could not be read", move |transaction| runs::find(transaction, run)).await
    }

    /// Runs, newest first, of one connector or of all.
    pub async fn runs(&self, connector: Option<&str>, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        let connector = connector.map(str::to_owned);
        self.read("the runs could not be read", move |transaction| {
            runs::list(transaction, connector.as_deref(), limit)
        })
        .await
    }

    /// A run's report with its operations from the journal; none if there is no such run, or it has not ended.
    pub async fn report(&self, run: u64) -> Result<Option<Report>, StoreError> {
        self.read("the run could not be read", move |transaction| runs::report(transaction, run)).await
    }

    /// Binds a ledger to a source and a target (RULES 1).
    pub async fn bind(&self, connector: &str, binding: &Binding) -> Result<(), StoreError> {
        let (connector, binding) = (connector.to_owned(), binding.clone());
        self.write("the ledger could not be bound", move |transaction| {
            ledger::bind(transaction, &connector, &binding)
        })
        .await
    }

    /// Gives ledger, runs and journal of one connector to another name that manages nothing. An error says why not.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let (old, new) = (from.to_owned(), to.to_owned());
        let refusal = self
            .write("the ledger could not be renamed", move |transaction| {
                ledger::rename(transaction, &old, &new)
            })
            .await?;
        refusal.map_or(Ok(()), |refusal| Err(StoreError(refusal)))
    }

    /// Stops managing the user of that name in the target; returns its source id, or none if nobody bears the name.
    pub async fn release(&self, connector: &str, username: &str) -> Result<Option<SourceId>, StoreError> {
        let (connector, username) = (connector.to_owned(), username.to_owned());
        self.write("the ledger could not be written", move |transaction| {
            ledger::release(transaction, &connector, &username)
        })
        .await
    }

    /// From now on every write fails as SQLite fails when the disk is full (or, on request, read-only).
    #[cfg(test)]
    pub(crate) async fn break_down(&self, full: bool) {
        let broken = self.database.read(move |transaction| {
            if full {
                let pages: u64 = transaction.pragma_query_value(None, "page_count", |row| row.get(0))?;
                transaction.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            } else {
                transaction.pragma_update(None, "query_only", "ON")
            }
        });
        broken.await.unwrap();
    }

    /// From now on nothing is answered until the other end of `until` is dropped.
    #[cfg(test)]
    pub(crate) fn block(&self, until: std::sync::mpsc::Receiver<()>) {
        // Sent with the first poll; nobody waits for the answer.
        let blocked = self.database.read(move |_| Ok(until.recv().is_err()));
        futures_util::FutureExt::now_or_never(blocked);
    }

    /// From now on no hold can be read.
    #[cfg(test)]
    pub(crate) async fn forget_tables(&self) {
        self.database
            .write(|transaction| transaction.execute_batch("ALTER TABLE holds RENAME TO lost"))
            .await
            .unwrap();
    }

    async fn read<T, F>(&self, failed: &str, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.database
            .read(job)
            .await
            .map_err(|error| StoreError(format!("{failed} (state database): {error}")))
    }

    async fn write<T, F>(&self, failed: &str, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.database
            .write(job)
            .await
            .map_err(|error| StoreError(format!("{failed} (state database): {error}")))
    }
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(
        |error| {
            OpenError::Failed(format!(
                "the state directory {} cannot be written: {error}",
                directory.display()
            ))
        },
    )?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Failed(format!(
            "another usersyncd works on the state directory {}. Stop it first, or give this one a directory of its own \
             (`state:` in usersyncd.yaml)",
            directory.display()
        ))),
        Err(TryLockError::Error(error)) => {
            Err(OpenError::Failed(format!("{} could not be locked: {error}", path.display())))
        }
    }
}

/// The form in which times are kept: it sorts as time does.
fn time_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads a time back; a text that is none is an error of that column.
fn time(column: usize, text: &str) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|error| unusable(column, error))
}

/// A stored text that this version cannot read.
fn unusable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// Reads what serde wrote as a plain word, such as an outcome.
fn word<T: serde::de::DeserializeOwned>(column: usize, text: String) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(text)).map_err(|error| unusable(column, error))
}

#[cfg(test)]
mod tests;
