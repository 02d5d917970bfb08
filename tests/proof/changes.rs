//! What happens in the true org between two runs.

use sandbox::okta::Status;

use super::org::World;
use super::rules::{DEPARTMENTS, Glob};
use super::truth::{Group, User};

impl World {
    /// Up to ten changes, each told in the story.
    pub(crate) fn change_org(&mut self) {
        for _ in 0..self.rng.usize(0..=10) {
            self.change_once();
        }
        if self.rng.u8(..8) == 0 {
            self.many_leave();
        }
    }

    fn change_once(&mut self) {
        match self.rng.u8(..22) {
            0 => self.set_status(Status::Deprovisioned),
            1 => self.set_status(Status::Suspended),
            2 | 3 => self.set_status(Status::Active),
            4 => self.purge(),
            5 => self.move_department(),
            6 => self.rename_user(),
            7 => self.unassign(),
            8 | 9 => {
                let id = self.add_user();
                self.tell(format!("new user {id} {}", self.org.user(&id).unwrap().login));
                self.join(&id);
                self.assign(&id);
            }
            10..13 => self.leave_group(),
            13..15 => {
                if let Some((id, _)) = self.a_user() {
                    self.join(&id);
                }
            }
            15 => self.set_members(),
            16 | 17 => self.delete_group(),
            18 | 19 => self.rename_group(),
            20 => self.swap_names(),
            _ => {
                let id = self.add_group();
                let name = self.truth().groups[&id].name.clone();
                self.tell(format!("new group {id} {name:?}"));
                if let Some(app) = self.rules.asked.app.clone().filter(|_| self.rng.bool()) {
                    self.org.assign_group(&app, &id);
                }
            }
        }
    }

    fn a_user(&mut self) -> Option<(String, User)> {
        let users: Vec<_> = self.truth().users.into_iter().collect();
        self.rng.choice(users)
    }

    fn a_group(&mut self) -> Option<(String, Group)> {
        let groups: Vec<_> = self.truth().groups.into_iter().filter(|(_, it)| !it.everyone).collect();
        self.rng.choice(groups)
    }

    fn set_status(&mut self, status: Status) {
        if let Some((id, user)) = self.a_user() {
            self.org.set_status(&id, status);
            self.tell(format!("{id} {}: {} -> {status}", user.login, user.status));
        }
    }

    fn purge(&mut self) {
        if let Some((id, user)) = self.a_user() {
            self.org.delete_user(&id);
            self.tell(format!("{id} {} is purged", user.login));
        }
    }

    fn move_department(&mut self) {
        if let Some((id, user)) = self.a_user() {
            let department = *self.rng.choice(&DEPARTMENTS).unwrap();
            self.org.update_profile(&id, "department", department);
            self.tell(format!("{id} {} moves from {} to {department}", user.login, user.department));
        }
    }

    fn rename_user(&mut self) {
        if let Some((id, user)) = self.a_user() {
            let prefix = *self.rng.choice(&["svc-", "new.", "u.new."]).unwrap();
            let login = format!("{prefix}{}", user.login);
            self.org.update_profile(&id, "login", login.clone());
            if self.rng.bool() {
                self.org.update_profile(&id, "email", login.clone());
            }
            self.tell(format!("{id} {} is called {login} now", user.login));
        }
    }

    fn unassign(&mut self) {
        let Some(app) = self.rules.asked.app.clone() else { return };
        if self.rng.bool() {
            if let Some((id, _)) = self.a_user() {
                self.org.unassign_user(&app, &id);
                self.tell(format!("{id} is no longer assigned by itself"));
            }
        } else if let Some((id, group)) = self.a_group() {
            if self.rng.bool() {
                self.org.unassign_group(&app, &id);
                self.tell(format!("group {id} {:?} is no longer assigned", group.name));
            } else {
                self.org.assign_group(&app, &id);
                self.tell(format!("group {id} {:?} is assigned", group.name));
            }
        }
    }

    fn assign(&mut self, id: &str) {
        let alive = self.org.user(id).is_some_and(|user| user.status != Status::Deprovisioned);
        if let Some(app) = self.rules.asked.app.clone().filter(|_| alive && self.rng.bool()) {
            self.org.assign_user(&app, id);
        }
    }

    fn join(&mut self, user: &str) {
        let alive = self.org.user(user).is_some_and(|user| user.status != Status::Deprovisioned);
        if let Some((group, it)) = self.a_group().filter(|_| alive) {
            self.org.add_member(&group, user);
            self.tell(format!("{user} joins group {group} {:?}", it.name));
        }
    }

    fn leave_group(&mut self) {
        let Some((id, group)) = self.a_group() else { return };
        let members: Vec<_> = group.members.into_iter().collect();
        if let Some(user) = self.rng.choice(members) {
            self.org.remove_member(&id, &user);
            self.tell(format!("{user} leaves group {id} {:?}", group.name));
        }
    }

    fn set_members(&mut self) {
        if let Some((id, group)) = self.a_group() {
            let members = if self.rng.bool() { self.some_users() } else { Vec::new() };
            self.org.set_members(&id, &members);
            self.tell(format!(
                "group {id} {:?} has {} other members, {}",
                group.name,
                members.len(),
                members.join(" ")
            ));
        }
    }

    fn delete_group(&mut self) {
        let Some((id, group)) = self.a_group() else { return };
        self.org.delete_group(&id);
        self.tell(format!("group {id} {:?} is deleted", group.name));
        if self.rng.u8(..3) == 0 {
            let new = self.org.add_group(&group.name);
            let members = self.some_users();
            self.org.set_members(&new, &members);
            self.tell(format!("group {new} takes its name"));
            if let Some(app) = self.rules.asked.app.clone() {
                self.org.assign_group(&app, &new);
            }
        }
    }

    fn rename_group(&mut self) {
        if let Some((id, group)) = self.a_group() {
            let name = self.group_name();
            self.org.rename_group(&id, &name);
            self.tell(format!("group {id} {:?} is called {name:?} now", group.name));
        }
    }

    fn swap_names(&mut self) {
        if let (Some((one, first)), Some((other, second))) = (self.a_group(), self.a_group()) {
            self.org.rename_group(&one, &second.name);
            self.org.rename_group(&other, &first.name);
            self.tell(format!("groups {one} {:?} and {other} {:?} swap names", first.name, second.name));
        }
    }

    /// A third of all users, or all of them.
    fn many_leave(&mut self) {
        let status = *self.rng.choice(&[Status::Suspended, Status::Deprovisioned]).unwrap();
        let users: Vec<String> = self.truth().users.into_keys().collect();
        let share = *self.rng.choice(&[33, 33, 100]).unwrap();
        let leave: Vec<String> = users.into_iter().filter(|_| self.rng.u8(..100) < share).collect();
        for id in leave {
            self.org.set_status(&id, status);
            self.tell(format!("with many others, {id} is {status} now"));
        }
    }

    /// Somebody edits the connector file.
    pub(crate) fn change_rules(&mut self, accounts: &[String], groups: &[String]) {
        let rules = &mut self.rules;
        let mut said = Vec::new();
        if self.rng.u8(..3) == 0 {
            if let Some(name) = self.rng.choice(accounts) {
                rules.protected_users.push(Glob(name.clone()));
                said.push(format!("protected.users has {name}"));
            }
            if let Some(name) = self.rng.choice(groups).filter(|name| !rules.is_always(name)) {
                rules.protected_groups.push(Glob(name.clone()));
                said.push(format!("protected.groups has {name:?}"));
            }
        }
        if self.rng.u8(..8) == 0 {
            rules.exclude.push(Glob("u1*".to_owned()));
            said.push("scope.users.exclude has u1*".to_owned());
        }
        if self.rng.u8(..8) == 0 {
            rules.group_exclude.push(Glob("*e*".trim_end_matches('*').to_owned()));
            said.push("groups.exclude has *e".to_owned());
        }
        if self.rng.u8(..10) == 0 {
            rules.statuses = vec!["ACTIVE"];
            said.push("scope.statuses is ACTIVE".to_owned());
        }
        for line in said {
            self.tell(format!("file: {line}"));
        }
    }
}
