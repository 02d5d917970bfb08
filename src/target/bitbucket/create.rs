//! Creating users and groups, once: what was not answered is looked for before it is sent again.

use reqwest::{Method, StatusCode};

use super::write::display_name;
use super::{Context, newcomers, wire};
use crate::sync::model::{GroupAttributes, TargetId, UserAttributes};
use crate::target::create_once::{Sent, create_once, not_shown, pause, uncertain};
use crate::target::password::random_password;
use crate::target::server::{Ask, Reply};
use crate::target::{WriteError, Written};

/// How often a user who was created is looked for: the answer does not bring its id.
const TRIES: u32 = 5;

/// Creates a user, who gets no mail about it and a password that nobody learns, and who is in no group.
pub(super) async fn user(
    context: Context<'_>,
    attributes: &UserAttributes,
    active: bool,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not created", attributes.username);
    if !active {
        let message = format!("{what}: Bitbucket has no accounts that cannot sign in");
        return Err(WriteError::refused(message));
    }
    let password = random_password()?;
    // All of it stands in the query, which no log of ours ever shows.
    let query = [
        ("name", attributes.username.as_str()),
        ("displayName", display_name(attributes)),
        ("emailAddress", &attributes.email),
        ("password", &password),
        ("addToDefaultGroup", "false"),
        ("notify", "false"),
    ];
    let wanted = Wanted { path: "users", query: &query, object: Object::User(attributes), what: &what };
    // Until it is known what became of it, others who were created wait for it.
    let creation = context.bitbucket.newcomers.begin();
    let sent = wanted.send(context).await;
    let is_made = matches!(&sent, Ok(Sent::Answered { reply, .. }) if reply.status.is_success());
    let place = creation.end(is_made.then_some(attributes));
    newcomers::look_up(context).await;
    if let Some(id) = place.told().await {
        return Ok(Written::Created(id));
    }
    match wanted.made(context, sent?).await? {
        Ok(id) => Ok(Written::Created(id)),
        Err(reply) => Err(context.server.refused(&what, &reply)),
    }
}

/// Creates a group without members.
pub(super) async fn group(context: Context<'_>, attributes: &GroupAttributes) -> Result<Written, WriteError> {
    let what = format!("group {} was not created", attributes.name);
    let query = [("name", attributes.name.as_str())];
    let wanted =
        Wanted { path: "groups", query: &query, object: Object::Group(&attributes.name), what: &what };
    match wanted.create(context).await? {
        Ok(id) => Ok(Written::Created(id)),
        Err(reply) => Err(context.server.refused(&what, &reply)),
    }
}

/// What is to be created, and how to find it.
struct Wanted<'a> {
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    object: Object<'a>,
    what: &'a str,
}

#[derive(Clone, Copy)]
enum Object<'a> {
    User(&'a UserAttributes),
    Group(&'a str),
}

impl Wanted<'_> {
    /// The id of the new object, or of the one that an earlier try made; else the refusal.
    async fn create(&self, context: Context<'_>) -> Result<Result<TargetId, Reply>, WriteError> {
        self.made(context, self.send(context).await?).await
    }

    async fn send(&self, context: Context<'_>) -> Result<Sent<TargetId>, WriteError> {
        let ask = Ask::bare(Method::POST, context.url(&[self.path], self.query), self.what);
        let unwritten = |failed| context.unwritten(self.what, failed);
        create_once(context.server, context.control, ask, unwritten, || self.find(context)).await
    }

    async fn made(
        &self,
        context: Context<'_>,
        sent: Sent<TargetId>,
    ) -> Result<Result<TargetId, Reply>, WriteError> {
        match sent {
            Sent::Found(id) => Ok(Ok(id)),
            Sent::Answered { reply, .. } if reply.status.is_success() => self.id(context).await.map(Ok),
            Sent::Answered { reply, unanswered } if unanswered && reply.status != StatusCode::FORBIDDEN => {
                Ok(self.find(context).await?.ok_or(reply))
            }
            Sent::Answered { reply, .. } => Ok(Err(reply)),
        }
    }

    /// The id of what was created: the answer does not bring it.
    async fn id(&self, context: Context<'_>) -> Result<TargetId, WriteError> {
        for attempt in 1..=TRIES {
            if let Object::Group(name) = self.object {
                return Ok(wire::group_id(name));
            }
            if let Some(id) = self.find(context).await? {
                return Ok(id);
            }
            pause(attempt).await;
        }
        Err(not_shown(context.server, self.what))
    }

    /// Looks for what was made: same name and same address.
    async fn find(&self, context: Context<'_>) -> Result<Option<TargetId>, WriteError> {
        let found = match self.object {
            Object::Group(name) => {
                context.has_group(name, self.what).await.map(|found| found.then(|| wire::group_id(name)))
            }
            Object::User(wanted) => context.account(&wanted.username, self.what).await.map(|found| {
                let found = found.map(|account| account.user);
                found
                    .filter(|user| user.attributes.email.eq_ignore_ascii_case(&wanted.email))
                    .map(|user| user.id)
            }),
        };
        // Whatever keeps us from looking, it may be there.
        found.map_err(uncertain)
    }
}
