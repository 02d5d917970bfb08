//! The description of the socket for programs: OpenAPI 3.1, made of the routes and of the types that travel.

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::answer::LINES;
use super::backup::ARCHIVE;
use super::describe::{Answer, Described, Operation, Routes, Subject};
use crate::control::api::{ErrorBody, RunEvent};

const INTRODUCTION: &str = "What the daemon tells and does over its Unix socket, by default \
    /run/usersyncd/control.sock. Everybody who may open the socket may read; root, the daemon's own user and the \
    members of control.group may change things. One request per connection. Every document has a format_version: what \
    is added to documents later does not raise it, anything else does, so ignore what you do not know. Errors are \
    documents too, except where a request could not be read as HTTP.";

const JSON: &str = "application/json";

/// The description as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Description(pub(super) Bytes);

impl Description {
    /// Describes these routes.
    pub(super) fn of(routes: &Routes) -> Self {
        Self(document(routes).to_string().into())
    }
}

/// The description of these routes.
pub(super) fn document(routes: &Routes) -> Value {
    let mut schemas = Schemas::new();
    let error = (schemas.answers.subschema_for::<ErrorBody>()).to_value();
    let mut paths = Map::new();
    for route in routes.described() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        let method = route.method.as_str().to_ascii_lowercase();
        path[method] = described(route, &mut schemas);
    }
    let tags: Vec<_> = Subject::ALL
        .iter()
        .map(|subject| json!({ "name": subject.name(), "description": subject.description() }))
        .collect();
    let responses: Map<_, _> =
        FAILURES.iter().map(|(_, name, what)| ((*name).to_owned(), failure(name, what, &error))).collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "usersyncd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://localhost", "description": "Over the Unix socket; the host name does not matter." }],
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas.all(), "responses": responses },
    });
    for_strangers(&mut document);
    document
}

/// How a request can fail: the status, the name in the document, and why.
const FAILURES: [(StatusCode, &str, &str); 7] = [
    (
        StatusCode::BAD_REQUEST,
        "BadRequest",
        "The request is not understood: a parameter or the body is not as described.",
    ),
    (StatusCode::FORBIDDEN, "NotPermitted", "The caller may look, but not change anything."),
    (StatusCode::NOT_FOUND, "NotFound", "There is nothing of that name or number."),
    (
        StatusCode::CONFLICT,
        "Conflict",
        "Not possible in the present state; the message says why, and what to do.",
    ),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "The body is longer than 64 KiB."),
    (
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        HEAD_TOO_LARGE,
        "The request line and the headers are longer than 16 KiB. Has no body.",
    ),
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal", "A fault of the daemon or its store."),
];
const HEAD_TOO_LARGE: &str = "HeadTooLarge";

fn failure(name: &str, what: &str, error: &Value) -> Value {
    if name == HEAD_TOO_LARGE {
        return json!({ "description": what });
    }
    json!({ "description": what, "content": { JSON: { "schema": error } } })
}

/// How this route can fail.
fn failures(route: &Described) -> Map<String, Value> {
    let applies = |status: StatusCode| match status {
        StatusCode::FORBIDDEN => route.method != Method::GET,
        StatusCode::NOT_FOUND => route.path.contains('{') || route.operation.failures.contains(&status),
        StatusCode::CONFLICT => route.operation.failures.contains(&status),
        StatusCode::PAYLOAD_TOO_LARGE => route.method != Method::GET,
        _ => true,
    };
    FAILURES
        .iter()
        .filter(|(status, ..)| applies(*status))
        .map(|(status, name, _)| {
            (status.as_str().to_owned(), json!({ "$ref": format!("#/components/responses/{name}") }))
        })
        .collect()
}

fn described(route: &Described, schemas: &mut Schemas) -> Value {
    let Operation { id, summary, notes, query, body, answers, failures: _ } = &route.operation;
    let mut parameters: Vec<_> = in_path(route.path).collect();
    if let Some(query) = query {
        parameters.extend(in_query(&query(&mut schemas.requests).to_value()));
    }
    let mut responses = Map::from_iter([("200".to_owned(), good(answers, schemas))]);
    responses.append(&mut failures(route));
    let mut operation = json!({
        "operationId": id,
        "tags": [route.subject.name()],
        "summary": summary,
        "responses": responses,
    });
    if !notes.is_empty() {
        operation["description"] = json!(notes);
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body {
        let schema = body(&mut schemas.requests).to_value();
        operation["requestBody"] = json!({
            "required": schemas.needs_something(&schema),
            "description": "JSON, whatever the content type says; nothing at all counts as an object without keys.",
            "content": { JSON: { "schema": schema } },
        });
    }
    operation
}

/// What is answered when all goes well.
fn good(answers: &[Answer], schemas: &mut Schemas) -> Value {
    let mut content = Map::new();
    let mut description = "Done.";
    for answer in answers {
        match answer {
            Answer::Document(schema) => {
                content.insert(JSON.to_owned(), json!({ "schema": schema(&mut schemas.answers) }));
            }
            Answer::Lines => {
                let event = schemas.answers.subschema_for::<RunEvent>();
                content.insert(LINES.to_owned(), json!({ "schema": event }));
                description = "Events as they happen: each line is one JSON document, and the schema is that of a line.";
            }
            Answer::Archive => {
                content.insert(ARCHIVE.to_owned(), json!({}));
                description = "A tar archive; Content-Length says how long it is.";
            }
        }
    }
    json!({ "description": description, "content": content })
}

/// The variable parts of a path. Each is called by what it names, so that the same name means the same everywhere.
fn in_path(path: &str) -> impl Iterator<Item = Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names.map(|name| {
        let text = json!({ "type": "string", "minLength": 1 });
        let number = json!({ "type": "integer", "minimum": 0 });
        let (schema, description) = match name {
            "name" => (text, "The connector's name: that of its file, without .yaml."),
            "id" => (text, "The name under which the plan is kept."),
            "run" => (number, "The run's number."),
            "hold" => (number, "The hold's number."),
            _ => (text, ""),
        };
        json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
    })
}

/// The properties of a type as parameters of the query.
fn in_query(schema: &Value) -> Vec<Value> {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let mut schema = property.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            // What may be left out is `null` in JSON; in a query it is not there.
            if let Some(types) = schema["type"].as_array().filter(|types| types.contains(&json!("null"))) {
                schema["type"] = types.first().cloned().unwrap_or_default();
            }
            json!({
                "name": name,
                "in": "query",
                "required": required(name),
                "description": description,
                "schema": schema,
            })
        })
        .collect()
}

/// The schemas of what comes in and of what goes out. They differ: what has a default may be left out of a request and is
/// never missing in an answer.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }

    /// Whether an object without keys is no such request.
    fn needs_something(&self, reference: &Value) -> bool {
        let name = reference["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let schema = name.and_then(|name| self.requests.definitions().get(name));
        schema.is_some_and(|schema| schema["required"].as_array().is_some_and(|names| !names.is_empty()))
    }

    /// All of them. No type travels both ways, so that no name stands for two schemas.
    fn all(mut self) -> Map<String, Value> {
        let mut all = self.answers.take_definitions(true);
        all.append(&mut self.requests.take_definitions(true));
        all
    }
}

/// Descriptions come from comments in the code: without its line breaks, its links, and what it refers to elsewhere.
fn for_strangers(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "description" => *text = plain(text),
                    _ => for_strangers(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(for_strangers),
        _ => {}
    }
}

/// A comment as text: `[`Item`]` as `Item`, without `(RULES 24)`.
fn plain(comment: &str) -> String {
    let mut text =
        comment.split_whitespace().collect::<Vec<_>>().join(" ").replace("[`", "`").replace("`]", "`");
    while let Some((before, rest)) = text.split_once(" (RULES ") {
        text =
            rest.split_once(')').map_or_else(|| before.to_owned(), |(_, after)| format!("{before}{after}"));
    }
    text
}
