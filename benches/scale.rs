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
    println!("| workload | sync | wall | CPU | peak | requests | least | over | 429 | goal |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---|");
    let mut per_user = Vec::new();
    for workload in chosen.split(',') {
        match workload {
            "hundred-thousand" => {
                let size = Size { users: 100_000, groups: 5_000, memberships: 1_000_000 };
                let goals = ["12 s CPU, 220 MB", "2.5 s CPU, 1.02 x the least"];
                per_user.push(unlimited("100,000 users", &size, goals).await? / size.users as f64);
                incremental("100,000 users", &size).await?;
            }
            "million" => {
                let size = Size { users: 1_000_000, groups: 20_000, memberships: 10_000_000 };
                let goals = ["2 GB, 1.2 x the CPU per user"; 2];
                per_user.push(unlimited("1,000,000 users", &size, goals).await? / size.users as f64);
            }
            "limits" => limits().await?,
            "shared" => shared().await?,
            other => return Err(format!("no workload {other}").into()),
        }
    }
    if let [one, other, ..] = per_user[..] {
        let us = |seconds: f64| seconds * 1e6;
        println!(
            "CPU per user, first and unchanged: {:.0} us and {:.0} us, {:.2} x",
            us(one),
            us(other),
            other / one
        );
    }
    Ok(())
}

const INCREMENTAL: &str = "schedule: { cron: '@yearly', incremental: 24h }\n";

/// Returns the CPU seconds of the first and the unchanged sync together.
async fn unlimited(name: &str, size: &Size, goals: [&str; 2]) -> Outcome<f64> {
    let [first_goal, unchanged_goal] = goals;
    let scratch = tempfile::tempdir()?;
    let okta = size.stand_in(&[])?;
    let daemon = Daemon::start(scratch.path(), &okta, "")?;
    let full = ["sync", "acme", "--wait"];
    let all = |least: &Value| count(&least["total"]);
    let first = measure((name, "first", first_goal), &daemon, &okta, &full, all).await?;
    let pages = |least: &Value| count(&least["unchanged"]);
    let unchanged = measure((name, "unchanged", unchanged_goal), &daemon, &okta, &full, pages).await?;
    Ok(first + unchanged)
}

async fn incremental(name: &str, size: &Size) -> Outcome<()> {
    let scratch = tempfile::tempdir()?;
    let okta = size.stand_in(&[])?;
    let daemon = Daemon::start(scratch.path(), &okta, INCREMENTAL)?;
    daemon.sync()?;
    okta.post("change", r#"{"seed": 5, "changed_users": 100, "changed_groups": 20}"#).await?;
    // One page of users, one of groups, and the members of each group.
    let incremental = ["sync", "acme", "--incremental", "--wait"];
    let what = "100 users and 20 groups changed";
    measure((name, what, "1 s wall, 30 requests"), &daemon, &okta, &incremental, |_| 22).await?;
    // Searches run behind, so the lists of the groups that changed are read once more.
    measure((name, "nothing changed since", "-"), &daemon, &okta, &incremental, |_| 22).await?;
    Ok(())
}

/// One sync as a row; returns its CPU seconds. The kernel counts time and memory.
async fn measure(
    (workload, what, goal): (&str, &str, &str),
    daemon: &Daemon,
    okta: &StandIn,
    command: &[&str],
    least: impl Fn(&Value) -> u64,
) -> Outcome<f64> {
    okta.post("reset-counts", "").await?;
    daemon.reset_peak();
    let (cpu_before, started) = (cpu_seconds(daemon.id())?, Instant::now());
    daemon.sync_as(command)?;
    let (wall, cpu) = (started.elapsed(), cpu_seconds(daemon.id())? - cpu_before);
    let state = okta.get("state").await?;
    let (requests, least) = (count(&state["requests"]["total"]), least(&state["least_requests"]));
    print_row(
        (workload, what, goal),
        wall,
        cpu,
        daemon.peak_kib()?,
        (requests, least),
        count(&state["requests"]["statuses"]["429"]),
    );
    Ok(cpu)
}

fn print_row(
    (workload, what, goal): (&str, &str, &str),
    wall: Duration,
    cpu: f64,
    peak_kib: u64,
    (requests, least): (u64, u64),
    refused: u64,
) {
    println!(
        "| {workload} | {what} | {:.2} s | {cpu:.2} s | {:.0} MB | {requests} | {least} | {:.3} | {refused} | {goal} |",
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
    let (row, all) =
        (("Workforce limits, 50 %", "first", "1.05 x the floor"), |least: &Value| count(&least["total"]));
    measure(row, &daemon, &okta, &full, all).await?;
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
