//! What the stand-ins of products that are written to have in common: a [`World`] of users and groups, a server that
//! can be told to misbehave ([`Fault`]), and a record of what was asked ([`Book`]).
//!
//! A product's own module holds its API: it turns a [`Request`] into a [`Reply`] over the world ([`Product`]).

mod book;
mod fault;
mod gathering;
mod request;
mod server;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use book::{Book, Busy};
pub use fault::{Fault, FaultId, FaultKind};
pub use request::{Reply, Request};
pub use world::{Group, Id, User, World};

/// The API of a product over a world.
pub trait Product: Send + 'static {
    /// A short name of what is asked for, such as `create user`: faults are switched on and requests are counted by it.
    fn operation(&self, request: &Request) -> &'static str;

    /// Whether the request carries the right credentials; else the refusal.
    fn admit(&self, request: &Request) -> Result<(), Reply>;

    /// Carries out a request that was admitted.
    fn answer(&mut self, request: &Request, world: &mut World) -> Reply;

    /// The product's own refusal for a status that a fault asks for: 429, 500, 503, 402, 403 …
    fn refusal(&self, status: u16) -> Reply;
}

/// A running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct StandIn<P> {
    shared: Arc<Shared<P>>,
    address: SocketAddr,
    server: AbortHandle,
}

#[derive(Debug)]
pub(crate) struct Shared<P> {
    state: Mutex<State<P>>,
    latency: Duration,
}

#[derive(Debug)]
pub(crate) struct State<P> {
    pub(crate) product: P,
    pub(crate) world: World,
    pub(crate) faults: fault::Faults,
    pub(crate) book: Book,
    gathering: Option<gathering::Gathering>,
}

impl<P> Shared<P> {
    /// A panic elsewhere (in a test that failed) does not make it unreadable.
    pub(crate) fn state(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a stand-in is served.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// Where; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long every answer takes.
    pub latency: Duration,
}

impl Default for Serving {
    /// On a free port of this host, at once.
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), latency: Duration::ZERO }
    }
}

impl<P: Product> StandIn<P> {
    /// Starts to serve a product over a world.
    pub async fn start(product: P, world: World, serving: Serving) -> std::io::Result<Self> {
        let listener = TcpListener::bind(serving.listen).await?;
        let address = listener.local_addr()?;
        let (faults, book) = (fault::Faults::default(), Book::default());
        let state = State { product, world, faults, book, gathering: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), latency: serving.latency });
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, address, server })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at the world, or changes it as a person in the product's own pages would.
    pub fn world<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.shared.state().world)
    }

    /// Looks at the product's own settings, or changes them.
    pub fn product<T>(&self, change: impl FnOnce(&mut P) -> T) -> T {
        change(&mut self.shared.state().product)
    }

    /// Switches a fault on.
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.shared.state().faults.add(fault)
    }

    /// How many requests met a fault.
    pub fn met(&self, fault: FaultId) -> u64 {
        self.shared.state().faults.met(fault)
    }

    /// Switches all faults off; how often they were met is still known.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// What was asked since the start, or since the last [`Self::forget`].
    pub fn book(&self) -> Book {
        self.shared.state().book.clone()
    }

    /// Begins a new record of what is asked.
    pub fn forget(&self) {
        self.shared.state().book.forget();
    }

    /// After `pass` more requests of an operation, the next are answered when `number` of them are there.
    pub fn gather(&self, operation: &'static str, pass: usize, number: usize) {
        self.shared.state().gathering = Some(gathering::Gathering::new(operation, pass, number));
    }

    /// Whether so many came as [`Self::gather`] waits for.
    pub fn gathered(&self) -> bool {
        self.shared.state().gathering.as_ref().is_some_and(gathering::Gathering::complete)
    }
}

impl<P> Drop for StandIn<P> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A stand-in, whatever its product is.
pub trait Running: Send {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    fn url(&self) -> String;
    /// Looks at the world, or changes it as a person in the product's own pages would.
    fn change(&self, change: &mut dyn FnMut(&mut World));
    /// Switches a fault on.
    fn fault(&self, fault: Fault) -> FaultId;
    /// How many requests met a fault.
    fn met(&self, fault: FaultId) -> u64;
    /// Switches all faults off.
    fn clear_faults(&self);
    /// What was asked since the start, or since the last [`Self::forget`].
    fn book(&self) -> Book;
    /// Begins a new record of what is asked.
    fn forget(&self);
}

impl<P: Product> Running for StandIn<P> {
    fn url(&self) -> String {
        StandIn::url(self)
    }

    fn change(&self, change: &mut dyn FnMut(&mut World)) {
        self.world(change);
    }

    fn fault(&self, fault: Fault) -> FaultId {
        StandIn::fault(self, fault)
    }

    fn met(&self, fault: FaultId) -> u64 {
        StandIn::met(self, fault)
    }

    fn clear_faults(&self) {
        StandIn::clear_faults(self);
    }

    fn book(&self) -> Book {
        StandIn::book(self)
    }

    fn forget(&self) {
        StandIn::forget(self);
    }
}
