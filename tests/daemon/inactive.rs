//! Who has not signed in for long is a leaver, and comes back by signing in.

use serde_json::json;

use crate::harness::Site;
use crate::people::{LONG_AGO, person, set};

#[test]
fn who_does_not_sign_in_is_disabled_and_comes_back_by_signing_in() {
    let site = Site::empty();
    let org = site.okta.org();
    let now = site.now();
    org.add_user(person("anna").last_login(now));
    let ben = org.add_user(person("ben").last_login(LONG_AGO));
    org.add_user(person("never").created(LONG_AGO).activated(LONG_AGO));
    org.add_user(person("new").created(LONG_AGO).activated(now));
    let eve = org.add_user(person("eve").last_login(LONG_AGO));
    site.add_group("board", &[&eve]);
    let name = |name: &str| format!("{name}@example.com");
    let inactive =
        |never| format!("inactive: {{ days: 90, never_signed_in: {never}, except_groups: [board] }}");
    site.write("acme", &site.connector(""));
    let daemon = site.start();
    assert_eq!(daemon.sync("acme")["counts"]["users"]["created"], 5);

    site.rewrite(&daemon, "acme", &inactive("disable"));
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(report["filtered"]["users"], json!({ "inactive": 2 }));
    assert_eq!(daemon.names(false), set([name("ben").as_str(), name("never").as_str()]));
    let why = daemon.operations(&report).remove("disable user ben@example.com");
    assert_eq!(why.as_deref(), Some("it has not signed in for longer than inactive allows"));

    org.set_last_login(&ben, Some(now));
    assert_eq!(daemon.sync("acme")["counts"]["users"]["updated"], 1);
    assert_eq!(daemon.names(false), set([name("never").as_str()]));
    site.rewrite(&daemon, "acme", &inactive("keep"));
    let report = daemon.sync("acme");
    assert_eq!(report["filtered"]["users"], json!({}), "{report:#}");
    assert_eq!(daemon.names(false), set([]), "who never signed in stays, unless one says otherwise");

    // The same guard as for any leaver: that nobody signs in any more disables nobody.
    for user in org.users() {
        org.set_last_login(&user.id, Some(LONG_AGO));
    }
    site.rewrite(&daemon, "acme", "inactive: { days: 90 }");
    let (code, report) = site.ctl_json(&["sync", "acme", "--wait"]);
    assert_eq!((code, &report["holds"][0]["kind"]), (5, &json!("leavers")), "{report:#}");
    assert_eq!(daemon.names(false), set([]));
}
