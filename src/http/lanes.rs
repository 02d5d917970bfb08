//! Turns at a remote API that publishes no windows: so many requests at once, and silence while the server wants it.
//!
//! A 429 is about the client, not about one request (Atlassian's "Adjusting your code for rate limiting"; RFC 6585,
//! section 4): so nobody in this process sends anything to that origin until its `Retry-After` is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::sync::progress::Progress;
use crate::telemetry::metrics::Metrics;

/// The turns at one origin, shared by everybody in this process who talks to it.
#[derive(Debug)]
pub(super) struct Lanes {
    host: String,
    metrics: Metrics,
    free: Arc<Semaphore>,
    quiet_until: Mutex<Option<Instant>>,
}

/// The right to have one request under way, given back when dropped.
#[derive(Debug)]
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    _free: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    /// `host` is what metrics call the origin, `most` how many requests may be under way at once, at least one.
    pub(super) fn new(host: String, metrics: Metrics, most: usize) -> Self {
        let free = Arc::new(Semaphore::new(most.max(1)));
        Self { host, metrics, free, quiet_until: Mutex::default() }
    }

    /// Waits until a request may be sent; who came first goes first. Dropping the future gives the place back.
    pub(super) async fn admit(self: &Arc<Self>, bucket: &'static str, progress: &Progress) -> Lane {
        // The semaphore is never closed.
        let free = Arc::clone(&self.free).acquire_owned().await.ok();
        while let Some(end) = self.quiet_until().filter(|end| *end > Instant::now()) {
            let began = Instant::now();
            progress.rate_limit_wait_begins();
            let wait = Waiting(progress);
            tokio::time::sleep_until(end).await;
            drop(wait);
            self.metrics.rate_limit_waited(&self.host, bucket, began.elapsed());
        }
        Lane { lanes: Arc::clone(self), _free: free }
    }

    fn quiet_until(&self) -> Option<Instant> {
        *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shown while it lasts.
struct Waiting<'a>(&'a Progress);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.rate_limit_wait_ends();
    }
}

impl Lane {
    /// The server wants silence for that long.
    pub(super) fn quiet_for(&self, wait: Duration) {
        let mut until = self.lanes.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + wait;
        if until.is_none_or(|known| known < end) {
            *until = Some(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(most: usize) -> Arc<Lanes> {
        Arc::new(Lanes::new("jira".to_owned(), Metrics::new(), most))
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_no_more() {
        let (lanes, progress) = (lanes(2), Progress::default());
        let first = lanes.admit("x", &progress).await;
        let _second = lanes.admit("x", &progress).await;
        let third = tokio::time::timeout(Duration::from_secs(1), lanes.admit("x", &progress)).await;
        assert!(third.is_err());
        drop(first);
        lanes.admit("x", &progress).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_silences_everybody_until_its_time_is_over() {
        let (lanes, progress) = (lanes(2), Progress::default());
        let first = lanes.admit("x", &progress).await;
        first.quiet_for(Duration::from_secs(7));
        first.quiet_for(Duration::from_secs(3));
        let began = Instant::now();
        lanes.admit("x", &progress).await;
        assert_eq!(began.elapsed().as_secs(), 7, "the longest wish counts");
    }
}
