//! Requests for syncs and plans: taken in, kept in the queue, begun, or turned away (RULES 3).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::{Busy, Task};
use crate::control::fault::Fault;
use crate::daemon::feed::{Feed, Teller};
use crate::daemon::handle::Now;
use crate::daemon::machine::{Admission, Kind, Refusal, Work};
use crate::daemon::run;
use crate::notify::Before;
use crate::sync::progress::RunControl;
use crate::sync::report::Trigger;

/// A sync or plan that waits or begins.
pub(super) struct Request {
    pub(super) trigger: Trigger,
    pub(super) scheduled: Option<DateTime<Utc>>,
    pub(super) teller: Teller,
    told_of_config_error: bool,
}

impl Task {
    /// Takes a request in, if the present state allows it; what becomes of it is told in the feed.
    pub(super) fn request(&mut self, kind: Kind, trigger: Trigger) -> Result<Feed, Fault> {
        let behind = self.view.current_run();
        match self.machine.admission(&kind) {
            Admission::Refuse(refusal) => Err(self.fault(refusal)),
            Admission::Share => {
                let waiting = self.machine.waiting(&kind).map(|request| request.teller.feed());
                waiting.ok_or_else(|| Fault::internal("the queue slot is empty although it was taken"))
            }
            admission => {
                let request = self.new_request(trigger, None);
                let feed = request.teller.feed();
                if admission == Admission::Start {
                    self.begin(kind, request);
                } else {
                    self.wait(kind, request, behind);
                }
                Ok(feed)
            }
        }
    }

    /// A request that nobody but its feed knows yet.
    pub(super) fn new_request(&self, trigger: Trigger, scheduled: Option<DateTime<Utc>>) -> Request {
        let request = Request { trigger, scheduled, teller: Teller::new(), told_of_config_error: false };
        self.told_of_config_error(request)
    }

    /// Says that an older version of a broken file is in force, once per request (RULES 29).
    fn told_of_config_error(&self, mut request: Request) -> Request {
        if let (Some(error), false) = (&self.view.config_error, request.told_of_config_error) {
            request.told_of_config_error = true;
            request.teller.notice(format!(
                "the file of {} is broken, so its last good version is in force:\n{error}",
                self.name
            ));
        }
        request
    }

    /// Plans and changes to the ledger have no number; a request behind one is told so in words, and waits behind 0.
    pub(super) fn wait(&mut self, kind: Kind, request: Request, behind: Option<u64>) {
        if behind.is_none() {
            request.teller.notice(format!(
                "{} is busy with a plan, a change to its ledger, or a run that is about to begin",
                self.name
            ));
        }
        request.teller.queued(behind.unwrap_or(0));
        self.machine.wait(kind, request);
    }

    /// Begins work that the machine has admitted.
    pub(super) fn begin(&mut self, kind: Kind, request: Request) {
        let request = self.told_of_config_error(request);
        let Some(connector) = self.view.configuration.clone() else {
            request.teller.end(self.fault(Refusal::NotRunnable));
            return;
        };
        self.machine.begin(Work::Requested(kind.clone()));
        let control = RunControl::default();
        self.care.work_begins(&control.progress, self.common.clock.now());
        let stop = CancellationToken::clone(&control.cancel).drop_guard();
        let alone = Arc::clone(&self.alone);
        let common = self.common.clone();
        let Request { trigger, scheduled, teller, .. } = request;
        let task = match kind {
            Kind::Sync => Ok(run::Task::Everybody),
            Kind::Changes => Ok(run::Task::Changes),
            Kind::User(user) => Ok(run::Task::User(user)),
            Kind::Apply(id) => Ok(run::Task::Kept(id)),
            Kind::Undo(undoing) => Ok(run::Task::Undo(undoing)),
            Kind::Plan(keeping) => Err(run::Planning::Sync(keeping)),
            Kind::PlanUndo(run) => Err(run::Planning::Undo(run)),
        };
        let task = match task {
            Ok(task) => task,
            Err(planning) => {
                self.view.busy = Some(Now::Other);
                let task = tokio::spawn(async move {
                    let alone = alone.lock_owned().await;
                    run::plan(common, connector, planning, control, teller, alone).await
                });
                self.busy = Some(Busy::Plan { stop, task });
                return;
            }
        };
        let user = if let run::Task::User(user) = &task { Some(user.login.clone()) } else { None };
        self.view.busy =
            Some(Now::Run { watcher: teller.watcher(), trigger, user, progress: control.progress.clone() });
        let managed = self.view.managed;
        let before = Before { outcome: self.last_outcome, succeeded: self.view.last_success.is_some() };
        let sync =
            run::SyncRun { common, connector, trigger, task, scheduled, control, before, managed, teller };
        let task = tokio::spawn(async move { run::sync(sync, alone.lock_owned().await).await });
        self.busy = Some(Busy::Run { stop, task });
    }

    /// Tells those who waited why they wait no longer. A scheduled run that a person put aside is not missed later.
    pub(super) async fn turn_away(&mut self, requests: Vec<Request>, refusal: Refusal) {
        for request in requests {
            request.teller.end(self.fault(refusal));
            if let (Some(at), Refusal::Paused | Refusal::Cancelled) = (request.scheduled, refusal) {
                self.remember_scheduled(at).await;
            }
        }
    }
}
