//! RULES 8 and 17 to 22: what happens to users and groups that left, and when.

use std::time::Duration;

use super::world::*;
use crate::sync::model::*;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::*;
use crate::target::Write;

const DAY: u64 = 86_400;

async fn world_with(leavers: Leavers) -> World {
    let mut world = small_world().await;
    world.connector.rules.leavers = leavers;
    world.sync().await;
    world
}

fn days(absent: u64, deactivated: u64) -> Grace {
    Grace { absent: Duration::from_secs(absent * DAY), deactivated: Duration::from_secs(deactivated * DAY) }
}

#[tokio::test]
async fn a_leaver_is_deleted_with_its_memberships_and_created_anew_when_it_comes_back() {
    let world = world_with(Leavers { users: LeaverUsers::Delete, ..Leavers::default() }).await;
    let gone = world.org().users.remove("u001").unwrap();
    let plan = world.plan().await;
    let before = &plan.operations[0].operation["before"];
    assert_eq!(before["groups"][0]["name"], "staff", "an undo needs to know: {before}");
    assert_eq!((&before["active"], &before["managed"]["origin"]), (&true.into(), &"created".into()));
    let report = world.sync().await;
    assert_eq!((report.counts.users.deleted, report.counts.users.disabled), (1, 0));
    assert_eq!(report.managed.users, 3);
    assert_eq!(world.target().users.len(), 3);
    assert!(world.sync().await.findings.is_empty(), "nobody takes it for deleted by others");
    world.org().users.insert("u001".to_owned(), gone);
    assert_eq!(world.sync().await.counts.users.created, 1);
}

#[tokio::test]
async fn where_the_target_cannot_delete_leavers_are_disabled_and_groups_emptied() {
    let leavers = Leavers { users: LeaverUsers::Delete, groups: LeaverGroups::Delete, ..Leavers::default() };
    let mut world = world_with(leavers).await;
    world.connector.rules.limits.groups = Limit::Off;
    world.target().capabilities.delete_users = false;
    world.target().capabilities.delete_groups = false;
    world.org().users.remove("u003");
    world.org().groups.remove("g1");
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.counts.groups.disabled), (1, 1), "{report:?}");
    assert_eq!(world.target().groups.len(), 1);
}

#[tokio::test]
async fn rule_8_an_account_that_somebody_else_disabled_is_neither_deleted_nor_anonymized() {
    for users in [LeaverUsers::Delete, LeaverUsers::Anonymize] {
        let world = world_with(Leavers { users, ..Leavers::default() }).await;
        let id = world.ledger().await.users["u001"].target.clone();
        world.target().users.get_mut(&id).unwrap().active = false;
        world.org().users.remove("u001");
        world.target().log.clear();
        world.sync().await;
        assert!(world.target().log.is_empty(), "{users:?}");
    }
}

#[tokio::test]
async fn a_leaver_is_anonymized_and_is_itself_again_when_it_comes_back() {
    let mut world = world_with(Leavers { users: LeaverUsers::Anonymize, ..Leavers::default() }).await;
    // A mass return is no mass rename.
    world.connector.rules.limits.renames = Limit::Count(0);
    world.org().user("u001", "").status = Status::Suspended;
    let report = world.sync().await;
    assert_eq!(report.counts.users.disabled, 1, "{report:?}");
    let id = world.ledger().await.users["u001"].target.clone();
    let user = world.target().users[&id].clone();
    let name = user.attributes.username.as_str();
    assert!(name.starts_with("user-") && name.len() == 17 && !user.active, "{name}");
    assert_eq!(user.attributes.email, format!("{name}@user.invalid"));
    let everything = format!("{:?}", user.attributes);
    for trace in ["Ada", "Example", "u1@"] {
        assert!(!everything.contains(trace), "{everything}");
    }
    let original = world.ledger().await.users["u001"].original.clone().unwrap();
    assert_eq!(original.username, "u1@example.com");
    world.target().log.clear();
    world.sync().await;
    assert!(world.target().log.is_empty(), "once is enough");

    world.org().user("u001", "").status = Status::Active;
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    let back = world.target().users[&id].clone();
    assert_eq!(
        (back.attributes.username.as_str(), back.attributes.first_name.as_str(), back.active),
        ("u1@example.com", "Ada", true)
    );
    assert_eq!(world.ledger().await.users["u001"].original, None);
}

#[tokio::test]
async fn who_was_disabled_before_is_anonymized_too_and_counts_as_one_leaver() {
    let mut world = world_with(Leavers::default()).await;
    world.org().user("u001", "").status = Status::Suspended;
    world.sync().await;
    world.connector.rules.leavers.users = LeaverUsers::Anonymize;
    world.connector.rules.limits.leavers = Limit::Count(0);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.holds[0].count), (Outcome::Held, 1));
    world.connector.rules.limits.leavers = Limit::Count(3);
    world.org().user("u002", "").status = Status::Suspended;
    let report = world.sync().await;
    assert_eq!(
        report.outcome,
        Outcome::Success,
        "one of them is disabled and anonymized, and counts once: {report:?}"
    );
    let recent = world.services.store.recent("acme", chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(recent.leavers.applied, 1 + 2);
}

#[tokio::test]
async fn rule_9_where_the_target_cannot_rename_an_anonymized_user_keeps_its_name_with_a_finding() {
    let world = world_with(Leavers { users: LeaverUsers::Anonymize, ..Leavers::default() }).await;
    world.target().capabilities.rename_users = false;
    world.org().user("u001", "").status = Status::Suspended;
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::CannotRename]);
    let target = world.target();
    let user = target.user_named("u1@example.com").unwrap();
    assert_eq!(user.attributes.first_name, "");
}

#[tokio::test]
async fn rule_21_grace_begins_with_the_first_proven_run_and_ends_in_time_or_with_a_return() {
    let mut world = world_with(Leavers { grace: days(7, 0), ..Leavers::default() }).await;
    world.org().users_cut = true;
    world.org().skipped.insert("u001".to_owned());
    let gone = world.org().users.remove("u001").unwrap();
    world.sync().await;
    assert_eq!(world.ledger().await.users["u001"].left_since, None, "an unproven run starts nothing");
    world.org().users_cut = false;
    let report = world.sync().await;
    assert_eq!((report.in_grace, report.counts.users.disabled, report.outcome), (1, 0, Outcome::Success));
    world.later(6);
    world.org().users_cut = true;
    world.sync().await;
    world.org().users_cut = false;
    assert_eq!(world.sync().await.in_grace, 1);
    // Who comes back within it was never touched.
    world.org().users.insert("u001".to_owned(), gone);
    world.org().skipped.clear();
    world.target().log.clear();
    world.sync().await;
    assert!(world.target().log.is_empty());
    assert_eq!(world.ledger().await.users["u001"].left_since, None);
    world.org().users.remove("u001");
    world.sync().await;
    world.later(6);
    assert_eq!(world.sync().await.in_grace, 1, "it began anew");
    world.later(1);
    let report = world.sync().await;
    assert_eq!((report.in_grace, report.counts.users.disabled), (0, 1));
}

#[tokio::test]
async fn rule_21_who_was_deactivated_may_have_another_grace_than_who_is_absent() {
    let mut world = world_with(Leavers { grace: days(0, 3), ..Leavers::default() }).await;
    world.connector.rules.limits.leavers = Limit::Off;
    world.org().user("u001", "").status = Status::Deprovisioned;
    world.org().user("u002", "").status = Status::Suspended;
    world.org().users.remove("u003");
    // Okta takes the application from whoever is deactivated.
    world.org().user("u000", "").status = Status::Deprovisioned;
    world.org().left_out.insert("u000".to_owned(), ScopeRule::App);
    let report = world.sync().await;
    assert_eq!((report.in_grace, report.counts.users.disabled), (3, 1), "{report:?}");
    world.later(3);
    assert_eq!(world.sync().await.counts.users.disabled, 3);
}

#[tokio::test]
async fn rule_21_the_grace_of_who_was_held_began_when_they_left() {
    let mut world = world_with(Leavers { grace: days(7, 0), ..Leavers::default() }).await;
    world.connector.rules.limits.leavers = Limit::Count(0);
    world.org().user("u001", "").status = Status::Deprovisioned;
    assert_eq!(world.sync().await.outcome, Outcome::Held);
    world.org().users.remove("u001");
    world.later(6);
    assert_eq!(world.sync().await.in_grace, 1, "absent is another reason");
    world.later(1);
    assert_eq!(world.sync().await.in_grace, 0, "seven days after it left");
}

#[tokio::test]
async fn rule_21_too_many_in_their_grace_are_reported_on_the_first_day_and_keep_their_memberships() {
    let mut world = world_with(Leavers {
        grace: days(7, 7),
        memberships: LeaverMemberships::Remove { except: Globs::default() },
        ..Leavers::default()
    })
    .await;
    world.connector.rules.limits.leavers = Limit::Count(1);
    world.connector.rules.limits.groups = Limit::Off;
    // Suspended, so that the source still shows them: that it shows less is another matter (RULES 19).
    for id in ["u001", "u002"] {
        world.org().users.get_mut(id).unwrap().status = Status::Suspended;
    }
    world.target().log.clear();
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    let hold = &report.holds[0];
    assert_eq!((hold.kind, hold.count, hold.names.len()), (HoldKind::Leavers, 2, 2));
    assert!(
        hold.reason.contains("2 are in their grace, the first until 2026-02-07 08:00 UTC"),
        "{}",
        hold.reason
    );
    // Not even a group that leaves takes their memberships.
    world.org().groups.remove("g1");
    world.sync().await;
    assert_eq!(world.target().members("staff"), ["u1@example.com", "u2@example.com"]);
}

#[tokio::test]
async fn memberships_of_leavers_go_except_where_they_are_to_stay_and_count_as_the_leaver_only() {
    let mut world = World::new(Org::with_users(12), 8).await;
    world.org().group("g1", "staff", &["u000", "u001", "u002"]);
    world.org().group("g2", "staff-alumni", &["u000", "u001"]);
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: globs(&["*-alumni"]) };
    // One removed membership by itself would be too much.
    world.connector.rules.limits.memberships = Limit::Count(0);
    world.sync().await;
    let local = world.target().add_user("local@example.com");
    let strange = world.ledger().await.users["u001"].target.clone();
    world.target().add_group("local", &[&local, &strange]);
    world.org().user("u001", "").status = Status::Suspended;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.memberships.deleted), (Outcome::Success, 1), "{report:?}");
    assert_eq!(world.target().members("staff"), ["u0@example.com", "u2@example.com"]);
    assert_eq!(world.target().members("staff-alumni").len(), 2);
    assert_eq!(world.target().members("local").len(), 2, "a local group is not ours");
    // Who is back has its present groups.
    world.org().user("u001", "").status = Status::Active;
    world.sync().await;
    assert_eq!(world.target().members("staff").len(), 3);
}

#[tokio::test]
async fn memberships_of_leavers_that_are_held_stay_with_them() {
    let mut world = small_world().await;
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
    world.sync().await;
    world.connector.rules.limits.leavers = Limit::Count(1);
    for id in ["u001", "u002"] {
        world.org().users.get_mut(id).unwrap().status = Status::Suspended;
    }
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.memberships.deleted), (Outcome::Held, 0));
    assert_eq!(report.holds.len(), 1);
    assert_eq!(world.target().members("staff").len(), 3);
    // Also where nothing but memberships would go.
    world.connector.rules.leavers.users = LeaverUsers::Keep;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.holds[0].count), (Outcome::Held, 2));
    world.connector.rules.limits.leavers = Limit::Count(2);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.memberships.deleted), (Outcome::Success, 2));
    assert_eq!(world.target().members("staff"), ["u0@example.com"]);
    let recent = world.services.store.recent("acme", chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((recent.leavers.applied, recent.memberships.len()), (2, 0));
}

#[tokio::test]
async fn nobody_comes_back_with_old_groups() {
    let mut world = World::new(Org::with_users(12), 8).await;
    let everybody: Vec<String> = (0..12).map(|at| format!("u{at:03}")).collect();
    let everybody: Vec<&str> = everybody.iter().map(String::as_str).collect();
    world.org().group("g1", "secrets", &everybody);
    world.connector.rules.limits.leavers = Limit::Off;
    world.sync().await;
    for id in &everybody[..4] {
        world.org().user(id, "").status = Status::Suspended;
    }
    world.sync().await;
    for id in &everybody[..4] {
        world.org().user(id, "").status = Status::Active;
    }
    world.org().group("g1", "secrets", &everybody[4..]);
    world.connector.rules.limits.memberships = Limit::Count(1);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.updated), (Outcome::Held, 0), "{report:?}");
    world.connector.rules.limits.memberships = Limit::Off;
    world.target().log.clear();
    world.sync().await;
    let log = world.target().log.clone();
    assert!(matches!(&log[0], Write::ChangeMembers { removed, .. } if removed.len() == 4), "{log:?}");
    assert_eq!(
        log[1..].iter().filter(|write| matches!(write, Write::SetActive { active: true, .. })).count(),
        4
    );
}

#[tokio::test]
async fn rule_8_a_group_that_left_is_deleted_unless_somebody_else_put_members_into_it() {
    let mut org = Org::with_users(4);
    org.group("g1", "first", &["u000", "u001"]);
    org.group("g2", "second", &["u000", "u001"]);
    org.group("g3", "empty", &[]);
    org.group("g4", "stays", &["u003"]);
    let mut world = World::new(org, 8).await;
    world.connector.rules.leavers.groups = LeaverGroups::Delete;
    world.connector.rules.limits.groups = Limit::Off;
    world.sync().await;
    let local = world.target().add_user("local@example.com");
    let second = world.ledger().await.groups["g2"].target.clone();
    world.target().groups.get_mut(&second).unwrap().1.insert(local);
    for id in ["g1", "g2", "g3"] {
        world.org().groups.remove(id);
    }
    let report = world.sync().await;
    assert_eq!(report.counts.groups.deleted, 2, "{report:?}");
    assert_eq!(kinds(&report), [FindingKind::NotManaged]);
    assert_eq!(world.target().members("second"), ["local@example.com"]);
    let ledger = world.ledger().await;
    assert_eq!(ledger.groups.keys().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["g2", "g4"]);
    // A group of that name that comes again is made anew.
    world.org().group("g1", "first", &["u000"]);
    assert_eq!(world.sync().await.counts.groups.created, 1);
}

#[tokio::test]
async fn deleted_groups_are_limited_like_emptied_ones() {
    let mut world = world_with(Leavers { groups: LeaverGroups::Delete, ..Leavers::default() }).await;
    world.connector.rules.limits.groups = Limit::Count(0);
    world.org().groups.remove("g1");
    let report = world.sync().await;
    assert_eq!(
        (report.outcome, report.holds[0].kind, report.holds[0].count),
        (Outcome::Held, HoldKind::Groups, 1)
    );
    assert_eq!(world.target().members("staff").len(), 3);
}

#[tokio::test]
async fn rule_7_who_is_in_a_protected_group_is_disabled_not_deleted() {
    let mut world = world_with(Leavers { users: LeaverUsers::Delete, ..Leavers::default() }).await;
    let id = world.ledger().await.users["u001"].target.clone();
    world.target().add_group("administrators", &[&id]);
    world.connector.rules.protected.groups = globs(&["admin*"]);
    world.org().users.remove("u001");
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.counts.users.deleted), (1, 0));
    assert_eq!(world.target().members("administrators"), ["u1@example.com"]);
}
