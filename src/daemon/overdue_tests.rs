//! When monitoring is told that a connector is overdue, with a scripted engine and a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::connector::{Spec, prepare};
use super::handle::{Command, ConnectorHandle};
use super::machine::Kind;
use super::testing::{Bench, connector, soon};
use super::timetable::tests::schedule;
use crate::config::model::{ChangesFrom, IncrementalSettings, Missed, ScheduleSettings};
use crate::store::ConnectorMemory;
use crate::sync::engine::ChangesEnd;
use crate::sync::progress::Side;

/// A Monday.
const NOW: &str = "2026-01-05T02:00:00";
const OVERDUE: &str = "sync_overdue_timestamp_seconds{connector=\"acme\"}";
const LOOKS_OVERDUE: &str = "incremental_overdue_timestamp_seconds{connector=\"acme\"}";

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}Z").parse().unwrap()
}

fn cron(expression: &str) -> Option<ScheduleSettings> {
    Some(schedule(expression, chrono_tz::UTC, Missed::Skip))
}

/// With a look for changes every ten minutes.
fn with_looks(expression: &str) -> Option<ScheduleSettings> {
    let every = Duration::from_secs(600);
    let incremental = Some(IncrementalSettings { every, from: ChangesFrom::Lists });
    cron(expression).map(|schedule| ScheduleSettings { incremental, ..schedule })
}

/// The metric as it would be scraped.
fn value(bench: &Bench, series: &str) -> f64 {
    let text = bench.common.metrics.text();
    let start = format!("usersyncd_{series} ");
    let value =
        text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no {series}"));
    value.parse().unwrap()
}

/// The same, as a time; none for 0.
fn time(bench: &Bench, series: &str) -> Option<DateTime<Utc>> {
    let value = value(bench, series);
    (value != 0.0).then(|| DateTime::from_timestamp_millis((value * 1000.0) as i64).unwrap())
}

/// A connector that the metrics know, as the fleet has it.
async fn start(bench: &Bench, schedule: Option<ScheduleSettings>) -> ConnectorHandle {
    let configuration = Some(connector("acme", "one", schedule));
    let spec = Spec {
        name: "acme".to_owned(),
        configuration,
        config_error: None,
        catch_up: true,
        alone: Arc::default(),
    };
    let (handle, task, memory) = prepare(spec, bench.common.clone()).await.unwrap();
    bench.common.metrics.connector_loaded("acme", &memory);
    handle.restate(&bench.common.metrics);
    tokio::spawn(task.run());
    handle
}

async fn configure(handle: &ConnectorHandle, digest: &str, schedule: Option<ScheduleSettings>) {
    handle.tell(Command::Configure(connector("acme", digest, schedule)));
    handle.settled().await;
}

async fn done(bench: &Bench, handle: &ConnectorHandle, kind: Kind) {
    let mut feed = handle.request(kind).await.unwrap();
    bench.let_end(1);
    while soon(feed.next()).await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn who_never_succeeded_is_overdue_after_two_chances_and_a_success_gives_two_more() {
    let bench = Bench::new(NOW);
    let handle = start(&bench, cron("30 * * * *")).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T03:30:00")));
    tokio::time::sleep(Duration::from_secs(900)).await;
    done(&bench, &handle, Kind::Sync).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T03:30:00")));
    tokio::time::sleep(Duration::from_secs(900)).await;
    done(&bench, &handle, Kind::Sync).await;
    handle.settled().await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T04:30:00")));
}

/// The last success before a weekend is 64 hours old on Monday morning, and nothing was missed.
#[tokio::test(start_paused = true)]
async fn a_weekend_without_runs_is_no_delay() {
    let bench = Bench::new(NOW);
    let memory = ConnectorMemory {
        last_success: Some(at("2026-01-02T17:01:00")),
        last_scheduled: Some(at("2026-01-02T17:00:00")),
        ..ConnectorMemory::default()
    };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let mut working_days = cron("0 9,17 * * 1-5");
    start(&bench, working_days.clone()).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T17:00:00")));
    if let Some(schedule) = &mut working_days {
        schedule.jitter = Duration::from_secs(300);
    }
    start(&bench, working_days).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T17:05:00")), "the run may begin so late");
}

#[tokio::test(start_paused = true)]
async fn a_restart_excuses_nothing_and_a_new_schedule_or_a_pause_begins_anew() {
    let bench = Bench::new(NOW);
    let memory = ConnectorMemory {
        last_success: Some(at("2026-01-01T00:00:10")),
        last_scheduled: Some(at("2026-01-05T02:00:00")),
        ..ConnectorMemory::default()
    };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let handle = start(&bench, cron("0 * * * *")).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-01T02:00:00")));
    configure(&handle, "two", cron("0 0 * * *")).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-07T00:00:00")));
    handle.set_paused(true).await.unwrap();
    assert_eq!(time(&bench, OVERDUE), None);
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    handle.set_paused(false).await.unwrap();
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-08T00:00:00")));
    drop(handle);
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    let handle = start(&bench, cron("0 0 * * *")).await;
    assert_eq!(
        time(&bench, OVERDUE),
        Some(at("2026-01-08T00:00:00")),
        "over a restart, a pause stays excused"
    );
    configure(&handle, "three", None).await;
    assert_eq!(time(&bench, OVERDUE), None);
}

#[tokio::test(start_paused = true)]
async fn who_never_succeeded_stays_overdue_over_restarts_and_a_schedule_that_came_meanwhile_begins() {
    let bench = Bench::new(NOW);
    start(&bench, cron("30 * * * *")).await;
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    start(&bench, cron("30 * * * *")).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T03:30:00")), "counted from the first start");
    let synced_by_hand =
        ConnectorMemory { last_success: Some(at("2025-06-01T00:00:00")), ..ConnectorMemory::default() };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), synced_by_hand);
    start(&bench, cron("30 * * * *")).await;
    assert_eq!(time(&bench, OVERDUE), Some(at("2026-01-05T03:30:00")), "nobody expected a run before");
}

#[tokio::test(start_paused = true)]
async fn looks_for_changes_are_overdue_after_two_intervals_unless_they_wait_for_a_full_run() {
    let bench = Bench::new(NOW);
    let handle = start(&bench, cron("0 0 * * *")).await;
    assert_eq!(time(&bench, LOOKS_OVERDUE), None);
    configure(&handle, "two", with_looks("0 0 * * *")).await;
    assert_eq!(time(&bench, LOOKS_OVERDUE), Some(at("2026-01-05T02:20:00")));
    bench.script.changes.lock().unwrap().push_back(ChangesEnd::NotYet("it never ran".to_owned()));
    done(&bench, &handle, Kind::Changes).await;
    assert_eq!(time(&bench, LOOKS_OVERDUE), None, "the next full run comes first");
    tokio::time::sleep(Duration::from_secs(60)).await;
    done(&bench, &handle, Kind::Changes).await;
    assert_eq!(time(&bench, LOOKS_OVERDUE), Some(at("2026-01-05T02:21:00")));
    handle.set_paused(true).await.unwrap();
    assert_eq!(time(&bench, LOOKS_OVERDUE), None);
}

#[tokio::test(start_paused = true)]
async fn a_credential_counts_as_refused_until_the_source_lets_in_again() {
    let bench = Bench::new(NOW);
    let handle = start(&bench, None).await;
    let refused =
        |side: &str| value(&bench, &format!("credential_refused{{connector=\"acme\",side=\"{side}\"}}"));
    for (locked_out, expected) in [(false, 0.0), (true, 1.0), (false, 0.0)] {
        bench.script.locked_out.store(locked_out, Ordering::Relaxed);
        done(&bench, &handle, Kind::Sync).await;
        assert_eq!((refused("source"), refused("target")), (expected, 0.0));
    }
    configure(&handle, "two", with_looks("0 0 * * *")).await;
    bench.common.metrics.sign_in("acme", Side::Target, true);
    bench.script.changes.lock().unwrap().push_back(ChangesEnd::Nothing);
    done(&bench, &handle, Kind::Changes).await;
    assert_eq!(refused("target"), 1.0, "a look that found nothing asked no target");
    done(&bench, &handle, Kind::Sync).await;
    assert_eq!(refused("target"), 0.0);
}
