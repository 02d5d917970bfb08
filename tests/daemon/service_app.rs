//! A connector that signs in as a service app: from `check` to a key that is replaced while the daemon runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sandbox::okta::{KeyKind, KeyPair, ServiceApp};
use serde_json::json;

use crate::harness::Site;

const CLIENT: &str = "0oa1service";

/// Registers a key of the app in the org, alone, and puts it where the connector says.
fn give_key(site: &Site, pair: &KeyPair) {
    site.okta.add_service_app(ServiceApp { dpop: true, ..ServiceApp::new(CLIENT, pair.public_key()) });
    fs::write(site.path("key"), pair.private_pem()).unwrap();
    fs::set_permissions(site.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_service_app_is_checked_signs_in_and_gets_another_key_while_the_daemon_runs() {
    let site = Site::empty();
    site.add(["anna", "ben"]);
    let first = KeyPair::generate(KeyKind::P256);
    give_key(&site, &first);
    let connector = |key: &str| {
        format!(
            "source:\n  okta:\n    url: {}\n    auth:\n      service_app:\n        client_id: {CLIENT}\n        private_key: {{ file: {} }}\n",
            site.okta.url(),
            site.path(key).display()
        )
    };
    fs::write(site.path("public"), first.public_pem()).unwrap();
    site.write("acme", &connector("public"));
    let (code, _, messages) = site.check(&[]);
    assert_eq!(code, 3, "{messages}");
    assert!(messages.contains("cannot be used: it is a public key."), "{messages}");
    assert!(messages.contains("acme.yaml:7:"), "{messages}");

    site.write("acme", &connector("key"));
    let (code, text, messages) = site.check(&["--online"]);
    assert_eq!((code, messages.contains("warning")), (0, false), "{messages}");
    for line in
        ["as        service app 0oa1service", "scopes    okta.groups.read, okta.orgs.read, okta.users.read"]
    {
        assert!(text.contains(line), "{line:?} in:\n{text}");
    }

    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert_eq!(daemon.accounts()["anna@example.com"]["active"], json!(true));
    site.okta.reset_counts();
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert_eq!(site.okta.requests().oauth.token_requests, 0, "the token is kept between runs");

    let second = KeyPair::generate(KeyKind::Rsa2048);
    give_key(&site, &second);
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    let oauth = site.okta.requests().oauth;
    assert_eq!((oauth.issued, oauth.replays()), (1, 0), "the new key signs in: {oauth:?}");
    let log = daemon.log();
    assert!(log.contains("proof with every request of this service app (DPoP)"), "{log}");
    for secret in [first.private_pem(), second.private_pem()] {
        let line = secret.lines().nth(1).unwrap();
        assert!(!log.contains(line), "the key is in the log");
    }
    assert!(!log.contains("eyJ"), "a token is in the log");
}
