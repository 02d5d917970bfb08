//! The signature of what a webhook is told. Pure.

use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The value of the header `X-Usersyncd-Signature`: `sha256=` and, in hex, HMAC-SHA256 (RFC 2104) under `key` of the
/// `timestamp` (seconds since the Unix epoch, as in its header), a dot, and the body. With the time in it, a receiver
/// can refuse what somebody recorded and sends again.
///
/// The error cannot happen: HMAC takes keys of any length.
pub(super) fn sign(key: &SecretString, timestamp: i64, body: &[u8]) -> Result<String, InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())?;
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256={digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, section 4.3 (test case 2): the key `Jefe` and the text "what do ya want for nothing?". Its text has no dot,
    /// so it is checked on the library itself; the second vector was computed with Python's hmac module:
    /// `hmac.new(b"s3cret key", b"1795402842." + b'{"event":"held"}', "sha256").hexdigest()`.
    #[test]
    fn signatures_are_those_that_others_compute() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let signed = sign(&SecretString::from("s3cret key"), 1_795_402_842, br#"{"event":"held"}"#).unwrap();
        assert_eq!(signed, "sha256=8a27ff0a02ce6f372eb495dfbf22e6668fe333d1f01b85bae056fdfb654ff8e8");
        // Longer than a block, so the key is hashed first.
        let long = SecretString::from("k".repeat(131));
        assert_eq!(
            sign(&long, 0, b"").unwrap(),
            "sha256=af9cd80c5f3b21c82b8e0ff404337ad6b0ea8e587224f2a5e3bdad976b5f0fc9"
        );
    }
}
