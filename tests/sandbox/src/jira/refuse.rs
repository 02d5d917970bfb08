//! What Jira says when it does not do what it was asked for. Texts are not published, unless something else is said.

use serde_json::json;

use super::ErrorPlace;
use crate::product::{Reply, Request};

/// An error with a text in `errorMessages`.
pub(super) fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "errorMessages": [text], "errors": {} }))
}

/// Errors about fields, each with a text.
pub(super) fn fields(status: u16, errors: &[(&str, &str)]) -> Reply {
    let errors: serde_json::Map<_, _> =
        errors.iter().map(|(field, text)| ((*field).to_owned(), json!(text))).collect();
    Reply::json(status, &json!({ "errorMessages": [], "errors": errors }))
}

/// An error about a group or a membership.
pub(super) fn placed(place: ErrorPlace, status: u16, field: &str, text: &str) -> Reply {
    match place {
        ErrorPlace::Messages => message(status, text),
        ErrorPlace::Errors => fields(status, &[(field, text)]),
    }
}

/// A body that is no JSON object.
pub(super) fn no_object() -> Reply {
    message(400, "Unrecognized body: a JSON object was expected")
}

pub(super) fn no_user(name: &str) -> Reply {
    message(404, &format!("The user named '{name}' does not exist"))
}

pub(super) fn no_group(place: ErrorPlace, name: &str) -> Reply {
    placed(place, 404, "groupname", &format!("The group named '{name}' does not exist."))
}

pub(super) fn no_group_name(place: ErrorPlace) -> Reply {
    placed(place, 400, "groupname", "The group name is empty.")
}

/// A text that one client compares word for word.
pub(super) fn user_exists() -> Reply {
    fields(400, &[("username", "A user with that username already exists.")])
}

/// Nobody is signed in: a JSON body with another form than errors have, as was seen on real servers.
pub(super) fn not_signed_in(origin: &str) -> Reply {
    let body =
        json!({ "message": "Client must be authenticated to access this resource.", "status-code": 401 });
    let realm = format!("OAuth realm=\"{}\"", super::bean::encode(origin));
    Reply::json(401, &body).header("www-authenticate", &realm)
}

/// What there is below no known path.
pub(super) fn unknown_path(request: &Request) -> Reply {
    let text = format!("null for uri: {}{}", request.origin(), request.path);
    Reply::json(404, &json!({ "message": text, "status-code": 404 }))
}

/// The plain refusal with a status.
pub(super) fn of_status(status: u16) -> Reply {
    match status {
        403 => message(403, "You do not have the permission to perform this operation."),
        405 => Reply::json(405, &json!({ "message": "HTTP 405 Method Not Allowed", "status-code": 405 })),
        415 => Reply::json(415, &json!({ "message": "HTTP 415 Unsupported Media Type", "status-code": 415 })),
        500 => message(500, "Internal server error"),
        other => message(other, "The request was not carried out."),
    }
}
