//! Changing users and groups: read, change, put back, since a PUT clears what it does not name.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::entity::{self, Group, SOURCE_ID, User, attributes_body, is_key};
use super::{create, is_missing, members, reason, stranger, url};
use crate::sync::model::{FurtherAttributes, GroupAttributes, SourceId, UserAttributes};
use crate::sync::progress::RunControl;
use crate::target::server::{Ask, Reply, Server};
use crate::target::{Named, Write, WriteError, Written};

/// What a write needs.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) server: &'a Server,
    pub(super) control: &'a RunControl,
}

/// Carries out one write.
pub(super) async fn write(
    server: &Server,
    write: &Write,
    control: &RunControl,
) -> Result<Written, WriteError> {
    let context = Context { server, control };
    match write {
        Write::CreateUser { source, attributes, active } => {
            create::user(context, source, attributes, *active).await
        }
        Write::CreateGroup { attributes, .. } => create::group(context, attributes).await,
        Write::UpdateUser { user, source, before, attributes } => {
            update_user(context, user, source.as_ref(), before, attributes).await
        }
        Write::SetActive { user, active } => set_active(context, user, *active).await,
        Write::DeleteUser { user, .. } => delete_user(context, user).await,
        Write::UpdateGroup { group, before, attributes, .. } => {
            update_group(context, group, before, attributes).await
        }
        Write::DeleteGroup { group } => delete_group(context, group).await,
        Write::ChangeMembers { group, added, removed } => {
            members::change(context, group, added, removed).await
        }
    }
}

impl<'a> Context<'a> {
    /// A request that sends a body.
    pub(super) fn sending<'w>(
        &self,
        method: Method,
        resource: &[&str],
        query: &[(&str, &str)],
        body: &Value,
        what: &'w str,
    ) -> Ask<'w> {
        Ask::json(method, url(self.server, resource, query), body, what)
    }

    /// Asks, and turns the absence of an answer into the write's error. What is not Crowd's answer is an error as well.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, WriteError> {
        let what = ask.what;
        let reply = self.server.ask(ask, self.control).await;
        let reply = reply.map_err(|failed| self.server.unwritten(what, failed))?;
        match stranger(self.server, &reply) {
            None => Ok(reply),
            Some(stranger) => Err(WriteError::refused(format!("{what}: {stranger}"))),
        }
    }

    /// Reads one object; none if it is not there.
    async fn find<T>(
        &self,
        resource: &str,
        query: &[(&str, &str)],
        (missing, what): (&str, &str),
        read: fn(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, WriteError> {
        let reply = self.ask(Ask::get(url(self.server, &[resource], query), what)).await?;
        if reply.status.is_success() {
            let found = read(&reply.body).map_err(|why| {
                WriteError::refused(format!("{what}: {} was asked for it, and {why}", self.server.place()))
            });
            return found.map(Some);
        }
        if is_missing(&reply, missing) { Ok(None) } else { Err(self.server.refused(what, &reply)) }
    }

    /// The user of that name.
    pub(super) async fn user_named(&self, name: &str, what: &str) -> Result<Option<User>, WriteError> {
        let query = [("username", name), ("expand", "attributes")];
        self.find("user", &query, ("USER_NOT_FOUND", what), entity::user).await
    }

    /// This very user, whatever its name is now; none if it is not there any more.
    pub(super) async fn user(&self, user: &Named, what: &str) -> Result<Option<User>, WriteError> {
        let found = self.user_named(&user.name, what).await?.filter(|found| found.id() == user.id);
        if found.is_some() || !is_key(&user.id) {
            return Ok(found);
        }
        let query = [("key", user.id.0.as_str()), ("expand", "attributes")];
        self.find("user", &query, ("USER_NOT_FOUND", what), entity::user).await
    }

    /// The same where it must be there.
    async fn must_find_user(&self, user: &Named, what: &str) -> Result<User, WriteError> {
        self.user(user, what).await?.ok_or_else(|| self.gone(what))
    }

    pub(super) async fn group(&self, name: &str, what: &str) -> Result<Option<Group>, WriteError> {
        self.find("group", &[("groupname", name)], ("GROUP_NOT_FOUND", what), entity::group).await
    }

    fn gone(&self, what: &str) -> WriteError {
        let place = self.server.place();
        WriteError::refused(format!("{what}: it is no longer in {place}; the next run sees what is"))
    }

    /// Makes a request that must succeed.
    async fn must(&self, ask: Ask<'_>) -> Result<Written, WriteError> {
        let what = ask.what;
        let reply = self.ask(ask).await?;
        if reply.status.is_success() { Ok(Written::Done) } else { Err(self.server.refused(what, &reply)) }
    }

    /// Puts a whole user back.
    async fn put_user(&self, user: &User, what: &str) -> Result<Written, WriteError> {
        let query = [("username", user.name.as_str())];
        self.must(self.sending(Method::PUT, &["user"], &query, &user.body(), what)).await
    }

    /// Sets attributes of a user; others keep their values.
    pub(super) async fn set_attributes(
        &self,
        name: &str,
        attributes: &[(&str, &str)],
        what: &str,
    ) -> Result<(), WriteError> {
        if attributes.is_empty() {
            return Ok(());
        }
        let (resource, query) = (["user", "attribute"], [("username", name)]);
        let body = attributes_body(attributes);
        self.must(self.sending(Method::POST, &resource, &query, &body, what)).await.map(drop)
    }
}

async fn update_user(
    context: Context<'_>,
    user: &Named,
    source: Option<&SourceId>,
    before: &UserAttributes,
    after: &UserAttributes,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not changed", user.name);
    let current = context.must_find_user(user, &what).await?;
    let wanted = current.changed(before, after);
    if wanted != current {
        context.put_user(&wanted, &what).await?;
    }
    change_attributes(context, &current, source, (&before.attributes, &after.attributes), &what).await?;
    if before.username != after.username && current.name != after.username {
        rename(context, user, &current.name, &after.username).await?;
    }
    Ok(Written::Done)
}

/// Writes what differs of the further attributes, and the source's id.
async fn change_attributes(
    context: Context<'_>,
    current: &User,
    source: Option<&SourceId>,
    (before, after): (&FurtherAttributes, &FurtherAttributes),
    what: &str,
) -> Result<(), WriteError> {
    let mut set: Vec<(&str, &str)> = Vec::new();
    let mut removed: Vec<&str> = Vec::new();
    for (name, value) in after.iter().filter(|(name, value)| before.get(name) != Some(value)) {
        match current.attributes.get(name) {
            Some(now) if now == value => {}
            None if value.is_empty() => {}
            Some(_) if value.is_empty() => removed.push(name),
            _ => set.push((name, value)),
        }
    }
    removed.extend(
        before
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| after.get(name).is_none() && current.attributes.get(name).is_some()),
    );
    if let Some(source) = source.filter(|source| current.source().as_ref() != Some(source)) {
        set.push((SOURCE_ID, &source.0));
    }
    context.set_attributes(&current.name, &set, what).await?;
    for name in removed {
        let query = [("username", current.name.as_str()), ("attributename", name)];
        let address = url(context.server, &["user", "attribute"], &query);
        context.must(Ask::bare(Method::DELETE, address, what)).await?;
    }
    Ok(())
}

async fn rename(context: Context<'_>, user: &Named, now: &str, wanted: &str) -> Result<(), WriteError> {
    let what = format!("user {now} was not renamed to {wanted}");
    if !is_key(&user.id) {
        return Err(WriteError::refused(format!(
            "{what}: {} shows no keys of users, so that nobody would know it again under its new name. Upgrade Crowd to a \
             version that does",
            context.server.place()
        )));
    }
    let (resource, query) = (["user", "rename"], [("username", now)]);
    let body = json!({ "new-name": wanted });
    let reply = context.ask(context.sending(Method::POST, &resource, &query, &body, &what)).await?;
    if reply.status.is_success() {
        return Ok(());
    }
    // An earlier try may have been carried out without an answer: the old name is gone then.
    if context.user(user, &what).await?.is_some_and(|found| found.name == wanted) {
        return Ok(());
    }
    let unknown = matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
    if unknown && reason(&reply).is_none() {
        return Err(WriteError::refused(format!(
            "{what}: {} answered {} for user/rename, which this version is too old for. Upgrade Crowd to a version that is \
             supported, or rename the user there",
            context.server.place(),
            reply.status
        )));
    }
    Err(context.server.refused(&what, &reply))
}

async fn set_active(context: Context<'_>, user: &Named, active: bool) -> Result<Written, WriteError> {
    let what = format!("user {} was not {}", user.name, if active { "enabled" } else { "disabled" });
    let current = context.must_find_user(user, &what).await?;
    if current.active == active {
        return Ok(Written::Done);
    }
    context.put_user(&User { active, ..current }, &what).await
}

/// Deletes a user; Crowd takes it out of its groups.
async fn delete_user(context: Context<'_>, user: &Named) -> Result<Written, WriteError> {
    let what = format!("user {} was not deleted", user.name);
    let Some(current) = context.user(user, &what).await? else { return Ok(Written::Done) };
    delete(context, "user", ("username", &current.name), "USER_NOT_FOUND", &what).await
}

/// Crowd keeps the description; what a group is called never changes there.
async fn update_group(
    context: Context<'_>,
    group: &Named,
    before: &GroupAttributes,
    after: &GroupAttributes,
) -> Result<Written, WriteError> {
    let what = format!("group {} was not changed", group.name);
    if before.name.to_lowercase() != after.name.to_lowercase() {
        return Err(WriteError::refused(format!("{what}: Crowd cannot rename groups")));
    }
    if before.description == after.description {
        return Ok(Written::Done);
    }
    let current = context.group(&group.name, &what).await?.ok_or_else(|| context.gone(&what))?;
    if current.description.as_deref().unwrap_or_default() == after.description {
        return Ok(Written::Done);
    }
    let query = [("groupname", current.name.as_str())];
    context
        .must(context.sending(Method::PUT, &["group"], &query, &current.body(&after.description), &what))
        .await
}

/// Deletes a group that nobody is in, no group either.
async fn delete_group(context: Context<'_>, group: &Named) -> Result<Written, WriteError> {
    let what = format!("group {} was not deleted", group.name);
    for (kind, list) in [("user", "users"), ("child-group", "groups")] {
        let query = [("groupname", group.name.as_str()), ("start-index", "0"), ("max-results", "1")];
        let address = url(context.server, &["group", kind, "direct"], &query);
        let reply = context.ask(Ask::get(address, &what)).await?;
        if !reply.status.is_success() {
            if is_missing(&reply, "GROUP_NOT_FOUND") {
                return Ok(Written::Done);
            }
            // A directory without nested groups has none to show.
            if reason(&reply).is_some_and(|reason| reason == "NESTED_GROUPS_NOT_SUPPORTED") {
                continue;
            }
            return Err(context.server.refused(&what, &reply));
        }
        let empty = reply.json().and_then(|body| Some(body[list].as_array()?.is_empty()));
        if empty != Some(true) {
            return Err(WriteError::refused(format!(
                "{what}: it has members; it is deleted once it has none"
            )));
        }
    }
    delete(context, "group", ("groupname", &group.name), "GROUP_NOT_FOUND", &what).await
}

async fn delete(
    context: Context<'_>,
    resource: &str,
    name: (&str, &str),
    missing: &str,
    what: &str,
) -> Result<Written, WriteError> {
    let address = url(context.server, &[resource], &[name]);
    let reply = context.ask(Ask::bare(Method::DELETE, address, what)).await?;
    if reply.status.is_success() || is_missing(&reply, missing) {
        return Ok(Written::Done);
    }
    Err(context.server.refused(what, &reply))
}
