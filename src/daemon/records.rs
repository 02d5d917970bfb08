//! What connectors' tasks write down and look up.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::store::{ConnectorMemory, Store, StoreError};
use crate::sync::report::{Report, Trigger};

/// What the daemon remembers of connectors and runs, as far as their tasks use it: the [`Store`], or a map in tests.
#[async_trait]
pub(super) trait Records: Send + Sync {
    /// See [`Store::memory`].
    async fn memory(&self, connector: &str) -> Result<ConnectorMemory, StoreError>;
    /// See [`Store::set_paused`].
    async fn set_paused(&self, connector: &str, paused: bool, reason: Option<&str>)
    -> Result<(), StoreError>;
    /// See [`Store::set_last_scheduled`].
    async fn set_last_scheduled(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError>;
    /// See [`Store::set_expected_since`].
    async fn set_expected_since(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError>;
    /// See [`Store::begin_run`].
    async fn begin_run(
        &self,
        connector: &str,
        trigger: Trigger,
        user: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError>;
    /// See [`Store::end_run`].
    async fn end_run(&self, report: &Report) -> Result<(), StoreError>;
    /// See [`Store::forget_run`].
    async fn forget_run(&self, run: u64) -> Result<(), StoreError>;
    /// See [`Store::prune`].
    async fn prune(
        &self,
        connector: &str,
        ended_before: DateTime<Utc>,
        at_most: u64,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError>;
}

#[async_trait]
impl Records for Store {
    async fn memory(&self, connector: &str) -> Result<ConnectorMemory, StoreError> {
        Store::memory(self, connector).await
    }
    async fn set_paused(
        &self,
        connector: &str,
        paused: bool,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        Store::set_paused(self, connector, paused, reason).await
    }
    async fn set_last_scheduled(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        Store::set_last_scheduled(self, connector, at).await
    }
    async fn set_expected_since(&self, connector: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        Store::set_expected_since(self, connector, at).await
    }
    async fn begin_run(
        &self,
        connector: &str,
        trigger: Trigger,
        user: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        Store::begin_run(self, connector, trigger, user, at).await
    }
    async fn end_run(&self, report: &Report) -> Result<(), StoreError> {
        Store::end_run(self, report).await
    }
    async fn forget_run(&self, run: u64) -> Result<(), StoreError> {
        Store::forget_run(self, run).await
    }
    async fn prune(
        &self,
        connector: &str,
        ended_before: DateTime<Utc>,
        at_most: u64,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        Store::prune(self, connector, ended_before, at_most, now).await
    }
}
