//! The one client that all remote APIs go through: retry, rate limits, host pinning, redaction, size limits.
//!
//! [`Shared`] is made once per process, an [`Api`] per connector and remote origin. Pure and tested apart: [`link`]
//! (paging), `retry` (whether and when to try again), `rate` (the limits of one org), `headers` (what an answer says
//! about limits). `limiter` adds waiting to `rate`; `lanes` is the simpler way for servers that publish no windows; `credentials` signs
//! each try; `exchange` sends one request; `redact` keeps what it was signed with out of the answer; `trouble` says what went wrong.
//!
//! Nothing here knows an API's paths, JSON or error codes.

mod api;
mod credentials;
mod exchange;
mod headers;
mod lanes;
mod limiter;
pub mod link;
mod origin;
mod rate;
mod redact;
mod retry;
mod trouble;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use url::Url;

pub use api::{Answer, Api, Call, Failure, FailureKind};
pub use credentials::{Credentials, Renewal, Signed, Stamp};
pub use origin::{host_and_port, pin};
pub use retry::Patience;
pub(crate) use trouble::{Trouble, TroubleKind};

use crate::telemetry::metrics::Metrics;
use api::Turns;
use credentials::Fixed;
use lanes::Lanes;
use limiter::Limiter;

/// What all remote clients of this process share: connections, and the rate limits of each org (law 9). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    patience: Patience,
    /// Goes through the proxy that the environment names, if any.
    ordinary: reqwest::Client,
    /// For loopback addresses, which no proxy can reach.
    direct: reqwest::Client,
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
        let build = |builder: reqwest::ClientBuilder| {
            let client = builder.build();
            client.map_err(|error| {
                format!(
                    "cannot prepare TLS: {}; nothing can be read or written. Install the system's CA certificates \
                     (package ca-certificates) and start again",
                    trouble::deepest(&error)
                )
            })
        };
        let ordinary = build(client_builder(&patience))?;
        let direct = build(client_builder(&patience).no_proxy())?;
        Ok(Self(Arc::new(Inner {
            metrics,
            patience,
            ordinary,
            direct,
            limiters: Mutex::default(),
            clients: AtomicU64::default(),
            lanes: Mutex::default(),
        })))
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
        let client = self.0.clients.fetch_add(1, Ordering::Relaxed);
        let turns = Turns::Windows(self.0.limiter(origin), budget, client);
        Api::new(Arc::clone(&self.0), label, origin, credentials, turns)
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
        let turns = Turns::Lanes(self.0.lanes(origin, most));
        Api::new(Arc::clone(&self.0), label, origin, Arc::new(Fixed::new(authorization)), turns)
    }

    /// An API of that label may be asked from now on: what is measured of it exists at 0.
    pub fn expect_api(&self, label: &'static str) {
        self.0.metrics.begin_api(label);
    }

    /// The bare client for an address, without retries, limits and traces: for what is no API with a token, and whose
    /// address must not be traced. It follows no redirect.
    #[must_use]
    pub(crate) fn plain(&self, address: &Url) -> &reqwest::Client {
        self.0.client(address)
    }
}

impl Inner {
    fn client(&self, origin: &Url) -> &reqwest::Client {
        if origin::is_loopback(origin) { &self.direct } else { &self.ordinary }
    }

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

fn client_builder(patience: &Patience) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("usersyncd/", env!("CARGO_PKG_VERSION")))
        // A redirect would carry the request, and perhaps the token, to a host that nobody configured.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // We try again ourselves: counted, within the budget, and signed anew.
        .retry(reqwest::retry::never())
        .connect_timeout(patience.connect)
        .read_timeout(patience.silence)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(60))
}
