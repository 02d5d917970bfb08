use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sync::model::{AttributeValue, Status};

fn names(names: &[&str]) -> Vec<CompactString> {
    names.iter().copied().map(Into::into).collect()
}

fn read_users(body: &str) -> Vec<Result<(String, Status, String), Broken>> {
    let login = |attributes: &[AttributeValue]| attributes[0].render().to_string();
    let read =
        |record: UserRecord| (record.user.id.to_string(), record.user.status, login(&record.user.attributes));
    users(body.as_bytes(), &names(&["profile.login"]))
        .unwrap()
        .into_iter()
        .map(|record| record.map(read))
        .collect()
}

fn broken(id: Option<&str>, why: &'static str) -> Broken {
    Broken { id: id.map(Into::into), why }
}

/// A user as recorded, with everything that nobody asked for.
fn recorded_user(id: &str) -> serde_json::Value {
    json!({
        "id": id, "status": "ACTIVE", "created": "2020-01-01T00:00:00.000Z", "activated": null,
        "statusChanged": null, "lastLogin": null, "lastUpdated": "2024-05-06T07:08:09.000Z", "passwordChanged": null,
        "type": { "id": "oty1" }, "realmId": "guo1",
        "profile": { "firstName": "Zoë", "lastName": "Wójcik", "mobilePhone": null, "secondEmail": null,
            "login": "zoe@example.com", "email": "zoe@example.com", "quote": "a \"quoted\" word\n", "level": 7,
            "boss": false, "tags": ["a", "b"] },
        "credentials": { "password": {}, "emails": [{ "value": "zoe@example.com", "status": "VERIFIED", "type": "PRIMARY" }],
            "provider": { "type": "OKTA", "name": "OKTA" } },
        "_links": { "self": { "href": format!("https://acme.okta.com/api/v1/users/{id}") } },
    })
}

#[test]
fn a_recorded_user_is_cut_to_the_wanted_attributes() {
    let wanted = names(&[
        "profile.absent",
        "profile.boss",
        "profile.firstName",
        "profile.level",
        "profile.mobilePhone",
        "profile.quote",
        "profile.tags",
    ]);
    let body = recorded_user("00u1").to_string();
    let record = user(body.as_bytes(), &wanted).unwrap().unwrap();
    assert_eq!(
        (record.user.id.0.as_str(), record.user.status, record.unknown_status.clone()),
        ("00u1", Status::Active, None)
    );
    let rendered: Vec<_> = record.user.attributes.iter().map(AttributeValue::render).collect();
    assert_eq!(rendered, ["", "false", "Zoë", "7", "", "a \"quoted\" word", r#"["a","b"]"#]);
    let page = users(format!("[{body}, {body}]\n").as_bytes(), &wanted).unwrap();
    assert_eq!(page, [Ok(record.clone()), Ok(record)]);
}

#[test]
fn law_4_odd_records_come_out_as_broken_and_the_others_as_they_are() {
    let good = r#"{"id":"00u1","status":"ACTIVE","profile":{"login":"ann"}}"#;
    let ann = || Ok(("00u1".to_owned(), Status::Active, "ann".to_owned()));
    let no_object = "it is not an object";
    let table = [
        ("null", Err(broken(None, no_object))),
        ("17", Err(broken(None, no_object))),
        ("-1.5", Err(broken(None, no_object))),
        (r#""00u2""#, Err(broken(None, no_object))),
        (r#"[{"id":"00u2"}]"#, Err(broken(None, no_object))),
        ("{}", Err(broken(None, "it has no id"))),
        (r#"{"id":null,"profile":{}}"#, Err(broken(None, "it has no id"))),
        (r#"{"id":{"a":[1]},"profile":{}}"#, Err(broken(None, "it has no id"))),
        (r#"{"id":"","profile":{}}"#, Err(broken(None, "it has no id"))),
        (r#"{"id":"00u2"}"#, Err(broken(Some("00u2"), "it has no profile"))),
        (r#"{"id":"00u2","profile":"x"}"#, Err(broken(Some("00u2"), "it has no profile"))),
        (r#"{"profile":[1,{"a":2}],"id":"00u2"}"#, Err(broken(Some("00u2"), "it has no profile"))),
        (
            r#"{"id":"00u2","profile":{"login":"\ud800"}}"#,
            Err(broken(Some("00u2"), "part of its JSON is not valid")),
        ),
        (
            r#"{"profile":{"login":1e999},"id":"00u2"}"#,
            Err(broken(Some("00u2"), "part of its JSON is not valid")),
        ),
        (
            r#"{"id":"00u\u0032","status":"ACTIVE","profile":{"login":"bob"}}"#,
            Ok(("00u2".into(), Status::Active, "bob".into())),
        ),
        (
            r#"{"id":"00u2","status":"SLEEPING","profile":{}}"#,
            Ok(("00u2".into(), Status::Unknown, String::new())),
        ),
        (r#"{"id":"00u2","status":7,"profile":{}}"#, Ok(("00u2".into(), Status::Unknown, String::new()))),
        (r#"{"id":"00u2","profile":{}}"#, Ok(("00u2".into(), Status::Unknown, String::new()))),
    ];
    for (odd, expected) in table {
        assert_eq!(read_users(&format!("[{good},{odd}]")), [ann(), expected.clone()], "{odd} at the end");
        assert_eq!(read_users(&format!(" [ {odd} , {good} ] ")), [expected, ann()], "{odd} at the start");
    }
    assert_eq!(read_users("[]"), []);
    assert_eq!(read_users(" [ ] "), []);
}

#[test]
fn bytes_that_are_no_utf_8_cost_one_record() {
    let mut body = br#"[{"id":"00u1","status":"ACTIVE","profile":{"login":""#.to_vec();
    body.extend_from_slice(b"\xff\xfe");
    body.extend_from_slice(br#""}},{"id":"00u2","status":"ACTIVE","profile":{"login":"bob"}}]"#);
    let page = users(&body, &names(&["profile.login"])).unwrap();
    assert_eq!(page[0], Err(broken(Some("00u1"), "part of its JSON is not valid")));
    assert_eq!(page[1].as_ref().unwrap().user.id.0, "00u2");
}

#[test]
fn a_page_that_is_no_array_is_said_to_be_what_it_is() {
    let table: &[(&[u8], &str)] = &[
        (b"", "the answer is empty"),
        (b"  \n", "the answer is empty"),
        (
            b"<!DOCTYPE html><html>",
            "the answer is a web page, not Okta's JSON, as a proxy or a sign-in page sends it",
        ),
        (b"[{\"id\":\"00u1\"", "the answer is JSON that ends in the middle"),
        (b"[{\"id\":\"00u1\"},", "the answer is JSON that ends in the middle"),
        (b"{\"id\":\"00u1\"}", "the answer is JSON, but not what Okta sends here"),
        (b"[{\"id\":\"00u1\"}]]", "the answer is no JSON"),
        (b"[{\"id\":\"00u1\"},]", "the answer is no JSON"),
        (b"nonsense", "the answer is no JSON"),
    ];
    for (body, expected) in table {
        let text = String::from_utf8_lossy(body);
        assert_eq!(users(body, &[]).unwrap_err(), *expected, "{text}");
        assert_eq!(members(body).unwrap_err(), *expected, "{text}");
        assert_eq!(groups(body).unwrap_err(), *expected, "{text}");
    }
}

#[test]
fn members_are_id_and_status() {
    let body = r#"[{"status":"SUSPENDED","id":"00u1","profile":{"login":"ann"},"x":[[{"y":1}]]},
        {"id":"00u2"},{"id":"00u3","status":"SLEEPING"},{"status":"ACTIVE"},{"id":"00u\u0034","status":"LOCKED_OUT"}]"#;
    let page = members(body.as_bytes()).unwrap();
    let member = |id: &'static str, status| Ok(MemberRecord { id: id.into(), status });
    let expected = [
        member("00u1", Status::Suspended),
        member("00u2", Status::Unknown),
        member("00u3", Status::Unknown),
        Err(broken(None, "it has no id")),
        member("00u4", Status::LockedOut),
    ];
    assert_eq!(page, expected);
}

#[test]
fn groups_are_name_description_and_count() {
    let read = |body: &str| {
        let group = group(body.as_bytes()).unwrap().unwrap();
        (
            group.id.to_string(),
            group.name.to_string(),
            group.description.to_string(),
            group.everyone,
            group.users_count,
        )
    };
    let full = json!({
        "id": "00g1", "created": "2020-01-01T00:00:00.000Z", "objectClass": ["okta:user_group"], "type": "OKTA_GROUP",
        "profile": { "name": "jira-users", "description": "All of Jira" },
        "_links": { "logo": [{ "name": "medium", "href": "https://x" }], "users": { "href": "https://x" } },
        "_embedded": { "stats": { "usersCount": 4711, "appsCount": 2, "hasAdminPrivilege": false, "_links": {} } },
    });
    assert_eq!(
        read(&full.to_string()),
        ("00g1".into(), "jira-users".into(), "All of Jira".into(), false, Some(4711))
    );
    let table = [
        (r#"{"id":"00g1","profile":{"name":"a","description":null}}"#, None, false),
        (r#"{"id":"00g1","profile":{"name":"a"},"_embedded":null}"#, None, false),
        (r#"{"id":"00g1","profile":{"name":"a"},"_embedded":{"stats":7}}"#, None, false),
        (r#"{"id":"00g1","profile":{"name":"a"},"_embedded":{"stats":{"usersCount":-1}}}"#, None, false),
        (r#"{"id":"00g1","profile":{"name":"a"},"_embedded":{"stats":{"usersCount":0}}}"#, Some(0), false),
        (r#"{"id":"00g1","profile":{"name":"a"},"type":"BUILT_IN"}"#, None, false),
    ];
    for (body, count, everyone) in table {
        assert_eq!(read(body), ("00g1".into(), "a".into(), String::new(), everyone, count), "{body}");
    }
    assert!(read(r#"{"id":"00g1","type":"BUILT_IN","profile":{"name":"Everyone"}}"#).3);
    assert!(
        !read(r#"{"id":"00g1","type":"OKTA_GROUP","profile":{"name":"Everyone"}}"#).3,
        "anybody may name a group so"
    );

    for (body, expected) in [
        (r#"{"id":"00g1"}"#, broken(Some("00g1"), "it has no name")),
        (r#"{"id":"00g1","profile":[]}"#, broken(Some("00g1"), "it has no name")),
        (r#"{"id":"00g1","profile":{"name":7}}"#, broken(Some("00g1"), "it has no name")),
        (r#"{"id":"00g1","profile":{"name":" "}}"#, broken(Some("00g1"), "it has no name")),
        (r#"{"profile":{"name":"a"}}"#, broken(None, "it has no id")),
        (
            r#"{"id":"00g1","profile":{"name":"a","name":"b"}}"#,
            broken(Some("00g1"), "part of its JSON is not valid"),
        ),
    ] {
        assert_eq!(group(body.as_bytes()).unwrap().unwrap_err(), expected, "{body}");
    }
}

#[test]
fn single_records_are_read_as_those_of_a_page() {
    let wanted = names(&["profile.login"]);
    assert_eq!(user(b"null", &wanted).unwrap(), Err(broken(None, "it is not an object")));
    assert_eq!(user(br#"{"id":"00u1"}"#, &wanted).unwrap(), Err(broken(Some("00u1"), "it has no profile")));
    assert!(user(br#"{"id":"00u1"}{"#, &wanted).is_err());
    assert_eq!(
        user(b"<html>", &wanted).unwrap_err(),
        "the answer is a web page, not Okta's JSON, as a proxy or a sign-in page sends it"
    );
}

#[test]
fn errors_of_okta_become_one_line() {
    let line = |body: &str| OktaError::read(body.as_bytes()).map(|error| error.line());
    let cases = [
        (
            r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided","errorLink":"E0000011","errorId":"oae","errorCauses":[]}"#,
            Some("E0000011: Invalid token provided"),
        ),
        (
            r#"{"errorCode":"E0000029","errorSummary":"Invalid paging request.","errorCauses":[{"errorSummary":"Invalid cursor."}]}"#,
            Some("E0000029: Invalid paging request. Invalid cursor"),
        ),
        (r#"{"errorCode":"E0000006"}"#, Some("E0000006")),
        ("{\"errorCode\":\"E1\",\"errorSummary\":\"two\\nlines\\u001b[31m\"}", Some("E1: two lines[31m")),
        (r#"{"error":"invalid_client"}"#, None),
        ("<html>", None),
        ("", None),
    ];
    for (body, expected) in cases {
        assert_eq!(line(body).as_deref(), expected, "{body}");
    }
    assert_eq!(clean(&"ä".repeat(500)).chars().count(), 201);
}

#[test]
fn the_org_is_its_id() {
    assert_eq!(org_id(br#"{"id":"00o1","subdomain":"acme","_links":{}}"#), Ok("00o1".to_owned()));
    for wrong in [r#"{"id":""}"#, r#"{"id":7}"#, "[]", "<html>", ""] {
        assert!(org_id(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_page_costs_no_more_memory_than_its_records() {
    // Long ids are the only heap that a member has; recorded ids fit into the record.
    let record = recorded_user("00u00000000000000001").to_string();
    let body = format!("[{record}]");
    let page = members(body.as_bytes()).unwrap();
    let id = page[0].as_ref().unwrap();
    assert!(matches!(id.id, std::borrow::Cow::Borrowed(_)));
}

proptest! {
    #[test]
    fn nothing_makes_a_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _users = users(&body, &names(&["profile.login"]));
        let _groups = groups(&body);
        let _members = members(&body);
        let _error = OktaError::read(&body);
    }

    #[test]
    fn nothing_that_looks_like_json_makes_a_parser_panic(body in r#"[\[\]{}",:\\a-dilnoprtsu0-9. ]{0,80}"#) {
        let body = format!("[{{\"id\":\"1\"}},{body}]");
        let _users = users(body.as_bytes(), &names(&["profile.login"]));
        let _groups = groups(body.as_bytes());
        let _members = members(body.as_bytes());
    }

    #[test]
    fn the_slow_way_reads_what_the_quick_one_reads(odd in 0_usize..6, count in 1_usize..6) {
        // One record with half a surrogate pair forces the slow way; all others come out as without it.
        let mut body = String::from("[");
        for number in 0..count {
            let sep = if number == 0 { "" } else { " ,\n" };
            let login = if number == odd { r"\udc00" } else { "x" };
            write!(body, r#"{sep}{{"id":"{number}","status":"ACTIVE","profile":{{"login":"{login}"}}}}"#).unwrap();
        }
        body.push(']');
        let page = read_users(&body);
        prop_assert_eq!(page.len(), count);
        for (number, record) in page.into_iter().enumerate() {
            if number == odd {
                prop_assert_eq!(record.unwrap_err().id.unwrap(), number.to_string());
            } else {
                prop_assert_eq!(record.unwrap().0, number.to_string());
            }
        }
    }
}
