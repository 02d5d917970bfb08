//! Bitbucket Data Center: its REST API.

use super::{Capabilities, Further, Listing, NameRules, Pace};

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
    pace: Pace { page: 1000, at_once: 8, memberships: 1000 },
};
