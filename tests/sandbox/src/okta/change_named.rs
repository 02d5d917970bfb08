//! Changes by name: of one user, one group, one application, and of the role that the token has.

use serde::{Deserialize, Deserializer};

use super::change::{Change, Changed};
use super::clock::parse_stamp;
use super::handle::{group_place, user_place};
use super::handle_apps::app_place;
use super::new_user::NewUser;
use super::org::{Org, Refused};
use super::resources::{self, Resources};
use super::state::State;
use super::{Role, Status};

/// Tells a field that is `null` from one that is absent, which serde's own way with options does not.
pub(crate) fn maybe_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// Makes the changes of one user.
pub(crate) fn to_user(
    state: &mut State,
    change: &Change,
    now: i64,
    changed: &mut Changed,
) -> Result<(), Refused> {
    let stamped = change.last_login.is_some() || change.created.is_some() || change.activated.is_some();
    let profiled = !change.profile.is_empty() || !change.remove_attributes.is_empty();
    let Some(name) = &change.user else {
        let idle = change.status.is_none() && !profiled && !stamped && !change.create && !change.purge;
        return if idle { Ok(()) } else { Err("say which user, by id or login, in \"user\"".to_owned()) };
    };
    let status = change.status.as_deref().map(str::parse::<Status>).transpose()?;
    let created = change.created.as_deref().map(|text| seconds("created", text)).transpose()?;
    let activated = change.activated.as_ref().map(|text| maybe_seconds("activated", text)).transpose()?;
    let last_login = change.last_login.as_ref().map(|text| maybe_seconds("last_login", text)).transpose()?;
    let user = if change.create {
        let mut profile = NewUser::new(name).profile();
        for (name, value) in &change.profile {
            profile.set(name, value.clone());
        }
        changed.users_added += 1;
        state.org.add_user(status.unwrap_or(Status::Active), &profile, now)?
    } else {
        let user = user_place(state, name)?;
        changed.users_updated += usize::from(profiled || stamped);
        user
    };
    let set = change.profile.iter().filter(|_| !change.create);
    let set = set.map(|(name, value)| (name.as_str(), Some(value.clone())));
    let taken = change.remove_attributes.iter().map(|name| (name.as_str(), None));
    let attributes: Vec<_> = set.chain(taken).collect();
    if !attributes.is_empty() {
        state.org.update_profile(user, attributes, now)?;
    }
    if stamped {
        state.org.update_stamps(user, now, |stamps| {
            stamps.created = created.unwrap_or(stamps.created);
            stamps.activated = activated.unwrap_or(stamps.activated);
            stamps.last_login = last_login.unwrap_or(stamps.last_login);
        });
    }
    if let Some(status) = status.filter(|_| !change.create) {
        changed.status(status, &mut state.org, user, now);
    }
    if change.purge {
        changed.memberships_ended += real_groups(&state.org, user);
        state.org.delete_user(user, now);
        changed.users_deleted += 1;
    }
    Ok(())
}

/// Makes the changes of one group.
pub(crate) fn to_group(
    state: &mut State,
    change: &Change,
    now: i64,
    changed: &mut Changed,
) -> Result<(), Refused> {
    let Some(name) = &change.group else {
        let members = !change.add_members.is_empty() || !change.remove_members.is_empty();
        let idle = change.name.is_none() && !members && !change.create_group && !change.delete_group;
        return if idle { Ok(()) } else { Err("say which group, by id or name, in \"group\"".to_owned()) };
    };
    let group = match group_place(state, name) {
        Err(_) if change.create_group => {
            changed.groups_added += 1;
            state.org.add_group(name, now)
        }
        known => known?,
    };
    let (joining, leaving) = (users(state, &change.add_members)?, users(state, &change.remove_members)?);
    for user in joining {
        changed.memberships_added += usize::from(state.org.add_member(group, user, now)?);
    }
    for user in leaving {
        changed.memberships_removed += usize::from(state.org.remove_member(group, user, now)?);
    }
    if let Some(name) = &change.name {
        state.org.rename_group(group, name, now);
        changed.groups_renamed += 1;
    }
    if change.delete_group {
        if state.org.everyone == Some(group) {
            return Err(
                "Everyone cannot be deleted; start the stand-in with --no-everyone instead".to_owned()
            );
        }
        changed.memberships_removed += state.org.count_members(group);
        state.org.delete_group(group, now);
        changed.groups_deleted += 1;
    }
    Ok(())
}

/// Makes the changes of one application.
pub(crate) fn to_app(
    state: &mut State,
    change: &Change,
    now: i64,
    changed: &mut Changed,
) -> Result<(), Refused> {
    let Some(name) = &change.app else {
        let lists =
            [&change.assign_users, &change.unassign_users, &change.assign_groups, &change.unassign_groups];
        let idle = lists.iter().all(|list| list.is_empty()) && !change.create_app && !change.delete_app;
        return if idle {
            Ok(())
        } else {
            Err("say which application, by id or label, in \"app\"".to_owned())
        };
    };
    let app = match app_place(state, name) {
        Err(_) if change.create_app => {
            changed.apps_added += 1;
            state.org.push_app(name, now.div_euclid(1000))
        }
        known => known?,
    };
    let groups =
        |names: &[String]| names.iter().map(|name| group_place(state, name)).collect::<Result<Vec<_>, _>>();
    let (assigned, unassigned) = (users(state, &change.assign_users)?, users(state, &change.unassign_users)?);
    let (assigned_groups, unassigned_groups) =
        (groups(&change.assign_groups)?, groups(&change.unassign_groups)?);
    for user in assigned {
        changed.assignments_added += usize::from(state.org.assign_user(app, user, now)?);
    }
    for user in unassigned {
        changed.assignments_removed += usize::from(state.org.unassign_user(app, user, now));
    }
    for group in assigned_groups {
        changed.assignments_added += usize::from(state.org.assign_group(app, group, now));
    }
    for group in unassigned_groups {
        changed.assignments_removed += usize::from(state.org.unassign_group(app, group, now));
    }
    if change.delete_app {
        state.org.delete_app(app, now);
        changed.apps_deleted += 1;
    }
    Ok(())
}

/// Gives the token another role, or the role other bounds.
pub(crate) fn to_role(state: &mut State, change: &Change) -> Result<(), Refused> {
    if let Some(role) = &change.role {
        state.options.role = role.parse::<Role>()?;
    }
    let groups = change.sees_groups.clone().map(Resources::Groups);
    let every = change.hides_every.map(Resources::AllButEvery);
    let users = change.hides_users.clone().map(Resources::AllButUsers);
    let all = change.sees_all.then_some(Resources::All);
    let mut wanted = [groups, every, users, all].into_iter().flatten();
    match (wanted.next(), wanted.next()) {
        (None, _) => Ok(()),
        (Some(resources), None) => resources::bind(state, &resources),
        _ => {
            Err("say only one of \"sees_groups\", \"hides_every\", \"hides_users\" and \"sees_all\""
                .to_owned())
        }
    }
}

/// How many groups a user is in, Everyone not counted.
pub(crate) fn real_groups(org: &Org, user: u32) -> usize {
    org.groups_of(user).into_iter().filter(|group| org.everyone != Some(*group)).count()
}

fn users(state: &State, names: &[String]) -> Result<Vec<u32>, Refused> {
    names.iter().map(|name| user_place(state, name)).collect()
}

fn maybe_seconds(field: &str, text: &Option<String>) -> Result<Option<i64>, Refused> {
    text.as_deref().map(|text| seconds(field, text)).transpose()
}

fn seconds(field: &str, text: &str) -> Result<i64, Refused> {
    let read = parse_stamp(text).map(|milliseconds| milliseconds.div_euclid(1000));
    read.ok_or_else(|| format!("\"{field}\" wants a moment like 2026-01-31T08:00:00Z, not '{text}'"))
}
