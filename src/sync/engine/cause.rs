//! Where removals come from: the same plan with the rules of the last successful run.

use std::path::Path;

use super::propose::{Purpose, propose};
use super::read::read;
use super::{Failure, Services};
use crate::config;
use crate::config::model::Connector;
use crate::sync::digest::Permission;
use crate::sync::progress::RunControl;
use crate::sync::removals::{Earlier, Removals};

/// The connector as it was in the last run that succeeded, if its file has said something else about who is synced since.
pub(super) async fn changed_since(
    connector: &Connector,
    services: &Services,
) -> Result<Option<Connector>, Failure> {
    let remembered = services.store.remembered(&connector.name).await?;
    let Some(text) = remembered.file.filter(|text| **text != *connector.text) else { return Ok(None) };
    // A file that this version would refuse says nothing any more.
    let Some(mut before) = config::earlier_version(&connector.path, &text) else { return Ok(None) };
    before.source.auth = connector.source.auth.clone();
    before.source.rate_budget = connector.source.rate_budget;
    before.source.skinny_users = connector.source.skinny_users;
    before.source.authorities.clone_from(&connector.source.authorities);
    let is_same = before.rules == connector.rules && before.source == connector.source;
    // Another org is another ledger: the run fails before it plans.
    let other_org = before.source.origin != connector.source.origin;
    Ok((!is_same && !other_org).then_some(before))
}

/// What that version of the file would take away now. Reads the source once more, with the question that it asked; if that
/// fails, where removals come from is not known, and nothing else.
pub(super) async fn earlier_removals(
    connector: &Connector,
    before: &Connector,
    services: &Services,
    control: &RunControl,
) -> Result<Option<Earlier>, Failure> {
    let services = Services { source: (services.source_of)(&before.source), ..services.clone() };
    let planned = async {
        let read = read(before, &services, None, &Permission::default(), control).await?;
        propose(before, &services, control, &read, Purpose::Show).await
    };
    match planned.await {
        Ok(proposal) => Ok(Some(Earlier {
            file: shown(&connector.path),
            removals: Removals::of(&proposal.plan.operations, &proposal.plan.people),
        })),
        Err(failure) if failure.cancelled => Err(failure),
        Err(failure) => {
            tracing::info!(
                "whether removals come from the change of {} is not known, since its last version cannot be planned with: {}",
                shown(&connector.path),
                failure.message
            );
            Ok(None)
        }
    }
}

/// The file with its directory: `connectors.d/acme.yaml`.
fn shown(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match path.parent().and_then(Path::file_name) {
        Some(directory) => format!("{}/{name}", directory.to_string_lossy()),
        None => name,
    }
}
