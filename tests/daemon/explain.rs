//! `ctl explain` tells the truth: for users who between them meet every rule, it says what a sync then plans.

use std::collections::BTreeSet;

use sandbox::okta::{NewUser, Org, Status};
use serde_json::{Value, json};

use crate::harness::{Daemon, Site};
use crate::people::{LONG_AGO, findings, person};

const KEYS: &str = r#"
scope:
  required_groups: [staff]
  users: { include: ["*@example.com"], exclude: ["svc-*"] }
mapping:
  username: "{{ profile.login | strip_domain | regex_replace('^[0-9]+$', '') }}"
  attributes:
    load: "{% for a in profile.load %}{% for b in profile.load %}{% for c in profile.load %}{% endfor %}{% endfor %}{% endfor %}"
groups:
  rename: [{ match: "^okta-(.+)$", to: "$1" }]
  unmatched: drop
  exclude: ["*-test"]
  include: [staff, board, "jira-*"]
  always: [everybody]
protected: { users: [admin], groups: [jira-administrators] }
leavers: { users: anonymize, memberships: { remove: all, except: [board] } }
inactive: { days: 90, never_signed_in: disable, except_groups: [board] }
"#;

/// The groups that decide about everybody, and the application.
struct Place {
    staff: String,
    board: String,
    app: String,
}

fn build(site: &Site) -> Place {
    let org = site.okta.org();
    let place = Place {
        staff: org.add_group("okta-staff"),
        board: org.add_group("okta-board"),
        app: org.add_app("Jira"),
    };
    for name in [
        "okta-jira-users",
        "okta-jira-test",
        "okta-jira-administrators",
        "okta-wiki",
        "okta-nowhere",
        "sales",
    ] {
        let group = org.add_group(name);
        if name != "okta-nowhere" {
            org.assign_group(&place.app, &group);
        }
    }
    org.assign_group(&place.app, &place.staff);
    org.assign_group(&place.app, &place.board);
    let okta = format!(
        "    users: {{ search: 'profile.organization eq \"Acme\"' }}\n    groups: {{ search: 'profile.name sw \"okta-\" or \
         profile.name eq \"sales\"' }}\n    app: {}",
        place.app
    );
    site.write("acme", &site.connector(&format!("{okta}{KEYS}")));
    place
}

/// Somebody in the staff whom every rule lets in; the id.
fn hire(site: &Site, place: &Place, user: NewUser) -> String {
    let org = site.okta.org();
    let id = org.add_user(user.attribute("organization", "Acme").last_login(site.now()));
    org.assign_user(&place.app, &id);
    org.add_member(&place.staff, &id);
    id
}

/// Everybody's state before and after the first sync.
fn populate(site: &Site, place: &Place, daemon: &Daemon) {
    let org = site.okta.org();
    let named = |name: &str| hire(site, place, person(name));
    for name in ["ben", "tara"] {
        named(name);
    }
    let [carl, dora, eve, frank, gina, lena, mona, nina, rosa, sven, otto, hugo, kurt] = [
        "carl", "dora", "eve", "frank", "gina", "lena", "mona", "nina", "rosa", "sven", "otto", "hugo",
        "kurt",
    ]
    .map(named);
    org.add_member(&place.board, &mona);
    join(&org, "tara@example.com", &["okta-jira-users", "okta-board"]);
    let report = daemon.sync("acme");
    assert_eq!((&report["outcome"], &report["counts"]["users"]["created"]), (&json!("success"), &json!(15)));

    org.update_profile(&carl, "lastName", "Carlsson");
    org.update_profile(&dora, "login", "dorothea@example.com");
    org.set_status(&eve, Status::Suspended);
    org.set_status(&frank, Status::Deprovisioned);
    org.update_profile(&gina, "organization", "Other");
    org.set_last_login(&lena, Some(LONG_AGO));
    org.set_last_login(&mona, Some(LONG_AGO));
    org.set_last_login(&nina, None);
    org.set_created(&nina, LONG_AGO);
    org.set_activated(&nina, Some(LONG_AGO));
    org.delete_user(&sven);
    org.update_profile(&otto, "load", json!(vec![1; 60]));
    org.remove_member(&place.staff, &hugo);
    org.unassign_user(&place.app, &hugo);
    org.remove_member(&place.staff, &kurt);
    site.somebody_else("UPDATE users SET active = 0 WHERE username = 'rosa'");
    site.somebody_else_adds("quin", "quin@example.com");
    join(
        &org,
        "tara@example.com",
        &["okta-jira-test", "okta-jira-administrators", "okta-wiki", "okta-nowhere", "sales"],
    );
    org.remove_member(
        &org.group_id_by_name("okta-jira-users").unwrap(),
        &org.user("tara@example.com").unwrap().id,
    );
    for name in ["anna", "admin", "quin", "4711", "svc-jan"] {
        named(name);
    }
    hire(site, place, NewUser::new("ines@elsewhere.example"));
    assert!(!rosa.is_empty());
}

fn join(org: &Org, user: &str, groups: &[&str]) {
    for group in groups {
        org.add_member(&org.group_id_by_name(group).unwrap(), &org.user(user).unwrap().id);
    }
}

/// Who is asked about; whether they are in scope; the rule that decides, if one does; what a sync would do to the account.
const EXPECTED: [(&str, Option<bool>, &str, &[&str]); 21] = [
    ("anna@example.com", Some(true), "", &["create_user"]),
    ("ben@example.com", Some(true), "", &[]),
    ("carl@example.com", Some(true), "", &["update_user"]),
    ("dorothea@example.com", Some(true), "", &["rename_user"]),
    ("tara@example.com", Some(true), "", &[]),
    ("mona@example.com", Some(true), "", &[]),
    ("rosa@example.com", Some(true), "", &[]),
    ("quin@example.com", Some(true), "", &[]),
    ("eve@example.com", Some(false), "scope.statuses", LEAVES),
    // Okta takes the assignments of who is deactivated.
    ("frank@example.com", Some(false), "source.okta.app", LEAVES),
    ("gina@example.com", Some(false), "source.okta.users.search", LEAVES),
    ("hugo@example.com", Some(false), "source.okta.app", LEAVES),
    ("kurt@example.com", Some(false), "scope.required_groups", LEAVES),
    ("lena@example.com", Some(false), "inactive", LEAVES),
    ("nina@example.com", Some(false), "inactive", LEAVES),
    ("sven", None, "gone", LEAVES),
    ("ines@elsewhere.example", Some(false), "scope.users.include", &[]),
    ("svc-jan@example.com", Some(false), "scope.users.exclude", &[]),
    ("otto@example.com", None, "mapping.attributes.load", &[]),
    ("4711@example.com", None, "mapping.username", &[]),
    ("admin@example.com", None, "protected.users", &[]),
];

const LEAVES: &[&str] = &["anonymize_user", "disable_user"];

/// The operations on an account, by kind, and those on memberships, as `GROUP + NAME`.
fn changes(operations: &Value) -> (BTreeSet<(String, String)>, BTreeSet<String>) {
    let (mut accounts, mut memberships) = (BTreeSet::new(), BTreeSet::new());
    for one in operations.as_array().unwrap() {
        let operation = &one["operation"];
        let [kind, source, name] =
            ["kind", "source", "name"].map(|key| operation[key].as_str().unwrap().to_owned());
        match kind.as_str() {
            "change_members" => {
                let details = one["details"].as_array().unwrap().iter();
                memberships.extend(details.map(|detail| format!("{name} {}", detail.as_str().unwrap())));
            }
            _ => drop(accounts.insert((kind, source))),
        }
    }
    (accounts, memberships)
}

#[test]
fn for_users_who_meet_every_rule_it_says_what_a_sync_plans() {
    let site = Site::empty();
    let place = build(&site);
    let daemon = site.start();
    populate(&site, &place, &daemon);
    let before = (daemon.accounts(), daemon.groups());
    let (mut accounts, mut memberships, mut found) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (asked, in_scope, rule, kinds) in EXPECTED {
        let (code, told) = site.ctl_json(&["explain", "acme", asked]);
        assert_eq!(code, 0, "{asked}: {told:#}");
        assert_eq!(told["user"]["in_scope"].as_bool(), in_scope, "{asked}: {told:#}");
        let deciding = told["user"]["scope"].as_array().into_iter().flatten();
        let mut deciding =
            deciding.filter(|step| step["verdict"] == "out" || step["verdict"] == "left_alone");
        match rule {
            "" => assert_eq!(deciding.next(), None, "{asked}"),
            "gone" => assert_eq!(told["source"]["found"], false, "{asked}: {told:#}"),
            rule => assert_eq!(deciding.next().unwrap()["rule"], rule, "{asked}: {told:#}"),
        }
        let (of_account, of_memberships) = changes(&told["operations"]);
        let told_kinds: Vec<_> = of_account.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(told_kinds, kinds, "{asked}: {told:#}");
        if kinds == LEAVES {
            let limit = &told["limits"][0];
            assert_eq!((&limit["limit"], &limit["count"]), (&json!("limits.leavers"), &json!(1)), "{asked}");
        }
        accounts.extend(of_account);
        memberships.extend(of_memberships);
        found.extend(findings(&told).into_iter().map(|(kind, about)| (kind.to_owned(), about.to_owned())));
    }
    assert_eq!((daemon.accounts(), daemon.groups()), before, "an explanation writes nothing");

    // All of it together is what a sync does, and nothing else.
    let (_, plan) = site.ctl_json(&["plan", "acme"]);
    assert_eq!(plan["holds"], json!([]), "{plan:#}");
    let planned = changes(&plan["operations"]);
    for expected in ["jira-users - tara", "everybody + anna", "staff - leaver eve", "staff - leaver sven"] {
        assert!(memberships.contains(expected), "{expected}: {memberships:#?}");
    }
    assert_eq!((accounts, memberships), planned);
    let planned: BTreeSet<_> =
        findings(&plan).into_iter().map(|(kind, about)| (kind.to_owned(), about.to_owned())).collect();
    assert_eq!(found, planned);
}

#[test]
fn each_group_is_told_with_its_fate_and_what_would_be_held_with_its_limit() {
    let site = Site::empty();
    let place = build(&site);
    let daemon = site.start();
    populate(&site, &place, &daemon);
    // By the name in the target.
    let (code, told) = site.ctl_json(&["explain", "acme", "tara"]);
    assert_eq!(code, 0, "{told:#}");
    let groups = told["groups"].as_array().unwrap().iter();
    let groups: Vec<_> = groups
        .map(|group| {
            let text = |key: &str| group[key].as_str().unwrap_or("-").to_owned();
            [text("source_name"), text("name"), text("renamed_by"), text("fate"), text("rule")].join(" ")
                + if group["member_now"] == true { " member" } else { "" }
        })
        .collect();
    let expected = [
        "Everyone Everyone - dropped source.okta.groups.search",
        "okta-board board groups.rename[0] synced - member",
        "everybody everybody - always groups.always member",
        "okta-jira-administrators jira-administrators groups.rename[0] protected protected.groups",
        "okta-jira-test jira-test groups.rename[0] dropped groups.exclude",
        "okta-nowhere nowhere groups.rename[0] dropped source.okta.app",
        "sales sales - dropped groups.unmatched",
        "okta-staff staff groups.rename[0] synced - member",
        "okta-wiki wiki groups.rename[0] dropped groups.include",
    ];
    assert_eq!(groups, expected, "{told:#}");

    let (code, text, messages) = site.ctl(&["explain", "acme", "tara@example.com"]);
    assert_eq!((code, messages.as_str()), (0, ""));
    for line in [
        "tara@example.com in acme, read ",
        "; nothing was written\n",
        "\n  + Okta has tara@example.com (",
        "\nScope: in\n",
        "\n  + scope.users.include: the pattern *@example.com names tara@example.com\n",
        "\n  username         tara  <- {{ profile.login | strip_domain | ",
        "\nGroups: 9\n",
        "\n  - okta-wiki -> wiki, rule 1 of groups.rename (^okta-(.+)$): not synced (groups.include); no member now\n",
        "\n  the account is managed; this connector created it\n",
        "change members of group jira-users (+0 -1)",
        "limits.memberships of jira-users: 1 now, 0 in the last 24 h; ",
    ] {
        assert!(text.contains(line), "{line:?} in:\n{text}");
    }

    let keys = std::fs::read_to_string(site.file("acme")).unwrap();
    site.write("acme", &format!("{keys}limits: {{ leavers: 0 }}\n"));
    assert_eq!(daemon.ask("POST /v1/reload", "").0, 200);
    let (code, text, _) = site.ctl(&["explain", "acme", "eve@example.com"]);
    assert_eq!(code, 0, "{text}");
    let held = text.split_once("Held for a person to look at").unwrap().1;
    assert!(held.contains("limits.leavers") && held.contains("\n    eve\n"), "{text}");
    assert!(text.contains("nothing, until what is held is looked at"), "{text}");
    let (_, told) = site.ctl_json(&["explain", "acme", "eve@example.com"]);
    assert_eq!((&told["operations"], &told["holds"][0]["kind"]), (&json!([]), &json!("leavers")), "{told:#}");

    // Who is not known to anybody is a failure, for people and for programs.
    let (code, said, messages) = site.ctl(&["explain", "acme", "nobody@example.com"]);
    assert_eq!((code, said.as_str()), (1, ""), "{messages}");
    assert!(messages.contains("Okta shows no user nobody@example.com"), "{messages}");
    assert_eq!(site.ctl(&["--json", "explain", "acme", "nobody@example.com"]).0, 1);
    assert_eq!(site.ctl(&["explain", "acme"]).0, 2);
}
