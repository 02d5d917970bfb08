//! Reads XML 1.0 as far as bodies of this API go: elements, attributes, text, CDATA and comments, no document types.

use super::node::Node;

/// Elements within elements, at most: a body of the API has a handful.
const DEPTH: usize = 40;

/// Reads a document; none if it is not well-formed.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}') };
    reader.skip_asides()?;
    let node = reader.element(DEPTH)?;
    reader.skip_asides()?;
    reader.rest.is_empty().then_some(node)
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// Takes a text off the front if it is there.
    fn take(&mut self, start: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(start)?;
        Some(())
    }

    /// Takes everything up to an end, and the end.
    fn until(&mut self, end: &str) -> Option<&'t str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Skips space, comments and processing instructions, the declaration among them.
    fn skip_asides(&mut self) -> Option<()> {
        loop {
            self.skip_space();
            if self.take("<!--").is_some() {
                self.until("-->")?;
            } else if self.take("<?").is_some() {
                self.until("?>")?;
            } else {
                return Some(());
            }
        }
    }

    /// A name without the prefix of its namespace.
    fn name(&mut self) -> Option<&'t str> {
        let is_end = |letter: char| letter.is_whitespace() || "<>/='\"&".contains(letter);
        let (name, rest) = self.rest.split_at(self.rest.find(is_end)?);
        self.rest = rest;
        let local = name.rsplit(':').next().unwrap_or(name);
        (!local.is_empty()).then_some(local)
    }

    fn element(&mut self, depth: usize) -> Option<Node> {
        self.take("<")?;
        let name = self.name()?;
        let mut node = Node { name: name.to_owned(), ..Node::default() };
        loop {
            self.skip_space();
            if self.take("/>").is_some() {
                return Some(node);
            }
            if self.take(">").is_some() {
                break;
            }
            node.children.push(self.attribute()?);
        }
        self.content(&mut node, depth.checked_sub(1)?)?;
        (self.name()? == name).then_some(())?;
        self.skip_space();
        self.take(">")?;
        Some(node)
    }

    fn attribute(&mut self) -> Option<Node> {
        let name = self.name()?.to_owned();
        self.skip_space();
        self.take("=")?;
        self.skip_space();
        let quote = if self.rest.starts_with('\'') { "'" } else { "\"" };
        self.take(quote)?;
        let text = unescaped(self.until(quote)?)?;
        Some(Node { name, text, ..Node::default() })
    }

    /// Everything up to the name in the closing tag.
    fn content(&mut self, node: &mut Node, depth: usize) -> Option<()> {
        loop {
            let (text, _) = self.rest.split_once('<')?;
            node.text.push_str(&unescaped(text)?);
            self.rest = &self.rest[text.len()..];
            if self.take("</").is_some() {
                return Some(());
            } else if self.take("<![CDATA[").is_some() {
                node.text.push_str(self.until("]]>")?);
            } else if self.take("<!--").is_some() {
                self.until("-->")?;
            } else if self.take("<?").is_some() {
                self.until("?>")?;
            } else {
                node.children.push(self.element(depth)?);
            }
        }
    }
}

/// Replaces the five entities that need no declaration, and characters by number.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (entity, after) = after.split_once(';')?;
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!-- a > b -->\n<c:user name='a &amp; \"b\"' active = \"x\"><!-- no -->\
            <email>z&#246;&#xEB; <![CDATA[<&>]]></email><empty/><empty ></empty></c:user >\n";
        let user = read(text).unwrap();
        assert_eq!((user.name.as_str(), user.text_of("name")), ("user", Some("a & \"b\"")));
        assert_eq!((user.text_of("active"), user.text_of("email")), (Some("x"), Some("zöë <&>")));
        assert_eq!(user.children.len(), 5);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a b=c/>",
            "<a b='c/>",
            "<a>&nbsp;</a>",
            "<a>&amp</a>",
            "<a/><b/>",
            "<a",
            "< a/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}{}", "<a>".repeat(100), "</a>".repeat(100))), None, "too deep");
    }
}
