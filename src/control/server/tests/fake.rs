//! A daemon that only answers.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Bytes;
use tokio::sync::Notify;

use crate::control::api::{
    ApproveRequest, ConnectorConfiguration, ConnectorStatus, DaemonStatus, Diagnosis, DirectoryGroup,
    DirectoryUser, ErrorKind, Explanation, HoldDocument, HoldView, KeptPlan, KeptPlanDocument, PlanRequest,
    RebindAnswer, RelinkAnswer, ReloadAnswer, RunEvent, RunSummary, UndoRequest,
};
use crate::control::fault::Fault;
use crate::control::server::SyncExtent;
use crate::control::server::{Archive, Control, Events};
use crate::sync::engine::{RunTicket, failed_report};
use crate::sync::explain::{ExplainedSource, ExplainedTarget};
use crate::sync::model::{Binding, SourceAddress};
use crate::sync::report::{Counts, FORMAT_VERSION, Report, Trigger};

/// Knows the connector `a b/c` and notes what it is asked.
#[derive(Default)]
pub(super) struct Parrot(pub(super) Mutex<Vec<String>>, pub(super) Arc<Slow>);

/// What becomes of an explanation that takes for ever.
#[derive(Default)]
pub(super) struct Slow {
    pub(super) begun: Notify,
    pub(super) given_up: Notify,
}

struct Working(Arc<Slow>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.given_up.notify_one();
    }
}

impl Parrot {
    fn hear(&self, name: &str, what: &str) -> Result<String, Fault> {
        self.0.lock().unwrap().push(format!("{what} {name}"));
        if name == "a b/c" {
            Ok(format!("{what} done"))
        } else {
            Err(Fault::not_found(format!("no {name:?}")))
        }
    }
}

fn explanation() -> Explanation {
    Explanation {
        apply: true,
        format_version: FORMAT_VERSION,
        connector: "acme".to_owned(),
        asked: "anna".to_owned(),
        made: chrono::DateTime::UNIX_EPOCH,
        source: ExplainedSource {
            found: false,
            id: None,
            login: None,
            status: None,
            note: "Okta has no such user".to_owned(),
        },
        user: None,
        groups: Vec::new(),
        target: ExplainedTarget {
            address: "directory".to_owned(),
            account: None,
            note: "no account".to_owned(),
        },
        operations: Vec::new(),
        limits: Vec::new(),
        holds: Vec::new(),
        findings: Vec::new(),
        not_proven: Vec::new(),
    }
}

fn report() -> Report {
    let started = chrono::DateTime::UNIX_EPOCH;
    let ticket = RunTicket { run: 8, trigger: Trigger::Manual, user: None, kept: None, started };
    failed_report("acme", &ticket, started, "the token was refused".to_owned())
}

fn kept_plan() -> KeptPlan {
    KeptPlan {
        id: "review".to_owned(),
        connector: "acme".to_owned(),
        made: chrono::DateTime::UNIX_EPOCH,
        expires: chrono::DateTime::UNIX_EPOCH,
        counts: Counts::default(),
        operations: 3,
        uid: 0,
    }
}

/// Whether the caller is this process, as it is in all of these tests.
fn own(uid: u32) -> &'static str {
    if uid == nix::unistd::Uid::effective().as_raw() { "me" } else { "somebody else" }
}

fn events(events: Vec<RunEvent>) -> Events {
    Box::pin(futures_util::stream::iter(events))
}

#[async_trait]
impl Control for Parrot {
    fn status(&self) -> DaemonStatus {
        DaemonStatus {
            format_version: FORMAT_VERSION,
            version: "0".to_owned(),
            pid: 1,
            started: chrono::DateTime::UNIX_EPOCH,
            config: "usersyncd.yaml".to_owned(),
            state: "state".to_owned(),
            metrics: None,
            stopping: false,
            restart_needed_for: Vec::new(),
            connectors: Vec::new(),
        }
    }
    fn connector(&self, name: &str) -> Result<ConnectorStatus, Fault> {
        Err(Fault::internal(self.hear(name, "show")?))
    }
    fn configuration(&self, name: &str) -> Result<ConnectorConfiguration, Fault> {
        let yaml = self.hear(name, "configuration")?;
        let (name, path) = (name.to_owned(), String::new());
        let (next_runs, config_error) = (Vec::new(), None);
        Ok(ConnectorConfiguration {
            format_version: FORMAT_VERSION,
            name,
            path,
            yaml,
            next_runs,
            config_error,
        })
    }
    async fn sync(&self, name: &str, extent: SyncExtent) -> Result<Events, Fault> {
        if name == "paused" {
            return Err(Fault::conflict("paused"));
        }
        if name == "full" {
            let refused = RunEvent::Refused { error: ErrorKind::Internal, message: "disk full".to_owned() };
            return Ok(events(vec![refused]));
        }
        match extent {
            SyncExtent::Everybody => self.hear(name, "sync")?,
            SyncExtent::Changes => self.hear(name, "sync changes")?,
            SyncExtent::User(user) => self.hear(name, &format!("sync {user:?}"))?,
        };
        Ok(events(vec![
            RunEvent::Notice { message: "old version".to_owned() },
            RunEvent::Queued { behind: 7 },
            RunEvent::Started { run: 8 },
            RunEvent::Finished { report: Box::new(report()) },
        ]))
    }
    async fn plan(&self, name: &str, request: PlanRequest, uid: u32) -> Result<Events, Fault> {
        self.hear(name, "plan")?;
        if request.keep.is_some() {
            self.0.lock().unwrap().push(format!("{request:?} by {}", own(uid)));
        }
        Ok(events(vec![Fault::conflict("no plan").into()]))
    }
    async fn kept_plans(&self) -> Result<Vec<KeptPlan>, Fault> {
        Ok(vec![kept_plan()])
    }
    async fn kept_plan(&self, id: &str) -> Result<KeptPlanDocument, Fault> {
        Err(Fault::not_found(format!("no plan {id:?}")))
    }
    async fn apply(&self, plan: &str, uid: u32) -> Result<Events, Fault> {
        self.0.lock().unwrap().push(format!("apply {plan} by {}", own(uid)));
        Ok(events(vec![RunEvent::Started { run: 8 }, RunEvent::Finished { report: Box::new(report()) }]))
    }
    async fn holds(&self, connector: Option<&str>, all: bool) -> Result<Vec<HoldView>, Fault> {
        self.0.lock().unwrap().push(format!("holds {connector:?} {all}"));
        Ok(Vec::new())
    }
    async fn hold(&self, id: u64) -> Result<HoldDocument, Fault> {
        Err(Fault::not_found(format!("no hold {id}")))
    }
    async fn approve(
        &self,
        hold: u64,
        request: ApproveRequest,
        uid: u32,
    ) -> Result<(String, Option<Events>), Fault> {
        self.0.lock().unwrap().push(format!("approve {hold} {request:?} by {}", own(uid)));
        let run = vec![RunEvent::Started { run: 8 }, RunEvent::Finished { report: Box::new(report()) }];
        Ok(("approved".to_owned(), (!request.later).then(|| events(run))))
    }
    async fn discard(&self, hold: u64, uid: u32) -> Result<String, Fault> {
        self.0.lock().unwrap().push(format!("discard {hold} by {}", own(uid)));
        Ok("discarded".to_owned())
    }
    async fn undo(&self, run: u64, request: UndoRequest, uid: u32) -> Result<Events, Fault> {
        self.0.lock().unwrap().push(format!("undo {run} {request:?} by {}", own(uid)));
        Ok(events(vec![RunEvent::Started { run: 9 }, RunEvent::Finished { report: Box::new(report()) }]))
    }
    async fn explain(&self, name: &str, login: &str) -> Result<Explanation, Fault> {
        if name == "slow" {
            let _working = Working(Arc::clone(&self.1));
            self.1.begun.notify_one();
            std::future::pending::<()>().await;
        }
        self.hear(name, &format!("explain {login}"))?;
        Ok(explanation())
    }
    async fn doctor(&self, name: &str) -> Result<Diagnosis, Fault> {
        let (connector, made) = (self.hear(name, "doctor")?, chrono::DateTime::UNIX_EPOCH);
        Ok(Diagnosis { format_version: FORMAT_VERSION, connector, made, checks: Vec::new() })
    }
    async fn cancel(&self, name: &str) -> Result<String, Fault> {
        self.hear(name, "cancel")
    }
    async fn set_paused(&self, name: &str, paused: bool) -> Result<String, Fault> {
        self.hear(name, if paused { "pause" } else { "resume" })
    }
    async fn rebind(&self, name: &str, confirm: bool) -> Result<RebindAnswer, Fault> {
        self.hear(name, "rebind")?;
        let source = SourceAddress { id: None, origin: "s".to_owned() };
        Ok(RebindAnswer {
            format_version: FORMAT_VERSION,
            before: None,
            after: Binding { source, target: "t".to_owned() },
            users: 1,
            groups: 2,
            kept_users: 1,
            kept_groups: 2,
            done: confirm,
        })
    }
    async fn relink(&self, name: &str, confirm: bool) -> Result<RelinkAnswer, Fault> {
        self.hear(name, "relink")?;
        let source = SourceAddress { id: None, origin: "s".to_owned() };
        Ok(RelinkAnswer {
            format_version: FORMAT_VERSION,
            binding: Binding { source, target: "t".to_owned() },
            by_id: Vec::new(),
            by_name: Vec::new(),
            left_alone: Vec::new(),
            findings: Vec::new(),
            done: confirm,
        })
    }
    async fn rename(&self, from: &str, to: &str) -> Result<String, Fault> {
        self.hear(from, &format!("rename to {to}"))
    }
    async fn release(&self, name: &str, login: &str) -> Result<String, Fault> {
        self.hear(name, &format!("release {login}"))
    }
    async fn runs(&self, connector: Option<&str>, limit: usize) -> Result<Vec<RunSummary>, Fault> {
        self.hear("a b/c", &format!("runs {connector:?} {limit}"))?;
        Ok(Vec::new())
    }
    async fn run(&self, run: u64) -> Result<Report, Fault> {
        if run == 8 { Ok(report()) } else { Err(Fault::not_found("no such run")) }
    }
    async fn backup(&self) -> Result<Archive, Fault> {
        let bytes = futures_util::stream::iter([Ok(Bytes::from_static(b"a backup"))]);
        Ok(Archive { length: 8, bytes: Box::pin(bytes) })
    }
    async fn reload(&self) -> Result<ReloadAnswer, Fault> {
        Ok(ReloadAnswer { format_version: FORMAT_VERSION, ..ReloadAnswer::default() })
    }
    async fn set_log_level(&self, level: &str) -> Result<String, Fault> {
        Ok(level.to_owned())
    }
    async fn directory_users(&self) -> Result<Vec<DirectoryUser>, Fault> {
        Ok(Vec::new())
    }
    async fn directory_groups(&self) -> Result<Vec<DirectoryGroup>, Fault> {
        Ok(Vec::new())
    }
    async fn directory_members(&self, group: &str) -> Result<Vec<String>, Fault> {
        Ok(vec![group.to_uppercase()])
    }
}
