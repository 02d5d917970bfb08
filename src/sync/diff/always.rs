//! Groups of which every active managed user is a member (`groups.always`, RULES 15). Only the memberships that we added
//! are ours to take away.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::leave_out;
use super::links::Links;
use super::members::{LEAVERS_LOSE, Memberships};
use super::sides::Sides;
use crate::sync::model::{
    AlwaysGroup, Finding, FindingKind, GroupAttributes, LedgerChange, Origin, Proof, SourceId, TargetGroup,
    TargetId,
};
use crate::sync::plan::{Change, Operation, Plan, Standing, Tie, always_source};

/// The groups in question.
pub(super) struct Always<'s, 'a> {
    sides: &'s Sides<'a>,
    /// Those that are wanted, by the name that the ledger or the connector file has.
    wanted: Vec<(CompactString, Place)>,
    /// What the ledger has beyond them.
    dropped: BTreeMap<&'a CompactString, &'a AlwaysGroup>,
    /// Target groups behind which a source group stands by now.
    synced: BTreeSet<TargetId>,
}

/// Where a wanted group is.
enum Place {
    /// In the target, at this position.
    At(u32),
    /// A group of that name stands for a source group of another name.
    Taken,
    /// It was known, and somebody gave it another name in the target.
    Renamed(u32),
    /// It is protected, or a source group that is protected would be merged into it: it gains and loses nobody.
    Protected,
    /// Nowhere yet.
    Missing,
}

impl<'s, 'a> Always<'s, 'a> {
    /// `served` are names, as the target compares them, that synced groups bear.
    pub(super) fn new(sides: &'s Sides<'a>, links: &Links, served: &BTreeSet<CompactString>) -> Self {
        let mut dropped: BTreeMap<_, _> = sides.input.ledger.always.iter().collect();
        let groups = &sides.input.target.groups;
        let mut wanted = Vec::new();
        for name in &sides.input.desired.always {
            let known = dropped.iter().find(|(known, _)| sides.key(known) == sides.key(name));
            let known = known.map(|(name, group)| (*name, sides.group_with_id(&group.target)));
            if served.contains(&sides.key(name)) {
                // What is left to do is to forget it, if it is the group that is synced now.
                let is_it = known.is_some_and(|(_, at)| at.is_none_or(|at| links.taken.contains(&at)));
                if let (Some((known, _)), false) = (known, is_it) {
                    dropped.remove(known);
                }
                continue;
            }
            let (name, at) = match known {
                // What became a synced group under another name is no longer it.
                Some((_, Some(at))) if links.taken.contains(&at) => (name, None),
                Some((known, at)) => {
                    dropped.remove(known);
                    (known, at)
                }
                None => (name, None),
            };
            let bears_name = |at: &u32| {
                groups
                    .get(*at as usize)
                    .is_some_and(|group| sides.key(&group.attributes.name) == sides.key(name))
            };
            let place = match (at, at.or_else(|| sides.target_group_named(name))) {
                _ if sides
                    .input
                    .desired
                    .always_protected
                    .iter()
                    .any(|known| sides.key(known) == sides.key(name)) =>
                {
                    Place::Protected
                }
                (Some(at), _) if !bears_name(&at) => Place::Renamed(at),
                (_, Some(at)) if links.taken.contains(&at) => Place::Taken,
                (_, Some(at)) => Place::At(at),
                (_, None) => Place::Missing,
            };
            wanted.push((name.clone(), place));
        }
        let id = |at: &u32| groups.get(*at as usize).map(|group| group.id.clone());
        Self { sides, wanted, dropped, synced: links.taken.iter().filter_map(id).collect() }
    }

    /// True if the target group at that position is one of them.
    pub(super) fn wants(&self, at: u32) -> bool {
        self.wanted.iter().any(|(_, place)| matches!(place, Place::At(known) if *known == at))
    }

    /// A group that was synced so far and is one of them now: the memberships that are managed become ours.
    pub(super) fn take_over(&self, at: u32, sources: &[&SourceId], plan: &mut Plan) {
        let found = self.wanted.iter().find(|(_, place)| matches!(place, Place::At(known) if *known == at));
        let (Some((name, _)), Some(actual)) = (found, self.sides.input.target.groups.get(at as usize)) else {
            return;
        };
        let members = self.sides.managed_members(at);
        let ledger = &self.sides.input.ledger.groups;
        let made =
            |source: &&SourceId| ledger.get(*source).is_some_and(|group| group.origin == Origin::Created);
        plan.ledger_changes.push(LedgerChange::PutAlways {
            name: name.clone(),
            target: actual.id.clone(),
            created: sources.iter().all(made),
        });
        plan.ledger_changes.push(LedgerChange::ChangeAlways {
            name: name.clone(),
            added: self.sources(&members),
            removed: Vec::new(),
        });
        plan.ledger_changes.extend(sources.iter().map(|source| LedgerChange::ForgetGroup((*source).clone())));
    }

    /// Plans additions to those that are wanted, and removals from those that are no longer.
    pub(super) fn plan(
        &self,
        may_be_member: &[bool],
        memberships: &mut Memberships<'_, '_>,
        plan: &mut Plan,
    ) {
        let everybody: Vec<u32> =
            (0u32..).zip(may_be_member).filter(|(_, may)| **may).map(|(row, _)| row).collect();
        // First what is forgotten, then what is put, maybe under the same name.
        if self.sides.input.focus.is_none_or(|focus| focus.explain) {
            for (name, group) in &self.dropped {
                self.drop(name, group, memberships, plan);
            }
        }
        for (name, place) in &self.wanted {
            match place {
                Place::Missing if self.sides.input.focus.is_some() && everybody.is_empty() => {}
                Place::Missing => create(name, &everybody, memberships, plan),
                Place::At(at) => self.add(name, *at, &everybody, memberships, plan),
                Place::Protected => {}
                Place::Renamed(at) => {
                    let groups = &self.sides.input.target.groups;
                    let now = groups.get(*at as usize).map_or("", |group| group.attributes.name.as_str());
                    let message = format!(
                        "the group {name}, which groups.always names, is called {now} in the target now; nobody is added to it. \
                         Write the new name into the file, or give it its old one"
                    );
                    plan.findings.push(Finding::new(FindingKind::NameCollision, name, message));
                }
                Place::Taken => {
                    let message = format!(
                        "the group of the name {name}, which groups.always names, is synced for a source group of \
                         another name; nobody is added to it on that account"
                    );
                    plan.findings.push(Finding::new(FindingKind::NameCollision, name, message));
                }
            }
        }
    }

    fn add(
        &self,
        name: &CompactString,
        at: u32,
        everybody: &[u32],
        memberships: &mut Memberships<'_, '_>,
        plan: &mut Plan,
    ) {
        let sides = self.sides;
        let Some(actual) = sides.input.target.groups.get(at as usize) else { return };
        if sides.input.rules.protected.groups.matches(&actual.attributes.name) {
            let message = format!("group {name} is protected by protected.groups and is left as it is");
            plan.findings.push(Finding::new(FindingKind::Protected, name, message));
            return;
        }
        if sides.input.ledger.always.get(name).is_none_or(|known| known.target != actual.id) {
            let (name, target) = (name.clone(), actual.id.clone());
            plan.ledger_changes.push(LedgerChange::PutAlways { name, target, created: false });
        }
        if let Proof::NotProven(reason) = &actual.members_proof {
            leave_out(plan, &format!("members of {name} in the target"), reason, 0, Vec::new());
            return;
        }
        let now = sides.managed_members(at);
        let (added, gone) = (without(everybody, &now), without(&now, everybody));
        plan.counts.memberships.unchanged += (everybody.len() - added.len()) as u64;
        let ours = self.ours(name, actual, plan);
        let gone = gone.into_iter().filter(|row| ours.binary_search(row).is_ok()).collect();
        let (_, leavers) = memberships.part(gone, &actual.attributes.name);
        if added.is_empty() && leavers.is_empty() {
            return;
        }
        let (before, nobody_comes) = (ours.len() as u64, added.is_empty());
        let change = Change::ChangeMembers { added, removed: Vec::new(), leavers, before, tie: Tie::Always };
        let why = if nobody_comes { LEAVERS_LOSE } else { "groups.always names it" };
        memberships.push(operation(name, Some(actual), change, why));
    }

    /// The rows whose memberships we added and that still are members, sorted. Others are forgotten.
    fn ours(&self, name: &CompactString, actual: &TargetGroup, plan: &mut Plan) -> Vec<u32> {
        let sides = self.sides;
        let Some(known) = sides.input.ledger.always.get(name) else { return Vec::new() };
        let now = sides.group_with_id(&actual.id).map(|at| sides.managed_members(at)).unwrap_or_default();
        let (mut ours, mut lost) = (Vec::new(), Vec::new());
        for source in &known.members {
            match sides.row_of_source(source).filter(|row| now.binary_search(row).is_ok()) {
                Some(row) => ours.push(row),
                None => lost.push(source.clone()),
            }
        }
        if !lost.is_empty() && actual.members_proof.is_proven() {
            plan.ledger_changes.push(LedgerChange::ChangeAlways {
                name: name.clone(),
                added: Vec::new(),
                removed: lost,
            });
        }
        ours.sort_unstable();
        ours
    }

    /// Plans the removal of our memberships from a group that `groups.always` no longer names.
    fn drop(
        &self,
        name: &CompactString,
        group: &AlwaysGroup,
        memberships: &mut Memberships<'_, '_>,
        plan: &mut Plan,
    ) {
        let sides = self.sides;
        let actual = sides
            .group_with_id(&group.target)
            .and_then(|at| sides.input.target.groups.get(at as usize))
            .filter(|actual| !self.synced.contains(&actual.id));
        let Some(actual) = actual else {
            plan.ledger_changes.push(LedgerChange::ForgetAlways(name.clone()));
            return;
        };
        if sides.input.rules.protected.groups.matches(&actual.attributes.name) {
            return;
        }
        if let Proof::NotProven(reason) = &actual.members_proof {
            leave_out(
                plan,
                &format!("members of {name} in the target"),
                reason,
                group.members.len() as u64,
                Vec::new(),
            );
            return;
        }
        let ours = self.ours(name, actual, plan);
        if ours.is_empty() {
            plan.ledger_changes.push(LedgerChange::ForgetAlways(name.clone()));
            return;
        }
        let before = ours.len() as u64;
        let removed: Vec<u32> = ours
            .into_iter()
            .filter(|row| memberships.may_be_removed(*row) && !memberships.may_have_left(*row))
            .filter(|row| sides.rows.get(*row as usize).is_some_and(|row| sides.concerns(row)))
            .collect();
        if removed.is_empty() {
            return;
        }
        let (added, leavers) = (Vec::new(), Vec::new());
        let change = Change::ChangeMembers { added, removed, leavers, before, tie: Tie::Always };
        memberships.push(operation(name, Some(actual), change, "groups.always no longer names it"));
    }

    fn sources(&self, rows: &[u32]) -> Vec<SourceId> {
        let row = |row: &u32| self.sides.rows.get(*row as usize);
        rows.iter().filter_map(row).map(|row| row.source.clone()).collect()
    }
}

/// Plans the creation of a group, with everybody in it.
fn create(name: &CompactString, everybody: &[u32], memberships: &mut Memberships<'_, '_>, plan: &mut Plan) {
    let after = GroupAttributes { name: name.clone(), description: CompactString::default() };
    let change = Change::CreateGroup { after, sources: vec![always_source(name)] };
    plan.operations.push(operation(name, None, change, "groups.always names it"));
    if !everybody.is_empty() {
        let change = Change::ChangeMembers {
            added: everybody.to_vec(),
            removed: Vec::new(),
            leavers: Vec::new(),
            before: 0,
            tie: Tie::Always,
        };
        memberships.push(operation(name, None, change, "groups.always names it"));
    }
}

fn operation(
    name: &CompactString,
    actual: Option<&TargetGroup>,
    change: Change,
    why: &'static str,
) -> Operation {
    Operation {
        source: always_source(name),
        target: actual.map(|actual| actual.id.clone()),
        name: actual.map_or(name, |actual| &actual.attributes.name).clone(),
        change,
        why: Cow::Borrowed(why),
        standing: Standing::Sound,
    }
}

/// What the first of two sorted lists has and the second has not.
fn without(all: &[u32], others: &[u32]) -> Vec<u32> {
    all.iter().copied().filter(|row| others.binary_search(row).is_err()).collect()
}
