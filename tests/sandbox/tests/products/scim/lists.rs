//! Filters and pages.

use std::collections::BTreeSet;

use sandbox::product::{User, World};
use sandbox::scim::{Dialect, Filtering, ItemsPerPage, Paging, Scim};
use serde_json::{Value, json};

use super::{Answer, Server, USER, full, id};

/// A world with so many users.
fn world(users: usize) -> World {
    let mut world = World::default();
    for number in 1..=users {
        world.add_user(&format!("user{number:03}"));
    }
    world
}

async fn page(server: &Server, start: &str, count: &str) -> Answer {
    server.list("/Users", &[("startIndex", start), ("count", count)]).await.ok(200)
}

#[tokio::test]
async fn pages_are_as_the_rfc_says() {
    let server = Server::start(Scim::reference(), world(45)).await;
    let all = server.get("/Users").await.ok(200);
    assert_eq!((all.numbers(), all.each("userName").len()), ([45, 1, 45], 45));
    assert_eq!(all.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    assert_eq!(all.header("content-type"), "application/scim+json");
    let mut seen = BTreeSet::new();
    for (start, length) in [(1, 20), (21, 20), (41, 5)] {
        let page = page(&server, &start.to_string(), "20").await;
        assert_eq!(page.numbers(), [45, start, length]);
        seen.extend(page.each("id"));
    }
    assert_eq!(seen.len(), 45);
    for (start, count, numbers) in [
        ("100", "20", [45, 100, 0]),
        ("1", "0", [45, 1, 0]),
        ("0", "1", [45, 1, 1]),
        ("-5", "1", [45, 1, 1]),
        ("3", "-1", [45, 3, 0]),
    ] {
        let page = page(&server, start, count).await;
        assert_eq!((page.numbers(), page.each("id").len() as u64), (numbers, numbers[2]), "{start} {count}");
    }
    for (name, value) in [("count", "many"), ("startIndex", "x")] {
        server.list("/Users", &[(name, value)]).await.refused(400, "invalidValue");
    }
}

#[tokio::test]
async fn pages_are_capped() {
    let server = Server::with(|dialect| (dialect.max_results, dialect.page_size) = (Some(10), 1000)).await;
    server.stand_in.world(|known| *known = world(25));
    for parameters in [&[][..], &[("count", "200")]] {
        assert_eq!(server.list("/Users", parameters).await.numbers(), [25, 1, 10]);
    }
    assert_eq!(
        server.get("/ServiceProviderConfig").await.body["filter"],
        json!({ "supported": true, "maxResults": 10 })
    );
    assert_eq!(
        server.list("/Users", &[("filter", "userName sw \"user\""), ("startIndex", "21")]).await.numbers(),
        [25, 21, 5]
    );
}

#[tokio::test]
async fn another_server_begins_anew_past_the_end() {
    let server = Server::start(Scim::other(), world(45)).await;
    let first = server.get("/Users").await;
    assert_eq!((first.numbers(), first.each("id").len()), ([45, 1, 20], 20));
    let last = page(&server, "41", "30").await;
    assert_eq!(
        (last.numbers(), last.each("id").len()),
        ([45, 41, 30], 5),
        "the size that was asked for is told"
    );
    let beyond = page(&server, "46", "10").await;
    assert_eq!((beyond.each("id").len(), beyond.numbers()), (20, [45, 46, 10]));
    assert_eq!(beyond.each("id"), first.each("id"));
    assert_eq!(page(&server, "1", "0").await.each("id").len(), 0);
}

#[tokio::test]
async fn another_server_knows_only_its_first_page() {
    let dialect = Dialect { paging: Paging::FirstPageOnly, ..Dialect::other() };
    let server = Server::start(Scim::new(dialect), world(45)).await;
    let first = server.get("/Users").await;
    assert_eq!((first.numbers(), first.each("id").len()), ([45, 1, 20], 20));
    for (start, count) in [("21", "20"), ("1", "0"), ("1", "100"), ("99", "5")] {
        assert_eq!(page(&server, start, count).await.body, first.body);
    }
    let server =
        Server::with(|dialect| (dialect.items_per_page, dialect.page_size) = (ItemsPerPage::Asked, 7)).await;
    assert_eq!(server.get("/Users").await.numbers(), [0, 1, 7]);
}

#[tokio::test]
async fn a_total_can_move_and_a_page_can_repeat() {
    for (drift, total) in [(0, 45), (3, 48), (-2, 43)] {
        let server = Server::with(|dialect| dialect.total_drift = drift).await;
        server.stand_in.world(|known| *known = world(45));
        let totals =
            [page(&server, "1", "20").await.numbers()[0], page(&server, "21", "20").await.numbers()[0]];
        assert_eq!(totals, [45, total]);
    }
    let server = Server::with(|dialect| dialect.repeats_across_pages = true).await;
    server.stand_in.world(|known| *known = world(45));
    let (first, second) =
        (page(&server, "1", "20").await.each("id"), page(&server, "21", "20").await.each("id"));
    assert_eq!((first.last(), second.len()), (second.first(), 20));
}

#[tokio::test]
async fn groups_have_pages_too() {
    let server = Server::of(Scim::reference()).await;
    for number in 0..5 {
        server.group(&format!("group{number}"), &[]).await;
    }
    let page = server.list("/Groups", &[("startIndex", "4"), ("count", "3")]).await;
    assert_eq!(
        (page.numbers(), page.each("displayName")),
        ([5, 4, 2], vec!["group3".to_owned(), "group4".to_owned()])
    );
}

async fn people(dialect: Dialect) -> Server {
    let server = Server::of(Scim::new(dialect)).await;
    server.user(full("Ann")).await;
    server.user(json!({ "userName": "bob", "active": false, "emails": [{ "value": "B@example.com" }, { "value": "b2@example.com", "type": "home" }] })).await;
    server.user(json!({ "userName": "carol", "displayName": "C", "title": "Doctor", "photos": [{ "value": "https://example.com/C" }] })).await;
    server
}

#[tokio::test]
async fn filters_are_understood() {
    let server = people(Dialect::reference()).await;
    let ann = server.stand_in.world(|world| world.user_named("ann").unwrap());
    let ann = server.stand_in.product(|scim| scim.id(ann));
    for (filter, names) in [
        ("userName eq \"ANN\"", &["Ann"][..]),
        ("USERNAME EQ \"ann\"", &["Ann"]),
        ("userName eq \"an\"", &[]),
        (&format!("{USER}:userName eq \"ann\""), &["Ann"]),
        ("displayName eq \"c\"", &["carol"]),
        ("externalId eq \"ext-Ann\"", &["Ann"]),
        ("externalId eq \"ext-ann\"", &[]),
        ("externalId sw \"EXT\"", &[]),
        ("externalId sw \"ext\"", &["Ann"]),
        ("photos eq \"https://example.com/C\"", &["carol"]),
        ("photos eq \"https://example.com/c\"", &[]),
        ("emails.value eq \"b@EXAMPLE.com\"", &["bob"]),
        ("emails eq \"B2@example.com\"", &["bob"]),
        ("emails[type eq \"home\" and value co \"b2\"]", &["bob"]),
        ("emails[type eq \"work\" and value co \"b2\"]", &[]),
        ("name.familyName eq \"family\"", &["Ann"]),
        (&format!("id eq \"{ann}\""), &["Ann"]),
        (&format!("id eq \"{}\"", ann.to_uppercase()), &[]),
        ("userName sw \"A\"", &["Ann"]),
        ("userName co \"aro\"", &["carol"]),
        ("userName ew \"B\"", &["bob"]),
        ("userName ne \"bob\"", &["Ann", "carol"]),
        ("userName gt \"ann\" and userName le \"bob\"", &["bob"]),
        ("userName ge \"bob\" and userName lt \"carol\"", &["bob"]),
        ("title pr", &["Ann", "carol"]),
        ("not (title pr)", &["bob"]),
        ("title eq null", &["bob"]),
        ("active eq false", &["bob"]),
        ("active eq \"False\"", &["bob"]),
        ("userName eq \"ann\" and title eq \"doctor\"", &["Ann"]),
        ("title eq \"doctor\" and userName eq \"carol\"", &["carol"]),
        ("userName eq \"ann\" or userName eq \"bob\"", &["Ann", "bob"]),
        ("userName eq \"bob\" or title pr and displayName eq \"C\"", &["bob", "carol"]),
        ("(userName eq \"bob\" or title pr) and displayName eq \"C\"", &["carol"]),
    ] {
        assert_eq!(server.find("/Users", filter).await, names, "{filter}");
    }
    for wrong in [
        "",
        "userName",
        "userName eq",
        "userName eq bob",
        "userName xx \"b\"",
        "foo eq \"x\"",
        "emails.foo pr",
        "userName eq \"b\" and",
    ] {
        server.list("/Users", &[("filter", wrong)]).await.refused(400, "invalidFilter");
    }
}

#[tokio::test]
async fn another_server_compares_with_case() {
    let server = people(Dialect::other()).await;
    for (filter, found) in [
        ("userName eq \"Ann\"", 1),
        ("userName eq \"ann\"", 0),
        ("displayName eq \"C\"", 1),
        ("displayName eq \"c\"", 0),
        ("emails.value eq \"b@example.com\"", 0),
    ] {
        assert_eq!(server.find("/Users", filter).await.len(), found, "{filter}");
    }
    server.group("Group", &[]).await;
    assert_eq!(server.find("/Groups", "displayName eq \"Group\"").await.len(), 1);
    assert_eq!(server.find("/Groups", "displayName eq \"group\"").await.len(), 0);
    assert_eq!(server.find("/Users", "foo eq \"x\"").await.len(), 0);
}

#[tokio::test]
async fn groups_are_found_by_their_members() {
    for (scim, whole) in [(Scim::reference(), 200), (Scim::other(), 400)] {
        let server = Server::of(scim).await;
        let (ann, bob) = (server.user(full("ann")).await, server.user(full("bob")).await);
        server.group("One", &[id(&ann)]).await;
        server.group("Two", &[id(&ann), id(&bob)]).await;
        for filter in
            [format!("members.value eq \"{}\"", id(&bob)), format!("members[value eq \"{}\"]", id(&bob))]
        {
            assert_eq!(server.find("/Groups", &filter).await, ["Two"], "{filter}");
        }
        let both = format!("displayName sw \"T\" and members.value eq \"{}\"", id(&ann));
        assert_eq!(server.find("/Groups", &both).await, ["Two"]);
        assert_eq!(server.find("/Groups", "members pr").await, ["One", "Two"]);
        let answer = server.list("/Groups", &[("filter", &format!("members eq \"{}\"", id(&ann)))]).await;
        assert_eq!(answer.status, whole);
        let hidden = format!("displayName pr and not (displayName eq \"x\" or members eq \"{}\")", id(&ann));
        assert_eq!(server.list("/Groups", &[("filter", &hidden)]).await.status, whole);
        if whole == 400 {
            answer.refused(400, "invalidFilter");
        }
    }
}

#[tokio::test]
async fn filters_see_what_others_changed() {
    let server = people(Dialect::reference()).await;
    let by_id = "externalId eq \"made by hand\"";
    assert!(server.find("/Users", by_id).await.is_empty());
    let new = User { name: "dora".to_owned(), external_id: "made by hand".to_owned(), ..User::default() };
    server.stand_in.world(|world| world.insert_user(new));
    assert_eq!(server.find("/Users", by_id).await, ["dora"]);
    assert_eq!(server.find("/Users", "userName eq \"Dora\"").await, ["dora"]);
    server.stand_in.world(|world| {
        let dora = world.user_named("dora").unwrap();
        world.change_user(dora, |user| user.external_id = "other".to_owned());
    });
    assert!(server.find("/Users", by_id).await.is_empty());
    let ann = server.stand_in.world(|world| world.user_named("ann").unwrap());
    let ann = format!("/Users/{}", server.stand_in.product(|scim| scim.id(ann)));
    server
        .patch(&ann, json!([{ "op": "replace", "path": "externalId", "value": "made by hand" }]))
        .await
        .ok(204);
    assert_eq!(server.find("/Users", by_id).await, ["Ann"]);
    server.put(&ann, &json!({ "userName": "Ann", "emails": [{ "value": "new@example.com" }] })).await.ok(200);
    assert!(server.find("/Users", by_id).await.is_empty());
    assert_eq!(server.find("/Users", "emails.value eq \"NEW@example.com\"").await, ["Ann"]);
    server.delete(&ann).await.ok(204);
    assert!(server.find("/Users", "emails.value eq \"new@example.com\"").await.is_empty());
}

#[tokio::test]
async fn filters_can_be_unknown() {
    for (status, kind) in [(400, "invalidFilter"), (501, "")] {
        let server = people(Dialect { filtering: Filtering::Refused(status), ..Dialect::reference() }).await;
        for path in ["/Users", "/Groups"] {
            server.list(path, &[("filter", "userName eq \"ann\"")]).await.refused(status, kind);
        }
        assert_eq!(server.get("/ServiceProviderConfig").await.body["filter"]["supported"], json!(false));
        assert_eq!(server.get("/Users").await.numbers()[0], 3);
    }
}

#[tokio::test]
async fn searches_are_lists_asked_for_with_post() {
    let server = people(Dialect::reference()).await;
    server.group("Ann's", &[]).await;
    let search = async |path: &str, body: Value| server.post(path, &body).await.ok(200);
    let found =
        search("/Users/.search", json!({ "filter": "userName eq \"ann\"", "attributes": ["userName"] }))
            .await;
    assert_eq!(
        (found.each("userName"), found.body["Resources"][0].get("title")),
        (vec!["Ann".to_owned()], None)
    );
    assert_eq!(search("/Groups/.search", json!({ "count": 0 })).await.numbers(), [1, 1, 0]);
    let both = search("/.search", json!({ "startIndex": 3, "count": 5 })).await;
    assert_eq!((both.numbers(), both.each("userName")), ([4, 3, 2], vec!["carol".to_owned(), String::new()]));
    server.post("/Users/.search", &json!({ "startIndex": "x" })).await.refused(400, "invalidValue");
}
