//! Memberships: who comes into each group and who goes, and the emptying of groups that left.

use std::borrow::Cow;
use std::collections::BTreeSet;

use compact_str::CompactString;

use super::leave_out;
use super::leavers::leavers_lose;
use super::links::{LeftGroup, Link, Links, left_group};
use super::sides::Sides;
use super::users::Fates;
use crate::sync::desire::DesiredGroup;
use crate::sync::model::{
    Absence, Finding, FindingKind, LedgerChange, LedgerGroup, Origin, Proof, SourceId, TargetGroup,
};
use crate::sync::plan::{Change, Operation, Plan, PlanPerson, Standing, Tie};

/// Why a leaver loses a membership.
pub(super) const LEAVERS_LOSE: &str = "leavers lose their memberships";

/// Plans memberships. Rows become positions in the plan's people at the end, when it is known who is named.
pub(super) struct Memberships<'s, 'a> {
    pub(super) sides: &'s Sides<'a>,
    pub(super) fates: &'s Fates,
    pub(super) links: &'s Links,
    changes: Vec<Operation>,
    /// Rows that should perhaps lose a membership, which could not be proven, with the group.
    unproven: Vec<(u32, CompactString)>,
    /// Source groups in scope whose members do not all come into what stands for them now.
    unmoved: BTreeSet<SourceId>,
}

impl<'s, 'a> Memberships<'s, 'a> {
    pub(super) fn new(sides: &'s Sides<'a>, fates: &'s Fates, links: &'s Links) -> Self {
        Self { sides, fates, links, changes: Vec::new(), unproven: Vec::new(), unmoved: BTreeSet::new() }
    }

    /// The members of a group in scope do not all come into what stands for it now: what stood for it before keeps them.
    pub(super) fn leave_unmoved(&mut self, group: &DesiredGroup) {
        self.unmoved.extend(group.sources.iter().cloned());
    }

    /// True if the members of a source group do not all come into what stands for it now.
    pub(super) fn is_unmoved(&self, source: &SourceId) -> bool {
        self.unmoved.contains(source)
    }

    /// Plans the members of a group in scope; `actual` is none for a group that this plan creates. `bears_name` is false for
    /// one that cannot have the name that it should: then nobody comes to it who was to come to that name.
    pub(super) fn plan_members(
        &mut self,
        group: &DesiredGroup,
        actual: Option<(u32, &TargetGroup)>,
        bears_name: bool,
        plan: &mut Plan,
    ) {
        let name = actual.map_or(&group.attributes.name, |(_, actual)| &actual.attributes.name);
        if let Some(Proof::NotProven(reason)) = actual.map(|(_, actual)| &actual.members_proof) {
            leave_out(plan, &format!("members of {name} in the target"), reason, 0, Vec::new());
            self.leave_unmoved(group);
            return;
        }
        let now = actual.map(|(at, _)| self.sides.managed_members(at)).unwrap_or_default();
        if !bears_name && !actual.is_some_and(|(_, actual)| self.stands_for_all_parts(group, actual)) {
            let message = format!(
                "the members of group {name} stay as they are: they would be those of {} source groups under a name that \
                 it cannot have",
                group.sources.len()
            );
            plan.findings.push(Finding::new(FindingKind::MergedGroups, name, message));
            self.leave_unmoved(group);
            return;
        }
        if !group.members_proof.is_proven() {
            self.leave_unmoved(group);
        }
        let wanted = self.wanted(group, bears_name);
        let (added, gone, kept) = compare(&wanted, &now);
        plan.counts.memberships.unchanged += kept;
        let (mut removed, leavers) = self.part(gone, name);
        // Of one user's groups only those parts of a merged group are seen that the user is in.
        let former = actual.filter(|_| self.sides.input.focus.is_none());
        let former = former.map(|(at, _)| self.former_parts(at, group)).unwrap_or_default();
        let doubt = match (&group.members_proof, self.sides.input.evidence.groups) {
            (Proof::NotProven(reason), _) => Some(reason.clone()),
            // A group that the list did not show may bear the same name, so that its members belong here too (RULES 10).
            (Proof::Proven, Proof::NotProven(reason)) if !removed.is_empty() => {
                Some(format!("the group list: {reason}"))
            }
            _ => former.iter().find_map(|source| self.doubt_that_it_left(source)),
        };
        if let Some((_, actual)) = actual {
            self.remember(group, actual, now.len() as u64, plan);
            if doubt.is_none() {
                // RULES 9: whoever it stood for before and has left stands for nothing now.
                for source in former {
                    let is_it = |change: &LedgerChange| matches!(change, LedgerChange::PutGroup(put, _) if put == source);
                    if !plan.ledger_changes.iter().any(is_it) {
                        plan.ledger_changes.push(LedgerChange::ForgetGroup(source.clone()));
                    }
                }
            }
        }
        if let Some(reason) = doubt {
            leave_out(
                plan,
                &format!("members of {name}"),
                &reason,
                removed.len() as u64,
                self.names(&removed),
            );
            self.unproven.extend(removed.drain(..).map(|row| (row, name.clone())));
        }
        if !(added.is_empty() && removed.is_empty() && leavers.is_empty()) {
            let only_leavers = added.is_empty() && removed.is_empty();
            let why = Cow::Borrowed(if only_leavers { LEAVERS_LOSE } else { "the source says so" });
            self.changes.push(Operation {
                source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
                target: actual.map(|(_, actual)| actual.id.clone()),
                name: name.clone(),
                change: Change::ChangeMembers {
                    added,
                    removed,
                    leavers,
                    before: now.len() as u64,
                    tie: Tie::Synced,
                },
                why,
                standing: Standing::Sound,
            });
        }
    }

    /// True if anybody whom planning concerns is to be a member of a group.
    pub(super) fn has_comers(&self, group: &DesiredGroup) -> bool {
        let rows = group.members.iter().filter_map(|at| self.sides.row_of_desired.get(*at as usize).copied());
        rows.into_iter().any(|row| self.may_be_member(row))
    }

    /// The rows of those who should be members, sorted.
    fn wanted(&self, group: &DesiredGroup, bears_name: bool) -> Vec<u32> {
        if group.always && bears_name {
            let rows = (0u32..).zip(&self.fates.may_be_member);
            return rows.filter(|(_, may)| **may).map(|(row, _)| row).collect();
        }
        let rows = group.members.iter().filter_map(|at| self.sides.row_of_desired.get(*at as usize).copied());
        rows.filter(|row| self.may_be_member(*row)).collect()
    }

    /// True if every source group behind a desired one is linked to this target group, so that it keeps its own members
    /// whatever its name.
    fn stands_for_all_parts(&self, group: &DesiredGroup, actual: &TargetGroup) -> bool {
        let ledger = &self.sides.input.ledger.groups;
        group.sources.iter().all(|source| ledger.get(source).is_some_and(|known| known.target == actual.id))
    }

    /// True if all source groups behind a managed one are left out by a rule.
    pub(super) fn is_dropped(&self, sources: &[&SourceId]) -> bool {
        let dropped = &self.sides.input.desired.groups_out_of_scope;
        sources.iter().all(|source| dropped.contains_key(*source))
    }

    /// Parts those who are members and should not be: who loses this membership, and who loses it as a leaver. Other
    /// leavers keep theirs, and who is left alone is left alone here too.
    pub(super) fn part(&self, gone: Vec<u32>, group: &str) -> (Vec<u32>, Vec<u32>) {
        let (removed, others): (Vec<u32>, Vec<u32>) =
            gone.into_iter().partition(|row| self.may_be_member(*row));
        let lose = leavers_lose(self.sides, group);
        let loses = |row: &u32| self.fates.loses_memberships.get(*row as usize).copied().unwrap_or(false);
        (removed, others.into_iter().filter(|row| lose && loses(row)).collect())
    }

    /// Plans the memberships of the one user in focus in a group that is none of its groups at the source.
    pub(super) fn plan_group_of_others(&mut self, at: u32, sources: &[&SourceId], plan: &mut Plan) {
        let sides = self.sides;
        let Some(actual) = sides.input.target.groups.get(at as usize) else { return };
        let name = &actual.attributes.name;
        let desired = sides.input.desired;
        // The group itself is no longer synced, or nothing is known of it: that is for a run about everybody.
        let is_other_matter = |source: &&SourceId| {
            desired.groups_left_alone.contains(*source)
                || desired.groups_out_of_scope.contains_key(*source)
                || matches!(sides.input.evidence.absences.get(*source), Some(Absence::Unknown(_)))
        };
        // One of the user's groups bears this name: a group that was made anew, or another part of it.
        let bears_name = |group: &DesiredGroup| sides.key(&group.attributes.name) == sides.key(name);
        if sources.iter().any(is_other_matter)
            || desired.groups.iter().any(bears_name)
            || sides.input.rules.protected.groups.matches(name)
        {
            return;
        }
        let now = sides.managed_members(at);
        let focus = |row: &u32| sides.rows.get(*row as usize).is_some_and(|row| sides.concerns(row));
        let (mut removed, leavers) = self.part(now.iter().copied().filter(focus).collect(), name);
        if let (Proof::NotProven(reason), false) = (sides.input.evidence.groups, removed.is_empty()) {
            leave_out(plan, "groups of the user", reason, removed.len() as u64, self.names(&removed));
            self.unproven.extend(removed.drain(..).map(|row| (row, name.clone())));
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
        if removed.is_empty() && leavers.is_empty() {
            return;
        }
        let why = if removed.is_empty() { LEAVERS_LOSE } else { "the source says so" };
        self.push(Operation {
            source: sources.first().map(|source| (*source).clone()).unwrap_or_else(|| SourceId::from("")),
            target: Some(actual.id.clone()),
            name: name.clone(),
            change: Change::ChangeMembers {
                added: Vec::new(),
                removed,
                leavers,
                before: now.len() as u64,
                tie: Tie::Synced,
            },
            why: Cow::Borrowed(why),
            standing: Standing::Sound,
        });
    }

    /// True if somebody may lose a membership for the group's sake: neither protected, nor unknown, nor in grace.
    pub(super) fn may_be_removed(&self, row: u32) -> bool {
        self.sides.rows.get(row as usize).is_some_and(|row| {
            !row.protected
                && !self.sides.input.desired.users_left_alone.contains(row.source)
                && !self.fates.in_grace.contains(row.source)
        })
    }

    /// True if somebody may have left, which this run cannot tell, and so may be in grace (RULES 21).
    pub(super) fn may_have_left(&self, row: u32) -> bool {
        let evidence = self.sides.input.evidence;
        let unanswered = |source| matches!(evidence.absences.get(source), Some(Absence::Unknown(_)));
        self.sides.rows.get(row as usize).is_some_and(|row| {
            let untold = !evidence.tells_absence_of(row.source)
                && !self.sides.input.desired.users_out_of_scope.contains_key(row.source);
            row.desired.is_none() && (!evidence.users.is_proven() || unanswered(row.source) || untold)
        })
    }

    /// Adds a membership operation whose people are rows.
    pub(super) fn push(&mut self, operation: Operation) {
        self.changes.push(operation);
    }

    fn may_be_member(&self, row: u32) -> bool {
        self.fates.may_be_member.get(row as usize).copied().unwrap_or(false)
    }

    /// Puts into the ledger what a linked group is and how many managed members it has.
    fn remember(&self, group: &DesiredGroup, actual: &TargetGroup, memberships: u64, plan: &mut Plan) {
        let ledger = &self.sides.input.ledger.groups;
        let Some(origin) = self.origin_of(group) else { return };
        let known = LedgerGroup {
            target: actual.id.clone(),
            name: actual.attributes.name.clone(),
            origin,
            memberships,
        };
        for source in &group.sources {
            let stands_elsewhere = ledger
                .get(source)
                .is_some_and(|now| now.target != actual.id && self.has_still_to_go(source, now));
            if ledger.get(source) != Some(&known) && !stands_elsewhere {
                plan.ledger_changes.push(LedgerChange::PutGroup(source.clone(), known.clone()));
            }
        }
    }

    /// True if the target group that stood for a source group until it was merged into another has still to lose its
    /// members, or to be deleted: until then it must not be forgotten. One that stands for another by now has not.
    fn has_still_to_go(&self, source: &SourceId, known: &LedgerGroup) -> bool {
        let Some(at) = self.sides.target_group_with_id(&known.target.0) else { return false };
        if self.links.taken.contains(&at) {
            return false;
        }
        !self.sides.managed_members(at).is_empty() || self.is_ours_to_delete(&[source])
    }

    /// How the target group of a desired one came to be managed: by a part of it, or by the group that left it its name;
    /// none if it is only now being taken over.
    fn origin_of(&self, group: &DesiredGroup) -> Option<Origin> {
        let ledger = &self.sides.input.ledger.groups;
        let known = group.sources.iter().find_map(|source| ledger.get(source)).map(|known| known.origin);
        let position =
            self.sides.input.desired.groups.binary_search_by(|other| other.sources.cmp(&group.sources));
        let link = position.ok().and_then(|at| self.links.of_desired.get(at));
        match link {
            Some(Link::Existing(at)) => known.or_else(|| {
                let owners = self.sides.owners.get(at).map(Vec::as_slice).unwrap_or_default();
                let former = owners.iter().find_map(|source| ledger.get(*source)).map(|known| known.origin);
                let made = self.sides.input.target.groups.get(*at as usize);
                let made = made.is_some_and(|group| self.sides.made_by_always(&group.id));
                former.or(made.then_some(Origin::Created))
            }),
            _ => None,
        }
    }

    /// Source groups that a target group stood for and that are no part of it now.
    fn former_parts(&self, at: u32, group: &DesiredGroup) -> Vec<&SourceId> {
        let known = self.sides.owners.get(&at).map(Vec::as_slice).unwrap_or_default();
        known.iter().copied().filter(|source| !group.sources.contains(source)).collect()
    }

    /// Why it is not certain that a part of a merged group has left; none if it is.
    fn doubt_that_it_left(&self, source: &SourceId) -> Option<String> {
        if self.sides.input.desired.groups_not_synced.contains(source) {
            return None;
        }
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

    /// Puts the operations into the plan, with the people that they name.
    pub(super) fn finish(self, plan: &mut Plan) {
        let mut named = BTreeSet::new();
        for operation in &self.changes {
            if let Change::ChangeMembers { added, removed, leavers, .. } = &operation.change {
                named.extend(added.iter().chain(removed).chain(leavers).copied());
            }
        }
        let rows: Vec<u32> = named.into_iter().collect();
        plan.people = rows.iter().filter_map(|row| self.person(*row)).collect();
        self.hold_back(plan);
        for mut operation in self.changes {
            if let Change::ChangeMembers { added, removed, leavers, .. } = &mut operation.change {
                for row in added.iter_mut().chain(removed.iter_mut()).chain(leavers.iter_mut()) {
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

    /// Nobody comes back with old groups: who is to be enabled waits while it is not known whether a membership is still
    /// right.
    fn hold_back(&self, plan: &mut Plan) {
        for (row, group) in &self.unproven {
            let Some(row) = self.sides.rows.get(*row as usize) else { continue };
            let before = plan.operations.len();
            plan.operations.retain(|operation| {
                operation.change != Change::EnableUser || operation.source != *row.source
            });
            if plan.operations.len() == before {
                continue;
            }
            let name = row.ledger.map_or("", |user| user.username.as_str());
            let message = format!(
                "user {name} ({}) is in scope again and is not enabled yet: whether it still belongs to group {group} could \
                 not be proven",
                row.source
            );
            plan.findings.push(Finding::new(FindingKind::AbsenceUnconfirmed, name, message));
        }
    }

    /// Notes that these rows should perhaps lose their membership in a group.
    pub(super) fn not_proven(&mut self, rows: &[u32], group: &CompactString) {
        self.unproven.extend(rows.iter().map(|row| (*row, group.clone())));
    }

    /// The names of these rows.
    pub(super) fn names(&self, rows: &[u32]) -> Vec<CompactString> {
        rows.iter().filter_map(|row| self.person(*row)).map(|person| person.username).collect()
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
