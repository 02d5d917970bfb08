//! The way to a server, looked at step by step: the name, the connection, TLS. Of HTTP nothing is sent but the request for a
//! tunnel where a proxy stands between, so none of this counts in a rate limit.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderValue, Uri};
use futures_util::future::select_ok;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};
use url::{Host, Url};

use super::authorities::{Authorities, Certificate};
use super::origin;

/// A proxy's answer to the request for a tunnel is not longer, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;

/// The way that requests to an address take.
#[derive(Clone, Debug)]
pub struct Way {
    address: Url,
    proxy: Option<Intercept>,
    authorities: Option<Authorities>,
}

/// How TLS with a server began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Its certificate is trusted.
    Trusted(Certificate),
    /// It is not, for a reason that is a part of a sentence.
    Untrusted {
        /// What it says, if that could be read.
        certificate: Option<Certificate>,
        /// What is wrong with it.
        distrust: Distrust,
        /// The same as a library says it.
        why: String,
    },
    /// No TLS came about; a part of a sentence.
    Failed(String),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It has expired, by this host's clock.
    Expired,
    /// It is not valid yet, by this host's clock.
    NotYetValid,
    /// It is for another name.
    OtherName,
    /// Anything else, such as an authority that is not known here.
    Otherwise,
}

impl From<&TlsError> for Distrust {
    fn from(error: &TlsError) -> Self {
        let TlsError::InvalidCertificate(error) = error else { return Self::Otherwise };
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName
            }
            _ => Self::Otherwise,
        }
    }
}

impl Way {
    /// The way to an address, by the proxies that the environment names: `HTTPS_PROXY` (or `ALL_PROXY`) unless `NO_PROXY`
    /// exempts the host; `HTTP_PROXY` for plain http. No proxy can reach a loopback address.
    pub(super) fn of(address: &Url, authorities: Option<Authorities>) -> Self {
        Self::by(&Matcher::from_system(), address, authorities)
    }

    fn by(proxies: &Matcher, address: &Url, authorities: Option<Authorities>) -> Self {
        let uri: Option<Uri> = address.as_str().parse().ok();
        let proxy = uri.filter(|_| !origin::is_loopback(address)).and_then(|uri| proxies.intercept(&uri));
        Self { address: address.clone(), proxy, authorities }
    }

    /// The proxy, without its password; none if the server is asked directly.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        let proxy = self.proxy.as_ref()?;
        Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
    }

    /// Whether the server speaks TLS to us.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.address.scheme() == "https"
    }

    /// Whether the proxy, if any, is one through which TLS can be looked at: plain HTTP up to it.
    #[must_use]
    pub fn can_be_looked_through(&self) -> bool {
        self.proxy.as_ref().is_none_or(|proxy| proxy.uri().scheme_str() == Some("http"))
    }

    /// Host and port that a connection is made to first: the proxy's, or the server's.
    fn first(&self) -> Option<(String, u16)> {
        let Some(proxy) = &self.proxy else {
            return Some((bare_host(&self.address)?, self.address.port_or_known_default()?));
        };
        let port = match proxy.uri().scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => 1080,
        };
        let host = proxy.uri().host()?.trim_start_matches('[').trim_end_matches(']');
        Some((host.to_owned(), proxy.uri().port_u16().unwrap_or(port)))
    }

    /// The addresses of what is connected to first. The error is a part of a sentence.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        let Some((host, port)) = self.first() else { return Err("the address names no host".to_owned()) };
        let found = tokio::net::lookup_host((host.as_str(), port)).await;
        let mut addresses: Vec<SocketAddr> = found.map_err(|error| cause(&error))?.collect();
        let mut known = std::collections::HashSet::new();
        addresses.retain(|address| known.insert(*address));
        if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
    }

    /// A connection to whichever of the addresses takes one first: requests do not wait for one that is silent either. The error
    /// is a part of a sentence.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, String> {
        let tries = addresses.iter().map(|address| Box::pin(TcpStream::connect(*address)));
        let (connection, _) = select_ok(tries).await.map_err(|error| cause(&error))?;
        Ok(connection)
    }

    /// Greets the server with TLS over such a connection.
    pub async fn greet(&self, mut connection: TcpStream) -> Greeting {
        if let Some(proxy) = &self.proxy
            && let Err(why) = self.open_tunnel(&mut connection, proxy.basic_auth()).await
        {
            return Greeting::Failed(why);
        }
        let Some(name) = server_name(&self.address) else {
            return Greeting::Failed("the address names no host".to_owned());
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let further = self.authorities.iter().flat_map(Authorities::der).cloned();
        let witness = match Verifier::new_with_extra_roots(further, Arc::clone(&provider)) {
            Ok(verifier) => Arc::new(Witness { verifier, seen: Mutex::default() }),
            Err(error) => return Greeting::Failed(format!("nobody is trusted here ({error})")),
        };
        let config = match config(provider, Arc::clone(&witness)) {
            Ok(config) => config,
            Err(error) => return Greeting::Failed(error.to_string()),
        };
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, connection).await;
        let certificate = witness.certificate();
        match (shaken, certificate) {
            (Ok(_), Some(certificate)) => Greeting::Trusted(certificate),
            (Ok(_), None) => Greeting::Failed("the certificate cannot be read".to_owned()),
            (Err(error), certificate) => match tls_error(&error) {
                Some(TlsError::InvalidMessage(_)) => {
                    Greeting::Failed("the server does not speak TLS at this address".to_owned())
                }
                Some(why @ (TlsError::InvalidCertificate(_) | TlsError::NoCertificatesPresented)) => {
                    Greeting::Untrusted { certificate, distrust: why.into(), why: why.to_string() }
                }
                _ => Greeting::Failed(cause(&error)),
            },
        }
    }

    /// Asks the proxy for a tunnel to the server (RFC 9110, section 9.3.6). The error is a part of a sentence.
    async fn open_tunnel(&self, proxy: &mut TcpStream, auth: Option<&HeaderValue>) -> Result<(), String> {
        let host = self.address.host_str().unwrap_or_default();
        let target = format!("{host}:{}", self.address.port_or_known_default().unwrap_or(443));
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(auth) = auth {
            request.extend([b"Proxy-Authorization: ", auth.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        proxy.write_all(&request).await.map_err(|error| cause(&error))?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= LONGEST_HEAD {
                return Err("the proxy's answer does not end".to_owned());
            }
            head.push(proxy.read_u8().await.map_err(|error| format!("the proxy: {}", cause(&error)))?);
        }
        let line = String::from_utf8_lossy(&head);
        let line = line.lines().next().unwrap_or_default();
        match line.split_whitespace().nth(1).and_then(|status| status.parse::<u16>().ok()) {
            Some(200..=299) => Ok(()),
            Some(407) => Err("the proxy wants a name and a password (407)".to_owned()),
            Some(status) => Err(format!("the proxy refuses a tunnel to {target}: {status}")),
            None => Err("the proxy does not answer in HTTP".to_owned()),
        }
    }
}

/// Looks at the certificate, and leaves the judgement to the same verifier that requests have.
struct Witness {
    verifier: Verifier,
    seen: Mutex<Option<Vec<u8>>>,
}

impl Witness {
    fn certificate(&self) -> Option<Certificate> {
        Certificate::read(self.seen.lock().unwrap_or_else(PoisonError::into_inner).as_deref()?)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn config(provider: Arc<CryptoProvider>, witness: Arc<Witness>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(witness).with_no_client_auth())
}

/// Without the brackets of an IPv6 address.
fn bare_host(address: &Url) -> Option<String> {
    Some(match address.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    })
}

fn server_name(address: &Url) -> Option<ServerName<'static>> {
    ServerName::try_from(bare_host(address)?).ok()
}

fn tls_error(error: &std::io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref::<TlsError>()
}

/// What libraries say of an error, in as few words as they allow.
fn cause(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        std::io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        std::io::ErrorKind::TimedOut => "no answer came in time".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
