//! Waiting for one's turn: [`Org`] with time and wake-ups.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::rate::{Claim, Heard, Org, Ticket, Window};
use crate::sync::progress::Progress;
use crate::telemetry::metrics::Metrics;

/// The rate limits of one org, shared by everybody in this process who talks to it.
#[derive(Debug)]
pub(super) struct Limiter {
    host: String,
    metrics: Metrics,
    org: Mutex<Org>,
    changed: Notify,
}

impl Limiter {
    /// `host` is what metrics call the org.
    pub(super) fn new(host: String, metrics: Metrics) -> Self {
        Self { host, metrics, org: Mutex::new(Org::new()), changed: Notify::new() }
    }

    /// Waits until a request may be sent. Dropping the future gives the place in the queue back.
    pub(super) async fn admit(self: &Arc<Self>, claim: Claim, progress: &Progress) -> Permit {
        let ticket = self.org().enter(claim);
        let permit = Permit { limiter: Arc::clone(self), ticket };
        let mut window_wait = None;
        loop {
            // Made before looking: it hears of every change from now on, so that none is missed before the wait.
            let changed = self.changed.notified();
            let look_again = match self.look(ticket, claim) {
                Look::Go => return permit,
                Look::Wait(look_again) => look_again,
            };
            match look_again {
                Some(at) => {
                    window_wait.get_or_insert_with(|| WindowWait::begin(self, claim, progress));
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    fn look(&self, ticket: Ticket, claim: Claim) -> Look {
        let mut org = self.org();
        let granted = org.let_go(Instant::now());
        if granted.iter().any(|other| *other != ticket) {
            self.changed.notify_waiters();
        }
        if org.is_running(ticket) { Look::Go } else { Look::Wait(org.look_again(claim)) }
    }

    /// What is known of the windows that have not ended.
    pub(super) fn windows(&self) -> Vec<Window> {
        self.org().windows(Instant::now())
    }

    /// Nothing panics while it holds the lock, and a poisoned count would still be the best there is.
    fn org(&self) -> MutexGuard<'_, Org> {
        self.org.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Look {
    Go,
    Wait(Option<Instant>),
}

/// The right to have one request under way, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    limiter: Arc<Limiter>,
    ticket: Ticket,
}

impl Permit {
    /// Says what the headers of the answer said.
    pub(super) fn hear(&self, heard: Heard) {
        self.limiter.org().hear(self.ticket, Instant::now(), heard);
        self.limiter.changed.notify_waiters();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.org().leave(self.ticket);
        self.limiter.changed.notify_waiters();
    }
}

/// A wait for a window's end, shown while it lasts and counted when it is over.
struct WindowWait<'a> {
    limiter: &'a Limiter,
    claim: Claim,
    progress: &'a Progress,
    began: Instant,
}

impl<'a> WindowWait<'a> {
    fn begin(limiter: &'a Limiter, claim: Claim, progress: &'a Progress) -> Self {
        progress.rate_limit_wait_begins();
        tracing::debug!(org = limiter.host, bucket = claim.bucket, "waits for the next rate-limit window");
        Self { limiter, claim, progress, began: Instant::now() }
    }
}

impl Drop for WindowWait<'_> {
    fn drop(&mut self) {
        self.progress.rate_limit_wait_ends();
        let (host, bucket) = (&self.limiter.host, self.claim.bucket);
        self.limiter.metrics.rate_limit_waited(host, bucket, self.began.elapsed());
    }
}

#[cfg(test)]
mod tests;
