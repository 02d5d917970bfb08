//! Where SCIM services differ from each other, one switch per difference.

use std::collections::BTreeSet;

/// How a service behaves in all that RFC 7643 and 7644 leave open, or that services do otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// PATCH is supported; else it is refused with 501 and only PUT changes anything.
    pub patch: bool,
    /// What a PATCH that succeeded is answered with.
    pub patch_answer: PatchAnswer,
    /// `Add` and `REPLACE` are taken for `add` and `replace`.
    pub capitalised_operations: bool,
    /// A PATCH whose list is called `operations` is understood; else it is 400 `invalidValue`.
    pub lower_case_operations: bool,
    /// Paths with a filter, such as `members[value eq "…"]`, are understood in a PATCH; else they are 400 `invalidPath`.
    pub filter_paths: bool,
    /// `remove` with a list of values takes these away; else it is 400 `invalidValue`.
    pub removal_by_value: bool,
    /// `"True"` and `"false"` are taken for booleans; else they are 400 `invalidValue`.
    pub string_booleans: bool,
    /// What becomes of attributes that are in no schema.
    pub unknown_attributes: UnknownAttributes,
    /// The enterprise extension of RFC 7643, section 4.3, is a part of users.
    pub enterprise: bool,
    /// The schema of users, the account ids and the refusals of 401 and 403 are those of Atlassian Cloud.
    pub atlassian: bool,
    /// Which filters lists understand.
    pub filtering: Filtering,
    /// Filters compare every text with case; else only what the schema calls `caseExact`.
    pub exact_filters: bool,
    /// The filter `members eq "…"` is understood; `members.value eq "…"` is in any case.
    pub members_equal: bool,
    /// How `startIndex` and `count` are obeyed.
    pub paging: Paging,
    /// How many a page has when `count` is not given.
    pub page_size: usize,
    /// More than so many are never on a page.
    pub max_results: Option<usize>,
    /// What `itemsPerPage` tells.
    pub items_per_page: ItemsPerPage,
    /// By so many `totalResults` is other on pages that do not begin at 1, as when others write meanwhile.
    pub total_drift: i64,
    /// A page that does not begin at 1 begins with the last one of the page before, and its own last one is missing.
    pub repeats_across_pages: bool,
    /// Groups have their members in lists; else only where one group is read.
    pub members_in_lists: bool,
    /// Groups without members have `"members": []`; else no `members`.
    pub empty_members: bool,
    /// What becomes of the members that a group is created with.
    pub new_members: NewMembers,
    /// What is told of a member.
    pub member_details: MemberDetails,
    /// Adding a member again gives a second entry.
    pub duplicate_members: bool,
    /// What becomes of members that do not exist.
    pub unknown_members: UnknownMembers,
    /// More changes of members in one PATCH than this are refused.
    pub member_changes_per_patch: Option<Limit>,
    /// More members in one request than this are refused.
    pub members_per_request: Option<Limit>,
    /// A second group of a name is refused with 409.
    pub unique_group_names: bool,
    /// A group cannot be renamed: 400 `mutability`.
    pub fixed_group_names: bool,
    /// `userName` may be an empty text.
    pub empty_user_names: bool,
    /// A user cannot be created without a password: 400 `invalidValue`.
    pub password_required: bool,
    /// A user needs an e-mail address that is marked as primary: 400 `invalidValue`.
    pub primary_email_required: bool,
    /// Only addresses of these domains are accepted: 400 `invalidValue`; none: all of them.
    pub verified_domains: Option<BTreeSet<String>>,
    /// A user of whom `active` was never said is shown as active; else without `active`.
    pub default_active: bool,
    /// What DELETE of a user does.
    pub deletion: Deletion,
    /// Users have the groups that they are in.
    pub user_groups: bool,
    /// `attributes` and `excludedAttributes` are obeyed, and exclude each other (400 `invalidValue`); else ignored.
    pub projection: bool,
    /// How resources tell where they are.
    pub locations: Locations,
    /// Whether versions are told and checked.
    pub etags: Etags,
    /// ServiceProviderConfig is told without a token.
    pub open_configuration: bool,
}

/// What a PATCH that succeeded is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchAnswer {
    /// Always 204.
    NoContent,
    /// Always 200 with the whole resource.
    Resource,
    /// 200 with the whole resource, or 204 if nothing is different.
    ResourceIfChanged,
}

/// What becomes of attributes that are in no schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAttributes {
    /// 400: `invalidSyntax` in a resource, `invalidPath` or `invalidValue` in a PATCH.
    Refused,
    /// They are left out without a word.
    Dropped,
    /// They are kept as they are.
    Kept,
}

/// Which filters lists understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// All of RFC 7644, section 3.4.2.2.
    Full,
    /// One `eq` alone, on `userName` or `externalId` of users or on `displayName` of groups; else 400 `invalidFilter`.
    SingleEquals,
    /// None: a filter is refused with this status.
    Refused(u16),
}

/// How `startIndex` and `count` are obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// As RFC 7644, section 3.4.2.4, says.
    Correct,
    /// Not at all: always the first page of [`Dialect::page_size`].
    FirstPageOnly,
    /// As the RFC says, but past the end the first page comes instead of an empty one.
    RestartsPastEnd,
}

/// What `itemsPerPage` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemsPerPage {
    /// How many resources the page has.
    Returned,
    /// How many were asked for.
    Asked,
}

/// What is told of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberDetails {
    /// Its id, and `display`, `type` and `$ref` as the client gave them.
    AsGiven,
    /// Its id, and `display`, `type` and `$ref` as the service knows them.
    Known,
}

/// What becomes of the members that a group is created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewMembers {
    /// The group has them, and the answer shows them.
    Told,
    /// The group has them, and the answer does not show them.
    Untold,
    /// The group is created without them.
    Dropped,
    /// Such a group is refused with 400.
    Refused,
}

/// What becomes of members that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownMembers {
    /// Their ids are kept like any other.
    Kept,
    /// 404 in a PATCH and 400 in a PUT or POST. Groups cannot be members either.
    Refused,
}

/// A number that may not be exceeded, and the status of the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many are accepted.
    pub most: usize,
    /// What more are refused with.
    pub status: u16,
}

/// What DELETE of a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is removed, and its id stays in the groups that it was in.
    LeavesMemberships,
    /// It is removed, and its memberships with it.
    Clean,
    /// It is deactivated, its memberships end, and its id is not known any more. As Atlassian's documentation says, only a
    /// new record brings it back: a POST with its e-mail address, which gives the account a new id.
    Deactivates,
}

/// How resources tell where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locations {
    /// `Location` header and `meta.location`, both as a whole address.
    Absolute,
    /// No header, and a path in `meta.location`.
    Relative,
}

/// Whether versions are told and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Etags {
    /// There are none.
    Off,
    /// `ETag` header and `meta.version`; `If-Match` of another version is refused with 412.
    Checked,
    /// `ETag` header only; announced as not supported, and `If-Match` is ignored.
    Unchecked,
}

impl Default for Dialect {
    /// The reference.
    fn default() -> Self {
        Self::reference()
    }
}

impl Dialect {
    /// What scim2-server 0.8.3 does, as seen.
    pub fn reference() -> Self {
        Self {
            patch: true,
            patch_answer: PatchAnswer::NoContent,
            capitalised_operations: true,
            lower_case_operations: true,
            filter_paths: true,
            removal_by_value: false,
            string_booleans: true,
            unknown_attributes: UnknownAttributes::Refused,
            enterprise: true,
            atlassian: false,
            filtering: Filtering::Full,
            exact_filters: false,
            members_equal: true,
            paging: Paging::Correct,
            page_size: 1000,
            max_results: Some(1000),
            items_per_page: ItemsPerPage::Returned,
            total_drift: 0,
            repeats_across_pages: false,
            members_in_lists: true,
            empty_members: false,
            new_members: NewMembers::Told,
            member_details: MemberDetails::AsGiven,
            duplicate_members: false,
            unknown_members: UnknownMembers::Kept,
            member_changes_per_patch: None,
            members_per_request: None,
            unique_group_names: false,
            fixed_group_names: false,
            empty_user_names: true,
            password_required: false,
            primary_email_required: false,
            verified_domains: None,
            default_active: false,
            deletion: Deletion::LeavesMemberships,
            user_groups: false,
            projection: true,
            locations: Locations::Absolute,
            etags: Etags::Checked,
            open_configuration: true,
        }
    }

    /// What another public SCIM server does, as seen. It comes with two kinds of paging, depending on the framework that
    /// it is built into: this is the better one, [`Paging::FirstPageOnly`] is the other.
    pub fn other() -> Self {
        Self {
            patch_answer: PatchAnswer::ResourceIfChanged,
            lower_case_operations: false,
            removal_by_value: true,
            string_booleans: false,
            unknown_attributes: UnknownAttributes::Dropped,
            exact_filters: true,
            members_equal: false,
            paging: Paging::RestartsPastEnd,
            page_size: 20,
            max_results: None,
            items_per_page: ItemsPerPage::Asked,
            empty_members: true,
            duplicate_members: true,
            unique_group_names: true,
            locations: Locations::Relative,
            etags: Etags::Unchecked,
            // Not recorded: whether `active` is told that was never said, and whether the configuration is open.
            default_active: true,
            open_configuration: false,
            ..Self::reference()
        }
    }

    /// What Atlassian's documentation and published OpenAPI say about user provisioning in Atlassian Cloud.
    ///
    /// Not published, and therefore assumed: that `operations` in lower case, capitalised operations, strings as booleans,
    /// filters in paths and `remove` with a list are understood; that unknown attributes are dropped; that `userName` and
    /// `displayName` are compared without case; that lists of groups have the members; that DELETE ends memberships; that
    /// there are no versions; that the configuration needs the key.
    pub fn cloud() -> Self {
        Self {
            patch_answer: PatchAnswer::Resource,
            removal_by_value: true,
            unknown_attributes: UnknownAttributes::Dropped,
            enterprise: false,
            atlassian: true,
            filtering: Filtering::SingleEquals,
            members_equal: false,
            page_size: 100,
            max_results: Some(100),
            empty_members: true,
            member_details: MemberDetails::Known,
            unknown_members: UnknownMembers::Refused,
            unique_group_names: true,
            fixed_group_names: true,
            empty_user_names: false,
            primary_email_required: true,
            // A later support page allows all of them: for that, none.
            verified_domains: Some(BTreeSet::from(["example.com".to_owned()])),
            default_active: true,
            deletion: Deletion::Deactivates,
            user_groups: true,
            etags: Etags::Off,
            open_configuration: false,
            ..Self::reference()
        }
    }
}
