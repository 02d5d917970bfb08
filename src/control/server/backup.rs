//! The route of backups.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::caller::Caller;
use super::routes::Shared;
use crate::control::fault::Fault;

/// The media type of an archive.
pub(super) const ARCHIVE: &str = "application/x-tar";

/// Sends the state directory as a tar archive. Its length is said first, so that a cut one is noticed.
pub(super) async fn backup(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Fault> {
    let archive = control.backup().await?;
    tracing::info!("{caller} gets a backup of {} bytes", archive.length);
    let headers =
        [(header::CONTENT_TYPE, ARCHIVE.to_owned()), (header::CONTENT_LENGTH, archive.length.to_string())];
    Ok((headers, Body::from_stream(archive.bytes)).into_response())
}
