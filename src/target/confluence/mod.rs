//! Confluence Data Center: its REST API.

use super::{Capabilities, Further, Listing, NameRules, Pace};

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
    pace: Pace { page: 200, at_once: 8, memberships: 1 },
};
