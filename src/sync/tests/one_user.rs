//! `sync --user`: what concerns one user, and nothing else.

use super::world::*;
use crate::sync::model::*;
use crate::sync::report::Outcome;
use crate::sync::rules::*;
use crate::target::Write;

#[tokio::test]
async fn one_user_is_brought_up_to_date_and_nobody_else_is_touched() {
    let world = small_world().await;
    world.sync().await;
    {
        let mut org = world.org();
        for id in ["u000", "u001"] {
            org.user(id, "").first_name = "Zoe".to_owned();
        }
        org.users.remove("u002");
        org.group("g1", "staff", &["u003"]);
        org.group("g3", "new", &["u000", "u001"]);
        org.group("g4", "other", &["u001"]);
    }
    world.target().log.clear();
    let report = world.sync_user("U0@example.com", false).await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert_eq!(report.user.as_deref(), Some("U0@example.com"));
    let u0 = world.ledger().await.users["u000"].target.clone();
    for write in &world.target().log {
        match write {
            Write::UpdateUser { user, .. } => assert_eq!(user.id, u0),
            Write::CreateGroup { attributes, .. } => assert_eq!(attributes.name, "new"),
            Write::ChangeMembers { added, removed, .. } => {
                assert!(added.iter().chain(removed).all(|member| member.id == u0), "{write:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.target().members("new"), ["u0@example.com"]);
    assert_eq!(world.target().members("staff"), ["u1@example.com", "u2@example.com"]);
    let report = world.sync().await;
    assert_eq!(report.counts.users.disabled, 1, "the rest is for a whole run: {report:?}");
    assert_eq!(world.target().members("new").len(), 2);
}

#[tokio::test]
async fn one_user_that_left_in_any_way_is_a_leaver_and_its_limits_hold() {
    let mut world = small_world().await;
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
    world.sync().await;
    world.org().users.remove("u001");
    let report = world.sync_user("u1@example.com", false).await;
    assert_eq!((report.counts.users.disabled, report.counts.memberships.deleted), (1, 1), "{report:?}");
    world.org().user("u002", "").status = Status::Deprovisioned;
    world.connector.rules.limits.leavers = Limit::Count(1);
    let report = world.sync_user("u2@example.com", false).await;
    assert_eq!(report.outcome, Outcome::Held, "one in 24 hours was allowed");
    world.org().left_out.insert("u000".to_owned(), ScopeRule::App);
    world.connector.rules.limits.leavers = Limit::Off;
    assert_eq!(world.sync_user("u000", false).await.counts.users.disabled, 1);
}

#[tokio::test]
async fn a_user_that_nobody_knows_is_an_error_and_so_is_a_read_that_proves_nothing() {
    let world = small_world().await;
    world.sync().await;
    let report = world.sync_user("nobody@example.com", false).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.unwrap().contains("Okta shows no user nobody@example.com"));
    // Groups that were not read to their end remove nobody.
    world.org().group("g1", "staff", &[]);
    world.org().groups_cut = true;
    let report = world.sync_user("u0@example.com", false).await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(world.target().members("staff").len(), 3);
    world.org().groups_cut = false;
    assert_eq!(world.sync_user("u0@example.com", false).await.counts.memberships.deleted, 1);
}

#[tokio::test]
async fn a_renamed_user_is_found_under_its_old_name_too() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("u001", "").login = "new@example.com".to_owned();
    let report = world.sync_user("u1@example.com", false).await;
    assert_eq!(report.counts.users.updated, 1, "{report:?}");
    assert!(world.target().user_named("new@example.com").is_some());
}

#[tokio::test]
async fn a_merged_group_of_which_one_part_is_seen_keeps_its_other_members() {
    let mut org = Org::with_users(3);
    org.group("g1", "staff", &["u000"]);
    org.group("g2", "staff", &["u001", "u002"]);
    let world = World::new(org, 8).await;
    world.sync().await;
    world.target().log.clear();
    world.sync_user("u0@example.com", false).await;
    assert!(world.target().log.is_empty());
    assert_eq!(world.ledger().await.groups.len(), 2);
}

#[tokio::test]
async fn rule_11_one_user_is_out_for_want_of_a_required_group_only_if_that_group_exists() {
    let mut world = small_world().await;
    world.connector.rules.scope.required_groups = vec!["staff".into()];
    // It need not be synced itself.
    world.connector.rules.groups.exclude = Globs::new(&["staff"]).unwrap();
    world.sync().await;
    world.org().group("g1", "staff", &["u000", "u001"]);
    let report = world.sync_user("u2@example.com", false).await;
    assert_eq!(report.counts.users.disabled, 1, "{report:?}");
    world.org().groups.get_mut("g1").unwrap().members.remove("u001");
    world.org().groups.get_mut("g1").unwrap().name = "people".to_owned();
    let report = world.sync_user("u1@example.com", false).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
    assert!(world.target().user_named("u1@example.com").unwrap().active);
}

#[tokio::test]
async fn always_groups_get_the_one_user_and_lose_nobody() {
    let mut world = small_world().await;
    world.connector.rules.groups.always = vec!["everybody".into()];
    let report = world.sync_user("u3@example.com", false).await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert_eq!(world.target().members("everybody"), ["u3@example.com"]);
    assert_eq!(world.target().users.len(), 1);
    world.connector.rules.groups.always.clear();
    world.sync_user("u3@example.com", false).await;
    assert_eq!(world.target().members("everybody").len(), 1);
}

#[tokio::test]
async fn such_a_run_does_not_count_as_a_run_of_the_connector() {
    let world = small_world().await;
    world.sync_user("u3@example.com", false).await;
    let memory = world.services.store.memory("acme").await.unwrap();
    assert_eq!((memory.last_run, memory.last_success, memory.last_attempt), (None, None, None));
    let runs = world.services.store.runs(Some("acme"), 9).await.unwrap();
    assert_eq!(runs.len(), 1);
}

#[tokio::test]
async fn for_a_user_that_cannot_be_a_member_no_group_is_made() {
    let mut world = small_world().await;
    world.sync().await;
    let id = world.ledger().await.users["u001"].target.clone();
    world.target().users.remove(&id);
    for (_, members) in world.target().groups.values_mut() {
        members.remove(&id);
    }
    world.org().group("g9", "fresh", &["u001"]);
    world.connector.rules.groups.always = vec!["everybody".into()];
    world.target().log.clear();
    let report = world.sync_user("u1@example.com", false).await;
    assert_eq!(kinds(&report), [FindingKind::DeletedByOthers]);
    assert!(world.target().log.is_empty(), "{:?}", world.target().log);
}

#[tokio::test]
async fn a_group_of_the_same_name_takes_nothing_over_while_only_one_user_is_looked_at() {
    let world = small_world().await;
    world.sync().await;
    world.org().group("g9", "staff", &["u003"]);
    world.target().log.clear();
    let report = world.sync_user("u3@example.com", false).await;
    assert_eq!(kinds(&report), [FindingKind::NameCollision], "{report:?}");
    assert!(world.target().log.is_empty() && !world.ledger().await.groups.contains_key("g9"));
    world.sync().await;
    assert_eq!(world.target().members("staff").len(), 4, "a whole run merges them");
}
