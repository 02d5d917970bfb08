//! Members: in few requests, in the form that the service takes, nobody twice.

use super::*;

#[tokio::test]
async fn members_whose_answer_was_lost_are_read_back_and_nobody_is_added_twice() {
    for scim in all() {
        let (service, client) = service(scim, crowd(30)).await;
        let seen = client.read().await;
        let named = |name: &str| {
            let users = seen.snapshot.users.iter();
            let mut found = users.filter(|user| user.attributes.username == name);
            found.next().map(|user| Named { id: user.id.clone(), name: name.into() }).unwrap()
        };
        let group = client.create_group("00g9", "new").await;
        let people: Vec<Named> = (0..10).map(|number| named(&format!("user{number:04}"))).collect();
        for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(502), FaultKind::Status(503)] {
            for (added, removed, left) in [(&people[..], &[][..], 10), (&[], &people[..], 0)] {
                let fault = service.fault(Fault::on("change members", kind.clone()).times(1));
                assert_eq!(client.change_members(&group, added, removed).await, []);
                assert_eq!(service.met(fault), 1);
                service.clear_faults();
                assert_eq!(service.world(|world| world.member_names("new").unwrap().len()), left);
                assert_eq!(client.read().await.groups()["new"].len(), left, "none of them twice");
            }
        }
    }
}

#[tokio::test]
async fn many_members_go_in_as_few_requests_as_the_service_takes() {
    let limit = |status| Some(Limit { most: 100, status });
    for (scim, most) in [
        (with(|_| {}), 3),
        (with(|dialect| dialect.member_changes_per_patch = limit(400)), 50),
        (with(|dialect| dialect.members_per_request = limit(413)), 50),
    ] {
        let (service, client) = service(scim, crowd(2_500)).await;
        let seen = client.read().await;
        let people: Vec<Named> = seen
            .snapshot
            .users
            .iter()
            .map(|user| Named { id: user.id.clone(), name: user.attributes.username.clone() })
            .collect();
        let group = client.create_group("00g9", "new").await;
        service.forget();
        assert_eq!(client.change_members(&group, &people, &[]).await, []);
        assert_eq!(service.world(|world| world.member_names("new").unwrap().len()), 2_500);
        let requests = service.book().of("change members");
        assert!(requests <= most, "{requests}");
        service.forget();
        assert_eq!(client.change_members(&group, &[], &people).await, []);
        assert_eq!(service.world(|world| world.member_names("new").unwrap().len()), 0);
        assert!(service.book().total() <= most, "the limit is known by now: {:?}", service.book().requests);
    }
}

#[tokio::test]
async fn one_member_who_is_gone_stops_nobody_else() {
    let mut refusing = with(|dialect| dialect.unknown_members = UnknownMembers::Refused);
    refusing.dialect.unique_group_names = true;
    for scim in [refusing, Scim::cloud()] {
        let (service, client) = service(scim, World::default()).await;
        let mut people = Vec::new();
        for number in 0..5 {
            people.push(client.create_user(&format!("00u{number}"), &format!("user{number}")).await);
        }
        let staff = client.create_group("00g1", "staff").await;
        let nobody = Named { id: "00000000-0000-0000-0000-00000000dead".into(), name: "nobody".into() };
        people.insert(2, nobody.clone());
        let failed = client.change_members(&staff, &people, &[]).await;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, nobody.id);
        assert_eq!(service.world(|world| world.member_names("staff").unwrap().len()), 5);
    }
}

#[tokio::test]
async fn every_form_of_removal_is_tried() {
    for scim in [
        with(|dialect| dialect.filter_paths = false),
        with(|dialect| (dialect.filter_paths, dialect.removal_by_value) = (false, true)),
        with(|dialect| dialect.patch = false),
    ] {
        let dialect = scim.dialect.clone();
        let (service, client) = service(scim, crowd(5)).await;
        let seen = client.read().await;
        let named = |at: usize| {
            let user = &seen.snapshot.users[at];
            Named { id: user.id.clone(), name: user.attributes.username.clone() }
        };
        let staff = Named { id: seen.snapshot.groups[0].id.clone(), name: "staff".into() };
        assert_eq!(client.change_members(&staff, &[], &[named(1), named(3)]).await, []);
        let left = service.world(|world| world.member_names("staff").unwrap());
        assert_eq!(left, ["user0000", "user0002", "user0004"], "{dialect:?}");
        assert_eq!(client.change_members(&staff, &[named(1)], &[named(0)]).await, []);
        let left = service.world(|world| world.member_names("staff").unwrap());
        assert_eq!(left, ["user0001", "user0002", "user0004"], "{dialect:?}");
    }
}
