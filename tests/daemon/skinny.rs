//! Member lists from `skinny_users`: what outlives a run.

use sandbox::okta::{Options, Route};
use serde_json::{Value, json};

use crate::harness::{Daemon, Site};
use crate::people::person;

const ON: &str = "    skinny_users: on";
const DAILY: &str = "schedule: { cron: '@daily', incremental: 24h }";

/// More groups than are read side by side.
fn org(skinny_users: bool) -> Options {
    Options { users: 40, groups: 20, memberships: 200, seed: 3, skinny_users, ..Options::default() }
}

/// The lists of members that a sync asks for there and at the documented address.
fn lists(site: &Site, sync: impl FnOnce() -> Value) -> (u64, u64) {
    site.okta.reset_counts();
    let report = sync();
    assert_eq!(report["outcome"], "success", "{report:#}");
    let requests = site.okta.requests();
    (requests.of(Route::SkinnyMembers), requests.of(Route::Members))
}

/// A member list that is to be read again, as its stamp says.
fn change_a_group(site: &Site, name: &str) {
    site.okta.move_clock(300);
    let org = site.okta.org();
    let group = org.groups().into_iter().find(|group| group.kind != "BUILT_IN").unwrap();
    org.add_member(&group.id, &org.add_user(person(name)));
}

fn warnings(daemon: &Daemon) -> usize {
    daemon.log().matches("from now on the address that Okta documents is used").count()
}

#[test]
fn that_an_org_does_without_is_found_out_once_until_the_file_changes() {
    let site = Site::with_org(org(false));
    site.write("acme", &site.connector(ON));
    let daemon = site.start();
    let (there, documented) = lists(&site, || daemon.sync("acme"));
    assert!((1..=8).contains(&there) && documented > 8, "{there} {documented}");
    change_a_group(&site, "one");
    assert_eq!(lists(&site, || daemon.sync("acme")), (0, 1));
    assert_eq!(warnings(&daemon), 1, "{}", daemon.log());
    site.rewrite(&daemon, "acme", &format!("{ON} # once more"));
    change_a_group(&site, "two");
    assert_eq!(lists(&site, || daemon.sync("acme")), (1, 1));
    assert_eq!(warnings(&daemon), 2, "{}", daemon.log());
}

#[test]
fn to_switch_it_on_asks_the_org_no_other_question() {
    let site = Site::with_org(org(true));
    site.write("acme", &site.connector(DAILY));
    let daemon = site.start();
    let (there, documented) = lists(&site, || daemon.sync("acme"));
    assert!(there == 0 && documented > 8, "{there} {documented}");
    site.rewrite(&daemon, "acme", &format!("{ON}\n{DAILY}"));
    change_a_group(&site, "new");
    let look = || {
        let report = daemon.sync_changes("acme");
        assert_eq!(report["trigger"], json!("incremental"), "{report:#}");
        report
    };
    assert_eq!(lists(&site, look), (1, 0), "what is known goes on being known");
    assert_eq!(site.ctl(&["show", "acme"]).1.matches("skinny_users: on").count(), 1);
}
