//! Members of groups from `GET /api/v1/groups/{id}/skinny_users`: the list that `/groups/{id}/users` gives, without each user's
//! `credentials.provider`, and sooner. Okta's guides name it and its API reference does not, so it may go away: once it
//! does not answer as it should, the documented address is used, and what it says is never believed without a second
//! witness ([`super::members::read`]).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::client::{Bucket, Client, Unread};
use super::gathered::{Gathered, MemberList};
use super::list::{self, Ended, List, Taken};
use super::parse;
use crate::config::model::Connector;
use crate::http::{FailureKind, host_and_port};
use crate::source::SourceError;
use crate::sync::model::{Proof, SourceId};

const NAME: &str = "skinny_users";

/// Whether that address is asked; its clones are one.
#[derive(Clone, Debug)]
pub struct Skinny(Arc<AtomicBool>);

/// What the connectors of this process have learned about that address. A connector whose file changes starts anew.
#[derive(Debug, Default)]
pub struct Skinnies(Mutex<HashMap<String, (String, Skinny)>>);

impl Skinnies {
    /// What all runs of a connector share.
    #[must_use]
    pub fn of(&self, connector: &Connector) -> Skinny {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((digest, skinny)) = all.get(&connector.name)
            && *digest == connector.digest
        {
            return skinny.clone();
        }
        let skinny = Skinny::new(connector.source.skinny_users);
        all.insert(connector.name.clone(), (connector.digest.clone(), skinny.clone()));
        skinny
    }
}

/// What came of asking there.
pub(super) enum Answer {
    /// The list, and whether it was read to its end.
    List(MemberList, Proof),
    /// Okta says that there is no such group.
    Missing,
    /// Nothing of use: the documented address is to be asked.
    Nothing,
}

impl Skinny {
    pub(super) fn new(wanted: bool) -> Self {
        Self(Arc::new(AtomicBool::new(wanted)))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks there no more. Of several requests that were under way, the first one says why.
    pub(super) fn leave(&self, url: &Url, why: &str) {
        if self.0.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                host = host_and_port(url),
                path = url.path(),
                why,
                "the members of groups cannot be read at {NAME}; from now on the address that Okta documents is used"
            );
        }
    }
}

/// Whether it is such an address.
pub(super) fn is_at(url: &Url) -> bool {
    url.path_segments().and_then(Iterator::last) == Some(NAME)
}

/// Reads the list once.
pub(super) async fn read(client: &Client, gathered: &Gathered, id: &SourceId) -> Result<Answer, SourceError> {
    let first = address(client, id);
    let what = format!("the member list of group {id} ({NAME})");
    let list = List { bucket: Bucket::Groups, first: &first, what: &what, options: None, forgotten: None };
    let mut members = MemberList::default();
    let mut strange = None;
    let ended = list::follow(client, list, |body| {
        // Asking again for a page that is none would only delay the documented one.
        let page = match parse::members(body) {
            Ok(page) => page,
            Err(why) => {
                strange = Some(why);
                return Ok(Taken { records: 0, new: 0 });
            }
        };
        Ok(gathered.lock().take_members(page, &mut members))
    });
    let ended = ended.await;
    let strange =
        strange.or_else(|| members.broken.map(|why| format!("one of its records cannot be read: {why}")));
    if let Some(why) = strange {
        client.skinny.leave(&first, &why);
        return Ok(Answer::Nothing);
    }
    Ok(match ended {
        Ok(Ended::Complete) => Answer::List(members, Proof::Proven),
        Ok(Ended::Short(why)) => anew(&what, &why),
        Ok(Ended::Missing) | Err((_, Unread::Missing)) => Answer::Missing,
        Err((_, Unread::Fatal(error))) => return Err(error),
        Err((_, unread)) if is_refusal(&unread) => {
            client.skinny.leave(&first, &unread.reason());
            Answer::Nothing
        }
        Err((page, unread @ Unread::GivenUp(_))) if page > 1 => anew(&what, &unread.reason()),
        Err((_, unread)) => {
            Answer::List(members, Proof::NotProven(format!("{} (asked at {NAME})", unread.reason())))
        }
    })
}

/// The documented address shows a group that this one did not know.
pub(super) fn knows_less(client: &Client, id: &SourceId) {
    client.skinny.leave(&address(client, id), "Okta answered 404 although the group exists");
}

fn address(client: &Client, id: &SourceId) -> Url {
    client.url(&["groups", &id.0, NAME], Some("limit=1000"))
}

/// A list that stops in the middle says nothing of the other ones.
fn anew(what: &str, why: &str) -> Answer {
    tracing::info!(why, "{what} was not read to its end; it is read anew at the address that Okta documents");
    Answer::Nothing
}

/// Whether it would be answered so again.
fn is_refusal(unread: &Unread) -> bool {
    match unread {
        Unread::Forbidden(_) | Unread::NoPath(_) | Unread::BadRequest(_) | Unread::Strange(_) => true,
        Unread::GivenUp(failure) => failure.kind == FailureKind::WrongAnswer,
        Unread::Fatal(_) | Unread::Missing | Unread::Stopped => false,
    }
}
