//! One run from start to end: read both sides, desire, diff, guard, apply, report; what it would do, and why; and the way
//! back.

mod cache;
mod cause;
mod changes;
mod drift;
mod explain;
mod interest;
mod judge;
mod plan;
mod propose;
mod read;
mod read_one;
mod rebind;
mod relink;
mod undo;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::apply::{Applying, Workplace, apply, record_planned};
use super::link::Found;
use super::model::{Finding, FindingKind};
use super::plan::{Change, InGrace, Operation, Plan, Standing};
use super::progress::{Phase, RunControl};
use super::report::{Counts, FORMAT_VERSION, FilteredBy, Managed, Outcome, Report, Trigger, Waiting};
use super::rules::OnExisting;
use super::tally::{add_applied, count_held, count_planned, managed, outcome};
use super::turn::Turn;
use crate::clock::Clock;
use crate::config::model::{Connector, OktaSettings};
use crate::source::{Source, SourceError};
use crate::store::{Applied, Remembered, Store, StoreError};
use crate::target::{Reader, TargetError, Writer};

pub use changes::{ChangesEnd, sync_changes};
use drift::Drifted;
pub use explain::explain;
use interest::read_wanted;
use judge::{Decisions, Made, attribute, earlier, end_unwanted, keep_holds, make_plan, stored_view};
pub use plan::{Keeping, plan};
use propose::Purpose;
use read::{Read, read};
pub use rebind::{Rebinding, rebinding};
pub use relink::{Relinking, relinking};
pub use undo::{Undoing, plan_undo, undo};

/// What a run of one connector works with.
#[derive(Clone)]
pub struct Services {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Where it reads.
    pub source: Arc<dyn Source>,
    /// The same org, asked with other settings: those of an earlier version of the connector file.
    pub source_of: SourceOf,
    /// What the target holds.
    pub reader: Arc<dyn Reader>,
    /// How the target is changed.
    pub writer: Arc<dyn Writer>,
    /// Shared by all connectors that have this target: one writes at a time (law 8).
    pub turn: Arc<Turn>,
}

impl Services {
    /// Where the operations of a run are applied.
    fn workplace<'a>(
        &'a self,
        connector: &'a Connector,
        ticket: &RunTicket,
        control: &'a RunControl,
    ) -> Workplace<'a> {
        Workplace {
            store: &self.store,
            writer: Arc::clone(&self.writer),
            clock: &self.clock,
            connector: &connector.name,
            run: ticket.run,
            capabilities: self.reader.capabilities(),
            control,
        }
    }
}

/// Makes a source of settings.
pub type SourceOf = Arc<dyn Fn(&OktaSettings) -> Arc<dyn Source> + Send + Sync>;

/// Which run this is.
#[derive(Clone, Debug)]
pub struct RunTicket {
    /// Its number, from [`Store::begin_run`].
    pub run: u64,
    /// What started it.
    pub trigger: Trigger,
    /// The one user that it is limited to; none: everybody.
    pub user: Option<UserRequest>,
    /// The kept plan that it is limited to; none: whatever is right now.
    pub kept: Option<String>,
    /// When it began.
    pub started: DateTime<Utc>,
}

impl RunTicket {
    /// Whether the run is about everybody and all that is to be done, so that what it finds says how the connector is doing.
    fn is_whole(&self) -> bool {
        self.user.is_none() && self.kept.is_none() && self.trigger != Trigger::Incremental
    }
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

    fn cancelled_while_waiting() -> Self {
        let message =
            "the run was cancelled while it waited for its turn to write; nothing was changed".to_owned();
        Self { message, cancelled: true }
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
        if let Err(error) = services.store.untell(ticket.run).await {
            tracing::warn!("{error}");
        }
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
    let decisions = Decisions::standing(connector, services, Some(ticket)).await?;
    let known = drift::known(connector, services, ticket).await?;
    let mut read = read(connector, services, ticket.user.as_ref(), &decisions.permission, control).await?;
    let drifted = known.and_then(|known| known.compare(&read));
    // Runs between full ones go on from what a full run has judged.
    if ticket.is_whole() || !cache::keeps_records(connector) {
        read.keep(connector, services).await;
    }
    read.drop_records();
    carry_out(connector, services, ticket, control, report, (decisions, read, drifted)).await?;
    if ticket.is_whole() && changes::done(report.outcome) {
        changes::note_done(connector, services).await?;
    }
    Ok(())
}

/// Plans what follows from both sides, has the limits look at it, applies it, and remembers what the next run needs.
async fn carry_out(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    control: &RunControl,
    report: &mut Report,
    (mut decisions, mut read, drifted): (Decisions, Read, Option<Drifted>),
) -> Result<(), Failure> {
    let restore = ticket.user.as_ref().is_some_and(|user| user.restore);
    let purpose = if restore { Purpose::Restore } else { Purpose::Sync };
    let earlier = earlier(connector, services, control, &read, purpose, &decisions).await?;
    control.progress.enter(Phase::Waiting);
    let turn = tokio::select! {
        biased;
        () = control.cancel.cancelled() => return Err(Failure::cancelled_while_waiting()),
        turn = services.turn.take() => turn,
    };
    if services.turn.writes() != read.writes {
        // Somebody else wrote since we looked; nobody does until our turn is over.
        let ledger = services.store.ledger(&connector.name).await?;
        read.target = read_wanted(services, (&ledger, &read.desired), &read.rules, control).await?;
    }
    decisions.still_standing(connector, services).await?;
    let mut made = make_plan(connector, services, control, &read, purpose, &decisions).await?;
    let relinking = read.rules.existing.users == OnExisting::AdoptHeld;
    drop(read);
    attribute(&mut made.holds, earlier.as_ref(), made.approved.plan());
    if ticket.user.is_none() {
        keep_holds(connector, services, ticket, &mut made, earlier.as_ref()).await?;
    }
    if ticket.is_whole() {
        changes::note_judged(connector, services).await?;
    }
    fill_in(report, connector, ticket, &made);
    report.drift = drifted.map(|drifted| drifted.count(made.approved.plan(), &made.holds));
    let Made { mut ledger, binding, approved, holds, found, view, shrunken, .. } = made;
    let plan = approved.plan();
    let mut counts = plan.counts;
    count_held(&mut counts, &holds);
    let place = services.workplace(connector, ticket, control);
    let applying = if connector.apply {
        services.store.bind(&connector.name, &binding).await?;
        let (changes, applied) = (plan.ledger_changes.clone(), happened(found, services));
        services.store.change_ledger(&connector.name, ticket.run, changes, applied).await?;
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
    report.approvals = applying.approvals.into_iter().collect();
    // RULES 19: only such a run says what the source usually shows.
    if connector.apply && ticket.is_whole() && report.outcome.is_success() {
        end_unwanted(connector, services, &decisions.permission, plan, &holds).await?;
        let by_name = |operation: &Operation| operation.standing == Standing::ByName;
        if relinking && !holds.iter().flat_map(|hold| &hold.operations).any(by_name) {
            services.store.end_relink(&connector.name).await?;
        }
    }
    let usual = plan.not_proven.is_empty() && !shrunken;
    let at = services.clock.now();
    let succeeded = report.outcome == Outcome::Success && connector.apply && ticket.is_whole();
    let seen = Remembered {
        file: succeeded.then(|| connector.text.to_string()),
        view: view
            .filter(|_| usual && ticket.kept.is_none())
            .map(|view| stored_view(connector, view, (ticket.run, at))),
    };
    if let Err(error) = remember(connector, services, ticket, report.outcome, seen).await {
        tracing::warn!("{error}; the run itself is over, and the next one compares with an older one");
    }
    Ok(())
}

/// What later runs are compared with.
async fn remember(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    outcome: Outcome,
    seen: Remembered,
) -> Result<(), StoreError> {
    services.store.remember(&connector.name, ticket.run, seen).await?;
    // Whoever is told of holds is not told of what such a run holds: the next one tells.
    if outcome == Outcome::Cancelled || ticket.kept.is_some() {
        services.store.untell(ticket.run).await?;
    }
    Ok(())
}

/// What turned out to have happened in earlier runs, as the limits count it.
fn happened(found: Found, services: &Services) -> Vec<Applied> {
    let at = services.clock.now();
    let applied = |(kind, group, count)| Applied { at, kind, group, count, base: 0 };
    found.happened.into_iter().map(applied).collect()
}

/// What planning says for the report.
fn fill_in(report: &mut Report, connector: &Connector, ticket: &RunTicket, made: &Made) {
    let plan = made.approved.plan();
    report.findings = plan.findings.clone();
    report.findings.extend(nothing_to_restore(plan, ticket));
    report.not_proven = plan.not_proven.clone();
    report.holds = made.holds.iter().map(|hold| hold.summary.clone()).collect();
    report.apply = connector.apply;
    report.filtered = plan.filtered.clone();
    report.in_grace = plan.in_grace.len() as u64;
    report.waiting = waiting(plan);
    report.stale = made.left_out.stale.clone();
    report.not_in_plan = made.left_out.new;
    report.view = made.view;
}

fn waiting(plan: &Plan) -> Vec<Waiting> {
    let waiting = |user: &InGrace| Waiting { username: user.username.clone(), until: user.until };
    let mut all: Vec<Waiting> = plan.in_grace.iter().map(waiting).collect();
    all.sort_by(|one, other| one.username.cmp(&other.username));
    all
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
        kept_plan: ticket.kept.clone(),
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
        drift: None,
        apply: true,
        managed: Managed::default(),
        operations: Vec::new(),
    }
}
