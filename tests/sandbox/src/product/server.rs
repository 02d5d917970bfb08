//! The server: connections, requests taken apart, faults, answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::fault::FaultKind;
use super::request::decode;
use super::{Product, Reply, Request, Shared, State};
use crate::okta::wire::Socket;

/// Serves connections until it is dropped, and they with it.
pub(super) async fn serve<P: Product>(listener: TcpListener, shared: Arc<Shared<P>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<P: Product>(stream: TcpStream, shared: Arc<Shared<P>>) {
    drop(stream.set_nodelay(true));
    let reset = Arc::new(AtomicBool::new(false));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&reset)));
    let service = service_fn(move |request| handle(request, Arc::clone(&shared), Arc::clone(&reset)));
    // How a connection ends is the client's affair, or that of a fault that was wanted.
    drop(hyper::server::conn::http1::Builder::new().serve_connection(socket, service).await);
}

/// What became of a request.
enum Outcome {
    Answered(Reply, Duration),
    Reset,
    Stalled,
}

async fn handle<P: Product>(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared<P>>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let request = taken_apart(request).await.map_err(std::io::Error::other)?;
    if let Some(reply) = for_programs(&request, &shared) {
        return Ok(respond(reply));
    }
    let changes = request.method != "GET";
    let (operation, waiting) = {
        let mut state = shared.state();
        let operation = state.product.operation(&request);
        let line = format!("{} {}", request.method, target(&request));
        state.book.begin((operation, changes), line, Instant::now());
        (operation, state.gathering.as_mut().and_then(|gathering| gathering.arrive(operation)))
    };
    let mut flight = Flight { shared: &shared, operation: (operation, changes), status: None };
    if let Some(waiting) = waiting {
        waiting.over().await;
    }
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let outcome = carry_out(&mut shared.state(), operation, &request);
    match outcome {
        Outcome::Answered(reply, delay) => {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            flight.status = Some(reply.status);
            drop(flight);
            Ok(respond(reply))
        }
        Outcome::Reset => {
            reset.store(true, Ordering::Relaxed);
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
        Outcome::Stalled => std::future::pending().await,
    }
}

/// What the stand-in itself is asked from outside: `GET /sandbox/book`, and `POST /sandbox/forget` to begin a new one.
fn for_programs<P: Product>(request: &Request, shared: &Shared<P>) -> Option<Reply> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/sandbox/book") => Some(Reply::json(200, &shared.state().book.document())),
        ("POST", "/sandbox/forget") => {
            shared.state().book.forget();
            Some(Reply::json(200, &serde_json::json!({})))
        }
        _ => None,
    }
}

/// A request under way: it is over when it was answered, or when the client went away.
struct Flight<'a, P> {
    shared: &'a Shared<P>,
    operation: (&'static str, bool),
    status: Option<u16>,
}

impl<P> Drop for Flight<'_, P> {
    fn drop(&mut self) {
        self.shared.state().book.end(self.operation, self.status, Instant::now());
    }
}

fn carry_out<P: Product>(state: &mut State<P>, operation: &str, request: &Request) -> Outcome {
    let fault = state.faults.meet(operation, request);
    let refusal = |reply| Outcome::Answered(reply, Duration::ZERO);
    match fault {
        Some(FaultKind::Status(status)) => return refusal(state.product.refusal(status)),
        Some(FaultKind::TooManyRequests(wait)) => {
            let reply = state.product.refusal(429);
            return refusal(match wait {
                Some(wait) => reply.header("retry-after", &wait),
                None => reply,
            });
        }
        Some(FaultKind::Maintenance) => return refusal(Reply::html(503, "Down for maintenance")),
        Some(FaultKind::Answer(reply)) => return refusal(reply),
        Some(FaultKind::Reset) => return Outcome::Reset,
        _ => {}
    }
    let State { product, world, .. } = state;
    let reply = match product.admit(request) {
        Ok(()) => product.answer(request, world),
        Err(refusal) => refusal,
    };
    match fault {
        Some(FaultKind::StatusAfterwards(status)) => {
            Outcome::Answered(state.product.refusal(status), Duration::ZERO)
        }
        Some(FaultKind::LostAnswer) => Outcome::Reset,
        Some(FaultKind::Delay(delay)) => Outcome::Answered(reply, delay),
        Some(FaultKind::Stall) => Outcome::Stalled,
        Some(FaultKind::HalfBody) => {
            let body = reply.body.slice(..reply.body.len() / 2);
            Outcome::Answered(Reply { body, ..reply }, Duration::ZERO)
        }
        _ => Outcome::Answered(reply, Duration::ZERO),
    }
}

async fn taken_apart(request: hyper::Request<Incoming>) -> Result<Request, hyper::Error> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let segments = path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect();
    let query = head.uri.query().unwrap_or_default();
    let query = query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name, true), decode(value, true))
    });
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Ok(Request {
        method: head.method.as_str().to_owned(),
        segments,
        query: query.collect(),
        headers: headers.collect(),
        path,
        body: body.collect().await?.to_bytes(),
    })
}

fn target(request: &Request) -> String {
    let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { request.path.clone() } else { format!("{}?{}", request.path, query.join("&")) }
}

fn respond(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
