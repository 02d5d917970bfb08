//! What a person reads after a run.

use super::*;
use crate::sync::model::FindingKind;
use crate::sync::report::{Counts, FORMAT_VERSION, HoldKind, HoldSummary, KindCounts, Managed, Trigger};

pub(in crate::cli) fn now() -> DateTime<Utc> {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

pub(in crate::cli) fn hold() -> HoldSummary {
    HoldSummary {
        id: None,
        fresh: true,
        cause: None,
        kind: HoldKind::Memberships,
        group: Some("jira-users".into()),
        count: 30,
        allowed: 20,
        base: 100,
        reason: "members of group jira-users: 30 of 100 would go, and the limit allows 20. Look first."
            .to_owned(),
        names: (1..=12).map(|number| format!("user{number}").into()).collect(),
    }
}

pub(in crate::cli) fn report() -> Report {
    Report {
        filtered: crate::sync::report::FilteredBy::default(),
        in_grace: 0,
        waiting: Vec::new(),
        adopted: 0,
        user: None,
        undoes: None,
        kept_plan: None,
        stale: Vec::new(),
        not_in_plan: 0,
        approvals: Vec::new(),
        view: None,
        format_version: FORMAT_VERSION,
        run: 17,
        connector: "acme".to_owned(),
        trigger: Trigger::Cron,
        started: "2026-11-23T03:00:00Z".parse().unwrap(),
        ended: "2026-11-23T03:02:05Z".parse().unwrap(),
        outcome: Outcome::Partial,
        error: None,
        counts: Counts {
            users: KindCounts {
                created: 12,
                unchanged: 985,
                failed: 1,
                filtered: 40,
                ..KindCounts::default()
            },
            groups: KindCounts { unchanged: 60, ..KindCounts::default() },
            memberships: KindCounts { created: 120, deleted: 3, held: 30, ..KindCounts::default() },
        },
        findings: (1..=22)
            .map(|number| Finding::new(FindingKind::NameCollision, format!("u{number}"), "taken\nby another"))
            .collect(),
        holds: vec![hold()],
        not_proven: vec![NotProven {
            left_out: Vec::new(),
            list: "members of jira-admins".to_owned(),
            reason: "page 3 did not parse".to_owned(),
            removals_left_out: 1,
        }],
        requests: 345,
        drift: None,
        apply: true,
        managed: Managed { users: 1000, active: 990, groups: 60, memberships: 5000 },
        operations: vec![
            OperationReport {
                cause: None,
                hold: None,
                summary: "create user anna@example.com".to_owned(),
                result: "applied".to_owned(),
                error: None,
                operation: serde_json::Value::Null,
            },
            OperationReport {
                cause: None,
                hold: None,
                summary: "update user eve\u{1b}[2J".to_owned(),
                result: "failed".to_owned(),
                error: Some("the directory refused it".to_owned()),
                operation: serde_json::Value::Null,
            },
        ],
    }
}

const PLAIN: Style = Style { colors: false };

#[test]
fn a_summary_says_what_was_done_held_and_left_alone() {
    insta::assert_snapshot!(render(&report(), Extent::Summary, &Known::default(), PLAIN, now()), @r"
    acme run 17: partial, 2 min 5 s, 345 requests to Okta, 22 findings

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users             12        0        985         0        0       1        40     0
    groups             0        0         60         0        0       0         0     0
    memberships      120        0          0         0        3       0         0    30

    Held for a person to look at; nothing of this was done:
      ! members of group jira-users: 30 of 100 would go, and the limit allows 20. Look first.
        user1, user2, user3, user4, user5, user6, user7, user8, user9, user10, … and 2 more

    Not read to the end; nothing was removed on account of it:
      members of jira-admins: page 3 did not parse; 1 removal left out

    Findings:
      name_collision u1: taken\nby another
      name_collision u2: taken\nby another
      name_collision u3: taken\nby another
      name_collision u4: taken\nby another
      name_collision u5: taken\nby another
      name_collision u6: taken\nby another
      name_collision u7: taken\nby another
      name_collision u8: taken\nby another
      name_collision u9: taken\nby another
      name_collision u10: taken\nby another
      name_collision u11: taken\nby another
      name_collision u12: taken\nby another
      name_collision u13: taken\nby another
      name_collision u14: taken\nby another
      name_collision u15: taken\nby another
      name_collision u16: taken\nby another
      name_collision u17: taken\nby another
      name_collision u18: taken\nby another
      name_collision u19: taken\nby another
      name_collision u20: taken\nby another
      … 2 more, all with `usersyncd ctl run 17`

    Next:
      usersyncd ctl run 17      each operation, and what the target said
      usersyncd ctl holds acme  what is held, why, and since when
      usersyncd ctl undo 17     show what taking it back would do, and ask
    ");
}

#[test]
fn who_was_filtered_adopted_and_spared_is_said() {
    use crate::sync::model::ScopeRule;
    use crate::sync::report::FilteredBy;
    let limited = Report {
        outcome: Outcome::Success,
        user: Some("anna\u{1b}[2J".to_owned()),
        filtered: FilteredBy {
            users: [(ScopeRule::Statuses, 12), (ScopeRule::UsersExclude, 28)].into(),
            groups: [(ScopeRule::GroupsExclude, 3)].into(),
        },
        in_grace: 2,
        waiting: ["bob", "carl"]
            .map(|name| crate::sync::report::Waiting {
                username: name.into(),
                until: "2026-11-30T06:00:00Z".parse().unwrap(),
            })
            .into(),
        adopted: 3,
        findings: Vec::new(),
        holds: Vec::new(),
        not_proven: Vec::new(),
        ..report()
    };
    insta::assert_snapshot!(render(&limited, Extent::Summary, &Known::default(), PLAIN, now()), @r"
    acme run 17, user anna\u{1b}[2J only: success, 2 min 5 s, 345 requests to Okta, 0 findings

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users             12        0        985         0        0       1        40     0
    groups             0        0         60         0        0       0         0     0
    memberships      120        0          0         0        3       0         0    30
    filtered users: scope.statuses 12, scope.users.exclude 28
    filtered groups: groups.exclude 3
    in grace: 2 leavers; left alone until it is over
      bob until 2026-11-30 06:00 UTC (in 7 days)
      carl until 2026-11-30 06:00 UTC (in 7 days)
    this run took over 3 users or groups that were in the target and not managed

    Next:
      usersyncd ctl run 17   each operation, and what became of it
      usersyncd ctl undo 17  show what taking it back would do, and ask
    ");
    let planned = Report { apply: false, adopted: 1, ..limited };
    let text = render(&planned, Extent::Summary, &Known::default(), PLAIN, now());
    assert!(
        text.contains(
            "this run would have taken over 1 user or group that was in the target and not managed\n"
        ),
        "{text}"
    );
}

#[test]
fn a_whole_report_has_every_finding_and_operation() {
    let text = render(&report(), Extent::Whole, &Known::default(), PLAIN, now());
    assert!(text.contains("u22: taken\\nby another") && !text.contains("… "), "{text}");
    assert!(text.contains("user12"), "{text}");
    let (_, operations) = text.split_once("2 operations\n").unwrap();
    insta::assert_snapshot!(operations, @r"
      applied    create user anna@example.com
      failed     update user eve\u{1b}[2J
                 the directory refused it

    Next:
      usersyncd ctl holds acme  what is held, why, and since when
      usersyncd ctl undo 17     show what taking it back would do, and ask
    ");
}

#[test]
fn operations_have_their_reason_and_what_changes() {
    use serde_json::json;
    let member = |number: u64| json!({ "source": format!("00u{number}"), "username": format!("user{number}\u{202e}") });
    let change = json!({
        "kind": "update_user", "why": "the e-mail\naddress differs",
        "before": { "username": "anna", "email": "a@example.com" }, "after": { "username": "anna", "email": "" },
    });
    let members = json!({
        "kind": "change_members", "why": "members differ", "leavers": ["00u901"],
        "before": { "removed": [member(900), member(901)] },
        "after": { "added": (1..=48).map(member).collect::<Vec<_>>() },
    });
    let one = |summary: &str, result: &str, operation| OperationReport {
        cause: None,
        summary: summary.to_owned(),
        result: result.to_owned(),
        hold: None,
        error: None,
        operation,
    };
    let mut failed = one("update user anna", "failed", change);
    failed.error = Some("refused".to_owned());
    let held = OperationReport {
        hold: Some(3),
        ..one(
            "disable user bob",
            "held",
            json!({ "why": "left", "before": { "active": true }, "after": { "active": false } }),
        )
    };
    let mut report = Report {
        operations: vec![failed, held, one("change members of group g (+48 -2)", "applied", members.clone())],
        ..report()
    };
    let shown = |report: &Report| {
        let text = render(report, Extent::Whole, &Known::default(), PLAIN, now());
        text.split_once("3 operations\n").unwrap().1.to_owned()
    };
    let text = shown(&report);
    let cut: Vec<&str> = text.lines().filter(|line| !line.contains("+ user")).collect();
    insta::assert_snapshot!(cut.join("\n"), @r"
      failed     update user anna (the e-mail\naddress differs)
                 refused
                 email: a@example.com -> (none)
      held       disable user bob (left) [hold 3]
                 active: yes -> no
      applied    change members of group g (+48 -2) (members differ)
                 - user900\u{202e}
                 - leaver user901\u{202e}

    Next:
      usersyncd ctl holds acme  what is held, why, and since when
      usersyncd ctl undo 17     show what taking it back would do, and ask
    ");
    assert_eq!(text.lines().filter(|line| line.contains("+ user")).count(), 48, "{text}");

    let mut longer = members;
    longer["after"]["added"] = (1..=49).map(member).collect();
    report.operations[2].operation = longer;
    let text = shown(&report);
    let operations = text.split_once("\n\nNext:").map_or(text.as_str(), |(operations, _)| operations);
    let end: Vec<&str> = operations.lines().rev().take(3).collect();
    assert_eq!(
        end,
        [
            "All details with `usersyncd ctl run 17 --json`, or `--html FILE` for a page that can be searched",
            "             … 1 more",
            "             - user900\\u{202e}",
        ],
        "{text}"
    );
}

#[test]
fn a_failed_run_says_why() {
    let failed = Report {
        outcome: Outcome::Failed,
        error: Some("Okta refused the token.\nMake a new one.\u{1b}[0m".to_owned()),
        counts: Counts::default(),
        findings: Vec::new(),
        holds: Vec::new(),
        not_proven: Vec::new(),
        requests: 1,
        ..report()
    };
    insta::assert_snapshot!(render(&failed, Extent::Summary, &Known::default(), PLAIN, now()), @r"
    acme run 17: failed, 2 min 5 s, 1 request to Okta, 0 findings
    error: Okta refused the token.
    Make a new one.\u{1b}[0m

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users              0        0          0         0        0       0         0     0
    groups             0        0          0         0        0       0         0     0
    memberships        0        0          0         0        0       0         0     0
    ");
}

#[test]
fn colours_are_the_only_difference_on_a_terminal() {
    let colored = render(&report(), Extent::Whole, &Known::default(), Style { colors: true }, now());
    let plain = render(&report(), Extent::Whole, &Known::default(), PLAIN, now());
    assert_ne!(colored, plain);
    let mut stripped = colored;
    for code in ["0", "1", "31", "32", "33"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, plain);
}
