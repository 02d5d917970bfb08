//! All that is known of one connector.

use chrono::{DateTime, Utc};

use super::facts::{Facts, History};
use super::holds::push_list;
use super::parts::{every, push_state, push_time};
use super::{findings, runs};
use crate::control::api::{ConnectorState, ConnectorStatus, CurrentRun, IncrementalStatus, RunSummary};
use crate::sync::progress::{Phase, ProgressView};
use crate::sync::report::Outcome;
use crate::telemetry::html::Html;
use crate::telemetry::words::{duration, plural};

/// The section of a connector.
pub(super) fn push(html: &mut Html, facts: &Facts, connector: &ConnectorStatus, full: bool) {
    let name = &connector.name;
    html.raw("<section class=\"connector\" id=\"c-").text(name).raw("\"><h2><bdi>").text(name).raw("</bdi> ");
    push_state(html, connector.state);
    html.raw("</h2>\n");
    push_notices(html, connector, facts.now);
    let history = facts.histories.get(name);
    push_facts(html, connector, history, facts.now);
    let Some(history) = history else {
        html.raw("</section>\n");
        return;
    };
    if history.runs.is_empty() {
        if facts.gap.is_none() {
            html.raw("<p class=\"note\">It has not run yet. <code>usersyncd ctl plan ").text(name);
            html.raw("</code> shows what a sync would do.</p>\n");
        }
    } else {
        html.raw("<h3>The last ");
        html.text(plural(history.runs.len() as u64, "run")).raw("</h3>\n");
        runs::push(html, name, &history.runs, facts.now);
    }
    if let Some(last) = &history.last {
        findings::push(html, last, connector, full);
    }
    html.raw("</section>\n");
}

/// What somebody should do something about.
fn push_notices(html: &mut Html, connector: &ConnectorStatus, now: DateTime<Utc>) {
    let name = &connector.name;
    if let Some(error) = &connector.config_error {
        html.raw("<div class=\"notice error\"><p><strong>Its file is broken.</strong> ");
        html.raw(if connector.runnable {
            "The last good version stays in force."
        } else {
            "It does not run until the file is put right."
        });
        html.raw("</p>\n");
        push_text(html, error);
        html.raw("<p class=\"say\"><code>usersyncd check</code> says what is wrong and where.</p></div>\n");
    }
    let last = connector.last_run.as_ref();
    if let Some(run) = last.filter(|run| matches!(run.outcome, Some(Outcome::Failed | Outcome::Partial))) {
        html.raw("<div class=\"notice error\"><p><strong>Run ").number(run.run).raw(match run.outcome {
            Some(Outcome::Partial) => " was partial.</strong> An operation failed, or a list was not read to its end; the rest was applied.",
            _ => " failed.</strong> It ended without applying anything.",
        });
        html.raw("</p>\n");
        push_text(html, run.error.as_deref().unwrap_or_default());
        html.raw("<p class=\"say\"><code>usersyncd ctl run ")
            .number(run.run)
            .raw("</code> says why, and what to do.</p></div>\n");
    }
    if connector.state == ConnectorState::Paused || connector.pause_reason.is_some() {
        html.raw("<div class=\"notice\"><p><strong>It is paused");
        if let Some(reason) = &connector.pause_reason {
            html.raw(": ").text(reason);
        }
        html.raw(".</strong> Nothing runs until somebody lets it go on.</p>\n");
        push_list(
            html,
            &[(format!("plan {name}"), "what a sync would do"), (format!("resume {name}"), "let it go on")],
        );
        html.raw("</div>\n");
    }
    if let Some(token) = connector.token.as_ref().filter(|token| token.is_pressing(now)) {
        html.raw("<div class=\"notice\"><p><strong>Its API token will lapse</strong> on ");
        push_time(html, token.lapses_at, now);
        html.raw(", since Okta drops a token that nobody uses for 30 days");
        if let Some(why) = &token.why {
            html.raw(": ").text(why);
        }
        html.raw(".</p>\n");
        push_list(html, &[(format!("plan {name}"), "uses the token, and changes nothing")]);
        html.raw("</div>\n");
    }
}

/// Text from elsewhere in its own lines, where there is any.
fn push_text(html: &mut Html, text: &str) {
    if !text.is_empty() {
        html.raw("<pre>").lines(text).raw("</pre>\n");
    }
}

/// Opens a fact; what follows is its value.
fn fact<'h>(html: &'h mut Html, name: &'static str) -> &'h mut Html {
    html.raw("<div><dt>").raw(name).raw("</dt><dd>")
}

const END: &str = "</dd></div>\n";

fn push_facts(html: &mut Html, connector: &ConnectorStatus, history: Option<&History>, now: DateTime<Utc>) {
    html.raw("<dl class=\"facts\">\n");
    for (name, address) in [("source", &connector.source), ("target", &connector.target)] {
        if let Some(address) = address {
            fact(html, name).text(address).raw(END);
        }
    }
    if let Some(run) = &connector.current {
        fact(html, "busy");
        push_busy(html, run, now);
        html.raw(END);
    }
    if connector.queued {
        fact(html, "queued").text(plural(connector.waiting.max(1), "request")).raw(END);
    }
    fact(html, "last run");
    push_last_run(html, connector.last_run.as_ref(), now);
    html.raw(END);
    fact(html, "last success");
    match connector.last_success {
        Some(at) => push_time(html, at, now),
        None => drop(html.raw("never")),
    }
    html.raw(END);
    fact(html, "next run");
    push_next(html, connector, now);
    html.raw(END);
    fact(html, "schedule");
    match &connector.schedule {
        Some(schedule) => drop(html.raw("<code>").text(schedule).raw("</code>")),
        None => drop(html.raw("none: runs when asked")),
    }
    html.raw(END);
    if let Some(incremental) = &connector.incremental {
        fact(html, "changes");
        push_incremental(html, incremental, now);
        html.raw(END);
    }
    if !connector.apply {
        fact(html, "apply").raw("off: plans and reports, writes nothing").raw(END);
    }
    let managed = connector.managed;
    fact(html, "manages").text(plural(managed.users, "user"));
    if managed.active != managed.users {
        html.raw(" (").number(managed.active).raw(" active)");
    }
    html.raw(", ").text(plural(managed.groups, "group")).raw(", ");
    html.text(plural(managed.memberships, "membership")).raw(END);
    if let Some(last) = history.and_then(|history| history.last.as_ref()) {
        fact(html, "requests of the last run").number(last.requests).raw(END);
        if last.not_proven > 0 {
            fact(html, "not read to the end").text(plural(last.not_proven, "list")).raw(END);
        }
        if last.in_grace > 0 {
            fact(html, "in grace").text(plural(last.in_grace, "leaver")).raw(END);
        }
    }
    if let Some(token) = connector.token.as_ref().filter(|token| !token.is_pressing(now)) {
        fact(html, "API token").raw("unused, it would lapse on ");
        push_time(html, token.lapses_at, now);
        html.raw(END);
    }
    html.raw("</dl>\n");
}

fn push_busy(html: &mut Html, run: &CurrentRun, now: DateTime<Utc>) {
    html.raw("run ").number(run.run).raw(" (").raw(run.trigger.as_str());
    if let Some(user) = &run.user {
        html.raw(", ");
        runs::push_user(html, user);
    }
    html.raw(") since ");
    push_time(html, run.started, now);
    html.raw(": ").text(progress(&run.progress));
}

fn progress(view: &ProgressView) -> String {
    match view.phase {
        Phase::Waiting => "waits for its turn".to_owned(),
        Phase::Reading => format!(
            "reading, {} and {} of {} so far",
            plural(view.users_read, "user"),
            view.groups_read,
            plural(view.groups_total, "group")
        ),
        Phase::Planning => "comparing".to_owned(),
        Phase::Applying => {
            format!("applying, {} of {}", view.operations_applied, plural(view.operations_total, "operation"))
        }
        Phase::Done => "done".to_owned(),
    }
}

fn push_last_run(html: &mut Html, run: Option<&RunSummary>, now: DateTime<Utc>) {
    let Some(run) = run else {
        html.raw("never");
        return;
    };
    html.raw("run ").number(run.run).raw(" (").raw(run.trigger.as_str()).raw("): ");
    runs::push_outcome(html, run.outcome);
    if let Some(ended) = run.ended {
        html.raw(" in ").text(duration(ended - run.started));
    }
    html.raw(", ");
    push_time(html, run.ended.unwrap_or(run.started), now);
}

/// When it runs next by itself, and why not if it does not.
pub(super) fn push_next(html: &mut Html, connector: &ConnectorStatus, now: DateTime<Utc>) {
    match connector.next_run {
        Some(at) => push_time(html, at, now),
        None if connector.state == ConnectorState::Paused || connector.pause_reason.is_some() => {
            html.raw("not while it is paused");
        }
        None if !connector.runnable => drop(html.raw("not while its file is broken")),
        None => drop(html.raw("when asked")),
    }
}

fn push_incremental(html: &mut Html, incremental: &IncrementalStatus, now: DateTime<Utc>) {
    let IncrementalStatus { every_seconds, last_success, waits_for } = incremental;
    match waits_for {
        Some(why) => {
            html.raw("none before the next full run");
            if !why.is_empty() {
                html.raw(": ").text(why);
            }
        }
        None => {
            html.raw("every ").text(every(*every_seconds));
            if let Some(at) = last_success {
                html.raw(", last ");
                push_time(html, *at, now);
            }
        }
    }
}
