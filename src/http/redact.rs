//! Keeps what a request was signed with out of what is said about its answer: proxies and servers repeat requests in their
//! error pages, and those are quoted in logs and reports.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use secrecy::zeroize::Zeroizing;

use super::credentials::Signed;

/// Overwritten when it is let go of.
type Secret = Zeroizing<Vec<u8>>;

/// What is shorter is part of too many words to be looked for.
const SHORTEST: usize = 4;
/// The parameter by which a service app proves who it is (RFC 7523, section 2.2).
const ASSERTION: &str = "client_assertion=";

/// More of an answer than this is not looked at, in bytes, and so not kept.
const LARGEST_QUOTED: usize = 256 * 1024;
/// So much before that place goes with it: more than a secret and its escapes have.
const EDGE: usize = 64 * 1024;
/// So often an answer may escape what was escaped already: a page that shows JSON, a form within a form.
const DEEPEST: usize = 2;

/// Overwrites in `body` what `signed` proves itself with. Only in answers of which words may be quoted: data is never touched.
pub(super) fn hide(signed: &Signed, status: StatusCode, body: &mut [u8]) {
    if status.is_success() && !body.trim_ascii_start().starts_with(b"<") {
        return;
    }
    // Nobody quotes so much, so nobody needs to look at it. What is cut here ends before any secret that begins here could.
    let (body, rest) = body.split_at_mut(body.len().min(LARGEST_QUOTED));
    if !rest.is_empty() {
        rest.fill(b'*');
        let edge = body.len().saturating_sub(EDGE);
        body.iter_mut().skip(edge).for_each(|byte| *byte = b'*');
    }
    let secrets: Vec<Secret> = secrets(signed).iter().flat_map(|secret| readings(secret)).collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut reading = Reading::of(body);
    for _ in 0..=DEEPEST {
        found.extend(secrets.iter().flat_map(|secret| reading.places_of(secret)));
        let Some(deeper) = reading.unescaped() else { break };
        reading = deeper;
    }
    for place in found {
        if let Some(bytes) = body.get_mut(place) {
            bytes.fill(b'*');
        }
    }
}

/// A secret as it is, and as it is read where what looks like an escape in it is taken for one: an answer may escape other
/// letters of it, and then all are resolved together.
fn readings(secret: &[u8]) -> Vec<Secret> {
    let resolve = |reading: &Reading| reading.unescaped();
    let readings = std::iter::successors(Some(Reading::of(secret)), resolve).take(DEEPEST + 1);
    readings.map(|reading| reading.bytes).filter(|secret| secret.len() >= SHORTEST).collect()
}

/// A text as whoever gets it reads it, and where in the body each of its bytes comes from.
struct Reading {
    bytes: Secret,
    from: Vec<Range<usize>>,
}

impl Reading {
    /// The body as it is.
    fn of(body: &[u8]) -> Self {
        Self { bytes: body.to_vec().into(), from: (0..body.len()).map(|at| at..at + 1).collect() }
    }

    /// Where the body says `secret`.
    fn places_of(&self, secret: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let place = |at: usize| {
            let (first, last) = (self.from.get(at)?, self.from.get(at + secret.len() - 1)?);
            Some(first.start..last.end)
        };
        memmem::find_iter(&self.bytes, secret).filter_map(place).collect::<Vec<_>>().into_iter()
    }

    /// With the escapes of JSON, HTML and addresses resolved; none if there are none.
    fn unescaped(&self) -> Option<Self> {
        let mut bytes = Secret::new(Vec::with_capacity(self.bytes.len()));
        let mut from = Vec::with_capacity(self.from.len());
        let mut at = 0;
        while let Some((first, rest)) = self.bytes.get(at..).and_then(<[u8]>::split_first) {
            let (letter, length) = unescape(*first, rest).unwrap_or((Letter::Byte(*first), 1));
            let place = self.from.get(at)?.start..self.from.get(at + length - 1)?.end;
            at += length;
            let mut buffer = [0; 4];
            let meant = match &letter {
                Letter::Byte(byte) => std::slice::from_ref(byte),
                Letter::Char(letter) => letter.encode_utf8(&mut buffer).as_bytes(),
            };
            bytes.extend_from_slice(meant);
            from.extend(std::iter::repeat_n(place, meant.len()));
        }
        (bytes.len() < self.bytes.len()).then_some(Self { bytes, from })
    }
}

/// What an escape stands for.
enum Letter {
    Byte(u8),
    Char(char),
}

/// The escape that begins with `first`, before `rest`, and how many bytes it has in all: `%3D` (RFC 3986, section 2.1), `\"` and
/// `\u003d` (RFC 8259, section 7), `&quot;`, `&#61;` and `&#x3D;` (HTML, "Character references").
fn unescape(first: u8, rest: &[u8]) -> Option<(Letter, usize)> {
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    match (first, rest) {
        (b'%', [high, low, ..]) => Some((Letter::Byte(u8::try_from(number(&[*high, *low], 16)?).ok()?), 3)),
        (b'\\', [letter @ (b'"' | b'\\' | b'/'), ..]) => Some((Letter::Byte(*letter), 2)),
        (b'\\', [b'u', ..]) => Some((Letter::Char(char::from_u32(number(rest.get(1..5)?, 16)?)?), 6)),
        (b'&', _) => {
            let end = rest.iter().take(LONGEST_REFERENCE).position(|byte| *byte == b';')?;
            let letter = match rest.get(..end)? {
                [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16)?)?,
                [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
                name => NAMED.iter().find(|(known, _)| known.as_bytes() == name)?.1,
            };
            Some((Letter::Char(letter), end + 2))
        }
        _ => None,
    }
}

/// The longest reference that is looked for, without `&`.
const LONGEST_REFERENCE: usize = 10;
/// The names of letters that encoders write so.
const NAMED: [(&str, char); 10] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("equals", '='),
    ("plus", '+'),
    ("sol", '/'),
    ("percnt", '%'),
    ("colon", ':'),
];

fn secrets(signed: &Signed) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = Vec::new();
    for value in signed.headers.values().filter(|value| value.is_sensitive()) {
        secrets.extend(proof(value));
    }
    let assertion =
        signed.body.as_deref().and_then(|body| body.split('&').find_map(|pair| pair.strip_prefix(ASSERTION)));
    secrets.extend(assertion.map(|assertion| assertion.as_bytes().to_vec().into()));
    secrets.retain(|secret| secret.len() >= SHORTEST);
    secrets
}

/// The token of a header such as `Bearer TOKEN`, and for `Basic` the password too (RFC 7617).
fn proof(value: &HeaderValue) -> Vec<Secret> {
    let text = value.as_bytes();
    let (scheme, token) = match text.iter().position(|byte| *byte == b' ') {
        Some(space) => text.split_at(space),
        None => (&[][..], text),
    };
    let token = token.trim_ascii();
    let mut proofs = vec![token.to_vec().into()];
    if scheme.eq_ignore_ascii_case(b"basic")
        && let Ok(pair) = STANDARD.decode(token).map(Secret::new)
        && let Some(colon) = pair.iter().position(|byte| *byte == b':')
    {
        proofs.extend(pair.get(colon + 1..).map(|password| Secret::new(password.to_vec())));
    }
    proofs
}

#[cfg(test)]
mod tests {
    use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};

    use super::*;

    fn signed(authorization: &str, body: Option<&str>) -> Signed {
        let mut value = HeaderValue::from_str(authorization).unwrap();
        value.set_sensitive(true);
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, value), (ACCEPT, HeaderValue::from_static("text/plain"))]);
        Signed { headers, body: body.map(str::to_owned), stamp: 0 }
    }

    fn hidden(signed: &Signed, status: u16, body: &str) -> String {
        let mut bytes = body.as_bytes().to_vec();
        hide(signed, StatusCode::from_u16(status).unwrap(), &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_an_error_page_repeats_of_the_request_is_overwritten() {
        let token = signed("SSWS 00s3cr3t", None);
        assert_eq!(
            hidden(&token, 403, "no: SSWS 00s3cr3t, 00s3cr3t; text/plain"),
            "no: SSWS ********, ********; text/plain"
        );
        // Basic usersyncd:pass=word
        let password = signed("Basic dXNlcnN5bmNkOnBhc3M9d29yZA==", None);
        assert_eq!(
            hidden(&password, 401, "dXNlcnN5bmNkOnBhc3M9d29yZA== usersyncd pass=word"),
            "**************************** usersyncd *********"
        );
        let assertion = signed("DPoP proof", Some("grant_type=x&client_assertion=e.y.j&scope=z"));
        assert_eq!(
            hidden(&assertion, 400, "grant_type=x&client_assertion=e.y.j&scope=z"),
            "grant_type=x&client_assertion=*****&scope=z"
        );
    }

    #[test]
    fn however_the_answer_writes_it() {
        // Basic usersyncd:p"s/s=w&d
        let password = signed("Basic dXNlcnN5bmNkOnAicy9zPXcmZA==", None);
        for repeated in [
            "p\"s/s=w&d",
            "p\\\"s/s=w&d",
            "p\\\"s\\/s=w&d",
            "p\\\"s/s\\u003dw\\u0026d",
            "p&quot;s/s=w&amp;d",
            "p&#34;s&#x2F;s&#x3d;w&#38;d",
            "p&quot;s&sol;s&equals;w&amp;d",
            "p%22s%2Fs%3dw%26d",
            // JSON in a page, and an address in one.
            "p\\&quot;s\\/s\\u003dw\\u0026d",
            "p%22s%2Fs&#37;3Dw%26d",
            "dXNlcnN5bmNkOnAicy9zPXcmZA\\u003d\\u003d",
            "dXNlcnN5bmNkOnAicy9zPXcmZA&#61;%3D",
        ] {
            let hidden = hidden(&password, 401, &format!("[{repeated}]"));
            let inner = hidden.trim_matches(['[', ']']);
            assert!(!inner.is_empty() && inner.bytes().all(|byte| byte == b'*'), "{repeated}: {hidden}");
        }
    }

    #[test]
    fn a_text_with_percent_signs_of_its_own_is_found_as_it_is() {
        // Basic a:%41%zz&#x;\u12
        let password = signed("Basic YTolNDElenomI3g7XHUxMg==", None);
        assert_eq!(hidden(&password, 401, "no %41%zz&#x;\\u12 %"), "no ************** %");
        // Basic a:Tr%4fy"x9 and a:x%20y&z1
        let password = signed("Basic YTpUciU0ZnkieDk=", None);
        assert_eq!(hidden(&password, 401, r#"["Tr%4fy\"x9"]"#), r#"["**********"]"#);
        let password = signed("Basic YTp4JTIweSZ6MQ==", None);
        assert_eq!(hidden(&password, 401, "<b>x%20y&amp;z1</b>"), "<b>************</b>");
    }

    #[test]
    fn of_a_very_long_answer_nothing_is_kept_where_it_is_cut() {
        let token = signed("Bearer 00s3cr3t", None);
        let before = LARGEST_QUOTED - 4;
        let answer = hidden(&token, 500, &format!("{}00s3cr3t", "x".repeat(before)));
        assert!(
            answer.starts_with("xxxx") && answer.ends_with("****") && !answer.contains("00s"),
            "cut in two"
        );
    }

    #[test]
    fn data_is_left_alone_and_pages_that_come_instead_of_it_are_not() {
        let token = signed("Bearer anna", None);
        assert_eq!(hidden(&token, 200, r#"[{"login":"anna"}]"#), r#"[{"login":"anna"}]"#);
        assert_eq!(hidden(&token, 200, "<title>anna</title>"), "<title>****</title>");
        assert_eq!(hidden(&signed("Bearer abc", None), 400, "abc"), "abc", "too short to be told from words");
    }
}
