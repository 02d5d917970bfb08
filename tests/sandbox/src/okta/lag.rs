//! The search index, which may run behind: what it still shows of records that have changed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::id::Id;
use super::org::{GroupRow, Org, UserRow};

/// Records as they were before changes that the index has not seen yet.
#[derive(Debug)]
pub(crate) struct Lag<R> {
    /// How long a change stays unseen, in milliseconds; none by default.
    pub(crate) milliseconds: i64,
    earlier: Vec<Earlier<R>>,
}

#[derive(Debug)]
struct Earlier<R> {
    until: i64,
    place: u32,
    /// None where the record did not exist.
    row: Option<R>,
}

impl<R> Default for Lag<R> {
    fn default() -> Self {
        Self { milliseconds: 0, earlier: Vec::new() }
    }
}

impl<R> Lag<R> {
    /// Notes how a record is before a change; `row` is called only where the index lags.
    pub(crate) fn remember(&mut self, place: u32, now: i64, row: impl FnOnce() -> Option<R>) {
        if self.milliseconds > 0 {
            self.earlier.retain(|earlier| earlier.until > now);
            self.earlier.push(Earlier { until: now + self.milliseconds, place, row: row() });
        }
    }

    /// Lets what is unseen stay so as long as ever when the clock is moved.
    pub(crate) fn shift(&mut self, milliseconds: i64) {
        self.earlier.iter_mut().for_each(|earlier| earlier.until += milliseconds);
    }

    /// How many changes the index has not seen: as long as this and the org's revision stay, so do results.
    pub(crate) fn unseen(&self, now: i64) -> usize {
        self.earlier.iter().filter(|earlier| earlier.until > now).count()
    }

    /// The records that the index shows otherwise than they are: the state before the first unseen change of each.
    pub(crate) fn shown(&self, now: i64) -> BTreeMap<u32, Option<&R>> {
        let mut shown = BTreeMap::new();
        for earlier in self.earlier.iter().filter(|earlier| earlier.until > now) {
            shown.entry(earlier.place).or_insert(earlier.row.as_ref());
        }
        shown
    }
}

/// The users as a search sees them at one moment.
#[derive(Debug)]
pub(crate) struct UserIndex<'a> {
    org: &'a Org,
    earlier: BTreeMap<u32, Option<&'a UserRow>>,
}

impl<'a> UserIndex<'a> {
    /// The index at a moment, in milliseconds since the epoch.
    pub(crate) fn at(org: &'a Org, now: i64) -> Self {
        Self { org, earlier: org.user_lag.shown(now) }
    }

    /// The user at a place, if the index knows it.
    pub(crate) fn row(&self, place: u32) -> Option<&'a UserRow> {
        match self.earlier.get(&place) {
            Some(earlier) => *earlier,
            None => self.org.users.get(place as usize).filter(|user| !user.gone),
        }
    }

    /// The places of all that may be known, ascending by id.
    pub(crate) fn places(&self) -> Cow<'a, [u32]> {
        if self.earlier.is_empty() {
            return Cow::Borrowed(&self.org.by_id);
        }
        let mut places = self.org.by_id.clone();
        places.extend(self.earlier.keys());
        self.sort(&mut places);
        Cow::Owned(places)
    }

    /// The places of some ids, ascending by id; ids nobody ever had are left out.
    pub(crate) fn places_of(&self, ids: &[&str]) -> Vec<u32> {
        let found = ids.iter().filter_map(|id| Id::parse(id)).filter_map(|id| self.org.place(id));
        let mut places: Vec<u32> = found.collect();
        self.sort(&mut places);
        places
    }

    /// The places of the users that changed since a moment (in milliseconds), ascending by id. Who the index still shows
    /// otherwise is among them.
    pub(crate) fn changed_since(&self, moment: i64) -> Vec<u32> {
        let stamps = (0_u32..).zip(&self.org.updated);
        let changed = stamps.filter(|(_, seconds)| **seconds * 1000 >= moment).map(|(place, _)| place);
        let mut places: Vec<u32> = changed.chain(self.earlier.keys().copied()).collect();
        self.sort(&mut places);
        places
    }

    fn sort(&self, places: &mut Vec<u32>) {
        places.sort_unstable_by_key(|place| self.org.users[*place as usize].facts.id);
        places.dedup();
    }
}

impl Org {
    /// To be called before a user changes.
    pub(crate) fn user_changes(&mut self, user: u32, now: i64) {
        let row = &self.users[user as usize];
        self.user_lag.remember(user, now, || Some(row.clone()));
    }

    /// To be called before a group changes.
    pub(crate) fn group_changes(&mut self, group: u32, now: i64) {
        let row = &self.groups[group as usize];
        self.group_lag.remember(group, now, || Some(row.without_members()));
    }

    /// The groups from a place on, as a list or, for a search or filter, as the index shows them, in the order of their
    /// making.
    pub(crate) fn groups_at(
        &self,
        now: i64,
        from: usize,
        by_index: bool,
    ) -> impl Iterator<Item = (usize, &GroupRow)> {
        let earlier = if by_index { self.group_lag.shown(now) } else { BTreeMap::new() };
        let rows = self.groups.iter().enumerate().skip(from).filter_map(move |(place, group)| {
            let row = earlier.get(&super::org::place_of(place)).copied().unwrap_or(Some(group));
            row.map(|row| (place, row))
        });
        rows.filter(|(_, group)| !group.gone)
    }
}
