//! One SQLite file, owned by one thread of its own; everybody else sends it work and awaits the answer.

use std::path::Path;
use std::sync::mpsc;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the thread, cheap to clone. The file is closed when the last handle is gone.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    work: mpsc::Sender<Work>,
}

/// Why a database was not opened. The texts are whole sentences for an administrator.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version of this program wrote it. Starting again would not help.
    #[error("{0}")]
    Newer(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// How a database is set up: each element of `migrations` raises its version by one.
pub(crate) struct Schema {
    /// What the file is, in messages: `the state database`.
    pub(crate) what: &'static str,
    /// SQL batches, oldest first; never changed once released.
    pub(crate) migrations: &'static [&'static str],
}

impl Database {
    /// Opens or makes the file, and brings it to the newest version. A newer version than this program knows is refused.
    pub(crate) async fn open(path: &Path, schema: Schema) -> Result<Self, OpenError> {
        let (work, inbox) = mpsc::channel::<Work>();
        let (ready, opened) = oneshot::channel();
        let path = path.to_owned();
        let what = schema.what;
        let spawned = std::thread::Builder::new().name("sqlite".to_owned()).spawn(move || {
            let mut connection = match open(&path, &schema) {
                Ok(connection) => connection,
                Err(error) => {
                    ready.send(Err(error)).ok();
                    return;
                }
            };
            ready.send(Ok(())).ok();
            for work in inbox {
                work(&mut connection);
            }
        });
        spawned
            .map_err(|error| OpenError::Failed(format!("no thread could be started for {what}: {error}")))?;
        opened
            .await
            .map_err(|_| OpenError::Failed(format!("the thread of {what} ended while it was opened")))??;
        Ok(Self { work })
    }

    /// Runs `job` in one transaction and commits it; nothing of it remains if it fails.
    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = job(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }

    /// Runs `job`, which only reads.
    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            job(&transaction)
        })
        .await
    }

    /// Runs `job` while nobody writes to this database.
    pub(crate) async fn hold_still<T, F>(&self, job: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce() -> rusqlite::Result<T> + Send + 'static,
    {
        self.run(move |_| job()).await
    }

    async fn run<T, F>(&self, job: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            answer.send(job(connection).map_err(|error| describe(&error))).ok();
        });
        self.work.send(work).map_err(|_| "the database thread has ended".to_owned())?;
        answered.await.map_err(|_| "the database thread has ended".to_owned())?
    }
}

/// SQLite's error in words an administrator can act on.
pub(super) fn describe(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::ReadOnly) => "the file or its directory is read-only".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds the database locked".to_owned()
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            format!("the file is damaged or is no SQLite database ({error}); restore it from a backup")
        }
        _ => error.to_string(),
    }
}

/// Pages that are kept in memory at most: the ends of 512 groups that are filled at once, and what leads to them, with room.
const CACHE_KIB: i64 = 8_000;
/// After so many pages (16 MB) the log goes into the database itself: pages that are written again and again, as they are in a
/// first sync, go there once.
const PAGES_BETWEEN_CHECKPOINTS: u32 = 4_000;

fn open(path: &Path, schema: &Schema) -> Result<Connection, OpenError> {
    let fail = |error: rusqlite::Error| unusable(path, schema, &error);
    let mut connection = Connection::open(path).map_err(fail)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(fail)?;
    // WAL: others may read while we write. FULL: a commit is on the disk when it returns, as the journal demands.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
    connection.pragma_update(None, "foreign_keys", "ON").map_err(fail)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(fail)?;
    connection.pragma_update(None, "wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS).map_err(fail)?;
    migrate(&mut connection, path, schema)?;
    Ok(connection)
}

fn unusable(path: &Path, schema: &Schema, error: &rusqlite::Error) -> OpenError {
    OpenError::Failed(format!("{} {}: {}", schema.what, path.display(), describe(error)))
}

fn migrate(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<(), OpenError> {
    let fail = |error: rusqlite::Error| unusable(path, schema, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let version: u64 =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    let newest = schema.migrations.len() as u64;
    if version > newest {
        return Err(OpenError::Newer(format!(
            "{} {} has version {version}, and this program knows versions up to {newest}. A newer usersyncd wrote it: \
             install that one again, or restore a backup from before the upgrade",
            schema.what,
            path.display()
        )));
    }
    for (_, migration) in (0u64..).zip(schema.migrations).filter(|(at, _)| *at >= version) {
        transaction.execute_batch(migration).map_err(fail)?;
    }
    transaction.pragma_update(None, "user_version", newest).map_err(fail)?;
    transaction.commit().map_err(fail)
}
