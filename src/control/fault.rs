//! Why a request over the socket was not carried out.

use super::api::{ErrorBody, ErrorKind, RunEvent};
use crate::sync::report::FORMAT_VERSION;

/// Why a request was not carried out: a kind for programs, whole sentences for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What went wrong; decides the HTTP status.
    pub kind: ErrorKind,
    /// What failed, on what, what was not done, what to do.
    pub message: String,
}

impl Fault {
    /// The request is not understood (400).
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::BadRequest, message: message.into() }
    }
    /// The caller may not do this (403).
    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NotPermitted, message: message.into() }
    }
    /// No such thing (404).
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NotFound, message: message.into() }
    }
    /// What is there does not know this method (405).
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::MethodNotAllowed, message: message.into() }
    }
    /// The body is too long (413).
    pub fn too_large(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::TooLarge, message: message.into() }
    }
    /// Not possible in the present state (409).
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Conflict, message: message.into() }
    }
    /// A fault of the daemon or its store (500).
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Internal, message: message.into() }
    }
    /// The daemon does not start (503).
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unavailable, message: message.into() }
    }

    /// The fault as the body of an answer.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody { format_version: FORMAT_VERSION, error: self.kind, message: self.message.clone() }
    }
}

impl From<Fault> for RunEvent {
    fn from(fault: Fault) -> Self {
        Self::Refused { error: fault.kind, message: fault.message }
    }
}
