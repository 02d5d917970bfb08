//! A private key as a JSON Web Key (RFC 7517; its members are in RFC 7518, section 6).

use std::fmt;

use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use secrecy::zeroize::Zeroizing;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, de::IgnoredAny};

use super::BASE64;
use super::key::{AS_SHOWN, Found, KeyFault, Pair, rsa_fault};
use crate::config::model::Algorithm;

#[derive(Deserialize)]
struct Jwk {
    kty: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    keys: Option<IgnoredAny>,
    n: Option<Number>,
    e: Option<Number>,
    d: Option<Number>,
    p: Option<Number>,
    q: Option<Number>,
    dp: Option<Number>,
    dq: Option<Number>,
    qi: Option<Number>,
    x: Option<Number>,
    y: Option<Number>,
}

/// A number, which may be a secret.
struct Number(Zeroizing<Vec<u8>>);

/// Reads one key.
pub(super) fn read(text: &str) -> Result<Found, KeyFault> {
    // What serde says of a mistake may quote the text.
    let jwk: Jwk = serde_json::from_str(text)
        .map_err(|_| KeyFault::new("it begins like a JSON Web Key and cannot be read as one", AS_SHOWN))?;
    if jwk.keys.is_some() {
        return Err(KeyFault::new(
            "it is a set of keys",
            "Put the one key there that is meant, without the set around it.",
        ));
    }
    let pair = match jwk.kty.as_deref() {
        Some("RSA") => rsa(&jwk)?,
        Some("EC") => curve(&jwk)?,
        _ => {
            let why = "it is a JSON Web Key whose `kty` is neither RSA nor EC";
            return Err(KeyFault::new(why, AS_SHOWN));
        }
    };
    let algorithm = jwk.alg.map(|name| {
        Algorithm::named(&name).ok_or_else(|| {
            KeyFault::new(
                "its `alg` is none that Okta accepts for signing in",
                "Okta accepts RS256, RS384, RS512, ES256, ES384 and ES512: make a key for one of them.",
            )
        })
    });
    Ok(Found { pair, id: jwk.kid.filter(|id| !id.is_empty()), algorithm: algorithm.transpose()? })
}

fn rsa(jwk: &Jwk) -> Result<Pair, KeyFault> {
    let d = private(jwk)?;
    let (Some(n), Some(e), Some(p), Some(q), Some(dp), Some(dq), Some(qi)) =
        (&jwk.n, &jwk.e, &jwk.p, &jwk.q, &jwk.dp, &jwk.dq, &jwk.qi)
    else {
        return Err(lacks("an RSA key", "n, e, d, p, q, dp, dq, qi"));
    };
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: n.significant(), e: e.significant() },
        d: d.significant(),
        p: p.significant(),
        q: q.significant(),
        dP: dp.significant(),
        dQ: dq.significant(),
        qInv: qi.significant(),
    };
    RsaKeyPair::from_components(&components).map(Pair::Rsa).map_err(|error| rsa_fault(error.description_()))
}

fn curve(jwk: &Jwk) -> Result<Pair, KeyFault> {
    let d = private(jwk)?;
    let (algorithm, size) = match jwk.crv.as_deref() {
        Some("P-256") => (Algorithm::Es256, 32),
        Some("P-384") => (Algorithm::Es384, 48),
        Some("P-521") => (Algorithm::Es512, 66),
        _ => {
            let why = "it is on a curve that Okta does not accept";
            return Err(KeyFault::new(
                why,
                "Okta accepts P-256, P-384 and P-521: make a key on one of them.",
            ));
        }
    };
    let (Some(x), Some(y)) = (&jwk.x, &jwk.y) else { return Err(lacks("a key on a curve", "crv, x, y, d")) };
    let damaged = || KeyFault::new("its numbers do not belong together", AS_SHOWN);
    let mut public = vec![4];
    for number in [x, y] {
        public.extend_from_slice(&number.padded(size).ok_or_else(damaged)?);
    }
    let private = d.padded(size).ok_or_else(damaged)?;
    Pair::of_point(algorithm, &private, &public).ok_or_else(damaged)
}

fn private(jwk: &Jwk) -> Result<&Number, KeyFault> {
    jwk.d.as_ref().ok_or_else(|| {
        KeyFault::new(
            "it is a public key: it has no `d`",
            "Put the private key there: the public one belongs to the app in Okta, which keeps it already.",
        )
    })
}

fn lacks(what: &str, members: &str) -> KeyFault {
    KeyFault::new(format!("as {what} it must have all of {members}"), AS_SHOWN)
}

impl Number {
    fn significant(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        self.0.get(zeros..).unwrap_or_default()
    }

    /// With zeros before it, `size` bytes in all; none if it has more.
    fn padded(&self, size: usize) -> Option<Zeroizing<Vec<u8>>> {
        let digits = self.significant();
        let mut padded = Zeroizing::new(vec![0; size]);
        let begin = size.checked_sub(digits.len())?;
        padded.get_mut(begin..)?.copy_from_slice(digits);
        Some(padded)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in base64url")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        let mut bytes = Zeroizing::new(vec![0; text.len()]);
        let length = BASE64
            .decode_slice(text.trim_end_matches('='), &mut bytes)
            .map_err(|_| E::custom("no base64url"))?;
        bytes.truncate(length);
        Ok(Number(bytes))
    }
}
