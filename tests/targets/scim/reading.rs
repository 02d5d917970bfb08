//! Lists: to their end or not at all, in few requests.

use super::*;

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
