//! What Okta says about the token itself: whose it is, with which roles, and which attributes users can have.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::not_okta;

/// Who made a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Owner {
    /// The user's id.
    pub(in super::super) id: String,
    /// The login.
    pub(in super::super) login: String,
}

/// Reads the answer of `GET /api/v1/users/me`. The error is a part of a sentence.
pub(in super::super) fn principal(body: &[u8]) -> Result<Owner, String> {
    #[derive(Deserialize)]
    struct Me {
        id: String,
        profile: Profile,
    }
    #[derive(Deserialize)]
    struct Profile {
        login: String,
    }
    let Me { id, profile } = serde_json::from_slice(body).map_err(|error| not_okta(body, &error))?;
    Ok(Owner { id, login: profile.login })
}

/// Reads the answer of `GET /api/v1/users/{id}/roles`: the label of each role, or its type where it has none. The error is a
/// part of a sentence.
pub(in super::super) fn roles(body: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Role {
        label: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    let roles: Vec<Role> = serde_json::from_slice(body).map_err(|error| not_okta(body, &error))?;
    Ok(roles.into_iter().filter_map(|role| role.label.or(role.kind)).collect())
}

/// Reads the answer of `GET /api/v1/meta/schemas/user/default` (Okta Management API, "Retrieve a User Schema"): the names
/// of all attributes that a profile can have. The error is a part of a sentence.
pub(in super::super) fn profile_attributes(body: &[u8]) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Schema {
        definitions: Definitions,
    }
    #[derive(Deserialize)]
    struct Definitions {
        base: Definition,
        #[serde(default)]
        custom: Definition,
    }
    #[derive(Default, Deserialize)]
    struct Definition {
        #[serde(default)]
        properties: std::collections::BTreeMap<String, IgnoredAny>,
    }
    let schema: Schema = serde_json::from_slice(body).map_err(|error| not_okta(body, &error))?;
    let Definitions { base, custom } = schema.definitions;
    Ok(base.properties.into_keys().chain(custom.properties.into_keys()).collect())
}
