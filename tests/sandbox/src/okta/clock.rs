//! The stand-in's clock: the wall time once, at the start, then tokio's monotonic time.
//!
//! A test that pauses tokio's time therefore moves rate-limit windows, stamps and the `Date` header together.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, Timelike as _};
use tokio::time::Instant;

/// The server's idea of now, which may differ from the local one by a chosen skew.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    started: Instant,
    wall_at_start: i64,
}

impl Clock {
    /// Starts at the present wall time plus `skew` seconds.
    #[allow(clippy::disallowed_methods, reason = "the one place where the stand-in reads the wall clock")]
    pub(crate) fn start(skew: i64) -> Self {
        let wall_at_start = chrono::Utc::now().timestamp_millis() + skew * 1000;
        Self { started: Instant::now(), wall_at_start }
    }

    /// Moves the clock.
    pub(crate) fn shift(&mut self, seconds: i64) {
        self.wall_at_start = self.wall_at_start.saturating_add(seconds.saturating_mul(1000));
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn milliseconds(&self) -> i64 {
        self.wall_at_start + whole_milliseconds(self.started.elapsed())
    }
}

/// A duration in milliseconds; what no server lives to see becomes the largest number.
pub(crate) fn whole_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// Okta's form of a time stamp, `2026-11-23T14:05:09.000Z`.
pub(crate) fn stamp(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// The same to the millisecond, as the System Log writes it.
pub(crate) fn precise_stamp(milliseconds: i64) -> String {
    let mut text = stamp(milliseconds.div_euclid(1000));
    text.truncate(text.len() - "000Z".len());
    format!("{text}{:03}Z", milliseconds.rem_euclid(1000))
}

/// The form of the `Date` header (RFC 9110, section 5.6.7).
pub(crate) fn http_date(milliseconds: i64) -> String {
    let time = DateTime::from_timestamp(milliseconds.div_euclid(1000), 0).unwrap_or_default();
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads an ISO 8601 stamp into milliseconds since the epoch.
pub(crate) fn parse_stamp(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}
