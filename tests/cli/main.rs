//! The real binary, as far as it goes without a daemon: `check`, `schema`, misuse, and sockets that nobody listens on.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use sandbox::okta::{Okta, Options};
use serde_json::Value;
use tempfile::TempDir;

mod documents;

fn usersyncd() -> Command {
    let mut command = Command::cargo_bin("usersyncd").unwrap();
    command.env_remove("USERSYNCD_SOCKET").env_remove("CREDENTIALS_DIRECTORY").env("NO_COLOR", "1");
    command
}

/// What a command printed, and how it ended.
struct Ended {
    code: i32,
    data: String,
    messages: String,
}

fn run(arguments: &[&str]) -> Ended {
    ended(usersyncd().args(arguments))
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        data: String::from_utf8(output.stdout).unwrap(),
        messages: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A scratch directory with a usersyncd.yaml, a token, and connector files of these names and contents.
fn site(connectors: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::write(root.join("usersyncd.yaml"), "state: state\ncontrol: { socket: control.sock }\n").unwrap();
    fs::create_dir(root.join("connectors.d")).unwrap();
    let token = root.join("token");
    fs::write(&token, "not-a-real-token\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    for (name, contents) in connectors {
        fs::write(root.join("connectors.d").join(name), contents).unwrap();
    }
    directory
}

fn config(site: &TempDir) -> String {
    site.path().join("usersyncd.yaml").display().to_string()
}

const GOOD: &str = "\
source:
  okta:
    domain: acme.okta.com
    auth: { api_token: { file: ../token } }
schedule:
  cron: \"0 */4 * * *\"
  timezone: Europe/Berlin
";

const BROKEN: &str = "\
soruce:
  okta:
    domain: https://acme.okta.com
";

#[test]
fn check_shows_the_next_five_runs() {
    let manual = GOOD.split("schedule:").next().unwrap();
    let site = site(&[("acme.yaml", GOOD), ("manual.yaml", manual)]);
    let ended = run(&["check", "--config", &config(&site)]);
    assert_eq!((ended.code, ended.messages.as_str()), (0, ""), "{}", ended.data);
    let lines: Vec<&str> = ended.data.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.data);
    let runs = lines[0].strip_prefix("acme: ok, next runs: ").unwrap();
    let zones = runs.split(", ").filter(|run| run.ends_with(" CET") || run.ends_with(" CEST"));
    assert_eq!(zones.count(), 5, "{runs}");
    assert_eq!(lines[1], "manual: ok, no schedule: runs when asked");
}

#[test]
fn check_reports_all_that_is_wrong_and_exits_with_3() {
    let site = site(&[("acme.yaml", GOOD), ("broken.yaml", BROKEN)]);
    let ended = run(&["check", "--config", &config(&site)]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.messages.contains("broken.yaml:1:1") && ended.messages.contains("soruce"),
        "{}",
        ended.messages
    );
    assert!(ended.data.contains("acme: ok") && ended.data.contains("; it would not run"), "{}", ended.data);
}

#[test]
fn a_warning_is_no_error() {
    let site = site(&[("acme.yaml", GOOD)]);
    fs::set_permissions(site.path().join("token"), fs::Permissions::from_mode(0o644)).unwrap();
    let ended = run(&["check", "--config", &config(&site)]);
    assert_eq!(ended.code, 0);
    assert!(ended.messages.starts_with("warning: "), "{}", ended.messages);
    assert!(ended.data.starts_with("acme: ok, 1 warning, next runs: "), "{}", ended.data);
}

#[test]
fn check_as_json() {
    let site = site(&[("acme.yaml", GOOD), ("broken.yaml", BROKEN)]);
    let ended = run(&["check", "--json", "--config", &config(&site)]);
    assert_eq!((ended.code, ended.messages.as_str()), (3, ""));
    let document: Value = serde_json::from_str(&ended.data).unwrap();
    assert_eq!((&document["format_version"], &document["ok"]), (&Value::from(1), &Value::from(false)));
    let diagnostics = document["diagnostics"].as_array().unwrap();
    assert!(diagnostics.iter().any(|one| one["severity"] == "error" && one["line"] == 1), "{diagnostics:?}");
    assert_eq!(document["connectors"][0]["schedule"]["next_runs"].as_array().unwrap().len(), 5);
    assert_eq!(document["connectors"][1]["name"], "broken");
}

#[test]
fn files_can_be_checked_alone() {
    let site = site(&[("acme.yaml", GOOD), ("broken.yaml", BROKEN)]);
    let file = |name: &str| site.path().join("connectors.d").join(name).display().to_string();
    let ended = run(&["check", &file("acme.yaml")]);
    assert_eq!(ended.code, 0, "{}", ended.messages);
    assert!(ended.data.starts_with("acme: ok"), "{}", ended.data);
    let ended = run(&["check", &file("acme.yaml"), &file("absent.yaml")]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.messages.contains("absent.yaml") && ended.data.contains("absent: 1 error"),
        "{}",
        ended.data
    );
}

#[test]
fn a_named_configuration_must_exist_and_be_valid() {
    let site = site(&[("acme.yaml", GOOD)]);
    let absent = site.path().join("absent.yaml").display().to_string();
    let ended = run(&["check", "--config", &absent]);
    assert_eq!(ended.code, 3);
    assert!(ended.messages.contains(&absent) && ended.data.contains("would not start"), "{}", ended.data);
    fs::write(site.path().join("usersyncd.yaml"), "states: x\n").unwrap();
    let ended = run(&["check", "--config", &config(&site)]);
    assert_eq!(ended.code, 3);
    assert!(ended.messages.contains("usersyncd.yaml:1:1"), "{}", ended.messages);
}

#[test]
fn names_in_files_do_not_reach_the_terminal_as_escapes() {
    let hostile = "\"so\\u001b[2Jruce\": 1\n\"\u{202e}x\": 1\n";
    let site = site(&[("acme.yaml", hostile)]);
    let ended = run(&["check", "--config", &config(&site)]);
    assert_eq!(ended.code, 3);
    assert!(!ended.messages.contains(['\u{1b}', '\u{202e}']), "{:?}", ended.messages);
}

/// A user as Okta answers it.
const ANNA: &str = r#"{
  "id": "00u1", "status": "ACTIVE", "created": "2026-01-01T00:00:00.000Z",
  "profile": { "login": "Anna@example.com", "email": "anna@example.com", "firstName": "Anna", "lastName": "Ek" }
}"#;

#[test]
fn a_saved_user_is_run_through_the_rules_without_a_token() {
    let required = format!("{GOOD}scope: {{ users: {{ exclude: [\"anna@*\"] }} }}\n");
    let site = site(&[("acme.yaml", GOOD), ("beta.yaml", &required)]);
    fs::remove_file(site.path().join("token")).unwrap();
    let sample = site.path().join("anna.json").display().to_string();
    fs::write(&sample, ANNA).unwrap();
    let text = run(&["check", "--config", &config(&site), "--sample", &sample]);
    assert_eq!(text.code, 0, "{}", text.messages);
    let (acme, beta) = text.data.split_once("\nbeta\n").unwrap();
    assert!(
        acme.starts_with("acme\n\nScope: in\n") && acme.contains("anna@example.com  <- {{ profile.login"),
        "{acme}"
    );
    assert!(beta.contains("Scope: out\n") && beta.contains("  - scope.users.exclude: "), "{beta}");
    let json = run(&["check", "--json", "--config", &config(&site), "--sample", &sample]);
    assert_eq!((json.code, json.messages.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&json.data).unwrap();
    assert_eq!(document["connectors"][0]["sample"]["in_scope"], true);
    assert_eq!(document["connectors"][1]["sample"]["in_scope"], false);
    assert_eq!(document["connectors"][0]["sample"]["mapping"][0]["value"], "anna@example.com");
    // A token that is not there is an error wherever it would be used.
    assert_eq!(run(&["check", "--config", &config(&site)]).code, 3);
}

#[test]
fn a_saved_user_may_come_from_standard_input_for_some_files_only() {
    let site = site(&[("acme.yaml", GOOD), ("beta.yaml", BROKEN)]);
    let file = |name: &str| site.path().join("connectors.d").join(name).display().to_string();
    let with_groups = format!("{{\"user\": {ANNA}, \"groups\": [\"staff\"]}}");
    let told =
        ended(usersyncd().args(["check", "--sample", "-", &file("acme.yaml")]).write_stdin(with_groups));
    assert_eq!((told.code, told.messages.as_str()), (0, ""));
    assert!(told.data.starts_with("acme\n\nScope: in\n"), "{}", told.data);
    // A broken file is told, and the good one is evaluated all the same.
    let told =
        ended(usersyncd().args(["check", "--sample", "-", "--config", &config(&site)]).write_stdin(ANNA));
    assert_eq!(told.code, 3);
    assert!(told.messages.contains("beta.yaml:1:1") && told.data.contains("Scope: in"), "{}", told.data);
    assert!(told.data.contains("\nbeta\n  ") && told.data.contains("it would not run"), "{}", told.data);
}

#[test]
fn what_only_okta_can_tell_is_said_and_a_user_that_cannot_be_mapped_fails() {
    let narrowed =
        GOOD.replace("domain: acme.okta.com", "domain: acme.okta.com\n    app: 0oa1gjh63g214q0Hq0g4");
    let nameless = format!("{GOOD}mapping: {{ username: \"{{{{ profile.nickName }}}}\" }}\n");
    let site = site(&[("acme.yaml", &narrowed), ("beta.yaml", &nameless)]);
    let file = |name: &str| site.path().join("connectors.d").join(name).display().to_string();
    let told = ended(usersyncd().args(["check", "--sample", "-", &file("acme.yaml")]).write_stdin(ANNA));
    assert_eq!(told.code, 0, "{}", told.messages);
    assert!(
        told.data.contains(
            "Scope: in, as far as this can tell\n  . source.okta.users.search: not set\n  \
                            ? source.okta.app: only Okta can tell\n"
        ),
        "{}",
        told.data
    );
    let told = ended(usersyncd().args(["check", "--sample", "-", &file("beta.yaml")]).write_stdin(ANNA));
    assert_eq!(told.code, 1, "{}", told.messages);
    assert!(told.data.contains("Scope: in, but left alone (mapping.username)\n"), "{}", told.data);
    let json =
        ended(usersyncd().args(["check", "--json", "--sample", "-", &file("beta.yaml")]).write_stdin(ANNA));
    let document: Value = serde_json::from_str(&json.data).unwrap();
    assert_eq!((json.code, &document["ok"]), (1, &Value::Bool(false)));
}

#[test]
fn a_saved_user_that_cannot_be_used_is_a_failure() {
    let site = site(&[("acme.yaml", GOOD)]);
    let path = |name: &str| site.path().join(name).display().to_string();
    fs::write(path("list.json"), "[]").unwrap();
    fs::write(path("garbage.json"), "<html>\u{1b}[2J").unwrap();
    fs::write(path("large.json"), vec![b' '; 5 << 20]).unwrap();
    for (name, why) in [
        ("absent.json", "No such file"),
        ("list.json", "it is "),
        ("garbage.json", "it is no JSON"),
        ("large.json", "larger than 4 MiB"),
    ] {
        let told = run(&["check", "--config", &config(&site), "--sample", &path(name)]);
        assert_eq!((told.code, told.data.as_str()), (1, ""), "{name}");
        assert!(told.messages.contains(&path(name)) && told.messages.contains(why), "{}", told.messages);
        assert!(!told.messages.contains('\u{1b}'), "{:?}", told.messages);
    }
    let both = run(&["check", "--sample", "-", "--online"]);
    assert_eq!(both.code, 2, "{}", both.messages);
}

#[test]
fn a_source_that_refuses_the_token_is_told_and_exits_with_1() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let okta = runtime.block_on(Okta::start(Options::default())).unwrap();
    let there = GOOD.replace("domain: acme.okta.com", &format!("url: {}", okta.url()));
    let site = site(&[("acme.yaml", &there)]);
    let text = run(&["check", "--online", "--config", &config(&site)]);
    assert_eq!(text.code, 1, "{}", text.messages);
    assert!(text.messages.starts_with("error: acme: "), "{}", text.messages);
    assert!(!text.messages.contains("not-a-real-token"), "{}", text.messages);
    assert!(text.data.contains("\n  it could not be read\n"), "{}", text.data);
    let json = run(&["check", "--online", "--json", "--config", &config(&site)]);
    assert_eq!((json.code, json.messages.as_str()), (1, ""));
    let document: Value = serde_json::from_str(&json.data).unwrap();
    assert_eq!(document["ok"], false);
    let online = &document["connectors"][0]["online"];
    assert_eq!((&online["source"], &online["users"]), (&Value::from(okta.url()), &Value::Null));
    assert_eq!(online["errors"].as_array().unwrap().len(), 1);
}

#[test]
fn without_its_token_a_connector_is_not_read_online() {
    let credential = GOOD.replace("{ file: ../token }", "{ credential: okta-token }");
    let site = site(&[("acme.yaml", &credential)]);
    let told = run(&["check", "--online", "--config", &config(&site)]);
    assert_eq!(told.code, 3);
    assert!(told.messages.contains("CREDENTIALS_DIRECTORY=/"), "the way to do it is said: {}", told.messages);
    assert!(!told.data.contains("source"), "{}", told.data);
}

#[test]
fn the_schema_is_json() {
    let ended = run(&["schema"]);
    assert_eq!(ended.code, 0);
    let schema: Value = serde_json::from_str(&ended.data).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn a_reader_that_went_away_is_not_a_failure() {
    for arguments in [&["schema"][..], &["--help"], &["check", "--json", "--config", "absent.yaml"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("usersyncd"));
        let output = command.args(arguments).stdout(writer).output().unwrap();
        let expected = if arguments[0] == "check" { 3 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
}

#[test]
fn usage_and_version() {
    assert_eq!(run(&[]).code, 2);
    assert_eq!(run(&["ctl", "sync"]).code, 2);
    for line in [["ctl", "--json", "run", "17", "--html", "-"], ["ctl", "run", "17", "--html", "-", "--json"]]
    {
        let ended = run(&line);
        assert_eq!((ended.code, ended.data.as_str()), (2, ""), "{}", ended.messages);
        assert!(ended.messages.contains("--html"), "{}", ended.messages);
    }
    let version = run(&["--version"]);
    assert_eq!((version.code, version.data), (0, format!("usersyncd {}\n", env!("CARGO_PKG_VERSION"))));
    let help = run(&["ctl", "sync", "--help"]);
    assert!(help.code == 0 && help.data.contains("Examples:"), "{}", help.data);
}

#[test]
fn without_a_daemon_ctl_exits_with_7_and_says_what_to_do() {
    let site = site(&[]);
    let socket = site.path().join("control.sock");
    let shown = socket.display().to_string();
    let commands: [&[&str]; 4] =
        [&["list"], &["sync", "--all", "--wait"], &["plan", "acme"], &["directory", "members", "x"]];
    for arguments in commands {
        let ended = ended(usersyncd().args(["ctl", "--socket", &shown]).args(arguments));
        assert_eq!((ended.code, ended.data.as_str()), (7, ""), "{arguments:?}");
        assert!(ended.messages.contains(&shown) && ended.messages.contains("systemctl status usersyncd"));
    }
    // A socket file that a dead daemon left behind.
    drop(UnixListener::bind(&socket).unwrap());
    let ended = ended(usersyncd().args(["ctl", "list"]).env("USERSYNCD_SOCKET", &socket));
    assert_eq!(ended.code, 7);
    assert!(ended.messages.contains(&shown), "{}", ended.messages);
    assert!(Path::new(&socket).exists(), "only the daemon removes it");
}

/// Answers one request with a sync that has begun and does not end; the stream stays open as long as it is kept.
fn begun(listener: &UnixListener) -> UnixStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n{\"wait\":true}") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{:?}", String::from_utf8_lossy(&request));
        request.extend_from_slice(&byte);
    }
    let event = "{\"event\":\"started\",\"run\":17}\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    write!(stream, "{head}{:x}\r\n{event}\r\n", event.len()).unwrap();
    stream
}

#[test]
fn ctrl_c_detaches_from_a_run_that_goes_on() {
    let site = site(&[]);
    let socket = site.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("usersyncd"))
        .args(["ctl", "sync", "acme", "--wait", "--socket"])
        .arg(&socket)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _open = begun(&listener);
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    messages.read_line(&mut first).unwrap();
    assert_eq!(first, "acme: run 17 began\n");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    messages.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("run 17 goes on: look at it with `usersyncd ctl status acme`"), "{rest}");
}
