//! Files that come, change, break and go while the daemon runs.

use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Daemon, Site};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

fn reload(daemon: &Daemon) -> Value {
    let (status, answer) = daemon.ask("POST /v1/reload", "");
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn a_new_file_is_seen_without_being_asked_for() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    site.write("beta", &site.connector(""));
    daemon.told("STATUS=2 connectors");
    assert_eq!(daemon.sync("beta")["outcome"], "success");
}

#[test]
fn a_change_is_seen_and_a_broken_one_keeps_the_last_good_version() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    site.write("acme", &site.connector("apply: off"));
    site.write("beta", &site.connector(""));
    daemon.told("STATUS=2 connectors");
    assert_eq!(daemon.get("/v1/connectors/acme")["apply"], false);
    site.write("acme", "source: [\n");
    daemon.told("1 config error");
    let status = daemon.get("/v1/connectors/acme");
    assert_eq!((&status["state"], &status["runnable"]), (&json!("config_error"), &json!(true)));
    let (code, _, said) = site.ctl(&["sync", "acme", "--wait"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("last good version"), "{said}");
    assert!(daemon.log().contains("acme.yaml"), "{}", daemon.log());
}

#[test]
fn a_removed_file_removes_nobody_and_its_series_go() {
    let site = Site::with(&["acme", "beta"]);
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let before = daemon.get("/v1/directory/users");
    assert!(daemon.fetch("/metrics").1.contains("connector=\"acme\""));
    fs::remove_file(site.file("acme")).unwrap();
    daemon.told("STATUS=1 connector");
    assert_eq!(daemon.get("/v1/directory/users"), before);
    assert!(!daemon.fetch("/metrics").1.contains("connector=\"acme\""));
    assert_eq!(daemon.ask("POST /v1/connectors/acme/sync", "").0, 404);
    site.write("acme", &site.connector(""));
    daemon.told("STATUS=2 connectors");
    let report = daemon.sync("acme");
    assert_eq!(report["counts"]["users"]["created"], 0, "the ledger is found again");
    assert_eq!(report["outcome"], "success");
}

#[test]
fn sighup_reads_everything_and_says_when_it_is_done() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    // Not an event that anybody is told of: the target of a symbolic link is replaced.
    fs::create_dir(site.path("versions")).unwrap();
    fs::write(site.path("versions/one"), site.connector("")).unwrap();
    fs::write(site.path("versions/two"), site.connector("apply: off")).unwrap();
    symlink(site.path("versions/current"), site.file("linked")).unwrap();
    symlink("one", site.path("versions/current")).unwrap();
    daemon.told("STATUS=2 connectors");
    assert_eq!(daemon.get("/v1/connectors/linked")["apply"], true);
    symlink("two", site.path("versions/next")).unwrap();
    fs::rename(site.path("versions/next"), site.path("versions/current")).unwrap();
    daemon.signal(Signal::SIGHUP);
    let told = daemon.told("RELOADING=1");
    assert!(told.contains("MONOTONIC_USEC="), "both in one message: {told}");
    daemon.told("READY=1");
    assert_eq!(daemon.get("/v1/connectors/linked")["apply"], false);
}

#[test]
fn a_directory_that_is_replaced_is_still_watched() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    fs::rename(site.path("connectors.d"), site.path("old")).unwrap();
    fs::create_dir(site.path("connectors.d")).unwrap();
    site.write("beta", &site.connector(""));
    site.write("gamma", &site.connector(""));
    daemon.told("STATUS=2 connectors");
    let answer = reload(&daemon);
    assert_eq!(names(&answer["unchanged"]), ["beta", "gamma"]);
    site.write("delta", &site.connector(""));
    daemon.told("STATUS=3 connectors");
}

#[test]
fn a_directory_that_cannot_be_read_removes_nobody() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    fs::rename(site.path("connectors.d"), site.path("away")).unwrap();
    fs::write(site.path("connectors.d"), "not a directory").unwrap();
    let answer = reload(&daemon);
    assert_eq!(answer["removed"], json!([]));
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    fs::remove_file(site.path("connectors.d")).unwrap();
    fs::rename(site.path("away"), site.path("connectors.d")).unwrap();
    assert_eq!(names(&reload(&daemon)["unchanged"]), ["acme"]);
}

#[test]
fn a_reload_answers_with_what_it_found() {
    let site = Site::with(&["acme", "beta", "gamma"]);
    let daemon = site.start();
    site.write("acme", &site.connector("apply: off"));
    site.write("new", &site.connector(""));
    fs::remove_file(site.file("gamma")).unwrap();
    site.write("broken", "source: 1\n");
    site.settings("log: { level: debug, format: json }\n");
    let (code, data, said) = site.ctl(&["--json", "reload"]);
    let answer: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(code, 3, "something was rejected: {said}");
    assert_eq!(names(&answer["added"]), ["new"]);
    assert_eq!(names(&answer["updated"]), ["acme"]);
    assert_eq!(names(&answer["unchanged"]), ["beta"]);
    assert_eq!(names(&answer["removed"]), ["gamma"]);
    assert_eq!(answer["rejected"][0]["name"], "broken");
    assert_eq!(names(&answer["settings_taken_over"]), ["log.level"]);
    assert_eq!(names(&answer["restart_needed_for"]), ["log.format"]);
    assert_eq!(names(&daemon.get("/v1/status")["restart_needed_for"]), ["log.format"]);
}

#[test]
fn a_file_is_checked_again_when_what_it_lacked_appears() {
    let site = Site::new();
    let token = site.path("later");
    let contents =
        site.connector("").replace(&site.path("token").display().to_string(), &token.display().to_string());
    site.write("acme", &contents);
    let daemon = site.start();
    assert_eq!(daemon.get("/v1/connectors/acme")["state"], "config_error");
    fs::copy(site.path("token"), token).unwrap();
    assert_eq!(reload(&daemon)["rejected"], json!([]));
    assert_eq!(daemon.sync("acme")["outcome"], "success");
}

#[test]
fn a_token_that_is_replaced_counts_with_the_next_run() {
    let site = Site::with(&["acme"]);
    let right = fs::read_to_string(site.path("token")).unwrap();
    fs::write(site.path("token"), "00revoked").unwrap();
    let daemon = site.start();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed", "{report}");
    fs::write(site.path("token"), right).unwrap();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
}
