//! The attributes of users and groups: RFC 7643, sections 4 and 8.7.1, and those of Atlassian's documentation.

use std::sync::LazyLock;

use super::dialect::Dialect;

/// The schema of users.
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension of users.
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Atlassian's own extension of users, as the published OpenAPI calls it; a client has also seen `:1.1`.
pub(super) const ATLASSIAN: &str = "urn:scim:schemas:extension:atlassian-external:1.0";

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Boolean,
    Binary,
    Reference(&'static [&'static str]),
    Complex,
}

/// Who may write an attribute, and whether it is ever told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

/// An attribute or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) many: bool,
    pub(super) required: bool,
    /// Compared with case.
    pub(super) exact: bool,
    pub(super) access: Access,
    /// No two resources have the same value.
    pub(super) unique: bool,
    pub(super) canonical: &'static [&'static str],
    pub(super) parts: Vec<Attribute>,
}

impl Attribute {
    fn of(name: &'static str, kind: Kind) -> Self {
        let exact = matches!(kind, Kind::Binary | Kind::Reference(_));
        let access = Access::ReadWrite;
        let (many, required, unique, canonical, parts) = (false, false, false, &[][..], Vec::new());
        Self { name, kind, many, required, exact, access, unique, canonical, parts }
    }

    fn text(name: &'static str) -> Self {
        Self::of(name, Kind::Text)
    }

    fn complex(name: &'static str, parts: Vec<Self>) -> Self {
        Self { parts, ..Self::of(name, Kind::Complex) }
    }

    /// Several values, each with a type and one of them the primary one (RFC 7643, section 2.4).
    fn plural(name: &'static str, value: Kind, types: &'static [&'static str]) -> Self {
        let parts = vec![
            Self::of("value", value),
            Self::text("display"),
            Self { canonical: types, ..Self::text("type") },
            Self::of("primary", Kind::Boolean),
        ];
        Self { many: true, ..Self::complex(name, parts) }
    }

    fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn access(self, access: Access) -> Self {
        let parts = self.parts.into_iter().map(|part| part.access(access)).collect();
        Self { access, parts, ..self }
    }
}

/// Attributes under one URN.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) urn: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) attributes: Vec<Attribute>,
}

/// A kind of resource.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) core: Schema,
    pub(super) extension: Option<Schema>,
    /// What all resources have, and no schema lists (RFC 7643, section 3.1).
    common: Vec<Attribute>,
}

/// The attribute of that name, which is compared without case.
pub(super) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

impl Model {
    fn new(core: Schema, extension: Option<Schema>) -> Self {
        let location = Attribute::of("location", Kind::Reference(&["uri"]));
        let meta =
            vec![Attribute::text("resourceType").exact(), location, Attribute::text("version").exact()];
        let common = vec![
            Attribute { many: true, ..Attribute::text("schemas") }.access(Access::ReadOnly),
            Attribute::text("id").exact().access(Access::ReadOnly),
            Attribute::text("externalId").exact(),
            Attribute::complex("meta", meta).access(Access::ReadOnly),
        ];
        Self { core, extension, common }
    }

    /// The attribute of that name outside of extensions.
    pub(super) fn find(&self, name: &str) -> Option<&Attribute> {
        find(&self.core.attributes, name).or_else(|| find(&self.common, name))
    }

    /// The extension of that URN.
    pub(super) fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extension.as_ref().filter(|schema| schema.urn.eq_ignore_ascii_case(urn))
    }
}

/// Users as a dialect has them.
pub(super) fn users(dialect: &Dialect) -> &'static Model {
    static FULL: LazyLock<Model> = LazyLock::new(|| Model::new(user(), Some(enterprise())));
    static PLAIN: LazyLock<Model> = LazyLock::new(|| Model::new(user(), None));
    static ATLASSIAN: LazyLock<Model> = LazyLock::new(|| Model::new(atlassian_user(), None));
    match (dialect.atlassian, dialect.enterprise) {
        (true, _) => &ATLASSIAN,
        (false, true) => &FULL,
        (false, false) => &PLAIN,
    }
}

/// Groups.
pub(super) fn groups() -> &'static Model {
    static GROUPS: LazyLock<Model> = LazyLock::new(|| Model::new(group(), None));
    &GROUPS
}

fn name_of_person() -> Attribute {
    let parts = ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"];
    Attribute::complex("name", parts.map(Attribute::text).into())
}

fn user_name() -> Attribute {
    Attribute { unique: true, ..Attribute::text("userName").required() }
}

fn groups_of_user() -> Attribute {
    let parts = vec![
        Attribute::text("value").exact(),
        Attribute::of("$ref", Kind::Reference(&["Group"])),
        Attribute::text("display"),
        Attribute { canonical: &["direct", "indirect"], ..Attribute::text("type") },
    ];
    Attribute { many: true, ..Attribute::complex("groups", parts) }.access(Access::ReadOnly)
}

fn address() -> Attribute {
    let names = ["formatted", "streetAddress", "locality", "region", "postalCode", "country"];
    let mut parts = names.map(Attribute::text).to_vec();
    parts.push(Attribute { canonical: PLACES, ..Attribute::text("type") });
    parts.push(Attribute::of("primary", Kind::Boolean));
    Attribute { many: true, ..Attribute::complex("addresses", parts) }
}

const PLACES: &[&str] = &["work", "home", "other"];
const PHONES: &[&str] = &["work", "home", "mobile", "fax", "pager", "other"];
const MESSENGERS: &[&str] = &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"];
const OUTSIDE: Kind = Kind::Reference(&["external"]);

fn user() -> Schema {
    let mut attributes = vec![user_name(), name_of_person()];
    attributes.extend(["displayName", "nickName"].map(Attribute::text));
    attributes.push(Attribute::of("profileUrl", OUTSIDE));
    attributes.extend(["title", "userType", "preferredLanguage", "locale", "timezone"].map(Attribute::text));
    attributes.extend([
        Attribute::of("active", Kind::Boolean),
        Attribute::text("password").exact().access(Access::WriteOnly),
        Attribute::plural("emails", Kind::Text, PLACES),
        Attribute::plural("phoneNumbers", Kind::Text, PHONES),
        Attribute::plural("ims", Kind::Text, MESSENGERS),
        Attribute::plural("photos", OUTSIDE, &["photo", "thumbnail"]),
        address(),
        groups_of_user(),
        Attribute::plural("entitlements", Kind::Text, &[]),
        Attribute::plural("roles", Kind::Text, &[]),
        Attribute::plural("x509Certificates", Kind::Binary, &[]),
    ]);
    Schema { urn: USER, name: "User", description: "User Account", attributes }
}

fn enterprise() -> Schema {
    let names = ["employeeNumber", "costCenter", "organization", "division", "department"];
    let mut attributes = names.map(Attribute::text).to_vec();
    let manager = vec![
        Attribute::text("value").exact(),
        Attribute::of("$ref", Kind::Reference(&["User"])),
        Attribute::text("displayName").access(Access::ReadOnly),
    ];
    attributes.push(Attribute::complex("manager", manager));
    Schema { urn: ENTERPRISE, name: "EnterpriseUser", description: "Enterprise User", attributes }
}

/// Atlassian's documentation of user provisioning: no password, and `department` and `organization` among the others.
fn atlassian_user() -> Schema {
    let texts =
        ["displayName", "nickName", "title", "preferredLanguage", "department", "organization", "timezone"];
    let mut attributes = vec![user_name(), name_of_person()];
    attributes.extend(texts.map(Attribute::text));
    attributes.extend([
        Attribute::of("active", Kind::Boolean),
        Attribute::plural("emails", Kind::Text, PLACES).required(),
        Attribute::plural("phoneNumbers", Kind::Text, PHONES),
        groups_of_user(),
    ]);
    Schema { urn: USER, name: "User", description: "User Account", attributes }
}

fn group() -> Schema {
    let parts = vec![
        Attribute::text("value").exact().access(Access::Immutable),
        Attribute::of("$ref", Kind::Reference(&["User", "Group"])).access(Access::Immutable),
        Attribute { canonical: &["User", "Group"], ..Attribute::text("type") }.access(Access::Immutable),
        Attribute::text("display"),
    ];
    let members = Attribute { many: true, ..Attribute::complex("members", parts) };
    let attributes = vec![Attribute::text("displayName").required(), members];
    Schema { urn: GROUP, name: "Group", description: "Group", attributes }
}
