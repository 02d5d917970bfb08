//! The one place that reads the wall clock. Everything else is given a [`Clock`].

use chrono::{DateTime, Utc};

/// A source of wall-clock time, cheap to clone.
///
/// A test takes [`Clock::starting_at`], whose time moves with tokio's clock and so stands still where that is paused.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Tokio { base: DateTime<Utc>, started: tokio::time::Instant },
}

impl Clock {
    /// The clock of this host.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows `base` now and advances as tokio's time does. Must be called within a tokio runtime.
    #[must_use]
    pub fn starting_at(base: DateTime<Utc>) -> Self {
        Self(Source::Tokio { base, started: tokio::time::Instant::now() })
    }

    /// The time now, in UTC.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now(),
            Source::Tokio { base, started } => {
                *base + chrono::TimeDelta::from_std(started.elapsed()).unwrap_or(chrono::TimeDelta::MAX)
            }
        }
    }
}
