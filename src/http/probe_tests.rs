use std::net::Ipv4Addr;

use sandbox::proxy::Proxy;
use sandbox::tls::{Authority, Front};
use tokio::net::TcpListener;

use super::*;

/// A server with a certificate for that name, whose other end nobody listens at.
async fn front(authority: &Authority, name: &str) -> Front {
    let config = authority.server(&[name], (2090, 1, 2)).unwrap();
    Front::start(config, (Ipv4Addr::LOCALHOST, 9).into()).await.unwrap()
}

fn trusting(authority: &Authority) -> Option<Authorities> {
    Some(Authorities::parse(authority.pem().as_bytes()).unwrap())
}

fn way(proxies: &Matcher, address: &str, authorities: Option<Authorities>) -> Way {
    Way::by(proxies, &Url::parse(address).unwrap(), authorities)
}

fn direct(address: SocketAddr, authorities: Option<Authorities>) -> Way {
    way(&Matcher::builder().build(), &format!("https://{address}"), authorities)
}

async fn greeting(way: &Way) -> Greeting {
    let addresses = way.resolve().await.unwrap();
    way.greet(way.connect(&addresses).await.unwrap()).await
}

#[tokio::test]
async fn a_certificate_is_shown_whether_it_is_trusted_or_not() {
    let authority = Authority::new("Acme CA").unwrap();
    let front = front(&authority, "127.0.0.1").await;
    let Greeting::Trusted(certificate) = greeting(&direct(front.address(), trusting(&authority))).await
    else {
        panic!("it is trusted");
    };
    assert_eq!(certificate.issuer, "CN=Acme CA");
    assert_eq!(certificate.until.to_rfc3339(), "2090-01-02T00:00:00+00:00");
    let Greeting::Untrusted { certificate: seen, distrust, why } =
        greeting(&direct(front.address(), None)).await
    else {
        panic!("nobody knows its issuer");
    };
    assert_eq!(seen, Some(certificate));
    assert_eq!((distrust, why.as_str()), (Distrust::Otherwise, "invalid peer certificate: UnknownIssuer"));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_trusted() {
    let authority = Authority::new("Acme CA").unwrap();
    let front = front(&authority, "other.example.com").await;
    let Greeting::Untrusted { distrust, why, .. } =
        greeting(&direct(front.address(), trusting(&authority))).await
    else {
        panic!("it is another's");
    };
    assert_eq!(distrust, Distrust::OtherName, "{why}");
}

#[tokio::test]
async fn a_certificate_of_another_time_is_not_trusted() {
    let authority = Authority::new("Acme CA").unwrap();
    let nobody = (Ipv4Addr::LOCALHOST, 9).into();
    let front = Front::start(authority.server(&["127.0.0.1"], (2020, 1, 1)).unwrap(), nobody).await.unwrap();
    let Greeting::Untrusted { distrust, why, .. } =
        greeting(&direct(front.address(), trusting(&authority))).await
    else {
        panic!("it expired long ago");
    };
    assert_eq!(distrust, Distrust::Expired, "{why}");
    let early = TlsError::InvalidCertificate(CertificateError::NotValidYet);
    assert_eq!(Distrust::from(&early), Distrust::NotYetValid);
}

#[tokio::test]
async fn through_a_proxy_the_server_itself_is_greeted() {
    let authority = Authority::new("Acme CA").unwrap();
    let front = front(&authority, "acme.okta.test").await;
    let proxy = Proxy::start(Some(front.address())).await.unwrap();
    let proxies = Matcher::builder().https(proxy.url()).no("exempt.test").build();
    let through = way(&proxies, "https://acme.okta.test", trusting(&authority));
    assert_eq!(through.proxy(), Some(proxy.url()));
    assert!(matches!(greeting(&through).await, Greeting::Trusted(_)));
    assert_eq!(proxy.asked(), ["CONNECT acme.okta.test:443 HTTP/1.1"]);
    for exempt in ["https://exempt.test", "https://127.0.0.1:9", "http://127.0.0.1:9"] {
        assert_eq!(way(&proxies, exempt, None).proxy(), None, "{exempt}");
    }

    let refusing = Proxy::start(None).await.unwrap();
    let proxies = Matcher::builder().https(refusing.url()).build();
    let through = way(&proxies, "https://acme.okta.test", None);
    let why = "the proxy refuses a tunnel to acme.okta.test:443: 403".to_owned();
    assert_eq!(greeting(&through).await, Greeting::Failed(why));
}

#[test]
fn the_password_of_a_proxy_is_not_shown_and_its_kind_is_heeded() {
    let with = |proxy: &str| way(&Matcher::builder().all(proxy).build(), "https://acme.okta.test", None);
    let usual = with("http://me:s3cret@proxy.test:3128");
    assert_eq!(usual.proxy().as_deref(), Some("http://proxy.test:3128"));
    assert!(!format!("{usual:?}").contains("s3cret"));
    assert_eq!(usual.first(), Some(("proxy.test".to_owned(), 3128)));
    assert!(usual.can_be_looked_through());
    for (proxy, port) in [("https://proxy.test", 443), ("socks5://proxy.test", 1080)] {
        assert_eq!(with(proxy).first(), Some(("proxy.test".to_owned(), port)));
        assert!(!with(proxy).can_be_looked_through());
    }
}

#[tokio::test]
async fn what_does_not_come_about_is_told_in_words() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = nobody.local_addr().unwrap();
    let way = direct(address, None);
    let addresses = way.resolve().await.unwrap();
    assert_eq!(addresses, [address]);
    let connection = way.connect(&addresses).await.unwrap();
    drop(nobody.accept().await.unwrap());
    assert!(matches!(way.greet(connection).await, Greeting::Failed(_)), "it hangs up");
    drop(nobody);
    assert_eq!(way.connect(&addresses).await.unwrap_err(), "the connection was refused");
}
