//! One webhook against a server on this host: what it is sent, and what its answers come to.

use std::path::PathBuf;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::config::model::{Connector, Event, NotifySettings, SecretRef};
use crate::notify::testing::{counted, courier, hold, log, report, webhook};
use crate::notify::{Before, Notifier};
use crate::sync::report::{Outcome, Report};
use crate::sync::rules::Rules;
use crate::telemetry::metrics::Metrics;

/// In the address and in the key, and nowhere else.
const CANARY: &str = "k4n4ry";

/// Secrets in files, and what is made of them.
struct Post {
    directory: tempfile::TempDir,
    metrics: Metrics,
    settings: WebhookSettings,
}

impl Post {
    fn to(address: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| -> PathBuf { directory.path().join(name) };
        std::fs::write(file("url"), format!("{address}/hook/{CANARY}?token={CANARY}\n")).unwrap();
        std::fs::write(file("key"), format!("{CANARY} key\n")).unwrap();
        let settings = WebhookSettings { key: Some(SecretRef::File(file("key"))), ..webhook(file("url")) };
        Self { directory, metrics: Metrics::new(), settings }
    }

    fn delivery(&self) -> Delivery {
        let settings = NotifySettings { webhook: Some(self.settings.clone()), ..NotifySettings::default() };
        let (notifier, mut queue) = Notifier::new(settings, self.metrics.clone());
        let report = Report { holds: vec![hold(true)], ..report(Outcome::Held) };
        let before = Before { outcome: Some(Outcome::Success), succeeded: true };
        notifier.tell(&Connector::for_tests(Rules::default()), before, &report);
        queue.waiting().pop().unwrap()
    }

    async fn tell(&self) -> Result<(), String> {
        let mut delivery = self.delivery();
        delivery.settled = true;
        tell(&courier(), &self.settings, &delivery).await
    }
}

/// A server that gives these answers, and then 204.
async fn server(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    for answer in answers {
        Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).mount(&server).await;
    }
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    server
}

async fn met(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().unwrap()
}

#[tokio::test]
async fn a_receiver_gets_what_it_can_check() {
    let server = server([]).await;
    let mut post = Post::to(&server.uri());
    post.tell().await.unwrap();
    let request = &met(&server).await[0];
    assert_eq!((request.url.path(), request.url.query()), ("/hook/k4n4ry", Some("token=k4n4ry")));
    assert_eq!(header(request, "content-type"), "application/json");
    assert_eq!(header(request, "user-agent"), format!("usersyncd/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(header(request, "x-usersyncd-event"), "held");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["delivery"], header(request, "x-usersyncd-delivery"));
    assert_eq!((&body["event"], &body["holds"][0]["id"]), (&"held".into(), &5.into()));
    let timestamp: i64 = header(request, "x-usersyncd-timestamp").parse().unwrap();
    let now = courier().clock.now().timestamp();
    assert!((now..now + 3_600).contains(&timestamp), "{timestamp}");
    let key = format!("{CANARY} key").into();
    assert_eq!(header(request, "x-usersyncd-signature"), sign(&key, timestamp, &request.body).unwrap());

    post.settings.key = None;
    post.tell().await.unwrap();
    let second = &met(&server).await[1];
    assert!(second.headers.get("x-usersyncd-signature").is_none());
    assert_ne!(header(second, "x-usersyncd-delivery"), header(request, "x-usersyncd-delivery"));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_told_as_the_same() {
    let answers = [503, 429, 408, 500].map(ResponseTemplate::new);
    let server = server(answers).await;
    Post::to(&server.uri()).tell().await.unwrap();
    let requests = met(&server).await;
    assert_eq!(requests.len(), 5);
    for request in &requests[1..] {
        assert_eq!(request.body, requests[0].body);
        let id = header(request, "x-usersyncd-delivery");
        assert_eq!(id, header(&requests[0], "x-usersyncd-delivery"));
    }
}

#[tokio::test]
async fn patience_ends() {
    let server = server((0..9).map(|_| ResponseTemplate::new(503))).await;
    let post = Post::to(&server.uri());
    let why = post.tell().await.unwrap_err();
    let place = post.directory.path().join("url");
    assert_eq!(
        why,
        format!(
            "it answered 503 Service Unavailable (address in file {}; given up after 5 tries in 0 s)",
            place.display()
        )
    );
    assert_eq!(met(&server).await.len(), 5);
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again_and_a_redirect_not_followed() {
    for status in [400, 401, 404, 410, 301, 302, 307, 308] {
        let server = MockServer::start().await;
        let elsewhere = format!("{}/elsewhere", server.uri());
        let answer = ResponseTemplate::new(status).insert_header("location", elsewhere);
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let why = Post::to(&server.uri()).tell().await.unwrap_err();
        assert!(why.starts_with(&format!("it answered {status} ")), "{why}");
        assert_eq!(why.contains("redirects are not followed"), status < 400, "{why}");
        let requests = met(&server).await;
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].url.path(), "/hook/k4n4ry");
    }
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_heard() {
    let busy = |status, wish: &str| ResponseTemplate::new(status).insert_header("retry-after", wish);
    for (answer, expected) in [
        (busy(429, "7"), Some(7)),
        (busy(503, " 90 "), Some(90)),
        // The clock shows 03:00:42 and some fraction of a second.
        (busy(503, "Mon, 23 Nov 2026 04:00:42 GMT"), Some(3_599)),
        (busy(503, "Mon, 23 Nov 2026 02:00:42 GMT"), None),
        (busy(503, "soon"), None),
        (busy(503, "-1"), None),
        (ResponseTemplate::new(503), None),
    ] {
        let server = server([answer]).await;
        let post = Post::to(&server.uri());
        let mut delivery = post.delivery();
        delivery.settled = true;
        let tried = attempt(&courier(), &post.settings, &delivery, Vec::new()).await;
        assert_eq!(met(&server).await.len(), 1);
        let Tried::Again(_, wish) = tried else { panic!("{tried:?}") };
        assert_eq!(wish.map(|wish| wish.as_secs()), expected);
    }
}

/// A server that takes connections, reads a little, and does not answer.
async fn silent(keeps: bool) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            drop(connection.read(&mut [0; 16]).await);
            if keeps {
                kept.push(connection);
            }
        }
    });
    (address, task)
}

/// Law 7: whatever goes wrong, neither log nor error nor metrics have anything of the address or the key.
#[tokio::test]
async fn nothing_that_goes_wrong_shows_the_address_or_the_key() {
    let plain = server([]).await.address().to_string();
    let (closing, _closing) = silent(false).await;
    let (hanging, _hanging) = silent(true).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let refusing = server((0..9).map(|_| ResponseTemplate::new(500).set_body_string(CANARY))).await;
    let redirecting = MockServer::start().await;
    let away = ResponseTemplate::new(302).insert_header("location", format!("/{CANARY}"));
    Mock::given(method("POST")).respond_with(away).mount(&redirecting).await;
    let forbidden = server([ResponseTemplate::new(403).set_body_string(CANARY)]).await;
    for (address, expected) in [
        (format!("http://{closed}"), "no connection to it came about"),
        (format!("http://{closing}"), "it closed the connection without an answer"),
        (format!("http://{hanging}"), "it did not answer in time"),
        (format!("https://{plain}"), "it does not speak TLS"),
        (refusing.uri(), "it answered 500"),
        (redirecting.uri(), "redirects are not followed"),
        (forbidden.uri(), "it answered 403"),
        (format!("http://{CANARY}.example.com"), "is plain http"),
        ("http://192.0.2.1".to_owned(), "is plain http"),
        (format!("ftp://{CANARY}.example.com"), "does not begin with https://"),
        (CANARY.to_owned(), "is not a URL"),
    ] {
        let log = log();
        let mut post = Post::to(&address);
        if address.contains(&hanging) {
            post.settings.timeout = Duration::from_millis(20);
        }
        post.delivery().make(&courier()).await;
        let said = log.text();
        assert!(said.contains(expected), "{address}: {said}");
        assert!(said.contains(&post.directory.path().join("url").display().to_string()), "{address}: {said}");
        assert!(said.contains("the webhook could not be told of it (held)"), "{address}: {said}");
        assert!(!said.contains(CANARY) && !said.contains("192.0.2"), "{address}: {said}");
        assert_eq!(counted(&post.metrics, "webhook", "failed"), 1);
        assert!(!post.metrics.text().contains(CANARY));
    }
    // What will not pass by itself is final.
    let settings = webhook("/url".into());
    for kind in [
        TroubleKind::Name,
        TroubleKind::Connection,
        TroubleKind::Trust,
        TroubleKind::NoTls,
        TroubleKind::Time,
        TroubleKind::Cut,
        TroubleKind::TooLarge,
        TroubleKind::Other,
    ] {
        let tried = trouble(kind, &settings);
        let is_final = matches!(tried, Tried::Refused(_));
        assert_eq!(is_final, matches!(kind, TroubleKind::Trust | TroubleKind::NoTls), "{tried:?}");
    }
    // A key that cannot be used.
    let log = log();
    let post = Post::to(&format!("http://{plain}"));
    std::fs::write(post.directory.path().join("key"), format!("{CANARY}\n{CANARY}")).unwrap();
    post.delivery().make(&courier()).await;
    let said = log.text();
    assert!(said.contains("contains a line break") && !said.contains(CANARY), "{said}");
    assert_eq!(counted(&post.metrics, "webhook", "failed"), 1);
}

#[tokio::test]
async fn a_replaced_secret_counts_at_the_next_try() {
    let (wrong, right) = (server((0..9).map(|_| ResponseTemplate::new(503))).await, server([]).await);
    let post = Post::to(&wrong.uri());
    let courier = courier();
    let mut delivery = post.delivery();
    delivery.settled = true;
    let first = attempt(&courier, &post.settings, &delivery, Vec::new()).await;
    assert!(matches!(first, Tried::Again(..)), "{first:?}");
    std::fs::write(post.directory.path().join("url"), right.uri()).unwrap();
    assert_eq!(attempt(&courier, &post.settings, &delivery, Vec::new()).await, Tried::Told);
    assert_eq!((met(&wrong).await.len(), met(&right).await.len()), (1, 1));
    assert_eq!(delivery.event, Event::Held);
}
