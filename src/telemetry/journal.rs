//! The journal's own protocol (systemd's "Native Journal Protocol"): entries with fields, by which `journalctl` selects.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Where the journal listens on every host that has one.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// A way to the journal.
#[derive(Debug)]
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Finds the journal that listens at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        Ok(Self(socket))
    }

    /// Writes one entry. Names consist of capital letters, digits and underscores; values may be anything. An entry that is
    /// larger than a datagram may be (some 200 KiB) is an error.
    pub(super) fn send(&self, fields: &[(&str, &str)]) -> io::Result<()> {
        self.0.send(&entry(fields)).map(drop)
    }
}

/// Each field as its name, the length of its value in eight bytes, little endian, and the value: that form holds any value,
/// line feeds included.
fn entry(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    for (name, value) in fields {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_arrives_as_the_journal_reads_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("journal");
        let journal = UnixDatagram::bind(&path).unwrap();
        Journal::open(&path).unwrap().send(&[("PRIORITY", "6"), ("MESSAGE", "a\nPRIORITY=0")]).unwrap();
        let mut seen = [0; 128];
        let length = journal.recv(&mut seen).unwrap();
        let expected = b"PRIORITY\n\x01\0\0\0\0\0\0\x006\nMESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n";
        assert_eq!(&seen[..length], expected);
    }

    #[test]
    fn without_a_journal_there_is_no_way() {
        let scratch = tempfile::tempdir().unwrap();
        assert!(Journal::open(&scratch.path().join("journal")).is_err());
    }
}
