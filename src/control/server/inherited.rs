//! A control socket that systemd made and hands over (sd_listen_fds(3)), so that it outlives the daemon: who connects while
//! the daemon restarts waits instead of being refused.

use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

/// What the control socket is called among the sockets handed over: `FileDescriptorName=` of usersyncd.socket.
const NAME: &str = "control";

/// The control socket that systemd hands to this process; none if it hands over nothing. It knows sockets by their
/// names, not by their order.
///
/// To be called before any other thread runs: it takes the variables `LISTEN_*` out of the environment, so that no child
/// takes them for its own. The error is a sentence for an administrator.
pub fn inherited() -> Result<Option<UnixListener>, String> {
    let handed = sd_notify::listen_fds_with_names()
        .map_err(|error| format!("systemd hands over sockets in a way that is not understood: {error}"))?;
    let names: Vec<String> = handed.map(|(_, name)| name).collect();
    let Some(position) = position(&names)? else { return Ok(None) };
    let taken = ListenFd::from_env().take_unix_listener(position);
    taken.map_err(|error| {
        format!(
            "systemd hands over a socket called `{NAME}` that is no Unix stream socket ({error}): write \
             `ListenStream=/run/usersyncd/control.sock` in usersyncd.socket"
        )
    })
}

/// Where the control socket is among `names`. Anything else is a mistake in a socket unit: a socket that nobody serves
/// would keep its clients waiting for ever.
fn position(names: &[String]) -> Result<Option<usize>, String> {
    let strangers: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != NAME).collect();
    if !strangers.is_empty() {
        return Err(format!(
            "systemd hands over sockets called `{}`, and only `{NAME}` is known here: write `FileDescriptorName={NAME}` into \
             the socket unit",
            strangers.join("`, `")
        ));
    }
    match names {
        [] => Ok(None),
        [_] => Ok(Some(0)),
        [_, ..] => Err(format!(
            "systemd hands over {} sockets called `{NAME}`, and there can be one: leave one `ListenStream=` in the socket \
             unit",
            names.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(names: &[&str]) -> Result<Option<usize>, String> {
        position(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_socket_is_known_by_its_name() {
        assert_eq!(at(&[]), Ok(None));
        assert_eq!(at(&["control"]), Ok(Some(0)));
    }

    #[test]
    fn what_nobody_would_serve_is_refused() {
        let error = at(&["usersyncd.socket"]).unwrap_err();
        assert!(
            error.contains("`usersyncd.socket`") && error.contains("FileDescriptorName=control"),
            "{error}"
        );
        assert!(at(&["control", "metrics"]).unwrap_err().contains("`metrics`"));
        assert!(at(&["control", "control"]).unwrap_err().contains("2 sockets"));
    }
}
