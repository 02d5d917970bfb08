//! Jira Data Center: its REST API, version 2.

use super::{Capabilities, Further, Listing, NameRules, Pace};

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
    pace: Pace { page: 1000, at_once: 8, memberships: 1 },
};
