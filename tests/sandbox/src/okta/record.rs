//! The JSON of users, groups and the org, with the keys in the order in which Okta was recorded to write them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use hyper::body::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Status;
use super::clock::stamp;
use super::id::Id;
use super::schema::schema_id;

/// A profile, in its own order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile(pub(crate) Vec<(Cow<'static, str>, Value)>);

impl Profile {
    /// Sets an attribute, in its place or at the end.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, present)) => *present = value,
            None => self.0.push((Cow::Owned(name.to_owned()), value)),
        }
    }

    /// Takes an attribute away, which is not the same as setting it to null.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The value of an attribute that is text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Reads a profile back; what is not an object is an empty one.
    pub(crate) fn parse(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        into.push(b'{');
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                into.push(b',');
            }
            quote(name, into);
            into.push(b':');
            into.extend_from_slice(value.to_string().as_bytes());
        }
        into.push(b'}');
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Profile;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Profile, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    pairs.push((Cow::Owned(name), value));
                }
                Ok(Profile(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The moments of a user's life, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamps {
    pub(crate) created: i64,
    pub(crate) activated: Option<i64>,
    pub(crate) status_changed: Option<i64>,
    pub(crate) last_login: Option<i64>,
    pub(crate) last_updated: i64,
    pub(crate) password_changed: Option<i64>,
}

/// What the JSON of a user is made from, beside the profile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserFacts {
    pub(crate) id: Id,
    pub(crate) status: Status,
    pub(crate) stamps: Stamps,
    pub(crate) type_id: Id,
    pub(crate) realm: Option<Id>,
}

/// A user as lists show it, and where its profile stands in that text.
pub(crate) fn render_user(facts: &UserFacts, profile: &Profile, base: &str) -> (Bytes, Range<usize>) {
    let mut json = Vec::with_capacity(2000);
    let id = facts.id;
    put(&mut json, &format!(r#"{{"id":"{id}","status":"{}","created":"#, facts.status));
    put_stamp(&mut json, Some(facts.stamps.created));
    for (name, time) in [
        ("activated", facts.stamps.activated),
        ("statusChanged", facts.stamps.status_changed),
        ("lastLogin", facts.stamps.last_login),
        ("lastUpdated", Some(facts.stamps.last_updated)),
        ("passwordChanged", facts.stamps.password_changed),
    ] {
        put(&mut json, &format!(r#","{name}":"#));
        put_stamp(&mut json, time);
    }
    put(&mut json, &format!(r#","type":{{"id":"{}"}}"#, facts.type_id));
    if let Some(realm) = facts.realm {
        put(&mut json, &format!(r#","realmId":"{realm}""#));
    }
    put(&mut json, r#","profile":"#);
    let start = json.len();
    profile.write(&mut json);
    let profile_at = start..json.len();
    put(&mut json, r#","credentials":{"password":{},"emails":[{"value":"#);
    quote(profile.text("email"), &mut json);
    put(&mut json, r#","status":"VERIFIED","type":"PRIMARY"}]"#);
    put(
        &mut json,
        r#","recovery_question":{"question":"What was the name of the street you lived in as a child?"}"#,
    );
    put(&mut json, PROVIDER);
    put(&mut json, r#"},"_links":{"self":"#);
    put(&mut json, &format!(r#"{{"href":"{base}/api/v1/users/{id}"}}}}}}"#));
    // A million of these are kept: as small as they can be, and without the holes that shrinking leaves between them.
    (Bytes::copy_from_slice(&json), profile_at)
}

/// What a user's credentials end with.
const PROVIDER: &str = r#","provider":{"type":"OKTA","name":"OKTA"}"#;

/// A record without `credentials.provider`, wherever a user stands in it. No profile holds that text: there, quotes are
/// escaped.
pub(crate) fn without_provider(json: &Bytes) -> Bytes {
    let text = std::str::from_utf8(json).unwrap_or_default();
    match text.rsplit_once(PROVIDER) {
        Some((before, after)) => Bytes::from([before, after].concat()),
        None => json.clone(),
    }
}

/// The same user as a single GET shows it: with links for its life cycle, schema and type.
pub(crate) fn render_single(facts: &UserFacts, listed: &Bytes, base: &str) -> Bytes {
    let mut json = listed.to_vec();
    json.truncate(json.len().saturating_sub(2));
    let user = format!("{base}/api/v1/users/{}", facts.id);
    let verbs: &[&str] = match facts.status {
        Status::Active => &["suspend", "resetPassword", "forgotPassword", "expirePassword", "deactivate"],
        Status::Suspended => &["unsuspend", "resetPassword", "deactivate"],
        Status::LockedOut => &["unlock", "resetPassword", "deactivate"],
        Status::Staged | Status::Deprovisioned => &["activate"],
        _ => &["reactivate", "resetPassword", "deactivate"],
    };
    for verb in verbs {
        let path = snake(verb);
        put(
            &mut json,
            &format!(
                r#","{verb}":{{"href":"{user}/lifecycle/{path}","method":"POST","hints":{{"allow":["POST"]}}}}"#
            ),
        );
    }
    put(
        &mut json,
        &format!(r#","schema":{{"href":"{base}/api/v1/meta/schemas/user/{}"}}"#, schema_id(facts.type_id)),
    );
    put(&mut json, &format!(r#","type":{{"href":"{base}/api/v1/meta/types/user/{}"}}}}}}"#, facts.type_id));
    Bytes::from(json)
}

/// What kind of group it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// Managed in Okta.
    Okta,
    /// Imported from a directory; the id is that of the app.
    App(Id),
    /// `Everyone`.
    BuiltIn,
}

impl GroupKind {
    /// The value of `type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "OKTA_GROUP",
            Self::App(_) => "APP_GROUP",
            Self::BuiltIn => "BUILT_IN",
        }
    }
}

/// What the JSON of a group is made from.
pub(crate) struct GroupFacts<'a> {
    pub(crate) id: Id,
    pub(crate) kind: GroupKind,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) created: i64,
    pub(crate) last_updated: i64,
    pub(crate) last_membership_updated: i64,
    /// `usersCount`, where `expand=stats` was asked for.
    pub(crate) stats: Option<i64>,
}

/// A group as lists and single GETs show it.
pub(crate) fn render_group(group: &GroupFacts<'_>, base: &str) -> Bytes {
    let mut json = Vec::with_capacity(1200);
    let id = group.id;
    put(&mut json, &format!(r#"{{"id":"{id}","created":"#));
    put_stamp(&mut json, Some(group.created));
    put(&mut json, r#","lastUpdated":"#);
    put_stamp(&mut json, Some(group.last_updated));
    put(&mut json, r#","lastMembershipUpdated":"#);
    put_stamp(&mut json, Some(group.last_membership_updated));
    let (class, logo) = match group.kind {
        GroupKind::App(_) => ("okta:windows_security_principal", "active_directory"),
        _ => ("okta:user_group", "okta"),
    };
    put(&mut json, &format!(r#","objectClass":["{class}"],"type":"{}","profile":"#, group.kind.as_str()));
    group_profile(group).write(&mut json);
    if let Some(count) = group.stats {
        put(&mut json, &format!(r#","_embedded":{{"stats":{{"usersCount":{count},"appsCount":0,"#));
        put(&mut json, r#""groupPushMappingsCount":0,"hasAdminPrivilege":false,"#);
        put(&mut json, &format!(r#""_links":{{"users":{{"href":"{base}/api/v1/groups/{id}/users"}}}}}}}}"#));
    }
    put(&mut json, r#","_links":{"logo":["#);
    for (size, comma) in [("medium", ","), ("large", "")] {
        let href = format!("{base}/assets/img/logos/groups/{logo}-{size}.png");
        put(&mut json, &format!(r#"{{"name":"{size}","href":"{href}","type":"image/png"}}{comma}"#));
    }
    put(&mut json, "]");
    if let GroupKind::App(app) = group.kind {
        put(&mut json, &format!(r#","source":{{"href":"{base}/api/v1/apps/{app}"}}"#));
    }
    for link in ["users", "apps", "owners"] {
        put(&mut json, &format!(r#","{link}":{{"href":"{base}/api/v1/groups/{id}/{link}"}}"#));
    }
    put(&mut json, "}}");
    Bytes::from(json)
}

/// The profile of a group; imported ones carry what their directory knows of them.
pub(crate) fn group_profile(group: &GroupFacts<'_>) -> Profile {
    let mut profile = Profile::default();
    let name = group.name;
    profile.set("name", name.into());
    if !group.description.is_empty() {
        profile.set("description", group.description.into());
    }
    if let GroupKind::App(_) = group.kind {
        profile.set("groupType", "Security".into());
        profile.set("samAccountName", name.into());
        profile.set("objectSid", format!("S-1-5-21-717838489-685202119-{}", 1000 + group.id.share()).into());
        profile.set("groupScope", "Global".into());
        profile.set("dn", format!("CN={name},OU=Groups,DC=corp,DC=example,DC=com").into());
        profile.set("windowsDomainQualifiedName", format!("CORP\\{name}").into());
        profile.set("externalId", format!("{}==", &group.id.as_str()[..14]).into());
    }
    profile
}

/// The answer of `/api/v1/org`.
pub(crate) fn render_org(id: Id, subdomain: &str, base: &str) -> Bytes {
    let org = serde_json::json!({
        "address1": null, "address2": null, "city": null, "companyName": "Example Works", "country": null,
        "endUserSupportHelpURL": null, "phoneNumber": null, "postalCode": null, "state": null,
        "supportPhoneNumber": null, "website": "https://www.example.com",
        "id": id.as_str(), "created": stamp(1_546_300_800), "lastUpdated": stamp(1_577_836_800), "expiresAt": null,
        "status": "ACTIVE", "subdomain": subdomain,
        "_links": {
            "preferences": { "href": format!("{base}/v1/org/preferences") },
            "contacts": { "href": format!("{base}/api/v1/org/contacts") },
            "oktaSupport": { "href": format!("{base}/api/v1/org/privacy/oktaSupport") },
        },
    });
    Bytes::from(org.to_string())
}

pub(crate) fn put(into: &mut Vec<u8>, text: &str) {
    into.extend_from_slice(text.as_bytes());
}

pub(crate) fn put_stamp(into: &mut Vec<u8>, time: Option<i64>) {
    match time {
        Some(time) => put(into, &format!("\"{}\"", stamp(time))),
        None => put(into, "null"),
    }
}

pub(crate) fn quote(text: &str, into: &mut Vec<u8>) {
    put(into, &Value::String(text.to_owned()).to_string());
}

/// `resetPassword` as paths write it: `reset_password`.
fn snake(verb: &str) -> String {
    let mut path = String::new();
    for letter in verb.chars() {
        if letter.is_ascii_uppercase() {
            path.push('_');
        }
        path.push(letter.to_ascii_lowercase());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_taken_away_is_not_null() {
        let mut profile = Profile::parse(br#"{"b":1,"a":null}"#);
        profile.set("b", Value::Null);
        profile.remove("a");
        let mut json = Vec::new();
        profile.write(&mut json);
        assert_eq!(json, br#"{"b":null}"#);
    }
}
