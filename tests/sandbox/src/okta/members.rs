//! Who is in a group.

use std::collections::HashSet;

use super::event::EventKind;
use super::id::Id;
use super::org::{Org, Refused};

impl Org {
    /// The places of a group's members after `cursor`, ascending by id. `Everyone` holds who is not deprovisioned.
    pub(crate) fn members_after(&self, group: u32, cursor: Option<Id>) -> impl Iterator<Item = u32> {
        let is_everyone = self.everyone == Some(group);
        let members: &[u32] = match self.groups.get(group as usize) {
            Some(_) if is_everyone => &self.by_id,
            Some(group) => &group.members,
            None => &[],
        };
        let start = cursor.map_or(0, |cursor| {
            members.partition_point(|member| self.users[*member as usize].facts.id <= cursor)
        });
        members[start..].iter().copied().filter(move |member| !is_everyone || self.listed(*member))
    }

    /// The places of all members of a group.
    pub(crate) fn members(&self, group: u32) -> Vec<u32> {
        self.members_after(group, None).collect()
    }

    /// How many members a group has.
    pub(crate) fn count_members(&self, group: u32) -> usize {
        match self.everyone == Some(group) {
            true => self.count_listed(),
            false => self.groups[group as usize].members.len(),
        }
    }

    /// Adds a member; says whether that was a change.
    pub(crate) fn add_member(&mut self, group: u32, user: u32, now: i64) -> Result<bool, Refused> {
        self.refuse_everyone(group)?;
        let Err(at) = self.search_member(group, user) else { return Ok(false) };
        let apps = self.apps_of_user(user);
        self.groups[group as usize].members.insert(at, user);
        self.joined[user as usize].push(group);
        self.touch_members(group, now);
        self.log_member(EventKind::MemberAdded, group, user, now);
        self.log_apps_of_user(user, &apps, now);
        Ok(true)
    }

    /// Takes a member away; says whether that was a change.
    pub(crate) fn remove_member(&mut self, group: u32, user: u32, now: i64) -> Result<bool, Refused> {
        self.refuse_everyone(group)?;
        let Ok(at) = self.search_member(group, user) else { return Ok(false) };
        let apps = self.apps_of_user(user);
        self.groups[group as usize].members.remove(at);
        self.joined[user as usize].retain(|joined| *joined != group);
        self.touch_members(group, now);
        self.log_member(EventKind::MemberRemoved, group, user, now);
        self.log_apps_of_user(user, &apps, now);
        Ok(true)
    }

    /// Makes exactly these users the members.
    pub(crate) fn set_members(&mut self, group: u32, mut users: Vec<u32>, now: i64) -> Result<(), Refused> {
        self.refuse_everyone(group)?;
        users.sort_unstable_by_key(|user| self.users[*user as usize].facts.id);
        users.dedup();
        if self.groups[group as usize].members == users {
            return Ok(());
        }
        let app_users = self.users_of_apps(&self.apps_of_group(group));
        let before = std::mem::replace(&mut self.groups[group as usize].members, users.clone());
        self.touch_members(group, now);
        let (old, new): (HashSet<u32>, HashSet<u32>) =
            (before.iter().copied().collect(), users.iter().copied().collect());
        for user in before.into_iter().filter(|user| !new.contains(user)) {
            self.joined[user as usize].retain(|joined| *joined != group);
            self.log_member(EventKind::MemberRemoved, group, user, now);
        }
        for user in users.into_iter().filter(|user| !old.contains(user)) {
            self.joined[user as usize].push(group);
            self.log_member(EventKind::MemberAdded, group, user, now);
        }
        self.log_users_of_apps(&app_users, now);
        Ok(())
    }

    fn refuse_everyone(&self, group: u32) -> Result<(), Refused> {
        match self.everyone == Some(group) {
            true => {
                Err("the members of Everyone are Okta's own business: change the users instead".to_owned())
            }
            false => Ok(()),
        }
    }

    pub(crate) fn search_member(&self, group: u32, user: u32) -> Result<usize, usize> {
        let id = self.users[user as usize].facts.id;
        let members = &self.groups[group as usize].members;
        members.binary_search_by_key(&id, |member| self.users[*member as usize].facts.id)
    }

    pub(crate) fn leave_all_groups(&mut self, user: u32, now: i64) {
        let mut groups = std::mem::take(&mut self.joined[user as usize]);
        groups.sort_unstable();
        for group in groups {
            if let Ok(at) = self.search_member(group, user) {
                self.groups[group as usize].members.remove(at);
                self.touch_members(group, now);
                if self.events.options.leavings {
                    self.log_member(EventKind::MemberRemoved, group, user, now);
                }
            }
        }
    }

    pub(crate) fn touch_everyone(&mut self, now: i64) {
        if let Some(everyone) = self.everyone {
            self.touch_members(everyone, now);
        }
    }

    fn touch_members(&mut self, group: u32, now: i64) {
        let lag = self.stamp_lag;
        let row = &mut self.groups[group as usize];
        while row.coming_stamps.first().is_some_and(|(from, _)| *from <= now) {
            row.shown_membership_stamp = row.coming_stamps.remove(0).1;
        }
        row.coming_stamps.push((now + lag, now.div_euclid(1000)));
        self.revision += 1;
    }
}
