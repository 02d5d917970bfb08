//! Licence seats: active users with access to an application take one each.

use crate::product::{Id, User, World};

/// The attribute of a user that holds the keys of its applications.
const APPLICATIONS: &str = "applicationKeys";

/// How many seats are taken, as of a state of the world. It is counted anew only when somebody else changed the world.
#[derive(Debug, Default)]
pub(super) struct Seats {
    counted: Option<(u64, usize)>,
    /// What the present request took and freed.
    taken: usize,
    freed: usize,
}

impl Seats {
    /// How many are taken now.
    pub(super) fn count(&mut self, world: &World) -> usize {
        match self.counted {
            Some((changes, count)) if changes == world.changes => count,
            _ => {
                let count = world.users().values().filter(|user| takes_seat(user)).count();
                self.counted = Some((world.changes, count));
                count
            }
        }
    }

    /// Notes that a user did or did not take a seat before a change, and after it.
    pub(super) fn note(&mut self, before: bool, after: bool) {
        self.taken += usize::from(after && !before);
        self.freed += usize::from(before && !after);
    }

    /// Takes over what a request did to a world that had seen so many changes before.
    pub(super) fn follow(&mut self, changes: u64, world: &World) {
        let (taken, freed) = (std::mem::take(&mut self.taken), std::mem::take(&mut self.freed));
        self.counted = self
            .counted
            .filter(|(known, _)| *known == changes)
            .map(|(_, count)| (world.changes, (count + taken).saturating_sub(freed)));
    }
}

/// Whether a user takes a seat. One that the world began with has the default application.
pub(super) fn takes_seat(user: &User) -> bool {
    user.active && user.attributes.get(APPLICATIONS).is_none_or(|keys| !keys.is_empty())
}

/// Whether the user with an id takes a seat.
pub(super) fn holds_seat(world: &World, id: Id) -> bool {
    world.users().get(&id).is_some_and(takes_seat)
}

/// The applications of a user.
pub(super) fn applications<'a>(user: &'a User, licensed: &'a [String]) -> &'a [String] {
    match user.attributes.get(APPLICATIONS) {
        Some(keys) => keys,
        None => licensed.get(..1).unwrap_or_default(),
    }
}

/// Writes the applications of a user.
pub(super) fn set_applications(user: &mut User, keys: Vec<String>) {
    user.attributes.insert(APPLICATIONS.to_owned(), keys);
}
