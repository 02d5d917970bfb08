//! Whose turn it is to write to a target (law 8).

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// One per target address, shared by all connectors that have it.
#[derive(Debug, Default)]
pub struct Turn {
    lock: Mutex<()>,
    writes: AtomicU64,
}

impl Turn {
    /// How often something was written; whoever read the target at another count must read it again.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Waits for the turn, which ends when the guard is dropped.
    pub(super) async fn take(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().await
    }

    /// Says that something may have been written in this turn.
    pub(super) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Release);
    }
}
