//! What comes with a request: names and numbers in the path, the query, the body.

use std::error::Error as _;

use axum::body::to_bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request};
use axum::http::Uri;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use super::REQUEST_TIME;
use crate::control::api::LONGEST_LOGIN;
use crate::control::fault::Fault;

/// The longest body of a request, in bytes.
pub(super) const LONGEST_BODY: usize = 64 * 1024;

/// A part of the path, decoded.
pub(super) type Name = Result<Path<String>, PathRejection>;

/// A query, decoded.
pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

/// A body as JSON; an empty one is `{}`. Read here, so that a body that never comes is given up.
pub(super) async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Fault> {
    let bytes = tokio::time::timeout(REQUEST_TIME, to_bytes(request.into_body(), LONGEST_BODY))
        .await
        .map_err(|_| {
            Fault::bad_request(format!("the body did not come within {} s", REQUEST_TIME.as_secs()))
        })?
        .map_err(|error| {
            if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) {
                Fault::too_large(format!("the body is longer than {LONGEST_BODY} bytes; nothing was done"))
            } else {
                Fault::bad_request(format!("the body cannot be read: {error}; nothing was done"))
            }
        })?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    // serde would take a list of the values in their order as well, and nobody who sends that means it.
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err(Fault::bad_request("the body is a list, and an object belongs here; nothing was done"));
    }
    serde_json::from_slice(text)
        .map_err(|error| Fault::bad_request(format!("the body is not the JSON that belongs here: {error}")))
}

/// A name from the path.
pub(super) fn decoded(name: Name) -> Result<String, Fault> {
    name.map(|Path(name)| name).map_err(|error| Fault::bad_request(error.body_text()))
}

/// What the query says.
pub(super) fn query<T>(query: Asked<T>) -> Result<T, Fault> {
    query.map(|Query(query)| query).map_err(|error| Fault::bad_request(error.body_text()))
}

/// The number in a path, of what is called `what`. The store counts up to 2^63 - 1, so that nothing has a greater one.
pub(super) fn number(text: Name, what: &str) -> Result<u64, Fault> {
    let text = decoded(text)?;
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Fault::bad_request(format!("{what} has a number, and {text:?} is none")));
    }
    text.parse::<i64>()
        .ok()
        .and_then(|number| u64::try_from(number).ok())
        .ok_or_else(|| Fault::not_found(format!("there is nothing of that number: {what} never had {text}")))
}

/// A login or name without the spaces around it, if somebody can be called so.
pub(super) fn checked_login(login: &str) -> Result<String, Fault> {
    let name = login.trim();
    if name.is_empty() || login.chars().count() > LONGEST_LOGIN || login.chars().any(char::is_control) {
        return Err(Fault::bad_request(format!(
            "nobody can be called {name:?}: a login or a name in the target has 1 to {LONGEST_LOGIN} characters, none of \
             them a control character; nothing was read or changed"
        )));
    }
    Ok(name.to_owned())
}

/// Whether every `%` in the address begins a byte in two hexadecimal digits (RFC 3986, section 2.1). Decoders let others
/// stand as they are, so that a name would be looked for that nobody meant.
pub(super) fn is_well_encoded(uri: &Uri) -> bool {
    let text = uri.path_and_query().map_or("", |text| text.as_str());
    text.split('%').skip(1).all(|rest| {
        let mut bytes = rest.bytes();
        (0..2).all(|_| bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit()))
    })
}
