//! The admin interface under `/sandbox/`: for a person with curl, for the quickstart and for the bench.
//!
//! ```text
//! GET    /sandbox/state          counts of the org, of requests and of faults; the least number of requests for one read
//! GET    /sandbox/org            every true id: users with login and status, groups with name and members,
//!                                applications with label, users and groups
//! GET    /sandbox/log            the last request lines
//! POST   /sandbox/change         JSON as in [`super::Change`]; answers what was changed
//! GET    /sandbox/fault          the faults that are on
//! POST   /sandbox/fault          a fault as text, `members=503,times=2`; answers its number
//! DELETE /sandbox/fault          all faults off, or the one of ?id=N
//! POST   /sandbox/reset-counts   requests are counted from nought
//! ```

use std::collections::BTreeMap;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::answer::Manner;
use super::change::{self, Change};
use super::fault::{Fault, FaultId};
use super::org::Org;
use super::query::Query;
use super::server::Shared;
use super::state::State;
use super::wire::Reply;

/// The most that a request may send.
const LARGEST: usize = 4 * 1024 * 1024;

/// Answers a request of the admin interface.
pub(crate) async fn handle(request: Request<Incoming>, shared: &Shared) -> Response<Reply> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(problem) => return respond(Err(format!("the request's body was not read: {problem}"))),
    };
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let mut state = shared.state();
    let outcome = match (head.method.as_str(), head.uri.path()) {
        ("GET", "/sandbox/state") => Ok(summary(&state)),
        ("GET", "/sandbox/org") => Ok(truth(&state)),
        ("GET", "/sandbox/log") => Ok(json!(state.book.lines())),
        ("GET", "/sandbox/fault") => Ok(faults(&state)),
        ("POST", "/sandbox/fault") => add_fault(&mut state, &body),
        ("DELETE", "/sandbox/fault") => remove_faults(&mut state, &query),
        ("POST", "/sandbox/change") => serde_json::from_slice::<Change>(&body)
            .map_err(|problem| format!("this is no change: {problem}"))
            .and_then(|wanted| change::apply(&mut state, &wanted))
            .map(|changed| json!(changed)),
        ("POST", "/sandbox/reset-counts") => {
            state.reset_counts();
            Ok(json!({}))
        }
        (method, path) => Err(format!(
            "{method} {path} is not there; GET state, org, log, fault; POST change, fault, reset-counts; DELETE fault"
        )),
    };
    respond(outcome)
}

fn respond(outcome: Result<Value, String>) -> Response<Reply> {
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err(problem) => (StatusCode::BAD_REQUEST, json!({ "problem": problem })),
    };
    let mut response = Response::new(Reply::new(Bytes::from(format!("{value}\n")), &Manner::Whole, None));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn summary(state: &State) -> Value {
    let org = &state.org;
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    for place in &org.by_id {
        *statuses.entry(org.users[*place as usize].facts.status.to_string()).or_default() += 1;
    }
    let groups: Vec<_> = org.groups.iter().filter(|group| !group.gone).collect();
    let counts = state.counts();
    let least = LeastRequests::of(state);
    json!({
        "org": org.id.as_str(),
        "users": org.by_id.len(),
        "statuses": statuses,
        "groups": groups.len(),
        "apps": org.apps.iter().filter(|app| !app.gone).count(),
        "role": state.options.role.to_string(),
        "role_sees": state.bounds.to_string(),
        "service_apps": state.authority.clients(),
        "memberships": groups.iter().map(|group| group.members.len()).sum::<usize>(),
        "least_requests": {
            "users": least.users, "groups": least.groups, "members": least.members,
            "total": least.users + least.groups + least.members,
        },
        "requests": {
            "total": counts.total,
            "routes": counts.routes.iter().map(|(route, count)| (route.to_string(), *count)).collect::<BTreeMap<_, _>>(),
            "statuses": counts.statuses.iter().map(|(status, count)| (status.to_string(), *count)).collect::<BTreeMap<_, _>>(),
            "unanswered": counts.unanswered,
            "limited": counts.limited,
            "narrowed": counts.narrowed,
            "max_in_flight": counts.max_in_flight,
            "connections": counts.connections,
            "windows": counts.windows.iter().map(|(bucket, windows)| (format!("{bucket:?}").to_lowercase(), windows.clone())).collect::<BTreeMap<_, _>>(),
            "oauth": {
                "token_requests": counts.oauth.token_requests,
                "issued": counts.oauth.issued,
                "proofs": counts.oauth.proofs,
                "replays": counts.oauth.replays(),
                "refusals": counts.oauth.refusals.iter().map(|(why, count)| (why.to_string(), *count)).collect::<BTreeMap<_, _>>(),
            },
        },
        "faults": faults(state),
    })
}

/// The fewest requests that read the org once: pages of 200 users, 200 groups and 1,000 members, each member page of every
/// group that has members, but for Everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastRequests {
    /// Pages of the list of users.
    pub users: usize,
    /// Pages of the list of groups.
    pub groups: usize,
    /// Pages of members.
    pub members: usize,
}

impl LeastRequests {
    pub(crate) fn of(state: &State) -> Self {
        let org = &state.org;
        let listed = org.by_id.iter().filter(|place| org.listed(**place)).count();
        let groups = org.groups.iter().filter(|group| !group.gone);
        let pages = |records: usize, size: usize| records.div_ceil(size);
        Self {
            users: pages(listed, state.options.pages.users.min(200)).max(1),
            groups: pages(groups.clone().count(), state.options.pages.groups.min(200)).max(1),
            members: groups
                .map(|group| pages(group.members.len(), state.options.pages.members.min(1000)))
                .sum(),
        }
    }
}

fn truth(state: &State) -> Value {
    let org = &state.org;
    let users: Vec<Value> = org
        .by_id
        .iter()
        .map(|place| &org.users[*place as usize])
        .map(|user| json!({ "id": user.facts.id.as_str(), "login": user.login, "status": user.facts.status.as_str() }))
        .collect();
    let present = org.groups.iter().enumerate().filter(|(_, group)| !group.gone);
    let groups: Vec<Value> = present
        .map(|(place, group)| {
            let members = org.members(super::org::place_of(place));
            let ids: Vec<&str> = members.iter().map(|user| org.users[*user as usize].facts.id.as_str()).collect();
            json!({ "id": group.id.as_str(), "name": group.name, "type": group.kind.as_str(), "members": ids })
        })
        .collect();
    let apps: Vec<Value> = (0..super::org::place_of(org.apps.len()))
        .filter(|place| !org.apps[*place as usize].gone)
        .map(|place| true_app(org, place))
        .collect();
    json!({ "org": org.id.as_str(), "users": users, "groups": groups, "apps": apps })
}

/// An application: users with the group that brought them, groups in the order of their priority.
fn true_app(org: &Org, place: u32) -> Value {
    let group_id = |group: u32| org.groups[group as usize].id.as_str();
    let users = org.assignments(place).into_iter().map(|assignment| {
        let id = org.users[assignment.user as usize].facts.id;
        json!({ "id": id.as_str(), "through": assignment.through.map(group_id) })
    });
    let groups = org.app_groups(place).into_iter().map(|(_, assigned)| group_id(assigned.group).into());
    let app = &org.apps[place as usize];
    json!({
        "id": app.id.as_str(), "label": app.label,
        "users": users.collect::<Vec<_>>(), "groups": groups.collect::<Vec<Value>>(),
    })
}

fn faults(state: &State) -> Value {
    let list = state.faults.list().into_iter();
    list.map(|(id, fault, met)| json!({ "id": id, "fault": fault, "met": met })).collect()
}

fn add_fault(state: &mut State, body: &Bytes) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the fault is not text".to_owned())?;
    let id = state.faults.add(text.parse::<Fault>()?);
    Ok(json!({ "id": id.0 }))
}

fn remove_faults(state: &mut State, query: &Query) -> Result<Value, String> {
    let only = match query.get("id") {
        Some(id) => Some(FaultId(id.parse().map_err(|_| format!("'{id}' is no number of a fault"))?)),
        None => None,
    };
    state.faults.clear(only);
    Ok(json!({}))
}
