//! Reading the directory: for a run, and for people.

use compact_str::{CompactString, format_compact};
use hashbrown::HashMap;
use rusqlite::{OptionalExtension, Result, Row, Transaction};

use super::{DirectoryGroup, DirectoryUser};
use crate::sync::model::{
    FurtherAttributes, GroupAttributes, Proof, SourceId, TargetGroup, TargetId, TargetSnapshot, TargetUser,
    UserAttributes,
};

fn text(row: &Row<'_>, column: usize) -> Result<CompactString> {
    Ok(CompactString::from(row.get_ref(column)?.as_str()?))
}

fn source(row: &Row<'_>, column: usize) -> Result<Option<SourceId>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(SourceId::from))
}

fn attributes(row: &Row<'_>, column: usize) -> Result<FurtherAttributes> {
    let text = row.get_ref(column)?.as_str()?;
    // By far the most rows have none.
    if text == "{}" {
        return Ok(FurtherAttributes::default());
    }
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// Everything, in one consistent look.
pub(super) fn snapshot(transaction: &Transaction<'_>) -> Result<TargetSnapshot> {
    let mut snapshot = TargetSnapshot::default();
    let mut positions: HashMap<i64, u32> = HashMap::new();
    let mut statement = transaction.prepare(
        "SELECT id, username, email, first_name, last_name, display_name, active, attributes, source_id
         FROM users ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        positions.insert(id, u32::try_from(snapshot.users.len()).unwrap_or(u32::MAX));
        snapshot.users.push(TargetUser {
            id: TargetId(format_compact!("{id}")),
            attributes: UserAttributes {
                username: text(row, 1)?,
                email: text(row, 2)?,
                first_name: text(row, 3)?,
                last_name: text(row, 4)?,
                display_name: text(row, 5)?,
                attributes: attributes(row, 7)?,
            },
            active: row.get(6)?,
            source: source(row, 8)?,
        });
    }
    let mut group_positions: HashMap<i64, usize> = HashMap::new();
    let mut statement =
        transaction.prepare("SELECT id, name, description, source_id FROM groups ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        group_positions.insert(id, snapshot.groups.len());
        snapshot.groups.push(TargetGroup {
            id: TargetId(format_compact!("{id}")),
            attributes: GroupAttributes { name: text(row, 1)?, description: text(row, 2)? },
            members: Vec::new(),
            members_proof: Proof::Proven,
            source: source(row, 3)?,
        });
    }
    let mut statement =
        transaction.prepare("SELECT group_id, user_id FROM memberships ORDER BY group_id, user_id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (group, user): (i64, i64) = (row.get(0)?, row.get(1)?);
        let group = group_positions.get(&group).and_then(|at| snapshot.groups.get_mut(*at));
        if let (Some(group), Some(user)) = (group, positions.get(&user)) {
            group.members.push(*user);
        }
    }
    Ok(snapshot)
}

pub(super) fn users(transaction: &Transaction<'_>) -> Result<Vec<DirectoryUser>> {
    let mut groups: HashMap<i64, Vec<CompactString>> = HashMap::new();
    let mut statement = transaction.prepare(
        "SELECT memberships.user_id, groups.name FROM memberships JOIN groups ON groups.id = memberships.group_id
         ORDER BY groups.name_key",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        groups.entry(row.get(0)?).or_default().push(text(row, 1)?);
    }
    let mut statement = transaction.prepare(
        "SELECT id, username, email, first_name, last_name, display_name, active, attributes
         FROM users ORDER BY username_key",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(DirectoryUser {
            username: text(row, 1)?,
            email: text(row, 2)?,
            first_name: text(row, 3)?,
            last_name: text(row, 4)?,
            display_name: text(row, 5)?,
            attributes: attributes(row, 7)?,
            active: row.get(6)?,
            groups: groups.remove(&row.get::<_, i64>(0)?).unwrap_or_default(),
        })
    })?;
    rows.collect()
}

pub(super) fn groups(transaction: &Transaction<'_>) -> Result<Vec<DirectoryGroup>> {
    let mut statement = transaction.prepare(
        "SELECT name, description, (SELECT count(*) FROM memberships WHERE group_id = groups.id)
         FROM groups ORDER BY name_key",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(DirectoryGroup { name: text(row, 0)?, description: text(row, 1)?, members: row.get(2)? })
    })?;
    rows.collect()
}

pub(super) fn members(transaction: &Transaction<'_>, name_key: &str) -> Result<Option<Vec<String>>> {
    let group: Option<i64> = transaction
        .query_row("SELECT id FROM groups WHERE name_key = ?1", [name_key], |row| row.get(0))
        .optional()?;
    let Some(group) = group else { return Ok(None) };
    let mut statement = transaction.prepare(
        "SELECT users.username FROM memberships JOIN users ON users.id = memberships.user_id
         WHERE memberships.group_id = ?1 ORDER BY users.username_key",
    )?;
    let rows = statement.query_map([group], |row| row.get(0))?;
    rows.collect::<Result<Vec<String>>>().map(Some)
}
