//! Atlassian's published workload (10,000 users, 1,000 groups, 200,000 memberships) through the real daemon: first sync,
//! unchanged sync, sync with 100 changes. Prints wall time, CPU time and peak memory of the daemon, requests made, and the
//! least number of requests possible. `make bench` builds what it needs.
//!
//! The daemon and the stand-in are processes of their own; CPU time and memory are the kernel's figures for the daemon.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

const USERS: u64 = 10_000;
const GROUPS: u64 = 1_000;
const MEMBERSHIPS: u64 = 200_000;

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// One row of the table.
struct Figures {
    what: &'static str,
    wall: Duration,
    cpu: f64,
    peak_kib: u64,
    requests: u64,
    least: u64,
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
            "| {:<15} | {:>6.2} s | {:>6.2} s | {:>5.1} MB | {:>8} | {:>5} | {:>5.3} | {:>10} |",
            row.what,
            median(&|figures| figures.wall.as_secs_f64()),
            median(&|figures| figures.cpu),
            median(&|figures| figures.peak_kib as f64 * 1024.0 / 1e6),
            median(&|figures| figures.requests as f64),
            row.least,
            median(&|figures| figures.requests as f64 / figures.least as f64),
            row.changes,
        );
    }
    Ok(())
}

async fn round() -> Outcome<Vec<Figures>> {
    let scratch = tempfile::tempdir()?;
    let (_okta, url, token) = start_okta()?;
    let daemon = start_daemon(scratch.path(), &url, &token)?;
    let mut figures = vec![measure("first", &daemon, scratch.path(), &url, 0).await?];
    figures.push(measure("unchanged", &daemon, scratch.path(), &url, 0).await?);
    let changed = post(&url, "change", r#"{"seed": 5, "mixed": 100}"#).await?;
    // Whoever left the list of users is asked for before the account is disabled: no fewer requests would be safe.
    let absent =
        changed["users_deactivated"].as_u64().unwrap_or(0) + changed["users_deleted"].as_u64().unwrap_or(0);
    figures.push(measure("100 changes", &daemon, scratch.path(), &url, absent).await?);
    Ok(figures)
}

/// The release build of the stand-in, beside this program.
fn sandbox() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_usersyncd")).with_file_name("sandbox")
}

fn start_okta() -> Outcome<(Process, String, String)> {
    let mut okta = Command::new(sandbox())
        .args(["okta", "--seed", "11", "--until-stdin-closes"])
        .args(["--users", &USERS.to_string(), "--groups", &GROUPS.to_string()])
        .args(["--memberships", &MEMBERSHIPS.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = okta.stdout.take().ok_or("the stand-in has no output")?;
    let okta = Process(okta);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let word = |start: &str| {
        let found = line.split_whitespace().find_map(|word| word.strip_prefix(start));
        found.map(str::to_owned).ok_or(format!("no {start} in {line:?}"))
    };
    let url =
        line.split_whitespace().find(|word| word.starts_with("http://")).ok_or("no address")?.to_owned();
    let token = word("token=")?;
    Ok((okta, url, token))
}

fn start_daemon(scratch: &Path, url: &str, token: &str) -> Outcome<Process> {
    std::fs::create_dir(scratch.join("connectors.d"))?;
    std::fs::write(scratch.join("token"), token)?;
    std::fs::set_permissions(scratch.join("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    std::fs::write(
        scratch.join("connectors.d/acme.yaml"),
        format!(
            "source:\n  okta:\n    url: {url}\n    auth: {{ api_token: {{ file: {}/token }} }}\n",
            scratch.display()
        ),
    )?;
    std::fs::write(
        scratch.join("usersyncd.yaml"),
        "state: state\ncontrol: { socket: control.sock }\nmetrics: { listen: off }\n",
    )?;
    let log = std::fs::File::create(scratch.join("daemon.log"))?;
    let daemon = Command::new(env!("CARGO_BIN_EXE_usersyncd"))
        .args(["run", "--config"])
        .arg(scratch.join("usersyncd.yaml"))
        .stderr(log)
        .spawn()?;
    let daemon = Process(daemon);
    let started = Instant::now();
    while !ctl(scratch, &["list"])?.status.success() {
        if started.elapsed() > Duration::from_secs(30) {
            return Err(std::fs::read_to_string(scratch.join("daemon.log"))?.into());
        }
        std::thread::yield_now();
    }
    Ok(daemon)
}

fn ctl(scratch: &Path, arguments: &[&str]) -> Outcome<std::process::Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usersyncd"));
    command.args(["ctl", "--json", "--socket"]).arg(scratch.join("control.sock")).args(arguments);
    Ok(command.output()?)
}

async fn measure(
    what: &'static str,
    daemon: &Process,
    scratch: &Path,
    url: &str,
    extra: u64,
) -> Outcome<Figures> {
    let pid = daemon.0.id();
    post(url, "reset-counts", "").await?;
    // 5 resets the peak of the resident size (proc(5), clear_refs).
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").ok();
    let (cpu_before, started) = (cpu_seconds(pid)?, Instant::now());
    let output = ctl(scratch, &["sync", "acme", "--wait"])?;
    let (wall, cpu) = (started.elapsed(), cpu_seconds(pid)? - cpu_before);
    let report: Value = serde_json::from_slice(&output.stdout)?;
    if report["outcome"] != "success" {
        return Err(format!("the {what} sync ended with {}: {}", report["outcome"], report["error"]).into());
    }
    let state = get(url, "state").await?;
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
        peak_kib: peak_kib(pid)?,
        requests: count(&state["requests"]["total"]),
        least: count(&state["least_requests"]["total"]) + extra,
        changes,
    })
}

/// User and system time of a process so far (proc(5), stat, fields 14 and 15), in seconds.
fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(") ").ok_or("no name in stat")?.1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // The kernel's clock tick for user space is 100 per second on every Linux that Rust runs on.
    Ok(ticks / 100.0)
}

fn peak_kib(pid: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

async fn get(url: &str, path: &str) -> Outcome<Value> {
    let body = reqwest::Client::new().get(format!("{url}/sandbox/{path}")).send().await?.bytes().await?;
    Ok(serde_json::from_slice(&body)?)
}

async fn post(url: &str, path: &str, body: &str) -> Outcome<Value> {
    let request = reqwest::Client::new().post(format!("{url}/sandbox/{path}")).body(body.to_owned());
    Ok(serde_json::from_slice(&request.send().await?.bytes().await?)?)
}
