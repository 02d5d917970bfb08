//! The check of a plan against the connector's limits (RULES 20). Pure.
//!
//! Only [`guard`] can make an [`ApprovedPlan`], and only an approved plan can be applied. What exceeds its limit is held
//! as a whole, never cut to the allowed number; the rest goes through.

mod adoptions;
mod leavers;
pub(in crate::sync) mod permit;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::digest::Permission;
use super::explain::LimitUse;
use super::model::{SourceId, TargetId};
use super::plan::{Change, Operation, Plan, Standing, Tie};
use super::report::{HoldKind, HoldSummary};
use super::rules::{Limit, Limits};
use adoptions::hold_adoptions;
use leavers::{hold_leavers, leaving};
pub use view::{Baseline, shrunken};

/// A plan that passed the guard. There is no other way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan {
    plan: Plan,
    permission: Permission,
}

impl ApprovedPlan {
    /// The plan, to look at.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What of it somebody permitted, so that it counts against no limit.
    #[must_use]
    pub fn permission(&self) -> &Permission {
        &self.permission
    }
}

/// What a plan is measured by.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    /// The connector's limits.
    pub limits: &'a Limits,
    /// What the last 24 hours have seen.
    pub recent: &'a Recent,
    /// What somebody permitted: it is applied whatever the limits say, and the rest is counted without it (RULES 24).
    pub permission: &'a Permission,
    /// How the source's view shrank, if it did by more than the limits allow (RULES 19): then every removal is held.
    pub shrunken: Option<&'a str>,
    /// What a person has not decided about yet, in a run that sees a part only: it cannot tell whether what it sees of that
    /// kind is all of it, so that waits too.
    pub waiting: &'a [Waiting],
}

/// A kind of operations that an open hold is about, and the name of the group if it is about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which limit held them.
    pub kind: HoldKind,
    /// The group, for memberships.
    pub group: Option<CompactString>,
}

impl Conditions<'_> {
    /// Whether operations of that kind wait for what somebody decides about others.
    #[must_use]
    pub fn waits(&self, kind: HoldKind, group: Option<&CompactString>) -> bool {
        let removes = matches!(kind, HoldKind::Leavers | HoldKind::Groups | HoldKind::Memberships);
        self.waiting.iter().any(|waiting| {
            (waiting.kind == kind && waiting.group.as_ref() == group)
                || (waiting.kind == HoldKind::View && removes)
        })
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

impl Hold {
    fn new(summary: HoldSummary, operations: Vec<Operation>) -> Self {
        Self { summary, operations }
    }
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
            (HoldKind::Memberships, None) | (HoldKind::Adoptions | HoldKind::View, _) => return,
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
pub fn guard(mut plan: Plan, conditions: &Conditions<'_>) -> (ApprovedPlan, Vec<Hold>) {
    let Conditions { limits, recent, permission, shrunken, .. } = *conditions;
    let waits = |kind| conditions.waits(kind, None);
    let mut holds = Vec::new();
    permit::mark(&mut plan, permission);
    hold_adoptions(&mut plan, &mut holds);
    let leavers = Check { waits: waits(HoldKind::Leavers), ..leavers_check(&plan, limits, recent) };
    hold_leavers(&mut plan, &mut holds, &leavers);
    let active = plan.bases.active_users;
    let renames = Check::of(limits.renames, limits.floor, active, recent.renames);
    let renames = Check { waits: waits(HoldKind::Renames), ..renames };
    hold_whole(&mut plan, &mut holds, HoldKind::Renames, is_rename, &renames);
    let creates = if plan.first_run { Limit::Off } else { limits.creates };
    let creates = Check::of(creates, limits.floor, active, recent.creates);
    let creates = Check { waits: waits(HoldKind::Creates), ..creates };
    let is_create = |change: &Change| matches!(change, Change::CreateUser { .. });
    hold_whole(&mut plan, &mut holds, HoldKind::Creates, is_create, &creates);
    let groups = Check { waits: waits(HoldKind::Groups), ..groups_check(&plan, limits, recent) };
    hold_whole(&mut plan, &mut holds, HoldKind::Groups, leaves_as_group, &groups);
    hold_memberships(&mut plan, &mut holds, conditions);
    match shrunken {
        Some(why) => view::hold_removals(&mut plan, &mut holds, why),
        None => let_others_wait(&mut plan, &mut holds),
    }
    keep_groups_with_members(&mut plan, &mut holds);
    drop_members_without_account(&mut plan, &holds);
    permit::join(&mut plan);
    (ApprovedPlan { plan, permission: permission.clone() }, holds)
}

/// True for what happens to a group because it left.
fn leaves_as_group(change: &Change) -> bool {
    matches!(change, Change::ChangeMembers { tie: Tie::Left, .. } | Change::DeleteGroup { .. })
}

/// A group some of whose members are held is not deleted: its deletion, though permitted, waits with them.
fn keep_groups_with_members(plan: &mut Plan, holds: &mut [Hold]) {
    let mut not_emptied: BTreeMap<SourceId, usize> = BTreeMap::new();
    for (at, hold) in holds.iter().enumerate() {
        let emptied = hold
            .operations
            .iter()
            .filter(|one| matches!(one.change, Change::ChangeMembers { tie: Tie::Left, .. }));
        not_emptied.extend(emptied.map(|operation| (operation.source.clone(), at)));
    }
    if not_emptied.is_empty() {
        return;
    }
    for operation in std::mem::take(&mut plan.operations) {
        let deletes = matches!(operation.change, Change::DeleteGroup { .. });
        let waits_with = not_emptied.get(&operation.source).filter(|_| deletes);
        match waits_with.and_then(|at| holds.get_mut(*at)) {
            Some(hold) => hold.operations.push(operation),
            None => plan.operations.push(operation),
        }
    }
}

/// What the limits say about one plan, for `explain`: each limit that something of it counts against.
#[must_use]
pub fn limit_uses(plan: &Plan, limits: &Limits, recent: &Recent) -> Vec<LimitUse> {
    let count = |concerns: &dyn Fn(&Change) -> bool| sources(plan, concerns).len() as u64;
    let is_create = |change: &Change| matches!(change, Change::CreateUser { .. });
    let active = plan.bases.active_users;
    let creates = if plan.first_run { Limit::Off } else { limits.creates };
    let whole = [
        ("limits.leavers", leaving(plan).len() as u64, leavers_check(plan, limits, recent)),
        (
            "limits.renames",
            count(&is_rename),
            Check::of(limits.renames, limits.floor, active, recent.renames),
        ),
        ("limits.creates", count(&is_create), Check::of(creates, limits.floor, active, recent.creates)),
    ];
    let mut uses: Vec<LimitUse> =
        whole.into_iter().map(|(name, count, check)| check.usage(name, None, count)).collect();
    for operation in &plan.operations {
        if let Change::ChangeMembers { removed, before, tie: Tie::Synced | Tie::Always, .. } =
            &operation.change
        {
            let check = memberships_check(operation, (*before, 0), limits, recent);
            uses.push(check.usage("limits.memberships", Some(&operation.name), removed.len() as u64));
        }
    }
    uses.retain(|usage| usage.count > 0);
    uses
}

fn leavers_check(plan: &Plan, limits: &Limits, recent: &Recent) -> Check {
    let check = Check::of(limits.leavers, limits.floor, plan.bases.active_users, recent.leavers);
    Check { never_all_from: Some(1), permitted: permit::permitted(plan, &Change::is_leaving), ..check }
}

fn groups_check(plan: &Plan, limits: &Limits, recent: &Recent) -> Check {
    // The floor never covers all members of a group that had three or more (RULES 20).
    let is_big = |operation: &Operation| {
        matches!(operation.change, Change::ChangeMembers { tie: Tie::Left, before: 3.., .. })
            && operation.standing != Standing::Permitted
    };
    let floor = if plan.operations.iter().any(is_big) { 0 } else { limits.floor };
    Check::of(limits.groups, floor, plan.bases.groups_with_members, recent.groups)
}

fn memberships_check(
    operation: &Operation,
    (before, permitted): (u64, u64),
    limits: &Limits,
    recent: &Recent,
) -> Check {
    let recent = operation.target.as_ref().and_then(|id| recent.memberships.get(id)).copied();
    let check = Check::of(limits.memberships, limits.floor, before, recent.unwrap_or_default());
    Check { never_all_from: Some(3), permitted, ..check }
}

fn is_rename(change: &Change) -> bool {
    matches!(change, Change::UpdateUser { before, after } if before.username != after.username)
}

/// The source ids of the operations in question that nobody permitted: what is done twice to one user or group counts once.
fn sources<'p>(plan: &'p Plan, concerns: &dyn Fn(&Change) -> bool) -> BTreeSet<&'p SourceId> {
    let is_counted =
        |operation: &&Operation| operation.standing != Standing::Permitted && concerns(&operation.change);
    let operations = plan.operations.iter().filter(is_counted);
    operations.map(|operation| &operation.source).collect()
}

/// One limit with what it is measured against.
struct Check {
    limit: Limit,
    floor: u64,
    base: u64,
    /// From this base on, the floor never covers all of it.
    never_all_from: Option<u64>,
    /// How many go by permission, which is not counted: the floor does not cover all of the others either.
    permitted: u64,
    recent: RecentCount,
    /// Whether what a person has to decide first is of this kind.
    waits: bool,
}

impl Check {
    fn of(limit: Limit, floor: u64, base: u64, recent: RecentCount) -> Self {
        Self { limit, floor, base, never_all_from: None, permitted: 0, recent, waits: false }
    }

    /// The sentence that says that they wait for others; none if they do not.
    fn wait(&self, count: u64) -> Option<(u64, String)> {
        self.waits.then(|| (0, format!("{count} would go, and others of the kind wait for a decision")))
    }

    /// The limit and how much of it is used.
    fn usage(&self, limit: &str, group: Option<&CompactString>, count: u64) -> LimitUse {
        LimitUse {
            limit: limit.to_owned(),
            group: group.cloned(),
            count,
            recent: self.recent.applied,
            allowed: (self.limit != Limit::Off).then(|| self.allowed_of(self.base)),
            base: self.base,
        }
    }

    /// How many of `base` may go.
    fn allowed_of(&self, base: u64) -> u64 {
        match self.limit {
            Limit::Off => u64::MAX,
            Limit::Count(count) => count,
            Limit::Percent(percent) => {
                let share = base.saturating_mul(u64::from(percent)) / 100;
                let covered = self.floor.saturating_add(self.permitted);
                let floor_would_cover_all =
                    self.never_all_from.is_some_and(|from| base >= from && covered >= base);
                let all_but_one = base.saturating_sub(1).saturating_sub(self.permitted);
                if floor_would_cover_all { share.max(all_but_one) } else { share.max(self.floor) }
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
    let count = sources(plan, &concerns).len() as u64;
    if count == 0 {
        return;
    }
    let unconfirmed = plan
        .operations
        .iter()
        .any(|operation| concerns(&operation.change) && operation.standing == Standing::Unconfirmed);
    let objection = check.objection(count).or_else(|| unconfirmed.then(|| not_asked(count)));
    let Some((allowed, objection)) = objection.or_else(|| check.wait(count)) else { return };
    let is_held =
        |operation: &mut Operation| operation.standing != Standing::Permitted && concerns(&operation.change);
    let held: Vec<Operation> = plan.operations.extract_if(.., is_held).collect();
    let what = match kind {
        HoldKind::Leavers => "users that left (limits.leavers)",
        HoldKind::Groups => "groups that left (limits.groups)",
        HoldKind::Renames => "renamed users (limits.renames)",
        HoldKind::Creates => "new users (limits.creates)",
        HoldKind::Memberships => "memberships (limits.memberships)",
        HoldKind::Adoptions => "adoptions (existing)",
        HoldKind::View => "all removals",
    };
    let summary = HoldSummary {
        names: names(&held),
        ..HoldSummary::new(kind, count, (allowed, check.base), format!("{what}: {objection}"))
    };
    holds.push(Hold::new(summary, held));
}

fn not_asked(count: u64) -> (u64, String) {
    (0, format!("{count} would go, and the source was not asked for each of them"))
}

/// What operations are about, by name, sorted, each once.
fn names(operations: &[Operation]) -> Vec<CompactString> {
    let names: BTreeSet<&CompactString> = operations.iter().map(|operation| &operation.name).collect();
    names.into_iter().cloned().collect()
}

/// Holds all removals of each group that would lose too many; its additions go through.
fn hold_memberships(plan: &mut Plan, holds: &mut Vec<Hold>, conditions: &Conditions<'_>) {
    let Conditions { limits, recent, .. } = *conditions;
    let permitted: BTreeMap<(SourceId, Option<TargetId>), u64> = plan
        .operations
        .iter()
        .filter(|operation| operation.standing == Standing::Permitted)
        .filter_map(|operation| match &operation.change {
            Change::ChangeMembers { removed, .. } => {
                Some(((operation.source.clone(), operation.target.clone()), removed.len() as u64))
            }
            _ => None,
        })
        .collect();
    for operation in &mut plan.operations {
        let before = match &operation.change {
            Change::ChangeMembers { before, tie: Tie::Synced | Tie::Always, .. } => *before,
            _ => continue,
        };
        if operation.standing == Standing::Permitted {
            continue;
        }
        let permitted = permitted.get(&(operation.source.clone(), operation.target.clone()));
        let check =
            memberships_check(operation, (before, permitted.copied().unwrap_or_default()), limits, recent);
        let check = Check { waits: conditions.waits(HoldKind::Memberships, Some(&operation.name)), ..check };
        let Change::ChangeMembers { removed, tie, .. } = &mut operation.change else { continue };
        let count = removed.len() as u64;
        let objection = check.objection(count).or_else(|| check.wait(count)).filter(|_| count > 0);
        let Some((allowed, objection)) = objection else { continue };
        let people = removed.iter().filter_map(|person| plan.people.get(*person as usize));
        let mut names: Vec<CompactString> = people.map(|person| person.username.clone()).collect();
        names.sort();
        let held = Change::ChangeMembers {
            added: Vec::new(),
            removed: std::mem::take(removed),
            leavers: Vec::new(),
            before,
            tie: *tie,
        };
        let group = operation.name.clone();
        let reason = format!("members of group {group} (limits.memberships): {objection}");
        let summary = HoldSummary::new(HoldKind::Memberships, count, (allowed, check.base), reason);
        let summary = HoldSummary { names, ..summary.of_group(group) };
        holds.push(Hold::new(summary, vec![Operation { change: held, ..operation.clone() }]));
    }
    drop_empty(plan);
}

/// What must not come before held memberships have gone waits with them: whoever comes back to an account that still has
/// one, since nobody comes back with old groups; and the new name of the group, since its members of before were never to
/// have what that name gives, with those who were to come to that name.
fn let_others_wait(plan: &mut Plan, holds: &mut [Hold]) {
    let mut users: BTreeMap<SourceId, usize> = BTreeMap::new();
    let mut groups: BTreeMap<TargetId, usize> = BTreeMap::new();
    for (at, hold) in holds.iter().enumerate() {
        for operation in &hold.operations {
            let Change::ChangeMembers { removed, leavers, .. } = &operation.change else { continue };
            let people = removed.iter().filter_map(|person| plan.people.get(*person as usize));
            users.extend(people.map(|person| (person.source.clone(), at)));
            let stay = !(removed.is_empty() && leavers.is_empty());
            groups.extend(operation.target.clone().filter(|_| stay).map(|group| (group, at)));
        }
    }
    let is_rename = |operation: &&Operation| matches!(&operation.change, Change::UpdateGroup { before, after } if before.name != after.name);
    let renamed: BTreeSet<&TargetId> =
        plan.operations.iter().filter(is_rename).filter_map(|one| one.target.as_ref()).collect();
    groups.retain(|group, _| renamed.contains(group));
    if users.is_empty() && groups.is_empty() {
        return;
    }
    for operation in std::mem::take(&mut plan.operations) {
        let of_group = || operation.target.as_ref().and_then(|group| groups.get(group));
        let hold = match &operation.change {
            Change::EnableUser => users.get(&operation.source),
            Change::UpdateGroup { .. } | Change::ChangeMembers { .. } => of_group(),
            _ => None,
        };
        let Some(hold) = hold.and_then(|at| holds.get_mut(*at)) else {
            plan.operations.push(operation);
            continue;
        };
        if let Change::UpdateGroup { after, .. } = &operation.change {
            hold.summary.reason.push_str(&format!("; its new name {} waits with them", after.name));
        }
        hold.operations.push(operation);
    }
}

/// What neither adds nor removes anybody any more is no operation.
fn drop_empty(plan: &mut Plan) {
    plan.operations.retain(|operation| {
        !matches!(&operation.change, Change::ChangeMembers { added, removed, leavers, .. }
            if added.is_empty() && removed.is_empty() && leavers.is_empty())
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
