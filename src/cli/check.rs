//! `check`: what `run` would make of the configuration.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::arguments::CheckArguments;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::text::plural;
use crate::clock::Clock;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::model::{Connector, ScheduleSettings};
use crate::config::{check_connector, check_settings, connector_files};
use crate::sync::report::FORMAT_VERSION;
use crate::telemetry::escape::{escape, escape_lines};

/// How many coming runs are shown.
const NEXT_RUNS: usize = 5;

/// All that was found.
#[derive(Debug, Serialize)]
struct Findings {
    format_version: u32,
    /// No diagnostic is an error.
    ok: bool,
    /// usersyncd.yaml, if it was checked.
    config: Option<PathBuf>,
    /// In the order of the files, and within each in the order of its lines.
    diagnostics: Vec<Diagnostic>,
    connectors: Vec<CheckedConnector>,
}

/// One connector file.
#[derive(Debug, Serialize)]
struct CheckedConnector {
    name: String,
    file: PathBuf,
    errors: usize,
    warnings: usize,
    /// The cron expression and its zone.
    schedule: Option<Schedule>,
}

/// When a connector runs by itself.
#[derive(Debug, Serialize)]
struct Schedule {
    cron: String,
    timezone: String,
    next_runs: Vec<DateTime<Utc>>,
    /// The same in that time zone, for people.
    #[serde(skip)]
    local: Vec<String>,
}

/// Checks and prints.
pub(super) fn run(arguments: &CheckArguments, output: &Output) -> Result<Exit, Failure> {
    if arguments.online {
        return Err(Failure::new(
            Exit::Usage,
            "check --online is not supported yet; without it the files are checked, and `usersyncd ctl plan NAME` asks \
             the source and the target without writing anything",
        ));
    }
    let findings = if arguments.files.is_empty() {
        let (config, must_exist) = arguments.config.resolve();
        check_all(&config, must_exist, &output.clock)
    } else {
        check_files(&arguments.files, &output.clock)
    };
    if arguments.json {
        output.print_json(&findings)?;
    } else {
        for diagnostic in &findings.diagnostics {
            output.say(&format!("{}\n", render_diagnostic(diagnostic, output)));
        }
        output.print(&render(&findings))?;
    }
    Ok(if findings.ok { Exit::Done } else { Exit::InvalidConfiguration })
}

fn render_diagnostic(diagnostic: &Diagnostic, output: &Output) -> String {
    let _ = output.message_style();
    format!("{diagnostic:?}")
}

/// usersyncd.yaml and its connectors directory.
fn check_all(config: &Path, must_exist: bool, clock: &Clock) -> Findings {
    let checked = check_settings(config, must_exist);
    let mut diagnostics = checked.diagnostics;
    let mut connectors = Vec::new();
    // Without a valid usersyncd.yaml it is not known where the connector files are.
    if let Some(settings) = checked.value {
        match connector_files(&settings.connectors) {
            Ok(files) => {
                connectors.extend(files.iter().map(|file| check_file(file, clock, &mut diagnostics)));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    findings(Some(config.to_owned()), diagnostics, connectors)
}

/// These connector files alone.
fn check_files(files: &[PathBuf], clock: &Clock) -> Findings {
    let mut diagnostics = Vec::new();
    let connectors = files.iter().map(|file| check_file(file, clock, &mut diagnostics)).collect();
    findings(None, diagnostics, connectors)
}

fn findings(
    config: Option<PathBuf>,
    diagnostics: Vec<Diagnostic>,
    connectors: Vec<CheckedConnector>,
) -> Findings {
    let ok = count(&diagnostics, Severity::Error) == 0;
    Findings { format_version: FORMAT_VERSION, ok, config, diagnostics, connectors }
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn check_file(file: &Path, clock: &Clock, diagnostics: &mut Vec<Diagnostic>) -> CheckedConnector {
    let checked = check_connector(file);
    let connector = CheckedConnector {
        name: checked
            .value
            .as_ref()
            .map_or_else(|| stem(file), |connector: &Connector| connector.name.clone()),
        file: file.to_owned(),
        errors: count(&checked.diagnostics, Severity::Error),
        warnings: count(&checked.diagnostics, Severity::Warning),
        schedule: checked
            .value
            .and_then(|connector| connector.schedule)
            .map(|settings| schedule(&settings, clock)),
    };
    diagnostics.extend(checked.diagnostics);
    connector
}

fn stem(file: &Path) -> String {
    file.file_stem().map_or_else(|| file.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}

fn schedule(settings: &ScheduleSettings, clock: &Clock) -> Schedule {
    let next_runs: Vec<_> =
        std::iter::successors(settings.next_after(clock.now()), |at| settings.next_after(*at))
            .take(NEXT_RUNS)
            .collect();
    let local = next_runs
        .iter()
        .map(|at| at.with_timezone(&settings.timezone).format("%Y-%m-%d %H:%M:%S %Z").to_string());
    Schedule {
        cron: settings.expression.clone(),
        timezone: settings.timezone.name().to_owned(),
        local: local.collect(),
        next_runs,
    }
}

fn render(findings: &Findings) -> String {
    let mut out = String::new();
    for connector in &findings.connectors {
        out.push_str(&format!("{}: {}\n", escape(&connector.name), verdict(connector)));
    }
    let errors = count(&findings.diagnostics, Severity::Error);
    let of_files: usize = findings.connectors.iter().map(|connector| connector.errors).sum();
    if let Some(config) = &findings.config {
        let config = config.display().to_string();
        if errors > of_files {
            let errors = plural((errors - of_files) as u64, "error");
            out.push_str(&format!("{}: {errors}; the daemon would not start\n", escape(&config)));
        } else if findings.connectors.is_empty() {
            out.push_str(&format!("{}: ok, but there are no connector files\n", escape_lines(&config)));
        }
    }
    out
}

fn verdict(connector: &CheckedConnector) -> String {
    if connector.errors > 0 {
        return format!("{}; it would not run", plural(connector.errors as u64, "error"));
    }
    let mut text = "ok".to_owned();
    if connector.warnings > 0 {
        text.push_str(&format!(", {}", plural(connector.warnings as u64, "warning")));
    }
    match &connector.schedule {
        Some(schedule) => text.push_str(&format!(", next runs: {}", schedule.local.join(", "))),
        None => text.push_str(", no schedule: runs when asked"),
    }
    text
}
