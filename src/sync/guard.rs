//! The check of a plan against the connector's limits (RULES 20). Pure.
//!
//! Only [`guard`] can make an [`ApprovedPlan`], and only an approved plan can be applied. What exceeds its limit is held
//! as a whole, never cut to the allowed number; the rest goes through.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::model::{SourceId, TargetId};
use super::plan::{Change, Operation, Plan, Standing, Tie};
use super::report::{HoldKind, HoldSummary};
use super::rules::{Limit, Limits};

/// A plan that passed the guard. There is no other way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan {
    plan: Plan,
}

impl ApprovedPlan {
    /// The plan, to look at.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Operations that were not approved, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What is held, in numbers and words.
    pub summary: HoldSummary,
    /// The operations, exactly as they would have been applied.
    pub operations: Vec<Operation>,
}

/// What the last 24 hours have seen applied without anybody's approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// Users disabled.
    pub leavers: RecentCount,
    /// Groups emptied because they left.
    pub groups: RecentCount,
    /// Users renamed.
    pub renames: RecentCount,
    /// Users created.
    pub creates: RecentCount,
    /// Memberships removed, by group.
    pub memberships: BTreeMap<TargetId, RecentCount>,
}

impl Recent {
    /// Adds what was applied out of `base`; 0 where the base is not known.
    pub fn add(&mut self, kind: HoldKind, group: Option<&TargetId>, count: u64, base: u64) {
        let known = match (kind, group) {
            (HoldKind::Leavers, _) => &mut self.leavers,
            (HoldKind::Groups, _) => &mut self.groups,
            (HoldKind::Renames, _) => &mut self.renames,
            (HoldKind::Creates, _) => &mut self.creates,
            (HoldKind::Memberships, Some(group)) => self.memberships.entry(group.clone()).or_default(),
            (HoldKind::Memberships, None) | (HoldKind::Adoptions, _) => return,
        };
        if known.applied == 0 {
            known.base = base;
        }
        known.applied += count;
    }
}

/// How many of what base; the base is that of the first run in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecentCount {
    /// How many were applied.
    pub applied: u64,
    /// The base when the first of them was applied.
    pub base: u64,
}

/// Splits a plan into what may be applied and what a person must look at first.
#[must_use]
pub fn guard(mut plan: Plan, limits: &Limits, recent: &Recent) -> (ApprovedPlan, Vec<Hold>) {
    let mut holds = Vec::new();
    let active = plan.bases.active_users;
    hold_whole(
        &mut plan,
        &mut holds,
        HoldKind::Leavers,
        |change| matches!(change, Change::DisableUser),
        &Check {
            limit: limits.leavers,
            floor: limits.floor,
            base: active,
            never_all_from: Some(1),
            recent: recent.leavers,
        },
    );
    hold_whole(
        &mut plan,
        &mut holds,
        HoldKind::Renames,
        is_rename,
        &Check {
            limit: limits.renames,
            floor: limits.floor,
            base: active,
            never_all_from: None,
            recent: recent.renames,
        },
    );
    let creates = if plan.first_run { Limit::Off } else { limits.creates };
    hold_whole(
        &mut plan,
        &mut holds,
        HoldKind::Creates,
        |change| matches!(change, Change::CreateUser { .. }),
        &Check {
            limit: creates,
            floor: limits.floor,
            base: active,
            never_all_from: None,
            recent: recent.creates,
        },
    );
    // The floor never covers all members of a group that had three or more (RULES 20).
    let is_big = |operation: &Operation| {
        matches!(operation.change, Change::ChangeMembers { tie: Tie::Left, before: 3.., .. })
    };
    let big = plan.operations.iter().any(is_big);
    let groups = Check {
        limit: limits.groups,
        floor: if big { 0 } else { limits.floor },
        base: plan.bases.groups_with_members,
        never_all_from: None,
        recent: recent.groups,
    };
    let left = |change: &Change| matches!(change, Change::ChangeMembers { tie: Tie::Left, .. });
    hold_whole(&mut plan, &mut holds, HoldKind::Groups, left, &groups);
    hold_memberships(&mut plan, &mut holds, limits, recent);
    drop_members_without_account(&mut plan, &holds);
    (ApprovedPlan { plan }, holds)
}

fn is_rename(change: &Change) -> bool {
    matches!(change, Change::UpdateUser { before, after } if before.username != after.username)
}

/// One limit with what it is measured against.
struct Check {
    limit: Limit,
    floor: u64,
    base: u64,
    /// From this base on, the floor never covers all of it.
    never_all_from: Option<u64>,
    recent: RecentCount,
}

impl Check {
    /// How many of `base` may go.
    fn allowed_of(&self, base: u64) -> u64 {
        match self.limit {
            Limit::Off => u64::MAX,
            Limit::Count(count) => count,
            Limit::Percent(percent) => {
                let share = base.saturating_mul(u64::from(percent)) / 100;
                let floor_would_cover_all =
                    self.never_all_from.is_some_and(|from| base >= from && self.floor >= base);
                if floor_would_cover_all { share.max(base.saturating_sub(1)) } else { share.max(self.floor) }
            }
        }
    }

    /// The sentence that says why `count` is too much, and how many would be allowed; none if it is not.
    fn objection(&self, count: u64) -> Option<(u64, String)> {
        let allowed = self.allowed_of(self.base);
        if count > allowed {
            return Some((
                allowed,
                format!("{count} of {} would go, and the limit allows {allowed}", self.base),
            ));
        }
        if self.recent.applied == 0 {
            return None;
        }
        let base = self.recent.base.max(self.base);
        let allowed = self.allowed_of(base);
        (count.saturating_add(self.recent.applied) > allowed).then(|| {
            let before = self.recent.applied;
            (
                allowed.saturating_sub(before),
                format!("{count} would go after {before} in the last 24 hours, of {base}, and the limit allows {allowed}"),
            )
        })
    }
}

/// Holds all operations of one kind if there are too many, or any that is not confirmed.
fn hold_whole(
    plan: &mut Plan,
    holds: &mut Vec<Hold>,
    kind: HoldKind,
    concerns: impl Fn(&Change) -> bool,
    check: &Check,
) {
    let count = plan.operations.iter().filter(|operation| concerns(&operation.change)).count() as u64;
    if count == 0 {
        return;
    }
    let unconfirmed = plan
        .operations
        .iter()
        .any(|operation| concerns(&operation.change) && operation.standing != Standing::Sound);
    let objection = check.objection(count).or_else(|| {
        unconfirmed.then(|| (0, format!("{count} would go, and the source was not asked for each of them")))
    });
    let Some((allowed, objection)) = objection else { return };
    let (held, kept) =
        std::mem::take(&mut plan.operations).into_iter().partition(|operation| concerns(&operation.change));
    plan.operations = kept;
    let held: Vec<Operation> = held;
    let mut names: Vec<CompactString> = held.iter().map(|operation| operation.name.clone()).collect();
    names.sort();
    let what = match kind {
        HoldKind::Leavers => "users that left (limits.leavers)",
        HoldKind::Groups => "groups that left (limits.groups)",
        HoldKind::Renames => "renamed users (limits.renames)",
        HoldKind::Creates => "new users (limits.creates)",
        HoldKind::Memberships => "memberships (limits.memberships)",
        HoldKind::Adoptions => "adoptions",
    };
    holds.push(Hold {
        summary: HoldSummary {
            kind,
            group: None,
            count,
            allowed,
            base: check.base,
            reason: format!("{what}: {objection}"),
            names,
        },
        operations: held,
    });
}

/// Holds all removals of each group that would lose too many; its additions go through.
fn hold_memberships(plan: &mut Plan, holds: &mut Vec<Hold>, limits: &Limits, recent: &Recent) {
    for operation in &mut plan.operations {
        let Change::ChangeMembers { removed, before, tie: Tie::Synced | Tie::Always, .. } =
            &mut operation.change
        else {
            continue;
        };
        let check = Check {
            limit: limits.memberships,
            floor: limits.floor,
            base: *before,
            never_all_from: Some(3),
            recent: operation
                .target
                .as_ref()
                .and_then(|id| recent.memberships.get(id))
                .copied()
                .unwrap_or_default(),
        };
        let count = removed.len() as u64;
        let Some((allowed, objection)) = (if count == 0 { None } else { check.objection(count) }) else {
            continue;
        };
        let mut names: Vec<CompactString> = removed
            .iter()
            .filter_map(|person| plan.people.get(*person as usize))
            .map(|person| person.username.clone())
            .collect();
        names.sort();
        let held = Change::ChangeMembers {
            added: Vec::new(),
            removed: std::mem::take(removed),
            leavers: Vec::new(),
            before: *before,
            tie: Tie::Synced,
        };
        let group = operation.name.clone();
        holds.push(Hold {
            summary: HoldSummary {
                kind: HoldKind::Memberships,
                reason: format!("members of group {group} (limits.memberships): {objection}"),
                group: Some(group),
                count,
                allowed,
                base: check.base,
                names,
            },
            operations: vec![Operation { change: held, ..operation.clone() }],
        });
    }
    drop_empty(plan);
}

/// What neither adds nor removes anybody any more is no operation.
fn drop_empty(plan: &mut Plan) {
    plan.operations.retain(|operation| {
        !matches!(&operation.change, Change::ChangeMembers { added, removed, .. } if added.is_empty() && removed.is_empty())
    });
}

/// Whoever is not created now cannot become a member now.
fn drop_members_without_account(plan: &mut Plan, holds: &[Hold]) {
    let held: BTreeSet<&SourceId> = holds
        .iter()
        .filter(|hold| hold.summary.kind == HoldKind::Creates)
        .flat_map(|hold| &hold.operations)
        .map(|operation| &operation.source)
        .collect();
    if held.is_empty() {
        return;
    }
    let absent: Vec<bool> = plan.people.iter().map(|person| held.contains(&person.source)).collect();
    for operation in &mut plan.operations {
        if let Change::ChangeMembers { added, .. } = &mut operation.change {
            added.retain(|person| !absent.get(*person as usize).copied().unwrap_or(false));
        }
    }
    drop_empty(plan);
}
