//! Who asks for a token: the client assertion of `private_key_jwt` (RFC 7523), as Okta wants it.

use super::super::query::Query;
use super::jws::{Algorithm, Jws};
use super::refusal::Refusal;
use super::{ALLOWANCE, Authority};

/// The only `client_assertion_type` there is.
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest life of an assertion, in milliseconds.
const LONGEST: i64 = 3600 * 1000;

impl Authority {
    /// The app that a form claims to be from, whether that is true or not: against its share the request counts.
    pub(crate) fn claimed(&self, form: &Query) -> Option<usize> {
        let assertion = Jws::parse(form.get("client_assertion")?)?;
        self.place(assertion.claim("sub")?)
    }

    /// The app whose key signed the assertion. Its `jti`, if it has one, is used up then, whatever else becomes of the
    /// request.
    pub(crate) fn authenticate(&mut self, form: &Query, endpoint: &str, now: i64) -> Result<usize, Refusal> {
        if form.get("client_secret").is_some() {
            return Err(Refusal::Secret);
        }
        let kind = form.get("client_assertion_type");
        let assertion = match (kind, form.get("client_assertion")) {
            (None, None) => return Err(Refusal::NoCredentials),
            (Some(TYPE), Some(assertion)) => assertion,
            (Some(TYPE), None) => return Err(Refusal::NoCredentials),
            _ => return Err(Refusal::AssertionType),
        };
        let assertion = Jws::parse(assertion).ok_or(Refusal::Assertion)?;
        let place = assertion.claim("sub").and_then(|client| self.place(client)).ok_or(Refusal::Client)?;
        self.check_signature(place, &assertion)?;
        let client = &self.apps[place].client_id;
        let named = form.get("client_id").is_none_or(|named| named == client);
        if !named || assertion.claim("iss") != Some(client) {
            return Err(Refusal::Issuer);
        }
        if assertion.claim("aud") != Some(endpoint) {
            return Err(Refusal::Audience);
        }
        check_times(&assertion, now)?;
        match assertion.claim("jti") {
            Some(id) if !self.used.spend(format!("{client} {id}"), now) => Err(Refusal::AssertionReplay),
            _ => Ok(place),
        }
    }

    fn place(&self, client: &str) -> Option<usize> {
        self.apps.iter().position(|app| app.client_id == client)
    }

    /// A `kid` has to be one that was registered; without one there must be no choice.
    fn check_signature(&self, place: usize, assertion: &Jws<'_>) -> Result<(), Refusal> {
        let algorithm = assertion.header("alg").and_then(Algorithm::named).ok_or(Refusal::Algorithm)?;
        let keys = &self.apps[place].keys;
        let key = match (assertion.header("kid"), keys.as_slice()) {
            (None, [only]) => only,
            (None, _) => return Err(Refusal::KeyId),
            // A key that came as PEM has no id: where it is the only one, any will do.
            (Some(_), [only]) if only.kid().is_none() => only,
            (Some(kid), keys) => keys.iter().find(|key| key.kid() == Some(kid)).ok_or(Refusal::KeyId)?,
        };
        match key.verifies(algorithm, assertion.signed.as_bytes(), &assertion.signature) {
            true => Ok(()),
            false => Err(Refusal::Signature),
        }
    }
}

/// By the stand-in's own clock. `exp` is wanted, `iat` is not; there is no grace after `exp`.
fn check_times(assertion: &Jws<'_>, now: i64) -> Result<(), Refusal> {
    let expires = assertion.moment("exp").filter(|expires| *expires > now).ok_or(Refusal::Expired)?;
    if expires > now + LONGEST {
        return Err(Refusal::TooLong);
    }
    match assertion.moment("iat") {
        Some(issued) if issued > now + ALLOWANCE => Err(Refusal::Early),
        _ => Ok(()),
    }
}
