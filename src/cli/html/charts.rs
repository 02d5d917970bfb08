//! The charts of a page: how much the connector managed after each of the last runs.

use crate::sync::report::RunSummary;
use crate::telemetry::html::Html;
use crate::telemetry::html::chart::{Chart, Scale, point, push_legend};

/// The charts of these runs, oldest first; the last one is the run of the report.
pub(super) fn push(html: &mut Html, runs: &[RunSummary]) {
    html.raw("<section id=\"chart\"><h2>The last runs</h2>\n<div class=\"charts\">\n");
    let users: Vec<_> = runs.iter().map(|run| point(run, run.managed.active)).collect();
    let memberships: Vec<_> = runs.iter().map(|run| point(run, run.managed.memberships)).collect();
    let scale = Scale::Count;
    Chart { id: "users", title: "Active users", what: "active users", scale, points: &users }.push(html);
    let title = "Managed memberships";
    Chart { id: "memberships", title, what: "memberships", scale, points: &memberships }.push(html);
    html.raw("</div>\n");
    push_legend(html, users.iter());
    html.raw("</section>\n");
}
