//! Templates that make the target's attributes of a source user. Pure.
//!
//! A template is Jinja: text with `{{ value }}`, `{% if %}`, `{% for %}` and `{% set %}` in it. The crate minijinja reads it;
//! what it means is decided here (`evaluate`), for three reasons. Values print as JSON does and null as nothing, within `~`
//! and filters too (RULES 14), where Jinja writes `True` and `None`. A template can be checked wholly before any user is
//! read: names, filters, arguments and regular expressions, with the place of the mistake. And no template can take more
//! than a fixed amount of time, memory and stack: there are neither macros nor arithmetic, a template may take 20,000 steps
//! for a user and make texts of 16 KiB.
//!
//! # Values
//!
//! The names are those of Okta's user object: `id`, `status`, `created`, `activated`, `statusChanged`, `lastLogin`,
//! `lastUpdated`, `passwordChanged`, `type`, `realmId`, `credentials`, and `profile` with all attributes, custom ones
//! included.
//!
//! - Null and absent are the same: they print as nothing, are false, equal `''`, and have nothing in them, so that
//!   `profile.manager.name` is no mistake. `is defined` is false for both.
//! - Texts of the user lose white space at both ends, and so does the result.
//! - Numbers and truth values print as JSON does (`3`, `1.5`, `true`); lists and objects as compact JSON.
//! - False are: `false`, 0, the empty text, the empty list or object, and what is absent.
//! - Operators: `~` joins; `and`, `or`, `not`; `==`, `!=`, `<`, `<=`, `>`, `>=` (false if a side is absent); `in`, `not in`;
//!   `a if condition else b`; `text[0]`, `text[:3]`, `list[-1]`; lists `['a', 'b']` and tables `{'a': 'b'}[profile.title]`.
//! - Tests, behind `is` or `is not`: `defined`, `undefined`, `none`, `string`, `number`, `boolean`, `sequence`, `mapping`,
//!   `in`, `startingwith`, `endingwith`.
//! - Within a loop: `loop.index`, `loop.index0`, `loop.first`, `loop.last`, `loop.length`.
//!
//! # Filters
//!
//! | filter | what it does | example | result |
//! |---|---|---|---|
//! | `lower` | small letters | `'Ada' \| lower` | `ada` |
//! | `upper` | capital letters | `'Ada' \| upper` | `ADA` |
//! | `title` | every word with a capital, the rest small; words begin after white space and `-` | `'jean-luc PICARD' \| title` | `Jean-Luc Picard` |
//! | `capitalize` | the first character as a capital, the rest small | `'ada LOVELACE' \| capitalize` | `Ada lovelace` |
//! | `ascii` | every character in ASCII, whatever the language: `ü` is `u`, `ß` is `ss`; for `ue`, `replace` it first | `'Zoë Müller' \| ascii` | `Zoe Muller` |
//! | `trim` | no white space at both ends, or none of the given characters | `'--a-b--' \| trim('-')` | `a-b` |
//! | `replace(from, to)` | every occurrence of a text | `'a.b.c' \| replace('.', '_')` | `a_b_c` |
//! | `regex_replace(pattern, to)` | every match of a regular expression; `$1` and `${name}` are its groups | `'ada.lovelace' \| regex_replace('^(.)[^.]*\\.', '$1')` | `alovelace` |
//! | `truncate(length, end)` | at most so many characters, and `end`, if given, behind what was cut | `'Engineering' \| truncate(3)` | `Eng` |
//! | `strip_domain` | what stands before the last `@`; all of it without one | `'ada@example.com' \| strip_domain` | `ada` |
//! | `before(separator)` | what stands before the first separator; all of it without one | `'a.b.c' \| before('.')` | `a` |
//! | `after(separator)` | what stands behind the first separator; all of it without one | `'EXAMPLE/ada' \| after('/')` | `ada` |
//! | `before_last(separator)` | what stands before the last separator; all of it without one | `'a.b.c' \| before_last('.')` | `a.b` |
//! | `after_last(separator)` | what stands behind the last separator; all of it without one | `'a.b.c' \| after_last('.')` | `c` |
//! | `default(value)` | another value where this one is absent or empty | `'' \| default('none given')` | `none given` |
//! | `first_non_empty` | the first of a list that is neither absent nor empty; also a function | `['', 'Ada', 'Bob'] \| first_non_empty` | `Ada` |
//! | `join(separator)` | the entries of a list as one text, without empty ones | `['a', '', 'b'] \| join(', ')` | `a, b` |
//! | `split(separator)` | a list of the parts of a text | `'a/b' \| split('/')` | `["a","b"]` |
//! | `first` | the first entry of a list, or character of a text | `['a', 'b'] \| first` | `a` |
//! | `last` | the last entry of a list, or character of a text | `['a', 'b'] \| last` | `b` |
//! | `length` | how many entries a list has, or characters a text | `'Zoë' \| length` | `3` |
//! | `tojson` | as JSON, texts with quotes | `['a', true] \| tojson` | `["a",true]` |
//!
//! `first_non_empty(profile.nickName, profile.firstName)` is the same as a function.

mod compile;
mod evaluate;
mod expression;
mod filters;
mod names;
mod pattern;
mod program;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use compact_str::CompactString;

use super::model::{AttributeValue, SourceUser, UserAttributes};
use program::Program;

/// The default templates, by attribute.
pub const DEFAULTS: [(&str, &str); 5] = [
    ("username", "{{ profile.login | lower }}"),
    ("email", "{{ profile.email }}"),
    ("first_name", "{{ profile.firstName }}"),
    ("last_name", "{{ profile.lastName }}"),
    ("display_name", "{{ profile.displayName or profile.firstName ~ ' ' ~ profile.lastName }}"),
];

/// A source user with the names of what was kept of it.
#[derive(Clone, Copy, Debug)]
pub struct UserView<'a> {
    /// Paths, sorted, as [`super::model::SourceSnapshot::attribute_names`].
    pub names: &'a [CompactString],
    /// The user.
    pub user: &'a SourceUser,
}

impl<'a> UserView<'a> {
    /// The value at a path such as `profile.login`; absent where it was not kept.
    #[must_use]
    pub fn get(&self, path: &str) -> &'a AttributeValue {
        const ABSENT: &AttributeValue = &AttributeValue::Absent;
        let position = self.names.binary_search_by(|name| name.as_str().cmp(path)).ok();
        position.and_then(|position| self.user.attributes.get(position)).unwrap_or(ABSENT)
    }

    /// The login, trimmed; empty if there is none.
    #[must_use]
    pub fn login(&self) -> CompactString {
        self.get("profile.login").render()
    }
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// Where in the template, in bytes.
    pub offset: usize,
    /// How many bytes.
    pub length: usize,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to write instead, as a sentence.
    pub advice: Option<String>,
}

/// Why the attributes of one user could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingProblem {
    /// Of which attribute: `username`, or `attributes.department`.
    pub attribute: CompactString,
    /// What happened, as a clause.
    pub problem: String,
}

/// One compiled template. A copy shares the program.
#[derive(Clone, Debug)]
pub struct Template {
    text: CompactString,
    program: Arc<Program>,
    paths: Arc<BTreeSet<CompactString>>,
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Template {
    /// Compiles a template. The error says what is wrong and where: the first mistake, with its bytes.
    pub fn compile(text: &str) -> Result<Self, TemplateFault> {
        let (program, paths) = compile::compile(text)?;
        Ok(Self { text: text.into(), program: Arc::new(program), paths: Arc::new(paths) })
    }

    /// The template as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Paths of what it reads of a user, as in [`UserView`]; neither `id` nor `status`, which are always there. `profile`
    /// is the whole profile: what is read of it cannot be told before.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<CompactString> {
        BTreeSet::clone(&self.paths)
    }

    /// What it yields for a user, trimmed. The error is a clause: "the template takes more than 20000 steps".
    pub fn render(&self, user: UserView<'_>) -> Result<CompactString, String> {
        evaluate::render(&self.program, user).map_err(|problem| problem.into_owned())
    }
}

/// All templates of a connector.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The name to sign in with.
    pub username: Template,
    /// The e-mail address.
    pub email: Template,
    /// The given name.
    pub first_name: Template,
    /// The family name.
    pub last_name: Template,
    /// The full name as shown to others.
    pub display_name: Template,
    /// Further attributes by name.
    pub attributes: BTreeMap<CompactString, Template>,
}

impl Default for Mapping {
    fn default() -> Self {
        // The defaults compile: a test says so.
        let empty = || Template { text: "".into(), program: Arc::default(), paths: Arc::default() };
        let compiled = |at: usize| Template::compile(DEFAULTS[at].1).unwrap_or_else(|_| empty());
        Self {
            username: compiled(0),
            email: compiled(1),
            first_name: compiled(2),
            last_name: compiled(3),
            display_name: compiled(4),
            attributes: BTreeMap::new(),
        }
    }
}

impl Mapping {
    /// The templates with the names of their attributes, in the order of the documentation.
    pub fn templates(&self) -> impl Iterator<Item = (CompactString, &Template)> {
        let fixed = [
            ("username", &self.username),
            ("email", &self.email),
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("display_name", &self.display_name),
        ];
        let further = self.attributes.iter();
        fixed.into_iter().map(|(name, template)| (CompactString::from(name), template)).chain(
            further.map(|(name, template)| (compact_str::format_compact!("attributes.{name}"), template)),
        )
    }

    /// Paths of what the templates read of a user, as in [`UserView`].
    #[must_use]
    pub fn paths(&self) -> BTreeSet<CompactString> {
        self.templates().flat_map(|(_, template)| template.paths()).collect()
    }

    /// The attributes of a user.
    pub fn map(&self, user: UserView<'_>) -> Result<UserAttributes, MappingProblem> {
        let value = |name: &str, template: &Template| {
            let failed = |problem| MappingProblem { attribute: name.into(), problem };
            template.render(user).map_err(failed)
        };
        let mut attributes = Vec::with_capacity(self.attributes.len());
        for (name, template) in &self.attributes {
            let rendered = template.render(user).map_err(|problem| MappingProblem {
                attribute: compact_str::format_compact!("attributes.{name}"),
                problem,
            })?;
            attributes.push((name.clone(), rendered));
        }
        Ok(UserAttributes {
            username: value("username", &self.username)?,
            email: value("email", &self.email)?,
            first_name: value("first_name", &self.first_name)?,
            last_name: value("last_name", &self.last_name)?,
            display_name: value("display_name", &self.display_name)?,
            attributes: attributes.into_iter().collect(),
        })
    }
}
