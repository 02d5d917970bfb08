//! Whether a request that failed is tried again, and when. Pure: the caller sleeps.

use std::time::Duration;

/// How patient the client is (RULES 30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is sent at most.
    pub tries: u32,
    /// How long its exchanges and pauses may take together; waiting for a rate-limit window does not count.
    pub total: Duration,
    /// The pause after the first failure; it doubles from one to the next.
    pub first_pause: Duration,
    /// How long connecting may take.
    pub connect: Duration,
    /// How long a server may stay silent in the middle of an answer, or before it.
    pub silence: Duration,
    /// How long one request waits because a server wants silence (429 with `Retry-After`), all in all.
    pub quiet: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            total: Duration::from_secs(60),
            first_pause: Duration::from_millis(500),
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            quiet: Duration::from_secs(900),
        }
    }
}

/// Why an exchange brought no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// 429 with the end of its window: the rate limiter delays the next try.
    WindowUsedUp,
    /// 429 because too many requests were running at once.
    TooManyAtOnce,
    /// 429 with the time after which the server may be asked again, longer than anybody waits.
    Quiet(Duration),
    /// 429 or a server error, perhaps with a wish for how long to stay away.
    Busy(Option<Duration>),
    /// No connection, no answer, or one that was cut off.
    NoAnswer,
    /// A complete answer that is not what was asked for.
    WrongBody,
    /// Trying again cannot help: a certificate that is not trusted, a page that is too large.
    Hopeless,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Stop trying.
    GiveUp,
    /// Try again after that time.
    After(Duration),
}

/// How often a wrong page is read again: a cut or mangled page may be an accident, a proxy's page never is.
const REREADS: u32 = 2;

/// Decides after try number `tries` (from 1), of which `wrong` brought a wrong body; `spent` is what counts towards
/// [`Patience::total`] and `random` is from 0 to 1.
pub(super) fn decide(
    patience: &Patience,
    tries: u32,
    wrong: u32,
    spent: Duration,
    problem: Problem,
    random: f64,
) -> Decision {
    if tries >= patience.tries || spent >= patience.total {
        return Decision::GiveUp;
    }
    let jitter = 0.5 + random.clamp(0.0, 1.0) / 2.0;
    let growing = patience.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(16)).mul_f64(jitter);
    let pause = match problem {
        Problem::Hopeless | Problem::Quiet(_) => return Decision::GiveUp,
        Problem::WrongBody if wrong > REREADS => return Decision::GiveUp,
        Problem::WindowUsedUp => Duration::ZERO,
        Problem::TooManyAtOnce => crowd_pause(patience, tries).mul_f64(jitter),
        Problem::WrongBody => patience.first_pause.mul_f64(jitter),
        Problem::Busy(wish) => wish.unwrap_or_default().max(growing),
        Problem::NoAnswer => growing,
    };
    if spent.saturating_add(pause) >= patience.total { Decision::GiveUp } else { Decision::After(pause) }
}

/// How long to stay away from an org that answers too many at once, whatever the header says. Where the crowd is our own,
/// room comes with the next answer, so the first pause is short; another client's burst takes seconds, so the next ones grow
/// fast: by default 0.25 s, 1 s, 4 s, 8 s.
fn crowd_pause(patience: &Patience, tries: u32) -> Duration {
    let growth = 4_u32.pow(tries.saturating_sub(1).min(8));
    let longest = patience.first_pause.saturating_mul(16);
    (patience.first_pause / 2).saturating_mul(growth).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn decides_by_this_table() {
        use Decision::{After, GiveUp};
        use Problem::{Busy, Hopeless, NoAnswer, TooManyAtOnce, WindowUsedUp, WrongBody};
        let seconds = Duration::from_secs;
        // tries, wrong, spent, problem, random -> decision
        let table = [
            (1, 0, seconds(0), NoAnswer, 1.0, After(MILLIS(500))),
            (1, 0, seconds(0), NoAnswer, 0.0, After(MILLIS(250))),
            (2, 0, seconds(1), NoAnswer, 1.0, After(MILLIS(1000))),
            (4, 0, seconds(5), NoAnswer, 1.0, After(MILLIS(4000))),
            (5, 0, seconds(5), NoAnswer, 1.0, GiveUp),
            (1, 0, seconds(60), NoAnswer, 1.0, GiveUp),
            (4, 0, seconds(57), NoAnswer, 1.0, GiveUp),
            (1, 0, seconds(0), Busy(None), 1.0, After(MILLIS(500))),
            (1, 0, seconds(0), Busy(Some(seconds(7))), 1.0, After(seconds(7))),
            (1, 0, seconds(0), Busy(Some(seconds(70))), 1.0, GiveUp),
            (3, 0, seconds(0), WindowUsedUp, 1.0, After(MILLIS(0))),
            (5, 0, seconds(0), WindowUsedUp, 1.0, GiveUp),
            (1, 0, seconds(0), TooManyAtOnce, 1.0, After(MILLIS(250))),
            (1, 0, seconds(0), TooManyAtOnce, 0.0, After(MILLIS(125))),
            (2, 0, seconds(0), TooManyAtOnce, 1.0, After(MILLIS(1_000))),
            (3, 0, seconds(1), TooManyAtOnce, 1.0, After(MILLIS(4_000))),
            (4, 0, seconds(5), TooManyAtOnce, 1.0, After(MILLIS(8_000))),
            (5, 0, seconds(13), TooManyAtOnce, 1.0, GiveUp),
            (1, 1, seconds(0), WrongBody, 1.0, After(MILLIS(500))),
            (2, 2, seconds(0), WrongBody, 1.0, After(MILLIS(500))),
            (3, 3, seconds(0), WrongBody, 1.0, GiveUp),
            (1, 0, seconds(0), Hopeless, 1.0, GiveUp),
        ];
        for (tries, wrong, spent, problem, random, expected) in table {
            let decision = decide(&Patience::default(), tries, wrong, spent, problem, random);
            assert_eq!(decision, expected, "after {tries} tries, {wrong} wrong, {spent:?}: {problem:?}");
        }
    }

    #[test]
    fn rules_30_gives_up_after_five_tries_or_sixty_seconds() {
        let patience = Patience::default();
        assert_eq!((patience.tries, patience.total), (5, Duration::from_secs(60)));
    }

    #[test]
    fn absurd_numbers_neither_overflow_nor_wait_for_ever() {
        let patience = Patience { tries: u32::MAX, total: Duration::MAX, ..Patience::default() };
        for problem in [
            Problem::NoAnswer,
            Problem::Busy(Some(Duration::MAX)),
            Problem::WrongBody,
            Problem::TooManyAtOnce,
        ] {
            let decision =
                decide(&patience, u32::MAX - 1, u32::MAX, Duration::from_secs(1), problem, f64::MAX);
            assert!(matches!(decision, Decision::GiveUp | Decision::After(_)));
        }
    }
}
