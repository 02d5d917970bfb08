//! `ctl sync`: starts runs, watches them, prints what they did.

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio_util::sync::CancellationToken;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::follow::{Ended, follow, unsaid};
use super::output::Versioned;
use super::progress::Board;
use super::report::{Extent, render};
use crate::control::api::{ConnectorList, RunEvent, SyncRequest};
use crate::sync::report::Report;
use crate::telemetry::escape::{escape, escape_lines};

/// Syncs one connector, or all of them; waits for the end if asked to.
pub(super) async fn run(ctl: &Ctl, name: Option<&str>, request: &SyncRequest) -> Result<Exit, Failure> {
    let wait = request.wait;
    if let Some(name) = name {
        return if wait { watch_one(ctl, name, request).await } else { start_one(ctl, name, request).await };
    }
    let list: ConnectorList = ctl.client.get(&["v1", "connectors"], &[]).await?;
    let names: Vec<String> = list.connectors.into_iter().map(|connector| connector.name).collect();
    if names.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            "there are no connectors to sync; put a file NAME.yaml into the connectors directory",
        ));
    }
    if wait { watch_all(ctl, &names, request).await } else { start_all(ctl, &names, request).await }
}

/// Asks for a run and returns whether it began or waits.
async fn start(ctl: &Ctl, name: &str, request: &SyncRequest) -> Result<RunEvent, Failure> {
    let path = ["v1", "connectors", name, "sync"];
    let events = ctl.client.stream(&path, Some(request)).await;
    let mut events = ctl.known(name, events).await?;
    loop {
        match events.next().await? {
            Some(RunEvent::Notice { message }) => {
                ctl.output.say(&format!("{}: {}", escape(name), escape_lines(&message)))
            }
            Some(RunEvent::Refused { error, message }) => {
                return Err(ctl.refused(name, error, message).await);
            }
            Some(event) => return Ok(event),
            None => return Err(unsaid()),
        }
    }
}

/// What became of a request that is not waited for.
fn started(name: &str, event: &RunEvent) -> String {
    let name = escape(name);
    match event {
        RunEvent::Started { run } => {
            format!("{name}: run {run} began; watch it with `usersyncd ctl status {name}`\n")
        }
        RunEvent::Queued { behind } => format!("{name}: queued, begins when run {behind} has ended\n"),
        _ => format!("{name}: accepted\n"),
    }
}

async fn start_one(ctl: &Ctl, name: &str, request: &SyncRequest) -> Result<Exit, Failure> {
    let event = start(ctl, name, request).await?;
    if ctl.output.json {
        let mut document = json!(event);
        document["connector"] = json!(name);
        ctl.output.print_json(&Versioned::new(document))?;
    } else {
        ctl.output.print(&started(name, &event))?;
    }
    Ok(Exit::Done)
}

async fn start_all(ctl: &Ctl, names: &[String], request: &SyncRequest) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    for name in names {
        match start(ctl, name, request).await {
            Ok(event) => {
                if !ctl.output.json {
                    ctl.output.print(&started(name, &event))?;
                }
                let mut document = json!(event);
                document["connector"] = json!(name);
                documents.push(document);
            }
            Err(failure) => {
                ctl.output.say(&format!("{}: {}", escape(name), escape_lines(&failure.message)));
                documents.push(json!({ "connector": name, "event": "refused", "message": failure.message }));
                exit = exit.worst(failure.exit);
            }
        }
    }
    if ctl.output.json {
        ctl.output.print_json(&Versioned::new(json!({ "requests": documents })))?;
    }
    Ok(exit)
}

async fn watch(
    ctl: &Ctl,
    board: &Board<'_>,
    name: &str,
    request: &SyncRequest,
    interrupted: &CancellationToken,
) -> Result<Box<Report>, Failure> {
    let place = board.place(name);
    let path = ["v1", "connectors", name, "sync"];
    let events = ctl.client.stream(&path, Some(request)).await;
    let events = ctl.known(name, events).await?;
    match follow(events, place, interrupted.cancelled()).await? {
        Ended::Report(report) => Ok(report),
        Ended::Refused(kind, message) => Err(ctl.refused(name, kind, message).await),
        Ended::Detached(run) => Err(Failure::new(Exit::Detached, detached(name, run))),
        Ended::Plan(..) | Ended::Undo(_) => {
            Err(Failure::new(Exit::Failed, "the daemon answered a sync with a plan"))
        }
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

async fn watch_one(ctl: &Ctl, name: &str, request: &SyncRequest) -> Result<Exit, Failure> {
    let board = Board::new(&ctl.output);
    let report = watch(ctl, &board, name, request, &interruption()).await?;
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    ctl.output.show(&report, |report| render(report, Extent::Summary, style, now))?;
    Ok(report.outcome.into())
}

async fn watch_all(ctl: &Ctl, names: &[String], request: &SyncRequest) -> Result<Exit, Failure> {
    let board = Board::new(&ctl.output);
    let interrupted = interruption();
    let ends = join_all(names.iter().map(|name| watch(ctl, &board, name, request, &interrupted))).await;
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    let mut exit = Exit::Done;
    let (mut reports, mut refused) = (Vec::new(), Vec::new());
    for (name, end) in names.iter().zip(ends) {
        match end {
            Ok(report) => {
                exit = exit.worst(report.outcome.into());
                if !ctl.output.json {
                    ctl.output.print(&format!("{}\n", render(&report, Extent::Summary, style, now)))?;
                }
                reports.push(report);
            }
            Err(failure) => {
                exit = exit.worst(failure.exit);
                ctl.output.say(&format!("{}: {}", escape(name), escape_lines(&failure.message)));
                refused.push(json!({ "connector": name, "message": failure.message }));
            }
        }
    }
    if ctl.output.json {
        ctl.output.print_json(&Versioned::new(json!({ "reports": reports, "refused": refused })))?;
    }
    Ok(exit)
}

/// Cancelled by the first Ctrl-C (or SIGTERM).
fn interruption() -> CancellationToken {
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

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
