//! A connector's task with a scripted engine and a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::connector::{Spec, prepare};
use super::feed::Feed;
use super::handle::Command;
use super::machine::Kind;
use super::testing::{Bench, connector, soon};
use super::timetable::tests::schedule;
use crate::config::model::{Missed, ScheduleSettings};
use crate::control::api::{ConnectorState, ErrorKind, RunEvent};
use crate::store::ConnectorMemory;
use crate::sync::engine::UserRequest;
use crate::sync::report::{Outcome, Report, Trigger};

const NOW: &str = "2026-01-05T02:00:00";

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}Z").parse().unwrap()
}

fn hourly(missed: Missed) -> Option<ScheduleSettings> {
    Some(schedule("0 * * * *", chrono_tz::UTC, missed))
}

/// The events of a feed without progress, to its end.
async fn rest(mut feed: Feed) -> Vec<RunEvent> {
    let mut events = Vec::new();
    while let Some(event) = soon(feed.next()).await {
        if !matches!(event, RunEvent::Progress { .. }) {
            events.push(event);
        }
    }
    events
}

fn finished(event: &RunEvent) -> &Report {
    let RunEvent::Finished { report } = event else { panic!("{event:?}") };
    report
}

fn refused(events: &[RunEvent]) -> &str {
    let Some(RunEvent::Refused { error: ErrorKind::Conflict, message }) = events.last() else {
        panic!("{events:?}")
    };
    message
}

#[tokio::test(start_paused = true)]
async fn a_requested_sync_begins_at_once_and_tells_its_end() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let feed = handle.request(Kind::Sync).await.unwrap();
    assert_eq!(bench.next_began().await.trigger, Some(Trigger::Manual));
    assert_eq!(handle.status().state, ConnectorState::Running);
    assert_eq!(handle.status().current.unwrap().run, 1);
    bench.let_end(1);
    let events = rest(feed).await;
    assert_eq!(events[0], RunEvent::Started { run: 1 });
    assert_eq!(finished(&events[1]).outcome, Outcome::Success);
    assert_eq!(bench.notebook.reports.lock().unwrap().len(), 1);
    // Whoever hears of the end may look at once.
    let status = handle.status();
    assert_eq!(status.state, ConnectorState::Idle);
    assert_eq!(status.last_run.unwrap().run, 1);
    assert_eq!(status.last_success, Some(at(NOW)));
    assert_eq!(status.managed.users, 3);
}

#[tokio::test(start_paused = true)]
async fn rules_3_requests_while_busy_share_one_slot_and_never_run_at_once() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let first = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let (second, third) =
        (handle.request(Kind::Sync).await.unwrap(), handle.request(Kind::Sync).await.unwrap());
    assert!(handle.status().queued);
    bench.let_end(2);
    let (first, second, third) = tokio::join!(rest(first), rest(second), rest(third));
    assert_eq!(finished(first.last().unwrap()).run, 1);
    assert_eq!(second[0], RunEvent::Queued { behind: 1 });
    assert_eq!(second[1], RunEvent::Started { run: 2 });
    assert_eq!(second.last(), third.last(), "equal requests share the run");
    assert_eq!(bench.script.most_at_once.load(Ordering::Relaxed), 1);
    assert_eq!(bench.notebook.reports.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_waits_in_a_slot_of_its_own() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let _first = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let plan = handle.request(Kind::Plan(None)).await.unwrap();
    let sync = handle.request(Kind::Sync).await.unwrap();
    bench.let_end(3);
    let (plan, sync) = tokio::join!(rest(plan), rest(sync));
    assert!(matches!(plan[..], [RunEvent::Queued { behind: 1 }, RunEvent::Planned { .. }]), "{plan:?}");
    assert_eq!(finished(sync.last().unwrap()).run, 2, "a plan has no number");
    assert_eq!(bench.script.most_at_once.load(Ordering::Relaxed), 1);
}

fn user(login: &str, restore: bool) -> Kind {
    Kind::User(UserRequest { login: login.to_owned(), restore })
}

#[tokio::test(start_paused = true)]
async fn rules_3_syncs_of_one_user_are_shared_only_if_they_ask_for_the_same() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let first = handle.request(user("anna", false)).await.unwrap();
    let began = bench.next_began().await;
    assert_eq!(began.user, Some(UserRequest { login: "anna".to_owned(), restore: false }));
    assert_eq!(handle.status().current.unwrap().user.as_deref(), Some("anna"));
    let mut waiting = Vec::new();
    for kind in
        [user("anna", false), user("anna", false), user("anna", true), user("bert", false), Kind::Sync]
    {
        waiting.push(rest(handle.request(kind).await.unwrap()));
    }
    assert_eq!((handle.status().queued, handle.status().waiting), (true, 4));
    bench.let_end(5);
    rest(first).await;
    let ends = futures_util::future::join_all(waiting).await;
    let runs: Vec<_> = ends.iter().map(|events| finished(events.last().unwrap()).run).collect();
    assert_eq!(runs, [2, 2, 3, 4, 5]);
    assert_eq!(bench.script.most_at_once.load(Ordering::Relaxed), 1);
    let users: Vec<_> =
        bench.notebook.reports.lock().unwrap().iter().map(|report| report.user.clone()).collect();
    let anna = || Some("anna".to_owned());
    assert_eq!(users, [anna(), anna(), anna(), Some("bert".to_owned()), None]);
}

#[tokio::test(start_paused = true)]
async fn a_sync_of_one_user_says_nothing_about_when_the_connector_was_synced() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    bench.common.metrics.connector_loaded("acme", &ConnectorMemory::default());
    bench.let_end(1);
    let events = rest(handle.request(user("anna", false)).await.unwrap()).await;
    assert_eq!(finished(events.last().unwrap()).outcome, Outcome::Success);
    assert_eq!(bench.next_began().await.trigger, Some(Trigger::Manual));
    let status = handle.status();
    assert_eq!((status.last_run, status.last_success), (None, None));
    assert_eq!(status.managed.users, 3, "how much is managed is known");
    let memory = bench.notebook.memory_of("acme");
    assert_eq!((memory.last_attempt, memory.last_run), (None, None));
    let metrics = bench.common.metrics.text();
    for expected in [
        "usersyncd_sync_runs_total{connector=\"acme\",result=\"success\",trigger=\"manual\"} 1",
        "usersyncd_sync_last_attempt_timestamp_seconds{connector=\"acme\"} 0",
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected} is not in\n{metrics}");
    }
    assert!(!metrics.contains("usersyncd_sync_last_success_timestamp_seconds{"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn rules_26_a_paused_connector_refuses_a_sync_of_one_user_and_turns_waiting_ones_away() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let busy = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let waiting = handle.request(user("anna", false)).await.unwrap();
    let also_waiting = handle.request(Kind::Sync).await.unwrap();
    let said = handle.set_paused(true).await.unwrap();
    assert!(said.contains("the 2 syncs that waited were turned away"), "{said}");
    assert!(refused(&rest(waiting).await).contains("acme is paused"));
    assert!(refused(&rest(also_waiting).await).contains("acme is paused"));
    assert!(handle.request(user("anna", false)).await.unwrap_err().message.contains("acme is paused"));
    bench.let_end(1);
    rest(busy).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_syncs_of_one_user_are_refused_with_a_sentence() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let _busy = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let mut waiting = Vec::new();
    let refused = loop {
        match handle.request(user(&format!("user{}", waiting.len()), false)).await {
            Ok(feed) => waiting.push(feed),
            Err(fault) => break fault,
        }
    };
    assert_eq!(waiting.len(), 16);
    assert!(refused.message.starts_with("16 requests of acme wait already"), "{refused}");
    assert!(handle.request(Kind::Sync).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_a_plan_is_told_at_once() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let _plan = handle.request(Kind::Plan(None)).await.unwrap();
    bench.next_began().await;
    assert_eq!(handle.status().state, ConnectorState::Running);
    let mut sync = handle.request(Kind::Sync).await.unwrap();
    assert!(matches!(sync.next().await, Some(RunEvent::Notice { .. })));
    assert_eq!(sync.next().await, Some(RunEvent::Queued { behind: 0 }));
}

#[tokio::test(start_paused = true)]
async fn cron_runs_at_the_named_times_and_remembers_them() {
    let mut bench = Bench::new(NOW);
    bench.let_end(10);
    let (handle, _task) = bench.start(hourly(Missed::RunOnce)).await;
    assert_eq!(handle.status().next_run, Some(at("2026-01-05T03:00:00")));
    for hour in 3..6 {
        let run = bench.next_began().await;
        assert_eq!(run.trigger, Some(Trigger::Cron));
        let scheduled = at(&format!("2026-01-05T0{hour}:00:00"));
        // Tokio's timers are exact to the millisecond.
        assert!(run.at >= scheduled && run.at - scheduled < TimeDelta::milliseconds(2), "{run:?}");
        assert_eq!(bench.notebook.memory_of("acme").last_scheduled, Some(scheduled));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_time_that_finds_a_busy_run_waits_in_the_slot() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(hourly(Missed::RunOnce)).await;
    let long = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    tokio::time::sleep(Duration::from_secs(3 * 3600 + 60)).await;
    assert!(handle.status().queued);
    bench.let_end(2);
    rest(long).await;
    assert_eq!(bench.next_began().await.trigger, Some(Trigger::Cron));
    let scheduled = bench.notebook.memory_of("acme").last_scheduled;
    assert_eq!(scheduled, Some(at("2026-01-05T05:00:00")), "one run serves all that came due meanwhile");
    assert!(!handle.status().queued);
}

#[tokio::test(start_paused = true)]
async fn a_missed_run_is_caught_up_at_start() {
    let mut bench = Bench::new(NOW);
    let memory =
        ConnectorMemory { last_scheduled: Some(at("2026-01-04T20:00:00")), ..ConnectorMemory::default() };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let (_handle, _task) = bench.start(hourly(Missed::RunOnce)).await;
    let run = bench.next_began().await;
    assert_eq!((run.trigger, run.at), (Some(Trigger::Startup), at(NOW)));
}

#[tokio::test(start_paused = true)]
async fn rules_26_a_pause_survives_a_restart_and_stops_cron_but_not_plans() {
    let mut bench = Bench::new(NOW);
    let (handle, task) = bench.start(hourly(Missed::RunOnce)).await;
    let said = handle.set_paused(true).await.unwrap();
    assert!(said.contains("ctl resume acme"), "{said}");
    handle.tell(Command::Stop);
    soon(task).await.unwrap();
    let (handle, _task) = bench.start(hourly(Missed::RunOnce)).await;
    assert_eq!(handle.status().state, ConnectorState::Paused);
    assert_eq!(handle.status().next_run, None);
    let fault = handle.request(Kind::Sync).await.unwrap_err();
    assert!(fault.message.contains("acme is paused"), "{fault}");
    tokio::time::sleep(Duration::from_secs(2 * 3600 + 60)).await;
    assert!(bench.began.try_recv().is_err(), "cron runs although it is paused");
    bench.let_end(1);
    assert!(matches!(
        rest(handle.request(Kind::Plan(None)).await.unwrap()).await[..],
        [RunEvent::Planned { .. }]
    ));
    bench.next_began().await;
    handle.set_paused(false).await.unwrap();
    let run = bench.next_began().await;
    assert!(run.at >= at("2026-01-05T05:00:00"), "what the pause left out is not caught up: {run:?}");
}

#[tokio::test(start_paused = true)]
async fn rules_26_a_pause_turns_away_what_waits_and_lets_the_busy_run_finish() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let busy = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let waiting = handle.request(Kind::Sync).await.unwrap();
    let said = handle.set_paused(true).await.unwrap();
    assert!(said.contains("run 1 goes on"), "{said}");
    assert!(refused(&rest(waiting).await).contains("acme is paused"));
    bench.let_end(1);
    assert_eq!(finished(rest(busy).await.last().unwrap()).outcome, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn cancel_stops_the_busy_run_and_empties_the_queue() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    assert!(handle.cancel().await.is_err(), "there is nothing to cancel");
    let busy = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let waiting = handle.request(Kind::Sync).await.unwrap();
    let said = handle.cancel().await.unwrap();
    assert!(said.contains("run 1") && said.contains("1 request"), "{said}");
    assert!(refused(&rest(waiting).await).contains("cancelled"));
    assert_eq!(finished(rest(busy).await.last().unwrap()).outcome, Outcome::Cancelled);
    bench.let_end(1);
    let again = handle.request(Kind::Sync).await.unwrap();
    assert_eq!(finished(rest(again).await.last().unwrap()).outcome, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_run_is_a_stored_failed_report_and_the_connector_lives_on() {
    let bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    bench.script.panics.store(true, Ordering::Relaxed);
    let events = rest(handle.request(Kind::Sync).await.unwrap()).await;
    let report = finished(events.last().unwrap());
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.as_deref().unwrap();
    assert!(error.contains("internal error") && error.contains("a fault on purpose"), "{error}");
    assert_eq!(bench.notebook.reports.lock().unwrap()[0], *report);
    let plan = rest(handle.request(Kind::Plan(None)).await.unwrap()).await;
    assert!(matches!(plan[..], [RunEvent::Refused { error: ErrorKind::Internal, .. }]), "{plan:?}");
    assert_eq!(handle.status().state, ConnectorState::Failing);
    bench.script.panics.store(false, Ordering::Relaxed);
    bench.let_end(1);
    let events = rest(handle.request(Kind::Sync).await.unwrap()).await;
    assert_eq!(finished(events.last().unwrap()).outcome, Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_be_recorded_does_not_begin() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    bench.notebook.full_disk.store(true, Ordering::Relaxed);
    let events = rest(handle.request(Kind::Sync).await.unwrap()).await;
    let [RunEvent::Refused { error: ErrorKind::Internal, message }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(
        message.contains("the disk is full") && message.contains("Nothing was read or changed"),
        "{message}"
    );
    assert!(bench.began.try_recv().is_err(), "the engine ran");
    assert_eq!(handle.status().state, ConnectorState::Failing);
    let fault = handle.set_paused(true).await.unwrap_err();
    assert!(fault.message.contains("acme is not paused"), "{fault}");
    assert_ne!(handle.status().state, ConnectorState::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_disturb_the_run() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    drop(handle.request(Kind::Sync).await.unwrap());
    bench.next_began().await;
    let waiting = handle.request(Kind::Sync).await.unwrap();
    bench.let_end(2);
    rest(waiting).await;
    let outcomes: Vec<_> =
        bench.notebook.reports.lock().unwrap().iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes, [Outcome::Success, Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_cancels_the_busy_run_turns_away_the_rest_and_ends_the_task() {
    let mut bench = Bench::new(NOW);
    let (handle, task) = bench.start(hourly(Missed::RunOnce)).await;
    let busy = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    let waiting = handle.request(Kind::Plan(None)).await.unwrap();
    handle.tell(Command::Stop);
    assert!(refused(&rest(waiting).await).contains("shutting down"));
    assert_eq!(finished(rest(busy).await.last().unwrap()).outcome, Outcome::Cancelled);
    soon(task).await.unwrap();
    assert_eq!(bench.notebook.reports.lock().unwrap().len(), 1);
    assert!(handle.request(Kind::Sync).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_counts_from_the_next_run_on() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let busy = handle.request(Kind::Sync).await.unwrap();
    assert_eq!(bench.next_began().await.digest, "one");
    handle.tell(Command::Configure(connector("acme", "two", hourly(Missed::RunOnce))));
    let next = handle.request(Kind::Sync).await.unwrap();
    assert_eq!(handle.status().next_run, Some(at("2026-01-05T03:00:00")));
    bench.let_end(2);
    rest(busy).await;
    assert_eq!(bench.next_began().await.digest, "two");
    rest(next).await;
}

#[tokio::test(start_paused = true)]
async fn rules_29_a_broken_file_keeps_the_last_good_version_and_sync_says_so() {
    let bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    handle.tell(Command::Broken("error: no such key".to_owned()));
    bench.let_end(2);
    let events = rest(handle.request(Kind::Sync).await.unwrap()).await;
    let RunEvent::Notice { message } = &events[0] else { panic!("{events:?}") };
    assert!(message.contains("last good version") && message.contains("error: no such key"), "{message}");
    assert_eq!(finished(events.last().unwrap()).outcome, Outcome::Success);
    assert_eq!(handle.status().state, ConnectorState::ConfigError);
    assert!(handle.status().runnable);
    handle.tell(Command::Configure(connector("acme", "two", None)));
    let events = rest(handle.request(Kind::Sync).await.unwrap()).await;
    assert_eq!(events[0], RunEvent::Started { run: 2 });
    assert_eq!(handle.status().config_error, None);
}

#[tokio::test(start_paused = true)]
async fn rules_29_a_file_that_was_broken_at_start_runs_nothing_until_it_is_good() {
    let mut bench = Bench::new(NOW);
    let memory =
        ConnectorMemory { last_scheduled: Some(at("2026-01-04T20:00:00")), ..ConnectorMemory::default() };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let spec = Spec {
        name: "acme".to_owned(),
        configuration: None,
        config_error: Some("error: no such key".to_owned()),
        catch_up: true,
        alone: Arc::default(),
    };
    let (handle, task, _) = prepare(spec, bench.common.clone()).await.unwrap();
    tokio::spawn(task.run());
    let fault = handle.request(Kind::Sync).await.unwrap_err();
    assert!(fault.message.contains("error: no such key"), "{fault}");
    let status = handle.status();
    assert_eq!((status.state, status.runnable), (ConnectorState::ConfigError, false));
    handle.tell(Command::Configure(connector("acme", "two", hourly(Missed::RunOnce))));
    assert_eq!(bench.next_began().await.trigger, Some(Trigger::Startup), "the schedule was missed meanwhile");
}

#[tokio::test(start_paused = true)]
async fn law_6_a_file_that_goes_stops_the_schedule_and_lets_the_run_finish() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(hourly(Missed::RunOnce)).await;
    let busy = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    handle.tell(Command::Retire);
    let fault = handle.request(Kind::Sync).await.unwrap_err();
    assert!(fault.message.contains("the file of acme is gone"), "{fault}");
    assert_eq!(handle.status().next_run, None);
    bench.let_end(1);
    assert_eq!(finished(rest(busy).await.last().unwrap()).outcome, Outcome::Success);
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert!(bench.began.try_recv().is_err(), "the schedule goes on");
    handle.tell(Command::Configure(connector("acme", "one", hourly(Missed::RunOnce))));
    bench.let_end(1);
    assert_eq!(bench.next_began().await.trigger, Some(Trigger::Cron), "the file came back");
}
