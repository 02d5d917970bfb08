//! All routes of [`crate::control::api`], with their description at `/v1/openapi.json`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};

use super::caller::{Caller, Gate};
use super::describe::Routes;
use super::openapi::Description;
use super::request::is_well_encoded;
use super::{Control, connectors, daemon, directory, holds, ledger, plans, runs};
use crate::control::fault::Fault;

pub(super) type Shared = State<Arc<dyn Control>>;

/// Every route with its description.
pub(super) fn described() -> Routes {
    daemon::routes()
        .and(connectors::routes())
        .and(runs::routes())
        .and(plans::routes())
        .and(holds::routes())
        .and(ledger::routes())
        .and(directory::routes())
}

/// All routes. Everything but GET passes the gate and is logged with the caller.
pub(super) fn routes(control: Arc<dyn Control>, gate: Gate) -> Router {
    let routes = described();
    let description = Description::of(&routes);
    routes
        .into_router()
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(description))
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
    if !is_well_encoded(request.uri()) {
        let message =
            "the address has a % that is not followed by two hexadecimal digits (a % itself is written %25)";
        return Fault::bad_request(message).into_response();
    }
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

async fn no_such_route(request: Request) -> Fault {
    Fault::not_found(format!(
        "there is no {} here; the routes begin with /v1/status, and /v1/openapi.json describes them all",
        request.uri().path()
    ))
}

async fn no_such_method(request: Request) -> Fault {
    Fault::method_not_allowed(format!(
        "{} does not know the method {}",
        request.uri().path(),
        request.method()
    ))
}
