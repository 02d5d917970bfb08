//! What somebody permitted: no limit applies to it, and nothing else goes with it (RULES 24).

use std::collections::BTreeMap;

use crate::sync::digest::Permission;
use crate::sync::model::{SourceId, TargetId};
use crate::sync::plan::{Change, Operation, Plan, Standing};

/// Marks what is permitted. Of a membership operation that is permitted in part, that part becomes an operation of its own
/// until [`join`]. What still has to be confirmed stays unmarked: an approval replaces no proof. An account is enabled when
/// its memberships are right, whoever permits it.
pub(super) fn mark(plan: &mut Plan, permission: &Permission) {
    if permission.is_empty() {
        return;
    }
    let people = &plan.people;
    let mut marked = Vec::with_capacity(plan.operations.len());
    for mut operation in std::mem::take(&mut plan.operations) {
        if operation.standing == Standing::Unconfirmed || operation.change == Change::EnableUser {
            marked.push(operation);
            continue;
        }
        if !matches!(operation.change, Change::ChangeMembers { .. }) {
            if operation.digests(people).iter().all(|digest| permission.allows(digest)) {
                operation.standing = Standing::Permitted;
            }
            marked.push(operation);
            continue;
        }
        let whole = operation.clone();
        let (part, rest) =
            split(operation, |person, comes| permission.allows(&whole.member_digest(person, people, comes)));
        marked.extend(part.map(|part| Operation { standing: Standing::Permitted, ..part }));
        marked.extend(rest);
    }
    plan.operations = marked;
}

/// Parts a membership operation: those members of whom `is_part` says so, and the others. The flag says whether the member
/// comes or goes.
pub(in crate::sync) fn split(
    operation: Operation,
    is_part: impl Fn(u32, bool) -> bool,
) -> (Option<Operation>, Option<Operation>) {
    let Change::ChangeMembers { added, removed, leavers, before, tie } = &operation.change else {
        return (None, Some(operation));
    };
    let parted = |list: &[u32], comes: bool| -> (Vec<u32>, Vec<u32>) {
        list.iter().copied().partition(|person| is_part(*person, comes))
    };
    let (added, removed, leavers) = (parted(added, true), parted(removed, false), parted(leavers, false));
    let side = |added: Vec<u32>, removed: Vec<u32>, leavers: Vec<u32>| {
        let is_empty = added.is_empty() && removed.is_empty() && leavers.is_empty();
        let change = Change::ChangeMembers { added, removed, leavers, before: *before, tie: *tie };
        (!is_empty).then(|| Operation { change, ..operation.clone() })
    };
    (side(added.0, removed.0, leavers.0), side(added.1, removed.1, leavers.1))
}

/// All membership changes of one group are one operation again, at the place of the first.
pub(super) fn join(plan: &mut Plan) {
    if !plan.operations.iter().any(|operation| operation.standing == Standing::Permitted) {
        return;
    }
    let mut places: BTreeMap<(SourceId, Option<TargetId>, u8), usize> = BTreeMap::new();
    let mut joined: Vec<Operation> = Vec::with_capacity(plan.operations.len());
    for operation in std::mem::take(&mut plan.operations) {
        let Change::ChangeMembers { added, removed, leavers, .. } = &operation.change else {
            joined.push(operation);
            continue;
        };
        let key = (operation.source.clone(), operation.target.clone(), operation.change.rank());
        let known = places.get(&key).and_then(|at| joined.get_mut(*at));
        if let Some(Operation {
            change: Change::ChangeMembers { added: a, removed: r, leavers: l, .. },
            ..
        }) = known
        {
            for (all, more) in [(a, added), (r, removed), (l, leavers)] {
                all.extend(more);
                all.sort_unstable();
            }
            continue;
        }
        places.insert(key, joined.len());
        joined.push(operation);
    }
    plan.operations = joined;
}

/// How many of the objects in question are permitted.
pub(super) fn permitted(plan: &Plan, concerns: &dyn Fn(&Change) -> bool) -> u64 {
    let operations = plan.operations.iter();
    let permitted = operations
        .filter(|operation| operation.standing == Standing::Permitted && concerns(&operation.change));
    permitted.map(|operation| &operation.source).collect::<std::collections::BTreeSet<_>>().len() as u64
}
