//! A sync of one user: what it asks, what it changes, and what it leaves alone.

use sandbox::okta::{Options, Status};
use serde_json::{Value, json};

use crate::harness::{Daemon, Site};
use crate::people::{findings, person, set};

/// Syncs one user; the report.
fn sync_one(site: &Site, login: &str, more: &[&str]) -> Value {
    let (code, report) = site.ctl_json(&[&["sync", "acme", "--wait", "--user", login], more].concat());
    assert_eq!((code, &report["user"]), (0, &json!(login)), "{report:#}");
    report
}

/// The paths that the stand-in was asked for, without queries.
fn paths(site: &Site) -> Vec<String> {
    let path = |line: &String| line.split([' ', '?']).nth(1).unwrap().to_owned();
    site.okta.log().iter().map(path).collect()
}

fn account(daemon: &Daemon, name: &str) -> Value {
    daemon.accounts().remove(&format!("{name}@example.com")).unwrap_or_default()
}

#[test]
fn only_that_user_is_read_and_only_what_concerns_it_is_changed() {
    let site = Site::with_org(Options { users: 60, groups: 12, memberships: 300, ..Options::default() });
    let org = site.okta.org();
    let [anna, ben, carl] = site.add(["anna", "ben", "carl"]);
    let staff = site.add_group("staff", &[&anna, &ben, &carl]);
    let press = site.add_group("press", &[&anna, &ben]);
    site.write("acme", &site.connector("groups: { always: [everybody] }"));
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");

    let dora = org.add_user(person("dora"));
    let design = site.add_group("design", &[&anna, &ben]);
    for user in [&anna, &ben] {
        org.update_profile(user, "lastName", "Changed");
        org.remove_member(&press, user);
    }
    org.add_member(&staff, &dora);
    org.set_status(&carl, Status::Deprovisioned);
    let before = daemon.accounts();
    site.okta.reset_counts();
    let report = sync_one(&site, "anna@example.com", &[]);
    let asked = ["/api/v1/org", "/api/v1/users/anna@example.com", &format!("/api/v1/users/{anna}/groups")];
    let log: Vec<_> = paths(&site).iter().map(|path| path.replace("%40", "@")).collect();
    assert_eq!(log, asked);
    assert_eq!(report["requests"], 3);
    let mut after = daemon.accounts();
    let changed = after.remove("anna@example.com").unwrap();
    assert_eq!(changed["last_name"], "Changed");
    assert_eq!(changed["groups"], json!(["design", "everybody", "staff"]), "{report:#}");
    let others = before.iter().filter(|(name, _)| *name != "anna@example.com");
    assert!(others.eq(after.iter()), "nobody else is touched");
    assert_eq!(daemon.groups()["press"], set(["ben@example.com"]));

    // Somebody new, by login; somebody who left, by the name in the target.
    sync_one(&site, "dora@example.com", &[]);
    assert_eq!(account(&daemon, "dora")["groups"], json!(["everybody", "staff"]));
    site.okta.reset_counts();
    sync_one(&site, "CARL@example.com", &[]);
    assert_eq!(account(&daemon, "carl")["active"], false);
    assert!(site.okta.requests().total <= 5, "{:#?}", site.okta.log());
    let (code, said, _) = site.ctl(&["sync", "acme", "--user", "nobody@example.com", "--wait"]);
    assert_eq!(code, 1);
    assert!(said.contains("Okta shows no user nobody@example.com"), "{said}");

    // What waits for the others is still to be done.
    let (code, plan) = site.ctl_json(&["plan", "acme"]);
    assert_eq!((code, &plan["counts"]["users"]["updated"]), (4, &json!(1)), "{plan:#}");
    org.delete_group(&design);
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert_eq!(daemon.sync("acme")["counts"]["memberships"]["created"], 0);
}

#[test]
fn restore_takes_back_what_somebody_else_disabled_or_deleted() {
    let site = Site::empty();
    let [anna, ben, _] = site.add(["anna", "ben", "carl"]);
    site.add_group("staff", &[&anna, &ben]);
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    daemon.sync("acme");
    site.somebody_else("UPDATE users SET active = 0 WHERE username LIKE 'anna@%'");
    site.somebody_else("DELETE FROM users WHERE username LIKE 'ben@%'");
    let others = [("deleted_by_others", "ben@example.com"), ("disabled_by_others", "anna@example.com")];
    let report = daemon.sync("acme");
    assert_eq!(findings(&report), others.into(), "{report:#}");
    assert_eq!(report["outcome"], "success");
    assert_eq!(daemon.names(true), set(["carl@example.com"]));

    for (name, other) in [("anna", others[1]), ("ben", others[0])] {
        let login = format!("{name}@example.com");
        assert_eq!(findings(&sync_one(&site, &login, &[])), [other].into());
        let report = sync_one(&site, &login, &["--restore"]);
        assert_eq!(findings(&report), [].into(), "{report:#}");
        let account = account(&daemon, name);
        assert_eq!((&account["active"], &account["groups"]), (&json!(true), &json!(["staff"])), "{report:#}");
    }
    let report = daemon.sync("acme");
    assert_eq!((findings(&report), &report["counts"]["users"]["unchanged"]), ([].into(), &json!(3)));
    // It is managed as before: disabled and enabled with its user.
    site.okta.org().set_status(&ben, Status::Suspended);
    daemon.sync("acme");
    assert_eq!(daemon.names(false), set(["ben@example.com"]));
}

#[test]
fn who_left_a_required_group_that_is_not_synced_can_be_explained_and_synced() {
    let site = Site::empty();
    let [anna, ben] = site.add(["anna", "ben"]);
    let staff = site.add_group("staff", &[&anna, &ben]);
    site.write(
        "acme",
        &site.connector("scope: { required_groups: [staff] }\ngroups: { include: [\"jira-*\"] }"),
    );
    let daemon = site.start();
    daemon.sync("acme");
    site.okta.org().remove_member(&staff, &ben);
    let (code, told) = site.ctl_json(&["explain", "acme", "ben@example.com"]);
    assert_eq!((code, &told["user"]["in_scope"]), (0, &json!(false)), "{told:#}");
    let report = sync_one(&site, "ben@example.com", &[]);
    assert_eq!(report["counts"]["users"]["disabled"], 1, "{report:#}");
    // RULES 11 as ever: a group that is not there says nothing about anybody.
    site.okta.org().delete_group(&staff);
    assert_eq!(site.ctl(&["sync", "acme", "--user", "anna@example.com", "--wait"]).0, 1);
    assert_eq!(daemon.names(true), set(["anna@example.com"]));
}
