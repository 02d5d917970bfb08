//! RULES 4: a ledger that was lost comes back from the ids that the target keeps, or, once somebody approves, by name.

use super::world::*;
use crate::sync::engine::Relinking;
use crate::sync::model::*;
use crate::sync::relink::{ObjectKind, Relinked};
use crate::sync::report::{HoldKind, Outcome};

/// Twelve users, two groups of them; synced, and then forgotten. With ids in the target or without.
async fn lost_world(keeps_ids: bool) -> World {
    let mut org = Org::with_users(12);
    org.group("g1", "staff", &["u000", "u001", "u002"]);
    org.group("g2", "admins", &["u003"]);
    let mut world = World::new(org, 5).await;
    world.target().capabilities.keeps_source_ids = keeps_ids;
    world.sync().await;
    world.lose_state().await;
    world.target().log.clear();
    world
}

fn names(links: &[Relinked], kind: ObjectKind) -> Vec<&str> {
    links.iter().filter(|link| link.kind == kind).map(|link| link.name.as_str()).collect()
}

fn left_alone(relinking: &Relinking) -> Vec<(&str, &str)> {
    let alone = relinking.by_id.left_alone.iter();
    alone.map(|one| (one.name.as_str(), one.reason.as_str())).collect()
}

#[tokio::test]
async fn rule_4_ids_in_the_target_rebuild_the_ledger_and_the_next_sync_changes_nothing() {
    let world = lost_world(true).await;
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.unwrap();
    assert!(error.starts_with("state lost?") && error.contains("`usersyncd ctl relink acme`"), "{error}");
    let shown = world.relinking(false).await;
    assert_eq!(names(&shown.by_id.linked, ObjectKind::User).len(), 12);
    assert_eq!(names(&shown.by_id.linked, ObjectKind::Group), ["admins", "staff"]);
    assert!(shown.by_name.is_empty() && shown.findings.is_empty() && shown.by_id.left_alone.is_empty());
    assert!(world.ledger().await.users.is_empty(), "nothing is linked by looking");
    assert_eq!(world.relink().await, shown);
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert!(world.target().log.is_empty(), "{:?}", world.target().log);
    let ledger = world.ledger().await;
    assert_eq!((ledger.users.len(), ledger.groups.len()), (12, 2));
    assert!(ledger.users.values().all(|user| user.origin == Origin::Adopted), "who made them is not known");
    assert!(!world.services.store.is_relinking("acme").await.unwrap(), "nothing is left to ask for");
    assert_eq!(world.relinking(false).await.by_id.linked, [], "what is managed is not linked again");
}

#[tokio::test]
async fn rule_4_who_left_meanwhile_is_linked_and_then_treated_as_a_leaver() {
    let world = lost_world(true).await;
    // The list of users does not show who is deactivated.
    world.org().user("u004", "").status = Status::Deprovisioned;
    world.org().skipped.insert("u004".to_owned());
    let linked = world.relink().await.by_id.linked;
    let out: Vec<&str> = linked.iter().filter(|link| !link.in_scope).map(|link| link.name.as_str()).collect();
    assert_eq!(out, ["u4@example.com"]);
    let report = world.sync().await;
    assert_eq!(report.counts.users.disabled, 1, "{report:?}");
    assert!(!world.target().user_named("u4@example.com").unwrap().active);
}

#[tokio::test]
async fn rule_4_what_may_be_another_connectors_or_a_strangers_is_left_alone() {
    let world = lost_world(true).await;
    world.org().user("u004", "").status = Status::Deprovisioned;
    world.org().left_out.insert("u005".to_owned(), ScopeRule::UsersSearch);
    world.org().users.remove("u006");
    world.org().mute.insert("u007".to_owned());
    world.org().skipped.insert("u007".to_owned());
    let shared = world.relinking(true).await;
    assert_eq!(
        left_alone(&shared),
        [
            (
                "u4@example.com",
                "it carries the id u004, which is not in scope, and may belong to another connector that has this target"
            ),
            (
                "u5@example.com",
                "it carries the id u005, and the source was asked for a part of its records only, without it"
            ),
            ("u6@example.com", "it carries the id u006, which the source does not know"),
            ("u7@example.com", "it carries the id u007, and no answer"),
        ]
    );
    assert_eq!(names(&shared.by_id.linked, ObjectKind::User).len(), 8);
    let alone = world.relinking(false).await;
    assert!(!left_alone(&alone).iter().any(|(name, _)| *name == "u4@example.com"), "{alone:?}");
}

#[tokio::test]
async fn rule_4_an_id_says_nothing_where_two_carry_it_or_the_object_is_protected_or_claimed() {
    let mut world = lost_world(true).await;
    {
        let mut target = world.target();
        let copy = target.add_user("copy@example.com");
        target.users.get_mut(&copy).unwrap().source = Some("u000".into());
    }
    world.connector.rules.protected.users = globs(&["u1@*"]);
    world.connector.rules.protected.groups = globs(&["admins"]);
    let store = &world.services.store;
    store.bind("other", &binding("org2", "memory")).await.unwrap();
    let theirs = world.target().user_named("u2@example.com").unwrap().id.clone();
    let user = LedgerUser::created(theirs, "u2@example.com".into());
    store.change_ledger("other", 0, vec![LedgerChange::PutUser("x".into(), user)], Vec::new()).await.unwrap();
    let relinking = world.relinking(false).await;
    let two = "2 of its kind carry the id u000, so that none of them can be told to be it";
    assert_eq!(
        left_alone(&relinking),
        [
            ("copy@example.com", two),
            ("u0@example.com", two),
            ("u1@example.com", "it is protected"),
            ("u2@example.com", "it is managed by the connector other"),
            ("admins", "it is protected"),
        ]
    );
    // Its own name still says whose the first may be, for a person to decide.
    assert_eq!(names(&relinking.by_name, ObjectKind::User), ["u0@example.com"]);
}

#[tokio::test]
async fn rule_4_without_ids_every_link_is_held_for_approval() {
    let world = lost_world(false).await;
    world.target().users.values_mut().last().unwrap().attributes.email = "else@example.com".into();
    let shown = world.relink().await;
    assert!(shown.by_id.linked.is_empty());
    assert_eq!(names(&shown.by_name, ObjectKind::User).len(), 11);
    assert_eq!(names(&shown.by_name, ObjectKind::Group), ["admins", "staff"]);
    assert_eq!(shown.findings.len(), 1);
    assert!(shown.findings[0].message.contains("another e-mail address"), "{:?}", shown.findings);
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    assert!(world.target().log.is_empty(), "{:?}", world.target().log);
    assert!(world.ledger().await.users.is_empty());
    let [hold] = &report.holds[..] else { panic!("{:?}", report.holds) };
    assert_eq!((hold.kind, hold.count), (HoldKind::Adoptions, 13));
    assert!(
        hold.reason.starts_with("relink: of 11 users and 2 groups only the name says"),
        "{}",
        hold.reason
    );
    world.approve(hold.id.unwrap()).await;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.adopted), (Outcome::Success, 13), "{report:?}");
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.memberships.unchanged), (Outcome::Success, 4), "{report:?}");
    assert!(world.target().log.is_empty(), "all was as it should be: {:?}", world.target().log);
    assert!(!world.services.store.is_relinking("acme").await.unwrap());
}

#[tokio::test]
async fn rule_4_memberships_of_what_is_linked_by_name_wait_for_the_approval_too() {
    let world = lost_world(false).await;
    world.org().group("g1", "staff", &["u000", "u005"]);
    world.relink().await;
    let report = world.sync().await;
    assert_eq!(
        world.target().members("staff").len(),
        3,
        "nothing of a group that may be somebody else's changes"
    );
    world.approve(report.holds[0].id.unwrap()).await;
    world.sync().await;
    world.sync().await;
    assert_eq!(world.target().members("staff"), ["u0@example.com", "u5@example.com"]);
}

#[tokio::test]
async fn rule_4_whoever_puts_the_hold_aside_ends_the_relink() {
    let world = lost_world(false).await;
    world.relink().await;
    let report = world.sync().await;
    assert!(world.services.store.is_relinking("acme").await.unwrap());
    world.services.store.discard(report.holds[0].id.unwrap()).await.unwrap();
    assert!(!world.services.store.is_relinking("acme").await.unwrap());
    assert!(world.sync().await.error.unwrap().starts_with("state lost?"));
}

#[tokio::test]
async fn rule_4_an_account_found_disabled_stays_so_and_a_created_group_is_not_deleted() {
    let mut world = lost_world(true).await;
    world.target().users.values_mut().next().unwrap().active = false;
    world.relink().await;
    world.connector.rules.leavers.groups = crate::sync::rules::LeaverGroups::Delete;
    world.org().groups.remove("g2");
    let report = world.sync().await;
    assert_eq!(kinds(&report)[0], FindingKind::DisabledByOthers, "{report:?}");
    assert!(!world.target().user_named("u0@example.com").unwrap().active);
    assert!(world.target().groups.values().any(|(group, _)| group.name == "admins"));
    assert!(world.target().members("admins").is_empty());
}

#[tokio::test]
async fn rule_4_a_second_relink_is_another_decision() {
    let world = lost_world(false).await;
    world.relink().await;
    let first = world.sync().await.holds[0].id.unwrap();
    world.services.store.discard(first).await.unwrap();
    world.relink().await;
    let report = world.sync().await;
    let second = report.holds[0].id.unwrap();
    assert_ne!(second, first);
    assert!(report.holds[0].fresh, "somebody is told again");
    let open = world.services.store.holds(Some("acme"), false).await.unwrap();
    assert_eq!(open.iter().filter_map(|hold| hold.summary.id).collect::<Vec<_>>(), [second]);
}

#[tokio::test]
async fn rule_2_what_another_connector_took_meanwhile_is_not_linked() {
    let world = lost_world(true).await;
    let relinking = world.relinking(false).await;
    let links = |relinking: &Relinking| crate::store::Links {
        changes: relinking.by_id.changes.clone(),
        asks_by_name: false,
    };
    let store = &world.services.store;
    store.relink("other", &relinking.binding, links(&relinking)).await.unwrap();
    let error = store.relink("acme", &relinking.binding, links(&relinking)).await.unwrap_err();
    assert!(error.to_string().contains("the connector other took"), "{error}");
    assert!(world.ledger().await.users.is_empty());
}

#[tokio::test]
async fn rule_4_a_user_that_carries_the_id_of_a_group_is_not_linked() {
    let world = lost_world(true).await;
    {
        let mut target = world.target();
        let odd = target.add_user("odd@example.com");
        target.users.get_mut(&odd).unwrap().source = Some("g1".into());
    }
    let relinking = world.relinking(false).await;
    assert_eq!(
        left_alone(&relinking),
        [("odd@example.com", "it carries the id g1, which the source does not know")]
    );
}

#[tokio::test]
async fn rule_4_a_group_of_always_is_found_by_the_name_that_stands_there() {
    let mut org = Org::with_users(2);
    org.group("g1", "staff", &["u000"]);
    let mut world = World::new(org, 5).await;
    world.connector.rules.groups.always = vec!["everybody".into(), "staff".into()];
    world.sync().await;
    world.lose_state().await;
    assert_eq!(names(&world.relink().await.by_id.linked, ObjectKind::Group), ["everybody", "staff"]);
    world.target().log.clear();
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert!(report.findings.is_empty() && world.target().log.is_empty(), "{:?}", world.target().log);
    assert!(world.ledger().await.always["everybody"].created);
}
