//! Operations on groups themselves: create, rename, describe.

use std::borrow::Cow;
use std::collections::BTreeSet;

use compact_str::CompactString;

use super::always::Always;
use super::links::{Link, Links};
use super::members::Memberships;
use super::sides::Sides;
use super::users::Fates;
use crate::sync::desire::DesiredGroup;
use crate::sync::model::{Finding, FindingKind, GroupAttributes, SourceId, TargetGroup};
use crate::sync::plan::{Change, Operation, Plan, Standing};
use crate::sync::rules::OnExisting;

/// Plans all operations on groups.
pub(super) fn plan_groups(sides: &Sides<'_>, fates: &Fates, plan: &mut Plan) {
    let links = Links::new(sides, &mut plan.findings);
    let mut memberships = Memberships::new(sides, fates, &links);
    // Names of `groups.always` that a synced group bears: it has everybody in it then.
    let mut served = BTreeSet::new();
    for (group, link) in sides.input.desired.groups.iter().zip(&links.of_desired) {
        let actual = link.position().and_then(|at| Some((at, sides.input.target.groups.get(at as usize)?)));
        if *link == Link::Skipped {
            memberships.leave_unmoved(group);
            continue;
        }
        if *link == Link::New && sides.input.focus.is_some() && !memberships.has_comers(group) {
            continue;
        }
        let bears_name = actual.is_none_or(|(_, actual)| name_obstacle(sides, group, actual).is_none());
        if bears_name && group.always {
            served.insert(sides.key(&group.attributes.name));
        }
        if let (Link::New, None) = (link, actual) {
            plan.operations.push(create_group(group));
        }
        if let (Link::Adopted(at), Some((_, actual))) = (link, actual) {
            let adoption = adopt_group(sides, group, actual, sides.managed_members(*at).len() as u64);
            let is_held = adoption.standing == Standing::ByName;
            plan.operations.push(adoption);
            if is_held {
                memberships.leave_unmoved(group);
                continue;
            }
        }
        if let (Link::Existing(_), Some((_, actual)), None) = (link, actual, sides.input.focus) {
            update_group(sides, group, actual, plan);
        }
        memberships.plan_members(group, actual, bears_name, plan);
    }
    let always = Always::new(sides, &links, &served);
    for (at, sources) in &sides.owners {
        if links.taken.contains(at) {
            continue;
        }
        match sides.input.focus {
            None if always.wants(*at) => {
                if memberships.has_left_for_sure(*at, sources, plan) {
                    always.take_over(*at, sources, plan);
                }
            }
            None => memberships.plan_left_group(*at, sources, plan),
            Some(_) if always.wants(*at) => {}
            Some(focus) if focus.explain && memberships.is_dropped(sources) => {
                memberships.plan_left_group(*at, sources, plan);
            }
            Some(_) => memberships.plan_group_of_others(*at, sources, plan),
        }
    }
    always.plan(&fates.may_be_member, &mut memberships, plan);
    memberships.finish(plan);
}

fn create_group(group: &DesiredGroup) -> Operation {
    Operation {
        source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
        target: None,
        name: group.attributes.name.clone(),
        change: Change::CreateGroup { after: group.attributes.clone(), sources: group.sources.clone() },
        why: Cow::Borrowed("it is new in scope"),
        standing: Standing::Sound,
    }
}

fn adopt_group(sides: &Sides<'_>, group: &DesiredGroup, actual: &TargetGroup, members: u64) -> Operation {
    let before = actual.attributes.clone();
    let name = match name_obstacle(sides, group, actual) {
        None if sides.input.capabilities.rename_groups => group.attributes.name.clone(),
        _ => before.name.clone(),
    };
    let after = GroupAttributes { name, description: description(group, actual) };
    Operation {
        source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
        target: Some(actual.id.clone()),
        name: before.name.clone(),
        change: Change::AdoptGroup { before, after, sources: group.sources.clone(), members },
        why: Cow::Borrowed("it exists and bears the name"),
        standing: match sides.input.rules.existing.groups {
            OnExisting::AdoptHeld => Standing::ByName,
            OnExisting::Adopt | OnExisting::Skip => Standing::Sound,
        },
    }
}

/// The source's text; where it has none, the target's is left alone.
fn description(group: &DesiredGroup, actual: &TargetGroup) -> CompactString {
    let wanted = &group.attributes.description;
    if wanted.is_empty() { actual.attributes.description.clone() } else { wanted.clone() }
}

/// Plans a change of a group's attributes, if there is one.
fn update_group(sides: &Sides<'_>, group: &DesiredGroup, actual: &TargetGroup, plan: &mut Plan) {
    let after = GroupAttributes {
        name: group_name_in_force(sides, group, actual, plan),
        description: description(group, actual),
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
        standing: Standing::Sound,
    });
}

/// Why a managed group cannot bear the name that it should; none if it can, or does.
fn name_obstacle(
    sides: &Sides<'_>,
    group: &DesiredGroup,
    actual: &TargetGroup,
) -> Option<(FindingKind, &'static str)> {
    let (new, old) = (&group.attributes.name, &actual.attributes.name);
    if sides.key(new) == sides.key(old) {
        None
    } else if !sides.input.capabilities.rename_groups {
        Some((FindingKind::CannotRename, "the target cannot rename groups"))
    } else if sides.target_group_named(new).is_some() {
        Some((FindingKind::NameCollision, "the target has a group of that name"))
    } else {
        None
    }
}

/// The name a managed group gets: the wanted one if it may have it, else the one it has, with a finding (RULES 9).
fn group_name_in_force(
    sides: &Sides<'_>,
    group: &DesiredGroup,
    actual: &TargetGroup,
    plan: &mut Plan,
) -> CompactString {
    let (new, old) = (&group.attributes.name, &actual.attributes.name);
    match name_obstacle(sides, group, actual) {
        // Only letters change their case.
        None if !sides.input.capabilities.rename_groups => old.clone(),
        None => new.clone(),
        Some((kind, obstacle)) => {
            let message =
                format!("group {old} should be renamed to {new}, but {obstacle}; it keeps the name {old}");
            plan.findings.push(Finding::new(kind, new, message));
            old.clone()
        }
    }
}
