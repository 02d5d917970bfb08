//! Rate limits: fixed windows per bucket, for the org and for each token or app, as Okta's headers show them.
//!
//! A window is opened by the first request of its bucket and lasts 60 seconds. A token or an app may use a share (50 % unless an
//! administrator changed it) of what the org has; answers show the tighter of the two windows.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The groups of endpoints that share one limit (of those the stand-in serves).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// `/api/v1/users`: the list of users, and the groups and roles of one user.
    Users,
    /// `/api/v1/users/{id}`.
    User,
    /// `/api/v1/groups`: the list of groups, and the members of one group.
    Groups,
    /// `/api/v1/groups/{id}`.
    Group,
    /// `/api/v1/apps`: the users and groups of one application, single ones included.
    Apps,
    /// `/api/v1/apps/{id}`.
    App,
    /// `/oauth2/v1/token`.
    Token,
    /// `/api/v1`: the org, schemas, and every path the stand-in does not know.
    Other,
}

/// Who has a share of the limits: an API token, or a service app with all its access tokens together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Principal {
    Token(usize),
    App(usize),
}

/// Requests per window of the whole org, and how many may be in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`Bucket::Users`].
    pub users: u64,
    /// See [`Bucket::User`].
    pub user: u64,
    /// See [`Bucket::Groups`].
    pub groups: u64,
    /// See [`Bucket::Group`].
    pub group: u64,
    /// See [`Bucket::Apps`].
    pub apps: u64,
    /// See [`Bucket::App`].
    pub app: u64,
    /// See [`Bucket::Token`].
    pub token: u64,
    /// See [`Bucket::Other`].
    pub other: u64,
    /// Requests being answered at one moment.
    pub concurrency: usize,
}

impl Limits {
    /// The same number for every bucket, and no cap on concurrency: what most tests of a limit want.
    pub fn all(limit: u64) -> Self {
        Self {
            users: limit,
            user: limit,
            groups: limit,
            group: limit,
            apps: limit,
            app: limit,
            token: limit,
            other: limit,
            concurrency: usize::MAX,
        }
    }

    fn of(&self, bucket: Bucket) -> u64 {
        match bucket {
            Bucket::Users => self.users,
            Bucket::User => self.user,
            Bucket::Groups => self.groups,
            Bucket::Group => self.group,
            Bucket::Apps => self.apps,
            Bucket::App => self.app,
            Bucket::Token => self.token,
            Bucket::Other => self.other,
        }
    }
}

/// Which limits the org has. The numbers are Okta's published defaults; the real ones stand in each org's dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RateLimits {
    /// A million requests per window: headers are sent as ever, and nobody meets a limit.
    #[default]
    Off,
    /// An Integrator Free org: 100 per bucket, but 20 apps and 300 token; 35 in flight.
    Integrator,
    /// A Workforce org: 600 users, 2000 user, 500 groups, 1000 group, 100 apps, 500 app, 2000 token, 1200 others, 75 in
    /// flight.
    Workforce,
    /// Any others.
    Custom(Limits),
}

impl RateLimits {
    /// The numbers behind the name, for the whole org.
    pub fn limits(&self) -> Limits {
        match self {
            Self::Off => Limits::all(1_000_000),
            Self::Integrator => Limits { apps: 20, token: 300, concurrency: 35, ..Limits::all(100) },
            Self::Workforce => Limits {
                users: 600,
                user: 2000,
                groups: 500,
                group: 1000,
                apps: 100,
                app: 500,
                token: 2000,
                other: 1200,
                concurrency: 75,
            },
            Self::Custom(limits) => *limits,
        }
    }
}

/// What the rate-limit headers of one answer say, and whether the request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) allowed: bool,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds since the Unix epoch.
    pub(crate) reset: i64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    opened: Instant,
    /// The moment shown as reset, in seconds since the epoch.
    reset: i64,
    used: u64,
}

/// Counts requests against the windows.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    share_percent: u64,
    length: Duration,
    org: BTreeMap<Bucket, Window>,
    shares: BTreeMap<(Bucket, Principal), Window>,
    history: BTreeMap<Bucket, Vec<u64>>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits, share_percent: u32, length: Duration) -> Self {
        Self {
            limits,
            share_percent: u64::from(share_percent.min(100)),
            length,
            org: BTreeMap::new(),
            shares: BTreeMap::new(),
            history: BTreeMap::new(),
        }
    }

    /// Whether one more request may be in flight for a token, which has its share of that limit too.
    pub(crate) fn has_room(&self, in_flight: usize) -> bool {
        let cap = self.limits.concurrency;
        cap == usize::MAX || in_flight <= (cap * self.share_percent as usize / 100).max(1)
    }

    /// Counts one request that arrived at `wall` milliseconds.
    pub(crate) fn admit(&mut self, bucket: Bucket, principal: Principal, wall: i64) -> Admission {
        let (org_limit, share_limit) = self.ceilings(bucket);
        if self.open(bucket, wall) {
            self.history.entry(bucket).or_default().push(0);
        }
        let fresh = self.fresh(wall);
        let length = self.length;
        let share = self.shares.entry((bucket, principal)).or_insert(fresh);
        if share.opened.elapsed() >= length {
            *share = fresh;
        }
        let org = self.org.entry(bucket).or_insert(fresh);
        let allowed = org.used < org_limit && share.used < share_limit;
        if allowed {
            org.used += 1;
            share.used += 1;
        }
        if let Some(count) = self.history.get_mut(&bucket).and_then(|windows| windows.last_mut()) {
            *count += 1;
        }
        let of_org = org_limit.saturating_sub(org.used);
        let of_share = share_limit.saturating_sub(share.used);
        match of_share <= of_org {
            true => Admission { allowed, limit: share_limit, remaining: of_share, reset: share.reset },
            false => Admission { allowed, limit: org_limit, remaining: of_org, reset: org.reset },
        }
    }

    /// What a request without a valid token is shown: the org's window, uncounted.
    pub(crate) fn glance(&mut self, bucket: Bucket, wall: i64) -> Admission {
        let (limit, _) = self.ceilings(bucket);
        let window = match self.org.get(&bucket) {
            Some(window) if window.opened.elapsed() < self.length => *window,
            _ => self.fresh(wall),
        };
        Admission { allowed: true, limit, remaining: limit.saturating_sub(window.used), reset: window.reset }
    }

    /// Counts requests that other clients of the same org make.
    pub(crate) fn use_up(&mut self, bucket: Bucket, requests: u64, wall: i64) {
        let limit = self.limits.of(bucket);
        if self.open(bucket, wall) {
            self.history.entry(bucket).or_default().push(0);
        }
        if let Some(window) = self.org.get_mut(&bucket) {
            window.used = (window.used + requests).min(limit);
        }
    }

    /// Requests per bucket and window of the org since the last reset of counts, refused ones included.
    pub(crate) fn history(&self) -> BTreeMap<Bucket, Vec<u64>> {
        self.history.clone()
    }

    /// Forgets the counts of past windows, and counts the present ones from nought; the windows themselves stay.
    pub(crate) fn reset_history(&mut self) {
        for windows in self.history.values_mut() {
            *windows = vec![0];
        }
    }

    /// The ceilings of the org and of one share.
    fn ceilings(&self, bucket: Bucket) -> (u64, u64) {
        let org = self.limits.of(bucket);
        (org, (org * self.share_percent / 100).max(1))
    }

    /// Opens the org's window where none is open; says whether it did.
    fn open(&mut self, bucket: Bucket, wall: i64) -> bool {
        let open = self.org.get(&bucket).is_some_and(|window| window.opened.elapsed() < self.length);
        if !open {
            let fresh = self.fresh(wall);
            self.org.insert(bucket, fresh);
        }
        !open
    }

    fn fresh(&self, wall: i64) -> Window {
        let end = wall + super::clock::whole_milliseconds(self.length);
        Window { opened: Instant::now(), reset: end.div_euclid(1000), used: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: i64 = 1_800_000_000_900;

    #[tokio::test(start_paused = true)]
    async fn a_window_is_opened_by_its_first_request_and_lasts_its_length() {
        let mut limiter = Limiter::new(Limits::all(4), 50, Duration::from_secs(60));
        let first = limiter.admit(Bucket::Groups, Principal::Token(0), WALL);
        assert_eq!(first, Admission { allowed: true, limit: 2, remaining: 1, reset: 1_800_000_060 });
        tokio::time::advance(Duration::from_millis(59_999)).await;
        assert!(limiter.admit(Bucket::Groups, Principal::Token(0), WALL + 59_999).allowed);
        let third = limiter.admit(Bucket::Groups, Principal::Token(0), WALL + 59_999);
        assert_eq!(third, Admission { allowed: false, limit: 2, remaining: 0, reset: 1_800_000_060 });
        tokio::time::advance(Duration::from_millis(1)).await;
        let next = limiter.admit(Bucket::Groups, Principal::Token(0), WALL + 60_000);
        assert_eq!(next, Admission { allowed: true, limit: 2, remaining: 1, reset: 1_800_000_120 });
        assert_eq!(limiter.history()[&Bucket::Groups], [3, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tighter_window_is_shown() {
        let mut limiter = Limiter::new(Limits::all(10), 50, Duration::from_secs(60));
        assert_eq!(limiter.admit(Bucket::Users, Principal::Token(0), WALL).limit, 5);
        limiter.use_up(Bucket::Users, 7, WALL);
        let seen = limiter.admit(Bucket::Users, Principal::Token(0), WALL);
        assert_eq!((seen.allowed, seen.limit, seen.remaining), (true, 10, 1));
        assert!(
            limiter.admit(Bucket::Users, Principal::Token(1), WALL).allowed,
            "another token has a share of its own"
        );
        let refused = limiter.admit(Bucket::Users, Principal::Token(0), WALL);
        assert_eq!((refused.allowed, refused.limit, refused.remaining), (false, 10, 0));
        assert!(
            limiter.admit(Bucket::User, Principal::Token(0), WALL).allowed,
            "another bucket is not touched"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_has_half_of_the_concurrency() {
        let limiter = Limiter::new(RateLimits::Workforce.limits(), 50, Duration::from_secs(60));
        assert!(limiter.has_room(37));
        assert!(!limiter.has_room(38));
    }
}
