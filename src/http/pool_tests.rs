use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::HeaderValue;
use sandbox::tls::{Authority, Front};
use tokio_util::sync::CancellationToken;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::http::{Call, Failure, FailureKind, Shared};
use crate::sync::progress::Progress;
use crate::telemetry::metrics::Metrics;

fn authorities(of: &[&Authority]) -> Authorities {
    let pem: String = of.iter().map(|authority| authority.pem()).collect();
    Authorities::parse(pem.as_bytes()).unwrap()
}

fn shared() -> Shared {
    Shared::with_patience(Metrics::new(), Patience { tries: 1, ..Patience::default() }).unwrap()
}

/// What a request to that server comes to.
async fn status(shared: &Shared, server: SocketAddr) -> Result<u16, Failure> {
    let url = Url::parse(&format!("https://{server}/")).unwrap();
    let api = shared.api("test", &url, HeaderValue::from_static("SSWS 00secret"), 50);
    let call = Call {
        method: &Method::GET,
        bucket: "test",
        url: &url,
        body: None,
        content_type: None,
        smaller: None,
        once: false,
        stop: &CancellationToken::new(),
        explain: |_| None,
    };
    api.ask(call, &Progress::default(), &mut Vec::new(), |answer, _| Ok(answer.status.as_u16())).await
}

#[tokio::test]
async fn an_authority_is_trusted_by_those_who_name_it_and_by_nobody_else() {
    let backend = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&backend).await;
    let (ours, other) = (Authority::new("Ours").unwrap(), Authority::new("Other").unwrap());
    let config = ours.server(&["127.0.0.1"], (2090, 1, 1)).unwrap();
    let front = Front::start(config, *backend.address()).await.unwrap();
    let host = shared();
    let trusting = |of: &[&Authority]| host.trusting(&authorities(of)).unwrap();
    // A connection that one of them has made is used by no other.
    for _ in 0..2 {
        assert_eq!(status(&trusting(&[&other, &ours]), front.address()).await, Ok(200));
        assert_eq!(status(&host, front.address()).await.unwrap_err().kind, FailureKind::Trust);
        let failure = status(&trusting(&[&other]), front.address()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Trust);
    }
    assert_eq!(backend.received_requests().await.unwrap().len(), 2);
}

#[test]
fn connections_are_shared_by_those_who_trust_the_same_and_rate_limits_by_all() {
    let (one, other) = (Authority::new("One").unwrap(), Authority::new("Other").unwrap());
    let host = shared();
    let trusting = |of: &[&Authority]| host.trusting(&authorities(of)).unwrap();
    let first = trusting(&[&one]);
    assert!(Arc::ptr_eq(&first.pool, &trusting(&[&one]).pool), "they are not made anew for each run");
    assert!(!Arc::ptr_eq(&first.pool, &trusting(&[&other]).pool));
    assert!(!Arc::ptr_eq(&first.pool, &host.pool));
    let origin = Url::parse("https://acme.okta.com").unwrap();
    assert!(Arc::ptr_eq(&first.inner.limiter(&origin), &host.inner.limiter(&origin)));
}

#[test]
fn only_so_many_are_remembered_and_those_that_are_used_stay() {
    let used = Authority::new("Used").unwrap();
    let (pools, patience) = (Pools::default(), Patience::default());
    let first = pools.of(&patience, &authorities(&[&used])).unwrap();
    for _ in 0..MOST_POOLS + 3 {
        pools.of(&patience, &authorities(&[&Authority::new("Another").unwrap()])).unwrap();
        assert!(Arc::ptr_eq(&first, &pools.of(&patience, &authorities(&[&used])).unwrap()));
    }
    assert_eq!(pools.0.lock().unwrap().len(), MOST_POOLS);
}
