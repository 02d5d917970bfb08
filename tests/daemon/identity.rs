//! Whose account is whose: renames, collisions, accounts that were there before, and what is protected.

use sandbox::okta::Status;
use serde_json::json;

use crate::harness::Site;
use crate::people::{each, findings, person, set};

const SHORT_NAMES: &str = "mapping: { username: \"{{ profile.login | strip_domain | lower }}\" }\n";

#[test]
fn a_changed_login_is_a_rename_and_a_name_that_is_taken_is_taken_over_by_nobody() {
    let site = Site::empty();
    let org = site.okta.org();
    let [anna, ben, carl] = site.add(["anna", "ben", "carl"]);
    site.add_group("staff", &[&anna, &ben, &carl]);
    site.write("acme", &site.connector(SHORT_NAMES));
    let daemon = site.start();
    daemon.sync("acme");

    org.update_profile(&anna, "login", "anna.ek@example.com");
    let (code, said, _) = site.ctl(&["plan", "acme"]);
    assert_eq!(code, 4);
    assert!(said.contains("rename user anna to anna.ek"), "{said}");
    let report = daemon.sync("acme");
    let counts = &report["counts"]["users"];
    assert_eq!(
        (&counts["created"], &counts["updated"], &counts["disabled"]),
        (&json!(0), &json!(1), &json!(0))
    );
    assert_eq!(daemon.names(true), set(["anna.ek", "ben", "carl"]));
    assert_eq!(daemon.groups()["staff"], set(["anna.ek", "ben", "carl"]), "the same account");

    // RULES 5: neither a swap nor the name of somebody who left.
    org.update_profile(&ben, "login", "somebody@example.com");
    org.update_profile(&carl, "login", "ben@example.com");
    org.update_profile(&ben, "login", "carl@example.com");
    let report = daemon.sync("acme");
    assert_eq!(
        findings(&report),
        [("name_collision", "ben"), ("name_collision", "carl")].into(),
        "{report:#}"
    );
    org.set_status(&ben, Status::Deprovisioned);
    org.set_status(&carl, Status::Deprovisioned);
    org.delete_user(&carl);
    org.add_user(person("ben"));
    let report = daemon.sync("acme");
    assert!(findings(&report).contains(&("name_collision", "ben")), "{report:#}");
    assert_eq!((daemon.names(true), daemon.names(false)), (set(["anna.ek"]), set(["ben", "carl"])));
}

#[test]
fn accounts_that_were_there_are_left_alone_until_they_are_to_be_adopted() {
    let site = Site::empty();
    let org = site.okta.org();
    let [anna, ben, carl, dora, eve, zoe, _] =
        site.add(["anna", "ben", "carl", "dora", "eve", "zoe", "yves"]);
    site.add_group("staff", &[&dora, &zoe]);
    site.write("acme", &site.connector(SHORT_NAMES));
    let daemon = site.start();
    site.somebody_else_adds("Anna", "ANNA@example.com");
    site.somebody_else_adds("ben", "another.ben@example.com");
    site.somebody_else_adds("carl", "");
    site.somebody_else_adds("dora", "dora@example.com");
    site.somebody_else_adds("eve", "eve@example.com");
    site.somebody_else_adds("local", "local@example.com");
    site.somebody_else("UPDATE users SET active = 0 WHERE username = 'dora'");
    site.somebody_else("UPDATE users SET attributes = '{\"room\":\"12\"}' WHERE username = 'Anna'");
    site.somebody_else_groups("staff", &["Anna", "local"]);
    site.somebody_else_groups("administrators", &["eve"]);
    let before = daemon.accounts();

    // The default: a finding about each, and nothing is done to them.
    let report = daemon.sync("acme");
    let not_managed = |name| ("not_managed", name);
    assert_eq!(
        findings(&report),
        ["anna", "ben", "carl", "dora", "eve", "staff"].map(not_managed).into(),
        "{report:#}"
    );
    let mut after = daemon.accounts();
    assert_eq!(after.remove("zoe").unwrap()["groups"], json!([]), "nor to memberships in that group");
    assert_eq!(after.remove("yves").unwrap()["active"], true);
    assert_eq!(after, before);

    site.somebody_else_groups("staff", &["yves"]);
    let adopt = format!(
        "{SHORT_NAMES}existing: {{ users: adopt, groups: adopt }}\nprotected: {{ groups: [administrators] }}\n\
         leavers: {{ users: delete }}\nlimits: {{ leavers: off }}"
    );
    site.rewrite(&daemon, "acme", &adopt);
    let (code, plan) = site.ctl_json(&["plan", "acme"]);
    assert_eq!((code, &plan["adopted"]), (5, &json!(3)), "{plan:#}");
    let summaries = each(&plan["operations"], "summary");
    let adoptions = ["adopt user Anna", "adopt user dora", "adopt group staff"];
    assert!(adoptions.iter().all(|adoption| summaries.contains(adoption)), "{summaries:#?}");
    assert!(site.ctl(&["plan", "acme"]).1.contains("a sync would take over 3 users or groups"));

    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, &report["adopted"]), (5, &json!(3)), "{report:#}");
    let expected = [("disabled_by_others", "dora"), ("not_managed", "ben"), ("protected", "eve")];
    assert_eq!(findings(&report), expected.into(), "{report:#}");
    let holds = report["holds"].as_array().unwrap();
    let held: Vec<_> = holds.iter().map(|hold| (&hold["kind"], &hold["names"])).collect();
    // Without an e-mail address nobody knows whose account it is; and nothing is removed in the run that adopts.
    let adoptions = json!("adoptions");
    assert_eq!(held, [(&adoptions, &json!(["carl"])), (&adoptions, &json!(["Anna", "yves"]))], "{report:#}");
    let account = &daemon.accounts()["anna"];
    assert_eq!(account["display_name"], "New User");
    assert_eq!(account["attributes"], json!({ "room": "12" }), "only what is mapped is changed");
    assert_eq!(daemon.names(false), set(["dora"]), "who was found disabled stays so");
    assert_eq!(daemon.groups()["staff"], set(["anna", "dora", "local", "yves", "zoe"]));

    // From now on it is like any other, but for those who never were Okta's.
    let report = daemon.sync("acme");
    assert_eq!(daemon.groups()["staff"], set(["dora", "local", "zoe"]), "{report:#}");
    // RULES 8: what was adopted is never deleted.
    for leaver in [&anna, &zoe] {
        org.set_status(leaver, Status::Deprovisioned);
    }
    for stranger in [&ben, &carl, &eve] {
        org.set_status(stranger, Status::Deprovisioned);
    }
    let report = daemon.sync("acme");
    assert_eq!(daemon.names(false), set(["anna", "dora"]), "{report:#}");
    assert_eq!(
        daemon.names(true),
        set(["ben", "carl", "eve", "local", "yves"]),
        "zoe's account was created and is gone"
    );
}

#[test]
fn what_one_connector_released_another_may_adopt() {
    let site = Site::empty();
    site.add(["anna", "ben"]);
    site.write("old", &site.connector(SHORT_NAMES));
    site.write("new", &site.connector(&format!("{SHORT_NAMES}existing: {{ users: adopt }}")));
    let daemon = site.start();
    daemon.sync("old");
    let before = daemon.accounts();
    let report = daemon.sync("new");
    assert_eq!(findings(&report), [("claimed_elsewhere", "anna"), ("claimed_elsewhere", "ben")].into());
    let (code, said, messages) = site.ctl(&["release", "old", "anna"]);
    assert_eq!(code, 0, "{said}{messages}");
    let report = daemon.sync("new");
    assert_eq!((&report["adopted"], findings(&report)), (&json!(1), [("claimed_elsewhere", "ben")].into()));
    assert_eq!(daemon.sync("old")["counts"]["users"]["unchanged"], 1);
    assert_eq!(daemon.accounts(), before);
}

#[test]
fn what_is_protected_is_not_touched_by_any_rule() {
    let site = Site::empty();
    let org = site.okta.org();
    let [admin, anna, ben] = site.add(["admin", "anna", "ben"]);
    let admins = site.add_group("jira-administrators", &[&anna]);
    let staff = site.add_group("staff", &[&anna, &ben]);
    site.write("acme", &site.connector(SHORT_NAMES));
    let daemon = site.start();
    daemon.sync("acme");
    let before = (daemon.accounts(), daemon.groups());

    let keys = "protected: { users: [admin, ben], groups: [\"*-ADMINISTRATORS\"] }\n\
                leavers: { users: delete, memberships: remove, groups: delete }";
    site.rewrite(&daemon, "acme", &format!("{SHORT_NAMES}{keys}"));
    org.set_status(&admin, Status::Deprovisioned);
    org.update_profile(&ben, "login", "benjamin@example.com");
    org.set_members(&admins, &[&ben]);
    org.set_members(&staff, &[&anna]);
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!((daemon.accounts(), daemon.groups()), before, "{report:#}");
    let subjects: Vec<_> = findings(&report).into_iter().filter(|(kind, _)| *kind == "protected").collect();
    assert_eq!(subjects, [("protected", "ben"), ("protected", "jira-administrators")], "{report:#}");
    org.delete_group(&admins);
    assert_eq!(daemon.sync("acme")["counts"]["groups"]["deleted"], 0);
    assert_eq!(daemon.groups(), before.1);
}
