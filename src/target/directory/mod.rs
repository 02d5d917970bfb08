//! The built-in directory: users, groups and memberships in a SQLite file that anybody may read while the daemon runs.
//!
//! The tables are documented in `schema_1.sql`.

mod members;
mod read;
mod write;

use std::path::Path;

use async_trait::async_trait;
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Capabilities, Further, Interest, Listing, NameRules, Pace, Reader, Rights, TargetError, Write,
    WriteError, Writer, Written,
};
use crate::store::OpenError;
use crate::store::backup;
use crate::store::database::{Database, Schema};
use crate::sync::model::{FurtherAttributes, TargetSnapshot};
use crate::sync::progress::RunControl;

/// A user of the built-in directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryUser {
    /// The name to sign in with.
    #[schemars(with = "String")]
    pub username: CompactString,
    /// The e-mail address.
    #[schemars(with = "String")]
    pub email: CompactString,
    /// The given name.
    #[schemars(with = "String")]
    pub first_name: CompactString,
    /// The family name.
    #[schemars(with = "String")]
    pub last_name: CompactString,
    /// The full name.
    #[schemars(with = "String")]
    pub display_name: CompactString,
    /// Further attributes by name (`mapping.attributes`).
    #[serde(default)]
    pub attributes: FurtherAttributes,
    /// False for an account that cannot sign in.
    pub active: bool,
    /// Names of its groups, sorted.
    #[schemars(with = "Vec<String>")]
    pub groups: Vec<CompactString>,
}

/// A group of the built-in directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryGroup {
    /// Its name.
    #[schemars(with = "String")]
    pub name: CompactString,
    /// A text for people.
    #[schemars(with = "String")]
    pub description: CompactString,
    /// How many members it has.
    pub members: u64,
}

/// A handle to the built-in directory, cheap to clone; all connectors share one.
#[derive(Clone, Debug)]
pub struct Directory {
    database: Database,
    address: String,
}

/// What the built-in directory can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "the built-in directory",
    rename_users: true,
    rename_groups: true,
    disable_users: true,
    delete_users: true,
    delete_groups: true,
    deletes_without_loss: true,
    requires_email: false,
    checks_email_domains: false,
    email_readable: true,
    holds_given_names: true,
    holds_group_descriptions: true,
    further_attributes: Further::Any,
    names: NameRules {
        ignore_case: true,
        longest: 255,
        lower_case_users: false,
        forbidden_in_users: "",
        no_space_in_users: false,
    },
    administrators: &[],
    listing: Listing::Whole,
    nested_members: false,
    keeps_source_ids: true,
    pace: Pace { page: usize::MAX, at_once: 1, memberships: usize::MAX, new_group: 0 },
};

const SCHEMA: Schema = Schema {
    what: "the built-in directory",
    migrations: &[include_str!("schema_1.sql"), include_str!("schema_2.sql")],
};

/// Writes per transaction: enough that the disk is not waited for after each, few enough to stop soon.
const BATCH: usize = 512;

impl Directory {
    /// Opens (or makes) `DIRECTORY/directory.db`.
    pub async fn open(directory: &Path) -> Result<Self, OpenError> {
        let database = Database::open(&directory.join(backup::DIRECTORY), SCHEMA).await?;
        let fresh = format!("{:016x}", fastrand::u64(..));
        let id = database
            .write(move |transaction| {
                transaction.execute(
                    "INSERT INTO directory (id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM directory)",
                    [&fresh],
                )?;
                transaction.query_row("SELECT id FROM directory", [], |row| row.get::<_, String>(0))
            })
            .await
            .map_err(|error| {
                OpenError::Failed(format!("the built-in directory could not be opened: {error}"))
            })?;
        Ok(Self { database, address: format!("directory:{id}") })
    }

    /// State and directory in `directory` as they are at one moment, while writes to the built-in directory wait. An operation
    /// stands in the journal before it is done (law 5), so the two belong together at every moment.
    pub(crate) async fn freeze(&self, directory: &Path) -> Result<backup::Frozen, String> {
        let directory = directory.to_owned();
        self.database.hold_still(move || backup::Frozen::open(&directory)).await
    }

    /// All users, sorted by name.
    pub async fn users(&self) -> Result<Vec<DirectoryUser>, TargetError> {
        self.read(read::users).await
    }

    /// All groups, sorted by name.
    pub async fn groups(&self) -> Result<Vec<DirectoryGroup>, TargetError> {
        self.read(read::groups).await
    }

    /// Usernames of a group's members, sorted; none if there is no such group.
    pub async fn members(&self, group: &str) -> Result<Option<Vec<String>>, TargetError> {
        let key = group.trim().to_lowercase();
        self.read(move |transaction| read::members(transaction, &key)).await
    }

    async fn read<T, F>(&self, job: F) -> Result<T, TargetError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let failed =
            |error| TargetError::Unreadable(format!("the built-in directory could not be read: {error}"));
        self.database.read(job).await.map_err(failed)
    }
}

#[async_trait]
impl Reader for Directory {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn reads_everything(&self) -> bool {
        true
    }

    async fn try_out(&self, _: &RunControl) -> Result<Rights, TargetError> {
        let count = |transaction: &rusqlite::Transaction<'_>| {
            transaction.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0))
        };
        Directory::read(self, count).await?;
        Ok(Rights { read: "its users", ..Rights::default() })
    }

    async fn read(&self, _: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        if control.cancel.is_cancelled() {
            return Err(TargetError::Cancelled);
        }
        Directory::read(self, read::snapshot).await
    }
}

#[async_trait]
impl Writer for Directory {
    async fn write(&self, batch: &[Write], _: &RunControl) -> Vec<Result<Written, WriteError>> {
        let count = batch.len();
        let batch = batch.to_vec();
        let written = self.database.write(move |transaction| write::all(transaction, &batch)).await;
        written.unwrap_or_else(|error| {
            let message = format!("the built-in directory could not be written: {error}");
            vec![Err(WriteError::fatal(message)); count]
        })
    }

    fn batch_size(&self) -> usize {
        BATCH
    }
}

#[cfg(test)]
mod tests;
