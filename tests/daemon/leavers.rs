//! What becomes of those who left, by each mode, and how they come back.

use sandbox::okta::Status;
use serde_json::json;

use crate::harness::{Daemon, Site};
use crate::people::{person, set};

/// One connector per mode, side by side: the names of its users and groups begin with its own.
const MODES: [(&str, &str); 5] = [
    ("disable", "{ users: disable, memberships: { remove: all, except: [\"*-alumni\"] }, groups: empty }"),
    ("delete", "{ users: delete, groups: delete }"),
    ("anonymize", "{ users: anonymize, memberships: remove }"),
    ("keep", "{ users: keep, groups: keep }"),
    ("grace", "{ users: disable, memberships: remove, grace: { absent: 7d, deactivated: 0s } }"),
];

fn connector(site: &Site, mode: &str, leavers: &str) -> String {
    site.connector(&format!(
        r#"    users: {{ search: 'profile.department eq "Staff"' }}
mapping: {{ username: "{mode}-{{{{ profile.login | strip_domain }}}}" }}
groups: {{ exclude: ["*-Everyone"], include: ["{mode}-*"], rename: [{{ match: "^(.+)$", to: "{mode}-$1" }}] }}
leavers: {leavers}"#
    ))
}

/// The groups of an account, without what its names begin with; none if there is no such account.
fn groups_of(daemon: &Daemon, mode: &str, name: &str) -> Option<Vec<String>> {
    let account = daemon.accounts().remove(&format!("{mode}-{name}"))?;
    let groups = account["groups"].as_array().unwrap().iter();
    let own = |group: &serde_json::Value| {
        group.as_str().unwrap().strip_prefix(&format!("{mode}-")).unwrap().to_owned()
    };
    Some(groups.map(own).collect())
}

fn is_active(daemon: &Daemon, mode: &str, name: &str) -> bool {
    daemon.accounts()[&format!("{mode}-{name}")]["active"] == true
}

#[test]
fn each_mode_does_what_it_says_and_whoever_returns_has_the_groups_of_today() {
    let site = Site::empty();
    let org = site.okta.org();
    let names = ["anna", "ben", "carl", "dora", "eve"];
    let [anna, ben, carl, dora, eve] =
        names.map(|name| org.add_user(person(name).attribute("department", "Staff")));
    let staff = site.add_group("staff", &[&anna, &ben, &carl, &dora, &eve]);
    let alumni = site.add_group("alumni", &[&anna, &ben]);
    let project = site.add_group("project", &[&carl, &dora]);
    for (mode, leavers) in MODES {
        site.write(mode, &connector(&site, mode, leavers));
    }
    let daemon = site.start();
    for (mode, _) in MODES {
        let report = daemon.sync(mode);
        assert_eq!(report["counts"]["users"]["created"], 5, "{report:#}");
    }

    // Anna is deactivated, Ben moves to another department, and a group goes.
    org.set_status(&anna, Status::Deprovisioned);
    org.update_profile(&ben, "department", "Board");
    org.delete_group(&project);
    for (mode, _) in MODES {
        let report = daemon.sync(mode);
        assert_eq!(report["outcome"], "success", "{report:#}");
        assert_eq!(report["in_grace"], u64::from(mode == "grace"), "{report:#}");
        assert_eq!(report["counts"]["memberships"]["held"], 0, "{report:#}");
    }
    let both = Some(vec!["alumni".to_owned(), "staff".to_owned()]);
    let only_alumni = Some(vec!["alumni".to_owned()]);
    for name in ["anna", "ben"] {
        assert!(!is_active(&daemon, "disable", name));
        assert_eq!(groups_of(&daemon, "disable", name), only_alumni, "what is excepted stays");
        assert_eq!(groups_of(&daemon, "delete", name), None);
        assert_eq!(groups_of(&daemon, "anonymize", name), None);
        assert!(is_active(&daemon, "keep", name));
        assert_eq!(groups_of(&daemon, "keep", name), both);
    }
    assert!(!is_active(&daemon, "grace", "anna") && is_active(&daemon, "grace", "ben"));
    assert_eq!(groups_of(&daemon, "grace", "anna"), Some(Vec::new()));
    assert_eq!(groups_of(&daemon, "grace", "ben"), both, "in the grace, nothing is touched");
    let nobody: Vec<_> =
        daemon.accounts().into_iter().filter(|(name, _)| name.starts_with("user-")).collect();
    assert_eq!(nobody.len(), 2);
    for (name, account) in &nobody {
        let expected = json!({
            "username": name, "email": format!("{name}@user.invalid"), "first_name": "", "last_name": "",
            "display_name": name, "attributes": {}, "active": false, "groups": []
        });
        assert_eq!(*account, expected, "and it tells nobody's name");
    }
    let groups = daemon.groups();
    assert_eq!(groups["disable-project"], set([]));
    assert!(!groups.contains_key("delete-project"));
    assert_eq!(groups["keep-project"], set(["keep-carl", "keep-dora"]));

    // A second look changes nothing more, and the grace goes on.
    for (mode, _) in MODES {
        let report = daemon.sync(mode);
        assert_eq!(daemon.operations(&report), [].into(), "{mode}");
    }
    let (_, said, _) = site.ctl(&["sync", "grace", "--wait"]);
    assert!(said.contains("in grace: 1 leaver"), "{said}");

    // Both come back, Anna into one group only.
    org.set_status(&anna, Status::Active);
    org.set_members(&alumni, &[&anna]);
    org.set_members(&staff, &[&ben, &carl, &dora, &eve]);
    org.update_profile(&ben, "department", "Staff");
    for (mode, _) in MODES {
        let report = daemon.sync(mode);
        assert_eq!((&report["outcome"], &report["in_grace"]), (&json!("success"), &json!(0)), "{report:#}");
        assert!(is_active(&daemon, mode, "anna") && is_active(&daemon, mode, "ben"), "{mode}");
        assert_eq!(groups_of(&daemon, mode, "anna"), only_alumni, "{mode}");
        assert_eq!(groups_of(&daemon, mode, "ben"), Some(vec!["staff".to_owned()]), "{mode}");
        assert_eq!(daemon.accounts()[&format!("{mode}-anna")]["email"], "anna@example.com");
        if mode == "grace" {
            let done = daemon.operations(&report);
            assert!(!done.keys().any(|what| what.contains("grace-ben")), "was never touched: {done:#?}");
        }
    }
    assert!(!daemon.accounts().keys().any(|name| name.starts_with("user-")));
}

#[test]
fn too_many_leavers_are_held_as_a_whole_and_told_before_their_grace_is_over() {
    let site = Site::empty();
    let org = site.okta.org();
    let users = site.add(["anna", "ben", "carl", "dora", "eve", "frank"]);
    let limits = "limits: { leavers: 2 }\n";
    site.write("acme", &site.connector(limits));
    site.write("patient", &site.connector(&format!(
        "{limits}mapping: {{ username: \"p-{{{{ profile.login }}}}\" }}\nleavers: {{ grace: {{ deactivated: 7d }} }}"
    )));
    let daemon = site.start();
    daemon.sync("acme");
    daemon.sync("patient");
    for user in &users[..3] {
        org.set_status(user, Status::Suspended);
    }
    org.add_user(person("gina"));
    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, &report["counts"]["users"]["disabled"]), (5, &json!(0)), "{report:#}");
    assert_eq!(report["counts"]["users"]["created"], 1, "all else is applied");
    let hold = &report["holds"][0];
    assert_eq!((&hold["kind"], &hold["count"], &hold["allowed"]), (&json!("leavers"), &json!(3), &json!(2)));

    let (code, report) = site.ctl_json(&["sync", "patient", "--wait"]);
    assert_eq!((code, &report["in_grace"]), (5, &json!(3)), "{report:#}");
    let reason = report["holds"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("3 are in their grace") && reason.contains("Nothing happens to them yet"),
        "{reason}"
    );
    assert_eq!(daemon.names(false), set([]));
}
