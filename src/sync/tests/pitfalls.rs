//! Where rules meet: what each of them does alone is in the other files.

use super::world::*;
use crate::sync::mapping::Template;
use crate::sync::model::*;
use crate::sync::rename::Rename;
use crate::sync::report::{HoldKind, Outcome};
use crate::sync::rules::*;

fn unlimited(world: &mut World) {
    let limits = &mut world.connector.rules.limits;
    (limits.leavers, limits.memberships, limits.groups) = (Limit::Off, Limit::Off, Limit::Off);
}

/// Six users; u2 and u3 are in payroll.
async fn payroll() -> World {
    let mut org = Org::with_users(6);
    org.group("g1", "payroll", &["u002", "u003"]);
    let mut world = World::new(org, 8).await;
    unlimited(&mut world);
    world
}

const PAID: [&str; 2] = ["u2@example.com", "u3@example.com"];

#[tokio::test]
async fn rule_9_a_group_that_cannot_have_the_name_of_an_always_group_keeps_its_own_members() {
    let mut world = payroll().await;
    world.connector.rules.groups.always = vec!["all".into()];
    world.sync().await;
    world.org().groups.get_mut("g1").unwrap().name = "All".to_owned();
    for _ in 0..2 {
        let report = world.sync().await;
        assert!(kinds(&report).contains(&FindingKind::NameCollision), "{report:?}");
        assert_eq!(world.target().members("payroll"), PAID);
        assert_eq!(world.target().members("all").len(), 6, "and the always group keeps everybody");
    }
}

#[tokio::test]
async fn rule_9_a_group_that_cannot_have_the_name_of_a_merge_gets_nobody_of_the_others() {
    for can_rename in [true, false] {
        let mut world = payroll().await;
        world.sync().await;
        world.target().capabilities.rename_groups = can_rename;
        if can_rename {
            world.target().add_group("shared", &[]);
        }
        world.org().group("g2", "hr", &["u000", "u001"]);
        world.connector.rules.groups.rename = vec![Rename::new("^(payroll|hr)$", "shared").unwrap()];
        world.sync().await;
        assert_eq!(world.target().members("payroll"), PAID, "can rename: {can_rename}");
    }
}

#[tokio::test]
async fn a_group_whose_rename_fails_gets_nobody_who_was_to_come_to_the_new_name() {
    let mut world = payroll().await;
    world.sync().await;
    world.org().group("g2", "hr", &["u000", "u001"]);
    world.connector.rules.groups.rename = vec![Rename::new("^(payroll|hr)$", "shared").unwrap()];
    world.target().refuses = Some("shared".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(world.target().members("payroll"), PAID);
}

#[tokio::test]
async fn rule_10_two_managed_groups_that_are_merged_are_both_remembered_until_the_second_is_empty() {
    let mut world = payroll().await;
    world.org().group("g2", "hr", &["u000", "u001", "u004"]);
    world.sync().await;
    world.connector.rules.limits.groups = Limit::Count(0);
    world.org().groups.get_mut("g2").unwrap().name = "payroll".to_owned();
    for _ in 0..2 {
        let report = world.sync().await;
        assert_eq!((report.outcome, report.holds[0].kind), (Outcome::Held, HoldKind::Groups), "{report:?}");
        assert_eq!(world.target().members("hr").len(), 3);
    }
    world.connector.rules.limits.groups = Limit::Off;
    world.sync().await;
    assert!(world.target().members("hr").is_empty());
    assert_eq!(world.target().members("payroll").len(), 5);
    world.target().log.clear();
    world.sync().await;
    assert!(world.target().log.is_empty());
}

#[tokio::test]
async fn rule_5_a_name_that_several_wanted_is_not_free_for_the_one_who_is_asked_for_first() {
    let mut world = World::new(Org::with_users(3), 8).await;
    world.sync().await;
    world.connector.rules.mapping.username = Template::compile("{{ profile.lastName }}").unwrap();
    assert_eq!(kinds(&world.sync().await), [FindingKind::NameCollision; 3]);
    let report = world.sync_user("u1@example.com", false).await;
    assert_eq!((kinds(&report), report.counts.users.updated), (vec![FindingKind::NameCollision], 0));
    assert!(world.explain("u1@example.com").await.operations.is_empty());
}

#[tokio::test]
async fn law_1_a_question_about_scope_that_was_not_answered_lets_nobody_in() {
    let world = payroll().await;
    world.sync().await;
    world.org().user("u009", "u9@example.com");
    world.org().group("g9", "secret", &["u002"]);
    for id in ["u009", "g9"] {
        world.org().unanswered.insert(id.to_owned());
    }
    world.target().log.clear();
    for login in ["u9@example.com", "u2@example.com"] {
        let report = world.sync_user(login, false).await;
        assert_eq!(
            (report.outcome, kinds(&report)),
            (Outcome::Partial, vec![FindingKind::AbsenceUnconfirmed]),
            "{login}"
        );
    }
    assert!(world.target().log.is_empty(), "{:?}", world.target().log);
}

#[tokio::test]
async fn a_group_that_was_made_anew_costs_the_one_user_nothing() {
    let world = payroll().await;
    world.sync().await;
    world.org().groups.remove("g1");
    world.org().group("g7", "payroll", &["u002", "u003"]);
    let report = world.sync_user("u2@example.com", false).await;
    assert_eq!(report.counts.memberships.deleted, 0, "{report:?}");
    world.sync().await;
    assert_eq!(world.target().members("payroll"), PAID);
    // A second group of that name, of which the user is: the same.
    world.org().group("g8", "payroll", &["u004"]);
    world.sync().await;
    world.org().groups.get_mut("g7").unwrap().members.remove("u002");
    world.org().group("g8", "payroll", &["u002", "u004"]);
    assert_eq!(world.sync_user("u2@example.com", false).await.counts.memberships.deleted, 0);
}

#[tokio::test]
async fn rule_18_no_groups_at_all_are_asked_about_before_one_user_loses_them() {
    let world = payroll().await;
    world.sync().await;
    world.org().no_groups_of.insert("u002".to_owned());
    let report = world.sync_user("u2@example.com", false).await;
    assert_eq!((report.outcome, report.counts.memberships.deleted), (Outcome::Success, 0), "{report:?}");
    world.org().groups.get_mut("g1").unwrap().members.remove("u002");
    assert_eq!(world.sync_user("u2@example.com", false).await.counts.memberships.deleted, 1);
}

#[tokio::test]
async fn rule_11_a_group_that_okta_leaves_out_is_no_required_group() {
    let mut world = payroll().await;
    world.org().group("g2", "ad-staff", &["u004"]);
    world.org().group("g3", "staff", &["u002"]);
    world.connector.rules.groups.rename = vec![Rename::new("^ad-", "").unwrap()];
    world.connector.rules.scope.required_groups = vec!["staff".into()];
    world.org().left_out.insert("g2".to_owned(), ScopeRule::GroupsSearch);
    world.sync().await;
    world.sync_user("u4@example.com", false).await;
    assert_eq!(world.target().users.len(), 1, "u2 alone");
}

#[tokio::test]
async fn rule_15_one_user_makes_no_always_group_of_a_synced_one_and_neither_does_a_list_that_proves_nothing()
{
    let mut world = payroll().await;
    world.connector.rules.groups.always = vec!["payroll".into()];
    world.sync().await;
    world.org().groups.get_mut("g1").unwrap().members.remove("u005");
    world.sync_user("u5@example.com", false).await;
    assert!(world.ledger().await.groups.contains_key("g1"));
    world.org().skipped.insert("g1".to_owned());
    world.org().groups_cut = true;
    world.sync().await;
    assert!(world.ledger().await.groups.contains_key("g1"));
    assert_eq!(world.target().members("payroll").len(), 6);
}

#[tokio::test]
async fn rule_7_a_protected_group_that_is_merged_into_an_always_group_throws_nobody_out() {
    let mut world = payroll().await;
    world.connector.rules.groups.always = vec!["team".into()];
    world.sync().await;
    world.org().group("g5", "team", &["u000"]);
    world.org().group("g6", "okta-team", &["u001"]);
    world.connector.rules.groups.rename = vec![Rename::new("^okta-", "").unwrap()];
    world.connector.rules.protected.groups = globs(&["okta-team"]);
    world.sync().await;
    assert_eq!(world.target().members("team").len(), 6);
}

#[tokio::test]
async fn rule_15_a_group_that_somebody_else_made_is_not_taken_over_on_account_of_always() {
    let mut world = payroll().await;
    world.sync().await;
    let by_hand = world.ledger().await.users["u000"].target.clone();
    world.target().add_group("jira", &[&by_hand]);
    world.connector.rules.groups.always = vec!["jira".into()];
    world.sync().await;
    world.org().group("g9", "jira", &["u001"]);
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::NotManaged]);
    assert_eq!(world.target().members("jira").len(), 6, "always goes on");
    world.connector.rules.groups.always.clear();
    world.sync().await;
    assert_eq!(world.target().members("jira"), ["u0@example.com"]);
}

#[tokio::test]
async fn an_always_group_that_got_another_name_in_the_target_gets_nobody_new() {
    let mut world = payroll().await;
    world.connector.rules.groups.always = vec!["jira-users".into()];
    world.sync().await;
    for (group, _) in world.target().groups.values_mut() {
        if group.name == "jira-users" {
            group.name = "site-admins".into();
        }
    }
    world.org().user("u009", "u9@example.com");
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::NameCollision]);
    assert_eq!(world.target().members("site-admins").len(), 6);
}

#[tokio::test]
async fn nobody_comes_back_while_it_is_not_known_which_groups_are_still_right() {
    let world = payroll().await;
    world.sync().await;
    world.org().user("u002", "").status = Status::Suspended;
    world.sync().await;
    world.org().user("u002", "").status = Status::Active;
    world.org().members_cut.insert("g1".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.updated), (Outcome::Partial, 0), "{report:?}");
    assert!(report.findings[0].message.contains("not enabled yet"), "{:?}", report.findings);
    world.org().members_cut.clear();
    assert_eq!(world.sync().await.counts.users.updated, 1);
}

#[tokio::test]
async fn anonymizing_takes_only_what_is_mapped_and_no_protected_name() {
    let mut world = payroll().await;
    world.connector.rules.leavers.users = LeaverUsers::Anonymize;
    let department = Template::compile("{{ profile.firstName }}").unwrap();
    world.connector.rules.mapping.attributes = [("department".into(), department)].into();
    world.sync().await;
    let id = world.ledger().await.users["u002"].target.clone();
    let more = [("badge".into(), "4711".into()), ("department".into(), "Ada".into())];
    world.target().users.get_mut(&id).unwrap().attributes.attributes = more.into_iter().collect();
    world.org().user("u002", "").status = Status::Suspended;
    world.connector.rules.protected.users = globs(&["user-*"]);
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::Protected]);
    assert!(!world.target().user_named("u2@example.com").unwrap().active);
    world.connector.rules.protected.users = Globs::default();
    world.sync().await;
    let attributes = world.target().users[&id].attributes.attributes.clone();
    assert_eq!(
        (attributes.get("badge").unwrap().as_str(), attributes.get("department").unwrap().as_str()),
        ("4711", "")
    );
}

#[tokio::test]
async fn who_is_itself_again_can_be_anonymized_once_more_whatever_was_lost_in_between() {
    let mut world = payroll().await;
    world.connector.rules.leavers.users = LeaverUsers::Anonymize;
    world.sync().await;
    world.org().user("u002", "").status = Status::Suspended;
    world.sync().await;
    world.org().user("u002", "").status = Status::Active;
    // The process dies when the attributes are back and nobody has heard of it.
    let ticket = world.begin().await;
    let (connector, services) = (world.connector.clone(), world.services.clone());
    world.target().dies_behind = Some(1);
    let run = tokio::spawn(async move {
        crate::sync::engine::sync(
            &connector,
            &services,
            &ticket,
            &crate::sync::progress::RunControl::default(),
        )
        .await
    });
    assert!(run.await.is_err());
    world.target.clear_poison();
    world.sync().await;
    assert_eq!(world.ledger().await.users["u002"].original, None);
    world.org().user("u002", "").status = Status::Suspended;
    world.sync().await;
    assert!(world.target().user_named("u2@example.com").is_none(), "anonymized again");
}

#[tokio::test]
async fn rule_6_in_the_run_that_adopts_a_group_leavers_keep_their_memberships_in_it_too() {
    let mut world = payroll().await;
    world.org().groups.clear();
    world.connector.rules.existing.groups = OnExisting::Adopt;
    world.connector.rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
    world.sync().await;
    let leaver = world.ledger().await.users["u000"].target.clone();
    world.target().add_group("local", &[&leaver]);
    world.org().group("g4", "local", &["u001"]);
    world.org().user("u000", "").status = Status::Suspended;
    world.sync().await;
    assert_eq!(world.target().members("local"), ["u0@example.com", "u1@example.com"]);
    assert_eq!(world.ledger().await.groups["g4"].memberships, 2, "an empty list is not believed");
    world.sync().await;
}

#[tokio::test]
async fn an_exempting_group_that_a_list_left_out_is_asked_for_and_one_that_does_not_exist_is_a_finding() {
    let mut world = payroll().await;
    world.sync().await;
    let old = AttributeValue::Text("2025-01-01T00:00:00Z".into());
    world.org().user("u002", "").more.insert("lastLogin".to_owned(), old);
    world.connector.rules.inactive =
        Some(Inactive { days: 30, never_signed_in: false, except_groups: globs(&["payroll"]) });
    world.org().group("g2", "others", &[]);
    world.org().skipped.insert("g1".to_owned());
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, report.outcome), (0, Outcome::Success), "{report:?}");
    world.org().groups.get_mut("g1").unwrap().name = "wages".to_owned();
    let report = world.sync().await;
    assert_eq!((report.counts.users.disabled, kinds(&report)), (1, vec![FindingKind::UnmetPattern]));
}

#[tokio::test]
async fn a_first_run_is_the_first_about_everybody() {
    let mut world = payroll().await;
    world.connector.rules.limits.creates = Limit::Count(2);
    world.sync_user("u1@example.com", false).await;
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.created), (Outcome::Success, 5), "{report:?}");
}

#[tokio::test]
async fn leavers_lose_their_memberships_in_groups_that_left_and_are_kept() {
    let mut world = payroll().await;
    world.connector.rules.leavers = Leavers {
        memberships: LeaverMemberships::Remove { except: Globs::default() },
        groups: LeaverGroups::Keep,
        ..Leavers::default()
    };
    world.sync().await;
    world.org().groups.remove("g1");
    world.org().group("g2", "other", &[]);
    world.org().user("u002", "").status = Status::Suspended;
    world.sync().await;
    assert_eq!(world.target().members("payroll"), ["u3@example.com"]);
}

#[tokio::test]
async fn what_a_whole_run_would_take_from_a_user_is_explained_and_one_user_alone_keeps_it() {
    let mut world = payroll().await;
    world.connector.rules.groups.always = vec!["all".into()];
    world.sync().await;
    world.connector.rules.groups.always.clear();
    world.connector.rules.groups.exclude = globs(&["pay*"]);
    let summaries: Vec<String> = world
        .explain("u2@example.com")
        .await
        .operations
        .into_iter()
        .map(|operation| operation.summary)
        .collect();
    assert_eq!(summaries, ["change members of group all (+0 -1)", "empty group payroll (1 members)"]);
    world.target().log.clear();
    world.sync_user("u2@example.com", false).await;
    assert!(world.target().log.is_empty());
    world.sync().await;
    assert!(world.target().members("payroll").is_empty() && world.target().members("all").is_empty());
}

#[tokio::test]
async fn a_restore_that_has_nothing_to_do_says_so() {
    let world = payroll().await;
    world.sync().await;
    world.org().user("u001", "").status = Status::Suspended;
    world.sync().await;
    for login in ["u0@example.com", "u1@example.com"] {
        assert_eq!(kinds(&world.sync_user(login, true).await), [FindingKind::NothingToRestore], "{login}");
    }
}
