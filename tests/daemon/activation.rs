//! A control socket that systemd makes: known by its name, and still there when the daemon is not.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::sys::signal::Signal;

use crate::harness::Site;

#[test]
fn the_socket_outlives_the_daemon_and_keeps_who_connects_meanwhile() {
    let site = Site::with(&["acme"]);
    let path = site.path("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut first = site.start_activated(&listener);
    assert_eq!(first.get("/v1/connectors/acme")["state"], "idle");
    first.signal(Signal::SIGTERM);
    assert_eq!(first.ended().code(), Some(0));

    // Nobody is there to answer; the kernel keeps the question for whoever comes next.
    let waiting = std::thread::scope(|scope| {
        let asked = scope.spawn(|| site.ctl(&["list"]));
        let second = site.start_activated(&listener);
        let answer = asked.join().unwrap();
        drop(second);
        answer
    });
    assert_eq!(waiting.0, 0, "{waiting:?}");
    assert!(waiting.1.contains("acme"), "{waiting:?}");
    assert!(path.exists(), "a killed daemon leaves the socket as well");
}

#[test]
fn who_asks_a_daemon_that_does_not_start_is_told_why() {
    let site = Site::with(&["acme"]);
    let listener = UnixListener::bind(site.path("control.sock")).unwrap();
    site.settings("nonsense: 1\n");
    let mut asking = UnixStream::connect(site.path("control.sock")).unwrap();
    asking.write_all(b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (code, said) = site.start_activated_in_vain(&listener, "control");
    assert_eq!(code, 78, "{said}");
    let mut told = String::new();
    asking.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert!(told.contains("the daemon does not start: ") && told.contains("nonsense"), "{told}");
}

#[test]
fn a_socket_of_another_name_is_refused_as_a_mistake_of_the_unit() {
    let site = Site::with(&["acme"]);
    let listener = UnixListener::bind(site.path("control.sock")).unwrap();
    let (code, said) = site.start_activated_in_vain(&listener, "usersyncd.socket");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("FileDescriptorName=control"), "{said}");
}

#[test]
fn a_socket_where_nobody_looks_for_it_is_warned_of() {
    let site = Site::with(&["acme"]);
    let listener = UnixListener::bind(site.path("elsewhere.sock")).unwrap();
    let daemon = site.start_activated(&listener);
    let log = daemon.log();
    assert!(log.contains("elsewhere.sock") && log.contains("ListenStream="), "{log}");
}
