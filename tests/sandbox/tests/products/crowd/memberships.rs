//! Users in groups.

use sandbox::crowd::Crowd;
use serde_json::{Value, json};

use super::{ODD_NAMES, ask, ask_xml, because, encoded, group, send, serve, start, tell, world};

#[tokio::test]
async fn a_membership_is_made_from_both_sides_and_ended() {
    let server = serve(&["ann", "bob"], &["g", "h"]).await;
    tell(&server, "POST", "group/user/direct?groupname=G", json!({"name": "Bob"})).await.is_done(201);
    tell(&server, "POST", "user/group/direct?username=ann", json!({"name": "g"})).await.is_done(201);
    tell(&server, "POST", "user/group/direct?username=ann", json!({"name": "h"})).await.is_done(201);
    assert_eq!(ask(&server, "GET", "group/user/direct?groupname=g").await.names(), ["ann", "bob"]);
    assert_eq!(ask(&server, "GET", "user/group/direct?username=ann").await.names(), ["g", "h"]);
    ask(&server, "DELETE", "group/user/direct?groupname=g&username=ann").await.is_done(204);
    assert_eq!(ask(&server, "GET", "user/group/direct?username=ann").await.names(), ["h"]);
    let operations: Vec<_> = server.book().requests.into_iter().collect();
    let expected = [("add member", 3), ("list groups of user", 2), ("list members", 1), ("remove member", 1)];
    assert_eq!(operations, expected);
}

/// A status, and the reason of a refusal; no reason for success.
type Outcome = (u16, &'static str);

/// Method, path and name in the body, and what comes of it as documented and on the independent server.
const CASES: [(&str, &str, &str, Outcome, Outcome); 9] = [
    ("POST", "group/user/direct?groupname=g", "eve", (400, "USER_NOT_FOUND"), (404, "USER_NOT_FOUND")),
    ("POST", "group/user/direct?groupname=x", "bob", (404, "GROUP_NOT_FOUND"), (404, "GROUP_NOT_FOUND")),
    ("POST", "group/user/direct?groupname=g", "ann", (409, "MEMBERSHIP_ALREADY_EXISTS"), (201, "")),
    ("POST", "user/group/direct?username=bob", "x", (400, "GROUP_NOT_FOUND"), (404, "GROUP_NOT_FOUND")),
    ("POST", "user/group/direct?username=eve", "g", (404, "USER_NOT_FOUND"), (404, "USER_NOT_FOUND")),
    ("POST", "user/group/direct?username=ann", "g", (409, "MEMBERSHIP_ALREADY_EXISTS"), (201, "")),
    ("DELETE", "group/user/direct?groupname=g&username=bob", "", (404, "MEMBERSHIP_NOT_FOUND"), (204, "")),
    (
        "DELETE",
        "group/user/direct?groupname=g&username=eve",
        "",
        (404, "USER_NOT_FOUND"),
        (404, "USER_NOT_FOUND"),
    ),
    (
        "DELETE",
        "group/user/direct?groupname=x&username=ann",
        "",
        (404, "GROUP_NOT_FOUND"),
        (404, "GROUP_NOT_FOUND"),
    ),
];

#[tokio::test]
async fn what_is_there_or_not_there_is_refused_as_documented_or_as_the_independent_server_does() {
    for lenient_memberships in [false, true] {
        let server =
            start(Crowd { lenient_memberships, ..Crowd::default() }, world(&["ann", "bob"], &["g"])).await;
        tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})).await.is_done(201);
        for (method, path, name, documented, lenient) in CASES {
            let (status, reason) = if lenient_memberships { lenient } else { documented };
            let answer = tell(&server, method, path, json!({"name": name})).await;
            match reason {
                "" => answer.is_done(status),
                reason => assert_eq!(answer.refused(), because(status, reason), "{method} {path}"),
            }
        }
        assert_eq!(server.world(|world| world.member_names("g")), Some(vec!["ann".to_owned()]));
    }
}

#[tokio::test]
async fn the_groups_of_an_unknown_user_are_none_unless_it_is_switched() {
    let server = serve(&["ann"], &["g"]).await;
    for depth in ["direct", "nested"] {
        let path = format!("user/group/{depth}?username=eve");
        let empty = ask(&server, "GET", &path).await;
        assert_eq!((empty.status, empty.json()), (200, json!({"expand": "group", "groups": []})));
        server.product(|crowd| crowd.unknown_user_has_no_groups = false);
        assert_eq!(ask(&server, "GET", &path).await.refused(), because(404, "USER_NOT_FOUND"));
        server.product(|crowd| crowd.unknown_user_has_no_groups = true);
    }
}

#[tokio::test]
async fn the_members_of_an_unknown_group_are_refused_unless_it_is_switched() {
    let server = serve(&["ann"], &["g"]).await;
    for depth in ["direct", "nested"] {
        let path = format!("group/user/{depth}?groupname=x");
        assert_eq!(ask(&server, "GET", &path).await.refused(), because(404, "GROUP_NOT_FOUND"));
        server.product(|crowd| crowd.unknown_group_has_no_members = true);
        assert_eq!(ask(&server, "GET", &path).await.json(), json!({"expand": "user", "users": []}));
        server.product(|crowd| crowd.unknown_group_has_no_members = false);
    }
}

#[tokio::test]
async fn lists_hold_names_and_links_unless_they_are_expanded() {
    let server = serve(&["ann"], &["g"]).await;
    let attributes = json!({"attributes": [{"name": "a", "values": ["b"]}]});
    tell(&server, "POST", "user/attribute?username=ann", attributes.clone()).await.is_done(204);
    tell(&server, "POST", "group/attribute?groupname=g", attributes).await.is_done(204);
    tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})).await.is_done(201);
    let user = |expand: &str| format!("user?username=ann{expand}");
    let group = |expand: &str| format!("group?groupname=g{expand}");
    for (path, list, alone) in [
        ("group/user/direct?groupname=g", "user", &user as &dyn Fn(&str) -> String),
        ("group/user/nested?groupname=g", "user", &user),
        ("user/group/direct?username=ann", "group", &group),
        ("user/group/nested?username=ann", "group", &group),
    ] {
        let plain = ask(&server, "GET", path).await.json();
        let entity = ask(&server, "GET", &alone("")).await.json();
        let short = json!({"link": entity["link"], "name": entity["name"]});
        assert_eq!(plain, json!({"expand": list, format!("{list}s"): [short]}), "{path}");
        let first = |body: Value| body[format!("{list}s")][0].clone();
        let expanded = ask(&server, "GET", &format!("{path}&expand={list}")).await.json();
        assert_eq!(first(expanded), entity, "{path}");
        let with_attributes = ask(&server, "GET", &format!("{path}&expand={list},attributes")).await.json();
        let entity = ask(&server, "GET", &alone("&expand=attributes")).await.json();
        assert_eq!(first(with_attributes), entity, "{path}");
        assert_eq!(first(ask(&server, "GET", &format!("{path}&expand=attributes")).await.json()), short);
    }
}

#[tokio::test]
async fn one_membership_can_be_asked_for() {
    let server = serve(&["ann", "bob"], &["g", "h"]).await;
    tell(&server, "POST", "group/user/direct?groupname=g", json!({"name": "ann"})).await.is_done(201);
    tell(&server, "POST", "group/child-group/direct?groupname=h", json!({"name": "g"})).await.is_done(201);
    for (path, expected) in [
        ("group/user/direct?groupname=g&username=ann", Some("ann")),
        ("group/user/nested?groupname=h&username=ann", Some("ann")),
        ("user/group/direct?username=ann&groupname=g", Some("g")),
        ("user/group/nested?username=ann&groupname=h", Some("h")),
        ("group/user/direct?groupname=h&username=ann", None),
        ("group/user/nested?groupname=h&username=bob", None),
        ("user/group/direct?username=ann&groupname=h", None),
    ] {
        let answer = ask(&server, "GET", path).await;
        match expected {
            Some(name) => assert_eq!((answer.status, &answer.json()["name"]), (200, &json!(name)), "{path}"),
            None => assert_eq!(answer.refused(), because(404, "MEMBERSHIP_NOT_FOUND"), "{path}"),
        }
    }
}

#[tokio::test]
async fn odd_names_are_members() {
    let server = serve(&ODD_NAMES, &ODD_NAMES).await;
    for (user, group) in ODD_NAMES.into_iter().zip(ODD_NAMES.into_iter().rev()) {
        let members = format!("group/user/direct?groupname={}", encoded(group));
        tell(&server, "POST", &members, json!({"name": user})).await.is_done(201);
        assert_eq!(ask(&server, "GET", &members).await.names(), [user]);
        ask(&server, "DELETE", &format!("{members}&username={}", encoded(user))).await.is_done(204);
        let groups = format!("user/group/direct?username={}", encoded(user));
        assert_eq!(ask(&server, "GET", &groups).await.names(), [""; 0]);
        tell(&server, "POST", &groups, json!({"name": group})).await.is_done(201);
        assert_eq!(ask(&server, "GET", &groups).await.names(), [group]);
    }
}

#[tokio::test]
async fn all_memberships_come_in_xml_only() {
    let mut world = world(&["ann", "r&d"], &["parent", "child"]);
    let (parent, child) = (world.group_named("parent").unwrap(), world.group_named("child").unwrap());
    for name in ["r&d", "ann"] {
        world.add_member(parent, world.user_named(name).unwrap());
    }
    world.change_group(parent, |parent| parent.children.extend([child]));
    world.insert_group(group("\"<a>\""));
    let server = start(Crowd::default(), world).await;
    let expected = "<memberships><membership group=\"parent\">\
        <users><user name=\"ann\"/><user name=\"r&amp;d\"/></users>\
        <groups><group name=\"child\"/></groups></membership>\
        <membership group=\"child\"><users></users><groups></groups></membership>\
        <membership group=\"&quot;&lt;a&gt;&quot;\"><users></users><groups></groups></membership></memberships>";
    assert_eq!(ask_xml(&server, "group/membership").await.xml(), expected);
    assert_eq!(ask_xml(&server, "group/membership").await.xml(), expected, "in the same order");
    let anything =
        super::request(&server, "GET", "group/membership").header("accept", "application/json, */*;q=0.1");
    assert_eq!(send(anything).await.xml(), expected);
    assert_eq!(ask(&server, "GET", "group/membership").await.status, 406);
    assert_eq!(server.book().of("list memberships"), 4);
}
