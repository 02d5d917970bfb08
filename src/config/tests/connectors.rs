//! What is accepted, what is warned about, and what is never shown.

use super::*;
use crate::config::model::{Auth, SecretRef};
use crate::sync::rules::Rules;

#[test]
fn defaults_may_be_written() {
    let connector = valid(&with(
        "scope: { required_groups: [], users: {} }
mapping:
  username: '{{ profile.login | lower }}'
  display_name: >-
    {{ profile.displayName
    or profile.firstName ~ ' ' ~ profile.lastName }}
  attributes: {}
groups: { rename: [], unmatched: keep, always: [] }
existing: { users: skip, groups: skip }
leavers: { users: disable, groups: empty, memberships: keep, grace: { absent: 0s, deactivated: 0m } }
inactive: off
tls: {}
notify: {}
target:
  directory:
",
    ));
    assert_eq!(connector.rules, Rules::default());
    valid(&with_okta("users: {}"));
}

#[test]
fn every_spelling_of_a_switch_is_understood() {
    for (text, expected) in [
        ("on", true),
        ("yes", true),
        ("True", true),
        ("'on'", true),
        ("off", false),
        ("no", false),
        ("FALSE", false),
    ] {
        assert_eq!(valid(&with(&format!("apply: {text}"))).apply, expected, "{text}");
        let source = valid(&with_okta(&format!("skinny_users: {text}"))).source;
        assert_eq!(source.skinny_users, expected, "{text}");
    }
}

#[test]
fn names_that_look_like_numbers_stay_as_they_were_written() {
    let connector = valid(&with("groups: { include: [007, 1.10, 1e3, true, 'null', 0x1F] }"));
    assert_eq!(connector.rules.groups.include.patterns(), ["007", "1.10", "1e3", "true", "null", "0x1F"]);
}

#[test]
fn line_ends_and_byte_order_marks_of_other_systems_do_no_harm() {
    let contents = format!("\u{feff}{}", with("apply: off\nunknown: 1\n").replace('\n', "\r\n"));
    assert_eq!(errors(&contents).len(), 1);
    assert!(errors(&contents)[0].starts_with("3:1 `unknown` "));
    assert!(!valid(&contents.replace("unknown: 1", "")).apply);
}

#[test]
fn an_org_is_named_by_its_domain_or_by_its_url() {
    let origin = |address: &str| {
        valid(&format!("source: {{ okta: {{ {address}, auth: {{ api_token: {{ env: OKTA_TOKEN }} }} }} }}"))
            .source
            .origin
            .to_string()
    };
    assert_eq!(origin("domain: Acme.Okta.com"), "https://acme.okta.com/");
    assert_eq!(origin("domain: login.acme.example"), "https://login.acme.example/");
    assert_eq!(origin("domain: my-admin.acme.example"), "https://my-admin.acme.example/");
    assert_eq!(origin("url: 'https://login.acme.example:8443/'"), "https://login.acme.example:8443/");
    assert_eq!(origin("url: 'http://127.8.9.1:8080'"), "http://127.8.9.1:8080/");
    assert_eq!(origin("url: 'http://[::1]:8080'"), "http://[::1]:8080/");
}

#[test]
fn an_address_that_cannot_be_is_refused_with_advice() {
    let refusal = |address: &str| {
        let contents = format!(
            "source:\n  okta:\n    {address}\n    auth:\n      api_token: {{ credential: okta-token }}\n"
        );
        let errors = errors(contents);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].split_once(' ').unwrap().1.to_owned()
    };
    for (address, expected) in [
        (
            "domain: https://acme.okta.com/",
            "The domain is written without `https://`. [Write `acme.okta.com`.]",
        ),
        (
            "domain: https://acme-admin.okta.com/admin",
            "The domain is written without `https://`. [Write `acme.okta.com`.]",
        ),
        ("domain: acme.okta.com/app", "The domain is written without a path. [Write `acme.okta.com`.]"),
        (
            "domain: acme-admin.okta.com",
            "`acme-admin.okta.com` is the administration console, not the org. [Write `acme.okta.com`.]",
        ),
        (
            "domain: acme-admin.oktapreview.com",
            "`acme-admin.oktapreview.com` is the administration console, not the org. [Write `acme.oktapreview.com`.]",
        ),
        ("domain: acme", "`acme` is not a domain. [Write the host name alone, as in `your-org.okta.com`.]"),
        (
            "domain: acme okta.com",
            "`acme okta.com` is not a domain. [Write the host name alone, as in `your-org.okta.com`.]",
        ),
        (
            "domain: joe@acme.okta.com",
            "The domain holds no user name and no password. [Write the host name alone, as in `your-org.okta.com`.]",
        ),
        (
            "domain: 127.0.0.1",
            "The domain is a name, not an address. [Write `url: http://127.0.0.1:PORT` instead of `domain` for a server on this host.]",
        ),
        (
            "domain: acme.okta.com:8443",
            "The domain is written without a port. [Write `url: https://HOST:PORT` instead of `domain` if Okta is behind a port of its own.]",
        ),
        (
            "url: http://acme.okta.com",
            "Plain http would show the token to the network. [Write `https://`; plain http is accepted for loopback addresses (127.0.0.0/8, ::1) only.]",
        ),
        (
            "url: http://localhost:8080",
            "Plain http would show the token to the network. [Write the address of this host instead of its name: `127.0.0.1` or `[::1]`.]",
        ),
        (
            "url: http://10.0.0.1",
            "Plain http would show the token to the network. [Write `https://`; plain http is accepted for loopback addresses (127.0.0.0/8, ::1) only.]",
        ),
        (
            "url: ftp://acme.okta.com",
            "The URL must begin with `https://`. [Write scheme, host and port alone, as in `https://login.example.com` or `http://127.0.0.1:8080`.]",
        ),
        (
            "url: acme.okta.com",
            "This is not a URL. [Write scheme, host and port alone, as in `https://login.example.com` or `http://127.0.0.1:8080`.]",
        ),
        (
            "url: https://acme-admin.okta.com",
            "`acme-admin.okta.com` is the administration console, not the org. [Write `acme.okta.com`.]",
        ),
    ] {
        assert_eq!(refusal(address), expected, "{address}");
    }
    for address in ["https://a.example/b", "https://a.example?b", "https://a.example#b"] {
        assert!(refusal(&format!("url: {address}")).starts_with("The URL must not hold a path"), "{address}");
    }
    let with_password = refusal("url: https://joe:hunter2@a.example");
    assert!(with_password.starts_with("The URL must not hold a user name or a password."), "{with_password}");
}

#[test]
fn the_place_of_the_token_is_read_when_the_file_is_checked() {
    let house = House::new();
    std::fs::write(house.path("token"), TOKEN).unwrap();
    let token = |place: &str| {
        let checked = house.check(format!(
            "source:\n  okta:\n    domain: acme.okta.com\n    auth:\n      api_token: {{ {place} }}\n"
        ));
        let messages = lines(checked.diagnostics.iter());
        checked.value.map(|connector| connector.source.auth).ok_or(messages)
    };
    assert_eq!(token("file: token"), Ok(Auth::ApiToken(SecretRef::File(house.path("token")))));
    let variable = SecretRef::Environment("OKTA_TOKEN".to_owned());
    assert_eq!(token("env: OKTA_TOKEN"), Ok(Auth::ApiToken(variable)));
    for (place, expected) in [
        ("credential: other", "5:32 The credential `other` is not in "),
        ("credential: ../okta-token", "5:32 `../okta-token` is not the name of a credential."),
        ("credential: ..", "5:32 `..` is not the name of a credential."),
        ("file: absent", "5:26 The secret file "),
        ("file: .", "5:26 The secret file "),
        ("file: ~/token", "5:26 `~/token` begins with `~`"),
        ("env: ABSENT", "5:25 The environment variable `ABSENT` is not set."),
        ("env: 7-UP", "5:25 `7-UP` is not the name of an environment variable."),
    ] {
        let messages = token(place).unwrap_err();
        assert!(messages.len() == 1 && messages[0].starts_with(expected), "{place}: {messages:?}");
    }
}

#[test]
fn a_token_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    std::fs::write(house.path("token"), TOKEN).unwrap();
    std::fs::set_permissions(house.path("token"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let checked =
        house.check("source: { okta: { domain: acme.okta.com, auth: { api_token: { file: token } } } }");
    assert!(checked.value.is_some());
    let [warning] = checked.diagnostics.as_slice() else { panic!("{:?}", checked.diagnostics) };
    assert!(!warning.is_error());
    assert_eq!((warning.line, warning.column), (1, 69));
    assert!(warning.message.contains("(its mode is 0640)"), "{warning}");
}

/// Wherever somebody may put a token by mistake, and whatever else is wrong near it.
#[test]
fn a_token_in_the_file_is_never_shown() {
    let places = [
        "api_token: TOKEN",
        "api_token: 'TOKEN'",
        "api_token: { TOKEN }",
        "api_token: [TOKEN]",
        "api_token: { value: TOKEN }",
        "api_token: { credential: TOKEN }",
        "api_token: { file: TOKEN }",
        "api_token: { file: /etc/TOKEN }",
        "api_token: { env: TOKEN }",
        "api_token: { credential: okta-token, value: TOKEN }",
        "api_tokn: TOKEN",
        "api_token: |\n        TOKEN",
        "api_token: TOKEN\n      api_token: TOKEN",
        "api_token: TOKEN\n       bad: indentation",
        "api_token: \"TOKEN",
        "api_token: &TOKEN x",
        "api_token: *TOKEN",
        "api_token: !TOKEN x",
        "TOKEN: x",
        "service_app: { private_key: TOKEN }",
        "service_app: { client_id: x, private_key: { credential: okta-key, value: TOKEN } }",
        "service_app: { client_id: x, private_key: |\n        TOKEN }",
        "service_app: { secret: TOKEN }",
        "service_app: { scopes: { x: TOKEN } }",
        "service_app: TOKEN",
    ];
    for place in places {
        for (secret, hidden) in [(TOKEN, "MlV"), ("hunter2", "hunter2")] {
            // A short secret cannot be told from a name, so it is hidden only where a secret belongs.
            let is_name =
                ["credential", "file", "env"].iter().any(|key| place.contains(&format!("{key}: TOKEN")))
                    || ["file: /etc", "&TOKEN", "*TOKEN", "!TOKEN", "\nTOKEN: x"]
                        .iter()
                        .any(|part| place.contains(part))
                    || place.starts_with("TOKEN");
            if secret == "hunter2" && is_name {
                continue;
            }
            let contents = format!(
                "source:\n  okta:\n    domain: acme.okta.com\n    auth:\n      {}\n    unknown: 1\n",
                place.replace("TOKEN", secret)
            );
            let diagnostics = check(&contents).diagnostics;
            assert!(!diagnostics.is_empty(), "{contents}");
            for diagnostic in diagnostics {
                let shown =
                    format!("{}{}", diagnostic.render(true), serde_json::to_string(&diagnostic).unwrap());
                assert!(!shown.contains(hidden), "{contents}\n{diagnostic}");
            }
        }
    }
    let advice = errors(with_okta("x: 1").replace("{ credential: okta-token }", TOKEN));
    assert!(
        advice[0].contains("Write `{ credential: NAME }`, `{ file: /path }` or `{ env: NAME }`."),
        "{advice:?}"
    );
}

#[test]
fn what_may_surprise_is_a_warning() {
    assert_eq!(
        warnings(&with(
            "scope: { users: { exclude: [a] }, statuses: [ACTIVE, DEPROVISIONED] }\nschedule: { cron: '@monthly' }"
        )),
        [
            "2:19 Users who match `scope.users.exclude` and are managed already become leavers: `leavers.users` says what \
             happens to their accounts. [To leave accounts of the target alone, name them under `protected.users` instead.]",
            "2:54 With `DEPROVISIONED` in scope, people whom Okta deactivated keep their accounts in the target. [Remove it \
             unless that is meant.]",
            "3:19 Up to 31 days pass between two runs, and Okta drops an API token that was not used for 30 days. [Run at \
             least every four weeks, unless something else uses the token.]",
        ]
    );
    for harmless in [
        "scope: { users: { include: [a], exclude: [] } }\nschedule: { cron: '@weekly' }",
        "schedule: { cron: '@monthly', incremental: 1h }",
    ] {
        assert_eq!(warnings(&with(harmless)), [""; 0], "{harmless}");
    }
}

#[test]
fn all_errors_are_shown_in_the_order_of_the_file() {
    let contents = with(
        "target: { x: 1, directory: 1 }\nlimits: { leavers: x }\nschedule: { cron: x, timezone: x }\nsource: {}\n",
    );
    let diagnostics = check(&contents).diagnostics;
    let places: Vec<_> = diagnostics.iter().map(|diagnostic| (diagnostic.line, diagnostic.column)).collect();
    assert_eq!(places, [(2, 11), (2, 28), (3, 20), (4, 19), (4, 32), (5, 1)]);
}

#[test]
fn an_error_behind_a_thousand_warnings_still_counts() {
    let statuses = "DEPROVISIONED, ".repeat(1_500);
    let valid = check(with(&format!("scope: {{ statuses: [{statuses}] }}")));
    assert!(valid.value.is_some() && !valid.diagnostics.iter().any(Diagnostic::is_error));
    assert_eq!(valid.diagnostics.last().unwrap().message, "There are 1400 more; the first 100 are shown.");
    let broken = check(with(&format!("scope: {{ statuses: [{statuses}], users: {{ include: ['[a'] }} }}")));
    assert!(broken.value.is_none() && broken.diagnostics.last().unwrap().is_error());
}

#[test]
fn more_errors_than_anybody_reads_are_counted() {
    let mut contents = with("");
    for number in 0..150 {
        contents.push_str(&format!("key{number}: 1\n"));
    }
    let checked = check(&contents);
    assert!(checked.value.is_none());
    assert_eq!(checked.diagnostics.len(), 101);
    assert_eq!(checked.diagnostics[100].message, "There are 50 more; the first 100 are shown.");
}
