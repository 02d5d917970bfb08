//! Every key of the files, once: the checker, the schema for editors and the advice on misspelt keys all read this.

mod connector;
mod settings;
mod target;

pub(super) use connector::{CONNECTOR, SECRET};
pub(super) use settings::SETTINGS;

use super::form::{Form, Words};
use super::text::Complaint;

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// One sentence for editors.
    pub(super) about: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// If its mapping makes no sense without it: what to write.
    pub(super) required: Option<&'static str>,
    /// What counts where it is absent, as JSON, or as a text that is no JSON; none if that is no value.
    pub(super) default: Option<&'static str>,
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A mapping with some of these keys.
    Section(&'static [Key]),
    /// A mapping with exactly one of these keys.
    OneOf(&'static [Key]),
    /// The place of a secret.
    Secret,
    /// A mapping that has no keys yet; nothing at all is as good as `{}`.
    Empty,
    /// A scalar.
    One(Form),
    /// A list of scalars.
    Many(Form),
    /// A list of scalars; the text says why it must not be empty.
    Some(Form, &'static str),
    /// A mapping of names that whoever writes the file chooses to scalars; the function says what is wrong with a name.
    Each(Form, fn(&str) -> Result<(), Complaint>),
    /// A list of mappings with some of these keys.
    Rules(&'static [Key]),
    /// A scalar, or a mapping with some of these keys.
    OneOrSection(Form, &'static [Key]),
    /// A key that works in the other kind of file only. The text is the advice.
    Elsewhere(&'static str),
}

const fn key(name: &'static str, about: &'static str, kind: Kind) -> Key {
    Key { name, about, kind, required: None, default: None }
}

const fn required(name: &'static str, about: &'static str, kind: Kind, advice: &'static str) -> Key {
    Key { name, about, kind, required: Some(advice), default: None }
}

impl Key {
    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }
}

const fn words(known: &'static [&'static str]) -> Form {
    Form::Words(Words { known })
}

/// The path of a key in the mapping at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path under which a key of exactly this name is known; none if there is not exactly one such place.
pub(super) fn home_of(name: &str, keys: &'static [Key], path: &str) -> Option<String> {
    let mut homes = Vec::new();
    collect_homes(name, keys, path, &mut homes);
    if let [home] = homes.as_slice() { Some(home.clone()) } else { None }
}

fn collect_homes(name: &str, keys: &'static [Key], path: &str, homes: &mut Vec<String>) {
    for key in keys {
        if key.name == name && !matches!(key.kind, Kind::Elsewhere(_)) {
            homes.push(path.to_owned());
        }
        if let Kind::Section(inner) | Kind::OneOf(inner) | Kind::Rules(inner) | Kind::OneOrSection(_, inner) =
            key.kind
        {
            collect_homes(name, inner, &join(path, key.name), homes);
        }
    }
}
