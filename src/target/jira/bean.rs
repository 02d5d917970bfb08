//! Records as Jira writes them.

use std::collections::HashMap;

use compact_str::CompactString;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::sync::model::{TargetId, TargetUser, UserAttributes};
use crate::target::server::Reply;

/// Positions of users in a snapshot, by key.
pub(super) type Positions = HashMap<CompactString, u32>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserBean {
    /// It stays the same when the user is renamed.
    key: CompactString,
    name: CompactString,
    email_address: Option<CompactString>,
    display_name: Option<CompactString>,
    active: Option<bool>,
    deleted: Option<bool>,
}

impl UserBean {
    /// None for the trace that a deleted user leaves.
    fn present(self) -> Option<TargetUser> {
        (self.deleted != Some(true)).then(|| TargetUser {
            id: TargetId(self.key),
            attributes: UserAttributes {
                username: self.name,
                email: self.email_address.unwrap_or_default(),
                display_name: self.display_name.unwrap_or_default(),
                ..UserAttributes::default()
            },
            active: self.active.unwrap_or(true),
            source: None,
        })
    }
}

/// A page of `user/list`.
pub(super) struct CursorPage {
    pub(super) users: Vec<TargetUser>,
    /// Where the next page begins; none: it is the last one.
    pub(super) next: Option<String>,
}

/// A page of `group/member`.
pub(super) struct MemberPage {
    pub(super) total: u64,
    pub(super) start: Option<u64>,
    pub(super) is_last: Option<bool>,
    pub(super) members: Vec<Member>,
}

/// A member of a group.
pub(super) enum Member {
    /// Who is at this position among the users.
    Known(u32),
    /// Who is not among the users yet.
    New(Box<TargetUser>),
}

/// What `groups/picker` shows.
pub(super) struct Picked {
    pub(super) names: Vec<CompactString>,
    /// How many there are; none if it does not say.
    pub(super) total: Option<u64>,
}

/// A user.
pub(super) fn user(body: &[u8]) -> Result<TargetUser, String> {
    let user = parsed::<UserBean>(body, "user")?.present();
    user.ok_or_else(|| "the answer is a user who was deleted".to_owned())
}

/// A user; none for one that was deleted.
pub(super) fn user_if_any(body: &[u8]) -> Result<Option<TargetUser>, String> {
    Ok(parsed::<UserBean>(body, "user")?.present())
}

/// What `user/search` answers: an array, and how long it is with those who were deleted.
pub(super) fn search_page(body: &[u8]) -> Result<(usize, Vec<TargetUser>), String> {
    let users = parsed::<Vec<UserBean>>(body, "list of users")?;
    Ok((users.len(), users.into_iter().filter_map(UserBean::present).collect()))
}

/// What `user/list` answers.
pub(super) fn cursor_page(body: &[u8]) -> Result<CursorPage, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        values: Vec<UserBean>,
        is_last: Option<bool>,
        next_cursor: Option<Value>,
    }
    let page = parsed::<Page>(body, "list of users")?;
    let next = match page.next_cursor {
        Some(Value::String(cursor)) if !cursor.is_empty() => Some(cursor),
        Some(Value::Number(cursor)) => Some(cursor.to_string()),
        _ => None,
    };
    let next = match (page.is_last, next) {
        (Some(true), _) => None,
        (_, Some(next)) => Some(next),
        _ => return Err("the list of users says neither that it ends nor where it goes on".to_owned()),
    };
    Ok(CursorPage { users: page.values.into_iter().filter_map(UserBean::present).collect(), next })
}

/// What `group/member` answers.
pub(super) fn member_page(body: &[u8], positions: &Positions) -> Result<MemberPage, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        total: u64,
        start_at: Option<u64>,
        is_last: Option<bool>,
        values: Vec<UserBean>,
    }
    let page = parsed::<Page>(body, "list of members")?;
    let member = |bean: UserBean| match positions.get(&bean.key) {
        Some(at) => Some(Member::Known(*at)),
        None => bean.present().map(|user| Member::New(Box::new(user))),
    };
    let members = page.values.into_iter().filter_map(member).collect();
    Ok(MemberPage { total: page.total, start: page.start_at, is_last: page.is_last, members })
}

/// What `groups/picker` answers.
pub(super) fn picked(body: &[u8]) -> Result<Picked, String> {
    #[derive(Deserialize)]
    struct Group {
        name: CompactString,
    }
    #[derive(Deserialize)]
    struct List {
        total: Option<u64>,
        groups: Vec<Group>,
    }
    let list = parsed::<List>(body, "list of groups")?;
    Ok(Picked { names: list.groups.into_iter().map(|group| group.name).collect(), total: list.total })
}

fn parsed<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the answer is no {what} of Jira ({error})"))
}

/// Whether Jira itself says that what was asked for is not there: a proxy's 404, or one for a path that a version does not
/// have, has another body.
pub(super) fn is_absent(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
        && reply.json().is_some_and(|body| body["errorMessages"].is_array() || body["errors"].is_object())
}
