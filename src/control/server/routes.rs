//! The routes of [`crate::control::api`].

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use compact_str::CompactString;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::backup::backup;
use super::caller::{Caller, Gate};
use super::trust;
use super::{Control, Events, REQUEST_TIME, SyncExtent};
use crate::control::api::{
    ConnectorList, DirectoryGroups, DirectoryMembers, DirectoryUsers, Done, ErrorKind, ExplainRequest,
    LogLevelRequest, RebindRequest, ReleaseRequest, RelinkRequest, RenameRequest, RunEvent, RunList,
    SyncRequest,
};
use crate::control::fault::Fault;
use crate::sync::engine::UserRequest;
use crate::sync::report::FORMAT_VERSION;

/// The longest body of a request.
const LONGEST_BODY: usize = 64 * 1024;
/// How many runs are listed if nobody says, and at most.
const RUNS: usize = 20;
const MOST_RUNS: usize = 1000;

/// The longest login or name of a user, in characters; Okta's longest is 100, and no target takes more than this.
const LONGEST_LOGIN: usize = 255;

pub(super) type Shared = State<Arc<dyn Control>>;
pub(super) type Name = Result<Path<String>, PathRejection>;

/// All routes. Everything but GET passes the gate and is logged with the caller.
pub(super) fn routes(control: Arc<dyn Control>, gate: Gate) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/connectors", get(connectors))
        .route("/v1/connectors/{name}", get(connector))
        .route("/v1/connectors/{name}/configuration", get(configuration))
        .route("/v1/connectors/{name}/sync", post(sync))
        .route("/v1/connectors/{name}/explain", post(explain))
        .route("/v1/connectors/{name}/cancel", post(cancel))
        .route("/v1/connectors/{name}/pause", post(pause))
        .route("/v1/connectors/{name}/resume", post(resume))
        .route("/v1/connectors/{name}/rebind", post(rebind))
        .route("/v1/connectors/{name}/relink", post(relink))
        .route("/v1/connectors/{name}/rename", post(rename))
        .route("/v1/connectors/{name}/release", post(release))
        .route("/v1/runs", get(runs))
        .route("/v1/runs/{run}", get(run))
        .merge(trust::routes())
        .route("/v1/backup", post(backup))
        .route("/v1/reload", post(reload))
        .route("/v1/log-level", put(log_level))
        .route("/v1/directory/users", get(directory_users))
        .route("/v1/directory/groups", get(directory_groups))
        .route("/v1/directory/members", get(directory_members))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(gate, guard))
        .with_state(control)
}

/// Lets everybody look, and only those change things who may; says in the log who asked for what.
async fn guard(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let asked = asked(request.uri().path());
    if !gate.lets_through(caller).await {
        tracing::warn!("{caller} asked for `{asked}` and was turned away: not permitted");
        return Fault::not_permitted(gate.refusal(caller)).into_response();
    }
    tracing::info!("{caller} asks for `{asked}`");
    next.run(request).await
}

/// The path as the command that it stands for: `sync acme`, `reload`.
fn asked(path: &str) -> String {
    let mut segments = path.trim_start_matches("/v1/").split('/');
    match (segments.next(), segments.next(), segments.next()) {
        (Some("connectors" | "plans"), Some(name), Some(verb)) => format!("{verb} {name}"),
        (Some("runs" | "holds"), Some(number), Some(verb)) => format!("{verb} {number}"),
        _ => path.trim_start_matches("/v1/").to_owned(),
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = match self.kind {
            ErrorKind::BadRequest => StatusCode::BAD_REQUEST,
            ErrorKind::NotPermitted => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self.body())).into_response()
    }
}

async fn no_such_route(request: Request) -> Fault {
    Fault::not_found(format!("there is no {} here; the routes begin with /v1/status", request.uri().path()))
}

async fn no_such_method(request: Request) -> Response {
    let message = format!("{} does not know the method {}", request.uri().path(), request.method());
    (StatusCode::METHOD_NOT_ALLOWED, Json(Fault::bad_request(message).body())).into_response()
}

/// A body as JSON; an empty one is `{}`. Read here, so that a body that never comes is given up.
pub(super) async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Fault> {
    let bytes = tokio::time::timeout(REQUEST_TIME, to_bytes(request.into_body(), LONGEST_BODY))
        .await
        .map_err(|_| {
            Fault::bad_request(format!("the body did not come within {} s", REQUEST_TIME.as_secs()))
        })?
        .map_err(|error| {
            Fault::bad_request(format!(
                "the body cannot be read, or is longer than {LONGEST_BODY} bytes: {error}"
            ))
        })?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text)
        .map_err(|error| Fault::bad_request(format!("the body is not the JSON that belongs here: {error}")))
}

pub(super) fn decoded(name: Name) -> Result<String, Fault> {
    name.map(|Path(name)| name).map_err(|error| Fault::bad_request(error.body_text()))
}

pub(super) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Fault> {
    query.map(|Query(query)| query).map_err(|error| Fault::bad_request(error.body_text()))
}

pub(super) fn done(message: String) -> Response {
    tracing::info!("{message}");
    Json(Done { format_version: FORMAT_VERSION, message }).into_response()
}

async fn status(State(control): Shared) -> Response {
    Json(control.status()).into_response()
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

/// A login or name without the spaces around it, if somebody can be called so.
fn checked_login(login: &str) -> Result<String, Fault> {
    let login = login.trim();
    let length = login.chars().count();
    if login.is_empty() || length > LONGEST_LOGIN || login.chars().any(char::is_control) {
        return Err(Fault::bad_request(format!(
            "nobody can be called {login:?}: a login or a name in the target has 1 to {LONGEST_LOGIN} characters, none of \
             them a control character; nothing was read or changed"
        )));
    }
    Ok(login.to_owned())
}

async fn explain(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let ExplainRequest { login } = body(request).await?;
    Ok(Json(control.explain(&name, &checked_login(&login)?).await?).into_response())
}

/// Events as JSON lines, each sent as it happens. A client that goes away ends the stream and nothing else.
pub(super) fn lines(events: Events) -> Response {
    let lines = events.map(|event| Ok::<_, Infallible>(line(&event)));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

fn line(event: &RunEvent) -> Bytes {
    // The types of the socket have no keys that are not strings, which is all that could fail here.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    Bytes::from(line)
}

/// All events of a request as they come, or, for a client that does not wait, how it began.
pub(super) async fn told(events: Events, waits: bool) -> Result<Response, Fault> {
    if waits { Ok(lines(events)) } else { begun(events).await }
}

/// Whether the request waits or has begun, for a client that does not wait for more. What is to be said beside comes in
/// lines before it.
async fn begun(mut events: Events) -> Result<Response, Fault> {
    let mut answer = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            RunEvent::Refused { error, message } => return Err(Fault { kind: error, message }),
            RunEvent::Progress { .. } => {}
            RunEvent::Notice { .. } => answer.extend(line(&event)),
            RunEvent::Queued { .. }
            | RunEvent::Started { .. }
            | RunEvent::Finished { .. }
            | RunEvent::Planned { .. }
            | RunEvent::UndoPlanned { .. } => {
                answer.extend(line(&event));
                break;
            }
        }
    }
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], answer).into_response())
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

async fn rebind(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let RebindRequest { confirm } = body(request).await?;
    let answer = control.rebind(&name, confirm).await?;
    if answer.done {
        tracing::info!(
            "the ledger of {name} belongs to {} and {} now",
            answer.after.source,
            answer.after.target
        );
    }
    Ok(Json(answer).into_response())
}

async fn relink(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let RelinkRequest { confirm } = body(request).await?;
    let answer = control.relink(&name, confirm).await?;
    if answer.done {
        let (by_id, by_name) = (answer.by_id.len(), answer.by_name.len());
        tracing::info!(
            "{by_id} users and groups of {name} were linked again, {by_name} wait for an approval"
        );
    }
    Ok(Json(answer).into_response())
}

async fn rename(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let RenameRequest { to } = body(request).await?;
    control.rename(&name, &to).await.map(done)
}

async fn release(State(control): Shared, name: Name, request: Request) -> Result<Response, Fault> {
    let name = decoded(name)?;
    let ReleaseRequest { login } = body(request).await?;
    control.release(&name, &login).await.map(done)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunsQuery {
    connector: Option<String>,
    limit: Option<usize>,
}

async fn runs(
    State(control): Shared,
    asked: Result<Query<RunsQuery>, QueryRejection>,
) -> Result<Response, Fault> {
    let RunsQuery { connector, limit } = query(asked)?;
    let limit = limit.unwrap_or(RUNS).min(MOST_RUNS);
    let runs = control.runs(connector.as_deref(), limit).await?;
    Ok(Json(RunList { format_version: FORMAT_VERSION, runs }).into_response())
}

async fn run(State(control): Shared, run: Name) -> Result<Response, Fault> {
    Ok(Json(control.run(number(run, "a run")?).await?).into_response())
}

/// The number in a path, of what is called `what`.
pub(super) fn number(text: Name, what: &str) -> Result<u64, Fault> {
    let text = decoded(text)?;
    text.parse().map_err(|_| Fault::bad_request(format!("{what} has a number, and {text:?} is none")))
}

async fn reload(State(control): Shared) -> Result<Response, Fault> {
    Ok(Json(control.reload().await?).into_response())
}

async fn log_level(State(control): Shared, request: Request) -> Result<Response, Fault> {
    let LogLevelRequest { level } = body(request).await?;
    control.set_log_level(&level).await.map(done)
}

async fn directory_users(State(control): Shared) -> Result<Response, Fault> {
    let users = control.directory_users().await?;
    Ok(Json(DirectoryUsers { format_version: FORMAT_VERSION, users }).into_response())
}

async fn directory_groups(State(control): Shared) -> Result<Response, Fault> {
    let groups = control.directory_groups().await?;
    Ok(Json(DirectoryGroups { format_version: FORMAT_VERSION, groups }).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MembersQuery {
    group: String,
}

async fn directory_members(
    State(control): Shared,
    asked: Result<Query<MembersQuery>, QueryRejection>,
) -> Result<Response, Fault> {
    let MembersQuery { group } = query(asked)?;
    let members = control.directory_members(&group).await?;
    let members = members.into_iter().map(CompactString::from).collect();
    Ok(Json(DirectoryMembers { format_version: FORMAT_VERSION, group: group.into(), members })
        .into_response())
}
