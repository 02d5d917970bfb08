//! Refusals: an error body with a reason, or a plain text where no resource of the API was reached.

use serde_json::json;

use super::format::Format;
use super::xml::Writer;
use crate::product::Reply;

/// An error of the API. Its reason is one of those that the client's Javadoc lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Empty for an error outside of the API, which is plain text.
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }

    /// A parameter or a body that cannot be read.
    pub(super) fn argument(message: impl Into<String>) -> Self {
        // Not published: that it is this reason.
        Self::new(400, "ILLEGAL_ARGUMENT", message)
    }

    pub(super) fn no_user(status: u16, name: &str) -> Self {
        Self::new(status, "USER_NOT_FOUND", format!("User <{name}> does not exist"))
    }

    pub(super) fn no_group(status: u16, name: &str) -> Self {
        Self::new(status, "GROUP_NOT_FOUND", format!("Group <{name}> does not exist"))
    }

    pub(super) fn no_membership(child: &str, parent: &str) -> Self {
        Self::new(404, "MEMBERSHIP_NOT_FOUND", format!("<{child}> is not a direct member of <{parent}>"))
    }

    pub(super) fn permission(application: &str) -> Self {
        let message = format!("Application '{application}' has no permission to do this");
        Self::new(403, "APPLICATION_PERMISSION_DENIED", message)
    }

    /// An answer of the web container: it has no error body.
    pub(super) fn plain(status: u16, message: &str) -> Self {
        Self::new(status, "", message)
    }

    pub(super) fn reply(&self, format: Format) -> Reply {
        if self.reason.is_empty() {
            return text(self.status, &self.message);
        }
        let body = match format {
            Format::Json => json!({ "reason": self.reason, "message": self.message }).to_string(),
            Format::Xml => {
                let mut writer = Writer::new();
                writer.element("error", &[], |writer| {
                    writer.leaf("reason", self.reason);
                    writer.leaf("message", &self.message);
                });
                writer.finish()
            }
        };
        Reply::with(self.status, format.media_type(), body)
    }
}

fn text(status: u16, text: &str) -> Reply {
    Reply::with(status, "text/plain;charset=UTF-8", text.to_owned())
}

/// 401 for wrong or missing credentials: plain text, whatever form was asked for.
pub(super) fn unknown_application() -> Reply {
    let reply = text(401, "Application failed to authenticate");
    reply.header("www-authenticate", "Basic realm=\"Crowd REST Service\"")
}

/// 403 for an address that the application may not ask from. Not published: that its body is plain text.
pub(super) fn denied_address(application: &str) -> Reply {
    text(403, &format!("Client is forbidden from making requests to the application, {application}."))
}

/// 406 for a client that takes none of the forms there are. Not published: for `group/membership`, of which there is only
/// XML, this is what the specification of HTTP provides.
pub(super) fn not_acceptable() -> Reply {
    text(406, "Not Acceptable")
}

/// The refusal for a status that is asked for without a request.
pub(super) fn for_status(status: u16, format: Format) -> Reply {
    match status {
        401 => unknown_application(),
        403 => Refusal::permission("?").reply(format),
        429 => rate_limited(),
        500 => Refusal::new(500, "OPERATION_FAILED", "The operation failed").reply(format),
        _ => text(status, "The request was refused"),
    }
}

/// 429 as of Crowd 8.0, with the headers of the plugin that Atlassian's Data Center products share. Not published: its
/// body.
fn rate_limited() -> Reply {
    text(429, "Rate limit exceeded")
        .header("x-ratelimit-limit", "60")
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-interval-seconds", "1")
        .header("x-ratelimit-fillrate", "5")
}
