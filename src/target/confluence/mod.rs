//! Confluence Data Center: its REST API (developer.atlassian.com/server/confluence/rest).
//!
//! `wire` reads its records, `list` its lists to their end or not at all, `read` makes a snapshot of them; `create`, `write`
//! and `members` write. It never shows an e-mail address: the ledger keeps what was written last. What a version has and
//! another has not answers 404: 8.2 disables and deletes, 8.4 lists and creates users, 9.2 changes them.

mod create;
mod list;
mod members;
mod read;
mod wire;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use compact_str::CompactString;
use tokio::sync::OnceCell;

use super::account::and_account;
use super::server::{Ask, Server};
use super::{
    Capabilities, Further, Interest, Listing, NameRules, Pace, Reader, Rights, TargetError, Write,
    WriteError, WriteOne, Writer, Written,
};
use crate::config::model::{ServerSettings, SignIn};
use crate::http::Shared;
use crate::sync::model::TargetSnapshot;
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;

/// What Confluence can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "Confluence",
    rename_users: false,
    rename_groups: false,
    disable_users: true,
    delete_users: true,
    delete_groups: true,
    deletes_without_loss: false,
    requires_email: true,
    checks_email_domains: false,
    email_readable: false,
    holds_given_names: false,
    holds_group_descriptions: false,
    further_attributes: Further::Nothing,
    names: NameRules {
        ignore_case: true,
        longest: 255,
        lower_case_users: true,
        forbidden_in_users: "\\,+<>'\"",
        no_space_in_users: true,
    },
    administrators: &["confluence-administrators"],
    listing: Listing::Whole,
    nested_members: false,
    keeps_source_ids: false,
    // It cuts pages to what it likes, which is often 200.
    pace: Pace { page: 1000, at_once: 8, memberships: 1, new_group: 0 },
};

/// Where the API is below the product's address.
const API: [&str; 2] = ["rest", "api"];

/// A Confluence.
#[derive(Debug)]
pub struct Confluence {
    settings: ServerSettings,
    shared: Shared,
    server: OnceCell<Server>,
    /// The name of the account that signs in.
    account: OnceCell<CompactString>,
}

/// What all requests need.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    server: &'a Server,
    control: &'a RunControl,
}

impl Context<'_> {
    /// An address below the API.
    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> url::Url {
        let path: Vec<&str> = API.iter().chain(segments).copied().collect();
        self.server.url(&path, query)
    }
}

impl Confluence {
    /// A Confluence at these settings.
    #[must_use]
    pub fn new(settings: ServerSettings, shared: &Shared) -> Self {
        Self { settings, shared: shared.clone(), server: OnceCell::new(), account: OnceCell::new() }
    }

    async fn server(&self) -> Result<&Server, TargetError> {
        let connect =
            async { Server::connect(&self.settings, &self.shared, &CAPABILITIES, "application/json") };
        self.server.get_or_try_init(|| connect).await
    }

    /// Who a token belongs to, which only the product knows.
    async fn own_name(&self, control: &RunControl) -> Result<&CompactString, TargetError> {
        if let SignIn::Password { user, .. } = &self.settings.sign_in {
            return Ok(self.account.get_or_init(|| async { CompactString::from(user.as_str()) }).await);
        }
        let context = Context { server: self.server().await?, control };
        self.account.get_or_try_init(|| ask_own_name(context)).await
    }
}

/// The account that the API takes this daemon for.
async fn ask_own_name(context: Context<'_>) -> Result<CompactString, TargetError> {
    let what = "the account that the daemon signs in with";
    let ask = Ask::get(context.url(&["user", "current"], &[]), what);
    let account = context.server.must_read(ask, context.control, wire::account).await?;
    account.ok_or_else(|| {
        TargetError::Unreadable(format!(
            "{} takes the daemon for an anonymous visitor; nothing was changed. Check that the token is one of an \
             account that may administer Confluence",
            context.server.place()
        ))
    })
}

#[async_trait]
impl Reader for Confluence {
    fn address(&self) -> String {
        self.settings.address()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn protected(&self, control: &RunControl) -> Result<Protected, TargetError> {
        Ok(and_account(CAPABILITIES.protected(), self.own_name(control).await?))
    }

    async fn try_out(&self, control: &RunControl) -> Result<Rights, TargetError> {
        let context = Context { server: self.server().await?, control };
        let account = Some(ask_own_name(context).await?);
        let ask = Ask::get(context.url(&["group"], &[("limit", "1")]), "the list of groups");
        context.server.must_read(ask, control, wire::groups_page).await?;
        let unproven = Some("That the account may administer Confluence");
        Ok(Rights { account, read: "groups", unproven })
    }

    async fn read(&self, interest: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        read::read(Context { server: self.server().await?, control }, interest).await
    }
}

#[async_trait]
impl WriteOne for Confluence {
    async fn write_one(&self, write: &Write, control: &RunControl) -> Result<Written, WriteError> {
        write::write(Context { server: self.server().await?, control }, write).await
    }
}

/// A Confluence as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    let confluence = Arc::new(Confluence::new(settings.clone(), shared));
    (Arc::clone(&confluence) as Arc<dyn Reader>, confluence)
}
