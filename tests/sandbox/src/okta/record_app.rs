//! The JSON of applications and of their users and groups, as the published examples write it.

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::app::{AppGroup, AppRow, Assignment};
use super::clock::stamp;
use super::org::{GroupRow, UserRow};
use super::record::{Profile, put, put_stamp, quote, render_single};

/// What an application takes over from a user; everything else stays in Okta.
const MAPPED: [&str; 6] = ["secondEmail", "lastName", "mobilePhone", "displayName", "email", "firstName"];

/// An application: one for single sign-on, to which nothing is provisioned.
pub(crate) fn render_app(app: &AppRow, base: &str) -> Bytes {
    let href = format!("{base}/api/v1/apps/{}", app.id);
    let link = |what: &str| json!({ "href": format!("{href}/{what}") });
    let json = json!({
        "id": app.id.as_str(), "name": "example_works_app", "label": app.label, "status": "ACTIVE",
        "created": stamp(app.created), "lastUpdated": stamp(app.last_updated),
        "accessibility": { "selfService": false, "errorRedirectUrl": null, "loginRedirectUrl": null },
        "visibility": { "autoSubmitToolbar": false, "hide": { "iOS": false, "web": false } },
        "features": [], "signOnMode": "SAML_2_0",
        "credentials": { "userNameTemplate": { "template": "${source.login}", "type": "BUILT_IN" } },
        "settings": { "app": {}, "notifications": { "vpn": { "network": { "connection": "DISABLED" } } } },
        "_links": {
            "self": { "href": href }, "users": link("users"), "groups": link("groups"),
            "deactivate": link("lifecycle/deactivate"),
        },
    });
    Bytes::from(json.to_string())
}

/// One user of an application. `id` is the user's. Since nothing is provisioned, there is no `externalId`.
pub(crate) fn render_app_user(
    app: &AppRow,
    assignment: &Assignment,
    user: &UserRow,
    through: Option<&GroupRow>,
    embed: bool,
    base: &str,
) -> Bytes {
    let mut json = Vec::with_capacity(1200);
    let id = user.facts.id;
    put(&mut json, &format!(r#"{{"id":"{id}","externalId":null,"created":"#));
    put_stamp(&mut json, Some(assignment.since));
    put(&mut json, r#","lastUpdated":"#);
    put_stamp(&mut json, Some(assignment.since.max(user.facts.stamps.last_updated)));
    let scope = if through.is_some() { "GROUP" } else { "USER" };
    put(&mut json, &format!(r#","scope":"{scope}","status":"ACTIVE","statusChanged":"#));
    put_stamp(&mut json, Some(assignment.since));
    put(&mut json, r#","passwordChanged":null,"syncState":"DISABLED","credentials":{"userName":"#);
    quote(&user.login, &mut json);
    put(&mut json, r#"},"profile":"#);
    let source = user.profile();
    let mut profile = Profile::default();
    for name in MAPPED {
        profile.set(name, source.get(name).cloned().unwrap_or(Value::Null));
    }
    profile.write(&mut json);
    put(&mut json, &format!(r#","_links":{{"app":{{"href":"{base}/api/v1/apps/{}"}}"#, app.id));
    put(&mut json, &format!(r#","user":{{"href":"{base}/api/v1/users/{id}"}}"#));
    if let Some(group) = through {
        put(&mut json, r#","group":{"name":"#);
        quote(&group.name, &mut json);
        put(&mut json, &format!(r#","href":"{base}/api/v1/groups/{}"}}"#, group.id));
    }
    put(&mut json, "}");
    if embed {
        put(&mut json, r#","_embedded":{"user":"#);
        json.extend_from_slice(&render_single(&user.facts, &user.json, base));
        put(&mut json, "}");
    }
    put(&mut json, "}");
    Bytes::from(json)
}

/// The assignment of a group; `embedded` is the group's own JSON, where asked for.
pub(crate) fn render_app_group(
    app: &AppRow,
    priority: usize,
    assigned: &AppGroup,
    group: &GroupRow,
    embedded: Option<&Bytes>,
    base: &str,
) -> Bytes {
    let mut json = Vec::with_capacity(600);
    let (app, id) = (app.id, group.id);
    put(&mut json, &format!(r#"{{"id":"{id}","lastUpdated":"#));
    put_stamp(&mut json, Some(assigned.since));
    put(&mut json, &format!(r#","priority":{priority},"profile":{{}},"_links":{{"app":"#));
    put(&mut json, &format!(r#"{{"href":"{base}/api/v1/apps/{app}"}},"self":"#));
    put(&mut json, &format!(r#"{{"href":"{base}/api/v1/apps/{app}/groups/{id}"}},"group":"#));
    put(&mut json, &format!(r#"{{"href":"{base}/api/v1/groups/{id}"}}}}"#));
    if let Some(group) = embedded {
        put(&mut json, r#","_embedded":{"group":"#);
        json.extend_from_slice(group);
        put(&mut json, "}");
    }
    put(&mut json, "}");
    Bytes::from(json)
}
