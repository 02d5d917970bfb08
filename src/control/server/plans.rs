//! The routes of plans that are kept.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::answer::told;
use super::caller::Caller;
use super::describe::{Operation, Routes, Subject};
use super::request::{Name, body, decoded};
use super::routes::Shared;
use crate::control::api::{ApplyRequest, KeptPlanDocument, KeptPlanList, LONGEST_HOURS, can_name_a_plan};
use crate::control::fault::Fault;
use crate::sync::report::FORMAT_VERSION;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Plans)
        .get("/v1/plans", kept_plans, Operation::new("listPlans", "All kept plans").answers::<KeptPlanList>())
        .get(
            "/v1/plans/{id}",
            kept_plan,
            Operation::new("getPlan", "A kept plan as it was shown when it was made")
                .answers::<KeptPlanDocument>(),
        )
        .post(
            "/v1/plans/{id}/apply",
            apply,
            Operation::new(
                "applyPlan",
                "Have exactly the operations of a kept plan applied that are still right",
            )
            .notes("Answers as a sync does.")
            .takes::<ApplyRequest>()
            .streams()
            .may_conflict(),
        )
}

/// A name that can stand in a path and on a command line.
pub(super) fn check_plan_name(id: &str) -> Result<(), Fault> {
    if can_name_a_plan(id) {
        return Ok(());
    }
    Err(Fault::bad_request(format!(
        "{id:?} cannot be the name of a plan: letters, digits, dots, dashes and underscores, at most 64, and no dot or \
         dash in front; nothing was planned or kept"
    )))
}

/// For how many hours something counts.
pub(super) fn check_hours(hours: Option<u32>) -> Result<(), Fault> {
    if hours.is_none_or(|hours| (1..=LONGEST_HOURS).contains(&hours)) {
        return Ok(());
    }
    Err(Fault::bad_request(format!("`hours` is a number from 1 to {LONGEST_HOURS}; nothing was done")))
}

async fn kept_plans(State(control): Shared) -> Result<Response, Fault> {
    let plans = control.kept_plans().await?;
    Ok(Json(KeptPlanList { format_version: FORMAT_VERSION, plans }).into_response())
}

async fn kept_plan(State(control): Shared, id: Name) -> Result<Response, Fault> {
    Ok(Json(control.kept_plan(&decoded(id)?).await?).into_response())
}

async fn apply(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
    id: Name,
    request: Request,
) -> Result<Response, Fault> {
    let id = decoded(id)?;
    let ApplyRequest { wait } = body(request).await?;
    let events = control.apply(&id, caller.uid).await?;
    told(events, wait).await
}
