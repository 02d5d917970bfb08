//! What is taken away, counted as people count it, and where it comes from. Pure.

use std::collections::BTreeSet;

use super::model::{SourceId, TargetId};
use super::plan::{Change, Operation, PlanPerson, Tie};
use super::report::Cause;

/// What operations take away: users that leave, groups that leave, and memberships of those who stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    users: BTreeSet<SourceId>,
    groups: BTreeSet<TargetId>,
    memberships: BTreeSet<(TargetId, SourceId)>,
}

impl Removals {
    /// Of these operations.
    pub fn of<'o>(operations: impl IntoIterator<Item = &'o Operation>, people: &[PlanPerson]) -> Self {
        let mut removals = Self::default();
        for operation in operations {
            removals.add(operation, people);
        }
        removals
    }

    fn add(&mut self, operation: &Operation, people: &[PlanPerson]) {
        let group = || operation.target.clone().unwrap_or_else(|| TargetId::from(""));
        let sources = |who: &[u32]| -> Vec<SourceId> {
            let people = who.iter().filter_map(|person| people.get(*person as usize));
            people.map(|person| person.source.clone()).collect()
        };
        match &operation.change {
            change if change.is_leaving() => {
                self.users.insert(operation.source.clone());
            }
            Change::DeleteGroup { .. } => {
                self.groups.insert(group());
            }
            Change::ChangeMembers { removed, leavers, tie, .. } => {
                self.users.extend(sources(leavers));
                if *tie == Tie::Left {
                    self.groups.insert(group());
                } else {
                    self.memberships.extend(sources(removed).into_iter().map(|source| (group(), source)));
                }
            }
            _ => {}
        }
    }

    /// How many users, groups and memberships.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.users.len() + self.groups.len() + self.memberships.len()) as u64
    }

    /// `3 users, 1 group and 12 memberships`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let kinds = [
            (self.users.len(), "user"),
            (self.groups.len(), "group"),
            (self.memberships.len(), "membership"),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<String> = kinds
            .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        match kinds.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => "nothing".to_owned(),
        }
    }

    /// True if nothing is taken away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where they come from: what the rules of `earlier` take away too comes from the source, the rest from the change of
    /// `file`. None if nothing is taken away.
    #[must_use]
    pub fn cause(&self, earlier: &Earlier) -> Option<Cause> {
        if self.is_empty() {
            return None;
        }
        let too = &earlier.removals;
        let from_source = (self.users.intersection(&too.users).count()
            + self.groups.intersection(&too.groups).count()
            + self.memberships.intersection(&too.memberships).count()) as u64;
        Some(Cause { file: earlier.file.clone(), from_file: self.len() - from_source, from_source })
    }
}

/// What the connector file as it stood in the last successful run would take away now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The file, as people name it.
    pub file: String,
    /// What its rules would take away.
    pub removals: Removals,
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::sync::plan::Standing;

    fn operation(source: &str, target: &str, change: Change) -> Operation {
        Operation {
            source: source.into(),
            target: Some(target.into()),
            name: source.into(),
            change,
            why: Cow::Borrowed(""),
            standing: Standing::Sound,
        }
    }

    #[test]
    fn each_removal_is_counted_once_and_attributed() {
        let people: Vec<PlanPerson> = ["u1", "u2", "u3"]
            .map(|id| PlanPerson { source: id.into(), target: None, username: id.into() })
            .into();
        let members = |removed: &[u32], leavers: &[u32], tie| Change::ChangeMembers {
            added: vec![2],
            removed: removed.to_vec(),
            leavers: leavers.to_vec(),
            before: 9,
            tie,
        };
        let now = [
            operation("u1", "1", Change::DisableUser),
            operation("g1", "10", members(&[1, 2], &[0], Tie::Synced)),
            operation("g2", "11", members(&[1], &[], Tie::Left)),
        ];
        let all = Removals::of(&now, &people);
        assert_eq!((all.len(), all.in_words().as_str()), (4, "1 user, 1 group and 2 memberships"));
        let earlier = Earlier {
            file: "connectors.d/acme.yaml".to_owned(),
            removals: Removals::of(&now[1..2], &people),
        };
        let cause = all.cause(&earlier).unwrap();
        assert_eq!(
            (cause.from_file, cause.from_source),
            (1, 3),
            "only the group that left is the file's doing"
        );
        assert_eq!(cause.in_words(), "1 of 4 comes from the change of connectors.d/acme.yaml, 3 from Okta");
        assert_eq!(Removals::default().cause(&earlier), None);
    }
}
