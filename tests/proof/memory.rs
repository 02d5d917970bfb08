//! What the oracle remembers from run to run.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Look, Removals};
use super::limits::{Counted, Removal, Window};
use super::rules::DAY;
use super::serving::{Links, Serving};
use super::truth::{Out, key};

#[derive(Default)]
pub(crate) struct Memory {
    /// Which groups in Okta each group of the target has stood for.
    pub(crate) links: Links,
    /// Which it may have stood for, as far as names tell.
    pub(crate) maybe: Links,
    /// Since when somebody is out of scope: the earliest run that could have noticed.
    since: BTreeMap<String, i64>,
    /// The same, by the first run that must have noticed.
    seen_since: BTreeMap<String, i64>,
    /// Memberships in groups of `groups.always` that the product added.
    pub(crate) added_always: BTreeSet<(i64, i64)>,
    /// What was removed.
    pub(crate) window: Window,
    /// Until when it is not known what counted against which limit: a lie was told.
    pub(crate) uncertain_until: i64,
}

impl Memory {
    /// Before a run is judged: who is out of scope since when.
    pub(crate) fn notice(&mut self, look: &Look<'_>) {
        let well_read = look.is_clean() && matches!(look.ran.outcome, "success" | "held");
        for (_, _, source) in look.before.ours() {
            let in_scope = look.wanted.users.contains_key(source);
            // Whoever is told a lie may have begun to wait for anybody.
            if !in_scope || look.lie {
                self.since.entry(source.to_owned()).or_insert(look.now);
            } else if well_read {
                self.since.remove(source);
            }
            if in_scope {
                self.seen_since.remove(source);
            } else if well_read {
                self.seen_since.entry(source.to_owned()).or_insert(look.now);
            }
        }
    }

    /// Whether somebody's grace may be over.
    pub(crate) fn may_go(&self, look: &Look<'_>, source: &str) -> bool {
        let needed = graces(look, source).into_iter().min().unwrap_or_default();
        self.since.get(source).is_some_and(|since| look.now - since >= needed)
    }

    /// Whether it must be over.
    pub(crate) fn must_go(&self, look: &Look<'_>, source: &str) -> bool {
        let needed = graces(look, source).into_iter().max().unwrap_or_default();
        self.seen_since.get(source).is_some_and(|since| look.now - since >= needed)
    }

    /// After a run was judged: what it did.
    pub(crate) fn learn(&mut self, look: &Look<'_>, serving: &Serving, removals: &Removals) {
        for removal in removals.counted(look) {
            self.window.add(look.now, &removal);
        }
        if look.lie || removals.unsure {
            self.uncertain_until = look.now + DAY;
        }
        self.learn_groups(look);
        for (id, group) in look.before.groups.iter().chain(&look.after.groups) {
            if let Some(wanted) = look.wanted.groups.get(&key(&group.name)).filter(|_| group.is_synced()) {
                self.maybe.entry(*id).or_default().extend(wanted.parts.iter().cloned());
            }
        }
        // What a run that was not read to the end has linked is not known.
        let linked = serving.wanted.iter().filter(|_| matches!(look.ran.outcome, "success" | "held"));
        for (group, name) in linked {
            let bears = look.after.groups.get(group).is_some_and(|group| key(&group.name) == *name);
            if bears && !look.lie && !serving.beside_protected.contains(group) {
                self.links.insert(*group, look.wanted.groups[name].parts.clone());
            }
        }
        let new = look.after.members.difference(&look.before.members);
        let always = |group: &i64| look.rules.is_always(&look.after.groups[group].name);
        self.added_always.extend(new.filter(|(group, _)| always(group)));
    }

    /// Groups that this run made stand for what bears their name, in any case for what they were made for.
    fn learn_groups(&mut self, look: &Look<'_>) {
        for (id, group) in look.after.groups.iter().filter(|(id, _)| !look.before.groups.contains_key(id)) {
            let Some(source) = group.source.as_ref().filter(|_| group.is_synced()) else { continue };
            let wanted = look.wanted.groups.get(&key(&group.name)).filter(|_| !look.lie);
            let parts = wanted.map(|wanted| wanted.parts.iter().cloned()).into_iter().flatten();
            self.links.insert(*id, parts.chain([source.clone()]).collect());
        }
    }

    /// Why a removal exceeds its limit; none if it does not.
    pub(crate) fn excess(&self, look: &Look<'_>, removal: &Removal) -> Option<String> {
        self.window.excess(&look.rules.limits, removal, look.now)
    }
}

/// The graces that may be meant for somebody.
fn graces(look: &Look<'_>, source: &str) -> Vec<i64> {
    let (absent, deactivated) = (look.rules.grace_absent, look.rules.grace_deactivated);
    match look.wanted.out.get(source) {
        // Whoever is told that a deactivated user does not exist cannot know better.
        _ if look.denied => vec![absent, deactivated],
        Some(Out { by_status: true, otherwise: true }) => vec![absent, deactivated],
        Some(Out { by_status: true, .. }) => vec![deactivated],
        Some(_) | None => vec![absent],
    }
}

impl Removals {
    /// What counts against limits.
    pub(crate) fn counted(&self, look: &Look<'_>) -> Vec<Removal> {
        let members = |group: i64| look.before.ours_of(group).count() as u64;
        let mut all = vec![leavers(look, self.leavers.len()), groups(look, &self.groups)];
        all.extend(self.members.iter().map(|(group, gone)| Removal {
            what: Counted::Memberships(*group),
            count: gone.len() as u64,
            base: members(*group),
            empties_three: false,
        }));
        all
    }
}

/// So many leavers, of the active users that are managed.
pub(crate) fn leavers(look: &Look<'_>, count: usize) -> Removal {
    let base = look.before.ours().filter(|(_, account, _)| account.active).count() as u64;
    Removal { what: Counted::Leavers, count: count as u64, base, empties_three: false }
}

/// These groups, of the managed ones that have members.
pub(crate) fn groups(look: &Look<'_>, gone: &BTreeSet<i64>) -> Removal {
    let synced = look.before.groups.iter().filter(|(_, group)| group.is_synced());
    let with_members = synced.filter(|(id, _)| look.before.ours_of(**id).next().is_some());
    let loses_all = |group: &i64| {
        let stays = |(user, _): (i64, &str)| look.after.members.contains(&(*group, user));
        look.before.ours_of(*group).count() >= 3 && !look.before.ours_of(*group).any(stays)
    };
    Removal {
        what: Counted::Groups,
        count: gone.len() as u64,
        base: with_members.count() as u64,
        empties_three: gone.iter().any(loses_all),
    }
}
