//! What may not be concluded from a read: lists that are not believed, and what the source is asked before planning. Pure.

use std::collections::BTreeSet;

use super::diff::{Input, Open, open_questions};
use super::digest::Permission;
use super::model::{Ledger, Proof, SourceId, SourceSnapshot};
use super::plan::Plan;
use super::report::NotProven;
use super::rules::{Limit, Rules};
use crate::source::Questions;

/// RULES 18: a list that is empty while the ledger manages its kind proves nothing.
pub(super) fn distrust_empty_lists(source: &mut SourceSnapshot, ledger: &Ledger) {
    let distrust = |proof: &mut Proof, what: &str, managed: usize| {
        if proof.is_proven() {
            *proof =
                Proof::NotProven(format!("the source returned no {what} at all, and {managed} are managed"));
        }
    };
    if source.users.is_empty() && !ledger.users.is_empty() {
        distrust(&mut source.users_proof, "users", ledger.users.len());
    }
    if source.groups.is_empty() && !ledger.groups.is_empty() {
        distrust(&mut source.groups_proof, "groups", ledger.groups.len());
    }
}

/// More than so many are not asked for one by one if the limits hold what would happen to them in any case.
const ASK_AT_MOST: usize = 1_000;

/// What the source is asked before planning.
pub(super) struct Asking<'a> {
    permission: &'a Permission,
    /// How many members that no list of users shows may still be asked for.
    members_left: usize,
}

impl<'a> Asking<'a> {
    pub(super) fn new(permission: &'a Permission) -> Self {
        Self { permission, members_left: ASK_AT_MOST }
    }

    /// Who and what is to be asked for now: what is open, unless it is so much that the limits hold it in any case, and
    /// members that the user list did not show (RULES 12, 17).
    pub(super) fn next(&mut self, source: &SourceSnapshot, input: &Input<'_>) -> Questions {
        let Open { mut absent_users, mut in_no_group, mut absent_groups, missing_parts } =
            open_questions(input);
        let limits = &input.rules.limits;
        // What somebody approved is proven again, however many it is (RULES 24).
        let approved = |id: &SourceId| self.permission.sources.contains(id);
        let leaving = absent_users.len() + in_no_group.len();
        if leaving > ask_at_most(limits.leavers, input.ledger.users.len()) {
            absent_users.retain(approved);
            in_no_group.retain(approved);
        }
        if absent_groups.len() > ask_at_most(limits.groups, input.ledger.groups.len()) {
            absent_groups.retain(approved);
        }
        absent_groups.extend(missing_parts);
        if !source.users_narrowed {
            let members = unlisted_members(source, input.rules, self.members_left);
            self.members_left -= members.len();
            absent_users.extend(members);
        }
        Questions { users: absent_users, groups: absent_groups, own_groups: in_no_group }
    }
}

fn ask_at_most(limit: Limit, managed: usize) -> usize {
    let allowed = match limit {
        Limit::Off => usize::MAX,
        Limit::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Limit::Percent(percent) => managed.saturating_mul(usize::from(percent)) / 100,
    };
    allowed.max(ASK_AT_MOST)
}

/// Members with a status in scope that the user list did not show, and of whom nothing else is known: at most so many
/// (RULES 12).
fn unlisted_members(source: &SourceSnapshot, rules: &Rules, at_most: usize) -> BTreeSet<SourceId> {
    if !source.users_proof.is_proven() {
        return BTreeSet::new();
    }
    let mut listed = vec![false; source.people.ids().len()];
    let listed_users = source.users.iter().map(|user| &user.id);
    // Who was asked for is not asked for again.
    let known = listed_users.chain(&source.unreadable).chain(source.absences.keys());
    for person in known.filter_map(|id| source.people.find(&id.0)) {
        if let Some(slot) = listed.get_mut(person as usize) {
            *slot = true;
        }
    }
    let members = source.groups.iter().flat_map(|group| &group.members);
    let unlisted: BTreeSet<u32> = members
        .filter(|member| rules.scope.statuses.contains(&member.status))
        .map(|member| member.person)
        .filter(|person| !listed.get(*person as usize).copied().unwrap_or(true))
        .collect();
    unlisted
        .into_iter()
        .take(at_most)
        .filter_map(|person| source.people.ids().get(person as usize).cloned())
        .collect()
}

/// A list that did not end is reported, even if no removal was left out because of it; `diff` does so for members.
pub(super) fn note_unproven_lists(plan: &mut Plan, source: &SourceSnapshot) {
    let mut note = |list: String, proof: &Proof| {
        if let Proof::NotProven(reason) = proof
            && !plan.not_proven.iter().any(|known| known.list == list)
        {
            let reason = reason.clone();
            plan.not_proven.push(NotProven { list, reason, removals_left_out: 0, left_out: Vec::new() });
        }
    };
    note("users".to_owned(), &source.users_proof);
    note("groups".to_owned(), &source.groups_proof);
    plan.not_proven.sort();
}
