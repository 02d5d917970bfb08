//! HTTP/2 without TLS, from a client that knows.

use sandbox::okta::{Fault, FaultKind, Okta, Options, Route};

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().http2_prior_knowledge().no_gzip().no_proxy();
    builder.tls_certs_only([]).build().unwrap()
}

#[tokio::test]
async fn many_requests_share_one_connection() {
    let okta = Okta::start(Options::default()).await.unwrap();
    let client = client();
    let ask = |path: &str| {
        let request = client.get(format!("{}/api/v1/{path}", okta.url()));
        request.header("Authorization", format!("SSWS {}", okta.token())).send()
    };
    let first = ask("users?limit=3").await.unwrap();
    assert_eq!((first.version(), first.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    assert_eq!(first.headers().get_all("link").iter().count(), 2);
    assert_eq!(first.headers().get_all("date").iter().count(), 1);
    let (users, groups) = tokio::join!(ask("users"), ask("groups"));
    assert_eq!((users.unwrap().status().as_u16(), groups.unwrap().status().as_u16()), (200, 200));
    assert_eq!((okta.requests().total, okta.requests().connections), (3, 1));
    let host = okta.url().trim_start_matches("http://").to_owned();
    assert!(okta.log()[0].contains(&format!("host={host}")), "{:?}", okta.log());
}

#[tokio::test]
async fn what_goes_wrong_goes_wrong_there_too() {
    let okta = Okta::start(Options::default()).await.unwrap();
    let client = client();
    for kind in [FaultKind::Reset, FaultKind::Close, FaultKind::CutBody, FaultKind::CutChunked] {
        let fault = okta.fault(Fault::on(Route::Users).kind(kind.clone()).times(1));
        let request = client.get(format!("{}/api/v1/users", okta.url()));
        let answer = request.header("Authorization", format!("SSWS {}", okta.token())).send().await;
        let read = match answer {
            Ok(answer) => answer.bytes().await.map(drop),
            Err(problem) => Err(problem),
        };
        assert!(read.is_err(), "{kind:?}");
        assert_eq!(okta.met(fault), 1);
    }
    let fault = okta.fault(Fault::on(Route::Users).kind(FaultKind::NoDate));
    let request = client.get(format!("{}/api/v1/users", okta.url()));
    let answer = request.header("Authorization", format!("SSWS {}", okta.token())).send().await.unwrap();
    assert_eq!((answer.headers().get("date"), okta.met(fault)), (None, 1));
}
