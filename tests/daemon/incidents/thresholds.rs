//! Limits that are clumsy themselves: they stop what they should not, or let through what they should stop.

use serde_json::json;

use super::{Company, held, mail};

/// A sync with Entra (MicrosoftDocs/azure-docs#44661): nobody can tell whether the first 500 are deleted and then it stops.
#[test]
fn what_exceeds_a_limit_is_held_as_a_whole_and_not_but_for_the_first_few() {
    let company = Company::in_sync("leavers: { users: delete }\nlimits: { leavers: 4 }");
    let leavers = ["ben", "dora", "frank", "hugo", "jan"];
    company.lets_go(&leavers);
    for newcomer in ["zoe", "zack"] {
        company.hires(newcomer, &["sales"]);
        let report =
            company.loses_nothing(5, &["users that left (limits.leavers): 5 of", "and the limit allows 4"]);
        assert_eq!(report["holds"][0]["names"], json!(leavers.map(mail)), "each by name");
        assert!(company.has(newcomer, &["sales"]), "and no run takes the first four of them: {report:#}");
    }
    assert_eq!(company.daemon.get("/v1/connectors/acme")["state"], "held");
    // One of them was deactivated by mistake; the others are few enough.
    company.org().set_status(&company.user("jan"), sandbox::okta::Status::Active);
    for group in ["staff", "engineering", "team-5"] {
        company.org().add_member(&company.group(group), &company.user("jan"));
    }
    company.recovers();
    assert!(!company.directory().contains_key(&mail("ben")));
}

/// Adobe user-sync (adobe-apiplatform/user-sync.py#745) and Google's sync: once a limit was exceeded, nothing else was done
/// either.
#[test]
fn one_limit_that_is_exceeded_stops_nothing_else() {
    let company = Company::in_sync("leavers: { memberships: remove }\nlimits: { floor: 1 }");
    let org = company.org();
    let [engineering, sales] = ["engineering", "sales"].map(|group| company.group(group));
    for name in ["anna", "ben", "carl", "dora"] {
        org.remove_member(&engineering, &company.user(name));
    }
    org.remove_member(&sales, &company.user("max"));
    org.update_profile(&company.user("eve"), "displayName", "Eve Else");
    org.delete_group(&company.group("team-6"));
    company.lets_go(&["yves"]);
    company.hires("zoe", &["engineering", "sales"]);
    let (code, report) = company.sync();
    assert_eq!(code, 5, "{report:#}");
    // A group that left with two members is one of ten, and its limit is met.
    assert_eq!(held(&report), [("memberships", "engineering", 4)], "{report:#}");
    let groups = company.daemon.groups();
    assert_eq!(groups["engineering"].len(), 13, "nobody went, and zoe came");
    assert!(!groups["sales"].contains(&mail("max")) && groups["sales"].contains(&mail("zoe")));
    assert!(groups["team-6"].is_empty());
    let yves = &company.daemon.accounts()[&mail("yves")];
    assert_eq!((&yves["active"], &yves["groups"]), (&json!(false), &json!([])));
    assert_eq!(company.daemon.accounts()[&mail("eve")]["display_name"], "Eve Else");
    let rest = company.daemon.operations(&report);
    assert_eq!(
        rest.keys().filter(|what| what.contains("engineering")).count(),
        1,
        "the additions: {rest:#?}"
    );
}

/// LSC (lsc-project/lsc#172) and AutoSync (lithnet/miis-autosync#154): people ask for a stop at five per cent.
#[test]
fn five_per_cent_is_a_limit_that_one_can_write() {
    let company = Company::in_sync("limits: { leavers: 5%, floor: 0 }");
    company.lets_go(&["ben"]);
    let (code, report) = company.sync();
    assert_eq!((code, &report["counts"]["users"]["disabled"]), (0, &json!(1)), "{report:#}");
    company.lets_go(&["dora"]);
    company.hires("zoe", &["staff"]);
    // One of 23 would be as little, but it is the second of the day.
    let report =
        company.loses_nothing(5, &["1 would go after 1 in the last 24 hours, of 24, and the limit allows 1"]);
    assert_eq!(held(&report), [("leavers", "", 1)]);
    assert!(company.has("zoe", &["staff"]));
}

/// What may not be done at once may not be done in many small runs either: each is within the limit, and all together are not.
#[test]
fn many_small_runs_do_not_add_up_to_what_one_may_not_do() {
    let company = Company::in_sync("limits: { leavers: 3, memberships: 2 }");
    let org = company.org();
    let (board, sales) = (company.group("board"), company.group("sales"));
    for (leaver, member) in [("anna", "max"), ("ben", "nora")] {
        company.lets_go(&[leaver]);
        org.remove_member(&sales, &company.user(member));
        let (code, report) = company.sync();
        assert_eq!(code, 0, "{report:#}");
    }
    company.lets_go(&["carl"]);
    org.remove_member(&sales, &company.user("otto"));
    org.remove_member(&board, &company.user("vera"));
    let (code, report) = company.sync();
    assert_eq!(
        (code, held(&report)),
        (5, vec![("memberships", "sales", 1)]),
        "another group is another matter: {report:#}"
    );
    assert_eq!(company.active().len(), 21);
    company.lets_go(&["dora"]);
    company.hires("zoe", &["board"]);
    let report =
        company.loses_nothing(5, &["1 would go after 3 in the last 24 hours, of 24, and the limit allows 3"]);
    assert_eq!(held(&report), [("leavers", "", 1), ("memberships", "sales", 1)], "{report:#}");
    assert!(company.has("zoe", &["board"]));
}

/// Entra (MicrosoftDocs/azure-docs#39708): a mail every half hour, and no way to say that these are never to be deleted.
#[test]
fn who_is_never_to_be_removed_is_protected_and_asked_about_no_more() {
    let limits = "leavers: { users: delete }\nlimits: { leavers: 1 }\n";
    let company = Company::in_sync(limits);
    company.lets_go(&["anna", "ben", "carl"]);
    company.loses_nothing(5, &["3 of 24 would go"]);
    company.edits(&format!("{limits}protected: {{ users: [\"anna@*\", \"ben@*\"] }}"));
    company.hires("zoe", &["staff"]);
    let (code, report) = company.sync();
    assert_eq!((code, &report["counts"]["users"]["deleted"]), (0, &json!(1)), "{report:#}");
    let directory = company.directory();
    assert!(directory.contains_key(&mail("anna")) && !directory.contains_key(&mail("carl")));
    assert!(company.has("zoe", &["staff"]));
    assert_eq!(company.loses_nothing(0, &[])["counts"]["users"]["held"], 0);
}

/// Entra (MicrosoftDocs/entra-docs#2084 and MicrosoftDocs/azure-docs#35848): the threshold is a field of a web page, no script
/// can set it, and people turn it off to get through.
#[test]
fn the_limit_is_a_line_of_a_file_that_a_script_can_raise_for_one_run() {
    let keys = |limit: &str| format!("limits: {{ leavers: {limit} }}");
    let company = Company::in_sync(&keys("2"));
    company.lets_go(&["anna", "ben", "carl"]);
    company.loses_nothing(5, &["3 of 24 would go, and the limit allows 2"]);
    company.site.write("acme", &company.site.connector(&keys("3")));
    assert_eq!(company.site.ctl(&["reload"]).0, 0);
    let (code, shown, _) = company.site.ctl(&["show", "acme"]);
    assert!(code == 0 && shown.contains("leavers: 3"), "{shown}");
    company.hires("zoe", &["staff"]);
    let (code, report) = company.sync();
    assert_eq!((code, &report["counts"]["users"]["disabled"]), (0, &json!(3)), "{report:#}");
    assert!(company.has("zoe", &["staff"]));
    company.edits(&keys("2"));
    company.lets_go(&["dora"]);
    company.loses_nothing(5, &["after 3 in the last 24 hours"]);
}
