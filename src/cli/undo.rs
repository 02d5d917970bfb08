//! `ctl undo`: shows what taking a run back would do, asks, and does it.

use std::io::{self, BufRead, BufReader, IsTerminal};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::ctl::Ctl;
use super::decided::push_stale;
use super::exit::{Exit, Failure};
use super::follow::{Ended, follow, other_answer, refusal};
use super::listing::{Shown, push_sections};
use super::operation;
use super::progress::Board;
use super::text::{self, Style, listed, moment, plural};
use super::watch::{Request, ask, interruption};
use crate::control::api::{RunList, UndoDocument, UndoRequest};
use crate::sync::report::{Outcome, RunSummary};
use crate::telemetry::escape::escape;

/// How an undo was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Do it without a question.
    pub(super) yes: bool,
    /// Show every operation with all its details.
    pub(super) detailed: bool,
}

/// Where answers come from.
pub(super) type Person = Box<dyn BufRead + Send>;

/// Somebody who can be asked: standard input, if a person sits there and sees the question.
pub(super) fn person() -> Option<Person> {
    let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
    is_there.then(|| Box::new(BufReader::new(io::stdin())) as Person)
}

/// Shows what undoing a run would do, and does it if whoever asked says so, there and then or to `person`.
pub(super) async fn run(ctl: &Ctl, run: u64, asked: Asked, person: Option<Person>) -> Result<Exit, Failure> {
    let document = proposal(ctl, run).await?;
    let nothing = document.operations.is_empty();
    if !ctl.output.json {
        let runs = runs_of(ctl, &document.connector).await;
        let again = format!("usersyncd ctl undo {run} --detailed");
        let shown = Shown { detailed: asked.detailed, again: &again, style: ctl.output.style };
        ctl.output.print(&render(&document, &runs, shown, ctl.output.clock.now()))?;
    } else if nothing || !asked.yes {
        ctl.output.print_json(&document)?;
    }
    if nothing {
        return Ok(Exit::Done);
    }
    if !asked.yes && !agreed(ctl, &document, person, &interruption()).await? {
        return Ok(Exit::ChangesPending);
    }
    if !ctl.output.json {
        // Between what was shown and the report of what was done.
        ctl.output.print("\n")?;
    }
    let number = run.to_string();
    let body = UndoRequest { confirm: true, fingerprint: Some(document.fingerprint), wait: true };
    let path = vec!["v1", "runs", &number, "undo"];
    ask(ctl, &Request::new(&document.connector, path, &body), true).await
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
        Ended::Report(_) | Ended::Plan(..) | Ended::Detached(_) => Err(other_answer("an undo")),
    }
}

/// The last runs of the connector, newest first, as far as they can be had.
async fn runs_of(ctl: &Ctl, connector: &str) -> Vec<RunSummary> {
    let query = [("connector", connector), ("limit", "1000")];
    let list = ctl.client.get::<RunList>(&["v1", "runs"], &query).await;
    list.map(|list| list.runs).unwrap_or_default()
}

/// Whether the person says yes. Where nobody can be asked, it is said how to do it.
async fn agreed(
    ctl: &Ctl,
    document: &UndoDocument,
    person: Option<Person>,
    interrupted: &CancellationToken,
) -> Result<bool, Failure> {
    let run = document.run;
    let again = format!("nothing was changed; `usersyncd ctl undo {run} --yes` does it");
    let Some(person) = person.filter(|_| !ctl.output.json) else {
        ctl.output.say(&again);
        return Ok(false);
    };
    let (connector, deeds) = (escape(&document.connector), listed(&deeds(document)));
    ctl.output.ask(&format!("Undo run {run} of {connector}? It {deeds}. [y/N] "));
    let answer = tokio::select! {
        answer = answer(person) => answer?,
        () = interrupted.cancelled() => {
            ctl.output.say("\nnothing was changed");
            return Ok(false);
        }
    };
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

/// What the person answers. It is read on a thread of its own, which nobody waits for once the person has interrupted.
async fn answer(mut person: Person) -> Result<String, Failure> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        // Whoever does not wait any more does not want to know.
        drop(tell.send(person.read_line(&mut answer).map(|_| answer)));
    });
    let answer = told.await.unwrap_or_else(|_| Ok(String::new()));
    answer.map_err(|error| {
        let message = format!(
            "the answer could not be read: {error}; nothing was changed. Answer on a terminal, or give --yes"
        );
        Failure::new(Exit::Failed, message)
    })
}

fn render(document: &UndoDocument, runs: &[RunSummary], shown: Shown<'_>, now: DateTime<Utc>) -> String {
    let (style, run, connector) = (shown.style, document.run, escape(&document.connector));
    let mut out = format!(
        "{} undo of run {run}, made {}; nothing was written yet\n",
        style.bold(&connector),
        moment(document.made, now)
    );
    let earlier = undone_by(runs, run).filter(|_| document.operations.is_empty());
    push_losses(&mut out, &document.losses, shown);
    if !document.operations.is_empty() {
        push_what_it_means(&mut out, document, runs, style);
        out.push_str(&format!("\n{}", text::counts(&document.counts)));
    }
    push_sections(&mut out, &document.operations, shown);
    if earlier.is_none() || shown.detailed {
        let title = format!("No longer as run {run} left it, so it stays as it is now:");
        push_stale(&mut out, &title, (&document.stale, None), (shown.most(), shown.again), style);
    }
    if document.operations.is_empty() {
        out.push_str(&match earlier {
            Some(by) => format!("\nRun {run} was already undone by run {by}. Nothing to undo.\n"),
            None if document.stale.is_empty() && document.losses.is_empty() => {
                format!("\nrun {run} changed nothing, so there is nothing to undo.\n")
            }
            None => format!(
                "\nNothing to undo: nothing that run {run} did is still as it left it. {connector} is not paused by this.\n"
            ),
        });
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

/// The run that undid this one, if one did.
fn undone_by(runs: &[RunSummary], run: u64) -> Option<u64> {
    let did = |later: &&RunSummary| {
        later.undoes == Some(run)
            && later.outcome.is_some_and(|outcome| !matches!(outcome, Outcome::Failed | Outcome::Cancelled))
    };
    runs.iter().find(did).map(|later| later.run)
}

/// That people lose something by it, and whether it was done before.
fn push_what_it_means(out: &mut String, document: &UndoDocument, runs: &[RunSummary], style: Style) {
    let undoes = runs.iter().find(|known| known.run == document.run).and_then(|known| known.undoes);
    let means = match undoes {
        Some(undone) => {
            format!("This {}: it does again what run {undone} did.", listed(&deeds(document)))
        }
        None if takes_people_away(document) => format!("This {}.", listed(&deeds(document))),
        None => return,
    };
    out.push_str(&format!("\n{}\n", style.yellow(&means)));
}

fn takes_people_away(document: &UndoDocument) -> bool {
    let kinds = document.operations.iter().map(|operation| operation::kind(&operation.operation));
    kinds.into_iter().any(|kind| matches!(kind, "disable_user" | "delete_user" | "anonymize_user"))
}

/// What undoing does, one clause each: `deletes 28 users`, `removes 196 memberships`.
fn deeds(document: &UndoDocument) -> Vec<String> {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for operation in &document.operations {
        let kind = operation::kind(&operation.operation);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let mut parts: Vec<String> = Vec::new();
    for (kind, count) in kinds {
        match kind.split_once('_') {
            // Their members are counted below.
            Some(("change", "members")) => {}
            Some(("recreate", what)) => parts.push(format!("creates {} anew", plural(count, &escape(what)))),
            Some(("empty", what)) => parts.push(format!("empties {}", plural(count, &escape(what)))),
            Some((verb, what)) => parts.push(format!("{}s {}", escape(verb), plural(count, &escape(what)))),
            None => parts.push(format!("does {}", plural(count, "further operation"))),
        }
    }
    let memberships = document.counts.memberships;
    for (verb, count) in [("removes", memberships.deleted), ("adds", memberships.created)] {
        if count > 0 {
            parts.push(format!("{verb} {}", plural(count, "membership")));
        }
    }
    if parts.is_empty() {
        parts.push(format!("does {}", plural(document.operations.len() as u64, "operation")));
    }
    parts
}

/// As many losses of one form are listed one by one.
const FEW_LOSSES: usize = 5;

/// What cannot be as it was. Many losses of one form are one line, unless all is asked for.
fn push_losses(out: &mut String, losses: &[String], shown: Shown<'_>) {
    if losses.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", shown.style.bold("This cannot be as it was:")));
    let mut forms: Vec<(String, Vec<&str>)> = Vec::new();
    for loss in losses {
        let form = form(loss);
        match forms.iter_mut().find(|(known, _)| *known == form) {
            Some((_, alike)) => alike.push(loss),
            None => forms.push((form, vec![loss])),
        }
    }
    for (form, alike) in forms {
        if alike.len() > FEW_LOSSES && !shown.detailed {
            let line = format!("  ! {} times: {}; each with `{}`\n", alike.len(), escape(&form), shown.again);
            out.push_str(&shown.style.yellow(&line));
            continue;
        }
        for loss in alike {
            out.push_str(&shown.style.yellow(&format!("  ! {}\n", escape(loss))));
        }
    }
}

/// A loss without the name it is about and without ids: `user … was deleted and gets a new id`.
fn form(loss: &str) -> String {
    let named = [" was ", " does not "].iter().filter_map(|verb| loss.find(verb)).min();
    let (Some(what), Some(verb)) = (loss.find(' '), named) else { return loss.to_owned() };
    let (what, rest) = (loss.get(..what).unwrap_or_default(), loss.get(verb..).unwrap_or_default());
    match (rest.find(" ("), rest.rfind(')')) {
        (Some(opens), Some(closes)) if opens < closes => {
            let (before, after) = (rest.get(..opens), rest.get(closes + 1..));
            format!("{what} …{}{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        _ => format!("{what} …{rest}"),
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
