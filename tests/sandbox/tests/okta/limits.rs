//! Rate limits and who may ask.

use std::time::Duration;

use sandbox::okta::{Bucket, Fault, FaultKind, Limits, Okta, Options, RateLimits, Route};

use crate::client::{get, plain, raw};

async fn limited(limit: u64) -> Okta {
    let rate_limits = RateLimits::Custom(Limits::all(limit));
    Okta::start(Options { rate_limits, ..Options::default() }).await.unwrap()
}

fn seconds(http_date: &str) -> i64 {
    chrono::DateTime::parse_from_rfc2822(http_date).unwrap().timestamp()
}

#[tokio::test(start_paused = true)]
async fn a_token_has_half_of_a_window_and_then_429() {
    let okta = limited(6).await;
    let group = okta.org().groups()[0].id.clone();
    let first = get(&okta, "/api/v1/groups").await;
    assert_eq!((first.number("x-rate-limit-limit"), first.number("x-rate-limit-remaining")), (3, 2));
    let wait = first.number("x-rate-limit-reset") - seconds(first.header("date"));
    assert_eq!(wait, 60);
    get(&okta, &format!("/api/v1/groups/{group}/users")).await;
    get(&okta, "/api/v1/groups").await;
    let refused = get(&okta, "/api/v1/groups").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.error().0, "E0000047");
    assert_eq!(refused.json()["errorSummary"], "API call exceeded rate limit due to too many requests.");
    assert_eq!((refused.number("x-rate-limit-limit"), refused.number("x-rate-limit-remaining")), (3, 0));
    assert_eq!(refused.header("x-rate-limit-reset"), first.header("x-rate-limit-reset"));
    assert_eq!(refused.header("content-type"), "application/json");
    assert_eq!(refused.header("retry-after"), "", "Okta sends none");
    assert_eq!(refused.header("cache-control"), "");
    assert_eq!(get(&okta, &format!("/api/v1/groups/{group}")).await.status, 200, "another bucket");
    assert_eq!(get(&okta, "/api/v1/users").await.status, 200, "another bucket");

    tokio::time::advance(Duration::from_secs(60)).await;
    let next = get(&okta, "/api/v1/groups").await;
    assert_eq!((next.status, next.number("x-rate-limit-remaining")), (200, 2));
    let counts = okta.requests();
    assert_eq!(counts.windows[&Bucket::Groups], [4, 1]);
    assert_eq!((counts.limited, counts.too_many(), counts.of(Route::Members)), (1, 1, 1));
    okta.reset_counts();
    assert_eq!(okta.requests().total, 0);
}

#[tokio::test]
async fn others_use_up_what_the_org_has() {
    let okta = limited(10).await;
    okta.use_up(Bucket::Users, 8);
    let seen = get(&okta, "/api/v1/users").await;
    assert_eq!((seen.number("x-rate-limit-limit"), seen.number("x-rate-limit-remaining")), (10, 1));
    assert_eq!(get(&okta, "/api/v1/users").await.status, 200);
    assert_eq!(get(&okta, "/api/v1/users").await.status, 429);
}

#[tokio::test]
async fn an_integrator_org_shows_fifty() {
    let okta =
        Okta::start(Options { rate_limits: RateLimits::Integrator, ..Options::default() }).await.unwrap();
    assert_eq!(get(&okta, "/api/v1/users").await.number("x-rate-limit-limit"), 50);
    let okta =
        Okta::start(Options { rate_limits: RateLimits::Workforce, ..Options::default() }).await.unwrap();
    for (path, limit) in [("users", 300), ("groups", 250), ("org", 600)] {
        assert_eq!(
            get(&okta, &format!("/api/v1/{path}")).await.number("x-rate-limit-limit"),
            limit,
            "{path}"
        );
    }
}

#[tokio::test]
async fn too_many_at_a_time_is_another_429() {
    let rate_limits = RateLimits::Custom(Limits { concurrency: 4, ..Limits::all(1000) });
    let okta = Okta::start(Options { rate_limits, ..Options::default() }).await.unwrap();
    let stalled = okta.fault(Fault::on(Route::Org).kind(FaultKind::Stall).times(2));
    let ask = || get(&okta, "/api/v1/org");
    let third = async {
        while okta.met(stalled) < 2 {
            tokio::task::yield_now().await;
        }
        ask().await
    };
    let refused = tokio::select! {
        refused = third => refused,
        _ = ask() => panic!("the first was to wait"),
        _ = ask() => panic!("the second was to wait"),
    };
    assert_eq!((refused.status, refused.error().0.as_str()), (429, "E0000047"));
    assert_eq!((refused.number("x-rate-limit-limit"), refused.number("x-rate-limit-remaining")), (0, 0));
    assert!(refused.number("x-rate-limit-reset") > seconds(refused.header("date")) + 60, "far off");
    assert_eq!((okta.requests().max_in_flight, okta.requests().limited), (3, 1));
    // Both have hung up: there is room as soon as the server has noticed.
    while ask().await.status == 429 {}
}

#[tokio::test]
async fn without_the_right_token_there_is_only_401() {
    let okta = limited(10).await;
    let client = plain();
    for authorization in [None, Some("SSWS wrong"), Some("Bearer 00stand-in-token"), Some("SSWS")] {
        let mut request = client.get(format!("{}/api/v1/users", okta.url()));
        if let Some(value) = authorization {
            request = request.header("Authorization", value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["x-rate-limit-limit"], "10", "401s carry the headers");
        let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(
            (&body["errorCode"], &body["errorSummary"]),
            (&"E0000011".into(), &"Invalid token provided".into())
        );
    }
    let glued = client
        .get(format!("{}/api/v1/users", okta.url()))
        .header("Authorization", format!("SSWS{}", okta.token()));
    assert_eq!(glued.send().await.unwrap().status(), 200, "one client writes no space");
    assert!(
        okta.log()[0].contains("authorization=absent") && okta.log()[0].ends_with("-> 401"),
        "{:?}",
        okta.log()
    );
    assert!(okta.log()[1].contains("authorization=wrong"));
    assert!(okta.log()[4].contains("authorization=accepted"));
    assert!(okta.log().iter().all(|line| !line.contains(okta.token())), "the token is in no log");
}

#[tokio::test]
async fn each_token_has_its_own_share() {
    let rate_limits = RateLimits::Custom(Limits::all(4));
    let more_tokens = vec!["another".to_owned()];
    let okta = Okta::start(Options { rate_limits, more_tokens, ..Options::default() }).await.unwrap();
    for expected in [200, 200, 429] {
        assert_eq!(get(&okta, "/api/v1/org").await.status, expected);
    }
    let client = plain();
    let request = client.get(format!("{}/api/v1/org", okta.url())).header("Authorization", "SSWS another");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn the_servers_clock_may_be_wrong() {
    let date = async |clock_skew: i64| {
        let okta = Okta::start(Options { clock_skew, ..Options::default() }).await.unwrap();
        let answer = get(&okta, "/api/v1/org").await;
        (seconds(answer.header("date")), answer.number("x-rate-limit-reset"))
    };
    let (before, ahead, after) = (date(0).await.0, date(7200).await, date(0).await.0);
    assert!((before..=after).contains(&(ahead.0 - 7200)), "{before} {ahead:?} {after}");
    assert_eq!(ahead.1 - ahead.0, 60, "the reset is told by the same clock");
}

#[tokio::test]
async fn every_answer_looks_like_oktas() {
    let okta = Okta::start(Options::default()).await.unwrap();
    let answer = raw(&okta, "/api/v1/org").await.unwrap();
    for start in [
        "HTTP/1.1 200",
        "x-okta-request-id: ",
        "set-cookie: JSESSIONID=",
        "cache-control: no-cache, no-store",
    ] {
        assert!(answer.lines().any(|line| line.starts_with(start)), "{start} is missing in {answer}");
    }
    assert_eq!(answer.lines().filter(|line| line.starts_with("date: ")).count(), 1);
    let missing = get(&okta, "/api/v1/nothing").await;
    assert_eq!((missing.status, missing.error().0.as_str()), (404, "E0000008"));
    let client = plain();
    let request =
        client.post(format!("{}/api/v1/users", okta.url())).header("Authorization", "SSWS 00stand-in-token");
    assert_eq!(request.send().await.unwrap().status(), 405, "it is for reading only");
}
