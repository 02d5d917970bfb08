//! What binding a ledger to another source or target would mean (RULES 1).

use std::collections::BTreeSet;

use super::Services;
use super::interest::read_managed;
use crate::store::Kept;
use crate::sync::model::{Binding, Ledger, LedgerGroup, LedgerUser};
use crate::sync::progress::RunControl;

/// What a rebind would do (RULES 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebinding {
    /// What the ledger belongs to from then on.
    pub after: Binding,
    /// What of the ledger stays. Ids mean nothing in another target, so there only what bears the ledger's name under the
    /// ledger's id, and belongs to nobody else, is still the same object.
    pub kept: Kept,
}

/// What binding this ledger to the source and target in the connector's file would mean, asked of both (for `ctl rebind`).
pub async fn rebinding(
    connector: &str,
    ledger: &Ledger,
    services: &Services,
    control: &RunControl,
) -> Result<Rebinding, String> {
    let source = services.source.address(control).await.map_err(|error| error.to_string())?;
    let after = Binding { source, target: services.reader.address() };
    let mut kept = Kept {
        users: ledger.users.keys().cloned().collect(),
        groups: ledger.groups.keys().cloned().collect(),
        always: true,
    };
    if ledger.binding.as_ref().is_some_and(|before| before.target != after.target) {
        let target = read_managed(ledger, services, control).await.map_err(|failure| failure.message)?;
        let claims =
            services.store.claims(connector, &after.target).await.map_err(|error| error.to_string())?;
        let key = |name: &str| services.reader.capabilities().name_key(name);
        let users = target.users.iter().filter(|user| !claims.users.contains_key(&user.id));
        let users: BTreeSet<_> = users.map(|user| (&user.id, key(&user.attributes.username))).collect();
        let groups = target.groups.iter().filter(|group| !claims.groups.contains_key(&group.id));
        let groups: BTreeSet<_> = groups.map(|group| (&group.id, key(&group.attributes.name))).collect();
        let same_user = |user: &LedgerUser| users.contains(&(&user.target, key(&user.username)));
        let same_group = |group: &LedgerGroup| groups.contains(&(&group.target, key(&group.name)));
        kept.users.retain(|source| ledger.users.get(source).is_some_and(same_user));
        kept.always = false;
        kept.groups.retain(|source| ledger.groups.get(source).is_some_and(same_group));
    }
    Ok(Rebinding { after, kept })
}
