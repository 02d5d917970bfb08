//! Starting, stopping, dying, and who else is there.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;

use chrono::{DateTime, TimeDelta};
use nix::sys::signal::Signal;
use sandbox::okta::{Fault, FaultKind, Options, Route};
use serde_json::{Value, json};

use crate::harness::{Site, is_alive};

#[test]
fn it_is_ready_once_it_answers_everywhere() {
    let site = Site::with(&["acme"]);
    let daemon = site.launch();
    let status = daemon.told("STATUS=");
    assert_eq!(status.trim_end(), "STATUS=1 connector");
    daemon.told("READY=1");
    assert_eq!(daemon.get("/v1/connectors/acme")["state"], "idle");
    assert_eq!(daemon.fetch("/readyz").0, 200);
    let (_, metrics) = daemon.fetch("/metrics");
    for series in [
        "usersyncd_connectors{state=\"idle\"} 1",
        "usersyncd_config_reload_success 1",
        "usersyncd_sync_in_progress{connector=\"acme\"} 0",
    ] {
        assert!(metrics.contains(series), "{series} is missing from:\n{metrics}");
    }
}

#[test]
fn a_second_daemon_on_one_state_directory_is_refused() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let (code, said) = site.start_in_vain();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("state") && said.contains("another"), "{said}");
    assert_eq!(daemon.sync("acme")["outcome"], "success", "the first one is not disturbed");
}

#[test]
fn a_live_control_socket_is_refused_and_a_stale_one_replaced() {
    let site = Site::with(&["acme"]);
    let mut daemon = site.start();
    site.settings("");
    let settings = fs::read_to_string(site.path("usersyncd.yaml")).unwrap();
    fs::write(site.path("usersyncd.yaml"), settings.replace("state: state", "state: elsewhere")).unwrap();
    let (code, said) = site.start_in_vain();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("another process listens on the control socket"), "{said}");
    assert!(is_alive(&site.path("control.sock")), "the first one still listens");
    site.settings("");
    daemon.signal(Signal::SIGKILL);
    daemon.ended();
    assert!(site.path("control.sock").exists(), "a killed daemon leaves its socket behind");
    let daemon = site.start();
    assert_eq!(daemon.get("/v1/connectors/acme")["name"], "acme");
}

#[test]
fn invalid_settings_end_it_with_78_and_all_that_is_wrong() {
    let site = Site::with(&["acme"]);
    fs::write(site.path("usersyncd.yaml"), "staet: state\nlog: { level: loud }\n").unwrap();
    let (code, said) = site.start_in_vain();
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("staet") && said.contains("loud"), "{said}");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_said_clearly() {
    let site = Site::with(&["acme"]);
    fs::write(site.path("state"), "a file").unwrap();
    let (code, said) = site.start_in_vain();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the state directory"), "{said}");
    assert!(!site.path("control.sock").exists());
}

#[test]
fn a_broken_connector_file_does_not_stop_the_others() {
    let site = Site::with(&["acme"]);
    site.write("broken", "soruce: {}\n");
    symlink("nowhere", site.file("dangling")).unwrap();
    fs::create_dir(site.file("directory")).unwrap();
    fs::write(site.path("connectors.d/other.yml"), site.connector("")).unwrap();
    let daemon = site.start();
    assert_eq!(daemon.log().matches("other.yml").count(), 1, "said once: {}", daemon.log());
    for name in ["broken", "dangling", "directory"] {
        let status = daemon.get(&format!("/v1/connectors/{name}"));
        assert_eq!(
            (&status["state"], &status["runnable"]),
            (&json!("config_error"), &json!(false)),
            "{name}"
        );
        let (status, refusal) = daemon.ask(&format!("POST /v1/connectors/{name}/sync"), "");
        assert_eq!((status, &refusal["error"]), (409, &json!("conflict")), "{refusal}");
    }
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert_eq!(daemon.fetch("/readyz").0, 200);
}

#[test]
fn a_stop_ends_the_busy_run_records_it_and_takes_the_socket_away() {
    let site = Site::with(&["acme"]);
    let mut daemon = site.start();
    site.okta.fault(Fault::on(Route::Users).kind(FaultKind::Stall));
    let mut sync = daemon.begin_sync("acme");
    sync.until("started");
    daemon.signal(Signal::SIGTERM);
    daemon.told("STOPPING=1");
    let report = sync.finish();
    assert_eq!(report["outcome"], "cancelled", "who waits is told");
    assert_eq!(daemon.ended().code(), Some(0), "{}", daemon.log());
    assert!(!site.path("control.sock").exists());
    site.okta.clear_faults();
    let daemon = site.start();
    assert_eq!(daemon.get("/v1/runs?connector=acme")["runs"][0]["outcome"], "cancelled");
    assert_eq!(daemon.sync("acme")["outcome"], "success");
}

#[test]
fn sigint_stops_it_too() {
    let site = Site::new();
    let mut daemon = site.start();
    daemon.signal(Signal::SIGINT);
    assert_eq!(daemon.ended().code(), Some(0));
}

#[test]
fn a_daemon_killed_while_applying_goes_on_from_where_it_was() {
    let site = Site::with_org(Options { users: 4_000, groups: 3, memberships: 300, ..Options::default() });
    site.write("acme", &site.connector(""));
    let mut daemon = site.start();
    let mut sync = daemon.begin_sync("acme");
    sync.until("started");
    let directory = rusqlite::Connection::open(site.path("state/directory.db")).unwrap();
    let created =
        || -> u64 { directory.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap() };
    while created() == 0 {
        std::thread::yield_now();
    }
    daemon.signal(Signal::SIGKILL);
    daemon.ended();
    let before = created();
    let daemon = site.start();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report}");
    let in_scope = report["counts"]["users"]["created"].as_u64().unwrap()
        + report["counts"]["users"]["unchanged"].as_u64().unwrap();
    assert_eq!(in_scope, created(), "nobody is missing, and nobody is there twice");
    assert_eq!(report["counts"]["users"]["unchanged"], before, "what was done is not done again");
    assert_eq!(report["findings"], serde_json::json!([]));
    let died = daemon.get("/v1/runs/1");
    assert_eq!(died["outcome"], "cancelled");
    assert!(died["error"].as_str().unwrap().contains("the daemon ended in the middle"), "{died}");
    assert!(!died["operations"].as_array().unwrap().is_empty());
}

#[test]
fn settings_under_a_relative_path_are_watched_too() {
    let site = Site::with(&["acme"]);
    let daemon = site.start_in_place();
    assert_eq!(daemon.fetch("/").0, 200);
    site.settings("");
    let settings = std::fs::read_to_string(site.path("usersyncd.yaml")).unwrap();
    std::fs::write(site.path("usersyncd.yaml"), settings.replace("page: on", "page: off")).unwrap();
    let given_up = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while daemon.fetch("/").0 != 404 {
        assert!(std::time::Instant::now() < given_up, "nobody saw the change");
    }
}

#[test]
fn a_pause_survives_a_restart() {
    let site = Site::with(&["acme"]);
    let mut daemon = site.start();
    assert_eq!(daemon.ask("POST /v1/connectors/acme/pause", "").0, 200);
    daemon.signal(Signal::SIGTERM);
    daemon.ended();
    let daemon = site.start();
    let (status, refusal) = daemon.ask("POST /v1/connectors/acme/sync", "");
    assert_eq!(status, 409);
    assert!(refusal["message"].as_str().unwrap().contains("usersyncd ctl resume acme"), "{refusal}");
    assert_eq!(daemon.ask("POST /v1/connectors/acme/plan", "").1["event"], "planned");
    assert_eq!(daemon.ask("POST /v1/connectors/acme/resume", "").0, 200);
    assert_eq!(daemon.sync("acme")["outcome"], "success");
}

#[test]
fn a_token_that_okta_took_is_known_to_lapse_also_after_a_restart() {
    let series = "usersyncd_token_lapse_timestamp_seconds{connector=\"acme\"}";
    let site = Site::with(&["acme"]);
    let mut daemon = site.start();
    let refused = site.okta.fault(Fault::on(Route::Any).kind(FaultKind::Status(401)));
    assert_eq!(daemon.sync("acme")["outcome"], "failed");
    assert!(site.okta.met(refused) > 0);
    site.okta.clear_faults();
    assert_eq!(daemon.get("/v1/connectors/acme")["token"], Value::Null);
    assert!(!daemon.fetch("/metrics").1.contains(series));
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let token = daemon.get("/v1/connectors/acme")["token"].clone();
    let time = |key: &str| DateTime::parse_from_rfc3339(token[key].as_str().unwrap()).unwrap();
    assert_eq!(time("lapses_at") - time("last_used"), TimeDelta::days(30));
    assert_eq!(token["will_lapse"], true, "nothing uses it by itself: {token}");
    let shown = DateTime::from_timestamp(daemon.metric(series) as i64, 0);
    assert_eq!(shown.unwrap().timestamp(), time("lapses_at").timestamp());
    let (_, shown, _) = site.ctl(&["status", "acme"]);
    assert!(shown.contains("  API token    will lapse on "), "{shown}");
    daemon.signal(Signal::SIGTERM);
    daemon.ended();
    let daemon = site.start();
    let acme = daemon.get("/v1/connectors/acme");
    assert_eq!(acme["token"]["last_used"], acme["last_run"]["started"]);
    assert!(daemon.metric(series) > 0.0);
}

#[test]
fn a_client_that_goes_away_leaves_its_run_alone() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let mut sync = daemon.begin_sync("acme");
    sync.until("started");
    drop(sync);
    daemon.told("running");
    // Asking again waits behind the first run, if that is still busy.
    daemon.begin_sync("acme").events();
    let runs = daemon.get("/v1/runs?connector=acme")["runs"].as_array().unwrap().clone();
    let outcomes: Vec<_> = runs.iter().map(|run| run["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["success", "success"]);
}

#[test]
fn garbage_on_the_socket_is_refused_and_the_daemon_goes_on() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let endless = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(64 * 1024));
    for bytes in [&b"\x00\xff\x00\r\n\r\n"[..], b"GET\r\n\r\n", endless.as_bytes()] {
        let mut stream = UnixStream::connect(site.path("control.sock")).unwrap();
        drop(stream.write_all(bytes));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    }
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(UnixStream::connect(site.path("control.sock")).unwrap());
    }
    assert_eq!(daemon.sync("acme")["outcome"], "success");
}
