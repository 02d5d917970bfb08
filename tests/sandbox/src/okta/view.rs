//! What one request may see of the org.

use std::cell::Cell;
use std::collections::HashSet;

use super::id::Id;
use super::resources::Hidden;

/// What the token may see, and what is counted wrongly.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) users: u64,
    pub(crate) groups: u64,
    /// Whether the System Log shows its events.
    pub(crate) events: bool,
    pub(crate) count_off: i64,
    /// What the role of the token does not see.
    pub(crate) hidden: Hidden,
    /// Whether the role hid something from this request.
    pub(crate) cut_by_role: Cell<bool>,
    /// Whether something was hidden from this request.
    pub(crate) hid: Cell<bool>,
    /// Whether a count was shown that is off.
    pub(crate) miscounted: Cell<bool>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            users: 100,
            groups: 100,
            events: true,
            count_off: 0,
            hidden: Hidden::default(),
            cut_by_role: Cell::new(false),
            hid: Cell::new(false),
            miscounted: Cell::new(false),
        }
    }
}

impl View {
    pub(crate) fn user(&self, id: Id) -> bool {
        self.shows(id, &self.hidden.users, self.users)
    }

    pub(crate) fn group(&self, id: Id) -> bool {
        self.shows(id, &self.hidden.groups, self.groups)
    }

    /// Whether every user is seen.
    pub(crate) fn sees_all_users(&self) -> bool {
        self.users == 100 && self.hidden.users.is_empty()
    }

    fn shows(&self, id: Id, hidden: &HashSet<Id>, percent: u64) -> bool {
        if hidden.contains(&id) {
            self.cut_by_role.set(true);
            return false;
        }
        let shown = id.share() < percent;
        if !shown {
            self.hid.set(true);
        }
        shown
    }
}
