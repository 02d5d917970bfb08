//! What stands above the operations of a page: how the run went, its counts, and what a person should look at.

use chrono::{DateTime, Utc};

use crate::cli::text::{adopted, duration, plural};
use crate::sync::model::ScopeRule;
use crate::sync::report::{HoldSummary, KindCounts, Outcome, Report};
use crate::telemetry::html::Html;

/// Title, result, times, and what makes this run a special one.
pub(super) fn push_header(html: &mut Html, report: &Report) {
    let outcome = report.outcome.as_str();
    html.raw("<header>\n<h1>").name(&report.connector).raw(", run ").number(report.run);
    html.raw(" <span class=\"badge ").raw(outcome).raw("\">").raw(outcome).raw("</span></h1>\n");
    if report.apply {
        html.raw("<p class=\"lead\">").raw(meaning(report.outcome)).raw("</p>\n");
    } else {
        html.raw("<p class=\"notice\"><strong>apply is off</strong> in the connector file: nothing was written, and ");
        html.raw("this is what a sync would have done.</p>\n");
    }
    if let Some(error) = &report.error {
        html.raw("<p class=\"notice error\"><strong>error:</strong> ").lines(error).raw("</p>\n");
    }
    push_facts(html, report);
    html.raw("</header>\n");
}

/// RULES 28, in a sentence.
fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "Everything was applied, and every list was read to its end.",
        Outcome::Held => "Part of it is held for a person to look at; the rest was applied.",
        Outcome::Partial => "An operation failed, or a list was not read to its end; the rest was applied.",
        Outcome::Failed => "It ended without applying anything.",
        Outcome::Cancelled => "It was cut short; what was applied until then stays and is listed here.",
    }
}

fn push_facts(html: &mut Html, report: &Report) {
    let managed = &report.managed;
    let counted = |users, groups| format!("{}, {}", plural(users, "user"), plural(groups, "group"));
    let memberships = plural(managed.memberships, "membership");
    let mut facts = vec![
        ("trigger", report.trigger.as_str().to_owned()),
        ("started", moment(report.started)),
        ("ended", moment(report.ended)),
        ("took", duration(report.ended - report.started)),
        ("requests to Okta", report.requests.to_string()),
        ("managed after it", format!("{}, {memberships}", counted(managed.users, managed.groups))),
    ];
    if let Some(view) = report.view {
        facts.push(("Okta showed", counted(view.users, view.groups)));
    }
    if let Some(user) = &report.user {
        facts.push(("limited to user", user.clone()));
    }
    if let Some(undone) = report.undoes {
        facts.push(("undoes", format!("run {undone}")));
    }
    if let Some(plan) = &report.kept_plan {
        facts.push(("limited to kept plan", plan.clone()));
    }
    if report.not_in_plan > 0 {
        facts.push(("not in the kept plan, left out", plural(report.not_in_plan, "operation")));
    }
    if !report.approvals.is_empty() {
        let holds: Vec<String> = report.approvals.iter().map(|hold| format!("hold {hold}")).collect();
        facts.push(("approved before", holds.join(", ")));
    }
    if report.adopted > 0 {
        let what = adopted(report.adopted, true);
        let key = if report.apply { "took over" } else { "would have taken over" };
        facts.push((key, format!("{what} in the target and not managed")));
    }
    html.raw("<dl class=\"facts\">\n");
    for (name, value) in facts {
        html.raw("<div><dt>").text(name).raw("</dt><dd>").text(value).raw("</dd></div>\n");
    }
    html.raw("</dl>\n");
}

/// `2026-11-23 03:00:05 UTC`.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What happened by kind of object, and which rules left out how many.
pub(super) fn push_counts(html: &mut Html, report: &Report) {
    html.raw("<section id=\"counts\"><h2>Counts</h2>\n<table class=\"counts\"><thead><tr><th scope=\"col\">");
    html.raw("<span class=\"hidden\">kind of object</span></th>");
    let counts = &report.counts;
    for (name, _) in columns(&counts.users) {
        html.raw("<th scope=\"col\">").raw(name).raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for (kind, counts) in
        [("users", &counts.users), ("groups", &counts.groups), ("memberships", &counts.memberships)]
    {
        html.raw("<tr><th scope=\"row\">").raw(kind).raw("</th>");
        for (name, count) in columns(counts) {
            html.raw("<td").raw(if count == 0 { " class=\"zero\">" } else { ">" });
            if count > 0 && matches!(name, "failed" | "held") {
                html.raw("<span class=\"bad\" aria-hidden=\"true\">!</span> ");
            }
            html.number(count).raw("</td>");
        }
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table>\n");
    let filtered = [("users", &report.filtered.users), ("groups", &report.filtered.groups)];
    let rules =
        filtered.iter().flat_map(|(what, rules)| rules.iter().map(move |(rule, count)| (*what, rule, count)));
    let rules: Vec<(&str, &ScopeRule, &u64)> = rules.filter(|(_, _, count)| **count > 0).collect();
    if !rules.is_empty() {
        html.raw("<table><caption>Filtered by these keys of the connector file</caption><tbody>\n");
        for (what, rule, count) in rules {
            html.raw("<tr><th scope=\"row\"><code>")
                .text(rule.as_str())
                .raw("</code></th><td class=\"number\">");
            html.number(*count).raw("</td><td>").text(what).raw("</td></tr>\n");
        }
        html.raw("</tbody></table>\n");
    }
    html.raw("</section>\n");
}

fn columns(counts: &KindCounts) -> [(&'static str, u64); 8] {
    let KindCounts { created, updated, unchanged, disabled, deleted, failed, filtered, held } = *counts;
    [
        ("created", created),
        ("updated", updated),
        ("unchanged", unchanged),
        ("disabled", disabled),
        ("deleted", deleted),
        ("failed", failed),
        ("filtered", filtered),
        ("held", held),
    ]
}

/// What was held, why, and whom it concerns.
pub(super) fn push_holds(html: &mut Html, holds: &[HoldSummary]) {
    if holds.is_empty() {
        return;
    }
    html.raw(
        "<section id=\"holds\"><h2>Held for a person to look at</h2>\n<p>Nothing of this was done.</p>\n",
    );
    for hold in holds {
        html.raw("<article class=\"hold\"");
        if let Some(id) = hold.id {
            html.raw(" id=\"hold-").number(id).raw("\"><h3>Hold ").number(id).raw(": ");
        } else {
            html.raw("><h3>");
        }
        html.raw(hold.kind.as_str());
        if let Some(group) = &hold.group {
            html.raw(" of group ").name(group);
        }
        html.raw("</h3>\n<p>").text(&hold.reason).raw("</p>\n");
        if let Some(cause) = &hold.cause {
            html.raw("<p>").text(cause.in_words()).raw(".</p>\n");
        }
        if !hold.fresh {
            html.raw("<p class=\"note\">It was held before this run already.</p>\n");
        }
        if !hold.names.is_empty() {
            html.raw("<pre>").lines(&joined(&hold.names)).raw("</pre>\n");
        }
        html.raw("</article>\n");
    }
    html.raw("</section>\n");
}

/// One name on each line, whatever is in the names.
fn joined(names: &[impl AsRef<str>]) -> String {
    let lines: Vec<_> = names.iter().map(|name| crate::telemetry::escape::escape(name.as_ref())).collect();
    lines.join("\n")
}

/// What was decided before and could not be done, lists that were not read to their end, leavers in their grace, and
/// findings.
pub(super) fn push_remarks(html: &mut Html, report: &Report) {
    if !report.stale.is_empty() {
        html.raw("<section id=\"stale\"><h2>No longer as it was</h2>\n");
        html.raw("<p>Somebody decided on this, and it is otherwise now: it was not applied.</p>\n");
        let rows = report.stale.iter().map(|stale| [stale.summary.as_str(), &stale.reason]);
        push_table(html, ["operation", "what is otherwise"], rows);
    }
    if !report.not_proven.is_empty() {
        html.raw("<section id=\"not-proven\"><h2>Not read to the end</h2>\n");
        html.raw("<p>Nothing was removed on account of these lists.</p>\n");
        let left_out: Vec<String> =
            report.not_proven.iter().map(|list| plural(list.removals_left_out, "removal")).collect();
        let rows = report.not_proven.iter().zip(&left_out);
        let rows = rows.map(|(list, left_out)| [list.list.as_str(), &list.reason, left_out]);
        push_table(html, ["list", "why", "left out"], rows);
    }
    if report.in_grace > 0 {
        html.raw("<section id=\"grace\"><h2>In grace</h2>\n<p>").text(plural(report.in_grace, "leaver"));
        html.raw("; left alone until it is over.</p>\n");
        let ends: Vec<String> = report.waiting.iter().map(|user| moment(user.until)).collect();
        let rows = report.waiting.iter().zip(&ends).map(|(user, end)| [user.username.as_str(), end]);
        push_table(html, ["user", "until"], rows);
    }
    if !report.findings.is_empty() {
        html.raw("<section id=\"findings\"><h2>Findings</h2>\n");
        let rows = report.findings.iter();
        let rows = rows.map(|finding| [finding.kind.as_str(), finding.subject.as_str(), &finding.message]);
        push_table(html, ["kind", "about", "what"], rows);
    }
}

/// The rest of a section: a table, unless there are no rows.
fn push_table<'a, const N: usize>(
    html: &mut Html,
    header: [&'static str; N],
    rows: impl ExactSizeIterator<Item = [&'a str; N]>,
) {
    if rows.len() > 0 {
        html.raw("<table><thead><tr>");
        for name in header {
            html.raw("<th scope=\"col\">").raw(name).raw("</th>");
        }
        html.raw("</tr></thead>\n<tbody>\n");
        for row in rows {
            html.raw("<tr>");
            for cell in row {
                html.raw("<td>").text(cell).raw("</td>");
            }
            html.raw("</tr>\n");
        }
        html.raw("</tbody></table>\n");
    }
    html.raw("</section>\n");
}
