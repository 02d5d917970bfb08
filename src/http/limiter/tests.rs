//! The limiter against a simulated Okta, under paused time: minutes pass in an instant, and every run is the same.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};

use super::*;
use crate::http::headers::rate_limits;

/// One bucket of an org as Okta keeps it: windows of 60 s that the first request opens.
struct Server {
    limit: u64,
    /// How far its clock is from this host's, in seconds.
    skew: i64,
    started: Instant,
    window_ends: Instant,
    left: u64,
    /// Our requests, one number for each window.
    windows: Vec<u64>,
    refused: u64,
    least_left: u64,
}

impl Server {
    fn new(limit: u64, skew: i64) -> Rc<RefCell<Self>> {
        let now = Instant::now();
        let windows = Vec::new();
        Rc::new(RefCell::new(Self {
            limit,
            skew,
            started: now,
            window_ends: now,
            left: limit,
            windows,
            refused: 0,
            least_left: limit,
        }))
    }

    fn wall(&self, at: Instant) -> i64 {
        1_759_127_097 + self.skew + i64::try_from((at - self.started).as_secs()).unwrap()
    }

    /// Counts a request, ours or another client's; false if it is refused.
    fn count(&mut self, ours: bool) -> bool {
        let now = Instant::now();
        if now >= self.window_ends {
            self.window_ends = now + Duration::from_secs(60);
            self.left = self.limit;
            self.windows.push(0);
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if ours {
            *self.windows.last_mut().unwrap() += 1;
            self.least_left = self.least_left.min(self.left);
        }
        true
    }

    fn answer(&mut self) -> (StatusCode, HeaderMap) {
        let status = if self.count(true) { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
        self.refused += u64::from(status != StatusCode::OK);
        let date = chrono::DateTime::from_timestamp(self.wall(Instant::now()), 0).unwrap();
        let lines = [
            ("date", date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            ("x-rate-limit-limit", self.limit.to_string()),
            ("x-rate-limit-remaining", self.left.to_string()),
            ("x-rate-limit-reset", self.wall(self.window_ends).to_string()),
        ];
        let headers =
            lines.into_iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        (status, headers.collect())
    }
}

/// Makes `count` requests from `side_by_side` readers of one connector.
async fn read(
    limiter: &Arc<Limiter>,
    server: &Rc<RefCell<Server>>,
    budget: u8,
    side_by_side: usize,
    count: usize,
) {
    let left = RefCell::new(count);
    let random = RefCell::new(fastrand::Rng::with_seed(7));
    let progress = Progress::default();
    join_all((0..side_by_side).map(async |_| {
        while *left.borrow() > 0 {
            *left.borrow_mut() -= 1;
            let permit = limiter.admit(Claim { bucket: "users", budget, client: 0 }, &progress).await;
            let way = Duration::from_millis(random.borrow_mut().u64(20..600));
            tokio::time::sleep(way).await;
            let (status, headers) = server.borrow_mut().answer();
            tokio::time::sleep(way / 2).await;
            permit.hear(rate_limits(status, &headers));
            drop(permit);
        }
    }))
    .await;
    assert_eq!(progress.view().waiting_for_rate_limit, 0);
}

fn limiter() -> Arc<Limiter> {
    Arc::new(Limiter::new("acme.okta.com".to_owned(), Metrics::new()))
}

#[tokio::test(start_paused = true)]
async fn law_9_a_thousand_requests_use_the_budget_well_and_never_meet_a_429() {
    for (limit, budget, skew) in
        [(600, 50, 0), (300, 50, 3600), (100, 50, -7200), (50, 20, 1), (600, 100, -1)]
    {
        let (limiter, server) = (limiter(), Server::new(limit, skew));
        let began = Instant::now();
        read(&limiter, &server, budget, 10, 1000).await;
        let server = server.borrow();
        let allowance = (limit * u64::from(budget) / 100).min(limit - limit / 10 + 1);
        let least_windows = 1000_u64.div_ceil(allowance);
        assert_eq!(server.refused, 0, "{limit} at {budget} %");
        assert!(
            server.windows.iter().all(|used| *used <= allowance),
            "{limit} at {budget} %: {:?}",
            server.windows
        );
        // Each window costs its minute, the margin, and what a probe takes.
        let most = Duration::from_secs(63) * u32::try_from(least_windows).unwrap();
        assert!(began.elapsed() <= most, "{limit} at {budget} %: {:?} of {most:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn law_9_another_client_in_the_org_gets_what_the_budget_leaves_and_we_meet_no_429() {
    for share in [40, 60, 89] {
        let (limiter, server) = (limiter(), Server::new(100, 0));
        let stopped = tokio_util::sync::CancellationToken::new();
        let refused_other = RefCell::new(0);
        let other = async {
            while !stopped.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(60_000 / share)).await;
                *refused_other.borrow_mut() += u64::from(!server.borrow_mut().count(false));
            }
        };
        let ours = async {
            read(&limiter, &server, 50, 10, 300).await;
            stopped.cancel();
        };
        tokio::join!(other, ours);
        let server = server.borrow();
        assert_eq!(server.refused, 0, "another client that uses {share} %");
        if share <= 50 {
            assert_eq!(*refused_other.borrow(), 0, "another client that uses no more than we leave");
        }
        assert!(server.windows.iter().all(|used| *used <= 50), "{:?}", server.windows);
        assert!(server.least_left >= 9, "the last tenth was touched: {} left", server.least_left);
    }
}

#[tokio::test(start_paused = true)]
async fn law_9_a_daemon_that_is_started_again_keeps_to_the_budget_of_the_window() {
    let server = Server::new(100, 0);
    for _ in 0..3 {
        read(&limiter(), &server, 50, 1, 30).await;
    }
    let server = server.borrow();
    assert_eq!(server.refused, 0);
    assert!(server.windows.iter().all(|used| *used <= 50), "{:?}", server.windows);
    assert_eq!(server.windows.iter().sum::<u64>(), 90);
}

#[tokio::test(start_paused = true)]
async fn two_connectors_share_the_budget_of_the_org_fairly() {
    let (limiter, server) = (limiter(), Server::new(100, 0));
    let ended = RefCell::new(Vec::new());
    let connector = async |name: &'static str| {
        read(&limiter, &server, 50, 4, 200).await;
        ended.borrow_mut().push((name, Instant::now()));
    };
    tokio::join!(connector("one"), connector("two"));
    let server = server.borrow();
    assert_eq!(server.refused, 0);
    assert!(server.windows.iter().all(|used| *used <= 50), "{:?}", server.windows);
    let ended = ended.borrow();
    assert!(
        ended[1].1 - ended[0].1 <= Duration::from_secs(61),
        "both end in the same window or the next: {ended:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_gives_its_place_and_its_count_back() {
    let limiter = limiter();
    let progress = Progress::default();
    let claim = Claim { bucket: "users", budget: 50, client: 0 };
    let permit = limiter.admit(claim, &progress).await;
    let reading =
        crate::http::rate::Reading { limit: 100, remaining: 0, left: Some(Duration::from_secs(60)) };
    permit.hear(Heard::Window(reading));
    drop(permit);
    {
        let wait = std::pin::pin!(limiter.admit(claim, &progress));
        assert!(futures_util::poll!(wait).is_pending());
        assert_eq!(progress.view().waiting_for_rate_limit, 1);
    }
    assert_eq!(progress.view().waiting_for_rate_limit, 0);
    let began = Instant::now();
    let next = limiter.admit(claim, &progress).await;
    assert_eq!(began.elapsed(), Duration::from_secs(61), "nobody else stands in the queue");
    assert_eq!(progress.view().waiting_for_rate_limit, 0);
    // Under way and never answered: the place is free again all the same.
    drop(next);
    let began = Instant::now();
    drop(limiter.admit(claim, &progress).await);
    assert_eq!(began.elapsed(), Duration::ZERO);
}
