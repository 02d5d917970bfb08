//! Groups that are created together with their members: two operations, one request.

use super::world::*;
use crate::sync::engine::sync;
use crate::sync::progress::RunControl;
use crate::sync::report::{Outcome, Report};
use crate::target::Write;

/// Three users; a group of two, which is created with them, and one of three, which is too big for that.
async fn two_groups() -> World {
    let mut org = Org::with_users(3);
    org.group("g1", "pair", &["u000", "u001"]);
    org.group("g2", "trio", &["u000", "u001", "u002"]);
    World::new(org, 2).await
}

/// Requests about members and groups that reached the target.
fn requests(world: &World) -> Vec<String> {
    let target = world.target();
    let told = target.log.iter().filter_map(|write| match write {
        Write::CreateGroup { attributes, members, .. } => {
            Some(format!("create {} with {}", attributes.name, members.len()))
        }
        Write::ChangeMembers { group, added, .. } => Some(format!("add {} to {}", added.len(), group.name)),
        _ => None,
    });
    told.collect()
}

async fn journaled(world: &World, run: u64) -> Report {
    world.services.store.report(run).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_new_group_takes_its_members_along_if_they_fit_and_both_operations_are_told() {
    let world = two_groups().await;
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success);
    assert_eq!(requests(&world), ["create pair with 2", "create trio with 0", "add 3 to trio"]);
    assert_eq!((report.counts.groups.created, report.counts.memberships.created), (2, 5));
    assert_eq!(report.managed.memberships, 5);
    let told = journaled(&world, report.run).await.operations;
    assert_eq!(told.len(), 7, "{told:?}");
    assert!(told.iter().all(|one| one.result == "applied"), "{told:?}");
    // Both can be taken back: the membership knows its group.
    let undo = world.plan_undo(report.run).await;
    assert_eq!(undo.counts.memberships.deleted, 5, "{undo:?}");
    assert!(undo.stale.is_empty(), "{:?}", undo.stale);
}

#[tokio::test]
async fn where_a_group_comes_empty_after_all_its_members_come_in_their_turn() {
    let world = two_groups().await;
    world.target().leaves_groups_empty = true;
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success);
    assert_eq!(
        requests(&world),
        ["create pair with 2", "create trio with 0", "add 2 to pair", "add 3 to trio"]
    );
    assert_eq!(report.counts.memberships.created, 5);
    let undo = world.plan_undo(report.run).await;
    assert_eq!((undo.counts.memberships.deleted, undo.stale.len()), (5, 0));
}

#[tokio::test]
async fn members_of_a_group_that_was_not_created_are_told_as_failed() {
    let world = two_groups().await;
    world.target().refuses = Some("pair".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!((report.counts.groups.failed, report.counts.memberships.failed), (1, 2));
    let told = journaled(&world, report.run).await.operations;
    let failed: Vec<_> = told.iter().filter(|one| one.result == "failed").collect();
    assert_eq!(failed.len(), 2, "{told:?}");
}

#[tokio::test]
async fn a_run_that_stops_in_between_leaves_nothing_that_may_have_happened_behind() {
    for leaves_groups_empty in [false, true] {
        let world = two_groups().await;
        world.target().leaves_groups_empty = leaves_groups_empty;
        let control = RunControl::default();
        // With the last of the two groups.
        world.target().cancels = Some((5, control.cancel.clone()));
        let ticket = world.begin().await;
        let report = sync(&world.connector, &world.services, &ticket, &control).await;
        assert_eq!(report.outcome, Outcome::Cancelled);
        let left = if leaves_groups_empty { "2 operations" } else { "1 operation was" };
        assert!(report.error.as_ref().unwrap().contains(left), "{:?}", report.error);
        assert_eq!(world.ledger().await.unanswered, [], "leaves_groups_empty: {leaves_groups_empty}");
        assert_eq!(world.sync().await.outcome, Outcome::Success);
        assert_eq!(world.target().members("pair").len(), 2);
    }
}

#[tokio::test]
async fn who_is_not_created_is_not_taken_along() {
    let world = two_groups().await;
    world.target().refuses = Some("u1@example.com".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(
        requests(&world),
        ["create pair with 0", "create trio with 0", "add 1 to pair", "add 2 to trio"]
    );
    assert_eq!(world.target().members("pair"), ["u0@example.com"]);
}

#[tokio::test]
async fn where_nobody_knows_of_the_creation_nobody_knows_of_its_members_and_the_next_run_looks() {
    let world = two_groups().await;
    world.target().loses_answer = Some("pair".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!((report.counts.groups.failed, report.counts.memberships.failed), (1, 2));
    let open: Vec<String> = world.ledger().await.unanswered.iter().map(|one| one.kind.clone()).collect();
    assert_eq!(open, ["create_group", "change_members"], "neither is answered");
    assert_eq!(requests(&world), ["create pair with 2", "create trio with 0", "add 3 to trio"]);
    let told = journaled(&world, report.run).await.operations;
    let unclear: Vec<_> = told.iter().filter(|one| one.result == "unanswered").collect();
    assert_eq!(unclear.len(), 2);
    assert!(unclear.iter().all(|one| one.error.as_deref() == Some("nobody knows of pair")), "{unclear:?}");
    world.target().loses_answer = None;
    world.target().log.clear();
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success);
    assert!(requests(&world).is_empty(), "it is found with its members: {:?}", requests(&world));
    assert_eq!(report.managed.memberships, 5);
}

#[tokio::test]
async fn members_of_an_always_group_whose_answer_was_lost_are_ours_all_the_same() {
    let mut world = World::new(Org::with_users(2), 2).await;
    world.connector.rules.groups.always = vec!["everybody".into()];
    world.target().loses_answer = Some("everybody".to_owned());
    world.sync().await;
    world.target().loses_answer = None;
    world.sync().await;
    assert_eq!(world.ledger().await.always["everybody"].members.len(), 2);
    assert_eq!(world.target().members("everybody").len(), 2);
}
