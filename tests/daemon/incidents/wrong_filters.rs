//! Somebody edits the connector file, and the edit throws out everybody or everything.

use serde_json::json;

use super::{Company, held, mail};
use crate::people::findings;

const DELETES: &str = "leavers: { users: delete, memberships: remove, groups: delete }\n";

fn search(department: &str) -> String {
    format!("    users: {{ search: 'profile.department eq \"{department}\"' }}\n{DELETES}")
}

/// A company where everybody but Anna, Ben and Carl is of the staff.
fn with_departments() -> Company {
    let company = Company::before_first_sync(&search("Staff"));
    for user in company.org().users() {
        let board = ["anna", "ben", "carl"].map(mail).contains(&user.login);
        company.org().update_profile(&user.id, "department", if board { "Board" } else { "Staff" });
    }
    assert_eq!(company.sync().1["counts"]["users"]["created"], 21);
    company
}

/// Puts the right file back: the next run succeeds and takes nothing from anybody.
#[track_caller]
fn is_put_right(company: &Company, keys: &str) {
    company.edits(keys);
    company.loses_nothing(0, &[]);
}

/// authentik (goauthentik/authentik#19295): a wrong filter with deletion of what it does not find; all users and their second
/// factors were gone. ssosync (awslabs/ssosync#38): people ask to see what a bad filter would do before it does it.
#[test]
fn a_filter_that_matches_nobody_deletes_nobody() {
    let company = with_departments();
    company.edits(&search("Staf"));
    company.org().add_group("newcomers");
    let (code, plan) = company.site.ctl_json(&["plan", "acme"]);
    assert!(plan["not_proven"][0]["reason"].as_str().unwrap().contains("no users at all"), "{plan:#}");
    assert_eq!(
        (code, plan["operations"].as_array().map(Vec::len)),
        (4, Some(1)),
        "only the new group: {plan:#}"
    );
    let report =
        company.loses_nothing(6, &["users: the source returned no users at all, and 21 are managed"]);
    assert!(report["requests"].as_u64() > Some(0));
    let searches = company.site.okta.log();
    assert!(searches.iter().any(|line| line.contains("Staf%22") || line.contains("Staf\"")), "{searches:#?}");
    assert!(company.daemon.groups().contains_key("newcomers"), "the groups are as they were read");
    is_put_right(&company, &search("Staff"));
}

/// The same, and the filter matches a few: then the list is believed, and the limit holds.
#[test]
fn a_filter_that_matches_only_a_few_waits_for_a_person() {
    let company = with_departments();
    company.edits(&search("Board"));
    let (code, plan) = company.site.ctl_json(&["plan", "acme"]);
    assert_eq!((code, &plan["holds"][0]["count"]), (5, &json!(21)), "seen before it happens: {plan:#}");
    let report = company.loses_nothing(5, &["(limits.leavers): 21 of 21 would go, and the limit allows"]);
    let names = report["holds"][0]["names"].as_array().unwrap();
    assert_eq!((names.len(), names.contains(&json!(mail("dora")))), (21, true), "everybody is named");
    assert!(company.directory().contains_key(&mail("anna")), "whom the filter finds comes in the same run");
    assert_eq!(report["counts"]["users"]["created"], 3);
    // The three whom the wrong filter brought are leavers of the right one, and few.
    company.edits(&search("Staff"));
    let (code, report) = company.sync();
    assert_eq!((code, &report["counts"]["users"]["deleted"]), (0, &json!(3)), "{report:#}");
    assert_eq!(company.active().len(), 21);
}

/// The same by a pattern in the file instead of a search: one line of `exclude`, or a slip of the pen in `include`.
#[test]
fn a_pattern_that_throws_everybody_out_waits_for_a_person() {
    let company = Company::in_sync(DELETES);
    for pattern in ["exclude: [\"*@example.com\"]", "include: [\"*@exmaple.com\"]"] {
        company.edits(&format!("{DELETES}scope: {{ users: {{ {pattern} }} }}"));
        company.org().add_group(pattern);
        let report = company.loses_nothing(5, &["(limits.leavers): 24 of 24 would go"]);
        assert_eq!(held(&report), [("leavers", "", 24)], "{pattern}: {report:#}");
        assert_eq!(report["filtered"]["users"].as_object().unwrap().values().next(), Some(&json!(24)));
        assert!(company.daemon.groups().contains_key(pattern), "all else goes on: {report:#}");
        is_put_right(&company, DELETES);
    }
}

/// The same for groups: a pattern that no group matches, and one that all do.
#[test]
fn a_pattern_that_throws_all_groups_out_waits_for_a_person() {
    let company = Company::in_sync(DELETES);
    for (number, pattern) in ["exclude: [\"*\"]", "include: [\"jria-*\"]"].into_iter().enumerate() {
        company.edits(&format!("{DELETES}groups: {{ {pattern} }}"));
        let newcomer = format!("new-{number}");
        company.hires(&newcomer, &["staff"]);
        let report = company.loses_nothing(5, &["groups that left (limits.groups): 10 of 10 would go"]);
        assert_eq!(held(&report), [("groups", "", 10)], "{pattern}: {report:#}");
        assert!(company.has(&newcomer, &[]), "users come as ever");
        company.edits(DELETES);
        company.recovers();
    }
}

/// User Sync and others offer to drop the groups that no rename rule matches; with a slip in the rule that is every group.
#[test]
fn a_rename_rule_that_drops_all_groups_waits_for_a_person() {
    let rules = |pattern| {
        format!(
            "{DELETES}groups: {{ rename: [{{ match: \"{pattern}\", to: \"jira-$1\" }}], unmatched: drop }}"
        )
    };
    let company = Company::before_first_sync(&rules("^(.+)$"));
    assert_eq!(company.sync().1["counts"]["groups"]["created"], 10);
    company.edits(&rules("^okta-(.+)$"));
    company.hires("zoe", &["staff"]);
    let report = company.loses_nothing(5, &["groups that left (limits.groups): 10 of 10 would go"]);
    assert_eq!(report["filtered"]["groups"]["groups.unmatched"], 11, "Everyone, too: {report:#}");
    assert!(company.has("zoe", &[]));
    is_put_right(&company, &rules("^(.+)$"));
    assert!(company.has("zoe", &["jira-staff"]));
}

/// A rule that gives all groups one name, where it was to give each its own.
#[test]
fn a_rename_rule_that_makes_one_group_of_all_waits_for_a_person() {
    let company = Company::in_sync(DELETES);
    let rule = "groups: { rename: [{ match: \"^.+$\", to: all }], exclude: [Everyone] }";
    company.edits(&format!("{DELETES}{rule}"));
    company.hires("zoe", &["team-1"]);
    let before = company.daemon.groups();
    let (code, report) = company.sync();
    // One of them bears the name now, and everybody is in it; the other nine would go, and do not.
    assert_eq!((code, held(&report)), (5, vec![("groups", "", 9)]), "{report:#}");
    assert!(findings(&report).contains(&("merged_groups", "all")), "{report:#}");
    let after = company.daemon.groups();
    assert_eq!(after["all"].len(), 25);
    let kept = before.iter().filter(|(name, members)| after.get(*name) == Some(members)).count();
    assert_eq!((kept, after.len()), (9, 10), "{after:#?}");
    // Put right, it waits for the 23 to go before it gets its old name back: they never were to have what that name gives.
    company.edits(DELETES);
    let report = company.loses_nothing(5, &["(limits.memberships): 23 of 25 would go", "its new name "]);
    assert_eq!(held(&report), [("memberships", "all", 23)]);
    let groups = company.daemon.groups();
    let mut right = before.iter().filter(|(name, _)| groups.contains_key(*name));
    assert_eq!((groups.len(), groups["all"].len()), (10, 25));
    assert!(
        right
            .all(|(name, members)| groups[name].is_superset(members)
                && groups[name].len() <= members.len() + 1)
    );
}
