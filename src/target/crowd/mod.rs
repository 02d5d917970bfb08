//! Crowd Data Center: its usermanagement API, version 1 (Atlassian's "Crowd REST resources"; the CWD-… issues).
//!
//! `entity` reads and writes the bodies, `list` reads lists to their end or not at all, `memberships` reads who is in which
//! group, `write`, `create` and `members` write. Three things shape it all: no list says how long it is, a PUT clears what it
//! does not name, and statuses differ from version to version, so that what Crowd gives as its reason counts first.

mod create;
mod entity;
mod list;
mod members;
mod memberships;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use url::Url;

use super::server::{Reply, Server};
use super::{
    Capabilities, Further, Interest, Listing, NameRules, Pace, Reader, Rights, TargetError, Write,
    WriteError, WriteOne, Writer, Written,
};
use crate::config::model::ServerSettings;
use crate::http::Shared;
use crate::sync::model::TargetSnapshot;
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;

/// What Crowd can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "Crowd",
    rename_users: true,
    rename_groups: false,
    disable_users: true,
    delete_users: true,
    delete_groups: true,
    deletes_without_loss: false,
    requires_email: false,
    checks_email_domains: false,
    email_readable: true,
    holds_given_names: true,
    holds_group_descriptions: true,
    further_attributes: Further::Any,
    names: NameRules {
        ignore_case: true,
        longest: 255,
        lower_case_users: false,
        forbidden_in_users: "",
        no_space_in_users: false,
    },
    administrators: &["crowd-administrators"],
    listing: Listing::Whole,
    nested_members: false,
    keeps_source_ids: true,
    pace: Pace { page: 1000, at_once: 8, memberships: 1, new_group: 0 },
};

/// Every answer of Crowd bears it; Atlassian's own client talks to no server without it.
const VERSION: &str = "x-embedded-crowd-version";

/// A Crowd server.
#[derive(Debug)]
struct Crowd {
    settings: ServerSettings,
    shared: Shared,
    doors: OnceCell<Doors>,
}

/// The same server, asked for its two forms of answers.
#[derive(Debug)]
struct Doors {
    json: Server,
    /// All memberships come in no other form (CWD-3281).
    xml: Server,
}

impl Crowd {
    async fn doors(&self) -> Result<&Doors, TargetError> {
        let connect = |accept| Server::connect(&self.settings, &self.shared, &CAPABILITIES, accept);
        let open =
            async { Ok(Doors { json: connect("application/json")?, xml: connect("application/xml")? }) };
        self.doors.get_or_try_init(|| open).await
    }
}

/// The address of a resource of the API.
fn url(server: &Server, resource: &[&str], query: &[(&str, &str)]) -> Url {
    server.url(&[&["rest", "usermanagement", "1"], resource].concat(), query)
}

/// What is to be said of an answer that Crowd did not give; none if it did.
fn stranger(server: &Server, reply: &Reply) -> Option<String> {
    (!reply.headers.contains_key(VERSION)).then(|| {
        format!(
            "something that is not Crowd answers for {}: {}, without the header X-Embedded-Crowd-Version. Check the address \
             in the connector's file (a path may be missing, such as /crowd), and what stands between this host and Crowd",
            server.place(),
            reply.status
        )
    })
}

/// What Crowd gives as its reason for a refusal, such as `USER_NOT_FOUND`.
fn reason(reply: &Reply) -> Option<String> {
    if let Some(body) = reply.json() {
        return body["reason"].as_str().map(str::to_owned);
    }
    let text = String::from_utf8_lossy(&reply.body);
    let (_, rest) = text.split_once("<reason>")?;
    rest.split_once("</reason>").map(|(reason, _)| reason.trim().to_owned())
}

/// Whether a refusal says that something is not there: by its reason, by its status where it gives none.
fn is_missing(reply: &Reply, missing: &str) -> bool {
    match reason(reply) {
        Some(reason) => reason == missing,
        None => reply.status == reqwest::StatusCode::NOT_FOUND,
    }
}

#[async_trait]
impl Reader for Crowd {
    fn address(&self) -> String {
        self.settings.address()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    /// The daemon signs in as an application, which is no user.
    async fn protected(&self, _: &RunControl) -> Result<Protected, TargetError> {
        Ok(CAPABILITIES.protected())
    }

    async fn try_out(&self, control: &RunControl) -> Result<Rights, TargetError> {
        list::try_out(self.doors().await?, control).await?;
        let unproven =
            Some("That the application may add, change and remove users and groups in its directories");
        Ok(Rights { account: None, read: "users and groups", unproven })
    }

    async fn read(&self, interest: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        list::read(self.doors().await?, interest, control).await
    }
}

#[async_trait]
impl WriteOne for Crowd {
    async fn write_one(&self, write: &Write, control: &RunControl) -> Result<Written, WriteError> {
        write::write(&self.doors().await?.json, write, control).await
    }
}

/// A Crowd server as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    let crowd =
        Arc::new(Crowd { settings: settings.clone(), shared: shared.clone(), doors: OnceCell::new() });
    (Arc::clone(&crowd) as Arc<dyn Reader>, crowd)
}
