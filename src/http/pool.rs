//! Connections, kept apart by whom they trust, so that none is used by somebody who would not have made it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::authorities::Authorities;
use super::retry::Patience;
use super::{origin, trouble};

/// How many sets of certificate authorities are remembered: those of a good many connectors. Beyond that, the one that was
/// not used for longest is made anew when it is wanted.
const MOST_POOLS: usize = 32;

/// The connections of those who trust the same certificate authorities.
#[derive(Debug)]
pub(super) struct Pool {
    /// Goes through the proxy that the environment names, if any.
    ordinary: reqwest::Client,
    /// For loopback addresses, which no proxy can reach.
    direct: reqwest::Client,
    authorities: Option<Authorities>,
}

impl Pool {
    /// Trusts those of the host, and the given ones. The error is a part of a sentence.
    pub(super) fn new(patience: &Patience, authorities: Option<&Authorities>) -> Result<Self, String> {
        let build = |builder: reqwest::ClientBuilder| {
            let further = authorities.into_iter().flat_map(Authorities::der);
            let further: Result<Vec<_>, _> = further.map(|der| reqwest::Certificate::from_der(der)).collect();
            let client = further.and_then(|further| builder.tls_certs_merge(further).build());
            client.map_err(|error| trouble::deepest(&error))
        };
        let ordinary = build(client_builder(patience))?;
        let direct = build(client_builder(patience).no_proxy())?;
        Ok(Self { ordinary, direct, authorities: authorities.cloned() })
    }

    /// Whom it trusts beside those whom the host trusts.
    pub(super) fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_ref()
    }

    /// The client for an address.
    pub(super) fn client(&self, address: &Url) -> &reqwest::Client {
        if origin::is_loopback(address) { &self.direct } else { &self.ordinary }
    }
}

/// The pools of those who trust more than the host does, by what that is.
#[derive(Debug, Default)]
pub(super) struct Pools(Mutex<VecDeque<([u8; 32], Arc<Pool>)>>);

impl Pools {
    /// The pool of those authorities. The error is a part of a sentence.
    pub(super) fn of(&self, patience: &Patience, authorities: &Authorities) -> Result<Arc<Pool>, String> {
        if let Some(pool) = self.newest(authorities.digest(), None) {
            return Ok(pool);
        }
        // Not under the lock, since this reads the authorities of the host: nobody else waits for it.
        let made = Arc::new(Pool::new(patience, Some(authorities))?);
        Ok(self.newest(authorities.digest(), Some(Arc::clone(&made))).unwrap_or(made))
    }

    /// The pool of that digest, which is the one used last from now on: the one that is there, or else `made`.
    fn newest(&self, digest: [u8; 32], made: Option<Arc<Pool>>) -> Option<Arc<Pool>> {
        // No panic can happen while the lock is held.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(known, _)| *known == digest);
        let pool = known.and_then(|at| all.remove(at)).map(|(_, pool)| pool).or(made)?;
        all.push_front((digest, Arc::clone(&pool)));
        all.truncate(MOST_POOLS);
        Some(pool)
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

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
