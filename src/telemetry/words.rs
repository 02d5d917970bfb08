//! Times and numbers as people read them, on a terminal and on a page.

use chrono::{DateTime, TimeDelta, Utc};

/// `2026-11-23 03:00 UTC (in 3 h)`.
#[must_use]
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ({})", at.format("%Y-%m-%d %H:%M UTC"), relative(at - now))
}

/// `in 3 h`, `2 min ago`, `now`.
#[must_use]
pub fn relative(distance: TimeDelta) -> String {
    let seconds = distance.num_seconds().unsigned_abs();
    let amount = match seconds {
        0 => return "now".to_owned(),
        1..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min", seconds / 60),
        3600..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    if distance > TimeDelta::zero() { format!("in {amount}") } else { format!("{amount} ago") }
}

/// How long something took: `0.3 s`, `42 s`, `2 min 5 s`, `1 h 2 min`.
#[must_use]
pub fn duration(took: TimeDelta) -> String {
    let milliseconds = took.num_milliseconds().max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..=9 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1 user`, `2 users`.
#[must_use]
pub fn plural(count: u64, singular: &str) -> String {
    if count == 1 { format!("1 {singular}") } else { format!("{count} {singular}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_say_how_far_away_they_are() {
        let now: DateTime<Utc> = "2026-11-23T03:00:00Z".parse().unwrap();
        let shown = |at: &str| moment(at.parse().unwrap(), now);
        assert_eq!(shown("2026-11-23T06:00:00Z"), "2026-11-23 06:00 UTC (in 3 h)");
        assert_eq!(shown("2026-11-23T02:58:00Z"), "2026-11-23 02:58 UTC (2 min ago)");
        assert_eq!(shown("2026-11-23T03:00:40Z"), "2026-11-23 03:00 UTC (in 40 s)");
        assert_eq!(shown("2026-11-23T03:00:00.400Z"), "2026-11-23 03:00 UTC (now)");
        assert_eq!(shown("2026-11-13T03:00:00Z"), "2026-11-13 03:00 UTC (10 days ago)");
    }

    #[test]
    fn durations() {
        let shown = |milliseconds| duration(TimeDelta::milliseconds(milliseconds));
        assert_eq!(shown(-5), "0.0 s");
        assert_eq!(shown(380), "0.3 s");
        assert_eq!(shown(42_900), "42 s");
        assert_eq!(shown(125_000), "2 min 5 s");
        assert_eq!(shown(3_725_000), "1 h 2 min");
    }
}
