//! The ledgers: which source object stands for which target object, and what they belong to.

use compact_str::CompactString;
use rusqlite::{OptionalExtension, Result, Transaction, params};

use super::{Kept, unusable, word};
use crate::sync::diff::Claims;
use crate::sync::model::{
    Binding, Ledger, LedgerGroup, LedgerUser, Origin, SourceAddress, SourceId, TargetId, Unanswered,
};
use crate::sync::plan::LedgerChange;
use crate::sync::report::Managed;

pub(super) fn load(transaction: &Transaction<'_>, connector: &str) -> Result<Ledger> {
    let binding = transaction
        .query_row("SELECT source_id, origin, target FROM connectors WHERE name = ?1", [connector], |row| {
            let (id, origin): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
            let target: Option<String> = row.get(2)?;
            let source = origin.map(|origin| SourceAddress { id, origin });
            Ok(source.zip(target).map(|(source, target)| Binding { source, target }))
        })
        .optional()?;
    let mut ledger = Ledger { binding: binding.flatten(), ..Ledger::default() };
    let mut users = transaction.prepare_cached(
        "SELECT source, target, username, origin, disabled_by_us FROM ledger_users WHERE connector = ?1",
    )?;
    let mut rows = users.query([connector])?;
    while let Some(row) = rows.next()? {
        let user = LedgerUser {
            target: TargetId(text(row, 1)?),
            username: text(row, 2)?,
            origin: word(3, row.get(3)?)?,
            disabled_by_us: row.get(4)?,
        };
        ledger.users.insert(SourceId(text(row, 0)?), user);
    }
    let mut groups = transaction.prepare_cached(
        "SELECT source, target, name, origin, memberships FROM ledger_groups WHERE connector = ?1",
    )?;
    let mut rows = groups.query([connector])?;
    while let Some(row) = rows.next()? {
        let group = LedgerGroup {
            target: TargetId(text(row, 1)?),
            name: text(row, 2)?,
            origin: word(3, row.get(3)?)?,
            memberships: row.get(4)?,
        };
        ledger.groups.insert(SourceId(text(row, 0)?), group);
    }
    ledger.unanswered = unanswered(transaction, connector)?;
    Ok(ledger)
}

/// Operations that were sent and never answered, oldest first.
fn unanswered(transaction: &Transaction<'_>, connector: &str) -> Result<Vec<Unanswered>> {
    let mut statement = transaction.prepare_cached(
        "SELECT journal.kind, journal.source, journal.target, journal.name, journal.operation
         FROM journal JOIN runs ON runs.id = journal.run
         WHERE runs.connector = ?1 AND journal.result IS NULL ORDER BY journal.run, journal.position",
    )?;
    let rows = statement.query_map([connector], |row| {
        let operation: String = row.get(4)?;
        let operation: serde_json::Value =
            serde_json::from_str(&operation).map_err(|error| unusable(4, error))?;
        let removed = operation["before"]["removed"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Unanswered {
            kind: row.get(0)?,
            source: SourceId(text(row, 1)?),
            target: row.get::<_, Option<String>>(2)?.map(|id| TargetId(id.into())),
            name: text(row, 3)?,
            new_name: operation["after"]["username"].as_str().map(CompactString::from),
            removed: removed.iter().filter_map(|id| id.as_str()).map(SourceId::from).collect(),
        })
    })?;
    rows.collect()
}

fn text(row: &rusqlite::Row<'_>, column: usize) -> Result<CompactString> {
    Ok(CompactString::from(row.get_ref(column)?.as_str()?))
}

pub(super) fn managed(transaction: &Transaction<'_>, connector: &str) -> Result<Managed> {
    transaction.query_row(
        "WITH linked AS (SELECT target, max(memberships) AS memberships FROM ledger_groups
                         WHERE connector = ?1 GROUP BY target)
         SELECT (SELECT count(*) FROM ledger_users WHERE connector = ?1), count(*), coalesce(sum(memberships), 0)
         FROM linked",
        [connector],
        |row| Ok(Managed { users: row.get(0)?, groups: row.get(1)?, memberships: row.get(2)? }),
    )
}

pub(super) fn claims(transaction: &Transaction<'_>, connector: &str, target: &str) -> Result<Claims> {
    let mut claims = Claims::default();
    let of_table = |table: &str| {
        format!(
            "SELECT ledger.target, ledger.connector FROM {table} AS ledger
             JOIN connectors ON connectors.name = ledger.connector
             WHERE connectors.target = ?1 AND ledger.connector <> ?2"
        )
    };
    for (table, found) in [("ledger_users", &mut claims.users), ("ledger_groups", &mut claims.groups)] {
        let mut statement = transaction.prepare(&of_table(table))?;
        let mut rows = statement.query([target, connector])?;
        while let Some(row) = rows.next()? {
            found.insert(TargetId(text(row, 0)?), row.get(1)?);
        }
    }
    Ok(claims)
}

fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Created => "created",
        Origin::Adopted => "adopted",
    }
}

pub(super) fn change(transaction: &Transaction<'_>, connector: &str, changes: &[LedgerChange]) -> Result<()> {
    let mut put_user = transaction.prepare_cached(
        "INSERT OR REPLACE INTO ledger_users (connector, source, target, username, origin, disabled_by_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut put_group = transaction.prepare_cached(
        "INSERT OR REPLACE INTO ledger_groups (connector, source, target, name, origin, memberships)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for change in changes {
        match change {
            LedgerChange::PutUser(source, user) => put_user.execute(params![
                connector,
                source.0.as_str(),
                user.target.0.as_str(),
                user.username.as_str(),
                origin_text(user.origin),
                user.disabled_by_us,
            ])?,
            LedgerChange::PutGroup(source, group) => put_group.execute(params![
                connector,
                source.0.as_str(),
                group.target.0.as_str(),
                group.name.as_str(),
                origin_text(group.origin),
                group.memberships,
            ])?,
            LedgerChange::ForgetGroup(source) => transaction.execute(
                "DELETE FROM ledger_groups WHERE connector = ?1 AND source = ?2",
                [connector, source.0.as_str()],
            )?,
        };
    }
    Ok(())
}

/// Forgets every user and group that is not in the lists.
pub(super) fn keep(transaction: &Transaction<'_>, connector: &str, kept: &Kept) -> Result<()> {
    for (table, kept) in [("ledger_users", &kept.users), ("ledger_groups", &kept.groups)] {
        let mut statement =
            transaction.prepare(&format!("SELECT source FROM {table} WHERE connector = ?1"))?;
        let known = statement.query_map([connector], |row| row.get(0))?.collect::<Result<Vec<String>>>()?;
        let mut forget =
            transaction.prepare(&format!("DELETE FROM {table} WHERE connector = ?1 AND source = ?2"))?;
        for source in known.iter().filter(|source| !kept.contains(source.as_str())) {
            forget.execute([connector, source])?;
        }
    }
    Ok(())
}

pub(super) fn bind(transaction: &Transaction<'_>, connector: &str, binding: &Binding) -> Result<()> {
    transaction.execute(
        "INSERT INTO connectors (name, source_id, origin, target) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE
         SET source_id = excluded.source_id, origin = excluded.origin, target = excluded.target",
        params![connector, binding.source.id, binding.source.origin, binding.target],
    )?;
    Ok(())
}

/// Renames everything, or says why not.
pub(super) fn rename(transaction: &Transaction<'_>, from: &str, to: &str) -> Result<Option<String>> {
    let managed = |name: &str| -> Result<u64> {
        transaction.query_row(
            "SELECT (SELECT count(*) FROM ledger_users WHERE connector = ?1)
                  + (SELECT count(*) FROM ledger_groups WHERE connector = ?1)",
            [name],
            |row| row.get(0),
        )
    };
    let known: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM connectors WHERE name = ?1)", [from], |row| {
            row.get(0)
        })?;
    if !known {
        return Ok(Some(format!("nothing is known of a connector named {from}; nothing was renamed")));
    }
    if from == to {
        return Ok(Some("both names are the same; nothing was renamed".to_owned()));
    }
    let taken = managed(to)?;
    if taken > 0 {
        return Ok(Some(format!(
            "the connector {to} already manages {taken} users and groups of its own, which a rename would lose; nothing \
             was renamed"
        )));
    }
    transaction.execute("DELETE FROM connectors WHERE name = ?1", [to])?;
    transaction.execute("UPDATE connectors SET name = ?2 WHERE name = ?1", [from, to])?;
    for table in ["ledger_users", "ledger_groups", "runs", "applied"] {
        transaction
            .execute(&format!("UPDATE {table} SET connector = ?2 WHERE connector = ?1"), [from, to])?;
    }
    Ok(None)
}

pub(super) fn release(
    transaction: &Transaction<'_>,
    connector: &str,
    username: &str,
) -> Result<Option<SourceId>> {
    let mut statement =
        transaction.prepare("SELECT source, username FROM ledger_users WHERE connector = ?1")?;
    let mut rows = statement.query([connector])?;
    let wanted = username.to_lowercase();
    let mut found = None;
    while let Some(row) = rows.next()? {
        if text(row, 1)?.to_lowercase() == wanted {
            found = Some(SourceId(text(row, 0)?));
        }
    }
    if let Some(source) = &found {
        transaction.execute(
            "DELETE FROM ledger_users WHERE connector = ?1 AND source = ?2",
            [connector, source.0.as_str()],
        )?;
    }
    Ok(found)
}
