//! Law 5: whatever moment the process dies at, the next run converges and nothing is applied twice with effect.

use std::sync::Arc;

use super::world::*;
use crate::sync::engine::sync;
use crate::sync::model::{Binding, Status};
use crate::sync::progress::RunControl;
use crate::sync::report::Outcome;

fn changed_org() -> (Org, impl Fn(&mut Org)) {
    let mut org = Org::with_users(7);
    org.group("g1", "staff", &["u000", "u001", "u002"]);
    org.group("g2", "left", &["u001", "u003"]);
    let change = |org: &mut Org| {
        org.user("u000", "").login = "renamed@example.com".to_owned();
        org.user("u001", "").status = Status::Suspended;
        org.users.remove("u006");
        org.user("new", "new@example.com");
        org.group("g1", "staff", &["u000", "u002", "new", "u004"]);
        org.groups.remove("g2");
        org.group("g3", "fresh", &["new", "u005"]);
    };
    (org, change)
}

/// What the target holds, without ids.
fn contents(world: &World) -> Vec<String> {
    let target = world.target();
    let users = target.users.values().map(|user| format!("{:?} {}", user.attributes, user.active));
    let groups =
        target.groups.values().map(|(group, _)| format!("{} {:?}", group.name, target.members(&group.name)));
    let mut all: Vec<String> = users.chain(groups).collect();
    all.sort();
    all
}

/// Runs until the process dies after `writes` writes; true if it did.
async fn sync_and_die(world: &World, writes: usize) -> bool {
    world.target().dies_after = Some(writes);
    let ticket = world.begin().await;
    let (connector, services) = (world.connector.clone(), world.services.clone());
    let run = tokio::spawn(async move { sync(&connector, &services, &ticket, &RunControl::default()).await });
    let died = run.await.is_err();
    world.target.clear_poison();
    world.target().dies_after = None;
    died
}

#[tokio::test]
async fn a_crash_after_any_prefix_of_writes_converges() {
    for batch_size in [1, 3, 50] {
        let (org, change) = changed_org();
        let reference = World::new(org.clone(), batch_size).await;
        reference.sync().await;
        let after_first = contents(&reference);
        change(&mut reference.org());
        reference.sync().await;
        let after_second = contents(&reference);

        for deadly in 0..40 {
            let world = World::new(org.clone(), batch_size).await;
            let first_died = sync_and_die(&world, deadly).await;
            assert_eq!(
                world.sync().await.outcome,
                Outcome::Success,
                "after a crash at {deadly} of the first run"
            );
            assert_eq!(contents(&world), after_first, "after a crash at {deadly} of the first run");
            change(&mut world.org());
            let second_died = sync_and_die(&world, deadly).await;
            let report = world.sync().await;
            assert_eq!(report.outcome, Outcome::Success, "{report:?}");
            assert_eq!(contents(&world), after_second, "after a crash at {deadly} of the second run");
            world.target().log.clear();
            world.sync().await;
            assert!(world.target().log.is_empty(), "nothing is left to do");
            if !first_died && !second_died {
                assert!(deadly > 9, "the crash must happen");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_cancelled_run_stops_between_batches_and_the_next_one_does_the_rest() {
    let (org, _) = changed_org();
    let world = World::new(org, 2).await;
    let control = RunControl::default();
    control.cancel.cancel();
    let ticket = world.begin().await;
    let report = sync(&world.connector, &world.services, &ticket, &control).await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(report.error.unwrap().contains("11 operations were not applied"));
    assert!(world.target().log.is_empty());
    assert_eq!(world.sync().await.outcome, Outcome::Success);
}

#[tokio::test]
async fn what_cannot_be_journaled_is_not_applied() {
    for (full, words) in [(true, "the disk is full"), (false, "read-only")] {
        let mut org = Org::with_users(400);
        org.group("g1", "staff", &["u000"]);
        let world = World::new(org, 100).await;
        let ticket = world.begin().await;
        world
            .services
            .store
            .bind("acme", &Binding { source: "org1".into(), target: "memory".into() })
            .await
            .unwrap();
        world.services.store.break_down(full).await;
        let report = sync(&world.connector, &world.services, &ticket, &RunControl::default()).await;
        let applied = world.target().log.len();
        assert!(applied < 400, "the journal must break down on the way");
        assert_eq!(report.outcome, if applied == 0 { Outcome::Failed } else { Outcome::Partial });
        assert_eq!(report.counts.users.created as usize, applied, "only what was journaled was applied");
        let error = report.error.unwrap();
        assert!(error.contains(words), "{error}");
        assert!(
            world.services.store.begin_run("acme", ticket.trigger, ticket.started).await.is_err() || full
        );
    }
}

#[tokio::test]
async fn two_runs_into_one_target_apply_one_after_the_other() {
    let (org, _) = changed_org();
    let world = World::new(org, 2).await;
    let lock = Arc::clone(&world.services.apply_lock);
    let held = lock.lock().await;
    let ticket = world.begin().await;
    let (connector, services) = (world.connector.clone(), world.services.clone());
    let control = RunControl::default();
    let progress = control.progress.clone();
    let run = tokio::spawn(async move { sync(&connector, &services, &ticket, &control).await });
    while progress.view().phase != crate::sync::progress::Phase::Reading {
        tokio::task::yield_now().await;
    }
    assert!(world.target().log.is_empty());
    drop(held);
    assert_eq!(run.await.unwrap().outcome, Outcome::Success);
}
