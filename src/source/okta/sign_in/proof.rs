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
///
/// The path stays as it is sent. Ids stand in paths as they are; a login, which one user is asked for by, may bear characters
/// that are encoded there. A server compares after syntax-based normalization (section 4.3), which decodes unreserved characters
/// only (RFC 3986, section 6.2.2.2), and those are never encoded by [`Url`]; nor are `@` and `+`, so that a server that decodes the
/// path sees the same login.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_what_is_sent_without_query_and_fragment_and_a_fresh_id_in_each() {
        let key = ProofKey::generate().unwrap();
        let claims = |url: &Url| -> Value {
            let proof = key.proof((&Method::GET, url), 7, None, None).unwrap();
            let claims = proof.to_str().unwrap().split('.').nth(1).unwrap().to_owned();
            serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap()
        };
        for (login, path) in [
            ("00u1", "00u1"),
            ("a+b@x.com", "a+b@x.com"),
            ("A-z.9_~'!$&", "A-z.9_~'!$&"),
            ("a b/ü%2B@x.com", "a%20b%2F%C3%BC%252B@x.com"),
        ] {
            let mut url: Url = "https://acme.okta.com/".parse().unwrap();
            url.path_segments_mut().unwrap().clear().extend(["api", "v1", "users", login]);
            let sent = format!("https://acme.okta.com/api/v1/users/{path}");
            url.set_query(Some("after=00u2&limit=200"));
            url.set_fragment(Some("top"));
            assert_eq!(url.as_str(), format!("{sent}?after=00u2&limit=200#top"));
            let (one, other) = (claims(&url), claims(&url));
            assert_eq!((&one["htu"], &one["htm"], &one["iat"]), (&json!(sent), &json!("GET"), &json!(7)));
            assert_ne!(one["jti"], other["jti"]);
        }
    }
}
