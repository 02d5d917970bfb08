//! Groups that are created together with their members, where the target can: two operations, one request.
//!
//! The intents of both are on the disk before it is sent. Where the target turns out to create the group empty, its members
//! come in their own turn.

use std::collections::HashMap;

use crate::sync::model::SourceId;
use crate::sync::plan::{Change, Plan};

/// Which creations take a membership operation along, by positions in the plan.
#[derive(Debug, Default)]
pub(super) struct Filled {
    of_create: HashMap<usize, usize>,
    states: HashMap<usize, State>,
}

/// What has become of a membership operation that may be taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its intent is not written yet.
    Planned,
    /// Its intent is on the disk.
    Journaled,
    /// It was sent by itself.
    Sent,
    /// It was carried out with the creation.
    Done,
    /// Nobody knows whether it was, as nobody knows of the creation: the next run looks.
    Unclear,
}

impl State {
    fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Unclear)
    }
}

impl Filled {
    /// Those of a plan whose members are so many at most.
    pub(super) fn of(plan: &Plan, at_most: usize) -> Self {
        let mut filled = Self::default();
        if at_most == 0 {
            return filled;
        }
        let mut members: HashMap<&SourceId, usize> = HashMap::new();
        for (at, operation) in plan.operations.iter().enumerate() {
            if let Change::ChangeMembers { added, removed, leavers, .. } = &operation.change
                && operation.target.is_none()
                && removed.is_empty()
                && leavers.is_empty()
                && added.len() <= at_most
            {
                members.insert(&operation.source, at);
            }
        }
        for (at, operation) in plan.operations.iter().enumerate() {
            if matches!(operation.change, Change::CreateGroup { .. })
                && let Some(with) = members.remove(&operation.source)
            {
                filled.of_create.insert(at, with);
                filled.states.insert(with, State::Planned);
            }
        }
        filled
    }

    /// The membership operation that a creation takes along.
    pub(super) fn with(&self, create: usize) -> Option<usize> {
        self.of_create.get(&create).copied()
    }

    /// True if the intent of an operation is written with that of a creation.
    pub(super) fn is_taken_along(&self, position: usize) -> bool {
        self.states.contains_key(&position)
    }

    /// True if nothing more is to be done about an operation: it went with a creation, or nobody knows.
    pub(super) fn is_over(&self, position: usize) -> bool {
        self.states.get(&position).is_some_and(|state| state.is_over())
    }

    pub(super) fn journaled(&mut self, position: usize) {
        self.set(position, State::Journaled);
    }

    pub(super) fn sent(&mut self, position: usize) {
        self.set(position, State::Sent);
    }

    pub(super) fn done(&mut self, position: usize) {
        self.set(position, State::Done);
    }

    pub(super) fn unclear(&mut self, position: usize) {
        self.set(position, State::Unclear);
    }

    fn set(&mut self, position: usize, state: State) {
        if let Some(known) = self.states.get_mut(&position) {
            *known = state;
        }
    }

    /// How many operations went with a creation, or may have.
    pub(super) fn count(&self) -> usize {
        self.states.values().filter(|state| state.is_over()).count()
    }

    /// Operations whose intent is on the disk and that were certainly not sent.
    pub(super) fn left_behind(&self) -> impl Iterator<Item = usize> {
        self.states.iter().filter(|(_, state)| **state == State::Journaled).map(|(at, _)| *at)
    }
}
