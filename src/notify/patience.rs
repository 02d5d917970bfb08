//! Whether a webhook that could not be told is tried again, and when. Pure: the caller sleeps.

use std::time::Duration;

/// How patient deliveries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often one is tried at most.
    pub tries: u32,
    /// How long all of it may take: a receiver that hangs must not hold up the others for ever.
    pub total: Duration,
    /// The pause after the first try; each one after it is four times as long.
    pub first_pause: Duration,
    /// The longest wish of a receiver to be left alone that is heeded.
    pub longest_wish: Duration,
}

impl Default for Patience {
    /// Up to 2 s, 8 s, 32 s and 128 s between five tries: over a restart of the receiver.
    fn default() -> Self {
        Self {
            tries: 5,
            total: Duration::from_secs(300),
            first_pause: Duration::from_secs(2),
            longest_wish: Duration::from_secs(120),
        }
    }
}

impl Patience {
    /// How long to wait after try number `tries` (from 1), when `spent` has passed since the first began; none: give up.
    /// `wish` is how long the receiver asked to be left alone, `random` is from 0 to 1.
    pub(super) fn pause(
        &self,
        tries: u32,
        spent: Duration,
        wish: Option<Duration>,
        random: f64,
    ) -> Option<Duration> {
        if tries >= self.tries {
            return None;
        }
        let growth = 4_u32.saturating_pow(tries.saturating_sub(1));
        let jitter = 0.5 + random.clamp(0.0, 1.0) / 2.0;
        let own = self.first_pause.saturating_mul(growth).min(self.total).mul_f64(jitter);
        let pause = own.max(wish.unwrap_or_default().min(self.longest_wish));
        (spent.saturating_add(pause) < self.total).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_by_this_table() {
        let seconds = Duration::from_secs;
        // tries, spent, wish, random -> pause, in seconds
        for (tries, spent, wish, random, expected) in [
            (1, 0, None, 1.0, Some(2)),
            (1, 0, None, 0.0, Some(1)),
            (2, 5, None, 1.0, Some(8)),
            (3, 20, None, 1.0, Some(32)),
            (4, 60, None, 1.0, Some(128)),
            (5, 60, None, 1.0, None),
            (4, 171, None, 1.0, Some(128)),
            (4, 172, None, 1.0, None),
            (1, 299, None, 0.0, None),
            (1, 0, Some(1), 1.0, Some(2)),
            (1, 0, Some(60), 1.0, Some(60)),
            (1, 0, Some(120), 0.0, Some(120)),
            (1, 0, Some(86_400), 1.0, Some(120)),
            (4, 0, Some(60), 1.0, Some(128)),
            (2, 190, Some(120), 1.0, None),
        ] {
            let pause = Patience::default().pause(tries, seconds(spent), wish.map(seconds), random);
            assert_eq!(pause, expected.map(seconds), "{tries} tries, {spent} s, {wish:?}, {random}");
        }
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let patience = Patience { tries: u32::MAX, total: Duration::MAX, ..Patience::default() };
        let pause = patience.pause(u32::MAX - 1, Duration::from_secs(1), Some(Duration::MAX), f64::MAX);
        assert!(pause.is_none_or(|pause| pause > patience.longest_wish));
    }
}
