//! Reading the configuration again: when to look, what to make of it, whom to answer.
//!
//! A look and a check are jobs on a blocking thread, so that a file system that hangs stops nobody; the supervisor hands
//! their results back in.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::files::{self, Disk, SETTLE, Seen, SettingsSeen, Settled, Settler};
use super::fleet::Fleet;
use super::wording;
use crate::config::diagnostic::{Checked, Diagnostic, Severity};
use crate::config::model::{Connector, Settings};
use crate::config::scan::Entry;
use crate::control::api::{Rejected, ReloadAnswer};
use crate::sync::report::FORMAT_VERSION;

/// The name under which `usersyncd.yaml` is reported.
const SETTINGS: &str = "usersyncd.yaml";
/// After so many looks those who wait are answered even if something is still being written.
const MOST_LOOKS: u32 = 4;

/// What a job brought.
pub(super) enum Brought {
    /// A look at everything.
    Seen(Box<Seen>),
    /// Files that settled, with what they say.
    Checked(Vec<(String, Entry, Checked<Connector>)>),
}

/// What the supervisor is to do after a job.
#[derive(Debug, Default)]
pub(super) struct Consequence {
    /// `usersyncd.yaml` is good and different.
    pub(super) settings: Option<Settings>,
    /// The pass is over: everything is settled, or took too long to.
    pub(super) over: bool,
    /// Whether anything is wrong with the configuration.
    pub(super) good: bool,
}

/// The state of reading the configuration again.
pub(super) struct Reloader {
    disk: Arc<dyn Disk>,
    files: Settler<Entry>,
    settings: Settler<SettingsSeen>,
    job: Option<JoinHandle<Brought>>,
    look_at: Option<Instant>,
    look_again: bool,
    check_broken_again: bool,
    looks: u32,
    waiting: Vec<oneshot::Sender<ReloadAnswer>>,
    answer: ReloadAnswer,
    directory_error: Option<Diagnostic>,
    overlooked: Vec<Diagnostic>,
}

impl Reloader {
    /// Before the first look. `settings` is what the daemon started with.
    pub(super) fn new(disk: Arc<dyn Disk>, settings: SettingsSeen) -> Self {
        Self {
            disk,
            files: Settler::default(),
            settings: Settler::starting_with(SETTINGS, settings),
            job: None,
            look_at: None,
            look_again: false,
            check_broken_again: false,
            looks: 0,
            waiting: Vec::new(),
            answer: ReloadAnswer::default(),
            directory_error: None,
            overlooked: Vec::new(),
        }
    }

    /// Something may have changed.
    pub(super) fn hint(&mut self) {
        if self.job.is_some() {
            self.look_again = true;
        } else if self.look_at.is_none() {
            self.look();
        }
    }

    /// Time to look without a hint. Broken files are checked again too: what was wrong may be outside of them, such as
    /// a credential that was not there.
    pub(super) fn rescan(&mut self) {
        self.check_broken_again = true;
        self.hint();
    }

    /// Somebody wants everything read now and to know what came of it.
    pub(super) fn reload(&mut self, answer: Option<oneshot::Sender<ReloadAnswer>>) {
        self.waiting.extend(answer);
        self.rescan();
    }

    /// When the next look is due.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Looks now.
    pub(super) fn look(&mut self) {
        self.look_at = None;
        let disk = Arc::clone(&self.disk);
        self.job = Some(tokio::task::spawn_blocking(move || Brought::Seen(Box::new(disk.look()))));
    }

    /// Waits until the job is done; for ever, if there is none. Nothing is lost if this is dropped.
    pub(super) async fn next(&mut self) -> Option<Brought> {
        let brought = match &mut self.job {
            Some(job) => job.await,
            None => std::future::pending().await,
        };
        self.job = None;
        brought
            .inspect_err(|error| {
                tracing::error!("internal error while reading the configuration, please report it: {error}")
            })
            .ok()
    }

    /// Makes of a job's result what is to be made of it.
    pub(super) async fn take(&mut self, brought: Option<Brought>, fleet: &mut Fleet) -> Consequence {
        let mut consequence = Consequence::default();
        match brought {
            Some(Brought::Seen(seen)) => {
                self.take_overlooked(seen.overlooked);
                consequence.settings = self.take_settings(seen.settings);
                if self.take_files(seen.files, fleet) {
                    return consequence;
                }
            }
            Some(Brought::Checked(files)) => {
                for (name, entry, checked) in files {
                    self.take_connector(&name, entry, checked, fleet).await;
                }
            }
            None => {}
        }
        consequence.over = self.pass_over();
        consequence.good = self.directory_error.is_none()
            && fleet.rejected().is_empty()
            && self.settings.in_force().values().all(|settings| settings.value.is_some());
        consequence
    }

    /// Warns about each file once.
    fn take_overlooked(&mut self, overlooked: Vec<Diagnostic>) {
        for diagnostic in overlooked.iter().filter(|diagnostic| !self.overlooked.contains(diagnostic)) {
            tracing::warn!("{}", wording::diagnostic(diagnostic));
        }
        self.overlooked = overlooked;
    }

    /// Returns the new settings if they are good.
    fn take_settings(&mut self, seen: SettingsSeen) -> Option<Settings> {
        let settled = self.settings.step(&BTreeMap::from([(SETTINGS.to_owned(), seen)]));
        let Some(Settled::Changed(_, seen) | Settled::Added(_, seen)) = settled.into_iter().next() else {
            return None;
        };
        tell_log(SETTINGS, &seen.diagnostics);
        if seen.value.is_none() {
            tracing::error!("usersyncd.yaml is broken; its last good version stays in force");
        }
        seen.value
    }

    /// Notes a key of `usersyncd.yaml` that was taken over.
    pub(super) fn settings_taken_over(&mut self, keys: Vec<String>) {
        self.answer.settings_taken_over.extend(keys);
    }

    /// Returns whether files are being checked now.
    fn take_files(&mut self, files: Result<BTreeMap<String, Entry>, Diagnostic>, fleet: &mut Fleet) -> bool {
        let files = match files {
            Ok(files) => files,
            Err(diagnostic) => {
                if self.directory_error.as_ref() != Some(&diagnostic) {
                    tracing::error!(
                        "{} The connectors that are known go on as they are",
                        wording::diagnostic(&diagnostic)
                    );
                    self.directory_error = Some(diagnostic);
                }
                return false;
            }
        };
        if self.directory_error.take().is_some() {
            tracing::info!("the connectors directory can be read again");
        }
        let mut to_check = BTreeMap::new();
        for change in self.files.step(&files) {
            match change {
                Settled::Added(name, entry) | Settled::Changed(name, entry) => {
                    to_check.insert(name, entry);
                }
                Settled::Removed(name) => {
                    tracing::info!(
                        connector = name,
                        "its file is gone: its schedule stops, and nothing is changed in its target"
                    );
                    fleet.removed(&name);
                    self.answer.removed.push(name);
                }
            }
        }
        if std::mem::take(&mut self.check_broken_again) {
            let broken = |name: &String| fleet.config_error(name).is_some() && files.contains_key(name);
            let again = self.files.in_force().iter().filter(|(name, _)| broken(name));
            to_check.extend(again.map(|(name, entry)| (name.clone(), entry.clone())).collect::<Vec<_>>());
        }
        if to_check.is_empty() {
            return false;
        }
        let disk = Arc::clone(&self.disk);
        self.job = Some(tokio::task::spawn_blocking(move || {
            let checked = to_check.into_iter().map(|(name, entry)| {
                let checked = disk.check(&entry.path);
                (name, entry, checked)
            });
            Brought::Checked(checked.collect())
        }));
        true
    }

    async fn take_connector(
        &mut self,
        name: &str,
        entry: Entry,
        checked: Checked<Connector>,
        fleet: &mut Fleet,
    ) {
        let Some(connector) = checked.value else {
            let text = wording::diagnostics(&checked.diagnostics);
            if fleet.config_error(name) != Some(&text) {
                tell_log(name, &checked.diagnostics);
                let what = match fleet.digest(name) {
                    Some(_) => "its last good version stays in force",
                    None => "it does not run until the file is corrected",
                };
                tracing::error!(connector = name, "its file is broken; {what}");
                fleet.broken(name, text).await;
            }
            return;
        };
        if entry.digest.as_ref() != Some(&connector.digest) {
            // It changed once more between the last look and the check.
            self.files.correct(name, Entry { digest: None, ..entry });
            return;
        }
        if fleet.digest(name) == entry.digest.as_deref() && fleet.config_error(name).is_none() {
            return;
        }
        tell_log(name, &checked.diagnostics);
        if fleet.good(connector).await {
            tracing::info!(connector = name, "loaded");
            self.answer.added.push(name.to_owned());
        } else {
            tracing::info!(connector = name, "its file changed and counts from the next run on");
            self.answer.updated.push(name.to_owned());
        }
    }

    /// Plans the next look, if one is needed. Returns whether everything is settled, or took too long to.
    fn pass_over(&mut self) -> bool {
        if self.look_again {
            self.look_again = false;
            if self.files.is_unsettled() || self.settings.is_unsettled() {
                self.look_at = Some(Instant::now() + SETTLE);
            } else {
                self.look();
            }
            return false;
        }
        if self.files.is_unsettled() || self.settings.is_unsettled() {
            self.look_at = Some(Instant::now() + SETTLE);
            self.looks += 1;
            return self.looks == MOST_LOOKS;
        }
        self.looks = 0;
        true
    }

    /// Answers those who wait.
    pub(super) fn answer(&mut self, fleet: &Fleet, restart_needed_for: Vec<String>) {
        let mut answer = std::mem::take(&mut self.answer);
        answer.format_version = FORMAT_VERSION;
        answer.restart_needed_for = restart_needed_for;
        answer.rejected = self.rejected(fleet);
        let told: Vec<_> = answer.added.iter().chain(&answer.updated).cloned().collect();
        answer.unchanged = fleet.good_names().filter(|name| !told.contains(name)).cloned().collect();
        for list in [&mut answer.added, &mut answer.updated, &mut answer.removed] {
            list.sort();
            list.dedup();
        }
        for waiting in self.waiting.drain(..) {
            drop(waiting.send(answer.clone()));
        }
    }

    /// Everything that is wrong with the configuration.
    fn rejected(&self, fleet: &Fleet) -> Vec<Rejected> {
        let settings =
            self.settings.in_force().values().filter(|settings| settings.value.is_none()).map(|settings| {
                let diagnostics = wording::diagnostics(&settings.diagnostics);
                Rejected { name: SETTINGS.to_owned(), diagnostics, last_good_in_force: true }
            });
        let directory = self.directory_error.iter().map(|diagnostic| Rejected {
            name: diagnostic.file.display().to_string(),
            diagnostics: wording::diagnostics(std::slice::from_ref(diagnostic)),
            last_good_in_force: true,
        });
        let restless = self.files.unsettled().chain(self.settings.unsettled()).map(|name| Rejected {
            name: name.to_owned(),
            diagnostics: "the file changes all the time; it is taken over once it was read twice alike"
                .to_owned(),
            last_good_in_force: fleet.digest(name).is_some() || name == SETTINGS,
        });
        settings.chain(directory).chain(fleet.rejected()).chain(restless).collect()
    }
}

/// One line for each diagnostic.
fn tell_log(name: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let line = wording::diagnostic(diagnostic);
        match diagnostic.severity {
            Severity::Error => tracing::error!(connector = name, "{line}"),
            Severity::Warning => tracing::warn!(connector = name, "{line}"),
        }
    }
}

/// What of changed settings is in force now, and what needs a restart.
pub(super) fn compare_settings(
    at_start: &Settings,
    before: &Settings,
    now: &Settings,
) -> (Vec<String>, Vec<String>) {
    (files::taken_over(before, now), files::restart_needed_for(at_start, now))
}
