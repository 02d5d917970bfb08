//! What is offered, with a daemon that says what a test wants it to say. Real shells ask in `make test-completions`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixListener;

use super::*;
use crate::cli::ctl::fake::connector;
use crate::clock::Clock;

/// A daemon on a thread of its own, since completion waits for it.
struct Daemon {
    directory: TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Daemon {
    fn answering(routes: Vec<(&'static str, Value)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = {
            let _entered = runtime.enter();
            UnixListener::bind(directory.path().join("control.sock")).unwrap()
        };
        let routes = routes.into_iter().fold(Router::new(), |router, (path, answer)| {
            router.route(path, get(move || async move { answer.to_string() }))
        });
        runtime.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { directory, _runtime: runtime }
    }

    fn names(&self) -> Names {
        names(&self.directory.path().join("control.sock"), None)
    }
}

fn names(socket: &Path, connectors: Option<PathBuf>) -> Names {
    let clock = Clock::starting_at("2026-11-23T06:00:00Z".parse().unwrap());
    // Only a fault takes that long.
    Names { socket: socket.to_owned(), connectors, clock, patience: Duration::from_secs(60) }
}

/// What is offered for the last word of a line: values with what is said about them.
fn offered(names: &Names, line: &str) -> Vec<(String, String)> {
    let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let last = words.len() - 1;
    let mut command = command(names.clone());
    let candidates = clap_complete::engine::complete(&mut command, words, last, None).unwrap();
    let text = |candidate: &CompletionCandidate| {
        let about = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        (candidate.get_value().to_str().unwrap().to_owned(), about)
    };
    // Options are offered everywhere.
    candidates.iter().map(text).filter(|(value, _)| !value.starts_with('-')).collect()
}

fn values(names: &Names, line: &str) -> Vec<String> {
    offered(names, line).into_iter().map(|(value, _)| value).collect()
}

fn pair(value: &str, about: &str) -> (String, String) {
    (value.to_owned(), about.to_owned())
}

#[test]
fn connectors_are_those_of_the_daemon() {
    let list = json!({ "format_version": 1, "connectors": [connector("acme"), connector("beta")] });
    let daemon = Daemon::answering(vec![("/v1/connectors", list)]);
    let names = daemon.names();
    for line in ["sync", "status", "show", "plan", "holds", "history", "pause", "rebind", "rename", "explain"]
    {
        assert_eq!(
            offered(&names, &format!("usersyncd ctl {line} ")),
            [pair("acme", "idle"), pair("beta", "idle")],
            "{line}"
        );
    }
    assert_eq!(values(&names, "usersyncd ctl --json sync --wait b"), ["beta"]);
    assert_eq!(values(&names, "usersyncd ctl sync x"), [""; 0]);
    // One connector is enough, and a login is not known.
    assert_eq!(values(&names, "usersyncd ctl sync acme "), [""; 0]);
    assert_eq!(values(&names, "usersyncd ctl explain acme "), [""; 0]);
}

#[test]
fn numbers_come_with_what_they_stand_for() {
    let run = |run: u64, outcome: &str| {
        json!({
            "run": run, "connector": "acme", "trigger": "cron", "started": "2026-11-23T03:00:00Z", "ended": null,
            "outcome": outcome, "error": null, "counts": crate::sync::report::Counts::default(), "findings": 0,
        })
    };
    let hold = json!({
        "connector": "acme", "id": 7, "kind": "leavers", "group": null, "count": 130, "allowed": 110, "base": 1100,
        "reason": "", "names": [], "state": "open", "changes": 130, "first_run": 17, "last_run": 18,
        "first_seen": "2026-11-23T03:00:00Z", "last_seen": "2026-11-23T03:00:00Z",
    });
    let plan = json!({
        "id": "change-4711", "connector": "acme", "made": "2026-11-23T05:00:00Z", "expires": "2026-11-24T05:00:00Z",
        "counts": crate::sync::report::Counts::default(), "operations": 1, "uid": 0,
    });
    let daemon = Daemon::answering(vec![
        ("/v1/runs", json!({ "format_version": 1, "runs": [run(18, "held"), run(17, "success")] })),
        ("/v1/holds", json!({ "format_version": 1, "holds": [hold] })),
        ("/v1/plans", json!({ "format_version": 1, "plans": [plan] })),
        (
            "/v1/directory/groups",
            json!({ "format_version": 1, "groups": [{ "name": "jira users", "description": "", "members": 2 }] }),
        ),
    ]);
    let names = daemon.names();
    // The newest first, as the daemon has them.
    let runs = [
        pair("18", "acme, held, 2026-11-23 03:00 UTC (3 h ago)"),
        pair("17", "acme, success, 2026-11-23 03:00 UTC (3 h ago)"),
    ];
    for command in ["run", "undo"] {
        assert_eq!(offered(&names, &format!("usersyncd ctl {command} ")), runs);
    }
    assert_eq!(values(&names, "usersyncd ctl run 17"), ["17"]);
    for command in ["hold", "approve", "discard"] {
        let offered = offered(&names, &format!("usersyncd ctl {command} "));
        assert_eq!(offered, [pair("7", "acme, leavers, 130 held, open")]);
    }
    for command in ["plans", "apply"] {
        let offered = offered(&names, &format!("usersyncd ctl {command} "));
        assert_eq!(offered, [pair("change-4711", "acme, 1 operation, made 2026-11-23 05:00 UTC (1 h ago)")]);
    }
    assert_eq!(offered(&names, "usersyncd ctl directory members "), [pair("jira users", "2 members")]);
}

#[test]
fn without_a_daemon_connectors_are_those_with_a_file_and_the_rest_is_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["beta.yaml", "acme.yaml", "old.yml", ".hidden.yaml"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let names = names(&directory.path().join("nobody.sock"), Some(directory.path().to_owned()));
    assert_eq!(values(&names, "usersyncd ctl sync "), ["acme", "beta"]);
    for command in ["run", "hold", "apply", "directory members"] {
        assert_eq!(values(&names, &format!("usersyncd ctl {command} ")), [""; 0], "{command}");
    }
}

/// A daemon that accepts and says nothing: whoever presses Tab gets the files after a moment.
#[test]
fn a_daemon_that_is_silent_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("acme.yaml"), "").unwrap();
    let socket = directory.path().join("control.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let names = names(&socket, Some(directory.path().to_owned()));
    let names = Names { patience: Duration::from_millis(20), ..names };
    assert_eq!(values(&names, "usersyncd ctl sync "), ["acme"]);
}

#[test]
fn the_socket_is_the_one_on_the_line() {
    let socket = |line: &str| {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Names::of(&words).socket
    };
    assert_eq!(socket("usersyncd ctl --socket a.sock sync "), Path::new("a.sock"));
    assert_eq!(socket("usersyncd ctl sync --socket=b.sock "), Path::new("b.sock"));
}

#[test]
fn commands_shells_and_words_are_offered_without_asking_anybody() {
    let names = names(Path::new("/nowhere/control.sock"), None);
    assert_eq!(values(&names, "usersyncd "), ["run", "check", "schema", "ctl", "completions", "help"]);
    assert_eq!(values(&names, "usersyncd completions "), ["bash", "zsh", "fish"]);
    assert_eq!(values(&names, "usersyncd ctl log-level d"), ["debug"]);
    assert_eq!(values(&names, "usersyncd ctl h"), ["holds", "hold", "history", "help"]);
}

/// Whatever a new command takes is either completed or known to be free.
#[test]
fn every_place_behind_ctl_is_completed_or_free() {
    fn visit(command: &Command, parent: &str) {
        for argument in command.get_positionals() {
            let (name, id) = (command.get_name(), argument.get_id().as_str());
            let is_free = matches!((name, id), ("rename", "new") | ("explain" | "release", "login"));
            let has_words = !argument.get_possible_values().is_empty();
            let is_path = argument.get_value_hint() == clap::ValueHint::AnyPath;
            let is_completed = kind_of(parent, name, argument).is_some() || has_words || is_path;
            assert!(is_completed != is_free, "{name} {id}");
        }
        for each in command.get_subcommands() {
            visit(each, command.get_name());
        }
    }
    visit(Arguments::command().find_subcommand("ctl").unwrap(), "usersyncd");
}

#[test]
fn scripts_call_this_program_by_its_name() {
    for (shell, registers) in [
        (Shell::Bash, "complete -o nospace -o bashdefault -o nosort -F _clap_complete_usersyncd usersyncd"),
        (Shell::Zsh, "#compdef usersyncd\n"),
        (Shell::Fish, "complete --keep-order --exclusive --command usersyncd"),
    ] {
        let script = script(shell);
        assert!(script.contains(registers), "{script}");
        let call = if shell == Shell::Bash { "\"usersyncd\" -- " } else { "usersyncd -- " };
        assert!(script.contains(&format!("USERSYNCD_COMPLETE={}", quoted(shell))), "{script}");
        assert!(script.contains(call) && script.ends_with('\n'), "{script}");
    }
}

fn quoted(shell: Shell) -> String {
    if shell == Shell::Fish { shell.name().to_owned() } else { format!("\"{}\"", shell.name()) }
}

#[test]
fn a_call_that_makes_no_sense_is_answered_with_nothing() {
    let zsh = completer("zsh").unwrap();
    let line = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    assert_eq!(answer(zsh, &line(&["usersyncd"])), None);
    assert_eq!(answer(zsh, &line(&["usersyncd", "--"])), None);
    assert!(completer("tcsh").is_none());
    // fish asks for the last word.
    let fish = completer("fish").unwrap();
    let answer = answer(fish, &line(&["usersyncd", "--", "usersyncd", "completions", "f"])).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "fish\tFriendly interactive shell\n");
}
