//! The source's own part of a connector's scope, and how it is put into questions.

use std::sync::atomic::{AtomicBool, Ordering};

use compact_str::CompactString;
use url::{Url, form_urlencoded};

use super::client::Client;
use super::parse::OktaError;
use crate::config::model::OktaSettings;
use crate::http::host_and_port;
use crate::source::ReadRequest;
use crate::sync::model::{SourceId, Status};

/// The key of the search for users.
pub(super) const USERS_SEARCH: &str = "source.okta.users.search";
/// The key of the search for groups.
pub(super) const GROUPS_SEARCH: &str = "source.okta.groups.search";

/// Leaves out what is not read anyway. Okta heeds the options only if all three are given (Okta developer docs, "List
/// users"); it spares orgs with delegated authentication a look into another directory for each user.
const OPTIONS: &str =
    r#"application/json; okta-response="omitCredentials,omitCredentialsLinks,omitTransitioningToStatus""#;

/// Longer lists of wanted attributes are not sent, in bytes: the whole profile is asked for instead.
const LONGEST_FIELDS: usize = 2_000;
/// How long an address with ids in a search may become, in bytes. Servers and proxies take 8,000 or more.
const LONGEST_ADDRESS: usize = 4_000;
/// How many ids one search names at most.
const MOST_IDS: usize = 40;

/// What all questions of one run have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    settings: &'a OktaSettings,
    pub(super) request: &'a ReadRequest,
    /// Whether this org answered 400 to the choice of fields in this run.
    fields_refused: &'a AtomicBool,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        settings: &'a OktaSettings,
        request: &'a ReadRequest,
        fields_refused: &'a AtomicBool,
    ) -> Self {
        Self { settings, request, fields_refused }
    }

    pub(super) fn users_search(&self) -> Option<&'a str> {
        self.settings.users_search.as_deref()
    }

    pub(super) fn groups_search(&self) -> Option<&'a str> {
        self.settings.groups_search.as_deref()
    }

    pub(super) fn app(&self) -> Option<&'a str> {
        self.settings.app.as_deref()
    }

    /// Whether the org may have users who are not asked for.
    pub(super) fn narrows_users(&self) -> bool {
        self.users_search().is_some() || self.app().is_some()
    }

    /// What to send as `Content-Type` with a list of users.
    pub(super) fn options(&self) -> Option<&'static str> {
        let credentials = self.request.attributes.iter().any(|path| path == "credentials");
        (!credentials).then_some(OPTIONS)
    }

    /// The choice of fields for a list of users; none once the org refused it.
    pub(super) fn fields(&self) -> Option<String> {
        (!self.fields_refused.load(Ordering::Relaxed)).then(|| fields(&self.request.attributes))
    }

    /// The org does not take the choice of fields: from here on this run reads users whole.
    pub(super) fn refuse_fields(&self, origin: &Url, error: &OktaError) {
        if !self.fields_refused.swap(true, Ordering::Relaxed) {
            let (host, said) = (host_and_port(origin), error.line());
            tracing::warn!(
                host,
                said,
                "the org refuses to send single attributes of users (400); they are read whole"
            );
        }
    }

    /// The address of the first page of a list of users.
    pub(super) fn users_url(&self, client: &Client, search: Option<&str>, fields: Option<&str>) -> Url {
        let mut query = "limit=200".to_owned();
        push_search(&mut query, search);
        if let Some(fields) = fields {
            query.push_str("&fields=");
            query.push_str(fields);
        }
        client.url(&["users"], Some(&query))
    }

    /// A part of such an address that links to next pages have been seen to forget.
    pub(super) const WITH_COUNTS: &'static str = "expand=stats";

    /// The address of the first page of a list of groups, with the count of their members.
    pub(super) fn groups_url(&self, client: &Client, search: Option<&str>) -> Url {
        let mut query = format!("limit=200&{}", Self::WITH_COUNTS);
        push_search(&mut query, search);
        client.url(&["groups"], Some(&query))
    }

    /// Cuts ids into portions, each of which fits into one address together with the search that it is to narrow.
    pub(super) fn portions(&self, search: &str, ids: Vec<SourceId>) -> Vec<Vec<SourceId>> {
        let taken = encoded(search).len() + self.fields().map_or(0, |fields| fields.len());
        let room = LONGEST_ADDRESS.saturating_sub(taken);
        let mut portions: Vec<Vec<SourceId>> = Vec::new();
        let mut used = 0;
        for id in ids {
            let length = encoded(&format!(" or {}", is(&id))).len();
            used += length;
            match portions.last_mut().filter(|portion| portion.len() < MOST_IDS && used <= room) {
                Some(portion) => portion.push(id),
                None => {
                    portions.push(vec![id]);
                    used = length;
                }
            }
        }
        portions
    }
}

/// The search, narrowed to these ids (RULES 17).
pub(super) fn narrowed(search: &str, ids: &[SourceId]) -> String {
    let ids: Vec<_> = ids.iter().map(is).collect();
    format!("({search}) and ({})", ids.join(" or "))
}

/// Okta's searches take strings as JSON writes them (Okta developer docs, "Filter").
fn is(id: &SourceId) -> String {
    format!("id eq {}", serde_json::Value::from(id.0.as_str()))
}

fn push_search(query: &mut String, search: Option<&str>) {
    if let Some(search) = search {
        query.push_str("&search=");
        query.push_str(&encoded(search));
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The value of `fields` for these sorted paths: `id,status,lastLogin,profile:(email,login)` (Okta Management API, "List
/// all users"). The whole profile where single names would be too many, or would not be understood.
fn fields(paths: &[CompactString]) -> String {
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let mut fields = "id,status".to_owned();
    let mut attributes: Vec<&str> = Vec::new();
    let mut whole = false;
    for path in paths {
        match path.strip_prefix("profile.") {
            Some(name) => attributes.push(name),
            None if path == "profile" => whole = true,
            None if plain(path) => {
                fields.push(',');
                fields.push_str(path);
            }
            None => {}
        }
    }
    whole |= !attributes.iter().all(|name| plain(name) && !name.is_empty());
    let attributes = attributes.join(",");
    if whole || attributes.len() > LONGEST_FIELDS {
        fields.push_str(",profile");
    } else if !attributes.is_empty() {
        fields.push_str(",profile:(");
        fields.push_str(&attributes);
        fields.push(')');
    }
    fields
}

/// Whether someone who is not assigned to an application is kept all the same, out of scope: the assignment of a
/// deactivated user is gone, and what happens then is for the rules to say; a status that is not known says nothing.
pub(super) fn status_says_more(status: Status) -> bool {
    matches!(status, Status::Deprovisioned | Status::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields_of(paths: &[&str]) -> String {
        fields(&paths.iter().copied().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_is_wanted_is_asked_for() {
        for (paths, expected) in [
            (&[][..], "id,status"),
            (&["profile.login"], "id,status,profile:(login)"),
            (
                &["created", "lastLogin", "profile.email", "profile.login"],
                "id,status,created,lastLogin,profile:(email,login)",
            ),
            (&["profile"], "id,status,profile"),
            (&["credentials", "profile", "profile.login", "type"], "id,status,credentials,type,profile"),
            (&["profile.cost_center2"], "id,status,profile:(cost_center2)"),
            (&["profile.cost center", "profile.login"], "id,status,profile"),
            (&["profile.", "profile.login"], "id,status,profile"),
            (&["profile.a)&limit=1"], "id,status,profile"),
            (&["odd,name", "profile.login"], "id,status,profile:(login)"),
        ] {
            assert_eq!(fields_of(paths), expected, "{paths:?}");
        }
    }

    #[test]
    fn very_many_attributes_become_the_whole_profile() {
        let many = |count: usize| {
            let paths: Vec<_> = (0..count).map(|number| format!("profile.attribute{number:05}")).collect();
            fields_of(&paths.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert!(many(133).ends_with(",attribute00132)"));
        assert_eq!(many(134), "id,status,profile");
    }

    fn portions(search: &str, count: usize) -> Vec<usize> {
        let settings = OktaSettings {
            authorities: None,
            origin: Url::parse("https://acme.okta.com").unwrap(),
            auth: crate::config::model::Auth::ApiToken(crate::config::model::SecretRef::Credential(
                "t".to_owned(),
            )),
            rate_budget: 50,
            skinny_users: false,
            users_search: Some(search.to_owned()),
            groups_search: None,
            app: None,
        };
        let request = ReadRequest {
            attributes: ["profile.login"].map(Into::into).into(),
            wants_members: crate::source::GroupFilter(std::sync::Arc::new(|_| true)),
            decides: crate::source::GroupFilter::none(),
            groups_with_memberships: std::collections::BTreeSet::new(),
            member_lists: std::sync::Arc::default(),
        };
        let refused = AtomicBool::new(false);
        let scope = Scope::new(&settings, &request, &refused);
        let ids: Vec<SourceId> =
            (0..count).map(|number| SourceId::from(format!("00u{number:017}").as_str())).collect();
        let portions = scope.portions(search, ids.clone());
        assert_eq!(portions.concat(), ids);
        let longest = portions
            .iter()
            .map(|portion| encoded(&narrowed(search, portion)).len() + fields(&request.attributes).len());
        assert!(
            longest.max().unwrap_or_default() < 4_100 || portions.iter().all(|portion| portion.len() == 1)
        );
        portions.iter().map(Vec::len).collect()
    }

    #[test]
    fn ids_go_in_portions_that_fit_beside_the_search() {
        let short = "profile.department eq \"Engineering\"";
        assert_eq!(portions(short, 0), [0; 0]);
        assert_eq!(portions(short, 1), [1]);
        assert_eq!(portions(short, 81), [40, 40, 1]);
        let long = "profile.a eq \"x\" or ".repeat(120);
        assert_eq!(portions(&long, 81).iter().max(), Some(&30), "{:?}", portions(&long, 81));
        assert_eq!(portions(&"x".repeat(5_000), 3), [1, 1, 1]);
    }

    #[test]
    fn a_search_is_narrowed_as_a_whole() {
        let ids = ["00u1", "00\"2"].map(SourceId::from);
        assert_eq!(
            narrowed("a eq 1 or b pr", &ids),
            r#"(a eq 1 or b pr) and (id eq "00u1" or id eq "00\"2")"#
        );
        let mut query = String::new();
        push_search(&mut query, Some("profile.x eq \"R&D + ä\""));
        assert_eq!(query, "&search=profile.x+eq+%22R%26D+%2B+%C3%A4%22");
    }
}
