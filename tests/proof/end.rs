//! After the last run, read without a fault: who should be there is there.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::Look;
use super::serving::Serving;
use super::truth::key;

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compared {
    pub(crate) users: u64,
    pub(crate) groups: u64,
    pub(crate) memberships: u64,
    /// Users and groups whose name somebody else has, or wants too.
    pub(crate) skipped: u64,
}

/// Compares what the directory holds with what it should hold.
pub(crate) fn compare(look: &Look<'_>, serving: &Serving) -> Result<Compared, String> {
    let mut compared = Compared::default();
    let usable = matches!(look.ran.outcome, "success" | "held") && look.wanted.stops.is_none();
    if !usable || look.wanted.shows_nothing {
        return Ok(compared);
    }
    let present = compare_users(look, &mut compared)?;
    compare_groups(look, serving, &present, &mut compared)?;
    compare_always(look, &present)?;
    Ok(compared)
}

/// Users in scope by id, with their accounts.
fn compare_users<'a>(look: &'a Look<'_>, compared: &mut Compared) -> Result<BTreeMap<&'a str, i64>, String> {
    let accounts: BTreeMap<&str, i64> = look.after.ours().map(|(id, _, source)| (source, id)).collect();
    let mut wanted_names: BTreeMap<&str, u32> = BTreeMap::new();
    for name in look.wanted.users.values() {
        *wanted_names.entry(name).or_default() += 1;
    }
    let held = look.ran.holds.iter().any(|hold| hold.kind == "memberships" || hold.kind == "view");
    let mut present = BTreeMap::new();
    for (source, name) in &look.wanted.users {
        let account = accounts.get(source.as_str()).copied();
        let others = look.after.users.iter().filter(|(id, _)| Some(**id) != account);
        let taken = others.into_iter().any(|(_, other)| key(&other.username) == *name);
        let old_name = account.map(|id| look.after.users[&id].username.as_str()).unwrap_or_default();
        if look.rules.protects_user(name) || look.rules.protects_user(old_name) {
            continue;
        }
        if let Some(id) = account {
            present.insert(source.as_str(), id);
            let is = &look.after.users[&id];
            // Nobody comes back while a membership that should go is held.
            if !is.active && !held {
                return Err(format!("{source} is in scope, and the account {} is disabled", is.username));
            }
        }
        if taken || wanted_names.get(name.as_str()).is_some_and(|count| *count > 1) {
            compared.skipped += 1;
            continue;
        }
        compared.users += 1;
        let Some(id) = account else {
            return Err(format!("{source} is in scope and has no account {name}"));
        };
        let is = &look.after.users[&id].username;
        if key(is) != *name {
            return Err(format!("{source} should be called {name}, and is called {is}"));
        }
    }
    Ok(present)
}

fn compare_groups(
    look: &Look<'_>,
    serving: &Serving,
    present: &BTreeMap<&str, i64>,
    compared: &mut Compared,
) -> Result<(), String> {
    for (name, wanted) in &look.wanted.groups {
        if wanted.protected {
            continue;
        }
        let bearing = look.after.groups.iter().find(|(_, group)| key(&group.name) == *name);
        let Some((id, group)) = bearing else {
            if serving.near_protected.contains(name) || serving.parted.contains(name) {
                compared.skipped += 1;
                continue;
            }
            return Err(format!("there is no group {name:?}"));
        };
        let served = serving.wanted.get(id).or((!look.before.groups.contains_key(id)).then_some(name));
        let beside_protected = serving.beside_protected.contains(id);
        let unsure = beside_protected || serving.parted.contains(name);
        if group.source.is_none() || served != Some(name) || unsure {
            compared.skipped += 1;
            continue;
        }
        compared.groups += 1;
        let held = look.ran.holds.iter().any(|hold| {
            hold.kind == "view" || (hold.kind == "memberships" && hold.group.as_ref() == Some(&group.name))
        });
        let everybody = look.rules.is_always(name);
        let is_wanted = |source: &str| everybody || wanted.members.contains(source);
        let members: BTreeSet<i64> = look.after.members_of(*id).collect();
        for (source, account) in present {
            let (is, should) = (members.contains(account), is_wanted(source));
            if is && !should && !held {
                return Err(format!("{source} is a member of group {name:?}, and should not be"));
            }
            if should && !is {
                return Err(format!("{source} is no member of group {name:?}, and should be"));
            }
            compared.memberships += u64::from(is);
        }
    }
    Ok(())
}

fn compare_always(look: &Look<'_>, present: &BTreeMap<&str, i64>) -> Result<(), String> {
    for name in &look.rules.always {
        if look.rules.protects_group(name) {
            continue;
        }
        let found = look.after.groups.iter().find(|(_, group)| key(&group.name) == key(name));
        let Some((id, _)) = found else { return Err(format!("there is no group {name:?}")) };
        for (source, account) in present {
            if !look.after.members.contains(&(*id, *account)) {
                return Err(format!("{source} is no member of group {name:?}, and everybody should be"));
            }
        }
    }
    Ok(())
}
