//! The members of groups, several groups at a time.

use futures_util::TryStreamExt;
use futures_util::stream;
use tokio::sync::mpsc::UnboundedReceiver;

use super::client::{Ask, Bucket, Client, Unread};
use super::gathered::{Gathered, MemberList};
use super::groups::Wanted;
use super::list::{self, Ended, List};
use super::{parse, skinny};
use crate::source::{SourceError, cache};
use crate::sync::model::{Member, MembersFrom, Person, Proof, SourceId};

/// How many groups are read side by side; the limiter decides how many requests really run at once.
pub(super) const SIDE_BY_SIDE: usize = 8;

/// Where Okta showed a group before its members were asked for, as the beginning of a sentence about it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    /// In the list of groups.
    Listed,
    /// In answer to a question for the group itself.
    AskedFor,
}

impl Shown {
    fn text(self) -> &'static str {
        match self {
            Self::Listed => "it was in the list of groups",
            Self::AskedFor => "Okta showed it when asked for it",
        }
    }
}

/// Reads the members of all groups that come in.
pub(super) async fn read_all(
    client: &Client,
    gathered: &Gathered,
    wanted: UnboundedReceiver<Wanted>,
) -> Result<(), SourceError> {
    let wanted =
        stream::unfold(wanted, async |mut wanted| wanted.recv().await.map(|group| (Ok(group), wanted)));
    wanted
        .try_for_each_concurrent(SIDE_BY_SIDE, async |Wanted { place, id, count, stamp, seen }: Wanted| {
            let settled = cache::is_settled(&stamp, client.server_time());
            let (members, proof) = read(client, gathered, &id, (count, seen), Shown::Listed).await?;
            gathered.lock().end_members(place, members, proof, MembersFrom::List { settled });
            client.progress.groups_read(1);
            Ok(())
        })
        .await
}

/// Reads the members of one group, and says whether they are all. A list whose length is not what Okta counts is read once
/// more (RULES 18), and so is one that is not what was `seen` although Okta says that it has not changed since; then only what
/// came twice, or was seen before, is believed. A group that was shown and then is not there has no members, and nothing is
/// proven by it (law 1): if it has really left, the next run's list tells.
///
/// What is read once more is read at the address that Okta documents.
pub(super) async fn read(
    client: &Client,
    gathered: &Gathered,
    id: &SourceId,
    (count, seen): (Option<u64>, Option<Vec<Person>>),
    shown: Shown,
) -> Result<(Vec<Member>, Proof), SourceError> {
    let (mut list, mut proof) = read_first(client, gathered, id, count, shown).await?;
    if proof.is_proven() && count.is_some_and(|count| count != list.len() as u64) {
        (list, proof) = read_once(client, gathered, id, shown).await?;
    }
    proof = counted(proof, &list, count);
    if let (Proof::Proven, Some(seen)) = (&proof, seen)
        && !list.is(&seen)
    {
        let first = list.persons();
        (list, proof) = read_once(client, gathered, id, shown).await?;
        if proof.is_proven() && !list.is(&first) && !list.is(&seen) {
            proof = Proof::NotProven(
                "it was another list each time it was read, and Okta says that it did not change".to_owned(),
            );
        }
        proof = counted(proof, &list, count);
    }
    // Once nothing more is read, one line has said so; the report names every group.
    if let (Proof::NotProven(why), false) = (&proof, client.has_stopped()) {
        tracing::warn!(group = %id, why, "the members of a group are not proven; nobody is removed from it");
    }
    Ok((list.into_members(), proof))
}

/// RULES 18: a list of another length than Okta counts is not proven.
fn counted(proof: Proof, list: &MemberList, count: Option<u64>) -> Proof {
    match count {
        Some(count) if proof.is_proven() && count != list.len() as u64 => {
            Proof::NotProven(format!("Okta counts {count} members, {} were read", list.len()))
        }
        _ => proof,
    }
}

/// Reads the list for the first time: at `skinny_users` if that is wanted and Okta counts the members. Without a count
/// nothing would be left to doubt that address by.
async fn read_first(
    client: &Client,
    gathered: &Gathered,
    id: &SourceId,
    count: Option<u64>,
    shown: Shown,
) -> Result<(MemberList, Proof), SourceError> {
    if count.is_none() || !client.skinny.is_on() {
        return read_once(client, gathered, id, shown).await;
    }
    match skinny::read(client, gathered, id).await? {
        skinny::Answer::List(list, proof) => Ok((list, proof)),
        skinny::Answer::Nothing => read_once(client, gathered, id, shown).await,
        skinny::Answer::Missing => {
            let read = read_once(client, gathered, id, shown).await?;
            if read.1.is_proven() {
                skinny::knows_less(client, id);
            }
            Ok(read)
        }
    }
}

/// Reads the list once, at the address that Okta documents (Okta Management API, `listGroupUsers`).
async fn read_once(
    client: &Client,
    gathered: &Gathered,
    id: &SourceId,
    shown: Shown,
) -> Result<(MemberList, Proof), SourceError> {
    let first = client.url(&["groups", &id.0, "users"], Some("limit=1000"));
    let what = format!("the member list of group {id}");
    let mut members = MemberList::default();
    let list = List { bucket: Bucket::Groups, first: &first, what: &what, options: None, forgotten: None };
    let ended = list::read(client, list, |body| {
        let page = parse::members(body)?;
        Ok(gathered.lock().take_members(page, &mut members))
    });
    let proof = match ended.await {
        Ok(Ended::Complete) => match members.broken {
            Some(why) => Proof::NotProven(format!("one of its records cannot be read: {why}")),
            None => Proof::Proven,
        },
        Ok(Ended::Short(why)) => Proof::NotProven(why),
        Ok(Ended::Missing) | Err(Unread::Missing) => {
            members = MemberList::default();
            Proof::NotProven(vanished(client, id, shown).await?)
        }
        Err(Unread::Fatal(error)) => return Err(error),
        Err(unread) => Proof::NotProven(unread.reason()),
    };
    Ok((members, proof))
}

/// Asks for a group whose members answered 404, to say why nothing can be concluded.
async fn vanished(client: &Client, id: &SourceId, shown: Shown) -> Result<String, SourceError> {
    let url = client.url(&["groups", &id.0], None);
    let what = format!("the group {id}");
    let ask = Ask { bucket: Bucket::Group, url: &url, what: &what, options: None, smaller: None };
    match client.ask(ask, |_, body| parse::group(body)).await {
        Err(Unread::Missing) => Ok(format!("{}, and then Okta answered 404 for it", shown.text())),
        Ok(_) => Ok("Okta answered 404 to it although the group exists".to_owned()),
        Err(Unread::Fatal(error)) => Err(error),
        Err(unread) => Ok(format!("Okta answered 404 to it, and the group: {}", unread.reason())),
    }
}
