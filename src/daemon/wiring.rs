//! What a run works with: one store, one directory, one HTTP client for all, one lock per target.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::run::Runner;
use crate::clock::Clock;
use crate::config::model::{Connector, TargetSettings};
use crate::control::api::PlanDocument;
use crate::http::Shared;
use crate::source::okta::Okta;
use crate::store::Store;
use crate::sync::engine::{self, RunTicket, Services};
use crate::sync::model::Binding;
use crate::sync::progress::RunControl;
use crate::sync::report::Report;
use crate::target::directory::Directory;
use crate::target::{Reader, Writer};

/// What all connectors work with.
pub(super) struct Workshop {
    /// What the daemon remembers.
    pub(super) store: Store,
    /// The built-in directory.
    pub(super) directory: Directory,
    /// Connections and rate limits.
    pub(super) http: Shared,
    /// The clock.
    pub(super) clock: Clock,
    apply_locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Workshop {
    /// With these.
    pub(super) fn new(store: Store, directory: Directory, http: Shared, clock: Clock) -> Self {
        Self { store, directory, http, clock, apply_locks: Mutex::default() }
    }

    /// Reads the source's and the target's address.
    pub(super) async fn present_binding(&self, connector: &Connector) -> Result<Binding, String> {
        engine::present_binding(&self.services(connector), &RunControl::default()).await
    }

    fn services(&self, connector: &Connector) -> Services {
        let (reader, writer) = self.target(connector);
        Services {
            store: self.store.clone(),
            clock: self.clock.clone(),
            source: Arc::new(Okta::new(connector.source.clone(), &self.http)),
            apply_lock: self.apply_lock(&reader.address()),
            reader,
            writer,
        }
    }

    fn target(&self, connector: &Connector) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
        match connector.target {
            TargetSettings::Directory => (Arc::new(self.directory.clone()), Arc::new(self.directory.clone())),
        }
    }

    /// The lock of the target at that address (law 8). There are as many as there are targets in the files.
    fn apply_lock(&self, address: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.apply_locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(address.to_owned()).or_default())
    }
}

#[async_trait]
impl Runner for Workshop {
    async fn sync(&self, connector: &Connector, ticket: &RunTicket, control: &RunControl) -> Report {
        engine::sync(connector, &self.services(connector), ticket, control).await
    }
    async fn plan(&self, connector: &Connector, control: &RunControl) -> Result<PlanDocument, String> {
        engine::plan(connector, &self.services(connector), control).await
    }
    fn target_address(&self, connector: &Connector) -> String {
        self.target(connector).0.address()
    }
}
