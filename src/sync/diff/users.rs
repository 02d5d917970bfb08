//! Operations on users in scope: create, adopt, update, rename, enable; what happens to others is in `leavers`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::leavers::Leavers;
use super::sides::{Existing, Row, Sides};
use crate::sync::desire::{DesiredUser, Reason};
use crate::sync::model::{
    Finding, FindingKind, FurtherAttributes, LedgerChange, LedgerUser, Origin, SourceId, TargetUser,
    UserAttributes,
};
use crate::sync::plan::{Change, Operation, Plan, Standing};
use crate::sync::rules::OnExisting;

/// What memberships need to know of each row.
pub(super) struct Fates {
    /// True if the account exists, or this plan creates it, and we may change its memberships.
    pub(super) may_be_member: Vec<bool>,
    /// True for leavers whose memberships go.
    pub(super) loses_memberships: Vec<bool>,
    /// Users that left and are in their grace: nothing of theirs is touched.
    pub(super) in_grace: BTreeSet<SourceId>,
}

/// Plans all operations on users.
pub(super) fn plan_users(sides: &Sides<'_>, plan: &mut Plan) -> Fates {
    let leavers = Leavers::new(sides);
    let mut fates = Fates {
        may_be_member: vec![false; sides.rows.len()],
        loses_memberships: vec![false; sides.rows.len()],
        in_grace: BTreeSet::new(),
    };
    for (number, row) in (0u32..).zip(&sides.rows).filter(|(_, row)| sides.concerns(row)) {
        let wanted = row.desired.and_then(|at| sides.input.desired.users.get(at as usize));
        let actual = row.target.and_then(|at| sides.target_user(at));
        let (mut may_be_member, mut loses_memberships) = (false, false);
        match (wanted, actual) {
            (Some(_), Some(actual)) if row.protected => plan.findings.push(protected(actual)),
            (Some(wanted), Some(actual)) => {
                keep_user(sides, row, wanted, actual, plan);
                may_be_member = true;
            }
            (Some(wanted), None) => may_be_member = missing_user(sides, row, wanted, plan),
            (None, Some(actual)) => loses_memberships = leavers.plan(number, row, actual, plan),
            (None, None) => {}
        }
        let at = number as usize;
        if let (Some(may), Some(loses)) =
            (fates.may_be_member.get_mut(at), fates.loses_memberships.get_mut(at))
        {
            (*may, *loses) = (may_be_member, loses_memberships);
        }
    }
    fates.in_grace = plan.in_grace.iter().map(|user| user.source.clone()).collect();
    fates
}

/// Plans for a user in scope without an account: creates it, unless it had one that is gone. True if it will have one.
fn missing_user(sides: &Sides<'_>, row: &Row<'_>, wanted: &DesiredUser, plan: &mut Plan) -> bool {
    let Some(ledger) = row.ledger else { return create_user(sides, wanted, "it is new in scope", plan) };
    if let Some(connector) = row.claimed_by {
        plan.findings.push(claimed_elsewhere(ledger, connector));
        return false;
    }
    if sides.input.focus.is_some_and(|focus| focus.restore) {
        return create_user(
            sides,
            wanted,
            "somebody deleted it in the target and it is to be restored",
            plan,
        );
    }
    plan.findings.push(deleted_by_others(wanted, ledger));
    false
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
            "somebody deleted the account {} ({}) in the target; it is not created again. To have it again: usersyncd ctl \
             sync NAME --user {} --restore. To let go of it: usersyncd ctl release NAME {}",
            ledger.username, wanted.id, ledger.username, ledger.username
        ),
    )
}

/// Whether an account is as it should be and the ledger says so: by far the most are.
fn is_settled(row: &Row<'_>, wanted: &UserAttributes, actual: &TargetUser) -> bool {
    let has = &actual.attributes;
    let same = has.username == wanted.username
        && has.email == wanted.email
        && has.first_name == wanted.first_name
        && has.last_name == wanted.last_name
        && has.display_name == wanted.display_name
        && has.attributes.holds(&wanted.attributes);
    let known = |ledger: &LedgerUser| {
        ledger.username == has.username
            && !ledger.disabled_by_us
            && ledger.left_since.is_none()
            && ledger.original.is_none()
    };
    same && actual.active && !row.adopting && row.ledger.is_some_and(known)
}

/// Plans what a user with an account needs.
fn keep_user(sides: &Sides<'_>, row: &Row<'_>, wanted: &DesiredUser, actual: &TargetUser, plan: &mut Plan) {
    if is_settled(row, &wanted.attributes, actual) {
        plan.counts.users.unchanged += 1;
        return;
    }
    let before = actual.attributes.clone();
    // What the mapping does not name stays as it is.
    let attributes = before.attributes.overlaid(&wanted.attributes.attributes);
    let after = UserAttributes {
        username: username_in_force(sides, row, wanted, actual, plan),
        attributes,
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
    if row.adopting {
        plan.operations.push(operation(Change::AdoptUser { before, after }, NAME_AND_ADDRESS));
        if !actual.active {
            plan.findings.push(disabled_by_others(actual, "it is adopted and stays disabled"));
        }
        return;
    }
    let mut changes = 0;
    let restored = after != before;
    if restored {
        let anonymized = row.ledger.is_some_and(|ledger| ledger.original.is_some());
        plan.operations.push(if anonymized {
            operation(Change::RestoreUser { before, after }, "it was anonymized and is in scope again")
        } else {
            operation(Change::UpdateUser { before, after }, "the source says so")
        });
        changes += 1;
    }
    let disabled_by_us = row.ledger.is_some_and(|ledger| ledger.disabled_by_us);
    let restore = sides.input.focus.is_some_and(|focus| focus.restore);
    if !actual.active && disabled_by_us {
        plan.operations.push(operation(Change::EnableUser, "it is in scope again"));
        changes += 1;
    } else if !actual.active && restore {
        let why = "somebody disabled it in the target and it is to be restored";
        plan.operations.push(operation(Change::EnableUser, why));
        changes += 1;
    } else if !actual.active {
        plan.findings.push(disabled_by_others(
            actual,
            "it stays disabled until somebody enables it there, or `usersyncd ctl sync NAME --user LOGIN --restore` does",
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
        // Once the account is itself again, nothing has to be given back.
        original: row.ledger.and_then(|ledger| ledger.original.clone()).filter(|_| restored),
        email: row.ledger.and_then(|ledger| ledger.email.clone()),
    };
    if row.ledger != Some(&remembered) {
        plan.ledger_changes.push(LedgerChange::PutUser(wanted.id.clone(), remembered));
    }
}

fn disabled_by_others(actual: &TargetUser, so: &str) -> Finding {
    let name = &actual.attributes.username;
    let message = format!("somebody disabled the account {name} in the target; {so}");
    Finding::new(FindingKind::DisabledByOthers, name, message)
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
    } else if let Some(holder) = sides.target_user_named(new).filter(|holder| Some(*holder) != row.target) {
        name_is_taken(sides, holder, wanted)
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

/// Who has a name that a user cannot have, as a finding's kind and the end of its sentence. A rename takes nothing over.
fn name_is_taken(sides: &Sides<'_>, holder: u32, wanted: &DesiredUser) -> (FindingKind, Reason) {
    match sides.existing(holder, wanted) {
        Existing::Refused(kind, reason) => (kind, reason),
        Existing::Adoptable | Existing::Doubtful => (
            FindingKind::NotManaged,
            Cow::Borrowed("the target has an account of that name that is not managed"),
        ),
    }
}

/// Plans the creation of a user, or says why not. True if it is planned.
fn create_user(sides: &Sides<'_>, wanted: &DesiredUser, why: &'static str, plan: &mut Plan) -> bool {
    let name = &wanted.attributes.username;
    let obstacle = match sides.target_user_named(name).map(|holder| (holder, sides.existing(holder, wanted)))
    {
        Some((holder, Existing::Doubtful)) => {
            let adoption = |actual| doubtful_adoption(sides, wanted, actual);
            plan.operations.extend(sides.target_user(holder).map(adoption));
            return false;
        }
        Some((_, Existing::Refused(kind, reason))) => Some((kind, reason)),
        // It stands in a row of its own then.
        Some((_, Existing::Adoptable)) => Some((
            FindingKind::NotManaged,
            Cow::Borrowed("the target has an account of that name that is not managed"),
        )),
        None if sides.is_contested(name) => {
            Some((FindingKind::NameCollision, Cow::Borrowed("another user in scope has the same name")))
        }
        None => None,
    };
    if let Some((kind, obstacle)) = obstacle {
        let message = format!("user {name} ({}) was not created: {obstacle}", wanted.id);
        plan.findings.push(Finding::new(kind, name, message));
        return false;
    }
    plan.operations.push(Operation {
        source: wanted.id.clone(),
        target: None,
        name: name.clone(),
        change: Change::CreateUser { after: without_empty(&wanted.attributes) },
        why: Cow::Borrowed(why),
        standing: Standing::Sound,
    });
    true
}

/// What is created has no further attributes that are empty.
fn without_empty(wanted: &UserAttributes) -> UserAttributes {
    let attributes = FurtherAttributes::default().overlaid(&wanted.attributes);
    UserAttributes { attributes, ..wanted.clone() }
}

/// Taking over an account that may be somebody else's, since the target shows no e-mail address of it (RULES 6) or the
/// ledger that knew was lost (RULES 4): held, for a person to look at.
fn doubtful_adoption(sides: &Sides<'_>, wanted: &DesiredUser, actual: &TargetUser) -> Operation {
    let before = actual.attributes.clone();
    let attributes = before.attributes.overlaid(&wanted.attributes.attributes);
    let after = UserAttributes { username: before.username.clone(), attributes, ..wanted.attributes.clone() };
    let why = match before.email.trim().is_empty() {
        true => "it exists and bears the name, but the target shows no e-mail address of it",
        false => NAME_AND_ADDRESS,
    };
    let relinking = sides.input.rules.existing.users == OnExisting::AdoptHeld;
    Operation {
        source: wanted.id.clone(),
        target: Some(actual.id.clone()),
        name: before.username.clone(),
        change: Change::AdoptUser { before, after },
        why: Cow::Borrowed(why),
        standing: if relinking { Standing::ByName } else { Standing::Doubtful },
    }
}

const NAME_AND_ADDRESS: &str = "it exists, bears the name and has the e-mail address";
