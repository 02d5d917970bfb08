//! A scratch site: an Okta stand-in, a configuration, a state directory, and the real binary as a daemon over them.
//!
//! Nothing here sleeps. The daemon says over `$NOTIFY_SOCKET`, as to systemd, when it is ready and what changed; runs
//! say over the control socket when they end; and each wait has a deadline that only a fault can reach.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::okta::{Okta, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What only a fault takes that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A scratch site.
pub(crate) struct Site {
    root: TempDir,
    pub(crate) okta: Okta,
    runtime: Runtime,
}

impl Site {
    /// With an org of 100 users and 10 groups, and no connector.
    pub(crate) fn new() -> Self {
        Self::with_org(Options::default())
    }

    /// With an org of one's own, and no connector.
    pub(crate) fn with_org(options: Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let okta = runtime.block_on(Okta::start(options)).unwrap();
        let root = tempfile::tempdir().unwrap();
        let site = Self { root, okta, runtime };
        fs::create_dir(site.path("connectors.d")).unwrap();
        fs::write(site.path("token"), site.okta.token()).unwrap();
        fs::set_permissions(site.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
        site.settings("");
        site
    }

    /// A site with connectors of these names, all without a schedule.
    pub(crate) fn with(connectors: &[&str]) -> Self {
        let site = Self::new();
        for name in connectors {
            site.write(name, &site.connector(""));
        }
        site
    }

    /// Where further stand-ins may run.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// A path in the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes usersyncd.yaml with what every test needs, and `more`.
    pub(crate) fn settings(&self, more: &str) {
        let base = "state: state\ncontrol: { socket: control.sock, group: no-such-group-here }\n\
                    metrics: { listen: \"127.0.0.1:0\", page: on }\n";
        fs::write(self.path("usersyncd.yaml"), format!("{base}{more}")).unwrap();
    }

    /// A connector file for the stand-in, with `more` keys.
    pub(crate) fn connector(&self, more: &str) -> String {
        let (url, token) = (self.okta.url(), self.path("token"));
        format!(
            "source:\n  okta:\n    url: {url}\n    auth: {{ api_token: {{ file: {} }} }}\n{more}\n",
            token.display()
        )
    }

    /// Writes a connector file, in place of an older one at once.
    pub(crate) fn write(&self, name: &str, contents: &str) {
        let new = self.path("new");
        fs::write(&new, contents).unwrap();
        fs::rename(new, self.file(name)).unwrap();
    }

    /// The path of a connector file.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path("connectors.d").join(format!("{name}.yaml"))
    }

    /// `usersyncd run`, not started yet.
    fn command(&self) -> Command {
        self.daemon_by(Command::new(env!("CARGO_BIN_EXE_usersyncd")))
    }

    /// The same by a command that takes its arguments.
    fn daemon_by(&self, mut command: Command) -> Command {
        command.arg("run").arg("--config").arg(self.path("usersyncd.yaml"));
        command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC").env_remove("JOURNAL_STREAM");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// `usersyncd run` as systemd starts it for a socket unit: `listener` is its descriptor 3, under that name.
    fn activated(&self, listener: &UnixListener, name: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        // LISTEN_PID is the process that may take the socket: the shell's, which becomes the daemon's.
        shell.args(["-c", r#"exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@""#, "sh"]);
        shell.arg(env!("CARGO_BIN_EXE_usersyncd"));
        let mut command = self.daemon_by(shell);
        command.env("LISTEN_FDNAMES", name).stdin(OwnedFd::from(listener.try_clone().unwrap()));
        command
    }

    /// Starts a daemon that gets its control socket from systemd, and waits until it says that it is ready.
    pub(crate) fn start_activated(&self, listener: &UnixListener) -> Daemon {
        let daemon = self.launch_with(&mut self.activated(listener, "control"));
        daemon.told("READY=1");
        daemon
    }

    /// Starts a daemon that gets a socket of that name and is to fail: its exit code and what it said.
    pub(crate) fn start_activated_in_vain(&self, listener: &UnixListener, name: &str) -> (i32, String) {
        let output = self.activated(listener, name).stderr(Stdio::piped()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Starts a daemon and waits until it says that it is ready.
    pub(crate) fn start(&self) -> Daemon {
        let daemon = self.launch();
        daemon.told("READY=1");
        daemon
    }

    /// The same, from within the directory and with a relative path, as a person would type it.
    pub(crate) fn start_in_place(&self) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersyncd"));
        command.args(["run", "--config", "usersyncd.yaml"]).current_dir(self.root.path());
        command.env_remove("WATCHDOG_USEC").env_remove("JOURNAL_STREAM");
        let daemon = self.launch_with(command.stdin(Stdio::null()).stdout(Stdio::null()));
        daemon.told("READY=1");
        daemon
    }

    /// The same, with these variables in its environment, and no proxy but those that they name.
    pub(crate) fn start_in(&self, environment: &[(&str, &str)]) -> Daemon {
        let mut command = self.command();
        for proxy in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(proxy).env_remove(proxy.to_lowercase());
        }
        let daemon = self.launch_with(command.envs(environment.iter().copied()));
        daemon.told("READY=1");
        daemon
    }

    /// Starts a daemon.
    pub(crate) fn launch(&self) -> Daemon {
        self.launch_with(&mut self.command())
    }

    fn launch_with(&self, command: &mut Command) -> Daemon {
        let notify = self.path("notify");
        drop(fs::remove_file(&notify));
        let notifications = read_notifications(UnixDatagram::bind(&notify).unwrap());
        let log = self.path("log");
        command.env("NOTIFY_SOCKET", &notify).stderr(File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        Daemon { child, notifications, socket: self.path("control.sock"), log }
    }

    /// Starts a daemon that is to fail, and returns its exit code and what it said.
    pub(crate) fn start_in_vain(&self) -> (i32, String) {
        let output = self.command().stderr(Stdio::piped()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// `usersyncd ctl …`: the exit code, the data, the messages.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersyncd"));
        outcome(command.arg("ctl").arg("--socket").arg(self.path("control.sock")).args(arguments))
    }

    /// `usersyncd check …` of this site: the exit code, the data, the messages.
    pub(crate) fn check(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usersyncd"));
        command.arg("check").arg("--config").arg(self.path("usersyncd.yaml")).args(arguments);
        outcome(command.env_remove("CREDENTIALS_DIRECTORY"))
    }
}

/// Runs a command to its end: the exit code, the data, the messages.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.env("NO_COLOR", "1").stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A running daemon, killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    notifications: Receiver<String>,
    socket: PathBuf,
    log: PathBuf,
}

impl Daemon {
    /// Waits for the next message to systemd that holds `text`, and returns it.
    pub(crate) fn told(&self, text: &str) -> String {
        loop {
            let Ok(message) = self.notifications.recv_timeout(DEADLINE) else {
                panic!("the daemon never told systemd {text:?}; its log:\n{}", self.log());
            };
            if message.contains(text) {
                return message;
            }
        }
    }

    /// What it wrote to its log until now.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits until it has ended. One that does not end is killed, and its status says so.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let pid = self.pid();
        let (over, is_over) = channel::<()>();
        let killer = std::thread::spawn(move || {
            if is_over.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
                let _killed = kill(pid, Signal::SIGKILL);
            }
        });
        let status = self.child.wait().unwrap();
        drop(over);
        killer.join().unwrap();
        status
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// One request over the control socket; the status and the body as JSON, or as a list of JSON lines.
    pub(crate) fn ask(&self, line: &str, body: &str) -> (u16, Value) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let (status, text) = exchange(&mut stream, line, body);
        (status, lines(&text).into_iter().last().unwrap_or(Value::Null))
    }

    /// What GET answers.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(&format!("GET {path}"), "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Asks for a sync; the events come as they happen.
    pub(crate) fn begin_sync(&self, name: &str) -> Sync {
        self.begin(name, r#"{"wait":true}"#)
    }

    /// Asks for a sync as the body says.
    fn begin(&self, name: &str, body: &str) -> Sync {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let length = body.len();
        let path = format!("/v1/connectors/{name}/sync");
        write!(stream, "POST {path} HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        Sync { stream, text: Vec::new() }
    }

    /// Syncs and returns the report.
    pub(crate) fn sync(&self, name: &str) -> Value {
        self.begin_sync(name).finish()
    }

    /// Syncs what changed and returns the report.
    pub(crate) fn sync_changes(&self, name: &str) -> Value {
        self.begin(name, r#"{"wait":true,"incremental":true}"#).finish()
    }

    /// The value of a series.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.fetch("/metrics");
        let line =
            text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {series}:\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// A page of the metrics listener: status and body.
    pub(crate) fn fetch(&self, path: &str) -> (u16, String) {
        let address = self.get("/v1/status")["metrics"].as_str().unwrap().to_owned();
        let address = address.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        split(&text)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Takes messages as they come, as systemd does: the kernel holds only a few, and a daemon that finds no room waits.
fn read_notifications(socket: UnixDatagram) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = socket.recv(&mut buffer) {
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A sync that is waited for.
pub(crate) struct Sync {
    stream: UnixStream,
    text: Vec<u8>,
}

impl Sync {
    /// Reads until the daemon has told this event.
    pub(crate) fn until(&mut self, event: &str) {
        let event = format!("\"event\":\"{event}\"");
        let mut piece = [0; 512];
        while !String::from_utf8_lossy(&self.text).contains(&event) {
            let length = self.stream.read(&mut piece).unwrap();
            assert!(length > 0, "{event} never came: {}", String::from_utf8_lossy(&self.text));
            self.text.extend_from_slice(&piece[..length]);
        }
    }

    /// All events, to the end.
    pub(crate) fn events(mut self) -> Vec<Value> {
        self.stream.read_to_end(&mut self.text).unwrap();
        let (status, body) = split(&String::from_utf8(self.text).unwrap());
        assert_eq!(status, 200, "{body}");
        lines(&body)
    }

    /// The report at the end.
    pub(crate) fn finish(self) -> Value {
        let events = self.events();
        let last = events.last().unwrap();
        assert_eq!(last["event"], "finished", "{events:#?}");
        last["report"].clone()
    }
}

fn exchange(stream: &mut UnixStream, line: &str, body: &str) -> (u16, String) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "{line} HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    split(&text)
}

fn split(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Connects to a socket as a daemon would be found alive.
pub(crate) fn is_alive(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}
