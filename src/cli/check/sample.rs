//! `check --sample`: one saved user through scope and mapping, without an org and without secrets.

use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{CheckedConnector, capabilities};
use crate::cli::exit::{Exit, Failure};
use crate::config::model::Connector;
use crate::source::okta;
use crate::sync::desire::wanted_attributes;
use crate::sync::explain::{UserVerdict, Verdict, examine};
use crate::sync::model::ScopeRule;
use crate::telemetry::escape::escape;

/// The largest file that is taken in, in bytes; a user of Okta's is a few KiB.
const LARGEST_SAMPLE: u64 = 4 * 1024 * 1024;

/// Gives each good connector its verdict on the user in `file`.
pub(super) fn evaluate(
    connectors: &mut [CheckedConnector],
    file: &Path,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let name = if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() };
    let unusable = |why: String| {
        let message = format!(
            "the saved user in {} cannot be used: {why}. `usersyncd check --help` shows how to save one",
            escape(&name)
        );
        Failure::new(Exit::Failed, message)
    };
    let body = read(file).map_err(unusable)?;
    for checked in connectors {
        if let Some(connector) = &checked.connector {
            checked.sample = Some(verdict(&body, connector, now).map_err(unusable)?);
        }
    }
    Ok(())
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let read = if is_stdin(file) {
        io::stdin().lock().take(LARGEST_SAMPLE + 1).read_to_end(&mut body)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(LARGEST_SAMPLE + 1).read_to_end(&mut body))
    };
    read.map_err(|error| format!("{error}. Name a file with one user as Okta answers it, or `-`"))?;
    if body.len() as u64 > LARGEST_SAMPLE {
        return Err(format!("it is larger than {} MiB; save one user, not a list", LARGEST_SAMPLE >> 20));
    }
    Ok(body)
}

fn verdict(body: &[u8], connector: &Connector, now: DateTime<Utc>) -> Result<UserVerdict, String> {
    let attributes = wanted_attributes(&connector.rules);
    let sample = okta::sample(body, &attributes)?;
    let mut verdict = examine(
        &sample.user,
        &attributes,
        sample.groups.as_deref(),
        &connector.rules,
        &capabilities(&connector.target),
        now,
    );
    leave_to_okta(&mut verdict, connector);
    Ok(verdict)
}

/// Marks the part of the scope that Okta evaluates. `in_scope` stays what all other rules say.
fn leave_to_okta(verdict: &mut UserVerdict, connector: &Connector) {
    let source = &connector.source;
    for (rule, is_set) in
        [(ScopeRule::UsersSearch, source.users_search.is_some()), (ScopeRule::App, source.app.is_some())]
    {
        for step in verdict.scope.iter_mut().filter(|step| is_set && step.rule == rule.as_str()) {
            (step.verdict, step.detail) = (Verdict::Unknown, "only Okta can tell".to_owned());
        }
    }
}

/// True if the rules cannot make the attributes of the user: a template failed, or the username is not usable.
pub(super) fn is_broken(verdict: &UserVerdict) -> bool {
    verdict.scope.iter().any(|step| step.verdict == Verdict::LeftAlone && step.rule.starts_with("mapping."))
}
