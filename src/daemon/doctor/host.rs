//! This host: free space, the state directory, the control socket, the connector files.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, Gid, Group, Uid, access};

use crate::config::{connector_files, watch};
use crate::control::api::{Check, CheckName, Subject};
use crate::daemon::registry::Facts;

const SUBJECT: Subject = Subject::Host;

/// Less free space than this is warned of, in bytes.
const LITTLE: u64 = 1 << 30;
/// So is less than this, in hundredths of the file system.
const LITTLE_PERCENT: u64 = 5;
/// The files of both databases.
const DATABASES: [&str; 4] = ["state.db", "state.db-wal", "directory.db", "directory.db-wal"];

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    vec![disk(&facts.state), state_directory(&facts.state), socket(facts), files(&facts.connectors)]
}

fn disk(state: &Path) -> Check {
    let sizes = DATABASES.iter().filter_map(|name| std::fs::metadata(state.join(name)).ok());
    let used = sizes.map(|metadata| metadata.len()).sum();
    match statvfs(state) {
        Ok(system) => {
            let unit = system.fragment_size();
            let (free, all) = (system.blocks_available() * unit, system.blocks() * unit);
            space(state, used, free, all)
        }
        Err(error) => {
            let why = format!("the file system of {} cannot be looked at: {error}", state.display());
            Check::skipped(SUBJECT, CheckName::Disk, why)
        }
    }
}

/// Judges the space: used by the databases, free, and all there is, in bytes.
fn space(state: &Path, used: u64, free: u64, all: u64) -> Check {
    const NAME: CheckName = CheckName::Disk;
    let percent = free.saturating_mul(100).checked_div(all).unwrap_or_default();
    let seen = format!(
        "{} of {} free ({percent}%) at {}; the databases take {}",
        size(free),
        size(all),
        state.display(),
        size(used)
    );
    if free == 0 {
        return Check::failed(
            SUBJECT,
            NAME,
            seen,
            "Free space: nothing can be written down, so every run fails",
        );
    }
    if free < LITTLE || percent < LITTLE_PERCENT {
        let fix = "Free space before it runs out; `reports` in usersyncd.yaml says how long reports of runs are kept";
        return Check::warning(SUBJECT, NAME, seen, fix);
    }
    Check::ok(SUBJECT, NAME, seen)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

fn state_directory(state: &Path) -> Check {
    const NAME: CheckName = CheckName::StateDirectory;
    let shown = state.display();
    let us = Uid::effective();
    let metadata = match std::fs::metadata(state) {
        Ok(metadata) => metadata,
        Err(error) => {
            let fix = "Put the directory back from a backup, and restart the service (/usr/share/doc/usersyncd/operations.md)";
            return Check::failed(SUBJECT, NAME, format!("{shown} cannot be looked at: {error}"), fix);
        }
    };
    if let Err(error) = access(state, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK) {
        let fix =
            format!("Run: chown {us} {shown} && chmod 700 {shown}; and see whether it is mounted read-only");
        return Check::failed(SUBJECT, NAME, format!("{shown} cannot be written: {error}"), fix);
    }
    let (mode, owner) = (mode(&metadata), metadata.uid());
    if owner != us.as_raw() {
        let seen = format!("{shown} belongs to the user id {owner}, and the daemon runs as {us}");
        return Check::warning(SUBJECT, NAME, seen, format!("Run: chown {us} {shown}"));
    }
    if mode & 0o077 != 0 {
        let seen = format!(
            "{shown} can be entered by others (its mode is {mode:04o}): it has names of people in it"
        );
        return Check::warning(SUBJECT, NAME, seen, format!("Run: chmod 700 {shown}"));
    }
    Check::ok(SUBJECT, NAME, format!("{shown} can be written, and by the daemon's user only ({mode:04o})"))
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

fn socket(facts: &Facts) -> Check {
    const NAME: CheckName = CheckName::Socket;
    let (path, group) = (facts.socket.display(), &facts.group);
    // Whoever made the socket makes it anew.
    let anew = if facts.socket_is_inherited {
        format!(
            "Write `SocketMode=0660` and `SocketGroup={group}` below `[Socket]` (`systemctl edit usersyncd.socket`), then: systemctl \
             restart usersyncd.socket"
        )
    } else {
        "Restart the daemon, which makes it anew".to_owned()
    };
    let metadata = match std::fs::symlink_metadata(&facts.socket) {
        Ok(metadata) => metadata,
        Err(error) => {
            let fix =
                if facts.socket_is_inherited { "Run: systemctl restart usersyncd.socket" } else { &anew };
            return Check::warning(SUBJECT, NAME, format!("{path} cannot be looked at: {error}"), fix);
        }
    };
    let mode = mode(&metadata);
    if mode & 0o007 != 0 {
        let seen = format!("{path} can be opened by everybody on this host (its mode is {mode:04o})");
        return Check::warning(SUBJECT, NAME, seen, anew);
    }
    let Some(expected) = Group::from_name(group).ok().flatten() else {
        let seen =
            format!("{path}: this host has no group {group} (control.group), so nobody is let in by it");
        let fix = format!("To let others use it: groupadd --system {group}. {anew}");
        return Check::warning(SUBJECT, NAME, seen, fix);
    };
    if Gid::from_raw(metadata.gid()) != expected.gid || mode & 0o060 != 0o060 {
        let seen =
            format!("{path} is not open to the group {group} (mode {mode:04o}, group id {})", metadata.gid());
        return Check::warning(SUBJECT, NAME, seen, anew);
    }
    Check::ok(
        SUBJECT,
        NAME,
        format!("{path} is open to root, the daemon's user and the group {group} ({mode:04o})"),
    )
}

fn files(directory: &Path) -> Check {
    const NAME: CheckName = CheckName::ConnectorFiles;
    let found = match connector_files(directory) {
        Ok(found) => found.len(),
        Err(diagnostic) => {
            let fix = diagnostic.advice.unwrap_or_default();
            return Check::failed(
                SUBJECT,
                NAME,
                format!("{}: {}", directory.display(), diagnostic.message),
                fix,
            );
        }
    };
    let seen = format!("{} has {found} connector files", directory.display());
    match watch::can_watch(directory) {
        Ok(()) => Check::ok(SUBJECT, NAME, format!("{seen}, and changes are noticed at once")),
        Err(why) => Check::warning(
            SUBJECT,
            NAME,
            format!(
                "{seen}; it cannot be watched ({why}), so changes are noticed by the next look, within a minute"
            ),
            "Raise fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl), or reload after each change",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::control::api::Verdict;

    const GIB: u64 = 1 << 30;

    #[test]
    fn little_space_is_a_warning_and_none_a_failure() {
        let verdict = |free, all| space(Path::new("/s"), 2 << 20, free, all).verdict;
        assert_eq!(verdict(100 * GIB, 500 * GIB), Verdict::Ok);
        assert_eq!(verdict(GIB, 10 * GIB), Verdict::Ok);
        assert_eq!(verdict(GIB - 1, 10 * GIB), Verdict::Warning);
        assert_eq!(verdict(24 * GIB, 500 * GIB), Verdict::Warning);
        assert_eq!(verdict(0, 500 * GIB), Verdict::Failed);
        assert_eq!(
            space(Path::new("/s"), 2 << 20, 100 * GIB, 500 * GIB).seen,
            "100 GiB of 500 GiB free (20%) at /s; the databases take 2 MiB"
        );
    }

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_state_directory_is_for_the_daemon_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let judged = |mode| {
            with_mode(scratch.path(), mode);
            state_directory(scratch.path())
        };
        assert_eq!(judged(0o700).verdict, Verdict::Ok);
        let open = judged(0o755);
        assert_eq!(open.verdict, Verdict::Warning);
        assert_eq!(open.fix, Some(format!("Run: chmod 700 {}", scratch.path().display())));
        assert_eq!(state_directory(&scratch.path().join("absent")).verdict, Verdict::Failed);
        assert_eq!(disk(&scratch.path().join("absent")).verdict, Verdict::Skipped);
    }

    fn facts(socket: PathBuf, group: &str) -> Facts {
        Facts {
            started: chrono::DateTime::UNIX_EPOCH,
            config: PathBuf::new(),
            state: PathBuf::new(),
            metrics: None,
            connectors: PathBuf::new(),
            socket,
            group: group.to_owned(),
            socket_is_inherited: false,
        }
    }

    #[test]
    fn the_socket_is_for_its_group() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("control.sock");
        assert_eq!(socket(&facts(path.clone(), "root")).verdict, Verdict::Warning, "it is not there");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let own = Group::from_gid(Gid::from_raw(fs::metadata(&path).unwrap().gid())).unwrap().unwrap().name;
        for (mode, group, verdict) in [
            (0o660, own.as_str(), Verdict::Ok),
            (0o600, own.as_str(), Verdict::Warning),
            (0o666, own.as_str(), Verdict::Warning),
            (0o660, "no-such-group-here", Verdict::Warning),
        ] {
            with_mode(&path, mode);
            assert_eq!(socket(&facts(path.clone(), group)).verdict, verdict, "{mode:o} {group}");
        }
        with_mode(&path, 0o600);
        for (socket_is_inherited, fix) in [(true, "restart usersyncd.socket"), (false, "Restart the daemon")]
        {
            let judged = socket(&Facts { socket_is_inherited, ..facts(path.clone(), &own) });
            assert!(judged.fix.unwrap().contains(fix), "whoever made it makes it anew");
        }
    }

    #[test]
    fn the_connector_files_can_be_listed_and_watched() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("acme.yaml"), "").unwrap();
        let check = files(scratch.path());
        assert_eq!(check.verdict, Verdict::Ok);
        assert!(check.seen.ends_with(" has 1 connector files, and changes are noticed at once"), "{check:?}");
        assert_eq!(files(&scratch.path().join("absent")).verdict, Verdict::Failed);
    }
}
