//! Keeps what a request was signed with out of what is said about its answer: proxies and servers repeat requests in their
//! error pages, and those are quoted in logs and reports.

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

/// Overwrites in `body` what `signed` proves itself with. Only in answers of which words may be quoted: data is never touched.
pub(super) fn hide(signed: &Signed, status: StatusCode, body: &mut [u8]) {
    if status.is_success() && !body.trim_ascii_start().starts_with(b"<") {
        return;
    }
    for secret in secrets(signed).iter().flat_map(|secret| forms(secret)) {
        let found: Vec<usize> = memmem::find_iter(body, secret.as_slice()).collect();
        for at in found {
            if let Some(bytes) = body.get_mut(at..at + secret.len()) {
                bytes.fill(b'*');
            }
        }
    }
}

/// A secret as it may stand in an answer: as it is, and as JSON and HTML write the letters that mean something to them.
fn forms(secret: &[u8]) -> Vec<Secret> {
    let Ok(text) = std::str::from_utf8(secret) else { return vec![secret.to_vec().into()] };
    let written = |escape: fn(char) -> Option<String>| {
        let mut form = Zeroizing::new(String::with_capacity(6 * text.len()));
        for letter in text.chars() {
            match escape(letter) {
                Some(escaped) => form.push_str(&escaped),
                None => form.push(letter),
            }
        }
        Secret::new(form.as_bytes().to_vec())
    };
    let mut forms = vec![
        written(|_| None),
        written(json),
        written(|letter| if letter == '/' { Some("\\/".to_owned()) } else { json(letter) }),
        // As serialisers do whose JSON may stand in a page.
        written(|letter| match letter {
            '=' | '&' | '<' | '>' | '\'' | '+' => Some(format!("\\u{:04x}", u32::from(letter))),
            other => json(other),
        }),
        written(|letter| match letter {
            '=' | '&' | '<' | '>' | '\'' | '+' => Some(format!("\\u{:04X}", u32::from(letter))),
            other => json(other),
        }),
        written(|letter| match letter {
            '&' => Some("&amp;".to_owned()),
            '<' => Some("&lt;".to_owned()),
            '>' => Some("&gt;".to_owned()),
            '"' => Some("&quot;".to_owned()),
            '\'' => Some("&#39;".to_owned()),
            _ => None,
        }),
    ];
    forms.dedup();
    forms
}

/// How JSON must write a letter, if not as it is (RFC 8259, section 7).
fn json(letter: char) -> Option<String> {
    match letter {
        '"' | '\\' => Some(format!("\\{letter}")),
        _ => None,
    }
}

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
            "dXNlcnN5bmNkOnAicy9zPXcmZA\\u003d\\u003d",
        ] {
            let hidden = hidden(&password, 401, &format!("[{repeated}]"));
            let inner = hidden.trim_matches(['[', ']']);
            assert!(
                inner.starts_with('*') && !inner.contains("s=w") && !inner.contains("dXN"),
                "{repeated}: {hidden}"
            );
        }
    }

    #[test]
    fn data_is_left_alone_and_pages_that_come_instead_of_it_are_not() {
        let token = signed("Bearer anna", None);
        assert_eq!(hidden(&token, 200, r#"[{"login":"anna"}]"#), r#"[{"login":"anna"}]"#);
        assert_eq!(hidden(&token, 200, "<title>anna</title>"), "<title>****</title>");
        assert_eq!(hidden(&signed("Bearer abc", None), 400, "abc"), "abc", "too short to be told from words");
    }
}
