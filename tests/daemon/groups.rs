//! Which groups are synced, under which name, and with whom.

use sandbox::okta::Status;
use serde_json::json;

use crate::harness::Site;
use crate::people::{findings, person, set};

const RULES: &str = r#"
mapping: { username: "{{ profile.login | strip_domain }}" }
groups:
  rename:
    - { match: "^okta-(.+)$", to: "$1" }
    - { match: "(?i)^jira[ _](.+)$", to: "jira-${1}" }
    - { match: "^(leads|board)$", to: "heads" }
  unmatched: drop
  exclude: ["*-test"]
  include: ["jira-*", heads]
protected: { groups: [jira-administrators, board] }
"#;

#[test]
fn groups_are_renamed_dropped_merged_and_protected_in_that_order() {
    let site = Site::empty();
    let org = site.okta.org();
    let [anna, ben, carl] = site.add(["anna", "ben", "carl"]);
    site.add_group("okta-jira-users", &[&anna, &ben]);
    let second = site.add_group("JIRA Users", &[&ben]);
    org.rename_group(&second, "JIRA users");
    org.add_member(&second, &carl);
    site.add_group("okta-jira-test", &[&anna]);
    site.add_group("okta-confluence", &[&anna]);
    let sales = site.add_group("sales", &[&anna]);
    site.add_group("okta-jira-administrators", &[&anna]);
    site.add_group("leads", &[&anna]);
    let board = site.add_group("board", &[&ben]);
    site.write("acme", &site.connector(RULES));
    let daemon = site.start();
    let (_, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(
        daemon.groups(),
        [("jira-users".to_owned(), set(["anna", "ben", "carl"]))].into(),
        "{report:#}"
    );
    let filtered = json!({ "groups.unmatched": 2, "groups.exclude": 1, "groups.include": 1 });
    assert_eq!(report["filtered"]["groups"], filtered, "sales and Everyone; the test group; Confluence");
    // Of two groups that become one, one that is protected protects both.
    let expected =
        [("merged_groups", "jira-users"), ("protected", "heads"), ("protected", "jira-administrators")];
    assert_eq!(findings(&report), expected.into(), "{report:#}");

    // Ben stays a member through the other part.
    org.remove_member(&second, &ben);
    assert_eq!(daemon.sync("acme")["counts"]["memberships"]["unchanged"], 3);
    org.remove_member(&second, &carl);
    daemon.sync("acme");
    assert_eq!(daemon.groups()["jira-users"], set(["anna", "ben"]));
    // What comes to match is synced, under the name that the rules make.
    org.rename_group(&sales, "okta-jira-sales");
    org.delete_group(&board);
    let report = daemon.sync("acme");
    assert_eq!(daemon.groups()["jira-sales"], set(["anna"]), "{report:#}");
    assert_eq!(daemon.groups()["heads"], set(["anna"]));
    // And a rename in Okta is one in the directory.
    org.rename_group(&sales, "okta-jira-revenue");
    let report = daemon.sync("acme");
    assert!(daemon.operations(&report).contains_key("rename group jira-sales to jira-revenue"), "{report:#}");
    assert_eq!(daemon.groups()["jira-revenue"], set(["anna"]));
}

#[test]
fn everybody_is_in_an_always_group_and_only_what_was_added_is_taken_back() {
    let site = Site::empty();
    let org = site.okta.org();
    let [_, ben, _, _] = site.add(["anna", "ben", "carl", "dora"]);
    let short = "mapping: { username: \"{{ profile.login | strip_domain }}\" }\n";
    let always = format!("{short}groups: {{ include: [\"jira-*\"], always: [jira-software-users] }}");
    site.write("acme", &site.connector(&always));
    let daemon = site.start();
    let members = || daemon.groups().remove("jira-software-users");
    let report = daemon.sync("acme");
    assert_eq!(members(), Some(set(["anna", "ben", "carl", "dora"])), "{report:#}");
    site.somebody_else_adds("local", "local@example.com");
    site.somebody_else_groups("jira-software-users", &["local"]);
    org.set_status(&ben, Status::Deprovisioned);
    org.add_user(person("eve"));
    let report = daemon.sync("acme");
    assert_eq!(members(), Some(set(["anna", "ben", "carl", "dora", "eve", "local"])), "{report:#}");
    assert_eq!(
        daemon.names(false),
        set(["ben"]),
        "memberships of leavers are kept, and the account is not active"
    );

    // Under the limits: all of them would go.
    site.rewrite(&daemon, "acme", short);
    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, &report["holds"][0]["kind"]), (5, &json!("memberships")), "{report:#}");
    assert_eq!(report["holds"][0]["group"], "jira-software-users");
    assert_eq!(members().unwrap().len(), 6);
    site.rewrite(&daemon, "acme", &format!("{short}limits: {{ memberships: off }}"));
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(members(), Some(set(["local"])));
    assert!(daemon.names(true).contains("local"));

    // It was always there: `anna` was put into it by somebody else, and stays when the rule goes.
    site.somebody_else_groups("jira-software-users", &["anna"]);
    site.rewrite(&daemon, "acme", &format!("{always}\nlimits: {{ memberships: off }}"));
    daemon.sync("acme");
    assert_eq!(members(), Some(set(["anna", "carl", "dora", "eve", "local"])));
    site.rewrite(&daemon, "acme", &format!("{short}limits: {{ memberships: off }}"));
    daemon.sync("acme");
    assert_eq!(members(), Some(set(["anna", "local"])));
}

#[test]
fn who_is_in_grace_stays_in_a_group_that_is_always_no_longer() {
    let site = Site::empty();
    let users = site.add(["anna", "ben", "carl"]);
    let staff = site.add_group("staff", &users.each_ref());
    let keys = |always| {
        format!(
            "scope: {{ required_groups: [staff] }}\nleavers: {{ grace: {{ absent: 7d }} }}\ngroups: {{ always: [{always}] }}\n\
                                 limits: {{ memberships: off }}"
        )
    };
    site.write("acme", &site.connector(&keys("all")));
    let daemon = site.start();
    daemon.sync("acme");
    site.okta.org().remove_member(&staff, &users[1]);
    assert_eq!(daemon.sync("acme")["in_grace"], 1);
    site.rewrite(&daemon, "acme", &keys(""));
    daemon.sync("acme");
    assert_eq!(daemon.groups()["all"], set(["ben@example.com"]));
}
