//! What is taken over: held where it is not certain, and nothing is removed on it in the same run (RULES 6).

use std::collections::BTreeSet;

use compact_str::CompactString;

use super::{Hold, drop_empty, names};
use crate::sync::model::SourceId;
use crate::sync::plan::{Change, Operation, Plan, Standing, Tie};
use crate::sync::report::{HoldKind, HoldSummary};

/// RULES 6: holds adoptions that are not certain, and every removal on what this run adopts.
pub(super) fn hold_adoptions(plan: &mut Plan, holds: &mut Vec<Hold>) {
    hold_relinks(plan, holds);
    let doubtful = take(plan, Standing::Doubtful);
    if !doubtful.is_empty() {
        let count = doubtful.len() as u64;
        let reason = format!(
            "adoptions (existing): {} the right name, but the target shows no e-mail address that would say whose it is",
            if count == 1 { "1 account bears".to_owned() } else { format!("{count} accounts bear") }
        );
        holds.push(adoptions(count, reason, names(&doubtful), doubtful));
    }
    let adopted = |is: fn(&Change) -> bool| -> BTreeSet<SourceId> {
        let adopted = plan.operations.iter().filter(|operation| is(&operation.change));
        adopted.map(|operation| operation.source.clone()).collect()
    };
    let users = adopted(|change| matches!(change, Change::AdoptUser { .. }));
    let groups = adopted(|change| matches!(change, Change::AdoptGroup { .. }));
    if users.is_empty() && groups.is_empty() {
        return;
    }
    let is_adopted: Vec<bool> = plan.people.iter().map(|person| users.contains(&person.source)).collect();
    let (mut held, mut names) = (Vec::new(), BTreeSet::new());
    let mut not_emptied = BTreeSet::new();
    for operation in &mut plan.operations {
        if operation.standing == Standing::Permitted {
            continue;
        }
        let whole = groups.contains(&operation.source);
        let Change::ChangeMembers { removed, leavers, before, tie, .. } = &mut operation.change else {
            continue;
        };
        let stays = |person: &u32| !whole && !is_adopted.get(*person as usize).copied().unwrap_or(false);
        let cut = |list: &mut Vec<u32>| -> Vec<u32> {
            let (kept, out) = std::mem::take(list).into_iter().partition(stays);
            *list = kept;
            out
        };
        let (removed, leavers) = (cut(removed), cut(leavers));
        if removed.is_empty() && leavers.is_empty() {
            continue;
        }
        if *tie == Tie::Left {
            not_emptied.insert(operation.source.clone());
        }
        let people = removed.iter().chain(&leavers).filter_map(|person| plan.people.get(*person as usize));
        names.extend(people.map(|person| person.username.clone()));
        let change =
            Change::ChangeMembers { added: Vec::new(), removed, leavers, before: *before, tie: *tie };
        held.push(Operation { change, ..operation.clone() });
    }
    // A group that keeps a member is not deleted.
    plan.operations.retain(|operation| {
        !(matches!(operation.change, Change::DeleteGroup { .. }) && not_emptied.contains(&operation.source))
    });
    if !held.is_empty() {
        let lost = |operation: &Operation| match &operation.change {
            Change::ChangeMembers { removed, leavers, .. } => (removed.len() + leavers.len()) as u64,
            _ => 0,
        };
        let count = held.iter().map(lost).sum();
        let reason = format!(
            "adoptions (existing): {} would go from users and groups that are only now taken over",
            if count == 1 { "1 membership".to_owned() } else { format!("{count} memberships") }
        );
        holds.push(adoptions(count, reason, names.into_iter().collect(), held));
    }
    drop_empty(plan);
}

/// RULES 4: what a lost ledger may have held is known by name alone, which somebody has to look at.
fn hold_relinks(plan: &mut Plan, holds: &mut Vec<Hold>) {
    let relinks = take(plan, Standing::ByName);
    if relinks.is_empty() {
        return;
    }
    let users = relinks.iter().filter(|operation| operation.change.is_about_user()).count();
    let groups = relinks.len() - users;
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let reason = format!(
        "relink: of {} and {} only the name says that they were managed before the ledger was lost",
        counted(users, "user"),
        counted(groups, "group")
    );
    holds.push(adoptions(relinks.len() as u64, reason, names(&relinks), relinks));
}

/// Takes the operations of that standing out of the plan.
fn take(plan: &mut Plan, standing: Standing) -> Vec<Operation> {
    plan.operations.extract_if(.., |operation| operation.standing == standing).collect()
}

fn adoptions(count: u64, reason: String, names: Vec<CompactString>, operations: Vec<Operation>) -> Hold {
    let kind = HoldKind::Adoptions;
    let summary = HoldSummary { names, ..HoldSummary::new(kind, count, (0, count), reason) };
    Hold::new(summary, operations)
}
