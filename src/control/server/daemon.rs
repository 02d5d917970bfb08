//! The routes of the daemon as a whole: its state, its files, its log, the description of the socket.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value};

use super::answer::done;
use super::backup::backup;
use super::describe::{Operation, Routes, Subject};
use super::openapi::Description;
use super::request::body;
use super::routes::Shared;
use crate::control::api::{DaemonStatus, Done, LogLevelRequest, ReloadAnswer};
use crate::control::fault::Fault;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Daemon)
        .get(
            "/v1/status",
            status,
            Operation::new("getStatus", "The state of the daemon and of all connectors")
                .answers::<DaemonStatus>(),
        )
        .post(
            "/v1/reload",
            reload,
            Operation::new("reload", "Read usersyncd.yaml and the connector files now")
                .notes("Files are watched anyway. A file that is broken is told with what is wrong with it.")
                .answers::<ReloadAnswer>()
                .may_conflict(),
        )
        .post(
            "/v1/backup",
            backup,
            Operation::new("backUp", "Copy the state directory into one archive")
                .notes(
                    "The archive holds state.db and directory.db as they were at one moment, and backup.json, which says when that \
                     was. One is made at a time.",
                )
                .sends_an_archive()
                .may_conflict(),
        )
        .put(
            "/v1/log-level",
            log_level,
            Operation::new("setLogLevel", "Change the log level")
                .notes("It counts until log.level in usersyncd.yaml changes or the daemon restarts.")
                .takes::<LogLevelRequest>()
                .answers::<Done>(),
        )
        .get(
            "/v1/openapi.json",
            description,
            Operation::new("getDescription", "This description, in OpenAPI 3.1")
                .answers::<Map<String, Value>>(),
        )
}

async fn status(State(control): Shared) -> Response {
    Json(control.status()).into_response()
}

async fn reload(State(control): Shared) -> Result<Response, Fault> {
    Ok(Json(control.reload().await?).into_response())
}

async fn log_level(State(control): Shared, request: Request) -> Result<Response, Fault> {
    let LogLevelRequest { level } = body(request).await?;
    control.set_log_level(&level).await.map(done)
}

async fn description(Extension(Description(text)): Extension<Description>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
