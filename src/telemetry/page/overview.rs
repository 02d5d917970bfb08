//! What stands first: whether anything wants attention, and one line for each connector.

use super::facts::{Attention, Facts, MOST_DETAILS, MOST_ROWS};
use super::parts::{push_name, push_state, push_time};
use super::{connector, runs};
use crate::control::api::{ConnectorState, ConnectorStatus};
use crate::sync::report::Outcome;
use crate::telemetry::html::Html;
use crate::telemetry::words::plural;

/// How the daemon is doing, in few words: the title of the page says them too.
pub(super) fn verdict(facts: &Facts) -> (Attention, String) {
    let connectors = &facts.status.connectors;
    let wanting = connectors.iter().filter(|one| facts.attention(one) != Attention::Fine).count() as u64;
    let worst = connectors.iter().map(|one| facts.attention(one)).min().unwrap_or(Attention::Fine);
    let words = match wanting {
        0 if connectors.is_empty() => "no connectors".to_owned(),
        0 => "all is well".to_owned(),
        1 => "1 needs attention".to_owned(),
        many => format!("{many} need attention"),
    };
    (worst, words)
}

/// The sentence that somebody on call reads first: how many there are, and which of them want something, and what.
pub(super) fn push_summary(html: &mut Html, facts: &Facts) {
    let connectors = &facts.status.connectors;
    if connectors.is_empty() {
        html.raw("<p class=\"summary\">No connectors: put a file <code>NAME.yaml</code> into the connectors directory.</p>\n");
        return;
    }
    let mut wanting: Vec<(Attention, &ConnectorStatus)> =
        connectors.iter().map(|one| (facts.attention(one), one)).collect();
    wanting.retain(|(attention, _)| *attention != Attention::Fine);
    wanting.sort_by_key(|(attention, _)| *attention);
    let count = |state| connectors.iter().filter(|one| one.state == state).count() as u64;
    html.raw("<p class=\"summary\">").text(plural(connectors.len() as u64, "connector"));
    for (state, word) in [(ConnectorState::Running, "running"), (ConnectorState::Paused, "paused")] {
        let count = count(state);
        if count > 0 {
            html.raw(", ").number(count).raw(" ").raw(word);
        }
    }
    html.raw(". ");
    if wanting.is_empty() {
        html.raw("Nothing needs attention.</p>\n");
        return;
    }
    html.number(wanting.len() as u64).raw(if wanting.len() == 1 { " needs" } else { " need" });
    html.raw(" attention:</p>\n<ul class=\"wanting\">\n");
    for (_, one) in wanting.iter().take(MOST_DETAILS) {
        html.raw("<li>");
        push_name(html, facts, &one.name);
        html.raw(": ").text(wants(facts, one)).raw("</li>\n");
    }
    let more = wanting.len().saturating_sub(MOST_DETAILS);
    if more > 0 {
        html.raw("<li>").number(more as u64).raw(" more</li>\n");
    }
    html.raw("</ul>\n");
}

/// What a connector wants, in words.
fn wants(facts: &Facts, connector: &ConnectorStatus) -> String {
    let mut wants = Vec::new();
    if connector.config_error.is_some() {
        wants.push("its file is broken".to_owned());
    }
    let outcome = connector.last_run.as_ref().and_then(|run| Some((run.run, run.outcome?)));
    match outcome {
        Some((run, Outcome::Failed)) => wants.push(format!("run {run} failed")),
        Some((run, Outcome::Partial)) => wants.push(format!("run {run} was partial")),
        _ => {}
    }
    match facts.counts_of(&connector.name) {
        Some(counts) if counts.open > 0 => {
            let waits = if counts.open == 1 { "waits" } else { "wait" };
            wants.push(format!("{} {waits} for a decision", plural(counts.open, "hold")));
        }
        None if connector.state == ConnectorState::Held => wants.push("something is held".to_owned()),
        _ => {}
    }
    if connector.token.as_ref().is_some_and(|token| token.is_pressing(facts.now)) {
        wants.push("its API token will lapse".to_owned());
    }
    if wants.is_empty() {
        wants.push("its next run is overdue".to_owned());
    }
    wants.join("; ")
}

/// One line for each connector.
pub(super) fn push_table(html: &mut Html, facts: &Facts) {
    let connectors = &facts.status.connectors;
    if connectors.is_empty() {
        return;
    }
    html.raw(
        "<section id=\"connectors\"><h2>Connectors</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" ",
    );
    html.raw("aria-label=\"Connectors\"><table class=\"overview\"><caption class=\"hidden\">All connectors, by name</caption>");
    html.raw("<thead><tr>");
    for (name, class) in [
        ("connector", ""),
        ("state", ""),
        ("last run", ""),
        ("last success", "less"),
        ("next run", ""),
        ("users", "number"),
        ("groups", "number less"),
        ("memberships", "number less"),
        ("holds", "number"),
        ("findings", "number less"),
    ] {
        html.raw("<th scope=\"col\" class=\"").raw(class).raw("\">").raw(name).raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for one in connectors.iter().take(MOST_ROWS) {
        push_row(html, facts, one);
    }
    html.raw("</tbody></table></div>\n");
    let more = connectors.len().saturating_sub(MOST_ROWS);
    if more > 0 {
        html.raw("<p>").number(more as u64).raw(" more: <code>usersyncd ctl list</code></p>\n");
    }
    html.raw("</section>\n");
}

fn push_row(html: &mut Html, facts: &Facts, one: &ConnectorStatus) {
    html.raw("<tr><th scope=\"row\">");
    push_name(html, facts, &one.name);
    html.raw("</th><td>");
    push_state(html, one.state);
    if !one.apply {
        html.raw(" <span class=\"ago\">apply off</span>");
    }
    if one.token.as_ref().is_some_and(|token| token.is_pressing(facts.now)) {
        html.raw(" <span class=\"word warn\">token will lapse</span>");
    }
    html.raw("</td><td>");
    match &one.last_run {
        Some(run) => {
            runs::push_outcome(html, run.outcome);
            html.raw("<br>");
            push_time(html, run.ended.unwrap_or(run.started), facts.now);
        }
        None => drop(html.raw("never")),
    }
    html.raw("</td><td class=\"less\">");
    match one.last_success {
        Some(at) => push_time(html, at, facts.now),
        None => drop(html.raw("never")),
    }
    html.raw("</td><td>");
    connector::push_next(html, one, facts.now);
    html.raw("</td>");
    let managed = one.managed;
    let findings = one.last_run.as_ref().map(|run| run.findings);
    let holds = facts.counts_of(&one.name).map(|counts| counts.all());
    for (number, class) in [
        (Some(managed.users), "number"),
        (Some(managed.groups), "number less"),
        (Some(managed.memberships), "number less"),
        (holds, "number"),
        (findings, "number less"),
    ] {
        html.raw("<td class=\"").raw(class);
        html.raw(if number == Some(0) { " zero\">" } else { "\">" });
        match number {
            Some(number) => drop(html.number(number)),
            None => drop(html.raw("<span aria-label=\"not known\">–</span>")),
        }
        html.raw("</td>");
    }
    html.raw("</tr>\n");
}
