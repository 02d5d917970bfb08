//! The administrator a token belongs to, and the role that tells what the token may see.

use std::fmt;
use std::str::FromStr;

use hyper::body::Bytes;
use serde_json::json;

use super::Status;
use super::clock::stamp;
use super::id::Id;
use super::new_user::NewUser;
use super::org::{Org, UserRow};
use super::record::{Stamps, UserFacts};

/// The administrator's login.
const LOGIN: &str = "okta.admin@example.com";

/// When administrator and role began: 2019-01-01.
const BEGAN: i64 = 1_546_300_800;

/// What `/api/v1/users/{id}/roles` says of the token's owner. It is only what is said: what a role sees is the matter of
/// [`super::Resources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names are Okta's")]
pub enum Role {
    SuperAdmin,
    OrgAdmin,
    AppAdmin,
    UserAdmin,
    GroupMembershipAdmin,
    HelpDeskAdmin,
    #[default]
    ReadOnlyAdmin,
    ReportAdmin,
    /// A custom role, bound to a set of resources.
    Custom,
    /// No role that may be seen: the request for it is refused with 403 E0000006.
    Forbidden,
}

const WORDS: [(Role, &str, &str); 10] = [
    (Role::SuperAdmin, "SUPER_ADMIN", "Super Administrator"),
    (Role::OrgAdmin, "ORG_ADMIN", "Organization Administrator"),
    (Role::AppAdmin, "APP_ADMIN", "Application Administrator"),
    (Role::UserAdmin, "USER_ADMIN", "Group Administrator"),
    (Role::GroupMembershipAdmin, "GROUP_MEMBERSHIP_ADMIN", "Group Membership Administrator"),
    (Role::HelpDeskAdmin, "HELP_DESK_ADMIN", "Help Desk Administrator"),
    (Role::ReadOnlyAdmin, "READ_ONLY_ADMIN", "Read-only Administrator"),
    (Role::ReportAdmin, "REPORT_ADMIN", "Report Administrator"),
    (Role::Custom, "CUSTOM", "Directory sync"),
    (Role::Forbidden, "FORBIDDEN", ""),
];

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(WORDS.iter().find(|(role, ..)| role == self).map_or("", |(_, word, _)| word))
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = WORDS.iter().find(|(_, word, _)| word.eq_ignore_ascii_case(text)).map(|(role, ..)| *role);
        known.ok_or_else(|| {
            let words: Vec<&str> = WORDS.iter().map(|(_, word, _)| *word).collect();
            format!("'{text}' is no role; write one of {}", words.join(", "))
        })
    }
}

impl Role {
    /// The record of this role as assigned to a user.
    pub(crate) fn render(self, user: Id, base: &str) -> (Id, Bytes) {
        let id = Id::derived(if self == Self::Custom { b"irb" } else { b"ra1" }, user, user);
        let label = WORDS.iter().find(|(role, ..)| *role == self).map_or("", |(.., label)| label);
        let link = |path: String| json!({ "href": format!("{base}/api/v1/{path}") });
        let mut role = json!({
            "id": id.as_str(), "label": label, "type": self.to_string(), "status": "ACTIVE",
            "created": stamp(BEGAN), "lastUpdated": stamp(BEGAN), "assignmentType": "USER",
            "_links": { "assignee": link(format!("users/{user}")) },
        });
        if self == Self::Custom {
            let (kind, set) = (Id::derived(b"cr0", user, user), Id::derived(b"iam", user, user));
            role["role"] = kind.as_str().into();
            role["resource-set"] = set.as_str().into();
            role["_links"]["role"] = link(format!("iam/roles/{kind}"));
            role["_links"]["permissions"] = link(format!("iam/roles/{kind}/permissions"));
            role["_links"]["resource-set"] = link(format!("iam/resource-sets/{set}"));
            role["_links"]["member"] = link(format!("iam/resource-sets/{set}/bindings/{kind}/members/{id}"));
        }
        (id, Bytes::from(role.to_string()))
    }
}

/// Whom the token belongs to.
#[derive(Debug)]
pub(crate) enum Owner {
    /// A user of whom no list knows: the service knows it by id and as `me`, that is all.
    Unlisted(Box<UserRow>),
    /// A user like any other, by its place.
    Listed(u32),
}

impl Owner {
    /// An administrator outside of the lists.
    pub(crate) fn unlisted(type_id: Id, random: &mut fastrand::Rng, base: &str) -> Self {
        let stamps = Stamps {
            created: BEGAN,
            activated: Some(BEGAN),
            status_changed: Some(BEGAN),
            last_login: Some(BEGAN),
            last_updated: BEGAN,
            password_changed: Some(BEGAN),
        };
        let id = Id::random(b"00u", random);
        let facts = UserFacts { id, status: Status::Active, stamps, type_id, realm: None };
        Self::Unlisted(Box::new(UserRow::new(facts, &Self::profile(), base)))
    }

    fn profile() -> super::record::Profile {
        NewUser::new(LOGIN).name("Olivia", "Admin").profile()
    }
}

impl Org {
    /// The user whose token it is; none where it was purged.
    pub(crate) fn owner(&self) -> Option<&UserRow> {
        match &self.owner {
            Owner::Unlisted(user) => Some(user),
            Owner::Listed(place) => self.users.get(*place as usize).filter(|user| !user.gone),
        }
    }

    /// The owner of the token by id or login, where no list has it.
    pub(crate) fn unlisted_owner(&self, name: &str) -> Option<&UserRow> {
        match &self.owner {
            Owner::Unlisted(user)
                if user.facts.id.as_str() == name || user.login.eq_ignore_ascii_case(name) =>
            {
                Some(user)
            }
            _ => None,
        }
    }

    /// Makes the administrator a user like any other, at a moment in milliseconds.
    pub(crate) fn list_owner(&mut self, now: i64) {
        if let Ok(place) = self.add_user(Status::Active, &Owner::profile(), now) {
            self.owner = Owner::Listed(place);
        }
    }
}
