//! Atlassian's published workload (10,000 users, 1,000 groups, 200,000 memberships) through the real daemon: first sync,
//! unchanged sync, sync with 100 changes. Prints wall time, CPU time and peak memory of the daemon, requests made, and the
//! least number of requests possible. `make bench` builds what it needs.
//!
//! The daemon and the stand-in are processes of their own; CPU time and memory are the kernel's figures for the daemon.

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Daemon, GROUPS, MEMBERSHIPS, Outcome, StandIn, USERS, cpu_seconds};

/// One row of the table.
struct Figures {
    what: &'static str,
    wall: Duration,
    cpu: f64,
    peak_kib: u64,
    requests: u64,
    /// None: that depends on how many lists changed.
    least: Option<u64>,
    changes: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    println!(
        "{USERS} users, {GROUPS} groups, {MEMBERSHIPS} memberships (long-tailed); stand-in without rate limits"
    );
    println!("the median of {rounds} rounds\n");
    let mut all: Vec<Vec<Figures>> = Vec::new();
    for _ in 0..rounds {
        all.push(round().await?);
    }
    println!("| sync            | wall     | CPU      | peak     | requests | least | over  | operations |");
    println!("|-----------------|---------:|---------:|---------:|---------:|------:|------:|-----------:|");
    for at in 0..all[0].len() {
        let median = |figure: &dyn Fn(&Figures) -> f64| {
            let mut values: Vec<f64> = all.iter().map(|round| figure(&round[at])).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let row = &all[0][at];
        println!(
            "| {:<15} | {:>6.2} s | {:>6.2} s | {:>5.1} MB | {:>8} | {:>5} | {:>5} | {:>10} |",
            row.what,
            median(&|figures| figures.wall.as_secs_f64()),
            median(&|figures| figures.cpu),
            median(&|figures| figures.peak_kib as f64 * 1024.0 / 1e6),
            median(&|figures| figures.requests as f64),
            row.least.map_or("-".to_owned(), |least| least.to_string()),
            row.least.map_or("-".to_owned(), |least| format!("{:.3}", row.requests as f64 / least as f64)),
            row.changes,
        );
    }
    Ok(())
}

async fn round() -> Outcome<Vec<Figures>> {
    let scratch = tempfile::tempdir()?;
    let okta = StandIn::okta()?;
    let daemon = Daemon::start(scratch.path(), &okta, "")?;
    let mut figures = vec![measure("first", &daemon, &okta, Some("total")).await?];
    figures.push(measure("unchanged", &daemon, &okta, Some("unchanged")).await?);
    okta.post("change", r#"{"seed": 5, "mixed": 100}"#).await?;
    figures.push(measure("100 changes", &daemon, &okta, None).await?);
    Ok(figures)
}

async fn measure(
    what: &'static str,
    daemon: &Daemon,
    okta: &StandIn,
    least: Option<&str>,
) -> Outcome<Figures> {
    let pid = daemon.id();
    okta.post("reset-counts", "").await?;
    daemon.reset_peak();
    let (cpu_before, started) = (cpu_seconds(pid)?, Instant::now());
    let report = daemon.sync()?;
    let (wall, cpu) = (started.elapsed(), cpu_seconds(pid)? - cpu_before);
    let state = okta.get("state").await?;
    let count = |at: &Value| at.as_u64().unwrap_or(0);
    let counts = &report["counts"];
    let changes = ["users", "groups", "memberships"]
        .iter()
        .flat_map(|kind| ["created", "updated", "disabled", "deleted"].map(|what| count(&counts[kind][what])))
        .sum();
    Ok(Figures {
        what,
        wall,
        cpu,
        peak_kib: daemon.peak_kib()?,
        requests: count(&state["requests"]["total"]),
        least: least.map(|least| count(&state["least_requests"][least])),
        changes,
    })
}
