//! What everybody in the daemon may look at: the connectors there are, and the facts about the daemon itself.
//!
//! Only the supervisor writes here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};

use super::handle::ConnectorHandle;
use crate::config::model::OktaSettings;
use crate::control::api::DaemonStatus;
use crate::control::fault::Fault;
use crate::sync::report::FORMAT_VERSION;

/// Facts that never change.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// When the daemon started.
    pub(super) started: DateTime<Utc>,
    /// usersyncd.yaml.
    pub(super) config: PathBuf,
    /// The state directory.
    pub(super) state: PathBuf,
    /// Where metrics are served.
    pub(super) metrics: Option<String>,
    /// The directory of connector files.
    pub(super) connectors: PathBuf,
    /// The control socket.
    pub(super) socket: PathBuf,
    /// The group that may use it.
    pub(super) group: String,
    /// Whether systemd made that socket.
    pub(super) socket_is_inherited: bool,
}

#[cfg(test)]
impl Facts {
    /// Of a daemon without files, for tests.
    pub(super) fn since(started: DateTime<Utc>) -> Self {
        let (config, state, connectors, socket) = Default::default();
        let (group, socket_is_inherited) = Default::default();
        Self { started, config, state, metrics: None, connectors, socket, group, socket_is_inherited }
    }
}

/// The connectors and the daemon itself.
#[derive(Debug)]
pub(super) struct Registry {
    facts: Facts,
    present: RwLock<Present>,
}

#[derive(Debug, Default)]
struct Present {
    connectors: BTreeMap<String, ConnectorHandle>,
    loaded: bool,
    stopping: bool,
    restart_needed_for: Vec<String>,
}

impl Registry {
    /// Without any connector.
    pub(super) fn new(facts: Facts) -> Self {
        Self { facts, present: RwLock::default() }
    }

    /// What does not change while the daemon runs.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The connector of that name.
    pub(super) fn find(&self, name: &str) -> Option<ConnectorHandle> {
        self.read().connectors.get(name).cloned()
    }

    /// The connector of that name, or a sentence that says which there are.
    pub(super) fn get(&self, name: &str) -> Result<ConnectorHandle, Fault> {
        self.find(name).ok_or_else(|| {
            if !self.read().loaded {
                return Fault::conflict(
                    "the daemon is still reading its connector files; ask again in a second",
                );
            }
            let names: Vec<_> = self.read().connectors.keys().cloned().collect();
            let there = match &names[..] {
                [] => "there are no connectors; each *.yaml in the connectors directory makes one".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            Fault::not_found(format!("there is no connector {name:?}; {there}"))
        })
    }

    /// All that there is to see.
    pub(super) fn status(&self) -> DaemonStatus {
        let present = self.read();
        let staying = present.connectors.values().filter(|connector| !connector.is_leaving());
        DaemonStatus {
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.facts.started,
            config: self.facts.config.display().to_string(),
            state: self.facts.state.display().to_string(),
            metrics: self.facts.metrics.clone(),
            stopping: present.stopping,
            restart_needed_for: present.restart_needed_for.clone(),
            connectors: staying.map(ConnectorHandle::status).collect(),
        }
    }

    /// How many connectors read this source and can run.
    pub(super) fn readers_of(&self, source: &OktaSettings) -> usize {
        let reads = |handle: &&ConnectorHandle| {
            let view = handle.view();
            let same = view.configuration.is_some_and(|connector| connector.source == *source);
            same && view.runnable && !view.removed && !view.paused
        };
        self.read().connectors.values().filter(reads).count()
    }

    /// A connector is there, in place of one of the same name.
    pub(super) fn put(&self, name: &str, handle: ConnectorHandle) {
        self.write().connectors.insert(name.to_owned(), handle);
    }

    /// A connector is gone.
    pub(super) fn remove(&self, name: &str) {
        self.write().connectors.remove(name);
    }

    /// All files were read for the first time.
    pub(super) fn loaded(&self) {
        self.write().loaded = true;
    }

    /// The daemon stops.
    pub(super) fn stopping(&self) {
        self.write().stopping = true;
    }

    /// These keys of usersyncd.yaml need a restart.
    pub(super) fn restart_needed_for(&self, keys: Vec<String>) {
        self.write().restart_needed_for = keys;
    }

    fn read(&self) -> RwLockReadGuard<'_, Present> {
        self.present.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Present> {
        self.present.write().unwrap_or_else(PoisonError::into_inner)
    }
}
