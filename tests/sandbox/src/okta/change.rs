//! Changes to the running org as a person or a bench asks for them: some at random, some by name.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Status;
use super::change_named::{self, real_groups};
use super::generate::person;
use super::names::{DEPARTMENTS, PEOPLE};
use super::org::{Org, Refused, place_of};
use super::state::State;

/// What to change. Numbers ask for that many changes at random, chosen by `seed`; `user`, `group` and `app` name one.
///
/// Changes by name are made first, in the order user, group, application: one change can create all three and put the
/// one into the others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Decides the random choices.
    pub seed: u64,
    /// This many changes of all kinds: half of them memberships, a third profiles, the rest new, suspended, reactivated
    /// and deactivated users.
    pub mixed: usize,
    /// New users, each in up to three groups.
    pub add: usize,
    /// Users that get another department.
    pub update: usize,
    /// Users that get another family name; the login stays.
    pub rename: usize,
    /// Active users that are suspended.
    pub suspend: usize,
    /// Suspended users that become active again.
    pub unsuspend: usize,
    /// Active users that are deactivated.
    pub deactivate: usize,
    /// Users that are purged.
    pub delete: usize,
    /// Groups that get another name.
    pub rename_groups: usize,
    /// Members that leave one group for another.
    pub move_members: usize,
    /// As many different users that get another department.
    pub changed_users: usize,
    /// As many different groups that lose up to two members and gain up to two.
    pub changed_groups: usize,
    /// The user, by id or login, that the following are for. With `create`, a login nobody has.
    pub user: Option<String>,
    /// Whether `user` is to be created.
    pub create: bool,
    /// The user's new status.
    pub status: Option<String>,
    /// Profile attributes to set, standard or custom: text, number, boolean, list, or null.
    pub profile: Map<String, Value>,
    /// Profile attributes to take away, as Okta does with most unset ones.
    pub remove_attributes: Vec<String>,
    /// The last sign-in, as `2026-01-31T08:00:00Z`; null stands for never.
    #[serde(deserialize_with = "change_named::maybe_null")]
    pub last_login: Option<Option<String>>,
    /// The moment of creation.
    pub created: Option<String>,
    /// The moment of activation; null stands for never.
    #[serde(deserialize_with = "change_named::maybe_null")]
    pub activated: Option<Option<String>>,
    /// Whether the user is to be purged.
    pub purge: bool,
    /// The group, by id or name, that the following are for.
    pub group: Option<String>,
    /// Whether `group` is to be created where nothing has that name.
    pub create_group: bool,
    /// The group's new name.
    pub name: Option<String>,
    /// Users, by id or login, that become members.
    pub add_members: Vec<String>,
    /// Users that are members no longer.
    pub remove_members: Vec<String>,
    /// Whether the group is to be deleted.
    pub delete_group: bool,
    /// The application, by id or label, that the following are for.
    pub app: Option<String>,
    /// Whether `app` is to be created where nothing has that label.
    pub create_app: bool,
    /// Users, by id or login, that are assigned directly.
    pub assign_users: Vec<String>,
    /// Users whose direct assignment is taken back.
    pub unassign_users: Vec<String>,
    /// Groups, by id or name, that are assigned with all their members.
    pub assign_groups: Vec<String>,
    /// Groups whose assignment is taken back.
    pub unassign_groups: Vec<String>,
    /// Whether the application is to be deleted.
    pub delete_app: bool,
    /// The role of the token's owner, such as `READ_ONLY_ADMIN`, or `FORBIDDEN` where it may not be asked for.
    pub role: Option<String>,
    /// The groups, by id or name, that the role is bound to: it sees them and who is in them.
    pub sees_groups: Option<Vec<String>>,
    /// The role sees all groups, and all users but each so-manieth.
    pub hides_every: Option<usize>,
    /// The users, by id or login, that the role does not see, while it sees all else.
    pub hides_users: Option<Vec<String>>,
    /// The role sees everything again.
    pub sees_all: bool,
}

/// All that a person may write, for `--help`.
pub const CHANGE_HELP: &str = r#"A change is a JSON object; what it names is changed first, then what it counts, at random.

At random (numbers; "seed" decides which):
  mixed add update rename suspend unsuspend deactivate delete rename_groups move_members
  changed_users (as many different users with another department), changed_groups (as many different groups with a few
  other members)
One user:
  "user": id or login, with "create": true, "status": "SUSPENDED", "profile": {"department": "Legal", "title": null},
  "remove_attributes": ["nickName"], "last_login": "2026-01-31T08:00:00Z" or null, "created": "…", "activated": "…" or null,
  "purge": true
One group:
  "group": id or name, with "create_group": true, "name": "new name", "add_members": [ids or logins], "remove_members": […],
  "delete_group": true
One application:
  "app": id or label, with "create_app": true, "assign_users": [ids or logins], "unassign_users": […],
  "assign_groups": [ids or names], "unassign_groups": […], "delete_app": true
The token:
  "role": "READ_ONLY_ADMIN", or "FORBIDDEN" where the role may not be asked for,
  "sees_groups": [ids or names] (these groups and who is in them), "hides_every": 3 (all but each third user),
  "hides_users": [ids or logins], "sees_all": true

Examples:
  sandbox change http://127.0.0.1:PORT '{"add": 3, "suspend": 2}'
  sandbox change http://127.0.0.1:PORT '{"user": "ann@example.com", "create": true, "group": "jira-users",
    "create_group": true, "add_members": ["ann@example.com"], "app": "Jira", "create_app": true,
    "assign_groups": ["jira-users"]}'"#;

/// What was changed, one count per kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Changed {
    pub users_added: usize,
    pub users_updated: usize,
    pub users_renamed: usize,
    pub users_suspended: usize,
    pub users_unsuspended: usize,
    pub users_deactivated: usize,
    pub users_deleted: usize,
    pub groups_added: usize,
    pub groups_renamed: usize,
    pub groups_deleted: usize,
    pub apps_added: usize,
    pub apps_deleted: usize,
    /// Users and groups that were assigned to an application.
    pub assignments_added: usize,
    /// Users and groups whose assignment was taken back.
    pub assignments_removed: usize,
    /// Memberships that began, those of new users included.
    pub memberships_added: usize,
    /// Memberships that ended, those of users who were deactivated or purged not included.
    pub memberships_removed: usize,
    /// Memberships that ended because their user was deactivated or purged.
    pub memberships_ended: usize,
}

/// In lists that are longer, chance draws until something fits, instead of choosing among all that fit.
const LONG: usize = 10_000;

/// How often it draws at most; what is too rare to be found so is chosen among all that fit after all.
const DRAWS: usize = 1000;

/// Makes the changes, the named ones first. What cannot be made is a sentence; what was made before it stays.
pub(crate) fn apply(state: &mut State, change: &Change) -> Result<Changed, Refused> {
    let now = state.clock.milliseconds();
    let mut changed = Changed::default();
    change_named::to_user(state, change, now, &mut changed)?;
    change_named::to_group(state, change, now, &mut changed)?;
    change_named::to_app(state, change, now, &mut changed)?;
    change_named::to_role(state, change)?;
    let mut chance =
        Chance { org: &mut state.org, random: fastrand::Rng::with_seed(change.seed), now, changed };
    for _ in 0..change.mixed {
        match chance.random.usize(..100) {
            0..50 => chance.move_member(),
            50..80 => chance.update(),
            80..90 => chance.add()?,
            90..94 => chance.set_status(Status::Active, Status::Suspended),
            94..96 => chance.set_status(Status::Suspended, Status::Active),
            _ => chance.set_status(Status::Active, Status::Deprovisioned),
        }
    }
    for _ in 0..change.add {
        chance.add()?;
    }
    (0..change.update).for_each(|_| chance.update());
    (0..change.rename).for_each(|_| chance.rename());
    (0..change.suspend).for_each(|_| chance.set_status(Status::Active, Status::Suspended));
    (0..change.unsuspend).for_each(|_| chance.set_status(Status::Suspended, Status::Active));
    (0..change.deactivate).for_each(|_| chance.set_status(Status::Active, Status::Deprovisioned));
    (0..change.delete).for_each(|_| chance.delete());
    (0..change.rename_groups).for_each(|_| chance.rename_group());
    (0..change.move_members).for_each(|_| chance.move_member());
    chance.change_users(change.changed_users);
    chance.change_groups(change.changed_groups)?;
    Ok(chance.changed)
}

impl Changed {
    /// Sets a status and counts it under its kind.
    pub(crate) fn status(&mut self, status: Status, org: &mut Org, user: u32, now: i64) {
        match status {
            Status::Suspended => self.users_suspended += 1,
            Status::Active => self.users_unsuspended += 1,
            Status::Deprovisioned => {
                self.users_deactivated += 1;
                if !org.keep_deprovisioned {
                    self.memberships_ended += real_groups(org, user);
                }
            }
            _ => self.users_updated += 1,
        }
        org.set_status(user, status, now);
    }
}

/// Changes at random. Where there is nobody left to change, nothing happens and nothing is counted.
struct Chance<'a> {
    org: &'a mut Org,
    random: fastrand::Rng,
    now: i64,
    changed: Changed,
}

impl Chance<'_> {
    fn user(&mut self, status: Option<Status>) -> Option<u32> {
        let (org, random) = (&self.org, &mut self.random);
        draw(random, &org.by_id, |place| {
            let present = org.users[place as usize].facts.status;
            status.map_or(present != Status::Deprovisioned, |status| present == status)
        })
    }

    fn group(&mut self, with_members: bool) -> Option<u32> {
        let (org, random) = (&self.org, &mut self.random);
        let groups: Vec<u32> = (0..place_of(org.groups.len())).collect();
        draw(random, &groups, |place| {
            let group = &org.groups[place as usize];
            org.everyone != Some(place) && !(group.gone || with_members && group.members.is_empty())
        })
    }

    fn add(&mut self) -> Result<(), Refused> {
        // Rows of purged users stay, so the number is one that no login has had.
        let number = self.org.users.len() + 1;
        let profile = person(&mut self.random, number);
        let user = self.org.add_user(Status::Active, &profile, self.now)?;
        self.changed.users_added += 1;
        for _ in 0..self.random.usize(..4) {
            if let Some(group) = self.group(false) {
                self.changed.memberships_added += usize::from(self.org.add_member(group, user, self.now)?);
            }
        }
        Ok(())
    }

    fn update(&mut self) {
        if let Some(user) = self.user(None) {
            self.update_department(user);
        }
    }

    /// Draws as many different places as there are, up to a number.
    fn different(&mut self, number: usize, mut draw: impl FnMut(&mut Self) -> Option<u32>) -> Vec<u32> {
        let (mut drawn, mut seen) = (Vec::new(), HashSet::new());
        // Among few, the last ones take many draws.
        for _ in 0..number.saturating_mul(20) {
            match draw(self) {
                _ if drawn.len() == number => break,
                None => break,
                Some(place) if seen.insert(place) => drawn.push(place),
                Some(_) => {}
            }
        }
        drawn
    }

    fn change_users(&mut self, number: usize) {
        let number = number.min(self.org.count_listed());
        for user in self.different(number, |chance| chance.user(None)) {
            self.update_department(user);
        }
    }

    fn change_groups(&mut self, number: usize) -> Result<(), Refused> {
        let number = number.min(self.org.groups.len());
        for group in self.different(number, |chance| chance.group(true)) {
            let members = self.org.groups[group as usize].members.clone();
            for _ in 0..self.random.usize(1..=2) {
                let user = members[self.random.usize(..members.len())];
                let removed = self.org.remove_member(group, user, self.now)?;
                self.changed.memberships_removed += usize::from(removed);
            }
            for _ in 0..self.random.usize(..=2) {
                let Some(user) = self.user(Some(Status::Active)) else { break };
                if !members.contains(&user) {
                    let added = self.org.add_member(group, user, self.now)?;
                    self.changed.memberships_added += usize::from(added);
                }
            }
        }
        Ok(())
    }

    fn update_department(&mut self, user: u32) {
        let present = self.org.users[user as usize].profile().text("department").to_owned();
        let others: Vec<_> = DEPARTMENTS.iter().filter(|(name, ..)| *name != present).collect();
        let (department, ..) = others[self.random.usize(..others.len())];
        let department = vec![("department", Some((*department).into()))];
        if self.org.update_profile(user, department, self.now).is_ok() {
            self.changed.users_updated += 1;
        }
    }

    fn rename(&mut self) {
        let Some(user) = self.user(None) else { return };
        let profile = self.org.users[user as usize].profile();
        let families = PEOPLE[0].family.iter().filter(|(name, _)| *name != profile.text("lastName"));
        let families: Vec<_> = families.collect();
        let (family, _) = families[self.random.usize(..families.len())];
        let shown = format!("{} {family}", profile.text("firstName"));
        let names = vec![("lastName", Some((*family).into())), ("displayName", Some(shown.into()))];
        if self.org.update_profile(user, names, self.now).is_ok() {
            self.changed.users_renamed += 1;
        }
    }

    fn set_status(&mut self, from: Status, to: Status) {
        if let Some(user) = self.user(Some(from)) {
            self.changed.status(to, self.org, user, self.now);
        }
    }

    fn delete(&mut self) {
        let Some(user) = self.user(None) else { return };
        self.changed.memberships_ended += real_groups(self.org, user);
        self.org.delete_user(user, self.now);
        self.changed.users_deleted += 1;
    }

    fn rename_group(&mut self) {
        let Some(group) = self.group(false) else { return };
        let name = format!("{} (renamed)", self.org.groups[group as usize].name);
        self.org.rename_group(group, &name, self.now);
        self.changed.groups_renamed += 1;
    }

    fn move_member(&mut self) {
        let Some(from) = self.group(true) else { return };
        let members = &self.org.groups[from as usize].members;
        let user = members[self.random.usize(..members.len())];
        if self.org.remove_member(from, user, self.now).is_ok_and(|removed| removed) {
            self.changed.memberships_removed += 1;
        }
        // A few tries suffice to find a group that lacks one user; where none does, the member has only left.
        for _ in 0..8 {
            let Some(to) = self.group(false) else { return };
            if to != from && self.org.add_member(to, user, self.now).is_ok_and(|added| added) {
                self.changed.memberships_added += 1;
                return;
            }
        }
    }
}

/// One of those that fit, by chance; none where none does.
fn draw(random: &mut fastrand::Rng, all: &[u32], fits: impl Fn(u32) -> bool) -> Option<u32> {
    if all.len() > LONG {
        let mut drawn = (0..DRAWS).map(|_| all[random.usize(..all.len())]);
        if let Some(fitting) = drawn.find(|place| fits(*place)) {
            return Some(fitting);
        }
    }
    let fitting: Vec<u32> = all.iter().copied().filter(|place| fits(*place)).collect();
    (!fitting.is_empty()).then(|| fitting[random.usize(..fitting.len())])
}
