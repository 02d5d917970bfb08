//! Credentials that may end, against a server that says so.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::tests::{get, patience};
use super::*;
use crate::http::{Patience, Shared, Stamp};
use crate::telemetry::metrics::Metrics;

/// Numbers its tries, and has another token after each refusal.
#[derive(Debug, Default)]
struct Numbered {
    token: AtomicU64,
    tries: AtomicU64,
    answers: AtomicU64,
    fails: Option<FailureKind>,
}

#[async_trait]
impl Credentials for Numbered {
    async fn prepare(&self, _: &Progress) -> Result<(), Failure> {
        match self.fails {
            Some(kind) => Err(Failure { kind, text: "no token".to_owned(), uncertain: true }),
            None => Ok(()),
        }
    }

    fn sign(&self, method: &Method, url: &Url) -> Result<Signed, Failure> {
        let (token, number) =
            (self.token.load(Ordering::Relaxed), self.tries.fetch_add(1, Ordering::Relaxed));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("T{token}").parse().unwrap());
        headers.insert("proof", format!("{number} {method} {}", url.path()).parse().unwrap());
        Ok(Signed { headers, stamp: token, ..Signed::default() })
    }

    fn hear(&self, _: &HeaderMap) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self, stamp: Stamp, answer: &Answer, _: &[u8]) -> Option<Renewal> {
        if answer.headers.contains_key(WWW_AUTHENTICATE) {
            return Some(Renewal::Nonce);
        }
        let next = (stamp, stamp + 1);
        let _was = self.token.compare_exchange(next.0, next.1, Ordering::Relaxed, Ordering::Relaxed);
        (answer.status == 401).then_some(Renewal::Token)
    }
}

/// What a server that answers so was asked: `authorization, proof` of each request; and what came of it.
async fn asked(
    answers: &[ResponseTemplate],
    credentials: Numbered,
) -> (Vec<String>, Result<u16, Failure>, u64) {
    let server = MockServer::start().await;
    for (at, answer) in answers.iter().enumerate() {
        let once = if at + 1 == answers.len() { 100 } else { 1 };
        Mock::given(any()).respond_with(answer.clone()).up_to_n_times(once).mount(&server).await;
    }
    let shared = Shared::with_patience(Metrics::new(), Patience { tries: 2, ..patience() }).unwrap();
    let credentials = Arc::new(credentials);
    let origin = Url::parse(&server.uri()).unwrap();
    let api = shared.api_signed_by("test", &origin, Arc::clone(&credentials) as Arc<dyn Credentials>, 50);
    let status = get(&api).await.map(|(status, _)| status);
    let requests = server.received_requests().await.unwrap();
    let text = |request: &wiremock::Request, name: &str| request.headers[name].to_str().unwrap().to_owned();
    let seen = requests
        .iter()
        .map(|request| format!("{}, {}", text(request, "authorization"), text(request, "proof")));
    (seen.collect(), status, credentials.answers.load(Ordering::Relaxed))
}

fn answer(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

#[tokio::test]
async fn every_try_is_signed_anew() {
    let (seen, status, heard) = asked(&[answer(503), answer(200)], Numbered::default()).await;
    assert_eq!((seen, status, heard), (vec!["T0, 0 GET /list".into(), "T0, 1 GET /list".into()], Ok(200), 2));
}

#[tokio::test]
async fn a_refusal_is_answered_with_another_token_once() {
    // Two tries are all the patience there is: what is signed anew is not one of them.
    let (seen, status, _) = asked(&[answer(503), answer(401), answer(200)], Numbered::default()).await;
    assert_eq!((seen.len(), status), (3, Ok(200)));
    assert_eq!(seen[2], "T1, 2 GET /list");
    let (seen, status, _) = asked(&[answer(401)], Numbered::default()).await;
    assert_eq!((seen.len(), status), (2, Ok(401)), "the second refusal is the answer");
}

#[tokio::test]
async fn a_number_and_a_token_may_both_be_wanted_and_each_is_given_once() {
    let nonce = answer(401).insert_header("www-authenticate", "DPoP error=\"use_dpop_nonce\"");
    let (seen, status, _) = asked(&[nonce.clone(), answer(401), answer(200)], Numbered::default()).await;
    assert_eq!((seen.len(), status), (3, Ok(200)));
    let (seen, status, _) = asked(&[nonce.clone(), answer(401), nonce], Numbered::default()).await;
    assert_eq!((seen.len(), status), (3, Ok(401)));
}

#[tokio::test]
async fn a_refusal_that_nothing_helps_against_is_the_answer() {
    let (seen, status, _) = asked(&[answer(403)], Numbered::default()).await;
    assert_eq!((seen.len(), status), (1, Ok(403)));
}

#[tokio::test]
async fn nothing_is_sent_without_something_to_sign_with() {
    let credentials = Numbered { fails: Some(FailureKind::Refused), ..Numbered::default() };
    let (seen, status, _) = asked(&[answer(200)], credentials).await;
    let expected = Failure { kind: FailureKind::Refused, text: "no token".to_owned(), uncertain: false };
    assert_eq!((seen.len(), status), (0, Err(expected)), "nothing was carried out");
}

/// A request whose body is part of the credentials.
#[derive(Debug)]
struct InTheBody;

#[async_trait]
impl Credentials for InTheBody {
    async fn prepare(&self, _: &Progress) -> Result<(), Failure> {
        Ok(())
    }
    fn sign(&self, _: &Method, _: &Url) -> Result<Signed, Failure> {
        Ok(Signed { body: Some("who=me".to_owned()), ..Signed::default() })
    }
    fn hear(&self, _: &HeaderMap) {}
    fn refused(&self, _: Stamp, _: &Answer, _: &[u8]) -> Option<Renewal> {
        None
    }
}

#[tokio::test]
async fn credentials_may_be_the_body() {
    let server = MockServer::start().await;
    Mock::given(header("accept", "application/json")).respond_with(answer(200)).mount(&server).await;
    let shared = Shared::with_patience(Metrics::new(), patience()).unwrap();
    let api = shared.api_signed_by("test", &Url::parse(&server.uri()).unwrap(), Arc::new(InTheBody), 50);
    assert_eq!(get(&api).await.unwrap().0, 200);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].body, b"who=me");
    assert!(!requests[0].headers.contains_key("authorization"));
}
