//! Who is in scope, from the org to the directory; and that whoever leaves the scope is a leaver, by whatever rule.

use sandbox::okta::Status;
use serde_json::json;

use crate::harness::Site;
use crate::people::{person, set};

#[test]
fn statuses_patterns_and_required_groups_are_counted_by_rule() {
    let site = Site::empty();
    let org = site.okta.org();
    let [anna, ben, svc, eve, _carl] = site.add(["Anna", "ben", "svc-backup", "eve", "carl"]);
    let dora = org.add_user(sandbox::okta::NewUser::new("dora@elsewhere.example"));
    org.set_status(&ben, Status::Suspended);
    org.set_status(&eve, Status::LockedOut);
    let staff = site.add_group("okta-staff", &[&anna, &ben, &svc, &eve, &dora]);
    site.write(
        "acme",
        &site.connector(
            "scope:\n  required_groups: [staff]\n  users: { include: [\"*@example.com\"], exclude: [\"svc-*\"] }\n\
             groups: { rename: [{ match: \"^okta-(.+)$\", to: \"$1\" }] }",
        ),
    );
    let daemon = site.start();
    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, &report["outcome"]), (0, &json!("success")), "{report:#}");
    assert_eq!(daemon.names(true), set(["anna@example.com", "eve@example.com"]));
    let filtered = json!({
        "scope.statuses": 1, "scope.users.include": 1, "scope.users.exclude": 1, "scope.required_groups": 1
    });
    assert_eq!(report["filtered"]["users"], filtered);
    assert_eq!(report["counts"]["users"]["filtered"], 4);
    let (code, said, _) = site.ctl(&["plan", "acme"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("filtered users: ") && said.contains("scope.required_groups 1"), "{said}");

    org.remove_member(&staff, &eve);
    let report = daemon.sync("acme");
    assert_eq!(report["filtered"]["users"]["scope.required_groups"], 2, "{report:#}");
    assert_eq!(daemon.names(false), set(["eve@example.com"]));
    let why = daemon.operations(&report).remove("disable user eve@example.com");
    assert_eq!(why.as_deref(), Some("it is in none of scope.required_groups"));

    // RULES 11: a required group that is not there says nothing about anybody.
    org.rename_group(&staff, "okta-employees");
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed", "{report:#}");
    assert!(report["error"].as_str().unwrap().contains("staff"), "{report:#}");
    assert_eq!(daemon.names(true), set(["anna@example.com"]));
}

#[test]
fn searches_are_evaluated_by_okta() {
    let site = Site::empty();
    let org = site.okta.org();
    let add = |name, department| org.add_user(person(name).attribute("department", department));
    let [anna, ben] = [("anna", "Engineering"), ("ben", "Engineering")].map(|(name, of)| add(name, of));
    let [carl, dora] = [("carl", "Sales"), ("dora", "Sales")].map(|(name, of)| add(name, of));
    site.add_group("jira-users", &[&anna, &carl]);
    site.add_group("confluence-users", &[&anna]);
    let okta = "    users: { search: 'profile.department eq \"Engineering\"' }\n    \
                groups: { search: 'profile.name sw \"jira-\"' }";
    site.write("acme", &site.connector(okta));
    let daemon = site.start();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(daemon.names(true), set(["anna@example.com", "ben@example.com"]));
    assert_eq!(daemon.groups(), [("jira-users".to_owned(), set(["anna@example.com"]))].into());
    assert_eq!(report["findings"], json!([]), "a member whom the search does not find is nothing strange");
    let searches = site.okta.log().iter().filter(|line| line.contains("search=")).count();
    assert_eq!(searches, 2, "{:#?}", site.okta.log());
    assert_eq!(report["counts"]["users"]["filtered"], 0, "who is not found is not even seen");

    org.update_profile(&ben, "department", "Sales");
    org.update_profile(&dora, "department", "Engineering");
    let report = daemon.sync("acme");
    assert_eq!(daemon.names(true), set(["anna@example.com", "dora@example.com"]), "{report:#}");
    let why = daemon.operations(&report).remove("disable user ben@example.com");
    assert_eq!(why.as_deref(), Some("the search in source.okta.users does not find it"));
}

#[test]
fn an_application_takes_who_and_what_is_assigned_to_it() {
    let site = Site::empty();
    let org = site.okta.org();
    let [anna, ben, carl, dora] = site.add(["anna", "ben", "carl", "dora"]);
    let jira = site.add_group("jira-users", &[&ben, &carl]);
    site.add_group("others", &[&anna, &dora]);
    let app = org.add_app("Jira");
    org.assign_user(&app, &anna);
    org.assign_group(&app, &jira);
    site.write("acme", &site.connector(&format!("    app: {app}")));
    let daemon = site.start();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(daemon.names(true), set(["anna@example.com", "ben@example.com", "carl@example.com"]));
    let members = set(["ben@example.com", "carl@example.com"]);
    assert_eq!(daemon.groups(), [("jira-users".to_owned(), members)].into());

    org.unassign_user(&app, &anna);
    org.assign_user(&app, &dora);
    let report = daemon.sync("acme");
    assert_eq!(daemon.names(false), set(["anna@example.com"]), "{report:#}");
    assert!(daemon.names(true).contains("dora@example.com"));
    let why = daemon.operations(&report).remove("disable user anna@example.com");
    assert_eq!(why.as_deref(), Some("it is not assigned to the application in source.okta.app"));
}
