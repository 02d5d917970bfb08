//! The routes of connectors: their state, and what they are asked to do.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::SyncExtent;
use super::answer::{done, lines, told};
use super::caller::Caller;
use super::describe::{Operation, Routes, Subject};
use super::plans::{check_hours, check_plan_name};
use super::request::{Name, body, checked_login, decoded};
use super::routes::Shared;
use crate::control::api::{
    ConnectorConfiguration, ConnectorList, ConnectorStatus, Diagnosis, Done, ExplainRequest, Explanation,
    PlanRequest, SyncRequest,
};
use crate::control::fault::Fault;
use crate::sync::engine::UserRequest;
use crate::sync::report::FORMAT_VERSION;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Connectors)
        .get(
            "/v1/connectors",
            connectors,
            Operation::new("listConnectors", "All connectors").answers::<ConnectorList>(),
        )
        .get(
            "/v1/connectors/{name}",
            connector,
            Operation::new("getConnector", "The state of one connector").answers::<ConnectorStatus>(),
        )
        .get(
            "/v1/connectors/{name}/configuration",
            configuration,
            Operation::new("getConfiguration", "What is in force for a connector, with every default filled in")
                .answers::<ConnectorConfiguration>()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/sync",
            sync,
            Operation::new("sync", "Begin a sync")
                .notes(
                    "With wait the events of the run until finished or refused. Without, what can be said at once: \
                     queued or started, and any notice before. A client that goes away leaves the run alone.",
                )
                .takes::<SyncRequest>()
                .streams()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/plan",
            plan,
            Operation::new("plan", "Say what a sync would do, and change nothing")
                .notes("The last event is planned or refused. With keep, exactly that can be applied later.")
                .takes::<PlanRequest>()
                .streams()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/explain",
            explain,
            Operation::new("explain", "Say why a user is in or out, and what a sync would change about it")
                .notes("Asks the source about this user.")
                .takes::<ExplainRequest>()
                .answers::<Explanation>()
                .may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/doctor",
            doctor,
            Operation::new("doctor", "Look at everything that a connector needs, and say what to do about what is not right")
                .notes("Asks the source and the target, and writes to neither.")
                .answers::<Diagnosis>(),
        )
        .post(
            "/v1/connectors/{name}/cancel",
            cancel,
            Operation::new("cancel", "Cancel the run that is busy and what waits").answers::<Done>().may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/pause",
            pause,
            Operation::new("pause", "Begin no runs until somebody resumes").answers::<Done>().may_conflict(),
        )
        .post(
            "/v1/connectors/{name}/resume",
            resume,
            Operation::new("resume", "Begin runs again").answers::<Done>().may_conflict(),
        )
}

async fn connectors(State(control): Shared) -> Response {
    let connectors = control.status().connectors;
    Json(ConnectorList { format_version: FORMAT_VERSION, connectors }).into_response()
}

async fn connector(State(control): Shared, name: Name) -> Result<Response, Fault> {
    Ok(Json(control.connector(&decoded(name)?)?).into_response())
}

async fn configuration(State(control): Shared, name: Name) -> Result<Response, Fault> {
    Ok(Json(control.configuration(&decoded(name)?)?).into_response())
}

async fn sync(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let request: SyncRequest = body(request).await?;
    let wait = request.wait;
    let events = control.sync(&name, extent(request)?).await?;
    told(events, wait).await
}

/// What a sync is limited to.
fn extent(request: SyncRequest) -> Result<SyncExtent, Fault> {
    let SyncRequest { wait: _, user, restore, incremental } = request;
    match user {
        Some(_) if incremental => Err(Fault::bad_request(
            "`incremental` asks for all that changed and `user` for one user; ask for one of them. Nothing was begun",
        )),
        Some(login) => Ok(SyncExtent::User(UserRequest { login: checked_login(&login)?, restore })),
        None if restore => Err(Fault::bad_request(
            "`restore` takes back one account and needs `user`, the login or the name in the target; nothing was begun",
        )),
        None if incremental => Ok(SyncExtent::Changes),
        None => Ok(SyncExtent::Everybody),
    }
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

async fn explain(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let ExplainRequest { login } = body(request).await?;
    Ok(Json(control.explain(&name, &checked_login(&login)?).await?).into_response())
}

async fn doctor(State(control): Shared, name: Name) -> Result<Response, Fault> {
    Ok(Json(control.doctor(&decoded(name)?).await?).into_response())
}

async fn cancel(State(control): Shared, name: Name) -> Result<Response, Fault> {
    control.cancel(&decoded(name)?).await.map(done)
}

async fn pause(State(control): Shared, name: Name) -> Result<Response, Fault> {
    control.set_paused(&decoded(name)?, true).await.map(done)
}

async fn resume(State(control): Shared, name: Name) -> Result<Response, Fault> {
    control.set_paused(&decoded(name)?, false).await.map(done)
}
