//! The ledgers: which source object stands for which target object, and what they belong to.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use rusqlite::{OptionalExtension, Result, Transaction, params};

use super::{Kept, Links, cache, time, time_text, unusable, word};
use crate::sync::diff::Claims;
use crate::sync::model::LedgerChange;
use crate::sync::model::{
    AlwaysGroup, Binding, Ledger, LedgerGroup, LedgerUser, Origin, SourceAddress, SourceId, TargetId,
    Unanswered,
};
use crate::sync::relink::RELINK;
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
        "SELECT source, target, username, origin, disabled_by_us, left_since, original, email
         FROM ledger_users WHERE connector = ?1",
    )?;
    let users = users.query_map([connector], |row| {
        let original: Option<String> = row.get(6)?;
        let user = LedgerUser {
            target: TargetId(text(row, 1)?),
            username: text(row, 2)?,
            origin: word(3, row.get(3)?)?,
            disabled_by_us: row.get(4)?,
            left_since: row.get::<_, Option<String>>(5)?.map(|text| time(5, &text)).transpose()?,
            original: original
                .map(|text| serde_json::from_str(&text).map_err(|error| unusable(6, error)))
                .transpose()?,
            email: row.get::<_, Option<String>>(7)?.map(CompactString::from),
        };
        Ok((SourceId(text(row, 0)?), user))
    })?;
    // In the order of the table, so that the tree is built in one go and without gaps.
    ledger.users = users.collect::<Result<_>>()?;
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
    ledger.always = always(transaction, connector)?;
    ledger.unanswered = unanswered(transaction, connector)?;
    Ok(ledger)
}

fn always(transaction: &Transaction<'_>, connector: &str) -> Result<BTreeMap<CompactString, AlwaysGroup>> {
    let mut always = BTreeMap::new();
    let mut groups =
        transaction.prepare_cached("SELECT name, target, created FROM ledger_always WHERE connector = ?1")?;
    let mut rows = groups.query([connector])?;
    while let Some(row) = rows.next()? {
        let (target, created) = (TargetId(text(row, 1)?), row.get(2)?);
        let group = AlwaysGroup { target, created, members: BTreeSet::new() };
        always.insert(text(row, 0)?, group);
    }
    let mut members =
        transaction.prepare_cached("SELECT name, source FROM ledger_always_members WHERE connector = ?1")?;
    let mut rows = members.query([connector])?;
    while let Some(row) = rows.next()? {
        if let Some(group) = always.get_mut(&text(row, 0)?) {
            group.members.insert(SourceId(text(row, 1)?));
        }
    }
    Ok(always)
}

/// Operations that were sent and never answered, oldest first: those of all connectors are looked at, which are few, and not the
/// whole journal of one.
fn unanswered(transaction: &Transaction<'_>, connector: &str) -> Result<Vec<Unanswered>> {
    let mut statement = transaction.prepare_cached(
        "SELECT journal.kind, journal.source, journal.target, journal.name, journal.operation
         FROM journal INDEXED BY journal_open CROSS JOIN runs ON runs.id = journal.run
         WHERE runs.connector = ?1 AND journal.result IS NULL ORDER BY journal.run, journal.position",
    )?;
    let rows = statement.query_map([connector], |row| {
        let operation: String = row.get(4)?;
        let operation: serde_json::Value =
            serde_json::from_str(&operation).map_err(|error| unusable(4, error))?;
        let ids = |list: &serde_json::Value| -> Vec<SourceId> {
            let ids = list.as_array().map(Vec::as_slice).unwrap_or_default();
            ids.iter().filter_map(|id| id.as_str()).map(SourceId::from).collect()
        };
        Ok(Unanswered {
            kind: row.get(0)?,
            source: SourceId(text(row, 1)?),
            target: row.get::<_, Option<String>>(2)?.map(|id| TargetId(id.into())),
            name: text(row, 3)?,
            new_name: operation["after"]["username"].as_str().map(CompactString::from),
            before: serde_json::from_value(operation["before"].clone()).ok().map(Box::new),
            after: serde_json::from_value(operation["after"].clone()).ok().map(Box::new),
            added: ids(&operation["after"]["added"]),
            removed: ids(&operation["before"]["removed"]),
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
         SELECT (SELECT count(*) FROM ledger_users WHERE connector = ?1),
                (SELECT count(*) FROM ledger_users WHERE connector = ?1 AND disabled_by_us = 0), count(*),
                coalesce(sum(memberships), 0)
                + (SELECT count(*) FROM ledger_always_members WHERE connector = ?1)
         FROM linked",
        [connector],
        |row| {
            let (users, active) = (row.get(0)?, row.get(1)?);
            Ok(Managed { users, active, groups: row.get(2)?, memberships: row.get(3)? })
        },
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
        "INSERT OR REPLACE INTO ledger_users
         (connector, source, target, username, origin, disabled_by_us, left_since, original, email)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
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
                user.left_since.map(time_text),
                original_text(user)?,
                user.email.as_deref(),
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
            LedgerChange::ForgetUser(source) => transaction.execute(
                "DELETE FROM ledger_users WHERE connector = ?1 AND source = ?2",
                [connector, source.0.as_str()],
            )?,
            LedgerChange::PutAlways { name, target, created } => transaction.execute(
                "INSERT OR REPLACE INTO ledger_always (connector, name, target, created) VALUES (?1, ?2, ?3, ?4)",
                params![connector, name.as_str(), target.0.as_str(), created],
            )?,
            LedgerChange::ChangeAlways { name, added, removed } => {
                change_always(transaction, connector, name, added, removed)?
            }
            LedgerChange::ForgetAlways(name) => {
                for table in ["ledger_always", "ledger_always_members"] {
                    transaction.execute(
                        &format!("DELETE FROM {table} WHERE connector = ?1 AND name = ?2"),
                        [connector, name.as_str()],
                    )?;
                }
                0
            }
        };
    }
    Ok(())
}

fn original_text(user: &LedgerUser) -> Result<Option<String>> {
    let text = user.original.as_ref().map(serde_json::to_string).transpose();
    text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn change_always(
    transaction: &Transaction<'_>,
    connector: &str,
    name: &str,
    added: &[SourceId],
    removed: &[SourceId],
) -> Result<usize> {
    let mut add = transaction.prepare_cached(
        "INSERT OR IGNORE INTO ledger_always_members (connector, name, source) VALUES (?1, ?2, ?3)",
    )?;
    for source in added {
        add.execute([connector, name, source.0.as_str()])?;
    }
    let mut remove = transaction.prepare_cached(
        "DELETE FROM ledger_always_members WHERE connector = ?1 AND name = ?2 AND source = ?3",
    )?;
    for source in removed {
        remove.execute([connector, name, source.0.as_str()])?;
    }
    Ok(added.len() + removed.len())
}

/// Forgets every user and group that is not in the lists.
pub(super) fn keep(transaction: &Transaction<'_>, connector: &str, kept: &Kept) -> Result<()> {
    let kept_always = kept.always;
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
    for table in ["ledger_always", "ledger_always_members"] {
        let kept = format!("DELETE FROM {table} WHERE connector = ?1 AND ?2");
        transaction.execute(&kept, params![connector, !kept_always])?;
    }
    Ok(())
}

/// What people decided, and what was compared with, belongs to the source and target that the ledger was bound to.
pub(super) fn forget_decisions(transaction: &Transaction<'_>, connector: &str) -> Result<()> {
    for sql in [
        "UPDATE hold_changes SET permitted = 0 WHERE hold IN (SELECT id FROM holds WHERE connector = ?1)",
        "UPDATE holds SET state = 'over' WHERE connector = ?1",
        "DELETE FROM kept_plans WHERE connector = ?1",
        "UPDATE connectors SET view = NULL, last_file = NULL,
                undo_after = (SELECT max(id) FROM runs WHERE connector = ?1) WHERE name = ?1",
    ] {
        transaction.execute(sql, [connector])?;
    }
    cache::forget(transaction, connector)
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

/// Links again, or says why not.
pub(super) fn relink(
    transaction: &Transaction<'_>,
    connector: &str,
    binding: &Binding,
    links: &Links,
) -> Result<Option<String>> {
    let claims = claims(transaction, connector, &binding.target)?;
    let taken = links.changes.iter().find_map(|change| match change {
        LedgerChange::PutUser(_, user) => Some((&user.username, claims.users.get(&user.target)?)),
        LedgerChange::PutGroup(_, group) => Some((&group.name, claims.groups.get(&group.target)?)),
        LedgerChange::PutAlways { name, target, .. } => Some((name, claims.groups.get(target)?)),
        _ => None,
    });
    if let Some((name, other)) = taken {
        return Ok(Some(format!(
            "the connector {other} took {name} while the target was read, so nothing was linked; run this again"
        )));
    }
    bind(transaction, connector, binding)?;
    change(transaction, connector, &links.changes)?;
    // What somebody decided about an earlier relink is not decided about this one.
    transaction.execute(
        "UPDATE holds SET state = 'over' WHERE connector = ?1 AND topic = ?2",
        params![connector, RELINK],
    )?;
    set_relinking(transaction, connector, links.asks_by_name)?;
    Ok(None)
}

pub(super) fn set_relinking(transaction: &Transaction<'_>, connector: &str, relinking: bool) -> Result<()> {
    transaction
        .execute("UPDATE connectors SET relinking = ?2 WHERE name = ?1", params![connector, relinking])?;
    Ok(())
}

pub(super) fn is_relinking(transaction: &Transaction<'_>, connector: &str) -> Result<bool> {
    let known = transaction
        .query_row("SELECT relinking FROM connectors WHERE name = ?1", [connector], |row| row.get(0))
        .optional()?;
    Ok(known.unwrap_or(false))
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
    cache::forget(transaction, to)?;
    transaction.execute("UPDATE connectors SET name = ?2 WHERE name = ?1", [from, to])?;
    let tables = [
        "ledger_users",
        "ledger_groups",
        "ledger_always",
        "ledger_always_members",
        "runs",
        "applied",
        "holds",
        "kept_plans",
    ];
    for table in tables.into_iter().chain(cache::TABLES) {
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
