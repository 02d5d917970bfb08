//! A file that is written whole or not at all, and that nobody else may read.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::exit::{Exit, Failure};
use crate::telemetry::escape::escape;

/// A file that is being written: beside its place, with mode 0600, until it is whole.
#[derive(Debug)]
pub(super) struct Draft {
    file: NamedTempFile,
    place: PathBuf,
    problem: Problem,
}

/// Says what could not be written, and where.
#[derive(Debug)]
struct Problem {
    what: &'static str,
    path: PathBuf,
}

impl Problem {
    fn failure(&self, error: &io::Error) -> Failure {
        let fix = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                "Make room there, or name a file elsewhere"
            }
            _ => "Name a file in a directory that you may write to, or - for standard output",
        };
        Failure::new(
            Exit::Failed,
            format!(
                "the {} could not be written to {}: {error}; nothing was written. {fix}",
                self.what,
                escape(&self.path.display().to_string())
            ),
        )
    }
}

impl Draft {
    /// Begins the file that is to be at `path`; `what` it is, for messages.
    ///
    /// An older file of that name is replaced in the end, through a link to it too. What is no ordinary file, such as a
    /// directory or `/dev/null`, is refused.
    pub(super) fn begin(path: &Path, what: &'static str) -> Result<Self, Failure> {
        let problem = Problem { what, path: path.to_owned() };
        let place = place(path).map_err(|error| problem.failure(&error))?;
        // The mode of what tempfile makes is 0600, whatever the umask.
        let file = tempfile::Builder::new()
            .prefix(".usersyncd-")
            .tempfile_in(directory(&place))
            .map_err(|error| problem.failure(&error))?;
        Ok(Self { file, place, problem })
    }

    /// Adds to it.
    pub(super) fn write(&mut self, contents: &[u8]) -> Result<(), Failure> {
        self.file.write_all(contents).map_err(|error| self.problem.failure(&error))
    }

    /// Puts it into its place, on the disk. A draft that is dropped instead leaves nothing.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self { file, place, problem } = self;
        file.as_file().sync_all().map_err(|error| problem.failure(&error))?;
        file.persist(&place).map_err(|error| problem.failure(&error.error))?;
        // The name too: until then, a power cut would bring the older file back. Not everybody may open a directory that they may
        // write to, and the file is there all the same.
        if let Ok(directory) = File::open(directory(&place)) {
            drop(directory.sync_all());
        }
        Ok(())
    }
}

/// Where a file lies.
fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Where the file is to be: what a link leads to, if it leads to a file.
fn place(path: &Path) -> io::Result<PathBuf> {
    match path.metadata() {
        Ok(known) if known.is_file() => path.canonicalize(),
        Ok(_) => Err(io::Error::other("it is there and no ordinary file")),
        // Nothing is there, or nobody may look: the attempt to write will say which.
        Err(_) => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
        let mut draft = Draft::begin(path, "page")?;
        draft.write(contents)?;
        draft.finish()
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_the_older_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("backup.tar");
        fs::write(&path, "older").unwrap();
        let mut draft = Draft::begin(&path, "backup").unwrap();
        draft.write(b"half of the new").unwrap();
        drop(draft);
        assert_eq!(fs::read_to_string(&path).unwrap(), "older");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_for_its_owner_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let (file, link) = (scratch.path().join("page.html"), scratch.path().join("link"));
        fs::write(&file, "older and longer").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        symlink("page.html", &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(link.is_symlink(), "the link is still one");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn who_has_no_room_is_told_to_make_some() {
        let problem = Problem { what: "backup", path: PathBuf::from("/mnt/b.tar") };
        let message = problem.failure(&io::ErrorKind::StorageFull.into()).message;
        assert!(
            message.ends_with("; nothing was written. Make room there, or name a file elsewhere"),
            "{message}"
        );
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [scratch.path(), &socket, &scratch.path().join("missing/page.html")] {
            let failure = write(path, b"new").unwrap_err();
            assert_eq!(failure.exit, Exit::Failed);
            let named = format!("could not be written to {}: ", path.display());
            assert!(failure.message.contains(&named), "{}", failure.message);
        }
        assert!(!socket.metadata().unwrap().is_file(), "the socket was replaced");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left");
    }
}
