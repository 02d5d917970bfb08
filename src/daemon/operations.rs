//! What the control socket asks for, done.

mod ledger;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::backup;
use super::doctor::{self, Patient};
use super::feed::Feed;
use super::handle::ConnectorHandle;
use super::machine::{Kind, Refusal};
use super::registry::Registry;
use super::run::panic_text;
use super::supervisor::Order;
use super::wiring::Workshop;
use super::wording;
use crate::config;
use crate::config::model::{Connector, LogLevel};
use crate::control::api::{
    ApproveRequest, ConnectorConfiguration, ConnectorStatus, DaemonStatus, Diagnosis, DirectoryGroup,
    DirectoryUser, Explanation, HoldDocument, HoldState, HoldView, KeptPlan, KeptPlanDocument, PlanRequest,
    RebindAnswer, RelinkAnswer, ReloadAnswer, RunEvent, RunSummary, UndoRequest,
};
use crate::control::fault::Fault;
use crate::control::server::{Archive, Control, Events, SyncExtent};
use crate::store::StoreError;
use crate::sync::engine::{Keeping, Undoing};
use crate::sync::report::{FORMAT_VERSION, HoldKind, Report, Trigger};

/// For how long an approval or a kept plan counts if nobody says.
const DECISION_HOURS: u32 = 24;
/// How many coming runs are shown.
const NEXT_RUNS: usize = 5;
/// How many explanations and diagnoses are made at a time; further ones wait.
pub(super) const MOST_EXPLANATIONS: usize = 4;

/// The daemon as the control socket sees it.
#[derive(Clone)]
pub(super) struct Operations {
    /// The connectors.
    pub(super) registry: Arc<Registry>,
    /// Store, directory, and what a rebind asks.
    pub(super) workshop: Arc<Workshop>,
    /// Orders to the supervisor.
    pub(super) orders: mpsc::Sender<Order>,
    /// Places for explanations and diagnoses that are being made: each asks the source, and all of them share its limits.
    pub(super) explaining: Arc<Semaphore>,
    /// The place for a backup that is being made or sent: each takes as much room as the state.
    pub(super) backing_up: Arc<Semaphore>,
    /// Changes the log level.
    pub(super) set_log_level: Arc<dyn Fn(LogLevel) + Send + Sync>,
}

fn events(feed: Feed) -> Events {
    Box::pin(futures_util::stream::unfold(feed, |mut feed| async move {
        let event: RunEvent = feed.next().await?;
        Some((event, feed))
    }))
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::internal(error.to_string())
    }
}

/// Carries something out to its end even if the client goes away in the middle of it.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    tokio::spawn(work)
        .await
        .unwrap_or_else(|error| Err(Fault::internal(format!("internal error, please report it: {error}"))))
}

#[async_trait]
impl Control for Operations {
    fn status(&self) -> DaemonStatus {
        self.registry.status()
    }

    fn connector(&self, name: &str) -> Result<ConnectorStatus, Fault> {
        self.registry.get(name).map(|handle| handle.status())
    }

    fn configuration(&self, name: &str) -> Result<ConnectorConfiguration, Fault> {
        let view = self.registry.get(name)?.view();
        let Some(connector) = view.configuration else {
            return Err(Fault::conflict(format!(
                "no good version of {name}'s file was seen since the daemon started; this is what is wrong with it:\n{}",
                view.config_error.unwrap_or_default()
            )));
        };
        Ok(ConnectorConfiguration {
            format_version: FORMAT_VERSION,
            name: name.to_owned(),
            path: connector.path.display().to_string(),
            yaml: config::effective_yaml(&connector),
            next_runs: next_runs(&connector, self.workshop.clock.now()),
            config_error: view.config_error,
        })
    }

    async fn sync(&self, name: &str, extent: SyncExtent) -> Result<Events, Fault> {
        let kind = match extent {
            SyncExtent::Everybody => Kind::Sync,
            SyncExtent::Changes => Kind::Changes,
            SyncExtent::User(user) => Kind::User(user),
        };
        self.registry.get(name)?.request(kind).await.map(events)
    }

    async fn plan(&self, name: &str, request: PlanRequest, uid: u32) -> Result<Events, Fault> {
        let hours = request.hours.unwrap_or(DECISION_HOURS);
        let keeping = request.keep.map(|id| Keeping { id, hours, uid });
        self.registry.get(name)?.request(Kind::Plan(keeping)).await.map(events)
    }

    async fn kept_plans(&self) -> Result<Vec<KeptPlan>, Fault> {
        Ok(self.workshop.store.kept_plans(self.workshop.clock.now()).await?)
    }

    async fn kept_plan(&self, id: &str) -> Result<KeptPlanDocument, Fault> {
        let kept = self.workshop.store.kept_plan(id, self.workshop.clock.now()).await?;
        kept.ok_or_else(|| {
            Fault::not_found(format!(
                "no plan is kept under the name {id:?}, or its time is over; `usersyncd ctl plans` lists those there are, and \
                 `usersyncd ctl plan NAME --out {id}` makes one"
            ))
        })
    }

    async fn apply(&self, plan: &str, uid: u32) -> Result<Events, Fault> {
        let kept = self.kept_plan(plan).await?.kept;
        let handle = self.registry.get(&kept.connector)?;
        refuse_where_nothing_is_written(&handle, &kept.connector, "the plan would not be applied")?;
        tracing::info!("uid {uid} has the plan {plan} of {} applied", kept.connector);
        handle.request(Kind::Apply(kept.id)).await.map(events)
    }

    async fn holds(&self, connector: Option<&str>, all: bool) -> Result<Vec<HoldView>, Fault> {
        let holds = self.workshop.store.holds(connector, all).await?;
        if let (Some(name), true) = (connector, holds.is_empty()) {
            self.registry.get(name)?;
        }
        Ok(holds)
    }

    async fn hold(&self, id: u64) -> Result<HoldDocument, Fault> {
        let found = self.workshop.store.hold(id).await?;
        let (hold, operations) = found.ok_or_else(|| no_such_hold(id))?;
        Ok(HoldDocument { format_version: FORMAT_VERSION, hold, operations })
    }

    async fn approve(
        &self,
        hold: u64,
        request: ApproveRequest,
        uid: u32,
    ) -> Result<(String, Option<Events>), Fault> {
        let operations = self.clone();
        to_the_end(async move { operations.approve_now(hold, &request, uid).await }).await
    }

    async fn discard(&self, hold: u64, uid: u32) -> Result<String, Fault> {
        let store = &self.workshop.store;
        let (view, _) = store.hold(hold).await?.ok_or_else(|| no_such_hold(hold))?;
        let name = &view.connector;
        match view.state {
            HoldState::Over | HoldState::Superseded => {
                return Err(Fault::conflict(not_held_any_more(&view)));
            }
            HoldState::Discarded => return Ok(format!("hold {hold} of {name} was put aside already")),
            HoldState::Open | HoldState::Approved => {}
        }
        let relinking = store.is_relinking(name).await?;
        store.discard(hold).await?;
        if relinking && !store.is_relinking(name).await? {
            return Ok(format!(
                "uid {uid} puts hold {hold} of {name} aside and ends the relink: what bears a name only is not managed, and                  runs do not ask for it any more"
            ));
        }
        let taken_back = match &view.approval {
            Some(approval) if approval.left > 0 => "its approval is taken back; ",
            _ => "",
        };
        Ok(format!(
            "uid {uid} puts hold {hold} of {name} aside: {taken_back}runs go on to hold it as long as it exceeds its limit, and \
             nobody is told of it again"
        ))
    }

    async fn undo(&self, run: u64, request: UndoRequest, uid: u32) -> Result<Events, Fault> {
        let summary = self.workshop.store.run_summary(run).await?;
        let summary = summary.ok_or_else(|| {
            Fault::not_found(format!(
                "there is no run {run}; `usersyncd ctl history` lists the runs there are"
            ))
        })?;
        let handle = self.registry.get(&summary.connector)?;
        let kind = if request.confirm {
            Kind::Undo(Undoing { run, fingerprint: request.fingerprint, uid })
        } else {
            Kind::PlanUndo(run)
        };
        handle.request(kind).await.map(events)
    }

    async fn explain(&self, name: &str, login: &str) -> Result<Explanation, Fault> {
        let view = self.registry.get(name)?.view();
        let refused = |refusal| wording::refused(name, refusal, view.config_error.as_deref());
        if view.removed {
            return Err(refused(Refusal::Removed));
        }
        let connector = view.configuration.clone().ok_or_else(|| refused(Refusal::NotRunnable))?;
        let _place = self.explaining.acquire().await.map_err(|_| refused(Refusal::Stopping))?;
        let (workshop, login) = (Arc::clone(&self.workshop), login.to_owned());
        // A task of its own, so that a panic in it is told; given up with this future, when the client goes away.
        let explaining =
            AbortOnDropHandle::new(tokio::spawn(async move { workshop.explain(&connector, &login).await }));
        match explaining.await {
            Ok(explained) => explained.map_err(Fault::conflict),
            Err(error) => Err(Fault::internal(format!(
                "internal error while explaining, please report it: {}; nothing was changed",
                panic_text(error)
            ))),
        }
    }

    async fn doctor(&self, name: &str) -> Result<Diagnosis, Fault> {
        let handle = self.registry.get(name)?;
        let stopping = || wording::refused(name, Refusal::Stopping, None);
        let _place = self.explaining.acquire().await.map_err(|_| stopping())?;
        let patient = Patient {
            name: name.to_owned(),
            view: handle.view(),
            token: handle.status().token,
            facts: self.registry.facts().clone(),
            workshop: Arc::clone(&self.workshop),
        };
        // As for explanations.
        let examining = AbortOnDropHandle::new(tokio::spawn(async move { doctor::examine(&patient).await }));
        examining.await.map_err(|error| {
            Fault::internal(format!(
                "internal error while looking, please report it: {}; nothing was changed",
                panic_text(error)
            ))
        })
    }

    async fn cancel(&self, name: &str) -> Result<String, Fault> {
        self.registry.get(name)?.cancel().await
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<String, Fault> {
        self.registry.get(name)?.set_paused(paused).await
    }

    async fn rebind(&self, name: &str, confirm: bool) -> Result<RebindAnswer, Fault> {
        let (operations, name) = (self.clone(), name.to_owned());
        to_the_end(async move { operations.rebind_now(&name, confirm).await }).await
    }

    async fn relink(&self, name: &str, confirm: bool) -> Result<RelinkAnswer, Fault> {
        if !confirm {
            return self.relink_shown(name).await;
        }
        let relinking = self.relink_read(name).await?;
        let (operations, name) = (self.clone(), name.to_owned());
        to_the_end(async move { operations.relink_now(&name, relinking).await }).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<String, Fault> {
        let (operations, from, to) = (self.clone(), from.to_owned(), to.to_owned());
        to_the_end(async move { operations.rename_now(&from, &to).await }).await
    }

    async fn release(&self, name: &str, login: &str) -> Result<String, Fault> {
        let (operations, name, login) = (self.clone(), name.to_owned(), login.to_owned());
        to_the_end(async move { operations.release_now(&name, &login).await }).await
    }

    async fn runs(&self, connector: Option<&str>, limit: usize) -> Result<Vec<RunSummary>, Fault> {
        let runs = self.workshop.store.runs(connector, limit).await?;
        if let (Some(name), true) = (connector, runs.is_empty()) {
            // A connector whose file is gone still has its history; one that never was is a slip of the pen.
            self.registry.get(name)?;
        }
        Ok(runs)
    }

    async fn run(&self, run: u64) -> Result<Report, Fault> {
        let report = self.workshop.store.report(run).await?;
        report.ok_or_else(|| {
            Fault::not_found(format!(
                "there is no run {run} that has ended; `usersyncd ctl history` lists the runs there are"
            ))
        })
    }

    async fn backup(&self) -> Result<Archive, Fault> {
        let turn = Arc::clone(&self.backing_up).try_acquire_owned().map_err(|_| {
            Fault::conflict("another backup is being made or sent; no second one was begun. Try again later")
        })?;
        let state = self.registry.facts().state.clone();
        let (directory, now) = (self.workshop.directory.clone(), self.workshop.clock.now());
        backup::make(state, &directory, now, turn).await
    }

    async fn reload(&self) -> Result<ReloadAnswer, Fault> {
        let (answer, outcome) = oneshot::channel();
        let sent = self.orders.send(Order::Reload(answer)).await;
        let outcome = if sent.is_ok() { outcome.await.ok() } else { None };
        outcome.ok_or_else(|| Fault::conflict("the daemon is shutting down; nothing was read"))
    }

    async fn set_log_level(&self, level: &str) -> Result<String, Fault> {
        let Some(known) = LogLevel::from_name(level) else {
            let names = LogLevel::ALL.map(LogLevel::as_str).join(", ");
            return Err(Fault::bad_request(format!("there is no log level {level:?}; there are: {names}")));
        };
        (self.set_log_level)(known);
        Ok(format!(
            "the log level is {} until log.level in usersyncd.yaml changes or the daemon restarts",
            known.as_str()
        ))
    }

    async fn directory_users(&self) -> Result<Vec<DirectoryUser>, Fault> {
        self.workshop.directory.users().await.map_err(|error| Fault::internal(error.to_string()))
    }

    async fn directory_groups(&self) -> Result<Vec<DirectoryGroup>, Fault> {
        self.workshop.directory.groups().await.map_err(|error| Fault::internal(error.to_string()))
    }

    async fn directory_members(&self, group: &str) -> Result<Vec<String>, Fault> {
        let members = self.workshop.directory.members(group).await;
        let members = members.map_err(|error| Fault::internal(error.to_string()))?;
        members.ok_or_else(|| {
            Fault::not_found(format!(
                "the built-in directory has no group {group:?}; `usersyncd ctl directory groups` lists them"
            ))
        })
    }
}

impl Operations {
    /// RULES 24: names exactly the changes of the hold, for this caller and this long, and begins a run at once.
    async fn approve_now(
        &self,
        hold: u64,
        request: &ApproveRequest,
        uid: u32,
    ) -> Result<(String, Option<Events>), Fault> {
        let store = &self.workshop.store;
        let (view, _) = store.hold(hold).await?.ok_or_else(|| no_such_hold(hold))?;
        let name = &view.connector;
        if view.state == HoldState::Over {
            return Err(Fault::conflict(not_held_any_more(&view)));
        }
        if view.changes == 0 && view.summary.kind != HoldKind::View {
            return Err(Fault::conflict(format!(
                "hold {hold} of {name} only says what will be held when the grace of its users is over; there is nothing to \
                 approve yet"
            )));
        }
        let handle = self.registry.get(name)?;
        refuse_where_nothing_is_written(&handle, name, "an approval would have no effect")?;
        let state = handle.view();
        if !request.later && (state.removed || state.paused || state.configuration.is_none()) {
            let refusal = match (state.removed, state.paused) {
                (true, _) => Refusal::Removed,
                (false, true) => Refusal::Paused,
                (false, false) => Refusal::NotRunnable,
            };
            return Err(wording::refused(name, refusal, state.config_error.as_deref()));
        }
        let now = self.workshop.clock.now();
        let hours = i64::from(request.hours.unwrap_or(DECISION_HOURS));
        let until = now + TimeDelta::hours(hours);
        store.approve(hold, uid, now, until).await?;
        let message = format!(
            "uid {uid} approves hold {hold} of {name} until {}: {} of kind {}, and nothing else",
            until.format("%Y-%m-%d %H:%M UTC"),
            wording::count(usize::try_from(view.changes).unwrap_or(usize::MAX), "change"),
            view.summary.kind.as_str()
        );
        if request.later {
            return Ok((format!("{message}; the next run does it"), None));
        }
        let feed = handle.request_as(Kind::Sync, Trigger::Approval).await?;
        Ok((message, Some(events(feed))))
    }
}

fn no_such_hold(hold: u64) -> Fault {
    Fault::not_found(format!(
        "there is no hold {hold}; `usersyncd ctl holds` lists those that wait for a decision, `--all` those of before too"
    ))
}

fn not_held_any_more(hold: &HoldView) -> String {
    let (number, name) = (hold.summary.id.unwrap_or_default(), &hold.connector);
    match hold.state {
        HoldState::Superseded => format!(
            "hold {number} of {name} has made way for one with other operations; `usersyncd ctl holds {name}` shows it"
        ),
        _ => format!(
            "nothing of hold {number} of {name} is held any more: it was applied, or nobody asks for it (it was last held by \
             run {}); `usersyncd ctl holds {name}` shows what is",
            hold.last_run
        ),
    }
}

/// RULES 27.
fn refuse_where_nothing_is_written(handle: &ConnectorHandle, name: &str, then: &str) -> Result<(), Fault> {
    match handle.view().configuration {
        Some(connector) if !connector.apply => Err(Fault::conflict(format!(
            "{name} has `apply: off` and writes nothing, so {then}; set `apply: on` in its file first"
        ))),
        _ => Ok(()),
    }
}

/// The next times at which the schedule fires, without jitter.
fn next_runs(connector: &Connector, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let next = |after: &DateTime<Utc>| connector.schedule.as_ref()?.next_after(*after);
    std::iter::successors(next(&now), next).take(NEXT_RUNS).collect()
}

#[cfg(test)]
#[path = "operations_tests.rs"]
mod tests;
