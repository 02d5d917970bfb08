//! What of a run is worth telling. Pure.

use crate::config::model::Event;
use crate::sync::report::{Outcome, Report, Trigger};

/// What was known of a connector when a run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// How its last run about everybody ended that nobody cancelled; none if there was none.
    pub outcome: Option<Outcome>,
    /// Whether a run about everybody had ever succeeded.
    pub succeeded: bool,
}

/// What is to be told of a run, in the order of [`Event::ALL`]. Each is told by itself, so that whoever asks for one kind of
/// event misses none of it: a run that is partial and holds something new is both `failed` and `held`.
///
/// Changes only: a connector that fails every hour is told of once. A run that was limited to one user says nothing about
/// the connector, and whoever cancelled a run knows of it. Of a run between full ones only what it holds is told.
#[must_use]
pub fn events(before: Before, report: &Report) -> Vec<Event> {
    let told: &[Event] = match report.trigger {
        _ if report.outcome == Outcome::Cancelled => &[],
        Trigger::Incremental => &[Event::Held],
        _ if report.is_about_everybody() => &Event::ALL,
        _ => &[],
    };
    let is_bad = |outcome: Outcome| matches!(outcome, Outcome::Failed | Outcome::Partial);
    let (now, was_bad) = (report.outcome, before.outcome.is_some_and(is_bad));
    let happened = |event: Event| match event {
        Event::Failed => is_bad(now) && !was_bad,
        Event::Held => report.holds.iter().any(|hold| hold.fresh),
        // What was held before and still is has not recovered; what failed before and now holds something has.
        Event::Recovered => match now {
            Outcome::Success => was_bad || before.outcome == Some(Outcome::Held),
            _ => now.is_success() && was_bad,
        },
        Event::FirstSuccess => now.is_success() && !before.succeeded,
    };
    told.iter().copied().filter(|event| happened(*event)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::testing::{hold, report};

    #[test]
    fn what_is_told_is_in_this_table() {
        use Event::{Failed, FirstSuccess, Held, Recovered};
        use Outcome as O;
        /// What the run before came to, whether one ever succeeded, this run, whether a hold in it is fresh; what is told.
        type Row = (Option<O>, bool, O, Option<bool>, &'static [Event]);
        let table: &[Row] = &[
            (None, false, O::Success, None, &[FirstSuccess]),
            (None, false, O::Held, Some(true), &[Held, FirstSuccess]),
            (None, false, O::Failed, None, &[Failed]),
            (None, false, O::Partial, None, &[Failed]),
            (None, false, O::Partial, Some(true), &[Failed, Held]),
            (None, false, O::Cancelled, Some(true), &[]),
            (Some(O::Failed), false, O::Success, None, &[Recovered, FirstSuccess]),
            (Some(O::Success), true, O::Success, None, &[]),
            (Some(O::Success), true, O::Failed, None, &[Failed]),
            (Some(O::Success), true, O::Partial, None, &[Failed]),
            (Some(O::Success), true, O::Held, Some(true), &[Held]),
            (Some(O::Success), true, O::Partial, Some(true), &[Failed, Held]),
            (Some(O::Success), true, O::Partial, Some(false), &[Failed]),
            (Some(O::Failed), true, O::Failed, None, &[]),
            (Some(O::Failed), true, O::Partial, None, &[]),
            (Some(O::Partial), true, O::Failed, None, &[]),
            (Some(O::Partial), true, O::Partial, Some(true), &[Held]),
            (Some(O::Failed), true, O::Success, None, &[Recovered]),
            (Some(O::Partial), true, O::Success, None, &[Recovered]),
            (Some(O::Failed), true, O::Held, Some(false), &[Recovered]),
            (Some(O::Failed), true, O::Held, Some(true), &[Held, Recovered]),
            (Some(O::Held), true, O::Held, Some(false), &[]),
            (Some(O::Held), true, O::Held, Some(true), &[Held]),
            (Some(O::Held), true, O::Success, None, &[Recovered]),
            (Some(O::Held), true, O::Failed, None, &[Failed]),
            (Some(O::Success), true, O::Cancelled, Some(true), &[]),
        ];
        for (outcome, succeeded, now, fresh, expected) in table {
            let mut report = report(*now);
            report.holds = fresh.iter().map(|fresh| hold(*fresh)).collect();
            let before = Before { outcome: *outcome, succeeded: *succeeded };
            assert_eq!(events(before, &report), *expected, "{before:?} {now:?} {fresh:?}");
            report.user = Some("anna@example.com".to_owned());
            assert_eq!(events(before, &report), [], "a run of one user tells nothing");
            (report.user, report.trigger) = (None, Trigger::Incremental);
            let held: Vec<_> = expected.iter().copied().filter(|event| *event == Held).collect();
            assert_eq!(events(before, &report), held, "a run of changes tells what it holds");
        }
    }

    #[test]
    fn one_fresh_hold_among_old_ones_is_enough() {
        let mut report = report(Outcome::Held);
        report.holds = vec![hold(false), hold(true)];
        let before = Before { outcome: Some(Outcome::Held), succeeded: true };
        assert_eq!(events(before, &report), [Event::Held]);
    }
}
