//! The limit on users that left.

use std::collections::BTreeSet;

use compact_str::CompactString;

use super::{Check, Hold, drop_empty, not_asked, sources};
use crate::sync::model::SourceId;
use crate::sync::plan::{Change, Operation, Plan, Standing};
use crate::sync::report::{HoldKind, HoldSummary};

/// Everybody to whom something happens because they left, whether it is to the account or to memberships (RULES 20).
pub(super) fn leaving(plan: &Plan) -> BTreeSet<&SourceId> {
    let mut leaving = sources(plan, &Change::is_leaving);
    for operation in plan.operations.iter().filter(|one| one.standing != Standing::Permitted) {
        if let Change::ChangeMembers { leavers, .. } = &operation.change {
            let people = leavers.iter().filter_map(|person| plan.people.get(*person as usize));
            leaving.extend(people.map(|person| &person.source));
        }
    }
    leaving
}

/// Holds all that happens to users because they left, memberships included, if there are too many of them. What will be too
/// much once the grace of others is over is said on the first day (RULES 21).
pub(super) fn hold_leavers(plan: &mut Plan, holds: &mut Vec<Hold>, check: &Check) {
    let count = leaving(plan).len() as u64;
    let unconfirmed = plan
        .operations
        .iter()
        .any(|operation| operation.change.is_leaving() && operation.standing == Standing::Unconfirmed);
    let objection = check.objection(count).or_else(|| check.wait(count)).filter(|_| count > 0);
    let objection = objection.or_else(|| unconfirmed.then(|| not_asked(count)));
    let Some((allowed, objection)) = objection else {
        holds.extend(grace_notice(plan, count, check));
        return;
    };
    let is_held = |operation: &mut Operation| {
        operation.change.is_leaving() && operation.standing != Standing::Permitted
    };
    let mut held: Vec<_> = plan.operations.extract_if(.., is_held).collect();
    let mut all: BTreeSet<CompactString> = held.iter().map(|operation| operation.name.clone()).collect();
    let mut memberships = Vec::new();
    for operation in &mut plan.operations {
        let permitted = operation.standing == Standing::Permitted;
        let Change::ChangeMembers { leavers, before, tie, .. } = &mut operation.change else { continue };
        if leavers.is_empty() || permitted {
            continue;
        }
        let change = Change::ChangeMembers {
            added: Vec::new(),
            removed: Vec::new(),
            leavers: std::mem::take(leavers),
            before: *before,
            tie: *tie,
        };
        memberships.push(Operation { change, ..operation.clone() });
    }
    for operation in &memberships {
        if let Change::ChangeMembers { leavers, .. } = &operation.change {
            let people = leavers.iter().filter_map(|person| plan.people.get(*person as usize));
            all.extend(people.map(|person| person.username.clone()));
        }
    }
    held.extend(memberships);
    drop_empty(plan);
    let reason = format!("users that left (limits.leavers): {objection}");
    let summary = HoldSummary::new(HoldKind::Leavers, count, (allowed, check.base), reason);
    holds.push(Hold::new(HoldSummary { names: all.into_iter().collect(), ..summary }, held));
}

/// Says that those who are in their grace are too many, together with those whose turn it is now.
fn grace_notice(plan: &Plan, now: u64, check: &Check) -> Option<Hold> {
    let waiting = plan.in_grace.len() as u64;
    let first = plan.in_grace.iter().map(|user| user.until).min()?;
    let (allowed, objection) = check.objection(now + waiting)?;
    let mut names: Vec<CompactString> = plan.in_grace.iter().map(|user| user.username.clone()).collect();
    names.sort();
    let reason = format!(
        "users that left (limits.leavers): {waiting} are in their grace, the first until {}; with them, {objection}. \
         Nothing happens to them yet",
        first.format("%Y-%m-%d %H:%M UTC")
    );
    let summary =
        HoldSummary { names, ..HoldSummary::new(HoldKind::Leavers, waiting, (allowed, check.base), reason) };
    Some(Hold::new(summary, Vec::new()))
}
