//! RULES 26: undoing a run brings back what it changed, as far as that is still as the run left it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::*;
use crate::sync::diff::Claims;
use crate::sync::engine::{self, RunTicket, Undoing};
use crate::sync::model::{Status, TargetUser, UserAttributes};
use crate::sync::progress::RunControl;
use crate::sync::report::{Outcome, Trigger};
use crate::sync::rules::*;
use crate::sync::undo::{Later, Present, invert};

/// What a target holds, without ids: users with their state, groups with their members.
type Held = (Vec<(UserAttributes, bool)>, BTreeMap<String, BTreeSet<String>>);

fn held(world: &World) -> Held {
    let target = world.target();
    let mut users: Vec<_> =
        target.users.values().map(|user| (user.attributes.clone(), user.active)).collect();
    users.sort();
    let groups = target.groups.values().map(|(group, members)| {
        let names = members.iter().map(|id| target.users[id].attributes.username.to_string());
        (format!("{}: {}", group.name, group.description), names.collect())
    });
    (users, groups.collect())
}

/// Everything a run can do, in one.
async fn busy_world() -> World {
    let mut org = Org::with_users(12);
    org.group("g1", "staff", &["u000", "u001", "u002", "u003"]);
    org.group("g2", "old", &["u004", "u005", "u006"]);
    org.group("g3", "renamed", &["u007"]);
    let mut world = World::new(org, 5).await;
    world.connector.rules.limits = no_limits();
    world.connector.rules.leavers.groups = LeaverGroups::Delete;
    world.connector.rules.groups.always = vec!["everybody".into()];
    world.sync().await;
    world
}

fn no_limits() -> Limits {
    let off = Limit::Off;
    Limits { leavers: off, memberships: off, groups: off, renames: off, creates: off, floor: 0 }
}

fn change_everything(world: &World) {
    let mut org = world.org();
    org.user("u000", "").status = Status::Suspended;
    org.user("u001", "").login = "renamed@example.com".to_owned();
    org.user("new", "new@example.com");
    org.groups.remove("g2");
    org.groups.get_mut("g3").unwrap().name = "named anew".to_owned();
    org.groups.get_mut("g1").unwrap().members.extend(["new".to_owned(), "u009".to_owned()]);
    org.groups.get_mut("g1").unwrap().members.remove("u002");
    org.group("g4", "brand new", &["u003", "new"]);
}

#[tokio::test]
async fn rules_26_a_run_is_undone_whole_and_the_undo_too() {
    for leavers in [LeaverUsers::Disable, LeaverUsers::Anonymize, LeaverUsers::Delete] {
        let mut world = busy_world().await;
        world.connector.rules.leavers.users = leavers;
        let (before, ledger_before) = (held(&world), world.ledger().await);
        change_everything(&world);
        let run = world.sync().await;
        assert_eq!(run.outcome, Outcome::Success, "{run:?}");
        let after = held(&world);
        assert_ne!(before, after);
        let shown = world.plan_undo(run.run).await;
        assert_eq!((shown.stale.len(), shown.pauses), (0, true), "{leavers:?}: {:?}", shown.stale);
        assert!(
            shown.losses.iter().any(|loss| loss.contains("gets a new id")),
            "the group that left was deleted: {:?}",
            shown.losses
        );
        let (undone, paused) = world.undo_as_shown(run.run, Some(shown.fingerprint)).await;
        assert_eq!((undone.outcome, paused, undone.undoes), (Outcome::Success, true, Some(run.run)));
        assert_eq!(held(&world), before, "{leavers:?}");
        let memory = world.services.store.memory("acme").await.unwrap();
        assert!(memory.paused);
        assert!(memory.pause_reason.unwrap().contains(&format!("run {} was undone", run.run)));
        let ledger = world.ledger().await;
        let names = |ledger: &crate::sync::model::Ledger| -> Vec<_> {
            let user = |(id, user): (&crate::sync::model::SourceId, &crate::sync::model::LedgerUser)| {
                (id.clone(), user.username.clone(), user.disabled_by_us, user.original.clone(), user.origin)
            };
            ledger.users.iter().map(user).collect()
        };
        assert_eq!(names(&ledger), names(&ledger_before), "{leavers:?}");
        assert_eq!(
            ledger.groups.keys().collect::<Vec<_>>(),
            ledger_before.groups.keys().collect::<Vec<_>>(),
            "{leavers:?}"
        );
        // What was undone can be undone, and a sync comes to the same.
        let (again, _) = world.undo(undone.run).await;
        assert_eq!(
            (again.outcome, held(&world) == after),
            (Outcome::Success, true),
            "{leavers:?}: {again:?}"
        );
        world.undo(again.run).await;
        assert_eq!(held(&world), before);
        world.sync().await;
        assert_eq!(held(&world), after, "{leavers:?}");
        let window = world.services.store.recent("acme", chrono::DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(
            window.memberships.values().map(|count| count.applied).max(),
            Some(1),
            "neither an undo nor what it undid counts"
        );
    }
}

#[tokio::test]
async fn rules_26_what_is_no_longer_as_the_run_left_it_stays_as_it_is_and_is_told() {
    let world = busy_world().await;
    change_everything(&world);
    let run = world.sync().await;
    {
        let mut target = world.target();
        let id = |target: &super::world::Memory, name: &str| -> crate::sync::model::TargetId {
            target.user_named(name).unwrap().id.clone()
        };
        let (renamed, new, first) = (
            id(&target, "renamed@example.com"),
            id(&target, "new@example.com"),
            id(&target, "u0@example.com"),
        );
        target.users.get_mut(&renamed).unwrap().attributes.first_name = "Changed".into();
        target.users.get_mut(&new).unwrap().active = false;
        target.users.get_mut(&first).unwrap().active = true;
        let staff = target.groups.values_mut().find(|(group, _)| group.name == "staff").unwrap();
        staff.1.remove(&new);
        target.add_group("local", &[&new]);
    }
    let shown = world.plan_undo(run.run).await;
    let stale: BTreeMap<&str, &str> =
        shown.stale.iter().map(|stale| (stale.summary.as_str(), stale.reason.as_str())).collect();
    assert_eq!(stale["rename user u1@example.com to renamed@example.com"], "it was changed since");
    assert_eq!(stale["disable user u0@example.com"], "the account is enabled again");
    assert_eq!(stale["create user new@example.com"], "it was changed since");
    assert!(
        stale["change members of group staff (+2 -1)"].starts_with("1 of its 3 memberships"),
        "{stale:?}"
    );
    let (report, paused) = world.undo(run.run).await;
    assert_eq!((report.outcome, paused), (Outcome::Success, true));
    assert_eq!(report.stale, shown.stale);
    assert!(world.target().user_named("new@example.com").is_some());
    assert_eq!(
        world.target().members("staff"),
        ["renamed@example.com", "u0@example.com", "u2@example.com", "u3@example.com"]
    );
    assert_eq!(world.target().members("local"), ["new@example.com"]);
}

#[tokio::test]
async fn an_undo_that_was_shown_is_done_only_if_it_is_still_the_same() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("new", "new@example.com");
    world.org().user("other", "other@example.com");
    let run = world.sync().await;
    let shown = world.plan_undo(run.run).await;
    assert_eq!(shown.operations.len(), 2);
    let id = world.target().user_named("other@example.com").unwrap().id.clone();
    world.target().users.remove(&id);
    let (report, paused) = world.undo_as_shown(run.run, Some(shown.fingerprint)).await;
    assert_eq!((report.outcome, paused), (Outcome::Failed, false));
    assert!(report.error.unwrap().contains("changed since the undo of run"));
    assert!(world.target().user_named("new@example.com").is_some());
}

#[tokio::test]
async fn nothing_to_undo_pauses_nothing() {
    let world = small_world().await;
    world.sync().await;
    let idle = world.sync().await;
    let (report, paused) = world.undo(idle.run).await;
    assert_eq!((report.outcome, paused), (Outcome::Success, false));
    assert!(!world.services.store.memory("acme").await.unwrap().paused);
    let memory = world.services.store.memory("acme").await.unwrap();
    assert_eq!(memory.last_run.unwrap().run, idle.run, "an undo is no sync");
}

#[tokio::test]
async fn where_deleting_loses_something_a_created_account_is_disabled() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("new", "new@example.com");
    world.org().groups.get_mut("g1").unwrap().members.insert("new".to_owned());
    let run = world.sync().await;
    world.target().capabilities.deletes_without_loss = false;
    let shown = world.plan_undo(run.run).await;
    assert!(shown.losses[0].contains("is disabled, not deleted"), "{:?}", shown.losses);
    world.undo(run.run).await;
    let user: TargetUser = world.target().user_named("new@example.com").unwrap().clone();
    assert!(!user.active);
    assert_eq!(world.target().members("staff").len(), 3);
    assert!(world.ledger().await.users["new"].disabled_by_us, "so that it comes back by itself");
}

#[tokio::test]
async fn what_was_adopted_is_let_go_as_it_was() {
    let org = Org::with_users(2);
    let mut world = World::new(org, 5).await;
    world.connector.rules.existing = Existing { users: OnExisting::Adopt, groups: OnExisting::Adopt };
    let id = world.target().add_user("u0@example.com");
    world.target().users.get_mut(&id).unwrap().attributes.email = "u0@example.com".into();
    world.org().group("g1", "staff", &["u000"]);
    world.target().add_group("staff", &[&id]);
    let before = held(&world);
    let run = world.sync().await;
    assert_eq!(run.adopted, 2, "{run:?}");
    let after = held(&world);
    let (undone, _) = world.undo(run.run).await;
    assert_eq!(held(&world), before, "{undone:?}");
    let ledger = world.ledger().await;
    assert_eq!((ledger.users.len(), ledger.groups.len()), (0, 0), "neither is managed any more");
    let (again, _) = world.undo(undone.run).await;
    assert_eq!((again.outcome, held(&world)), (Outcome::Success, after));
    assert_eq!(world.ledger().await.users.len(), 2);
}

#[tokio::test]
async fn members_that_a_run_could_not_change_are_not_undone() {
    let world = small_world().await;
    world.sync().await;
    world.org().groups.get_mut("g1").unwrap().members.insert("u003".to_owned());
    let run = world.sync().await;
    let done = world.services.store.journaled(run.run).await.unwrap().unwrap();
    let mut partial = done.clone();
    partial[0].result = Some("partial".to_owned());
    partial[0].left_out = vec!["u003".into()];
    let snapshot = world.target().snapshot();
    let ledger = world.ledger().await;
    let (protected, claims, later) = (Protected::default(), Claims::default(), Later::default());
    let present = Present {
        target: &snapshot,
        ledger: &ledger,
        capabilities: CAPABILITIES,
        protected: &protected,
        claims: &claims,
        later: &later,
    };
    assert_eq!(invert(&done, &present).plan.operations.len(), 1);
    assert!(invert(&partial, &present).plan.operations.is_empty());
}

#[tokio::test]
async fn a_crash_in_an_undo_is_found_out_by_whatever_runs_next() {
    let mut died = 0;
    for after in 0..12 {
        let world = busy_world().await;
        change_everything(&world);
        let run = world.sync().await;
        let synced = held(&world);
        world.target().dies_after = Some(after);
        let started = world.services.clock.now();
        let id = world.services.store.begin_run("acme", Trigger::Undo, None, started).await.unwrap();
        let ticket = RunTicket { run: id, trigger: Trigger::Undo, user: None, kept: None, started };
        let (connector, services) = (world.connector.clone(), world.services.clone());
        let undoing = Undoing { run: run.run, fingerprint: None, uid: 7 };
        let undo = async move {
            engine::undo(&connector, &services, &ticket, &undoing, &RunControl::default()).await
        };
        died += usize::from(tokio::spawn(undo).await.is_err());
        world.target.clear_poison();
        world.target().dies_after = None;
        assert!(world.services.store.memory("acme").await.unwrap().paused, "{after}: paused before anything");
        let (report, _) = world.undo(run.run).await;
        assert_eq!(report.outcome, Outcome::Success, "{after}: {report:?}");
        world.sync().await;
        assert_eq!(held(&world), synced, "{after}: the source still says so");
        assert_eq!(world.services.store.ledger("acme").await.unwrap().unanswered, Vec::new());
    }
    assert!(died > 5, "{died}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undoing_any_run_brings_back_what_was_there(
        statuses in prop::collection::vec(0..3usize, 8),
        moves in prop::collection::vec((0..4usize, 0..8usize), 0..20),
        mode in 0..3usize,
        removed_group in 0..6usize,
        name in 0..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut org = Org::with_users(8);
            for (group, members) in [(0, 0..4), (1, 2..6), (2, 5..8), (3, 0..0)] {
                let ids: Vec<String> = members.map(|i: usize| format!("u{i:03}")).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                org.group(&format!("g{group}"), &format!("group{group}"), &ids);
            }
            let mut world = World::new(org, 3).await;
            world.connector.rules.limits = no_limits();
            world.connector.rules.leavers.users =
                [LeaverUsers::Disable, LeaverUsers::Anonymize, LeaverUsers::Delete][mode];
            world.connector.rules.leavers.groups =
                if mode == 1 { LeaverGroups::Empty } else { LeaverGroups::Delete };
            if mode == 2 {
                world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: globs(&[]) };
            }
            world.sync().await;
            let before = held(&world);
            for (i, status) in statuses.iter().enumerate() {
                let id = format!("u{i:03}");
                match status {
                    1 => world.org().user(&id, "").status = Status::Suspended,
                    2 => drop(world.org().users.remove(&id)),
                    _ => {}
                }
            }
            for (group, user) in moves {
                let mut org = world.org();
                let members = &mut org.groups.get_mut(&format!("g{group}")).unwrap().members;
                let id = format!("u{user:03}");
                if !members.remove(&id) {
                    members.insert(id);
                }
            }
            world.org().groups.remove(&format!("g{removed_group}"));
            if let Some(group) = world.org().groups.get_mut(&format!("g{name}")) {
                group.name = "another name".to_owned();
            }
            world.org().user("new", "new@example.com");
            let run = world.sync().await;
            let (undone, _) = world.undo(run.run).await;
            prop_assert_eq!(&undone.stale, &Vec::new());
            prop_assert_eq!(undone.outcome, Outcome::Success);
            prop_assert_eq!(held(&world), before);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn two_groups_that_became_one_are_two_again() {
    let mut org = Org::with_users(6);
    org.group("g1", "one", &["u000", "u001"]);
    org.group("g2", "two", &["u002"]);
    let mut world = World::new(org, 5).await;
    world.connector.rules.limits = no_limits();
    world.sync().await;
    let before = held(&world);
    world.org().groups.get_mut("g1").unwrap().name = "two".to_owned();
    let run = world.sync().await;
    assert_eq!(world.target().members("two").len(), 3);
    let (undone, _) = world.undo(run.run).await;
    assert_eq!((undone.stale.len(), held(&world)), (0, before), "{undone:?}");
}

#[tokio::test]
async fn what_is_protected_or_came_full_circle_is_not_undone() {
    let mut world = small_world().await;
    world.connector.rules.limits = no_limits();
    world.sync().await;
    world.org().user("u000", "").status = Status::Suspended;
    world.org().groups.get_mut("g1").unwrap().members.remove("u001");
    world.org().user("svc", "svc-backup@example.com");
    let run = world.sync().await;
    world.org().user("u000", "").status = Status::Active;
    world.org().groups.get_mut("g1").unwrap().members.insert("u001".to_owned());
    world.sync().await;
    world.org().user("u000", "").status = Status::Suspended;
    world.org().groups.get_mut("g1").unwrap().members.remove("u001");
    world.sync().await;
    world.connector.rules.protected.users = globs(&["svc-*"]);
    let shown = world.plan_undo(run.run).await;
    assert_eq!(shown.operations, Vec::new(), "a later run decided the same for a reason of its own");
    let reasons: BTreeSet<&str> = shown.stale.iter().map(|stale| stale.reason.as_str()).collect();
    assert!(reasons.contains("the account is protected"), "{reasons:?}");
    assert!(reasons.contains("a later run enabled or disabled it again"), "{reasons:?}");
}
