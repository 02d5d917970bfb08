//! Writing the directory: the writes of a batch within its transaction.

use compact_str::format_compact;
use rusqlite::{ErrorCode, OptionalExtension, Result, Transaction, params};

use super::members::{self, MemberChange};
use crate::sync::model::{GroupAttributes, SourceId, TargetId, UserAttributes};
use crate::target::{Write, WriteError, Written};

/// Carries out a batch. The outer error spoils all of it; the inner ones are those of single writes.
pub(super) fn all(
    transaction: &Transaction<'_>,
    batch: &[Write],
) -> Result<Vec<Result<Written, WriteError>>> {
    let mut answers = Vec::with_capacity(batch.len());
    let mut rest = batch;
    while let Some((first, others)) = rest.split_first() {
        let changes: Vec<MemberChange<'_>> = rest.iter().map_while(MemberChange::of).collect();
        if changes.is_empty() {
            answers.push(write(transaction, first)?);
            rest = others;
        } else {
            answers.extend(members::change(transaction, &changes)?);
            rest = rest.get(changes.len()..).unwrap_or_default();
        }
    }
    Ok(answers)
}

/// Carries out one write. The outer error spoils the whole batch; the inner one is this write's own.
fn write(transaction: &Transaction<'_>, write: &Write) -> Result<Result<Written, WriteError>> {
    let written = match write {
        Write::CreateUser { source, attributes, active } => {
            create_user(transaction, source, attributes, *active)
        }
        Write::UpdateUser { user, source, attributes, .. } => {
            update_user(transaction, &user.id, source.as_ref(), attributes)
        }
        Write::SetActive { user, active } => {
            let target = &user.id;
            let changed = transaction
                .prepare_cached("UPDATE users SET active = ?2 WHERE id = ?1")?
                .execute(params![target.0.as_str(), active])?;
            Ok(done_if(changed, || {
                format!("user {target} could not be changed: the directory no longer has it")
            }))
        }
        Write::DeleteUser { user, .. } => {
            // Memberships go with it: the schema says so.
            transaction.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([user.id.0.as_str()])?;
            Ok(Ok(Written::Done))
        }
        Write::DeleteGroup { group } => delete_group(transaction, &group.id),
        Write::CreateGroup { source, attributes, .. } => create_group(transaction, source, attributes),
        Write::UpdateGroup { group, source, attributes, .. } => {
            update_group(transaction, &group.id, source.as_ref(), attributes)
        }
        // These go together.
        Write::ChangeMembers { .. } => Err(rusqlite::Error::InvalidQuery),
    };
    match written {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Ok(Err(refused(format!("{} could not be written: another object has that name", name_of(write)))))
        }
        other => other,
    }
}

fn name_of(write: &Write) -> String {
    match write {
        Write::CreateUser { attributes, .. } | Write::UpdateUser { attributes, .. } => {
            format!("user {}", attributes.username)
        }
        Write::CreateGroup { attributes, .. } | Write::UpdateGroup { attributes, .. } => {
            format!("group {}", attributes.name)
        }
        Write::SetActive { user, .. } | Write::DeleteUser { user, .. } => format!("user {}", user.name),
        Write::DeleteGroup { group } | Write::ChangeMembers { group, .. } => format!("group {}", group.name),
    }
}

pub(super) fn refused(message: String) -> WriteError {
    WriteError::refused(message)
}

fn done_if(changed: usize, otherwise: impl FnOnce() -> String) -> Result<Written, WriteError> {
    if changed > 0 { Ok(Written::Done) } else { Err(refused(otherwise())) }
}

fn created(transaction: &Transaction<'_>) -> Written {
    Written::Created(TargetId(format_compact!("{}", transaction.last_insert_rowid())))
}

/// The id of what an earlier create of the same name for the same source object made, whose answer was lost.
fn created_before(
    transaction: &Transaction<'_>,
    query: &str,
    key: &str,
    source: &SourceId,
) -> Result<Option<TargetId>> {
    let id: Option<i64> = transaction
        .prepare_cached(query)?
        .query_row([key, source.0.as_str()], |row| row.get(0))
        .optional()?;
    Ok(id.map(|id| TargetId(format_compact!("{id}"))))
}

fn attributes_text(user: &UserAttributes) -> Result<String> {
    serde_json::to_string(&user.attributes)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn create_user(
    transaction: &Transaction<'_>,
    source: &SourceId,
    user: &UserAttributes,
    active: bool,
) -> Result<Result<Written, WriteError>> {
    let key = user.username.to_lowercase();
    let known = "SELECT id FROM users WHERE username_key = ?1 AND source_id = ?2";
    if let Some(id) = created_before(transaction, known, &key, source)? {
        return Ok(Ok(Written::Created(id)));
    }
    transaction
        .prepare_cached(
            "INSERT INTO users
             (username, username_key, email, first_name, last_name, display_name, source_id, attributes, active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            user.username.as_str(),
            key.as_str(),
            user.email.as_str(),
            user.first_name.as_str(),
            user.last_name.as_str(),
            user.display_name.as_str(),
            source.0.as_str(),
            attributes_text(user)?,
            active,
        ])?;
    Ok(Ok(created(transaction)))
}

fn update_user(
    transaction: &Transaction<'_>,
    target: &TargetId,
    source: Option<&SourceId>,
    user: &UserAttributes,
) -> Result<Result<Written, WriteError>> {
    let changed = transaction
        .prepare_cached(
            "UPDATE users SET username = ?2, username_key = ?3, email = ?4, first_name = ?5, last_name = ?6,
             display_name = ?7, attributes = ?8, source_id = coalesce(?9, source_id) WHERE id = ?1",
        )?
        .execute(params![
            target.0.as_str(),
            user.username.as_str(),
            user.username.to_lowercase().as_str(),
            user.email.as_str(),
            user.first_name.as_str(),
            user.last_name.as_str(),
            user.display_name.as_str(),
            attributes_text(user)?,
            source.map(|source| source.0.as_str()),
        ])?;
    Ok(done_if(changed, || {
        format!("user {} could not be changed: the directory no longer has it", user.username)
    }))
}

fn create_group(
    transaction: &Transaction<'_>,
    source: &SourceId,
    group: &GroupAttributes,
) -> Result<Result<Written, WriteError>> {
    let key = group.name.to_lowercase();
    let known = "SELECT id FROM groups WHERE name_key = ?1 AND source_id = ?2";
    if let Some(id) = created_before(transaction, known, &key, source)? {
        return Ok(Ok(Written::Created(id)));
    }
    transaction
        .prepare_cached(
            "INSERT INTO groups (name, name_key, description, source_id) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute([group.name.as_str(), key.as_str(), group.description.as_str(), source.0.as_str()])?;
    Ok(Ok(created(transaction)))
}

fn update_group(
    transaction: &Transaction<'_>,
    target: &TargetId,
    source: Option<&SourceId>,
    group: &GroupAttributes,
) -> Result<Result<Written, WriteError>> {
    let changed = transaction
        .prepare_cached(
            "UPDATE groups SET name = ?2, name_key = ?3, description = ?4, source_id = coalesce(?5, source_id)
             WHERE id = ?1",
        )?
        .execute(params![
            target.0.as_str(),
            group.name.as_str(),
            group.name.to_lowercase().as_str(),
            group.description.as_str(),
            source.map(|source| source.0.as_str()),
        ])?;
    Ok(done_if(changed, || {
        format!("group {} could not be changed: the directory no longer has it", group.name)
    }))
}

fn delete_group(transaction: &Transaction<'_>, target: &TargetId) -> Result<Result<Written, WriteError>> {
    let members: u64 = transaction
        .prepare_cached("SELECT count(*) FROM memberships WHERE group_id = ?1")?
        .query_row([target.0.as_str()], |row| row.get(0))?;
    if members > 0 {
        return Ok(Err(refused(format!(
            "group {target} was not deleted: {members} members were put into it meanwhile"
        ))));
    }
    transaction.prepare_cached("DELETE FROM groups WHERE id = ?1")?.execute([target.0.as_str()])?;
    Ok(Ok(Written::Done))
}
