//! What a membership operation really did: the target may refuse single members, or have no account of them.

use super::Work;
use crate::sync::model::{SourceId, TargetId};
use crate::sync::plan::{Change, Operation};
use crate::target::Written;

impl Work<'_> {
    /// Whom a membership operation neither added nor removed.
    pub(super) fn left_out(&self, operation: &Operation, done: &MembersDone) -> Vec<SourceId> {
        let Change::ChangeMembers { added, removed, leavers, .. } = &operation.change else {
            return Vec::new();
        };
        let was_done = |person: &&u32| {
            [&done.added, &done.removed, &done.leavers].into_iter().any(|list| list.contains(person))
        };
        let all = added.iter().chain(removed).chain(leavers);
        let left_out: Vec<u32> = all.filter(|person| !was_done(person)).copied().collect();
        self.sources(&left_out)
    }

    /// What a membership operation did.
    pub(super) fn members_done(&self, operation: &Operation, written: &Written) -> MembersDone {
        let Change::ChangeMembers { added, removed, leavers, .. } = &operation.change else {
            return MembersDone::default();
        };
        let refused: &[(TargetId, String)] = match written {
            Written::Members { failed } => failed,
            _ => &[],
        };
        let is_done = |person: &u32| {
            self.id(*person).is_some_and(|id| !refused.iter().any(|(refused, _)| refused == id))
        };
        let done = |who: &[u32]| who.iter().copied().filter(is_done).collect::<Vec<u32>>();
        let all = (added.len() + removed.len() + leavers.len()) as u64;
        let mut members =
            MembersDone { added: done(added), removed: done(removed), leavers: done(leavers), left_out: 0 };
        members.left_out = all - members.added.len() as u64 - members.gone();
        members
    }
}

/// Whom a membership operation really added and removed, as positions in the plan's people.
#[derive(Debug, Default)]
pub(super) struct MembersDone {
    pub(super) added: Vec<u32>,
    pub(super) removed: Vec<u32>,
    pub(super) leavers: Vec<u32>,
    /// How many it did neither with.
    pub(super) left_out: u64,
}

impl MembersDone {
    pub(super) fn gone(&self) -> u64 {
        (self.removed.len() + self.leavers.len()) as u64
    }
}

/// Why a membership operation was done in part only.
pub(super) fn partial(written: &Written, left_out: u64) -> String {
    let first = match written {
        Written::Members { failed } => failed.first(),
        _ => None,
    };
    match first {
        Some((id, reason)) => format!("{left_out} members were left out; the first, {id}: {reason}"),
        None => format!("{left_out} members were left out: they have no account in the target"),
    }
}
