//! The task of one connector: it alone decides what the connector does, one thing at a time.
//!
//! What it decides by is pure and stands in [`super::machine`] and [`super::timetable`]; here it meets time, the store
//! and those who ask. A run is a task of its own ([`super::run`]), so this one always answers.

mod care;
mod expecting;
mod pausing;
mod requests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::DropGuard;

use self::care::Care;
use self::expecting::Expecting;
use self::requests::Request;
use super::handle::{Command, ConnectorHandle, Maintenance, Now, View};
use super::machine::{Admission, Kind, Machine, Refusal, Work};
use super::rhythm::Rhythm;
use super::run::{self, Common, Ended, LastWord};
use super::timetable::{Tick, Timetable};
use super::wording;
use crate::config::model::Connector;
use crate::control::fault::Fault;
use crate::store::{ConnectorMemory, StoreError};
use crate::sync::engine::ChangesEnd;
use crate::sync::report::{Outcome, Trigger};

/// What a connector's task starts with.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// The file stem.
    pub(super) name: String,
    /// The last good version of the file, if any was seen since the daemon started.
    pub(super) configuration: Option<Arc<Connector>>,
    /// What is wrong with the file as it is now.
    pub(super) config_error: Option<String>,
    /// Whether a run that was due before counts as missed: true once in the daemon's life.
    pub(super) catch_up: bool,
    /// Held by whatever runs. It outlives the task, so that not even a restarted one begins a second run.
    pub(super) alone: Arc<Mutex<()>>,
}

/// What is under way.
enum Busy {
    Run { stop: DropGuard, task: JoinHandle<Ended> },
    Plan { stop: DropGuard, task: JoinHandle<LastWord> },
    Maintenance { over: oneshot::Receiver<bool> },
}

/// How it ended.
enum End {
    Run(Box<Result<Ended, JoinError>>),
    Plan(Box<Result<LastWord, JoinError>>),
    Maintenance { reload: bool },
}

/// The task's own state.
pub(super) struct Task {
    name: String,
    common: Common,
    commands: mpsc::UnboundedReceiver<Command>,
    machine: Machine<Request>,
    busy: Option<Busy>,
    timetable: Timetable,
    rhythm: Rhythm,
    last_scheduled: Option<DateTime<Utc>>,
    expecting: Expecting,
    catch_up: bool,
    /// How the last run about everybody ended that nobody cancelled.
    last_outcome: Option<Outcome>,
    care: Care,
    alone: Arc<Mutex<()>>,
    view: View,
    published: watch::Sender<View>,
}

/// Reads what is remembered of the connector and prepares its task; nothing happens before [`Task::run`] is polled.
pub(super) async fn prepare(
    spec: Spec,
    common: Common,
) -> Result<(ConnectorHandle, Task, ConnectorMemory), StoreError> {
    let memory = common.records.memory(&spec.name).await?;
    let (sender, commands) = mpsc::unbounded_channel();
    let view = View {
        config_error: spec.config_error,
        paused: memory.paused,
        pause_reason: memory.pause_reason.clone(),
        last_run: memory.last_run.clone(),
        last_success: memory.last_success,
        managed: memory.last_report.as_ref().map(|report| report.managed).unwrap_or_default(),
        ..View::default()
    };
    let published = watch::Sender::new(view.clone());
    let handle = ConnectorHandle::new(&spec.name, sender, published.subscribe(), common.tokens.clone());
    let mut task = Task {
        machine: Machine::new(memory.paused, false),
        busy: None,
        timetable: Timetable::empty(common.clock.now(), Arc::clone(&common.jitter)),
        rhythm: Rhythm::default(),
        last_scheduled: memory.last_scheduled,
        expecting: Expecting::remembered(&memory, common.clock.now()),
        catch_up: spec.catch_up,
        last_outcome: memory.last_outcome,
        care: Care::remembered(&spec.name, &memory),
        alone: spec.alone,
        name: spec.name,
        common,
        commands,
        view,
        published,
    };
    if let Some(configuration) = spec.configuration {
        task.take_configuration(configuration).await;
    }
    task.publish();
    Ok((handle, task, memory))
}

impl Task {
    /// Lives until the daemon stops or the connector is let go, and until nothing of it is busy.
    pub(super) async fn run(mut self) {
        loop {
            self.publish();
            if self.machine.closed() == Some(Refusal::Stopping) && self.busy.is_none() {
                return;
            }
            let now = self.common.clock.now();
            let sleeps = [self.timetable.sleep(now), self.rhythm.sleep(now), self.care.sleep()];
            let sleep = sleeps.into_iter().flatten().min();
            tokio::select! {
                // An end that somebody has seen comes before what is asked next: whoever changed a ledger is not told
                // that the connector is still busy with it.
                biased;
                end = over(&mut self.busy) => self.work_ended(end).await,
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                () = tokio::time::sleep(sleep.unwrap_or_default()), if sleep.is_some() => self.tick().await,
            }
        }
    }

    /// Does what it is told, and answers.
    pub(super) async fn obey(&mut self, command: Command) {
        match command {
            Command::Request { kind, trigger, answer } => {
                let outcome = self.request(kind, trigger);
                self.answer(answer, outcome);
            }
            Command::Cancel { answer } => {
                let outcome = self.cancel().await;
                self.answer(answer, outcome);
            }
            Command::SetPaused { paused, answer } => {
                let outcome = self.set_paused(paused).await;
                self.answer(answer, outcome);
            }
            Command::Maintain { answer } => {
                let outcome = self.maintain();
                self.answer(answer, outcome);
            }
            // What came before was published when it had been obeyed.
            Command::Settle { answer } => drop(answer.send(())),
            Command::Configure(configuration) => {
                self.view.config_error = None;
                self.take_configuration(configuration).await;
            }
            Command::Broken(diagnostics) => {
                self.view.config_error = Some(diagnostics);
                self.machine.open();
                self.view.removed = false;
            }
            Command::Retire => {
                self.view.removed = true;
                self.no_more_schedule();
                let waiting = self.machine.close(Refusal::Removed);
                self.turn_away(waiting, Refusal::Removed).await;
            }
            Command::Stop => {
                let waiting = self.machine.close(Refusal::Stopping);
                self.no_more_schedule();
                self.turn_away(waiting, Refusal::Stopping).await;
                self.stop_busy();
            }
        }
    }

    /// Who is answered sees the new state.
    fn answer<T>(&mut self, answer: oneshot::Sender<T>, outcome: T) {
        self.publish();
        drop(answer.send(outcome));
    }

    /// Takes a configuration, which counts from the next run on.
    async fn take_configuration(&mut self, configuration: Arc<Connector>) {
        let now = self.common.clock.now();
        let schedule = configuration.schedule.as_ref();
        let first = self.view.configuration.is_none();
        let done = if first {
            self.timetable.start(schedule, self.last_scheduled, self.catch_up, now)
        } else {
            self.timetable.change(schedule, now)
        };
        // A schedule that the daemon finds again when it starts goes on, and is not excused from what it did not do.
        let goes_on = first && self.catch_up && self.last_scheduled.is_some() && self.expecting.is_known();
        if schedule.is_some() && !goes_on && (done.is_some() || !self.expecting.is_known()) {
            self.expect_from(now).await;
        }
        let incremental = schedule.and_then(|schedule| schedule.incremental);
        if self.rhythm.change(incremental.map(|incremental| incremental.every), now) {
            self.expecting.begin_looks(now);
        }
        self.machine.make_runnable();
        self.machine.open();
        self.view.removed = false;
        self.care.change(&configuration.source, first);
        self.view.target = Some(self.common.runner.target_address(&configuration));
        self.view.configuration = Some(configuration);
        if let Some(done) = done {
            self.remember_scheduled(done).await;
        }
    }

    fn no_more_schedule(&mut self) {
        let now = self.common.clock.now();
        self.timetable.change(None, now);
        self.rhythm.change(None, now);
    }

    fn maintain(&mut self) -> Result<Maintenance, Fault> {
        self.machine.maintenance_admission().map_err(|refusal| self.fault(refusal))?;
        let (maintenance, over) = Maintenance::new();
        self.machine.begin(Work::Maintenance);
        self.view.busy = Some(Now::Other);
        self.busy = Some(Busy::Maintenance { over });
        Ok(maintenance)
    }

    async fn work_ended(&mut self, end: End) {
        self.busy = None;
        self.care.work_ended();
        self.view.busy = None;
        let mut last_word = None;
        match end {
            End::Run(ended) => match *ended {
                Ok(ended) => {
                    if ended.paused {
                        self.paused_by(&ended.summary).await;
                    }
                    self.heed_changes(&ended);
                    last_word = Some(self.remember_run(ended));
                }
                Err(error) => tracing::error!(
                    connector = self.name,
                    "internal error around a run, please report it: {}. Whether the run was recorded is not known",
                    run::panic_text(error)
                ),
            },
            End::Plan(planned) => match *planned {
                Ok(word) => last_word = Some(word),
                Err(error) => {
                    tracing::error!(
                        connector = self.name,
                        "internal error around a plan, please report it: {}",
                        run::panic_text(error)
                    );
                }
            },
            End::Maintenance { reload: false } => {}
            End::Maintenance { reload: true } => self.reload_memory().await,
        }
        if let Some((kind, request)) = self.machine.end() {
            self.begin(kind, request);
        }
        if let Some(last_word) = last_word {
            self.publish();
            last_word.tell();
        }
    }

    /// What a look for changes says beside its report. A full run that has to take its place waits for its turn.
    fn heed_changes(&mut self, ended: &Ended) {
        if ended.summary.trigger != Trigger::Incremental {
            return;
        }
        let waits_for = match &ended.changes {
            ChangesEnd::NotYet(why) | ChangesEnd::NeedsFullRun(why) => Some(why.clone()),
            ChangesEnd::Done | ChangesEnd::Nothing => None,
        };
        if waits_for.is_none() && ended.summary.outcome.is_some_and(Outcome::is_success) {
            self.view.last_incremental = ended.summary.ended;
            self.expecting.looked(self.common.clock.now());
        }
        if let ChangesEnd::NotYet(why) = &ended.changes
            && self.view.incremental_waits_for != waits_for
        {
            tracing::info!(connector = self.name, "looks for no changes before the next full run: {why}");
        }
        self.view.incremental_waits_for = waits_for;
        let needs_full_run = matches!(ended.changes, ChangesEnd::NeedsFullRun(_));
        if needs_full_run && self.machine.admission(&Kind::Sync) == Admission::Wait {
            let request = self.new_request(Trigger::Cron, None);
            self.wait(Kind::Sync, request, None);
        }
    }

    /// A run that was limited to one user or a kept plan, or undid another, says nothing about how the connector is doing.
    fn remember_run(&mut self, ended: Ended) -> LastWord {
        self.view.managed = ended.managed;
        if ended.summary.user.is_some() || !ended.summary.trigger.is_sync() {
            return ended.last_word;
        }
        if ended.summary.outcome.is_some_and(Outcome::is_success) {
            self.view.last_success = ended.summary.ended;
            self.expecting.succeeded(self.common.clock.now());
        }
        self.last_outcome = match ended.summary.outcome {
            Some(Outcome::Cancelled) | None => self.last_outcome,
            outcome => outcome,
        };
        self.view.last_run = Some(ended.summary);
        ended.last_word
    }

    /// The ledger was given to this connector: what is remembered is another connector's memory now.
    async fn reload_memory(&mut self) {
        match self.common.records.memory(&self.name).await {
            Ok(memory) => {
                let waiting = self.machine.set_paused(memory.paused);
                self.view.paused = memory.paused;
                self.view.pause_reason = memory.pause_reason.clone();
                self.view.managed =
                    memory.last_report.as_ref().map(|report| report.managed).unwrap_or_default();
                self.view.last_success = memory.last_success;
                self.expecting = Expecting::remembered(&memory, self.common.clock.now());
                self.last_outcome = memory.last_outcome;
                self.care.remember(&memory);
                self.common.metrics.connector_loaded(&self.name, &memory);
                self.view.last_run = memory.last_run;
                self.turn_away(waiting, Refusal::Paused).await;
            }
            Err(error) => {
                tracing::error!(connector = self.name, "what is remembered of it cannot be read: {error}")
            }
        }
    }

    async fn tick(&mut self) {
        let now = self.common.clock.now();
        self.remind_of_token(now);
        let looks_for_changes = self.rhythm.tick(now);
        match self.timetable.tick(now) {
            // Whatever is busy, the next look finds what this one would have.
            Tick::Nothing
                if looks_for_changes && self.machine.admission(&Kind::Changes) == Admission::Start =>
            {
                let request = self.new_request(Trigger::Incremental, None);
                self.begin(Kind::Changes, request);
            }
            Tick::Nothing => {}
            Tick::Skipped(at) => {
                tracing::warn!(
                    connector = self.name,
                    "a scheduled run was due while this host slept or its clock was wrong; it is left out (missed: skip)"
                );
                self.remember_scheduled(at).await;
            }
            Tick::Run(due) => match self.machine.admission(&Kind::Sync) {
                Admission::Start => {
                    let request = self.new_request(due.trigger, Some(due.scheduled));
                    self.begin(Kind::Sync, request);
                }
                Admission::Wait => {
                    let behind = self.view.current_run();
                    let request = self.new_request(due.trigger, Some(due.scheduled));
                    self.wait(Kind::Sync, request, behind);
                }
                Admission::Share => {
                    if let Some(request) = self.machine.waiting(&Kind::Sync) {
                        request.scheduled = Some(due.scheduled);
                    }
                }
                Admission::Refuse(_) => {
                    tracing::info!(
                        connector = self.name,
                        "a scheduled run is left out, since the connector is paused"
                    );
                    self.remember_scheduled(due.scheduled).await;
                }
            },
        }
    }

    async fn cancel(&mut self) -> Result<String, Fault> {
        let waiting = self.machine.empty_slots();
        let mut done = Vec::new();
        if !waiting.is_empty() {
            done.push(format!("{} taken out of the queue", wording::count(waiting.len(), "request")));
        }
        self.turn_away(waiting, Refusal::Cancelled).await;
        match (self.busy.as_ref(), self.view.current_run()) {
            (Some(Busy::Run { .. }), Some(run)) => done.push(format!(
                "run {run} begins nothing new, finishes the operations under way, and ends as cancelled"
            )),
            (Some(Busy::Run { .. }), None) => {
                done.push("the run that was about to begin is stopped".to_owned())
            }
            (Some(Busy::Plan { .. }), _) => done.push("the plan is given up".to_owned()),
            (Some(Busy::Maintenance { .. }) | None, _) => {}
        }
        self.stop_busy();
        if done.is_empty() {
            return Err(Fault::conflict(format!(
                "nothing of {} is running or waiting, so there is nothing to cancel",
                self.name
            )));
        }
        Ok(format!("{}: {}", self.name, done.join("; ")))
    }

    /// Asks a busy run or plan to begin nothing new.
    fn stop_busy(&mut self) {
        self.busy = match self.busy.take() {
            Some(Busy::Run { stop, task }) => {
                let token = stop.disarm();
                token.cancel();
                Some(Busy::Run { stop: token.drop_guard(), task })
            }
            Some(Busy::Plan { stop, task }) => {
                let token = stop.disarm();
                token.cancel();
                Some(Busy::Plan { stop: token.drop_guard(), task })
            }
            other => other,
        };
    }

    async fn remember_scheduled(&mut self, at: DateTime<Utc>) {
        self.last_scheduled = Some(at);
        if let Err(error) = self.common.records.set_last_scheduled(&self.name, at).await {
            tracing::warn!(
                connector = self.name,
                "could not remember up to when scheduled runs are done, so one may be repeated after a restart: {error}"
            );
        }
    }

    fn fault(&self, refusal: Refusal) -> Fault {
        wording::refused(&self.name, refusal, self.view.config_error.as_deref())
    }

    /// Lets everybody see the present state.
    fn publish(&mut self) {
        self.view.runnable = self.view.configuration.is_some() && !self.view.removed;
        self.view.waiting = self.machine.waiting_syncs();
        self.view.next_run = self.timetable.next_run().filter(|_| !self.view.paused);
        let expected = self.expected();
        if self.view.expected != expected || self.published.borrow().next_run != self.view.next_run {
            self.view.expected = expected;
            self.common.metrics.expected(&self.name, self.view.next_run, &self.view.expected);
        }
        self.note_token();
        self.published.send_replace(self.view.clone());
        self.common.changed.notify_one();
    }
}

/// Waits for what is under way; for ever, if nothing is.
async fn over(busy: &mut Option<Busy>) -> End {
    match busy {
        Some(Busy::Run { task, .. }) => End::Run(Box::new(task.await)),
        Some(Busy::Plan { task, .. }) => End::Plan(Box::new(task.await)),
        Some(Busy::Maintenance { over }) => End::Maintenance { reload: over.await.unwrap_or(false) },
        None => std::future::pending().await,
    }
}
