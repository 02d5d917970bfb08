//! What a run did, in text: for `sync --wait` and for `run ID`.

use chrono::{DateTime, Utc};

use super::decided;
use super::hold::push_holds;
use super::known::Known;
use super::operation::{self, Detail};
use super::text::{self, Style, duration, moment, plural};
use crate::sync::model::Finding;
use crate::sync::report::{NotProven, OperationReport, Outcome, Report};
use crate::telemetry::escape::{escape, escape_lines};

/// Findings, and users in grace, shown after a sync.
const MOST_FINDINGS: usize = 20;
/// Details shown of an operation: all attributes of a user, and the beginning of a long list of members.
const MOST_DETAILS: usize = 50;
/// Under an operation, beside its result.
const INDENT: &str = "             ";

/// Names shown of those who were not removed.
const MOST_LEFT_OUT: usize = 10;

/// How much of a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The summary after a sync.
    Summary,
    /// All, with every operation and every name.
    Whole,
}

impl Extent {
    /// How many findings, or users in grace, are shown.
    fn most(self) -> usize {
        if self == Self::Whole { usize::MAX } else { MOST_FINDINGS }
    }
}

/// The report in text.
pub(super) fn render(
    report: &Report,
    extent: Extent,
    known: &Known,
    style: Style,
    now: DateTime<Utc>,
) -> String {
    let mut out = headline(report, style);
    if extent == Extent::Whole {
        out.push_str(&format!(
            "started {} by {}, ended {}\n",
            moment(report.started, now),
            report.trigger.as_str(),
            moment(report.ended, now)
        ));
    }
    if let Some(error) = &report.error {
        out.push_str(&format!("{} {}\n", style.red("error:"), escape_lines(error)));
    }
    if !report.apply {
        out.push_str("apply is off in the connector file: nothing was written, and this is what a sync would have done\n");
    }
    out.push('\n');
    out.push_str(&text::counts(&report.counts));
    out.push_str(&text::beside_counts(&report.filtered, report.in_grace));
    let (all, most) = (format!("usersyncd ctl run {}", report.run), extent.most());
    out.push_str(&text::waiting(&report.waiting, most, &all, now));
    if report.adopted > 0 {
        let would = if report.apply { "took" } else { "would have taken" };
        let adopted = text::adopted(report.adopted, true);
        out.push_str(
            &style.yellow(&format!("this run {would} over {adopted} in the target and not managed\n")),
        );
    }
    decided::push_left_out(&mut out, report, known.planned, (most, &all), style);
    push_holds(&mut out, &report.holds, extent, known, style);
    push_not_proven(&mut out, &report.not_proven, style);
    push_findings(&mut out, &report.findings, most, &all, style);
    if extent == Extent::Whole {
        push_operations(&mut out, &report.operations, &all, style);
    }
    decided::next(report, extent, known).push(&mut out, style);
    out
}

fn headline(report: &Report, style: Style) -> String {
    let outcome = report.outcome.as_str();
    let outcome = match report.outcome {
        Outcome::Success => style.green(outcome),
        Outcome::Held | Outcome::Partial | Outcome::Cancelled => style.yellow(outcome),
        Outcome::Failed => style.red(outcome),
    };
    let extent = decided::extent(report);
    format!(
        "{} run {}{extent}: {outcome}, {}, {} to Okta, {}\n",
        style.bold(&escape(&report.connector)),
        report.run,
        duration(report.ended - report.started),
        plural(report.requests, "request"),
        plural(report.findings.len() as u64, "finding"),
    )
}

/// The lists that were not read to their end.
pub(super) fn push_not_proven(out: &mut String, lists: &[NotProven], style: Style) {
    if lists.is_empty() {
        return;
    }
    out.push_str(&format!(
        "\n{}\n",
        style.bold("Not read to the end; nothing was removed on account of it:")
    ));
    for list in lists {
        out.push_str(&format!(
            "  {} {}; {} left out\n",
            style.yellow(&format!("{}:", escape(&list.list))),
            escape(&list.reason),
            plural(list.removals_left_out, "removal")
        ));
        for line in text::name_lines(&list.left_out, MOST_LEFT_OUT) {
            out.push_str(&format!("    {line}\n"));
        }
    }
}

/// The first `most` findings; `all` is the command that shows the rest.
pub(super) fn push_findings(out: &mut String, findings: &[Finding], most: usize, all: &str, style: Style) {
    if findings.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", style.bold("Findings:")));
    for finding in findings.iter().take(most) {
        out.push_str(&format!(
            "  {} {}: {}\n",
            style.yellow(finding.kind.as_str()),
            escape(&finding.subject),
            escape(&finding.message)
        ));
    }
    if findings.len() > most {
        out.push_str(&format!("  … {} more, all with `{all}`\n", findings.len() - most));
    }
}

/// Every operation with its reason and what it changes. Of long lists of members the beginning; `run` is the command that
/// shows them whole.
fn push_operations(out: &mut String, operations: &[OperationReport], run: &str, style: Style) {
    out.push_str(&format!("\n{}\n", style.bold(&plural(operations.len() as u64, "operation"))));
    let mut is_cut = false;
    for operation in operations {
        let result = format!("{:<10}", escape(&operation.result));
        let result = match operation.result.as_str() {
            "applied" => style.green(&result),
            "held" => style.yellow(&result),
            "planned" => result,
            _ => style.red(&result),
        };
        let why = Some(operation::why(&operation.operation)).filter(|why| !why.is_empty());
        let why = why.map(|why| format!(" ({})", escape(why))).unwrap_or_default();
        let hold = operation.hold.map(|hold| format!(" [hold {hold}]")).unwrap_or_default();
        out.push_str(&format!("  {result} {}{why}{hold}\n", escape(&operation.summary)));
        if let Some(error) = &operation.error {
            out.push_str(&format!("{INDENT}{}\n", style.red(&escape(error))));
        }
        let details = operation::details(&operation.operation);
        for detail in details.iter().take(MOST_DETAILS) {
            out.push_str(&format!("{INDENT}{}\n", detail_line(detail, style)));
        }
        if details.len() > MOST_DETAILS {
            out.push_str(&format!("{INDENT}… {} more\n", details.len() - MOST_DETAILS));
            is_cut = true;
        }
    }
    if is_cut {
        out.push_str(&format!(
            "All details with `{run} --json`, or `--html FILE` for a page that can be searched\n"
        ));
    }
}

fn detail_line(detail: &Detail<'_>, style: Style) -> String {
    let text = escape(&detail.to_string()).into_owned();
    match detail {
        Detail::Added(_) | Detail::MemberOf { gained: true, .. } => style.green(&text),
        Detail::Removed { .. } | Detail::MemberOf { gained: false, .. } => style.red(&text),
        Detail::Attribute { .. } => text,
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
pub(super) mod tests;
