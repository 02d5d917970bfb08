//! Memberships: who comes into each group and who goes, and the emptying of groups that left.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::leave_out;
use super::links::{LeftGroup, Links, left_group};
use super::sides::Sides;
use super::users::Fates;
use crate::sync::desire::{DesiredGroup, Reason};
use crate::sync::model::{Finding, FindingKind, LedgerGroup, Origin, Proof, SourceId, TargetGroup};
use crate::sync::plan::{Change, LedgerChange, Operation, Plan, PlanPerson, Standing, Tie};
use crate::sync::rules::LeaverGroups;

/// Plans memberships. Rows become positions in the plan's people at the end, when it is known who is named.
pub(super) struct Memberships<'s, 'a> {
    sides: &'s Sides<'a>,
    fates: &'s Fates,
    links: &'s Links,
    changes: Vec<Operation>,
}

impl<'s, 'a> Memberships<'s, 'a> {
    pub(super) fn new(sides: &'s Sides<'a>, fates: &'s Fates, links: &'s Links) -> Self {
        Self { sides, fates, links, changes: Vec::new() }
    }

    /// Plans the members of a group in scope; `actual` is none for a group that this plan creates.
    pub(super) fn plan_members(
        &mut self,
        group: &DesiredGroup,
        actual: Option<(u32, &TargetGroup)>,
        plan: &mut Plan,
    ) {
        let name = actual.map_or(&group.attributes.name, |(_, actual)| &actual.attributes.name);
        if let Some(Proof::NotProven(reason)) = actual.map(|(_, actual)| &actual.members_proof) {
            leave_out(plan, &format!("members of {name} in the target"), reason, 0);
            return;
        }
        let now = actual.map(|(at, _)| self.sides.managed_members(at)).unwrap_or_default();
        plan.bases.groups_with_members += u64::from(!now.is_empty());
        let wanted = group
            .members
            .iter()
            .filter_map(|member| self.sides.row_of_desired.get(*member as usize).copied());
        let wanted: Vec<u32> = wanted.filter(|row| self.may_be_member(*row)).collect();
        let (added, mut removed, kept) = compare(&wanted, &now);
        plan.counts.memberships.unchanged += kept;
        // A leaver keeps its memberships, and who is left alone is left alone here too.
        removed.retain(|row| self.may_be_member(*row));
        let former = actual.map(|(at, _)| self.former_parts(at, group)).unwrap_or_default();
        let doubt = match &group.members_proof {
            Proof::NotProven(reason) => Some(reason.clone()),
            Proof::Proven => former.iter().find_map(|source| self.doubt_that_it_left(source)),
        };
        if let Some((_, actual)) = actual {
            self.remember(group, actual, now.len() as u64, plan);
            if doubt.is_none() {
                // RULES 9: whoever it stood for before and has left stands for nothing now.
                plan.ledger_changes
                    .extend(former.into_iter().map(|source| LedgerChange::ForgetGroup(source.clone())));
            }
        }
        if let Some(reason) = doubt {
            leave_out(plan, &format!("members of {name}"), &reason, removed.len() as u64);
            removed.clear();
        }
        if !(added.is_empty() && removed.is_empty()) {
            self.changes.push(Operation {
                source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
                target: actual.map(|(_, actual)| actual.id.clone()),
                name: name.clone(),
                change: Change::ChangeMembers {
                    added,
                    removed,
                    leavers: Vec::new(),
                    before: now.len() as u64,
                    tie: Tie::Synced,
                },
                why: Cow::Borrowed("the source says so"),
                standing: Standing::Sound,
            });
        }
    }

    fn may_be_member(&self, row: u32) -> bool {
        self.fates.may_be_member.get(row as usize).copied().unwrap_or(false)
    }

    /// Puts into the ledger what a linked group is and how many managed members it has.
    fn remember(&self, group: &DesiredGroup, actual: &TargetGroup, memberships: u64, plan: &mut Plan) {
        let ledger = &self.sides.input.ledger.groups;
        let origin = group.sources.iter().find_map(|source| ledger.get(source)).map(|known| known.origin);
        let known = LedgerGroup {
            target: actual.id.clone(),
            name: actual.attributes.name.clone(),
            origin: origin.unwrap_or(Origin::Created),
            memberships,
        };
        for source in &group.sources {
            if ledger.get(source) != Some(&known) {
                plan.ledger_changes.push(LedgerChange::PutGroup(source.clone(), known.clone()));
            }
        }
    }

    /// Source groups that a target group stood for and that are no part of it now.
    fn former_parts(&self, at: u32, group: &DesiredGroup) -> Vec<&SourceId> {
        let known = self.sides.owners.get(&at).map(Vec::as_slice).unwrap_or_default();
        known.iter().copied().filter(|source| !group.sources.contains(source)).collect()
    }

    /// Why it is not certain that a part of a merged group has left; none if it is.
    fn doubt_that_it_left(&self, source: &SourceId) -> Option<String> {
        let doubt = match left_group(self.sides, source, &self.links.in_scope) {
            LeftGroup::Left(_) => match self.sides.input.evidence.groups {
                Proof::Proven => return None,
                Proof::NotProven(reason) => reason.clone(),
            },
            LeftGroup::Stays => "nothing is known of it now".to_owned(),
            LeftGroup::Absent => "the group list does not show it, and nobody asked for it".to_owned(),
            LeftGroup::Unknown(reason) => reason,
        };
        Some(format!("the source group {source}, which is part of it: {doubt}"))
    }

    /// Plans the emptying of a group whose source groups have all left.
    pub(super) fn plan_left_group(&mut self, at: u32, sources: &[&SourceId], plan: &mut Plan) {
        let sides = self.sides;
        let Some(actual) = sides.input.target.groups.get(at as usize) else { return };
        let name = &actual.attributes.name;
        let now = sides.managed_members(at);
        plan.bases.groups_with_members += u64::from(!now.is_empty());
        let removed: Vec<u32> = now.iter().copied().filter(|row| self.may_leave_group(*row)).collect();
        let protected = sides.input.rules.protected.groups.matches(name);
        if removed.is_empty() || protected || sides.input.rules.leavers.groups == LeaverGroups::Keep {
            return;
        }
        let mut why: Reason = Cow::Borrowed("");
        let mut standing = Standing::Sound;
        for source in sources {
            match left_group(sides, source, &self.links.in_scope) {
                LeftGroup::Stays => return,
                LeftGroup::Left(reason) => why = reason,
                LeftGroup::Absent => {
                    why = Cow::Borrowed("the group list does not show it");
                    standing = Standing::Unconfirmed;
                }
                LeftGroup::Unknown(reason) => {
                    plan.findings.push(Finding::new(
                        FindingKind::AbsenceUnconfirmed,
                        name,
                        format!(
                            "group {name} ({source}) is absent from the group list, and asking for it failed: {reason}; \
                             it is left as it is"
                        ),
                    ));
                    return;
                }
            }
        }
        if let Proof::NotProven(reason) = sides.input.evidence.groups {
            leave_out(plan, "groups", reason, removed.len() as u64);
            return;
        }
        if let Proof::NotProven(reason) = &actual.members_proof {
            leave_out(plan, &format!("members of {name} in the target"), reason, removed.len() as u64);
            return;
        }
        let before = now.len() as u64;
        self.changes.push(Operation {
            source: sources.first().map(|source| (*source).clone()).unwrap_or_else(|| SourceId::from("")),
            target: Some(actual.id.clone()),
            name: name.clone(),
            change: Change::ChangeMembers {
                added: Vec::new(),
                removed,
                leavers: Vec::new(),
                before,
                tie: Tie::Left,
            },
            why,
            standing,
        });
    }

    /// Managed members of a group that left go, but for those about whom nothing may be concluded.
    fn may_leave_group(&self, row: u32) -> bool {
        self.sides.rows.get(row as usize).is_some_and(|row| {
            !row.protected && !self.sides.input.desired.users_left_alone.contains(row.source)
        })
    }

    /// Puts the operations into the plan, with the people that they name.
    pub(super) fn finish(self, plan: &mut Plan) {
        let mut named = BTreeSet::new();
        for operation in &self.changes {
            if let Change::ChangeMembers { added, removed, .. } = &operation.change {
                named.extend(added.iter().chain(removed).copied());
            }
        }
        let rows: Vec<u32> = named.into_iter().collect();
        plan.people = rows.iter().filter_map(|row| self.person(*row)).collect();
        for mut operation in self.changes {
            if let Change::ChangeMembers { added, removed, .. } = &mut operation.change {
                for row in added.iter_mut().chain(removed.iter_mut()) {
                    *row = rows
                        .binary_search(row)
                        .ok()
                        .and_then(|at| u32::try_from(at).ok())
                        .unwrap_or(u32::MAX);
                }
            }
            plan.operations.push(operation);
        }
    }

    fn person(&self, row: u32) -> Option<PlanPerson> {
        let row = self.sides.rows.get(row as usize)?;
        let actual = row.target.and_then(|at| self.sides.target_user(at));
        let wanted = row.desired.and_then(|at| self.sides.input.desired.users.get(at as usize));
        let username = actual
            .map(|actual| &actual.attributes.username)
            .or(wanted.map(|wanted| &wanted.attributes.username))
            .cloned()
            .unwrap_or_default();
        Some(PlanPerson {
            source: row.source.clone(),
            target: actual.map(|actual| actual.id.clone()),
            username,
        })
    }
}

/// Compares two sorted lists without doubles: who is only in the first, who only in the second, how many in both.
fn compare(wanted: &[u32], now: &[u32]) -> (Vec<u32>, Vec<u32>, u64) {
    let (mut added, mut removed, mut kept) = (Vec::new(), Vec::new(), 0);
    let (mut one, mut other) = (wanted.iter().copied().peekable(), now.iter().copied().peekable());
    loop {
        match (one.peek(), other.peek()) {
            (None, None) => break,
            (Some(wanted), Some(have)) if wanted == have => {
                kept += 1;
                one.next();
                other.next();
            }
            (Some(wanted), have) if have.is_none_or(|have| wanted < have) => {
                added.push(*wanted);
                one.next();
            }
            (_, Some(have)) => {
                removed.push(*have);
                other.next();
            }
            (Some(_), None) => break,
        }
    }
    (added, removed, kept)
}
