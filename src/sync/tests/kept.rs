//! RULES 25: a kept plan is applied exactly as far as it is still right.

use super::world::*;
use crate::sync::model::Status;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::Limit;

#[tokio::test]
async fn rules_25_only_what_is_in_both_plans_is_applied() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("u004", "u004@example.com");
    world.org().user("u005", "u005@example.com");
    world.org().groups.get_mut("g1").unwrap().members.extend(["u004".to_owned(), "u005".to_owned()]);
    world.org().groups.get_mut("g1").unwrap().members.remove("u000");
    let planned = world.keep_plan("review").await;
    assert_eq!(planned.operations.len(), 3, "{planned:?}");
    // Meanwhile one of them is gone, another is new, and somebody else leaves the group.
    world.org().users.remove("u005");
    world.org().groups.get_mut("g1").unwrap().members.remove("u005");
    world.org().groups.get_mut("g1").unwrap().members.remove("u001");
    world.org().user("u006", "u006@example.com");
    world.org().groups.get_mut("g1").unwrap().members.insert("u006".to_owned());
    let report = world.apply_kept("review").await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert!(world.target().user_named("u004@example.com").is_some());
    assert!(world.target().user_named("u006@example.com").is_none(), "new, so not applied");
    assert_eq!(
        world.target().members("staff"),
        ["u004@example.com", "u1@example.com", "u2@example.com"],
        "u000 went and u004 came, as planned; u001 stays, u006 waits"
    );
    let stale: Vec<&str> = report.stale.iter().map(|stale| stale.summary.as_str()).collect();
    assert_eq!(stale, ["create user u005@example.com", "change members of group staff (+2 -1)"]);
    assert!(report.stale[1].reason.starts_with("1 of its 3 changes"), "{}", report.stale[1].reason);
    assert_eq!((report.not_in_plan, report.kept_plan.as_deref()), (2, Some("review")));
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    assert_eq!(world.target().members("staff").len(), 3, "the next sync does the rest");
}

#[tokio::test]
async fn a_kept_plan_passes_the_guard_and_ends_after_a_day() {
    let mut world = small_world().await;
    world.connector.rules.limits.floor = 0;
    world.sync().await;
    for id in ["u000", "u001"] {
        world.org().user(id, "").status = Status::Suspended;
    }
    world.keep_plan("review").await;
    let report = world.apply_kept("review").await;
    assert_eq!((report.outcome, report.holds[0].kind), (Outcome::Held, HoldKind::Leavers));
    let failed = world.apply_kept("other").await;
    assert_eq!(failed.outcome, Outcome::Failed);
    assert!(failed.error.unwrap().contains("keeps no plan named other"));
    world.later(2);
    assert_eq!(world.apply_kept("review").await.outcome, Outcome::Failed);
}

#[tokio::test]
async fn nobody_comes_back_with_a_membership_that_is_not_in_the_plan_to_go() {
    let mut world = small_world().await;
    world.connector.rules.limits.memberships = Limit::Off;
    world.sync().await;
    world.org().user("u000", "").status = Status::Suspended;
    world.sync().await;
    world.org().user("u000", "").status = Status::Active;
    world.keep_plan("review").await;
    world.org().groups.get_mut("g1").unwrap().members.remove("u000");
    let report = world.apply_kept("review").await;
    assert!(!world.target().user_named("u0@example.com").unwrap().active, "{report:?}");
    world.sync().await;
    assert!(world.target().user_named("u0@example.com").unwrap().active);
}

#[tokio::test]
async fn a_member_does_not_come_without_its_account_nor_into_a_group_that_is_not_made() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("u004", "u004@example.com");
    world.org().group("g3", "new", &["u000", "u004"]);
    let planned = world.keep_plan("review").await;
    assert_eq!(planned.operations.len(), 3);
    // Both are planned otherwise now, so that neither is made: who is to come into the group has nowhere to go.
    world.org().user("u004", "").login = "u004b@example.com".to_owned();
    world.org().groups.get_mut("g3").unwrap().name = "newer".to_owned();
    let report = world.apply_kept("review").await;
    assert_eq!((report.outcome, report.counts.memberships.failed), (Outcome::Success, 0), "{report:?}");
    let target = world.target();
    assert_eq!((target.users.len(), target.groups.len()), (4, 1));
}

#[tokio::test]
async fn two_connectors_do_not_share_a_name_and_one_may_use_it_again() {
    let world = small_world().await;
    let first = world.keep_plan("review").await;
    let second = world.keep_plan("review").await;
    assert_eq!(first.operations, second.operations);
    assert_eq!(world.services.store.kept_plans(world.services.clock.now()).await.unwrap().len(), 1);
    let mut other = crate::config::model::Connector::for_tests(world.connector.rules.clone());
    other.name = "beta".to_owned();
    let keeping = crate::sync::engine::Keeping { id: "review".to_owned(), hours: 1, uid: 0 };
    let control = crate::sync::progress::RunControl::default();
    let refused =
        crate::sync::engine::plan(&other, &world.services, Some(&keeping), &control).await.unwrap_err();
    assert!(refused.contains("a plan of acme is kept under the name review"), "{refused}");
}

#[tokio::test]
async fn what_only_a_kept_plan_did_says_nothing_about_the_connector() {
    let mut world = World::new(Org::with_users(40), 50).await;
    world.connector.rules.limits.floor = 0;
    let full = world.sync().await;
    world.org().user("new", "new@example.com");
    world.keep_plan("review").await;
    // Meanwhile the token loses sight of half of the users; the plan has no removal that would be held for it.
    for i in 0..20 {
        world.org().users.remove(&format!("u{i:03}"));
    }
    let applied = world.apply_kept("review").await;
    assert_eq!((applied.outcome, applied.counts.users.created), (Outcome::Success, 1));
    assert!(!applied.is_about_everybody());
    let memory = world.services.store.memory("acme").await.unwrap();
    assert_eq!(memory.last_run.unwrap().run, full.run);
    let view = world.services.store.remembered("acme").await.unwrap().view.unwrap();
    assert_eq!(view.users, 40, "only a run that would have held it may call this view usual");
    let next = world.sync().await;
    assert!(next.holds[0].reason.contains("the token may see less than before"), "{next:?}");
}

#[tokio::test]
async fn a_hold_that_a_kept_plan_met_first_is_told_by_the_next_sync() {
    let mut world = small_world().await;
    world.connector.rules.limits.floor = 0;
    world.sync().await;
    world.org().user("u000", "").status = Status::Suspended;
    world.keep_plan("review").await;
    world.apply_kept("review").await;
    assert!(world.sync().await.holds[0].fresh);
    assert!(!world.sync().await.holds[0].fresh);
}

#[tokio::test]
async fn nothing_happens_to_what_is_no_longer_taken_over() {
    let mut org = Org::with_users(3);
    org.group("g1", "staff", &["u000", "u001"]);
    let mut world = World::new(org, 5).await;
    world.connector.rules.existing = crate::sync::rules::Existing {
        users: crate::sync::rules::OnExisting::Adopt,
        groups: crate::sync::rules::OnExisting::Adopt,
    };
    let strange = world.target().add_user("strange@example.com");
    let group = world.target().add_group("staff", &[&strange]);
    world.org().groups.get_mut("g1").unwrap().members.clear();
    world.keep_plan("review").await;
    world.org().groups.get_mut("g1").unwrap().members.extend(["u000".to_owned()]);
    world.keep_plan("review").await;
    // Somebody edits the group, so that taking it over is another operation now.
    world.target().groups.get_mut(&group).unwrap().0.description = "edited".into();
    let report = world.apply_kept("review").await;
    assert_eq!(world.target().members("staff"), ["strange@example.com"], "{report:?}");
    assert!(world.ledger().await.groups.is_empty());
}

#[tokio::test]
async fn a_group_gets_no_new_name_while_somebody_stays_who_is_to_go() {
    let mut world = small_world().await;
    world.connector.rules.limits.memberships = Limit::Off;
    world.sync().await;
    world.org().groups.get_mut("g1").unwrap().name = "board".to_owned();
    world.org().groups.get_mut("g1").unwrap().members.insert("u003".to_owned());
    world.keep_plan("review").await;
    world.org().groups.get_mut("g1").unwrap().members.remove("u000");
    let report = world.apply_kept("review").await;
    assert_eq!(
        world.target().members("staff").len(),
        3,
        "neither the name nor who was to come to it: {report:?}"
    );
    world.sync().await;
    assert_eq!(world.target().members("board").len(), 3);
}
