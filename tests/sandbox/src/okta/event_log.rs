//! The System Log: what is kept of it, and how it behaves.

use std::collections::VecDeque;
use std::time::Duration;

use super::clock::whole_milliseconds;
use super::event::{Event, EventKind, Position, Target};
use super::id::Id;

/// How the System Log behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// How long after it happened an event is in the log; none by default. What happens later may then be there earlier,
    /// see [`super::Okta::set_log_lag`].
    pub lag: Duration,
    /// How long events are kept; 90 days as in Okta.
    pub retention: Duration,
    /// The most events that are kept, whatever their age.
    pub capacity: usize,
    /// What a cursor gets that points to before what is kept.
    pub stale_cursor: StaleCursor,
    /// Every so-manieth event is in the log a second time, a second later and with the same uuid; 0 for none.
    pub twice_every: u64,
    /// Whether who joins and leaves groups of a directory (`APP_GROUP`) is not logged. Whether such imports write events is
    /// not published.
    pub silent_imports: bool,
    /// Whether the groups that a user leaves by being deactivated or deleted are logged one by one. Nothing is published
    /// about that; by default only the user's own event is written, which is the less a client may rely on.
    pub leavings: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            lag: Duration::ZERO,
            retention: Duration::from_secs(90 * 24 * 60 * 60),
            capacity: 200_000,
            stale_cursor: StaleCursor::Refused,
            twice_every: 0,
            silent_imports: false,
            leavings: false,
        }
    }
}

/// What a cursor of the log gets that points to before what is kept. Neither is published or recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StaleCursor {
    /// 400 E0000029.
    #[default]
    Refused,
    /// The log from the oldest event that is left, and no word about those that are missing.
    Skips,
}

/// The log itself. Events stand in the order in which it had them.
#[derive(Debug)]
pub(crate) struct EventLog {
    pub(crate) options: LogOptions,
    /// Nothing is written before: an org that has just been made has no past.
    pub(crate) recording: bool,
    /// Who made all changes.
    pub(crate) actor: Id,
    seed: u64,
    ring: VecDeque<Event>,
    written: u64,
    /// The last event that was let go.
    lost: Option<Position>,
    /// By how much the server's clock was moved, in milliseconds: the log's own time knows nothing of that, so that who
    /// follows it misses nothing.
    pub(crate) moved: i64,
}

impl EventLog {
    pub(crate) fn new(seed: u64, org: Id) -> Self {
        Self {
            options: LogOptions::default(),
            recording: false,
            actor: Id::derived(b"00u", org, org),
            seed,
            ring: VecDeque::new(),
            written: 0,
            lost: None,
            moved: 0,
        }
    }

    /// Writes an event that happens now, in milliseconds.
    pub(crate) fn write(&mut self, kind: EventKind, targets: Vec<Target>, changed: String, now: i64) {
        self.written += 1;
        let time = now - self.moved;
        let (number, persisted) = (self.written, time + whole_milliseconds(self.options.lag));
        let uuid = uuid(self.seed, number);
        let event = Event { kind, published: now, persisted, number, uuid, targets, changed: changed.into() };
        if self.options.twice_every > 0 && number.is_multiple_of(self.options.twice_every) {
            self.written += 1;
            let again = Event { persisted: persisted + 1000, number: self.written, ..event.clone() };
            self.put(event);
            self.put(again);
        } else {
            self.put(event);
        }
        self.forget(time);
    }

    fn put(&mut self, event: Event) {
        let at = match self.ring.back().is_none_or(|last| last.position() < event.position()) {
            true => self.ring.len(),
            false => self.ring.partition_point(|known| known.position() < event.position()),
        };
        self.ring.insert(at, event);
    }

    /// Lets go of what is too much or too old.
    fn forget(&mut self, time: i64) {
        let oldest = time - whole_milliseconds(self.options.retention);
        while self.ring.len() > self.options.capacity
            || self.ring.front().is_some_and(|first| first.persisted < oldest)
        {
            self.lost = self.ring.pop_front().map(|event| event.position());
        }
    }

    /// What can be read at a moment from a position on (it not included), in the order in which the log had it.
    pub(crate) fn since(&self, position: Position, now: i64) -> impl Iterator<Item = &Event> {
        let time = now - self.moved;
        let position = position.max((time - whole_milliseconds(self.options.retention), 0));
        let first = self.ring.partition_point(|event| event.position() <= position);
        self.ring.range(first..).take_while(move |event| event.persisted <= time)
    }

    /// Whether a cursor points to before what is kept.
    pub(crate) fn is_stale(&self, position: Position, now: i64) -> bool {
        let oldest = now - self.moved - whole_milliseconds(self.options.retention);
        position.0 < oldest || self.lost.is_some_and(|lost| position < lost)
    }

    /// `eventType` of all events that are kept, those that cannot be read yet included.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.ring.iter().map(|event| event.kind.as_str().to_owned()).collect()
    }
}

/// The uuid of an event, the same for the same seed and number.
fn uuid(seed: u64, number: u64) -> u128 {
    let mut random = fastrand::Rng::with_seed(seed.rotate_left(32) ^ number);
    random.u128(..) & !(0xf << 76 | 0xc << 60) | 0x4 << 76 | 0x8 << 60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(options: LogOptions) -> EventLog {
        let mut log = EventLog::new(1, Id::ZERO);
        log.options = options;
        log
    }

    fn write(log: &mut EventLog, now: i64) {
        log.write(EventKind::UserCreated, Vec::new(), String::new(), now);
    }

    fn published(log: &EventLog, position: Position, now: i64) -> Vec<i64> {
        log.since(position, now).map(|event| event.published).collect()
    }

    #[test]
    fn what_is_late_stands_where_the_log_had_it() {
        let mut log = log(LogOptions { lag: Duration::from_millis(100), ..LogOptions::default() });
        write(&mut log, 10);
        log.options.lag = Duration::ZERO;
        write(&mut log, 20);
        assert_eq!(published(&log, (0, 0), 50), [20]);
        write(&mut log, 110);
        assert_eq!(published(&log, (0, 0), 110), [20, 10, 110], "of one moment, by number");
        assert_eq!(published(&log, (20, 2), 110), [10, 110], "a cursor behind 20 misses nothing");
    }

    #[test]
    fn a_clock_that_goes_back_does_not_take_the_log_with_it() {
        let mut log = log(LogOptions::default());
        write(&mut log, 1000);
        let last = log.since((0, 0), 1000).last().unwrap().position();
        log.moved = -800;
        write(&mut log, 300);
        assert_eq!(published(&log, last, 300), [300]);
    }

    #[test]
    fn the_oldest_go_first_and_leave_stale_cursors() {
        let mut log = log(LogOptions { capacity: 2, ..LogOptions::default() });
        (1..=3).for_each(|now| write(&mut log, now));
        assert_eq!(published(&log, (0, 0), 9), [2, 3]);
        assert!(log.is_stale((0, 0), 9) && !log.is_stale((1, 1), 9));
        log.options.retention = Duration::from_millis(5);
        assert_eq!(published(&log, (0, 0), 8), [3]);
        write(&mut log, 9);
        assert_eq!((log.ring.len(), log.is_stale((3, 3), 9)), (1, true));
    }

    #[test]
    fn some_events_come_twice() {
        let mut log = log(LogOptions { twice_every: 2, ..LogOptions::default() });
        (1..=2).for_each(|now| write(&mut log, now));
        let uuids: Vec<u128> = log.since((0, 0), 5000).map(|event| event.uuid).collect();
        assert_eq!((uuids.len(), uuids[1]), (3, uuids[2]));
        assert_ne!(uuids[0], uuids[1]);
        assert_eq!(published(&log, (0, 0), 1001), [1, 2], "the second one later");
        assert_eq!(log.ring[0].uuid().len(), 36);
        assert_eq!(&log.ring[0].uuid()[14..15], "4");
    }
}
