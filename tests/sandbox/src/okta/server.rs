//! The server: connections, requests taken apart, answers sent in the manner that was decided.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::admin;
use super::answer::{Answer, Manner};
use super::clock::http_date;
use super::oauth::Scheme;
use super::query::Query;
use super::route::Address;
use super::state::{Ask, Authorization, State};
use super::wire::{Flight, Reply, Socket};

/// The most that a request may send, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    in_flight: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), in_flight: Arc::default() }
    }

    /// The state. A panic elsewhere (in a test that failed) does not make it unreadable.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves connections until it is dropped, and they with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    shared.state().book.counts.connections += 1;
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without this, the last packet of each page waits for the client's acknowledgement.
    drop(stream.set_nodelay(true));
    let reset = Arc::new(AtomicBool::new(false));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&reset)));
    let service = service_fn(move |request| handle(request, Arc::clone(&shared), Arc::clone(&reset)));
    // How a connection ends is the client's affair, or that of a fault that was wanted.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(socket, service).await);
}

/// Ends a connection without an answer.
#[derive(Debug)]
struct Abort;

impl std::fmt::Display for Abort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the stand-in was told to end this connection")
    }
}

impl std::error::Error for Abort {}

async fn handle(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Reply>, Abort> {
    let is_admin = request.uri().path().starts_with("/sandbox/");
    if is_admin && shared.state().options.admin {
        return Ok(admin::handle(request, &shared).await);
    }
    let flight = Flight::begin(&shared.in_flight);
    let (head, body) = request.into_parts();
    let (answer, gzip) = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => decide(&head, Some(body.to_bytes()), &shared, flight.number),
        Err(problem) if problem.is::<LengthLimitError>() => decide(&head, None, &shared, flight.number),
        // The client has gone.
        Err(_) => return Err(Abort),
    };
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    match answer.manner {
        Manner::Reset => {
            reset.store(true, Ordering::Relaxed);
            Err(Abort)
        }
        Manner::Close => Err(Abort),
        Manner::Stall => std::future::pending().await,
        _ => {
            let date = shared.state().clock.milliseconds();
            Ok(respond(answer, gzip, date, flight))
        }
    }
}

/// The answer to a request, and whether it is to be compressed.
fn decide(head: &Parts, body: Option<Bytes>, shared: &Shared, in_flight: usize) -> (Answer, bool) {
    let (uri, headers) = (&head.uri, &head.headers);
    let mut state = shared.state();
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let ask = Ask {
        method: head.method.as_str().to_owned(),
        target: uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        path: uri.path().to_owned(),
        query: Query::parse(uri.query().unwrap_or_default()),
        address: Address::parse(uri.path()),
        authorization: authorization(headers, &state),
        proofs: headers.get_all("dpop").iter().map(text).collect(),
        content_type: headers.get("content-type").map(text).unwrap_or_default(),
        body,
        in_flight,
    };
    let answer = state.answer(&ask);
    let gzip = state.options.gzip && accepts_gzip(headers) && answer.manner == Manner::Whole;
    state.book.counts.compressed += u64::from(gzip);
    let answered = !matches!(answer.manner, Manner::Reset | Manner::Close | Manner::Stall);
    state.book.answered(request_line(&ask, headers), answered.then_some(answer.status));
    (answer, gzip)
}

/// Reads `Authorization: SSWS token` (one client writes no space there, and Okta takes it), and an access token after
/// `Bearer` or `DPoP`.
fn authorization(headers: &HeaderMap, state: &State) -> Authorization {
    let Some(value) = headers.get("authorization") else { return Authorization::Absent };
    let Ok(text) = value.to_str() else { return Authorization::Wrong };
    if let Some(token) = text.strip_prefix("SSWS").map(str::trim_start) {
        let mut known = std::iter::once(&state.options.token).chain(&state.options.more_tokens);
        return known.position(|known| known == token).map_or(Authorization::Wrong, Authorization::Token);
    }
    let (word, token) = text.split_once(' ').unwrap_or((text, ""));
    let scheme = match word.to_ascii_lowercase().as_str() {
        "bearer" => Scheme::Bearer,
        "dpop" => Scheme::Dpop,
        _ => return Authorization::Wrong,
    };
    let now = state.clock.milliseconds();
    state.authority.caller(scheme, token, now).map_or_else(Authorization::Refused, Authorization::App)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"))
}

/// A line for the log, without what proves who it is.
fn request_line(ask: &Ask, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let authorization = match ask.authorization {
        Authorization::Absent => "absent",
        Authorization::Wrong | Authorization::Refused(_) => "wrong",
        Authorization::Token(_) | Authorization::App(_) => "accepted",
    };
    // A form that went astray into the query would bear an assertion.
    let target = if ask.address == Address::Token { &ask.path } else { &ask.target };
    format!(
        "{} {} host={} authorization={authorization} user-agent={:?}",
        ask.method,
        target,
        text("host"),
        text("user-agent")
    )
}

fn respond(answer: Answer, gzip: bool, date: i64, flight: Flight) -> Response<Reply> {
    let mut response = Response::new(Reply::empty());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.reserve(answer.headers.len() + 4);
    put(headers, "date", &http_date(date));
    for (name, value) in &answer.headers {
        put(headers, name, value);
    }
    let mut body = answer.content.joined();
    if gzip && let Some(packed) = pack(&body) {
        body = packed;
        put(headers, "content-encoding", "gzip");
        put(headers, "vary", "Accept-Encoding");
    }
    if answer.manner == Manner::HalfJson {
        body.truncate((body.len() / 2).max(1));
    }
    if let Manner::Slow { .. } | Manner::CutBody = answer.manner {
        put(headers, "content-length", &body.len().to_string());
    }
    *response.body_mut() = Reply::new(body, &answer.manner, Some(flight));
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

/// Compresses fast rather than well, as servers do on the fly.
fn pack(body: &Bytes) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
