//! Which endpoint a request is for.

use serde_json::Value;

use super::bean::truth;
use crate::product::Request;

/// An endpoint with its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Myself,
    ServerInfo,
    ReadUser,
    CreateUser,
    ChangeUser,
    DeleteUser,
    SetPassword,
    GiveApplication,
    TakeApplication,
    SearchUsers,
    ListUsers,
    ReadGroup,
    CreateGroup,
    DeleteGroup,
    PickGroups,
    ListMembers,
    AddMember,
    RemoveMember,
    /// A known path, but not with this method.
    OtherMethod,
    Unknown,
}

impl Route {
    /// The endpoint below `{context}/rest/api/2/` (or `latest`, which is the same).
    pub(super) fn of(request: &Request, context: &str) -> Self {
        let mut segments = request.segments.iter().map(String::as_str);
        let mut prefix = context.split('/').filter(|part| !part.is_empty()).chain(["rest", "api"]);
        let is_below = prefix.all(|part| segments.next() == Some(part));
        if !is_below || !matches!(segments.next(), Some("2" | "latest")) {
            return Self::Unknown;
        }
        let rest: Vec<&str> = segments.collect();
        match (rest.as_slice(), request.method.as_str()) {
            (["myself"], "GET") => Self::Myself,
            (["serverInfo"], "GET") => Self::ServerInfo,
            (["user"], "GET") => Self::ReadUser,
            (["user"], "POST") => Self::CreateUser,
            (["user"], "PUT") => Self::ChangeUser,
            (["user"], "DELETE") => Self::DeleteUser,
            (["user", "password"], "PUT") => Self::SetPassword,
            (["user", "application"], "POST") => Self::GiveApplication,
            (["user", "application"], "DELETE") => Self::TakeApplication,
            (["user", "search"], "GET") => Self::SearchUsers,
            (["user", "list"], "GET") => Self::ListUsers,
            (["group"], "GET") => Self::ReadGroup,
            (["group"], "POST") => Self::CreateGroup,
            (["group"], "DELETE") => Self::DeleteGroup,
            (["groups", "picker"], "GET") => Self::PickGroups,
            (["group", "member"], "GET") => Self::ListMembers,
            (["group", "user"], "POST") => Self::AddMember,
            (["group", "user"], "DELETE") => Self::RemoveMember,
            (["myself" | "serverInfo" | "user" | "group"], _)
            | (["user", "password" | "application" | "search"], _)
            | (["groups", "picker"] | ["group", "member" | "user"], _) => Self::OtherMethod,
            _ => Self::Unknown,
        }
    }

    /// Whether only administrators may. Whoever is signed in may look at users and search (not published in detail).
    pub(super) fn needs_admin(self) -> bool {
        let open = [
            Self::Myself,
            Self::ServerInfo,
            Self::ReadUser,
            Self::SearchUsers,
            Self::PickGroups,
            Self::OtherMethod,
            Self::Unknown,
        ];
        !open.contains(&self)
    }

    pub(super) fn operation(self, request: &Request) -> &'static str {
        match self {
            Self::ReadUser => "read user",
            Self::CreateUser => "create user",
            Self::ChangeUser => change(request),
            Self::DeleteUser => "delete user",
            Self::SearchUsers | Self::ListUsers => "list users",
            Self::ReadGroup => "read group",
            Self::CreateGroup => "create group",
            Self::DeleteGroup => "delete group",
            Self::PickGroups => "list groups",
            Self::ListMembers => "list members",
            Self::AddMember => "add member",
            Self::RemoveMember => "remove member",
            _ => "other",
        }
    }
}

/// One endpoint changes everything about a user. A new name makes it a rename; `active` and nothing else (but for the
/// name as it is) an enabling or disabling.
fn change(request: &Request) -> &'static str {
    let Some(Value::Object(body)) = request.json() else { return "update user" };
    let name = body.get("name").and_then(Value::as_str);
    let is_renamed = name.is_some_and(|name| request.parameter("username") != Some(name));
    if is_renamed {
        return "rename user";
    }
    let has_more = body.keys().any(|field| field != "name" && field != "active");
    match body.get("active").and_then(truth) {
        Some(active) if !has_more => match active {
            true => "enable user",
            false => "disable user",
        },
        _ => "update user",
    }
}
