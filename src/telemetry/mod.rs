//! Logs, the metric registry, the listener for /metrics and health.

pub mod metrics;
