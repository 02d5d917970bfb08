//! The one loop that everything of the daemon's own goes through: signals, changed files, orders over the socket, tasks
//! that end, systemd. Since it waits for nothing but its next event, systemd's watchdog watches this loop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::DaemonError;
use super::fleet::Fleet;
use super::registry::Registry;
use super::reload::{Consequence, Reloader, compare_settings};
use super::run::Common;
use super::systemd::Notifier;
use super::wording;
use crate::config::model::{LogLevel, Page, Settings};
use crate::control::api::ReloadAnswer;

/// How long connectors may take to be in their new state before a reload is answered all the same.
const LONGEST_SETTLING: Duration = Duration::from_secs(1);
/// How often the files are looked at without a hint.
const RESCAN: Duration = Duration::from_secs(60);
/// How often systemd is asked for patience while the daemon drains, and for how much.
const PLEAD: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the daemon pleads at most; what takes longer hangs, and systemd may end it.
const LONGEST_DRAIN: Duration = Duration::from_secs(300);
/// How long the listeners, and whoever tells people what became of runs, may take to end.
const LAST_ANSWERS: Duration = Duration::from_secs(7);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGHUP.
    Reload,
    /// SIGTERM or SIGINT.
    Stop,
}

/// What is asked for over the socket.
#[derive(Debug)]
pub(super) enum Order {
    /// Read the files now.
    Reload(oneshot::Sender<ReloadAnswer>),
}

/// What comes from outside.
pub(super) struct Inputs {
    /// Signals.
    pub(super) signals: mpsc::Receiver<Signal>,
    /// The files may have changed.
    pub(super) hints: mpsc::Receiver<()>,
    /// Over the socket.
    pub(super) orders: mpsc::Receiver<Order>,
}

/// What is told to others.
pub(super) struct Outputs {
    /// systemd.
    pub(super) notifier: Notifier,
    /// Whether everything is loaded and nothing stops.
    pub(super) ready: watch::Sender<bool>,
    /// What the status page shows.
    pub(super) page: watch::Sender<Page>,
    /// Changes the log level.
    pub(super) set_log_level: Box<dyn Fn(LogLevel) + Send + Sync>,
}

/// The listeners: the control socket and the metrics. They end when `stop` is cancelled, and not before.
pub(super) struct Listeners {
    /// The tasks, each returning what it served.
    pub(super) tasks: JoinSet<&'static str>,
    /// Ends them.
    pub(super) stop: CancellationToken,
}

/// The loop's state.
pub(super) struct Supervisor {
    common: Common,
    registry: Arc<Registry>,
    fleet: Fleet,
    reloader: Reloader,
    inputs: Inputs,
    outputs: Outputs,
    listeners: Listeners,
    at_start: Settings,
    settings: Settings,
    loaded: bool,
    /// A reload that systemd or a person knows of is under way.
    announced: bool,
    stopping_since: Option<Instant>,
}

/// Why the loop goes on or ends.
enum Next {
    Continue,
    StopNow,
}

impl Supervisor {
    /// Before anything runs. `settings` is what the daemon started with.
    pub(super) fn new(
        common: Common,
        registry: Arc<Registry>,
        reloader: Reloader,
        inputs: Inputs,
        outputs: Outputs,
        listeners: Listeners,
        settings: Settings,
    ) -> Self {
        Self {
            fleet: Fleet::new(common.clone(), Arc::clone(&registry)),
            common,
            registry,
            reloader,
            inputs,
            outputs,
            listeners,
            at_start: settings.clone(),
            settings,
            loaded: false,
            announced: false,
            stopping_since: None,
        }
    }

    /// Loads everything, runs until told to stop, and drains.
    pub(super) async fn run(mut self) -> Result<(), DaemonError> {
        let changed = Arc::clone(&self.common.changed);
        let mut rescan = interval(RESCAN);
        let mut watchdog = self.outputs.notifier.watchdog_interval().map(interval);
        let mut plead = interval(PLEAD);
        plead.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failure = None;
        loop {
            if self.drained() {
                break;
            }
            let stopping = self.stopping_since.is_some();
            let (look, restart) = (self.reloader.look_at(), self.fleet.next_restart());
            let next = tokio::select! {
                Some(signal) = self.inputs.signals.recv() => self.signal(signal),
                Some(order) = self.inputs.orders.recv() => self.order(order),
                Some(()) = self.inputs.hints.recv(), if !stopping => { self.reloader.hint(); Next::Continue }
                _ = rescan.tick(), if !stopping => { self.reloader.rescan(); Next::Continue }
                () = at(look), if !stopping => { self.reloader.look(); Next::Continue }
                brought = self.reloader.next(), if !stopping => {
                    let consequence = self.reloader.take(brought, &mut self.fleet).await;
                    self.reloaded(consequence).await;
                    Next::Continue
                }
                ended = self.fleet.next_end() => { self.fleet.ended(ended); Next::Continue }
                () = at(restart), if !stopping => {
                    self.fleet.restart_due().await;
                    Next::Continue
                }
                () = changed.notified() => { self.refresh(); Next::Continue }
                () = alive(watchdog.as_mut()) => { self.outputs.notifier.alive(); Next::Continue }
                _ = plead.tick(), if stopping => { self.plead(); Next::Continue }
                Some(ended) = self.listeners.tasks.join_next(), if !stopping => {
                    failure = Some(listener_ended(ended));
                    self.stop("a listener ended");
                    Next::Continue
                }
            };
            if matches!(next, Next::StopNow) {
                return Err(DaemonError::StoppedNow);
            }
        }
        self.end_listeners().await;
        failure.map_or(Ok(()), Err)
    }

    fn signal(&mut self, signal: Signal) -> Next {
        match (signal, self.stopping_since) {
            (Signal::Reload, None) => {
                tracing::info!("SIGHUP: reading the configuration again");
                self.begin_reload(None);
            }
            (Signal::Reload, Some(_)) => tracing::info!("SIGHUP is ignored, since the daemon is stopping"),
            (Signal::Stop, None) => {
                self.stop("a signal asked for it");
                tracing::info!(
                    "operations under way are finished and recorded; a second signal stops at once"
                );
            }
            (Signal::Stop, Some(_)) => {
                tracing::warn!(
                    "a second signal: stopping at once; what was under way is settled by the next run"
                );
                return Next::StopNow;
            }
        }
        Next::Continue
    }

    fn order(&mut self, order: Order) -> Next {
        match order {
            // Dropping the answer says that nothing was done.
            Order::Reload(_) if self.stopping_since.is_some() => {}
            Order::Reload(answer) => self.begin_reload(Some(answer)),
        }
        Next::Continue
    }

    fn begin_reload(&mut self, answer: Option<oneshot::Sender<ReloadAnswer>>) {
        if self.loaded && !self.announced {
            self.outputs.notifier.reloading();
        }
        self.announced = true;
        self.reloader.reload(answer);
    }

    /// A part of a reload is over, or all of it.
    async fn reloaded(&mut self, consequence: Consequence) {
        if let Some(settings) = consequence.settings {
            self.take_settings(settings);
        }
        if !consequence.over {
            return;
        }
        // Whoever hears that files were read may look at once; a task that takes long does not hold up the others.
        drop(tokio::time::timeout(LONGEST_SETTLING, self.fleet.settled()).await);
        self.reloader.answer(&self.fleet, self.registry.status().restart_needed_for);
        self.common.metrics.config_reloaded(consequence.good, self.common.clock.now());
        if !self.loaded {
            self.loaded = true;
            self.registry.loaded();
            self.refresh();
            tracing::info!("ready: {}", self.status_line());
            self.outputs.ready.send_replace(true);
            self.outputs.notifier.ready();
        } else if self.announced {
            tracing::info!("the configuration was read: {}", self.status_line());
            self.outputs.notifier.ready();
        }
        self.announced = false;
    }

    fn take_settings(&mut self, settings: Settings) {
        let (taken_over, restart) = compare_settings(&self.at_start, &self.settings, &settings);
        if self.settings.log.level != settings.log.level {
            (self.outputs.set_log_level)(settings.log.level);
        }
        self.outputs.page.send_replace(settings.metrics.page);
        self.common.notifier.configure(settings.notify.clone());
        if !taken_over.is_empty() {
            tracing::info!("usersyncd.yaml changed; in force now: {}", taken_over.join(", "));
        }
        if !restart.is_empty() {
            tracing::warn!(
                "usersyncd.yaml changed; these keys count after a restart only: {}",
                restart.join(", ")
            );
        }
        self.reloader.settings_taken_over(taken_over);
        self.registry.restart_needed_for(restart);
        self.settings = settings;
    }

    fn stop(&mut self, why: &str) {
        tracing::info!("stopping: {why}");
        self.stopping_since = Some(Instant::now());
        self.outputs.ready.send_replace(false);
        self.registry.stopping();
        self.outputs.notifier.stopping();
        self.fleet.stop();
        self.refresh();
    }

    /// Asks systemd for time while the last operations are finished.
    fn plead(&self) {
        if self.stopping_since.is_some_and(|since| since.elapsed() < LONGEST_DRAIN) {
            self.outputs.notifier.extend(PATIENCE);
        }
    }

    fn drained(&self) -> bool {
        self.stopping_since.is_some() && self.fleet.is_drained()
    }

    /// Something about a connector changed: others are told.
    fn refresh(&mut self) {
        self.fleet.let_go();
        let connectors = self.registry.status().connectors;
        let states: Vec<_> =
            connectors.iter().map(|connector| (connector.name.as_str(), connector.state)).collect();
        self.common.metrics.connector_states(&states);
        let line = self.status_line();
        if self.loaded {
            self.outputs.notifier.status(line);
        }
    }

    fn status_line(&self) -> String {
        let status = self.registry.status();
        wording::status_line(&status.connectors, self.common.clock.now(), status.stopping)
    }

    /// Lets the last answers reach their clients.
    async fn end_listeners(&mut self) {
        self.listeners.stop.cancel();
        let all = async { while self.listeners.tasks.join_next().await.is_some() {} };
        if timeout(LAST_ANSWERS, all).await.is_err() {
            tracing::warn!("a listener did not end in time and is cut off");
        }
        tracing::info!("stopped");
    }
}

fn listener_ended(ended: Result<&'static str, tokio::task::JoinError>) -> DaemonError {
    match ended {
        Ok(what) => DaemonError::ListenerEnded(what.to_owned()),
        Err(error) => DaemonError::ListenerEnded(super::run::panic_text(error)),
    }
}

/// Waits until then; for ever, if there is no then.
async fn at(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}

async fn alive(watchdog: Option<&mut tokio::time::Interval>) {
    match watchdog {
        Some(watchdog) => drop(watchdog.tick().await),
        None => std::future::pending().await,
    }
}
