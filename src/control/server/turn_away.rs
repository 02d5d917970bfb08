//! A daemon that does not start says so to whoever waits at the socket that systemd keeps for it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use super::answer::status_of;
use super::request::LONGEST_BODY;
use crate::control::fault::Fault;

/// As many wait at most (`net.core.somaxconn`, and `Backlog=` of systemd.socket(5)).
const MOST_WAITING: usize = 4096;
/// How long one of them may take to send its request: it waits because it has sent it.
const PATIENCE: Duration = Duration::from_millis(100);
/// So many may take that long; nobody waits for further ones.
const MOST_SILENT: usize = 10;

/// Answers all who wait with 503 and `why`, whatever they ask, and returns when nobody waits any more.
///
/// Without this, systemd would start the daemon for each of them again and again, whatever its exit code (systemd.socket(5)).
/// Nothing here can fail in a way that anybody could mend.
pub fn turn_away(listener: &UnixListener, why: &str) {
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let fault = Fault::unavailable(why);
    let body = serde_json::to_string(&fault.body()).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        status_of(fault.kind),
        body.len()
    );
    let mut silent = 0;
    for _ in 0..MOST_WAITING {
        let Ok((client, _)) = listener.accept() else { return };
        let waits = silent < MOST_SILENT;
        // Whoever is gone needs no answer.
        let asked = tell(&client, &answer, waits).unwrap_or(true);
        silent += usize::from(!asked);
    }
}

/// Answers one, and says whether it had asked. `waits`: gives it the time to.
fn tell(mut client: &UnixStream, answer: &str, waits: bool) -> std::io::Result<bool> {
    client.set_nonblocking(!waits)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    // What is left unread when the connection closes would take the answer with it.
    let asked = client.read(&mut vec![0; 2 * LONGEST_BODY]).is_ok();
    client.write_all(answer.as_bytes())?;
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_answered_and_nobody_is_left_waiting() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mut silent: Vec<_> = (0..2 * MOST_SILENT).map(|_| UnixStream::connect(&path).unwrap()).collect();
        let gone = UnixStream::connect(&path).unwrap();
        drop(gone);
        let mut asking = UnixStream::connect(&path).unwrap();
        asking.write_all(b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        turn_away(&listener, "the settings are invalid");
        let mut answer = String::new();
        asking.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(
            answer.ends_with(r#""error":"unavailable","message":"the settings are invalid"}"#),
            "{answer}"
        );
        for silent in &mut silent {
            let mut answer = String::new();
            silent.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 503 "), "who asks late is told too: {answer}");
        }
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody is left");
    }
}
