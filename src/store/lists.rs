//! What member lists were when they were last read to their end.

use std::collections::BTreeMap;

use rusqlite::{Result, Transaction, params};

use crate::source::{MemberListSeen, MembersDigest};
use crate::sync::model::SourceId;

pub(super) fn load(
    transaction: &Transaction<'_>,
    connector: &str,
) -> Result<BTreeMap<SourceId, MemberListSeen>> {
    let mut statement =
        transaction.prepare_cached("SELECT source, stamp, members FROM member_lists WHERE connector = ?1")?;
    let rows = statement.query_map([connector], |row| {
        let source = SourceId(row.get_ref(0)?.as_str()?.into());
        let stamp = row.get_ref(1)?.as_str()?.into();
        Ok((source, MemberListSeen { stamp, members: MembersDigest(row.get(2)?) }))
    })?;
    rows.collect()
}

pub(super) fn put(
    transaction: &Transaction<'_>,
    connector: &str,
    lists: &[(SourceId, MemberListSeen)],
) -> Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO member_lists (connector, source, stamp, members) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (source, seen) in lists {
        let members = seen.members.0.as_slice();
        put.execute(params![connector, source.0.as_str(), seen.stamp.as_str(), members])?;
    }
    Ok(())
}
