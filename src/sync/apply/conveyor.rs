//! Keeps a target busy: as many batches under way as it takes, and the next ones journaled meanwhile.
//!
//! Batches are tasks of their own, so that requests go on while the next intents and the last answers are written down.
//!
//! What an operation needs exists before it: operations of one rank are all answered before the next rank begins. Within a
//! rank the order of answers does not matter.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::work::Work;
use super::{CHUNK, Resolved, Workplace, chunks};
use crate::store::{JournalBatch, StoreError};
use crate::sync::plan::{Change, Operation, Plan};
use crate::sync::progress::RunControl;
use crate::target::{WriteError, Writer, Written};

/// Operations that go to the target together; `first` is the position of the first one.
#[derive(Clone, Copy)]
struct Batch<'p> {
    first: usize,
    operations: &'p [Operation],
}

type Answers = Vec<Result<Written, WriteError>>;
type Flight<'p> = Pin<Box<dyn Future<Output = (Batch<'p>, Answers)> + Send + 'p>>;
type Commit<'p> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'p>>;

/// The way of the operations to the target.
pub(super) struct Conveyor<'p> {
    place: &'p Workplace<'p>,
    total: usize,
    /// Not journaled yet.
    chunks: VecDeque<Batch<'p>>,
    /// Being journaled, with its operations.
    commit: Option<(Commit<'p>, Batch<'p>)>,
    /// Journaled and not sent.
    ready: VecDeque<Batch<'p>>,
    flights: FuturesUnordered<Flight<'p>>,
    /// The rank that is under way.
    rank: u8,
    /// What is not on the disk yet.
    pending: JournalBatch,
    sent: usize,
    /// Nothing more is begun.
    closed: bool,
}

impl<'p> Conveyor<'p> {
    pub(super) fn new(plan: &'p Plan, place: &'p Workplace<'p>, work: &Work<'_>) -> Self {
        let size = CHUNK.max(place.writer.batch_size());
        let mut first = 0;
        let weigh = |position, operation: &Operation| work.memberships(position, operation);
        let chunks = chunks(&plan.operations, size, weigh).map(|operations| {
            let batch = Batch { first, operations };
            first += operations.len();
            batch
        });
        Self {
            place,
            total: plan.operations.len(),
            chunks: chunks.collect(),
            commit: None,
            ready: VecDeque::new(),
            flights: FuturesUnordered::new(),
            rank: 0,
            pending: JournalBatch::default(),
            sent: 0,
            closed: false,
        }
    }

    /// Sends everything, or as much as can be sent, and books the answers.
    pub(super) async fn run(mut self, work: &mut Work<'_>) {
        loop {
            self.look_for_cancellation(work);
            self.begin_commit(work);
            self.send(work);
            let committing = self.commit.is_some();
            tokio::select! {
                biased;
                Some((batch, answers)) = self.flights.next(), if !self.flights.is_empty() => {
                    self.settle(batch, answers, work);
                }
                result = committed(&mut self.commit), if committing => self.end_commit(result, work),
                else => break,
            }
        }
        if self.closed {
            self.pending.withdrawn.extend(work.left_behind());
        }
        let place = self.place;
        let rest = place.store.journal(place.connector, place.run, self.pending).await;
        if let Err(error) = rest {
            work.stop(format!("{error}; the last operations were applied, and the next run will find them"));
        }
    }

    fn look_for_cancellation(&mut self, work: &mut Work<'_>) {
        let left = self.left(work);
        if !self.closed && left > 0 && self.place.control.cancel.is_cancelled() {
            work.applying.cancelled = true;
            self.close();
            work.stop(format!("the run was cancelled; {}", not_applied(left)));
        }
    }

    /// How many operations were not sent.
    fn left(&self, work: &Work<'_>) -> usize {
        (self.total - self.sent).saturating_sub(work.over_with_others())
    }

    fn close(&mut self) {
        self.closed = true;
        self.chunks.clear();
        for batch in std::mem::take(&mut self.ready) {
            self.withdraw(batch);
        }
    }

    /// What was journaled and not sent must not look like something that may have happened.
    fn withdraw(&mut self, batch: Batch<'p>) {
        let positions = batch.first as u64..(batch.first + batch.operations.len()) as u64;
        self.pending.withdrawn.extend(positions);
    }

    /// Begins to journal the next chunk once little is ready. One of another rank waits: its operations may be about what the
    /// present rank creates.
    fn begin_commit(&mut self, work: &mut Work<'_>) {
        let busy = !self.flights.is_empty() || !self.ready.is_empty();
        let enough = self.ready.len() > 2 * self.place.writer.at_once();
        let Some(next) = self.chunks.front().filter(|_| self.commit.is_none() && !self.closed) else {
            return;
        };
        let rank = rank(*next);
        if busy && (enough || rank != self.rank) {
            return;
        }
        let Some(chunk) = self.chunks.pop_front() else { return };
        self.rank = rank;
        let mut step = std::mem::take(&mut self.pending);
        step.intents = work.intents(chunk.operations, chunk.first);
        let place = self.place;
        let commit = Box::pin(place.store.journal(place.connector, place.run, step));
        self.commit = Some((commit, chunk));
    }

    fn end_commit(&mut self, result: (Result<(), StoreError>, Batch<'p>), work: &mut Work<'_>) {
        let (result, chunk) = result;
        if let Err(error) = result {
            let left = self.left(work);
            self.close();
            work.stop(format!(
                "{error}; what cannot be journaled is not applied: {left} operations were left out"
            ));
            return;
        }
        if self.closed {
            self.withdraw(chunk);
            return;
        }
        let size = self.place.writer.batch_size().max(1);
        // What went with something else needs nothing more, and parts what stands around it.
        let positions = chunk.first..;
        let open = positions.zip(chunk.operations).collect::<Vec<_>>();
        for run in open.split(|(position, _)| work.is_over(*position)) {
            let Some((first, _)) = run.first() else { continue };
            let from = first - chunk.first;
            let Some(operations) = chunk.operations.get(from..from + run.len()) else { continue };
            for (at, operations) in (*first..).step_by(size).zip(operations.chunks(size)) {
                self.ready.push_back(Batch { first: at, operations });
            }
        }
    }

    /// Sends what is ready, as far as the target takes more.
    fn send(&mut self, work: &mut Work<'_>) {
        while self.flights.len() < self.place.writer.at_once().max(1) {
            let Some(batch) = self.ready.pop_front() else { return };
            self.sent += batch.operations.len();
            let operations = (batch.first..).zip(batch.operations);
            let resolved =
                operations.map(|(position, operation)| work.resolve(position, operation)).collect();
            let (writer, control) = (Arc::clone(&self.place.writer), self.place.control.clone());
            let flight = async move { write(writer.as_ref(), &control, resolved).await };
            let flight = tokio::spawn(flight.in_current_span());
            let flight = AbortOnDropHandle::new(flight);
            self.flights.push(Box::pin(async move { (batch, landed(flight.await)) }));
        }
    }

    fn settle(&mut self, batch: Batch<'p>, answers: Answers, work: &mut Work<'_>) {
        let fatal =
            answers.iter().find_map(|answer| answer.as_ref().err().filter(|error| error.fatal)).cloned();
        let before = work.over_with_others();
        let mut answered = 0;
        for ((at, operation), answer) in (batch.first..).zip(batch.operations).zip(answers) {
            // Of others, which may take several requests, a part may be done.
            let creates = matches!(operation.change, Change::CreateUser { .. } | Change::CreateGroup { .. });
            if creates && answer.as_ref().is_err_and(|error| error.unsent && !error.uncertain) {
                self.pending.withdrawn.push(at as u64);
                self.sent -= 1;
                continue;
            }
            work.settle(operation, at, answer, self.place, &mut self.pending);
            answered += 1;
        }
        answered += work.over_with_others() - before;
        self.place.control.progress.operations_applied(answered as u64);
        if let Some(error) = fatal
            && !self.closed
        {
            let undone = self.total - usize::try_from(work.applying.applied).unwrap_or(self.total);
            self.close();
            work.stop(format!("{error}; {}", not_applied(undone)));
        }
    }
}

fn not_applied(operations: usize) -> String {
    match operations {
        1 => "1 operation was not applied".to_owned(),
        _ => format!("{operations} operations were not applied"),
    }
}

fn rank(batch: Batch<'_>) -> u8 {
    batch.operations.first().map_or(0, |operation| operation.change.rank())
}

/// Waits for the commit that is under way.
async fn committed<'p>(commit: &mut Option<(Commit<'p>, Batch<'p>)>) -> (Result<(), StoreError>, Batch<'p>) {
    match commit {
        Some((future, chunk)) => {
            let done = (future.await, *chunk);
            *commit = None;
            done
        }
        None => std::future::pending().await,
    }
}

/// A panic in a flight is the run's own: whoever watches over runs hears of it.
fn landed(flight: Result<Answers, JoinError>) -> Answers {
    flight.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime goes down. No answer says what became of any of it; the next run looks.
        Err(_) => Vec::new(),
    })
}

/// Sends what could be resolved, and answers for the rest.
async fn write(writer: &dyn Writer, control: &RunControl, resolved: Vec<Resolved>) -> Answers {
    let mut writes = Vec::with_capacity(resolved.len());
    let settled: Vec<Option<Result<Written, WriteError>>> = resolved
        .into_iter()
        .map(|resolved| match resolved {
            Ok(Some(write)) => {
                writes.push(write);
                None
            }
            Ok(None) => Some(Ok(Written::Done)),
            Err(message) => Some(Err(WriteError::refused(message))),
        })
        .collect();
    let answers = if writes.is_empty() { Vec::new() } else { writer.write(&writes, control).await };
    let mut answers = answers.into_iter();
    let silent = || Err(WriteError::refused("the target gave no answer for this operation".to_owned()));
    settled
        .into_iter()
        .map(|settled| settled.unwrap_or_else(|| answers.next().unwrap_or_else(silent)))
        .collect()
}
