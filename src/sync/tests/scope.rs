//! RULES 10 to 16: who is in scope, under which name groups are synced, and what is counted as filtered.

use super::world::*;
use crate::sync::model::*;
use crate::sync::rename::Rename;
use crate::sync::report::{Outcome, Report};
use crate::sync::rules::*;

fn filtered_users(report: &Report, rule: ScopeRule) -> u64 {
    report.filtered.users.get(&rule).copied().unwrap_or(0)
}

fn filtered_groups(report: &Report, rule: ScopeRule) -> u64 {
    report.filtered.groups.get(&rule).copied().unwrap_or(0)
}

fn no_limits() -> Limits {
    Limits {
        leavers: Limit::Off,
        memberships: Limit::Off,
        groups: Limit::Off,
        renames: Limit::Off,
        creates: Limit::Off,
        floor: 10,
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::Text(value.into())
}

#[tokio::test]
async fn every_rule_that_leaves_somebody_out_is_named_and_makes_managed_ones_leavers() {
    let mut world = World::new(Org::with_users(8), 8).await;
    world.connector.rules.limits = no_limits();
    world.org().group("g1", "staff", &["u000", "u001", "u002", "u003", "u004", "u005", "u006"]);
    world.sync().await;
    assert_eq!(world.target().users.len(), 8);
    {
        let mut org = world.org();
        org.user("u001", "").status = Status::Suspended;
        org.user("u002", "").login = "svc-bot@example.com".to_owned();
        org.left_out.insert("u003".to_owned(), ScopeRule::UsersSearch);
        org.left_out.insert("u004".to_owned(), ScopeRule::App);
        org.user("u005", "").more.insert("lastLogin".to_owned(), text("2025-09-01T00:00:00.000Z"));
    }
    let rules = &mut world.connector.rules;
    rules.scope.exclude = globs(&["svc-*"]);
    rules.scope.required_groups = vec!["Staff".into()];
    rules.inactive = Some(Inactive { days: 90, never_signed_in: false, except_groups: Globs::default() });
    let report = world.sync().await;
    assert_eq!(report.error, None);
    for rule in [
        ScopeRule::Statuses,
        ScopeRule::UsersExclude,
        ScopeRule::UsersSearch,
        ScopeRule::App,
        ScopeRule::Inactive,
        ScopeRule::RequiredGroups,
    ] {
        assert_eq!(filtered_users(&report, rule), 1, "{rule:?}: {:?}", report.filtered);
    }
    assert_eq!(report.counts.users.filtered, 6);
    assert_eq!(report.counts.users.disabled, 6);
    let active: Vec<String> = {
        let target = world.target();
        let active = target.users.values().filter(|user| user.active);
        active.map(|user| user.attributes.username.to_string()).collect()
    };
    assert_eq!(active, ["u0@example.com", "u6@example.com"]);
    world.connector.rules.scope.include = globs(&["u6@*"]);
    // The first rule that leaves somebody out is the one that is named.
    assert_eq!(filtered_users(&world.sync().await, ScopeRule::UsersInclude), 4);
}

#[tokio::test]
async fn rule_10_groups_are_renamed_dropped_excluded_included_and_merged_in_that_order() {
    let mut world = World::new(Org::with_users(5), 8).await;
    {
        let mut org = world.org();
        org.group("g1", "okta-dev", &["u000"]);
        org.group("g2", "OKTA_dev", &["u001"]);
        org.group("g3", "okta-dev-test", &["u002"]);
        org.group("g4", "sales", &["u003"]);
        org.group("g5", "okta-ops", &["u004"]);
        org.group("g6", "Everyone", &["u000"]);
    }
    let groups = &mut world.connector.rules.groups;
    groups.rename = vec![
        Rename::new("^okta-(.+)$", "$1").unwrap(),
        Rename::new("^OKTA_(.+)$", "$1").unwrap(),
        Rename::new("^okta-dev$", "never").unwrap(),
    ];
    groups.drop_unmatched = true;
    groups.exclude = globs(&["*-test"]);
    groups.include = globs(&["dev*"]);
    let report = world.sync().await;
    let names: Vec<String> =
        world.target().groups.values().map(|(group, _)| group.name.to_string()).collect();
    assert_eq!(names, ["dev"]);
    assert_eq!(world.target().members("dev"), ["u0@example.com", "u1@example.com"]);
    assert_eq!(kinds(&report), [FindingKind::MergedGroups]);
    assert!(report.findings[0].message.contains("okta-dev (g1), OKTA_dev (g2)"), "{:?}", report.findings);
    assert_eq!(filtered_groups(&report, ScopeRule::Unmatched), 2, "sales and Everyone");
    assert_eq!(filtered_groups(&report, ScopeRule::GroupsExclude), 1);
    assert_eq!(filtered_groups(&report, ScopeRule::GroupsInclude), 1);
}

#[tokio::test]
async fn rule_10_everyone_is_synced_only_where_it_is_asked_for_even_if_a_rule_renames_it() {
    let mut world = World::new(Org::with_users(2), 8).await;
    world.org().group("g1", "Everyone", &["u000", "u001"]);
    world.connector.rules.groups.rename = vec![Rename::new("^(.+)$", "okta-$1").unwrap()];
    let report = world.sync().await;
    assert!(world.target().groups.is_empty());
    assert_eq!(filtered_groups(&report, ScopeRule::GroupsInclude), 1);
    world.connector.rules.groups.include = globs(&["okta-*"]);
    world.sync().await;
    assert_eq!(world.target().members("okta-Everyone").len(), 2);
}

#[tokio::test]
async fn rule_10_a_rename_into_a_protected_name_protects_what_is_merged() {
    for (protected, first, second) in
        [("admins", "admins", "okta-admins"), ("okta-users", "users", "okta-users")]
    {
        let mut world = World::new(Org::with_users(2), 8).await;
        world.org().group("g1", first, &["u000"]);
        world.org().group("g2", second, &["u001"]);
        world.connector.rules.groups.rename = vec![Rename::new("^okta-", "").unwrap()];
        world.connector.rules.protected.groups = globs(&[protected]);
        let report = world.sync().await;
        assert!(world.target().groups.is_empty(), "{protected}");
        assert_eq!(kinds(&report), [FindingKind::Protected]);
        assert!(report.findings[0].message.contains("2 source groups would be merged"), "{report:?}");
    }
    // A single group that is renamed away from a protected name is no longer meant.
    let mut world = World::new(Org::with_users(1), 8).await;
    world.org().group("g1", "admins", &["u000"]);
    world.connector.rules.groups.rename = vec![Rename::new("^", "okta-").unwrap()];
    world.connector.rules.protected.groups = globs(&["admins"]);
    world.sync().await;
    assert_eq!(world.target().members("okta-admins"), ["u0@example.com"]);
}

#[tokio::test]
async fn a_name_that_a_rule_leaves_empty_is_a_finding_and_the_group_stays() {
    let mut world = small_world().await;
    world.sync().await;
    world.connector.rules.groups.rename = vec![Rename::new("^staff$", " ").unwrap()];
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::InvalidName]);
    assert_eq!(world.target().members("staff").len(), 3);
}

#[tokio::test]
async fn rule_11_a_required_group_is_seen_under_its_new_name_and_need_not_be_synced_itself() {
    let mut world = World::new(Org::with_users(4), 8).await;
    world.org().group("g1", "okta-atlassian", &["u000", "u001"]);
    world.org().group("g2", "bosses", &["u003"]);
    let rules = &mut world.connector.rules;
    rules.groups.rename = vec![Rename::new("^okta-", "").unwrap()];
    rules.groups.exclude = globs(&["*"]);
    rules.scope.required_groups = vec!["ATLASSIAN".into(), "bosses".into()];
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Success, "{report:?}");
    assert_eq!(world.target().users.len(), 3);
    assert_eq!(filtered_users(&report, ScopeRule::RequiredGroups), 1);
    assert!(world.target().groups.is_empty());
}

#[tokio::test]
async fn rule_11_a_required_group_that_is_not_shown_or_not_proven_fails_the_run() {
    let mut world = World::new(Org::with_users(4), 8).await;
    world.org().group("g1", "atlassian", &["u000", "u001"]);
    world.connector.rules.scope.required_groups = vec!["atlassian".into()];
    world.connector.rules.limits = no_limits();
    world.sync().await;
    world.org().members_cut.insert("g1".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.unwrap();
    assert!(error.contains("members of the required group atlassian are not proven"), "{error}");
    world.org().members_cut.clear();
    world.org().groups.get_mut("g1").unwrap().name = "renamed".to_owned();
    let error = world.sync().await.error.unwrap();
    assert!(error.contains("the required group atlassian: Okta does not show a group"), "{error}");
    assert!(world.target().users.values().all(|user| user.active));
}

#[tokio::test]
async fn rule_16_who_never_signed_in_counts_from_the_later_of_created_and_activated() {
    let mut world = World::new(Org::with_users(6), 8).await;
    world.connector.rules.limits = no_limits();
    let (old, new) = (text("2025-06-01T00:00:00.000Z"), text("2026-01-20T00:00:00.000Z"));
    {
        let mut org = world.org();
        for (id, created, activated, last_login) in [
            ("u000", &old, Some(&old), None),
            ("u001", &old, Some(&new), None),
            ("u002", &old, None, None),
            ("u003", &old, Some(&old), Some(&new)),
            ("u004", &old, Some(&old), Some(&old)),
            ("u005", &old, Some(&old), Some(&text("yesterday"))),
        ] {
            let more = &mut org.user(id, "").more;
            more.insert("created".to_owned(), created.clone());
            more.extend(activated.map(|at| ("activated".to_owned(), at.clone())));
            more.extend(last_login.map(|at| ("lastLogin".to_owned(), at.clone())));
        }
        org.group("g1", "robots", &["u004"]);
    }
    let synced = |world: &World| {
        let mut names: Vec<String> = world
            .target()
            .users
            .values()
            .filter(|user| user.active)
            .map(|user| user.attributes.username[..2].to_owned())
            .collect();
        names.sort();
        names
    };
    let inactive = |never_signed_in, except: &[&str]| {
        Some(Inactive { days: 90, never_signed_in, except_groups: globs(except) })
    };
    world.connector.rules.inactive = inactive(true, &[]);
    world.sync().await;
    assert_eq!(synced(&world), ["u1", "u3", "u5"]);
    world.connector.rules.inactive = inactive(false, &["robots"]);
    world.sync().await;
    assert_eq!(synced(&world), ["u0", "u1", "u2", "u3", "u4", "u5"], "they come back");
    // 90 days to the day.
    let at = |days: i64| {
        let at: chrono::DateTime<chrono::Utc> = "2026-01-31T08:00:00Z".parse().unwrap();
        text(&(at - chrono::TimeDelta::days(days)).to_rfc3339())
    };
    world.connector.rules.inactive = inactive(false, &[]);
    world.org().user("u000", "").more.insert("lastLogin".to_owned(), at(89));
    world.org().user("u001", "").more.insert("lastLogin".to_owned(), at(90));
    world.sync().await;
    assert_eq!(synced(&world), ["u0", "u2", "u3", "u5"]);
}

#[tokio::test]
async fn an_exempting_group_that_is_not_proven_makes_nobody_inactive() {
    let mut world = World::new(Org::with_users(3), 8).await;
    world.connector.rules.limits = no_limits();
    world.org().group("g1", "robots", &["u000"]);
    world.sync().await;
    world.org().user("u000", "").more.insert("lastLogin".to_owned(), text("2025-01-01T00:00:00Z"));
    world.connector.rules.inactive =
        Some(Inactive { days: 30, never_signed_in: true, except_groups: globs(&["robots"]) });
    world.org().members_cut.insert("g1".to_owned());
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(report.counts.users.disabled, 0);
    assert!(report.not_proven.iter().any(|list| list.list == "members of robots"), "{report:?}");
    world.org().members_cut.clear();
    world.org().group("g1", "robots", &[]);
    assert_eq!(world.sync().await.counts.users.disabled, 1);
}

/// Users u0 and u1 are in one part of the required group `staff`, u2 and u3 in the other; neither part is synced.
async fn staff_in_two_parts() -> World {
    let mut world = World::new(Org::with_users(5), 8).await;
    world.org().group("g1", "ad-staff", &["u000", "u001"]);
    world.org().group("g2", "staff", &["u002", "u003"]);
    let rules = &mut world.connector.rules;
    rules.groups.rename = vec![Rename::new("^ad-", "").unwrap()];
    rules.groups.exclude = globs(&["*"]);
    rules.scope.required_groups = vec!["staff".into()];
    rules.limits = no_limits();
    assert_eq!(world.sync().await.counts.users.created, 4);
    world
}

#[tokio::test]
async fn law_1_a_part_of_a_required_group_that_the_list_skips_costs_nobody_the_account() {
    let world = staff_in_two_parts().await;
    world.org().skipped.insert("g2".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 0), "{report:?}");
    // Who does not answer is left as it is, whatever the lists say.
    world.org().group("g2", "staff", &["u003"]);
    world.org().mute.insert("u002".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Partial, 0), "{report:?}");
    assert_eq!(kinds(&report), [FindingKind::AbsenceUnconfirmed]);
    world.org().mute.clear();
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 1), "{report:?}");
}

#[tokio::test]
async fn law_1_who_is_found_by_id_is_asked_for_its_groups_too() {
    let world = staff_in_two_parts().await;
    world.org().skipped.insert("u003".to_owned());
    world.org().group("g2", "staff", &["u002"]);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 1), "{report:?}");
}

#[tokio::test]
async fn law_1_a_group_that_exempts_and_that_the_list_skips_makes_nobody_inactive() {
    let mut world = World::new(Org::with_users(3), 8).await;
    let rules = &mut world.connector.rules;
    rules.limits = no_limits();
    rules.groups.exclude = globs(&["*"]);
    rules.inactive = Some(Inactive { days: 30, never_signed_in: true, except_groups: globs(&["robots*"]) });
    world.org().group("g1", "robots", &["u000"]);
    world.org().group("g2", "robots of sales", &["u001"]);
    for id in ["u000", "u001"] {
        let old = text("2025-01-01T00:00:00Z");
        world.org().user(id, "").more.insert("lastLogin".to_owned(), old);
    }
    world.sync().await;
    world.org().skipped.insert("g2".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 0), "{report:?}");
    world.org().group("g2", "robots of sales", &[]);
    assert_eq!(world.sync().await.counts.users.disabled, 1);
}

#[tokio::test]
async fn law_1_a_group_that_cannot_be_read_may_be_the_required_one_for_one_user_as_well() {
    let world = staff_in_two_parts().await;
    world.org().unreadable.insert("g2".to_owned());
    for report in [world.sync_user("u2@example.com", false).await, world.sync().await] {
        assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Partial, 0), "{report:?}");
    }
    let explained = world.explain("u2@example.com").await;
    assert_eq!((explained.user.unwrap().in_scope, explained.operations.len()), (None, 0));
}

#[tokio::test]
async fn rule_11_a_required_group_that_was_found_late_and_not_read_to_its_end_is_named() {
    let world = staff_in_two_parts().await;
    world.org().skipped.insert("g2".to_owned());
    world.org().members_cut.insert("g2".to_owned());
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Partial, 0), "{report:?}");
    assert_eq!(report.not_proven[0].list, "members of staff");
}

#[tokio::test]
async fn a_required_group_outside_the_application_lets_nobody_in_and_is_counted_as_a_group() {
    let world = staff_in_two_parts().await;
    world.org().left_out.insert("g2".to_owned(), ScopeRule::App);
    let report = world.sync().await;
    assert_eq!((report.outcome, report.counts.users.disabled), (Outcome::Success, 2), "{report:?}");
    assert_eq!((filtered_groups(&report, ScopeRule::App), filtered_users(&report, ScopeRule::App)), (1, 0));
}
