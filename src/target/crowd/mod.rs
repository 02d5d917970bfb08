//! Crowd Data Center: its usermanagement API, version 1.

use super::{Capabilities, Further, Listing, NameRules, Pace};

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
    pace: Pace { page: 1000, at_once: 8, memberships: 1 },
};
