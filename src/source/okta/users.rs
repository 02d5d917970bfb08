//! The user list.

use super::client::{Bucket, Client};
use super::gathered::Gathered;
use super::list::{self, List};
use super::parse;
use crate::source::{ReadRequest, SourceError};
use crate::sync::model::Proof;

const WHAT: &str = "the user list";

/// Leaves out what is not read anyway. Okta heeds the options only if all three are given (Okta developer docs, "List
/// users"); it spares orgs with delegated authentication a look into another directory for each user.
const OPTIONS: &str =
    r#"application/json; okta-response="omitCredentials,omitCredentialsLinks,omitTransitioningToStatus""#;

/// Reads all users that Okta's plain list shows, which is all but the deactivated ones.
pub(super) async fn read(
    client: &Client,
    gathered: &Gathered,
    request: &ReadRequest,
) -> Result<(), SourceError> {
    let first = client.url(&["users"], Some("limit=200"));
    let list = List { bucket: Bucket::Users, first: &first, what: WHAT, options: Some(OPTIONS) };
    let ended = list::read(client, list, |body| {
        let page = parse::users(body, &request.attributes)?;
        let taken = gathered.lock().take_users(page);
        client.progress.users_read(taken.new as u64);
        Ok(taken)
    });
    let proof = match ended.await {
        Ok(ended) => ended.into_proof(),
        Err(unread) => return Err(client.fatal(WHAT, unread)),
    };
    if let Proof::NotProven(why) = &proof {
        tracing::warn!(why, "{WHAT} was not read to its end; nobody missing from it is taken for gone");
    }
    gathered.lock().end_users(proof);
    Ok(())
}
