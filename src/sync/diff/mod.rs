//! How the target differs from what it should hold: makes the [`Plan`]. Pure.
//!
//! Removals are planned only from lists that were read to their end; what is left out for want of proof is counted.
//! What is not in the ledger is never touched.

mod always;
mod groups;
mod leavers;
mod left_groups;
mod links;
mod members;
mod sides;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::desire::Desired;
use super::model::{Absence, Ledger, Proof, ScopeRule, SourceId, SourceSnapshot, TargetId, TargetSnapshot};
use super::plan::{Bases, Plan};
use super::report::{FilteredBy, NotProven};
use super::rules::Rules;
use crate::target::Capabilities;
use sides::Sides;

/// What other connectors manage in the same target, with the connector's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Users.
    pub users: BTreeMap<TargetId, String>,
    /// Groups.
    pub groups: BTreeMap<TargetId, String>,
}

/// Everything that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What the target should hold.
    pub desired: &'a Desired,
    /// What it holds.
    pub target: &'a TargetSnapshot,
    /// What we manage there.
    pub ledger: &'a Ledger,
    /// What others manage there.
    pub claims: &'a Claims,
    /// The connector's rules.
    pub rules: &'a Rules,
    /// What the target can do.
    pub capabilities: Capabilities,
    /// How far the source's lists were read, and what became of absent records.
    pub evidence: Evidence<'a>,
    /// The time that counts as now.
    pub now: DateTime<Utc>,
    /// True until a run about everybody has succeeded: what is created has no limit then.
    pub first_run: bool,
    /// Plan for one user only; none: for all.
    pub focus: Option<Focus<'a>>,
}

/// A plan for one user: what concerns nobody else.
#[derive(Clone, Copy, Debug)]
pub struct Focus<'a> {
    /// Whom.
    pub user: &'a SourceId,
    /// Takes back an account that somebody else disabled or deleted in the target (RULES 8).
    pub restore: bool,
    /// Names that several users wanted in the last run about everybody, as the target compares them (RULES 5).
    pub contested: &'a BTreeSet<CompactString>,
    /// Plan also what only a run about everybody would do to this user, as `explain` shows it.
    pub explain: bool,
}

/// What may be concluded from what a source did not show.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Whether the user list is whole.
    pub users: &'a Proof,
    /// Whether the group list is whole.
    pub groups: &'a Proof,
    /// What became of records that were asked for by id.
    pub absences: &'a BTreeMap<SourceId, Absence>,
    /// Users who were asked for their groups.
    pub own_groups_asked: &'a BTreeSet<SourceId>,
    /// Some in a run that reads only what changed: whom and what the source was asked about since its log named them.
    pub of_changes: Option<&'a BTreeSet<SourceId>>,
}

impl<'a> Evidence<'a> {
    /// The evidence that a snapshot carries.
    #[must_use]
    pub fn of(snapshot: &'a SourceSnapshot) -> Self {
        Self {
            users: &snapshot.users_proof,
            groups: &snapshot.groups_proof,
            absences: &snapshot.absences,
            own_groups_asked: &snapshot.own_groups_asked,
            of_changes: snapshot.of_changes.as_ref(),
        }
    }

    /// Whether it may be concluded that somebody or something left for not being shown (RULES 22).
    #[must_use]
    pub fn tells_absence_of(&self, id: &SourceId) -> bool {
        self.of_changes.is_none_or(|asked| asked.contains(id))
    }
}

/// Makes the plan. The same input gives the same plan, byte for byte.
#[must_use]
pub fn diff(input: &Input<'_>) -> Plan {
    let sides = Sides::new(input);
    let mut plan = Plan {
        bases: Bases {
            active_users: sides.active_managed_users(),
            groups_with_members: sides.managed_groups_with_members(),
        },
        findings: input.desired.findings.clone(),
        first_run: input.first_run,
        ..Plan::default()
    };
    plan.filtered = filtered(input);
    plan.counts.users.filtered = plan.filtered.users.values().sum();
    plan.counts.groups.filtered = plan.filtered.groups.values().sum();
    for (list, reason) in &input.desired.doubts {
        leave_out(&mut plan, list, reason, 0, Vec::new());
    }
    // So many come, where many do: a list that grows by and by takes twice the memory while it does.
    let newcomers = input.desired.users.len().saturating_sub(input.ledger.users.len());
    let new_groups = input.desired.groups.len().saturating_sub(input.ledger.groups.len());
    plan.operations.reserve(newcomers + 2 * new_groups);
    let fates = users::plan_users(&sides, &mut plan);
    groups::plan_groups(&sides, &fates, &mut plan);
    plan.operations.sort_by(|one, other| {
        (one.change.rank(), &one.name, &one.source).cmp(&(other.change.rank(), &other.name, &other.source))
    });
    plan.findings.sort();
    plan.findings.dedup();
    plan.not_proven.iter_mut().for_each(|list| list.left_out.sort());
    plan.not_proven.sort();
    plan
}

/// Which rule filtered how many.
fn filtered(input: &Input<'_>) -> FilteredBy {
    let mut filtered = FilteredBy::default();
    for out in input.desired.users_out_of_scope.values() {
        *filtered.users.entry(out.rule).or_default() += 1;
    }
    for rule in input.desired.groups_out_of_scope.values() {
        *filtered.groups.entry(*rule).or_default() += 1;
    }
    // Whom the source itself left out is not among those that were shown.
    for (id, absence) in input.evidence.absences {
        let Absence::OutOfScope(rule) = absence else { continue };
        let known = input.desired.users_out_of_scope.contains_key(id)
            || input.desired.groups_out_of_scope.contains_key(id);
        if known {
            continue;
        }
        // A user who is not shown is asked for only if it is managed; a group also where a user named it.
        let is_user = *rule != ScopeRule::GroupsSearch && input.ledger.users.contains_key(id);
        let side = if is_user { &mut filtered.users } else { &mut filtered.groups };
        *side.entry(*rule).or_default() += 1;
    }
    filtered
}

/// What is not certain and has to be asked before [`diff`] (RULES 12, 17). Only those who would be changed are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Managed users that a whole list does not show and that would lose something.
    pub absent_users: BTreeSet<SourceId>,
    /// Managed users that would lose something for being in no group that decides about scope.
    pub in_no_group: BTreeSet<SourceId>,
    /// Managed groups that a whole list does not show and that would lose something for having left.
    pub absent_groups: BTreeSet<SourceId>,
    /// The same of groups that are a part of what is still synced, or whose name another group wants: whether these left
    /// decides about others, which no limit on groups that left holds.
    pub missing_parts: BTreeSet<SourceId>,
}

/// Finds what has to be asked before [`diff`].
#[must_use]
pub fn open_questions(input: &Input<'_>) -> Open {
    let sides = Sides::new(input);
    let (absent_users, in_no_group) = leavers::unconfirmed_users(&sides);
    let (absent_groups, missing_parts) = links::absent_groups(&sides);
    Open { absent_users, in_no_group, absent_groups, missing_parts }
}

/// Notes that removals were left out of the plan because a list was not proven.
fn leave_out(plan: &mut Plan, list: &str, reason: &str, removals: u64, names: Vec<CompactString>) {
    match plan.not_proven.iter_mut().find(|known| known.list == list) {
        Some(known) => {
            known.removals_left_out += removals;
            known.left_out.extend(names);
        }
        None => plan.not_proven.push(NotProven {
            list: list.to_owned(),
            reason: reason.to_owned(),
            removals_left_out: removals,
            left_out: names,
        }),
    }
}
