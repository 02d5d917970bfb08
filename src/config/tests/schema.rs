//! The JSON Schema for editors: it says what the checker says, as far as a schema can, and the examples name it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::config::effective_yaml;
use crate::config::schema::{default_value, schema};
use crate::config::table::{CONNECTOR, Key, Kind, SECRET};
use crate::sync::mapping::{Template, UserView};
use crate::sync::model::{SourceId, SourceUser, Status};

/// The directory `config` of the package.
fn installed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// The example files with their names.
fn examples() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(installed("examples")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// What an editor makes of YAML.
fn parsed(contents: &str) -> Value {
    serde_yaml::from_str(contents).unwrap_or_else(|error| panic!("{error}\n{contents}"))
}

/// What the schema has against a value, as far as its keywords go; a keyword that is not known here fails the test.
fn complaints(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, expected) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" => true,
            "type" => {
                let types = expected.as_array().cloned().unwrap_or_else(|| vec![expected.clone()]);
                types.iter().any(|name| is_of_type(value, name.as_str().unwrap()))
            }
            "enum" => expected.as_array().unwrap().contains(value),
            "anyOf" => {
                expected.as_array().unwrap().iter().any(|schema| complaints(schema, value, path).is_empty())
            }
            "not" => !complaints(expected, value, path).is_empty(),
            "pattern" => value
                .as_str()
                .is_none_or(|text| regex::Regex::new(expected.as_str().unwrap()).unwrap().is_match(text)),
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= expected.as_u64().unwrap())
            }
            "minimum" => value.as_u64().is_none_or(|number| number >= expected.as_u64().unwrap()),
            "maximum" => value.as_u64().is_none_or(|number| number <= expected.as_u64().unwrap()),
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 >= expected.as_u64().unwrap())
            }
            "minProperties" => {
                value.as_object().is_none_or(|entries| entries.len() as u64 >= expected.as_u64().unwrap())
            }
            "maxProperties" => {
                value.as_object().is_none_or(|entries| entries.len() as u64 <= expected.as_u64().unwrap())
            }
            "required" => value.as_object().is_none_or(|entries| {
                expected.as_array().unwrap().iter().all(|name| entries.contains_key(name.as_str().unwrap()))
            }),
            "propertyNames" => {
                for name in value.as_object().into_iter().flat_map(|entries| entries.keys()) {
                    found.extend(complaints(expected, &json!(name), &format!("{path}.{name}")));
                }
                true
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    found.extend(complaints(expected, item, &format!("{path}[]")));
                }
                true
            }
            "properties" => {
                for (name, schema) in expected.as_object().unwrap() {
                    let inner = value.get(name);
                    found.extend(
                        inner
                            .map(|inner| complaints(schema, inner, &format!("{path}.{name}")))
                            .unwrap_or_default(),
                    );
                }
                true
            }
            "additionalProperties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if schema["properties"].get(name).is_some() {
                        continue;
                    }
                    match expected {
                        Value::Bool(allowed) if !allowed => found.push(format!("{path}.{name} is not known")),
                        other => found.extend(complaints(other, inner, &format!("{path}.{name}"))),
                    }
                }
                true
            }
            unknown => panic!("the schema has a keyword that this test does not know: {unknown}"),
        };
        if !holds {
            found.push(format!("{path}: {keyword}"));
        }
    }
    found
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    }
}

#[test]
fn every_example_is_valid_names_the_schema_and_satisfies_it() {
    let schema = schema();
    let examples = examples();
    assert!(examples.len() >= 2 && examples.iter().all(|(name, _)| name.ends_with(".yaml")), "{examples:?}");
    for (name, contents) in examples {
        assert_eq!(
            contents.lines().next(),
            Some("# yaml-language-server: $schema=../connector.schema.json"),
            "{name}"
        );
        assert!(contents.lines().all(|line| line.chars().count() <= 130), "{name}");
        let written = effective_yaml(&valid(&contents));
        for contents in [contents, written] {
            assert_eq!(complaints(&schema, &parsed(&contents), ""), [""; 0], "{name}");
        }
    }
}

#[test]
fn the_installed_schema_is_the_one_that_is_printed() {
    let path = installed("connector.schema.json");
    let installed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(
        installed == schema(),
        "{} is not up to date; run: cargo run -- schema > config/connector.schema.json",
        path.display()
    );
}

#[test]
fn what_the_checker_refuses_for_its_shape_the_schema_refuses() {
    let schema = schema();
    for rest in [
        "unknown: 1",
        "target: { directory: {}, jira: {} }",
        "source: { okta: { domain: acme.okta.com } }",
        "scope: { statuses: [] }",
        "scope: { statuses: [GONE] }",
        "scope: { required_groups: [''] }",
        "mapping: { attributes: { email: x } }",
        "mapping: { attributes: { 'a b': x } }",
        "mapping: { attributes: { a: [x] } }",
        "groups: { rename: [{ match: a }] }",
        "groups: { rename: { match: a, to: b } }",
        "groups: { rename: [{ match: a, to: b, with: c }] }",
        "groups: { unmatched: remove }",
        "existing: { users: take }",
        "leavers: { users: remove }",
        "leavers: { memberships: { except: [a] } }",
        "leavers: { memberships: removed }",
        "leavers: { grace: { absent: soon } }",
        "leavers: { grace: 7d }",
        "leavers: { grace: { absent: 30m1h } }",
        "leavers: { grace: { absent: '' } }",
        "leavers: { users: no }",
        "apply: nope",
        "limits: { floor: '-1' }",
        "inactive: { days: '0' }",
        "inactive: { days: 0 }",
        "inactive: { days: 4000 }",
        "inactive: { never_signed_in: keep }",
        "inactive: on",
        "limits: { leavers: lots }",
        "schedule: { timezone: UTC }",
        "notify: { on: [everything] }",
        "notify: { on: failed }",
        "notify: { webhook: {} }",
        "notify: { webhook: { url: https://hooks.example.com/x } }",
        "notify: { webhook: { url: { credential: a, env: B } } }",
        "notify: { webhook: { url: { credential: notify-url }, timeout: 10 } }",
        "notify: { command: [/bin/true] }",
        "notify: { command_timeout: 1m }",
        "schedule: { cron: '@daily', incremental: { from: events } }",
        "schedule: { incremental: 5m }",
    ] {
        let contents = if rest.starts_with("source") { rest.to_owned() } else { with(rest) };
        assert!(check(&contents).value.is_none(), "{contents}");
        assert!(!complaints(&schema, &parsed(&contents), "").is_empty(), "{contents}");
    }
    for app in [
        "unknown: 1",
        "scopes: []",
        "scopes: okta.users.read",
        "scopes: [okta.users.manage]",
        "scopes: [openid]",
        "algorithm: HS256",
        "key_id: ''",
    ] {
        let contents = with_app(app);
        assert!(check(&contents).value.is_none(), "{contents}");
        assert!(!complaints(&schema, &parsed(&contents), "").is_empty(), "{contents}");
    }
    for okta in
        ["app: Jira", "users: { search: '' }", "users: { serch: a }", "rate_budget: 50", "skinny_users: 1"]
    {
        let contents = with_okta(okta);
        assert!(check(&contents).value.is_none(), "{contents}");
        assert!(!complaints(&schema, &parsed(&contents), "").is_empty(), "{contents}");
    }
}

#[test]
fn the_schema_accepts_what_editors_take_for_other_types() {
    let schema = schema();
    for rest in [
        "apply: false",
        "inactive: false",
        "inactive: no",
        "apply: no",
        "apply: Yes",
        "inactive: { days: '90' }",
        "limits: { leavers: no, floor: '3' }",
        "groups: { always: [true] }",
        "scope: { users: { include: [false] } }",
        "limits: { leavers: off, floor: 3 }",
        "groups: { include: [2024], always: [7], rename: [{ match: 7, to: 8 }] }",
        "mapping: { attributes: { country: 49, external: true } }",
        "leavers: { memberships: { remove: all }, grace: { absent: 1d12h } }",
        "target: { directory: }",
        "notify: {}",
        "notify: { on: [] }",
    ] {
        valid(&with(rest));
        assert_eq!(complaints(&schema, &parsed(&with(rest)), ""), [""; 0], "{rest}");
    }
}

/// Every key of the table by its path, but for what is not in this file.
fn keys(keys: &'static [Key], path: &str, found: &mut Vec<(String, &'static Key)>) {
    for key in keys.iter().filter(|key| !matches!(key.kind, Kind::Elsewhere(_))) {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        found.push((path.clone(), key));
        match key.kind {
            Kind::Section(inner) | Kind::OneOf(inner) | Kind::Rules(inner) | Kind::OneOrSection(_, inner) => {
                super::schema::keys(inner, &path, found)
            }
            Kind::Secret => super::schema::keys(SECRET, &path, found),
            _ => {}
        }
    }
}

fn all_keys() -> Vec<(String, &'static Key)> {
    let mut found = Vec::new();
    keys(CONNECTOR, "", &mut found);
    found
}

/// The paths of the keys of a parsed file; items of lists count as what they are in.
fn written_keys(value: &Value, path: &str, found: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.push(path.clone());
        written_keys(inner, &path, found);
        for item in inner.as_array().into_iter().flatten() {
            written_keys(item, &path, found);
        }
    }
}

#[test]
fn the_full_example_has_every_key_and_each_target_an_example() {
    let mut written = Vec::new();
    for (name, contents) in examples() {
        let mut keys = Vec::new();
        written_keys(&parsed(&contents), "", &mut keys);
        // There is one target in a file, and one way to sign in.
        let is_other = |key: &str| key.starts_with("target") || key.starts_with("source.okta.auth");
        keys.retain(|key| name == "full.yaml" || is_other(key));
        written.extend(keys);
    }
    let instead = [
        "source.okta.url",
        "target.atlassian_cloud.url",
        "target.jira.username",
        "target.jira.password",
        "target.confluence.username",
        "target.confluence.password",
    ];
    for (path, _) in all_keys() {
        // Instead of the domain, of the token and of the credential.
        let is_other = instead.iter().any(|other| path.starts_with(other))
            || path.ends_with(".file")
            || path.ends_with(".env");
        if !is_other {
            assert!(written.contains(&path), "{path}");
        }
    }
}

/// A mapping with a value at the end of a path.
fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |value, name| json!({ name: value }))
}

/// The least connector in which the key at `path` may stand.
fn needed_for(path: &str) -> Value {
    let needed = json!({
        "source": { "okta": { "domain": "acme.okta.com", "auth": { "api_token": { "credential": "okta-token" } } } },
        "schedule": { "cron": "@daily" },
        "inactive": { "days": 90 },
        "leavers": { "memberships": { "remove": "all" } },
        "groups": { "rename": [{ "match": "^a", "to": "b" }] },
        "notify": { "webhook": { "url": { "credential": "notify-url" } } },
    });
    let mut contents = json!({ "source": needed["source"] });
    if let ["source", "okta", "auth", "service_app", key, ..] = path.split('.').collect::<Vec<_>>()[..] {
        let mut app = json!({ "client_id": "0oa1", "private_key": { "credential": "okta-key" } });
        app.as_object_mut().unwrap().remove(key);
        contents["source"]["okta"]["auth"] = json!({ "service_app": app });
    }
    let secret = json!({ "credential": "app-token" });
    let url = "https://acme.example.com";
    let targets = json!({
        "scim": { "url": url, "token": secret },
        "atlassian_cloud": { "directory": "1", "token": secret },
        "crowd": { "url": url, "application": "a", "password": secret },
        "jira": { "url": url, "username": "a", "password": secret },
        "confluence": { "url": url, "username": "a", "password": secret },
        "bitbucket": { "url": url, "username": "a", "password": secret },
    });
    if let [_, product, key, ..] = path.split('.').collect::<Vec<_>>()[..]
        && path.starts_with("target.")
    {
        let mut target = targets[product].clone();
        if key == "token" {
            for other in ["username", "password"] {
                target.as_object_mut().unwrap().remove(other);
            }
        }
        // One place of the secret.
        target.as_object_mut().unwrap().remove(key);
        contents["target"] = json!({ product: target });
    }
    if path.starts_with("schedule.incremental.") {
        contents["schedule"] = json!({ "cron": "@daily", "incremental": {} });
        return contents;
    }
    let sections = ["schedule.", "inactive.", "leavers.memberships.", "groups.unmatched", "notify.webhook."];
    if let Some(section) = sections.iter().find(|section| path.starts_with(**section)) {
        let section = section.split('.').next().unwrap();
        contents[section] = needed[section].clone();
    }
    contents
}

#[test]
fn what_is_called_a_default_is_what_counts_without_it() {
    for (path, key) in all_keys() {
        let Some(default) = key.default else { continue };
        let value = at(&path, default_value(default));
        let without = needed_for(&path);
        let mut with_it = without.clone();
        merge(&mut with_it, value);
        let meaning = |contents: &Value| {
            let mut connector = valid(&contents.to_string());
            connector.digest.clear();
            connector.text = "".into();
            connector.path = PathBuf::new();
            connector
        };
        assert_eq!(meaning(&with_it), meaning(&without), "{path}");
        assert_ne!(with_it, without, "{path}");
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// A row of a table in the reference: what stands in backticks in each cell, or the cell.
fn cells(line: &str) -> Vec<String> {
    // Within a table `|` is written `\|`.
    let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace("\\|", "|"));
    cells
        .map(|cell| {
            let quoted = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
            quoted.filter(|cell| !cell.contains('`')).unwrap_or(&cell).to_owned()
        })
        .collect()
}

fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connector.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of all tables under this head: key or filter, default or meaning, example, effect or result.
fn rows(head: &str) -> Vec<[String; 4]> {
    let text = reference();
    let mut rows = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        inside = line == head || (inside && line.starts_with('|'));
        if inside && line.starts_with("| `") {
            rows.push(cells(line).try_into().unwrap_or_else(|cells| panic!("{cells:?}")));
        }
    }
    rows
}

const KEYS: &str = "| key | default | example | effect |";

#[test]
fn the_reference_has_every_key_with_its_default_and_no_other() {
    let documented: Vec<_> = rows(KEYS).into_iter().map(|[key, default, ..]| (key, default)).collect();
    // A section is a heading; its keys are the rows.
    let leaves: Vec<_> = all_keys()
        .into_iter()
        .filter(|(_, key)| !matches!(key.kind, Kind::Section(_) | Kind::OneOf(_)))
        .collect();
    for (path, key) in &leaves {
        let rows: Vec<_> = documented.iter().filter(|(documented, _)| documented == path).collect();
        let [(_, default)] = rows.as_slice() else { panic!("{path} has {} rows", rows.len()) };
        let expected = match (key.default, key.required) {
            (Some(default), _) => default_value(default),
            (None, Some(_)) => json!("required"),
            (None, None) => json!("-"),
        };
        assert_eq!(default_value(default), expected, "{path}");
    }
    for (path, _) in &documented {
        assert!(leaves.iter().any(|(known, _)| known == path), "{path} is documented and not known");
    }
}

#[test]
fn the_examples_of_the_reference_are_accepted() {
    let house = House::new();
    for [path, _, example, _] in rows(KEYS) {
        if path.starts_with("groups.rename.") {
            continue;
        }
        let mut contents = needed_for(&path);
        // One address, and one place of the secret.
        match path.as_str() {
            "source.okta.url" => contents["source"]["okta"].as_object_mut().unwrap().remove("domain"),
            secret if secret.starts_with("source.okta.auth.api_token") => {
                contents["source"]["okta"].as_object_mut().unwrap().remove("auth")
            }
            secret if secret.starts_with("notify.webhook.url") => {
                contents["notify"]["webhook"].as_object_mut().unwrap().remove("url")
            }
            _ => None,
        };
        merge(&mut contents, at(&path, parsed(&example)));
        let written = contents.to_string().replace("/etc/usersyncd/", "");
        let checked = house.check(&written);
        assert!(checked.value.is_some(), "{path}: {example}\n{:?}", checked.diagnostics);
        assert_eq!(complaints(&schema(), &contents, ""), [""; 0], "{path}: {example}");
    }
    let text = reference();
    let blocks: Vec<_> =
        text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        valid(block);
    }
}

#[test]
fn the_filters_of_the_reference_do_what_it_says() {
    let filters = rows("| filter | what it does | example | result |");
    assert!(filters.len() > 10, "{filters:?}");
    let user = SourceUser { id: SourceId("00u1".into()), status: Status::Active, attributes: Box::default() };
    for [filter, _, example, result] in filters {
        assert!(example.contains(filter.split('(').next().unwrap()), "{filter}: {example}");
        let template = Template::compile(&format!("{{{{ {example} }}}}"))
            .unwrap_or_else(|fault| panic!("{example}: {fault:?}"));
        assert_eq!(
            template.render(UserView { names: &[], user: &user }).as_deref(),
            Ok(result.as_str()),
            "{example}"
        );
    }
}
