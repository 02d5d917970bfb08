//! What those who wait for a run are told: the run tells one [`Teller`], any number of [`Feed`]s hear it.
//!
//! A feed looks at the latest state instead of queueing events, so a client that reads slowly or not at all costs the run
//! nothing, misses intermediate progress only, and still hears how it ended.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::control::api::{ErrorKind, RunEvent};
use crate::sync::progress::{Progress, ProgressView};

/// How often a feed looks at the counters: about four times a second.
const LOOK: Duration = Duration::from_millis(250);

/// All that is known of one requested run or plan.
#[derive(Clone, Debug, Default)]
struct Stage {
    notices: Vec<String>,
    behind: Option<u64>,
    began: Option<Began>,
    progress: Option<Progress>,
    end: Option<Arc<RunEvent>>,
}

/// That a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Began {
    /// Its number.
    pub(super) run: u64,
    /// When.
    pub(super) started: DateTime<Utc>,
}

/// The telling end, held by the waiting request and then by its run.
#[derive(Debug)]
pub(super) struct Teller(watch::Sender<Stage>);

impl Teller {
    /// A teller that nobody listens to yet.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Stage::default()))
    }

    /// Lets somebody listen, from the first event on.
    pub(super) fn feed(&self) -> Feed {
        Feed {
            stage: self.0.subscribe(),
            notices_told: 0,
            queued_told: false,
            started_told: false,
            last_progress: None,
            next_look: Instant::now() + LOOK,
            over: false,
        }
    }

    /// Lets somebody see which run it became.
    pub(super) fn watcher(&self) -> Watcher {
        Watcher(self.0.subscribe())
    }

    /// Something to say beside.
    pub(super) fn notice(&self, message: String) {
        self.0.send_modify(|stage| stage.notices.push(message));
    }

    /// The request waits for the end of run `behind`.
    pub(super) fn queued(&self, behind: u64) {
        self.0.send_modify(|stage| stage.behind = Some(behind));
    }

    /// Work began. A plan has no number.
    pub(super) fn began(&self, run: Option<Began>, progress: Progress) {
        self.0.send_modify(|stage| {
            stage.began = run;
            stage.progress = Some(progress);
        });
    }

    /// The last event.
    pub(super) fn end(self, event: impl Into<RunEvent>) {
        self.0.send_modify(|stage| stage.end = Some(Arc::new(event.into())));
    }
}

/// Sees which run a request became.
#[derive(Clone, Debug)]
pub(super) struct Watcher(watch::Receiver<Stage>);

impl Watcher {
    /// The run, once it began.
    pub(super) fn began(&self) -> Option<Began> {
        self.0.borrow().began
    }
}

/// The listening end. Dropping it detaches; the run goes on.
#[derive(Debug)]
pub(crate) struct Feed {
    stage: watch::Receiver<Stage>,
    notices_told: usize,
    queued_told: bool,
    started_told: bool,
    last_progress: Option<ProgressView>,
    next_look: Instant,
    over: bool,
}

impl Feed {
    /// The next event; none after the last one.
    pub(crate) async fn next(&mut self) -> Option<RunEvent> {
        while !self.over {
            if let Some(event) = self.take() {
                return Some(event);
            }
            let working = self.stage.borrow().progress.is_some();
            let gone = tokio::select! {
                changed = self.stage.changed() => changed.is_err(),
                () = tokio::time::sleep_until(self.next_look), if working => false,
            };
            // The teller is dropped right after its last word, so that word is looked for once more.
            if gone && self.stage.borrow().end.is_none() {
                self.over = true;
                return Some(RunEvent::Refused {
                    error: ErrorKind::Internal,
                    message: "the connector's task ended before it answered, and this request is lost; look at the \
                              daemon's log, then ask again"
                        .to_owned(),
                });
            }
        }
        None
    }

    /// What is known and was not told yet, in the order in which it happened.
    fn take(&mut self) -> Option<RunEvent> {
        let stage = self.stage.borrow_and_update();
        if let Some(message) = stage.notices.get(self.notices_told) {
            self.notices_told += 1;
            return Some(RunEvent::Notice { message: message.clone() });
        }
        let waits = stage.progress.is_none() && stage.end.is_none();
        if let (Some(behind), true, false) = (stage.behind, waits, self.queued_told) {
            self.queued_told = true;
            return Some(RunEvent::Queued { behind });
        }
        if let (Some(began), false) = (stage.began, self.started_told) {
            self.started_told = true;
            return Some(RunEvent::Started { run: began.run });
        }
        if let Some(progress) = &stage.progress
            && (stage.end.is_some() || Instant::now() >= self.next_look)
        {
            self.next_look = Instant::now() + LOOK;
            let view = progress.view();
            if self.last_progress != Some(view) {
                self.last_progress = Some(view);
                return Some(RunEvent::Progress { progress: view });
            }
        }
        let end = stage.end.as_ref()?;
        self.over = true;
        Some(RunEvent::clone(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::progress::Phase;

    fn refused(message: &str) -> RunEvent {
        RunEvent::Refused { error: ErrorKind::Conflict, message: message.to_owned() }
    }

    fn began(run: u64) -> Option<Began> {
        Some(Began { run, started: DateTime::UNIX_EPOCH })
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_listener_hears_everything_in_order() {
        let teller = Teller::new();
        let (mut early, mut late) = (teller.feed(), teller.feed());
        teller.queued(7);
        assert_eq!(early.next().await, Some(RunEvent::Queued { behind: 7 }));
        teller.notice("an older version".to_owned());
        let progress = Progress::default();
        teller.began(began(8), progress.clone());
        assert_eq!(early.next().await, Some(RunEvent::Notice { message: "an older version".to_owned() }));
        assert_eq!(early.next().await, Some(RunEvent::Started { run: 8 }));
        teller.end(refused("no"));
        assert_eq!(late.next().await, Some(RunEvent::Notice { message: "an older version".to_owned() }));
        assert_eq!(late.next().await, Some(RunEvent::Started { run: 8 }));
        assert_eq!(late.next().await, Some(RunEvent::Progress { progress: progress.view() }));
        assert_eq!(late.next().await, Some(refused("no")));
        assert_eq!(late.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn progress_comes_on_change_only_and_four_times_a_second_at_most() {
        let teller = Teller::new();
        let mut feed = teller.feed();
        let progress = Progress::default();
        teller.began(None, progress.clone());
        let start = Instant::now();
        let first = feed.next().await;
        assert_eq!(first, Some(RunEvent::Progress { progress: progress.view() }));
        let changer = {
            let progress = progress.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(2)).await;
                progress.enter(Phase::Reading);
                progress.users_read(200);
            }
        };
        let (second, ()) = tokio::join!(feed.next(), changer);
        assert_eq!(second, Some(RunEvent::Progress { progress: progress.view() }));
        assert!(start.elapsed() >= Duration::from_secs(2), "nothing is told while nothing changes");
        let third = tokio::time::timeout(Duration::from_millis(249), feed.next()).await;
        assert!(third.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_teller_is_told_as_such() {
        let teller = Teller::new();
        let mut feed = teller.feed();
        drop(teller);
        let event = feed.next().await;
        assert!(matches!(event, Some(RunEvent::Refused { error: ErrorKind::Internal, .. })), "{event:?}");
        assert_eq!(feed.next().await, None);
    }
}
