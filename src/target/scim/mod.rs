//! Any SCIM 2.0 service (RFC 7643, 7644).
//!
//! `schema` reads and writes resources, `list` reads lists to their end or not at all, `users` and `groups` write, `members`
//! changes memberships in the form that the service takes. Services differ; what is done here holds for all that were
//! looked at: every answer of PATCH from 200 to 204 is good, no total is believed that the ids do not add up to, and a
//! resource is replaced only by itself with a change in it.

mod create;
mod list;
mod members;
mod schema;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::server::Server;
use super::{
    Capabilities, Further, Interest, Listing, NameRules, Pace, Reader, Rights, TargetError, Write,
    WriteError, WriteOne, Writer, Written,
};
use crate::config::model::ServerSettings;
use crate::http::Shared;
use crate::sync::model::TargetSnapshot;
use crate::sync::progress::RunControl;
use crate::sync::rules::Protected;

/// Attributes of users that a mapping may name beside the usual ones (RFC 7643, sections 4.1 and 4.3).
const FURTHER: &[&str] = &[
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
];

/// What a SCIM service can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "the SCIM service",
    rename_users: true,
    rename_groups: true,
    disable_users: true,
    delete_users: true,
    delete_groups: true,
    deletes_without_loss: false,
    requires_email: false,
    checks_email_domains: false,
    email_readable: true,
    holds_given_names: true,
    holds_group_descriptions: false,
    further_attributes: Further::Named(FURTHER),
    names: NameRules {
        ignore_case: true,
        longest: 255,
        lower_case_users: false,
        forbidden_in_users: "",
        no_space_in_users: false,
    },
    administrators: &[],
    listing: Listing::Whole,
    nested_members: false,
    keeps_source_ids: true,
    pace: Pace { page: 1000, at_once: 8, memberships: 1000, new_group: 1000 },
};

/// How a service speaks SCIM.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// What it can do.
    pub(super) capabilities: &'static Capabilities,
    /// Attributes beside the usual ones.
    pub(super) further: &'static [&'static str],
    /// Some of them stand in the enterprise extension.
    pub(super) enterprise: bool,
    /// It may say in its ServiceProviderConfig what it can do.
    pub(super) has_configuration: bool,
}

/// What holds for a service of which nothing is known.
const DIALECT: Dialect =
    Dialect { capabilities: &CAPABILITIES, further: FURTHER, enterprise: true, has_configuration: true };

/// A SCIM service.
#[derive(Debug)]
pub struct Scim {
    settings: ServerSettings,
    shared: Shared,
    dialect: Dialect,
    server: OnceCell<Server>,
    manners: Manners,
}

/// What was found out about a service on the way.
#[derive(Debug)]
struct Manners {
    /// It takes PATCH.
    patches: AtomicBool,
    /// So many memberships in one request, at most.
    memberships: AtomicUsize,
    /// It gives a new group the members that it is created with.
    fills_new_groups: AtomicBool,
    /// The position in [`members::FORMS`] of the form in which it takes removals.
    removal: AtomicUsize,
}

impl Scim {
    /// A service at these settings.
    #[must_use]
    pub fn new(settings: ServerSettings, shared: &Shared) -> Self {
        Self::speaking(settings, shared, DIALECT)
    }

    /// The same with its own rules.
    pub(super) fn speaking(settings: ServerSettings, shared: &Shared, dialect: Dialect) -> Self {
        let manners = Manners {
            patches: AtomicBool::new(true),
            memberships: AtomicUsize::new(dialect.capabilities.pace.memberships),
            fills_new_groups: AtomicBool::new(true),
            removal: AtomicUsize::new(0),
        };
        Self { settings, shared: shared.clone(), dialect, server: OnceCell::new(), manners }
    }

    async fn server(&self) -> Result<&Server, TargetError> {
        let connect = async {
            Server::connect(
                &self.settings,
                &self.shared,
                self.dialect.capabilities,
                "application/scim+json, application/json",
            )
        };
        self.server.get_or_try_init(|| connect).await
    }

    /// Whether a new group may be sent with so many members.
    fn fills_new_groups(&self, members: usize) -> bool {
        let at_most = self.manners.memberships.load(Ordering::Relaxed);
        members <= at_most && self.manners.fills_new_groups.load(Ordering::Relaxed)
    }

    fn patches(&self) -> bool {
        self.manners.patches.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Reader for Scim {
    fn address(&self) -> String {
        self.settings.address()
    }

    fn capabilities(&self) -> Capabilities {
        *self.dialect.capabilities
    }

    async fn protected(&self, _: &RunControl) -> Result<Protected, TargetError> {
        Ok(self.dialect.capabilities.protected())
    }

    async fn try_out(&self, control: &RunControl) -> Result<Rights, TargetError> {
        list::try_out(self, self.server().await?, control).await?;
        let unproven = Some("That its token may create, change and remove users and groups");
        Ok(Rights { account: None, read: "users and groups", unproven })
    }

    async fn read(&self, interest: &Interest, control: &RunControl) -> Result<TargetSnapshot, TargetError> {
        list::read(self, self.server().await?, interest, control).await
    }
}

#[async_trait]
impl WriteOne for Scim {
    async fn write_one(&self, write: &Write, control: &RunControl) -> Result<Written, WriteError> {
        write::write(self, self.server().await?, write, control).await
    }
}

/// A SCIM service as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    let scim = Arc::new(Scim::new(settings.clone(), shared));
    (Arc::clone(&scim) as Arc<dyn Reader>, scim)
}
