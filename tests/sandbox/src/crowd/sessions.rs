//! Signing users in: by password, and once for all applications.

use std::collections::BTreeMap;

use super::call::{Answer, Call};
use super::entity::{SessionView, View};
use super::refusal::Refusal;
use crate::product::{Id, Reply};

/// Who is signed in once for all applications.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// How many there ever were: no token comes twice.
    opened: u64,
    users: BTreeMap<String, Id>,
}

impl Sessions {
    fn open(&mut self, user: Id) -> String {
        self.opened += 1;
        let token = format!("{:024}", self.opened);
        self.users.insert(token.clone(), user);
        token
    }

    fn user(&self, token: &str) -> Option<Id> {
        self.users.get(token).copied()
    }

    fn close(&mut self, token: &str) -> bool {
        self.users.remove(token).is_some()
    }
}

impl Call<'_> {
    pub(super) fn authenticate(&self) -> Answer {
        let body = self.body()?;
        let password = body.text_of("value").unwrap_or_default();
        let id = self.authentic(self.required("username")?, password)?;
        self.show_user(200, id, self.detail_alone())
    }

    /// Users that were made without a password sign in with none.
    fn authentic(&self, name: &str, password: &str) -> Result<Id, Refusal> {
        let id = self.user_named(name, 400)?;
        let user = self.world.users().get(&id).ok_or_else(|| Refusal::no_user(400, name))?;
        if user.password.is_empty() || user.password != password {
            let message = "Failed to authenticate principal, password was invalid";
            return Err(Refusal::new(400, "INVALID_USER_AUTHENTICATION", message));
        }
        if !user.active {
            // Not published: the code.
            return Err(Refusal::new(
                400,
                "INACTIVE_ACCOUNT",
                format!("Account with name <{name}> is inactive"),
            ));
        }
        Ok(id)
    }

    /// Not published: that a new session is answered with 201.
    pub(super) fn open_session(&mut self) -> Answer {
        let body = self.body()?;
        let text = |name: &str| body.text_of(name).unwrap_or_default();
        let id = self.authentic(text("username"), text("password"))?;
        let token = self.crowd.sessions.open(id);
        self.show_session(201, &token)
    }

    pub(super) fn show_session(&self, status: u16, token: &str) -> Answer {
        let id = self.crowd.sessions.user(token).ok_or_else(|| unknown(token))?;
        let user = self.world.users().get(&id).ok_or_else(|| unknown(token))?;
        let session = SessionView { token, id, user, detail: self.detail_in_list("user") };
        self.show(status, &View::Session(session))
    }

    pub(super) fn close_session(&mut self, token: &str) -> Answer {
        match self.crowd.sessions.close(token) {
            true => Ok(Reply::empty(204)),
            false => Err(unknown(token)),
        }
    }
}

fn unknown(token: &str) -> Refusal {
    Refusal::new(404, "INVALID_SSO_TOKEN", format!("Token <{token}> does not exist"))
}
