//! What the listener answers, and what it refuses to be held up by.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::config::model::Page;
use crate::telemetry::page::tests::{connector, facts};
use crate::telemetry::page::{Facts, Shown, Source};

/// One connector, and nothing that takes time.
struct Still;

#[async_trait::async_trait]
impl Source for Still {
    fn has(&self, connector: &str) -> bool {
        connector == "acme"
    }
    async fn facts(&self, _: Option<&str>) -> Facts {
        facts(vec![connector("acme")])
    }
}

struct Served {
    address: SocketAddr,
    page: watch::Sender<Page>,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn served() -> Served {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address();
    let (page, page_seen) = watch::channel(Page::On);
    let (ready, ready_seen) = watch::channel(false);
    let stop = CancellationToken::new();
    let pages = Pages::new(Shown { source: Arc::new(Still), page: page_seen });
    let task =
        tokio::spawn(serve(listener, DateTime::UNIX_EPOCH, Metrics::new(), pages, ready_seen, stop.clone()));
    Served { address, page, ready, stop, task }
}

/// The whole answer to one request.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn fetch(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
}

#[tokio::test]
async fn metrics_and_health() {
    let served = served().await;
    let metrics = fetch(served.address, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"));
    assert!(metrics.contains("usersyncd_build_info{version="));
    assert!(metrics.contains("\nprocess_open_fds "));
    assert!(fetch(served.address, "/livez").await.starts_with("HTTP/1.1 200"));
    let unready = fetch(served.address, "/readyz").await;
    assert!(unready.starts_with("HTTP/1.1 503") && unready.contains("not ready: "), "{unready}");
    served.ready.send_replace(true);
    assert!(fetch(served.address, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(fetch(served.address, "/nonsense").await.starts_with("HTTP/1.1 404"));
    assert!(
        ask(served.address, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            .await
            .contains("405")
    );
}

#[tokio::test]
async fn the_page_can_be_off_on_or_full() {
    let served = served().await;
    let page = fetch(served.address, "/").await;
    assert!(page.contains("acme") && !page.contains("acme.okta.com"), "{page}");
    served.page.send_replace(Page::Full);
    assert!(fetch(served.address, "/").await.contains("acme.okta.com"));
    served.page.send_replace(Page::Off);
    for path in ["/", "/connectors/acme"] {
        let off = fetch(served.address, path).await;
        assert!(off.starts_with("HTTP/1.1 404") && off.contains("the status page is off"), "{off}");
    }
}

#[tokio::test]
async fn the_page_brings_its_policy_and_everything_else_allows_nothing() {
    let served = served().await;
    for path in ["/", "/connectors/acme", "/?refresh=off"] {
        let page = fetch(served.address, path).await;
        assert!(
            page.starts_with("HTTP/1.1 200") && page.contains("content-type: text/html; charset=utf-8"),
            "{page}"
        );
        let policy = "content-security-policy: default-src 'none'; style-src 'sha256-";
        assert_eq!(
            (page.matches(policy).count(), page.matches("content-security-policy").count()),
            (1, 1),
            "{page}"
        );
        for header in ["cache-control: no-store", "x-frame-options: DENY", "referrer-policy: no-referrer"] {
            assert!(page.contains(header), "{header}");
        }
    }
    assert!(fetch(served.address, "/").await.contains("http-equiv=\"refresh\""));
    assert!(!fetch(served.address, "/?refresh=off").await.contains("http-equiv=\"refresh\""));
    let metrics = fetch(served.address, "/metrics").await;
    assert!(
        metrics.contains("content-security-policy: default-src 'none'; frame-ancestors 'none'"),
        "{metrics}"
    );
    assert!(fetch(served.address, "/connectors/other").await.starts_with("HTTP/1.1 404"));
    assert!(
        fetch(served.address, "/style.css").await.starts_with("HTTP/1.1 404"),
        "the style is in the page"
    );
}

#[tokio::test]
async fn only_so_many_are_accepted_at_a_time() {
    use axum::serve::Listener as _;
    let bound = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = bound.address();
    let mut limited = Limited { socket: bound.socket, slots: Arc::new(Semaphore::new(2)) };
    let _clients = [
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    ];
    let first = limited.accept().await;
    let _second = limited.accept().await;
    {
        let third = std::pin::pin!(limited.accept());
        let now_or_never = futures_util::FutureExt::now_or_never(third);
        assert!(now_or_never.is_none(), "the third has to wait");
    }
    drop(first);
    limited.accept().await;
}

#[tokio::test]
async fn the_listener_stops_in_spite_of_silent_clients() {
    let served = served().await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    silent.write_all(b"GET /metr").await.unwrap();
    // By the time this is answered, the silent one was accepted.
    fetch(served.address, "/livez").await;
    tokio::time::pause();
    served.stop.cancel();
    tokio::time::timeout(DRAIN * 2, served.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_ends_at_its_deadline() {
    let served = served().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    // One request per connection: after the answer the connection ends without waiting for a deadline.
    stream.read_to_end(&mut Vec::new()).await.unwrap();

    let mut silent = TcpStream::connect(served.address).await.unwrap();
    silent.write_all(b"GET /").await.unwrap();
    // By the time this is answered, the silent one was accepted.
    fetch(served.address, "/livez").await;
    tokio::time::pause();
    // Paused time runs on to the next timer when all is idle: the deadline.
    let mut rest = Vec::new();
    let end = tokio::time::timeout(LONGEST_CONNECTION * 2, silent.read_to_end(&mut rest)).await;
    assert!(end.is_ok() && rest.is_empty(), "{end:?}");
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = bind(first.address()).await.unwrap_err();
    assert!(error.contains(&first.address().to_string()) && error.contains("metrics.listen"), "{error}");
}
