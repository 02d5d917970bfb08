//! The doing of an approved plan: intents onto the disk, requests, answers onto the disk (RULES 23).
//!
//! `conveyor` keeps the target busy: while batches are under way, the intents of the next ones are written. `work` knows what
//! each operation means and what its answer changes.
//!
//! An operation that fails does not stop the others. What stops all: cancellation, a journal that cannot be written, a
//! target that says that nothing else can succeed. What was sent is answered in the journal, or found by the next run.

mod conveyor;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::guard::ApprovedPlan;
use super::model::{Ledger, TargetId};
use super::plan::{Change, Operation, Plan};
use super::progress::{Phase, RunControl};
use super::report::Counts;
use crate::clock::Clock;
use crate::store::{Answer, Intent, JournalBatch, Store, StoreError};
use crate::target::{Capabilities, Write, Writer};
use conveyor::Conveyor;
use work::Work;

/// How many operations are committed at once: what a crash may leave unanswered.
const CHUNK: usize = 128;
/// The same in memberships.
const MEMBERSHIPS_PER_CHUNK: usize = 100_000;

/// Where and for whom a plan is applied.
pub struct Workplace<'a> {
    /// Where the journal is.
    pub store: &'a Store,
    /// The target.
    pub writer: Arc<dyn Writer>,
    /// The clock.
    pub clock: &'a Clock,
    /// The connector's name.
    pub connector: &'a str,
    /// The run's number.
    pub run: u64,
    /// What the target can do.
    pub capabilities: Capabilities,
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
    place.control.progress.enter(Phase::Applying);
    place.control.progress.operations_approved(approved.plan().operations.len() as u64);
    let mut work = Work::new(approved, ledger, place.capabilities);
    Conveyor::new(approved.plan(), place, &work).run(&mut work).await;
    work.applying
}

/// Puts a plan into the journal that is not to be applied (`apply: off`, RULES 27).
pub(super) async fn record_planned(approved: &ApprovedPlan, place: &Workplace<'_>) -> Result<(), StoreError> {
    let plan = approved.plan();
    let mut position = 0;
    for chunk in chunks(&plan.operations, CHUNK, |_, operation| memberships(operation)) {
        let intents: Vec<Intent> = (position..)
            .zip(chunk)
            .map(|(at, operation)| intent(operation, at, operation.target.clone(), plan))
            .collect();
        let answers =
            intents.iter().map(|intent| Answer { position: intent.position, ..Answer::of("planned") });
        let answers = answers.collect();
        let step = JournalBatch { intents, answers, ..JournalBatch::default() };
        place.store.journal(place.connector, place.run, step).await?;
        position += chunk.len() as u64;
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

/// Cuts the operations into chunks of one rank each: what is committed at once. `weigh` says how many memberships the operation
/// at a position brings.
fn chunks(
    operations: &[Operation],
    size: usize,
    weigh: impl Fn(usize, &Operation) -> usize,
) -> impl Iterator<Item = &[Operation]> {
    let (mut rest, mut position) = (operations, 0);
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut memberships = 0;
        let fitting = (position..).zip(rest).take(size).take_while(|(at, operation)| {
            let fits = memberships < MEMBERSHIPS_PER_CHUNK && operation.change.rank() == first.change.rank();
            memberships += weigh(*at, operation);
            fits
        });
        let (chunk, remaining) = rest.split_at_checked(fitting.count())?;
        rest = remaining;
        position += chunk.len();
        Some(chunk)
    })
}

/// How many memberships an operation changes.
fn memberships(operation: &Operation) -> usize {
    match &operation.change {
        Change::ChangeMembers { added, removed, leavers, .. } => added.len() + removed.len() + leavers.len(),
        _ => 0,
    }
}

/// What an operation means to the target: a write with all ids, nothing at all (what is adopted as it is), or why it
/// cannot be sent.
type Resolved = Result<Option<Write>, String>;
