//! The Okta org as a source, read with an API token or as a service app through Okta's Management API.
//!
//! `read` strings together the three lists, which are read at the same time: `users`, `groups` and, as groups become
//! known, `members`, which asks `skinny` where that is wanted. `changes` reads what changed since, from lists or from the System Log (`log`). `confirm` asks for single records, `person` for one user and its groups, `inspect` for what the token
//! shows, `examine` for what a few requests tell of that; `sample` reads a saved user. Below them: `scope` puts the connector's searches and its application into
//! questions, `app` asks for what is assigned to that, `list` follows pages, `client` makes requests and knows Okta's
//! buckets, `principal` is as whom it makes them, `sign_in` gets access tokens for a service app, `parse` reads bodies, `refusal` says what to do about 401, 403 and strange answers. `gathered` holds what came
//! so far.
//!
//! Nothing here writes to Okta. Who is in scope is decided here only as far as Okta itself decides it.

mod app;
mod changes;
mod client;
mod confirm;
mod examine;
mod gathered;
mod groups;
mod inspect;
mod list;
mod log;
mod members;
mod own_groups;
mod parse;
mod person;
mod principal;
mod read;
mod refusal;
mod sample;
mod scope;
mod sign_in;
mod skinny;
mod users;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::{Changes, Inspection, Questions, ReadRequest, Since, Source, SourceError};
use crate::clock::Clock;
use crate::config::model::{Auth, OktaSettings, SecretRef, ServiceApp};
use crate::config::{is_of_the_examples, read_authorities};
use crate::http::Shared;
use crate::sync::model::{SourceAddress, SourceSnapshot};
use crate::sync::progress::RunControl;
use client::Client;
pub use examine::{Clocks, Examination};
use principal::Principal;
pub use sample::{Sample, sample};
use scope::Scope;
pub use sign_in::SignIns;
#[cfg(test)]
pub(crate) use sign_in::keys;
pub(crate) use sign_in::{KeyFault, PrivateKey};
use sign_in::{SignIn, SignedIn, Way};
pub use skinny::{Skinnies, Skinny};

/// An Okta org.
#[derive(Debug)]
pub struct Okta {
    settings: OktaSettings,
    shared: Shared,
    sign_ins: SignIns,
    /// Whether the org refused to send single attributes of users since the last read began.
    fields_refused: AtomicBool,
    /// Whether members are asked for at `skinny_users` first.
    skinny: Skinny,
}

impl Okta {
    /// Prepares; reads no secret and sends nothing yet.
    #[must_use]
    pub fn new(settings: OktaSettings, shared: &Shared, sign_ins: &SignIns) -> Self {
        let (shared, sign_ins) = (shared.clone(), sign_ins.clone());
        let skinny = Skinny::new(settings.skinny_users);
        Self { settings, shared, sign_ins, fields_refused: AtomicBool::new(false), skinny }
    }

    /// The same, with what earlier runs of the connector learned about `skinny_users`.
    #[must_use]
    pub fn with_skinny(self, skinny: Skinny) -> Self {
        Self { skinny, ..self }
    }

    fn scope<'a>(&'a self, request: &'a ReadRequest) -> Scope<'a> {
        Scope::new(&self.settings, request, &self.fields_refused)
    }

    /// A client for one run. The secret is read anew each time, so that a replaced one counts.
    fn client(&self, control: &RunControl) -> Result<Client, SourceError> {
        let OktaSettings { origin, auth, rate_budget, .. } = &self.settings;
        // Before a secret is read, whatever is asked for.
        if is_of_the_examples(origin) {
            return Err(refusal::example());
        }
        let way = self.way()?;
        let (api, principal) = match auth {
            Auth::ApiToken(token) => {
                let authorization = read_token(token)?;
                (way.shared.api("okta", origin, authorization, *rate_budget), Principal::Token(token.clone()))
            }
            Auth::ServiceApp(app) => {
                let sign_in = self.sign_in(app)?;
                let shared = way.shared.clone();
                let credentials = SignedIn { sign_in: Arc::clone(&sign_in), way };
                let api = shared.api_signed_by("okta", origin, Arc::new(credentials), *rate_budget);
                (api, Principal::App(sign_in))
            }
        };
        Ok(Client::new(api, principal, control.progress.clone(), self.skinny.clone()))
    }

    fn sign_in(&self, app: &ServiceApp) -> Result<Arc<SignIn>, SourceError> {
        let key = app.private_key.read_key().map_err(SourceError::Secret)?;
        self.sign_ins.of(&self.settings.origin, app, &key).map_err(|KeyFault { why, advice }| {
            let place = refusal::place(&app.private_key);
            SourceError::Secret(format!(
                "the private key in {place} cannot be used: {why}; nothing was sent to Okta. {}",
                advice.trim_end_matches('.')
            ))
        })
    }

    /// Asks a few questions, for `doctor`: whether the credentials do, whose they are, and whether anything can be seen with
    /// them; `reads_log` where the System Log is needed. Says what the clocks showed as soon as anything answered.
    pub async fn examine(
        &self,
        reads_log: bool,
        clock: &Clock,
        control: &RunControl,
    ) -> (Option<Clocks>, Result<Examination, SourceError>) {
        let mut clocks = None;
        let request = ReadRequest::nothing();
        let examined = async {
            let (client, way) = (self.client(control)?, self.way()?);
            let scope = self.scope(&request);
            examine::examine(&client, &scope, &way, (reads_log, clock), &mut clocks).await
        };
        let examined = unless_cancelled(control, examined).await;
        (clocks, examined)
    }

    /// How requests are made. The certificate authorities are read anew each time, so that a replaced file counts.
    fn way(&self) -> Result<Way, SourceError> {
        let budget = self.settings.rate_budget;
        let Some(file) = &self.settings.authorities else {
            return Ok(Way { shared: self.shared.clone(), budget });
        };
        let shared = read_authorities(file).and_then(|authorities| self.shared.trusting(&authorities));
        Ok(Way { shared: shared.map_err(SourceError::Secret)?, budget })
    }
}

fn read_token(token: &SecretRef) -> Result<HeaderValue, SourceError> {
    let secret = token.read().map_err(SourceError::Secret)?;
    authorization(&secret).map_err(|why| {
        let place = refusal::place(token);
        SourceError::Secret(format!(
            "the API token in {place} cannot be used: {why}; nothing was sent to Okta. Put the token there as Okta \
             showed it, on one line"
        ))
    })
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
        unless_cancelled(control, inspect::inspect(&client, &self.scope(&request), &self.way()?)).await
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
