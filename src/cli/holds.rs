//! `ctl holds`, `hold`, `approve` and `discard`: what is held, and what people decide about it.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::Value;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::hold::{RIGHT, add_other_decisions, is_about_the_token, sentence, some_names};
use super::listing::{Shown, push_sections};
use super::next::Next;
use super::operation;
use super::text::{Style, moment, plural};
use super::watch::{Request, ask};
use crate::control::api::{
    Approval, ApproveRequest, Done, HoldDocument, HoldList, HoldState, HoldView, PlannedOperation, RunList,
};
use crate::sync::report::{HoldSummary, OperationReport, Report};
use crate::telemetry::escape::escape;

/// In how many runs after an approval the one is looked for that made use of it.
const RUNS_SEARCHED: usize = 3;

/// Lists what is held, of one connector or of all; with `all` also what was.
pub(super) async fn list(ctl: &Ctl, name: Option<&str>, all: bool) -> Result<Exit, Failure> {
    let mut query: Vec<(&str, &str)> = name.map(|name| ("connector", name)).into_iter().collect();
    if all {
        query.push(("all", "true"));
    }
    let answer = ctl.client.get(&["v1", "holds"], &query).await;
    let list: HoldList = match name {
        Some(name) => ctl.known(name, answer).await?,
        None => answer?,
    };
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    ctl.output.show(&list, |list| render_list(&list.holds, name, all, style, now))?;
    Ok(Exit::Done)
}

/// Shows one hold with every operation.
pub(super) async fn show(ctl: &Ctl, id: u64) -> Result<Exit, Failure> {
    let document = fetch(ctl, id).await?;
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    let by = if ctl.output.json { None } else { done_by(ctl, &document.hold).await };
    ctl.output.show(&document, |document| render_one(document, by, style, now))?;
    Ok(Exit::Done)
}

/// The run that applied all that was approved of this hold, as far as it can be found.
async fn done_by(ctl: &Ctl, hold: &HoldView) -> Option<u64> {
    let (id, approval) = (hold.summary.id?, hold.approval.as_ref()?);
    if hold.state != HoldState::Over || approval.left > 0 {
        return None;
    }
    let query = [("connector", hold.connector.as_str()), ("limit", "1000")];
    let list: RunList = ctl.client.get(&["v1", "runs"], &query).await.ok()?;
    let later = list.runs.iter().filter(|run| run.ended.is_some_and(|ended| ended >= approval.at));
    // The oldest of them are the ones: an approval begins a run at once.
    let oldest: Vec<u64> = later.rev().take(RUNS_SEARCHED).map(|run| run.run).collect();
    let mut by = None;
    for run in oldest {
        let report: Report = ctl.client.get(&["v1", "runs", &run.to_string()], &[]).await.ok()?;
        if report.approvals.contains(&id) {
            by = Some(run);
        }
    }
    by
}

async fn fetch(ctl: &Ctl, id: u64) -> Result<HoldDocument, Failure> {
    Ok(ctl.client.get(&["v1", "holds", &id.to_string()], &[]).await?)
}

/// Approves exactly what a hold holds; says what that is, and begins a run unless the request says later.
pub(super) async fn approve(ctl: &Ctl, id: u64, request: &ApproveRequest) -> Result<Exit, Failure> {
    let document = fetch(ctl, id).await?;
    let connector = &document.hold.connector;
    let id = id.to_string();
    let path = vec!["v1", "holds", &id, "approve"];
    if request.later {
        let answer = ctl.client.send(Method::POST, &path, request).await;
        let done: Done = ctl.known(connector, answer).await?;
        let mut next = Next::default();
        next.add(&format!("sync {connector} --wait"), "apply it now; else the next run does");
        next.add(
            &format!("hold {id}"),
            "how much of it is not applied yet, and how long the approval counts",
        );
        return say_done(ctl, &done, &next);
    }
    // Where there is nothing to approve, or not now, the daemon says so, and nothing was announced.
    let opening = Some(format!("approving hold {id}: {}, and nothing else", deeds(&document)));
    ask(ctl, &Request { opening, ..Request::new(connector, path, request) }, request.wait).await
}

/// Puts a hold aside.
pub(super) async fn discard(ctl: &Ctl, id: u64) -> Result<Exit, Failure> {
    let done: Done = ctl.client.post(&["v1", "holds", &id.to_string(), "discard"]).await?;
    let mut next = Next::default();
    next.add("holds", "what else is held");
    say_done(ctl, &done, &next)
}

fn say_done(ctl: &Ctl, done: &Done, next: &Next) -> Result<Exit, Failure> {
    ctl.output.show(done, |done| {
        let mut text = format!("{}\n", escape(&done.message));
        next.push(&mut text, ctl.output.style);
        text
    })?;
    Ok(Exit::Done)
}

/// `disable 400 users, change members of 12 groups; 812 changes in all`.
fn breakdown(document: &HoldDocument) -> String {
    format!("{}; {} in all", deeds(document), plural(document.hold.changes, "change"))
}

/// `disable 400 users, change members of 12 groups`.
fn deeds(document: &HoldDocument) -> String {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for operation in &document.operations {
        let kind = operation.operation.get("kind").and_then(Value::as_str).unwrap_or_default();
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let mut parts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, count)| match kind.split_once('_') {
            Some(("change", "members")) => format!("change members of {}", plural(count, "group")),
            Some((verb, what)) => format!("{} {}", escape(verb), plural(count, &escape(what))),
            None => plural(count, "operation"),
        })
        .collect();
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    parts.join(", ")
}

fn render_list(
    holds: &[HoldView],
    name: Option<&str>,
    all: bool,
    style: Style,
    now: DateTime<Utc>,
) -> String {
    if holds.is_empty() {
        let whose = name.map(|name| format!(" of {}", escape(name))).unwrap_or_default();
        return if all {
            format!("nothing{whose} was ever held\n")
        } else {
            format!("nothing{whose} is held; with `--all` what was held before is shown\n")
        };
    }
    let mut out = String::new();
    for hold in holds {
        if !out.is_empty() {
            out.push('\n');
        }
        push_view(&mut out, hold, None, style, now);
        push_names(&mut out, &hold.summary, false);
    }
    push_next(&mut out, holds, true, style);
    out
}

/// `by` is the run that did it, if that is known.
fn render_one(document: &HoldDocument, by: Option<u64>, style: Style, now: DateTime<Utc>) -> String {
    let mut out = String::new();
    let hold = &document.hold;
    push_view(&mut out, hold, by, style, now);
    if document.operations.is_empty() {
        push_names(&mut out, &hold.summary, true);
    } else if !is_ended(hold.state) {
        push_line(&mut out, "to approve", &breakdown(document));
    }
    let operations: Vec<PlannedOperation> = document.operations.iter().map(planned).collect();
    push_sections(&mut out, &operations, Shown { detailed: true, again: "", style });
    push_next(&mut out, std::slice::from_ref(hold), false, style);
    out
}

/// The names, on as many lines as they need.
fn push_names(out: &mut String, hold: &HoldSummary, whole: bool) {
    for (number, line) in some_names(hold, whole).iter().enumerate() {
        push_line(out, if number == 0 { "who" } else { "" }, line);
    }
}

/// A value behind its name; it is harmless already.
fn push_line(out: &mut String, key: &str, value: &str) {
    out.push_str(&format!("  {key:<13}{value}\n"));
}

fn push_view(out: &mut String, hold: &HoldView, by: Option<u64>, style: Style, now: DateTime<Utc>) {
    let HoldView { connector, summary, state, first_run, first_seen, last_run, last_seen, .. } = hold;
    let number = summary.id.map(|id| format!("hold {id}")).unwrap_or_else(|| "hold".to_owned());
    out.push_str(&format!(
        "{} of {}: {}\n",
        style.bold(&number),
        escape(connector),
        state_in_words(hold, by, style)
    ));
    let ended = is_ended(*state);
    if !ended && is_about_the_token(summary) {
        let first = style.yellow("Look at the token first: it may see less than before.");
        out.push_str(&format!("  {first}\n"));
    }
    push_line(out, "why", &escape(&summary.reason));
    if let Some(cause) = &summary.cause {
        push_line(out, "cause", &style.yellow(&sentence(cause)));
    }
    push_line(out, "since", &format!("run {first_run}, {}", moment(*first_seen, now)));
    if last_run != first_run {
        push_line(out, "last held by", &format!("run {last_run}, {}", moment(*last_seen, now)));
    }
    if let Some(Approval { uid, at, until, left }) = &hold.approval {
        let left =
            if *left == 0 { String::new() } else { format!("; {} not applied yet", plural(*left, "change")) };
        push_line(out, "approved", &format!("by uid {uid}, {}{left}", moment(*at, now)));
        if !ended {
            push_line(out, "", &format!("counts until {}", moment(*until, now)));
        }
    }
    if !ended && hold.changes == 0 {
        push_line(out, "to approve", "nothing yet: it says what will be held");
    }
}

/// Whether nobody can decide on it any more.
fn is_ended(state: HoldState) -> bool {
    matches!(state, HoldState::Superseded | HoldState::Over)
}

fn state_in_words(hold: &HoldView, by: Option<u64>, style: Style) -> String {
    match hold.state {
        HoldState::Open => style.yellow("open, waits for a decision"),
        HoldState::Approved => style.green("approved"),
        HoldState::Discarded => style.yellow("discarded: held as before, and nobody is told again"),
        HoldState::Superseded => "superseded: a later run holds other operations in its place".to_owned(),
        HoldState::Over if hold.approval.as_ref().is_some_and(|approval| approval.left == 0) => style.green(
            &by.map_or_else(|| "done, by its approval".to_owned(), |run| format!("done by run {run}")),
        ),
        HoldState::Over => {
            format!("ended: no longer wanted or no longer held (last by run {})", hold.last_run)
        }
    }
}

/// What can be done about the newest of the holds that somebody can still decide on, those that were put aside last; `look`:
/// look at it first.
fn push_next(out: &mut String, holds: &[HoldView], look: bool, style: Style) {
    let newest = |state| holds.iter().find(|hold| hold.state == state && can_be_decided(hold));
    let found = [HoldState::Open, HoldState::Approved, HoldState::Discarded].into_iter().find_map(newest);
    let mut next = Next::default();
    if let Some(hold) = found
        && let Some(id) = hold.summary.id
    {
        if look {
            next.add(&format!("hold {id}"), "all of it, operation by operation");
        }
        if hold.state == HoldState::Approved {
            next.add(
                &format!("sync {} --wait", hold.connector),
                "apply what is approved and not applied yet",
            );
            next.add(&format!("discard {id}"), "take the approval back");
        } else {
            if is_about_the_token(&hold.summary) {
                next.add_check();
            }
            next.add(&format!("approve {id} --wait"), RIGHT);
            add_other_decisions(&mut next, &hold.connector, id, hold.state == HoldState::Open);
        }
    }
    next.push(out, style);
}

fn can_be_decided(hold: &HoldView) -> bool {
    hold.state == HoldState::Approved || hold.changes > 0
}

/// An operation of a hold as a plan shows it.
fn planned(report: &OperationReport) -> PlannedOperation {
    let document = &report.operation;
    PlannedOperation {
        summary: report.summary.clone(),
        details: operation::details(document).iter().map(ToString::to_string).collect(),
        why: operation::why(document).to_owned(),
        cause: report.cause.clone(),
        operation: document.clone(),
    }
}

#[cfg(test)]
#[path = "holds_tests.rs"]
mod tests;
