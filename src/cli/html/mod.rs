//! `ctl run ID --html FILE`: one page about a run, to be mailed or kept for an audit.
//!
//! The page holds all that it needs and asks nobody for anything: its policy allows the one style and the one script that
//! stand in it, by their digests, and nothing else. Everything is in the page as it is written here; the script only
//! searches. Without it, all is there.

mod charts;
mod operations;
mod summary;

use std::path::Path;

use chrono::{DateTime, Utc};

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::file::Draft;
use super::text::{plural, size};
use crate::control::api::{ErrorKind, RunList};
use crate::control::client::ClientError;
use crate::sync::report::{Report, RunSummary};
use crate::telemetry::escape::escape;
use crate::telemetry::html::chart::MOST_RUNS;
use crate::telemetry::html::{Html, digest};

const STYLE: &str = concat!(include_str!("../../telemetry/html/base.css"), include_str!("style.css"));
const SCRIPT: &str = include_str!("script.js");

/// Bytes of a page without operations, and of an operation, roughly: so that a long page is not copied as it grows.
const ROOM: (usize, usize) = (64 * 1024, 512);
/// As many runs as the daemon lists at once; for charts of runs that were long ago.
const ALL_RUNS: usize = 1000;

/// Writes the page about this run to `file`; `-` stands for standard output.
pub(super) async fn run(ctl: &Ctl, report: &Report, file: &Path) -> Result<Exit, Failure> {
    let runs = runs_up_to(ctl, report).await?;
    let page = page(report, &runs, ctl.output.clock.now());
    if file == Path::new("-") {
        ctl.output.print(&page)?;
        return Ok(Exit::Done);
    }
    let mut draft = Draft::begin(file, "page")?;
    draft.write(page.as_bytes())?;
    draft.finish()?;
    ctl.output.say(&format!(
        "wrote {}: run {} of {}, {}, {}; only you may read it, since it has names of people",
        escape(&file.display().to_string()),
        report.run,
        escape(&report.connector),
        plural(report.operations.len() as u64, "operation"),
        size(page.len() as u64),
    ));
    Ok(Exit::Done)
}

/// The last runs of the connector up to this one, oldest first. Runs that have not ended say nothing yet.
async fn runs_up_to(ctl: &Ctl, report: &Report) -> Result<Vec<RunSummary>, Failure> {
    let mut runs = Vec::new();
    // Most pages are about one of the last runs: the long list is asked for only where the short one does not do.
    for limit in [MOST_RUNS, ALL_RUNS] {
        let query = [("connector", report.connector.as_str()), ("limit", &limit.to_string())];
        runs = match ctl.client.get::<RunList>(&["v1", "runs"], &query).await {
            Ok(list) => list.runs,
            // The connector was renamed since: its runs are found under another name only.
            Err(ClientError::Refused { kind: ErrorKind::NotFound, .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let is_all = runs.len() < limit;
        runs.retain(|run| run.run <= report.run);
        if is_all || runs.len() >= MOST_RUNS {
            break;
        }
    }
    runs.retain(|run| run.run < report.run && run.outcome.is_some());
    runs.truncate(MOST_RUNS - 1);
    runs.insert(0, RunSummary::from(report));
    runs.reverse();
    Ok(runs)
}

/// The page about a run. `runs` are those of the chart, oldest first, `made` is when it is made.
fn page(report: &Report, runs: &[RunSummary], made: DateTime<Utc>) -> String {
    let mut html = Html::with_capacity(ROOM.0 + ROOM.1 * report.operations.len());
    push_head(&mut html, report);
    html.raw("<body>\n");
    summary::push_header(&mut html, report);
    push_contents(&mut html, report);
    html.raw("<main>\n");
    summary::push_counts(&mut html, report);
    charts::push(&mut html, runs);
    summary::push_holds(&mut html, &report.holds);
    summary::push_remarks(&mut html, report);
    operations::push(&mut html, &report.operations, &report.holds);
    html.raw("</main>\n<footer><p>Made on ").text(summary::moment(made)).raw(" by usersyncd ");
    html.raw(env!("CARGO_PKG_VERSION"))
        .raw(". This file holds all of the run's report and loads nothing.</p>");
    html.raw("</footer>\n<script>").raw(SCRIPT).raw("</script>\n</body></html>\n");
    html.finish()
}

fn push_head(html: &mut Html, report: &Report) {
    // No frame-ancestors: browsers do not take it from a page itself, and say so in their console.
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"").text(policy).raw("\">\n");
    html.raw("<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\n");
    html.raw("<title>").text(&report.connector).raw(", run ").number(report.run).raw(": ");
    html.raw(report.outcome.as_str())
        .raw(" – usersyncd</title>\n<style>")
        .raw(STYLE)
        .raw("</style></head>\n");
}

/// Links to the sections that there are.
fn push_contents(html: &mut Html, report: &Report) {
    let sections: [(&'static str, &'static str, Option<u64>); 8] = [
        ("#counts", "Counts", None),
        ("#chart", "The last runs", None),
        ("#holds", "Held", Some(report.holds.len() as u64)),
        ("#stale", "No longer as it was", Some(report.stale.len() as u64)),
        ("#not-proven", "Not read to the end", Some(report.not_proven.len() as u64)),
        ("#grace", "In grace", Some(report.in_grace)),
        ("#findings", "Findings", Some(report.findings.len() as u64)),
        ("#operations", "Operations", Some(report.operations.len() as u64)),
    ];
    html.raw("<nav aria-label=\"sections\"><ul>\n");
    for (target, name, count) in sections {
        if count == Some(0) {
            continue;
        }
        html.raw("<li><a href=\"").raw(target).raw("\">").raw(name).raw("</a>");
        if let Some(count) = count {
            html.raw(" ").number(count);
        }
        html.raw("</li>\n");
    }
    html.raw("</ul></nav>\n");
}

#[cfg(test)]
mod tests;
