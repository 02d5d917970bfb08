//! What valid configuration means: types without positions, every default filled in.

use std::collections::BTreeSet;
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
    /// Whom to tell what became of runs.
    pub notify: NotifySettings,
    /// How long reports of runs are kept.
    pub reports: ReportSettings,
}

/// How long reports of runs are kept, per connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// How long; at least a second.
    pub keep: Duration,
    /// How many; at least one.
    pub at_most: u64,
}

/// Something about a run that people may want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// It failed, or a part of it did, and the one before had not.
    Failed,
    /// It held something that nobody was told of.
    Held,
    /// It succeeded, and the one before had not.
    Recovered,
    /// It is the first that succeeded.
    FirstSuccess,
}

impl Event {
    /// All events.
    pub const ALL: [Event; 4] = [Self::Failed, Self::Held, Self::Recovered, Self::FirstSuccess];

    /// The name as in configuration, in JSON and in headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Recovered => "recovered",
            Self::FirstSuccess => "first_success",
        }
    }
}

/// `notify` of `usersyncd.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// What is told.
    pub on: BTreeSet<Event>,
    /// The webhook of all connectors that have none of their own.
    pub webhook: Option<WebhookSettings>,
    /// What is run, for all connectors.
    pub command: Option<CommandSettings>,
}

impl Default for NotifySettings {
    /// All events, and nobody who is told.
    fn default() -> Self {
        Self { on: Event::ALL.into(), webhook: None, command: None }
    }
}

/// `notify` of a connector: what counts instead of `usersyncd.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectorNotify {
    /// What is told.
    pub on: Option<BTreeSet<Event>>,
    /// The webhook.
    pub webhook: Option<WebhookSettings>,
}

/// `notify.webhook`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where its address is kept.
    pub url: SecretRef,
    /// Where the key is kept that signs what is sent; none: nothing is signed.
    pub key: Option<SecretRef>,
    /// How long one try may take.
    pub timeout: Duration,
}

/// `notify.command`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSettings {
    /// The program; absolute.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
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
    /// Whom to tell what became of its runs, where that is not as in `usersyncd.yaml`.
    pub notify: ConnectorNotify,
}

/// `source.okta`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OktaSettings {
    /// `https://DOMAIN` or the given url: scheme, host and port, no path.
    pub origin: Url,
    /// How to sign in.
    pub auth: Auth,
    /// How many hundredths of each rate-limit bucket may be used, 1 to 100.
    pub rate_budget: u8,
    /// Whether members of groups are asked for at `skinny_users` first, which Okta's API reference does not name.
    pub skinny_users: bool,
    /// Okta's search expression that users must match.
    pub users_search: Option<String>,
    /// Okta's search expression that groups must match.
    pub groups_search: Option<String>,
    /// The id of the Okta application to which users and groups must be assigned.
    pub app: Option<String>,
    /// The file of certificate authorities that are trusted beside those of the host (`tls.ca`); absolute.
    pub authorities: Option<PathBuf>,
}

/// `source.okta.auth`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// With an API token.
    ApiToken(SecretRef),
    /// As a service app, which signs in by itself.
    ServiceApp(ServiceApp),
}

/// `source.okta.auth.service_app`: an app of the type API Services (Okta developer docs, "Implement OAuth for Okta with a
/// service app").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceApp {
    /// Its client id.
    pub client_id: String,
    /// The private key whose public half is registered with the app.
    pub private_key: SecretRef,
    /// The id under which it is registered, where the key does not say that itself.
    pub key_id: Option<String>,
    /// How to sign; none: as the key says.
    pub algorithm: Option<Algorithm>,
    /// What is asked for, sorted.
    pub scopes: Vec<String>,
}

impl ServiceApp {
    /// What the list of users is read with.
    pub const USERS: &'static str = "okta.users.read";
    /// What groups and their members are read with.
    pub const GROUPS: &'static str = "okta.groups.read";
    /// What is read with it is which org it is; without it another org behind the same domain goes unnoticed.
    pub const ORG: &'static str = "okta.orgs.read";
    /// What is assigned to an application is read with this.
    pub const APPS: &'static str = "okta.apps.read";
    /// `check --online` reads the app's own administrator roles with this.
    pub const ROLES: &'static str = "okta.roles.read";
    /// `check --online` reads with this which attributes users have.
    pub const SCHEMAS: &'static str = "okta.schemas.read";

    /// The System Log is read with this.
    pub const LOGS: &'static str = "okta.logs.read";

    /// The scopes without which nothing can be synced; `app` is true where an application is named, and `log` where changes
    /// come from the System Log.
    pub fn needed(app: bool, log: bool) -> impl Iterator<Item = &'static str> {
        [Self::USERS, Self::GROUPS]
            .into_iter()
            .chain(app.then_some(Self::APPS))
            .chain(log.then_some(Self::LOGS))
    }
}

/// How a sign-in is signed (RFC 7518, section 3.1): all that Okta accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA, PKCS #1, with SHA-256.
    Rs256,
    /// RSA, PKCS #1, with SHA-384.
    Rs384,
    /// RSA, PKCS #1, with SHA-512.
    Rs512,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// ECDSA on P-521.
    Es512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 6] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384, Self::Es512];

    /// The name as in configuration and in the header of a signature.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// Where a secret is. The secret itself is read when it is used, so that a replaced file counts at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// A product that is reached over the network.
    Server(ServerSettings),
}

/// A product that is reached over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Which API it speaks.
    pub product: Product,
    /// The address that its API's paths are added to, without a slash at the end.
    pub url: Url,
    /// How to sign in.
    pub sign_in: SignIn,
    /// The file of certificate authorities that are trusted beside those of the host (`tls.ca`); absolute.
    pub authorities: Option<PathBuf>,
}

/// How to sign in to a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// With a token.
    Token(SecretRef),
    /// With a name and a password.
    Password {
        /// Of an account, or of an application in Crowd.
        user: String,
        /// Where the password is.
        password: SecretRef,
    },
}

/// The products that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Any SCIM 2.0 service.
    Scim,
    /// A directory of Atlassian Cloud.
    AtlassianCloud,
    /// Crowd Data Center.
    Crowd,
    /// Jira Data Center.
    Jira,
    /// Confluence Data Center.
    Confluence,
    /// Bitbucket Data Center.
    Bitbucket,
}

/// Where directories of Atlassian Cloud are.
pub const CLOUD: &str = "https://api.atlassian.com";

impl Product {
    /// All of them.
    pub const ALL: [Product; 6] =
        [Self::Scim, Self::AtlassianCloud, Self::Crowd, Self::Jira, Self::Confluence, Self::Bitbucket];

    /// Its key in a connector file; metrics call it the same.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::AtlassianCloud => "atlassian_cloud",
            Self::Crowd => "crowd",
            Self::Jira => "jira",
            Self::Confluence => "confluence",
            Self::Bitbucket => "bitbucket",
        }
    }
}

impl ServerSettings {
    /// What a ledger belongs to and whose turn it is: the product and where it is. Equal for equal targets.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.product.key(), self.url.as_str().trim_end_matches('/'))
    }

    /// Origin and id of a directory of Atlassian Cloud.
    #[must_use]
    pub fn cloud_directory(&self) -> Option<(&str, &str)> {
        self.url.as_str().split_once(CLOUD_PATH)
    }
}

/// Between the origin and the id of a directory of Atlassian Cloud.
pub(super) const CLOUD_PATH: &str = "/scim/directory/";

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
    /// What happens between full runs.
    pub incremental: Option<IncrementalSettings>,
}

/// `schedule.incremental`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncrementalSettings {
    /// How often changes are read.
    pub every: Duration,
    /// Where they are looked for.
    pub from: ChangesFrom,
}

/// Where changes are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangesFrom {
    /// Users and groups that say that they changed.
    Lists,
    /// Okta's System Log.
    SystemLog,
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
                auth: Auth::ApiToken(SecretRef::Credential("okta-token".to_owned())),
                rate_budget: 50,
                skinny_users: false,
                authorities: None,
            },
            target: TargetSettings::Directory,
            schedule: None,
            rules,
            apply: true,
            notify: ConnectorNotify::default(),
        }
    }
}
