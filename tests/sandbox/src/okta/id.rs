//! Okta's ids: 20 letters and digits, of which the first three tell the kind.

use std::fmt;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// One id, small enough to be copied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id([u8; 20]);

impl Id {
    /// Nobody's.
    pub(crate) const ZERO: Self = Self([b'0'; 20]);

    /// A new id: `prefix` (`00u` users, `00g` groups, `00o` org, `0oa` apps), chance, and the ending that
    /// all ids of one Okta cell share.
    pub(crate) fn random(prefix: &[u8; 3], random: &mut fastrand::Rng) -> Self {
        let mut bytes = *b"000000000000000005d7";
        bytes[..3].copy_from_slice(prefix);
        for byte in &mut bytes[3..17] {
            *byte = LETTERS[random.usize(..LETTERS.len())];
        }
        Self(bytes)
    }

    /// The id that two others together always give, for what belongs to both.
    pub(crate) fn derived(prefix: &[u8; 3], one: Self, other: Self) -> Self {
        Self::random(prefix, &mut fastrand::Rng::with_seed(one.hash().rotate_left(17) ^ other.hash()))
    }

    /// Reads an id; anything but 20 ASCII letters and digits is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// A number below 100 that belongs to this id for good: whether a narrowed view shows it.
    pub(crate) fn share(&self) -> u64 {
        let hash = self.hash();
        (hash ^ (hash >> 29)) % 100
    }

    /// FNV-1a.
    fn hash(&self) -> u64 {
        let start = 0xcbf2_9ce4_8422_2325_u64;
        self.0.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
