//! Requests that are answered together, to see that a client asks side by side: by counting, not by the clock.

use std::time::Duration;

use tokio::sync::watch;

/// How long those who came wait for the others. Nobody waits so long unless the client does not ask side by side.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first requests of one operation, held back until so many of them are there.
#[derive(Debug)]
pub(super) struct Gathering {
    operation: &'static str,
    /// Requests that are answered before any is held back.
    pass: usize,
    /// Requests that have to come before one of them is answered.
    number: usize,
    came: watch::Sender<usize>,
}

impl Gathering {
    pub(super) fn new(operation: &'static str, pass: usize, number: usize) -> Self {
        Self { operation, pass, number, came: watch::Sender::new(0) }
    }

    /// Whether all came while the others waited.
    pub(super) fn complete(&self) -> bool {
        *self.came.borrow() >= self.number
    }

    /// Takes note of a request; its answer is to wait for what this returns, if anything.
    pub(super) fn arrive(&mut self, operation: &str) -> Option<Waiting> {
        if operation != self.operation || self.complete() {
            return None;
        }
        if self.pass > 0 {
            self.pass -= 1;
            return None;
        }
        self.came.send_modify(|came| *came += 1);
        Some(Waiting { came: self.came.subscribe(), number: self.number, leaves: self.came.clone() })
    }
}

/// A request that is held back.
#[derive(Debug)]
pub(super) struct Waiting {
    came: watch::Receiver<usize>,
    number: usize,
    leaves: watch::Sender<usize>,
}

impl Waiting {
    /// Returns when all are there, or after a while without them: then this one does not count any more.
    pub(super) async fn over(mut self) {
        let number = self.number;
        let all = tokio::time::timeout(PATIENCE, self.came.wait_for(|came| *came >= number)).await;
        if all.is_err() {
            self.leaves.send_modify(|came| *came = came.saturating_sub(1));
        }
    }
}
