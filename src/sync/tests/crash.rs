//! Law 5: whatever moment the process dies at, the next run converges and nothing is applied twice with effect.

use std::sync::Arc;

use super::world::*;
use crate::sync::engine::sync;
use crate::sync::model::{FindingKind, Status};
use crate::sync::progress::RunControl;
use crate::sync::report::Outcome;
use crate::sync::rules::*;

fn changed_org() -> (Org, impl Fn(&mut Org)) {
    let mut org = Org::with_users(7);
    org.group("g1", "staff", &["u000", "u001", "u002"]);
    org.group("g2", "left", &["u001", "u003"]);
    let change = |org: &mut Org| {
        org.user("u000", "").login = "renamed@example.com".to_owned();
        org.user("u001", "").status = Status::Suspended;
        org.users.remove("u006");
        org.user("new", "new@example.com");
        org.group("g1", "staff", &["u000", "u002", "new", "u004"]);
        org.groups.remove("g2");
        org.group("g3", "fresh", &["new", "u005"]);
    };
    (org, change)
}

/// What the target holds, without ids.
fn contents(world: &World) -> Vec<String> {
    let target = world.target();
    let users = target.users.values().map(|user| format!("{:?} {}", user.attributes, user.active));
    let groups =
        target.groups.values().map(|(group, _)| format!("{} {:?}", group.name, target.members(&group.name)));
    let mut all: Vec<String> = users.chain(groups).collect();
    all.sort();
    all
}

/// Runs until the process dies after `writes` writes; true if it did.
async fn sync_and_die(world: &World, writes: usize) -> bool {
    world.target().dies_after = Some(writes);
    let ticket = world.begin().await;
    let (connector, services) = (world.connector.clone(), world.services.clone());
    let run = tokio::spawn(async move { sync(&connector, &services, &ticket, &RunControl::default()).await });
    let died = run.await.is_err();
    world.target.clear_poison();
    world.target().dies_after = None;
    died
}

/// The default rules; rules that delete and take away; rules that anonymize.
fn kinds_of_rules() -> [Rules; 3] {
    let groups = GroupRules { always: vec!["everybody".into()], ..GroupRules::default() };
    let leavers = |users, groups, memberships| Leavers { users, groups, memberships, ..Leavers::default() };
    let remove = || LeaverMemberships::Remove { except: Globs::default() };
    [
        Rules::default(),
        Rules {
            groups: groups.clone(),
            leavers: leavers(LeaverUsers::Delete, LeaverGroups::Delete, remove()),
            ..Rules::default()
        },
        Rules {
            groups,
            leavers: leavers(LeaverUsers::Anonymize, LeaverGroups::Empty, remove()),
            ..Rules::default()
        },
    ]
}

#[tokio::test]
async fn a_crash_after_any_prefix_of_writes_converges() {
    for rules in kinds_of_rules() {
        crash_after_any_prefix(&rules).await;
    }
}

async fn crash_after_any_prefix(rules: &Rules) {
    let world_with = async |org: &Org, batch_size| {
        let mut world = World::new(org.clone(), batch_size).await;
        world.connector.rules = rules.clone();
        world
    };
    for batch_size in [1, 3, 50] {
        let (org, change) = changed_org();
        let reference = world_with(&org, batch_size).await;
        reference.sync().await;
        let after_first = contents(&reference);
        change(&mut reference.org());
        reference.sync().await;
        let after_second = contents(&reference);

        for deadly in 0..40 {
            let world = world_with(&org, batch_size).await;
            let first_died = sync_and_die(&world, deadly).await;
            assert_eq!(
                world.sync().await.outcome,
                Outcome::Success,
                "after a crash at {deadly} of the first run"
            );
            assert_eq!(contents(&world), after_first, "after a crash at {deadly} of the first run");
            change(&mut world.org());
            let second_died = sync_and_die(&world, deadly).await;
            let report = world.sync().await;
            assert_eq!(report.outcome, Outcome::Success, "{report:?}");
            assert_eq!(contents(&world), after_second, "after a crash at {deadly} of the second run");
            world.target().log.clear();
            world.sync().await;
            assert!(world.target().log.is_empty(), "nothing is left to do");
            if !first_died && !second_died {
                assert!(deadly > 9, "the crash must happen");
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_journaled_is_not_applied() {
    for (full, words) in [(true, "the disk is full"), (false, "read-only")] {
        let mut org = Org::with_users(400);
        org.group("g1", "staff", &["u000"]);
        let world = World::new(org, 100).await;
        let ticket = world.begin().await;
        world.services.store.bind("acme", &binding("org1", "memory")).await.unwrap();
        world.services.store.break_down(full).await;
        let report = sync(&world.connector, &world.services, &ticket, &RunControl::default()).await;
        let applied = world.target().log.len();
        assert!(applied < 400, "the journal must break down on the way");
        assert_eq!(report.outcome, if applied == 0 { Outcome::Failed } else { Outcome::Partial });
        assert_eq!(report.counts.users.created as usize, applied, "only what was journaled was applied");
        let error = report.error.unwrap();
        assert!(error.contains(words), "{error}");
        assert!(
            world.services.store.begin_run("acme", ticket.trigger, None, ticket.started).await.is_err()
                || full
        );
    }
}

#[tokio::test]
async fn two_runs_into_one_target_write_one_after_the_other_and_the_waiting_one_looks_again() {
    let (org, _) = changed_org();
    let world = World::new(org, 2).await;
    let turn = Arc::clone(&world.services.turn);
    let busy = turn.take().await;
    let ticket = world.begin().await;
    let (connector, services) = (world.connector.clone(), world.services.clone());
    let control = RunControl::default();
    let progress = control.progress.clone();
    let run = tokio::spawn(async move { sync(&connector, &services, &ticket, &control).await });
    until_waiting(&world, &progress).await;
    assert!(world.target().log.is_empty());
    // Whoever has the turn makes an account of a name that the waiting run wants.
    world.target().add_user("u0@example.com");
    turn.wrote();
    drop(busy);
    let report = run.await.unwrap();
    assert_eq!((report.outcome, report.counts.users.created), (Outcome::Success, 6));
    assert_eq!(report.findings[0].kind, crate::sync::model::FindingKind::NotManaged);
}

/// Until the run has read the target and waits for its turn.
async fn until_waiting(world: &World, progress: &crate::sync::progress::Progress) {
    while world.target().reads == 0 || progress.view().phase != crate::sync::progress::Phase::Waiting {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_waits_for_the_turn_can_be_cancelled() {
    let (org, _) = changed_org();
    let world = World::new(org, 2).await;
    let turn = Arc::clone(&world.services.turn);
    let _busy = turn.take().await;
    let ticket = world.begin().await;
    let control = RunControl::default();
    control.cancel.cancel();
    let report = sync(&world.connector, &world.services, &ticket, &control).await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(report.error.unwrap().contains("waited for its turn"));
}

#[tokio::test]
async fn a_stop_while_applying_lets_the_batch_finish_and_journals_it() {
    let (org, _) = changed_org();
    let world = World::new(org, 2).await;
    let control = RunControl::default();
    world.target().cancels = Some((3, control.cancel.clone()));
    let ticket = world.begin().await;
    let report = sync(&world.connector, &world.services, &ticket, &control).await;
    assert_eq!((report.outcome, report.counts.users.created), (Outcome::Cancelled, 4));
    assert_eq!(world.target().users.len(), 4, "the batch at hand was finished, and no other begun");
    assert_eq!(world.ledger().await.users.len(), 4);
    assert_eq!(world.ledger().await.unanswered, []);
    assert!(report.error.unwrap().contains("7 operations were not applied"));
    assert_eq!(world.sync().await.outcome, Outcome::Success);
    assert_eq!(world.target().users.len(), 7);
}

#[tokio::test]
async fn whoever_a_crashed_run_disabled_is_enabled_again_and_counts_against_the_limits() {
    let mut org = Org::with_users(30);
    org.group("g1", "staff", &["u000", "u001", "u002", "u003"]);
    let world = World::new(org, 50).await;
    world.sync().await;
    for id in ["u000", "u001", "u002"] {
        world.org().user(id, "").status = Status::Suspended;
    }
    world.org().group("g1", "staff", &["u003", "u004"]);
    world.org().user("u009", "").login = "renamed@example.com".to_owned();
    // The rename, the change of members, and two of the three disables reach the target, and no answer is recorded.
    assert!(sync_and_die(&world, 4).await);
    assert_eq!(world.ledger().await.unanswered.len(), 3, "the disables of the batch that died");
    world.sync().await;
    let recent =
        world.services.store.recent("acme", world.services.clock.now() - chrono::TimeDelta::hours(1));
    let recent = recent.await.unwrap();
    assert_eq!(
        (recent.leavers.applied, recent.renames.applied),
        (3, 1),
        "two found, one disabled by this run"
    );
    for id in ["u000", "u001", "u002"] {
        world.org().user(id, "").status = Status::Active;
    }
    let report = world.sync().await;
    assert_eq!(
        (report.counts.users.updated, report.findings.as_slice()),
        (3, &[][..]),
        "nobody stays locked out"
    );
    assert!(world.target().users.values().all(|user| user.active));
}

#[tokio::test]
async fn what_a_crashed_run_renamed_or_removed_counts_too() {
    let mut org = Org::with_users(30);
    org.group("g1", "staff", &["u000", "u001", "u002", "u003"]);
    org.group("g2", "gone", &["u005"]);
    let world = World::new(org, 50).await;
    world.sync().await;
    world.org().user("u009", "").login = "renamed@example.com".to_owned();
    assert!(sync_and_die(&world, 1).await || world.ledger().await.unanswered.is_empty());
    world.org().group("g1", "staff", &["u002", "u003"]);
    world.org().groups.remove("g2");
    world.target().dies_after = None;
    assert!(!sync_and_die(&world, 9).await);
    let since = world.services.clock.now() - chrono::TimeDelta::hours(1);
    let recent = world.services.store.recent("acme", since).await.unwrap();
    let removed: u64 = recent.memberships.values().map(|count| count.applied).sum();
    assert_eq!((removed, recent.groups.applied, recent.renames.applied), (2, 1, 1));
}

#[tokio::test]
async fn whom_a_crashed_run_deleted_or_anonymized_comes_back_as_themselves() {
    for users in [LeaverUsers::Delete, LeaverUsers::Anonymize] {
        let mut world = small_world().await;
        world.connector.rules.leavers.users = users;
        world.sync().await;
        world.org().user("u001", "").status = Status::Suspended;
        // The effect of the last write is there, and the process dies before it hears so.
        let writes = if users == LeaverUsers::Delete { 1 } else { 2 };
        let ticket = world.begin().await;
        let (connector, services) = (world.connector.clone(), world.services.clone());
        world.target().dies_behind = Some(writes);
        let run =
            tokio::spawn(async move { sync(&connector, &services, &ticket, &RunControl::default()).await });
        assert!(run.await.is_err());
        world.target.clear_poison();
        world.sync().await;
        let recent = world.services.store.recent("acme", chrono::DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(recent.leavers.applied, 1, "{users:?}");
        world.org().user("u001", "").status = Status::Active;
        world.connector.rules.limits.renames = Limit::Count(0);
        let report = world.sync().await;
        assert_eq!((report.outcome, report.findings.len()), (Outcome::Success, 0), "{users:?}: {report:?}");
        assert!(world.target().user_named("u1@example.com").unwrap().active, "{users:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_made_under_the_name_of_a_create_that_was_not_answered_is_not_ours() {
    for (source, email, is_ours) in [
        (Some("u000"), "other@example.com", true),
        (Some("u999"), "u0@example.com", false),
        (None, "other@example.com", false),
        (None, "U0@example.com", true),
        (None, "", true),
    ] {
        let mut org = Org::with_users(1);
        org.group("g1", "staff", &[]);
        let world = World::new(org, 2).await;
        // It is journaled, and it never arrives.
        assert!(sync_and_die(&world, 0).await);
        assert_eq!(world.ledger().await.unanswered.len(), 1);
        {
            let mut target = world.target();
            let id = target.add_user("u0@example.com");
            let user = target.users.get_mut(&id).unwrap();
            (user.source, user.attributes.email) = (source.map(Into::into), email.into());
            let group = target.add_group("staff", &[]);
            target.group_sources.insert(group, "g999".into());
        }
        let report = world.sync().await;
        let expected = if is_ours { 1 } else { 0 };
        assert_eq!(world.ledger().await.users.len(), expected, "{source:?} {email}: {report:?}");
        let strangers = kinds(&report).iter().filter(|kind| **kind == FindingKind::NotManaged).count();
        assert_eq!(strangers, 2 - expected, "{source:?} {email}: {report:?}");
    }
}

#[tokio::test]
async fn what_waits_for_its_turn_when_the_run_is_cancelled_did_not_fail_it_was_not_sent() {
    for name in ["u6@example.com", "left"] {
        let (org, _) = changed_org();
        let world = World::new(org, 1).await;
        let control = RunControl::default();
        world.target().never_sends = Some((name.to_owned(), control.cancel.clone()));
        let ticket = world.begin().await;
        let report = sync(&world.connector, &world.services, &ticket, &control).await;
        world.services.store.end_run(&report).await.unwrap();
        assert_eq!(report.outcome, Outcome::Cancelled);
        assert_eq!((report.counts.users.failed, report.counts.groups.failed), (0, 0), "{name}");
        assert_eq!(world.ledger().await.unanswered, [], "{name}");
        let told = world.services.store.report(ticket.run).await.unwrap().unwrap().operations;
        assert!(told.iter().all(|one| one.result == "applied"), "{name}: {told:?}");
        let left = 7 + 4 - told.len();
        assert!(report.error.unwrap().contains(&format!("{left} operations were not applied")), "{name}");
        world.target().never_sends = None;
        assert_eq!(world.sync().await.outcome, Outcome::Success);
        assert_eq!(world.target().users.len(), 7);
    }
}
