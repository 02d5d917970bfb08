//! What a person reads before a run.

use axum::Router;
use axum::routing::post;
use serde_json::json;

use super::super::ctl::fake::session;
use super::super::report::tests::{hold, now};
use super::*;
use crate::control::api::RunEvent;
use crate::sync::report::{Counts, FORMAT_VERSION, KindCounts};

fn operation(kind: &str, summary: &str, details: &[&str]) -> PlannedOperation {
    PlannedOperation {
        summary: summary.to_owned(),
        details: details.iter().map(|detail| (*detail).to_owned()).collect(),
        why: "in scope at the source".to_owned(),
        cause: None,
        operation: json!({ "kind": kind }),
    }
}

fn plan() -> PlanDocument {
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
          active: yes -> no

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
        assert_eq!(run(&session.ctl, "acme", false).await, Ok(expected));
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
    assert_eq!(run(&session.ctl, "acme", false).await, Ok(Exit::ChangesPending));
    let printed: PlanDocument = serde_json::from_str(&session.data.text()).unwrap();
    assert_eq!(printed.operations.len(), 100);
}
