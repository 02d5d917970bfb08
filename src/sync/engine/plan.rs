//! What a sync would do, shown and perhaps kept; nothing is written to the target.

use chrono::TimeDelta;

use super::cache::keeps_records;
use super::judge::{Decisions, Made, attribute, earlier, make_plan, number_holds};
use super::propose::Purpose;
use super::read::read;
use super::{Failure, Services, adoptions, waiting};
use crate::config::model::Connector;
use crate::sync::decision::KeptPlan;
use crate::sync::plan::{Operation, Plan};
use crate::sync::progress::{Phase, RunControl};
use crate::sync::removals::{Earlier, Removals};
use crate::sync::report::{FORMAT_VERSION, HeldOperation, PlanDocument, PlannedOperation};
use crate::sync::tally::{count_held, count_planned};

/// Asks for a plan to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keeping {
    /// Under this name.
    pub id: String,
    /// For so many hours.
    pub hours: u32,
    /// For the caller with this user id.
    pub uid: u32,
}

/// Says what a sync would do, and writes nothing to the target. The error is a whole sentence.
pub async fn plan(
    connector: &Connector,
    services: &Services,
    keeping: Option<&Keeping>,
    control: &RunControl,
) -> Result<(PlanDocument, Option<KeptPlan>), String> {
    let made = make(connector, services, keeping, control).await;
    control.progress.enter(Phase::Done);
    made.map_err(|failure| failure.message)
}

async fn make(
    connector: &Connector,
    services: &Services,
    keeping: Option<&Keeping>,
    control: &RunControl,
) -> Result<(PlanDocument, Option<KeptPlan>), Failure> {
    let purpose = Purpose::Show;
    let decisions = Decisions::standing(connector, services, None).await?;
    let mut read = read(connector, services, None, &decisions.permission, control).await?;
    // Runs between full ones go on from what a run has judged, not from what was only looked at.
    if !keeps_records(connector) {
        read.keep(connector, services).await;
    }
    read.drop_records();
    let earlier = earlier(connector, services, control, &read, purpose, &decisions).await?;
    let mut made = make_plan(connector, services, control, &read, purpose, &decisions).await?;
    attribute(&mut made.holds, earlier.as_ref(), made.approved.plan());
    number_holds(connector, services, &mut made).await?;
    let document = document(connector, services, &made, earlier.as_ref());
    let Some(keeping) = keeping else { return Ok((document, None)) };
    let kept = KeptPlan {
        id: keeping.id.clone(),
        connector: connector.name.clone(),
        made: document.made,
        expires: document.made + TimeDelta::hours(i64::from(keeping.hours)),
        counts: document.counts,
        operations: made.whole.len() as u64,
        uid: keeping.uid,
    };
    services.store.keep_plan(&kept, &document, made.whole).await?;
    Ok((document, Some(kept)))
}

fn document(
    connector: &Connector,
    services: &Services,
    made: &Made,
    earlier: Option<&Earlier>,
) -> PlanDocument {
    let plan = made.approved.plan();
    let mut counts = plan.counts;
    count_held(&mut counts, &made.holds);
    count_planned(&mut counts, plan);
    let held = made.holds.iter().enumerate().flat_map(|(hold, held)| {
        let operations = held.operations.iter();
        operations.map(move |operation| HeldOperation { hold, operation: shown(operation, plan, earlier) })
    });
    PlanDocument {
        format_version: FORMAT_VERSION,
        connector: connector.name.clone(),
        made: services.clock.now(),
        counts,
        filtered: plan.filtered.clone(),
        in_grace: plan.in_grace.len() as u64,
        waiting: waiting(plan),
        adopted: adoptions(plan),
        cause: earlier.and_then(|earlier| made.removals.cause(earlier)),
        operations: plan.operations.iter().map(|operation| shown(operation, plan, earlier)).collect(),
        holds: made.holds.iter().map(|hold| hold.summary.clone()).collect(),
        held: held.collect(),
        findings: plan.findings.clone(),
        not_proven: plan.not_proven.clone(),
    }
}

/// An operation as people and programs see it.
pub(super) fn shown(operation: &Operation, plan: &Plan, earlier: Option<&Earlier>) -> PlannedOperation {
    PlannedOperation {
        summary: operation.summary(),
        details: operation.details(&plan.people),
        why: operation.why.to_string(),
        cause: earlier.and_then(|earlier| Removals::of([operation], &plan.people).cause(earlier)),
        operation: operation.document(&plan.people),
    }
}
