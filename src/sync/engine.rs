//! One run from start to end: read both sides, desire, diff, guard, apply, report.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::apply::{Applying, Workplace, apply};
use super::desire::{Desired, WANTED_ATTRIBUTES, desire, wants_group};
use super::diff::{Claims, Evidence, Input, diff, questions};
use super::guard::{ApprovedPlan, Hold, guard};
use super::link::link_unanswered;
use super::model::{Binding, Ledger, Proof, SourceSnapshot, TargetSnapshot};
use super::plan::{LedgerChange, Plan};
use super::progress::{Phase, RunControl};
use super::report::{Counts, FORMAT_VERSION, HoldKind, Managed, Outcome, Report, Trigger};
use super::rules::Rules;
use crate::clock::Clock;
use crate::config::model::Connector;
use crate::control::api::{PlanDocument, PlannedOperation};
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

/// RULES 28: failed, then partial, then held.
fn outcome(report: &Report, applying: &Applying) -> Outcome {
    let failed = |counts: &super::report::KindCounts| counts.failed > 0;
    let counts = &report.counts;
    if applying.cancelled {
        Outcome::Cancelled
    } else if applying.stopped.is_some() && applying.applied == 0 {
        Outcome::Failed
    } else if applying.stopped.is_some()
        || !report.not_proven.is_empty()
        || [&counts.users, &counts.groups, &counts.memberships].into_iter().any(failed)
    {
        Outcome::Partial
    } else if !report.holds.is_empty() {
        Outcome::Held
    } else {
        Outcome::Success
    }
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

    confirm_absences(connector, services, control, &mut source, &target, &ledger, &claims).await?;
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

/// RULES 18: a list that is empty while the ledger manages its kind proves nothing.
fn distrust_empty_lists(source: &mut SourceSnapshot, ledger: &Ledger) {
    let distrust = |proof: &mut Proof, what: &str, managed: usize| {
        if proof.is_proven() {
            *proof =
                Proof::NotProven(format!("the source returned no {what} at all, and {managed} are managed"));
        }
    };
    if source.users.is_empty() && !ledger.users.is_empty() {
        distrust(&mut source.users_proof, "users", ledger.users.len());
    }
    if source.groups.is_empty() && !ledger.groups.is_empty() {
        distrust(&mut source.groups_proof, "groups", ledger.groups.len());
    }
}

/// More absent records than this are not asked for one by one if the limits hold them in any case.
const ASK_AT_MOST: usize = 1_000;

/// Asks the source for those who are missing from its lists and would be changed for it (RULES 12, 17).
async fn confirm_absences(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    source: &mut SourceSnapshot,
    target: &TargetSnapshot,
    ledger: &Ledger,
    claims: &Claims,
) -> Result<(), Failure> {
    let rules = &connector.rules;
    let capabilities = services.reader.capabilities();
    let mut questions = {
        let desired = desire(source, rules, &capabilities);
        let evidence = Evidence::of(source);
        questions(&Input { desired: &desired, target, ledger, claims, rules, capabilities, evidence })
    };
    let limit = |limit, base: u64| match limit {
        super::rules::Limit::Off => usize::MAX,
        super::rules::Limit::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        super::rules::Limit::Percent(percent) => {
            usize::try_from(base * u64::from(percent) / 100).unwrap_or(usize::MAX)
        }
    };
    if questions.users.len() > ASK_AT_MOST.max(limit(rules.limits.leavers, ledger.users.len() as u64)) {
        questions.users.clear();
    }
    if questions.groups.len() > ASK_AT_MOST.max(limit(rules.limits.groups, ledger.groups.len() as u64)) {
        questions.groups.clear();
    }
    questions.users.extend(unlisted_members(source, rules));
    if questions == Questions::default() {
        return Ok(());
    }
    let request = read_request(rules, ledger);
    Ok(services.source.confirm(source, &questions, &request, control).await?)
}

/// Members with a status in scope that the user list did not show, as many as may be asked for (RULES 12).
fn unlisted_members(source: &SourceSnapshot, rules: &Rules) -> BTreeSet<super::model::SourceId> {
    if !source.users_proof.is_proven() {
        return BTreeSet::new();
    }
    let mut listed = vec![false; source.people.ids().len()];
    let known = source.users.iter().map(|user| &user.id).chain(&source.unreadable);
    for person in known.filter_map(|id| source.people.find(&id.0)) {
        if let Some(slot) = listed.get_mut(person as usize) {
            *slot = true;
        }
    }
    let members = source.groups.iter().flat_map(|group| &group.members);
    let unlisted: BTreeSet<u32> = members
        .filter(|member| rules.scope.statuses.contains(&member.status))
        .map(|member| member.person)
        .filter(|person| !listed.get(*person as usize).copied().unwrap_or(true))
        .collect();
    unlisted
        .into_iter()
        .take(ASK_AT_MOST)
        .filter_map(|person| source.people.ids().get(person as usize).cloned())
        .collect()
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

/// A list that did not end is reported, even if no removal was left out because of it; `diff` does so for members.
fn note_unproven_lists(plan: &mut Plan, source: &SourceSnapshot) {
    let mut note = |list: String, proof: &Proof| {
        if let Proof::NotProven(reason) = proof
            && !plan.not_proven.iter().any(|known| known.list == list)
        {
            let reason = reason.clone();
            plan.not_proven.push(super::report::NotProven { list, reason, removals_left_out: 0 });
        }
    };
    note("users".to_owned(), &source.users_proof);
    note("groups".to_owned(), &source.groups_proof);
    plan.not_proven.sort();
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

fn managed(ledger: &Ledger) -> Managed {
    let groups: std::collections::BTreeMap<_, _> =
        ledger.groups.values().map(|group| (&group.target, group.memberships)).collect();
    Managed {
        users: ledger.users.len() as u64,
        groups: groups.len() as u64,
        memberships: groups.values().sum(),
    }
}

fn count_held(counts: &mut Counts, holds: &[Hold]) {
    for hold in holds {
        let kind = match hold.summary.kind {
            HoldKind::Leavers | HoldKind::Renames | HoldKind::Creates => &mut counts.users,
            HoldKind::Groups => &mut counts.groups,
            HoldKind::Memberships => &mut counts.memberships,
        };
        kind.held += hold.summary.count;
    }
}

fn count_planned(counts: &mut Counts, plan: &Plan) {
    use super::plan::Change;
    for operation in &plan.operations {
        match &operation.change {
            Change::CreateUser { .. } => counts.users.created += 1,
            Change::UpdateUser { .. } | Change::EnableUser => counts.users.updated += 1,
            Change::DisableUser => counts.users.disabled += 1,
            Change::CreateGroup { .. } => counts.groups.created += 1,
            Change::UpdateGroup { .. } => counts.groups.updated += 1,
            Change::ChangeMembers { added, removed, group_left, .. } => {
                counts.groups.disabled += u64::from(*group_left);
                counts.memberships.created += added.len() as u64;
                counts.memberships.deleted += removed.len() as u64;
            }
        }
    }
}

fn add_applied(counts: &mut Counts, applied: &Counts) {
    let pairs = [
        (&mut counts.users, &applied.users),
        (&mut counts.groups, &applied.groups),
        (&mut counts.memberships, &applied.memberships),
    ];
    for (all, applied) in pairs {
        all.created += applied.created;
        all.updated += applied.updated;
        all.disabled += applied.disabled;
        all.deleted += applied.deleted;
        all.failed += applied.failed;
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
