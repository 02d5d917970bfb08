//! Signed JWTs in their compact form (RFC 7515, RFC 7519), and the six algorithms that Okta takes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// What a signature may be made with: those published for client assertions and for DPoP proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
}

impl Algorithm {
    const ALL: [(Self, &str); 6] = [
        (Self::Rs256, "RS256"),
        (Self::Rs384, "RS384"),
        (Self::Rs512, "RS512"),
        (Self::Es256, "ES256"),
        (Self::Es384, "ES384"),
        (Self::Es512, "ES512"),
    ];

    /// The algorithm of a header; `none`, HMAC and all others are none.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(algorithm, _)| *algorithm)
    }

    /// All names, as a `WWW-Authenticate` header lists them.
    pub(crate) fn names() -> String {
        Self::ALL.map(|(_, name)| name).join(" ")
    }
}

/// A JWT, taken apart. Nothing of it is trusted yet.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// What is signed: header and claims as they were sent.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads three parts of base64url, of which the first two are JSON objects.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: decode(signature).filter(|signature| !signature.is_empty())?,
        })
    }

    /// A header parameter that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A header parameter of any type.
    pub(crate) fn header_value(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// A claim that is text.
    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that is a moment, in milliseconds since the Unix epoch.
    pub(crate) fn moment(&self, name: &str) -> Option<i64> {
        Some((self.claims.get(name)?.as_f64()? * 1000.0) as i64)
    }
}

/// Bytes as base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decode(part)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_parts_of_base64url_are_a_jwt() {
        let part = |text: &str| encode(text.as_bytes());
        let good =
            format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(r#"{"exp":1.5,"sub":"a"}"#), part("s"));
        let jws = Jws::parse(&good).unwrap();
        assert_eq!(
            (jws.header("alg"), jws.claim("sub"), jws.moment("exp")),
            (Some("RS256"), Some("a"), Some(1500))
        );
        assert_eq!(good, format!("{}.{}", jws.signed, encode(&jws.signature)));
        let (head, claims) = (part("{}"), part("{}"));
        for wrong in [
            "",
            "a.b",
            &format!("{head}.{claims}."),
            &format!("{head}.{claims}.x.y"),
            &format!("{head}.{}.eA", part("[]")),
            &format!("{head}=.{claims}.eA"),
        ] {
            assert!(Jws::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Algorithm::named("none"), None);
        assert_eq!(Algorithm::named("HS256"), None);
        assert_eq!(Algorithm::names(), "RS256 RS384 RS512 ES256 ES384 ES512");
    }
}
