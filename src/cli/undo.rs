//! `ctl undo`: shows what taking a run back would do, asks, and does it.

use std::io::{self, BufRead, IsTerminal};

use chrono::{DateTime, Utc};

use super::ctl::Ctl;
use super::decided::push_stale;
use super::exit::{Exit, Failure};
use super::follow::{Ended, follow, refusal};
use super::listing::{Shown, push_sections};
use super::progress::Board;
use super::text::{self, moment, plural};
use super::watch::{Request, ask};
use crate::control::api::{UndoDocument, UndoRequest};
use crate::telemetry::escape::escape;

/// How an undo was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Do it without a question.
    pub(super) yes: bool,
    /// Show every operation with all its details.
    pub(super) detailed: bool,
}

/// Somebody who can be asked: standard input, if a person sits there and sees the question.
pub(super) fn person() -> Option<Box<dyn BufRead>> {
    let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
    is_there.then(|| Box::new(io::stdin().lock()) as Box<dyn BufRead>)
}

/// Shows what undoing a run would do, and does it if whoever asked says so, there and then or to `person`.
pub(super) async fn run(
    ctl: &Ctl,
    run: u64,
    asked: Asked,
    person: Option<Box<dyn BufRead>>,
) -> Result<Exit, Failure> {
    let document = proposal(ctl, run).await?;
    let nothing = document.operations.is_empty();
    if !ctl.output.json {
        let again = format!("usersyncd ctl undo {run} --detailed");
        let shown = Shown { detailed: asked.detailed, again: &again, style: ctl.output.style };
        ctl.output.print(&render(&document, shown, ctl.output.clock.now()))?;
    } else if nothing || !asked.yes {
        ctl.output.print_json(&document)?;
    }
    if nothing {
        return Ok(Exit::Done);
    }
    if !asked.yes && !agreed(ctl, &document, person)? {
        return Ok(Exit::ChangesPending);
    }
    if !ctl.output.json {
        // Between what was shown and the report of what was done.
        ctl.output.print("\n")?;
    }
    let number = run.to_string();
    let body = UndoRequest { confirm: true, fingerprint: Some(document.fingerprint), wait: true };
    let path = vec!["v1", "runs", &number, "undo"];
    ask(ctl, &Request { connector: &document.connector, path, body: &body }, true).await
}

/// Asks the daemon what undoing would do.
async fn proposal(ctl: &Ctl, run: u64) -> Result<Box<UndoDocument>, Failure> {
    let place = Board::new(&ctl.output).place(&format!("undo of run {run}"));
    let path = ["v1", "runs", &run.to_string(), "undo"];
    let events = ctl.client.stream(&path, Some(&UndoRequest::default())).await?;
    // Nothing was changed yet: Ctrl-C simply ends this command.
    match follow(events, place, std::future::pending()).await? {
        Ended::Undo(document) => Ok(document),
        Ended::Refused(kind, message) => Err(refusal(kind, message)),
        Ended::Report(_) | Ended::Plan(..) | Ended::Detached(_) => {
            Err(Failure::new(Exit::Failed, "the daemon answered with something else than an undo"))
        }
    }
}

/// Whether the person says yes. Where nobody can be asked, it is said how to do it.
fn agreed(ctl: &Ctl, document: &UndoDocument, person: Option<Box<dyn BufRead>>) -> Result<bool, Failure> {
    let run = document.run;
    let again = format!("nothing was changed; `usersyncd ctl undo {run} --yes` does it");
    let Some(mut person) = person.filter(|_| !ctl.output.json) else {
        ctl.output.say(&again);
        return Ok(false);
    };
    let (operations, connector) =
        (plural(document.operations.len() as u64, "operation"), escape(&document.connector));
    ctl.output.ask(&format!("Undo run {run} of {connector} by {operations}? [y/N] "));
    let mut answer = String::new();
    person.read_line(&mut answer).map_err(|error| {
        Failure::new(Exit::Failed, format!("the answer could not be read: {error}; nothing was changed"))
    })?;
    if answer.is_empty() {
        // The end of the input, not of a line: what follows begins on a new one.
        ctl.output.say("");
    }
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        ctl.output.say(&again);
    }
    Ok(yes)
}

fn render(document: &UndoDocument, shown: Shown<'_>, now: DateTime<Utc>) -> String {
    let (style, run, connector) = (shown.style, document.run, escape(&document.connector));
    let mut out = format!(
        "{} undo of run {run}, made {}; nothing was written yet\n",
        style.bold(&connector),
        moment(document.made, now)
    );
    if !document.losses.is_empty() {
        out.push_str(&format!("\n{}\n", style.bold("This cannot be as it was:")));
        for loss in &document.losses {
            out.push_str(&style.yellow(&format!("  ! {}\n", escape(loss))));
        }
    }
    if !document.operations.is_empty() {
        out.push_str(&format!("\n{}", text::counts(&document.counts)));
    }
    push_sections(&mut out, &document.operations, shown);
    let title = format!("No longer as run {run} left it, so it stays as it is now:");
    push_stale(&mut out, &title, &document.stale, (shown.most(), shown.again), style);
    if document.operations.is_empty() {
        out.push_str(&format!(
            "\nNothing to undo: nothing that run {run} did is still as it left it. {connector} is not paused by this.\n"
        ));
        return out;
    }
    out.push_str(&if document.pauses {
        format!("\n{connector} will be paused, so that no schedule does the same again.\n")
    } else {
        format!("\n{connector} is paused already, and stays so.\n")
    });
    out.push_str(&format!(
        "After the undo: correct the cause, look at `usersyncd ctl plan {connector}` until it is right, then \
         `usersyncd ctl resume {connector}`.\n"
    ));
    out
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
