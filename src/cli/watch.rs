//! Runs that were asked for: begun, and watched to their end. For `sync`, `apply`, `approve` and `undo`.

use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio_util::sync::CancellationToken;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::follow::{Ended, follow, other_answer, unsaid};
use super::known::Known;
use super::output::Versioned;
use super::progress::Board;
use super::report::{Extent, render};
use crate::control::api::RunEvent;
use crate::sync::report::Report;
use crate::telemetry::escape::{escape, escape_lines};

/// A request that a run answers.
pub(super) struct Request<'a, B> {
    /// The connector whose run it is.
    pub(super) connector: &'a str,
    /// The route, in segments.
    pub(super) path: Vec<&'a str>,
    /// The body, which says whether the answer goes on to the end of the run.
    pub(super) body: &'a B,
    /// What is said once the request is accepted, and not if it is refused.
    pub(super) opening: Option<String>,
    /// How many operations the kept plan has that is applied.
    pub(super) planned: Option<u64>,
}

impl<'a, B> Request<'a, B> {
    /// A request about which nothing else is to be said.
    pub(super) fn new(connector: &'a str, path: Vec<&'a str>, body: &'a B) -> Self {
        Self { connector, path, body, opening: None, planned: None }
    }
}

/// Asks for a run; waits for its end and prints its report if `wait`, else says what became of the request.
pub(super) async fn ask<B: Serialize>(
    ctl: &Ctl,
    request: &Request<'_, B>,
    wait: bool,
) -> Result<Exit, Failure> {
    if wait {
        let report = watch(ctl, &Board::new(&ctl.output), request, &interruption()).await?;
        let (style, now) = (ctl.output.style, ctl.output.clock.now());
        let known = Known { planned: request.planned, ..known_of(ctl, &report).await };
        ctl.output.show(&report, |report| render(report, Extent::Summary, &known, style, now))?;
        return Ok(report.outcome.into());
    }
    let event = start(ctl, request).await?;
    if ctl.output.json {
        ctl.output.print_json(&Versioned::new(document(request.connector, &event)))?;
    } else {
        ctl.output.print(&started(request.connector, &event))?;
    }
    Ok(Exit::Done)
}

/// What became of the holds of a report, if it has any.
pub(super) async fn known_of(ctl: &Ctl, report: &Report) -> Known {
    if ctl.output.json || report.holds.is_empty() {
        return Known::default();
    }
    Known::holds_of(ctl, &report.connector).await
}

/// Asks for a run and returns whether it began or waits.
pub(super) async fn start<B: Serialize>(ctl: &Ctl, request: &Request<'_, B>) -> Result<RunEvent, Failure> {
    let name = request.connector;
    let events = ctl.client.stream(&request.path, Some(request.body)).await;
    let mut events = ctl.known(name, events).await?;
    loop {
        match events.next().await? {
            Some(RunEvent::Notice { message }) => {
                ctl.output.say(&format!("{}: {}", escape(name), escape_lines(&message)))
            }
            Some(RunEvent::Refused { error, message }) => {
                return Err(ctl.refused(name, error, message).await);
            }
            Some(event) => {
                if let Some(opening) = &request.opening {
                    ctl.output.say(&format!("{}: {}", escape(name), escape_lines(opening)));
                }
                return Ok(event);
            }
            None => return Err(unsaid()),
        }
    }
}

/// What became of a request that is not waited for.
pub(super) fn started(name: &str, event: &RunEvent) -> String {
    let name = escape(name);
    match event {
        RunEvent::Started { run } => {
            format!(
                "{name}: run {run} began; watch it with `usersyncd ctl status {name}`, see what it did with `usersyncd ctl \
                 run {run}`\n"
            )
        }
        RunEvent::Queued { behind } => format!("{name}: queued, begins when run {behind} has ended\n"),
        _ => format!("{name}: accepted\n"),
    }
}

/// The same as JSON.
pub(super) fn document(name: &str, event: &RunEvent) -> serde_json::Value {
    let mut document = json!(event);
    document["connector"] = json!(name);
    document
}

/// Asks for a run and follows it to its end, or until `interrupted`.
pub(super) async fn watch<B: Serialize>(
    ctl: &Ctl,
    board: &Board<'_>,
    request: &Request<'_, B>,
    interrupted: &CancellationToken,
) -> Result<Box<Report>, Failure> {
    let name = request.connector;
    let place = board.place(name).opening(request.opening.clone());
    let events = ctl.client.stream(&request.path, Some(request.body)).await;
    let events = ctl.known(name, events).await?;
    match follow(events, place, interrupted.cancelled()).await? {
        Ended::Report(report) => Ok(report),
        Ended::Refused(kind, message) => Err(ctl.refused(name, kind, message).await),
        Ended::Detached(run) => Err(Failure::new(Exit::Detached, detached(name, run))),
        Ended::Plan(..) | Ended::Undo(_) => Err(other_answer("a run")),
    }
}

fn detached(name: &str, run: Option<u64>) -> String {
    let name = escape(name);
    let what = run
        .map_or_else(|| format!("the request for {name} stays queued"), |run| format!("run {run} goes on"));
    format!(
        "detached; {what}: look at it with `usersyncd ctl status {name}`, stop it with `usersyncd ctl cancel {name}`"
    )
}

/// Cancelled by the first Ctrl-C (or SIGTERM).
pub(super) fn interruption() -> CancellationToken {
    let token = CancellationToken::new();
    // Without a handler Ctrl-C ends this command, and the run goes on just the same.
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) {
        let cancelled = token.clone();
        tokio::spawn(async move {
            signals.next().await;
            cancelled.cancel();
        });
    }
    token
}
