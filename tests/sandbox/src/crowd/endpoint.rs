//! Paths: which resource a request is for, and what is done to it.

use super::format::Format;
use crate::product::Request;

/// Whether groups in groups count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    Direct,
    Nested,
}

/// A resource of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'r> {
    User,
    Rename,
    UserAttributes,
    Password,
    Group,
    GroupAttributes,
    /// The users in a group.
    Members(Depth),
    /// The groups that a user is in.
    GroupsOfUser(Depth),
    Children(Depth),
    Parents(Depth),
    Memberships,
    Search,
    Authentication,
    Cookie,
    Sessions,
    Session(&'r str),
    /// Any other path; `event` too, which tells a client that the server is too old to say what changed.
    Unknown,
}

impl<'r> Endpoint<'r> {
    /// Reads a path that is taken apart, below the context path.
    pub(super) fn of(segments: &'r [String], context: &str) -> Self {
        let mut rest = segments.iter().map(String::as_str);
        let context = context.split('/').filter(|part| !part.is_empty());
        let mut prefix = context.chain(["rest", "usermanagement"]);
        if !prefix.all(|part| rest.next() == Some(part)) || !matches!(rest.next(), Some("1" | "latest")) {
            return Self::Unknown;
        }
        match rest.collect::<Vec<_>>().as_slice() {
            ["user"] => Self::User,
            ["user", "rename"] => Self::Rename,
            ["user", "attribute"] => Self::UserAttributes,
            ["user", "password"] => Self::Password,
            ["user", "group", depth] => below(depth, Self::GroupsOfUser),
            ["group"] => Self::Group,
            ["group", "attribute"] => Self::GroupAttributes,
            ["group", "membership"] => Self::Memberships,
            ["group", "user", depth] => below(depth, Self::Members),
            ["group", "child-group", depth] => below(depth, Self::Children),
            ["group", "parent-group", depth] => below(depth, Self::Parents),
            ["search"] => Self::Search,
            ["authentication"] => Self::Authentication,
            ["config", "cookie"] => Self::Cookie,
            ["session"] => Self::Sessions,
            ["session", token] => Self::Session(token),
            _ => Self::Unknown,
        }
    }

    /// The forms that it is written in, the one for clients without a preference first.
    pub(super) fn formats(&self) -> &'static [Format] {
        match self {
            // CWD-3281, CWD-2576: there is no JSON of it.
            Self::Memberships => &[Format::Xml],
            _ => &[Format::Xml, Format::Json],
        }
    }
}

fn below<'r>(word: &str, endpoint: impl Fn(Depth) -> Endpoint<'r>) -> Endpoint<'r> {
    match word {
        "direct" => endpoint(Depth::Direct),
        "nested" => endpoint(Depth::Nested),
        _ => Endpoint::Unknown,
    }
}

/// What a request does, in a few words.
pub(super) fn operation(endpoint: &Endpoint<'_>, request: &Request) -> &'static str {
    match (endpoint, request.method.as_str()) {
        (Endpoint::User, "GET") => "read user",
        (Endpoint::User, "POST") => "create user",
        (Endpoint::User, "PUT") => "update user",
        (Endpoint::User, "DELETE") => "delete user",
        (Endpoint::Rename, "POST") => "rename user",
        (Endpoint::Password, "PUT") => "set password",
        (Endpoint::UserAttributes, "GET") => "read user attributes",
        (Endpoint::UserAttributes, "POST") => "set user attributes",
        (Endpoint::UserAttributes, "DELETE") => "remove user attribute",
        (Endpoint::GroupAttributes, "GET") => "read group attributes",
        (Endpoint::GroupAttributes, "POST") => "set group attributes",
        (Endpoint::GroupAttributes, "DELETE") => "remove group attribute",
        (Endpoint::Group, "GET") => "read group",
        (Endpoint::Group, "POST") => "create group",
        (Endpoint::Group, "PUT") => "update group",
        (Endpoint::Group, "DELETE") => "delete group",
        (Endpoint::Members(_), "GET") => "list members",
        (Endpoint::Members(Depth::Direct) | Endpoint::GroupsOfUser(Depth::Direct), "POST") => "add member",
        (Endpoint::Members(Depth::Direct), "DELETE") => "remove member",
        (Endpoint::GroupsOfUser(_), "GET") => "list groups of user",
        (Endpoint::Children(_), "GET") => "list child groups",
        (Endpoint::Children(Depth::Direct), "POST") => "add child group",
        (Endpoint::Children(Depth::Direct), "DELETE") => "remove child group",
        (Endpoint::Parents(_), "GET") => "list parent groups",
        (Endpoint::Memberships, "GET") => "list memberships",
        (Endpoint::Search, "GET" | "POST") => match request.parameter("entity-type") {
            Some("user") => "list users",
            Some("group") => "list groups",
            _ => "other",
        },
        (Endpoint::Authentication, "POST") => "authenticate",
        (Endpoint::Cookie, "GET") => "read cookie",
        (Endpoint::Sessions, "POST") => "open session",
        (Endpoint::Session(_), "GET" | "POST") => "read session",
        (Endpoint::Session(_), "DELETE") => "close session",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'r>(segments: &'r [String], context: &str) -> Endpoint<'r> {
        Endpoint::of(segments, context)
    }

    #[test]
    fn paths_are_understood_below_the_context_only() {
        for (path, context, expected) in [
            ("crowd/rest/usermanagement/1/user", "/crowd", Endpoint::User),
            (
                "crowd/rest/usermanagement/latest/group/user/nested",
                "crowd/",
                Endpoint::Members(Depth::Nested),
            ),
            ("rest/usermanagement/1/session/t", "", Endpoint::Session("t")),
            ("a/b/rest/usermanagement/1/search", "/a/b", Endpoint::Search),
            ("rest/usermanagement/1/user", "/crowd", Endpoint::Unknown),
            ("crowd/rest/usermanagement/2/user", "/crowd", Endpoint::Unknown),
            ("crowd/rest/usermanagement/1/event", "/crowd", Endpoint::Unknown),
            ("crowd/rest/usermanagement/1/group/user/deep", "/crowd", Endpoint::Unknown),
            ("crowd", "/crowd", Endpoint::Unknown),
        ] {
            let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            assert_eq!(of(&segments, context), expected, "{path}");
        }
    }
}
