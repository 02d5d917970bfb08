//! What is read and written.

use super::*;

#[tokio::test]
async fn the_life_of_a_user() {
    let (stand, client) = usual(&[]).await;
    let anna = client.create_user("00u1", "anna").await;
    let seen = client.read().await;
    let user = seen.snapshot.users.iter().find(|user| user.id == anna.id).unwrap();
    let expected = UserAttributes { email: "".into(), ..person("anna") };
    assert_eq!((user.attributes.clone(), user.active, &user.source), (expected, true, &None));
    let stored = stand.world(|world| world.users()[&world.user_named("anna").unwrap()].clone());
    assert_eq!((stored.email.as_str(), stored.password.len()), ("anna@example.com", 40));
    assert_eq!(stand.product(|product| product.mails_sent), 0);

    let after =
        UserAttributes { display_name: "Anna B".into(), email: "b@example.com".into(), ..person("anna") };
    let update = update(&anna, &person("anna"), &after);
    assert_eq!(client.write(update.clone()).await, Ok(Written::Done));
    let stored = stand.world(|world| world.users()[&world.user_named("anna").unwrap()].clone());
    assert_eq!((stored.display_name.as_str(), stored.email.as_str()), ("Anna B", "b@example.com"));

    for active in [false, true, false] {
        let write = Write::SetActive { user: anna.clone(), active };
        assert_eq!(client.write(write.clone()).await, Ok(Written::Done));
        assert_eq!(client.read().await.users()["anna"], active);
        let before = changes(&stand);
        assert_eq!(client.write(write).await, Ok(Written::Done));
        assert_eq!(client.write(update.clone()).await, Ok(Written::Done));
        assert_eq!(changes(&stand), before, "twice is once");
    }

    let delete = Write::DeleteUser { user: anna.clone(), groups: vec![] };
    assert_eq!(client.write(delete.clone()).await, Ok(Written::Done));
    assert!(!client.read().await.users().contains_key("anna"));
    assert_eq!(client.write(delete).await, Ok(Written::Done), "what is gone is deleted");
}

#[tokio::test]
async fn a_user_who_cannot_sign_in_is_created_and_disabled() {
    let (stand, client) = usual(&[]).await;
    let write = Write::CreateUser { source: "00u1".into(), attributes: person("anna"), active: false };
    assert!(matches!(client.write(write).await, Ok(Written::Created(_))));
    assert!(!client.read().await.users()["anna"]);
    // Where that is not possible, the account is there, and the next run must look for it.
    let fault = stand.fault(Fault::on("disable user", FaultKind::Status(403)));
    let write = Write::CreateUser { source: "00u2".into(), attributes: person("ben"), active: false };
    let error = client.write(write).await.unwrap_err();
    assert_eq!(stand.met(fault), 1);
    assert!(error.uncertain, "{error:?}");
    assert!(error.message.starts_with("user ben was created, but user ben was not disabled: "), "{error}");
}

#[tokio::test]
async fn the_life_of_a_group() {
    let (stand, mut client) = usual(&["anna", "ben", "carl"]).await;
    client.wants_groups(&["Staff"]);
    let staff = client.create_group("00g1", "Staff").await;
    assert_eq!(staff.id, TargetId::from("staff"));
    let (anna, ben) = (named(&client, "anna").await, named(&client, "ben").await);
    assert_eq!(client.change_members(&staff, &[anna.clone(), ben.clone()], &[]).await, []);
    assert_eq!(client.read().await.groups()["Staff"], ["anna", "ben"]);
    let carl = named(&client, "carl").await;
    assert_eq!(
        client.change_members(&staff, std::slice::from_ref(&carl), std::slice::from_ref(&anna)).await,
        []
    );
    assert_eq!(client.read().await.groups()["Staff"], ["ben", "carl"]);
    let before = changes(&stand);
    assert_eq!(client.change_members(&staff, &[carl], &[anna]).await, []);
    assert_eq!(changes(&stand), before, "twice is once");

    let delete = Write::DeleteGroup { group: staff.clone() };
    let refusal = message(client.write(delete.clone()).await);
    assert_eq!(refusal, "group Staff was not deleted: members were put into it meanwhile");
    let members = [ben, named(&client, "carl").await];
    assert_eq!(client.change_members(&staff, &[], &members).await, []);
    assert_eq!(client.write(delete.clone()).await, Ok(Written::Done));
    assert!(client.read().await.groups().is_empty());
    assert_eq!(client.write(delete).await, Ok(Written::Done), "what is gone is deleted");
}

#[tokio::test]
async fn a_group_with_groups_in_it_is_not_deleted_and_their_members_are_not_its_own() {
    let mut world = world(&["anna", "ben"]);
    let (outer, inner) = (world.add_group("outer"), world.add_group("inner"));
    let (anna, ben) = (world.user_named("anna").unwrap(), world.user_named("ben").unwrap());
    world.add_member(inner, anna);
    world.add_member(outer, ben);
    world.change_group(outer, |group| {
        group.children.insert(inner);
    });
    let (_stand, mut client) = start(Confluence::default(), world).await;
    client.wants_groups(&["outer"]);
    assert_eq!(client.read().await.groups()["outer"], ["ben"]);
    let outer = Named { id: "outer".into(), name: "outer".into() };
    let ben = named(&client, "ben").await;
    client.change_members(&outer, &[], &[ben]).await;
    let refusal = message(client.write(Write::DeleteGroup { group: outer }).await);
    assert_eq!(refusal, "group outer was not deleted: groups were put into it meanwhile");
}

#[tokio::test]
async fn what_confluence_cannot_do_is_said() {
    let (stand, client) = usual(&["anna"]).await;
    let anna = named(&client, "anna").await;
    let renamed = UserAttributes { username: "annab".into(), ..person("anna") };
    let refusal = message(client.write(update(&anna, &person("anna"), &renamed)).await);
    assert!(
        refusal.starts_with("user anna was not changed: Confluence has no endpoint for another username")
    );
    let named = Named { id: "staff".into(), name: "staff".into() };
    let rename = Write::UpdateGroup {
        group: named.clone(),
        source: None,
        before: group("staff"),
        attributes: group("crew"),
    };
    assert!(message(client.write(rename).await).starts_with("group staff was not renamed to crew"));
    stand.forget();
    let described = GroupAttributes { description: "all".into(), ..group("staff") };
    let write =
        Write::UpdateGroup { group: named, source: None, before: group("staff"), attributes: described };
    assert_eq!(client.write(write).await, Ok(Written::Done));
    assert_eq!(stand.book().total(), 0);
}

#[tokio::test]
async fn long_lists_come_in_pages_and_only_wanted_groups_cost_a_request() {
    let mut world = world(&[]);
    let staff = world.add_group("staff");
    for at in 0..450 {
        let id = world.add_user(&format!("user{at}"));
        world.add_member(staff, id);
    }
    (0..250).for_each(|at| {
        world.add_group(&format!("group{at}"));
    });
    let (stand, mut client) = start(Confluence::default(), world).await;
    client.wants_groups(&["STAFF", "group7"]);
    let seen = client.read().await;
    assert_eq!((seen.users().len(), seen.groups().len()), (451, 251));
    assert_eq!(seen.groups()["staff"].len(), 450);
    let proofs = seen.snapshot.groups.iter().filter(|group| group.members_proof == Proof::Proven);
    assert_eq!(proofs.count(), 2, "who was not asked for is not proven to be nobody");
    let book = stand.book();
    // The stand-in gives at most 200 to a page, whatever is asked for.
    assert_eq!((book.of("list users"), book.of("list groups"), book.of("list members")), (3, 2, 4));
    assert_eq!(book.total(), 9);
    assert!(book.lines.iter().any(|line| line.contains("limit=1000")), "{:?}", book.lines);

    stand.product(|product| product.page_cap = 1000);
    stand.forget();
    assert_eq!(client.read().await.users().len(), 451);
    assert_eq!(stand.book().total(), 4, "where more is given, less is asked");
}

#[tokio::test]
async fn users_and_groups_are_read_side_by_side_and_members_of_groups_too() {
    let mut world = world(&[]);
    let names: Vec<String> = (0..40).map(|at| format!("group{at}")).collect();
    names.iter().for_each(|name| {
        world.add_group(name);
    });
    let stand = StandIn::start(Confluence::default(), world, Serving::default()).await.unwrap();
    let mut client = of(&stand);
    client.wants_groups(&names.iter().map(String::as_str).collect::<Vec<_>>());
    stand.gather("list members", 0, 8);
    client.read().await;
    assert!(stand.gathered());
    assert_eq!(stand.book().most_at_once, 8);
}

#[tokio::test]
async fn links_to_the_next_page_are_followed_under_a_context_path() {
    let mut world = world(&["anna", "ben", "carl", "dora"]);
    world.add_group("staff");
    let product = Confluence { context: "/wiki/confluence".to_owned(), page_cap: 2, ..Confluence::default() };
    let (stand, client) = start(product, world).await;
    assert_eq!(client.read().await.users().len(), 5);
    // One that bears the context path and another host, and forgets the status.
    let first = json!({
        "results": [{"type": "known", "username": "anna", "userKey": "k1", "displayName": "A", "status": "current"}],
        "_links": { "next": "https://elsewhere.example.com/wiki/confluence/rest/api/user/list?limit=2&start=3" },
    });
    let fault = stand.fault(Fault::on("list users", FaultKind::Answer(Reply::json(200, &first))).times(1));
    stand.forget();
    assert_eq!(client.read().await.users().len(), 3);
    assert_eq!(stand.met(fault), 1);
    let lines = stand.book().lines;
    let next = "GET /wiki/confluence/rest/api/user/list?limit=2&start=3&expand=status";
    assert!(lines.iter().any(|line| line == next), "{lines:?}");
}

#[tokio::test]
async fn a_list_that_does_not_add_up_is_read_once_more_and_then_is_an_error() {
    let next = "/rest/api/user/list?start=1";
    for (broken, why) in [
        (page(&["a", "b", "a"], None), "a came twice"),
        (page(&["a"], Some("/rest/api/user/list")), "does not say which"),
        (page(&[], Some(next)), "a page names one as the next that was read before"),
        (page(&["a"], Some(next)), "a came twice"),
        (page(&[], None), "it is empty, although"),
    ] {
        let (stand, mut client) = usual(&["anna"]).await;
        client.interest.users.managed.insert("k".into(), "somebody".into());
        let fault = stand.fault(Fault::on("list users", broken));
        let error = client.try_read().await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(stand.met(fault) > 0);
    }
    for broken in [page(&["a", "b", "a"], None), page(&["a"], Some("/rest/api/user/list"))] {
        let (stand, client) = usual(&["anna"]).await;
        let fault = stand.fault(Fault::on("list users", broken).times(1));
        assert_eq!(client.read().await.users().len(), 2, "another look helps");
        assert_eq!((stand.met(fault), stand.book().of("list users")), (1, 2));
    }
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    let (stand, client) = usual(&["anna"]).await;
    for body in [
        json!({ "results": [] }),
        json!({ "_links": {} }),
        json!({ "results": [{ "type": "known", "username": "a", "status": "current" }], "_links": {} }),
        json!({ "results": [{ "type": "known", "username": "a", "userKey": "k" }], "_links": {} }),
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
async fn whoever_is_managed_and_not_in_the_list_is_asked_for() {
    let (stand, mut client) = usual(&["anna", "ben"]).await;
    let (anna, ben) = (named(&client, "anna").await, named(&client, "ben").await);
    client.interest.users.managed.insert(anna.id.clone(), "anna".into());
    client.interest.users.managed.insert(ben.id.clone(), "ben".into());
    stand.world(|world| world.remove_user(world.user_named("ben").unwrap()));
    // The page ends before anna: somebody in front of her was deleted between two pages.
    let fault = stand.fault(Fault::on("list users", page(&["x"], None)));
    stand.forget();
    let seen = client.read().await;
    assert_eq!(stand.met(fault), 1);
    assert!(seen.snapshot.users.iter().any(|user| user.id == anna.id));
    assert!(seen.snapshot.users.iter().all(|user| user.id != ben.id));
    assert_eq!(stand.book().of("read user"), 2);
}

#[tokio::test]
async fn members_whom_the_list_of_users_does_not_show_are_shown_all_the_same() {
    let mut world = world(&["anna"]);
    let staff = world.add_group("staff");
    let anna = world.user_named("anna").unwrap();
    world.add_member(staff, anna);
    let late = world.insert_user(User { name: "late".into(), active: false, ..User::default() });
    world.add_member(staff, late);
    let (stand, mut client) = start(Confluence::default(), world).await;
    client.wants_groups(&["staff"]);
    let fault = stand.fault(Fault::on("list users", page(&["x"], None)));
    let seen = client.read().await;
    assert_eq!(stand.met(fault), 1);
    assert_eq!(seen.groups()["staff"], ["anna", "late"]);
    assert_eq!((seen.users()["anna"], seen.users()["late"]), (true, false));
}

#[tokio::test]
async fn a_group_that_vanishes_while_it_is_read_is_left_out() {
    let mut world = world(&[]);
    world.add_group("staff");
    world.add_group("crew");
    let (stand, mut client) = start(Confluence::default(), world).await;
    client.wants_groups(&["staff", "crew"]);
    let fault = stand.fault(Fault::on("list members", FaultKind::Status(404)).matching("staff"));
    assert_eq!(client.read().await.groups().into_keys().collect::<Vec<_>>(), ["crew"]);
    assert_eq!(stand.met(fault), 1);
    // What something else than Confluence says proves nothing.
    stand.clear_faults();
    let page = Reply::html(404, "Not Found");
    let fault = stand.fault(Fault::on("list members", FaultKind::Answer(page)).matching("staff"));
    let error = client.try_read().await.unwrap_err().to_string();
    assert_eq!(stand.met(fault), 1);
    assert!(error.contains("the list of members of group staff"), "{error}");
}

#[tokio::test]
async fn odd_names_are_themselves_in_every_address() {
    let mut world = world(&["anna"]);
    // What a server of Java would make of `a;b` if it were not encoded.
    let victim = world.add_group("a");
    let (_, anna) = (victim, world.user_named("anna").unwrap());
    world.add_member(victim, anna);
    let names = ["a b&c=d", "100% sure?", "a+b", "a;b", "grüße #1", "a/b", "\"quoted\" <x>", "a\\b"];
    let (stand, mut client) = start(Confluence::default(), world).await;
    client.wants_groups(&names);
    let anna = named(&client, "anna").await;
    for name in names {
        let group = client.create_group("00g1", name).await;
        assert_eq!(client.change_members(&group, std::slice::from_ref(&anna), &[]).await, [], "{name}");
        assert_eq!(client.read().await.groups()[name], ["anna"]);
        assert_eq!(client.change_members(&group, &[], std::slice::from_ref(&anna)).await, [], "{name}");
        assert_eq!(client.read().await.groups()[name], Vec::<String>::new());
        assert_eq!(client.write(Write::DeleteGroup { group }).await, Ok(Written::Done), "{name}");
        assert!(!client.read().await.groups().contains_key(name));
    }
    let lines = stand.book().lines;
    assert!(lines.iter().all(|line| !line.contains(';')), "it would be the begin of a parameter");
    assert_eq!(stand.world(|world| world.member_names("a")), Some(vec!["anna".to_owned()]));
    for name in ["jörg-ö", "anna;x", "o=o&p", "100%", "a b"] {
        if name.contains(' ') {
            let refusal = message(client.write(create(name)).await);
            assert!(refusal.starts_with("user a b was not created"), "{refusal}");
            continue;
        }
        let user = client.create_user("00u1", name).await;
        let off = Write::SetActive { user: user.clone(), active: false };
        assert_eq!(client.write(off).await, Ok(Written::Done));
        assert!(!client.read().await.users()[name]);
        let delete = Write::DeleteUser { user, groups: vec![] };
        assert_eq!(client.write(delete).await, Ok(Written::Done));
        assert!(!client.read().await.users().contains_key(name));
    }
}

#[tokio::test]
async fn names_that_no_address_can_hold_reach_nothing_else() {
    let mut world = world(&["anna"]);
    world.add_group("..");
    world.add_group("member");
    let (stand, mut client) = start(Confluence::default(), world).await;
    client.wants_groups(&["..", "member"]);
    let seen = client.read().await;
    let dots = seen.snapshot.groups.iter().find(|group| group.attributes.name == "..").unwrap();
    assert!(matches!(dots.members_proof, Proof::NotProven(_)));
    stand.forget();
    let named = Named { id: "..".into(), name: "..".into() };
    for write in [
        Write::DeleteGroup { group: named.clone() },
        Write::ChangeMembers { group: named.clone(), added: vec![named.clone()], removed: vec![] },
        Write::DeleteUser { user: named.clone(), groups: vec![] },
        Write::SetActive { user: named.clone(), active: false },
        Write::CreateGroup { source: "00g1".into(), attributes: group(".."), members: Vec::new() },
        create("."),
    ] {
        assert!(message(client.write(write).await).contains("would mean a step"));
    }
    assert_eq!(stand.book().total(), 0);
}
