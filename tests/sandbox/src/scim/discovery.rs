//! What a service tells about itself (RFC 7644, section 4).

use serde_json::{Map, Value, json};

use super::Scim;
use super::answer::{Outcome, Refusal, scim};
use super::dialect::{Etags, Filtering};
use super::render::View;
use super::schema::{self, Access, Attribute, Kind, Schema};
use crate::product::{Reply, Request, World};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

impl Scim {
    /// ServiceProviderConfig.
    pub(super) fn configuration(&self, view: View<'_>) -> Reply {
        let dialect = &self.dialect;
        let is_on = |yes: bool| json!({ "supported": yes });
        let filters = !matches!(dialect.filtering, Filtering::Refused(_));
        let location = view.location("ServiceProviderConfig", "");
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": is_on(dialect.patch),
            "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
            "filter": { "supported": filters, "maxResults": dialect.max_results.unwrap_or(0) },
            "changePassword": is_on(false), "sort": is_on(false),
            "etag": is_on(dialect.etags == Etags::Checked),
            "authenticationSchemes": [{
                "type": "oauthbearertoken", "name": "bearer_token", "description": "HTTP Bearer Token",
                "specUri": "https://datatracker.ietf.org/doc/html/rfc6750",
            }],
            "meta": { "resourceType": "ServiceProviderConfig", "location": location.trim_end_matches('/') },
        });
        scim(200, &body)
    }

    /// ResourceTypes, or one of them.
    pub(super) fn resource_types(&self, name: Option<&str>, view: View<'_>) -> Outcome<Reply> {
        let types = [self.resource_type("User", view), self.resource_type("Group", view)];
        listed("Resource type", types.into(), name)
    }

    fn resource_type(&self, name: &str, view: View<'_>) -> Value {
        let model = if name == "User" { schema::users(&self.dialect) } else { schema::groups() };
        let extensions =
            model.extension.iter().map(|schema| json!({ "schema": schema.urn, "required": false }));
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name, "name": name, "description": model.core.description, "endpoint": format!("/{name}s"),
            "schema": model.core.urn, "schemaExtensions": extensions.collect::<Vec<_>>(),
            "meta": { "resourceType": "ResourceType", "location": view.location("ResourceTypes", name) },
        })
    }

    /// Schemas, or one of them.
    pub(super) fn schemas(&self, urn: Option<&str>, view: View<'_>) -> Outcome<Reply> {
        let models = [schema::users(&self.dialect), schema::groups()];
        let schemas = models.into_iter().flat_map(|model| [Some(&model.core), model.extension.as_ref()]);
        let schemas = schemas.flatten().map(|schema| described(schema, view));
        listed("Schema", schemas.collect(), urn)
    }
}

/// All of a list, or the one with an id.
fn listed(what: &str, all: Vec<Value>, id: Option<&str>) -> Outcome<Reply> {
    let Some(id) = id else {
        let number = all.len();
        let body = json!({
            "schemas": [LIST], "totalResults": number, "startIndex": 1, "itemsPerPage": number, "Resources": all,
        });
        return Ok(scim(200, &body));
    };
    let one = all.iter().find(|one| one.get("id").and_then(Value::as_str) == Some(id));
    one.map(|one| scim(200, one)).ok_or_else(|| Refusal::missing(what, id))
}

fn described(schema: &Schema, view: View<'_>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.urn, "name": schema.name, "description": schema.description,
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": { "resourceType": "Schema", "location": view.location("Schemas", schema.urn) },
    })
}

fn attribute(attribute: &Attribute) -> Value {
    let mut body = Map::new();
    let mut tell = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    let (kind, references) = match attribute.kind {
        Kind::Text => ("string", None),
        Kind::Boolean => ("boolean", None),
        Kind::Binary => ("binary", None),
        Kind::Complex => ("complex", None),
        Kind::Reference(types) => ("reference", Some(types)),
    };
    let (mutability, returned) = match attribute.access {
        Access::ReadWrite => ("readWrite", "default"),
        Access::ReadOnly => ("readOnly", "default"),
        Access::Immutable => ("immutable", "default"),
        Access::WriteOnly => ("writeOnly", "never"),
    };
    tell("name", attribute.name.into());
    tell("type", kind.into());
    tell("multiValued", attribute.many.into());
    tell("description", attribute.name.into());
    tell("required", attribute.required.into());
    tell("caseExact", attribute.exact.into());
    tell("mutability", mutability.into());
    tell("returned", returned.into());
    tell("uniqueness", if attribute.unique { "server" } else { "none" }.into());
    if let Some(types) = references {
        tell("referenceTypes", json!(types));
    }
    if !attribute.canonical.is_empty() {
        tell("canonicalValues", json!(attribute.canonical));
    }
    if !attribute.parts.is_empty() {
        let parts = attribute.parts.iter().map(self::attribute);
        tell("subAttributes", parts.collect());
    }
    Value::Object(body)
}

/// Answers a request for one of the three.
pub(super) fn answer(scim: &Scim, path: &[&str], request: &Request, world: &World) -> Outcome<Reply> {
    let view = View { scim, world, request };
    // RFC 7644, section 4: a filter is refused here.
    if request.parameter("filter").is_some() {
        return Err(Refusal::new(403, "", "Discovery endpoints do not support filtering"));
    }
    match path {
        ["ServiceProviderConfig"] => Ok(scim.configuration(view)),
        ["ResourceTypes"] => scim.resource_types(None, view),
        ["ResourceTypes", name] => scim.resource_types(Some(name), view),
        ["Schemas"] => scim.schemas(None, view),
        ["Schemas", urn] => scim.schemas(Some(urn), view),
        _ => Err(Refusal::of_status(404)),
    }
}
