//! All connectors' tasks: started, told of their files, restarted after a fault, let go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::connector::{Spec, prepare};
use super::handle::{Command, ConnectorHandle};
use super::registry::Registry;
use super::run::{Common, panic_text};
use crate::config::model::Connector;
use crate::control::api::Rejected;

/// How long a task that failed is left alone, at first and at most; the time doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// All connectors' tasks.
pub(super) struct Fleet {
    common: Common,
    registry: Arc<Registry>,
    entries: BTreeMap<String, Entry>,
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
    /// Connectors that could run at some time since the daemon started: nothing of theirs was missed any more.
    ran_before: BTreeSet<String>,
    /// Held by whatever runs, by connector, from its first task to the end of the daemon.
    alone: BTreeMap<String, Arc<Mutex<()>>>,
    stopping: bool,
}

/// One connector.
struct Entry {
    spec: Spec,
    /// Absent until its task could be started.
    handle: Option<ConnectorHandle>,
    /// Its file is gone; it goes when nothing of it is busy.
    retired: bool,
    /// Its task was told to end, because of that.
    leaving: bool,
    failures: u32,
    started: Instant,
    restart_at: Option<Instant>,
}

/// What a task came to: which one, and whether it panicked.
pub(super) type Ended = Result<(Id, ()), JoinError>;

impl Fleet {
    /// Without any connector.
    pub(super) fn new(common: Common, registry: Arc<Registry>) -> Self {
        Self {
            common,
            registry,
            entries: BTreeMap::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            ran_before: BTreeSet::new(),
            alone: BTreeMap::new(),
            stopping: false,
        }
    }

    /// A file is good. Returns whether the connector is new.
    pub(super) async fn good(&mut self, connector: Connector) -> bool {
        let (name, connector) = (connector.name.clone(), Arc::new(connector));
        if let Some(entry) = self.entries.get_mut(&name) {
            let is_new = entry.retired;
            entry.retired = false;
            entry.spec.config_error = None;
            entry.spec.configuration = Some(Arc::clone(&connector));
            self.ran_before.insert(name);
            if let Some(handle) = &entry.handle {
                handle.tell(Command::Configure(connector));
            }
            return is_new;
        }
        self.add(name, Some(connector), None).await;
        true
    }

    /// A file is broken; `diagnostics` say how.
    pub(super) async fn broken(&mut self, name: &str, diagnostics: String) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.retired = false;
            entry.spec.config_error = Some(diagnostics.clone());
            if let Some(handle) = &entry.handle {
                handle.tell(Command::Broken(diagnostics));
            }
            return;
        }
        self.add(name.to_owned(), None, Some(diagnostics)).await;
    }

    /// A file is gone: the schedule stops, a busy run finishes, nothing is changed in the target.
    pub(super) fn removed(&mut self, name: &str) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.retired = true;
            if let Some(handle) = &entry.handle {
                handle.tell(Command::Retire);
            }
        }
    }

    /// Waits until every connector has taken what it was told.
    pub(super) async fn settled(&self) {
        for handle in self.entries.values().filter_map(|entry| entry.handle.as_ref()) {
            handle.settled().await;
        }
    }

    /// What is wrong with the file of that connector, if anything.
    pub(super) fn config_error(&self, name: &str) -> Option<&str> {
        self.entries.get(name)?.spec.config_error.as_deref()
    }

    /// The digest of what is in force for that connector.
    pub(super) fn digest(&self, name: &str) -> Option<&str> {
        let entry = self.entries.get(name).filter(|entry| !entry.retired)?;
        entry.spec.configuration.as_ref().map(|connector| connector.digest.as_str())
    }

    /// All broken files.
    pub(super) fn rejected(&self) -> Vec<Rejected> {
        let broken = |(name, entry): (&String, &Entry)| {
            entry.spec.config_error.as_ref().filter(|_| !entry.retired).map(|diagnostics| Rejected {
                name: name.clone(),
                diagnostics: diagnostics.clone(),
                last_good_in_force: entry.spec.configuration.is_some(),
            })
        };
        self.entries.iter().filter_map(broken).collect()
    }

    /// All connectors whose file is there and good.
    pub(super) fn good_names(&self) -> impl Iterator<Item = &String> {
        let good = |entry: &Entry| !entry.retired && entry.spec.config_error.is_none();
        self.entries.iter().filter(move |(_, entry)| good(entry)).map(|(name, _)| name)
    }

    async fn add(
        &mut self,
        name: String,
        configuration: Option<Arc<Connector>>,
        config_error: Option<String>,
    ) {
        let alone = Arc::clone(self.alone.entry(name.clone()).or_default());
        let catch_up = !self.ran_before.contains(&name);
        if configuration.is_some() {
            self.ran_before.insert(name.clone());
        }
        let spec = Spec { name: name.clone(), configuration, config_error, catch_up, alone };
        let entry = Entry {
            spec,
            handle: None,
            retired: false,
            leaving: false,
            failures: 0,
            started: Instant::now(),
            restart_at: None,
        };
        self.entries.insert(name.clone(), entry);
        self.start(&name).await;
    }

    /// Starts the task of an entry, or notes when to try again.
    async fn start(&mut self, name: &str) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        match prepare(entry.spec.clone(), self.common.clone()).await {
            Ok((handle, task, memory)) => {
                (entry.restart_at, entry.leaving, entry.started) = (None, false, Instant::now());
                self.common.metrics.connector_loaded(name, &memory);
                handle.restate(&self.common.metrics);
                self.registry.put(name, handle.clone());
                entry.handle = Some(handle);
                let id = self.tasks.spawn(task.run()).id();
                self.names.insert(id, name.to_owned());
            }
            Err(error) => {
                let pause = entry.pause();
                tracing::error!(
                    connector = name,
                    "cannot be started, since what is remembered of it cannot be read: {error}; trying again in {} s",
                    pause.as_secs()
                );
                entry.restart_at = Some(Instant::now() + pause);
            }
        }
    }

    /// When the next task is to be started again.
    pub(super) fn next_restart(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.restart_at).min()
    }

    /// Starts what is due to be started again.
    pub(super) async fn restart_due(&mut self) {
        let now = Instant::now();
        let due = |entry: &Entry| entry.restart_at.is_some_and(|at| at <= now);
        let names: Vec<_> =
            self.entries.iter().filter(|(_, entry)| due(entry)).map(|(name, _)| name.clone()).collect();
        for name in names {
            if self.entries.get(&name).is_some_and(|entry| entry.retired) {
                self.forget(&name);
            } else {
                self.start(&name).await;
            }
        }
    }

    /// Waits until a task ends; for ever, if there is none. Nothing is lost if this is dropped.
    pub(super) async fn next_end(&mut self) -> Ended {
        match self.tasks.join_next_with_id().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// A task ended: because it was told to, or because of a fault, and then it is started again.
    pub(super) fn ended(&mut self, ended: Ended) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let Some(name) = self.names.remove(&id) else { return };
        let Some(entry) = self.entries.get_mut(&name) else { return };
        if let Err(error) = ended {
            tracing::error!(
                connector = name,
                "internal error in the connector's task, please report it: {}. A busy run is asked to stop; the other \
                 connectors are not affected",
                panic_text(error)
            );
        }
        if self.stopping || entry.retired {
            self.forget(&name);
            return;
        }
        entry.spec.catch_up = false;
        if entry.leaving {
            // The file came back just when the task was let go.
            entry.restart_at = Some(Instant::now());
            return;
        }
        let pause = entry.pause();
        tracing::warn!(connector = name, "its task is started again in {} s", pause.as_secs());
        entry.restart_at = Some(Instant::now() + pause);
    }

    /// Ends the tasks of connectors whose file is gone, once nothing of theirs is busy.
    pub(super) fn let_go(&mut self) {
        for entry in self.entries.values_mut().filter(|entry| entry.retired && !entry.leaving) {
            if let Some(handle) = entry.handle.as_ref().filter(|handle| handle.is_leaving()) {
                handle.tell(Command::Stop);
                entry.leaving = true;
            }
        }
    }

    /// Ends all tasks as soon as what is busy has finished the operations under way.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        let mut dead = Vec::new();
        for (name, entry) in &mut self.entries {
            match (&entry.handle, entry.restart_at) {
                (Some(handle), None) => handle.tell(Command::Stop),
                _ => dead.push(name.clone()),
            }
        }
        for name in dead {
            self.forget(&name);
        }
    }

    /// Whether no task is left, and no run either that has lost its task.
    pub(super) fn is_drained(&self) -> bool {
        self.tasks.is_empty() && self.alone.values().all(|alone| alone.try_lock().is_ok())
    }

    fn forget(&mut self, name: &str) {
        self.entries.remove(name);
        self.common.note_token(name, None);
        if !self.stopping {
            self.registry.remove(name);
            self.common.metrics.connector_gone(name);
        }
        self.common.changed.notify_one();
    }
}

impl Entry {
    /// How long to wait after this failure. A task that lived long begins anew.
    fn pause(&mut self) -> Duration {
        if self.started.elapsed() > LONGEST_PAUSE * 10 {
            self.failures = 0;
        }
        let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        pause.min(LONGEST_PAUSE)
    }
}
