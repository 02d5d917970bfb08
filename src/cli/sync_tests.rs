//! `sync` against a daemon that says what a test wants it to say.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::super::ctl::fake::{Session, session};
use super::super::report::tests::report;
use super::*;
use crate::control::api::{ErrorKind, RunEvent};
use crate::sync::progress::{Phase, ProgressView};
use crate::sync::report::{Outcome, Report};

const WAITING: SyncRequest = SyncRequest { wait: true, user: None, restore: false, incremental: false };

fn lines(events: &[RunEvent]) -> String {
    events.iter().map(|event| format!("{}\n", json!(event))).collect()
}

fn finished(connector: &str, outcome: Outcome) -> RunEvent {
    let report = Report { connector: connector.to_owned(), outcome, ..report() };
    RunEvent::Finished { report: Box::new(report) }
}

fn progress(phase: Phase) -> RunEvent {
    let progress = ProgressView {
        phase,
        users_read: 1000,
        groups_read: 3,
        groups_total: 60,
        operations_applied: 0,
        operations_total: 12,
        requests: 8,
        waiting_for_rate_limit: 1,
    };
    RunEvent::Progress { progress }
}

/// A daemon that answers the sync of acme so, and that of beta likewise.
fn answering(json: bool, acme: String, beta: String) -> Session {
    let routes = Router::new()
        .route("/v1/connectors/acme/sync", post(|| async { acme }))
        .route("/v1/connectors/beta/sync", post(|| async { beta }))
        .route(
            "/v1/connectors/{name}/sync",
            post(|| async { (StatusCode::NOT_FOUND, refused("not_found")) }),
        );
    session(json, routes)
}

fn refused(kind: &str) -> String {
    json!({"format_version": 1, "error": kind, "message": "no such thing"}).to_string()
}

#[tokio::test]
async fn a_watched_sync_tells_its_story_and_exits_with_its_outcome() {
    let events = [
        RunEvent::Queued { behind: 16 },
        RunEvent::Started { run: 17 },
        RunEvent::Notice { message: "an older version of the file is in force".to_owned() },
        progress(Phase::Reading),
        progress(Phase::Applying),
        finished("acme", Outcome::Partial),
    ];
    let session = answering(false, lines(&events), String::new());
    assert_eq!(run(&session.ctl, Some("acme"), &WAITING).await, Ok(Exit::Partial));
    insta::assert_snapshot!(session.messages.text(), @r"
    acme: run 16 is busy; this request waits for its end
    acme: run 17 began
    acme: an older version of the file is in force
    acme: waiting for Okta's rate limit, reading: 1000 users, 3 of 60 groups, 8 requests
    acme: waiting for Okta's rate limit, applying: 0 of 12 operations
    ");
    assert!(session.data.text().starts_with("acme run 17: partial, 2 min 5 s"), "{}", session.data.text());
}

#[tokio::test]
async fn json_is_the_report_alone() {
    let events =
        [RunEvent::Started { run: 17 }, progress(Phase::Reading), finished("acme", Outcome::Success)];
    let session = answering(true, lines(&events), String::new());
    assert_eq!(run(&session.ctl, Some("acme"), &WAITING).await, Ok(Exit::Done));
    let printed: Report = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!((printed.run, printed.format_version), (17, 1));
}

#[tokio::test]
async fn all_exit_with_the_worst() {
    let acme = lines(&[RunEvent::Started { run: 1 }, finished("acme", Outcome::Held)]);
    let beta = lines(&[RunEvent::Started { run: 2 }, finished("beta", Outcome::Partial)]);
    let session = answering(false, acme.clone(), beta);
    assert_eq!(run(&session.ctl, None, &WAITING).await, Ok(Exit::Partial));
    let text = session.data.text();
    assert!(text.find("acme run 17: held").unwrap() < text.find("beta run 17: partial").unwrap(), "{text}");

    let paused = RunEvent::Refused { error: ErrorKind::Conflict, message: "beta is paused".to_owned() };
    let session = answering(true, acme, lines(&[paused]));
    assert_eq!(run(&session.ctl, None, &WAITING).await, Ok(Exit::Failed), "RULES 28: 1 before 5");
    let printed: serde_json::Value = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!(printed["format_version"], 1);
    assert_eq!(printed["reports"][0]["connector"], "acme");
    assert_eq!(printed["refused"][0], json!({"connector": "beta", "message": "beta is paused"}));
}

#[tokio::test]
async fn an_unknown_name_is_told_the_names_there_are() {
    let session = answering(false, String::new(), String::new());
    let failure = run(&session.ctl, Some("acm"), &WAITING).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Failed);
    assert!(
        failure.message.starts_with("there is no connector acm: did you mean acme?"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_daemon_that_goes_away_is_not_a_failed_run() {
    let session = answering(false, lines(&[RunEvent::Started { run: 17 }]), String::new());
    let failure = run(&session.ctl, Some("acme"), &WAITING).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
}

#[tokio::test]
async fn without_waiting_the_answer_is_what_became_of_the_request() {
    let acme = json!(RunEvent::Started { run: 17 }).to_string();
    let notice = RunEvent::Notice { message: "an older version of its file is in force".to_owned() };
    let beta = lines(&[notice, RunEvent::Queued { behind: 16 }]);
    let session = answering(false, acme.clone(), beta.clone());
    assert_eq!(run(&session.ctl, None, &SyncRequest::default()).await, Ok(Exit::Done));
    insta::assert_snapshot!(session.data.text(), @r"
    acme: run 17 began; watch it with `usersyncd ctl status acme`, see what it did with `usersyncd ctl run 17`
    beta: queued, begins when run 16 has ended
    ");
    assert_eq!(session.messages.text(), "beta: an older version of its file is in force\n");
    let session = answering(true, acme, beta);
    assert_eq!(run(&session.ctl, Some("acme"), &SyncRequest::default()).await, Ok(Exit::Done));
    let printed: serde_json::Value = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!(printed, json!({"format_version": 1, "connector": "acme", "event": "started", "run": 17}));
}

#[tokio::test]
async fn an_interruption_detaches_and_says_how_to_look() {
    let begin = post(|| async {
        let begun = Ok::<_, std::io::Error>(lines(&[RunEvent::Started { run: 17 }]));
        Body::from_stream(stream::iter([begun]).chain(stream::pending()))
    });
    let session = session(false, Router::new().route("/v1/connectors/acme/sync", begin));
    let interrupted = CancellationToken::new();
    let board = Board::new(&session.ctl.output);
    let asked = asked("acme", &WAITING);
    let watched = watch(&session.ctl, &board, &asked, &interrupted);
    let interrupt = async {
        // Once the beginning was told, its number is known.
        while !session.messages.text().contains("run 17 began") {
            tokio::task::yield_now().await;
        }
        interrupted.cancel();
    };
    let (ended, ()) = tokio::join!(watched, interrupt);
    let failure = ended.unwrap_err();
    assert_eq!(failure.exit, Exit::Detached);
    assert!(
        failure.message.contains("run 17 goes on: look at it with `usersyncd ctl status acme`"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn one_user_can_be_asked_for() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let routes = Router::new().route(
        "/v1/connectors/acme/sync",
        post(async move |body: String| {
            heard.lock().unwrap().push(body);
            lines(&[finished("acme", Outcome::Success)])
        }),
    );
    let session = session(false, routes);
    let request = SyncRequest { user: Some("anna@example.com".to_owned()), restore: true, ..WAITING };
    assert_eq!(run(&session.ctl, Some("acme"), &request).await, Ok(Exit::Done));
    let asked: Vec<SyncRequest> =
        asked.lock().unwrap().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(asked, [request]);
}
