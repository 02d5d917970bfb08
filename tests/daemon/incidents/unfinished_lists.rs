//! A list that is not whole, though nothing says so: members that vanish, groups that vanish, ends that come too early.

use sandbox::okta::{Fault, FaultKind, Route};
use serde_json::json;

use super::{Company, held, mail};

/// ssosync (awslabs/ssosync#234), from the second page on: the groups of later pages were deleted.
#[test]
fn a_503_after_the_first_page_of_groups_proves_nothing_about_the_others() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove, groups: delete }");
    let fault = company.fault(Fault::on(Route::Groups).kind(FaultKind::Status(503)).after(1));
    company.hires("zoe", &["staff"]);
    let report = company.loses_nothing(6, &["groups: page 2 could not be read", "503"]);
    assert_eq!(company.met(fault), 5, "every try");
    assert!(company.has("zoe", &["staff"]), "the first page counts: {report:#}");
    company.recovers();
}

/// ssosync (awslabs/ssosync#236): for one run, members were missing from a few groups, lost these memberships, and had them
/// back with the next run.
#[test]
fn memberships_that_vanish_from_some_groups_for_one_run_are_not_removed() {
    let company = Company::in_sync("");
    let skips = |group: &str, user: &str| {
        let fault = Fault::on(Route::Members).kind(FaultKind::Skip);
        company.fault(fault.matching(&company.group(group)).record(&company.user(user)))
    };
    let faults = [
        skips("engineering", "ben"),
        skips("engineering", "lena"),
        skips("sales", "max"),
        skips("team-3", "eve"),
    ];
    company.hires("zoe", &["engineering", "board"]);
    let words = [
        "members of engineering: Okta counts 13 members, 11 were read",
        "members of sales",
        "members of team-3",
    ];
    let report = company.loses_nothing(6, &words);
    assert!(faults.iter().all(|fault| company.met(*fault) == 2), "each list is read twice");
    let left_out =
        report["not_proven"].as_array().unwrap().iter().map(|list| list["removals_left_out"].as_u64());
    assert_eq!(left_out.collect::<Vec<_>>(), [Some(2), Some(1), Some(1)], "{report:#}");
    assert!(company.has("zoe", &["engineering", "board"]), "who comes to such a group comes all the same");
    company.recovers();
}

/// Adobe user-sync (adobe-apiplatform/user-sync.py#423): a group of 13,000 arrived empty, without an error.
#[test]
fn a_large_group_that_arrives_empty_without_an_error_is_not_emptied() {
    let company = Company::in_sync("limits: { memberships: off }");
    let staff = company.group("staff");
    let empty = company.fault(Fault::on(Route::Members).kind(FaultKind::EmptyList).matching(&staff));
    company.hires("zoe", &["board"]);
    let report = company.loses_nothing(6, &["members of staff: Okta counts 24 members, 0 were read"]);
    assert_eq!((company.met(empty), &report["not_proven"][0]["removals_left_out"]), (2, &json!(24)));
    assert!(held(&report).is_empty(), "no limit was needed");
    assert!(company.has("zoe", &["board"]));
    company.recovers();
}

/// The same where Okta's own count is wrong too: then only the limit is left, and it holds.
#[test]
fn a_large_group_that_arrives_empty_and_is_counted_so_is_held() {
    let company = Company::in_sync("");
    let (sales, members) = (company.group("sales"), company.org().members(&company.group("sales")));
    company.org().set_members(&sales, &[""; 0]);
    company.hires("zoe", &["board"]);
    let report = company.loses_nothing(5, &["members of group sales (limits.memberships): 8 of 8 would go"]);
    assert_eq!(held(&report), [("memberships", "sales", 8)]);
    assert!(company.has("zoe", &["board"]));
    company.org().set_members(&sales, &members);
    company.recovers();
}

/// NangoHQ/integration-templates#576, the rule that a review there states: whoever is missing is taken for gone only after
/// the list was read to its very end.
#[test]
fn who_really_left_waits_until_a_list_is_read_to_its_end() {
    let company = Company::in_sync("leavers: { users: delete }");
    company.lets_go(&["frank"]);
    company.hires("zoe", &["staff"]);
    company.org().update_profile(&company.user("anna"), "displayName", "Anna Else");
    let stale = company.fault(Fault::on(Route::Users).kind(FaultKind::StaleCursor));
    let report = company.loses_nothing(6, &["users: page 2 could not be read", "Invalid paging request"]);
    assert!(company.met(stale) > 0);
    assert_eq!(report["not_proven"][0]["list"], "users");
    assert!(report["not_proven"][0]["removals_left_out"].as_u64() > Some(0), "{report:#}");
    assert_eq!(
        company.daemon.accounts()[&mail("anna")]["display_name"],
        "Anna Else",
        "what was read is applied"
    );
    company.recovers();
    assert!(!company.directory().contains_key(&mail("frank")), "and now he goes");
}

/// cartography (cartography-cncf/cartography#2885): a group was deleted between the list of groups and the read of its
/// members; the 404 ended the whole sync.
#[test]
fn a_group_that_is_deleted_between_two_requests_ends_nothing() {
    let company = Company::in_sync("leavers: { groups: delete }");
    let team = company.group("team-4");
    let vanishes = company.fault(Fault::group_vanishes(&team));
    company.hires("zoe", &["staff", "team-5"]);
    let report = company.loses_nothing(6, &["members of team-4", "then Okta answered 404 for it"]);
    assert!(company.met(vanishes) > 1, "its members, and itself");
    assert!(company.has("zoe", &["staff", "team-5"]), "{report:#}");
    company.org().delete_group(&team);
    company.recovers();
    assert!(!company.daemon.groups().contains_key("team-4"), "the next list is without it");
}
