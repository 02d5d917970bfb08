//! The client of SCIM services reads to the end or not at all, and writes so that twice is once, whatever the service is like.

use sandbox::product::{Fault, FaultKind, Serving, StandIn, World};
use sandbox::scim::{Dialect, Filtering, ItemsPerPage, Limit, NewMembers, Paging, Scim, UnknownMembers};
use usersyncd::config::model::Product;
use usersyncd::target::{Named, Write, Written};

use crate::support::{Client, With, created, group, person};

type Service = StandIn<Scim>;

/// A service, and a client of it.
async fn service(scim: Scim, world: World) -> (Service, Client) {
    let (base, token) = (scim.base.clone(), scim.token.clone());
    let product = if scim.dialect.atlassian { Product::AtlassianCloud } else { Product::Scim };
    let service = StandIn::start(scim, world, Serving::default()).await.unwrap();
    let client = Client::new(product, &format!("{}{base}", service.url()), With::Token(&token));
    (service, client)
}

/// The two services that were looked at, and that of Atlassian.
fn all() -> [Scim; 3] {
    [Scim::reference(), Scim::other(), Scim::cloud()]
}

fn with(change: impl FnOnce(&mut Dialect)) -> Scim {
    let mut scim = Scim::reference();
    change(&mut scim.dialect);
    scim
}

/// So many users and one group of all of them.
fn crowd(count: usize) -> World {
    let mut world = World::default();
    let staff = world.add_group("staff");
    for number in 0..count {
        let user = world.add_user(&format!("user{number:04}"));
        world.add_member(staff, user);
    }
    world
}

#[tokio::test]
async fn a_life_of_users_and_groups() {
    for scim in all() {
        let name = scim.base.clone();
        let fixed_names = scim.dialect.fixed_group_names;
        let (service, client) = service(scim, World::default()).await;
        let anna = client.create_user("00u1", "anna").await;
        let bert = client.create_user("00u2", "bert").await;
        let staff = client.create_group("00g1", "staff").await;
        assert_eq!(client.change_members(&staff, &[anna.clone(), bert.clone()], &[]).await, []);
        let seen = client.read().await;
        assert_eq!(
            seen.users().into_iter().collect::<Vec<_>>(),
            [("anna".into(), true), ("bert".into(), true)]
        );
        assert_eq!(seen.user("anna"), person("anna"), "{name}");
        assert_eq!(seen.groups()["staff"], ["anna", "bert"]);
        assert!(seen.snapshot.users.iter().all(|user| user.source.is_some()), "our id is kept");

        let mut after = person("anna2");
        (after.first_name, after.display_name) = ("Anna".into(), "".into());
        let update =
            |before, attributes| Write::UpdateUser { user: anna.clone(), source: None, before, attributes };
        client.write(update(person("anna"), after.clone())).await.unwrap();
        client.write(Write::SetActive { user: bert.clone(), active: false }).await.unwrap();
        if !fixed_names {
            let rename = Write::UpdateGroup {
                group: staff.clone(),
                source: None,
                before: group("staff"),
                attributes: group("people"),
            };
            client.write(rename).await.unwrap();
        }
        assert_eq!(client.change_members(&staff, &[], std::slice::from_ref(&bert)).await, []);
        let seen = client.read().await;
        assert_eq!(seen.user("anna2"), after, "{name}");
        assert!(!seen.users()["bert"]);
        assert_eq!(seen.groups()[if fixed_names { "staff" } else { "people" }], ["anna2"]);

        if client.capabilities().delete_users {
            let delete = Write::DeleteUser { user: anna.clone(), groups: vec![staff.clone()] };
            for _ in 0..2 {
                assert_eq!(client.write(delete.clone()).await, Ok(Written::Done));
            }
            assert_eq!(client.read().await.users().len(), 1);
        } else {
            client.change_members(&staff, &[], std::slice::from_ref(&anna)).await;
        }
        for _ in 0..2 {
            assert_eq!(client.write(Write::DeleteGroup { group: staff.clone() }).await, Ok(Written::Done));
        }
        assert!(client.read().await.groups().is_empty());
        assert!(service.world(|world| world.groups().is_empty()));
    }
}

#[tokio::test]
async fn what_is_so_already_changes_nothing() {
    for scim in all() {
        let (service, client) = service(scim, World::default()).await;
        let anna = client.create_user("00u1", "anna").await;
        let staff = client.create_group("00g1", "staff").await;
        client.change_members(&staff, std::slice::from_ref(&anna), &[]).await;
        let before = service.world(|world| world.changes);
        let again = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true };
        assert_eq!(created(client.write(again).await), anna.id, "what bears our id is ours");
        let same = Write::SetActive { user: anna.clone(), active: true };
        client.write(same).await.unwrap();
        let nobody: [Named; 0] = [];
        client.change_members(&staff, &nobody, &nobody).await;
        assert_eq!(service.world(|world| world.changes), before);
    }
}

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

#[tokio::test]
async fn a_service_without_patch_keeps_what_is_not_ours() {
    let (service, client) = service(with(|dialect| dialect.patch = false), World::default()).await;
    let anna = client.create_user("00u1", "anna").await;
    service.world(|world| {
        let id = world.user_named("anna").unwrap();
        world.change_user(id, |user| {
            user.attributes.insert("nickName".to_owned(), vec!["\"Annie\"".to_owned()]);
        });
    });
    client.read().await;
    let mut after = person("anna");
    after.display_name = "Anna B".into();
    let update =
        Write::UpdateUser { user: anna.clone(), source: None, before: person("anna"), attributes: after };
    client.write(update).await.unwrap();
    client.write(Write::SetActive { user: anna, active: false }).await.unwrap();
    let user = service.world(|world| world.users()[&world.user_named("anna").unwrap()].clone());
    assert_eq!((user.display_name.as_str(), user.active), ("Anna B", false));
    assert_eq!(user.attributes["nickName"], ["\"Annie\""]);
    assert_eq!(user.email, "anna@example.com");
}

#[tokio::test]
async fn every_way_of_paging_ends_with_everybody_or_with_an_error() {
    for (scim, whole) in [
        (with(|dialect| dialect.max_results = Some(7)), true),
        (with(|dialect| dialect.max_results = Some(100)), true),
        (with(|dialect| dialect.paging = Paging::RestartsPastEnd), true),
        (with(|dialect| dialect.items_per_page = ItemsPerPage::Asked), true),
        (with(|dialect| dialect.members_in_lists = false), true),
        (with(|dialect| dialect.empty_members = true), true),
        (with(|dialect| (dialect.paging, dialect.page_size) = (Paging::FirstPageOnly, 20)), false),
        (with(|dialect| (dialect.max_results, dialect.total_drift) = (Some(50), 1)), false),
        (with(|dialect| (dialect.max_results, dialect.total_drift) = (Some(50), -1)), false),
        (with(|dialect| (dialect.max_results, dialect.repeats_across_pages) = (Some(50), true)), false),
        (Scim::other(), true),
        (Scim::cloud(), true),
    ] {
        let dialect = scim.dialect.clone();
        let (_service, mut client) = service(scim, crowd(250)).await;
        client.wants_groups(&["staff"]);
        match client.try_read().await {
            Ok(snapshot) => {
                assert!(whole, "{dialect:?}");
                assert_eq!(
                    (snapshot.users.len(), snapshot.groups[0].members.len()),
                    (250, 250),
                    "{dialect:?}"
                );
            }
            Err(error) => {
                assert!(!whole, "{error}");
                assert!(error.to_string().contains("could not be read to the end"), "{error}");
                assert!(error.to_string().contains("nothing was changed"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_read_takes_the_fewest_requests() {
    let (service, client) = service(with(|dialect| dialect.max_results = Some(100)), crowd(250)).await;
    client.read().await;
    let book = service.book();
    assert_eq!((book.of("list users"), book.of("list groups"), book.total()), (3, 1, 5));
    let (service, client) = self::service(Scim::cloud(), crowd(250)).await;
    client.read().await;
    assert_eq!(service.book().total(), 4);
}

#[tokio::test]
async fn groups_without_members_are_asked_for_only_where_that_may_not_be_all() {
    for (in_lists, known, asked) in [(true, false, 0), (true, true, 1), (false, false, 3)] {
        let mut world = crowd(5);
        world.add_group("empty");
        world.add_group("vacant");
        let scim = with(|dialect| dialect.members_in_lists = in_lists);
        let (service, mut client) = service(scim, world).await;
        client.wants_groups(&["staff", "empty", "vacant"]);
        let seen = client.read().await;
        if known {
            // The ledger has memberships in it.
            let empty = seen.snapshot.groups.iter().find(|group| group.attributes.name == "empty").unwrap();
            client.interest.filled.insert(empty.id.clone());
        }
        service.forget();
        let seen = client.read().await;
        assert_eq!(service.book().of("read group"), asked, "{in_lists} {known}");
        assert_eq!((seen.groups()["staff"].len(), seen.groups()["empty"].len()), (5, 0));
    }
}

#[tokio::test]
async fn many_groups_come_in_pages_as_long_as_their_members_allow() {
    for (scim, most) in [(Scim::reference(), 2), (with(|dialect| dialect.max_results = Some(100)), 8)] {
        let mut world = crowd(3);
        for number in 0..750 {
            world.add_group(&format!("group{number:03}"));
        }
        let (service, client) = service(scim, world).await;
        service.forget();
        assert_eq!(client.read().await.groups().len(), 751);
        assert_eq!(service.book().of("list groups"), most, "{:?}", service.book().lines);
    }
}

#[tokio::test]
async fn a_write_takes_one_request() {
    for scim in all() {
        let (service, client) = service(scim, World::default()).await;
        service.forget();
        let anna = client.create_user("00u1", "anna").await;
        let staff = client.create_group("00g1", "staff").await;
        client.change_members(&staff, std::slice::from_ref(&anna), &[]).await;
        let mut after = person("anna");
        after.display_name = "Anna B".into();
        let update =
            Write::UpdateUser { user: anna.clone(), source: None, before: person("anna"), attributes: after };
        client.write(update).await.unwrap();
        client.write(Write::SetActive { user: anna, active: false }).await.unwrap();
        assert_eq!(service.book().total(), 5, "{:?}", service.book().lines);
    }
}

#[tokio::test]
async fn refusals_are_said_in_words() {
    let (service, client) = service(Scim::cloud(), crowd(3)).await;
    let said = async |kind: FaultKind| {
        let fault = service.fault(Fault::on_any(kind));
        let error = client.try_read().await.unwrap_err().to_string();
        assert!(service.met(fault) > 0);
        service.clear_faults();
        error
    };
    let error = said(FaultKind::Status(401)).await;
    assert!(error.contains("refused what is in the file") && error.contains("401"), "{error}");
    let error = said(FaultKind::Status(403)).await;
    assert!(error.contains("does not let the list of users be read: 403"), "{error}");
    let error = said(FaultKind::Maintenance).await;
    assert!(error.contains("503") && error.contains("Down for maintenance"), "{error}");
    assert!(error.contains("may be starting, or being upgraded"), "{error}");
    let error = said(FaultKind::HalfBody).await;
    assert!(error.contains("no SCIM resource"), "{error}");
    let error = said(FaultKind::TooManyRequests(Some("100000".to_owned()))).await;
    assert!(error.contains("429"), "{error}");
}

#[tokio::test]
async fn refused_credentials_stop_the_run_and_nothing_is_said_of_them() {
    let (service, client) = service(Scim::reference(), World::default()).await;
    let fault = service.fault(Fault::on("create user", FaultKind::Status(401)));
    let create = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: true };
    let error = client.write(create).await.unwrap_err();
    assert_eq!(service.met(fault), 1, "once: more tries lock accounts");
    assert!(error.fatal && !error.uncertain, "{error:?}");
    assert!(!error.message.contains("secret"), "{error}");
}

#[tokio::test]
async fn after_a_429_everybody_waits_and_then_it_is_done() {
    let (service, client) = service(Scim::reference(), World::default()).await;
    let fault =
        service.fault(Fault::on("create user", FaultKind::TooManyRequests(Some("0".to_owned()))).times(9));
    client.create_user("00u1", "anna").await;
    assert_eq!(service.met(fault), 9, "more often than other failures are tolerated");
}

#[tokio::test]
async fn three_requests_in_a_row_without_an_answer_end_it() {
    let (service, client) = service(Scim::reference(), crowd(3)).await;
    let seen = client.read().await;
    let fault = service.fault(Fault::on_any(FaultKind::Status(500)));
    let mut fatal = Vec::new();
    for user in &seen.snapshot.users {
        let user = Named { id: user.id.clone(), name: user.attributes.username.clone() };
        fatal.push(client.write(Write::SetActive { user, active: false }).await.unwrap_err().fatal);
    }
    assert!(service.met(fault) > 3);
    assert_eq!(fatal, [false, false, true]);
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
async fn odd_names_arrive_as_they_are() {
    for scim in all() {
        let dialect = scim.dialect.clone();
        let (service, client) = service(scim, World::default()).await;
        for (number, name) in ["a b", "a+b&c=d", "x/y%2Fz", "müller", "o\"brien\\"].into_iter().enumerate() {
            let user = client.create_user(&format!("00u{number}"), name).await;
            let again = Write::CreateUser {
                source: format!("00u{number}").as_str().into(),
                attributes: person(name),
                active: true,
            };
            assert_eq!(created(client.write(again).await), user.id, "{name} {dialect:?}");
        }
        assert_eq!(service.world(|world| world.users().len()), 5);
    }
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
async fn a_group_that_somebody_filled_is_not_deleted() {
    let (service, client) = service(Scim::reference(), crowd(2)).await;
    let seen = client.read().await;
    let staff = Named { id: seen.snapshot.groups[0].id.clone(), name: "staff".into() };
    let error = client.write(Write::DeleteGroup { group: staff }).await.unwrap_err();
    assert!(error.message.contains("2 members were put into it meanwhile"), "{error}");
    assert_eq!(service.world(|world| world.groups().len()), 1);
}

#[tokio::test]
async fn writes_that_wait_when_the_credentials_are_refused_are_not_sent() {
    let (service, client) = service(Scim::reference(), World::default()).await;
    let fault = service.fault(Fault::on("create user", FaultKind::Status(401)));
    let create = |number: usize| {
        let (source, attributes) = (format!("00u{number}").as_str().into(), person(&format!("p{number}")));
        client.write(Write::CreateUser { source, attributes, active: true })
    };
    let answers = futures_util::future::join_all((0..100).map(create)).await;
    for answer in &answers {
        let error = answer.as_ref().unwrap_err();
        assert!(error.fatal && !error.uncertain && error.message.contains("401"), "{error:?}");
    }
    let at_once = client.capabilities().pace.at_once as u64;
    assert!(service.met(fault) <= at_once, "more refusals lock accounts: {}", service.met(fault));
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
