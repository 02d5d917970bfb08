//! What goes wrong, and what a product refuses.

use super::*;

#[tokio::test]
async fn a_slash_that_tomcat_refuses_costs_only_its_own_group() {
    let mut world = world(&["anna"]);
    let (slashed, staff) = (world.add_group("a/b"), world.add_group("staff"));
    let anna = world.user_named("anna").unwrap();
    world.add_member(slashed, anna);
    world.add_member(staff, anna);
    let product = Confluence { refuse_encoded_slash: true, ..Confluence::default() };
    let (_stand, mut client) = start(product, world).await;
    client.wants_groups(&["a/b", "staff"]);
    let seen = client.read().await;
    assert_eq!(seen.groups()["staff"], ["anna"]);
    let slashed = seen.snapshot.groups.iter().find(|group| group.attributes.name == "a/b").unwrap();
    let Proof::NotProven(why) = &slashed.members_proof else { panic!("{slashed:?}") };
    assert!(why.contains("addresses with a slash"), "{why}");
    let group = Named { id: "a/b".into(), name: "a/b".into() };
    let anna = named(&client, "anna").await;
    let failed = client.change_members(&group, &[], std::slice::from_ref(&anna)).await;
    assert_eq!(failed.len(), 1);
    assert!(failed[0].1.contains("rename the group"), "{failed:?}");
    assert!(message(client.write(Write::DeleteGroup { group }).await).contains("rename the group"));
}

#[tokio::test]
async fn version_8_2_shows_who_is_managed_or_wanted() {
    let mut world = world(&["anna", "ben", "carl", "dora"]);
    let staff = world.add_group("staff");
    let carl = world.user_named("carl").unwrap();
    world.add_member(staff, carl);
    let product = Confluence { version: Version::V8_2, ..Confluence::default() };
    let (stand, mut client) = start(product, world).await;
    client.wants_users(&["anna", "nobody"]);
    assert_eq!(client.read().await.users().into_keys().collect::<Vec<_>>(), ["anna"]);
    let anna = named(&client, "anna").await;
    let ben = TargetId::from("4028d6768851c8900000000000000003");
    client.interest.users.managed.insert(anna.id.clone(), "anna".into());
    client.interest.users.managed.insert(ben.clone(), "renamed".into());
    client.interest.users.managed.insert("4028d6768851c890ffffffffffffffff".into(), "gone".into());
    client.wants_users(&["ben"]);
    client.wants_groups(&["staff"]);
    stand.forget();
    let seen = client.read().await;
    assert_eq!(seen.users().into_keys().collect::<Vec<_>>(), ["anna", "ben", "carl"]);
    assert_eq!(seen.groups()["staff"], ["carl"]);
    let book = stand.book();
    // Three managed, and one wanted who was not among them.
    assert_eq!((book.of("list users"), book.of("read account"), book.of("read user")), (1, 1, 4));
    assert_eq!(book.total(), 8);
    let off = Write::SetActive { user: anna.clone(), active: false };
    assert_eq!(client.write(off).await, Ok(Written::Done));
    assert!(!client.read().await.users()["anna"]);
}

#[tokio::test]
async fn what_a_version_lacks_is_named() {
    let answers = async |version, memberships_since| {
        let mut world = world(&["anna"]);
        world.add_group("staff");
        let product = Confluence { version, memberships_since, ..Confluence::default() };
        let (_stand, mut client) = start(product, world).await;
        client.wants_users(&["anna"]);
        let anna = named(&client, "anna").await;
        let staff = Named { id: "staff".into(), name: "staff".into() };
        let changed = UserAttributes { display_name: "B".into(), ..person("anna") };
        let members = [anna.clone(), anna.clone()];
        let mut answers = vec![
            message(client.write(create("ben")).await),
            message(client.write(update(&anna, &person("anna"), &changed)).await),
        ];
        if version == Version::V7_19 {
            let off = Write::SetActive { user: anna.clone(), active: false };
            answers.push(message(client.write(off).await));
            let delete = Write::DeleteUser { user: anna, groups: vec![] };
            answers.push(message(client.write(delete).await));
            answers.push(message(client.write(Write::DeleteGroup { group: staff.clone() }).await));
            let create =
                Write::CreateGroup { source: "00g1".into(), attributes: group("crew"), members: Vec::new() };
            answers.push(message(client.write(create).await));
            let failed = client.change_members(&staff, &members, &[]).await;
            answers.extend(failed.into_iter().map(|(_, reason)| reason));
        }
        answers
    };
    let endings = |answers: Vec<String>| -> Vec<String> {
        let version = |text: String| {
            let from = text.find("which Confluence ").unwrap_or_else(|| panic!("{text}"));
            text[from + 17..].split(' ').next().unwrap().to_owned()
        };
        answers.into_iter().map(version).collect()
    };
    assert_eq!(endings(answers(Version::V8_2, Version::V8_2).await), ["8.4", "9.2"]);
    let expected = ["8.4", "9.2", "8.2", "8.2", "9.0", "9.0", "9.0", "9.0"];
    assert_eq!(endings(answers(Version::V7_19, Version::V9_2).await), expected);
}

#[tokio::test]
async fn a_404_about_what_is_gone_is_no_matter_of_versions() {
    let (_stand, client) = usual(&["anna"]).await;
    let anna = named(&client, "anna").await;
    let gone = Named { id: "4028".into(), name: "gone".into() };
    let changed = UserAttributes { display_name: "B".into(), ..person("gone") };
    for write in
        [update(&gone, &person("gone"), &changed), Write::SetActive { user: gone.clone(), active: false }]
    {
        let refusal = message(client.write(write).await);
        assert!(refusal.ends_with("It is no longer there; the next run sees what is"), "{refusal}");
    }
    let staff = client.create_group("00g1", "staff").await;
    let failed = client.change_members(&staff, &[anna.clone(), gone.clone()], &[]).await;
    assert_eq!(failed.len(), 1, "one name that is not there stops nobody");
    assert!(failed[0].1.starts_with("user gone was not put into group staff: "), "{failed:?}");
    assert_eq!(client.change_members(&staff, &[], &[gone, anna.clone()]).await, []);
    let nowhere = Named { id: "nowhere".into(), name: "nowhere".into() };
    assert_eq!(client.change_members(&nowhere, &[], std::slice::from_ref(&anna)).await, []);
    assert_eq!(client.change_members(&nowhere, &[anna], &[]).await.len(), 1);
}

#[tokio::test]
async fn a_name_that_is_another_account_by_now_is_not_deleted() {
    let (stand, client) = usual(&["anna"]).await;
    let old = Named { id: "4028d6768851c8900000000000000099".into(), name: "anna".into() };
    let refusal = message(client.write(Write::DeleteUser { user: old, groups: vec![] }).await);
    assert!(refusal.contains("belongs to another account by now"), "{refusal}");
    assert!(stand.world(|world| world.user_named("anna")).is_some());
}

#[tokio::test]
async fn a_deletion_that_takes_a_while_is_done() {
    let product = Confluence { deletion_after: 3, ..Confluence::default() };
    let (stand, client) = start(product, world(&["anna"])).await;
    let anna = named(&client, "anna").await;
    let delete = Write::DeleteUser { user: anna, groups: vec![] };
    assert_eq!(client.write(delete.clone()).await, Ok(Written::Done));
    assert_eq!(stand.book().statuses.get(&202), Some(&1));
    while client.read().await.users().contains_key("anna") {}
    assert_eq!(client.write(delete).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found() {
    let (stand, client) = usual(&[]).await;
    for kind in [FaultKind::LostAnswer, FaultKind::StatusAfterwards(500), FaultKind::HalfBody] {
        let name = format!("user{}", changes(&stand));
        let fault = stand.fault(Fault::on("create user", kind.clone()).times(1));
        stand.forget();
        let user = client.create_user("00u1", &name).await;
        assert_eq!((stand.met(fault), stand.book().of("create user")), (1, 1), "{kind:?}");
        assert!(client.read().await.snapshot.users.iter().any(|seen| seen.id == user.id));
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
}

#[tokio::test]
async fn what_somebody_else_made_is_not_linked() {
    let (stand, client) = usual(&["anna"]).await;
    let refusal = message(client.write(create("anna")).await);
    assert!(refusal.contains("409"), "{refusal}");
    assert!(refusal.ends_with("the next run says whose it is"), "{refusal}");
    // Not even if no answer came: it has another name for people.
    let fault = stand.fault(Fault::on("create user", FaultKind::Reset).times(1));
    let refusal = message(client.write(create("anna")).await);
    assert_eq!(stand.met(fault), 1);
    assert!(refusal.contains("409"), "{refusal}");
    stand.world(|world| world.add_group("staff"));
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
    let anna = named(&client, "anna").await;
    for kind in [FaultKind::LostAnswer, FaultKind::Status(500)] {
        let fault = stand.fault(Fault::on("disable user", kind).times(1));
        let off = Write::SetActive { user: anna.clone(), active: false };
        assert_eq!(client.write(off).await, Ok(Written::Done));
        assert_eq!(stand.met(fault), 1);
    }
}

#[tokio::test]
async fn refusals_are_sentences() {
    let (stand, client) = usual(&["anna"]).await;
    let anna = named(&client, "anna").await;
    let fault = stand.fault(Fault::on("list groups", FaultKind::Maintenance));
    let error = client.try_read().await.unwrap_err().to_string();
    assert!(stand.met(fault) > 1);
    assert!(
        error.starts_with("the list of groups could not be read from Confluence at 127.0.0.1"),
        "{error}"
    );
    assert!(error.contains("503") && error.contains("nothing was changed"), "{error}");
    stand.clear_faults();
    for rights in [Rights::Reader, Rights::Nobody] {
        stand.product(|product| product.rights = rights);
        let error = client.try_read().await.unwrap_err().to_string();
        assert!(error.contains("403") && error.contains("Give the account the rights"), "{error}");
        let refusal = message(client.write(create("ben")).await);
        assert!(refusal.contains("may not do this"), "{refusal}");
        let off = Write::SetActive { user: anna.clone(), active: false };
        assert!(message(client.write(off).await).contains("403"));
    }
    stand.product(|product| product.rights = Rights::Administrator);
    let wrong = Client::new(Product::Confluence, &stand.url(), With::Password("usersyncd", "wrong"));
    let error = wrong.try_read().await.unwrap_err().to_string();
    assert!(error.contains("401") && !error.contains("wrong"), "{error}");
    assert!(wrong.write(create("ben")).await.unwrap_err().fatal);
    let elsewhere = Client::new(
        Product::Confluence,
        &format!("{}/wiki", stand.url()),
        With::Password("usersyncd", "secret-password"),
    );
    let error = elsewhere.try_read().await.unwrap_err().to_string();
    assert!(error.contains("404") && error.contains("a path may be missing"), "{error}");
}

#[tokio::test]
async fn a_licence_without_a_seat_is_said() {
    let product = Confluence { seats: Some(2), ..Confluence::default() };
    let (stand, client) = start(product, world(&["anna"])).await;
    let refusal = message(client.write(create("ben")).await);
    assert!(refusal.starts_with("user ben was not created: "), "{refusal}");
    assert!(refusal.contains("402") && refusal.contains("No seat of the licence is free"), "{refusal}");
    assert!(stand.world(|world| world.user_named("ben")).is_none());
}

#[tokio::test]
async fn users_of_a_directory_that_cannot_be_written_stay_as_they_are() {
    let mut world = world(&[]);
    let name = "ldap".to_owned();
    world.insert_user(User { name, active: true, read_only: true, ..User::default() });
    let (stand, client) = start(Confluence::default(), world).await;
    let ldap = named(&client, "ldap").await;
    let before = changes(&stand);
    let off = Write::SetActive { user: ldap.clone(), active: false };
    assert!(message(client.write(off).await).starts_with("user ldap was not disabled: Confluence at"));
    let changed = UserAttributes { display_name: "B".into(), ..person("ldap") };
    assert!(client.write(update(&ldap, &person("ldap"), &changed)).await.is_err());
    assert_eq!(changes(&stand), before);
}

#[tokio::test]
async fn its_own_account_is_protected() {
    let (stand, client) = usual(&[]).await;
    let protected = client.reader.protected(&client.control).await.unwrap();
    assert!(protected.users.matches("usersyncd") && !protected.users.matches("anna"));
    assert!(protected.groups.matches("confluence-administrators"));
    assert_eq!(stand.book().total(), 0);
    let token = Client::new(Product::Confluence, &stand.url(), With::Token("secret-token"));
    for _ in 0..2 {
        let protected = token.reader.protected(&token.control).await.unwrap();
        assert!(protected.users.matches("usersyncd") && !protected.users.matches("anna"));
    }
    assert_eq!(stand.book().of("read account"), 1);
    let anonymous = Reply::json(200, &json!({ "type": "anonymous", "displayName": "Anonymous" }));
    let fault = stand.fault(Fault::on("read account", FaultKind::Answer(anonymous)));
    let token = Client::new(Product::Confluence, &stand.url(), With::Token("secret-token"));
    let error = token.reader.protected(&token.control).await.unwrap_err().to_string();
    assert_eq!(stand.met(fault), 1);
    assert!(error.contains("anonymous visitor"), "{error}");
    assert_eq!(client.reader.address(), format!("confluence:{}", stand.url()));
}

#[tokio::test]
async fn writes_cost_what_they_must() {
    let (stand, client) = usual(&["anna"]).await;
    let anna = named(&client, "anna").await;
    let staff = client.create_group("00g1", "staff").await;
    let changed = UserAttributes { display_name: "B".into(), ..person("anna") };
    for (write, requests) in [
        (create("ben"), 1),
        (update(&anna, &person("anna"), &changed), 1),
        (update(&anna, &changed, &changed), 0),
        (Write::SetActive { user: anna.clone(), active: false }, 1),
        (Write::ChangeMembers { group: staff.clone(), added: vec![anna.clone()], removed: vec![] }, 1),
        (Write::ChangeMembers { group: staff.clone(), added: vec![], removed: vec![anna.clone()] }, 1),
        (Write::DeleteGroup { group: staff }, 3),
        (Write::DeleteUser { user: anna, groups: vec![] }, 2),
    ] {
        stand.forget();
        client.write(write.clone()).await.unwrap();
        assert_eq!(stand.book().total(), requests, "{write:?}");
    }
}
