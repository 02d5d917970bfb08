//! Refusals, in Bitbucket's one form: `{"errors": [{"context", "message", "exceptionName"}]}`.

use serde_json::json;

use super::body::JSON;
use crate::product::Reply;

/// A refusal, before it is worded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    /// The parameter or field that it is about.
    context: Option<&'static str>,
    message: String,
    /// The Java class.
    exception: Option<&'static str>,
}

impl Refusal {
    pub(super) fn reply(&self) -> Reply {
        let error =
            json!({ "context": self.context, "message": self.message, "exceptionName": self.exception });
        Reply::with(self.status, JSON, json!({ "errors": [error] }).to_string())
    }
}

/// Not published: the exact wording of all but a few.
pub(super) fn refused(status: u16, message: impl Into<String>) -> Refusal {
    Refusal { status, context: None, message: message.into(), exception: None }
}

/// About one parameter or field.
pub(super) fn refused_for(context: &'static str, status: u16, message: impl Into<String>) -> Refusal {
    Refusal { context: Some(context), ..refused(status, message) }
}

/// Without the permission, or without any account: 401, not 403.
pub(super) fn not_permitted() -> Refusal {
    Refusal {
        exception: Some("com.atlassian.bitbucket.AuthorisationException"),
        ..refused(401, "You are not permitted to access this resource")
    }
}

pub(super) fn wrong_credentials() -> Refusal {
    Refusal {
        exception: Some("com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException"),
        ..refused(401, "Authentication failed. Please check your credentials and try again.")
    }
}

pub(super) fn no_such_user(name: &str) -> Refusal {
    Refusal {
        exception: Some("com.atlassian.bitbucket.user.NoSuchUserException"),
        ..refused(404, format!("The specified user ({name}) does not exist"))
    }
}

pub(super) fn no_such_group(name: &str) -> Refusal {
    Refusal {
        exception: Some("com.atlassian.bitbucket.user.NoSuchGroupException"),
        ..refused(404, format!("The specified group ({name}) does not exist"))
    }
}

/// What is said where there is nothing more to say.
pub(super) fn usual(status: u16) -> Refusal {
    match status {
        401 => not_permitted(),
        403 => refused(403, "The action would exceed the limit of the licence"),
        404 => refused(404, "null for uri"),
        429 => refused(429, "You have made too many requests"),
        503 => refused(503, "Bitbucket is not available"),
        _ => refused(status, "An error occurred"),
    }
}
