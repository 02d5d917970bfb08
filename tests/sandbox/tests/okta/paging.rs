//! Lists, links and cursors.

use std::collections::BTreeSet;
use std::io::Read as _;

use sandbox::okta::{LinkStyle, Okta, Options, PageSizes, Route, Status};

use crate::client::{get, plain, raw, walk, walk_ids};

#[tokio::test]
async fn the_plain_list_pages_through_all_but_the_deprovisioned() {
    let okta = Okta::start(Options { users: 450, ..Options::default() }).await.unwrap();
    let pages = walk(&okta, "/api/v1/users").await;
    let users = okta.org().users();
    let shown: BTreeSet<String> = users
        .iter()
        .filter(|user| user.status != Status::Deprovisioned)
        .map(|user| user.id.clone())
        .collect();
    assert!(shown.len() < users.len(), "some are deprovisioned");
    let ids: Vec<String> = pages.iter().flat_map(|page| page.ids()).collect();
    assert_eq!(ids.iter().cloned().collect::<BTreeSet<_>>(), shown);
    assert_eq!(ids.len(), shown.len(), "nobody twice");
    assert!(!ids.is_sorted(), "the plain list is in no order of ids");
    assert_eq!(pages.iter().map(|page| page.ids().len()).collect::<Vec<_>>(), [200, 200, shown.len() - 400]);
    let last = pages[0].ids()[199].clone();
    assert_eq!(pages[0].link("self").unwrap(), format!("{}/api/v1/users?limit=200", okta.url()));
    assert_eq!(
        pages[0].link("next").unwrap(),
        format!("{}/api/v1/users?after=2{last}&limit=200", okta.url())
    );
    assert_eq!(pages[1].link("self"), pages[0].link("next"));
    assert!(pages[2].link("self").is_some());
}

#[tokio::test]
async fn a_list_that_fills_its_last_page_has_no_empty_one_after_it() {
    let okta =
        Okta::start(Options { users: 0, groups: 20, everyone: false, ..Options::default() }).await.unwrap();
    let pages = walk(&okta, "/api/v1/groups?limit=10").await;
    assert_eq!(pages.iter().map(|page| page.ids().len()).collect::<Vec<_>>(), [10, 10]);
}

#[tokio::test]
async fn links_stand_in_two_lines_in_lower_case_self_first() {
    let okta = Okta::start(Options::default()).await.unwrap();
    let answer = raw(&okta, "/api/v1/users?limit=2").await.unwrap();
    let links: Vec<&str> = answer.lines().filter(|line| line.starts_with("link: ")).collect();
    assert_eq!(links.len(), 2);
    assert!(links[0].ends_with("rel=\"self\"") && links[1].ends_with("rel=\"next\""), "{links:?}");
    let heads = answer.lines().skip(1).take_while(|line| !line.is_empty());
    assert!(heads.map(|line| line.split(':').next().unwrap()).all(|name| name == name.to_ascii_lowercase()));

    let folded = Okta::start(Options { links: LinkStyle::Folded, ..Options::default() }).await.unwrap();
    let answer = get(&folded, "/api/v1/users?limit=2").await;
    assert_eq!(answer.headers.get_all("link").iter().count(), 1);
    assert!(answer.header("link").contains("rel=\"self\", <http"));

    let elsewhere = LinkStyle::Origin("https://acme.example.com".to_owned());
    let other = Okta::start(Options { links: elsewhere, ..Options::default() }).await.unwrap();
    let answer = get(&other, "/api/v1/users?limit=2").await;
    assert!(answer.link("next").unwrap().starts_with("https://acme.example.com/api/v1/users?after=2"));
}

#[tokio::test]
async fn limits_are_cut_to_what_the_endpoint_gives() {
    let okta = Okta::start(Options { users: 1300, groups: 2, memberships: 1100, ..Options::default() })
        .await
        .unwrap();
    let everyone = okta.org().group_id_by_name("Everyone").unwrap();
    assert_eq!(get(&okta, "/api/v1/users?limit=1000").await.ids().len(), 200);
    let members = get(&okta, &format!("/api/v1/groups/{everyone}/users?limit=5000")).await;
    assert_eq!(members.ids().len(), 1000);
    assert!(members.link("self").unwrap().ends_with("/users?limit=1000"));
    assert!(get(&okta, "/api/v1/groups").await.link("self").unwrap().ends_with("/groups?limit=10000"));
    for limit in ["0", "-1", "many"] {
        let refused = get(&okta, &format!("/api/v1/users?limit={limit}")).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (400, "E0000001"));
    }
}

#[tokio::test]
async fn members_are_ascending_and_complete() {
    let options = Options { users: 300, groups: 30, memberships: 900, ..Options::default() };
    let okta = Okta::start(options).await.unwrap();
    let mut total = 0;
    for group in okta.org().groups() {
        let ids = walk_ids(&okta, &format!("/api/v1/groups/{}/users?limit=50", group.id)).await;
        assert!(ids.is_sorted());
        assert_eq!(ids, okta.org().members(&group.id), "{}", group.name);
        total += if group.kind == "BUILT_IN" { 0 } else { ids.len() };
    }
    assert_eq!(total, 900);
}

#[tokio::test]
async fn groups_have_opaque_cursors_and_keep_expand_in_next() {
    let okta = Okta::start(Options { groups: 25, ..Options::default() }).await.unwrap();
    let pages = walk(&okta, "/api/v1/groups?expand=stats&limit=10").await;
    let next = pages[0].link("next").unwrap();
    assert!(next.contains("%3D&limit=10&expand=stats"), "{next}");
    for group in pages.iter().flat_map(|page| page.json().as_array().unwrap().clone()) {
        let members = okta.org().members(group["id"].as_str().unwrap()).len();
        assert_eq!(group["_embedded"]["stats"]["usersCount"], members);
    }
    let mut ids: Vec<String> = pages.iter().flat_map(|page| page.ids()).collect();
    ids.sort();
    assert_eq!(ids, okta.org().groups().into_iter().map(|group| group.id).collect::<Vec<_>>());
    assert!(get(&okta, "/api/v1/groups").await.json()[0].get("_embedded").is_none());
}

#[tokio::test]
async fn the_groups_of_a_user_are_paged_too() {
    let pages = PageSizes { user_groups: 2, ..PageSizes::default() };
    let okta = Okta::start(Options { pages, ..Options::empty() }).await.unwrap();
    let org = okta.org();
    let user = org.add_user(sandbox::okta::NewUser::new("ann@example.com"));
    let mut groups: Vec<String> = (0..4).map(|number| org.add_group(&format!("g{number}"))).collect();
    groups.iter().for_each(|group| org.add_member(group, &user));
    groups.push(org.group_id_by_name("Everyone").unwrap());
    groups.sort();
    assert_eq!(walk_ids(&okta, "/api/v1/users/ann@example.com/groups").await, groups);
    assert_eq!(okta.requests().of(Route::UserGroups), 3);
}

#[tokio::test]
async fn cursors_that_nobody_gave_out_are_refused() {
    let okta = Okta::start(Options { users: 30, groups: 5, ..Options::default() }).await.unwrap();
    let group = okta.org().groups()[0].id.clone();
    let search = "search=status+eq+%22ACTIVE%22";
    for path in [
        "/api/v1/users?after=x".to_owned(),
        "/api/v1/users?after=200u00000000000000000".to_owned(),
        format!("/api/v1/users?{search}&after=nonsense"),
        "/api/v1/groups?after=again1".to_owned(),
        format!("/api/v1/groups/{group}/users?after=1"),
    ] {
        let refused = get(&okta, &path).await;
        assert_eq!(refused.status, 400, "{path}");
        assert_eq!(refused.error(), ("E0000029".to_owned(), "Invalid paging request.".to_owned()));
        assert_eq!(refused.json()["errorCauses"][0]["errorSummary"], "Invalid cursor.");
    }
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_though_its_last_user_is_gone() {
    let okta = Okta::start(Options { users: 30, ..Options::default() }).await.unwrap();
    let first = get(&okta, "/api/v1/users?limit=10").await;
    let before = walk_ids(&okta, "/api/v1/users").await;
    okta.org().delete_user(&first.ids()[9]);
    let rest = walk_ids(&okta, &first.link("next").unwrap()).await;
    assert_eq!(rest, before[10..]);
}

#[tokio::test]
async fn gzip_is_for_those_who_ask_and_where_it_is_on() {
    for (on, encoding) in [(true, "gzip"), (false, "")] {
        let okta = Okta::start(Options { gzip: on, ..Options::default() }).await.unwrap();
        let client = plain();
        let ask = |accept: &'static str| {
            let address = format!("{}/api/v1/users", okta.url());
            let request = client.get(address).header("Authorization", format!("SSWS {}", okta.token()));
            request.header("Accept-Encoding", accept).send()
        };
        let packed = ask("deflate, gzip;q=1.0").await.unwrap();
        assert_eq!(packed.headers().get("content-encoding").map_or("", |it| it.to_str().unwrap()), encoding);
        let whole = ask("identity").await.unwrap();
        assert!(whole.headers().get("content-encoding").is_none());
        let mut unpacked = packed.bytes().await.unwrap().to_vec();
        if on {
            let bytes = std::mem::take(&mut unpacked);
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked).unwrap();
        }
        assert_eq!(unpacked, whole.bytes().await.unwrap(), "the same once unpacked");
        assert_eq!(okta.requests().compressed > 0, on);
    }
}
