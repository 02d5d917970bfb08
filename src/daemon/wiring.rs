//! What a run works with: one store, one directory, one HTTP client for all, one lock per target.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::run::Runner;
use crate::clock::Clock;
use crate::config::model::{Connector, TargetSettings};
use crate::control::api::{Explanation, KeptPlan, PlanDocument, UndoDocument};
use crate::http::Shared;
use crate::source::okta::{Okta, SignIns, Skinnies};
use crate::source::sharing::Sharing;
use crate::store::Store;
use crate::sync::engine::{self, ChangesEnd, Keeping, Rebinding, Relinking, RunTicket, Services, Undoing};
use crate::sync::model::Ledger;
use crate::sync::progress::RunControl;
use crate::sync::report::Report;
use crate::sync::turn::Turn;
use crate::target::directory::Directory;
use crate::target::{self, Reader, Writer};

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
    /// Where connectors of one org meet before they read it.
    pub(super) sharing: Sharing,
    /// Access tokens, which all connectors of one app share.
    sign_ins: SignIns,
    skinnies: Skinnies,
    turns: Mutex<HashMap<String, Arc<Turn>>>,
}

impl Workshop {
    /// With these.
    pub(super) fn new(store: Store, directory: Directory, http: Shared, clock: Clock) -> Self {
        let (sharing, sign_ins) = (Sharing::default(), SignIns::new(clock.clone()));
        let skinnies = Skinnies::default();
        Self { store, directory, http, clock, sharing, sign_ins, skinnies, turns: Mutex::default() }
    }

    /// What binding the connector's ledger to what its file names would mean.
    pub(super) async fn rebinding(
        &self,
        connector: &Connector,
        ledger: &Ledger,
    ) -> Result<Rebinding, String> {
        let services = self.services(connector);
        engine::rebinding(&connector.name, ledger, &services, &RunControl::default()).await
    }

    /// What rebuilding the connector's ledger would mean. The error is a whole sentence.
    pub(super) async fn relinking(&self, connector: &Connector, shared: bool) -> Result<Relinking, String> {
        engine::relinking(connector, shared, &self.services(connector), &RunControl::default()).await
    }

    /// Why a user of the connector is in or out. The error is a whole sentence.
    pub(super) async fn explain(&self, connector: &Connector, login: &str) -> Result<Explanation, String> {
        engine::explain(connector, &self.services(connector), login, &RunControl::default()).await
    }

    /// The org that a connector reads, asked for itself alone.
    pub(super) fn okta(&self, connector: &Connector) -> Okta {
        let skinny = self.skinnies.of(connector);
        Okta::new(connector.source.clone(), &self.http, &self.sign_ins).with_skinny(skinny)
    }

    fn services(&self, connector: &Connector) -> Services {
        let (reader, writer) = self.target(connector);
        let (http, sign_ins) = (self.http.clone(), self.sign_ins.clone());
        let skinny = self.skinnies.of(connector);
        let okta = self.okta(connector);
        Services {
            source_of: Arc::new(move |settings| {
                Arc::new(Okta::new(settings.clone(), &http, &sign_ins).with_skinny(skinny.clone()))
            }),
            store: self.store.clone(),
            clock: self.clock.clone(),
            source: Arc::new(self.sharing.source(connector.source.clone(), Arc::new(okta))),
            turn: self.turn(&reader.address()),
            reader,
            writer,
        }
    }

    /// What a connector writes to, by both of its sides.
    pub(super) fn target(&self, connector: &Connector) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
        match &connector.target {
            TargetSettings::Directory => (Arc::new(self.directory.clone()), Arc::new(self.directory.clone())),
            TargetSettings::Server(settings) => {
                self.http.expect_api(settings.product.key());
                target::open(settings, &self.http)
            }
        }
    }

    /// The lock of the target at that address (law 8). There are as many as there are targets in the files.
    fn turn(&self, address: &str) -> Arc<Turn> {
        let mut locks = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(address.to_owned()).or_default())
    }
}

#[async_trait]
impl Runner for Workshop {
    async fn sync(&self, connector: &Connector, ticket: &RunTicket, control: &RunControl) -> Report {
        engine::sync(connector, &self.services(connector), ticket, control).await
    }
    async fn sync_changes(
        &self,
        connector: &Connector,
        ticket: &RunTicket,
        control: &RunControl,
    ) -> (Report, ChangesEnd) {
        engine::sync_changes(connector, &self.services(connector), ticket, control).await
    }
    async fn plan(
        &self,
        connector: &Connector,
        keeping: Option<&Keeping>,
        control: &RunControl,
    ) -> Result<(PlanDocument, Option<KeptPlan>), String> {
        engine::plan(connector, &self.services(connector), keeping, control).await
    }
    async fn plan_undo(
        &self,
        connector: &Connector,
        run: u64,
        control: &RunControl,
    ) -> Result<UndoDocument, String> {
        engine::plan_undo(connector, &self.services(connector), run, control).await
    }
    async fn undo(
        &self,
        connector: &Connector,
        ticket: &RunTicket,
        undoing: &Undoing,
        control: &RunControl,
    ) -> (Report, bool) {
        engine::undo(connector, &self.services(connector), ticket, undoing, control).await
    }
    fn target_address(&self, connector: &Connector) -> String {
        self.target(connector).0.address()
    }
}
