//! The one client that all remote APIs go through: retry, rate limits, host pinning, redaction, size limits.
//!
//! [`Shared`] is made once per process, an [`Api`] per connector and remote origin. Pure and tested apart: [`link`]
//! (paging), `retry` (whether and when to try again), `rate` (the limits of one org), `headers` (what an answer says
//! about limits). `limiter` adds waiting to `rate`; `lanes` is the simpler way for servers that publish no windows; `credentials` signs
//! each try; `exchange` sends one request; `redact` keeps what it was signed with out of the answer; `trouble` says what went
//! wrong. `authorities` reads certificate authorities that are trusted beside those of the host, `pool` keeps connections apart by
//! whom they trust. `probe` looks at the way to a server step by step.
//!
//! Nothing here knows an API's paths, JSON or error codes.

mod api;
mod authorities;
mod credentials;
mod exchange;
mod headers;
mod lanes;
mod limiter;
pub mod link;
mod origin;
mod pool;
mod probe;
mod rate;
mod redact;
mod retry;
mod trouble;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderValue;
use url::Url;

pub use api::{Answer, Api, Call, Failure, FailureKind};
pub use authorities::{Authorities, Certificate};
pub use credentials::{Credentials, Renewal, Signed, Stamp};
pub use origin::{host_and_port, pin};
pub use probe::{Distrust, Greeting, Way};
pub use rate::Window;
pub use retry::Patience;
pub(crate) use trouble::{Trouble, TroubleKind};

use crate::telemetry::metrics::Metrics;
use api::Turns;
use credentials::Fixed;
use lanes::Lanes;
use limiter::Limiter;
use pool::{Pool, Pools};

/// What all remote clients of this process share: connections, and the rate limits of each org (law 9). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shared {
    inner: Arc<Inner>,
    /// The connections of those who trust the same.
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    patience: Patience,
    /// Connections with further certificate authorities.
    pools: Pools,
    limiters: Mutex<HashMap<String, Arc<Limiter>>>,
    /// How many clients of APIs with windows were made.
    clients: AtomicU64,
    lanes: Mutex<HashMap<String, Arc<Lanes>>>,
}

impl Shared {
    /// Made once per process. The error is a sentence (no usable TLS roots, for instance).
    pub fn new(metrics: Metrics) -> Result<Self, String> {
        Self::with_patience(metrics, Patience::default())
    }

    /// As [`Shared::new`], with another patience than that of RULES 30.
    pub fn with_patience(metrics: Metrics, patience: Patience) -> Result<Self, String> {
        let pool = Pool::new(&patience, None).map_err(|why| {
            format!(
                "cannot prepare TLS: {why}; nothing can be read or written. Install the system's CA certificates \
                 (package ca-certificates) and start again"
            )
        })?;
        let inner = Inner {
            metrics,
            patience,
            pools: Pools::default(),
            limiters: Mutex::default(),
            clients: AtomicU64::default(),
            lanes: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner), pool: Arc::new(pool) })
    }

    /// The same, rate limits included, for connections to servers of these certificate authorities as well as to those
    /// that the host trusts. The error is a sentence.
    pub fn trusting(&self, authorities: &Authorities) -> Result<Self, String> {
        let pool = self.inner.pools.of(&self.inner.patience, authorities).map_err(|why| {
            format!(
                "cannot prepare TLS with the certificate authorities of `tls.ca`: {why}; nothing was read or written. Look at \
                 that file with `usersyncd check`"
            )
        })?;
        Ok(Self { inner: Arc::clone(&self.inner), pool })
    }

    /// A client of the API at `origin`, called `label` in metrics. `authorization` is sent to that origin and to nobody
    /// else; `budget` is how many hundredths of each rate-limit bucket may be used.
    #[must_use]
    pub fn api(&self, label: &'static str, origin: &Url, authorization: HeaderValue, budget: u8) -> Api {
        self.api_signed_by(label, origin, Arc::new(Fixed::new(authorization)), budget)
    }

    /// The same with credentials that sign every try.
    #[must_use]
    pub fn api_signed_by(
        &self,
        label: &'static str,
        origin: &Url,
        credentials: Arc<dyn Credentials>,
        budget: u8,
    ) -> Api {
        let client = self.inner.clients.fetch_add(1, Ordering::Relaxed);
        let turns = Turns::Windows(self.inner.limiter(origin), budget, client);
        Api::new(self.clone(), label, origin, credentials, turns)
    }

    /// The same for an API that shows no windows of rate limits: `most` requests may be under way at once. Whoever asks
    /// for an origin first says how many.
    #[must_use]
    pub fn api_in_lanes(
        &self,
        label: &'static str,
        origin: &Url,
        authorization: HeaderValue,
        most: usize,
    ) -> Api {
        let turns = Turns::Lanes(self.inner.lanes(origin, most));
        Api::new(self.clone(), label, origin, Arc::new(Fixed::new(authorization)), turns)
    }

    /// What is known of the rate-limit windows at an origin that have not ended, by their buckets.
    #[must_use]
    pub fn windows(&self, origin: &Url) -> Vec<Window> {
        self.inner.limiter(origin).windows()
    }

    /// The way that requests to an address take.
    #[must_use]
    pub fn way(&self, address: &Url) -> Way {
        Way::of(address, self.pool.authorities().cloned())
    }

    /// An API of that label may be asked from now on: what is measured of it exists at 0.
    pub fn expect_api(&self, label: &'static str) {
        self.inner.metrics.begin_api(label);
    }

    /// The bare client for an address, without retries, limits and traces: for what is no API with a token, and whose
    /// address must not be traced. It follows no redirect.
    #[must_use]
    pub(crate) fn plain(&self, address: &Url) -> &reqwest::Client {
        self.pool.client(address)
    }
}

impl Inner {
    fn limiter(&self, origin: &Url) -> Arc<Limiter> {
        // No panic can happen while the lock is held.
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry(origin.origin().ascii_serialization()).or_insert_with(|| {
            let host = origin.host_str().unwrap_or_default().to_owned();
            Arc::new(Limiter::new(host, self.metrics.clone()))
        });
        Arc::clone(limiter)
    }

    fn lanes(&self, origin: &Url, most: usize) -> Arc<Lanes> {
        let mut all = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = all.entry(origin.origin().ascii_serialization()).or_insert_with(|| {
            let host = origin.host_str().unwrap_or_default().to_owned();
            Arc::new(Lanes::new(host, self.metrics.clone(), most))
        });
        Arc::clone(lanes)
    }
}
