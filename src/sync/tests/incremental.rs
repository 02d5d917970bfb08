//! RULES 22: runs between full ones.

use crate::config::model::ChangesFrom;
use crate::sync::engine::{ChangesEnd, RunTicket, sync_changes};
use crate::sync::model::*;
use crate::sync::progress::RunControl;
use crate::sync::report::{Drift, HoldKind, KindCounts, Outcome, Report, Trigger};
use crate::sync::rules::Limit;
use crate::sync::tests::org::Org;
use crate::sync::tests::world::World;

/// A hundred users, three groups, and one full run.
async fn world(from: ChangesFrom) -> World {
    let mut org = Org::with_users(100);
    let ids: Vec<String> = org.users.keys().cloned().collect();
    for (number, group) in ["staff", "ops", "all"].into_iter().enumerate() {
        let members: Vec<&str> = ids.iter().step_by(number + 1).map(String::as_str).collect();
        org.group(&format!("g{number}"), group, &members);
    }
    let world = World::new(org, 10).await.with_changes(from);
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world
}

/// How many operations of any kind a run applied.
fn applied(report: &Report) -> u64 {
    let of = |counts: &KindCounts| counts.created + counts.updated + counts.disabled + counts.deleted;
    of(&report.counts.users) + of(&report.counts.groups) + of(&report.counts.memberships)
}

/// A full run that finds nothing to do.
async fn assert_nothing_left(world: &World) {
    let report = world.sync().await;
    assert_eq!((report.outcome, applied(&report)), (Outcome::Success, 0), "{report:?}");
    assert_eq!(report.drift, Some(Drift::default()));
}

#[tokio::test]
async fn what_changed_is_synced_and_a_full_run_finds_nothing_left() {
    for from in [ChangesFrom::Lists, ChangesFrom::SystemLog] {
        let world = world(from).await;
        {
            let mut org = world.org();
            org.user("u500", "new@example.com");
            org.users.get_mut("u001").unwrap().login = "renamed@example.com".to_owned();
            org.users.get_mut("u002").unwrap().status = Status::Deprovisioned;
            let staff = org.groups.get_mut("g0").unwrap();
            staff.members.insert("u500".to_owned());
            staff.members.remove("u003");
            org.group("g7", "arrivals", &["u500", "u004"]);
            org.groups.get_mut("g1").unwrap().name = "operations".to_owned();
        }
        let (report, end) = world.sync_changes().await;
        assert_eq!((report.outcome, end), (Outcome::Success, ChangesEnd::Done), "{report:?}");
        assert!(world.target().user_named("new@example.com").is_some());
        assert!(world.target().user_named("renamed@example.com").is_some());
        assert!(!world.target().user_named("u2@example.com").unwrap().active);
        assert!(world.target().members("staff").contains(&"new@example.com".to_owned()));
        assert!(!world.target().members("staff").contains(&"u3@example.com".to_owned()));
        assert_eq!(world.target().members("arrivals").len(), 2);
        assert!(!world.target().members("operations").is_empty());
        assert_nothing_left(&world).await;
    }
}

#[tokio::test]
async fn where_nothing_changed_the_target_is_not_even_read() {
    let world = world(ChangesFrom::Lists).await;
    let reads = world.target().reads;
    for _ in 0..2 {
        assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
    }
    assert_eq!(world.target().reads, reads);
}

#[tokio::test]
async fn rule_22_lists_of_changes_never_conclude_absence() {
    let mut world = world(ChangesFrom::Lists).await;
    world.connector.rules.limits.groups = Limit::Off;
    world.sync().await;
    world.org().users.remove("u001");
    world.org().groups.remove("g1");
    world.org().users.get_mut("u002").unwrap().login = "renamed@example.com".to_owned();
    let (report, _) = world.sync_changes().await;
    // A rename; and whoever is gone is in no group any more, which the group says.
    assert_eq!((report.outcome, applied(&report)), (Outcome::Success, 2), "{report:?}");
    assert!(world.target().user_named("u1@example.com").unwrap().active);
    assert!(!world.target().members("ops").is_empty());
    let full = world.sync().await;
    assert!(!world.target().user_named("u1@example.com").unwrap().active);
    assert!(world.target().members("ops").is_empty());
    let drift = full.drift.unwrap();
    assert_eq!(drift.operations, 0);
    assert!(drift.absences >= 2, "{drift:?}");
    assert_nothing_left(&world).await;
}

#[tokio::test]
async fn who_the_log_names_is_asked_for_and_may_be_found_gone() {
    let mut world = world(ChangesFrom::SystemLog).await;
    world.connector.rules.limits.groups = Limit::Off;
    world.sync().await;
    world.org().users.remove("u001");
    world.org().groups.remove("g1");
    let (report, _) = world.sync_changes().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert!(!world.target().user_named("u1@example.com").unwrap().active);
    assert!(world.target().members("ops").is_empty());
    assert_nothing_left(&world).await;
}

#[tokio::test]
async fn what_exceeds_a_limit_is_held_and_what_comes_to_it_waits_for_the_same_decision() {
    let world = world(ChangesFrom::Lists).await;
    let deactivate = |from: usize, to: usize| {
        let mut org = world.org();
        for (_, user) in org.users.iter_mut().skip(from).take(to - from) {
            user.status = Status::Deprovisioned;
        }
    };
    deactivate(0, 30);
    let (report, _) = world.sync_changes().await;
    assert_eq!(report.outcome, Outcome::Held);
    let held: Vec<HoldKind> = report.holds.iter().map(|hold| hold.kind).collect();
    assert_eq!((held, report.holds[0].count), (vec![HoldKind::Leavers], 30));
    // The first thirty are seen no longer: a full run asked for them, and an incremental one cannot count them.
    world.org().users.retain(|_, user| user.status == Status::Active);
    let full = world.sync().await;
    assert_eq!((full.outcome, full.holds[0].count), (Outcome::Held, 30));
    deactivate(0, 3);
    let (report, end) = world.sync_changes().await;
    assert_eq!((report.outcome, end), (Outcome::Success, ChangesEnd::Done), "{report:?}");
    let active = world.target().snapshot().users.iter().filter(|user| user.active).count();
    assert_eq!(active, 100, "three would be few, and thirty others wait");
    let open = world.services.store.holds(Some("acme"), false).await.unwrap();
    let open: Vec<u64> = open
        .iter()
        .filter(|hold| hold.summary.kind == HoldKind::Leavers)
        .map(|hold| hold.summary.count)
        .collect();
    assert_eq!(open, [30], "what a person is asked stays as it was");
    let full = world.sync().await;
    assert_eq!((full.outcome, full.holds[0].count), (Outcome::Held, 33));
}

#[tokio::test]
async fn a_run_that_could_not_write_is_made_up_for_by_the_next_one() {
    let world = world(ChangesFrom::Lists).await;
    world.org().user("u500", "new@example.com");
    let turn = world.services.turn.take().await;
    let control = RunControl::default();
    control.cancel.cancel();
    let ticket = RunTicket { trigger: Trigger::Incremental, ..world.begin().await };
    let (report, _) = sync_changes(&world.connector, &world.services, &ticket, &control).await;
    drop(turn);
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(world.target().user_named("new@example.com").is_none());
    let (report, end) = world.sync_changes().await;
    assert_eq!((report.outcome, end), (Outcome::Success, ChangesEnd::Done));
    assert!(world.target().user_named("new@example.com").is_some());
    let (report, end) = world.sync_changes().await;
    assert_eq!(end, ChangesEnd::Nothing, "{report:?}");
}

#[tokio::test]
async fn without_a_full_run_of_the_same_settings_nothing_is_begun() {
    let mut org = Org::with_users(3);
    org.group("g0", "staff", &["u000"]);
    let mut world = World::new(org, 10).await.with_changes(ChangesFrom::Lists);
    let reads = world.org().reads;
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(why) if why.contains("no full run")), "{end:?}");
    world.sync().await;
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
    world.connector.rules.limits.leavers = Limit::Count(1);
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(why) if why.contains("settings")), "{end:?}");
    assert_eq!(world.org().reads, reads + 2, "nothing was asked in vain");
    world.sync().await;
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
}

#[tokio::test]
async fn a_log_that_was_not_read_for_long_needs_a_full_run() {
    let mut world = world(ChangesFrom::SystemLog).await;
    world.sync_changes().await;
    world.later(8);
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NeedsFullRun(why) if why.contains("8 days ago")), "{end:?}");
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(_)), "{end:?}");
    world.org().now = Some(world.services.clock.now());
    world.sync().await;
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
}

#[tokio::test]
async fn whoever_loses_the_last_required_group_leaves_at_once() {
    let mut org = Org::with_users(20);
    org.group("g0", "atlassian-users", &["u000", "u001", "u002", "u003"]);
    let mut world = World::new(org, 10).await.with_changes(ChangesFrom::Lists);
    world.connector.rules.scope.required_groups = vec!["atlassian-users".into()];
    world.sync().await;
    world.org().groups.get_mut("g0").unwrap().members.remove("u001");
    world.org().groups.get_mut("g0").unwrap().members.insert("u010".to_owned());
    let (report, _) = world.sync_changes().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert!(!world.target().user_named("u1@example.com").unwrap().active);
    assert!(world.target().user_named("u10@example.com").is_some(), "known, and now in scope");
    assert_nothing_left(&world).await;
}

/// Whatever happens to an org of which all can be seen, an incremental run leaves nothing for a full one.
#[tokio::test]
async fn any_change_that_can_be_seen_is_seen() {
    for seed in 0..20 {
        let world = world(ChangesFrom::Lists).await;
        let mut chance = fastrand::Rng::with_seed(seed);
        for _ in 0..3 {
            change(&mut world.org(), &mut chance);
            let (report, _) = world.sync_changes().await;
            assert_eq!(report.outcome, Outcome::Success, "{seed}: {report:?}");
        }
        assert_nothing_left(&world).await;
    }
}

fn change(org: &mut Org, chance: &mut fastrand::Rng) {
    let users: Vec<String> = org.users.keys().cloned().collect();
    let groups: Vec<String> = org.groups.keys().cloned().collect();
    for _ in 0..chance.usize(0..6) {
        let number = chance.u32(1000..);
        let user = users[chance.usize(..users.len())].clone();
        let group = groups[chance.usize(..groups.len())].clone();
        match chance.u8(0..7) {
            0 => drop(org.user(&format!("n{number}"), &format!("n{number}@example.com"))),
            1 => org.users.get_mut(&user).unwrap().first_name = format!("Name{number}"),
            2 => org.users.get_mut(&user).unwrap().login = format!("login{number}@example.com"),
            3 => {
                let user = org.users.get_mut(&user).unwrap();
                let active = user.status == Status::Active;
                user.status = if active { Status::Suspended } else { Status::Active };
            }
            4 => drop(org.groups.get_mut(&group).unwrap().members.insert(user)),
            5 => drop(org.groups.get_mut(&group).unwrap().members.remove(&user)),
            _ => org.group(&format!("h{number}"), &format!("group{number}"), &[&user]),
        }
    }
}

#[tokio::test]
async fn who_is_known_to_be_gone_by_now_does_not_come_back_from_what_was_known_before() {
    let world = world(ChangesFrom::Lists).await;
    world.org().users.remove("u001");
    assert_eq!(world.sync_user("u1@example.com", false).await.outcome, Outcome::Success);
    assert!(!world.target().user_named("u1@example.com").unwrap().active);
    world.org().users.get_mut("u002").unwrap().first_name = "Another".to_owned();
    let (report, _) = world.sync_changes().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert_eq!(world.target().user_named("u2@example.com").unwrap().attributes.first_name, "Another");
    assert!(!world.target().user_named("u1@example.com").unwrap().active);
}

#[tokio::test]
async fn after_a_full_run_that_did_not_see_all_nothing_is_begun() {
    let world = world(ChangesFrom::Lists).await;
    world.org().groups_cut = true;
    world.sync().await;
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(_)), "{end:?}");
    world.org().groups_cut = false;
    world.sync().await;
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
}
