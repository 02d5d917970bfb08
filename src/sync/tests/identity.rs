//! RULES 6, 7, 8: adoption, protection by the target itself, and taking back.

use super::world::*;
use crate::sync::model::*;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::*;
use crate::target::Write;

/// A world whose target has the first three of four users already, each with its e-mail address.
async fn with_accounts() -> World {
    let mut world = small_world().await;
    for at in 0..3 {
        let name = format!("u{at}@example.com");
        let id = world.target().add_user(&name);
        world.target().users.get_mut(&id).unwrap().attributes.email = name.to_uppercase().into();
    }
    world.connector.rules.existing.users = OnExisting::Adopt;
    world
}

#[tokio::test]
async fn rule_6_an_account_with_the_same_e_mail_is_adopted_and_nothing_but_mapped_attributes_changes() {
    let world = with_accounts().await;
    {
        let mut target = world.target();
        let user = target.users.values_mut().next().unwrap();
        user.attributes.attributes = [("phone".into(), "1234".into())].into_iter().collect();
        user.active = false;
    }
    let plan = world.plan().await;
    assert_eq!(plan.adopted, 3);
    assert!(plan.operations[0].summary.starts_with("adopt user u0@"), "{:?}", plan.operations[0]);
    let report = world.sync().await;
    assert_eq!((report.adopted, report.counts.users.created), (3, 1));
    assert_eq!(kinds(&report), [FindingKind::DisabledByOthers], "who was disabled stays so");
    {
        let target = world.target();
        let adopted = target.user_named("u0@example.com").unwrap();
        assert_eq!(adopted.attributes.attributes.get("phone").unwrap(), "1234");
        assert_eq!(adopted.attributes.first_name, "Ada");
        assert!(!adopted.active);
        assert_eq!(target.members("staff").len(), 3);
    }
    let ledger = world.ledger().await;
    assert_eq!(ledger.users["u000"].origin, Origin::Adopted);
    assert_eq!(ledger.users["u003"].origin, Origin::Created);
    world.target().log.clear();
    world.sync().await;
    assert!(world.target().log.is_empty());
}

#[tokio::test]
async fn rule_6_an_account_that_needs_no_change_is_adopted_without_a_request() {
    let mut world = World::new(Org::with_users(1), 8).await;
    world.sync().await;
    let known = world.target().users.values().next().unwrap().clone();
    let other = World::new(Org::with_users(1), 8).await;
    other.target().users.insert(known.id.clone(), known);
    world.connector.rules.existing.users = OnExisting::Adopt;
    let mut adopting = other;
    // One that keeps ids is told whose it is.
    adopting.target().capabilities.keeps_source_ids = false;
    adopting.connector = world.connector;
    let report = adopting.sync().await;
    assert_eq!(report.adopted, 1);
    assert!(adopting.target().log.is_empty());
    assert_eq!(adopting.ledger().await.users["u000"].origin, Origin::Adopted);
}

#[tokio::test]
async fn rule_6_another_e_mail_is_refused_and_none_at_all_is_held() {
    let world = with_accounts().await;
    {
        let mut target = world.target();
        let mut users = target.users.values_mut();
        users.next().unwrap().attributes.email = "someone@else.example".into();
        users.next().unwrap().attributes.email = "".into();
    }
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held);
    assert_eq!(kinds(&report), [FindingKind::NotManaged]);
    assert!(report.findings[0].message.contains("another e-mail address"), "{:?}", report.findings);
    assert_eq!(report.holds[0].kind, HoldKind::Adoptions);
    assert_eq!(report.holds[0].names, ["u1@example.com"]);
    assert_eq!(report.adopted, 1);
    assert_eq!(world.target().members("staff"), ["u2@example.com"]);
    assert!(!world.ledger().await.users.contains_key("u001"));
}

#[tokio::test]
async fn rule_6_a_member_of_a_protected_group_is_never_adopted() {
    let mut world = with_accounts().await;
    let id = world.target().user_named("u1@example.com").unwrap().id.clone();
    world.target().add_group("jira-administrators", &[&id]);
    world.connector.rules.protected.groups = Globs::new(&["jira-admin*"]).unwrap();
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::Protected]);
    assert_eq!(report.adopted, 2);
    assert!(
        !world
            .target()
            .log
            .iter()
            .any(|write| matches!(write, Write::UpdateUser { user, .. } if user.id == id))
    );
}

#[tokio::test]
async fn rule_6_in_the_run_that_adopts_every_removal_on_what_is_adopted_is_held() {
    let mut world = with_accounts().await;
    world.connector.rules.existing.groups = OnExisting::Adopt;
    world.connector.rules.limits.memberships = Limit::Off;
    let stranger = world.target().add_user("local@example.com");
    let ids: Vec<TargetId> = world.target().users.keys().cloned().collect();
    // u2 and a local account are in the target's group, u3 is in none.
    world.target().add_group("Staff", &[&ids[0], &ids[2], &stranger]);
    world.org().group("g1", "staff", &["u000", "u003"]);
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    assert_eq!(
        (report.holds[0].kind, &report.holds[0].names[..]),
        (HoldKind::Adoptions, &["u2@example.com".into()][..])
    );
    assert_eq!(report.adopted, 4, "three users and a group");
    assert_eq!(world.target().members("staff").len(), 4);
    assert_eq!(world.ledger().await.groups["g1"].origin, Origin::Adopted);
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.deleted, 1);
    assert_eq!(world.target().members("staff"), ["local@example.com", "u0@example.com", "u3@example.com"]);
}

#[tokio::test]
async fn rule_8_what_was_adopted_is_disabled_or_emptied_and_never_deleted() {
    let mut world = with_accounts().await;
    world.connector.rules.existing.groups = OnExisting::Adopt;
    world.connector.rules.leavers =
        Leavers { users: LeaverUsers::Delete, groups: LeaverGroups::Delete, ..Leavers::default() };
    world.connector.rules.limits.leavers = Limit::Off;
    world.connector.rules.limits.groups = Limit::Off;
    world.target().add_group("staff", &[]);
    world.sync().await;
    {
        let mut org = world.org();
        org.users.remove("u000");
        org.users.remove("u003");
        org.groups.remove("g1");
        org.group("g2", "Everyone", &[]);
    }
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.counts.users.deleted), (1, 1), "{report:?}");
    assert_eq!(world.target().groups.len(), 1);
    assert!(world.target().members("staff").is_empty());
    let ledger = world.ledger().await;
    assert!(ledger.users.contains_key("u000") && !ledger.users.contains_key("u003"));
}

#[tokio::test]
async fn rule_8_a_restore_takes_back_what_others_disabled_or_deleted_and_nothing_else_does() {
    let world = small_world().await;
    world.sync().await;
    let ledger = world.ledger().await;
    let disabled = ledger.users["u001"].target.clone();
    let deleted = ledger.users["u002"].target.clone();
    {
        let mut target = world.target();
        target.users.get_mut(&disabled).unwrap().active = false;
        target.users.remove(&deleted);
        for (_, members) in target.groups.values_mut() {
            members.remove(&deleted);
        }
    }
    for login in ["u1@example.com", "u2@example.com"] {
        let report = world.sync_user(login, false).await;
        assert_eq!(report.counts.users.created + report.counts.users.updated, 0, "{report:?}");
        assert_eq!(report.findings.len(), 1);
    }
    let report = world.sync_user("u1@example.com", true).await;
    assert_eq!(report.counts.users.updated, 1);
    assert!(world.target().users[&disabled].active);
    let report = world.sync_user("U2@example.com", true).await;
    assert_eq!(report.counts.users.created, 1);
    assert_eq!(world.target().members("staff").len(), 3, "{report:?}");
    let report = world.sync().await;
    assert_eq!((report.findings.len(), report.outcome), (0, Outcome::Success));
}

#[tokio::test]
async fn rule_6_a_group_that_is_adopted_loses_nobody_in_that_run_whoever_it_is() {
    let mut world = small_world().await;
    world.org().groups.clear();
    world.connector.rules.existing.groups = OnExisting::Adopt;
    world.connector.rules.limits.memberships = Limit::Off;
    world.sync().await;
    let managed = world.ledger().await.users["u003"].target.clone();
    world.target().add_group("staff", &[&managed]);
    world.org().group("g1", "staff", &["u000"]);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.holds[0].kind), (Outcome::Held, HoldKind::Adoptions));
    assert_eq!(world.target().members("staff"), ["u0@example.com", "u3@example.com"]);
    assert_eq!(world.sync().await.counts.memberships.deleted, 1);
}
