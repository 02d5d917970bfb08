//! Groups are made, deleted and listed.

use sandbox::product::World;
use serde_json::json;

use super::{names, refused, start_usual};

/// Names with all that can go wrong in a query, and how they are written there.
pub(super) const ODD: [(&str, &str); 7] = [
    ("two words", "two+words"),
    ("a+b", "a%2Bb"),
    ("r&d", "r%26d"),
    ("one, two", "one%2C%20two"),
    ("up/down", "up/down"),
    ("Größe", "Gr%C3%B6%C3%9Fe"),
    ("100%", "100%25"),
];

#[tokio::test]
async fn a_group_is_created_listed_and_deleted() {
    let (stand_in, client) = start_usual(World::default()).await;
    for (name, coded) in ODD {
        let path = format!("/admin/groups?name={coded}");
        let answer = client.send("POST", &path).await;
        let expected = json!({ "name": name, "deletable": true });
        assert_eq!((answer.status, answer.json()), (200, expected.clone()));
        assert_eq!(answer.header("content-type"), Some("application/json;charset=UTF-8"));
        let (status, context, _) = refused(&client.send("POST", &path).await);
        assert_eq!((status, context), (409, json!("name")));
        let found = client.get(&format!("/admin/groups?filter={coded}")).await.json();
        assert_eq!(found["values"], json!([expected]));
        let found = client.get(&format!("/groups?filter={coded}")).await.json();
        assert_eq!(found["values"], json!([name]), "the names alone");
        let answer = client.send("DELETE", &path).await;
        assert_eq!((answer.status, answer.json()), (200, expected));
        assert_eq!(refused(&client.send("DELETE", &path).await).0, 404);
    }
    assert!(stand_in.world(|world| world.groups().is_empty()));
    for method in ["POST", "DELETE"] {
        for path in ["/admin/groups", "/admin/groups?name="] {
            assert_eq!(refused(&client.send(method, path).await).0, 400, "{method} {path}");
        }
    }
    let body = json!({ "name": "by body" });
    assert_eq!(client.send_json("POST", "/admin/groups", &body).await.status, 400);
}

#[tokio::test]
async fn names_are_compared_without_case() {
    let mut world = World::default();
    world.add_group("Team");
    let (_stand_in, client) = start_usual(world).await;
    assert_eq!(client.send("POST", "/admin/groups?name=TEAM").await.status, 409);
    assert_eq!(names(&client.get("/admin/groups?filter=eAm").await.json()), ["Team"]);
}

#[tokio::test]
async fn the_group_of_the_administrators_stays() {
    let mut world = World::default();
    world.add_group("stash-admins");
    world.add_group("operators");
    let (stand_in, client) = start_usual(world).await;
    assert_eq!(refused(&client.send("DELETE", "/admin/groups?name=stash-admins").await).0, 409);
    stand_in.product(|bitbucket| bitbucket.admin_group = "operators".to_owned());
    assert_eq!(client.send("DELETE", "/admin/groups?name=stash-admins").await.status, 200);
    assert_eq!(client.send("DELETE", "/admin/groups?name=OPERATORS").await.status, 409);
}

#[tokio::test]
async fn directories_are_listed() {
    let (stand_in, client) = start_usual(World::default()).await;
    let internal = json!({
        "name": "Bitbucket Internal Directory", "type": "INTERNAL", "description": "", "active": true,
    });
    assert_eq!(client.get("/admin/user-directories").await.json(), json!([internal]));
    let id = stand_in.world(|world| world.add_user("far"));
    stand_in.world(|world| world.change_user(id, |user| user.read_only = true));
    let all = client.get("/admin/user-directories?includeInactive=true").await.json();
    let active: Vec<bool> = all.as_array().unwrap().iter().map(|one| one["active"] == true).collect();
    assert_eq!(active, [true, true, false]);
}
