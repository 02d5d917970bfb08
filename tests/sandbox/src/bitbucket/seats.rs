//! The licence: who takes a seat, and whether there is one left.

use std::collections::BTreeSet;

use super::Bitbucket;
use super::refusal::{Refusal, usual};
use crate::product::{Group, Id, World};

impl Bitbucket {
    /// Refuses a user to be created when no seat is left for it.
    pub(super) fn check_seat_of_new_user(&self, joins: Option<&str>, world: &World) -> Result<(), Refusal> {
        let takes_seat =
            self.licensed_groups.is_empty() || joins.is_some_and(|group| self.is_licensed(group));
        self.check_seats(usize::from(takes_seat), world)
    }

    /// Refuses users to be put into a group when they need more seats than are left.
    pub(super) fn check_seats_of_members(
        &self,
        group: &str,
        users: &[Id],
        world: &World,
    ) -> Result<(), Refusal> {
        if !self.is_licensed(group) {
            return Ok(());
        }
        let is_new = |user: &&Id| !self.groups_with_seats(world).any(|group| group.members.contains(*user));
        let newcomers: BTreeSet<&Id> = users.iter().filter(is_new).collect();
        self.check_seats(newcomers.len(), world)
    }

    /// Seats are counted only when they might not suffice, since counting takes long in a large world.
    fn check_seats(&self, newcomers: usize, world: &World) -> Result<(), Refusal> {
        let Some(seats) = self.seats.filter(|_| newcomers > 0) else { return Ok(()) };
        let at_most = match self.licensed_groups.is_empty() {
            true => world.users().len(),
            false => self.groups_with_seats(world).map(|group| group.members.len()).sum(),
        };
        let is_enough = at_most + newcomers <= seats || self.seats_taken(world) + newcomers <= seats;
        if is_enough { Ok(()) } else { Err(usual(403)) }
    }

    fn seats_taken(&self, world: &World) -> usize {
        if self.licensed_groups.is_empty() {
            return world.users().values().filter(|user| user.active).count();
        }
        let members: BTreeSet<&Id> = self.groups_with_seats(world).flat_map(|group| &group.members).collect();
        members.len()
    }

    fn groups_with_seats<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Group> {
        let ids = self.licensed_groups.iter().filter_map(|name| world.group_named(name));
        ids.filter_map(|id| world.groups().get(&id))
    }

    fn is_licensed(&self, group: &str) -> bool {
        self.licensed_groups.iter().any(|known| known.to_lowercase() == group.to_lowercase())
    }
}
