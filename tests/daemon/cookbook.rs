//! Recipes of docs/cookbook.md as they stand there, where a wrong word would cost somebody an account.

use sandbox::okta::{NewUser, Status};
use serde_json::json;

use crate::harness::Site;
use crate::people::{LONG_AGO, each, findings, person, set};

/// The keys of a recipe, without its `source`.
fn recipe(number: u32) -> String {
    let text = include_str!("../../docs/cookbook.md");
    let (_, recipe) = text.split_once(&format!("\n## {number}. ")).unwrap();
    let (_, block) = recipe.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let own =
        block.split_inclusive('\n').skip_while(|line| line.starts_with("source:") || line.starts_with(' '));
    if block.starts_with("source:") { own.collect() } else { block.to_owned() }
}

#[test]
fn recipe_4_renames_what_is_there_and_empties_what_is_dropped() {
    let site = Site::empty();
    let [anna, ben] = site.add(["anna", "ben"]);
    site.add_group("okta-jira-developers", &[&anna, &ben]);
    site.add_group("okta-wiki", &[&anna]);
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    daemon.sync("acme");
    site.rewrite(&daemon, "acme", &recipe(4));
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    let members = set(["anna@example.com", "ben@example.com"]);
    let expected = [("jira-developers".to_owned(), members), ("okta-wiki".to_owned(), set([]))];
    assert_eq!(daemon.groups(), expected.into());
    assert!(daemon.operations(&report).contains_key("rename group okta-jira-developers to jira-developers"));
}

#[test]
fn recipe_6_leaves_contractors_as_they_are() {
    let site = Site::empty();
    let org = site.okta.org();
    let contractor = |name: &str| org.add_user(NewUser::new(&format!("{name}@contractor.example.com")));
    let (jan, ext) = (contractor("jan"), org.add_user(person("ext-ida")));
    let [anna] = site.add(["anna"]);
    let staff = site.add_group("staff", &[&anna, &jan, &ext]);
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    daemon.sync("acme");
    let before = (daemon.accounts(), daemon.groups());
    site.rewrite(&daemon, "acme", &recipe(6));
    contractor("new");
    org.remove_member(&staff, &jan);
    org.set_status(&ext, Status::Deprovisioned);
    let report = daemon.sync("acme");
    assert_eq!(
        (&report["outcome"], daemon.accounts(), daemon.groups()),
        (&json!("success"), before.0, before.1)
    );
    let (code, told) = site.ctl_json(&["explain", "acme", "jan@contractor.example.com"]);
    assert_eq!(
        (code, &told["user"]["in_scope"], &told["operations"]),
        (0, &json!(false), &json!([])),
        "{told:#}"
    );
}

#[test]
fn recipes_7_and_9_wait_for_who_is_absent_and_not_for_who_is_deactivated() {
    let site = Site::empty();
    let org = site.okta.org();
    let [anna, ben, carl] = site.add(["anna", "ben", "carl"]);
    site.add_group("staff", &[&anna, &ben, &carl]);
    site.add_group("sport-alumni", &[&anna, &ben]);
    site.write("acme", &site.connector(&(recipe(7) + &recipe(9))));
    let daemon = site.start();
    daemon.sync("acme");
    org.set_last_login(&ben, Some(LONG_AGO));
    org.set_status(&anna, Status::Suspended);
    let report = daemon.sync("acme");
    assert_eq!((&report["outcome"], &report["in_grace"]), (&json!("success"), &json!(1)), "{report:#}");
    assert_eq!(daemon.names(false), set(["anna@example.com"]));
    assert_eq!(daemon.groups()["staff"], set(["ben@example.com", "carl@example.com"]));
    assert_eq!(daemon.groups()["sport-alumni"], set(["anna@example.com", "ben@example.com"]));
    let (_, said, _) = site.ctl(&["explain", "acme", "ben@example.com"]);
    assert!(
        said.contains("it counts as left since 20") && said.contains("last signed in 2020-09-13"),
        "{said}"
    );
}

#[test]
fn recipe_10_writes_nothing_not_even_for_one_user() {
    let site = Site::empty();
    site.add(["anna", "ben"]);
    site.write("acme", &site.connector(&recipe(10)));
    let daemon = site.start();
    assert_eq!(site.ctl(&["plan", "acme", "--detailed"]).0, 4);
    let report = daemon.sync("acme");
    assert_eq!((&report["outcome"], &report["apply"]), (&json!("success"), &json!(false)), "{report:#}");
    assert_eq!(site.ctl(&["sync", "acme", "--user", "anna@example.com", "--wait"]).0, 0);
    assert_eq!(daemon.names(true), set([]));
    site.rewrite(&daemon, "acme", "");
    assert_eq!(site.ctl(&["sync", "acme", "--user", "anna@example.com", "--wait"]).0, 0);
    assert_eq!(daemon.names(true), set(["anna@example.com"]), "then one user first");
}

#[test]
fn recipe_11_takes_over_what_another_tool_filled_without_a_change() {
    let site = Site::empty();
    let org = site.okta.org();
    let names = ["anna", "ben", "carl"];
    let [anna, ben, carl] = names
        .map(|name| org.add_user(person(name).name("Their", "Own").attribute("displayName", "Their own")));
    site.add_group("okta-atlassian-users", &[&anna, &ben, &carl]);
    site.add_group("okta-jira-developers", &[&anna]);
    site.write("acme", &site.connector(&recipe(11)));
    let daemon = site.start();
    for name in ["anna", "ben", "carl", "admin", "gone"] {
        site.somebody_else_adds(name, &format!("{name}@example.com"));
    }
    for (group, members) in [
        ("atlassian-users", &["anna", "ben", "carl"][..]),
        ("jira-developers", &["anna", "ben", "admin"]),
        ("jira-software-users", &["anna", "ben", "carl"]),
        ("administrators", &["admin"]),
    ] {
        site.somebody_else_groups(group, members);
    }
    let before = (daemon.accounts(), daemon.groups());
    let (code, plan) = site.ctl_json(&["plan", "acme"]);
    let kinds: Vec<_> =
        plan["operations"].as_array().unwrap().iter().map(|one| &one["operation"]["kind"]).collect();
    let (user, group) = (json!("adopt_user"), json!("adopt_group"));
    assert_eq!(kinds, [&user, &user, &user, &group, &group], "{plan:#}");
    assert_eq!((code, &plan["adopted"], findings(&plan)), (5, &json!(5), [].into()), "{plan:#}");
    assert!(each(&plan["operations"], "summary").contains("adopt group atlassian-users"));
    daemon.sync("acme");

    site.rewrite(&daemon, "acme", &recipe(11).replace("apply: off", ""));
    let (code, report) = site.ctl_json(&["sync", "acme", "--user", "anna@example.com", "--wait"]);
    assert_eq!((code, &report["adopted"]), (0, &json!(3)), "one user first, with its groups: {report:#}");
    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, &report["adopted"]), (5, &json!(2)), "{report:#}");
    assert_eq!((daemon.accounts(), daemon.groups()), before, "nobody notices");
    // What it would have taken away waits for the next run.
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(daemon.groups()["jira-developers"], set(["admin", "anna"]));
    assert_eq!(daemon.names(false), set([]), "whoever stands for nobody in Okta stays");
}
