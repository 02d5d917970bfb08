//! What the daemon remembers of what it manages: bound to another org or target, rebuilt, renamed, let go of.

use std::sync::Arc;

use super::super::handle::ConnectorHandle;
use super::Operations;
use crate::config::model::Connector;
use crate::control::api::{ConnectorStatus, RebindAnswer, RelinkAnswer};
use crate::control::fault::Fault;
use crate::control::server::Control;
use crate::store::{Links, StoreError};
use crate::sync::engine::{Rebinding, Relinking};
use crate::sync::report::FORMAT_VERSION;

/// The longest connector name.
const LONGEST_NAME: usize = 64;

impl Operations {
    pub(super) async fn rebind_now(&self, name: &str, confirm: bool) -> Result<RebindAnswer, Fault> {
        let handle = self.registry.get(name)?;
        let connector = configuration(&handle, name)?;
        let maintenance = handle.maintain().await?;
        let ledger = self.workshop.store.ledger(name).await?;
        let Rebinding { after, kept } =
            self.workshop.rebinding(&connector, &ledger).await.map_err(Fault::conflict)?;
        let (kept_users, kept_groups) = (kept.users.len() as u64, kept.groups.len() as u64);
        if confirm {
            self.workshop.store.rebind(name, &after, kept).await?;
        }
        drop(maintenance);
        Ok(RebindAnswer {
            format_version: FORMAT_VERSION,
            before: ledger.binding,
            after,
            users: ledger.users.len() as u64,
            groups: ledger.groups.len() as u64,
            kept_users,
            kept_groups,
            done: confirm,
        })
    }

    /// What a relink would do; the connector may go on meanwhile.
    pub(super) async fn relink_shown(&self, name: &str) -> Result<RelinkAnswer, Fault> {
        let handle = self.registry.get(name)?;
        let connector = configuration(&handle, name)?;
        Ok(answer(self.relinking(&connector).await?, false))
    }

    /// RULES 4: what carries an id is to be put into the ledger, and the next runs are to hold what bears a name only. Reading
    /// takes as long as it takes, and the connector may go on meanwhile; dropping the future gives it up.
    pub(super) async fn relink_read(&self, name: &str) -> Result<Relinking, Fault> {
        let handle = self.registry.get(name)?;
        self.relinking(&*configuration(&handle, name)?).await
    }

    /// Does so, unless something changed since.
    pub(super) async fn relink_now(&self, name: &str, relinking: Relinking) -> Result<RelinkAnswer, Fault> {
        let maintenance = self.registry.get(name)?.maintain().await?;
        if self.workshop.store.ledger(name).await? != relinking.before {
            return Err(Fault::conflict(format!(
                "what {name} manages changed while the target was read, so nothing was linked; run this again"
            )));
        }
        let links = Links {
            changes: relinking.by_id.changes.clone(),
            // Whoever cannot run for so many names that are there is let run: what to do about each is said in findings.
            asks_by_name: !relinking.by_name.is_empty() || relinking.before.users.is_empty(),
        };
        self.workshop.store.relink(name, &relinking.binding, links).await.map_err(refused)?;
        drop(maintenance);
        Ok(answer(relinking, true))
    }

    async fn relinking(&self, connector: &Connector) -> Result<Relinking, Fault> {
        let (own, others): (Vec<_>, Vec<_>) =
            self.registry.status().connectors.into_iter().partition(|one| one.name == connector.name);
        // Where the target of one of them is not known, its file being broken, it may be the same.
        let same = |one: &ConnectorStatus, other: &ConnectorStatus| {
            other.target.is_none() || one.target == other.target
        };
        let shared = own.iter().any(|own| others.iter().any(|other| same(own, other)));
        self.workshop.relinking(connector, shared).await.map_err(Fault::conflict)
    }

    /// RULES 1: a renamed file needs this to find its ledger again.
    pub(super) async fn rename_now(&self, from: &str, to: &str) -> Result<String, Fault> {
        if !is_connector_name(to) {
            return Err(Fault::bad_request(format!(
                "{to:?} cannot be the name of a connector: letters, digits, dots, dashes and underscores, at most \
                 {LONGEST_NAME}, and no dot or dash in front"
            )));
        }
        // The file may have been renamed a moment ago.
        self.reload().await?;
        if let Some(handle) = self.registry.find(from) {
            let view = handle.view();
            if !view.removed {
                return Err(Fault::conflict(format!(
                    "{from} still has its file, and a ledger stays with its file; rename {from}.yaml to {to}.yaml first, \
                     then run this again"
                )));
            }
            if view.busy.is_some() {
                return Err(Fault::conflict(format!(
                    "{from} is still busy with its last run; wait for its end or stop it with `usersyncd ctl cancel {from}`"
                )));
            }
        }
        let Some(target) = self.registry.find(to).filter(|handle| !handle.view().removed) else {
            self.give_ledger(from, to).await?;
            return Ok(format!(
                "the ledger and the runs of {from} belong to {to} now; there is no {to}.yaml yet, so nothing runs"
            ));
        };
        let maintenance = target.maintain().await?;
        self.give_ledger(from, to).await?;
        maintenance.end_with_new_memory();
        target.settled().await;
        Ok(format!("the ledger and the runs of {from} belong to {to} now"))
    }

    async fn give_ledger(&self, from: &str, to: &str) -> Result<(), Fault> {
        self.workshop.store.rename(from, to).await.map_err(|error| Fault::conflict(error.to_string()))
    }

    pub(super) async fn release_now(&self, name: &str, login: &str) -> Result<String, Fault> {
        let handle: ConnectorHandle = self.registry.get(name)?;
        let maintenance = handle.maintain().await?;
        let released = self.workshop.store.release(name, login).await?;
        drop(maintenance);
        match released {
            Some(source) => Ok(format!(
                "{name} does not manage {login} ({source}) any more; the account stays in the target as it is. If the \
                 user is still in scope, the next run finds the account and reports it as not managed"
            )),
            None => Err(Fault::not_found(format!(
                "{name} manages no user named {login}; nothing was changed. `usersyncd ctl explain {name} {login}` says whether \
                     the target has an account of that name"
            ))),
        }
    }
}

/// The file in force, without which nobody knows what the ledger is about.
fn configuration(handle: &ConnectorHandle, name: &str) -> Result<Arc<Connector>, Fault> {
    handle.view().configuration.ok_or_else(|| {
        Fault::conflict(format!(
            "{name} has no good configuration that would say to what its ledger is to be bound; correct its file first"
        ))
    })
}

fn refused(error: StoreError) -> Fault {
    Fault::conflict(error.to_string())
}

fn answer(relinking: Relinking, done: bool) -> RelinkAnswer {
    let Relinking { binding, by_id, by_name, findings, before: _ } = relinking;
    RelinkAnswer {
        format_version: FORMAT_VERSION,
        binding,
        by_id: by_id.linked,
        by_name,
        left_alone: by_id.left_alone,
        findings,
        done,
    }
}

/// Whether a file of that stem would be a connector.
fn is_connector_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}
