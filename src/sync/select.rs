//! What of a plan stands in a plan that was kept (RULES 25). Pure.

use std::collections::{BTreeSet, HashSet};

use super::guard::permit::split;
use super::model::{SourceId, TargetId};
use super::plan::{Change, Operation, Plan};
use super::report::Stale;

/// One operation of a kept plan: what it is called, and the digests of its changes in hex.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeptOperation {
    /// In words.
    pub summary: String,
    /// Of each of its changes, in hex.
    pub changes: Vec<String>,
}

/// What selecting left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// What was kept and is not planned now.
    pub stale: Vec<Stale>,
    /// How many operations are planned now and were not kept, at least in part.
    pub new: u64,
}

/// All operations of a plan, to be kept.
#[must_use]
pub fn to_keep<'o>(operations: impl IntoIterator<Item = &'o Operation>, plan: &Plan) -> Vec<KeptOperation> {
    let keep = |operation: &Operation| KeptOperation {
        summary: operation.summary(),
        changes: operation.digests(&plan.people).iter().map(ToString::to_string).collect(),
    };
    operations.into_iter().map(keep).collect()
}

/// Leaves in the plan exactly the changes that were kept too.
pub fn select(plan: &mut Plan, kept: &[KeptOperation]) -> LeftOut {
    let wanted: HashSet<&str> = kept.iter().flat_map(|one| &one.changes).map(String::as_str).collect();
    let planned: HashSet<String> = plan
        .operations
        .iter()
        .flat_map(|operation| operation.digests(&plan.people))
        .map(|digest| digest.to_string())
        .collect();
    let mut left_out = LeftOut { stale: stale(kept, &planned), new: 0 };
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    for operation in std::mem::take(&mut plan.operations) {
        if matches!(operation.change, Change::ChangeMembers { .. }) {
            let whole = operation.clone();
            let is_wanted = |person, comes| {
                wanted.contains(whole.member_digest(person, &plan.people, comes).to_string().as_str())
            };
            let (part, rest) = split(operation, is_wanted);
            chosen.extend(part);
            others.extend(rest);
        } else if operation.digests(&plan.people).iter().all(|one| wanted.contains(one.to_string().as_str()))
        {
            chosen.push(operation);
        } else {
            others.push(operation);
        }
    }
    plan.operations = chosen;
    left_out.new = others.len() as u64;
    drop_dependents(plan, &others);
    left_out
}

fn stale(kept: &[KeptOperation], planned: &HashSet<String>) -> Vec<Stale> {
    let judge = |operation: &KeptOperation| {
        let gone = operation.changes.iter().filter(|change| !planned.contains(*change)).count();
        let reason = match (gone, operation.changes.len()) {
            (0, _) => return None,
            (gone, all) if gone == all => {
                "it is not in the plan made now: done meanwhile, no longer wanted, or not proven in this run"
                    .to_owned()
            }
            (gone, all) => format!("{gone} of its {all} changes are not in the plan made now"),
        };
        Some(Stale { summary: operation.summary.clone(), reason })
    };
    kept.iter().filter_map(judge).collect()
}

/// What was chosen and needs something that was not: memberships of accounts that are neither created nor adopted, and in
/// groups that are neither; and nobody is enabled, and no group gets another name, while a membership stays that should go.
fn drop_dependents(plan: &mut Plan, others: &[Operation]) {
    let comes = |change: &Change| {
        matches!(
            change,
            Change::CreateUser { .. }
                | Change::AdoptUser { .. }
                | Change::CreateGroup { .. }
                | Change::AdoptGroup { .. }
        )
    };
    let not_there: BTreeSet<&SourceId> =
        others.iter().filter(|one| comes(&one.change)).map(|one| &one.source).collect();
    let stays = others.iter().filter_map(|one| match &one.change {
        Change::ChangeMembers { removed, leavers, .. } if !(removed.is_empty() && leavers.is_empty()) => {
            Some((one, removed.iter().chain(leavers)))
        }
        _ => None,
    });
    let (mut keeps_too_much, mut too_full) = (BTreeSet::new(), BTreeSet::new());
    for (operation, people) in stays {
        too_full.extend(operation.target.as_ref());
        let people = people.filter_map(|person| plan.people.get(*person as usize));
        keeps_too_much.extend(people.map(|person| &person.source));
    }
    let is_rename = |one: &&Operation| matches!(&one.change, Change::UpdateGroup { before, after } if before.name != after.name);
    let renamed = plan.operations.iter().chain(others).filter(is_rename);
    // Who was to come to a name that the group does not get does not come either.
    let not_renamed: BTreeSet<TargetId> = renamed
        .filter_map(|one| one.target.clone())
        .filter(|group| {
            too_full.contains(group)
                || others.iter().any(|one| is_rename(&one) && one.target.as_ref() == Some(group))
        })
        .collect();
    let absent: Vec<bool> = plan.people.iter().map(|person| not_there.contains(&person.source)).collect();
    let is_there = |person: &u32| !absent.get(*person as usize).copied().unwrap_or(false);
    plan.operations.retain_mut(|operation| match &mut operation.change {
        Change::EnableUser => !keeps_too_much.contains(&operation.source),
        Change::UpdateGroup { before, after } => {
            before.name == after.name
                || !operation.target.as_ref().is_some_and(|one| not_renamed.contains(one))
        }
        Change::ChangeMembers { added, removed, leavers, .. } => {
            if operation.target.as_ref().is_some_and(|one| not_renamed.contains(one)) {
                added.clear();
            }
            for list in [&mut *added, &mut *removed, &mut *leavers] {
                list.retain(is_there);
            }
            let in_no_group = not_there.contains(&operation.source);
            !(in_no_group || added.is_empty() && removed.is_empty() && leavers.is_empty())
        }
        _ => true,
    });
}
