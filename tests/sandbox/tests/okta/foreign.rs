//! Other clients of the same org.

use std::time::Duration;

use sandbox::okta::{Bucket, ForeignClient, Limits, Okta, Options, RateLimits, Spread};

use crate::client::{get, plain};

async fn org(limit: u64) -> Okta {
    let rate_limits = RateLimits::Custom(Limits::all(limit));
    Okta::start(Options { rate_limits, ..Options::default() }).await.unwrap()
}

fn groups(percent_of_limit: u32, spread: Spread) -> ForeignClient {
    ForeignClient { bucket: Bucket::Groups, percent_of_limit, spread }
}

#[tokio::test(start_paused = true)]
async fn another_client_uses_the_window_while_time_passes() {
    let okta = org(100).await;
    okta.foreign(groups(80, Spread::Even));
    let first = get(&okta, "/api/v1/groups").await;
    assert_eq!((first.number("x-rate-limit-limit"), first.number("x-rate-limit-remaining")), (50, 49));
    tokio::time::advance(Duration::from_secs(45)).await;
    let second = get(&okta, "/api/v1/groups").await;
    assert_eq!(
        (second.number("x-rate-limit-limit"), second.number("x-rate-limit-remaining")),
        (100, 38),
        "the org's window is tighter now"
    );
    tokio::time::advance(Duration::from_secs(14)).await;
    for expected in [200; 20].into_iter().chain([429; 2]) {
        assert_eq!(get(&okta, "/api/v1/groups").await.status, expected);
    }
    let counts = okta.requests();
    assert_eq!((counts.limited, counts.crowded_out, counts.foreign), (2, 2, 78));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(okta.requests().foreign_limited, 2, "it did not get its last two");
    let next = get(&okta, "/api/v1/groups").await;
    assert_eq!((next.status, next.number("x-rate-limit-remaining")), (200, 49));
    assert_eq!(okta.requests().windows[&Bucket::Groups], [24, 1], "its requests are not ours");
    assert_eq!(get(&okta, "/api/v1/users").await.number("x-rate-limit-remaining"), 49);
    okta.reset_counts();
    assert_eq!((okta.requests().foreign, okta.requests().crowded_out), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_burst_leaves_less_from_the_start() {
    let okta = org(100).await;
    okta.foreign(groups(70, Spread::Burst));
    assert_eq!(get(&okta, "/api/v1/groups").await.number("x-rate-limit-remaining"), 29);
    tokio::time::advance(Duration::from_secs(61)).await;
    let second = get(&okta, "/api/v1/groups").await;
    assert_eq!(second.number("x-rate-limit-remaining"), 29);
    let date = chrono::DateTime::parse_from_rfc2822(second.header("date")).unwrap().timestamp();
    assert_eq!(second.number("x-rate-limit-reset") - date, 59, "its window began with its burst");
}

#[tokio::test(start_paused = true)]
async fn the_admin_interface_lets_it_begin_and_end() {
    let okta = org(100).await;
    let post = async |body: &str| {
        let request = plain().post(format!("{}/sandbox/foreign", okta.url())).body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post("groups=70,burst").await, 200);
    assert_eq!(get(&okta, "/api/v1/groups").await.number("x-rate-limit-remaining"), 29);
    let state = get(&okta, "/sandbox/state").await.json();
    assert_eq!(
        (&state["requests"]["foreign"], &state["requests"]["foreign_limited"]),
        (&70.into(), &0.into())
    );
    assert_eq!(post("groups=0").await, 200);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(get(&okta, "/api/v1/groups").await.number("x-rate-limit-remaining"), 49);
    assert_eq!(post("groups=many").await, 400);
}
