//! Records as Bitbucket writes them.

use std::borrow::Cow;
use std::collections::HashMap;

use compact_str::{CompactString, ToCompactString};
use serde::Deserialize;
use serde_json::Value;

use crate::sync::model::{TargetId, TargetUser, UserAttributes};

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// Each with what it is known by.
    pub(super) records: Vec<(CompactString, T)>,
    /// Where the next page starts.
    pub(super) next: Next,
}

/// What comes after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    End,
    /// A page that starts there.
    From(u64),
    /// Something, but it does not say where.
    Nowhere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed<T> {
    values: Vec<T>,
    is_last_page: bool,
    next_page_start: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUser<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    email_address: Option<Cow<'a, str>>,
    #[serde(borrow)]
    display_name: Option<Cow<'a, str>>,
    active: Option<bool>,
    #[serde(borrow)]
    directory_name: Option<Cow<'a, str>>,
    deletable: Option<bool>,
    mutable_details: Option<bool>,
    mutable_groups: Option<bool>,
}

#[derive(Deserialize)]
struct WireGroup<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// A user with where it is at home.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) user: TargetUser,
    pub(super) home: Home,
}

/// The directory that an account comes from, and what can be written there through Bitbucket.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) directory: CompactString,
    pub(super) deletable: bool,
    pub(super) details: bool,
    pub(super) groups: bool,
}

impl Home {
    /// Whether something of the account cannot be written.
    pub(super) fn is_foreign(&self) -> bool {
        !(self.deletable && self.details && self.groups)
    }

    /// Why something of the account cannot be written, as the end of a sentence.
    pub(super) fn why(&self) -> String {
        format!(
            "the account is from another directory ({}), which Bitbucket cannot write: change it there",
            if self.directory.is_empty() { "without a name" } else { &self.directory }
        )
    }
}

/// A member of a group.
#[derive(Debug)]
pub(super) enum Member {
    /// Somebody whose place in the snapshot is known.
    Known(u32),
    /// Somebody whom the list of users did not show.
    New(Box<Account>),
}

/// Where users stand in the snapshot, by their ids.
pub(super) type Positions = HashMap<TargetId, u32>;

impl WireUser<'_> {
    fn id(&self) -> Result<TargetId, String> {
        let id = self.id.ok_or_else(|| "a user without an id".to_owned())?;
        Ok(TargetId(id.to_compact_string()))
    }

    fn read(self) -> Result<Account, String> {
        let id = self.id()?;
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("user {id} has no name"))?;
        let active =
            self.active.ok_or_else(|| format!("of user {name} it is not said whether it is active"))?;
        let attributes = UserAttributes {
            username: name.into(),
            email: self.email_address.as_deref().unwrap_or_default().into(),
            display_name: self.display_name.as_deref().unwrap_or_default().into(),
            ..UserAttributes::default()
        };
        let home = Home {
            directory: self.directory_name.as_deref().unwrap_or_default().into(),
            deletable: self.deletable != Some(false),
            details: self.mutable_details != Some(false),
            groups: self.mutable_groups != Some(false),
        };
        Ok(Account { user: TargetUser { id, attributes, active, source: None }, home })
    }
}

impl<T> Listed<T> {
    fn next(&self) -> Next {
        match (self.is_last_page, self.next_page_start) {
            (true, _) => Next::End,
            (false, Some(start)) => Next::From(start),
            (false, None) => Next::Nowhere,
        }
    }
}

fn listed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Listed<T>, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no page of a list ({error})"))
}

/// Reads a page of users.
pub(super) fn users_page(body: &[u8]) -> Result<Page<Account>, String> {
    let list: Listed<WireUser> = listed(body)?;
    let next = list.next();
    let mut records = Vec::with_capacity(list.values.len());
    for user in list.values {
        let account = user.read()?;
        records.push((account.user.id.0.clone(), account));
    }
    Ok(Page { records, next })
}

/// Reads a page of the members of a group.
pub(super) fn members_page(body: &[u8], positions: &Positions) -> Result<Page<Member>, String> {
    let list: Listed<WireUser> = listed(body)?;
    let next = list.next();
    let mut records = Vec::with_capacity(list.values.len());
    for user in list.values {
        let id = user.id()?;
        let member = match positions.get(&id) {
            Some(at) => Member::Known(*at),
            None => Member::New(Box::new(user.read()?)),
        };
        records.push((id.0, member));
    }
    Ok(Page { records, next })
}

/// Reads a page of users as their ids.
pub(super) fn ids_page(body: &[u8]) -> Result<Page<TargetId>, String> {
    let list: Listed<WireUser> = listed(body)?;
    let next = list.next();
    let mut records = Vec::with_capacity(list.values.len());
    for user in list.values {
        let id = user.id()?;
        records.push((id.0.clone(), id));
    }
    Ok(Page { records, next })
}

/// Reads a page of groups: their names, known by their lower case.
pub(super) fn groups_page(body: &[u8]) -> Result<Page<CompactString>, String> {
    let list: Listed<WireGroup> = listed(body)?;
    let next = list.next();
    let mut records = Vec::with_capacity(list.values.len());
    for group in list.values {
        let name = group.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| "a group without a name".to_owned())?;
        records.push((group_id(name).0, name.into()));
    }
    Ok(Page { records, next })
}

/// Groups have no id: it is the name as it is compared.
pub(super) fn group_id(name: &str) -> TargetId {
    TargetId(name.to_lowercase().into())
}

/// Whether an answer that says no is Bitbucket's own, not that of something before it.
pub(super) fn is_own_refusal(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body["errors"].is_array())
}
