//! What is held, and the commands that show it and decide on it.

use chrono::{DateTime, Utc};

use super::facts::{Facts, Held};
use super::parts::{push_name, push_time};
use crate::control::api::{ConnectorState, ConnectorStatus, HoldState, HoldView};
use crate::sync::report::{HoldKind, HoldSummary};
use crate::telemetry::html::Html;
use crate::telemetry::words::{moment, plural};

/// All holds that are known, those first that wait for somebody.
pub(super) fn push(html: &mut Html, facts: &Facts) {
    let Some(counts) = &facts.hold_counts else {
        return;
    };
    html.raw("<section id=\"holds\"><h2>Held</h2>\n");
    if facts.holds.is_empty() {
        html.raw("<p class=\"note\">Nothing is held.</p></section>\n");
        return;
    }
    html.raw("<p class=\"note\">A limit kept these changes back, and nothing of them was done. An approval lets through ");
    html.raw("exactly one hold, and nothing else.</p>\n");
    for held in &facts.holds {
        push_hold(html, held, facts);
    }
    let all: u64 = counts.values().map(|counts| counts.all()).sum();
    let more = all.saturating_sub(facts.holds.len() as u64);
    if more > 0 {
        html.raw("<p>").number(more).raw(" more: <code>usersyncd ctl holds</code></p>\n");
    }
    html.raw("</section>\n");
}

fn push_hold(html: &mut Html, held: &Held, facts: &Facts) {
    let (hold, now) = (&held.hold, facts.now);
    let connector = facts.status.connectors.iter().find(|connector| connector.name == hold.connector);
    let number = hold.summary.id.unwrap_or_default();
    let (class, state) = match hold.state {
        HoldState::Approved => ("hold approved", "approved"),
        HoldState::Discarded => ("hold aside", "put aside"),
        HoldState::Open | HoldState::Superseded | HoldState::Over if hold.changes == 0 => {
            ("hold", "a warning")
        }
        HoldState::Open | HoldState::Superseded | HoldState::Over => ("hold", "waits for a decision"),
    };
    html.raw("<article class=\"").raw(class).raw("\" id=\"hold-").number(number).raw("\"><h3>Hold ");
    html.number(number).raw(": ").raw(hold.summary.kind.as_str());
    if let Some(group) = hold.summary.group.as_ref().filter(|group| !group.is_empty()) {
        html.raw(" of group ").name(group);
    }
    html.raw(" <span class=\"of\">of ");
    push_name(html, facts, &hold.connector);
    html.raw("</span> <span class=\"badge\">").raw(state).raw("</span></h3>\n<p>");
    if hold.summary.reason.is_empty() {
        html.text(reason(hold));
    } else {
        html.text(&hold.summary.reason);
    }
    html.raw("</p>\n");
    push_facts(html, hold, now);
    if !hold.summary.names.is_empty() {
        html.raw("<p class=\"names\">");
        for (position, name) in hold.summary.names.iter().enumerate() {
            html.raw(if position == 0 { "" } else { ", " }).name(name);
        }
        let more = held.names.saturating_sub(hold.summary.names.len() as u64);
        if more > 0 {
            html.raw(", and ").number(more).raw(" more");
        }
        html.raw("</p>\n");
    }
    push_commands(html, hold, connector);
    html.raw("</article>\n");
}

/// Why it is held, in numbers: what the reason says without the words that may be names.
fn reason(hold: &HoldView) -> String {
    let HoldSummary { kind, count, allowed, base, .. } = hold.summary;
    let limit = |what: String, key: &str| {
        format!(
            "{what}; {} may pass without a person's look (limits.{key}).",
            if allowed == 0 { "none".to_owned() } else { format!("at most {allowed}") }
        )
    };
    match kind {
        HoldKind::Leavers if hold.changes == 0 => format!(
            "{} in grace; when it is over, they are more than limits.leavers allows. Nothing happens to them yet.",
            if count == 1 {
                "1 user that left is".to_owned()
            } else {
                format!("{count} users that left are")
            }
        ),
        HoldKind::Leavers => {
            limit(format!("{count} of {} would leave", plural(base, "active user")), "leavers")
        }
        HoldKind::Memberships => {
            limit(format!("{count} of {} of one group would go", plural(base, "membership")), "memberships")
        }
        HoldKind::Groups => {
            limit(format!("{count} of {} with members would go", plural(base, "group")), "groups")
        }
        HoldKind::Renames => {
            limit(format!("{count} of {} would be renamed", plural(base, "active user")), "renames")
        }
        HoldKind::Creates => limit(format!("{} would be created", plural(count, "user")), "creates"),
        HoldKind::Adoptions => format!(
            "{} by taking over what is in the target and was not managed: whose it is is not certain, or it would lose \
             memberships.",
            plural(count, "change")
        ),
        HoldKind::View => format!(
            "The source shows less than before, so the token may see less. {} held for that alone. Look at the token first.",
            if count == 1 { "1 removal is".to_owned() } else { format!("{count} removals are") }
        ),
    }
}

fn push_facts(html: &mut Html, hold: &HoldView, now: DateTime<Utc>) {
    html.raw("<dl class=\"facts\">\n<div><dt>since</dt><dd>run ").number(hold.first_run).raw(", ");
    push_time(html, hold.first_seen, now);
    html.raw("</dd></div>\n");
    if hold.last_run != hold.first_run {
        html.raw("<div><dt>last held by</dt><dd>run ").number(hold.last_run).raw(", ");
        push_time(html, hold.last_seen, now);
        html.raw("</dd></div>\n");
    }
    let HoldSummary { kind, count, allowed, base, cause, .. } = &hold.summary;
    html.raw("<div><dt>held</dt><dd>").number(*count);
    if !matches!(kind, HoldKind::Adoptions | HoldKind::View) {
        html.raw(" of ").number(*base).raw("</dd></div>\n<div><dt>limit</dt><dd>").number(*allowed);
    }
    html.raw("</dd></div>\n");
    if let Some(cause) = cause {
        html.raw("<div><dt>cause</dt><dd>").text(cause.in_words()).raw("</dd></div>\n");
    }
    if let (HoldState::Approved, Some(approval)) = (hold.state, &hold.approval) {
        html.raw("<div><dt>approved</dt><dd>").text(moment(approval.at, now)).raw(", counts until ");
        html.text(moment(approval.until, now)).raw("; ").text(plural(approval.left, "change"));
        html.raw(" not applied yet</dd></div>\n");
    }
    html.raw("</dl>\n");
}

/// What to type: nothing that the daemon would refuse now.
fn push_commands(html: &mut Html, hold: &HoldView, connector: Option<&ConnectorStatus>) {
    let number = hold.summary.id.unwrap_or_default();
    let (name, kind) = (&hold.connector, hold.summary.kind);
    let mut commands = vec![(format!("hold {number}"), "all of it, operation by operation")];
    let Some(connector) = connector else {
        html.raw("<p class=\"note\">The connector's file is gone, so nothing of this can be approved.</p>\n");
        push_list(html, &commands);
        return;
    };
    let paused = connector.state == ConnectorState::Paused || connector.pause_reason.is_some();
    let can_be_approved = hold.changes > 0 || kind == HoldKind::View;
    if hold.state == HoldState::Approved {
        if paused {
            commands.push((
                format!("resume {name}"),
                "the connector is paused; let it go on, and it applies what is approved",
            ));
        } else {
            commands.push((format!("sync {name} --wait"), "apply what is approved and not applied yet"));
        }
        commands.push((format!("discard {number}"), "take the approval back"));
    } else if can_be_approved {
        if !connector.apply {
            html.raw("<p class=\"note\">The connector has <code>apply: off</code>, so an approval would have no effect.</p>\n");
        } else if paused {
            commands.push((
                format!("approve {number} --later"),
                "it is right: the connector is paused, and does it when it goes on",
            ));
        } else if connector.runnable {
            commands.push((format!("approve {number} --wait"), "it is right: do exactly this, at once"));
        }
        commands.push((
            format!("plan {name}"),
            "it is wrong: correct Okta or the connector file, then look here",
        ));
        if hold.state == HoldState::Open {
            commands.push((format!("discard {number}"), "let it be held, and be told no more"));
        }
    } else if hold.state == HoldState::Open {
        commands.push((format!("discard {number}"), "be told no more"));
    }
    push_list(html, &commands);
}

/// Commands and what they are for.
pub(super) fn push_list(html: &mut Html, commands: &[(String, &'static str)]) {
    html.raw("<ul class=\"commands\">\n");
    for (command, why) in commands {
        html.raw("<li><code>usersyncd ctl ")
            .text(command)
            .raw("</code> <span>")
            .raw(why)
            .raw("</span></li>\n");
    }
    html.raw("</ul>\n");
}
