//! The last runs of a connector: charts of them, and the newest in a table.

use chrono::{DateTime, Utc};

use super::parts::{push_time, run_command};
use crate::control::api::RunSummary;
use crate::sync::report::{Counts, Outcome, Trigger};
use crate::telemetry::html::Html;
use crate::telemetry::html::chart::{Chart, Point, Scale, point, push_legend};
use crate::telemetry::words::duration;

/// Runs in the table.
const MOST_LISTED: usize = 10;

/// Charts and table of these runs, oldest first. `id` is the connector's name, which is the beginning of ids here.
pub(super) fn push(html: &mut Html, id: &str, runs: &[RunSummary], now: DateTime<Utc>) {
    let users: Vec<Point> = runs.iter().map(|run| point(run, run.managed.active)).collect();
    let took: Vec<Point> = runs.iter().map(|run| point(run, milliseconds(run))).collect();
    html.raw("<div class=\"charts\">\n");
    let (users_id, took_id) = (format!("{id}-users"), format!("{id}-durations"));
    let (title, scale) = ("Active users", Scale::Count);
    Chart { id: &users_id, title, what: "active users", scale, points: &users }.push(html);
    let (title, scale) = ("Duration", Scale::Duration);
    Chart { id: &took_id, title, what: "durations", scale, points: &took }.push(html);
    html.raw("</div>\n");
    push_legend(html, users.iter());
    push_table(html, id, runs, now);
}

fn milliseconds(run: &RunSummary) -> u64 {
    let took = run.ended.map(|ended| (ended - run.started).num_milliseconds()).unwrap_or_default();
    u64::try_from(took).unwrap_or_default()
}

fn push_table(html: &mut Html, connector: &str, runs: &[RunSummary], now: DateTime<Utc>) {
    if runs.is_empty() {
        return;
    }
    html.raw("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"The last runs of ")
        .text(connector);
    html.raw("\"><table class=\"runs\"><caption class=\"hidden\">The last runs of ").text(connector);
    html.raw(", newest first</caption><thead><tr>");
    for (name, class) in [
        ("run", "number"),
        ("result", ""),
        ("trigger", "when"),
        ("ended", "when"),
        ("took", "number"),
        ("changed", "changed"),
        ("held", "number"),
        ("findings", "number"),
    ] {
        html.raw("<th scope=\"col\" class=\"").raw(class).raw("\">").raw(name).raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for run in runs.iter().rev().take(MOST_LISTED) {
        push_row(html, run, now);
    }
    html.raw("</tbody></table></div>\n<p class=\"note\">All of a run: <code>").text(run_command("RUN"));
    html.raw("</code>; all runs: <code>usersyncd ctl history ").text(connector).raw("</code></p>\n");
}

fn push_row(html: &mut Html, run: &RunSummary, now: DateTime<Utc>) {
    html.raw("<tr><th scope=\"row\" class=\"number\">").number(run.run).raw("</th><td>");
    push_outcome(html, run.outcome);
    html.raw("</td><td class=\"when\">").raw(run.trigger.as_str());
    if let Some(user) = &run.user {
        html.raw(", ");
        push_user(html, user);
    }
    if let (Some(undone), Trigger::Undo) = (run.undoes, run.trigger) {
        html.raw(" of run ").number(undone);
    }
    html.raw("</td><td class=\"when\">");
    push_time(html, run.ended.unwrap_or(run.started), now);
    html.raw("</td><td class=\"number\">");
    html.text(run.ended.map(|ended| duration(ended - run.started)).unwrap_or_default());
    html.raw("</td><td class=\"changed\">").text(changed(&run.counts)).raw("</td>");
    let Counts { users, groups, memberships } = &run.counts;
    for count in [users.held + groups.held + memberships.held, run.findings] {
        html.raw(if count == 0 { "<td class=\"number zero\">" } else { "<td class=\"number\">" });
        html.number(count).raw("</td>");
    }
    html.raw("</tr>\n");
}

/// The user that a run was limited to; who that is has no place on a page without names.
pub(super) fn push_user(html: &mut Html, user: &str) {
    if user.is_empty() {
        html.raw("one user");
    } else {
        html.raw("user ").name(user);
    }
}

/// How a run ended, by sign, word and colour.
pub(super) fn push_outcome(html: &mut Html, outcome: Option<Outcome>) {
    let (class, sign) = match outcome {
        Some(Outcome::Success) => ("good", "✓"),
        Some(Outcome::Held) => ("warn", "▲"),
        Some(Outcome::Partial) => ("warn", "◆"),
        Some(Outcome::Failed | Outcome::Cancelled) => ("bad", "×"),
        None => ("bad", "?"),
    };
    html.raw("<span class=\"word ")
        .raw(class)
        .raw("\"><span aria-hidden=\"true\">")
        .raw(sign)
        .raw("</span> ");
    html.raw(outcome.map_or("interrupted", Outcome::as_str)).raw("</span>");
}

/// What a run changed: `users 3 created; memberships 40 created, 2 deleted`.
fn changed(counts: &Counts) -> String {
    let kinds = [("users", &counts.users), ("groups", &counts.groups), ("memberships", &counts.memberships)];
    let parts = kinds.into_iter().filter_map(|(kind, counts)| {
        let numbers = [
            (counts.created, "created"),
            (counts.updated, "updated"),
            (counts.disabled, "disabled"),
            (counts.deleted, "deleted"),
            (counts.failed, "failed"),
        ];
        let numbers = numbers.iter().filter(|(count, _)| *count > 0);
        let numbers: Vec<String> = numbers.map(|(count, what)| format!("{count} {what}")).collect();
        (!numbers.is_empty()).then(|| format!("{kind} {}", numbers.join(", ")))
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}
