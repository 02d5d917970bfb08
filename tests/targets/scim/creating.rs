//! What is created once, and whose it is.

use super::*;

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_taken() {
    for scim in all() {
        let mut world = World::default();
        world.add_user("anna");
        let (service, client) = service(scim, world).await;
        let before = service.world(|world| world.changes);
        let create = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true };
        let error = client.write(create).await.unwrap_err();
        assert!(error.message.starts_with("user anna was not created: "), "{error}");
        assert!(error.message.contains("409") && !error.uncertain, "{error}");
        assert_eq!(service.world(|world| world.changes), before);
    }
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_and_not_made_again() {
    for scim in all() {
        for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(500), FaultKind::Reset] {
            let (service, client) = service(scim.clone(), World::default()).await;
            for (operation, write) in [
                (
                    "create user",
                    Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true },
                ),
                (
                    "create group",
                    Write::CreateGroup {
                        source: "00g1".into(),
                        attributes: group("staff"),
                        members: Vec::new(),
                    },
                ),
            ] {
                let fault = service.fault(Fault::on(operation, kind.clone()).times(1));
                created(client.write(write).await);
                assert_eq!(service.met(fault), 1, "{operation} {kind:?}");
            }
            let made = service.world(|world| (world.users().len(), world.groups().len()));
            assert_eq!(made, (1, 1), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_create_that_is_never_answered_is_for_the_next_run_to_find() {
    let (service, client) = service(Scim::reference(), World::default()).await;
    let lost = service.fault(Fault::on("create user", FaultKind::LostAnswer));
    let blind = service.fault(Fault::on("list users", FaultKind::Status(500)));
    let create = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true };
    let error = client.write(create).await.unwrap_err();
    assert_eq!((service.met(lost), service.met(blind) > 0), (1, true));
    assert!(error.uncertain, "{error:?}");
}

#[tokio::test]
async fn a_new_group_has_its_members_from_the_beginning_where_the_service_says_so() {
    let told = |new_members| with(|dialect| dialect.new_members = new_members);
    let [reference, other, cloud] = all();
    for (scim, filled, most) in [
        (reference, true, 1),
        (other, true, 1),
        (cloud, true, 1),
        (told(NewMembers::Untold), true, 2),
        (told(NewMembers::Dropped), false, 2),
        (told(NewMembers::Refused), false, 2),
    ] {
        let dialect = scim.dialect.new_members;
        let (service, client) = service(scim, World::default()).await;
        let people = [client.create_user("00u1", "anna").await, client.create_user("00u2", "bert").await];
        let create = |name: &str| Write::CreateGroup {
            source: format!("00g-{name}").as_str().into(),
            attributes: group(name),
            members: people.to_vec(),
        };
        service.forget();
        let answer = client.write(create("staff")).await.unwrap();
        assert!(service.book().total() <= most, "{dialect:?}: {:?}", service.book().lines);
        let id = match answer {
            Written::Filled(id) if filled => id,
            Written::Created(id) if !filled => id,
            other => panic!("{dialect:?}: {other:?}"),
        };
        let members = service.world(|world| world.member_names("staff").unwrap());
        assert_eq!(members.len(), if filled { 2 } else { 0 }, "{dialect:?}");
        if !filled {
            let staff = Named { id, name: "staff".into() };
            assert_eq!(client.change_members(&staff, &people, &[]).await, []);
        }
        // A service that does nothing with them is not sent any again.
        service.forget();
        client.write(create("board")).await.unwrap();
        let most = if dialect == NewMembers::Dropped { 1 } else { most };
        assert!(service.book().total() <= most, "{dialect:?}: {:?}", service.book().lines);
    }
}

#[tokio::test]
async fn a_new_group_whose_answer_was_lost_has_its_members_once() {
    for scim in all() {
        for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(502), FaultKind::Status(503)] {
            let (service, client) = service(scim.clone(), World::default()).await;
            let people = [client.create_user("00u1", "anna").await, client.create_user("00u2", "bert").await];
            let fault = service.fault(Fault::on("create group", kind.clone()).times(1));
            let members = people.to_vec();
            let create = Write::CreateGroup { source: "00g1".into(), attributes: group("staff"), members };
            let answer = client.write(create).await.unwrap();
            assert!(matches!(answer, Written::Filled(_)), "{kind:?}: {answer:?}");
            assert_eq!(service.met(fault), 1);
            assert_eq!(client.read().await.groups()["staff"], ["anna", "bert"], "{kind:?}");
            assert_eq!(service.world(|world| world.groups().len()), 1);
        }
    }
}

#[tokio::test]
async fn one_member_of_a_new_group_who_is_gone_leaves_it_empty_for_now() {
    let (service, client) = service(Scim::cloud(), World::default()).await;
    let anna = client.create_user("00u1", "anna").await;
    let nobody = Named { id: "00000000-0000-0000-0000-00000000dead".into(), name: "nobody".into() };
    let members = vec![anna, nobody];
    let create = Write::CreateGroup { source: "00g1".into(), attributes: group("staff"), members };
    created(client.write(create).await);
    assert_eq!(service.world(|world| world.member_names("staff").unwrap().len()), 0);
}

#[tokio::test]
async fn a_password_is_made_where_one_is_wanted() {
    let (service, client) = service(with(|dialect| dialect.password_required = true), World::default()).await;
    client.create_user("00u1", "anna").await;
    client.create_user("00u2", "bert").await;
    let passwords: Vec<String> =
        service.world(|world| world.users().values().map(|user| user.password.clone()).collect());
    assert!(passwords.iter().all(|password| password.len() == 40), "{passwords:?}");
    assert_ne!(passwords[0], passwords[1]);
}

#[tokio::test]
async fn a_service_without_filters_says_that_the_name_is_taken() {
    let refused = with(|dialect| dialect.filtering = Filtering::Refused(501));
    let (_service, client) = service(refused, World::default()).await;
    client.create_user("00u1", "anna").await;
    let again = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true };
    let error = client.write(again).await.unwrap_err();
    assert!(error.message.contains("409"), "{error}");
}

#[tokio::test]
async fn a_create_that_cannot_be_looked_for_is_uncertain_whatever_keeps_us_from_looking() {
    for kind in [FaultKind::Status(401), FaultKind::Status(403), FaultKind::Reset] {
        let (service, client) = service(Scim::reference(), World::default()).await;
        let lost = service.fault(Fault::on("create user", FaultKind::LostAnswer).times(1));
        let blind = service.fault(Fault::on("list users", kind.clone()));
        let create = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true };
        let answer = client.write(create).await;
        assert_eq!((service.met(lost), service.met(blind) > 0), (1, true), "{kind:?}");
        assert!(answer.as_ref().is_err_and(|error| error.uncertain), "{kind:?}: {answer:?}");
    }
}
