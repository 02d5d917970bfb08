//! Bitbucket Data Center: its REST API (developer.atlassian.com/server/bitbucket/rest).
//!
//! `wire` reads its records, `list` its lists to their end or not at all, `read` makes a snapshot of them; `create`, `write`
//! and `members` write. Its administration takes no tokens (BSERV-19635, BSERV-10482), has nothing to disable an account
//! with, and answers 401 where others answer 403. Accounts of other directories are shown and cannot be written.

mod create;
mod list;
mod members;
mod newcomers;
mod read;
mod wire;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::OnceCell;
use url::Url;

use super::account::and_account;
use super::server::{Ask, Failed, Server};
use super::{
    Capabilities, Further, Interest, Listing, NameRules, Pace, Reader, Rights, TargetError, Write,
    WriteError, WriteOne, Writer, Written,
};
use crate::config::model::{ServerSettings, SignIn};
use crate::http::Shared;
use crate::sync::model::{TargetId, TargetSnapshot};
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;
use newcomers::Newcomers;
use wire::Home;

/// What Bitbucket can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "Bitbucket",
    rename_users: true,
    rename_groups: false,
    disable_users: false,
    delete_users: true,
    delete_groups: true,
    deletes_without_loss: false,
    requires_email: true,
    checks_email_domains: false,
    email_readable: true,
    holds_given_names: false,
    holds_group_descriptions: false,
    further_attributes: Further::Nothing,
    names: NameRules {
        ignore_case: true,
        longest: 255,
        lower_case_users: false,
        forbidden_in_users: "",
        no_space_in_users: false,
    },
    administrators: &["stash-admins", "bitbucket-administrators", "bitbucket-system-administrators"],
    listing: Listing::Whole,
    nested_members: false,
    keeps_source_ids: false,
    pace: Pace { page: 1000, at_once: 8, memberships: 500, new_group: 0 },
};

/// Where the API is below the product's address.
const API: [&str; 4] = ["rest", "api", "latest", "admin"];

/// A Bitbucket.
#[derive(Debug)]
pub struct Bitbucket {
    settings: ServerSettings,
    shared: Shared,
    server: OnceCell<Server>,
    /// Accounts that were just created.
    newcomers: Newcomers,
    /// Where accounts are at home that the last read found not to be writable in every way.
    foreign: Mutex<HashMap<TargetId, Home>>,
}

/// What all requests need.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    bitbucket: &'a Bitbucket,
    server: &'a Server,
    control: &'a RunControl,
}

impl Context<'_> {
    /// An address of the administration.
    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let path: Vec<&str> = API.iter().chain(segments).copied().collect();
        self.server.url(&path, query)
    }

    /// Why reading ended: no answer.
    fn unread(&self, what: &str, failed: Failed) -> TargetError {
        self.server.unread(what, with_rights(failed))
    }

    /// Why something was not done: no answer.
    fn unwritten(&self, what: &str, failed: Failed) -> WriteError {
        self.server.unwritten(what, with_rights(failed))
    }
}

/// What 401 means here.
fn with_rights(mut failed: Failed) -> Failed {
    if failed.fatal && failed.text.contains(" 401") {
        failed.text += "; Bitbucket answers so as well where an account lacks the global permission ADMIN";
    }
    failed
}

impl Bitbucket {
    /// A Bitbucket at these settings.
    #[must_use]
    pub fn new(settings: ServerSettings, shared: &Shared) -> Self {
        Self {
            settings,
            shared: shared.clone(),
            server: OnceCell::new(),
            newcomers: Newcomers::default(),
            foreign: Mutex::default(),
        }
    }

    async fn context<'a>(&'a self, control: &'a RunControl) -> Result<Context<'a>, TargetError> {
        self.own_name()?;
        let connect =
            async { Server::connect(&self.settings, &self.shared, &CAPABILITIES, "application/json") };
        let server = self.server.get_or_try_init(|| connect).await?;
        Ok(Context { bitbucket: self, server, control })
    }

    /// The account that signs in.
    fn own_name(&self) -> Result<&str, TargetError> {
        match &self.settings.sign_in {
            SignIn::Password { user, .. } => Ok(user),
            SignIn::Token(_) => Err(TargetError::Unreadable(
                "Bitbucket's administration takes no token (BSERV-19635); nothing was changed. Write the name and \
                 password of an administrator's account into the connector's file"
                    .to_owned(),
            )),
        }
    }

    /// Where somebody is at home, if that cannot be written in every way.
    fn home(&self, id: &TargetId) -> Option<Home> {
        // No panic can happen while the lock is held.
        self.foreign.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn keep_homes(&self, homes: HashMap<TargetId, Home>) {
        *self.foreign.lock().unwrap_or_else(PoisonError::into_inner) = homes;
    }
}

#[async_trait]
impl Reader for Bitbucket {
    fn address(&self) -> String {
        self.settings.address()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn protected(&self, _: &RunControl) -> Result<Protected, TargetError> {
        Ok(and_account(CAPABILITIES.protected(), self.own_name()?))
    }

    /// Everything below the administration needs the permission that writing needs.
    async fn try_out(&self, control: &RunControl) -> Result<Rights, TargetError> {
        let context = self.context(control).await?;
        for (list, what) in [("users", "the list of users"), ("groups", "the list of groups")] {
            let ask = Ask::get(context.url(&[list], &[("limit", "1")]), what);
            match context.server.read(ask, control, |_| Ok(())).await {
                Ok(Ok(())) => {}
                Ok(Err(reply)) => return Err(context.server.unreadable(what, &reply)),
                Err(failed) => return Err(context.unread(what, failed)),
            }
        }
        let account = Some(self.own_name()?.into());
        Ok(Rights {
            account,
            read: "users and groups, which Bitbucket shows to its administrators",
            unproven: None,
        })
    }

    async fn read(&self, interest: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        read::read(self.context(control).await?, interest).await
    }
}

#[async_trait]
impl WriteOne for Bitbucket {
    async fn write_one(&self, write: &Write, control: &RunControl) -> Result<Written, WriteError> {
        write::write(self.context(control).await?, write).await
    }

    fn waiting(&self) -> usize {
        newcomers::AT_A_TIME
    }
}

/// A Bitbucket as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    let bitbucket = Arc::new(Bitbucket::new(settings.clone(), shared));
    (Arc::clone(&bitbucket) as Arc<dyn Reader>, bitbucket)
}
