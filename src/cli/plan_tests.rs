//! What a person reads before a run.

use axum::Router;
use axum::routing::{get, post};
use serde_json::json;

use super::super::ctl::fake::{connector, session};
use super::super::hold::tests::view;
use super::super::listing::{Section, sign};
use super::super::report::tests::{hold, now};
use super::*;
use crate::control::api::{Approval, ConnectorState, ConnectorStatus, HoldView, RunEvent};
use crate::sync::report::{Cause, Counts, FORMAT_VERSION, HeldOperation, HoldSummary, KindCounts};

pub(in crate::cli) fn operation(kind: &str, summary: &str, details: &[&str]) -> PlannedOperation {
    PlannedOperation {
        summary: summary.to_owned(),
        details: details.iter().map(|detail| (*detail).to_owned()).collect(),
        why: "in scope at the source".to_owned(),
        cause: None,
        operation: json!({ "kind": kind }),
    }
}

pub(in crate::cli) fn plan() -> PlanDocument {
    PlanDocument {
        filtered: crate::sync::report::FilteredBy::default(),
        in_grace: 0,
        waiting: Vec::new(),
        adopted: 0,
        format_version: FORMAT_VERSION,
        connector: "acme".to_owned(),
        made: now(),
        counts: Counts {
            users: KindCounts { created: 1, updated: 1, disabled: 1, ..KindCounts::default() },
            ..Counts::default()
        },
        operations: vec![
            operation("create_user", "create user anna@example.com", &["email: (none) -> anna@example.com"]),
            operation("rename_user", "rename user bob to rob\u{1b}[2J", &["username: bob -> rob\u{1b}[2J"]),
            operation("create_group", "create group jira-users", &[]),
            operation(
                "change_members",
                "change members of group jira-users (+1 -1)",
                &["+ anna@example.com", "- bob"],
            ),
            operation("empty_group", "empty group old (3 members)", &["- a", "- b", "- c"]),
            operation("disable_user", "disable user carl", &["active: yes -> no"]),
        ],
        cause: None,
        held: Vec::new(),
        holds: Vec::new(),
        findings: Vec::new(),
        not_proven: Vec::new(),
    }
}

const PLAIN: Style = Style { colors: false };

pub(in crate::cli) fn kept() -> KeptPlan {
    KeptPlan {
        id: "change-4711".to_owned(),
        connector: "acme".to_owned(),
        made: now(),
        expires: "2026-11-24T06:00:00Z".parse().unwrap(),
        counts: plan().counts,
        operations: 6,
        uid: 1000,
    }
}

/// As it is printed.
fn render(plan: &PlanDocument, detailed: bool, style: Style, now: DateTime<Utc>) -> String {
    let again = "usersyncd ctl plan acme --detailed";
    super::render(plan, Shown { detailed, again, style }, &Known::default(), now)
}

#[test]
fn operations_are_grouped_and_signed() {
    insta::assert_snapshot!(render(&plan(), false, PLAIN, now()), @r"
    acme plan, made 2026-11-23 06:00 UTC (now); nothing was written

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users              1        1          0         1        0       0         0     0
    groups             0        0          0         0        0       0         0     0
    memberships        0        0          0         0        0       0         0     0

    Users: 3 operations
      + create user anna@example.com (in scope at the source)
      ~ rename user bob to rob\u{1b}[2J (in scope at the source)
          username: bob -> rob\u{1b}[2J
      - disable user carl (in scope at the source)

    Groups: 2 operations
      + create group jira-users (in scope at the source)
      - empty group old (3 members) (in scope at the source)
          - a
          - b
          - c

    Memberships: 1 operation
      ~ change members of group jira-users (+1 -1) (in scope at the source)
          + anna@example.com
          - bob
    ");
}

#[test]
fn every_kind_of_operation_has_its_section_and_sign() {
    for (kind, section, expected) in [
        ("create_user", Section::Users, "+"),
        ("update_user", Section::Users, "~"),
        ("rename_user", Section::Users, "~"),
        ("enable_user", Section::Users, "~"),
        ("adopt_user", Section::Users, "="),
        ("disable_user", Section::Users, "-"),
        ("anonymize_user", Section::Users, "-"),
        ("delete_user", Section::Users, "-"),
        ("create_group", Section::Groups, "+"),
        ("update_group", Section::Groups, "~"),
        ("rename_group", Section::Groups, "~"),
        ("adopt_group", Section::Groups, "="),
        ("empty_group", Section::Groups, "-"),
        ("delete_group", Section::Groups, "-"),
        ("change_members", Section::Memberships, "~"),
    ] {
        let operation = operation(kind, "x", &[]);
        assert_eq!(
            (Section::of(&operation), sign(&operation, PLAIN).as_str()),
            (section, expected),
            "{kind}"
        );
    }
}

#[test]
fn a_plan_says_what_it_would_take_over_and_whom_it_spares() {
    let adopting = PlanDocument { adopted: 2, in_grace: 5, waiting: Vec::new(), ..plan() };
    let text = render(&adopting, false, PLAIN, now());
    assert!(
        text.contains(
            "\nin grace: 5 leavers; left alone until it is over\n\
                       a sync would take over 2 users or groups that are in the target and not managed\n"
        ),
        "{text}"
    );
}

#[test]
fn who_is_in_grace_is_named_and_is_something_to_come() {
    let waiting: Vec<_> = (1..=22)
        .map(|number| crate::sync::report::Waiting { username: format!("user{number}").into(), until: now() })
        .collect();
    let quiet = PlanDocument { in_grace: 22, waiting, operations: Vec::new(), ..plan() };
    let text = render(&quiet, false, PLAIN, now());
    assert!(
        text.contains(
            "\nin grace: 22 leavers; left alone until it is over\n  user1 until 2026-11-23 06:00 UTC"
        ),
        "{text}"
    );
    assert!(text.contains("  … 2 more, all with `usersyncd ctl plan acme --detailed`\n"), "{text}");
    assert!(
        text.contains("\nNothing to do now; those in grace") && !text.contains("as it should be"),
        "{text}"
    );
    assert!(render(&quiet, true, PLAIN, now()).contains("  user22 until "));
}

#[test]
fn what_is_new_is_listed_in_full_only_if_asked_for() {
    assert!(!render(&plan(), false, PLAIN, now()).contains("email: (none)"));
    assert!(render(&plan(), true, PLAIN, now()).contains("email: (none) -> anna@example.com"));
}

#[test]
fn long_lists_are_cut_unless_asked_for() {
    let details: Vec<String> = (1..=40).map(|number| format!("+ user{number}")).collect();
    let details: Vec<&str> = details.iter().map(String::as_str).collect();
    let operations =
        (0..30).map(|_| operation("change_members", "change members of group g", &details)).collect();
    let long = PlanDocument { operations, holds: vec![hold()], ..plan() };
    let cut = render(&long, false, PLAIN, now());
    assert!(cut.contains("  … 10 more, all with `usersyncd ctl plan acme --detailed`"), "{cut}");
    assert!(cut.contains("      … 34 more") && !cut.contains("user7\n"), "{cut}");
    assert!(cut.contains("user10, … and 2 more"), "{cut}");
    let whole = render(&long, true, PLAIN, now());
    assert!(!whole.contains('…'), "{whole}");
    assert_eq!(whole.matches("+ user40").count(), 30);
}

#[test]
fn signs_are_coloured_on_terminals() {
    let text = render(&plan(), false, Style { colors: true }, now());
    assert!(
        text.contains("\u{1b}[32m+\u{1b}[0m create user")
            && text.contains("\u{1b}[31m-\u{1b}[0m disable user")
    );
    assert!(!text.contains("rob\u{1b}[2J"));
}

/// RULES 25.
#[tokio::test]
async fn the_exit_code_says_what_is_pending() {
    let empty = PlanDocument { operations: Vec::new(), ..plan() };
    let held = PlanDocument { holds: vec![hold()], ..plan() };
    for (document, expected) in [(plan(), Exit::ChangesPending), (empty, Exit::Done), (held, Exit::Held)] {
        let line = format!("{}\n", json!(RunEvent::Planned { kept: None, plan: Box::new(document) }));
        let routes = Router::new().route("/v1/connectors/acme/plan", post(|| async { line }));
        let session = session(false, routes);
        assert_eq!(run(&session.ctl, "acme", &PlanRequest::default(), false).await, Ok(expected));
        assert_eq!(session.data.text().contains("Nothing to do"), expected == Exit::Done);
    }
}

#[tokio::test]
async fn json_is_never_cut() {
    let operations: Vec<_> = (0..100).map(|_| operation("create_user", "create user x", &[])).collect();
    let line = json!(RunEvent::Planned { kept: None, plan: Box::new(PlanDocument { operations, ..plan() }) })
        .to_string()
        + "\n";
    let routes = Router::new().route("/v1/connectors/acme/plan", post(|| async { line }));
    let session = session(true, routes);
    assert_eq!(run(&session.ctl, "acme", &PlanRequest::default(), false).await, Ok(Exit::ChangesPending));
    let printed: PlanDocument = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!(printed.operations.len(), 100);
}

fn cause(from_file: u64, from_source: u64) -> Cause {
    Cause { file: "connectors.d/acme.yaml".to_owned(), from_file, from_source }
}

#[test]
fn what_would_be_held_stands_under_its_hold() {
    let mut held: Vec<HeldOperation> = (1..=22)
        .map(|number| {
            let summary = format!("disable user u{number}");
            let disabled = operation("disable_user", &summary, &["active: yes -> no"]);
            HeldOperation { hold: 1, operation: PlannedOperation { cause: Some(cause(1, 0)), ..disabled } }
        })
        .collect();
    let members = operation("change_members", "change members of group jira-users (+0 -2)", &["- a", "- b"]);
    let members = PlannedOperation { cause: Some(cause(1, 1)), ..members };
    held.insert(0, HeldOperation { hold: 1, operation: members.clone() });
    held.insert(0, HeldOperation { hold: 0, operation: members });
    let leavers = HoldSummary {
        id: Some(7),
        cause: Some(cause(20, 2)),
        reason: "users that left (limits.leavers): 22 would go".to_owned(),
        ..hold()
    };
    let operations = plan().operations.into_iter().take(1).collect();
    let plan =
        PlanDocument { cause: Some(cause(21, 3)), operations, held, holds: vec![hold(), leavers], ..plan() };
    let text =
        render(&plan, false, PLAIN, now()) + &ending(&plan, None, false, (&Known::default(), now()), PLAIN);
    let (_, text) = text.split_once("held\nusers").unwrap();
    insta::assert_snapshot!(text, @r"
                  1        1          0         1        0       0         0     0
    groups             0        0          0         0        0       0         0     0
    memberships        0        0          0         0        0       0         0     0
    removals, held ones included: 21 of 24 come from the change of connectors.d/acme.yaml, 3 from Okta

    Users: 1 operation
      + create user anna@example.com (in scope at the source)

    Held for a person to look at; a sync would do nothing of this:
      ! members of group jira-users: 30 of 100 would go, and the limit allows 20. Look first.
          ~ change members of group jira-users (+0 -2) (in scope at the source; 1 of 2 comes from the change of connectors.d/acme.yaml, 1 from Okta)
              - a
              - b
      ! hold 7: users that left (limits.leavers): 22 would go
        20 of 22 come from the change of connectors.d/acme.yaml, 2 from Okta
          - disable user u1 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u2 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u3 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u4 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u5 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u6 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u7 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u8 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u9 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u10 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u11 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u12 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u13 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u14 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u15 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u16 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u17 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u18 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u19 (in scope at the source; from the change of connectors.d/acme.yaml)
          - disable user u20 (in scope at the source; from the change of connectors.d/acme.yaml)
          … 2 more, all with `usersyncd ctl plan acme --detailed`
          ~ change members of group jira-users (+0 -2) (in scope at the source; 1 of 2 comes from the change of connectors.d/acme.yaml, 1 from Okta)
              - a
              - b

    Next:
      usersyncd ctl sync acme --wait      do all but what is held, and give that a number by which it can be approved
      usersyncd ctl plan acme --out ID    keep it, so that exactly this can be applied later
      usersyncd ctl plan acme --detailed  every operation with all its details
      usersyncd ctl hold 7                all of it, operation by operation
      usersyncd ctl approve 7 --wait      it is right: do exactly this, at once
      usersyncd ctl plan acme             it is wrong: correct Okta or the connector file, then look here
      usersyncd ctl discard 7             let it be held, and be told no more
    ");
    let whole = render(&plan, true, PLAIN, now());
    assert!(whole.contains("disable user u22 (") && !whole.contains('…'), "{whole}");
}

#[test]
fn a_plan_ends_with_what_to_type() {
    let ending = |plan: &PlanDocument| ending(plan, None, false, (&Known::default(), now()), PLAIN);
    insta::assert_snapshot!(ending(&plan()).trim_start(), @r"
    Next:
      usersyncd ctl sync acme --wait      do it
      usersyncd ctl plan acme --out ID    keep it, so that exactly this can be applied later
      usersyncd ctl plan acme --detailed  every operation with all its details
    ");
    let empty = PlanDocument { operations: Vec::new(), ..plan() };
    assert_eq!(ending(&empty), "");
    let held = PlanDocument { holds: vec![hold()], ..empty };
    assert!(ending(&held).contains("give that a number by which it can be approved\n"));
    let numbered = PlanDocument { holds: vec![HoldSummary { id: Some(7), ..hold() }], ..held };
    assert!(ending(&numbered).contains("usersyncd ctl approve 7 --wait "));
}

#[tokio::test]
async fn a_plan_is_kept_and_says_so() {
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let answering = |json: bool, kept: Option<KeptPlan>| {
        let heard = std::sync::Arc::clone(&asked);
        let line = json!(RunEvent::Planned { kept: kept.map(Box::new), plan: Box::new(plan()) }).to_string();
        let answer = async move |body: String| {
            heard.lock().unwrap().push(body);
            line
        };
        session(json, Router::new().route("/v1/connectors/acme/plan", post(answer)))
    };
    let request = PlanRequest { keep: Some("change-4711".to_owned()), hours: Some(24) };
    let told = answering(false, Some(kept()));
    assert_eq!(run(&told.ctl, "acme", &request, false).await, Ok(Exit::ChangesPending));
    assert_eq!(asked.lock().unwrap().as_slice(), [r#"{"keep":"change-4711","hours":24}"#]);
    let text = told.data.text();
    assert!(text.contains("\nkept as change-4711 until 2026-11-24 06:00 UTC ("), "{text}");
    let ending = ending(&plan(), Some(&kept()), false, (&Known::default(), now()), PLAIN);
    insta::assert_snapshot!(ending.trim_start(), @r"
    kept as change-4711 until 2026-11-24 06:00 UTC (in 24 h): 6 operations

    Next:
      usersyncd ctl apply change-4711 --wait  do exactly this, as far as it is still true, and nothing that is new
      usersyncd ctl plans change-4711         show it again
      usersyncd ctl plan acme --detailed      every operation with all its details
    ");
    let told = answering(true, Some(kept()));
    assert_eq!(run(&told.ctl, "acme", &request, false).await, Ok(Exit::ChangesPending));
    let printed: serde_json::Value = serde_json::from_str(&told.data.text()).unwrap();
    assert_eq!((&printed["kept"]["id"], &printed["connector"]), (&json!("change-4711"), &json!("acme")));

    let failure = run(&answering(false, None).ctl, "acme", &request, false).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Failed, "{failure:?}");
    assert!(failure.message.contains("did not keep it as change-4711"), "{failure:?}");
}

fn known(status: ConnectorStatus, holds: Vec<HoldView>) -> Known {
    Known { status: Some(status), holds, planned: None }
}

#[test]
fn a_plan_suggests_nothing_that_would_be_refused() {
    let ending = |known: &Known| ending(&plan(), None, false, (known, now()), PLAIN);
    let paused = ConnectorStatus {
        state: ConnectorState::Paused,
        pause_reason: Some("run 17 was undone\u{1b}[2J".to_owned()),
        ..connector("acme")
    };
    insta::assert_snapshot!(ending(&known(paused, Vec::new())).trim_start(), @r"
    acme is paused (run 17 was undone\u{1b}[2J)

    Next:
      usersyncd ctl resume acme           let it sync again, once this plan is right
      usersyncd ctl plan acme --out ID    keep it, so that exactly this can be applied later
      usersyncd ctl plan acme --detailed  every operation with all its details
    ");
    let off = known(ConnectorStatus { apply: false, ..connector("acme") }, Vec::new());
    insta::assert_snapshot!(ending(&off).trim_start(), @r"
    apply is off in its file: a sync would write nothing

    Next:
      usersyncd ctl plan acme --detailed  every operation with all its details
    ");
    let held = PlanDocument { holds: vec![HoldSummary { id: Some(7), ..hold() }], ..plan() };
    let text = super::ending(&held, None, false, (&off, now()), PLAIN);
    assert!(
        text.contains("ctl hold 7") && !text.contains("approve") && !text.contains("sync acme"),
        "{text}"
    );
}

#[test]
fn a_plan_knows_what_was_decided_on_its_holds() {
    let summary = HoldSummary { id: Some(3), ..hold() };
    let approval = Approval { uid: 0, at: now(), until: "2026-11-24T06:00:00Z".parse().unwrap(), left: 12 };
    let approved = HoldView { approval: Some(approval), ..view(&summary, HoldState::Approved) };
    let shown = |plan: &PlanDocument, known: &Known| {
        let again = "usersyncd ctl plan acme --detailed";
        super::render(plan, Shown { detailed: false, again, style: PLAIN }, known, now())
    };
    let approved = known(connector("acme"), vec![approved]);
    let line =
        "hold 3 is approved (uid 0, until 2026-11-24 06:00 UTC (in 24 h)): 12 changes go through by it\n";
    assert!(shown(&plan(), &approved).contains(line), "{}", shown(&plan(), &approved));
    let empty = PlanDocument { operations: Vec::new(), ..plan() };
    assert!(!shown(&empty, &approved).contains("go through"), "nothing goes through where nothing is to do");

    let aside = known(connector("acme"), vec![view(&summary, HoldState::Discarded)]);
    let held = PlanDocument { holds: vec![summary.clone()], ..plan() };
    let text = shown(&held, &aside) + &ending(&held, None, false, (&aside, now()), PLAIN);
    assert!(text.contains("\n  . hold 3, put aside: 30 memberships of jira-users\n"), "{text}");
    assert!(!text.contains("approve 3") && !text.contains("discard 3"), "{text}");

    let open = known(connector("acme"), vec![view(&summary, HoldState::Open)]);
    let line =
        "hold 3 is wanted by nothing any more; the next sync ends it: usersyncd ctl sync acme --wait\n";
    assert!(shown(&empty, &open).contains(line), "{}", shown(&empty, &open));
    assert!(!shown(&held, &open).contains("wanted by nothing"));
}

#[tokio::test]
async fn a_plan_asks_how_the_connector_is_doing() {
    let line = format!("{}\n", json!(RunEvent::Planned { kept: None, plan: Box::new(plan()) }));
    let paused = json!(ConnectorStatus { state: ConnectorState::Paused, ..connector("acme") }).to_string();
    let routes = Router::new()
        .route("/v1/connectors/acme/plan", post(|| async { line }))
        .route("/v1/connectors/acme", get(|| async { paused }));
    let session = session(false, routes);
    assert_eq!(run(&session.ctl, "acme", &PlanRequest::default(), false).await, Ok(Exit::ChangesPending));
    let text = session.data.text();
    assert!(text.contains("\nacme is paused\n") && text.contains("ctl resume acme"), "{text}");
}
