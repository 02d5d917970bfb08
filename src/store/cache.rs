//! What the source showed when it was last read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use rusqlite::{OptionalExtension, Result, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, time, time_text, unusable};
use crate::source::cache::{CachedGroup, PackedMembers};
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

/// The users and groups that the lists showed, beside [`StoredLists`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRecords {
    /// The record of each person who was listed as a user, in the order of their numbers.
    pub users: Vec<Option<Box<str>>>,
    /// The groups.
    pub groups: BTreeMap<SourceId, CachedGroup>,
    /// Up to when all of it is known; none if it is not whole.
    pub read: Option<StoredRead>,
}

/// Up to when the source is known, and by which settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRead {
    /// Names the settings of the connector on which it depends what is read and kept.
    pub settings: String,
    /// Everything that changed before this time, by the source's clock, is known.
    pub since: DateTime<Utc>,
    /// Where the source's log is to be read on; none if it has not been read yet.
    pub log: Option<LogPosition>,
    /// Whether a full run has judged it, and kept what a person must decide about: runs between full ones go on from there.
    #[serde(default)]
    pub judged: bool,
    /// Whether a run has gone through all that follows from it.
    pub done: bool,
}

/// Where the source's log is to be read on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// Where the next read begins: where the one before the last ended, so that every entry is read twice, some time apart.
    /// None: at [`StoredRead::since`].
    pub from: Option<String>,
    /// Where the last read ended.
    pub end: String,
    /// When that was, by this host's clock.
    pub at: DateTime<Utc>,
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
    /// Records of users that came, changed or went, by the number of the person.
    pub users: Vec<(u32, Option<Box<str>>)>,
    /// Groups that came or changed.
    pub groups: Vec<(SourceId, CachedGroup)>,
    /// Groups that went.
    pub groups_gone: Vec<SourceId>,
    /// Up to when all of it is known; none: as before.
    pub read: Option<StoredRead>,
    /// True if what was known of users and groups no longer counts.
    pub forgets_read: bool,
}

impl Store {
    /// Member lists as they were when they were last read to their end.
    pub async fn cached_lists(&self, connector: &str) -> std::result::Result<StoredLists, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of member lists could not be read", move |transaction| {
            load_lists(transaction, &connector)
        })
        .await
    }

    /// Users and groups as they were when they were last read.
    pub async fn cached_records(&self, connector: &str) -> std::result::Result<StoredRecords, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of the source could not be read", move |transaction| {
            load_records(transaction, &connector)
        })
        .await
    }

    /// Up to when the source is known; none if it is not known as a whole.
    pub async fn cached_read(&self, connector: &str) -> std::result::Result<Option<StoredRead>, StoreError> {
        let connector = connector.to_owned();
        self.read("what is known of the source could not be read", move |transaction| {
            load_read(transaction, &connector)
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

    /// Remembers up to when the source is known; none: a full read must come first.
    pub async fn set_cached_read(
        &self,
        connector: &str,
        read: Option<StoredRead>,
    ) -> std::result::Result<(), StoreError> {
        let connector = connector.to_owned();
        self.write("what was read could not be recorded", move |transaction| {
            put_read(transaction, &connector, read.as_ref())
        })
        .await
    }
}

fn load_lists(transaction: &Transaction<'_>, connector: &str) -> Result<StoredLists> {
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

fn load_records(transaction: &Transaction<'_>, connector: &str) -> Result<StoredRecords> {
    let mut users = transaction
        .prepare_cached("SELECT record FROM cached_people WHERE connector = ?1 ORDER BY person")?;
    let users = users.query_map([connector], |row| Ok(row.get_ref(0)?.as_str_or_null()?.map(Box::from)))?;
    let mut groups =
        transaction.prepare_cached("SELECT source, record FROM cached_groups WHERE connector = ?1")?;
    let groups = groups.query_map([connector], |row| {
        let source = SourceId(row.get_ref(0)?.as_str()?.into());
        Ok((source, json(1, row.get_ref(1)?.as_str()?)?))
    })?;
    Ok(StoredRecords {
        users: users.collect::<Result<_>>()?,
        groups: groups.collect::<Result<_>>()?,
        read: load_read(transaction, connector)?,
    })
}

fn load_read(transaction: &Transaction<'_>, connector: &str) -> Result<Option<StoredRead>> {
    let mut statement = transaction.prepare_cached("SELECT record FROM cached_reads WHERE connector = ?1")?;
    statement.query_row([connector], |row| json(0, row.get_ref(0)?.as_str()?)).optional()
}

fn put(transaction: &Transaction<'_>, connector: &str, update: &CacheUpdate) -> Result<()> {
    if update.anew {
        forget(transaction, connector)?;
    }
    put_people(transaction, connector, update)?;
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO cached_lists (connector, source, stamp, read, settled, members)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (source, list) in &update.lists {
        let StoredList { stamp, read, settled, members } = list;
        let read = time_text(*read);
        put.execute(params![connector, source.0.as_str(), stamp.as_str(), read, settled, &*members.0])?;
    }
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO cached_groups (connector, source, record) VALUES (?1, ?2, ?3)",
    )?;
    for (source, group) in &update.groups {
        put.execute((connector, source.0.as_str(), text(group)?))?;
    }
    for (table, gone) in [("cached_lists", &update.forgotten), ("cached_groups", &update.groups_gone)] {
        let sql = format!("DELETE FROM {table} WHERE connector = ?1 AND source = ?2");
        let mut delete = transaction.prepare_cached(&sql)?;
        for source in gone {
            delete.execute((connector, source.0.as_str()))?;
        }
    }
    if update.read.is_some() || update.forgets_read {
        put_read(transaction, connector, update.read.as_ref())?;
    }
    Ok(())
}

fn put_people(transaction: &Transaction<'_>, connector: &str, update: &CacheUpdate) -> Result<()> {
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
    let mut note = transaction
        .prepare_cached("UPDATE cached_people SET record = ?3 WHERE connector = ?1 AND person = ?2")?;
    for (person, record) in &update.users {
        note.execute(params![connector, person, record.as_deref()])?;
    }
    Ok(())
}

fn put_read(transaction: &Transaction<'_>, connector: &str, read: Option<&StoredRead>) -> Result<()> {
    match read {
        Some(read) => transaction.execute(
            "INSERT OR REPLACE INTO cached_reads (connector, record) VALUES (?1, ?2)",
            (connector, text(read)?),
        )?,
        None => transaction.execute("DELETE FROM cached_reads WHERE connector = ?1", [connector])?,
    };
    Ok(())
}

fn json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unusable(column, error))
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Forgets all that is stored of what a connector read.
pub(super) fn forget(transaction: &Transaction<'_>, connector: &str) -> Result<()> {
    for table in TABLES {
        transaction.execute(&format!("DELETE FROM {table} WHERE connector = ?1"), [connector])?;
    }
    Ok(())
}

/// Where it is stored.
pub(super) const TABLES: [&str; 4] = ["cached_people", "cached_lists", "cached_groups", "cached_reads"];
