//! The org: who is in it, and what happens when something changes.
//!
//! Users keep their JSON ready; groups are rendered when asked for, since what they show changes with time.

use std::collections::HashMap;
use std::ops::Range;

use hyper::body::Bytes;
use serde_json::Value;

use super::Status;
use super::app::AppRow;
use super::event::EventKind;
use super::event_log::EventLog;
use super::id::Id;
use super::lag::Lag;
use super::record::{GroupFacts, GroupKind, Profile, Stamps, UserFacts, render_group, render_user};
use super::role::Owner;
use super::schema::Schema;

/// A change that cannot be made, as a sentence.
pub(crate) type Refused = String;

/// One user.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) facts: UserFacts,
    pub(crate) login: Box<str>,
    /// Purged; the row stays so that cursors keep their place.
    pub(crate) gone: bool,
    pub(crate) json: Bytes,
    profile_at: Range<usize>,
}

impl UserRow {
    pub(crate) fn new(facts: UserFacts, profile: &Profile, base: &str) -> Self {
        let (json, profile_at) = render_user(&facts, profile, base);
        Self { facts, login: profile.text("login").into(), gone: false, json, profile_at }
    }

    pub(crate) fn profile(&self) -> Profile {
        Profile::parse(self.json.get(self.profile_at.clone()).unwrap_or_default())
    }
}

/// One group. `members` are places in the list of users, ascending by the users' ids.
#[derive(Debug)]
pub(crate) struct GroupRow {
    pub(crate) id: Id,
    pub(crate) kind: GroupKind,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created: i64,
    pub(crate) last_updated: i64,
    pub(crate) gone: bool,
    pub(crate) members: Vec<u32>,
    pub(crate) shown_membership_stamp: i64,
    /// Stamps that are not shown yet: from when (milliseconds), and which (seconds).
    pub(crate) coming_stamps: Vec<(i64, i64)>,
}

impl GroupRow {
    /// All that a search looks at.
    pub(crate) fn without_members(&self) -> Self {
        Self {
            members: Vec::new(),
            name: self.name.clone(),
            description: self.description.clone(),
            coming_stamps: self.coming_stamps.clone(),
            ..*self
        }
    }

    /// Sets both stamps of a generated group, in seconds since the epoch.
    pub(crate) fn date(&mut self, last_updated: i64, last_membership_updated: i64) {
        self.last_updated = last_updated;
        self.shown_membership_stamp = last_membership_updated;
    }
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) base: String,
    pub(crate) id: Id,
    pub(crate) subdomain: String,
    pub(crate) type_id: Id,
    pub(crate) realm: Id,
    pub(crate) users: Vec<UserRow>,
    /// `lastUpdated` of every user by place, in seconds, beside the rows: a search for changes among a million users looks
    /// at nothing else.
    pub(crate) updated: Vec<i64>,
    /// Present users, ascending by id.
    pub(crate) by_id: Vec<u32>,
    /// How many present users have each status.
    population: [usize; Status::ALL.len()],
    /// The groups of every user by place, in no order: the other side of [`GroupRow::members`].
    pub(crate) joined: Vec<Vec<u32>>,
    places: HashMap<Id, u32>,
    logins: HashMap<String, u32>,
    pub(crate) groups: Vec<GroupRow>,
    group_places: HashMap<Id, u32>,
    pub(crate) apps: Vec<AppRow>,
    pub(crate) schema: Schema,
    pub(crate) owner: Owner,
    pub(crate) everyone: Option<u32>,
    /// Grows with every change: what was computed before is void.
    pub(crate) revision: u64,
    pub(crate) keep_deprovisioned: bool,
    /// How long a change of members stays hidden from `lastMembershipUpdated`, in milliseconds.
    pub(crate) stamp_lag: i64,
    /// What the search index has not seen yet.
    pub(crate) user_lag: Lag<UserRow>,
    pub(crate) group_lag: Lag<GroupRow>,
    /// The System Log.
    pub(crate) events: EventLog,
    pub(crate) random: fastrand::Rng,
    /// For what not every org has, so that the rest of it is the same with and without.
    pub(crate) extra_random: fastrand::Rng,
}

impl Org {
    /// An org without anybody.
    pub(crate) fn empty(base: String, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let id = Id::random(b"00o", &mut random);
        let type_id = Id::random(b"oty", &mut random);
        let mut extra_random = fastrand::Rng::with_seed(seed.wrapping_add(0x0a00_0a00));
        let owner = Owner::unlisted(type_id, &mut extra_random, &base);
        Self {
            base,
            id,
            subdomain: format!("stand-in-{seed}"),
            type_id,
            realm: Id::random(b"guo", &mut random),
            users: Vec::new(),
            updated: Vec::new(),
            by_id: Vec::new(),
            population: [0; Status::ALL.len()],
            joined: Vec::new(),
            places: HashMap::new(),
            logins: HashMap::new(),
            groups: Vec::new(),
            group_places: HashMap::new(),
            apps: Vec::new(),
            schema: Schema::default(),
            owner,
            everyone: None,
            revision: 0,
            keep_deprovisioned: false,
            stamp_lag: 0,
            user_lag: Lag::default(),
            group_lag: Lag::default(),
            events: EventLog::new(seed, id),
            random,
            extra_random,
        }
    }

    /// Puts a user at the end of the list without keeping `by_id` in order: see [`Self::sort`].
    pub(crate) fn push_user(
        &mut self,
        status: Status,
        stamps: Stamps,
        realm: bool,
        profile: &Profile,
    ) -> u32 {
        let facts = UserFacts {
            id: Id::random(b"00u", &mut self.random),
            status,
            stamps,
            type_id: self.type_id,
            realm: realm.then_some(self.realm),
        };
        self.schema.learn_all(profile);
        let row = UserRow::new(facts, profile, &self.base);
        let place = place_of(self.users.len());
        self.places.insert(facts.id, place);
        self.logins.insert(row.login.to_lowercase(), place);
        self.users.push(row);
        self.updated.push(facts.stamps.last_updated);
        self.population[status as usize] += 1;
        self.joined.push(Vec::new());
        self.by_id.push(place);
        place
    }

    /// Brings `by_id` and the members of all groups into the order of ids, and notes the groups of all users, after a batch
    /// of pushes.
    pub(crate) fn sort(&mut self) {
        self.by_id.sort_unstable_by_key(|place| self.users[*place as usize].facts.id);
        // Millions of members are compared: ranks are nearer than ids.
        let mut ranks = vec![0_u32; self.users.len()];
        for (rank, place) in (0..).zip(&self.by_id) {
            ranks[*place as usize] = rank;
        }
        let mut counts = vec![0_usize; self.users.len()];
        for group in &mut self.groups {
            group.members.sort_unstable_by_key(|place| ranks[*place as usize]);
            group.members.iter().for_each(|user| counts[*user as usize] += 1);
        }
        self.joined = counts.into_iter().map(Vec::with_capacity).collect();
        for (place, group) in (0..).zip(&self.groups) {
            group.members.iter().for_each(|user| self.joined[*user as usize].push(place));
        }
    }

    /// Adds a group without members.
    pub(crate) fn push_group(&mut self, name: &str, description: &str, kind: GroupKind, now: i64) -> u32 {
        let place = place_of(self.groups.len());
        let id = Id::random(b"00g", &mut self.random);
        self.group_places.insert(id, place);
        self.groups.push(GroupRow {
            id,
            kind,
            name: name.to_owned(),
            description: description.to_owned(),
            created: now,
            last_updated: now,
            gone: false,
            members: Vec::new(),
            shown_membership_stamp: now,
            coming_stamps: Vec::new(),
        });
        self.revision += 1;
        place
    }

    /// Adds a group without members while the org is served, at a moment in milliseconds.
    pub(crate) fn add_group(&mut self, name: &str, now: i64) -> u32 {
        let place = self.push_group(name, "", GroupKind::Okta, now.div_euclid(1000));
        self.group_lag.remember(place, now, || None);
        self.log_group(EventKind::GroupCreated, place, now);
        place
    }

    /// The user of an id, purged or not.
    pub(crate) fn place(&self, id: Id) -> Option<u32> {
        self.places.get(&id).copied()
    }

    /// The present user of an id, a login, or a login's part before the `@` where only one user has it.
    pub(crate) fn find_user(&self, name: &str) -> Option<&UserRow> {
        let by_id = Id::parse(name).and_then(|id| self.place(id));
        let place = by_id.or_else(|| self.logins.get(&name.to_lowercase()).copied()).or_else(|| {
            // To look through a million logins for what is an id takes long.
            if name.contains('@') || name.starts_with("00u") {
                return None;
            }
            let start = format!("{}@", name.to_lowercase());
            let mut matches = self.logins.iter().filter(|(login, _)| login.starts_with(&start));
            let only = matches.next().map(|(_, place)| *place);
            if matches.next().is_some() { None } else { only }
        })?;
        self.users.get(place as usize).filter(|user| !user.gone)
    }

    /// The present group of an id, with its place.
    pub(crate) fn find_group(&self, id: &str) -> Option<(u32, &GroupRow)> {
        let place = *self.group_places.get(&Id::parse(id)?)?;
        self.groups.get(place as usize).filter(|group| !group.gone).map(|group| (place, group))
    }

    /// The place of a group's id, deleted or not.
    pub(crate) fn group_place(&self, id: Id) -> Option<u32> {
        self.group_places.get(&id).copied()
    }

    /// How many present users have each status.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = (Status, usize)> {
        Status::ALL.into_iter().map(|status| (status, self.population[status as usize]))
    }

    /// How many users the plain list shows.
    pub(crate) fn count_listed(&self) -> usize {
        self.by_id.len() - self.population[Status::Deprovisioned as usize]
    }

    /// Whether the plain list shows a user.
    pub(crate) fn listed(&self, place: u32) -> bool {
        let user = &self.users[place as usize];
        !user.gone && user.facts.status != Status::Deprovisioned
    }

    /// The groups of a user, ascending by id.
    pub(crate) fn groups_of(&self, user: u32) -> Vec<u32> {
        let everyone = self.everyone.filter(|_| self.listed(user));
        let mut groups: Vec<u32> = self.joined[user as usize].iter().copied().chain(everyone).collect();
        groups.sort_unstable_by_key(|group| self.groups[*group as usize].id);
        groups
    }

    /// The JSON of a group at a moment (milliseconds), with `usersCount` where asked for.
    pub(crate) fn render_group(&self, group: &GroupRow, stats: Option<i64>, now: i64) -> Bytes {
        render_group(&self.group_facts(group, stats, now), &self.base)
    }

    /// What the JSON of a group is made from.
    pub(crate) fn group_facts<'a>(
        &self,
        group: &'a GroupRow,
        stats: Option<i64>,
        now: i64,
    ) -> GroupFacts<'a> {
        let due = group.coming_stamps.iter().rev().find(|(from, _)| *from <= now);
        GroupFacts {
            id: group.id,
            kind: group.kind,
            name: &group.name,
            description: &group.description,
            created: group.created,
            last_updated: group.last_updated,
            last_membership_updated: due.map_or(group.shown_membership_stamp, |(_, stamp)| *stamp),
            stats,
        }
    }

    /// Adds one user, in the order of ids.
    pub(crate) fn add_user(&mut self, status: Status, profile: &Profile, now: i64) -> Result<u32, Refused> {
        let login = profile.text("login");
        if self.logins.contains_key(&login.to_lowercase()) {
            return Err(format!("a user with the login {login} exists already; choose another login"));
        }
        let seconds = now.div_euclid(1000);
        let alive = status != Status::Staged;
        let stamps = Stamps {
            created: seconds,
            activated: alive.then_some(seconds),
            status_changed: alive.then_some(seconds),
            last_login: None,
            last_updated: seconds,
            password_changed: alive.then_some(seconds),
        };
        let place = self.push_user(status, stamps, false, profile);
        self.user_lag.remember(place, now, || None);
        self.by_id.pop();
        let id = self.users[place as usize].facts.id;
        let at = self.by_id.partition_point(|other| self.users[*other as usize].facts.id < id);
        self.by_id.insert(at, place);
        self.touch_everyone(now);
        self.revision += 1;
        self.log_new_user(place, now);
        Ok(place)
    }

    /// Sets profile attributes, or takes them away where a value is none: one change, whatever their number.
    pub(crate) fn update_profile(
        &mut self,
        user: u32,
        changes: Vec<(&str, Option<Value>)>,
        now: i64,
    ) -> Result<(), Refused> {
        self.user_changes(user, now);
        let mut profile = self.users[user as usize].profile();
        let before = profile.text("login").to_lowercase();
        let names: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
        for (name, value) in changes {
            match value {
                Some(value) => profile.set(name, value),
                None => profile.remove(name),
            }
        }
        let after = profile.text("login").to_lowercase();
        if after != before {
            if self.logins.contains_key(&after) {
                return Err(format!("a user with the login {after} exists already; choose another login"));
            }
            self.logins.remove(&before);
            self.logins.insert(after, user);
            self.users[user as usize].login = profile.text("login").into();
        }
        self.users[user as usize].facts.stamps.last_updated = now.div_euclid(1000);
        self.render_again(user, &profile);
        self.log_profile(user, &names, now);
        Ok(())
    }

    /// Changes moments of a user's life, which is no change of the user: `lastUpdated` stays.
    pub(crate) fn update_stamps(&mut self, user: u32, now: i64, update: impl FnOnce(&mut Stamps)) {
        self.user_changes(user, now);
        let profile = self.users[user as usize].profile();
        update(&mut self.users[user as usize].facts.stamps);
        self.render_again(user, &profile);
    }

    /// Changes a status. Who is deprovisioned leaves the groups, unless the org is one where they stay listed.
    pub(crate) fn set_status(&mut self, user: u32, status: Status, now: i64) {
        let profile = self.users[user as usize].profile();
        let seconds = now.div_euclid(1000);
        let was_listed = self.listed(user);
        let before = self.users[user as usize].facts.status;
        if before == status {
            return;
        }
        let apps = self.apps_of_user(user);
        self.user_changes(user, now);
        self.population[before as usize] -= 1;
        self.population[status as usize] += 1;
        let facts = &mut self.users[user as usize].facts;
        facts.status = status;
        facts.stamps.status_changed = Some(seconds);
        facts.stamps.last_updated = seconds;
        if facts.stamps.activated.is_none() && status == Status::Active {
            facts.stamps.activated = Some(seconds);
        }
        self.render_again(user, &profile);
        self.log_status(user, before, status, now);
        if status == Status::Deprovisioned {
            self.leave_all_apps(user);
            if !self.keep_deprovisioned {
                self.leave_all_groups(user, now);
            }
        }
        self.log_apps_of_user(user, &apps, now);
        if was_listed != self.listed(user) {
            self.touch_everyone(now);
        }
    }

    /// Purges a user, who is deactivated first, as the service wants it.
    pub(crate) fn delete_user(&mut self, user: u32, now: i64) {
        let apps = self.apps_of_user(user);
        let status = self.users[user as usize].facts.status;
        self.user_changes(user, now);
        self.log_status(user, status, Status::Deprovisioned, now);
        self.log_user(EventKind::UserDeletionBegun, user, now);
        self.leave_all_apps(user);
        self.leave_all_groups(user, now);
        if self.listed(user) {
            self.touch_everyone(now);
        }
        self.users[user as usize].gone = true;
        self.log_apps_of_user(user, &apps, now);
        self.log_user(EventKind::UserDeleted, user, now);
        let row = &mut self.users[user as usize];
        row.json = Bytes::new();
        row.profile_at = 0..0;
        let login = row.login.to_lowercase();
        self.logins.remove(&login);
        let id = row.facts.id;
        self.population[status as usize] -= 1;
        let at = self.by_id.partition_point(|other| self.users[*other as usize].facts.id < id);
        self.by_id.remove(at);
        self.revision += 1;
    }

    /// Renames a group: its profile changes, its memberships do not.
    pub(crate) fn rename_group(&mut self, group: u32, name: &str, now: i64) {
        self.group_changes(group, now);
        let row = &mut self.groups[group as usize];
        row.name = name.to_owned();
        row.last_updated = now.div_euclid(1000);
        self.revision += 1;
        self.log_group(EventKind::GroupProfileUpdated, group, now);
    }

    /// Deletes a group.
    pub(crate) fn delete_group(&mut self, group: u32, now: i64) {
        let app_users = self.users_of_apps(&self.apps_of_group(group));
        self.group_changes(group, now);
        let row = &mut self.groups[group as usize];
        row.gone = true;
        let members = std::mem::take(&mut row.members);
        members.into_iter().for_each(|user| self.joined[user as usize].retain(|joined| *joined != group));
        self.revision += 1;
        self.log_group(EventKind::GroupDeleted, group, now);
        self.log_users_of_apps(&app_users, now);
    }

    fn render_again(&mut self, user: u32, profile: &Profile) {
        self.schema.learn_all(profile);
        let row = &mut self.users[user as usize];
        self.updated[user as usize] = row.facts.stamps.last_updated;
        (row.json, row.profile_at) = render_user(&row.facts, profile, &self.base);
        self.revision += 1;
    }
}

/// A place in a list; no org of this stand-in has four billion of anything.
pub(crate) fn place_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
