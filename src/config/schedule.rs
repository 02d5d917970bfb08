//! Cron expressions: checked when they are read, asked for the next time when they run.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::mask::{printable, quoted};
use super::model::ScheduleSettings;
use super::text::Complaint;

/// How long Okta keeps an API token that nobody uses (Okta developer documentation, "Create an API token").
pub(crate) const TOKEN_LIFE: TimeDelta = TimeDelta::days(30);

/// The names that stand for a whole expression.
const NICKNAMES: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Reads a cron expression: five fields, six with seconds first, or a name such as `@hourly`. It is known to fire.
pub(super) fn parse(text: &str) -> Result<Cron, Complaint> {
    let trimmed = text.trim();
    let complaint =
        |reason: String| Complaint::new(format!("{} is not a cron expression: {reason}.", quoted(text)));
    if trimmed.contains('@') {
        if !NICKNAMES.contains(&trimmed.to_ascii_lowercase().as_str()) {
            return Err(complaint("it contains `@` and is none of the names that do".to_owned())
                .advise(format!("The names are {}.", super::values::alternatives(NICKNAMES.into_iter()))));
        }
    } else {
        let fields = trimmed.split_whitespace().count();
        if !(5..=6).contains(&fields) {
            let fields = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
            return Err(complaint(format!("it has {fields}"))
                .advise("Write 5 fields (minute, hour, day of month, month, day of week) or 6 (seconds first), as in \"0 */4 * * *\"."));
        }
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let cron = parser.parse(trimmed).map_err(|error| {
        let reason = printable(&error.to_string());
        let reason = reason.trim_start_matches("Component error: ").trim_start_matches("Invalid pattern: ");
        complaint(uncapitalised(reason.trim_end_matches('.')))
            .advise("The fields are minute, hour, day of month, month and day of week, as in \"0 */4 * * *\"; `crontab -e` manuals explain them.")
    })?;
    // Without a year every expression repeats, so whether it fires does not depend on when it is asked.
    if cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false).is_err() {
        return Err(Complaint::new(format!("{} never fires.", quoted(text)))
            .advise("Write a day that its month has."));
    }
    Ok(cron)
}

fn uncapitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// The longest time that passes between two of the runs of the years ahead, if Okta would drop the token in it.
pub(super) fn outlives_token(schedule: &ScheduleSettings) -> Option<TimeDelta> {
    const RUNS: usize = 24;
    let mut previous = schedule.next_after(DateTime::<Utc>::UNIX_EPOCH)?;
    let mut longest = TimeDelta::zero();
    for _ in 0..RUNS {
        let next = schedule.next_after(previous)?;
        longest = longest.max(next - previous);
        previous = next;
    }
    (longest >= TOKEN_LIFE).then_some(longest)
}

impl ScheduleSettings {
    /// The first time after `after` at which the schedule fires, without jitter.
    ///
    /// Where clocks are turned forward, a fixed time within the gap fires once at its end, and repeated times within it
    /// do not fire; where clocks are turned back, a fixed time fires once and repeated times in both passes.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local: DateTime<Tz> = after.with_timezone(&self.timezone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(next.with_timezone(&Utc)).filter(|next| *next > after)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::model::Missed;

    fn schedule(expression: &str, timezone: Tz) -> ScheduleSettings {
        ScheduleSettings {
            expression: expression.to_owned(),
            cron: parse(expression).unwrap(),
            timezone,
            jitter: Duration::ZERO,
            missed: Missed::RunOnce,
            incremental: None,
        }
    }

    fn runs(expression: &str, timezone: Tz, after: &str, count: usize) -> Vec<String> {
        let schedule = schedule(expression, timezone);
        let mut time: DateTime<Utc> = after.parse().unwrap();
        let mut times = Vec::new();
        for _ in 0..count {
            time = schedule.next_after(time).unwrap();
            times.push(time.with_timezone(&timezone).format("%d %H:%M:%S%:z").to_string());
        }
        times
    }

    const BERLIN: Tz = chrono_tz::Europe::Berlin;
    /// 29 March 2026, 00:00 in Berlin; at 02:00 clocks go to 03:00.
    const SPRING: &str = "2026-03-28T23:00:00Z";
    /// 25 October 2026, 00:00 in Berlin; at 03:00 clocks go back to 02:00.
    const AUTUMN: &str = "2026-10-24T22:00:00Z";

    #[test]
    fn a_fixed_time_in_the_gap_fires_once_at_its_end() {
        assert_eq!(
            runs("30 2 * * *", BERLIN, SPRING, 3),
            ["29 03:00:00+02:00", "30 02:30:00+02:00", "31 02:30:00+02:00"]
        );
    }

    #[test]
    fn repeated_times_skip_the_gap() {
        assert_eq!(
            runs("*/30 * * * *", BERLIN, SPRING, 5),
            [
                "29 00:30:00+01:00",
                "29 01:00:00+01:00",
                "29 01:30:00+01:00",
                "29 03:00:00+02:00",
                "29 03:30:00+02:00"
            ]
        );
        assert_eq!(runs("0 */2 * * *", BERLIN, SPRING, 2), ["29 04:00:00+02:00", "29 06:00:00+02:00"]);
    }

    #[test]
    fn a_fixed_time_that_comes_twice_fires_once() {
        assert_eq!(runs("30 2 * * *", BERLIN, AUTUMN, 2), ["25 02:30:00+02:00", "26 02:30:00+01:00"]);
    }

    #[test]
    fn repeated_times_that_come_twice_fire_twice() {
        assert_eq!(
            runs("*/30 2 * * *", BERLIN, AUTUMN, 5),
            [
                "25 02:00:00+02:00",
                "25 02:30:00+02:00",
                "25 02:00:00+01:00",
                "25 02:30:00+01:00",
                "26 02:00:00+01:00"
            ]
        );
    }

    #[test]
    fn the_next_time_is_always_later() {
        for expression in ["* * * * * *", "30 2 * * *", "0 */2 * * *", "@hourly", "15 10 L * *"] {
            let schedule = schedule(expression, BERLIN);
            let mut time: DateTime<Utc> = "2026-10-24T23:59:59.999Z".parse().unwrap();
            for _ in 0..50 {
                let next = schedule.next_after(time).unwrap();
                assert!(next > time, "{expression}: {next} after {time}");
                time = next;
            }
        }
    }

    #[test]
    fn seconds_and_names_are_accepted() {
        assert_eq!(runs("30 0 4 * * *", Tz::UTC, "2026-01-01T00:00:00Z", 1), ["01 04:00:30+00:00"]);
        assert_eq!(runs("@daily", Tz::UTC, "2026-01-01T00:00:00Z", 1), ["02 00:00:00+00:00"]);
        assert_eq!(runs(" 0 4 * * MON ", Tz::UTC, "2026-01-01T00:00:00Z", 1), ["05 04:00:00+00:00"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let complaint = |text: &str| parse(text).unwrap_err();
        assert_eq!(complaint("0 0 31 2 *").message, "`0 0 31 2 *` never fires.");
        assert!(complaint("0 4 * *").message.ends_with("it has 4 fields."));
        assert!(complaint("hourly").message.ends_with("it has 1 field."));
        assert!(complaint("0 0 4 * * * 2026").message.ends_with("it has 7 fields."));
        assert!(complaint("").message.ends_with("it has 0 fields."));
        assert!(complaint("@every 5m").advice.unwrap().contains("`@hourly`"));
        for text in ["61 * * * *", "*/0 * * * *", "5/15 * * * *", "a b c d e", "0 25 * * *", "0 0 0 * *"] {
            let complaint = complaint(text);
            assert!(complaint.message.contains("is not a cron expression: "), "{complaint:?}");
            assert!(!complaint.message.ends_with(".."), "{complaint:?}");
        }
    }

    #[test]
    fn a_schedule_that_lets_the_token_lapse_is_noticed() {
        let lapses = |expression| outlives_token(&schedule(expression, Tz::UTC)).map(|gap| gap.num_days());
        assert_eq!(lapses("@monthly"), Some(31));
        assert_eq!(lapses("@yearly"), Some(366));
        assert_eq!(lapses("0 0 */14 * *"), None);
        assert_eq!(lapses("@hourly"), None);
    }
}
