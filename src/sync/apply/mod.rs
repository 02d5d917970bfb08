//! The doing of an approved plan, batch by batch: intents onto the disk, requests, answers onto the disk (RULES 23).
//!
//! An operation that fails does not stop the others. What stops all: cancellation, a journal that cannot be written, a
//! target that says that nothing else can succeed. What was sent is answered in the journal, or found by the next run.

mod work;

use std::collections::BTreeSet;

use super::guard::ApprovedPlan;
use super::model::{Ledger, TargetId};
use super::plan::{Change, Operation, Plan};
use super::progress::{Phase, RunControl};
use super::report::Counts;
use crate::clock::Clock;
use crate::store::{Answer, Intent, JournalBatch, Store, StoreError};
use crate::target::{Write, WriteError, Writer, Written};
use work::Work;

/// How many memberships one batch may change: a batch is what a crash may leave unanswered.
const MEMBERSHIPS_PER_BATCH: usize = 20_000;

/// Where and for whom a plan is applied.
pub struct Workplace<'a> {
    /// Where the journal is.
    pub store: &'a Store,
    /// The target.
    pub writer: &'a dyn Writer,
    /// The clock.
    pub clock: &'a Clock,
    /// The connector's name.
    pub connector: &'a str,
    /// The run's number.
    pub run: u64,
    /// Progress and cancellation.
    pub control: &'a RunControl,
}

/// What applying came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applying {
    /// What was done and what failed, by kind of object.
    pub counts: Counts,
    /// Operations that were done, at least in part.
    pub applied: u64,
    /// Users and groups that were taken over.
    pub adopted: u64,
    /// The holds whose approval was made use of.
    pub approvals: BTreeSet<u64>,
    /// Why it stopped before the end, as a sentence; none if every operation has an outcome.
    pub stopped: Option<String>,
    /// True if it stopped because the run was cancelled.
    pub cancelled: bool,
}

/// Applies a plan, and keeps `ledger` equal to what the store has.
pub async fn apply(approved: &ApprovedPlan, ledger: &mut Ledger, place: &Workplace<'_>) -> Applying {
    let plan = approved.plan();
    place.control.progress.enter(Phase::Applying);
    place.control.progress.operations_approved(plan.operations.len() as u64);
    let mut work = Work::new(approved, ledger);
    let mut pending = JournalBatch::default();
    let mut position = 0;
    for batch in batches(&plan.operations, place.writer.batch_size().max(1)) {
        let left = plan.operations.len() - position;
        if place.control.cancel.is_cancelled() {
            work.applying.cancelled = true;
            work.stop(format!("the run was cancelled; {left} operations were not applied"));
            break;
        }
        let resolved: Vec<Resolved> = batch.iter().map(|operation| work.resolve(operation)).collect();
        pending.intents = work.intents(batch, position);
        if let Err(error) =
            place.store.journal(place.connector, place.run, std::mem::take(&mut pending)).await
        {
            work.stop(format!(
                "{error}; what cannot be journaled is not applied: {left} operations were left out"
            ));
            return work.applying;
        }
        let answers = send(place.writer, resolved).await;
        let fatal =
            answers.iter().find_map(|answer| answer.as_ref().err().filter(|error| error.fatal)).cloned();
        for ((at, operation), answer) in (position..).zip(batch).zip(answers) {
            work.settle(operation, at, answer, place, &mut pending);
        }
        position += batch.len();
        place.control.progress.operations_applied(batch.len() as u64);
        if let Some(error) = fatal {
            let undone = plan.operations.len() as u64 - work.applying.applied;
            work.stop(format!("{error}; {undone} operations were not applied"));
            break;
        }
    }
    if let Err(error) = place.store.journal(place.connector, place.run, pending).await {
        work.stop(format!("{error}; the last operations were applied, and the next run will find them"));
    }
    work.applying
}

/// Puts a plan into the journal that is not to be applied (`apply: off`, RULES 27).
pub(super) async fn record_planned(approved: &ApprovedPlan, place: &Workplace<'_>) -> Result<(), StoreError> {
    let plan = approved.plan();
    let mut position = 0;
    for batch in batches(&plan.operations, place.writer.batch_size().max(1)) {
        let intents: Vec<Intent> = (position..)
            .zip(batch)
            .map(|(at, operation)| intent(operation, at, operation.target.clone(), plan))
            .collect();
        let answers =
            intents.iter().map(|intent| Answer { position: intent.position, ..Answer::of("planned") });
        let answers = answers.collect();
        let step = JournalBatch { intents, answers, ..JournalBatch::default() };
        place.store.journal(place.connector, place.run, step).await?;
        position += batch.len() as u64;
    }
    Ok(())
}

fn intent(operation: &Operation, position: u64, target: Option<TargetId>, plan: &Plan) -> Intent {
    Intent {
        position,
        kind: operation.change.kind(),
        source: operation.source.clone(),
        target,
        name: operation.name.clone(),
        summary: operation.summary(),
        operation: operation.journal_text(&plan.people),
    }
}

/// Cuts the operations into batches of one rank each, so that whatever a batch needs exists before it.
fn batches(operations: &[Operation], size: usize) -> impl Iterator<Item = &[Operation]> {
    let mut rest = operations;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut memberships = 0;
        let fitting = rest.iter().take(size).take_while(|operation| {
            let fits = memberships < MEMBERSHIPS_PER_BATCH && operation.change.rank() == first.change.rank();
            if let Change::ChangeMembers { added, removed, leavers, .. } = &operation.change {
                memberships += added.len() + removed.len() + leavers.len();
            }
            fits
        });
        let (batch, remaining) = rest.split_at_checked(fitting.count())?;
        rest = remaining;
        Some(batch)
    })
}

/// What an operation means to the target: a write with all ids, nothing at all (what is adopted as it is), or why it
/// cannot be sent.
type Resolved = Result<Option<Write>, String>;

/// Sends what could be resolved, and answers for the rest.
async fn send(writer: &dyn Writer, resolved: Vec<Resolved>) -> Vec<Result<Written, WriteError>> {
    let mut writes = Vec::with_capacity(resolved.len());
    let settled: Vec<Option<Result<Written, WriteError>>> = resolved
        .into_iter()
        .map(|resolved| match resolved {
            Ok(Some(write)) => {
                writes.push(write);
                None
            }
            Ok(None) => Some(Ok(Written::Done)),
            Err(message) => Some(Err(WriteError { message, fatal: false })),
        })
        .collect();
    let answers = if writes.is_empty() { Vec::new() } else { writer.write(&writes).await };
    let mut answers = answers.into_iter();
    let silent = || {
        let message = "the target gave no answer for this operation".to_owned();
        Err(WriteError { message, fatal: false })
    };
    settled
        .into_iter()
        .map(|settled| settled.unwrap_or_else(|| answers.next().unwrap_or_else(silent)))
        .collect()
}
