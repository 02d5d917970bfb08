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
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::escape::escape_html;
use super::metrics::Metrics;
use super::process;
use crate::config::model::Page;
use crate::control::api::{ConnectorStatus, DaemonStatus};

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

/// Serves until `stop`. `view` is what the page shows, `page` how much of it, `ready` what /readyz answers.
pub async fn serve(
    listener: Listener,
    metrics: Metrics,
    view: Arc<dyn Fn() -> DaemonStatus + Send + Sync>,
    page: watch::Receiver<Page>,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) {
    let routes = routes(Shown { metrics, view, page, ready });
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
    metrics: Metrics,
    view: Arc<dyn Fn() -> DaemonStatus + Send + Sync>,
    page: watch::Receiver<Page>,
    ready: watch::Receiver<bool>,
}

fn routes(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(show_readiness))
        .route("/", get(show_page))
        .route("/style.css", get(show_style))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not found; there are /metrics, /livez and /readyz\n") })
        .with_state(shown)
        .layer(map_response(guard_headers))
}

/// One request per connection, nothing cached, nothing framed, no script.
async fn guard_headers(mut response: Response) -> Response {
    let policy =
        "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    let headers: [(HeaderName, &'static str); 6] = [
        (CONNECTION, "close"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn show_metrics(State(shown): State<Shown>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shown.metrics.text() + &process::text())
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

async fn show_page(State(shown): State<Shown>) -> Response {
    let page = *shown.page.borrow();
    match page {
        Page::Off => (StatusCode::NOT_FOUND, "the status page is off (metrics.page)\n").into_response(),
        Page::On | Page::Full => {
            let html = render_page(&(shown.view)(), page == Page::Full);
            ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
        }
    }
}

async fn show_style(State(shown): State<Shown>) -> Response {
    match *shown.page.borrow() {
        Page::Off => StatusCode::NOT_FOUND.into_response(),
        Page::On | Page::Full => ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response(),
    }
}

const STYLE: &str = "\
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
table { border-collapse: collapse }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
.number { text-align: right }
.held { color: #8a5a00 } .failing, .config_error { color: #b00020; font-weight: 600 } .running { color: #00529b }
pre { white-space: pre-wrap; margin: 0 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616 } th, td { border-color: #444 }
  .held { color: #e0a030 } .failing, .config_error { color: #ff6b6b } .running { color: #6bb5ff } a { color: #9cf } }
";

/// The page: connectors with state, runs and counts; in full with addresses and error texts, which hold names.
fn render_page(status: &DaemonStatus, full: bool) -> String {
    let mut html = String::with_capacity(4096);
    html.push_str(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>usersyncd</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"30\">\
         <link rel=\"stylesheet\" href=\"style.css\"></head><body>\n<h1>usersyncd</h1>\n",
    );
    let stopping = if status.stopping { ", <strong>stopping</strong>" } else { "" };
    push(
        &mut html,
        format_args!(
            "<p>version {}, running since {}{stopping} · <a href=\"metrics\">metrics</a></p>\n",
            escape_html(&status.version),
            moment(Some(status.started)),
        ),
    );
    if status.connectors.is_empty() {
        html.push_str("<p>No connectors: put a file NAME.yaml into the connectors directory.</p>\n");
    } else {
        html.push_str(
            "<table><thead><tr><th>connector</th><th>state</th><th>last run</th><th>last success</th><th>next run</th>\
             <th>users</th><th>groups</th><th>memberships</th></tr></thead><tbody>\n",
        );
        for connector in &status.connectors {
            push_connector(&mut html, connector, full);
        }
        html.push_str("</tbody></table>\n");
    }
    html.push_str("</body></html>\n");
    html
}

fn push_connector(html: &mut String, connector: &ConnectorStatus, full: bool) {
    let state = connector.state.as_str();
    let last = connector.last_run.as_ref().map_or_else(
        || "never".to_owned(),
        |run| match run.outcome {
            Some(outcome) => format!("{}, {}", moment(run.ended), outcome.as_str()),
            None => format!("{}, interrupted", moment(Some(run.started))),
        },
    );
    let success = connector.last_success.map_or_else(|| "never".to_owned(), |at| moment(Some(at)));
    let next = connector.next_run.map_or_else(|| "when asked".to_owned(), |at| moment(Some(at)));
    let managed = connector.managed;
    push(
        html,
        format_args!(
            "<tr><td>{}</td><td class=\"{state}\">{state}</td><td>{last}</td><td>{success}</td><td>{next}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n",
            escape_html(&connector.name),
            managed.users,
            managed.groups,
            managed.memberships,
        ),
    );
    if !full {
        return;
    }
    let addresses = [("source", &connector.source), ("target", &connector.target)];
    let run_error = connector.last_run.as_ref().and_then(|run| run.error.as_ref());
    let errors = [("last error", run_error), ("configuration", connector.config_error.as_ref())];
    let lines = addresses.map(|(what, text)| (what, text.as_ref())).into_iter().chain(errors);
    for (what, text) in lines.filter_map(|(what, text)| text.map(|text| (what, text))) {
        let text: Vec<String> = text.lines().map(escape_html).collect();
        push(
            html,
            format_args!(
                "<tr><td></td><td>{what}</td><td colspan=\"6\"><pre>{}</pre></td></tr>\n",
                text.join("\n")
            ),
        );
    }
}

fn moment(at: Option<chrono::DateTime<chrono::Utc>>) -> String {
    at.map_or_else(|| "–".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.push_str(&text.to_string());
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
