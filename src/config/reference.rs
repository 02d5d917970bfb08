//! Every key of the two files as a list, for the manual pages. It is made of the same table as the checker, so that it
//! cannot name a key that is not known, or forget one.

use std::time::Duration;

use super::effective::duration;
use super::form::Form;
use super::schema::default_value;
use super::table::{CONNECTOR, Key, Kind, SECRET, SETTINGS, join};
use super::values::alternatives;

/// What may stand where a secret is needed.
pub const PLACE_OF_A_SECRET: &str = "the place of a secret";

/// One key, as a person reads of it. In the texts, backquotes stand around what is written as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands, as `source.okta.domain`; `[]` stands for each item of a list, NAME for a name of one's own.
    pub path: String,
    /// Whole sentences: what it means.
    pub about: String,
    /// What may stand there, without a full stop: `a domain such as ...`.
    pub value: String,
    /// What counts where it is absent.
    pub absent: Absent,
}

/// What counts where a key is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The mapping that it belongs to makes no sense without it.
    Refused,
    /// The same as if this stood there, as one writes it in YAML.
    Default(String),
    /// What the key is about does not happen.
    Nothing,
}

/// The keys of a connector file, each mapping before what is in it.
#[must_use]
pub fn connector() -> Vec<Entry> {
    entries(CONNECTOR)
}

/// The keys of `usersyncd.yaml`, each mapping before what is in it.
#[must_use]
pub fn settings() -> Vec<Entry> {
    entries(SETTINGS)
}

/// The places that a secret may be in; in both files they are the same.
#[must_use]
pub fn secret() -> Vec<Entry> {
    entries(SECRET)
}

fn entries(keys: &[Key]) -> Vec<Entry> {
    let mut entries = Vec::new();
    collect(keys, "", &mut entries);
    entries
}

fn collect(keys: &[Key], path: &str, entries: &mut Vec<Entry>) {
    for key in keys {
        // In this file it does nothing but give advice.
        if matches!(key.kind, Kind::Elsewhere(_)) {
            continue;
        }
        let path = join(path, key.name);
        entries.push(Entry {
            path: path.clone(),
            about: key.about.to_owned(),
            value: value(key.kind),
            absent: match (key.default, key.required) {
                (Some(default), _) => Absent::Default(written(default)),
                (None, Some(_)) => Absent::Refused,
                (None, None) => Absent::Nothing,
            },
        });
        match key.kind {
            Kind::Section(inner) | Kind::OneOf(inner) | Kind::OneOrSection(_, inner) => {
                collect(inner, &path, entries);
            }
            Kind::Rules(inner) => collect(inner, &format!("{path}[]"), entries),
            _ => {}
        }
    }
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Section(_) => "a mapping".to_owned(),
        Kind::OneOf(keys) => {
            format!("a mapping with exactly one of {}", alternatives(keys.iter().map(|key| key.name)))
        }
        Kind::Secret => PLACE_OF_A_SECRET.to_owned(),
        Kind::Empty => "`{}`".to_owned(),
        Kind::One(form) => one(form),
        Kind::Many(form) => format!("a list; each item is {}", one(form)),
        Kind::Some(form, _) => format!("a list that is not empty; each item is {}", one(form)),
        Kind::Each(form, _) => format!("a mapping; behind each name of your choice stands {}", one(form)),
        Kind::Rules(_) => "a list of mappings".to_owned(),
        Kind::OneOrSection(form, _) => format!("{}; or a mapping", one(form)),
        // Left out before.
        Kind::Elsewhere(_) => String::new(),
    }
}

fn one(form: Form) -> String {
    let expected = form.expected();
    match form {
        Form::Within(least, most) => {
            let [least, most] = [least, most].map(|seconds| duration(Duration::from_secs(seconds)));
            format!("{expected}, {least} to {most}")
        }
        _ => expected,
    }
}

/// A default as one writes it in YAML: a text of the table is quoted where YAML would take it for something else.
fn written(default: &str) -> String {
    match default_value(default) {
        serde_json::Value::String(text) if text.contains("{{") => format!("\"{text}\""),
        serde_json::Value::Array(items) if !items.is_empty() => {
            let items: Vec<&str> = items.iter().filter_map(serde_json::Value::as_str).collect();
            format!("[{}]", items.join(", "))
        }
        serde_json::Value::Object(mapping) => mapping
            .iter()
            .map(|(name, inner)| format!("{{ {name}: {inner} }}"))
            .next()
            .unwrap_or_else(|| default.to_owned()),
        _ => default.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(entries: &[Entry], path: &str) -> Entry {
        entries.iter().find(|entry| entry.path == path).cloned().unwrap_or_else(|| panic!("{path}"))
    }

    #[test]
    fn keys_stand_under_their_whole_path() {
        let entries = connector();
        assert_eq!(
            entry(&entries, "source.okta.domain"),
            Entry {
                path: "source.okta.domain".to_owned(),
                about: "The org's domain, such as your-org.okta.com.".to_owned(),
                value: "a domain such as `your-org.okta.com`".to_owned(),
                absent: Absent::Nothing,
            }
        );
        assert_eq!(entry(&entries, "source").absent, Absent::Refused);
        assert_eq!(entry(&entries, "groups.rename[].match").absent, Absent::Refused);
        assert_eq!(entry(&entries, "source.okta.auth.api_token").value, PLACE_OF_A_SECRET);
        assert_eq!(entry(&entries, "notify.webhook.timeout").value, "a duration such as `30s`, 1s to 1m");
        // What works in the other file only is not offered here.
        assert!(entries.iter().all(|entry| entry.path != "notify.command"));
        assert!(settings().iter().any(|entry| entry.path == "notify.command"));
        assert_eq!(secret().len(), 3);
    }

    #[test]
    fn defaults_are_written_as_in_a_file() {
        let entries = connector();
        let default = |path: &str| match entry(&entries, path).absent {
            Absent::Default(default) => default,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(default("target"), "{ directory: {} }");
        assert_eq!(default("apply"), "on");
        assert_eq!(default("scope.required_groups"), "[]");
        assert_eq!(default("mapping.username"), "\"{{ profile.login | lower }}\"");
        assert_eq!(
            default("scope.statuses"),
            "[ACTIVE, PASSWORD_EXPIRED, LOCKED_OUT, RECOVERY, PROVISIONED]"
        );
        // Each of them is what YAML reads.
        for entry in entries {
            if let Absent::Default(default) = &entry.absent {
                let read: Result<serde_json::Value, _> = serde_yaml::from_str(default);
                assert!(read.is_ok(), "{}: {default}", entry.path);
            }
        }
    }
}
