//! Origins: where requests, and with them tokens, may go (RULES 31: scheme, host and port).

use url::{Host, Url};

/// The address of `link` at `origin`: path and query of the link, scheme, host and port of the origin. A relative link is
/// read as one of `current`. None if the link is no address at all.
///
/// Okta's `next` links may bear another name of the same org (an admin or custom domain); the token goes only where the
/// connector's file says.
#[must_use]
pub fn pin(origin: &Url, current: &Url, link: &str) -> Option<Url> {
    let link = current.join(link).ok()?;
    if link.cannot_be_a_base() {
        return None;
    }
    let mut pinned = origin.clone();
    pinned.set_path(link.path());
    pinned.set_query(link.query());
    pinned.set_fragment(None);
    Some(pinned)
}

/// The host of an address as messages name it: with the port where a reader would not guess it, which is any but the
/// scheme's own, and each port of this host.
#[must_use]
pub fn host_and_port(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    let port = if is_loopback(address) { address.port_or_known_default() } else { address.port() };
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether an address is on this host.
pub(super) fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_31_every_link_is_pinned_to_scheme_host_and_port_of_the_origin() {
        let origin = Url::parse("https://acme.okta.com").unwrap();
        let current = Url::parse("https://acme.okta.com/api/v1/users?limit=2").unwrap();
        let cases = [
            (
                "https://acme.okta.com/api/v1/users?after=1&limit=2",
                "https://acme.okta.com/api/v1/users?after=1&limit=2",
            ),
            (
                "https://acme-admin.okta.com/api/v1/users?after=1",
                "https://acme.okta.com/api/v1/users?after=1",
            ),
            ("http://acme.okta.com/api/v1/users?after=1", "https://acme.okta.com/api/v1/users?after=1"),
            ("https://acme.okta.com:8443/api/v1/users?after=1", "https://acme.okta.com/api/v1/users?after=1"),
            ("https://me:secret@evil.example/x?y=z#f", "https://acme.okta.com/x?y=z"),
            ("//evil.example/x", "https://acme.okta.com/x"),
            ("/api/v1/users?after=1", "https://acme.okta.com/api/v1/users?after=1"),
            (
                "?after=bGRhcC5%3D%3D&q=a+b%20c",
                "https://acme.okta.com/api/v1/users?after=bGRhcC5%3D%3D&q=a+b%20c",
            ),
        ];
        for (link, expected) in cases {
            assert_eq!(pin(&origin, &current, link).unwrap().as_str(), expected, "{link}");
        }
        for hopeless in ["mailto:someone@example.com", "https://", "http://[", "data:text/plain,x"] {
            assert_eq!(pin(&origin, &current, hopeless), None, "{hopeless}");
        }
    }

    #[test]
    fn a_port_of_the_origin_is_kept() {
        let origin = Url::parse("http://127.0.0.1:8080").unwrap();
        let pinned = pin(&origin, &origin, "https://other.example/a?b").unwrap();
        assert_eq!(pinned.as_str(), "http://127.0.0.1:8080/a?b");
    }

    #[test]
    fn names_the_port_unless_everybody_knows_it() {
        for (address, expected) in [
            ("https://acme.okta.com", "acme.okta.com"),
            ("https://acme.okta.com:443/x", "acme.okta.com"),
            ("https://acme.okta.com:8443", "acme.okta.com:8443"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("https://127.0.0.1", "127.0.0.1:443"),
            ("http://[::1]:9", "[::1]:9"),
            ("http://localhost", "localhost:80"),
        ] {
            assert_eq!(host_and_port(&Url::parse(address).unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn knows_loopback_addresses() {
        for (address, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://127.8.9.1", true),
            ("http://[::1]:9", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(address).unwrap()), expected, "{address}");
        }
    }
}
