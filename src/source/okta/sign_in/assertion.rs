//! What a service app proves itself with when it asks for a token (RFC 7523; Okta developer docs, "Build a JWT for client
//! authentication").

use serde_json::json;
use url::Url;

use super::jws;
use super::key::PrivateKey;

/// How long an assertion is good for, in seconds. Okta takes up to an hour; it is used at once, so that only two clocks that
/// differ need any of it.
const LIFE: i64 = 600;

/// An assertion that is good for one request; none if signing fails.
pub(super) fn assertion(
    client_id: &str,
    (key, key_id): (&PrivateKey, Option<&str>),
    endpoint: &Url,
    now: i64,
) -> Option<String> {
    let mut header = json!({ "alg": key.algorithm().as_str(), "typ": "JWT" });
    if let Some(id) = key_id {
        header["kid"] = json!(id);
    }
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": endpoint.as_str(),
        "iat": now,
        "exp": now + LIFE,
        "jti": jws::fresh_id()?,
    });
    jws::compact(&header, &claims, |message| key.sign(message))
}
