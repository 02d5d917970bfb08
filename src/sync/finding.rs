//! Findings: what a person should know about single records.

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of thing a finding is about; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A record that could not be read.
    UnreadableRecord,
    /// A status that this version does not know.
    UnknownStatus,
    /// A name that is empty or that the target would not take.
    InvalidName,
    /// Two users, or a user and a managed one, want one name.
    NameCollision,
    /// An object of that name exists and is not managed.
    NotManaged,
    /// A protected user or group would have been touched.
    Protected,
    /// The target cannot rename.
    CannotRename,
    /// Somebody else disabled the account in the target.
    DisabledByOthers,
    /// Somebody else deleted the object in the target.
    DeletedByOthers,
    /// Several source groups bear one name and were merged.
    MergedGroups,
    /// Another connector manages this group or user.
    ClaimedElsewhere,
    /// A record that was absent and whose absence could not be confirmed.
    AbsenceUnconfirmed,
    /// A member with a status in scope that the user list did not show.
    MemberNotListed,
    /// A template that could not be carried out for this user.
    MappingFailed,
    /// Somebody asked for an account to be taken back, and there was nothing to take back.
    NothingToRestore,
    /// A pattern that exempts groups matches none.
    UnmetPattern,
}

impl FindingKind {
    /// All kinds, for metrics that exist from the start.
    pub const ALL: [FindingKind; 16] = [
        Self::UnreadableRecord,
        Self::UnknownStatus,
        Self::InvalidName,
        Self::NameCollision,
        Self::NotManaged,
        Self::Protected,
        Self::CannotRename,
        Self::DisabledByOthers,
        Self::DeletedByOthers,
        Self::MergedGroups,
        Self::ClaimedElsewhere,
        Self::AbsenceUnconfirmed,
        Self::MemberNotListed,
        Self::MappingFailed,
        Self::NothingToRestore,
        Self::UnmetPattern,
    ];

    /// The name as in JSON and in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnreadableRecord => "unreadable_record",
            Self::UnknownStatus => "unknown_status",
            Self::InvalidName => "invalid_name",
            Self::NameCollision => "name_collision",
            Self::NotManaged => "not_managed",
            Self::Protected => "protected",
            Self::CannotRename => "cannot_rename",
            Self::DisabledByOthers => "disabled_by_others",
            Self::DeletedByOthers => "deleted_by_others",
            Self::MergedGroups => "merged_groups",
            Self::ClaimedElsewhere => "claimed_elsewhere",
            Self::AbsenceUnconfirmed => "absence_unconfirmed",
            Self::MemberNotListed => "member_not_listed",
            Self::MappingFailed => "mapping_failed",
            Self::NothingToRestore => "nothing_to_restore",
            Self::UnmetPattern => "unmet_pattern",
        }
    }
}

/// Something about one record that a person should know. It never stops the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The record it is about: a name or an id.
    #[schemars(with = "String")]
    pub subject: CompactString,
    /// One sentence: what is so, and what was therefore not done.
    pub message: String,
}

impl Finding {
    /// A finding of `kind` about `subject`.
    pub fn new(kind: FindingKind, subject: impl AsRef<str>, message: impl Into<String>) -> Self {
        Self { kind, subject: CompactString::from(subject.as_ref()), message: message.into() }
    }
}
