//! What valid configuration means: types without positions, every default filled in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::sync::rules::Rules;

/// `usersyncd.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory of connector files; absolute.
    pub connectors: PathBuf,
    /// The directory of state.db and directory.db; absolute.
    pub state: PathBuf,
    /// The control socket.
    pub control: ControlSettings,
    /// The metrics listener.
    pub metrics: MetricsSettings,
    /// Logs.
    pub log: LogSettings,
}

/// The control socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSettings {
    /// Where it is; absolute.
    pub socket: PathBuf,
    /// The group whose members may use it, beside root and the daemon's own user. A group that this host does not
    /// have is reported once and then nobody else may.
    pub group: String,
}

/// The metrics listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Where it listens; none: nowhere. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// What `/` shows.
    pub page: Page,
}

/// What the page at `/` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Nothing: 404.
    Off,
    /// Connectors and counts.
    On,
    /// Names of users and groups too.
    Full,
}

/// Logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// Text or JSON.
    pub format: LogFormat,
}

/// A level of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Somebody should look.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// Everything.
    Trace,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line that a person reads.
    Text,
    /// One JSON object.
    Json,
}

/// One connector file.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// The file stem.
    pub name: String,
    /// The file, as it was found.
    pub path: PathBuf,
    /// SHA-256 of its contents, in hex: a connector whose digest is the same did not change.
    pub digest: String,
    /// Its contents: what a later version is compared with. Secrets are never in it.
    pub text: std::sync::Arc<str>,
    /// Where it reads.
    pub source: OktaSettings,
    /// Where it writes.
    pub target: TargetSettings,
    /// When it runs by itself.
    pub schedule: Option<ScheduleSettings>,
    /// Who is in scope and what may be done.
    pub rules: Rules,
    /// False: plan and report, write nothing (RULES 27).
    pub apply: bool,
}

/// `source.okta`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OktaSettings {
    /// `https://DOMAIN` or the given url: scheme, host and port, no path.
    pub origin: Url,
    /// The API token.
    pub token: SecretRef,
    /// How many hundredths of each rate-limit bucket may be used, 1 to 100.
    pub rate_budget: u8,
    /// Okta's search expression that users must match.
    pub users_search: Option<String>,
    /// Okta's search expression that groups must match.
    pub groups_search: Option<String>,
    /// The id of the Okta application to which users and groups must be assigned.
    pub app: Option<String>,
}

/// Where a secret is. The secret itself is read when it is used, so that a replaced file counts at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// A file of that name in `$CREDENTIALS_DIRECTORY`, as systemd's `LoadCredential=` makes it.
    Credential(String),
    /// A file; absolute.
    File(PathBuf),
    /// An environment variable of the daemon.
    Environment(String),
}

/// `target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSettings {
    /// The built-in directory.
    Directory,
}

/// `schedule`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleSettings {
    /// As written.
    pub expression: String,
    /// Parsed, known to fire.
    pub cron: croner::Cron,
    /// The zone whose wall clock it means.
    pub timezone: chrono_tz::Tz,
    /// Each run is delayed by a random time up to this.
    pub jitter: Duration,
    /// What to do about a run that was due while the daemon was down.
    pub missed: Missed,
}

/// What to do about a run that was due while the daemon was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Run once at start.
    RunOnce,
    /// Wait for the next one.
    Skip,
}

#[cfg(test)]
impl Connector {
    /// As a file `acme.yaml` of a domain, a token and these rules would make it.
    pub(crate) fn for_tests(rules: Rules) -> Self {
        Self {
            name: "acme".to_owned(),
            path: "acme.yaml".into(),
            digest: String::new(),
            text: "".into(),
            source: OktaSettings {
                users_search: None,
                groups_search: None,
                app: None,
                origin: "https://acme.okta.com".parse().unwrap(),
                token: SecretRef::Credential("okta-token".to_owned()),
                rate_budget: 50,
            },
            target: TargetSettings::Directory,
            schedule: None,
            rules,
            apply: true,
        }
    }
}
