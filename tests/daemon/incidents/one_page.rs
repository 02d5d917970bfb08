//! Only a part of a list arrives: the first page, or as much as a server gives at most.

use sandbox::okta::{Fault, FaultKind, NewUser, Options, Route};

use super::{Company, mail};
use crate::harness::Site;

/// What has already been said of lists applies to lists that end too early as well: nothing is concluded from them alone.
const DELETES: &str = "leavers: { users: delete, memberships: remove, groups: delete }";

/// Crowd (Atlassian's knowledge base on incremental LDAP sync): a server that gives 15,000 results at most, without an
/// error, and 397 users to delete.
#[test]
fn a_server_that_caps_its_results_deletes_nobody() {
    let search = "    users: { search: 'profile.login co \"@example.com\"' }\n";
    let company = Company::in_sync(&format!("{search}{DELETES}"));
    let capped = company.fault(Fault::on(Route::Users).kind(FaultKind::ShortList(2)));
    company.hires("zoe", &["staff"]);
    let report = company.loses_nothing(0, &[]);
    assert!(company.met(capped) > 0);
    assert_eq!(report["counts"]["users"]["disabled"], 0);
    company.recovers();
    assert!(company.has("zoe", &["staff"]));
}

/// A plug-in for Okta (rapid7/insightconnect-plugins#772), and Crowd with paging switched off: the first 1,000 users, and
/// nothing says that there are more.
#[test]
fn of_the_users_only_the_first_page_arrives() {
    let company = Company::in_sync(DELETES);
    let first = company.fault(Fault::on(Route::Users).kind(FaultKind::ShortList(1)));
    company.site.okta.reset_counts();
    company.hires("zoe", &["staff"]);
    company.loses_nothing(0, &[]);
    assert_eq!(company.met(first), 1);
    assert_eq!(
        company.site.okta.requests().of(Route::User),
        15,
        "14 who are missing, and one who is a new member"
    );
    assert!(company.has("zoe", &["staff"]), "she is known by her membership");
    company.recovers();
}

/// An operator for OpenShift (redhat-cop/group-sync-operator#105 and #161): only the first 20, later 200 groups of Okta.
#[test]
fn of_the_groups_only_the_first_page_arrives() {
    let company = Company::in_sync(DELETES);
    let first = company.fault(Fault::on(Route::Groups).kind(FaultKind::ShortList(1)));
    company.site.okta.reset_counts();
    company.hires("zoe", &["staff", "team-6"]);
    company.loses_nothing(0, &[]);
    assert_eq!(company.met(first), 1);
    assert_eq!(company.site.okta.requests().of(Route::Group), 7, "every group that is missing is asked for");
    assert!(company.has("zoe", &["staff", "team-6"]), "and is as good as listed");
    company.recovers();
}

/// Crowd (Atlassian's knowledge base on its limit of 1,000), and Okta's own SDK for Python (okta/okta-sdk-python#73): of
/// the members of a group only the first 1,000 arrive.
#[test]
fn of_the_members_only_the_first_page_arrives() {
    let company = Company::in_sync(DELETES);
    let first = company.fault(Fault::on(Route::Members).kind(FaultKind::ShortList(1)));
    company.hires("zoe", &["sales"]);
    let report = company.loses_nothing(
        6,
        &["members of staff: Okta counts 24 members, 10 were read", "members of engineering: Okta counts 12"],
    );
    assert_eq!(company.met(first), 4, "two groups of more than one page, each read twice");
    assert_eq!(report["not_proven"].as_array().map(Vec::len), Some(2), "{report:#}");
    assert!(company.has("zoe", &["sales"]));
    company.recovers();
}

/// okta/okta-sdk-java#870 turned round: what lists of Okta say about their next page never arrives, since something on the
/// way drops the headers.
#[test]
fn a_full_page_without_any_link_is_not_the_last() {
    let site = Site::with_org(Options::empty());
    let org = site.okta.org();
    let add = |number: usize| org.add_user(NewUser::new(&format!("user-{number:03}@example.com")));
    (0..230).for_each(|number| drop(add(number)));
    site.write("acme", &site.connector("leavers: { users: delete }\nlimits: { leavers: off }"));
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let before = daemon.accounts();
    assert_eq!(before.len(), 230);

    let dropped = site.okta.fault(Fault::on(Route::Users).kind(FaultKind::NoLinks));
    org.update_profile(&org.user_id_by_login("user-000@example.com").unwrap(), "displayName", "First Of All");
    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, site.okta.met(dropped)), (6, 1), "{report:#}");
    let reason = report["not_proven"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("came without a Link header"), "{reason}");
    let after = daemon.accounts();
    assert!(before.keys().eq(after.keys()) && after.values().all(|account| account["active"] == true));
    assert_eq!(after["user-000@example.com"]["display_name"], "First Of All");

    site.okta.clear_faults();
    org.add_user(NewUser::new(&mail("zoe")));
    assert_eq!(daemon.sync("acme")["counts"]["users"]["created"], 1);
}
