//! What bodies show, before it is written as JSON or XML.

use std::collections::BTreeMap;

use crate::product::{Group, Id, User};

/// Attributes of a user or a group, each with its values.
pub(super) type Attributes = BTreeMap<String, Vec<String>>;

/// How much of a user or a group is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The name and the link.
    Name,
    /// All but the attributes.
    Entity,
    /// Everything.
    Attributes,
}

/// Whose attributes they are, by name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'w> {
    User(&'w str),
    Group(&'w str),
}

/// A body.
#[derive(Debug)]
pub(super) enum View<'w> {
    User(Id, &'w User, Detail),
    Users(Vec<(Id, &'w User)>, Detail),
    Group(&'w Group, Detail),
    Groups(Vec<&'w Group>, Detail),
    Attributes(Owner<'w>, &'w Attributes),
    Cookie,
    Session(SessionView<'w>),
}

/// A session with its user.
#[derive(Debug)]
pub(super) struct SessionView<'w> {
    pub(super) token: &'w str,
    pub(super) id: Id,
    pub(super) user: &'w User,
    pub(super) detail: Detail,
}

/// A user's key: the directory's id and what the directory calls the user. It outlives a change of name.
pub(super) fn key(id: Id) -> String {
    format!("1:00000000-0000-4000-8000-{id:012x}")
}

/// The user of a key.
pub(super) fn id_of_key(key: &str) -> Option<Id> {
    let id = key.strip_prefix("1:00000000-0000-4000-8000-")?;
    Id::from_str_radix(id, 16).ok().filter(|id| self::key(*id) == key)
}

/// Addresses of what is shown.
#[derive(Clone, Debug)]
pub(super) struct Links {
    /// Up to and including the version of the API.
    base: String,
}

impl Links {
    /// Of a product at that place under that context path.
    pub(super) fn new(origin: &str, context: &str) -> Self {
        let context = context.trim_matches('/');
        let slash = if context.is_empty() { "" } else { "/" };
        Self { base: format!("{origin}{slash}{context}/rest/usermanagement/1") }
    }

    pub(super) fn user(&self, name: &str) -> String {
        format!("{}/user?username={}", self.base, encoded(name))
    }

    pub(super) fn password(&self, name: &str) -> String {
        format!("{}/user/password?username={}", self.base, encoded(name))
    }

    pub(super) fn group(&self, name: &str) -> String {
        format!("{}/group?groupname={}", self.base, encoded(name))
    }

    pub(super) fn attributes(&self, owner: Owner<'_>) -> String {
        match owner {
            Owner::User(name) => format!("{}/user/attribute?username={}", self.base, encoded(name)),
            Owner::Group(name) => format!("{}/group/attribute?groupname={}", self.base, encoded(name)),
        }
    }

    pub(super) fn attribute(&self, owner: Owner<'_>, name: &str) -> String {
        format!("{}&attributename={}", self.attributes(owner), encoded(name))
    }

    pub(super) fn session(&self, token: &str) -> String {
        format!("{}/session/{}", self.base, encoded(token))
    }
}

/// Percent-encodes all that is not unreserved (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                coded.push(char::from(byte))
            }
            _ => coded.push_str(&format!("%{byte:02X}")),
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_back_to_its_user() {
        assert_eq!(id_of_key(&key(300)), Some(300));
        for other in [
            "",
            "1:",
            "300",
            "1:00000000-0000-4000-8000-00000000012C",
            "2:00000000-0000-4000-8000-00000000012c",
        ] {
            assert_eq!(id_of_key(other), None, "{other}");
        }
    }

    #[test]
    fn links_are_encoded() {
        let links = Links::new("http://h", "/a/b/");
        let expected = "http://h/a/b/rest/usermanagement/1/user?username=a%20%2B%26%2F%C3%B6";
        assert_eq!(links.user("a +&/ö"), expected);
        assert_eq!(Links::new("http://h", "").group("g"), "http://h/rest/usermanagement/1/group?groupname=g");
    }
}
