//! The group list. Groups whose members are to be read are handed on as soon as they are known.

use compact_str::CompactString;
use tokio::sync::mpsc::UnboundedSender;

use super::app::{self, Assigned, both};
use super::client::{Bucket, Client, Unread};
use super::gathered::{Gathered, Kind};
use super::list::{self, List, Taken};
use super::parse::{self, GroupRecord, Records};
use super::refusal;
use super::scope::{GROUPS_SEARCH, Scope};
use crate::source::{ReadRequest, SourceError};
use crate::sync::model::{MembersFrom, Person, Proof, SourceId};

pub(super) const WHAT: &str = "the group list";
/// What a search for groups may do (Okta Management API, "List all groups").
pub(super) const OPERATORS: &str =
    "the operators are eq and sw, co for name and description, and comparisons of dates";

/// A group whose members are to be read.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Where it stands among the gathered groups.
    pub(super) place: usize,
    /// Okta's id.
    pub(super) id: SourceId,
    /// How many members Okta counts, if it said.
    pub(super) count: Option<u64>,
    /// When Okta says that its members last changed.
    pub(super) stamp: CompactString,
    /// Who was in the list when it was last read, if Okta says that it has not changed since.
    pub(super) seen: Option<Vec<Person>>,
}

/// Reads all groups that the source's own part of the scope lets in. Dropping `wanted` at the end says that there are no
/// more.
pub(super) async fn read(
    client: &Client,
    gathered: &Gathered,
    scope: &Scope<'_>,
    wanted: UnboundedSender<Wanted>,
) -> Result<(), SourceError> {
    let assigned = match scope.app() {
        Some(app) => Some(app::groups(client, app).await?),
        None => None,
    };
    let assigned = assigned.as_ref();
    let first = scope.groups_url(client, scope.groups_search());
    let list = List {
        bucket: Bucket::Groups,
        first: &first,
        what: WHAT,
        options: None,
        forgotten: Some(Scope::WITH_COUNTS),
    };
    let ended = list::read(client, list, |body| {
        let page = parse::groups(body)?;
        Ok(take(client, gathered, scope.request, &wanted, page, assigned))
    });
    let proof = match (ended.await, scope.groups_search()) {
        (Ok(ended), _) => both(assigned, ended.into_proof()),
        (Err(Unread::BadRequest(error)), Some(search)) => {
            return Err(refusal::search(client.origin(), GROUPS_SEARCH, search, OPERATORS, &error));
        }
        (Err(unread), _) => return Err(client.fatal(WHAT, unread)),
    };
    if let Proof::NotProven(why) = &proof {
        tracing::warn!(why, "{WHAT} was not read to its end; no group missing from it is taken for gone");
    }
    gathered.lock().end_groups(proof);
    Ok(())
}

fn take(
    client: &Client,
    gathered: &Gathered,
    request: &ReadRequest,
    wanted: &UnboundedSender<Wanted>,
    page: Records<GroupRecord>,
    assigned: Option<&Assigned>,
) -> Taken {
    let mut taken = Taken { records: page.len(), new: 0 };
    let mut contents = gathered.lock();
    for record in page {
        let id = match &record {
            Ok(group) => Some(&group.id.0),
            Err(broken) => broken.id.as_ref(),
        };
        if let Some(new) = id.and_then(|id| contents.leave_out(id, assigned)) {
            taken.new += usize::from(new);
            continue;
        }
        let group = match record {
            Ok(group) => group,
            Err(broken) => {
                taken.new += usize::from(contents.take_broken(Kind::Group, broken));
                continue;
            }
        };
        let Some(place) = contents.take_group(&group) else { continue };
        taken.new += 1;
        client.progress.groups_found(1);
        let cached = &request.member_lists;
        if !needs_members(&group, request) {
            contents.end_members(place, Vec::new(), Proof::Proven, MembersFrom::Nowhere);
            client.progress.groups_read(1);
        } else if let Some((members, from)) =
            cached.unchanged(&group.id, &group.members_changed, group.users_count)
        {
            contents.end_members(place, members, Proof::Proven, from);
            client.progress.groups_read(1);
        } else {
            let seen = cached.seen(&group.id, &group.members_changed);
            let GroupRecord { id, users_count: count, members_changed: stamp, .. } = group;
            // Its reader is gone only when the whole read is being dropped.
            let _unsent = wanted.send(Wanted { place, id, count, stamp, seen });
        }
    }
    taken
}

/// Whether the members of a group cost a request: not those of `Everyone`, who are all users; not those that nobody wants;
/// not those of an empty group, unless the ledger says that it had some (RULES 18), or they decide about others.
pub(super) fn needs_members(group: &GroupRecord, request: &ReadRequest) -> bool {
    let empty = group.users_count == Some(0)
        && !request.groups_with_memberships.contains(&group.id)
        && !(request.decides.0)(&group.name);
    !group.everyone && !empty && (request.wants_members.0)(&group.name)
}
