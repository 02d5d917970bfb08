//! One run from start to end: read both sides, desire, diff, guard, apply, report.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::apply::{Applying, Workplace, apply, record_planned};
use super::desire::{Desired, WANTED_ATTRIBUTES, desire, wants_group};
use super::diff::{Claims, Evidence, Input, diff};
use super::doubt::{distrust_empty_lists, note_unproven_lists, worth_asking};
use super::explain::Explanation;
use super::guard::{ApprovedPlan, Hold, guard};
use super::link::{Found, find_unanswered};
use super::model::{AlwaysGroup, Binding, Ledger, LedgerGroup, LedgerUser, SourceSnapshot, TargetSnapshot};
use super::plan::LedgerChange;
use super::progress::{Phase, RunControl};
use super::report::{
    Counts, FORMAT_VERSION, FilteredBy, Managed, Outcome, PlanDocument, PlannedOperation, Report, Trigger,
};
use super::rules::Rules;
use super::tally::{add_applied, count_held, count_planned, managed, outcome};
use super::turn::Turn;
use crate::clock::Clock;
use crate::config::model::Connector;
use crate::source::{GroupFilter, Questions, ReadRequest, Source, SourceError};
use crate::store::{Applied, Kept, Store};
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
    let mut read = read(connector, services, control).await?;
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
    let Made { mut ledger, binding, approved, holds, found } =
        make_plan(connector, services, control, read).await?;
    let plan = approved.plan();
    report.findings = plan.findings.clone();
    report.not_proven = plan.not_proven.clone();
    report.holds = holds.iter().map(|hold| hold.summary.clone()).collect();
    report.apply = connector.apply;
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
        change_ledger(&mut ledger, &plan.ledger_changes);
        apply(&approved, &mut ledger, &place).await
    } else {
        count_planned(&mut counts, plan);
        record_planned(&approved, &place).await?;
        Applying::default()
    };
    services.turn.wrote();
    drop(turn);
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
        let read = read(connector, services, control).await?;
        make_plan(connector, services, control, read).await
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
        filtered: plan.filtered.clone(),
        in_grace: plan.in_grace.len() as u64,
        adopted: 0,
        operations: operations.collect(),
        holds: holds.iter().map(|hold| hold.summary.clone()).collect(),
        findings: plan.findings.clone(),
        not_proven: plan.not_proven.clone(),
    })
}

/// Says all there is to say about one user of a connector, and writes nothing. The error is a whole sentence.
pub async fn explain(
    _connector: &Connector,
    _services: &Services,
    _login: &str,
    _control: &RunControl,
) -> Result<Explanation, String> {
    Err("explaining is not there yet".to_owned())
}

/// What a rebind would do (RULES 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebinding {
    /// What the ledger belongs to from then on.
    pub after: Binding,
    /// What of the ledger stays. Ids mean nothing in another target, so there only what bears the ledger's name under the
    /// ledger's id, and belongs to nobody else, is still the same object.
    pub kept: Kept,
}

/// What binding this ledger to the source and target in the connector's file would mean, asked of both (for `ctl rebind`).
pub async fn rebinding(
    connector: &str,
    ledger: &Ledger,
    services: &Services,
    control: &RunControl,
) -> Result<Rebinding, String> {
    let source = services.source.address(control).await.map_err(|error| error.to_string())?;
    let after = Binding { source, target: services.reader.address() };
    let mut kept = Kept {
        users: ledger.users.keys().cloned().collect(),
        groups: ledger.groups.keys().cloned().collect(),
        always: true,
    };
    if ledger.binding.as_ref().is_some_and(|before| before.target != after.target) {
        let target = services.reader.read(control).await.map_err(|error| error.to_string())?;
        let claims =
            services.store.claims(connector, &after.target).await.map_err(|error| error.to_string())?;
        let key = |name: &str| services.reader.capabilities().name_key(name);
        let users = target.users.iter().filter(|user| !claims.users.contains_key(&user.id));
        let users: BTreeSet<_> = users.map(|user| (&user.id, key(&user.attributes.username))).collect();
        let groups = target.groups.iter().filter(|group| !claims.groups.contains_key(&group.id));
        let groups: BTreeSet<_> = groups.map(|group| (&group.id, key(&group.attributes.name))).collect();
        let same_user = |user: &LedgerUser| users.contains(&(&user.target, key(&user.username)));
        let same_group = |group: &LedgerGroup| groups.contains(&(&group.target, key(&group.name)));
        kept.users.retain(|source| ledger.users.get(source).is_some_and(same_user));
        kept.always = false;
        kept.groups.retain(|source| ledger.groups.get(source).is_some_and(same_group));
    }
    Ok(Rebinding { after, kept })
}

fn read_request(rules: &Rules, ledger: &Ledger) -> ReadRequest {
    let groups = rules.groups.clone();
    let with_memberships = ledger.groups.iter().filter(|(_, group)| group.memberships > 0);
    ReadRequest {
        attributes: WANTED_ATTRIBUTES.map(CompactString::from).into(),
        wants_members: GroupFilter(Arc::new(move |name| wants_group(&groups, name))),
        groups_with_memberships: with_memberships.map(|(source, _)| source.clone()).collect(),
    }
}

/// Both sides as they were read.
struct Read {
    source: SourceSnapshot,
    target: TargetSnapshot,
    /// How often the target had been written when it was read.
    writes: u64,
}

/// Reads both sides, and asks the source for who is missing. Takes no turn: questions may take long.
async fn read(connector: &Connector, services: &Services, control: &RunControl) -> Result<Read, Failure> {
    control.progress.enter(Phase::Reading);
    let rules = &connector.rules;
    let mut ledger = services.store.ledger(&connector.name).await?;
    let request = read_request(rules, &ledger);
    let mut source = services.source.read(&request, control).await?;
    let binding = Binding { source: source.address.clone(), target: services.reader.address() };
    check_binding(&connector.name, &ledger, &binding)?;
    let writes = services.turn.writes();
    let target = services.reader.read(control).await?;
    let claims = services.store.claims(&connector.name, &binding.target).await?;
    let capabilities = services.reader.capabilities();
    find_unanswered(&mut ledger, &target, &claims, capabilities);
    distrust_empty_lists(&mut source, &ledger);
    let asked = {
        let desired = desire(&source, rules, &capabilities);
        let evidence = Evidence::of(&source);
        let (desired, target, ledger, claims) = (&desired, &target, &ledger, &claims);
        worth_asking(
            &source,
            &Input {
                desired,
                target,
                ledger,
                claims,
                rules,
                capabilities,
                evidence,
                now: services.clock.now(),
                focus: None,
            },
        )
    };
    if asked != Questions::default() {
        services.source.confirm(&mut source, &asked, &request, control).await?;
    }
    Ok(Read { source, target, writes })
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
) -> Result<Made, Failure> {
    control.progress.enter(Phase::Planning);
    let Read { source, target, .. } = read;
    let (rules, capabilities) = (&connector.rules, services.reader.capabilities());
    let mut ledger = services.store.ledger(&connector.name).await?;
    let now = Binding { source: source.address.clone(), target: services.reader.address() };
    let binding = check_binding(&connector.name, &ledger, &now)?;
    let claims = services.store.claims(&connector.name, &binding.target).await?;
    let found = find_unanswered(&mut ledger, &target, &claims, capabilities);
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
        now: services.clock.now(),
        focus: None,
    };
    let mut plan = diff(&input);
    plan.ledger_changes.splice(0..0, found.changes.clone());
    note_unproven_lists(&mut plan, &source);
    let since = services.clock.now() - TimeDelta::hours(24);
    let mut recent = services.store.recent(&connector.name, since).await?;
    for (kind, group, count) in &found.happened {
        recent.add(*kind, group.as_ref(), *count, 0);
    }
    let (approved, mut holds) = guard(plan, &rules.limits, &recent);
    for hold in &mut holds {
        hold.summary.reason = format!(
            "{}. Look at `usersyncd ctl plan {}`; if it is right, raise the limit in the connector file until the run is \
             through.",
            hold.summary.reason, connector.name
        );
    }
    Ok(Made { ledger, binding, approved, holds, found })
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
            LedgerChange::ForgetUser(source) => {
                ledger.users.remove(source);
            }
            LedgerChange::PutAlways(name, target) => {
                let known = ledger.always.remove(name).map(|known| known.members).unwrap_or_default();
                ledger.always.insert(name.clone(), AlwaysGroup { target: target.clone(), members: known });
            }
            LedgerChange::ChangeAlways { name, added, removed } => {
                if let Some(group) = ledger.always.get_mut(name) {
                    group.members.extend(added.iter().cloned());
                    for source in removed {
                        group.members.remove(source);
                    }
                }
            }
            LedgerChange::ForgetAlways(name) => {
                ledger.always.remove(name);
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
        user: ticket.user.as_ref().map(|user| user.login.clone()),
        counts: Counts::default(),
        filtered: FilteredBy::default(),
        in_grace: 0,
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
