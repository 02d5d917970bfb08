//! What `doctor` finds out about a connector.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was looked at for a connector, in the order in which one thing needs the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The version of the form of this document; additions do not raise it.
    pub format_version: u32,
    /// The connector.
    pub connector: String,
    /// When it was looked at.
    pub made: DateTime<Utc>,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What.
    pub name: CheckName,
    /// Of what.
    pub subject: Subject,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen, or why it was not looked at.
    pub seen: String,
    /// What to do about it, where something is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Its file.
    Configuration,
    /// Whether it runs and writes.
    State,
    /// When it runs by itself.
    Schedule,
    /// A secret: where it is, who may read it, whether it can be read.
    Credential,
    /// The addresses of a host, or of the proxy before it.
    Dns,
    /// A TCP connection.
    Connection,
    /// The certificate.
    Tls,
    /// This host's clock beside that of the other side.
    Clock,
    /// Whether the credentials are taken, and whose they are.
    SignIn,
    /// What may be done with them.
    Rights,
    /// Whether anything can be seen with them.
    Visibility,
    /// The System Log, where incremental runs read it.
    SystemLog,
    /// What is left of the rate limits.
    Budget,
    /// Free space.
    Disk,
    /// The state directory.
    StateDirectory,
    /// The control socket.
    Socket,
    /// The directory of connector files.
    ConnectorFiles,
}

impl CheckName {
    /// The name as people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Configuration => "file",
            Self::State => "state",
            Self::Schedule => "schedule",
            Self::Credential => "credential",
            Self::Dns => "DNS",
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Clock => "clock",
            Self::SignIn => "sign-in",
            Self::Rights => "rights",
            Self::Visibility => "visibility",
            Self::SystemLog => "System Log",
            Self::Budget => "budget",
            Self::Disk => "disk",
            Self::StateDirectory => "state dir",
            Self::Socket => "socket",
            Self::ConnectorFiles => "files",
        }
    }
}

/// Of what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The connector.
    Connector,
    /// Where it reads.
    Source,
    /// Where it writes.
    Target,
    /// This host.
    Host,
}

impl Subject {
    /// The name as people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::Source => "source",
            Self::Target => "target",
            Self::Host => "host",
        }
    }
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at, or not to be found out.
    Skipped,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Failed,
}

impl Verdict {
    /// The name as people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl Check {
    /// All is well.
    pub fn ok(subject: Subject, name: CheckName, seen: impl Into<String>) -> Self {
        Self { name, subject, verdict: Verdict::Ok, seen: seen.into(), fix: None }
    }

    /// Not looked at.
    pub fn skipped(subject: Subject, name: CheckName, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(subject, name, why) }
    }

    /// Works, and somebody should look.
    pub fn warning(
        subject: Subject,
        name: CheckName,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Warning, fix: Some(fix.into()), ..Self::ok(subject, name, seen) }
    }

    /// Does not work.
    pub fn failed(
        subject: Subject,
        name: CheckName,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Failed, ..Self::warning(subject, name, seen, fix) }
    }

    /// Does not work, for a reason that is told as errors of runs are: what happened; what was not done; what to do.
    pub fn failed_by(subject: Subject, name: CheckName, error: &str) -> Self {
        let ends =
            ["; nothing was changed. ", " Nothing was read or changed. ", "; nothing was sent to Okta. "];
        let parts = ends.iter().find_map(|end| error.split_once(end));
        let (seen, fix) =
            parts.unwrap_or((error, "The daemon's log (`journalctl -u usersyncd`) may say more"));
        Self::failed(subject, name, seen.trim_end_matches("; nothing was changed"), fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_run_is_what_was_seen_and_what_to_do() {
        let of = |error: &str| {
            let check = Check::failed_by(Subject::Source, CheckName::SignIn, error);
            assert_eq!(check.verdict, Verdict::Failed);
            (check.seen, check.fix)
        };
        let two = of("it refused the token with 401; nothing was changed. Make a new one");
        assert_eq!(two, ("it refused the token with 401".to_owned(), Some("Make a new one".to_owned())));
        for unadvised in ["it broke; nothing was changed", "it broke"] {
            let (seen, fix) = of(unadvised);
            assert_eq!(seen, "it broke");
            assert!(fix.unwrap().starts_with("The daemon's log"), "there is always something to do");
        }
    }
}
