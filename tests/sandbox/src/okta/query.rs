//! Query strings: reading them, and writing them as Okta does in its links.

/// The parameters of a request, decoded, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d+e`; a name without `=` has an empty value.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name, true), decode(value, true))
                })
                .collect(),
        )
    }

    /// The first value of a parameter that is given and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether a name is there twice.
    pub(crate) fn repeats(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).any(|two| two[0] == two[1])
    }

    /// The same query without one of its parameters.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect())
    }

    /// The query of a link: cursor and limit first, then what the request asked for, encoded anew (Okta writes
    /// spaces as `+` there, whatever the request had).
    pub(crate) fn link(&self, after: Option<&str>, limit: usize) -> String {
        let mut text = String::new();
        if let Some(cursor) = after {
            text.push_str("after=");
            encode(cursor, &mut text);
            text.push('&');
        }
        text.push_str("limit=");
        text.push_str(&limit.to_string());
        for (name, value) in self.0.iter().filter(|(name, _)| name != "after" && name != "limit") {
            text.push('&');
            encode(name, &mut text);
            text.push('=');
            encode(value, &mut text);
        }
        text
    }
}

/// Undoes percent-encoding; `plus` says whether `+` is a space (in a query) or itself (in a path).
pub(crate) fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match bytes[at] {
            b'%' => bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok()),
            _ => None,
        };
        match escaped.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(if plus && bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Writes `text` as a form does (`application/x-www-form-urlencoded`).
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                into.push(char::from(byte))
            }
            b' ' => into.push('+'),
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// Base64 with padding, for the cursors that are written so.
pub(crate) fn base64(text: &str) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            if place <= chunk.len() {
                let sextet = (bits >> (18 - 6 * place)) & 0x3f;
                encoded.push(char::from(SIGNS[sextet as usize]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_put_the_cursor_first_and_encode_anew() {
        let query = Query::parse("search=profile.lastName%20eq%20%22Smith%22&limit=7&after=x&expand=stats");
        assert_eq!(
            query.link(Some("a=="), 1),
            "after=a%3D%3D&limit=1&search=profile.lastName+eq+%22Smith%22&expand=stats"
        );
        assert_eq!(query.get("search"), Some("profile.lastName eq \"Smith\""));
    }

    #[test]
    fn a_plus_is_a_space_in_a_query_only() {
        assert_eq!(decode("a+b%2Bc%C3%A9", true), "a b+cé");
        assert_eq!(decode("a+b%2Bc%4", false), "a+b+c%4");
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64("ldap.a"), "bGRhcC5h");
        assert_eq!(base64("ldap.ab"), "bGRhcC5hYg==");
        assert_eq!(base64("ldap.abc"), "bGRhcC5hYmM=");
    }
}
