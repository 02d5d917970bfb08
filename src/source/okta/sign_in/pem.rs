//! A private key between `BEGIN` and `END` (RFC 7468).
//!
//! White space is left out wherever it stands: on its way through an environment a key loses its line breaks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;

use super::key::{AS_SHOWN, Found, KeyFault, Pair};

/// Reads the first private key of a text.
pub(super) fn read(text: &str) -> Result<Found, KeyFault> {
    let mut rest = text;
    let mut instead = None;
    while let Some((label, body, behind)) = block(rest)? {
        let pair = match label {
            "PRIVATE KEY" => Pair::of_pkcs8(&decoded(body)?),
            "RSA PRIVATE KEY" => Pair::of_pkcs1(&decoded(body)?),
            "EC PRIVATE KEY" => Pair::of_sec1(&decoded(body)?),
            "ENCRYPTED PRIVATE KEY" => Err(encrypted()),
            "OPENSSH PRIVATE KEY" => Err(KeyFault::new(
                "it is in OpenSSH's own format",
                "Write it anew with: ssh-keygen -p -m PKCS8 -f KEY.",
            )),
            other => {
                instead = instead.or(Some(other));
                rest = behind;
                continue;
            }
        };
        return pair.map(|pair| Found { pair, id: None, algorithm: None });
    }
    Err(match instead {
        Some("PUBLIC KEY" | "RSA PUBLIC KEY") => KeyFault::new(
            "it is a public key",
            "Put the private key there: the public one belongs to the app in Okta, which keeps it already.",
        ),
        Some("CERTIFICATE") => KeyFault::new("it is a certificate", AS_SHOWN),
        _ => KeyFault::new("it is neither PEM nor a JSON Web Key", AS_SHOWN),
    })
}

/// The first block of a text: its label, what stands between its lines, and what follows.
fn block(text: &str) -> Result<Option<(&str, &str, &str)>, KeyFault> {
    let Some((_, begun)) = text.split_once("-----BEGIN ") else { return Ok(None) };
    let (label, begun) = begun.split_once("-----").ok_or_else(damaged)?;
    let end = format!("-----END {label}-----");
    let (body, behind) = begun.split_once(end.as_str()).ok_or_else(damaged)?;
    Ok(Some((label, body, behind)))
}

fn decoded(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    // OpenSSL's older form says so in a header of its own (RFC 1421).
    if body.contains("ENCRYPTED") {
        return Err(encrypted());
    }
    // Both as large as they may become: memory that is moved leaves a copy behind.
    let mut letters = Zeroizing::new(String::with_capacity(body.len()));
    letters.extend(body.chars().filter(|letter| !letter.is_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; letters.len()]);
    let length = STANDARD.decode_slice(letters.as_bytes(), &mut bytes).map_err(|_| damaged())?;
    bytes.truncate(length);
    Ok(bytes)
}

fn damaged() -> KeyFault {
    KeyFault::new("its PEM block is damaged", AS_SHOWN)
}

fn encrypted() -> KeyFault {
    KeyFault::new(
        "it is encrypted with a passphrase, which nobody could type in for a daemon",
        "Decrypt it (openssl pkey -in KEY -out PLAIN) and protect the file by its mode, or encrypt it with systemd-creds.",
    )
}
