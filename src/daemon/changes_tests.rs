//! When a connector looks for changes, and what becomes of a look that found none or could not begin.

use std::time::Duration;

use super::machine::Kind;
use super::testing::{Bench, soon};
use super::timetable::tests::schedule;
use crate::config::model::{ChangesFrom, IncrementalSettings, Missed, ScheduleSettings};
use crate::control::api::RunEvent;
use crate::sync::engine::ChangesEnd;
use crate::sync::report::Trigger;

const NOW: &str = "2026-01-05T02:00:30";

/// Full at every hour, and changes every ten minutes.
fn looking() -> Option<ScheduleSettings> {
    let every = Duration::from_secs(600);
    let incremental = Some(IncrementalSettings { every, from: ChangesFrom::Lists });
    Some(ScheduleSettings { incremental, ..schedule("0 * * * *", chrono_tz::UTC, Missed::Skip) })
}

/// When the next run began, and what started it.
async fn next(bench: &mut Bench) -> (String, Trigger) {
    let began = bench.next_began().await;
    (began.at.format("%H:%M:%S").to_string(), began.trigger.unwrap())
}

#[tokio::test(start_paused = true)]
async fn changes_are_looked_for_between_full_runs() {
    let mut bench = Bench::new(NOW);
    let (_handle, _task) = bench.start(looking()).await;
    bench.let_end(100);
    let mut begun = Vec::new();
    for _ in 0..7 {
        begun.push(next(&mut bench).await);
    }
    let looks = begun.iter().filter(|(_, trigger)| *trigger == Trigger::Incremental);
    let looks: Vec<&str> = looks.map(|(at, _)| at.as_str()).collect();
    assert_eq!(looks, ["02:10:30", "02:20:30", "02:30:30", "02:40:30", "02:50:30", "03:00:30"]);
    assert!(begun.contains(&("03:00:00".to_owned(), Trigger::Cron)));
}

#[tokio::test(start_paused = true)]
async fn while_something_is_busy_a_look_is_left_out() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(looking()).await;
    let _feed = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    soon(tokio::time::sleep(Duration::from_secs(1_500))).await;
    assert_eq!(handle.status().waiting, 0);
    bench.let_end(2);
    assert_eq!(next(&mut bench).await, ("02:30:30".to_owned(), Trigger::Incremental));
}

#[tokio::test(start_paused = true)]
async fn a_look_without_effect_leaves_no_run_behind() {
    let bench = Bench::new(NOW);
    bench.script.changes.lock().unwrap().extend([ChangesEnd::Nothing, ChangesEnd::Done]);
    let (handle, _task) = bench.start(looking()).await;
    let mut last = Vec::new();
    for _ in 0..2 {
        let mut feed = handle.request(Kind::Changes).await.unwrap();
        bench.let_end(1);
        while let Some(event) = soon(feed.next()).await {
            last.push(event);
        }
    }
    let ends = last.iter().filter(|event| matches!(event, RunEvent::Finished { .. })).count();
    assert_eq!(ends, 2, "{last:?}");
    assert_eq!(*bench.notebook.forgotten.lock().unwrap(), [1]);
    assert_eq!(bench.notebook.reports.lock().unwrap().len(), 1);
    let status = handle.status();
    assert!(status.incremental.unwrap().last_success.is_some());
    assert_eq!(status.last_success, None, "only full runs say that the connector is well");
}

#[tokio::test(start_paused = true)]
async fn what_a_look_waits_for_is_said() {
    let bench = Bench::new(NOW);
    bench.script.changes.lock().unwrap().push_back(ChangesEnd::NotYet("there was none".to_owned()));
    let (handle, _task) = bench.start(looking()).await;
    let mut feed = handle.request(Kind::Changes).await.unwrap();
    bench.let_end(1);
    let mut last = None;
    while let Some(event) = soon(feed.next()).await {
        last = Some(event);
    }
    let Some(RunEvent::Refused { message, .. }) = last else { panic!("{last:?}") };
    assert!(message.contains("there was none") && message.contains("ctl sync acme"), "{message}");
    assert_eq!(handle.status().incremental.unwrap().waits_for.as_deref(), Some("there was none"));
}

#[tokio::test(start_paused = true)]
async fn a_full_run_takes_the_place_of_a_look_that_needs_one() {
    let mut bench = Bench::new(NOW);
    bench.script.changes.lock().unwrap().push_back(ChangesEnd::NeedsFullRun("too long ago".to_owned()));
    let (_handle, _task) = bench.start(looking()).await;
    bench.let_end(10);
    assert_eq!(next(&mut bench).await, ("02:10:30".to_owned(), Trigger::Incremental));
    assert_eq!(next(&mut bench).await, ("02:10:30".to_owned(), Trigger::Cron));
}
