//! Changing users and groups. What a version of Confluence does not have answers 404, as does what is gone: a look at the
//! object tells them apart.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::read::{is_missing, lookup};
use super::{Context, create, members, wire};
use crate::sync::model::{GroupAttributes, TargetUser, UserAttributes};
use crate::target::server::{Ask, Reply};
use crate::target::{Named, Write, WriteError, Written};

/// Carries out one write.
pub(super) async fn write(context: Context<'_>, write: &Write) -> Result<Written, WriteError> {
    match write {
        Write::CreateUser { attributes, active, .. } => create::user(context, attributes, *active).await,
        Write::CreateGroup { attributes, .. } => create::group(context, attributes).await,
        Write::UpdateUser { user, before, attributes, .. } => {
            update_user(context, user, before, attributes).await
        }
        Write::SetActive { user, active } => set_active(context, user, *active).await,
        Write::DeleteUser { user, .. } => delete_user(context, user).await,
        Write::UpdateGroup { group, before, attributes, .. } => update_group(group, before, attributes),
        Write::DeleteGroup { group } => delete_group(context, group).await,
        Write::ChangeMembers { group, added, removed } => {
            members::change(context, group, added, removed).await
        }
    }
}

/// Why a name cannot be part of an address, as the end of a sentence.
pub(super) fn no_address(name: &str) -> Option<&'static str> {
    matches!(name, "" | "." | "..")
        .then_some("in the address of a request, its name would mean a step from one path to another")
}

/// The same as an error.
pub(super) fn addressable(what: &str, name: &str) -> Result<(), WriteError> {
    no_address(name).map_or(Ok(()), |why| Err(WriteError::refused(format!("{what}: {why}"))))
}

/// What is to be shown of a user: Confluence takes no empty name.
pub(super) fn full_name(attributes: &UserAttributes) -> &str {
    if attributes.display_name.trim().is_empty() { &attributes.username } else { &attributes.display_name }
}

impl Context<'_> {
    /// Asks, and turns the absence of an answer into the write's error.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, WriteError> {
        let what = ask.what;
        self.server.ask(ask, self.control).await.map_err(|failed| self.server.unwritten(what, failed))
    }

    /// The user of that name; none if there is none.
    pub(super) async fn user_named(&self, name: &str, what: &str) -> Result<Option<TargetUser>, WriteError> {
        match lookup(*self, ("username", name), what).await {
            Ok(Ok(user)) => Ok(user),
            Ok(Err(reply)) => Err(self.server.refused(what, &reply)),
            Err(failed) => Err(self.server.unwritten(what, failed)),
        }
    }

    /// The error where this version has no endpoint for something.
    pub(super) fn too_old(&self, what: &str, since: &str) -> WriteError {
        WriteError::refused(format!(
            "{what}: {} has no endpoint for it, which Confluence {since} and newer have. Upgrade it, or make the change in \
             its own administration",
            self.server.place()
        ))
    }

    /// Why something about a user was refused: the user is gone, the version is old, or what the product says.
    fn refused(&self, what: &str, since: &str, reply: &Reply, now: Option<&TargetUser>) -> WriteError {
        if now.is_some() && is_missing(reply) {
            return self.too_old(what, since);
        }
        self.server.refused(what, reply)
    }
}

async fn update_user(
    context: Context<'_>,
    user: &Named,
    before: &UserAttributes,
    after: &UserAttributes,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not changed", user.name);
    addressable(&what, &user.name)?;
    if before.username != after.username {
        return Err(WriteError::refused(format!(
            "{what}: Confluence has no endpoint for another username; rename it to {} in its own administration",
            after.username
        )));
    }
    if before.email == after.email && before.display_name == after.display_name {
        return Ok(Written::Done);
    }
    let mut body = json!({ "fullName": full_name(after) });
    if !after.email.is_empty() {
        body["email"] = json!(after.email.as_str());
    }
    let url = context.url(&["admin", "user", &user.name], &[]);
    let reply = context.ask(Ask::json(Method::PUT, url, &body, &what)).await?;
    if reply.status.is_success() {
        return Ok(Written::Done);
    }
    let now = if is_missing(&reply) { context.user_named(&user.name, &what).await? } else { None };
    Err(context.refused(&what, "9.2", &reply, now.as_ref()))
}

/// Disables or enables an account.
pub(super) async fn set_active(
    context: Context<'_>,
    user: &Named,
    active: bool,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not {}", user.name, if active { "enabled" } else { "disabled" });
    addressable(&what, &user.name)?;
    let verb = if active { "enable" } else { "disable" };
    let url = context.url(&["admin", "user", &user.name, verb], &[]);
    let reply = context.ask(Ask::bare(Method::PUT, url, &what)).await?;
    if reply.status.is_success() {
        return Ok(Written::Done);
    }
    let now = context.user_named(&user.name, &what).await?;
    if now.as_ref().is_some_and(|now| now.id == user.id && now.active == active) {
        return Ok(Written::Done);
    }
    Err(context.refused(&what, "8.2", &reply, now.as_ref()))
}

/// Deletes an account, unless its name is another's by now. It is gone a while after Confluence said yes.
async fn delete_user(context: Context<'_>, user: &Named) -> Result<Written, WriteError> {
    let what = format!("user {} was not deleted", user.name);
    addressable(&what, &user.name)?;
    match context.user_named(&user.name, &what).await? {
        None => return Ok(Written::Done),
        Some(now) if now.id != user.id => {
            return Err(WriteError::refused(format!(
                "{what}: that name belongs to another account by now; the next run sees what is"
            )));
        }
        Some(_) => {}
    }
    let url = context.url(&["admin", "user", &user.name], &[]);
    let reply = context.ask(Ask::bare(Method::DELETE, url, &what)).await?;
    if reply.status.is_success() {
        return Ok(Written::Done);
    }
    let now = context.user_named(&user.name, &what).await?;
    if now.is_none() {
        return Ok(Written::Done);
    }
    Err(context.refused(&what, "8.2", &reply, now.as_ref()))
}

/// A group is its name, which cannot be changed, and holds nothing else.
fn update_group(
    group: &Named,
    before: &GroupAttributes,
    after: &GroupAttributes,
) -> Result<Written, WriteError> {
    if before.name == after.name {
        return Ok(Written::Done);
    }
    Err(WriteError::refused(format!(
        "group {} was not renamed to {}: Confluence's groups keep their names",
        group.name, after.name
    )))
}

/// Deletes a group in which there are neither users nor groups.
async fn delete_group(context: Context<'_>, group: &Named) -> Result<Written, WriteError> {
    let what = format!("group {} was not deleted", group.name);
    addressable(&what, &group.name)?;
    for (kind, list) in [("members", "member"), ("groups", "groupmember")] {
        let url = context.url(&["group", &group.name, list], &[("limit", "1")]);
        let answer = context.server.read(Ask::get(url, &what), context.control, wire::is_empty).await;
        match answer.map_err(|failed| context.server.unwritten(&what, failed))? {
            Ok(true) => {}
            Ok(false) => {
                return Err(WriteError::refused(format!("{what}: {kind} were put into it meanwhile")));
            }
            // It is gone.
            Err(reply) if list == "member" && is_gone(&group.name, &reply) => return Ok(Written::Done),
            // Nothing in the documentation says since when groups in groups can be read.
            Err(reply) if list == "groupmember" && is_missing(&reply) => {}
            Err(reply) => return Err(context.refused_for_name(&what, &group.name, &reply)),
        }
    }
    let url = context.url(&["admin", "group", &group.name], &[]);
    let reply = context.ask(Ask::bare(Method::DELETE, url, &what)).await?;
    if reply.status.is_success() {
        return Ok(Written::Done);
    }
    if is_missing(&reply) {
        // It was there a moment ago.
        return match context.has_group(&group.name, &what).await? {
            true => Err(context.too_old(&what, GROUPS_SINCE)),
            false => Ok(Written::Done),
        };
    }
    Err(context.refused_for_name(&what, &group.name, &reply))
}

/// The first version whose documentation has groups and memberships that can be written; Confluence 8 may have them.
pub(super) const GROUPS_SINCE: &str = "9.0";

/// Whether Confluence says of a group that it is not there.
pub(super) fn is_gone(name: &str, reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
        && wire::is_own_refusal(&reply.body)
        && !super::read::is_slash_refused(name, reply)
}

impl Context<'_> {
    /// Whether there is a group of that name.
    pub(super) async fn has_group(&self, name: &str, what: &str) -> Result<bool, WriteError> {
        let url = self.url(&["group", name], &[]);
        let reply = self.ask(Ask::get(url, what)).await?;
        if reply.status.is_success() {
            return Ok(true);
        }
        if is_gone(name, &reply) {
            return Ok(false);
        }
        Err(self.refused_for_name(what, name, &reply))
    }

    /// A refusal that may be about how a name looks in an address.
    pub(super) fn refused_for_name(&self, what: &str, name: &str, reply: &Reply) -> WriteError {
        if !super::read::is_slash_refused(name, reply) {
            return self.server.refused(what, reply);
        }
        WriteError::refused(format!(
            "{what}: {} answered {} to an address with the slash of the name {name} in it. Tomcat refuses such addresses, \
             and so do proxies, unless they are told otherwise (encodedSolidusHandling): rename the group",
            self.server.place(),
            reply.status
        ))
    }
}
