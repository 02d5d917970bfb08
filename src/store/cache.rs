//! What the source showed when it was last read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use rusqlite::{Result, Transaction, params};

use super::{Store, StoreError, time, time_text};
use crate::source::cache::PackedMembers;
use crate::sync::model::SourceId;

/// Member lists that were read to their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredLists {
    /// Whom the numbers in them mean.
    pub people: Vec<SourceId>,
    /// The lists by their group's id.
    pub lists: BTreeMap<SourceId, StoredList>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredList {
    /// When the source said that it last changed.
    pub stamp: CompactString,
    /// When it was read, by this host's clock.
    pub read: DateTime<Utc>,
    /// Whether it holds all that its stamp stands for.
    pub settled: bool,
    /// Who was in it.
    pub members: PackedMembers,
}

/// What a read changes in what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheUpdate {
    /// True if nothing that was stored counts any more, people's numbers included.
    pub anew: bool,
    /// People with the numbers that follow those that stay.
    pub people: Vec<SourceId>,
    /// Lists that came or changed.
    pub lists: Vec<(SourceId, StoredList)>,
    /// Groups whose lists are no longer needed.
    pub forgotten: Vec<SourceId>,
}

impl Store {
    /// Member lists as they were when they were last read to their end.
    pub async fn cached_lists(&self, connector: &str) -> std::result::Result<StoredLists, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of member lists could not be read", move |transaction| {
            load(transaction, &connector)
        })
        .await
    }

    /// Stores what a read brought.
    pub async fn update_cache(
        &self,
        connector: &str,
        update: CacheUpdate,
    ) -> std::result::Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("what was read could not be recorded", move |transaction| {
            put(transaction, &connector, &update)
        })
        .await
    }
}

fn load(transaction: &Transaction<'_>, connector: &str) -> Result<StoredLists> {
    let mut people = transaction
        .prepare_cached("SELECT source FROM cached_people WHERE connector = ?1 ORDER BY person")?;
    let people = people.query_map([connector], |row| Ok(SourceId(row.get_ref(0)?.as_str()?.into())))?;
    let mut lists = transaction.prepare_cached(
        "SELECT source, stamp, read, settled, members FROM cached_lists WHERE connector = ?1",
    )?;
    let lists = lists.query_map([connector], |row| {
        let source = SourceId(row.get_ref(0)?.as_str()?.into());
        let list = StoredList {
            stamp: row.get_ref(1)?.as_str()?.into(),
            read: time(2, row.get_ref(2)?.as_str()?)?,
            settled: row.get(3)?,
            members: PackedMembers(row.get_ref(4)?.as_blob()?.into()),
        };
        Ok((source, list))
    })?;
    Ok(StoredLists { people: people.collect::<Result<_>>()?, lists: lists.collect::<Result<_>>()? })
}

fn put(transaction: &Transaction<'_>, connector: &str, update: &CacheUpdate) -> Result<()> {
    if update.anew {
        forget(transaction, connector)?;
    }
    let next: i64 = transaction.query_row(
        "SELECT COALESCE(MAX(person) + 1, 0) FROM cached_people WHERE connector = ?1",
        [connector],
        |row| row.get(0),
    )?;
    let mut add = transaction
        .prepare_cached("INSERT INTO cached_people (connector, person, source) VALUES (?1, ?2, ?3)")?;
    for (person, source) in (next..).zip(&update.people) {
        add.execute(params![connector, person, source.0.as_str()])?;
    }
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO cached_lists (connector, source, stamp, read, settled, members)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (source, list) in &update.lists {
        let StoredList { stamp, read, settled, members } = list;
        let read = time_text(*read);
        put.execute(params![connector, source.0.as_str(), stamp.as_str(), read, settled, &*members.0])?;
    }
    let mut drop =
        transaction.prepare_cached("DELETE FROM cached_lists WHERE connector = ?1 AND source = ?2")?;
    for source in &update.forgotten {
        drop.execute((connector, source.0.as_str()))?;
    }
    Ok(())
}

/// Forgets all that is stored of what a connector read.
pub(super) fn forget(transaction: &Transaction<'_>, connector: &str) -> Result<()> {
    for table in TABLES {
        transaction.execute(&format!("DELETE FROM {table} WHERE connector = ?1"), [connector])?;
    }
    Ok(())
}

/// Where it is stored.
pub(super) const TABLES: [&str; 2] = ["cached_people", "cached_lists"];
