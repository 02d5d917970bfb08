//! Counting: what a plan holds, what was applied, and what a run is therefore called. Pure.

use super::apply::Applying;
use super::guard::Hold;
use super::model::Ledger;
use super::plan::{Change, Plan, Tie};
use super::report::{Counts, HoldKind, KindCounts, Managed, Outcome, Report};

/// RULES 28: failed, then partial, then held.
pub(super) fn outcome(report: &Report, applying: &Applying) -> Outcome {
    let failed = |counts: &KindCounts| counts.failed > 0;
    let counts = &report.counts;
    if applying.cancelled {
        Outcome::Cancelled
    } else if applying.stopped.is_some() && applying.applied == 0 {
        Outcome::Failed
    } else if applying.stopped.is_some()
        || !report.not_proven.is_empty()
        || [&counts.users, &counts.groups, &counts.memberships].into_iter().any(failed)
    {
        Outcome::Partial
    } else if !report.holds.is_empty() {
        Outcome::Held
    } else {
        Outcome::Success
    }
}

pub(super) fn managed(ledger: &Ledger) -> Managed {
    let groups: std::collections::BTreeMap<_, _> =
        ledger.groups.values().map(|group| (&group.target, group.memberships)).collect();
    Managed {
        users: ledger.users.len() as u64,
        active: ledger.users.values().filter(|user| !user.disabled_by_us).count() as u64,
        groups: groups.len() as u64,
        memberships: groups.values().sum::<u64>()
            + ledger.always.values().map(|group| group.members.len() as u64).sum::<u64>(),
    }
}

pub(super) fn count_held(counts: &mut Counts, holds: &[Hold]) {
    for hold in holds {
        let kind = match hold.summary.kind {
            HoldKind::Leavers
            | HoldKind::Renames
            | HoldKind::Creates
            | HoldKind::Adoptions
            | HoldKind::View => &mut counts.users,
            HoldKind::Groups => &mut counts.groups,
            HoldKind::Memberships => &mut counts.memberships,
        };
        kind.held += hold.summary.count;
    }
}

pub(super) fn count_planned(counts: &mut Counts, plan: &Plan) {
    for operation in &plan.operations {
        let members = match &operation.change {
            Change::ChangeMembers { added, removed, leavers, .. } => {
                (added.len() as u64, (removed.len() + leavers.len()) as u64)
            }
            _ => (0, 0),
        };
        count(counts, &operation.change, members);
    }
}

/// Counts one operation as done, with so many members added and removed.
pub(super) fn count(counts: &mut Counts, change: &Change, (added, removed): (u64, u64)) {
    match change {
        Change::CreateUser { .. } | Change::RecreateUser { .. } => counts.users.created += 1,
        Change::UpdateUser { .. }
        | Change::RestoreUser { .. }
        | Change::EnableUser
        | Change::ReleaseUser { .. }
        | Change::AdoptUser { .. } => counts.users.updated += 1,
        Change::DisableUser => counts.users.disabled += 1,
        Change::AnonymizeUser { .. } => counts.users.updated += 1,
        Change::DeleteUser { .. } => counts.users.deleted += 1,
        Change::CreateGroup { .. } => counts.groups.created += 1,
        Change::UpdateGroup { .. } | Change::AdoptGroup { .. } | Change::ReleaseGroup { .. } => {
            counts.groups.updated += 1;
        }
        Change::DeleteGroup { .. } => counts.groups.deleted += 1,
        Change::ChangeMembers { tie, .. } => {
            counts.groups.disabled += u64::from(*tie == Tie::Left);
            counts.memberships.created += added;
            counts.memberships.deleted += removed;
        }
    }
}

pub(super) fn add_applied(counts: &mut Counts, applied: &Counts) {
    let pairs = [
        (&mut counts.users, &applied.users),
        (&mut counts.groups, &applied.groups),
        (&mut counts.memberships, &applied.memberships),
    ];
    for (all, applied) in pairs {
        all.created += applied.created;
        all.updated += applied.updated;
        all.disabled += applied.disabled;
        all.deleted += applied.deleted;
        all.failed += applied.failed;
    }
}
