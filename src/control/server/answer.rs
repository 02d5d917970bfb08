//! What goes back: faults, sentences, events as lines.

use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::Events;
use crate::control::api::{Done, ErrorKind, RunEvent};
use crate::control::fault::Fault;
use crate::sync::report::FORMAT_VERSION;

/// The media type of answers that come line by line.
pub(super) const LINES: &str = "application/x-ndjson";

/// The status that goes with a fault.
pub(super) fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::BadRequest => StatusCode::BAD_REQUEST,
        ErrorKind::NotPermitted => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (status_of(self.kind), Json(self.body())).into_response()
    }
}

/// Something was done; it is logged too.
pub(super) fn done(message: String) -> Response {
    tracing::info!("{message}");
    Json(Done { format_version: FORMAT_VERSION, message }).into_response()
}

/// Events as JSON lines, each sent as it happens. A client that goes away ends the stream and nothing else.
pub(super) fn lines(events: Events) -> Response {
    let lines = events.map(|event| Ok::<_, Infallible>(line(&event)));
    ([(header::CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response()
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
    Ok(([(header::CONTENT_TYPE, LINES)], answer).into_response())
}
