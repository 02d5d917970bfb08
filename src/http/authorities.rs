//! Certificate authorities that are trusted beside those of the host, as PEM text has them (RFC 7468).

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject, SectionKind};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificate authorities, each usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    /// Of the certificates: what is trusted is the same where this is.
    digest: [u8; 32],
    /// Whether a private key stood beside them.
    pub has_private_key: bool,
}

/// What is to be known of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as `CN=example.okta.com, O=Okta`; may hold any character.
    pub subject: String,
    /// Who issued it, likewise.
    pub issuer: String,
    /// Until when it is valid.
    pub until: DateTime<Utc>,
    /// Whether it says that it may issue others (RFC 5280, section 4.2.1.9). One of version 1, which cannot say so, counts.
    pub is_authority: bool,
}

impl Authorities {
    /// Reads PEM text: all its certificates, at least one. The error is the end of "the file ".
    pub fn parse(pem: &[u8]) -> Result<Self, String> {
        let (mut certificates, mut has_private_key) = (Vec::new(), false);
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            let number = certificates.len() + 1;
            match section.map_err(|error| broken(&error, number))? {
                (SectionKind::Certificate, der) => certificates.push(usable(der, number)?),
                (kind, _) => has_private_key |= is_key(kind),
            }
        }
        if certificates.is_empty() {
            return Err("has no certificate in it".to_owned());
        }
        let mut digest = Sha256::new();
        for certificate in &certificates {
            digest.update(certificate.len().to_be_bytes());
            digest.update(certificate);
        }
        Ok(Self { certificates, digest: digest.finalize().into(), has_private_key })
    }

    /// What they say of themselves, in the order of the text.
    pub fn certificates(&self) -> impl Iterator<Item = Certificate> {
        self.certificates.iter().filter_map(|der| Certificate::read(der))
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    pub(super) fn der(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.certificates.iter()
    }
}

impl Certificate {
    /// Reads a certificate in DER; none if it is none.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let constraints = certificate.basic_constraints().ok().flatten();
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            until: DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?,
            is_authority: constraints
                .map_or(certificate.version().0 == 0, |constraints| constraints.value.ca),
        })
    }
}

fn is_key(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}

/// What is wrong with the text, without what stands in it.
fn broken(error: &PemError, number: usize) -> String {
    let why = match error {
        PemError::MissingSectionEnd { .. } => "its END line is missing",
        PemError::IllegalSectionStart { .. } => "a line that begins with -----BEGIN does not end with -----",
        PemError::Base64Decode(_) => "what stands between its BEGIN and END lines is not Base64",
        _ => "it cannot be read",
    };
    format!("is not whole PEM: of the certificate number {number}, {why}")
}

/// A certificate with which others can be checked.
fn usable(der: Vec<u8>, number: usize) -> Result<CertificateDer<'static>, String> {
    let der = CertificateDer::from(der);
    let readable = Certificate::read(&der).is_some();
    if !readable || RootCertStore::empty().add(der.clone()).is_err() {
        return Err(format!("holds as number {number} something that cannot be used as a certificate"));
    }
    Ok(der)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    fn made(authority: bool) -> (String, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["ca.example.com".to_owned()]).unwrap();
        params.is_ca = if authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        params.not_after = rcgen::date_time_ymd(2030, 1, 2);
        (pem("CERTIFICATE", params.self_signed(&key).unwrap().der()), key)
    }

    fn pem(label: &str, der: &[u8]) -> String {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    }

    #[test]
    fn several_certificates_are_read_and_told_apart() {
        let ((one, key), (other, _)) = (made(true), made(false));
        let both = Authorities::parse(format!("# ours\n{one}\n{other}").as_bytes()).unwrap();
        let seen: Vec<_> = both.certificates().collect();
        assert_eq!(seen.iter().map(|one| one.is_authority).collect::<Vec<_>>(), [true, false]);
        assert_eq!(seen[0].until.to_rfc3339(), "2030-01-02T00:00:00+00:00");
        assert_eq!(seen[0].subject, "CN=rcgen self signed cert");
        assert!(!both.has_private_key);
        let single = Authorities::parse(one.as_bytes()).unwrap();
        assert_ne!(single.digest(), both.digest());
        let with_key = Authorities::parse((pem("PRIVATE KEY", &key.serialize_der()) + &one).as_bytes());
        let with_key = with_key.unwrap();
        assert!(with_key.has_private_key);
        assert_eq!(with_key.digest(), single.digest(), "what is trusted is the same");
    }

    #[test]
    fn what_is_no_authority_is_refused_in_words() {
        let (good, key) = made(true);
        let key = pem("PRIVATE KEY", &key.serialize_der());
        for (text, expected) in [
            ("", "has no certificate in it"),
            ("certificate", "has no certificate in it"),
            (key.as_str(), "has no certificate in it"),
            (
                good.trim_end().strip_suffix("-----END CERTIFICATE-----").unwrap(),
                "is not whole PEM: of the certificate number 1, its END line is missing",
            ),
            (
                &format!("{good}{}", good.replace("MII", "M*I")),
                "is not whole PEM: of the certificate number 2, what stands between its BEGIN and END lines is not Base64",
            ),
            (
                &good.replace("CERTIFICATE-----", "CERTIFICATE"),
                "is not whole PEM: of the certificate number 1, a line that begins with -----BEGIN does not end with -----",
            ),
            (
                &pem("CERTIFICATE", b"nothing"),
                "holds as number 1 something that cannot be used as a certificate",
            ),
        ] {
            assert_eq!(Authorities::parse(text.as_bytes()).unwrap_err(), expected, "{text}");
        }
    }
}
