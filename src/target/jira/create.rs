//! Creating users and groups, once: what was not answered is looked for before it is sent again. Jira keeps no id of ours, so
//! that what is there under the name counts as ours only if this very write was sent before and not answered.

use compact_str::CompactString;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::bean;
use super::look::Look;
use super::read::group_id;
use super::write::{self, Fields};
use super::{members, users};
use crate::sync::model::{GroupAttributes, TargetId, TargetUser, UserAttributes};
use crate::target::create_once::{Sent, create_once, not_shown, uncertain};
use crate::target::said::said;
use crate::target::server::{Ask, Reply};
use crate::target::{Named, WriteError, Written};

/// Creates a user, without a mail to anybody. Jira makes up a password that nobody learns, and the groups of the source say
/// which applications are for whom, so that none is given here and no seat is taken.
pub(super) async fn user(
    look: Look<'_>,
    attributes: &UserAttributes,
    active: bool,
) -> Result<Written, WriteError> {
    let what = format!("user {} was not created", attributes.username);
    let mut body = json!({
        "name": attributes.username.as_str(),
        "emailAddress": attributes.email.as_str(),
        "displayName": write::shown_name(attributes),
        "notification": false,
        "applicationKeys": [],
    });
    if !active {
        body["active"] = json!(false);
    }
    let wanted = Wanted { path: "user", what: &what, kind: Kind::User(attributes) };
    let made = match wanted.create(look, &body).await? {
        Ok(made) => made,
        Err(reply) => return Err(refused(look, &what, &reply)),
    };
    // A version that does not know this field makes an account that can be used.
    if made.active == Some(!active) {
        let user = Named { id: made.id.clone(), name: attributes.username.clone() };
        let fields = Fields { active: Some(active), ..Fields::default() };
        let what = format!("user {} was created, and then not disabled", attributes.username);
        if let Err(error) = write::change_user(look, &user, fields, &what).await {
            // The next run finds the account and goes on.
            return Err(uncertain(error));
        }
    }
    Ok(Written::Created(made.id))
}

/// Creates a group without members.
pub(super) async fn group(look: Look<'_>, attributes: &GroupAttributes) -> Result<Written, WriteError> {
    let what = format!("group {} was not created", attributes.name);
    let wanted = Wanted { path: "group", what: &what, kind: Kind::Group(&attributes.name) };
    match wanted.create(look, &json!({ "name": attributes.name.as_str() })).await? {
        Ok(made) => Ok(Written::Created(made.id)),
        Err(reply) => Err(look.server.refused(&what, &reply)),
    }
}

/// A full licence is not documented to have a status of its own: the words tell.
fn refused(look: Look<'_>, what: &str, reply: &Reply) -> WriteError {
    let mut error = look.server.refused(what, reply);
    let words = said(&reply.body).unwrap_or_default().to_lowercase();
    let licence = words.contains("licen") || words.contains("user limit");
    if reply.status == StatusCode::BAD_REQUEST && licence {
        error
            .message
            .push_str(". No seat of the licence is free: free one or buy more, and the next run goes on");
    }
    error
}

/// What is to be created, and how to find it.
struct Wanted<'a> {
    path: &'static str,
    what: &'a str,
    kind: Kind<'a>,
}

enum Kind<'a> {
    User(&'a UserAttributes),
    Group(&'a CompactString),
}

/// What was created.
struct Made {
    id: TargetId,
    /// Of a user.
    active: Option<bool>,
}

impl From<TargetUser> for Made {
    fn from(user: TargetUser) -> Self {
        Self { id: user.id, active: Some(user.active) }
    }
}

impl Wanted<'_> {
    /// What was made by this or an earlier try; else the refusal.
    async fn create(&self, look: Look<'_>, body: &Value) -> Result<Result<Made, Reply>, WriteError> {
        let ask = Ask::json(Method::POST, look.url(&[self.path], &[]), body, self.what);
        let unwritten = |failed| look.server.unwritten(self.what, failed);
        let sent = create_once(look.server, look.control, ask, unwritten, || self.find(look)).await?;
        match sent {
            Sent::Found(made) => Ok(Ok(made)),
            Sent::Answered { reply, .. } if reply.status.is_success() => match self.made(&reply) {
                Some(made) => Ok(Ok(made)),
                None => self.must_find(look).await.map(Ok),
            },
            // Jira says of a name that somebody has what it says of any other mistake.
            Sent::Answered { reply, unanswered } if unanswered && reply.status == StatusCode::BAD_REQUEST => {
                Ok(self.find(look).await?.ok_or(reply))
            }
            Sent::Answered { reply, .. } => Ok(Err(reply)),
        }
    }

    fn made(&self, reply: &Reply) -> Option<Made> {
        match self.kind {
            Kind::User(_) => bean::user(&reply.body).ok().map(Made::from),
            Kind::Group(name) => {
                let is_group = reply.json().is_some_and(|body| body["name"].is_string());
                is_group.then(|| Made { id: group_id(name), active: None })
            }
        }
    }

    async fn must_find(&self, look: Look<'_>) -> Result<Made, WriteError> {
        self.find(look).await?.ok_or_else(|| not_shown(look.server, self.what))
    }

    /// Looks for what an unanswered try may have made: a user of that name with our address, a group of that name that
    /// nobody is in.
    async fn find(&self, look: Look<'_>) -> Result<Option<Made>, WriteError> {
        let found = match self.kind {
            Kind::User(attributes) => {
                let user = users::user(look, "username", &attributes.username, self.what).await;
                user.map(|user| user.filter(|user| is_ours(user, attributes)).map(Made::from))
            }
            Kind::Group(name) => {
                let count = members::count(look, name).await;
                let made = |count: Option<u64>| {
                    (count == Some(0)).then(|| Made { id: group_id(name), active: None })
                };
                count.map(made)
            }
        };
        // Nothing is known of what was sent: the next run looks as well.
        found.map_err(|broken| WriteError { uncertain: true, ..look.unwritable(self.what, broken) })
    }
}

/// Where addresses are hidden, the name that is shown must do.
fn is_ours(user: &TargetUser, wanted: &UserAttributes) -> bool {
    if user.attributes.email.is_empty() {
        return user.attributes.display_name == write::shown_name(wanted);
    }
    user.attributes.email.eq_ignore_ascii_case(&wanted.email)
}
