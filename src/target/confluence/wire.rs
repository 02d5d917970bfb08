//! Records as Confluence writes them.

use std::borrow::Cow;
use std::collections::HashMap;

use compact_str::CompactString;
use serde::Deserialize;
use serde_json::Value;

use crate::sync::model::{TargetId, TargetUser, UserAttributes};

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// Each with what it is known by.
    pub(super) records: Vec<(CompactString, T)>,
    /// The address of the next page; none at the end.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Listed<T> {
    results: Vec<T>,
    // Without it, nobody knows whether the list goes on.
    #[serde(rename = "_links")]
    links: Links,
}

#[derive(Deserialize)]
struct Links {
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUser<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    username: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireGroup<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// Where users stand in the snapshot, by their keys.
pub(super) type Positions = HashMap<TargetId, u32>;

/// A member of a group.
#[derive(Debug)]
pub(super) enum Member {
    /// Somebody whose place in the snapshot is known.
    Known(u32),
    /// Somebody whom the list of users did not show.
    New(Box<TargetUser>),
}

impl WireUser<'_> {
    /// None for what stands for nobody in particular.
    fn is_known(&self) -> bool {
        !matches!(self.kind.as_deref(), Some("anonymous" | "unknown"))
    }

    fn key(&self) -> Result<&str, String> {
        let key = self.user_key.as_deref().filter(|key| !key.is_empty());
        key.ok_or_else(|| "a user without a userKey".to_owned())
    }

    fn read(self) -> Result<TargetUser, String> {
        let id = TargetId::from(self.key()?);
        let username = self.username.as_deref().filter(|name| !name.is_empty());
        let username = username.ok_or_else(|| format!("user {id} has no username"))?;
        let Some(status) = self.status.as_deref() else {
            return Err(format!("user {username} has no status although it was asked for"));
        };
        let attributes = UserAttributes {
            username: username.into(),
            display_name: self.display_name.as_deref().unwrap_or_default().into(),
            ..UserAttributes::default()
        };
        // Which word stands for a disabled account is said nowhere.
        Ok(TargetUser { id, attributes, active: status.eq_ignore_ascii_case("current"), source: None })
    }
}

fn listed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Listed<T>, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no page of a list ({error})"))
}

/// Reads a page of users.
pub(super) fn users_page(body: &[u8]) -> Result<Page<TargetUser>, String> {
    let list: Listed<WireUser> = listed(body)?;
    let mut records = Vec::with_capacity(list.results.len());
    for user in list.results.into_iter().filter(WireUser::is_known) {
        let user = user.read()?;
        records.push((user.id.0.clone(), user));
    }
    Ok(Page { records, next: list.links.next })
}

/// Reads a page of the members of a group.
pub(super) fn members_page(body: &[u8], positions: &Positions) -> Result<Page<Member>, String> {
    let list: Listed<WireUser> = listed(body)?;
    let mut records = Vec::with_capacity(list.results.len());
    for user in list.results.into_iter().filter(WireUser::is_known) {
        let key = CompactString::from(user.key()?);
        let member = match positions.get(key.as_str()) {
            Some(at) => Member::Known(*at),
            None => Member::New(Box::new(user.read()?)),
        };
        records.push((key, member));
    }
    Ok(Page { records, next: list.links.next })
}

/// Reads a page of groups: their names, known by their lower case.
pub(super) fn groups_page(body: &[u8]) -> Result<Page<CompactString>, String> {
    let list: Listed<WireGroup> = listed(body)?;
    let mut records = Vec::with_capacity(list.results.len());
    for group in list.results {
        let name = group.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| "a group without a name".to_owned())?;
        records.push((group_id(name).0, name.into()));
    }
    Ok(Page { records, next: list.links.next })
}

/// Whether a list has anything in it.
pub(super) fn is_empty(body: &[u8]) -> Result<bool, String> {
    listed::<serde::de::IgnoredAny>(body).map(|list| list.results.is_empty())
}

/// Reads a user; none for somebody who was deleted and lives on in what was written.
pub(super) fn user(body: &[u8]) -> Result<Option<TargetUser>, String> {
    let user: WireUser =
        serde_json::from_slice(body).map_err(|error| format!("the answer is no user ({error})"))?;
    if user.is_known() { user.read().map(Some) } else { Ok(None) }
}

/// Reads the name of the account that asks; none for an anonymous visitor.
pub(super) fn account(body: &[u8]) -> Result<Option<CompactString>, String> {
    let user: WireUser =
        serde_json::from_slice(body).map_err(|error| format!("the answer is no user ({error})"))?;
    if !user.is_known() {
        return Ok(None);
    }
    let name = user.username.as_deref().map(CompactString::from);
    name.map(Some).ok_or_else(|| "the account has no username".to_owned())
}

/// Reads the key of a user who was created.
pub(super) fn created(body: &[u8]) -> Option<TargetId> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(TargetId::from(body["userKey"].as_str().filter(|key| !key.is_empty())?))
}

/// Groups have no id: it is the name as it is compared.
pub(super) fn group_id(name: &str) -> TargetId {
    TargetId(name.to_lowercase().into())
}

/// Whether an answer that says no is Confluence's own, not that of something before it. Its form is published for some
/// endpoints only, so that an object with a message will do.
pub(super) fn is_own_refusal(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|body| body["message"].is_string() || body["statusCode"].is_number())
}
