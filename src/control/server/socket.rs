//! The socket file: bound, with its owner and mode, before anybody can see it; or taken over from systemd.

use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Group, chown};
use tokio::net::{UnixListener, UnixStream};

use crate::config::model::ControlSettings;

/// How long a listener on an existing socket file may take to accept before it counts as alive but stuck.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// A bound control socket. Dropping it takes the file away if it was made here, unless another process has put its own
/// there.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    own: Option<Own>,
}

/// A socket file that was made here: where, and its device and number.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    identity: (u64, u64),
}

impl Socket {
    /// Whether systemd made it.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.own.is_none()
    }

    /// The listener.
    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Some(Own { path, identity: made }) = &self.own else { return };
        if identity(path).is_ok_and(|found| found == *made)
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!("cannot remove the control socket {}: {error}", path.display());
        }
    }
}

/// Binds the control socket: mode 0660 for the configured group, or 0600 where this host has no such group (said once,
/// as a warning). A file that nobody listens on is replaced, a live one refused, anything but a socket left alone.
///
/// The socket is made in a directory that nobody else can enter and moved to its place when its mode and group are
/// right, so there is no moment at which others could connect, and no need to change the umask of the whole process.
///
/// The error is a sentence for an administrator. Must be called within a tokio runtime.
pub async fn bind(settings: &ControlSettings) -> Result<Socket, String> {
    let path = &settings.socket;
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        format!("cannot make the control socket {} (control.socket): {what}: {error}", path.display())
    };
    let (Some(directory), Some(_)) = (path.parent(), path.file_name()) else {
        return Err(failed("it must be a file in a directory", &"no file name"));
    };
    make_directory(directory)?;
    refuse_what_is_in_use(path).await?;
    let nursery = make_nursery(directory)
        .map_err(|error| failed(&format!("cannot make a directory in {}", directory.display()), &error))?;
    let made = bind_in(&nursery, settings).map_err(|error| failed("cannot bind", &error));
    let moved = made.and_then(|(listener, newborn)| {
        let identity = identity(&newborn).map_err(|error| failed("cannot look at it", &error))?;
        std::fs::rename(&newborn, path).map_err(|error| failed("cannot move it to its place", &error))?;
        Ok(Socket { listener, own: Some(Own { path: path.clone(), identity }) })
    });
    if let Err(error) = std::fs::remove_dir_all(&nursery) {
        tracing::warn!("cannot remove the directory {}: {error}", nursery.display());
    }
    moved
}

/// Serves a socket that systemd made: its place, mode and group are what the socket unit says, and it stays when the daemon
/// goes. One that lies elsewhere than `ctl` looks for it is warned of.
///
/// The error is a sentence for an administrator. Must be called within a tokio runtime.
pub fn take_over(
    inherited: std::os::unix::net::UnixListener,
    settings: &ControlSettings,
) -> Result<Socket, String> {
    let failed = |error: io::Error| {
        format!("the control socket that systemd hands over (usersyncd.socket) cannot be used: {error}")
    };
    let address = inherited.local_addr().map_err(failed)?;
    if address.as_pathname() != Some(&settings.socket) {
        tracing::warn!(
            "systemd hands over the control socket {}, and control.socket is {}, where nobody will listen: write the same \
             into `ListenStream=` of usersyncd.socket and into control.socket",
            address.as_pathname().unwrap_or(Path::new("(without a path)")).display(),
            settings.socket.display()
        );
    }
    if let Some(warning) = address.as_pathname().and_then(|path| of_another_group(path, &settings.group)) {
        tracing::warn!("{warning}");
    }
    inherited.set_nonblocking(true).map_err(failed)?;
    let listener = UnixListener::from_std(inherited).map_err(failed)?;
    Ok(Socket { listener, own: None })
}

/// The socket of a unit belongs to the group that the unit names, whatever `control.group` says: a sentence if these differ.
fn of_another_group(socket: &Path, group: &str) -> Option<String> {
    let owner = std::fs::metadata(socket).ok()?.gid();
    let wanted = Group::from_name(group).ok().flatten()?.gid.as_raw();
    (owner != wanted).then(|| {
        format!(
            "the control socket {} belongs to the group id {owner}, and the members of {group} (control.group) may not open it: write \
             `SocketGroup={group}` into usersyncd.socket (`systemctl edit usersyncd.socket`), and restart that",
            socket.display()
        )
    })
}

/// A package or systemd makes `/run/usersyncd`; where nobody did, one missing directory is made, but no whole path.
fn make_directory(directory: &Path) -> Result<(), String> {
    if directory.is_dir() {
        return Ok(());
    }
    std::fs::create_dir(directory)
        .and_then(|()| std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)))
        .map_err(|error| {
            format!(
                "cannot make the directory {} for the control socket: {error}. Make it yourself, or name another place \
                 in control.socket",
                directory.display()
            )
        })
}

/// Leaves alone what is not a stale socket. A stale one is overwritten later.
async fn refuse_what_is_in_use(path: &Path) -> Result<(), String> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("cannot look at the control socket {}: {error}", path.display())),
    };
    if !metadata.file_type().is_socket() {
        return Err(format!(
            "{} (control.socket) exists and is not a socket; it was left alone. Move it away, or name another place",
            path.display()
        ));
    }
    match tokio::time::timeout(CONNECT_TIME, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Err(format!(
            "the control socket {} belongs to somebody else, and it cannot be seen whether it is in use: {error}. Stop \
             the other daemon and remove the file, or name another place in control.socket",
            path.display()
        )),
        Ok(Ok(_) | Err(_)) | Err(_) => Err(format!(
            "another process listens on the control socket {}; two daemons cannot share it. Stop the other one, or name \
             another place in control.socket",
            path.display()
        )),
    }
}

/// A directory that only this user can enter, with a short name: paths of sockets may have 107 bytes (unix(7)).
fn make_nursery(directory: &Path) -> io::Result<PathBuf> {
    loop {
        let nursery = directory.join(format!(".{:06x}", fastrand::u32(..1 << 24)));
        match std::fs::DirBuilder::new().mode(0o700).create(&nursery) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|()| nursery),
        }
    }
}

/// Binds in the private directory, and sets group and mode.
fn bind_in(nursery: &Path, settings: &ControlSettings) -> io::Result<(UnixListener, PathBuf)> {
    let newborn = nursery.join("s");
    let listener = UnixListener::bind(&newborn)?;
    let mode = match give_to_group(&newborn, &settings.group) {
        Ok(()) => 0o660,
        Err(why) => {
            tracing::warn!(
                "{why}; only root and the daemon's own user may use the control socket (control.group)"
            );
            0o600
        }
    };
    std::fs::set_permissions(&newborn, std::fs::Permissions::from_mode(mode))?;
    Ok((listener, newborn))
}

fn give_to_group(socket: &Path, group: &str) -> Result<(), String> {
    let found =
        Group::from_name(group).map_err(|error| format!("the group {group} cannot be looked up: {error}"))?;
    let found = found.ok_or_else(|| format!("this host has no group {group}"))?;
    chown(socket, None, Some(found.gid))
        .map_err(|error| format!("the control socket cannot be given to the group {group}: {error}"))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(socket: PathBuf) -> ControlSettings {
        ControlSettings { socket, group: "no-such-group-here".to_owned() }
    }

    /// The names in a directory, hidden ones too.
    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn without_its_group_the_socket_is_for_the_own_user_alone_and_goes_with_its_owner() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        let socket = bind(&settings(path.clone())).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(scratch.path()), ["control.sock"]);
        UnixStream::connect(&path).await.unwrap();
        drop(socket);
        assert!(names(scratch.path()).is_empty());
    }

    #[tokio::test]
    async fn the_own_group_may_use_the_socket() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        let Some(own) = Group::from_gid(nix::unistd::Gid::effective()).unwrap() else {
            eprintln!("skipped: the group of this process has no name here");
            return;
        };
        let settings = ControlSettings { socket: path.clone(), group: own.name };
        let _socket = bind(&settings).await.unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.permissions().mode() & 0o777, metadata.gid()), (0o660, own.gid.as_raw()));
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let live = bind(&settings(path.clone())).await.unwrap();
        let error = bind(&settings(path.clone())).await.unwrap_err();
        assert!(error.contains("another process listens"), "{error}");
        UnixStream::connect(&path).await.unwrap();
        drop(live);
    }

    #[tokio::test]
    async fn what_is_not_a_socket_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        std::fs::write(&path, "precious").unwrap();
        let error = bind(&settings(path.clone())).await.unwrap_err();
        assert!(error.contains("is not a socket"), "{error}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn one_missing_directory_is_made_and_no_whole_path() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("usersyncd/control.sock");
        let _socket = bind(&settings(path)).await.unwrap();
        let error = bind(&settings(scratch.path().join("no/such/place.sock"))).await.unwrap_err();
        assert!(error.contains("cannot make the directory"), "{error}");
        assert!(!scratch.path().join("no").exists());
    }

    #[tokio::test]
    async fn a_socket_that_systemd_made_stays_when_the_daemon_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        let made = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let socket = take_over(made.try_clone().unwrap(), &settings(path.clone())).unwrap();
        let (_client, served) = tokio::join!(UnixStream::connect(&path), socket.listener().accept());
        served.unwrap();
        drop(socket);
        UnixStream::connect(&path).await.unwrap();
    }

    #[test]
    fn a_socket_that_systemd_made_for_another_group_is_warned_of() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        let _made = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let owner = std::fs::metadata(&path).unwrap().gid();
        let name = |gid| Group::from_gid(nix::unistd::Gid::from_raw(gid)).unwrap().unwrap().name;
        // Group 1 is there on every Linux (Filesystem Hierarchy, "User and group IDs").
        let other = name(if owner == 1 { 0 } else { 1 });
        let warning = of_another_group(&path, &other).unwrap();
        assert!(warning.contains(&format!("`SocketGroup={other}`")), "{warning}");
        assert_eq!(of_another_group(&path, &name(owner)), None);
        assert_eq!(of_another_group(&path, "no-such-group-here"), None);
    }

    #[tokio::test]
    async fn the_file_of_a_successor_is_not_taken_away() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        let old = bind(&settings(path.clone())).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let _new = bind(&settings(path.clone())).await.unwrap();
        drop(old);
        assert!(path.exists());
    }
}
