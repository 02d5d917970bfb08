//! The Okta org as a source, read with an API token through Okta's Management API.
//!
//! `read` strings together the three lists, which are read at the same time: `users`, `groups` and, as groups become
//! known, `members`. `changes` reads what changed since, from lists or from the System Log (`log`). `confirm` asks for single records, `person` for one user and its groups, `inspect` for what the token
//! shows; `sample` reads a saved user. Below them: `scope` puts the connector's searches and its application into
//! questions, `app` asks for what is assigned to that, `list` follows pages, `client` makes requests and knows Okta's
//! buckets, `parse` reads bodies, `refusal` says what to do about 401, 403 and strange answers. `gathered` holds what came
//! so far.
//!
//! Nothing here writes to Okta. Who is in scope is decided here only as far as Okta itself decides it.

mod app;
mod changes;
mod client;
mod confirm;
mod gathered;
mod groups;
mod inspect;
mod list;
mod log;
mod members;
mod own_groups;
mod parse;
mod person;
mod read;
mod refusal;
mod sample;
mod scope;
mod users;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::{Changes, Inspection, Questions, ReadRequest, Since, Source, SourceError};
use crate::config::model::OktaSettings;
use crate::http::Shared;
use crate::sync::model::{SourceAddress, SourceSnapshot};
use crate::sync::progress::RunControl;
use client::Client;
pub use sample::{Sample, sample};
use scope::Scope;

/// An Okta org, read with an API token.
#[derive(Debug)]
pub struct Okta {
    settings: OktaSettings,
    shared: Shared,
    /// Whether the org refused to send single attributes of users since the last read began.
    fields_refused: AtomicBool,
}

impl Okta {
    /// Prepares; reads no secret and sends nothing yet.
    #[must_use]
    pub fn new(settings: OktaSettings, shared: &Shared) -> Self {
        Self { settings, shared: shared.clone(), fields_refused: AtomicBool::new(false) }
    }

    fn scope<'a>(&'a self, request: &'a ReadRequest) -> Scope<'a> {
        Scope::new(&self.settings, request, &self.fields_refused)
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
        self.fields_refused.store(false, Ordering::Relaxed);
        unless_cancelled(control, read::read(&client, &self.scope(request))).await
    }

    async fn read_changes(
        &self,
        snapshot: &mut SourceSnapshot,
        since: &Since,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<Changes, SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, changes::read(&client, &self.scope(request), snapshot, since)).await
    }

    async fn confirm(
        &self,
        snapshot: &mut SourceSnapshot,
        questions: &Questions,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<(), SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, confirm::confirm(&client, snapshot, questions, &self.scope(request))).await
    }

    async fn read_user(
        &self,
        id_or_login: &str,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, person::read(&client, &self.scope(request), id_or_login)).await
    }

    async fn read_groups(
        &self,
        request: &ReadRequest,
        control: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        let client = self.client(control)?;
        unless_cancelled(control, read::read_groups(&client, &self.scope(request))).await
    }

    async fn inspect(&self, request: &ReadRequest, control: &RunControl) -> Result<Inspection, SourceError> {
        let client = self.client(control)?;
        let request = inspect::without_members(request);
        self.fields_refused.store(false, Ordering::Relaxed);
        unless_cancelled(control, inspect::inspect(&client, &self.scope(&request))).await
    }
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
