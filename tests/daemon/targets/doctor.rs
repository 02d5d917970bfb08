//! What `ctl doctor` says of a product, and that it writes nothing there.

use sandbox::product::{Fault, FaultKind};
use serde_json::Value;

use super::backend::{House, Kind};

/// The checks of the target: name, verdict, what was seen.
fn checks(diagnosis: &str) -> Vec<(String, String, String)> {
    let diagnosis: Value = serde_json::from_str(diagnosis).unwrap();
    let all = diagnosis["checks"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .filter(|check| check["subject"] == "target")
        .map(|check| (text(&check["name"]), text(&check["verdict"]), text(&check["seen"])))
        .collect()
}

pub(super) fn a_doctor_says_what_a_product_lets_the_daemon_do(kind: Kind) {
    let house = House::new(kind);
    let _daemon = house.start("");
    // No product of Atlassian is without groups.
    house.add_group_by_hand("staff", &[]);
    let changes = house.changes();
    let (code, told, messages) = house.site.ctl(&["doctor", "acme", "--json"]);
    assert_eq!(code, 0, "{told}{messages}");
    let seen = checks(&told);
    let verdict = |name: &str| {
        let found: Vec<&str> =
            seen.iter().filter(|(known, ..)| known == name).map(|(_, verdict, _)| verdict.as_str()).collect();
        found
    };
    // The secret of these tests is open to others.
    assert_eq!((verdict("credential"), verdict("dns")), (vec!["warning"], vec!["ok"]), "{seen:?}");
    assert_eq!((verdict("connection"), verdict("tls")), (vec!["ok"], vec!["skipped"]), "{seen:?}");
    assert_eq!(verdict("sign_in"), ["ok"], "{seen:?}");
    assert_eq!(verdict("rights")[0], "ok", "{seen:?}");
    assert_eq!(house.changes(), changes, "it wrote something");

    for (fault, words) in [
        (FaultKind::Status(401), "refused what is in the file"),
        (FaultKind::Status(403), "403"),
        (FaultKind::Maintenance, "Down for maintenance"),
    ] {
        let id = house.fault(Fault::on_any(fault));
        let (code, told, _) = house.site.ctl(&["doctor", "acme", "--json"]);
        assert!(house.met(id) > 0);
        house.clear_faults();
        let seen = checks(&told);
        let (_, verdict, text) = seen.iter().find(|(name, ..)| name == "sign_in").unwrap();
        assert_eq!((code, verdict.as_str()), (1, "failed"), "{seen:?}");
        assert!(text.contains(words), "{text}");
    }
}
