//! The groups that one user is a member of, as Okta lists them for the user.

use std::collections::BTreeMap;

use super::client::{Bucket, Client, Unread};
use super::list::{self, Ended, List, Taken};
use super::parse::{self, Broken, GroupRecord};
use crate::source::SourceError;
use crate::sync::model::{Proof, SourceId};

/// What Okta lists as the groups of one user.
#[derive(Debug)]
pub(super) struct OwnGroups {
    pub(super) groups: BTreeMap<SourceId, GroupRecord>,
    /// Records that could not be read.
    pub(super) broken: Vec<Broken>,
    /// Whether these are all.
    pub(super) proof: Proof,
}

/// `GET /api/v1/users/{id}/groups`, which is paged although no documentation says so.
pub(super) async fn read(client: &Client, id: &SourceId) -> Result<OwnGroups, SourceError> {
    let first = client.url(&["users", &id.0, "groups"], Some("limit=200"));
    let what = format!("the list of the groups of the user {id}");
    let list = List { bucket: Bucket::Users, first: &first, what: &what, options: None, forgotten: None };
    let mut groups: BTreeMap<SourceId, GroupRecord> = BTreeMap::new();
    let mut broken: Vec<Broken> = Vec::new();
    let ended = list::read(client, list, |body| {
        let page = parse::groups(body)?;
        let mut taken = Taken { records: page.len(), new: 0 };
        for record in page {
            match record {
                Ok(group) => taken.new += usize::from(groups.insert(group.id.clone(), group).is_none()),
                Err(record) if broken.contains(&record) => {}
                Err(record) => {
                    taken.new += 1;
                    broken.push(record);
                }
            }
        }
        Ok(taken)
    });
    let proof = match ended.await {
        Ok(Ended::Complete) => match broken.iter().find(|record| record.id.is_none()) {
            Some(record) => Proof::NotProven(format!("one of its records cannot be read: {}", record.why)),
            None => Proof::Proven,
        },
        Ok(ended) => ended.into_proof(),
        Err(Unread::Fatal(error)) => return Err(error),
        Err(unread) => Proof::NotProven(unread.reason()),
    };
    Ok(OwnGroups { groups, broken, proof })
}
