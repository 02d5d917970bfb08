//! The client against a tiny server on a socket in a temporary directory.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, RawQuery};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixListener;

use super::*;
use crate::control::api::{Done, SyncRequest};

/// A server with these routes, and a client for it.
fn served(routes: Router) -> (TempDir, Client) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let client = Client::new(&socket).unwrap();
    (directory, client)
}

/// A server that answers every POST with these pieces, each sent by itself.
fn streaming(pieces: &[&'static str]) -> (TempDir, Client) {
    let pieces = pieces.to_vec();
    let answer = move || async move {
        Body::from_stream(futures_util::stream::iter(pieces.into_iter().map(Ok::<_, io::Error>)))
    };
    served(Router::new().fallback(post(answer)))
}

async fn events(client: &Client) -> Events {
    let wait = SyncRequest { wait: true, ..SyncRequest::default() };
    client.stream(&["v1", "connectors", "acme", "sync"], Some(&wait)).await.unwrap()
}

#[tokio::test]
async fn names_and_queries_are_encoded() {
    let routes = Router::new()
        .route(
            "/v1/connectors/{name}",
            get(|UrlPath(name): UrlPath<String>| async move { json!(name).to_string() }),
        )
        .route(
            "/v1/directory/members",
            get(|RawQuery(query): RawQuery| async move { json!(query).to_string() }),
        );
    let (_directory, client) = served(routes);
    for name in ["acme", "a b/c?d#é", "%2e"] {
        let seen: String = client.get(&["v1", "connectors", name], &[]).await.unwrap();
        assert_eq!(seen, name);
    }
    let query: String = client.get(&["v1", "directory", "members"], &[("group", "R&D = ü")]).await.unwrap();
    assert_eq!(query, "group=R%26D+%3D+%C3%BC");
    for name in ["", ".", ".."] {
        let error = client.get::<Value>(&["v1", "connectors", name], &[]).await.unwrap_err();
        assert!(matches!(error, ClientError::Refused { kind: ErrorKind::NotFound, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn events_arrive_whatever_the_chunks() {
    let (_directory, client) = streaming(&[
        "{\"event\":\"queued\",\"beh",
        "ind\":3}\n\n{\"event\":\"started\",\"run\":4}\n{\"event\":\"notice\",",
        "\"message\":\"a\\nb\"}",
        "\r\n{\"event\":\"started\",\"run\":5}",
    ]);
    let mut events = events(&client).await;
    assert_eq!(events.next().await, Ok(Some(RunEvent::Queued { behind: 3 })));
    assert_eq!(events.next().await, Ok(Some(RunEvent::Started { run: 4 })));
    assert_eq!(events.next().await, Ok(Some(RunEvent::Notice { message: "a\nb".to_owned() })));
    assert_eq!(events.next().await, Ok(Some(RunEvent::Started { run: 5 })), "without a line feed");
    assert_eq!(events.next().await, Ok(None));
}

#[tokio::test]
async fn a_cut_line_is_a_lost_connection() {
    let (_directory, client) = streaming(&["{\"event\":\"started\",\"run\":4}\n{\"event\":\"fini"]);
    let mut events = events(&client).await;
    assert_eq!(events.next().await, Ok(Some(RunEvent::Started { run: 4 })));
    let error = events.next().await.unwrap_err();
    assert!(matches!(&error, ClientError::Lost(text) if text.contains("usersyncd ctl status")), "{error:?}");
}

#[tokio::test]
async fn nonsense_and_endless_lines_are_refused() {
    let (_directory, client) = streaming(&["<html>\n"]);
    assert!(matches!(events(&client).await.next().await, Err(ClientError::Garbled(_))));
    let (_directory, mut client) = streaming(&["aaaaaaaaaa", "aaaaaaaaaa", "aaaaaaaaaa"]);
    client.longest = 16;
    let error = events(&client).await.next().await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Garbled(text) if text.contains("longer than 16 bytes")),
        "{error:?}"
    );
}

#[tokio::test]
async fn refusals_carry_the_daemons_words() {
    let body =
        |kind: &str| json!({"format_version": 1, "error": kind, "message": "acme is paused"}).to_string();
    let (paused, denied) = (body("conflict"), body("not_permitted"));
    let routes = Router::new()
        .route("/v1/paused", post(|| async { (StatusCode::CONFLICT, paused) }))
        .route("/v1/denied", post(|| async { (StatusCode::FORBIDDEN, denied) }))
        .route("/v1/proxy", post(|| async { (StatusCode::BAD_GATEWAY, "<html>") }));
    let (_directory, client) = served(routes);
    let said = |path: &'static str| {
        let client = client.clone();
        async move { client.post::<Done>(&["v1", path]).await.unwrap_err() }
    };
    let refused = ClientError::Refused { kind: ErrorKind::Conflict, message: "acme is paused".to_owned() };
    assert_eq!(said("paused").await, refused);
    assert_eq!(said("denied").await, ClientError::NotPermitted("acme is paused".to_owned()));
    assert!(said("proxy").await.to_string().contains("502"));
}

#[tokio::test]
async fn bodies_are_sent_as_json() {
    let echo = |headers: axum::http::HeaderMap, body: String| async move {
        assert_eq!(headers.get("content-type").unwrap(), "application/json");
        json!({"format_version": 1, "message": body}).to_string()
    };
    let (_directory, client) = served(Router::new().route("/v1/log-level", axum::routing::put(echo)));
    let done: Done =
        client.send(Method::PUT, &["v1", "log-level"], &json!({"level": "debug"})).await.unwrap();
    assert_eq!(done.message, "{\"level\":\"debug\"}");
}

#[tokio::test]
async fn an_absent_or_stale_socket_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let client = Client::new(&socket).unwrap();
    let unreachable = |error: ClientError| {
        let ClientError::Unreachable(text) = error else { panic!("{error:?}") };
        assert!(text.contains("systemctl status usersyncd") && text.contains("control.sock"), "{text}");
    };
    unreachable(client.get::<Value>(&["v1", "status"], &[]).await.unwrap_err());
    // A socket file that nobody listens on any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    unreachable(client.get::<Value>(&["v1", "status"], &[]).await.unwrap_err());
}

/// Called directly, since for root no file mode is ever in the way.
#[test]
fn a_closed_socket_names_the_group() {
    let error = not_connected(Path::new("/run/x.sock"), io::ErrorKind::PermissionDenied, "Permission denied");
    assert!(matches!(&error, ClientError::NotPermitted(text) if text.contains("control.group")), "{error:?}");
}

#[tokio::test]
async fn a_daemon_that_dies_while_answering_is_lost_not_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        // Accepted and closed without a word, as often as it is tried.
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let error = Client::new(&socket).unwrap().get::<Value>(&["v1", "status"], &[]).await.unwrap_err();
    assert!(matches!(error, ClientError::Lost(_)), "{error:?}");
}

/// The socket is systemd's: it takes connections while no daemon is there.
#[tokio::test(start_paused = true)]
async fn an_answer_that_never_begins_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let _nobody = UnixListener::bind(&socket).unwrap();
    let client = Client::new(&socket).unwrap();
    let sync =
        client.stream(&["v1", "connectors", "acme", "sync"], Some(&SyncRequest::default())).await.err();
    let backup = client.download(&["v1", "backup"]).await.err();
    let list = client.get::<Value>(&["v1", "connectors"], &[]).await.err();
    let path = ["v1", "connectors", "acme", "relink"];
    let relink = client.send_patiently::<_, Value>(Method::POST, &path, &json!({})).await.err();
    for (error, seconds) in [(sync, 120), (backup, 3600), (list, 120), (relink, 3600)] {
        let Some(ClientError::Unreachable(text)) = error else { panic!("{error:?}") };
        assert!(text.contains(&format!("within {seconds} s")) && text.contains("systemctl status"), "{text}");
    }
}

#[tokio::test]
async fn a_daemon_that_does_not_start_says_why() {
    let body = json!({"format_version": 1, "error": "unavailable", "message": "the settings are invalid"});
    let answer = (StatusCode::SERVICE_UNAVAILABLE, body.to_string());
    let (_directory, client) = served(Router::new().fallback(post(|| async { answer })));
    let error = client.post::<Done>(&["v1", "reload"]).await.unwrap_err();
    assert_eq!(error, ClientError::Unreachable("the settings are invalid".to_owned()));
}
