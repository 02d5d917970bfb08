//! The names of single changes (RULES 24): what an approval, a kept plan and an undo are bound to. Pure.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::model::SourceId;
use super::plan::{Change, Operation, PlanPerson};

/// Names one change: one user or group that is created, changed or removed, or one membership. SHA-256 over its kind, the
/// ids of both sides, and what is before and after. The same change has the same digest in every plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Digest {
    /// Over all parts; where one ends is part of it.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Names a set of changes, whatever their order; and, for sets without any, the words that describe them.
    #[must_use]
    pub fn of_all(changes: &[Self], words: &[&str]) -> Self {
        let mut sorted = changes.to_vec();
        sorted.sort_unstable();
        let words = words.iter().map(|word| word.as_bytes());
        let parts: Vec<&[u8]> = words.chain(sorted.iter().map(|digest| digest.0.as_slice())).collect();
        Self::of(&parts)
    }
}

/// Changes that somebody permitted, each with the number of the hold that was approved; 0 for what was permitted without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// By the digest of the change.
    pub changes: HashMap<Digest, u64>,
    /// The source ids that they concern, as far as they are known: who is to be asked for again (RULES 24).
    pub sources: std::collections::BTreeSet<SourceId>,
}

impl Permission {
    /// True if nothing is permitted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// True if that change is permitted.
    #[must_use]
    pub fn allows(&self, change: &Digest) -> bool {
        self.changes.contains_key(change)
    }

    /// Permits all changes of these operations without a hold.
    #[must_use]
    pub fn of(operations: &[Operation], people: &[PlanPerson]) -> Self {
        let changes = operations.iter().flat_map(|operation| operation.digests(people));
        Self { changes: changes.map(|digest| (digest, 0)).collect(), ..Self::default() }
    }
}

impl Operation {
    /// The changes that it is made of: one, or for a membership operation one for each member, those who come first, then
    /// those who go, then leavers.
    #[must_use]
    pub fn digests(&self, people: &[PlanPerson]) -> Vec<Digest> {
        match &self.change {
            Change::ChangeMembers { added, removed, leavers, .. } => {
                let comes = added.iter().map(|person| self.member_digest(*person, people, true));
                let gone = removed.iter().chain(leavers);
                comes.chain(gone.map(|person| self.member_digest(*person, people, false))).collect()
            }
            _ => vec![self.own_digest()],
        }
    }

    /// The digest of one membership that this operation adds or removes.
    #[must_use]
    pub fn member_digest(&self, person: u32, people: &[PlanPerson], comes: bool) -> Digest {
        let member = people.get(person as usize).map(|person| person.source.0.as_str()).unwrap_or_default();
        let kind = if comes { "add_member" } else { "remove_member" };
        Digest::of(&[
            kind.as_bytes(),
            self.source.0.as_bytes(),
            self.target_text().as_bytes(),
            member.as_bytes(),
        ])
    }

    fn target_text(&self) -> &str {
        self.target.as_ref().map(|target| target.0.as_str()).unwrap_or_default()
    }

    fn own_digest(&self) -> Digest {
        let none = String::new;
        let (before, after) = match &self.change {
            Change::CreateUser { after } => (none(), text(after)),
            Change::UpdateUser { before, after }
            | Change::AdoptUser { before, after }
            | Change::ReleaseUser { before, after }
            | Change::RestoreUser { before, after }
            | Change::AnonymizeUser { before, after } => (text(before), text(after)),
            // Its groups may differ by now: it is the same deletion.
            Change::DeleteUser { before, active, .. } => (text(&(before, active)), none()),
            Change::RecreateUser { after, active, .. } => (none(), text(&(after, active))),
            Change::EnableUser => ("disabled".to_owned(), "active".to_owned()),
            Change::DisableUser => ("active".to_owned(), "disabled".to_owned()),
            Change::CreateGroup { after, sources } => (none(), text(&(after, sources))),
            Change::UpdateGroup { before, after }
            | Change::AdoptGroup { before, after, .. }
            | Change::ReleaseGroup { before, after, .. } => (text(before), text(after)),
            Change::DeleteGroup { before, sources } => (text(&(before, sources)), none()),
            Change::ChangeMembers { .. } => (none(), none()),
        };
        Digest::of(&[
            self.change.kind().as_bytes(),
            self.source.0.as_bytes(),
            self.target_text().as_bytes(),
            before.as_bytes(),
            after.as_bytes(),
        ])
    }
}

/// As JSON, whose keys come in a fixed order.
fn text<T: Serialize>(value: &T) -> String {
    // Attributes and ids are texts: nothing about them can fail.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::sync::model::{TargetId, UserAttributes};
    use crate::sync::plan::{Standing, Tie};

    fn operation(source: &str, target: &str, change: Change) -> Operation {
        Operation {
            source: source.into(),
            target: Some(TargetId::from(target)),
            name: "anna".into(),
            change,
            why: Cow::Borrowed("why"),
            standing: Standing::Sound,
        }
    }

    #[test]
    fn rules_24_a_digest_is_bound_to_kind_ids_before_and_after() {
        let attributes = |name: &str| UserAttributes { username: name.into(), ..UserAttributes::default() };
        let update = |before: &str, after: &str| Change::UpdateUser {
            before: attributes(before),
            after: attributes(after),
        };
        let one = operation("u1", "7", update("a", "a2")).digests(&[]);
        let others = [
            operation("u2", "7", update("a", "a2")),
            operation("u1", "8", update("a", "a2")),
            operation("u1", "7", update("b", "a2")),
            operation("u1", "7", update("a", "a3")),
            operation("u1", "7", Change::DisableUser),
            operation("u1", "7", Change::EnableUser),
        ];
        for other in &others {
            assert_ne!(one, other.digests(&[]), "{other:?}");
        }
        let otherwise = Operation {
            name: "x".into(),
            why: Cow::Borrowed("y"),
            ..operation("u1", "7", update("a", "a2"))
        };
        assert_eq!(one, otherwise.digests(&[]), "the name and the reason are words about it");
    }

    #[test]
    fn every_membership_has_a_digest_of_its_own() {
        let people: Vec<PlanPerson> =
            ["u1", "u2"].map(|id| PlanPerson { source: id.into(), target: None, username: id.into() }).into();
        let change = |added: &[u32], removed: &[u32], leavers: &[u32]| Change::ChangeMembers {
            added: added.to_vec(),
            removed: removed.to_vec(),
            leavers: leavers.to_vec(),
            before: 9,
            tie: Tie::Synced,
        };
        let of = |change| operation("g1", "1", change).digests(&people);
        let both = of(change(&[0], &[1], &[]));
        assert_eq!(both, [of(change(&[0], &[], &[])), of(change(&[], &[1], &[]))].concat());
        assert_eq!(
            of(change(&[], &[1], &[])),
            of(change(&[], &[], &[1])),
            "why somebody goes is no part of it"
        );
        assert_ne!(of(change(&[0], &[], &[])), of(change(&[], &[0], &[])));
        assert_ne!(of(change(&[0], &[], &[])), operation("g2", "1", change(&[0], &[], &[])).digests(&people));
    }

    #[test]
    fn a_set_is_named_whatever_its_order() {
        let (one, two) = (Digest::of(&[b"a"]), Digest::of(&[b"b"]));
        assert_eq!(Digest::of_all(&[one, two], &["x"]), Digest::of_all(&[two, one], &["x"]));
        assert_ne!(Digest::of_all(&[one], &["x"]), Digest::of_all(&[one, two], &["x"]));
        assert_ne!(Digest::of_all(&[one], &["x"]), Digest::of_all(&[one], &["y"]));
        assert_ne!(Digest::of(&[b"ab", b""]), Digest::of(&[b"a", b"b"]));
    }
}
