//! The private key of a service app: read from PEM or from a JSON Web Key, and what it can sign.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};
use secrecy::{ExposeSecret, SecretString};

use super::{jwk, pem};
use crate::config::model::Algorithm;

/// A key that can sign; what it is is never shown.
pub(crate) struct PrivateKey {
    pair: Pair,
    algorithm: Algorithm,
    /// The id that the key itself bears.
    id: Option<String>,
}

/// The two kinds of keys.
pub(super) enum Pair {
    Rsa(RsaKeyPair),
    /// With the only algorithm that its curve allows.
    Curve(EcdsaKeyPair, Algorithm),
}

/// What a text holds.
pub(super) struct Found {
    pub(super) pair: Pair,
    pub(super) id: Option<String>,
    /// What the key itself says it is for.
    pub(super) algorithm: Option<Algorithm>,
}

/// Why a text is no key that can be used; nothing of it is in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFault {
    /// The end of a sentence about the key.
    pub(crate) why: String,
    /// A sentence.
    pub(crate) advice: &'static str,
}

impl KeyFault {
    pub(super) fn new(why: impl Into<String>, advice: &'static str) -> Self {
        Self { why: why.into(), advice }
    }
}

const OTHER_KIND: &str = "Okta accepts RSA keys of 2048 bits or more, and keys on the curves P-256, P-384 and P-521: make \
                          such a key for the app.";
pub(super) const AS_SHOWN: &str = "Put the private key there as Okta showed it when it was made: all lines from BEGIN PRIVATE \
                                   KEY to END PRIVATE KEY, or the JSON object that has `kty`.";

/// The curves in the order of their size.
const CURVES: [(Algorithm, &EcdsaSigningAlgorithm); 3] = [
    (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED_SIGNING),
    (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED_SIGNING),
    (Algorithm::Es512, &ECDSA_P521_SHA512_FIXED_SIGNING),
];

impl PrivateKey {
    /// Reads a key that signs as is wanted, or as the key itself says.
    pub(crate) fn read(text: &SecretString, wanted: Option<Algorithm>) -> Result<Self, KeyFault> {
        let text = text.expose_secret().trim();
        let Found { pair, id, algorithm } =
            if text.starts_with('{') { jwk::read(text)? } else { pem::read(text)? };
        let algorithm = wanted.or(algorithm).unwrap_or_else(|| pair.usual());
        pair.fits(algorithm)?;
        Ok(Self { pair, algorithm, id })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The signature as it stands in a JSON Web Signature (RFC 7518, sections 3.3 and 3.4); none if the key fails.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let padding = match self.algorithm {
                    Algorithm::Rs384 => &RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Pair::Curve(pair, _) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Pair {
    /// Of `PrivateKeyInfo` (RFC 5958), which says itself what it holds.
    pub(super) fn of_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        // The identifiers of RFC 8017 and RFC 5480; the kind of the key is the first thing in such a block.
        const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
        const CURVE: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
        let is = |kind: &[u8]| {
            der.iter().take(40).copied().collect::<Vec<u8>>().windows(kind.len()).any(|at| at == kind)
        };
        if is(RSA) {
            return RsaKeyPair::from_pkcs8(der)
                .map(Self::Rsa)
                .map_err(|error| rsa_fault(error.description_()));
        }
        if is(CURVE) {
            return Self::of_curve(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok());
        }
        Err(KeyFault::new(
            "it is neither an RSA key nor one on an elliptic curve that can be used",
            OTHER_KIND,
        ))
    }

    /// Of `RSAPrivateKey` (RFC 8017).
    pub(super) fn of_pkcs1(der: &[u8]) -> Result<Self, KeyFault> {
        RsaKeyPair::from_der(der).map(Self::Rsa).map_err(|error| rsa_fault(error.description_()))
    }

    /// Of `ECPrivateKey` (RFC 5915).
    pub(super) fn of_sec1(der: &[u8]) -> Result<Self, KeyFault> {
        Self::of_curve(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
    }

    /// On the curve for which `make` makes a key.
    fn of_curve(
        make: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>,
    ) -> Result<Self, KeyFault> {
        let pair =
            CURVES.into_iter().find_map(|(algorithm, curve)| Some(Self::Curve(make(curve)?, algorithm)));
        pair.ok_or_else(|| {
            KeyFault::new("it is damaged, or on a curve that Okta does not accept", OTHER_KIND)
        })
    }

    /// On the curve of that algorithm, from its numbers.
    pub(super) fn of_point(wanted: Algorithm, private: &[u8], public: &[u8]) -> Option<Self> {
        let (algorithm, curve) = CURVES.into_iter().find(|(algorithm, _)| *algorithm == wanted)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(curve, private, public).ok()?;
        Some(Self::Curve(pair, algorithm))
    }

    /// What signs where nothing else is said.
    fn usual(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::Curve(_, algorithm) => *algorithm,
        }
    }

    fn fits(&self, wanted: Algorithm) -> Result<(), KeyFault> {
        let is_rsa = matches!(wanted, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512);
        match self {
            Self::Rsa(_) if is_rsa => Ok(()),
            Self::Curve(_, algorithm) if *algorithm == wanted => Ok(()),
            Self::Rsa(_) => Err(KeyFault::new(
                format!("it is an RSA key, which cannot sign as {}", wanted.as_str()),
                "Write `algorithm: RS256`, or leave `algorithm` out.",
            )),
            Self::Curve(_, algorithm) => Err(KeyFault::new(
                format!("it signs as {} and not as {}", algorithm.as_str(), wanted.as_str()),
                "Leave `algorithm` out: the curve of the key says which it is.",
            )),
        }
    }
}

/// Why an RSA key was rejected.
pub(super) fn rsa_fault(description: &str) -> KeyFault {
    match description {
        "TooSmall" => KeyFault::new("it is an RSA key of less than 2048 bits", OTHER_KIND),
        "TooLarge" => KeyFault::new("it is an RSA key of more than 8192 bits", OTHER_KIND),
        _ => KeyFault::new("it is a damaged RSA key", AS_SHOWN),
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
