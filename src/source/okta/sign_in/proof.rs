//! Proofs of possession (DPoP, RFC 9449): who stole a token could do nothing with it, since every request also proves that it
//! comes from whoever the token was given to.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{BASE64, jws};

/// The header with a proof.
pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The header with a number that the server wants in proofs from now on.
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A key that was made in this process for proofs alone, and never leaves it.
pub(super) struct ProofKey {
    pair: EcdsaKeyPair,
    /// Its public half.
    jwk: Value,
}

impl ProofKey {
    /// A new one; none if this host has no random numbers.
    pub(super) fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        // SEC 1, section 2.3.3: 4, x, y.
        let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y) });
        Some(Self { pair, jwk })
    }

    /// A proof for one try; none if signing fails. `token_digest` is [`digest`] of the token that goes with it.
    pub(super) fn proof(
        &self,
        (method, url): (&Method, &Url),
        now: i64,
        nonce: Option<&str>,
        token_digest: Option<&str>,
    ) -> Option<HeaderValue> {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk });
        let mut claims = json!({
            "htm": method.as_str(),
            "htu": without_query(url).as_str(),
            "iat": now,
            "jti": jws::fresh_id()?,
        });
        for (name, value) in [("nonce", nonce), ("ath", token_digest)] {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        let sign =
            |message: &[u8]| Some(self.pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec());
        let mut value = HeaderValue::try_from(jws::compact(&header, &claims, sign)?).ok()?;
        // New each time: HTTP/2 need not remember it.
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey")
    }
}

/// The digest of a token as proofs hold it: `ath`.
pub(super) fn digest(token: &str) -> String {
    BASE64.encode(Sha256::digest(token.as_bytes()))
}

/// Section 4.2: neither query nor fragment. With the query of a `next` link in it Okta refuses every later page.
fn without_query(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// The last number that a server wanted in proofs.
#[derive(Debug, Default)]
pub(super) struct Nonce(Mutex<Option<String>>);

impl Nonce {
    pub(super) fn hear(&self, headers: &HeaderMap) {
        if let Some(nonce) = headers.get(NONCE).and_then(|nonce| nonce.to_str().ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce.to_owned());
        }
    }

    pub(super) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
