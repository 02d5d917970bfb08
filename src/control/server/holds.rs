//! The routes of holds: what waits for a decision, and the decision.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{done, told};
use super::caller::Caller;
use super::describe::{Operation, Routes, Subject};
use super::plans::check_hours;
use super::request::{Asked, Name, body, number, query};
use super::routes::Shared;
use crate::control::api::{ApproveRequest, Done, HoldDocument, HoldList};
use crate::control::fault::Fault;
use crate::sync::report::FORMAT_VERSION;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Holds)
        .get(
            "/v1/holds",
            holds,
            Operation::new("listHolds", "Holds, newest first")
                .asks::<HoldsQuery>()
                .answers::<HoldList>()
                .may_not_find(),
        )
        .get(
            "/v1/holds/{hold}",
            hold,
            Operation::new("getHold", "A hold with its operations").answers::<HoldDocument>(),
        )
        .post(
            "/v1/holds/{hold}/approve",
            approve,
            Operation::new("approveHold", "Approve exactly the operations of a hold")
                .notes("Begins a run and answers as a sync does; with later it only notes the approval.")
                .takes::<ApproveRequest>()
                .answers::<Done>()
                .streams()
                .may_conflict(),
        )
        .post(
            "/v1/holds/{hold}/discard",
            discard,
            Operation::new("discardHold", "Put a hold aside, or take its approval back")
                .notes("It stays held, and nobody is told of it again.")
                .answers::<Done>()
                .may_conflict(),
        )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HoldsQuery {
    /// Only those of this connector.
    connector: Option<String>,
    /// Those too that nobody has to decide on any more.
    #[serde(default)]
    all: bool,
}

async fn holds(State(control): Shared, asked: Asked<HoldsQuery>) -> Result<Response, Fault> {
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
