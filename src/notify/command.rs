//! Telling a command: the report on its standard input, a time limit, and nothing of the daemon's environment.

use std::ffi::OsString;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::Delivery;
use crate::config::model::CommandSettings;

/// How much of each of its outputs is kept for the log, in bytes.
const KEPT_OUTPUT: usize = 2 * 1024;
/// How long a command that was killed may take to be gone.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Where programs are looked for if the daemon was started without `$PATH`.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs it. The error is the end of a sentence, with what the command said.
pub(super) async fn tell(settings: &CommandSettings, delivery: &Delivery) -> Result<(), String> {
    let report = &delivery.report;
    // Its operations are in the journal: `usersyncd ctl run` puts them in.
    let input =
        serde_json::to_vec(&**report).map_err(|error| format!("it cannot be written as JSON: {error}"))?;
    let environment = vec![
        ("USERSYNCD_EVENT", delivery.event.as_str().into()),
        ("USERSYNCD_CONNECTOR", report.connector.as_str().into()),
        ("USERSYNCD_RUN", report.run.to_string().into()),
    ];
    run(settings, environment, &input, tokio::time::sleep(settings.timeout)).await
}

/// Runs it until it has ended and its outputs are closed, or else until `over`; then it is killed with all of its process
/// group.
async fn run(
    settings: &CommandSettings,
    environment: Vec<(&'static str, OsString)>,
    input: &[u8],
    over: impl Future<Output = ()>,
) -> Result<(), String> {
    let mut child = start(settings, environment).await?;
    let group = Group::of(&child);
    let mut said = [Vec::new(), Vec::new()];
    let ended = {
        let mut attended = pin!(attend(&mut child, input, &mut said));
        tokio::select! {
            ended = &mut attended => {
                group.let_be();
                Some(ended)
            }
            () = over => {
                drop(group);
                // Its last words; what left the process group may hold its outputs open for ever.
                drop(timeout(LAST_WORDS, &mut attended).await);
                None
            }
        }
    };
    let program = settings.program.display();
    let said = said_at_last(&said);
    match ended {
        None => {
            // Takes its exit status, if nobody has, so that no zombie is left. A lane must not wait for ever for what no
            // signal of ours reaches.
            drop(timeout(LAST_WORDS, child.kill()).await);
            let limit = settings.timeout.as_secs();
            Err(format!(
                "{program} was killed, since it took longer than {limit} s (notify.command_timeout){said}"
            ))
        }
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => Err(format!("{program} ended with {status}{said}")),
        Some(Err(error)) => Err(format!("how {program} ended is not known: {error}")),
    }
}

/// Starts it on a thread of its own: a file system that hangs hangs there.
async fn start(
    settings: &CommandSettings,
    environment: Vec<(&'static str, OsString)>,
) -> Result<Child, String> {
    let mut command = Command::new(&settings.program);
    command
        .args(&settings.arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into()))
        .envs(std::env::var_os("LANG").map(|language| ("LANG", language)))
        .envs(environment)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let started = match tokio::task::spawn_blocking(move || command.spawn()).await {
        Ok(started) => started.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    started.map_err(|error| {
        format!(
            "{} could not be started: {error}. Look at `notify.command` in usersyncd.yaml",
            settings.program.display()
        )
    })
}

/// Feeds it, listens to it, and waits until all is over.
async fn attend(
    child: &mut Child,
    input: &[u8],
    [out, err]: &mut [Vec<u8>; 2],
) -> std::io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = async {
        // Who ends without having read all of it has read enough.
        tokio::select! {
            ended = child.wait() => return ended,
            () = feed(stdin, input) => {}
        }
        child.wait().await
    };
    let (ended, (), ()) = tokio::join!(ended, listen(stdout, out), listen(stderr, err));
    ended
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        // An error means that it does not want to know.
        drop(stdin.write_all(input).await);
    }
}

/// Reads to the end and keeps the beginning.
async fn listen(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = pipe.read(&mut piece).await {
        let room = KEPT_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..length.min(room)]);
    }
}

/// Kills a process group when it is dropped: also where nobody waits for a delivery any more, since the daemon stops.
struct Group(Option<Pid>);

impl Group {
    /// The one that `child` leads.
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// It has ended by itself.
    fn let_be(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // What is gone already need not be killed.
            if let Err(error) = killpg(leader, Signal::SIGKILL)
                && error != Errno::ESRCH
            {
                tracing::warn!("the processes of a notify command could not be killed: {error}");
            }
        }
    }
}

/// What it said on both outputs, for the end of a sentence.
fn said_at_last(said: &[Vec<u8>; 2]) -> String {
    let text = said.iter().map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    let text = text.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" / ");
    if text.is_empty() { String::new() } else { format!(", and said {text:?}") }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
