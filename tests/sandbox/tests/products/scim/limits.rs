//! Limits, and what goes wrong on request.

use sandbox::product::{Fault, FaultKind};
use sandbox::scim::{Limit, Scim};
use serde_json::{Value, json};

use super::{Server, full, id};

fn entries(number: usize) -> Vec<Value> {
    (0..number).map(|number| json!({ "value": format!("id{number}") })).collect()
}

#[tokio::test]
async fn a_patch_has_so_many_changes_of_members() {
    let limit = Limit { most: 100, status: 400 };
    let server = Server::with(|dialect| dialect.member_changes_per_patch = Some(limit)).await;
    let path = server.group("Group", &[]).await;
    let add = |number| json!({ "op": "add", "path": "members", "value": entries(number) });
    let remove = |number| json!({ "op": "remove", "path": format!("members[value eq \"id{number}\"]") });
    server.patch(&path, json!([add(101)])).await.refused(400, "tooMany");
    server.patch(&path, json!([add(60), add(41)])).await.refused(400, "tooMany");
    server
        .patch(&path, json!([{ "op": "replace", "value": { "members": entries(101) } }]))
        .await
        .refused(400, "tooMany");
    assert_eq!(server.get(&path).await.members().len(), 0);
    server.patch(&path, json!([add(99), remove(0)])).await.ok(204);
    assert_eq!(server.get(&path).await.members().len(), 98);
    let removals: Vec<Value> = (0..101).map(remove).collect();
    server.patch(&path, json!(removals)).await.refused(400, "tooMany");
    server.patch(&path, json!(removals[..100])).await.ok(204);
    let many = json!({ "displayName": "Group", "members": entries(500) });
    server.put(&path, &many).await.ok(200);
}

#[tokio::test]
async fn a_request_has_so_many_members() {
    let limit = Limit { most: 8, status: 413 };
    let server = Server::with(|dialect| dialect.members_per_request = Some(limit)).await;
    let whole = |number| json!({ "displayName": "Group", "members": entries(number) });
    server.post("/Groups", &whole(9)).await.refused(413, "");
    let path = format!("/Groups/{}", server.post("/Groups", &whole(8)).await.ok(201).id());
    server.put(&path, &whole(9)).await.refused(413, "");
    server
        .patch(&path, json!([{ "op": "add", "path": "members", "value": entries(9) }]))
        .await
        .refused(413, "");
    assert_eq!(server.get(&path).await.members().len(), 8);
    server.patch(&path, json!([{ "op": "remove", "path": "members" }])).await.ok(204);
    let server = Server::of(Scim::reference()).await;
    server.post("/Groups", &whole(8001)).await.ok(201);
}

#[tokio::test]
async fn too_many_requests_say_how_long_to_wait_or_not() {
    for scim in [Scim::reference(), Scim::cloud()] {
        let server = Server::of(scim).await;
        for wait in [Some("17"), Some("Fri, 31 Dec 2027 23:59:59 GMT"), None] {
            let kind = FaultKind::TooManyRequests(wait.map(str::to_owned));
            let fault = server.stand_in.fault(Fault::on("list users", kind).times(1));
            let answer = server.get("/Users").await;
            answer.refused(429, "");
            assert_eq!(
                (answer.header("retry-after"), server.stand_in.met(fault)),
                (wait.unwrap_or_default(), 1)
            );
            server.get("/Users").await.ok(200);
        }
    }
}

#[tokio::test]
async fn faults_hit_what_they_are_meant_for() {
    let server = Server::of(Scim::reference()).await;
    let ann = server.user(full("ann")).await;
    let path = server.group("Group", &[]).await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&ann) }] }]);
    for status in [400, 403, 500, 503] {
        server.stand_in.fault(Fault::on("change members", FaultKind::Status(status)).times(1));
        server.patch(&path, add.clone()).await.refused(status, "");
    }
    assert_eq!(server.get(&path).await.members().len(), 0);
    server.stand_in.fault(Fault::on("change members", FaultKind::StatusAfterwards(500)).times(1));
    server.patch(&path, add).await.refused(500, "");
    assert_eq!(server.get(&path).await.members().len(), 1);
}
