//! Reads a file that somebody else may have put there: never more than a limit, never from anything but a file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::diagnostic::{Diagnostic, Severity};
use super::text::{Complaint, Region, Text};

/// The largest file of configuration that is read, in bytes.
pub(super) const LARGEST_FILE: u64 = 1024 * 1024;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is not there.
    Missing,
    /// It is a symbolic link to something that is not there.
    Dangling(PathBuf),
    /// It is a directory.
    Directory,
    /// It is a device, a pipe or a socket.
    NotAFile,
    /// It has more bytes than this.
    TooLarge(u64),
    /// Anything else.
    Io(io::Error),
}

impl Unread {
    /// The sentence for it; `what` begins it and is the name of the file where that is not said otherwise.
    pub(super) fn complaint(&self, what: &str) -> Complaint {
        match self {
            Self::Missing => {
                Complaint::new(format!("{what} does not exist.")).advise("Check the path, or write the file.")
            }
            Self::Dangling(target) => Complaint::new(format!(
                "{what} is a symbolic link to {}, which does not exist.",
                target.display()
            ))
            .advise("Put the file there, or make the link point to the right place."),
            Self::Directory => Complaint::new(format!("{what} is a directory, not a file."))
                .advise("Move the directory away, or give it a name that does not end in .yaml."),
            Self::NotAFile => Complaint::new(format!("{what} is a device, a pipe or a socket, not a file."))
                .advise("Put an ordinary file there."),
            Self::TooLarge(most) => {
                Complaint::new(format!("{what} is larger than {} KiB and was not read.", most / 1024))
                    .advise("Check that it is the right file: it is expected to be small.")
            }
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => Complaint::new(format!(
                "{what} cannot be read: permission denied."
            ))
            .advise("Let the user that runs usersyncd read the file and enter each directory above it."),
            Self::Io(error) => Complaint::new(format!("{what} cannot be read: {error}.")),
        }
    }
}

/// The contents of the file at `path`, if they are at most `most` bytes. Never waits for a pipe.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unread> {
    // Opened before it is looked at, so that both concern the same file; without O_NONBLOCK a pipe would wait for a writer.
    let opened = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = opened.map_err(|error| unopened(path, error))?;
    let metadata = file.metadata().map_err(Unread::Io)?;
    if metadata.is_dir() {
        return Err(Unread::Directory);
    }
    if !metadata.is_file() {
        return Err(Unread::NotAFile);
    }
    if metadata.len() > most {
        return Err(Unread::TooLarge(most));
    }
    // One byte more than there should be, so that a file that grows is noticed and the buffer is never moved: it may
    // hold a secret, and a moved buffer leaves a copy behind.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.take(most + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    if bytes.len() as u64 > most {
        return Err(Unread::TooLarge(most));
    }
    Ok(bytes)
}

fn unopened(path: &Path, error: io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::NotFound => path.read_link().map_or(Unread::Missing, Unread::Dangling),
        io::ErrorKind::IsADirectory => Unread::Directory,
        // What opening a socket answers.
        _ if error.raw_os_error() == Some(nix::errno::Errno::ENXIO as i32) => Unread::NotAFile,
        _ => Unread::Io(error),
    }
}

/// SHA-256 in hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a configuration file, or what keeps it from being one. A byte order mark is taken off.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<String, Diagnostic> {
    let fault = |contents: &str, valid: &str, complaint: Complaint| {
        let text = Text::new(path, contents);
        let normal = valid.replace("\r\n", "\n").replace('\r', "\n");
        let last = normal.rsplit('\n').next().unwrap_or_default();
        let region = Region::at(normal.split('\n').count(), last.chars().count() + 1);
        text.diagnostic(Severity::Error, Some(region), complaint)
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let complaint = Complaint::new("The file is not valid UTF-8 from here on.")
                .advise("Save it as UTF-8; an editor may have written UTF-16 or Latin-1.");
            return Err(fault(&String::from_utf8_lossy(bytes), &valid, complaint));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_forbidden =
        |character: char| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}');
    if let Some((at, character)) = text.char_indices().find(|(_, character)| is_forbidden(*character)) {
        let complaint = Complaint::new(format!(
            "The file contains the control character U+{:04X}.",
            u32::from(character)
        ))
        .advise("Remove it, or write it as an escape within double quotes.");
        return Err(fault(text, &text[..at], complaint));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_limit_is_read_and_one_byte_more_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(matches!(read(&path, 4), Err(Unread::TooLarge(4))));
    }

    #[test]
    fn what_is_no_file_is_said_to_be_none() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert!(matches!(read(&at("absent"), 9), Err(Unread::Missing)));
        assert!(
            matches!(read(&at("dangling"), 9), Err(Unread::Dangling(target)) if target == Path::new("nowhere"))
        );
        assert!(matches!(read(directory.path(), 9), Err(Unread::Directory)));
        assert!(matches!(read(&at("pipe"), 9), Err(Unread::NotAFile)));
        assert!(matches!(read(&at("socket"), 9), Err(Unread::NotAFile)));
        assert!(matches!(read(Path::new("/dev/zero"), 9), Err(Unread::NotAFile)));
    }

    #[test]
    fn a_lack_of_permission_comes_with_advice() {
        let denied = Unread::Io(io::Error::from(io::ErrorKind::PermissionDenied)).complaint("The file");
        assert_eq!(denied.message, "The file cannot be read: permission denied.");
        assert!(denied.advice.unwrap().starts_with("Let the user that runs usersyncd read"));
    }

    #[test]
    fn what_is_no_text_is_pointed_at() {
        let fault = |bytes: &[u8]| decode(Path::new("x.yaml"), bytes).unwrap_err();
        let latin = fault(b"a: 1\nb: M\xfcller\n");
        assert_eq!((latin.line, latin.column), (2, 5));
        let null = fault("a: 1\r\nä: \0\n".as_bytes());
        assert_eq!((null.line, null.column), (2, 4));
        assert_eq!(null.message, "The file contains the control character U+0000.");
        let wide = fault(b"\xff\xfea\0");
        assert_eq!((wide.line, wide.column), (1, 1));
    }

    #[test]
    fn a_byte_order_mark_is_taken_off() {
        assert_eq!(decode(Path::new("x.yaml"), "\u{feff}a: 1".as_bytes()).unwrap(), "a: 1");
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
