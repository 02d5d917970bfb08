//! The other direction: a run that met no fault does everything that is due, or, where a limit says so, nothing of it.

use std::collections::BTreeSet;

use super::judge::{Look, Removals, is_due, would_lose};
use super::limits::{Counted, Removal};
use super::memory::{Memory, groups, leavers};
use super::rules::LeaverGroups;
use super::serving::Serving;
use super::truth::key;

/// Complains of what a clean run left undone.
pub(crate) fn is_complete(
    look: &Look<'_>,
    memory: &Memory,
    serving: &Serving,
    removals: &Removals,
) -> Result<(), String> {
    if look.wanted.stops.is_some() {
        return match look.ran.outcome {
            "failed" => Ok(()),
            other => Err(format!("a required group does not exist, and the run ended with {other}")),
        };
    }
    if look.wanted.shows_nothing {
        return Ok(());
    }
    if !matches!(look.ran.outcome, "success" | "held") {
        return Err("nothing was wrong, and the run did not succeed".to_owned());
    }
    let view_held = look.ran.holds.iter().any(|hold| hold.kind == "view");
    if view_held || look.now < memory.uncertain_until {
        return Ok(());
    }
    leavers_are_gone(look, memory, serving, removals)?;
    members_are_gone(look, memory, serving, removals)?;
    groups_are_gone(look, memory, serving, removals)
}

/// All, or nothing and for a reason.
fn all_or_held(
    look: &Look<'_>,
    memory: &Memory,
    missing: Option<String>,
    none_applied: bool,
    all: &Removal,
) -> Result<(), String> {
    match missing {
        None => Ok(()),
        Some(missing) if none_applied => match memory.excess(look, all) {
            Some(_) => Ok(()),
            None => Err(format!("{missing}, though no limit holds it ({all:?})")),
        },
        Some(missing) => Err(format!("law 2: {missing}, though others of its kind went")),
    }
}

fn leavers_are_gone(
    look: &Look<'_>,
    memory: &Memory,
    serving: &Serving,
    removals: &Removals,
) -> Result<(), String> {
    let rules = look.rules;
    let mut missing = None;
    let mut all = removals.leavers.clone();
    for (id, account, source) in look.before.ours() {
        let out = !look.wanted.users.contains_key(source) && !rules.protects_user(&account.username);
        if !out || !memory.may_go(look, source) {
            continue;
        }
        let groups: Vec<i64> =
            look.before.members.iter().filter(|(_, user)| *user == id).map(|(group, _)| *group).collect();
        let losable = |group: &&i64| rules.leavers_lose(&look.before.groups[*group].name);
        let names: Vec<&str> = groups.iter().map(|group| look.before.groups[group].name.as_str()).collect();
        let account_due = is_due(look, account, &names);
        if would_lose(look, id, account) {
            all.insert(source.to_owned());
        }
        if !memory.must_go(look, source) {
            continue;
        }
        let now = look.after.users.get(&id);
        if account_due && now.is_some_and(|now| is_due(look, now, &names)) {
            missing = Some(format!("leaver {} ({source}) was left as it is", account.username));
        }
        // A group that cannot have its name may be left as it is.
        let is_served = |group: &&i64| {
            let name = key(&look.before.groups[*group].name);
            serving.wanted.get(*group) == Some(&name) && !serving.beside_protected.contains(*group)
        };
        let served = groups.iter().filter(losable).filter(is_served);
        for group in served.filter(|group| look.after.members.contains(&(**group, id))) {
            let name = &look.before.groups[group].name;
            missing = Some(format!("leaver {} is still a member of {name:?}", account.username));
        }
    }
    all_or_held(look, memory, missing, removals.leavers.is_empty(), &leavers(look, all.len()))
}

fn members_are_gone(
    look: &Look<'_>,
    memory: &Memory,
    serving: &Serving,
    removals: &Removals,
) -> Result<(), String> {
    for (group, name) in &serving.wanted {
        let wanted = &look.wanted.groups[name];
        let bears = |content: &super::target::Content| {
            content.groups.get(group).is_some_and(|group| key(&group.name) == *name)
        };
        let protected = wanted.protected || look.rules.protects_group(&look.before.groups[group].name);
        if protected || serving.beside_protected.contains(group) || look.rules.is_always(name) {
            continue;
        }
        if may_stand_for_protected(look, memory, *group) {
            continue;
        }
        if !bears(look.before) || !bears(look.after) || serving.parted.contains(name) {
            continue;
        }
        let is_due = |(user, source): &(i64, &str)| {
            let in_scope = look.wanted.users.get(*source);
            in_scope.is_some_and(|name| !look.rules.protects_user(name))
                && !look.rules.protects_user(&look.before.users[user].username)
                && !wanted.members.contains(*source)
        };
        let due: Vec<(i64, &str)> = look.before.ours_of(*group).filter(is_due).collect();
        let stays = due.iter().find(|(user, _)| look.after.members.contains(&(*group, *user)));
        let missing = stays.map(|(_, source)| format!("{source} was not removed from group {name:?}"));
        let none_applied = removals.members.get(group).is_none_or(BTreeSet::is_empty);
        let base = look.before.ours_of(*group).count() as u64;
        let all = Removal {
            what: Counted::Memberships(*group),
            count: due.len() as u64,
            base,
            empties_three: false,
        };
        all_or_held(look, memory, missing, none_applied, &all)?;
    }
    Ok(())
}

/// Whether a group of the target may stand for a group in Okta that nobody may touch: then it stays as it is.
fn may_stand_for_protected(look: &Look<'_>, memory: &Memory, group: i64) -> bool {
    let known = memory.links.get(&group).into_iter().chain(memory.maybe.get(&group)).flatten();
    let protected = |part: &String| {
        look.wanted.groups.values().any(|wanted| wanted.protected && wanted.parts.contains(part))
    };
    known.into_iter().any(protected)
}

fn groups_are_gone(
    look: &Look<'_>,
    memory: &Memory,
    serving: &Serving,
    removals: &Removals,
) -> Result<(), String> {
    if look.rules.left_groups == LeaverGroups::Keep {
        return Ok(());
    }
    let (mut missing, mut all) = (None, removals.groups.clone());
    for (id, group) in &look.before.groups {
        let stands_for_something = serving.wanted.contains_key(id) || serving.unsure.contains(id);
        let ours = group.is_synced() && !look.rules.is_always(&group.name);
        if !ours || stands_for_something || look.rules.protects_group(&group.name) {
            continue;
        }
        if serving.beside_protected.contains(id) || may_stand_for_protected(look, memory, *id) {
            continue;
        }
        let movable = |(user, source): &(i64, &str)| {
            let in_scope = look.wanted.users.get(*source);
            !look.rules.protects_user(&look.before.users[user].username)
                && in_scope.is_some_and(|name| !look.rules.protects_user(name))
        };
        let mut members = look.before.ours_of(*id).filter(movable).peekable();
        let deletable =
            look.rules.left_groups == LeaverGroups::Delete && look.before.members_of(*id).next().is_none();
        if members.peek().is_none() && !deletable {
            // Its members may be in their grace, protected or others'.
            if look.before.ours_of(*id).next().is_some() {
                all.insert(*id);
            }
            continue;
        }
        all.insert(*id);
        let kept = members.any(|(user, _)| look.after.members.contains(&(*id, user)));
        if kept || (deletable && look.after.groups.contains_key(id)) {
            missing = Some(format!("group {:?} has left and was left as it is", group.name));
        }
    }
    // What they stand for is not known: they may have left as well.
    all.extend(serving.unsure.iter().filter(|id| look.before.groups[*id].is_synced()));
    let mut removal = groups(look, &all);
    let three = |id: &i64| look.before.ours_of(*id).count() >= 3;
    removal.empties_three |= all.iter().any(three);
    all_or_held(look, memory, missing, removals.groups.is_empty(), &removal)
}
