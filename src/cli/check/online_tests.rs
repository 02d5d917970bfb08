//! What a person is told about a source, with a source that shows what a test wants.

use async_trait::async_trait;

use super::*;
use crate::cli::output::captured::Seen;
use crate::clock::Clock;
use crate::source::{Changes, Questions, Since, SourceError};
use crate::sync::model::{
    AttributeValue, FindingKind, People, SourceAddress, SourceGroup, SourceUser, Status,
};
use crate::sync::rules::GroupRules;
use crate::sync::rules::{Globs, Scope};

const PLAIN: Style = Style { colors: false };

fn now() -> DateTime<Utc> {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

fn user(number: usize, names: &[CompactString]) -> SourceUser {
    let value = |path: &CompactString| match path.as_str() {
        "profile.login" | "profile.email" => AttributeValue::Text(format!("User{number}@example.com").into()),
        "profile.firstName" => AttributeValue::Text("Ann\u{1b}[2J".into()),
        "profile.lastName" => AttributeValue::Text(format!("No{number}").into()),
        _ => AttributeValue::Absent,
    };
    let status = if number == 2 { Status::Suspended } else { Status::Active };
    SourceUser {
        id: format!("00u{number}").as_str().into(),
        status,
        attributes: names.iter().map(value).collect(),
    }
}

fn group(name: &str) -> SourceGroup {
    SourceGroup {
        members_changed: Default::default(),
        members_from: Default::default(),
        changed: Default::default(),
        id: name.into(),
        name: name.into(),
        description: CompactString::default(),
        everyone: name == "Everyone",
        members: Vec::new(),
        members_proof: Proof::Proven,
    }
}

/// Eight users, the last one first; user2 is suspended. Everyone and two more groups.
fn inspection() -> Inspection {
    let names: std::sync::Arc<[CompactString]> = wanted_attributes(&Rules::default()).into();
    Inspection {
        principal: Ok("admin@example.com".to_owned()),
        roles: Ok(vec!["Read-only Administrator".to_owned()]),
        scopes: None,
        snapshot: SourceSnapshot {
            address: SourceAddress {
                id: Some("00o1".to_owned()),
                origin: "https://acme.okta.com".to_owned(),
            },
            users: (1..=8).rev().map(|number| user(number, &names)).collect(),
            attribute_names: names,
            people: People::default(),
            began: None,
            users_proof: Proof::Proven,
            users_narrowed: false,
            of_one_user: false,
            of_changes: None,
            groups: ["Everyone", "okta-staff", "test"].map(group).into(),
            groups_proof: Proof::Proven,
            unreadable: BTreeSet::new(),
            absences: std::collections::BTreeMap::new(),
            own_groups_asked: BTreeSet::new(),
            findings: Vec::new(),
        },
        unknown_attributes: Ok(Vec::new()),
    }
}

/// A source that answers one question.
struct Shown(Result<Inspection, String>);

#[async_trait]
impl Source for Shown {
    async fn address(&self, _: &RunControl) -> Result<SourceAddress, SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn read(&self, _: &ReadRequest, _: &RunControl) -> Result<SourceSnapshot, SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn read_changes(
        &self,
        _: &mut SourceSnapshot,
        _: &Since,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<Changes, SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn confirm(
        &self,
        _: &mut SourceSnapshot,
        _: &Questions,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<(), SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn read_groups(&self, _: &ReadRequest, _: &RunControl) -> Result<SourceSnapshot, SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn read_user(
        &self,
        _: &str,
        _: &ReadRequest,
        _: &RunControl,
    ) -> Result<SourceSnapshot, SourceError> {
        Err(SourceError::Cancelled)
    }
    async fn inspect(&self, request: &ReadRequest, _: &RunControl) -> Result<Inspection, SourceError> {
        assert!(request.attributes.iter().any(|path| path == "profile.login"), "{request:?}");
        assert!(!(request.wants_members.0)("okta-staff"), "members are not needed");
        self.0.clone().map_err(SourceError::Refused)
    }
}

async fn asked(rules: Rules, shown: Inspection) -> Online {
    ask(&Connector::for_tests(rules), &Shown(Ok(shown)), now()).await
}

fn said(online: &Online) -> String {
    let (output, _, messages): (_, Seen, Seen) = Output::captured(false, Clock::system());
    online.say("acme", &output);
    messages.text()
}

#[tokio::test]
async fn the_source_and_the_first_users_in_scope_are_shown() {
    let online = asked(Rules::default(), inspection()).await;
    assert_eq!(
        online.users,
        Some(UsersSeen { visible: 8, in_scope: 7, out_of_scope: 1, ..UsersSeen::default() })
    );
    insta::assert_snapshot!(online.render(PLAIN), @r"
    source    https://acme.okta.com
    token of  admin@example.com
    roles     Read-only Administrator
    users     8 visible, 7 in scope
    groups    3 visible, 2 in scope
    the first 5 users as the target would get them
      username           email              display_name
      user1@example.com  User1@example.com  Ann\u{1b}[2J No1
      user3@example.com  User3@example.com  Ann\u{1b}[2J No3
      user4@example.com  User4@example.com  Ann\u{1b}[2J No4
      user5@example.com  User5@example.com  Ann\u{1b}[2J No5
      user6@example.com  User6@example.com  Ann\u{1b}[2J No6
    ");
    assert_eq!((said(&online).as_str(), online.errors.len()), ("", 0));
    let document = serde_json::to_value(&online).unwrap();
    assert_eq!(document["mapped"][1]["username"], "user3@example.com");
    assert_eq!(document["roles"][0], "Read-only Administrator");
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_an_error() {
    let refused = Shown(Err("Okta refused the token.\nMake a new one.".to_owned()));
    let online = ask(&Connector::for_tests(Rules::default()), &refused, now()).await;
    assert_eq!(online.render(PLAIN), "  source    https://acme.okta.com\n  it could not be read\n");
    assert_eq!(said(&online), "error: acme: Okta refused the token.\nMake a new one.\n");
}

#[tokio::test]
async fn rules_11_a_required_group_that_is_not_visible_is_an_error() {
    let rules = Rules {
        scope: Scope {
            required_groups: vec!["STAFF".into(), "absent".into()],
            exclude: Globs::new(&["user1@*"]).unwrap(),
            ..Scope::default()
        },
        groups: GroupRules {
            rename: vec![crate::sync::rename::Rename::new("^okta-", "").unwrap()],
            ..GroupRules::default()
        },
        ..Rules::default()
    };
    let online = asked(rules, inspection()).await;
    assert_eq!(online.errors.len(), 1, "{:?}", online.errors);
    assert!(
        online.errors[0].starts_with("scope.required_groups names absent, and no group"),
        "{:?}",
        online.errors
    );
    // Members are not read, so nobody can be said to be in scope; who is out for another reason is.
    assert_eq!(
        online.users,
        Some(UsersSeen { visible: 8, out_of_scope: 2, not_known: 6, ..UsersSeen::default() })
    );
    let text = online.render(PLAIN);
    assert!(text.contains("the first 5 users that may be in scope, as"), "{text}");
    assert!(text.contains("0 in scope, 6 more if their groups say so (scope.required_groups"), "{text}");
    assert_eq!(online.mapped[0].username, "user3@example.com");
}

#[tokio::test]
async fn what_is_not_known_is_a_warning() {
    let mut shown = inspection();
    shown.principal = Err("the answer was 404".to_owned());
    shown.roles = Err("this token may not read its own roles".to_owned());
    shown.unknown_attributes = Ok(vec!["profile.firstName".into()]);
    shown.snapshot.users_proof = Proof::NotProven("page 2 did not parse".to_owned());
    shown.snapshot.findings = (0..12)
        .map(|number| {
            Finding::new(FindingKind::UnreadableRecord, format!("00u{number}"), "it has no profile")
        })
        .collect();
    let online = asked(Rules::default(), shown).await;
    let text = online.render(PLAIN);
    assert!(text.contains("token of  not known\n") && text.contains("roles     not known\n"), "{text}");
    let said = said(&online);
    for expected in [
        "warning: acme: the owner of the token is not known: the answer was 404\n",
        "warning: acme: the role behind the credentials is not known: this token may not read its own roles\n",
        "warning: acme: the list of users was not read to its end (page 2 did not parse)",
        "warning: acme: users of this org have no attribute profile.firstName, so it is always empty; it is named by ",
        "mapping.first_name, ",
        "unreadable_record acme: 00u0: it has no profile\n",
        "… 2 more with --json\n",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in\n{said}");
    }
    assert!(online.errors.is_empty());
}

#[tokio::test]
async fn users_that_share_a_name_have_none_or_are_left_alone_are_counted() {
    use crate::sync::mapping::{Mapping, Template};
    use crate::sync::rules::Protected;
    let username = "{% if id in ['00u1', '00u3', '00u4'] %}{{ 'SAME' if id == '00u4' else 'same' }}\
                    {% elif id in ['00u5', '00u6'] %}{% else %}{{ id }}{% endif %}";
    let rules = Rules {
        mapping: Mapping { username: Template::compile(username).unwrap(), ..Mapping::default() },
        protected: Protected { users: Globs::new(&["00u8"]).unwrap(), groups: Globs::default() },
        ..Rules::default()
    };
    let online = asked(rules, inspection()).await;
    let left_alone = [("mapping.username".to_owned(), 2), ("protected.users".to_owned(), 1)].into();
    assert_eq!(
        online.users,
        Some(UsersSeen { visible: 8, in_scope: 4, out_of_scope: 1, left_alone, not_known: 0 })
    );
    assert_eq!(
        online.warnings,
        [
            "mapping.username gives nothing usable for 2 users, such as User6@example.com: the username is empty; the user is \
             left as it is",
            "3 users share 1 username (such as same): who has the account keeps it, and the others are not synced. Look at \
             mapping.username",
        ]
    );
    let text = online.render(PLAIN);
    assert!(
        text.contains("8 visible, 4 in scope, 3 left alone (mapping.username 2, protected.users 1)\n"),
        "{text}"
    );
    assert!(text.contains("the first 4 users as the target") && !text.contains("00u8"), "{text}");
}

#[tokio::test]
async fn nobody_in_scope_is_a_warning() {
    let rules = Rules {
        scope: Scope { include: Globs::new(&["*@acme.com"]).unwrap(), ..Scope::default() },
        ..Rules::default()
    };
    let online = asked(rules, inspection()).await;
    let expected = "none of 8 visible users is in scope (scope.statuses 1, scope.users.include 7): ";
    assert!(online.warnings.len() == 1 && online.warnings[0].starts_with(expected), "{:?}", online.warnings);
}

#[tokio::test]
async fn nobody_visible_is_a_warning() {
    let mut shown = inspection();
    shown.snapshot.users.clear();
    let online = asked(Rules::default(), shown).await;
    assert!(said(&online).contains("warning: acme: no user is visible"), "{}", said(&online));
    assert!(!online.render(PLAIN).contains("username"));
}

/// What a service app with these scopes and those missing shows.
fn as_app(requested: &[&str], missing: &[&str]) -> Inspection {
    let owned = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Inspection {
        principal: Ok("service app 0oa1".to_owned()),
        roles: Err("the service app has not the scope okta.roles.read".to_owned()),
        scopes: Some(Scopes { requested: owned(requested), missing: owned(missing) }),
        unknown_attributes: Err("the service app has not the scope okta.schemas.read".to_owned()),
        ..inspection()
    }
}

#[tokio::test]
async fn of_a_service_app_the_scopes_are_shown_and_what_it_was_not_to_read_is_no_warning() {
    let online = asked(Rules::default(), as_app(&["okta.groups.read", "okta.users.read"], &[])).await;
    let text = online.render(PLAIN);
    let expected = "  as        service app 0oa1\n  scopes    okta.groups.read, okta.users.read\n  \
                    roles     not known (okta.roles.read shows them)\n";
    assert!(text.contains(expected), "{text}");
    assert_eq!(said(&online), "");
    let document = serde_json::to_value(&online).unwrap();
    assert_eq!(
        document["scopes"],
        serde_json::json!({ "requested": ["okta.groups.read", "okta.users.read"], "missing": [] })
    );
}

#[tokio::test]
async fn what_a_service_app_was_to_read_and_may_not_is_a_warning() {
    let all =
        ["okta.groups.read", "okta.orgs.read", "okta.roles.read", "okta.schemas.read", "okta.users.read"];
    let online = asked(Rules::default(), as_app(&all, &all[1..4])).await;
    assert!(online.render(PLAIN).contains("scopes    okta.groups.read, okta.users.read\n"), "{online:?}");
    let said = said(&online);
    for expected in [
        "the role behind the credentials is not known: the service app has not the scope okta.roles.read\n",
        "which attributes users of this org have is not known: the service app has not the scope okta.schemas.read\n",
        "the service app is not granted okta.orgs.read, which the connector file names; without it nobody notices",
        "the service app is not granted okta.roles.read, which the connector file names. Grant it under Applications",
    ] {
        assert!(said.contains(&format!("warning: acme: {expected}")), "{expected}\n{said}");
    }
}

#[tokio::test]
async fn a_service_app_that_sees_nothing_probably_has_no_role() {
    let mut shown = as_app(&["okta.groups.read", "okta.users.read"], &[]);
    shown.snapshot.users.clear();
    let online = asked(Rules::default(), shown.clone()).await;
    assert!(!said(&online).contains("it probably has no administrator role"), "a group is visible");
    shown.snapshot.groups.clear();
    let online = asked(Rules::default(), shown).await;
    assert!(
        said(&online)
            .contains("neither a user nor a group: it probably has no administrator role. Assign one")
    );
}
