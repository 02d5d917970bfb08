//! What of a report comes from people's decisions: approvals, kept plans, undo; and what to decide next.

use super::hold::add_next;
use super::known::Known;
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
/// shows the rest, `planned` is how many operations the kept plan has, if that is known.
pub(super) fn push_left_out(
    out: &mut String,
    report: &Report,
    planned: Option<u64>,
    (most, all): (usize, &str),
    style: Style,
) {
    let title = match report.undoes {
        Some(run) => format!("No longer as run {run} left it, so it stays as it is now:"),
        None => "No longer true, so not applied:".to_owned(),
    };
    let planned = planned.filter(|_| report.undoes.is_none());
    push_stale(out, &title, (&report.stale, planned), (most, all), style);
    if report.not_in_plan > 0 {
        let new = plural(report.not_in_plan, "operation");
        out.push_str(&format!("\nNew since the plan was made, and not applied: {new}\n"));
    }
}

/// What is otherwise now than when it was decided: the first `most` of it, of how many that were `planned`, and the command
/// that shows `all`.
pub(super) fn push_stale(
    out: &mut String,
    title: &str,
    (stale, planned): (&[Stale], Option<u64>),
    (most, all): (usize, &str),
    style: Style,
) {
    if stale.is_empty() {
        return;
    }
    let of = planned.map(|planned| format!(" of {planned}")).unwrap_or_default();
    out.push_str(&format!("\n{}\n", style.bold(&format!("{title} {}{of}", stale.len()))));
    for Stale { summary, reason } in stale.iter().take(most) {
        out.push_str(&format!("  {} {}: {}\n", style.yellow("!"), escape(summary), escape(reason)));
    }
    if stale.len() > most {
        out.push_str(&format!("  … {} more, all with `{all}`\n", stale.len() - most));
    }
}

/// What to type after this run.
pub(super) fn next(report: &Report, extent: Extent, known: &Known) -> Next {
    let mut next = Next::default();
    let name = &report.connector;
    if report.not_in_plan > 0 || (!report.stale.is_empty() && report.undoes.is_none()) {
        next.add(&format!("plan {name}"), "what there is to do now; with `--out ID` it is kept as before");
    }
    if report.outcome == Outcome::Partial && extent == Extent::Summary {
        next.add(&format!("run {}", report.run), "each operation, and what the target said");
    }
    if report.holds.iter().any(|hold| hold.id.is_some()) {
        add_next(&mut next, name, &report.holds, known);
    } else if !report.holds.is_empty() {
        next.add(&format!("holds {name}"), "what is held, why, and since when");
    }
    if report.trigger == Trigger::Undo && extent == Extent::Summary {
        next.add(
            &format!("plan {name}"),
            "what the next sync would do: correct the cause until this is right",
        );
        next.add(&format!("resume {name}"), "then go on: it has been paused since the undo");
    }
    if extent == Extent::Summary && report.trigger != Trigger::Undo && is_worth_a_look(report) {
        next.add(&format!("run {}", report.run), "each operation, and what became of it");
        next.add(&format!("undo {}", report.run), UNDO);
    }
    if extent == Extent::Whole && report.trigger != Trigger::Undo && changed(report) {
        next.add(&format!("undo {}", report.run), UNDO);
    }
    next
}

/// What `undo` is for.
const UNDO: &str = "show what taking it back would do, and ask";

/// Whether somebody may want to take the run back: it took something away, or did what a person let through.
fn is_worth_a_look(report: &Report) -> bool {
    removed(report) || (!report.approvals.is_empty() && changed(report))
}

/// Whether the run took anything away in the target.
fn removed(report: &Report) -> bool {
    let Counts { users, groups, memberships } = report.counts;
    report.apply && [users, groups, memberships].iter().any(|kind| kind.disabled + kind.deleted > 0)
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
