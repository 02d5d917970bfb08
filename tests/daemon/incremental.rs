//! What is not asked for again, and runs between full ones.

use sandbox::okta::{Okta, Options, Route, Status};
use serde_json::{Value, json};

use crate::harness::{Daemon, Site};
use crate::people::person;

/// An org of which a full read takes three pages of users and one of groups.
fn org() -> Options {
    Options { users: 450, groups: 40, memberships: 3_000, seed: 3, ..Options::default() }
}

const DAILY: &str = "schedule: { cron: '@daily', incremental: 24h }";
const FROM_LOG: &str = "schedule: { cron: '@daily', incremental: { every: 24h, from: system_log } }";
/// Seconds after which Okta's stamps tell all that happened before.
const SETTLED: i64 = 300;

/// The requests of one sync, all of them and those for members.
fn requests(okta: &Okta, sync: impl FnOnce() -> Value) -> (u64, u64, Value) {
    okta.reset_counts();
    let report = sync();
    assert_eq!(report["outcome"], "success", "{report:#}");
    let counts = okta.requests();
    (counts.total, counts.of(Route::Members), report)
}

/// How many users, groups and memberships a run created, changed, disabled or deleted.
fn changes(report: &Value) -> u64 {
    let kinds = ["users", "groups", "memberships"].map(|kind| &report["counts"][kind]);
    let count = |kind: &Value| {
        ["created", "updated", "disabled", "deleted"]
            .iter()
            .map(|what| kind[what].as_u64().unwrap())
            .sum::<u64>()
    };
    kinds.into_iter().map(count).sum()
}

/// What an unchanged full sync costs: which org it is, three pages of users, one of groups.
const UNCHANGED: u64 = 1 + 3 + 1;

#[test]
fn an_unchanged_full_sync_costs_the_pages_of_users_and_groups_and_nothing_else() {
    let site = Site::with_org(org());
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    let (_, members, _) = requests(&site.okta, || daemon.sync("acme"));
    assert!(members > 30, "{members} lists of members");
    let (total, members, report) = requests(&site.okta, || daemon.sync("acme"));
    assert_eq!((total, members, changes(&report)), (UNCHANGED, 0, 0));
    drop(daemon);
    let daemon = site.start();
    let (total, members, report) = requests(&site.okta, || daemon.sync("acme"));
    assert_eq!((total, members, changes(&report)), (UNCHANGED, 0, 0), "over a restart too");
}

#[test]
fn a_list_that_changed_is_read_until_its_stamp_tells_all() {
    let site = Site::with_org(org());
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    daemon.sync("acme");
    let (group, user) = (site.okta.org().groups()[1].id.clone(), site.okta.org().add_user(person("new")));
    site.okta.org().add_member(&group, &user);
    for (what, moved, lists, changed) in [
        ("it changed", 0, 1, 2),
        ("it was read too soon", 0, 1, 0),
        ("now it counts", SETTLED, 1, 0),
        ("", 0, 0, 0),
    ] {
        site.okta.move_clock(moved);
        let (_, members, report) = requests(&site.okta, || daemon.sync("acme"));
        assert_eq!((members, changes(&report)), (lists, changed), "{what}");
    }
}

#[test]
fn a_count_that_does_not_fit_is_believed_over_a_stamp() {
    let lag = std::time::Duration::from_secs(3_600);
    let site = Site::with_org(Options { membership_stamp_lag: lag, ..org() });
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    daemon.sync("acme");
    let (group, user) = (site.okta.org().groups()[1].id.clone(), site.okta.org().add_user(person("new")));
    site.okta.org().add_member(&group, &user);
    let (_, members, report) = requests(&site.okta, || daemon.sync("acme"));
    assert!(members >= 1, "{members}");
    assert_eq!(changes(&report), 2, "the user and the membership");
}

/// Everything that can happen to an org of which nobody goes missing. Returns how much that was.
fn change_what_stays_to_be_seen(okta: &Okta) {
    let org = okta.org();
    let (users, groups) = (org.users(), org.groups());
    let user =
        |at: usize| users.iter().filter(|user| user.status == Status::Active).nth(at).unwrap().id.clone();
    let group =
        |at: usize| groups.iter().filter(|group| group.kind != "BUILT_IN").nth(at).unwrap().id.clone();
    let new = org.add_user(person("arrives"));
    org.update_profile(&user(0), "firstName", "Another");
    org.update_profile(&user(1), "login", "renamed@example.com");
    org.update_profile(&user(2), "email", "moved@example.com");
    org.remove_attribute(&user(3), "department");
    for (at, status) in (4..).zip([
        Status::Suspended,
        Status::Deprovisioned,
        Status::LockedOut,
        Status::PasswordExpired,
        Status::Recovery,
        Status::Provisioned,
    ]) {
        org.set_status(&user(at), status);
    }
    let made = org.add_group("made-now");
    org.add_member(&made, &new);
    org.add_member(&group(0), &user(20));
    org.remove_member(&group(1), &org.members(&group(1))[0]);
    org.set_members(&group(2), &[user(21), user(22), new]);
    org.rename_group(&group(3), "renamed-group");
}

/// What only a log, or a full read, tells.
fn change_what_goes_missing(okta: &Okta) {
    let org = okta.org();
    let users: Vec<_> = org.users().into_iter().filter(|user| user.status == Status::Active).collect();
    let groups: Vec<_> = org.groups().into_iter().filter(|group| group.kind != "BUILT_IN").collect();
    org.delete_user(&users[40].id);
    org.set_status(&users[41].id, Status::Deprovisioned);
    org.delete_user(&users[41].id);
    org.delete_group(&groups[10].id);
}

fn connector(site: &Site, schedule: &str) -> String {
    site.connector(&format!("{schedule}\nlimits: {{ groups: off, memberships: off }}"))
}

fn assert_nothing_left(daemon: &Daemon, absences: bool) {
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(report["drift"]["operations"], 0, "{report:#}");
    if absences {
        assert!(report["drift"]["absences"].as_u64().unwrap() > 0, "{report:#}");
    } else {
        assert_eq!((changes(&report), &report["drift"]["absences"]), (0, &json!(0)), "{report:#}");
    }
    assert_eq!(daemon.metric("usersyncd_drift_operations{connector=\"acme\"}"), 0.0);
}

#[test]
fn whatever_can_be_seen_is_synced_between_full_runs() {
    for schedule in [DAILY, FROM_LOG] {
        let site = Site::with_org(org());
        site.write("acme", &connector(&site, schedule));
        let daemon = site.start();
        daemon.sync("acme");
        change_what_stays_to_be_seen(&site.okta);
        let report = daemon.sync_changes("acme");
        assert_eq!((&report["outcome"], &report["trigger"]), (&json!("success"), &json!("incremental")));
        assert!(changes(&report) > 10, "{report:#}");
        assert_nothing_left(&daemon, false);
        let (total, _, report) = requests(&site.okta, || daemon.sync_changes("acme"));
        assert_eq!(changes(&report), 0);
        assert!(total < 40, "{total}");
    }
}

#[test]
fn who_goes_missing_leaves_with_the_log_at_once_and_else_with_the_next_full_run() {
    for (schedule, by_log) in [(DAILY, false), (FROM_LOG, true)] {
        let site = Site::with_org(org());
        site.write("acme", &connector(&site, schedule));
        let daemon = site.start();
        daemon.sync("acme");
        change_what_goes_missing(&site.okta);
        let report = daemon.sync_changes("acme");
        assert_eq!(report["outcome"], "success", "{report:#}");
        let disabled = report["counts"]["users"]["disabled"].as_u64().unwrap();
        assert_eq!(disabled, if by_log { 2 } else { 0 }, "{schedule}: {report:#}");
        assert_nothing_left(&daemon, !by_log);
        assert_nothing_left(&daemon, false);
    }
}

#[test]
fn a_look_that_finds_nothing_costs_three_requests_and_leaves_no_run() {
    let site = Site::with_org(org());
    site.write("acme", &connector(&site, DAILY));
    let daemon = site.start();
    let first = daemon.sync("acme")["run"].clone();
    let (total, members, _) = requests(&site.okta, || daemon.sync_changes("acme"));
    assert_eq!((total, members), (3, 0));
    let (_, shown, _) = site.ctl(&["--json", "history", "acme"]);
    let history: Value = serde_json::from_str(&shown).unwrap();
    let runs: Vec<&Value> = history["runs"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(runs, [&first]);
    let (_, status, _) = site.ctl(&["status", "acme"]);
    assert!(status.contains("changes every 24 h"), "{status}");
    assert!(daemon.metric("usersyncd_incremental_last_success_timestamp_seconds{connector=\"acme\"}") > 0.0);
}

#[test]
fn without_a_full_run_of_these_settings_a_look_says_why_it_cannot_begin() {
    let site = Site::with_org(org());
    site.write("acme", &connector(&site, DAILY));
    let _daemon = site.start();
    let (code, _, said) = site.ctl(&["sync", "acme", "--incremental", "--wait"]);
    assert_ne!(code, 0);
    assert!(said.contains("no full run has read everything yet"), "{said}");
    assert_eq!(site.okta.requests().total, 0);
}
