//! Confluence Data Center: its client against its stand-in.

use sandbox::confluence::{Confluence, Rights, Version};
use sandbox::product::{Fault, FaultKind, Reply, Serving, StandIn, User, World};
use serde_json::json;
use usersyncd::config::model::Product;
use usersyncd::sync::model::{GroupAttributes, Proof, TargetId, UserAttributes};
use usersyncd::target::{Named, Write, WriteError, Written};

use crate::support::{Client, With, group, person};

async fn start(product: Confluence, world: World) -> (StandIn<Confluence>, Client) {
    let stand = StandIn::start(product, world, Serving::default()).await.unwrap();
    let client = of(&stand);
    (stand, client)
}

fn of(stand: &StandIn<Confluence>) -> Client {
    let url = format!("{}{}", stand.url(), stand.product(|product| product.context.clone()));
    Client::new(Product::Confluence, &url, With::Password("usersyncd", "secret-password"))
}

/// A world with the account of the daemon, and these users.
fn world(users: &[&str]) -> World {
    let mut world = World::default();
    world.add_user("usersyncd");
    users.iter().for_each(|name| {
        world.add_user(name);
    });
    world
}

async fn usual(users: &[&str]) -> (StandIn<Confluence>, Client) {
    start(Confluence::default(), world(users)).await
}

fn update(user: &Named, before: &UserAttributes, attributes: &UserAttributes) -> Write {
    Write::UpdateUser {
        user: user.clone(),
        source: None,
        before: before.clone(),
        attributes: attributes.clone(),
    }
}

fn create(name: &str) -> Write {
    Write::CreateUser { source: "00u1".into(), attributes: person(name), active: true }
}

fn message(answer: Result<Written, WriteError>) -> String {
    let error = answer.unwrap_err();
    assert!(!error.fatal, "{error}");
    error.message
}

async fn named(client: &Client, name: &str) -> Named {
    let seen = client.read().await;
    let user = seen.snapshot.users.iter().find(|user| user.attributes.username == name).unwrap();
    Named { id: user.id.clone(), name: name.into() }
}

fn changes(stand: &StandIn<Confluence>) -> u64 {
    stand.world(|world| world.changes)
}

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
    let serving = Serving { latency: std::time::Duration::from_millis(5), ..Serving::default() };
    let stand = StandIn::start(Confluence::default(), world, serving).await.unwrap();
    let mut client = of(&stand);
    client.wants_groups(&names.iter().map(String::as_str).collect::<Vec<_>>());
    client.read().await;
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

/// A page of users with these keys.
fn page(keys: &[&str], next: Option<&str>) -> FaultKind {
    let user = |key: &&str| json!({ "type": "known", "username": format!("user-{key}"), "userKey": key, "displayName": "", "status": "current" });
    let results: Vec<_> = keys.iter().map(user).collect();
    let links = next.map_or_else(|| json!({}), |next| json!({ "next": next }));
    FaultKind::Answer(Reply::json(200, &json!({ "results": results, "_links": links })))
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
        Write::CreateGroup { source: "00g1".into(), attributes: group("..") },
        create("."),
    ] {
        assert!(message(client.write(write).await).contains("would mean a step"));
    }
    assert_eq!(stand.book().total(), 0);
}

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
            let create = Write::CreateGroup { source: "00g1".into(), attributes: group("crew") };
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
    let write = Write::CreateGroup { source: "00g1".into(), attributes: group("staff") };
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
