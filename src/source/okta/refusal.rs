//! What to say when Okta refuses, or when it is not Okta that answers. Each text is for a person at 3 a.m.: what failed,
//! what was not done, what to do next.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::parse::{OktaError, clean};
use crate::config::model::SecretRef;
use crate::http::{Failure, FailureKind, host_and_port};
use crate::source::SourceError;
use crate::sync::model::SourceId;

/// Where a secret is, in words; never what it is.
pub(super) fn place(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Credential(name) => format!("the credential `{name}`"),
        SecretRef::File(path) => format!("the file {}", path.display()),
        SecretRef::Environment(name) => format!("the environment variable {name}"),
    }
}

/// 401, wherever it comes: the token.
pub(super) fn unauthorized(origin: &Url, token: &SecretRef, error: Option<&OktaError>) -> SourceError {
    let (host, place) = (host_and_port(origin), place(token));
    let said = error.map_or_else(String::new, |error| format!(" ({})", error.line()));
    SourceError::Refused(format!(
        "{host} refused the API token in {place} with 401{said}; nothing was changed. A token is void after 30 days \
         without use, when it is revoked, and when the administrator who made it is deactivated; it works for its own org \
         only. Check that it belongs to {host}, or make a new one there (Security > API > Tokens) and put it in the place \
         of the old one"
    ))
}

/// 403 for a list or a record: the rights behind the token.
pub(super) fn forbidden(origin: &Url, what: &str, error: Option<&OktaError>) -> SourceError {
    let host = host_and_port(origin);
    let said = error.map_or_else(String::new, |error| format!(" ({})", error.line()));
    SourceError::Refused(format!(
        "{host} does not let this API token read {what}: 403{said}; nothing was changed. A token has the rights of the \
         administrator who made it: that person needs a role that may view users, groups and, where the connector's \
         file names one, the application, such as Read-only Administrator. If the token is bound to a network zone, this host's address must be in it"
    ))
}

/// The first page of a list, or the org itself, could not be had.
pub(super) fn unreachable(origin: &Url, what: &str, failure: &Failure) -> SourceError {
    let host = host_and_port(origin);
    let Failure { kind, text, .. } = failure;
    let begin = format!("{what} could not be read from {host}: {text}; nothing was changed.");
    match kind {
        FailureKind::Name => SourceError::Unreachable(format!(
            "{begin} Check the domain in the connector's file, and this host's name resolution"
        )),
        FailureKind::Trust => SourceError::Unreachable(format!(
            "{begin} If a proxy opens TLS connections here, add its CA certificate to the system's; otherwise check the \
             domain in the connector's file and this host's clock"
        )),
        FailureKind::NoTls => SourceError::Unreachable(format!(
            "{begin} Check scheme, host and port in the connector's file; plain http is accepted for loopback addresses only"
        )),
        FailureKind::NoAnswer => SourceError::Unreachable(format!(
            "{begin} Check the network between this host and {host} (firewall, proxy); the next run tries again"
        )),
        FailureKind::TooManyAtOnce => SourceError::Unreachable(format!(
            "{begin} Other clients of the org keep all its places for requests under way busy: find out which they are \
             (Reports > Rate limits in Okta). The next run tries again"
        )),
        FailureKind::Server(429) => SourceError::Unreachable(format!(
            "{begin} Another client of the org uses up the rate limit: see Reports > Rate limits in Okta. The next run tries \
             again"
        )),
        FailureKind::Server(_) => SourceError::Unreachable(format!(
            "{begin} See https://status.okta.com if this goes on; the next run tries again"
        )),
        FailureKind::Stopped => SourceError::Unreachable(format!(
            "{begin} The log says which requests were given up and why; the next run tries again"
        )),
        // A whole sentence of whoever refused.
        FailureKind::Refused => SourceError::Refused(text.clone()),
        FailureKind::WrongAnswer => SourceError::NotTheSource(format!(
            "{begin} Something between this host and Okta answers in its place, or the domain is not that of an Okta org: \
             check the domain in the connector's file and the proxy settings of this host"
        )),
    }
}

/// A search that Okta does not understand; `key` is that of the connector's file, `operators` what it allows there.
pub(super) fn search(
    origin: &Url,
    key: &str,
    search: &str,
    operators: &str,
    error: &OktaError,
) -> SourceError {
    let (host, search) = (host_and_port(origin), clean(search));
    SourceError::Refused(format!(
        "{host} does not accept `{key}`, which is `{search}`: 400 ({}); nothing was changed. Correct `{key}` in the \
         connector's file: names of attributes are case-sensitive, text stands in straight double quotes, and {operators}",
        error.line()
    ))
}

/// 404 for what is assigned to an application.
pub(super) fn no_application(origin: &Url, app: &str) -> SourceError {
    let (host, app) = (host_and_port(origin), clean(app));
    SourceError::Refused(format!(
        "{host} has no application {app}, or does not show it to this API token: 404; nothing was changed. Correct \
         `source.okta.app` in the connector's file: it is the id that begins with 0oa in the address of the application's \
         page in Okta's admin console. If it is right, the administrator who made the token needs a role that may view \
         that application"
    ))
}

/// Another user than was asked for.
pub(super) fn another_user(origin: &Url, asked: &str, id: &SourceId, login: &str) -> SourceError {
    let (host, asked, login) = (host_and_port(origin), clean(asked), clean(login));
    SourceError::NotTheSource(format!(
        "{host} was asked for the user {asked} and answered with {login} ({id}); nothing was changed. Ask with the whole \
         login, or with the id"
    ))
}

/// An answer to the very first question that Okta would not give there: a redirect, a 404 for a list, a 400.
pub(super) fn not_okta(origin: &Url, what: &str, strange: &str) -> SourceError {
    let host = host_and_port(origin);
    SourceError::NotTheSource(format!(
        "{what} could not be read from {host}: {strange}; nothing was changed. Check the domain in the connector's file: it \
         is the org's own address, such as acme.okta.com, without -admin and without a path"
    ))
}

/// Describes an answer with a status that is not expected, as a part of a sentence.
pub(super) fn strange(status: StatusCode, headers: &HeaderMap, error: Option<&OktaError>) -> String {
    if status.is_redirection() {
        let target = headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let host = target.and_then(|target| Url::parse(target).ok()).filter(Url::has_host);
        let host = host.map_or_else(|| "elsewhere".to_owned(), |host| clean(&host_and_port(&host)));
        return format!("the answer is a redirect ({status}) to {host}, which is not followed");
    }
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return "a proxy asks for credentials (407)".to_owned();
    }
    match error {
        Some(error) => format!("the answer is {status} ({})", error.line()),
        None => format!("the answer is {status} and not in Okta's form"),
    }
}
