//! Changing and deleting users and groups. Jira finds them by name: whoever is not found under the name is looked for by key.

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::bean::{self, is_absent};
use super::look::Look;
use super::{create, members, memberships, users};
use crate::sync::model::{GroupAttributes, TargetUser, UserAttributes};
use crate::target::said::said;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, Write, WriteError, Written};

/// Carries out one write.
pub(super) async fn write(look: Look<'_>, write: &Write) -> Result<Written, WriteError> {
    match write {
        Write::CreateUser { attributes, active, source: _ } => create::user(look, attributes, *active).await,
        Write::CreateGroup { attributes, .. } => create::group(look, attributes).await,
        Write::UpdateUser { user, before, attributes, source: _ } => {
            let what = format!("user {} was not changed", user.name);
            change_user(look, user, Fields::of_change(before, attributes), &what).await
        }
        Write::SetActive { user, active } => {
            let what = format!("user {} was not {}", user.name, if *active { "enabled" } else { "disabled" });
            let fields = Fields { active: Some(*active), ..Fields::default() };
            change_user(look, user, fields, &what).await
        }
        // Memberships go with the user.
        Write::DeleteUser { user, groups: _ } => delete_user(look, user).await,
        Write::UpdateGroup { group, before, attributes, source: _ } => {
            update_group(look, group, before, attributes)
        }
        Write::DeleteGroup { group } => delete_group(look, group).await,
        Write::ChangeMembers { group, added, removed } => {
            memberships::change(look, group, added, removed).await
        }
    }
}

/// The name that is shown: Jira has no user without one.
pub(super) fn shown_name(attributes: &UserAttributes) -> &str {
    if attributes.display_name.is_empty() { &attributes.username } else { &attributes.display_name }
}

/// Fields of a user that are to be changed; what is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) email: Option<&'a str>,
    pub(super) display_name: Option<&'a str>,
    pub(super) active: Option<bool>,
}

impl<'a> Fields<'a> {
    fn of_change(before: &UserAttributes, after: &'a UserAttributes) -> Self {
        Self {
            name: (before.username != after.username).then_some(&*after.username),
            // Jira leaves what is sent empty as it is.
            email: (before.email != after.email && !after.email.is_empty()).then_some(&*after.email),
            display_name: (before.display_name != after.display_name).then_some(shown_name(after)),
            active: None,
        }
    }

    /// Those that a user does not have yet.
    fn missing_in(self, user: &TargetUser) -> Self {
        let UserAttributes { username, email, display_name, .. } = &user.attributes;
        Self {
            name: self.name.filter(|name| *name != username),
            email: self.email.filter(|address| *address != email),
            display_name: self.display_name.filter(|name| *name != display_name),
            active: self.active.filter(|active| *active != user.active),
        }
    }

    fn body(self) -> Value {
        let texts = [("name", self.name), ("emailAddress", self.email), ("displayName", self.display_name)];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text?))));
        let active = self.active.map(|active| ("active".to_owned(), json!(active)));
        Value::Object(texts.chain(active).collect::<Map<String, Value>>())
    }
}

/// Changes fields of a user.
pub(super) async fn change_user(
    look: Look<'_>,
    user: &Named,
    fields: Fields<'_>,
    what: &str,
) -> Result<Written, WriteError> {
    if fields == Fields::default() {
        return Ok(Written::Done);
    }
    let reply = put(look, &user.name, fields, what).await?;
    if reply.status.is_success() {
        return took(look, &reply, fields, what);
    }
    if !matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
        return Err(look.server.refused(what, &reply));
    }
    // An earlier try may have been carried out, or somebody renamed the user.
    let Some(now) = by_key(look, user, what).await? else {
        return Err(look.server.refused(what, &reply));
    };
    let missing = fields.missing_in(&now);
    if missing == Fields::default() {
        return Ok(Written::Done);
    }
    if now.attributes.username == user.name {
        return Err(refused(look, what, &reply, missing));
    }
    let reply = put(look, &now.attributes.username, missing, what).await?;
    if reply.status.is_success() {
        return took(look, &reply, missing, what);
    }
    Err(refused(look, what, &reply, missing))
}

async fn put(look: Look<'_>, name: &str, fields: Fields<'_>, what: &str) -> Result<Reply, WriteError> {
    let url = look.url(&["user"], &[("username", name)]);
    look.send(Ask::json(Method::PUT, url, &fields.body(), what)).await
}

/// A version that does not know a field may pass over it in silence.
fn took(look: Look<'_>, reply: &Reply, fields: Fields<'_>, what: &str) -> Result<Written, WriteError> {
    match (fields.active, bean::user(&reply.body)) {
        (Some(wanted), Ok(user)) if user.active != wanted => {
            Err(too_old(look, what, "said that it was done"))
        }
        _ => Ok(Written::Done),
    }
}

fn refused(look: Look<'_>, what: &str, reply: &Reply, fields: Fields<'_>) -> WriteError {
    let words = said(&reply.body).unwrap_or_default();
    // JRASERVER-36639: the key of a text instead of the text.
    if fields.active.is_some() && words.contains("error.no.value.found.to.be.changed") {
        return too_old(look, what, &format!("answered {} ({words})", reply.status));
    }
    look.server.refused(what, reply)
}

fn too_old(look: Look<'_>, what: &str, answer: &str) -> WriteError {
    WriteError::refused(format!(
        "{what}: {} {answer}. Jira enables and disables accounts over its REST API from version 8.3 on (JRASERVER-36639): \
         upgrade it, or write `users: keep` under `leavers` in the connector's file",
        look.server.place()
    ))
}

/// A user as it is, whatever its name; none if it is gone.
async fn by_key(look: Look<'_>, user: &Named, what: &str) -> Result<Option<TargetUser>, WriteError> {
    let found = users::user(look, "key", &user.id.0, what).await;
    found.map_err(|broken| look.unwritable(what, broken))
}

/// Deletes a user. Another may bear the name by now, so that the key comes first.
async fn delete_user(look: Look<'_>, user: &Named) -> Result<Written, WriteError> {
    let what = format!("user {} was not deleted", user.name);
    let Some(now) = by_key(look, user, &what).await? else { return Ok(Written::Done) };
    let url = look.url(&["user"], &[("username", &now.attributes.username)]);
    let reply = look.send(Ask::bare(Method::DELETE, url, &what)).await?;
    if reply.status.is_success() || is_absent(&reply) {
        return Ok(Written::Done);
    }
    let mut error = look.server.refused(&what, &reply);
    if reply.status == StatusCode::BAD_REQUEST {
        error.message.push_str(
            ". Jira keeps users whom issues, comments or projects belong to: let them be disabled instead (`users: disable` \
             under `leavers` in the connector's file)",
        );
    }
    Err(error)
}

fn update_group(
    look: Look<'_>,
    group: &Named,
    before: &GroupAttributes,
    after: &GroupAttributes,
) -> Result<Written, WriteError> {
    if before.name == after.name {
        return Ok(Written::Done);
    }
    Err(WriteError::refused(format!(
        "group {} was not renamed to {}: {} cannot rename groups",
        group.name,
        after.name,
        look.server.place()
    )))
}

/// Deletes a group that nobody is in.
async fn delete_group(look: Look<'_>, group: &Named) -> Result<Written, WriteError> {
    let what = format!("group {} was not deleted", group.name);
    let count = members::count(look, &group.name).await;
    match count.map_err(|broken| look.unwritable(&what, broken))? {
        None => return Ok(Written::Done),
        Some(0) => {}
        Some(count) => {
            return Err(WriteError::refused(format!("{what}: {count} members were put into it meanwhile")));
        }
    }
    let url = look.url(&["group"], &[("groupname", &group.name)]);
    let reply = look.send(Ask::bare(Method::DELETE, url, &what)).await?;
    if reply.status.is_success() || is_absent(&reply) {
        return Ok(Written::Done);
    }
    Err(look.server.refused(&what, &reply))
}
