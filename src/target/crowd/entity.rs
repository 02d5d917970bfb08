//! Users and groups in Crowd's JSON.

use compact_str::{CompactString, format_compact};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sync::model::{FurtherAttributes, SourceId, TargetId, TargetUser, UserAttributes};

/// The attribute in which the source's id is kept.
pub(super) const SOURCE_ID: &str = "usersyncd.okta.id";

/// What Crowd itself counts with every sign-in: nothing that anybody maps.
const COUNTERS: [&str; 4] =
    ["invalidPasswordAttempts", "lastActive", "lastAuthenticated", "passwordLastChanged"];

/// What stands in an id in place of a key, with servers that show none.
const NAME_AS_ID: &str = "name:";

/// What has a name, in a list.
pub(super) trait Entry {
    /// Its name.
    fn name(&self) -> &CompactString;
}

/// A user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct User {
    pub(super) name: CompactString,
    pub(super) first_name: Option<CompactString>,
    pub(super) last_name: Option<CompactString>,
    pub(super) display_name: Option<CompactString>,
    pub(super) email: Option<CompactString>,
    pub(super) active: bool,
    pub(super) key: Option<CompactString>,
    #[serde(default)]
    pub(super) attributes: Attributes,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Group {
    pub(super) name: CompactString,
    pub(super) description: Option<CompactString>,
    #[serde(rename = "type")]
    pub(super) kind: Option<CompactString>,
    pub(super) active: bool,
}

/// A member in a list of members.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct MemberName {
    pub(super) name: CompactString,
}

/// Attributes, each with its values.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Attributes {
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Attribute {
    name: CompactString,
    #[serde(default)]
    values: Vec<CompactString>,
}

impl Entry for User {
    fn name(&self) -> &CompactString {
        &self.name
    }
}

impl Entry for Group {
    fn name(&self) -> &CompactString {
        &self.name
    }
}

impl Entry for MemberName {
    fn name(&self) -> &CompactString {
        &self.name
    }
}

impl Attributes {
    /// The value of that name; several values are one text.
    pub(super) fn get(&self, name: &str) -> Option<CompactString> {
        self.attributes.iter().find(|one| one.name == name).map(Attribute::value)
    }
}

impl Attribute {
    fn value(&self) -> CompactString {
        match self.values.as_slice() {
            [one] => one.clone(),
            several => CompactString::from(several.join(", ")),
        }
    }
}

impl User {
    /// Its key, which outlives its name.
    pub(super) fn id(&self) -> TargetId {
        match self.key.as_ref().filter(|key| !key.is_empty()) {
            Some(key) => TargetId(key.clone()),
            None => TargetId(format_compact!("{NAME_AS_ID}{}", self.name.to_lowercase())),
        }
    }

    /// The source's id that is kept with it.
    pub(super) fn source(&self) -> Option<SourceId> {
        self.attributes.get(SOURCE_ID).filter(|id| !id.is_empty()).map(SourceId)
    }

    /// All of it that a PUT clears if it is left out.
    pub(super) fn body(&self) -> Value {
        let text = |field: &Option<CompactString>| field.clone().unwrap_or_default();
        json!({
            "name": self.name,
            "first-name": text(&self.first_name),
            "last-name": text(&self.last_name),
            "display-name": text(&self.display_name),
            "email": text(&self.email),
            "active": self.active,
        })
    }

    /// The same user after a change of what differs between two sets of attributes. Its name is changed in another way.
    pub(super) fn changed(&self, before: &UserAttributes, after: &UserAttributes) -> Self {
        let mut changed = self.clone();
        for (old, new, field) in [
            (&before.first_name, &after.first_name, &mut changed.first_name),
            (&before.last_name, &after.last_name, &mut changed.last_name),
            (&before.display_name, &after.display_name, &mut changed.display_name),
            (&before.email, &after.email, &mut changed.email),
        ] {
            if old != new && field.as_deref().unwrap_or_default() != new.as_str() {
                *field = Some(new.clone());
            }
        }
        changed
    }

    /// As the run sees it.
    pub(super) fn into_target(self) -> TargetUser {
        let (id, source) = (self.id(), self.source());
        let kept = |name: &str| name != SOURCE_ID && !COUNTERS.contains(&name);
        let further = self.attributes.attributes.into_iter().filter(|one| kept(&one.name));
        let further: FurtherAttributes = further.map(|one| (one.name.clone(), one.value())).collect();
        let attributes = UserAttributes {
            username: self.name,
            email: self.email.unwrap_or_default(),
            first_name: self.first_name.unwrap_or_default(),
            last_name: self.last_name.unwrap_or_default(),
            display_name: self.display_name.unwrap_or_default(),
            attributes: further,
        };
        TargetUser { id, attributes, active: self.active, source }
    }
}

impl Group {
    /// The whole group with another description.
    pub(super) fn body(&self, description: &str) -> Value {
        json!({
            "name": self.name,
            "description": description,
            "type": self.kind.as_deref().unwrap_or("GROUP"),
            "active": self.active,
        })
    }
}

/// A group is known by its name only, in whatever case.
pub(super) fn group_id(name: &str) -> TargetId {
    TargetId(CompactString::from(name.to_lowercase()))
}

/// Whether an id is the key of a user, and not a name.
pub(super) fn is_key(id: &TargetId) -> bool {
    !id.0.starts_with(NAME_AS_ID)
}

/// Attributes as they are written; what is not named keeps its values.
pub(super) fn attributes_body(attributes: &[(&str, &str)]) -> Value {
    let attributes = attributes.iter().map(|(name, value)| json!({ "name": name, "values": [value] }));
    json!({ "attributes": attributes.collect::<Vec<_>>() })
}

/// A user that was asked for.
pub(super) fn user(body: &[u8]) -> Result<User, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no user of Crowd ({error})"))
}

/// A group that was asked for.
pub(super) fn group(body: &[u8]) -> Result<Group, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no group of Crowd ({error})"))
}

/// A page of users with their attributes.
pub(super) fn users(body: &[u8]) -> Result<Vec<User>, String> {
    #[derive(Deserialize)]
    struct Page {
        users: Vec<User>,
    }
    let page: Result<Page, _> = serde_json::from_slice(body);
    page.map(|page| page.users).map_err(|error| format!("the answer is no list of Crowd's users ({error})"))
}

/// A page of groups.
pub(super) fn groups(body: &[u8]) -> Result<Vec<Group>, String> {
    #[derive(Deserialize)]
    struct Page {
        groups: Vec<Group>,
    }
    let page: Result<Page, _> = serde_json::from_slice(body);
    page.map(|page| page.groups).map_err(|error| format!("the answer is no list of Crowd's groups ({error})"))
}

/// A page of the members of a group.
pub(super) fn member_names(body: &[u8]) -> Result<Vec<MemberName>, String> {
    #[derive(Deserialize)]
    struct Page {
        users: Vec<MemberName>,
    }
    let page: Result<Page, _> = serde_json::from_slice(body);
    page.map(|page| page.users).map_err(|error| format!("the answer is no list of members ({error})"))
}

/// The members in an answer about one of them: it is not published whether it is a list.
pub(super) fn members_shown(body: &[u8]) -> Result<Vec<MemberName>, String> {
    member_names(body).or_else(|why| serde_json::from_slice(body).map(|one| vec![one]).map_err(|_| why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_as_it_is_documented() {
        let body = br#"{"expand":"attributes","link":{"rel":"self","href":"http://h/user?username=jdoe"},
            "name":"jdoe","first-name":"Jane","last-name":"Doe","display-name":"Jane Doe","email":"jdoe@example.org",
            "active":true,"key":"1:{0000-0000}","password":{"link":{"rel":"edit","href":"http://h/x"}},
            "attributes":{"link":{"rel":"self","href":".."},"attributes":[
                {"link":{},"name":"usersyncd.okta.id","values":["00u1"]},
                {"link":{},"name":"lastAuthenticated","values":["1700000000000"]},
                {"link":{},"name":"team","values":["a","b"]}]}}"#;
        let user = user(body).unwrap();
        let seen = user.clone().into_target();
        assert_eq!(seen.id, TargetId::from("1:{0000-0000}"));
        assert_eq!(seen.source, Some(SourceId::from("00u1")));
        assert!(seen.active && seen.attributes.last_name == "Doe");
        let further: Vec<_> = seen.attributes.attributes.iter().collect();
        assert_eq!(further, [(&CompactString::from("team"), &CompactString::from("a, b"))]);
        assert_eq!(user.body()["display-name"], "Jane Doe");
        assert!(user.body().get("password").is_none());
    }

    #[test]
    fn a_server_without_keys_knows_users_by_name() {
        let user = user(br#"{"name":"JDoe","active":false,"email":null}"#).unwrap();
        assert_eq!(user.id(), TargetId::from("name:jdoe"));
        assert!(!is_key(&user.id()) && is_key(&"1:x".into()));
    }

    #[test]
    fn one_member_is_shown_in_a_list_or_alone() {
        let anna = vec![MemberName { name: "anna".into() }];
        assert_eq!(members_shown(br#"{"users":[{"name":"anna"}]}"#), Ok(anna.clone()));
        assert_eq!(members_shown(br#"{"link":{},"name":"anna"}"#), Ok(anna));
        assert_eq!(members_shown(br#"{"users":[]}"#), Ok(vec![]));
        assert!(members_shown(b"{}").is_err() && members_shown(b"<user/>").is_err());
    }

    #[test]
    fn a_list_that_was_not_expanded_is_no_list_of_users() {
        assert!(users(br#"{"expand":"user","users":[{"link":{},"name":"jdoe"}]}"#).is_err());
        assert!(users(br#"{"groups":[]}"#).is_err());
        assert!(groups(br#"{"expand":"group","groups":[{"link":{},"name":"g"}]}"#).is_err());
        let group =
            br#"{"groups":[{"name":"g","description":"","type":"GROUP","active":false,"attributes":{}}]}"#;
        assert_eq!(groups(group).unwrap()[0].body("d")["active"], false);
    }
}
