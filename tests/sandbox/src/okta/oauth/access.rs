//! Calls with an access token: whose it is, and whether it is good for the call.

use super::super::answer::Answer;
use super::super::query::decode;
use super::super::route::Address;
use super::super::state::Ask;
use super::app::{AppRole, scope_of};
use super::jws::Algorithm;
use super::proof::{self, Expected};
use super::refusal::Refusal;
use super::{Authority, Issued};

/// How a token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    Dpop,
}

/// An app that calls with a good access token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Its number, for its share of the limits.
    pub(crate) app: usize,
    token: String,
    scopes: Vec<String>,
    bound_to: Option<String>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Caller").field("app", &self.app).finish_non_exhaustive()
    }
}

impl Authority {
    /// Whose access token this is.
    pub(crate) fn caller(&self, scheme: Scheme, token: &str, now: i64) -> Result<Caller, Refusal> {
        let Issued { app, scopes, bound_to, expires, revoked } =
            self.issued.get(token).ok_or(Refusal::Token)?;
        if *revoked {
            return Err(Refusal::TokenRevoked);
        }
        if *expires <= now {
            return Err(Refusal::TokenExpired);
        }
        if bound_to.is_some() != (scheme == Scheme::Dpop) {
            return Err(Refusal::TokenScheme);
        }
        Ok(Caller { app: *app, token: token.to_owned(), scopes: scopes.clone(), bound_to: bound_to.clone() })
    }

    /// The role of an app.
    pub(crate) fn role(&self, app: usize) -> AppRole {
        self.apps[app].role
    }

    /// The nonce that the token endpoint gives out.
    pub(crate) fn nonce(&mut self, now: i64) -> String {
        self.nonces.current(now)
    }

    /// The nonce that the other endpoints give out.
    pub(crate) fn resource_nonce(&mut self, now: i64) -> String {
        self.resource_nonces.current(now)
    }

    /// Checks the proof of a call whose token is bound to a key; others need none.
    ///
    /// `htu` is compared with the path as it is when percent-encoding is undone: with the encoded one Okta refuses
    /// (okta-sdk-python, issue 541).
    pub(crate) fn check_proof(
        &mut self,
        ask: &Ask,
        caller: &Caller,
        base: &str,
        wants_nonce: bool,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(bound_to) = &caller.bound_to else { return Ok(()) };
        let expected = Expected {
            method: &ask.method,
            address: &format!("{base}{}", decode(&ask.path, false)),
            token: Some((&caller.token, bound_to)),
            nonces: wants_nonce.then_some(&self.resource_nonces),
        };
        proof::check(&ask.proofs, &expected, &mut self.used, now).map(drop)
    }

    /// Whether scopes and role allow the call.
    pub(crate) fn check_rights(&self, caller: &Caller, address: &Address) -> Result<(), Refusal> {
        let allowed = |scope: &str| caller.scopes.iter().any(|known| known == scope);
        if !scope_of(address).is_none_or(allowed) {
            return Err(Refusal::TokenScope);
        }
        match self.role(caller.app) {
            AppRole::Refused => Err(Refusal::TokenRole),
            AppRole::Reader | AppRole::Empty => Ok(()),
        }
    }
}

/// What a call is told that was refused.
///
/// A bad proof was recorded as 400 with an empty body and all that there is to know in `WWW-Authenticate`
/// (okta-sdk-golang, issue 468; okta-sdk-dotnet, issue 852). The same header at 401s and at a missing scope is assumed.
pub(crate) fn refusal_answer(why: Refusal, ask: &Ask, base: &str) -> Answer {
    let mut answer = match why {
        Refusal::TokenScope | Refusal::TokenRole => Answer::of_status(403),
        Refusal::Token | Refusal::TokenExpired | Refusal::TokenRevoked | Refusal::TokenScheme => {
            Answer::unauthorized()
        }
        Refusal::ProofNonce => Answer::empty(401),
        _ => Answer::empty(400),
    };
    if why != Refusal::TokenRole {
        answer.header("www-authenticate", challenge(why, ask, base));
    }
    answer
}

fn challenge(why: Refusal, ask: &Ask, base: &str) -> String {
    let scheme = match ask.proofs.is_empty() && why != Refusal::ProofMissing {
        true => "Bearer ".to_owned(),
        false => format!("DPoP algs=\"{}\", ", Algorithm::names()),
    };
    let description = match why {
        Refusal::ProofNonce => "Resource server requires nonce in DPoP proof.",
        other => other.description(),
    };
    format!(
        "{scheme}authorization_uri=\"{base}/oauth2/v1/authorize\", realm=\"{base}\", scope=\"{}\", error=\"{}\", \
         error_description=\"{description}\", resource=\"{}\"",
        scope_of(&ask.address).unwrap_or_default(),
        why.error(),
        ask.path
    )
}
