//! One event of the System Log, and its JSON (published: LogEvent).

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::clock::precise_stamp;
use super::id::Id;
use super::search::Present;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    UserCreated,
    UserActivated,
    UserDeactivated,
    UserSuspended,
    UserUnsuspended,
    UserDeletionBegun,
    UserDeleted,
    ProfileUpdated,
    PrimaryEmailUpdated,
    Locked,
    Unlocked,
    GroupCreated,
    GroupDeleted,
    GroupProfileUpdated,
    MemberAdded,
    MemberRemoved,
    AppUserAdded,
    AppUserRemoved,
    AppGroupAdded,
    AppGroupRemoved,
}

impl EventKind {
    /// `eventType` and `displayMessage`.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::UserCreated => ("user.lifecycle.create", "Create Okta user"),
            Self::UserActivated => ("user.lifecycle.activate", "Activate Okta user"),
            Self::UserDeactivated => ("user.lifecycle.deactivate", "Deactivate Okta user"),
            Self::UserSuspended => ("user.lifecycle.suspend", "Suspend Okta user"),
            Self::UserUnsuspended => ("user.lifecycle.unsuspend", "Unsuspend Okta user"),
            Self::UserDeletionBegun => ("user.lifecycle.delete.initiated", "Delete Okta user initiated"),
            Self::UserDeleted => ("user.lifecycle.delete.completed", "Delete Okta user completed"),
            Self::ProfileUpdated => ("user.account.update_profile", "Update user profile for Okta"),
            Self::PrimaryEmailUpdated => {
                ("user.account.update_primary_email", "Update primary email address")
            }
            Self::Locked => ("user.account.lock", "Max sign-in attempts exceeded"),
            Self::Unlocked => ("user.account.unlock", "Unlock user account"),
            Self::GroupCreated => ("group.lifecycle.create", "Create Okta group"),
            Self::GroupDeleted => ("group.lifecycle.delete", "Delete Okta group"),
            Self::GroupProfileUpdated => ("group.profile.update", "Update Okta group"),
            Self::MemberAdded => ("group.user_membership.add", "Add user to group membership"),
            Self::MemberRemoved => ("group.user_membership.remove", "Remove user from group membership"),
            Self::AppUserAdded => ("application.user_membership.add", "Add user to application membership"),
            Self::AppUserRemoved => {
                ("application.user_membership.remove", "Remove user from application membership")
            }
            Self::AppGroupAdded => ("group.application_assignment.add", "Add assigned application to group"),
            Self::AppGroupRemoved => {
                ("group.application_assignment.remove", "Remove assigned application from group")
            }
        }
    }

    /// `eventType`.
    pub(crate) fn as_str(self) -> &'static str {
        self.words().0
    }
}

/// What an event happened to, as it was called then.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: Id,
    /// `User`, `UserGroup`, `AppInstance` or `AppUser`.
    pub(crate) kind: &'static str,
    pub(crate) alternate: Box<str>,
    pub(crate) display: Box<str>,
}

/// Where an event stands: a moment in milliseconds, and its number.
pub(crate) type Position = (i64, u64);

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// Milliseconds since the epoch: when it happened, and when the log had it.
    pub(crate) published: i64,
    pub(crate) persisted: i64,
    /// Counts the entries of the log; one that was written twice has two of them, and one uuid.
    pub(crate) number: u64,
    pub(crate) uuid: u128,
    pub(crate) targets: Vec<Target>,
    /// The profile attributes that changed, if it was a profile.
    pub(crate) changed: Box<str>,
}

impl Event {
    /// Where it stands for those who follow the log.
    pub(crate) fn position(&self) -> Position {
        (self.persisted, self.number)
    }

    /// An id as faults name records: the first 20 digits of the uuid.
    pub(crate) fn short_id(&self) -> Id {
        Id::parse(&format!("{:032x}", self.uuid)[..20]).unwrap_or(Id::ZERO)
    }

    pub(crate) fn uuid(&self) -> String {
        let digits = format!("{:032x}", self.uuid);
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        parts.join("-")
    }

    /// The event as the log shows it.
    pub(crate) fn render(&self, actor: Id) -> Bytes {
        let (kind, message) = self.kind.words();
        let targets = self.targets.iter().map(|target| {
            json!({
                "id": target.id.as_str(), "type": target.kind, "alternateId": target.alternate,
                "displayName": target.display, "detailEntry": null,
            })
        });
        let debug = match self.changed.is_empty() {
            true => json!({}),
            false => json!({ "changedAttributes": self.changed }),
        };
        let event = json!({
            "uuid": self.uuid(), "published": precise_stamp(self.published), "eventType": kind,
            "version": "0", "severity": "INFO", "legacyEventType": null, "displayMessage": message,
            "actor": {
                "id": actor.as_str(), "type": "User", "alternateId": ACTOR.0, "displayName": ACTOR.1,
                "detailEntry": null,
            },
            "client": {
                "userAgent": null, "zone": null, "device": null, "id": null, "ipAddress": null,
                "geographicalContext": null,
            },
            "device": null,
            "authenticationContext": {
                "authenticationProvider": null, "credentialProvider": null, "credentialType": null,
                "issuer": null, "interface": null, "authenticationStep": 0, "externalSessionId": "unknown",
            },
            "outcome": { "result": "SUCCESS", "reason": null },
            "target": targets.collect::<Vec<_>>(),
            "transaction": { "type": "WEB", "id": self.transaction(), "detail": {} },
            "debugContext": { "debugData": debug },
            "securityContext": {
                "asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": null,
            },
            "request": { "ipChain": [] },
        });
        Bytes::from(event.to_string())
    }

    /// What happens at one moment is one transaction.
    fn transaction(&self) -> String {
        format!("reqStandIn{:x}", self.published)
    }

    /// What a filter may ask of it.
    pub(crate) fn attribute(&self, name: &str, actor: Id) -> Option<Present> {
        let text = match name {
            "published" => return Some(Present::Moment(self.published)),
            "eventType" => self.kind.as_str().to_owned(),
            "displayMessage" => self.kind.words().1.to_owned(),
            "uuid" => self.uuid(),
            "severity" => "INFO".to_owned(),
            "outcome.result" => "SUCCESS".to_owned(),
            "transaction.id" => self.transaction(),
            "actor.id" => actor.to_string(),
            "actor.type" => "User".to_owned(),
            "actor.alternateId" => ACTOR.0.to_owned(),
            "actor.displayName" => ACTOR.1.to_owned(),
            _ => {
                let field = name.strip_prefix("target.")?;
                let values = self.targets.iter().map(|target| match field {
                    "id" => target.id.as_str(),
                    "type" => target.kind,
                    "alternateId" => &target.alternate,
                    _ => &target.display,
                });
                return Some(Present::Json(values.map(Value::from).collect()));
            }
        };
        Some(Present::Json(text.into()))
    }
}

/// Who made all changes, as the log calls them: `alternateId` and `displayName`.
const ACTOR: (&str, &str) = ("directory.admin@example.com", "Directory Admin");
