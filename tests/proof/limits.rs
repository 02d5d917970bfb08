//! RULES 20, read anew: how many of a base may go in one run, and in 24 hours.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::rules::DAY;

/// How much may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    Off,
    Count(u64),
    Percent(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) leavers: Limit,
    pub(crate) memberships: Limit,
    pub(crate) groups: Limit,
    pub(crate) floor: u64,
}

impl Limits {
    pub(crate) fn generate(rng: &mut Rng) -> Self {
        let (one, each) = (rng.u8(..4), rng.u8(..3));
        let mut limit = |usual: u64| match (one, each) {
            (0, _) => Limit::Off,
            (1, _) => Limit::Percent(usual),
            (2, 0) => Limit::Count(rng.u64(..4)),
            _ => *rng.choice(&[Limit::Percent(10), Limit::Percent(30), Limit::Count(3), Limit::Off]).unwrap(),
        };
        let (leavers, memberships, groups) = (limit(10), limit(20), limit(10));
        Self { leavers, memberships, groups, floor: *rng.choice(&[0, 1, 2, 3, 10, 10]).unwrap() }
    }
}

/// What is counted apart: users that left, groups that left, memberships of one group of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    Leavers,
    Groups,
    Memberships(i64),
}

/// What one run would remove, of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    pub(crate) what: Counted,
    pub(crate) count: u64,
    pub(crate) base: u64,
    /// Whether a group that had three members or more loses all of them (for groups that left).
    pub(crate) empties_three: bool,
}

/// What was removed lately.
#[derive(Default)]
pub(crate) struct Window {
    /// When, how many, of what base.
    applied: BTreeMap<Counted, Vec<(i64, u64, u64)>>,
}

impl Window {
    pub(crate) fn add(&mut self, now: i64, removal: &Removal) {
        if removal.count > 0 {
            self.applied.entry(removal.what).or_default().push((now, removal.count, removal.base));
        }
    }

    /// What was removed in the last 24 hours, and of how many at their start.
    fn recent(&self, what: Counted, now: i64) -> (u64, u64) {
        let applied = self.applied.get(&what).map(Vec::as_slice).unwrap_or_default();
        let mut lately = applied.iter().filter(|(at, ..)| *at > now - DAY).peekable();
        let base = lately.peek().map_or(0, |(_, _, base)| *base);
        (lately.map(|(_, count, _)| count).sum(), base)
    }

    /// Why a removal exceeds its limit; none if it does not.
    pub(crate) fn excess(&self, limits: &Limits, removal: &Removal, now: i64) -> Option<String> {
        let Removal { what, count, base, .. } = *removal;
        if count == 0 {
            return None;
        }
        let limit = match what {
            Counted::Leavers => limits.leavers,
            Counted::Groups => limits.groups,
            Counted::Memberships(_) => limits.memberships,
        };
        let (before, first_base) = self.recent(what, now);
        let exceeds = |count, base| !is_allowed(limit, limits.floor, removal, count, base);
        if exceeds(count, base) {
            return Some(format!("{count} of {base} are more than {limit} with a floor of {}", limits.floor));
        }
        // What came since the window began only makes the same number a smaller share.
        let window_base = base.max(first_base);
        (before > 0 && exceeds(count + before, window_base)).then(|| {
            format!(
                "{count} after {before} in 24 hours, of {window_base}, are more than {limit} with a floor of {}",
                limits.floor
            )
        })
    }
}

fn is_allowed(limit: Limit, floor: u64, removal: &Removal, count: u64, base: u64) -> bool {
    let percent = match limit {
        Limit::Off => return true,
        Limit::Count(most) => return count <= most,
        Limit::Percent(percent) => percent,
    };
    let all = count >= base;
    let floor_covers_it = match removal.what {
        Counted::Leavers => !all,
        Counted::Memberships(_) => !(all && base >= 3),
        Counted::Groups => !removal.empties_three,
    };
    count <= percent * base / 100 || (floor_covers_it && count <= floor)
}
