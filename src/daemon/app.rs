//! From settings to a running daemon: load, build, spawn, drain. Building binds and opens everything that can fail, and
//! starts nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backup;
use super::files::{RealDisk, SettingsSeen};
use super::operations::{MOST_EXPLANATIONS, Operations};
use super::page::PageSource;
use super::registry::{Facts, Registry};
use super::reload::Reloader;
use super::run::Common;
use super::supervisor::{Inputs, Listeners, Outputs, Signal, Supervisor};
use super::systemd::Notifier;
use super::timetable::uniform_jitter;
use super::token::Tokens;
use super::wiring::Workshop;
use super::wording;
use super::{DaemonError, Options};
use crate::clock::Clock;
use crate::config;
use crate::config::model::{LogLevel, Settings};
use crate::config::watch::Watcher;
use crate::control::server::{self, Control, Gate, Socket};
use crate::http::Shared;
use crate::notify;
use crate::store::Store;
use crate::target::directory::Directory;
use crate::telemetry::listener::{self, Listener};
use crate::telemetry::logs::{self, LogHandle};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::page::{self, Pages};

/// How many orders and signals may wait for the supervisor.
const QUEUE: usize = 64;

/// See [`super::run`].
pub(super) async fn run(mut options: Options) -> Result<(), DaemonError> {
    // What is watched must not depend on a working directory.
    if let Ok(absolute) = std::path::absolute(&options.config) {
        options.config = absolute;
    }
    let checked = config::check_settings(&options.config, options.config_must_exist);
    let Some(settings) = checked.value.clone() else {
        return Err(DaemonError::Settings(checked.diagnostics));
    };
    let logs = logs::init(settings.log.level, settings.log.format).map_err(DaemonError::Start)?;
    for diagnostic in &checked.diagnostics {
        tracing::warn!("{}", wording::diagnostic(diagnostic));
    }
    let app = App::build(options, settings, logs).await?;
    app.spawn(checked.into())?.run().await
}

/// Everything that can fail, done: opened, bound, and nothing started.
struct App {
    started: DateTime<Utc>,
    options: Options,
    settings: Settings,
    logs: LogHandle,
    clock: Clock,
    metrics: Metrics,
    workshop: Arc<Workshop>,
    socket: Socket,
    listener: Option<Listener>,
}

impl App {
    /// The state directory comes first: its lock is what keeps a second daemon from touching anything else.
    async fn build(mut options: Options, settings: Settings, logs: LogHandle) -> Result<Self, DaemonError> {
        let clock = Clock::system();
        let started = clock.now();
        let store = Store::open(&settings.state).await?;
        let directory = Directory::open(&settings.state).await?;
        backup::sweep(&settings.state);
        let interrupted = store.close_interrupted(clock.now()).await?;
        if interrupted > 0 {
            tracing::warn!(
                "{interrupted} runs were cut short when the daemon last ended; the next ones do the rest"
            );
        }
        let metrics = Metrics::new();
        let http = Shared::new(metrics.clone()).map_err(DaemonError::Start)?;
        let workshop = Arc::new(Workshop::new(store, directory, http, clock.clone()));
        let socket = match options.inherited.take() {
            Some(inherited) => server::take_over(inherited, &settings.control),
            None => server::bind(&settings.control).await,
        };
        let socket = socket.map_err(DaemonError::Start)?;
        let listener = match settings.metrics.listen {
            Some(address) => Some(listener::bind(address).await.map_err(DaemonError::Start)?),
            None => None,
        };
        Ok(Self { started, options, settings, logs, clock, metrics, workshop, socket, listener })
    }

    /// Starts the listeners and prepares the loop, which then starts everything else.
    fn spawn(self, seen: SettingsSeen) -> Result<Supervisor, DaemonError> {
        let metrics_address =
            self.listener.as_ref().map(|listener| format!("http://{}/", listener.address()));
        if let Some(address) = &metrics_address {
            tracing::info!("metrics and the status page are at {address}");
        }
        let registry = Arc::new(Registry::new(Facts {
            started: self.started,
            config: self.options.config.clone(),
            state: self.settings.state.clone(),
            metrics: metrics_address,
            connectors: self.settings.connectors.clone(),
            socket: self.settings.control.socket.clone(),
            group: self.settings.control.group.clone(),
            socket_is_inherited: self.socket.is_inherited(),
        }));
        let readers = Arc::clone(&registry);
        self.workshop.sharing.ask(Box::new(move |source| readers.readers_of(source)));
        let set_log_level: Arc<dyn Fn(LogLevel) + Send + Sync> = Arc::new(move |level| self.logs.set(level));
        let (orders, orders_in) = mpsc::channel(QUEUE);
        let (ready, ready_seen) = watch::channel(false);
        let (page, page_seen) = watch::channel(self.settings.metrics.page);
        let mut listeners = Listeners { tasks: JoinSet::new(), stop: CancellationToken::new() };
        serve_control(
            &mut listeners,
            self.socket,
            Gate::new(&self.settings.control.group),
            Operations {
                registry: Arc::clone(&registry),
                workshop: Arc::clone(&self.workshop),
                orders,
                explaining: Arc::new(Semaphore::new(MOST_EXPLANATIONS)),
                backing_up: Arc::new(Semaphore::new(1)),
                set_log_level: Arc::clone(&set_log_level),
            },
            ready_seen.clone(),
        );
        if let Some(listener) = self.listener {
            let (started, metrics, stop) = (self.started, self.metrics.clone(), listeners.stop.clone());
            let (store, clock) = (self.workshop.store.clone(), self.clock.clone());
            let source = Arc::new(PageSource::new(Arc::clone(&registry), store, clock));
            let pages = Pages::new(page::Shown { source, page: page_seen });
            listeners.tasks.spawn(async move {
                listener::serve(listener, started, metrics, pages, ready_seen, stop).await;
                "metrics.listen"
            });
        }
        let (notifier, queue) = notify::Notifier::new(self.settings.notify.clone(), self.metrics.clone());
        let courier = notify::Courier {
            http: self.workshop.http.clone(),
            clock: self.clock.clone(),
            patience: notify::Patience::default(),
        };
        let stop = listeners.stop.clone();
        listeners.tasks.spawn(async move {
            queue.run(courier, stop).await;
            "notify"
        });
        let (watcher, hints) =
            Watcher::new(vec![self.settings.connectors.clone(), self.options.config.clone()]);
        let disk = RealDisk {
            settings: self.options.config,
            settings_must_exist: self.options.config_must_exist,
            connectors: self.settings.connectors.clone(),
            watcher,
        };
        let common = Common {
            records: Arc::new(self.workshop.store.clone()),
            runner: self.workshop,
            clock: self.clock,
            metrics: self.metrics,
            jitter: uniform_jitter(),
            retention: self.settings.reports,
            notifier,
            changed: Arc::default(),
            tokens: Tokens::default(),
        };
        let outputs = Outputs {
            notifier: Notifier::from_environment(),
            ready,
            page,
            set_log_level: Box::new(move |level| set_log_level(level)),
        };
        let reloader = Reloader::new(Arc::new(disk), seen);
        let inputs = Inputs { signals: signals()?, hints, orders: orders_in };
        Ok(Supervisor::new(common, registry, reloader, inputs, outputs, listeners, self.settings))
    }
}

/// Callers wait in the socket's queue until the connectors are loaded: nobody is told that there are none.
fn serve_control(
    listeners: &mut Listeners,
    socket: Socket,
    gate: Gate,
    operations: Operations,
    mut ready: watch::Receiver<bool>,
) {
    let control: Arc<dyn Control> = Arc::new(operations);
    let stop = listeners.stop.clone();
    listeners.tasks.spawn(async move {
        tokio::select! {
            _ = ready.wait_for(|ready| *ready) => {}
            () = stop.cancelled() => {}
        }
        server::serve(socket, control, gate, stop).await;
        "control.socket"
    });
}

/// The signals that the daemon heeds, from now on until it ends.
fn signals() -> Result<mpsc::Receiver<Signal>, DaemonError> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT])
        .map_err(|error| DaemonError::Start(format!("signals cannot be received: {error}")))?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        while let Some(number) = signals.next().await {
            let signal = if number == SIGHUP { Signal::Reload } else { Signal::Stop };
            if sender.send(signal).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
