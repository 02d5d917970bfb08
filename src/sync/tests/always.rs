//! RULES 15: groups of which every active managed user is a member.

use super::world::*;
use crate::sync::model::*;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::*;

async fn world_with_always(existing: &[&str]) -> World {
    let mut world = small_world().await;
    if !existing.is_empty() {
        world.target().add_user("local@example.com");
        let local = world.target().user_named("local@example.com").unwrap().id.clone();
        world.target().add_group("jira-users", &[&local]);
    }
    world.connector.rules.groups.always = vec!["Jira-Users".into()];
    world
}

fn others(world: &World) -> Vec<String> {
    world.target().members("Jira-Users")
}

#[tokio::test]
async fn the_group_is_made_if_it_is_missing_and_everybody_active_is_in_it() {
    let mut world = world_with_always(&[]).await;
    let report = world.sync().await;
    assert_eq!((report.counts.groups.created, others(&world).len()), (2, 4), "{report:?}");
    assert_eq!(report.managed.memberships, 3 + 4);
    world.target().log.clear();
    world.sync().await;
    assert!(world.target().log.is_empty());
    world.org().user("u009", "u9@example.com");
    world.sync().await;
    assert_eq!(others(&world).len(), 5);
    // A leaver keeps the membership unless leavers lose theirs.
    world.org().user("u001", "").status = Status::Suspended;
    world.sync().await;
    assert_eq!(others(&world).len(), 5);
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
    world.sync().await;
    assert_eq!(others(&world).len(), 4);
}

#[tokio::test]
async fn nobody_else_in_it_is_touched_and_only_our_own_memberships_are_taken_back() {
    let mut world = world_with_always(&["x"]).await;
    world.connector.rules.limits.memberships = Limit::Off;
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success, "no adoption is needed: {report:?}");
    let members = || world.target().members("jira-users");
    assert_eq!(members().len(), 5);
    assert!(world.ledger().await.groups.values().all(|group| group.name != "jira-users"));
    // Somebody puts u3 in by hand, before we would have.
    let by_hand = world.ledger().await.users["u003"].target.clone();
    let mut world = world;
    world.connector.rules.groups.always.clear();
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.deleted, 4, "{report:?}");
    assert_eq!(world.target().members("jira-users"), ["local@example.com"]);
    world.sync().await;
    assert!(world.ledger().await.always.is_empty());
    let group = world
        .target()
        .groups
        .iter()
        .find(|(_, (group, _))| group.name == "jira-users")
        .map(|(id, _)| id.clone());
    world.target().groups.get_mut(&group.unwrap()).unwrap().1.insert(by_hand);
    world.connector.rules.groups.always = vec!["jira-users".into()];
    world.sync().await;
    assert_eq!(world.target().members("jira-users").len(), 5);
    world.connector.rules.groups.always.clear();
    world.sync().await;
    assert_eq!(
        world.target().members("jira-users"),
        ["local@example.com", "u3@example.com"],
        "that one is not ours"
    );
}

#[tokio::test]
async fn taking_a_name_out_of_always_is_held_beyond_the_limit() {
    let mut world = world_with_always(&[]).await;
    world.sync().await;
    world.connector.rules.groups.always.clear();
    let report = world.sync().await;
    assert_eq!((report.outcome, report.holds[0].kind), (Outcome::Held, HoldKind::Memberships));
    assert_eq!((report.holds[0].count, report.holds[0].base), (4, 4));
    assert_eq!(others(&world).len(), 4);
}

#[tokio::test]
async fn a_protected_group_gets_nobody() {
    let mut world = world_with_always(&["x"]).await;
    world.connector.rules.protected.groups = Globs::new(&["jira-*"]).unwrap();
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::Protected]);
    assert_eq!(world.target().members("jira-users"), ["local@example.com"]);
}

#[tokio::test]
async fn a_group_that_is_synced_too_is_synced_with_everybody_in_it_and_back() {
    let mut world = world_with_always(&[]).await;
    world.connector.rules.limits.memberships = Limit::Off;
    world.sync().await;
    world.org().group("g7", "jira-users", &["u000"]);
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.deleted, 0, "{report:?}");
    assert!(
        world
            .target()
            .groups
            .values()
            .any(|(group, members)| group.name == "jira-users" && members.len() == 4)
    );
    assert!(world.ledger().await.groups.contains_key("g7"));
    world.sync().await;
    assert!(world.ledger().await.always.is_empty());
    // The source group leaves again: everybody stays a member, by always.
    world.org().groups.remove("g7");
    world.connector.rules.limits.groups = Limit::Off;
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.deleted, 0, "{report:?}");
    let ledger = world.ledger().await;
    assert!(!ledger.groups.contains_key("g7"));
    assert_eq!(ledger.always.values().next().unwrap().members.len(), 4);
}

#[tokio::test]
async fn a_crash_after_any_write_loses_no_membership_of_ours() {
    for dies_after in 0..12 {
        let mut world = world_with_always(&["x"]).await;
        world.connector.rules.limits.memberships = Limit::Off;
        world.target().dies_after = Some(dies_after);
        let world = std::sync::Arc::new(world);
        let crashed = {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move { drop(world.sync().await) }).await.is_err()
        };
        world.target().dies_after = None;
        world.sync().await;
        let ledger = world.ledger().await;
        let ours = ledger.always.values().next().unwrap();
        assert_eq!(ours.members.len(), 4, "after {dies_after} writes, crashed: {crashed}");
        assert_eq!(world.target().members("jira-users").len(), 5);
    }
}

#[tokio::test]
async fn rule_21_who_is_in_grace_stays_in_a_group_that_is_always_no_longer() {
    let mut world = world_with_always(&[]).await;
    world.connector.rules.leavers.grace.absent = std::time::Duration::from_secs(7 * 86_400);
    world.connector.rules.limits.memberships = Limit::Off;
    world.sync().await;
    world.org().users.remove("u001");
    assert_eq!(world.sync().await.in_grace, 1);
    world.connector.rules.groups.always.clear();
    world.sync().await;
    assert_eq!(others(&world), ["u1@example.com"]);
}

#[tokio::test]
async fn a_membership_that_somebody_else_gave_a_leaver_stays() {
    let mut world = world_with_always(&["x"]).await;
    world.connector.rules.groups.always.clear();
    world.sync().await;
    let by_hand = world.ledger().await.users["u003"].target.clone();
    let group = world.target().groups.keys().next().unwrap().clone();
    world.target().groups.get_mut(&group).unwrap().1.insert(by_hand);
    world.connector.rules.groups.always = vec!["jira-users".into()];
    // One membership that this leaver does lose.
    world.org().group("g8", "ops", &["u003"]);
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
    world.connector.rules.limits.leavers = Limit::Off;
    world.sync().await;
    world.org().users.remove("u002");
    world.org().users.remove("u003");
    world.sync().await;
    assert_eq!(
        world.target().members("jira-users"),
        ["local@example.com", "u0@example.com", "u1@example.com", "u3@example.com"]
    );
    assert!(world.target().members("ops").is_empty());
}

#[tokio::test]
async fn a_group_that_is_made_again_has_no_members_of_before() {
    let world = world_with_always(&[]).await;
    world.sync().await;
    world.target().groups.retain(|_, (group, _)| group.name != "Jira-Users");
    world.org().user("u001", "").status = Status::Suspended;
    let report = world.sync().await;
    assert_eq!((report.counts.groups.created, others(&world).len()), (1, 3), "{report:?}");
    assert_eq!(world.ledger().await.always["Jira-Users"].members.len(), 3);
    assert_eq!(report.managed.memberships, 3 + 3);
}
