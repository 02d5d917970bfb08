//! The small parts that stand in many places of the page.

use chrono::{DateTime, Utc};

use super::facts::Facts;
use crate::control::api::ConnectorState;
use crate::telemetry::html::Html;
use crate::telemetry::words::relative;

/// A time, and how far away it is.
pub(super) fn push_time(html: &mut Html, at: DateTime<Utc>, now: DateTime<Utc>) {
    html.raw("<time datetime=\"").text(at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).raw("\">");
    html.text(at.format("%Y-%m-%d %H:%M").to_string()).raw("&nbsp;UTC</time> <span class=\"ago\">");
    html.text(relative(at - now)).raw("</span>");
}

/// The state of a connector, by sign, word and colour.
pub(super) fn push_state(html: &mut Html, state: ConnectorState) {
    let (class, sign) = match state {
        ConnectorState::Idle => ("good", "●"),
        ConnectorState::Running => ("busy", "▸"),
        ConnectorState::Paused => ("muted", "‖"),
        ConnectorState::Held => ("warn", "▲"),
        ConnectorState::Failing | ConnectorState::ConfigError => ("bad", "×"),
    };
    html.raw("<span class=\"word ")
        .raw(class)
        .raw("\"><span aria-hidden=\"true\">")
        .raw(sign)
        .raw("</span> ");
    html.raw(state.as_str()).raw("</span>");
}

/// A connector's name, which leads to its details: on this page, or on a page of its own.
pub(super) fn push_name(html: &mut Html, facts: &Facts, name: &str) {
    html.raw("<a href=\"").raw(if facts.histories.contains_key(name) { "#c-" } else { "connectors/" });
    html.text(name).raw("\"><bdi>").text(name).raw("</bdi></a>");
}

/// The command that shows all of a run.
pub(super) fn run_command(run: &str) -> String {
    format!("usersyncd ctl run {run}")
}

/// `5 min`, `90 s`, `2 h`: a span that somebody wrote into a file.
pub(super) fn every(seconds: u64) -> String {
    match seconds {
        0 => "0 s".to_owned(),
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}
