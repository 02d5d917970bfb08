//! Writing memberships: those of many groups in one go, by user.
//!
//! The index of a user's groups is as large as all memberships, and whoever writes group by group comes to nearly all of its
//! pages with each group. In the order of the users each page is met once for all groups of a batch.

use rusqlite::{OptionalExtension as _, Result, Transaction};

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
    let mut exists = transaction.prepare_cached("SELECT id FROM groups WHERE id = ?1")?;
    let mut remove =
        transaction.prepare_cached("DELETE FROM memberships WHERE group_id = ?1 AND user_id = ?2")?;
    for (at, MemberChange { group, added, removed }) in changes.iter().enumerate() {
        let id: Option<i64> = exists.query_row([group.0.as_str()], |row| row.get(0)).optional()?;
        let Some(id) = id else {
            answers.push(Err(refused(format!(
                "members of group {group}: the directory no longer has the group"
            ))));
            continue;
        };
        for user in *removed {
            remove.execute((id, user.id.0.as_str()))?;
        }
        joining.extend(added.iter().map(|user| (user.id.0.parse::<i64>().ok(), at, id, user)));
        answers.push(Ok(Written::Members { failed: Vec::new() }));
    }
    joining.sort_unstable_by_key(|(user, at, ..)| (*user, *at));
    let mut add = transaction
        .prepare_cached("INSERT OR IGNORE INTO memberships (group_id, user_id) VALUES (?1, ?2)")?;
    let mut is_user = transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1)")?;
    for of_one in joining.chunk_by(|(one, ..), (other, ..)| one == other) {
        let Some((user, ..)) = of_one.first() else { continue };
        let there = is_user.query_row([user], |row| row.get(0))?;
        for (_, at, group, named) in of_one {
            if there {
                add.execute((group, user))?;
            } else if let Some(Ok(Written::Members { failed })) = answers.get_mut(*at) {
                failed.push((named.id.clone(), "the directory no longer has the user".to_owned()));
            }
        }
    }
    Ok(answers)
}
