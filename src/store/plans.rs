//! Plans that were kept to be applied exactly so.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Result, Row, Transaction, params};
use serde::Serialize;

use super::{time, time_text, unusable};
use crate::sync::decision::{KeptPlan, KeptPlanDocument};
use crate::sync::report::{FORMAT_VERSION, PlanDocument};
use crate::sync::select::KeptOperation;

/// Keeps a plan, in the place of one that the connector kept under that name. An error says why not.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    kept: &KeptPlan,
    document: &PlanDocument,
    operations: &[KeptOperation],
) -> Result<Option<String>> {
    let other: Option<String> = transaction
        .query_row(
            "SELECT connector FROM kept_plans WHERE id = ?1 AND connector <> ?2 AND expires > ?3",
            params![kept.id, kept.connector, time_text(kept.made)],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(other) = other {
        return Ok(Some(format!(
            "a plan of {other} is kept under the name {}; keep this one under another name",
            kept.id
        )));
    }
    transaction.execute(
        "INSERT OR REPLACE INTO kept_plans (id, connector, made, expires, uid, document, operations)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            kept.id,
            kept.connector,
            time_text(kept.made),
            time_text(kept.expires),
            kept.uid,
            json(document)?,
            json(&operations)?
        ],
    )?;
    Ok(None)
}

/// Kept plans that are not forgotten yet, sorted by name.
pub(super) fn list(transaction: &Transaction<'_>, at: DateTime<Utc>) -> Result<Vec<KeptPlan>> {
    let mut statement = transaction.prepare_cached(&format!("{KEPT} WHERE expires > ?1 ORDER BY id"))?;
    let rows = statement.query_map([time_text(at)], |row| Ok(read(row)?.0))?;
    rows.collect()
}

/// One kept plan as it was shown, if it is not forgotten yet.
pub(super) fn find(
    transaction: &Transaction<'_>,
    id: &str,
    at: DateTime<Utc>,
) -> Result<Option<KeptPlanDocument>> {
    let found = transaction
        .query_row(&format!("{KEPT} WHERE id = ?1 AND expires > ?2"), params![id, time_text(at)], read)
        .optional()?;
    Ok(found.map(|(kept, plan)| KeptPlanDocument { format_version: FORMAT_VERSION, kept, plan }))
}

/// The operations of a kept plan, if it is that connector's and not forgotten yet.
pub(super) fn operations(
    transaction: &Transaction<'_>,
    connector: &str,
    id: &str,
    at: DateTime<Utc>,
) -> Result<Option<Vec<KeptOperation>>> {
    let found: Option<String> = transaction
        .query_row(
            "SELECT operations FROM kept_plans WHERE id = ?1 AND connector = ?2 AND expires > ?3",
            params![id, connector, time_text(at)],
            |row| row.get(0),
        )
        .optional()?;
    found.map(|text| serde_json::from_str(&text).map_err(|error| unusable(0, error))).transpose()
}

const KEPT: &str =
    "SELECT id, connector, made, expires, uid, document, json_array_length(operations) FROM kept_plans";

fn read(row: &Row<'_>) -> Result<(KeptPlan, PlanDocument)> {
    let document: String = row.get(5)?;
    let document: PlanDocument = serde_json::from_str(&document).map_err(|error| unusable(5, error))?;
    let kept = KeptPlan {
        id: row.get(0)?,
        connector: row.get(1)?,
        made: time(2, &row.get::<_, String>(2)?)?,
        expires: time(3, &row.get::<_, String>(3)?)?,
        uid: row.get(4)?,
        counts: document.counts,
        operations: row.get(6)?,
    };
    Ok((kept, document))
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
