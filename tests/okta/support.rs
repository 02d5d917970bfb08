//! What the tests of the Okta source share: a stand-in, a source that reads it, and what should come out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sandbox::okta::{NewUser, Okta as StandIn, Options};
use tempfile::TempDir;
use usersyncd::clock::Clock;
use usersyncd::config::model::{Auth, OktaSettings, SecretRef, ServiceApp};
use usersyncd::http::{Patience, Shared};
use usersyncd::source::okta::{Okta, SignIns};
use usersyncd::source::{GroupFilter, Questions, ReadRequest, Source, SourceError};
use usersyncd::sync::model::{Absence, AttributeValue, Proof, SourceGroup, SourceSnapshot};
use usersyncd::sync::progress::RunControl;
use usersyncd::telemetry::metrics::Metrics;

/// The client id of the service app of these tests.
pub(crate) const CLIENT: &str = "0oa1service";

/// A stand-in and a source that reads it.
pub(crate) struct Bench {
    pub(crate) okta: StandIn,
    pub(crate) source: Okta,
    pub(crate) control: RunControl,
    pub(crate) shared: Shared,
    pub(crate) sign_ins: SignIns,
    secrets: TempDir,
}

impl Bench {
    pub(crate) async fn start(options: Options) -> Self {
        Self::start_with(options, patience(), 100).await
    }

    pub(crate) async fn start_with(options: Options, patience: Patience, budget: u8) -> Self {
        let okta = StandIn::start(options).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let shared = Shared::with_patience(Metrics::new(), patience).unwrap();
        let settings = settings(&secrets, okta.url(), okta.token(), budget);
        let sign_ins = SignIns::new(Clock::system());
        let source = Okta::new(settings, &shared, &sign_ins);
        Self { okta, source, control: RunControl::default(), shared, sign_ins, secrets }
    }

    /// Another connector of the same process that reads the same org.
    pub(crate) fn another(&self, budget: u8) -> Okta {
        self.reading(settings(&self.secrets, self.okta.url(), self.okta.token(), budget))
    }

    /// A source that reads another address.
    pub(crate) fn at(&self, url: &str) -> Okta {
        self.reading(settings(&self.secrets, url, self.okta.token(), 100))
    }

    /// A source whose connector asks for a part of the org only.
    pub(crate) fn scoped(&self, narrow: impl FnOnce(&mut OktaSettings)) -> Okta {
        let mut settings = settings(&self.secrets, self.okta.url(), self.okta.token(), 100);
        narrow(&mut settings);
        self.reading(settings)
    }

    /// A source that signs in as the service app [`CLIENT`] with this private key.
    pub(crate) fn signing_in(
        &self,
        key: &str,
        change: impl FnOnce(&mut OktaSettings, &mut ServiceApp),
    ) -> Okta {
        self.signing_in_with(&self.sign_ins, key, change)
    }

    /// The same in another process.
    pub(crate) fn signing_in_with(
        &self,
        sign_ins: &SignIns,
        key: &str,
        change: impl FnOnce(&mut OktaSettings, &mut ServiceApp),
    ) -> Okta {
        let place = self.secrets.path().join("key");
        std::fs::write(&place, key).unwrap();
        let mut app = ServiceApp {
            client_id: CLIENT.to_owned(),
            private_key: SecretRef::File(place),
            key_id: None,
            algorithm: None,
            scopes: ["okta.groups.read", "okta.orgs.read", "okta.users.read"].map(str::to_owned).into(),
        };
        let mut settings = settings(&self.secrets, self.okta.url(), self.okta.token(), 100);
        change(&mut settings, &mut app);
        settings.auth = Auth::ServiceApp(app);
        Okta::new(settings, &self.shared, sign_ins)
    }

    /// A source of this process with these settings.
    fn reading(&self, settings: OktaSettings) -> Okta {
        Okta::new(settings, &self.shared, &self.sign_ins)
    }

    /// The stand-in's host and port, as messages name it.
    pub(crate) fn host(&self) -> String {
        self.okta.url().trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// A source that uses another token.
    pub(crate) fn with_token(&self, token: &str) -> Okta {
        self.reading(settings(&self.secrets, self.okta.url(), token, 100))
    }

    pub(crate) async fn try_read(&self) -> Result<SourceSnapshot, SourceError> {
        self.source.read(&request(), &self.control).await
    }

    pub(crate) async fn read(&self) -> SourceSnapshot {
        self.try_read().await.unwrap()
    }

    pub(crate) async fn read_as(&self, request: &ReadRequest) -> SourceSnapshot {
        self.source.read(request, &self.control).await.unwrap()
    }

    /// Reads, then asks for these records.
    pub(crate) async fn confirm(&self, users: &[&str], groups: &[&str]) -> SourceSnapshot {
        let mut snapshot = self.read().await;
        self.ask(&self.source, &mut snapshot, users, groups).await;
        snapshot
    }

    /// Asks a source for these records.
    pub(crate) async fn ask(
        &self,
        source: &Okta,
        snapshot: &mut SourceSnapshot,
        users: &[&str],
        groups: &[&str],
    ) {
        let questions = Questions {
            users: users.iter().map(|id| (*id).into()).collect(),
            groups: groups.iter().map(|id| (*id).into()).collect(),
            ..Questions::default()
        };
        source.confirm(snapshot, &questions, &request(), &self.control).await.unwrap();
    }

    /// Whether users, groups and memberships are exactly what the stand-in's org has.
    pub(crate) fn assert_whole(&self, snapshot: &SourceSnapshot) {
        assert_eq!(users_proof(snapshot), None);
        assert_eq!(groups_proof(snapshot), None);
        assert_eq!(unproven_groups(snapshot), BTreeMap::new());
        let org = self.okta.org();
        let listed = org.users().into_iter().filter(|user| user.status.as_str() != "DEPROVISIONED");
        let expected: BTreeMap<_, _> =
            listed.map(|user| (user.id, (user.login, user.status.as_str().to_owned()))).collect();
        assert_eq!(users(snapshot), expected);
        for group in org.groups() {
            let read = group_of(snapshot, &group.id);
            assert_eq!(read.name, group.name);
            assert_eq!(read.everyone, group.kind == "BUILT_IN");
            if !read.everyone {
                assert_eq!(
                    members(snapshot, &group.id),
                    org.members(&group.id).into_iter().collect(),
                    "{}",
                    group.name
                );
            }
        }
        assert_eq!(snapshot.groups.len(), org.groups().len());
    }
}

fn settings(secrets: &TempDir, url: &str, token: &str, rate_budget: u8) -> OktaSettings {
    let path = secrets.path().join(format!("token-{}", token.len()));
    std::fs::write(&path, format!("{token}\n")).unwrap();
    OktaSettings {
        authorities: None,
        origin: url.parse().unwrap(),
        auth: Auth::ApiToken(SecretRef::File(path)),
        rate_budget,
        skinny_users: false,
        users_search: None,
        groups_search: None,
        app: None,
    }
}

/// As patient as in service, with pauses and time-outs that a test can wait for.
pub(crate) fn patience() -> Patience {
    Patience { first_pause: Duration::from_millis(2), ..Patience::default() }
}

/// As [`patience`], for servers that are silent.
pub(crate) fn impatience() -> Patience {
    Patience { silence: Duration::from_millis(300), tries: 2, ..patience() }
}

/// Everything, with the attributes of the default mapping.
pub(crate) fn request() -> ReadRequest {
    ReadRequest {
        attributes: ["displayName", "email", "firstName", "lastName", "login"]
            .map(|name| format!("profile.{name}").into())
            .into(),
        wants_members: GroupFilter(Arc::new(|_| true)),
        decides: GroupFilter::none(),
        groups_with_memberships: BTreeSet::new(),
        member_lists: Arc::default(),
    }
}

/// id -> (login, status)
pub(crate) fn users(snapshot: &SourceSnapshot) -> BTreeMap<String, (String, String)> {
    let login = snapshot.attribute_names.iter().position(|name| name == "profile.login").unwrap();
    let users = snapshot.users.iter().map(|user| {
        let AttributeValue::Text(login) = &user.attributes[login] else { panic!("{user:?} has no login") };
        (user.id.to_string(), (login.to_string(), user.status.as_str().to_owned()))
    });
    let users: Vec<_> = users.collect();
    let count = users.len();
    let users: BTreeMap<_, _> = users.into_iter().collect();
    assert_eq!(users.len(), count, "some users are doubled");
    users
}

pub(crate) fn group_of<'a>(snapshot: &'a SourceSnapshot, id: &str) -> &'a SourceGroup {
    snapshot.groups.iter().find(|group| group.id.0 == id).unwrap_or_else(|| panic!("group {id} was not read"))
}

/// Ids of the users that were read.
pub(crate) fn user_ids(snapshot: &SourceSnapshot) -> BTreeSet<String> {
    users(snapshot).into_keys().collect()
}

/// Ids of the groups that were read.
pub(crate) fn group_ids(snapshot: &SourceSnapshot) -> BTreeSet<String> {
    snapshot.groups.iter().map(|group| group.id.to_string()).collect()
}

/// What became of records that are absent or out of scope.
pub(crate) fn absences(snapshot: &SourceSnapshot) -> BTreeMap<String, Absence> {
    snapshot.absences.iter().map(|(id, absence)| (id.to_string(), absence.clone())).collect()
}

/// Ids as a set.
pub(crate) fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Ids of the members that were read.
pub(crate) fn members(snapshot: &SourceSnapshot, group: &str) -> BTreeSet<String> {
    let group = group_of(snapshot, group);
    let ids = snapshot.people.ids();
    let members: BTreeSet<_> =
        group.members.iter().map(|member| ids[member.person as usize].to_string()).collect();
    assert_eq!(members.len(), group.members.len(), "some members are doubled");
    members
}

fn why(proof: &Proof) -> Option<String> {
    match proof {
        Proof::Proven => None,
        Proof::NotProven(why) => Some(why.clone()),
    }
}

/// Why the user list is not proven.
pub(crate) fn users_proof(snapshot: &SourceSnapshot) -> Option<String> {
    why(&snapshot.users_proof)
}

/// Why the group list is not proven.
pub(crate) fn groups_proof(snapshot: &SourceSnapshot) -> Option<String> {
    why(&snapshot.groups_proof)
}

/// Why member lists are not proven.
pub(crate) fn unproven_groups(snapshot: &SourceSnapshot) -> BTreeMap<String, String> {
    let unproven = |group: &SourceGroup| why(&group.members_proof).map(|why| (group.id.to_string(), why));
    snapshot.groups.iter().filter_map(unproven).collect()
}

/// An org with one group of two members.
pub(crate) async fn small(patience: Patience) -> (Bench, String, [String; 2]) {
    let bench = Bench::start_with(Options { everyone: false, ..Options::empty() }, patience, 100).await;
    let org = bench.okta.org();
    let users = ["ann@example.com", "bob@example.com"].map(|login| org.add_user(NewUser::new(login)));
    let group = org.add_group("jira-users");
    org.set_members(&group, &users);
    (bench, group, users)
}
