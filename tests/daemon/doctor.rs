//! `ctl doctor`: what is well, and each thing that may not be, with what to do about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sandbox::okta::{Fault, FaultKind, Route};
use sandbox::proxy::Proxy;
use sandbox::tls::{Authority, Front};
use serde_json::Value;

use crate::harness::Site;

/// What was said of a connector.
struct Told {
    code: i32,
    text: String,
    checks: Vec<Value>,
}

impl Told {
    /// The checks of that name and subject: verdict, and what was seen with what to do.
    fn of(&self, subject: &str, name: &str) -> Vec<(&str, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let wanted = self.checks.iter().filter(|check| check["subject"] == subject && check["name"] == name);
        wanted
            .map(|check| {
                let words = format!("{} [{}]", text(&check["seen"]), text(&check["fix"]));
                (check["verdict"].as_str().unwrap(), words)
            })
            .collect()
    }

    /// The only one.
    fn one(&self, subject: &str, name: &str) -> (&str, String) {
        let mut found = self.of(subject, name);
        assert_eq!(found.len(), 1, "{subject} {name}: {found:?} in {}", self.text);
        found.remove(0)
    }

    fn failed(&self) -> Vec<(String, String)> {
        let failed = self.checks.iter().filter(|check| check["verdict"] == "failed");
        failed.map(|check| (check["subject"].to_string(), check["name"].to_string())).collect()
    }
}

/// Asks twice, for people and for programs, and sees that both agree and that no secret is told.
fn doctor(site: &Site) -> Told {
    let (code, json, messages) = site.ctl(&["doctor", "acme", "--json"]);
    assert_eq!(messages, "");
    let (same, text, _) = site.ctl(&["doctor", "acme"]);
    assert_eq!(code, same, "{text}");
    for told in [&json, &text] {
        assert!(!told.contains(site.okta.token()), "the token is told");
    }
    let diagnosis: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&diagnosis["format_version"], &diagnosis["connector"]), (&1.into(), &"acme".into()));
    let checks = diagnosis["checks"].as_array().unwrap().clone();
    assert_eq!(
        text.lines().last().unwrap().split(',').next().unwrap(),
        format!("acme: {} checks", checks.len())
    );
    Told { code, text, checks }
}

#[test]
fn all_is_well_also_while_it_is_paused_or_busy() {
    let site = Site::with(&["acme"]);
    let daemon = site.start();
    let told = doctor(&site);
    assert_eq!((told.code, told.failed()), (0, vec![]), "{}", told.text);
    for (subject, name, words) in [
        ("connector", "configuration", "acme.yaml is in force"),
        ("connector", "state", "it runs and writes"),
        ("connector", "schedule", "it runs when asked"),
        ("source", "credential", "the API token can be read in the file "),
        ("source", "dns", "127.0.0.1"),
        ("source", "connection", " is reached"),
        ("source", "clock", " that of 127.0.0.1"),
        ("source", "sign_in", "as "),
        ("source", "rights", "administrator roles: "),
        ("source", "visibility", "users and groups can be seen"),
        ("source", "budget", "50% of each may be used"),
        ("target", "rights", "it may read its users"),
        ("host", "state_directory", "by the daemon's user only (0700)"),
        ("host", "connector_files", " has 1 connector files"),
    ] {
        let (verdict, seen) = told.one(subject, name);
        assert_eq!(verdict, "ok", "{seen}");
        assert!(seen.contains(words), "{seen}");
    }
    assert_eq!(told.one("source", "tls").0, "skipped");

    assert_eq!(site.ctl(&["pause", "acme"]).0, 0);
    let told = doctor(&site);
    assert_eq!((told.code, told.one("connector", "state").0), (0, "warning"));
    assert_eq!(site.ctl(&["resume", "acme"]).0, 0);

    // The run cannot end before it is cancelled.
    site.okta.fault(Fault::on(Route::Members).kind(FaultKind::Stall).times(1));
    let mut busy = daemon.begin_sync("acme");
    busy.until("started");
    let told = doctor(&site);
    assert_eq!(told.failed(), vec![], "{}", told.text);
    assert!(told.one("connector", "state").1.contains("busy at the moment"), "{}", told.text);
    assert_eq!(site.ctl(&["cancel", "acme"]).0, 0);
    assert_eq!(busy.finish()["outcome"], "cancelled");
}

#[test]
fn a_token_that_is_refused_or_open_to_others_is_told() {
    let site = Site::with(&["acme"]);
    let _daemon = site.start();
    fs::set_permissions(site.path("token"), fs::Permissions::from_mode(0o644)).unwrap();
    let told = doctor(&site);
    let (verdict, words) = told.one("source", "credential");
    assert_eq!((told.code, verdict), (0, "warning"));
    assert!(words.contains(&format!("chmod 600 {}]", site.path("token").display())), "{words}");

    fs::write(site.path("token"), "00wrongwrongwrongwrongwrongwrongwrongwrong").unwrap();
    let told = doctor(&site);
    let (verdict, words) = told.one("source", "sign_in");
    assert_eq!((told.code, verdict), (1, "failed"));
    assert!(
        words.contains("refused the API token in the file") && words.contains("make a new one"),
        "{words}"
    );
    assert!(!told.text.contains("00wrong"), "the token is told");
    assert_eq!(told.one("source", "clock").0, "ok", "a refusal says what time it is, too");

    fs::remove_file(site.path("token")).unwrap();
    let told = doctor(&site);
    assert_eq!((told.one("source", "credential").0, told.one("source", "sign_in").0), ("failed", "skipped"));
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let site = Site::with(&["acme"]);
    let _daemon = site.start();
    site.okta.move_clock(120);
    let told = doctor(&site);
    let (verdict, words) = told.one("source", "clock");
    assert_eq!((told.code, verdict), (0, "warning"), "{words}");
    site.okta.move_clock(3_600);
    let told = doctor(&site);
    let (verdict, words) = told.one("source", "clock");
    assert_eq!((told.code, verdict), (1, "failed"));
    assert!(words.contains("behind that of 127.0.0.1") && words.contains("timedatectl"), "{words}");
}

#[test]
fn a_host_that_is_not_there_is_told_and_nothing_more_is_asked() {
    let site = Site::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    site.write("acme", &site.connector("").replace(site.okta.url(), &address));
    let _daemon = site.start();
    let told = doctor(&site);
    assert_eq!(told.code, 1);
    let (verdict, words) = told.one("source", "connection");
    assert_eq!(verdict, "failed");
    assert!(words.contains("the connection was refused") && words.contains("firewall"), "{words}");
    assert_eq!((told.one("source", "tls").0, told.one("source", "sign_in").0), ("skipped", "skipped"));
    assert_eq!(told.one("target", "rights").0, "ok", "the other side is looked at all the same");
}

/// A server with TLS before the site's org, called by these names.
fn front(site: &Site, authority: &Authority, names: &[&str]) -> Front {
    let backend = site.okta.url().trim_start_matches("http://").parse().unwrap();
    let config = authority.server(names, (2090, 1, 1)).unwrap();
    site.runtime().block_on(Front::start(config, backend)).unwrap()
}

/// The same at an address of this host that counts as one of the outside and needs no name, with a connector that reads it.
fn front_outside(site: &Site) -> Front {
    let authority = Authority::new("Acme CA").unwrap();
    let front = front(site, &authority, &["0.0.0.0"]);
    let address = format!("https://0.0.0.0:{}", front.address().port());
    fs::write(site.path("ca.pem"), authority.pem()).unwrap();
    site.write("acme", &site.connector("tls: { ca: ../ca.pem }").replace(site.okta.url(), &address));
    front
}

#[test]
fn an_authority_of_ones_own_is_trusted_once_it_is_named_and_a_replaced_file_counts() {
    let site = Site::new();
    let authority = Authority::new("Acme CA").unwrap();
    let front = front(&site, &authority, &["127.0.0.1"]);
    let address = format!("https://{}", front.address());
    let connector = |more: &str| site.connector(more).replace(site.okta.url(), &address);
    site.write("acme", &connector(""));
    let daemon = site.start();
    let told = doctor(&site);
    let (verdict, words) = told.one("source", "tls");
    assert_eq!((told.code, verdict), (1, "failed"));
    assert!(words.contains("issued by CN=Acme CA") && words.contains("tls: { ca: FILE }"), "{words}");
    let report = daemon.sync("acme");
    assert!(report["error"].as_str().unwrap().contains("tls: { ca: FILE }"), "{report:#}");

    // What stands there at first is another authority; the file is replaced while the daemon runs.
    fs::write(site.path("ca.pem"), Authority::new("Another CA").unwrap().pem()).unwrap();
    site.write("acme", &connector("tls: { ca: ../ca.pem }"));
    assert_eq!(site.ctl(&["reload"]).0, 0);
    assert_eq!(doctor(&site).one("source", "tls").0, "failed");
    fs::write(site.path("ca.pem"), authority.pem()).unwrap();
    let told = doctor(&site);
    let (verdict, words) = told.one("source", "tls");
    assert_eq!((told.code, verdict, told.failed()), (0, "ok", vec![]), "{}", told.text);
    assert!(words.contains("certificate issued by CN=Acme CA, until 2090-01-01"), "{words}");
    assert_eq!(daemon.sync("acme")["outcome"], "success");

    fs::write(site.path("ca.pem"), "nothing").unwrap();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "failed");
    let error = report["error"].as_str().unwrap();
    assert!(error.contains("ca.pem (`tls.ca`) has no certificate in it"), "{error}");
}

#[test]
fn requests_go_through_the_proxy_of_the_environment_unless_the_host_is_exempt() {
    let site = Site::new();
    let front = front_outside(&site);
    let proxy = site.runtime().block_on(Proxy::start(Some(front.address()))).unwrap();
    let request = format!("CONNECT 0.0.0.0:{} HTTP/1.1", front.address().port());
    let secret = proxy.url().replace("http://", "http://me:s3cret@");
    {
        let daemon = site.start_in(&[("HTTPS_PROXY", &secret), ("NO_PROXY", "exempt.test")]);
        let told = doctor(&site);
        assert_eq!((told.code, told.failed()), (0, vec![]), "{}", told.text);
        for name in ["dns", "connection", "tls"] {
            let (verdict, words) = told.one("source", name);
            assert_eq!(verdict, "ok");
            assert!(words.contains(&proxy.url()), "{words}");
        }
        assert!(!told.text.contains("s3cret"), "the password of the proxy is told");
        let looked = proxy.asked().len();
        assert!(looked > 0);
        assert_eq!(daemon.sync("acme")["outcome"], "success");
        assert!(proxy.asked().iter().all(|asked| *asked == request), "{:?}", proxy.asked());
        assert!(!daemon.log().contains("s3cret"), "the password of the proxy is in the log");
    }
    let before = proxy.asked().len();
    let daemon = site.start_in(&[("HTTPS_PROXY", &secret), ("NO_PROXY", "exempt.test, 0.0.0.0")]);
    let told = doctor(&site);
    assert!(told.one("source", "dns").1.starts_with("0.0.0.0"), "{}", told.text);
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert_eq!(proxy.asked().len(), before, "nobody asked the proxy");
}

#[test]
fn a_proxy_of_socks_is_gone_through_too() {
    let site = Site::new();
    let front = front_outside(&site);
    let proxy = site.runtime().block_on(Proxy::start_socks(front.address())).unwrap();
    let daemon = site.start_in(&[("ALL_PROXY", &format!("socks5h://{}", proxy.address()))]);
    assert_eq!(daemon.sync("acme")["outcome"], "success");
    assert!(
        !proxy.asked().is_empty() && proxy.asked().iter().all(|asked| asked.ends_with(" 1")),
        "{:?}",
        proxy.asked()
    );
    let told = doctor(&site);
    assert_eq!((told.code, told.one("source", "tls").0), (0, "skipped"), "{}", told.text);
}

#[test]
fn who_is_unknown_or_has_no_good_file_is_told_so() {
    let site = Site::with(&["acme"]);
    site.write("broken", "source: { okta: {} }\n");
    let _daemon = site.start();
    let (code, told, messages) = site.ctl(&["doctor", "acm"]);
    assert_eq!((code, told.as_str()), (1, ""));
    assert!(messages.contains("there is no connector acm: did you mean acme?"), "{messages}");
    let (code, told, _) = site.ctl(&["doctor", "broken"]);
    assert_eq!(code, 1);
    assert!(told.contains("no good version of it was seen"), "{told}");
    assert!(told.contains("host       disk"), "{told}");
}
