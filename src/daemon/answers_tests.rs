//! What a connector's task answers, what the state says to whoever was answered, and changes to the ledger.

use std::time::Duration;

use tokio::sync::oneshot;

use super::handle::Command;
use super::machine::Kind;
use super::testing::Bench;
use crate::store::ConnectorMemory;

const NOW: &str = "2026-01-05T02:00:00";

#[tokio::test(start_paused = true)]
async fn nothing_begins_while_the_ledger_is_changed() {
    let mut bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    let maintenance = handle.maintain().await.unwrap();
    assert!(handle.maintain().await.is_err(), "one change at a time");
    let _feed = handle.request(Kind::Sync).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(bench.began.try_recv().is_err(), "it runs beside the change");
    let at = "2025-12-24T00:00:00Z".parse().unwrap();
    let memory = ConnectorMemory { last_success: Some(at), ..ConnectorMemory::default() };
    bench.notebook.memories.lock().unwrap().insert("acme".to_owned(), memory);
    maintenance.end_with_new_memory();
    handle.settled().await;
    assert_eq!(handle.status().last_success, Some(at), "who waits sees it at once");
    bench.next_began().await;
    assert!(handle.maintain().await.is_err(), "a run is busy");
    bench.let_end(1);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_ledger_may_follow_another_at_once() {
    let bench = Bench::new(NOW);
    let (handle, _task) = bench.start(None).await;
    for _ in 0..32 {
        drop(handle.maintain().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_answered_sees_the_new_state() {
    let bench = Bench::new(NOW);
    let (handle, mut task) = bench.prepare(None).await;
    for paused in [true, false] {
        let (answer, mut answered) = oneshot::channel();
        task.obey(Command::SetPaused { paused, answer }).await;
        answered.try_recv().unwrap().unwrap();
        assert_eq!(handle.view().paused, paused);
    }
}
