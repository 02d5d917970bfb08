//! Logs, the metric registry, the listener for /metrics and health.
//!
//! The lowest room: everything may write logs and metrics, and nothing here knows about anything but the types it shows.

pub mod escape;
pub mod html;
mod journal;
pub mod listener;
pub mod logs;
pub mod metrics;
pub mod process;
mod series;
pub mod words;
