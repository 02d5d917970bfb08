//! The way to a server: name, connection, certificate, each by itself. Where a proxy stands between, the first two are those
//! of the proxy.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::timeout;
use url::Url;

use super::STEP;
use crate::config::read_authorities;
use crate::control::api::{Check, CheckName, Subject};
use crate::http::{Certificate, Distrust, Greeting, Shared, Way, host_and_port};

/// A certificate that ends sooner than this is warned of.
const SOON: TimeDelta = TimeDelta::days(14);

/// What was seen of the way.
pub(super) struct Seen {
    pub(super) checks: Vec<Check>,
    /// Whether it makes sense to send requests along it.
    pub(super) passable: bool,
}

/// Where it leads.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) subject: Subject,
    pub(super) address: &'a Url,
    /// `tls.ca`.
    pub(super) authorities: Option<&'a Path>,
}

pub(super) async fn checks(place: Place<'_>, shared: &Shared, now: DateTime<Utc>) -> Seen {
    let Place { subject, address, authorities } = place;
    let trusting = match authorities {
        Some(file) => read_authorities(file).and_then(|authorities| shared.trusting(&authorities)),
        None => Ok(shared.clone()),
    };
    let (way, unreadable) = match trusting {
        Ok(trusting) => (trusting.way(address), None),
        Err(error) => (shared.way(address), Some(error)),
    };
    let words = Words { subject, host: host_and_port(address), proxy: way.proxy() };
    let resolved = timeout(STEP, way.resolve()).await.unwrap_or_else(|_| Err(too_late()));
    let mut checks = vec![words.name(resolved.as_ref().map(Vec::as_slice))];
    let not_tried = |checks: &mut Vec<Check>, names: &[CheckName], why: &str| {
        checks.extend(names.iter().map(|name| Check::skipped(subject, *name, why)));
    };
    let Ok(addresses) = resolved else {
        let names = [CheckName::Connection, CheckName::Tls];
        not_tried(&mut checks, &names, "not tried, since there is no address");
        return Seen { checks, passable: false };
    };
    let connected = timeout(STEP, way.connect(&addresses)).await.unwrap_or_else(|_| Err(too_late()));
    checks.push(words.connection(connected.as_ref().err()));
    let Ok(connection) = connected else {
        not_tried(&mut checks, &[CheckName::Tls], "not tried, since there is no connection");
        return Seen { checks, passable: false };
    };
    if let Some(error) = unreadable {
        checks.push(Check::failed_by(subject, CheckName::Tls, &error));
        return Seen { checks, passable: false };
    }
    if let Some(why) = unseen(&way) {
        checks.push(Check::skipped(subject, CheckName::Tls, why));
        return Seen { checks, passable: true };
    }
    let greeting = timeout(STEP, way.greet(connection)).await;
    let greeting = greeting.unwrap_or_else(|_| Greeting::Failed(too_late()));
    let passable = matches!(greeting, Greeting::Trusted(_));
    checks.push(words.certificate(greeting, now));
    Seen { checks, passable }
}

fn too_late() -> String {
    format!("no answer within {} s", STEP.as_secs())
}

/// Why there is no certificate to look at.
fn unseen(way: &Way) -> Option<&'static str> {
    if !way.has_tls() {
        return Some("plain http, which is accepted for loopback addresses only");
    }
    (!way.can_be_looked_through()).then_some(
        "not looked at, since the proxy is not one of plain http; the sign-in shows whether it works",
    )
}

struct Words {
    subject: Subject,
    host: String,
    proxy: Option<String>,
}

impl Words {
    /// What is connected to first.
    fn first(&self) -> String {
        self.proxy.as_ref().map_or_else(|| self.host.clone(), |proxy| format!("the proxy {proxy}"))
    }

    fn name(&self, resolved: Result<&[std::net::SocketAddr], &String>) -> Check {
        let fix = match &self.proxy {
            Some(_) => {
                "Correct HTTPS_PROXY in the environment of the service, or this host's name resolution (`getent hosts NAME`)"
            }
            None => {
                "Check the address in the connector's file and this host's name resolution (`getent hosts NAME`); where only a \
                 proxy resolves names of the outside, set HTTPS_PROXY in the environment of the service"
            }
        };
        match resolved {
            Ok(addresses) => {
                let addresses: Vec<String> =
                    addresses.iter().map(|address| address.ip().to_string()).collect();
                let by_proxy = self
                    .proxy
                    .as_ref()
                    .map(|_| format!("; the name {} is for the proxy to resolve", self.host));
                let seen =
                    format!("{}: {}{}", self.first(), addresses.join(", "), by_proxy.unwrap_or_default());
                Check::ok(self.subject, CheckName::Dns, seen)
            }
            Err(why) => {
                let seen = format!("the name of {} cannot be resolved ({why})", self.first());
                Check::failed(self.subject, CheckName::Dns, seen, fix)
            }
        }
    }

    fn connection(&self, trouble: Option<&String>) -> Check {
        let fix = match &self.proxy {
            Some(_) => {
                "Check that the proxy runs and takes connections from this host; HTTPS_PROXY and NO_PROXY in the environment of \
                 the service say when it is used"
            }
            None => {
                "Check that it runs, and that a firewall lets this host connect; where only a proxy reaches it, set HTTPS_PROXY \
                 in the environment of the service"
            }
        };
        match trouble {
            None => Check::ok(self.subject, CheckName::Connection, format!("{} is reached", self.first())),
            Some(why) => Check::failed(
                self.subject,
                CheckName::Connection,
                format!("{} is not reached: {why}", self.first()),
                fix,
            ),
        }
    }

    fn certificate(&self, greeting: Greeting, now: DateTime<Utc>) -> Check {
        const NAME: CheckName = CheckName::Tls;
        let through = self.proxy.as_ref().map(|proxy| format!(" through {proxy}")).unwrap_or_default();
        let host = format!("{}{through}", self.host);
        match greeting {
            Greeting::Trusted(certificate) => {
                let seen = format!("{host}: {}", shown(&certificate));
                if certificate.until - now < SOON {
                    let fix = "Have the server's certificate renewed; when it has expired, every run fails";
                    return Check::warning(self.subject, NAME, seen, fix);
                }
                Check::ok(self.subject, NAME, seen)
            }
            Greeting::Untrusted { certificate, distrust, why } => {
                let shown = certificate.as_ref().map(|certificate| format!(": {}", shown(certificate)));
                let seen = format!("{host}{} is not trusted ({why})", shown.unwrap_or_default());
                Check::failed(self.subject, NAME, seen, mended(distrust))
            }
            Greeting::Failed(why) => {
                let fix = match &self.proxy {
                    Some(_) => {
                        "Let the proxy make tunnels to that host and port, or exempt the host by NO_PROXY"
                    }
                    None => "Check scheme, host and port in the connector's file, and what stands between",
                };
                Check::failed(self.subject, NAME, format!("{host}: no TLS came about: {why}"), fix)
            }
        }
    }
}

fn shown(certificate: &Certificate) -> String {
    format!("certificate issued by {}, until {}", certificate.issuer, certificate.until.format("%Y-%m-%d"))
}

/// What to do about a certificate that is not trusted.
fn mended(distrust: Distrust) -> &'static str {
    match distrust {
        Distrust::Expired => {
            "Have the server's certificate renewed; if it is valid, put this host's clock right (chronyd, systemd-timesyncd)"
        }
        Distrust::NotYetValid => {
            "Put this host's clock right (chronyd, systemd-timesyncd); `timedatectl` says whether it is synchronised. If it is \
             right, the server's certificate counts from a later day on"
        }
        Distrust::OtherName => {
            "Write the name by which the certificate calls the server into the connector's file"
        }
        Distrust::Otherwise => {
            "If that issuer is a certificate authority of your own, or of a proxy that opens TLS connections, name its certificate \
             as `tls: { ca: FILE }` in the connector's file; otherwise check the address there"
        }
    }
}

#[cfg(test)]
mod tests {
    use sandbox::tls::{Authority, Front};
    use tokio::net::TcpListener;

    use super::*;
    use crate::control::api::Verdict;
    use crate::telemetry::metrics::Metrics;

    async fn looked(address: &str, authorities: Option<&Path>) -> (Vec<Check>, bool) {
        let (shared, address) = (Shared::new(Metrics::new()).unwrap(), Url::parse(address).unwrap());
        let place = Place { subject: Subject::Source, address: &address, authorities };
        let Seen { checks, passable } = checks(place, &shared, "2027-01-01T00:00:00Z".parse().unwrap()).await;
        let names: Vec<_> = checks.iter().map(|check| check.name).collect();
        assert_eq!(names, [CheckName::Dns, CheckName::Connection, CheckName::Tls]);
        (checks, passable)
    }

    fn verdicts(checks: &[Check]) -> Vec<Verdict> {
        checks.iter().map(|check| check.verdict).collect()
    }

    /// A server with a certificate until that year.
    async fn front(authority: &Authority, until: (i32, u8, u8)) -> (Front, String) {
        let nobody = (std::net::Ipv4Addr::LOCALHOST, 9).into();
        let front = Front::start(authority.server(&["127.0.0.1"], until).unwrap(), nobody).await.unwrap();
        let address = format!("https://{}", front.address());
        (front, address)
    }

    #[tokio::test]
    async fn an_authority_of_ones_own_is_untrusted_until_it_is_named() {
        use Verdict::{Failed, Ok, Skipped};
        let authority = Authority::new("Acme CA").unwrap();
        let (_front, address) = front(&authority, (2090, 1, 1)).await;
        let (checks, passable) = looked(&address, None).await;
        assert_eq!((verdicts(&checks), passable), (vec![Ok, Ok, Failed], false));
        assert!(
            checks[2].seen.contains("issued by CN=Acme CA, until 2090-01-01 is not trusted ("),
            "{checks:?}"
        );
        assert!(checks[2].fix.as_ref().unwrap().contains("tls: { ca: FILE }"));

        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("ca.pem");
        let (checks, passable) = looked(&address, Some(&file)).await;
        assert_eq!((verdicts(&checks), passable), (vec![Ok, Ok, Failed], false));
        assert!(checks[2].seen.contains("does not exist"), "{checks:?}");
        std::fs::write(&file, authority.pem()).unwrap();
        let (checks, passable) = looked(&address, Some(&file)).await;
        assert_eq!((verdicts(&checks), passable), (vec![Ok, Ok, Ok], true));
        assert!(
            checks[2].seen.ends_with(": certificate issued by CN=Acme CA, until 2090-01-01"),
            "{checks:?}"
        );

        let (checks, passable) = looked(&address.replace("https", "http"), None).await;
        assert_eq!((verdicts(&checks), passable), (vec![Ok, Ok, Skipped], true));
    }

    #[tokio::test]
    async fn who_does_not_listen_is_not_reached() {
        use Verdict::{Failed, Ok, Skipped};
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        drop(listener);
        let (checks, passable) = looked(&address, None).await;
        assert_eq!((verdicts(&checks), passable), (vec![Ok, Failed, Skipped], false));
        assert!(checks[1].fix.as_ref().unwrap().contains("firewall"));
    }

    #[tokio::test]
    async fn a_server_without_tls_is_told_apart() {
        let server = wiremock::MockServer::start().await;
        let (checks, passable) = looked(&server.uri().replace("http", "https"), None).await;
        assert_eq!((checks[2].verdict, passable), (Verdict::Failed, false));
        assert!(checks[2].seen.contains("does not speak TLS"), "{checks:?}");
    }

    fn words(proxy: Option<&str>) -> Words {
        let proxy = proxy.map(str::to_owned);
        Words { subject: Subject::Target, host: "crowd.acme.com".to_owned(), proxy }
    }

    #[test]
    fn a_certificate_that_soon_ends_is_a_warning() {
        let now: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().unwrap();
        let until = |days| {
            let certificate = Certificate {
                subject: "CN=crowd.acme.com".to_owned(),
                issuer: "CN=Acme CA".to_owned(),
                until: now + TimeDelta::days(days),
                is_authority: false,
            };
            words(None).certificate(Greeting::Trusted(certificate), now).verdict
        };
        assert_eq!((until(14), until(13)), (Verdict::Ok, Verdict::Warning));
    }

    #[test]
    fn with_a_proxy_names_are_its_business_and_fixes_are_about_it() {
        let words = words(Some("http://proxy.acme.com:3128"));
        let seen = words.name(Ok(&["10.0.0.1:3128".parse().unwrap()])).seen;
        assert_eq!(
            seen,
            "the proxy http://proxy.acme.com:3128: 10.0.0.1; the name crowd.acme.com is for the proxy to resolve"
        );
        let why = "it is not there".to_owned();
        for check in [words.name(Err(&why)), words.connection(Some(&why))] {
            assert_eq!(check.verdict, Verdict::Failed);
            assert!(check.seen.contains("the proxy http://proxy.acme.com:3128"), "{check:?}");
            assert!(check.fix.unwrap().contains("HTTPS_PROXY"));
        }
        let refused = words.certificate(Greeting::Failed(why), DateTime::UNIX_EPOCH);
        assert!(refused.fix.unwrap().contains("NO_PROXY"));
    }

    #[test]
    fn what_to_do_about_a_certificate_depends_on_what_is_wrong() {
        for (distrust, fix) in [
            (Distrust::Expired, "renewed"),
            (Distrust::NotYetValid, "Put this host's clock right"),
            (Distrust::OtherName, "the name by which"),
            (Distrust::Otherwise, "tls: { ca: FILE }"),
        ] {
            assert!(mended(distrust).contains(fix), "{distrust:?}");
        }
    }
}
