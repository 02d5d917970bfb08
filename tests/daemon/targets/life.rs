//! What happens to people and groups who are ours.

use std::collections::BTreeSet;

use sandbox::okta::{NewUser, Status};
use serde_json::Value;

use super::backend::{House, Kind};
use crate::people::{findings, person};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("{name}@example.com")).collect()
}

fn named(name: &str) -> NewUser {
    person(name).name(name, "Example").attribute("displayName", format!("{name} Example"))
}

fn assert_success(report: &Value) {
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(report["not_proven"], serde_json::json!([]), "{report:#}");
}

/// Nothing is written, and the report says so.
fn nothing_to_do(house: &House, daemon: &crate::harness::Daemon) {
    let before = house.changes();
    house.forget();
    let report = daemon.sync("acme");
    assert_success(&report);
    for operation in house.kind.writes() {
        assert_eq!(house.asked_for(operation), 0, "{operation}: {report:#}");
    }
    for kind in ["users", "groups", "memberships"] {
        for what in ["created", "changed", "disabled", "removed", "added", "failed"] {
            let count = &report["counts"][kind][what];
            assert!(count.is_null() || *count == 0, "{kind} {what}: {report:#}");
        }
    }
    assert_eq!(house.changes(), before, "a second run is empty");
}

pub(super) fn people_and_groups_from_start_to_end(kind: Kind) {
    let house = House::new(kind);
    let (org, can) = (house.site.okta.org(), kind.can());
    let [anna, ben, carl] = ["anna", "ben", "carl"].map(|name| org.add_user(named(name)));
    let staff = house.site.add_group("staff", &[&anna, &ben]);
    let leavers = if can.disable { "" } else { "leavers: { users: keep, memberships: remove }\n" };
    let daemon = house.start(leavers);
    if let Some(api) = kind.api() {
        let (_, metrics) = daemon.fetch("/metrics");
        let series = format!("usersyncd_http_requests_total{{api=\"{api}\",code=\"429\"}} 0");
        assert!(metrics.contains(&series), "{series} is there from the beginning");
    }

    // Created, each with all that the target holds.
    let report = daemon.sync("acme");
    assert_success(&report);
    assert_eq!(report["counts"]["users"]["created"], 3, "{report:#}");
    let account = house.accounts(&daemon)["anna@example.com"].clone();
    assert_eq!((account.email.as_str(), account.active), ("anna@example.com", true));
    assert_eq!(account.display_name, "anna Example");
    if can.given_names {
        assert_eq!((account.first_name.as_str(), account.last_name.as_str()), ("anna", "Example"));
    }
    assert_eq!(house.groups(&daemon)["staff"], names(&["anna", "ben"]));
    nothing_to_do(&house, &daemon);

    // Each attribute changes.
    org.update_profile(&anna, "email", "new@example.com");
    org.update_profile(&anna, "displayName", "Anna New");
    org.update_profile(&anna, "firstName", "Anne");
    org.update_profile(&anna, "lastName", "New");
    assert_success(&daemon.sync("acme"));
    let account = house.accounts(&daemon)["anna@example.com"].clone();
    assert_eq!((account.email.as_str(), account.display_name.as_str()), ("new@example.com", "Anna New"));
    if can.given_names {
        assert_eq!((account.first_name.as_str(), account.last_name.as_str()), ("Anne", "New"));
    }
    nothing_to_do(&house, &daemon);

    // Renamed, or not where that cannot be.
    org.update_profile(&ben, "login", "benno@example.com");
    let report = daemon.sync("acme");
    assert_success(&report);
    let renamed = house.accounts(&daemon).contains_key("benno@example.com");
    assert_eq!(renamed, can.rename_users);
    assert_eq!(findings(&report).iter().any(|(kind, _)| *kind == "cannot_rename"), !can.rename_users);
    let ben_now = if renamed { "benno" } else { "ben" };
    assert_eq!(house.groups(&daemon)["staff"], names(&["anna", ben_now]), "under whatever name");

    // Suspended and back.
    org.set_status(&ben, Status::Suspended);
    assert_success(&daemon.sync("acme"));
    let ben_name = format!("{ben_now}@example.com");
    assert_eq!(house.accounts(&daemon)[&ben_name].active, !can.disable);
    assert_eq!(house.groups(&daemon)["staff"].contains(&ben_name), can.disable);
    org.set_status(&ben, Status::Active);
    assert_success(&daemon.sync("acme"));
    assert!(house.accounts(&daemon)[&ben_name].active);
    assert!(house.groups(&daemon)["staff"].contains(&ben_name));
    nothing_to_do(&house, &daemon);

    // Somebody else disables an account (RULES 8).
    if can.disable {
        house.disable_by_hand("carl@example.com");
        let report = daemon.sync("acme");
        assert!(findings(&report).contains(&("disabled_by_others", "carl@example.com")), "{report:#}");
        assert!(!house.accounts(&daemon)["carl@example.com"].active);
        let (code, said, messages) =
            house.site.ctl(&["sync", "acme", "--user", "carl@example.com", "--restore", "--wait"]);
        assert_eq!(code, 0, "{said}{messages}");
        assert!(house.accounts(&daemon)["carl@example.com"].active);
    }

    // Groups come, change and go.
    let board = house.site.add_group("board", &[&carl]);
    assert_success(&daemon.sync("acme"));
    assert_eq!(house.groups(&daemon)["board"], names(&["carl"]));
    org.set_members(&board, &[&anna, &ben]);
    assert_success(&daemon.sync("acme"));
    assert_eq!(house.groups(&daemon)["board"], names(&["anna", ben_now]));
    org.rename_group(&board, "council");
    let report = daemon.sync("acme");
    assert_success(&report);
    let council = if can.rename_groups { "council" } else { "board" };
    assert_eq!(house.groups(&daemon)[council], names(&["anna", ben_now]));
    assert_eq!(findings(&report).contains(&("cannot_rename", "council")), !can.rename_groups, "{report:#}");
    nothing_to_do(&house, &daemon);
    org.delete_group(&board);
    assert_success(&daemon.sync("acme"));
    assert_eq!(house.groups(&daemon)[council], BTreeSet::new(), "a group that left is emptied");
    org.delete_group(&staff);
    house.rewrite(&daemon, &format!("{}\n", with_groups(leavers, "delete")));
    assert_success(&daemon.sync("acme"));
    assert!(!house.groups(&daemon).contains_key("staff"), "or deleted");

    // An account that somebody deleted stays deleted (RULES 8).
    house.delete_by_hand("carl@example.com");
    let report = daemon.sync("acme");
    assert!(findings(&report).contains(&("deleted_by_others", "carl@example.com")), "{report:#}");
    assert!(!house.accounts(&daemon).contains_key("carl@example.com"));
}

fn with_groups(leavers: &str, groups: &str) -> String {
    if leavers.is_empty() {
        format!("leavers: {{ groups: {groups} }}")
    } else {
        leavers.trim_end().replace(" }", &format!(", groups: {groups} }}"))
    }
}

pub(super) fn each_way_to_leave(kind: Kind) {
    let can = kind.can();
    for (mode, possible) in
        [("disable", can.disable), ("delete", can.delete_users), ("anonymize", true), ("keep", true)]
    {
        if !possible {
            continue;
        }
        let house = House::new(kind);
        let org = house.site.okta.org();
        let people = ["anna", "ben", "carl"].map(|name| org.add_user(named(name)));
        house.site.add_group("staff", &people.iter().collect::<Vec<_>>());
        let daemon = house.start(&format!("leavers: {{ users: {mode}, memberships: remove }}\n"));
        assert_success(&daemon.sync("acme"));
        org.set_status(&people[0], Status::Deprovisioned);
        let report = daemon.sync("acme");
        assert_success(&report);
        let accounts = house.accounts(&daemon);
        let account = accounts.get("anna@example.com");
        match mode {
            "disable" => assert!(!account.unwrap().active),
            "keep" => assert!(account.unwrap().active),
            "delete" => assert!(account.is_none(), "{accounts:?}"),
            _ => {
                let gone = accounts.values().find(|account| account.display_name.starts_with("user-"));
                assert_eq!(gone.unwrap().active, !can.disable, "{accounts:?}");
                assert!(
                    !accounts.values().any(|account| account.email == "anna@example.com"),
                    "{accounts:?}"
                );
                assert_eq!(account.is_none(), can.rename_users, "its name is gone where that can be");
                assert!(!format!("{accounts:?}").contains("anna Example"), "{accounts:?}");
            }
        }
        assert_eq!(house.groups(&daemon)["staff"], names(&["ben", "carl"]), "{mode}");
        nothing_to_do(&house, &daemon);
    }
}

pub(super) fn many_members(kind: Kind) {
    let house = House::new(kind);
    let org = house.site.okta.org();
    let people: Vec<String> = (0..150).map(|number| org.add_user(named(&format!("p{number:03}")))).collect();
    let all: Vec<&String> = people.iter().collect();
    let group = house.site.add_group("staff", &all[..1]);
    let daemon = house.start("limits: { memberships: off }\n");
    assert_success(&daemon.sync("acme"));
    for count in [101, 1, 0, 150] {
        org.set_members(&group, &all[..count]);
        assert_success(&daemon.sync("acme"));
        assert_eq!(house.groups(&daemon)["staff"].len(), count);
    }
    nothing_to_do(&house, &daemon);
}

pub(super) fn ten_thousand_members(kind: Kind) {
    let house = House::new(kind);
    let org = house.site.okta.org();
    let people: Vec<String> =
        (0..10_000).map(|number| org.add_user(person(&format!("p{number:05}")))).collect();
    let all: Vec<&String> = people.iter().collect();
    let group = house.site.add_group("staff", &all);
    let daemon = house.start("limits: { memberships: off }\n");
    let report = daemon.sync("acme");
    assert_success(&report);
    assert_eq!(report["counts"]["memberships"]["created"], 10_000, "{report:#}");
    assert_eq!(house.groups(&daemon)["staff"].len(), 10_000);
    org.set_members(&group, &all[9_999..]);
    assert_success(&daemon.sync("acme"));
    assert_eq!(house.groups(&daemon)["staff"], names(&["p09999"]));
    nothing_to_do(&house, &daemon);
}

pub(super) fn a_leaver_has_a_grace(kind: Kind) {
    let house = House::new(kind);
    let org = house.site.okta.org();
    let people = ["anna", "ben", "carl"].map(|name| org.add_user(named(name)));
    house.site.add_group("staff", &people.iter().collect::<Vec<_>>());
    let users = if kind.can().disable { "disable" } else { "keep" };
    let leavers = |grace: &str| {
        format!("leavers: {{ users: {users}, memberships: remove, grace: {{ deactivated: {grace} }} }}\n")
    };
    let daemon = house.start(&leavers("7d"));
    assert_success(&daemon.sync("acme"));
    org.set_status(&people[0], Status::Deprovisioned);
    let report = daemon.sync("acme");
    assert_success(&report);
    assert_eq!(report["in_grace"], 1, "{report:#}");
    assert!(house.accounts(&daemon)["anna@example.com"].active, "left alone until it is over");
    assert_eq!(house.groups(&daemon)["staff"], names(&["anna", "ben", "carl"]), "with its memberships");
    nothing_to_do(&house, &daemon);
    // It is over at once.
    house.rewrite(&daemon, &leavers("0s"));
    assert_success(&daemon.sync("acme"));
    assert_eq!(house.accounts(&daemon)["anna@example.com"].active, !kind.can().disable);
    assert_eq!(house.groups(&daemon)["staff"], names(&["ben", "carl"]));
}
