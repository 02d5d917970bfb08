//! Rate limits over the wire (law 9): a run never meets a 429 of its own making.
//!
//! Time is paused: minutes of waiting pass at once, for the source and for the stand-in alike.

use std::time::Duration;

use sandbox::okta::{Bucket, Fault, FaultKind, Limits, Options, PageSizes, RateLimits, Route, Status};
use tokio::time::Instant;
use usersyncd::http::Patience;
use usersyncd::source::{LogPlace, Since, Source, SourceError};

use super::support::{Bench, patience, request, users_proof};

/// Long enough that requests overlap, as they do with a real org.
const LATENCY: Duration = Duration::from_millis(250);

fn options() -> Options {
    Options {
        users: 450,
        groups: 140,
        memberships: 1_200,
        seed: 5,
        rate_limits: RateLimits::Integrator,
        latency: LATENCY,
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn law_9_under_the_limits_of_the_smallest_org_no_request_is_refused() {
    for (budget, clock_skew) in [(50, 0), (100, 5_000), (20, -5_000)] {
        let bench = Bench::start_with(Options { clock_skew, ..options() }, patience(), budget).await;
        let began = Instant::now();
        bench.assert_whole(&bench.read().await);
        let requests = bench.okta.requests();
        assert_eq!(requests.too_many(), 0, "{budget} %");
        // The token sees half of the org's 100, and the last tenth of those stays.
        let allowance = (50 * u64::from(budget) / 100).min(46);
        assert!(
            requests.windows[&Bucket::Groups].iter().all(|used| *used <= allowance),
            "{:?}",
            requests.windows
        );
        let windows =
            requests.windows.values().map(|windows| windows.iter().sum::<u64>().div_ceil(allowance)).max();
        let most = Duration::from_secs(64) * u32::try_from(windows.unwrap()).unwrap();
        assert!(began.elapsed() <= most, "{budget} %: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn law_9_an_application_has_tight_limits_of_its_own() {
    let pages = PageSizes { app_users: 2, ..PageSizes::default() };
    let bench = Bench::start(Options { users: 80, groups: 60, memberships: 90, pages, ..options() }).await;
    let org = bench.okta.org();
    let app = org.add_app("Jira");
    let users = org.users().into_iter().filter(|user| user.status != Status::Deprovisioned);
    let present: Vec<_> = users.map(|user| user.id).collect();
    for user in &present {
        org.assign_user(&app, user);
    }
    for group in org.groups().iter().filter(|group| group.kind != "BUILT_IN") {
        org.assign_group(&app, &group.id);
    }
    let source = bench.scoped(|settings| settings.app = Some(app.clone()));
    let began = Instant::now();
    let snapshot = source.read(&request(), &bench.control).await.unwrap();
    let took = began.elapsed();
    assert_eq!((snapshot.users.len(), users_proof(&snapshot)), (present.len(), None));
    let requests = bench.okta.requests();
    assert!(requests.of(Route::AppUsers) > 20, "more than fit into a window of the org");
    assert_eq!(requests.too_many(), 0);
    // The token sees half of the org's 20, and the last tenth of those stays. Groups do not wait for these windows.
    let windows = requests.of(Route::AppUsers).div_ceil(9) + 1;
    assert!(took <= Duration::from_secs(64 * windows), "{took:?} for {windows} windows");
}

#[tokio::test(start_paused = true)]
async fn law_9_connectors_of_one_org_share_its_limits() {
    let bench = Bench::start_with(options(), patience(), 50).await;
    let other = bench.another(50);
    let request = request();
    let (one, two) =
        tokio::join!(bench.source.read(&request, &bench.control), other.read(&request, &bench.control));
    bench.assert_whole(&one.unwrap());
    bench.assert_whole(&two.unwrap());
    let requests = bench.okta.requests();
    assert_eq!(requests.too_many(), 0);
    assert!(requests.windows[&Bucket::Groups].iter().all(|used| *used <= 25), "{:?}", requests.windows);
}

#[tokio::test(start_paused = true)]
async fn law_9_connectors_with_tokens_of_their_own_share_the_limits_of_the_org_too() {
    const OTHER: &str = "00another-token-of-the-org";
    let bench =
        Bench::start_with(Options { more_tokens: vec![OTHER.into()], ..options() }, patience(), 100).await;
    let other = bench.with_token(OTHER);
    let request = request();
    // Half a window apart, so that the windows of the two tokens never agree.
    let later = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        other.read(&request, &bench.control).await
    };
    let (one, two) = tokio::join!(bench.source.read(&request, &bench.control), later);
    bench.assert_whole(&one.unwrap());
    bench.assert_whole(&two.unwrap());
    assert_eq!(bench.okta.requests().too_many(), 0);
}

#[tokio::test(start_paused = true)]
async fn law_9_the_log_has_limits_of_its_own() {
    let bench = Bench::start_with(options(), patience(), 50).await;
    let mut snapshot = bench.read().await;
    let since = Since::Log(LogPlace::Time(snapshot.began.unwrap()));
    for _ in 0..12 {
        bench.source.read_changes(&mut snapshot, &since, &request(), &bench.control).await.unwrap();
    }
    let requests = bench.okta.requests();
    assert_eq!((requests.of(Route::Logs), requests.too_many()), (12, 0));
    // Half of what the token sees, which is half of the org's 20.
    let windows = &requests.windows[&Bucket::Logs];
    assert!(windows.len() >= 3 && windows.iter().all(|used| *used <= 5), "{windows:?}");
}

#[tokio::test(start_paused = true)]
async fn law_9_what_others_have_used_up_is_waited_for() {
    let limits = Limits { groups: 200, ..Limits::all(1_000) };
    let rate_limits = RateLimits::Custom(limits);
    let bench = Bench::start_with(Options { rate_limits, ..options() }, patience(), 50).await;
    bench.okta.use_up(Bucket::Groups, 185);
    bench.assert_whole(&bench.read().await);
    let requests = bench.okta.requests();
    assert_eq!(requests.too_many(), 0);
    assert!(requests.windows[&Bucket::Groups].len() >= 3, "{:?}", requests.windows);
}

#[tokio::test(start_paused = true)]
async fn a_429_is_survived_and_its_window_waited_for() {
    let bench = Bench::start(Options { users: 50, groups: 3, memberships: 30, ..options() }).await;
    let fault = bench.okta.fault(Fault::on(Route::Members).kind(FaultKind::Status(429)).times(2));
    bench.assert_whole(&bench.read().await);
    assert_eq!(bench.okta.met(fault), 2);
}

#[tokio::test(start_paused = true)]
async fn too_many_at_once_makes_fewer() {
    let limits = Limits { concurrency: 6, ..Limits::all(100_000) };
    let rate_limits = RateLimits::Custom(limits);
    let bench = Bench::start(Options { rate_limits, token_share_percent: 50, ..options() }).await;
    bench.assert_whole(&bench.read().await);
    let requests = bench.okta.requests();
    let refused = requests.too_many();
    assert!((1..=8).contains(&refused), "{refused} were refused, nearly all at the start");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_other_clients_is_outlasted_and_one_without_end_is_told_apart_from_a_used_up_limit() {
    let few = || Options { users: 50, groups: 3, memberships: 30, ..options() };
    let as_in_service = Patience::default();
    let bench = Bench::start_with(few(), as_in_service, 50).await;
    let burst = bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::TooManyAtOnce));
    let over = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.okta.clear_faults();
    };
    let (snapshot, ()) = tokio::join!(bench.read(), over);
    bench.assert_whole(&snapshot);
    assert!(bench.okta.met(burst) >= 2);

    let bench = Bench::start_with(few(), as_in_service, 50).await;
    let endless = bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::TooManyAtOnce));
    let SourceError::Unreachable(text) = bench.try_read().await.unwrap_err() else { panic!("another error") };
    assert_eq!(bench.okta.met(endless), 5);
    assert!(text.contains("too many requests at the same time in this org"), "{text}");
    assert!(text.contains("busy") && !text.contains("uses up the rate limit"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn headers_that_lie_or_lack_delay_nobody() {
    for kind in [FaultKind::NoRateHeaders, FaultKind::ZeroLimit, FaultKind::ResetInPast] {
        let bench = Bench::start(Options { rate_limits: RateLimits::Off, ..options() }).await;
        let fault = bench.okta.fault(Fault::on(Route::Any).kind(kind.clone()));
        let began = Instant::now();
        bench.assert_whole(&bench.read().await);
        assert_eq!(bench.okta.met(fault), bench.okta.requests().total, "{kind:?}");
        assert!(began.elapsed() < Duration::from_secs(60), "{kind:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_a_window_shows_it_and_can_be_cancelled() {
    let bench = Bench::start_with(options(), patience(), 50).await;
    let control = bench.control.clone();
    let watch = async {
        while control.progress.view().waiting_for_rate_limit == 0 {
            tokio::time::sleep(LATENCY).await;
        }
        control.cancel.cancel();
        Instant::now()
    };
    let (result, cancelled) = tokio::join!(bench.try_read(), watch);
    assert!(matches!(result, Err(SourceError::Cancelled)), "{result:?}");
    assert_eq!(cancelled.elapsed(), Duration::ZERO);
    assert_eq!(control.progress.view().waiting_for_rate_limit, 0);
}
