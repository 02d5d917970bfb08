//! `ctl list`, `ctl status` and `ctl show`.

use chrono::{DateTime, TimeDelta, Utc};

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::known::Known;
use super::output::Versioned;
use super::progress::sentence;
use super::text::{Style, duration, moment, plural, table};
use crate::control::api::{
    ConnectorConfiguration, ConnectorList, ConnectorState, ConnectorStatus, DaemonStatus, HoldState,
    HoldView, IncrementalStatus, RunList, RunSummary, TokenStatus,
};
use crate::telemetry::escape::{escape, escape_lines};

/// Lists the connectors.
pub(super) async fn list(ctl: &Ctl) -> Result<Exit, Failure> {
    let list: ConnectorList = ctl.client.get(&["v1", "connectors"], &[]).await?;
    let now = ctl.output.clock.now();
    ctl.output.show(&list, |list| render_list(&list.connectors, now))?;
    Ok(Exit::Done)
}

/// Shows the daemon, or one connector.
pub(super) async fn status(ctl: &Ctl, name: Option<&str>) -> Result<Exit, Failure> {
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    if let Some(name) = name {
        let answer = ctl.client.get(&["v1", "connectors", name], &[]).await;
        let status: ConnectorStatus = ctl.known(name, answer).await?;
        let (mut known, mut undo) = (Known::default(), None);
        if !ctl.output.json {
            known = Known::holds_of(ctl, name).await;
            undo = last_undo(ctl, &status).await;
        }
        let document = Versioned::new(&status);
        ctl.output.show(&document, |_| {
            render_connector(&status, &Beside { holds: &known.holds, undo: undo.as_ref() }, style, now)
        })?;
    } else {
        let status: DaemonStatus = ctl.client.get(&["v1", "status"], &[]).await?;
        ctl.output.show(&status, |status| render_daemon(status, style, now))?;
    }
    Ok(Exit::Done)
}

/// What is shown beside the state of a connector.
#[derive(Clone, Copy, Debug, Default)]
struct Beside<'a> {
    /// What is held, as far as it is known.
    holds: &'a [HoldView],
    /// An undo that is newer than the last sync.
    undo: Option<&'a RunSummary>,
}

/// The last undo, if there was no sync since.
async fn last_undo(ctl: &Ctl, status: &ConnectorStatus) -> Option<RunSummary> {
    let query = [("connector", status.name.as_str()), ("limit", "20")];
    let list: RunList = ctl.client.get(&["v1", "runs"], &query).await.ok()?;
    newer_undo(list.runs, status.last_run.as_ref().map_or(0, |last| last.run))
}

fn newer_undo(runs: Vec<RunSummary>, last: u64) -> Option<RunSummary> {
    runs.into_iter().find(|run| run.undoes.is_some() && run.outcome.is_some() && run.run > last)
}

/// Shows the configuration in force.
pub(super) async fn show(ctl: &Ctl, name: &str) -> Result<Exit, Failure> {
    let answer = ctl.client.get(&["v1", "connectors", name, "configuration"], &[]).await;
    let configuration: ConnectorConfiguration = ctl.known(name, answer).await?;
    let now = ctl.output.clock.now();
    if let Some(error) = &configuration.config_error {
        ctl.output.say(&format!(
            "the file is broken; this older version of it is in force\n{}",
            escape_lines(error)
        ));
    }
    ctl.output.show(&configuration, |configuration| render_configuration(configuration, now))?;
    Ok(Exit::Done)
}

fn render_list(connectors: &[ConnectorStatus], now: DateTime<Utc>) -> String {
    if connectors.is_empty() {
        return "no connectors: put a file NAME.yaml into the connectors directory\n".to_owned();
    }
    let rows = connectors.iter().map(|connector| {
        let last = connector.last_run.as_ref();
        vec![
            connector.name.clone(),
            state_in_list(connector, now),
            last.map_or_else(|| "never".to_owned(), |run| moment(run.ended.unwrap_or(run.started), now)),
            last.map_or("", result).to_owned(),
            next(connector, now),
            connector.managed.users.to_string(),
            connector.managed.groups.to_string(),
        ]
    });
    table(&["connector", "state", "last run", "result", "next run", "users", "groups"], &[5, 6], rows)
}

/// How it stands with looking for changes: `changes every 5 min, last 12:03`.
fn incremental(connector: &ConnectorStatus, now: DateTime<Utc>) -> Option<String> {
    let IncrementalStatus { every_seconds, last_success, waits_for } = connector.incremental.as_ref()?;
    let every = duration(TimeDelta::seconds(i64::try_from(*every_seconds).unwrap_or(i64::MAX / 1000)));
    Some(match (waits_for, last_success) {
        (Some(why), _) => format!("changes only after the next full sync: {}", escape(why)),
        (None, Some(at)) => format!("changes every {every}, last {}", moment(*at, now)),
        (None, None) => format!("changes every {every}"),
    })
}

fn state(connector: &ConnectorStatus) -> String {
    let mut text = connector.state.as_str().to_owned();
    if let Some(reason) = &connector.pause_reason {
        text.push_str(&format!(": {reason}"));
    }
    if !connector.apply {
        text.push_str(", apply off");
    }
    if connector.queued {
        text.push_str(&format!(", {} queued", connector.waiting.max(1)));
    }
    text
}

/// The same with a mark for a token that is about to be lost, which no state tells.
fn state_in_list(connector: &ConnectorStatus, now: DateTime<Utc>) -> String {
    let pressing = connector.token.as_ref().is_some_and(|token| token.is_pressing(now));
    format!("{}{}", state(connector), if pressing { ", token will lapse" } else { "" })
}

/// When the API token lapses, and whether it does.
fn token(token: &TokenStatus, name: &str, now: DateTime<Utc>) -> String {
    let lapses = moment(token.lapses_at, now);
    let why = token.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    let plan = format!("`usersyncd ctl plan {name}`");
    match (token.will_lapse, now < token.lapses_at, token.next_use) {
        (true, true, _) => format!("will lapse on {lapses}{why}; {plan} would use it before"),
        (true, false, _) => {
            format!("lapsed on {lapses}, unless something else used it{why}; {plan} shows whether it works")
        }
        (false, _, Some(next)) => {
            format!("lapses on {lapses}, unless it is used before: next on {}", moment(next, now))
        }
        (false, _, None) => format!("lapses on {lapses}, unless it is used before"),
    }
}

fn result(run: &RunSummary) -> &'static str {
    run.outcome.map_or("interrupted", crate::sync::report::Outcome::as_str)
}

fn next(connector: &ConnectorStatus, now: DateTime<Utc>) -> String {
    match connector.next_run {
        Some(at) => moment(at, now),
        None if connector.schedule.is_some() => "–".to_owned(),
        None => "when asked".to_owned(),
    }
}

fn render_daemon(status: &DaemonStatus, style: Style, now: DateTime<Utc>) -> String {
    let mut out = format!(
        "{} {}, process {}, running since {}\n",
        style.bold("usersyncd"),
        escape(&status.version),
        status.pid,
        moment(status.started, now)
    );
    let metrics = status.metrics.as_deref().unwrap_or("off");
    out.push_str(&format!(
        "configuration {}, state {}, metrics {}\n",
        escape(&status.config),
        escape(&status.state),
        escape(metrics)
    ));
    if status.stopping {
        out.push_str(&style.yellow("stopping: no new runs begin\n"));
    }
    if !status.restart_needed_for.is_empty() {
        let keys = escape(&status.restart_needed_for.join(", ")).into_owned();
        out.push_str(&style.yellow(&format!("changed, in force after a restart: {keys}\n")));
    }
    out.push('\n');
    out.push_str(&render_list(&status.connectors, now));
    for connector in &status.connectors {
        if let Some(error) = &connector.config_error {
            out.push_str(&format!("\n{}\n{}\n", broken(connector, style), escape_lines(error)));
        }
    }
    out
}

fn broken(connector: &ConnectorStatus, style: Style) -> String {
    let name = escape(&connector.name);
    style.red(&if connector.runnable {
        format!("{name}: its file is broken; the last good version of it runs")
    } else {
        format!("{name}: its file is broken, and it does not run")
    })
}

fn render_connector(
    connector: &ConnectorStatus,
    beside: &Beside<'_>,
    style: Style,
    now: DateTime<Utc>,
) -> String {
    let state = state(connector);
    let state = escape(&state);
    let painted = match connector.state {
        ConnectorState::Idle | ConnectorState::Running => style.green(&state),
        ConnectorState::Paused | ConnectorState::Held => style.yellow(&state),
        ConnectorState::Failing | ConnectorState::ConfigError => style.red(&state),
    };
    let mut out = format!("{}: {painted}\n", style.bold(&escape(&connector.name)));
    let mut line = |key: &str, value: &str| out.push_str(&format!("  {key:<13}{}\n", escape(value)));
    if let Some(source) = &connector.source {
        line("source", source);
    }
    if let Some(target) = &connector.target {
        line("target", target);
    }
    line("schedule", connector.schedule.as_deref().unwrap_or("none: runs when asked"));
    if connector.schedule.is_some() {
        line("next run", &next(connector, now));
    }
    if let Some(status) = &connector.token {
        line("API token", &token(status, &connector.name, now));
    }
    if connector.state == ConnectorState::Paused || connector.pause_reason.is_some() {
        let name = &connector.name;
        line(
            "to go on",
            &format!(
                "see what a sync would do with `usersyncd ctl plan {name}`, then `usersyncd ctl resume {name}`"
            ),
        );
    }
    if connector.state == ConnectorState::Held {
        let aside =
            !beside.holds.is_empty() && beside.holds.iter().all(|hold| hold.state == HoldState::Discarded);
        let (key, what) = if aside {
            ("put aside", "all that is held")
        } else {
            ("to decide", "see what is held, and why,")
        };
        let how = format!("`usersyncd ctl holds {}`", connector.name);
        line(key, &if aside { format!("{what}; {how} shows it") } else { format!("{what} with {how}") });
    }
    if !connector.apply {
        line("apply", "off: plans and reports, writes nothing");
    }
    let managed = connector.managed;
    let (users, groups) = (plural(managed.users, "user"), plural(managed.groups, "group"));
    line("manages", &format!("{users}, {groups}, {}", plural(managed.memberships, "membership")));
    if let Some(run) = &connector.current {
        let since = moment(run.started, now);
        let extent = run.user.as_ref().map(|user| format!(", user {user} only")).unwrap_or_default();
        line("busy", &format!("run {} ({}{extent}), since {since}", run.run, run.trigger.as_str()));
        line("", &sentence(&run.progress));
    }
    if connector.queued {
        let waiting = connector.waiting.max(1);
        let begins = if waiting == 1 { "begins" } else { "begin one after another" };
        line("queued", &format!("{}, {begins} after the busy run", plural(waiting, "request")));
    }
    let last = connector.last_run.as_ref().map_or_else(|| "never".to_owned(), |run| last_run(run, now));
    line("last run", &last);
    if let Some(run) = beside.undo
        && let Some(undone) = run.undoes
    {
        let at = moment(run.ended.unwrap_or(run.started), now);
        line("undo", &format!("run {} undid run {undone}: {}, {at}", run.run, result(run)));
    }
    if let Some(error) = connector.last_run.as_ref().and_then(|run| run.error.as_ref()) {
        line("error", error);
    }
    if let Some(incremental) = incremental(connector, now) {
        line("incremental", &incremental);
    }
    let success = connector.last_success.map_or_else(|| "never".to_owned(), |at| moment(at, now));
    line("last success", &success);
    if let Some(error) = &connector.config_error {
        out.push_str(&format!("\n{}\n{}\n", broken(connector, style), escape_lines(error)));
    }
    out
}

fn last_run(run: &RunSummary, now: DateTime<Utc>) -> String {
    let took = run.ended.map_or_else(String::new, |ended| format!(" in {}", duration(ended - run.started)));
    let at = moment(run.ended.unwrap_or(run.started), now);
    format!("run {} ({}): {}{took}, {at}", run.run, run.trigger.as_str(), result(run))
}

/// YAML that could be a connector file, with the rest as comments.
fn render_configuration(configuration: &ConnectorConfiguration, now: DateTime<Utc>) -> String {
    let mut out = format!("# {}, from {}\n", escape(&configuration.name), escape(&configuration.path));
    out.push_str(&escape_lines(&configuration.yaml));
    if !out.ends_with('\n') {
        out.push('\n');
    }
    if configuration.next_runs.is_empty() {
        out.push_str("# no schedule: runs when asked\n");
    } else {
        out.push_str("# next runs:\n");
        for at in &configuration.next_runs {
            out.push_str(&format!("#   {}\n", moment(*at, now)));
        }
    }
    out
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
