//! What all products over the network have in common: address, sign-in, and what to say when they refuse.
//!
//! A request comes back with whatever the product answered, except for 429 and server errors, which are tried again first
//! (`http`), and 401, after which nothing else can succeed either. A product's own module knows what a status means there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::said::said;
use super::{Capabilities, TargetError, WriteError};
use crate::config::model::{SecretRef, ServerSettings, SignIn};
use crate::config::read_authorities;
use crate::http::{Api, Call, Failure, FailureKind, Shared, host_and_port};
use crate::sync::progress::{RunControl, Side};

/// So many requests in a row that had to be given up mean that the product is down (RULES 30).
const MOST_GIVEN_UP: u32 = 3;

/// A product that is reached over the network.
#[derive(Debug)]
pub(super) struct Server {
    api: Api,
    base: Url,
    pub(super) product: &'static str,
    /// Where the secret is, in words.
    secret: String,
    given_up: AtomicU32,
    /// Cancelled with the run, or when it is known that no write can succeed any more.
    writing: OnceLock<CancellationToken>,
    /// Why none can.
    hopeless: OnceLock<Failed>,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<String>,
    pub(super) content_type: Option<&'static str>,
    /// What is asked for or done, as the subject of a sentence: `the list of users`, `user anna`.
    pub(super) what: &'a str,
    /// True if it must not be made again as long as it is not known whether it was carried out.
    pub(super) once: bool,
}

/// An answer that is neither 401, nor 429, nor a server error.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// An earlier try may have been carried out.
    pub(super) uncertain: bool,
}

/// Why there is no such answer.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    /// What happened, as a part of a sentence.
    pub(super) text: String,
    /// What to do about it.
    advice: &'static str,
    /// It may have been carried out all the same.
    pub(super) uncertain: bool,
    /// Nothing else can succeed either.
    pub(super) fatal: bool,
    /// The run was cancelled.
    pub(super) cancelled: bool,
    /// It was never sent.
    unsent: bool,
}

impl<'a> Ask<'a> {
    /// A GET.
    pub(super) fn get(url: Url, what: &'a str) -> Self {
        Self { method: Method::GET, url, body: None, content_type: None, what, once: false }
    }

    /// A request without a body that changes something; twice is once. It bears a type all the same: Atlassian's products
    /// take a request without one for a form that a browser was lured into sending (403, "XSRF check failed").
    pub(super) fn bare(method: Method, url: Url, what: &'a str) -> Self {
        Self { method, content_type: Some("application/json"), ..Self::get(url, what) }
    }

    /// A request with a JSON body; twice is once.
    pub(super) fn json(method: Method, url: Url, body: &Value, what: &'a str) -> Self {
        let body = Some(body.to_string());
        Self { method, body, content_type: Some("application/json"), ..Self::get(url, what) }
    }

    /// The same request, which is not made again as long as it is not known whether it was carried out.
    pub(super) fn once(self) -> Self {
        Self { once: true, ..self }
    }
}

impl Reply {
    /// The body as JSON; none if it is none.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Server {
    /// Reads the secret and makes the client. The error is a whole sentence.
    pub(super) fn connect(
        settings: &ServerSettings,
        shared: &Shared,
        capabilities: &Capabilities,
        accept: &'static str,
    ) -> Result<Self, TargetError> {
        let place = match &settings.sign_in {
            SignIn::Token(token) => token,
            SignIn::Password { password, .. } => password,
        };
        let authorization = authorization(settings, shared).map_err(TargetError::Unreadable)?;
        let label = settings.product.key();
        // Read anew for each run, so that a replaced file counts.
        let shared = match &settings.authorities {
            Some(file) => read_authorities(file).and_then(|authorities| shared.trusting(&authorities)),
            None => Ok(shared.clone()),
        };
        let shared = shared.map_err(TargetError::Unreadable)?;
        let api = shared.api_in_lanes(label, &settings.url, authorization, capabilities.pace.at_once);
        Ok(Self {
            api: api.accepting(accept),
            base: settings.url.clone(),
            product: capabilities.product,
            secret: place_of(place),
            given_up: AtomicU32::new(0),
            writing: OnceLock::new(),
            hopeless: OnceLock::new(),
        })
    }

    /// The address of a path below the product's own, with a query; everything is encoded here.
    pub(super) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        // It stays as it is by the rules of addresses, but servers of Java take it for the begin of a parameter: without
        // this, `a;b` would be `a`.
        if segments.iter().any(|segment| segment.contains(';')) {
            let path = url.path().replace(';', "%3B");
            url.set_path(&path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The product and where it is, for sentences.
    pub(super) fn place(&self) -> String {
        format!("{} at {}", self.product, host_and_port(&self.base))
    }

    /// Makes a request.
    pub(super) async fn ask(&self, ask: Ask<'_>, control: &RunControl) -> Result<Reply, Failed> {
        let mut body = Vec::new();
        let read = |answer: &crate::http::Answer, body: &[u8]| {
            Ok(Reply {
                status: answer.status,
                headers: answer.headers.clone(),
                body: body.to_vec(),
                uncertain: answer.uncertain,
            })
        };
        let stop = self.stop(&ask, control);
        let reply = self.api.ask(self.call(&ask, stop), &control.progress, &mut body, read).await;
        self.heard(reply, &ask, stop, control)
    }

    /// What ends waiting for a turn. Writes that wait when another one learns that none can succeed are not sent: accounts
    /// are locked after so many refusals.
    fn stop<'c>(&'c self, ask: &Ask<'_>, control: &'c RunControl) -> &'c CancellationToken {
        match ask.method {
            Method::GET => &control.cancel,
            _ => self.writing.get_or_init(|| control.cancel.child_token()),
        }
    }

    /// Makes a GET request and reads the answer if it is good; an answer that cannot be read is asked for again.
    pub(super) async fn read<T>(
        &self,
        ask: Ask<'_>,
        control: &RunControl,
        mut read: impl FnMut(&[u8]) -> Result<T, String>,
    ) -> Result<Result<T, Reply>, Failed> {
        let mut body = Vec::new();
        let mut value = None;
        let reply = self
            .api
            .ask(self.call(&ask, &control.cancel), &control.progress, &mut body, |answer, body| {
                let body = if answer.status.is_success() {
                    value = Some(read(body)?);
                    Vec::new()
                } else {
                    body.to_vec()
                };
                let (status, headers) = (answer.status, answer.headers.clone());
                Ok(Reply { status, headers, body, uncertain: answer.uncertain })
            })
            .await;
        let reply = self.heard(reply, &ask, &control.cancel, control)?;
        Ok(value.ok_or(reply))
    }

    /// The same for what must be readable: any refusal is the end of reading.
    pub(super) async fn must_read<T>(
        &self,
        ask: Ask<'_>,
        control: &RunControl,
        read: impl FnMut(&[u8]) -> Result<T, String>,
    ) -> Result<T, TargetError> {
        let what = ask.what.to_owned();
        match self.read(ask, control, read).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(reply)) => Err(self.unreadable(&what, &reply)),
            Err(failed) => Err(self.unread(&what, failed)),
        }
    }

    fn call<'c>(&self, ask: &'c Ask<'_>, stop: &'c CancellationToken) -> Call<'c> {
        Call {
            method: &ask.method,
            bucket: "target",
            url: &ask.url,
            body: ask.body.as_deref(),
            content_type: ask.content_type,
            smaller: None,
            once: ask.once,
            stop,
            explain: said,
        }
    }

    fn heard(
        &self,
        reply: Result<Reply, Failure>,
        ask: &Ask<'_>,
        stop: &CancellationToken,
        control: &RunControl,
    ) -> Result<Reply, Failed> {
        if reply.as_ref().is_ok_and(|reply| reply.status == StatusCode::UNAUTHORIZED) {
            control.progress.refused(Side::Target);
        }
        let writes = ask.method != Method::GET;
        if let (true, Err(failure), Some(why)) = (writes, &reply, self.hopeless.get())
            && failure.kind == FailureKind::Stopped
        {
            let uncertain = failure.uncertain;
            return Err(Failed { uncertain, unsent: !uncertain, ..why.clone() });
        }
        let answer = self.understood(reply, ask);
        if let Err(failed) = &answer
            && writes
            && failed.fatal
        {
            drop(self.hopeless.set(failed.clone()));
            stop.cancel();
        }
        answer
    }

    fn understood(&self, reply: Result<Reply, Failure>, ask: &Ask<'_>) -> Result<Reply, Failed> {
        let failed = match reply {
            Ok(reply) if reply.status == StatusCode::UNAUTHORIZED => {
                let text = format!("{} with 401{}", self.refused_secret(), in_words(&reply.body));
                let advice =
                    "Check the name, the token or password, and whether the account may still sign in";
                return Err(Failed {
                    text,
                    advice,
                    uncertain: false,
                    fatal: true,
                    cancelled: false,
                    unsent: false,
                });
            }
            Ok(reply) => {
                self.given_up.store(0, Ordering::Relaxed);
                return Ok(reply);
            }
            Err(failure) => failure,
        };
        if failed.kind != FailureKind::Stopped {
            tracing::warn!(why = failed.text, "{} was given up", ask.what);
        }
        let cancelled = failed.kind == FailureKind::Stopped;
        let in_a_row =
            if cancelled || ask.once { 0 } else { self.given_up.fetch_add(1, Ordering::Relaxed) + 1 };
        let hopeless = matches!(failed.kind, FailureKind::Name | FailureKind::Trust | FailureKind::NoTls);
        Err(Failed {
            text: failed.text,
            advice: advice(failed.kind),
            uncertain: failed.uncertain,
            fatal: hopeless || in_a_row >= MOST_GIVEN_UP,
            cancelled,
            unsent: cancelled && !failed.uncertain,
        })
    }

    fn refused_secret(&self) -> String {
        format!("{} refused what is in {}", self.place(), self.secret)
    }

    /// Why reading ended: no answer.
    pub(super) fn unread(&self, what: &str, failed: Failed) -> TargetError {
        if failed.cancelled {
            return TargetError::Cancelled;
        }
        let Failed { text, advice, .. } = failed;
        TargetError::Unreadable(format!(
            "{what} could not be read from {}: {text}; nothing was changed. {advice}",
            self.place()
        ))
    }

    /// Why reading ended: a refusal.
    pub(super) fn unreadable(&self, what: &str, reply: &Reply) -> TargetError {
        let advice = match reply.status.as_u16() {
            403 => {
                "Give the account the rights that /usr/share/doc/usersyncd/targets.md names, and check the product's lists of allowed addresses"
            }
            404 => {
                "Check the address in the connector's file: a path may be missing, such as /crowd or /jira"
            }
            301..=399 => {
                "The product sends elsewhere: write the address at its end into the connector's file"
            }
            _ => {
                "Check the address in the connector's file, and what stands between this host and the product"
            }
        };
        TargetError::Unreadable(format!(
            "{} does not let {what} be read: {}{}; nothing was changed. {advice}",
            self.place(),
            reply.status,
            in_words(&reply.body)
        ))
    }

    /// Reading ended although the product answered: what it said cannot be the whole truth.
    pub(super) fn incomplete(&self, what: &str, why: &str) -> TargetError {
        TargetError::Unreadable(format!(
            "{what} of {} could not be read to the end: {why}; nothing was changed. If it happens again, report it with the \
             product's version",
            self.place()
        ))
    }

    /// Why something was not done: no answer. `what` is like `user anna was not created`.
    pub(super) fn unwritten(&self, what: &str, failed: Failed) -> WriteError {
        let Failed { text, advice, uncertain, fatal, cancelled, unsent } = failed;
        let message = if cancelled {
            format!("{what}: the run was cancelled")
        } else if uncertain {
            format!("{what}, as far as is known: {text}; the next run looks for what became of it. {advice}")
        } else {
            format!("{what}: {text}. {advice}")
        };
        WriteError { message, fatal, uncertain, unsent }
    }

    /// Why something was not done: a refusal.
    pub(super) fn refused(&self, what: &str, reply: &Reply) -> WriteError {
        let words = in_words(&reply.body);
        let licence = words.to_lowercase().contains("licen");
        let advice = match reply.status.as_u16() {
            402 => ". No seat of the licence is free: free one or buy more, and the next run goes on",
            403 if licence => {
                ". No seat of the licence is free: free one or buy more, and the next run goes on"
            }
            403 => {
                ". The account that the daemon signs in with may not do this (/usr/share/doc/usersyncd/targets.md names the rights)"
            }
            404 => ". It is no longer there; the next run sees what is",
            409 => ". Something of that name is there already; the next run says whose it is",
            _ => "",
        };
        WriteError::refused(format!("{what}: {} answered {}{words}{advice}", self.place(), reply.status))
    }
}

/// What a body says, in parentheses.
fn in_words(body: &[u8]) -> String {
    said(body).map(|text| format!(" ({text})")).unwrap_or_default()
}

fn advice(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Name => "Check the address in the connector's file, and this host's name resolution",
        FailureKind::Trust => {
            "Name the certificate authority of the product, or of the proxy before it, as `tls: { ca: FILE }` in the connector's \
             file, or add it to those of this host"
        }
        FailureKind::NoTls => "Check scheme, host and port in the connector's file",
        FailureKind::NoAnswer => {
            "Check that the product runs and can be reached from this host; the next run tries again"
        }
        FailureKind::Server(429) | FailureKind::TooManyAtOnce => {
            "The product limits how much it is asked: exempt the daemon's account from rate limiting; the next run tries again"
        }
        FailureKind::Server(503) => "It may be starting, or being upgraded; the next run tries again",
        FailureKind::Server(_) => "Its own log says more; the next run tries again",
        FailureKind::WrongAnswer => {
            "Something that is not the product answers: check the address in the connector's file, and the proxy settings"
        }
        FailureKind::Refused | FailureKind::Stopped => "The next run goes on",
    }
}

/// Where a secret is, in words; never what it is.
fn place_of(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Credential(name) => format!("the credential `{name}`"),
        SecretRef::File(path) => format!("the file {}", path.display()),
        SecretRef::Environment(name) => format!("the environment variable {name}"),
    }
}

/// The header of every request.
fn authorization(settings: &ServerSettings, shared: &Shared) -> Result<HeaderValue, String> {
    match &settings.sign_in {
        SignIn::Token(token) => {
            let token = token.read()?;
            // Owned by the header from the start: no copy is left behind.
            HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                .map_err(|_| "the token holds characters that no token has; nothing was changed".to_owned())
        }
        SignIn::Password { user, password } => {
            let password = password.read()?;
            let request = shared.plain(&settings.url).get(settings.url.clone());
            let request = request.basic_auth(user, Some(password.expose_secret())).build();
            let header = request.ok().and_then(|request| request.headers().get(AUTHORIZATION).cloned());
            header
                .ok_or_else(|| "name and password cannot be sent as they are; nothing was changed".to_owned())
        }
    }
}
