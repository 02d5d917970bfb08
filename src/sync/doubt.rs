//! What may not be concluded from a read: lists that are not believed, and records that are asked for by id. Pure.

use std::collections::BTreeSet;

use super::diff::{Input, questions};
use super::digest::Permission;
use super::model::{Ledger, Proof, SourceId, SourceSnapshot};
use super::plan::Plan;
use super::report::NotProven;
use super::rules::{LeaverGroups, Limit, Rules};
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

/// More absent records than this are not asked for one by one if the limits hold them in any case.
const ASK_AT_MOST: usize = 1_000;

/// Who and what is to be asked for by id before planning: those missing from a list who would be changed for it, unless
/// they are so many that the limits hold them in any case, and members that the user list did not show (RULES 12, 17).
pub(super) fn worth_asking(source: &SourceSnapshot, input: &Input<'_>, permission: &Permission) -> Questions {
    let mut questions = questions(input);
    let limits = &input.rules.limits;
    // What somebody approved is proven again, however many it is (RULES 24).
    let approved = |id: &SourceId| permission.sources.contains(id);
    let leaving = questions.users.len() + questions.own_groups.len();
    if leaving > ask_at_most(limits.leavers, input.ledger.users.len()) {
        questions.users.retain(approved);
        questions.own_groups.retain(approved);
    }
    // Where groups that left are kept, no limit holds anything that the answers decide.
    let keeps_groups = input.rules.leavers.groups == LeaverGroups::Keep;
    let groups = if keeps_groups { Limit::Off } else { limits.groups };
    if questions.groups.len() > ask_at_most(groups, input.ledger.groups.len()) {
        questions.groups.retain(approved);
    }
    if !source.users_narrowed {
        questions.users.extend(unlisted_members(source, input.rules));
    }
    questions
}

fn ask_at_most(limit: Limit, managed: usize) -> usize {
    let allowed = match limit {
        Limit::Off => usize::MAX,
        Limit::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Limit::Percent(percent) => managed.saturating_mul(usize::from(percent)) / 100,
    };
    allowed.max(ASK_AT_MOST)
}

/// Members with a status in scope that the user list did not show, as many as may be asked for (RULES 12).
fn unlisted_members(source: &SourceSnapshot, rules: &Rules) -> BTreeSet<SourceId> {
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
        .take(ASK_AT_MOST)
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
