//! What a person reads about connectors and the daemon.

use super::super::ctl::fake::connector;
use super::super::hold::tests::view;
use super::super::report::tests::{hold, now};
use super::*;
use crate::control::api::CurrentRun;
use crate::sync::progress::Progress;
use crate::sync::report::{Counts, FORMAT_VERSION, Outcome, Trigger};

const PLAIN: Style = Style { colors: false };

fn connectors() -> Vec<ConnectorStatus> {
    let last = RunSummary {
        run: 16,
        connector: "acme".to_owned(),
        trigger: Trigger::Cron,
        started: "2026-11-23T04:00:00Z".parse().unwrap(),
        ended: Some("2026-11-23T04:02:05Z".parse().unwrap()),
        outcome: Some(Outcome::Failed),
        error: Some("Okta refused the token.\u{1b}[2J\nMake a new one.".to_owned()),
        user: None,
        counts: Counts::default(),
        findings: 0,
        managed: crate::sync::report::Managed::default(),
        undoes: None,
    };
    let acme = ConnectorStatus {
        pause_reason: None,
        state: ConnectorState::Running,
        queued: true,
        waiting: 1,
        current: Some(CurrentRun {
            run: 17,
            trigger: Trigger::Manual,
            user: None,
            started: "2026-11-23T05:59:00Z".parse().unwrap(),
            progress: Progress::default().view(),
        }),
        last_run: Some(last),
        last_success: Some("2026-11-22T04:02:05Z".parse().unwrap()),
        ..connector("acme")
    };
    let broken = ConnectorStatus {
        state: ConnectorState::ConfigError,
        runnable: false,
        apply: false,
        schedule: None,
        next_run: None,
        incremental: None,
        config_error: Some("error: unknown key `soruce`\n --> beta.yaml:1:1".to_owned()),
        ..connector("beta")
    };
    vec![acme, broken]
}

#[test]
fn the_daemon_and_its_connectors() {
    let status = DaemonStatus {
        format_version: FORMAT_VERSION,
        version: "0.1.0".to_owned(),
        pid: 4711,
        started: "2026-11-20T06:00:00Z".parse().unwrap(),
        config: "usersyncd.yaml".to_owned(),
        state: "state".to_owned(),
        metrics: Some("http://127.0.0.1:9845/metrics".to_owned()),
        stopping: true,
        restart_needed_for: vec!["state".to_owned(), "metrics.listen".to_owned()],
        connectors: connectors(),
    };
    insta::assert_snapshot!(render_daemon(&status, PLAIN, now()), @r"
    usersyncd 0.1.0, process 4711, running since 2026-11-20 06:00 UTC (3 days ago)
    configuration usersyncd.yaml, state state, metrics http://127.0.0.1:9845/metrics
    stopping: no new runs begin
    changed, in force after a restart: state, metrics.listen

    connector  state                    last run                        result  next run                       users  groups
    acme       running, 1 queued        2026-11-23 04:02 UTC (1 h ago)  failed  2026-11-23 08:00 UTC (in 2 h)   1000      60
    beta       config_error, apply off  never                                   when asked                      1000      60

    beta: its file is broken, and it does not run
    error: unknown key `soruce`
     --> beta.yaml:1:1
    ");
    assert!(render_list(&[], now()).contains("put a file NAME.yaml"));
}

#[test]
fn one_connector() {
    insta::assert_snapshot!(render_connector(&connectors()[0], &Beside::default(), PLAIN, now()), @r"
    acme: running, 1 queued
      source       https://acme.okta.com
      target       the built-in directory
      schedule     0 */4 * * * (Europe/Berlin)
      next run     2026-11-23 08:00 UTC (in 2 h)
      manages      1000 users, 60 groups, 5000 memberships
      busy         run 17 (manual), since 2026-11-23 05:59 UTC (1 min ago)
                   waiting for its turn
      queued       1 request, begins after the busy run
      last run     run 16 (cron): failed in 2 min 5 s, 2026-11-23 04:02 UTC (1 h ago)
      error        Okta refused the token.\u{1b}[2J\nMake a new one.
      last success 2026-11-22 04:02 UTC (25 h ago)
    ");
    let broken = render_connector(&connectors()[1], &Beside::default(), PLAIN, now());
    assert!(
        broken.contains(
            "beta: its file is broken, and it does not run\nerror: unknown key `soruce`\n --> beta"
        )
    );
}

#[test]
fn a_paused_or_held_connector_says_why_and_how_to_go_on() {
    let paused = ConnectorStatus {
        state: ConnectorState::Paused,
        pause_reason: Some("run 17 was undone\u{1b}[2J".to_owned()),
        ..connector("acme")
    };
    let text = render_connector(&paused, &Beside::default(), PLAIN, now());
    assert!(text.starts_with("acme: paused: run 17 was undone\\u{1b}[2J\n"), "{text}");
    assert!(text.contains("  to go on     see what a sync would do with `usersyncd ctl plan acme`, then `usersyncd ctl resume acme`\n"), "{text}");
    assert!(render_list(&[paused], now()).contains("paused: run 17 was undone\\u{1b}[2J"));
    let held = ConnectorStatus { state: ConnectorState::Held, ..connector("acme") };
    let text = render_connector(&held, &Beside::default(), PLAIN, now());
    assert!(text.contains("with `usersyncd ctl holds acme`\n") && !text.contains("resume"), "{text}");
}

#[test]
fn a_token_says_when_it_lapses_and_whether_it_does() {
    let status = |next_use: Option<&str>, why: Option<&str>| TokenStatus {
        last_used: "2026-11-08T06:00:00Z".parse().unwrap(),
        lapses_at: "2026-12-08T06:00:00Z".parse().unwrap(),
        next_use: next_use.map(|at| at.parse().unwrap()),
        will_lapse: why.is_some(),
        why: why.map(str::to_owned),
    };
    let connector = |token| ConnectorStatus { token: Some(token), ..connector("acme") };
    let shown = |token, now| {
        let text = render_connector(&connector(token), &Beside::default(), PLAIN, now);
        text.lines().find_map(|line| line.strip_prefix("  API token    ").map(str::to_owned)).unwrap()
    };
    let (kept, paused) =
        (status(Some("2026-11-23T08:00:00Z"), None), status(None, Some("the connector is paused")));
    let late = status(Some("2027-01-01T00:00:00Z"), Some("it is used next on 2027-01-01 00:00 UTC"));
    insta::assert_snapshot!(shown(kept.clone(), now()), @"lapses on 2026-12-08 06:00 UTC (in 15 days), unless it is used before: next on 2026-11-23 08:00 UTC (in 2 h)");
    insta::assert_snapshot!(shown(paused.clone(), now()), @"will lapse on 2026-12-08 06:00 UTC (in 15 days): the connector is paused; `usersyncd ctl plan acme` would use it before");
    insta::assert_snapshot!(shown(late.clone(), now()), @"will lapse on 2026-12-08 06:00 UTC (in 15 days): it is used next on 2027-01-01 00:00 UTC; `usersyncd ctl plan acme` would use it before");
    let after = now() + TimeDelta::days(20);
    insta::assert_snapshot!(shown(paused.clone(), after), @"lapsed on 2026-12-08 06:00 UTC (5 days ago), unless something else used it: the connector is paused; `usersyncd ctl plan acme` shows whether it works");

    let marked = |token, now| render_list(&[connector(token)], now).contains("idle, token will lapse ");
    assert!(!marked(kept, now()));
    assert!(marked(late, now()), "the schedule is wrong from the start");
    assert!(marked(paused.clone(), now()), "half of its life is over");
    assert!(!marked(paused, now() - TimeDelta::seconds(1)), "somebody may still use it");
}

#[test]
fn what_was_put_aside_is_not_to_decide() {
    let held = ConnectorStatus { state: ConnectorState::Held, ..connector("acme") };
    let shown = |states: &[HoldState]| {
        let holds: Vec<HoldView> = states.iter().map(|state| view(&hold(), *state)).collect();
        render_connector(&held, &Beside { holds: &holds, undo: None }, PLAIN, now())
    };
    let text = shown(&[HoldState::Discarded]);
    assert!(
        text.contains("  put aside    all that is held; `usersyncd ctl holds acme` shows it\n"),
        "{text}"
    );
    assert!(!text.contains("to decide"), "{text}");
    assert!(shown(&[HoldState::Discarded, HoldState::Open]).contains("  to decide "));
}

#[test]
fn an_undo_since_the_last_sync_is_shown() {
    let acme = &connectors()[0];
    let last = acme.last_run.clone().unwrap();
    let undo = RunSummary { run: 18, undoes: Some(16), outcome: Some(Outcome::Success), ..last.clone() };
    let runs = vec![RunSummary { run: 19, ..last.clone() }, undo.clone(), last];
    assert_eq!(newer_undo(runs.clone(), 16), Some(undo.clone()));
    assert_eq!(newer_undo(runs, 18), None, "older than the last sync");
    let text = render_connector(acme, &Beside { holds: &[], undo: Some(&undo) }, PLAIN, now());
    assert!(text.contains("\n  undo         run 18 undid run 16: success, 2026-11-23 04:02 UTC"), "{text}");
}

#[test]
fn a_shown_configuration_is_yaml() {
    let configuration = ConnectorConfiguration {
        format_version: FORMAT_VERSION,
        name: "acme".to_owned(),
        path: "connectors.d/acme.yaml".to_owned(),
        yaml: "source:\n  okta: {}\n".to_owned(),
        next_runs: vec!["2026-11-23T08:00:00Z".parse().unwrap()],
        config_error: None,
    };
    insta::assert_snapshot!(render_configuration(&configuration, now()), @r"
    # acme, from connectors.d/acme.yaml
    source:
      okta: {}
    # next runs:
    #   2026-11-23 08:00 UTC (in 2 h)
    ");
}
