//! What the headers of an answer say about rate limits and about waiting.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use super::rate::{Heard, LONGEST_WINDOW, Reading};

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

/// Reads `X-Rate-Limit-*` (Okta developer docs, "Rate limit headers"). The end of the window is taken relative to the
/// server's own `Date`, since the clock of this host may be wrong; without a `Date` the window is taken to be a whole one.
pub(super) fn rate_limits(status: StatusCode, headers: &HeaderMap) -> Heard {
    let refused = status == StatusCode::TOO_MANY_REQUESTS;
    match (least(headers, &LIMIT), least(headers, &REMAINING)) {
        (Some(0), _) if refused => Heard::TooManyAtOnce,
        (Some(limit), Some(remaining)) if limit > 0 => Heard::Window(Reading {
            limit,
            remaining: if refused { 0 } else { remaining },
            left: left_of_window(headers),
        }),
        _ if status.is_success() => Heard::NoLimits,
        _ => Heard::Nothing,
    }
}

/// How long a server asks to be left alone: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), which is
/// taken relative to the server's own `Date`. Okta does not send it; a gateway before it may.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    if let Some(seconds) = least(headers, &RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    let left = time(headers, &RETRY_AFTER)?.signed_duration_since(date(headers)?);
    Some(left.to_std().unwrap_or_default())
}

/// What the server's clock showed (RFC 9110, section 6.6.1).
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    time(headers, &DATE)
}

fn time(headers: &HeaderMap, name: &HeaderName) -> Option<DateTime<Utc>> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc))
}

fn left_of_window(headers: &HeaderMap) -> Option<Duration> {
    let (Some(reset), Some(date)) = (least(headers, &RESET), date(headers)) else {
        return Some(LONGEST_WINDOW);
    };
    let date = u64::try_from(date.timestamp()).unwrap_or_default();
    let left = Duration::from_secs(reset.checked_sub(date)?);
    Some(left.min(LONGEST_WINDOW)).filter(|left| !left.is_zero())
}

/// The least number in all values of a header: several scopes may each add theirs, as lines or in a list.
fn least(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|number| number.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "Mon, 29 Sep 2025 06:24:57 GMT"; // 1759127097

    fn read(status: u16, lines: &[(&'static str, &'static str)]) -> Heard {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        rate_limits(StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn window(limit: u64, remaining: u64, left: Option<u64>) -> Heard {
        Heard::Window(Reading { limit, remaining, left: left.map(Duration::from_secs) })
    }

    #[test]
    fn reads_windows_by_the_clock_of_the_server() {
        let limits = |limit, remaining, reset| {
            [
                ("date", DAY),
                ("x-rate-limit-limit", limit),
                ("x-rate-limit-remaining", remaining),
                ("x-rate-limit-reset", reset),
            ]
        };
        assert_eq!(read(200, &limits("600", "599", "1759127157")), window(600, 599, Some(60)));
        assert_eq!(read(429, &limits("50", "0", "1759127105")), window(50, 0, Some(8)), "the recorded 429");
        assert_eq!(
            read(429, &limits("50", "7", "1759127105")),
            window(50, 0, Some(8)),
            "others used up the org's"
        );
        assert_eq!(
            read(200, &limits("600, 300", "599, 12", "1759127157, 1759127127")),
            window(300, 12, Some(30))
        );
        assert_eq!(read(200, &limits("600", "5", "1759130697")), window(600, 5, Some(60)), "an hour ahead");
        assert_eq!(read(200, &limits("600", "5", "1759127097")), window(600, 5, None), "just over");
        assert_eq!(read(200, &limits("600", "5", "1759120000")), window(600, 5, None), "long past");
        assert_eq!(read(401, &limits("600", "599", "1759127157")), window(600, 599, Some(60)));
        assert_eq!(read(429, &limits("0", "0", "1759127211")), Heard::TooManyAtOnce);
        assert_eq!(read(200, &limits("0", "0", "1759127211")), Heard::NoLimits);
    }

    #[test]
    fn what_is_missing_or_rubbish_is_no_limit() {
        assert_eq!(read(200, &[]), Heard::NoLimits);
        assert_eq!(read(503, &[]), Heard::Nothing);
        assert_eq!(read(429, &[]), Heard::Nothing);
        assert_eq!(
            read(200, &[("x-rate-limit-limit", "many"), ("x-rate-limit-remaining", "1")]),
            Heard::NoLimits
        );
        let no_date = [
            ("x-rate-limit-limit", "600"),
            ("x-rate-limit-remaining", "5"),
            ("x-rate-limit-reset", "1759127100"),
        ];
        assert_eq!(read(200, &no_date), window(600, 5, Some(60)));
        let bad_date = [no_date[0], no_date[1], no_date[2], ("date", "yesterday")];
        assert_eq!(read(200, &bad_date), window(600, 5, Some(60)));
    }

    #[test]
    fn a_wish_for_silence_is_read_in_both_of_its_forms() {
        let read = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(HeaderName::from_static(name), value.parse().unwrap());
            }
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(read(&[("retry-after", "7")]), Some(7));
        let later = "Mon, 29 Sep 2025 06:25:27 GMT";
        assert_eq!(read(&[("retry-after", later), ("date", DAY)]), Some(30));
        assert_eq!(read(&[("retry-after", DAY), ("date", later)]), Some(0), "it is over already");
        assert_eq!(read(&[("retry-after", later)]), None, "by whose clock?");
        assert_eq!(read(&[("retry-after", "soon"), ("date", DAY)]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn two_lines_of_one_header_count_as_a_list() {
        let lines = [
            ("date", DAY),
            ("x-rate-limit-limit", "600"),
            ("x-rate-limit-limit", "50"),
            ("x-rate-limit-remaining", "40"),
            ("x-rate-limit-reset", "1759127100"),
        ];
        assert_eq!(read(200, &lines), window(50, 40, Some(3)));
    }
}
