//! A read that fails: one record, a whole list, the whole org.

use sandbox::okta::{Fault, FaultKind, Route};

use super::{Company, held, mail};
use crate::people::findings;

/// ssosync (awslabs/ssosync#278): the directory answered 503 about one user, and that user was deleted.
#[test]
fn a_503_on_one_user_is_neither_an_absence_nor_the_end_of_the_run() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove }");
    let ben = company.user("ben");
    let unlisted = company.fault(Fault::on(Route::Users).kind(FaultKind::Skip).record(&ben));
    let once = company.fault(Fault::on(Route::User).kind(FaultKind::Status(503)).matching(&ben).times(1));
    company.hires("zoe", &["staff"]);
    company.loses_nothing(0, &[]);
    assert_eq!((company.met(unlisted), company.met(once)), (1, 1), "he is asked for again, and is there");
    assert!(company.has("zoe", &["staff"]));

    let always = company.fault(Fault::on(Route::User).kind(FaultKind::Status(503)).matching(&ben));
    company.hires("zack", &["staff"]);
    let report = company.loses_nothing(0, &["503"]);
    assert_eq!(company.met(always), 5, "every try");
    assert!(findings(&report).contains(&("absence_unconfirmed", &mail("ben"))), "{report:#}");
    assert!(company.has("zack", &["staff"]));
    company.recovers();
}

/// ssosync (awslabs/ssosync#194): one run saw neither users nor groups, deleted all, and the next run made them anew without
/// their permissions.
#[test]
fn a_run_that_sees_no_users_and_no_groups_at_all_believes_neither() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove, groups: delete }");
    let empty = |route| company.fault(Fault::on(route).kind(FaultKind::EmptyList));
    let both = [empty(Route::Users), empty(Route::Groups)];
    company.hires("zoe", &["staff"]);
    let report =
        company.loses_nothing(6, &["no users at all, and 24 are managed", "no groups at all, and 10"]);
    assert!(both.iter().all(|fault| company.met(*fault) > 0));
    assert!(held(&report).is_empty(), "there is nothing that anybody could approve: {report:#}");

    // What is seen is applied: the groups alone, then the users alone.
    company.site.okta.clear_fault(both[1]);
    company.org().add_group("newcomers");
    company.loses_nothing(6, &["no users at all"]);
    assert!(company.daemon.groups().contains_key("newcomers"));
    company.site.okta.clear_faults();
    let groups = empty(Route::Groups);
    company.loses_nothing(6, &["no groups at all"]);
    assert!(company.met(groups) > 0 && company.has("zoe", &[]));
    company.recovers();
}

/// ssosync (awslabs/ssosync#234): the list of groups answered 503, all groups were deleted, and somebody linked the
/// permissions again by hand.
#[test]
fn a_503_instead_of_the_groups_ends_the_run_before_anything_is_planned() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove, groups: delete }");
    let fault = company.fault(Fault::on(Route::Groups).kind(FaultKind::Status(503)));
    company.hires("zoe", &["staff"]);
    let report = company.loses_nothing(1, &["the group list", "503"]);
    assert_eq!(company.met(fault), 5, "every try");
    assert_eq!(report["outcome"], "failed");
    company.recovers();
    assert!(company.has("zoe", &["staff"]));
}

/// GitLab (its documentation of LDAP sync): while the directory server is down, a sync blocks every user, and the next one
/// does not unblock them.
#[test]
fn an_okta_that_is_down_during_a_sync_blocks_nobody() {
    let company = Company::in_sync("leavers: { memberships: remove }");
    let down = company.fault(Fault::on(Route::Any).kind(FaultKind::Close));
    company.hires("zoe", &["staff"]);
    company.loses_nothing(1, &["could not be read"]);
    assert!(company.met(down) > 0);
    let status = company.daemon.get("/v1/connectors/acme");
    assert_eq!(
        (&status["state"], &status["last_run"]["outcome"]),
        (&"failing".into(), &"failed".into()),
        "{status:#}"
    );
    company.recovers();
    assert_eq!(company.daemon.get("/v1/connectors/acme")["state"], "idle");
}

/// GitLab (the same page): a directory server that limits the rate of requests gets users blocked and memberships removed.
#[test]
fn a_storm_of_429_in_the_middle_of_the_lists_costs_time_and_nothing_else() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove }");
    let storms = [Route::Users, Route::Groups, Route::Members]
        .map(|route| company.fault(Fault::on(route).kind(FaultKind::Status(429)).after(1).times(2)));
    company.hires("zoe", &["staff"]);
    company.loses_nothing(0, &[]);
    assert_eq!(storms.map(|storm| company.met(storm)), [2, 2, 2]);
    assert!(company.has("zoe", &["staff"]));
    company.recovers();
}

/// GitLab (the same page), where the storm outlasts all patience: for one group nothing but 429 comes.
#[test]
fn a_storm_of_429_that_does_not_end_leaves_that_group_as_it_is() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove }");
    let engineering = company.group("engineering");
    let storm = company.fault(Fault::on(Route::Members).kind(FaultKind::Status(429)).matching(&engineering));
    company.org().remove_member(&engineering, &company.user("dora"));
    company.hires("zoe", &["staff"]);
    let report = company.loses_nothing(6, &["members of engineering", "429"]);
    assert_eq!(company.met(storm), 5, "every try");
    assert!(company.has("zoe", &["staff"]), "{report:#}");
    company.recovers();
}

/// A proxy or a captive portal in between answers 200 with its own page; such a page says nothing about anybody.
#[test]
fn a_page_of_a_proxy_instead_of_a_list_is_no_empty_list() {
    let company = Company::in_sync("leavers: { users: delete, memberships: remove, groups: delete }");
    let page = company.fault(Fault::on(Route::Users).kind(FaultKind::HtmlPage));
    company.hires("zoe", &["staff"]);
    company.loses_nothing(1, &["the user list", "not"]);
    assert!(company.met(page) > 0);
    company.site.okta.clear_faults();

    // From the second page on, and pages that are cut JSON: what came before counts, and nobody is missed.
    let pages = [
        company.fault(Fault::on(Route::Users).kind(FaultKind::HtmlPage).after(1)),
        company.fault(Fault::on(Route::Groups).kind(FaultKind::HalfJson).after(1)),
    ];
    company.org().update_profile(&company.user("anna"), "displayName", "Anna Else");
    company.loses_nothing(6, &["users: page 2 could not be read", "groups: page 2 could not be read"]);
    assert_eq!(pages.map(|page| company.met(page)), [3, 3], "each is read again before it is given up");
    assert_eq!(company.daemon.accounts()[&mail("anna")]["display_name"], "Anna Else");
    company.recovers();
    assert!(company.has("zoe", &["staff"]));
}
