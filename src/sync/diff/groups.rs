//! Operations on groups themselves: create, rename, describe.

use std::borrow::Cow;

use compact_str::CompactString;

use super::always::Always;
use super::links::{Link, Links};
use super::members::Memberships;
use super::sides::Sides;
use super::users::Fates;
use crate::sync::desire::DesiredGroup;
use crate::sync::model::{Finding, FindingKind, GroupAttributes, SourceId, TargetGroup};
use crate::sync::plan::{Change, Operation, Plan, Standing};

/// Plans all operations on groups.
pub(super) fn plan_groups(sides: &Sides<'_>, fates: &Fates, plan: &mut Plan) {
    let links = Links::new(sides, &mut plan.findings);
    let mut memberships = Memberships::new(sides, fates, &links);
    for (group, link) in sides.input.desired.groups.iter().zip(&links.of_desired) {
        if sides.input.focus.is_some() && *link == Link::New && !memberships.has_comers(group) {
            continue;
        }
        match link {
            Link::Skipped => {}
            Link::New => {
                plan.operations.push(create_group(group));
                memberships.plan_members(group, None, plan);
            }
            Link::Existing(at) => {
                let Some(actual) = sides.input.target.groups.get(*at as usize) else { continue };
                if sides.input.focus.is_none() {
                    update_group(sides, group, actual, plan);
                }
                memberships.plan_members(group, Some((*at, actual)), plan);
            }
            Link::Adopted(at) => {
                let Some(actual) = sides.input.target.groups.get(*at as usize) else { continue };
                let adoption = adopt_group(sides, group, actual, plan);
                plan.operations.push(adoption);
                memberships.plan_members(group, Some((*at, actual)), plan);
            }
        }
    }
    let always = Always::new(sides, &links);
    for (at, sources) in &sides.owners {
        if links.taken.contains(at) {
            continue;
        }
        if always.wants(*at) {
            always.take_over(*at, sources, plan);
        } else if sides.input.focus.is_some() {
            memberships.plan_group_of_others(*at, sources, plan);
        } else {
            memberships.plan_left_group(*at, sources, plan);
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

fn adopt_group(sides: &Sides<'_>, group: &DesiredGroup, actual: &TargetGroup, plan: &mut Plan) -> Operation {
    let after = GroupAttributes {
        name: group_name_in_force(sides, group, actual, plan),
        description: group.attributes.description.clone(),
    };
    Operation {
        source: group.sources.first().cloned().unwrap_or_else(|| SourceId::from("")),
        target: Some(actual.id.clone()),
        name: actual.attributes.name.clone(),
        change: Change::AdoptGroup {
            before: actual.attributes.clone(),
            after,
            sources: group.sources.clone(),
        },
        why: Cow::Borrowed("it exists and bears the name"),
        standing: Standing::Sound,
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
        standing: Standing::Sound,
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
