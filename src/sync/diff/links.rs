//! Which target group stands for which source group, and which managed groups have left.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::sides::Sides;
use crate::sync::desire::{DesiredGroup, Reason, left_out};
use crate::sync::model::{Absence, Finding, FindingKind, SourceId};
use crate::sync::rules::LeaverGroups;

/// Which target group stands for each desired one.
pub(super) struct Links {
    pub(super) of_desired: Vec<Link>,
    /// Target groups that stand for a desired one.
    pub(super) taken: BTreeSet<u32>,
    /// Source groups that are in scope.
    pub(super) in_scope: BTreeSet<SourceId>,
    /// Target groups whose name another desired group wants, which would take them over if nothing stood behind them any
    /// more.
    wanted_by_another: BTreeSet<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Not to be touched; a finding says why.
    Skipped,
    /// To be created.
    New,
    /// The target's group at this position.
    Existing(u32),
    /// The target's group at this position, which is to be taken over (RULES 6).
    Adopted(u32),
}

impl Link {
    /// The position of the target's group, if there is one.
    pub(super) fn position(self) -> Option<u32> {
        match self {
            Self::Existing(at) | Self::Adopted(at) => Some(at),
            Self::Skipped | Self::New => None,
        }
    }
}

impl Links {
    pub(super) fn new(sides: &Sides<'_>, findings: &mut Vec<Finding>) -> Self {
        let desired = &sides.input.desired.groups;
        let mut links = Self {
            of_desired: vec![Link::Skipped; desired.len()],
            taken: BTreeSet::new(),
            in_scope: desired.iter().flat_map(|group| group.sources.iter().cloned()).collect(),
            wanted_by_another: BTreeSet::new(),
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
        links.leave_protected(sides, &candidates, findings);
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
            if let Some(connector) = sides.input.claims.groups.get(&lost.target) {
                findings.push(Finding::new(
                    FindingKind::ClaimedElsewhere,
                    &lost.name,
                    format!(
                        "the group {} is managed by the connector {connector} too, so that neither touches it",
                        lost.name
                    ),
                ));
                return;
            }
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
        let Some(actual_id) = sides.input.target.groups.get(at as usize).map(|actual| actual.id.clone())
        else {
            return;
        };
        let claimed = sides.input.claims.groups.get(&actual_id);
        let (kind, obstacle): (FindingKind, Reason) = match (sides.owners.get(&at), claimed) {
            // RULES 9: one leaves while another arrives under its name.
            (Some(owners), _)
                if !self.taken.contains(&at) && owners.iter().all(|owner| self.is_free(sides, owner)) =>
            {
                self.take(position, at);
                return;
            }
            (Some(owners), _) => {
                self.wanted_by_another.insert(at);
                (FindingKind::NameCollision, self.managed_for(sides, owners).into())
            }
            (None, None) if sides.made_by_always(&actual_id) => {
                // We made it for groups.always; now a source group stands behind it as well.
                self.take(position, at);
                return;
            }
            (None, None) if sides.input.rules.existing.groups.takes_over() => {
                self.adopt(position, at);
                return;
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

    fn adopt(&mut self, position: usize, at: u32) {
        self.taken.insert(at);
        if let Some(link) = self.of_desired.get_mut(position) {
            *link = Link::Adopted(at);
        }
    }

    /// True if a source group is known to have left a target group that nothing in scope took, so that it may stand for
    /// another: a list that does not show it says too little (law 1). Whoever looks at the groups of one user only cannot
    /// tell.
    fn is_free(&self, sides: &Sides<'_>, source: &SourceId) -> bool {
        sides.input.focus.is_none() && matches!(left_group(sides, source, &self.in_scope), LeftGroup::Left(_))
    }

    /// For which source groups a target group is managed, as the end of a sentence.
    fn managed_for(&self, sides: &Sides<'_>, owners: &[&SourceId]) -> String {
        let names: Vec<&str> = owners.iter().map(|owner| owner.0.as_str()).collect();
        let is_open = |owner: &&SourceId| {
            matches!(left_group(sides, owner, &self.in_scope), LeftGroup::Absent | LeftGroup::Unknown(_))
        };
        let open = if owners.iter().any(is_open) {
            ", and it is not known whether that group still exists"
        } else {
            ""
        };
        format!("the group of that name is managed for {}{open}", names.join(", "))
    }

    /// A protected target name is never touched, whatever the source's name is. Whatever else stood for parts of the same
    /// group, or bears its name, stays as well: its members would have nowhere to go (RULES 10).
    fn leave_protected(&mut self, sides: &Sides<'_>, known: &[Vec<u32>], findings: &mut Vec<Finding>) {
        let desired = sides.input.desired.groups.iter();
        for (link, (group, known)) in self.of_desired.iter_mut().zip(desired.zip(known)) {
            let Some(at) = link.position() else { continue };
            let Some(actual) = sides.input.target.groups.get(at as usize) else { continue };
            let name = &actual.attributes.name;
            if sides.input.rules.protected.groups.matches(name) {
                *link = Link::Skipped;
                self.taken.extend(known);
                self.taken.extend(sides.target_group_named(&group.attributes.name));
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

/// What is known of a managed group that stands for nothing in scope.
pub(super) enum LeftGroup {
    Stays,
    Left(Reason),
    Absent,
    Unknown(String),
}

pub(super) fn left_group(sides: &Sides<'_>, source: &SourceId, in_scope: &BTreeSet<SourceId>) -> LeftGroup {
    if sides.input.desired.groups_left_alone.contains(source) {
        return LeftGroup::Stays;
    }
    if in_scope.contains(source) {
        return LeftGroup::Left(Cow::Borrowed("its source group is now synced into another group"));
    }
    if let Some(rule) = sides.input.desired.groups_out_of_scope.get(source) {
        return LeftGroup::Left(left_out(*rule));
    }
    match sides.input.evidence.absences.get(source) {
        Some(Absence::Gone | Absence::OutOfScope(_)) | None
            if !sides.input.evidence.tells_absence_of(source) =>
        {
            LeftGroup::Stays
        }
        Some(Absence::OutOfScope(rule)) => LeftGroup::Left(left_out(*rule)),
        Some(Absence::Gone) => LeftGroup::Left(Cow::Borrowed("the source no longer has the group")),
        Some(Absence::Unknown(reason)) => LeftGroup::Unknown(reason.clone()),
        None => LeftGroup::Absent,
    }
}

/// Managed groups that a whole list does not show: those that would lose something, and those of which others depend.
pub(super) fn absent_groups(sides: &Sides<'_>) -> (BTreeSet<SourceId>, BTreeSet<SourceId>) {
    let (mut absent, mut missing_parts) = (BTreeSet::new(), BTreeSet::new());
    if !sides.input.evidence.groups.is_proven() {
        return (absent, missing_parts);
    }
    let links = Links::new(sides, &mut Vec::new());
    for (at, sources) in &sides.owners {
        let would_lose = match sides.input.rules.leavers.groups {
            LeaverGroups::Keep => false,
            LeaverGroups::Delete => true,
            LeaverGroups::Empty => !sides.managed_members(*at).is_empty(),
        };
        let is_absent =
            |source: &&&SourceId| matches!(left_group(sides, source, &links.in_scope), LeftGroup::Absent);
        let found = sources.iter().filter(is_absent).map(|source| (*source).clone());
        if links.taken.contains(at) || links.wanted_by_another.contains(at) {
            missing_parts.extend(found);
        } else if would_lose {
            absent.extend(found);
        }
    }
    (absent, missing_parts)
}
