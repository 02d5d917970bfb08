//! Reports and settings for the tests of this room.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::level_filters::LevelFilter;
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
    start_logging();
    let started = "2026-11-23T03:00:00Z".parse().unwrap();
    let ticket = RunTicket { run: 7, trigger: Trigger::Cron, user: None, kept: None, started };
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

thread_local! {
    /// Where what this thread writes to the log goes, if somebody wants to see it.
    static SEEN: RefCell<Option<Arc<Mutex<Vec<u8>>>>> = const { RefCell::new(None) };
}

/// Starts logging for all tests of this process, before the first line of this room is written in any thread: tracing
/// may take a line whose first use comes just before its first subscriber for one that nobody ever wants.
pub(crate) fn start_logging() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| ToThread);
        // The daemon at every level, and libraries as loud as the daemon lets them be.
        let levels = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target(env!("CARGO_PKG_NAME"), LevelFilter::TRACE);
        tracing::subscriber::set_global_default(Registry::default().with(levels).with(lines)).unwrap();
    });
}

/// What this thread writes to the log from now on, until it is dropped.
pub(crate) fn log() -> Log {
    start_logging();
    let lines = Arc::default();
    SEEN.set(Some(Arc::clone(&lines)));
    Log(lines)
}

/// Lines of the log.
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// All that was written so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        SEEN.set(None);
    }
}

struct ToThread;

impl Write for ToThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        SEEN.with_borrow(|seen| {
            if let Some(seen) = seen {
                seen.lock().unwrap().extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
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

/// A pipe with a name, at `path`. The first of the two returned comes once somebody wrote the line "started" into it, and the
/// second, with all that came after it, once nobody holds its other end any more: then all who had it open are gone.
pub(crate) fn watched_pipe(path: PathBuf) -> (oneshot::Receiver<()>, oneshot::Receiver<String>) {
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (started, has_started) = oneshot::channel();
    let (ended, has_ended) = oneshot::channel();
    // No task: a runtime would wait for it where somebody lives on.
    std::thread::spawn(move || {
        let mut pipe = std::fs::File::open(path).unwrap();
        let mut first = [0; 8];
        pipe.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"started\n");
        started.send(()).unwrap();
        let mut rest = String::new();
        pipe.read_to_string(&mut rest).unwrap();
        ended.send(rest).unwrap();
    });
    (has_started, has_ended)
}
