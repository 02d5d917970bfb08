//! `ctl doctor`: looks at everything that a connector needs, in the order in which one thing needs the other, and writes
//! nothing. Source and target are looked at side by side; each look has a deadline.
//!
//! Each module looks and judges; what judges is pure where it can be.

mod configuration;
mod credentials;
mod host;
mod network;
mod source;
mod target;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::handle::View;
use super::registry::Facts;
use super::wiring::Workshop;
use crate::config::model::Connector;
use crate::control::api::{Check, CheckName, Diagnosis, Subject, TokenStatus};
use crate::sync::report::FORMAT_VERSION;

/// How long a name, a connection or a certificate may take.
const STEP: Duration = Duration::from_secs(10);
/// How long the questions to a source or a target may take together, retries and waits for rate limits included. Somebody
/// waits for the answer.
const QUESTIONS: Duration = Duration::from_secs(60);

/// Who is looked at.
pub(super) struct Patient {
    /// The connector's name.
    pub(super) name: String,
    /// What is to be seen of it.
    pub(super) view: View,
    /// How it stands with its API token.
    pub(super) token: Option<TokenStatus>,
    /// The daemon.
    pub(super) facts: Facts,
    /// What the connector works with.
    pub(super) workshop: Arc<Workshop>,
}

/// Looks at everything.
pub(super) async fn examine(patient: &Patient) -> Diagnosis {
    let Patient { name, view, token, facts, workshop } = patient;
    let made = workshop.clock.now();
    let mut checks = configuration::checks(name, view, made);
    match &view.configuration {
        None => {
            for subject in [Subject::Source, Subject::Target] {
                let why = "not looked at: no good version of the connector's file is known";
                checks.push(Check::skipped(subject, CheckName::SignIn, why));
            }
        }
        Some(connector) => {
            checks.extend(credentials(connector, token.as_ref(), made).await);
            let sides =
                tokio::join!(source::checks(connector, workshop), target::checks(connector, workshop));
            checks.extend(sides.0);
            checks.extend(sides.1);
        }
    }
    checks.extend(on_this_host(facts).await);
    Diagnosis { format_version: FORMAT_VERSION, connector: name.clone(), made, checks }
}

/// The looks at secrets.
async fn credentials(
    connector: &Arc<Connector>,
    token: Option<&TokenStatus>,
    now: DateTime<Utc>,
) -> Vec<Check> {
    let (connector, token) = (Arc::clone(connector), token.cloned());
    let looks = move || credentials::checks(&connector, token.as_ref(), now);
    apart(looks, "the file system of the secrets", CheckName::Credential).await
}

/// The looks at this host.
async fn on_this_host(facts: &Facts) -> Vec<Check> {
    let facts = facts.clone();
    apart(move || host::checks(&facts), "a file system or the name service of this host", CheckName::Disk)
        .await
}

/// Looks away from the runtime, at what may keep them waiting: a file system, a name service.
async fn apart(
    looks: impl FnOnce() -> Vec<Check> + Send + 'static,
    what: &str,
    name: CheckName,
) -> Vec<Check> {
    match tokio::time::timeout(STEP, tokio::task::spawn_blocking(looks)).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(_)) | Err(_) => {
            let seen = format!("{what} did not answer within {} s", STEP.as_secs());
            let fix = "Look whether `df` and `getent group` answer on this host";
            vec![Check::failed(Subject::Host, name, seen, fix)]
        }
    }
}
