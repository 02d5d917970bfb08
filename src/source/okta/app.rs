//! What is assigned to an application: `source.okta.app`.

use std::collections::HashSet;

use compact_str::CompactString;

use super::client::{Ask, Bucket, Client, Unread};
use super::list::{self, List, Taken};
use super::parse::{self, Broken, UserRecord};
use super::{examine, refusal};
use crate::source::SourceError;
use crate::sync::model::{Proof, SourceId};

/// What Okta leaves out of its links to the next page of an application's users (github.com/okta/okta-sdk-nodejs#439).
const WITH_USER: &str = "expand=user";

/// Users or groups that are assigned to an application.
#[derive(Debug)]
pub(super) struct Assigned {
    ids: HashSet<CompactString>,
    /// Whether these are all.
    pub(super) proof: Proof,
}

impl Assigned {
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

/// A list is whole only if the list that it was cut to is.
pub(super) fn both(assigned: Option<&Assigned>, proof: Proof) -> Proof {
    match assigned.map(|assigned| &assigned.proof) {
        Some(Proof::NotProven(why)) => Proof::NotProven(why.clone()),
        Some(Proof::Proven) | None => proof,
    }
}

/// The list of an application's users, with the user objects.
pub(super) struct WithUsers {
    pub(super) first: url::Url,
    pub(super) what: String,
}

impl WithUsers {
    pub(super) fn new(client: &Client, app: &str) -> Self {
        let first = client.url(&["apps", app, "users"], Some("limit=500&expand=user"));
        Self { first, what: what(app, "user") }
    }

    pub(super) fn list(&self) -> List<'_> {
        List {
            bucket: Bucket::Apps,
            first: &self.first,
            what: &self.what,
            options: None,
            forgotten: Some(WITH_USER),
        }
    }
}

/// Whether anybody is assigned.
pub(super) async fn has_users(client: &Client, app: &str) -> Result<bool, SourceError> {
    let url = client.url(&["apps", app, "users"], Some("limit=1"));
    let what = what(app, "user");
    examine::any(client, Bucket::Apps, &url, &what).await.map_err(|unread| fatal(client, app, &what, unread))
}

/// The ids of all users who are assigned, directly or by a group.
pub(super) async fn users(client: &Client, app: &str) -> Result<Assigned, SourceError> {
    let first = client.url(&["apps", app, "users"], Some("limit=500"));
    assigned(client, app, &first, &what(app, "user")).await
}

/// The ids of all groups that are assigned.
pub(super) async fn groups(client: &Client, app: &str) -> Result<Assigned, SourceError> {
    let first = client.url(&["apps", app, "groups"], Some("limit=200"));
    assigned(client, app, &first, &what(app, "group")).await
}

async fn assigned(client: &Client, app: &str, first: &url::Url, what: &str) -> Result<Assigned, SourceError> {
    let mut ids = HashSet::new();
    let mut broken = None;
    let list = List { bucket: Bucket::Apps, first, what, options: None, forgotten: None };
    let ended = list::read(client, list, |body| {
        let page = parse::ids(body)?;
        let mut taken = Taken { records: page.len(), new: 0 };
        for record in page {
            match record {
                Ok(id) => taken.new += usize::from(ids.insert(CompactString::from(id))),
                Err(Broken { why, .. }) => broken = Some(why),
            }
        }
        Ok(taken)
    });
    let proof = match ended.await {
        Ok(ended) => ended.into_proof(),
        Err(unread) => return Err(fatal(client, app, what, unread)),
    };
    let proof = match (proof, broken) {
        (Proof::NotProven(why), _) => Proof::NotProven(format!("{what}: {why}")),
        (Proof::Proven, Some(why)) => {
            Proof::NotProven(format!("{what}: one of its records cannot be read: {why}"))
        }
        (Proof::Proven, None) => Proof::Proven,
    };
    if let Proof::NotProven(why) = &proof {
        tracing::warn!(why, "{what} was not read to its end; nobody missing from it is taken for gone");
    }
    Ok(Assigned { ids, proof })
}

/// The run's error when the first page of what is assigned could not be had.
pub(super) fn fatal(client: &Client, app: &str, what: &str, unread: Unread) -> SourceError {
    match unread {
        Unread::Missing => refusal::no_application(client.origin(), client.principal(), app),
        other => client.fatal(what, other),
    }
}

/// Asks for one user of an application, with the user object. [`Unread::Missing`]: it is not assigned.
pub(super) async fn user(
    client: &Client,
    app: &str,
    id: &SourceId,
    attributes: &[CompactString],
) -> Result<Result<UserRecord, Broken>, Unread> {
    let url = client.url(&["apps", app, "users", &id.0], Some(WITH_USER));
    let what = format!("the user {id} of the application {app}");
    let ask = Ask { bucket: Bucket::Apps, url: &url, what: &what, options: None, smaller: None };
    client.ask(ask, |_, body| parse::app_user(body, attributes)).await
}

/// Asks whether a user is assigned to an application.
pub(super) async fn has_user(client: &Client, app: &str, id: &SourceId) -> Result<bool, Unread> {
    has(client, app, "users", id).await
}

/// Asks whether a group is assigned to an application.
pub(super) async fn has_group(client: &Client, app: &str, id: &SourceId) -> Result<bool, Unread> {
    has(client, app, "groups", id).await
}

async fn has(client: &Client, app: &str, kind: &str, id: &SourceId) -> Result<bool, Unread> {
    let url = client.url(&["apps", app, kind, &id.0], None);
    let what = format!("{id} among the {kind} of the application {app}");
    let ask = Ask { bucket: Bucket::Apps, url: &url, what: &what, options: None, smaller: None };
    match client.ask(ask, |_, body| parse::only_id(body)).await {
        Ok(found) if found == id.0 => Ok(true),
        Ok(other) => Err(Unread::Strange(format!("Okta answered with another record, {other}"))),
        Err(Unread::Missing) => Ok(false),
        Err(unread) => Err(unread),
    }
}

fn what(app: &str, kind: &str) -> String {
    format!("the {kind} list of the application {app} (source.okta.app)")
}
