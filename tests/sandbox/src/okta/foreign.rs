//! Another client of the same org, which uses up the windows that the org has for everybody.
//!
//! It has no task of its own: whenever a window is looked at, it has by then made the requests that the time since the last
//! look was long enough for. So it does its work in paused time too.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::clock::whole_milliseconds;
use super::limits::{Bucket, Limiter};

/// Another client, which makes requests of one bucket for ever. It has a share of the limit that is large enough for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignClient {
    /// The bucket it uses. The org's windows of this bucket follow one another without a pause from now on, since this client
    /// opens each of them at once.
    pub bucket: Bucket,
    /// How many requests it makes per window, in percent of what the org may make; 0 ends it.
    pub percent_of_limit: u32,
    /// When in a window it makes them.
    pub spread: Spread,
}

/// When a [`ForeignClient`] makes its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Spread {
    /// Evenly over the window.
    #[default]
    Even,
    /// All of them when the window opens.
    Burst,
}

impl FromStr for ForeignClient {
    type Err = String;

    /// Reads `groups=40`, or `groups=40,burst`.
    fn from_str(text: &str) -> Result<Self, String> {
        let explained =
            || format!("'{text}' is no foreign client; write BUCKET=PERCENT, with ,burst if wanted");
        let (bucket, rest) = text.trim().split_once('=').ok_or_else(explained)?;
        let (percent, spread) = match rest.split_once(',') {
            None => (rest, Spread::Even),
            Some((percent, "burst")) => (percent, Spread::Burst),
            Some(_) => return Err(explained()),
        };
        let percent_of_limit = percent.parse().map_err(|_| explained())?;
        Ok(Self { bucket: bucket.parse()?, percent_of_limit, spread })
    }
}

/// The foreign clients of all buckets, and what they have done.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    clients: BTreeMap<Bucket, Client>,
    /// Requests they made, and those of them that were answered with 429.
    pub(super) made: u64,
    pub(super) limited: u64,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    /// Requests it makes per window.
    wanted: u64,
    spread: Spread,
    /// Requests it has made in the present window.
    asked: u64,
}

impl Client {
    /// How many requests it has made when this much of a window has passed.
    fn due(&self, passed: Duration, length: Duration) -> u64 {
        let share = passed.as_nanos() * u128::from(self.wanted) / length.as_nanos().max(1);
        match self.spread {
            Spread::Even => u64::try_from(share).unwrap_or(self.wanted).min(self.wanted),
            Spread::Burst => self.wanted,
        }
    }
}

impl Foreign {
    /// Makes what is missing to `due` requests of a window of which `used` are used up.
    fn ask(&mut self, client: &mut Client, due: u64, used: &mut u64, limit: u64) {
        let requests = due.saturating_sub(client.asked);
        let passed = requests.min(limit.saturating_sub(*used));
        client.asked += requests;
        *used += passed;
        self.made += requests;
        self.limited += requests - passed;
    }
}

impl Limiter {
    /// Lets a client begin, in the place of the one that used the bucket before. What is left of the present window is used as
    /// far as time allows; a burst comes at once.
    pub(crate) fn set_foreign(&mut self, client: ForeignClient, wall: i64) {
        let ForeignClient { bucket, percent_of_limit, spread } = client;
        self.catch_up(bucket, wall);
        self.foreign.clients.remove(&bucket);
        if percent_of_limit == 0 {
            return;
        }
        self.open(bucket, wall);
        let wanted = self.limit(bucket) * u64::from(percent_of_limit) / 100;
        let mut client = Client { wanted, spread, asked: 0 };
        if spread == Spread::Even {
            let passed = self.org.get(&bucket).map_or(Duration::ZERO, |window| window.opened.elapsed());
            client.asked = client.due(passed, self.length);
        }
        self.foreign.clients.insert(bucket, client);
        self.catch_up(bucket, wall);
    }

    /// Makes the requests of the bucket's foreign client that are due by now, and opens the windows that it has opened.
    pub(super) fn catch_up(&mut self, bucket: Bucket, wall: i64) {
        let (limit, length) = (self.limit(bucket), self.length.max(Duration::from_nanos(1)));
        let Some(mut client) = self.foreign.clients.get(&bucket).copied() else { return };
        let Some(mut window) = self.org.get(&bucket).copied() else { return };
        let mut passed = window.opened.elapsed();
        while passed >= length {
            let due = client.wanted;
            self.foreign.ask(&mut client, due, &mut window.used, limit);
            client.asked = 0;
            passed -= length;
            let opened = window.opened + length;
            window = self.fresh(wall - whole_milliseconds(passed));
            window.opened = opened;
        }
        let due = client.due(passed, length);
        self.foreign.ask(&mut client, due, &mut window.used, limit);
        self.foreign.clients.insert(bucket, client);
        self.org.insert(bucket, window);
    }

    /// The same for all buckets.
    pub(super) fn catch_up_all(&mut self, wall: i64) {
        let buckets: Vec<Bucket> = self.foreign.clients.keys().copied().collect();
        buckets.into_iter().for_each(|bucket| self.catch_up(bucket, wall));
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::{Limits, Principal};
    use super::*;

    const WALL: i64 = 1_800_000_000_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn limiter(percent_of_limit: u32, spread: Spread) -> Limiter {
        let mut limiter = Limiter::new(Limits::all(100), 50, MINUTE);
        limiter.set_foreign(ForeignClient { bucket: Bucket::Groups, percent_of_limit, spread }, WALL);
        limiter
    }

    #[tokio::test(start_paused = true)]
    async fn it_uses_the_window_as_time_passes() {
        let mut limiter = limiter(40, Spread::Even);
        let mut seen = Vec::new();
        for at in [0, 15, 30, 59, 60, 90] {
            let wall = WALL + at * 1000;
            let glance = limiter.glance(Bucket::Groups, wall);
            seen.push((glance.remaining, glance.reset - WALL / 1000));
            let next = [15, 15, 29, 1, 30, 0][seen.len() - 1];
            tokio::time::advance(Duration::from_secs(next)).await;
        }
        assert_eq!(seen, [(100, 60), (90, 60), (80, 60), (61, 60), (100, 120), (80, 120)]);
        assert_eq!((limiter.foreign.made, limiter.foreign.limited), (60, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_comes_at_the_start_and_what_does_not_fit_is_refused() {
        let mut limiter = limiter(60, Spread::Burst);
        assert_eq!(limiter.glance(Bucket::Groups, WALL).remaining, 40);
        assert_eq!(limiter.glance(Bucket::Users, WALL).remaining, 100, "other buckets are left alone");
        for number in 0..50 {
            assert_eq!(
                limiter.admit(Bucket::Groups, Principal::Token(0), WALL).allowed,
                number < 40,
                "{number}"
            );
        }
        assert_eq!(limiter.crowded_out, 10, "the token would have had a share left");
        tokio::time::advance(MINUTE * 3).await;
        limiter.catch_up_all(WALL + 180_000);
        assert_eq!((limiter.foreign.made, limiter.foreign.limited), (240, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_greedy_takes_from_it() {
        let mut limiter = limiter(60, Spread::Even);
        for number in 0..51 {
            assert_eq!(
                limiter.admit(Bucket::Groups, Principal::Token(0), WALL).allowed,
                number < 50,
                "{number}"
            );
        }
        assert_eq!(limiter.crowded_out, 0, "its own share was at an end");
        tokio::time::advance(MINUTE).await;
        limiter.catch_up_all(WALL + 60_000);
        assert_eq!((limiter.foreign.made, limiter.foreign.limited), (60, 10));
        assert!(limiter.admit(Bucket::Groups, Principal::Token(0), WALL + 60_000).allowed);
        assert_eq!(limiter.history()[&Bucket::Groups], [51, 1], "only our own are counted");
    }

    #[tokio::test(start_paused = true)]
    async fn it_may_begin_late_change_and_end() {
        let mut limiter = Limiter::new(Limits::all(100), 50, MINUTE);
        limiter.admit(Bucket::Groups, Principal::Token(0), WALL);
        tokio::time::advance(MINUTE / 2).await;
        let mut set = |text: &str| {
            limiter.set_foreign(text.parse().unwrap(), WALL + 30_000);
            limiter.glance(Bucket::Groups, WALL + 30_000).remaining
        };
        assert_eq!(set("groups=40"), 99, "it has not been there before");
        assert_eq!(set("groups=40,burst"), 59);
        assert_eq!(set("groups=0"), 59);
        tokio::time::advance(MINUTE).await;
        assert_eq!(limiter.glance(Bucket::Groups, WALL + 90_000).remaining, 100);
    }

    #[test]
    fn mistakes_are_explained() {
        for text in ["groups", "groups=x", "groups=40,fast", "crowds=40"] {
            let problem = text.parse::<ForeignClient>().unwrap_err();
            assert!(problem.contains("write"), "{text}: {problem}");
        }
    }
}
