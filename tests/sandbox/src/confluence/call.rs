//! What a request asks for.

/// An endpoint, with the names in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    CreateUser,
    UpdateUser(&'a str),
    EnableUser(&'a str),
    DisableUser(&'a str),
    DeleteUser(&'a str),
    SetPassword(&'a str),
    ReadUser,
    ReadAccount,
    ListUsers,
    ListActiveUsers,
    ListGroupsOfUser,
    CreateGroup,
    DeleteGroup(&'a str),
    ListGroups,
    ReadGroup(&'a str),
    ListMembers(&'a str),
    ListChildGroups(&'a str),
    AddMember { user: &'a str, group: &'a str },
    RemoveMember { user: &'a str, group: &'a str },
    ReadTask(&'a str),
}

impl<'a> Call<'a> {
    /// Reads the path below `/rest/api`.
    pub(super) fn of(method: &str, segments: &[&'a str]) -> Option<Self> {
        Some(match (method, segments) {
            ("POST", ["admin", "user"]) => Self::CreateUser,
            ("PUT", ["admin", "user", name]) => Self::UpdateUser(name),
            ("DELETE", ["admin", "user", name]) => Self::DeleteUser(name),
            ("PUT", ["admin", "user", name, "enable"]) => Self::EnableUser(name),
            ("PUT", ["admin", "user", name, "disable"]) => Self::DisableUser(name),
            ("POST", ["admin", "user", name, "password"]) => Self::SetPassword(name),
            ("GET", ["admin", "users", "list", "active"]) => Self::ListActiveUsers,
            ("POST", ["admin", "group"]) => Self::CreateGroup,
            ("DELETE", ["admin", "group", name]) => Self::DeleteGroup(name),
            ("GET", ["group"]) => Self::ListGroups,
            ("GET", ["group", name]) => Self::ReadGroup(name),
            ("GET", ["group", name, "member"]) => Self::ListMembers(name),
            ("GET", ["group", name, "groupmember"]) => Self::ListChildGroups(name),
            ("PUT", ["user", user, "group", group]) => Self::AddMember { user, group },
            ("DELETE", ["user", user, "group", group]) => Self::RemoveMember { user, group },
            ("GET", ["user"]) => Self::ReadUser,
            ("GET", ["user", "current"]) => Self::ReadAccount,
            ("GET", ["user", "list"]) => Self::ListUsers,
            ("GET", ["user", "memberof"]) => Self::ListGroupsOfUser,
            ("GET", ["longtask", task]) => Self::ReadTask(task),
            _ => return None,
        })
    }

    /// The name by which it is counted.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::CreateUser => "create user",
            Self::UpdateUser(_) => "update user",
            Self::EnableUser(_) => "enable user",
            Self::DisableUser(_) => "disable user",
            Self::DeleteUser(_) => "delete user",
            Self::SetPassword(_) => "set password",
            Self::ReadUser => "read user",
            Self::ReadAccount => "read account",
            Self::ListUsers => "list users",
            Self::ListActiveUsers => "list active users",
            Self::ListGroupsOfUser => "list groups of user",
            Self::CreateGroup => "create group",
            Self::DeleteGroup(_) => "delete group",
            Self::ListGroups => "list groups",
            Self::ReadGroup(_) => "read group",
            Self::ListMembers(_) => "list members",
            Self::ListChildGroups(_) => "list child groups",
            Self::AddMember { .. } => "add member",
            Self::RemoveMember { .. } => "remove member",
            Self::ReadTask(_) => "read task",
        }
    }

    /// Whether it is for administrators: all writes, and lists of everybody.
    pub(super) fn needs_administrator(&self) -> bool {
        !matches!(
            self,
            Self::ReadUser
                | Self::ReadAccount
                | Self::ListGroupsOfUser
                | Self::ListGroups
                | Self::ReadGroup(_)
                | Self::ListMembers(_)
                | Self::ListChildGroups(_)
                | Self::ReadTask(_)
        )
    }
}
