//! Bitbucket Data Center: its client against its stand-in.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use sandbox::bitbucket::{Bitbucket, Rights};
use sandbox::product::{Fault, FaultKind, Reply, Serving, StandIn, User, World};
use serde_json::json;
use usersyncd::config::model::Product;
use usersyncd::sync::model::{GroupAttributes, Proof, TargetId, UserAttributes};
use usersyncd::target::{Named, Write, WriteError, Written};

use crate::support::{Client, With, group, person};

async fn start(product: Bitbucket, world: World) -> (StandIn<Bitbucket>, Client) {
    let stand = StandIn::start(product, world, Serving::default()).await.unwrap();
    let client = of(&stand);
    (stand, client)
}

fn of(stand: &StandIn<Bitbucket>) -> Client {
    let url = format!("{}{}", stand.url(), stand.product(|product| product.context.clone()));
    Client::new(Product::Bitbucket, &url, With::Password("usersyncd", "secret-password"))
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

async fn usual(users: &[&str]) -> (StandIn<Bitbucket>, Client) {
    start(Bitbucket::default(), world(users)).await
}

fn update(user: &Named, attributes: &UserAttributes) -> Write {
    Write::UpdateUser {
        user: user.clone(),
        source: None,
        before: person(&user.name),
        attributes: attributes.clone(),
    }
}

fn create(name: &str) -> Write {
    Write::CreateUser { source: "00u1".into(), attributes: person(name), active: true }
}

fn delete(user: &Named) -> Write {
    Write::DeleteUser { user: user.clone(), groups: vec![] }
}

fn add(group: &Named, added: &[Named]) -> Write {
    Write::ChangeMembers { group: group.clone(), added: added.to_vec(), removed: vec![] }
}

fn message(answer: Result<Written, WriteError>) -> String {
    let error = answer.unwrap_err();
    assert!(!error.fatal, "{error}");
    error.message
}

/// A user of the world as writes name it: ids of the stand-in are numbers, as Bitbucket's are.
fn named(stand: &StandIn<Bitbucket>, name: &str) -> Named {
    let id = stand.world(|world| world.user_named(name)).unwrap();
    Named { id: id.to_string().as_str().into(), name: name.into() }
}

fn staff() -> Named {
    Named { id: "staff".into(), name: "staff".into() }
}

fn changes(stand: &StandIn<Bitbucket>) -> u64 {
    stand.world(|world| world.changes)
}

fn members(stand: &StandIn<Bitbucket>) -> Vec<String> {
    stand.world(|world| world.member_names("staff")).unwrap()
}

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
    let serving = Serving { latency: std::time::Duration::from_millis(5), ..Serving::default() };
    let stand = StandIn::start(Bitbucket::default(), world, serving).await.unwrap();
    let mut client = of(&stand);
    client.wants_groups(&names.iter().map(String::as_str).collect::<Vec<_>>());
    client.read().await;
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

/// A page of users with these ids.
fn page(ids: &[u64], next: Option<u64>) -> FaultKind {
    let user = |id: &u64| json!({ "id": id, "name": format!("user-{id}"), "active": true });
    let values: Vec<_> = ids.iter().map(user).collect();
    let body = json!({ "values": values, "isLastPage": next.is_none(), "nextPageStart": next });
    FaultKind::Answer(Reply::json(200, &body))
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

/// A group `staff`, and so many users.
async fn crowd(count: usize, product: Bitbucket) -> (StandIn<Bitbucket>, Client, Vec<Named>) {
    let mut world = world(&[]);
    world.add_group("staff");
    let names: Vec<String> = (0..count).map(|at| format!("user{at:04}")).collect();
    names.iter().for_each(|name| {
        world.add_user(name);
    });
    let (stand, client) = start(product, world).await;
    let users = names.iter().map(|name| named(&stand, name)).collect();
    (stand, client, users)
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
