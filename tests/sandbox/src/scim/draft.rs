//! A set of ids while it is changed: as large as the changes, not as the set.

use std::collections::{BTreeMap, BTreeSet};

use crate::product::Id;

/// A set, and what becomes of it.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    base: &'a BTreeSet<Id>,
    cleared: bool,
    /// Who is in it from now on, and who is not.
    changed: BTreeMap<Id, bool>,
}

/// Who left a set and who came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) gone: Vec<Id>,
    pub(super) new: Vec<Id>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(base: &'a BTreeSet<Id>) -> Self {
        Self { base, cleared: false, changed: BTreeMap::new() }
    }

    pub(super) fn contains(&self, id: Id) -> bool {
        self.changed.get(&id).copied().unwrap_or_else(|| !self.cleared && self.base.contains(&id))
    }

    pub(super) fn insert(&mut self, id: Id) {
        self.changed.insert(id, true);
    }

    pub(super) fn remove(&mut self, id: Id) {
        self.changed.insert(id, false);
    }

    pub(super) fn clear(&mut self) {
        self.cleared = true;
        self.changed.clear();
    }

    /// All who are in it now.
    pub(super) fn ids(&self) -> BTreeSet<Id> {
        let kept = self.base.iter().filter(|id| self.contains(**id));
        let changed = self.changed.iter().filter(|(_, is_in)| **is_in).map(|(id, _)| id);
        kept.chain(changed).copied().collect()
    }

    /// What is really different.
    pub(super) fn changes(self) -> Changes {
        let came = self.changed.iter().filter(|(id, is_in)| **is_in && !self.base.contains(id));
        let new = came.map(|(id, _)| *id).collect();
        let gone = if self.cleared {
            self.base.iter().filter(|id| !self.contains(**id)).copied().collect()
        } else {
            let left = self.changed.iter().filter(|(id, is_in)| !**is_in && self.base.contains(id));
            left.map(|(id, _)| *id).collect()
        };
        Changes { gone, new }
    }
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drafted(change: impl FnOnce(&mut Draft<'_>)) -> (Vec<Id>, Changes) {
        let base = BTreeSet::from([1, 2, 3]);
        let mut draft = Draft::of(&base);
        change(&mut draft);
        (draft.ids().into_iter().collect(), draft.changes())
    }

    #[test]
    fn only_what_is_different_is_a_change() {
        let (ids, changes) = drafted(|draft| {
            [2, 4, 5].into_iter().for_each(|id| draft.insert(id));
            [1, 5, 9].into_iter().for_each(|id| draft.remove(id));
        });
        assert_eq!((ids, changes), (vec![2, 3, 4], Changes { gone: vec![1], new: vec![4] }));
    }

    #[test]
    fn who_comes_back_after_a_clearance_never_left() {
        let (ids, changes) = drafted(|draft| {
            draft.insert(7);
            draft.clear();
            assert!(!draft.contains(1) && !draft.contains(7));
            [2, 4].into_iter().for_each(|id| draft.insert(id));
        });
        assert_eq!((ids, changes), (vec![2, 4], Changes { gone: vec![1, 3], new: vec![4] }));
    }
}
