//! DPoP proofs (RFC 9449, section 4.3): that the client has the key it names, made for this very request.

use aws_lc_rs::digest;

use super::jws::{Algorithm, Jws, encode};
use super::key::PublicKey;
use super::refusal::Refusal;
use super::used::UsedIds;
use super::{ALLOWANCE, nonce::Nonces};

/// What a proof has to be for.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) method: &'a str,
    /// Without query and fragment.
    pub(crate) address: &'a str,
    /// The access token that it comes with, and the thumbprint of the key that token is bound to.
    pub(crate) token: Option<(&'a str, &'a str)>,
    /// Those of which it has to bear one.
    pub(crate) nonces: Option<&'a Nonces>,
}

/// Checks the proof that came with a request and returns the thumbprint of its key.
///
/// A good proof is used up, even where only its nonce is missing.
pub(crate) fn check(
    proofs: &[String],
    expected: &Expected<'_>,
    used: &mut UsedIds,
    now: i64,
) -> Result<String, Refusal> {
    let text = match proofs {
        [] => return Err(Refusal::ProofMissing),
        [text] => text,
        _ => return Err(Refusal::ProofMalformed),
    };
    let proof = Jws::parse(text).filter(|proof| proof.header("typ") == Some("dpop+jwt"));
    let proof = proof.ok_or(Refusal::ProofMalformed)?;
    let key = signing_key(&proof)?;
    if proof.claim("htm") != Some(expected.method) {
        return Err(Refusal::ProofMethod);
    }
    if proof.claim("htu") != Some(expected.address) {
        return Err(Refusal::ProofAddress);
    }
    let issued = proof.moment("iat").ok_or(Refusal::ProofTime)?;
    if (issued - now).abs() > ALLOWANCE {
        return Err(Refusal::ProofTime);
    }
    let thumbprint = key.thumbprint();
    if let Some((token, bound_to)) = expected.token {
        let digest = encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        if proof.claim("ath") != Some(&digest) {
            return Err(Refusal::ProofToken);
        }
        if thumbprint != bound_to {
            return Err(Refusal::ProofOtherKey);
        }
    }
    let nonce = proof.claim("nonce");
    match proof.claim("jti") {
        Some(id) if !used.spend(format!("proof {id}"), now) => return Err(Refusal::ProofReplay),
        Some(_) => {}
        // Only recommended for the first request, which is there to learn the nonce.
        None if nonce.is_none() && expected.token.is_none() => {}
        None => return Err(Refusal::ProofId),
    }
    match expected.nonces {
        Some(nonces) if !nonce.is_some_and(|nonce| nonces.know(nonce, now)) => Err(Refusal::ProofNonce),
        _ => Ok(thumbprint),
    }
}

/// The key in the header, if the proof is signed by it.
fn signing_key(proof: &Jws<'_>) -> Result<PublicKey, Refusal> {
    let algorithm = proof.header("alg").and_then(Algorithm::named).ok_or(Refusal::ProofAlgorithm)?;
    let jwk = proof.header_value("jwk").ok_or(Refusal::ProofKey)?;
    let key = PublicKey::from_jwk(jwk).map_err(|_| Refusal::ProofKey)?;
    match key.verifies(algorithm, proof.signed.as_bytes(), &proof.signature) {
        true => Ok(key),
        false => Err(Refusal::ProofSignature),
    }
}
