//! `notify`, in both kinds of file.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::config::check_settings_in;
use crate::config::model::{
    CommandSettings, ConnectorNotify, Event, NotifySettings, SecretRef, Settings, WebhookSettings,
};

fn settings_in(house: &House, contents: &str) -> Checked<Settings> {
    let path = house.path("usersyncd.yaml");
    std::fs::write(&path, contents).unwrap();
    check_settings_in(&path, true, Some(&|variable| house.environment(variable)))
}

/// What the daemon is told, and the warnings.
fn settings(contents: &str) -> (NotifySettings, Vec<String>) {
    let checked = settings_in(&House::new(), contents);
    let settings = checked.value.unwrap_or_else(|| panic!("{contents}\n{:#?}", checked.diagnostics));
    (settings.notify, lines(checked.diagnostics.iter()))
}

fn credential(name: &str) -> SecretRef {
    SecretRef::Credential(name.to_owned())
}

fn webhook() -> WebhookSettings {
    WebhookSettings { url: credential("notify-url"), key: None, timeout: Duration::from_secs(10) }
}

#[test]
fn nothing_is_asked_for_where_nothing_is_written() {
    assert_eq!(settings("notify: {}"), (NotifySettings::default(), vec![]));
    let all = BTreeSet::from([Event::Failed, Event::Held, Event::Recovered, Event::FirstSuccess]);
    assert_eq!(NotifySettings::default(), NotifySettings { on: all, webhook: None, command: None });
    assert_eq!(valid(&with("notify: {}")).notify, ConnectorNotify::default());
}

#[test]
fn all_that_the_settings_may_say() {
    let (notify, warnings) = settings(
        "notify:\n  on: [recovered, held, held]\n  webhook:\n    url: { credential: notify-url }\n    key: { credential: notify-key }\n    timeout: 1m\n  \
         command: [/bin/cat, '', 5, no, \"--who\"]\n  command_timeout: 90s\n",
    );
    let arguments = ["", "5", "no", "--who"].map(str::to_owned).to_vec();
    let expected = NotifySettings {
        on: BTreeSet::from([Event::Held, Event::Recovered]),
        webhook: Some(WebhookSettings {
            key: Some(credential("notify-key")),
            timeout: Duration::from_secs(60),
            ..webhook()
        }),
        command: Some(CommandSettings {
            program: "/bin/cat".into(),
            arguments,
            timeout: Duration::from_secs(90),
        }),
    };
    assert_eq!((notify, warnings), (expected, vec![]));
    let (least, _) = settings("notify: { command: [/bin/cat] }");
    assert_eq!(least.command.unwrap().timeout, Duration::from_secs(30));
}

#[test]
fn all_that_a_connector_may_say() {
    let house = House::new();
    let checked =
        house.check(with("notify: { on: [failed], webhook: { url: { file: notify-url }, timeout: 10s } }"));
    let expected = ConnectorNotify {
        on: Some(BTreeSet::from([Event::Failed])),
        webhook: Some(WebhookSettings { url: SecretRef::File(house.path("notify-url")), ..webhook() }),
    };
    assert_eq!(checked.value.unwrap().notify, expected);
    let nothing = valid(&with("notify: { on: [] }")).notify;
    assert_eq!(nothing, ConnectorNotify { on: Some(BTreeSet::new()), webhook: None });
}

#[test]
fn mistakes_that_both_files_can_have() {
    for (section, expected) in [
        (
            "{ on: [failed, success] }",
            "2:24 `notify.on` must be `failed`, `held`, `recovered` or `first_success`, but it is `success`.",
        ),
        (
            "{ on: [first-success] }",
            "2:16 `notify.on` must be `failed`, `held`, `recovered` or `first_success`, but it is `first-success`. [Did you mean `first_success`?]",
        ),
        ("{ on: held }", "2:15 `notify.on` must be a list, but it is `held`. [Write [\"held\"].]"),
        (
            "{ webhook: { key: { credential: notify-key } } }",
            "2:11 `notify.webhook` needs the key `url`, which is missing. [Write `url: { credential: NAME }`: the address is a secret.]",
        ),
        (
            "{ webhook: { url: { credential: notify-url }, timeout: 0s } }",
            "2:64 `0s` is too short a time. [Write a duration from `1s` to `1m`.]",
        ),
        (
            "{ webhook: { url: { credential: notify-url }, timeout: 61s } }",
            "2:64 `61s` is too long a time. [Write a duration from `1s` to `1m`.]",
        ),
        (
            "{ webhook: { url: { credential: notify-url, env: X } } }",
            "2:53 `notify.webhook.url` has both `credential` and `env`, but takes one only. [Keep one of them.]",
        ),
        (
            "{ webhok: { url: { credential: notify-url } } }",
            "2:11 `webhok` is not a key that is known under `notify`. [Did you mean `webhook`?]",
        ),
    ] {
        let contents = format!("notify: {section}");
        assert_eq!(errors(with(&contents)), [expected], "{contents}");
        let checked = settings_in(&House::new(), &format!("log: {{}}\n{contents}"));
        assert!(checked.value.is_none());
        assert_eq!(lines(checked.diagnostics.iter()), [expected], "{contents}");
    }
}

#[test]
fn a_connector_runs_no_program() {
    for (line, key) in [
        ("command: [/bin/cat]", "command"),
        ("command_timeout: 5s", "command_timeout"),
        ("command:", "command"),
    ] {
        assert_eq!(
            refused(&with(&format!("notify:\n  {line}"))),
            format!(
                "3:3 `notify.{key}` does not belong into this file. [Move it to `notify` in usersyncd.yaml: only there it is said which programs the daemon runs.]"
            )
        );
    }
    assert_eq!(
        refused(&with("notify: { comand: [/bin/cat] }")),
        "2:11 `comand` is not a key that is known under `notify`. [Did you mean `command`?]"
    );
    assert_eq!(
        refused(&with("notify: { run: [/bin/cat] }")),
        "2:11 `run` is not a key that is known under `notify`. [Known under `notify`: `on` or `webhook`.]"
    );
}

#[test]
fn commands_that_cannot_be() {
    for (line, expected) in [
        (
            "command: []",
            "2:12 `notify.command` is empty: there is no program to run. [Remove the key for the default, or name what is meant.]",
        ),
        (
            "command: [tell, me]",
            "2:13 The program is named without its whole path. [Write the absolute path, as in [/usr/local/bin/tell, \"--who\", ops]; no shell looks for it.]",
        ),
        (
            "command: /bin/cat",
            "2:12 `notify.command` must be a list, but it is `/bin/cat`. [Write [\"/bin/cat\"].]",
        ),
        (
            "command: [/bin/cat, [a]]",
            "2:23 Each item of `notify.command` must be a text such as \"--verbose\", but this is a list. [Text that begins with `{` or `[`, or that contains `: `, needs quotes.]",
        ),
        ("command: [/bin/cat, \"a\\0\"]", "2:23 An argument cannot contain a null character. [Remove it.]"),
        ("command_timeout: 2h", "2:20 `2h` is too long a time. [Write a duration from `1s` to `1h`.]"),
    ] {
        let checked = settings_in(&House::new(), &format!("notify:\n  {line}"));
        assert!(checked.value.is_none(), "{line}");
        assert_eq!(lines(checked.diagnostics.iter()), [expected], "{line}");
    }
}

#[test]
fn what_is_missing_outside_of_the_file_is_a_warning() {
    let house = House::new();
    std::fs::write(house.path("plain"), "not a program").unwrap();
    let plain = house.path("plain");
    for (contents, expected) in [
        (
            "notify: { command: [/nonexistent/tell] }".to_owned(),
            "1:21 `/nonexistent/tell` does not exist, so nobody is told by it.",
        ),
        ("notify: { command: [/bin] }".to_owned(), "1:21 `/bin` is not a file, so nobody is told by it."),
        (
            format!("notify: {{ command: [{}] }}", plain.display()),
            "is not executable, so nobody is told by it.",
        ),
        (
            "notify: { webhook: { url: { credential: other } } }".to_owned(),
            "1:41 The credential `other` is not in ",
        ),
        (
            "notify: { webhook: { url: { credential: notify-url }, key: { env: NOBODY } } }".to_owned(),
            "1:67 The environment variable `NOBODY` is not set.",
        ),
        (
            "notify: { webhook: { url: { credential: notify-key } } }".to_owned(),
            "1:41 The webhook's address (credential `notify-key`) is not a URL. [Write an address that begins with https:// into it;",
        ),
    ] {
        let checked = settings_in(&house, &contents);
        assert!(checked.value.is_some(), "{contents}");
        let [warning] = &lines(checked.diagnostics.iter())[..] else { panic!("{:?}", checked.diagnostics) };
        assert!(warning.contains(expected), "{warning}");
        if contents.contains("command") {
            continue;
        }
        let warned = warnings(&with(&contents));
        assert!(warned.len() == 1 && warned[0].contains(&expected["1:41 ".len()..]), "{warned:?}");
    }
    let unread = crate::config::check_connector_without_secrets(&{
        std::fs::write(house.path("acme.yaml"), with("notify: { webhook: { url: { credential: other } } }"))
            .unwrap();
        house.path("acme.yaml")
    });
    assert_eq!((unread.value.is_some(), unread.diagnostics), (true, vec![]));
}

#[test]
fn addresses_are_https_or_of_this_host() {
    let house = House::new();
    let url = SecretRef::File(house.path("notify-url"));
    let webhook = WebhookSettings { url, ..webhook() };
    for address in [
        "https://hooks.example.com/canary?token=canary",
        "https://me:canary@hooks.example.com:8443/",
        "http://127.0.0.1:8080/canary",
        "http://127.9.9.9/canary",
        "http://[::1]:1/",
    ] {
        std::fs::write(house.path("notify-url"), address).unwrap();
        assert_eq!(webhook.address().unwrap().as_str(), address);
    }
    for (address, reason) in [
        ("http://hooks.example.com/canary", "is plain http"),
        ("http://localhost/canary", "is plain http"),
        ("http://10.0.0.1/canary", "is plain http"),
        ("ftp://hooks.example.com/canary", "does not begin with https://"),
        ("hooks.example.com/canary", "is not a URL"),
        ("mailto:canary@example.com", "names no host"),
        ("https://", "is not a URL"),
    ] {
        // A replaced file counts at once.
        std::fs::write(house.path("notify-url"), address).unwrap();
        let error = webhook.address().unwrap_err();
        assert!(error.contains(reason) && error.contains("notify-url"), "{error}");
        assert!(!error.contains("canary") && !error.contains("example"), "{error}");
    }
}

/// Law 7: neither of the two is shown, whatever else is wrong with the file.
#[test]
fn an_address_or_a_key_that_stands_in_the_file_is_not_shown() {
    for section in [
        "{ webhook: https://hooks.example.com/canary }",
        "{ webhook: [https://hooks.example.com/canary] }",
        "{ webhook: { url: https://hooks.example.com/canary, tiemout: 1s } }",
        "{ webhook: { key: canary, tiemout: 1s } }",
        "{ webhook: { url: { canary: }, tiemout: 1s } }",
        "{ webhook: { url: [canary], key: { value: canary } } }",
        "{ webhok: { url: https://hooks.example.com/canary } }",
        "{ webhook: { url: { file: https://hooks.example.com/canary/00QCjAl4MlV-WPXMaaaaaaaaaaaaaaaaaaaaaaaaaa } } }",
        "{ webhook: { url: https://hooks.example.com/canary: x } }",
        "{ on: [https://hooks.example.com/canary] }",
    ] {
        let contents = format!("notify: {section}");
        for diagnostics in
            [check(with(&contents)).diagnostics, settings_in(&House::new(), &contents).diagnostics]
        {
            assert!(diagnostics.iter().any(Diagnostic::is_error), "{section}");
            for diagnostic in diagnostics {
                let shown = diagnostic.render(false);
                assert!(!shown.contains("canary"), "{section}: {shown}");
            }
        }
    }
}
