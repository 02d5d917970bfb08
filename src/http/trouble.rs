//! What went wrong with a request, in words for an administrator.

use std::error::Error;
use std::io;

/// Why there is no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// The name of the host is unknown.
    Name,
    /// The connection was not accepted.
    Connection,
    /// TLS failed in a way that trying again does not heal.
    Trust,
    /// The server answered a TLS greeting with something else.
    NoTls,
    /// No answer in time.
    Time,
    /// The connection ended before the answer did.
    Cut,
    /// The answer is larger than any that is expected.
    TooLarge,
    /// Anything else.
    Other,
}

/// A [`TroubleKind`] with what is known of it, as a part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: TroubleKind,
    pub(super) text: String,
}

impl Trouble {
    pub(super) fn too_large(limit: usize) -> Self {
        let text = format!("the answer is larger than {} MiB", limit >> 20);
        Self { kind: TroubleKind::TooLarge, text }
    }

    /// Finds the useful part in the chain of causes. reqwest hides the types of its connectors, so names and TLS are
    /// recognised by what their errors say.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        let io_kind = io_kind(error);
        let cause = deepest(error);
        let whole = chain(error);
        let (kind, text) = if whole.contains("dns error") || whole.contains("failed to lookup address") {
            (TroubleKind::Name, format!("the name of the host cannot be resolved ({cause})"))
        } else if whole.contains("certificate") {
            (TroubleKind::Trust, format!("the TLS certificate is not accepted ({cause})"))
        } else if error.is_connect() && whole.contains("InvalidContentType") {
            // rustls: what came is no TLS record. Servers of plain http answer so.
            let text = "the server does not speak TLS at this address (is it http instead of https?)";
            (TroubleKind::NoTls, text.to_owned())
        } else if io_kind == Some(io::ErrorKind::ConnectionRefused) {
            (TroubleKind::Connection, "the connection was refused".to_owned())
        } else if error.is_timeout() && error.is_connect() {
            (TroubleKind::Time, "no connection came about in time".to_owned())
        } else if error.is_timeout() || io_kind == Some(io::ErrorKind::TimedOut) {
            (TroubleKind::Time, "the answer did not come in time".to_owned())
        } else if error.is_connect() {
            (TroubleKind::Connection, format!("no connection came about ({cause})"))
        } else if matches!(
            io_kind,
            Some(
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
            )
        ) {
            (TroubleKind::Cut, "the connection was reset before the answer was complete".to_owned())
        } else if error.is_body() || error.is_decode() {
            (TroubleKind::Cut, format!("the answer was cut off ({cause})"))
        } else if whole.contains("connection closed") || whole.contains("IncompleteMessage") {
            (TroubleKind::Cut, "the connection was closed before an answer came".to_owned())
        } else {
            (TroubleKind::Other, format!("the request failed ({cause})"))
        };
        Self { kind, text }
    }
}

/// The last error of a chain: what really happened. It never holds an address with a query.
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last()
}
