//! The life of a group.

use sandbox::crowd::Crowd;
use sandbox::product::{Fault, FaultKind};
use usersyncd::sync::model::GroupAttributes;
use usersyncd::target::{Named, Write, Written};

use super::{ODD_NAMES, asked, changes, counts, named, refusal, refused, says, serve, start, world};
use crate::support::group;

fn described(name: &str, description: &str) -> GroupAttributes {
    GroupAttributes { name: name.into(), description: description.into() }
}

fn describe(group: &Named, before: &str, after: &str) -> Write {
    let (before, attributes) = (described(&group.name, before), described(&group.name, after));
    Write::UpdateGroup { group: group.clone(), source: Some("00g1".into()), before, attributes }
}

#[tokio::test]
async fn a_group_lives() {
    for without_body in [false, true] {
        let crowd = Crowd { group_update_without_body: without_body, ..Crowd::default() };
        let (server, client) = start(crowd, world(&[], &[])).await;
        for name in ODD_NAMES {
            let write = Write::CreateGroup {
                source: "00g1".into(),
                attributes: described(name, "first & <only>"),
                members: Vec::new(),
            };
            let id = crate::support::created(client.write(write).await);
            assert_eq!(id.0, name.to_lowercase());
            assert_eq!(asked(&server), counts([("create group", 1)]));
            let odd = Named { id, name: name.into() };
            client.write(describe(&odd, "first & <only>", "second")).await.unwrap();
            assert_eq!(asked(&server), counts([("read group", 1), ("update group", 1)]));
            let before = changes(&server);
            client.write(describe(&odd, "first & <only>", "second")).await.unwrap();
            assert_eq!(changes(&server), before);
            assert_eq!(client.read().await.snapshot.groups[0].attributes, described(name, "second"));
            asked(&server);
            client.write(Write::DeleteGroup { group: odd.clone() }).await.unwrap();
            let expected = [("list members", 1), ("list child groups", 1), ("delete group", 1)];
            assert_eq!(asked(&server), counts(expected));
            let before = changes(&server);
            assert_eq!(client.write(Write::DeleteGroup { group: odd }).await, Ok(Written::Done));
            assert_eq!(changes(&server), before);
            server.forget();
        }
    }
}

#[tokio::test]
async fn a_change_of_nothing_asks_nothing_and_a_name_is_not_changed() {
    let (server, client) = serve(&[], &["Team"]).await;
    let team = named("team", "Team");
    client.write(describe(&team, "same", "same")).await.unwrap();
    assert_eq!(server.book().total(), 0);
    let write =
        Write::UpdateGroup { group: team, source: None, before: group("Team"), attributes: group("Crew") };
    says(&refused(client.write(write).await), &["group Team was not changed", "cannot rename groups"]);
    assert_eq!(server.book().total(), 0);
    says(
        &refused(client.write(describe(&named("gone", "gone"), "", "x")).await),
        &["group gone", "no longer"],
    );
}

#[tokio::test]
async fn a_group_that_has_members_is_not_deleted() {
    for nested in [true, false] {
        let mut world = world(&["anna"], &["team", "parent", "empty"]);
        let [team, parent] = ["team", "parent"].map(|name| world.group_named(name).unwrap());
        let anna = world.user_named("anna").unwrap();
        world.add_member(team, anna);
        if nested {
            world.change_group(parent, |group| {
                group.children.insert(team);
            });
        }
        let (server, client) = start(Crowd { nested_groups: nested, ..Crowd::default() }, world).await;
        let before = changes(&server);
        let delete = |name| client.write(Write::DeleteGroup { group: named(name, name) });
        says(&refused(delete("team").await), &["group team was not deleted", "members"]);
        if nested {
            says(&refused(delete("parent").await), &["group parent was not deleted", "members"]);
        }
        assert_eq!(changes(&server), before);
        assert_eq!(delete("empty").await, Ok(Written::Done));
        assert_eq!(delete("never-there").await, Ok(Written::Done));
    }
}

#[tokio::test]
async fn an_unknown_group_may_look_empty() {
    let crowd = Crowd { unknown_group_has_no_members: true, ..Crowd::default() };
    let (server, client) = start(crowd, world(&[], &[])).await;
    assert_eq!(client.write(Write::DeleteGroup { group: named("gone", "gone") }).await, Ok(Written::Done));
    // A directory that has no nested groups has none to show.
    let (other, client) = serve(&[], &["team"]).await;
    let none = refusal(400, "NESTED_GROUPS_NOT_SUPPORTED", "no nested groups");
    let fault = other.fault(Fault::on("list child groups", FaultKind::Answer(none)));
    assert_eq!(client.write(Write::DeleteGroup { group: named("team", "team") }).await, Ok(Written::Done));
    assert_eq!((other.met(fault), other.world(|world| world.groups().len())), (1, 0));
    drop(server);
}
