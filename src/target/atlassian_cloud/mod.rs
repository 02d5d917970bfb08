//! A directory of Atlassian Cloud: user provisioning by SCIM (developer.atlassian.com, "User provisioning REST API"), with
//! rules of its own: at most 100 records a page, names of groups that never change, an address of a verified domain for
//! everybody, and accounts that are disabled rather than deleted.

use std::sync::Arc;

use super::scim::{Dialect, Scim};
use super::{Capabilities, Further, Listing, NameRules, Pace, Reader, Writer};
use crate::config::model::ServerSettings;
use crate::http::Shared;

/// Attributes of users that a mapping may name beside the usual ones.
const FURTHER: &[&str] =
    &["nickName", "title", "preferredLanguage", "department", "organization", "timezone"];

/// What a directory of Atlassian Cloud can do.
pub const CAPABILITIES: Capabilities = Capabilities {
    product: "Atlassian Cloud",
    rename_users: true,
    rename_groups: false,
    disable_users: true,
    delete_users: false,
    delete_groups: true,
    deletes_without_loss: false,
    requires_email: true,
    checks_email_domains: true,
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
    administrators: &["org-admins", "site-admins", "system-administrators", "administrators"],
    listing: Listing::Whole,
    nested_members: false,
    keeps_source_ids: true,
    pace: Pace { page: 100, at_once: 8, memberships: 1000, new_group: 1000 },
};

const DIALECT: Dialect =
    Dialect { capabilities: &CAPABILITIES, further: FURTHER, enterprise: false, has_configuration: false };

/// A directory as reader and writer.
#[must_use]
pub fn open(settings: &ServerSettings, shared: &Shared) -> (Arc<dyn Reader>, Arc<dyn Writer>) {
    let scim = Arc::new(Scim::speaking(settings.clone(), shared, DIALECT));
    (Arc::clone(&scim) as Arc<dyn Reader>, scim)
}
