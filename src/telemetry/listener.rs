//! The listener for monitoring: /metrics, /livez, /readyz, and a page for people at /.
//!
//! One request per connection, few connections at a time, each with a deadline: a slow or silent client holds nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::page::Pages;
use super::process;

/// Connections served at a time; others wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 32;
/// How long a connection may last, from its first byte to the end of the answer.
const LONGEST_CONNECTION: Duration = Duration::from_secs(30);
/// How long requests may still take when the daemon stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long to wait after a failed accept: file descriptors may be used up.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A socket that listens, before anything is served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Binds `addr`; port 0 takes a free one. The error is a sentence.
pub async fn bind(addr: SocketAddr) -> Result<Listener, String> {
    let failed = |error: io::Error| {
        format!(
            "cannot listen on {addr} for metrics (metrics.listen): {error}; free the address, or write another or `off`"
        )
    };
    let socket = TcpListener::bind(addr).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Listener { socket, address })
}

/// Serves until `stop`. `started` is when the daemon began, `pages` answers for the page, `ready` is what /readyz answers.
pub async fn serve(
    listener: Listener,
    started: DateTime<Utc>,
    metrics: Metrics,
    pages: Pages,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) {
    let routes = routes(Shown { started, metrics, pages, ready });
    let limited = Limited { socket: listener.socket, slots: Arc::new(Semaphore::new(MOST_CONNECTIONS)) };
    let server = axum::serve(limited, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
    let forced = async {
        stop.cancelled().await;
        sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server => if let Err(error) = ended {
            tracing::error!("the metrics listener ended: {error}; /metrics is not served until the daemon restarts");
        },
        () = forced => {}
    }
}

/// What the routes show.
#[derive(Clone)]
struct Shown {
    started: DateTime<Utc>,
    metrics: Metrics,
    pages: Pages,
    ready: watch::Receiver<bool>,
}

fn routes(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(show_readiness))
        .route("/", get(show_page))
        .route("/connectors/{name}", get(show_connector))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not found; there are /metrics, /livez and /readyz\n") })
        .with_state(shown)
        .layer(map_response(guard_headers))
}

/// One request per connection, nothing cached, nothing framed, no script.
async fn guard_headers(mut response: Response) -> Response {
    let headers: [(HeaderName, &'static str); 5] = [
        (CONNECTION, "close"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // The page brings its own.
    let policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    response.headers_mut().entry(CONTENT_SECURITY_POLICY).or_insert_with(|| HeaderValue::from_static(policy));
    response
}

async fn show_metrics(State(shown): State<Shown>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        shown.metrics.text() + &process::text(shown.started),
    )
}

async fn show_readiness(State(shown): State<Shown>) -> (StatusCode, &'static str) {
    if *shown.ready.borrow() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the connectors are still being loaded, or the daemon is stopping\n",
        )
    }
}

/// `refresh=off`: the page stays as it is.
#[derive(Deserialize)]
struct Renewal {
    refresh: Option<String>,
}

impl Renewal {
    fn is_wanted(&self) -> bool {
        self.refresh.as_deref() != Some("off")
    }
}

async fn show_page(State(shown): State<Shown>, Query(renewal): Query<Renewal>) -> Response {
    shown.pages.answer(None, renewal.is_wanted()).await
}

async fn show_connector(
    State(shown): State<Shown>,
    Path(name): Path<String>,
    Query(renewal): Query<Renewal>,
) -> Response {
    shown.pages.answer(Some(name), renewal.is_wanted()).await
}

/// Accepts no more than [`MOST_CONNECTIONS`] at a time, each with a deadline.
struct Limited {
    socket: TcpListener,
    slots: Arc<Semaphore>,
}

impl axum::serve::Listener for Limited {
    type Io = Timed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Timed, SocketAddr) {
        loop {
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
                // Nobody closes the semaphore; if somebody did, nothing more would be served.
                return std::future::pending().await;
            };
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    return (
                        Timed { stream, deadline: Box::pin(sleep(LONGEST_CONNECTION)), _slot: slot },
                        peer,
                    );
                }
                Err(error) => {
                    tracing::debug!("a connection to the metrics listener was not accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// A connection that fails after its deadline, and its slot.
struct Timed {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    _slot: OwnedSemaphorePermit,
}

impl Timed {
    fn expired(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.expired(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.expired(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
