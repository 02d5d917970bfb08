//! Key pairs for tests, made when they are needed: no private key lies in the repository.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::der::{OCTETS, SEQUENCE, take, take_number};
use super::jws::encode;
use super::key::PublicKey;

/// The kinds of keys that Okta takes. An algorithm of a JWT goes with one of them: `RS…` with RSA, `ES256` with P-256,
/// `ES384` with P-384, `ES512` with P-521.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// RSA of 2048 bits.
    Rsa2048,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve P-521.
    P521,
}

/// A key pair. Its `kid` is its thumbprint until [`Self::with_kid`] says otherwise.
#[derive(Clone)]
pub struct KeyPair {
    public: PublicKey,
    public_der: Vec<u8>,
    pkcs8: Vec<u8>,
    /// The private members of the JWK.
    private: Vec<(&'static str, Vec<u8>)>,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// Makes a new pair.
    #[allow(clippy::panic, reason = "without a key there is no test")]
    pub fn generate(kind: KeyKind) -> Self {
        let made = match kind {
            KeyKind::Rsa2048 => rsa(),
            KeyKind::P256 => on_curve(&ECDSA_P256_SHA256_FIXED_SIGNING),
            KeyKind::P384 => on_curve(&ECDSA_P384_SHA384_FIXED_SIGNING),
            KeyKind::P521 => on_curve(&ECDSA_P521_SHA512_FIXED_SIGNING),
        };
        let Some(pair) = made else { panic!("no {kind:?} key was made") };
        let kid = pair.public.thumbprint();
        pair.with_kid(&kid)
    }

    /// The same pair under another `kid`.
    pub fn with_kid(mut self, kid: &str) -> Self {
        self.public = self.public.with_kid(kid);
        self
    }

    /// The `kid`.
    pub fn kid(&self) -> &str {
        self.public.kid().unwrap_or_default()
    }

    /// The public half, to be registered.
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// The public half as a JWK.
    pub fn public_jwk(&self) -> Value {
        self.public.jwk()
    }

    /// The public half as PEM (SubjectPublicKeyInfo).
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der)
    }

    /// The whole key as PKCS#8, in DER.
    pub fn private_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The whole key as PEM of PKCS#8 (`PRIVATE KEY`).
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }

    /// The whole key as a JWK.
    pub fn private_jwk(&self) -> Value {
        let mut jwk = self.public.jwk();
        for (name, bytes) in &self.private {
            jwk[*name] = encode(bytes).into();
        }
        jwk
    }
}

fn rsa() -> Option<KeyPair> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
    let pkcs8 = pair.as_der().ok()?.as_ref().to_vec();
    let private = rsa_members(&pkcs8)?;
    KeyPair::of(pair.public_key().as_der().ok()?.as_ref().to_vec(), pkcs8, private)
}

fn on_curve(algorithm: &'static EcdsaSigningAlgorithm) -> Option<KeyPair> {
    let pair = EcdsaKeyPair::generate(algorithm).ok()?;
    let pkcs8 = pair.to_pkcs8v1().ok()?.as_ref().to_vec();
    let private = vec![("d", pair.private_key().as_be_bytes().ok()?.as_ref().to_vec())];
    KeyPair::of(pair.public_key().as_der().ok()?.as_ref().to_vec(), pkcs8, private)
}

impl KeyPair {
    fn of(public_der: Vec<u8>, pkcs8: Vec<u8>, private: Vec<(&'static str, Vec<u8>)>) -> Option<Self> {
        let public = PublicKey::from_pem(&pem("PUBLIC KEY", &public_der)).ok()?;
        Some(Self { public, public_der, pkcs8, private })
    }
}

/// The private members of an RSA key (RFC 7518, section 6.3.2) from its PKCS#8 form: after version and scheme comes an
/// RSAPrivateKey (RFC 8017), which has version, n, e and then these.
fn rsa_members(mut pkcs8: &[u8]) -> Option<Vec<(&'static str, Vec<u8>)>> {
    let mut info = take(&mut pkcs8, SEQUENCE)?;
    take_number(&mut info)?;
    take(&mut info, SEQUENCE)?;
    let mut key = take(&mut info, OCTETS)?;
    let mut numbers = take(&mut key, SEQUENCE)?;
    for _ in ["version", "n", "e"] {
        take_number(&mut numbers)?;
    }
    let members = ["d", "p", "q", "dp", "dq", "qi"];
    members.into_iter().map(|name| Some((name, take_number(&mut numbers)?.to_vec()))).collect()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_the_same_key() {
        for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384, KeyKind::P521] {
            let pair = KeyPair::generate(kind);
            assert_eq!(PublicKey::from_jwk(&pair.public_jwk()), Ok(pair.public_key()), "{kind:?}");
            let from_pem = PublicKey::parse(&pair.public_pem()).unwrap();
            assert_eq!((from_pem.kid(), from_pem.thumbprint().as_str()), (None, pair.kid()), "{kind:?}");
            assert_eq!(PublicKey::parse(&pair.public_jwk().to_string()).unwrap().kid(), Some(pair.kid()));
            let refused = PublicKey::from_jwk(&pair.private_jwk()).unwrap_err();
            assert!(refused.contains("private member \"d\""), "{refused}");
            assert!(pair.private_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
            assert!(PublicKey::parse(&pair.private_pem()).is_err());
            let members = pair.private_jwk().as_object().unwrap().len();
            assert_eq!(members, if kind == KeyKind::Rsa2048 { 10 } else { 6 });
            assert!(!format!("{pair:?}").contains(pair.private_jwk()["d"].as_str().unwrap()));
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        // The example of section 3.1, whose members are here in another order.
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = serde_json::json!({ "kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" });
        let key = PublicKey::from_jwk(&jwk).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
