//! Which group of the target stands for which wanted group, as far as that is beyond doubt.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Rules;
use super::target::Content;
use super::truth::{Wanted, WantedGroup, key};

/// The groups in Okta that each group of the target stands for.
pub(crate) type Links = BTreeMap<i64, BTreeSet<String>>;

/// What is known before it is asked who stands for what.
pub(crate) struct Known<'a> {
    pub(crate) before: &'a Content,
    pub(crate) after: &'a Content,
    pub(crate) wanted: &'a Wanted,
    pub(crate) rules: &'a Rules,
    /// What each group of the target has stood for so far.
    pub(crate) links: &'a Links,
    /// What it may have stood for, as far as names tell.
    pub(crate) maybe: &'a Links,
    /// The list of groups left out what exists: nobody can know of a new group that takes over a name.
    pub(crate) groups_omitted: bool,
}

impl<'a> Known<'a> {
    /// Groups of the target that were created for somebody.
    fn ours(&self) -> impl Iterator<Item = i64> {
        self.before.groups.iter().filter(|(_, group)| group.source.is_some()).map(|(id, _)| *id)
    }

    fn bears(&self, id: i64, name: &str) -> bool {
        let (was, is) = (self.before.groups.get(&id), self.after.groups.get(&id));
        was.into_iter().chain(is).any(|group| key(&group.name) == name)
    }

    /// What stood for a part of a wanted group.
    fn linked(&self, group: &WantedGroup) -> Vec<i64> {
        self.ours().filter(|id| stands(self.links, *id, group)).collect()
    }

    /// What stood, or may have stood, for a part of a wanted group.
    fn may_stand(&self, group: &WantedGroup) -> Vec<i64> {
        self.ours().filter(|id| stands(self.links, *id, group) || stands(self.maybe, *id, group)).collect()
    }

    fn is_near_protected(&self, group: &WantedGroup) -> bool {
        let protects = |id: &i64| self.rules.protects_group(&self.before.groups[id].name);
        group.protected || self.linked(group).iter().any(protects)
    }

    fn groups(&self) -> impl Iterator<Item = (&'a String, &'a WantedGroup)> {
        self.wanted.groups.iter()
    }
}

fn stands(links: &Links, id: i64, group: &WantedGroup) -> bool {
    links.get(&id).is_some_and(|known| !known.is_disjoint(&group.parts))
}

/// What groups of the target stand for. One that is neither here nor unsure stands for nothing: it has left.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// The name of the wanted group, in lower case, by the group of the target.
    pub(crate) wanted: BTreeMap<i64, String>,
    /// What may or may not stand for something.
    pub(crate) unsure: BTreeSet<i64>,
    /// Names of wanted groups for which several groups of the target may stand: which one does depends on what names were free
    /// when.
    pub(crate) parted: BTreeSet<String>,
    /// Names of wanted groups that are protected, or for a part of which something protected stood.
    pub(crate) near_protected: BTreeSet<String>,
    /// What stands, or stood, for those: it may stay as it is.
    pub(crate) beside_protected: BTreeSet<i64>,
}

impl Serving {
    /// Who bears the name comes first; then whoever is known to stand for it; then whoever bears the name by chance.
    pub(crate) fn of(known: &Known<'_>) -> Self {
        let mut serving = Self::default();
        let near_protected = known.groups().filter(|(_, group)| known.is_near_protected(group));
        serving.near_protected = near_protected.map(|(name, _)| name.clone()).collect();
        serving.set_parted_aside(known);
        serving.by_name(known);
        serving.by_link(known);
        serving.by_chance(known);
        serving.wanted.retain(|id, _| !serving.unsure.contains(id));
        for (name, group) in known.groups().filter(|(name, _)| serving.near_protected.contains(*name)) {
            let serves = serving.wanted.iter().filter(|(_, served)| *served == name).map(|(id, _)| *id);
            serving.beside_protected.extend(known.linked(group).into_iter().chain(serves));
        }
        serving
    }

    fn set_parted_aside(&mut self, known: &Known<'_>) {
        for (name, group) in known.groups().filter(|(name, _)| !self.near_protected.contains(*name)) {
            let several = known.may_stand(group);
            if several.len() > 1 {
                self.parted.insert(name.clone());
                self.unsure.extend(several);
                self.unsure.extend(known.ours().filter(|id| known.bears(*id, name)));
            }
        }
    }

    fn by_name(&mut self, known: &Known<'_>) {
        for (name, group) in known.groups().filter(|(name, _)| !self.parted.contains(*name)) {
            let bearing = known.linked(group).into_iter().filter(|id| known.bears(*id, name));
            self.wanted.extend(bearing.map(|id| (id, name.clone())));
        }
    }

    fn by_link(&mut self, known: &Known<'_>) {
        // What is protected is not brought into anything that bears another name.
        let open = known.groups().filter(|(name, group)| !self.is_settled(name) && !group.protected);
        let is_free = |id: &i64| !self.wanted.contains_key(id) && !self.unsure.contains(id);
        let free = |group| known.linked(group).into_iter().filter(is_free);
        let claims: Vec<(&String, Vec<i64>)> =
            open.map(|(name, group)| (name, free(group).collect())).collect();
        for (name, free) in &claims {
            let claimed = |id: &i64| claims.iter().filter(|(_, others)| others.contains(id)).count() > 1;
            // Where one of several is protected, that is the end of it: none of them may lose anybody.
            if self.near_protected.contains(*name) || !free.iter().any(claimed) {
                self.wanted.extend(free.iter().map(|id| (*id, (*name).clone())));
            } else {
                self.unsure.extend(free);
                self.parted.insert((*name).clone());
            }
        }
    }

    fn by_chance(&mut self, known: &Known<'_>) {
        let certain: BTreeSet<i64> = self.wanted.keys().copied().collect();
        for (name, group) in known.groups() {
            if self.is_settled(name) && !self.near_protected.contains(name) {
                continue;
            }
            let is_free = |id: &i64| !self.wanted.contains_key(id) && !self.unsure.contains(id);
            let free: Vec<i64> = known.ours().filter(|id| known.bears(*id, name)).filter(is_free).collect();
            // A run that was not read to its end may have linked another under a name that it had then.
            let is_rival =
                |id: &i64| !certain.contains(id) && !free.contains(id) && stands(known.maybe, *id, group);
            let rivals: Vec<i64> = known.ours().filter(is_rival).collect();
            if known.groups_omitted || !rivals.is_empty() {
                self.unsure.extend(free.into_iter().chain(rivals));
            } else {
                self.wanted.extend(free.into_iter().map(|id| (id, name.clone())));
            }
        }
    }

    fn is_settled(&self, name: &String) -> bool {
        self.parted.contains(name) || self.wanted.values().any(|it| it == name)
    }
}
