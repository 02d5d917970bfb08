//! `ctl sync`: starts runs, watches them, prints what they did.

use futures_util::future::join_all;
use serde_json::json;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::output::Versioned;
use super::progress::Board;
use super::report::{Extent, render};
use super::watch::{Request, ask, document, interruption, known_of, start, started, watch};
use crate::control::api::{ConnectorList, SyncRequest};
use crate::telemetry::escape::{escape, escape_lines};

/// Syncs one connector, or all of them; waits for the end if asked to.
pub(super) async fn run(ctl: &Ctl, name: Option<&str>, request: &SyncRequest) -> Result<Exit, Failure> {
    let wait = request.wait;
    if let Some(name) = name {
        return ask(ctl, &asked(name, request), wait).await;
    }
    let list: ConnectorList = ctl.client.get(&["v1", "connectors"], &[]).await?;
    let names: Vec<String> = list.connectors.into_iter().map(|connector| connector.name).collect();
    if names.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            "there are no connectors to sync; put a file NAME.yaml into the connectors directory, and look at it with `usersyncd \
             check`",
        ));
    }
    if wait { watch_all(ctl, &names, request).await } else { start_all(ctl, &names, request).await }
}

fn asked<'a>(name: &'a str, request: &'a SyncRequest) -> Request<'a, SyncRequest> {
    Request::new(name, vec!["v1", "connectors", name, "sync"], request)
}

async fn start_all(ctl: &Ctl, names: &[String], request: &SyncRequest) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let mut documents = Vec::new();
    for name in names {
        match start(ctl, &asked(name, request)).await {
            Ok(event) => {
                if !ctl.output.json {
                    ctl.output.print(&started(name, &event))?;
                }
                documents.push(document(name, &event));
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

async fn watch_all(ctl: &Ctl, names: &[String], request: &SyncRequest) -> Result<Exit, Failure> {
    let board = Board::new(&ctl.output);
    let interrupted = interruption();
    let requests: Vec<_> = names.iter().map(|name| asked(name, request)).collect();
    let ends = join_all(requests.iter().map(|request| watch(ctl, &board, request, &interrupted))).await;
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    let mut exit = Exit::Done;
    let (mut reports, mut refused) = (Vec::new(), Vec::new());
    for (name, end) in names.iter().zip(ends) {
        match end {
            Ok(report) => {
                exit = exit.worst(report.outcome.into());
                if !ctl.output.json {
                    let known = known_of(ctl, &report).await;
                    let text = render(&report, Extent::Summary, &known, style, now);
                    ctl.output.print(&format!("{text}\n"))?;
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

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
