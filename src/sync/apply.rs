//! The doing of an approved plan, batch by batch: intents onto the disk, requests, answers onto the disk (RULES 23).
//!
//! An operation that fails does not stop the others. What stops all: cancellation, a journal that cannot be written, a
//! target that says that nothing else can succeed. What was sent is answered in the journal, or found by the next run.

use std::collections::{BTreeMap, HashMap};

use super::guard::ApprovedPlan;
use super::model::{Ledger, LedgerGroup, LedgerUser, Origin, SourceId, TargetId};
use super::plan::{Change, LedgerChange, Operation, Plan};
use super::progress::{Phase, RunControl};
use super::report::{Counts, HoldKind};
use super::tally::count;
use crate::clock::Clock;
use crate::store::{Answer, Applied, Intent, JournalBatch, Store, StoreError};
use crate::target::{Write, WriteError, Writer, Written};

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
    let mut work = Work::new(plan, ledger);
    let mut pending = JournalBatch::default();
    let mut position = 0;
    for batch in batches(&plan.operations, place.writer.batch_size().max(1)) {
        let left = plan.operations.len() - position;
        if place.control.cancel.is_cancelled() {
            work.applying.cancelled = true;
            work.stop(format!("the run was cancelled; {left} operations were not applied"));
            break;
        }
        let resolved: Vec<Result<Write, String>> =
            batch.iter().map(|operation| work.resolve(operation)).collect();
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
        let answers = intents.iter().map(|intent| Answer {
            position: intent.position,
            result: "planned",
            error: None,
            created: None,
        });
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
            if let Change::ChangeMembers { added, removed, .. } = &operation.change {
                memberships += added.len() + removed.len();
            }
            fits
        });
        let (batch, remaining) = rest.split_at_checked(fitting.count())?;
        rest = remaining;
        Some(batch)
    })
}

/// Sends what could be resolved, and answers for the rest.
async fn send(writer: &dyn Writer, resolved: Vec<Result<Write, String>>) -> Vec<Result<Written, WriteError>> {
    let mut writes = Vec::with_capacity(resolved.len());
    let unresolved: Vec<Option<String>> = resolved
        .into_iter()
        .map(|write| match write {
            Ok(write) => {
                writes.push(write);
                None
            }
            Err(reason) => Some(reason),
        })
        .collect();
    let mut answers = writer.write(&writes).await.into_iter();
    let silent = || {
        let message = "the target gave no answer for this operation".to_owned();
        Err(WriteError { message, fatal: false })
    };
    unresolved
        .into_iter()
        .map(|reason| match reason {
            Some(message) => Err(WriteError { message, fatal: false }),
            None => answers.next().unwrap_or_else(silent),
        })
        .collect()
}

/// What is known while a plan is being applied.
struct Work<'a> {
    plan: &'a Plan,
    ledger: &'a mut Ledger,
    applying: Applying,
    /// The target ids of the plan's people, as far as they exist by now.
    people: Vec<Option<TargetId>>,
    /// Ids of groups that this run created, by their first source id.
    created_groups: HashMap<SourceId, TargetId>,
    /// The source groups that each target group stands for.
    sources_of_group: BTreeMap<TargetId, Vec<SourceId>>,
}

impl<'a> Work<'a> {
    fn new(plan: &'a Plan, ledger: &'a mut Ledger) -> Self {
        let mut sources_of_group: BTreeMap<TargetId, Vec<SourceId>> = BTreeMap::new();
        for (source, group) in &ledger.groups {
            sources_of_group.entry(group.target.clone()).or_default().push(source.clone());
        }
        Self {
            plan,
            ledger,
            applying: Applying::default(),
            people: plan.people.iter().map(|person| person.target.clone()).collect(),
            created_groups: HashMap::new(),
            sources_of_group,
        }
    }

    fn stop(&mut self, why: String) {
        self.applying.stopped.get_or_insert(why);
    }

    /// The write that an operation means, with ids; or why it cannot be sent.
    fn resolve(&self, operation: &Operation) -> Result<Write, String> {
        let target =
            || operation.target.clone().ok_or_else(|| format!("{}: it has no id", operation.summary()));
        Ok(match &operation.change {
            Change::CreateUser { after } => {
                Write::CreateUser { source: operation.source.clone(), attributes: after.clone() }
            }
            Change::UpdateUser { after, .. } => {
                Write::UpdateUser { target: target()?, attributes: after.clone() }
            }
            Change::EnableUser => Write::SetActive { target: target()?, active: true },
            Change::DisableUser => Write::SetActive { target: target()?, active: false },
            Change::CreateGroup { after, .. } => {
                Write::CreateGroup { source: operation.source.clone(), attributes: after.clone() }
            }
            Change::UpdateGroup { after, .. } => {
                Write::UpdateGroup { target: target()?, attributes: after.clone() }
            }
            Change::ChangeMembers { added, removed, .. } => {
                let group = self.group_of(operation).ok_or_else(|| {
                    format!("members of group {} were not changed: the group was not created", operation.name)
                })?;
                Write::ChangeMembers { group, added: self.ids(added), removed: self.ids(removed) }
            }
        })
    }

    fn group_of(&self, operation: &Operation) -> Option<TargetId> {
        operation.target.clone().or_else(|| self.created_groups.get(&operation.source).cloned())
    }

    fn ids(&self, people: &[u32]) -> Vec<TargetId> {
        people.iter().filter_map(|person| self.people.get(*person as usize).cloned().flatten()).collect()
    }

    fn intents(&self, batch: &[Operation], first: usize) -> Vec<Intent> {
        (first as u64..)
            .zip(batch)
            .map(|(position, operation)| intent(operation, position, self.group_of(operation), self.plan))
            .collect()
    }

    /// Books the answer to one operation: counts, ledger, journal.
    fn settle(
        &mut self,
        operation: &Operation,
        position: usize,
        answer: Result<Written, WriteError>,
        place: &Workplace<'_>,
        pending: &mut JournalBatch,
    ) {
        let mut line = Answer { position: position as u64, result: "applied", error: None, created: None };
        match answer {
            Ok(written) => {
                if let Written::Created(id) = &written {
                    line.created = Some(id.clone());
                }
                let left_out = self.count_done(operation, &written);
                if left_out > 0 {
                    line.result = "partial";
                    line.error = Some(partial(&written, left_out));
                }
                self.applying.applied += 1;
                self.remember(operation, &written, &mut pending.ledger_changes);
                pending.applied.extend(self.limit_use(operation, &written, place));
            }
            Err(error) => {
                tracing::warn!(operation = operation.summary(), error = %error, "an operation failed");
                line.result = "failed";
                line.error = Some(error.message);
                self.count_failed(operation);
            }
        }
        pending.answers.push(line);
    }

    /// Counts what was done; returns how many members of a membership operation were not.
    fn count_done(&mut self, operation: &Operation, written: &Written) -> u64 {
        let (added, removed, left_out) = self.members_done(operation, written);
        count(&mut self.applying.counts, &operation.change, (added, removed));
        self.applying.counts.memberships.failed += left_out;
        left_out
    }

    fn count_failed(&mut self, operation: &Operation) {
        let counts = &mut self.applying.counts;
        match &operation.change {
            Change::ChangeMembers { added, removed, .. } => {
                counts.memberships.failed += (added.len() + removed.len()) as u64;
            }
            change if change.rank() == 3 || change.rank() == 4 => counts.groups.failed += 1,
            _ => counts.users.failed += 1,
        }
    }

    /// How many members a membership operation added, removed, and did neither with.
    fn members_done(&self, operation: &Operation, written: &Written) -> (u64, u64, u64) {
        let Change::ChangeMembers { added, removed, .. } = &operation.change else { return (0, 0, 0) };
        let refused: &[(TargetId, String)] = match written {
            Written::Members { failed } => failed,
            _ => &[],
        };
        let done = |who: &[u32]| {
            let ids = self.ids(who);
            ids.iter().filter(|id| !refused.iter().any(|(refused, _)| refused == *id)).count() as u64
        };
        let (added_now, removed_now) = (done(added), done(removed));
        (added_now, removed_now, (added.len() + removed.len()) as u64 - added_now - removed_now)
    }

    /// Puts what was done into the ledger, in memory and for the store.
    fn remember(&mut self, operation: &Operation, written: &Written, changes: &mut Vec<LedgerChange>) {
        let source = &operation.source;
        match (&operation.change, written) {
            (Change::CreateUser { after }, Written::Created(id)) => {
                let at = self.plan.people.binary_search_by(|person| person.source.cmp(source));
                if let Some(slot) = at.ok().and_then(|at| self.people.get_mut(at)) {
                    *slot = Some(id.clone());
                }
                let user = LedgerUser {
                    target: id.clone(),
                    username: after.username.clone(),
                    origin: Origin::Created,
                    disabled_by_us: false,
                };
                self.put_user(source, user, changes);
            }
            (Change::UpdateUser { after, .. }, _) => {
                self.change_user(source, changes, |user| user.username = after.username.clone());
            }
            (Change::EnableUser, _) => self.change_user(source, changes, |user| user.disabled_by_us = false),
            (Change::DisableUser, _) => self.change_user(source, changes, |user| user.disabled_by_us = true),
            (Change::CreateGroup { after, sources }, Written::Created(id)) => {
                self.created_groups.insert(source.clone(), id.clone());
                self.sources_of_group.insert(id.clone(), sources.clone());
                for source in sources {
                    let group = LedgerGroup {
                        target: id.clone(),
                        name: after.name.clone(),
                        origin: Origin::Created,
                        memberships: 0,
                    };
                    self.put_group(source, group, changes);
                }
            }
            (Change::UpdateGroup { after, .. }, _) => {
                self.change_group(operation, changes, |group| group.name = after.name.clone());
            }
            (Change::ChangeMembers { before, .. }, _) => {
                let (added, removed, _) = self.members_done(operation, written);
                let now = (*before + added).saturating_sub(removed);
                self.change_group(operation, changes, |group| group.memberships = now);
            }
            (Change::CreateUser { .. } | Change::CreateGroup { .. }, _) => {}
        }
    }

    fn put_user(&mut self, source: &SourceId, user: LedgerUser, changes: &mut Vec<LedgerChange>) {
        self.ledger.users.insert(source.clone(), user.clone());
        changes.push(LedgerChange::PutUser(source.clone(), user));
    }

    fn put_group(&mut self, source: &SourceId, group: LedgerGroup, changes: &mut Vec<LedgerChange>) {
        self.ledger.groups.insert(source.clone(), group.clone());
        changes.push(LedgerChange::PutGroup(source.clone(), group));
    }

    fn change_user(
        &mut self,
        source: &SourceId,
        changes: &mut Vec<LedgerChange>,
        change: impl FnOnce(&mut LedgerUser),
    ) {
        if let Some(mut user) = self.ledger.users.get(source).cloned() {
            change(&mut user);
            self.put_user(source, user, changes);
        }
    }

    fn change_group(
        &mut self,
        operation: &Operation,
        changes: &mut Vec<LedgerChange>,
        change: impl Fn(&mut LedgerGroup),
    ) {
        let Some(target) = self.group_of(operation) else { return };
        for source in self.sources_of_group.get(&target).cloned().unwrap_or_default() {
            if let Some(mut group) = self.ledger.groups.get(&source).cloned() {
                change(&mut group);
                self.put_group(&source, group, changes);
            }
        }
    }

    /// What an applied operation adds to the counts of the last 24 hours (RULES 20).
    fn limit_use(&self, operation: &Operation, written: &Written, place: &Workplace<'_>) -> Option<Applied> {
        let bases = self.plan.bases;
        let (kind, group, count, base) = match &operation.change {
            Change::DisableUser => (HoldKind::Leavers, None, 1, bases.active_users),
            Change::CreateUser { .. } if !self.plan.first_run => {
                (HoldKind::Creates, None, 1, bases.active_users)
            }
            Change::UpdateUser { before, after } if before.username != after.username => {
                (HoldKind::Renames, None, 1, bases.active_users)
            }
            Change::ChangeMembers { group_left: true, .. } => {
                (HoldKind::Groups, None, 1, bases.groups_with_members)
            }
            Change::ChangeMembers { before, .. } => {
                let (_, removed, _) = self.members_done(operation, written);
                (HoldKind::Memberships, self.group_of(operation), removed, *before)
            }
            _ => return None,
        };
        (count > 0).then(|| Applied { at: place.clock.now(), kind, group, count, base })
    }
}

/// Why a membership operation was done in part only.
fn partial(written: &Written, left_out: u64) -> String {
    let first = match written {
        Written::Members { failed } => failed.first(),
        _ => None,
    };
    match first {
        Some((id, reason)) => format!("{left_out} members were left out; the first, {id}: {reason}"),
        None => format!("{left_out} members were left out: they have no account in the target"),
    }
}
