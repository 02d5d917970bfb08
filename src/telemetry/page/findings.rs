//! The findings of the last run: how many of which kind, and what each kind means.

use super::facts::LastRun;
use crate::control::api::ConnectorStatus;
use crate::sync::model::FindingKind;
use crate::sync::report::Outcome;
use crate::telemetry::html::Html;
use crate::telemetry::words::plural;

/// The kinds that there are, each with its number; with names also the first records.
pub(super) fn push(html: &mut Html, last: &LastRun, connector: &ConnectorStatus, full: bool) {
    let total: u64 = last.findings.values().sum();
    html.raw("<h3>Findings of run ").number(last.run).raw("</h3>\n");
    if total == 0 {
        let outcome = connector.last_run.as_ref().and_then(|run| run.outcome);
        html.raw(if matches!(outcome, Some(Outcome::Failed | Outcome::Cancelled)) {
            "<p class=\"note\">None, but the run did not come to its end.</p>\n"
        } else {
            "<p class=\"note\">None: every record could be dealt with.</p>\n"
        });
        return;
    }
    html.raw("<table class=\"findings\"><caption class=\"hidden\">Findings of the last run of ")
        .text(&connector.name);
    html.raw(
        "</caption><thead><tr><th scope=\"col\">kind</th><th scope=\"col\" class=\"number\">records</th>",
    );
    html.raw("<th scope=\"col\">what it means</th></tr></thead>\n<tbody>\n");
    for (kind, count) in &last.findings {
        html.raw("<tr><th scope=\"row\"><code>").raw(kind.as_str()).raw("</code></th><td class=\"number\">");
        html.number(*count).raw("</td><td>").raw(meaning(*kind)).raw("</td></tr>\n");
    }
    html.raw("</tbody></table>\n");
    if full && !last.records.is_empty() {
        html.raw("<details><summary>");
        html.text(if (last.records.len() as u64) < total {
            format!("The first {} of {}", last.records.len(), plural(total, "record"))
        } else {
            plural(total, "record")
        });
        html.raw("</summary>\n<ul>\n");
        for (kind, subject, message) in &last.records {
            html.raw("<li><code>").raw(kind.as_str()).raw("</code> ").name(subject).raw(": ").text(message);
            html.raw("</li>\n");
        }
        html.raw("</ul></details>\n");
    }
    html.raw("<p class=\"note\">Which records: <code>usersyncd ctl run ")
        .number(last.run)
        .raw("</code></p>\n");
}

/// What a kind means, and what was not done.
fn meaning(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::UnreadableRecord => {
            "Okta sent a record that could not be read; whoever it is about stays as is."
        }
        FindingKind::UnknownStatus => "A user has a status that this version does not know, and stays as is.",
        FindingKind::InvalidName => "The mapped name is empty, or the target would not take it.",
        FindingKind::NameCollision => "Two users want one name; neither takes it from the other.",
        FindingKind::NotManaged => {
            "The target has an account or group of that name that is not managed; it is left alone."
        }
        FindingKind::Protected => "A protected user or group would have been touched, and was not.",
        FindingKind::CannotRename => "The target cannot rename; the old name stays in force.",
        FindingKind::DisabledByOthers => "Somebody else disabled the account in the target, and it stays so.",
        FindingKind::DeletedByOthers => "Somebody else deleted it in the target, and it stays so.",
        FindingKind::MergedGroups => "Several groups of Okta bear one name and are one group in the target.",
        FindingKind::ClaimedElsewhere => "Another connector manages it, and this one leaves it alone.",
        FindingKind::AbsenceUnconfirmed => {
            "It was missing from a list, and that could not be confirmed; nothing is removed."
        }
        FindingKind::MemberNotListed => "A group has a member whom the list of users does not show.",
        FindingKind::MappingFailed => {
            "A template of the mapping could not be carried out for this user, who stays as is."
        }
        FindingKind::NothingToRestore => {
            "Somebody asked for an account to be taken back, and there was nothing to take back."
        }
        FindingKind::UnmetPattern => "A pattern that exempts groups matches none: perhaps it is misspelt.",
    }
}
