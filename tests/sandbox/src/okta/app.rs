//! Applications: who is assigned to them, directly or through a group.

use std::collections::BTreeMap;

use super::Status;
use super::event::EventKind;
use super::id::Id;
use super::org::{Org, Refused, place_of};

/// One application.
#[derive(Debug)]
pub(crate) struct AppRow {
    pub(crate) id: Id,
    pub(crate) label: String,
    pub(crate) created: i64,
    pub(crate) last_updated: i64,
    pub(crate) gone: bool,
    /// Users assigned by themselves, and since when (seconds since the epoch).
    direct: BTreeMap<u32, i64>,
    /// Groups in the order of their priority. Withdrawn ones stay, so that cursors keep their place.
    pub(crate) groups: Vec<AppGroup>,
}

/// The assignment of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AppGroup {
    pub(crate) group: u32,
    pub(crate) since: i64,
    pub(crate) withdrawn: bool,
}

/// One user of an application, as the service sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The id of the assignment (`0ua…`), which only cursors show: in JSON, `id` is the user's.
    pub(crate) id: Id,
    pub(crate) user: u32,
    pub(crate) since: i64,
    /// The group that brought it; none for a direct assignment, which wins over those by groups.
    pub(crate) through: Option<u32>,
}

impl Org {
    /// Adds an application nobody is assigned to, at a moment in seconds since the epoch.
    pub(crate) fn push_app(&mut self, label: &str, now: i64) -> u32 {
        let id = Id::random(b"0oa", &mut self.extra_random);
        let place = place_of(self.apps.len());
        self.apps.push(AppRow {
            id,
            label: label.to_owned(),
            created: now,
            last_updated: now,
            gone: false,
            direct: BTreeMap::new(),
            groups: Vec::new(),
        });
        self.revision += 1;
        place
    }

    /// The present application of an id, with its place.
    pub(crate) fn find_app(&self, id: &str) -> Option<(u32, &AppRow)> {
        let id = Id::parse(id)?;
        let at = self.apps.iter().position(|app| app.id == id && !app.gone)?;
        Some((place_of(at), &self.apps[at]))
    }

    /// Deletes an application, and all assignments with it.
    pub(crate) fn delete_app(&mut self, app: u32, now: i64) {
        let (users, groups) = (self.users_of_apps(&[app]), self.app_groups(app));
        self.apps[app as usize].gone = true;
        self.revision += 1;
        for (_, assigned) in groups {
            self.log_app_group(EventKind::AppGroupRemoved, app, assigned.group, now);
        }
        self.log_users_of_apps(&users, now);
    }

    /// Assigns a user by itself; says whether that was a change.
    pub(crate) fn assign_user(&mut self, app: u32, user: u32, now: i64) -> Result<bool, Refused> {
        let row = &self.users[user as usize];
        if row.facts.status == Status::Deprovisioned {
            return Err(format!(
                "{} is deactivated and cannot be assigned; activate the user first",
                row.login
            ));
        }
        let apps = self.apps_of_user(user);
        let assigned = self.apps[app as usize].direct.insert(user, now.div_euclid(1000)).is_none();
        self.revision += u64::from(assigned);
        self.log_apps_of_user(user, &apps, now);
        Ok(assigned)
    }

    /// Takes back what [`Self::assign_user`] did; who is in an assigned group stays a user of the application.
    pub(crate) fn unassign_user(&mut self, app: u32, user: u32, now: i64) -> bool {
        let apps = self.apps_of_user(user);
        let withdrawn = self.apps[app as usize].direct.remove(&user).is_some();
        self.revision += u64::from(withdrawn);
        self.log_apps_of_user(user, &apps, now);
        withdrawn
    }

    /// Assigns a group, behind those that are assigned already; says whether that was a change.
    pub(crate) fn assign_group(&mut self, app: u32, group: u32, now: i64) -> bool {
        let groups = &self.apps[app as usize].groups;
        if groups.iter().any(|known| known.group == group && !known.withdrawn) {
            return false;
        }
        let users = self.users_of_apps(&[app]);
        let assigned = AppGroup { group, since: now.div_euclid(1000), withdrawn: false };
        self.apps[app as usize].groups.push(assigned);
        self.revision += 1;
        self.log_app_group(EventKind::AppGroupAdded, app, group, now);
        self.log_users_of_apps(&users, now);
        true
    }

    /// Takes a group's assignment back.
    pub(crate) fn unassign_group(&mut self, app: u32, group: u32, now: i64) -> bool {
        let users = self.users_of_apps(&[app]);
        let groups = &mut self.apps[app as usize].groups;
        let Some(known) = groups.iter_mut().find(|known| known.group == group && !known.withdrawn) else {
            return false;
        };
        known.withdrawn = true;
        self.revision += 1;
        self.log_app_group(EventKind::AppGroupRemoved, app, group, now);
        self.log_users_of_apps(&users, now);
        true
    }

    /// Who is deactivated or purged loses all direct assignments.
    pub(crate) fn leave_all_apps(&mut self, user: u32) {
        for app in &mut self.apps {
            app.direct.remove(&user);
        }
    }

    /// The groups of an application that are assigned and exist, each with its priority, from 0.
    pub(crate) fn app_groups(&self, app: u32) -> Vec<(usize, AppGroup)> {
        let assigned = self.apps[app as usize].groups.iter();
        assigned
            .filter(|assigned| !assigned.withdrawn && !self.groups[assigned.group as usize].gone)
            .copied()
            .enumerate()
            .collect()
    }

    /// Every user of an application, ascending by the id of the assignment.
    pub(crate) fn assignments(&self, app: u32) -> Vec<Assignment> {
        let row = &self.apps[app as usize];
        let mut found: BTreeMap<u32, (i64, Option<u32>)> = BTreeMap::new();
        for (user, since) in &row.direct {
            found.insert(*user, (*since, None));
        }
        for (_, assigned) in self.app_groups(app) {
            for user in self.members_after(assigned.group, None).filter(|user| self.listed(*user)) {
                found.entry(user).or_insert((assigned.since, Some(assigned.group)));
            }
        }
        let mut assignments: Vec<Assignment> = found
            .into_iter()
            .map(|(user, (since, through))| self.assignment_of(row, user, since, through))
            .collect();
        assignments.sort_unstable_by_key(|assignment| assignment.id);
        assignments
    }

    /// The assignment of one user, if there is one.
    pub(crate) fn assignment(&self, app: u32, user: u32) -> Option<Assignment> {
        let row = &self.apps[app as usize];
        if let Some(since) = row.direct.get(&user) {
            return Some(self.assignment_of(row, user, *since, None));
        }
        let assigned = self.app_groups(app).into_iter().map(|(_, assigned)| assigned);
        let through = assigned.filter(|_| self.listed(user)).find(|assigned| {
            self.everyone == Some(assigned.group) || self.search_member(assigned.group, user).is_ok()
        })?;
        Some(self.assignment_of(row, user, through.since, Some(through.group)))
    }

    fn assignment_of(&self, app: &AppRow, user: u32, since: i64, through: Option<u32>) -> Assignment {
        let row = &self.users[user as usize].facts;
        // Nobody is assigned before being there.
        let since = since.max(row.stamps.created);
        Assignment { id: Id::derived(b"0ua", app.id, row.id), user, since, through }
    }
}
