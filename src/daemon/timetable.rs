//! When a connector runs by itself. Pure: the time comes in, what is due comes out.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::model::{Missed, ScheduleSettings};
use crate::sync::report::Trigger;

/// Draws the delay of one run from 0 up to the given time, both included.
pub(super) type Jitter = Arc<dyn Fn(Duration) -> Duration + Send + Sync>;

/// The longest sleep before the wall clock is looked at again: it may be set, and a host may be suspended.
const SLICE: Duration = Duration::from_secs(30);
/// A run that begins later than this counts as missed: the host was suspended, or its clock was wrong.
const LATE: TimeDelta = TimeDelta::minutes(5);
/// A clock that goes back by less than this was corrected; what ran in that time is not run again. One that goes back
/// further was wrong, and waiting until it has caught up might take years.
const CORRECTION: TimeDelta = TimeDelta::hours(1);

/// The uniform jitter of the daemon.
pub(super) fn uniform_jitter() -> Jitter {
    Arc::new(|up_to| {
        let most = u64::try_from(up_to.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(fastrand::u64(0..=most))
    })
}

/// A run that is due, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The time that the cron expression names.
    pub(super) scheduled: DateTime<Utc>,
    /// That time with its jitter.
    pub(super) at: DateTime<Utc>,
    /// Cron, or startup for one that was missed.
    pub(super) trigger: Trigger,
}

/// What a look at the clock brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    /// Nothing is due.
    Nothing,
    /// A run is due now.
    Run(Due),
    /// A run was due, much too long ago, and `missed: skip` says to leave it out. It counts as skipped up to this time.
    Skipped(DateTime<Utc>),
}

/// The schedule of one connector.
pub(super) struct Timetable {
    schedule: Option<ScheduleSettings>,
    /// Up to here, runs were begun or skipped.
    done: DateTime<Utc>,
    due: Option<Due>,
    seen: DateTime<Utc>,
    jitter: Jitter,
}

impl Timetable {
    /// A connector that never runs by itself.
    pub(super) fn empty(now: DateTime<Utc>, jitter: Jitter) -> Self {
        Self { schedule: None, done: now, due: None, seen: now, jitter }
    }

    /// Takes the schedule of a connector that the daemon just came to know. `last` is the last time for which a run was
    /// begun or skipped; without one nothing was missed. Runs that were due since then count as missed if `catch_up`.
    ///
    /// Returns the time up to which runs now count as begun or skipped, if that is to be remembered.
    pub(super) fn start(
        &mut self,
        schedule: Option<&ScheduleSettings>,
        last: Option<DateTime<Utc>>,
        catch_up: bool,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        self.schedule = schedule.cloned();
        self.seen = now;
        self.done = last.unwrap_or(now);
        self.due = None;
        let schedule = self.schedule.as_ref()?;
        let missed = last.is_some() && self.next().is_some_and(|next| next <= now);
        if missed && catch_up && schedule.missed == Missed::RunOnce {
            self.due = Some(Due { scheduled: now, at: now, trigger: Trigger::Startup });
            return None;
        }
        let remember = (missed || last.is_none()).then_some(now);
        self.done = remember.unwrap_or(self.done);
        self.plan_next(now);
        remember
    }

    /// Takes a changed schedule; one that is equal changes nothing, not even the jitter that was drawn.
    ///
    /// Returns the time up to which runs now count as begun or skipped, if that is to be remembered.
    pub(super) fn change(
        &mut self,
        schedule: Option<&ScheduleSettings>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if self.schedule.as_ref() == schedule {
            return None;
        }
        self.start(schedule, None, false, now)
    }

    /// Looks at the clock.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) -> Tick {
        if now + TimeDelta::minutes(1) < self.seen {
            self.plan_next(now);
        }
        self.seen = now;
        let (Some(due), Some(schedule)) = (self.due, &self.schedule) else { return Tick::Nothing };
        if now < due.at {
            return Tick::Nothing;
        }
        let late = now - due.at > LATE;
        let skip = late && schedule.missed == Missed::Skip;
        // One run makes up for all that were due until now.
        self.done = if late { now } else { due.scheduled };
        self.plan_next(now);
        if skip { Tick::Skipped(now) } else { Tick::Run(Due { scheduled: self.done, ..due }) }
    }

    /// How long to sleep until the next [`Timetable::tick`]; none if there is nothing to wait for.
    pub(super) fn sleep(&self, now: DateTime<Utc>) -> Option<Duration> {
        let left = (self.due?.at - now).to_std().unwrap_or(Duration::ZERO);
        Some(left.min(SLICE))
    }

    /// When it runs next, with jitter.
    pub(super) fn next_run(&self) -> Option<DateTime<Utc>> {
        self.due.map(|due| due.at)
    }

    /// The time between the next run and the one after it, without jitter.
    pub(super) fn interval(&self) -> Option<Duration> {
        let due = self.due?.scheduled;
        let following = self.schedule.as_ref()?.next_after(due)?;
        (following - due).to_std().ok()
    }

    /// When two scheduled runs will have come after `since`, each at its latest: who has not succeeded by then is overdue.
    pub(super) fn overdue(&self, since: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let schedule = self.schedule.as_ref()?;
        let second = schedule.next_after(schedule.next_after(since)?)?;
        second.checked_add_signed(TimeDelta::from_std(schedule.jitter).ok()?)
    }

    /// The first scheduled time that is neither done nor past.
    fn plan_next(&mut self, now: DateTime<Utc>) {
        let after = if self.done > now && self.done - now > CORRECTION { now } else { self.done.max(now) };
        let Some(schedule) = &self.schedule else { return };
        self.due = schedule.next_after(after).map(|scheduled| {
            let delay = TimeDelta::from_std((self.jitter)(schedule.jitter)).unwrap_or(TimeDelta::zero());
            Due { scheduled, at: scheduled + delay, trigger: Trigger::Cron }
        });
    }

    /// The first scheduled time that is not done.
    fn next(&self) -> Option<DateTime<Utc>> {
        self.schedule.as_ref()?.next_after(self.done)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A schedule as a connector file would have it.
    pub(crate) fn schedule(expression: &str, zone: chrono_tz::Tz, missed: Missed) -> ScheduleSettings {
        let parser = croner::parser::CronParser::builder().seconds(croner::parser::Seconds::Optional).build();
        ScheduleSettings {
            expression: expression.to_owned(),
            cron: parser.parse(expression).unwrap(),
            timezone: zone,
            jitter: Duration::ZERO,
            missed,
            incremental: None,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}Z").parse().unwrap()
    }

    fn no_jitter() -> Jitter {
        Arc::new(|_| Duration::ZERO)
    }

    /// Ticks every `SLICE` or less, as the connector's task does, and says when runs began.
    fn runs(table: &mut Timetable, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let (mut now, mut runs) = (from, Vec::new());
        while now < to {
            if let Tick::Run(_) = table.tick(now) {
                runs.push(now);
            }
            let Some(sleep) = table.sleep(now) else { break };
            now += TimeDelta::from_std(sleep).unwrap();
        }
        runs
    }

    fn started(expression: &str, zone: chrono_tz::Tz, now: DateTime<Utc>) -> Timetable {
        let mut table = Timetable::empty(now, no_jitter());
        table.start(Some(&schedule(expression, zone, Missed::RunOnce)), None, true, now);
        table
    }

    #[test]
    fn cron_fires_at_the_right_instants_over_the_change_to_summer_time() {
        // Berlin, 29 March 2026: 02:00 to 03:00 does not exist; UTC offset +1 before, +2 after.
        let zone = chrono_tz::Europe::Berlin;
        let (from, to) = (at("2026-03-28T12:00:00"), at("2026-03-30T12:00:00"));
        let fixed = runs(&mut started("30 2 * * *", zone, from), from, to);
        assert_eq!(
            fixed,
            [at("2026-03-29T01:00:00"), at("2026-03-30T00:30:00")],
            "in the gap: once, at 03:00"
        );
        let (from, to) = (at("2026-03-28T23:15:00"), at("2026-03-29T02:00:00"));
        let wild = runs(&mut started("*/30 * * * *", zone, from), from, to);
        let expected = ["23:30:00", "00:00:00", "00:30:00", "01:00:00", "01:30:00"]
            .iter()
            .enumerate()
            .map(|(n, time)| at(&format!("2026-03-2{}T{time}", if n == 0 { 8 } else { 9 })))
            .collect::<Vec<_>>();
        assert_eq!(wild, expected);
    }

    #[test]
    fn cron_fires_once_in_the_hour_that_comes_twice_if_it_names_a_time() {
        // Berlin, 25 October 2026: 02:00 to 03:00 comes twice.
        let zone = chrono_tz::Europe::Berlin;
        let (from, to) = (at("2026-10-24T12:00:00"), at("2026-10-25T12:00:00"));
        assert_eq!(runs(&mut started("30 2 * * *", zone, from), from, to), [at("2026-10-25T00:30:00")]);
        let (from, to) = (at("2026-10-25T00:10:00"), at("2026-10-25T02:10:00"));
        let wild = runs(&mut started("*/30 * * * *", zone, from), from, to);
        assert_eq!(
            wild,
            ["00:30:00", "01:00:00", "01:30:00", "02:00:00"].map(|time| at(&format!("2026-10-25T{time}")))
        );
    }

    #[test]
    fn a_run_missed_while_the_daemon_was_down_is_run_once_or_skipped() {
        let (last, now) = (at("2026-01-01T03:00:00"), at("2026-01-05T10:00:00"));
        for (missed, catch_up, first) in [
            (Missed::RunOnce, true, now),
            (Missed::RunOnce, false, at("2026-01-06T03:00:00")),
            (Missed::Skip, true, at("2026-01-06T03:00:00")),
        ] {
            let mut table = Timetable::empty(now, no_jitter());
            let remember =
                table.start(Some(&schedule("0 3 * * *", chrono_tz::UTC, missed)), Some(last), catch_up, now);
            assert_eq!(remember, (first != now).then_some(now));
            assert_eq!(runs(&mut table, now, now + TimeDelta::days(1)).first(), Some(&first));
        }
    }

    #[test]
    fn the_run_that_catches_up_is_named_as_such_and_the_next_one_is_cron() {
        let now = at("2026-01-05T10:00:00");
        let mut table = Timetable::empty(now, no_jitter());
        let daily = schedule("0 3 * * *", chrono_tz::UTC, Missed::RunOnce);
        table.start(Some(&daily), Some(at("2026-01-01T03:00:00")), true, now);
        let Tick::Run(due) = table.tick(now) else { panic!("nothing due") };
        assert_eq!(due, Due { scheduled: now, at: now, trigger: Trigger::Startup });
        assert_eq!(table.tick(now), Tick::Nothing);
        assert_eq!(table.next_run(), Some(at("2026-01-06T03:00:00")));
    }

    #[test]
    fn a_first_start_missed_nothing_and_remembers_from_when_on_it_could() {
        let now = at("2026-01-05T10:00:00");
        let mut table = Timetable::empty(now, no_jitter());
        let daily = schedule("0 3 * * *", chrono_tz::UTC, Missed::RunOnce);
        assert_eq!(table.start(Some(&daily), None, true, now), Some(now));
        assert_eq!(table.next_run(), Some(at("2026-01-06T03:00:00")));
    }

    #[test]
    fn nothing_was_missed_if_the_daemon_was_down_between_two_runs() {
        let now = at("2026-01-05T10:00:00");
        let mut table = Timetable::empty(now, no_jitter());
        let daily = schedule("0 3 * * *", chrono_tz::UTC, Missed::RunOnce);
        assert_eq!(table.start(Some(&daily), Some(at("2026-01-05T03:00:00")), true, now), None);
        assert_eq!(table.tick(now), Tick::Nothing);
        assert_eq!(table.next_run(), Some(at("2026-01-06T03:00:00")));
    }

    #[test]
    fn jitter_delays_a_run_and_keeps_its_scheduled_time() {
        let now = at("2026-01-05T02:00:00");
        let mut table = Timetable::empty(now, Arc::new(|up_to| up_to));
        let mut daily = schedule("0 3 * * *", chrono_tz::UTC, Missed::RunOnce);
        daily.jitter = Duration::from_secs(300);
        table.start(Some(&daily), None, true, now);
        assert_eq!(table.next_run(), Some(at("2026-01-05T03:05:00")));
        assert_eq!(table.tick(at("2026-01-05T03:04:59")), Tick::Nothing);
        let scheduled = at("2026-01-05T03:00:00");
        let due = Due { scheduled, at: at("2026-01-05T03:05:00"), trigger: Trigger::Cron };
        assert_eq!(table.tick(at("2026-01-05T03:05:00")), Tick::Run(due));
        assert_eq!(table.next_run(), Some(at("2026-01-06T03:05:00")));
    }

    #[test]
    fn jitter_is_drawn_from_the_whole_range_with_both_ends() {
        fastrand::seed(7);
        let jitter = uniform_jitter();
        let drawn: std::collections::BTreeSet<_> =
            (0..1000).map(|_| jitter(Duration::from_millis(3))).collect();
        assert_eq!(drawn, (0..=3).map(Duration::from_millis).collect());
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn after_a_suspended_night_one_run_makes_up_for_all_or_none_does() {
        let now = at("2026-01-05T22:59:50");
        for (missed, expected) in [(Missed::RunOnce, true), (Missed::Skip, false)] {
            let mut table = Timetable::empty(now, no_jitter());
            table.start(Some(&schedule("0 * * * *", chrono_tz::UTC, missed)), None, true, now);
            let morning = at("2026-01-06T08:20:00");
            let tick = table.tick(morning);
            assert_eq!(matches!(tick, Tick::Run(_)), expected, "{missed:?}");
            assert_eq!(table.tick(morning), Tick::Nothing);
            assert_eq!(table.next_run(), Some(at("2026-01-06T09:00:00")));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_runs_nothing_twice() {
        let mut table = started("0 * * * *", chrono_tz::UTC, at("2026-01-05T02:59:00"));
        assert!(matches!(table.tick(at("2026-01-05T03:00:00")), Tick::Run(_)));
        assert_eq!(table.tick(at("2026-01-05T02:30:00")), Tick::Nothing);
        assert_eq!(table.next_run(), Some(at("2026-01-05T04:00:00")));
    }

    #[test]
    fn a_clock_that_was_years_ahead_does_not_stop_the_schedule_for_years() {
        let mut table = started("0 3 * * *", chrono_tz::UTC, at("2031-01-05T02:59:00"));
        assert!(matches!(table.tick(at("2031-01-05T03:00:00")), Tick::Run(_)));
        assert_eq!(table.tick(at("2026-01-05T02:30:00")), Tick::Nothing);
        assert_eq!(table.next_run(), Some(at("2026-01-05T03:00:00")));
    }

    #[test]
    fn the_clock_is_looked_at_at_least_every_thirty_seconds() {
        let now = at("2026-01-05T02:00:00");
        let table = started("0 3 * * *", chrono_tz::UTC, now);
        assert_eq!(table.sleep(now), Some(Duration::from_secs(30)));
        assert_eq!(table.sleep(at("2026-01-05T02:59:55")), Some(Duration::from_secs(5)));
        assert_eq!(Timetable::empty(now, no_jitter()).sleep(now), None);
    }

    #[test]
    fn an_equal_schedule_keeps_its_drawn_delay_and_another_starts_afresh() {
        let now = at("2026-01-05T02:00:00");
        let mut table = started("0 3 * * *", chrono_tz::UTC, now);
        let same = schedule("0 3 * * *", chrono_tz::UTC, Missed::RunOnce);
        assert_eq!(table.change(Some(&same), at("2026-01-05T02:10:00")), None);
        let other = schedule("0 * * * *", chrono_tz::UTC, Missed::RunOnce);
        let later = at("2026-01-05T02:20:00");
        assert_eq!(table.change(Some(&other), later), Some(later));
        assert_eq!(table.interval(), Some(Duration::from_secs(3600)));
        assert_eq!(table.change(None, later), None);
        assert_eq!(table.next_run(), None);
    }
}
