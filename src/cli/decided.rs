//! What of a report comes from people's decisions: approvals, kept plans, undo; and what to decide next.

use super::hold::add_next;
use super::next::Next;
use super::report::Extent;
use super::text::{Style, plural};
use crate::sync::report::{Counts, Outcome, Report, Stale, Trigger};
use crate::telemetry::escape::escape;

/// What the run was limited to, or began for: the end of `run 17`, and empty for a common sync.
pub(super) fn extent(report: &Report) -> String {
    let mut text = String::new();
    if let Some(user) = &report.user {
        text.push_str(&format!(", user {} only", escape(user)));
    }
    if let Some(undone) = report.undoes {
        text.push_str(&format!(", undo of run {undone}"));
    }
    if let Some(plan) = &report.kept_plan {
        text.push_str(&format!(", kept plan {} only", escape(plan)));
    }
    if !report.approvals.is_empty() {
        let holds: Vec<String> = report.approvals.iter().map(|hold| format!("hold {hold}")).collect();
        text.push_str(&format!(", by the approval of {}", holds.join(", ")));
    }
    text
}

/// What was decided on and is no longer true, the first `most` of it, and what nobody decided on. `all` is the command that
/// shows the rest.
pub(super) fn push_left_out(out: &mut String, report: &Report, most: usize, all: &str, style: Style) {
    let title = match report.undoes {
        Some(run) => format!("No longer as run {run} left it, so it stays as it is now:"),
        None => "No longer true since it was decided, so it was not applied:".to_owned(),
    };
    push_stale(out, &title, &report.stale, (most, all), style);
    if report.not_in_plan > 0 {
        let new = plural(report.not_in_plan, "operation");
        out.push_str(&format!("\nnew since the plan was made, and not applied: {new}\n"));
    }
}

/// What is otherwise now than when it was decided: the first `most` of it, and the command that shows `all`.
pub(super) fn push_stale(
    out: &mut String,
    title: &str,
    stale: &[Stale],
    (most, all): (usize, &str),
    style: Style,
) {
    if stale.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", style.bold(&format!("{title} {}", stale.len()))));
    for Stale { summary, reason } in stale.iter().take(most) {
        out.push_str(&format!("  {} {}: {}\n", style.yellow("!"), escape(summary), escape(reason)));
    }
    if stale.len() > most {
        out.push_str(&format!("  … {} more, all with `{all}`\n", stale.len() - most));
    }
}

/// What to type after this run.
pub(super) fn next(report: &Report, extent: Extent) -> Next {
    let mut next = Next::default();
    let name = &report.connector;
    if report.not_in_plan > 0 || (!report.stale.is_empty() && report.undoes.is_none()) {
        next.add(&format!("plan {name}"), "what there is to do now; with `--out ID` it is kept as before");
    }
    if report.outcome == Outcome::Partial && extent == Extent::Summary {
        next.add(&format!("run {}", report.run), "each operation, and what the target said");
    }
    if report.holds.iter().any(|hold| hold.id.is_some()) {
        add_next(&mut next, name, &report.holds);
    } else if !report.holds.is_empty() {
        next.add(&format!("holds {name}"), "what is held, why, and since when");
    }
    if report.trigger == Trigger::Undo && extent == Extent::Summary {
        next.add(
            &format!("plan {name}"),
            "what the next sync would do: correct the cause until this is right",
        );
        next.add(&format!("resume {name}"), "then go on: it is paused since the undo");
    }
    if extent == Extent::Whole && report.trigger != Trigger::Undo && changed(report) {
        next.add(&format!("undo {}", report.run), "show what taking it back would do, and ask");
    }
    next
}

/// Whether the run changed anything in the target.
fn changed(report: &Report) -> bool {
    let Counts { users, groups, memberships } = report.counts;
    let kinds = [users, groups, memberships];
    report.apply && kinds.iter().any(|kind| kind.created + kind.updated + kind.disabled + kind.deleted > 0)
}

#[cfg(test)]
#[path = "decided_tests.rs"]
mod tests;
