//! Searches.

use sandbox::crowd::Crowd;
use sandbox::product::{Group, User};
use serde_json::{Value, json};

use super::{ODD_NAMES, Server, ask, because, encoded, group, send, start, tell, tell_xml, user, world};

async fn several() -> Server {
    let mut world = world(&[], &["staff"]);
    let desk = |values: &[&str]| {
        [("desk".to_owned(), values.iter().map(|value| (*value).to_owned()).collect())].into()
    };
    world.insert_user(User { attributes: desk(&["7", "9"]), ..user("ann") });
    world.insert_user(User { active: false, last_name: "Other".to_owned(), ..user("bob") });
    world.insert_user(User { email: String::new(), attributes: desk(&["8"]), ..user("cid") });
    world.insert_group(Group { attributes: desk(&["1"]), ..group("guests") });
    start(Crowd::default(), world).await
}

fn property(name: &str, mode: &str, value: &str) -> Value {
    let kind = if name == "active" { "BOOLEAN" } else { "STRING" };
    json!({
        "restriction-type": "property-search-restriction",
        "property": {"name": name, "type": kind}, "match-mode": mode, "value": value,
    })
}

fn boolean(logic: &str, restrictions: &[Value]) -> Value {
    json!({"restriction-type": "boolean-search-restriction", "boolean-logic": logic, "restrictions": restrictions})
}

#[tokio::test]
async fn everything_is_found_without_a_restriction() {
    let server = several().await;
    let null = json!({"restriction-type": "null-search-restriction"});
    for (kind, expected) in [("user", vec!["ann", "bob", "cid"]), ("group", vec!["staff", "guests"])] {
        let path = format!("search?entity-type={kind}");
        assert_eq!(ask(&server, "GET", &path).await.names(), expected);
        assert_eq!(ask(&server, "GET", &format!("{path}&restriction=")).await.names(), expected);
        assert_eq!(tell(&server, "POST", &path, null.clone()).await.names(), expected);
        let sent = super::request(&server, "POST", &path).header("accept", "application/json");
        let sent = sent.header("content-type", "application/xml").body("<null-search-restriction/>");
        assert_eq!(send(sent).await.names(), expected);
    }
    let operations = server.book().requests;
    assert_eq!((operations["list users"], operations["list groups"]), (4, 4));
}

#[tokio::test]
async fn entities_are_shown_as_far_as_they_are_expanded() {
    let server = several().await;
    for (kind, name, alone) in
        [("user", "ann", "user?username=ann"), ("group", "guests", "group?groupname=guests")]
    {
        let entity = ask(&server, "GET", alone).await.json();
        let whole = ask(&server, "GET", &format!("{alone}&expand=attributes")).await.json();
        let short = json!({"link": entity["link"], "name": name});
        assert_ne!(entity, whole);
        for (expand, expected) in [("", short), (kind, entity), (&format!("{kind},attributes"), whole)] {
            let path = format!("search?entity-type={kind}&restriction=name%3D{name}&expand={expand}");
            let list = format!("{kind}s");
            assert_eq!(ask(&server, "GET", &path).await.json(), json!({"expand": kind, list: [expected]}));
        }
    }
}

#[tokio::test]
async fn users_are_found_by_the_query_language() {
    let server = several().await;
    for (query, expected) in [
        ("email = \"ANN@example.com\"", vec!["ann"]),
        ("name = BOB", vec!["bob"]),
        ("name = nobody", vec![]),
        ("name = *n*", vec!["ann"]),
        ("email = *@example.com", vec!["ann", "bob"]),
        ("active = false", vec!["bob"]),
        ("firstName = first and lastName = last", vec!["ann", "cid"]),
        ("name = ann or name = cid and active = false", vec!["ann"]),
        ("(name = ann or name = bob) and active = false", vec!["bob"]),
        ("displayName > \"b\" and displayName < \"c\"", vec!["bob"]),
        ("desk = 9", vec!["ann"]),
        ("desk = 8 or desk = 7", vec!["ann", "cid"]),
    ] {
        let path = format!("search?entity-type=user&restriction={}", encoded(query));
        assert_eq!(ask(&server, "GET", &path).await.names(), expected, "{query}");
    }
    for query in ["not name = ann", "name != ann", "name =", "name"] {
        let path = format!("search?entity-type=user&restriction={}", encoded(query));
        assert_eq!(ask(&server, "GET", &path).await.refused(), because(400, "ILLEGAL_ARGUMENT"), "{query}");
    }
}

#[tokio::test]
async fn groups_are_found_by_their_properties() {
    let server = several().await;
    for (query, expected) in [
        ("name = STAFF", vec!["staff"]),
        ("description = old and active = true", vec!["staff", "guests"]),
        ("active = false", vec![]),
        ("desk = 1", vec!["guests"]),
    ] {
        let path = format!("search?entity-type=group&restriction={}", encoded(query));
        assert_eq!(ask(&server, "GET", &path).await.names(), expected, "{query}");
    }
}

#[tokio::test]
async fn restrictions_are_read_from_json() {
    let server = several().await;
    let mut camel = property("email", "EXACTLY_MATCHES", "bob@example.com");
    let mode = camel.as_object_mut().unwrap().remove("match-mode").unwrap();
    camel["matchMode"] = mode;
    let active = property("active", "EXACTLY_MATCHES", "true");
    for (body, expected) in [
        (camel, vec!["bob"]),
        (property("name", "EXACTLY_MATCHES", "Cid"), vec!["cid"]),
        (property("name", "CONTAINS", "n"), vec!["ann"]),
        (property("name", "STARTS_WITH", "b"), vec!["bob"]),
        (property("name", "ENDS_WITH", "d"), vec!["cid"]),
        (property("name", "LESS_THAN", "b"), vec!["ann"]),
        (property("name", "GREATER_THAN", "bob"), vec!["cid"]),
        (property("email", "NULL", ""), vec!["cid"]),
        (property("desk", "NULL", ""), vec!["bob"]),
        (boolean("and", &[active.clone(), property("name", "CONTAINS", "n")]), vec!["ann"]),
        (
            boolean("OR", &[property("name", "CONTAINS", "o"), property("name", "CONTAINS", "i")]),
            vec!["bob", "cid"],
        ),
        (boolean("and", &[active, boolean("or", &[property("desk", "EXACTLY_MATCHES", "8")])]), vec!["cid"]),
    ] {
        let found = tell(&server, "POST", "search?entity-type=user", body.clone()).await;
        assert_eq!(found.names(), expected, "{body}");
    }
}

#[tokio::test]
async fn restrictions_are_read_from_xml() {
    let server = several().await;
    let property = |name: &str, mode: &str, value: &str| {
        format!(
            "<property-search-restriction><property><name>{name}</name><type>STRING</type></property>\
            <match-mode>{mode}</match-mode><value>{value}</value></property-search-restriction>"
        )
    };
    let boolean = |logic: &str| {
        let parts =
            format!("{}{}", property("name", "CONTAINS", "n"), property("active", "EXACTLY_MATCHES", "true"));
        format!(
            "<boolean-search-restriction boolean-logic=\"{logic}\"><restrictions>{parts}</restrictions>\
            </boolean-search-restriction>"
        )
    };
    for (body, expected) in [
        (property("email", "EXACTLY_MATCHES", "bob@example.com"), vec!["bob"]),
        (boolean("and"), vec!["ann"]),
        (boolean("or"), vec!["ann", "cid"]),
    ] {
        let found = tell_xml(&server, "POST", "search?entity-type=user", &body).await;
        let names: Vec<&str> =
            found.xml().split("<user name=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
        assert_eq!((found.status, names), (200, expected), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_search_is_refused() {
    let server = several().await;
    for path in ["search", "search?entity-type=role"] {
        assert_eq!(ask(&server, "GET", path).await.refused(), because(400, "ILLEGAL_ARGUMENT"), "{path}");
    }
    for body in [
        json!({}),
        json!({"restriction-type": "other"}),
        property("name", "SOUNDS_LIKE", "ann"),
        boolean("xor", &[]),
        boolean("and", &[json!({})]),
    ] {
        let refused = tell(&server, "POST", "search?entity-type=user", body.clone()).await;
        assert_eq!(refused.refused(), because(400, "ILLEGAL_ARGUMENT"), "{body}");
    }
}

#[tokio::test]
async fn odd_names_are_found() {
    let server = start(Crowd::default(), world(&ODD_NAMES, &ODD_NAMES)).await;
    for (name, kind) in ODD_NAMES.iter().flat_map(|name| [(name, "user"), (name, "group")]) {
        let query = encoded(&format!("name = \"{name}\""));
        let path = format!("search?entity-type={kind}&restriction={query}");
        assert_eq!(ask(&server, "GET", &path).await.names(), [*name]);
        let body = property("name", "EXACTLY_MATCHES", name);
        let found = tell(&server, "POST", &format!("search?entity-type={kind}"), body).await;
        assert_eq!(found.names(), [*name]);
    }
}
