//! Reads that go wrong, seen from the end: who still has an account and a membership afterwards, and what the run is called.
//! Each fault is asserted to have been met.

use sandbox::okta::{Broken, Fault, FaultKind, Options, Route, Status};
use serde_json::Value;

use crate::harness::{Daemon, Site};

/// Everybody and everything in the directory, as one comparable text.
fn directory(daemon: &Daemon) -> String {
    daemon.get("/v1/directory/users").to_string()
}

fn site() -> Site {
    let site =
        Site::with_org(Options { users: 450, groups: 12, memberships: 1_500, seed: 3, ..Options::default() });
    site.write("acme", &site.connector(""));
    site
}

/// How a sync with a fault must end: outcome and exit code, and words of the error or of the reasons.
struct Expected {
    outcome: &'static str,
    words: &'static str,
}

const SUCCESS: Expected = Expected { outcome: "success", words: "" };

fn partial(words: &'static str) -> Expected {
    Expected { outcome: "partial", words }
}

fn failed(words: &'static str) -> Expected {
    Expected { outcome: "failed", words }
}

/// Has Okta say that the members of all groups changed a moment ago, so that every sync reads their lists. They are the same.
fn touch_member_lists(site: &Site) {
    let org = site.okta.org();
    for group in org.groups().into_iter().filter(|group| group.kind != "BUILT_IN") {
        if let Some(member) = org.members(&group.id).first() {
            org.remove_member(&group.id, member);
            org.add_member(&group.id, member);
        }
    }
}

/// Nothing at the source changes; only the reading goes wrong. So nothing may change in the directory.
#[test]
fn whatever_goes_wrong_while_reading_nobody_loses_anything() {
    let site = site();
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    touch_member_lists(&site);
    let before = directory(&daemon);
    let org = site.okta.org();
    let group =
        org.groups().into_iter().find(|group| org.members(&group.id).len() > 5 && group.name != "Everyone");
    let group = group.unwrap().id;
    let on = |route, kind| Fault::on(route).kind(kind);
    let cases: Vec<(&str, Fault, Expected)> = vec![
        ("a 503 on a page of users", on(Route::Users, FaultKind::Status(503)).after(1).times(1), SUCCESS),
        ("a reset on a page of members", on(Route::Members, FaultKind::Reset).after(3).times(1), SUCCESS),
        ("a cut page", on(Route::Members, FaultKind::CutBody).after(2).times(1), SUCCESS),
        ("no users at all", on(Route::Users, FaultKind::EmptyList), partial("no users at all")),
        ("no groups at all", on(Route::Groups, FaultKind::EmptyList), partial("no groups at all")),
        (
            "a group that arrives empty",
            on(Route::Members, FaultKind::EmptyList).matching(&group),
            partial("Okta counts"),
        ),
        ("a short member list", on(Route::Members, FaultKind::Skip).matching(&group), partial("Okta counts")),
        ("the same page for ever", on(Route::Users, FaultKind::SameNext), partial("users")),
        ("ever new pages", on(Route::Users, FaultKind::EndlessNext), partial("users")),
        ("a cursor that is refused", on(Route::Users, FaultKind::StaleCursor), partial("users")),
        ("half a page of JSON", on(Route::Members, FaultKind::HalfJson).matching(&group).times(1), SUCCESS),
        ("a group whose members are not there", Fault::members_missing(&group), partial("members of")),
        ("a user that the list skips", on(Route::Users, FaultKind::Skip).times(1), SUCCESS),
        (
            "a record without an id",
            on(Route::Users, FaultKind::BrokenRecord(Broken::WithoutId)).times(1),
            partial("users"),
        ),
        (
            "a record of a wrong type",
            on(Route::Users, FaultKind::BrokenRecord(Broken::ProfileOfWrongType)).times(1),
            SUCCESS,
        ),
        (
            "a status of the future",
            on(Route::Users, FaultKind::BrokenRecord(Broken::UnknownStatus)).times(1),
            SUCCESS,
        ),
        ("a record twice", on(Route::Users, FaultKind::BrokenRecord(Broken::Twice)).times(1), SUCCESS),
        ("no rate-limit headers", on(Route::Members, FaultKind::NoRateHeaders), SUCCESS),
        ("a page of a proxy", on(Route::Users, FaultKind::HtmlPage), failed("not")),
        ("a refused token", on(Route::Groups, FaultKind::Status(401)), failed("Invalid token provided")),
        ("a right that is missing", on(Route::Users, FaultKind::Status(403)), failed("permission")),
    ];
    for (what, fault, expected) in cases {
        let id = site.okta.fault(fault);
        let report = daemon.sync("acme");
        assert!(site.okta.met(id) > 0, "{what} was not met");
        site.okta.clear_faults();
        assert_eq!(report["outcome"], expected.outcome, "{what}: {report:#}");
        let said = format!("{} {}", report["error"], report["not_proven"]);
        assert!(said.contains(expected.words), "{what}: {said}");
        assert_eq!(directory(&daemon), before, "{what} changed the directory: {}", report["counts"]);
    }
    assert_eq!(daemon.sync("acme")["outcome"], "success", "and afterwards all is well");
}

/// Okta's documentation warns of it: 200 and fewer users, after the administrator's role was narrowed.
#[test]
fn a_token_that_sees_less_than_before_disables_nobody_beyond_the_limits() {
    let site = site();
    let daemon = site.start();
    daemon.sync("acme");
    let before = directory(&daemon);
    let narrowed =
        site.okta.fault(Fault::on(Route::Any).kind(FaultKind::Narrowed { users: 50, groups: 100 }));
    let (code, said, _) = site.ctl(&["sync", "acme", "--wait"]);
    assert!(site.okta.met(narrowed) > 0);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("limits.leavers"), "{said}");
    assert_eq!(directory(&daemon), before);
    let metrics = daemon.fetch("/metrics").1;
    let held =
        metrics.lines().find(|line| line.contains("held_operations") && line.contains("kind=\"leavers\""));
    assert!(held.is_some_and(|line| !line.ends_with(" 0")), "{held:?}");
    assert_eq!(daemon.get("/v1/connectors/acme")["state"], "held");
}

#[test]
fn law_1_a_group_that_vanishes_between_two_requests_loses_nobody_until_a_list_is_without_it() {
    let site = site();
    let daemon = site.start();
    daemon.sync("acme");
    touch_member_lists(&site);
    let before = directory(&daemon);
    let org = site.okta.org();
    let group =
        org.groups().into_iter().find(|group| org.members(&group.id).len() > 5 && group.name != "Everyone");
    let group = group.unwrap();
    let members = || site.ctl(&["directory", "members", &group.name]);
    let members_before = members();
    assert!(members_before.1.lines().count() > 5, "{members_before:?}");
    let vanishes = site.okta.fault(Fault::group_vanishes(&group.id));
    let report = daemon.sync("acme");
    assert!(site.okta.met(vanishes) > 1, "its members and itself");
    assert_eq!(report["outcome"], "partial", "{report:#}");
    assert!(report["not_proven"].to_string().contains("then Okta answered 404 for it"), "{report:#}");
    assert_eq!(report["counts"]["groups"]["disabled"], 0);
    assert_eq!((members(), directory(&daemon)), (members_before, before), "nothing was removed");

    site.okta.clear_faults();
    org.delete_group(&group.id);
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(report["counts"]["groups"]["disabled"], 1);
    let (code, members, _) = members();
    assert_eq!((code, members.as_str()), (0, ""), "what left the source is emptied");
}

#[test]
fn one_deactivated_user_is_disabled_and_one_whose_answer_fails_is_left_alone() {
    let site = site();
    let daemon = site.start();
    daemon.sync("acme");
    let org = site.okta.org();
    let mut active = org.users().into_iter().filter(|user| user.status == Status::Active);
    let (gone, unclear) = (active.next().unwrap(), active.next().unwrap());
    org.set_status(&gone.id, Status::Deprovisioned);
    org.set_status(&unclear.id, Status::Deprovisioned);
    let fault = site.okta.fault(Fault::on(Route::User).kind(FaultKind::HtmlPage).matching(&unclear.id));
    let report = daemon.sync("acme");
    assert!(site.okta.met(fault) > 0);
    assert_eq!(report["counts"]["users"]["disabled"], 1, "{report:#}");
    assert_eq!(report["findings"][0]["kind"], "absence_unconfirmed");
    let users = daemon.get("/v1/directory/users");
    let is_active = |login: &str| -> Value {
        let login = login.to_lowercase();
        users["users"].as_array().unwrap().iter().find(|user| user["username"] == login.as_str()).unwrap()["active"]
            .clone()
    };
    assert_eq!((is_active(&gone.login), is_active(&unclear.login)), (Value::Bool(false), Value::Bool(true)));
}

#[test]
fn the_token_goes_to_nobody_else_and_stands_nowhere() {
    let site = site();
    let token = site.okta.token().to_owned();
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", elsewhere.local_addr().unwrap());
    let fault = site.okta.fault(Fault::on(Route::Users).kind(FaultKind::OtherHost(origin)));
    let daemon = site.start();
    assert_eq!(
        daemon.sync("acme")["outcome"],
        "success",
        "a next on another host is asked of the configured one"
    );
    assert!(site.okta.met(fault) > 0);
    assert!(elsewhere.accept().is_err(), "nobody may have been asked there");
    site.okta.fault(Fault::on(Route::Users).kind(FaultKind::Status(401)));
    daemon.sync("acme");
    site.ctl(&["log-level", "trace"]);
    daemon.sync("acme");
    let state = ["state.db", "state.db-wal", "directory.db", "directory.db-wal"].map(|name| {
        String::from_utf8_lossy(&std::fs::read(site.path("state").join(name)).unwrap_or_default())
            .into_owned()
    });
    let everything = [
        daemon.log(),
        daemon.fetch("/metrics").1,
        daemon.fetch("/").1,
        daemon.get("/v1/status").to_string(),
        daemon.get("/v1/connectors/acme/configuration").to_string(),
        daemon.get("/v1/runs/2").to_string(),
    ];
    for text in everything.iter().chain(&state) {
        assert!(!text.contains(&token), "the token stands in {}", &text[..text.len().min(300)]);
    }
}
