//! Faults of headers, of links and of single records that a client of large orgs meets.

use sandbox::okta::{Fault, FaultId, FaultKind, NewUser, Okta, Options, Route};

use crate::client::{Answer, get, raw};

async fn org() -> Okta {
    Okta::start(Options { users: 20, groups: 6, memberships: 30, ..Options::default() }).await.unwrap()
}

async fn with(route: Route, kind: FaultKind) -> (Okta, FaultId) {
    let okta = org().await;
    let fault = okta.fault(Fault::on(route).kind(kind));
    (okta, fault)
}

fn all(answer: &Answer, name: &str) -> Vec<String> {
    answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn date(answer: &Answer) -> i64 {
    chrono::DateTime::parse_from_rfc2822(answer.header("date")).unwrap().timestamp()
}

#[tokio::test(start_paused = true)]
async fn rate_headers_come_twice_with_different_values() {
    let okta = org().await;
    let right = get(&okta, "/api/v1/groups").await;
    let fault = okta.fault(Fault::on(Route::Groups).kind(FaultKind::RateHeadersTwice).times(1));
    let twice = get(&okta, "/api/v1/groups").await;
    for (name, less) in [("limit", 0), ("remaining", 1), ("reset", 0)] {
        let name = format!("x-rate-limit-{name}");
        let true_value = right.number(&name) - less;
        assert_eq!(all(&twice, &name), [(true_value + 25).to_string(), true_value.to_string()], "{name}");
    }
    assert_eq!(okta.met(fault), 1);
    let fault = okta.fault(Fault::on(Route::Groups).kind(FaultKind::RateHeadersJoined));
    let joined = get(&okta, "/api/v1/groups").await;
    let reset = right.number("x-rate-limit-reset");
    assert_eq!(all(&joined, "x-rate-limit-reset"), [format!("{reset}, {}", reset + 25)]);
    assert_eq!(all(&joined, "x-rate-limit-remaining").len(), 1);
    assert_eq!(okta.met(fault), 1);
}

#[tokio::test]
async fn a_429_by_a_fault_has_the_headers_of_other_faults_too() {
    let okta = org().await;
    let headers = okta.fault(Fault::on(Route::Users).kind(FaultKind::RateHeadersTwice));
    let skip = okta.fault(Fault::on(Route::Users).kind(FaultKind::Skip));
    let status = okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(429)));
    let refused = get(&okta, "/api/v1/users").await;
    assert_eq!(
        (refused.status, all(&refused, "x-rate-limit-remaining")),
        (429, vec!["25".to_owned(), "0".to_owned()])
    );
    assert_eq!((okta.met(headers), okta.met(skip), okta.met(status)), (1, 0, 1));
}

#[tokio::test]
async fn a_reset_may_lie_far_ahead() {
    let (okta, fault) = with(Route::Users, FaultKind::ResetAhead).await;
    let answer = get(&okta, "/api/v1/users").await;
    let ahead = answer.number("x-rate-limit-reset") - date(&answer);
    assert!((3590..=3600).contains(&ahead), "{ahead}");
    assert_eq!((answer.status, okta.met(fault)), (200, 1));
}

#[tokio::test]
async fn an_answer_may_have_no_date() {
    let (okta, fault) = with(Route::Users, FaultKind::NoDate).await;
    let answer = raw(&okta, "/api/v1/users").await.unwrap();
    assert!(!answer.lines().any(|line| line.to_ascii_lowercase().starts_with("date:")), "{answer}");
    assert_eq!(okta.met(fault), 1);
    assert!(get(&okta, "/api/v1/groups").await.headers.contains_key("date"));
}

#[tokio::test(start_paused = true)]
async fn the_servers_clock_may_jump() {
    let okta = org().await;
    let before = get(&okta, "/api/v1/org").await;
    okta.move_clock(3600);
    let after = get(&okta, "/api/v1/org").await;
    assert_eq!(date(&after) - date(&before), 3600);
    assert_eq!(
        after.number("x-rate-limit-reset"),
        before.number("x-rate-limit-reset"),
        "its window was open"
    );
    assert_eq!(get(&okta, "/api/v1/users").await.number("x-rate-limit-reset") - date(&after), 60);
    okta.org().add_group("ahead");
    let follow = get(&okta, "/api/v1/logs").await.link("next").unwrap();
    okta.move_clock(-7200);
    assert_eq!(date(&get(&okta, "/api/v1/org").await) - date(&before), -3600);
    okta.org().add_group("behind");
    let events = get(&okta, &follow).await.json();
    assert_eq!(events[0]["target"][0]["displayName"], "behind", "who follows the log misses nothing");
    let response = reqwest_post(&okta, "clock", "60").await;
    assert_eq!((response, date(&get(&okta, "/api/v1/org").await) - date(&before)), (200, -3540));
    assert_eq!(reqwest_post(&okta, "clock", "soon").await, 400);
}

async fn reqwest_post(okta: &Okta, path: &str, body: &str) -> u16 {
    let request = crate::client::plain().post(format!("{}/sandbox/{path}", okta.url())).body(body.to_owned());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn next_forgets_what_was_to_be_expanded() {
    let (okta, fault) = with(Route::Groups, FaultKind::DropExpand).await;
    let page = get(&okta, "/api/v1/groups?expand=stats&limit=3").await;
    assert!(page.link("self").unwrap().contains("expand=stats"));
    let next = page.link("next").unwrap();
    assert!(!next.contains("expand"), "{next}");
    assert!(get(&okta, &next).await.json()[0].get("_embedded").is_none());
    get(&okta, "/api/v1/groups?limit=3").await;
    get(&okta, "/api/v1/groups?expand=stats").await;
    assert_eq!(okta.met(fault), 1, "only where there was something to forget");
}

#[tokio::test]
async fn a_profile_may_be_a_megabyte_large() {
    let (okta, fault) = with(Route::Any, FaultKind::LargeProfile(1_000_000)).await;
    let victim = get(&okta, "/api/v1/users").await.ids()[3].clone();
    okta.clear_fault(fault);
    let kind = FaultKind::LargeProfile(1_000_000);
    let fault = okta.fault(Fault::on(Route::Any).kind(kind).record(&victim));
    let page = get(&okta, "/api/v1/users").await;
    assert_eq!(page.json()[3]["profile"]["notes"].as_str().unwrap().len(), 1_000_000);
    assert!(page.json()[0]["profile"].get("notes").is_none());
    assert!(get(&okta, &format!("/api/v1/users/{victim}")).await.body.len() > 1_000_000);
    get(&okta, "/api/v1/org").await;
    assert_eq!(okta.met(fault), 2, "an org has no profile");
    okta.clear_faults();

    let large = "y".repeat(1_000_000);
    let user = okta.org().add_user(NewUser::new("large@example.com").attribute("biography", large.as_str()));
    let shown = get(&okta, &format!("/api/v1/users/{user}")).await.json();
    assert_eq!(shown["profile"]["biography"].as_str(), Some(large.as_str()));
    okta.org().update_profile(&user, "biography", "z".repeat(2_000_000));
    assert!(get(&okta, &format!("/api/v1/users/{user}")).await.body.len() > 2_000_000);
}
