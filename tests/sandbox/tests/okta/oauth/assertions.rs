//! The token endpoint: every check of the form and of the assertion, with a right and a wrong request.

use std::time::Duration;

use sandbox::okta::{KeyKind, KeyPair, Options, PublicKey, Refusal, ServiceApp};
use serde_json::{Value, json};

use super::{ASSERTION_TYPE, CLIENT, Party, USERS, access_token, oauth_error, post, receive, sign, with};
use crate::client::plain;

#[tokio::test]
async fn a_right_request_gets_a_token() {
    let party = Party::start(Options::empty()).await;
    let answer = party.ask("okta.users.read okta.groups.read").await;
    let token = access_token(&answer);
    let body = answer.json();
    assert!(token.starts_with("eyJ"), "it looks like a JWT");
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("okta.users.read okta.groups.read"))
    );
    assert_eq!(body.as_object().unwrap().len(), 4);
    assert_eq!(answer.header("cache-control"), "no-cache, no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_ne!(party.token(USERS).await, token, "each is another one");
    let counts = party.okta.requests().oauth;
    assert_eq!((counts.token_requests, counts.issued, counts.refusals.len()), (2, 2, 0));
}

#[tokio::test]
async fn every_algorithm_is_taken_with_its_own_kind_of_key() {
    let party = Party::start(Options::empty()).await;
    let rsa = KeyPair::generate(KeyKind::Rsa2048);
    let [p256, p384, p521] = [KeyKind::P256, KeyKind::P384, KeyKind::P521].map(KeyPair::generate);
    for (pair, algorithm) in [
        (&rsa, "RS256"),
        (&rsa, "RS384"),
        (&rsa, "RS512"),
        (&p256, "ES256"),
        (&p384, "ES384"),
        (&p521, "ES512"),
    ] {
        for key in [pair.public_key(), PublicKey::from_pem(&pair.public_pem()).unwrap()] {
            party.okta.add_service_app(ServiceApp::new(CLIENT, key));
            let header = json!({ "alg": algorithm, "kid": pair.kid() });
            let answer = party.ask_with(&sign(pair, &header, &party.claims().await), USERS, &[]).await;
            access_token(&answer);
        }
    }
    // The key of one curve, the name of another algorithm.
    party.okta.add_service_app(ServiceApp::new(CLIENT, p256.public_key()));
    let crossed = sign(&p384, &json!({ "alg": "ES384", "kid": p256.kid() }), &party.claims().await);
    assert_eq!(party.ask_with(&crossed, USERS, &[]).await.status, 401);
    assert_eq!(party.refused(Refusal::Signature), 1);
}

/// Sends an assertion that is right but for these members of header and claims.
async fn changed(party: &Party, header: Value, claims: Value) -> (u16, String, String) {
    let assertion = sign(&party.pair, &with(&party.header(), &header), &with(&party.claims().await, &claims));
    oauth_error(&party.ask_with(&assertion, USERS, &[]).await)
}

#[tokio::test]
async fn each_mistake_in_an_assertion_is_invalid_client() {
    let party = Party::start(Options::empty()).await;
    let now = party.now().await;
    let none = || json!({});
    for (header, claims, why) in [
        (json!({ "alg": "HS256" }), none(), Refusal::Algorithm),
        (json!({ "alg": "none" }), none(), Refusal::Algorithm),
        (json!({ "alg": null }), none(), Refusal::Algorithm),
        (json!({ "kid": "another" }), none(), Refusal::KeyId),
        (none(), json!({ "sub": "0oaNobody" }), Refusal::Client),
        (none(), json!({ "sub": null }), Refusal::Client),
        (none(), json!({ "iss": "0oaAnother" }), Refusal::Issuer),
        (none(), json!({ "iss": null }), Refusal::Issuer),
        (none(), json!({ "aud": party.okta.url() }), Refusal::Audience),
        (none(), json!({ "aud": format!("{}?a=b", party.endpoint()) }), Refusal::Audience),
        (none(), json!({ "aud": null }), Refusal::Audience),
        (none(), json!({ "exp": now }), Refusal::Expired),
        (none(), json!({ "exp": null }), Refusal::Expired),
        (none(), json!({ "exp": now + 3700 }), Refusal::TooLong),
        (none(), json!({ "iat": now + 400, "exp": now + 500 }), Refusal::Early),
    ] {
        let before = party.refused(why);
        let (status, error, description) = changed(&party, header.clone(), claims.clone()).await;
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{header} {claims} {description}");
        assert_eq!(party.refused(why), before + 1, "{why} for {header} {claims}");
    }
    let (_, _, description) = changed(&party, none(), json!({ "sub": "0oaNobody" })).await;
    assert_eq!(description, "Invalid value for the `client_id` parameter");
    assert_eq!(party.okta.requests().oauth.issued, 0);
    for (header, claims) in [
        (json!({ "kid": null }), none()),
        (json!({ "typ": "JWT" }), none()),
        (none(), json!({ "exp": now + 3500 })),
        (none(), json!({ "exp": f64::from(u32::try_from(now).unwrap()) + 60.5 })),
        (none(), json!({ "iat": null, "jti": null })),
        (none(), json!({ "iat": now + 200 })),
        (none(), json!({ "iat": now - 86_400 })),
    ] {
        let assertion =
            sign(&party.pair, &with(&party.header(), &header), &with(&party.claims().await, &claims));
        access_token(&party.ask_with(&assertion, USERS, &[]).await);
    }
}

#[tokio::test]
async fn another_key_and_a_changed_claim_are_no_signature() {
    let party = Party::start(Options::empty()).await;
    let stranger = KeyPair::generate(KeyKind::P256);
    let forged = sign(&stranger, &party.header(), &party.claims().await);
    let (one, other) = (party.assertion().await, party.assertion().await);
    let (head, signature) = (one.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    for assertion in [forged, format!("{head}.{signature}")] {
        let error = oauth_error(&party.ask_with(&assertion, USERS, &[]).await);
        assert_eq!((error.0, error.1.as_str()), (401, "invalid_client"));
    }
    assert_eq!(party.refused(Refusal::Signature), 2);
    access_token(&party.ask_with(&one, USERS, &[]).await);
    for no_jwt in ["x", "a.b.c", &format!("{one}.x")] {
        assert_eq!(party.ask_with(no_jwt, USERS, &[]).await.status, 401, "{no_jwt}");
    }
    assert_eq!(party.refused(Refusal::Assertion), 3);
}

#[tokio::test]
async fn among_several_keys_the_assertion_names_one() {
    let party = Party::start(Options::empty()).await;
    let second = KeyPair::generate(KeyKind::P256).with_kid("second");
    let keys = vec![party.pair.public_key(), second.public_key()];
    party.okta.add_service_app(ServiceApp { keys, ..party.app() });
    let error = changed(&party, json!({ "kid": null }), json!({})).await;
    assert_eq!(
        error,
        (401, "invalid_client".to_owned(), "The client_assertion JWT kid is invalid.".to_owned())
    );
    assert_eq!(changed(&party, json!({ "kid": "third" }), json!({})).await.0, 401);
    assert_eq!(party.refused(Refusal::KeyId), 2);
    assert_eq!(changed(&party, json!({ "kid": "second" }), json!({})).await.0, 401, "signed by the first");
    party.token(USERS).await;
    let by_second = sign(&second, &json!({ "alg": "ES256", "kid": "second" }), &party.claims().await);
    access_token(&party.ask_with(&by_second, USERS, &[]).await);
}

#[tokio::test]
async fn an_assertion_with_an_id_is_good_once() {
    let party = Party::start(Options::empty()).await;
    let assertion = party.assertion().await;
    // It is used up by a request that fails for another reason.
    assert_eq!(party.ask_with(&assertion, "okta.none", &[]).await.status, 400);
    let error = oauth_error(&party.ask_with(&assertion, USERS, &[]).await);
    assert_eq!((error.0, error.1.as_str()), (401, "invalid_client"));
    let counts = party.okta.requests().oauth;
    assert_eq!((counts.of(Refusal::AssertionReplay), counts.replays()), (1, 1));
    let without = sign(&party.pair, &party.header(), &with(&party.claims().await, &json!({ "jti": null })));
    for _ in 0..2 {
        access_token(&party.ask_with(&without, USERS, &[]).await);
    }
}

#[tokio::test]
async fn the_form_has_to_be_right() {
    let party = Party::start(Options::empty()).await;
    let right = [
        ("grant_type", "client_credentials"),
        ("scope", USERS),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", ""),
    ];
    // What is changed (an empty value takes the parameter away), and what comes of it.
    for (name, value, expected, why) in [
        ("grant_type", "authorization_code", (400, "unsupported_grant_type"), Refusal::Grant),
        ("grant_type", "", (400, "invalid_request"), Refusal::Form),
        ("scope", "", (400, "invalid_scope"), Refusal::Scope),
        ("client_assertion_type", "jwt", (400, "invalid_request"), Refusal::AssertionType),
        ("client_assertion_type", "", (400, "invalid_request"), Refusal::AssertionType),
        ("client_assertion", "", (401, "invalid_client"), Refusal::NoCredentials),
        ("client_secret", "secret", (401, "invalid_client"), Refusal::Secret),
        ("client_id", "0oaAnother", (401, "invalid_client"), Refusal::Issuer),
    ] {
        let assertion = party.assertion().await;
        let mut form: Vec<(&str, &str)> = right.to_vec();
        form[3].1 = &assertion;
        form.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
        let before = party.refused(why);
        let (status, error, _) = oauth_error(&post(&party.okta, &form, &[]).await);
        assert_eq!(((status, error.as_str()), party.refused(why)), (expected, before + 1), "{name}={value}");
    }
    let (status, _, description) = oauth_error(&post(&party.okta, &[right[0], right[1]], &[]).await);
    assert_eq!((status, description.as_str()), (401, "No client credentials found"));

    let assertion = party.assertion().await;
    let mut form = right.to_vec();
    form[3].1 = &assertion;
    let twice = [form.as_slice(), &[("scope", USERS)]].concat();
    assert_eq!(oauth_error(&post(&party.okta, &twice, &[]).await).1, "invalid_request");
    form.push(("client_id", CLIENT));
    access_token(&post(&party.okta, &form, &[]).await);
}

#[tokio::test]
async fn a_scope_that_is_not_granted_is_named() {
    let party = Party::start(Options::empty()).await;
    let granted_scopes = vec![USERS.to_owned()];
    party.okta.add_service_app(ServiceApp { granted_scopes, ..party.app() });
    let (status, error, description) = oauth_error(&party.ask("okta.users.read okta.groups.read").await);
    assert_eq!((status, error.as_str()), (400, "invalid_scope"));
    assert!(description.contains("okta.groups.read") && !description.contains(USERS), "{description}");
    party.token(USERS).await;
    assert_eq!(party.refused(Refusal::Scope), 1);
}

#[tokio::test]
async fn only_a_form_that_is_posted_is_answered() {
    let party = Party::start(Options::empty()).await;
    let get = receive(plain().get(party.endpoint())).await;
    assert_eq!((get.status, get.error().0.as_str()), (405, "E0000022"));
    assert!(!get.header("x-rate-limit-limit").is_empty());
    let form = format!(
        "grant_type=client_credentials&scope={USERS}&client_assertion_type={ASSERTION_TYPE}&client_assertion={}",
        party.assertion().await
    );
    let json = plain().post(party.endpoint()).header("Content-Type", "application/json").body(form.clone());
    assert_eq!(oauth_error(&receive(json).await).1, "invalid_request");
    let form_type = "application/x-www-form-urlencoded; charset=UTF-8";
    let request = || plain().post(party.endpoint()).header("Content-Type", form_type);
    let basic = request().header("Authorization", "Basic eDp5").body(form.clone());
    assert_eq!(oauth_error(&receive(basic).await).1, "invalid_client");
    access_token(&receive(request().body(form)).await);
    let much = receive(request().body("x".repeat(70_000))).await;
    assert_eq!((much.status, much.header("content-type")), (413, "text/html"));
    assert_eq!(party.okta.requests().status(413), 1);
    assert_eq!(party.okta.requests().oauth.token_requests, 3, "what was read");
    assert_eq!(
        receive(plain().post(format!("{}/oauth2/default/v1/token", party.okta.url()))).await.status,
        401
    );
}

#[tokio::test]
async fn times_are_those_of_the_stand_ins_clock() {
    let skewed = Party::start(Options { clock_skew: 1000, ..Options::empty() }).await;
    let local = skewed.now().await - 1000;
    // A client that trusts its own clock is 1000 s behind: five minutes of life are over by then.
    let claims = with(&skewed.claims().await, &json!({ "iat": local, "exp": local + 300 }));
    let answer = skewed.ask_with(&sign(&skewed.pair, &skewed.header(), &claims), USERS, &[]).await;
    assert_eq!((answer.status, skewed.refused(Refusal::Expired)), (401, 1));
    access_token(&skewed.ask(USERS).await);

    let behind = Party::start(Options { clock_skew: -1000, ..Options::empty() }).await;
    let local = behind.now().await + 1000;
    let claims = with(&behind.claims().await, &json!({ "iat": local, "exp": local + 300 }));
    let answer = behind.ask_with(&sign(&behind.pair, &behind.header(), &claims), USERS, &[]).await;
    assert_eq!((answer.status, behind.refused(Refusal::Early)), (401, 1));
}

#[tokio::test(start_paused = true)]
async fn an_assertion_is_over_when_its_time_has_passed() {
    let party = Party::start(Options::empty()).await;
    let (kept, late) = (party.assertion().await, party.assertion().await);
    tokio::time::advance(Duration::from_secs(290)).await;
    access_token(&party.ask_with(&kept, USERS, &[]).await);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(party.ask_with(&late, USERS, &[]).await.status, 401);
    assert_eq!(party.refused(Refusal::Expired), 1);
}
