//! Refusals and the headers of answers.

use serde_json::{Value, json};

use super::dialect::Dialect;
use crate::product::Reply;

/// The content type of SCIM (RFC 7644, section 8.1).
pub(super) const SCIM_JSON: &str = "application/scim+json";

/// Why a request is refused (RFC 7644, section 3.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// `scimType`; empty where there is none.
    pub(super) kind: &'static str,
    pub(super) detail: String,
    /// In the form that only PUT of a group has at Atlassian.
    plain: bool,
}

/// What came of a part of a request.
pub(super) type Outcome<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), plain: false }
    }

    /// 400 with a `scimType`.
    pub(super) fn bad(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, kind, detail)
    }

    /// 400: a value is missing, of another type or not acceptable.
    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self::bad("invalidValue", detail)
    }

    /// 400: the attribute cannot be written.
    pub(super) fn mutability(name: &str) -> Self {
        Self::bad("mutability", format!("'{name}' is read-only"))
    }

    /// 404.
    pub(super) fn missing(what: &str, id: &str) -> Self {
        Self::new(404, "", format!("{what} '{id}' not found"))
    }

    /// 409.
    pub(super) fn taken(detail: impl Into<String>) -> Self {
        Self::new(409, "uniqueness", detail)
    }

    /// A refusal without a word about the reason, as for a status that is switched on.
    pub(super) fn of_status(status: u16) -> Self {
        let detail = match status {
            400 => "Request is unparsable, syntactically incorrect, or violates schema",
            401 => "Authorization failure. The authorization header is invalid or missing",
            403 => "Operation is not permitted based on the supplied authorization",
            404 => "Specified resource does not exist",
            409 => "The specified version number does not match the resource's latest version number",
            412 => "Failed to update. Resource has changed on the server",
            413 => "The size of the request exceeds what is permitted",
            429 => "Too many requests",
            501 => "Service provider does not support the request operation",
            503 => "The service is not available now",
            _ => "An internal error",
        };
        Self::new(status, "", detail)
    }

    /// In the third form that the published OpenAPI has for the 400 of PUT of a group.
    #[must_use]
    pub(super) fn plain(self) -> Self {
        Self { plain: true, ..self }
    }

    /// What is unknown in a resource is invalid in the value of a PATCH.
    #[must_use]
    pub(super) fn in_a_value(self) -> Self {
        Self { kind: if self.kind == "invalidSyntax" { "invalidValue" } else { self.kind }, ..self }
    }

    /// The refusal in the service's own words.
    pub(super) fn reply(&self, dialect: &Dialect) -> Reply {
        let reply = match self.status {
            401 | 403 if dialect.atlassian => {
                Reply::json(self.status, &json!({ "error": self.detail, "traceId": "5f0c1d7e9a3b4c62" }))
            }
            // Not published here: what is in the third form.
            _ if self.plain && dialect.atlassian => {
                Reply::json(self.status, &json!({ "code": self.status, "message": self.detail }))
            }
            _ => Reply::with(self.status, SCIM_JSON, self.body().to_string()),
        };
        if self.status == 401 { reply.header("www-authenticate", "Bearer realm=\"SCIM\"") } else { reply }
    }

    fn body(&self) -> Value {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
        let (status, detail) = (self.status.to_string(), &self.detail);
        if self.kind.is_empty() {
            json!({ "schemas": schemas, "status": status, "detail": detail })
        } else {
            json!({ "schemas": schemas, "status": status, "scimType": self.kind, "detail": detail })
        }
    }
}

/// An answer with a body of SCIM.
pub(super) fn scim(status: u16, body: &Value) -> Reply {
    Reply::with(status, SCIM_JSON, body.to_string())
}
