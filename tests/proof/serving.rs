//! Which group of the target stands for which wanted group, as far as that is beyond doubt.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Rules;
use super::target::Content;
use super::truth::{Wanted, WantedGroup, key};

/// The groups in Okta that each group of the target stands for.
pub(crate) type Links = BTreeMap<i64, BTreeSet<String>>;

/// What groups of the target stand for. One that is neither here nor unsure stands for nothing: it has left.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// The name of the wanted group, in lower case, by the group of the target.
    pub(crate) wanted: BTreeMap<i64, String>,
    /// Several of them could stand for the same wanted group.
    pub(crate) unsure: BTreeSet<i64>,
    /// Names of wanted groups that are protected, or for a part of which something protected stood.
    pub(crate) near_protected: BTreeSet<String>,
    /// What stands, or stood, for those: it may stay as it is.
    pub(crate) beside_protected: BTreeSet<i64>,
    /// Names of wanted groups for whose parts several groups of the target stood: whether they become one depends on what
    /// names are free.
    pub(crate) parted: BTreeSet<String>,
}

impl Serving {
    /// `links` says which groups in Okta each group of the target has stood for so far, `maybe` for which it may have. Where the
    /// list of groups left out what exists, nobody can know of a new group that takes over a name.
    pub(crate) fn of(
        before: &Content,
        after: &Content,
        wanted: &Wanted,
        (links, maybe): (&Links, &Links),
        rules: &Rules,
        groups_omitted: bool,
    ) -> Self {
        let mut serving = Self::default();
        let ours = before.groups.iter().filter(|(_, group)| group.source.is_some());
        let ours: Vec<i64> = ours.map(|(id, _)| *id).collect();
        let bears = |id: i64, name: &str| {
            let (was, is) = (before.groups.get(&id), after.groups.get(&id));
            was.into_iter().chain(is).any(|group| key(&group.name) == name)
        };
        let linked = |parts: &BTreeSet<String>| -> Vec<i64> {
            let is_linked = |id: &i64| links.get(id).is_some_and(|known| !known.is_disjoint(parts));
            ours.iter().copied().filter(is_linked).collect()
        };
        let is_protected = |id: &i64| rules.protects_group(&before.groups[id].name);
        let near_protected = wanted
            .groups
            .iter()
            .filter(|(_, group)| group.protected || linked(&group.parts).iter().any(is_protected));
        serving.near_protected = near_protected.map(|(name, _)| name.clone()).collect();
        let may_stand = |parts: &BTreeSet<String>| -> BTreeSet<i64> {
            let is_linked = |id: &&i64| maybe.get(*id).is_some_and(|known| !known.is_disjoint(parts));
            ours.iter().filter(is_linked).copied().chain(linked(parts)).collect()
        };
        let parted = wanted.groups.iter().filter(|(name, group)| {
            may_stand(&group.parts).len() > 1 && !serving.near_protected.contains(*name)
        });
        for (name, group) in parted {
            serving.parted.insert(name.clone());
            serving.unsure.extend(may_stand(&group.parts));
            serving.unsure.extend(ours.iter().filter(|id| bears(**id, name)));
        }
        let whole = || wanted.groups.iter().filter(|(name, _)| !serving.parted.contains(*name));
        let mut served: BTreeMap<i64, String> = BTreeMap::new();
        // Who bears the name comes first; then whoever is known to stand for it; then whoever bears the name by chance.
        for (name, group) in whole() {
            let bearing = linked(&group.parts).into_iter().filter(|id| bears(*id, name));
            served.extend(bearing.map(|id| (id, name.clone())));
        }
        let names: BTreeSet<String> = served.values().cloned().collect();
        // What is protected is not brought into anything that bears another name.
        let open = whole().filter(|(name, group)| !names.contains(*name) && !group.protected);
        let free =
            |group: &WantedGroup| linked(&group.parts).into_iter().filter(|id| !served.contains_key(id));
        let claims: Vec<(&String, Vec<i64>)> =
            open.map(|(name, group)| (name, free(group).collect())).collect();
        let (mut unsure, mut parted) = (BTreeSet::<i64>::new(), BTreeSet::new());
        for (name, free) in &claims {
            let claimed = |id: &i64| claims.iter().filter(|(_, others)| others.contains(id)).count() > 1;
            // Where one of several is protected, that is the end of it: none of them may lose anybody.
            if serving.near_protected.contains(*name) || !free.iter().any(claimed) {
                served.extend(free.iter().map(|id| (*id, (*name).clone())));
            } else {
                unsure.extend(free);
                parted.insert((*name).clone());
            }
        }
        serving.unsure.extend(unsure);
        serving.parted.extend(parted);
        for name in wanted.groups.keys() {
            let known = served.values().any(|it| it == name) || serving.parted.contains(name);
            if known && !serving.near_protected.contains(name) {
                continue;
            }
            let free = ours.iter().copied().filter(|id| bears(*id, name));
            let free = free.filter(|id| !served.contains_key(id) && !serving.unsure.contains(id));
            let free: Vec<i64> = free.collect();
            if groups_omitted {
                serving.unsure.extend(free);
            } else {
                served.extend(free.into_iter().map(|id| (id, name.clone())));
            }
        }
        served.retain(|id, _| !serving.unsure.contains(id));
        serving.wanted = served;
        for name in &serving.near_protected {
            let serves = serving.wanted.iter().filter(|(_, served)| *served == name).map(|(id, _)| *id);
            serving.beside_protected.extend(linked(&wanted.groups[name].parts).into_iter().chain(serves));
        }
        serving
    }
}
