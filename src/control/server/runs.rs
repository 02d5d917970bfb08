//! The routes of runs: what they did, and taking it back.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::told;
use super::caller::Caller;
use super::describe::{Operation, Routes, Subject};
use super::request::{Asked, Name, body, number, query};
use super::routes::Shared;
use crate::control::api::{RunList, UndoRequest};
use crate::control::fault::Fault;
use crate::sync::report::{FORMAT_VERSION, Report};

/// How many runs are listed if nobody says, and at most.
const RUNS: u32 = 20;
const MOST_RUNS: u32 = 1000;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Runs)
        .get(
            "/v1/runs",
            runs,
            Operation::new("listRuns", "Runs, newest first").asks::<RunsQuery>().answers::<RunList>().may_not_find(),
        )
        .get("/v1/runs/{run}", run, Operation::new("getRun", "What a run did, with its operations").answers::<Report>())
        .post(
            "/v1/runs/{run}/undo",
            undo,
            Operation::new("undo", "Take a run back")
                .notes(
                    "Without confirm nothing is changed, and the last event is undo_planned. With confirm it is done as a \
                     run of its own, as for a sync, and the connector is paused.",
                )
                .takes::<UndoRequest>()
                .streams()
                .may_conflict(),
        )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RunsQuery {
    /// Only those of this connector.
    connector: Option<String>,
    /// How many; by default 20, and never more than 1000.
    #[schemars(range(max = u32::MAX))]
    limit: Option<u32>,
}

async fn runs(State(control): Shared, asked: Asked<RunsQuery>) -> Result<Response, Fault> {
    let RunsQuery { connector, limit } = query(asked)?;
    let limit = limit.unwrap_or(RUNS).min(MOST_RUNS) as usize;
    let runs = control.runs(connector.as_deref(), limit).await?;
    Ok(Json(RunList { format_version: FORMAT_VERSION, runs }).into_response())
}

async fn run(State(control): Shared, run: Name) -> Result<Response, Fault> {
    Ok(Json(control.run(number(run, "a run")?).await?).into_response())
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
