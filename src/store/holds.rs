//! Holds and their approvals. A hold is the set of its changes: where it differs from the last run's, it gets a number of its
//! own, so that an approval never covers what its giver did not see.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Result, Row, Transaction, params};

use super::{time, time_text, unusable, word};
use crate::sync::decision::{Approval, HoldState, HoldView};
use crate::sync::digest::{Digest, Permission};
use crate::sync::model::SourceId;
use crate::sync::relink::RELINK;
use crate::sync::report::{HoldSummary, OperationReport};

/// What a run holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// In numbers and words.
    pub summary: HoldSummary,
    /// With the kind: what it is about, such as a group. Of two holds about the same, the newer takes the older one's place.
    pub topic: String,
    /// Its operations, as a report shows them.
    pub operations: Vec<OperationReport>,
    /// Its changes, and whom each concerns at the source.
    pub changes: Vec<(Digest, SourceId)>,
    /// How much the source showed, where it is held because that shrank.
    pub view: Option<StoredView>,
}

/// How much a source showed to a token, which a later view is compared with (RULES 19).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredView {
    /// The digest of what the connector asks the source: a view of another question is no baseline.
    pub question: String,
    /// Users in its list.
    pub users: u64,
    /// Groups in its list.
    pub groups: u64,
    /// In which run.
    pub run: u64,
    /// When.
    pub at: DateTime<Utc>,
}

/// Under which number a hold is kept, and whether it is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number.
    pub id: u64,
    /// True if nobody was told of it, or of one much like it.
    pub fresh: bool,
}

/// A hold of an earlier run that may be the same.
struct Known {
    id: u64,
    kind: String,
    topic: String,
    fingerprint: Vec<u8>,
    state: HoldState,
    told: i64,
    until: Option<DateTime<Utc>>,
}

/// Notes what a run holds. With `all`, what it does not hold any more is over.
pub(super) fn record(
    transaction: &Transaction<'_>,
    connector: &str,
    (run, at): (u64, DateTime<Utc>),
    held: &[Held],
    all: bool,
) -> Result<Vec<Numbered>> {
    let known = known(transaction, connector)?;
    let mut numbered = Vec::new();
    let mut matched = BTreeSet::new();
    for hold in held {
        let digests: Vec<Digest> = hold.changes.iter().map(|(digest, _)| *digest).collect();
        let kind = hold.summary.kind.as_str();
        let fingerprint = fingerprint(hold);
        let alike = || known.iter().filter(|known| known.kind == kind && known.topic == hold.topic);
        let same = alike().filter(|known| !matched.contains(&known.id));
        let id = match same.clone().find(|known| known.fingerprint == fingerprint.0) {
            Some(same) => {
                keep(transaction, same, (run, at), hold)?;
                // Nobody was told of a hold whose run was cancelled.
                numbered.push(Numbered { id: same.id, fresh: same.told == UNTOLD });
                same.id
            }
            None => {
                let told = tell(transaction, alike(), &digests)?;
                let state = if told.discarded { HoldState::Discarded } else { HoldState::Open };
                let told_of = told.before.unwrap_or(digests.len() as i64);
                let id = insert(transaction, connector, (run, at), hold, (fingerprint, state, told_of))?;
                supersede(transaction, alike())?;
                numbered.push(Numbered { id, fresh: told.before.is_none() });
                id
            }
        };
        matched.insert(id);
        transaction
            .prepare_cached("INSERT OR IGNORE INTO run_holds (run, hold) VALUES (?1, ?2)")?
            .execute([run, id])?;
    }
    if all {
        end_others(transaction, connector, at, &matched)?;
    }
    Ok(numbered)
}

/// Names what a hold is: its kind, what it is about, and its changes; what has no changes, by whom it names.
fn fingerprint(hold: &Held) -> Digest {
    let digests: Vec<Digest> = hold.changes.iter().map(|(digest, _)| *digest).collect();
    let names = hold.summary.names.iter().map(|name| name.as_str()).filter(|_| digests.is_empty());
    let words: Vec<&str> = [hold.summary.kind.as_str(), &hold.topic].into_iter().chain(names).collect();
    Digest::of_all(&digests, &words)
}

/// The numbers of the same holds, as far as somebody may still decide on them.
pub(super) fn numbers(
    transaction: &Transaction<'_>,
    connector: &str,
    held: &[Held],
) -> Result<Vec<Option<u64>>> {
    let known = known(transaction, connector)?;
    let number = |hold: &Held| {
        let fingerprint = fingerprint(hold);
        known.iter().find(|known| known.fingerprint == fingerprint.0).map(|known| known.id)
    };
    Ok(held.iter().map(number).collect())
}

fn known(transaction: &Transaction<'_>, connector: &str) -> Result<Vec<Known>> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, kind, topic, fingerprint, state, told, until FROM holds
         WHERE connector = ?1 AND state IN ('open', 'approved', 'discarded') ORDER BY id DESC",
    )?;
    let rows = statement.query_map([connector], |row| {
        Ok(Known {
            id: row.get(0)?,
            kind: row.get(1)?,
            topic: row.get(2)?,
            fingerprint: row.get(3)?,
            state: word(4, row.get(4)?)?,
            told: row.get(5)?,
            until: row.get::<_, Option<String>>(6)?.map(|text| time(6, &text)).transpose()?,
        })
    })?;
    rows.collect()
}

/// The same changes are held again. An approval that ran out is over; the hold is open again then.
fn keep(
    transaction: &Transaction<'_>,
    known: &Known,
    (run, at): (u64, DateTime<Utc>),
    hold: &Held,
) -> Result<()> {
    let ran_out = known.state == HoldState::Approved && known.until.is_none_or(|until| until <= at);
    let state = if ran_out { HoldState::Open } else { known.state };
    transaction
        .prepare_cached(
            "UPDATE holds SET last_run = ?2, last_seen = ?3, summary = ?4, state = ?5, view = ?6, told = max(told, ?7)
             WHERE id = ?1",
        )?
        .execute(params![
            known.id,
            run,
            time_text(at),
            json(&hold.summary)?,
            state.as_str(),
            hold.view.as_ref().map(json).transpose()?,
            hold.changes.len() as i64,
        ])?;
    Ok(())
}

/// Of a hold that nobody was told of.
const UNTOLD: i64 = -1;

/// Nobody was told of what this run held first: it was cancelled.
pub(super) fn untell(transaction: &Transaction<'_>, run: u64) -> Result<()> {
    transaction.execute("UPDATE holds SET told = ?2 WHERE first_run = ?1", params![run, UNTOLD])?;
    Ok(())
}

/// What people know already of a hold that is new.
#[derive(Default)]
struct Told {
    /// How many changes it had when they were told of one much like it; none if they were not.
    before: Option<i64>,
    /// Whether they put all of it aside.
    discarded: bool,
}

/// Whether people were told of a hold much like this one: about the same, with at most a tenth more than they were told of,
/// and at least half of it the same.
fn tell<'k>(
    transaction: &Transaction<'_>,
    alike: impl Iterator<Item = &'k Known>,
    digests: &[Digest],
) -> Result<Told> {
    let mut told = Told::default();
    let mut is_part = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM hold_changes WHERE hold = ?1 AND digest = ?2)")?;
    for known in alike {
        let mut shared: i64 = 0;
        for digest in digests {
            let found: bool = is_part.query_row(params![known.id, digest.0.as_slice()], |row| row.get(0))?;
            shared += i64::from(found);
        }
        let count = digests.len() as i64;
        let much_alike = count <= known.told + (known.told / 10).max(1) && shared * 2 >= count;
        if much_alike {
            told.before = told.before.max(Some(known.told));
        }
        told.discarded |= known.state == HoldState::Discarded && count > 0 && shared == count;
    }
    Ok(told)
}

fn insert(
    transaction: &Transaction<'_>,
    connector: &str,
    (run, at): (u64, DateTime<Utc>),
    hold: &Held,
    (fingerprint, state, told): (Digest, HoldState, i64),
) -> Result<u64> {
    transaction
        .prepare_cached(
            "INSERT INTO holds (connector, kind, topic, fingerprint, state, summary, operations, changes, told, view,
                                first_run, first_seen, last_run, last_seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?11, ?12)",
        )?
        .execute(params![
            connector,
            hold.summary.kind.as_str(),
            hold.topic,
            fingerprint.0.as_slice(),
            state.as_str(),
            json(&hold.summary)?,
            json(&hold.operations)?,
            hold.changes.len() as u64,
            told,
            hold.view.as_ref().map(json).transpose()?,
            run,
            time_text(at),
        ])?;
    let id: u64 = transaction.query_row("SELECT last_insert_rowid()", [], |row| row.get(0))?;
    let mut change = transaction
        .prepare_cached("INSERT OR IGNORE INTO hold_changes (hold, digest, source) VALUES (?1, ?2, ?3)")?;
    for (digest, source) in &hold.changes {
        change.execute(params![id, digest.0.as_slice(), source.0.as_str()])?;
    }
    Ok(id)
}

/// What an approval still permits stays permitted, whatever takes its place.
fn supersede<'k>(transaction: &Transaction<'_>, alike: impl Iterator<Item = &'k Known>) -> Result<()> {
    let mut update = transaction.prepare_cached("UPDATE holds SET state = 'superseded' WHERE id = ?1")?;
    for known in alike.filter(|known| known.state != HoldState::Approved) {
        update.execute([known.id])?;
    }
    Ok(())
}

/// What is not held any more is over, but for what an approval still permits.
fn end_others(
    transaction: &Transaction<'_>,
    connector: &str,
    at: DateTime<Utc>,
    matched: &BTreeSet<u64>,
) -> Result<()> {
    let mut end = transaction.prepare_cached(
        "UPDATE holds SET state = 'over' WHERE id = ?1 AND NOT (
             state = 'approved' AND until > ?2
             AND EXISTS (SELECT 1 FROM hold_changes WHERE hold = ?1 AND permitted = 1))",
    )?;
    for known in known(transaction, connector)?.iter().filter(|known| !matched.contains(&known.id)) {
        end.execute(params![known.id, time_text(at)])?;
    }
    Ok(())
}

/// What approvals permit at that time.
pub(super) fn permission(
    transaction: &Transaction<'_>,
    connector: &str,
    at: DateTime<Utc>,
) -> Result<Permission> {
    let mut statement = transaction.prepare_cached(
        "SELECT hold_changes.digest, hold_changes.hold, hold_changes.source
         FROM hold_changes JOIN holds ON holds.id = hold_changes.hold
         WHERE holds.connector = ?1 AND holds.state = 'approved' AND holds.until > ?2 AND hold_changes.permitted = 1",
    )?;
    let mut permission = Permission::default();
    let mut rows = statement.query(params![connector, time_text(at)])?;
    while let Some(row) = rows.next()? {
        let digest = Digest(row.get(0)?);
        permission.changes.insert(digest, row.get(1)?);
        permission.sources.insert(SourceId(row.get_ref(2)?.as_str()?.into()));
    }
    Ok(permission)
}

/// What was applied is permitted no longer: an approval counts once.
pub(super) fn use_up(transaction: &Transaction<'_>, connector: &str, used: &[Digest]) -> Result<()> {
    let mut update = transaction.prepare_cached(
        "UPDATE hold_changes SET permitted = 0
         WHERE digest = ?2 AND hold IN (SELECT id FROM holds WHERE connector = ?1 AND state = 'approved')",
    )?;
    for digest in used {
        update.execute(params![connector, digest.0.as_slice()])?;
    }
    if !used.is_empty() {
        transaction
            .prepare_cached(
                "UPDATE holds SET state = 'over' WHERE connector = ?1 AND state = 'approved'
                 AND NOT EXISTS (SELECT 1 FROM hold_changes WHERE hold = holds.id AND permitted = 1)",
            )?
            .execute([connector])?;
    }
    Ok(())
}

/// Permits all changes of a hold. Where it is held because the view shrank, that view is what later ones are compared with.
pub(super) fn approve(
    transaction: &Transaction<'_>,
    hold: u64,
    uid: u32,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<()> {
    // What an approval was used for is not permitted again by giving it once more.
    transaction.execute(
        "UPDATE hold_changes SET permitted = 1 WHERE hold = ?1
         AND (SELECT state FROM holds WHERE id = ?1) IN ('open', 'discarded', 'superseded')",
        [hold],
    )?;
    transaction.execute(
        "UPDATE holds SET state = 'approved', uid = ?2, approved = ?3, until = ?4 WHERE id = ?1 AND state <> 'over'",
        params![hold, uid, time_text(at), time_text(until)],
    )?;
    transaction.execute(
        "UPDATE connectors SET view = (SELECT view FROM holds WHERE id = ?1)
         WHERE name = (SELECT connector FROM holds WHERE id = ?1 AND view IS NOT NULL)",
        [hold],
    )?;
    Ok(())
}

/// Puts a hold aside, with whatever its approval still permits.
pub(super) fn discard(transaction: &Transaction<'_>, hold: u64) -> Result<()> {
    transaction.execute(
        "UPDATE holds SET state = 'discarded', uid = NULL, approved = NULL, until = NULL WHERE id = ?1",
        [hold],
    )?;
    transaction.execute("UPDATE hold_changes SET permitted = 0 WHERE hold = ?1", [hold])?;
    // Who wants nothing of what a relink asks for ends it (RULES 4).
    transaction.execute(
        "UPDATE connectors SET relinking = 0
         WHERE name = (SELECT connector FROM holds WHERE id = ?1 AND topic = ?2)",
        params![hold, RELINK],
    )?;
    Ok(())
}

pub(super) const VIEW: &str = "SELECT id, connector, state, summary, changes, first_run, first_seen, last_run, last_seen, uid, approved, \
     until, (SELECT count(*) FROM hold_changes WHERE hold = holds.id AND permitted = 1) FROM holds";

/// Holds, newest first; without `all` only those that somebody may still decide on.
pub(super) fn list(
    transaction: &Transaction<'_>,
    connector: Option<&str>,
    all: bool,
) -> Result<Vec<HoldView>> {
    let mut statement = transaction.prepare_cached(&format!(
        "{VIEW} WHERE (?1 IS NULL OR connector = ?1) AND (?2 OR state IN ('open', 'approved', 'discarded'))
         ORDER BY id DESC"
    ))?;
    let rows = statement.query_map(params![connector, all], view)?;
    rows.collect()
}

/// One hold with its operations.
pub(super) fn find(
    transaction: &Transaction<'_>,
    id: u64,
) -> Result<Option<(HoldView, Vec<OperationReport>)>> {
    let Some(hold) = transaction.query_row(&format!("{VIEW} WHERE id = ?1"), [id], view).optional()? else {
        return Ok(None);
    };
    Ok(Some((hold, operations(transaction, id)?)))
}

/// The operations of a hold, as a report shows them.
pub(super) fn operations(transaction: &Transaction<'_>, id: u64) -> Result<Vec<OperationReport>> {
    let text: String =
        transaction.query_row("SELECT operations FROM holds WHERE id = ?1", [id], |row| row.get(0))?;
    let mut operations: Vec<OperationReport> =
        serde_json::from_str(&text).map_err(|error| unusable(0, error))?;
    for operation in &mut operations {
        operation.hold = Some(id);
    }
    Ok(operations)
}

/// The operations that a run held.
pub(super) fn of_run(transaction: &Transaction<'_>, run: u64) -> Result<Vec<OperationReport>> {
    let mut statement =
        transaction.prepare_cached("SELECT hold FROM run_holds WHERE run = ?1 ORDER BY hold")?;
    let ids = statement.query_map([run], |row| row.get(0))?.collect::<Result<Vec<u64>>>()?;
    let mut all = Vec::new();
    for id in ids {
        all.extend(operations(transaction, id)?);
    }
    Ok(all)
}

fn view(row: &Row<'_>) -> Result<HoldView> {
    let summary = row.get_ref(3)?.as_str()?;
    let summary = serde_json::from_str(summary).map_err(|error| unusable(3, error))?;
    view_with(row, summary)
}

/// The columns of [`VIEW`], and the summary that was read from them.
pub(super) fn view_with(row: &Row<'_>, summary: HoldSummary) -> Result<HoldView> {
    let text = |column: usize| -> Result<Option<DateTime<Utc>>> {
        row.get::<_, Option<String>>(column)?.map(|text| time(column, &text)).transpose()
    };
    let approval = match (row.get::<_, Option<u32>>(9)?, text(10)?, text(11)?) {
        (Some(uid), Some(at), Some(until)) => Some(Approval { uid, at, until, left: row.get(12)? }),
        _ => None,
    };
    Ok(HoldView {
        connector: row.get(1)?,
        summary: HoldSummary { id: Some(row.get(0)?), ..summary },
        state: word(2, row.get(2)?)?,
        changes: row.get(4)?,
        first_run: row.get(5)?,
        first_seen: time(6, &row.get::<_, String>(6)?)?,
        last_run: row.get(7)?,
        last_seen: time(8, &row.get::<_, String>(8)?)?,
        approval,
    })
}

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
