//! The supervisor with a scripted engine, files in memory, and a clock that stands still.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::DaemonError;
use super::files::{Disk, Seen, SettingsSeen};
use super::machine::Kind;
use super::registry::{Facts, Registry};
use super::reload::Reloader;
use super::supervisor::{Inputs, Listeners, Order, Outputs, Signal, Supervisor};
use super::systemd::Notifier;
use super::testing::{Bench, connector, soon};
use super::timetable::tests::schedule;
use crate::config::diagnostic::{Checked, Diagnostic, Severity};
use crate::config::model::{
    CommandSettings, Connector, ControlSettings, LogFormat, LogLevel, LogSettings, MetricsSettings, Missed,
    NotifySettings, Page, ReportSettings, Settings,
};
use crate::config::scan::Entry;
use crate::control::api::{ConnectorState, ReloadAnswer};
use crate::sync::report::{Outcome, Trigger};

const NOW: &str = "2026-01-05T02:00:00";

fn settings() -> Settings {
    Settings {
        connectors: PathBuf::from("/c"),
        state: PathBuf::from("/s"),
        control: ControlSettings { socket: PathBuf::from("/r/control.sock"), group: "usersyncd".to_owned() },
        metrics: MetricsSettings { listen: None, page: Page::On },
        log: LogSettings { level: LogLevel::Info, format: LogFormat::Text },
        notify: NotifySettings::default(),
        reports: ReportSettings { keep: Duration::from_secs(60), at_most: 1 },
    }
}

fn error(file: &Path, message: &str) -> Diagnostic {
    Diagnostic::of_file(Severity::Error, file, message, None)
}

/// Files in memory: contents by connector name. `bad…` is broken, `hourly…` has a schedule.
struct Memory {
    files: BTreeMap<String, String>,
    directory_error: bool,
    settings: Option<Settings>,
    verdict_changed: bool,
}

struct MemoryDisk(Mutex<Memory>);

impl Disk for MemoryDisk {
    fn look(&self) -> Seen {
        let memory = self.0.lock().unwrap();
        let entry = |(name, text): (&String, &String)| {
            let entry = Entry { path: PathBuf::from(format!("/c/{name}.yaml")), digest: Some(text.clone()) };
            (name.clone(), entry)
        };
        let files = if memory.directory_error {
            Err(error(Path::new("/c"), "cannot be read"))
        } else {
            Ok(memory.files.iter().map(entry).collect())
        };
        let diagnostics = match memory.settings {
            Some(_) => Vec::new(),
            None => vec![error(Path::new("/usersyncd.yaml"), "no such key")],
        };
        Seen {
            files,
            overlooked: Vec::new(),
            settings: SettingsSeen { value: memory.settings.clone(), diagnostics },
        }
    }

    fn check(&self, path: &Path) -> Checked<Connector> {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let memory = self.0.lock().unwrap();
        let text = memory.files.get(name).cloned().unwrap_or_default();
        if text.starts_with("bad") && !memory.verdict_changed {
            return Checked {
                value: None,
                diagnostics: vec![error(path, &format!("no such key in {text}"))],
            };
        }
        let hourly =
            text.starts_with("hourly").then(|| schedule("0 * * * *", chrono_tz::UTC, Missed::RunOnce));
        let connector = Arc::into_inner(connector(name, &text, hourly)).unwrap();
        Checked { value: Some(connector), diagnostics: Vec::new() }
    }
}

/// A running supervisor.
struct Running {
    bench: Bench,
    disk: Arc<MemoryDisk>,
    registry: Arc<Registry>,
    signals: mpsc::Sender<Signal>,
    hints: mpsc::Sender<()>,
    orders: mpsc::Sender<Order>,
    told: mpsc::UnboundedReceiver<String>,
    levels: Arc<Mutex<Vec<LogLevel>>>,
    page: watch::Receiver<Page>,
    ready: watch::Receiver<bool>,
    task: JoinHandle<Result<(), DaemonError>>,
}

/// Starts a supervisor over files such as `acme=one`.
fn start(files: &[&str]) -> Running {
    start_with(files, Bench::new(NOW), None)
}

fn start_with(files: &[&str], bench: Bench, watchdog: Option<Duration>) -> Running {
    let disk = Arc::new(MemoryDisk(Mutex::new(Memory {
        files: BTreeMap::new(),
        directory_error: false,
        settings: Some(settings()),
        verdict_changed: false,
    })));
    let registry = Arc::new(Registry::new(Facts {
        started: bench.common.clock.now(),
        config: PathBuf::from("/usersyncd.yaml"),
        state: PathBuf::from("/s"),
        metrics: None,
        connectors: PathBuf::new(),
        socket: PathBuf::new(),
        group: String::new(),
        socket_is_inherited: false,
    }));
    let (signals, signals_in) = mpsc::channel(8);
    let (hints, hints_in) = mpsc::channel(1);
    let (orders, orders_in) = mpsc::channel(8);
    let (tell, told) = mpsc::unbounded_channel();
    let (ready, ready_seen) = watch::channel(false);
    let (page, page_seen) = watch::channel(Page::On);
    let levels: Arc<Mutex<Vec<LogLevel>>> = Arc::default();
    let set = Arc::clone(&levels);
    let seen = SettingsSeen { value: Some(settings()), diagnostics: Vec::new() };
    let notify = move |states: &[sd_notify::NotifyState<'_>]| {
        let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
        drop(tell.send(lines.join("\n")));
    };
    let supervisor = Supervisor::new(
        bench.common.clone(),
        Arc::clone(&registry),
        Reloader::new(Arc::clone(&disk) as Arc<dyn Disk>, seen),
        Inputs { signals: signals_in, hints: hints_in, orders: orders_in },
        Outputs {
            notifier: Notifier::new(Box::new(notify), watchdog),
            ready,
            page,
            set_log_level: Box::new(move |level| set.lock().unwrap().push(level)),
        },
        Listeners { tasks: JoinSet::new(), stop: CancellationToken::new() },
        settings(),
    );
    let running = Running {
        bench,
        disk,
        registry,
        signals,
        hints,
        orders,
        told,
        levels,
        page: page_seen,
        ready: ready_seen,
        task: tokio::spawn(supervisor.run()),
    };
    running.write(files);
    running
}

impl Running {
    /// Replaces all files.
    fn write(&self, files: &[&str]) {
        let pair = |file: &&str| {
            let (name, text) = file.split_once('=').unwrap();
            (name.to_owned(), text.to_owned())
        };
        self.disk.0.lock().unwrap().files = files.iter().map(pair).collect();
    }

    async fn ready(&mut self) {
        soon(self.ready.wait_for(|ready| *ready)).await.unwrap();
    }

    /// Replaces all files, as an editor would, and lets two seconds pass (RULES 29).
    async fn change(&self, files: &[&str]) {
        self.write(files);
        self.hints.send(()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    async fn reload(&self) -> ReloadAnswer {
        let (answer, outcome) = oneshot::channel();
        self.orders.send(Order::Reload(answer)).await.unwrap();
        soon(outcome).await.unwrap()
    }

    /// Every connector with its state: `acme idle`.
    fn states(&self) -> Vec<String> {
        let connectors = self.registry.status().connectors;
        connectors.iter().map(|status| format!("{} {}", status.name, status.state.as_str())).collect()
    }

    /// The next thing systemd is told that begins so.
    async fn told(&mut self, beginning: &str) -> String {
        loop {
            let told = soon(self.told.recv()).await.unwrap();
            if told.starts_with(beginning) {
                return told;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_once_everything_was_read_and_says_so_after_its_status() {
    let mut running = start(&["acme=hourly", "beta=bad"]);
    assert_eq!(
        running.told.recv().await.unwrap(),
        "STATUS=2 connectors, 1 config error, next acme 03:00 UTC"
    );
    assert_eq!(running.told.recv().await.unwrap(), "READY=1");
    assert!(*running.ready.borrow());
    assert_eq!(running.states(), ["acme idle", "beta config_error"]);
    let run = running.bench.next_began().await;
    assert_eq!((run.connector.as_str(), run.trigger), ("acme", Some(Trigger::Cron)));
}

#[tokio::test(start_paused = true)]
async fn rules_29_a_change_is_in_force_within_two_seconds_and_disturbs_nobody() {
    let mut running = start(&["acme=one", "beta=one"]);
    running.ready().await;
    let acme = running.registry.get("acme").unwrap();
    let _feed = acme.request(Kind::Sync).await.unwrap();
    assert_eq!(running.bench.next_began().await.digest, "one");
    running.change(&["acme=two", "beta=one", "gamma=one"]).await;
    assert_eq!(running.states(), ["acme running", "beta idle", "gamma idle"]);
    let _next = acme.request(Kind::Sync).await.unwrap();
    running.bench.let_end(1);
    assert_eq!(running.bench.next_began().await.digest, "two", "the next run has the new version");
    let first = running.bench.notebook.reports.lock().unwrap()[0].clone();
    assert_eq!(first.outcome, Outcome::Success, "the busy run was not disturbed");
}

#[tokio::test(start_paused = true)]
async fn rules_29_a_half_written_file_never_counts() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    running.write(&["acme=bad half"]);
    running.hints.send(()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.write(&["acme=two"]);
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(running.states(), ["acme idle"]);
    }
    let view = running.registry.get("acme").unwrap().view();
    assert_eq!(view.configuration.unwrap().digest, "two");
}

#[tokio::test(start_paused = true)]
async fn law_6_a_broken_file_keeps_the_last_good_version() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    running.change(&["acme=bad"]).await;
    assert_eq!(running.states(), ["acme config_error"]);
    let view = running.registry.get("acme").unwrap().view();
    assert!(view.runnable && view.config_error.unwrap().contains("no such key in bad"));
    assert_eq!(view.configuration.unwrap().digest, "one");
    let answer = running.reload().await;
    assert_eq!((answer.rejected.len(), answer.rejected[0].last_good_in_force), (1, true));
    running.change(&["acme=one"]).await;
    assert_eq!(running.states(), ["acme idle"], "taking the mistake back is enough");
}

#[tokio::test(start_paused = true)]
async fn law_6_a_removed_file_stops_the_schedule_after_the_busy_run() {
    let mut running = start(&["acme=hourly", "beta=one"]);
    running.ready().await;
    let acme = running.registry.get("acme").unwrap();
    let _feed = acme.request(Kind::Sync).await.unwrap();
    running.bench.next_began().await;
    running.change(&["beta=one"]).await;
    assert_eq!(running.states(), ["acme running", "beta idle"]);
    running.bench.let_end(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(running.states(), ["beta idle"]);
    assert_eq!(running.bench.notebook.reports.lock().unwrap()[0].outcome, Outcome::Success);
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert!(running.bench.began.try_recv().is_err(), "the schedule goes on");
    running.change(&["acme=hourly", "beta=one"]).await;
    assert_eq!(running.states(), ["acme idle", "beta idle"]);
    assert_eq!(running.bench.next_began().await.trigger, Some(Trigger::Cron), "nothing was missed meanwhile");
    running.bench.let_end(1);
    running.write(&["acme=hourly"]);
    running.reload().await;
    assert_eq!(running.states(), ["acme idle"], "gone as soon as the reload is answered");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_back_during_the_run_never_makes_a_second_run_at_once() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    let _feed = running.registry.get("acme").unwrap().request(Kind::Sync).await.unwrap();
    running.bench.next_began().await;
    running.change(&[]).await;
    running.change(&["acme=two"]).await;
    let _next = running.registry.get("acme").unwrap().request(Kind::Sync).await.unwrap();
    running.bench.let_end(2);
    assert_eq!(running.bench.next_began().await.digest, "two");
    assert_eq!(running.bench.script.most_at_once.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_read_removes_nobody() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    running.disk.0.lock().unwrap().directory_error = true;
    let answer = running.reload().await;
    assert_eq!((&answer.rejected[0].name[..], answer.removed.len()), ("/c", 0));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(running.states(), ["acme idle"]);
    running.disk.0.lock().unwrap().directory_error = false;
    assert_eq!(running.reload().await.unchanged, ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_event_is_found_within_a_minute() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    running.write(&["beta=one"]);
    tokio::time::sleep(Duration::from_secs(62)).await;
    assert_eq!(running.states(), ["beta idle"]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_answers_with_what_it_found() {
    let mut running = start(&["acme=one", "beta=one", "gamma=one", "delta=one"]);
    running.ready().await;
    running.write(&["acme=two", "beta=one", "delta=bad", "new=one"]);
    let answer = running.reload().await;
    assert_eq!(answer.added, ["new"]);
    assert_eq!(answer.updated, ["acme"]);
    assert_eq!(answer.unchanged, ["beta"]);
    assert_eq!(answer.removed, ["gamma"]);
    let rejected: Vec<_> = answer.rejected.iter().map(|rejected| &rejected.name[..]).collect();
    assert_eq!(rejected, ["delta"]);
    let again = running.reload().await;
    assert_eq!(again.unchanged, ["acme", "beta", "new"]);
    assert!(again.added.is_empty() && again.updated.is_empty() && again.removed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn sighup_tells_systemd_when_it_begins_and_when_it_is_over() {
    let mut running = start(&["acme=one"]);
    running.told("READY").await;
    running.write(&["acme=two"]);
    running.signals.send(Signal::Reload).await.unwrap();
    let told = running.told("RELOADING").await;
    assert!(told.starts_with("RELOADING=1\nMONOTONIC_USEC="), "one message: {told}");
    running.told("READY=1").await;
    let view = running.registry.get("acme").unwrap().view();
    assert_eq!(view.configuration.unwrap().digest, "two", "ready again means in force");
}

#[tokio::test(start_paused = true)]
async fn of_usersyncd_yaml_some_keys_count_at_once_and_others_are_named() {
    let mut running = start(&[]);
    running.ready().await;
    let mut changed = settings();
    changed.log.level = LogLevel::Debug;
    changed.notify.on.clear();
    changed.reports.at_most = 7;
    changed.metrics.page = Page::Full;
    changed.state = PathBuf::from("/elsewhere");
    changed.control.group = "staff".to_owned();
    running.disk.0.lock().unwrap().settings = Some(changed);
    let answer = running.reload().await;
    assert_eq!(answer.settings_taken_over, ["metrics.page", "log.level", "notify"]);
    assert_eq!(answer.restart_needed_for, ["state", "control.group", "reports"]);
    assert_eq!(running.registry.status().restart_needed_for, ["state", "control.group", "reports"]);
    assert_eq!(*running.levels.lock().unwrap(), [LogLevel::Debug]);
    assert_eq!(*running.page.borrow(), Page::Full);
    running.disk.0.lock().unwrap().settings = None;
    let answer = running.reload().await;
    assert_eq!(answer.rejected[0].name, "usersyncd.yaml");
    assert_eq!(*running.page.borrow(), Page::Full, "the last good version stays in force");
    running.disk.0.lock().unwrap().settings = Some(settings());
    assert!(running.reload().await.restart_needed_for.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whom_to_tell_counts_at_once() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    let mut changed = settings();
    let (program, timeout) = (PathBuf::from("/bin/tell"), Duration::from_secs(1));
    changed.notify.command = Some(CommandSettings { program, arguments: Vec::new(), timeout });
    running.disk.0.lock().unwrap().settings = Some(changed);
    assert_eq!(running.reload().await.settings_taken_over, ["notify"]);
    let mut feed = running.registry.get("acme").unwrap().request(Kind::Sync).await.unwrap();
    running.bench.let_end(1);
    while soon(feed.next()).await.is_some() {}
    assert_eq!(running.bench.told.events(), ["first_success"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_drains_and_asks_systemd_for_patience() {
    let mut running = start(&["acme=hourly", "beta=one"]);
    running.told("READY").await;
    let acme = running.registry.get("acme").unwrap();
    let mut feed = acme.request(Kind::Sync).await.unwrap();
    running.bench.next_began().await;
    running.signals.send(Signal::Stop).await.unwrap();
    running.told("STOPPING=1").await;
    running.told("EXTEND_TIMEOUT_USEC=15000000").await;
    soon(running.task).await.unwrap().unwrap();
    assert!(!*running.ready.borrow());
    assert!(running.registry.status().stopping);
    while soon(feed.next()).await.is_some() {}
    assert_eq!(running.bench.notebook.reports.lock().unwrap()[0].outcome, Outcome::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_stops_at_once() {
    let mut running = start(&["acme=one"]);
    running.ready().await;
    running.bench.script.heeds_cancel.store(false, Ordering::Relaxed);
    let _feed = running.registry.get("acme").unwrap().request(Kind::Sync).await.unwrap();
    running.bench.next_began().await;
    running.signals.send(Signal::Stop).await.unwrap();
    running.told("EXTEND").await;
    assert!(!running.task.is_finished(), "the first signal waits for the run");
    let (answer, outcome) = oneshot::channel();
    running.orders.send(Order::Reload(answer)).await.unwrap();
    assert!(soon(outcome).await.is_err(), "a reload is turned away at once");
    running.signals.send(Signal::Stop).await.unwrap();
    let ended = soon(running.task).await.unwrap();
    assert!(matches!(ended, Err(DaemonError::StoppedNow)), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connector_task_that_panics_is_started_again_and_the_others_go_on() {
    let mut bench = Bench::new(NOW);
    let panics = Arc::clone(&bench.script);
    // The jitter is drawn in the connector's task itself.
    bench.common.jitter = Arc::new(move |_| {
        assert!(!panics.panics.load(Ordering::Relaxed), "a fault on purpose");
        Duration::ZERO
    });
    let mut running = start_with(&["acme=hourly", "beta=one"], bench, None);
    running.ready().await;
    running.bench.script.panics.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(3_600_500)).await;
    running.bench.script.panics.store(false, Ordering::Relaxed);
    let lost = running.registry.get("acme").unwrap().request(Kind::Sync).await.unwrap_err();
    assert!(lost.message.contains("ask again in a moment"), "{lost}");
    let _beta = running.registry.get("beta").unwrap().request(Kind::Sync).await.unwrap();
    assert_eq!(running.bench.next_began().await.connector, "beta");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let _acme = running.registry.get("acme").unwrap().request(Kind::Sync).await.unwrap();
    assert_eq!(running.bench.next_began().await.connector, "acme");
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_fed_twice_within_its_time() {
    let mut running = start_with(&[], Bench::new(NOW), Some(Duration::from_secs(30)));
    running.told("WATCHDOG=1").await;
    let start = tokio::time::Instant::now();
    running.told("WATCHDOG=1").await;
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_file_broken_by_something_outside_of_it_is_checked_again() {
    let mut running = start(&["acme=bad"]);
    running.ready().await;
    assert_eq!(running.states(), ["acme config_error"]);
    // The contents stay, only the verdict changes, as when a credential appears.
    running.disk.0.lock().unwrap().verdict_changed = true;
    running.reload().await;
    assert_eq!(running.registry.get("acme").unwrap().status().state, ConnectorState::Idle);
}
