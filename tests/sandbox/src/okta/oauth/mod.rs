//! The org as the authorization server of its service apps: assertions in, access tokens out, and calls with those.
//!
//! Written from Okta's published documentation and recordings, from RFC 7523 (assertions), RFC 6750 (`Bearer`) and RFC
//! 9449 (`DPoP`). What none of them settles is settled strictly here, and told where it is.

mod access;
mod answer;
mod app;
mod assertion;
mod der;
mod jws;
mod key;
mod nonce;
mod pair;
mod proof;
mod refusal;
mod token;
mod used;

pub use app::{AppRole, ServiceApp};
pub use key::PublicKey;
pub use pair::{KeyKind, KeyPair};
pub use refusal::Refusal;

pub(crate) use access::{Caller, Scheme};
pub(crate) use answer::of_status;

use std::collections::HashMap;

use nonce::Nonces;
use used::UsedIds;

/// How far the two clocks may be apart, in milliseconds: an `iat` may lie so far ahead, and that of a DPoP proof so far
/// back too. Okta does not publish its own allowance.
const ALLOWANCE: i64 = 300 * 1000;

/// Apps, the access tokens they have, and what must not come twice.
#[derive(Debug, Default)]
pub(crate) struct Authority {
    apps: Vec<ServiceApp>,
    issued: HashMap<String, Issued>,
    used: UsedIds,
    nonces: Nonces,
    /// Those of the endpoints: RFC 9449 (section 9) lets each server have its own.
    resource_nonces: Nonces,
}

/// An access token that was given out.
#[derive(Debug)]
struct Issued {
    app: usize,
    scopes: Vec<String>,
    /// The thumbprint of the key that calls must prove to have.
    bound_to: Option<String>,
    /// In milliseconds since the Unix epoch.
    expires: i64,
    revoked: bool,
}

impl Authority {
    /// Registers an app, or registers it anew: its access tokens stay as they are.
    pub(crate) fn register(&mut self, app: ServiceApp) {
        match self.apps.iter_mut().find(|known| known.client_id == app.client_id) {
            Some(known) => *known = app,
            None => self.apps.push(app),
        }
    }

    /// The ids of all apps.
    pub(crate) fn clients(&self) -> Vec<&str> {
        self.apps.iter().map(|app| app.client_id.as_str()).collect()
    }

    /// Revokes every access token there is.
    pub(crate) fn revoke(&mut self) {
        self.issued.values_mut().for_each(|token| token.revoked = true);
    }

    /// Begins new nonces, for the token endpoint and for the others.
    pub(crate) fn rotate_nonces(&mut self, keep_old: bool, now: i64) {
        self.nonces.rotate(keep_old, now);
        self.resource_nonces.rotate(keep_old, now);
    }
}
