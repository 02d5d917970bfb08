//! Changing users and groups. Each write looks at the account first: the name that it is addressed by must still be that of
//! the id, and its directory one that can be written.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::list::List;
use super::wire::{self, Account};
use super::{CAPABILITIES, Context, create, members};
use crate::sync::model::{GroupAttributes, UserAttributes};
use crate::target::said::said;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, Write, WriteError, Written};

/// Carries out one write.
pub(super) async fn write(context: Context<'_>, write: &Write) -> Result<Written, WriteError> {
    match write {
        Write::CreateUser { attributes, active, .. } => create::user(context, attributes, *active).await,
        Write::CreateGroup { attributes, .. } => create::group(context, attributes).await,
        Write::UpdateUser { user, attributes, .. } => update_user(context, user, attributes).await,
        Write::SetActive { user, active } => Err(WriteError::refused(format!(
            "user {} was not {}: Bitbucket has nothing to do it with. What takes an account out of use there is \
             taking it out of its groups, or deleting it",
            user.name,
            if *active { "enabled" } else { "disabled" }
        ))),
        Write::DeleteUser { user, .. } => delete_user(context, user).await,
        Write::UpdateGroup { group, before, attributes, .. } => update_group(group, before, attributes),
        Write::DeleteGroup { group } => delete_group(context, group).await,
        Write::ChangeMembers { group, added, removed } => {
            members::change(context, group, added, removed).await
        }
    }
}

/// What is to be shown of a user: Bitbucket takes no empty name.
pub(super) fn display_name(attributes: &UserAttributes) -> &str {
    if attributes.display_name.trim().is_empty() { &attributes.username } else { &attributes.display_name }
}

impl Context<'_> {
    /// Asks, and turns the absence of an answer into the write's error.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, WriteError> {
        let what = ask.what;
        self.server.ask(ask, self.control).await.map_err(|failed| self.unwritten(what, failed))
    }

    /// The account of that name; none if there is none.
    pub(super) async fn account(&self, name: &str, what: &str) -> Result<Option<Account>, WriteError> {
        // The filter finds names, full names and addresses with this text anywhere in them.
        let list = List { context: *self, path: &["users"], narrowed: Some(("filter", name)), what };
        let key = CAPABILITIES.name_key(name);
        let is_meant = |account: &Account| CAPABILITIES.name_key(&account.user.attributes.username) == key;
        list.find(wire::users_page, is_meant).await.map_err(|broken| list.write_error(broken))
    }

    /// Whether there is a group of that name.
    pub(super) async fn has_group(&self, name: &str, what: &str) -> Result<bool, WriteError> {
        let list = List { context: *self, path: &["groups"], narrowed: Some(("filter", name)), what };
        let id = wire::group_id(name);
        let found = list.find(wire::groups_page, |name| wire::group_id(name) == id).await;
        found.map(|found| found.is_some()).map_err(|broken| list.write_error(broken))
    }

    /// The account that is meant, unless its name is another's by now.
    async fn same(&self, user: &Named, what: &str) -> Result<Option<Account>, WriteError> {
        match self.account(&user.name, what).await? {
            Some(account) if account.user.id != user.id => Err(WriteError::refused(format!(
                "{what}: that name belongs to another account by now; the next run sees what is"
            ))),
            other => Ok(other),
        }
    }

    /// A conflict is about what the daemon itself stands on.
    fn refused_deletion(&self, what: &str, reply: &Reply, conflict: &str) -> WriteError {
        if reply.status != StatusCode::CONFLICT {
            return self.server.refused(what, reply);
        }
        let words = said(&reply.body).map(|text| format!(" ({text})")).unwrap_or_default();
        let message = format!("{what}: {} answered {}{words}: {conflict}", self.server.place(), reply.status);
        WriteError::refused(message)
    }
}

async fn update_user(
    context: Context<'_>,
    user: &Named,
    after: &UserAttributes,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not changed", user.name);
    let mut account = context.account(&user.name, &what).await?;
    if account.as_ref().is_none_or(|account| account.user.id != user.id) && user.name != after.username {
        // It may have its new name already.
        account = context.account(&after.username, &what).await?;
    }
    let Some(account) = account.filter(|account| account.user.id == user.id) else {
        return Err(WriteError::refused(format!(
            "{what}: no account of that name is the one that is meant; the next run sees what is"
        )));
    };
    let now = &account.user.attributes;
    let differs = now.display_name != display_name(after) || now.email != after.email;
    if !differs && now.username == after.username {
        return Ok(Written::Done);
    }
    if !account.home.details {
        return Err(WriteError::refused(format!("{what}: {}", account.home.why())));
    }
    if differs {
        let body = json!({
            "name": now.username.as_str(),
            "displayName": display_name(after),
            "email": after.email.as_str(),
        });
        let ask = Ask::json(Method::PUT, context.url(&["users"], &[]), &body, &what);
        let reply = context.ask(ask).await?;
        if !reply.status.is_success() {
            return Err(context.server.refused(&what, &reply));
        }
    }
    if now.username != after.username {
        rename(context, user, &now.username, &after.username).await?;
    }
    Ok(Written::Done)
}

async fn rename(context: Context<'_>, user: &Named, from: &str, to: &str) -> Result<(), WriteError> {
    let what = format!("user {from} was not renamed to {to}");
    let body = json!({ "name": from, "newName": to });
    let ask = Ask::json(Method::POST, context.url(&["users", "rename"], &[]), &body, &what);
    let reply = context.ask(ask).await?;
    if reply.status.is_success() {
        return Ok(());
    }
    // An earlier try of this request may have done it.
    match context.account(to, &what).await? {
        Some(account) if account.user.id == user.id && account.user.attributes.username == to => Ok(()),
        _ => Err(context.server.refused(&what, &reply)),
    }
}

async fn delete_user(context: Context<'_>, user: &Named) -> Result<Written, WriteError> {
    let what = format!("user {} was not deleted", user.name);
    let Some(account) = context.same(user, &what).await? else { return Ok(Written::Done) };
    if !account.home.details || !account.home.deletable {
        return Err(WriteError::refused(format!("{what}: {}", account.home.why())));
    }
    let url = context.url(&["users"], &[("name", &user.name)]);
    let reply = context.ask(Ask::bare(Method::DELETE, url, &what)).await?;
    if reply.status.is_success() || context.same(user, &what).await?.is_none() {
        return Ok(Written::Done);
    }
    Err(context.refused_deletion(&what, &reply, "it is the account that the daemon signs in with"))
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
        "group {} was not renamed to {}: Bitbucket's groups keep their names",
        group.name, after.name
    )))
}

/// Deletes a group that nobody is in.
async fn delete_group(context: Context<'_>, group: &Named) -> Result<Written, WriteError> {
    let what = format!("group {} was not deleted", group.name);
    match members::current(context, group, &what).await? {
        None => return Ok(Written::Done),
        Some(members) if !members.is_empty() => {
            let count = members.len();
            let message = format!("{what}: {count} members were put into it meanwhile");
            return Err(WriteError::refused(message));
        }
        Some(_) => {}
    }
    let url = context.url(&["groups"], &[("name", &group.name)]);
    let reply = context.ask(Ask::bare(Method::DELETE, url, &what)).await?;
    if reply.status.is_success() || !context.has_group(&group.name, &what).await? {
        return Ok(Written::Done);
    }
    Err(context.refused_deletion(
        &what,
        &reply,
        "the daemon's own account would lose rights that it has by it",
    ))
}
