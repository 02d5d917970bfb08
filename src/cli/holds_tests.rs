//! What a person reads and does about what is held.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::json;

use super::super::ctl::fake::{Session, session};
use super::super::report::tests::{now, report};
use super::*;
use crate::control::api::RunEvent;
use crate::sync::report::{Cause, FORMAT_VERSION, HoldKind, Outcome, Report};

const PLAIN: Style = Style { colors: false };

fn view(id: u64, state: HoldState) -> HoldView {
    let reason =
        "users that left (limits.leavers): 400 would go, of 1000, and the limit allows 100".to_owned();
    let cause = Cause { file: "connectors.d/acme.yaml".to_owned(), from_file: 388, from_source: 12 };
    HoldView {
        connector: "acme".to_owned(),
        summary: HoldSummary {
            id: Some(id),
            cause: Some(cause),
            names: (1..=400).map(|number| format!("user{number}\u{1b}[2J").into()).collect(),
            ..HoldSummary::new(HoldKind::Leavers, 400, (100, 1000), reason)
        },
        state,
        changes: 412,
        first_run: 12,
        first_seen: "2026-11-20T06:00:00Z".parse().unwrap(),
        last_run: 17,
        last_seen: "2026-11-23T03:00:00Z".parse().unwrap(),
        approval: None,
    }
}

fn operation(summary: &str, operation: Value) -> OperationReport {
    OperationReport {
        cause: None,
        summary: summary.to_owned(),
        result: "held".to_owned(),
        hold: Some(7),
        error: None,
        operation,
    }
}

fn document() -> HoldDocument {
    let operations = vec![
        operation(
            "change members of group staff (+0 -2)",
            json!({ "kind": "change_members", "before": { "removed": [{ "source": "00u2", "target": "2", "username": "bob" },
                { "source": "00u1", "target": "1", "username": "anna" }] }, "after": { "added": ["00u9"] }, "why": "" }),
        ),
        operation(
            "disable user anna",
            json!({ "kind": "disable_user", "before": { "active": true }, "after": { "active": false },
                "why": "no longer at the source" }),
        ),
        operation(
            "disable user bob",
            json!({ "kind": "disable_user", "before": { "active": true }, "after": { "active": false } }),
        ),
        operation(
            "delete user carl",
            json!({ "kind": "delete_user", "before": { "username": "carl", "email": "", "groups": ["x"] }, "after": null }),
        ),
    ];
    HoldDocument { format_version: FORMAT_VERSION, hold: view(7, HoldState::Open), operations }
}

#[test]
fn what_is_held_and_what_to_type() {
    let approved = HoldView {
        approval: Some(Approval {
            uid: 1000,
            at: "2026-11-23T05:00:00Z".parse().unwrap(),
            until: "2026-11-24T05:00:00Z".parse().unwrap(),
            left: 1,
        }),
        summary: HoldSummary { cause: None, ..view(8, HoldState::Approved).summary },
        last_run: 12,
        ..view(8, HoldState::Approved)
    };
    let holds = [approved.clone(), view(7, HoldState::Open)];
    insta::assert_snapshot!(render_list(&holds, None, false, PLAIN, now()), @r"
    hold 8 of acme: approved
      why          users that left (limits.leavers): 400 would go, of 1000, and the limit allows 100
      since        run 12, 2026-11-20 06:00 UTC (3 days ago)
      approved     by uid 1000, 2026-11-23 05:00 UTC (1 h ago); 1 change not applied yet
                   counts until 2026-11-24 05:00 UTC (in 23 h)
      who          user1\u{1b}[2J, user2\u{1b}[2J, user3\u{1b}[2J, user4\u{1b}[2J, user5\u{1b}[2J,
                   user6\u{1b}[2J, user7\u{1b}[2J, user8\u{1b}[2J, user9\u{1b}[2J, user10\u{1b}[2J,
                   … and 390 more

    hold 7 of acme: open, waits for a decision
      why          users that left (limits.leavers): 400 would go, of 1000, and the limit allows 100
      cause        388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta
      since        run 12, 2026-11-20 06:00 UTC (3 days ago)
      last held by run 17, 2026-11-23 03:00 UTC (3 h ago)
      who          user1\u{1b}[2J, user2\u{1b}[2J, user3\u{1b}[2J, user4\u{1b}[2J, user5\u{1b}[2J,
                   user6\u{1b}[2J, user7\u{1b}[2J, user8\u{1b}[2J, user9\u{1b}[2J, user10\u{1b}[2J,
                   … and 390 more

    Next:
      usersyncd ctl hold 7            all of it, operation by operation
      usersyncd ctl approve 7 --wait  it is right: do exactly this, at once
      usersyncd ctl plan acme         it is wrong: correct Okta or the connector file, then look here
      usersyncd ctl discard 7         let it be held, and be told no more
    ");
    let alone = render_list(&[approved], None, false, PLAIN, now());
    assert!(alone.contains("\n  usersyncd ctl sync acme --wait  apply what is approved"), "{alone}");
    assert!(alone.contains("\n  usersyncd ctl discard 8         take the approval back\n"), "{alone}");
}

#[test]
fn what_nobody_can_decide_on_is_not_offered() {
    let notice = HoldView { changes: 0, ..view(7, HoldState::Open) };
    let text = render_list(
        &[notice, view(6, HoldState::Over), view(5, HoldState::Superseded)],
        None,
        true,
        PLAIN,
        now(),
    );
    assert!(text.contains("  to approve   nothing yet: it says what will be held\n"), "{text}");
    assert!(!text.contains("approve 7") && !text.contains("Next"), "{text}");
    let aside = render_list(&[view(7, HoldState::Discarded)], None, false, PLAIN, now());
    assert!(aside.contains("ctl approve 7 --wait") && !aside.contains("ctl discard"), "{aside}");
}

#[test]
fn nothing_is_held() {
    assert_eq!(
        render_list(&[], Some("acme"), false, PLAIN, now()),
        "nothing of acme is held; with `--all` what was held before is shown\n"
    );
    assert_eq!(render_list(&[], None, true, PLAIN, now()), "nothing was ever held\n");
}

#[test]
fn what_ended_says_how_and_asks_for_nothing() {
    let approval = Approval {
        uid: 1000,
        at: "2026-11-23T05:00:00Z".parse().unwrap(),
        until: "2026-11-24T05:00:00Z".parse().unwrap(),
        left: 0,
    };
    let done = HoldView { approval: Some(approval), ..view(7, HoldState::Over) };
    let text = render_one(&HoldDocument { hold: done, ..document() }, None, PLAIN, now());
    assert!(text.starts_with("hold 7 of acme: done, by its approval\n"), "{text}");
    assert!(text.contains("  approved     by uid 1000, 2026-11-23 05:00 UTC (1 h ago)\n"), "{text}");
    assert!(
        !text.contains("to approve") && !text.contains("counts until") && !text.contains("Next"),
        "{text}"
    );
    let ended = HoldDocument { hold: view(7, HoldState::Over), ..document() };
    let text = render_one(&ended, None, PLAIN, now());
    let said = "hold 7 of acme: ended: no longer wanted or no longer held (last by run 17)\n";
    assert!(text.starts_with(said) && !text.contains("to approve"), "{text}");
}

#[test]
fn the_token_comes_before_the_decision() {
    let reason =
        "400 would go; the source shows 600 users instead of 1000: the token may see less than before";
    let open = view(7, HoldState::Open);
    let open = HoldView { summary: HoldSummary { reason: reason.to_owned(), ..open.summary }, ..open };
    let text = render_list(&[open], None, false, PLAIN, now());
    assert!(
        text.contains("decision\n  Look at the token first: it may see less than before.\n  why "),
        "{text}"
    );
    assert!(text.find("usersyncd check --online").unwrap() < text.find("ctl approve 7").unwrap(), "{text}");
}

#[test]
fn one_hold_has_every_operation() {
    insta::assert_snapshot!(render_one(&document(), None, PLAIN, now()), @r"
    hold 7 of acme: open, waits for a decision
      why          users that left (limits.leavers): 400 would go, of 1000, and the limit allows 100
      cause        388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta
      since        run 12, 2026-11-20 06:00 UTC (3 days ago)
      last held by run 17, 2026-11-23 03:00 UTC (3 h ago)
      to approve   change members of 1 group, disable 2 users, delete 1 user; 412 changes in all

    Users: 3 operations
      - disable user anna (no longer at the source)
          active: yes -> no
      - disable user bob
          active: yes -> no
      - delete user carl
          username: carl -> (none)
          - member of x

    Memberships: 1 operation
      ~ change members of group staff (+0 -2)
          + 00u9
          - anna
          - bob

    Next:
      usersyncd ctl approve 7 --wait  it is right: do exactly this, at once
      usersyncd ctl plan acme         it is wrong: correct Okta or the connector file, then look here
      usersyncd ctl discard 7         let it be held, and be told no more
    ");
}

/// A daemon with hold 7, that answers its approval so; and what it was asked.
fn answering(json: bool, answer: String) -> (Session, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let (list, queries) = (
        json!(HoldList { format_version: FORMAT_VERSION, holds: vec![view(7, HoldState::Open)] }).to_string(),
        Arc::clone(&asked),
    );
    let document = json!(document()).to_string();
    let done =
        json!(Done { format_version: FORMAT_VERSION, message: "hold 7 is put aside".to_owned() }).to_string();
    let routes = Router::new()
        .route(
            "/v1/holds",
            get(async move |query: axum::extract::RawQuery| {
                queries.lock().unwrap().push(query.0.unwrap_or_default());
                list
            }),
        )
        .route("/v1/holds/7", get(|| async { document }))
        .route("/v1/holds/7/discard", post(|| async { done }))
        .route(
            "/v1/holds/7/approve",
            post(async move |body: String| {
                heard.lock().unwrap().push(body);
                answer
            }),
        )
        .route(
            "/v1/holds/{hold}",
            get(|| async {
                let text =
                    json!({"format_version": 1, "error": "not_found", "message": "there is no hold 9"});
                (StatusCode::NOT_FOUND, text.to_string())
            }),
        );
    (session(json, routes), asked)
}

fn ended(outcome: Outcome) -> String {
    let events = [
        RunEvent::Started { run: 18 },
        RunEvent::Finished { report: Box::new(Report { run: 18, outcome, approvals: vec![7], ..report() }) },
    ];
    events.iter().map(|event| format!("{}\n", json!(event))).collect()
}

#[tokio::test]
async fn an_approval_says_exactly_what_it_approves_and_ends_as_its_run_does() {
    let (session, asked) = answering(false, ended(Outcome::Held));
    let request = ApproveRequest { wait: true, hours: Some(2), ..ApproveRequest::default() };
    assert_eq!(approve(&session.ctl, 7, &request).await, Ok(Exit::Held));
    insta::assert_snapshot!(session.messages.text(), @r"
    acme: approving hold 7: change members of 1 group, disable 2 users, delete 1 user, and nothing else
    acme: run 18 began
    ");
    assert!(
        session.data.text().starts_with("acme run 18, by the approval of hold 7: held"),
        "{}",
        session.data.text()
    );
    assert_eq!(
        asked.lock().unwrap().as_slice(),
        [r#"{"later":false,"wait":true,"hours":2}"#, "connector=acme"],
        "what became of its holds is asked after it"
    );
}

#[tokio::test]
async fn an_approval_that_is_refused_announces_nothing() {
    let refused = RunEvent::Refused {
        error: crate::control::api::ErrorKind::Conflict,
        message: "nothing of hold 7 of acme is held any more".to_owned(),
    };
    for wait in [true, false] {
        let (session, _) = answering(false, format!("{}\n", json!(refused)));
        let request = ApproveRequest { wait, ..ApproveRequest::default() };
        let failure = approve(&session.ctl, 7, &request).await.unwrap_err();
        assert_eq!(failure, Failure::new(Exit::Failed, "nothing of hold 7 of acme is held any more"));
        assert_eq!(session.messages.text(), "");
    }
}

#[tokio::test]
async fn an_approval_that_is_not_waited_for_says_the_run() {
    let (session, _) = answering(false, json!(RunEvent::Started { run: 18 }).to_string());
    assert_eq!(approve(&session.ctl, 7, &ApproveRequest::default()).await, Ok(Exit::Done));
    assert!(session.data.text().starts_with("acme: run 18 began; "), "{}", session.data.text());
}

#[tokio::test]
async fn an_approval_for_later_begins_nothing() {
    let done = json!(Done { format_version: FORMAT_VERSION, message: "hold 7 is approved".to_owned() });
    let (session, asked) = answering(false, done.to_string());
    let request = ApproveRequest { later: true, ..ApproveRequest::default() };
    assert_eq!(approve(&session.ctl, 7, &request).await, Ok(Exit::Done));
    let text = session.data.text();
    assert!(text.starts_with("hold 7 is approved\n") && text.contains("ctl sync acme --wait"), "{text}");
    assert_eq!(asked.lock().unwrap().as_slice(), [r#"{"later":true,"wait":false}"#]);
}

#[tokio::test]
async fn what_is_not_there_is_not_approved() {
    let (session, asked) = answering(false, ended(Outcome::Success));
    let failure = approve(&session.ctl, 9, &ApproveRequest::default()).await.unwrap_err();
    assert_eq!(failure, Failure::new(Exit::Failed, "there is no hold 9"));
    assert_eq!((session.messages.text().as_str(), asked.lock().unwrap().len()), ("", 0));
}

#[tokio::test]
async fn holds_are_listed_shown_and_put_aside() {
    let (session, asked) = answering(false, String::new());
    assert_eq!(list(&session.ctl, Some("acme"), true).await, Ok(Exit::Done));
    assert_eq!(list(&session.ctl, None, false).await, Ok(Exit::Done));
    assert_eq!(asked.lock().unwrap().as_slice(), ["connector=acme&all=true", ""]);
    assert_eq!(session.data.text().matches("hold 7 of acme: open").count(), 2);
    assert_eq!(discard(&session.ctl, 7).await, Ok(Exit::Done));
    assert!(session.data.text().contains("hold 7 is put aside\n\nNext:\n  usersyncd ctl holds"));
    let (session, _) = answering(true, String::new());
    assert_eq!(show(&session.ctl, 7).await, Ok(Exit::Done));
    let printed: HoldDocument = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!(printed, document());
}

#[tokio::test]
async fn the_run_that_did_what_was_approved_is_found() {
    let approval = Approval { uid: 1000, at: now(), until: now(), left: 0 };
    let hold = HoldView { approval: Some(approval), ..view(7, HoldState::Over) };
    let document = json!(HoldDocument { hold, ..document() }).to_string();
    let run = |number: u64, ended: &str| {
        json!({ "run": number, "connector": "acme", "trigger": "approval", "started": ended, "ended": ended,
            "outcome": "success", "error": null, "counts": report().counts, "findings": 0 })
    };
    // Newest first; the last of them ended before the approval.
    let runs =
        [run(20, "2026-11-23T06:05:00Z"), run(19, "2026-11-23T06:01:00Z"), run(18, "2026-11-23T05:00:00Z")];
    let runs = json!({ "format_version": FORMAT_VERSION, "runs": runs }).to_string();
    let used = json!(Report { run: 19, approvals: vec![7], ..report() }).to_string();
    let other = json!(Report { run: 20, ..report() }).to_string();
    let routes = Router::new()
        .route("/v1/holds/7", get(|| async { document }))
        .route("/v1/runs", get(|| async { runs }))
        .route("/v1/runs/19", get(|| async { used }))
        .route("/v1/runs/20", get(|| async { other }));
    let session = session(false, routes);
    assert_eq!(show(&session.ctl, 7).await, Ok(Exit::Done));
    let text = session.data.text();
    assert!(text.starts_with("hold 7 of acme: done by run 19\n"), "{text}");
}
