//! Signing in as a service app: a private key for access tokens that live for an hour.
//!
//! [`SignIns`] has one [`SignIn`] for each app, so that all connectors of it, and all of their runs, share a token. [`SignedIn`] is
//! what requests are signed with. Below them: `endpoint` asks for tokens, `token` is one and its life; `key` is the
//! private key, read by `pem` and `jwk`; `jws` signs, `assertion` proves who asks, `proof` that nobody else uses the token; `time`
//! puts a wrong clock right; `refusal` says what to do when Okta refuses.

mod assertion;
mod endpoint;
mod jwk;
mod jws;
mod key;
#[cfg(test)]
pub(crate) mod keys;
mod pem;
mod proof;
mod refusal;
mod time;
mod token;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use base64::engine::general_purpose::{GeneralPurpose, URL_SAFE_NO_PAD};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::parse::{Challenge, OktaError};
use crate::clock::Clock;
use crate::config::model::ServiceApp;
use crate::http::{Answer, Credentials, Failure, FailureKind, Renewal, Signed, Stamp, host_and_port};
use crate::sync::progress::Progress;
pub(super) use endpoint::Way;
use endpoint::{Granted, NoToken};
pub(crate) use key::{KeyFault, PrivateKey};
use proof::{DPOP, Nonce, ProofKey};
use time::OrgTime;
use token::Token;

/// How bytes are written in what is signed (RFC 7515, section 2).
const BASE64: GeneralPurpose = URL_SAFE_NO_PAD;

/// The path of the endpoint for tokens; Okta's scopes are given out by the org's own authorization server only.
const TOKEN_PATH: &str = "/oauth2/v1/token";

/// All sign-ins of this process, cheap to clone: whoever signs in as the same app shares its token.
#[derive(Clone)]
pub struct SignIns(Arc<Inner>);

struct Inner {
    clock: Clock,
    all: Mutex<HashMap<Identity, Arc<SignIn>>>,
}

/// The org, the app, and the digest of its private key: a replaced key is another sign-in.
type Identity = (String, ServiceApp, [u8; 32]);

impl SignIns {
    /// Made once per process.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, all: Mutex::default() }))
    }

    /// The sign-in of an app with this private key. Sends nothing yet.
    pub(super) fn of(
        &self,
        origin: &Url,
        app: &ServiceApp,
        key: &SecretString,
    ) -> Result<Arc<SignIn>, KeyFault> {
        let digest = Sha256::digest(key.expose_secret().as_bytes()).into();
        let identity = (origin.origin().ascii_serialization(), app.clone(), digest);
        if let Some(known) = self.all().get(&identity) {
            return Ok(Arc::clone(known));
        }
        let key = PrivateKey::read(key, app.algorithm)?;
        let sign_in = Arc::new(SignIn::new(origin, app, key, self.0.clock.clone()));
        let mut all = self.all();
        // What a changed file left behind.
        all.retain(|_, old| Arc::strong_count(old) > 1 || old.token().is_some_and(|token| token.is_good()));
        Ok(Arc::clone(all.entry(identity).or_insert(sign_in)))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Identity, Arc<SignIn>>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SignIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIns")
    }
}

/// One app at one org.
#[derive(Debug)]
pub(super) struct SignIn {
    app: ServiceApp,
    origin: Url,
    endpoint: Url,
    key: PrivateKey,
    time: OrgTime,
    /// There from the moment on at which Okta wanted proofs.
    proofs: OnceLock<ProofKey>,
    /// Where tokens are given out and where they are used, other numbers may be wanted.
    endpoint_nonce: Nonce,
    nonce: Nonce,
    token: Mutex<Option<Arc<Token>>>,
    /// Held by whoever asks for a token, with why the last one who did got none.
    flight: tokio::sync::Mutex<Option<Failure>>,
    /// How often a token was asked for.
    flights: AtomicU64,
}

impl SignIn {
    fn new(origin: &Url, app: &ServiceApp, key: PrivateKey, clock: Clock) -> Self {
        let mut endpoint = origin.clone();
        endpoint.set_path(TOKEN_PATH);
        Self {
            app: app.clone(),
            origin: origin.clone(),
            endpoint,
            key,
            time: OrgTime::new(clock, host_and_port(origin)),
            proofs: OnceLock::new(),
            endpoint_nonce: Nonce::default(),
            nonce: Nonce::default(),
            token: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
            flights: AtomicU64::new(0),
        }
    }

    /// What is wrong with this host's clock, as the end of "is"; none if it is right.
    pub(super) fn wrong_clock(&self) -> Option<String> {
        self.time.wrong()
    }

    /// Whether requests bear a proof.
    pub(super) fn has_proofs(&self) -> bool {
        self.proofs.get().is_some()
    }

    /// The app, as its connectors' files name it.
    pub(super) fn app(&self) -> &ServiceApp {
        &self.app
    }

    /// Whether the token was granted this scope; none if there is no token.
    pub(super) fn has_scope(&self, scope: &str) -> Option<bool> {
        let token = self.token()?;
        let granted = token.scopes.as_ref().unwrap_or(&self.app.scopes);
        Some(granted.iter().any(|granted| granted == scope))
    }

    /// Signs in, and says which of the scopes Okta does not grant, and whether it gives out a token all the same. If it gives
    /// none, they are asked for one by one.
    pub(super) async fn missing_scopes(
        self: &Arc<Self>,
        way: &Way,
        progress: &Progress,
    ) -> Result<(Vec<String>, bool), Failure> {
        match endpoint::ask(self, way, &self.app.scopes.join(" "), progress).await {
            Ok(granted) => self.take(granted)?,
            Err(NoToken::Refused(why)) if refusal::is_about_scopes(&why) => {
                return Ok((self.refused_scopes(way, progress).await?, false));
            }
            Err(no_token) => return Err(self.failure(no_token)),
        }
        let missing = self.app.scopes.iter().filter(|scope| self.has_scope(scope) == Some(false));
        Ok((missing.cloned().collect(), true))
    }

    async fn refused_scopes(
        self: &Arc<Self>,
        way: &Way,
        progress: &Progress,
    ) -> Result<Vec<String>, Failure> {
        let mut refused = Vec::new();
        for scope in &self.app.scopes {
            match endpoint::ask(self, way, scope, progress).await {
                Ok(_) => {}
                Err(NoToken::Refused(why)) if refusal::is_about_scopes(&why) => refused.push(scope.clone()),
                Err(no_token) => return Err(self.failure(no_token)),
            }
        }
        Ok(refused)
    }

    fn token(&self) -> Option<Arc<Token>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a token that was given out from now on.
    fn take(&self, granted: Granted) -> Result<(), Failure> {
        let stamp = self.token().map_or(1, |old| old.stamp + 1);
        let token = Token::new((granted.scheme, &granted.token), granted.life, granted.scopes, stamp);
        let token = token.ok_or_else(|| {
            let text = "no access token could be had: it holds characters that no token has".to_owned();
            Failure { kind: FailureKind::WrongAnswer, text, uncertain: false }
        })?;
        tracing::debug!(app = self.app.client_id, life = ?granted.life, "signed in");
        self.keep(token);
        Ok(())
    }

    fn keep(&self, token: Token) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(token));
    }

    fn begin_proofs(&self) -> Result<(), Failure> {
        let key = ProofKey::generate().ok_or_else(no_random)?;
        if self.proofs.set(key).is_ok() {
            tracing::info!(
                host = host_and_port(&self.origin),
                app = self.app.client_id,
                "Okta wants a proof with every request of this service app (DPoP); from now on each has one"
            );
        }
        Ok(())
    }

    /// Makes sure that there is a token to send. However many want one, one of them asks.
    async fn ready(self: &Arc<Self>, way: &Way, progress: &Progress) -> Result<(), Failure> {
        if self.token().is_some_and(|token| token.is_fresh()) {
            return Ok(());
        }
        let before = self.flights.load(Ordering::Acquire);
        let mut last = self.flight.lock().await;
        if self.token().is_some_and(|token| token.is_fresh()) {
            return Ok(());
        }
        if self.flights.load(Ordering::Acquire) != before
            && let Some(failure) = last.as_ref()
        {
            // Whoever asked while this one waited was told so, and it would be told the same.
            return Err(failure.clone());
        }
        let renewed = self.renew(way, progress).await;
        self.flights.fetch_add(1, Ordering::Release);
        *last = renewed.as_ref().err().cloned();
        renewed
    }

    /// Asks for a token. Where that fails for reasons that may pass, the one that is there is good to its end.
    async fn renew(self: &Arc<Self>, way: &Way, progress: &Progress) -> Result<(), Failure> {
        let old = self.token().filter(|old| old.is_good());
        match (endpoint::ask(self, way, &self.app.scopes.join(" "), progress).await, old) {
            (Ok(granted), _) => self.take(granted),
            (Err(NoToken::Failed(failure)), Some(old)) if old.is_good() => {
                tracing::warn!(
                    host = host_and_port(&self.origin),
                    why = failure.text,
                    "the access token could not be replaced before its end; it is used until then"
                );
                self.keep(old.with_respite());
                Ok(())
            }
            (Err(no_token), _) => Err(self.failure(no_token)),
        }
    }

    fn failure(&self, no_token: NoToken) -> Failure {
        match no_token {
            NoToken::Failed(failure) => failure,
            NoToken::Refused(refused) => {
                let text = refusal::refused(&self.origin, &self.app, &refused, self.time.wrong());
                Failure { kind: FailureKind::Refused, text, uncertain: false }
            }
        }
    }
}

/// Requests as a service app.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) sign_in: Arc<SignIn>,
    pub(super) way: Way,
}

#[async_trait]
impl Credentials for SignedIn {
    async fn prepare(&self, progress: &Progress) -> Result<(), Failure> {
        self.sign_in.ready(&self.way, progress).await
    }

    fn sign(&self, method: &Method, url: &Url) -> Result<Signed, Failure> {
        let SignIn { proofs, nonce, time, .. } = self.sign_in.as_ref();
        let token = self.sign_in.token().ok_or_else(|| {
            let text = "there is no access token; nothing was changed. Report this as a bug".to_owned();
            Failure { kind: FailureKind::Refused, text, uncertain: false }
        })?;
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, token.authorization.clone())]);
        if let Some(digest) = &token.proven_by {
            let proof =
                |key: &ProofKey| key.proof((method, url), time.now(), nonce.last().as_deref(), Some(digest));
            headers.insert(DPOP, proofs.get().and_then(proof).ok_or_else(no_random)?);
        }
        Ok(Signed { headers, body: None, stamp: token.stamp })
    }

    fn hear(&self, headers: &HeaderMap) {
        self.sign_in.time.hear(headers);
        self.sign_in.nonce.hear(headers);
    }

    fn refused(&self, stamp: Stamp, answer: &Answer, body: &[u8]) -> Option<Renewal> {
        if Challenge::of(&answer.headers).error.as_deref() == Some("use_dpop_nonce") {
            return Some(Renewal::Nonce);
        }
        let doubt = Doubt::of(answer, OktaError::read(body).as_ref());
        if doubt == Doubt::None {
            return None;
        }
        if let Some(token) = self.sign_in.token().filter(|token| token.stamp == stamp) {
            token.refuse();
        }
        Some(Renewal::Token)
    }
}

/// What an answer doubts of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing: it is about what was asked for.
    None,
    /// The access token.
    Token,
    /// The proof that came with it (RFC 9449, section 7.1), which may be answered with 400 or 401 and no body.
    Proof,
}

impl Doubt {
    pub(super) fn of(answer: &Answer, error: Option<&OktaError>) -> Self {
        let challenge = Challenge::of(&answer.headers).error;
        if matches!(challenge.as_deref(), Some("invalid_dpop_proof" | "use_dpop_nonce")) {
            return Self::Proof;
        }
        // "Invalid session" is a 403, and about the token all the same.
        let invalid_session = error.is_some_and(|error| error.error_code == "E0000005");
        if answer.status == StatusCode::UNAUTHORIZED || invalid_session { Self::Token } else { Self::None }
    }
}

/// What never happens but must not be ignored.
fn no_random() -> Failure {
    let text = "nothing can be signed, since this host has no random numbers; nothing was changed".to_owned();
    Failure { kind: FailureKind::Refused, text, uncertain: false }
}

#[cfg(test)]
mod tests;
