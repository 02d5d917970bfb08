//! Users and groups as clients see them.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::Scim;
use super::answer::scim;
use super::dialect::{Etags, Locations, MemberDetails};
use super::intake::Document;
use super::projection::Projection;
use super::schema::{ATLASSIAN, ENTERPRISE, GROUP, USER};
use super::user;
use crate::product::{Group, Id, Reply, Request, User, World};

/// What an answer is made of, and for whom.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) scim: &'a Scim,
    pub(super) world: &'a World,
    pub(super) request: &'a Request,
}

impl View<'_> {
    /// Where a resource is.
    pub(super) fn location(&self, collection: &str, id: &str) -> String {
        let origin = match self.scim.dialect.locations {
            Locations::Absolute => self.request.origin(),
            Locations::Relative => String::new(),
        };
        format!("{origin}{}/{collection}/{id}", self.scim.base.trim_end_matches('/'))
    }

    /// A user.
    pub(super) fn user(&self, id: Id, user: &User) -> Document {
        let dialect = &self.scim.dialect;
        let mut document = user::document(user, dialect);
        let mut schemas = vec![USER];
        if dialect.atlassian {
            self.atlassian(&mut document, id, &mut schemas);
        } else if document.contains_key(ENTERPRISE) {
            schemas.push(ENTERPRISE);
        }
        if dialect.user_groups {
            document.insert("groups".to_owned(), self.groups_of(id));
        }
        let version = self.version(|| self.scim.user_version(user));
        self.common(document, ("User", "Users"), id, &schemas, version)
    }

    /// What Atlassian adds: the id of the account, and an extension that repeats two attributes.
    fn atlassian(&self, document: &mut Document, id: Id, schemas: &mut Vec<&'static str>) {
        let account = json!({ "atlassianAccountId": self.scim.account_id(id) });
        document.insert(ATLASSIAN.to_owned(), account);
        schemas.push(ATLASSIAN);
        let repeated = ["organization", "department"].into_iter();
        let repeated: Document =
            repeated.filter_map(|name| Some((name.to_owned(), document.get(name)?.clone()))).collect();
        if !repeated.is_empty() {
            document.insert(ENTERPRISE.to_owned(), Value::Object(repeated));
            schemas.push(ENTERPRISE);
        }
    }

    fn groups_of(&self, user: Id) -> Value {
        let entry = |id| {
            let (shown, group) = (self.scim.ledger.shown(id), self.world.groups().get(&id)?);
            let location = self.location("Groups", &shown);
            Some(json!({ "type": "direct", "value": shown, "display": group.name, "$ref": location }))
        };
        self.scim.lookup.groups_of(user).filter_map(entry).collect()
    }

    /// A group, with its members if they are wanted.
    pub(super) fn group(&self, id: Id, group: &Group, with_members: bool) -> Document {
        let mut document = group_document(group);
        if with_members {
            let members = self.members(id, group);
            if !members.is_empty() || self.scim.dialect.empty_members {
                document.insert("members".to_owned(), Value::Array(members));
            }
        }
        let version = self.version(|| self.scim.group_version(id, group));
        self.common(document, ("Group", "Groups"), id, &[GROUP], version)
    }

    fn members(&self, id: Id, group: &Group) -> Vec<Value> {
        let extras = self.scim.ledger.extras.get(&id);
        let loose =
            extras.into_iter().flat_map(|extras| &extras.loose).map(|entry| Value::Object(entry.clone()));
        let own = |id: &Id| extras.and_then(|extras| extras.details.get(id)).cloned().unwrap_or_default();
        match self.scim.dialect.member_details {
            MemberDetails::Known => group.members.iter().filter_map(|id| self.known_member(*id)).collect(),
            MemberDetails::AsGiven => {
                let users = group.members.iter().map(|id| self.entry(*id, own(id)));
                let groups = group.children.iter().map(|id| {
                    let mut details = own(id);
                    details.entry("type").or_insert_with(|| "Group".into());
                    self.entry(*id, details)
                });
                users.chain(groups).chain(loose).collect()
            }
        }
    }

    fn entry(&self, id: Id, mut details: Document) -> Value {
        details.insert("value".to_owned(), self.scim.ledger.shown(id).into());
        Value::Object(details)
    }

    fn known_member(&self, id: Id) -> Option<Value> {
        let user = self.world.users().get(&id).filter(|_| self.scim.ledger.shows(id))?;
        let id = self.scim.ledger.shown(id);
        // Not published: which of the names `display` is; the example has the user name.
        Some(
            json!({ "type": "User", "value": id, "display": user.name, "$ref": self.location("Users", &id) }),
        )
    }

    /// The version, where it is a part of the resource.
    fn version(&self, version: impl FnOnce() -> String) -> Option<String> {
        (self.scim.dialect.etags == Etags::Checked).then(version)
    }

    fn common(
        &self,
        mut document: Document,
        (kind, collection): (&str, &str),
        id: Id,
        schemas: &[&str],
        version: Option<String>,
    ) -> Document {
        let id = self.scim.ledger.shown(id);
        let mut meta = json!({ "resourceType": kind, "location": self.location(collection, &id) });
        if let (Some(version), Some(meta)) = (version, meta.as_object_mut()) {
            meta.insert("version".to_owned(), version.into());
        }
        document.insert("schemas".to_owned(), json!(schemas));
        document.insert("id".to_owned(), id.into());
        document.insert("meta".to_owned(), meta);
        document
    }

    /// An answer with one user.
    pub(super) fn user_reply(&self, status: u16, id: Id, user: &User, projection: &Projection) -> Reply {
        let document = projection.of(self.user(id, user));
        let reply = scim(status, &Value::Object(document));
        self.headers(reply, "Users", id, || self.scim.user_version(user))
    }

    /// An answer with one group.
    pub(super) fn group_reply(&self, status: u16, id: Id, group: &Group, projection: &Projection) -> Reply {
        let document = projection.of(self.group(id, group, projection.shows("members")));
        let reply = scim(status, &Value::Object(document));
        self.headers(reply, "Groups", id, || self.scim.group_version(id, group))
    }

    /// Adds where a resource is and which version it has.
    pub(super) fn headers(
        &self,
        reply: Reply,
        collection: &str,
        id: Id,
        version: impl FnOnce() -> String,
    ) -> Reply {
        let reply = match self.scim.dialect.locations {
            Locations::Absolute => {
                reply.header("location", &self.location(collection, &self.scim.ledger.shown(id)))
            }
            Locations::Relative => reply,
        };
        if self.scim.dialect.etags == Etags::Off { reply } else { reply.header("etag", &version()) }
    }
}

/// A group's own attributes, without its members.
pub(super) fn group_document(group: &Group) -> Document {
    let mut document = Document::new();
    document.insert("displayName".to_owned(), group.name.clone().into());
    if !group.external_id.is_empty() {
        document.insert("externalId".to_owned(), group.external_id.clone().into());
    }
    for (name, values) in &group.attributes {
        if let Some(value) = values.first() {
            document.insert(name.clone(), user::attribute(value));
        }
    }
    document
}

/// Many ids as one number (as FNV does it, word by word), which takes less time than a hasher.
fn mixed(ids: &BTreeSet<Id>) -> u64 {
    ids.iter().fold(0xcbf2_9ce4_8422_2325, |mix: u64, id| {
        (mix ^ id).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

impl Scim {
    /// The version of a user: another one for another content.
    pub(super) fn user_version(&self, user: &User) -> String {
        let mut hasher = DefaultHasher::new();
        (&user.name, &user.email, &user.first_name, &user.last_name, &user.display_name).hash(&mut hasher);
        (user.active, &user.external_id, &user.attributes, &user.password).hash(&mut hasher);
        self.version(hasher.finish())
    }

    /// The version of a group, its members included.
    pub(super) fn group_version(&self, id: Id, group: &Group) -> String {
        if self.dialect.etags == Etags::Off {
            return String::new();
        }
        let mut hasher = DefaultHasher::new();
        (&group.name, &group.external_id, mixed(&group.members), mixed(&group.children)).hash(&mut hasher);
        (&group.attributes, self.ledger.extras.get(&id).map(|extras| extras.revision)).hash(&mut hasher);
        self.version(hasher.finish())
    }

    fn version(&self, hash: u64) -> String {
        match self.dialect.etags {
            Etags::Unchecked => format!("W/\"{hash:016x}\""),
            Etags::Checked | Etags::Off => format!("W/\"{hash}\""),
        }
    }

    /// The id of the account behind a user: a managed account has its own since before.
    pub(super) fn account_id(&self, user: Id) -> String {
        let mut hasher = DefaultHasher::new();
        match self.ledger.linked.get(&user) {
            Some(email) => email.hash(&mut hasher),
            None => user.hash(&mut hasher),
        }
        format!("{:024x}", hasher.finish())
    }
}
