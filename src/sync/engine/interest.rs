//! What a run must know of the target, and reading it.

use super::{Failure, Services};
use crate::sync::desire::Desired;
use crate::sync::model::{Ledger, TargetSnapshot};
use crate::sync::progress::RunControl;
use crate::sync::rules::{Globs, LeaverUsers, Rules};
use crate::sync::undo::Done;
use crate::target::{Capabilities, Interest};

/// Who is managed, who is wanted, and which groups keep their members from being taken over or deleted.
pub(super) fn interest(
    ledger: &Ledger,
    desired: Option<&Desired>,
    rules: &Rules,
    capabilities: &Capabilities,
) -> Interest {
    let mut interest = Interest::default();
    let (users, groups) = (&mut interest.users, &mut interest.groups);
    let of_users = ledger.users.values().map(|user| (user.target.clone(), user.username.clone()));
    users.managed.extend(of_users);
    groups.managed.extend(ledger.groups.values().map(|group| (group.target.clone(), group.name.clone())));
    groups.managed.extend(ledger.always.iter().map(|(name, group)| (group.target.clone(), name.clone())));
    let with_members = ledger.groups.values().filter(|group| group.memberships > 0);
    interest.filled.extend(with_members.map(|group| group.target.clone()));
    let with_members = ledger.always.values().filter(|group| !group.members.is_empty());
    interest.filled.extend(with_members.map(|group| group.target.clone()));
    let (users, groups) = (&mut interest.users, &mut interest.groups);
    for sent in &ledger.unanswered {
        let of_group = matches!(sent.kind.as_str(), "create_group" | "update_group");
        let names = if of_group { &mut *groups } else { &mut *users };
        names.want(&sent.name, capabilities);
        if let Some(name) = &sent.new_name {
            users.want(name, capabilities);
        }
    }
    if let Some(desired) = desired {
        desired.users.iter().for_each(|user| users.want(&user.attributes.username, capabilities));
        desired.groups.iter().for_each(|group| groups.want(&group.attributes.name, capabilities));
        desired.always.iter().for_each(|name| groups.want(name, capabilities));
    }
    let takes_over = rules.existing.users.takes_over();
    if takes_over || rules.leavers.users == LeaverUsers::Delete {
        interest.watched_groups = rules.protected.groups.clone();
    } else {
        interest.watched_groups = Globs::default();
    }
    interest
}

/// Reads the target. Addresses that it does not show are those that were last written.
pub(super) async fn read_target(
    services: &Services,
    interest: &Interest,
    ledger: &Ledger,
    control: &RunControl,
) -> Result<TargetSnapshot, Failure> {
    let mut target = services.reader.read(interest, control).await?;
    if !services.reader.capabilities().email_readable {
        let written = ledger.users.values().filter_map(|user| Some((&user.target, user.email.as_ref()?)));
        let written: std::collections::BTreeMap<_, _> = written.collect();
        for user in &mut target.users {
            if let Some(email) = written.get(&user.id) {
                user.attributes.email = (*email).clone();
            }
        }
    }
    Ok(target)
}

/// Reads of the target what a plan for this ledger is made from.
pub(super) async fn read_wanted(
    services: &Services,
    (ledger, desired): (&Ledger, &Desired),
    rules: &Rules,
    control: &RunControl,
) -> Result<TargetSnapshot, Failure> {
    let interest = match services.reader.reads_everything() {
        true => Interest::default(),
        false => interest(ledger, Some(desired), rules, &services.reader.capabilities()),
    };
    read_target(services, &interest, ledger, control).await
}

/// The same for a ledger alone.
pub(super) async fn read_managed(
    ledger: &Ledger,
    services: &Services,
    control: &RunControl,
) -> Result<TargetSnapshot, Failure> {
    let interest = interest(ledger, None, &Rules::default(), &services.reader.capabilities());
    read_target(services, &interest, ledger, control).await
}

/// Adds what an operation of an earlier run was about: its object may be managed no longer.
pub(super) fn want_what_was(done: &Done, interest: &mut Interest, capabilities: &Capabilities) {
    for side in ["before", "after"] {
        let attributes = &done.operation[side];
        for (key, wanted) in [("username", &mut interest.users), ("name", &mut interest.groups)] {
            let Some(name) = attributes[key].as_str() else { continue };
            wanted.want(name, capabilities);
            if let Some(target) = &done.target {
                wanted.managed.entry(target.clone()).or_insert_with(|| name.into());
            }
        }
    }
}
