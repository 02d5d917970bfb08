//! What `WWW-Authenticate` says about a refusal (RFC 6750, section 3; RFC 9449, section 9).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::clean;

/// The parameters that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Challenge {
    /// Such as `insufficient_scope`.
    pub(in super::super) error: Option<String>,
    /// The scopes that would do.
    pub(in super::super) scope: Option<String>,
}

impl Challenge {
    /// The first of each that any challenge has.
    pub(in super::super) fn of(headers: &HeaderMap) -> Self {
        let values = || headers.get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
        let parameter = |name| values().find_map(|value| parameter(value, name)).map(|value| clean(&value));
        Self { error: parameter("error"), scope: parameter("scope") }
    }
}

/// `name="value"` or `name=value`, where `name` is a word of its own.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header;
    loop {
        let at = rest.find(name)?;
        let (before, found) = rest.split_at(at);
        let value = found.strip_prefix(name)?.trim_start();
        rest = found.get(name.len()..)?;
        let is_word = before.chars().next_back().is_none_or(|letter| letter == ',' || letter.is_whitespace());
        let Some(value) = value.strip_prefix('=').filter(|_| is_word) else { continue };
        let value = value.trim_start();
        return Some(match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
            None => value.split([',', ' ']).next().unwrap_or_default().to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Option<String>, Option<String>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, line.parse().unwrap());
        }
        let Challenge { error, scope } = Challenge::of(&headers);
        (error, scope)
    }

    #[test]
    fn finds_error_and_scope_wherever_they_stand() {
        let both = |error: &str, scope: &str| (Some(error.to_owned()), Some(scope.to_owned()));
        let error = |error: &str| (Some(error.to_owned()), None);
        for (lines, expected) in [
            (&[][..], (None, None)),
            (&["Bearer"], (None, None)),
            (&["Basic realm=\"error\""], (None, None)),
            (
                &[r#"Bearer error="insufficient_scope", scope="okta.users.read""#],
                both("insufficient_scope", "okta.users.read"),
            ),
            (
                &[r#"Bearer scope="a b",error_description="error=x", error = invalid_token"#],
                both("invalid_token", "a b"),
            ),
            (&["DPoP error=use_dpop_nonce,algs=\"ES256\""], error("use_dpop_nonce")),
            (&["Bearer", r#"DPoP algs="ES256 PS256", error="use_dpop_nonce""#], error("use_dpop_nonce")),
            (&[r#"Bearer error="unfinished"#], error("unfinished")),
        ] {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }
}
