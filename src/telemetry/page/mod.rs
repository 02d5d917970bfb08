//! The status page: one HTML document with its style in it and no script, made of what the daemon knows.
//!
//! Pure but for `serve`: the same facts give the same page. What it may show of people is decided in `privacy`.

mod connector;
mod facts;
mod findings;
mod holds;
mod overview;
mod parts;
mod privacy;
mod runs;
mod serve;

use std::sync::LazyLock;

pub use self::facts::{
    Attention, Facts, Held, History, HoldCounts, LastRun, MOST_DETAILS, MOST_HOLDS, MOST_NAMES, Source,
    attention, detailed,
};
use self::parts::push_time;
pub use self::serve::{Pages, Shown};
use crate::telemetry::html::{Html, digest};

const STYLE: &str = concat!(include_str!("../html/base.css"), include_str!("style.css"));

/// Seconds after which a browser asks again, unless it was asked not to.
const RENEWED_AFTER: u32 = 60;

/// The policy under which the page is shown: its own style and the icon that stands in it, and nothing else.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src '{}'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        digest(STYLE)
    )
});

/// What a page is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// This connector alone.
    pub connector: Option<String>,
    /// Whether names of people are shown.
    pub full: bool,
    /// Whether the browser asks again by itself.
    pub renewed: bool,
}

/// The page.
#[must_use]
pub fn render(facts: Facts, wanted: &Wanted) -> String {
    let facts = if wanted.full { facts } else { privacy::without_names(facts) };
    let mut html = Html::with_capacity(64 * 1024);
    push_head(&mut html, &facts, wanted);
    html.raw("<body>\n");
    push_header(&mut html, &facts, wanted);
    html.raw("<main>\n");
    if wanted.connector.is_none() {
        overview::push_table(&mut html, &facts);
    }
    holds::push(&mut html, &facts);
    push_details(&mut html, &facts, wanted);
    html.raw("</main>\n");
    push_footer(&mut html, &facts, wanted);
    html.raw("</body></html>\n");
    html.finish()
}

fn push_head(html: &mut Html, facts: &Facts, wanted: &Wanted) {
    let (attention, verdict) = overview::verdict(facts);
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\n");
    html.raw("<meta name=\"robots\" content=\"noindex\">\n");
    if wanted.renewed {
        html.raw("<meta http-equiv=\"refresh\" content=\"").number(RENEWED_AFTER).raw("\">\n");
    }
    // A dot in the tab, in the colour of what is worst.
    html.raw("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'");
    html.raw("%3E%3Ccircle cx='4' cy='4' r='3.5' fill='").raw(match attention {
        Attention::Failing => "crimson",
        Attention::Waiting => "orange",
        Attention::Fine => "seagreen",
    });
    html.raw("'/%3E%3C/svg%3E\">\n<title>").text(verdict);
    if let Some(name) = &wanted.connector {
        html.raw(" – ").text(name);
    }
    html.raw(" – usersyncd</title>\n<style>").raw(STYLE).raw("</style></head>\n");
}

fn push_header(html: &mut Html, facts: &Facts, wanted: &Wanted) {
    let (attention, verdict) = overview::verdict(facts);
    let status = &facts.status;
    html.raw("<header>\n<h1>");
    match &wanted.connector {
        Some(name) => drop(html.raw("<a href=\"../\">usersyncd</a> / <bdi>").text(name).raw("</bdi>")),
        None => drop(html.raw("usersyncd")),
    }
    html.raw(" <span class=\"badge ").raw(match attention {
        Attention::Failing => "failed",
        Attention::Waiting => "held",
        Attention::Fine => "success",
    });
    html.raw("\">").text(verdict).raw("</span></h1>\n<p class=\"lead\">version ").text(&status.version);
    html.raw(" · running since ");
    push_time(html, status.started, facts.now);
    html.raw(" · as of ").text(facts.now.format("%H:%M:%S UTC").to_string());
    html.raw(" · <a href=\"").raw(up(wanted)).raw("metrics\">metrics</a></p>\n");
    if wanted.connector.is_none() {
        overview::push_summary(html, facts);
    }
    if status.stopping {
        html.raw("<p class=\"notice\"><strong>The daemon is stopping:</strong> what is busy is brought to its end.</p>\n");
    }
    if !status.restart_needed_for.is_empty() {
        html.raw("<p class=\"notice\"><strong>Restart needed:</strong> ");
        for (position, key) in status.restart_needed_for.iter().enumerate() {
            html.raw(if position == 0 { "<code>" } else { ", <code>" }).text(key).raw("</code>");
        }
        html.raw(" changed in usersyncd.yaml, and is in force after <code>systemctl restart usersyncd</code>.</p>\n");
    }
    if let Some(gap) = facts.gap {
        html.raw("<p class=\"notice\"><strong>Something is missing here:</strong> ").raw(gap).raw("</p>\n");
    }
    html.raw("</header>\n");
}

/// The way to the root from here, so that the page may stand under any address of a proxy.
fn up(wanted: &Wanted) -> &'static str {
    if wanted.connector.is_some() { "../" } else { "" }
}

fn push_details(html: &mut Html, facts: &Facts, wanted: &Wanted) {
    let connectors = &facts.status.connectors;
    let shown = connectors.iter().filter(|one| match &wanted.connector {
        Some(name) => one.name == *name,
        None => facts.histories.contains_key(&one.name),
    });
    for one in shown {
        connector::push(html, facts, one, wanted.full);
    }
    if wanted.connector.is_none() && connectors.len() > facts.histories.len() {
        html.raw("<p class=\"note\">The details of ").number(facts.histories.len() as u64).raw(" of ");
        html.number(connectors.len() as u64);
        html.raw(" connectors are on this page, of those first that need attention; the others have pages of their own, to ");
        html.raw("which their names in the table lead.</p>\n");
    }
}

fn push_footer(html: &mut Html, facts: &Facts, wanted: &Wanted) {
    html.raw("<footer><p>As of ");
    html.text(facts.now.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    if wanted.renewed {
        html.raw(", renewed every minute (<a href=\"?refresh=off\">leave it as it is</a>)");
    } else {
        html.raw(", not renewed by itself (<a href=\"?\">renew it every minute</a>)");
    }
    html.raw(". ");
    html.raw(if wanted.full {
        "It shows names of people (<code>metrics.page: full</code>)."
    } else {
        "It shows no names of people or groups: <code>usersyncd ctl</code> does."
    });
    html.raw("</p></footer>\n");
}

#[cfg(test)]
pub(super) mod tests;
