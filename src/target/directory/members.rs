//! Writing memberships: those of many groups in one go, by user.
//!
//! The index of a user's groups is as large as all memberships, and whoever writes group by group comes to nearly all of its
//! pages with each group. In the order of the users each page is met once for all groups of a batch.

use rusqlite::{Result, Transaction};

use super::write::refused;
use crate::sync::model::TargetId;
use crate::target::{Named, Write, WriteError, Written};

/// Who is to come into a group, and who is to leave it.
pub(super) struct MemberChange<'w> {
    group: &'w TargetId,
    added: &'w [Named],
    removed: &'w [Named],
}

impl<'w> MemberChange<'w> {
    /// That of a write; none if the write is another one.
    pub(super) fn of(write: &'w Write) -> Option<Self> {
        match write {
            Write::ChangeMembers { group, added, removed } => Some(Self { group: &group.id, added, removed }),
            _ => None,
        }
    }
}

/// Changes the members of these groups; one answer for each, in the same order.
pub(super) fn change(
    transaction: &Transaction<'_>,
    changes: &[MemberChange<'_>],
) -> Result<Vec<Result<Written, WriteError>>> {
    let mut answers = Vec::with_capacity(changes.len());
    let mut joining = Vec::new();
    let mut exists = transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM groups WHERE id = ?1)")?;
    let mut remove =
        transaction.prepare_cached("DELETE FROM memberships WHERE group_id = ?1 AND user_id = ?2")?;
    for (at, change) in changes.iter().enumerate() {
        let MemberChange { group, added, removed } = change;
        if !exists.query_row([group.0.as_str()], |row| row.get::<_, bool>(0))? {
            answers.push(Err(refused(format!(
                "members of group {group}: the directory no longer has the group"
            ))));
            continue;
        }
        for user in *removed {
            remove.execute([group.0.as_str(), user.id.0.as_str()])?;
        }
        joining.extend(added.iter().map(|user| (user.id.0.parse::<i64>().ok(), at, user)));
        answers.push(Ok(Written::Members { failed: Vec::new() }));
    }
    joining.sort_unstable_by_key(|(user, at, _)| (*user, *at));
    let mut add = transaction.prepare_cached(
        "INSERT OR IGNORE INTO memberships (group_id, user_id) SELECT ?1, id FROM users WHERE id = ?2",
    )?;
    let mut is_user = transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1)")?;
    for (user, at, named) in joining {
        let Some(MemberChange { group, .. }) = changes.get(at) else { continue };
        let inserted = add.execute((group.0.as_str(), user))?;
        if inserted == 0
            && !is_user.query_row([user], |row| row.get::<_, bool>(0))?
            && let Some(Ok(Written::Members { failed })) = answers.get_mut(at)
        {
            failed.push((named.id.clone(), "the directory no longer has the user".to_owned()));
        }
    }
    Ok(answers)
}
