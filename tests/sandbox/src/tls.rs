//! TLS before a stand-in: a certificate authority that nobody trusts yet, and a server that has a certificate of it, takes
//! connections, and passes on what comes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::proxy::Tasks;

/// A certificate authority.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one of that common name.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(io::Error::other)
    }

    /// Its certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(self.0.der());
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// What a server needs that is to be called so, by names or addresses. Its certificate is valid until the beginning of
    /// that day: year, month, day.
    pub fn server(&self, names: &[&str], until: (i32, u8, u8)) -> io::Result<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let certificate = params.signed_by(&key, &self.0).map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let config = ServerConfig::builder().with_no_client_auth();
        config.with_single_cert(vec![certificate.der().clone()], key).map_err(io::Error::other)
    }
}

/// A server that speaks TLS to its clients, and passes on what they say to another in the clear. Ends when dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    _tasks: Tasks,
}

impl Front {
    /// Before the server at `backend`.
    pub async fn start(config: ServerConfig, backend: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let tasks = Tasks::serve(listener, move |connection| {
            let acceptor = acceptor.clone();
            async move {
                let mut client = acceptor.accept(connection).await?;
                let mut server = TcpStream::connect(backend).await?;
                copy_bidirectional(&mut client, &mut server).await.map(drop)
            }
        });
        Ok(Self { address, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
