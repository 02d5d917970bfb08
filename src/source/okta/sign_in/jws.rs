//! What is signed, in its compact form (RFC 7515, section 7.1).

use base64::Engine as _;
use serde_json::Value;

use super::BASE64;

/// Header and claims, signed; none if signing fails.
pub(super) fn compact(
    header: &Value,
    claims: &Value,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<String> {
    let mut text = BASE64.encode(header.to_string());
    text.push('.');
    text.push_str(&BASE64.encode(claims.to_string()));
    let signature = sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&BASE64.encode(signature));
    Some(text)
}

/// An id that is never used again: 128 random bits; none if this host has no random numbers.
pub(super) fn fresh_id() -> Option<String> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).ok()?;
    Some(BASE64.encode(id))
}
