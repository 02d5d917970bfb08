//! A backup of the state directory as one tar archive, made while the daemon works.

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use serde::Serialize;
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::io::ReaderStream;

use crate::control::fault::Fault;
use crate::control::server::Archive;
use crate::store::backup::{DIRECTORY, STATE};
use crate::sync::report::FORMAT_VERSION;
use crate::target::directory::Directory;

/// How the scratch directories of backups begin.
const SCRATCH: &str = ".backup-";
/// What the archive says about itself.
const MANIFEST: &str = "backup.json";
/// Tar archives consist of blocks of so many bytes, and end with two empty ones (POSIX.1-2017, pax, "ustar").
const BLOCK: u64 = 512;
/// How much is sent at once.
const CHUNK: usize = 64 * 1024;
/// How long a client may take none of it.
const LONGEST_STALL: Duration = Duration::from_secs(60);

/// What a backup is of.
#[derive(Serialize)]
struct Manifest<'a> {
    format_version: u32,
    version: &'a str,
    made: DateTime<Utc>,
}

/// Copies both databases of the state directory into it, and returns them as an archive that is sent while it is read. The
/// copies go when the archive was sent, or given up; `turn` is held until then.
pub(super) async fn make(
    state: PathBuf,
    directory: &Directory,
    now: DateTime<Utc>,
    turn: OwnedSemaphorePermit,
) -> Result<Archive, Fault> {
    let failed = |error: String| Fault::internal(format!("no backup was made: {error}"));
    let frozen = directory.freeze(&state).await.map_err(failed)?;
    // The turn goes with the copying, which goes on even if nobody waits for it any more.
    let copied = tokio::task::spawn_blocking(move || {
        room_for_copies(&state)?;
        let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&state);
        let scratch = scratch.map_err(|error| format!("{} cannot be written: {error}", state.display()))?;
        frozen.copy_to(scratch.path())?;
        Ok((scratch, turn))
    });
    let (scratch, turn) = copied
        .await
        .unwrap_or_else(|error| Err(format!("internal error, please report it: {error}")))
        .map_err(failed)?;
    archive(scratch, now, turn).await.map_err(|error| failed(error.to_string()))
}

/// Whether the copies fit beside the originals, with a tenth to spare: a full disk would stop every run.
fn room_for_copies(state: &Path) -> Result<(), String> {
    let size = |name: &str| {
        let of = |file: String| std::fs::metadata(state.join(file)).map_or(0, |metadata| metadata.len());
        // What stands in the log of a database only is copied too.
        of(name.to_owned()) + of(format!("{name}-wal"))
    };
    let wanted = (size(STATE) + size(DIRECTORY)) / 10 * 11;
    let file_system = nix::sys::statvfs::statvfs(state)
        .map_err(|error| format!("the free space of {} cannot be seen: {error}", state.display()))?;
    let free = file_system.blocks_available().saturating_mul(file_system.fragment_size());
    if free > wanted {
        return Ok(());
    }
    Err(format!(
        "its copies need {} MiB in {}, and {} MiB are free there. Make room and try again",
        wanted.div_ceil(1 << 20),
        state.display(),
        free >> 20
    ))
}

/// Takes away what a backup left that was under way when the daemon was killed.
pub(super) fn sweep(state: &Path) {
    for entry in std::fs::read_dir(state).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!("what is left of a backup cannot be removed, {}: {error}", entry.path().display());
        }
    }
}

async fn archive(scratch: TempDir, now: DateTime<Utc>, turn: OwnedSemaphorePermit) -> io::Result<Archive> {
    let manifest = Manifest { format_version: FORMAT_VERSION, version: env!("CARGO_PKG_VERSION"), made: now };
    let mut manifest = serde_json::to_vec(&manifest)?;
    manifest.push(b'\n');
    let size = manifest.len() as u64;
    let mut length = 2 * BLOCK;
    let mut whole: Box<dyn AsyncRead + Send + Unpin> =
        Box::new(member(MANIFEST, size, now, Cursor::new(manifest), &mut length)?);
    for name in [STATE, DIRECTORY] {
        let file = File::open(scratch.path().join(name)).await?;
        let size = file.metadata().await?.len();
        whole = Box::new(whole.chain(member(name, size, now, file, &mut length)?));
    }
    let whole = whole.chain(tokio::io::repeat(0).take(2 * BLOCK));
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(send(whole, sender, (scratch, turn)));
    let bytes = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let part = receiver.recv().await?;
        Some((part, receiver))
    });
    Ok(Archive { length, bytes: Box::pin(bytes) })
}

/// Hands the archive on until its end, or until nobody takes any of it for [`LONGEST_STALL`]: a stopped client must not keep the
/// place and the room of a backup for good. What is `kept` goes with the end.
async fn send<K>(archive: impl AsyncRead + Send + Unpin, sender: mpsc::Sender<io::Result<Bytes>>, kept: K) {
    let mut parts = ReaderStream::with_capacity(archive, CHUNK);
    while let Some(part) = parts.next().await {
        match sender.send_timeout(part, LONGEST_STALL).await {
            Ok(()) => {}
            Err(SendTimeoutError::Closed(_)) => break,
            Err(SendTimeoutError::Timeout(_)) => {
                tracing::warn!(
                    "a backup was given up: nobody took any of it for {} s",
                    LONGEST_STALL.as_secs()
                );
                break;
            }
        }
    }
    drop(kept);
}

/// A file of an archive: its header, its contents, and zeros up to the next block. Adds its length to that of the archive.
fn member<R: AsyncRead + Send + Unpin>(
    name: &str,
    size: u64,
    now: DateTime<Utc>,
    contents: R,
    length: &mut u64,
) -> io::Result<impl AsyncRead + Send + Unpin + use<R>> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(now.timestamp()).unwrap_or_default());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    let padding = size.next_multiple_of(BLOCK) - size;
    *length += BLOCK + size + padding;
    let head = Cursor::new(header.as_bytes().to_vec());
    Ok(head.chain(contents.take(size)).chain(tokio::io::repeat(0).take(padding)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use futures_util::TryStreamExt as _;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn an_archive_holds_both_databases_and_leaves_nothing_behind() {
        let state = tempfile::tempdir().unwrap();
        let _store = Store::open(state.path()).await.unwrap();
        let directory = Directory::open(state.path()).await.unwrap();
        let turns = Arc::new(Semaphore::new(1));
        let turn = Arc::clone(&turns).try_acquire_owned().unwrap();
        let now = "2026-11-23T03:00:00Z".parse().unwrap();
        let archive = make(state.path().to_owned(), &directory, now, turn).await.unwrap();
        assert_eq!(turns.available_permits(), 0, "one at a time");
        let (length, chunks) = (archive.length, archive.bytes);
        let bytes: Vec<u8> = chunks
            .try_fold(Vec::new(), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .unwrap();
        assert_eq!(bytes.len() as u64, length);
        let mut unpacked = tar::Archive::new(bytes.as_slice());
        let mut names = Vec::new();
        for entry in unpacked.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mode().unwrap(), 0o600);
            let name = entry.path().unwrap().display().to_string();
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            match name.as_str() {
                MANIFEST => assert!(String::from_utf8(contents).unwrap().contains("2026-11-23T03:00:00Z")),
                _ => assert!(contents.starts_with(b"SQLite format 3\0"), "{name}"),
            }
            names.push(name);
        }
        assert_eq!(names, [MANIFEST, STATE, DIRECTORY]);
        assert_eq!(turns.available_permits(), 1);
        let left = std::fs::read_dir(state.path()).unwrap().flatten();
        assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(SCRATCH)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_loses_its_place() {
        let (sender, receiver) = mpsc::channel(1);
        let kept = Arc::new(());
        send(tokio::io::repeat(0).take(1 << 20), sender, Arc::clone(&kept)).await;
        assert_eq!(Arc::strong_count(&kept), 1, "what was kept went, though the client is still there");
        drop(receiver);
    }

    #[test]
    fn what_a_killed_daemon_left_is_swept_and_nothing_else() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join(".backup-x")).unwrap();
        std::fs::write(state.path().join(".backup-x/state.db"), "half").unwrap();
        std::fs::write(state.path().join("state.db"), "all").unwrap();
        sweep(state.path());
        let names: Vec<_> =
            std::fs::read_dir(state.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["state.db"]);
    }
}
