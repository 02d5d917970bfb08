//! Headers that contradict each other, clocks that jump, links that forget, records without measure, and lists without end.

use std::time::Duration;

use sandbox::okta::{Bucket, Fault, FaultKind, ForeignClient, NewUser, Options, RateLimits, Route, Spread};
use tokio::time::Instant;
use usersyncd::http::Patience;
use usersyncd::source::Source;

use super::support::{Bench, patience, request};

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
async fn rate_headers_that_come_twice_count_by_the_tighter_of_them() {
    for kind in [FaultKind::RateHeadersTwice, FaultKind::RateHeadersJoined] {
        let bench = Bench::start_with(options(), patience(), 50).await;
        let fault = bench.okta.fault(Fault::on(Route::Any).kind(kind.clone()));
        bench.assert_whole(&bench.read().await);
        let requests = bench.okta.requests();
        assert_eq!(bench.okta.met(fault), requests.total, "{kind:?}");
        assert_eq!(requests.too_many(), 0, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_of_the_window_an_hour_ahead_is_no_reason_to_wait_for_an_hour() {
    let bench = Bench::start_with(options(), patience(), 50).await;
    let fault = bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::ResetAhead));
    let began = Instant::now();
    bench.assert_whole(&bench.read().await);
    assert!(bench.okta.met(fault) > 0);
    assert_eq!(bench.okta.requests().too_many(), 0);
    assert!(began.elapsed() < Duration::from_secs(600), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_a_date_a_window_is_taken_to_be_a_whole_one() {
    let bench = Bench::start_with(options(), patience(), 50).await;
    let fault = bench.okta.fault(Fault::on(Route::Any).kind(FaultKind::NoDate));
    bench.assert_whole(&bench.read().await);
    let requests = bench.okta.requests();
    assert_eq!((bench.okta.met(fault), requests.too_many()), (requests.total, 0));
}

#[tokio::test(start_paused = true)]
async fn a_clock_of_the_org_that_jumps_does_not_move_its_windows() {
    for seconds in [-7_200, -30, 45, 7_200] {
        let bench = Bench::start_with(options(), patience(), 50).await;
        let jump = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            bench.okta.move_clock(seconds);
        };
        let began = Instant::now();
        let (snapshot, ()) = tokio::join!(bench.read(), jump);
        bench.assert_whole(&snapshot);
        assert_eq!(bench.okta.requests().too_many(), 0, "{seconds} s");
        assert!(began.elapsed() < Duration::from_secs(900), "{seconds} s: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_forgets_the_counts_is_reminded_of_them() {
    let off = Options { rate_limits: RateLimits::Off, groups: 450, memberships: 900, ..options() };
    let bench = Bench::start(off).await;
    let org = bench.okta.org();
    let is_empty = |id: &str| org.members(id).is_empty();
    let groups = org.groups();
    let empty = groups.iter().filter(|group| group.kind != "BUILT_IN" && is_empty(&group.id)).count() as u64;
    assert!(empty > 0);
    let fault = bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::DropExpand));
    bench.assert_whole(&bench.read().await);
    assert!(bench.okta.met(fault) >= 2);
    // An empty group of which the count is known costs no request.
    assert_eq!(bench.okta.requests().of(Route::Members), 450 - empty);
}

#[tokio::test]
async fn a_profile_of_a_megabyte_is_read_like_any_other() {
    let bench = Bench::start(Options { users: 30, ..Options::default() }).await;
    let fault = bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::LargeProfile(1 << 20)));
    bench.assert_whole(&bench.read().await);
    assert_eq!(bench.okta.met(fault), 1);
    bench.okta.clear_faults();
    let mut whole = request();
    whole.attributes = ["profile", "profile.login"].map(Into::into).into();
    let large = bench.okta.org().add_user(NewUser::new("large@example.com"));
    bench.okta.org().update_profile(&large, "notes", "x".repeat(1 << 20));
    let snapshot = bench.read_as(&whole).await;
    let user = snapshot.users.iter().find(|user| user.id.0 == large).unwrap();
    assert!(user.attributes[0].render().len() > 1 << 20, "where it is asked for, all of it comes");
}

#[tokio::test]
async fn two_hundred_thousand_groups_are_listed() {
    let everything = Options { users: 5, groups: 200_000, memberships: 0, ..Options::default() };
    let bench = Bench::start(everything).await;
    let snapshot = bench.read().await;
    assert_eq!(snapshot.groups.len(), 200_001);
    assert!(snapshot.groups_proof.is_proven());
    assert_eq!(bench.okta.requests().of(Route::Members), 0, "nobody is in them");
}

/// Two connectors and somebody else use one org; nobody is refused anything for our sake.
#[tokio::test(start_paused = true)]
async fn law_9_two_connectors_and_a_foreign_client_get_along_without_a_429() {
    for spread in [Spread::Even, Spread::Burst] {
        let org =
            Options { rate_limits: RateLimits::Workforce, groups: 400, memberships: 4_000, ..options() };
        let bench = Bench::start_with(org, Patience::default(), 50).await;
        for bucket in [Bucket::Users, Bucket::Groups] {
            bench.okta.foreign(ForeignClient { bucket, percent_of_limit: 40, spread });
        }
        let other = bench.another(50);
        let request = request();
        let (one, two) = tokio::join!(bench.read(), other.read(&request, &bench.control));
        bench.assert_whole(&one);
        bench.assert_whole(&two.unwrap());
        let requests = bench.okta.requests();
        assert!(requests.foreign > 500, "{}", requests.foreign);
        assert_eq!((requests.too_many(), requests.foreign_limited), (0, 0), "{spread:?}");
    }
}
