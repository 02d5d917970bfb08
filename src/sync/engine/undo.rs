//! Undoing a run (RULES 26).

use super::interest::{interest, read_target, want_what_was};
use super::propose::check_binding;
use super::read::rules_in_force;
use super::{Failure, RunTicket, Services, failed_report, happened};
use crate::config::model::Connector;
use crate::sync::apply::apply;
use crate::sync::decision::UndoDocument;
use crate::sync::digest::{Digest, Permission};
use crate::sync::engine::plan::shown;
use crate::sync::guard::{Conditions, Recent, guard};
use crate::sync::link::{Found, find_unanswered};
use crate::sync::model::{Binding, Ledger};
use crate::sync::progress::{Phase, RunControl};
use crate::sync::report::{Counts, FORMAT_VERSION, Outcome, Report};
use crate::sync::tally::{add_applied, count_planned, managed, outcome};
use crate::sync::undo::{Present, Undo, invert};

/// Asks for a run to be undone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Undoing {
    /// Which run.
    pub run: u64,
    /// Under this fingerprint it was shown; none: whatever undoing means now.
    pub fingerprint: Option<String>,
    /// For the caller with this user id.
    pub uid: u32,
}

/// What undoing would be, with what it is made from.
struct Made {
    ledger: Ledger,
    /// What became of operations whose answers were never recorded.
    found: Found,
    undo: Undo,
    fingerprint: String,
}

/// Says what undoing a run would do, and writes nothing. The error is a whole sentence.
pub async fn plan_undo(
    connector: &Connector,
    services: &Services,
    run: u64,
    control: &RunControl,
) -> Result<UndoDocument, String> {
    let made = make(connector, services, run, control).await;
    control.progress.enter(Phase::Done);
    let Made { undo, fingerprint, .. } = made.map_err(|failure| failure.message)?;
    let paused = services.store.memory(&connector.name).await.map_err(|error| error.to_string())?.paused;
    let mut counts = Counts::default();
    count_planned(&mut counts, &undo.plan);
    Ok(UndoDocument {
        format_version: FORMAT_VERSION,
        run,
        connector: connector.name.clone(),
        made: services.clock.now(),
        fingerprint,
        counts,
        operations: undo.plan.operations.iter().map(|one| shown(one, &undo.plan, None)).collect(),
        stale: undo.stale,
        losses: undo.losses,
        pauses: !paused,
    })
}

/// Undoes a run. Never fails: whatever goes wrong is in the report. The flag says that the connector is paused by it, which
/// is in the store already.
pub async fn undo(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    undoing: &Undoing,
    control: &RunControl,
) -> (Report, bool) {
    let mut report = failed_report(&connector.name, ticket, ticket.started, String::new());
    report.undoes = Some(undoing.run);
    report.apply = connector.apply;
    let mut paused = false;
    if let Err(failure) =
        carry_out(connector, services, ticket, undoing, control, (&mut report, &mut paused)).await
    {
        report.outcome = if failure.cancelled { Outcome::Cancelled } else { Outcome::Failed };
        report.error = Some(failure.message);
        report.managed = services.store.managed(&connector.name).await.unwrap_or_default();
    }
    report.ended = services.clock.now();
    control.progress.enter(Phase::Done);
    (report, paused)
}

async fn carry_out(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    undoing: &Undoing,
    control: &RunControl,
    (report, paused): (&mut Report, &mut bool),
) -> Result<(), Failure> {
    control.progress.enter(Phase::Waiting);
    let turn = tokio::select! {
        biased;
        () = control.cancel.cancelled() => return Err(Failure::cancelled_while_waiting()),
        turn = services.turn.take() => turn,
    };
    let Made { mut ledger, found, undo, fingerprint } =
        make(connector, services, undoing.run, control).await?;
    if undoing.fingerprint.as_ref().is_some_and(|shown| *shown != fingerprint) {
        return Err(Failure::new(format!(
            "the target or the ledger of {} changed since the undo of run {} was shown, so something else would be undone. \
             Nothing was changed; look again with `usersyncd ctl undo {}`",
            connector.name, undoing.run, undoing.run
        )));
    }
    report.stale = undo.stale;
    // The confirmed undo is the approval for exactly its operations.
    let permission = Permission::of(&undo.plan.operations, &undo.plan.people);
    let conditions = Conditions {
        limits: &connector.rules.limits,
        recent: &Recent::default(),
        permission: &permission,
        shrunken: None,
        waiting: &[],
    };
    let (approved, holds) = guard(undo.plan, &conditions);
    debug_assert!(holds.is_empty(), "everything is permitted");
    let applying = if approved.plan().operations.is_empty() {
        crate::sync::apply::Applying::default()
    } else {
        // First, so that no schedule does again what is being undone, whatever happens meanwhile.
        let reason = format!("run {} was undone by run {}", undoing.run, ticket.run);
        services.store.set_paused(&connector.name, true, Some(&reason)).await?;
        *paused = true;
        let (changes, applied) = (found.changes.clone(), happened(found, services));
        services.store.change_ledger(&connector.name, ticket.run, changes, applied).await?;
        tracing::warn!(
            "uid {} undoes run {} of {}, which is paused now",
            undoing.uid,
            undoing.run,
            connector.name
        );
        let place = services.workplace(connector, ticket, control);
        apply(&approved, &mut ledger, &place).await
    };
    services.turn.wrote();
    drop(turn);
    let mut counts = Counts::default();
    add_applied(&mut counts, &applying.counts);
    report.counts = counts;
    report.adopted = applying.adopted;
    report.managed = managed(&ledger);
    report.outcome = outcome(report, &applying);
    report.error = applying.stopped;
    if *paused && report.outcome == Outcome::Success {
        let whole = report.stale.is_empty();
        services.store.forget_effects(&connector.name, undoing.run, whole).await?;
    }
    Ok(())
}

async fn make(
    connector: &Connector,
    services: &Services,
    run: u64,
    control: &RunControl,
) -> Result<Made, Failure> {
    let name = &connector.name;
    if !connector.apply {
        return Err(Failure::new(format!(
            "{name} has `apply: off`, so nothing is written to its target, not even by an undo. Nothing was changed"
        )));
    }
    let done = services.store.journaled(run).await?;
    let summary = services.store.run_summary(run).await?;
    let (Some(done), Some(summary)) = (done, summary.filter(|summary| summary.connector == *name)) else {
        return Err(Failure::new(format!(
            "{name} has no run {run}; `usersyncd ctl history {name}` lists its runs"
        )));
    };
    if services.store.undo_after(name).await?.is_some_and(|last| run <= last) {
        return Err(Failure::new(format!(
            "run {run} of {name} is from before `usersyncd ctl rebind`: its ids belong to another source or target, so it \
             cannot be undone. Nothing was changed"
        )));
    }
    if summary.ended.is_none() {
        return Err(Failure::new(format!("run {run} of {name} is still busy; nothing was changed")));
    }
    control.progress.enter(Phase::Reading);
    let rules = rules_in_force(connector, services, control).await?;
    let capabilities = services.reader.capabilities();
    let mut ledger = services.store.ledger(name).await?;
    let mut interest = interest(&ledger, None, &rules, &capabilities);
    done.iter().for_each(|one| want_what_was(one, &mut interest, &capabilities));
    let target = read_target(services, &interest, &ledger, control).await?;
    control.progress.enter(Phase::Planning);
    let claims = services.store.claims(name, &services.reader.address()).await?;
    let found = find_unanswered(&mut ledger, &target, &claims, capabilities);
    if let Some(before) = &ledger.binding {
        let now = Binding { source: before.source.clone(), target: services.reader.address() };
        check_binding(name, &ledger, &now)?;
    }
    let later = services.store.later(name, run).await?;
    let present = Present {
        target: &target,
        ledger: &ledger,
        capabilities,
        protected: &rules.protected,
        claims: &claims,
        later: &later,
    };
    let undo = invert(&done, &present);
    let digests: Vec<Digest> =
        undo.plan.operations.iter().flat_map(|operation| operation.digests(&undo.plan.people)).collect();
    let fingerprint = Digest::of_all(&digests, &["undo", &run.to_string()]).to_string();
    Ok(Made { ledger, found, undo, fingerprint })
}
