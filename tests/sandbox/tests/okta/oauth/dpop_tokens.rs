//! Token requests with DPoP: the nonce round, and every check of the proof.

use std::time::Duration;

use sandbox::okta::{Bucket, KeyKind, KeyPair, Limits, Options, RateLimits, Refusal};
use serde_json::{Value, json};

use super::{Party, USERS, access_token, call, oauth_error, proof, with};
use crate::client::Answer;

/// The claims of a proof that is right, but for the nonce.
async fn claims(party: &Party) -> Value {
    json!({ "htm": "POST", "htu": party.endpoint(), "iat": party.now().await, "jti": party.fresh_id() })
}

/// Asks for a token with a proof that has these members of header and claims changed.
async fn ask(party: &Party, key: &KeyPair, header: Value, change: Value) -> Answer {
    let proof = proof(key, &with(&claims(party).await, &change), &header);
    party.ask_with(&party.assertion().await, USERS, &[proof]).await
}

/// Learns the nonce as a client does.
async fn nonce(party: &Party, key: &KeyPair) -> String {
    let answer = ask(party, key, json!({}), json!({})).await;
    assert_eq!(oauth_error(&answer).1, "use_dpop_nonce");
    answer.header("dpop-nonce").to_owned()
}

#[tokio::test]
async fn the_first_request_learns_the_nonce_and_the_second_gets_the_token() {
    let rate_limits = RateLimits::Custom(Limits::all(20));
    let party = Party::with_dpop(Options { rate_limits, ..Options::empty() }).await;
    let missing = party.ask(USERS).await;
    let expected = (400, "invalid_dpop_proof".to_owned(), "The DPoP proof JWT header is missing.".to_owned());
    assert_eq!(oauth_error(&missing), expected);
    assert_eq!(missing.header("dpop-nonce"), "");

    let key = KeyPair::generate(KeyKind::P256);
    let first = ask(&party, &key, json!({}), json!({})).await;
    let description = "Authorization server requires nonce in DPoP proof.".to_owned();
    assert_eq!(oauth_error(&first), (400, "use_dpop_nonce".to_owned(), description));
    let nonce = first.header("dpop-nonce");
    assert!(!nonce.is_empty());
    let second = ask(&party, &key, json!({}), json!({ "nonce": nonce })).await;
    let token = access_token(&second);
    assert_eq!((&second.json()["token_type"], second.header("dpop-nonce")), (&json!("DPoP"), nonce));
    assert_eq!(first.number("x-rate-limit-remaining") - second.number("x-rate-limit-remaining"), 1);
    assert_eq!(party.okta.requests().windows[&Bucket::Token], [3]);
    let counts = party.okta.requests().oauth;
    assert_eq!((counts.token_requests, counts.proofs, counts.issued), (3, 2, 1));
    assert_eq!(counts.refusals, [(Refusal::ProofMissing, 1), (Refusal::ProofNonce, 1)].into());
    assert!(!party.okta.log().join("\n").contains("eyJ"), "neither proof nor token is in the log");
    assert!(token.starts_with("eyJ"));
}

#[tokio::test]
async fn the_token_names_the_key_it_is_bound_to() {
    use base64::Engine as _;
    let party = Party::with_dpop(Options::empty()).await;
    for kind in [KeyKind::Rsa2048, KeyKind::P384, KeyKind::P521] {
        let key = KeyPair::generate(kind);
        let algorithms: &[&str] = match kind {
            KeyKind::P384 => &["ES384"],
            KeyKind::P521 => &["ES512"],
            _ => &["RS256", "RS384", "RS512"],
        };
        for algorithm in algorithms {
            let header = json!({ "alg": algorithm });
            let asked = ask(&party, &key, header.clone(), json!({})).await;
            let nonce = asked.header("dpop-nonce");
            let token = access_token(&ask(&party, &key, header, json!({ "nonce": nonce })).await);
            let payload = token.split('.').nth(1).unwrap();
            let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
            let payload: Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(payload["cnf"]["jkt"], key.kid(), "the id of a key is its thumbprint");
        }
    }
}

#[tokio::test]
async fn each_mistake_in_a_proof_is_invalid_dpop_proof() {
    let party = Party::with_dpop(Options::empty()).await;
    let key = KeyPair::generate(KeyKind::P256);
    let stranger = KeyPair::generate(KeyKind::P256);
    let nonce = nonce(&party, &key).await;
    let (now, endpoint) = (party.now().await, party.endpoint());
    let none = || json!({});
    for (header, change, why) in [
        (json!({ "typ": null }), none(), Refusal::ProofMalformed),
        (json!({ "typ": "JWT" }), none(), Refusal::ProofMalformed),
        (json!({ "alg": "HS256" }), none(), Refusal::ProofAlgorithm),
        (json!({ "alg": null }), none(), Refusal::ProofAlgorithm),
        (json!({ "jwk": null }), none(), Refusal::ProofKey),
        (json!({ "jwk": { "kty": "oct" } }), none(), Refusal::ProofKey),
        (json!({ "jwk": key.private_jwk() }), none(), Refusal::ProofKey),
        (json!({ "jwk": stranger.public_jwk() }), none(), Refusal::ProofSignature),
        (none(), json!({ "htm": "GET" }), Refusal::ProofMethod),
        (none(), json!({ "htm": "post" }), Refusal::ProofMethod),
        (none(), json!({ "htm": null }), Refusal::ProofMethod),
        (none(), json!({ "htu": party.okta.url() }), Refusal::ProofAddress),
        (none(), json!({ "htu": format!("{endpoint}?a=b") }), Refusal::ProofAddress),
        (none(), json!({ "htu": null }), Refusal::ProofAddress),
        (none(), json!({ "iat": now - 400 }), Refusal::ProofTime),
        (none(), json!({ "iat": now + 400 }), Refusal::ProofTime),
        (none(), json!({ "iat": null }), Refusal::ProofTime),
        (none(), json!({ "jti": null }), Refusal::ProofId),
    ] {
        let before = party.refused(why);
        let mut changed = change.clone();
        changed["nonce"] = nonce.as_str().into();
        let answer = ask(&party, &key, header.clone(), changed).await;
        let (status, error, _) = oauth_error(&answer);
        assert_eq!((status, error.as_str()), (400, "invalid_dpop_proof"), "{header} {change}");
        assert_eq!(party.refused(why), before + 1, "{why} for {header} {change}");
    }
    let assertion = party.assertion().await;
    assert_eq!(party.ask_with(&assertion, USERS, &["no jwt".to_owned()]).await.status, 400);
    let right = with(&claims(&party).await, &json!({ "nonce": nonce }));
    let two = [proof(&key, &right, &none()), proof(&key, &with(&right, &json!({ "jti": "two" })), &none())];
    assert_eq!(party.ask_with(&party.assertion().await, USERS, &two).await.status, 400);
    assert_eq!(party.refused(Refusal::ProofMalformed), 4);
    for change in [none(), json!({ "iat": now - 200 }), json!({ "iat": now + 200 })] {
        access_token(&ask(&party, &key, none(), with(&json!({ "nonce": nonce }), &change)).await);
    }
}

#[tokio::test]
async fn a_proof_is_good_once() {
    let party = Party::with_dpop(Options::empty()).await;
    let key = KeyPair::generate(KeyKind::P256);
    // The id of the round that only learns the nonce is used up by it.
    let first = claims(&party).await;
    let asked = party.ask_with(&party.assertion().await, USERS, &[proof(&key, &first, &json!({}))]).await;
    let nonce = json!({ "nonce": asked.header("dpop-nonce") });
    let again = proof(&key, &with(&first, &nonce), &json!({}));
    let answer = party.ask_with(&party.assertion().await, USERS, &[again]).await;
    assert_eq!(oauth_error(&answer).1, "invalid_dpop_proof");
    let right = proof(&key, &with(&claims(&party).await, &nonce), &json!({}));
    access_token(&party.ask_with(&party.assertion().await, USERS, std::slice::from_ref(&right)).await);
    let answer = party.ask_with(&party.assertion().await, USERS, &[right]).await;
    assert_eq!(oauth_error(&answer).1, "invalid_dpop_proof");
    let counts = party.okta.requests().oauth;
    assert_eq!((counts.of(Refusal::ProofReplay), counts.replays()), (2, 2));
    // Without a nonce an id is only recommended.
    let answer = ask(&party, &key, json!({}), json!({ "jti": null })).await;
    assert_eq!(oauth_error(&answer).1, "use_dpop_nonce");
}

#[tokio::test]
async fn nonces_are_rotated() {
    let party = Party::with_dpop(Options::empty()).await;
    let key = KeyPair::generate(KeyKind::P256);
    let first = nonce(&party, &key).await;
    assert_eq!(nonce(&party, &key).await, first);
    let invented = ask(&party, &key, json!({}), json!({ "nonce": "invented" })).await;
    assert_eq!(
        (oauth_error(&invented).1.as_str(), invented.header("dpop-nonce")),
        ("use_dpop_nonce", first.as_str())
    );

    party.okta.rotate_dpop_nonce(true);
    let with_old = ask(&party, &key, json!({}), json!({ "nonce": first })).await;
    access_token(&with_old);
    let second = with_old.header("dpop-nonce");
    assert_ne!(second, first, "a good answer brings the new one");
    party.okta.rotate_dpop_nonce(false);
    let refused = ask(&party, &key, json!({}), json!({ "nonce": second })).await;
    assert_eq!(oauth_error(&refused).1, "use_dpop_nonce");
    let third = refused.header("dpop-nonce");
    assert!(third != first && third != second);
    access_token(&ask(&party, &key, json!({}), json!({ "nonce": third })).await);
}

#[tokio::test(start_paused = true)]
async fn a_nonce_lasts_for_a_day_and_three_more() {
    let party = Party::with_dpop(Options::empty()).await;
    let key = KeyPair::generate(KeyKind::P256);
    let day = Duration::from_secs(24 * 3600);
    let first = nonce(&party, &key).await;
    tokio::time::advance(day).await;
    let with_old = ask(&party, &key, json!({}), json!({ "nonce": first })).await;
    access_token(&with_old);
    assert_ne!(with_old.header("dpop-nonce"), first);
    tokio::time::advance(3 * day).await;
    let over = ask(&party, &key, json!({}), json!({ "nonce": first })).await;
    assert_eq!(oauth_error(&over).1, "use_dpop_nonce");
}

#[tokio::test]
async fn an_app_that_need_not_prove_its_key_may() {
    let party = Party::start(Options::empty()).await;
    let key = KeyPair::generate(KeyKind::P256);
    let nonce = nonce(&party, &key).await;
    let answer = ask(&party, &key, json!({}), json!({ "nonce": nonce })).await;
    assert_eq!(answer.json()["token_type"], "DPoP");
    let bearer = format!("Bearer {}", access_token(&answer));
    assert_eq!(call(&party.okta, "/api/v1/users", &bearer, &[]).await.status, 401, "it is bound to the key");
    let plain = party.ask(USERS).await;
    assert_eq!((&plain.json()["token_type"], plain.header("dpop-nonce")), (&json!("Bearer"), ""));
}

#[tokio::test]
async fn the_clock_of_proofs_is_the_stand_ins() {
    let party = Party::with_dpop(Options { clock_skew: 1000, ..Options::empty() }).await;
    let key = KeyPair::generate(KeyKind::P256);
    let local = party.now().await - 1000;
    let answer = ask(&party, &key, json!({}), json!({ "iat": local })).await;
    assert_eq!(
        (oauth_error(&answer).1.as_str(), party.refused(Refusal::ProofTime)),
        ("invalid_dpop_proof", 1)
    );
    nonce(&party, &key).await;
}
