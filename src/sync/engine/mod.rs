//! One run from start to end: read both sides, desire, diff, guard, apply, report; and what it would do, and why.

mod explain;
mod read;
mod rebind;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::apply::{Applying, Workplace, apply, record_planned};
use super::desire::{Desired, desire};
use super::diff::{Claims, Evidence, Focus, Input, diff};
use super::doubt::note_unproven_lists;
use super::guard::{ApprovedPlan, Hold, Recent, guard};
use super::link::{Found, find_unanswered};
use super::model::{Binding, Finding, FindingKind, Ledger, TargetId, TargetSnapshot};
use super::plan::{Change, InGrace, Operation, Plan};
use super::progress::{Phase, RunControl};
use super::report::{
    Counts, FORMAT_VERSION, FilteredBy, HoldKind, Managed, Outcome, PlanDocument, PlannedOperation, Report,
    Trigger, Waiting,
};
use super::rules::OnExisting;
use super::tally::{add_applied, count_held, count_planned, managed, outcome};
use super::turn::Turn;
use crate::clock::Clock;
use crate::config::model::Connector;
use crate::source::{Source, SourceError};
use crate::store::{Applied, Store};
use crate::target::{Capabilities, Reader, TargetError, Writer};

pub use explain::explain;
use read::{Read, read, rules_in_force};
pub use rebind::{Rebinding, rebinding};

/// What a run of one connector works with.
#[derive(Clone)]
pub struct Services {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Where it reads.
    pub source: Arc<dyn Source>,
    /// What the target holds.
    pub reader: Arc<dyn Reader>,
    /// How the target is changed.
    pub writer: Arc<dyn Writer>,
    /// Shared by all connectors that have this target: one writes at a time (law 8).
    pub turn: Arc<Turn>,
}

/// Which run this is.
#[derive(Clone, Debug)]
pub struct RunTicket {
    /// Its number, from [`Store::begin_run`].
    pub run: u64,
    /// What started it.
    pub trigger: Trigger,
    /// The one user that it is limited to; none: everybody.
    pub user: Option<UserRequest>,
    /// When it began.
    pub started: DateTime<Utc>,
}

/// Asks for a run that concerns one user only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserRequest {
    /// By login, by name in the target, or by the source's id.
    pub login: String,
    /// Takes back an account that somebody else disabled or deleted in the target (RULES 8).
    pub restore: bool,
}

/// Why a run ended before anything was applied.
struct Failure {
    /// A whole sentence.
    message: String,
    cancelled: bool,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), cancelled: false }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { cancelled: matches!(error, SourceError::Cancelled), message: error.to_string() }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        Self { cancelled: matches!(error, TargetError::Cancelled), message: error.to_string() }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Self::new(error.to_string())
    }
}

/// Syncs once. Never fails: whatever goes wrong is in the report, which the caller stores with [`Store::end_run`].
pub async fn sync(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    control: &RunControl,
) -> Report {
    let ended = |report: &mut Report| {
        report.ended = services.clock.now();
        report.requests = control.progress.view().requests;
        control.progress.enter(Phase::Done);
    };
    let mut report = failed_report(&connector.name, ticket, ticket.started, String::new());
    if let Err(failure) = run(connector, services, ticket, control, &mut report).await {
        report.outcome = if failure.cancelled { Outcome::Cancelled } else { Outcome::Failed };
        report.error = Some(failure.message);
        report.managed = services.store.managed(&connector.name).await.unwrap_or_default();
    }
    ended(&mut report);
    report
}

async fn run(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    control: &RunControl,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut read = read(connector, services, ticket.user.as_ref(), control).await?;
    control.progress.enter(Phase::Waiting);
    let turn = tokio::select! {
        biased;
        () = control.cancel.cancelled() => {
            let message = "the run was cancelled while it waited for its turn to write; nothing was changed".to_owned();
            return Err(Failure { message, cancelled: true });
        }
        turn = services.turn.take() => turn,
    };
    if services.turn.writes() != read.writes {
        // Somebody else wrote since we looked; nobody does until our turn is over.
        read.target = services.reader.read(control).await?;
    }
    let restore = ticket.user.as_ref().is_some_and(|user| user.restore);
    let purpose = if restore { Purpose::Restore } else { Purpose::Sync };
    let Made { mut ledger, binding, approved, holds, found } =
        make_plan(connector, services, control, read, purpose).await?;
    let plan = approved.plan();
    report.findings = plan.findings.clone();
    report.findings.extend(nothing_to_restore(plan, ticket));
    report.not_proven = plan.not_proven.clone();
    report.holds = holds.iter().map(|hold| hold.summary.clone()).collect();
    report.apply = connector.apply;
    report.filtered = plan.filtered.clone();
    report.in_grace = plan.in_grace.len() as u64;
    report.waiting = waiting(plan);
    let mut counts = plan.counts;
    count_held(&mut counts, &holds);
    let place = Workplace {
        store: &services.store,
        writer: services.writer.as_ref(),
        clock: &services.clock,
        connector: &connector.name,
        run: ticket.run,
        control,
    };
    let applying = if connector.apply {
        services.store.bind(&connector.name, &binding).await?;
        let applied = found.happened.into_iter().map(|(kind, group, count)| Applied {
            at: services.clock.now(),
            kind,
            group,
            count,
            base: 0,
        });
        let changes = plan.ledger_changes.clone();
        services.store.change_ledger(&connector.name, ticket.run, changes, applied.collect()).await?;
        plan.ledger_changes.iter().for_each(|change| ledger.change(change));
        apply(&approved, &mut ledger, &place).await
    } else {
        count_planned(&mut counts, plan);
        record_planned(&approved, &place).await?;
        Applying { adopted: adoptions(plan), ..Applying::default() }
    };
    services.turn.wrote();
    drop(turn);
    add_applied(&mut counts, &applying.counts);
    report.adopted = applying.adopted;
    report.counts = counts;
    report.managed = managed(&ledger);
    report.outcome = outcome(report, &applying);
    report.error = applying.stopped;
    Ok(())
}

/// Says what a sync would do, and writes nothing. The error is a whole sentence.
pub async fn plan(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
) -> Result<PlanDocument, String> {
    let made = async {
        let read = read(connector, services, None, control).await?;
        make_plan(connector, services, control, read, Purpose::Sync).await
    };
    let Made { approved, holds, .. } = made.await.map_err(|failure: Failure| failure.message)?;
    control.progress.enter(Phase::Done);
    let plan = approved.plan();
    let mut counts = plan.counts;
    count_held(&mut counts, &holds);
    count_planned(&mut counts, plan);
    let operations = plan.operations.iter().map(|operation| PlannedOperation {
        cause: None,
        summary: operation.summary(),
        details: operation.details(&plan.people),
        why: operation.why.to_string(),
        operation: operation.document(&plan.people),
    });
    Ok(PlanDocument {
        format_version: FORMAT_VERSION,
        connector: connector.name.clone(),
        made: services.clock.now(),
        counts,
        filtered: plan.filtered.clone(),
        in_grace: plan.in_grace.len() as u64,
        waiting: waiting(plan),
        adopted: adoptions(plan),
        cause: None,
        held: Vec::new(),
        operations: operations.collect(),
        holds: holds.iter().map(|hold| hold.summary.clone()).collect(),
        findings: plan.findings.clone(),
        not_proven: plan.not_proven.clone(),
    })
}

/// A plan that passed the guard, with what applying it needs.
struct Made {
    ledger: Ledger,
    binding: Binding,
    approved: ApprovedPlan,
    holds: Vec<Hold>,
    found: Found,
}

async fn make_plan(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    read: Read,
    purpose: Purpose,
) -> Result<Made, Failure> {
    let Proposal { ledger, binding, plan, recent, found } =
        propose(connector, services, control, &read, purpose).await?;
    let (approved, mut holds) = guard(plan, &connector.rules.limits, &recent);
    for hold in &mut holds {
        hold.summary.reason = format!("{}. {}", hold.summary.reason, advice(connector, hold));
    }
    Ok(Made { ledger, binding, approved, holds, found })
}

/// What to do about a hold.
fn advice(connector: &Connector, hold: &Hold) -> String {
    let name = &connector.name;
    match hold.summary.kind {
        HoldKind::Adoptions => format!(
            "Look at `usersyncd ctl plan {name}`: an account without an e-mail address is adopted once the target shows the \
             right one, and memberships of what was adopted are compared again in the next run"
        ),
        _ => format!(
            "Look at `usersyncd ctl plan {name}`; if it is right, raise the limit in the connector file until the run is \
             through"
        ),
    }
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To be applied, or shown.
    Sync,
    /// To take back one account (RULES 8).
    Restore,
    /// To explain one user.
    Explain,
}

/// A plan that no guard has seen, with what it was made of.
struct Proposal {
    ledger: Ledger,
    binding: Binding,
    plan: Plan,
    recent: Recent,
    found: Found,
}

async fn propose(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    read: &Read,
    purpose: Purpose,
) -> Result<Proposal, Failure> {
    control.progress.enter(Phase::Planning);
    let Read { source, target, focus, .. } = read;
    let (rules, capabilities) = (rules_in_force(connector, services), services.reader.capabilities());
    let mut ledger = services.store.ledger(&connector.name).await?;
    let now = Binding { source: source.address.clone(), target: services.reader.address() };
    let binding = check_binding(&connector.name, &ledger, &now)?;
    let claims = services.store.claims(&connector.name, &binding.target).await?;
    let found = find_unanswered(&mut ledger, target, &claims, capabilities);
    let now = services.clock.now();
    let desired = desire(source, &rules, &capabilities, now);
    let memory = services.store.memory(&connector.name).await?;
    // Until a run about everybody has succeeded.
    let first_run = ledger.users.is_empty() || memory.last_success.is_none();
    if focus.is_none() && first_run {
        check_for_lost_state(connector, capabilities, &desired, target, &ledger, &claims)?;
    }
    let contested = contested_names(memory.last_report.as_ref(), capabilities);
    let input = Input {
        desired: &desired,
        target,
        ledger: &ledger,
        claims: &claims,
        rules: &rules,
        capabilities,
        evidence: Evidence::of(source),
        now,
        first_run,
        focus: focus.as_ref().map(|user| Focus {
            user,
            restore: purpose == Purpose::Restore,
            contested: &contested,
            explain: purpose == Purpose::Explain,
        }),
    };
    let mut plan = diff(&input);
    plan.ledger_changes.splice(0..0, found.changes.clone());
    if focus.is_none() {
        note_unproven_lists(&mut plan, source);
    }
    let mut recent = services.store.recent(&connector.name, now - TimeDelta::hours(24)).await?;
    for (kind, group, count) in &found.happened {
        recent.add(*kind, group.as_ref(), *count, 0);
    }
    Ok(Proposal { ledger, binding, plan, recent, found })
}

fn waiting(plan: &Plan) -> Vec<Waiting> {
    let waiting = |user: &InGrace| Waiting { username: user.username.clone(), until: user.until };
    let mut all: Vec<Waiting> = plan.in_grace.iter().map(waiting).collect();
    all.sort_by(|one, other| one.username.cmp(&other.username));
    all
}

/// Names that several users wanted in the last run about everybody (RULES 5).
fn contested_names(last: Option<&Report>, capabilities: Capabilities) -> BTreeSet<CompactString> {
    let findings = last.map(|report| report.findings.as_slice()).unwrap_or_default();
    let collisions = findings.iter().filter(|finding| finding.kind == FindingKind::NameCollision);
    collisions.map(|finding| capabilities.name_key(&finding.subject)).collect()
}

/// What `--restore` came to, if it had nothing to take back.
fn nothing_to_restore(plan: &Plan, ticket: &RunTicket) -> Option<Finding> {
    let login = &ticket.user.as_ref().filter(|user| user.restore)?.login;
    let restores =
        |operation: &Operation| matches!(operation.change, Change::EnableUser | Change::CreateUser { .. });
    if plan.operations.iter().any(restores) {
        return None;
    }
    let message = format!(
        "--restore had nothing to take back for {login}: the account is as it should be, or the user is not in scope; \
         `usersyncd ctl explain` says which"
    );
    Some(Finding::new(FindingKind::NothingToRestore, login, message))
}

fn adoptions(plan: &Plan) -> u64 {
    plan.operations.iter().filter(|operation| operation.change.is_adoption()).count() as u64
}

/// RULES 1: a ledger belongs to one source org and one target address. Returns what it is bound to from now on.
fn check_binding(connector: &str, ledger: &Ledger, now: &Binding) -> Result<Binding, Failure> {
    let Some(before) = &ledger.binding else { return Ok(now.clone()) };
    let (what, was, is) = if !before.source.is_same_as(&now.source) {
        ("source org", before.source.to_string(), now.source.to_string())
    } else if before.target != now.target {
        ("target", before.target.clone(), now.target.clone())
    } else {
        return Ok(Binding { source: before.source.with_id_of(&now.source), target: now.target.clone() });
    };
    Err(Failure::new(format!(
        "what {connector} manages belongs to the {what} {was}, and its file now leads to {is}. Nothing was planned \
         or changed. If the file is wrong, correct it; if the {what} really is another one now, run \
         `usersyncd ctl rebind {connector}`"
    )))
}

/// RULES 4: an empty ledger beside a target full of the very names we would create means that the state was lost. A ledger
/// counts as empty until a run about everybody has succeeded. Who asks for adoption says whose the accounts are.
fn check_for_lost_state(
    connector: &Connector,
    capabilities: Capabilities,
    desired: &Desired,
    target: &TargetSnapshot,
    ledger: &Ledger,
    claims: &Claims,
) -> Result<(), Failure> {
    if connector.rules.existing.users == OnExisting::Adopt {
        return Ok(());
    }
    let wanted: BTreeSet<CompactString> =
        desired.users.iter().map(|user| capabilities.name_key(&user.attributes.username)).collect();
    let managed: BTreeSet<&TargetId> = ledger.users.values().map(|user| &user.target).collect();
    let matching = target
        .users
        .iter()
        .filter(|user| !claims.users.contains_key(&user.id) && !managed.contains(&user.id))
        .filter(|user| wanted.contains(&capabilities.name_key(&user.attributes.username)))
        .count() as u64;
    if matching <= connector.rules.limits.floor {
        return Ok(());
    }
    let name = &connector.name;
    Err(Failure::new(format!(
        "state lost? {name} manages nothing so far, yet the target already has {matching} users of the names that it would \
         create. Nothing was changed. If the state directory was lost or exchanged, restore state.db from a backup \
         (`usersyncd ctl relink {name}` will rebuild it in a later version). If these accounts belong to somebody else, \
         put their names under protected.users, or let `existing: {{ users: adopt }}` take over those with the same e-mail address"
    )))
}

/// The report of a run that ended without applying anything.
#[must_use]
pub fn failed_report(connector: &str, ticket: &RunTicket, ended: DateTime<Utc>, error: String) -> Report {
    Report {
        format_version: FORMAT_VERSION,
        run: ticket.run,
        connector: connector.to_owned(),
        trigger: ticket.trigger,
        started: ticket.started,
        ended,
        outcome: Outcome::Failed,
        error: Some(error),
        user: ticket.user.as_ref().map(|user| user.login.clone()),
        undoes: None,
        kept_plan: None,
        stale: Vec::new(),
        not_in_plan: 0,
        approvals: Vec::new(),
        view: None,
        counts: Counts::default(),
        filtered: FilteredBy::default(),
        in_grace: 0,
        waiting: Vec::new(),
        adopted: 0,
        findings: Vec::new(),
        holds: Vec::new(),
        not_proven: Vec::new(),
        requests: 0,
        apply: true,
        managed: Managed::default(),
        operations: Vec::new(),
    }
}
