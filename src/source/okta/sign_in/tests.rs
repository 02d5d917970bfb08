//! Answers that no stand-in gives, and many who want a token at once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::keys::Key;
use super::*;
use crate::config::model::{Auth, OktaSettings, SecretRef};
use crate::http::{Patience, Shared};
use crate::source::okta::Okta;
use crate::source::{GroupFilter, ReadRequest, Source, SourceError};
use crate::sync::model::SourceAddress;
use crate::sync::progress::RunControl;
use crate::telemetry::metrics::Metrics;

/// A server and a source that signs in there.
struct Bench {
    server: MockServer,
    source: Okta,
    _secrets: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let secrets = tempfile::tempdir().unwrap();
        let file = secrets.path().join("key");
        std::fs::write(&file, Key::of("ES256").pem()).unwrap();
        let app = ServiceApp {
            client_id: "0oa1".to_owned(),
            private_key: SecretRef::File(file),
            key_id: None,
            algorithm: None,
            scopes: vec!["okta.orgs.read".to_owned()],
        };
        let settings = OktaSettings {
            authorities: None,
            origin: server.uri().parse().unwrap(),
            auth: Auth::ServiceApp(app),
            rate_budget: 100,
            skinny_users: false,
            users_search: None,
            groups_search: None,
            app: None,
        };
        let patience = Patience { tries: 3, first_pause: Duration::from_millis(1), ..Patience::default() };
        let shared = Shared::with_patience(Metrics::new(), patience).unwrap();
        let source = Okta::new(settings, &shared, &SignIns::new(Clock::system()));
        Self { server, source, _secrets: secrets }
    }

    /// What comes of asking for the org's id with this token, and how many tokens were asked for.
    async fn with_token(answer: ResponseTemplate) -> (Result<SourceAddress, SourceError>, usize) {
        let bench = Self::start().await;
        bench.gives(answer).await;
        bench.shows(ResponseTemplate::new(200).set_body_json(json!({ "id": "00o1" }))).await;
        (bench.address().await, bench.tokens().await)
    }

    async fn gives(&self, token: ResponseTemplate) {
        Mock::given(path(TOKEN_PATH)).respond_with(token).mount(&self.server).await;
    }

    async fn shows(&self, org: ResponseTemplate) {
        Mock::given(path("/api/v1/org")).respond_with(org).mount(&self.server).await;
    }

    async fn address(&self) -> Result<SourceAddress, SourceError> {
        self.source.address(&RunControl::default()).await
    }

    /// How often a token was asked for.
    async fn tokens(&self) -> usize {
        self.asked(TOKEN_PATH).await.len()
    }

    async fn asked(&self, path: &str) -> Vec<wiremock::Request> {
        let mut requests = self.server.received_requests().await.unwrap();
        requests.retain(|request| request.url.path() == path);
        requests
    }
}

fn token(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn bearer() -> Value {
    json!({ "token_type": "Bearer", "access_token": "eyJ.secret", "expires_in": 3600, "scope": "okta.orgs.read" })
}

/// A token with another value in one place, or without it.
fn with(name: &str, value: Value) -> ResponseTemplate {
    let mut body = bearer();
    match value {
        Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
        value => body[name] = value,
    }
    token(&body)
}

#[tokio::test]
async fn the_request_for_a_token_is_the_documented_form_and_bears_no_other_credentials() {
    let bench = Bench::start().await;
    bench.gives(token(&bearer())).await;
    bench.shows(ResponseTemplate::new(200).set_body_json(json!({ "id": "00o1" }))).await;
    assert_eq!(bench.address().await.unwrap().id.as_deref(), Some("00o1"));
    let [asked] = &bench.asked(TOKEN_PATH).await[..] else { panic!("one token is enough") };
    assert_eq!((asked.method.as_str(), asked.url.query()), ("POST", None));
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.headers["accept"], "application/json");
    assert!(!asked.headers.contains_key("authorization") && !asked.headers.contains_key("dpop"));
    let form: Vec<_> = url::form_urlencoded::parse(&asked.body).into_owned().collect();
    let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grant_type", "scope", "client_assertion_type", "client_assertion"]);
    assert_eq!((form[0].1.as_str(), form[1].1.as_str()), ("client_credentials", "okta.orgs.read"));
    assert_eq!(form[2].1, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let [asked] = &bench.asked("/api/v1/org").await[..] else { panic!("one question is enough") };
    assert_eq!(asked.headers["authorization"], "Bearer eyJ.secret");
    assert!(!asked.headers.contains_key("dpop"));
}

#[tokio::test]
async fn what_may_be_left_out_of_a_token_may_be_left_out() {
    for answer in
        [with("expires_in", Value::Null), with("scope", Value::Null), with("token_type", json!("bearer"))]
    {
        let (address, tokens) = Bench::with_token(answer).await;
        assert_eq!((address.unwrap().id.as_deref(), tokens), (Some("00o1"), 1));
    }
}

#[tokio::test]
async fn what_is_no_token_is_asked_for_again_and_never_shown() {
    for (answer, expected) in [
        (with("token_type", json!("mac")), "the token is of an unknown type, mac"),
        (with("access_token", json!("")), "the token is empty"),
        (with("access_token", Value::Null), "the answer is not that of Okta's token endpoint"),
        (with("expires_in", json!("eyJ.secret")), "the answer is not that of Okta's token endpoint"),
        (token(&json!([])), "the answer is not that of Okta's token endpoint"),
    ] {
        let (address, tokens) = Bench::with_token(answer).await;
        let error = address.unwrap_err();
        assert!(matches!(&error, SourceError::NotTheSource(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("no access token could be had: {expected}")), "{text}");
        assert!(!text.contains("eyJ"), "{text}");
        assert_eq!(tokens, 3, "{expected}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_none() {
    for (answer, expected) in [
        (with("access_token", json!("eyJ\nsecret")), "it holds characters that no token has"),
        (with("token_type", json!("DPoP")), "the token is one that needs proofs, and none was sent for it"),
    ] {
        let (address, tokens) = Bench::with_token(answer).await;
        let text = address.unwrap_err().to_string();
        assert!(text.contains(expected) && !text.contains("secret"), "{text}");
        assert_eq!(tokens, 1);
    }
}

#[tokio::test]
async fn a_refusal_in_either_form_is_final_and_says_what_to_do() {
    let okta = json!({ "errorCode": "invalid_client", "errorSummary": "Invalid value for 'client_id' parameter.",
                       "errorLink": "invalid_client", "errorId": "oae1", "errorCauses": [] });
    for (status, body, expected) in [
        (
            400,
            okta,
            "(invalid_client: Invalid value for 'client_id' parameter); nothing was changed. Compare",
        ),
        (
            403,
            json!({ "error": "access_denied", "error_description": "Policy\nsays no." }),
            "(access_denied: Policy says no); nothing was changed. A policy of the org",
        ),
        (
            400,
            json!({ "error": "unauthorized_client" }),
            "(unauthorized_client); nothing was changed. The app may not sign in by itself",
        ),
        (400, json!({ "error": "new_reason" }), "(new_reason); nothing was changed. Okta's own log"),
    ] {
        let (address, tokens) = Bench::with_token(ResponseTemplate::new(status).set_body_json(body)).await;
        let error = address.unwrap_err();
        assert!(matches!(&error, SourceError::Refused(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(tokens, 1);
    }
}

#[tokio::test]
async fn each_thing_that_okta_wants_is_given_once() {
    let body = json!({ "error": "use_dpop_nonce", "error_description": "nonce" });
    let answer = ResponseTemplate::new(400).set_body_json(body).insert_header("dpop-nonce", "n1");
    let (address, tokens) = Bench::with_token(answer).await;
    let text = address.unwrap_err().to_string();
    assert!(
        text.contains("(use_dpop_nonce: nonce)") && text.contains("drop the headers DPoP or dpop-nonce"),
        "{text}"
    );
    assert_eq!(tokens, 3, "without a proof, with one, with another nonce");
}

#[tokio::test]
async fn an_invalid_session_is_about_the_token_although_it_is_a_403() {
    let session = json!({ "errorCode": "E0000005", "errorSummary": "Invalid session", "errorCauses": [] });
    let bench = Bench::start().await;
    bench.gives(token(&bearer())).await;
    let invalid = ResponseTemplate::new(403).set_body_json(session);
    Mock::given(path("/api/v1/org")).respond_with(invalid).up_to_n_times(1).mount(&bench.server).await;
    bench.shows(ResponseTemplate::new(200).set_body_json(json!({ "id": "00o1" }))).await;
    assert_eq!(bench.address().await.unwrap().id.as_deref(), Some("00o1"));
    assert_eq!(bench.tokens().await, 2);
}

/// An org that wants proofs: a refusal, then a token that is bound to them.
async fn wanting_proofs() -> Bench {
    let bench = Bench::start().await;
    let body = json!({ "error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing." });
    let wants_proof = ResponseTemplate::new(400).set_body_json(body);
    Mock::given(path(TOKEN_PATH)).respond_with(wants_proof).up_to_n_times(1).mount(&bench.server).await;
    bench.gives(with("token_type", json!("DPoP"))).await;
    bench
}

/// A refused proof, as servers answer it: with an empty body, or as a session that is none.
fn refused_proofs() -> [ResponseTemplate; 3] {
    let session = json!({ "errorCode": "E0000005", "errorSummary": "Invalid session", "errorCauses": [] });
    let challenge = r#"DPoP algs="ES256", error="invalid_dpop_proof""#;
    [
        ResponseTemplate::new(400).insert_header("www-authenticate", challenge),
        ResponseTemplate::new(401).insert_header("www-authenticate", challenge),
        ResponseTemplate::new(403).set_body_json(session),
    ]
}

#[tokio::test]
async fn a_refused_proof_is_made_anew_once_with_another_token() {
    for refused in refused_proofs() {
        let bench = wanting_proofs().await;
        Mock::given(path("/api/v1/org")).respond_with(refused).up_to_n_times(1).mount(&bench.server).await;
        bench.shows(ResponseTemplate::new(200).set_body_json(json!({ "id": "00o1" }))).await;
        assert_eq!(bench.address().await.unwrap().id.as_deref(), Some("00o1"));
        assert_eq!(bench.tokens().await, 3, "without a proof, with one, and once more");
        let asked = bench.asked("/api/v1/org").await;
        let ids: BTreeSet<String> = asked
            .iter()
            .map(|request| claims(request.headers["dpop"].to_str().unwrap())["jti"].to_string())
            .collect();
        assert_eq!(ids.len(), 2, "each try has a proof of its own");
    }
}

#[tokio::test]
async fn a_proof_that_is_refused_again_says_what_to_look_at() {
    for (refused, status) in
        refused_proofs().into_iter().zip(["400", "401", "403 (E0000005: Invalid session)"])
    {
        let bench = wanting_proofs().await;
        bench.shows(refused).await;
        let error = bench.address().await.unwrap_err();
        let SourceError::Refused(text) = error else { panic!("{status}: {error:?}") };
        let expected = format!(
            "refused the proof that the service app 0oa1 sends with each request (DPoP) with {status}, "
        );
        assert!(text.contains(&expected), "{text}");
        for part in ["nothing was changed", "this host's clock", "The key of the proofs", "proxy settings"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(bench.asked("/api/v1/org").await.len(), 2, "once more, and no further time");
    }
}

#[tokio::test]
async fn a_400_about_the_question_is_not_about_the_proof() {
    let bench = wanting_proofs().await;
    let body =
        json!({ "errorCode": "E0000031", "errorSummary": "Invalid search criteria.", "errorCauses": [] });
    bench.shows(ResponseTemplate::new(400).set_body_json(body)).await;
    drop(bench.address().await);
    assert_eq!((bench.tokens().await, bench.asked("/api/v1/org").await.len()), (2, 1));
}

#[tokio::test]
async fn any_other_403_is_not_about_the_token() {
    let bench = Bench::start().await;
    bench.gives(token(&bearer())).await;
    let body = json!({ "errorCode": "E0000006", "errorSummary": "no" });
    bench.shows(ResponseTemplate::new(403).set_body_json(body)).await;
    assert_eq!(bench.address().await.unwrap().id, None);
    assert_eq!(bench.tokens().await, 1);
}

#[tokio::test]
async fn the_roles_of_the_app_are_asked_for_where_its_scopes_allow_it() {
    let bench = Bench::start().await;
    let scopes = "okta.groups.read okta.users.read okta.roles.read";
    bench.gives(with("scope", json!(scopes))).await;
    bench.shows(ResponseTemplate::new(403)).await;
    let roles = json!([{ "id": "ra1", "label": "Read-only Administrator", "type": "READ_ONLY_ADMIN" }, { "type": "CUSTOM" }]);
    for (at, page) in [
        ("/api/v1/users", json!([])),
        ("/api/v1/groups", json!([])),
        ("/oauth2/v1/clients/0oa1/roles", roles),
    ] {
        let page = ResponseTemplate::new(200).set_body_json(page);
        Mock::given(path(at)).respond_with(page).expect(1).mount(&bench.server).await;
    }
    let request = ReadRequest {
        attributes: ["profile.login"].map(Into::into).into(),
        wants_members: GroupFilter::none(),
        decides: GroupFilter::none(),
        groups_with_memberships: BTreeSet::new(),
        member_lists: Arc::default(),
    };
    let inspection = bench.source.inspect(&request, &RunControl::default()).await.unwrap();
    assert_eq!(inspection.roles.unwrap(), ["Read-only Administrator", "CUSTOM"]);
    let scopes = inspection.scopes.unwrap();
    assert_eq!(scopes.missing, ["okta.orgs.read"], "a token that was granted less than was asked for");
}

/// The claims of what is signed.
fn claims(jwt: &str) -> Value {
    let claims = base64::Engine::decode(&BASE64, jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[tokio::test]
async fn a_clock_that_goes_wrong_in_mid_run_is_noticed_at_the_first_refusal() {
    let bench = Bench::start().await;
    let here = Clock::system().now();
    let later = (here + chrono::TimeDelta::hours(2)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let body = json!({ "error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing." });
    let wants_proof = ResponseTemplate::new(400).set_body_json(body);
    Mock::given(path(TOKEN_PATH)).respond_with(wants_proof).up_to_n_times(1).mount(&bench.server).await;
    let bound = with("token_type", json!("DPoP"));
    Mock::given(path(TOKEN_PATH)).respond_with(bound.clone()).up_to_n_times(1).mount(&bench.server).await;
    bench.gives(bound.insert_header("date", later.as_str())).await;
    let early = ResponseTemplate::new(401).insert_header("date", later.as_str());
    let early = early.insert_header("www-authenticate", r#"DPoP error="invalid_dpop_proof""#);
    Mock::given(path("/api/v1/org")).respond_with(early).up_to_n_times(1).mount(&bench.server).await;
    bench.shows(ResponseTemplate::new(200).set_body_json(json!({ "id": "00o1" }))).await;
    assert_eq!(bench.address().await.unwrap().id.as_deref(), Some("00o1"));

    let hours_ahead = |claims: Value| (claims["iat"].as_i64().unwrap() - here.timestamp()) / 3_500;
    let asked = bench.asked("/api/v1/org").await;
    let proofs = asked.iter().map(|request| claims(request.headers["dpop"].to_str().unwrap()));
    assert_eq!(proofs.map(hours_ahead).collect::<Vec<_>>(), [0, 2]);
    let asked = bench.asked(TOKEN_PATH).await;
    let assertions = asked.iter().map(|request| {
        let form: Vec<_> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        claims(&form[3].1)
    });
    assert_eq!(assertions.map(hours_ahead).collect::<Vec<_>>(), [0, 0, 2]);
}

#[tokio::test]
async fn many_who_want_a_token_ask_once_and_are_refused_together() {
    let bench = Bench::start().await;
    // Late enough that all of them wait for it.
    let refused = ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_client" }));
    bench.gives(refused.set_delay(Duration::from_millis(50))).await;
    let all = futures_util::future::join_all((0..8).map(|_| bench.address())).await;
    assert!(all.iter().all(|address| matches!(address, Err(SourceError::Refused(_)))), "{all:?}");
    assert_eq!(bench.tokens().await, 1);
    // Whoever comes later asks again: somebody may have put it right.
    assert!(bench.address().await.is_err());
    assert_eq!(bench.tokens().await, 2);
}

#[tokio::test]
async fn whoever_asks_for_all_may_go_away() {
    let bench = Bench::start().await;
    let late = token(&bearer()).set_delay(Duration::from_secs(3_600));
    Mock::given(path(TOKEN_PATH)).respond_with(late).up_to_n_times(1).mount(&bench.server).await;
    bench.gives(token(&bearer())).await;
    bench.shows(ResponseTemplate::new(200).set_body_json(json!({ "id": "00o1" }))).await;
    let control = RunControl::default();
    let cancelled = async {
        let first = bench.source.address(&control).await;
        assert!(matches!(first, Err(SourceError::Cancelled)), "{first:?}");
    };
    let waits = async {
        // The first one has its request under way when this one begins to wait, and is cancelled then.
        while bench.tokens().await == 0 {
            tokio::task::yield_now().await;
        }
        let second = bench.address();
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        control.cancel.cancel();
        second.await
    };
    let ((), second) = tokio::join!(cancelled, waits);
    assert_eq!(second.unwrap().id.as_deref(), Some("00o1"));
    assert_eq!(bench.tokens().await, 2);
}

#[test]
fn nothing_secret_is_shown() {
    let key = PrivateKey::read(&SecretString::from(Key::of("ES256").pem()), None).unwrap();
    let app = ServiceApp {
        client_id: "0oa1".to_owned(),
        private_key: SecretRef::Environment("OKTA_KEY".to_owned()),
        key_id: None,
        algorithm: None,
        scopes: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let sign_in = SignIn::new(&"https://acme.okta.com".parse().unwrap(), &app, key, Clock::system());
        let granted = endpoint::Granted {
            scheme: token::Scheme::Bearer,
            token: "eyJ.secret".to_owned(),
            life: Duration::from_secs(60),
            scopes: None,
        };
        sign_in.take(granted).unwrap();
        let shown = format!("{sign_in:?}");
        assert!(shown.contains("0oa1") && !shown.contains("eyJ"), "{shown}");
    });
}
