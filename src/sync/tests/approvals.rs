//! RULES 24: an approval names those operations and no others, for a time, and is used up by what it applies.

use super::world::*;
use crate::sync::decision::HoldState;
use crate::sync::model::Status;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::{Grace, LeaverGroups, LeaverMemberships, LeaverUsers, Limit};

/// `n` users, all members of one group.
async fn world_of(n: usize) -> World {
    let mut org = Org::with_users(n);
    let ids: Vec<String> = org.users.keys().cloned().collect();
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    org.group("g1", "staff", &members);
    let mut world = World::new(org, 50).await;
    world.connector.rules.limits.floor = 0;
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world
}

fn suspend(world: &World, users: std::ops::Range<usize>) {
    for i in users {
        world.org().user(&format!("u{i:03}"), "").status = Status::Suspended;
    }
}

fn disabled(world: &World) -> usize {
    world.target().users.values().filter(|user| !user.active).count()
}

async fn state(world: &World, hold: u64) -> HoldState {
    world.services.store.hold(hold).await.unwrap().unwrap().0.state
}

#[tokio::test]
async fn rules_24_what_was_approved_is_applied_and_nothing_else() {
    let world = world_of(20).await;
    suspend(&world, 0..5);
    let held = world.sync().await;
    let hold = held.holds[0].id.unwrap();
    assert_eq!((held.outcome, disabled(&world)), (Outcome::Held, 0));
    world.approve(hold).await;
    // Three more leave before the run: that is one more than the limit of 10 % allows.
    suspend(&world, 5..8);
    let report = world.sync().await;
    assert_eq!(disabled(&world), 5, "exactly those five: {report:?}");
    assert_eq!((report.outcome, report.approvals.as_slice()), (Outcome::Held, &[hold][..]));
    assert_eq!(report.holds[0].count, 3, "the others are counted without them, and held whole");
    assert_ne!(report.holds[0].id, Some(hold));
    assert_eq!(state(&world, hold).await, HoldState::Over, "it is used up");
}

#[tokio::test]
async fn rules_24_an_approval_counts_once_and_only_until_its_time() {
    let mut world = world_of(20).await;
    suspend(&world, 0..5);
    let hold = world.sync().await.holds[0].id.unwrap();
    world.approve(hold).await;
    world.sync().await;
    assert_eq!(disabled(&world), 5);
    // The same five come back and leave again: the approval is gone.
    for i in 0..5 {
        world.org().user(&format!("u{i:03}"), "").status = Status::Active;
    }
    world.sync().await;
    assert_eq!(disabled(&world), 0);
    suspend(&world, 0..5);
    let again = world.sync().await;
    assert_eq!((again.outcome, disabled(&world)), (Outcome::Held, 0));
    let hold = again.holds[0].id.unwrap();
    world.approve(hold).await;
    world.later(2);
    assert_eq!(world.sync().await.outcome, Outcome::Held, "a day is over");
    assert_eq!((disabled(&world), state(&world, hold).await), (0, HoldState::Open));
}

#[tokio::test]
async fn rules_20_what_an_approval_released_does_not_count_in_the_24_hours() {
    let world = world_of(40).await;
    suspend(&world, 0..8);
    let hold = world.sync().await.holds[0].id.unwrap();
    world.approve(hold).await;
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    assert_eq!(disabled(&world), 8);
    // 10 % of the 32 that are left.
    suspend(&world, 8..11);
    let report = world.sync().await;
    assert_eq!((report.outcome, disabled(&world)), (Outcome::Success, 11));
    // And these three do count.
    suspend(&world, 11..12);
    assert_eq!(world.sync().await.outcome, Outcome::Held);
}

#[tokio::test]
async fn rules_20_the_floor_never_covers_the_rest_of_all_users() {
    let mut world = world_of(9).await;
    world.connector.rules.limits.floor = 5;
    suspend(&world, 0..8);
    let hold = world.sync().await.holds[0].id.unwrap();
    world.approve(hold).await;
    suspend(&world, 8..9);
    let report = world.sync().await;
    assert_eq!(
        (report.outcome, disabled(&world)),
        (Outcome::Held, 8),
        "the last one is decided on by itself"
    );
}

#[tokio::test]
async fn an_approval_of_memberships_covers_these_members_only() {
    let world = world_of(20).await;
    let drop_members = |users: std::ops::Range<usize>| {
        for i in users {
            world.org().groups.get_mut("g1").unwrap().members.remove(&format!("u{i:03}"));
        }
    };
    drop_members(0..6);
    let held = world.sync().await;
    assert_eq!((held.holds[0].kind, world.target().members("staff").len()), (HoldKind::Memberships, 20));
    world.approve(held.holds[0].id.unwrap()).await;
    drop_members(6..8);
    let report = world.sync().await;
    assert_eq!(world.target().members("staff").len(), 12, "6 by approval, and 2 are within 20 %: {report:?}");
    assert_eq!(report.outcome, Outcome::Success);
    let journal = world.services.store.report(report.run).await.unwrap().unwrap();
    assert_eq!(journal.operations.len(), 1, "all changes of one group are one operation");
    // Only the two count: two more are 4 of 20, one more after that is too much.
    drop_members(8..10);
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    drop_members(10..11);
    assert_eq!(world.sync().await.outcome, Outcome::Held);
}

#[tokio::test]
async fn who_only_waits_for_held_memberships_comes_back_with_them() {
    let mut org = Org::with_users(10);
    org.group("g1", "staff", &["u000", "u001", "u002", "u003"]);
    let mut world = World::new(org, 50).await;
    world.connector.rules.limits.memberships = Limit::Count(0);
    world.sync().await;
    world.org().user("u000", "").status = Status::Suspended;
    world.sync().await;
    world.org().user("u000", "").status = Status::Active;
    world.org().groups.get_mut("g1").unwrap().members.remove("u000");
    let held = world.sync().await;
    assert_eq!((held.outcome, disabled(&world)), (Outcome::Held, 1), "nobody comes back with old groups");
    let hold = held.holds[0].id.unwrap();
    let (view, operations) = world.services.store.hold(hold).await.unwrap().unwrap();
    assert_eq!((view.changes, operations.len()), (1, 2), "enabling is nothing to decide on");
    world.approve(hold).await;
    let report = world.sync().await;
    assert_eq!((report.outcome, disabled(&world)), (Outcome::Success, 0));
    assert_eq!(world.target().members("staff").len(), 3);
    assert_eq!(state(&world, hold).await, HoldState::Over);
}

#[tokio::test]
async fn approved_deletions_of_groups_wait_for_members_that_are_held() {
    let mut org = Org::with_users(10);
    org.group("g1", "staff", &["u000", "u001", "u002", "u003"]);
    org.group("g2", "other", &["u004", "u005", "u006"]);
    let mut world = World::new(org, 50).await;
    world.connector.rules.leavers.groups = LeaverGroups::Delete;
    world.sync().await;
    world.org().groups.remove("g1");
    let held = world.sync().await;
    assert_eq!(held.holds[0].kind, HoldKind::Groups);
    world.approve(held.holds[0].id.unwrap()).await;
    // Meanwhile somebody puts one more of our users into it.
    let one_more = world.ledger().await.users["u009"].target.clone();
    let staff = |name: &str| name == "staff";
    world.target().groups.values_mut().find(|(group, _)| staff(&group.name)).unwrap().1.insert(one_more);
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    assert_eq!(
        world.target().members("staff"),
        ["u9@example.com"],
        "the four were approved, the fifth was not"
    );
    let next = world.sync().await;
    assert_eq!(next.counts.groups.failed, 0, "nobody tries to delete a group that has members");
}

#[tokio::test]
async fn the_same_hold_is_told_once_and_so_is_one_that_grows_little() {
    let world = world_of(100).await;
    suspend(&world, 0..40);
    let first = world.sync().await;
    assert!(first.holds[0].fresh);
    let again = world.sync().await;
    assert_eq!((again.holds[0].id, again.holds[0].fresh), (first.holds[0].id, false));
    suspend(&world, 40..42);
    let more = world.sync().await;
    assert_ne!(more.holds[0].id, first.holds[0].id, "an approval must not cover what nobody saw");
    assert!(!more.holds[0].fresh);
    assert_eq!(state(&world, first.holds[0].id.unwrap()).await, HoldState::Superseded);
    suspend(&world, 42..50);
    assert!(world.sync().await.holds[0].fresh, "50 instead of 40 is news");
    // A run that cannot prove its lists says nothing about holds.
    world.org().users_cut = true;
    world.sync().await;
    world.org().users_cut = false;
    assert!(!world.sync().await.holds[0].fresh);
    for i in 0..50 {
        world.org().user(&format!("u{i:03}"), "").status = Status::Active;
    }
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    let holds = world.services.store.holds(Some("acme"), false).await.unwrap();
    assert!(holds.is_empty(), "{holds:?}");
}

#[tokio::test]
async fn an_older_hold_can_still_be_approved_and_covers_what_it_listed() {
    let world = world_of(20).await;
    suspend(&world, 0..5);
    let older = world.sync().await.holds[0].id.unwrap();
    suspend(&world, 5..6);
    world.sync().await;
    assert_eq!(state(&world, older).await, HoldState::Superseded);
    world.approve(older).await;
    let report = world.sync().await;
    assert_eq!((report.outcome, disabled(&world)), (Outcome::Success, 6), "5 approved, 1 within the limit");
}

#[tokio::test]
async fn what_was_put_aside_stays_aside_and_part_of_it_too() {
    let world = world_of(20).await;
    suspend(&world, 0..5);
    let hold = world.sync().await.holds[0].id.unwrap();
    world.services.store.discard(hold).await.unwrap();
    let again = world.sync().await;
    assert_eq!((again.outcome, again.holds[0].id, again.holds[0].fresh), (Outcome::Held, Some(hold), false));
    assert_eq!(state(&world, hold).await, HoldState::Discarded);
    world.org().user("u000", "").status = Status::Active;
    let part = world.sync().await.holds[0].clone();
    assert_eq!((state(&world, part.id.unwrap()).await, part.fresh), (HoldState::Discarded, false));
    assert_eq!(disabled(&world), 0);
}

#[tokio::test]
async fn an_approval_replaces_no_proof() {
    let mut world = world_of(20).await;
    world.connector.rules.leavers.users = LeaverUsers::Delete;
    for i in 0..5 {
        world.org().users.remove(&format!("u{i:03}"));
    }
    let held = world.sync().await;
    for hold in &held.holds {
        world.approve(hold.id.unwrap()).await;
    }
    world.org().mute.extend((0..5).map(|i| format!("u{i:03}")));
    let report = world.sync().await;
    assert_eq!(world.target().users.len(), 20, "nobody answers for them: {report:?}");
    world.org().mute.clear();
    world.sync().await;
    assert_eq!(world.target().users.len(), 15, "it still counts when they are proven again");
}

#[tokio::test]
async fn an_approved_leaver_takes_memberships_and_account() {
    let mut world = world_of(20).await;
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: globs(&[]) };
    world.connector.rules.leavers.grace = Grace::default();
    suspend(&world, 0..5);
    let held = world.sync().await;
    assert_eq!((held.holds.len(), world.target().members("staff").len()), (1, 20));
    world.approve(held.holds[0].id.unwrap()).await;
    let report = world.sync().await;
    assert_eq!((disabled(&world), world.target().members("staff").len()), (5, 15), "{report:?}");
    assert_eq!(report.outcome, Outcome::Success);
    let recent = world.services.store.recent("acme", chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(recent.leavers.applied, 0, "neither counts against the window");
}

#[tokio::test]
async fn what_nobody_wants_any_more_loses_its_approval() {
    let world = world_of(20).await;
    suspend(&world, 0..8);
    let hold = world.sync().await.holds[0].id.unwrap();
    world.approve(hold).await;
    for i in 4..8 {
        world.org().user(&format!("u{i:03}"), "").status = Status::Active;
    }
    // A run that does not see everything ends nothing.
    world.org().groups_cut = true;
    world.sync().await;
    assert_eq!((disabled(&world), state(&world, hold).await), (4, HoldState::Approved));
    world.org().groups_cut = false;
    world.sync().await;
    assert_eq!(state(&world, hold).await, HoldState::Over);
    suspend(&world, 4..8);
    let report = world.sync().await;
    assert_eq!(
        (report.outcome, disabled(&world)),
        (Outcome::Held, 4),
        "a later mistake cannot make use of it"
    );
}

#[tokio::test]
async fn a_plan_names_the_hold_that_waits_already() {
    let world = world_of(20).await;
    suspend(&world, 0..5);
    assert_eq!(world.plan().await.holds[0].id, None);
    let hold = world.sync().await.holds[0].id;
    assert_eq!(world.plan().await.holds[0].id, hold);
    suspend(&world, 5..6);
    assert_eq!(world.plan().await.holds[0].id, None, "that is another one");
}
