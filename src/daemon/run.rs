//! One run, or one plan, from its first breath to its last event.
//!
//! Each is a task of its own, and the engine within it another: a panic there becomes a failed report that is stored
//! like any other, and the connector lives on.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinError;
use tracing::Instrument;

use super::feed::{Began, Teller};
use super::records::Records;
use super::timetable::Jitter;
use super::token::{Tokens, Use};
use super::wording;
use crate::clock::Clock;
use crate::config::model::{Connector, ReportSettings};
use crate::control::api::{KeptPlan, PlanDocument, RunEvent, RunSummary, UndoDocument};
use crate::control::fault::Fault;
use crate::notify::{Before, Notifier};
use crate::store::StoreError;
use crate::sync::engine::{self, ChangesEnd, Keeping, RunTicket, Undoing, UserRequest};
use crate::sync::progress::{Progress, RunControl, Side};
use crate::sync::report::{Managed, Outcome, Report, Trigger};
use crate::telemetry::metrics::Metrics;

/// What does the work: the [`engine`] with real services, or a script in tests.
#[async_trait]
pub(super) trait Runner: Send + Sync {
    /// See [`engine::sync`].
    async fn sync(&self, connector: &Connector, ticket: &RunTicket, control: &RunControl) -> Report;
    /// See [`engine::sync_changes`].
    async fn sync_changes(
        &self,
        connector: &Connector,
        ticket: &RunTicket,
        control: &RunControl,
    ) -> (Report, ChangesEnd);
    /// See [`engine::plan`].
    async fn plan(
        &self,
        connector: &Connector,
        keeping: Option<&Keeping>,
        control: &RunControl,
    ) -> Result<(PlanDocument, Option<KeptPlan>), String>;
    /// See [`engine::plan_undo`].
    async fn plan_undo(
        &self,
        connector: &Connector,
        run: u64,
        control: &RunControl,
    ) -> Result<UndoDocument, String>;
    /// See [`engine::undo`].
    async fn undo(
        &self,
        connector: &Connector,
        ticket: &RunTicket,
        undoing: &Undoing,
        control: &RunControl,
    ) -> (Report, bool);
    /// Where the connector writes, as people see it.
    fn target_address(&self, connector: &Connector) -> String;
}

/// What all connectors' tasks share.
#[derive(Clone)]
pub(super) struct Common {
    /// What the daemon remembers.
    pub(super) records: Arc<dyn Records>,
    /// What does the work.
    pub(super) runner: Arc<dyn Runner>,
    /// The clock.
    pub(super) clock: Clock,
    /// The metrics.
    pub(super) metrics: Metrics,
    /// Delays scheduled runs.
    pub(super) jitter: Jitter,
    /// How long runs and their reports are kept.
    pub(super) retention: ReportSettings,
    /// Tells people what became of runs.
    pub(super) notifier: Notifier,
    /// Woken whenever a connector's state changed.
    pub(super) changed: Arc<tokio::sync::Notify>,
    /// What connectors do with their API tokens.
    pub(super) tokens: Tokens,
}

impl Common {
    /// Takes what a connector does with its token, and shows when tokens lapse now.
    pub(super) fn note_token(&self, connector: &str, now: Option<Use>) {
        for (name, lapses_at) in self.tokens.note(connector, now) {
            self.metrics.token_lapses(&name, lapses_at);
        }
    }
}

/// What a run does.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Syncs everybody.
    Everybody,
    /// Syncs what changed since.
    Changes,
    /// Syncs one user.
    User(UserRequest),
    /// Syncs what stands in the plan kept under that name.
    Kept(String),
    /// Undoes a run.
    Undo(Undoing),
}

/// What is planned.
#[derive(Clone, Debug)]
pub(super) enum Planning {
    /// A sync, and whether the plan is kept.
    Sync(Option<Keeping>),
    /// The undoing of that run.
    Undo(u64),
}

/// A sync that is about to begin.
pub(super) struct SyncRun {
    /// What all share.
    pub(super) common: Common,
    /// The configuration that it runs with to its end, whatever happens to the file.
    pub(super) connector: Arc<Connector>,
    /// What started it.
    pub(super) trigger: Trigger,
    /// What it does.
    pub(super) task: Task,
    /// The scheduled time that it serves, if it serves one.
    pub(super) scheduled: Option<DateTime<Utc>>,
    /// Progress and cancellation.
    pub(super) control: RunControl,
    /// How it went before, which decides what people are told.
    pub(super) before: Before,
    /// What the connector managed until now, which stays true if the run fails before it looked.
    pub(super) managed: Managed,
    /// Who waits for it.
    pub(super) teller: Teller,
}

/// What a connector remembers of a run that ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The run.
    pub(super) summary: RunSummary,
    /// What the connector manages now.
    pub(super) managed: Managed,
    /// True if the run paused the connector, which the store knows already.
    pub(super) paused: bool,
    /// How a run that reads changes ended; [`ChangesEnd::Done`] for any other.
    pub(super) changes: ChangesEnd,
    /// For those who wait.
    pub(super) last_word: LastWord,
}

/// The last event, to be told after the connector's state shows the end: who hears it may look at once.
#[derive(Debug)]
pub(super) struct LastWord(Teller, RunEvent);

impl LastWord {
    /// Tells it.
    pub(super) fn tell(self) {
        self.0.end(self.1);
    }
}

/// Runs one sync. `_alone` is held to the end, so that no second run of this connector can begin.
pub(super) async fn sync(sync: SyncRun, _alone: OwnedMutexGuard<()>) -> Ended {
    let SyncRun { common, connector, trigger, task, scheduled, control, before, managed, teller } = sync;
    let name = connector.name.clone();
    let started = common.clock.now();
    let (user, kept) = match &task {
        Task::User(user) => (Some(user.clone()), None),
        Task::Kept(id) => (None, Some(id.clone())),
        Task::Everybody | Task::Changes | Task::Undo(_) => (None, None),
    };
    let login = user.as_ref().map(|user| user.login.as_str());
    let run = match common.records.begin_run(&name, trigger, login, started).await {
        Ok(run) => run,
        Err(error) => {
            let ticket = RunTicket { run: 0, trigger, user, kept, started };
            let (report, message) = not_begun(&common, &name, &ticket, managed, &error);
            common.notifier.tell(&connector, before, &report);
            let last_word = LastWord(teller, Fault::internal(message).into());
            let (summary, changes) = (RunSummary::from(&report), ChangesEnd::Done);
            return Ended { summary, managed, paused: false, changes, last_word };
        }
    };
    let ticket = RunTicket { run, trigger, user, kept, started };
    let span = tracing::info_span!("run", connector = %name, run);
    async {
        if let Some(at) = scheduled
            && let Err(error) = common.records.set_last_scheduled(&name, at).await
        {
            tracing::warn!(
                "could not remember that this run serves the schedule, so it may be repeated after a restart: {error}"
            );
        }
        count_beginning(&common.metrics, &name, &ticket);
        let between = matches!(task, Task::Changes);
        if between {
            tracing::debug!("looks for what changed");
        } else {
            tracing::info!("began ({})", wording::extent(&ticket));
        }
        teller.began(Some(Began { run, started }), control.progress.clone());
        let Finished { report, paused, changes } =
            in_a_task(&common, &connector, &ticket, task, &control, managed).await;
        if changes != ChangesEnd::Done {
            return without_effect(&common, report, changes, &control.progress, teller).await;
        }
        if let Err(error) = common.records.end_run(&report).await {
            let message = format!(
                "what run {run} did could not be recorded and will be missing from the history: {error}. What it \
                 applied is in the journal; the next run starts from there"
            );
            tracing::error!("{message}");
            teller.notice(message);
        }
        common.metrics.run_ended(&report);
        // A run that ended early may not have come to the target.
        let got_to_target = !matches!(report.outcome, Outcome::Failed | Outcome::Cancelled);
        tell_of_refusals(&common.metrics, &report, &control.progress, got_to_target);
        tell_log(&report);
        common.notifier.tell(&connector, before, &report);
        forget_old_runs(&common, &name).await;
        let (summary, managed) = (RunSummary::from(&report), report.managed);
        let last_word = LastWord(teller, RunEvent::Finished { report: Box::new(report) });
        Ended { summary, managed, paused, changes, last_word }
    }
    .instrument(span.clone())
    .await
}

/// A look for changes that found nothing to do, or could not begin: no run that anybody has to know of.
async fn without_effect(
    common: &Common,
    report: Report,
    changes: ChangesEnd,
    progress: &Progress,
    teller: Teller,
) -> Ended {
    let name = &report.connector;
    if let Err(error) = common.records.forget_run(report.run).await {
        tracing::warn!("{error}; it stays in the history");
    }
    let event = match &changes {
        ChangesEnd::NotYet(why) => Fault::conflict(format!(
            "{name} cannot look for changes: {why}. Nothing was changed; a full sync comes first: `usersyncd ctl sync {name}`"
        ))
        .into(),
        ChangesEnd::NeedsFullRun(why) => {
            tracing::warn!("a full sync takes the place of a look for changes: {why}");
            teller.notice(format!("a full sync takes its place: {why}"));
            RunEvent::Finished { report: Box::new(report.clone()) }
        }
        ChangesEnd::Nothing | ChangesEnd::Done => {
            tracing::debug!(requests = report.requests, "nothing has changed");
            RunEvent::Finished { report: Box::new(report.clone()) }
        }
    };
    if changes == ChangesEnd::Nothing {
        common.metrics.run_ended(&report);
        tell_of_refusals(&common.metrics, &report, progress, false);
    } else {
        common.metrics.run_left_out(name);
    }
    let (summary, managed) = (RunSummary::from(&report), report.managed);
    Ended { summary, managed, paused: false, changes, last_word: LastWord(teller, event) }
}

/// How a run ended.
struct Finished {
    report: Report,
    paused: bool,
    changes: ChangesEnd,
}

impl Finished {
    fn with(report: Report) -> Self {
        Self { report, paused: false, changes: ChangesEnd::Done }
    }
}

/// Removes reports that were kept long enough.
async fn forget_old_runs(common: &Common, connector: &str) {
    let now = common.clock.now();
    let keep = TimeDelta::from_std(common.retention.keep).unwrap_or(TimeDelta::MAX);
    let ended_before = now.checked_sub_signed(keep).unwrap_or(DateTime::<Utc>::MIN_UTC);
    match common.records.prune(connector, ended_before, common.retention.at_most, now).await {
        Ok(0) => {}
        Ok(runs) => tracing::debug!("{runs} old runs were removed (reports in usersyncd.yaml)"),
        Err(error) => tracing::warn!("{error}; they are tried again after the next run"),
    }
}

/// The engine's run, in a task of its own.
async fn in_a_task(
    common: &Common,
    connector: &Arc<Connector>,
    ticket: &RunTicket,
    task: Task,
    control: &RunControl,
    managed: Managed,
) -> Finished {
    let undoes = if let Task::Undo(undoing) = &task { Some(undoing.run) } else { None };
    let task = {
        let (runner, connector) = (Arc::clone(&common.runner), Arc::clone(connector));
        let (ticket, control) = (ticket.clone(), control.clone());
        let work = async move {
            match task {
                Task::Undo(undoing) => {
                    let (report, paused) = runner.undo(&connector, &ticket, &undoing, &control).await;
                    Finished { paused, ..Finished::with(report) }
                }
                Task::Changes => {
                    let (report, changes) = runner.sync_changes(&connector, &ticket, &control).await;
                    Finished { changes, ..Finished::with(report) }
                }
                Task::Everybody | Task::User(_) | Task::Kept(_) => {
                    Finished::with(runner.sync(&connector, &ticket, &control).await)
                }
            }
        };
        work.in_current_span()
    };
    match tokio::spawn(task).await {
        Ok(ended) => ended,
        Err(error) => {
            let sentence = format!(
                "internal error, please report it: {}. The run ended where it was; what it applied is in the journal, \
                 and the next run goes on from there",
                panic_text(error)
            );
            let ended = common.clock.now();
            let report = engine::failed_report(&connector.name, ticket, ended, sentence);
            // An undo may have paused before it failed: paused is the safe belief.
            Finished { paused: undoes.is_some(), ..Finished::with(Report { managed, undoes, ..report }) }
        }
    }
}

/// Whether source and target took what the connector signs in with. Of a side that the run did not get to nothing new is known.
fn tell_of_refusals(metrics: &Metrics, report: &Report, progress: &Progress, got_to_target: bool) {
    for (side, let_in) in [(Side::Source, progress.was_let_in()), (Side::Target, got_to_target)] {
        let refused = progress.was_refused(side);
        if refused || let_in {
            metrics.sign_in(&report.connector, side, refused);
        }
    }
}

fn count_beginning(metrics: &Metrics, connector: &str, ticket: &RunTicket) {
    if ticket.user.is_none() && ticket.trigger.is_sync() {
        metrics.run_began(connector, ticket.started);
    } else {
        metrics.user_run_began(connector);
    }
}

/// A run that could not even be recorded: nothing was read, nothing applied, and everybody is told why.
fn not_begun(
    common: &Common,
    name: &str,
    ticket: &RunTicket,
    managed: Managed,
    error: &StoreError,
) -> (Report, String) {
    let message = format!(
        "the run of {name} did not begin, since it could not be recorded: {error}. Nothing was read or changed; look \
         at the space and the permissions of the state directory"
    );
    tracing::error!(connector = name, "{message}");
    let report = engine::failed_report(name, ticket, common.clock.now(), message.clone());
    let report = Report { managed, ..report };
    count_beginning(&common.metrics, name, ticket);
    common.metrics.run_ended(&report);
    (report, message)
}

/// Makes one plan.
pub(super) async fn plan(
    common: Common,
    connector: Arc<Connector>,
    planning: Planning,
    control: RunControl,
    teller: Teller,
    _alone: OwnedMutexGuard<()>,
) -> LastWord {
    let span = tracing::info_span!("plan", connector = %connector.name);
    teller.began(None, control.progress.clone());
    let task = {
        let (connector, control) = (Arc::clone(&connector), control.clone());
        let work = async move {
            match planning {
                Planning::Sync(keeping) => {
                    let planned = common.runner.plan(&connector, keeping.as_ref(), &control).await;
                    planned.map(|(plan, kept)| RunEvent::Planned {
                        plan: Box::new(plan),
                        kept: kept.map(Box::new),
                    })
                }
                Planning::Undo(run) => {
                    let planned = common.runner.plan_undo(&connector, run, &control).await;
                    planned.map(|undo| RunEvent::UndoPlanned { undo: Box::new(undo) })
                }
            }
        };
        work.instrument(span.clone())
    };
    let event = match tokio::spawn(task).await {
        Ok(Ok(planned)) => planned,
        Ok(Err(sentence)) => Fault::conflict(sentence).into(),
        Err(error) => {
            let message = format!("internal error while planning, please report it: {}", panic_text(error));
            span.in_scope(|| tracing::error!("{message}"));
            Fault::internal(message).into()
        }
    };
    LastWord(teller, event)
}

/// What a task said when it panicked.
pub(super) fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without a text".to_owned())
        }
        Err(error) => error.to_string(),
    }
}

/// One line about how it ended, and one for each hold.
fn tell_log(report: &Report) {
    let line = wording::finished(report);
    // The same hold is not shouted again with every run.
    let known = report.outcome == Outcome::Held && !report.holds.iter().any(|hold| hold.fresh);
    match report.outcome {
        Outcome::Success => tracing::info!("{line}"),
        Outcome::Held if known => tracing::info!("{line} (as before)"),
        Outcome::Held | Outcome::Partial | Outcome::Cancelled => tracing::warn!("{line}"),
        Outcome::Failed => tracing::error!("{line}"),
    }
    for hold in &report.holds {
        if hold.fresh {
            let number = hold.id.map(|id| format!(" {id}")).unwrap_or_default();
            let cause = hold.cause.as_ref().map(|cause| format!("; {}", cause.in_words()));
            tracing::warn!("held{number}: {}{}", hold.reason, cause.unwrap_or_default());
        } else {
            tracing::debug!("held as before: {}", hold.reason);
        }
    }
}
