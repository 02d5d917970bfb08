//! Copies of the databases, made while they are in use.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::database::describe;

/// The file of the state.
pub(crate) const STATE: &str = "state.db";
/// The file of the built-in directory.
pub(crate) const DIRECTORY: &str = "directory.db";
/// Pages that are copied at once; nobody waits for them.
const PAGES: i32 = 4096;

/// Both databases as they were at one moment, whatever is written to them meanwhile.
pub(crate) struct Frozen {
    state: Connection,
    directory: Connection,
}

impl Frozen {
    /// Both databases of a state directory as they are now. Whoever calls this sees to it that the directory is not written to
    /// until it returns.
    pub(crate) fn open(directory: &Path) -> rusqlite::Result<Self> {
        Ok(Self { state: look(&directory.join(STATE))?, directory: look(&directory.join(DIRECTORY))? })
    }

    /// Writes both into `directory`, each as one file that needs no other, and checks that what was written can be read. Takes
    /// as long as the disk does. The error says which file, and what is wrong.
    pub(crate) fn copy_to(self, directory: &Path) -> Result<(), String> {
        for (source, name) in [(self.state, STATE), (self.directory, DIRECTORY)] {
            copy(&source, &directory.join(name))
                .map_err(|error| format!("{name} could not be copied: {}", describe(&error)))?
                .map_err(|damage| format!("the copy of {name} is damaged: {damage}"))?;
        }
        Ok(())
    }
}

/// A connection that sees the database as it is now.
fn look(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // A transaction sees what there is at its first read, and nothing that is committed later (SQLite, "Isolation").
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// Copies what `source` sees; the inner error is what SQLite's own check finds wrong with the copy.
fn copy(source: &Connection, path: &Path) -> rusqlite::Result<Result<(), String>> {
    let mut copy = Connection::open(path)?;
    Backup::new(source, &mut copy)?.run_to_completion(PAGES, Duration::ZERO, None)?;
    // Without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    let found: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(if found == "ok" { Ok(()) } else { Err(found) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)").unwrap();
        connection
    }

    fn numbers(path: &Path) -> i64 {
        Connection::open(path).unwrap().query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_is_written_after_the_moment_is_not_in_the_copy() {
        let (live, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let databases = [STATE, DIRECTORY].map(|name| database(&live.path().join(name)));
        let frozen = Frozen::open(live.path()).unwrap();
        for database in &databases {
            database.execute_batch("INSERT INTO t VALUES (2); PRAGMA wal_checkpoint(PASSIVE)").unwrap();
        }
        frozen.copy_to(copies.path()).unwrap();
        for name in [STATE, DIRECTORY] {
            assert_eq!(numbers(&copies.path().join(name)), 1, "{name}");
            assert_eq!(numbers(&live.path().join(name)), 2, "{name}");
        }
        let names = std::fs::read_dir(copies.path()).unwrap().count();
        assert_eq!(names, 2, "each copy is one file");
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let live = tempfile::tempdir().unwrap();
        let _databases = [STATE, DIRECTORY].map(|name| database(&live.path().join(name)));
        let error = Frozen::open(live.path()).unwrap().copy_to(&live.path().join("missing")).unwrap_err();
        assert!(error.starts_with("state.db could not be copied: "), "{error}");
    }
}
