//! One saved user, for trying rules out without an org.

use compact_str::CompactString;
use serde::Deserialize;
use serde_json::Value;

use super::parse::{self, Broken};
use crate::sync::model::SourceUser;

/// A saved user.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The user, cut to what was asked for.
    pub user: SourceUser,
    /// The names of its groups at the source; none if the file does not say.
    pub groups: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WithGroups {
    user: Value,
    #[serde(default)]
    groups: Option<Vec<SavedGroup>>,
}

/// A name, or a group as Okta answers it.
#[derive(Deserialize)]
#[serde(untagged)]
enum SavedGroup {
    Name(String),
    Whole { profile: GroupProfile },
}

#[derive(Deserialize)]
struct GroupProfile {
    name: String,
}

impl SavedGroup {
    fn name(self) -> String {
        match self {
            Self::Name(name) | Self::Whole { profile: GroupProfile { name } } => name,
        }
    }
}

/// Reads one saved Okta user: the JSON that `GET /api/v1/users/{id}` answers (Okta Management API, "Retrieve a user"), or
/// `{"user": {…}, "groups": ["name", …]}` around it; the groups may also be what `GET /api/v1/users/{id}/groups` answers. `attributes` are paths as in
/// [`crate::source::ReadRequest::attributes`]. A status that this version does not know comes out as such.
///
/// # Errors
///
/// The end of a sentence that says why the file is no such user.
pub fn sample(body: &[u8], attributes: &[CompactString]) -> Result<Sample, String> {
    // Editors like to begin a file with a byte order mark.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))?;
    let Value::Object(object) = &value else {
        return Err("it is not an object; one saved user is expected, not a list".to_owned());
    };
    let (user, groups) = if object.contains_key("user") {
        let WithGroups { user, groups } = serde_json::from_value(value).map_err(|error| {
            format!(
                "beside `user`, `groups` is a list of names, or Okta's list of the user's groups: {error}"
            )
        })?;
        (user, groups.map(|groups: Vec<SavedGroup>| groups.into_iter().map(SavedGroup::name).collect()))
    } else {
        (value, None)
    };
    match parse::user(user.to_string().as_bytes(), attributes)? {
        Ok(record) => Ok(Sample { user: record.user, groups }),
        Err(Broken { why, .. }) => Err(format!("it is no Okta user: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::model::{AttributeValue, Status};

    fn read(body: &str) -> Result<Sample, String> {
        sample(body.as_bytes(), &["lastLogin", "profile.login"].map(CompactString::from))
    }

    #[test]
    fn a_user_stands_alone_or_with_its_groups() {
        let user = r#"{"id":"00u1","status":"ACTIVE","lastLogin":null,"profile":{"login":"ann","x":1}}"#;
        let alone = read(&format!("\u{feff}{user}\n")).unwrap();
        assert_eq!(
            (alone.user.id.0.as_str(), alone.user.status, &alone.groups),
            ("00u1", Status::Active, &None)
        );
        assert_eq!(*alone.user.attributes, [AttributeValue::Absent, AttributeValue::Text("ann".into())]);
        let with_groups = read(&format!(r#"{{"user":{user},"groups":["a","b"]}}"#)).unwrap();
        assert_eq!((&with_groups.user, with_groups.groups.unwrap().len()), (&alone.user, 2));
        let okta = r#"[{"id":"00g1","type":"OKTA_GROUP","profile":{"name":"a","description":null}},"b"]"#;
        let of_okta = read(&format!(r#"{{"user":{user},"groups":{okta}}}"#)).unwrap();
        assert_eq!(of_okta.groups.unwrap(), ["a", "b"]);
        assert_eq!(read(&format!(r#"{{"user":{user},"groups":[]}}"#)).unwrap().groups, Some(Vec::new()));
        assert_eq!(read(&format!(r#"{{"user":{user}}}"#)).unwrap().groups, None);
    }

    #[test]
    fn what_is_no_user_is_said_to_be_none() {
        for (body, expected) in [
            ("", "it is no JSON: EOF"),
            ("<html>", "it is no JSON: expected value"),
            ("[]", "it is not an object; one saved user is expected"),
            ("{}", "it is no Okta user: it has no id"),
            (r#"{"id":"00u1"}"#, "it is no Okta user: it has no profile"),
            (r#"{"user":7}"#, "it is no Okta user: it is not an object"),
            (r#"{"user":{},"groups":[{"id":"00g1"}]}"#, "beside `user`, `groups` is a list of names"),
            (r#"{"user":{},"groups":"a"}"#, "beside `user`, `groups` is a list of names"),
        ] {
            let why = read(body).unwrap_err();
            assert!(why.starts_with(expected), "{body}: {why}");
        }
    }
}
