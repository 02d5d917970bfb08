//! `tls.ca`: a file of certificate authorities.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

use super::*;
use crate::config::model::TargetSettings;
use crate::config::{effective_yaml, read_authorities};

/// A certificate authority as PEM.
pub(super) static AUTHORITY: LazyLock<String> = LazyLock::new(|| made("Acme CA", true, 2090).0);

/// A certificate of that name, valid until the end of that year, and its private key, as PEM.
fn made(name: &str, authority: bool, year: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = if authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    let certificate = params.self_signed(&key).unwrap();
    (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()))
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// The diagnostics of a connector file that names such a file, with `DIR` for its directory.
fn about(contents: &str) -> Vec<String> {
    let house = House::new();
    std::fs::write(house.path("ca.pem"), contents).unwrap();
    told(&house, "ca.pem")
}

fn told(house: &House, file: &str) -> Vec<String> {
    let checked = house.check(with(&format!("tls: {{ ca: {file} }}")));
    let directory = house.directory.path().display().to_string();
    lines(checked.diagnostics.iter()).iter().map(|line| line.replace(&directory, "DIR")).collect()
}

#[test]
fn authorities_are_those_of_source_and_target_and_written_out_again() {
    let house = House::new();
    let target =
        "target: { scim: { url: 'https://app.example.com/scim/v2', token: { credential: app-token } } }";
    let checked = house.check(with(&format!("tls: {{ ca: acme-ca.pem }}\n{target}")));
    assert_eq!(checked.diagnostics, []);
    let connector = checked.value.unwrap();
    let expected = Some(house.path("acme-ca.pem"));
    assert_eq!(connector.source.authorities, expected);
    let TargetSettings::Server(server) = &connector.target else { panic!("{:?}", connector.target) };
    assert_eq!(server.authorities, expected);
    let again = house.check(effective_yaml(&connector)).value.unwrap();
    assert_eq!((again.source, again.target), (connector.source, connector.target));
}

#[test]
fn none_are_named_by_default() {
    for rest in ["", "tls: {}"] {
        let connector = valid(&with(rest));
        assert_eq!(connector.source.authorities, None);
        assert!(effective_yaml(&connector).contains("# no tls:"));
    }
}

#[test]
fn what_cannot_be_used_is_an_error_where_it_is_named() {
    let advice = "[Write the certificate authorities into it as PEM, each from its BEGIN CERTIFICATE line to its END line; \
                  `openssl x509 -inform der -in FILE` turns a binary certificate into that.]";
    let (good, key) = made("Acme CA", true, 2090);
    for (contents, why) in [
        ("", "has no certificate in it".to_owned()),
        (&key, "has no certificate in it".to_owned()),
        (
            &good.replace("-----END", "END"),
            "is not whole PEM: of the certificate number 1, its END line is missing".to_owned(),
        ),
    ] {
        let expected =
            format!("2:12 The file of certificate authorities DIR/ca.pem (`tls.ca`) {why}. {advice}");
        assert_eq!(about(contents), [expected]);
    }
    assert_eq!(
        told(&House::new(), "absent.pem"),
        [
            "2:12 The file of certificate authorities DIR/absent.pem (`tls.ca`) does not exist. [Check the path, or write the file.]"
        ]
    );
    assert!(
        told(&House::new(), "/")[0]
            .starts_with("2:12 The file of certificate authorities / (`tls.ca`) is a directory")
    );
}

#[test]
fn what_is_strange_is_a_warning() {
    let (good, key) = made("Acme CA", true, 2090);
    let lines = about(&format!("{key}{good}"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with(
        "2:12 A private key stands in DIR/ca.pem, where only certificates belong. [Take it out;"
    ));
    assert!(!lines[0].contains(key.lines().nth(1).unwrap()));
    let lines = about(&format!("{good}{}", made("Old CA", true, 2019).0));
    assert_eq!(
        lines,
        [
            "2:12 The certificate of `CN=Old CA` in DIR/ca.pem expired on 2019-12-31. [Put the present one there; the next run takes it.]"
        ]
    );
    let lines = about(&made("crowd.acme.com", false, 2090).0);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with(
            "2:12 The certificate of `CN=crowd.acme.com` in DIR/ca.pem is not that of a certificate authority"
        ),
        "{lines:?}"
    );
}

#[test]
fn where_secrets_are_not_at_hand_the_file_is_not_read() {
    let house = House::new();
    std::fs::write(house.path("acme.yaml"), with("tls: { ca: absent.pem }")).unwrap();
    let checked = crate::config::check_connector_without_secrets(&house.path("acme.yaml"));
    assert_eq!(checked.value.unwrap().source.authorities, Some(house.path("absent.pem")));
}

#[test]
fn the_sentence_for_a_run_has_the_advice_in_it() {
    let error = read_authorities("/nonexistent/ca.pem".as_ref()).unwrap_err();
    assert_eq!(
        error,
        "The file of certificate authorities /nonexistent/ca.pem (`tls.ca`) does not exist. Nothing was read or changed. \
         Check the path, or write the file."
    );
}
