//! Kept plans, and what applying one says.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use serde_json::json;

use super::super::ctl::fake::{Session, session};
use super::super::plan::tests::{kept, plan};
use super::super::report::tests::{now, report};
use super::*;
use crate::control::api::RunEvent;
use crate::sync::report::{FORMAT_VERSION, Outcome, Report, Stale, Trigger};

const PLAIN: Style = Style { colors: false };

#[test]
fn kept_plans_are_listed_with_their_end() {
    let kept = KeptPlan { id: "ch\u{1b}[2J".to_owned(), ..kept() };
    insta::assert_snapshot!(render_list(&[kept], PLAIN, now()), @r"
    plan         connector  made                        kept until                      operations  held  by uid
    ch\u{1b}[2J  acme       2026-11-23 06:00 UTC (now)  2026-11-24 06:00 UTC (in 24 h)           6     0    1000

    Next:
      usersyncd ctl plans ch\u{1b}[2J         show it as it was when it was made
      usersyncd ctl apply ch\u{1b}[2J --wait  do exactly this, as far as it is still true, and nothing that is new
    ");
    assert!(render_list(&[], PLAIN, now()).contains("`usersyncd ctl plan NAME --out ID`"));
}

#[test]
fn a_kept_plan_is_shown_as_it_was() {
    let document = KeptPlanDocument { format_version: FORMAT_VERSION, kept: kept(), plan: plan() };
    let again = "usersyncd ctl plans change-4711 --detailed";
    let text = render_one(&document, Shown { detailed: false, again, style: PLAIN }, now());
    assert!(
        text.starts_with(
            "plan change-4711, kept until 2026-11-24 06:00 UTC (in 24 h), made by uid 1000; as it was"
        ),
        "{text}"
    );
    assert!(text.contains("\nUsers: 3 operations\n"), "{text}");
    assert!(text.ends_with("  usersyncd ctl plan acme                 what a sync would do now\n"), "{text}");
}

/// A daemon that keeps change-4711, and what it was asked to apply.
fn answering(json: bool, answer: String) -> (Session, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let list = json!(KeptPlanList { format_version: FORMAT_VERSION, plans: vec![kept()] }).to_string();
    let document =
        json!(KeptPlanDocument { format_version: FORMAT_VERSION, kept: kept(), plan: plan() }).to_string();
    let routes = Router::new()
        .route("/v1/plans", get(|| async { list }))
        .route("/v1/plans/change-4711", get(|| async { document }))
        .route(
            "/v1/plans/change-4711/apply",
            post(async move |body: String| {
                heard.lock().unwrap().push(body);
                answer
            }),
        );
    (session(json, routes), asked)
}

#[tokio::test]
async fn what_is_applied_is_said_and_ends_as_its_run_does() {
    let stale =
        vec![Stale { summary: "disable user carl".to_owned(), reason: "it is disabled already".to_owned() }];
    let report = Report {
        run: 18,
        trigger: Trigger::Apply,
        outcome: Outcome::Success,
        kept_plan: Some("change-4711".to_owned()),
        stale,
        ..report()
    };
    let events = [RunEvent::Started { run: 18 }, RunEvent::Finished { report: Box::new(report) }];
    let lines: String = events.iter().map(|event| format!("{}\n", json!(event))).collect();
    let (session, asked) = answering(false, lines);
    assert_eq!(apply(&session.ctl, "change-4711", true).await, Ok(Exit::Done));
    let messages = session.messages.text();
    let said = "acme: applying what is still true of the plan change-4711, made 2026-11-23 06:00 UTC (";
    assert!(
        messages.starts_with(said) && messages.contains("): 6 operations at most\nacme: run 18 began\n"),
        "{messages}"
    );
    let text = session.data.text();
    assert!(text.contains("run 18, kept plan change-4711 only: success"), "{text}");
    assert!(text.contains("\nNo longer true, so not applied: 1 of 6\n"), "{text}");
    assert!(text.contains("  ! disable user carl: it is disabled already\n"), "{text}");
    assert_eq!(asked.lock().unwrap().as_slice(), [r#"{"wait":true}"#]);
}

#[tokio::test]
async fn without_waiting_the_run_is_said() {
    let (session, asked) = answering(true, json!(RunEvent::Started { run: 18 }).to_string());
    assert_eq!(apply(&session.ctl, "change-4711", false).await, Ok(Exit::Done));
    let printed: serde_json::Value = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!(printed, json!({"format_version": 1, "connector": "acme", "event": "started", "run": 18}));
    assert_eq!(asked.lock().unwrap().as_slice(), [r#"{"wait":false}"#]);
}

#[tokio::test]
async fn a_plan_that_is_not_kept_is_not_applied() {
    let (session, asked) = answering(false, String::new());
    let failure = apply(&session.ctl, "change-4712", true).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Failed);
    assert!(
        failure.message.starts_with(
            "there is no kept plan \"change-4712\"; there are: change-4711; nothing was applied."
        ),
        "{failure:?}"
    );
    assert_eq!(asked.lock().unwrap().len(), 0);
    assert!(unknown("x", &[]).starts_with("there is no kept plan \"x\", and no other; "));
}

#[tokio::test]
async fn plans_are_listed_and_shown() {
    let (session, _) = answering(false, String::new());
    assert_eq!(list(&session.ctl).await, Ok(Exit::Done));
    assert_eq!(show(&session.ctl, "change-4711", true).await, Ok(Exit::Done));
    let text = session.data.text();
    assert!(
        text.starts_with("plan         connector") && text.contains("email: (none) -> anna@example.com"),
        "{text}"
    );
}
