//! Operations on users: create, update, rename, enable, and disable for leavers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::leave_out;
use super::sides::{Row, Sides};
use crate::sync::desire::{DesiredUser, Reason};
use crate::sync::model::{
    Absence, Finding, FindingKind, LedgerUser, Origin, SourceId, TargetUser, UserAttributes,
};
use crate::sync::plan::{Change, LedgerChange, Operation, Plan, Standing};
use crate::sync::rules::LeaverUsers;

/// What memberships need to know of each row.
pub(super) struct Fates {
    /// True if the account exists, or this plan creates it, and we may change its memberships.
    pub(super) may_be_member: Vec<bool>,
}

/// Plans all operations on users.
pub(super) fn plan_users(sides: &Sides<'_>, plan: &mut Plan) -> Fates {
    let mut may_be_member = Vec::with_capacity(sides.rows.len());
    for row in &sides.rows {
        let wanted = row.desired.and_then(|at| sides.input.desired.users.get(at as usize));
        let actual = row.target.and_then(|at| sides.target_user(at));
        may_be_member.push(match (wanted, actual) {
            (Some(_), Some(actual)) if row.protected => {
                plan.findings.push(protected(actual));
                false
            }
            (Some(wanted), Some(actual)) => {
                keep_user(sides, row, wanted, actual, plan);
                true
            }
            (Some(wanted), None) => match row.ledger {
                Some(ledger) => {
                    plan.findings.push(match row.claimed_by {
                        Some(connector) => claimed_elsewhere(ledger, connector),
                        None => deleted_by_others(wanted, ledger),
                    });
                    false
                }
                None => create_user(sides, wanted, plan),
            },
            (None, Some(actual)) => {
                leave_user(sides, row, actual, plan);
                false
            }
            (None, None) => false,
        });
    }
    Fates { may_be_member }
}

fn protected(actual: &TargetUser) -> Finding {
    let name = &actual.attributes.username;
    Finding::new(
        FindingKind::Protected,
        name,
        format!("user {name} is protected by protected.users and is left as it is"),
    )
}

fn claimed_elsewhere(ledger: &LedgerUser, connector: &str) -> Finding {
    let name = &ledger.username;
    Finding::new(
        FindingKind::ClaimedElsewhere,
        name,
        format!(
            "the account {name} is managed by the connector {connector} too, so that neither touches it. To let go of it \
             here: usersyncd ctl release NAME {name}"
        ),
    )
}

fn deleted_by_others(wanted: &DesiredUser, ledger: &LedgerUser) -> Finding {
    Finding::new(
        FindingKind::DeletedByOthers,
        &ledger.username,
        format!(
            "somebody deleted the account {} ({}) in the target; it is not created again. To let go of it: \
             usersyncd ctl release NAME {}",
            ledger.username, wanted.id, ledger.username
        ),
    )
}

/// Plans what a present, managed user needs.
fn keep_user(sides: &Sides<'_>, row: &Row<'_>, wanted: &DesiredUser, actual: &TargetUser, plan: &mut Plan) {
    let after = UserAttributes {
        username: username_in_force(sides, row, wanted, actual, plan),
        ..wanted.attributes.clone()
    };
    let operation = |change, why: &'static str| Operation {
        source: wanted.id.clone(),
        target: Some(actual.id.clone()),
        name: actual.attributes.username.clone(),
        change,
        why: Cow::Borrowed(why),
        standing: Standing::Sound,
    };
    let mut changes = 0;
    if after != actual.attributes {
        let before = actual.attributes.clone();
        plan.operations.push(operation(Change::UpdateUser { before, after }, "the source says so"));
        changes += 1;
    }
    let disabled_by_us = row.ledger.is_some_and(|ledger| ledger.disabled_by_us);
    if !actual.active && disabled_by_us {
        plan.operations.push(operation(Change::EnableUser, "it is in scope again"));
        changes += 1;
    } else if !actual.active {
        plan.findings.push(Finding::new(
            FindingKind::DisabledByOthers,
            &actual.attributes.username,
            format!(
                "somebody disabled the account {} in the target; it stays disabled until somebody enables it there",
                actual.attributes.username
            ),
        ));
    }
    if changes == 0 {
        plan.counts.users.unchanged += 1;
    }
    let remembered = LedgerUser {
        target: actual.id.clone(),
        username: actual.attributes.username.clone(),
        origin: row.ledger.map_or(Origin::Created, |ledger| ledger.origin),
        disabled_by_us: disabled_by_us && !actual.active,
        left_since: None,
        original: None,
    };
    if row.ledger != Some(&remembered) {
        plan.ledger_changes.push(LedgerChange::PutUser(wanted.id.clone(), remembered));
    }
}

/// The name a managed user gets: the wanted one if it may have it, else the one it has, with a finding (RULES 5, 9).
fn username_in_force(
    sides: &Sides<'_>,
    row: &Row<'_>,
    wanted: &DesiredUser,
    actual: &TargetUser,
    plan: &mut Plan,
) -> compact_str::CompactString {
    let (new, old) = (&wanted.attributes.username, &actual.attributes.username);
    if new == old {
        return new.clone();
    }
    let same_name = sides.key(new) == sides.key(old);
    let (kind, obstacle) = if !sides.input.capabilities.rename_users {
        if same_name {
            return old.clone();
        }
        (FindingKind::CannotRename, Cow::Borrowed("the target cannot rename users"))
    } else if same_name {
        return new.clone();
    } else if sides.is_contested(new) {
        (FindingKind::NameCollision, Cow::Borrowed("another user in scope has the same name"))
    } else if let Some(holder) = sides.target_user_named(new) {
        name_is_taken(sides, holder, row.source)
    } else {
        return new.clone();
    };
    plan.findings.push(Finding::new(
        kind,
        new,
        format!(
            "user {old} ({}) should be renamed to {new}, but {obstacle}; it keeps the name {old}",
            wanted.id
        ),
    ));
    old.clone()
}

/// Who has a name in the target, as a finding's kind and the end of its sentence.
fn name_is_taken(sides: &Sides<'_>, holder: u32, wants_it: &SourceId) -> (FindingKind, Reason) {
    let managed_for = sides
        .row_of_target
        .get(holder as usize)
        .copied()
        .flatten()
        .and_then(|row| sides.rows.get(row as usize))
        .map(|row| row.source)
        .filter(|source| *source != wants_it);
    let claimed_by = sides.target_user(holder).and_then(|user| sides.input.claims.users.get(&user.id));
    match (managed_for, claimed_by) {
        (Some(other), _) => (
            FindingKind::NameCollision,
            Cow::Owned(format!("the account of that name is managed for user {other}")),
        ),
        (None, Some(connector)) => (
            FindingKind::ClaimedElsewhere,
            Cow::Owned(format!("the account of that name is managed by the connector {connector}")),
        ),
        (None, None) => (
            FindingKind::NotManaged,
            Cow::Borrowed("the target has an account of that name that is not managed"),
        ),
    }
}

/// Plans the creation of a user, or says why not. True if it is planned.
fn create_user(sides: &Sides<'_>, wanted: &DesiredUser, plan: &mut Plan) -> bool {
    let name = &wanted.attributes.username;
    let obstacle = if let Some(holder) = sides.target_user_named(name) {
        Some(name_is_taken(sides, holder, &wanted.id))
    } else if sides.is_contested(name) {
        Some((FindingKind::NameCollision, Cow::Borrowed("another user in scope has the same name")))
    } else {
        None
    };
    if let Some((kind, obstacle)) = obstacle {
        plan.findings.push(Finding::new(
            kind,
            name,
            format!("user {name} ({}) was not created: {obstacle}", wanted.id),
        ));
        return false;
    }
    plan.operations.push(Operation {
        source: wanted.id.clone(),
        target: None,
        name: name.clone(),
        change: Change::CreateUser { after: wanted.attributes.clone() },
        why: Cow::Borrowed("it is new in scope"),
        standing: Standing::Sound,
    });
    true
}

/// What is known of a managed user that is not in scope.
enum Leaver {
    /// Nothing may be concluded, or nothing is to be done.
    Stays,
    /// It left.
    Left(Reason),
    /// It is absent from the list, and nobody has asked for it yet.
    Absent,
    /// It was asked for, without a usable answer.
    Unknown(String),
}

fn leaver(sides: &Sides<'_>, row: &Row<'_>, actual: &TargetUser) -> Leaver {
    let nothing_to_do =
        row.protected || !actual.active || sides.input.rules.leavers.users == LeaverUsers::Keep;
    if nothing_to_do || sides.input.desired.users_left_alone.contains(row.source) {
        return Leaver::Stays;
    }
    if let Some(reason) = sides.input.desired.users_out_of_scope.get(row.source) {
        return Leaver::Left(reason.clone());
    }
    match sides.input.evidence.absences.get(row.source) {
        Some(Absence::Gone) => Leaver::Left(Cow::Borrowed("the source no longer has it")),
        Some(Absence::OutOfScope(rule)) => Leaver::Left(Cow::Borrowed(rule.as_str())),
        Some(Absence::Unknown(reason)) => Leaver::Unknown(reason.clone()),
        None => Leaver::Absent,
    }
}

fn leave_user(sides: &Sides<'_>, row: &Row<'_>, actual: &TargetUser, plan: &mut Plan) {
    let (why, standing) = match leaver(sides, row, actual) {
        Leaver::Stays => return,
        Leaver::Left(reason) => (reason, Standing::Sound),
        Leaver::Absent => (Cow::Borrowed("the user list does not show it"), Standing::Unconfirmed),
        Leaver::Unknown(reason) => {
            plan.findings.push(Finding::new(
                FindingKind::AbsenceUnconfirmed,
                &actual.attributes.username,
                format!(
                    "user {} ({}) is absent from the user list, and asking for it failed: {reason}; it is left as it is",
                    actual.attributes.username, row.source
                ),
            ));
            return;
        }
    };
    if let crate::sync::model::Proof::NotProven(reason) = sides.input.evidence.users {
        leave_out(plan, "users", reason, 1);
        return;
    }
    plan.operations.push(Operation {
        source: row.source.clone(),
        target: Some(actual.id.clone()),
        name: actual.attributes.username.clone(),
        change: Change::DisableUser,
        why,
        standing,
    });
}

/// Managed, active users that a whole list does not show.
pub(super) fn absent_users(sides: &Sides<'_>) -> BTreeSet<SourceId> {
    if !sides.input.evidence.users.is_proven() {
        return BTreeSet::new();
    }
    sides
        .rows
        .iter()
        .filter(|row| row.desired.is_none())
        .filter_map(|row| Some((row, row.target.and_then(|at| sides.target_user(at))?)))
        .filter(|(row, actual)| matches!(leaver(sides, row, actual), Leaver::Absent))
        .map(|(row, _)| row.source.clone())
        .collect()
}
