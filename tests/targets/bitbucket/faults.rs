//! What goes wrong, and what a product refuses.

use super::*;

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found() {
    let (stand, client) = usual(&[]).await;
    for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(500)] {
        let name = format!("user{}", changes(&stand));
        let fault = stand.fault(Fault::on("create user", kind.clone()).times(1));
        stand.forget();
        let user = client.create_user("00u1", &name).await;
        assert_eq!((stand.met(fault), stand.book().of("create user")), (1, 1), "{kind:?}");
        assert_eq!(user, named(&stand, &name));
        let group = format!("group{}", changes(&stand));
        let fault = stand.fault(Fault::on("create group", kind.clone()).times(1));
        client.create_group("00g1", &group).await;
        assert_eq!((stand.met(fault), stand.book().of("create group")), (1, 1), "{kind:?}");
    }
    // One that was not carried out is sent again.
    for kind in [FaultKind::Reset, FaultKind::Status(500)] {
        let name = format!("user{}", changes(&stand));
        let fault = stand.fault(Fault::on("create user", kind).times(1));
        stand.forget();
        client.create_user("00u1", &name).await;
        assert_eq!((stand.met(fault), stand.book().of("create user")), (1, 2));
    }
    // One that is shown a moment later is waited for.
    let empty = json!({ "values": [], "isLastPage": true });
    let fault = stand.fault(Fault::on("read user", FaultKind::Answer(Reply::json(200, &empty))).times(1));
    client.create_user("00u1", "late").await;
    assert_eq!(stand.met(fault), 1);
}

#[tokio::test]
async fn what_somebody_else_made_is_not_linked() {
    let mut world = world(&[]);
    let other = User { name: "anna".to_owned(), email: "other@example.com".to_owned(), ..User::default() };
    world.insert_user(other);
    world.add_group("staff");
    let (stand, client) = start(Bitbucket::default(), world).await;
    let refusal = message(client.write(create("anna")).await);
    assert!(refusal.contains("409") && refusal.ends_with("the next run says whose it is"), "{refusal}");
    let fault = stand.fault(Fault::on("create user", FaultKind::Reset).times(1));
    let refusal = message(client.write(create("anna")).await);
    assert_eq!(stand.met(fault), 1);
    assert!(refusal.contains("409"), "{refusal}");
    let write = Write::CreateGroup { source: "00g1".into(), attributes: group("staff"), members: Vec::new() };
    assert!(message(client.write(write).await).contains("409"));
}

#[tokio::test]
async fn a_create_of_which_nothing_is_known_is_uncertain() {
    let (stand, client) = usual(&[]).await;
    let lost = stand.fault(Fault::on("create user", FaultKind::LostAnswer));
    let down = stand.fault(Fault::on("read user", FaultKind::Maintenance));
    let error = client.write(create("anna")).await.unwrap_err();
    assert!(stand.met(lost) == 1 && stand.met(down) > 0);
    assert!(error.uncertain, "{error:?}");
}

#[tokio::test]
async fn a_rename_whose_answer_is_lost_is_done() {
    let (stand, client) = usual(&["anna"]).await;
    let anna = named(&stand, "anna");
    let after = UserAttributes { username: "annab".into(), ..person("annab") };
    let fault = stand.fault(Fault::on("rename user", FaultKind::LostAnswer).times(1));
    let before = changes(&stand);
    assert_eq!(client.write(update(&anna, &after)).await, Ok(Written::Done));
    assert_eq!(stand.met(fault), 1);
    assert_eq!(client.read().await.user("annab"), after);
    assert_eq!(changes(&stand), before + 2);
    // A name that somebody has is refused.
    stand.world(|world| world.add_user("carl"));
    let annab = Named { name: "annab".into(), ..anna };
    let taken = UserAttributes { username: "carl".into(), ..after };
    let refusal = message(client.write(update(&annab, &taken)).await);
    assert!(refusal.starts_with("user annab was not renamed to carl: Bitbucket at"), "{refusal}");
}

#[tokio::test]
async fn many_come_with_one_request_and_each_goes_with_its_own() {
    let (stand, client, users) = crowd(1001, Bitbucket::default()).await;
    assert_eq!(client.change_members(&staff(), &users, &[]).await, []);
    assert_eq!((stand.book().of("add member"), stand.book().total()), (3, 3));
    assert_eq!(members(&stand).len(), 1001);
    stand.forget();
    assert_eq!(client.change_members(&staff(), &[], &users[..40]).await, []);
    assert_eq!((stand.book().of("remove member"), stand.book().total()), (40, 40));
    assert_eq!(members(&stand).len(), 961);
}

#[tokio::test]
async fn one_name_that_is_not_there_keeps_nobody_out() {
    for adds_others in [false, true] {
        let product = Bitbucket { adds_others, ..Bitbucket::default() };
        let (stand, client, mut users) = crowd(300, product).await;
        let gone = Named { id: "4711".into(), name: "gone".into() };
        users.insert(123, gone.clone());
        let failed = client.change_members(&staff(), &users, &[]).await;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, gone.id);
        assert!(failed[0].1.starts_with("user gone was not put into group staff: "), "{failed:?}");
        assert_eq!(members(&stand).len(), 300);
        // Halves of halves, or only the one whom a look at the group left over.
        let expected = if adds_others { 2 } else { 18 };
        assert!(stand.book().of("add member") <= expected, "{:?}", stand.book().requests);
    }
}

#[tokio::test]
async fn who_is_gone_already_is_no_failure() {
    for absent_is_not_found in [true, false] {
        let product = Bitbucket { absent_is_not_found, ..Bitbucket::default() };
        let (stand, client, users) = crowd(3, product).await;
        let gone = Named { id: "4711".into(), name: "gone".into() };
        client.change_members(&staff(), &users[..2], &[]).await;
        let removed = [users[0].clone(), users[2].clone(), gone];
        assert_eq!(client.change_members(&staff(), &[], &removed).await, []);
        assert_eq!(members(&stand), ["user0001"]);
        // A 404 that is not true is no success.
        let fault = stand.fault(Fault::on("remove member", FaultKind::Status(404)));
        let failed = client.change_members(&staff(), &[], &users[1..2]).await;
        assert_eq!((stand.met(fault), failed.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_group_that_is_gone_costs_two_looks() {
    let (stand, client, users) = crowd(400, Bitbucket::default()).await;
    let nowhere = Named { id: "nowhere".into(), name: "nowhere".into() };
    stand.forget();
    let refusal = message(client.write(add(&nowhere, &users)).await);
    assert!(refusal.starts_with("members of group nowhere were not changed: "), "{refusal}");
    assert!(stand.book().total() <= 3, "{:?}", stand.book().requests);
    assert_eq!(client.change_members(&nowhere, &[], &users[..2]).await, []);
}

#[tokio::test]
async fn a_licence_lets_in_who_finds_a_seat() {
    let licensed_groups = BTreeSet::from(["staff".to_owned()]);
    let product = Bitbucket { seats: Some(5), licensed_groups, ..Bitbucket::default() };
    let (stand, client, users) = crowd(8, product).await;
    let failed = client.change_members(&staff(), &users, &[]).await;
    assert_eq!((members(&stand).len(), failed.len()), (5, 3));
    assert!(failed.iter().all(|(_, why)| why.contains("No seat of the licence is free")), "{failed:?}");
    let product = Bitbucket { seats: Some(1), ..Bitbucket::default() };
    let (stand, client) = start(product, world(&[])).await;
    let refusal = message(client.write(create("anna")).await);
    assert!(refusal.contains("403") && refusal.contains("No seat of the licence is free"), "{refusal}");
    assert!(stand.world(|world| world.user_named("anna")).is_none());
}

#[tokio::test]
async fn a_group_that_nobody_may_be_put_into_is_given_up_soon() {
    let (stand, client, users) = crowd(400, Bitbucket::default()).await;
    let refused =
        json!({ "errors": [{ "context": null, "message": "You need more rights", "exceptionName": null }] });
    let kind = FaultKind::Answer(Reply::json(403, &refused));
    let fault = stand.fault(Fault::on("add member", kind));
    let failed = client.change_members(&staff(), &users, &[]).await;
    assert_eq!(failed.len(), 400);
    assert!(failed.iter().all(|(_, why)| why.contains("You need more rights")));
    assert!(stand.met(fault) < 20, "{}", stand.met(fault));
}

#[tokio::test]
async fn accounts_of_other_directories_are_seen_and_not_written() {
    let mut world = world(&["anna", "loose"]);
    let (name, email) = ("ldap".to_owned(), "ldap@example.com".to_owned());
    world.insert_user(User { name, email, active: false, read_only: true, ..User::default() });
    let staff_id = world.add_group("staff");
    for name in ["ldap", "loose"] {
        let id = world.user_named(name).unwrap();
        world.add_member(staff_id, id);
    }
    world.add_group("crew");
    let product = Bitbucket {
        mutable_groups_false: BTreeSet::from(["ldap".to_owned(), "loose".to_owned()]),
        ..Bitbucket::default()
    };
    let (stand, mut client) = start(product, world).await;
    client.wants_groups(&["staff"]);
    let [ldap, loose, anna] = ["ldap", "loose", "anna"].map(|name| named(&stand, name));
    let crew = Named { id: "crew".into(), name: "crew".into() };
    let before = changes(&stand);
    let renamed = UserAttributes { username: "other".into(), ..person("ldap") };
    let others = [loose.clone(), anna.clone()];
    // At first nothing was read: the answers tell. Then it is known beforehand.
    for reads in [false, true] {
        if reads {
            let seen = client.read().await;
            assert_eq!((seen.users()["ldap"], seen.users()["loose"]), (false, true));
            assert_eq!(seen.groups()["staff"], ["ldap", "loose"]);
        }
        stand.forget();
        for write in [update(&ldap, &person("ldap")), update(&ldap, &renamed), delete(&ldap)] {
            let refusal = message(client.write(write).await);
            assert!(refusal.contains("the account is from another directory ("), "{refusal}");
        }
        assert!(stand.book().lines.iter().all(|line| line.starts_with("GET ")), "it is checked before");
        let failed = client.change_members(&staff(), &[], std::slice::from_ref(&loose)).await;
        assert_eq!(failed.len(), 1);
        assert!(failed[0].1.contains("from another directory"), "{failed:?}");
        let failed = client.change_members(&crew, &others, &[]).await;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, loose.id);
        assert!(failed[0].1.contains("from another directory"), "{failed:?}");
        assert_eq!(stand.world(|world| world.member_names("crew")).unwrap(), ["anna"]);
    }
    stand.forget();
    client.change_members(&crew, std::slice::from_ref(&loose), &[]).await;
    assert_eq!(stand.book().of("add member"), 0, "who is known to be refused is not sent");
    assert_eq!(changes(&stand), before + 1);
}

#[tokio::test]
async fn a_busy_product_is_asked_again() {
    let (stand, client) = usual(&["anna"]).await;
    for kind in [
        FaultKind::TooManyRequests(Some("0".to_owned())),
        FaultKind::TooManyRequests(None),
        FaultKind::Status(500),
        FaultKind::Reset,
    ] {
        let fault = stand.fault(Fault::on_any(kind).times(1));
        assert_eq!(client.read().await.users().len(), 2);
        assert_eq!(stand.met(fault), 1);
    }
    stand.world(|world| world.add_group("staff"));
    let anna = [named(&stand, "anna")];
    for kind in [FaultKind::LostAnswer, FaultKind::Status(500), FaultKind::TooManyRequests(None)] {
        let come = stand.fault(Fault::on("add member", kind.clone()).times(1));
        assert_eq!(client.change_members(&staff(), &anna, &[]).await, []);
        assert_eq!(members(&stand), ["anna"]);
        let go = stand.fault(Fault::on("remove member", kind).times(1));
        assert_eq!(client.change_members(&staff(), &[], &anna).await, []);
        assert!(members(&stand).is_empty());
        assert_eq!((stand.met(come), stand.met(go)), (1, 1));
    }
}

#[tokio::test]
async fn refusals_are_sentences() {
    let (stand, client) = usual(&["anna"]).await;
    let fault = stand.fault(Fault::on("list groups", FaultKind::Maintenance));
    let error = client.try_read().await.unwrap_err().to_string();
    assert!(stand.met(fault) > 1);
    assert!(error.starts_with("the list of groups could not be read from Bitbucket at 127.0.0.1"), "{error}");
    assert!(error.contains("503") && error.contains("nothing was changed"), "{error}");
    stand.clear_faults();
    // Bitbucket says 401 to an account that may sign in and may do no more.
    stand.product(|product| product.rights = Rights::Licensed);
    assert!(client.try_read().await.is_ok());
    let error = client.write(create("ben")).await.unwrap_err();
    assert!(error.fatal && error.message.contains("lacks the global permission ADMIN"), "{error}");
    stand.product(|product| product.rights = Rights::Unlicensed);
    let error = client.try_read().await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("lacks the global permission ADMIN"), "{error}");
    stand.product(|product| product.rights = Rights::Administrator);
    let fault = stand.fault(Fault::on("list users", FaultKind::Status(403)));
    let error = client.try_read().await.unwrap_err().to_string();
    assert_eq!(stand.met(fault), 1);
    assert!(error.contains("403") && error.contains("Give the account the rights"), "{error}");
    stand.clear_faults();
    let wrong = Client::new(Product::Bitbucket, &stand.url(), With::Password("usersyncd", "wrong-word"));
    let error = wrong.try_read().await.unwrap_err().to_string();
    assert!(error.contains("401") && !error.contains("wrong-word"), "{error}");
    assert!(wrong.write(create("ben")).await.unwrap_err().fatal);
    let token = Client::new(Product::Bitbucket, &stand.url(), With::Token("secret-token"));
    let error = token.try_read().await.unwrap_err().to_string();
    assert!(error.contains("takes no token"), "{error}");
    assert!(token.reader.protected(&token.control).await.is_err());
    let url = format!("{}/git", stand.url());
    let elsewhere = Client::new(Product::Bitbucket, &url, With::Password("usersyncd", "secret-password"));
    let error = elsewhere.try_read().await.unwrap_err().to_string();
    assert!(error.contains("404") && error.contains("a path may be missing"), "{error}");
}

#[tokio::test]
async fn its_own_account_and_rights_are_not_deleted() {
    let (stand, client) = usual(&[]).await;
    let protected = client.reader.protected(&client.control).await.unwrap();
    assert!(protected.users.matches("usersyncd") && !protected.users.matches("anna"));
    assert!(protected.groups.matches("stash-admins"));
    let own = named(&stand, "usersyncd");
    let refusal = message(client.write(delete(&own)).await);
    assert!(
        refusal.contains("409") && refusal.ends_with("the account that the daemon signs in with"),
        "{refusal}"
    );
    stand.world(|world| world.add_group("stash-admins"));
    let admins = Named { id: "stash-admins".into(), name: "stash-admins".into() };
    let refusal = message(client.write(Write::DeleteGroup { group: admins }).await);
    assert!(refusal.contains("409") && refusal.contains("would lose rights"), "{refusal}");
}

#[tokio::test]
async fn writes_cost_what_they_must() {
    let (stand, client) = usual(&["anna"]).await;
    let anna = named(&stand, "anna");
    let staff = client.create_group("00g1", "staff").await;
    let renamed = UserAttributes { username: "annab".into(), ..person("anna") };
    let annab = Named { name: "annab".into(), ..anna.clone() };
    let both = UserAttributes { display_name: "B".into(), ..person("annac") };
    let annac = Named { name: "annac".into(), ..anna.clone() };
    for (write, requests) in [
        // A create does not answer with the id.
        (create("ben"), 2),
        (update(&anna, &person("anna")), 2),
        (update(&anna, &renamed), 2),
        (update(&annab, &both), 3),
        (update(&annac, &both), 1),
        (add(&staff, std::slice::from_ref(&annac)), 1),
        (Write::ChangeMembers { group: staff.clone(), added: vec![], removed: vec![annac.clone()] }, 1),
        (Write::DeleteGroup { group: staff }, 3),
        (delete(&annac), 2),
    ] {
        stand.forget();
        client.write(write.clone()).await.unwrap();
        assert_eq!(stand.book().total(), requests, "{write:?}: {:?}", stand.book().lines);
    }
}
