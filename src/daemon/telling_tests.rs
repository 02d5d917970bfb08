//! What of a connector's runs people are told, with a scripted engine.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::handle::{Command, ConnectorHandle};
use super::machine::Kind;
use super::testing::{Bench, soon};
use crate::config::model::{CommandSettings, NotifySettings};
use crate::store::ConnectorMemory;
use crate::sync::engine::UserRequest;
use crate::sync::report::Outcome;

/// A world in which a command is told of everything.
fn bench() -> Bench {
    let bench = Bench::new("2026-01-05T02:00:00");
    let (program, timeout) = ("/bin/tell".into(), Duration::from_secs(1));
    let command = Some(CommandSettings { program, arguments: Vec::new(), timeout });
    bench.common.notifier.configure(NotifySettings { command, ..NotifySettings::default() });
    bench
}

/// Runs to the end and returns what is told.
async fn told(bench: &mut Bench, handle: &ConnectorHandle, kind: Kind) -> Vec<&'static str> {
    let mut feed = handle.request(kind).await.unwrap();
    bench.let_end(1);
    while soon(feed.next()).await.is_some() {}
    bench.told.events()
}

/// The same for a run that fails.
async fn failing(bench: &mut Bench, handle: &ConnectorHandle) -> Vec<&'static str> {
    bench.script.panics.store(true, Ordering::Relaxed);
    let mut feed = handle.request(Kind::Sync).await.unwrap();
    while soon(feed.next()).await.is_some() {}
    bench.script.panics.store(false, Ordering::Relaxed);
    bench.told.events()
}

/// The same for a run that somebody cancels.
async fn cancelled(bench: &mut Bench, handle: &ConnectorHandle) -> Vec<&'static str> {
    while bench.began.try_recv().is_ok() {}
    let mut feed = handle.request(Kind::Sync).await.unwrap();
    bench.next_began().await;
    handle.cancel().await.unwrap();
    while soon(feed.next()).await.is_some() {}
    bench.told.events()
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_once_and_over_cancelled_runs_and_restarts() {
    let mut bench = bench();
    let (handle, task) = bench.start(None).await;
    let user = || Kind::User(UserRequest { login: "anna".to_owned(), restore: false });
    assert_eq!(told(&mut bench, &handle, user()).await, [""; 0], "it says nothing about the connector");
    assert_eq!(told(&mut bench, &handle, Kind::Sync).await, ["first_success"]);
    assert_eq!(told(&mut bench, &handle, Kind::Sync).await, [""; 0]);
    assert_eq!(failing(&mut bench, &handle).await, ["failed"]);
    assert_eq!(failing(&mut bench, &handle).await, [""; 0]);
    assert_eq!(cancelled(&mut bench, &handle).await, [""; 0]);
    assert_eq!(failing(&mut bench, &handle).await, [""; 0], "it fails as it did before somebody cancelled");
    assert_eq!(cancelled(&mut bench, &handle).await, [""; 0]);
    // As after a restart of the daemon.
    handle.tell(Command::Stop);
    soon(task).await.unwrap();
    let (handle, _task) = bench.start(None).await;
    assert_eq!(failing(&mut bench, &handle).await, [""; 0]);
    assert_eq!(told(&mut bench, &handle, Kind::Sync).await, ["recovered"]);
    assert_eq!(told(&mut bench, &handle, Kind::Sync).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_even_be_recorded_is_told_of() {
    let mut bench = bench();
    let memory = ConnectorMemory {
        last_outcome: Some(Outcome::Success),
        last_success: Some(bench.common.clock.now()),
        ..ConnectorMemory::default()
    };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    let (handle, _task) = bench.start(None).await;
    bench.notebook.full_disk.store(true, Ordering::Relaxed);
    for expected in [&["failed"][..], &[]] {
        let mut feed = handle.request(Kind::Sync).await.unwrap();
        while soon(feed.next()).await.is_some() {}
        assert_eq!(bench.told.events(), expected);
    }
    bench.notebook.full_disk.store(false, Ordering::Relaxed);
    assert_eq!(told(&mut bench, &handle, Kind::Sync).await, ["recovered"]);
}
