//! The System Log as it is read.

use std::time::Duration;

use sandbox::okta::{
    Bucket, Fault, FaultKind, LogOptions, NewUser, Okta, Options, RateLimits, Route, StaleCursor, Status,
};
use serde_json::Value;

use crate::client::{Answer, get, walk};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn empty(log: LogOptions) -> Okta {
    Okta::start(Options { log, ..Options::empty() }).await.unwrap()
}

/// Makes this many events, one after the other.
fn make(okta: &Okta, events: usize) {
    (0..events).for_each(|number| drop(okta.org().add_group(&format!("group {number}"))));
}

fn uuids(page: &Answer) -> Vec<String> {
    let uuid = |event: &Value| event["uuid"].as_str().unwrap().to_owned();
    page.json().as_array().unwrap().iter().map(uuid).collect()
}

/// The names of the groups that a page tells of.
fn names(page: &Answer) -> Vec<String> {
    let name = |event: &Value| event["target"][0]["displayName"].as_str().unwrap().to_owned();
    page.json().as_array().unwrap().iter().map(name).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The stand-in's own time, moved by some seconds.
async fn moment(okta: &Okta, seconds: i64) -> String {
    let answer = get(okta, "/api/v1/org").await;
    let date = chrono::DateTime::parse_from_rfc2822(answer.header("date")).unwrap();
    (date + chrono::TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[tokio::test(start_paused = true)]
async fn polling_always_has_a_next_and_an_empty_page_is_its_own() {
    let okta = Okta::start(Options::default()).await.unwrap();
    let nothing = get(&okta, "/api/v1/logs").await;
    assert_eq!((nothing.status, nothing.body.as_slice()), (200, b"[]".as_slice()), "no past is made up");
    let start = nothing.link("next").unwrap();
    let still = get(&okta, &start).await;
    assert_eq!((still.link("next"), still.link("self")), (Some(start.clone()), Some(start.clone())));

    make(&okta, 5);
    let first = get(&okta, &format!("{start}&sortOrder=ASCENDING").replace("limit=100", "limit=3")).await;
    assert_eq!(names(&first), ["group 0", "group 1", "group 2"]);
    let next = first.link("next").unwrap();
    let cursor = next.split_once("after=").unwrap().1.split('&').next().unwrap();
    let (milliseconds, number) = cursor.split_once('_').unwrap();
    assert!(milliseconds.len() == 13 && number.parse::<u64>().is_ok(), "{cursor}");
    assert!(next.ends_with("&limit=3&sortOrder=ASCENDING"), "{next}");
    let second = get(&okta, &next).await;
    assert_eq!(names(&second), ["group 3", "group 4"]);
    let third = get(&okta, &second.link("next").unwrap()).await;
    assert_eq!((uuids(&third).len(), third.link("next")), (0, second.link("next")));
    make(&okta, 1);
    assert_eq!(names(&get(&okta, &third.link("next").unwrap()).await), ["group 0"], "and on it goes");
}

#[tokio::test]
async fn a_page_has_a_hundred_events_and_never_more_than_a_thousand() {
    let okta = empty(LogOptions::default()).await;
    make(&okta, 1100);
    for (path, size) in [("", 100), ("?limit=1000", 1000), ("?limit=5000", 1000), ("?limit=7", 7)] {
        assert_eq!(uuids(&get(&okta, &format!("/api/v1/logs{path}")).await).len(), size, "{path}");
    }
    assert_eq!(get(&okta, "/api/v1/logs?limit=x").await.error().0, "E0000001");
}

#[tokio::test(start_paused = true)]
async fn a_span_of_time_ends() {
    let okta = empty(LogOptions::default()).await;
    for _ in 0..4 {
        make(&okta, 2);
        tokio::time::advance(Duration::from_secs(100)).await;
    }
    let (from, to) = (moment(&okta, -310).await, moment(&okta, -150).await);
    let span = format!("/api/v1/logs?since={from}&until={to}&limit=3");
    let pages = walk(&okta, &span).await;
    assert_eq!(pages.iter().map(|page| uuids(page).len()).collect::<Vec<_>>(), [3, 1]);
    let mut ascending: Vec<String> = pages.iter().flat_map(uuids).collect();
    let falling = walk(&okta, "/api/v1/logs?sortOrder=DESCENDING&limit=3").await;
    let falling: Vec<String> = falling.iter().flat_map(uuids).collect();
    assert_eq!(falling.len(), 8);
    ascending.reverse();
    assert_eq!(falling[2..6], ascending, "the same four, in the other order");
    let since = moment(&okta, -150).await;
    assert_eq!(uuids(&get(&okta, &format!("/api/v1/logs?since={since}")).await).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn late_events_come_behind_the_cursor_of_those_who_wait() {
    let okta = empty(LogOptions { lag: Duration::from_secs(600), ..LogOptions::default() }).await;
    okta.org().add_group("late");
    assert_eq!(names(&get(&okta, "/api/v1/logs").await), [""; 0]);
    okta.set_log_lag(Duration::ZERO);
    tokio::time::advance(Duration::from_secs(60)).await;
    okta.org().add_group("early");
    let first = get(&okta, "/api/v1/logs").await;
    assert_eq!(names(&first), ["early"]);
    tokio::time::advance(Duration::from_secs(539)).await;
    let next = first.link("next").unwrap();
    assert_eq!(names(&get(&okta, &next).await), [""; 0]);
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = get(&okta, &next).await;
    assert_eq!(names(&second), ["late"], "in the order of the log, not of what happened");
    assert!(
        second.json()[0]["published"].as_str().unwrap() < first.json()[0]["published"].as_str().unwrap(),
        "published tells when it happened"
    );
    assert_eq!(okta.events(), ["group.lifecycle.create"; 2]);
}

#[tokio::test(start_paused = true)]
async fn events_may_come_twice_with_one_uuid() {
    let okta = empty(LogOptions { twice_every: 2, ..LogOptions::default() }).await;
    make(&okta, 2);
    let first = get(&okta, "/api/v1/logs").await;
    assert_eq!(uuids(&first).len(), 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    let second = get(&okta, &first.link("next").unwrap()).await;
    assert_eq!(uuids(&second), uuids(&first)[1..], "the second one comes again");

    let okta = empty(LogOptions::default()).await;
    make(&okta, 3);
    let all = uuids(&get(&okta, "/api/v1/logs").await);
    let kind = FaultKind::BrokenRecord(sandbox::okta::Broken::Twice);
    let fault = okta.fault(Fault::on(Route::Logs).kind(kind).record(&all[1]));
    let page = uuids(&get(&okta, "/api/v1/logs").await);
    assert_eq!(page, [&all[0], &all[1], &all[1], &all[2]].map(String::clone));
    assert_eq!(okta.met(fault), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_gone_and_cursors_go_stale() {
    for (stale_cursor, expected) in [(StaleCursor::Refused, 400), (StaleCursor::Skips, 200)] {
        let okta = empty(LogOptions { stale_cursor, ..LogOptions::default() }).await;
        make(&okta, 1);
        let cursor = get(&okta, "/api/v1/logs").await.link("next").unwrap();
        tokio::time::advance(DAY * 89).await;
        make(&okta, 2);
        assert_eq!(uuids(&get(&okta, &cursor).await).len(), 2);
        assert_eq!(
            uuids(&get(&okta, &format!("/api/v1/logs?since={}", moment(&okta, -90 * 86_400).await)).await)
                .len(),
            3
        );
        tokio::time::advance(DAY * 2).await;
        let late = get(&okta, &cursor).await;
        assert_eq!(late.status, expected);
        match stale_cursor {
            StaleCursor::Refused => assert_eq!(late.error().0, "E0000029"),
            StaleCursor::Skips => assert_eq!(uuids(&late).len(), 2, "without a word"),
        }
        let since = moment(&okta, -100 * 86_400).await;
        assert_eq!(
            uuids(&get(&okta, &format!("/api/v1/logs?since={since}")).await).len(),
            2,
            "the first is gone"
        );
        let since = moment(&okta, -181 * 86_400).await;
        let refused = get(&okta, &format!("/api/v1/logs?since={since}")).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (400, "E0000001"));
    }
    let okta = empty(LogOptions { capacity: 10, ..LogOptions::default() }).await;
    make(&okta, 4);
    let cursor = get(&okta, "/api/v1/logs?limit=1").await.link("next").unwrap();
    make(&okta, 6);
    assert_eq!(get(&okta, &cursor).await.status, 200);
    make(&okta, 2);
    assert_eq!(get(&okta, &cursor).await.status, 400, "too much has come since");
    assert_eq!(okta.events().len(), 10);
}

#[tokio::test]
async fn filters_choose_by_type_and_target() {
    let okta = empty(LogOptions::default()).await;
    let org = okta.org();
    let (ann, team) = (org.add_user(NewUser::new("ann@example.com")), org.add_group("team"));
    org.add_member(&team, &ann);
    org.set_status(&ann, Status::Suspended);
    let kinds = async |filter: &str| {
        let page = get(&okta, &format!("/api/v1/logs?filter={}", encoded(filter))).await.json();
        let kinds: Vec<String> =
            page.as_array().unwrap().iter().map(|it| it["eventType"].as_str().unwrap().to_owned()).collect();
        kinds.join(" ")
    };
    let lifecycle = "user.lifecycle.create user.lifecycle.activate";
    for (filter, expected) in [
        ("eventType eq \"group.user_membership.add\"", "group.user_membership.add".to_owned()),
        ("eventType sw \"user.lifecycle.\"", format!("{lifecycle} user.lifecycle.suspend")),
        (
            "(eventType sw \"group.\" and target.type eq \"User\") or eventType eq \"user.lifecycle.suspend\"",
            "group.user_membership.add user.lifecycle.suspend".to_owned(),
        ),
        (&format!("target.id eq \"{team}\""), "group.lifecycle.create group.user_membership.add".to_owned()),
        ("eventType eq \"group.lifecycle.delete\"", String::new()),
    ] {
        assert_eq!(kinds(filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused() {
    let okta = empty(LogOptions::default()).await;
    make(&okta, 3);
    let filter = |text: &str| format!("filter={}", encoded(text));
    for (query, code) in [
        ("since=yesterday".to_owned(), "E0000001"),
        ("until=2026-13-01T00:00:00Z".to_owned(), "E0000001"),
        ("until=2020-01-01T00:00:00Z&since=2026-01-01T00:00:00Z".to_owned(), "E0000001"),
        ("sortOrder=UP".to_owned(), "E0000001"),
        ("q=group".to_owned(), "E0000001"),
        ("after=xyz".to_owned(), "E0000029"),
        ("after=12_x".to_owned(), "E0000029"),
        (filter("eventType eq \"x"), "E0000053"),
        (filter("eventType"), "E0000053"),
        (filter("eventType ne \"x\""), "E0000031"),
        (filter("severe eq \"x\""), "E0000031"),
    ] {
        let refused = get(&okta, &format!("/api/v1/logs?{query}")).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (400, code), "{query}");
    }
    let fault = okta.fault(Fault::on(Route::Logs).kind(FaultKind::Status(500)));
    assert_eq!(get(&okta, "/api/v1/logs").await.error().0, "E0000009");
    assert_eq!((okta.met(fault), okta.requests().of(Route::Logs)), (1, 12));
}

#[tokio::test]
async fn the_log_has_a_limit_of_its_own() {
    for (rate_limits, limit) in [(RateLimits::Workforce, 60), (RateLimits::Integrator, 10)] {
        let okta = Okta::start(Options { rate_limits, ..Options::default() }).await.unwrap();
        assert_eq!(get(&okta, "/api/v1/logs").await.number("x-rate-limit-limit"), limit);
        assert_eq!(okta.requests().windows.keys().collect::<Vec<_>>(), [&Bucket::Logs]);
    }
}
