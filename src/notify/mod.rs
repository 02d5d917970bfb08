//! Telling people what became of runs: a webhook, a command.
//!
//! Pure and tested apart: [`event`] (what of a run is worth telling), `document` (what a webhook is told), `signature`,
//! `patience` (whether and when to try again). [`Notifier::tell`] puts what is to be told into a bounded queue and never
//! waits; one task, [`Queue::run`], empties it: by `webhook` and by `command`.
//!
//! Nothing here touches the store, a source or a target, and nothing that goes wrong here changes what a run does. What a
//! webhook's address and key are is known only while they are used (law 7): no log line, error, metric or document has
//! anything of them.

mod command;
mod document;
pub mod event;
mod patience;
mod queue;
mod signature;
#[cfg(test)]
pub(crate) mod testing;
mod webhook;

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::clock::Clock;
use crate::config::model::{CommandSettings, Connector, Event, NotifySettings, WebhookSettings};
use crate::http::Shared;
use crate::sync::report::Report;
use crate::telemetry::metrics::Metrics;

pub use event::Before;
pub use patience::Patience;
pub use queue::Queue;

/// How many deliveries may wait or be under way. Events are changes from good to bad and back, so more than a few at a time
/// means that a receiver hangs.
const MOST_WAITING: usize = 256;

/// Where runs tell what became of them; cheap to clone.
#[derive(Clone, Debug)]
pub struct Notifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: RwLock<NotifySettings>,
    queue: mpsc::UnboundedSender<Delivery>,
    /// What bounds the queue: each delivery holds a place until it is settled.
    places: Arc<Semaphore>,
    metrics: Metrics,
}

/// How somebody is told.
#[derive(Clone, Debug)]
enum Way {
    Webhook(WebhookSettings),
    Command(CommandSettings),
}

impl Way {
    /// A metric label.
    fn channel(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Command(_) => "command",
        }
    }
}

/// One event that is told in one way.
#[derive(Debug)]
pub struct Delivery {
    /// The same for every try, so that a receiver that was told twice can know.
    id: String,
    event: Event,
    report: Arc<Report>,
    way: Way,
    metrics: Metrics,
    settled: bool,
    _place: OwnedSemaphorePermit,
}

/// What deliveries are made with.
#[derive(Clone, Debug)]
pub struct Courier {
    /// Connections.
    pub http: Shared,
    /// The time that stands in signatures.
    pub clock: Clock,
    /// How often a webhook is tried.
    pub patience: Patience,
}

impl Notifier {
    /// With these settings, and the queue that somebody must [run](Queue::run).
    #[must_use]
    pub fn new(settings: NotifySettings, metrics: Metrics) -> (Self, Queue) {
        let (queue, receiver) = mpsc::unbounded_channel();
        let places = Arc::new(Semaphore::new(MOST_WAITING));
        let inner = Inner { settings: RwLock::new(settings), queue, places, metrics };
        (Self(Arc::new(inner)), Queue::new(receiver))
    }

    /// Other settings, which count for what is told from now on.
    pub fn configure(&self, settings: NotifySettings) {
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Tells what became of a run of `connector` to whoever wants to know; `before` is what was known of it when the run
    /// began. Never waits and never fails: if too much waits already, this is not told, and the log says so.
    pub fn tell(&self, connector: &Connector, before: Before, report: &Report) {
        let events = event::events(before, report);
        if events.is_empty() {
            return;
        }
        let settings = self.0.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
        let on = connector.notify.on.as_ref().unwrap_or(&settings.on);
        let webhook = connector.notify.webhook.clone().or(settings.webhook).map(Way::Webhook);
        let ways: Vec<Way> = webhook.into_iter().chain(settings.command.map(Way::Command)).collect();
        let report = Arc::new(report.clone());
        for event in events.into_iter().filter(|event| on.contains(event)) {
            for way in &ways {
                self.enqueue(event, way, &report);
            }
        }
    }

    fn enqueue(&self, event: Event, way: &Way, report: &Arc<Report>) {
        let channel = way.channel();
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else {
            self.0.metrics.notification(channel, "dropped");
            tracing::warn!(
                connector = report.connector,
                run = report.run,
                "the {channel} is not told of it ({}): {MOST_WAITING} notifications wait already",
                event.as_str()
            );
            return;
        };
        let delivery = Delivery {
            id: format!("{:032x}", fastrand::u128(..)),
            event,
            report: Arc::clone(report),
            way: way.clone(),
            metrics: self.0.metrics.clone(),
            settled: false,
            _place: place,
        };
        // The queue is gone only at the very end; what cannot be told then says so itself.
        drop(self.0.queue.send(delivery));
    }
}

impl Delivery {
    /// Makes it, and says in the log and in metrics how that went.
    async fn make(mut self, courier: &Courier) {
        let outcome = match &self.way {
            Way::Webhook(settings) => webhook::tell(courier, settings, &self).await,
            Way::Command(settings) => command::tell(settings, &self).await,
        };
        self.settled = true;
        let (channel, event, report) = (self.way.channel(), self.event.as_str(), &self.report);
        match outcome {
            Ok(()) => {
                self.metrics.notification(channel, "delivered");
                tracing::info!(
                    connector = report.connector,
                    run = report.run,
                    "the {channel} was told of it ({event})"
                );
            }
            Err(why) => {
                self.metrics.notification(channel, "failed");
                tracing::warn!(
                    connector = report.connector,
                    run = report.run,
                    "the {channel} could not be told of it ({event}): {why}. `usersyncd ctl run {}` shows the report",
                    report.run
                );
            }
        }
    }
}

impl Drop for Delivery {
    /// Whatever takes a delivery away before it was made, nobody is left in the belief that it was.
    fn drop(&mut self) {
        if !self.settled {
            let channel = self.way.channel();
            self.metrics.notification(channel, "dropped");
            tracing::warn!(
                connector = self.report.connector,
                run = self.report.run,
                "the {channel} was not told of it ({}) before the daemon stopped",
                self.event.as_str()
            );
        }
    }
}

#[cfg(test)]
mod tests;
