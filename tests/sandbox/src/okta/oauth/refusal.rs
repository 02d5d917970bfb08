//! Why a token request or a call was refused: one word each, and what a client is told.

use std::fmt;

/// Why the authorization server, or an endpoint, refused an app.
///
/// Published or recorded are the codes, and these descriptions: [`Self::NoCredentials`], [`Self::AssertionType`],
/// [`Self::Client`], [`Self::KeyId`] (okta-sdk-python, issue 289), [`Self::ProofMissing`], [`Self::ProofMalformed`]
/// (okta-sdk-dotnet, issue 758), [`Self::ProofNonce`] and [`Self::ProofAddress`] (okta-sdk-golang, issue 468). The others
/// are the stand-in's own words: a client should not read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The body is no form, or a parameter is missing or there twice.
    Form,
    /// Another grant than `client_credentials`.
    Grant,
    /// Nothing says who asks.
    NoCredentials,
    /// A client secret, where only `private_key_jwt` is taken.
    Secret,
    /// `client_assertion_type` is missing or wrong.
    AssertionType,
    /// The assertion is no JWT.
    Assertion,
    /// No such app.
    Client,
    /// An algorithm that is not taken.
    Algorithm,
    /// No registered key has this `kid`, or there are several and the assertion names none.
    KeyId,
    /// The signature is not that of the registered key.
    Signature,
    /// `iss`, `sub` and the form's `client_id` are not one and the same.
    Issuer,
    /// `aud` is not the token endpoint.
    Audience,
    /// `exp` is missing, or over.
    Expired,
    /// `exp` is more than an hour ahead.
    TooLong,
    /// `iat` lies ahead.
    Early,
    /// The `jti` of the assertion was used before.
    AssertionReplay,
    /// A scope is not granted, or none is asked for.
    Scope,
    /// No DPoP proof, where one is wanted.
    ProofMissing,
    /// The proof is no JWT of type `dpop+jwt`, or there are two of them.
    ProofMalformed,
    /// The proof's algorithm is not taken.
    ProofAlgorithm,
    /// `jwk` is missing, no public key, or has private members.
    ProofKey,
    /// The proof is not signed by its own key.
    ProofSignature,
    /// `htm` is not the method.
    ProofMethod,
    /// `htu` is not the address, without query and fragment.
    ProofAddress,
    /// `iat` is missing, or not of now.
    ProofTime,
    /// `jti` is missing.
    ProofId,
    /// The `jti` of the proof was used before.
    ProofReplay,
    /// The nonce is missing, or not (or no longer) known.
    ProofNonce,
    /// `ath` is not the digest of the access token.
    ProofToken,
    /// The access token belongs to another key than the proof's.
    ProofOtherKey,
    /// No such access token.
    Token,
    /// The access token is over.
    TokenExpired,
    /// The access token was revoked.
    TokenRevoked,
    /// `Bearer` with a token that is bound to a key, or `DPoP` with one that is not.
    TokenScheme,
    /// The access token lacks the scope of the endpoint.
    TokenScope,
    /// The app has no administrator's role.
    TokenRole,
}

/// The word, the OAuth error code, and its description.
type Facts = (&'static str, &'static str, &'static str);

impl Refusal {
    fn facts(self) -> Facts {
        let client = "invalid_client";
        let proof = "invalid_dpop_proof";
        match self {
            Self::Form => ("form", "invalid_request", "The request is not a form with every parameter once."),
            Self::Grant => {
                ("grant", "unsupported_grant_type", "The grant type is not supported by this client.")
            }
            Self::NoCredentials => ("no-credentials", client, "No client credentials found"),
            Self::Secret => ("secret", client, "The client authenticates with private_key_jwt only."),
            Self::AssertionType => {
                ("assertion-type", "invalid_request", "The `client_assertion_type` is invalid.")
            }
            Self::Assertion => ("assertion", client, "The client_assertion cannot be parsed."),
            Self::Client => ("client", client, "Invalid value for the `client_id` parameter"),
            Self::Algorithm => ("algorithm", client, "The client_assertion algorithm is not supported."),
            Self::KeyId => ("key-id", client, "The client_assertion JWT kid is invalid."),
            Self::Signature => ("signature", client, "The client_assertion signature is invalid."),
            Self::Issuer => ("issuer", client, "The client_assertion issuer or subject is invalid."),
            Self::Audience => ("audience", client, "The client_assertion audience is invalid."),
            Self::Expired => ("expired", client, "The client_assertion is expired."),
            Self::TooLong => ("too-long", client, "The client_assertion expires too far in the future."),
            Self::Early => ("early", client, "The client_assertion is issued in the future."),
            Self::AssertionReplay => ("assertion-replay", client, "The client_assertion was used before."),
            Self::Scope => ("scope", "invalid_scope", "A scope has to be requested."),
            Self::ProofMissing => ("proof-missing", proof, "The DPoP proof JWT header is missing."),
            Self::ProofMalformed => ("proof-malformed", proof, "DPoP proof JWT cannot be parsed."),
            Self::ProofAlgorithm => ("proof-algorithm", proof, "'alg' in the DPoP proof JWT is invalid."),
            Self::ProofKey => ("proof-key", proof, "'jwk' in the DPoP proof JWT is invalid."),
            Self::ProofSignature => ("proof-signature", proof, "The DPoP proof JWT signature is invalid."),
            Self::ProofMethod => ("proof-method", proof, "'htm' claim in the DPoP proof JWT is invalid."),
            Self::ProofAddress => ("proof-address", proof, "'htu' claim in the DPoP proof JWT is invalid."),
            Self::ProofTime => ("proof-time", proof, "'iat' claim in the DPoP proof JWT is invalid."),
            Self::ProofId => ("proof-id", proof, "'jti' claim in the DPoP proof JWT is missing."),
            Self::ProofReplay => ("proof-replay", proof, "The DPoP proof JWT has already been used."),
            Self::ProofNonce => {
                ("proof-nonce", "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
            }
            Self::ProofToken => ("proof-token", proof, "'ath' claim in the DPoP proof JWT is invalid."),
            Self::ProofOtherKey => {
                ("proof-other-key", proof, "The key of the DPoP proof JWT is not that of the access token.")
            }
            Self::Token => ("token", "invalid_token", "The access token is invalid."),
            Self::TokenExpired => ("token-expired", "invalid_token", "The access token is expired."),
            Self::TokenRevoked => ("token-revoked", "invalid_token", "The access token is revoked."),
            Self::TokenScheme => {
                ("token-scheme", "invalid_token", "The access token is invalid for this scheme.")
            }
            Self::TokenScope => {
                ("token-scope", "insufficient_scope", "The access token lacks the scope of this endpoint.")
            }
            Self::TokenRole => ("token-role", "access_denied", "The app has no role."),
        }
    }

    /// The code in an OAuth error.
    pub fn error(self) -> &'static str {
        self.facts().1
    }

    /// The text beside the code.
    pub(crate) fn description(self) -> &'static str {
        self.facts().2
    }

    /// The status of the token endpoint for it.
    pub(crate) fn status(self) -> u16 {
        if self.error() == "invalid_client" { 401 } else { 400 }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.facts().0)
    }
}
