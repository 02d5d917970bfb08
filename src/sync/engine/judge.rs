//! A plan meets what people decided: limits, approvals, a kept plan; and what is held gets a number.

use std::collections::{BTreeSet, HashSet};

use sha2::{Digest as _, Sha256};

use super::cause::earlier_removals;
use super::propose::{Proposal, Purpose, propose};
use super::read::Read;
use super::{Failure, RunTicket, Services};
use crate::config::model::Connector;
use crate::store::{Held, StoredView};
use crate::sync::decision::{HoldState, HoldView};
use crate::sync::digest::{Digest, Permission};
use crate::sync::guard::{ApprovedPlan, Baseline, Conditions, Hold, Waiting, guard, shrunken};
use crate::sync::link::Found;
use crate::sync::model::{Binding, Finding, FindingKind, Ledger, SourceId};
use crate::sync::plan::{Change, Operation, Plan, Standing};
use crate::sync::progress::RunControl;
use crate::sync::relink::RELINK;
use crate::sync::removals::{Earlier, Removals};
use crate::sync::report::{HoldKind, OperationReport, View};
use crate::sync::select::{KeptOperation, LeftOut, select, to_keep};

/// What people decided about a run before it began.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// What approvals permit.
    pub(super) permission: Permission,
    /// The operations of the kept plan that the run is limited to.
    pub(super) kept: Option<Vec<KeptOperation>>,
}

impl Decisions {
    /// Those that stand at this moment.
    pub(super) async fn standing(
        connector: &Connector,
        services: &Services,
        ticket: Option<&RunTicket>,
    ) -> Result<Self, Failure> {
        let now = services.clock.now();
        let permission = services.store.permission(&connector.name, now).await?;
        let Some(id) = ticket.and_then(|ticket| ticket.kept.as_deref()) else {
            return Ok(Self { permission, kept: None });
        };
        let kept = services.store.kept_operations(&connector.name, id, now).await?;
        let kept = kept.ok_or_else(|| {
            Failure::new(format!(
                "{} keeps no plan named {id}, or its time is over; nothing was read or changed. Make it again with \
                 `usersyncd ctl plan {} --out {id}`",
                connector.name, connector.name
            ))
        })?;
        Ok(Self { permission, kept: Some(kept) })
    }
}

impl Decisions {
    /// Lets go of what was taken back, or whose time ended, while the run was reading.
    pub(super) async fn still_standing(
        &mut self,
        connector: &Connector,
        services: &Services,
    ) -> Result<(), Failure> {
        if !self.permission.is_empty() {
            let now = services.store.permission(&connector.name, services.clock.now()).await?;
            self.permission.changes.retain(|digest, _| now.allows(digest));
        }
        Ok(())
    }
}

/// A plan that passed the guard, with what applying it needs.
pub(super) struct Made {
    pub(super) ledger: Ledger,
    pub(super) binding: Binding,
    pub(super) approved: ApprovedPlan,
    pub(super) holds: Vec<Hold>,
    pub(super) found: Found,
    /// What the kept plan and this one do not share.
    pub(super) left_out: LeftOut,
    /// All operations before any limit, to be kept.
    pub(super) whole: Vec<KeptOperation>,
    /// What all of it takes away.
    pub(super) removals: Removals,
    /// How much the source showed; none in a run about one user.
    pub(super) view: Option<View>,
    /// True if that is less than the limits allow, compared with what was usual (RULES 19).
    pub(super) shrunken: bool,
}

/// Plans, and measures the plan by limits and decisions.
pub(super) async fn make_plan(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    read: &Read,
    purpose: Purpose,
    decisions: &Decisions,
) -> Result<Made, Failure> {
    let Proposal { ledger, binding, mut plan, recent, found } =
        propose(connector, services, control, read, purpose).await?;
    let left_out = decisions.kept.as_ref().map(|kept| select(&mut plan, kept)).unwrap_or_default();
    let whole = if purpose == Purpose::Show { to_keep(&plan.operations, &plan) } else { Vec::new() };
    let removals = Removals::of(&plan.operations, &plan.people);
    let everybody = read.focus.is_none() && read.source.of_changes.is_none();
    let view = everybody.then_some(read.listed);
    let baseline = services.store.remembered(&connector.name).await?.view;
    let baseline = baseline.filter(|known| known.question == question(connector));
    let why = baseline.filter(|_| everybody).and_then(|known| {
        let before = View { users: known.users, groups: known.groups };
        let baseline = Baseline { view: before, run: known.run, at: known.at };
        shrunken(&baseline, &read.shown, &connector.rules.limits)
    });
    let waiting = match read.source.of_changes {
        Some(_) => undecided(connector, services).await?,
        None => Vec::new(),
    };
    let conditions = Conditions {
        limits: &connector.rules.limits,
        recent: &recent,
        permission: &decisions.permission,
        shrunken: why.as_deref(),
        waiting: &waiting,
    };
    let (approved, mut holds) = guard(plan, &conditions);
    // What waits for a decision is told, and counted, by the run that held the others.
    holds.retain(|hold| !conditions.waits(hold.summary.kind, hold.summary.group.as_ref()));
    let shrunken = why.is_some();
    Ok(Made { ledger, binding, approved, holds, found, left_out, whole, removals, view, shrunken })
}

/// What open holds are about.
async fn undecided(connector: &Connector, services: &Services) -> Result<Vec<Waiting>, Failure> {
    let holds = services.store.holds(Some(&connector.name), false).await?;
    // One without changes only says what will be held.
    let is_undecided =
        |hold: &HoldView| matches!(hold.state, HoldState::Open | HoldState::Discarded) && hold.changes > 0;
    let open = holds.into_iter().filter(is_undecided);
    Ok(open.map(|hold| Waiting { kind: hold.summary.kind, group: hold.summary.group }).collect())
}

/// The digest of what a connector asks its source: the answers to another question are no baseline (RULES 19).
pub(super) fn question(connector: &Connector) -> String {
    let source = &connector.source;
    let asked = [
        Some(source.origin.origin().ascii_serialization()),
        source.users_search.clone(),
        source.groups_search.clone(),
        source.app.clone(),
    ];
    let mut hasher = Sha256::new();
    for part in asked {
        hasher.update(format!("{part:?}\n"));
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the rules of the last successful run would take away, if the file changed since and it matters: before anybody is
/// kept from the target, since it means another read of the source.
pub(super) async fn earlier(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    read: &Read,
    purpose: Purpose,
    decisions: &Decisions,
) -> Result<Option<Earlier>, Failure> {
    if read.focus.is_some() || read.source.of_changes.is_some() {
        return Ok(None);
    }
    let Some(before) = super::cause::changed_since(connector, services).await? else { return Ok(None) };
    let made = make_plan(connector, services, control, read, purpose, decisions).await?;
    let is_removal = |hold: &Hold| hold.operations.iter().any(|operation| operation.change.removes());
    let matters = match purpose {
        Purpose::Show => !made.removals.is_empty(),
        _ => made.holds.iter().any(is_removal),
    };
    if !matters {
        return Ok(None);
    }
    earlier_removals(connector, &before, services, control).await
}

/// Says of each hold where its removals come from.
pub(super) fn attribute(holds: &mut [Hold], earlier: Option<&Earlier>, plan: &Plan) {
    let Some(earlier) = earlier else { return };
    for hold in holds {
        hold.summary.cause = Removals::of(&hold.operations, &plan.people).cause(earlier);
    }
}

/// Keeps what is held, and puts its number and advice into it.
pub(super) async fn keep_holds(
    connector: &Connector,
    services: &Services,
    ticket: &RunTicket,
    made: &mut Made,
    earlier: Option<&Earlier>,
) -> Result<(), Failure> {
    let plan = made.approved.plan();
    let whole = ticket.is_whole();
    let at = services.clock.now();
    let view = made.view.map(|view| stored_view(connector, view, (ticket.run, at)));
    let held = made.holds.iter().map(|hold| Held {
        operations: hold.operations.iter().map(|one| held_operation(one, plan, earlier)).collect(),
        view: view.clone().filter(|_| hold.summary.kind == HoldKind::View),
        ..bare(hold, plan)
    });
    // A removal that is not proven now may be held again as soon as it is.
    let all = whole && plan.not_proven.is_empty();
    let numbered =
        services.store.record_holds(&connector.name, (ticket.run, at), held.collect(), all).await?;
    for (hold, number) in made.holds.iter_mut().zip(numbered) {
        hold.summary.id = Some(number.id);
        hold.summary.fresh = number.fresh;
    }
    Ok(())
}

/// A hold without its operations.
fn bare(hold: &Hold, plan: &Plan) -> Held {
    let (summary, topic) = (hold.summary.clone(), topic(hold));
    Held { summary, topic, operations: Vec::new(), changes: changes(hold, plan), view: None }
}

/// Puts the numbers of holds of earlier runs into those of a plan, where they are the same.
pub(super) async fn number_holds(
    connector: &Connector,
    services: &Services,
    made: &mut Made,
) -> Result<(), Failure> {
    let plan = made.approved.plan();
    let held = made.holds.iter().map(|hold| bare(hold, plan)).collect();
    let numbers = services.store.numbers_of(&connector.name, held).await?;
    for (hold, number) in made.holds.iter_mut().zip(numbers) {
        hold.summary.id = number;
        hold.summary.fresh = number.is_none();
    }
    Ok(())
}

/// Ends what approvals permit and nobody wants any more, so that a later mistake cannot make use of it. Only a run that saw
/// everything can say so: what could not be read, or not be confirmed, is still waited for.
pub(super) async fn end_unwanted(
    connector: &Connector,
    services: &Services,
    permission: &Permission,
    plan: &Plan,
    holds: &[Hold],
) -> Result<(), Failure> {
    let unclear = |finding: &Finding| {
        matches!(
            finding.kind,
            FindingKind::AbsenceUnconfirmed | FindingKind::UnreadableRecord | FindingKind::UnknownStatus
        )
    };
    if permission.is_empty() || !plan.not_proven.is_empty() || plan.findings.iter().any(unclear) {
        return Ok(());
    }
    let held = holds.iter().flat_map(|hold| &hold.operations);
    let wanted: HashSet<Digest> =
        plan.operations.iter().chain(held).flat_map(|one| one.digests(&plan.people)).collect();
    let unwanted: Vec<Digest> =
        permission.changes.keys().filter(|digest| !wanted.contains(*digest)).copied().collect();
    if !unwanted.is_empty() {
        tracing::info!(
            "{} approved changes are wanted no longer, so their approval has ended",
            unwanted.len()
        );
        services.store.end_approvals(&connector.name, unwanted).await?;
    }
    Ok(())
}

/// What is remembered of a view.
pub(super) fn stored_view(
    connector: &Connector,
    view: View,
    (run, at): (u64, chrono::DateTime<chrono::Utc>),
) -> StoredView {
    StoredView { question: question(connector), users: view.users, groups: view.groups, run, at }
}

fn topic(hold: &Hold) -> String {
    match (&hold.summary.group, hold.summary.kind) {
        (Some(group), _) => {
            let target = hold.operations.first().and_then(|operation| operation.target.as_ref());
            target.map_or_else(|| group.to_string(), ToString::to_string)
        }
        (None, HoldKind::Adoptions) => {
            let memberships =
                hold.operations.iter().all(|one| matches!(one.change, Change::ChangeMembers { .. }));
            let by_name = hold.operations.iter().any(|one| one.standing == Standing::ByName);
            match (memberships, by_name) {
                (true, _) => "memberships",
                (false, true) => RELINK,
                (false, false) => "accounts",
            }
            .to_owned()
        }
        (None, _) => String::new(),
    }
}

fn held_operation(operation: &Operation, plan: &Plan, earlier: Option<&Earlier>) -> OperationReport {
    OperationReport {
        cause: earlier.and_then(|earlier| Removals::of([operation], &plan.people).cause(earlier)),
        summary: operation.summary(),
        result: "held".to_owned(),
        error: None,
        hold: None,
        operation: operation.document(&plan.people),
    }
}

/// What only waits for removals is done by itself once they are decided on: there is nothing to permit.
fn changes(hold: &Hold, plan: &Plan) -> Vec<(Digest, SourceId)> {
    let of_removals = matches!(hold.summary.kind, HoldKind::Memberships | HoldKind::View);
    let decided = hold.operations.iter().filter(|operation| {
        operation.change != Change::EnableUser && (operation.change.removes() || !of_removals)
    });
    let mut changes = Vec::new();
    for operation in decided {
        let digests = operation.digests(&plan.people);
        let members = match &operation.change {
            Change::ChangeMembers { added, removed, leavers, tie, .. }
                if *tie != crate::sync::plan::Tie::Left =>
            {
                let all = added.iter().chain(removed).chain(leavers);
                let people = all.filter_map(|person| plan.people.get(*person as usize));
                people.map(|person| person.source.clone()).collect()
            }
            _ => vec![operation.source.clone(); digests.len()],
        };
        changes.extend(digests.into_iter().zip(members));
    }
    let mut seen = BTreeSet::new();
    changes.retain(|(digest, _)| seen.insert(*digest));
    changes
}
