//! Service apps as an administrator registers them, and what they may ask for.

use super::super::route::Address;
use super::key::PublicKey;

/// A service app: who may ask for access tokens with which keys, and what those are good for.
///
/// ```
/// use sandbox::okta::{KeyKind, KeyPair, ServiceApp};
///
/// let pair = KeyPair::generate(KeyKind::P256);
/// let app = ServiceApp { dpop: true, ..ServiceApp::new("0oa1stand-in", pair.public_key()) };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceApp {
    /// The id, `0oa…`.
    pub client_id: String,
    /// The registered keys; where there are several, an assertion has to name one by its `kid`.
    pub keys: Vec<PublicKey>,
    /// The granted scopes. Whoever asks for another one gets none.
    pub granted_scopes: Vec<String>,
    /// Whether "Require Demonstrating Proof of Possession (DPoP) header in token requests" is on. New apps have it on in
    /// Okta's console; here it is off.
    pub dpop: bool,
    /// The administrator's role.
    pub role: AppRole,
}

/// Whether an app has an administrator's role. Scopes alone give nothing: without a role Okta answers 403, or with empty
/// data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AppRole {
    /// One that may read everything (but for what [`super::super::Resources`] hides from all).
    #[default]
    Reader,
    /// None: 403 E0000006.
    Refused,
    /// None: lists are empty, and single users and groups are not found.
    Empty,
}

impl ServiceApp {
    /// An app with one key, every scope of [`Self::SCOPES`] and a role.
    pub fn new(client_id: &str, key: PublicKey) -> Self {
        Self {
            client_id: client_id.to_owned(),
            keys: vec![key],
            granted_scopes: Self::SCOPES.map(str::to_owned).to_vec(),
            dpop: false,
            role: AppRole::Reader,
        }
    }

    /// The scopes that reading takes.
    pub const SCOPES: [&str; 7] = [
        "okta.apps.read",
        "okta.groups.read",
        "okta.logs.read",
        "okta.orgs.read",
        "okta.roles.read",
        "okta.schemas.read",
        "okta.users.read",
    ];
}

/// The scope that an endpoint wants; what does not exist wants none.
pub(crate) fn scope_of(address: &Address) -> Option<&'static str> {
    match address {
        Address::Users | Address::User(_) | Address::UserGroups(_) | Address::Me => Some("okta.users.read"),
        Address::Groups | Address::Group(_) | Address::Members(_) => Some("okta.groups.read"),
        Address::App(_)
        | Address::AppUsers(_)
        | Address::AppUser(..)
        | Address::AppGroups(_)
        | Address::AppGroup(..) => Some("okta.apps.read"),
        Address::Roles(_) => Some("okta.roles.read"),
        Address::Schema(_) => Some("okta.schemas.read"),
        Address::Org => Some("okta.orgs.read"),
        Address::Token | Address::Unknown => None,
    }
}
