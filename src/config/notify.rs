//! `notify`, of both kinds of file: the keys, and the secrets that they name at the moment they are used.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::check::Checker;
use super::connector::text;
use super::mask::quoted;
use super::model::{CommandSettings, ConnectorNotify, Event, NotifySettings, SecretRef, WebhookSettings};
use super::secret::{self, Environment, Shape};
use super::text::Complaint;
use super::tree::{Node, Value};
use super::values;

/// How long one try of a webhook may take, where nothing is said.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the command may take, where nothing is said.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// What kind of address is accepted.
const ADDRESSES: &str = "Write an address that begins with https:// into it; plain http is accepted for loopback addresses (127.0.0.0/8, ::1) only.";

impl WebhookSettings {
    /// Reads the address now. The error is a whole sentence that names the place of the secret, never what is in it.
    pub fn address(&self) -> Result<Url, String> {
        let secret = self.url.read()?;
        values::webhook(secret.expose_secret()).map_err(|reason| {
            let complaint = unusable(&self.url, reason);
            format!("{} {}", complaint.message, complaint.advice.unwrap_or_default())
        })
    }

    /// Reads the key now, if there is one. The error is a whole sentence that names the place of the secret.
    pub fn signing_key(&self) -> Result<Option<SecretString>, String> {
        self.key.as_ref().map(SecretRef::read).transpose()
    }
}

fn unusable(place: &SecretRef, reason: &str) -> Complaint {
    Complaint::new(format!("The webhook's address ({place}) {reason}.")).advise(ADDRESSES)
}

/// `notify` of `usersyncd.yaml`. Whatever is wrong with single values was complained about.
pub(super) fn of_settings(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> NotifySettings {
    let defaults = NotifySettings::default();
    NotifySettings {
        on: events(root).unwrap_or(defaults.on),
        webhook: webhook(checker, root, directory, environment),
        command: command(checker, root),
    }
}

/// `notify` of a connector.
pub(super) fn of_connector(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> ConnectorNotify {
    ConnectorNotify { on: events(root), webhook: webhook(checker, root, directory, environment) }
}

fn events(root: &Node) -> Option<BTreeSet<Event>> {
    let Value::Sequence(items) = &root.find(&["notify", "on"])?.value else { return None };
    let event = |text: &str| Event::ALL.into_iter().find(|event| event.as_str() == text);
    Some(items.iter().filter_map(Node::scalar).filter_map(event).collect())
}

fn webhook(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Option<WebhookSettings> {
    let webhook = root.find(&["notify", "webhook"])?;
    let any = |_: &str| Ok(());
    let url = place(checker, webhook.get("url")?, directory, environment, values_of_webhook);
    let key = webhook.get("key").and_then(|key| place(checker, key, directory, environment, any));
    let timeout = text(webhook, &["timeout"]).and_then(|text| values::duration(text).ok());
    Some(WebhookSettings { url: url?, key, timeout: timeout.unwrap_or(WEBHOOK_TIMEOUT) })
}

fn values_of_webhook(secret: &str) -> Result<(), &'static str> {
    values::webhook(secret).map(drop)
}

/// Where a secret is. One that cannot be used is a warning only: it must not keep anybody from being synced.
fn place(
    checker: &mut Checker,
    node: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Option<SecretRef> {
    let (region, secret) = secret::place(node, directory)?;
    let Some(environment) = environment else { return Some(secret) };
    let complaint = match secret.read_from(environment, Shape::Line) {
        Err(complaint) => Some(complaint),
        Ok(read) => match check(read.expose_secret()) {
            Err(reason) => Some(unusable(&secret, reason)),
            Ok(()) => secret.exposure(),
        },
    };
    if let Some(complaint) = complaint {
        checker.warning(region, complaint);
    }
    Some(secret)
}

fn command(checker: &mut Checker, root: &Node) -> Option<CommandSettings> {
    let Value::Sequence(items) = &root.find(&["notify", "command"])?.value else { return None };
    let (first, rest) = items.split_first()?;
    let program = PathBuf::from(first.scalar()?);
    if !program.is_absolute() {
        let complaint = Complaint::new("The program is named without its whole path.");
        checker.error(
            first.region,
            complaint.advise("Write the absolute path, as in [/usr/local/bin/tell, \"--who\", ops]; no shell looks for it."),
        );
    } else if let Err(reason) = executable(&program) {
        let complaint = Complaint::new(format!(
            "{} {reason}, so nobody is told by it.",
            quoted(&program.to_string_lossy())
        ));
        checker.warning(
            first.region,
            complaint.advise("Install it, or correct the path; `chmod +x` makes a file a program."),
        );
    }
    let timeout = text(root, &["notify", "command_timeout"]).and_then(|text| values::duration(text).ok());
    Some(CommandSettings {
        program,
        arguments: rest.iter().filter_map(Node::scalar).map(str::to_owned).collect(),
        timeout: timeout.unwrap_or(COMMAND_TIMEOUT),
    })
}

/// The error is a part of a sentence.
fn executable(program: &Path) -> Result<(), String> {
    match std::fs::metadata(program) {
        Ok(metadata) if !metadata.is_file() => Err("is not a file".to_owned()),
        Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => Err("is not executable".to_owned()),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("does not exist".to_owned()),
        Err(error) => Err(format!("cannot be looked at ({error})")),
    }
}
