//! What was there before the sync was switched on, and what the sync never made.

use sandbox::okta::Status;
use serde_json::json;

use super::{Company, lost, mail};
use crate::people::{findings, set};

const DELETES: &str = "leavers: { users: delete, memberships: remove, groups: delete }\n";

/// A target that people have used before: accounts and groups of its own, some under names that Okta has too.
fn in_use(keys: &str) -> Company {
    let company = Company::before_first_sync(keys);
    let Company { site, .. } = &company;
    for name in ["local", "admin", "svc-backup"] {
        site.somebody_else_adds(name, &mail(name));
    }
    site.somebody_else_groups("administrators", &["admin"]);
    site.somebody_else_groups("control-tower", &["svc-backup", "admin"]);
    site.somebody_else_groups("sales", &["local", "svc-backup"]);
    company
}

/// DefGuard (DefGuard/defguard#2833): directory sync was switched on, and all groups were emptied, the administrators' too.
#[test]
fn switching_the_sync_on_takes_nothing_from_anybody_who_was_there() {
    for existing in ["{ groups: skip }", "{ groups: adopt, users: adopt }"] {
        let keys = format!("{DELETES}existing: {existing}\nprotected: {{ groups: [administrators] }}");
        let company = in_use(&keys);
        // Okta has a group of that name, too, and other people in it.
        company.site.add_group("administrators", &[&company.user("anna")]);
        let report = company.loses_nothing(0, &["protected"]);
        assert_eq!(report["counts"]["users"]["created"], 24, "{report:#}");
        let groups = company.daemon.groups();
        assert_eq!(groups["administrators"], set(["admin"]), "neither emptied nor filled");
        assert_eq!(groups["control-tower"], set(["admin", "svc-backup"]));
        let mut sales = company.org().members(&company.group("sales")).len();
        if existing.contains("skip") {
            assert!(findings(&report).contains(&("not_managed", "sales")), "{report:#}");
            sales = 0;
        }
        assert_eq!(groups["sales"].len(), 2 + sales, "local members and, where it is adopted, Okta's");
        company.loses_nothing(0, &[]);
    }
}

/// ssosync (awslabs/ssosync#88, #105): it deleted groups of AWS Control Tower that it had never made, and accounts had to be
/// enrolled again.
#[test]
fn groups_that_the_sync_did_not_make_are_never_deleted() {
    let company = in_use(&format!("{DELETES}existing: {{ groups: adopt }}"));
    company.site.somebody_else_groups("team-5", &[]);
    company.loses_nothing(0, &[]);
    assert!(!company.daemon.groups()["team-5"].is_empty(), "adopted");
    for team in ["team-5", "team-6"] {
        company.org().delete_group(&company.group(team));
    }
    company.hires("zoe", &["staff"]);
    let (code, report) = company.sync();
    assert_eq!(code, 0, "{report:#}");
    let groups = company.daemon.groups();
    assert_eq!(groups.get("team-5"), Some(&set([])), "adopted: emptied, and there: {report:#}");
    assert!(!groups.contains_key("team-6"), "made by the sync: deleted");
    assert_eq!(groups["control-tower"], set(["admin", "svc-backup"]));
    assert!(company.has("zoe", &["staff"]));
    assert_eq!(
        (&report["counts"]["groups"]["deleted"], &report["counts"]["groups"]["disabled"]),
        (&json!(1), &json!(2))
    );
}

/// Atlassian Cloud with Okta (ACCESS-1003): a forced sync unlinked accounts that it did not manage.
#[test]
fn accounts_that_are_not_managed_are_neither_disabled_nor_unlinked_however_often_one_syncs() {
    let company = in_use(&format!("{DELETES}limits: {{ leavers: off, memberships: off, groups: off }}"));
    // One of them bears the name of somebody in Okta.
    company.site.somebody_else_adds(&mail("anna"), "another.anna@elsewhere.example");
    company.site.somebody_else_groups("control-tower", &[&mail("anna")]);
    let before = company.directory();
    let report = company.loses_nothing(0, &["anna@example.com"]);
    assert!(findings(&report).contains(&("not_managed", &mail("anna"))), "{report:#}");
    company.lets_go(&["anna", "ben"]);
    company.hires("zoe", &["staff"]);
    for _ in 0..2 {
        let (code, report) = company.sync();
        assert_eq!(code, 0, "{report:#}");
        assert_eq!(lost(&before, &company.directory()), [""; 0], "{report:#}");
    }
    assert!(!company.directory().contains_key(&mail("ben")), "the managed one is gone");
    assert!(company.has("zoe", &["staff"]));
}

/// Okta and Atlassian (an article on reactivated users): who is reactivated has the groups of before, since nobody reads the
/// memberships again.
#[test]
fn a_reactivated_user_does_not_come_back_with_old_groups() {
    for keys in ["", "leavers: { memberships: remove }"] {
        let company = Company::in_sync(keys);
        let org = company.org();
        company.lets_go(&["rita"]);
        let (code, report) = company.sync();
        assert_eq!((code, &report["counts"]["users"]["disabled"]), (0, &json!(1)), "{report:#}");
        // Okta took her out of all groups; she comes back to one of them.
        org.set_status(&company.user("rita"), Status::Active);
        org.add_member(&company.group("staff"), &company.user("rita"));
        company.recovers();
        assert!(company.has("rita", &["staff"]), "{keys}");
    }
}

/// Dry runs that people ask for, of a team sync and of DefGuard (3rd-party-integrations/github-team-sync#22,
/// DefGuard/defguard#2970): the answer before the first word is written, and with the settings of tomorrow.
#[test]
fn a_dry_run_says_all_and_writes_nothing() {
    let company = Company::before_first_sync("apply: off");
    let (code, plan) = company.site.ctl_json(&["plan", "acme"]);
    assert_eq!((code, &plan["counts"]["users"]["created"]), (4, &json!(24)));
    let (code, report) = company.sync();
    assert_eq!(
        (code, &report["apply"], &report["counts"]["users"]["created"]),
        (0, &json!(false), &json!(24))
    );
    let run = company.daemon.get(&format!("/v1/runs/{}", report["run"]));
    assert!(run["operations"].as_array().unwrap().iter().all(|one| one["result"] == "planned"), "{run:#}");
    assert_eq!((company.directory().len(), company.daemon.groups().len()), (0, 0));
    company.edits("");
    company.recovers();

    // The limits are asked as in earnest.
    company.edits(&format!("apply: off\n{DELETES}limits: {{ leavers: 2 }}"));
    company.lets_go(&["anna", "ben", "carl"]);
    company.loses_nothing(5, &["(limits.leavers): 3 of 24 would go, and the limit allows 2"]);
}
