//! Who is asking, and what happens to those who may not.

use std::cell::Cell;

use super::{Jira, as_anonymous, refuse};
use crate::product::{Reply, Request, World};

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Account,
    /// Without credentials, or with a token that nobody has: Jira takes that for an anonymous request.
    Anonymous,
    /// With a name and a password that do not belong together.
    WrongPassword,
    /// With a name and a password, after too many wrong ones.
    NeedsCaptcha,
}

/// Wrong passwords in a row.
#[derive(Debug, Default)]
pub(super) struct Failures(Cell<u32>);

impl Jira {
    /// As if a person had signed in with the right password and solved the captcha.
    pub fn solve_captcha(&mut self) {
        self.memory.failures.0.set(0);
    }

    pub(super) fn identify(&self, request: &Request) -> Caller {
        if let Some(token) = request.bearer() {
            let is_right = self.version.has_tokens() && token == self.token;
            return if is_right { Caller::Account } else { Caller::Anonymous };
        }
        match request.basic() {
            None => Caller::Anonymous,
            Some((name, _)) if !self.is_account(&name) => Caller::WrongPassword,
            Some(_) if self.needs_captcha() => Caller::NeedsCaptcha,
            Some((_, password)) if password == self.password => Caller::Account,
            Some(_) => Caller::WrongPassword,
        }
    }

    fn needs_captcha(&self) -> bool {
        self.captcha_after.is_some_and(|most| self.memory.failures.0.get() >= most)
    }

    /// Whether that is the name of the account. Names are compared without case.
    pub(super) fn is_account(&self, name: &str) -> bool {
        name.to_lowercase() == self.account.to_lowercase()
    }

    /// Whether the account was deactivated, which ends its sessions, passwords and tokens.
    pub(super) fn is_locked_out(&self, world: &World) -> bool {
        let account = world.user_named(&self.account).and_then(|id| world.users().get(&id));
        account.is_some_and(|account| !account.active)
    }

    /// Refuses, and counts the wrong passwords of the account.
    pub(super) fn turn_away(&self, caller: Caller, request: &Request) -> Reply {
        match caller {
            Caller::WrongPassword => {
                if request.basic().is_some_and(|(name, _)| self.is_account(&name)) {
                    self.memory.failures.0.set(self.memory.failures.0.get().saturating_add(1));
                }
                // Seen on real servers: the page to sign in at, and this header only for passwords.
                let page = Reply::html(401, "Unauthorized (401)");
                as_anonymous(page.header("x-seraph-loginreason", "AUTHENTICATED_FAILED"))
            }
            Caller::NeedsCaptcha => {
                let place = format!("{}/login.jsp", self.api(request).trim_end_matches("/rest/api/2"));
                let reason = format!("CAPTCHA_CHALLENGE; login-url={place}");
                let title = "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED";
                let page = Reply::html(403, title).header("x-authentication-denied-reason", &reason);
                as_anonymous(page.header("x-seraph-loginreason", "AUTHENTICATION_DENIED"))
            }
            Caller::Account | Caller::Anonymous => as_anonymous(refuse::not_signed_in(&request.origin())),
        }
    }

    /// A right password makes up for the wrong ones before it; a token does not.
    pub(super) fn forget_failures(&self, request: &Request) {
        if request.bearer().is_none() {
            self.memory.failures.0.set(0);
        }
    }
}
