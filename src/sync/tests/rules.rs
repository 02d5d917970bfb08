//! One test per rule, through whole runs.

use super::world::*;
use crate::sync::model::*;
use crate::sync::report::Outcome;
use crate::sync::rules::Globs;

#[tokio::test]
async fn a_first_run_creates_everything_and_a_second_one_nothing() {
    let world = small_world().await;
    let first = world.sync().await;
    assert_eq!(first.outcome, Outcome::Success, "{first:?}");
    assert_eq!(first.counts.users.created, 4);
    assert_eq!(first.counts.groups.created, 1);
    assert_eq!(first.counts.groups.filtered, 1, "Everyone is not synced by default");
    assert_eq!(first.counts.memberships.created, 3);
    assert_eq!((first.managed.users, first.managed.groups, first.managed.memberships), (4, 1, 3));
    assert_eq!(world.target().members("staff"), ["u0@example.com", "u1@example.com", "u2@example.com"]);
    world.target().log.clear();
    let second = world.sync().await;
    assert_eq!(second.counts.users.unchanged, 4);
    assert_eq!(second.counts.groups.unchanged, 1);
    assert_eq!(second.counts.memberships.unchanged, 3);
    assert!(world.target().log.is_empty(), "nothing is written twice");
}

#[tokio::test]
async fn usernames_are_lower_case_and_display_names_are_put_together() {
    let mut org = Org::default();
    org.user("u1", "Anna.Berg@Example.com");
    let world = World::new(org, 1).await;
    world.sync().await;
    let target = world.target();
    let user = &target.user_named("anna.berg@example.com").unwrap().attributes;
    assert_eq!(user.display_name, "Ada Example");
}

#[tokio::test]
async fn everyone_is_synced_when_it_is_included_and_is_everybody_in_scope() {
    let mut world = small_world().await;
    world.connector.rules.groups.include = Globs::new(&["everyone"]).unwrap();
    world.org().user("u003", "").status = Status::Suspended;
    world.sync().await;
    assert_eq!(world.target().members("Everyone"), ["u0@example.com", "u1@example.com", "u2@example.com"]);
}

#[tokio::test]
async fn rule_1_another_org_or_target_fails_before_planning_and_names_rebind() {
    let world = small_world().await;
    world.sync().await;
    let other = binding("org2", "memory");
    world.services.store.bind("acme", &other).await.unwrap();
    world.org().users.clear();
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.unwrap();
    assert!(error.contains("ctl rebind acme") && error.contains("org2"), "{error}");
    assert_eq!(report.managed.users, 4, "what is managed is still known");
}

#[tokio::test]
async fn rule_2_what_another_connector_manages_is_a_finding() {
    let world = small_world().await;
    let (user, group) = {
        let mut target = world.target();
        let user = target.add_user("u0@example.com");
        (user.clone(), target.add_group("staff", &[&user]))
    };
    let store = &world.services.store;
    let other = binding("org2", "memory");
    store.bind("other", &other).await.unwrap();
    let run = store
        .begin_run("other", crate::sync::report::Trigger::Manual, None, world.services.clock.now())
        .await
        .unwrap();
    let changes = vec![
        crate::sync::model::LedgerChange::PutUser(
            "x".into(),
            LedgerUser {
                target: user,
                username: "u0@example.com".into(),
                origin: Origin::Created,
                disabled_by_us: false,
                left_since: None,
                original: None,
                email: None,
            },
        ),
        crate::sync::model::LedgerChange::PutGroup(
            "y".into(),
            LedgerGroup { target: group, name: "staff".into(), origin: Origin::Created, memberships: 1 },
        ),
    ];
    store.change_ledger("other", run, changes, Vec::new()).await.unwrap();
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::ClaimedElsewhere, FindingKind::ClaimedElsewhere], "{report:?}");
    assert!(report.findings.iter().all(|finding| finding.message.contains("connector other")));
    assert_eq!(world.target().members("staff"), ["u0@example.com"]);
}

#[tokio::test]
async fn rule_2_an_account_that_two_connectors_claim_is_touched_by_neither() {
    let world = small_world().await;
    world.sync().await;
    let ledger = world.ledger().await;
    let store = &world.services.store;
    store.bind("other", &binding("org2", "memory")).await.unwrap();
    let changes = vec![
        crate::sync::model::LedgerChange::PutUser("x".into(), ledger.users["u000"].clone()),
        crate::sync::model::LedgerChange::PutGroup("y".into(), ledger.groups["g1"].clone()),
    ];
    store.change_ledger("other", 0, changes, Vec::new()).await.unwrap();
    world.org().user("u000", "").login = "renamed@example.com".to_owned();
    world.org().group("g1", "renamed", &[]);
    world.target().log.clear();
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::ClaimedElsewhere, FindingKind::ClaimedElsewhere], "{report:?}");
    assert!(world.target().log.is_empty());
}

#[tokio::test]
async fn rule_1_a_rebind_to_another_target_keeps_only_what_is_the_same_object_there() {
    let world = small_world().await;
    world.sync().await;
    let control = crate::sync::progress::RunControl::default();
    let mut ledger = world.ledger().await;
    ledger.binding.as_mut().unwrap().target = "elsewhere".to_owned();
    ledger.users.get_mut("u000").unwrap().username = "somebody.else@example.com".into();
    ledger.groups.get_mut("g1").unwrap().target = "t9999".into();
    let rebinding = crate::sync::engine::rebinding("acme", &ledger, &world.services, &control);
    let rebinding = rebinding.await.unwrap();
    assert_eq!(rebinding.after, binding("org1", "memory"));
    assert_eq!(rebinding.kept.users.len(), 3);
    assert!(rebinding.kept.groups.is_empty());
    ledger.binding = Some(binding("another org", "memory"));
    let rebinding = crate::sync::engine::rebinding("acme", &ledger, &world.services, &control);
    assert_eq!(rebinding.await.unwrap().kept.users.len(), 4, "the target is the same, so ids mean the same");
}

#[tokio::test]
async fn rule_1_an_org_is_known_by_its_id_and_where_that_cannot_be_read_by_its_origin() {
    let known = source_address("org1");
    let moved = SourceAddress { origin: "https://id.example.com".to_owned(), ..known.clone() };
    let silent = SourceAddress { id: None, ..known.clone() };
    let other = SourceAddress { id: Some("org2".to_owned()), ..known.clone() };
    assert!(known.is_same_as(&moved) && known.is_same_as(&silent) && silent.is_same_as(&known));
    assert!(!known.is_same_as(&other) && !silent.is_same_as(&moved));
    assert_eq!(known.with_id_of(&silent), known, "an id that was known once is not forgotten");
    assert_eq!(silent.with_id_of(&known), known);
}

#[tokio::test]
async fn rule_4_a_lost_ledger_stops_the_run() {
    let world = World::new(Org::with_users(12), 5).await;
    for i in 0..12 {
        world.target().add_user(&format!("u{i}@example.com"));
    }
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.unwrap().starts_with("state lost?"));
    assert!(world.target().log.is_empty());
}

#[tokio::test]
async fn rule_5_two_users_that_map_to_one_name_are_findings_and_neither_is_created() {
    let mut org = Org::with_users(1);
    org.user("a", "Same@example.com");
    org.user("b", "same@example.com");
    let world = World::new(org, 4).await;
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::NameCollision, FindingKind::NameCollision]);
    assert_eq!(report.counts.users.created, 1);
    assert_eq!(report.outcome, Outcome::Success, "findings alone change nothing");
}

#[tokio::test]
async fn rule_5_a_name_that_a_managed_user_holds_is_never_taken_over_even_from_a_leaver() {
    let world = small_world().await;
    world.sync().await;
    {
        let mut org = world.org();
        org.user("u000", "").status = Status::Deprovisioned;
        org.user("new", "u0@example.com");
    }
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::NameCollision]);
    let target = world.target();
    assert_eq!(target.users.len(), 4);
    assert!(!target.user_named("u0@example.com").unwrap().active, "the leaver was disabled all the same");
}

#[tokio::test]
async fn rule_5_a_swap_of_names_is_a_finding_and_both_keep_theirs() {
    let world = small_world().await;
    world.sync().await;
    {
        let mut org = world.org();
        org.user("u000", "").login = "u1@example.com".to_owned();
        org.user("u001", "").login = "u0@example.com".to_owned();
    }
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::NameCollision, FindingKind::NameCollision]);
    let ledger = world.ledger().await;
    assert_eq!(ledger.users["u000"].username, "u0@example.com");
}

#[tokio::test]
async fn a_renamed_user_is_renamed_in_the_target() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("u000", "").login = "Zoe@example.com".to_owned();
    let report = world.sync().await;
    assert_eq!(report.counts.users.updated, 1);
    assert_eq!(world.target().members("staff")[2], "zoe@example.com");
    assert_eq!(world.ledger().await.users["u000"].username, "zoe@example.com");
}

#[tokio::test]
async fn rule_6_existing_objects_that_are_not_managed_are_left_alone_with_their_memberships() {
    let world = small_world().await;
    let local = world.target().add_user("u0@example.com");
    world.target().add_group("staff", &[&local]);
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::NotManaged, FindingKind::NotManaged]);
    assert_eq!(report.counts.users.created, 3);
    assert_eq!(world.target().members("staff"), ["u0@example.com"]);
}

#[tokio::test]
async fn rule_7_protected_names_are_never_touched() {
    let mut world = small_world().await;
    world.sync().await;
    world.connector.rules.protected.users = Globs::new(&["U0@*"]).unwrap();
    {
        let mut org = world.org();
        org.user("u000", "").status = Status::Deprovisioned;
        org.group("g1", "staff", &["u001", "u002"]);
        org.group("g3", "jira-administrators", &["u001"]);
    }
    world.connector.rules.protected.groups = Globs::new(&["jira-administrators"]).unwrap();
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::Protected]);
    let target = world.target();
    assert!(target.user_named("u0@example.com").unwrap().active);
    assert_eq!(target.members("staff").len(), 3, "nor do they lose memberships");
    assert_eq!(target.groups.len(), 1, "nor are they created");
}

#[tokio::test]
async fn rule_8_only_what_we_disabled_is_enabled_again() {
    let world = small_world().await;
    world.sync().await;
    let id = world.ledger().await.users["u000"].target.clone();
    world.target().users.get_mut(&id).unwrap().active = false;
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::DisabledByOthers]);
    assert!(!world.target().users[&id].active);

    world.org().user("u001", "").status = Status::Suspended;
    assert_eq!(world.sync().await.counts.users.disabled, 1);
    world.org().user("u001", "").status = Status::Active;
    assert_eq!(world.sync().await.counts.users.updated, 1);
    assert!(world.target().user_named("u1@example.com").unwrap().active);
    assert!(!world.ledger().await.users["u001"].disabled_by_us);
}

#[tokio::test]
async fn rule_8_who_was_enabled_by_somebody_else_and_is_disabled_again_by_them_stays_disabled() {
    let world = small_world().await;
    world.sync().await;
    world.org().user("u001", "").status = Status::Suspended;
    world.sync().await;
    world.org().user("u001", "").status = Status::Active;
    let id = world.ledger().await.users["u001"].target.clone();
    world.target().users.get_mut(&id).unwrap().active = true;
    world.sync().await;
    world.target().users.get_mut(&id).unwrap().active = false;
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::DisabledByOthers]);
}

#[tokio::test]
async fn rule_8_what_others_deleted_is_not_created_again() {
    let world = small_world().await;
    world.sync().await;
    {
        let mut target = world.target();
        let (id, _) = target.users.pop_first().unwrap();
        for (_, members) in target.groups.values_mut() {
            members.remove(&id);
        }
    }
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::DeletedByOthers]);
    assert_eq!(world.target().users.len(), 3);
    world.target().groups.clear();
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::DeletedByOthers, FindingKind::DeletedByOthers]);
    assert!(world.target().groups.is_empty());
}

#[tokio::test]
async fn rule_9_a_renamed_group_keeps_its_members_and_a_new_one_takes_over_a_name_that_left() {
    let world = small_world().await;
    world.sync().await;
    world.org().groups.get_mut("g1").unwrap().name = "people".to_owned();
    let report = world.sync().await;
    assert_eq!((report.counts.groups.updated, report.counts.memberships.deleted), (1, 0));
    let old = world.org().groups.remove("g1").unwrap();
    world.org().group("g9", "People", &["u000", "u003"]);
    assert_eq!(old.members.len(), 3);
    let report = world.sync().await;
    let ledger = world.ledger().await;
    assert_eq!(ledger.groups.keys().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["g9"]);
    assert_eq!(world.target().groups.len(), 1);
    assert_eq!(report.counts.memberships.created, 1, "{report:?}");
    assert_eq!(report.counts.memberships.deleted, 2, "members were compared");
}

#[tokio::test]
async fn rule_10_groups_of_one_name_are_merged_and_one_protected_or_unproven_part_decides_for_all() {
    let mut org = Org::with_users(4);
    org.group("g1", "Staff", &["u000"]);
    org.group("g2", "staff", &["u001", "u002"]);
    let world = World::new(org, 8).await;
    let report = world.sync().await;
    assert_eq!(kinds(&report), [FindingKind::MergedGroups]);
    assert_eq!(world.target().members("Staff").len(), 3);
    assert_eq!(world.ledger().await.groups.len(), 2);

    world.org().members_cut.insert("g2".to_owned());
    world.org().group("g1", "Staff", &[]);
    let report = world.sync().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(report.not_proven.len(), 1);
    assert_eq!(report.not_proven[0].removals_left_out, 3);
    assert_eq!(world.target().members("Staff").len(), 3);
}

#[tokio::test]
async fn a_part_of_a_merged_group_that_merely_is_not_listed_takes_nobody_with_it() {
    let mut org = Org::with_users(4);
    org.group("g1", "staff", &["u000"]);
    org.group("g2", "staff", &["u001", "u002"]);
    let world = World::new(org, 8).await;
    world.sync().await;
    world.org().skipped.insert("g2".to_owned());
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.unchanged, 3, "it was asked for and is there: {report:?}");
    world.org().mute.insert("g2".to_owned());
    let report = world.sync().await;
    assert_eq!(world.target().members("staff").len(), 3);
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(world.ledger().await.groups.len(), 2);
    world.org().groups.remove("g2");
    world.org().mute.clear();
    let report = world.sync().await;
    assert_eq!(report.counts.memberships.deleted, 2, "{report:?}");
    assert_eq!(world.ledger().await.groups.len(), 1);
}

#[tokio::test]
async fn a_merged_group_that_is_parted_keeps_one_target_group_and_makes_another() {
    let mut org = Org::with_users(4);
    org.group("g1", "staff", &["u000"]);
    org.group("g2", "staff", &["u001", "u002"]);
    let world = World::new(org, 8).await;
    world.sync().await;
    world.org().groups.get_mut("g1").unwrap().name = "bosses".to_owned();
    world.sync().await;
    assert_eq!(world.target().members("bosses"), ["u0@example.com"]);
    assert_eq!(world.target().members("staff"), ["u1@example.com", "u2@example.com"]);
    world.target().log.clear();
    world.sync().await;
    assert!(world.target().log.is_empty());
}

#[tokio::test]
async fn rule_12_a_member_in_scope_that_the_user_list_missed_is_asked_for() {
    let world = small_world().await;
    world.org().skipped.insert("u001".to_owned());
    let report = world.sync().await;
    assert_eq!(report.counts.users.created, 4);
    assert_eq!(world.target().members("staff").len(), 3);
}

#[tokio::test]
async fn rule_13_unknown_is_not_gone() {
    let world = small_world().await;
    world.sync().await;
    {
        let mut org = world.org();
        org.user("u000", "").status = Status::Unknown;
        org.unreadable.insert("u001".to_owned());
        org.user("u002", "").login = String::new();
        org.group("g1", "staff", &[]);
        org.group("g5", "stuff", &["u003"]);
    }
    let report = world.sync().await;
    assert_eq!(report.counts.users.disabled, 0, "{report:?}");
    assert_eq!(report.counts.memberships.deleted, 0, "nor do they lose memberships");
    assert_eq!(kinds(&report), [FindingKind::InvalidName]);
    assert!(world.target().users.values().all(|user| user.active));
}

#[tokio::test]
async fn scope_globs_filter_users_and_make_managed_ones_leavers() {
    let mut world = small_world().await;
    world.connector.rules.limits.leavers = crate::sync::rules::Limit::Off;
    world.sync().await;
    world.connector.rules.scope.exclude = Globs::new(&["u3@*"]).unwrap();
    let report = world.sync().await;
    assert_eq!((report.counts.users.filtered, report.counts.users.disabled), (1, 1));
    world.connector.rules.scope.include = Globs::new(&["*@elsewhere.example"]).unwrap();
    assert_eq!(world.sync().await.counts.users.filtered, 4);
}
