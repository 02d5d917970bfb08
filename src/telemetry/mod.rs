//! Logs, the metric registry, the listener for /metrics, health and the status page.
//!
//! The lowest room: everything may write logs and metrics, and nothing here knows about anything but the types it shows.

pub mod escape;
pub mod html;
mod journal;
pub mod listener;
pub mod logs;
pub mod metrics;
pub mod page;
pub mod process;
mod series;
pub mod words;
