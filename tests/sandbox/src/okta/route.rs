//! Paths: which endpoint a request is for, and which rate limit it counts against.

use std::fmt;
use std::str::FromStr;

use super::limits::Bucket;
use super::query::decode;

/// The endpoints, for counts and faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Every one of them (faults only).
    Any,
    /// `/api/v1/users`.
    Users,
    /// `/api/v1/users/{id or login}`.
    User,
    /// `/api/v1/users/{id or login}/groups`.
    UserGroups,
    /// `/api/v1/groups`.
    Groups,
    /// `/api/v1/groups/{id}`.
    Group,
    /// `/api/v1/groups/{id}/users`.
    Members,
    /// `/api/v1/apps/{id}/users`.
    AppUsers,
    /// `/api/v1/apps/{id}/users/{user}`.
    AppUser,
    /// `/api/v1/apps/{id}/groups`.
    AppGroups,
    /// `/api/v1/apps/{id}/groups/{group}`.
    AppGroup,
    /// `/api/v1/apps/{id}`.
    App,
    /// `/api/v1/users/me`.
    Me,
    /// `/api/v1/users/{id or login}/roles`.
    Roles,
    /// `/api/v1/meta/schemas/user/{id or default}`.
    Schema,
    /// `/api/v1/org`.
    Org,
    /// `/oauth2/v1/token`.
    Token,
    /// Any other path.
    Other,
}

const WORDS: [(&str, Route); 18] = [
    ("any", Route::Any),
    ("users", Route::Users),
    ("user", Route::User),
    ("user-groups", Route::UserGroups),
    ("groups", Route::Groups),
    ("group", Route::Group),
    ("members", Route::Members),
    ("app-users", Route::AppUsers),
    ("app-user", Route::AppUser),
    ("app-groups", Route::AppGroups),
    ("app-group", Route::AppGroup),
    ("app", Route::App),
    ("me", Route::Me),
    ("roles", Route::Roles),
    ("schema", Route::Schema),
    ("org", Route::Org),
    ("token", Route::Token),
    ("other", Route::Other),
];

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(WORDS.iter().find(|(_, route)| route == self).map_or("", |(word, _)| word))
    }
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = WORDS.iter().find(|(word, _)| *word == text).map(|(_, route)| *route);
        known.ok_or_else(|| {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            format!("'{text}' is no route; write one of {}", words.join(", "))
        })
    }
}

/// A path that was understood, with its decoded parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Users,
    User(String),
    UserGroups(String),
    Groups,
    Group(String),
    Members(String),
    AppUsers(String),
    AppUser(String, String),
    AppGroups(String),
    AppGroup(String, String),
    App(String),
    Me,
    Roles(String),
    Schema(String),
    Org,
    Token,
    Unknown,
}

impl Address {
    /// Reads a path, without its query.
    pub(crate) fn parse(path: &str) -> Self {
        if path == "/oauth2/v1/token" {
            return Self::Token;
        }
        let Some(rest) = path.strip_prefix("/api/v1/") else { return Self::Unknown };
        let parts: Vec<&str> = rest.split('/').collect();
        let name = |part: &str| decode(part, false);
        match parts.as_slice() {
            ["users"] => Self::Users,
            ["users", "me"] => Self::Me,
            ["users", user] if !user.is_empty() => Self::User(name(user)),
            ["users", user, "groups"] if !user.is_empty() => Self::UserGroups(name(user)),
            ["users", user, "roles"] if !user.is_empty() => Self::Roles(name(user)),
            ["groups"] => Self::Groups,
            ["groups", group] if !group.is_empty() && *group != "rules" => Self::Group(name(group)),
            ["groups", group, "users"] if !group.is_empty() => Self::Members(name(group)),
            ["apps", app] if !app.is_empty() => Self::App(name(app)),
            ["apps", app, "users"] => Self::AppUsers(name(app)),
            ["apps", app, "users", user] if !user.is_empty() => Self::AppUser(name(app), name(user)),
            ["apps", app, "groups"] => Self::AppGroups(name(app)),
            ["apps", app, "groups", group] if !group.is_empty() => Self::AppGroup(name(app), name(group)),
            ["meta", "schemas", "user", schema] => Self::Schema(name(schema)),
            ["org"] => Self::Org,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn route(&self) -> Route {
        match self {
            Self::Users => Route::Users,
            Self::User(_) => Route::User,
            Self::UserGroups(_) => Route::UserGroups,
            Self::Groups => Route::Groups,
            Self::Group(_) => Route::Group,
            Self::Members(_) => Route::Members,
            Self::AppUsers(_) => Route::AppUsers,
            Self::AppUser(..) => Route::AppUser,
            Self::AppGroups(_) => Route::AppGroups,
            Self::AppGroup(..) => Route::AppGroup,
            Self::App(_) => Route::App,
            Self::Me => Route::Me,
            Self::Roles(_) => Route::Roles,
            Self::Schema(_) => Route::Schema,
            Self::Org => Route::Org,
            Self::Token => Route::Token,
            Self::Unknown => Route::Other,
        }
    }

    /// Members count against the groups, groups and roles of a user against the users, all below an application
    /// against the applications: see [`Bucket`].
    pub(crate) fn bucket(&self) -> Bucket {
        match self {
            Self::Users | Self::UserGroups(_) | Self::Roles(_) => Bucket::Users,
            Self::User(_) | Self::Me => Bucket::User,
            Self::Groups | Self::Members(_) => Bucket::Groups,
            Self::Group(_) => Bucket::Group,
            Self::AppUsers(_) | Self::AppUser(..) | Self::AppGroups(_) | Self::AppGroup(..) => Bucket::Apps,
            Self::App(_) => Bucket::App,
            Self::Token => Bucket::Token,
            Self::Schema(_) | Self::Org | Self::Unknown => Bucket::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_understood() {
        for (path, expected) in [
            ("/api/v1/users", Address::Users),
            ("/api/v1/users/zo%C3%AB%40example.com", Address::User("zoë@example.com".to_owned())),
            ("/api/v1/users/x/groups", Address::UserGroups("x".to_owned())),
            ("/api/v1/groups/g/users", Address::Members("g".to_owned())),
            ("/api/v1/users/me", Address::Me),
            ("/api/v1/users/x/roles", Address::Roles("x".to_owned())),
            ("/api/v1/apps/a", Address::App("a".to_owned())),
            ("/api/v1/apps/a/users", Address::AppUsers("a".to_owned())),
            ("/api/v1/apps/a/users/u", Address::AppUser("a".to_owned(), "u".to_owned())),
            ("/api/v1/apps/a/groups", Address::AppGroups("a".to_owned())),
            ("/api/v1/apps/a/groups/g", Address::AppGroup("a".to_owned(), "g".to_owned())),
            ("/api/v1/meta/schemas/user/default", Address::Schema("default".to_owned())),
            ("/oauth2/v1/token", Address::Token),
            ("/oauth2/default/v1/token", Address::Unknown),
            ("/api/v1/groups/", Address::Unknown),
            ("/api/v1/apps/", Address::Unknown),
            ("/api/v1/apps", Address::Unknown),
            ("/", Address::Unknown),
        ] {
            assert_eq!(Address::parse(path), expected, "{path}");
        }
    }
}
