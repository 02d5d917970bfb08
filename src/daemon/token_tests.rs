//! What becomes known of an API token while weeks go by, with a scripted engine and a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::connector::{Spec, prepare};
use super::handle::{Command, ConnectorHandle};
use super::machine::Kind;
use super::testing::{Bench, connector, soon};
use super::timetable::tests::schedule;
use crate::config::model::{Auth, Connector, IncrementalSettings, Missed, ScheduleSettings, ServiceApp};
use crate::config::model::{ChangesFrom, SecretRef};
use crate::notify::testing::{Log, log};
use crate::store::ConnectorMemory;

const NOW: &str = "2026-01-05T02:00:00";

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}Z").parse().unwrap()
}

fn cron(expression: &str) -> Option<ScheduleSettings> {
    Some(schedule(expression, chrono_tz::UTC, Missed::RunOnce))
}

/// Has the connector do that, to its end.
async fn done(bench: &Bench, handle: &ConnectorHandle, kind: Kind) {
    let mut feed = handle.request(kind).await.unwrap();
    bench.let_end(1);
    while soon(feed.next()).await.is_some() {}
}

async fn days(days: u64) {
    tokio::time::sleep(Duration::from_secs(days * 86_400)).await;
}

/// The metric, as a time.
fn metric(bench: &Bench) -> Option<DateTime<Utc>> {
    let text = bench.common.metrics.text();
    let series = "usersyncd_token_lapse_timestamp_seconds{connector=\"acme\"} ";
    let value = text.lines().find_map(|line| line.strip_prefix(series))?;
    DateTime::from_timestamp(value.parse().unwrap(), 0)
}

fn reminders(log: &Log) -> Vec<String> {
    let lines = log.text();
    lines.lines().filter(|line| line.contains("the API token")).map(str::to_owned).collect()
}

/// A connector that the metrics know, as the fleet has it.
async fn start(bench: &Bench, schedule: Option<ScheduleSettings>) -> ConnectorHandle {
    start_with(bench, Some(connector("acme", "one", schedule))).await
}

async fn start_with(bench: &Bench, configuration: Option<Arc<Connector>>) -> ConnectorHandle {
    let config_error = configuration.is_none().then(|| "error: broken".to_owned());
    let spec =
        Spec { name: "acme".to_owned(), configuration, config_error, catch_up: true, alone: Arc::default() };
    let (handle, task, memory) = prepare(spec, bench.common.clone()).await.unwrap();
    bench.common.metrics.connector_loaded("acme", &memory);
    handle.restate(&bench.common.metrics);
    tokio::spawn(task.run());
    handle
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_run_that_okta_let_in_keeps_the_token() {
    let bench = Bench::new(NOW);
    let handle = start(&bench, None).await;
    assert_eq!((handle.status().token, metric(&bench)), (None, None), "it was never used");
    let anna = crate::sync::engine::UserRequest { login: "anna".to_owned(), restore: false };
    for (day, kind) in [Kind::Sync, Kind::Plan(None), Kind::User(anna), Kind::Changes].into_iter().enumerate()
    {
        done(&bench, &handle, kind.clone()).await;
        let lapses_at = at(NOW) + TimeDelta::days(30 + i64::try_from(day).unwrap());
        assert_eq!(handle.status().token.unwrap().lapses_at, lapses_at, "{kind:?}");
        assert_eq!(metric(&bench), Some(lapses_at), "{kind:?}");
        days(1).await;
    }
    bench.script.locked_out.store(true, Ordering::Relaxed);
    done(&bench, &handle, Kind::Sync).await;
    assert_eq!(metric(&bench), Some(at(NOW) + TimeDelta::days(33)), "a refusal proves nothing");
}

#[tokio::test(start_paused = true)]
async fn the_log_warns_once_a_day_from_the_fifteenth_day_on_if_only_people_use_it() {
    let log = log();
    let bench = Bench::new(NOW);
    let handle = start(&bench, None).await;
    days(40).await;
    assert_eq!(reminders(&log), [""; 0], "of a token that was never used nothing is known");
    done(&bench, &handle, Kind::Sync).await;
    assert!(handle.status().token.unwrap().will_lapse);
    tokio::time::sleep(Duration::from_secs(15 * 86_400 - 7200)).await;
    assert_eq!(reminders(&log), [""; 0]);
    tokio::time::sleep(Duration::from_secs(2 * 86_400 + 3 * 3600)).await;
    let told = reminders(&log);
    assert_eq!(told.len(), 3, "{told:#?}");
    for part in ["WARN", "acme", "will lapse on 2026-03-16", "no schedule", "usersyncd ctl plan acme"] {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    done(&bench, &handle, Kind::Plan(None)).await;
    days(14).await;
    assert_eq!(reminders(&log).len(), 3, "somebody used it");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_leaves_too_much_time_is_warned_of_at_once() {
    let log = log();
    let bench = Bench::new(NOW);
    let memory = ConnectorMemory { last_read: Some(at("2025-12-07T12:00:00")), ..ConnectorMemory::default() };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let handle = start(&bench, cron("0 0 1 */2 *")).await;
    let token = handle.status().token.unwrap();
    assert_eq!(token.why.as_deref(), Some("it is used next on 2026-03-01 00:00 UTC"));
    days(1).await;
    let told = reminders(&log);
    assert_eq!(told.len(), 1, "{told:#?}");
    for part in ["will lapse on 2026-01-06 12:00 UTC", "it is used next on 2026-03-01 00:00 UTC"] {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    days(2).await;
    assert!(reminders(&log).last().unwrap().contains("so Okta dropped it on 2026-01-06 12:00 UTC"));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_keeps_the_token_until_the_connector_is_paused() {
    let log = log();
    let bench = Bench::new(NOW);
    let looking = IncrementalSettings { every: Duration::from_secs(3600), from: ChangesFrom::Lists };
    let monthly = cron("0 0 1 */2 *").map(|cron| ScheduleSettings { incremental: Some(looking), ..cron });
    for schedule in [cron("0 0 * * 1"), monthly] {
        bench.let_end(10_000);
        let handle = start(&bench, schedule).await;
        done(&bench, &handle, Kind::Sync).await;
        days(8).await;
        let token = handle.status().token.unwrap();
        assert!(!token.will_lapse, "{token:?}");
        assert_eq!(reminders(&log), [""; 0]);
        handle.set_paused(true).await.unwrap();
        let token = handle.status().token.unwrap();
        assert_eq!(token.why.as_deref(), Some("the connector is paused"));
        assert_eq!(metric(&bench), Some(token.lapses_at));
        handle.set_paused(false).await.unwrap();
        assert!(!handle.status().token.unwrap().will_lapse);
        handle.tell(Command::Stop);
        handle.settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rules_33_it_is_restored_at_start_and_known_of_a_broken_file_too() {
    let bench = Bench::new(NOW);
    let file = "source: { okta: { domain: acme.okta.com, auth: { api_token: { env: TOKEN } } } }\n\
                target: { directory: {} }\n";
    let memory = ConnectorMemory {
        last_read: Some(at("2025-12-24T00:00:00")),
        last_file: Some(file.to_owned()),
        ..ConnectorMemory::default()
    };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let handle = start_with(&bench, None).await;
    let token = handle.status().token.unwrap();
    assert_eq!(token.why.as_deref(), Some("the connector's file is broken, so it does not run"));
    assert_eq!(metric(&bench), Some(at("2026-01-23T00:00:00")));
    handle.tell(Command::Configure(connector("acme", "one", cron("0 0 * * *"))));
    handle.settled().await;
    assert!(!handle.status().token.unwrap().will_lapse);
    assert_eq!(metric(&bench), Some(at("2026-01-23T00:00:00")));
}

#[tokio::test(start_paused = true)]
async fn of_another_token_nothing_is_known_and_a_service_app_has_none() {
    let bench = Bench::new(NOW);
    let handle = start(&bench, None).await;
    done(&bench, &handle, Kind::Sync).await;
    assert!(metric(&bench).is_some());
    let app = ServiceApp {
        client_id: "0oa1".to_owned(),
        private_key: SecretRef::Credential("okta-key".to_owned()),
        key_id: None,
        algorithm: None,
        scopes: Vec::new(),
    };
    let another = Auth::ApiToken(SecretRef::Environment("ANOTHER".to_owned()));
    for (digest, auth) in [("two", another), ("three", Auth::ServiceApp(app))] {
        done(&bench, &handle, Kind::Sync).await;
        let mut changed = Connector::clone(&connector("acme", digest, None));
        changed.source.auth = auth;
        handle.tell(Command::Configure(Arc::new(changed)));
        handle.settled().await;
        assert_eq!((handle.status().token, metric(&bench)), (None, None), "{digest}");
    }
    done(&bench, &handle, Kind::Sync).await;
    assert_eq!((handle.status().token, metric(&bench)), (None, None));
}
