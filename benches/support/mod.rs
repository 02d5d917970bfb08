//! What benchmarks have in common: the daemon and the stand-ins as processes of their own.
#![allow(dead_code, reason = "each benchmark uses its part of it")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Atlassian's published workload.
pub(crate) const USERS: u64 = 10_000;
pub(crate) const GROUPS: u64 = 1_000;
pub(crate) const MEMBERSHIPS: u64 = 200_000;

/// A process that ends with this value.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

/// A stand-in, and the line in which it said where it is.
pub(crate) struct StandIn {
    _process: Process,
    line: String,
    /// Its address, with the path of the API if there is one.
    pub(crate) url: String,
}

impl StandIn {
    /// Starts the release build of the stand-in, which is beside this program.
    pub(crate) fn start(arguments: &[&str]) -> Outcome<Self> {
        let program: PathBuf = Path::new(env!("CARGO_BIN_EXE_usersyncd")).with_file_name("sandbox");
        let mut command = Command::new(program);
        command.args(arguments).arg("--until-stdin-closes");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().ok_or("the stand-in has no output")?;
        let process = Process(process);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).ok_or("no address")?;
        Ok(Self { url: url.to_owned(), _process: process, line })
    }

    /// Okta with the published workload and no rate limits.
    pub(crate) fn okta() -> Outcome<Self> {
        let [users, groups, memberships] = [USERS, GROUPS, MEMBERSHIPS].map(|count| count.to_string());
        Self::start(&[
            "okta",
            "--seed",
            "11",
            "--users",
            &users,
            "--groups",
            &groups,
            "--memberships",
            &memberships,
        ])
    }

    /// A word of its line: `token=…`.
    pub(crate) fn word(&self, name: &str) -> Outcome<String> {
        let start = format!("{name}=");
        let found = self.line.split_whitespace().find_map(|word| word.strip_prefix(&start));
        Ok(found.ok_or(format!("no {name} in {:?}", self.line))?.to_owned())
    }

    /// Scheme, host and port.
    fn origin(&self) -> &str {
        let end = self.url.match_indices('/').nth(2).map_or(self.url.len(), |(at, _)| at);
        self.url.get(..end).unwrap_or(&self.url)
    }

    pub(crate) async fn get(&self, path: &str) -> Outcome<Value> {
        let url = format!("{}/sandbox/{path}", self.origin());
        Ok(serde_json::from_slice(&reqwest::Client::new().get(url).send().await?.bytes().await?)?)
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Outcome<Value> {
        let url = format!("{}/sandbox/{path}", self.origin());
        let request = reqwest::Client::new().post(url).body(body.to_owned());
        Ok(serde_json::from_slice(&request.send().await?.bytes().await?)?)
    }
}

/// The daemon, in a directory of its own.
pub(crate) struct Daemon {
    process: Process,
    scratch: PathBuf,
}

impl Daemon {
    /// With one connector, `acme`, that has these keys beside its source.
    pub(crate) fn start(scratch: &Path, okta: &StandIn, keys: &str) -> Outcome<Self> {
        Self::start_with(scratch, okta, &[("acme", keys)])
    }

    /// With connectors of these names, each with its keys beside the source.
    pub(crate) fn start_with(scratch: &Path, okta: &StandIn, connectors: &[(&str, &str)]) -> Outcome<Self> {
        std::fs::create_dir(scratch.join("connectors.d"))?;
        secret(scratch, "token", &okta.word("token")?)?;
        let (url, token) = (&okta.url, scratch.join("token"));
        for (name, keys) in connectors {
            std::fs::write(
                scratch.join(format!("connectors.d/{name}.yaml")),
                format!(
                    "source:\n  okta:\n    url: {url}\n    auth: {{ api_token: {{ file: {} }} }}\n{keys}",
                    token.display()
                ),
            )?;
        }
        std::fs::write(
            scratch.join("usersyncd.yaml"),
            "state: state\ncontrol: { socket: control.sock }\nmetrics: { listen: \"127.0.0.1:0\" }\n",
        )?;
        let log = std::fs::File::create(scratch.join("daemon.log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersyncd"));
        command.args(["run", "--config"]).arg(scratch.join("usersyncd.yaml")).stderr(log);
        let daemon = Self { process: Process(command.spawn()?), scratch: scratch.to_owned() };
        let started = Instant::now();
        while !daemon.ctl(&["list"])?.status.success() {
            if started.elapsed() > Duration::from_secs(30) {
                return Err(std::fs::read_to_string(scratch.join("daemon.log"))?.into());
            }
            std::thread::yield_now();
        }
        Ok(daemon)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    fn ctl(&self, arguments: &[&str]) -> Outcome<std::process::Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersyncd"));
        command.args(["ctl", "--json", "--socket"]).arg(self.scratch.join("control.sock")).args(arguments);
        Ok(command.output()?)
    }

    /// What a command says as JSON.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Outcome<Value> {
        let output = self.ctl(arguments)?;
        let message = || String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", message()))?)
    }

    /// The value of a series, 0 if there is none.
    pub(crate) async fn metric(&self, series: &str) -> Outcome<f64> {
        let status = self.ask(&["status"])?;
        let address = status["metrics"].as_str().ok_or("no metrics")?;
        let text = reqwest::Client::new().get(format!("{address}metrics")).send().await?.text().await?;
        let value = text.lines().find_map(|line| line.strip_prefix(series)).map_or("0", str::trim);
        Ok(value.parse()?)
    }

    /// Begins to look for the peak of the resident size anew: 5 resets it (proc(5), clear_refs).
    pub(crate) fn reset_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.id()), "5").ok();
    }

    /// The peak of the resident size since then (proc(5), status).
    pub(crate) fn peak_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Syncs; anything but success is an error.
    pub(crate) fn sync(&self) -> Outcome<Value> {
        self.sync_as(&["sync", "acme", "--wait"])
    }

    /// The same by another command.
    pub(crate) fn sync_as(&self, command: &[&str]) -> Outcome<Value> {
        let report = self.ask(command)?;
        if report["outcome"] != "success" {
            return Err(format!("a sync ended with {}: {}", report["outcome"], report["error"]).into());
        }
        Ok(report)
    }
}

/// Writes a secret where only its owner reads it.
pub(crate) fn secret(scratch: &Path, name: &str, value: &str) -> Outcome<PathBuf> {
    let path = scratch.join(name);
    std::fs::write(&path, value)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(path)
}

/// User and system time of a process so far (proc(5), stat, fields 14 and 15), in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(") ").ok_or("no name in stat")?.1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    // The kernel's clock tick for user space is 100 per second on every Linux that Rust runs on.
    Ok(ticks / 100.0)
}
