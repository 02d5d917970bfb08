//! When a connector looks for changes between its full runs. Pure: the time comes in.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Every so often, from when it was set or was last due.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    every: Option<Duration>,
    next: Option<DateTime<Utc>>,
}

impl Rhythm {
    /// Takes what the connector's file says; what is as before changes nothing. Returns whether it is not.
    pub(super) fn change(&mut self, every: Option<Duration>, now: DateTime<Utc>) -> bool {
        let changed = self.every != every;
        if changed {
            self.every = every;
            self.next = self.after(now);
        }
        changed
    }

    /// Whether it is due now. What was due several times is due once.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) -> bool {
        let (Some(next), Some(after)) = (self.next, self.after(now)) else { return false };
        if now >= next {
            self.next = Some(after);
            return true;
        }
        // Further ahead than that it can only be because the clock went back.
        self.next = Some(next.min(after));
        false
    }

    /// When it is due next.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.next
    }

    /// How long it is until then.
    pub(super) fn sleep(&self, now: DateTime<Utc>) -> Option<Duration> {
        Some((self.next? - now).to_std().unwrap_or(Duration::ZERO))
    }

    /// When two looks will have come after `since`.
    pub(super) fn overdue(&self, since: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.after(self.after(since)?)
    }

    fn after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_add_signed(TimeDelta::from_std(self.every?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn it_is_due_every_so_often_and_once_for_what_was_missed() {
        let mut rhythm = Rhythm::default();
        assert!(!rhythm.tick(at(0)));
        assert_eq!(rhythm.sleep(at(0)), None);
        let every = Some(Duration::from_secs(30));
        rhythm.change(every, at(0));
        assert_eq!(rhythm.sleep(at(10)), Some(Duration::from_secs(20)));
        assert!(!rhythm.tick(at(29)));
        assert!(rhythm.tick(at(30)));
        assert!(!rhythm.tick(at(59)));
        rhythm.change(every, at(59));
        assert!(rhythm.tick(at(500)), "the same setting changes nothing");
        assert!(!rhythm.tick(at(529)));
        assert!(rhythm.tick(at(530)));
        rhythm.change(None, at(531));
        assert!(!rhythm.tick(at(10_000)));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_stop_it() {
        let mut rhythm = Rhythm::default();
        rhythm.change(Some(Duration::from_secs(30)), at(10_000));
        assert!(!rhythm.tick(at(100)));
        assert!(rhythm.tick(at(130)));
    }
}
