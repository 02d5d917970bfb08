//! Reports and settings for the tests of this room.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use super::{Courier, Patience};
use crate::clock::Clock;
use crate::config::model::{CommandSettings, SecretRef, WebhookSettings};
use crate::http::Shared;
use crate::sync::engine::{RunTicket, failed_report};
use crate::sync::report::{HoldKind, HoldSummary, Outcome, Report, Trigger};
use crate::telemetry::metrics::Metrics;

/// A run of acme.
pub(crate) fn report(outcome: Outcome) -> Report {
    let started = "2026-11-23T03:00:00Z".parse().unwrap();
    let ticket = RunTicket { run: 7, trigger: Trigger::Cron, user: None, started };
    let report = failed_report("acme", &ticket, "2026-11-23T03:00:42Z".parse().unwrap(), String::new());
    Report { outcome, error: None, ..report }
}

/// 30 leavers of 100.
pub(crate) fn hold(fresh: bool) -> HoldSummary {
    let hold = HoldSummary::new(HoldKind::Leavers, 30, (10, 100), "30 of 100 would go".to_owned());
    HoldSummary { id: Some(5), fresh, ..hold }
}

/// A webhook whose address is in that file.
pub(crate) fn webhook(url: PathBuf) -> WebhookSettings {
    WebhookSettings { url: SecretRef::File(url), key: None, timeout: Duration::from_secs(60) }
}

/// A command.
pub(crate) fn command(argv: &[&str]) -> CommandSettings {
    let arguments = argv[1..].iter().map(|argument| (*argument).to_owned()).collect();
    CommandSettings { program: argv[0].into(), arguments, timeout: Duration::from_secs(30) }
}

/// What is written to the log by this thread until the guard is dropped: by the daemon at every level, and by libraries as
/// loud as the daemon lets them be.
pub(crate) fn log() -> (DefaultGuard, Log) {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target(env!("CARGO_PKG_NAME"), LevelFilter::TRACE);
    let guard = tracing::subscriber::set_default(Registry::default().with(levels).with(lines));
    (guard, log)
}

/// Lines of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// All that was written so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How often something came of telling in that way.
pub(crate) fn counted(metrics: &Metrics, channel: &str, result: &str) -> u64 {
    let series = format!("usersyncd_notifications_total{{channel=\"{channel}\",result=\"{result}\"}} ");
    metrics.text().lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

/// A courier that does not wait between two tries.
pub(crate) fn courier() -> Courier {
    let patience =
        Patience { first_pause: Duration::ZERO, longest_wish: Duration::ZERO, ..Patience::default() };
    let clock = Clock::starting_at("2026-11-23T03:00:42Z".parse().unwrap());
    Courier { http: Shared::new(Metrics::new()).unwrap(), clock, patience }
}
