//! Large orgs through the real daemon into the built-in directory: first, unchanged and incremental syncs, without limits and
//! under those of a Workforce org, alone and beside others. Each figure is printed with the least that is possible.
//! `make bench-scale` builds what it needs; `WORKLOADS` chooses.
//!
//! The daemon and the stand-in are processes of their own; CPU time and memory are the kernel's figures for the daemon.

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Daemon, Outcome, StandIn, cpu_seconds};

/// How long a window of Okta's limits is.
const WINDOW: f64 = 60.0;

/// An org.
struct Size {
    users: u64,
    groups: u64,
    memberships: u64,
}

impl Size {
    fn stand_in(&self, more: &[&str]) -> Outcome<StandIn> {
        let [users, groups, memberships] =
            [self.users, self.groups, self.memberships].map(|count| count.to_string());
        let mut arguments = vec![
            "okta",
            "--seed",
            "11",
            "--users",
            &users,
            "--groups",
            &groups,
            "--memberships",
            &memberships,
        ];
        arguments.extend(more);
        StandIn::start(&arguments)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let chosen =
        std::env::var("WORKLOADS").unwrap_or_else(|_| "hundred-thousand,shared,limits,million".to_owned());
    println!("| workload | sync | wall | CPU | peak | requests | least | over | 429 |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for workload in chosen.split(',') {
        match workload {
            "hundred-thousand" => {
                let size = Size { users: 100_000, groups: 5_000, memberships: 1_000_000 };
                unlimited("100,000 users", &size).await?;
            }
            "million" => {
                let size = Size { users: 1_000_000, groups: 20_000, memberships: 10_000_000 };
                unlimited("1,000,000 users", &size).await?;
            }
            "limits" => limits().await?,
            "shared" => shared().await?,
            other => return Err(format!("no workload {other}").into()),
        }
    }
    Ok(())
}

const INCREMENTAL: &str = "schedule: { cron: '@yearly', incremental: 24h }\n";

async fn unlimited(name: &str, size: &Size) -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let okta = size.stand_in(&[])?;
    let daemon = Daemon::start(scratch.path(), &okta, "")?;
    let full = ["sync", "acme", "--wait"];
    measure(name, "first", &daemon, &okta, &full, |least| count(&least["total"])).await?;
    measure(name, "unchanged", &daemon, &okta, &full, |least| count(&least["unchanged"])).await?;
    drop(daemon);
    let scratch = tempfile::tempdir()?;
    let daemon = Daemon::start(scratch.path(), &okta, INCREMENTAL)?;
    daemon.sync()?;
    okta.post("change", r#"{"seed": 5, "changed_users": 100, "changed_groups": 20}"#).await?;
    // One page of users, one of groups, and the members of each group.
    let incremental = ["sync", "acme", "--incremental", "--wait"];
    measure(name, "100 users and 20 groups changed", &daemon, &okta, &incremental, |_| 22).await?;
    measure(name, "nothing changed since", &daemon, &okta, &incremental, |_| 2).await
}

/// One sync as a row. The kernel counts time and memory.
async fn measure(
    workload: &str,
    what: &str,
    daemon: &Daemon,
    okta: &StandIn,
    command: &[&str],
    least: impl Fn(&Value) -> u64,
) -> Outcome<()> {
    okta.post("reset-counts", "").await?;
    daemon.reset_peak();
    let (cpu_before, started) = (cpu_seconds(daemon.id())?, Instant::now());
    daemon.sync_as(command)?;
    let (wall, cpu) = (started.elapsed(), cpu_seconds(daemon.id())? - cpu_before);
    let state = okta.get("state").await?;
    let (requests, least) = (count(&state["requests"]["total"]), least(&state["least_requests"]));
    print_row(
        workload,
        what,
        wall,
        cpu,
        daemon.peak_kib()?,
        (requests, least),
        count(&state["requests"]["statuses"]["429"]),
    );
    Ok(())
}

fn print_row(
    workload: &str,
    what: &str,
    wall: Duration,
    cpu: f64,
    peak_kib: u64,
    (requests, least): (u64, u64),
    refused: u64,
) {
    println!(
        "| {workload} | {what} | {:.2} s | {cpu:.2} s | {:.0} MB | {requests} | {least} | {:.3} | {refused} |",
        wall.as_secs_f64(),
        peak_kib as f64 * 1024.0 / 1e6,
        requests as f64 / least as f64,
    );
}

fn count(at: &Value) -> u64 {
    at.as_u64().unwrap_or(0)
}

/// A first sync under the limits of a Workforce org, of which headers show a token half, and the budget takes half of that.
async fn limits() -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let size = Size { users: 10_000, groups: 1_000, memberships: 200_000 };
    let okta = size.stand_in(&["--rate-limits", "workforce", "--latency", "250"])?;
    let daemon = Daemon::start(scratch.path(), &okta, "")?;
    let started = Instant::now();
    let full = ["sync", "acme", "--wait"];
    measure("Workforce limits, 50 %", "first", &daemon, &okta, &full, |least| count(&least["total"])).await?;
    let wall = started.elapsed().as_secs_f64();
    let least = okta.get("state").await?["least_requests"].clone();
    // 125 of the 250 that headers show for groups and members; all but the last window are waited for to their end.
    let windows = (count(&least["groups"]) + count(&least["members"])).div_ceil(125);
    let floor = (windows - 1) as f64 * WINDOW;
    println!("wall time {wall:.1} s, floor {floor:.0} s ({windows} windows), {:.3} of it", wall / floor);
    Ok(())
}

/// Two connectors with questions of their own, and somebody else who uses 40 % of what the org has.
async fn shared() -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let size = Size { users: 2_000, groups: 300, memberships: 20_000 };
    let okta = size.stand_in(&[
        "--rate-limits",
        "workforce",
        "--latency",
        "100",
        "--foreign",
        "groups=40",
        "--foreign",
        "users=40",
    ])?;
    // Another question keeps the two from sharing a read; and only the first one writes.
    let search = "    users: { search: 'status pr' }\napply: off\n";
    let connectors = [("acme", ""), ("beta", search)];
    let daemon = Daemon::start_with(scratch.path(), &okta, &connectors)?;
    okta.post("reset-counts", "").await?;
    let started = Instant::now();
    daemon.ask(&["sync", "--all", "--wait"])?;
    let wall = started.elapsed().as_secs_f64();
    let requests = okta.get("state").await?["requests"].clone();
    println!(
        "two connectors and a foreign client: {wall:.1} s, {} requests of ours, {} foreign; refused: {} of ours, {} foreign",
        count(&requests["total"]),
        count(&requests["foreign"]),
        count(&requests["statuses"]["429"]),
        count(&requests["foreign_limited"]),
    );
    Ok(())
}
