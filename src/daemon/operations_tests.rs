//! What the socket asks for, with a real store and a connector that never runs.

use std::time::Duration;

use super::super::connector::{Spec, prepare};
use super::super::handle::Command;
use super::super::registry::Facts;
use super::super::testing::{Bench, connector};
use super::*;
use crate::http::Shared;
use crate::store::Store;
use crate::target::directory::Directory;
use crate::telemetry::metrics::Metrics;

/// A daemon with the connector acme, whose file is good if `good`, and `places` for explanations.
async fn operations(good: bool, places: usize) -> (Operations, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let bench = Bench::new("2026-01-05T02:00:00");
    let facts = Facts::since(bench.common.clock.now());
    let registry = Arc::new(Registry::new(facts));
    let spec = Spec {
        name: "acme".to_owned(),
        configuration: good.then(|| connector("acme", "one", None)),
        config_error: (!good).then(|| "error: no such key".to_owned()),
        catch_up: false,
        alone: Arc::default(),
    };
    let (handle, task, _) = prepare(spec, bench.common.clone()).await.unwrap();
    tokio::spawn(task.run());
    registry.put("acme", handle);
    let workshop = Workshop::new(
        Store::open(scratch.path()).await.unwrap(),
        Directory::open(scratch.path()).await.unwrap(),
        Shared::new(Metrics::new()).unwrap(),
        bench.common.clock.clone(),
    );
    let operations = Operations {
        registry,
        workshop: Arc::new(workshop),
        orders: mpsc::channel(1).0,
        explaining: Arc::new(Semaphore::new(places)),
        backing_up: Arc::new(Semaphore::new(1)),
        set_log_level: Arc::new(|_| {}),
    };
    (operations, scratch)
}

#[tokio::test]
async fn what_has_no_good_file_or_none_at_all_is_not_explained() {
    let (operations, _scratch) = operations(false, 1).await;
    let fault = operations.explain("acme", "anna").await.unwrap_err();
    assert!(fault.message.contains("its file is broken") && fault.message.contains("no such key"), "{fault}");
    let fault = operations.explain("other", "anna").await.unwrap_err();
    assert!(
        fault.message.starts_with("there is no connector \"other\"")
            || fault.message.contains("still reading")
    );
    let handle = operations.registry.get("acme").unwrap();
    handle.tell(Command::Retire);
    // The answer to a later command proves that the earlier one was obeyed; what is seen follows at once.
    drop(handle.cancel().await);
    while !handle.view().removed {
        tokio::task::yield_now().await;
    }
    let fault = operations.explain("acme", "anna").await.unwrap_err();
    assert!(fault.message.contains("the file of acme is gone"), "{fault}");
}

#[tokio::test]
async fn only_so_many_explanations_are_made_at_a_time_and_the_next_waits() {
    let (operations, _scratch) = operations(true, 0).await;
    tokio::time::pause();
    let explaining = operations.explain("acme", "anna");
    let mut explaining = std::pin::pin!(explaining);
    assert!(
        tokio::time::timeout(Duration::from_secs(3600), explaining.as_mut()).await.is_err(),
        "it has no place"
    );
    tokio::time::resume();
    operations.explaining.add_permits(1);
    // It has no token, so it ends with a sentence.
    assert!(explaining.await.is_err());
    assert_eq!(operations.explaining.available_permits(), 1, "its place is free again");
}
