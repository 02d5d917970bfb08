//! What `/v1/openapi.json` says is what the server does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Running, exchange, json as parsed, running};
use crate::config::model::LogLevel;
use crate::control::server::backup::ARCHIVE;
use crate::control::server::openapi::document;
use crate::control::server::routes::described;

/// The operations of the document: method, path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(|(method, said)| (method.to_uppercase(), path.clone(), said.clone()))
    });
    each.collect()
}

/// An answer: status, headers, body.
struct Answer {
    status: String,
    headers: BTreeMap<String, String>,
    body: String,
}

async fn ask(running: &Running, method: &str, target: &str, body: &str) -> Answer {
    let request = format!("{method} {target} HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(&running.path, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

/// The path with what the fake daemon knows, or knows nothing of, in place of its variable parts.
fn filled(path: &str, known: bool) -> String {
    let (name, number) = if known { ("a%20b%2Fc", "8") } else { ("nobody", "404") };
    path.replace("{name}", name).replace("{run}", number).replace("{hold}", number).replace("{id}", name)
}

/// The schema at a place in the document, with all that it refers to.
fn schema(document: &Value, schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    schema
}

fn assert_fits(document: &Value, wanted: &Value, seen: &Value, what: &str) {
    let validator = jsonschema::validator_for(&schema(document, wanted)).unwrap();
    let problems: Vec<_> = validator.iter_errors(seen).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{what}: {problems:?} in {seen}");
}

/// Holds an answer to what the document says of it.
fn assert_described(document: &Value, operation: &Value, answer: &Answer, what: &str) {
    let response = &operation["responses"][&answer.status];
    let response = match response["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
        None => response,
    };
    let kind = &answer.headers["content-type"];
    let media = &response["content"][kind];
    assert!(media.is_object(), "{what}: {} as {kind} is not described", answer.status);
    if kind == ARCHIVE {
        assert_eq!(answer.headers["content-length"], answer.body.len().to_string(), "{what}");
        return;
    }
    let documents: Vec<_> =
        if kind == "application/x-ndjson" { answer.body.lines().collect() } else { vec![&answer.body] };
    assert!(!documents.is_empty(), "{what}");
    for text in documents {
        assert_fits(document, &media["schema"], &parsed(text), what);
    }
}

#[tokio::test]
async fn every_operation_answers_as_described() {
    let (running, document) = (running().await, document(&described()));
    let (mut seen, mut bodiless) = (BTreeSet::new(), 0);
    for (method, path, operation) in operations(&document) {
        let body = match operation["operationId"].as_str().unwrap() {
            "explain" | "release" => r#"{"login":"anna"}"#,
            "rename" => r#"{"to":"new"}"#,
            "setLogLevel" => r#"{"level":"debug"}"#,
            _ => "",
        };
        let query = if path.ends_with("/members") { "?group=a" } else { "" };
        for known in [true, false] {
            let target = format!("{}{query}", filled(&path, known));
            let answer = ask(&running, &method, &target, body).await;
            assert_described(&document, &operation, &answer, &format!("{method} {target}"));
            seen.insert(answer.status);
        }
        // What is no object fits nowhere.
        if operation.get("requestBody").is_some() {
            let answer = ask(&running, &method, &filled(&path, true), " [true]").await;
            assert_eq!(answer.status, "400", "{method} {path}: {}", answer.body);
            assert_described(&document, &operation, &answer, &path);
        }
        // Who sends something where nothing is taken means something by it.
        if method != "GET" && operation.get("requestBody").is_none() {
            for (body, refused) in [(r#"{"hours":2}"#, true), ("[]", true), ("{}", false)] {
                let answer = ask(&running, &method, &filled(&path, true), body).await;
                assert_eq!(answer.status == "400", refused, "{method} {path} {body}: {}", answer.body);
                assert_described(&document, &operation, &answer, &path);
                assert!(!refused || answer.body.contains("nothing was done"), "{}", answer.body);
                bodiless += 1;
            }
        }
        let answer = ask(&running, &method, &format!("{}?x=%4", filled(&path, true)), body).await;
        assert_eq!(answer.status, "400", "{method} {path}: {}", answer.body);
        assert_described(&document, &operation, &answer, &path);
    }
    assert!(bodiless > 15, "{bodiless}");
    assert!(seen.contains("200") && seen.contains("404") && seen.contains("500"), "{seen:?}");
}

#[tokio::test]
async fn what_is_not_described_is_not_there() {
    let (running, document) = (running().await, document(&described()));
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut described: BTreeSet<_> =
            methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if described.contains(method) {
                continue;
            }
            let answer = ask(&running, method, &filled(path, true), "").await;
            assert_eq!(answer.status, "405", "{method} {path}: {}", answer.body);
            let error = &document["components"]["schemas"]["ErrorBody"];
            assert_fits(&document, error, &parsed(&answer.body), path);
            // Whoever may GET may ask for the head alone (RFC 9110, section 9.3.2).
            if described.contains("GET") {
                described.insert("HEAD".to_owned());
            }
            let allowed = answer.headers["allow"].split(',').map(|method| method.trim().to_owned());
            assert_eq!(allowed.collect::<BTreeSet<_>>(), described, "{path}");
            described.remove("HEAD");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_and_complete() {
    let running = running().await;
    let answer = ask(&running, "GET", "/v1/openapi.json", "").await;
    assert_eq!(
        (answer.status.as_str(), answer.headers["content-type"].as_str()),
        ("200", "application/json")
    );
    let document = parsed(&answer.body);
    assert_eq!(document, self::document(&described()));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut ids = BTreeSet::new();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "two operations are called {id}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(tag)), "{id}");
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        for parameter in parameters {
            assert!(
                parameter["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{id}: {parameter}"
            );
        }
        let named: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == "path").collect();
        assert_eq!(named.len(), path.matches('{').count(), "{id}");
        assert_eq!(operation["responses"].get("403").is_some(), method != "GET", "{id}");
    }
    assert!(ids.len() > 25, "{ids:?}");
}

/// Calls `look` with every object in a document.
fn each_object(value: &Value, look: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            look(object);
            object.values().for_each(|value| each_object(value, look));
        }
        Value::Array(values) => values.iter().for_each(|value| each_object(value, look)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_descriptions_are_for_strangers() {
    let document = document(&described());
    let (mut references, mut descriptions) = (0, 0);
    each_object(&document, &mut |object| {
        if let Some(Value::String(place)) = object.get("$ref") {
            references += 1;
            assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
        }
        if let Some(Value::String(text)) = object.get("description") {
            descriptions += 1;
            assert!(!text.is_empty() && !text.contains("RULES") && !text.contains("[`"), "{text}");
            assert!(!text.contains("::") && !text.contains('\n'), "{text}");
        }
    });
    assert!(references > 100 && descriptions > 200, "{references} {descriptions}");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema.get("description").is_some(), "{name} is not described");
        let closed = schema["additionalProperties"] == json!(false);
        assert_eq!(closed, name.ends_with("Request"), "{name}: requests are closed, answers are open");
    }
}

#[tokio::test]
async fn what_the_schema_of_a_body_refuses_the_server_refuses_and_nothing_else() {
    let (running, document) = (running().await, document(&described()));
    let operations = operations(&document);
    let long = format!(r#"{{"login":"{}"}}"#, "x".repeat(256));
    let fitting = format!(r#"{{"login":"{}"}}"#, "x".repeat(255));
    let (mut taken, mut refused) = (0, 0);
    for (id, body) in [
        ("sync", r#"{}"#),
        ("sync", r#"{"wait":true}"#),
        ("sync", r#"{"wait":null}"#),
        ("sync", r#"{"wait":1}"#),
        ("sync", r#"{"color":"red"}"#),
        ("sync", r#"{"user":null}"#),
        ("sync", r#"{"user":"anna"}"#),
        ("sync", r#"{"user":" "}"#),
        ("sync", r#"{"user":"a\u0085b"}"#),
        ("sync", r#"{"user":"anna","restore":true}"#),
        ("sync", r#"{"user":null,"restore":true}"#),
        ("sync", r#"{"restore":true}"#),
        ("sync", r#"{"restore":false}"#),
        ("sync", r#"{"incremental":true}"#),
        ("sync", r#"{"incremental":true,"user":null}"#),
        ("sync", r#"{"incremental":true,"user":"anna"}"#),
        ("sync", r#"{"incremental":true,"restore":true}"#),
        ("sync", r#"[]"#),
        ("sync", r#"null"#),
        ("sync", r#""text""#),
        ("explain", r#"{}"#),
        ("explain", r#"{"login":""}"#),
        ("explain", r#"{"login":"  anna b"}"#),
        ("explain", r#"{"login":"anna\n"}"#),
        ("explain", &long),
        ("explain", &fitting),
        ("plan", r#"{"keep":"review-1.b_c"}"#),
        ("plan", r#"{"keep":"_x","hours":1}"#),
        ("plan", r#"{"keep":"-x"}"#),
        ("plan", r#"{"keep":".x"}"#),
        ("plan", r#"{"keep":""}"#),
        ("plan", r#"{"keep":"a/b"}"#),
        ("plan", r#"{"keep":"ä"}"#),
        ("plan", r#"{"hours":0}"#),
        ("plan", r#"{"hours":744}"#),
        ("plan", r#"{"hours":745}"#),
        ("plan", r#"{"hours":2.0}"#),
        ("plan", r#"{"hours":2.5}"#),
        ("plan", r#"{"hours":1e99}"#),
        ("plan", r#"{"hours":"2"}"#),
        ("plan", r#"{"hours":-1}"#),
        ("plan", r#"{"hours":null}"#),
        ("approveHold", r#"{"later":true,"hours":2}"#),
        ("approveHold", r#"{"hours":745}"#),
        ("undo", r#"{"confirm":true,"fingerprint":"x"}"#),
        ("undo", r#"{"fingerprint":"x"}"#),
        ("undo", r#"{"fingerprint":"x","confirm":false}"#),
        ("undo", r#"{"fingerprint":null}"#),
        ("rename", r#"{"to":7}"#),
        ("rename", r#"{"to":"new"}"#),
        ("release", r#"{"login":"anna","login2":"berta"}"#),
        ("release", r#"{"login":"anna"}"#),
        ("setLogLevel", r#"{}"#),
        ("setLogLevel", r#"{"level":true}"#),
    ] {
        let (method, path, operation) =
            operations.iter().find(|(_, _, operation)| operation["operationId"] == id).unwrap();
        let wanted = schema(&document, &operation["requestBody"]["content"]["application/json"]["schema"]);
        let fits = jsonschema::validator_for(&wanted).unwrap().is_valid(&parsed(body));
        let answer = ask(&running, method, &filled(path, true), body).await;
        assert_eq!(answer.status != "400", fits, "{id} {body}: {}", answer.body);
        *(if fits { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 10 && refused > 10, "{taken} {refused}");
}

#[test]
fn the_levels_of_the_log_and_the_rules_of_names_are_those_of_the_daemon() {
    let document = document(&described());
    let schemas = &document["components"]["schemas"];
    let levels = &schemas["LogLevelRequest"]["properties"]["level"]["enum"];
    assert_eq!(*levels, json!(LogLevel::ALL.map(LogLevel::as_str)));
    for (property, of) in [("keep", "PlanRequest"), ("to", "RenameRequest")] {
        let pattern = schemas[of]["properties"][property]["pattern"].as_str().unwrap();
        let pattern = regex::Regex::new(pattern).unwrap();
        let (longest, too_long) = ("x".repeat(64), "x".repeat(65));
        for name in ["a", "A.b-c_9", "_", "9", "", ".a", "-a", "a b", "a\n", "ä", &longest, &too_long] {
            assert_eq!(pattern.is_match(name), crate::control::api::can_name_a_plan(name), "{of} {name:?}");
        }
    }
}

/// A request that a page shows: method, path, query and body.
struct Example {
    method: String,
    target: String,
    body: Option<String>,
}

/// The requests with `curl` of a page: in indented lines, going on after a backslash.
fn examples(page: &str) -> Vec<Example> {
    let joined = page.replace("\\\n", " ");
    let commands = joined.lines().filter_map(|line| line.strip_prefix("    curl "));
    commands
        .map(|command| {
            let after = |mark: &str| command.split_once(mark).map(|(_, rest)| rest);
            let method = after("-X ").and_then(|rest| rest.split(' ').next()).unwrap_or("GET");
            let target = after("http://localhost").unwrap().split([' ', '\'']).next().unwrap();
            let body = after("-d '").map(|rest| rest.split('\'').next().unwrap().to_owned());
            Example { method: method.to_owned(), target: target.to_owned(), body }
        })
        .collect()
}

/// Whether a path is one of those that the template stands for.
fn is_of(template: &str, path: &str) -> bool {
    let (wanted, seen): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == seen.len()
        && wanted.iter().zip(&seen).all(|(wanted, seen)| wanted.starts_with('{') || wanted == seen)
}

#[test]
fn the_page_for_people_shows_every_operation_and_nothing_else() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/control-api.md");
    let examples = examples(&std::fs::read_to_string(page).unwrap());
    let document = document(&described());
    let mut shown = BTreeSet::new();
    for Example { method, target, body } in &examples {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let operations = operations(&document);
        let found = operations.iter().find(|(is, template, _)| is == method && is_of(template, path));
        let (_, template, operation) = found.unwrap_or_else(|| panic!("no route is {method} {target}"));
        shown.insert((method.clone(), template.clone()));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap();
            let known = operation["parameters"].as_array().unwrap();
            assert!(known.iter().any(|parameter| parameter["name"] == name), "{target}");
        }
        if let Some(body) = body {
            let wanted = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert_fits(&document, wanted, &parsed(body), target);
        }
    }
    for (method, path, _) in operations(&document) {
        assert!(shown.contains(&(method.clone(), path.clone())), "no example of {method} {path}");
    }
}
