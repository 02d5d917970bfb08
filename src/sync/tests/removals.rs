//! When something is removed and when not: RULES 17 to 22, through whole runs. Limits have a file of their own.

use super::world::*;
use crate::sync::model::*;
use crate::sync::report::Outcome;
use crate::sync::rules::{LeaverGroups, LeaverUsers, Limit};

#[tokio::test]
async fn law_3_local_members_of_a_synced_group_stay() {
    let mut world = small_world().await;
    world.connector.rules.limits.groups = Limit::Off;
    world.sync().await;
    {
        let mut target = world.target();
        let local = target.add_user("local-admin");
        target.groups.values_mut().next().unwrap().1.insert(local);
    }
    world.org().groups.remove("g1");
    let report = world.sync().await;
    assert_eq!(report.counts.groups.disabled, 1);
    assert_eq!(report.counts.memberships.deleted, 3);
    assert_eq!(world.target().members("staff"), ["local-admin"]);
}

#[tokio::test]
async fn rule_17_who_is_merely_absent_from_the_list_is_asked_for_before_anything_is_removed() {
    let mut world = small_world().await;
    world.connector.rules.limits.groups = Limit::Off;
    world.sync().await;
    world.org().skipped.extend(["u000".to_owned(), "g1".to_owned()]);
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.counts.memberships.deleted), (0, 0), "{report:?}");
    assert_eq!(report.outcome, Outcome::Success);
    world.org().mute.extend(["u000".to_owned(), "g1".to_owned()]);
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.counts.memberships.deleted), (0, 0));
    assert_eq!(kinds(&report), [FindingKind::AbsenceUnconfirmed, FindingKind::AbsenceUnconfirmed]);
    world.org().users.remove("u000");
    world.org().groups.remove("g1");
    world.org().mute.clear();
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.counts.groups.disabled), (1, 1));
}

#[tokio::test]
async fn rule_18_lists_that_did_not_end_or_are_empty_remove_nobody() {
    let world = small_world().await;
    world.sync().await;
    let full = world.org().clone();
    world.org().users.remove("u003");
    world.org().users_cut = true;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Partial, 0));
    assert_eq!(report.not_proven[0].list, "users");

    *world.org() = Org::default();
    let report = world.sync().await;
    assert_eq!(
        (report.outcome, report.counts.users.disabled, report.counts.memberships.deleted),
        (Outcome::Partial, 0, 0)
    );
    let lists: Vec<(&str, u64)> =
        report.not_proven.iter().map(|list| (list.list.as_str(), list.removals_left_out)).collect();
    assert_eq!(lists, [("groups", 3), ("users", 4)]);

    *world.org() = full;
    world.org().members_cut.insert("g1".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.memberships.deleted), (Outcome::Partial, 0));
    assert_eq!(report.not_proven[0].removals_left_out, 3);
}

#[tokio::test]
async fn leavers_keep_their_memberships_and_come_back_with_their_present_groups() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("u000", "").status = Status::Suspended;
    world.org().group("g1", "staff", &["u001", "u002"]);
    world.sync().await;
    assert_eq!(world.target().members("staff").len(), 3);
    world.org().user("u000", "").status = Status::Active;
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.deleted, 1);
    assert_eq!(world.target().members("staff").len(), 2);
}

#[tokio::test]
async fn leavers_and_groups_that_left_are_kept_on_request() {
    let mut world = small_world().await;
    world.connector.rules.leavers.users = LeaverUsers::Keep;
    world.connector.rules.leavers.groups = LeaverGroups::Keep;
    world.sync().await;
    world.org().users.remove("u000");
    world.org().groups.remove("g1");
    world.target().log.clear();
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    assert!(world.target().log.is_empty());
}

#[tokio::test]
async fn rule_27_apply_off_writes_nothing_anywhere() {
    let mut world = small_world().await;
    world.connector.apply = false;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.apply), (Outcome::Success, false));
    assert!(world.target().log.is_empty());
    assert_eq!(world.ledger().await, Ledger::default());
    assert_eq!(
        (report.counts.users.created, report.counts.memberships.created),
        (4, 3),
        "what would be done"
    );
    let operations = world.services.store.report(report.run).await.unwrap().unwrap().operations;
    assert_eq!(operations.len(), 6);
    assert!(operations.iter().all(|operation| operation.result == "planned"));
}

#[tokio::test]
async fn one_failed_operation_does_not_stop_the_others() {
    let world = small_world().await;
    world.target().refuses = Some("u1@example.com".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!((report.counts.users.created, report.counts.users.failed), (3, 1));
    assert_eq!((report.counts.memberships.created, report.counts.memberships.failed), (2, 1));
    let journal = world.services.store.report(report.run).await.unwrap().unwrap().operations;
    let results: Vec<&str> = journal.iter().map(|operation| operation.result.as_str()).collect();
    assert_eq!(results, ["applied", "failed", "applied", "applied", "applied", "partial"]);
    world.target().refuses = None;
    let report = world.sync().await;
    assert_eq!((report.counts.users.created, report.counts.memberships.created), (1, 1));
}

#[tokio::test]
async fn rule_12_a_member_that_nobody_knows_is_asked_for_once() {
    let world = small_world().await;
    world.org().skipped.insert("u009".to_owned());
    world.org().user("u009", "u9@example.com");
    world.org().groups.get_mut("g1").unwrap().members.insert("u009".to_owned());
    world.org().mute.insert("u009".to_owned());
    let report = world.sync().await;
    assert_eq!((world.org().asked, report.counts.users.created), (1, 4), "{report:?}");
}
