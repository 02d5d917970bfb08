//! `usersyncd.yaml`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::lines;
use crate::config::check_settings;
use crate::config::diagnostic::Checked;
use crate::config::model::{Event, LogFormat, LogLevel, Page, ReportSettings, Settings};
use crate::config::reference::{self, Absent};

fn check(contents: &str) -> (tempfile::TempDir, Checked<Settings>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("usersyncd.yaml");
    std::fs::write(&path, contents).unwrap();
    let checked = check_settings(&path, true);
    (directory, checked)
}

#[test]
fn an_empty_file_is_all_defaults() {
    for contents in ["", "\n", "# nothing\n", "---\n", "~", "{}"] {
        let (directory, checked) = check(contents);
        assert_eq!(checked.value, Some(Settings::defaults(directory.path())), "{contents:?}");
        assert_eq!(checked.diagnostics, []);
    }
}

#[test]
fn what_the_manual_calls_a_default_is_what_counts_without_it() {
    let mut seen = 0;
    for entry in reference::settings() {
        let Absent::Default(default) = entry.absent else { continue };
        // A webhook needs an address; its keys are the same in the connector file, where they are tested.
        if entry.path.starts_with("notify.webhook.") {
            continue;
        }
        let command = if entry.path.starts_with("notify.") { "command: [/bin/cat], " } else { "" };
        let (section, key) = entry.path.split_once('.').unwrap_or(("", entry.path.as_str()));
        let contents = |line: &str| match section {
            "" => line.to_owned(),
            section => format!("{section}: {{ {command}{line} }}"),
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usersyncd.yaml");
        let meaning = |line: &str| {
            std::fs::write(&path, contents(line)).unwrap();
            check_settings(&path, true).value.unwrap_or_else(|| panic!("{}", contents(line)))
        };
        assert_eq!(meaning(&format!("{key}: {default}")), meaning(""), "{}", entry.path);
        seen += 1;
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn an_absent_file_is_all_defaults_unless_it_must_exist() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("usersyncd.yaml");
    assert_eq!(check_settings(&path, false).value, Some(Settings::defaults(directory.path())));
    let refused = check_settings(&path, true);
    assert_eq!(refused.value, None);
    assert_eq!(refused.diagnostics[0].message, "The file does not exist.");
    // A link that leads nowhere is there, and somebody meant something by it.
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert_eq!(check_settings(&path, false).value, None);
}

#[test]
fn every_key_is_read() {
    let (directory, checked) = check(
        "connectors: other.d
state: ../state
control: { socket: /tmp/socket, group: wheel }
metrics: { listen: '[::1]:0', page: full }
log: { level: trace, format: json }
notify: { on: [held], command: [/bin/cat], command_timeout: 1h }
reports: { keep: 7d, at_most: 20 }
",
    );
    let settings = checked.value.unwrap();
    assert_eq!(settings.connectors, directory.path().join("other.d"));
    assert_eq!(settings.state, directory.path().join("../state"));
    assert_eq!(settings.control.socket.to_str(), Some("/tmp/socket"));
    assert_eq!(settings.control.group, "wheel");
    assert_eq!(settings.metrics.listen, Some("[::1]:0".parse().unwrap()));
    assert_eq!(settings.metrics.page, Page::Full);
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Trace, LogFormat::Json));
    assert_eq!((settings.notify.on, settings.notify.webhook), (BTreeSet::from([Event::Held]), None));
    let command = settings.notify.command.unwrap();
    assert_eq!((command.program.to_str(), command.arguments), (Some("/bin/cat"), vec![]));
    assert_eq!(command.timeout, Duration::from_secs(3_600));
    let reports = ReportSettings { keep: Duration::from_secs(7 * 86_400), at_most: 20 };
    assert_eq!(settings.reports, reports);
}

#[test]
fn off_is_understood_in_every_spelling() {
    for off in ["off", "no", "false", "'off'", "Off"] {
        let settings = check(&format!("metrics: {{ listen: {off}, page: {off} }}")).1.value.unwrap();
        assert_eq!((settings.metrics.listen, settings.metrics.page), (None, Page::Off));
    }
    assert_eq!(check("metrics: { page: yes }").1.value.unwrap().metrics.page, Page::On);
}

#[test]
fn each_log_level_is_itself() {
    for (text, level) in [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ] {
        assert_eq!(check(&format!("log: {{ level: {text} }}")).1.value.unwrap().log.level, level);
    }
}

#[test]
fn mistakes_are_pointed_at() {
    for (contents, expected) in [
        ("connector: x", "1:1 `connector` is not a key that is known here. [Did you mean `connectors`?]"),
        ("level: debug", "1:1 `level` is not a key that is known here. [`level` belongs under `log`.]"),
        (
            "state:",
            "1:1 `state` has no value. [Write its value behind or, indented, under it, or remove the key.]",
        ),
        ("reports: { keep: 0s }", "1:18 `0s` is too short a time. [Write a duration from `1s` to `366d`.]"),
        (
            "reports: { keep: 90 }",
            "1:18 `90` is not a duration. [Add the unit: `90s`, `90m`, `90h` or `90d`.]",
        ),
        ("reports: { at_most: 0 }", "1:21 `0` is too few. [Write at least `1`.]"),
        (
            "reports: { at_most: some }",
            "1:21 `some` is not a whole number. [Write digits only, such as `10`.]",
        ),
        ("keep: 1d", "1:1 `keep` is not a key that is known here. [`keep` belongs under `reports`.]"),
        (
            "metrics: { listen: 9845 }",
            "1:20 `9845` is not an address with a port. [Write `127.0.0.1:9845` for this host alone.]",
        ),
        (
            "metrics: { listen: localhost:9845 }",
            "1:20 `localhost:9845` is not an address with a port. [Write `127.0.0.1:9845` for this host alone.]",
        ),
        (
            "metrics: { listen: acme }",
            "1:20 `acme` is not an address with a port. [Write an address and a port, as in `127.0.0.1:9845` or `[::1]:9845`, or `off`.]",
        ),
        ("metrics: { page: all }", "1:18 `metrics.page` must be `off`, `on` or `full`, but it is `all`."),
        (
            "log: { level: warning }",
            "1:15 `log.level` must be `error`, `warn`, `info`, `debug` or `trace`, but it is `warning`. [Did you mean `warn`?]",
        ),
        (
            "log: debug",
            "1:6 `log` must be a mapping of keys to values, but it is `debug`. [Its keys are `level` or `format`.]",
        ),
        (
            "control: { group: 'a b' }",
            "1:19 `a b` is not the name of a group. [Write a group of this host, as `getent group` lists them; the default is `usersyncd`.]",
        ),
        (
            "source: {}",
            "1:1 `source` is not a key that is known here. [Known here: `connectors`, `state`, `control`, `metrics`, `log`, `notify` or `reports`.]",
        ),
    ] {
        let checked = check(contents).1;
        assert_eq!(checked.value, None);
        assert_eq!(lines(checked.diagnostics.iter()), [expected], "{contents}");
    }
}

#[test]
fn a_socket_whose_path_the_kernel_does_not_take_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let long = "x".repeat(99 - directory.path().as_os_str().len());
    let path = directory.path().join("usersyncd.yaml");
    for (socket, is_accepted) in
        [("x".repeat(108), false), (format!("{long}/123456"), true), (format!("{long}/1234567"), false)]
    {
        std::fs::write(&path, format!("control: {{ socket: {socket} }}")).unwrap();
        let checked = check_settings(&path, true);
        assert_eq!(checked.value.is_some(), is_accepted, "{:?}", checked.diagnostics);
        assert_eq!(checked.diagnostics.len(), usize::from(!is_accepted));
    }
}

#[test]
fn names_of_people_for_the_whole_network_are_a_warning() {
    let (_directory, checked) = check("metrics: { listen: '0.0.0.0:9845', page: full }");
    assert!(checked.value.is_some());
    assert_eq!(
        lines(checked.diagnostics.iter()),
        [
            "1:42 Everybody who reaches 0.0.0.0:9845 can read the names of users and groups there. [Write `page: on`, or listen \
          on a loopback address.]"
        ]
    );
    assert_eq!(check("metrics: { listen: '0.0.0.0:9845' }").1.diagnostics, []);
    assert_eq!(check("metrics: { page: full }").1.diagnostics, []);
}
