//! The task that makes deliveries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Courier, Delivery};

/// How many are made at once. Each takes bounded time, so receivers that hang hold up the others for minutes at most.
const MOST_AT_ONCE: usize = 8;
/// How long what is left may take when the daemon stops.
const DRAIN: Duration = Duration::from_secs(5);

/// What is to be told.
#[derive(Debug)]
pub struct Queue(mpsc::UnboundedReceiver<Delivery>);

/// What is told in order: the events of one connector in one way. Otherwise a failure that is tried again would come after
/// the recovery from it.
type Lane = (&'static str, String);

/// The lanes that there were, each with its task.
struct Lanes {
    courier: Arc<Courier>,
    places: Arc<Semaphore>,
    senders: HashMap<Lane, mpsc::UnboundedSender<Delivery>>,
    tasks: JoinSet<()>,
}

impl Queue {
    pub(super) fn new(receiver: mpsc::UnboundedReceiver<Delivery>) -> Self {
        Self(receiver)
    }

    /// Makes deliveries until `stop`, and then for a few seconds more what is left; what is not made by then is given up,
    /// each with a line in the log.
    pub async fn run(mut self, courier: Courier, stop: CancellationToken) {
        let mut lanes = Lanes {
            courier: Arc::new(courier),
            places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            senders: HashMap::new(),
            tasks: JoinSet::new(),
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(delivery) = self.0.recv() => lanes.put(delivery),
                Some(ended) = lanes.tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!("internal error while somebody was told, please report it: {error}");
                    }
                }
            }
        }
        self.0.close();
        while let Ok(delivery) = self.0.try_recv() {
            lanes.put(delivery);
        }
        lanes.drain().await;
    }

    /// All that is to be told now.
    #[cfg(test)]
    pub(super) fn waiting(&mut self) -> Vec<Delivery> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }

    /// The same by the names of the events, for tests of those who tell.
    #[cfg(test)]
    pub(crate) fn events(&mut self) -> Vec<&'static str> {
        self.waiting().iter().map(|delivery| delivery.event.as_str()).collect()
    }
}

impl Lanes {
    fn put(&mut self, delivery: Delivery) {
        let lane = (delivery.way.channel(), delivery.report.connector.clone());
        let refused = match self.senders.get(&lane) {
            Some(sender) => sender.send(delivery).err().map(|error| error.0),
            None => Some(delivery),
        };
        // There is no such lane, or its task is gone.
        if let Some(delivery) = refused {
            let (sender, receiver) = mpsc::unbounded_channel();
            drop(sender.send(delivery));
            self.senders.insert(lane, sender);
            self.tasks.spawn(serve(receiver, Arc::clone(&self.courier), Arc::clone(&self.places)));
        }
    }

    async fn drain(mut self) {
        self.senders.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN, all).await.is_err() {
            // Ends commands that still run, and has each delivery say that it was not made.
            self.tasks.shutdown().await;
        }
    }
}

async fn serve(
    mut deliveries: mpsc::UnboundedReceiver<Delivery>,
    courier: Arc<Courier>,
    places: Arc<Semaphore>,
) {
    while let Some(delivery) = deliveries.recv().await {
        // It is never closed.
        let _place = places.acquire().await;
        delivery.make(&courier).await;
    }
}
