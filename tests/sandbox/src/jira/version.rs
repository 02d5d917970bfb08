//! What differs between versions of Jira.

/// A version, each for what it is the first or the last of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The last one that cannot deactivate users (JRASERVER-36639), and before tokens (8.14).
    V8_2,
    /// Searches show up to 1000 users a page.
    V9_12,
    /// Searches show the first 100 users and no more (JRASERVER-78660), and there is no other list of users.
    V10_0,
    /// Late 10.3: with the list `user/list`.
    V10_3,
    /// Without `GET group`.
    #[default]
    V11,
}

impl Version {
    /// The version as `serverInfo` shows it.
    pub fn numbers(self) -> [u32; 3] {
        match self {
            Self::V8_2 => [8, 2, 6],
            Self::V9_12 => [9, 12, 25],
            Self::V10_0 => [10, 0, 1],
            Self::V10_3 => [10, 3, 12],
            Self::V11 => [11, 1, 0],
        }
    }

    /// Whether `active` can be written: since 8.3.0.
    pub(super) fn can_deactivate(self) -> bool {
        self > Self::V8_2
    }

    /// Whether there are personal access tokens: since 8.14.
    pub(super) fn has_tokens(self) -> bool {
        self > Self::V8_2
    }

    /// Whether there is rate limiting: since 8.6.
    pub(super) fn has_rate_limits(self) -> bool {
        self > Self::V8_2
    }

    pub(super) fn has_user_list(self) -> bool {
        self >= Self::V10_3
    }

    pub(super) fn has_group_expand(self) -> bool {
        self < Self::V11
    }

    /// Where a page of a search that starts at `start` ends, if so many users are asked for.
    pub(super) fn search_end(self, start: usize, asked: usize) -> usize {
        match self {
            Self::V8_2 | Self::V9_12 => start.saturating_add(asked.min(1000)),
            _ => start.saturating_add(asked).min(100),
        }
    }
}
