//! What may be named: asked of the running daemon, within the time that a person does not notice.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap_complete::engine::CompletionCandidate;
use serde::de::DeserializeOwned;

use crate::cli::arguments::DEFAULT_CONFIG;
use crate::cli::ctl;
use crate::cli::text::{moment, plural};
use crate::clock::Clock;
use crate::config::{check_settings, connector_files};
use crate::control::api::{
    ConnectorList, DirectoryGroups, HoldList, HoldView, KeptPlanList, RunList, RunSummary,
};
use crate::control::client::Client;
use crate::sync::report::Outcome;
use crate::telemetry::escape::escape;

/// How long the daemon may take to answer, altogether.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many runs are offered, the newest: more than fit on a screen help nobody.
const MOST_RUNS: &str = "40";

/// What can be named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A connector.
    Connector,
    /// The number of a run.
    Run,
    /// The number of a hold that waits for a decision, or was decided and is not over.
    Hold,
    /// A kept plan.
    Plan,
    /// A group of the built-in directory.
    Group,
}

/// Where names come from.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) socket: PathBuf,
    /// Where connector files are, for when the daemon does not answer.
    pub(super) connectors: Option<PathBuf>,
    pub(super) clock: Clock,
    /// How long the daemon may take for an answer.
    pub(super) patience: Duration,
}

impl Names {
    /// Those of the daemon that the words on the line name, else the environment, else the configuration.
    pub(super) fn of(words: &[OsString]) -> Self {
        let connectors =
            check_settings(DEFAULT_CONFIG.as_ref(), false).value.map(|settings| settings.connectors);
        Self { socket: ctl::socket(socket_of(words)), connectors, clock: Clock::system(), patience: PATIENCE }
    }

    /// All names of a kind, in the order in which they are best read; none if they cannot be had.
    pub(super) fn all(&self, kind: Kind) -> Vec<CompletionCandidate> {
        let now = self.clock.now();
        let found = match kind {
            Kind::Connector => self.ask::<ConnectorList>(&["connectors"], &[]).map(connectors),
            Kind::Run => self.ask(&["runs"], &[("limit", MOST_RUNS)]).map(|list| runs(list, now)),
            Kind::Hold => self.ask(&["holds"], &[]).map(holds),
            Kind::Plan => self.ask(&["plans"], &[]).map(|list| plans(list, now)),
            Kind::Group => self.ask::<DirectoryGroups>(&["directory", "groups"], &[]).map(groups),
        };
        match (found, kind) {
            (Some(found), _) => ordered(found),
            (None, Kind::Connector) => ordered(self.files()),
            (None, _) => Vec::new(),
        }
    }

    fn ask<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let client = Client::new(&self.socket).ok()?;
        let path: Vec<&str> = ["v1"].into_iter().chain(path.iter().copied()).collect();
        let answer =
            runtime.block_on(async { tokio::time::timeout(self.patience, client.get(&path, query)).await });
        // Whatever is still busy, as the look-up of an address would be, is not waited for.
        runtime.shutdown_background();
        answer.ok()?.ok()
    }

    /// The connectors that there are files of.
    fn files(&self) -> Vec<(String, String)> {
        let files = self.connectors.as_deref().and_then(|directory| connector_files(directory).ok());
        let files = files.unwrap_or_default();
        let names = files.iter().filter_map(|path| path.file_stem()?.to_str());
        names.map(|name| (name.to_owned(), String::new())).collect()
    }
}

/// The socket that an option on the line names.
fn socket_of(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--socket" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--socket=")) {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// Candidates that shells show in this order, each with what is said about it.
fn ordered(found: Vec<(String, String)>) -> Vec<CompletionCandidate> {
    let candidate = |(order, (name, about)): (usize, (String, String))| {
        let about = (!about.is_empty()).then(|| escape(&about).into_owned().into());
        CompletionCandidate::new(name).help(about).display_order(Some(order))
    };
    // What holds a control character would not arrive as it is.
    let found = found.into_iter().filter(|(name, _)| !name.contains(char::is_control));
    found.enumerate().map(candidate).collect()
}

fn connectors(list: ConnectorList) -> Vec<(String, String)> {
    list.connectors
        .into_iter()
        .map(|connector| (connector.name, connector.state.as_str().replace('_', " ")))
        .collect()
}

fn runs(list: RunList, now: DateTime<Utc>) -> Vec<(String, String)> {
    list.runs.iter().map(|run| (run.run.to_string(), run_in_a_line(run, now))).collect()
}

/// `acme, held, 2026-11-23 03:00 UTC (3 h ago)`.
fn run_in_a_line(run: &RunSummary, now: DateTime<Utc>) -> String {
    let outcome = run.outcome.map_or("busy or interrupted", Outcome::as_str);
    format!("{}, {outcome}, {}", run.connector, moment(run.started, now))
}

fn holds(list: HoldList) -> Vec<(String, String)> {
    list.holds.iter().filter_map(|hold| Some((hold.summary.id?.to_string(), hold_in_a_line(hold)))).collect()
}

/// `acme, leavers, 130 held, open`.
fn hold_in_a_line(hold: &HoldView) -> String {
    let group = hold.summary.group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
    let (kind, count) = (hold.summary.kind.as_str(), hold.summary.count);
    format!("{}, {kind}{group}, {count} held, {}", hold.connector, hold.state.as_str())
}

fn plans(list: KeptPlanList, now: DateTime<Utc>) -> Vec<(String, String)> {
    let about = |kept: &crate::control::api::KeptPlan| {
        format!(
            "{}, {}, made {}",
            kept.connector,
            plural(kept.operations, "operation"),
            moment(kept.made, now)
        )
    };
    list.plans.iter().map(|kept| (kept.id.clone(), about(kept))).collect()
}

fn groups(list: DirectoryGroups) -> Vec<(String, String)> {
    let groups = list.groups.into_iter();
    groups.map(|group| (group.name.into(), plural(group.members, "member"))).collect()
}
