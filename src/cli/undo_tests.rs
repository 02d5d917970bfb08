//! An undo against a daemon and a person that say what a test wants them to say.

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use super::super::ctl::fake::{Session, session};
use super::super::plan::tests::operation;
use super::super::report::tests::{now, report};
use super::super::text::Style;
use super::*;
use crate::control::api::{ErrorKind, RunEvent};
use crate::sync::report::{Counts, FORMAT_VERSION, KindCounts, Outcome, Report, Stale, Trigger};

const SHOWN: Shown<'static> =
    Shown { detailed: false, again: "usersyncd ctl undo 17 --detailed", style: Style { colors: false } };

fn document() -> UndoDocument {
    UndoDocument {
        format_version: FORMAT_VERSION,
        run: 17,
        connector: "acme".to_owned(),
        made: now(),
        fingerprint: "f1".to_owned(),
        counts: Counts {
            users: KindCounts { created: 1, updated: 1, ..KindCounts::default() },
            memberships: KindCounts { created: 2, ..KindCounts::default() },
            ..Counts::default()
        },
        operations: vec![
            operation("create_user", "create user carl", &["email: (none) -> carl@example.com"]),
            operation("enable_user", "enable user bob", &["active: no -> yes"]),
            operation("change_members", "change members of group staff (+2 -0)", &["+ bob", "+ carl"]),
        ],
        stale: vec![Stale {
            summary: "disable user dora".to_owned(),
            reason: "somebody enabled it since".to_owned(),
        }],
        losses: vec!["user carl was deleted: it is made again, under a new id".to_owned()],
        pauses: true,
    }
}

/// A daemon that proposes this, and what it was asked.
fn answering(json: bool, document: &UndoDocument) -> (Session, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let lines = |events: &[RunEvent]| -> String {
        events.iter().map(|event| format!("{}\n", json!(event))).collect()
    };
    let proposed = lines(&[RunEvent::UndoPlanned { undo: Box::new(document.clone()) }]);
    let report =
        Report { run: 18, trigger: Trigger::Undo, undoes: Some(17), outcome: Outcome::Partial, ..report() };
    let done = lines(&[RunEvent::Started { run: 18 }, RunEvent::Finished { report: Box::new(report) }]);
    let routes = Router::new()
        .route(
            "/v1/runs/17/undo",
            post(async move |body: String| {
                let body: Value = serde_json::from_str(&body).unwrap();
                let confirmed = body["confirm"] == true;
                heard.lock().unwrap().push(body);
                if confirmed { done } else { proposed }
            }),
        )
        .route(
            "/v1/runs/{run}/undo",
            post(|| async {
                let text =
                    json!({"format_version": 1, "error": "not_found", "message": "there is no run 99"});
                (StatusCode::NOT_FOUND, text.to_string())
            }),
        );
    (session(json, routes), asked)
}

fn saying(answer: &str) -> Option<Person> {
    Some(Box::new(Cursor::new(answer.to_owned().into_bytes())))
}

const ASK: Asked = Asked { yes: false, detailed: false };
const YES: Asked = Asked { yes: true, detailed: false };

fn only_shown() -> Value {
    json!({ "confirm": false, "wait": false })
}

fn confirmed() -> Value {
    json!({ "confirm": true, "fingerprint": "f1", "wait": true })
}

#[test]
fn losses_come_first_and_the_way_on_last() {
    insta::assert_snapshot!(render(&document(), &[], SHOWN, now()), @r"
    acme undo of run 17, made 2026-11-23 06:00 UTC (now); nothing was written yet

    This cannot be as it was:
      ! user carl was deleted: it is made again, under a new id

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users              1        1          0         0        0       0         0     0
    groups             0        0          0         0        0       0         0     0
    memberships        2        0          0         0        0       0         0     0

    Users: 2 operations
      + create user carl (in scope at the source)
      ~ enable user bob (in scope at the source)

    Memberships: 1 operation
      ~ change members of group staff (+2 -0) (in scope at the source)
          + bob
          + carl

    No longer as run 17 left it, so it stays as it is now: 1
      ! disable user dora: somebody enabled it since

    acme will be paused, so that no schedule does the same again.
    After the undo: correct the cause, look at `usersyncd ctl plan acme` until it is right, then `usersyncd ctl resume acme`.
    ");
    let paused = render(&UndoDocument { pauses: false, ..document() }, &[], SHOWN, now());
    assert!(paused.contains("\nacme is paused already, and stays so.\n"), "{paused}");
}

#[test]
fn long_lists_are_cut_with_a_hint() {
    let operations = vec![operation("enable_user", "enable user bob", &[]); 30];
    let stale = vec![Stale { summary: "x".to_owned(), reason: "y".to_owned() }; 30];
    let long = UndoDocument { operations, stale, ..document() };
    let cut = render(&long, &[], SHOWN, now());
    assert_eq!(cut.matches("  … 10 more, all with `usersyncd ctl undo 17 --detailed`\n").count(), 2, "{cut}");
    assert!(!render(&long, &[], Shown { detailed: true, ..SHOWN }, now()).contains('…'));
}

#[tokio::test]
async fn a_person_who_says_yes_has_exactly_what_was_shown_undone() {
    for answer in ["y\n", "Y\n", " yes \n"] {
        let (session, asked) = answering(false, &document());
        assert_eq!(run(&session.ctl, 17, ASK, saying(answer)).await, Ok(Exit::Partial), "the run's own end");
        assert_eq!(asked.lock().unwrap().as_slice(), [only_shown(), confirmed()], "{answer}");
        let messages = session.messages.text();
        assert!(
            messages.starts_with("Undo run 17 of acme? It creates 1 user, enables 1 user and adds 2 memberships. [y/N] acme: run 18 began\n"),
            "{messages}"
        );
        let text = session.data.text();
        assert!(
            text.find("This cannot be as it was").unwrap()
                < text.find("acme run 18, undo of run 17: partial").unwrap(),
            "{text}"
        );
        assert!(text.contains("usersyncd ctl resume acme  then go on"), "{text}");
    }
}

#[tokio::test]
async fn anything_but_yes_changes_nothing() {
    for answer in ["\n", "n\n", "yesterday\n", ""] {
        let (session, asked) = answering(false, &document());
        assert_eq!(run(&session.ctl, 17, ASK, saying(answer)).await, Ok(Exit::ChangesPending), "{answer:?}");
        assert_eq!(asked.lock().unwrap().as_slice(), [only_shown()]);
        assert!(
            session.messages.text().ends_with("nothing was changed; `usersyncd ctl undo 17 --yes` does it\n")
        );
    }
}

#[tokio::test]
async fn where_nobody_can_be_asked_it_is_only_shown() {
    let (session, asked) = answering(false, &document());
    assert_eq!(run(&session.ctl, 17, ASK, None).await, Ok(Exit::ChangesPending));
    assert_eq!(asked.lock().unwrap().as_slice(), [only_shown()]);
    assert_eq!(session.messages.text(), "nothing was changed; `usersyncd ctl undo 17 --yes` does it\n");
    assert!(session.data.text().contains("enable user bob"));
}

#[tokio::test]
async fn with_yes_it_is_shown_and_done_without_a_question() {
    let (session, asked) = answering(false, &document());
    assert_eq!(run(&session.ctl, 17, YES, saying("n\n")).await, Ok(Exit::Partial));
    assert_eq!(asked.lock().unwrap().as_slice(), [only_shown(), confirmed()]);
    assert!(session.data.text().contains("enable user bob") && !session.messages.text().contains("[y/N]"));
}

#[tokio::test]
async fn where_nothing_is_to_be_undone_nothing_is_asked_or_paused() {
    let nothing = UndoDocument { operations: Vec::new(), losses: Vec::new(), ..document() };
    for asked_for in [ASK, YES] {
        let (session, asked) = answering(false, &nothing);
        assert_eq!(run(&session.ctl, 17, asked_for, saying("y\n")).await, Ok(Exit::Done));
        assert_eq!(asked.lock().unwrap().as_slice(), [only_shown()]);
        let text = session.data.text();
        assert!(text.contains("disable user dora: somebody enabled it since"), "{text}");
        assert!(text.ends_with("Nothing to undo: nothing that run 17 did is still as it left it. acme is not paused by this.\n"), "{text}");
    }
}

#[tokio::test]
async fn json_is_one_document_and_asks_nobody() {
    let (session, asked) = answering(true, &document());
    assert_eq!(run(&session.ctl, 17, ASK, saying("y\n")).await, Ok(Exit::ChangesPending));
    assert_eq!(serde_json::from_str::<UndoDocument>(&session.data.text()).unwrap(), document());
    assert_eq!(asked.lock().unwrap().len(), 1);
    let (session, asked) = answering(true, &document());
    assert_eq!(run(&session.ctl, 17, YES, None).await, Ok(Exit::Partial));
    assert_eq!(serde_json::from_str::<Report>(&session.data.text()).unwrap().undoes, Some(17));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_told() {
    let (session, _) = answering(false, &document());
    let failure = run(&session.ctl, 99, YES, None).await.unwrap_err();
    assert_eq!(failure, Failure::new(Exit::Failed, "there is no run 99"));
    let refused = RunEvent::Refused { error: ErrorKind::Conflict, message: "run 5 is busy".to_owned() };
    let line = json!(refused).to_string();
    let session = super::super::ctl::fake::session(
        false,
        Router::new().route("/v1/runs/17/undo", post(|| async { line })),
    );
    assert_eq!(run(&session.ctl, 17, YES, None).await, Err(Failure::new(Exit::Failed, "run 5 is busy")));
}

/// A run of acme with this number, that undid another or none.
fn ran(run: u64, undoes: Option<u64>) -> RunSummary {
    RunSummary {
        run,
        connector: "acme".to_owned(),
        trigger: Trigger::Manual,
        started: now(),
        ended: Some(now()),
        outcome: Some(Outcome::Success),
        error: None,
        user: None,
        counts: Counts::default(),
        findings: 0,
        managed: crate::sync::report::Managed::default(),
        undoes,
    }
}

#[test]
fn whom_an_undo_takes_away_is_said_first() {
    let operations = vec![operation("disable_user", "disable user bob", &[]); 20];
    let counts =
        Counts { memberships: KindCounts { deleted: 196, ..KindCounts::default() }, ..Counts::default() };
    let takes = UndoDocument { operations, counts, losses: Vec::new(), ..document() };
    let text = render(&takes, &[ran(17, Some(16)), ran(16, None)], SHOWN, now());
    assert!(
        text.contains(
            "\n\nThis disables 20 users and removes 196 memberships: it does again what run 16 did.\n\n"
        ),
        "{text}"
    );
    let text = render(&takes, &[ran(17, None)], SHOWN, now());
    assert!(text.contains("\nThis disables 20 users and removes 196 memberships.\n"), "{text}");
    assert!(!render(&document(), &[ran(17, None)], SHOWN, now()).contains("This creates"));
}

#[test]
fn what_was_undone_before_is_not_listed_again() {
    let nothing = UndoDocument { operations: Vec::new(), losses: Vec::new(), ..document() };
    let runs = [ran(19, Some(17)), ran(17, None)];
    let text = render(&nothing, &runs, SHOWN, now());
    assert!(text.ends_with("yet\n\nRun 17 was already undone by run 19. Nothing to undo.\n"), "{text}");
    let text = render(&nothing, &runs, Shown { detailed: true, ..SHOWN }, now());
    assert!(text.contains("disable user dora") && text.contains("already undone by run 19"), "{text}");
    let failed = [RunSummary { outcome: Some(Outcome::Failed), ..ran(19, Some(17)) }];
    assert!(!render(&nothing, &failed, SHOWN, now()).contains("already undone"));
    let idle = UndoDocument { stale: Vec::new(), ..nothing };
    let text = render(&idle, &[], SHOWN, now());
    assert!(text.ends_with("\nrun 17 changed nothing, so there is nothing to undo.\n"), "{text}");
}

#[test]
fn many_losses_of_one_form_are_one_line() {
    let lost = |number: u64| {
        format!(
            "user u{number} was deleted and gets a new id: whatever it had under the old one ({number}) stays lost"
        )
    };
    let mut losses: Vec<String> = (1..=6).map(lost).collect();
    losses.push("group staff was deleted and gets a new id".to_owned());
    let document = UndoDocument { losses, ..document() };
    let text = render(&document, &[], SHOWN, now());
    let line = "  ! 6 times: user … was deleted and gets a new id: whatever it had under the old one stays lost; each with \
                `usersyncd ctl undo 17 --detailed`\n";
    assert!(text.contains(line) && !text.contains("u3"), "{text}");
    assert!(text.contains("  ! group staff was deleted"), "{text}");
    assert!(render(&document, &[], Shown { detailed: true, ..SHOWN }, now()).contains("user u3 was deleted"));
}

#[test]
fn who_comes_back_disabled_is_marked() {
    let mut carl = operation("recreate_user", "create user carl anew", &[]);
    carl.operation["after"] = json!({ "active": false });
    let document = UndoDocument { operations: vec![carl], ..document() };
    let text = render(&document, &[], SHOWN, now());
    assert!(text.contains("  + create user carl anew (disabled, as it was) ("), "{text}");
}

/// Somebody who never answers.
struct Silent(std::sync::mpsc::Receiver<()>);

impl io::Read for Silent {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        // Ends when the test does.
        self.0.recv().map_or(Ok(0), |()| Ok(0))
    }
}

#[tokio::test]
async fn an_interrupted_question_changes_nothing() {
    let (session, asked) = answering(false, &document());
    let (_open, never) = std::sync::mpsc::channel();
    let interrupted = CancellationToken::new();
    interrupted.cancel();
    let silent: Person = Box::new(BufReader::new(Silent(never)));
    let agreed = agreed(&session.ctl, &document(), Some(silent), &interrupted).await;
    assert_eq!(agreed, Ok(false), "and so it ends as what was only shown");
    assert!(
        session.messages.text().ends_with("[y/N] \nnothing was changed\n"),
        "{}",
        session.messages.text()
    );
    assert_eq!(asked.lock().unwrap().len(), 0);
}
