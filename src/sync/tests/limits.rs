//! RULES 20: what exceeds a limit is held as a whole, and the rest is applied.

use super::world::*;
use crate::sync::model::Status;
use crate::sync::rename::Rename;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::Limit;

/// `n` users, all members of one group.
async fn world_of(n: usize) -> World {
    let mut org = Org::with_users(n);
    let ids: Vec<String> = org.users.keys().cloned().collect();
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    org.group("g1", "staff", &members);
    let world = World::new(org, 50).await;
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world
}

fn suspend(world: &World, users: std::ops::Range<usize>) {
    for i in users {
        world.org().user(&format!("u{i:03}"), "").status = Status::Suspended;
    }
}

fn drop_members(world: &World, users: std::ops::Range<usize>) {
    for i in users {
        world.org().groups.get_mut("g1").unwrap().members.remove(&format!("u{i:03}"));
    }
}

#[tokio::test]
async fn leavers_at_the_limit_go_and_one_more_is_held_with_all_of_them() {
    let world = world_of(200).await;
    suspend(&world, 0..21);
    world.org().user("new", "new@example.com");
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    assert_eq!((report.counts.users.held, report.counts.users.disabled), (21, 0));
    assert_eq!(report.counts.users.created, 1, "the rest is applied");
    let hold = &report.holds[0];
    assert_eq!((hold.kind, hold.count, hold.allowed, hold.base), (HoldKind::Leavers, 21, 20, 200));
    assert_eq!(hold.names.len(), 21);
    world.org().user("u020", "").status = Status::Active;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 20));
}

#[tokio::test]
async fn the_floor_covers_small_numbers_but_never_everybody() {
    let world = world_of(12).await;
    suspend(&world, 0..10);
    assert_eq!(world.sync().await.counts.users.disabled, 10);

    let world = world_of(8).await;
    suspend(&world, 0..8);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.held), (Outcome::Held, 8));
    suspend(&world, 0..0);
    world.org().user("u007", "").status = Status::Active;
    assert_eq!(world.sync().await.counts.users.disabled, 7);
}

#[tokio::test]
async fn a_plain_number_ignores_the_floor_and_off_is_no_limit() {
    let mut world = world_of(30).await;
    world.connector.rules.limits.leavers = Limit::Count(2);
    suspend(&world, 0..3);
    assert_eq!(world.sync().await.counts.users.held, 3);
    world.connector.rules.limits.leavers = Limit::Off;
    suspend(&world, 0..30);
    assert_eq!(world.sync().await.counts.users.disabled, 30);
}

#[tokio::test]
async fn many_small_runs_cannot_do_what_one_may_not() {
    let world = world_of(100).await;
    suspend(&world, 0..6);
    assert_eq!(world.sync().await.counts.users.disabled, 6);
    suspend(&world, 6..11);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.held), (Outcome::Held, 5), "6 + 5 of 100 in 24 hours");
    assert!(report.holds[0].reason.contains("last 24 hours"), "{}", report.holds[0].reason);
}

#[tokio::test(start_paused = true)]
async fn after_24_hours_a_new_window_begins() {
    let world = world_of(100).await;
    suspend(&world, 0..6);
    assert_eq!(world.sync().await.counts.users.disabled, 6);
    tokio::time::advance(std::time::Duration::from_secs(24 * 3600 + 1)).await;
    suspend(&world, 6..11);
    assert_eq!(world.sync().await.counts.users.disabled, 5);
}

#[tokio::test]
async fn removals_of_one_group_are_held_while_additions_and_other_groups_go_through() {
    let world = world_of(60).await;
    world.org().group("g2", "other", &["u000", "u001", "u002"]);
    world.sync().await;
    drop_members(&world, 0..13);
    world.org().user("new", "new@example.com");
    world.org().groups.get_mut("g1").unwrap().members.insert("new".to_owned());
    world.org().group("g2", "other", &["u000", "u001"]);
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    assert_eq!((report.counts.memberships.held, report.counts.memberships.deleted), (13, 1));
    assert_eq!(report.counts.memberships.created, 1);
    assert_eq!(report.holds[0].group.as_deref(), Some("staff"));
    assert_eq!(world.target().members("staff").len(), 61);
    assert_eq!(world.target().members("other").len(), 2);
}

#[tokio::test]
async fn a_group_gets_no_new_name_while_members_of_before_are_held() {
    let mut world = world_of(60).await;
    drop_members(&world, 0..40);
    world.org().groups.get_mut("g1").unwrap().name = "board".to_owned();
    world.org().user("new", "new@example.com");
    world.org().groups.get_mut("g1").unwrap().members.insert("new".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.groups.updated), (Outcome::Held, 0), "{report:#?}");
    assert!(report.holds[0].reason.contains("its new name board waits with them"), "{report:#?}");
    assert_eq!(world.target().members("board").len(), 0);
    assert_eq!(
        world.target().members("staff").len(),
        60,
        "who comes to the new name does not come to the old one"
    );
    world.connector.rules.limits.memberships = Limit::Off;
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    assert_eq!(world.target().members("board").len(), 21);
}

#[tokio::test]
async fn a_group_of_three_is_not_emptied_by_the_floor_and_one_of_two_is() {
    let world = world_of(3).await;
    drop_members(&world, 0..3);
    assert_eq!(world.sync().await.counts.memberships.held, 3);
    let world = world_of(2).await;
    drop_members(&world, 0..2);
    assert_eq!(world.sync().await.counts.memberships.deleted, 2);
}

#[tokio::test]
async fn groups_that_left_are_held_beyond_the_limit() {
    let mut org = Org::with_users(2);
    for i in 0..12 {
        org.group(&format!("g{i}"), &format!("group {i}"), &["u000"]);
    }
    let world = World::new(org, 50).await;
    world.sync().await;
    world.org().groups.retain(|id, _| id == "g0");
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.groups.held), (Outcome::Held, 11));
    assert_eq!(report.holds[0].kind, HoldKind::Groups);
    world.org().group("g1", "group 1", &["u000"]);
    assert_eq!(world.sync().await.counts.groups.disabled, 10);
}

#[tokio::test]
async fn the_floor_does_not_cover_a_group_that_left_with_three_members_or_more() {
    for (members, held) in [(&["u000", "u001"][..], 0), (&["u000", "u001", "u002"][..], 1)] {
        let mut org = Org::with_users(6);
        for i in 0..8 {
            org.group(&format!("g{i}"), &format!("group {i}"), members);
        }
        let world = World::new(org, 50).await;
        world.sync().await;
        world.org().groups.remove("g0");
        let report = world.sync().await;
        assert_eq!((report.counts.groups.held, report.counts.groups.disabled), (held, 1 - held));
        assert_eq!(world.target().members("group 0").is_empty(), held == 0);
    }
    let mut org = Org::with_users(6);
    for i in 0..20 {
        org.group(&format!("g{i}"), &format!("group {i}"), &["u000", "u001", "u002"]);
    }
    let world = World::new(org, 50).await;
    world.sync().await;
    world.org().groups.retain(|id, _| id != "g0" && id != "g1");
    assert_eq!(world.sync().await.counts.groups.disabled, 2, "10 % of 20 are within the percentage itself");
}

#[tokio::test]
async fn renames_are_limited_and_creates_only_on_request_and_never_in_a_first_run() {
    let mut world = world_of(40).await;
    for i in 0..11 {
        world.org().user(&format!("u{i:03}"), "").login = format!("renamed{i}@example.com");
    }
    let report = world.sync().await;
    assert_eq!((report.holds[0].kind, report.counts.users.held), (HoldKind::Renames, 11));

    world.connector.rules.limits.creates = Limit::Count(2);
    world.connector.rules.limits.renames = Limit::Off;
    for name in ["x", "y", "z"] {
        world.org().user(name, &format!("{name}@example.com"));
        world.org().groups.get_mut("g1").unwrap().members.insert(name.to_owned());
    }
    let report = world.sync().await;
    assert_eq!((report.holds[0].kind, report.counts.users.held), (HoldKind::Creates, 3));
    assert_eq!(report.counts.memberships.failed, 0, "held users are no failed members");
    assert_eq!(report.counts.users.updated, 11);

    let mut first = World::new(Org::with_users(5), 50).await;
    first.connector.rules.limits.creates = Limit::Count(2);
    assert_eq!(first.sync().await.counts.users.created, 5);
}

#[tokio::test]
async fn too_many_absent_to_ask_one_by_one_are_held_without_being_asked() {
    let world = World::new(Org::with_users(1_200), 500).await;
    world.sync().await;
    let all: Vec<String> = world.org().users.keys().skip(1).cloned().collect();
    world.org().skipped.extend(all);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.held), (Outcome::Held, 1_199));
}

#[tokio::test]
async fn too_many_in_no_required_group_to_ask_one_by_one_are_held_until_somebody_approves_and_are_asked_then()
{
    let mut org = Org::with_users(1_200);
    let everybody: Vec<String> = org.users.keys().cloned().collect();
    let everybody: Vec<&str> = everybody.iter().map(String::as_str).collect();
    org.group("g1", "ad-staff", &everybody[..1]);
    org.group("g2", "staff", &everybody);
    let mut world = World::new(org, 500).await;
    world.connector.rules.groups.rename = vec![Rename::new("^ad-", "").unwrap()];
    world.connector.rules.groups.exclude = globs(&["*"]);
    world.connector.rules.scope.required_groups = vec!["staff".into()];
    world.sync().await;
    world.org().skipped.insert("g2".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.held), (Outcome::Held, 1_199));
    world.approve(report.holds[0].id.unwrap()).await;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 0), "{report:?}");
}

#[tokio::test]
async fn rules_20_protected_groups_count_among_the_managed_groups_with_members() {
    let mut org = Org::with_users(4);
    for number in 0..4 {
        org.group(&format!("g{number}"), &format!("group-{number}"), &[&format!("u00{number}")]);
    }
    let mut world = World::new(org, 8).await;
    world.connector.rules.limits.groups = Limit::Percent(25);
    world.connector.rules.limits.floor = 0;
    world.sync().await;
    world.connector.rules.protected.groups = globs(&["group-3"]);
    world.org().groups.remove("g0");
    let report = world.sync().await;
    assert_eq!(
        (report.outcome, report.counts.groups.disabled),
        (Outcome::Success, 1),
        "one of four: {report:?}"
    );
}
