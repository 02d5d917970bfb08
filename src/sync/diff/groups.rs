//! Operations on groups and their members: link, create, rename, change members, and empty groups that left.

use std::borrow::Cow;
use std::collections::BTreeSet;

use compact_str::CompactString;

use super::leave_out;
use super::sides::Sides;
use super::users::Fates;
use crate::sync::desire::{DesiredGroup, Reason};
use crate::sync::model::{
    Absence, Finding, FindingKind, GroupAttributes, LedgerGroup, Origin, Proof, SourceId, TargetGroup,
};
use crate::sync::plan::{Change, LedgerChange, Operation, Plan, PlanPerson};
use crate::sync::rules::LeaverGroups;

/// Plans all operations on groups.
pub(super) fn plan_groups(sides: &Sides<'_>, fates: &Fates, plan: &mut Plan) {
    let links = Links::new(sides, &mut plan.findings);
    let mut memberships = Memberships { sides, fates, links: &links, changes: Vec::new() };
    for (group, link) in sides.input.desired.groups.iter().zip(&links.of_desired) {
        match link {
            Link::Skipped => {}
            Link::New => {
                plan.operations.push(create_group(group));
                memberships.plan_members(group, None, plan);
            }
            Link::Existing(at) => {
                let Some(actual) = sides.input.target.groups.get(*at as usize) else { continue };
                update_group(sides, group, actual, plan);
                memberships.plan_members(group, Some((*at, actual)), plan);
            }
        }
    }
    for (at, sources) in &sides.owners {
        if !links.taken.contains(at) {
            memberships.plan_left_group(*at, sources, plan);
        }
    }
    memberships.finish(plan);
}

/// Which target group stands for each desired one.
struct Links {
    of_desired: Vec<Link>,
    /// Target groups that stand for a desired one.
    taken: BTreeSet<u32>,
    /// Source groups that are in scope.
    in_scope: BTreeSet<SourceId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Not to be touched; a finding says why.
    Skipped,
    /// To be created.
    New,
    /// The target's group at this position.
    Existing(u32),
}

impl Links {
    fn new(sides: &Sides<'_>, findings: &mut Vec<Finding>) -> Self {
        let desired = &sides.input.desired.groups;
        let mut links = Self {
            of_desired: vec![Link::Skipped; desired.len()],
            taken: BTreeSet::new(),
            in_scope: desired.iter().flat_map(|group| group.sources.iter().cloned()).collect(),
        };
        let candidates: Vec<Vec<u32>> = desired.iter().map(|group| known_targets(sides, group)).collect();
        let mut open: Vec<usize> = (0..desired.len()).collect();
        // Who already bears its name comes first, so that a group that was merged and is parted again keeps its own.
        for by_name in [true, false] {
            open.retain(|position| {
                let (Some(group), Some(known)) = (desired.get(*position), candidates.get(*position)) else {
                    return false;
                };
                let free = known.iter().copied().filter(|at| !links.taken.contains(at));
                let mut fitting = free.filter(|at| !by_name || sides.bears_name(*at, &group.attributes.name));
                let Some(at) = fitting.next() else { return true };
                links.take(*position, at);
                false
            });
        }
        for position in open {
            let (Some(group), Some(known)) = (desired.get(position), candidates.get(position)) else {
                continue;
            };
            links.link_unknown(sides, position, group, known.is_empty(), findings);
        }
        links.leave_protected(sides, findings);
        links
    }

    fn take(&mut self, position: usize, at: u32) {
        self.taken.insert(at);
        if let Some(link) = self.of_desired.get_mut(position) {
            *link = Link::Existing(at);
        }
    }

    /// Links a desired group for which the ledger has no free target group.
    fn link_unknown(
        &mut self,
        sides: &Sides<'_>,
        position: usize,
        group: &DesiredGroup,
        never_linked: bool,
        findings: &mut Vec<Finding>,
    ) {
        let name = &group.attributes.name;
        let lost = group.sources.iter().find_map(|source| sides.input.ledger.groups.get(source));
        if let (true, Some(lost)) = (never_linked, lost) {
            findings.push(Finding::new(
                FindingKind::DeletedByOthers,
                &lost.name,
                format!("somebody deleted the group {} in the target; it is not created again", lost.name),
            ));
            return;
        }
        let Some(at) = sides.target_group_named(name) else {
            if let Some(link) = self.of_desired.get_mut(position) {
                *link = Link::New;
            }
            return;
        };
        let claimed = sides
            .input
            .target
            .groups
            .get(at as usize)
            .and_then(|actual| sides.input.claims.groups.get(&actual.id));
        let (kind, obstacle): (FindingKind, Reason) = match (sides.owners.get(&at), claimed) {
            // RULES 9: one leaves while another arrives under its name.
            (Some(owners), _)
                if !self.taken.contains(&at) && owners.iter().all(|owner| self.is_free(sides, owner)) =>
            {
                self.take(position, at);
                return;
            }
            (Some(owners), _) => {
                let owners: Vec<&str> = owners.iter().map(|owner| owner.0.as_str()).collect();
                (
                    FindingKind::NameCollision,
                    format!("the group of that name is managed for {}", owners.join(", ")).into(),
                )
            }
            (None, Some(connector)) => (
                FindingKind::ClaimedElsewhere,
                format!("the group of that name is managed by the connector {connector}").into(),
            ),
            (None, None) => (
                FindingKind::NotManaged,
                Cow::Borrowed("the target has a group of that name that is not managed"),
            ),
        };
        findings.push(Finding::new(
            kind,
            name,
            format!(
                "group {name} ({}) was left alone: {obstacle}",
                group.sources.first().map_or("", |id| &id.0)
            ),
        ));
    }

    /// True if a source group has left, so that its target group may stand for another.
    fn is_free(&self, sides: &Sides<'_>, source: &SourceId) -> bool {
        !self.in_scope.contains(source) && !sides.input.desired.groups_left_alone.contains(source)
    }

    /// A protected target name is never touched, whatever the source's name is.
    fn leave_protected(&mut self, sides: &Sides<'_>, findings: &mut Vec<Finding>) {
        for link in &mut self.of_desired {
            let Link::Existing(at) = *link else { continue };
            let Some(actual) = sides.input.target.groups.get(at as usize) else { continue };
            let name = &actual.attributes.name;
            if sides.input.rules.protected.groups.matches(name) {
                *link = Link::Skipped;
                findings.push(Finding::new(
                    FindingKind::Protected,
                    name,
                    format!("group {name} is protected by protected.groups and is left as it is"),
                ));
            }
        }
    }
}

impl Sides<'_> {
    fn bears_name(&self, at: u32, name: &str) -> bool {
        self.input
            .target
            .groups
            .get(at as usize)
            .is_some_and(|group| self.key(&group.attributes.name) == self.key(name))
    }
}

/// The target groups that the ledger links to a desired group and that still exist, without doubles.
fn known_targets(sides: &Sides<'_>, group: &DesiredGroup) -> Vec<u32> {
    let mut known = Vec::new();
    for source in &group.sources {
        let at = sides
            .input
            .ledger
            .groups
            .get(source)
            .and_then(|group| sides.target_group_with_id(&group.target.0));
        if let Some(at) = at
            && !known.contains(&at)
        {
            known.push(at);
        }
    }
    known
}

fn create_group(group: &DesiredGroup) -> Operation {
    Operation {
        source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
        target: None,
        name: group.attributes.name.clone(),
        change: Change::CreateGroup { after: group.attributes.clone(), sources: group.sources.clone() },
        why: Cow::Borrowed("it is new in scope"),
        confirmed: true,
    }
}

/// Plans a change of a group's attributes, if there is one.
fn update_group(sides: &Sides<'_>, group: &DesiredGroup, actual: &TargetGroup, plan: &mut Plan) {
    let after = GroupAttributes {
        name: group_name_in_force(sides, group, actual, plan),
        description: group.attributes.description.clone(),
    };
    if after == actual.attributes {
        plan.counts.groups.unchanged += 1;
        return;
    }
    plan.operations.push(Operation {
        source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
        target: Some(actual.id.clone()),
        name: actual.attributes.name.clone(),
        change: Change::UpdateGroup { before: actual.attributes.clone(), after },
        why: Cow::Borrowed("the source says so"),
        confirmed: true,
    });
}

/// The name a managed group gets: the wanted one if it may have it, else the one it has, with a finding (RULES 9).
fn group_name_in_force(
    sides: &Sides<'_>,
    group: &DesiredGroup,
    actual: &TargetGroup,
    plan: &mut Plan,
) -> CompactString {
    let (new, old) = (&group.attributes.name, &actual.attributes.name);
    let same_name = sides.key(new) == sides.key(old);
    let (kind, obstacle) = if new == old || (same_name && sides.input.capabilities.rename_groups) {
        return new.clone();
    } else if !sides.input.capabilities.rename_groups {
        if same_name {
            return old.clone();
        }
        (FindingKind::CannotRename, "the target cannot rename groups")
    } else if sides.target_group_named(new).is_some() {
        (FindingKind::NameCollision, "the target has a group of that name")
    } else {
        return new.clone();
    };
    plan.findings.push(Finding::new(
        kind,
        new,
        format!("group {old} should be renamed to {new}, but {obstacle}; it keeps the name {old}"),
    ));
    old.clone()
}

/// What is known of a managed group that stands for nothing in scope.
enum LeftGroup {
    Stays,
    Left(Reason),
    Absent,
    Unknown(String),
}

fn left_group(sides: &Sides<'_>, source: &SourceId, in_scope: &BTreeSet<SourceId>) -> LeftGroup {
    if sides.input.desired.groups_left_alone.contains(source) {
        return LeftGroup::Stays;
    }
    if in_scope.contains(source) {
        return LeftGroup::Left(Cow::Borrowed("its source group is now synced into another group"));
    }
    if let Some(reason) = sides.input.desired.groups_out_of_scope.get(source) {
        return LeftGroup::Left(reason.clone());
    }
    match sides.input.evidence.absences.get(source) {
        Some(Absence::Gone) => LeftGroup::Left(Cow::Borrowed("the source no longer has the group")),
        Some(Absence::Unknown(reason)) => LeftGroup::Unknown(reason.clone()),
        None => LeftGroup::Absent,
    }
}

/// Managed groups with managed members that a whole list does not show.
pub(super) fn absent_groups(sides: &Sides<'_>) -> BTreeSet<SourceId> {
    if !sides.input.evidence.groups.is_proven() || sides.input.rules.leavers.groups == LeaverGroups::Keep {
        return BTreeSet::new();
    }
    let links = Links::new(sides, &mut Vec::new());
    sides
        .owners
        .iter()
        .filter(|(at, _)| !sides.managed_members(**at).is_empty())
        .flat_map(|(_, sources)| sources)
        .filter(|source| matches!(left_group(sides, source, &links.in_scope), LeftGroup::Absent))
        .map(|source| (*source).clone())
        .collect()
}

/// Plans memberships. Rows become positions in the plan's people at the end, when it is known who is named.
struct Memberships<'s, 'a> {
    sides: &'s Sides<'a>,
    fates: &'s Fates,
    links: &'s Links,
    changes: Vec<Operation>,
}

impl Memberships<'_, '_> {
    /// Plans the members of a group in scope; `actual` is none for a group that this plan creates.
    fn plan_members(&mut self, group: &DesiredGroup, actual: Option<(u32, &TargetGroup)>, plan: &mut Plan) {
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
                change: Change::ChangeMembers { added, removed, before: now.len() as u64, group_left: false },
                why: Cow::Borrowed("the source says so"),
                confirmed: true,
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
    fn plan_left_group(&mut self, at: u32, sources: &[&SourceId], plan: &mut Plan) {
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
        let mut confirmed = true;
        for source in sources {
            match left_group(sides, source, &self.links.in_scope) {
                LeftGroup::Stays => return,
                LeftGroup::Left(reason) => why = reason,
                LeftGroup::Absent => {
                    why = Cow::Borrowed("the group list does not show it");
                    confirmed = false;
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
            change: Change::ChangeMembers { added: Vec::new(), removed, before, group_left: true },
            why,
            confirmed,
        });
    }

    /// Managed members of a group that left go, but for those about whom nothing may be concluded.
    fn may_leave_group(&self, row: u32) -> bool {
        self.sides.rows.get(row as usize).is_some_and(|row| {
            !row.protected && !self.sides.input.desired.users_left_alone.contains(row.source)
        })
    }

    /// Puts the operations into the plan, with the people that they name.
    fn finish(self, plan: &mut Plan) {
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
