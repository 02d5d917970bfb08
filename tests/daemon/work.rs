//! Syncs, plans, schedules, and the ledger.

use sandbox::okta::{Fault, FaultKind, NewUser, Options, Route};
use serde_json::{Value, json};

use crate::harness::Site;

#[test]
fn a_sync_brings_the_org_into_the_directory_and_the_next_changes_nothing() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let (code, said, _) = site.ctl(&["sync", "acme", "--wait"]);
    assert_eq!(code, 0, "{said}");
    let users = daemon.get("/v1/directory/users")["users"].as_array().unwrap().clone();
    let logins: Vec<_> = site.okta.org().users().into_iter().map(|user| user.login.to_lowercase()).collect();
    assert!(
        users.len() > 50
            && users.iter().all(|user| logins.contains(&user["username"].as_str().unwrap().into()))
    );
    let report = daemon.sync("acme");
    assert_eq!(report["counts"]["users"]["created"], 0);
    assert_eq!(report["counts"]["users"]["unchanged"], users.len());
    site.okta.org().add_user(NewUser::new("new.person@example.com"));
    assert_eq!(daemon.ask("POST /v1/connectors/acme/plan", "").1["plan"]["counts"]["users"]["created"], 1);
    assert_eq!(site.ctl(&["plan", "acme"]).0, 4);
    let report = daemon.sync("acme");
    assert_eq!(report["counts"]["users"]["created"], 1);
    let metrics = daemon.fetch("/metrics").1;
    let runs = "usersyncd_sync_runs_total{connector=\"acme\",result=\"success\",trigger=\"manual\"} 3";
    assert!(metrics.contains(runs), "{metrics}");
}

#[test]
fn a_schedule_runs_by_itself() {
    let site = Site::new();
    site.write("acme", &site.connector("schedule: { cron: \"* * * * * *\" }"));
    let daemon = site.start();
    daemon.told("1 running");
    // Waits behind the scheduled run, or begins after it.
    daemon.begin_sync("acme").events();
    let runs = daemon.get("/v1/runs?connector=acme")["runs"].as_array().unwrap().clone();
    let first = runs.last().unwrap();
    assert_eq!((&first["trigger"], &first["outcome"]), (&json!("cron"), &json!("success")));
}

#[test]
fn requests_behind_a_busy_run_share_the_next_one() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    // Only keeps the run from ending; it may be cancelled before it has come so far.
    site.okta.fault(Fault::on(Route::Groups).kind(FaultKind::Stall).times(1));
    let mut first = daemon.begin_sync("acme");
    first.until("started");
    let (status, queued) = daemon.ask("POST /v1/connectors/acme/sync", "");
    assert_eq!((status, &queued), (200, &json!({"event": "queued", "behind": 1})));
    let mut second = daemon.begin_sync("acme");
    second.until("queued");
    assert_eq!(daemon.get("/v1/connectors/acme")["queued"], true);
    let (status, done) = daemon.ask("POST /v1/connectors/acme/pause", "");
    assert_eq!(status, 200, "{done}");
    let refused = second.events();
    assert_eq!(refused.last().unwrap()["event"], "refused", "a pause turns away what waits");
    daemon.ask("POST /v1/connectors/acme/cancel", "");
    assert_eq!(first.finish()["outcome"], "cancelled");
}

#[test]
fn a_sync_of_one_user_is_in_the_history_and_moves_nothing_else() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let before = daemon.get("/v1/connectors/acme");
    let login = daemon.get("/v1/directory/users")["users"][0]["username"].as_str().unwrap().to_owned();
    let (code, said, messages) = site.ctl(&["sync", "acme", "--user", &login, "--wait"]);
    assert_eq!(code, 0, "{messages}");
    assert!(said.starts_with(&format!("acme run 2, user {login} only: success")), "{said}");
    let runs = daemon.get("/v1/runs?connector=acme")["runs"].clone();
    assert_eq!((&runs[0]["user"], &runs[0]["trigger"]), (&json!(login), &json!("manual")));
    assert_eq!(runs[1]["user"], json!(null));
    let after = daemon.get("/v1/connectors/acme");
    for key in ["last_run", "last_success", "managed"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    let (_, metrics) = daemon.fetch("/metrics");
    let counted = "usersyncd_sync_runs_total{connector=\"acme\",result=\"success\",trigger=\"manual\"} 2";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
    daemon.ask("POST /v1/connectors/acme/pause", "");
    let (code, _, messages) = site.ctl(&["sync", "acme", "--user", &login]);
    assert_eq!(code, 1);
    assert!(messages.contains("acme is paused"), "{messages}");
}

#[test]
fn nobody_of_that_name_is_explained_in_a_sentence() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let (code, said, messages) = site.ctl(&["explain", "acme", "nobody@nowhere.example"]);
    assert_eq!((code, said.as_str()), (1, ""), "{messages}");
    assert!(messages.starts_with("usersyncd: "), "{messages}");
    assert_eq!(daemon.get("/v1/runs")["runs"], json!([]), "an explanation is no run");
}

#[test]
fn cancel_ends_a_busy_run() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    site.okta.fault(Fault::on(Route::Users).kind(FaultKind::Stall));
    let mut sync = daemon.begin_sync("acme");
    sync.until("started");
    let (code, said, _) = site.ctl(&["cancel", "acme"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(sync.finish()["outcome"], "cancelled");
    assert_eq!(daemon.get("/v1/directory/users")["users"], json!([]), "nothing was applied");
    assert_eq!(site.ctl(&["cancel", "acme"]).0, 1, "there is nothing left to cancel");
}

#[test]
fn a_failed_run_says_why_everywhere() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    site.okta.fault(Fault::on(Route::Any).kind(FaultKind::Status(401)));
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed");
    let status = daemon.get("/v1/connectors/acme");
    assert_eq!(status["state"], "failing");
    assert_eq!(status["last_run"]["error"], report["error"]);
    assert!(daemon.log().contains("failed"), "{}", daemon.log());
    assert_eq!(daemon.ask("GET /v1/runs/1", "").1["error"], report["error"]);
    assert_eq!(daemon.ask("GET /v1/runs/2", "").0, 404);
}

#[test]
fn two_connectors_run_at_once_and_one_that_hangs_does_not_hold_up_the_other() {
    let site = Site::with(&["acme", "beta"]);
    let daemon = site.start();
    let stall = site.okta.fault(Fault::on(Route::Members).kind(FaultKind::Stall).after(3).times(1));
    let mut acme = daemon.begin_sync("acme");
    acme.until("started");
    daemon.told("1 running");
    while site.okta.met(stall) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(daemon.get("/v1/connectors/acme")["state"], "running");
    assert_eq!(daemon.sync("beta")["outcome"], "success");
    assert_eq!(daemon.get("/v1/connectors/acme")["state"], "running");
    daemon.ask("POST /v1/connectors/acme/cancel", "");
    acme.finish();
}

#[test]
fn rules_2_connectors_of_one_org_that_are_due_together_share_one_read() {
    let site = Site::with(&["acme"]);
    site.write("beta", &site.connector("apply: off\nmapping: { username: \"b-{{ profile.email }}\" }"));
    let daemon = site.start();
    let alone = site.okta.least_requests();
    // They meet within half a second, which a busy machine may miss.
    let shared = (0..5).any(|_| {
        site.okta.reset_counts();
        let (acme, beta) = (daemon.begin_sync("acme"), daemon.begin_sync("beta"));
        let (acme, beta) = (acme.finish(), beta.finish());
        assert_eq!(acme["outcome"], "success", "{acme:#}");
        assert_eq!(beta["outcome"], "success", "{beta:#}");
        // Each has its own rules, plan and report.
        let created = |report: &Value| report["counts"]["users"]["created"].as_u64().unwrap();
        assert!(created(&beta) > 50, "{beta:#}");
        assert!(beta["requests"].as_u64().unwrap() > 0, "{beta:#}");
        site.okta.requests().of(Route::Users) == alone.users as u64
    });
    assert!(shared, "they read the list of users twice each time: {:#?}", site.okta.log());
}

#[test]
fn rules_1_the_ledger_follows_a_renamed_file_when_told_to() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let users = daemon.sync("acme")["managed"]["users"].clone();
    let (status, refusal) = daemon.ask("POST /v1/connectors/acme/rename", r#"{"to":"new"}"#);
    assert_eq!(status, 409);
    assert!(refusal["message"].as_str().unwrap().contains("acme still has its file"), "{refusal}");
    std::fs::rename(site.file("acme"), site.file("new")).unwrap();
    let (code, said, errors) = site.ctl(&["rename", "acme", "new"]);
    assert_eq!(code, 0, "{said}{errors}");
    let status = daemon.get("/v1/connectors/new");
    assert_eq!(status["managed"]["users"], users, "what was remembered came along");
    let report = daemon.sync("new");
    assert_eq!((&report["outcome"], &report["counts"]["users"]["created"]), (&json!("success"), &json!(0)));
    assert_eq!(daemon.get("/v1/runs?connector=new")["runs"].as_array().unwrap().len(), 2);
    assert_eq!(daemon.ask("POST /v1/connectors/none/rename", r#"{"to":"other"}"#).0, 409);
    assert_eq!(daemon.ask("POST /v1/connectors/none/rename", r#"{"to":"../other"}"#).0, 400);
}

#[test]
fn rules_4_with_another_connector_on_the_target_who_left_is_not_linked() {
    for (beta, shares) in [
        ("", true),
        ("no-such-key: 1\n", true),
        ("target: { scim: { url: \"http://127.0.0.1:9\", token: { env: HOME } } }\n", false),
    ] {
        let site = Site::empty();
        let org = site.okta.org();
        let people: Vec<String> =
            (0..12).map(|n| org.add_user(NewUser::new(&format!("p{n}@example.com")))).collect();
        site.write("acme", &site.connector(""));
        let mut daemon = site.start();
        assert_eq!(daemon.sync("acme")["outcome"], "success");
        daemon.signal(nix::sys::signal::Signal::SIGTERM);
        daemon.ended();
        for name in ["state.db", "state.db-wal", "state.db-shm"] {
            std::fs::remove_file(site.path("state").join(name)).ok();
        }
        org.set_status(&people[0], sandbox::okta::Status::Deprovisioned);
        site.write("beta", &site.connector(beta));
        let _daemon = site.start();
        let (code, said, messages) = site.ctl(&["relink", "acme"]);
        assert_eq!(code, 4, "{said}{messages}");
        assert_eq!(
            said.contains("may belong to another connector that has this target"),
            shares,
            "{beta}: {said}"
        );
        assert_eq!(said.contains("linked at once: 12 users"), !shares, "{beta}: {said}");
    }
}

#[test]
fn rules_1_another_org_needs_a_rebind() {
    let site = Site::with(&["acme"]);
    let other = Site::with_org(Options { seed: 2, ..Options::default() });
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let contents = site.connector("").replace(site.okta.url(), other.okta.url());
    site.write("acme", &contents);
    daemon.ask("POST /v1/reload", "");
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed", "{report}");
    assert!(report["error"].as_str().unwrap().contains("rebind acme"), "{report}");
    let (status, plan) = daemon.ask("POST /v1/connectors/acme/rebind", "");
    assert_eq!((status, &plan["done"]), (200, &json!(false)), "{plan}");
    let (status, answer) = daemon.ask("POST /v1/connectors/acme/rebind", r#"{"confirm":true}"#);
    assert_eq!((status, &answer["done"]), (200, &json!(true)), "{answer}");
    assert_eq!(plan["after"], answer["after"]);
}

#[test]
fn a_released_user_is_left_as_it_is() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    daemon.sync("acme");
    let name = daemon.get("/v1/directory/users")["users"][0]["username"].as_str().unwrap().to_owned();
    let body = json!({ "login": name }).to_string();
    let (status, done) = daemon.ask("POST /v1/connectors/acme/release", &body);
    assert_eq!(status, 200, "{done}");
    assert_eq!(daemon.ask("POST /v1/connectors/acme/release", &body).0, 404);
    let report = daemon.sync("acme");
    let findings = report["findings"].as_array().unwrap();
    let about = |finding: &&Value| finding["kind"] == "not_managed" && finding["subject"] == name.as_str();
    assert_eq!(findings.iter().filter(about).count(), 1, "{findings:#?}");
}

#[test]
fn what_there_is_not_is_said_with_what_there_is() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let (status, fault) = daemon.ask("POST /v1/connectors/acmee/sync", "");
    assert_eq!(status, 404);
    assert!(fault["message"].as_str().unwrap().contains("there are: acme"), "{fault}");
    assert_eq!(daemon.ask("GET /v1/runs?connector=acmee", "").0, 404);
    assert_eq!(daemon.ask("GET /v1/directory/members?group=none", "").0, 404);
    assert_eq!(daemon.ask("PUT /v1/log-level", r#"{"level":"loud"}"#).0, 400);
}

#[test]
fn the_log_level_changes_at_once() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    assert_eq!(site.ctl(&["log-level", "error"]).0, 0);
    daemon.sync("acme");
    assert!(!daemon.log().contains("run 1"), "{}", daemon.log());
    assert_eq!(site.ctl(&["log-level", "info"]).0, 0);
    daemon.sync("acme");
    assert!(daemon.log().contains("run 2"), "{}", daemon.log());
}

#[test]
fn show_gives_the_effective_configuration_without_secrets() {
    let site = Site::new();
    site.write("acme", &site.connector("schedule: { cron: \"0 3 * * *\", timezone: Europe/Berlin }"));
    let daemon = site.start();
    let shown = daemon.get("/v1/connectors/acme/configuration");
    assert_eq!(shown["next_runs"].as_array().unwrap().len(), 5);
    let yaml = shown["yaml"].as_str().unwrap();
    assert!(yaml.contains("Europe/Berlin") && yaml.contains("leavers"), "{yaml}");
    assert!(!yaml.contains(site.okta.token()), "{yaml}");
}
