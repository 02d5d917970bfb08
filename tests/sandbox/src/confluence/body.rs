//! Bodies: users, groups and refusals.

use serde_json::{Value, json};

use super::ErrorForm;
use crate::product::{Group, Id, Reply, Request, User};

/// The first digits of a user key, as in the documentation's examples; the rest is the world's id, so that it never
/// changes.
const KEY_PREFIX: &str = "4028d6768851c890";

/// The user key: 32 hexadecimal digits.
pub(super) fn user_key(id: Id) -> String {
    format!("{KEY_PREFIX}{id:016x}")
}

/// Whose key it is.
pub(super) fn id_of_key(key: &str) -> Option<Id> {
    let id = Id::from_str_radix(key.strip_prefix(KEY_PREFIX)?, 16).ok()?;
    (user_key(id) == key).then_some(id)
}

/// Where Confluence is, as it says in links: with its context path.
pub(super) fn base(request: &Request, context: &str) -> String {
    format!("{}{context}", request.origin())
}

/// Whether `status` is to be shown.
pub(super) fn expands_status(request: &Request) -> bool {
    request.parameter("expand").is_some_and(|expand| expand.split(',').any(|part| part.trim() == "status"))
}

/// A user as every answer shows it: never with an e-mail address.
pub(super) fn user(id: Id, user: &User, base: &str, with_status: bool) -> Value {
    let key = user_key(id);
    let mut body = json!({
        "type": "known",
        "username": user.name,
        "userKey": key,
        "displayName": user.display_name,
        "profilePicture": {
            "path": "/images/icons/profilepics/default.svg", "width": 48, "height": 48, "isDefault": true,
        },
        "_links": { "self": format!("{base}/rest/api/user?key={key}") },
        "_expandable": {},
    });
    if let Some(fields) = body.as_object_mut() {
        if with_status {
            // Not published: the word for a disabled user.
            fields.insert("status".into(), if user.active { "current" } else { "deactivated" }.into());
        } else {
            fields.insert("_expandable".into(), json!({ "status": "" }));
        }
    }
    body
}

/// A group as every answer shows it.
pub(super) fn group(group: &Group, base: &str) -> Value {
    let link = format!("{base}/rest/api/group/{}", encode(&group.name));
    json!({ "type": "group", "name": group.name, "_links": { "self": link } })
}

/// A refusal in one of its forms.
pub(super) fn refused(form: ErrorForm, status: u16, message: &str) -> Reply {
    let reason = reason(status);
    let body = match form {
        ErrorForm::Short => json!({ "statusCode": status, "message": message, "reason": reason }),
        ErrorForm::WithData => json!({
            "statusCode": status,
            "data": {
                "authorized": status != 403,
                "valid": status != 400,
                "allowedInReadOnlyMode": true,
                "errors": [{ "message": { "key": message, "args": [], "translation": message } }],
                "successful": false,
            },
            "message": format!("com.atlassian.confluence.api.service.exceptions.{}: {message}", class(status)),
        }),
    };
    Reply::json(status, &body)
}

/// What is said where there is nothing more to say.
pub(super) fn usual_message(status: u16) -> &'static str {
    match status {
        402 => "The licence does not allow more users",
        403 => "The calling user does not have permission to do this",
        429 => "Rate limit exceeded",
        _ => reason(status),
    }
}

/// The headers that the rate limit of Atlassian's Data Center products puts on a 429.
pub(super) fn with_rate_limit(reply: Reply) -> Reply {
    reply
        .header("x-ratelimit-limit", "10")
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-interval-seconds", "1")
        .header("x-ratelimit-fillrate", "10")
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

fn class(status: u16) -> &'static str {
    match status {
        400 => "BadRequestException",
        402 => "LicenseException",
        403 => "PermissionException",
        404 => "NotFoundException",
        409 => "ConflictException",
        _ => "ServiceException",
    }
}

/// Encodes a name for a path or a query (RFC 3986, section 2.1).
pub(super) fn encode(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }
    coded
}
