//! Addresses: domains of Okta orgs, origins, and where products are.

use url::{Host, Url};

use super::mask::quoted;
use super::text::Complaint;

/// The domains under which Okta puts its own orgs, where `NAME-admin` is the administration console of `NAME`
/// (Okta developer documentation, "Okta domains").
const OKTA_DOMAINS: [&str; 5] = ["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"];

/// The domain of the examples. Files that were copied and not filled in name it, and whoever has it is to get no token.
pub const EXAMPLE_DOMAIN: &str = "your-org.okta.com";

/// Whether this is the org of the examples.
#[must_use]
pub fn is_of_the_examples(origin: &Url) -> bool {
    origin.host_str() == Some(EXAMPLE_DOMAIN)
}

/// An Okta domain, as the origin `https://DOMAIN`.
pub(super) fn domain(text: &str) -> Result<Url, Complaint> {
    const AS: &str = "Write the host name alone, as in `your-org.okta.com`.";
    let complaint = |message: &str| Complaint::new(message.to_owned());
    if text.contains("://") {
        let host = Url::parse(text).ok().and_then(|url| url.host_str().map(without_admin));
        let complaint = complaint("The domain is written without `https://`.");
        return Err(match host.filter(|host| host.contains('.')) {
            Some(host) => complaint.advise(format!("Write {}.", quoted(&host))),
            None => complaint.advise(AS),
        });
    }
    if text.contains('@') {
        return Err(complaint("The domain holds no user name and no password.").advise(AS));
    }
    if let Some((host, _)) = text.split_once(['/', '?', '#']) {
        return Err(complaint("The domain is written without a path.")
            .advise(format!("Write {}.", quoted(&without_admin(host)))));
    }
    if text.contains(':') {
        return Err(complaint("The domain is written without a port.").advise(
            "Write `url: https://HOST:PORT` instead of `domain` if Okta is behind a port of its own.",
        ));
    }
    let named = match Host::parse(text) {
        Ok(Host::Domain(name)) if name.contains('.') && !name.starts_with('.') && !name.contains("..") => {
            name
        }
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
            return Err(complaint("The domain is a name, not an address.").advise(
                "Write `url: http://127.0.0.1:PORT` instead of `domain` for a server on this host.",
            ));
        }
        _ => return Err(Complaint::new(format!("{} is not a domain.", quoted(text))).advise(AS)),
    };
    refuse_admin(&named)?;
    Url::parse(&format!("https://{named}/"))
        .map_err(|_| Complaint::new(format!("{} is not a domain.", quoted(text))).advise(AS))
}

/// The address of an Okta org: scheme, host and port; plain http for addresses of this host only.
pub(super) fn origin(text: &str) -> Result<Url, Complaint> {
    const AS: &str =
        "Write scheme, host and port alone, as in `https://login.example.com` or `http://127.0.0.1:8080`.";
    let url = address(text, AS)?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        let complaint = Complaint::new("The URL must not hold a path, a query or a fragment.");
        return Err(complaint.advise(AS));
    }
    refuse_admin(url.host_str().unwrap_or_default())?;
    Ok(url)
}

/// The address of a product, with the path that it is under and no slash at the end.
pub(super) fn base(text: &str) -> Result<Url, Complaint> {
    const AS: &str =
        "Write the address that people open, as in `https://jira.example.com` or `https://example.com/jira`.";
    let mut url = address(text, AS)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Complaint::new("The URL must not hold a query or a fragment.").advise(AS));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// An address that a secret may be sent to: https, or plain http on this host.
fn address(text: &str, advice: &'static str) -> Result<Url, Complaint> {
    let complaint = |message: &str| Err(Complaint::new(message.to_owned()).advise(advice));
    let Ok(url) = Url::parse(text) else {
        return complaint("This is not a URL.");
    };
    let Some(host) = url.host().filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return complaint("The URL must begin with `https://`.");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return complaint("The URL must not hold a user name or a password.");
    }
    let loopback = match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    };
    if url.scheme() == "http" && !loopback {
        let complaint = Complaint::new("Plain http would show the token to the network.");
        return Err(if url.host_str() == Some("localhost") {
            complaint.advise("Write the address of this host instead of its name: `127.0.0.1` or `[::1]`.")
        } else {
            complaint.advise(
                "Write `https://`; plain http is accepted for loopback addresses (127.0.0.0/8, ::1) only.",
            )
        });
    }
    Ok(url)
}

/// The org's own host for that of its administration console; other hosts stay.
fn without_admin(host: &str) -> String {
    let (name, domain) = host.split_once('.').unwrap_or((host, ""));
    match name.strip_suffix("-admin").filter(|_| OKTA_DOMAINS.contains(&domain)) {
        Some(name) => format!("{name}.{domain}"),
        None => host.to_owned(),
    }
}

fn refuse_admin(host: &str) -> Result<(), Complaint> {
    let org = without_admin(host);
    if org == host {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is the administration console, not the org.", quoted(host)))
        .advise(format!("Write {}.", quoted(&org))))
}

/// What a directory's id, a username or the name of an application may be: one word or several, on one line.
pub(super) fn account(text: &str) -> Result<(), Complaint> {
    let is_bad = text.trim().is_empty() || text.contains(char::is_control) || text.contains(':');
    if is_bad {
        return Err(Complaint::new(format!("{} is no name to sign in with.", quoted(text)))
            .advise("Write it as the product shows it; a colon cannot be sent."));
    }
    Ok(())
}

/// The id of a directory of Atlassian Cloud.
pub(super) fn directory(text: &str) -> Result<(), Complaint> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if !text.is_empty() && text.chars().all(is_part) {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is not the id of a directory.", quoted(text))).advise(
        "Write what stands in its SCIM base URL behind `/scim/directory/` (Atlassian Administration, Identity \
         providers, User provisioning).",
    ))
}
