//! How the rest of the daemon talks to a connector's task, and what it sees of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot, watch};

use super::feed::{Feed, Watcher};
use super::machine::Kind;
use super::token::Tokens;
use crate::config::model::Connector;
use crate::control::api::{ConnectorState, ConnectorStatus, CurrentRun, IncrementalStatus, RunSummary};
use crate::control::fault::Fault;
use crate::sync::progress::Progress;
use crate::sync::report::{Managed, Outcome, Trigger};
use crate::telemetry::metrics::{Expected, Metrics};

/// What a connector's task is told.
pub(super) enum Command {
    /// A person wants a sync or a plan.
    Request { kind: Kind, trigger: Trigger, answer: oneshot::Sender<Result<Feed, Fault>> },
    /// Stop what is busy and forget what waits.
    Cancel { answer: oneshot::Sender<Result<String, Fault>> },
    /// Pause or resume.
    SetPaused { paused: bool, answer: oneshot::Sender<Result<String, Fault>> },
    /// Begin nothing while the ledger is changed.
    Maintain { answer: oneshot::Sender<Result<Maintenance, Fault>> },
    /// The file is good; this is what it says.
    Configure(Arc<Connector>),
    /// The file is broken.
    Broken(String),
    /// Say when everything that was told before is in force and to be seen.
    Settle { answer: oneshot::Sender<()> },
    /// The file is gone.
    Retire,
    /// End as soon as nothing is busy; what is busy begins nothing new.
    Stop,
}

/// Nothing of the connector runs while this is held. Dropping it lets it go on.
#[derive(Debug)]
pub(super) struct Maintenance(Option<oneshot::Sender<bool>>);

impl Maintenance {
    /// A new one, and what its end is seen by.
    pub(super) fn new() -> (Self, oneshot::Receiver<bool>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    /// Ends it and has the connector read its memory again.
    pub(super) fn end_with_new_memory(mut self) {
        // A connector that ended meanwhile reads its memory when it is started again.
        self.0.take().map(|sender| sender.send(true));
    }
}

/// What a connector is doing.
#[derive(Clone, Debug)]
pub(super) enum Now {
    /// A run.
    Run { watcher: Watcher, trigger: Trigger, user: Option<String>, progress: Progress },
    /// A plan, or a change to its ledger.
    Other,
}

/// What others see of a connector.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// What is in force.
    pub(super) configuration: Option<Arc<Connector>>,
    /// The target's address.
    pub(super) target: Option<String>,
    /// What is wrong with the file now.
    pub(super) config_error: Option<String>,
    /// Whether it can run.
    pub(super) runnable: bool,
    /// Whether the file is gone.
    pub(super) removed: bool,
    /// Whether somebody paused it.
    pub(super) paused: bool,
    /// Why, where more than a person's wish is known.
    pub(super) pause_reason: Option<String>,
    /// When it runs next by itself.
    pub(super) next_run: Option<DateTime<Utc>>,
    /// How far apart its runs are, and when it is overdue.
    pub(super) expected: Expected,
    /// How many syncs wait.
    pub(super) waiting: usize,
    /// What it is doing.
    pub(super) busy: Option<Now>,
    /// The last run that ended.
    pub(super) last_run: Option<RunSummary>,
    /// When a run last ended with success.
    pub(super) last_success: Option<DateTime<Utc>>,
    /// When what changed was last read and synced.
    pub(super) last_incremental: Option<DateTime<Utc>>,
    /// Why no changes are looked for before the next full run.
    pub(super) incremental_waits_for: Option<String>,
    /// What it manages.
    pub(super) managed: Managed,
}

impl View {
    /// The number of the busy run, once it has one.
    pub(super) fn current_run(&self) -> Option<u64> {
        match &self.busy {
            Some(Now::Run { watcher, .. }) => watcher.began().map(|began| began.run),
            Some(Now::Other) | None => None,
        }
    }

    /// The one word for it. A broken file comes first, so that an alert on it does not end with each run.
    fn state(&self) -> ConnectorState {
        if self.config_error.is_some() {
            return ConnectorState::ConfigError;
        }
        if self.busy.is_some() {
            return ConnectorState::Running;
        }
        if self.paused {
            return ConnectorState::Paused;
        }
        match self.last_run.as_ref().and_then(|run| run.outcome) {
            Some(Outcome::Held) => ConnectorState::Held,
            Some(Outcome::Failed | Outcome::Partial) => ConnectorState::Failing,
            Some(Outcome::Success | Outcome::Cancelled) | None => ConnectorState::Idle,
        }
    }

    /// The state as the socket shows it, but for what is known of the token.
    pub(super) fn status(&self, name: &str) -> ConnectorStatus {
        let configuration = self.configuration.as_deref();
        let schedule = configuration.and_then(|connector| connector.schedule.as_ref());
        let current = match &self.busy {
            Some(Now::Run { watcher, trigger, user, progress }) => watcher.began().map(|began| CurrentRun {
                run: began.run,
                trigger: *trigger,
                user: user.clone(),
                started: began.started,
                progress: progress.view(),
            }),
            Some(Now::Other) | None => None,
        };
        ConnectorStatus {
            pause_reason: self.pause_reason.clone().filter(|_| self.paused),
            name: name.to_owned(),
            state: self.state(),
            runnable: self.runnable,
            source: configuration.map(|connector| connector.source.origin.origin().ascii_serialization()),
            target: self.target.clone(),
            schedule: schedule.map(|schedule| format!("{} {}", schedule.expression, schedule.timezone)),
            apply: configuration.is_none_or(|connector| connector.apply),
            next_run: self.next_run,
            incremental: schedule.and_then(|schedule| schedule.incremental).map(|incremental| {
                IncrementalStatus {
                    every_seconds: incremental.every.as_secs(),
                    last_success: self.last_incremental,
                    waits_for: self.incremental_waits_for.clone(),
                }
            }),
            token: None,
            queued: self.waiting > 0,
            waiting: self.waiting as u64,
            current,
            last_run: self.last_run.clone(),
            last_success: self.last_success,
            managed: self.managed,
            config_error: self.config_error.clone(),
        }
    }
}

/// A way to talk to a connector's task, cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct ConnectorHandle {
    name: Arc<str>,
    commands: mpsc::UnboundedSender<Command>,
    view: watch::Receiver<View>,
    tokens: Tokens,
}

impl ConnectorHandle {
    /// Made by the task.
    pub(super) fn new(
        name: &str,
        commands: mpsc::UnboundedSender<Command>,
        view: watch::Receiver<View>,
        tokens: Tokens,
    ) -> Self {
        Self { name: Arc::from(name), commands, view, tokens }
    }

    /// Asks for a sync, of everybody or of one user, or for a plan. The feed says what becomes of it.
    pub(super) async fn request(&self, kind: Kind) -> Result<Feed, Fault> {
        let trigger = kind.trigger();
        self.request_as(kind, trigger).await
    }

    /// The same, started by something else than such a request usually is.
    pub(super) async fn request_as(&self, kind: Kind, trigger: Trigger) -> Result<Feed, Fault> {
        self.ask(|answer| Command::Request { kind, trigger, answer }).await
    }

    /// Stops what is busy and forgets what waits; says what that was.
    pub(super) async fn cancel(&self) -> Result<String, Fault> {
        self.ask(|answer| Command::Cancel { answer }).await
    }

    /// Pauses or resumes, also over restarts.
    pub(super) async fn set_paused(&self, paused: bool) -> Result<String, Fault> {
        self.ask(|answer| Command::SetPaused { paused, answer }).await
    }

    /// Keeps the connector from running while its ledger is changed; refused while it is busy.
    pub(super) async fn maintain(&self) -> Result<Maintenance, Fault> {
        self.ask(|answer| Command::Maintain { answer }).await
    }

    /// Tells something that needs no answer. A task that ended does not hear it, and whoever restarts it knows.
    pub(super) fn tell(&self, command: Command) {
        drop(self.commands.send(command));
    }

    /// Waits until everything that it was told is in force and to be seen, or its task has ended.
    pub(super) async fn settled(&self) {
        let (answer, settled) = oneshot::channel();
        self.tell(Command::Settle { answer });
        drop(settled.await);
    }

    /// Says again when the connector runs next and its token lapses: its series are made after its task was prepared.
    pub(super) fn restate(&self, metrics: &Metrics) {
        let view = self.view.borrow();
        metrics.expected(&self.name, view.next_run, &view.expected);
        metrics.token_lapses(&self.name, self.tokens.outlook(&self.name).map(|token| token.lapses_at));
    }

    /// What is to be seen of it now.
    pub(super) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Its file is gone and nothing of it is busy: it is only waited for its task to end.
    pub(super) fn is_leaving(&self) -> bool {
        let view = self.view.borrow();
        view.removed && view.busy.is_none()
    }

    /// The state as the socket shows it.
    pub(super) fn status(&self) -> ConnectorStatus {
        let token = self.tokens.outlook(&self.name);
        ConnectorStatus { token, ..self.view.borrow().status(&self.name) }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Fault>>) -> Command,
    ) -> Result<T, Fault> {
        let (answer, outcome) = oneshot::channel();
        let sent = self.commands.send(command(answer));
        let outcome = if sent.is_ok() { outcome.await.ok() } else { None };
        outcome.unwrap_or_else(|| {
            Err(Fault::conflict(format!(
                "the task of {} has just ended and did not take the request; ask again in a moment",
                self.name
            )))
        })
    }
}
