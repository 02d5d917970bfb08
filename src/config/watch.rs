//! Hints that the connectors directory or `usersyncd.yaml` may have changed.
//!
//! The kernel's events are not a reliable source: swapping the target of a symbolic link makes none, network file systems
//! make none, and a directory that is removed and made again is no longer watched. So a hint says nothing but "look
//! again", whoever receives it compares contents ([`super::scan`]), and looks again from time to time without a hint.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, new_debouncer_opt};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a burst of events must have ended before it becomes one hint.
const QUIET: Duration = Duration::from_millis(200);

/// How long to wait before watching is tried again after it failed, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    paths: Vec<PathBuf>,
    hints: mpsc::Sender<()>,
    /// Absent after a failure, until it can be made again.
    debouncer: Option<Debouncer<RecommendedWatcher, NoCache>>,
    pause: Duration,
    retry_at: Option<Instant>,
    /// So that the handler, which the debouncer owns, does not keep the debouncer alive.
    myself: Weak<Mutex<Shared>>,
}

impl Watcher {
    /// Watches each of `paths`, files or directories (absolute; they need not exist yet), and the directory above each.
    ///
    /// The receiver gets at most one pending hint. Where nothing can be watched (the kernel's limits, say) a warning is
    /// logged, no hints come, and [`Watcher::rewatch`] tries again.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> (Self, mpsc::Receiver<()>) {
        let (hints, receiver) = mpsc::channel(1);
        let shared = Arc::new_cyclic(|myself| {
            Mutex::new(Shared {
                paths,
                hints,
                debouncer: None,
                pause: FIRST_PAUSE,
                retry_at: None,
                myself: myself.clone(),
            })
        });
        let watcher = Self { shared };
        watcher.rewatch();
        (watcher, receiver)
    }

    /// Watches again what was removed and made again meanwhile, and makes a new watcher if the last one failed and some
    /// time has passed since. Cheap: call it before every rescan, so that nothing is lost between the two.
    pub fn rewatch(&self) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).rewatch();
    }
}

impl Shared {
    fn rewatch(&mut self) {
        if self.debouncer.is_none() {
            if self.retry_at.is_some_and(|retry_at| Instant::now() < retry_at) {
                return;
            }
            match self.make() {
                Ok(debouncer) => self.debouncer = Some(debouncer),
                Err(error) => return self.failed(&error),
            }
        }
        let Some(debouncer) = &mut self.debouncer else { return };
        let mut watched = 0;
        let mut last_error = None;
        for place in places(&self.paths) {
            // A watch stays with the directory that it was made for: the one of this name may be another by now.
            let _was_watched = debouncer.unwatch(&place).is_ok();
            match debouncer.watch(&place, RecursiveMode::NonRecursive) {
                Ok(()) => watched += 1,
                Err(error) => last_error = Some(error),
            }
        }
        match last_error {
            Some(error) if watched == 0 => self.failed(&error),
            _ => (self.pause, self.retry_at) = (FIRST_PAUSE, None),
        }
    }

    fn make(&self) -> notify::Result<Debouncer<RecommendedWatcher, NoCache>> {
        let myself = self.myself.clone();
        let handler = move |events: DebounceEventResult| {
            if let Some(shared) = myself.upgrade() {
                shared.lock().unwrap_or_else(PoisonError::into_inner).handle(&events);
            }
        };
        new_debouncer_opt(QUIET, Some(QUIET), handler, NoCache::new(), notify::Config::default())
    }

    fn handle(&mut self, events: &DebounceEventResult) {
        match events {
            Ok(events) => {
                let concerns = |path: &PathBuf| self.paths.iter().any(|watched| path.starts_with(watched));
                let is_hint = events.iter().any(|event| {
                    event.need_rescan() || (is_change(event.kind) && event.paths.iter().any(concerns))
                });
                if !is_hint {
                    return;
                }
            }
            Err(errors) => {
                for error in errors {
                    self.failed(error);
                }
            }
        }
        // Before the hint is given: what is written between the two is then seen by whoever follows the hint.
        self.rewatch();
        // A full channel holds a hint that says the same; a closed one has nobody who looks.
        let _delivered = self.hints.try_send(()).is_ok();
    }

    fn failed(&mut self, error: &notify::Error) {
        if self.retry_at.is_none() {
            tracing::warn!(%error, "configuration files cannot be watched; changes are noticed by rescans only");
        }
        self.debouncer = None;
        self.retry_at = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether that directory could be watched now. The error is a part of a sentence.
pub fn can_watch(directory: &Path) -> Result<(), String> {
    let watcher = notify::recommended_watcher(|_| {});
    let watched = watcher.and_then(|mut watcher| watcher.watch(directory, RecursiveMode::NonRecursive));
    watched.map_err(|error| error.to_string())
}

/// True for events that can mean other contents. Reading a file makes Access events: following those would never end.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Any => true,
        EventKind::Access(_) | EventKind::Other => false,
    }
}

/// What must be watched for news of `paths`: directories among them, and those above each. Files are not watched
/// themselves, since editors put new ones in their place.
fn places(paths: &[PathBuf]) -> Vec<PathBuf> {
    let directories = paths.iter().filter(|path| path.is_dir()).cloned();
    let mut places: Vec<PathBuf> =
        directories.chain(paths.iter().filter_map(|path| path.parent()).map(Path::to_path_buf)).collect();
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, AccessMode};

    use super::*;

    /// Only a test that fails waits that long.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn hint(receiver: &mut mpsc::Receiver<()>) {
        tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("a hint").expect("a watcher");
    }

    struct House {
        root: tempfile::TempDir,
        directory: PathBuf,
        settings: PathBuf,
    }

    fn house() -> House {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("connectors.d");
        std::fs::create_dir(&directory).unwrap();
        let settings = root.path().join("usersyncd.yaml");
        House { root, directory, settings }
    }

    #[tokio::test]
    async fn what_changes_gives_a_hint() {
        let house = house();
        let file = house.directory.join("a.yaml");
        let (_watcher, mut hints) = Watcher::new(vec![house.directory.clone(), house.settings.clone()]);
        std::fs::write(&file, "a").unwrap();
        hint(&mut hints).await;
        std::fs::write(&file, "b").unwrap();
        hint(&mut hints).await;
        std::fs::write(house.root.path().join("elsewhere"), "c").unwrap();
        std::fs::rename(house.root.path().join("elsewhere"), &file).unwrap();
        hint(&mut hints).await;
        std::fs::remove_file(&file).unwrap();
        hint(&mut hints).await;
        std::fs::write(&house.settings, "").unwrap();
        hint(&mut hints).await;
    }

    #[tokio::test]
    async fn a_directory_that_is_made_again_is_watched_again() {
        let house = house();
        let (_watcher, mut hints) = Watcher::new(vec![house.directory.clone()]);
        std::fs::remove_dir(&house.directory).unwrap();
        hint(&mut hints).await;
        std::fs::create_dir(&house.directory).unwrap();
        hint(&mut hints).await;
        std::fs::write(house.directory.join("a.yaml"), "a").unwrap();
        hint(&mut hints).await;
    }

    #[tokio::test]
    async fn a_directory_that_comes_later_is_watched() {
        let house = house();
        std::fs::remove_dir(&house.directory).unwrap();
        let (_watcher, mut hints) = Watcher::new(vec![house.directory.clone()]);
        std::fs::create_dir(&house.directory).unwrap();
        hint(&mut hints).await;
        std::fs::write(house.directory.join("a.yaml"), "a").unwrap();
        hint(&mut hints).await;
    }

    fn handle(shared: &Watcher, events: &DebounceEventResult) {
        shared.shared.lock().unwrap().handle(events);
    }

    fn event(kind: EventKind, path: &Path) -> DebounceEventResult {
        let event = notify::Event::new(kind).add_path(path.to_path_buf());
        Ok(vec![notify_debouncer_full::DebouncedEvent { event, time: std::time::Instant::now() }])
    }

    #[tokio::test]
    async fn reading_a_file_and_other_files_give_no_hint() {
        let house = house();
        let (watcher, mut hints) = Watcher::new(vec![house.directory.clone(), house.settings.clone()]);
        let file = house.directory.join("a.yaml");
        handle(&watcher, &event(EventKind::Access(AccessKind::Open(AccessMode::Any)), &file));
        handle(
            &watcher,
            &event(EventKind::Modify(notify::event::ModifyKind::Any), &house.root.path().join("state.db")),
        );
        assert!(hints.try_recv().is_err());
        handle(&watcher, &event(EventKind::Modify(notify::event::ModifyKind::Any), &file));
        handle(&watcher, &event(EventKind::Modify(notify::event::ModifyKind::Any), &file));
        assert!(hints.try_recv().is_ok());
        assert!(hints.try_recv().is_err(), "hints are not queued");
    }

    #[tokio::test]
    async fn an_error_is_a_hint_and_watching_begins_again_after_a_pause() {
        let house = house();
        let (watcher, mut hints) = Watcher::new(vec![house.directory.clone()]);
        tokio::time::pause();
        handle(&watcher, &Err(vec![notify::Error::generic("overflow")]));
        assert!(hints.try_recv().is_ok());
        let is_watching = || watcher.shared.lock().unwrap().debouncer.is_some();
        watcher.rewatch();
        assert!(!is_watching(), "not at once");
        tokio::time::advance(FIRST_PAUSE).await;
        watcher.rewatch();
        assert!(is_watching());
        tokio::time::resume();
        std::fs::write(house.directory.join("a.yaml"), "a").unwrap();
        hint(&mut hints).await;
    }

    #[tokio::test]
    async fn what_cannot_be_watched_at_all_is_tried_again_later() {
        let house = house();
        let path = house.root.path().join("not/yet/there");
        let (watcher, mut hints) = Watcher::new(vec![path.clone()]);
        tokio::time::pause();
        std::fs::create_dir_all(&path).unwrap();
        tokio::time::advance(FIRST_PAUSE).await;
        watcher.rewatch();
        tokio::time::resume();
        std::fs::write(path.join("a.yaml"), "a").unwrap();
        hint(&mut hints).await;
    }

    #[test]
    fn a_dropped_watcher_ends_the_hints() {
        let house = house();
        let (watcher, mut hints) = Watcher::new(vec![house.directory]);
        drop(watcher);
        assert_eq!(hints.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }
}
