//! What a search lets through.

use super::call::folded;
use super::entity::Attributes;
use super::node::Node;
use crate::product::{Group, User};

/// A restriction. Texts are kept and compared without case (not published: that Crowd does so).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Restriction {
    Everything,
    Property(String, Test),
    All(Vec<Restriction>),
    Any(Vec<Restriction>),
}

/// What is asked of a property; it is enough if one of its values passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Is(String),
    /// The parts of the value that are known, in their order, with anything between them.
    Like(Vec<String>),
    Less(String),
    Greater(String),
    /// There is no value.
    Absent,
}

impl Test {
    fn of_mode(mode: &str, value: &str) -> Option<Self> {
        let (value, any) = (folded(value), String::new);
        Some(match mode {
            "EXACTLY_MATCHES" => Self::Is(value),
            "STARTS_WITH" => Self::Like(vec![value, any()]),
            "ENDS_WITH" => Self::Like(vec![any(), value]),
            "CONTAINS" => Self::Like(vec![any(), value, any()]),
            "LESS_THAN" => Self::Less(value),
            "GREATER_THAN" => Self::Greater(value),
            "NULL" => Self::Absent,
            _ => return None,
        })
    }

    fn passes(&self, value: &str) -> bool {
        let value = folded(value);
        match self {
            Self::Is(expected) => value == *expected,
            Self::Like(parts) => is_like(&value, parts),
            Self::Less(limit) => value < *limit,
            Self::Greater(limit) => value > *limit,
            Self::Absent => false,
        }
    }
}

fn is_like(value: &str, parts: &[String]) -> bool {
    let (Some((first, between)), true) = (parts.split_first(), parts.len() > 1) else { return false };
    let Some((last, between)) = between.split_last() else { return false };
    let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

impl Restriction {
    /// Reads the body of a search; none if it is no restriction.
    pub(super) fn of_body(node: &Node) -> Option<Self> {
        // In JSON the kind is a member, in XML it is the element's own name.
        match node.text_of("restriction-type").unwrap_or(&node.name) {
            "null-search-restriction" => Some(Self::Everything),
            "property-search-restriction" => {
                let property = node.child("property")?.text_of("name")?;
                let mode = node.text_of("match-mode").or_else(|| node.text_of("matchMode"))?;
                let test = Test::of_mode(mode, node.text_of("value").unwrap_or_default())?;
                Some(Self::Property(property.to_owned(), test))
            }
            "boolean-search-restriction" => {
                let parts = node.child("restrictions")?.children.iter().map(Self::of_body);
                let parts = parts.collect::<Option<Vec<_>>>()?;
                match folded(node.text_of("boolean-logic")?).as_str() {
                    "and" => Some(Self::All(parts)),
                    "or" => Some(Self::Any(parts)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The name that it asks for, if nothing else is let through.
    pub(super) fn only_name(&self) -> Option<&str> {
        match self {
            Self::Property(property, Test::Is(name)) if property == "name" => Some(name),
            _ => None,
        }
    }

    pub(super) fn matches_user(&self, user: &User) -> bool {
        self.matches(&|property| match property {
            "name" => Known::One(&user.name),
            "email" => Known::One(&user.email),
            "firstName" => Known::One(&user.first_name),
            "lastName" => Known::One(&user.last_name),
            "displayName" => Known::One(&user.display_name),
            "active" => Known::One(if user.active { "true" } else { "false" }),
            other => Known::attribute(&user.attributes, other),
        })
    }

    pub(super) fn matches_group(&self, group: &Group) -> bool {
        self.matches(&|property| match property {
            "name" => Known::One(&group.name),
            "description" => Known::One(&group.description),
            "active" => Known::One("true"),
            other => Known::attribute(&group.attributes, other),
        })
    }

    fn matches<'e>(&self, known: &dyn Fn(&str) -> Known<'e>) -> bool {
        match self {
            Self::Everything => true,
            Self::Property(property, test) => known(property).passes(test),
            Self::All(parts) => parts.iter().all(|part| part.matches(known)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(known)),
        }
    }
}

/// The values of a property.
enum Known<'e> {
    One(&'e str),
    Many(&'e [String]),
}

impl<'e> Known<'e> {
    fn attribute(attributes: &'e Attributes, name: &str) -> Self {
        Self::Many(attributes.get(name).map(Vec::as_slice).unwrap_or_default())
    }

    fn passes(&self, test: &Test) -> bool {
        match (self, test) {
            (Self::One(value), Test::Absent) => value.is_empty(),
            (Self::Many(values), Test::Absent) => values.is_empty(),
            (Self::One(value), test) => test.passes(value),
            (Self::Many(values), test) => values.iter().any(|value| test.passes(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_mean_what_they_say() {
        for (mode, value, expected) in [
            ("EXACTLY_MATCHES", "ABC*D", true),
            ("EXACTLY_MATCHES", "abc", false),
            ("STARTS_WITH", "Abc", true),
            ("STARTS_WITH", "bc", false),
            ("ENDS_WITH", "*d", true),
            ("ENDS_WITH", "c", false),
            ("CONTAINS", "c*", true),
            ("CONTAINS", "a*d", false),
            ("LESS_THAN", "abd", true),
            ("LESS_THAN", "abc", false),
            ("GREATER_THAN", "abb", true),
            ("GREATER_THAN", "abd", false),
            ("NULL", "", false),
        ] {
            let test = Test::of_mode(mode, value).unwrap();
            assert_eq!(Known::One("abc*d").passes(&test), expected, "{mode} {value}");
        }
        assert!(Known::One("").passes(&Test::Absent) && Known::Many(&[]).passes(&Test::Absent));
        assert_eq!(Test::of_mode("SOUNDS_LIKE", "x"), None);
    }

    #[test]
    fn parts_do_not_overlap() {
        let like = |parts: &[&str]| Test::Like(parts.iter().map(|part| (*part).to_owned()).collect());
        assert!(!Known::One("aba").passes(&like(&["ab", "ba"])));
        assert!(Known::One("abxba").passes(&like(&["ab", "x", "a"])));
    }
}
