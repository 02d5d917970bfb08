//! Limits and faults of the token endpoint, and the shares of apps.

use std::time::Duration;

use sandbox::okta::{
    Bucket, Fault, FaultKind, KeyKind, KeyPair, Limits, Options, RateLimits, Refusal, Route, ServiceApp,
};
use serde_json::json;
use tokio::time::Instant;

use super::{Party, USERS, access_token, call, oauth_error, sign, with};
use crate::client::get;

fn limited(limits: Limits) -> Options {
    Options { rate_limits: RateLimits::Custom(limits), ..Options::empty() }
}

#[tokio::test(start_paused = true)]
async fn token_requests_have_a_bucket_of_their_own() {
    let party = Party::start(limited(Limits { token: 4, ..Limits::all(1000) })).await;
    let first = party.ask(USERS).await;
    assert_eq!((first.number("x-rate-limit-limit"), first.number("x-rate-limit-remaining")), (2, 1));
    // What is refused counts too, as it comes from the app.
    let wrong = sign(&party.pair, &party.header(), &with(&party.claims().await, &json!({ "aud": "x" })));
    let second = party.ask_with(&wrong, USERS, &[]).await;
    assert_eq!((second.status, second.number("x-rate-limit-remaining")), (401, 0));
    let third = party.ask(USERS).await;
    assert_eq!((third.status, third.error().0.as_str()), (429, "E0000047"));
    assert_eq!(third.number("x-rate-limit-remaining"), 0);
    assert_eq!(party.okta.requests().windows[&Bucket::Token], [3]);
    assert_eq!(party.okta.requests().limited, 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    access_token(&party.ask(USERS).await);
    // Nobody's share is touched by a request that names no app.
    let stranger = with(&party.claims().await, &json!({ "sub": "0oaNobody" }));
    let stranger = party.ask_with(&sign(&party.pair, &party.header(), &stranger), USERS, &[]).await;
    assert_eq!((stranger.status, stranger.number("x-rate-limit-limit")), (401, 4));
    assert_eq!(party.okta.requests().windows[&Bucket::Token], [3, 1]);
}

#[tokio::test]
async fn orgs_have_the_published_limits() {
    for (rate_limits, limit) in [(RateLimits::Integrator, 150), (RateLimits::Workforce, 1000)] {
        let party = Party::start(Options { rate_limits, ..Options::empty() }).await;
        assert_eq!(party.ask(USERS).await.number("x-rate-limit-limit"), limit);
    }
}

#[tokio::test]
async fn an_app_has_one_share_whatever_token_it_uses() {
    let party = Party::start(limited(Limits { users: 6, ..Limits::all(1000) })).await;
    let (one, other) = (party.token(USERS).await, party.token(USERS).await);
    let users = async |token: &str| {
        let answer = call(&party.okta, "/api/v1/users", &format!("Bearer {token}"), &[]).await;
        (answer.status, answer.number("x-rate-limit-remaining"))
    };
    assert_eq!([users(&one).await, users(&other).await], [(200, 2), (200, 1)]);
    let pair = KeyPair::generate(KeyKind::P256);
    party.okta.add_service_app(ServiceApp::new("0oaSecond", pair.public_key()));
    let claims = with(&party.claims().await, &json!({ "iss": "0oaSecond", "sub": "0oaSecond" }));
    let second = sign(&pair, &json!({ "alg": "ES256", "kid": pair.kid() }), &claims);
    let second = access_token(&party.ask_with(&second, USERS, &[]).await);
    assert_eq!(users(&second).await, (200, 2), "another app, another share");
    assert_eq!(
        get(&party.okta, "/api/v1/users").await.number("x-rate-limit-remaining"),
        2,
        "and an API token"
    );
    assert_eq!(users(&one).await, (200, 0));
    assert_eq!(users(&other).await.0, 429);
}

#[tokio::test(start_paused = true)]
async fn a_token_may_be_over_before_its_time() {
    let party = Party::start(Options::empty()).await;
    let life = Duration::from_secs(2);
    let fault = party.okta.fault(Fault::on(Route::Token).kind(FaultKind::ExpiresEarly(life)).times(1));
    let answer = party.ask(USERS).await;
    assert_eq!((&answer.json()["expires_in"], party.okta.met(fault)), (&json!(3600), 1));
    let early = format!("Bearer {}", access_token(&answer));
    let later = format!("Bearer {}", party.token(USERS).await);
    assert_eq!(call(&party.okta, "/api/v1/users", &early, &[]).await.status, 200);
    tokio::time::advance(life).await;
    assert_eq!(call(&party.okta, "/api/v1/users", &early, &[]).await.status, 401);
    assert_eq!(call(&party.okta, "/api/v1/users", &later, &[]).await.status, 200);
    assert_eq!((party.refused(Refusal::TokenExpired), party.okta.met(fault)), (1, 1));
    // Where no token is made, nothing is met.
    let fault = party.okta.fault(Fault::on(Route::Token).kind(FaultKind::ExpiresEarly(life)));
    party.ask("okta.none").await;
    assert_eq!(party.okta.met(fault), 0);
}

#[tokio::test]
async fn statuses_come_as_the_token_endpoint_writes_them() {
    let party = Party::start(Options::empty()).await;
    for (status, error) in [(400, "invalid_request"), (401, "invalid_client"), (403, "access_denied")] {
        let fault = party.okta.fault(Fault::on(Route::Token).kind(FaultKind::Status(status)).times(1));
        let (answered, code, _) = oauth_error(&party.ask(USERS).await);
        assert_eq!((answered, code.as_str(), party.okta.met(fault)), (status, error, 1));
    }
    for (status, code) in [(429, "E0000047"), (500, "E0000009"), (503, "E0000010")] {
        let fault: Fault = format!("token={status},times=1").parse().unwrap();
        let fault = party.okta.fault(fault);
        let answer = party.ask(USERS).await;
        assert_eq!((answer.status, answer.error().0.as_str(), party.okta.met(fault)), (status, code, 1));
    }
    let page = party.okta.fault("token=html,times=1".parse().unwrap());
    let answer = party.ask(USERS).await;
    assert_eq!((answer.status, answer.header("content-type"), party.okta.met(page)), (200, "text/html", 1));
    let half = party.okta.fault("token=half-json,times=1".parse().unwrap());
    let answer = party.ask(USERS).await;
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
    assert_eq!((answer.status, party.okta.met(half)), (200, 1));
    access_token(&party.ask(USERS).await);
    let counts = party.okta.requests();
    assert_eq!((counts.of(Route::Token), counts.oauth.token_requests), (9, 9));
    assert_eq!(
        (counts.oauth.issued, counts.oauth.refusals.len()),
        (2, 0),
        "what a fault answered is not counted"
    );
}

#[tokio::test(start_paused = true)]
async fn token_requests_are_reset_stalled_and_late() {
    let party = Party::start(Options::empty()).await;
    let assertion = party.assertion().await;
    let form = format!("grant_type=client_credentials&client_assertion={assertion}");
    let reset = party.okta.fault(Fault::on(Route::Token).kind(FaultKind::Reset).times(1));
    assert!(crate::client::plain().post(party.endpoint()).body(form).send().await.is_err());
    assert_eq!((party.okta.met(reset), party.okta.requests().unanswered), (1, 1));

    let late =
        party.okta.fault(Fault::on(Route::Token).kind(FaultKind::Delay(Duration::from_secs(20))).times(1));
    let start = Instant::now();
    access_token(&party.ask(USERS).await);
    assert!(start.elapsed() >= Duration::from_secs(20));
    assert_eq!(party.okta.met(late), 1);

    let stall = party.okta.fault(Fault::on(Route::Token).kind(FaultKind::Stall).times(1));
    // The request was looked at before it was left without an answer: its assertion is used up.
    let stalled = party.assertion().await;
    let patience = async {
        while party.okta.met(stall) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = patience => {}
        answer = party.ask_with(&stalled, USERS, &[]) => panic!("there was to be no answer: {answer:?}"),
    }
    assert_eq!(party.okta.met(stall), 1);
    assert_eq!(party.ask_with(&stalled, USERS, &[]).await.status, 401);
    assert_eq!(party.refused(Refusal::AssertionReplay), 1);
}

#[tokio::test]
async fn faults_of_other_endpoints_reach_apps_too() {
    let party = Party::start(Options::empty()).await;
    let bearer = format!("Bearer {}", party.token(USERS).await);
    let fault = party.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(503)).times(1));
    let any = party.okta.fault(Fault::on(Route::Any).kind(FaultKind::NoRateHeaders));
    assert_eq!(call(&party.okta, "/api/v1/users", &bearer, &[]).await.status, 503);
    assert_eq!(call(&party.okta, "/api/v1/users", &bearer, &[]).await.header("x-rate-limit-limit"), "");
    assert_eq!(party.ask(USERS).await.header("x-rate-limit-limit"), "");
    assert_eq!((party.okta.met(fault), party.okta.met(any)), (1, 2));
    assert_eq!(party.okta.requests().of(Route::Token), 2);
}
