//! Jira Data Center: its REST API, version 2, from 8.2 to 11.
//!
//! `bean` reads records, `read` puts a snapshot together of `users`, `groups` and `members`, which know how each list may be
//! cut; `create`, `write` and `memberships` write. What a list does not show is asked for by name or key: Jira 10 shows the
//! first 100 users and no more (JRASERVER-78660), and groups come from a list that was made for a text field.

mod bean;
mod create;
mod groups;
mod look;
mod members;
mod memberships;
mod read;
mod users;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use compact_str::CompactString;
use reqwest::StatusCode;
use tokio::sync::OnceCell;

use super::account::and_account;
use super::server::{Ask, Reply, Server};
use super::{
    Capabilities, Further, Interest, Listing, NameRules, Pace, Reader, Rights, TargetError, Write,
    WriteError, WriteOne, Writer, Written,
};
use crate::config::model::{ServerSettings, SignIn};
use crate::http::Shared;
use crate::sync::model::{TargetSnapshot, TargetUser};
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;
use look::Look;

/// What Jira can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "Jira",
    rename_users: true,
    rename_groups: false,
    disable_users: true,
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
    administrators: &["jira-administrators", "jira-system-administrators"],
    listing: Listing::Capped,
    nested_members: true,
    keeps_source_ids: false,
    pace: Pace { page: 1000, at_once: 8, memberships: 1, new_group: 0 },
};

/// A Jira.
#[derive(Debug)]
pub struct Jira {
    settings: ServerSettings,
    shared: Shared,
    server: OnceCell<Server>,
    /// The name of the account that the daemon signs in with, as Jira says it.
    account: OnceCell<CompactString>,
}

impl Jira {
    /// A Jira at these settings.
    #[must_use]
    pub fn new(settings: ServerSettings, shared: &Shared) -> Self {
        Self { settings, shared: shared.clone(), server: OnceCell::new(), account: OnceCell::new() }
    }

    async fn server(&self) -> Result<&Server, TargetError> {
        let connect =
            async { Server::connect(&self.settings, &self.shared, &CAPABILITIES, "application/json") };
        self.server.get_or_try_init(|| connect).await
    }

    /// Who the daemon is there. It is asked before anything is believed: Jira answers lists without records to strangers, and
    /// takes a token that it does not know for a stranger's.
    async fn myself(&self, look: Look<'_>) -> Result<TargetUser, TargetError> {
        let what = "the account that the daemon signs in with";
        let ask = Ask::get(look.url(&["myself"], &[]), what);
        match look.server.read(ask, look.control, bean::user).await {
            Ok(Ok(user)) => Ok(user),
            Ok(Err(reply)) if wants_captcha(&reply) => Err(TargetError::Unreadable(format!(
                "{} refuses the account because wrong passwords were tried: it wants the letters of a picture to be read; \
                 nothing was changed. Sign in as this account in a browser once, or let an administrator reset its failed \
                 sign-ins",
                look.server.place()
            ))),
            Ok(Err(reply)) => Err(look.server.unreadable(what, &reply)),
            Err(mut failed) => {
                if matches!(self.settings.sign_in, SignIn::Token(_)) && failed.text.contains(" with 401") {
                    failed.text.push_str(" (personal access tokens exist from Jira 8.14 on)");
                }
                Err(look.server.unread(what, failed))
            }
        }
    }
}

/// After some wrong passwords the right one is refused as well, until a person has signed in.
fn wants_captcha(reply: &Reply) -> bool {
    let headers = ["x-authentication-denied-reason", "x-seraph-loginreason"];
    let mut said = headers.iter().filter_map(|name| reply.headers.get(*name)?.to_str().ok());
    reply.status == StatusCode::FORBIDDEN
        && said.any(|text| text.contains("CAPTCHA") || text.contains("AUTHENTICATION_DENIED"))
}

#[async_trait]
impl Reader for Jira {
    fn address(&self) -> String {
        self.settings.address()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn protected(&self, control: &RunControl) -> Result<Protected, TargetError> {
        let look = Look::new(self.server().await?, control);
        let ask = async { Ok(self.myself(look).await?.attributes.username) };
        let account = self.account.get_or_try_init(|| ask).await?;
        Ok(and_account(CAPABILITIES.protected(), account))
    }

    /// Members of groups are shown to administrators only.
    async fn try_out(&self, control: &RunControl) -> Result<Rights, TargetError> {
        let look = Look::new(self.server().await?, control);
        let myself = self.myself(look).await?;
        members::try_out(look, &groups::any(look).await?).await?;
        let account = Some(myself.attributes.username);
        Ok(Rights {
            account,
            read: "members of groups, which Jira shows to its administrators",
            unproven: None,
        })
    }

    async fn read(&self, interest: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        let look = Look::new(self.server().await?, control);
        // Each time: what was a good token yesterday may be nobody's today.
        let myself = self.myself(look).await?;
        self.account.set(myself.attributes.username.clone()).ok();
        read::snapshot(look, &myself, interest).await
    }
}

#[async_trait]
impl WriteOne for Jira {
    async fn write_one(&self, write: &Write, control: &RunControl) -> Result<Written, WriteError> {
        write::write(Look::new(self.server().await?, control), write).await
    }
}

/// A Jira as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    let jira = Arc::new(Jira::new(settings.clone(), shared));
    (Arc::clone(&jira) as Arc<dyn Reader>, jira)
}
