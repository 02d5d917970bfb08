//! Pages, of which nothing says how many there are.

use sandbox::crowd::Crowd;
use sandbox::product::World;

use super::{Server, ask, because, start};

fn crowded() -> World {
    let mut world = World::default();
    let groups: Vec<u64> = (0..20).map(|number| world.add_group(&format!("group{number:02}"))).collect();
    let users: Vec<u64> = (0..60).map(|number| world.add_user(&format!("user{number:02}"))).collect();
    for user in &users {
        world.add_member(groups[0], *user);
    }
    for group in &groups {
        world.add_member(*group, users[0]);
    }
    world.change_group(groups[0], |first| first.children.extend(&groups[1..]));
    world
}

/// The sizes of all pages, up to the first that is shorter than what was asked for, and all names.
async fn walk(server: &Server, path: &str, size: usize) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut names) = (Vec::new(), Vec::new());
    loop {
        let page = format!("{path}&start-index={}&max-results={size}", names.len());
        let page = ask(server, "GET", &page).await.names();
        sizes.push(page.len());
        names.extend(page);
        assert!(names.len() < 1000, "{path} does not end");
        if sizes.last() < Some(&size) {
            return (sizes, names);
        }
    }
}

const LISTS: [(&str, usize); 8] = [
    ("search?entity-type=user", 60),
    ("search?entity-type=group", 20),
    ("search?entity-type=user&restriction=name%3Duser*", 60),
    ("group/user/direct?groupname=group00", 60),
    ("group/user/nested?groupname=group00", 60),
    ("user/group/direct?username=user00", 20),
    ("user/group/nested?username=user00", 20),
    ("group/child-group/direct?groupname=group00", 19),
];

#[tokio::test]
async fn lists_end_with_a_short_page_and_hold_everything_once() {
    let server = start(Crowd::default(), crowded()).await;
    for (path, total) in LISTS {
        for size in [7, 20, 1000] {
            let (sizes, names) = walk(&server, path, size).await;
            let mut expected = vec![size; total / size];
            expected.push(total % size);
            assert_eq!(sizes, expected, "{path}: a page that is full at the end is followed by an empty one");
            assert!(names.is_sorted_by(|one, other| one < other), "{path}: in a stable order, nobody twice");
        }
    }
}

#[tokio::test]
async fn a_page_has_a_length_of_its_own_if_none_is_asked_for() {
    let server = start(Crowd::default(), crowded()).await;
    let path = "search?entity-type=user";
    assert_eq!(ask(&server, "GET", path).await.names().len(), 50);
    assert_eq!(ask(&server, "GET", &format!("{path}&start-index=50")).await.names().len(), 10);
    assert_eq!(ask(&server, "GET", &format!("{path}&max-results=-1")).await.names().len(), 60);
    assert_eq!(ask(&server, "GET", &format!("{path}&max-results=0")).await.names().len(), 0);
    server.product(|crowd| crowd.default_page = 3);
    assert_eq!(ask(&server, "GET", path).await.names(), ["user00", "user01", "user02"]);
}

#[tokio::test]
async fn pages_can_be_capped_below_what_is_asked_for() {
    let server = start(Crowd { page_cap: Some(15), ..Crowd::default() }, crowded()).await;
    for (path, total) in LISTS {
        let page = ask(&server, "GET", &format!("{path}&max-results=1000")).await;
        assert_eq!(page.names().len(), 15, "{path}");
        assert_eq!(page.json().as_object().unwrap().len(), 2, "{path}: nothing says how many there are");
        let last = format!("{path}&max-results=1000&start-index={}", total - 2);
        assert_eq!(ask(&server, "GET", &last).await.names().len(), 2, "{path}");
    }
}

#[tokio::test]
async fn a_start_beyond_the_end_is_an_empty_page_and_no_number_is_refused() {
    let server = start(Crowd::default(), crowded()).await;
    for (path, total) in LISTS {
        let beyond = format!("{path}&start-index={}", total + 100);
        assert_eq!(ask(&server, "GET", &beyond).await.names().len(), 0, "{path}");
    }
    for wrong in ["start-index=-1", "start-index=x", "max-results=many"] {
        let refused = ask(&server, "GET", &format!("search?entity-type=user&{wrong}")).await;
        assert_eq!(refused.refused(), because(400, "ILLEGAL_ARGUMENT"), "{wrong}");
    }
}
