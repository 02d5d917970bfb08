//! The server over a real socket, with a daemon that only answers.

mod description;
mod fake;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, to_bytes};
use hyper::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use fake::Parrot;

use super::caller::Caller;
use super::connections::MOST_CONNECTIONS;
use super::{Control, Gate, REQUEST_TIME, bind, routes, serve};
use crate::config::model::ControlSettings;
use crate::sync::report::FORMAT_VERSION;

/// A running server.
struct Running {
    path: PathBuf,
    parrot: Arc<Parrot>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _scratch: TempDir,
}

async fn running() -> Running {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("control.sock");
    let settings = ControlSettings { socket: path.clone(), group: "no-such-group-here".to_owned() };
    let socket = bind(&settings).await.unwrap();
    let (parrot, stop) = (Arc::new(Parrot::default()), CancellationToken::new());
    let control = Arc::clone(&parrot) as Arc<dyn Control>;
    let task = tokio::spawn(serve(socket, control, Gate::new(&settings.group), stop.clone()));
    Running { path, parrot, stop, task, _scratch: scratch }
}

/// Sends bytes and reads all that comes back.
async fn exchange(path: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    // The server may close before it has read all of a bad request; what it says counts.
    drop(stream.write_all(bytes).await);
    answer(&mut stream).await
}

async fn answer(stream: &mut UnixStream) -> String {
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

/// One request; the status and the body. HTTP/1.0, so that bodies come without chunks.
async fn ask(running: &Running, line: &str, body: &str) -> (u16, String) {
    let request = format!("{line} HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(&running.path, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn every_route_answers() {
    let running = running().await;
    let n = "/v1/connectors/a%20b%2Fc";
    for (line, body, status, key) in [
        ("GET /v1/status".to_owned(), "", 200, "pid"),
        ("GET /v1/connectors".to_owned(), "", 200, "connectors"),
        (format!("GET {n}"), "", 500, "error"),
        (format!("GET {n}/configuration"), "", 200, "yaml"),
        (format!("POST {n}/plan"), "", 200, "event"),
        (format!("POST {n}/explain"), r#"{"login":" anna@example.com "}"#, 200, "source"),
        (format!("POST {n}/plan"), r#"{"keep":"review-1","hours":2}"#, 200, "event"),
        (format!("POST {n}/plan"), r#"{"keep":"../x"}"#, 400, "message"),
        (format!("POST {n}/plan"), r#"{"keep":"x","hours":0}"#, 400, "message"),
        ("GET /v1/plans".to_owned(), "", 200, "plans"),
        ("GET /v1/plans/review".to_owned(), "", 404, "message"),
        ("POST /v1/plans/review/apply".to_owned(), "", 200, "event"),
        ("GET /v1/holds".to_owned(), "", 200, "holds"),
        ("GET /v1/holds?all=true&connector=acme".to_owned(), "", 200, "holds"),
        ("GET /v1/holds/7".to_owned(), "", 404, "message"),
        ("GET /v1/holds/seven".to_owned(), "", 400, "message"),
        ("POST /v1/holds/7/approve".to_owned(), r#"{"later":true}"#, 200, "message"),
        ("POST /v1/holds/7/approve".to_owned(), r#"{"hours":2}"#, 200, "event"),
        ("POST /v1/holds/7/approve".to_owned(), r#"{"hours":100000}"#, 400, "message"),
        ("POST /v1/holds/7/discard".to_owned(), "", 200, "message"),
        ("POST /v1/runs/8/undo".to_owned(), r#"{"confirm":true}"#, 200, "event"),
        ("POST /v1/runs/8/undo".to_owned(), r#"{"fingerprint":"x"}"#, 400, "message"),
        (format!("POST {n}/cancel"), "", 200, "message"),
        (format!("POST {n}/pause"), "", 200, "message"),
        (format!("POST {n}/resume"), "", 200, "message"),
        (format!("POST {n}/rebind"), "", 200, "after"),
        (format!("POST {n}/rebind"), r#"{"confirm":true}"#, 200, "after"),
        (format!("POST {n}/relink"), "", 200, "by_name"),
        (format!("POST {n}/relink"), r#"{"confirm":true}"#, 200, "by_id"),
        (format!("POST {n}/rename"), r#"{"to":"new"}"#, 200, "message"),
        (format!("POST {n}/release"), r#"{"login":"anna"}"#, 200, "message"),
        ("GET /v1/runs".to_owned(), "", 200, "runs"),
        ("GET /v1/runs?connector=acme&limit=5".to_owned(), "", 200, "runs"),
        ("GET /v1/runs/8".to_owned(), "", 200, "outcome"),
        ("GET /v1/runs/9".to_owned(), "", 404, "message"),
        ("POST /v1/reload".to_owned(), "", 200, "rejected"),
        ("PUT /v1/log-level".to_owned(), r#"{"level":"debug"}"#, 200, "message"),
        ("GET /v1/directory/users".to_owned(), "", 200, "users"),
        ("GET /v1/directory/groups".to_owned(), "", 200, "groups"),
        ("GET /v1/directory/members?group=a%26b".to_owned(), "", 200, "members"),
    ] {
        let (answered, text) = ask(&running, &line, body).await;
        assert_eq!(answered, status, "{line}: {text}");
        assert!(json(&text).get(key).is_some(), "{line}: {text}");
    }
    let heard = running.parrot.0.lock().unwrap().join("; ");
    assert_eq!(
        heard,
        "show a b/c; configuration a b/c; plan a b/c; explain anna@example.com a b/c; plan a b/c; \
         PlanRequest { keep: Some(\"review-1\"), hours: Some(2) } by me; apply review by me; holds None false; \
         holds Some(\"acme\") true; approve 7 ApproveRequest { later: true, wait: false, hours: None } by me; \
         approve 7 ApproveRequest { later: false, wait: false, hours: Some(2) } by me; discard 7 by me; \
         undo 8 UndoRequest { confirm: true, fingerprint: None, wait: false } by me; cancel a b/c; pause a b/c; resume a b/c; rebind a b/c; \
         rebind a b/c; relink a b/c; relink a b/c; rename to new a b/c; release anna a b/c; runs None 20 a b/c; runs Some(\"acme\") 5 a b/c"
    );
}

#[tokio::test]
async fn a_sync_streams_its_events_or_says_the_first() {
    let running = running().await;
    let n = "POST /v1/connectors/a%20b%2Fc/sync";
    let (status, text) = ask(&running, n, r#"{"wait":true}"#).await;
    let lines: Vec<_> = text.lines().map(|line| json(line)["event"].clone()).collect();
    assert_eq!((status, lines), (200, ["notice", "queued", "started", "finished"].map(Value::from).to_vec()));
    let (status, text) = ask(&running, n, "").await;
    let lines: Vec<_> = text.lines().map(|line| json(line)["event"].clone()).collect();
    assert_eq!((status, lines), (200, ["notice", "queued"].map(Value::from).to_vec()));
    let (status, text) = ask(&running, "POST /v1/connectors/paused/sync", r#"{"wait":true}"#).await;
    assert_eq!((status, json(&text)["error"].clone()), (409, json!("conflict")));
    let (status, text) = ask(&running, "POST /v1/connectors/full/sync", "").await;
    assert_eq!((status, json(&text)["message"].clone()), (500, json!("disk full")));
}

#[tokio::test]
async fn a_sync_may_be_limited_to_one_user() {
    let running = running().await;
    let n = "POST /v1/connectors/a%20b%2Fc/sync";
    for body in [r#"{"wait":true,"user":" anna "}"#, r#"{"user":"anna","restore":true}"#, r#"{"user":null}"#]
    {
        assert_eq!(ask(&running, n, body).await.0, 200, "{body}");
    }
    assert_eq!(
        *running.parrot.0.lock().unwrap(),
        [
            "sync UserRequest { login: \"anna\", restore: false } a b/c",
            "sync UserRequest { login: \"anna\", restore: true } a b/c",
            "sync a b/c"
        ]
    );
}

#[tokio::test]
async fn an_explanation_is_given_up_when_its_client_goes_away() {
    let running = running().await;
    let slow = Arc::clone(&running.parrot.1);
    let body = r#"{"login":"anna"}"#;
    let mut stream = UnixStream::connect(&running.path).await.unwrap();
    let head =
        format!("POST /v1/connectors/slow/explain HTTP/1.1\r\nhost: x\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
    let soon = Duration::from_secs(20);
    tokio::time::timeout(soon, slow.begun.notified()).await.unwrap();
    drop(stream);
    tokio::time::timeout(soon, slow.given_up.notified()).await.expect("it goes on for nobody");
}

#[tokio::test]
async fn unusable_requests_get_an_error_body() {
    let running = running().await;
    let long_login = format!(r#"{{"user":"{}"}}"#, "x".repeat(256));
    let long = format!(r#"{{"to":"{}"}}"#, "x".repeat(70_000));
    let n = "/v1/connectors/a%20b%2Fc";
    for (line, body, status) in [
        ("GET /nowhere".to_owned(), "", 404),
        ("GET /v1/connectors/none".to_owned(), "", 404),
        ("GET /v1/connectors/%FF".to_owned(), "", 400),
        ("DELETE /v1/status".to_owned(), "", 405),
        ("GET /v1/reload".to_owned(), "", 405),
        ("GET /v1/runs/eight".to_owned(), "", 400),
        ("GET /v1/runs?limit=many".to_owned(), "", 400),
        ("GET /v1/runs?color=red".to_owned(), "", 400),
        ("GET /v1/directory/members".to_owned(), "", 400),
        (format!("POST {n}/sync"), "{", 400),
        (format!("POST {n}/sync"), r#"{"weight":true}"#, 400),
        (format!("POST {n}/sync"), r#"{"restore":true}"#, 400),
        (format!("POST {n}/sync"), r#"{"user":" "}"#, 400),
        (format!("POST {n}/sync"), r#"{"user":"a\u001b[2J"}"#, 400),
        (format!("POST {n}/sync"), &long_login, 400),
        (format!("POST {n}/explain"), "", 400),
        (format!("POST {n}/explain"), r#"{"login":""}"#, 400),
        (format!("POST {n}/rename"), "", 400),
        (format!("POST {n}/rename"), &long, 413),
        (format!("POST {n}/release"), "[1,2]", 400),
        (format!("POST {n}/release"), r#"["anna"]"#, 400),
        (format!("POST {n}/sync"), " []", 400),
        ("GET /v1/connectors/50%".to_owned(), "", 400),
        ("GET /v1/connectors/%zz".to_owned(), "", 400),
        ("GET /v1/runs?connector=%4".to_owned(), "", 400),
        ("GET /v1/runs/+8".to_owned(), "", 400),
        ("GET /v1/runs/-8".to_owned(), "", 400),
        ("GET /v1/runs/9223372036854775808".to_owned(), "", 404),
        ("GET /v1/holds/99999999999999999999999".to_owned(), "", 404),
    ] {
        let (answered, text) = ask(&running, &line, body).await;
        assert_eq!(answered, status, "{line}: {text}");
        let body: crate::control::api::ErrorBody = serde_json::from_str(&text).unwrap();
        assert!(!body.message.is_empty() && body.format_version == FORMAT_VERSION);
    }
    assert!(
        !running.parrot.0.lock().unwrap().iter().any(|heard| heard.contains("re")),
        "a bad request got through"
    );
}

#[tokio::test]
async fn garbage_and_endless_heads_are_refused_and_the_daemon_goes_on() {
    let running = running().await;
    let endless = format!("GET /v1/status HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "z".repeat(64 * 1024));
    for (bytes, status) in [
        (endless.as_bytes(), "431"),
        (path.as_bytes(), "4"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), "400"),
        (b"hello\r\n\r\n".as_slice(), "400"),
    ] {
        let answer = exchange(&running.path, bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer:?}");
    }
    assert_eq!(ask(&running, "GET /v1/status", "").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn half_a_request_is_given_up() {
    let running = running().await;
    let mut head = UnixStream::connect(&running.path).await.unwrap();
    head.write_all(b"GET /v1/sta").await.unwrap();
    let start = Instant::now();
    assert_eq!(answer(&mut head).await, "", "closed without an answer");
    assert_eq!(start.elapsed().as_secs(), REQUEST_TIME.as_secs());
    let mut body = UnixStream::connect(&running.path).await.unwrap();
    body.write_all(b"PUT /v1/log-level HTTP/1.0\r\ncontent-length: 20\r\n\r\n{\"le").await.unwrap();
    let answer = answer(&mut body).await;
    assert!(answer.starts_with("HTTP/1.0 400") && answer.contains("did not come"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn five_hundred_idle_clients_keep_nobody_out() {
    let running = running().await;
    let start = Instant::now();
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(UnixStream::connect(&running.path).await.unwrap());
    }
    assert_eq!(ask(&running, "GET /v1/status", "").await.0, 200);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "somebody had to wait until idle clients were given up"
    );
    // The oldest were closed for the later ones; the youngest are still there.
    assert_eq!(answer(&mut idle[0]).await, "");
    let youngest = idle.last_mut().unwrap();
    youngest.write_all(b"GET /v1/status HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(answer(youngest).await.starts_with("HTTP/1.0 200"));
    const { assert!(MOST_CONNECTIONS < 500) }
}

#[tokio::test]
async fn only_those_who_may_change_anything() {
    let control = Arc::new(Parrot::default());
    let router =
        routes::routes(Arc::clone(&control) as Arc<dyn Control>, Gate::of(990, "no-such-group-here"));
    let send = async |uid, method, path: &str| {
        let caller = Caller { uid, gid: uid, pid: Some(7) };
        let service = TowerToHyperService::new(router.clone().layer(Extension(caller)));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = service.call(request).await.unwrap();
        let status = answer.status().as_u16();
        (status, String::from_utf8(to_bytes(answer.into_body(), 9999).await.unwrap().to_vec()).unwrap())
    };
    let n = "/v1/connectors/a%20b%2Fc";
    for verb in [
        "sync", "plan", "explain", "doctor", "cancel", "pause", "resume", "rebind", "relink", "rename",
        "release",
    ] {
        let (status, text) = send(4_000_000, "POST", &format!("{n}/{verb}")).await;
        assert_eq!((status, json(&text)["error"].clone()), (403, json!("not_permitted")), "{verb}");
    }
    assert_eq!(send(4_000_000, "POST", "/v1/reload").await.0, 403);
    assert_eq!(send(4_000_000, "PUT", "/v1/log-level").await.0, 403);
    assert!(control.0.lock().unwrap().is_empty(), "something was done all the same");
    assert_eq!(send(4_000_000, "GET", "/v1/status").await.0, 200);
    assert_eq!(send(990, "POST", &format!("{n}/pause")).await.0, 200);
    assert_eq!(send(0, "POST", &format!("{n}/pause")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_server_and_takes_the_socket_away() {
    let running = running().await;
    let _idle = UnixStream::connect(&running.path).await.unwrap();
    running.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running.task).await.unwrap().unwrap();
    assert!(!running.path.exists());
}
