//! From the bytes of a page to records, borrowed where possible.
//!
//! A page is parsed in one pass, and what is not wanted is skipped without being built. A record that is not what Okta
//! documents never fails the page: it comes out as [`Broken`]. Only a page that is no JSON array is an error.

mod app;
mod challenge;
mod group;
mod lenient;
mod log;
mod member;
mod page;
mod token;
mod user;

use compact_str::CompactString;
use serde::Deserialize;

pub(super) use app::{app_user, app_users, ids, only_id};
pub(super) use challenge::Challenge;
pub(super) use group::{GroupRecord, group, groups};
pub(super) use log::{LogEntry, log};
pub(super) use member::{MemberRecord, members};
pub(super) use token::{Owner, principal, profile_attributes, roles};
pub(super) use user::{UserRecord, login, user, users};

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Its id, if that could be read.
    pub(super) id: Option<CompactString>,
    /// What is wrong with it, as a part of a sentence.
    pub(super) why: &'static str,
}

/// The records of one page, in the order of the page.
pub(super) type Records<T> = Vec<Result<T, Broken>>;

/// Okta's form of an error (Okta developer docs, "Error codes").
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OktaError {
    /// Such as `E0000011`; the only stable part.
    pub(super) error_code: String,
    /// A sentence.
    #[serde(default)]
    error_summary: String,
    #[serde(default)]
    error_causes: Vec<OktaErrorCause>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OktaErrorCause {
    #[serde(default)]
    error_summary: String,
}

impl OktaError {
    /// Reads an error body; None if it is not Okta's.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Whether a `search` was not understood (Okta developer docs, "Error codes").
    pub(super) fn is_about_the_search(&self) -> bool {
        matches!(self.error_code.as_str(), "E0000031" | "E0000053")
    }

    /// Code, summary and causes on one line, for use in a sentence.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{}: {}", clean(&self.error_code), clean(&self.error_summary));
        for cause in self.error_causes.iter().take(3) {
            line.push(' ');
            line.push_str(&clean(&cause.error_summary));
        }
        line.trim_end_matches(['.', ' ', ':']).to_owned()
    }
}

/// [`OktaError::line`] of an error body.
pub(super) fn explain(body: &[u8]) -> Option<String> {
    OktaError::read(body).map(|error| error.line())
}

/// What a remote server wrote, made fit for a log line: one line, not long.
pub(super) fn clean(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut clean: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clean.retain(|letter| !letter.is_control());
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            clean.truncate(end);
            clean + "…"
        }
        None => clean,
    }
}

/// The org's id from `GET /api/v1/org` (Okta Management API, `getOrgSettings`).
pub(super) fn org_id(body: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Org {
        id: String,
    }
    let org: Org = serde_json::from_slice(body).map_err(|error| not_okta(body, &error))?;
    if org.id.is_empty() { Err("the org's id is empty".to_owned()) } else { Ok(org.id) }
}

/// Says what a body is that should have been Okta's JSON and is not.
fn not_okta(body: &[u8], error: &serde_json::Error) -> String {
    let start = body.trim_ascii_start();
    if start.is_empty() {
        "the answer is empty".to_owned()
    } else if start.starts_with(b"<") {
        "the answer is a web page, not Okta's JSON, as a proxy or a sign-in page sends it".to_owned()
    } else if error.is_eof() {
        "the answer is JSON that ends in the middle".to_owned()
    } else if error.is_data() {
        "the answer is JSON, but not what Okta sends here".to_owned()
    } else {
        "the answer is no JSON".to_owned()
    }
}

#[cfg(test)]
mod path_tests;
#[cfg(test)]
mod tests;
