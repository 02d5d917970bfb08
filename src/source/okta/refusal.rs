//! What to say when Okta refuses, or when it is not Okta that answers. Each text is for a person at 3 a.m.: what failed,
//! what was not done, what to do next.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::parse::{Challenge, OktaError, clean};
use super::principal::Principal;
use super::sign_in::Doubt;
use crate::config::EXAMPLE_DOMAIN;
use crate::config::model::{SecretRef, ServiceApp};
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

/// The file still names the domain of the examples, which is somebody else's.
pub(super) fn example() -> SourceError {
    SourceError::NotTheSource(format!(
        "the source is still {EXAMPLE_DOMAIN}, the domain of the examples; nothing was sent to Okta. Write the domain of your \
         own org into the connector's file"
    ))
}

/// An answer that is about who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unauthorized<'a> {
    pub(super) status: StatusCode,
    pub(super) doubt: Doubt,
    pub(super) error: Option<&'a OktaError>,
}

/// 401, wherever it comes, and what else means the same: the token, or the proof that came with it.
pub(super) fn unauthorized(origin: &Url, principal: &Principal, refused: &Unauthorized<'_>) -> SourceError {
    let host = host_and_port(origin);
    let status = refused.status.as_u16();
    let said = refused.error.map_or_else(String::new, |error| format!(" ({})", error.line()));
    SourceError::Refused(match principal {
        Principal::Token(token) => format!(
            "{host} refused the API token in {} with {status}{said}; nothing was changed. A token is void after 30 days \
             without use, when it is revoked, and when the administrator who made it is deactivated; it works for its own org \
             only. Check that it belongs to {host}, or make a new one there (Security > API > Tokens) and put it in the place \
             of the old one",
            place(token)
        ),
        Principal::App(app) if refused.doubt == Doubt::Proof || (status == 403 && app.has_proofs()) => {
            let clock = app.wrong_clock().map_or_else(
                || "Check this host's clock (chronyd, systemd-timesyncd)".to_owned(),
                |clock| format!("This host's clock is {clock}; put it right (chronyd, systemd-timesyncd)"),
            );
            format!(
                "{host} refused the proof that {principal} sends with each request (DPoP) with {status}{said}, and then a new \
                 one with a new access token as well; nothing was changed. {clock}. If it is right, something on the way may \
                 change the address that is asked, or the headers Authorization and DPoP: check the proxy settings of this \
                 host. The key of the proofs is made when the daemon starts: a restart makes another"
            )
        }
        Principal::App(_) => format!(
            "{host} refused the access token of {principal} with {status}{said}, and then a new one as well; nothing was changed. \
             Look at Applications > the app in Okta: it may have been deactivated, or its tokens revoked, while this was \
             running. If the app is as it should be, something on the way may drop or change the headers Authorization and DPoP: \
             check the proxy settings of this host"
        ),
    })
}

/// A 403: what lacks which right.
#[derive(Debug)]
pub(super) struct Forbidden {
    /// In Okta's own form.
    pub(super) error: Option<OktaError>,
    /// The scope that the request needs, if it is known that this app's token has it not.
    pub(super) lacking: Option<String>,
    /// Whose rights they are, as in a sentence.
    pub(super) whose: &'static str,
}

impl Forbidden {
    /// Reads a 403 in answer to a request for that path.
    pub(super) fn read(
        principal: &Principal,
        path: &str,
        headers: &HeaderMap,
        error: Option<OktaError>,
    ) -> Self {
        let Challenge { error: challenge, scope } = Challenge::of(headers);
        let needed = needed_scope(path);
        let lacking = match principal {
            Principal::Token(_) => None,
            Principal::App(_) if challenge.as_deref() == Some("insufficient_scope") => {
                scope.or(needed.map(str::to_owned))
            }
            Principal::App(sign_in) => {
                needed.filter(|needed| sign_in.has_scope(needed) == Some(false)).map(str::to_owned)
            }
        };
        Self { error, lacking, whose: principal.this() }
    }

    /// What Okta says of it and what is lacking, to stand behind the status.
    pub(super) fn in_parentheses(&self) -> String {
        let error = self.error.as_ref().map(OktaError::line);
        let lacking = self.lacking.as_ref().map(|scope| format!("the scope {scope} is not granted"));
        let said: Vec<String> = [error, lacking].into_iter().flatten().collect();
        if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) }
    }
}

/// The scope that requests for a path need (Okta Management API); none for what needs none, or is not known.
fn needed_scope(path: &str) -> Option<&'static str> {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next()?, parts.next()?, parts.next()?) {
        ("api", "v1", "users") => Some(ServiceApp::USERS),
        ("api", "v1", "groups") => Some(ServiceApp::GROUPS),
        ("api", "v1", "apps") => Some(ServiceApp::APPS),
        ("api", "v1", "org") => Some(ServiceApp::ORG),
        ("api", "v1", "logs") => Some(ServiceApp::LOGS),
        ("api", "v1", "meta") => Some(ServiceApp::SCHEMAS),
        ("oauth2", "v1", "clients") => Some(ServiceApp::ROLES),
        _ => None,
    }
}

/// 403 for a list or a record: the rights behind the token.
pub(super) fn forbidden(
    origin: &Url,
    principal: &Principal,
    what: &str,
    forbidden: &Forbidden,
) -> SourceError {
    let host = host_and_port(origin);
    let said = forbidden.error.as_ref().map_or_else(String::new, |error| format!(" ({})", error.line()));
    let begin = format!("{host} does not let {principal} read {what}: 403{said}; nothing was changed.");
    SourceError::Refused(match (principal, &forbidden.lacking) {
        (Principal::Token(_), _) => format!(
            "{begin} A token has the rights of the administrator who made it: that person needs a role that may view users, \
             groups and, where the connector's file names one, the application, such as Read-only Administrator. If the token \
             is bound to a network zone, this host's address must be in it"
        ),
        (Principal::App(_), Some(scope)) => format!(
            "{begin} It lacks the scope {scope}: grant it under Applications > the app > Okta API Scopes, and name it in \
             source.okta.auth.service_app.scopes if that key is there"
        ),
        (Principal::App(_), None) => format!("{begin} {NEEDS_ROLE}"),
    })
}

/// Scopes that Okta does not grant, and without which nothing can be read.
pub(super) fn missing_scopes(origin: &Url, principal: &Principal, missing: &[String]) -> SourceError {
    let host = host_and_port(origin);
    let (scopes, them) = match missing {
        [one] => (format!("the scope {one}"), "it"),
        many => (format!("the scopes {}", many.join(", ")), "them"),
    };
    SourceError::Refused(format!(
        "{host} does not grant {principal} {scopes}, so every run would fail; grant {them} under Applications > the app > \
         Okta API Scopes"
    ))
}

/// 403 for the System Log, of which the sentence already says why.
pub(super) fn no_log(forbidden: &SourceError) -> SourceError {
    SourceError::Refused(format!(
        "{forbidden}. Or write `from: lists` under `schedule.incremental` in the connector's file; full syncs go on as they are"
    ))
}

/// What to do for a service app that has all scopes and sees nothing.
pub(super) const NEEDS_ROLE: &str = "Beside scopes a service app needs an administrator role: under Applications > the app > \
                                     Admin roles assign Read-only Administrator, or a custom role that may view users, groups \
                                     and, where the connector's file names one, the application (\"View users and their \
                                     details\", \"View groups and their details\", \"View application and their details\"), over \
                                     everything that is to be synced";

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
            "{begin} If a proxy opens TLS connections here, name its CA certificate as `tls: {{ ca: FILE }}` in the connector's \
             file, or add it to those of this host; otherwise check the domain in the connector's file and this host's clock"
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
pub(super) fn no_application(origin: &Url, principal: &Principal, app: &str) -> SourceError {
    let (host, app) = (host_and_port(origin), clean(app));
    let role = match principal {
        Principal::Token(_) => {
            "the administrator who made the token needs a role that may view that application".to_owned()
        }
        Principal::App(_) => {
            format!("{principal} needs an administrator role that may view that application")
        }
    };
    SourceError::Refused(format!(
        "{host} has no application {app}, or does not show it to {principal}: 404; nothing was changed. Correct \
         `source.okta.app` in the connector's file: it is the id that begins with 0oa in the address of the application's \
         page in Okta's admin console. If it is right, {role}"
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
         is the org's own address, such as your-org.okta.com, without -admin and without a path"
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
