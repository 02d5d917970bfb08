//! The org as a test sees it: a handle that changes it while it is being served, and tells the truth about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::change::{Change, Changed};
use super::new_user::NewUser;
use super::org::{Refused, UserRow};
use super::record::Stamps;
use super::server::Shared;
use super::state::State;
use super::{Resources, Role, Status};

/// A handle to the running org. Cheap to clone; every change is visible to the next request.
///
/// Ids are Okta's (`00u…`, `00g…`); an id that does not exist is a mistake in the test and panics there.
#[derive(Clone, Debug)]
pub struct Org {
    shared: Arc<Shared>,
}

/// A user as it truly is.
#[derive(Clone, Debug, PartialEq)]
pub struct OrgUser {
    /// Okta's id.
    pub id: String,
    /// The login.
    pub login: String,
    /// The status.
    pub status: Status,
    /// Every profile attribute that is present, null ones included.
    pub profile: BTreeMap<String, Value>,
}

/// A group as it truly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgGroup {
    /// Okta's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// `OKTA_GROUP`, `APP_GROUP`, or `BUILT_IN` for Everyone.
    pub kind: &'static str,
}

impl Org {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The id of the org itself, as `/api/v1/org` tells it.
    pub fn id(&self) -> String {
        self.shared.state().org.id.to_string()
    }

    /// Adds a user and returns the id. A login that is taken panics.
    #[track_caller]
    pub fn add_user(&self, user: NewUser) -> String {
        let status = user.status;
        let (created, activated, last_login) = (user.created, user.activated, user.last_login);
        let profile = user.profile();
        self.change(|state, now| {
            let place = state.org.add_user(status, &profile, now)?;
            state.org.update_stamps(place, now, |stamps| {
                stamps.created = created.unwrap_or(stamps.created);
                stamps.activated = activated.or(stamps.activated);
                stamps.last_login = last_login;
            });
            Ok(state.org.users[place as usize].facts.id.to_string())
        })
    }

    /// Sets a profile attribute; the login is one of them.
    #[track_caller]
    pub fn update_profile(&self, user: &str, name: &str, value: impl Into<Value>) {
        let value = value.into();
        self.change(|state, now| {
            let user = user_place(state, user)?;
            state.org.update_profile(user, vec![(name, Some(value))], now)
        });
    }

    /// Takes a profile attribute away, as Okta does with most unset ones.
    #[track_caller]
    pub fn remove_attribute(&self, user: &str, name: &str) {
        self.change(|state, now| {
            let user = user_place(state, user)?;
            state.org.update_profile(user, vec![(name, None)], now)
        });
    }

    /// Changes a status. Deprovisioning takes the user out of all groups, unless
    /// [`super::Options::keep_deprovisioned_members`] is on.
    #[track_caller]
    pub fn set_status(&self, user: &str, status: Status) {
        self.change(|state, now| {
            let user = user_place(state, user)?;
            state.org.set_status(user, status, now);
            Ok(())
        });
    }

    /// Sets the last sign-in in seconds since the Unix epoch, or that there was none. `lastUpdated` stays.
    #[track_caller]
    pub fn set_last_login(&self, user: &str, seconds: Option<i64>) {
        self.set_stamps(user, |stamps| stamps.last_login = seconds);
    }

    /// Sets the moment of creation in seconds since the Unix epoch. `lastUpdated` stays.
    #[track_caller]
    pub fn set_created(&self, user: &str, seconds: i64) {
        self.set_stamps(user, |stamps| stamps.created = seconds);
    }

    /// Sets the moment of activation in seconds since the Unix epoch, or that there was none. `lastUpdated` stays.
    #[track_caller]
    pub fn set_activated(&self, user: &str, seconds: Option<i64>) {
        self.set_stamps(user, |stamps| stamps.activated = seconds);
    }

    #[track_caller]
    fn set_stamps(&self, user: &str, set: impl FnOnce(&mut Stamps)) {
        self.change(|state, now| {
            let user = user_place(state, user)?;
            state.org.update_stamps(user, now, set);
            Ok(())
        });
    }

    /// Gives the token's owner another role.
    pub fn set_role(&self, role: Role) {
        self.shared.state().options.role = role;
    }

    /// Binds the role of the token to a part of the org, from the next request on.
    #[track_caller]
    pub fn bind_role(&self, resources: &Resources) {
        self.change(|state, _| super::resources::bind(state, resources));
    }

    /// The id of the token's owner, as `/api/v1/users/me` tells it.
    pub fn owner(&self) -> Option<String> {
        self.shared.state().org.owner().map(|owner| owner.facts.id.to_string())
    }

    /// Adds a custom attribute to the schema of users without giving it to anybody; `example` shows its type.
    pub fn define_attribute(&self, name: &str, example: impl Into<Value>) {
        let example = example.into();
        self.shared.state().org.schema.learn(name, &example);
    }

    /// Purges a user: nothing of it remains.
    #[track_caller]
    pub fn delete_user(&self, user: &str) {
        self.change(|state, now| {
            let user = user_place(state, user)?;
            state.org.delete_user(user, now);
            Ok(())
        });
    }

    /// Adds a group without members and returns its id.
    pub fn add_group(&self, name: &str) -> String {
        let mut state = self.shared.state();
        let now = state.clock.milliseconds();
        let place = state.org.add_group(name, now);
        state.org.groups[place as usize].id.to_string()
    }

    /// Renames a group.
    #[track_caller]
    pub fn rename_group(&self, group: &str, name: &str) {
        self.change(|state, now| {
            let group = group_place(state, group)?;
            state.org.rename_group(group, name, now);
            Ok(())
        });
    }

    /// Deletes a group.
    #[track_caller]
    pub fn delete_group(&self, group: &str) {
        self.change(|state, now| {
            let group = group_place(state, group)?;
            state.org.delete_group(group, now);
            Ok(())
        });
    }

    /// Adds a member.
    #[track_caller]
    pub fn add_member(&self, group: &str, user: &str) {
        self.change(|state, now| {
            let (group, user) = (group_place(state, group)?, user_place(state, user)?);
            state.org.add_member(group, user, now).map(drop)
        });
    }

    /// Takes a member away.
    #[track_caller]
    pub fn remove_member(&self, group: &str, user: &str) {
        self.change(|state, now| {
            let (group, user) = (group_place(state, group)?, user_place(state, user)?);
            state.org.remove_member(group, user, now).map(drop)
        });
    }

    /// Makes exactly these users the members of a group.
    #[track_caller]
    pub fn set_members<S: AsRef<str>>(&self, group: &str, users: &[S]) {
        self.change(|state, now| {
            let group = group_place(state, group)?;
            let places =
                users.iter().map(|user| user_place(state, user.as_ref())).collect::<Result<_, _>>()?;
            state.org.set_members(group, places, now)
        });
    }

    /// Makes changes at random, or several by name, as `POST /sandbox/change` does; says how many of which kind.
    #[track_caller]
    pub fn apply(&self, change: &Change) -> Changed {
        self.change(|state, _| super::change::apply(state, change))
    }

    /// All users, deprovisioned ones included, ascending by id.
    pub fn users(&self) -> Vec<OrgUser> {
        let state = self.shared.state();
        state.org.by_id.iter().map(|place| true_user(&state.org.users[*place as usize])).collect()
    }

    /// One user, by id or login.
    pub fn user(&self, name: &str) -> Option<OrgUser> {
        self.shared.state().org.find_user(name).map(true_user)
    }

    /// All groups, Everyone included, ascending by id.
    pub fn groups(&self) -> Vec<OrgGroup> {
        let state = self.shared.state();
        let present = state.org.groups.iter().filter(|group| !group.gone);
        let mut groups: Vec<OrgGroup> = present
            .map(|group| OrgGroup {
                id: group.id.to_string(),
                name: group.name.clone(),
                kind: group.kind.as_str(),
            })
            .collect();
        groups.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        groups
    }

    /// The ids of a group's members, ascending.
    #[track_caller]
    pub fn members(&self, group: &str) -> Vec<String> {
        self.change(|state, _| {
            let group = group_place(state, group)?;
            let members = state.org.members(group);
            Ok(members.iter().map(|user| state.org.users[*user as usize].facts.id.to_string()).collect())
        })
    }

    /// The id of the user with this login.
    pub fn user_id_by_login(&self, login: &str) -> Option<String> {
        self.shared.state().org.find_user(login).map(|user| user.facts.id.to_string())
    }

    /// The id of the first group with this name.
    pub fn group_id_by_name(&self, name: &str) -> Option<String> {
        let state = self.shared.state();
        let mut present = state.org.groups.iter().filter(|group| !group.gone);
        present.find(|group| group.name == name).map(|group| group.id.to_string())
    }

    /// Runs a change at the present moment of the stand-in's clock.
    #[track_caller]
    #[allow(clippy::panic, reason = "a test that names what does not exist must fail where it does so")]
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State, i64) -> Result<T, Refused>) -> T {
        let outcome = {
            let mut state = self.shared.state();
            let now = state.clock.milliseconds();
            change(&mut state, now)
        };
        match outcome {
            Ok(value) => value,
            Err(refused) => panic!("the org was not changed: {refused}"),
        }
    }
}

/// The place of a present user, by id or login.
pub(crate) fn user_place(state: &State, name: &str) -> Result<u32, Refused> {
    let user = state.org.find_user(name).and_then(|user| state.org.place(user.facts.id));
    user.ok_or_else(|| format!("there is no user {name}"))
}

/// The place of a present group, by id or name.
pub(crate) fn group_place(state: &State, name: &str) -> Result<u32, Refused> {
    let by_id = state.org.find_group(name).map(|(place, _)| place);
    let by_name = || {
        let at = state.org.groups.iter().position(|group| !group.gone && group.name == name)?;
        Some(super::org::place_of(at))
    };
    by_id.or_else(by_name).ok_or_else(|| format!("there is no group {name}"))
}

fn true_user(user: &UserRow) -> OrgUser {
    OrgUser {
        id: user.facts.id.to_string(),
        login: user.login.to_string(),
        status: user.facts.status,
        profile: user.profile().0.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
    }
}
