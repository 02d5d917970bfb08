//! RULES 19: a view that shrank by more than the limits allow holds every removal.

use super::world::*;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::{LeaverUsers, Limit};

/// 40 users, all in one of eight groups of five.
async fn world() -> World {
    let mut org = Org::with_users(40);
    for group in 0..8 {
        let ids: Vec<String> = (0..5).map(|i| format!("u{:03}", group * 5 + i)).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        org.group(&format!("g{group}"), &format!("group{group}"), &ids);
    }
    let mut world = World::new(org, 50).await;
    world.connector.rules.limits.floor = 2;
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world
}

/// The token sees no more of these users than if they did not exist.
fn hide(world: &World, users: std::ops::Range<usize>) {
    for i in users {
        let id = format!("u{i:03}");
        world.org().users.remove(&id);
        for group in world.org().groups.values_mut() {
            group.members.remove(&id);
        }
    }
}

#[tokio::test]
async fn rules_19_a_narrowed_token_removes_nobody_from_anything() {
    let mut world = world().await;
    world.connector.rules.leavers.users = LeaverUsers::Delete;
    // Within the limits of leavers by itself, but for the view.
    world.connector.rules.limits.leavers = Limit::Percent(20);
    hide(&world, 0..10);
    world.org().groups.get_mut("g7").unwrap().members.remove("u039");
    world.org().user("new", "new@example.com");
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    assert_eq!(report.counts.users.created, 1, "the rest is applied");
    assert_eq!(world.target().users.len(), 41);
    assert_eq!(
        world.target().members("group7").len(),
        5,
        "a removal that the hidden users have nothing to do with"
    );
    let kinds: Vec<HoldKind> = report.holds.iter().map(|hold| hold.kind).collect();
    assert_eq!(kinds, [HoldKind::Leavers, HoldKind::View]);
    for hold in &report.holds {
        assert!(hold.reason.contains("31 users instead of 40"), "{}", hold.reason);
        assert!(hold.reason.contains("the token may see less than before"), "{}", hold.reason);
    }
    let others = &report.holds[1].reason;
    assert!(others.contains("all other removals wait, 1 membership"), "{others}");
    // The same again: the baseline did not move.
    assert_eq!(world.sync().await.outcome, Outcome::Held);
    assert_eq!(world.target().users.len(), 41);
}

#[tokio::test]
async fn rules_19_whoever_approves_says_that_the_source_shows_all_that_it_should() {
    let world = world().await;
    hide(&world, 0..9);
    world.org().groups.get_mut("g7").unwrap().members.remove("u039");
    let held = world.sync().await;
    let of = |kind| held.holds.iter().find(|hold| hold.kind == kind).unwrap().id.unwrap();
    // One decision says nothing about the other.
    world.approve(of(HoldKind::Leavers)).await;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.holds.len()), (Outcome::Held, 1), "{report:?}");
    assert_eq!(world.target().users.values().filter(|user| !user.active).count(), 9);
    assert_eq!(world.target().members("group7").len(), 5, "the view is as small as before");
    world.approve(of(HoldKind::View)).await;
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert_eq!(
        world.target().members("group7").len(),
        4,
        "the view is usual now, so this is an ordinary removal"
    );
}

#[tokio::test]
async fn rules_19_groups_that_the_token_lost_hold_removals_too() {
    let world = world().await;
    for group in 0..3 {
        world.org().groups.remove(&format!("g{group}"));
    }
    world.org().groups.get_mut("g7").unwrap().members.remove("u039");
    let report = world.sync().await;
    let kinds: Vec<HoldKind> = report.holds.iter().map(|hold| hold.kind).collect();
    assert_eq!(kinds, [HoldKind::Groups, HoldKind::View], "{report:?}");
    assert!(report.holds[1].reason.contains("5 groups instead of 8"), "{}", report.holds[1].reason);
    assert_eq!(world.target().members("group7").len(), 5);
}

#[tokio::test]
async fn rules_19_small_changes_move_the_baseline_and_unproven_lists_do_not() {
    let world = world().await;
    hide(&world, 0..2);
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world.org().users_cut = true;
    world.org().skipped.extend((2..20).map(|i| format!("u{i:03}")));
    assert_eq!(world.sync().await.outcome, Outcome::Partial);
    world.org().users_cut = false;
    world.org().skipped.clear();
    let view = world.services.store.remembered("acme").await.unwrap().view.unwrap();
    assert_eq!((view.users, view.groups), (38, 8));
}

#[tokio::test]
async fn who_is_deactivated_is_still_seen() {
    let world = world().await;
    for i in 0..9 {
        world.org().user(&format!("u{i:03}"), "").status = crate::sync::model::Status::Deprovisioned;
    }
    let report = world.sync().await;
    let kinds: Vec<HoldKind> = report.holds.iter().map(|hold| hold.kind).collect();
    assert_eq!(kinds, [HoldKind::Leavers], "too many leave, but nothing is hidden");
    assert!(!report.holds[0].reason.contains("token"), "{}", report.holds[0].reason);
    // Once they are disabled nobody asks for them any more: what counts then is what the list showed.
    world.approve(report.holds[0].id.unwrap()).await;
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world.org().groups.get_mut("g7").unwrap().members.remove("u039");
    let next = world.sync().await;
    assert_eq!((next.outcome, world.target().members("group7").len()), (Outcome::Success, 4), "{next:?}");
}

#[tokio::test]
async fn another_question_has_no_baseline() {
    let mut world = world().await;
    world.connector.source.users_search = Some("profile.department eq \"IT\"".to_owned());
    hide(&world, 0..9);
    let report = world.sync().await;
    let kinds: Vec<HoldKind> = report.holds.iter().map(|hold| hold.kind).collect();
    assert_eq!(kinds, [HoldKind::Leavers], "the file asks for less: that is not the token's doing");
}

#[tokio::test]
async fn a_view_that_shrank_while_nobody_is_removed_is_not_called_usual() {
    let mut world = world().await;
    world.connector.rules.leavers.grace.absent = std::time::Duration::from_secs(86_400 * 7);
    hide(&world, 0..9);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.in_grace), (Outcome::Held, 9));
    assert!(report.holds.iter().any(|hold| hold.kind == HoldKind::View), "{report:?}");
    let view = world.services.store.remembered("acme").await.unwrap().view.unwrap();
    assert_eq!(view.users, 40);
}
