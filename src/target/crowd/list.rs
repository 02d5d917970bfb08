//! Reading everything: users, groups, and who is in which group.
//!
//! Crowd's lists bear no total, and a server may give shorter pages than it is asked for. So only a page that is shorter than
//! one that came before is the last, or one that brings nothing new. Each page but the first begins with the last record of
//! the page before: if it does not, the list moved, or the server does not honour `start-index`, and somebody may have
//! slipped through. Such a list is read once more, and then is an error.

use std::collections::HashMap;

use compact_str::CompactString;
use reqwest::StatusCode;

use super::entity::{self, Entry, group_id};
use super::{CAPABILITIES, Doors, memberships, reason, stranger, url};
use crate::sync::model::{GroupAttributes, Proof, TargetGroup, TargetSnapshot};
use crate::sync::progress::RunControl;
use crate::target::server::{Ask, Reply, Server};
use crate::target::{Interest, TargetError};

/// How often an answer that cannot be read is asked for.
const TRIES: u32 = 3;

/// Reads a server.
pub(super) async fn read(
    doors: &Doors,
    interest: &Interest,
    control: &RunControl,
) -> Result<TargetSnapshot, TargetError> {
    let mut longest = 0;
    let mut list = List::new(&doors.json, control, &["search"], "the list of users");
    list.query = vec![("entity-type", "user"), ("expand", "user,attributes")];
    let users = list.must_be_whole(&mut longest, entity::users).await?;
    control.progress.users_read(users.records.len() as u64);

    let mut list = List::new(&doors.json, control, &["search"], "the list of groups");
    list.query = vec![("entity-type", "group"), ("expand", "group")];
    let groups = list.must_be_whole(&mut longest, entity::groups).await?;
    control.progress.groups_found(groups.records.len() as u64);

    let needed = groups
        .records
        .iter()
        .map(|group| interest.needs_members(&group_id(&group.name), &group.name, &CAPABILITIES))
        .collect();
    let wanted =
        memberships::Wanted { users: &users.positions, groups: &groups, needed, longest_page: longest };
    let members = wanted.read(doors, control).await?;
    let groups = groups.records.into_iter().zip(members).filter_map(|(group, members)| {
        let (members, members_proof) = match members {
            memberships::Members::Of(members) => (members, Proof::Proven),
            memberships::Members::NotNeeded => {
                (Vec::new(), Proof::NotProven("its members were not asked for".to_owned()))
            }
            memberships::Members::Vanished => return None,
        };
        let id = group_id(&group.name);
        let attributes =
            GroupAttributes { name: group.name, description: group.description.unwrap_or_default() };
        Some(TargetGroup { id, attributes, members, members_proof, source: None })
    });
    let groups = groups.collect();
    Ok(TargetSnapshot { users: users.records.into_iter().map(entity::User::into_target).collect(), groups })
}

/// Asks for one user and for one group.
pub(super) async fn try_out(doors: &Doors, control: &RunControl) -> Result<(), TargetError> {
    let mut list = List::new(&doors.json, control, &["search"], "the list of users");
    list.query = vec![("entity-type", "user"), ("expand", "user,attributes")];
    list.one(entity::users).await?;
    let mut list = List::new(&doors.json, control, &["search"], "the list of groups");
    list.query = vec![("entity-type", "group"), ("expand", "group")];
    list.one(entity::groups).await
}

/// A list that was read to its end.
pub(super) struct Whole<T> {
    /// Its records.
    pub(super) records: Vec<T>,
    /// Their positions by their names in lower case.
    pub(super) positions: HashMap<CompactString, u32>,
}

/// Why a list is not whole.
pub(super) enum Broken {
    /// It moved, or it does not add up: another look may help.
    Unclear(String),
    /// Crowd does not give it.
    Refused(Reply),
    Failed(TargetError),
}

/// A list in pages.
pub(super) struct List<'a> {
    server: &'a Server,
    control: &'a RunControl,
    resource: &'a [&'a str],
    what: &'a str,
    /// What else is asked for.
    pub(super) query: Vec<(&'a str, &'a str)>,
}

impl<'a> List<'a> {
    pub(super) fn new(
        server: &'a Server,
        control: &'a RunControl,
        resource: &'a [&'a str],
        what: &'a str,
    ) -> Self {
        Self { server, control, resource, what, query: Vec::new() }
    }

    /// All records of a list; any refusal is an error.
    async fn must_be_whole<T: Entry + Send>(
        &self,
        longest: &mut usize,
        read: fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Result<Whole<T>, TargetError> {
        match self.whole(longest, read).await? {
            Ok(whole) => Ok(whole),
            Err(reply) => Err(self.refused(&reply)),
        }
    }

    /// All records of a list, or the refusal. `longest` is the length of the longest page that came in this run.
    pub(super) async fn whole<T: Entry + Send>(
        &self,
        longest: &mut usize,
        read: fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Result<Result<Whole<T>, Reply>, TargetError> {
        let first = self.once(longest, read).await;
        let again = match first {
            Err(Broken::Unclear(why)) => {
                tracing::info!(why, "{} is read once more", self.what);
                self.once(longest, read).await
            }
            other => other,
        };
        match again {
            Ok(whole) => Ok(Ok(whole)),
            Err(Broken::Refused(reply)) => Ok(Err(reply)),
            Err(Broken::Unclear(why)) => Err(self.server.incomplete(self.what, &why)),
            Err(Broken::Failed(error)) => Err(error),
        }
    }

    async fn once<T: Entry + Send>(
        &self,
        longest: &mut usize,
        read: fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Result<Whole<T>, Broken> {
        let mut whole = Whole { records: Vec::new(), positions: HashMap::new() };
        let mut again = 0;
        loop {
            let start = whole.records.len() - again;
            let page = self.page((start, CAPABILITIES.pace.page), read).await?;
            let length = page.len();
            let mut page = page.into_iter();
            if again > 0 {
                let fits = whole.begins_again_with(page.next().as_ref().map(Entry::name));
                fits.map_err(Broken::Unclear)?;
            }
            let came = whole.records.len();
            whole.take(page).map_err(Broken::Unclear)?;
            if whole.records.len() == came || length < *longest {
                return Ok(whole);
            }
            *longest = length;
            // A server that gives one record a page cannot repeat it and go on.
            again = usize::from(length > 1);
        }
    }

    /// Sees whether a record of the list can be had.
    async fn one<T>(&self, read: fn(&[u8]) -> Result<Vec<T>, String>) -> Result<(), TargetError> {
        match self.page((0, 1), read).await {
            Ok(_) => Ok(()),
            Err(Broken::Refused(reply)) => Err(self.refused(&reply)),
            Err(Broken::Unclear(why)) => Err(self.server.incomplete(self.what, &why)),
            Err(Broken::Failed(error)) => Err(error),
        }
    }

    /// The page of at most so many records that begins with the record of that number.
    async fn page<T>(
        &self,
        (start, most): (usize, usize),
        read: fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Result<Vec<T>, Broken> {
        let (start, most) = (start.to_string(), most.to_string());
        let mut query = self.query.clone();
        query.extend([("start-index", start.as_str()), ("max-results", most.as_str())]);
        let address = url(self.server, self.resource, &query);
        for attempt in 1.. {
            let ask = Ask::get(address.clone(), self.what);
            let reply = self.server.ask(ask, self.control).await;
            let reply = reply.map_err(|failed| Broken::Failed(self.server.unread(self.what, failed)))?;
            if let Some(stranger) = stranger(self.server, &reply) {
                return Err(Broken::Failed(self.unreadable(&stranger)));
            }
            if !reply.status.is_success() {
                return Err(Broken::Refused(reply));
            }
            match read(&reply.body) {
                Ok(records) => return Ok(records),
                Err(why) if attempt >= TRIES => {
                    return Err(Broken::Failed(self.server.incomplete(self.what, &why)));
                }
                Err(why) => tracing::debug!(why, "{} will be asked for again", self.what),
            }
        }
        Ok(Vec::new())
    }

    fn unreadable(&self, why: &str) -> TargetError {
        TargetError::Unreadable(format!("{} could not be read: {why}; nothing was changed", self.what))
    }

    /// The error of a refusal. Reading needs no permission: who may ask at all may read.
    pub(super) fn refused(&self, reply: &Reply) -> TargetError {
        let permission = reason(reply).is_some_and(|reason| reason == "APPLICATION_PERMISSION_DENIED");
        if reply.status != StatusCode::FORBIDDEN || permission {
            return self.server.unreadable(self.what, reply);
        }
        let words = crate::target::said::said(&reply.body).map(|text| format!(" ({text})"));
        self.unreadable(&format!(
            "{} answered {}{}. Crowd answers an application only from the addresses in its list: add the address of this \
             host to the remote addresses of the application in Crowd",
            self.server.place(),
            reply.status,
            words.unwrap_or_default()
        ))
    }
}

impl<T: Entry> Whole<T> {
    /// Whether the next page fits to what came before.
    fn begins_again_with(&self, name: Option<&CompactString>) -> Result<(), String> {
        let last = self.records.last().map(Entry::name);
        if name == last {
            return Ok(());
        }
        let shown = |name: Option<&CompactString>| name.map_or("nothing", CompactString::as_str).to_owned();
        Err(format!(
            "where {} was there is {} in the next page: the list changed while it was read, or the server does not honour \
             start-index",
            shown(last),
            shown(name)
        ))
    }

    fn take(&mut self, page: impl Iterator<Item = T>) -> Result<(), String> {
        for record in page {
            let position = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
            let key = record.name().to_lowercase();
            if self.positions.insert(key, position).is_some() {
                return Err(format!(
                    "{} came twice: the list changed while it was read, or the server does not honour start-index",
                    record.name()
                ));
            }
            self.records.push(record);
        }
        Ok(())
    }
}
