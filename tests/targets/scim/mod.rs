//! The client of SCIM services reads to the end or not at all, and writes so that twice is once, whatever the service is like.

use sandbox::product::{Fault, FaultKind, Serving, StandIn, World};
use sandbox::scim::{Dialect, Filtering, ItemsPerPage, Limit, NewMembers, Paging, Scim, UnknownMembers};
use usersyncd::config::model::Product;
use usersyncd::target::{Named, Write, Written};

use crate::support::{Client, With, created, group, person};

mod creating;
mod members;
mod reading;

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
    assert!(client.was_refused(), "monitoring is told");
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
    assert!(client.was_refused(), "monitoring is told");
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
