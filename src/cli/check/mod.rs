//! `check`: what `run` would make of the configuration; on request, what the APIs say, and what becomes of one saved user.

mod online;
mod sample;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::online::Online;
use super::arguments::CheckArguments;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::text::{Style, plural};
use super::verdict::push_verdict;
use crate::clock::Clock;
use crate::config::diagnostic::{Checked, Diagnostic, Severity};
use crate::config::model::{Connector, ScheduleSettings, TargetSettings};
use crate::config::{
    check_connector, check_connector_without_secrets, check_settings, connector_files, overlooked_files,
};
use crate::sync::explain::UserVerdict;
use crate::sync::report::FORMAT_VERSION;
use crate::target::{Capabilities, capabilities_of};
use crate::telemetry::escape::{escape, escape_lines};

/// How many coming runs are shown.
const NEXT_RUNS: usize = 5;

/// All that was found.
#[derive(Debug, Serialize)]
struct Findings {
    format_version: u32,
    /// No diagnostic is an error, every connector that was read could be, and every saved user could be mapped.
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
    /// What the APIs say (`--online`).
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<Online>,
    /// What becomes of the saved user (`--sample`).
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<UserVerdict>,
    /// What the file means, if it is good.
    #[serde(skip)]
    connector: Option<Connector>,
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

/// Reads and checks one connector file.
type CheckOne = fn(&Path) -> Checked<Connector>;

/// Checks and prints.
pub(super) fn run(arguments: &CheckArguments, output: &Output) -> Result<Exit, Failure> {
    // Where one saved user is run through the rules there may be no secrets, and none is needed.
    let check_one: CheckOne =
        if arguments.sample.is_some() { check_connector_without_secrets } else { check_connector };
    let mut findings = if arguments.files.is_empty() {
        let (config, must_exist) = arguments.config.resolve();
        check_all(&config, must_exist, check_one, &output.clock)
    } else {
        check_files(&arguments.files, check_one, &output.clock)
    };
    let invalid = !findings.ok;
    if let Some(file) = &arguments.sample {
        sample::evaluate(&mut findings.connectors, file, output.clock.now())?;
        let broken = |connector: &CheckedConnector| connector.sample.as_ref().is_some_and(sample::is_broken);
        findings.ok &= !findings.connectors.iter().any(broken);
    }
    if arguments.online {
        online::look(&mut findings.connectors, output)?;
        findings.ok &= findings.connectors.iter().all(CheckedConnector::is_reachable);
    }
    print(&findings, arguments, output)?;
    Ok(match findings.ok {
        _ if invalid => Exit::InvalidConfiguration,
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn print(findings: &Findings, arguments: &CheckArguments, output: &Output) -> Result<(), Failure> {
    if arguments.json {
        return output.print_json(findings);
    }
    for diagnostic in &findings.diagnostics {
        output.say(&format!("{}\n", render_diagnostic(diagnostic, output.message_style)));
    }
    for connector in &findings.connectors {
        if let Some(online) = &connector.online {
            online.say(&connector.name, output);
        }
    }
    if arguments.sample.is_some() {
        return output.print(&render_samples(&findings.connectors, output.style));
    }
    output.print(&render(findings, output.style))
}

impl CheckedConnector {
    /// False if the APIs were asked and did not say what a sync needs.
    fn is_reachable(&self) -> bool {
        self.online.as_ref().is_none_or(|online| online.errors.is_empty())
    }
}

/// What the target of a connector can do; nothing is asked of it.
fn capabilities(target: &TargetSettings) -> Capabilities {
    capabilities_of(target)
}

/// The diagnostic as a person reads it; what it quotes from a file is made harmless first.
fn render_diagnostic(diagnostic: &Diagnostic, style: Style) -> String {
    let safe = Diagnostic {
        file: PathBuf::from(&*escape(&diagnostic.file.to_string_lossy())),
        message: escape_lines(&diagnostic.message).into_owned(),
        advice: diagnostic.advice.as_deref().map(|advice| escape_lines(advice).into_owned()),
        snippet: diagnostic.snippet.as_deref().map(|snippet| escape_lines(snippet).into_owned()),
        ..diagnostic.clone()
    };
    safe.render(style.colors)
}

/// usersyncd.yaml and its connectors directory.
fn check_all(config: &Path, must_exist: bool, check_one: CheckOne, clock: &Clock) -> Findings {
    let checked = check_settings(config, must_exist);
    let mut diagnostics = checked.diagnostics;
    let mut connectors = Vec::new();
    // Without a valid usersyncd.yaml it is not known where the connector files are.
    if let Some(settings) = checked.value {
        match connector_files(&settings.connectors) {
            Ok(files) => {
                diagnostics.extend(overlooked_files(&settings.connectors).unwrap_or_default());
                connectors
                    .extend(files.iter().map(|file| check_file(file, check_one, clock, &mut diagnostics)));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    findings(Some(config.to_owned()), diagnostics, connectors)
}

/// These connector files alone.
fn check_files(files: &[PathBuf], check_one: CheckOne, clock: &Clock) -> Findings {
    let mut diagnostics = Vec::new();
    let connectors = files.iter().map(|file| check_file(file, check_one, clock, &mut diagnostics)).collect();
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

fn check_file(
    file: &Path,
    check_one: CheckOne,
    clock: &Clock,
    diagnostics: &mut Vec<Diagnostic>,
) -> CheckedConnector {
    let checked = check_one(file);
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
            .as_ref()
            .and_then(|connector| connector.schedule.as_ref())
            .map(|settings| schedule(settings, clock)),
        online: None,
        sample: None,
        connector: checked.value,
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

fn render(findings: &Findings, style: Style) -> String {
    let mut out = String::new();
    for connector in &findings.connectors {
        out.push_str(&format!("{}: {}\n", escape(&connector.name), verdict(connector)));
        if let Some(online) = &connector.online {
            out.push_str(&online.render(style));
        }
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

/// What becomes of the saved user in each connector.
fn render_samples(connectors: &[CheckedConnector], style: Style) -> String {
    let mut out = String::new();
    for connector in connectors {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", style.bold(&escape(&connector.name))));
        match &connector.sample {
            Some(verdict) => push_verdict(&mut out, verdict, style),
            None => out.push_str(&format!("  {}\n", verdict(connector))),
        }
    }
    out
}

fn verdict(connector: &CheckedConnector) -> String {
    if connector.errors > 0 {
        return format!("{}; it would not run", plural(connector.errors as u64, "error"));
    }
    let online = connector.online.as_ref();
    let errors = online.map_or(0, |online| online.errors.len());
    let mut text = if errors == 0 {
        "ok".to_owned()
    } else {
        format!("{}; every run would fail", plural(errors as u64, "error"))
    };
    let warnings = connector.warnings + online.map_or(0, |online| online.warnings.len());
    if warnings > 0 {
        text.push_str(&format!(", {}", plural(warnings as u64, "warning")));
    }
    match &connector.schedule {
        Some(schedule) => text.push_str(&format!(", next runs: {}", schedule.local.join(", "))),
        None => text.push_str(", no schedule: runs when asked"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(schedule: Option<Schedule>, errors: usize, warnings: usize) -> CheckedConnector {
        CheckedConnector {
            name: "acme".to_owned(),
            file: PathBuf::from("acme.yaml"),
            errors,
            warnings,
            schedule,
            online: None,
            sample: None,
            connector: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn next_runs_are_told_in_the_zone_of_the_schedule() {
        let settings = ScheduleSettings {
            expression: "30 2 * * *".to_owned(),
            cron: croner::parser::CronParser::new().parse("30 2 * * *").unwrap(),
            timezone: chrono_tz::Europe::Berlin,
            jitter: std::time::Duration::ZERO,
            missed: crate::config::model::Missed::Skip,
            incremental: None,
        };
        // Clocks go forward on 29 March 2026 at 02:00.
        let clock = Clock::starting_at("2026-03-27T12:00:00Z".parse().unwrap());
        let told = verdict(&connector(Some(schedule(&settings, &clock)), 0, 1));
        assert_eq!(
            told,
            "ok, 1 warning, next runs: 2026-03-28 02:30:00 CET, 2026-03-29 03:00:00 CEST, 2026-03-30 02:30:00 CEST, \
             2026-03-31 02:30:00 CEST, 2026-04-01 02:30:00 CEST"
        );
    }

    #[test]
    fn verdicts() {
        assert_eq!(verdict(&connector(None, 0, 0)), "ok, no schedule: runs when asked");
        assert_eq!(verdict(&connector(None, 2, 1)), "2 errors; it would not run");
        let mut refused = connector(None, 0, 1);
        let online = refused.online.insert(Online::default());
        online.warnings.push("hm".to_owned());
        assert_eq!(verdict(&refused), "ok, 2 warnings, no schedule: runs when asked");
        let online = refused.online.insert(Online::default());
        online.errors.push("no".to_owned());
        assert_eq!(
            verdict(&refused),
            "1 error; every run would fail, 1 warning, no schedule: runs when asked"
        );
        let empty = findings(Some(PathBuf::from("u.yaml")), Vec::new(), Vec::new());
        assert_eq!(render(&empty, Style { colors: false }), "u.yaml: ok, but there are no connector files\n");
    }

    #[test]
    fn what_a_file_holds_cannot_reach_the_terminal() {
        let diagnostic = Diagnostic {
            file: PathBuf::from("a\u{1b}.yaml"),
            line: 1,
            column: 1,
            severity: Severity::Error,
            message: "`\u{1b}[2J` is not known".to_owned(),
            advice: Some("\u{202e}".to_owned()),
            snippet: Some("\u{9b}2J: 1\n^".to_owned()),
        };
        let text = render_diagnostic(&diagnostic, Style { colors: false });
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text:?}");
    }
}
