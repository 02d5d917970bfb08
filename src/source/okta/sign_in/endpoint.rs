//! The request for an access token (RFC 6749, section 4.4, with RFC 7523 and RFC 9449) and what Okta answers (Okta developer
//! docs, "Implement OAuth for Okta with a service app"; "Configure OAuth 2.0 Demonstrating Proof-of-Possession").

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use url::Url;
use url::form_urlencoded::Serializer;

use super::assertion::assertion;
use super::proof::DPOP;
use super::token::Scheme;
use super::{SignIn, no_random};
use crate::http::{Answer, Api, Call, Credentials, Failure, FailureKind, Renewal, Shared, Signed, Stamp};
use crate::source::okta::parse::{OktaError, clean};
use crate::source::okta::refusal::strange;
use crate::sync::progress::Progress;

/// The kind of proof that is sent (RFC 7523, section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long a token lives if Okta does not say (Okta developer docs: fixed at an hour).
const USUAL_LIFE: u64 = 3600;

/// How requests for tokens are made.
#[derive(Clone, Debug)]
pub(in super::super) struct Way {
    pub(in super::super) shared: Shared,
    /// Hundredths of the bucket for tokens that may be used.
    pub(in super::super) budget: u8,
}

/// A token as Okta gives it out.
pub(super) struct Granted {
    pub(super) scheme: Scheme,
    pub(super) token: String,
    pub(super) life: Duration,
    /// None: all that was asked for.
    pub(super) scopes: Option<Vec<String>>,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) enum NoToken {
    /// Okta refused.
    Refused(Refused),
    /// No answer, or none of Okta.
    Failed(Failure),
}

/// A refusal (RFC 6749, section 5.2), which Okta also sends in the form of its own errors.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    #[serde(alias = "errorCode")]
    pub(super) error: String,
    #[serde(default, alias = "errorSummary")]
    error_description: String,
}

impl Refused {
    fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Code and description, for use in a sentence.
    pub(super) fn line(&self) -> String {
        let line = format!("{}: {}", clean(&self.error), clean(&self.error_description));
        line.trim_end_matches(['.', ' ', ':']).to_owned()
    }

    /// Whether the time at which it was signed may be why.
    fn may_be_about_time(&self) -> bool {
        matches!(
            self.error.as_str(),
            "invalid_client" | "invalid_dpop_proof" | "invalid_request" | "invalid_grant"
        )
    }
}

/// What was put right after a refusal: each helps once or not at all.
#[derive(Default)]
struct PutRight {
    proofs: bool,
    nonce: bool,
    clock: bool,
}

/// Asks for a token. Where Okta says that it wants proofs, or which number in them, or where the clocks turn out to differ, asks
/// again as it wants.
pub(super) async fn ask(
    sign_in: &Arc<SignIn>,
    way: &Way,
    scopes: &str,
    progress: &Progress,
) -> Result<Granted, NoToken> {
    let credentials = AtEndpoint { sign_in: Arc::clone(sign_in), scopes: scopes.to_owned() };
    let api = way.shared.api_signed_by("okta", &sign_in.origin, Arc::new(credentials), way.budget);
    let mut put_right = PutRight::default();
    loop {
        let (proved, ahead) = (sign_in.proofs.get().is_some(), sign_in.time.ahead());
        let refused = match ask_once(&api, &sign_in.endpoint, progress).await? {
            Ok(granted) if granted.scheme == Scheme::Dpop && !proved => {
                let text = "the token is one that needs proofs, and none was sent for it".to_owned();
                return Err(NoToken::Failed(strange_answer(text)));
            }
            Ok(granted) => return Ok(granted),
            Err(refused) => refused,
        };
        let wants_proofs =
            matches!(refused.error.as_str(), "invalid_dpop_proof" | "use_dpop_nonce") && !proved;
        let repaired = if wants_proofs {
            sign_in.begin_proofs().map_err(NoToken::Failed)?;
            &mut put_right.proofs
        } else if refused.error == "use_dpop_nonce" {
            &mut put_right.nonce
        } else if refused.may_be_about_time() && sign_in.time.ahead() != ahead {
            &mut put_right.clock
        } else {
            return Err(NoToken::Refused(refused));
        };
        if std::mem::replace(repaired, true) {
            return Err(NoToken::Refused(refused));
        }
        tracing::debug!(refused = refused.line(), "the sign-in will be made again");
    }
}

async fn ask_once(
    api: &Api,
    endpoint: &Url,
    progress: &Progress,
) -> Result<Result<Granted, Refused>, NoToken> {
    let call = Call {
        method: &Method::POST,
        bucket: "token",
        url: endpoint,
        body: None,
        content_type: Some("application/x-www-form-urlencoded"),
        smaller: None,
        once: false,
        // Whoever waits for the token drops the request with its own.
        stop: &CancellationToken::new(),
        explain: |body| Refused::read(body).map(|refused| refused.line()),
    };
    let mut body = Vec::new();
    let reply = api.ask(call, progress, &mut body, read).await;
    let reply = reply.map_err(|failure| {
        let text = format!("no access token could be had: {}", failure.text);
        NoToken::Failed(Failure { text, ..failure })
    })?;
    reply.map_err(|text| NoToken::Failed(strange_answer(text)))
}

fn strange_answer(text: String) -> Failure {
    let text = format!("no access token could be had: {text}");
    Failure { kind: FailureKind::WrongAnswer, text, uncertain: false }
}

/// What an answer means; the error inside is about an answer that is not Okta's. The outer error is a part of a sentence: the
/// request is made again.
fn read(answer: &Answer, body: &[u8]) -> Result<Result<Result<Granted, Refused>, String>, String> {
    if answer.status == StatusCode::OK {
        return granted(body).map(|granted| Ok(Ok(granted)));
    }
    let refuses =
        matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    Ok(match Refused::read(body).filter(|_| refuses) {
        Some(refused) => Ok(Err(refused)),
        None => Err(strange(answer.status, &answer.headers, OktaError::read(body).as_ref())),
    })
}

fn granted(body: &[u8]) -> Result<Granted, String> {
    #[derive(Deserialize)]
    struct Body {
        token_type: String,
        access_token: String,
        expires_in: Option<u64>,
        scope: Option<String>,
    }
    // What serde says of a mistake may quote the token.
    let body: Body = serde_json::from_slice(body)
        .map_err(|_| "the answer is not that of Okta's token endpoint".to_owned())?;
    let scheme = match body.token_type.to_ascii_lowercase().as_str() {
        "bearer" => Scheme::Bearer,
        "dpop" => Scheme::Dpop,
        _ => return Err(format!("the token is of an unknown type, {}", clean(&body.token_type))),
    };
    if body.access_token.is_empty() {
        return Err("the token is empty".to_owned());
    }
    let scopes = body.scope.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect());
    let life = Duration::from_secs(body.expires_in.unwrap_or(USUAL_LIFE));
    Ok(Granted { scheme, token: body.access_token, life, scopes })
}

/// What a request for a token is signed with.
#[derive(Debug)]
struct AtEndpoint {
    sign_in: Arc<SignIn>,
    scopes: String,
}

#[async_trait]
impl Credentials for AtEndpoint {
    async fn prepare(&self, _: &Progress) -> Result<(), Failure> {
        Ok(())
    }

    fn sign(&self, method: &Method, url: &Url) -> Result<Signed, Failure> {
        let SignIn { app, key, endpoint, time, proofs, .. } = self.sign_in.as_ref();
        let key_id = app.key_id.as_deref().or(key.id());
        let now = time.now();
        let assertion = assertion(&app.client_id, (key, key_id), endpoint, now).ok_or_else(no_random)?;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("scope", &self.scopes);
        form.append_pair("client_assertion_type", ASSERTION_TYPE);
        form.append_pair("client_assertion", &assertion);
        let mut headers = HeaderMap::new();
        if let Some(proof_key) = proofs.get() {
            let nonce = self.sign_in.endpoint_nonce.last();
            let proof = proof_key.proof((method, url), now, nonce.as_deref(), None);
            headers.insert(DPOP, proof.ok_or_else(no_random)?);
        }
        Ok(Signed { headers, body: Some(form.finish()), stamp: 0 })
    }

    fn hear(&self, headers: &HeaderMap) {
        self.sign_in.time.hear(headers);
        self.sign_in.endpoint_nonce.hear(headers);
    }

    fn refused(&self, _: Stamp, _: &Answer, _: &[u8]) -> Option<Renewal> {
        // The answer says what is to be put right, and that is not always the same.
        None
    }
}
