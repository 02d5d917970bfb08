//! `explain` tells the truth: twenty-odd users that meet every rule, each compared with what a sync then does to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::world::*;
use crate::sync::explain::{Explanation, GroupFate, Verdict};
use crate::sync::mapping::Template;
use crate::sync::model::*;
use crate::sync::rename::Rename;
use crate::sync::rules::*;

fn text(value: &str) -> AttributeValue {
    AttributeValue::Text(value.into())
}

/// Who is asked for, and which rule decides about it; none: it is in scope.
const USERS: [(&str, &str, Option<&str>); 22] = [
    ("plain", "plain@example.com", None),
    ("new", "new@example.com", None),
    ("renamed", "fresh@example.com", None),
    ("moved", "moved@example.com", None),
    ("suspended", "suspended@example.com", Some("scope.statuses")),
    ("deactivated", "deactivated@example.com", Some("scope.statuses")),
    ("robot", "svc-robot@example.com", Some("scope.users.exclude")),
    ("elsewhere", "elsewhere@other.example", Some("scope.users.include")),
    ("unfound", "unfound@example.com", Some("source.okta.users.search")),
    ("unassigned", "unassigned@example.com", Some("source.okta.app")),
    ("outsider", "outsider@example.com", Some("scope.required_groups")),
    ("sleeper", "sleeper@example.com", Some("inactive")),
    ("exempt", "exempt@example.com", None),
    ("never", "never@example.com", Some("inactive")),
    ("admin", "admin@example.com", Some("protected.users")),
    ("nameless", "nameless@example.com", Some("mapping.username")),
    ("tireless", "tireless@example.com", Some("mapping.display_name")),
    ("odd", "odd@example.com", Some("status")),
    ("adopted", "adopted@example.com", None),
    ("foreign", "foreign@example.com", None),
    ("locked", "locked@example.com", None),
    ("lost", "lost@example.com", None),
];

/// A world after a first sync, in which then everything happens that can happen to a user.
async fn eventful_world() -> World {
    let mut org = Org::default();
    let unborn = ["new", "adopted", "foreign", "deactivated", "never"];
    for (id, login, _) in USERS.iter().filter(|(id, ..)| !unborn.contains(id)) {
        org.user(id, if *id == "renamed" { "old@example.com" } else { login });
    }
    org.user("gone", "gone@example.com");
    let everybody: Vec<&str> = org.users.keys().map(String::as_str).collect();
    let everybody: Vec<String> = everybody.into_iter().map(str::to_owned).collect();
    let everybody: Vec<&str> = everybody.iter().map(String::as_str).collect();
    org.group("g1", "okta-staff", &everybody);
    org.group("g2", "okta-robots", &["exempt"]);
    org.group("g3", "unmatched", &["plain"]);
    org.group("g4", "okta-secret", &["plain"]);
    org.group("g5", "okta-admins", &["plain"]);
    org.group("g6", "okta-dev", &["moved", "plain"]);
    org.group("g7", "okta-ops", &["new"]);
    let mut world = World::new(org, 8).await;
    let rules = &mut world.connector.rules;
    rules.limits = Limits {
        leavers: Limit::Off,
        memberships: Limit::Off,
        groups: Limit::Off,
        renames: Limit::Off,
        creates: Limit::Off,
        floor: 10,
    };
    rules.groups.rename = vec![Rename::new("^okta-", "").unwrap()];
    rules.groups.drop_unmatched = true;
    rules.groups.exclude = globs(&["secret"]);
    rules.groups.always = vec!["all-hands".into()];
    rules.leavers.users = LeaverUsers::Delete;
    rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
    world.sync().await;

    let rules = &mut world.connector.rules;
    rules.scope.include = globs(&["*@example.com"]);
    rules.scope.exclude = globs(&["svc-*"]);
    rules.scope.required_groups = vec!["staff".into()];
    rules.inactive = Some(Inactive { days: 90, never_signed_in: true, except_groups: globs(&["robots"]) });
    rules.protected = Protected { users: globs(&["admin@*"]), groups: globs(&["admins"]) };
    rules.existing.users = OnExisting::Adopt;
    rules.mapping.username =
        Template::compile("{{ '' if profile.title == 'nobody' else profile.login | lower }}").unwrap();
    rules.mapping.display_name = Template::compile(
        "{% for a in profile.list %}{% for b in profile.list %}{% for c in profile.list %}{% endfor %}{% endfor %}\
         {% endfor %}{{ profile.firstName }} {{ profile.lastName }}",
    )
    .unwrap();
    {
        let mut org = world.org();
        for (id, login, _) in USERS {
            org.user(id, login).login = login.to_owned();
        }
        org.users.remove("gone");
        let all: Vec<String> = org.users.keys().filter(|id| *id != "outsider").cloned().collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        org.group("g1", "okta-staff", &all);
        org.group("g6", "okta-dev", &["plain"]);
        org.user("suspended", "").status = Status::Suspended;
        org.user("deactivated", "").status = Status::Deprovisioned;
        org.user("odd", "").status = Status::Unknown;
        org.left_out.insert("unfound".to_owned(), ScopeRule::UsersSearch);
        org.left_out.insert("unassigned".to_owned(), ScopeRule::App);
        for (id, path, value) in [
            ("sleeper", "lastLogin", "2025-01-01T00:00:00.000Z"),
            ("exempt", "lastLogin", "2025-01-01T00:00:00.000Z"),
            ("never", "created", "2025-01-01T00:00:00.000Z"),
            ("nameless", "profile.title", "nobody"),
        ] {
            org.user(id, "").more.insert(path.to_owned(), text(value));
        }
        let long = AttributeValue::Json(Box::new(vec![0; 500].into()));
        org.user("tireless", "").more.insert("profile.list".to_owned(), long);
    }
    let ledger = world.ledger().await;
    let mut target = world.target();
    target.users.get_mut(&ledger.users["locked"].target).unwrap().active = false;
    let lost = ledger.users["lost"].target.clone();
    target.users.remove(&lost);
    for (_, members) in target.groups.values_mut() {
        members.remove(&lost);
    }
    for (name, email) in
        [("adopted@example.com", "adopted@example.com"), ("foreign@example.com", "x@y.example")]
    {
        let id = target.add_user(name);
        target.users.get_mut(&id).unwrap().attributes.email = email.into();
    }
    drop(target);
    world
}

/// What operations do to one user: `disable_user`, `+staff`, `-staff`.
fn effects(id: &str, operations: &[Value]) -> BTreeSet<String> {
    let mut effects = BTreeSet::new();
    for operation in operations {
        let kind = operation["kind"].as_str().unwrap();
        if kind.ends_with("_user") && operation["source"] == id {
            effects.insert(kind.to_owned());
        }
        for (sign, side, list) in [("+", "after", "added"), ("-", "before", "removed")] {
            let members = operation[side][list].as_array().into_iter().flatten();
            if members.into_iter().any(|member| member["source"] == id) {
                effects.insert(format!("{sign}{}", operation["name"].as_str().unwrap()));
            }
        }
    }
    effects
}

#[tokio::test]
async fn what_is_explained_is_what_a_sync_then_does() {
    let world = eventful_world().await;
    let users = |world: &World| world.target().users.clone();
    let before = (users(&world), world.ledger().await);
    let mut explained: BTreeMap<&str, Explanation> = BTreeMap::new();
    for (id, login, _) in USERS {
        explained.insert(id, world.explain(login).await);
    }
    explained.insert("gone", world.explain("gone@example.com").await);
    assert_eq!(before, (users(&world), world.ledger().await), "explaining changes nothing");

    for (id, login, rule) in USERS {
        let explanation = &explained[id];
        assert_eq!(explanation.source.id.as_ref().unwrap().0, id, "{login}");
        let user = explanation.user.as_ref().unwrap();
        let against =
            user.scope.iter().find(|step| matches!(step.verdict, Verdict::Out | Verdict::LeftAlone));
        assert_eq!(against.map(|step| step.rule.as_str()), rule, "{login}: {user:?}");
        let expected = match against.map(|step| step.verdict) {
            None => Some(true),
            Some(Verdict::Out) => Some(false),
            Some(_) => None,
        };
        assert_eq!(user.in_scope, expected, "{login}");
    }

    let report = world.sync().await;
    assert!(report.holds.is_empty(), "{:?}", report.holds);
    let whole = world.services.store.report(report.run).await.unwrap().unwrap();
    let done: Vec<Value> = whole.operations.into_iter().map(|operation| operation.operation).collect();
    for (id, explanation) in &explained {
        let planned: Vec<Value> =
            explanation.operations.iter().map(|operation| operation.operation.clone()).collect();
        assert_eq!(effects(id, &planned), effects(id, &done), "{id}: {planned:?}");
    }
    let effects_of = |id: &str| effects(id, &done).into_iter().collect::<Vec<_>>();
    assert!(effects_of("plain").is_empty());
    assert_eq!(effects_of("new"), ["+all-hands", "+ops", "+staff", "create_user"]);
    assert_eq!(effects_of("renamed"), ["rename_user"]);
    assert_eq!(effects_of("moved"), ["-dev"]);
    assert_eq!(effects_of("adopted"), ["+all-hands", "+staff", "adopt_user"]);
    for leaver in ["suspended", "robot", "elsewhere", "unfound", "unassigned", "outsider", "sleeper", "gone"]
    {
        assert_eq!(effects_of(leaver), ["delete_user"], "{leaver}");
    }
    for untouched in ["admin", "nameless", "tireless", "odd", "foreign", "locked", "lost", "exempt", "never"]
    {
        assert!(effects_of(untouched).is_empty(), "{untouched}: {:?}", effects_of(untouched));
    }
}

#[tokio::test]
async fn groups_account_and_limits_are_explained_too() {
    let mut world = eventful_world().await;
    let explanation = world.explain("plain@example.com").await;
    let groups: Vec<(&str, GroupFate, Option<&str>, bool)> = explanation
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.fate, group.rule.as_deref(), group.member_now))
        .collect();
    assert_eq!(
        groups,
        [
            ("admins", GroupFate::Protected, Some("protected.groups"), true),
            ("all-hands", GroupFate::Always, Some("groups.always"), true),
            ("dev", GroupFate::Synced, None, true),
            ("secret", GroupFate::Dropped, Some("groups.exclude"), false),
            ("staff", GroupFate::Synced, None, true),
            ("unmatched", GroupFate::Dropped, Some("groups.unmatched"), false),
        ]
    );
    assert_eq!(explanation.groups[2].renamed_by.as_deref(), Some("groups.rename[0]"));
    let account = explanation.target.account.unwrap();
    assert!(account.managed && account.active);
    assert_eq!(explanation.target.note, "the account is managed; this connector created it");

    let explanation = world.explain("foreign@example.com").await;
    assert!(!explanation.target.account.unwrap().managed);
    assert!(explanation.target.note.contains("another e-mail address"), "{}", explanation.target.note);
    assert!(world.explain("locked@example.com").await.target.note.contains("somebody else disabled it"));
    assert!(world.explain("lost@example.com").await.target.note.contains("the target no longer has it"));

    world.connector.rules.limits.leavers = Limit::Count(0);
    let explanation = world.explain("suspended@example.com").await;
    assert!(explanation.operations.is_empty(), "a sync would not apply it: {:?}", explanation.operations);
    assert_eq!(explanation.holds[0].names, ["suspended@example.com"]);
    let used = &explanation.limits[0];
    assert_eq!((used.limit.as_str(), used.count, used.allowed), ("limits.leavers", 1, Some(0)));

    let gone = world.explain("gone@example.com").await;
    assert!(!gone.source.found && gone.user.is_none());
    assert!(gone.source.note.contains("does not have the user (gone)"), "{}", gone.source.note);
    world.connector.rules.leavers.users = LeaverUsers::Disable;
    world.connector.rules.leavers.grace.absent = std::time::Duration::from_secs(86_400);
    world.sync().await;
    let gone = world.explain("gone@example.com").await;
    let note = &gone.target.note;
    assert!(note.contains("it counts as left since 2026-01-31 08:00 UTC"), "{note}");
    assert!(note.contains("left alone until 2026-02-01 08:00 UTC (leavers.grace)"), "{note}");
}

#[tokio::test]
async fn the_fate_of_a_group_is_what_planning_found() {
    let mut org = Org::with_users(2);
    org.group("g1", "taken", &["u000"]);
    org.group("g2", "claimed", &["u000"]);
    org.group("g3", "plain", &["u000"]);
    let world = World::new(org, 8).await;
    world.target().add_group("taken", &[]);
    let claimed = world.target().add_group("claimed", &[]);
    let store = &world.services.store;
    let run = store
        .begin_run("other", crate::sync::report::Trigger::Manual, None, world.services.clock.now())
        .await;
    store.bind("other", &binding("org1", "memory")).await.unwrap();
    let group =
        LedgerGroup { target: claimed, name: "claimed".into(), origin: Origin::Created, memberships: 0 };
    let changes = vec![crate::sync::model::LedgerChange::PutGroup("x".into(), group)];
    store.change_ledger("other", run.unwrap(), changes, Vec::new()).await.unwrap();
    let explanation = world.explain("u0@example.com").await;
    let fates: Vec<(&str, GroupFate, Option<&str>)> = explanation
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.fate, group.rule.as_deref()))
        .collect();
    assert_eq!(
        fates,
        [
            ("claimed", GroupFate::LeftAlone, Some("claimed_elsewhere")),
            ("plain", GroupFate::Synced, None),
            ("taken", GroupFate::LeftAlone, Some("not_managed")),
        ]
    );
}
