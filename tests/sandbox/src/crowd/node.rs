//! A body that was read, whichever form it had.

use std::collections::BTreeMap;

use serde_json::Value;

use super::format::Format;
use super::xml_reader;

/// An element with its attributes and elements, or a JSON value with its members: both are children. The items of a JSON
/// array are children without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// Reads a body; none if it is not well-formed.
    pub(super) fn read(body: &[u8], format: Format) -> Option<Self> {
        match format {
            Format::Json => match serde_json::from_slice(body).ok()? {
                value @ Value::Object(_) => Some(Self::of_json(String::new(), &value)),
                _ => None,
            },
            Format::Xml => xml_reader::read(std::str::from_utf8(body).ok()?),
        }
    }

    fn of_json(name: String, value: &Value) -> Self {
        let (mut text, mut children) = (String::new(), Vec::new());
        match value {
            Value::Null => {}
            Value::String(string) => text.clone_from(string),
            Value::Bool(_) | Value::Number(_) => text = value.to_string(),
            Value::Array(items) => {
                children = items.iter().map(|item| Self::of_json(String::new(), item)).collect();
            }
            Value::Object(members) => {
                let members = members.iter().filter(|(_, member)| !member.is_null());
                children = members.map(|(name, member)| Self::of_json(name.clone(), member)).collect();
            }
        }
        Self { name, text, children }
    }

    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The multi-valued attributes in it: `{"attributes":[{"name":"n","values":["v"]}]}`, that in another `attributes`, or
    /// `<attributes><attribute name="n"><values><value>v</value></values></attribute></attributes>`.
    pub(super) fn attributes(&self) -> BTreeMap<String, Vec<String>> {
        let mut holder = self;
        while let Some(inner) = holder.child("attributes") {
            holder = inner;
        }
        let items = holder.children.iter().filter(|child| matches!(child.name.as_str(), "" | "attribute"));
        let pair = |item: &Self| {
            let values = item.child("values").map_or(&[][..], |values| &values.children);
            let values = values.iter().map(|value| value.text.clone());
            Some((item.text_of("name")?.to_owned(), values.collect()))
        };
        items.filter_map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_in_every_form() {
        let expected = BTreeMap::from([("n".to_owned(), vec!["v".to_owned(), "w".to_owned()])]);
        for body in [
            r#"{"attributes":[{"name":"n","values":["v","w"]}]}"#,
            r#"{"name":"u","attributes":{"link":{},"attributes":[{"link":{},"name":"n","values":["v","w"]}]}}"#,
        ] {
            let node = Node::read(body.as_bytes(), Format::Json).unwrap();
            assert_eq!(node.attributes(), expected, "{body}");
        }
        let inner = r#"<attributes><attribute name="n"><link href="x"/>
            <values><value>v</value><value>w</value></values></attribute></attributes>"#;
        for body in [inner.to_owned(), format!(r#"<user name="u">{inner}</user>"#)] {
            let node = Node::read(body.as_bytes(), Format::Xml).unwrap();
            assert_eq!(node.attributes(), expected, "{body}");
        }
        assert!(Node::read(br#"{"name":"u"}"#, Format::Json).unwrap().attributes().is_empty());
    }

    #[test]
    fn only_an_object_is_a_body() {
        for body in ["", "[]", "3", "{"] {
            assert_eq!(Node::read(body.as_bytes(), Format::Json), None, "{body}");
        }
    }
}
