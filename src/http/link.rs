//! `Link` headers (RFC 8288): where the next page is.
//!
//! Okta sends one header line per link; proxies and libraries fold them into one line with commas. Both are read.

use reqwest::header::{HeaderMap, LINK};

/// What the `Link` headers of an answer say about paging.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// The target of the first link with the relation `next`, as written.
    pub next: Option<String>,
    /// Whether there was any readable link at all. A server that always sends `self` and now sent nothing was not
    /// heard completely.
    pub any: bool,
}

/// Reads all `Link` headers of an answer.
#[must_use]
pub fn paging(headers: &HeaderMap) -> Paging {
    let mut paging = Paging::default();
    for value in headers.get_all(LINK) {
        for link in parse(&String::from_utf8_lossy(value.as_bytes())) {
            paging.any = true;
            if paging.next.is_none() && link.relations.iter().any(|relation| relation == "next") {
                paging.next = Some(link.target);
            }
        }
    }
    paging
}

/// One link of a header value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    target: String,
    /// Lower case, in the order written.
    relations: Vec<String>,
}

/// Splits one header value into its links. What is no link is skipped up to the next comma (RFC 8288, appendix B.2,
/// allows a parser to be lenient).
fn parse(value: &str) -> Vec<Link> {
    let mut text = Text { rest: value };
    let mut links = Vec::new();
    loop {
        text.skip(|letter| letter.is_ascii_whitespace() || letter == ',');
        if text.rest.is_empty() {
            return links;
        }
        match text.link() {
            Some(link) => links.push(link),
            None => text.skip_to_comma(),
        }
    }
}

/// The part of a header value that is still to be read.
struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(unwanted);
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Everything before the first letter for which `end` holds; all that is left if there is none.
    fn until(&mut self, end: impl Fn(char) -> bool) -> &'a str {
        let (head, rest) = self.rest.split_at(self.rest.find(end).unwrap_or(self.rest.len()));
        self.rest = rest;
        head
    }

    fn skip_to_comma(&mut self) {
        while !self.rest.is_empty() && !self.rest.starts_with(',') {
            if self.rest.starts_with('"') {
                self.quoted();
            } else {
                self.until(|letter| letter == ',' || letter == '"');
            }
        }
    }

    /// `<target>; name=value; name="value"`, up to the comma or the end.
    fn link(&mut self) -> Option<Link> {
        if !self.take('<') {
            return None;
        }
        let target = self.until(|letter| letter == '>').trim().to_owned();
        if !self.take('>') {
            return None;
        }
        let mut relations: Option<Vec<String>> = None;
        loop {
            self.skip(|letter| letter.is_ascii_whitespace());
            if !self.take(';') {
                break;
            }
            let (name, value) = self.parameter();
            // Only the first `rel` counts (RFC 8288, section 3.3).
            if relations.is_none() && name.eq_ignore_ascii_case("rel") {
                relations = Some(value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect());
            }
        }
        if !self.rest.is_empty() && !self.rest.starts_with(',') {
            return None;
        }
        Some(Link { target, relations: relations.unwrap_or_default() })
    }

    fn parameter(&mut self) -> (&'a str, String) {
        self.skip(|letter| letter.is_ascii_whitespace());
        let name = self.until(|letter| matches!(letter, '=' | ';' | ',')).trim_end();
        if !self.take('=') {
            return (name, String::new());
        }
        self.skip(|letter| letter.is_ascii_whitespace());
        if self.rest.starts_with('"') {
            return (name, self.quoted());
        }
        (name, self.until(|letter| matches!(letter, ';' | ',')).trim_end().to_owned())
    }

    /// A quoted string; one that is never closed ends with the value.
    fn quoted(&mut self) -> String {
        self.take('"');
        let mut content = String::new();
        let mut letters = self.rest.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => break,
                '\\' => content.extend(letters.next()),
                other => content.push(other),
            }
        }
        self.rest = letters.as_str();
        content
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn next_of(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, HeaderValue::from_str(line).unwrap());
        }
        paging(&headers).next
    }

    #[test]
    fn finds_next_in_every_form_that_a_server_or_a_proxy_may_send() {
        let cases: &[(&[&str], Option<&str>)] = &[
            (&[], None),
            (&[r#"<https://a/u>; rel="self""#], None),
            (
                &[r#"<https://a/u>; rel="self""#, r#"<https://a/u?after=1>; rel="next""#],
                Some("https://a/u?after=1"),
            ),
            (
                &[r#"<https://a/u>; rel="self", <https://a/u?after=1>; rel="next""#],
                Some("https://a/u?after=1"),
            ),
            (&[r#"<https://a/u>;rel="self",<https://a/u?after=1>;rel=next"#], Some("https://a/u?after=1")),
            (&[r"<https://a/u?after=1>; rel=next; title=x"], Some("https://a/u?after=1")),
            (
                &[r#"<https://a/u?after=1,2;3>; title="a, <b>; rel=self"; rel="next""#],
                Some("https://a/u?after=1,2;3"),
            ),
            (
                &[r#"<https://a/u?after=1>; title="say \"rel=self\""; REL="NEXT""#],
                Some("https://a/u?after=1"),
            ),
            (&[r#"<https://a/u?after=1>; rel="last next""#], Some("https://a/u?after=1")),
            (&[r#"<https://a/u?after=1>; rel="self"; rel="next""#], None),
            (&[r#"rubbish, <https://a/u?after=1>; rel="next""#], Some("https://a/u?after=1")),
            (
                &[r#"<https://a/broken, <https://a/u?after=1>; rel="next""#],
                Some("https://a/broken, <https://a/u?after=1"),
            ),
            (&[r#"<https://a/x> rubbish, <https://a/u?after=1>; rel="next""#], Some("https://a/u?after=1")),
            (&[r#"<https://a/u?after=1>; rel = "next" ; flag"#], Some("https://a/u?after=1")),
            (&[r#", ,<https://a/u?after=1>; rel="next","#], Some("https://a/u?after=1")),
            (&[r#"<https://a/u?after=1>; rel="nextish""#], None),
            (&[r"<https://a/u?after=1>"], None),
        ];
        for (lines, expected) in cases {
            assert_eq!(next_of(lines).as_deref(), *expected, "{lines:?}");
        }
    }

    #[test]
    fn says_whether_there_was_any_link() {
        let mut headers = HeaderMap::new();
        assert!(!paging(&headers).any);
        headers.append(LINK, HeaderValue::from_static("<https://a/u>; rel=self"));
        assert!(paging(&headers).any);
    }

    proptest! {
        #[test]
        fn never_panics_and_always_ends(value in ".*") {
            let _links = parse(&value);
        }

        #[test]
        fn never_panics_on_what_looks_like_links(value in r#"[<>;,="\\ a-c\t]*"#) {
            let _links = parse(&value);
        }

        #[test]
        fn a_well_formed_next_is_found_behind_anything_well_formed(
            target in "https://[a-z]{1,9}/[a-z0-9?=&,;%+]{0,30}",
            title in r#"[^"\\]{0,20}"#,
        ) {
            let line = format!("<https://x/self>; title=\"{title}\"; rel=\"self\", <{target}>; title=\"{title}\"; rel=\"next\"");
            let found = parse(&line).into_iter().find(|link| link.relations == ["next"]).map(|link| link.target);
            prop_assert_eq!(found, Some(target));
        }
    }
}
