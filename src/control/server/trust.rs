//! The routes of plans that are kept, holds, approvals and undo.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;

use super::Control;
use super::caller::Caller;
use super::routes::{Name, Shared, body, decoded, done, lines, number, query, told};
use crate::control::api::{
    ApplyRequest, ApproveRequest, HoldList, KeptPlanList, LONGEST_HOURS, PlanRequest, UndoRequest,
    can_name_a_plan,
};
use crate::control::fault::Fault;
use crate::sync::report::FORMAT_VERSION;

pub(super) fn routes() -> Router<Arc<dyn Control>> {
    Router::new()
        .route("/v1/connectors/{name}/plan", post(plan))
        .route("/v1/plans", get(kept_plans))
        .route("/v1/plans/{id}", get(kept_plan))
        .route("/v1/plans/{id}/apply", post(apply))
        .route("/v1/holds", get(holds))
        .route("/v1/holds/{hold}", get(hold))
        .route("/v1/holds/{hold}/approve", post(approve))
        .route("/v1/holds/{hold}/discard", post(discard))
        .route("/v1/runs/{run}/undo", post(undo))
}

async fn plan(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
    name: Name,
    request: Request,
) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let request: PlanRequest = body(request).await?;
    if let Some(id) = &request.keep {
        check_plan_name(id)?;
    }
    check_hours(request.hours)?;
    Ok(lines(control.plan(&name, request, caller.uid).await?))
}

/// A name that can stand in a path and on a command line.
fn check_plan_name(id: &str) -> Result<(), Fault> {
    if can_name_a_plan(id) {
        return Ok(());
    }
    Err(Fault::bad_request(format!(
        "{id:?} cannot be the name of a plan: letters, digits, dots, dashes and underscores, at most 64, and no dot or \
         dash in front; nothing was planned or kept"
    )))
}

fn check_hours(hours: Option<u32>) -> Result<(), Fault> {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldsQuery {
    connector: Option<String>,
    #[serde(default)]
    all: bool,
}

async fn holds(
    State(control): Shared,
    asked: Result<Query<HoldsQuery>, QueryRejection>,
) -> Result<Response, Fault> {
    let HoldsQuery { connector, all } = query(asked)?;
    let holds = control.holds(connector.as_deref(), all).await?;
    Ok(Json(HoldList { format_version: FORMAT_VERSION, holds }).into_response())
}

async fn hold(State(control): Shared, hold: Name) -> Result<Response, Fault> {
    Ok(Json(control.hold(number(hold, "a hold")?).await?).into_response())
}

async fn approve(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
    hold: Name,
    request: Request,
) -> Result<Response, Fault> {
    let hold = number(hold, "a hold")?;
    let request: ApproveRequest = body(request).await?;
    check_hours(request.hours)?;
    let wait = request.wait;
    let (message, events) = control.approve(hold, request, caller.uid).await?;
    match events {
        None => Ok(done(message)),
        Some(events) => {
            tracing::info!("{message}");
            told(events, wait).await
        }
    }
}

async fn discard(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
    hold: Name,
) -> Result<Response, Fault> {
    control.discard(number(hold, "a hold")?, caller.uid).await.map(done)
}

async fn undo(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
    run: Name,
    request: Request,
) -> Result<Response, Fault> {
    let run = number(run, "a run")?;
    let request: UndoRequest = body(request).await?;
    if request.fingerprint.is_some() && !request.confirm {
        return Err(Fault::bad_request("`fingerprint` belongs to `confirm`; nothing was done"));
    }
    let stream = request.wait || !request.confirm;
    let events = control.undo(run, request, caller.uid).await?;
    told(events, stream).await
}
