//! Applications as a test makes and sees them.

use super::handle::{Org, group_place, user_place};
use super::org::{Refused, place_of};
use super::state::State;

/// A user of an application as it truly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgAppUser {
    /// Okta's id of the user.
    pub user: String,
    /// The id of the group that brought the assignment; none where the user is assigned directly.
    pub through: Option<String>,
}

impl Org {
    /// Adds an application and returns its id (`0oa…`). Labels need not differ.
    pub fn add_app(&self, label: &str) -> String {
        self.change(|state, now| {
            let place = state.org.push_app(label, now.div_euclid(1000));
            Ok(state.org.apps[place as usize].id.to_string())
        })
    }

    /// The id of the first application with this label.
    pub fn app_id_by_label(&self, label: &str) -> Option<String> {
        self.change(|state, _| {
            let mut present = state.org.apps.iter().filter(|app| !app.gone);
            Ok(present.find(|app| app.label == label).map(|app| app.id.to_string()))
        })
    }

    /// Deletes an application: it and everything below it is not found any more.
    #[track_caller]
    pub fn delete_app(&self, app: &str) {
        self.change(|state, now| {
            let app = app_place(state, app)?;
            state.org.delete_app(app, now);
            Ok(())
        });
    }

    /// Assigns a user directly. Who is deactivated loses the assignment, and has to be assigned anew afterwards.
    #[track_caller]
    pub fn assign_user(&self, app: &str, user: &str) {
        self.change(|state, now| {
            let (app, user) = (app_place(state, app)?, user_place(state, user)?);
            state.org.assign_user(app, user, now).map(drop)
        });
    }

    /// Takes a direct assignment back; who is in an assigned group stays a user of the application.
    #[track_caller]
    pub fn unassign_user(&self, app: &str, user: &str) {
        self.change(|state, now| {
            let (app, user) = (app_place(state, app)?, user_place(state, user)?);
            state.org.unassign_user(app, user, now);
            Ok(())
        });
    }

    /// Assigns a group, and all its present and future members with it.
    #[track_caller]
    pub fn assign_group(&self, app: &str, group: &str) {
        self.change(|state, now| {
            let (app, group) = (app_place(state, app)?, group_place(state, group)?);
            state.org.assign_group(app, group, now);
            Ok(())
        });
    }

    /// Takes a group's assignment back.
    #[track_caller]
    pub fn unassign_group(&self, app: &str, group: &str) {
        self.change(|state, now| {
            let (app, group) = (app_place(state, app)?, group_place(state, group)?);
            state.org.unassign_group(app, group, now);
            Ok(())
        });
    }

    /// Every user of an application, ascending by the user's id.
    #[track_caller]
    pub fn app_users(&self, app: &str) -> Vec<OrgAppUser> {
        self.change(|state, _| {
            let app = app_place(state, app)?;
            let assignments = state.org.assignments(app);
            let mut users: Vec<OrgAppUser> = assignments
                .iter()
                .map(|assignment| OrgAppUser {
                    user: state.org.users[assignment.user as usize].facts.id.to_string(),
                    through: assignment.through.map(|group| state.org.groups[group as usize].id.to_string()),
                })
                .collect();
            users.sort_unstable_by(|one, other| one.user.cmp(&other.user));
            Ok(users)
        })
    }

    /// The ids of the groups that are assigned to an application, in the order of their priority.
    #[track_caller]
    pub fn app_groups(&self, app: &str) -> Vec<String> {
        self.change(|state, _| {
            let app = app_place(state, app)?;
            let groups = state.org.app_groups(app);
            Ok(groups.iter().map(|(_, it)| state.org.groups[it.group as usize].id.to_string()).collect())
        })
    }
}

/// The place of a present application, by id or label.
pub(crate) fn app_place(state: &State, name: &str) -> Result<u32, Refused> {
    let by_id = state.org.find_app(name).map(|(place, _)| place);
    let by_label = || state.org.apps.iter().position(|app| !app.gone && app.label == name).map(place_of);
    by_id.or_else(by_label).ok_or_else(|| format!("there is no application {name}"))
}
