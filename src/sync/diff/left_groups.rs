//! Groups whose source groups have all left: emptied, or deleted.

use std::borrow::Cow;

use super::leave_out;
use super::links::{LeftGroup, left_group};
use super::members::{LEAVERS_LOSE, Memberships};
use crate::sync::desire::Reason;
use crate::sync::model::{Finding, FindingKind, Origin, Proof, SourceId, TargetGroup};
use crate::sync::plan::{Change, Operation, Plan, Standing, Tie};
use crate::sync::rules::LeaverGroups;

impl Memberships<'_, '_> {
    /// Plans what happens to a group whose source groups have all left.
    pub(super) fn plan_left_group(&mut self, at: u32, sources: &[&SourceId], plan: &mut Plan) {
        let sides = self.sides;
        let Some(actual) = sides.input.target.groups.get(at as usize) else { return };
        let name = &actual.attributes.name;
        let now = sides.managed_members(at);
        let concerns = |row: &u32| sides.rows.get(*row as usize).is_some_and(|row| sides.concerns(row));
        let candidates = now.iter().copied().filter(concerns);
        if sides.input.rules.protected.groups.matches(name) {
            return;
        }
        if sides.input.rules.leavers.groups == LeaverGroups::Keep {
            self.plan_kept_group(actual, sources, candidates.collect(), now.len() as u64);
            return;
        }
        let removed: Vec<u32> = candidates.filter(|row| self.may_be_removed(*row)).collect();
        let deletes =
            sides.input.focus.is_none() && self.is_ours_to_delete(sources) && removed.len() == now.len();
        if removed.is_empty() && !deletes {
            return;
        }
        let Some((why, standing)) = self.certainty(name, sources, plan) else { return };
        if let Proof::NotProven(reason) = sides.input.evidence.groups {
            leave_out(plan, "groups", reason, removed.len() as u64, vec![name.clone()]);
            self.not_proven(&removed, name);
            return;
        }
        if let Proof::NotProven(reason) = &actual.members_proof {
            leave_out(
                plan,
                &format!("members of {name} in the target"),
                reason,
                removed.len() as u64,
                self.names(&removed),
            );
            return;
        }
        let count = removed.len();
        let removed: Vec<u32> = removed.into_iter().filter(|row| !self.may_have_left(*row)).collect();
        let deletes = deletes && removed.len() == count;
        let operation = |change, why| Operation {
            source: sources.first().map(|source| (*source).clone()).unwrap_or_else(|| SourceId::from("")),
            target: Some(actual.id.clone()),
            name: name.clone(),
            change,
            why,
            standing,
        };
        if deletes && has_strangers(actual, now.len(), plan) {
            // Emptied all the same.
        } else if deletes {
            let sources = sources.iter().map(|source| (*source).clone()).collect();
            let before = actual.attributes.clone();
            plan.operations.push(operation(Change::DeleteGroup { before, sources }, why.clone()));
        }
        if !removed.is_empty() {
            let before = now.len() as u64;
            let (added, leavers) = (Vec::new(), Vec::new());
            let change = Change::ChangeMembers { added, removed, leavers, before, tie: Tie::Left };
            self.push(operation(change, why));
        }
    }

    /// A group that left and is kept: only leavers lose their memberships in it.
    fn plan_kept_group(
        &mut self,
        actual: &TargetGroup,
        sources: &[&SourceId],
        members: Vec<u32>,
        before: u64,
    ) {
        let (_, leavers) = self.part(members, &actual.attributes.name);
        if leavers.is_empty() || !actual.members_proof.is_proven() {
            return;
        }
        let (added, removed) = (Vec::new(), Vec::new());
        self.push(Operation {
            source: sources.first().map(|source| (*source).clone()).unwrap_or_else(|| SourceId::from("")),
            target: Some(actual.id.clone()),
            name: actual.attributes.name.clone(),
            change: Change::ChangeMembers { added, removed, leavers, before, tie: Tie::Synced },
            why: Cow::Borrowed(LEAVERS_LOSE),
            standing: Standing::Sound,
        });
    }

    /// True if it is proven that all source groups of a target group have left.
    pub(super) fn has_left_for_sure(&self, at: u32, sources: &[&SourceId], plan: &mut Plan) -> bool {
        let name = self.sides.input.target.groups.get(at as usize).map(|group| group.attributes.name.clone());
        let certainty = self.certainty(&name.unwrap_or_default(), sources, plan);
        certainty.is_some_and(|(_, standing)| standing == Standing::Sound)
            && self.sides.input.evidence.groups.is_proven()
    }

    /// Why all source groups are known to have left, and how surely; none if they are not, or not all.
    fn certainty(&self, name: &str, sources: &[&SourceId], plan: &mut Plan) -> Option<(Reason, Standing)> {
        let mut certainty = (Cow::Borrowed(""), Standing::Sound);
        for source in sources {
            match left_group(self.sides, source, &self.links.in_scope) {
                LeftGroup::Stays => return None,
                LeftGroup::Left(_) if self.is_unmoved(source) => return None,
                LeftGroup::Left(why) => certainty.0 = why,
                LeftGroup::Absent => {
                    certainty = (Cow::Borrowed("the group list does not show it"), Standing::Unconfirmed);
                }
                LeftGroup::Unknown(reason) => {
                    let message = format!(
                        "group {name} ({source}) is absent from the group list, and asking for it failed: {reason}; it is \
                         left as it is"
                    );
                    plan.findings.push(Finding::new(FindingKind::AbsenceUnconfirmed, name, message));
                    return None;
                }
            }
        }
        Some(certainty)
    }

    /// True if groups that left are deleted and this connector made this one (RULES 8).
    pub(super) fn is_ours_to_delete(&self, sources: &[&SourceId]) -> bool {
        let ledger = &self.sides.input.ledger.groups;
        let created =
            |source: &&SourceId| ledger.get(*source).is_some_and(|group| group.origin == Origin::Created);
        self.sides.input.rules.leavers.groups == LeaverGroups::Delete
            && self.sides.input.capabilities.delete_groups
            && sources.iter().all(created)
    }
}

/// True if a group has members that are not managed, with a finding that says what follows.
fn has_strangers(actual: &TargetGroup, managed: usize, plan: &mut Plan) -> bool {
    if actual.members.len() <= managed {
        return false;
    }
    let name = &actual.attributes.name;
    let message = format!(
        "group {name} left the source and is emptied, not deleted: it has members that are not managed"
    );
    plan.findings.push(Finding::new(FindingKind::NotManaged, name, message));
    true
}
