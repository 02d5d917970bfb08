//! Resources as SCIM writes them: read leniently, written strictly (RFC 7643).

use std::borrow::Cow;
use std::collections::HashMap;

use compact_str::CompactString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Dialect;
use crate::sync::model::{
    FurtherAttributes, GroupAttributes, SourceId, TargetId, TargetUser, UserAttributes,
};

/// RFC 7643, section 4.1.
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// RFC 7643, section 4.2.
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// RFC 7643, section 4.3.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// RFC 7644, section 3.5.2.
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Attributes that stand in the enterprise extension where a service has one.
const OF_ENTERPRISE: [&str; 5] = ["employeeNumber", "costCenter", "organization", "division", "department"];

/// One page of a list (RFC 7644, section 3.4.2).
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) total: u64,
    /// Where it says that it starts, from 1.
    pub(super) start: Option<u64>,
    pub(super) records: Vec<(CompactString, T)>,
    /// How long the answer was.
    pub(super) bytes: usize,
}

impl<T> Page<T> {
    /// How many such records make a page of so many bytes.
    pub(super) fn fitting(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.records.len()).checked_div(self.bytes).unwrap_or(0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed<T> {
    total_results: u64,
    #[serde(default)]
    start_index: Option<u64>,
    #[serde(rename = "Resources", default = "Vec::new")]
    resources: Vec<T>,
}

/// A group as it was read.
#[derive(Clone, Debug)]
pub(super) struct GroupRecord {
    pub(super) id: TargetId,
    pub(super) attributes: GroupAttributes,
    pub(super) source: Option<SourceId>,
    /// Members as positions of users; none if the answer did not say.
    pub(super) members: Option<Vec<u32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    external_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    members: Option<Vec<WireMember<'a>>>,
}

#[derive(Deserialize)]
struct WireMember<'a> {
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
}

/// Where users stand in the snapshot, by their ids.
pub(super) type Positions = HashMap<CompactString, u32>;

/// Reads a page of users.
pub(super) fn users_page(body: &[u8], dialect: Dialect) -> Result<Page<TargetUser>, String> {
    let listed: Listed<Value> = parse(body)?;
    let mut records = Vec::with_capacity(listed.resources.len());
    for resource in &listed.resources {
        let user = user(resource, dialect)?;
        records.push((user.id.0.clone(), user));
    }
    Ok(Page { total: listed.total_results, start: listed.start_index, records, bytes: body.len() })
}

/// Reads a page of groups.
pub(super) fn groups_page(body: &[u8], positions: &Positions) -> Result<Page<GroupRecord>, String> {
    let listed: Listed<WireGroup<'_>> = parse(body)?;
    let mut records = Vec::with_capacity(listed.resources.len());
    for resource in listed.resources {
        let group = group_of(resource, positions)?;
        records.push((group.id.0.clone(), group));
    }
    Ok(Page { total: listed.total_results, start: listed.start_index, records, bytes: body.len() })
}

/// Reads one group.
pub(super) fn group(body: &[u8], positions: &Positions) -> Result<GroupRecord, String> {
    group_of(parse(body)?, positions)
}

/// The ids of a group's members that are no groups; none if the answer does not say.
pub(super) fn member_ids(body: &[u8]) -> Result<Option<Vec<TargetId>>, String> {
    let group: WireGroup<'_> = parse(body)?;
    let ids = |members: Vec<WireMember<'_>>| {
        let values = members.into_iter().filter(is_user).filter_map(|member| member.value);
        values.map(|id| TargetId::from(&*id)).collect()
    };
    Ok(group.members.map(ids))
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no SCIM resource ({error})"))
}

fn is_user(member: &WireMember<'_>) -> bool {
    !member.kind.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case("Group"))
}

fn group_of(group: WireGroup<'_>, positions: &Positions) -> Result<GroupRecord, String> {
    let id = group.id.filter(|id| !id.is_empty()).ok_or("a group has no id")?;
    // Ids of users that are gone stay in the lists of some services; they mean nobody.
    let members = group.members.map(|members| {
        let values =
            members.iter().filter(|member| is_user(member)).filter_map(|member| member.value.as_deref());
        let mut members: Vec<u32> = values.filter_map(|id| positions.get(id).copied()).collect();
        members.sort_unstable();
        members.dedup();
        members
    });
    Ok(GroupRecord {
        id: TargetId::from(&*id),
        attributes: GroupAttributes {
            name: group.display_name.as_deref().unwrap_or_default().into(),
            description: CompactString::default(),
        },
        source: group.external_id.filter(|id| !id.is_empty()).map(|id| SourceId::from(&*id)),
        members,
    })
}

/// Reads a user.
pub(super) fn user(resource: &Value, dialect: Dialect) -> Result<TargetUser, String> {
    let text = |value: &Value| CompactString::from(value.as_str().unwrap_or_default());
    let id = resource["id"].as_str().filter(|id| !id.is_empty()).ok_or("a user has no id")?;
    let further = dialect.further.iter().filter_map(|name| {
        let value = further(resource, name)?;
        Some((CompactString::from(*name), value))
    });
    Ok(TargetUser {
        id: TargetId::from(id),
        attributes: UserAttributes {
            username: text(&resource["userName"]),
            email: email(resource).map(text).unwrap_or_default(),
            first_name: text(&resource["name"]["givenName"]),
            last_name: text(&resource["name"]["familyName"]),
            display_name: text(&resource["displayName"]),
            attributes: further.collect::<FurtherAttributes>(),
        },
        active: is_active(&resource["active"]),
        source: resource["externalId"].as_str().filter(|id| !id.is_empty()).map(SourceId::from),
    })
}

/// One service writes booleans as texts. An account that says nothing can sign in.
fn is_active(value: &Value) -> bool {
    match value {
        Value::Bool(active) => *active,
        Value::String(text) => !text.eq_ignore_ascii_case("false"),
        _ => true,
    }
}

fn further(resource: &Value, name: &str) -> Option<CompactString> {
    let value = resource.get(name).or_else(|| {
        let extensions = resource.as_object()?.iter();
        let mut enterprise = extensions.filter(|(urn, _)| urn.to_lowercase().contains(":enterprise:"));
        enterprise.find_map(|(_, extension)| extension.get(name))
    })?;
    value.as_str().filter(|text| !text.is_empty()).map(CompactString::from)
}

/// The address that counts: the primary one, else the one at work, else the first.
fn email(resource: &Value) -> Option<&Value> {
    let emails = resource["emails"].as_array()?;
    emails.get(main_email(emails)?)?.get("value")
}

/// The position of the address that counts.
fn main_email(emails: &[Value]) -> Option<usize> {
    let is_primary = |email: &Value| email["primary"].as_bool() == Some(true);
    let is_work =
        |email: &Value| email["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("work"));
    let found = emails.iter().position(is_primary).or_else(|| emails.iter().position(is_work));
    found.or(if emails.is_empty() { None } else { Some(0) })
}

/// The addresses of a user with another one in the place of the one that counts.
pub(super) fn with_email(emails: &Value, address: &str) -> Value {
    let mut emails = emails.as_array().cloned().unwrap_or_default();
    match main_email(&emails) {
        Some(at) if address.is_empty() => {
            emails.remove(at);
        }
        Some(at) => {
            if let Some(email) = emails.get_mut(at) {
                email["value"] = json!(address);
            }
        }
        None if address.is_empty() => {}
        None => emails.push(new_email(address)),
    }
    Value::Array(emails)
}

fn new_email(address: &str) -> Value {
    json!({ "value": address, "type": "work", "primary": true })
}

/// A new user.
pub(super) fn new_user(
    source: &SourceId,
    attributes: &UserAttributes,
    active: bool,
    dialect: Dialect,
) -> Value {
    let mut resource = json!({
        "schemas": [USER],
        "userName": attributes.username.as_str(),
        "externalId": source.0.as_str(),
        // Always said: a service that does not hear it may take the account for disabled, or for enabled.
        "active": active,
    });
    let before = UserAttributes::default();
    for change in
        changes_of_user(&before, &UserAttributes { username: "".into(), ..attributes.clone() }, dialect)
    {
        change.put_into(&mut resource);
    }
    if !attributes.email.is_empty() {
        resource["emails"] = json!([new_email(&attributes.email)]);
    }
    if resource.get(ENTERPRISE).is_some() {
        resource["schemas"] = json!([USER, ENTERPRISE]);
    }
    resource
}

/// A new group, without members.
pub(super) fn new_group(source: &SourceId, attributes: &GroupAttributes) -> Value {
    json!({ "schemas": [GROUP], "displayName": attributes.name.as_str(), "externalId": source.0.as_str() })
}

/// A change of one attribute of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttributeChange {
    /// The attribute, below its parent or its extension.
    path: Vec<&'static str>,
    /// None: it goes.
    value: Option<Value>,
}

impl AttributeChange {
    pub(super) fn new(path: &[&'static str], value: Value) -> Self {
        Self { path: path.to_vec(), value: Some(value) }
    }

    /// The path of a PATCH operation (RFC 7644, section 3.5.2): `name.givenName`, `urn:…:User:department`.
    fn patch_path(&self) -> String {
        let joint = if self.path.first().is_some_and(|first| first.starts_with("urn:")) { ":" } else { "." };
        self.path.join(joint)
    }

    fn operation(&self) -> Value {
        match &self.value {
            Some(value) => json!({ "op": "replace", "path": self.patch_path(), "value": value }),
            None => json!({ "op": "remove", "path": self.patch_path() }),
        }
    }

    /// Makes the change in a whole resource.
    pub(super) fn put_into(&self, resource: &mut Value) {
        let Some((last, parents)) = self.path.split_last() else { return };
        let mut place = resource;
        for parent in parents {
            if !place[*parent].is_object() {
                place[*parent] = Value::Object(Map::new());
            }
            place = &mut place[*parent];
        }
        match (&self.value, place.as_object_mut()) {
            (Some(value), Some(object)) => {
                object.insert((*last).to_owned(), value.clone());
            }
            (None, Some(object)) => {
                object.remove(*last);
            }
            (_, None) => {}
        }
    }
}

/// A PATCH of these attributes.
pub(super) fn patch_of(changes: &[AttributeChange]) -> Value {
    patch(changes.iter().map(AttributeChange::operation).collect())
}

/// A PATCH of these operations.
pub(super) fn patch(operations: Vec<Value>) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}

/// What has to change, without the e-mail address, which lives in a list.
pub(super) fn changes_of_user(
    before: &UserAttributes,
    after: &UserAttributes,
    dialect: Dialect,
) -> Vec<AttributeChange> {
    let mut changes = Vec::new();
    let mut compare = |path: Vec<&'static str>, before: &str, after: &str| {
        if before != after {
            let value = (!after.is_empty()).then(|| json!(after));
            changes.push(AttributeChange { path, value });
        }
    };
    if !after.username.is_empty() {
        compare(vec!["userName"], &before.username, &after.username);
    }
    compare(vec!["name", "givenName"], &before.first_name, &after.first_name);
    compare(vec!["name", "familyName"], &before.last_name, &after.last_name);
    compare(vec!["displayName"], &before.display_name, &after.display_name);
    for name in dialect.further {
        let value =
            |attributes: &UserAttributes| attributes.attributes.get(name).cloned().unwrap_or_default();
        let path = if dialect.enterprise && OF_ENTERPRISE.contains(name) {
            vec![ENTERPRISE, *name]
        } else {
            vec![*name]
        };
        compare(path, &value(before), &value(after));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::{DIALECT, FURTHER};
    use super::*;

    #[test]
    fn what_we_do_not_map_survives_a_change() {
        let mut resource = json!({
            "userName": "a", "nickName": "keep", "name": { "givenName": "A", "honorificPrefix": "Dr" },
            "emails": [{ "value": "home@x", "type": "home" }, { "value": "a@x", "type": "work" }],
        });
        let before =
            user(&json!({ "id": "1", "userName": "a", "name": { "givenName": "A" } }), DIALECT).unwrap();
        let mut after = before.attributes.clone();
        (after.username, after.first_name, after.last_name) = ("b".into(), "".into(), "B".into());
        let department: FurtherAttributes = [("department".into(), "Sales".into())].into_iter().collect();
        after.attributes = department;
        let changes = changes_of_user(&before.attributes, &after, DIALECT);
        changes.iter().for_each(|change| change.put_into(&mut resource));
        assert_eq!(resource["userName"], "b");
        assert_eq!(resource["name"], json!({ "familyName": "B", "honorificPrefix": "Dr" }));
        assert_eq!(resource[ENTERPRISE]["department"], "Sales");
        assert_eq!(resource["nickName"], "keep");
        let patch = patch_of(&changes);
        let paths: Vec<_> = patch["Operations"].as_array().unwrap().iter().map(|one| &one["path"]).collect();
        assert_eq!(
            paths,
            ["userName", "name.givenName", "name.familyName", &format!("{ENTERPRISE}:department")]
        );
        assert_eq!(patch["Operations"][1]["op"], "remove");
        let emails = with_email(&resource["emails"], "b@x");
        assert_eq!(emails[0]["value"], "home@x");
        assert_eq!(emails[1]["value"], "b@x");
    }

    #[test]
    fn users_are_read_as_services_write_them() {
        let full = json!({
            "id": "7", "externalId": "00u1", "userName": "ann", "active": "False", "displayName": "Ann B",
            "name": { "givenName": "Ann", "familyName": "B" }, "title": "Dr",
            "emails": [{ "value": "x@x" }, { "value": "p@x", "primary": true }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.1:User": { "department": "Sales" },
        });
        let user_read = user(&full, DIALECT).unwrap();
        assert!(!user_read.active);
        assert_eq!(user_read.attributes.email, "p@x");
        assert_eq!(user_read.attributes.attributes.get("department").unwrap(), "Sales");
        assert_eq!(user_read.source, Some(SourceId::from("00u1")));
        let bare = user(&json!({ "id": "8", "userName": null, "emails": null }), DIALECT).unwrap();
        assert!(bare.active && bare.attributes.username.is_empty() && bare.source.is_none());
        assert!(user(&json!({ "userName": "x" }), DIALECT).is_err());
        assert!(FURTHER.contains(&"title"));
    }

    #[test]
    fn members_that_are_groups_or_nobody_are_no_members() {
        let positions = Positions::from([("u1".into(), 0), ("u2".into(), 1)]);
        let body =
            br#"{"id":"g","displayName":"Staff","members":[{"value":"u2"},{"value":"u1","type":"User"},
            {"value":"u2"},{"value":"gone"},{"value":"u1","type":"group"},{"display":"x"}]}"#;
        let group = super::group(body, &positions).unwrap();
        assert_eq!(group.members, Some(vec![0, 1]));
        let without = super::group(br#"{"id":"g","displayName":null}"#, &positions).unwrap();
        assert_eq!(without.members, None);
    }
}
