//! Which events a change of the org writes into the System Log.
//!
//! Known are the types of events; which of them a change brings is plausible, and in these points a choice:
//! - A user that becomes `ACTIVE` from `PROVISIONED`, `RECOVERY` or `PASSWORD_EXPIRED`, or gets one of these from `ACTIVE`,
//!   sets or loses a password: that is none of the types here, and nothing is written.
//! - `Everyone` has no events of members.
//! - Who leaves groups by being deactivated or deleted does so without an event, unless
//!   [`super::LogOptions::leavings`] says otherwise. A deleted group's members have none either.
//! - Who becomes or is no longer a user of an application, by whatever change, has an event for it.
//! - Making an application, and changing moments of a user's life, writes nothing.

use std::collections::BTreeMap;

use super::Status;
use super::event::{EventKind, Target};
use super::id::Id;
use super::org::{Org, place_of};
use super::record::GroupKind;

/// The users of some applications, by the applications' places, before a change.
pub(crate) type AppUsers = BTreeMap<u32, Vec<u32>>;

/// What is written when a status changes; `from` is none for a new user, which has been created already.
fn lifecycle(from: Option<Status>, to: Status) -> Vec<EventKind> {
    let asleep =
        |status: Option<Status>| matches!(status, None | Some(Status::Staged | Status::Deprovisioned));
    let mut kinds = Vec::new();
    match (from, to) {
        (_, Status::Staged) => return kinds,
        (from, _) if asleep(from) && !(from.is_some() && to == Status::Deprovisioned) => {
            kinds.push(EventKind::UserActivated);
        }
        (Some(Status::Suspended), to) if to != Status::Deprovisioned => {
            kinds.push(EventKind::UserUnsuspended)
        }
        (Some(Status::LockedOut), Status::Active) => kinds.push(EventKind::Unlocked),
        _ => {}
    }
    match to {
        Status::Suspended => kinds.push(EventKind::UserSuspended),
        Status::LockedOut => kinds.push(EventKind::Locked),
        Status::Deprovisioned => kinds.push(EventKind::UserDeactivated),
        _ => {}
    }
    kinds
}

impl Org {
    /// Writes that there is a new user.
    pub(crate) fn log_new_user(&mut self, user: u32, now: i64) {
        let status = self.users[user as usize].facts.status;
        self.log_user(EventKind::UserCreated, user, now);
        for kind in lifecycle(None, status) {
            self.log_user(kind, user, now);
        }
    }

    /// Writes that a user's status has changed.
    pub(crate) fn log_status(&mut self, user: u32, from: Status, to: Status, now: i64) {
        for kind in lifecycle(Some(from), to) {
            self.log_user(kind, user, now);
        }
    }

    pub(crate) fn log_user(&mut self, kind: EventKind, user: u32, now: i64) {
        self.log(kind, now, |org| vec![org.user_target(user)]);
    }

    /// Writes that attributes of a profile have changed, and the e-mail address apart.
    pub(crate) fn log_profile(&mut self, user: u32, changed: &[&str], now: i64) {
        if self.events.recording {
            let targets = vec![self.user_target(user)];
            self.events.write(EventKind::ProfileUpdated, targets, changed.join(","), now);
        }
        if changed.contains(&"email") {
            self.log_user(EventKind::PrimaryEmailUpdated, user, now);
        }
    }

    pub(crate) fn log_group(&mut self, kind: EventKind, group: u32, now: i64) {
        self.log(kind, now, |org| vec![org.group_target(group)]);
    }

    /// Writes that a user joined or left a group.
    pub(crate) fn log_member(&mut self, kind: EventKind, group: u32, user: u32, now: i64) {
        let imported = matches!(self.groups[group as usize].kind, GroupKind::App(_));
        if !(imported && self.events.options.silent_imports) {
            self.log(kind, now, |org| vec![org.user_target(user), org.group_target(group)]);
        }
    }

    pub(crate) fn log_app_group(&mut self, kind: EventKind, app: u32, group: u32, now: i64) {
        self.log(kind, now, |org| vec![org.group_target(group), org.app_target(app)]);
    }

    fn log_app_user(&mut self, kind: EventKind, app: u32, user: u32, now: i64) {
        self.log(kind, now, |org| {
            let person = org.user_target(user);
            let id = Id::derived(b"0ua", org.apps[app as usize].id, person.id);
            vec![Target { id, kind: "AppUser", ..person.clone() }, org.app_target(app), person]
        });
    }

    fn log(&mut self, kind: EventKind, now: i64, targets: impl FnOnce(&Self) -> Vec<Target>) {
        if self.events.recording {
            let targets = targets(self);
            self.events.write(kind, targets, String::new(), now);
        }
    }

    fn user_target(&self, user: u32) -> Target {
        let row = &self.users[user as usize];
        let profile = row.profile();
        let display = match profile.text("displayName") {
            "" => format!("{} {}", profile.text("firstName"), profile.text("lastName")),
            display => display.to_owned(),
        };
        Target {
            id: row.facts.id,
            kind: "User",
            alternate: row.login.clone(),
            display: display.trim().into(),
        }
    }

    fn group_target(&self, group: u32) -> Target {
        let row = &self.groups[group as usize];
        let (alternate, display) = ("unknown".into(), row.name.as_str().into());
        Target { id: row.id, kind: "UserGroup", alternate, display }
    }

    fn app_target(&self, app: u32) -> Target {
        let row = &self.apps[app as usize];
        let label: Box<str> = row.label.as_str().into();
        Target { id: row.id, kind: "AppInstance", alternate: label.clone(), display: label }
    }

    /// The applications that one user is in, for [`Self::log_apps_of_user`] after a change. Empty where nothing is logged.
    pub(crate) fn apps_of_user(&self, user: u32) -> Vec<u32> {
        if !self.events.recording {
            return Vec::new();
        }
        let present = (0..place_of(self.apps.len())).filter(|app| !self.apps[*app as usize].gone);
        present.filter(|app| self.assignment(*app, user).is_some()).collect()
    }

    /// Writes which applications a user has come into or out of.
    pub(crate) fn log_apps_of_user(&mut self, user: u32, before: &[u32], now: i64) {
        let after = self.apps_of_user(user);
        for app in before.iter().filter(|app| !after.contains(app)) {
            self.log_app_user(EventKind::AppUserRemoved, *app, user, now);
        }
        for app in after.iter().filter(|app| !before.contains(app)) {
            self.log_app_user(EventKind::AppUserAdded, *app, user, now);
        }
    }

    /// The users of one application, or of all that a group is assigned to, for [`Self::log_users_of_apps`] after a
    /// change. Empty where nothing is logged.
    pub(crate) fn users_of_apps(&self, apps: &[u32]) -> AppUsers {
        let apps = apps.iter().filter(|app| self.events.recording && !self.apps[**app as usize].gone);
        apps.map(|app| {
            let mut users: Vec<u32> =
                self.assignments(*app).iter().map(|assignment| assignment.user).collect();
            users.sort_unstable();
            (*app, users)
        })
        .collect()
    }

    /// The applications that a group is assigned to.
    pub(crate) fn apps_of_group(&self, group: u32) -> Vec<u32> {
        let apps = (0..place_of(self.apps.len())).filter(|app| !self.apps[*app as usize].gone);
        apps.filter(|app| self.app_groups(*app).iter().any(|(_, assigned)| assigned.group == group)).collect()
    }

    /// Writes who has come into or out of applications.
    pub(crate) fn log_users_of_apps(&mut self, before: &AppUsers, now: i64) {
        for (app, before) in before {
            let after = self.users_of_apps(&[*app]).remove(app).unwrap_or_default();
            for user in before.iter().filter(|user| after.binary_search(user).is_err()) {
                self.log_app_user(EventKind::AppUserRemoved, *app, *user, now);
            }
            for user in after.iter().filter(|user| before.binary_search(user).is_err()) {
                self.log_app_user(EventKind::AppUserAdded, *app, *user, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_status_says_what_was_done() {
        use EventKind::{Locked, Unlocked, UserActivated, UserDeactivated, UserSuspended, UserUnsuspended};
        use Status::{Active, Deprovisioned, LockedOut, Provisioned, Staged, Suspended};
        let cases: [(Option<Status>, Status, &[EventKind]); 14] = [
            (None, Staged, &[]),
            (None, Active, &[UserActivated]),
            (None, Suspended, &[UserActivated, UserSuspended]),
            (None, Deprovisioned, &[UserActivated, UserDeactivated]),
            (Some(Staged), Provisioned, &[UserActivated]),
            (Some(Staged), Deprovisioned, &[UserDeactivated]),
            (Some(Provisioned), Active, &[]),
            (Some(Active), Suspended, &[UserSuspended]),
            (Some(Suspended), Active, &[UserUnsuspended]),
            (Some(Suspended), Deprovisioned, &[UserDeactivated]),
            (Some(Active), LockedOut, &[Locked]),
            (Some(LockedOut), Active, &[Unlocked]),
            (Some(Active), Deprovisioned, &[UserDeactivated]),
            (Some(Deprovisioned), Active, &[UserActivated]),
        ];
        for (from, to, expected) in cases {
            assert_eq!(lifecycle(from, to), expected, "{from:?} to {to}");
        }
    }
}
