//! `source.okta.auth.service_app`.

use super::*;
use crate::config::model::{Algorithm, Auth, SecretRef, ServiceApp};
use crate::source::okta::keys::pem;

fn app(contents: &str) -> ServiceApp {
    match valid(contents).source.auth {
        Auth::ServiceApp(app) => app,
        Auth::ApiToken(token) => panic!("{token:?}"),
    }
}

#[test]
fn the_least_is_a_client_id_and_a_key() {
    let expected = ServiceApp {
        client_id: "0oa1".to_owned(),
        private_key: SecretRef::Credential("okta-key".to_owned()),
        key_id: None,
        algorithm: None,
        scopes: ["okta.groups.read", "okta.orgs.read", "okta.users.read"].map(str::to_owned).into(),
    };
    assert_eq!(app(&with_app("")), expected);
    let with_application = with_app("").replace("    auth:", "    app: 0oa1gjh63g214q0Hq0g4\n    auth:");
    assert!(app(&with_application).scopes.contains(&"okta.apps.read".to_owned()));
    for (from, reads_log) in [("system_log", true), ("lists", false)] {
        let incremental = format!(
            "{}\nschedule: {{ cron: '@daily', incremental: {{ from: {from} }} }}\n",
            with_app("").trim_end()
        );
        let scopes = app(&incremental).scopes;
        assert_eq!(scopes.contains(&"okta.logs.read".to_owned()), reads_log, "{from}: {scopes:?}");
    }
}

#[test]
fn what_may_be_said_beside_is_read() {
    let all = app(&with_app(
        "key_id: 2026, algorithm: ES256, scopes: [okta.users.read, okta.roles.read, okta.groups.read, okta.users.read]",
    ));
    assert_eq!((all.key_id.as_deref(), all.algorithm), (Some("2026"), Some(Algorithm::Es256)));
    assert_eq!(all.scopes, ["okta.groups.read", "okta.roles.read", "okta.users.read"], "sorted, each once");
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    const GRANT: &str = "[Add it, or remove `scopes` for the default, and grant the app in Okta the same.]";
    let cases = [
        ("unknown: 1", "5:78 `unknown` is not a key that is known under `source.okta.auth.service_app`. [Known under `source.okta.auth.service_app`: `client_id`, `private_key`, `key_id`, `algorithm` or `scopes`.]".to_owned()),
        ("client_id: 0oa2", "5:78 The key `client_id` is given twice on line 5. [Keep one of them: it is not said which one counts.]".to_owned()),
        ("algorithm: HS256", "5:89 `source.okta.auth.service_app.algorithm` must be `RS256`, `RS384`, `RS512`, `ES256`, `ES384` or `ES512`, but it is `HS256`. [Did you mean `RS256`?]".to_owned()),
        ("algorithm: none", "5:89 `source.okta.auth.service_app.algorithm` must be `RS256`, `RS384`, `RS512`, `ES256`, `ES384` or `ES512`, but it is `none`.".to_owned()),
        ("algorithm: RS256", "5:66 The private key in the credential `okta-key` cannot be used: it signs as ES256 and not as RS256. [Leave `algorithm` out: the curve of the key says which it is.]".to_owned()),
        ("key_id: a b", "5:86 `a b` is not the id of a key. [Write the id (`kid`) that Okta shows beside the app's public key, or remove `key_id`.]".to_owned()),
        ("key_id: ''", "5:86 The id of the key is empty. [Write the id (`kid`) that Okta shows beside the app's public key, or remove `key_id`.]".to_owned()),
        ("scopes: []", "5:86 `source.okta.auth.service_app.scopes` is empty: without any scope nothing can be read. [Remove the key for the default, or name what is meant.]".to_owned()),
        ("scopes: [okta.users.read, okta.orgs.read]", format!("5:78 Without okta.groups.read every run would fail: `source.okta.auth.service_app.scopes` leaves that out. {GRANT}")),
        ("scopes: [okta.orgs.read]", format!("5:78 Without okta.users.read and okta.groups.read every run would fail: `source.okta.auth.service_app.scopes` leaves that out. {GRANT}")),
        ("scopes: [okta.users.read, okta.groups.read, okta.users.manage]", "5:122 `okta.users.manage` would let the daemon change Okta, which it never does. [Write `okta.users.read`, and grant the app no more than that.]".to_owned()),
        ("scopes: [okta.users.read, okta.groups.read, openid]", "5:122 `openid` is not a scope of Okta's API for reading. [Write scopes such as `okta.users.read`.]".to_owned()),
        ("scopes: [okta.users.read, okta.groups.read, okta..read]", "5:122 `okta..read` is not a scope of Okta's API for reading. [Write scopes such as `okta.users.read`.]".to_owned()),
    ];
    for (more, expected) in cases {
        assert_eq!(refused(&with_app(more)), expected, "{more}");
    }
    let spaces = with_app("scopes: ['okta.users.read okta.groups.read']");
    assert!(errors(&spaces).iter().any(|error| error.contains("[Write each scope as an item of its own.]")));
}

#[test]
fn a_client_id_and_a_key_are_needed() {
    let refused = |app: &str| {
        refused(&format!(
            "source: {{ okta: {{ domain: acme.okta.com, auth: {{ service_app: {{ {app} }} }} }} }}"
        ))
    };
    let key = "private_key: { credential: okta-key }";
    for (app, expected) in [
        (key.to_owned(), "1:50 `source.okta.auth.service_app` needs the key `client_id`, which is missing."),
        (
            "client_id: 0oa1".to_owned(),
            "1:50 `source.okta.auth.service_app` needs the key `private_key`, which is missing.",
        ),
        (format!("client_id: '', {key}"), "1:76 The client id is empty."),
        (format!("client_id: 'a b', {key}"), "1:76 `a b` is not a client id."),
        (
            format!("client_id: 'https://acme.okta.com/x', {key}"),
            "1:76 `https://acme.okta.com/***` is not a client id.",
        ),
        (
            "client_id: 0oa1, private_key: { credential: absent }".to_owned(),
            "1:109 The credential `absent` is not in ",
        ),
        (
            "client_id: 0oa1, private_key: { credential: okta-token }".to_owned(),
            "1:109 The private key in the credential `okta-token` cannot be used: it is neither PEM nor a JSON Web Key.",
        ),
    ] {
        let error = refused(&app);
        assert!(error.starts_with(expected), "{error}");
    }
    let both = "source: { okta: { domain: acme.okta.com, auth: { api_token: { credential: okta-token }, service_app: { client_id: 0oa1, private_key: { credential: okta-key } } } } }";
    assert_eq!(
        super::refused(both),
        "1:89 `source.okta.auth` has both `api_token` and `service_app`, but takes one only. [Keep one of them.]"
    );
}

#[test]
fn a_key_that_cannot_be_used_is_refused_where_its_place_is_named_and_never_shown() {
    let house = House::new();
    let contents = with_app("").replace("credential: okta-key", "file: key");
    let refusal = |text: &str| {
        std::fs::write(house.path("key"), text).unwrap();
        let checked = house.check(&contents);
        assert!(checked.value.is_none());
        let shown = format!("{:?}", checked.diagnostics);
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
        let [error] = &lines(checked.diagnostics.iter())[..] else { panic!("{shown}") };
        error.clone()
    };
    let at = |why: &str| {
        format!("5:60 The private key in the file {} cannot be used: {why}", house.path("key").display())
    };
    let encrypted = refusal(&pem("ENCRYPTED PRIVATE KEY", b"secret"));
    assert!(encrypted.starts_with(&at("it is encrypted with a passphrase")), "{encrypted}");
    let damaged = refusal(&pem("RSA PRIVATE KEY", b"secret"));
    assert!(damaged.starts_with(&at("it is a damaged RSA key.")), "{damaged}");
}

#[test]
fn no_key_is_read_where_secrets_are_not_at_hand() {
    let house = House::new();
    std::fs::write(house.path("acme.yaml"), with_app("").replace("okta-key", "absent")).unwrap();
    let checked = super::super::check_connector_without_secrets(&house.path("acme.yaml"));
    assert!(checked.value.is_some(), "{:?}", checked.diagnostics);
}

#[test]
fn a_service_app_does_not_lapse_between_rare_runs() {
    let rare = "schedule: { cron: \"0 0 1 1 *\" }";
    assert_eq!(warnings(&with(rare)).len(), 1);
    assert_eq!(warnings(&format!("{}{rare}", with_app(""))), [""; 0]);
}
