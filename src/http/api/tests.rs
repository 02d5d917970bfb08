use std::net::Ipv4Addr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use wiremock::matchers::{any, header, header_exists, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::http::{Patience, Shared};
use crate::telemetry::metrics::Metrics;

const TOKEN: &str = "SSWS 00secret";

pub(super) fn patience() -> Patience {
    Patience { tries: 2, first_pause: Duration::from_millis(1), ..Patience::default() }
}

fn api_at(origin: &str, patience: Patience) -> Api {
    let shared = Shared::with_patience(Metrics::new(), patience).unwrap();
    shared.api("test", &Url::parse(origin).unwrap(), HeaderValue::from_static(TOKEN), 50)
}

/// Asks for `/list?limit=8` and returns status and body.
pub(super) async fn get(api: &Api) -> Result<(u16, String), Failure> {
    get_at(api, &format!("{}list?limit=8", api.origin())).await
}

async fn get_at(api: &Api, url: &str) -> Result<(u16, String), Failure> {
    get_until(api, url, &CancellationToken::new()).await
}

/// As [`get_at`], until it is stopped.
async fn get_until(api: &Api, url: &str, stop: &CancellationToken) -> Result<(u16, String), Failure> {
    let url = Url::parse(url).unwrap();
    let smaller = |url: &Url| {
        let mut url = url.clone();
        url.set_query(Some("limit=4"));
        Some(url)
    };
    let call = Call {
        method: &Method::GET,
        body: None,
        once: false,
        bucket: "test",
        url: &url,
        content_type: None,
        smaller: Some(smaller),
        stop,
        explain: |body| Some(String::from_utf8_lossy(body).into_owned()),
    };
    let mut body = Vec::new();
    let read = |answer: &Answer, body: &[u8]| {
        Ok((answer.status.as_u16(), String::from_utf8_lossy(body).into_owned()))
    };
    api.ask(call, &Progress::default(), &mut body, read).await
}

/// An origin where connections are refused.
async fn nobody_listening() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that takes one connection after the other and gives each to `serve`.
async fn raw_server<F: Future<Output = ()>>(
    serve: impl Fn(tokio::net::TcpStream) -> F,
) -> (String, impl Future<Output = ()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let run = async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            serve(connection).await;
        }
    };
    (origin, run)
}

#[tokio::test]
async fn every_request_says_who_we_are_and_carries_the_token_and_nothing_else() {
    let server = MockServer::start().await;
    let mock = Mock::given(path("/list"))
        .and(header("user-agent", concat!("usersyncd/", env!("CARGO_PKG_VERSION"))))
        .and(header("authorization", TOKEN))
        .and(header("accept", "application/json"))
        .and(header_exists("accept-encoding"))
        .respond_with(
            ResponseTemplate::new(200).insert_header("set-cookie", "JSESSIONID=1").set_body_string("[]"),
        );
    mock.mount(&server).await;
    let api = api_at(&server.uri(), patience());
    for _ in 0..2 {
        assert_eq!(get(&api).await, Ok((200, "[]".to_owned())));
    }
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests.iter().all(|request| !request.headers.contains_key("cookie") && request.body.is_empty())
    );
}

#[tokio::test]
async fn law_7_the_token_goes_to_its_origin_only_and_is_never_shown() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let redirect = ResponseTemplate::new(302).insert_header("location", format!("{}/list", elsewhere.uri()));
    Mock::given(path("/list")).respond_with(redirect).mount(&server).await;
    Mock::given(path("/other")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let api = api_at(&server.uri(), patience());
    assert_eq!(get(&api).await.unwrap().0, 302, "not followed");
    assert_eq!(
        get_at(&api, &format!("{}/other", elsewhere.uri())).await.unwrap().0,
        200,
        "asked of the origin"
    );
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
    assert!(!format!("{api:?}").contains("secret"));
}

#[tokio::test]
async fn server_errors_are_tried_again_and_then_for_less() {
    let server = MockServer::start().await;
    Mock::given(query_param("limit", "8")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let small = Mock::given(query_param("limit", "4"))
        .respond_with(ResponseTemplate::new(200).set_body_string("[4]"));
    small.mount(&server).await;
    let api = api_at(&server.uri(), Patience { tries: 5, ..patience() });
    assert_eq!(get(&api).await, Ok((200, "[4]".to_owned())));
    let asked: Vec<_> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.url.query().map(str::to_owned))
        .collect();
    assert_eq!(asked.iter().flatten().collect::<Vec<_>>(), ["limit=8", "limit=8", "limit=4"]);
}

#[tokio::test]
async fn what_is_given_up_is_told_in_words() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(503).set_body_string("too bad"))
        .mount(&server)
        .await;
    let failure = get(&api_at(&server.uri(), patience())).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Server(503));
    assert_eq!(
        failure.text,
        "the server answered 503 Service Unavailable (too bad) (given up after 2 tries in 0 s)"
    );
}

#[tokio::test]
async fn a_429_says_so_whatever_its_headers_are() {
    let limits = |limit, remaining| {
        let answer = ResponseTemplate::new(429).insert_header("x-rate-limit-limit", limit);
        answer.insert_header("x-rate-limit-remaining", remaining)
    };
    let busy = FailureKind::Server(429);
    for (answer, kind, text) in [
        (ResponseTemplate::new(429), busy, "the server answered 429 Too Many Requests"),
        (
            limits("0", "0"),
            FailureKind::TooManyAtOnce,
            "too many requests at the same time in this org: the server answered 429",
        ),
        (ResponseTemplate::new(429).insert_header("retry-after", "0"), busy, "the server answered 429"),
    ] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).expect(2).mount(&server).await;
        let failure = get(&api_at(&server.uri(), patience())).await.unwrap_err();
        assert_eq!(failure.kind, kind);
        assert!(failure.text.starts_with(text), "{failure:?}");
    }
}

#[tokio::test]
async fn a_wrong_body_is_read_again_twice() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(3).mount(&server).await;
    let api = api_at(&server.uri(), Patience { tries: 5, ..patience() });
    let stop = CancellationToken::new();
    let call = Call {
        method: &Method::GET,
        body: None,
        once: false,
        bucket: "test",
        url: api.origin(),
        content_type: None,
        smaller: None,
        stop: &stop,
        explain: |_| None,
    };
    let result: Result<(), _> =
        api.ask(call, &Progress::default(), &mut Vec::new(), |_, _| Err("it is nonsense".to_owned())).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongAnswer);
    assert!(failure.text.starts_with("it is nonsense (given up after 3 tries"), "{failure:?}");
}

#[tokio::test]
async fn once_stopped_nothing_is_sent_from_the_queue_nor_again() {
    let nobody = nobody_listening().await;
    let api = api_at(&nobody, Patience { tries: 1, ..patience() });
    let stop = CancellationToken::new();
    let url = format!("{}list", api.origin());
    // As long as no limits are known one request is under way, so that the second stands in the queue.
    let first = async {
        let failure = get_until(&api, &url, &stop).await.unwrap_err();
        stop.cancel();
        failure.kind
    };
    let second = async { get_until(&api, &url, &stop).await.unwrap_err().kind };
    assert_eq!(tokio::join!(first, second), (FailureKind::NoAnswer, FailureKind::Stopped));

    let server = MockServer::start().await;
    let api = api_at(&server.uri(), patience());
    let stop = CancellationToken::new();
    let fails = {
        let stop = stop.clone();
        move |_: &wiremock::Request| {
            stop.cancel();
            ResponseTemplate::new(503)
        }
    };
    Mock::given(any()).respond_with(fails).expect(1).mount(&server).await;
    let failure = get_until(&api, &format!("{}list", api.origin()), &stop).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Stopped);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_never_begins_is_no_answer() {
    let cut = async |mut connection: tokio::net::TcpStream| {
        let _asked = connection.read(&mut [0; 2048]).await;
        let _sent = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[").await;
    };
    let hang_up = async |mut connection: tokio::net::TcpStream| {
        let _asked = connection.read(&mut [0; 2048]).await;
    };
    let garbage = async |mut connection: tokio::net::TcpStream| {
        let _asked = connection.read(&mut [0; 2048]).await;
        let _sent = connection.write_all(b"SSH-2.0-server\r\n").await;
    };
    async fn failure_at<F: Future<Output = ()>>(serve: impl Fn(tokio::net::TcpStream) -> F) -> Failure {
        let (origin, run) = raw_server(serve).await;
        tokio::select! {
            () = run => unreachable!("it serves for ever"),
            result = async { get(&api_at(&origin, patience())).await } => result.unwrap_err(),
        }
    }
    for (failure, expected) in [
        (failure_at(cut).await, "the answer was cut off"),
        (failure_at(hang_up).await, "the connection was closed before an answer came"),
        (failure_at(garbage).await, "the request failed ("),
    ] {
        assert_eq!(failure.kind, FailureKind::NoAnswer);
        assert!(failure.text.starts_with(expected), "{failure:?}");
    }
}

#[tokio::test]
async fn a_silent_server_costs_its_time_out_and_not_more() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
    Mock::given(any()).respond_with(late).mount(&server).await;
    let patience = Patience { silence: Duration::from_millis(20), ..patience() };
    let failure = get(&api_at(&server.uri(), patience)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NoAnswer);
    assert!(failure.text.starts_with("the answer did not come in time"), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_refuses() {
    let failure = get(&api_at(&nobody_listening().await, patience())).await.unwrap_err();
    assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
    assert_eq!(failure.kind, FailureKind::NoAnswer);
    assert!(failure.text.starts_with("the connection was refused (given up after 2 tries"), "{failure:?}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named_as_the_reason() {
    // A label of more than 63 letters is refused before anybody is asked. Without a proxy, which would be asked instead.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let error = client.get(format!("http://{}.invalid/", "a".repeat(64))).send().await.unwrap_err();
    let trouble = Trouble::of(&error.without_url());
    assert_eq!(trouble.kind, TroubleKind::Name);
    assert!(trouble.text.starts_with("the name of the host cannot be resolved ("), "{trouble:?}");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_not_tried_again() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (origin, run) = raw_server(|connection| {
        let accepting = acceptor.accept(connection);
        async { assert!(accepting.await.is_err(), "the client hangs up") }
    })
    .await;
    let api = api_at(&origin.replace("http:", "https:"), patience());
    let failure = tokio::select! {
        () = run => unreachable!("it serves for ever"),
        result = get(&api) => result.unwrap_err(),
    };
    assert_eq!(failure.kind, FailureKind::Trust);
    assert!(
        failure.text.starts_with("the TLS certificate is not accepted (invalid peer certificate: "),
        "{failure:?}"
    );
    assert!(!failure.text.contains("given up"), "{failure:?}");
}

#[tokio::test]
async fn http_2_is_offered() {
    let offered = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&offered);
    let (origin, run) = raw_server(move |connection| {
        let heard = Arc::clone(&heard);
        async move {
            let start = LazyConfigAcceptor::new(Acceptor::default(), connection).await.unwrap();
            let hello = start.client_hello();
            let protocols = hello.alpn().into_iter().flatten();
            heard.lock().unwrap().extend(protocols.map(|name| String::from_utf8_lossy(name).into_owned()));
        }
    })
    .await;
    let api = api_at(&origin.replace("http:", "https:"), Patience { tries: 1, ..patience() });
    tokio::select! {
        () = run => unreachable!("it serves for ever"),
        result = get(&api) => assert!(result.is_err(), "the server hangs up"),
    };
    assert_eq!(*offered.lock().unwrap(), ["h2", "http/1.1"]);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_said_not_to_and_is_not_tried_again() {
    let server = MockServer::start().await;
    let failure = get(&api_at(&server.uri().replace("http:", "https:"), patience())).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NoTls);
    assert_eq!(failure.text, "the server does not speak TLS at this address (is it http instead of https?)");
}
