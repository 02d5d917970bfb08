//! Calls with DPoP: a proof for every one of them.

use sandbox::okta::{Fault, FaultKind, KeyKind, KeyPair, NewUser, Okta, Options, Refusal, Route};
use serde_json::{Value, json};

use super::{Party, USERS, access_token, call, proof, token_digest, with};
use crate::client::Answer;

const LIST: &str = "/api/v1/users";

/// A client with a token that is bound to its key.
struct Client {
    party: Party,
    key: KeyPair,
    token: String,
}

impl Client {
    async fn start(options: Options) -> Self {
        let party = Party::with_dpop(options).await;
        let key = KeyPair::generate(KeyKind::P256);
        let mut nonce = Value::Null;
        for _ in 0..2 {
            let claims = json!({
                "htm": "POST", "htu": party.endpoint(), "iat": party.now().await, "jti": party.fresh_id(),
            });
            let proof = proof(&key, &with(&claims, &json!({ "nonce": nonce })), &json!({}));
            let scopes = "okta.users.read okta.orgs.read";
            let answer = party.ask_with(&party.assertion().await, scopes, &[proof]).await;
            if answer.status == 200 {
                return Self { token: access_token(&answer), party, key };
            }
            nonce = answer.header("dpop-nonce").into();
        }
        panic!("there was to be a token at the second request");
    }

    fn okta(&self) -> &Okta {
        &self.party.okta
    }

    /// The claims of a proof that is right for the list of users.
    async fn claims(&self) -> Value {
        json!({
            "htm": "GET", "htu": format!("{}{LIST}", self.okta().url()), "iat": self.party.now().await,
            "jti": self.party.fresh_id(), "ath": token_digest(&self.token),
        })
    }

    async fn call(&self, path: &str, proofs: &[String]) -> Answer {
        call(self.okta(), path, &format!("DPoP {}", self.token), proofs).await
    }

    /// Calls with a proof that has these members of header and claims changed.
    async fn changed(&self, path: &str, header: Value, change: Value) -> Answer {
        self.call(path, &[proof(&self.key, &with(&self.claims().await, &change), &header)]).await
    }
}

/// The proof was refused as recorded: 400, no body, and the reason in a header.
#[track_caller]
fn assert_refused(answer: &Answer, description: &str) {
    assert_eq!((answer.status, answer.body.as_slice()), (400, b"".as_slice()));
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("DPoP algs=\"RS256 RS384 RS512 ES256 ES384 ES512\", "), "{challenge}");
    assert!(
        challenge.contains("error=\"invalid_dpop_proof\"") && challenge.contains(description),
        "{challenge}"
    );
    assert!(!answer.header("x-rate-limit-limit").is_empty());
}

#[tokio::test]
async fn a_call_with_a_proof_is_answered() {
    let client = Client::start(Options { users: 5, ..Options::default() }).await;
    let answer = client.changed(LIST, json!({}), json!({})).await;
    let ids = crate::client::get(client.okta(), LIST).await.ids();
    assert_eq!((answer.status, answer.ids(), answer.header("dpop-nonce")), (200, ids, ""));
    for (path, authorization) in [(LIST, "Bearer"), (LIST, "SSWS")] {
        let proof = proof(&client.key, &client.claims().await, &json!({}));
        let answer = call(client.okta(), path, &format!("{authorization} {}", client.token), &[proof]).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (401, "E0000011"), "{authorization}");
    }
    assert_eq!(client.party.refused(Refusal::TokenScheme), 1);
    client.okta().revoke_access_tokens();
    assert_eq!(client.changed(LIST, json!({}), json!({})).await.status, 401);
}

#[tokio::test]
async fn a_missing_scope_is_told_in_the_scheme_of_the_call() {
    let client = Client::start(Options::empty()).await;
    let htu = format!("{}/api/v1/groups", client.okta().url());
    let answer = client.changed("/api/v1/groups", json!({}), json!({ "htu": htu })).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (403, "E0000006"));
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.starts_with("DPoP algs=") && challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn each_mistake_in_a_proof_is_refused() {
    let client = Client::start(Options::empty()).await;
    let (now, url) = (client.party.now().await, client.okta().url().to_owned());
    let stranger = KeyPair::generate(KeyKind::P256);
    let none = || json!({});
    assert_refused(&client.call(LIST, &[]).await, "The DPoP proof JWT header is missing.");
    assert_eq!(client.party.refused(Refusal::ProofMissing), 1);
    for (header, change, why) in [
        (json!({ "typ": "JWT" }), none(), Refusal::ProofMalformed),
        (json!({ "alg": "none" }), none(), Refusal::ProofAlgorithm),
        (json!({ "jwk": client.key.private_jwk() }), none(), Refusal::ProofKey),
        (json!({ "jwk": stranger.public_jwk() }), none(), Refusal::ProofSignature),
        (none(), json!({ "htm": "POST" }), Refusal::ProofMethod),
        (none(), json!({ "htm": "Get" }), Refusal::ProofMethod),
        (none(), json!({ "htu": format!("{url}/api/v1/groups") }), Refusal::ProofAddress),
        (none(), json!({ "htu": format!("{url}{LIST}#x") }), Refusal::ProofAddress),
        (none(), json!({ "htu": format!("https://other.example.com{LIST}") }), Refusal::ProofAddress),
        (none(), json!({ "iat": now - 400 }), Refusal::ProofTime),
        (none(), json!({ "iat": now + 400 }), Refusal::ProofTime),
        (none(), json!({ "jti": null }), Refusal::ProofId),
        (none(), json!({ "ath": null }), Refusal::ProofToken),
        (none(), json!({ "ath": token_digest("another") }), Refusal::ProofToken),
    ] {
        let before = client.party.refused(why);
        assert_refused(&client.changed(LIST, header.clone(), change.clone()).await, "error_description");
        assert_eq!(client.party.refused(why), before + 1, "{why} for {header} {change}");
    }
    let of_stranger = proof(&stranger, &client.claims().await, &json!({}));
    assert_refused(&client.call(LIST, &[of_stranger]).await, "");
    assert_eq!(client.party.refused(Refusal::ProofOtherKey), 1);
    let two = [
        proof(&client.key, &client.claims().await, &none()),
        proof(&client.key, &client.claims().await, &none()),
    ];
    assert_refused(&client.call(LIST, &two).await, "");
    assert_eq!(client.changed(LIST, none(), none()).await.status, 200);
}

#[tokio::test]
async fn the_address_of_a_proof_has_no_query() {
    let client = Client::start(Options { users: 30, ..Options::default() }).await;
    let first = client.changed("/api/v1/users?limit=10", json!({}), json!({})).await;
    let next = first.link("next").unwrap();
    let path = next.strip_prefix(client.okta().url()).unwrap();
    let with_query = client.changed(path, json!({}), json!({ "htu": next })).await;
    assert_refused(&with_query, "'htu' claim in the DPoP proof JWT is invalid.");
    assert_eq!(client.party.refused(Refusal::ProofAddress), 1);
    let second = client.changed(path, json!({}), json!({})).await;
    assert_eq!((second.status, second.ids().len()), (200, 10));
    assert!(with_query.header("www-authenticate").contains("resource=\"/api/v1/users\""));
}

#[tokio::test]
async fn the_address_of_a_proof_is_not_percent_encoded() {
    let client = Client::start(Options::empty()).await;
    client.okta().org().add_user(NewUser::new("ann@example.com"));
    let path = "/api/v1/users/ann%40example.com";
    let htu = format!("{}{path}", client.okta().url());
    assert_refused(&client.changed(path, json!({}), json!({ "htu": htu })).await, "'htu' claim");
    let decoded = client.changed(path, json!({}), json!({ "htu": htu.replace("%40", "@") })).await;
    assert_eq!((decoded.status, &decoded.json()["profile"]["login"]), (200, &json!("ann@example.com")));
}

#[tokio::test]
async fn a_proof_is_good_once_even_where_the_call_failed() {
    let client = Client::start(Options::empty()).await;
    let fault = client.okta().fault(Fault::on(Route::Users).kind(FaultKind::Status(503)).times(1));
    let used = proof(&client.key, &client.claims().await, &json!({}));
    assert_eq!(client.call(LIST, std::slice::from_ref(&used)).await.status, 503);
    assert_refused(&client.call(LIST, &[used]).await, "");
    let counts = client.okta().requests().oauth;
    assert_eq!((counts.of(Refusal::ProofReplay), counts.replays(), client.okta().met(fault)), (1, 1, 1));
    assert_eq!(counts.proofs, 4, "two for the token, two here");
    assert_eq!(client.changed(LIST, json!({}), json!({})).await.status, 200);
}

#[tokio::test]
async fn endpoints_may_want_a_nonce_of_their_own() {
    let client = Client::start(Options { dpop_resource_nonce: true, ..Options::empty() }).await;
    let asked = client.changed(LIST, json!({}), json!({})).await;
    assert_eq!((asked.status, asked.body.as_slice()), (401, b"".as_slice()));
    let challenge = asked.header("www-authenticate");
    assert!(challenge.starts_with("DPoP ") && challenge.contains("error=\"use_dpop_nonce\""), "{challenge}");
    let nonce = asked.header("dpop-nonce");
    let answer = client.changed(LIST, json!({}), json!({ "nonce": nonce })).await;
    assert_eq!((answer.status, answer.header("dpop-nonce")), (200, nonce));
    client.okta().rotate_dpop_nonce(true);
    let answer = client.changed(LIST, json!({}), json!({ "nonce": nonce })).await;
    let second = answer.header("dpop-nonce");
    assert_eq!(answer.status, 200);
    assert_ne!(second, nonce, "a good answer brings the new one");
    client.okta().rotate_dpop_nonce(false);
    assert_eq!(client.changed(LIST, json!({}), json!({ "nonce": second })).await.status, 401);
    assert_eq!(client.party.refused(Refusal::ProofNonce), 3, "one of them at the token endpoint");
    // The nonce of the token endpoint is not that of the others.
    let claims = json!({
        "htm": "POST", "htu": client.party.endpoint(), "iat": client.party.now().await, "jti": client.party.fresh_id(),
    });
    let proof = proof(&client.key, &claims, &json!({}));
    let asked = client.party.ask_with(&client.party.assertion().await, USERS, &[proof]).await;
    let of_tokens = asked.header("dpop-nonce");
    assert_eq!(client.changed(LIST, json!({}), json!({ "nonce": of_tokens })).await.status, 401);
}
