//! What a person reads about one user.

use axum::Router;
use axum::routing::{get, post};
use serde_json::json;

use super::super::ctl::fake::{connector, session};
use super::super::report::tests::{hold, now};
use super::*;
use crate::control::api::PlannedOperation;
use crate::sync::explain::{
    ExplainedAccount, ExplainedSource, MappedAttribute, ScopeStep, UserVerdict, Verdict,
};
use crate::sync::model::{Finding, FindingKind, Status, UserAttributes};
use crate::sync::report::{FORMAT_VERSION, NotProven};

const PLAIN: Style = Style { colors: false };

fn step(rule: &str, verdict: Verdict, detail: &str) -> ScopeStep {
    ScopeStep { rule: rule.to_owned(), verdict, detail: detail.to_owned() }
}

fn group(source: &str, name: &str, fate: GroupFate, rule: Option<&str>, member_now: bool) -> ExplainedGroup {
    ExplainedGroup {
        source: Some("00g1".into()),
        source_name: source.into(),
        name: name.into(),
        renamed_by: (source != name).then(|| "groups.rename[0]".to_owned()),
        rename_match: (source != name).then(|| "^okta-".to_owned()),
        fate,
        rule: rule.map(str::to_owned),
        member_now,
    }
}

fn mapped(attribute: &str, template: &str, value: Option<&str>, problem: Option<&str>) -> MappedAttribute {
    MappedAttribute {
        attribute: attribute.into(),
        template: template.into(),
        value: value.map(Into::into),
        problem: problem.map(str::to_owned),
    }
}

/// Everything that can stand in one, with a name that would clear a terminal.
fn explanation() -> Explanation {
    Explanation {
        apply: true,
        format_version: FORMAT_VERSION,
        connector: "acme".to_owned(),
        asked: "Anna@example.com".to_owned(),
        made: now(),
        source: ExplainedSource {
            found: true,
            id: Some("00u1".into()),
            login: Some("Anna@example.com".into()),
            status: Some(Status::Suspended),
            note: "Okta has the user, with the status SUSPENDED".to_owned(),
        },
        user: Some(UserVerdict {
            in_scope: Some(false),
            scope: vec![
                step("source.okta.users.search", Verdict::NotSet, "not set"),
                step("scope.statuses", Verdict::Out, "SUSPENDED is not in the list"),
                step("scope.required_groups", Verdict::Unknown, "the list of its groups did not end"),
                step("scope.users.include", Verdict::In, "*@example.com names it"),
                step("protected.users", Verdict::LeftAlone, "anna* names it"),
            ],
            mapping: vec![
                mapped("username", "{{ profile.login | lower }}", Some("anna@example.com"), None),
                mapped("email", "{{ profile.email }}", Some(""), None),
                mapped(
                    "attributes.department",
                    "{{ profile.department\n| upper }}",
                    None,
                    Some("ran out of fuel"),
                ),
            ],
        }),
        groups: vec![
            group("okta-jira-users", "jira-users", GroupFate::Synced, None, true),
            group(
                "eve\u{1b}[2J-test",
                "eve\u{1b}[2J-test",
                GroupFate::Dropped,
                Some("groups.exclude"),
                false,
            ),
            group("admins", "admins", GroupFate::Protected, Some("protected.groups"), true),
            group("staff", "staff", GroupFate::Always, Some("groups.always"), false),
        ],
        target: ExplainedTarget {
            address: "directory:1".to_owned(),
            account: Some(ExplainedAccount {
                id: "7".into(),
                attributes: UserAttributes {
                    username: "anna@example.com".into(),
                    display_name: "Anna\u{1b}[2J".into(),
                    attributes: [("department".into(), "R&D".into())].into_iter().collect(),
                    ..UserAttributes::default()
                },
                active: true,
                managed: true,
                groups: vec!["admins".into(), "jira-users".into()],
            }),
            note: "managed by this connector, which created it".to_owned(),
        },
        operations: vec![PlannedOperation {
            cause: None,
            summary: "disable user anna@example.com".to_owned(),
            details: vec!["active: yes -> no".to_owned()],
            why: "its status is SUSPENDED".to_owned(),
            operation: json!({ "kind": "disable_user" }),
        }],
        limits: vec![
            LimitUse {
                limit: "limits.leavers".to_owned(),
                group: None,
                count: 1,
                recent: 3,
                allowed: Some(10),
                base: 100,
            },
            LimitUse {
                limit: "limits.memberships".to_owned(),
                group: Some("jira-users".into()),
                count: 1,
                recent: 0,
                allowed: None,
                base: 1,
            },
        ],
        holds: Vec::new(),
        findings: vec![Finding::new(FindingKind::Protected, "admins", "admins is protected")],
        not_proven: vec![NotProven {
            left_out: Vec::new(),
            list: "groups of the user".to_owned(),
            reason: "page 2 did not parse".to_owned(),
            removals_left_out: 1,
        }],
    }
}

/// Nobody has heard of the user.
fn unknown() -> Explanation {
    let mut unknown = explanation();
    unknown.source = ExplainedSource {
        found: false,
        id: None,
        login: None,
        status: None,
        note: "Okta has no user of that login.".to_owned(),
    };
    unknown.user = None;
    unknown.target.account = None;
    unknown.target.note = "the target has no account of that name".to_owned();
    unknown
}

#[test]
fn a_user_is_explained_section_by_section() {
    insta::assert_snapshot!(render(&explanation(), PLAIN, now()), @r"
    Anna@example.com in acme, read 2026-11-23 06:00 UTC (now); nothing was written

    In Okta
      + Okta has the user, with the status SUSPENDED
        login   Anna@example.com
        status  SUSPENDED
        id      00u1

    Scope: out
      . source.okta.users.search: not set
      - scope.statuses: SUSPENDED is not in the list
      ? scope.required_groups: the list of its groups did not end
      + scope.users.include: *@example.com names it
      ! protected.users: anna* names it

    Mapping
      username               anna@example.com  <- {{ profile.login | lower }}
      email                  (empty)  <- {{ profile.email }}
      attributes.department  (none)  <- {{ profile.department\n| upper }}
                             ! ran out of fuel

    Groups: 4
      . okta-jira-users -> jira-users, rule 1 of groups.rename (^okta-): synced; a member now
      - eve\u{1b}[2J-test: not synced (groups.exclude); no member now
      ! admins: protected, never touched (protected.groups); a member now
      . staff: every active managed user is a member (groups.always); no member now

    In the target (directory:1)
      managed by this connector, which created it
        username      anna@example.com
        active        yes
        managed       yes
        display_name  Anna\u{1b}[2J
        department    R&D
        id            7
        groups        admins, jira-users

    What a sync of this user would change
      - disable user anna@example.com (its status is SUSPENDED)
          active: yes -> no
      limits.leavers: 1 now, 3 in the last 24 h; of 100, up to 10 may go
      limits.memberships of jira-users: 1 now, 0 in the last 24 h; no limit

    Not read to the end; nothing was removed on account of it:
      groups of the user: page 2 did not parse; 1 removal left out

    Findings:
      protected admins: admins is protected
    ");
}

#[test]
fn a_plus_is_for_groups_that_the_user_will_be_in() {
    let mut told = explanation();
    told.user = Some(UserVerdict { in_scope: Some(true), scope: Vec::new(), mapping: Vec::new() });
    told.groups.push(group("okta-", "", GroupFate::LeftAlone, None, false));
    told.groups.push(group("Everyone", "Everyone", GroupFate::Dropped, Some("groups.include"), false));
    let text = render(&told, PLAIN, now());
    let (_, groups) = text.split_once("Groups: 6\n").unwrap();
    let (groups, _) = groups.split_once("\n\n").unwrap();
    insta::assert_snapshot!(groups, @r"
      + okta-jira-users -> jira-users, rule 1 of groups.rename (^okta-): synced; a member now
      - eve\u{1b}[2J-test: not synced (groups.exclude); no member now
      ! admins: protected, never touched (protected.groups); a member now
      + staff: every active managed user is a member (groups.always); no member now
      ! okta- -> (nothing), rule 1 of groups.rename (^okta-): left alone: no name is left of it; no member now
      - Everyone: not synced (groups.include): Okta's group Everyone is left out by default, and wherever that does not name it; no member now
    ");
}

#[test]
fn limits_say_how_many_may_do_what() {
    let limit = |name: &str, group: Option<&str>, allowed| LimitUse {
        limit: name.to_owned(),
        group: group.map(Into::into),
        count: 1,
        recent: 0,
        allowed,
        base: 6,
    };
    for (limit, expected) in [
        (
            limit("limits.leavers", None, Some(10)),
            "limits.leavers: 1 now, 0 in the last 24 h; of 6, up to 10 may go",
        ),
        (
            limit("limits.memberships", Some("a"), Some(2)),
            "limits.memberships of a: 1 now, 0 in the last 24 h; of 6, up to 2 may go",
        ),
        (
            limit("limits.renames", None, Some(1)),
            "limits.renames: 1 now, 0 in the last 24 h; of 6, up to 1 may be renamed",
        ),
        (
            limit("limits.creates", None, Some(3)),
            "limits.creates: 1 now, 0 in the last 24 h; beside 6, up to 3 may be created",
        ),
        (limit("limits.creates", None, None), "limits.creates: 1 now, 0 in the last 24 h; no limit"),
    ] {
        assert_eq!(sentence(&limit), expected);
    }
}

#[test]
fn apply_off_is_said_where_the_operations_are() {
    let off = Explanation { apply: false, ..explanation() };
    let text = render(&off, PLAIN, now());
    let expected = "would change\n  apply is off in the connector file: a sync plans this and writes nothing\n  - disable";
    assert!(text.contains(expected), "{text}");
    assert!(!render(&explanation(), PLAIN, now()).contains("apply is off"));
}

#[test]
fn what_is_held_or_nothing_is_said() {
    let nothing = Explanation { operations: Vec::new(), limits: Vec::new(), ..explanation() };
    assert!(render(&nothing, PLAIN, now()).contains("What a sync of this user would change\n  nothing\n"));
    let held = Explanation { holds: vec![hold()], ..nothing };
    let text = render(&held, PLAIN, now());
    assert!(text.contains("nothing, until what is held is looked at") && text.contains("user12"), "{text}");
}

#[test]
fn a_user_that_only_the_target_has_is_no_failure() {
    let gone = Explanation { target: explanation().target, groups: Vec::new(), ..unknown() };
    assert!(is_known(&gone));
    let text = render(&gone, PLAIN, now());
    assert!(text.contains("  - Okta has no user of that login.\n") && !text.contains("Mapping"), "{text}");
    let mut of_the_ledger = unknown();
    of_the_ledger.source.id = Some("00u1".into());
    assert!(is_known(&of_the_ledger));
}

#[test]
fn colours_are_the_only_difference_on_a_terminal() {
    let mut stripped = render(&explanation(), Style { colors: true }, now());
    assert!(stripped.contains("\u{1b}[31m-\u{1b}[0m scope.statuses"), "{stripped:?}");
    for code in ["0", "1", "31", "32", "33"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, render(&explanation(), PLAIN, now()));
}

fn answering(explanation: &Explanation) -> Router {
    let answer = json!(explanation).to_string();
    let broken = json!(ConnectorStatus { config_error: Some("error: no".to_owned()), ..connector("acme") });
    Router::new()
        .route("/v1/connectors/acme/explain", post(async move |_: String| answer))
        .route("/v1/connectors/acme", get(async move || broken.to_string()))
}

#[tokio::test]
async fn an_explanation_is_printed_as_text_or_as_it_came() {
    let told = session(false, answering(&explanation()));
    assert_eq!(run(&told.ctl, "acme", "anna").await, Ok(Exit::Done));
    assert!(told.data.text().starts_with("Anna@example.com in acme"), "{}", told.data.text());
    assert_eq!(
        told.messages.text(),
        "acme: its file is broken, so its last good version is explained:\nerror: no\n"
    );
    let told = session(true, answering(&explanation()));
    assert_eq!(run(&told.ctl, "acme", "anna").await, Ok(Exit::Done));
    assert_eq!(serde_json::from_str::<Explanation>(&told.data.text()).unwrap(), explanation());
}

#[tokio::test]
async fn nobody_of_that_name_is_a_failure_with_a_sentence() {
    let told = session(false, answering(&unknown()));
    let failure = run(&told.ctl, "acme", "anna").await.unwrap_err();
    assert_eq!(
        failure,
        Failure::new(
            Exit::Failed,
            "acme knows nobody called Anna@example.com: Okta has no user of that login; the target has no account of \
             that name. Ask by the login at the source or by the name in the target"
        )
    );
    assert_eq!(told.data.text(), "");
    let told = session(true, answering(&unknown()));
    assert_eq!(run(&told.ctl, "acme", "anna").await, Ok(Exit::Failed));
    assert_eq!(serde_json::from_str::<Explanation>(&told.data.text()).unwrap(), unknown());
}
