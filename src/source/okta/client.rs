//! GET requests to Okta's Management API: buckets, refusals, patience for a whole run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::parse::{self, OktaError};
use super::principal::Principal;
use super::refusal::{self, Forbidden};
use super::sign_in::Doubt;
use super::skinny::{self, Skinny};
use crate::http::{Answer, Api, Call, Failure, FailureKind, host_and_port};
use crate::source::SourceError;
use crate::sync::progress::{Progress, Side};

/// A run that had to give up so many requests stops reading (RULES 30).
const MOST_GIVEN_UP: u32 = 3;

/// The rate-limit buckets that Okta counts these requests in (Okta developer docs, "Rate limits").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    /// `/api/v1/users`, and the groups and roles of any user.
    Users,
    /// `/api/v1/users/{id}`.
    User,
    /// `/api/v1/groups` and the members of any group.
    Groups,
    /// `/api/v1/groups/{id}`.
    Group,
    /// The users and groups of any application, listed or one by one: the tightest limit of all.
    Apps,
    /// `/oauth2/v1/clients`.
    Clients,
    /// `/api/v1/logs`.
    Logs,
    /// Everything else under `/api/v1`.
    Other,
}

impl Bucket {
    fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::User => "user",
            Self::Groups => "groups",
            Self::Group => "group",
            Self::Apps => "apps",
            Self::Clients => "clients",
            Self::Logs => "logs",
            Self::Other => "other",
        }
    }
}

/// One thing to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) bucket: Bucket,
    pub(super) url: &'a Url,
    /// What it is, as the subject of a sentence: `the user list`.
    pub(super) what: &'a str,
    /// A `Content-Type` with Okta's options.
    pub(super) options: Option<&'static str>,
    /// How to ask for less.
    pub(super) smaller: Option<fn(&Url) -> Option<Url>>,
}

/// Why something was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The run cannot go on: refused credentials or rights.
    Fatal(SourceError),
    /// Okta says that it does not exist: 404 in Okta's own form.
    Missing,
    /// Okta says that it has no such path (404): a question that this org does not answer.
    NoPath(OktaError),
    /// 403 in answer to a question about a single record or the org.
    Forbidden(Forbidden),
    /// Okta does not understand the question: 400 in Okta's own form.
    BadRequest(OktaError),
    /// Any other answer that was not expected; a part of a sentence.
    Strange(String),
    /// Given up.
    GivenUp(Failure),
    /// Not asked for, or not again, because the run had given up too much before.
    Stopped,
}

impl Unread {
    /// Why, as the end of a sentence.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Fatal(error) => error.to_string(),
            Self::Missing => "Okta answered that it does not exist (404)".to_owned(),
            Self::NoPath(error) => format!("Okta answered 404 ({})", error.line()),
            Self::Forbidden(forbidden) => {
                format!("Okta does not let {} read it: 403{}", forbidden.whose, forbidden.in_parentheses())
            }
            Self::BadRequest(error) => format!("the answer is 400 Bad Request ({})", error.line()),
            Self::Strange(text) => text.clone(),
            Self::GivenUp(failure) => failure.text.clone(),
            Self::Stopped => {
                format!("reading stopped after {MOST_GIVEN_UP} requests that had to be given up")
            }
        }
    }
}

/// What a run reads with.
#[derive(Debug)]
pub(super) struct Client {
    api: Api,
    principal: Principal,
    pub(super) progress: Progress,
    pub(super) skinny: Skinny,
    given_up: AtomicU32,
    /// Cancelled when so much was given up that nothing more is asked for.
    stop: CancellationToken,
    /// What the org's clock showed in the last answer.
    server_time: Mutex<Option<DateTime<Utc>>>,
    /// Memory for bodies, one for each request that is under way.
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Client {
    pub(super) fn new(api: Api, principal: Principal, progress: Progress, skinny: Skinny) -> Self {
        let (given_up, stop) = (AtomicU32::new(0), CancellationToken::new());
        Self {
            api,
            principal,
            progress,
            skinny,
            given_up,
            stop,
            server_time: Mutex::default(),
            buffers: Mutex::default(),
        }
    }

    pub(super) fn origin(&self) -> &Url {
        self.api.origin()
    }

    /// As whom it is read.
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The address of a path at the org, with a query.
    pub(super) fn url(&self, segments: &[&str], query: Option<&str>) -> Url {
        let mut url = self.origin().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", "v1"]).extend(segments);
        }
        url.set_query(query);
        url
    }

    /// Asks and reads the answer. `read` gets the bodies of good answers only; what it returns as an error is a part of a
    /// sentence, and the answer is then asked for again.
    pub(super) async fn ask<T>(
        &self,
        ask: Ask<'_>,
        mut read: impl FnMut(&Answer, &[u8]) -> Result<T, String>,
    ) -> Result<T, Unread> {
        let Ask { bucket, url, options, smaller, .. } = ask;
        let call = Call {
            method: &Method::GET,
            body: None,
            once: false,
            bucket: bucket.name(),
            url,
            content_type: options,
            smaller,
            stop: &self.stop,
            explain: parse::explain,
        };
        let mut buffer = self.buffer();
        let reply = self.api.ask(call, &self.progress, &mut buffer, |answer, body| {
            *self.server_time.lock().unwrap_or_else(PoisonError::into_inner) = answer.date();
            if answer.status == StatusCode::OK {
                let value = read(answer, body)?;
                self.progress.let_in();
                return Ok(Ok(value));
            }
            Ok(Err(self.refused(&ask, answer, body)))
        });
        let reply = reply.await;
        self.give_back(buffer);
        reply.unwrap_or_else(|failure| {
            match failure.kind {
                FailureKind::Stopped => return Err(Unread::Stopped),
                // Nobody can read anything: whoever signs in next would be told the same.
                FailureKind::Refused => {
                    self.progress.refused(Side::Source);
                    return Err(Unread::Fatal(SourceError::Refused(failure.text)));
                }
                _ => {}
            }
            let given_up = self.given_up.fetch_add(1, Ordering::Relaxed) + 1;
            if given_up == MOST_GIVEN_UP {
                self.stop.cancel();
                tracing::warn!(
                    "{MOST_GIVEN_UP} requests had to be given up; nothing more is read in this run"
                );
            }
            tracing::warn!(
                host = host_and_port(self.origin()),
                why = failure.text,
                "{} could not be read and was given up",
                ask.what
            );
            Err(Unread::GivenUp(failure))
        })
    }

    /// What the org's clock showed in the last answer, if it did (`Date`, RFC 9110, section 6.6.1).
    pub(super) fn server_time(&self) -> Option<DateTime<Utc>> {
        *self.server_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so much was given up that nothing more is asked for.
    pub(super) fn has_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The error for something that may not be read.
    pub(super) fn forbidden(&self, what: &str, forbidden: &Forbidden) -> SourceError {
        refusal::forbidden(self.origin(), &self.principal, what, forbidden)
    }

    /// Turns an [`Unread`] of something without which nothing can be read into the run's error.
    pub(super) fn fatal(&self, what: &str, unread: Unread) -> SourceError {
        let origin = self.origin();
        match unread {
            Unread::Fatal(error) => error,
            Unread::Forbidden(forbidden) => {
                self.progress.refused(Side::Source);
                self.forbidden(what, &forbidden)
            }
            Unread::GivenUp(failure) => refusal::unreachable(origin, what, &failure),
            Unread::Missing | Unread::NoPath(_) | Unread::BadRequest(_) => {
                refusal::not_okta(origin, what, &unread.reason())
            }
            Unread::Strange(text) => refusal::not_okta(origin, what, &text),
            stopped @ Unread::Stopped => {
                let failure =
                    Failure { kind: FailureKind::Stopped, text: stopped.reason(), uncertain: false };
                refusal::unreachable(origin, what, &failure)
            }
        }
    }

    fn refused(&self, ask: &Ask<'_>, answer: &Answer, body: &[u8]) -> Unread {
        let error = OktaError::read(body);
        let doubt = match &self.principal {
            Principal::Token(_) => Doubt::None,
            Principal::App(_) => Doubt::of(answer, error.as_ref()),
        };
        match (answer.status, error) {
            (status, error) if status == StatusCode::UNAUTHORIZED || doubt != Doubt::None => {
                self.progress.refused(Side::Source);
                let refused = refusal::Unauthorized { status, doubt, error: error.as_ref() };
                Unread::Fatal(refusal::unauthorized(self.origin(), &self.principal, &refused))
            }
            (StatusCode::FORBIDDEN, error) => {
                Unread::Forbidden(Forbidden::read(&self.principal, ask.url.path(), &answer.headers, error))
            }
            // Only Okta's own words prove that something is gone; a proxy's 404 does not.
            (StatusCode::NOT_FOUND, Some(error)) if error.error_code == "E0000007" => Unread::Missing,
            (StatusCode::NOT_FOUND, Some(error)) => Unread::NoPath(error),
            (StatusCode::BAD_REQUEST, Some(error)) => Unread::BadRequest(error),
            (status, error) => {
                // Of that address one line says everything.
                if !skinny::is_at(ask.url) {
                    tracing::warn!(path = ask.url.path(), %status, "{} was answered strangely", ask.what);
                }
                Unread::Strange(refusal::strange(status, &answer.headers, error.as_ref()))
            }
        }
    }

    fn buffer(&self) -> Vec<u8> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<u8>) {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}
