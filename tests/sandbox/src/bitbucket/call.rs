//! What a request asks for.

use crate::product::Request;

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    ListUsers,
    CreateUser,
    UpdateUser,
    RenameUser,
    SetPassword,
    DeleteUser,
    FindUsers,
    ReadUser(String),
    ListGroups,
    ListGroupNames,
    CreateGroup,
    DeleteGroup,
    /// Of a group; or those who are none.
    ListMembers {
        are_members: bool,
    },
    /// Which a user is in; or those that it is not in.
    ListGroupsOfUser {
        are_members: bool,
    },
    AddUsers,
    AddGroups,
    AddPair(Order),
    RemovePair(Order),
    ListDirectories,
}

/// What `context` and `itemName` mean in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `context` is the user, `itemName` the group (`GroupPickerContext`).
    UserAndGroup,
    /// `context` is the group, `itemName` the user (`UserPickerContext`).
    GroupAndUser,
}

/// The permission that an endpoint needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Licensed,
    Administrator,
}

impl Call {
    /// Reads the path below `/rest/api/latest`.
    pub(super) fn of(method: &str, segments: &[&str]) -> Option<Self> {
        Some(match (method, segments) {
            ("GET", ["admin", "users"]) => Self::ListUsers,
            ("POST", ["admin", "users"]) => Self::CreateUser,
            ("PUT", ["admin", "users"]) => Self::UpdateUser,
            ("DELETE", ["admin", "users"]) => Self::DeleteUser,
            ("POST", ["admin", "users", "rename"]) => Self::RenameUser,
            ("PUT", ["admin", "users", "credentials"]) => Self::SetPassword,
            ("POST", ["admin", "users", "add-groups"]) => Self::AddGroups,
            ("POST", ["admin", "users", "add-group"]) => Self::AddPair(Order::UserAndGroup),
            ("POST", ["admin", "users", "remove-group"]) => Self::RemovePair(Order::UserAndGroup),
            ("GET", ["admin", "users", "more-members"]) => Self::ListGroupsOfUser { are_members: true },
            ("GET", ["admin", "users", "more-non-members"]) => Self::ListGroupsOfUser { are_members: false },
            ("GET", ["admin", "groups"]) => Self::ListGroups,
            ("POST", ["admin", "groups"]) => Self::CreateGroup,
            ("DELETE", ["admin", "groups"]) => Self::DeleteGroup,
            ("POST", ["admin", "groups", "add-users"]) => Self::AddUsers,
            ("POST", ["admin", "groups", "add-user"]) => Self::AddPair(Order::GroupAndUser),
            ("POST", ["admin", "groups", "remove-user"]) => Self::RemovePair(Order::GroupAndUser),
            ("GET", ["admin", "groups", "more-members"]) => Self::ListMembers { are_members: true },
            ("GET", ["admin", "groups", "more-non-members"]) => Self::ListMembers { are_members: false },
            ("GET", ["admin", "user-directories"]) => Self::ListDirectories,
            ("GET", ["users"]) => Self::FindUsers,
            ("GET", ["users", slug]) => Self::ReadUser((*slug).to_owned()),
            ("GET", ["groups"]) => Self::ListGroupNames,
            _ => return None,
        })
    }

    /// The name by which it is counted. A list with a filter is how one user or group is read.
    pub(super) fn operation(&self, request: &Request) -> &'static str {
        let is_filtered = request.parameter("filter").is_some_and(|filter| !filter.is_empty());
        match self {
            Self::ListUsers if is_filtered => "read user",
            Self::ListGroups if is_filtered => "read group",
            Self::ListUsers => "list users",
            Self::ListGroups => "list groups",
            Self::CreateUser => "create user",
            Self::UpdateUser => "update user",
            Self::RenameUser => "rename user",
            Self::SetPassword => "set password",
            Self::DeleteUser => "delete user",
            Self::FindUsers => "find users",
            Self::ReadUser(_) => "read user",
            Self::ListGroupNames => "list group names",
            Self::CreateGroup => "create group",
            Self::DeleteGroup => "delete group",
            Self::ListMembers { are_members: true } => "list members",
            Self::ListMembers { are_members: false } => "list non-members",
            Self::ListGroupsOfUser { are_members: true } => "list groups of user",
            Self::ListGroupsOfUser { are_members: false } => "list other groups of user",
            Self::AddUsers | Self::AddGroups | Self::AddPair(_) => "add member",
            Self::RemovePair(_) => "remove member",
            Self::ListDirectories => "list directories",
        }
    }

    /// Whether it is an endpoint of administration, even if everybody may read it.
    pub(super) fn is_administration(&self) -> bool {
        !matches!(self, Self::FindUsers | Self::ReadUser(_) | Self::ListGroupNames)
    }

    pub(super) fn need(&self) -> Need {
        let is_read = matches!(
            self,
            Self::ListUsers
                | Self::ListGroups
                | Self::ListMembers { .. }
                | Self::ListGroupsOfUser { .. }
                | Self::FindUsers
                | Self::ReadUser(_)
                | Self::ListGroupNames
        );
        if is_read { Need::Licensed } else { Need::Administrator }
    }
}
