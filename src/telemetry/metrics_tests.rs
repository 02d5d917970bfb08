//! What a scrape sees, and when.

use super::*;
use crate::sync::model::{Finding, FindingKind};
use crate::sync::report::{
    Counts, FORMAT_VERSION, HoldKind, HoldSummary, KindCounts, Managed, Outcome, Trigger,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn report(outcome: Outcome) -> Report {
    Report {
        filtered: crate::sync::report::FilteredBy::default(),
        in_grace: 0,
        waiting: Vec::new(),
        adopted: 1,
        user: None,
        undoes: None,
        kept_plan: None,
        stale: Vec::new(),
        not_in_plan: 0,
        approvals: Vec::new(),
        view: None,
        format_version: FORMAT_VERSION,
        run: 7,
        connector: "acme".to_owned(),
        trigger: Trigger::Cron,
        started: at("2026-11-23T03:00:00Z"),
        ended: at("2026-11-23T03:00:42Z"),
        outcome,
        error: None,
        counts: Counts {
            users: KindCounts { created: 3, failed: 1, unchanged: 90, ..KindCounts::default() },
            groups: KindCounts { disabled: 2, ..KindCounts::default() },
            memberships: KindCounts { created: 40, deleted: 5, ..KindCounts::default() },
        },
        findings: vec![Finding::new(FindingKind::NameCollision, "anna", "two users want the name anna")],
        holds: vec![HoldSummary {
            id: Some(7),
            fresh: true,
            cause: None,
            kind: HoldKind::Leavers,
            group: None,
            count: 30,
            allowed: 10,
            base: 100,
            reason: "30 of 100 users left".to_owned(),
            names: Vec::new(),
        }],
        not_proven: Vec::new(),
        requests: 12,
        drift: None,
        apply: true,
        managed: Managed { users: 100, active: 99, groups: 6, memberships: 400 },
        operations: Vec::new(),
    }
}

/// The value of the series written exactly so, without the prefix.
fn value(metrics: &Metrics, series: &str) -> Option<String> {
    let start = format!("usersyncd_{series} ");
    metrics.text().lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
}

fn assert_value(metrics: &Metrics, series: &str, expected: &str) {
    assert_eq!(value(metrics, series).as_deref(), Some(expected), "{series}");
}

#[test]
fn series_without_connector_exist_at_once() {
    let metrics = Metrics::new();
    assert_value(&metrics, &format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), "1");
    for state in ConnectorState::ALL {
        assert_value(&metrics, &format!("connectors{{state=\"{}\"}}", state.as_str()), "0");
    }
    assert_value(&metrics, "config_reload_success", "0");
    assert_value(&metrics, "http_requests_total{api=\"okta\",code=\"429\"}", "0");
    assert_value(&metrics, "http_request_duration_seconds_count{api=\"okta\"}", "0");
    for channel in ["webhook", "command"] {
        for result in ["delivered", "failed", "dropped"] {
            let series = format!("notifications_total{{channel=\"{channel}\",result=\"{result}\"}}");
            assert_value(&metrics, &series, "0");
        }
    }
    assert!(!metrics.text().contains("connector="));
}

#[test]
fn series_of_a_connector_start_at_zero() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    for series in [
        "sync_runs_total{connector=\"acme\",result=\"failed\",trigger=\"cron\"}",
        "sync_duration_seconds_count{connector=\"acme\"}",
        "sync_last_attempt_timestamp_seconds{connector=\"acme\"}",
        "sync_next_run_timestamp_seconds{connector=\"acme\"}",
        "sync_interval_seconds{connector=\"acme\"}",
        "sync_in_progress{connector=\"acme\"}",
        "operations_total{connector=\"acme\",operation=\"create_user\",result=\"applied\"}",
        "operations_total{connector=\"acme\",operation=\"membership\",result=\"failed\"}",
        "operations_total{connector=\"acme\",operation=\"adopt\",result=\"applied\"}",
        "held_operations{connector=\"acme\",kind=\"leavers\"}",
        "held_operations{connector=\"acme\",kind=\"adoptions\"}",
        "findings{connector=\"acme\",kind=\"mapping_failed\"}",
        "findings{connector=\"acme\",kind=\"name_collision\"}",
        "managed_objects{connector=\"acme\",kind=\"memberships\"}",
    ] {
        assert_value(&metrics, series, "0");
    }
}

/// RULES 33: a connector that never ran has no last_success series.
#[test]
fn last_success_is_absent_until_known_and_restored_from_memory() {
    let series = "sync_last_success_timestamp_seconds{connector=\"acme\"}";
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    assert_eq!(value(&metrics, series), None);
    metrics.run_ended(&report(Outcome::Partial));
    assert_eq!(value(&metrics, series), None, "RULES 28: only success and held move it");
    metrics.run_ended(&report(Outcome::Held));
    assert_value(&metrics, series, "1795402842");

    let metrics = Metrics::new();
    let memory = ConnectorMemory {
        last_attempt: Some(at("2026-11-23T05:00:00Z")),
        last_success: Some(at("2026-11-23T03:00:42Z")),
        last_report: Some(report(Outcome::Held)),
        ..ConnectorMemory::default()
    };
    metrics.connector_loaded("acme", &memory);
    assert_value(&metrics, series, "1795402842");
    assert_value(&metrics, "sync_last_attempt_timestamp_seconds{connector=\"acme\"}", "1795410000");
    assert_value(&metrics, "managed_objects{connector=\"acme\",kind=\"users\"}", "100");
    assert_value(&metrics, "held_operations{connector=\"acme\",kind=\"leavers\"}", "30");
    let runs = "sync_runs_total{connector=\"acme\",result=\"held\",trigger=\"cron\"}";
    assert_value(&metrics, runs, "0");
}

#[test]
fn the_lapse_of_a_token_is_absent_until_known_and_goes_with_the_connector() {
    let series = "token_lapse_timestamp_seconds{connector=\"acme\"}";
    let metrics = Metrics::new();
    metrics.token_lapses("acme", Some(at("2026-11-23T05:00:00Z")));
    assert_eq!(value(&metrics, series), None, "it is not loaded");
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    assert_eq!(value(&metrics, series), None);
    metrics.token_lapses("acme", Some(at("2026-11-23T05:00:00Z")));
    assert_value(&metrics, series, "1795410000");
    metrics.token_lapses("acme", None);
    assert_eq!(value(&metrics, series), None, "it signs in as a service app now");
    metrics.token_lapses("acme", Some(at("2026-11-23T05:00:00Z")));
    metrics.connector_gone("acme");
    assert_eq!(value(&metrics, series), None);
}

#[test]
fn a_run_is_counted() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    metrics.run_began("acme", at("2026-11-23T03:00:00Z"));
    assert_value(&metrics, "sync_in_progress{connector=\"acme\"}", "1");
    assert_value(&metrics, "sync_last_attempt_timestamp_seconds{connector=\"acme\"}", "1795402800");
    metrics.run_ended(&report(Outcome::Partial));
    metrics.run_ended(&report(Outcome::Partial));
    assert_value(&metrics, "sync_in_progress{connector=\"acme\"}", "0");
    for (series, expected) in [
        ("sync_runs_total{connector=\"acme\",result=\"partial\",trigger=\"cron\"}", "2"),
        ("sync_duration_seconds_sum{connector=\"acme\"}", "84"),
        ("operations_total{connector=\"acme\",operation=\"create_user\",result=\"applied\"}", "6"),
        ("operations_total{connector=\"acme\",operation=\"user\",result=\"failed\"}", "2"),
        ("operations_total{connector=\"acme\",operation=\"disable_group\",result=\"applied\"}", "4"),
        ("operations_total{connector=\"acme\",operation=\"add_membership\",result=\"applied\"}", "80"),
        ("operations_total{connector=\"acme\",operation=\"adopt\",result=\"applied\"}", "2"),
        ("operations_total{connector=\"acme\",operation=\"remove_membership\",result=\"applied\"}", "10"),
        ("findings{connector=\"acme\",kind=\"name_collision\"}", "1"),
    ] {
        assert_value(&metrics, series, expected);
    }
}

/// Monitoring asks when everybody was synced last, and what was found then.
#[test]
fn a_run_of_one_user_is_counted_and_moves_nothing_that_stands_for_everybody() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    metrics.run_began("acme", at("2026-11-23T02:00:00Z"));
    metrics.run_ended(&report(Outcome::Held));
    metrics.user_run_began("acme");
    assert_value(&metrics, "sync_in_progress{connector=\"acme\"}", "1");
    metrics.run_ended(&Report {
        user: Some("anna".to_owned()),
        ended: at("2026-11-23T09:00:00Z"),
        findings: Vec::new(),
        holds: Vec::new(),
        managed: Managed { users: 101, active: 100, groups: 6, memberships: 400 },
        ..report(Outcome::Held)
    });
    for (series, expected) in [
        ("sync_in_progress{connector=\"acme\"}", "0"),
        ("sync_runs_total{connector=\"acme\",result=\"held\",trigger=\"cron\"}", "2"),
        ("sync_duration_seconds_count{connector=\"acme\"}", "2"),
        ("operations_total{connector=\"acme\",operation=\"create_user\",result=\"applied\"}", "6"),
        ("sync_last_attempt_timestamp_seconds{connector=\"acme\"}", "1795399200"),
        ("sync_last_success_timestamp_seconds{connector=\"acme\"}", "1795402842"),
        ("held_operations{connector=\"acme\",kind=\"leavers\"}", "30"),
        ("findings{connector=\"acme\",kind=\"name_collision\"}", "1"),
        ("managed_objects{connector=\"acme\",kind=\"users\"}", "101"),
    ] {
        assert_value(&metrics, series, expected);
    }
}

#[test]
fn a_failed_run_does_not_pretend_that_nothing_is_managed_or_held() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    metrics.run_ended(&report(Outcome::Held));
    let failed = Report {
        outcome: Outcome::Failed,
        counts: Counts::default(),
        findings: Vec::new(),
        holds: Vec::new(),
        managed: Managed::default(),
        ..report(Outcome::Failed)
    };
    metrics.run_ended(&failed);
    assert_value(&metrics, "managed_objects{connector=\"acme\",kind=\"users\"}", "100");
    assert_value(&metrics, "held_operations{connector=\"acme\",kind=\"leavers\"}", "30");
    assert_value(&metrics, "findings{connector=\"acme\",kind=\"name_collision\"}", "1");
}

#[test]
fn all_series_go_with_the_connector_and_a_late_run_brings_none_back() {
    let metrics = Metrics::new();
    metrics.connector_loaded("other", &ConnectorMemory::default());
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    metrics.expected("acme", Some(at("2026-11-23T03:00:00Z")), &Expected::default());
    metrics.sign_in("acme", Side::Target, true);
    metrics.connector_states(&[("acme", ConnectorState::Failing)]);
    metrics.run_began("acme", at("2026-11-23T03:00:00Z"));
    metrics.run_ended(&report(Outcome::Success));
    metrics.connector_gone("acme");
    metrics.run_ended(&report(Outcome::Success));
    metrics.expected("acme", None, &Expected::default());
    metrics.sign_in("acme", Side::Target, true);
    metrics.connector_states(&[("acme", ConnectorState::Failing)]);
    let text = metrics.text();
    let left: Vec<_> = text.lines().filter(|line| line.contains("connector=\"acme\"")).collect();
    assert!(left.is_empty(), "{left:#?}");
    assert!(text.contains("connector=\"other\""));
}

/// A run of one user, or one that was cancelled, says nothing about how the connector is doing.
#[test]
fn the_last_result_is_that_of_everybody_and_is_restored() {
    let results = |metrics: &Metrics| {
        ["success", "held", "partial", "failed"].map(|result| {
            value(metrics, &format!("sync_last_result{{connector=\"acme\",result=\"{result}\"}}")).unwrap()
        })
    };
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    assert_eq!(results(&metrics), ["0", "0", "0", "0"]);
    metrics.run_ended(&report(Outcome::Failed));
    assert_eq!(results(&metrics), ["0", "0", "0", "1"]);
    metrics.run_ended(&report(Outcome::Cancelled));
    metrics.run_ended(&Report { user: Some("anna".to_owned()), ..report(Outcome::Success) });
    metrics.run_ended(&Report { trigger: Trigger::Incremental, ..report(Outcome::Success) });
    assert_eq!(results(&metrics), ["0", "0", "0", "1"]);
    metrics.run_ended(&report(Outcome::Held));
    assert_eq!(results(&metrics), ["0", "1", "0", "0"]);

    let metrics = Metrics::new();
    let memory = ConnectorMemory { last_outcome: Some(Outcome::Partial), ..ConnectorMemory::default() };
    metrics.connector_loaded("acme", &memory);
    assert_eq!(results(&metrics), ["0", "0", "1", "0"]);
}

#[test]
fn a_refused_credential_is_shown_by_side_until_it_is_taken_again() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    let series = |side: Side| format!("credential_refused{{connector=\"acme\",side=\"{}\"}}", side.as_str());
    metrics.sign_in("acme", Side::Source, true);
    assert_value(&metrics, &series(Side::Source), "1");
    assert_value(&metrics, &series(Side::Target), "0");
    metrics.sign_in("acme", Side::Source, false);
    assert_value(&metrics, &series(Side::Source), "0");
}

#[test]
fn schedule_and_states() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    let expected = Expected {
        interval: Some(Duration::from_secs(14_400)),
        overdue: Some(at("2026-11-23T07:00:00Z")),
        incremental_overdue: Some(at("2026-11-23T02:00:00Z")),
    };
    metrics.expected("acme", Some(at("2026-11-23T03:00:00Z")), &expected);
    assert_value(&metrics, "sync_next_run_timestamp_seconds{connector=\"acme\"}", "1795402800");
    assert_value(&metrics, "sync_interval_seconds{connector=\"acme\"}", "14400");
    assert_value(&metrics, "sync_overdue_timestamp_seconds{connector=\"acme\"}", "1795417200");
    assert_value(&metrics, "incremental_overdue_timestamp_seconds{connector=\"acme\"}", "1795399200");
    metrics.expected("acme", None, &Expected::default());
    for series in ["sync_next_run", "sync_overdue", "incremental_overdue"] {
        assert_value(&metrics, &format!("{series}_timestamp_seconds{{connector=\"acme\"}}"), "0");
    }
    let states = [("acme", ConnectorState::Idle), ("b", ConnectorState::Held), ("c", ConnectorState::Idle)];
    metrics.connector_states(&states);
    let state = |state: &str| format!("connector_state{{connector=\"acme\",state=\"{state}\"}}");
    assert_value(&metrics, &state("idle"), "1");
    assert_value(&metrics, &state("config_error"), "0");
    assert_value(&metrics, "connectors{state=\"idle\"}", "2");
    metrics.connector_states(&[("acme", ConnectorState::ConfigError)]);
    assert_value(&metrics, &state("idle"), "0");
    assert_value(&metrics, &state("config_error"), "1");
    assert!(!metrics.text().contains("connector=\"b\""), "it was never loaded");
    assert_value(&metrics, "connectors{state=\"idle\"}", "0");
    assert_value(&metrics, "connectors{state=\"config_error\"}", "1");
}

#[test]
fn reloads_and_requests() {
    let metrics = Metrics::new();
    metrics.config_reloaded(true, at("2026-11-23T03:00:00Z"));
    metrics.config_reloaded(false, at("2026-11-23T04:00:00Z"));
    assert_value(&metrics, "config_reload_success", "0");
    assert_value(&metrics, "config_last_reload_success_timestamp_seconds", "1795402800");
    metrics.http_request("okta", Some(429), Duration::from_millis(250));
    metrics.http_request("okta", None, Duration::from_secs(30));
    assert_value(&metrics, "http_requests_total{api=\"okta\",code=\"429\"}", "1");
    assert_value(&metrics, "http_requests_total{api=\"okta\",code=\"none\"}", "1");
    assert_value(&metrics, "http_request_duration_seconds_count{api=\"okta\"}", "2");
    metrics.rate_limit_remaining("https://acme.okta.com", "users", 299);
    let labels = "{bucket=\"users\",org=\"https://acme.okta.com\"}";
    assert_value(&metrics, &format!("rate_limit_remaining{labels}"), "299");
    assert_value(&metrics, &format!("rate_limit_wait_seconds_total{labels}"), "0");
    metrics.rate_limit_waited("https://acme.okta.com", "users", Duration::from_millis(1500));
    assert_value(&metrics, &format!("rate_limit_wait_seconds_total{labels}"), "1.5");
}

#[test]
fn many_threads_count_together() {
    let metrics = Metrics::new();
    metrics.connector_loaded("acme", &ConnectorMemory::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    metrics.run_ended(&report(Outcome::Success));
                }
            });
        }
    });
    assert_value(&metrics, "sync_runs_total{connector=\"acme\",result=\"success\",trigger=\"cron\"}", "200");
}
