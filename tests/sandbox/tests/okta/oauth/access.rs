//! What an access token is good for: until when, for which endpoints, for which data.

use std::time::Duration;

use sandbox::okta::{AppRole, Options, Refusal, ServiceApp};
use serde_json::json;

use super::{CLIENT, Party, USERS, call};
use crate::client::{Answer, get};

const SCOPES: &str =
    "okta.users.read okta.groups.read okta.apps.read okta.orgs.read okta.roles.read okta.schemas.read";

async fn bearer(party: &Party, path: &str, token: &str) -> Answer {
    call(&party.okta, path, &format!("Bearer {token}"), &[]).await
}

fn org() -> Options {
    Options { users: 20, groups: 3, memberships: 30, ..Options::default() }
}

/// A path of every endpoint, and the scope it wants.
fn endpoints(party: &Party) -> Vec<(String, &'static str)> {
    let org = party.okta.org();
    let app = org.add_app("Jira");
    let group = org.groups().into_iter().find(|group| !org.members(&group.id).is_empty()).unwrap().id;
    let user = org.members(&group).remove(0);
    org.assign_group(&app, &group);
    [
        ("users".to_owned(), "okta.users.read"),
        (format!("users/{user}"), "okta.users.read"),
        (format!("users/{user}/groups"), "okta.users.read"),
        (format!("users/{user}/roles"), "okta.roles.read"),
        ("groups".to_owned(), "okta.groups.read"),
        (format!("groups/{group}"), "okta.groups.read"),
        (format!("groups/{group}/users"), "okta.groups.read"),
        (format!("apps/{app}"), "okta.apps.read"),
        (format!("apps/{app}/users"), "okta.apps.read"),
        (format!("apps/{app}/users/{user}"), "okta.apps.read"),
        (format!("apps/{app}/groups"), "okta.apps.read"),
        (format!("apps/{app}/groups/{group}"), "okta.apps.read"),
        ("meta/schemas/user/default".to_owned(), "okta.schemas.read"),
        ("org".to_owned(), "okta.orgs.read"),
    ]
    .map(|(path, scope)| (format!("/api/v1/{path}"), scope))
    .to_vec()
}

#[tokio::test]
async fn every_endpoint_wants_its_scope() {
    let party = Party::start(org()).await;
    let all = party.token(SCOPES).await;
    for (path, scope) in endpoints(&party) {
        let answer = bearer(&party, &path, &all).await;
        assert_eq!((answer.status, answer.json()), (200, get(&party.okta, &path).await.json()), "{path}");
        assert_eq!(bearer(&party, &path, &party.token(scope).await).await.status, 200, "{path}");
        let others: Vec<&str> = SCOPES.split(' ').filter(|other| *other != scope).collect();
        let refused = bearer(&party, &path, &party.token(&others.join(" ")).await).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (403, "E0000006"), "{path}");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.starts_with("Bearer "), "{challenge}");
        for part in ["error=\"insufficient_scope\"", &format!("scope=\"{scope}\"")] {
            assert!(challenge.contains(part), "{part} is not in {challenge}");
        }
        assert!(!refused.header("x-rate-limit-limit").is_empty());
    }
    assert_eq!(party.refused(Refusal::TokenScope), 14);
    assert_eq!(bearer(&party, "/api/v1/nothing", &all).await.error().0, "E0000008");
}

#[tokio::test]
async fn no_user_is_behind_an_app() {
    let party = Party::start(org()).await;
    let token = party.token(SCOPES).await;
    let me = bearer(&party, "/api/v1/users/me", &token).await;
    assert_eq!((me.status, me.error().0.as_str()), (404, "E0000007"));
}

#[tokio::test(start_paused = true)]
async fn a_token_lasts_for_an_hour_or_as_long_as_was_wanted() {
    for (options, life) in [
        (Options::empty(), 3600),
        (Options { access_token_lifetime: Duration::from_secs(5), clock_skew: 7200, ..Options::empty() }, 5),
    ] {
        let party = Party::start(options).await;
        let answer = party.ask(USERS).await;
        assert_eq!(answer.json()["expires_in"], life);
        let token = super::access_token(&answer);
        tokio::time::advance(Duration::from_millis(life * 1000 - 1)).await;
        assert_eq!(bearer(&party, "/api/v1/users", &token).await.status, 200);
        tokio::time::advance(Duration::from_millis(1)).await;
        let over = bearer(&party, "/api/v1/users", &token).await;
        assert_eq!(
            (over.status, over.error()),
            (401, ("E0000011".to_owned(), "Invalid token provided".to_owned()))
        );
        assert!(!over.header("x-rate-limit-limit").is_empty(), "401s carry the headers");
        assert!(over.header("www-authenticate").contains("error=\"invalid_token\""));
        assert_eq!(party.refused(Refusal::TokenExpired), 1);
        let fresh = party.token(USERS).await;
        assert_eq!(bearer(&party, "/api/v1/users", &fresh).await.status, 200);
    }
}

#[tokio::test]
async fn revoked_and_invented_tokens_are_refused() {
    let party = Party::start(Options::empty()).await;
    let token = party.token(USERS).await;
    assert_eq!(bearer(&party, "/api/v1/users", &token).await.status, 200);
    party.okta.revoke_access_tokens();
    assert_eq!(bearer(&party, "/api/v1/users", &token).await.error().0, "E0000011");
    assert_eq!(party.refused(Refusal::TokenRevoked), 1);
    let fresh = party.token(USERS).await;
    for authorization in [
        format!("Bearer {fresh}x"),
        format!("Bearer {}", party.okta.token()),
        format!("SSWS {fresh}"),
        format!("DPoP {fresh}"),
        "Bearer".to_owned(),
        fresh.clone(),
    ] {
        let answer = call(&party.okta, "/api/v1/users", &authorization, &[]).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (401, "E0000011"), "{authorization}");
    }
    assert_eq!((party.refused(Refusal::Token), party.refused(Refusal::TokenScheme)), (3, 1));
    for scheme in ["Bearer", "bearer"] {
        assert_eq!(call(&party.okta, "/api/v1/users", &format!("{scheme} {fresh}"), &[]).await.status, 200);
    }
}

#[tokio::test]
async fn an_app_without_a_role_sees_nothing() {
    let party = Party::start(org()).await;
    let endpoints = endpoints(&party);
    let token = party.token(SCOPES).await;
    party.okta.add_service_app(ServiceApp { role: AppRole::Refused, ..party.app() });
    for (path, _) in &endpoints {
        let answer = bearer(&party, path, &token).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (403, "E0000006"), "{path}");
        assert_eq!(answer.header("www-authenticate"), "", "the scopes are there");
    }
    assert_eq!(party.refused(Refusal::TokenRole), 14);

    party.okta.add_service_app(ServiceApp { role: AppRole::Empty, ..party.app() });
    for path in ["users", "groups", "users?search=status+pr"] {
        let answer = bearer(&party, &format!("/api/v1/{path}"), &token).await;
        assert_eq!((answer.status, answer.json()), (200, json!([])), "{path}");
    }
    for (path, status) in [(&endpoints[1].0, 404), (&endpoints[5].0, 404), (&endpoints[13].0, 200)] {
        assert_eq!(bearer(&party, path, &token).await.status, status, "{path}");
    }
    for path in [&endpoints[8].0, &endpoints[10].0] {
        assert_eq!(bearer(&party, path, &token).await.json(), json!([]), "{path}");
    }
    assert!(!get(&party.okta, "/api/v1/users").await.ids().is_empty(), "the API token has its own role");
    party.okta.add_service_app(party.app());
    assert_eq!(
        bearer(&party, "/api/v1/users", &token).await.ids(),
        get(&party.okta, "/api/v1/users").await.ids()
    );
}

#[tokio::test]
async fn what_an_app_proves_itself_with_is_in_no_log() {
    let party = Party::start(Options::empty()).await;
    let assertion = party.assertion().await;
    let token = super::access_token(&party.ask_with(&assertion, USERS, &[]).await);
    bearer(&party, "/api/v1/users", &token).await;
    bearer(&party, "/api/v1/users", &format!("{token}x")).await;
    let stray = format!("{}?client_assertion={assertion}", party.endpoint());
    super::receive(crate::client::plain().post(stray)).await;
    let log = party.okta.log().join("\n");
    for line in ["POST /oauth2/v1/token host=", "GET /api/v1/users host="] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    assert!(log.contains("authorization=accepted") && log.contains("authorization=wrong"), "{log}");
    let signature = assertion.rsplit_once('.').unwrap().1;
    assert!(!log.contains(&token) && !log.contains(signature) && !log.contains("eyJ"), "{log}");
    let state = get(&party.okta, "/sandbox/state").await.json();
    assert_eq!(state["service_apps"], json!([CLIENT]));
    let counts = &state["requests"]["oauth"];
    assert_eq!((&counts["token_requests"], &counts["issued"]), (&json!(2), &json!(1)));
    assert_eq!(counts["refusals"], json!({ "form": 1, "token": 1 }));
}
