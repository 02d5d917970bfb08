//! Accepts connections, and never lets idle or hostile ones use up the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::REQUEST_TIME;
use super::caller::Caller;
use super::socket::Socket;

/// Connections at a time. When they are used up, the one that has waited longest without a request is closed for the
/// next, so that idle clients keep nobody out.
pub(super) const MOST_CONNECTIONS: usize = 128;
/// The longest head of a request: request line and headers.
const LONGEST_HEAD: usize = 16 * 1024;
/// How long answers may take to reach their clients once the daemon stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// How long to wait after accept failed, at most; it begins with a tenth and doubles.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Serves until `stop`.
pub(super) async fn serve(socket: &Socket, router: Router, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let silent = Silent::default();
    let tasks = TaskTracker::new();
    let mut pause = LONGEST_PAUSE / 30;
    for number in 0_u64.. {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.listener().accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(
                    "cannot accept a connection on the control socket: {error}; trying again shortly"
                );
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        pause = LONGEST_PAUSE / 30;
        if slots.available_permits() == 0 {
            silent.close_oldest();
        }
        let slot = tokio::select! {
            () = stop.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let (router, silent, stop) = (router.clone(), silent.clone(), stop.clone());
        tasks.spawn(async move {
            connection(stream, number, router, silent, stop).await;
            drop(slot);
        });
    }
    tasks.close();
    if tokio::time::timeout(LAST_ANSWERS, tasks.wait()).await.is_err() {
        tracing::debug!("{} connections to the control socket are cut off", tasks.len());
    }
}

/// One connection: one request, one answer.
async fn connection(
    stream: UnixStream,
    number: u64,
    router: Router,
    silent: Silent,
    stop: CancellationToken,
) {
    let caller = match stream.peer_cred() {
        Ok(peer) => Caller { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() },
        Err(error) => {
            tracing::warn!(
                "a connection to the control socket is closed, since nobody can say whose it is: {error}"
            );
            return;
        }
    };
    let closed = silent.add(number);
    let service = {
        let service = TowerToHyperService::new(router.layer(Extension(caller)));
        let silent = silent.clone();
        service_fn(move |request: hyper::Request<Incoming>| {
            silent.remove(number);
            service.call(request)
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .max_buf_size(LONGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            // Whatever went wrong with a connection is its client's to notice.
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!("a connection to the control socket from {caller} ended early: {error}");
                }
                break;
            }
            () = closed.cancelled() => break,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    silent.remove(number);
}

/// The connections on which no request has come yet, in the order in which they were opened.
#[derive(Clone, Default)]
struct Silent(Arc<Mutex<BTreeMap<u64, CancellationToken>>>);

impl Silent {
    fn add(&self, number: u64) -> CancellationToken {
        let token = CancellationToken::new();
        self.lock().insert(number, token.clone());
        token
    }

    fn remove(&self, number: u64) {
        self.lock().remove(&number);
    }

    fn close_oldest(&self) {
        if let Some((_, token)) = self.lock().pop_first() {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
