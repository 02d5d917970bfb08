//! The time as the org has it. What is signed bears the time, and is refused where it seems to come from the future or from
//! long ago; so where this host's clock is wrong, that of the org counts.

use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::header::{DATE, HeaderMap};

use crate::clock::Clock;

/// Clocks that differ by no more than this are both right: answers are on the way for a while, and `Date` has no fractions.
const TOLERANCE: i64 = 30;

/// The clock of this host, put right by the answers of one org.
#[derive(Debug)]
pub(super) struct OrgTime {
    clock: Clock,
    /// What messages call the org.
    host: String,
    /// How many seconds the org's clock is ahead; 0 where both are right.
    ahead: AtomicI64,
}

impl OrgTime {
    pub(super) fn new(clock: Clock, host: String) -> Self {
        Self { clock, host, ahead: AtomicI64::new(0) }
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().timestamp().saturating_add(self.ahead())
    }

    /// How many seconds the org's clock is ahead of this host's; 0 where both are right.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Compares the clocks by the `Date` of an answer.
    pub(super) fn hear(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok()) else {
            return;
        };
        let seen = date.timestamp().saturating_sub(self.clock.now().timestamp());
        let seen = if seen.abs() > TOLERANCE { seen } else { 0 };
        let known = self.ahead();
        if seen.abs_diff(known) <= TOLERANCE.unsigned_abs() && (seen == 0) == (known == 0) {
            return;
        }
        self.ahead.store(seen, Ordering::Relaxed);
        match seen {
            0 => tracing::info!(host = self.host, "the clock of this host is right again"),
            _ => tracing::warn!(
                host = self.host,
                "the clock of this host is {}: what is signed bears Okta's time. Put the clock right (chronyd, \
                 systemd-timesyncd)",
                off(seen)
            ),
        }
    }

    /// What is wrong with this host's clock, as the end of "is"; none if it is right.
    pub(super) fn wrong(&self) -> Option<String> {
        let ahead = self.ahead();
        (ahead != 0).then(|| off(ahead))
    }
}

fn off(ahead: i64) -> String {
    let way = if ahead > 0 { "behind" } else { "ahead of" };
    format!("{} s {way} Okta's", ahead.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    fn at(seconds: i64) -> HeaderMap {
        let base: DateTime<Utc> = "2026-11-23T06:00:00Z".parse().unwrap();
        let date = (base + TimeDelta::seconds(seconds)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        HeaderMap::from_iter([(DATE, date.parse().unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_the_org_counts_where_this_hosts_is_wrong() {
        let clock = Clock::starting_at("2026-11-23T06:00:00Z".parse().unwrap());
        let here = clock.now().timestamp();
        let time = OrgTime::new(clock, "acme.okta.com".to_owned());
        // What an answer's date is ahead by, and what is believed from then on.
        for (date, expected) in
            [(0, 0), (30, 0), (-30, 0), (31, 31), (45, 31), (10, 0), (-3600, -3600), (3600, 3600), (0, 0)]
        {
            time.hear(&at(date));
            assert_eq!(time.now() - here, expected, "after {date}");
        }
        time.hear(&HeaderMap::new());
        time.hear(&HeaderMap::from_iter([(DATE, "yesterday".parse().unwrap())]));
        assert_eq!(time.wrong(), None);
        time.hear(&at(95));
        assert_eq!(time.wrong().as_deref(), Some("95 s behind Okta's"));
        time.hear(&at(-95));
        assert_eq!(time.wrong().as_deref(), Some("95 s ahead of Okta's"));
    }
}
