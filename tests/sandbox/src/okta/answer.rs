//! An answer before it goes out, and Okta's error bodies.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::json;

use super::limits::Admission;

/// What to send, and how.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
    pub(crate) manner: Manner,
    /// Waits before the answer.
    pub(crate) delay: Duration,
}

/// The body. Pages are joined outside of the lock, since copying a megabyte takes its time.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    List(Vec<Bytes>),
}

/// How the answer goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Whole,
    Slow { bytes: usize, every: Duration },
    CutBody,
    CutChunked,
    HalfJson,
    Oversized(u64),
    Reset,
    Close,
    Stall,
}

impl Answer {
    pub(crate) fn json(status: u16, body: Bytes) -> Self {
        Self::with(status, "application/json", Content::Whole(body))
    }

    pub(crate) fn list(records: Vec<Bytes>) -> Self {
        Self::with(200, "application/json", Content::List(records))
    }

    pub(crate) fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::with(status, "text/html", Content::Whole(Bytes::from(page)))
    }

    /// No body at all.
    pub(crate) fn empty(status: u16) -> Self {
        let content = Content::Whole(Bytes::new());
        Self { status, headers: Vec::new(), content, manner: Manner::Whole, delay: Duration::ZERO }
    }

    fn with(status: u16, content_type: &str, content: Content) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            content,
            manner: Manner::Whole,
            delay: Duration::ZERO,
        }
    }

    /// An error of Okta's catalogue; `cause` becomes its only `errorCauses` entry.
    pub(crate) fn error(status: u16, code: &str, summary: &str, cause: Option<&str>) -> Self {
        let causes: Vec<_> = cause.iter().map(|cause| json!({ "errorSummary": cause })).collect();
        let body = json!({
            "errorCode": code, "errorSummary": summary, "errorLink": code,
            "errorId": "oaeStandInAnswersLikeOkta", "errorCauses": causes,
        });
        Self::json(status, Bytes::from(body.to_string()))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::error(401, "E0000011", "Invalid token provided", None)
    }

    pub(crate) fn too_many() -> Self {
        Self::error(429, "E0000047", "API call exceeded rate limit due to too many requests.", None)
    }

    pub(crate) fn not_found(what: &str, kind: &str) -> Self {
        let summary = format!("Not found: Resource not found: {what} ({kind})");
        Self::error(404, "E0000007", &summary, None)
    }

    pub(crate) fn bad_cursor() -> Self {
        Self::error(400, "E0000029", "Invalid paging request.", Some("Invalid cursor."))
    }

    pub(crate) fn bad_search(why: &str) -> Self {
        Self::error(400, "E0000031", "Invalid search criteria.", Some(why))
    }

    /// What Okta, or the gateway before it, says with a status.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            400 => {
                Self::error(400, "E0000001", "Api validation failed: request", Some("request: not accepted"))
            }
            401 => Self::unauthorized(),
            403 => Self::error(
                403,
                "E0000006",
                "You do not have permission to perform the requested action",
                None,
            ),
            404 => Self::error(404, "E0000008", "The requested path was not found", None),
            405 => {
                Self::error(405, "E0000022", "The endpoint does not support the provided HTTP method", None)
            }
            429 => Self::too_many(),
            502 => Self::html(502, "502 Bad Gateway"),
            503 => Self::error(503, "E0000010", "Service is in read only mode", None),
            504 => Self::html(504, "504 Gateway Time-out"),
            other => Self::error(other, "E0000009", "Internal Server Error", None),
        }
    }

    pub(crate) fn header(&mut self, name: &'static str, value: String) {
        self.headers.push((name, value));
    }

    /// The three rate-limit headers.
    pub(crate) fn rate_headers(&mut self, admission: &Admission) {
        self.headers.retain(|(name, _)| !name.starts_with("x-rate-limit-"));
        self.header("x-rate-limit-limit", admission.limit.to_string());
        self.header("x-rate-limit-remaining", admission.remaining.to_string());
        self.header("x-rate-limit-reset", admission.reset.to_string());
    }
}

impl Content {
    /// The bytes that go out.
    pub(crate) fn joined(self) -> Bytes {
        match self {
            Self::Whole(body) => body,
            Self::List(records) => {
                let length = records.iter().map(|record| record.len() + 1).sum::<usize>() + 1;
                let mut body = Vec::with_capacity(length.max(2));
                body.push(b'[');
                for (at, record) in records.iter().enumerate() {
                    if at > 0 {
                        body.push(b',');
                    }
                    body.extend_from_slice(record);
                }
                body.push(b']');
                Bytes::from(body)
            }
        }
    }
}
