//! Trying rules before a daemon runs: on a real org (`check --online`), and on one saved user (`check --sample`).

use sandbox::okta::{NewUser, Role, Status};
use serde_json::{Value, json};

use crate::harness::Site;
use crate::people::person;

/// What `check --online --json` says about the connector.
fn online(site: &Site) -> (i32, Value) {
    let (code, data, messages) = site.check(&["--online", "--json"]);
    let document: Value =
        serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}{messages}"));
    (code, document["connectors"][0]["online"].clone())
}

#[test]
fn online_tells_the_role_the_numbers_and_five_users() {
    let site = Site::empty();
    let org = site.okta.org();
    let mut ids = Vec::new();
    for number in 1..8 {
        ids.push(org.add_user(person(&format!("user{number}")).name("Una", &format!("Number {number}"))));
    }
    org.set_status(&ids[0], Status::Suspended);
    org.add_user(NewUser::new("svc-jira@example.com"));
    site.add_group("okta-staff", &[&ids[1]]);
    site.add_group("other", &[]);
    let keys = "scope: { users: { exclude: [\"svc-*\"] } }\ngroups: { rename: [{ match: \"^okta-\", to: \"\" }], unmatched: drop }\n\
                mapping:\n  username: \"{{ profile.login | strip_domain }}\"\n  attributes: { floor: \"{{ profile.flor }}\" }";
    site.write("acme", &site.connector(keys));
    let (code, said) = online(&site);
    assert_eq!(code, 0, "{said:#}");
    assert_eq!(
        (&said["principal"], &said["roles"]),
        (&json!("okta.admin@example.com"), &json!(["Read-only Administrator"]))
    );
    assert_eq!(
        said["users"],
        json!({ "visible": 8, "in_scope": 6, "out_of_scope": 2, "left_alone": {}, "not_known": 0 })
    );
    assert_eq!(said["groups"], json!({ "visible": 3, "in_scope": 1 }));
    let mapped = |number: u32| {
        json!({
            "login": format!("user{number}@example.com"), "username": format!("user{number}"),
            "email": format!("user{number}@example.com"), "display_name": format!("Una Number {number}")
        })
    };
    assert_eq!(said["mapped"], json!((2..7).map(mapped).collect::<Vec<_>>()));
    let warnings = said["warnings"].as_array().unwrap();
    assert!(warnings.len() == 1 && warnings[0].as_str().unwrap().contains("profile.flor"), "{said:#}");
    let posts = site.okta.log().iter().filter(|line| !line.starts_with("GET ")).count();
    assert_eq!(posts, 0, "nothing is written");
    assert!(!site.path("state").exists(), "nor is there any state");

    let (code, text, messages) = site.check(&["--online"]);
    assert_eq!(code, 0, "{messages}");
    for line in [
        "roles     Read-only Administrator",
        "users     8 visible, 6 in scope",
        "user6     user6@example.com",
    ] {
        assert!(text.contains(line), "{line:?} in:\n{text}");
    }

    // A token that may not say which role it has is no reason to fail.
    org.set_role(Role::Forbidden);
    let (code, said) = online(&site);
    assert_eq!((code, &said["roles"], &said["users"]["visible"]), (0, &json!(null), &json!(8)), "{said:#}");
    assert!(said["warnings"].to_string().contains("may not read its own roles (403"), "{said:#}");
    let (_, text, messages) = site.check(&["--online"]);
    assert!(
        text.contains("roles     not known")
            && messages.contains("warning: acme: the role behind the credentials"),
        "{messages}"
    );

    // What would make every run fail is an error.
    site.write("acme", &site.connector("scope: { required_groups: [stuff] }"));
    let (code, said) = online(&site);
    assert_eq!(code, 1, "{said:#}");
    assert!(said["errors"][0].as_str().unwrap().contains("scope.required_groups names stuff"), "{said:#}");
    site.write("acme", &site.connector("    users: { search: 'profile.login xx \"a\"' }"));
    let (code, said) = online(&site);
    assert_eq!((code, &said["users"]), (1, &json!(null)), "{said:#}");
    assert!(said["errors"][0].as_str().unwrap().contains("source.okta.users.search"), "{said:#}");
}

#[test]
fn a_saved_user_is_tried_where_there_is_no_secret() {
    let site = Site::empty();
    let keys = "\
source: { okta: { domain: acme.okta.com, auth: { api_token: { credential: okta-token } } } }
scope: { required_groups: [staff] }
groups: { rename: [{ match: \"^okta-(.+)$\", to: \"$1\" }] }
mapping:
  username: \"{{ profile.login | strip_domain | lower }}\"
  attributes: { manager: \"{{ profile.manager.name or 'nobody' }}\" }
";
    site.write("acme", keys);
    std::fs::remove_file(site.path("token")).unwrap();
    let verdict = |sample: &Value| {
        std::fs::write(site.path("sample.json"), sample.to_string()).unwrap();
        let sample = site.path("sample.json").display().to_string();
        let (code, data, messages) = site.check(&["--sample", &sample, "--json"]);
        assert_eq!((code, messages.as_str()), (0, ""));
        serde_json::from_str::<Value>(&data).unwrap()["connectors"][0]["sample"].clone()
    };
    let user = json!({
        "id": "00u1", "status": "ACTIVE", "created": "2026-01-01T00:00:00.000Z",
        "profile": { "login": "Anna@example.com", "email": "anna@example.com", "manager": { "name": "Ben" } }
    });
    let said = verdict(&json!({ "user": user, "groups": ["okta-staff", "sales"] }));
    assert_eq!(said["in_scope"], true, "{said:#}");
    let mapped = |said: &Value, name: &str| {
        let mapping = said["mapping"].as_array().unwrap().iter();
        let mut mapping = mapping.filter(|one| one["attribute"] == name);
        mapping.next().unwrap()["value"].clone()
    };
    assert_eq!(
        (mapped(&said, "username"), mapped(&said, "attributes.manager")),
        (json!("anna"), json!("Ben"))
    );
    assert_eq!(verdict(&json!({ "user": user, "groups": ["sales"] }))["in_scope"], false);
    assert_eq!(verdict(&user)["in_scope"], json!(null), "without groups it is not known");
    // The same file is no good where the token is needed.
    let (code, _, messages) = site.check(&[]);
    assert_eq!(code, 3, "{messages}");
    assert!(messages.contains("acme.yaml:1:"), "{messages}");
}
