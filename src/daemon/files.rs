//! What stands in the connectors directory, and when it counts: only what was read twice alike (RULES 29).
//!
//! Reading is behind [`Disk`]; what follows from it is pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config;
use crate::config::diagnostic::{Checked, Diagnostic};
use crate::config::model::{Connector, Settings};
use crate::config::scan::{Entry, Scan};
use crate::config::watch::Watcher;

/// The time between two reads that must be alike.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

/// Reads the configuration. Every method blocks.
pub(super) trait Disk: Send + Sync {
    /// Everything as it is now.
    fn look(&self) -> Seen;
    /// Reads and checks one connector file.
    fn check(&self, path: &Path) -> Checked<Connector>;
}

/// The real files.
pub(super) struct RealDisk {
    /// `usersyncd.yaml`.
    pub(super) settings: PathBuf,
    /// Whether it must exist.
    pub(super) settings_must_exist: bool,
    /// The connectors directory, as it was when the daemon started.
    pub(super) connectors: PathBuf,
    /// Watches again at each look what was replaced meanwhile.
    pub(super) watcher: Watcher,
}

impl Disk for RealDisk {
    fn look(&self) -> Seen {
        self.watcher.rewatch();
        Seen {
            files: Scan::read(&self.connectors).map(|scan| scan.entries().clone()),
            overlooked: config::overlooked_files(&self.connectors).unwrap_or_default(),
            settings: config::check_settings(&self.settings, self.settings_must_exist).into(),
        }
    }
    fn check(&self, path: &Path) -> Checked<Connector> {
        config::check_connector(path)
    }
}

/// One look at the configuration.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Connector files by connector name. An error is a directory that cannot be read, which is not an empty one.
    pub(super) files: Result<BTreeMap<String, Entry>, Diagnostic>,
    /// Warnings about files that look like connector files and are not taken for ones.
    pub(super) overlooked: Vec<Diagnostic>,
    /// `usersyncd.yaml`.
    pub(super) settings: SettingsSeen,
}

/// `usersyncd.yaml` as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SettingsSeen {
    /// What it means; none if it is broken.
    pub(super) value: Option<Settings>,
    /// All that is wrong with it.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl From<Checked<Settings>> for SettingsSeen {
    fn from(checked: Checked<Settings>) -> Self {
        Self { value: checked.value, diagnostics: checked.diagnostics }
    }
}

/// Tells changes that have settled from those that may be half written.
#[derive(Debug)]
pub(super) struct Settler<V> {
    in_force: BTreeMap<String, V>,
    candidates: BTreeMap<String, Option<V>>,
}

/// What has settled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled<V> {
    /// It is new.
    Added(String, V),
    /// It is different.
    Changed(String, V),
    /// It is gone.
    Removed(String),
}

impl<V> Default for Settler<V> {
    fn default() -> Self {
        Self { in_force: BTreeMap::new(), candidates: BTreeMap::new() }
    }
}

impl<V: Clone + PartialEq> Settler<V> {
    /// One in which `value` is in force from the beginning.
    pub(super) fn starting_with(name: &str, value: V) -> Self {
        Self { in_force: BTreeMap::from([(name.to_owned(), value)]), candidates: BTreeMap::new() }
    }

    /// Takes one look, at least [`SETTLE`] after the one before, and returns what is now in force and was not before:
    /// what differs from what is in force and was seen like this twice in a row.
    pub(super) fn step(&mut self, seen: &BTreeMap<String, V>) -> Vec<Settled<V>> {
        let names: BTreeSet<_> = self.in_force.keys().chain(seen.keys()).cloned().collect();
        // What came and went between two looks has no candidate any more.
        self.candidates.retain(|name, _| names.contains(name));
        let mut settled = Vec::new();
        for name in names {
            let now = seen.get(&name).cloned();
            let before = self.in_force.get(&name);
            if before == now.as_ref() {
                self.candidates.remove(&name);
            } else if self.candidates.get(&name) == Some(&now) {
                self.candidates.remove(&name);
                let known = before.is_some();
                settled.push(match now {
                    Some(value) => {
                        self.in_force.insert(name.clone(), value.clone());
                        if known { Settled::Changed(name, value) } else { Settled::Added(name, value) }
                    }
                    None => {
                        self.in_force.remove(&name);
                        Settled::Removed(name)
                    }
                });
            } else {
                self.candidates.insert(name, now);
            }
        }
        settled
    }

    /// What was seen differently and not yet twice alike, by name.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = &str> {
        self.candidates.keys().map(String::as_str)
    }

    /// Whether a second look is needed.
    pub(super) fn is_unsettled(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// What is in force.
    pub(super) fn in_force(&self) -> &BTreeMap<String, V> {
        &self.in_force
    }

    /// Something else came into force than what was seen; the name is to be looked at again.
    pub(super) fn correct(&mut self, name: &str, value: V) {
        self.in_force.insert(name.to_owned(), value.clone());
        // A candidate that is in force already can only ask for another look, never settle.
        self.candidates.insert(name.to_owned(), Some(value));
    }
}

/// Which keys of `usersyncd.yaml` differ in a way that needs a restart.
pub(super) fn restart_needed_for(at_start: &Settings, now: &Settings) -> Vec<String> {
    [
        ("connectors", at_start.connectors != now.connectors),
        ("state", at_start.state != now.state),
        ("control.socket", at_start.control.socket != now.control.socket),
        ("control.group", at_start.control.group != now.control.group),
        ("metrics.listen", at_start.metrics.listen != now.metrics.listen),
        ("log.format", at_start.log.format != now.log.format),
        ("reports", at_start.reports != now.reports),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(key, _)| key.to_owned())
    .collect()
}

/// Which keys of `usersyncd.yaml` differ in a way that is taken over at once.
pub(super) fn taken_over(before: &Settings, now: &Settings) -> Vec<String> {
    [
        ("metrics.page", before.metrics.page != now.metrics.page),
        ("log.level", before.log.level != now.log.level),
        ("notify", before.notify != now.notify),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(key, _)| key.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds looks such as `a1 b2` (file a with contents 1, file b with contents 2) and returns what settled at each.
    fn steps(looks: &[&str]) -> Vec<String> {
        let mut settler = Settler::default();
        looks
            .iter()
            .map(|look| {
                let seen = look
                    .split_whitespace()
                    .map(|file| (file[..1].to_owned(), file[1..].to_owned()))
                    .collect();
                let settled = settler.step(&seen).into_iter().map(|change| match change {
                    Settled::Added(name, value) => format!("+{name}{value}"),
                    Settled::Changed(name, value) => format!("~{name}{value}"),
                    Settled::Removed(name) => format!("-{name}"),
                });
                let waits = if settler.is_unsettled() { "?" } else { "" };
                format!("{}{waits}", settled.collect::<String>())
            })
            .collect()
    }

    #[test]
    fn rules_29_only_what_was_read_twice_alike_counts() {
        for (looks, expected) in [
            (&["a1", "a1", "a1"][..], &["?", "+a1", ""][..]),
            (&["a1", "a2", "a2", "a2"], &["?", "?", "+a2", ""]),
            (&["a1", "a1", "a2", "a1"], &["?", "+a1", "?", ""]),
            (&["a1", "a1", "a2", "a2"], &["?", "+a1", "?", "~a2"]),
            (&["a1", "a1", "", ""], &["?", "+a1", "?", "-a"]),
            (&["a1", "a1", "", "a1"], &["?", "+a1", "?", ""]),
            (&["a1", "", ""], &["?", "", ""]),
        ] {
            assert_eq!(steps(looks), expected, "{looks:?}");
        }
    }

    #[test]
    fn a_file_that_was_read_differently_a_third_time_is_looked_at_again() {
        let look = |value: &str| BTreeMap::from([("a".to_owned(), value.to_owned())]);
        let mut settler = Settler::starting_with("a", "1".to_owned());
        settler.step(&look("2"));
        assert_eq!(settler.step(&look("2")), [Settled::Changed("a".to_owned(), "2".to_owned())]);
        settler.correct("a", "?".to_owned());
        assert!(settler.is_unsettled());
        assert_eq!(settler.step(&look("2")), []);
        assert_eq!(settler.step(&look("2")), [Settled::Changed("a".to_owned(), "2".to_owned())]);
        settler.correct("a", "?".to_owned());
        settler.step(&BTreeMap::new());
        assert_eq!(settler.step(&BTreeMap::new()), [Settled::Removed("a".to_owned())]);
    }

    #[test]
    fn a_file_that_never_rests_does_not_keep_the_others_waiting() {
        let looks = ["a1 b1", "a2 b1", "a3 b1", "a4 b2", "a5 b2"];
        assert_eq!(steps(&looks), ["?", "+b1?", "?", "?", "~b2?"]);
    }
}
