//! The Okta org as a source, read with an API token through Okta's Management API.
//!
//! `read` strings together the three lists, which are read at the same time: `users`, `groups` and, as groups become
//! known, `members`. `confirm` asks for single records. Below them: `list` follows pages, `client` makes requests and
//! knows Okta's buckets, `parse` reads bodies, `refusal` says what to do about 401, 403 and strange answers. `gathered`
//! holds what came so far.
//!
//! Nothing here writes to Okta, and nothing here decides who is in scope.

mod client;
mod confirm;
mod gathered;
mod groups;
mod list;
mod members;
mod parse;
mod read;
mod refusal;
mod users;

use std::future::Future;

use async_trait::async_trait;
use compact_str::CompactString;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::{Inspection, Questions, ReadRequest, Source, SourceError};
use crate::config::model::OktaSettings;
use crate::http::Shared;
use crate::sync::model::{AttributeValue, SourceAddress, SourceSnapshot, SourceUser, Status};
use crate::sync::progress::RunControl;
use client::Client;

/// An Okta org, read with an API token.
#[derive(Debug)]
pub struct Okta {
    settings: OktaSettings,
    shared: Shared,
}

impl Okta {
    /// Prepares; reads no secret and sends nothing yet.
    #[must_use]
    pub fn new(settings: OktaSettings, shared: &Shared) -> Self {
        Self { settings, shared: shared.clone() }
    }

    /// A client for one run. The token is read anew each time, so that a replaced one counts.
    fn client(&self, control: &RunControl) -> Result<Client, SourceError> {
        let OktaSettings { origin, token, rate_budget, .. } = &self.settings;
        let secret = token.read().map_err(SourceError::Secret)?;
        let authorization = authorization(&secret).map_err(|why| {
            let place = refusal::place(token);
            SourceError::Secret(format!(
                "the API token in {place} cannot be used: {why}; nothing was sent to Okta. Put the token there as Okta \
                 showed it, on one line"
            ))
        })?;
        let api = self.shared.api("okta", origin, authorization, *rate_budget);
        Ok(Client::new(api, token.clone(), control.progress.clone()))
    }
}

#[async_trait]
impl Source for Okta {
    async fn address(&self, control: &RunControl) -> Result<SourceAddress, SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, read::address(&client)).await
    }

    async fn read(&self, request: &ReadRequest, control: &RunControl) -> Result<SourceSnapshot, SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, read::read(&client, request)).await
    }

    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<(), SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, confirm::confirm(&client, snapshot, questions, request)).await
    }

    async fn read_user(
        &self,
        _: &str,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        Err(SourceError::Unreachable("not there yet".to_owned()))
    }

    async fn inspect(&self, _: &ReadRequest, _: &RunControl) -> Result<Inspection, SourceError> {
        Err(SourceError::Unreachable("not there yet".to_owned()))
    }
}

/// One saved user.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The user.
    pub user: SourceUser,
    /// Names of its groups, if the file has them.
    pub groups: Option<Vec<String>>,
}

/// Reads one saved user, cut to `attributes`. The error is the end of a sentence.
pub fn sample(body: &[u8], attributes: &[CompactString]) -> Result<Sample, String> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))?;
    let user = value.get("user").unwrap_or(&value);
    let text = |key: &str| user.get(key).and_then(serde_json::Value::as_str);
    let id = text("id").ok_or("it is no Okta user: it has no id")?;
    let at = |path: &CompactString| {
        let found = path.split('.').try_fold(user, |value, key| value.get(key));
        match found {
            None | Some(serde_json::Value::Null) => AttributeValue::Absent,
            Some(serde_json::Value::String(text)) => AttributeValue::Text(text.into()),
            Some(other) => AttributeValue::Json(Box::new(other.clone())),
        }
    };
    let groups = value.get("groups").and_then(serde_json::Value::as_array);
    let name = |name: &serde_json::Value| name.as_str().map(str::to_owned);
    Ok(Sample {
        user: SourceUser {
            id: id.into(),
            status: Status::from_okta(text("status").unwrap_or_default()),
            attributes: attributes.iter().map(at).collect(),
        },
        groups: groups.map(|groups| groups.iter().filter_map(name).collect()),
    })
}

/// Drops the work where it stands when the run is cancelled: in a request, in a pause, or in a wait for a window.
async fn unless_cancelled<T>(
    control: &RunControl,
    work: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    tokio::select! {
        biased;
        () = control.cancel.cancelled() => Err(SourceError::Cancelled),
        result = work => result,
    }
}

/// The header that Okta documents for API tokens: `SSWS` and the token.
fn authorization(token: &SecretString) -> Result<HeaderValue, &'static str> {
    let token = token.expose_secret().trim();
    if token.is_empty() {
        return Err("it is empty");
    }
    if token.contains(|letter: char| !letter.is_ascii_graphic()) {
        return Err("it contains spaces or characters that no token has");
    }
    let mut value =
        HeaderValue::try_from(format!("SSWS {token}")).map_err(|_| "it does not fit into a header")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
