//! RULES 18, 19 and 22: what runs between full ones may make of what earlier runs left.

use crate::config::model::ChangesFrom;
use crate::sync::engine::{ChangesEnd, sync};
use crate::sync::model::*;
use crate::sync::progress::RunControl;
use crate::sync::report::{Drift, Outcome};
use crate::sync::rules::{Globs, Inactive, Limit};
use crate::sync::tests::org::Org;
use crate::sync::tests::world::World;

/// A hundred users, half of them in one group, and one full run.
async fn world(from: ChangesFrom) -> World {
    let mut org = Org::with_users(100);
    let ids: Vec<String> = org.users.keys().cloned().collect();
    let members: Vec<&str> = ids.iter().step_by(2).map(String::as_str).collect();
    org.group("g1", "ops", &members);
    let world = World::new(org, 10).await.with_changes(from);
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world
}

fn rename(world: &World, user: &str) {
    world.org().users.get_mut(user).unwrap().first_name.push_str(" Maria");
}

#[tokio::test]
async fn a_list_that_the_last_full_run_could_not_prove_is_not_that_of_the_run_before() {
    let world = world(ChangesFrom::Lists).await;
    world.org().groups.get_mut("g1").unwrap().members.insert("u001".to_owned());
    world.sync_user("u1@example.com", false).await;
    assert!(world.target().members("ops").contains(&"u1@example.com".to_owned()));
    world.org().members_cut.insert("g1".to_owned());
    assert_eq!(world.sync().await.outcome, Outcome::Partial);
    world.org().quiet.insert("g1".to_owned());
    rename(&world, "u002");
    let (report, _) = world.sync_changes().await;
    assert_eq!((report.outcome, report.counts.users.updated), (Outcome::Partial, 1), "{report:?}");
    assert_eq!(world.target().members("ops").len(), 51);
    world.org().members_cut.clear();
    world.org().quiet.clear();
    let (report, _) = world.sync_changes().await;
    assert_eq!(report.outcome, Outcome::Success, "read again, it is known again: {report:?}");
}

#[tokio::test]
async fn rule_16_nobody_is_found_inactive_before_a_full_run_has_asked_when_they_signed_in() {
    let mut org = Org::with_users(3);
    let mut world = World::new(Org::default(), 10).await.with_changes(ChangesFrom::Lists);
    let signed_in = |days: i64| {
        let at = world.services.clock.now() - chrono::TimeDelta::days(days);
        AttributeValue::Text(at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string().into())
    };
    for (user, days) in [("u000", 1), ("u001", 89), ("u002", 1)] {
        let more = &mut org.users.get_mut(user).unwrap().more;
        more.insert("lastLogin".to_owned(), signed_in(days));
    }
    let today = signed_in(-2);
    org.group("g1", "ops", &["u000", "u001"]);
    org.now = world.org().now;
    *world.org() = org;
    world.connector.rules.inactive =
        Some(Inactive { days: 90, never_signed_in: false, except_groups: Globs::default() });
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    world.later(2);
    world.org().users.get_mut("u001").unwrap().more.insert("lastLogin".to_owned(), today);
    world.org().quiet.insert("u001".to_owned());
    rename(&world, "u002");
    let (report, _) = world.sync_changes().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 0), "{report:?}");
    assert_eq!(report.counts.users.updated, 1);
    assert_eq!(world.target().members("ops").len(), 2);
    let full = world.sync().await;
    assert_eq!((full.counts.users.disabled, full.drift), (0, Some(Drift::default())), "{full:?}");
}

#[tokio::test]
async fn rule_19_what_was_only_looked_at_is_not_carried_out() {
    let mut org = Org::with_users(3);
    org.group("g1", "ops", &["u000"]);
    let mut world = World::new(org, 10).await.with_changes(ChangesFrom::Lists);
    world.plan().await;
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(why) if why.contains("no full run")), "{end:?}");
    world.sync().await;
    world.connector.rules.limits.leavers = Limit::Count(1);
    world.plan().await;
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(why) if why.contains("settings")), "{end:?}");
    world.keep_plan("later").await;
    world.apply_kept("later").await;
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(why) if why.contains("settings")), "{end:?}");
}

#[tokio::test]
async fn rule_19_what_a_full_run_did_not_judge_is_left_to_the_next_one() {
    let world = world(ChangesFrom::Lists).await;
    rename(&world, "u002");
    let turn = world.services.turn.take().await;
    let control = RunControl::default();
    control.cancel.cancel();
    let ticket = world.begin().await;
    let report = sync(&world.connector, &world.services, &ticket, &control).await;
    drop(turn);
    assert_eq!(report.outcome, Outcome::Cancelled);
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(why) if why.contains("had looked at")), "{end:?}");
    world.sync().await;
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
}

#[tokio::test]
async fn what_could_not_be_stored_is_not_taken_for_known() {
    let world = world(ChangesFrom::SystemLog).await;
    world.org().groups.clear();
    rename(&world, "u002");
    // No group at all is not believed, so nothing of this read is stored.
    let (report, _) = world.sync_changes().await;
    assert_eq!(report.counts.users.updated, 1, "{report:?}");
    let (_, end) = world.sync_changes().await;
    assert!(matches!(&end, ChangesEnd::NotYet(_)), "{end:?}");
}

#[tokio::test]
async fn whoever_would_get_no_account_is_not_asked_for() {
    let mut org = Org::with_users(20);
    org.group("g1", "ops", &["u000"]);
    let world = World::new(org, 10).await.with_changes(ChangesFrom::Lists);
    for number in 0..9 {
        world.target().add_user(&format!("u{number}@example.com"));
    }
    world.sync().await;
    let asked = world.org().asked;
    rename(&world, "u015");
    let (report, _) = world.sync_changes().await;
    assert_eq!((report.outcome, report.counts.users.updated), (Outcome::Success, 1), "{report:?}");
    assert_eq!(world.org().asked, asked, "theirs are accounts that are not ours");
}

/// So many users, of whom only the first is in the group that is required; after one full run.
async fn only_one_is_required(users: usize, creates: Limit) -> World {
    let mut org = Org::with_users(users);
    org.group("g1", "atlassian-users", &["u000"]);
    let mut world = World::new(org, 10).await.with_changes(ChangesFrom::Lists);
    world.connector.rules.scope.required_groups = vec!["atlassian-users".into()];
    world.connector.rules.limits.creates = creates;
    world.sync().await;
    world
}

/// The first so many users, who now are in that group.
fn join(world: &World, count: usize) -> Vec<String> {
    let all: Vec<String> = world.org().users.keys().take(count).cloned().collect();
    world.org().groups.get_mut("g1").unwrap().members.extend(all.iter().cloned());
    all
}

#[tokio::test]
async fn more_than_are_asked_for_at_once_come_one_run_later() {
    let world = only_one_is_required(300, Limit::Off).await;
    join(&world, 250);
    for total in [201, 250] {
        let (report, end) = world.sync_changes().await;
        assert_eq!((report.outcome, end), (Outcome::Success, ChangesEnd::Done), "{report:?}");
        assert_eq!(world.target().snapshot().users.len(), total);
    }
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
    assert_eq!(world.sync().await.drift, Some(Drift::default()));
}

/// Whoever turns out to be gone makes room for the next.
#[tokio::test]
async fn where_the_first_who_would_come_are_gone_the_others_are_asked_for_next() {
    let world = only_one_is_required(300, Limit::Off).await;
    let all = join(&world, 250);
    world.org().left_out.extend(all[1..201].iter().map(|id| (id.clone(), ScopeRule::UsersSearch)));
    for total in [1, 50] {
        let (report, end) = world.sync_changes().await;
        assert_eq!((report.outcome, end), (Outcome::Success, ChangesEnd::Done), "{report:?}");
        assert_eq!(world.target().snapshot().users.len(), total);
    }
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
}

/// Where the limits hold all of them there is no sense in asking for the next ones, nor for these in each run.
#[tokio::test]
async fn while_all_who_would_come_are_held_nobody_is_asked_for_again_and_again() {
    let world = only_one_is_required(300, Limit::Count(5)).await;
    join(&world, 250);
    let (report, end) = world.sync_changes().await;
    assert_eq!((report.outcome, end), (Outcome::Held, ChangesEnd::Done), "{report:?}");
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
    assert_eq!(world.target().snapshot().users.len(), 1);
}

#[tokio::test]
async fn rule_13_whoever_would_come_and_is_not_answered_about_is_asked_for_again() {
    let world = only_one_is_required(20, Limit::Off).await;
    join(&world, 3);
    world.org().mute.insert("u001".to_owned());
    let (report, _) = world.sync_changes().await;
    assert_eq!((report.outcome, report.counts.users.created), (Outcome::Success, 1), "{report:?}");
    let unconfirmed: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::AbsenceUnconfirmed)
        .map(|finding| &*finding.subject)
        .collect();
    assert_eq!(unconfirmed, ["u001"], "{report:?}");
    // Nothing changed since, and still it is asked for.
    world.org().mute.clear();
    let (report, end) = world.sync_changes().await;
    assert_eq!((report.counts.users.created, end), (1, ChangesEnd::Done), "{report:?}");
    assert_eq!(world.sync_changes().await.1, ChangesEnd::Nothing);
    assert_eq!(world.sync().await.drift, Some(Drift::default()));
}

#[tokio::test]
async fn what_other_settings_change_is_no_drift() {
    let mut world = world(ChangesFrom::Lists).await;
    world.connector.rules.limits.leavers = Limit::Count(50);
    world.org().users.get_mut("u001").unwrap().first_name = "Another".to_owned();
    assert_eq!(world.sync().await.drift, None, "what was known was made by other settings");
    assert_eq!(world.sync().await.drift, Some(Drift::default()));
}
