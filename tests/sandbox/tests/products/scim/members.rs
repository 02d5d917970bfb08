//! Changes of members, one by one and as a whole.

use std::collections::BTreeSet;

use sandbox::scim::{Dialect, MemberDetails, Scim};
use serde_json::{Value, json};

use super::{Answer, GROUP, Server, full, id};

/// A group with ann and bob in it, and carol beside it.
struct Place {
    server: Server,
    group: String,
    ann: String,
    bob: String,
    carol: String,
}

impl Place {
    async fn of(scim: Scim) -> Self {
        let server = Server::of(scim).await;
        let mut ids = Vec::new();
        for name in ["ann", "bob", "carol"] {
            ids.push(id(&server.user(full(name)).await).to_owned());
        }
        let group = server.group("Group", &[&ids[0], &ids[1]]).await;
        let [ann, bob, carol] = ids.try_into().unwrap();
        Self { server, group, ann, bob, carol }
    }

    async fn with(change: impl FnOnce(&mut Dialect)) -> Self {
        let mut dialect = Dialect::reference();
        change(&mut dialect);
        Self::of(Scim::new(dialect)).await
    }

    async fn patch(&self, operations: Value) -> Answer {
        self.server.patch(&self.group, operations).await
    }

    async fn members(&self) -> Vec<String> {
        self.server.get(&self.group).await.ok(200).members()
    }

    /// Who is a member in the world.
    fn names(&self) -> Vec<String> {
        self.server.stand_in.world(|world| world.member_names("Group")).unwrap()
    }
}

fn add(ids: &[&str]) -> Value {
    let values: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
    json!([{ "op": "add", "path": "members", "value": values }])
}

fn remove(id: &str) -> Value {
    json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }])
}

#[tokio::test]
async fn members_come_and_go_one_by_one() {
    for (scim, done, nothing) in
        [(Scim::reference(), 204, 204), (Scim::other(), 200, 204), (Scim::cloud(), 200, 200)]
    {
        let place = Place::of(scim).await;
        let changes = place.server.changes();
        let added = place.patch(add(&[&place.carol])).await.ok(done);
        if done == 200 {
            assert_eq!(added.body, place.server.get(&place.group).await.body, "the whole group");
        }
        assert_eq!(place.names(), ["ann", "bob", "carol"]);
        place.patch(remove(&place.ann)).await.ok(done);
        assert_eq!(
            (place.names(), place.server.changes()),
            (vec!["bob".to_owned(), "carol".to_owned()], changes + 2)
        );
        place.patch(remove(&place.ann)).await.ok(nothing);
        assert_eq!(place.server.changes(), changes + 2, "who is gone is gone");
        assert_eq!(place.members().await, [place.bob.clone(), place.carol.clone()]);
    }
}

#[tokio::test]
async fn members_are_written_in_many_forms() {
    let place = Place::of(Scim::reference()).await;
    let carol = place.carol.as_str();
    for (come, go) in [
        (
            json!([{ "op": "Add", "path": "Members", "value": { "value": carol } }]),
            json!([{ "op": "Remove", "path": format!("MEMBERS[VALUE EQ \"{carol}\"]") }]),
        ),
        (
            json!([{ "op": "add", "value": { "members": [{ "value": carol }] } }]),
            json!([{ "op": "remove", "path": format!("{GROUP}:members[value eq \"{carol}\"]") }]),
        ),
        (
            json!([{ "op": "add", "path": "members", "value": [{ "value": carol }] }]),
            json!([{ "op": "remove", "path": format!("members[value eq \"{carol}\" or value eq \"x\"]") }]),
        ),
        (
            json!([{ "op": "add", "path": "members", "value": [{ "value": carol }] }]),
            json!([{ "op": "remove", "path": format!("members[not (value ne \"{carol}\")]") }]),
        ),
    ] {
        place.patch(come.clone()).await.ok(204);
        assert_eq!(place.names().len(), 3, "{come}");
        place.patch(go.clone()).await.ok(204);
        assert_eq!(place.names(), ["ann", "bob"], "{go}");
    }
    place.patch(json!([{ "op": "remove", "path": format!("members[value eq \"{}\" or value eq \"{}\"]", place.ann, place.bob) }])).await.ok(204);
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn all_members_are_replaced_or_removed() {
    for (scim, done, nothing) in [(Scim::reference(), 204, 204), (Scim::other(), 200, 204)] {
        let place = Place::of(scim).await;
        let replace = json!([{ "op": "replace", "path": "members", "value": [{ "value": place.bob }, { "value": place.carol }] }]);
        let changes = place.server.changes();
        place.patch(replace.clone()).await.ok(done);
        assert_eq!(
            (place.names(), place.server.changes()),
            (vec!["bob".to_owned(), "carol".to_owned()], changes + 2)
        );
        place.patch(replace).await.ok(nothing);
        place
            .patch(json!([{ "op": "replace", "value": { "members": [{ "value": place.ann }] } }]))
            .await
            .ok(done);
        assert_eq!(place.names(), ["ann"]);
        place.patch(json!([{ "op": "remove", "path": "members" }])).await.ok(done);
        assert!(place.members().await.is_empty());
        place.patch(json!([{ "op": "remove", "path": "members" }])).await.ok(nothing);
        place.patch(add(&[&place.ann])).await.ok(done);
        place.patch(json!([{ "op": "replace", "path": "members", "value": [] }])).await.ok(done);
        assert!(place.names().is_empty());
    }
}

#[tokio::test]
async fn removal_with_a_list_is_understood_or_not() {
    for (understood, status) in [(true, 204), (false, 400)] {
        let place = Place::with(|dialect| dialect.removal_by_value = understood).await;
        let answer = place.patch(json!([{ "op": "Remove", "path": "members", "value": [{ "value": place.ann }, { "value": place.carol }] }])).await;
        assert_eq!((answer.status, place.names().len()), (status, if understood { 1 } else { 2 }));
        if !understood {
            answer.refused(400, "invalidValue");
        }
    }
    assert!(!Dialect::reference().removal_by_value && Dialect::other().removal_by_value);
}

#[tokio::test]
async fn a_second_entry_is_kept_once_or_twice() {
    for (twice, entries) in [(false, 2), (true, 3)] {
        let place = Place::with(|dialect| dialect.duplicate_members = twice).await;
        place.patch(add(&[&place.ann])).await.ok(204);
        assert_eq!((place.members().await.len(), place.names().len()), (entries, 2));
        place.patch(remove(&place.ann)).await.ok(204);
        assert_eq!(place.members().await, [place.bob.as_str()], "all of its entries go");
    }
    assert!(!Dialect::reference().duplicate_members && Dialect::other().duplicate_members);
}

#[tokio::test]
async fn entries_are_told_as_they_were_given() {
    let place = Place::of(Scim::reference()).await;
    place.patch(json!([{ "op": "add", "path": "members", "value": [{ "value": place.carol, "display": "Carol", "type": "User" }] }])).await.ok(204);
    let entries = |answer: &Answer| answer.body["members"].as_array().unwrap().clone();
    let read = entries(&place.server.get(&place.group).await);
    assert_eq!(read[2], json!({ "value": place.carol, "display": "Carol", "type": "User" }));
    assert_eq!(read[0], json!({ "value": place.ann }));
    // As seen: an entry that differs in anything is another one.
    place
        .patch(json!([{ "op": "add", "path": "members", "value": [{ "value": place.ann, "type": "User" }] }]))
        .await
        .ok(204);
    assert_eq!(place.members().await.iter().filter(|id| **id == place.ann).count(), 2);
    place.patch(json!([{ "op": "replace", "path": format!("members[value eq \"{}\"].display", place.bob), "value": "Bob" }])).await.ok(204);
    assert!(
        entries(&place.server.get(&place.group).await)
            .contains(&json!({ "value": place.bob, "display": "Bob" }))
    );
    place.patch(json!([{ "op": "remove", "path": "members[display eq \"bob\"]" }])).await.ok(204);
    assert_eq!(place.names(), ["ann", "carol"]);
    let none = format!("members[value eq \"{}\"].display", place.bob);
    place.patch(json!([{ "op": "replace", "path": none, "value": "Bob" }])).await.refused(400, "noTarget");
    let other = json!([{ "op": "replace", "path": format!("members[value eq \"{}\"]", place.ann), "value": { "value": place.bob } }]);
    place.patch(other).await.refused(400, "mutability");
}

#[tokio::test]
async fn entries_are_told_as_the_service_knows_them() {
    let place = Place::with(|dialect| dialect.member_details = MemberDetails::Known).await;
    place
        .patch(
            json!([{ "op": "add", "path": "members", "value": [{ "value": place.carol, "display": "x" }] }]),
        )
        .await
        .ok(204);
    let read = place.server.get(&place.group).await;
    let location = format!("{}/scim/v2/Users/{}", place.server.stand_in.url(), place.carol);
    assert_eq!(
        read.body["members"][2],
        json!({ "type": "User", "value": place.carol, "display": "carol", "$ref": location })
    );
    let added = place.patch(add(&[&place.carol])).await;
    assert_eq!((added.status, place.members().await.len()), (204, 3));
}

#[tokio::test]
async fn members_that_do_not_exist_are_kept() {
    for (scim, done) in [(Scim::reference(), 204), (Scim::other(), 200)] {
        let place = Place::of(scim).await;
        place.patch(add(&["nobody", "00000000-75c1-4000-8000-00000000ffff"])).await.ok(done);
        assert_eq!((place.members().await.len(), place.names().len()), (4, 2));
        let body = json!({ "displayName": "Dangling", "members": [{ "value": "x" }, { "value": "y" }] });
        assert_eq!(place.server.post("/Groups", &body).await.ok(201).members(), ["x", "y"]);
        assert_eq!(place.server.find("/Groups", "members.value eq \"x\"").await, ["Dangling"]);
        place.patch(remove("nobody")).await.ok(done);
        place.patch(remove("00000000-75c1-4000-8000-00000000ffff")).await.ok(done);
        assert_eq!(place.members().await, [place.ann.clone(), place.bob.clone()]);
    }
}

#[tokio::test]
async fn groups_can_be_members() {
    let place = Place::of(Scim::reference()).await;
    let child = place.server.group("Child", &[]).await;
    place
        .patch(
            json!([{ "op": "add", "path": "members", "value": [{ "value": id(&child), "type": "Group" }] }]),
        )
        .await
        .ok(204);
    let children = || {
        place
            .server
            .stand_in
            .world(|world| world.groups()[&world.group_named("Group").unwrap()].children.len())
    };
    assert_eq!((children(), place.members().await.len()), (1, 3));
    assert_eq!(
        place.server.get(&place.group).await.body["members"][2],
        json!({ "value": id(&child), "type": "Group" })
    );
    place.patch(remove(id(&child))).await.ok(204);
    assert_eq!(children(), 0);
    place.patch(add(&[id(&child)])).await.ok(204);
    place
        .patch(json!([{ "op": "replace", "path": "members", "value": [{ "value": place.ann }] }]))
        .await
        .ok(204);
    assert_eq!((children(), place.names()), (0, vec!["ann".to_owned()]));
}

#[tokio::test]
async fn all_changes_happen_or_none() {
    let place = Place::of(Scim::reference()).await;
    let (ann, carol) = (&place.ann, &place.carol);
    let details = json!([{ "op": "add", "path": "members", "value": [{ "value": carol, "display": "C" }] }]);
    place.patch(details).await.ok(204);
    let before = (place.server.get(&place.group).await.body, place.server.changes());
    for last in [
        json!({ "op": "replace", "path": "foo", "value": 1 }),
        json!({ "op": "add", "path": "members", "value": ["text"] }),
        json!({ "op": "replace", "path": "members[value eq \"none\"].display", "value": "x" }),
        json!({ "op": "remove", "path": "members", "value": [{ "value": ann }] }),
    ] {
        let answer = place.patch(json!([
            { "op": "replace", "path": "displayName", "value": "New" },
            { "op": "remove", "path": format!("members[value eq \"{ann}\"]") },
            { "op": "remove", "path": format!("members[value eq \"{carol}\"]") },
            last,
        ]));
        assert_eq!(answer.await.status, 400, "{last}");
        assert_eq!((place.server.get(&place.group).await.body, place.server.changes()), before, "{last}");
    }
    place
        .patch(json!([
            { "op": "remove", "path": format!("members[value eq \"{ann}\"]") },
            { "op": "add", "path": "members", "value": [{ "value": ann }] },
            { "op": "remove", "path": format!("members[value eq \"{carol}\"]") },
            { "op": "replace", "path": "displayName", "value": "New" },
        ]))
        .await
        .ok(204);
    let members: BTreeSet<String> = place.members().await.into_iter().collect();
    assert_eq!(members, BTreeSet::from([place.ann.clone(), place.bob.clone()]));
    assert_eq!(place.server.changes(), before.1 + 2, "who left and came back never left");
}

#[tokio::test]
async fn wrong_entries_are_refused() {
    let place = Place::of(Scim::reference()).await;
    for value in
        [json!("text"), json!([5]), json!([{ "value": 5 }]), json!([{ "value": place.carol, "foo": 1 }])]
    {
        place
            .patch(json!([{ "op": "add", "path": "members", "value": value }]))
            .await
            .refused(400, "invalidValue");
    }
    place.patch(json!([{ "op": "add", "path": "members" }])).await.refused(400, "invalidValue");
    place
        .patch(json!([{ "op": "remove", "path": "members[foo eq \"x\"]" }]))
        .await
        .refused(400, "invalidFilter");
    place
        .patch(json!([{ "op": "replace", "path": "members.value", "value": "x" }]))
        .await
        .refused(400, "mutability");
    assert_eq!(place.names(), ["ann", "bob"]);
}
