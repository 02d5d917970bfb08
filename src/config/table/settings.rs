//! The keys of `usersyncd.yaml`.

use super::connector::{EVENTS, WEBHOOK};
use super::{Form, Key, Kind, key, words};

/// `usersyncd.yaml`.
pub(in crate::config) const SETTINGS: &[Key] = &[
    key(
        "connectors",
        "The directory of connector files, relative to this file or absolute.",
        Kind::One(Form::Path),
    )
    .or("connectors.d"),
    key("state", "The directory of state.db and directory.db.", Kind::One(Form::Path))
        .or("/var/lib/usersyncd"),
    key("control", "The control socket.", Kind::Section(CONTROL)),
    key("metrics", "The metrics listener.", Kind::Section(METRICS)),
    key("log", "Logs.", Kind::Section(LOG)),
    key("notify", "Whom to tell what became of runs.", Kind::Section(NOTIFY_SETTINGS)),
    key("reports", "How long reports of runs are kept.", Kind::Section(REPORTS)),
];

const NOTIFY_SETTINGS: &[Key] = &[
    key("on", "What is told; nothing if empty.", Kind::Many(EVENTS))
        .or(r#"["failed", "held", "recovered", "first_success"]"#),
    key("webhook", "An address that is told.", Kind::Section(WEBHOOK)),
    key(
        "command",
        "A program that is told, and its arguments.",
        Kind::Some(Form::Argument, "there is no program to run"),
    ),
    key("command_timeout", "How long it may take.", Kind::One(Form::Within(1, 3_600))).or("30s"),
];

const REPORTS: &[Key] = &[
    key("keep", "How long.", Kind::One(Form::Within(1, 366 * 86_400))).or("90d"),
    key("at_most", "How many of each connector.", Kind::One(Form::Positive)).or("1000"),
];

const CONTROL: &[Key] = &[
    key("socket", "Where it is.", Kind::One(Form::Socket)).or("/run/usersyncd/control.sock"),
    key("group", "The group that may use it, beside root and the daemon's own user.", Kind::One(Form::Group))
        .or("usersyncd"),
];

const METRICS: &[Key] = &[
    key("listen", "An address with a port, or off.", Kind::One(Form::Listen)).or("127.0.0.1:9845"),
    key("page", "What the page at / shows.", Kind::One(words(&["off", "on", "full"]))).or("on"),
];

const LOG: &[Key] = &[
    key(
        "level",
        "The least severe level that is written.",
        Kind::One(words(&["error", "warn", "info", "debug", "trace"])),
    )
    .or("info"),
    key("format", "Text for people or JSON for machines.", Kind::One(words(&["text", "json"]))).or("text"),
];
