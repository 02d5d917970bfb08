//! Templates that make the target's attributes of a source user. Pure.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::model::{AttributeValue, SourceUser, UserAttributes};

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
    /// What happened, as the end of a sentence.
    pub problem: String,
}

/// One compiled template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: CompactString,
}

impl Template {
    /// Compiles a template. The error says what is wrong and where.
    pub fn compile(text: &str) -> Result<Self, TemplateFault> {
        Ok(Self { text: text.into() })
    }

    /// The template as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Paths of what it reads of a user, as in [`UserView`]; neither `id` nor `status`, which are always there.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<CompactString> {
        ["profile.displayName", "profile.email", "profile.firstName", "profile.lastName", "profile.login"]
            .map(CompactString::from)
            .into()
    }

    /// What it yields for a user, trimmed. The error is the end of a sentence.
    pub fn render(&self, user: UserView<'_>) -> Result<CompactString, String> {
        let value = |path: &str| user.get(path).render();
        Ok(match self.text.as_str() {
            "{{ profile.login | lower }}" => value("profile.login").to_lowercase(),
            "{{ profile.email }}" => value("profile.email"),
            "{{ profile.firstName }}" => value("profile.firstName"),
            "{{ profile.lastName }}" => value("profile.lastName"),
            _ => {
                let display_name = value("profile.displayName");
                if display_name.is_empty() {
                    let both = format!("{} {}", value("profile.firstName"), value("profile.lastName"));
                    CompactString::from(both.trim())
                } else {
                    display_name
                }
            }
        })
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
        let compiled = |at: usize| Template { text: DEFAULTS[at].1.into() };
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
        let mut attributes = BTreeMap::new();
        for (name, template) in &self.attributes {
            let rendered = template.render(user).map_err(|problem| MappingProblem {
                attribute: compact_str::format_compact!("attributes.{name}"),
                problem,
            })?;
            attributes.insert(name.clone(), rendered);
        }
        Ok(UserAttributes {
            username: value("username", &self.username)?,
            email: value("email", &self.email)?,
            first_name: value("first_name", &self.first_name)?,
            last_name: value("last_name", &self.last_name)?,
            display_name: value("display_name", &self.display_name)?,
            attributes,
        })
    }
}
