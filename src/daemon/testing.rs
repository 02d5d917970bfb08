//! Stand-ins for the store and the engine: what a connector's task needs, without a disk or a network.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::connector::{Spec, Task, prepare};
use super::handle::ConnectorHandle;
use super::records::Records;
use super::run::{Common, Runner};
use super::token::Tokens;
use crate::clock::Clock;
use crate::config::model::{Connector, NotifySettings, ReportSettings, ScheduleSettings};
use crate::control::api::{KeptPlan, PlanDocument, RunSummary, UndoDocument};
use crate::notify::{Notifier, Queue};
use crate::store::{ConnectorMemory, StoreError};
use crate::sync::engine::{ChangesEnd, Keeping, RunTicket, Undoing, UserRequest, failed_report};
use crate::sync::progress::{RunControl, Side};
use crate::sync::report::{Counts, FORMAT_VERSION, Managed, Outcome, Report, Trigger};
use crate::sync::rules::Rules;
use crate::telemetry::metrics::Metrics;

/// A store in memory.
#[derive(Default)]
pub(super) struct Notebook {
    pub(super) memories: Mutex<BTreeMap<String, ConnectorMemory>>,
    pub(super) reports: Mutex<Vec<Report>>,
    pub(super) forgotten: Mutex<Vec<u64>>,
    pub(super) full_disk: AtomicBool,
    runs: AtomicU64,
}

impl Notebook {
    pub(super) fn memory_of(&self, connector: &str) -> ConnectorMemory {
        self.memories.lock().unwrap().get(connector).cloned().unwrap_or_default()
    }

    fn change(&self, connector: &str, change: impl FnOnce(&mut ConnectorMemory)) -> Result<(), StoreError> {
        if self.full_disk.load(Ordering::Relaxed) {
            return Err(StoreError("the disk is full".to_owned()));
        }
        change(self.memories.lock().unwrap().entry(connector.to_owned()).or_default());
        Ok(())
    }
}

#[async_trait]
impl Records for Notebook {
    async fn memory(&self, connector: &str) -> Result<ConnectorMemory, StoreError> {
        Ok(self.memory_of(connector))
    }
    async fn set_paused(
        &self,
        connector: &str,
        paused: bool,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        self.change(connector, |memory| {
            memory.paused = paused;
            memory.pause_reason = reason.map(str::to_owned);
        })
    }
    async fn set_last_scheduled(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.change(connector, |memory| memory.last_scheduled = Some(at))
    }
    async fn set_expected_since(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.change(connector, |memory| memory.expected_since = Some(at))
    }
    async fn begin_run(
        &self,
        connector: &str,
        _trigger: Trigger,
        user: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.change(connector, |memory| {
            if user.is_none() {
                memory.last_attempt = Some(at);
            }
        })?;
        Ok(self.runs.fetch_add(1, Ordering::Relaxed) + 1)
    }
    async fn end_run(&self, report: &Report) -> Result<(), StoreError> {
        self.change(&report.connector, |memory| {
            if report.is_about_everybody() {
                memory.last_run = Some(RunSummary::from(report));
                if report.outcome != Outcome::Cancelled {
                    memory.last_outcome = Some(report.outcome);
                }
                if report.outcome.is_success() {
                    memory.last_success = Some(report.ended);
                }
                memory.last_report = Some(report.clone());
            }
            if !matches!(report.outcome, Outcome::Failed | Outcome::Cancelled) {
                memory.last_read = memory.last_read.max(Some(report.started));
            }
        })?;
        self.reports.lock().unwrap().push(report.clone());
        Ok(())
    }
    async fn forget_run(&self, run: u64) -> Result<(), StoreError> {
        self.forgotten.lock().unwrap().push(run);
        Ok(())
    }
    async fn prune(
        &self,
        _connector: &str,
        ended_before: DateTime<Utc>,
        at_most: u64,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        assert_eq!((now - ended_before, at_most), (chrono::TimeDelta::hours(1), 10));
        Ok(0)
    }
}

/// Waits a day of the clock that stands still, so that what never happens fails instead of hanging.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(86_400), what).await.expect("it did not happen within a day")
}

/// A run that has begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BeganRun {
    pub(super) connector: String,
    pub(super) digest: String,
    pub(super) trigger: Option<Trigger>,
    pub(super) user: Option<UserRequest>,
    pub(super) at: DateTime<Utc>,
}

/// An engine whose runs say that they began, and end when they are let or cancelled.
pub(super) struct Script {
    pub(super) clock: Clock,
    pub(super) began: mpsc::UnboundedSender<BeganRun>,
    pub(super) may_end: Semaphore,
    pub(super) panics: AtomicBool,
    /// Whether the org lets nobody in.
    pub(super) locked_out: AtomicBool,
    pub(super) heeds_cancel: AtomicBool,
    pub(super) at_once: AtomicU64,
    pub(super) most_at_once: AtomicU64,
    /// How the next looks for changes end; as [`ChangesEnd::Done`] after these.
    pub(super) changes: std::sync::Mutex<std::collections::VecDeque<ChangesEnd>>,
}

impl Script {
    async fn work(&self, connector: &Connector, ticket: Option<&RunTicket>, control: &RunControl) -> bool {
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        let (connector, digest) = (connector.name.clone(), connector.digest.clone());
        let (trigger, user) =
            ticket.map_or((None, None), |ticket| (Some(ticket.trigger), ticket.user.clone()));
        self.began.send(BeganRun { connector, digest, trigger, user, at: self.clock.now() }).unwrap();
        assert!(!self.panics.load(Ordering::Relaxed), "a fault on purpose");
        if self.locked_out.load(Ordering::Relaxed) {
            control.progress.refused(Side::Source);
        } else {
            control.progress.let_in();
        }
        let cancelled = tokio::select! {
            permit = self.may_end.acquire() => { permit.unwrap().forget(); false }
            () = control.cancel.cancelled(), if self.heeds_cancel.load(Ordering::Relaxed) => true,
        };
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        cancelled
    }
}

#[async_trait]
impl Runner for Script {
    async fn sync(&self, connector: &Connector, ticket: &RunTicket, control: &RunControl) -> Report {
        let cancelled = self.work(connector, Some(ticket), control).await;
        let report = failed_report(&connector.name, ticket, self.clock.now(), String::new());
        let outcome = if cancelled { Outcome::Cancelled } else { Outcome::Success };
        let managed = Managed { users: 3, active: 3, groups: 2, memberships: 4 };
        Report { outcome, managed, error: None, ..report }
    }
    async fn sync_changes(
        &self,
        connector: &Connector,
        ticket: &RunTicket,
        control: &RunControl,
    ) -> (Report, ChangesEnd) {
        let end = self.changes.lock().unwrap().pop_front().unwrap_or(ChangesEnd::Done);
        (self.sync(connector, ticket, control).await, end)
    }
    async fn undo(
        &self,
        connector: &Connector,
        ticket: &RunTicket,
        undoing: &Undoing,
        control: &RunControl,
    ) -> (Report, bool) {
        let report = self.sync(connector, ticket, control).await;
        (Report { undoes: Some(undoing.run), ..report }, true)
    }
    async fn plan_undo(
        &self,
        connector: &Connector,
        run: u64,
        control: &RunControl,
    ) -> Result<UndoDocument, String> {
        self.work(connector, None, control).await;
        Err(format!("run {run} cannot be undone here"))
    }
    async fn plan(
        &self,
        connector: &Connector,
        _keeping: Option<&Keeping>,
        control: &RunControl,
    ) -> Result<(PlanDocument, Option<KeptPlan>), String> {
        if self.work(connector, None, control).await {
            return Err("the plan was cancelled".to_owned());
        }
        let plan = PlanDocument {
            cause: None,
            held: Vec::new(),
            filtered: crate::sync::report::FilteredBy::default(),
            in_grace: 0,
            waiting: Vec::new(),
            adopted: 0,
            format_version: FORMAT_VERSION,
            connector: connector.name.clone(),
            made: self.clock.now(),
            counts: Counts::default(),
            operations: Vec::new(),
            holds: Vec::new(),
            findings: Vec::new(),
            not_proven: Vec::new(),
        };
        Ok((plan, None))
    }
    fn target_address(&self, _connector: &Connector) -> String {
        "directory".to_owned()
    }
}

/// Everything that a connector's task needs, and the strings by which a test pulls.
pub(super) struct Bench {
    pub(super) common: Common,
    pub(super) notebook: Arc<Notebook>,
    pub(super) script: Arc<Script>,
    pub(super) began: mpsc::UnboundedReceiver<BeganRun>,
    /// What people are to be told; nobody, until the notifier is configured.
    pub(super) told: Queue,
}

impl Bench {
    /// A world in which it is `now` (UTC) and no run ends by itself.
    pub(super) fn new(now: &str) -> Self {
        let clock = Clock::starting_at(format!("{now}Z").parse().unwrap());
        let (sender, began) = mpsc::unbounded_channel();
        let notebook = Arc::new(Notebook::default());
        let script = Arc::new(Script {
            clock: clock.clone(),
            began: sender,
            may_end: Semaphore::new(0),
            panics: AtomicBool::new(false),
            locked_out: AtomicBool::new(false),
            heeds_cancel: AtomicBool::new(true),
            at_once: AtomicU64::new(0),
            most_at_once: AtomicU64::new(0),
            changes: std::sync::Mutex::default(),
        });
        let metrics = Metrics::new();
        crate::notify::testing::start_logging();
        let (notifier, told) = Notifier::new(NotifySettings::default(), metrics.clone());
        let common = Common {
            records: Arc::clone(&notebook) as Arc<dyn Records>,
            runner: Arc::clone(&script) as Arc<dyn Runner>,
            clock,
            metrics,
            jitter: Arc::new(|_| Duration::ZERO),
            retention: ReportSettings { keep: Duration::from_secs(3600), at_most: 10 },
            notifier,
            changed: Arc::default(),
            tokens: Tokens::default(),
        };
        Self { common, notebook, script, began, told }
    }

    /// The task of a connector named acme, which nothing has polled yet.
    pub(super) async fn prepare(&self, schedule: Option<ScheduleSettings>) -> (ConnectorHandle, Task) {
        let spec = Spec {
            name: "acme".to_owned(),
            configuration: Some(connector("acme", "one", schedule)),
            config_error: None,
            catch_up: true,
            alone: Arc::default(),
        };
        let (handle, task, _) = prepare(spec, self.common.clone()).await.unwrap();
        (handle, task)
    }

    /// Starts it.
    pub(super) async fn start(
        &self,
        schedule: Option<ScheduleSettings>,
    ) -> (ConnectorHandle, JoinHandle<()>) {
        let (handle, task) = self.prepare(schedule).await;
        (handle, tokio::spawn(task.run()))
    }

    /// The next run that begins.
    pub(super) async fn next_began(&mut self) -> BeganRun {
        soon(self.began.recv()).await.unwrap()
    }

    /// Lets that many runs end.
    pub(super) fn let_end(&self, runs: usize) {
        self.script.may_end.add_permits(runs);
    }
}

/// A connector as its file would make it.
pub(super) fn connector(name: &str, digest: &str, schedule: Option<ScheduleSettings>) -> Arc<Connector> {
    Arc::new(Connector {
        name: name.to_owned(),
        path: PathBuf::from(format!("/etc/usersyncd/connectors.d/{name}.yaml")),
        digest: digest.to_owned(),
        schedule,
        ..Connector::for_tests(Rules::default())
    })
}
