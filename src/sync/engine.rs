//! One run from start to end: read both sides, desire, diff, guard, apply, report.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::apply::{Applying, Workplace, apply};
use super::desire::{Desired, WANTED_ATTRIBUTES, desire, wants_group};
use super::diff::{Claims, Evidence, Input, diff};
use super::doubt::{distrust_empty_lists, note_unproven_lists, worth_asking};
use super::guard::{ApprovedPlan, Hold, guard};
use super::link::link_unanswered;
use super::model::{Binding, Ledger, SourceSnapshot, TargetSnapshot};
use super::plan::LedgerChange;
use super::progress::{Phase, RunControl};
use super::report::{
    Counts, FORMAT_VERSION, Managed, Outcome, PlanDocument, PlannedOperation, Report, Trigger,
};
use super::rules::Rules;
use super::tally::{add_applied, count_held, count_planned, managed, outcome};
use crate::clock::Clock;
use crate::config::model::Connector;
use crate::source::{GroupFilter, Questions, ReadRequest, Source, SourceError};
use crate::store::Store;
use crate::target::{Capabilities, Reader, TargetError, Writer};

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
    /// Held while anything is applied to this target, by all connectors that have it (law 8).
    pub apply_lock: Arc<tokio::sync::Mutex<()>>,
}

/// Which run this is.
#[derive(Clone, Debug)]
pub struct RunTicket {
    /// Its number, from [`Store::begin_run`].
    pub run: u64,
    /// What started it.
    pub trigger: Trigger,
    /// When it began.
    pub started: DateTime<Utc>,
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
    let source = read_source(connector, services, control).await?;
    // Nobody else changes this target between our look at it and our last write to it.
    let _apply_lock = services.apply_lock.lock().await;
    let made = make_plan(connector, services, control, source).await?;
    let Made { mut ledger, binding, approved, holds } = made;
    let plan = approved.plan();
    report.findings = plan.findings.clone();
    report.not_proven = plan.not_proven.clone();
    report.holds = holds.iter().map(|hold| hold.summary.clone()).collect();
    let mut counts = plan.counts;
    count_held(&mut counts, &holds);
    let applying = if connector.apply {
        services.store.bind(&connector.name, &binding).await?;
        services.store.change_ledger(&connector.name, ticket.run, plan.ledger_changes.clone()).await?;
        change_ledger(&mut ledger, &plan.ledger_changes);
        let place = Workplace {
            store: &services.store,
            writer: services.writer.as_ref(),
            clock: &services.clock,
            connector: &connector.name,
            run: ticket.run,
            control,
        };
        apply(&approved, &mut ledger, &place).await
    } else {
        Applying::default()
    };
    add_applied(&mut counts, &applying.counts);
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
        let source = read_source(connector, services, control).await?;
        make_plan(connector, services, control, source).await
    };
    let Made { approved, holds, .. } = made.await.map_err(|failure: Failure| failure.message)?;
    control.progress.enter(Phase::Done);
    let plan = approved.plan();
    let mut counts = plan.counts;
    count_held(&mut counts, &holds);
    count_planned(&mut counts, plan);
    let operations = plan.operations.iter().map(|operation| PlannedOperation {
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
        operations: operations.collect(),
        holds: holds.iter().map(|hold| hold.summary.clone()).collect(),
        findings: plan.findings.clone(),
        not_proven: plan.not_proven.clone(),
    })
}

/// What the ledger of this connector should belong to, asked of the source and the target (for `ctl rebind`).
pub async fn present_binding(services: &Services, control: &RunControl) -> Result<Binding, String> {
    let source = services.source.address(control).await.map_err(|error| error.to_string())?;
    Ok(Binding { source, target: services.reader.address() })
}

fn read_request(rules: &Rules, ledger: &Ledger) -> ReadRequest {
    let groups = rules.groups.clone();
    let with_memberships = ledger.groups.iter().filter(|(_, group)| group.memberships > 0);
    ReadRequest {
        attributes: WANTED_ATTRIBUTES.map(CompactString::from).into(),
        wants_members: GroupFilter(Arc::new(move |name| wants_group(&groups, name))),
        groups_with_memberships: with_memberships.map(|(source, _)| source.clone()).collect(),
        statuses: rules.scope.statuses.clone(),
    }
}

async fn read_source(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
) -> Result<SourceSnapshot, Failure> {
    control.progress.enter(Phase::Reading);
    let ledger = services.store.ledger(&connector.name).await?;
    let request = read_request(&connector.rules, &ledger);
    Ok(services.source.read(&request, control).await?)
}

/// A plan that passed the guard, with what applying it needs.
struct Made {
    ledger: Ledger,
    binding: Binding,
    approved: ApprovedPlan,
    holds: Vec<Hold>,
}

async fn make_plan(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    mut source: SourceSnapshot,
) -> Result<Made, Failure> {
    let rules = &connector.rules;
    let capabilities = services.reader.capabilities();
    let target = services.reader.read(control).await?;
    let mut ledger = services.store.ledger(&connector.name).await?;
    let binding = Binding { source: source.address.clone(), target: services.reader.address() };
    check_binding(&connector.name, &ledger, &binding)?;
    let claims = services.store.claims(&connector.name, &binding.target).await?;
    let linked = link_unanswered(&mut ledger, &target, &claims, capabilities);
    distrust_empty_lists(&mut source, &ledger);

    let asked = {
        let desired = desire(&source, rules, &capabilities);
        let evidence = Evidence::of(&source);
        let (desired, target, ledger, claims) = (&desired, &target, &ledger, &claims);
        worth_asking(&source, &Input { desired, target, ledger, claims, rules, capabilities, evidence })
    };
    if asked != Questions::default() {
        services.source.confirm(&mut source, &asked, &read_request(rules, &ledger), control).await?;
    }
    control.progress.enter(Phase::Planning);
    let desired = desire(&source, rules, &capabilities);
    check_for_lost_state(connector, &desired, &target, &ledger, &claims, capabilities)?;
    let input = Input {
        desired: &desired,
        target: &target,
        ledger: &ledger,
        claims: &claims,
        rules,
        capabilities,
        evidence: Evidence::of(&source),
    };
    let mut plan = diff(&input);
    plan.ledger_changes.splice(0..0, linked);
    note_unproven_lists(&mut plan, &source);
    let since = services.clock.now() - TimeDelta::hours(24);
    let recent = services.store.recent(&connector.name, since).await?;
    let (approved, holds) = guard(plan, &rules.limits, &recent);
    Ok(Made { ledger, binding, approved, holds })
}

/// RULES 1: a ledger belongs to one source org and one target address.
fn check_binding(connector: &str, ledger: &Ledger, now: &Binding) -> Result<(), Failure> {
    match &ledger.binding {
        Some(before) if before != now => {
            let (what, was, is) = if before.source == now.source {
                ("target", &before.target, &now.target)
            } else {
                ("source org", &before.source, &now.source)
            };
            Err(Failure::new(format!(
                "what {connector} manages belongs to the {what} {was}, and its file now leads to {is}. Nothing was planned \
                 or changed. If the file is wrong, correct it; if the {what} really is another one now, run \
                 `usersyncd ctl rebind {connector}`"
            )))
        }
        _ => Ok(()),
    }
}

/// RULES 4: an empty ledger beside a target full of the very names we would create means that the state was lost.
fn check_for_lost_state(
    connector: &Connector,
    desired: &Desired,
    target: &TargetSnapshot,
    ledger: &Ledger,
    claims: &Claims,
    capabilities: Capabilities,
) -> Result<(), Failure> {
    if !ledger.users.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<CompactString> =
        desired.users.iter().map(|user| capabilities.name_key(&user.attributes.username)).collect();
    let matching = target
        .users
        .iter()
        .filter(|user| !claims.users.contains_key(&user.id))
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
         put their names under protected.users"
    )))
}

fn change_ledger(ledger: &mut Ledger, changes: &[LedgerChange]) {
    for change in changes {
        match change {
            LedgerChange::PutUser(source, user) => {
                ledger.users.insert(source.clone(), user.clone());
            }
            LedgerChange::PutGroup(source, group) => {
                ledger.groups.insert(source.clone(), group.clone());
            }
            LedgerChange::ForgetGroup(source) => {
                ledger.groups.remove(source);
            }
        }
    }
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
        counts: Counts::default(),
        findings: Vec::new(),
        holds: Vec::new(),
        not_proven: Vec::new(),
        requests: 0,
        managed: Managed::default(),
        operations: Vec::new(),
    }
}
