//! What happens to accounts and groups that are not ours.

use std::collections::BTreeSet;

use super::backend::{House, Kind};
use crate::people::{findings, person};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("{name}@example.com")).collect()
}

pub(super) fn names_of_others_are_left_alone(kind: Kind) {
    let house = House::new(kind);
    let org = house.site.okta.org();
    let people = ["anna", "ben"].map(|name| org.add_user(person(name)));
    let [anna, ben] = &people;
    house.site.add_group("staff", &[anna, ben]);
    house.site.add_group("taken", &[anna, ben]);
    let daemon = house.start("");
    house.add_by_hand("anna@example.com", "other@example.com");
    house.add_by_hand("local@example.com", "local@example.com");
    house.add_group_by_hand("taken", &["local@example.com"]);
    let before = house.accounts(&daemon);
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    let found = findings(&report);
    assert!(found.contains(&("not_managed", "anna@example.com")), "{found:?}");
    assert!(found.contains(&("not_managed", "taken")), "{found:?}");
    let after = house.accounts(&daemon);
    for name in ["anna@example.com", "local@example.com"] {
        assert_eq!(after[name], before[name]);
    }
    assert_eq!(house.groups(&daemon)["taken"], names(&["local"]));
    assert_eq!(house.groups(&daemon)["staff"], names(&["ben"]), "who is not managed joins nothing");
    // A local member of a group of ours stays.
    let changes = house.changes();
    daemon.sync("acme");
    assert_eq!(house.changes(), changes);
}

pub(super) fn adoption_takes_over_what_is_ours(kind: Kind) {
    let house = House::new(kind);
    let org = house.site.okta.org();
    let people = ["anna", "ben", "carl"].map(|name| org.add_user(person(name)));
    house.site.add_group("staff", &people.iter().collect::<Vec<_>>());
    let daemon = house.start("existing: { users: adopt, groups: adopt }\n");
    house.add_by_hand("anna@example.com", "anna@example.com");
    house.add_by_hand("ben@example.com", "somebody.else@example.com");
    house.add_by_hand("local@example.com", "local@example.com");
    house.add_group_by_hand("staff", &["local@example.com"]);
    let report = daemon.sync("acme");
    let shows_email = kind.can().shows_email;
    assert_eq!(report["outcome"], if shows_email { "success" } else { "held" }, "{report:#}");
    if !shows_email {
        let (code, said, messages) = house.site.ctl(&["approve", "1", "--wait"]);
        assert!(code == 0 || code == 5, "{code} {said}{messages}");
        return;
    }
    let found = findings(&report);
    assert!(found.contains(&("not_managed", "ben@example.com")), "{found:?}");
    assert_eq!(house.accounts(&daemon)["ben@example.com"].email, "somebody.else@example.com");
    assert_eq!(house.groups(&daemon)["staff"], names(&["anna", "carl", "local"]), "local members stay");
    // What was adopted is managed from now on, and never deleted.
    org.set_status(&people[0], sandbox::okta::Status::Deprovisioned);
    house.rewrite(&daemon, "existing: { users: adopt, groups: adopt }\n");
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    if kind.can().disable {
        assert!(!house.accounts(&daemon)["anna@example.com"].active);
    }
}

pub(super) fn protected_groups_are_never_touched(kind: Kind) {
    let house = House::new(kind);
    let org = house.site.okta.org();
    let people = ["anna", "ben"].map(|name| org.add_user(person(name)));
    let [anna, ben] = &people;
    house.site.add_group("keepers", &[anna, ben]);
    house.site.add_group("staff", &[anna, ben]);
    let daemon = house.start("protected: { groups: [keep*] }\nexisting: { groups: adopt }\n");
    house.add_by_hand("local@example.com", "local@example.com");
    house.add_group_by_hand("keepers", &["local@example.com"]);
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert!(findings(&report).contains(&("protected", "keepers")), "{report:#}");
    assert_eq!(house.groups(&daemon)["keepers"], names(&["local"]));
    assert_eq!(house.groups(&daemon)["staff"], names(&["anna", "ben"]));
}
