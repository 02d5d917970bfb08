//! Filters (RFC 7644, section 3.4.2.2): what they say.

use serde_json::Value;

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Name, Comparison, Value),
    Present(Name),
    /// A filter over the values of an attribute that has several.
    Within(Name, Box<Filter>),
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The name of an attribute as it is written: `urn:…:attribute.part`, of which only the middle must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) urn: Option<String>,
    pub(super) attribute: String,
    pub(super) part: Option<String>,
}

/// A path of a PATCH operation (RFC 7644, section 3.5.2).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    pub(super) name: Name,
    pub(super) filter: Option<Filter>,
}

impl Name {
    /// Takes a name apart; none if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (urn, rest) = match text.rsplit_once(':') {
            Some((urn, rest)) => (Some(urn.to_owned()), rest),
            None => (None, text),
        };
        // What comes after the last colon of an extension's own URN is no attribute, but the end of the URN: `2.0:User`.
        let (attribute, part) = match rest.split_once('.') {
            Some((attribute, part)) => (attribute, Some(part)),
            None => (rest, None),
        };
        let fits = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$')
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "$-_".contains(letter))
        };
        (fits(attribute) && part.is_none_or(fits)).then(|| Self {
            urn,
            attribute: attribute.to_owned(),
            part: part.map(str::to_owned),
        })
    }

    /// Whether it names this attribute, or its `value`.
    pub(super) fn is(&self, attribute: &str) -> bool {
        self.attribute.eq_ignore_ascii_case(attribute)
            && self.part.as_ref().is_none_or(|part| part.eq_ignore_ascii_case("value"))
    }

    /// The whole text again.
    pub(super) fn text(&self) -> String {
        let urn = self.urn.as_ref().map(|urn| format!("{urn}:")).unwrap_or_default();
        let part = self.part.as_ref().map(|part| format!(".{part}")).unwrap_or_default();
        format!("{urn}{}{part}", self.attribute)
    }
}

impl Filter {
    /// Reads a filter; none if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let filter = reader.any_of()?;
        reader.rest.trim_start().is_empty().then_some(filter)
    }

    /// The values that a filter such as `value eq "a" or value eq "b"` names; none for other filters.
    pub(super) fn values(&self) -> Option<Vec<&str>> {
        match self {
            Self::Or(left, right) => Some([left.values()?, right.values()?].concat()),
            Self::Compare(name, Comparison::Equal, Value::String(text)) if name.is("value") => {
                Some(vec![text])
            }
            _ => None,
        }
    }
}

impl Path {
    /// Reads a path; none if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Some((head, rest)) = text.split_once('[') else {
            return Some(Self { name: Name::read(text)?, filter: None });
        };
        let mut reader = Reader { rest };
        let filter = reader.any_of()?;
        reader.sign("]")?;
        let mut name = Name::read(head).filter(|name| name.part.is_none())?;
        match reader.rest {
            "" => {}
            part => {
                name.part =
                    Name::read(part.strip_prefix('.')?).filter(|part| part.part.is_none())?.attribute.into()
            }
        }
        Some(Self { name, filter: Some(filter) })
    }
}

/// The rest of the text while it is read.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn any_of(&mut self) -> Option<Filter> {
        let mut filter = self.all_of()?;
        while self.word_is("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.all_of()?));
        }
        Some(filter)
    }

    fn all_of(&mut self) -> Option<Filter> {
        let mut filter = self.one()?;
        while self.word_is("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Some(filter)
    }

    fn one(&mut self) -> Option<Filter> {
        if self.sign("(").is_some() {
            let filter = self.any_of()?;
            self.sign(")")?;
            return Some(filter);
        }
        if self.word_is("not") {
            self.sign("(")?;
            let filter = self.any_of()?;
            self.sign(")")?;
            return Some(Filter::Not(Box::new(filter)));
        }
        let name = Name::read(self.word())?;
        if self.rest.starts_with('[') {
            self.sign("[")?;
            let filter = self.any_of()?;
            self.sign("]")?;
            return Some(Filter::Within(name, Box::new(filter)));
        }
        let word = self.word().to_ascii_lowercase();
        if word == "pr" {
            return Some(Filter::Present(name));
        }
        let comparison = match word.as_str() {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "co" => Comparison::Contains,
            "sw" => Comparison::StartsWith,
            "ew" => Comparison::EndsWith,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            _ => return None,
        };
        Some(Filter::Compare(name, comparison, self.value()?))
    }

    /// Takes a sign away, if it is the next one.
    fn sign(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
    }

    /// Takes a word away; an empty one if there is none.
    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|letter: char| letter.is_whitespace() || "()[]\"".contains(letter));
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        word
    }

    /// Takes this word away, if it is the next one.
    fn word_is(&mut self, wanted: &str) -> bool {
        let before = self.rest;
        let is = self.word().eq_ignore_ascii_case(wanted);
        if !is {
            self.rest = before;
        }
        is
    }

    /// A value in the form that it has in JSON.
    fn value(&mut self) -> Option<Value> {
        let rest = self.rest.trim_start();
        if !rest.starts_with('"') {
            let value = serde_json::from_str(self.word()).ok()?;
            return Some(value);
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        self.rest = rest.get(values.byte_offset()..)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn equal(name: &str, value: &str) -> Box<Filter> {
        Box::new(Filter::Compare(Name::read(name).unwrap(), Comparison::Equal, json!(value)))
    }

    #[test]
    fn and_binds_closer_than_or() {
        let expected = Filter::Or(equal("a", "1"), Box::new(Filter::And(equal("b.c", "2"), equal("d", "3"))));
        assert_eq!(Filter::read(r#"a eq "1" or b.c EQ "2" And (d eq "3")"#), Some(expected));
    }

    #[test]
    fn texts_are_those_of_json() {
        let odd = r#"a "b" \ ( or [ä & c/d,+"#;
        let text = format!("userName eq {}", json!(odd));
        assert_eq!(Filter::read(&text), Some(*equal("userName", odd)));
    }

    #[test]
    fn what_is_no_filter_is_none() {
        for text in [
            "",
            "a",
            "a eq",
            "a eq b",
            "a xx \"b\"",
            "a eq \"b",
            "a eq \"b\" or",
            "(a pr",
            "a pr)",
            "not a pr",
            "1 pr",
        ] {
            assert_eq!(Filter::read(text), None, "{text}");
        }
    }

    #[test]
    fn paths_are_taken_apart() {
        let path = Path::read(r#"emails[type eq "work"].value"#).unwrap();
        assert_eq!((path.name.text().as_str(), path.filter), ("emails.value", Some(*equal("type", "work"))));
        let path = Path::read("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName").unwrap();
        assert_eq!(path.name.urn.as_deref(), Some("urn:ietf:params:scim:schemas:core:2.0:User"));
        assert_eq!((path.name.attribute.as_str(), path.name.part.as_deref()), ("name", Some("givenName")));
        for text in [
            "",
            "emails[",
            "emails[]",
            "emails[type eq \"work\"]value",
            "emails[a pr].b.c",
            "a b",
            ".a",
            "a..b",
        ] {
            assert_eq!(Path::read(text), None, "{text}");
        }
    }

    #[test]
    fn values_that_are_named_one_by_one_are_known() {
        let filter = Filter::read(r#"value eq "a" or (value eq "b" or value eq "c")"#).unwrap();
        assert_eq!(filter.values(), Some(vec!["a", "b", "c"]));
        for text in [r#"value eq "a" and value eq "b""#, r#"display eq "a""#, "value pr", "value eq 1"] {
            assert_eq!(Filter::read(text).unwrap().values(), None, "{text}");
        }
    }
}
