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

    /// The address of the first page of a list of groups, with the count of their members if that is wanted.
    pub(super) fn groups_url(&self, client: &Client, search: Option<&str>, counts: bool) -> Url {
        let mut query = "limit=200".to_owned();
        if counts {
            query.push_str("&expand=stats");
        }
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
