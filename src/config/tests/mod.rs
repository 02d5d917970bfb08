//! The whole way from files to types and diagnostics.

mod connectors;
mod examples;
mod files;
mod leavers;
mod mistakes;
mod notify;
mod properties;
mod rules;
mod schema;
mod service_app;
mod settings;
mod targets;
mod tls;

use std::ffi::OsString;
use std::path::PathBuf;

use super::diagnostic::{Checked, Diagnostic};
use super::model::Connector;
use crate::source::okta::keys::Key;
use crate::sync::rules::Rules;

/// A token that never may appear in a diagnostic.
const TOKEN: &str = "00QCjAl4MlV-WPXMaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A scratch directory with a connector file and its credentials: `okta-token`, the key `okta-key` (P-256), and others.
struct House {
    directory: tempfile::TempDir,
    key: String,
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = Key::of("ES256").pem();
        for (name, secret) in [
            ("okta-token", TOKEN),
            ("okta-key", &key),
            ("notify-url", "https://hooks.example.com/canary"),
            ("notify-key", "canary-key"),
            ("app-token", "s3cret"),
            ("atlassian-key", "s3cret"),
            ("crowd-password", "s3cret"),
            ("jira-token", "s3cret"),
            ("confluence-token", "s3cret"),
            ("bitbucket-password", "s3cret"),
            ("acme-ca.pem", &tls::AUTHORITY),
        ] {
            std::fs::write(directory.path().join(name), secret).unwrap();
        }
        Self { directory, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn environment(&self, name: &str) -> Option<OsString> {
        match name {
            "CREDENTIALS_DIRECTORY" => Some(self.directory.path().as_os_str().to_owned()),
            "OKTA_TOKEN" => Some(OsString::from(TOKEN)),
            "OKTA_KEY" => Some(OsString::from(&self.key)),
            "NOTIFY_URL" => Some(OsString::from("https://hooks.example.com/canary")),
            _ => None,
        }
    }

    fn check(&self, contents: impl AsRef<[u8]>) -> Checked<Connector> {
        let path = self.path("acme.yaml");
        std::fs::write(&path, contents).unwrap();
        self.check_at("acme.yaml")
    }

    fn check_at(&self, name: &str) -> Checked<Connector> {
        super::check_connector_in(&self.path(name), Some(&|variable| self.environment(variable)))
    }
}

fn check(contents: impl AsRef<[u8]>) -> Checked<Connector> {
    House::new().check(contents)
}

/// The least connector, followed by `rest`.
fn with(rest: &str) -> String {
    format!(
        "source: {{ okta: {{ domain: acme.okta.com, auth: {{ api_token: {{ credential: okta-token }} }} }} }}\n{rest}"
    )
}

/// The least connector with `line` as another key of `source.okta`, on line 6.
fn with_okta(line: &str) -> String {
    format!(
        "source:\n  okta:\n    domain: acme.okta.com\n    auth:\n      api_token: {{ credential: okta-token }}\n    {line}\n"
    )
}

/// A connector that signs in as a service app, with `more` keys of that.
fn with_app(more: &str) -> String {
    format!(
        "source:\n  okta:\n    domain: acme.okta.com\n    auth:\n      service_app: {{ client_id: 0oa1, private_key: {{ credential: okta-key }}, {more} }}\n"
    )
}

fn valid(contents: &str) -> Connector {
    let checked = check(contents);
    checked.value.unwrap_or_else(|| panic!("{contents}\n{:#?}", checked.diagnostics))
}

/// The rules of the least connector, followed by `rest`.
fn rules(rest: &str) -> Rules {
    valid(&with(rest)).rules
}

/// `LINE:COLUMN MESSAGE [ADVICE]` for each error.
fn errors(contents: impl AsRef<[u8]>) -> Vec<String> {
    lines(check(contents).diagnostics.iter().filter(|diagnostic| diagnostic.is_error()))
}

/// One error, as `LINE:COLUMN MESSAGE [ADVICE]`.
fn refused(contents: &str) -> String {
    let errors = errors(contents);
    assert_eq!(errors.len(), 1, "{contents}\n{errors:#?}");
    errors[0].clone()
}

/// The same for each warning of a valid file.
fn warnings(contents: &str) -> Vec<String> {
    let checked = check(contents);
    assert!(checked.value.is_some(), "{:#?}", checked.diagnostics);
    lines(checked.diagnostics.iter())
}

fn lines<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> Vec<String> {
    diagnostics
        .map(|diagnostic| {
            let advice = diagnostic.advice.as_ref().map(|advice| format!(" [{advice}]")).unwrap_or_default();
            format!("{}:{} {}{advice}", diagnostic.line, diagnostic.column, diagnostic.message)
        })
        .collect()
}
