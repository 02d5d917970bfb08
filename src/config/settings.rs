//! From the checked tree of `usersyncd.yaml` to [`Settings`].

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::Checker;
use super::model::{
    ControlSettings, LogFormat, LogLevel, LogSettings, MetricsSettings, NotifySettings, Page, ReportSettings,
    Settings,
};
use super::notify;
use super::secret::Environment;
use super::text::Complaint;
use super::tree::Node;
use super::values;

impl Settings {
    /// What an absent or empty file in `directory` means.
    pub(super) fn defaults(directory: &Path) -> Self {
        Self {
            connectors: directory.join("connectors.d"),
            state: PathBuf::from("/var/lib/usersyncd"),
            control: ControlSettings {
                socket: PathBuf::from("/run/usersyncd/control.sock"),
                group: "usersyncd".to_owned(),
            },
            metrics: MetricsSettings {
                listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9845))),
                page: Page::On,
            },
            log: LogSettings { level: LogLevel::Info, format: LogFormat::Text },
            notify: NotifySettings::default(),
            reports: ReportSettings { keep: Duration::from_secs(90 * 86_400), at_most: 1_000 },
        }
    }
}

/// Checks the tree and makes settings of it; relative paths start from `directory`. Without an environment, secrets are not
/// read.
pub(super) fn build(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Settings {
    checker.root(root);
    let defaults = Settings::defaults(directory);
    let text = |path: &[&str]| root.find(path).and_then(Node::scalar);
    let path = |keys: &[&str], default: PathBuf| text(keys).map_or(default, |path| directory.join(path));
    let word = |keys: &[&str], words: &[&'static str]| text(keys).and_then(|text| values::word(text, words));
    let listen = text(&["metrics", "listen"]).and_then(|text| values::listen(text).ok());
    let settings = Settings {
        connectors: path(&["connectors"], defaults.connectors),
        state: path(&["state"], defaults.state),
        control: ControlSettings {
            socket: path(&["control", "socket"], defaults.control.socket),
            group: text(&["control", "group"]).map_or(defaults.control.group, str::to_owned),
        },
        metrics: MetricsSettings {
            listen: listen.unwrap_or(defaults.metrics.listen),
            page: match word(&["metrics", "page"], &["off", "on", "full"]) {
                Some("off") => Page::Off,
                Some("full") => Page::Full,
                _ => Page::On,
            },
        },
        log: LogSettings {
            level: match word(&["log", "level"], &["error", "warn", "debug", "trace"]) {
                Some("error") => LogLevel::Error,
                Some("warn") => LogLevel::Warn,
                Some("debug") => LogLevel::Debug,
                Some("trace") => LogLevel::Trace,
                _ => LogLevel::Info,
            },
            format: match word(&["log", "format"], &["json"]) {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
        },
        notify: notify::of_settings(checker, root, directory, environment),
        reports: ReportSettings {
            keep: text(&["reports", "keep"])
                .and_then(|text| values::duration(text).ok())
                .unwrap_or(defaults.reports.keep),
            at_most: text(&["reports", "at_most"])
                .and_then(|text| values::count(text).ok())
                .unwrap_or(defaults.reports.at_most),
        },
    };
    check_reach(checker, root, &settings);
    settings
}

/// Warns if names of people are shown to the network, and refuses a socket whose path became too long.
fn check_reach(checker: &mut Checker, root: &Node, settings: &Settings) {
    if let (Some(address), Page::Full) = (settings.metrics.listen, settings.metrics.page)
        && !address.ip().is_loopback()
        && let Some(page) = root.find(&["metrics", "page"])
    {
        let complaint = Complaint::new(format!(
            "Everybody who reaches {address} can read the names of users and groups there."
        ));
        checker.warning(page.region, complaint.advise("Write `page: on`, or listen on a loopback address."));
    }
    if let Some(socket) = root.find(&["control", "socket"])
        && let Err(complaint) = values::socket(&settings.control.socket.to_string_lossy())
        && socket.scalar().is_some_and(|text| values::socket(text).is_ok())
    {
        checker.error(socket.region, complaint);
    }
}
