//! What the daemon says beside a plan or a report: how the connector is doing, and what became of its holds.

use super::ctl::Ctl;
use crate::control::api::{ConnectorState, ConnectorStatus, HoldList, HoldState, HoldView};
use crate::sync::report::HoldSummary;

/// What is known beside a document. All of it may be missing: what is shown is then said without it.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The connector.
    pub(super) status: Option<ConnectorStatus>,
    /// What is held of it, newest first.
    pub(super) holds: Vec<HoldView>,
    /// How many operations the kept plan has that a run applied.
    pub(super) planned: Option<u64>,
}

impl Known {
    /// The connector and its holds.
    pub(super) async fn of(ctl: &Ctl, connector: &str) -> Self {
        let status = ctl.client.get(&["v1", "connectors", connector], &[]).await.ok();
        Self { status, ..Self::holds_of(ctl, connector).await }
    }

    /// The holds of the connector.
    pub(super) async fn holds_of(ctl: &Ctl, connector: &str) -> Self {
        let holds = ctl.client.get::<HoldList>(&["v1", "holds"], &[("connector", connector)]).await;
        let mut holds = holds.map(|list| list.holds).unwrap_or_default();
        holds.retain(|hold| hold.connector == connector);
        Self { holds, ..Self::default() }
    }

    /// Whether somebody put the hold aside.
    pub(super) fn is_aside(&self, hold: &HoldSummary) -> bool {
        let same = |known: &&HoldView| hold.id.is_some() && known.summary.id == hold.id;
        self.holds.iter().find(same).is_some_and(|known| known.state == HoldState::Discarded)
    }

    /// Whether the connector is paused, and why if that is known.
    pub(super) fn paused(&self) -> Option<Option<&str>> {
        let status = self.status.as_ref()?;
        let reason = status.pause_reason.as_deref();
        (status.state == ConnectorState::Paused || reason.is_some()).then_some(reason)
    }

    /// Whether the connector writes.
    pub(super) fn writes(&self) -> bool {
        self.status.as_ref().is_none_or(|status| status.apply)
    }
}
