//! Judges one run by comparing the directory before and after it: law 1, law 2, and that nothing else is touched.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::Counted;
use super::memory::Memory;
use super::product::Ran;
use super::rules::{LeaverGroups, LeaverUsers, Rules};
use super::serving::Serving;
use super::target::{Account, Content};
use super::truth::{Wanted, key};

/// All that is known of one run.
pub(crate) struct Look<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) wanted: &'a Wanted,
    pub(crate) before: &'a Content,
    pub(crate) after: &'a Content,
    pub(crate) ran: &'a Ran,
    pub(crate) now: i64,
    /// How many faults were met.
    pub(crate) faults: usize,
    /// Okta may have told the same untruth wherever it could be asked: only limits protect from that.
    pub(crate) lie: bool,
    /// The same, about who is in scope.
    pub(crate) lie_about_users: bool,
    /// Okta may have denied that single users exist.
    pub(crate) denied: bool,
    /// The list of groups may have left out what exists.
    pub(crate) groups_omitted: bool,
}

impl Look<'_> {
    pub(crate) fn is_clean(&self) -> bool {
        self.faults == 0
    }
}

/// What a run took away.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    /// Users who lost something because they are out of scope.
    pub(crate) leavers: BTreeSet<String>,
    /// Groups of the target that lost something because they have left.
    pub(crate) groups: BTreeSet<i64>,
    /// Who lost the membership in which group for another reason.
    pub(crate) members: BTreeMap<i64, BTreeSet<String>>,
    /// Something was taken away of which it is not known against which limit it counts.
    pub(crate) unsure: bool,
    /// How many of each kind.
    pub(crate) kinds: BTreeMap<&'static str, u64>,
}

impl Removals {
    fn note(&mut self, kind: &'static str) {
        *self.kinds.entry(kind).or_default() += 1;
    }
}

/// What the run took away, or the first removal that nothing justifies.
pub(crate) fn judge(look: &Look<'_>, memory: &Memory, serving: &Serving) -> Result<Removals, String> {
    if look.ran.outcome == "failed" && look.before != look.after {
        return Err("the run failed, and yet it changed the directory".to_owned());
    }
    let mut removals = Removals::default();
    for (id, account) in &look.before.users {
        judge_account(look, memory, *id, account, &mut removals)
            .map_err(|why| format!("account {id} {}: {why}", account.username))?;
    }
    for id in look.before.groups.keys() {
        judge_group(look, serving, *id, &mut removals)
            .map_err(|why| format!("group {id} {:?}: {why}", look.before.groups[id].name))?;
    }
    for (group, user) in look.before.members.difference(&look.after.members) {
        judge_membership(look, memory, serving, (*group, *user), &mut removals).map_err(|why| {
            let (group, user) = (&look.before.groups[group], &look.before.users[user]);
            format!("membership of {} in group {:?}: {why}", user.username, group.name)
        })?;
    }
    judge_additions(look)?;
    judge_limits(look, memory, &removals)?;
    Ok(removals)
}

fn judge_account(
    look: &Look<'_>,
    memory: &Memory,
    id: i64,
    account: &Account,
    removals: &mut Removals,
) -> Result<(), String> {
    let now = look.after.users.get(&id);
    let Some(source) = &account.source else {
        return match now == Some(account) {
            true => Ok(()),
            false => Err("it is somebody else's, and was changed".to_owned()),
        };
    };
    let mut lost = Vec::new();
    match now {
        None => lost.push("deleted"),
        Some(now) => {
            lost.extend((account.active && !now.active).then_some("disabled"));
            lost.extend((!account.is_anonymous() && now.is_anonymous()).then_some("anonymized"));
        }
    }
    if look.rules.protects_user(&account.username) && now != Some(account) {
        return Err("it is protected, and was changed".to_owned());
    }
    if lost.is_empty() {
        return Ok(());
    }
    for lost in lost {
        let may = match look.rules.leavers {
            LeaverUsers::Disable => lost == "disabled",
            LeaverUsers::Delete => lost != "anonymized",
            LeaverUsers::Anonymize => lost != "deleted",
            LeaverUsers::Keep => false,
        };
        if !may {
            return Err(format!("it was {lost}, and leavers.users is {:?}", look.rules.leavers));
        }
        justify_leaver(look, memory, source).map_err(|why| format!("it was {lost}: {why}"))?;
        removals.note(lost);
    }
    let protected = |group: &i64| look.rules.protects_group(&look.before.groups[group].name);
    if now.is_none() && look.before.members.iter().any(|(group, user)| *user == id && protected(group)) {
        return Err("it was deleted, and a protected group lost a member".to_owned());
    }
    removals.leavers.insert(source.clone());
    Ok(())
}

/// Whether somebody who left has something to lose by it, so that there is a grace to wait for.
pub(crate) fn would_lose(look: &Look<'_>, id: i64, account: &Account) -> bool {
    let groups = look.before.members.iter().filter(|(_, user)| *user == id);
    let names: Vec<&str> = groups.map(|(group, _)| look.before.groups[group].name.as_str()).collect();
    is_due(look, account, &names) || names.iter().any(|group| look.rules.leavers_lose(group))
}

/// Whether something is still to happen to the account of somebody who left, and is a member of these groups.
pub(crate) fn is_due(look: &Look<'_>, account: &Account, groups: &[&str]) -> bool {
    match look.rules.leavers {
        LeaverUsers::Disable => account.active,
        LeaverUsers::Delete => account.active || !groups.iter().any(|name| look.rules.protects_group(name)),
        LeaverUsers::Anonymize => account.active || !account.is_anonymous(),
        LeaverUsers::Keep => false,
    }
}

fn justify_leaver(look: &Look<'_>, memory: &Memory, source: &str) -> Result<(), String> {
    if look.lie_about_users {
        Ok(())
    } else if let Some(group) = &look.wanted.stops {
        Err(format!("the required group {group} does not exist, so nothing may be done"))
    } else if look.wanted.users.contains_key(source) {
        Err(format!("{source} is in scope"))
    } else if !memory.may_go(look, source) {
        Err(format!("the grace of {source} is not over"))
    } else {
        Ok(())
    }
}

fn judge_group(look: &Look<'_>, serving: &Serving, id: i64, removals: &mut Removals) -> Result<(), String> {
    let (group, now) = (&look.before.groups[&id], look.after.groups.get(&id));
    if group.source.is_none() && now != Some(group) {
        return Err("it is somebody else's, and was changed".to_owned());
    }
    if look.rules.protects_group(&group.name) && now != Some(group) {
        return Err("it is protected, and was changed".to_owned());
    }
    if now.is_some() {
        return Ok(());
    }
    if look.rules.left_groups != LeaverGroups::Delete || !group.is_synced() {
        return Err("it was deleted, and nothing says that it may be".to_owned());
    }
    if look.before.members_of(id).any(|user| look.before.users[&user].source.is_none()) {
        return Err("it was deleted with members that are not managed".to_owned());
    }
    if !look.lie {
        justify_left_group(look, serving, id).map_err(|why| format!("it was deleted: {why}"))?;
    }
    removals.note("group deleted");
    removals.groups.insert(id);
    Ok(())
}

fn justify_left_group(look: &Look<'_>, serving: &Serving, id: i64) -> Result<(), String> {
    if let Some(required) = &look.wanted.stops {
        return Err(format!("the required group {required} does not exist, so nothing may be done"));
    }
    match serving.wanted.get(&id) {
        Some(name) => Err(format!("it stands for {name:?} {:?}", look.wanted.groups[name].parts)),
        None => Ok(()),
    }
}

fn judge_membership(
    look: &Look<'_>,
    memory: &Memory,
    serving: &Serving,
    (group_id, user_id): (i64, i64),
    removals: &mut Removals,
) -> Result<(), String> {
    let (group, user) = (&look.before.groups[&group_id], &look.before.users[&user_id]);
    let Some(source) = &user.source else { return Err("the account is somebody else's".to_owned()) };
    if look.rules.protects_group(&group.name) {
        return Err("the group is protected".to_owned());
    }
    if look.rules.protects_user(&user.username) {
        return Err("the account is protected".to_owned());
    }
    if !look.after.users.contains_key(&user_id) {
        // Judged with the account.
        return Ok(());
    }
    let always = look.rules.is_always(&group.name);
    if group.source.is_none() && !(always && memory.added_always.contains(&(group_id, user_id))) {
        return Err("nobody but others put it there".to_owned());
    }
    let in_scope = look.wanted.users.contains_key(source);
    let account_lost = removals.leavers.contains(source);
    if look.lie {
        if !account_lost {
            removals.members.entry(group_id).or_default().insert(source.clone());
        }
        removals.note("membership");
        return Ok(());
    }
    if let Some(required) = &look.wanted.stops {
        return Err(format!("the required group {required} does not exist, so nothing may be done"));
    }
    if !in_scope && would_lose(look, user_id, user) && !memory.may_go(look, source) {
        return Err("its user is in its grace".to_owned());
    }
    if always && in_scope {
        return Err("everybody in scope is a member of it".to_owned());
    }
    let wanted = serving.wanted.get(&group_id);
    let has_left = wanted.is_none() && !always;
    if let Some(name) = has_left.then(|| lost_on_the_way(look, memory, (group_id, user_id), source)).flatten()
    {
        return Err(format!(
            "{source} truly is a member of {name:?}, for which the group stood, and is in nothing that stands for it now"
        ));
    }
    if serving.unsure.contains(&group_id) {
        removals.unsure = true;
        removals.note("membership of an uncertain group");
        return Ok(());
    }
    let left_and_emptied = has_left && look.rules.left_groups != LeaverGroups::Keep;
    if left_and_emptied {
        removals.groups.insert(group_id);
        removals.note("membership of a group that left");
    } else if in_scope {
        // Under the same name is good enough.
        let is_member = |name: &&String| is_member(look, memory, name, source);
        let lost = wanted.filter(is_member).filter(|name| !is_elsewhere(look, name, (group_id, user_id)));
        if lost.is_some() {
            return Err(format!("{source} truly is a member"));
        }
        if has_left {
            return Err("the group has left, and leavers.groups is keep".to_owned());
        }
        removals.members.entry(group_id).or_default().insert(source.clone());
        removals.note("membership");
    } else {
        if !look.rules.leavers_lose(&group.name) {
            return Err("its user has left and keeps its memberships".to_owned());
        }
        removals.leavers.insert(source.clone());
        removals.note("membership of a leaver");
    }
    Ok(())
}

/// Whether somebody is a member of a wanted group, as far as that can be known: of a group that never stood for anything nobody
/// can say that a list left it out.
fn is_member(look: &Look<'_>, memory: &Memory, name: &str, source: &str) -> bool {
    let is_known =
        |part: &String| memory.links.values().chain(memory.maybe.values()).any(|parts| parts.contains(part));
    let mut parts = look.wanted.groups[name].members_of.iter();
    parts.any(|(part, members)| members.contains(source) && (!look.groups_omitted || is_known(part)))
}

/// Whether another group of ours has come to bear a name, and has somebody as a member.
fn is_elsewhere(look: &Look<'_>, name: &str, (group, user): (i64, i64)) -> bool {
    look.after.groups.iter().any(|(id, other)| {
        let bears = *id != group && other.source.is_some() && key(&other.name) == name;
        bears && look.after.members.contains(&(*id, user))
    })
}

/// The wanted group that somebody truly is a member of, and that no longer has it, neither under its name nor under another.
fn lost_on_the_way<'a>(
    look: &'a Look<'_>,
    memory: &Memory,
    (group, user): (i64, i64),
    source: &str,
) -> Option<&'a String> {
    let stood_for = memory.links.get(&group)?;
    let same_name = look.wanted.groups.get(&key(&look.before.groups[&group].name));
    if same_name.is_some_and(|wanted| !wanted.members.contains(source)) {
        // It was parted from what still bears the name.
        return None;
    }
    let wanted = look.wanted.groups.iter().filter(|(_, wanted)| wanted.members.contains(source));
    let mut wanted = wanted.filter(|(_, wanted)| !wanted.protected && !wanted.parts.is_disjoint(stood_for));
    let has_it = |name: &str, parts: &BTreeSet<String>| {
        look.after.members.iter().filter(|(_, member)| *member == user).any(|(group, _)| {
            let linked = memory.links.get(group).is_some_and(|known| !known.is_disjoint(parts));
            linked || key(&look.after.groups[group].name) == name
        })
    };
    wanted.find(|(name, wanted)| !has_it(name, &wanted.parts)).map(|(name, _)| name)
}

/// Nobody comes into what is somebody else's or protected.
fn judge_additions(look: &Look<'_>) -> Result<(), String> {
    for (group_id, user_id) in look.after.members.difference(&look.before.members) {
        let (group, user) = (&look.after.groups[group_id], &look.after.users[user_id]);
        let foreign = group.source.is_none() && !look.rules.is_always(&group.name);
        let protected = look.rules.protects_group(&group.name) || look.rules.protects_user(&user.username);
        if foreign || protected || user.source.is_none() {
            return Err(format!(
                "{} became a member of group {:?}, which is none of the connector's business",
                user.username, group.name
            ));
        }
    }
    Ok(())
}

/// Law 2: nothing beyond a limit, and what is held is held whole.
fn judge_limits(look: &Look<'_>, memory: &Memory, removals: &Removals) -> Result<(), String> {
    for removal in removals.counted(look) {
        let of_members = matches!(removal.what, Counted::Memberships(_));
        // After a lie it is not known on whose account a membership went.
        let blurred = of_members && look.lie && look.rules.memberships.is_some();
        let emptied = match removal.what {
            Counted::Memberships(group) => look.lie && look.after.ours_of(group).next().is_none(),
            _ => false,
        };
        if let Some(excess) = memory.excess(look, &removal).filter(|_| !blurred && !emptied) {
            return Err(format!("law 2: {:?}: {excess}", removal.what));
        }
    }
    for hold in look.ran.holds.iter().filter(|hold| !hold.announced) {
        let of_group = |id: &i64| Some(&look.before.groups[id].name) == hold.group.as_ref();
        let applied = match hold.kind {
            "leavers" => !removals.leavers.is_empty(),
            "groups" => !removals.groups.is_empty(),
            "memberships" => removals.members.keys().any(of_group) && !look.lie,
            "view" => !removals.kinds.is_empty(),
            _ => false,
        };
        if applied {
            return Err(format!("law 2: {} are held, and some of them were applied", hold.kind));
        }
    }
    Ok(())
}
