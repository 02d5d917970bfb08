//! The one client that all remote APIs go through: retry, rate limits, host pinning, redaction, size limits.

use crate::telemetry::metrics::Metrics;

/// What all remote clients of this process share: connections, and the rate limits of each org (law 9). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shared;

#[allow(unused_variables, clippy::unimplemented, reason = "replaced shortly")]
impl Shared {
    /// Made once per process. The error is a sentence (no usable TLS roots, for instance).
    pub fn new(metrics: Metrics) -> Result<Self, String> {
        unimplemented!()
    }
}
