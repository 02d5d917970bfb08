//! `ctl explain`: why a user is in or out, and what a sync would change about it.

use chrono::{DateTime, Utc};
use reqwest::Method;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::hold::push_holds;
use super::known::Known;
use super::listing::push_operation;
use super::report::{Extent, push_findings, push_not_proven};
use super::text::{Style, moment, name_lines};
use super::verdict::push_verdict;
use crate::control::api::{ConnectorStatus, ExplainRequest, Explanation};
use crate::sync::explain::{ExplainedGroup, ExplainedTarget, GroupFate, LimitUse};
use crate::telemetry::escape::{escape, escape_lines};

/// Asks why a user is in or out, and prints the answer.
pub(super) async fn run(ctl: &Ctl, name: &str, login: &str) -> Result<Exit, Failure> {
    let path = ["v1", "connectors", name, "explain"];
    let answer = ctl.client.send(Method::POST, &path, &ExplainRequest { login: login.to_owned() }).await;
    let explanation: Explanation = ctl.known(name, answer).await?;
    warn_of_broken_file(ctl, name).await;
    let known = is_known(&explanation);
    if !known && !ctl.output.json {
        return Err(Failure::new(Exit::Failed, nobody(&explanation)));
    }
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    ctl.output.show(&explanation, |explanation| render(explanation, style, now))?;
    Ok(if known { Exit::Done } else { Exit::Failed })
}

/// RULES 29: what is explained may not be what the file says now. Whether it can be told is no reason to fail.
async fn warn_of_broken_file(ctl: &Ctl, name: &str) {
    let answer = ctl.client.get::<ConnectorStatus>(&["v1", "connectors", name], &[]).await;
    if let Ok(ConnectorStatus { config_error: Some(error), .. }) = answer {
        ctl.output.say(&format!(
            "{}: its file is broken, so its last good version is explained:\n{}",
            escape(name),
            escape_lines(&error)
        ));
    }
}

/// Whether the source, the ledger or the target knows the user.
fn is_known(explanation: &Explanation) -> bool {
    explanation.source.found || explanation.source.id.is_some() || explanation.target.account.is_some()
}

fn nobody(explanation: &Explanation) -> String {
    let Explanation { connector, asked, source, target, .. } = explanation;
    format!(
        "{connector} knows nobody called {asked}: {}; {}. Ask by the login at the source or by the name in the target",
        source.note.trim_end_matches('.'),
        target.note.trim_end_matches('.')
    )
}

fn render(explanation: &Explanation, style: Style, now: DateTime<Utc>) -> String {
    let mut out = format!(
        "{} in {}, read {}; nothing was written\n",
        style.bold(&escape(&explanation.asked)),
        escape(&explanation.connector),
        moment(explanation.made, now)
    );
    push_source(&mut out, explanation, style);
    if let Some(verdict) = &explanation.user {
        push_verdict(&mut out, verdict, style);
    }
    let in_scope = explanation.user.as_ref().is_some_and(|user| user.in_scope == Some(true));
    push_groups(&mut out, &explanation.groups, in_scope, style);
    push_target(&mut out, &explanation.target, style);
    push_changes(&mut out, explanation, style);
    push_holds(&mut out, &explanation.holds, Extent::Whole, &Known::default(), style);
    push_not_proven(&mut out, &explanation.not_proven, style);
    push_findings(&mut out, &explanation.findings, usize::MAX, "", style);
    out
}

fn heading(out: &mut String, text: &str, style: Style) {
    out.push_str(&format!("\n{}\n", style.bold(text)));
}

fn push_source(out: &mut String, explanation: &Explanation, style: Style) {
    let source = &explanation.source;
    heading(out, "In Okta", style);
    let mark = if source.found { style.green("+") } else { style.red("-") };
    out.push_str(&format!("  {mark} {}\n", escape(&source.note)));
    let facts = [
        ("login", source.login.as_ref().map(|login| login.as_str())),
        ("status", source.status.map(|status| status.as_str())),
        ("id", source.id.as_ref().map(|id| id.0.as_str())),
    ];
    for (what, value) in facts {
        if let Some(value) = value {
            out.push_str(&format!("    {what:<8}{}\n", escape(value)));
        }
    }
}

/// The groups; a `+` only where the user, if it is in scope, will be a member.
fn push_groups(out: &mut String, groups: &[ExplainedGroup], in_scope: bool, style: Style) {
    heading(out, &format!("Groups: {}", groups.len()), style);
    if groups.is_empty() {
        out.push_str("  none\n");
    }
    let member = || if in_scope { style.green("+") } else { ".".to_owned() };
    for group in groups {
        let (mark, fate) = match group.fate {
            GroupFate::Synced => (member(), "synced"),
            GroupFate::Always => (member(), "every active managed user is a member"),
            GroupFate::Dropped => (style.red("-"), "not synced"),
            GroupFate::Protected => (style.yellow("!"), "protected, never touched"),
            GroupFate::LeftAlone => (style.yellow("!"), "left alone"),
        };
        let mut line = format!("  {mark} {}", escape(&group.source_name));
        if group.name.is_empty() {
            line.push_str(" -> (nothing)");
        } else if group.name != group.source_name {
            line.push_str(&format!(" -> {}", escape(&group.name)));
        }
        if let Some(rule) = &group.renamed_by {
            let pattern = group.rename_match.as_ref().map(|pattern| format!(" ({})", escape(pattern)));
            line.push_str(&format!(", {}{}", rename_rule(rule), pattern.unwrap_or_default()));
        }
        line.push_str(&format!(": {fate}"));
        if let Some(rule) = &group.rule {
            line.push_str(&format!(" ({})", escape(rule)));
            if rule == "groups.include" && group.source_name.trim() == "Everyone" {
                line.push_str(
                    ": Okta's group Everyone is left out by default, and wherever that does not name it",
                );
            }
        }
        if group.fate == GroupFate::LeftAlone && group.name.is_empty() {
            line.push_str(": no name is left of it");
        }
        line.push_str(if group.member_now { "; a member now\n" } else { "; no member now\n" });
        out.push_str(&line);
    }
}

/// `rule 1 of groups.rename` for `groups.rename[0]`: people count from 1.
fn rename_rule(rule: &str) -> String {
    let number = rule.strip_prefix("groups.rename[").and_then(|rest| rest.strip_suffix(']'));
    match number.and_then(|number| number.parse::<u64>().ok()) {
        Some(number) => format!("rule {} of groups.rename", number.saturating_add(1)),
        None => escape(rule).into_owned(),
    }
}

fn push_target(out: &mut String, target: &ExplainedTarget, style: Style) {
    heading(out, &format!("In the target ({})", escape(&target.address)), style);
    out.push_str(&format!("  {}\n", escape(&target.note)));
    let Some(account) = &target.account else { return };
    let mut line = |what: &str, value: &str| {
        if !value.is_empty() {
            out.push_str(&format!("    {what:<14}{}\n", escape(value)));
        }
    };
    let attributes = &account.attributes;
    line("username", &attributes.username);
    line("active", if account.active { "yes" } else { "no" });
    line("managed", if account.managed { "yes" } else { "no" });
    line("email", &attributes.email);
    line("first_name", &attributes.first_name);
    line("last_name", &attributes.last_name);
    line("display_name", &attributes.display_name);
    for (name, value) in attributes.attributes.iter() {
        line(&format!("{name} "), value);
    }
    line("id", &account.id.0);
    let groups = if account.groups.is_empty() {
        "none".to_owned()
    } else {
        name_lines(&account.groups, usize::MAX).join(" ")
    };
    // The names in it are harmless already.
    out.push_str(&format!("    {:<14}{groups}\n", "groups"));
}

fn push_changes(out: &mut String, explanation: &Explanation, style: Style) {
    heading(out, "What a sync of this user would change", style);
    if !explanation.apply {
        out.push_str("  apply is off in the connector file: a sync plans this and writes nothing\n");
    }
    if explanation.operations.is_empty() {
        out.push_str(if explanation.holds.is_empty() {
            "  nothing\n"
        } else {
            "  nothing, until what is held is looked at\n"
        });
    }
    for operation in &explanation.operations {
        push_operation(out, operation, true, style);
    }
    for limit in &explanation.limits {
        out.push_str(&format!("  {}\n", sentence(limit)));
    }
}

/// `limits.leavers: 1 now, 3 in the last 24 h; of 100, up to 10 may go`.
fn sentence(limit: &LimitUse) -> String {
    let mut text = escape(&limit.limit).into_owned();
    if let Some(group) = &limit.group {
        text.push_str(&format!(" of {}", escape(group)));
    }
    text.push_str(&format!(": {} now, {} in the last 24 h; ", limit.count, limit.recent));
    let what = match limit.limit.as_str() {
        "limits.renames" => "be renamed",
        "limits.creates" => "be created",
        _ => "go",
    };
    match limit.allowed {
        Some(allowed) if limit.limit == "limits.creates" => {
            text.push_str(&format!("beside {}, up to {allowed} may {what}", limit.base));
        }
        Some(allowed) => text.push_str(&format!("of {}, up to {allowed} may {what}", limit.base)),
        None => text.push_str("no limit"),
    }
    text
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
