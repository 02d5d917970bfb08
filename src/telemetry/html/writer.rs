//! HTML as it grows. What is known when the program is built goes in as it is; everything else is escaped.

use crate::telemetry::escape::escape_html;

/// A page, or a part of one.
///
/// No method takes text that is only known at run time and leaves it unescaped: a name cannot become a tag.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// Nothing yet, with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(String::with_capacity(capacity))
    }

    /// Tags and words of our own.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text from elsewhere, on one line: between tags or in a quoted attribute.
    pub fn text(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.0.push_str(&escape_html(text.as_ref()));
        self
    }

    /// Text from elsewhere that may have several lines, between the tags of something that keeps them.
    pub fn lines(&mut self, text: &str) -> &mut Self {
        for (position, line) in text.lines().enumerate() {
            if position > 0 {
                self.0.push('\n');
            }
            self.text(line);
        }
        self
    }

    /// A whole number.
    pub fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        self.0.push_str(&number.into().to_string());
        self
    }

    /// A name that stands in a sentence: it keeps its own direction of writing to itself.
    pub fn name(&mut self, name: impl AsRef<str>) -> &mut Self {
        self.raw("<bdi>").text(name).raw("</bdi>")
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_words_are_tags() {
        let mut html = Html::default();
        html.raw("<p title=\"").text("a\"b'c").raw("\">").text("<script>&\u{202e}\u{0}").raw("</p>");
        html.name("<b>").lines("1 <\n2\u{1b}").number(7_u32);
        assert_eq!(
            html.finish(),
            "<p title=\"a&quot;b&#39;c\">&lt;script&gt;&amp;\\u{202e}\\u{0}</p><bdi>&lt;b&gt;</bdi>1 &lt;\n2\\u{1b}7"
        );
    }
}
