//! What a person reads of decisions after a run.

use super::super::report::tests::{hold, now, report};
use super::super::report::{self};
use super::*;
use crate::sync::report::{HoldSummary, KindCounts};

const PLAIN: Style = Style { colors: false };

/// A run after which there is nothing else to say.
fn quiet(outcome: Outcome) -> Report {
    let (findings, holds, not_proven) = (Vec::new(), Vec::new(), Vec::new());
    Report { outcome, findings, holds, not_proven, ..report() }
}

fn stale(count: usize) -> Vec<Stale> {
    (1..=count)
        .map(|number| Stale {
            summary: format!("disable user u{number}\u{1b}[2J"),
            reason: "it is disabled already".to_owned(),
        })
        .collect()
}

#[test]
fn a_kept_plan_says_what_was_left_out() {
    let applied = Report {
        trigger: Trigger::Apply,
        kept_plan: Some("change-4711".to_owned()),
        stale: stale(2),
        not_in_plan: 3,
        ..quiet(Outcome::Success)
    };
    insta::assert_snapshot!(report::render(&applied, Extent::Summary, &Known::default(), PLAIN, now()), @r"
    acme run 17, kept plan change-4711 only: success, 2 min 5 s, 345 requests to Okta, 0 findings

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users             12        0        985         0        0       1        40     0
    groups             0        0         60         0        0       0         0     0
    memberships      120        0          0         0        3       0         0    30

    No longer true, so not applied: 2
      ! disable user u1\u{1b}[2J: it is disabled already
      ! disable user u2\u{1b}[2J: it is disabled already

    New since the plan was made, and not applied: 3 operations

    Next:
      usersyncd ctl plan acme  what there is to do now; with `--out ID` it is kept as before
      usersyncd ctl run 17     each operation, and what became of it
      usersyncd ctl undo 17    show what taking it back would do, and ask
    ");
}

#[test]
fn an_undo_says_which_run_it_undid_and_how_to_go_on() {
    let undone = Report {
        run: 18,
        trigger: Trigger::Undo,
        undoes: Some(17),
        stale: stale(1),
        ..quiet(Outcome::Success)
    };
    insta::assert_snapshot!(report::render(&undone, Extent::Summary, &Known::default(), PLAIN, now()), @r"
    acme run 18, undo of run 17: success, 2 min 5 s, 345 requests to Okta, 0 findings

                 created  updated  unchanged  disabled  deleted  failed  filtered  held
    users             12        0        985         0        0       1        40     0
    groups             0        0         60         0        0       0         0     0
    memberships      120        0          0         0        3       0         0    30

    No longer as run 17 left it, so it stays as it is now: 1
      ! disable user u1\u{1b}[2J: it is disabled already

    Next:
      usersyncd ctl plan acme    what the next sync would do: correct the cause until this is right
      usersyncd ctl resume acme  then go on: it has been paused since the undo
    ");
    let later = report::render(&undone, Extent::Whole, &Known::default(), PLAIN, now());
    assert!(!later.contains("ctl resume") && !later.contains("ctl undo"), "{later}");
}

#[test]
fn an_approval_is_named() {
    let approved = Report { approvals: vec![7, 9], user: Some("anna".to_owned()), ..quiet(Outcome::Success) };
    assert_eq!(extent(&approved), ", user anna only, by the approval of hold 7, hold 9");
}

#[test]
fn what_is_stale_is_cut_unless_asked_for() {
    let many = Report { stale: stale(25), ..quiet(Outcome::Success) };
    let text = report::render(&many, Extent::Summary, &Known::default(), PLAIN, now());
    assert!(
        text.contains("not applied: 25\n") && text.contains("  … 5 more, all with `usersyncd ctl run 17`\n"),
        "{text}"
    );
    assert!(
        report::render(&many, Extent::Whole, &Known::default(), PLAIN, now())
            .contains("u25\\u{1b}[2J: it is disabled already\n")
    );
}

/// What a person types after a run.
fn typed(report: &Report, extent: Extent) -> Vec<String> {
    let mut out = String::new();
    next(report, extent, &Known::default()).push(&mut out, PLAIN);
    let commands = out.lines().filter_map(|line| line.strip_prefix("  usersyncd ctl "));
    commands.filter_map(|line| line.split("  ").next()).map(str::to_owned).collect()
}

#[test]
fn each_end_says_what_to_type_next() {
    let none: [&str; 0] = [];
    let harmless = |outcome| {
        let memberships = KindCounts { deleted: 0, ..report().counts.memberships };
        Report { counts: Counts { memberships, ..report().counts }, ..quiet(outcome) }
    };
    assert_eq!(typed(&harmless(Outcome::Success), Extent::Summary), none);
    assert_eq!(typed(&quiet(Outcome::Success), Extent::Summary), ["run 17", "undo 17"]);
    let approved = Report { approvals: vec![7], ..harmless(Outcome::Success) };
    assert_eq!(typed(&approved, Extent::Summary), ["run 17", "undo 17"]);
    assert_eq!(typed(&quiet(Outcome::Success), Extent::Whole), ["undo 17"]);
    assert_eq!(typed(&harmless(Outcome::Partial), Extent::Summary), ["run 17"]);
    let held = Report { holds: vec![hold()], ..harmless(Outcome::Held) };
    assert_eq!(typed(&held, Extent::Summary), ["holds acme"]);
    let numbered = |id| HoldSummary { id: Some(id), ..hold() };
    let held = Report { holds: vec![numbered(7)], ..held };
    assert_eq!(typed(&held, Extent::Summary), ["hold 7", "approve 7 --wait", "plan acme", "discard 7"]);
    let held = Report { holds: vec![numbered(7), numbered(8)], ..held };
    assert_eq!(typed(&held, Extent::Summary)[..2], ["holds acme", "hold 8"]);
    let nothing_done = Report { counts: Counts::default(), ..quiet(Outcome::Failed) };
    assert_eq!(typed(&nothing_done, Extent::Whole), none);
    let not_written = Report { apply: false, ..quiet(Outcome::Success) };
    assert_eq!(typed(&not_written, Extent::Whole), none);
}
