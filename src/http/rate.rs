//! The rate limits of one org as a state machine. No I/O and no clock: time is passed in, monotonic.
//!
//! What is known of Okta (Okta developer docs, "Rate limits"; recorded traffic): each bucket has fixed windows of 60 s,
//! opened by the first request; every answer shows `X-Rate-Limit-Limit`, `-Remaining` and `-Reset`; `Remaining` also
//! falls by what other clients of the org do; `Limit: 0` means too many requests at once, and then `Reset` is not true.
//!
//! The rules kept here (law 9):
//! - while a bucket's window is unknown, one request is under way in it, and its answer makes the window known;
//! - of a window, all connectors of this process together use no more than the budget of the one that asks;
//! - what the first answer of a bucket shows as used counts as ours: a process before this one may have used it;
//! - the last tenth of a window is never touched, whoever used the rest;
//! - among those who may go, whoever was let go least often goes first, so that a connector with many requests leaves its
//!   turns to one with few; of one connector, who has waited longest.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How many requests may be under way at once in one org; Okta: "even large bulk loads rarely need more than 10".
const MOST_AT_ONCE: usize = 8;
/// The same in one bucket whose answers show no limits.
const MOST_WITHOUT_LIMITS: usize = 4;
/// So many good answers after a complaint about concurrency allow one more request at once.
const CALM: u32 = 64;
/// No window is longer.
pub(super) const LONGEST_WINDOW: Duration = Duration::from_secs(60);
/// Added to every wait for a window's end: headers count in whole seconds and the org's clocks differ (as Okta's SDKs do).
pub(super) const MARGIN: Duration = Duration::from_secs(1);
/// Two readings of a window's end that are this close speak of the same window.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// A request's place, from asking to go until its answer was read.
pub(super) type Ticket = u64;

/// Who wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The bucket that Okta counts the request in.
    pub(super) bucket: &'static str,
    /// Hundredths of the bucket's limit that may be used.
    pub(super) budget: u8,
    /// Who asks: turns are shared among these.
    pub(super) client: Client,
}

/// Names one of those who read an org at the same time.
pub(super) type Client = u64;

/// What the headers of an answer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The state of a window.
    Window(Reading),
    /// Too many requests at once.
    TooManyAtOnce,
    /// A good answer without limits.
    NoLimits,
    /// Nothing that could be used.
    Nothing,
}

/// The state of a window as one answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Requests per window.
    pub(super) limit: u64,
    /// How many are left; 0 for a 429, whatever its header says.
    pub(super) remaining: u64,
    /// How long the window still lasts by the server's own clock; at most [`LONGEST_WINDOW`]. None: it is over already.
    pub(super) left: Option<Duration>,
}

/// Whether a claim may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Granted,
    /// Not before the window ends.
    At(Instant),
    /// Not before an answer came or a request ended.
    Later,
}

/// What is known of a bucket's window that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The bucket.
    pub bucket: &'static str,
    /// Requests per window.
    pub limit: u64,
    /// How many of them are left, whoever used the others.
    pub remaining: u64,
    /// How many this process used, or may have used.
    pub used: u64,
    /// How long it still lasts.
    pub left: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    Unlimited,
    Open { limit: u64, remaining: u64, ends: Instant },
}

#[derive(Debug)]
struct Bucket {
    window: State,
    /// Our own requests in the window.
    used: u64,
    /// Our own requests whose answer has not been heard, so that no `remaining` is known to count them.
    unheard: usize,
    /// Whether no window has been read since this process started.
    new: bool,
}

impl Bucket {
    fn new() -> Self {
        Self { window: State::Unknown, used: 0, unheard: 0, new: true }
    }

    fn pass_time(&mut self, now: Instant) {
        if let State::Open { ends, .. } = self.window
            && ends <= now
        {
            self.window = State::Unknown;
            // What is still under way may be counted in the next window.
            self.used = self.unheard as u64;
        }
    }

    fn may_go(&self, budget: u8) -> Leave {
        let room = match self.window {
            State::Unknown => self.unheard == 0,
            State::Unlimited => self.unheard < MOST_WITHOUT_LIMITS,
            State::Open { limit, remaining, ends } => {
                let allowance = (limit.saturating_mul(u64::from(budget)) / 100).max(1);
                let left_for_all = remaining.saturating_sub(self.unheard as u64);
                let untouchable = limit.div_ceil(10).max(1);
                if self.used >= allowance || left_for_all < untouchable {
                    return Leave::At(ends);
                }
                true
            }
        };
        if room { Leave::Granted } else { Leave::Later }
    }

    fn hear(&mut self, now: Instant, reading: Reading) {
        self.pass_time(now);
        let Reading { limit, remaining, left } = reading;
        let shown_end = now + left.unwrap_or_default().min(LONGEST_WINDOW) + MARGIN;
        let fresh = State::Open { limit, remaining, ends: shown_end };
        let State::Open { limit: known_limit, remaining: known_remaining, ends } = self.window else {
            self.used = self.used.max(1);
            if std::mem::take(&mut self.new) {
                // Nobody knows any more who used it; restarts must not add up to more than the budget.
                let used = limit.saturating_sub(remaining).saturating_add(self.unheard as u64);
                self.used = self.used.max(used);
            }
            self.window = fresh;
            return;
        };
        // A late answer that counts in a window before this one; a 429 is news all the same.
        if left.is_none() && remaining > 0 {
            return;
        }
        let next_window = shown_end > ends + SAME_WINDOW && now + MARGIN + SAME_WINDOW >= ends;
        if next_window {
            self.used = self.unheard as u64 + 1;
            self.window = fresh;
            return;
        }
        // Every reading is later than the truth by up to a second and the answer's way: the earliest is the best. One
        // that is far off is another token's window of the same org, and this one stays the measure.
        let same_window = shown_end + SAME_WINDOW >= ends;
        self.window = State::Open {
            limit: limit.min(known_limit),
            remaining: remaining.min(known_remaining),
            ends: if same_window { ends.min(shown_end) } else { ends },
        };
    }
}

#[derive(Clone, Copy, Debug)]
struct Running {
    bucket: &'static str,
    heard: bool,
}

/// The rate limits of one org and everybody who waits for them.
#[derive(Debug)]
pub(super) struct Org {
    buckets: BTreeMap<&'static str, Bucket>,
    waiting: VecDeque<(Ticket, Claim)>,
    running: BTreeMap<Ticket, Running>,
    last_ticket: Ticket,
    /// How often each of those who wait was let go. Whoever comes has not been waiting, and begins where the others are.
    turns: BTreeMap<Client, u64>,
    most_at_once: usize,
    calm: u32,
}

impl Org {
    pub(super) fn new() -> Self {
        Self {
            buckets: BTreeMap::new(),
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            last_ticket: 0,
            turns: BTreeMap::new(),
            most_at_once: MOST_AT_ONCE,
            calm: 0,
        }
    }

    /// Joins the queue.
    pub(super) fn enter(&mut self, claim: Claim) -> Ticket {
        self.last_ticket += 1;
        self.buckets.entry(claim.bucket).or_insert_with(Bucket::new);
        let others = self.waiting.iter().map(|(_, other)| other.client);
        let least = others.filter_map(|client| self.turns.get(&client)).min().copied().unwrap_or_default();
        let turns = self.turns.entry(claim.client).or_insert(least);
        *turns = (*turns).max(least);
        self.waiting.push_back((self.last_ticket, claim));
        self.last_ticket
    }

    /// Lets everybody go who may, and says who that was.
    pub(super) fn let_go(&mut self, now: Instant) -> Vec<Ticket> {
        for bucket in self.buckets.values_mut() {
            bucket.pass_time(now);
        }
        let mut granted = Vec::new();
        while let Some(at) = self.next() {
            let Some((ticket, claim)) = self.waiting.remove(at) else { break };
            let bucket = self.buckets.entry(claim.bucket).or_insert_with(Bucket::new);
            bucket.used += 1;
            bucket.unheard += 1;
            self.running.insert(ticket, Running { bucket: claim.bucket, heard: false });
            *self.turns.entry(claim.client).or_default() += 1;
            granted.push(ticket);
        }
        let waiting = &self.waiting;
        self.turns.retain(|client, _| waiting.iter().any(|(_, claim)| claim.client == *client));
        granted
    }

    /// The place in the queue of the next one who may go.
    fn next(&self) -> Option<usize> {
        if self.running.len() >= self.most_at_once {
            return None;
        }
        let may_go = |claim: &Claim| {
            let bucket = self.buckets.get(claim.bucket);
            bucket.is_none_or(|bucket| bucket.may_go(claim.budget) == Leave::Granted)
        };
        let turns = |claim: &Claim| self.turns.get(&claim.client).copied().unwrap_or_default();
        let ready = self.waiting.iter().enumerate().filter(|(_, (_, claim))| may_go(claim));
        ready.min_by_key(|(_, (ticket, claim))| (turns(claim), *ticket)).map(|(at, _)| at)
    }

    /// Whether that request is under way.
    pub(super) fn is_running(&self, ticket: Ticket) -> bool {
        self.running.contains_key(&ticket)
    }

    /// When a claim that waits should look again by itself: at the end of a window that is used up. None: an answer or
    /// the end of another request will tell.
    pub(super) fn look_again(&self, claim: Claim) -> Option<Instant> {
        match self.buckets.get(claim.bucket)?.may_go(claim.budget) {
            Leave::At(at) => Some(at),
            Leave::Granted | Leave::Later => None,
        }
    }

    /// What is known of the windows that have not ended.
    pub(super) fn windows(&self, now: Instant) -> Vec<Window> {
        let known = self.buckets.iter().filter_map(|(name, bucket)| match bucket.window {
            State::Open { limit, remaining, ends } if ends > now => {
                Some(Window { bucket: name, limit, remaining, used: bucket.used, left: ends - now })
            }
            _ => None,
        });
        known.collect()
    }

    /// An answer's headers came. Its body may still be on the way: the request is over with [`Org::leave`].
    pub(super) fn hear(&mut self, ticket: Ticket, now: Instant, heard: Heard) {
        let at_once = self.running.len();
        let Some(running) = self.running.get_mut(&ticket) else { return };
        let Some(bucket) = self.buckets.get_mut(running.bucket) else { return };
        if !running.heard {
            running.heard = true;
            bucket.unheard = bucket.unheard.saturating_sub(1);
        }
        match heard {
            Heard::Window(reading) => bucket.hear(now, reading),
            Heard::NoLimits if bucket.window == State::Unknown => bucket.window = State::Unlimited,
            Heard::NoLimits | Heard::Nothing => {}
            Heard::TooManyAtOnce => {
                self.most_at_once = self.most_at_once.min(at_once.saturating_sub(1)).max(1);
                self.calm = 0;
                return;
            }
        }
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.most_at_once = (self.most_at_once + 1).min(MOST_AT_ONCE);
        }
    }

    /// The request is over, or was given up, under way or still waiting.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        match self.running.remove(&ticket) {
            Some(Running { bucket, heard: false }) => {
                if let Some(bucket) = self.buckets.get_mut(bucket) {
                    bucket.unheard = bucket.unheard.saturating_sub(1);
                }
            }
            Some(_) => {}
            None => self.waiting.retain(|(waiting, _)| *waiting != ticket),
        }
    }
}

#[cfg(test)]
mod tests;
