//! A client of one remote API: every request with its turn, its retries and its traces.
//!
//! Requests that change something are tried again as well: whoever makes them makes them so that twice is once, and
//! [`Answer::uncertain`] says whether an earlier try may have been carried out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::credentials::{Credentials, Renewal, Signed};
use super::exchange::{Request, read_body};
use super::lanes::{Lane, Lanes};
use super::limiter::{Limiter, Permit};
use super::origin::host_and_port;
use super::rate::{Claim, Client, Heard};
use super::redact::hide;
use super::retry::{Decision, Problem, decide};
use super::trouble::{Trouble, TroubleKind};
use super::{Shared, headers};
use crate::sync::progress::Progress;

/// A client of the API at one origin.
#[derive(Clone)]
pub struct Api {
    shared: Shared,
    turns: Turns,
    label: &'static str,
    origin: Url,
    credentials: Arc<dyn Credentials>,
    accept: HeaderValue,
}

/// How turns are taken.
#[derive(Clone, Debug)]
pub(super) enum Turns {
    /// By the windows that the server shows, of which so many hundredths may be used, and which this client shares fairly
    /// with others.
    Windows(Arc<Limiter>, u8, Client),
    /// So many at once.
    Lanes(Arc<Lanes>),
}

/// The right to have one request under way.
enum Pass {
    Window(Permit),
    Lane(Lane),
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("label", &self.label)
            .field("origin", &self.origin.as_str())
            .finish_non_exhaustive()
    }
}

/// A request to be made.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is to be done.
    pub method: &'a Method,
    /// The rate-limit bucket that the server counts it in.
    pub bucket: &'static str,
    /// Where; scheme, host and port are replaced by those of the [`Api`].
    pub url: &'a Url,
    /// What is sent along; none: nothing.
    pub body: Option<&'a str>,
    /// A `Content-Type` to send: that of the body, or options for servers that read them from it.
    pub content_type: Option<&'static str>,
    /// A request for less of the same, tried from the second 500 or 504 on: lists that are too much for the server end so.
    pub smaller: Option<fn(&Url) -> Option<Url>>,
    /// True if the request must not be made again as long as it is not known whether it was carried out.
    pub once: bool,
    /// Once cancelled, nothing is sent any more, neither for the first time nor again; what is under way is still read.
    pub stop: &'a CancellationToken,
    /// Reads an error body of that API into a part of a sentence.
    pub explain: fn(&[u8]) -> Option<String>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status; never 429 and never 500 or above, which are retried and then are a [`Failure`]; where no windows of rate
    /// limits are shown, 501 is an answer.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Where the answer came from: the call's address, or a smaller one.
    pub url: Url,
    /// True if an earlier try of the same request brought no answer, or a server error: it may have been carried out.
    pub uncertain: bool,
}

impl Answer {
    /// What the server's clock showed, if it says so.
    #[must_use]
    pub fn date(&self) -> Option<DateTime<Utc>> {
        headers::date(&self.headers)
    }
}

/// A request that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of thing went wrong at last.
    pub kind: FailureKind,
    /// What went wrong and how often it was tried, as the end of a sentence.
    pub text: String,
    /// True if it may have been carried out all the same.
    pub uncertain: bool,
}

/// Why a request was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The name of the host is unknown.
    Name,
    /// The TLS certificate is not accepted.
    Trust,
    /// The server does not speak TLS.
    NoTls,
    /// No connection, no complete answer, or none in time.
    NoAnswer,
    /// The server answered that too many requests were running at once: a 429 of its own kind.
    TooManyAtOnce,
    /// The server answered that it cannot: 429 or 5xx.
    Server(u16),
    /// A complete answer that is not what was asked for.
    WrongAnswer,
    /// There is nothing to sign with, since whoever gives it out refused: the text is a whole sentence.
    Refused,
    /// The caller wanted nothing more to be sent ([`Call::stop`]).
    Stopped,
}

/// How one try ended when it brought no usable answer.
struct Setback {
    problem: Problem,
    kind: FailureKind,
    text: String,
    /// The server may have done what it was asked for.
    uncertain: bool,
}

impl Api {
    pub(super) fn new(
        shared: Shared,
        label: &'static str,
        origin: &Url,
        credentials: Arc<dyn Credentials>,
        turns: Turns,
    ) -> Self {
        let accept = HeaderValue::from_static("application/json");
        Self { shared, turns, label, origin: origin.clone(), credentials, accept }
    }

    /// The same client, which asks for answers of another type.
    #[must_use]
    pub fn accepting(self, accept: &'static str) -> Self {
        Self { accept: HeaderValue::from_static(accept), ..self }
    }

    /// The origin that all requests go to.
    #[must_use]
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// Makes a request, as often as patience and rate limits allow. `read` gets each answer that is neither a 429 nor a
    /// server error with its body, which stands in `body`; what it does not understand it returns as a part of a sentence,
    /// and the request is made again. A refusal after which other credentials may do is answered with these first.
    pub async fn ask<T>(
        &self,
        call: Call<'_>,
        progress: &Progress,
        body: &mut Vec<u8>,
        mut read: impl FnMut(&Answer, &[u8]) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let patience = self.shared.inner.patience;
        let mut url = self.pinned(call.url);
        let (mut tries, mut wrong, mut too_much) = (0, 0, 0);
        let (mut spent, mut kept_waiting) = (Duration::ZERO, Duration::ZERO);
        let (mut uncertain, mut renewed) = (false, Renewed::default());
        loop {
            tries += 1;
            let ready = unless_stopped(&call, uncertain, self.credentials.prepare(progress)).await?;
            ready.map_err(|failure| failure.of(uncertain))?;
            let pass = unless_stopped(&call, uncertain, self.pass(call.bucket, progress)).await?;
            progress.request_sent();
            let began = Instant::now();
            let time = patience.total.saturating_sub(spent).max(Duration::from_secs(1));
            let signed = self.credentials.sign(call.method, &url).map_err(|failure| failure.of(uncertain))?;
            let result = self.exchange(&call, &url, time, (pass, &signed), body).await;
            spent += began.elapsed();
            if let Ok(answer) = &result
                && matches!(
                    answer.status,
                    StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                )
                && let Some(renewal) = self.credentials.refused(signed.stamp, answer, body)
                && renewed.for_the_first_time(renewal)
            {
                // Nothing was done, and what was wrong is not what was asked for: the same again is no further try.
                tries -= 1;
                tracing::debug!(path = url.path(), status = %answer.status, ?renewal, "will be signed anew");
                continue;
            }
            let setback = match result.map(|answer| Answer { uncertain, ..answer }) {
                Ok(answer) => match read(&answer, body) {
                    Ok(value) => return Ok(value),
                    Err(text) => {
                        wrong += 1;
                        let problem = Problem::WrongBody;
                        Setback { problem, kind: FailureKind::WrongAnswer, text, uncertain: true }
                    }
                },
                Err(setback) => setback,
            };
            uncertain |= setback.uncertain;
            if let Problem::Quiet(wait) = setback.problem
                && kept_waiting + wait <= patience.quiet
            {
                // The turn to send waits until the server's time is over; like a window, it costs no patience.
                kept_waiting += wait;
                tries -= 1;
                continue;
            }
            if call.once && uncertain {
                return Err(setback.given_up(tries, spent, true));
            }
            match decide(&patience, tries, wrong, spent, setback.problem, fastrand::f64()) {
                Decision::GiveUp => return Err(setback.given_up(tries, spent, uncertain)),
                Decision::After(pause) => {
                    tracing::debug!(path = url.path(), tries, pause = ?pause, why = setback.text, "will try again");
                    unless_stopped(&call, uncertain, tokio::time::sleep(pause)).await?;
                    spent += pause;
                }
            }
            if matches!(setback.kind, FailureKind::Server(500 | 504)) {
                too_much += 1;
                if too_much > 1
                    && let Some(smaller) = call.smaller.and_then(|smaller| smaller(&url))
                {
                    url = smaller;
                }
            }
        }
    }

    async fn pass(&self, bucket: &'static str, progress: &Progress) -> Pass {
        match &self.turns {
            Turns::Windows(limiter, budget, client) => {
                let claim = Claim { bucket, budget: *budget, client: *client };
                Pass::Window(limiter.admit(claim, progress).await)
            }
            Turns::Lanes(lanes) => Pass::Lane(lanes.admit(bucket, progress).await),
        }
    }

    /// One try: sends, tells the limiter what the headers say, reads the body, counts and traces.
    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &Url,
        time: Duration,
        (pass, signed): (Pass, &Signed),
        body: &mut Vec<u8>,
    ) -> Result<Answer, Setback> {
        body.clear();
        let began = Instant::now();
        let client = self.shared.pool.client(&self.origin);
        let request = Request {
            client,
            method: call.method,
            url,
            signed,
            accept: &self.accept,
            content_type: call.content_type,
            body: call.body,
            time,
        };
        let mut status = None;
        let result = async {
            let mut response = request.send().await?;
            status = Some(response.status());
            let headers = std::mem::take(response.headers_mut());
            self.credentials.hear(&headers);
            match &pass {
                Pass::Window(permit) => {
                    let heard = headers::rate_limits(response.status(), &headers);
                    permit.hear(heard);
                    self.note(call.bucket, response.status(), heard);
                }
                Pass::Lane(lane) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                    if let Some(wait) = headers::retry_after(&headers) {
                        lane.quiet_for(wait.min(self.shared.inner.patience.quiet));
                    }
                }
                Pass::Lane(_) => {}
            }
            let status = response.status();
            read_body(response, body).await?;
            hide(signed, status, body);
            Ok(Answer { status, headers, url: url.clone(), uncertain: false })
        }
        .await;
        drop(pass);
        let code = status.map(|status| status.as_u16());
        self.shared.inner.metrics.http_request(self.label, code, began.elapsed());
        let request_id = result.as_ref().ok().and_then(|answer| answer.headers.get("x-okta-request-id"));
        tracing::debug!(
            host = host_and_port(&self.origin),
            path = url.path(),
            status = code,
            bytes = body.len(),
            took = ?began.elapsed(),
            request_id = ?request_id,
            "{}", call.method
        );
        match result {
            Ok(answer) => {
                let setback = match self.turns {
                    Turns::Windows(..) => Setback::of_status(&answer, body, call.explain),
                    Turns::Lanes(_) => Setback::of_status_in_lanes(&answer, body, call.explain),
                };
                setback.map_or(Ok(answer), Err)
            }
            Err(trouble) => Err(Setback::of_trouble(trouble)),
        }
    }

    fn note(&self, bucket: &'static str, status: StatusCode, heard: Heard) {
        let host = self.origin.host_str().unwrap_or_default();
        if let Heard::Window(reading) = heard {
            self.shared.inner.metrics.rate_limit_remaining(host, bucket, reading.remaining);
        }
        if status != StatusCode::TOO_MANY_REQUESTS {
            return;
        }
        let host = host_and_port(&self.origin);
        match heard {
            Heard::Window(reading) => tracing::warn!(
                host,
                bucket,
                limit = reading.limit,
                "429: a rate limit of the org is used up. This daemon keeps to its budget: find out which other client \
                 uses the rest, and if there is none, report this as a bug"
            ),
            Heard::TooManyAtOnce => {
                tracing::warn!(
                    host,
                    bucket,
                    "429: too many requests at the same time in this org; fewer will run side by side from now on"
                );
            }
            Heard::NoLimits | Heard::Nothing => {
                tracing::warn!(host, bucket, "429 without rate-limit headers")
            }
        }
    }

    /// The same path and query at the origin, so that no mistake of a caller takes the token elsewhere.
    fn pinned(&self, url: &Url) -> Url {
        super::pin(&self.origin, &self.origin, url.as_str()).unwrap_or_else(|| self.origin.clone())
    }
}

/// What a request was sent again with already: each helps once or not at all.
#[derive(Default)]
struct Renewed {
    nonce: bool,
    token: bool,
}

impl Renewed {
    fn for_the_first_time(&mut self, renewal: Renewal) -> bool {
        let before = match renewal {
            Renewal::Nonce => &mut self.nonce,
            Renewal::Token => &mut self.token,
        };
        !std::mem::replace(before, true)
    }
}

impl Failure {
    /// The failure of a request that may have been carried out before.
    fn of(self, uncertain: bool) -> Self {
        Self { uncertain, ..self }
    }
}

/// Waits, unless the call is stopped, be it at the very moment at which the wait ends.
async fn unless_stopped<T>(
    call: &Call<'_>,
    uncertain: bool,
    wait: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = call.stop.cancelled() => {
            let text = "nothing more was to be sent".to_owned();
            Err(Failure { kind: FailureKind::Stopped, text, uncertain })
        }
        done = wait => Ok(done),
    }
}

/// What a 429 or a server error says, as a part of a sentence; none for any other status.
fn refused(status: StatusCode, body: &[u8], explain: fn(&[u8]) -> Option<String>) -> Option<String> {
    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
        return None;
    }
    let explanation = explain(body).map(|text| format!(" ({text})")).unwrap_or_default();
    Some(format!("the server answered {status}{explanation}"))
}

impl Setback {
    /// None for an answer that is to be read by the caller.
    fn of_status(answer: &Answer, body: &[u8], explain: fn(&[u8]) -> Option<String>) -> Option<Self> {
        let status = answer.status;
        let answered = refused(status, body, explain)?;
        let problem = match headers::rate_limits(status, &answer.headers) {
            Heard::Window(_) if status == StatusCode::TOO_MANY_REQUESTS => Problem::WindowUsedUp,
            Heard::TooManyAtOnce => {
                let text = format!("too many requests at the same time in this org: {answered}");
                return Some(Self {
                    problem: Problem::TooManyAtOnce,
                    kind: FailureKind::TooManyAtOnce,
                    text,
                    uncertain: false,
                });
            }
            _ => Problem::Busy(headers::retry_after(&answer.headers)),
        };
        let uncertain = status != StatusCode::TOO_MANY_REQUESTS;
        Some(Self { problem, kind: FailureKind::Server(status.as_u16()), text: answered, uncertain })
    }

    /// The same where no windows are shown: a 429 with a time is a wish for silence.
    fn of_status_in_lanes(
        answer: &Answer,
        body: &[u8],
        explain: fn(&[u8]) -> Option<String>,
    ) -> Option<Self> {
        let status = answer.status;
        // What a product never learnt it does not do at the next try either: the caller knows another way.
        let text = refused(status, body, explain).filter(|_| status != StatusCode::NOT_IMPLEMENTED)?;
        let wait = headers::retry_after(&answer.headers);
        let problem = match wait {
            Some(wait) if status == StatusCode::TOO_MANY_REQUESTS => Problem::Quiet(wait),
            wait => Problem::Busy(wait),
        };
        let uncertain = status != StatusCode::TOO_MANY_REQUESTS;
        Some(Self { problem, kind: FailureKind::Server(status.as_u16()), text, uncertain })
    }

    fn of_trouble(trouble: Trouble) -> Self {
        let (problem, kind) = match trouble.kind {
            TroubleKind::Name => (Problem::NoAnswer, FailureKind::Name),
            TroubleKind::Trust => (Problem::Hopeless, FailureKind::Trust),
            TroubleKind::NoTls => (Problem::Hopeless, FailureKind::NoTls),
            TroubleKind::TooLarge => (Problem::Hopeless, FailureKind::WrongAnswer),
            TroubleKind::Connection | TroubleKind::Time | TroubleKind::Cut | TroubleKind::Other => {
                (Problem::NoAnswer, FailureKind::NoAnswer)
            }
        };
        // What never reached the server was not done.
        let uncertain = kind == FailureKind::NoAnswer && trouble.kind != TroubleKind::Connection;
        Self { problem, kind, text: trouble.text, uncertain }
    }

    fn given_up(self, tries: u32, spent: Duration, uncertain: bool) -> Failure {
        let text = match tries {
            0 | 1 => self.text,
            _ => format!("{} (given up after {tries} tries in {} s)", self.text, spent.as_secs_f32().round()),
        };
        Failure { kind: self.kind, text, uncertain }
    }
}

#[cfg(test)]
mod credentials_tests;
#[cfg(test)]
mod tests;
