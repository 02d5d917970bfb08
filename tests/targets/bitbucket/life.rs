//! What is read and written.

use super::*;

#[tokio::test]
async fn the_life_of_a_user() {
    let (stand, client) = usual(&[]).await;
    let anna = client.create_user("00u1", "Anna").await;
    let seen = client.read().await;
    let user = seen.snapshot.users.iter().find(|user| user.id == anna.id).unwrap();
    assert_eq!((user.attributes.clone(), user.active, &user.source), (person("Anna"), true, &None));
    assert_eq!(anna, named(&stand, "Anna"));
    assert_eq!(stand.product(|product| product.mails_sent), 0);
    assert!(client.read().await.groups().is_empty(), "nobody is put into the default group");
    let stored = stand.world(|world| world.users()[&world.user_named("anna").unwrap()].clone());
    assert_eq!(stored.password.len(), 40);

    let changed =
        UserAttributes { display_name: "B".into(), email: "b@example.com".into(), ..person("Anna") };
    let renamed = UserAttributes { username: "annab".into(), ..changed.clone() };
    let both = UserAttributes { username: "annac".into(), ..person("Anna") };
    let mut named = anna.clone();
    for after in [changed, renamed, both] {
        assert_eq!(client.write(update(&named, &after)).await, Ok(Written::Done));
        assert_eq!(client.read().await.user(&after.username), after);
        let before = changes(&stand);
        assert_eq!(client.write(update(&named, &after)).await, Ok(Written::Done));
        assert_eq!(changes(&stand), before, "twice is once");
        named.name = after.username;
    }
    let upper = UserAttributes { username: "AnnaC".into(), ..person("Anna") };
    assert_eq!(client.write(update(&named, &upper)).await, Ok(Written::Done));
    assert_eq!(client.read().await.user("AnnaC"), upper, "a name in other letters is another");
    named.name = "AnnaC".into();

    assert_eq!(client.write(delete(&named)).await, Ok(Written::Done));
    assert!(!client.read().await.users().contains_key("AnnaC"));
    assert_eq!(client.write(delete(&named)).await, Ok(Written::Done), "what is gone is deleted");
}

#[tokio::test]
async fn the_life_of_a_group() {
    let (stand, mut client) = usual(&["anna", "ben", "carl"]).await;
    client.wants_groups(&["Staff"]);
    let staff = client.create_group("00g1", "Staff").await;
    assert_eq!(staff.id, TargetId::from("staff"));
    let [anna, ben, carl] = ["anna", "ben", "carl"].map(|name| named(&stand, name));
    assert_eq!(client.change_members(&staff, &[anna.clone(), ben.clone()], &[]).await, []);
    assert_eq!(client.read().await.groups()["Staff"], ["anna", "ben"]);
    let (carl_alone, anna_alone) = (std::slice::from_ref(&carl), std::slice::from_ref(&anna));
    assert_eq!(client.change_members(&staff, carl_alone, anna_alone).await, []);
    assert_eq!(client.read().await.groups()["Staff"], ["ben", "carl"]);
    let before = changes(&stand);
    assert_eq!(client.change_members(&staff, carl_alone, anna_alone).await, []);
    assert_eq!(changes(&stand), before, "twice is once");

    let delete = Write::DeleteGroup { group: staff.clone() };
    let refusal = message(client.write(delete.clone()).await);
    assert_eq!(refusal, "group Staff was not deleted: 2 members were put into it meanwhile");
    assert_eq!(client.change_members(&staff, &[], &[ben, carl]).await, []);
    assert_eq!(client.write(delete.clone()).await, Ok(Written::Done));
    assert!(client.read().await.groups().is_empty());
    assert_eq!(client.write(delete).await, Ok(Written::Done), "what is gone is deleted");
}

#[tokio::test]
async fn what_bitbucket_cannot_do_is_said() {
    let (stand, client) = usual(&["anna"]).await;
    let anna = named(&stand, "anna");
    stand.forget();
    for (active, verb) in [(true, "enabled"), (false, "disabled")] {
        let refusal = message(client.write(Write::SetActive { user: anna.clone(), active }).await);
        assert!(
            refusal.starts_with(&format!("user anna was not {verb}: Bitbucket has nothing")),
            "{refusal}"
        );
    }
    let inactive = Write::CreateUser { source: "00u1".into(), attributes: person("ben"), active: false };
    assert!(message(client.write(inactive).await).contains("cannot sign in"));
    let change = |after| Write::UpdateGroup {
        group: staff(),
        source: None,
        before: group("staff"),
        attributes: after,
    };
    let refusal = message(client.write(change(group("crew"))).await);
    assert!(refusal.starts_with("group staff was not renamed to crew"), "{refusal}");
    let described = GroupAttributes { description: "all".into(), ..group("staff") };
    assert_eq!(client.write(change(described)).await, Ok(Written::Done));
    assert_eq!(stand.book().total(), 0);
}

#[tokio::test]
async fn long_lists_come_in_pages_and_only_wanted_groups_cost_a_request() {
    let mut world = world(&[]);
    let staff = world.add_group("staff");
    for at in 0..2100 {
        let id = world.add_user(&format!("user{at}"));
        world.add_member(staff, id);
    }
    (0..50).for_each(|at| {
        world.add_group(&format!("group{at}"));
    });
    let (stand, mut client) = start(Bitbucket::default(), world).await;
    client.wants_groups(&["STAFF", "group7"]);
    let seen = client.read().await;
    assert_eq!((seen.users().len(), seen.groups().len()), (2101, 51));
    assert_eq!(seen.groups()["staff"].len(), 2100);
    let proven = seen.snapshot.groups.iter().filter(|group| group.members_proof == Proof::Proven);
    assert_eq!(proven.count(), 2, "who was not asked for is not proven to be nobody");
    let book = stand.book();
    assert_eq!((book.of("list users"), book.of("list groups"), book.of("list members")), (3, 1, 4));
    assert_eq!(book.total(), 8);
    // Where pages are shorter than was asked for, they are still read to the end.
    stand.product(|product| product.page_cap = 300);
    let again = client.read().await;
    assert_eq!(again.snapshot.users.len(), 2101);
    assert_eq!(again.groups()["staff"].len(), 2100);
}

#[tokio::test]
async fn members_of_many_groups_are_asked_for_side_by_side() {
    let mut world = world(&[]);
    let names: Vec<String> = (0..40).map(|at| format!("group{at}")).collect();
    names.iter().for_each(|name| {
        world.add_group(name);
    });
    let stand = StandIn::start(Bitbucket::default(), world, Serving::default()).await.unwrap();
    let mut client = of(&stand);
    client.wants_groups(&names.iter().map(String::as_str).collect::<Vec<_>>());
    stand.gather("list members", 0, 8);
    client.read().await;
    assert!(stand.gathered());
    assert_eq!(stand.book().most_at_once, 8);
}

#[tokio::test]
async fn it_may_be_under_a_path() {
    let product = Bitbucket { context: "/git/bitbucket".to_owned(), page_cap: 2, ..Bitbucket::default() };
    let (stand, client) = start(product, world(&["anna", "ben", "carl"])).await;
    assert_eq!(client.read().await.users().len(), 4);
    client.create_user("00u1", "dora").await;
    assert_eq!(client.reader.address(), format!("bitbucket:{}/git/bitbucket", stand.url()));
}

#[tokio::test]
async fn a_list_that_does_not_add_up_is_read_once_more_and_then_is_an_error() {
    let nowhere = json!({ "values": [], "isLastPage": false, "nextPageStart": null });
    let nowhere = FaultKind::Answer(Reply::json(200, &nowhere));
    for (broken, why) in [
        (page(&[7, 8, 7], None), "7 came twice"),
        (page(&[7], Some(5)), "7 came twice"),
        (page(&[7], Some(0)), "the page from 0 says that the next one starts at 0"),
        (nowhere.clone(), "does not name the next"),
    ] {
        let (stand, client) = usual(&["anna"]).await;
        let fault = stand.fault(Fault::on("list users", broken));
        let error = client.try_read().await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(stand.met(fault) >= 2, "it is read once more");
    }
    for broken in [page(&[7, 8, 7], None), nowhere] {
        let (stand, client) = usual(&["anna"]).await;
        let fault = stand.fault(Fault::on("list users", broken).times(1));
        assert_eq!(client.read().await.users().len(), 2, "another look helps");
        assert_eq!((stand.met(fault), stand.book().of("list users")), (1, 2));
    }
    let (stand, mut client) = usual(&["anna"]).await;
    client.interest.users.managed.insert("7".into(), "somebody".into());
    let fault = stand.fault(Fault::on("list users", page(&[], None)));
    let error = client.try_read().await.unwrap_err().to_string();
    assert_eq!(stand.met(fault), 1);
    assert!(error.contains("it is empty, although"), "{error}");
}

#[tokio::test]
async fn the_next_page_starts_where_it_is_said() {
    let (stand, client) = usual(&["anna", "ben"]).await;
    let fault = stand.fault(Fault::on("list users", page(&[101, 102], Some(1))).times(1));
    let users = client.read().await.users();
    assert_eq!(stand.met(fault), 1);
    assert!(["anna", "ben", "user-101", "user-102"].iter().all(|name| users.contains_key(*name)));
    assert!(stand.book().lines.iter().any(|line| line.contains("admin/users?start=1&")));
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    let (stand, client) = usual(&["anna"]).await;
    for body in [
        json!({ "values": [] }),
        json!({ "isLastPage": true }),
        json!({ "values": [{ "name": "a", "active": true }], "isLastPage": true }),
        json!({ "values": [{ "id": 7, "active": true }], "isLastPage": true }),
        json!({ "values": [{ "id": 7, "name": "a" }], "isLastPage": true }),
    ] {
        let fault = stand.fault(Fault::on("list users", FaultKind::Answer(Reply::json(200, &body))));
        assert!(client.try_read().await.is_err(), "{body}");
        assert!(stand.met(fault) > 0);
        stand.clear_faults();
    }
    let fault = stand.fault(Fault::on("list users", FaultKind::HalfBody).times(1));
    assert_eq!(client.read().await.users().len(), 2, "a page that was cut is read again");
    assert_eq!(stand.met(fault), 1);
}

#[tokio::test]
async fn members_whom_the_list_of_users_does_not_show_are_shown_all_the_same() {
    let mut world = world(&["anna"]);
    let staff = world.add_group("staff");
    let anna = world.user_named("anna").unwrap();
    world.add_member(staff, anna);
    let (stand, mut client) = start(Bitbucket::default(), world).await;
    client.wants_groups(&["staff"]);
    let fault = stand.fault(Fault::on("list users", page(&[99], None)));
    let seen = client.read().await;
    assert_eq!(stand.met(fault), 1);
    assert_eq!(seen.groups()["staff"], ["anna"]);
}

#[tokio::test]
async fn a_group_that_vanishes_while_it_is_read_is_left_out() {
    let mut world = world(&[]);
    world.add_group("staff");
    world.add_group("crew");
    let (stand, mut client) = start(Bitbucket::default(), world).await;
    client.wants_groups(&["staff", "crew"]);
    let fault = stand.fault(Fault::on("list members", FaultKind::Status(404)).matching("staff"));
    assert_eq!(client.read().await.groups().into_keys().collect::<Vec<_>>(), ["crew"]);
    assert_eq!(stand.met(fault), 1);
    stand.clear_faults();
    let page = FaultKind::Answer(Reply::html(404, "Not Found"));
    let fault = stand.fault(Fault::on("list members", page).matching("staff"));
    let error = client.try_read().await.unwrap_err().to_string();
    assert_eq!(stand.met(fault), 1);
    assert!(error.contains("the list of members of group staff"), "{error}");
}

#[tokio::test]
async fn odd_names_are_themselves_in_every_query() {
    let names =
        ["a b&c=d", "100% sure?", "a+b", "a;b", "grüße #1", "a/b", "\"quoted\" <x>", "..", "EXAMPLE\\x"];
    let (stand, mut client) = usual(&["anna"]).await;
    client.wants_groups(&names);
    for name in names {
        let user = client.create_user("00u1", name).await;
        assert_eq!(user, named(&stand, name));
        let group = client.create_group("00g1", name).await;
        let alone = std::slice::from_ref(&user);
        assert_eq!(client.change_members(&group, alone, &[]).await, [], "{name}");
        assert_eq!(client.read().await.groups()[name], [name]);
        assert_eq!(client.change_members(&group, &[], alone).await, [], "{name}");
        assert_eq!(client.read().await.groups()[name], Vec::<String>::new());
        assert_eq!(client.write(Write::DeleteGroup { group }).await, Ok(Written::Done), "{name}");
        let after = UserAttributes { username: format!("{name} 2").into(), ..person(name) };
        assert_eq!(client.write(update(&user, &after)).await, Ok(Written::Done), "{name}");
        let renamed = Named { name: after.username, ..user };
        assert_eq!(client.write(delete(&renamed)).await, Ok(Written::Done), "{name}");
    }
    assert_eq!(client.read().await.users().len(), 2);
    assert!(stand.world(|world| world.groups().is_empty()));
}

#[tokio::test]
async fn a_filter_that_finds_too_much_takes_nobody_for_somebody_else() {
    let mut world = world(&["anna"]);
    let others = ["joanna", "annabel", "hannah"].map(|name| world.add_user(name));
    world.add_group("staffing");
    let (stand, client) = start(Bitbucket { page_cap: 1, ..Bitbucket::default() }, world).await;
    let anna = named(&stand, "anna");
    let changed = UserAttributes { display_name: "B".into(), ..person("anna") };
    assert_eq!(client.write(update(&anna, &changed)).await, Ok(Written::Done));
    assert_eq!(client.write(delete(&anna)).await, Ok(Written::Done));
    assert_eq!(client.write(delete(&anna)).await, Ok(Written::Done));
    assert_eq!(client.write(Write::DeleteGroup { group: staff() }).await, Ok(Written::Done));
    for id in others {
        let user = stand.world(|world| world.users()[&id].clone());
        assert!(user.display_name.ends_with("Local"), "{user:?}");
    }
    assert!(stand.world(|world| world.group_named("staffing")).is_some());
}

#[tokio::test]
async fn a_name_that_is_another_account_by_now_is_left_alone() {
    let (stand, client) = usual(&["anna"]).await;
    let old = Named { id: "4711".into(), name: "anna".into() };
    let before = changes(&stand);
    assert!(message(client.write(delete(&old)).await).contains("belongs to another account by now"));
    let changed = UserAttributes { display_name: "B".into(), ..person("anna") };
    assert!(message(client.write(update(&old, &changed)).await).contains("the one that is meant"));
    let renamed = UserAttributes { username: "annab".into(), ..changed };
    assert!(message(client.write(update(&old, &renamed)).await).contains("the one that is meant"));
    assert_eq!(changes(&stand), before);
}

#[tokio::test]
async fn no_log_shows_the_password_of_a_new_account() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // As long as there is only one, what other tests log first on their threads is off on this one as well.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (stand, client) = usual(&[]).await;
    let fault = stand.fault(Fault::on("create user", FaultKind::StatusAfterwards(500)).times(1));
    client.create_user("00u1", "anna").await;
    assert_eq!(stand.met(fault), 1);
    let fault = stand.fault(Fault::on("create user", FaultKind::Status(400)).times(1));
    let refusal = message(client.write(create("ben")).await);
    assert_eq!(stand.met(fault), 1);
    let user = stand.world(|world| world.users()[&world.user_named("anna").unwrap()].clone());
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(written.contains("/rest/api/latest/admin/users"), "{written}");
    assert!(!written.contains(&user.password) && !written.contains("password="), "{written}");
    assert!(!written.contains("emailAddress="), "{written}");
    assert!(!refusal.contains("password"), "{refusal}");
    // Where the password may stand in a query of the stand-in itself, it is there: the test looks for the right word.
    assert!(stand.book().lines.iter().any(|line| line.contains("password=")));
}

#[tokio::test]
async fn many_new_users_are_looked_up_together() {
    let (stand, client) = usual(&["anna"]).await;
    client.read().await;
    let names: Vec<String> = (0..60).map(|number| format!("new{number:02}")).collect();
    let refused = Fault::on("create user", FaultKind::Status(403)).times(1);
    let refused = stand.fault(refused);
    stand.forget();
    let writes = names.iter().map(|name| client.write(create(name)));
    let answers = futures_util::future::join_all(writes).await;
    assert_eq!(stand.met(refused), 1);
    let mut failed = 0;
    for (name, answer) in names.iter().zip(answers) {
        match answer {
            Ok(Written::Created(id)) => assert_eq!(id, named(&stand, name).id),
            Err(error) => {
                failed += 1;
                assert!(error.message.contains("403") && !error.uncertain, "{error:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failed, 1, "one that is refused keeps nobody waiting");
    let book = stand.book();
    assert_eq!(book.of("create user"), 60);
    assert!(book.total() <= 62, "{:?}", book.requests);
}

#[tokio::test]
async fn new_users_that_the_list_does_not_show_are_asked_for() {
    let (stand, client) = usual(&["anna"]).await;
    client.read().await;
    for kind in [
        FaultKind::Status(403),
        FaultKind::Answer(Reply::json(200, &json!({ "values": [], "isLastPage": true }))),
    ] {
        let fault = stand.fault(Fault::on("list users", kind.clone()));
        let names: Vec<String> = (0..5).map(|number| format!("new{}-{number}", changes(&stand))).collect();
        let writes = names.iter().map(|name| client.write(create(name)));
        for (name, answer) in names.iter().zip(futures_util::future::join_all(writes).await) {
            assert_eq!(answer, Ok(Written::Created(named(&stand, name).id)), "{kind:?}");
        }
        assert!(stand.met(fault) > 0, "{kind:?}");
        stand.clear_faults();
    }
}
